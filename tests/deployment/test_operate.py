"""The commands of ``python -m local``, at work on an account in Azure."""

from pathlib import Path

import pytest

from local.__main__ import main
from local.platform import ACCOUNT
from tests.deployment.world import Deploying
from tests.infra.compiler import needs_compiler

pytestmark = [needs_compiler, pytest.mark.xdist_group("deployment")]


def test_a_blob_is_read_from_an_account_in_azure_by_the_login(
    deploying: Deploying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TLS, with a token: what the runbook tells people to do."""
    monkeypatch.setenv(ACCOUNT, deploying.storage.blob_url)
    deploying.blobs.upload("runs/smoke/one/smoke.json", [b"{}"])
    assert main(["get", "runs/smoke/one/smoke.json", str(tmp_path / "run.json")]) == 0
    assert (tmp_path / "run.json").read_bytes() == b"{}"


def test_an_account_that_is_no_address_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ACCOUNT, "stdata")
    assert main(["history", "phone"]) == 1
    assert "CAUCE_ACCOUNT: expected a blob endpoint, https://NAME.blob.core.windows.net, got 'stdata'" in (
        capsys.readouterr().out
    )

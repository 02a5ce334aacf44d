"""One cloud, one login and one storage account for all tests of deploying."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployment.certificates import Certificate, make_certificate
from tests.deployment.cloud import Cloud, running
from tests.deployment.login import identity, logged_in
from tests.deployment.secure_storage import SecureAzurite
from tests.deployment.world import Deploying

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


OPERATORS = "44444444-4444-4444-4444-444444444444"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def the_cloud(certificate: Certificate) -> Iterator[Cloud]:
    with running(certificate) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def login(
    the_cloud: Cloud, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    with identity() as tokens:
        yield logged_in(the_cloud, certificate, tokens, tmp_path_factory.mktemp("az"))


@pytest.fixture(scope="session")
def storage(certificate: Certificate) -> Iterator[SecureAzurite]:
    with SecureAzurite(certificate) as azurite:
        yield azurite


@pytest.fixture
def deploying(
    the_cloud: Cloud,
    login: Mapping[str, str],
    storage: SecureAzurite,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Deploying]:
    """A cloud in which nothing has happened yet, and a login to it."""
    for name, value in login.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALERT_EMAIL", "owner@example.com")
    monkeypatch.setenv("OPERATORS_ID", OPERATORS)
    for name in ("OPERATORS_TYPE", "SQL_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    fresh = Cloud(port=the_cloud.port)
    for name, value in vars(fresh).items():
        setattr(the_cloud, name, value)
    with Deploying(the_cloud, storage, tmp_path) as world:
        yield world

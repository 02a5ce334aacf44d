"""checkov has nothing against a deployment but what stands here, with the reason why it is left so.

It reads the deployment that the compiler evaluates: in the template itself, whose resources have names and whose
modules are nested, it finds neither a fault nor a resource, and passes it.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.snapshots import deployed
from local.bootstrap.tools import program

CHECKOV = program("checkov", "checkov")
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"

ALWAYS = {
    "CKV_AZURE_17": "client certificates would shut out Event Grid's webhook; who calls has a key",
    "CKV_AZURE_206": "asks for copies in a second region; a company's tables stay in theirs",
    "CKV_AZURE_212": "asks for a number of workers that a Flex Consumption plan does not have",
    "CKV_AZURE_213": "Flex Consumption has no health check",
    "CKV_AZURE_222": "Event Grid and Front Door reach no private endpoint; large refuses everybody else by rule",
    "CKV_AZURE_225": "one zone is what 15 people pay for; of the large one, the pipeline's work can wait for its zone",
}
SMALL = {
    "CKV_AZURE_59": "without a network of its own, storage is reached by identity over its public address",
    "CKV_AZURE_35": "the same",
    "CKV_AZURE_109": "the same, of the vault",
    "CKV_AZURE_189": "the same, of the vault",
}
LARGE = {
    "CKV_AZURE_23": "auditing is on, as a resource of its own, which checkov does not join with its server",
    "CKV_AZURE_24": "the audit goes to the workspace, and is kept as long as its logs",
    "CKV_AZURE_25": "Defender for SQL is billed by server, and switched on for a subscription: docs/security.md",
    "CKV_AZURE_26": "the same",
    "CKV_AZURE_27": "the same",
    "CKV2_AZURE_48": "the platform's keys encrypt the workspace's own files, which hold nothing of the company's",
}


def checked(size: str, folder: Path) -> dict[str, Any]:
    """What checkov has to say of a size."""
    # It takes a resource of app settings for a whole site; the policies look at those.
    resources = [one for one in deployed(size).resources if one["type"] != "Microsoft.Web/sites/config"]
    template = folder / "template.json"
    template.write_text(json.dumps({"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": resources}))
    words = [str(CHECKOV), "-f", str(template), "--framework", "arm", "--skip-download", "-o", "json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize(("size", "left"), [("small", ALWAYS | SMALL), ("large", ALWAYS | LARGE)])
def test_only_what_is_explained_is_left(size: str, left: dict[str, str], tmp_path: Path) -> None:
    report = checked(size, tmp_path)
    assert {check["check_id"] for check in report["results"]["failed_checks"]} == set(left)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] > 50
    assert report["summary"]["passed"] > 50

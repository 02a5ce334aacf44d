"""The sample app on the local host, started once for all tests that only look at it."""

from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.launch import RunningHost
from tests.functions.sample import App, make_app, pretend_missed


@pytest.fixture(scope="session")
def service(azurite: Azurite) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(azurite.connection_string, retry_total=0) as client:
        for name in ("azure-webjobs-hosts", "drops"):
            if not client.get_container_client(name).exists():
                client.create_container(name)
        yield client


@pytest.fixture(scope="session")
def sample_app(azurite: Azurite, service: BlobServiceClient, tmp_path_factory: pytest.TempPathFactory) -> App:
    """The app of most tests; its nightly timer missed two nights."""
    made = make_app(tmp_path_factory.mktemp("host") / "app", azurite, "everysecond", "nightly")
    made.environment["MISSED"] = pretend_missed(made, service, "nightly").isoformat()
    return made


@pytest.fixture(scope="session")
def sample_host(sample_app: App) -> Iterator[RunningHost]:
    with sample_app.start() as running:
        yield running

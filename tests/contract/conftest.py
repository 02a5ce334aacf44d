"""Every test of this folder that takes ``blobs`` runs on the fake and on Azurite."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from local.memory_blobs import MemoryBlobs
from shared.store.azure_blobs import AzureBlobs, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.azurite import Azurite
    from shared.store.blobs import Blobs


@pytest.fixture(scope="session")
def azure_blobs(azurite: Azurite) -> Iterator[AzureBlobs]:
    """The product's own way to the storage account."""
    made = connect(azurite.connection_string, None, None, patient=True)
    yield made
    made._service.close()


@pytest.fixture(params=["memory", "azurite"])
def blobs(request: pytest.FixtureRequest) -> Blobs:
    if request.param == "memory":
        return MemoryBlobs()
    made: AzureBlobs = request.getfixturevalue("azure_blobs")
    return made


@pytest.fixture
def container() -> str:
    """A container that no other test uses and that does not exist."""
    return f"c{uuid.uuid4().hex[:16]}"

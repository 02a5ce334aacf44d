"""What tests of all kinds share."""

from collections.abc import Iterator

import pytest

from local.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One storage account in memory for the whole session: use container and queue names of your own."""
    with Azurite() as running:
        yield running

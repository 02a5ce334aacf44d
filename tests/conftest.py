"""What tests of all kinds share."""

import logging
from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from tests.postgres import PostgreSQL


@pytest.fixture
def quiet() -> Iterator[None]:
    """Telling of thousands of failures would take longer than they do."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One storage account in memory for the whole session: use container and queue names of your own."""
    with Azurite() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """One database server for the whole session: use a database of your own; start a server of your own to kill it."""
    with PostgreSQL() as running:
        yield running

"""The compiler, started once for all tests of a worker."""

from collections.abc import Iterator

import pytest

from tests.infra.service import Service, serving


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    yield from serving()

"""Both packages, built once for all tests."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from infra.packaging.__main__ import build
from infra.packaging.apps import APPS
from tests.packages.lonely_host import host_folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """App to its zip."""
    folder = tmp_path_factory.mktemp("dist")
    return {name: build(app, folder) for name, app in APPS.items()}


@pytest.fixture(scope="session")
def unpacked(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """App to a folder with its zip unpacked and nothing else."""
    folder = tmp_path_factory.mktemp("wwwroot")
    for name, archive in built.items():
        with ZipFile(archive) as package:
            package.extractall(folder / name)
    return {name: folder / name for name in built}


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The local host and its own libraries."""
    return host_folder(tmp_path_factory.mktemp("host"))

"""What tests need beyond `make setup` is found where it is, and is otherwise had without a server being started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.bootstrap import __main__ as bootstrap
from local.bootstrap import debs, odbc, postgres
from local.bootstrap.commands import SetupError
from local.bootstrap.tools import set_up_tools

if TYPE_CHECKING:
    from pathlib import Path


def server(prefix: Path, version: str, *lines: str) -> Path:
    """Write the programs of a server that does what the lines say, where Debian would put them."""
    folder = prefix / "lib" / "postgresql" / version / "bin"
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (folder / name).write_text("\n".join(("#!/bin/sh", *lines, "")))
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace the folder of unpacked servers by an empty one, where this machine has no other."""
    real = postgres.newest_server
    folder = tmp_path / "postgres"
    monkeypatch.setattr(postgres, "POSTGRES", folder)
    monkeypatch.setattr(postgres, "newest_server", lambda prefix: real(prefix) if tmp_path in prefix.parents else None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    return folder


def test_setup_for_tests_takes_only_the_further_steps() -> None:
    assert bootstrap.steps(["--tests"]) == (postgres.set_up_postgres, set_up_tools)
    assert postgres.set_up_postgres not in bootstrap.steps([])


def test_the_newest_server_is_taken_by_number(tmp_path: Path) -> None:
    """As text, 9.6 would come after 15."""
    server(tmp_path, "9.6")
    newest = server(tmp_path, "15")
    server(tmp_path, "13")
    assert postgres.newest_server(tmp_path) == newest
    assert postgres.newest_server(tmp_path / "elsewhere") is None


def test_a_server_that_lacks_a_library_is_not_found(unpacked: Path) -> None:
    folder = server(unpacked / "usr", "15", "echo 'libicu.so.72: cannot open' >&2", "exit 127")
    assert postgres.find_server() is None
    assert "libicu.so.72: cannot open" in postgres.server_failure(folder)


def test_an_unpacked_server_finds_the_libraries_unpacked_with_it(unpacked: Path) -> None:
    libraries = unpacked / "usr" / "lib" / "x86_64-linux-gnu"
    folder = server(unpacked / "usr", "15", f'test "$LD_LIBRARY_PATH" = {libraries}')
    assert postgres.find_server() is None
    libraries.mkdir(parents=True)
    (libraries / "libicu.so.72").touch()
    assert postgres.find_server() == folder


def test_a_server_of_the_systems_needs_nothing_in_its_environment(tmp_path: Path) -> None:
    assert postgres.server_environment(tmp_path) == {}


def test_what_is_there_is_not_fetched_again(
    unpacked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server(unpacked / "usr", "15")
    monkeypatch.setattr(odbc, "driver_failure", lambda _: "")
    for module in (odbc, postgres):
        monkeypatch.setattr(module, "can_get_debs", lambda: pytest.fail("it looks for more"))
    postgres.set_up_postgres()
    assert capsys.readouterr().out.count("already there") == 2


def test_without_apt_the_error_names_what_is_missing(unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (odbc, postgres):
        monkeypatch.setattr(module, "can_get_debs", lambda: False)
    monkeypatch.setattr(odbc, "driver_failure", lambda _: "No such driver.")
    with pytest.raises(SetupError, match=r"No such driver\.\n.*PostgreSQL Unicode"):
        postgres.set_up_postgres()
    monkeypatch.setattr(odbc, "driver_failure", lambda _: "")
    with pytest.raises(SetupError, match="`initdb` and `postgres` were not found"):
        postgres.set_up_postgres()


def test_the_machines_own_choice_about_clusters_is_kept(tmp_path: Path) -> None:
    """Debian's packages would make a database and start it; where nothing is said yet, we ask them not to."""
    settings = tmp_path / "postgresql-common" / "createcluster.conf"
    postgres.want_no_cluster(settings)
    assert settings.read_text().endswith("create_main_cluster = false\n")
    settings.write_text("mine")
    postgres.want_no_cluster(settings)
    assert settings.read_text() == "mine"


def test_compilers_are_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    def plan(*command: str, **_: Path) -> str:
        commands.append(command)
        return "Inst libllvm14 (1)\nInst libpq5 (15)\nInst postgresql-15 (15)\n"

    monkeypatch.setattr(debs, "run", plan)
    debs.download_debs(tmp_path, ("postgresql",))
    assert commands[1] == ("apt-get", "download", "libpq5", "postgresql-15")


def test_a_driver_unpacked_before_is_unpacked_again_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is made anew, and `make demo` must go on to work after `make test`."""
    asked: list[str] = []
    monkeypatch.setattr(odbc, "ODBC", tmp_path)
    monkeypatch.setattr(odbc, "unpack_debs", lambda _, *packages: asked.extend(packages))
    monkeypatch.setattr(odbc, "link_odbc", lambda: None)
    odbc.unpack_drivers(odbc.POSTGRESQL)
    (tmp_path / odbc.SQLITE.library).touch()
    odbc.unpack_drivers(odbc.POSTGRESQL)
    assert asked == ["libodbc2", "odbc-postgresql", "libodbc2", "libsqliteodbc", "odbc-postgresql"]


def test_an_unpacked_driver_is_registered_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odbc, "ODBC", tmp_path)
    library = tmp_path / "usr" / odbc.POSTGRESQL.library
    library.parent.mkdir()
    library.touch()
    assert odbc.registration(odbc.POSTGRESQL) == f"[PostgreSQL Unicode]\nDriver={library}\n\n"
    nowhere = odbc.Driver("None", "none", "libnone.so", "")
    assert odbc.registration(nowhere) == ""


def test_a_driver_that_is_not_there_fails_its_trial() -> None:
    """As PostgreSQL's does not where nobody answers: that is for the driver itself to say."""
    trial = odbc.POSTGRESQL.trial.replace("PostgreSQL Unicode", "No Such Driver")
    missing = odbc.Driver("No Such Driver", "none", "libnone.so", trial)
    assert "[Driver Manager]" in odbc.driver_failure(missing)
    assert odbc.driver_failure(odbc.POSTGRESQL) == ""

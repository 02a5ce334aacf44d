"""Set-up chooses an interpreter that runs, fetches nothing twice, and says what went wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.bootstrap import __main__ as bootstrap
from local.bootstrap import debs, interpreter, odbc
from local.bootstrap.commands import SetupError, run

ROOT = Path(__file__).resolve().parents[2]


def script(path: Path, *lines: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace PATH and HOME by empty folders, and take pyenv away."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    return tmp_path


def test_a_shim_that_does_not_run_is_passed_over(environment: Path) -> None:
    """pyenv puts python3.13 on PATH even where that version is not the chosen one."""
    script(environment / "bin" / "python3.13", "echo 'pyenv: python3.13: command not found' >&2", "exit 127")
    good = script(environment / "home/.pyenv/versions/3.13.2/bin/python", "echo 3.13.2")
    assert interpreter.find_python() == good


def test_the_first_313_on_path_comes_before_pyenv(environment: Path) -> None:
    """What the user put on PATH wins, under either name."""
    script(environment / "home/.pyenv/versions/3.13.2/bin/python", "echo 3.13.2")
    on_path = script(environment / "bin" / "python3", "echo 3.13.0")
    assert interpreter.find_python() == on_path


def test_pyenv_interpreters_come_newest_first_and_without_variants(tmp_path: Path) -> None:
    """3.13.10 is newer than 3.13.9; free-threaded builds and environments are left out."""
    for name in ("3.13.9", "3.13.10", "3.13.2t", "3.12.1", "3.13.9-env"):
        (tmp_path / "versions" / name).mkdir(parents=True)
    found = [path.parent.parent.name for path in interpreter.pyenv_pythons(tmp_path)]
    assert found == ["3.13.10", "3.13.9"]


def test_pyenv_is_looked_for_behind_its_shims_too(tmp_path: Path) -> None:
    """With an empty environment, PATH may be all that tells where pyenv is."""
    environment = {"PYENV_ROOT": "/named", "PATH": "/usr/bin:/elsewhere/shims:/named/shims"}
    roots = interpreter.pyenv_roots(environment, tmp_path)
    assert roots == [Path("/named"), tmp_path / ".pyenv", Path("/elsewhere")]


@pytest.mark.parametrize("answer", ["echo 3.12.9", "echo 3.130.0", "exit 1", "echo"])
def test_only_a_running_313_is_usable(tmp_path: Path, answer: str) -> None:
    """Another version, an error or silence is not a Python 3.13."""
    assert interpreter.usable_version(script(tmp_path / "python", answer)) is None


def test_this_interpreter_is_usable() -> None:
    """The real probe runs in a real interpreter."""
    version = interpreter.usable_version(Path(sys.executable))
    assert version is not None
    assert version.startswith("3.13.")


def test_without_any_python_the_error_tells_what_was_tried(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the interpreters passed over, the reason uv gave and what to do."""
    old = script(environment / "bin" / "python3", "echo 3.11.2")
    script(environment / "bin" / "uv", "echo 'no network' >&2", "exit 2")
    with pytest.raises(SetupError) as caught:
        interpreter.find_python()
    assert all(part in str(caught.value) for part in (str(old), "no network", "Install Python 3.13"))


def test_uv_installs_python_when_it_finds_none(environment: Path) -> None:
    """uv is asked for one it knows, then to download one, then again."""
    there = environment / "installed"
    script(
        environment / "bin" / "uv",
        f'if [ "$2" = install ]; then : > {there}; exit 0; fi',
        f"[ -e {there} ] && echo /uv/python3.13",
    )
    assert interpreter.python_from_uv() == Path("/uv/python3.13")


def test_a_stamp_holds_until_a_requirement_changes(tmp_path: Path) -> None:
    """The stamp of the packages is the hash of the requirement files."""
    requirements, stamp = tmp_path / "requirements.txt", tmp_path / "stamp"
    requirements.write_text("numpy==1\n")
    before = bootstrap.fingerprint([requirements])
    assert not bootstrap.stamped(stamp, before)
    stamp.write_text(before)
    assert bootstrap.stamped(stamp, bootstrap.fingerprint([requirements]))
    requirements.write_text("numpy==2\n")
    assert not bootstrap.stamped(stamp, bootstrap.fingerprint([requirements]))


def test_settings_of_the_user_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is copied once and never over what is there."""
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    (tmp_path / "local.settings.example.json").write_text("{}")
    bootstrap.set_up_settings()
    (tmp_path / "local.settings.json").write_text("mine")
    bootstrap.set_up_settings()
    assert (tmp_path / "local.settings.json").read_text() == "mine"


def test_a_failed_step_ends_setup_with_its_message_and_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The user sees the reason, not a stack."""

    def fail() -> None:
        message = "No such luck."
        raise SetupError(message)

    monkeypatch.setattr(bootstrap, "LOCAL", tmp_path / ".local")
    monkeypatch.setattr(bootstrap, "set_up_python", fail)
    assert bootstrap.main() == 1
    assert capsys.readouterr().err == "Set-up stopped. No such luck.\n"


def test_a_command_that_fails_shows_its_last_lines() -> None:
    """Output is kept quiet until it is needed."""
    with pytest.raises(SetupError, match="ended with code 3:\n  why"):
        run("sh", "-c", "echo why >&2; exit 3")


def test_a_command_that_is_not_there_is_a_setup_error() -> None:
    """A missing program is told like any other failure."""
    with pytest.raises(SetupError, match="did not run"):
        run("/no/such/program")


def test_apts_plan_tells_which_packages_are_missing() -> None:
    """Only the lines about what would be unpacked count."""
    plan = "NOTE: a simulation\nInst libltdl7 (2.4 Debian:12 [amd64])\nInst libodbc2 (2.3)\nConf libodbc2 (2.3)\n"
    assert debs.packages_to_install(plan) == ["libltdl7", "libodbc2"]


def test_the_startup_line_names_the_drivers_folder_and_survives_its_removal(tmp_path: Path) -> None:
    """It runs each time Python starts, so a folder that was deleted may not break that."""
    line = odbc.startup_line(tmp_path, [tmp_path / "libgone.so.1"])
    script_text = f"{line}print(os.environ['ODBCSYSINI'])"
    shown = subprocess.run([sys.executable, "-c", script_text], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == str(tmp_path)
    assert "\n" not in line.rstrip("\n")


def test_a_file_that_is_no_library_is_left_out_of_the_load_order(tmp_path: Path) -> None:
    """What cannot be loaded must not be loaded at each start."""
    broken = tmp_path / "libbroken.so.1"
    broken.write_text("not a library")
    assert odbc.in_load_order([broken]) == []


@pytest.mark.parametrize("target", ["help", "setup", "demo", "up", "test", "lint", "types", "format", "clean"])
def test_make_lists_every_command(target: str) -> None:
    """`make` alone tells what there is."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    listing = subprocess.run([make, "-C", str(ROOT)], capture_output=True, text=True, check=True, env=os.environ)
    assert f"make {target} " in listing.stdout

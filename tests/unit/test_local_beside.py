"""``python -m local canary`` and ``shadow``."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

import pytest

from local import beside
from local.__main__ import main
from local.beside import share
from local.memory_blobs import MemoryBlobs
from shared.settings import Settings
from shared.store import names
from shared.store.registry import GRAPH_FILE, Registry
from tests.tiny_versions import INPUTS, MODEL, promote, register, serve

if TYPE_CHECKING:
    from shared.store.records import Beside, Champion, Version

ROLES = pytest.mark.parametrize("role", ["canary", "shadow"])


class Desk:
    """Somebody at the command line, and the blobs of a platform that runs."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.blobs = MemoryBlobs()
        self.registry = Registry(self.blobs)
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code and what was printed, on one line."""
        code = main([*arguments])
        return code, " ".join(self._capsys.readouterr().out.split())

    def champion(self) -> Champion:
        serving = self.registry.champion(MODEL)
        assert serving is not None
        return serving.champion

    def part(self, role: str) -> Beside | None:
        part: Beside | None = getattr(self.champion(), role)
        return part


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(capsys)
    running = type("Running", (), {"blobs": made.blobs})()
    monkeypatch.setattr(beside, "attach", lambda: running)
    monkeypatch.setattr("local.__main__.attach", lambda: running)
    monkeypatch.setattr(beside, "local_settings", Settings)
    monkeypatch.setattr("local.__main__.local_settings", Settings)
    return made


def two(desk: Desk, **how: Any) -> tuple[Version, Version]:
    return serve(desk.registry, 1), register(desk.registry, 2, **how)


@ROLES
def test_a_version_is_set_told_and_logged(desk: Desk, role: str) -> None:
    champion, other = two(desk)
    code, told = desk.run(role, MODEL, other.version, "--share", "20%", "--why", "a first look")
    assert code == 0
    assert f"{MODEL}: {other.version} " in told
    assert f"0.2 of the rows beside {champion.version}" in told
    part = desk.part(role)
    assert part is not None
    assert (part.version, part.share) == (other.version, 0.2)
    entry = desk.registry.history(MODEL)[-1]
    assert (entry.action, entry.version, entry.share, entry.why) == (f"{role} set", other.version, 0.2, "a first look")
    assert names.parse_stamp(part.since) == names.parse_stamp(entry.at)
    assert f"{role} set to 0.2" in desk.run("history", MODEL)[1]


@ROLES
def test_without_a_share_it_is_a_tenth(desk: Desk, role: str) -> None:
    _, other = two(desk)
    assert desk.run(role, MODEL, other.version)[0] == 0
    part = desk.part(role)
    assert part is not None
    assert part.share == 0.1


@ROLES
def test_it_is_ended(desk: Desk, role: str) -> None:
    _, other = two(desk)
    desk.run(role, MODEL, other.version)
    code, told = desk.run(role, MODEL, "--off")
    assert (code, f"{other.version} is the {role} no more" in told, desk.part(role)) == (0, True, None)
    assert desk.registry.history(MODEL)[-1].action == f"{role} ended"
    code, told = desk.run(role, MODEL, "--off")
    assert (code, f"there is no {role} to end" in told) == (1, True)


@ROLES
@pytest.mark.parametrize("arguments", [[], ["20240101T000002Z-00000000", "--off"]])
def test_a_version_or_the_end_is_asked_for(desk: Desk, role: str, arguments: list[str]) -> None:
    serve(desk.registry, 1)
    code, told = desk.run(role, MODEL, *arguments)
    assert (code, f"expected a version, or --off to end the {role}" in told) == (1, True)


@ROLES
@pytest.mark.parametrize("text", ["0", "0%", "-5%", "101%", "1.1", "twenty", "20%%", "%", "", "nan", "inf"])
def test_a_share_that_is_none_is_refused(desk: Desk, role: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([role, MODEL, "V", f"--share={text}"])
    assert ended.value.code == 2
    assert "expected a share above 0 and up to 1, or up to 100%" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "value"), [("20%", 0.2), ("0.2", 0.2), (" 100% ", 1.0), ("1", 1.0), ("0.5%", 0.005)])
def test_shares_are_written_as_people_write_them(text: str, value: float) -> None:
    assert share(text) == pytest.approx(value)


def test_a_share_is_told_to_be_wrong_by_an_error_that_the_parser_knows() -> None:
    with pytest.raises(ArgumentTypeError):
        share("half")


@ROLES
def test_what_is_not_whole_or_does_not_fit_takes_no_part(desk: Desk, role: str) -> None:
    champion, other = two(desk)
    narrow = register(desk.registry, 3, INPUTS[1:3])
    wide = register(desk.registry, 4, (*INPUTS, INPUTS[0].__class__("wind", "number")))
    no_graph = register(desk.registry, 5, content=b"no graph")
    desk.blobs.write(names.version_file(MODEL, other.version, GRAPH_FILE), b"another")
    for version, reason in (
        (other.version, "the sha256 differs"),
        (wide.version, "it needs 'wind', which no request brings"),
        (no_graph.version, "is not a graph"),
        (champion.version, "serves already"),
        ("20300101T000000Z-00000000", "does not exist"),
        ("../phone", "is no version"),
    ):
        code, told = desk.run(role, MODEL, version)
        assert (code, reason in told) == (1, True), told
    assert desk.part(role) is None
    assert len(desk.registry.history(MODEL)) == 1
    assert desk.run(role, MODEL, narrow.version)[0] == 0


def test_beside_no_champion_nothing_takes_part(desk: Desk) -> None:
    version = register(desk.registry, 1)
    code, told = desk.run("canary", MODEL, version.version)
    assert (code, "no version serves yet" in told) == (1, True)


def test_a_champion_that_moves_meanwhile_is_told_of(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    _, other = two(desk)
    third = register(desk.registry, 3)
    write = desk.blobs.write

    def overtaken(name: str, data: bytes, **condition: Any) -> str:
        monkeypatch.setattr(desk.blobs, "write", write)
        promote(desk.registry, third)
        return write(name, data, **condition)

    monkeypatch.setattr(desk.blobs, "write", overtaken)
    code, told = desk.run("canary", MODEL, other.version)
    assert (code, "champion.json moved at this very moment" in told) == (1, True)
    assert (desk.champion().version, desk.part("canary")) == (third.version, None)


@ROLES
def test_an_unknown_model_is_told_with_those_that_there_are(desk: Desk, role: str) -> None:
    code, told = desk.run(role, "strangers", "20300101T000000Z-00000000")
    assert (code, "there is no model 'strangers'" in told) == (1, True)

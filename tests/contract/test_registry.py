"""Models, their versions, and which of them serves; on the fake and on Azurite."""

from __future__ import annotations

import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from shared.errors import BlobConflict, BlobMissing, StoreUnavailable, VersionError
from shared.store import names
from shared.store.records import Beside, HistoryEntry, Version, to_json
from shared.store.registry import CARD_FILE, GRAPH_FILE, VERSION_FILE, Registry
from tests.tiny_versions import make

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.store.blobs import Blobs
    from shared.store.registry import Role


class Dying:
    """A store that fails for good at its ``at``-th write or append, as a process that is killed there."""

    def __init__(self, blobs: Blobs, at: int) -> None:
        self._blobs = blobs
        self._left = at

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._blobs, name)
        if name not in {"write", "append"}:
            return method

        def write(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left <= 0:
                message = "killed"
                raise StoreUnavailable(message)
            return method(*args, **kwargs)

        return write


@pytest.fixture
def registry(blobs: Blobs) -> Registry:
    return Registry(blobs)


@pytest.fixture
def model() -> str:
    """A model that no other test uses."""
    return f"m-{uuid.uuid4().hex[:12]}"


def tiny(model: str, number: int = 1) -> tuple[Version, dict[str, bytes]]:
    """A whole version, whose files are not worth running."""
    version, files = make(number, content=f"graph {number}".encode())
    files[CARD_FILE] = card = f"card {number}".encode()
    hashes = {**version.files, CARD_FILE: hashlib.sha256(card).hexdigest()}
    return msgspec.structs.replace(version, model=model, files=hashes), files


def entry(version: str, previous: str | None = None, **changes: Any) -> HistoryEntry:
    fields = {"at": "20260101T000000Z", "action": "promoted", "why": "better", "who": "a test", **changes}
    return HistoryEntry(version=version, previous=previous, **fields)


def promoted(registry: Registry, model: str, *numbers: int) -> list[str]:
    """Register versions and let one after the other serve."""
    made: list[str] = []
    for number in numbers:
        version, files = tiny(model, number)
        registry.register(version, files)
        previous = made[-1] if made else None
        moment = f"2026010{number}T000000Z"
        registry.promote(model, entry(version.version, previous, at=moment), registry.champion(model))
        made.append(version.version)
    return made


def serving(registry: Registry, model: str) -> tuple[str, str | None]:
    """The version that serves, and the one before it."""
    champion = registry.champion(model)
    assert champion is not None
    return champion.champion.version, champion.champion.previous


def roll_back(registry: Registry, model: str, to: str | None = None, at: str = "20260201T000000Z") -> HistoryEntry:
    return registry.roll_back(model, to=to, at=at, why="a bad week", who="marta")


def actions(registry: Registry, model: str) -> list[tuple[str, str]]:
    return [(line.action, line.version) for line in registry.history(model)]


# Versions


def test_a_version_is_read_as_it_was_registered(registry: Registry, model: str) -> None:
    version, files = tiny(model)
    registry.register(version, files)
    assert registry.version(model, version.version) == version
    assert registry.readable(model, version.version) == version
    assert {file: registry.file(version, file) for file in version.files} == files


def test_registering_twice_changes_nothing(registry: Registry, blobs: Blobs, model: str) -> None:
    version, files = tiny(model)
    assert registry.register(version, files) == version
    before = list(blobs.list(f"models/{model}/"))
    assert registry.register(version, files) == version
    assert list(blobs.list(f"models/{model}/")) == before
    assert len(before) == 3


@pytest.mark.parametrize("file", [GRAPH_FILE, CARD_FILE])
def test_another_file_under_the_same_name_is_refused(registry: Registry, model: str, file: str) -> None:
    version, files = tiny(model)
    registry.register(version, files)
    other = msgspec.structs.replace(version, files={**version.files, file: hashlib.sha256(b"other").hexdigest()})
    with pytest.raises(VersionError, match=rf"has another {file} already; a version never changes"):
        registry.register(other, {**files, file: b"other"})
    assert registry.version(model, version.version) == version
    assert registry.file(version, file) == files[file]


def test_files_that_are_not_those_of_the_record_make_no_version(registry: Registry, model: str) -> None:
    version, files = tiny(model)
    with pytest.raises(VersionError):
        registry.register(version, {**files, CARD_FILE: b"other"})
    assert registry.readable(model, version.version) is None


def test_the_first_record_stands_where_the_same_files_come_with_another(registry: Registry, model: str) -> None:
    version, files = tiny(model)
    registry.register(version, files)
    assert registry.register(msgspec.structs.replace(version, title="Other"), files) == version
    assert registry.version(model, version.version) == version


def test_the_first_file_stands_and_is_what_later_runs_get(registry: Registry, model: str) -> None:
    kept = [registry.keep(model, "v", GRAPH_FILE, data) for data in (b"first", b"second", b"first")]
    assert kept == [b"first"] * 3


def test_of_files_kept_at_once_all_runs_get_the_same(registry: Registry, model: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda number: registry.keep(model, "v", GRAPH_FILE, b"%d" % number), range(8)))
    assert len(set(kept)) == 1


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_version_whose_registration_broke_off_is_not_there_and_can_be_finished(
    registry: Registry, blobs: Blobs, model: str, at: int
) -> None:
    """There are three files; version.json is the last."""
    version, files = tiny(model)
    with pytest.raises(StoreUnavailable):
        Registry(Dying(blobs, at)).register(version, files)  # type: ignore[arg-type]
    with pytest.raises(BlobMissing):
        registry.version(model, version.version)
    assert registry.readable(model, version.version) is None
    registry.register(version, files)
    assert registry.version(model, version.version) == version


def test_many_may_register_the_same_version_at_once(registry: Registry, model: str) -> None:
    version, files = tiny(model)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: registry.register(version, files), range(8)))
    assert registry.version(model, version.version) == version


def test_a_file_that_is_not_the_one_of_the_record_is_refused(registry: Registry, blobs: Blobs, model: str) -> None:
    version, files = tiny(model)
    registry.register(version, files)
    blobs.write(names.version_file(model, version.version, GRAPH_FILE), files[GRAPH_FILE] + b" ")
    with pytest.raises(VersionError, match=rf"{GRAPH_FILE}: is not the file that version\.json names"):
        registry.file(version, GRAPH_FILE)


def test_a_file_that_the_record_does_not_name_is_refused(registry: Registry, blobs: Blobs, model: str) -> None:
    version, files = tiny(model)
    registry.register(version, files)
    blobs.write(names.version_file(model, version.version, "other.bin"), b"x")
    with pytest.raises(VersionError):
        registry.file(version, "other.bin")


def test_a_file_that_is_gone_is_missing(registry: Registry, model: str) -> None:
    version, _ = tiny(model)
    with pytest.raises(BlobMissing, match=f"models/{model}/{version.version}/{GRAPH_FILE}"):
        registry.file(version, GRAPH_FILE)


def test_a_record_that_cannot_be_read_is_told_by_its_name(registry: Registry, blobs: Blobs, model: str) -> None:
    name = names.version_file(model, "20260101T000000Z-00000000", VERSION_FILE)
    blobs.write(name, b"{}")
    with pytest.raises(VersionError, match=name):
        registry.version(model, "20260101T000000Z-00000000")
    assert registry.readable(model, "20260101T000000Z-00000000") is None


# The champion


def test_a_model_has_no_champion_at_first(registry: Registry, model: str) -> None:
    assert registry.champion(model) is None
    assert registry.history(model) == []
    with pytest.raises(BlobMissing):
        registry.serving(model)


def test_who_is_promoted_serves_and_is_logged(registry: Registry, model: str) -> None:
    first, second = promoted(registry, model, 1, 2)
    assert serving(registry, model) == (second, first)
    assert registry.history(model) == [
        entry(first, None, at="20260101T000000Z"),
        entry(second, first, at="20260102T000000Z"),
    ]
    champion = registry.champion(model)
    assert champion is not None
    assert champion.champion.since == "20260102T000000Z"


def test_a_champion_that_did_not_change_is_not_read_again(registry: Registry, model: str) -> None:
    promoted(registry, model, 1)
    known = registry.serving(model)
    assert known is not None
    assert registry.serving(model, unless=known.etag) is None
    promoted(registry, model, 2)
    assert registry.serving(model, unless=known.etag) is not None


def test_a_champion_that_cannot_be_read_is_told_by_its_name(registry: Registry, blobs: Blobs, model: str) -> None:
    blobs.write(names.champion(model), b'{"version": 1}')
    with pytest.raises(VersionError, match=names.champion(model)):
        registry.serving(model)
    with pytest.raises(StoreUnavailable, match=rf"{names.champion(model)}.*restore it, or delete it"):
        registry.champion(model)


def test_a_promotion_against_a_champion_that_changed_is_a_conflict(registry: Registry, model: str) -> None:
    promoted(registry, model, 1)
    seen = registry.champion(model)
    (second,) = promoted(registry, model, 2)
    with pytest.raises(BlobConflict):
        registry.promote(model, entry("third"), seen)
    with pytest.raises(BlobConflict):
        registry.promote(model, entry("third"), None)
    assert serving(registry, model)[0] == second
    assert [line.version for line in registry.history(model)][-1] == second


def test_a_promotion_that_is_repeated_adds_one_line(registry: Registry, model: str) -> None:
    registry.promote(model, entry("a"), None)
    for minute in range(3):
        again = entry("a", at=f"20260101T00{minute}000Z")
        registry.promote(model, again, registry.champion(model))
    assert registry.history(model) == [entry("a")]
    assert serving(registry, model) == ("a", None)


def test_a_death_between_the_champion_and_its_line_is_mended_by_the_next_run(
    registry: Registry, blobs: Blobs, model: str
) -> None:
    with pytest.raises(StoreUnavailable):
        Registry(Dying(blobs, 2)).promote(model, entry("a"), None)  # type: ignore[arg-type]
    assert serving(registry, model) == ("a", None)
    assert registry.history(model) == []
    for _ in range(2):
        registry.promote(model, entry("a", at="20260101T003000Z"), registry.champion(model))
    assert registry.history(model) == [entry("a")]


def test_a_death_before_the_champion_changes_nothing(registry: Registry, blobs: Blobs, model: str) -> None:
    (first,) = promoted(registry, model, 1)
    with pytest.raises(StoreUnavailable):
        Registry(Dying(blobs, 1)).promote(model, entry("b"), registry.champion(model))  # type: ignore[arg-type]
    assert serving(registry, model) == (first, None)
    assert len(registry.history(model)) == 1


@pytest.mark.parametrize("begun", [False, True])
def test_of_promotions_at_once_one_wins_and_the_history_agrees(registry: Registry, model: str, begun: bool) -> None:
    if begun:
        promoted(registry, model, 1)
    replacing = registry.champion(model)

    def promote(number: int) -> bool:
        try:
            registry.promote(model, entry(f"v{number}"), replacing)
        except BlobConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(promote, range(8)))
    assert won.count(True) == 1
    winner = f"v{won.index(True)}"
    assert serving(registry, model)[0] == winner
    assert [line.version for line in registry.history(model)][int(begun) :] == [winner]


def test_lines_that_are_added_at_once_are_all_kept(registry: Registry, model: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: registry._log(model, entry(f"v{number}")), range(8)))
    assert sorted(line.version for line in registry.history(model)) == [f"v{number}" for number in range(8)]


def test_a_history_that_cannot_be_appended_to_ends_in_an_error(registry: Registry, model: str, blobs: Blobs) -> None:
    """As a copy to another account makes it: an ordinary blob where a log should be."""

    class Stubborn(Dying):
        def __getattr__(self, name: str) -> Any:
            return self._refuse if name == "append" else getattr(self._blobs, name)

        def _refuse(self, name: str, data: bytes, *, at: int) -> None:
            raise BlobConflict(name)

    blobs.write(names.history(model), b"")
    with pytest.raises(BlobConflict):
        Registry(Stubborn(blobs, 0)).promote(model, entry("a"), None)  # type: ignore[arg-type]


# Going back


def test_going_back_lets_the_version_before_serve(registry: Registry, model: str) -> None:
    first, second = promoted(registry, model, 1, 2)
    done = roll_back(registry, model)
    assert (done.action, done.version, done.why, done.who) == ("rolled back", first, "a bad week", "marta")
    assert serving(registry, model) == (first, None)
    assert actions(registry, model) == [("promoted", first), ("promoted", second), ("rolled back", first)]
    champion = registry.champion(model)
    assert champion is not None
    assert champion.champion.since == "20260201T000000Z"


def test_going_back_twice_goes_back_two_steps(registry: Registry, model: str) -> None:
    first, second, _ = promoted(registry, model, 1, 2, 3)
    roll_back(registry, model)
    assert serving(registry, model) == (second, first)
    roll_back(registry, model)
    assert serving(registry, model) == (first, None)
    with pytest.raises(VersionError, match="there is no earlier version to go back to"):
        roll_back(registry, model)


def test_a_version_may_be_named(registry: Registry, model: str) -> None:
    first, second, third = promoted(registry, model, 1, 2, 3)
    roll_back(registry, model, to=first)
    assert serving(registry, model) == (first, None)
    roll_back(registry, model, to=third, at="20260202T000000Z")
    assert serving(registry, model) == (third, second)
    assert actions(registry, model)[3:] == [("rolled back", first), ("rolled back", third)]


def test_a_version_that_never_served_may_be_named(registry: Registry, model: str) -> None:
    (first,) = promoted(registry, model, 1)
    kept, files = tiny(model, 2)
    registry.register(kept, files)
    roll_back(registry, model, to=kept.version)
    assert serving(registry, model) == (kept.version, first)
    roll_back(registry, model)
    assert serving(registry, model) == (first, None)


def test_a_rollback_that_dies_before_its_line_is_finished_by_the_same_order(
    registry: Registry, blobs: Blobs, model: str
) -> None:
    first, second = promoted(registry, model, 1, 2)
    with pytest.raises(StoreUnavailable):
        roll_back(Registry(Dying(blobs, at=2)), model, to=first)
    roll_back(registry, model, to=first)
    assert actions(registry, model) == [("promoted", first), ("promoted", second), ("rolled back", first)]


def test_a_model_without_a_champion_cannot_go_back(registry: Registry, model: str) -> None:
    version, files = tiny(model)
    registry.register(version, files)
    for to in (None, version.version):
        with pytest.raises(VersionError, match=f"{model}: there is no earlier version to go back to"):
            roll_back(registry, model, to=to)


def test_the_version_that_serves_is_no_target(registry: Registry, model: str) -> None:
    _, second = promoted(registry, model, 1, 2)
    with pytest.raises(VersionError, match=f"{second} already serves"):
        roll_back(registry, model, to=second)


def _unknown(blobs: Blobs, model: str, target: str) -> str:
    return "20990101T000000Z-00000000"


def _with_another_graph(blobs: Blobs, model: str, target: str) -> str:
    blobs.write(names.version_file(model, target, GRAPH_FILE), b"other")
    return target


def _with_another_card(blobs: Blobs, model: str, target: str) -> str:
    blobs.write(names.version_file(model, target, CARD_FILE), b"other")
    return target


def _without_a_record(blobs: Blobs, model: str, target: str) -> str:
    blobs.write(names.version_file(model, target, VERSION_FILE), b"{}")
    return target


def _naming_a_file_that_is_gone(blobs: Blobs, model: str, target: str) -> str:
    version = msgspec.structs.replace(tiny(model, 1)[0], files={"gone.bin": "0" * 64})
    blobs.write(names.version_file(model, target, VERSION_FILE), to_json(version))
    return target


@pytest.mark.parametrize(
    "broken", [_unknown, _with_another_graph, _with_another_card, _without_a_record, _naming_a_file_that_is_gone]
)
def test_a_target_that_cannot_serve_is_refused_and_the_champion_stays(
    registry: Registry, blobs: Blobs, model: str, broken: Callable[[Blobs, str, str], str]
) -> None:
    first, second = promoted(registry, model, 1, 2)
    with pytest.raises((VersionError, BlobMissing)):
        roll_back(registry, model, to=broken(blobs, model, first))
    assert serving(registry, model) == (second, first)
    assert len(registry.history(model)) == 2


# Beside the champion


def set_beside(
    registry: Registry, model: str, role: Role, version: str, share: float = 0.2, at: str = "20260301T000000Z"
) -> HistoryEntry:
    return registry.set_beside(model, role, Beside(version, share, at), why="a try", who="marta")


def end_beside(registry: Registry, model: str, role: Role) -> HistoryEntry:
    return registry.end_beside(model, role, at="20260302T000000Z", why="enough", who="marta")


def beside(registry: Registry, model: str) -> tuple[Beside | None, Beside | None]:
    """The canary and the shadow."""
    serving = registry.champion(model)
    assert serving is not None
    return serving.champion.canary, serving.champion.shadow


def challengers(registry: Registry, model: str) -> tuple[str, str, str]:
    """A champion, and two versions that are whole."""
    (champion,) = promoted(registry, model, 1)
    made = []
    for number in (2, 3):
        version, files = tiny(model, number)
        registry.register(version, files)
        made.append(version.version)
    return champion, made[0], made[1]


def test_a_canary_and_a_shadow_are_set_beside_the_champion_and_logged(registry: Registry, model: str) -> None:
    champion, second, third = challengers(registry, model)
    set_beside(registry, model, "canary", second)
    set_beside(registry, model, "shadow", third, 1.0)
    assert serving(registry, model) == (champion, None)
    assert beside(registry, model) == (
        Beside(second, 0.2, "20260301T000000Z"),
        Beside(third, 1.0, "20260301T000000Z"),
    )
    logged = registry.history(model)[1:]
    assert [(line.action, line.version, line.share) for line in logged] == [
        ("canary set", second, 0.2),
        ("shadow set", third, 1.0),
    ]
    assert {(line.previous, line.who, line.schema_version) for line in logged} == {(champion, "marta", 2)}


def test_another_share_or_version_takes_the_place_of_the_one_before(registry: Registry, model: str) -> None:
    _, second, third = challengers(registry, model)
    for version, share in ((second, 0.2), (second, 0.5), (third, 0.5)):
        set_beside(registry, model, "canary", version, share)
        assert beside(registry, model) == (Beside(version, share, "20260301T000000Z"), None)


def test_either_is_ended_alone(registry: Registry, model: str) -> None:
    _, second, third = challengers(registry, model)
    set_beside(registry, model, "canary", second)
    set_beside(registry, model, "shadow", third)
    assert end_beside(registry, model, "canary").version == second
    assert beside(registry, model)[0] is None
    assert end_beside(registry, model, "shadow").version == third
    assert beside(registry, model) == (None, None)
    assert actions(registry, model)[-2:] == [("canary ended", second), ("shadow ended", third)]


@pytest.mark.parametrize("role", ["canary", "shadow"])
def test_what_does_not_take_part_cannot_be_ended(registry: Registry, model: str, role: Role) -> None:
    with pytest.raises(VersionError, match="no version serves yet"):
        end_beside(registry, model, role)
    challengers(registry, model)
    with pytest.raises(VersionError, match=f"there is no {role} to end"):
        end_beside(registry, model, role)


def test_a_promotion_and_a_rollback_end_both(registry: Registry, model: str) -> None:
    first, second, third = challengers(registry, model)
    set_beside(registry, model, "canary", second)
    set_beside(registry, model, "shadow", third)
    registry.promote(model, entry(second, first, at="20260303T000000Z"), registry.champion(model))
    assert (serving(registry, model), beside(registry, model)) == ((second, first), (None, None))
    set_beside(registry, model, "shadow", third, at="20260304T000000Z")
    roll_back(registry, model)
    assert (serving(registry, model), beside(registry, model)) == ((first, None), (None, None))


def test_going_back_counts_what_served_and_not_what_was_set_beside_it(registry: Registry, model: str) -> None:
    first, second = promoted(registry, model, 1, 2)
    set_beside(registry, model, "canary", first)
    assert roll_back(registry, model).version == first
    assert serving(registry, model) == (first, None)
    set_beside(registry, model, "shadow", second, at="20260305T000000Z")
    with pytest.raises(VersionError, match=f"{first} already serves"):
        roll_back(registry, model, to=first)


@pytest.mark.parametrize("role", ["canary", "shadow"])
def test_what_is_not_whole_takes_no_part(registry: Registry, blobs: Blobs, model: str, role: Role) -> None:
    champion, second, third = challengers(registry, model)
    blobs.delete(names.version_file(model, second, CARD_FILE))
    blobs.write(names.version_file(model, third, GRAPH_FILE), b"another graph")
    for version, error in (
        (champion, VersionError),
        (second, BlobMissing),
        (third, VersionError),
        ("20300101T000000Z-00000000", BlobMissing),
    ):
        with pytest.raises(error):
            set_beside(registry, model, role, version)
    assert beside(registry, model) == (None, None)
    assert len(registry.history(model)) == 1


def test_no_version_takes_part_beside_nothing(registry: Registry, model: str) -> None:
    version, files = tiny(model)
    registry.register(version, files)
    with pytest.raises(VersionError, match="no version serves yet"):
        set_beside(registry, model, "canary", version.version)


def test_a_promotion_in_between_is_not_undone(registry: Registry, blobs: Blobs, model: str) -> None:
    first, second, third = challengers(registry, model)

    class Overtaken:
        """Somebody promotes between the look at champion.json and the write."""

        def __getattr__(self, name: str) -> Any:
            return getattr(blobs, name)

        def write(self, name: str, data: bytes, **condition: Any) -> str:
            registry.promote(model, entry(second, first), registry.champion(model))
            return blobs.write(name, data, **condition)

    with pytest.raises(BlobConflict):
        set_beside(Registry(Overtaken()), model, "canary", third)  # type: ignore[arg-type]
    assert (serving(registry, model), beside(registry, model)) == ((second, first), (None, None))


def test_what_was_set_but_not_logged_is_logged_when_it_is_done_again(
    registry: Registry, blobs: Blobs, model: str
) -> None:
    _, second, _ = challengers(registry, model)
    with pytest.raises(StoreUnavailable):
        set_beside(Registry(Dying(blobs, 2)), model, "canary", second)  # type: ignore[arg-type]
    assert len(registry.history(model)) == 1
    assert set_beside(registry, model, "canary", second, at="20260401T000000Z").at == "20260301T000000Z"
    assert actions(registry, model)[-1] == ("canary set", second)
    with pytest.raises(VersionError, match=f"{second} is the canary already, with 0.2 of the rows"):
        set_beside(registry, model, "canary", second)
    assert len(registry.history(model)) == 2


def test_marks_change_with_the_files_that_a_version_is_loaded_from(
    registry: Registry, blobs: Blobs, model: str
) -> None:
    version, files = tiny(model)
    assert registry.marks(model, version.version) == {VERSION_FILE: None, GRAPH_FILE: None}
    registry.register(version, files)
    whole = registry.marks(model, version.version)
    assert None not in whole.values()
    assert registry.marks(model, version.version) == whole
    blobs.write(names.version_file(model, version.version, GRAPH_FILE), b"another")
    other = registry.marks(model, version.version)
    assert (other[VERSION_FILE], other[GRAPH_FILE] != whole[GRAPH_FILE]) == (whole[VERSION_FILE], True)
    blobs.delete(names.version_file(model, version.version, GRAPH_FILE))
    assert registry.marks(model, version.version) == {**whole, GRAPH_FILE: None}

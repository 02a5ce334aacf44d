"""The stages of a scoring request; see ``shared.scoring.seams`` for who else takes part."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from shared.errors import VersionError
from shared.scoring.admission import Admission
from shared.scoring.answers import Kind, Refusal, later
from shared.scoring.formats.coding import GZIP, inflated
from shared.scoring.formats.media import format_of, wanted
from shared.scoring.http import CSV, JSON, Answer
from shared.scoring.reasons.explain import EXPLAIN, TOP, asked, asked_top
from shared.scoring.rows import MOST_FAULTS, NotRead, RequestFaulty, cut
from shared.scoring.scored import begin, score

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.scoring.admission import Held
    from shared.scoring.formats.render import Writer
    from shared.scoring.http import Call
    from shared.scoring.rows import Rows
    from shared.scoring.scored import Scored
    from shared.scoring.seams import Seams
    from shared.scoring.serving.loaded import LoadedVersion
    from shared.scoring.serving.versions import Versions
    from shared.settings import Settings

    type Begun = list[Callable[[], Scored]]

logger = logging.getLogger(__name__)

VERSION = "version"
QUERY = frozenset({VERSION, EXPLAIN, TOP, "code", "clientId"})
"""What a scoring request's query may hold; the last two are the platform's key, and its name."""
FORMS = {
    JSON: "an object with the model's inputs, a list of them, or columns; or CSV, as content type text/csv",
    CSV: "a header with the inputs' names and a line for each row",
}
BROKEN_RETRY_SECONDS = 60
AHEAD = 3
"""Chunks of rows that are begun before the first of them is waited for."""
MEMORY = {JSON: 8, CSV: 2}
"""Bytes that a request takes for each byte of its body, the answer included; a long answer to a short one is counted
by its rows."""


class Pipeline:
    """Answers scoring requests."""

    def __init__(self, versions: Versions, settings: Settings, seams: Seams) -> None:
        self._versions = versions
        self._seams = seams
        self._most_rows = {JSON: settings.score_max_rows, CSV: settings.score_csv_max_rows}
        self._most_bytes = {JSON: settings.score_max_bytes, CSV: settings.score_csv_max_bytes}
        self._admission = Admission(settings.score_max_requests, settings.score_memory_bytes)

    def answers_at_once(self, model: str, call: Call) -> bool:
        """Whether the body is short, nothing has to be inflated or explained, and the champion is known."""
        return (
            len(call.body) <= self._versions.at_once_bytes(model)
            and not call.query.keys() & {VERSION, EXPLAIN}
            and "content-encoding" not in call.headers
        )

    def answer(self, model: str, call: Call) -> Answer:
        """The predictions. Raises Refusal."""
        explained = _checked_query(call)
        answered = wanted(call.headers.get("accept", ""))
        choose = partial(self._versions.choose, model, call.query.get(VERSION))
        with self.rows(call, choose, heavy=explained) as (loaded, chunks):
            writer = loaded.renderer.writer(answered)
            done = self._work(model, call, loaded, chunks, writer)
        for each in done:
            each()
        return Answer(200, writer.body(), answered)

    @contextmanager
    def rows(
        self, call: Call, choose: Callable[[], LoadedVersion], *, heavy: bool = False
    ) -> Iterator[tuple[LoadedVersion, Iterator[Rows]]]:
        """The rows of a request, as the version that is chosen reads them, within the limits. Raises Refusal.

        ``heavy``: to answer it takes seconds. What is raised by the version while the rows are in use is told as well.
        """
        sent = format_of(call.headers.get("content-type", ""))
        coding = call.headers.get("content-encoding", "")
        size = self._size(call.body, coding, sent)
        with self._admission(size * MEMORY[sent], heavy=heavy) as held:
            loaded, body = choose(), call.body
            if coding:
                body = inflated(body, coding, self._most_bytes[sent])
                held.grow(len(body) * MEMORY[sent])
            reader = loaded.csv_reader if sent == CSV else loaded.reader
            try:
                chunks = self._counted(reader.chunks(body), sent)
                yield loaded, _held(chunks, held, loaded.answer_bytes) if loaded.answer_bytes else chunks
            except (NotRead, RequestFaulty, VersionError) as error:
                raise _told(error, sent) from error

    def _size(self, body: bytes, coding: str, sent: str) -> int:
        """Of the body once it is inflated, which its last bytes tell. Raises Refusal where it is too large."""
        limit, size = self._most_bytes[sent], len(body)
        if size > limit:
            detail = f"the body has {size:,} bytes; at most {limit:,} are taken at once: send fewer rows"
            raise Refusal(Kind.TOO_LARGE, detail)
        if GZIP in coding:
            size = min(limit, max(size, int.from_bytes(body[-4:], "little")))
        return size

    def _counted(self, chunks: Iterator[Rows], sent: str) -> Iterator[Rows]:
        """The chunks, as long as there are not too many rows in them."""
        most, count = self._most_rows[sent], 0
        for rows in chunks:
            count += rows.count
            if count > most:
                detail = f"the request has more than {most:,} rows: send them in several requests"
                raise Refusal(Kind.TOO_LARGE, detail)
            if rows.count:
                yield rows
        if not count:
            raise Refusal(Kind.FAULTY, f"the request has no rows; expected 1 to {most:,}")

    def _work(
        self, model: str, call: Call, loaded: LoadedVersion, chunks: Iterator[Rows], writer: Writer
    ) -> list[Callable[[], None]]:
        """Score and write all rows; what is to be done when the answer is certain."""
        begun: deque[Begun] = deque()
        done: list[Callable[[], None]] = []
        for rows in chunks:
            begun.append(self._begin(model, call, loaded, rows))
            if len(begun) > AHEAD:
                done += self._finish(call, begun.popleft(), writer)
        while begun:
            done += self._finish(call, begun.popleft(), writer)
        return done

    def _begin(self, model: str, call: Call, loaded: LoadedVersion, rows: Rows) -> Begun:
        """By the version that the request names, or as traffic is split."""
        if VERSION in call.query:
            return [begin(loaded, rows)]
        return [_share(loaded, one, rows, places) for one, places in self._seams.traffic.split(model, loaded, rows)]

    def _finish(self, call: Call, begun: Begun, writer: Writer) -> Iterator[Callable[[], None]]:
        shares: Sequence[Scored] = [each() for each in begun]
        if self._seams.explain is not None and asked(call.query):
            shares = [msgspec.structs.replace(one, reasons=self._seams.explain.reasons(one, call)) for one in shares]
        writer.add(shares)
        watched = [watcher.watch(call, scored) for watcher in self._seams.watchers for scored in shares]
        return (one for one in watched if one is not None)


def _held(chunks: Iterator[Rows], held: Held, row_bytes: int) -> Iterator[Rows]:
    """The chunks, as long as there is memory for the answers to them. Raises Refusal."""
    size_bytes = held.size_bytes
    for rows in chunks:
        size_bytes += rows.count * row_bytes
        held.grow(size_bytes)
        yield rows


def _checked_query(call: Call) -> bool:
    """Whether reasons are asked for. Raises Refusal."""
    if not call.query:
        return False
    unknown = call.query.keys() - QUERY
    if unknown:
        known = ", ".join(sorted({VERSION, EXPLAIN, TOP}))
        raise Refusal(Kind.BAD_QUERY, f"{cut(min(unknown))!r} is not asked for here; expected of {known}")
    explained = asked(call.query)
    if explained:
        asked_top(call.query)
    return explained


def _share(
    champion: LoadedVersion, one: LoadedVersion, rows: Rows, places: Sequence[int] | None
) -> Callable[[], Scored]:
    """Begin what one version answers. Where a version on trial cannot, the champion does."""
    rows = rows if places is None else rows.take(places)
    begun = begin(one, rows, places)
    if one is champion:
        return begun

    def scored() -> Scored:
        try:
            return begun()
        except VersionError as error:
            logger.warning("%s answers in its place: %s", champion.version.version, error)
            return score(champion, rows, places)

    return scored


def _told(error: NotRead | RequestFaulty | VersionError, sent: str) -> Refusal:
    """What the caller is told."""
    if isinstance(error, NotRead):
        name = sent.rpartition("/")[2].upper()
        return Refusal(Kind.NOT_READ, f"the body is not {name} ({error}); expected {FORMS[sent]}")
    if isinstance(error, RequestFaulty):
        count = len(error.faults)
        counted = f"{'at least ' if count == MOST_FAULTS else ''}{count} value{'s' if count > 1 else ''}"
        return Refusal(Kind.FAULTY, f"{counted} of the request cannot be used; nothing was scored", faults=error.faults)
    logger.error("a version that serves cannot answer: %s", error)
    detail = f"no answer can be given: {error}; retrain the model, or let another version serve"
    return later(Kind.BROKEN, detail, BROKEN_RETRY_SECONDS)

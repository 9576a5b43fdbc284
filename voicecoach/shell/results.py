"""What a call left in its folder, read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from voicecoach import eventlog
from voicecoach.errors import JournalError
from voicecoach.shell.replay import EVENTS
from voicecoach.types import Event

LONGEST_LINE = 2**20
"""Bytes: an event is a few hundred."""
MOST = 2**32
"""Bytes of a log: a day with all its frames is that long."""


class Results(NamedTuple):
    """A call's event log."""

    path: Path
    """Of the log."""
    facts: dict[str, Any]
    """Of the call, as in the log's header."""
    events: list[Event]


def lines(log: IO[bytes]) -> Iterator[bytes]:
    """Yield a log's lines up to where a program was killed, or the power was cut.

    The first leaves the last line unfinished, the second may leave zeros, which no line has.

    Raises
    ------
    ValueError
        Where it is longer than any log.
    """
    size = 0
    while line := log.readline(LONGEST_LINE + 1):
        size += len(line)
        if len(line) > LONGEST_LINE or size > MOST:
            raise ValueError("a line of it is too long" if size <= MOST else "it is too long")
        if not line.endswith(b"\n") or b"\0" in line:
            return
        yield line


def read(path: Path) -> Results:
    """Return what a call left.

    Parameters
    ----------
    path
        Its folder, or its event log.

    Raises
    ------
    JournalError
        Where there is no such log, or it cannot be used.
    """
    log = path / EVENTS if path.is_dir() else path
    try:
        with log.open("rb") as file:
            whole = lines(file)
            facts = eventlog.facts(next(whole, b""))
            return Results(log, facts, list(eventlog.read(whole, first=2)))
    except OSError as e:
        raise JournalError(f"{log}: no event log can be read there: {e.strerror or e}") from e
    except ValueError as e:
        raise JournalError(f"{log}: this is no event log of a call: {e}") from e

"""Reads the results that a call left in its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from voicecoach.coaching.thresholds import thresholds_from_header
from voicecoach.errors import JournalError
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.runtime.regular_file import open_regular
from voicecoach.text_safety import bounded_input
from voicecoach.types.events import Event
from voicecoach.views import event_log


class CallLog:
    """A call's event log; iterating reads its events from the file, anew each time.

    Parameters
    ----------
    path
        The call's folder, or its event log.

    Raises
    ------
    JournalError
        If there is no such log, or it cannot be used; iterating may raise it, too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path / EVENT_LOG if path.is_dir() else path
        """Path of the log."""
        self.damaged = event_log.DamagedLines()
        """Lines that the newest iteration left out."""
        with self._open_lines() as lines:
            self.facts: dict[str, Any] = event_log.parse_header(next(lines, b""))
            """Facts about the call, from the log's header."""
            thresholds_from_header(self.facts)

    def __iter__(self) -> Iterator[Event]:
        self.damaged = event_log.DamagedLines()
        with self._open_lines() as lines:
            yield from event_log.read_events(lines, damaged=self.damaged)

    @property
    def damage_note(self) -> str:
        """What could not be read and was left out, in one line; "" if nothing."""
        return f"{self.path}: {self.damaged}" if self.damaged.count else ""

    @contextmanager
    def _open_lines(self) -> Iterator[Iterator[bytes]]:
        try:
            with open_regular(self.path) as file:
                yield bounded_input.log_lines(file)
        except OSError as e:
            raise JournalError(
                f"{self.path}: cannot read an event log there: {e.strerror or e}"
            ) from e
        except ValueError as e:
            raise JournalError(f"{self.path}: not the event log of a call: {e}") from e


class Results(NamedTuple):
    """A call's event log, read whole."""

    path: Path
    """Path of the log."""
    facts: dict[str, Any]
    """Facts about the call, from the log's header."""
    events: list[Event]
    damage_note: str = ""
    """As in `CallLog`."""


def read_results(path: Path) -> Results:
    """Return the results of a call, as `CallLog` reads them."""
    log = CallLog(path)
    events = list(log)
    return Results(log.path, log.facts, events, log.damage_note)

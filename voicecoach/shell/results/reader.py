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
    """A call's event log, of which only one event is in memory at a time.

    Parameters
    ----------
    path
        The call's folder, or its event log.

    Raises
    ------
    JournalError
        If there is no such log, or it cannot be used; also from `read_events`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path / EVENT_LOG if path.is_dir() else path
        """Path of the log."""
        self.damaged = event_log.DamagedLines()
        """Lines that were left out when the events were read last."""
        self.newest: Event | None = None
        """The event that was read last."""
        with self._open_lines() as lines:
            self.facts: dict[str, Any] = event_log.parse_header(next(lines, b""))
            """Facts about the call, from the log's header."""
            thresholds_from_header(self.facts)

    def read_events(self) -> Iterator[Event]:
        """Yield the events, from the beginning."""
        self.damaged = event_log.DamagedLines()
        with self._open_lines() as lines:
            for event in event_log.read_events(lines, damaged=self.damaged):
                self.newest = event
                yield event

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

    @property
    def newest(self) -> Event | None:
        """The last event."""
        return self.events[-1] if self.events else None

    def read_events(self) -> Iterator[Event]:
        """Yield the events, from the beginning."""
        return iter(self.events)


def read_results(path: Path) -> Results:
    """Return the results of a call, as `CallLog` reads them."""
    log = CallLog(path)
    events = list(log.read_events())
    return Results(log.path, log.facts, events, log.damage_note)

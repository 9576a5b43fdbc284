"""Reads the results that a call left in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from voicecoach.coaching.thresholds import thresholds_from_header
from voicecoach.errors import JournalError
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.runtime.regular_file import open_regular
from voicecoach.text_safety import bounded_input
from voicecoach.types.events import Event
from voicecoach.views import event_log


class Results(NamedTuple):
    """A call's event log."""

    path: Path
    """Path of the log."""
    facts: dict[str, Any]
    """Facts about the call, from the log's header."""
    events: list[Event]


def read_results(path: Path) -> Results:
    """Return the results of a call.

    Parameters
    ----------
    path
        Its folder, or its event log.

    Raises
    ------
    JournalError
        If there is no such log, or it cannot be used.
    """
    log = path / EVENT_LOG if path.is_dir() else path
    try:
        with open_regular(log) as file:
            whole = bounded_input.log_lines(file)
            facts = event_log.parse_header(next(whole, b""))
            thresholds_from_header(facts)
            return Results(log, facts, list(event_log.read_events(whole, first=2)))
    except OSError as e:
        raise JournalError(f"{log}: cannot read an event log there: {e.strerror or e}") from e
    except ValueError as e:
        raise JournalError(f"{log}: not the event log of a call: {e}") from e

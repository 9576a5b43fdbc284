"""Adds live calls to the journal as they end, in the background of the session.

A problem with the journal is reported in one line.  No call is lost: its results stay in its folder
and can be added by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from voicecoach.config import Config
from voicecoach.errors import VoiceCoachError
from voicecoach.journal.entry import CallRow
from voicecoach.shell.journal import fill
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.runtime.sinks import Sink
from voicecoach.shell.runtime.worker import describe_error
from voicecoach.views.summary import count_text

PURGE_BUSY_S = 1.0
"""Seconds that a session's start waits for another program that writes to the journal."""


class JournalWriter(Sink):
    """Adds calls to the journal; a sink whose `close` waits for the last call.

    Parameters
    ----------
    config
        Where the journal is, and what it stores.
    say
        Called at the end with a line for each call that could not be added, and why.
    """

    def __init__(self, config: Config, say: Callable[[str], None]) -> None:
        self._config, self._say = config, say
        self._pool = ThreadPoolExecutor(1, "journal")
        self._problems: dict[Path, str] = {}
        self._added: dict[Path, str] = {}
        """Ids of the calls that were added, by folder."""

    def purge_expired(self) -> str:
        """Delete calls older than the retention period; return what to report of it."""
        path, days = fill.journal_path(self._config), self._config.journal.keep_days
        if not days or not path.is_file():
            return ""
        try:
            with JournalStore(path, busy_s=PURGE_BUSY_S) as journal:
                gone = fill.purge_older_calls(journal, days, datetime.now(UTC))
                journal.select_rows(CallRow)  # of a damaged one nobody knows how old it is
                damage = journal.damage_note
        except Exception as e:  # adding new calls matters more
            return f"journal: cannot delete calls older than {days} days: {_reason(e)}"
        calls = count_text(gone, "call")
        done = [f"journal: {calls} older than {days} days deleted"] if gone else []
        return "; ".join(done + [damage] * bool(damage))

    def on_results(self, folder: Path) -> None:
        """Add a call that has ended, in the background."""
        self._pool.submit(self._add_call, folder).add_done_callback(lambda done: done.result())

    def forget_call(self, folder: Path) -> None:
        """Delete a call that was added, with its audio, in the background."""
        self._pool.submit(self._delete_call, folder).add_done_callback(lambda done: done.result())

    def close(self) -> None:
        """Wait for the last call, and report which are missing."""
        self._pool.shutdown()
        for problem in self._problems.values():
            self._say(problem)

    def _add_call(self, folder: Path) -> None:
        call, trouble = _add_folder(self._config, folder)
        if trouble:
            self._problems[folder] = trouble
        else:
            self._added[folder] = call

    def _delete_call(self, folder: Path) -> None:
        self._problems.pop(folder, None)
        call = self._added.pop(folder, None)
        if call is None:
            return
        try:
            with JournalStore(fill.journal_path(self._config)) as journal:
                journal.delete_call(call)
        except Exception as e:
            why = f"the customer declined, but {folder.name} is still in the journal: {_reason(e)}"
            self._problems[folder] = f"{why}; then: voicecoach journal delete {call}"


def add_to_journal(config: Config, folder: Path) -> str:
    """Add a call to the journal; return why it could not be added, or ""."""
    return _add_folder(config, folder)[1]


def _add_folder(config: Config, folder: Path) -> tuple[str, str]:
    """Add a call; return its id, or "" and why it could not be added."""
    try:
        with JournalStore(fill.journal_path(config), create=True) as journal:
            return fill.add_call_folder(journal, folder, words=config.journal.words).call.id, ""
    except Exception as e:  # the call itself is in its folder
        return "", f"not in the journal: {folder}: {_reason(e)}; then: voicecoach journal add"


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, VoiceCoachError) else describe_error(error)

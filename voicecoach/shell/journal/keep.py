"""Live calls into the journal as they end, beside the session, which never waits for it.

Whatever is wrong with the journal, it is said in a line and no call is lost: what the call left is
in its folder, to be added by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from voicecoach.config import Config
from voicecoach.errors import VoiceCoachError
from voicecoach.shell.journal import fill
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.runtime.sinks import Sink
from voicecoach.views.summary import count_text

PURGE_BUSY_S = 1.0
"""How long a session's start waits for another program that writes."""


class JournalWriter(Sink):
    """Puts calls into the journal; a sink whose end waits for the last call.

    Parameters
    ----------
    config
        Where the journal is, and what it keeps.
    say
        Given a line for each call that is not in it, and why, when all are done.
    """

    def __init__(self, config: Config, say: Callable[[str], None]) -> None:
        self._config, self._say = config, say
        self._pool = ThreadPoolExecutor(1, "journal")
        self._problems: list[str] = []

    def purge_expired(self) -> str:
        """Delete what has been kept for long enough; return what there is to say of it."""
        path, days = fill.journal_path(self._config), self._config.journal.keep_days
        if not days or not path.is_file():
            return ""
        try:
            with JournalStore(path, busy_s=PURGE_BUSY_S) as journal:
                gone = fill.purge_older_calls(journal, days, datetime.now(UTC))
        except VoiceCoachError as e:
            return f"journal: calls older than {days} days stay for now: {e}"
        calls = count_text(gone, "call")
        return f"journal: {calls} older than {days} days deleted" if gone else ""

    def on_results(self, folder: Path) -> None:
        """Put a call in that has ended, in a while."""
        self._pool.submit(self._add_call, folder).add_done_callback(lambda done: done.result())

    def close(self) -> None:
        """Wait for the last call, and say which are missing."""
        self._pool.shutdown()
        for problem in self._problems:
            self._say(problem)

    def _add_call(self, folder: Path) -> None:
        trouble = add_to_journal(self._config, folder)
        if trouble:
            self._problems.append(trouble)


def add_to_journal(config: Config, folder: Path) -> str:
    """Put a call into the journal; return why it is not in it, or ""."""
    try:
        with JournalStore(fill.journal_path(config), create=True) as journal:
            fill.add_call_folder(journal, folder, words=config.journal.words)
    except VoiceCoachError as e:
        return f"not in the journal: {folder}: {e}; then: voicecoach journal add"
    return ""

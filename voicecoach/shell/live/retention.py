"""Deletes the folders of live calls after the retention period, and nothing else.

A folder belongs to a live call if its event log says so.  Replays, other files and the targets of
links are kept.  A call's date is the one in its log, or the time its log was last written,
whichever is later.

If the clock has jumped ahead, all calls seem old at once.  So if all calls are too old, a session
only warns; they are deleted when a session starts at least a day later by the same clock.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.views import event_log
from voicecoach.views.summary import count_text

WARNED_FILE = ".retention"
"""The file with the time of the warning that all calls are too old."""
WARNING_PERIOD = timedelta(days=1)
MAX_LOG_HEADER_BYTES = 65_536
"""Largest header read, in bytes; a longer one was not written by voicecoach."""


def purge_old_calls(out: Path, days: int, now: datetime) -> str:
    """Delete the live calls in a folder that are older than `days`; 0 keeps all.

    Parameters
    ----------
    out
        The folder with the calls' folders.
    days
        Retention period, in days.
    now
        Current time, with its time zone.

    Returns
    -------
    str
        Message to report, or "".
    """
    if not days:
        return ""
    try:
        calls = dict(_live(out))
        old = [folder for folder, at in calls.items() if now - at > timedelta(days=days)]
        if not old:
            (out / WARNED_FILE).unlink(missing_ok=True)
            return ""
        if _must_warn_first(out / WARNED_FILE, now, everything=len(old) == len(calls)):
            return (
                f"all calls in {out} are older than {days} days; check today's date "
                f"({now:%d %B %Y}): they will be deleted from tomorrow on"
            )
    except OSError as e:
        return f"{out}: cannot delete calls older than {days} days: {e.strerror or e}"
    stay = [why for folder in sorted(old) if (why := _delete_call_folder(folder))]
    gone = len(old) - len(stay)
    done = f"{count_text(gone, 'call')} older than {days} days deleted in {out}"
    return "; ".join([done] * bool(gone) + stay)


def _live(out: Path) -> Iterator[tuple[Path, datetime]]:
    """Yield the folders of live calls with their dates."""
    for folder in out.iterdir() if out.is_dir() else ():
        log = folder / EVENT_LOG
        if folder.is_symlink() or not folder.is_dir() or log.is_symlink() or not log.is_file():
            continue
        with suppress(OSError, ValueError, TypeError, LookupError), log.open("rb") as file:
            facts = event_log.parse_header(file.readline(MAX_LOG_HEADER_BYTES))
            if facts.get("live") is True:
                began = datetime.fromisoformat(facts["started_at"]).astimezone(UTC)
                yield folder, max(began, datetime.fromtimestamp(log.stat().st_mtime, UTC))


def _must_warn_first(said: Path, now: datetime, *, everything: bool) -> bool:
    """Return whether to warn instead of deleting, and record when the warning was given."""
    since = None
    with suppress(FileNotFoundError, ValueError):
        since = datetime.fromisoformat(said.read_text("ascii")).astimezone(UTC)
    if since is None and not everything:
        return False
    if since is None or since > now:
        said.write_text(now.isoformat(), "ascii")
        return True
    if now - since < WARNING_PERIOD:
        return True
    said.unlink()
    return False


def _delete_call_folder(folder: Path) -> str:
    """Delete a folder; return why it cannot be deleted, or ""."""
    try:
        shutil.rmtree(folder)
    except OSError as e:
        return f"{folder}: cannot delete it: {e.strerror or e}"
    return ""

"""What live calls left is deleted after a while: their folders, and nothing else.

A folder is a live call's where its event log says so.  Replays, what else lies there, and what a
link points to stay.  A call is as old as its log says it is, or as its log was last written,
whichever is later.

A clock that has jumped ahead makes every call old at once.  So where all of them are, it is said
first, and done when a session starts a day later by the same clock.
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
"""The file that says when it was said that all is old."""
WARNING_PERIOD = timedelta(days=1)
MAX_HEADER_BYTES = 65_536
"""Bytes of a header; what is longer is something else."""


def purge_old_calls(out: Path, days: int, now: datetime) -> str:
    """Delete the live calls in a folder that are older than so many days; 0 keeps all.

    Parameters
    ----------
    out
        Where calls get their folders.
    days
        How long they are kept.
    now
        With its zone.

    Returns
    -------
    str
        What there is to say of it, "" for nothing.
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
                f"all calls in {out} are older than {days} days, if it is {now:%d %B %Y}: they are "
                "deleted from tomorrow on"
            )
    except OSError as e:
        return f"{out}: calls older than {days} days stay for now: {e.strerror or e}"
    stay = [why for folder in sorted(old) if (why := _delete_call_folder(folder))]
    gone = len(old) - len(stay)
    done = f"{count_text(gone, 'call')} older than {days} days deleted in {out}"
    return "; ".join([done] * bool(gone) + stay)


def _live(out: Path) -> Iterator[tuple[Path, datetime]]:
    """Yield the folders of live calls, and of when each is."""
    for folder in out.iterdir() if out.is_dir() else ():
        log = folder / EVENT_LOG
        if folder.is_symlink() or not folder.is_dir() or log.is_symlink() or not log.is_file():
            continue
        with suppress(OSError, ValueError, TypeError, LookupError), log.open("rb") as file:
            facts = event_log.parse_header(file.readline(MAX_HEADER_BYTES))
            if facts.get("live") is True:
                began = datetime.fromisoformat(facts["started_at"]).astimezone(UTC)
                yield folder, max(began, datetime.fromtimestamp(log.stat().st_mtime, UTC))


def _must_warn_first(said: Path, now: datetime, *, everything: bool) -> bool:
    """Return whether it is to be said first, and note that it is."""
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
    """Delete a folder; return why it stays, or ""."""
    try:
        shutil.rmtree(folder)
    except OSError as e:
        return f"{folder} could not be deleted: {e.strerror or e}"
    return ""

"""Deletes live calls after the retention period, and nothing else.

A folder belongs to a live call if its event log says so; the call's date is the one in its log, or
the time its log was last written, whichever is later.  If the log cannot be read or is missing, the
folder's name, as a live call gets it, and the time of writing take its place.  A folder that is a
call's by neither is kept, and named once it is old.

Only files that voicecoach writes are deleted.  What else lies in a call's folder stays, and is
named; links are removed, never followed.  Replays are kept.

If the clock has jumped ahead, all calls seem old at once.  So if all calls are too old, a session
only warns; they are deleted when a session starts at least a day later by the same clock.
"""

from __future__ import annotations

import re
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from voicecoach.shell.live.recorder import AUDIO_FILE, FOLDER_NAME
from voicecoach.shell.results import writer
from voicecoach.shell.results.input_log import INPUTS_FILE
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.runtime.atomic_write import UNFINISHED
from voicecoach.shell.runtime.regular_file import open_regular
from voicecoach.text_safety.sanitize import readable_text
from voicecoach.views import event_log
from voicecoach.views.exports import EXPORT_SUFFIXES
from voicecoach.views.summary import count_text

CALL_FILES = (EVENT_LOG, AUDIO_FILE, INPUTS_FILE)
"""Files that tell a call: of what is in its folder, they are deleted last."""
RESULT_FILES = (
    *(writer.SUMMARY_JSON, writer.SUMMARY_MD),
    *(writer.CARD_JSON, writer.CARD_MD, writer.CARD_DAMAGED),
    *(writer.REPORT_FILE, writer.REPORT_AUDIO_FILE),
)
"""Files that are made from a call, besides its exports."""
MAX_NAMED = 5
"""Most files that a message names."""

WARNED_FILE = ".retention"
"""The file with the time of the warning that all calls are too old."""
WARNING_PERIOD = timedelta(days=1)
MAX_LOG_HEADER_BYTES = 65_536
"""Largest header read, in bytes; a longer one was not written by voicecoach."""


class _Found(NamedTuple):
    """A folder in which a live call may lie."""

    folder: Path
    at: datetime
    """Date of the call."""
    is_call: bool = True
    by_log: bool = True
    """Whether its log says so."""


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
        found = [each for folder in _folders(out) if (each := _inspect(folder))]
        old = [each for each in found if now - each.at > timedelta(days=days)]
        calls, old_calls = ([each for each in some if each.is_call] for some in (found, old))
        unknown = [
            f"{each.folder}: older than {days} days, but neither log nor name says what call it "
            "is; delete it by hand"
            for each in old
            if not each.is_call
        ]
        if not old_calls:
            (out / WARNED_FILE).unlink(missing_ok=True)
            return "; ".join(unknown)
        if _must_warn_first(out / WARNED_FILE, now, everything=len(old_calls) == len(calls)):
            return (
                f"all calls in {out} are older than {days} days; check today's date "
                f"({now:%d %B %Y}): they will be deleted from tomorrow on"
            )
    except OSError as e:
        return f"{out}: cannot delete calls older than {days} days: {e.strerror or e}"
    gone, problems = [], []
    for call in old_calls:
        try:
            if foreign := _delete_call(call.folder):
                problems.append(f"{call.folder}: left what voicecoach did not write: {foreign}")
            gone.append(call)
        except OSError as e:
            problems.append(f"{call.folder}: cannot delete it: {e.strerror or e}")
    done = f"{count_text(len(gone), 'call')} older than {days} days deleted in {out}"
    if by_name := sum(not call.by_log for call in gone):
        done += f" ({by_name} by folder name and time of writing, without a log that can be read)"
    return "; ".join([done] * bool(gone) + problems + unknown)


def _folders(out: Path) -> list[Path]:
    there = out.iterdir() if out.is_dir() else ()
    return sorted(each for each in there if each.is_dir() and not each.is_symlink())


def _inspect(folder: Path) -> _Found | None:
    """Return what a folder is; None if there is no call in it, or a replayed one."""
    try:
        written = [at for name in CALL_FILES if (at := _time_of_writing(folder / name))]
    except OSError:  # a folder that cannot be read
        return None
    if not written:
        return None
    named = _time_of_name(folder.name)
    by_name = _Found(folder, max([*written, named or written[0]]), bool(named), by_log=False)
    log_written = _time_of_writing(folder / EVENT_LOG)
    if not log_written:
        return by_name
    try:
        with open_regular(folder / EVENT_LOG) as file:
            facts = event_log.parse_any_header(file.readline(MAX_LOG_HEADER_BYTES))
    except (OSError, ValueError):
        return by_name
    if facts.get("live") is not True:
        return None
    try:
        began = datetime.fromisoformat(facts["started_at"]).astimezone(UTC)
    except (ValueError, TypeError, LookupError, OverflowError):
        return by_name._replace(is_call=True)
    return _Found(folder, max(began, log_written))


def _time_of_name(name: str) -> datetime | None:
    """Return the time in the name of a live call's folder; None if it is another name."""
    try:
        return datetime.strptime(re.sub(r"_\d+\Z", "", name), FOLDER_NAME).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _time_of_writing(path: Path) -> datetime | None:
    """Return when a file was written; None if it is a link, a folder, or missing."""
    try:
        state = path.lstat()
    except FileNotFoundError:
        return None
    return datetime.fromtimestamp(state.st_mtime, UTC) if stat.S_ISREG(state.st_mode) else None


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


def _delete_call(folder: Path) -> str:
    """Delete a call's files, and its folder if nothing else is in it; return what else is.

    Raises
    ------
    OSError
        If something cannot be deleted.
    """
    ours = {*CALL_FILES, *RESULT_FILES, *(folder.name + end for end in EXPORT_SUFFIXES.values())}
    foreign = []
    for path in sorted(folder.iterdir(), key=lambda path: (path.name in CALL_FILES, path.name)):
        written = path.name in ours or path.name.startswith(UNFINISHED)
        if path.is_symlink() or (written and path.is_file()):
            path.unlink()
        else:
            foreign.append(readable_text(path.name))
    if not foreign:
        folder.rmdir()
    more = f" and {len(foreign) - MAX_NAMED} more" if len(foreign) > MAX_NAMED else ""
    return ", ".join(foreign[:MAX_NAMED]) + more

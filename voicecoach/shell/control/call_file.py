"""Files that tell `voicecoach tell` how to reach the running call; only their user can read them.

The first has the process, the port and the token of the local web application.  It is written
in one step, and removed when the call ends; one that a killed process left behind is ignored.
With metrics, the token is also in a file of its own, in the form Prometheus reads.

A user has one live session at a time on a machine, since `voicecoach tell` reaches one: it holds a
lock, which the system releases however its process ends.

`voicecoach tell` imports this module, so it imports nothing slow.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import platformdirs

from voicecoach.errors import ConfigError

CALL_FILE, TOKEN_FILE, LOCK_FILE = "call.json", "metrics.token", "session.lock"
TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
"""256 bits, in the form of `secrets.token_urlsafe`."""
MAX_CALL_FILE_BYTES = 1024


class RunningCall(NamedTuple):
    """Address and token of a live call."""

    pid: int
    port: int
    """Port on 127.0.0.1."""
    token: str


def control_folder() -> Path:
    """Return the folder of the files.

    Raises
    ------
    OSError
        If there is no folder that only this user can access.
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the user need not be told that it is not the default folder
        return platformdirs.user_runtime_path("voicecoach", appauthor=False)


def publish_call(call: RunningCall, *, token_file: bool) -> Path:
    """Write the files, and return their folder; those of another call are replaced.

    Raises
    ------
    OSError, OutputError
        If they cannot be written, or another user could replace them.
    """
    # Not at the top: `tell` only reads.
    from voicecoach.shell.runtime import atomic_write

    folder = _create_folder()
    text = json.dumps(call._asdict())
    atomic_write.write_atomic(folder / CALL_FILE, f"{text}\n")
    if token_file:
        atomic_write.write_atomic(folder / TOKEN_FILE, f"{call.token}\n")
    return folder


@contextlib.contextmanager
def only_session() -> Iterator[None]:
    """Be this user's only live session here, while the context lasts.

    Where no lock can be had (a folder of somebody else, a file system without locks), there is
    none, and the session begins.

    Raises
    ------
    ConfigError
        If another one is running.
    """
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context((_create_folder() / LOCK_FILE).open("ab"))
            _lock(lock.fileno())
        except BlockingIOError as e:
            call = find_running_call()
            where = f" (process {call.pid}, http://127.0.0.1:{call.port}/)" if call else ""
            raise ConfigError(
                f"a live session is already running{where}: use that one, or end it with "
                "`voicecoach tell quit`"
            ) from e
        except OSError:
            pass
        yield


def _lock(file: int) -> None:
    """Lock a file until it is closed; raise BlockingIOError if another process has locked it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as e:
            raise BlockingIOError from e
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _create_folder() -> Path:
    """Create the folder of the files, and return it if no other user can write to it."""
    folder = control_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        found = folder.lstat()
        others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or others_write:
            raise PermissionError(f"{folder}: other users can access it; run chmod 700 on it")
    return folder


def withdraw_call(call: RunningCall) -> None:
    """Remove the files, unless another call has replaced them."""
    with contextlib.suppress(OSError):
        folder = control_folder()
        if (_read_own(folder / TOKEN_FILE) or "").strip() == call.token:
            (folder / TOKEN_FILE).unlink(missing_ok=True)
        if _parse(_read_own(folder / CALL_FILE)) == call:
            (folder / CALL_FILE).unlink(missing_ok=True)


def find_running_call() -> RunningCall | None:
    """Return the live call that this user runs here; None if there is none."""
    try:
        call = _parse(_read_own(control_folder() / CALL_FILE))
    except OSError:
        return None
    return call if call and _is_running(call.pid) else None


def _read_own(path: Path) -> str | None:
    """Return the text of this user's file; None if it is missing or another user's."""
    try:
        with path.open("rb") as file:
            if sys.platform != "win32" and os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            return file.read(MAX_CALL_FILE_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return None


def _parse(text: str | None) -> RunningCall | None:
    try:
        call = RunningCall(**json.loads(text or ""))
        whole = type(call.pid) is int and type(call.port) is int and call.pid > 0
        return call if whole and 0 < call.port < 65536 and TOKEN.fullmatch(call.token) else None
    except (ValueError, TypeError, RecursionError):
        return None


def _is_running(pid: int) -> bool:
    """Return whether this user has a process with this number."""
    if sys.platform == "win32":
        return True  # os.kill would end it; if the process is gone, connecting fails anyway
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return True

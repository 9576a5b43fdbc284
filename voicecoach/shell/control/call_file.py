"""Where a running live call says how to reach it: a file that only its user can read.

The file has the process, the port and the token of the local web application.  It is written
whole, and removed when the call ends; one that a killed process left behind counts for nothing.
With metrics, the token stands in a file of its own, too, as Prometheus reads it.

`voicecoach tell` reads this: nothing here takes time to import.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import platformdirs

CALL_FILE, TOKEN_FILE = "call.json", "metrics.token"
TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
"""256 bits, as `secrets.token_urlsafe` writes them."""
MAX_FILE_BYTES = 1024


class RunningCall(NamedTuple):
    """How to reach a live call."""

    pid: int
    port: int
    """Of 127.0.0.1."""
    token: str


def control_folder() -> Path:
    """Return the folder of the files.

    Raises
    ------
    OSError
        Where there is no place that is this user's alone.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not the usual one is nothing to a person
        return platformdirs.user_runtime_path("voicecoach", appauthor=False)


def publish_call(call: RunningCall, *, token_file: bool) -> Path:
    """Write the files, and return their folder; what another call wrote is replaced.

    Raises
    ------
    OSError, OutputError
        Where they cannot be written, or somebody else could replace them.
    """
    # Not at the top: `tell` only reads.
    from voicecoach.shell.runtime import atomic_write

    folder = control_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        found = folder.lstat()
        others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or others_write:
            raise PermissionError(f"{folder} is not yours alone")
    text = json.dumps(call._asdict())
    atomic_write.write_atomic(folder / CALL_FILE, f"{text}\n", private=True)
    if token_file:
        atomic_write.write_atomic(folder / TOKEN_FILE, f"{call.token}\n", private=True)
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
    """Return the live call that this user runs here; None where there is none."""
    try:
        call = _parse(_read_own(control_folder() / CALL_FILE))
    except OSError:
        return None
    return call if call and _is_running(call.pid) else None


def _read_own(path: Path) -> str | None:
    """Return what a file of this user says; None where it is not there, or is somebody else's."""
    try:
        with path.open("rb") as file:
            if sys.platform != "win32" and os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            return file.read(MAX_FILE_BYTES).decode("ascii")
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
    """Return whether a process of this user has this number."""
    if sys.platform == "win32":
        return True  # os.kill would end it; if it is not there, nobody listens either
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return True

"""Prints lines to standard error; imports nothing slow."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from voicecoach.text_safety.sanitize import printable, readable_text

_lock = threading.Lock()
_kept: list[int] = []
"""While standard error is silenced: a duplicate of it for each that silences it."""


def print_error(message: str) -> None:
    """Print an error to standard error, on one line."""
    print_to_stderr(f"error: {' '.join(message.split())}")


def print_to_stderr(message: str) -> None:
    """Print a line to standard error, escaping characters that cannot be printed."""
    if not sys.stderr:  # a program without a console has no stderr
        return
    line = f"{printable(readable_text(message))}\n"
    with _lock:
        if _kept:
            os.write(_kept[0], line.encode(sys.stderr.encoding, "replace"))
        else:
            sys.stderr.write(line)
            sys.stderr.flush()


@contextmanager
def stderr_silenced() -> Iterator[None]:
    """Discard what libraries write to standard error, but not the lines printed here."""
    with _lock:
        _kept.append(os.dup(2))
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os.close(nothing)
    try:
        yield
    finally:
        with _lock:
            # The first duplicate is the real one: it stays until nobody silences it any more.
            last = _kept.pop()
            if not _kept:
                os.dup2(last, 2)
            os.close(last)

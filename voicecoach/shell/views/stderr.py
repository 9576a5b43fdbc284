"""Lines on standard error; nothing here takes time to import."""

from __future__ import annotations

import sys

from voicecoach.text_safety.sanitize import printable, readable_text


def print_error(message: str) -> None:
    """Write an error to standard error, in one line."""
    print_to_stderr(f"error: {' '.join(message.split())}")


def print_to_stderr(message: str) -> None:
    """Write a line to standard error, whatever is in a file's name."""
    if sys.stderr:  # a program without a console has none
        sys.stderr.write(f"{printable(readable_text(message))}\n")
        sys.stderr.flush()

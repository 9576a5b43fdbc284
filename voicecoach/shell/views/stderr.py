"""Prints lines to standard error; imports nothing slow."""

from __future__ import annotations

import sys

from voicecoach.text_safety.sanitize import printable, readable_text


def print_error(message: str) -> None:
    """Print an error to standard error, on one line."""
    print_to_stderr(f"error: {' '.join(message.split())}")


def print_to_stderr(message: str) -> None:
    """Print a line to standard error, escaping characters that cannot be printed."""
    if sys.stderr:  # a program without a console has no stderr
        sys.stderr.write(f"{printable(readable_text(message))}\n")
        sys.stderr.flush()

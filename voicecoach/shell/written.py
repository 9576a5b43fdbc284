"""A text in a file: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from voicecoach.errors import OutputError


def write(path: Path, text: str) -> None:
    """Write a text to a file, making its folder; what was there stays until it is whole.

    Raises
    ------
    OutputError
        Where it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_text(text, "utf-8", newline="\n")
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as e:
        raise OutputError(f"{path}: cannot be written: {e.strerror or e}") from e

"""Writes a file, or the files of a folder, completely or not at all.

Files are readable by their owner only, and so are folders that are created: most of what is written
here quotes a call.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from voicecoach.errors import OutputError

UNFINISHED = ".unfinished-"
"""Beginning of the names of files and folders that are being written."""


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file, creating its folder; the old content stays until the new one is complete.

    Parameters
    ----------
    path
        The file.
    content
        A text is written as UTF-8, with its line ends unchanged.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    try:
        with atomic_file(path) as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except OSError as e:
        raise OutputError(f"{path}: cannot write it: {e.strerror or e}") from e


@contextmanager
def atomic_file(path: Path, *, scratch: Path | None = None) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces `path` once it is complete and on disk.

    Parameters
    ----------
    path
        The file; its folder is created.
    scratch
        Folder for the unfinished file, on the same file system; by default the file's own.

    Raises
    ------
    OSError
        If it cannot be written; the old content stays.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Its mode is 0600.
    number, unfinished = tempfile.mkstemp(prefix=UNFINISHED, dir=scratch or path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(out: Path, what: str) -> Iterator[Path]:
    """Provide a folder for files that are moved to `out` if all goes well.

    Parameters
    ----------
    out
        The folder; it is created, and removed again after a failure.
    what
        Name of what is written, for errors.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    made: list[Path] = []
    scratch = None
    done = False
    try:
        made = [parent for parent in (out, *out.parents) if not parent.exists()]
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=out))
        yield scratch
        for path in scratch.iterdir():
            os.replace(path, out / path.name)
        done = True
    except OSError as e:
        raise OutputError(f"{out}: cannot write {what}: {e.strerror or e}") from e
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
        if not done:
            for folder in made:
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()

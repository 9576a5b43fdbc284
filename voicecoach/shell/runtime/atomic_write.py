"""A file, or the files of a folder: whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from voicecoach.errors import OutputError


def write_atomic(path: Path, content: bytes | str, *, private: bool = False) -> None:
    """Write a file, making its folder; what was there stays until it is whole.

    Parameters
    ----------
    path
        The file.
    content
        A text is written as UTF-8, its lines as they are.
    private
        For its owner alone.

    Raises
    ------
    OutputError
        Where it cannot be written.
    """
    try:
        with atomic_file(path, private=private) as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except OSError as e:
        raise OutputError(f"{path}: cannot be written: {e.strerror or e}") from e


@contextmanager
def atomic_file(
    path: Path, *, private: bool = False, scratch: Path | None = None
) -> Iterator[BinaryIO]:
    """Open a file to write that takes its place when all is in it, on the disk.

    Parameters
    ----------
    path
        The file; its folder is made.
    private
        For its owner alone.
    scratch
        The folder for what is unfinished, on the same file system; by default the file's own.

    Raises
    ------
    OSError
        Where it cannot be written; what was there is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Its mode is 0600.
    number, unfinished = tempfile.mkstemp(prefix=".unfinished-", dir=scratch or path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not private:
            Path(unfinished).chmod(0o666 & ~_umask())
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(out: Path, what: str) -> Iterator[Path]:
    """Give a folder to write to, whose files are moved to `out` if all goes well.

    Parameters
    ----------
    out
        The folder; it is made, and unmade where nothing came of it.
    what
        What is written, in the words of an error.

    Raises
    ------
    OutputError
        Where they cannot be written.
    """
    made: list[Path] = []
    scratch = None
    done = False
    try:
        made = [parent for parent in (out, *out.parents) if not parent.exists()]
        out.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=out))
        yield scratch
        for path in scratch.iterdir():
            os.replace(path, out / path.name)
        done = True
    except OSError as e:
        raise OutputError(f"{out}: {what} cannot be written: {e.strerror or e}") from e
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
        if not done:
            for folder in made:
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()


def _umask() -> int:
    """Return what the files that this process makes are not for."""
    umask = os.umask(0o022)
    os.umask(umask)
    return umask

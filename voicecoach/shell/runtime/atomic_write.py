"""A file: whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

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
    data = content.encode() if isinstance(content, str) else content
    unfinished = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Its mode is 0600.
        number, unfinished = tempfile.mkstemp(prefix=".unfinished-", dir=path.parent)
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if not private:
            Path(unfinished).chmod(0o666 & ~_umask())
        os.replace(unfinished, path)
        unfinished = None
    except OSError as e:
        raise OutputError(f"{path}: cannot be written: {e.strerror or e}") from e
    finally:
        if unfinished:
            Path(unfinished).unlink(missing_ok=True)


def _umask() -> int:
    """Return what the files that this process makes are not for."""
    umask = os.umask(0o022)
    os.umask(umask)
    return umask

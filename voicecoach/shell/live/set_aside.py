"""Deletes a call's folder so that it can be restored for a while by this process alone.

Its files are copied to temporary files without a name, which the system deletes when the process
ends, however it ends.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO


class SetAside:
    """A folder's files, without a name on the disk.

    Parameters
    ----------
    folder
        It is not deleted yet.

    Raises
    ------
    OSError
        If they cannot be copied.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, IO[bytes]] = {}
        with ExitStack() as stack:
            for path in folder.iterdir():
                copy = stack.enter_context(tempfile.TemporaryFile(dir=folder.parent))
                with path.open("rb") as file:
                    shutil.copyfileobj(file, copy)
                self._files[path.name] = copy
            self._copies = stack.pop_all()

    def restore(self) -> None:
        """Write the folder again.

        Raises
        ------
        OSError
            If it cannot be written; what was written stays.
        """
        self._folder.mkdir(mode=0o700)
        for name, copy in self._files.items():
            copy.seek(0)
            path = self._folder / name
            with open(path, "xb", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
                shutil.copyfileobj(copy, file)

    def close(self) -> None:
        """Discard the files."""
        self._copies.close()

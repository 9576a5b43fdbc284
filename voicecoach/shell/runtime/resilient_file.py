"""A file for a disk that may be slow or full: data that cannot be written now stays queued.

`write` never fails and never touches the disk.  `flush` hands queued data to the system, each byte
at its own offset, so that after the disk was full nothing is duplicated or cut off.  Flushed data
survives a crash of the program, synced data a crash of the machine.

It also has the methods that libsndfile needs of a file to write to.
"""

from __future__ import annotations

import io
import os
from collections import deque
from pathlib import Path


class ResilientFile:
    """A new file, opened at the first `flush`; used by one thread.

    Parameters
    ----------
    path
        An existing file is replaced; the folder is created, private to this user.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: io.FileIO | None = None
        self._pieces: deque[tuple[int, bytearray]] = deque()
        """Queued data with its positions; adjacent pieces are merged."""
        self._place = self._end = 0
        self._synced = True
        self._closed = False

    def write(self, data: bytes) -> int:
        """Queue data for the current position."""
        start, last = self._pieces[-1] if self._pieces else (0, bytearray())
        if last and start + len(last) == self._place:
            last.extend(data)
        else:
            self._pieces.append((self._place, bytearray(data)))
        self._place += len(data)
        self._end = max(self._end, self._place)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end}[whence]
        self._place = origin + offset
        return self._place

    def tell(self) -> int:
        """Return the current position."""
        return self._place

    def flush(self) -> None:
        """Hand queued data to the system.

        Raises
        ------
        OSError
            If it accepts no more now; the rest stays queued.
        """
        if self._closed:
            return
        if self._file is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = io.FileIO(self.path, "w")
        while self._pieces:
            place, piece = self._pieces[0]
            if place < self._file.tell():
                self.sync()  # a header written anew promises what was written before it
            self._synced = False
            self._file.seek(place)
            taken = self._file.write(piece) or 0
            if taken == len(piece):
                self._pieces.popleft()
            else:
                self._pieces[0] = (place + taken, piece[taken:])

    def sync(self) -> None:
        """Sync flushed data to the disk, if there is any.

        Raises
        ------
        OSError
            If the disk fails.
        """
        if self._file and not self._synced:
            os.fsync(self._file.fileno())
            self._synced = True

    def close(self) -> None:
        """Close the file for good; queued data is lost.

        Raises
        ------
        OSError
            If the system reports an earlier failure only now.
        """
        self._closed = True
        self._pieces.clear()
        file, self._file = self._file, None
        if file:
            file.close()

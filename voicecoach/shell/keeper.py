"""What is kept of a live call, written by a thread of its own: a slow disk holds up nothing.

The event log is written line by line, so a program that is killed leaves all but the last moment of
it.  Audio is kept only when asked, as FLAC on the time line of the log: a replay of it gives what
the call gave.
"""

from __future__ import annotations

import queue
import shutil
import threading
from pathlib import Path

import numpy as np
import soundfile

from voicecoach.errors import OutputError
from voicecoach.shell.replay import EVENTS
from voicecoach.types import F32, SAMPLE_RATE

AUDIO = "call.flac"
WAITING = 20_000
"""Lines and blocks that may wait: minutes."""


class Keeper:
    """The folder of one live call; a context manager.

    Parameters
    ----------
    folder
        It is made.
    audio
        Keep the audio, too.

    Raises
    ------
    OutputError
        Where the folder or its files cannot be made.
    """

    def __init__(self, folder: Path, *, audio: bool) -> None:
        self.folder = folder
        self.trouble = ""
        """Why something was not kept, or ""; said once."""
        try:
            # What was said is for nobody else on this machine.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._log = (folder / EVENTS).open("wb")
            self._audio = (
                soundfile.SoundFile(folder / AUDIO, "w", SAMPLE_RATE, 2, "PCM_16")
                if audio
                else None
            )
        except (OSError, soundfile.LibsndfileError) as e:
            raise OutputError(f"{folder}: the call cannot be kept there: {e}") from e
        self._waiting: queue.Queue[bytes | F32 | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._write, name="keeper", daemon=True)

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.put(None)
        self._thread.join()

    def discard(self) -> None:
        """Delete all that was kept, once nothing is written any more.

        Raises
        ------
        OutputError
            Where it cannot be deleted.
        """
        try:
            shutil.rmtree(self.folder)
        except OSError as e:
            raise OutputError(
                f"{self.folder}: the customer said no, and it cannot be deleted, do it by hand: "
                f"{e.strerror or e}"
            ) from e

    @property
    def depth(self) -> int:
        """How much waits to be written."""
        return self._waiting.qsize()

    def line(self, line: bytes) -> None:
        """Keep a line of the log."""
        self._put(line)

    def hear(self, samples: F32) -> None:
        """Keep [2, n] samples, where audio is kept."""
        if self._audio:
            self._put(samples)

    def _put(self, what: bytes | F32) -> None:
        try:
            self._waiting.put_nowait(what)
        except queue.Full:
            self.trouble = self.trouble or "the disk is too slow: the log is no longer complete"

    def _write(self) -> None:
        while (what := self._waiting.get()) is not None:
            try:
                if isinstance(what, bytes):
                    self._log.write(what)
                    if self._waiting.empty():
                        self._log.flush()
                elif self._audio:
                    self._audio.write(np.ascontiguousarray(what.T))
            except (OSError, soundfile.LibsndfileError) as e:
                self.trouble = self.trouble or f"the call cannot be written down any more: {e}"
        for file in (self._log, self._audio):
            try:
                if file:
                    file.close()
            except (OSError, soundfile.LibsndfileError) as e:
                self.trouble = self.trouble or f"the call cannot be written down any more: {e}"

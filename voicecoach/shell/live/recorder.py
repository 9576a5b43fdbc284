"""What is kept of a live call, written by a thread of its own: no disk holds up a call.

The event log is written line by line and synced every 0.7 s, so a program that is killed leaves
all of it, and a power cut all but the last moment.  Audio is kept only when asked, as FLAC on the
time line of the log, with what the engine was given beside it: heard again as it was, it gives what
the call gave.

| the disk         | what happens                                                              |
|------------------|---------------------------------------------------------------------------|
| is slow          | lines wait, for minutes                                                   |
| is full, or gone | they wait, and are written when it takes them: nothing is lost, or twice  |
| for too long     | lines are left out and counted, silence stands in for sound; both is said |
| at a call's end  | it is tried for `LAST_S` more, and then given up                          |
"""

from __future__ import annotations

import queue
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile

from voicecoach.errors import OutputError
from voicecoach.shell.results.input_log import INPUTS_FILE
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.runtime.resilient_file import ResilientFile
from voicecoach.shell.runtime.worker import ReportTrouble, StageThread, ignore_trouble
from voicecoach.types import F32, SAMPLE_RATE

AUDIO_FILE = "call.flac"
MAX_QUEUED_WRITES = 20_000
"""Lines and blocks that may wait: minutes."""
WRITE_RETRY_S = 0.5
"""Before a disk that takes nothing is tried again."""
SYNC_S = 0.7
"""Between syncs: with the time one takes, a power cut costs a second at most."""
CLOSE_TIMEOUT_S = 5.0
"""How long a disk that takes nothing at the end of a call is tried."""


def check_writable(out: Path) -> None:
    """Make sure that calls can be kept in a folder, which is made.

    Raises
    ------
    OutputError
        Where they cannot.
    """
    trial = out / ".trial"
    try:
        out.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as e:
        raise OutputError(f"{out}: cannot keep calls there: {e.strerror or e}") from e


class CallRecorder:
    """The folder of one live call; a context manager.

    Parameters
    ----------
    folder
        It is made when the first line is written.
    audio
        Keep the audio, too.
    inputs
        Keep what the engine is given beside it, too.
    say
        Told where its thread fails.
    after
        Called in its thread when all is written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        audio: bool,
        inputs: bool = False,
        say: ReportTrouble = ignore_trouble,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self.folder = folder
        self.write_trouble = ""
        """Why nothing is written now, or ""."""
        self._on_written = after
        self._log = ResilientFile(folder / EVENT_LOG)
        self._inputs = ResilientFile(folder / INPUTS_FILE) if inputs else None
        self._sound = ResilientFile(folder / AUDIO_FILE) if audio else None
        # What the engine was given is there no later than what it made of it.
        self._files = [file for file in (self._inputs, self._log, self._sound) if file]
        self._flac = (
            soundfile.SoundFile(self._sound, "w", SAMPLE_RATE, 2, "PCM_16", format="FLAC")
            if self._sound
            else None
        )
        self._waiting: queue.Queue[tuple[ResilientFile, bytes] | F32] = queue.Queue(
            MAX_QUEUED_WRITES
        )
        self._missed_lines, self._silent_samples = 0, 0
        """Lines left out since they were last asked for, and samples that silence stands for."""
        self._ended = threading.Event()
        self._synced = time.monotonic()
        self._worker = StageThread("log", self._write_loop, say, self._on_thread_lost)

    def __enter__(self) -> CallRecorder:
        self._worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def wait_until_written(self, seconds: float | None = None) -> bool:
        """Wait until all is written, at most so long; return whether it is."""
        self._worker.join(seconds)
        return not self._worker.is_alive()

    def delete_folder(self) -> None:
        """Delete all that was kept, once recording to disk has stopped.

        Raises
        ------
        OutputError
            Where it cannot be deleted.
        """
        try:
            with suppress(FileNotFoundError):  # a full disk had none of it
                shutil.rmtree(self.folder)
        except OSError as e:
            raise OutputError(
                f"{self.folder}: the customer declined, but the call cannot be deleted; "
                "delete it by hand: "
                f"{e.strerror or e}"
            ) from e

    @property
    def queued_writes(self) -> int:
        """How much waits to be written."""
        return self._waiting.qsize()

    def pop_missed_lines(self) -> int:
        """Return how many lines were left out since the last call."""
        missed, self._missed_lines = self._missed_lines, 0
        return missed

    def write_event_line(self, line: bytes) -> None:
        """Keep a line of the log."""
        if not self._enqueue((self._log, line)):
            self._missed_lines += 1

    def write_input_line(self, line: bytes) -> None:
        """Keep a line of what the engine is given, where that is kept."""
        if self._inputs and not self._enqueue((self._inputs, line)):
            self._missed_lines += 1

    def write_audio(self, samples: F32) -> None:
        """Keep [2, n] samples, where audio is kept."""
        if not self._flac:
            return
        if self._silent_samples and self._enqueue(np.zeros((2, self._silent_samples), np.float32)):
            self._silent_samples = 0
        if self._silent_samples or not self._enqueue(samples):
            self._silent_samples += samples.shape[1]

    def _enqueue(self, what: tuple[ResilientFile, bytes] | F32) -> bool:
        try:
            self._waiting.put_nowait(what)
        except queue.Full:
            return False
        return True

    # --- its thread -----------------------------------------------------------------------

    def _write_loop(self) -> None:
        """Write what comes, to the end of the call, and what is made of it."""
        while not (self._ended.is_set() and self._waiting.empty()):
            with suppress(queue.Empty):
                self._write_item(self._waiting.get(timeout=SYNC_S / 4))
            if self._waiting.empty():
                while not self._try_flush() and not self._ended.wait(WRITE_RETRY_S):
                    pass  # meanwhile it waits where there is a limit
        if self._flac:
            self._flac.close()  # what it holds back goes to `_sound`
            self._flac = None
        until = time.monotonic() + CLOSE_TIMEOUT_S
        while not self._try_flush(last=True) and time.monotonic() < until:
            time.sleep(WRITE_RETRY_S)
        self._close()
        self._on_written()

    def _on_thread_lost(self) -> None:
        self.write_trouble = "recording to disk has stopped"
        self._close()
        with suppress(Exception):  # it may be what failed; but who said no is to be forgotten
            self._on_written()

    def _close(self) -> None:
        for file in self._files:
            with suppress(OSError):  # it was synced, or is given up
                file.close()

    def _write_item(self, what: tuple[ResilientFile, bytes] | F32) -> None:
        if isinstance(what, tuple):
            file, line = what
            file.write(line)
        elif self._flac:
            self._flac.write(np.ascontiguousarray(what.T))

    def _try_flush(self, *, last: bool = False) -> bool:
        """Hand what there is to the disk; return whether it took it."""
        now = time.monotonic()
        sync = last or now >= self._synced + SYNC_S
        try:
            for file in self._files:
                file.flush()
                if sync:
                    file.sync()
        except OSError as e:
            self.write_trouble = f"cannot write to disk, retrying: {e.strerror or e}"
            return False
        if sync:
            self._synced = now
        self.write_trouble = ""
        return True

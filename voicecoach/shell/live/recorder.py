"""Writes a live call's log and audio in its own thread, so that a slow disk never delays the call.

The event log is written line by line and synced every 0.7 s.  All of it remains if the program is
killed, and all but the last second after a power cut.  Audio is saved only on request, as FLAC on
the log's time line, with the engine's other inputs beside it; replaying them gives the same events
as the call.

| the disk                      | what happens                                                  |
|-------------------------------|---------------------------------------------------------------|
| is slow                       | lines are queued, for up to minutes                           |
| is full or gone               | lines are queued and written later: none is lost or repeated  |
| is full or gone for minutes   | lines are dropped and counted, audio becomes silence; both    |
|                               | are reported                                                  |
| is full or gone at a call's   | writing is retried for `CLOSE_TIMEOUT_S`, then given up       |
| end                           |                                                               |
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
from voicecoach.types.stream import F32, SAMPLE_RATE

AUDIO_FILE = "call.flac"
FOLDER_NAME = "%Y-%m-%d_%H-%M-%S"
"""Form of a call's folder name: when it began, local time; a second call of a second has "_2"."""
MAX_QUEUED_WRITES = 20_000
"""Most lines and blocks in the queue: enough for minutes."""
WRITE_RETRY_S = 0.5
"""Seconds before a failed write is retried."""
SYNC_S = 0.7
"""Seconds between syncs; with the time a sync takes, a power cut costs at most one second."""
CLOSE_TIMEOUT_S = 5.0
"""Seconds for which a failing disk is retried at the end of a call."""


def check_writable(out: Path) -> None:
    """Create a folder if necessary, and check that calls can be written to it.

    Raises
    ------
    OutputError
        If it cannot be created or written to.
    """
    trial = out / ".trial"
    try:
        out.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as e:
        raise OutputError(f"{out}: cannot write calls there: {e.strerror or e}") from e


class CallRecorder:
    """Writes the folder of one live call, as a context manager.

    Parameters
    ----------
    folder
        Created when the first line is written.
    audio
        Also save the audio.
    inputs
        Also save the engine's other inputs.
    say
        Called with a message if the thread fails.
    after
        Called in the recorder's thread when everything is written.
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
        """Why the disk cannot be written to at present, or ""."""
        self._on_written = after
        self._log = ResilientFile(folder / EVENT_LOG)
        self._inputs = ResilientFile(folder / INPUTS_FILE) if inputs else None
        self._sound = ResilientFile(folder / AUDIO_FILE) if audio else None
        # Inputs come first, so that they are on disk no later than the events made from them.
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
        """Lines dropped since the last `pop_missed_lines`, and samples replaced by silence."""
        self._ended = threading.Event()
        self._synced = time.monotonic()
        self._worker = StageThread("log", self._write_loop, say, self._on_thread_lost)

    def __enter__(self) -> CallRecorder:
        self._worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def wait_until_written(self, seconds: float | None = None) -> bool:
        """Wait until everything is written, at most `seconds`; return whether it is."""
        self._worker.join(seconds)
        return not self._worker.is_alive()

    def delete_folder(self) -> None:
        """Delete the call's folder, once recording to disk has stopped.

        Raises
        ------
        OutputError
            If it cannot be deleted.
        """
        try:
            with suppress(FileNotFoundError):  # on a full disk the folder was never created
                shutil.rmtree(self.folder)
        except OSError as e:
            raise OutputError(
                f"{self.folder}: the customer declined, but the call cannot be deleted; "
                "delete it by hand: "
                f"{e.strerror or e}"
            ) from e

    @property
    def queued_writes(self) -> int:
        """Number of writes that are queued."""
        return self._waiting.qsize()

    def pop_missed_lines(self) -> int:
        """Return the number of lines dropped since the last call."""
        missed, self._missed_lines = self._missed_lines, 0
        return missed

    def write_event_line(self, line: bytes) -> None:
        """Queue a line of the log."""
        if not self._enqueue((self._log, line)):
            self._missed_lines += 1

    def write_input_line(self, line: bytes) -> None:
        """Queue a line of the engine's inputs, if they are saved."""
        if self._inputs and not self._enqueue((self._inputs, line)):
            self._missed_lines += 1

    def write_audio(self, samples: F32) -> None:
        """Queue samples [2, n], if audio is saved."""
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

    # --- the recorder's thread ------------------------------------------------------------

    def _write_loop(self) -> None:
        """Write what is queued until the call ends, then call `after`."""
        while not (self._ended.is_set() and self._waiting.empty()):
            with suppress(queue.Empty):
                self._write_item(self._waiting.get(timeout=SYNC_S / 4))
            if self._waiting.empty():
                while not self._try_flush() and not self._ended.wait(WRITE_RETRY_S):
                    pass  # keep retrying; meanwhile the queue fills up to its limit
        if self._flac:
            self._flac.close()  # the encoder writes its remaining audio to `_sound`
            self._flac = None
        until = time.monotonic() + CLOSE_TIMEOUT_S
        while not self._try_flush(last=True) and time.monotonic() < until:
            time.sleep(WRITE_RETRY_S)
        self._close()
        self._on_written()

    def _on_thread_lost(self) -> None:
        self.write_trouble = "recording to disk has stopped"
        self._close()
        with suppress(
            Exception
        ):  # closing may be what failed; a declined call must be deleted all the same
            self._on_written()

    def _close(self) -> None:
        for file in self._files:
            with suppress(OSError):  # everything has been synced or given up
                file.close()

    def _write_item(self, what: tuple[ResilientFile, bytes] | F32) -> None:
        if isinstance(what, tuple):
            file, line = what
            file.write(line)
        elif self._flac:
            self._flac.write(np.ascontiguousarray(what.T))

    def _try_flush(self, *, last: bool = False) -> bool:
        """Write what is pending to disk; return whether that succeeded."""
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

"""Replays one call, in a worker.

A worker is a process with one thread.  It loads the models once; if words are wanted it has one
transcriber, a process of its own that ends when the worker does.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from voicecoach.errors import AudioFileError, ClusterError, OutputError
from voicecoach.shell.archive.plan import CALLS_FOLDER, ArchiveRecording, BatchSettings
from voicecoach.shell.asr.pair import open_transcriber
from voicecoach.shell.asr.transcriber import Transcriber
from voicecoach.shell.results import writer
from voicecoach.shell.results.replay_one import CallSetup, replay_call
from voicecoach.shell.runtime.atomic_write import atomic_file
from voicecoach.shell.runtime.audio_files import ReadOptions
from voicecoach.shell.runtime.engine_factory import ModelFiles, shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.text_safety import bounded_input
from voicecoach.types.events import Event, Tone
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.version import __version__
from voicecoach.views.scorecard import ScoreCard
from voicecoach.views.summary import Summary


class CallResult(msgspec.Struct, frozen=True):
    """A call's result, from which the tables are made."""

    call: str
    size: int
    written: int
    voicecoach: str
    words: bool
    speakers: tuple[Speaker, ...]
    rates: list[int]
    summary: Summary
    tone: list[tuple[int, float, float]]
    """Second, agitation and confidence, from the last estimate in that second."""
    card: ScoreCard | None


class CallOutcome(NamedTuple):
    """What a worker returns for a call; everything else is in files."""

    duration_s: float = 0.0
    error: str = ""
    """Why the recording cannot be used, or "" if the call is done."""


class ToneRecorder:
    """Records the customer's agitation, once a second."""

    def __init__(self) -> None:
        self.tone: dict[int, tuple[float, float]] = {}

    def on_event(self, event: Event) -> None:
        """Record an event."""
        if isinstance(event, Tone):
            self.tone[event.at // SAMPLE_RATE] = event.agitation, event.confidence

    def on_progress(self, position: int) -> None:
        """Do nothing."""


class _WorkerCache:
    """What a worker keeps from one call to the next."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._models: ModelFiles | None = None
        self._wanted: tuple[Any, ...] | None = None
        self._transcribers: list[Transcriber] = []

    def setup(self, settings: BatchSettings) -> CallSetup:
        """Return the setup for replaying calls."""
        if self._models is None:
            self._models = shipped_models()
        config = settings.config
        words = config.transcription
        wanted = (words, config.transcribers.get(words.engine)) if words.enabled else None
        if wanted != self._wanted:
            self._stack.close()
            self._transcribers, self._wanted = [], None
            if wanted:
                remote = open_transcriber(config)
                self._stack.callback(remote.close)
                remote.wait_until_ready()
                self._transcribers = [remote]
            self._wanted = wanted
        return CallSetup(config, settings.cues, self._models, self._transcribers)


_worker_cache = _WorkerCache()


def check_this_worker(token: str, settings: BatchSettings, first: str) -> str:
    """Return why a worker cannot be used, or ""."""
    if __version__ != settings.version:
        return f"it runs voicecoach {__version__}, this computer runs {settings.version}"
    if not (settings.scratch / token).is_file():
        return f"it cannot see {settings.out}"
    if not os.path.lexists(settings.folder / first):
        return f"it cannot see {settings.folder}"
    return ""


def prepare_worker(settings: BatchSettings) -> None:
    """Load what calls need, so that problems are found before the first call."""
    _worker_cache.setup(settings)


def replay_recording(
    recording: ArchiveRecording, settings: BatchSettings, result: str
) -> CallOutcome:
    """Replay a call, and write its result in one step.

    Raises
    ------
    ClusterError
        If the worker's version differs.
    ModelError, OutputError
        If no call can be replayed.
    """
    if __version__ != settings.version:
        raise ClusterError(
            f"a worker runs voicecoach {__version__}, this computer runs {settings.version}: "
            "install the same version"
        )
    target = settings.results / result
    if target.exists():  # left by a worker that ended before reporting it
        return CallOutcome(read_call_result(target).summary.duration_s)
    setup = _worker_cache.setup(settings)
    seconds = ToneRecorder()
    try:
        call = _opener(settings)(settings.folder / recording.name)
        with _scratch_folder(settings) as name:
            scratch = Path(name)
            done = replay_call(call, setup, scratch / "call", seconds)
            found = CallResult(
                recording.name,
                recording.size,
                recording.written,
                __version__,
                bool(setup.transcribers),
                call.speakers,
                call.rates,
                done.summary,
                [(second, *tone) for second, tone in seconds.tone.items()],
                writer.read_score_card(scratch / "call"),
            )
            if settings.keep_folders:
                _keep_call_folder(scratch / "call", settings.out / CALLS_FOLDER / recording.name)
            with atomic_file(target, scratch=scratch) as file:
                file.write(msgspec.json.encode(found))
    except AudioFileError as e:
        return CallOutcome(error=str(e))
    except OSError as e:
        raise OutputError(f"{settings.out}: cannot write results: {e.strerror or e}") from e
    return CallOutcome(done.summary.duration_s)


def read_call_result(path: Path) -> CallResult:
    """Return a call's result.

    Raises
    ------
    OutputError
        If it cannot be read.
    """
    try:
        return bounded_input.decode_json(path.read_bytes(), CallResult)
    except (OSError, ValueError) as e:
        raise OutputError(
            f"{path}: cannot read this result; delete it and run the command again: {e}"
        ) from e


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C to the parent process; Dask calls this when it starts workers."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _opener(settings: BatchSettings) -> Callable[[Path], RecordedCall]:
    options = ReadOptions(settings.raw, settings.config.replay.max_hours)
    if settings.mono:
        return partial(RecordedCall.from_mono, speaker=settings.mono, options=options)
    return partial(
        RecordedCall.from_stereo,
        channels=settings.channels,
        mapped=settings.mapped,
        options=options,
    )


def _scratch_folder(settings: BatchSettings) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(dir=settings.scratch, ignore_cleanup_errors=True)


def _keep_call_folder(folder: Path, target: Path) -> None:
    """Replace a call's folder."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(folder, target)

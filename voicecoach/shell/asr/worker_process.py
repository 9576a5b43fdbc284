"""A speech model in a process of its own: Whisper, or one that a package adds.

A decoder that crashes takes nothing with it, one that hangs can be killed, and the system can be
told that everything else of the call comes first.  The two sides talk over the child's standard
input and output: a length of four bytes, then MessagePack.  The child ends when its input does,
whatever its decoder is doing.

    python -m voicecoach.shell.asr.worker_process        (started by `Remote`)
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from voicecoach import errors
from voicecoach.config import Config, TranscriptionConfig
from voicecoach.shell.asr.transcriber import RecogniserFailed, SpeechModel, TranscribedWord
from voicecoach.shell.asr.whisper import BUNDLED, Whisper
from voicecoach.shell.runtime.plugins import Registry
from voicecoach.types import F32

WHISPER = "whisper"
"""The transcriber that comes with the program."""
NICENESS = 5
"""How much the rest of the machine comes first, where the system knows nice values."""
LOAD_S = 60.0
"""Seconds for the model to be loaded; one that may have to be fetched gets `FETCH_S`."""
FETCH_S = 1800.0
TRANSCRIBE_TIMEOUT_S = 15.0
"""Seconds after which a recogniser hangs: ten times its slowest on a busy machine."""
WORKER_ENVIRONMENT = {
    # Before numpy is imported there: threads would spin between arrays this small.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # CTranslate2's convolutions keep the code they made for each of their last 1,024 lengths of
    # audio, 300 MB of it after an hour, and hardly ever meet a length again.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "8",
    # glibc's: weights in large pages, and memory kept from one request to the next, save a
    # twentieth of the CPU; other systems take no notice.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:"
    "glibc.malloc.trim_threshold=268435456",
}
"""Of the process, where the user's own does not say otherwise."""


class Load(msgspec.Struct, frozen=True, tag=True):
    """The first message to the child: the model."""

    settings: TranscriptionConfig
    options: dict[str, Any]
    """Those of a transcriber that a package adds."""
    warm_up: bool


class TranscribeAudio(msgspec.Struct, frozen=True, tag=True):
    """Audio that is to be transcribed, float32."""

    audio: bytes
    prefix: str
    context: str
    careful: bool


class WorkerAnswer(msgspec.Struct, frozen=True):
    """The child's answer to either; words, or an error's class and text."""

    words: list[TranscribedWord] = []
    error: str = ""
    text: str = ""


class TranscriberProcess:
    """A `Transcriber` whose model lives in another process.

    It is loaded meanwhile: the first request waits for it.

    Parameters
    ----------
    model, language, vocabulary
        As for `whisper.Whisper`.
    engine
        The name of a transcriber.
    options
        Of one that a package adds: its table in the configuration.
    rehearse
        It is to go on all day: once it is ready it does `whisper.Whisper.warm_up`, for 2 s.
    answer_s
        Seconds after which it hangs.
    command
        What to run.

    Raises
    ------
    ModelError, ConfigError
        From `ready`, as `whisper.Whisper` does.
    """

    def __init__(
        self,
        model: str,
        language: str,
        vocabulary: Sequence[str] = (),
        *,
        engine: str = WHISPER,
        options: Mapping[str, Any] | None = None,
        rehearse: bool = False,
        answer_s: float = TRANSCRIBE_TIMEOUT_S,
        command: Sequence[str] = (sys.executable, "-m", __name__),
    ) -> None:
        settings = TranscriptionConfig(
            engine=engine, model=model, language=language, vocabulary=tuple(vocabulary)
        )
        self._load = Load(settings, dict(options or {}), rehearse)
        self._answer_s, self._command = answer_s, command
        self._closed = self._loaded = False
        self._request_lock = threading.Lock()
        self._start()

    @classmethod
    def from_config(cls, config: Config, *, rehearse: bool = False) -> TranscriberProcess:
        """Return the transcriber that a configuration names."""
        wanted = config.transcription
        return cls(
            wanted.model,
            wanted.language,
            wanted.vocabulary,
            engine=wanted.engine,
            options=config.transcribers.get(wanted.engine),
            rehearse=rehearse,
        )

    def wait_until_ready(self) -> None:
        """Wait for the model."""
        if self._loaded:
            return
        settings = self._load.settings
        here = settings.engine != WHISPER or settings.model == BUNDLED
        here = here or Path(settings.model).is_dir()
        answer = self._ask(LOAD_S if here else FETCH_S)
        if answer.error:
            kind = getattr(errors, answer.error, RecogniserFailed)
            raise kind(answer.text)
        self._loaded = True

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return the words, as `transcriber.Transcriber` does.

        Raises
        ------
        RecogniserFailed
            Where the process ended, hung, or could not do it.
        """
        with self._request_lock:  # a call that is over may still wait for an answer
            self.wait_until_ready()
            answer = self._ask(
                self._answer_s, TranscribeAudio(audio.tobytes(), prefix, context, careful)
            )
        if answer.error:
            # Its text may have what was said in it, and this one goes into logs.
            raise RecogniserFailed(answer.error)
        return answer.words

    def restart(self) -> None:
        """Begin anew with another process."""
        self._stop()
        if not self._closed:
            self._start()

    def close(self) -> None:
        """End the process."""
        self._closed = True
        self._stop()

    def _start(self) -> None:
        self._loaded = False
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**WORKER_ENVIRONMENT, **os.environ},
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
        assert self._process.stdout
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        reader = threading.Thread(
            target=_forward_answers, args=(self._process.stdout, self._answers), daemon=True
        )
        reader.start()
        self._send(self._load)

    def _stop(self) -> None:
        process = self._process
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            # The pipe may hold what a process that is no more will not take.
            with contextlib.suppress(OSError):
                assert pipe
                pipe.close()

    def _send(self, message: Load | TranscribeAudio) -> None:
        assert self._process.stdin
        try:
            _write_message(self._process.stdin, msgspec.msgpack.encode(message))
        except (OSError, ValueError) as e:
            raise RecogniserFailed(self._exit_reason()) from e

    def _ask(self, seconds: float, message: TranscribeAudio | None = None) -> WorkerAnswer:
        """Send a message, where there is one, and return what comes back."""
        process, expired = self._process, threading.Event()

        def expire() -> None:
            expired.set()
            process.kill()  # what waits for its pipes, in either direction, waits no more

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            if message:
                self._send(message)
            data = self._answers.get()
        except RecogniserFailed:
            if not expired.is_set():
                raise
            data = None
        finally:
            timer.cancel()
        if data is None:
            late = f"no answer within {seconds:.0f} s"
            raise RecogniserFailed(late if expired.is_set() else self._exit_reason())
        return msgspec.msgpack.decode(data, type=WorkerAnswer)

    def _exit_reason(self) -> str:
        """Return how the process ended."""
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "its process does not respond"
        return f"its process ended with code {code}"


def _forward_answers(pipe: IO[bytes], answers: queue.SimpleQueue[bytes | None]) -> None:
    """Pass on what comes, and None at the end."""
    with contextlib.suppress(OSError, ValueError):
        while (data := _read_message(pipe)) is not None:
            answers.put(data)
    answers.put(None)


def _write_message(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(len(data).to_bytes(4, "little") + data)
    pipe.flush()


def _read_message(pipe: IO[bytes]) -> bytes | None:
    size = pipe.read(4)
    if len(size) < 4:
        return None
    data = pipe.read(int.from_bytes(size, "little"))
    return data if len(data) == int.from_bytes(size, "little") else None


# --- the child ------------------------------------------------------------------------------


def main() -> None:
    """Load a model, then answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to decide
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(NICENESS)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    asked: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_forward_requests, args=(sys.stdin.buffer, asked), daemon=True).start()
    encoder = msgspec.msgpack.Encoder()
    model: SpeechModel | None = None
    rehearsal: Callable[[], None] | None = None
    while (data := asked.get()) is not None:
        try:
            match msgspec.msgpack.decode(data, type=Load | TranscribeAudio):
                case Load(settings, options, rehearse):
                    model = _load_model(settings, options)
                    rehearsal = getattr(model, "warm_up", None) if rehearse else None
                    answer = WorkerAnswer()
                case TranscribeAudio(audio, prefix, context, careful):
                    assert model, "it comes first"
                    samples = np.frombuffer(audio, np.float32)
                    answer = WorkerAnswer(
                        model.transcribe(samples, prefix=prefix, context=context, careful=careful)
                    )
            data = encoder.encode(answer)
        except Exception as e:  # the other side says what it means for the call
            data = encoder.encode(WorkerAnswer(error=type(e).__name__, text=str(e)))
        _write_message(out, data)
        if rehearsal:
            with contextlib.suppress(Exception):  # it will fail where it is asked, and say so
                rehearsal()
            rehearsal = None


def _load_model(settings: TranscriptionConfig, options: dict[str, Any]) -> SpeechModel:
    if settings.engine == WHISPER:
        return Whisper(settings.model, settings.language, settings.vocabulary)
    entry = Registry({}).find("transcribers", settings.engine)
    config = Config(transcription=settings, transcribers={settings.engine: options})
    model: SpeechModel = entry.create(config, settings)
    return model


def _forward_requests(pipe: IO[bytes], asked: queue.SimpleQueue[bytes | None]) -> None:
    """Pass on what is asked; when nobody can ask any more, end at once."""
    while (data := _read_message(pipe)) is not None:
        asked.put(data)
    os._exit(0)


if __name__ == "__main__":
    main()

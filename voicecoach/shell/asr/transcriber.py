"""A speech recogniser: what it must be, and how it is asked.

One that fails, or does not answer in time, is started again once and asked again; one that fails
again is left alone, and the call goes on without words, which is said, too.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from voicecoach.errors import VoiceCoachError
from voicecoach.shell.runtime.worker import describe_error
from voicecoach.types import F32, TranscribeRequest


class TranscribedWord(NamedTuple):
    """A word as a transcriber gives it."""

    text: str
    start_s: float
    """Seconds from the start of the audio."""
    end_s: float
    probability: float
    """0..1, that it is right."""


class RecogniserFailed(Exception):
    """It could not do what it was asked; the text is ours, and holds no words."""


class SpeechModel(Protocol):
    """What turns audio into words; whatever it raises is said and survived.

    One that a package adds runs in a process of its own (`worker_process`).  It may have a method
    `warm_up()`, called once before a live session.
    """

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return the words in `audio` [n], 16 kHz, that follow `prefix`, its first words.

        `context` was said before the audio.  Where `careful`, accuracy counts more than time, and
        so do the words' times.
        """


class Transcriber(SpeechModel, Protocol):
    """A speech model that can be started again."""

    def restart(self) -> None:
        """Begin anew after a failure."""


class TranscribeTask(NamedTuple):
    """A request with its audio."""

    request: TranscribeRequest
    audio: F32


class TranscribeResult(NamedTuple):
    """What came of a request."""

    words: list[TranscribedWord]
    error: str = ""
    """Why there are none."""
    notice: str = ""
    """What happened on the way."""


class RestartingTranscriber:
    """A transcriber that is started again once when it fails, and then left alone."""

    def __init__(self, transcriber: Transcriber) -> None:
        self._transcriber = transcriber
        self._failed = ""
        self._restarted = False

    def run_task(self, task: TranscribeTask) -> TranscribeResult:
        """Return the words that are asked for, or why there are none."""
        request, notice = task.request, ""
        while not self._failed:
            try:
                words = self._transcriber.transcribe(
                    task.audio,
                    prefix=request.prefix,
                    context=request.context,
                    careful=request.careful,
                )
                _check_words(words)
            except Exception as e:  # whatever a recogniser does, the call goes on and says so
                error = _safe_error_text(e)
                if self._restarted:
                    self._failed = error
                    break
                self._restarted = True
                notice = f"the transcriber failed ({error}) and was started again"
                try:
                    self._transcriber.restart()
                except Exception as again:
                    self._failed = _safe_error_text(again)
            else:
                return TranscribeResult(words, notice=notice)
        return TranscribeResult([], self._failed)


def _check_words(words: list[TranscribedWord]) -> None:
    """Raise where a number is none: a call could not go on with it."""
    for word in words:
        if not all(map(math.isfinite, (word.start_s, word.end_s, word.probability))):
            raise RecogniserFailed("a word's time or probability is not a number")


def _safe_error_text(error: Exception) -> str:
    """Return what may be said of an error: somebody else's text may hold what was said."""
    if isinstance(error, RecogniserFailed | VoiceCoachError):
        return f"{type(error).__name__}: {error}"
    return describe_error(error)

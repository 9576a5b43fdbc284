"""Defines a transcriber (speech to words), and restarts one that fails.

A transcriber that fails, or does not answer in time, is restarted once and asked again; after a
second failure it is disabled, and the call continues without words.  Both failures are reported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from voicecoach.errors import VoiceCoachError
from voicecoach.shell.runtime.worker import describe_error
from voicecoach.types.events import TranscribeRequest
from voicecoach.types.stream import F32, Speaker


class TranscribedWord(NamedTuple):
    """A word from a transcriber."""

    text: str
    start_s: float
    """Seconds from the start of the audio."""
    end_s: float
    probability: float
    """Probability that the word is right, 0..1."""
    doubtful: bool = False
    """Whether the transcriber doubts the word, whatever its probability."""
    agreed: bool | None = None
    """Whether two recognisers heard it; None if only one listened."""


class RecogniserFailed(Exception):
    """A request failed; the message is written by voicecoach, and contains no words of the call."""


class SpeechNotUnderstood(Exception):
    """There is speech, and it makes no sense as words of the language; this is no failure."""


class SpeechModel(Protocol):
    """Turns audio into words.  Any other exception is reported, and the call continues.

    A transcriber of another package runs in its own process (`TranscriberProcess`).  It may have a
    method `warm_up()`, which is called once before a live session.
    """

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return the words in `audio` [n], 16 kHz mono, without its first words, given as `prefix`.

        `context` is the text that was said before the audio.  If `careful`, the accuracy of words
        and their times matters more than speed.

        Raises
        ------
        SpeechNotUnderstood
            If there is speech that makes no sense as words of the language.
        """


class Transcriber(SpeechModel, Protocol):
    """A speech model that can be restarted."""

    def restart(self) -> None:
        """Restart after a failure."""


class JudgingModel(SpeechModel, Protocol):
    """A speech model that can judge another one's texts, in the audio that it was given last."""

    def hypotheses(self, audio: F32, *, wide: bool = False) -> list[str]:
        """Return what may have been said in `audio` [n], likeliest first; none without speech.

        If `wide`, accuracy matters more than time.
        """

    def judge(self, texts: Sequence[str], *, prefix: str = "", ended: bool = True) -> list[float]:
        """Return the log-probability of each text after `prefix`.

        No text is empty.  Unless `ended`, speech may go on after the audio.
        """


@runtime_checkable
class JointTranscriber(Protocol):
    """A transcriber with a second opinion, which it can do without when the machine is behind."""

    def transcribe_jointly(
        self,
        audio: F32,
        *,
        prefix: str,
        context: str,
        careful: bool,
        committed: str,
        vocabulary: Sequence[str],
    ) -> list[TranscribedWord]:
        """Return the words as `SpeechModel.transcribe` does.

        `committed` are the first words of the audio of a careful request, as they are shown, and
        `vocabulary` are names to expect.
        """

    def set_sparing(self, sparing: bool) -> None:
        """Do without the second opinion from the next request on, or ask for it again."""

    def drain_notice(self) -> str:
        """Return what the user should know of the last request, once; "" for nothing."""


@runtime_checkable
class ThoroughTranscriber(Protocol):
    """A transcriber that can search more widely, for recordings that are heard again."""

    def set_thorough(self, thorough: bool) -> None:
        """Search more widely from the next careful request on, or as before."""


class StreamName(NamedTuple):
    """Names what a recogniser that streams hears: an utterance of one speaker."""

    speaker: Speaker
    utterance: int
    start: int
    """Stream index of its first sample."""


class RecogniserStream(Protocol):
    """An utterance that is being heard.

    Each sample is given to it once, in order.  Its words depend on nothing but these samples: not
    on other streams, which may be open at the same time, nor on utterances before.
    """

    def accept_audio(self, audio: F32) -> None:
        """Hear the next samples [n], 16 kHz mono: 0.1 s, or less at the end."""

    def words(self) -> list[TranscribedWord]:
        """Return all words so far, with times from the stream's first sample on.

        Raises
        ------
        SpeechNotUnderstood
            If there is speech that makes no sense as words of the language.
        """

    def finish(self) -> list[TranscribedWord]:
        """Return all words, now that nothing follows; the stream is not used again.

        Raises
        ------
        SpeechNotUnderstood
            As `words` does.
        """


class StreamingModel(Protocol):
    """A recogniser that streams: it keeps a state, and needs to hear each sample only once.

    A transcriber of another package with this method needs no `transcribe`.
    """

    def create_stream(self) -> RecogniserStream:
        """Return a stream that has heard nothing.  One may be dropped before it is finished."""


@runtime_checkable
class StreamingTranscriber(Protocol):
    """A transcriber whose model may stream."""

    def streams(self) -> bool:
        """Return whether it does, once the model is loaded."""

    def transcribe_stream(
        self, audio: F32, *, stream: StreamName, ended: bool
    ) -> list[TranscribedWord]:
        """Return all words of an utterance so far.

        `audio` is all of it, from its first sample on, so that no request needs another one to have
        been answered: any may be dropped, repeated, or go to another process.  `ended` says that
        nothing may follow.
        """


class TranscribeTask(NamedTuple):
    """A request with its audio."""

    request: TranscribeRequest
    audio: F32
    """All audio of the utterance up to the request's end."""


class TranscribeResult(NamedTuple):
    """Result of a request."""

    words: list[TranscribedWord]
    error: str = ""
    """Why there are no words, or ""."""
    notice: str = ""
    """What went wrong before there was a result, or ""."""
    understood: bool = True
    """False if there is speech that makes no sense as words of the language."""
    streamed: bool = False
    """Whether these are all words of the utterance, from a recogniser that streams."""


class RestartingTranscriber:
    """Wraps a transcriber: restarts it at its first failure, disables it at the second."""

    def __init__(self, transcriber: Transcriber) -> None:
        self._transcriber = transcriber
        self._failed = ""
        self._restarted = False

    def run_task(self, task: TranscribeTask) -> TranscribeResult:
        """Return the words of a request, or why there are none."""
        notice = ""
        while not self._failed:
            try:
                result = self._transcribe(task)
                _check_words(result.words)
            except SpeechNotUnderstood:
                return TranscribeResult([], notice=notice, understood=False)
            except (
                Exception
            ) as e:  # whatever a transcriber raises, the call continues and reports it
                error = _safe_error_text(e)
                if self._restarted:
                    self._failed = error
                    break
                self._restarted = True
                notice = f"the transcriber failed ({error}) and was restarted"
                try:
                    self._transcriber.restart()
                except Exception as again:
                    self._failed = _safe_error_text(again)
            else:
                if isinstance(self._transcriber, JointTranscriber):
                    notice = notice or self._transcriber.drain_notice()
                return result._replace(notice=notice)
        return TranscribeResult([], self._failed)

    def set_sparing(self, sparing: bool) -> None:
        """Do without a second opinion, or ask for it again, if the transcriber has one."""
        if isinstance(self._transcriber, JointTranscriber):
            self._transcriber.set_sparing(sparing)

    def _transcribe(self, task: TranscribeTask) -> TranscribeResult:
        transcriber, request = self._transcriber, task.request
        prefix, context, careful = request.prefix, request.context, request.careful
        if isinstance(transcriber, StreamingTranscriber) and transcriber.streams():
            begin = request.start - request.skipped
            stream = StreamName(request.speaker, request.utterance, begin)
            words = transcriber.transcribe_stream(task.audio, stream=stream, ended=careful)
            return TranscribeResult(words, streamed=True)
        audio = task.audio[request.skipped :]
        if isinstance(transcriber, JointTranscriber):
            return TranscribeResult(
                transcriber.transcribe_jointly(
                    audio,
                    prefix=prefix,
                    context=context,
                    careful=careful,
                    committed=request.committed,
                    vocabulary=request.vocabulary,
                )
            )
        return TranscribeResult(
            transcriber.transcribe(audio, prefix=prefix, context=context, careful=careful)
        )


def estimate_word_times(
    words: list[TranscribedWord], prefix: str, seconds: float
) -> list[TranscribedWord]:
    """Return partial words with times in proportion to their letters.

    An alignment costs up to a fifth of the decoding, so only careful requests get one.
    """
    position, total = len(prefix), len(prefix) + sum(len(word.text) for word in words)
    out = []
    for word in words:
        start, position = position, position + len(word.text)
        out.append(word._replace(start_s=seconds * start / total, end_s=seconds * position / total))
    return out


def _check_words(words: list[TranscribedWord]) -> None:
    """Raise if a number is NaN or infinite: the call could not continue with it."""
    for word in words:
        if not all(map(math.isfinite, (word.start_s, word.end_s, word.probability))):
            raise RecogniserFailed("a word's time or probability is not finite")


def _safe_error_text(error: Exception) -> str:
    """Return the part of an error that may be reported: a package's text may quote the call."""
    if isinstance(error, RecogniserFailed | VoiceCoachError):
        return f"{type(error).__name__}: {error}"
    return describe_error(error)

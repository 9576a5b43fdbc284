"""Answers the engine's requests for words, in a replay or in a live call.

`ReplayAsr` serves a recording: each answer arrives a configured time after its request, in stream
time (`transcription.replay_delay_s`), and the replay waits for the transcriber if necessary.  So a
recording gives the same words at the same times on any machine, at any speed.

`LiveAsr` serves a live call: one transcriber for both channels, and each answer arrives as soon as
it is ready.  Requests wait in a `Backlog`, which decides which is next and which are dropped.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeAlias

from voicecoach import config
from voicecoach.dsp.framing import History
from voicecoach.shell.asr.backlog import Backlog, transcription_notice
from voicecoach.shell.asr.transcriber import (
    JointTranscriber,
    RestartingTranscriber,
    TranscribedWord,
    Transcriber,
    TranscribeResult,
    TranscribeTask,
)
from voicecoach.shell.runtime.worker import ReportTrouble, StageThread, ignore_trouble
from voicecoach.text_safety.card_masking import DigitMasker
from voicecoach.text_safety.sanitize import MAX_WORD_CHARS, clean_text
from voicecoach.text_safety.spoken_numbers import NumberWords
from voicecoach.types.events import Degraded, DigitsShown, TranscribeRequest
from voicecoach.types.stream import F32, SAMPLE_RATE, Block, HeardWord, Transcript

LAST_WORDS_TIMEOUT_S = 5.0
"""Seconds that a live call waits for its last words: the next call may have begun."""
DOUBTFUL_BELOW = 0.35
"""A word of a lower probability is doubtful.  Below it, final words are wrong at least as often as
right: 54 % of them in the two real calls, 63 % over a telephone (`scripts/bench/doubt.py`)."""
THREAD_LOST = TranscribeResult([], "its thread failed")
LAST_WORDS_LATE = TranscribeResult([], "the last words did not arrive in time")


Answer: TypeAlias = Transcript | DigitsShown | Degraded


class Asr(Protocol):
    """What the run loop needs: an object that takes audio and requests, and returns answers."""

    def buffer_audio(self, block: Block) -> None:
        """Buffer the audio that requests will refer to."""

    def submit(self, request: TranscribeRequest) -> None:
        """Accept a request."""

    def poll(self, until: int | None) -> list[Answer]:
        """Return the answers up to stream index `until`; with None, all that remain."""

    def discard_pending(self) -> None:
        """Drop all audio and pending requests; these are never answered."""

    def close(self) -> None:
        """Drop requests that have not begun, and end the threads."""


class TranscriptBuilder:
    """Makes transcripts from a transcriber's words: cleans them, masks card numbers, sets times.

    Parameters
    ----------
    settings
        Sets the longest utterance.
    numbers
        How numbers are spoken, to mask card numbers.
    """

    def __init__(self, settings: config.TranscriptionConfig, numbers: NumberWords) -> None:
        self._masker = DigitMasker(numbers)
        self._audio = History(settings.max_utterance_s + settings.pause_s + 6.0)

    def buffer_audio(self, block: Block) -> None:
        """Buffer the audio that requests will refer to."""
        self._audio.push(block)

    def clear_audio(self) -> None:
        """Drop all buffered audio."""
        self._audio.clear()

    def audio_of(self, request: TranscribeRequest) -> F32:
        """Return all audio of the utterance up to a request's end."""
        start = request.start - request.skipped
        return self._audio.window(request.speaker.row, start, request.end)

    def build_transcript(
        self,
        at: int,
        request: TranscribeRequest,
        words: Sequence[TranscribedWord],
        error: str = "",
        *,
        understood: bool = True,
        streamed: bool = False,
    ) -> Transcript:
        """Return the transcript that answers a request at index `at`."""
        if streamed:
            request = request.of_whole_utterance()
        if error:
            return request.make_transcript(at, (), error)
        words = [
            w._replace(text=text) for w in words if (text := clean_text(w.text, MAX_WORD_CHARS))
        ]
        known = [*request.context.split(), *request.prefix.split()]
        speaker, number = request.speaker, request.utterance
        self._masker.add(
            speaker,
            number,
            [*known, *(word.text for word in words)],
            request.start,
            request.end,
            complete=request.careful,
        )
        texts = self._masker.masked(speaker, number)[len(known) :]
        placed = (
            place_word(w, text, request.start, request.end)
            for w, text in zip(words, texts, strict=True)
        )
        return request.make_transcript(at, tuple(placed), understood=understood, streamed=streamed)

    def answer(self, at: int, request: TranscribeRequest, result: TranscribeResult) -> Transcript:
        """Return the transcript that answers a request at index `at` with a result."""
        return self.build_transcript(
            at,
            request,
            result.words,
            result.error,
            understood=result.understood,
            streamed=result.streamed,
        )

    def show_digits(self, now: int | None) -> list[DigitsShown]:
        """Return the hidden digits that are shown from `now` on; with None, at the call's end."""
        return self._masker.decide(now)


class ReplayAsr:
    """Answers requests in order, each after a fixed delay in stream time.

    Parameters
    ----------
    transcribers
        As many requests are in progress at once as there are transcribers.
    settings
        Sets the delay.
    numbers
        How numbers are spoken, to mask card numbers.
    """

    def __init__(
        self,
        transcribers: Sequence[Transcriber],
        settings: config.TranscriptionConfig,
        numbers: NumberWords,
    ) -> None:
        self._delay = round(settings.replay_delay_s * SAMPLE_RATE)
        self._answerer = TranscriptBuilder(settings, numbers)
        self._free = deque(RestartingTranscriber(transcriber) for transcriber in transcribers)
        self._pending: deque[tuple[TranscribeRequest, Future[TranscribeResult]]] = deque()
        self._pool = ThreadPoolExecutor(len(transcribers), "asr")

    def buffer_audio(self, block: Block) -> None:
        """Buffer the audio that requests will refer to."""
        self._answerer.buffer_audio(block)

    def submit(self, request: TranscribeRequest) -> None:
        """Start transcribing a request."""
        task = TranscribeTask(request, self._answerer.audio_of(request))
        self._pending.append((request, self._pool.submit(self._transcribe_task, task)))

    def poll(self, until: int | None) -> list[Answer]:
        """Return the answers up to `until`, waiting for the transcriber."""
        answers: list[Answer] = []
        while self._pending and (until is None or self._arrival(self._pending[0][0]) <= until):
            request, future = self._pending.popleft()
            at, result = self._arrival(request), future.result()
            answers += self._answerer.show_digits(at)
            if result.notice:
                answers.append(transcription_notice(at, result.notice))
            answers.append(self._answerer.answer(at, request, result))
        return answers + self._answerer.show_digits(until)

    def discard_pending(self) -> None:
        """Drop all audio and pending requests."""
        for _, future in self._pending:
            future.cancel()
        self._pending.clear()
        self._answerer.clear_audio()

    def close(self) -> None:
        """Drop requests that have not begun, and end the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _arrival(self, request: TranscribeRequest) -> int:
        return request.at + self._delay

    def _transcribe_task(self, task: TranscribeTask) -> TranscribeResult:
        attempts = self._free.popleft()  # there are as many transcribers as threads
        try:
            return attempts.run_task(task)
        finally:
            self._free.append(attempts)


class LiveAsr:
    """Answers requests as soon as it can, in one thread, so that the call keeps a core to itself.

    Parameters
    ----------
    transcriber
        Serves both channels.
    settings
        Sets the longest utterance.
    numbers
        How numbers are spoken, to mask card numbers.
    say
        Called with a message if the thread fails.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        settings: config.TranscriptionConfig,
        numbers: NumberWords,
        say: ReportTrouble = ignore_trouble,
    ) -> None:
        self._answerer = TranscriptBuilder(settings, numbers)
        self._attempts = RestartingTranscriber(transcriber)
        self._backlog = Backlog(joint=isinstance(transcriber, JointTranscriber))
        self._now = 0
        self._task: TranscribeTask | None = None
        """The request in progress."""
        self._closed = False
        self._generation = 0
        """How many times everything was discarded."""
        self._done: list[tuple[TranscribeRequest, int, TranscribeResult]] = []
        self._changed = threading.Condition()
        self._thread_lost = False
        """Whether the thread has failed: nothing is answered any more."""
        StageThread("transcription", self._transcribe_loop, say, self._on_thread_lost).start()

    def buffer_audio(self, block: Block) -> None:
        """Buffer the audio that requests will refer to."""
        with self._changed:
            self._answerer.buffer_audio(block)
            self._now = block.end
            if self._backlog:
                self._changed.notify()  # a delayed partial request may be due now

    def submit(self, request: TranscribeRequest) -> None:
        """Accept a request."""
        with self._changed:
            if self._thread_lost:
                self._done.append((request, self._now, THREAD_LOST))
                return
            self._backlog.add_task(TranscribeTask(request, self._answerer.audio_of(request)))
            self._changed.notify()

    def poll(self, until: int | None) -> list[Answer]:
        """Return the answers that are ready; with None, wait a limited time for all final words."""
        answers: list[Answer] = []
        with self._changed:
            if until is None and not self._changed.wait_for(
                lambda: self._thread_lost or not (self._task or self._backlog.has_careful),
                LAST_WORDS_TIMEOUT_S,
            ):
                self._answer_all_with(LAST_WORDS_LATE)
            done, self._done = self._done, []
            for request, began, result in done:
                answers += [transcription_notice(self._now, result.notice)] if result.notice else []
                answers += self._backlog.on_answered(request, began, self._now)
                answers.append(self._answerer.answer(self._now, request, result))
            answers += self._answerer.show_digits(until if until is None else self._now)
        return answers

    @property
    def queued_requests(self) -> int:
        """Number of requests that have not started."""
        return len(self._backlog)

    def discard_pending(self) -> None:
        """Drop all audio and pending requests."""
        with self._changed:
            self._backlog.clear()
            self._done.clear()
            self._generation += 1
            self._answerer.clear_audio()

    def close(self) -> None:
        """Drop requests that have not started, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _on_thread_lost(self) -> None:
        """Answer all pending and future requests with an error."""
        with self._changed:
            self._thread_lost = True
            self._answer_all_with(THREAD_LOST)
            self._changed.notify_all()

    def _answer_all_with(self, result: TranscribeResult) -> None:
        """Answer all waiting requests, and the one in progress, with this result."""
        tasks = [*([self._task] if self._task else []), *self._backlog.drain()]
        self._done += [(task.request, self._now, result) for task in tasks]
        self._task = None
        self._generation += 1

    def _transcribe_loop(self) -> None:
        with self._changed:
            if self._task:  # the process was restarted: it does not know of this request
                self._done.append((self._task.request, self._now, THREAD_LOST))
        while True:
            with self._changed:
                self._task = task = None
                while not self._closed:
                    task = self._backlog.next_task(self._now)
                    if task:
                        break
                    self._changed.notify_all()
                    self._changed.wait()
                if not task:
                    return
                self._task, began, forgotten = task, self._now, self._generation
                sparing = self._backlog.sparing
            self._attempts.set_sparing(sparing)
            result = self._attempts.run_task(task)
            with self._changed:
                if forgotten == self._generation:
                    self._done.append((task.request, began, result))


def place_word(word: TranscribedWord, text: str, first: int, last: int) -> HeardWord:
    """Return a word of the audio from `first` to `last`, samples, with this text."""
    start = min(last, first + max(0, round(word.start_s * SAMPLE_RATE)))
    end = min(last, first + round(word.end_s * SAMPLE_RATE))
    probability = min(max(word.probability, 0.0), 1.0)
    # Another package's transcriber may return numpy's numbers, whose truth is numpy's, too.
    doubtful = bool(word.doubtful or probability < DOUBTFUL_BELOW)
    return HeardWord(text, start, max(start, end), probability, doubtful, word.agreed)

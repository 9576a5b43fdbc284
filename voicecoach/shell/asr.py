"""The engine's one loop, closed: it asks for words, and words come back.

`ReplayAsr` serves a recording: the answer to a request arrives a fixed, stated time after it in
stream time (`transcription.replay_delay_s`), and the replay waits for the recogniser where it
must, so that a recording gives the same words at the same moments on any machine at any speed.

`LiveAsr` serves a call: one recogniser for both channels, and an answer arrives when it is done.
What is asked for waits in a `Backlog`, which decides what is done next and what is left undone
when the machine is too slow: first partial words become rarer, then they stop, then final words
lag, and both are said; nothing else of the call ever waits for words.

A recogniser that fails, or does not answer in time, is started again once and asked again; one
that fails again is left alone, and the call goes on without words, which is said, too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

from voicecoach import config
from voicecoach.cleaning import WORD, clean
from voicecoach.dsp.framing import History
from voicecoach.masking import Run, mask
from voicecoach.shell.worker import Say, Worker, unsaid
from voicecoach.types import (
    F32,
    SAMPLE_RATE,
    SPEAKERS,
    Block,
    Degraded,
    HeardWord,
    Speaker,
    TranscribeRequest,
    Transcript,
)

ONE_NUMBER = 15 * SAMPLE_RATE
"""A number that is said with longer pauses than this is not one number."""
REST = 2.0
"""A partial begins no sooner than this times what the one before took, from its beginning: words
take no more than half a core however slow the machine is."""
LATE = 2 * SAMPLE_RATE
"""Final words later than this stop the partial ones."""
IN_TIME = SAMPLE_RATE
"""Final words sooner than this let them go on."""


LAST_S = 5.0
"""Seconds that a live call waits for its last words: another may have begun."""


class Heard(NamedTuple):
    """A word as a transcriber gives it."""

    text: str
    start_s: float
    """Seconds from the start of the audio."""
    end_s: float
    probability: float
    """0..1, that it is right."""


class Transcriber(Protocol):
    """What a speech recogniser must be; whatever it raises is said and survived."""

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[Heard]:
        """Return the words in `audio` [n], 16 kHz, that follow `prefix`, its first words.

        `context` was said before the audio.  Where `careful`, accuracy counts more than time, and
        so do the words' times.
        """

    def restart(self) -> None:
        """Begin anew after a failure."""


class Task(NamedTuple):
    """A request with its audio."""

    request: TranscribeRequest
    audio: F32


class Backlog:
    """What is asked for and not begun, and what of it is worth doing.

    Time is the stream's.  A partial request is replaced by a newer one of its speaker, and a
    careful one by a newer one of its utterance, which inherit its place; the one that waits longest
    is next.
    """

    def __init__(self) -> None:
        self._careful: dict[tuple[Speaker, int], tuple[int, Task]] = {}
        """For each utterance, since when it waits and the newest."""
        self._partial: dict[Speaker, tuple[int, Task]] = {}
        """The same for each speaker."""
        self._rested = 0
        self._shed = False

    @property
    def careful(self) -> bool:
        """Whether a careful request waits."""
        return bool(self._careful)

    def __len__(self) -> int:
        return len(self._careful) + len(self._partial)

    def put(self, task: Task) -> None:
        """Add what is asked for."""
        request = task.request
        if request.careful:
            key = request.speaker, request.utterance
            since, _ = self._careful.get(key, (request.at, None))
            self._careful[key] = since, task
            # It will say more than a partial one that has not begun.
            self._partial.pop(request.speaker, None)
        else:
            since, _ = self._partial.get(request.speaker, (request.at, None))
            self._partial[request.speaker] = since, task

    def clear(self) -> None:
        """Drop all that waits."""
        self._careful.clear()
        self._partial.clear()

    def rest(self) -> list[Task]:
        """Return all that waits, and drop it."""
        tasks = [task for _, task in (*self._careful.values(), *self._partial.values())]
        self.clear()
        return tasks

    def take(self, now: int) -> Task | None:
        """Return what is to be done next, if anything is to be done at `now`."""
        first = min(self._careful, key=lambda k: self._careful[k][0], default=None)
        waiting = {} if self._shed or now < self._rested else self._partial
        partial = min(waiting, key=lambda k: waiting[k][0], default=None)
        if partial and (first is None or waiting[partial][0] < self._careful[first][0]):
            return self._partial.pop(partial)[1]
        return self._careful.pop(first)[1] if first else None

    def done(self, request: TranscribeRequest, began: int, now: int) -> Degraded | None:
        """Note that a request is answered; return what there is to say of it, if anything."""
        if not request.careful:
            self._rested = began + round(REST * (now - began))
            return None
        lag = now - request.at
        if not self._shed and lag > LATE:
            self._shed = True
            self._partial.clear()
            seconds = round(lag / SAMPLE_RATE)
            reason = f"the machine is busy: words come {seconds} s late, at turns' ends"
            return _notice(now, reason)
        if self._shed and lag < IN_TIME:
            self._shed = False
            return _notice(now, "words come in time again", over=True)
        return None


class Asr(Protocol):
    """What the run loop needs: audio and requests in, answers out."""

    def hear(self, block: Block) -> None:
        """Keep the audio that requests will name."""

    def submit(self, request: TranscribeRequest) -> None:
        """Take a request."""

    def poll(self, until: int | None) -> list[Transcript | Degraded]:
        """Return what has come up to stream index `until`, or all there will be."""

    def forget(self) -> None:
        """Drop all audio and all that is not answered: no answer to it ever comes."""

    def close(self) -> None:
        """Drop what is not begun, and let the threads end."""


class Answerer:
    """Makes transcripts of what a transcriber says: clean, masked, placed on the stream."""

    def __init__(self, settings: config.Transcription) -> None:
        self._audio = History(settings.max_utterance_s + settings.pause_s + 6.0)
        self._said = dict.fromkeys(SPEAKERS, (0, 0, Run(), Run()))
        """For each speaker: newest utterance, its end, open digits after it and before it."""

    def hear(self, block: Block) -> None:
        """Keep the audio that requests will name."""
        self._audio.push(block)

    def forget(self) -> None:
        """Let no audio stay."""
        self._audio.clear()

    def audio(self, request: TranscribeRequest) -> F32:
        """Return what a request is about."""
        return self._audio.window(request.speaker.row, request.start, request.end)

    def answer(
        self, at: int, request: TranscribeRequest, words: Sequence[Heard], error: str = ""
    ) -> Transcript:
        """Return the transcript that answers a request at `at`."""
        number, end, after, before = self._said[request.speaker]
        if request.utterance != number:
            before = after if request.start - end < ONE_NUMBER else Run()
        given = mask([*request.context.split(), *request.prefix.split()], before)
        words = [w._replace(text=text) for w in words if (text := clean(w.text, WORD))]
        masked = mask([word.text for word in words], given.run)
        self._said[request.speaker] = request.utterance, request.end, masked.run, before
        placed = (_placed(w, text, request) for w, text in zip(words, masked.texts, strict=True))
        return request.answer(at, tuple(placed), error)


class ReplayAsr:
    """Answers in the order of the requests, each at its modelled time.

    Parameters
    ----------
    transcribers
        As many are at work at once.
    settings
        For the modelled delay.
    """

    def __init__(self, transcribers: Sequence[Transcriber], settings: config.Transcription) -> None:
        self._delay = round(settings.replay_delay_s * SAMPLE_RATE)
        self._answerer = Answerer(settings)
        self._free = deque(Attempts(transcriber) for transcriber in transcribers)
        self._pending: deque[tuple[TranscribeRequest, Future[Result]]] = deque()
        self._pool = ThreadPoolExecutor(len(transcribers), "asr")

    def hear(self, block: Block) -> None:
        """Keep the audio that requests will name."""
        self._answerer.hear(block)

    def submit(self, request: TranscribeRequest) -> None:
        """Start on a request."""
        task = Task(request, self._answerer.audio(request))
        self._pending.append((request, self._pool.submit(self._work, task)))

    def poll(self, until: int | None) -> list[Transcript | Degraded]:
        """Return the answers that arrive up to `until`, waiting for the recogniser."""
        answers: list[Transcript | Degraded] = []
        while self._pending and (until is None or self._arrival(self._pending[0][0]) <= until):
            request, future = self._pending.popleft()
            at, result = self._arrival(request), future.result()
            if result.notice:
                answers.append(_notice(at, result.notice))
            answers.append(self._answerer.answer(at, request, result.words, result.error))
        return answers

    def forget(self) -> None:
        """Drop all audio and all that is not answered."""
        for _, future in self._pending:
            future.cancel()
        self._pending.clear()
        self._answerer.forget()

    def close(self) -> None:
        """Drop what is not begun, and let the threads end."""
        self._pool.shutdown(cancel_futures=True)

    def _arrival(self, request: TranscribeRequest) -> int:
        return request.at + self._delay

    def _work(self, task: Task) -> Result:
        attempts = self._free.popleft()  # there are as many as threads
        try:
            return attempts.transcribe(task)
        finally:
            self._free.append(attempts)


class LiveAsr:
    """Answers when it can; one thread, so that the call always has a core to itself.

    Parameters
    ----------
    transcriber
        Serves both channels.
    settings
        For the longest utterance.
    say
        Told where its thread fails.
    """

    def __init__(
        self, transcriber: Transcriber, settings: config.Transcription, say: Say = unsaid
    ) -> None:
        self._answerer = Answerer(settings)
        self._attempts = Attempts(transcriber)
        self._backlog = Backlog()
        self._now = 0
        self._task: Task | None = None
        """What is being done."""
        self._closed = False
        self._forgotten = 0
        """How often all was dropped."""
        self._done: list[tuple[TranscribeRequest, int, Result]] = []
        self._changed = threading.Condition()
        self._lost = False
        """Nobody answers any more."""
        Worker("transcription", self._serve, say, self._lose).start()

    def hear(self, block: Block) -> None:
        """Keep the audio that requests will name."""
        with self._changed:
            self._answerer.hear(block)
            self._now = block.end
            if self._backlog:
                self._changed.notify()  # what rests may be due

    def submit(self, request: TranscribeRequest) -> None:
        """Take a request."""
        with self._changed:
            if self._lost:
                self._done.append((request, self._now, LOST))
                return
            self._backlog.put(Task(request, self._answerer.audio(request)))
            self._changed.notify()

    def poll(self, until: int | None) -> list[Transcript | Degraded]:
        """Return what has come; where `until` is None, wait for all final words, but not long."""
        answers: list[Transcript | Degraded] = []
        with self._changed:
            if until is None and not self._changed.wait_for(
                lambda: self._lost or not (self._task or self._backlog.careful), LAST_S
            ):
                self._give_up(LATE_LAST)
            done, self._done = self._done, []
            for request, began, result in done:
                notice = self._backlog.done(request, began, self._now)
                answers += [_notice(self._now, result.notice)] if result.notice else []
                answers += [notice] if notice else []
                answers.append(
                    self._answerer.answer(self._now, request, result.words, result.error)
                )
        return answers

    @property
    def waiting(self) -> int:
        """How many requests are not begun."""
        return len(self._backlog)

    def forget(self) -> None:
        """Drop all audio and all that is not answered."""
        with self._changed:
            self._backlog.clear()
            self._done.clear()
            self._forgotten += 1
            self._answerer.forget()

    def close(self) -> None:
        """Drop what is not begun, and let the thread end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _lose(self) -> None:
        """Say of all that waits, and of all that is to come, that there are no words."""
        with self._changed:
            self._lost = True
            self._give_up(LOST)
            self._changed.notify_all()

    def _give_up(self, result: Result) -> None:
        """Answer with this what waits, and what is being done."""
        tasks = [*([self._task] if self._task else []), *self._backlog.rest()]
        self._done += [(task.request, self._now, result) for task in tasks]
        self._task = None
        self._forgotten += 1

    def _serve(self) -> None:
        with self._changed:
            if self._task:  # it was begun again: of this it knows nothing
                self._done.append((self._task.request, self._now, LOST))
        while True:
            with self._changed:
                self._task = task = None
                while not self._closed:
                    task = self._backlog.take(self._now)
                    if task:
                        break
                    self._changed.notify_all()
                    self._changed.wait()
                if not task:
                    return
                self._task, began, forgotten = task, self._now, self._forgotten
            result = self._attempts.transcribe(task)
            with self._changed:
                if forgotten == self._forgotten:
                    self._done.append((task.request, began, result))


class Result(NamedTuple):
    """What came of a request."""

    words: list[Heard]
    error: str = ""
    """Why there are none."""
    notice: str = ""
    """What happened on the way."""


LOST = Result([], "its thread failed")
LATE_LAST = Result([], "the last words did not come in time")


class Attempts:
    """A transcriber that is started again once when it fails, and then left alone."""

    def __init__(self, transcriber: Transcriber) -> None:
        self._transcriber = transcriber
        self._failed = ""
        self._restarted = False

    def transcribe(self, task: Task) -> Result:
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
            except Exception as e:  # whatever a recogniser does, the call goes on and says so
                error = _said(e)
                if self._restarted:
                    self._failed = error
                    break
                self._restarted = True
                notice = f"the recogniser failed ({error}) and was started again"
                try:
                    self._transcriber.restart()
                except Exception as again:
                    self._failed = _said(again)
            else:
                return Result(words, notice=notice)
        return Result([], self._failed)


def _notice(at: int, reason: str, *, over: bool = False) -> Degraded:
    return Degraded(at=at, stage="transcription", reason=reason, over=over)


def _said(error: Exception) -> str:
    """Return an error in one line, in which no card number can be read."""
    lines = str(error).strip().splitlines()
    shown = " ".join(mask(clean(lines[0]).split()).texts) if lines else ""
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__


def _placed(word: Heard, text: str, request: TranscribeRequest) -> HeardWord:
    start = min(request.end, request.start + round(word.start_s * SAMPLE_RATE))
    end = min(request.end, request.start + round(word.end_s * SAMPLE_RATE))
    return HeardWord(text, start, max(start, end), word.probability)

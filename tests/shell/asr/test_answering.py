"""Who is served when, and what happens when the recogniser fails."""

import contextlib
import threading
import time
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach import config
from voicecoach.shell.asr import answering
from voicecoach.shell.asr.answering import DOUBTFUL_BELOW, Answer, LiveAsr, ReplayAsr
from voicecoach.shell.asr.backlog import (
    FULL_AFTER,
    FULL_WITHIN,
    IN_TIME_WITHIN,
    LATE_AFTER,
    PARTIAL_REST_FACTOR,
    SPARING_AFTER,
    Backlog,
)
from voicecoach.shell.asr.transcriber import RecogniserFailed, TranscribedWord, TranscribeTask
from voicecoach.testing import ENGLISH
from voicecoach.types.events import Degraded, TranscribeRequest
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, Block, Speaker, Transcript

SETTINGS = config.TranscriptionConfig()
DELAY = round(SETTINGS.replay_delay_s * SAMPLE_RATE)
A, C = Speaker.AGENT, Speaker.CUSTOMER


def spelled(text: str) -> str:
    """Return a text with letters for its figures, which would be hidden."""
    return text.translate(str.maketrans("0123456789", "abcdefghij"))


class Parrot:
    """Says what it was asked and heard; fails as often as it is told to."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.failures, self.restarts = failures, 0
        self.error = error or RecogniserFailed("out of memory")
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.asked = 0

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        self.asked += 1
        self.begun.set()
        self.gate.wait(20)
        if self.failures:
            self.failures -= 1
            raise self.error
        return [
            TranscribedWord(
                spelled(f"{prefix}{context}{len(audio)}{careful}{audio[0]:.0f}"), 0.1, 99.0, 0.9
            )
        ]

    def restart(self) -> None:
        self.restarts += 1


def request(
    at: int,
    start: int = 0,
    end: int = HOP,
    careful: bool = False,
    speaker: Speaker = C,
    utterance: int = 3,
) -> TranscribeRequest:
    return TranscribeRequest(
        at=at, speaker=speaker, utterance=utterance, start=start, end=end, careful=careful,
        prefix="hm", context="ah",
    )  # fmt: skip


def feed(worker: ReplayAsr | LiveAsr, hops: int = 64) -> None:
    for i in range(hops):
        worker.buffer_audio(Block(i * HOP, np.full((2, HOP), i, np.float32)))


def replaying(parrot: Parrot) -> ReplayAsr:
    worker = ReplayAsr([parrot], SETTINGS, ENGLISH.numbers)
    feed(worker)
    return worker


# --- a recording ----------------------------------------------------------------------------


def test_an_answer_arrives_after_the_stated_delay_and_not_before() -> None:
    w = replaying(Parrot())
    w.submit(request(64 * HOP, 2 * HOP, 64 * HOP))
    assert w.poll(64 * HOP + DELAY - 1) == []
    (answer,) = w.poll(64 * HOP + DELAY)
    assert isinstance(answer, Transcript)
    assert answer.at == 64 * HOP + DELAY
    assert (answer.speaker, answer.utterance, answer.careful) == (C, 3, False)
    word = answer.words[0]
    assert word.text == spelled(f"hmah{62 * HOP}False2")
    # Placed on the stream, and never beyond the audio that was asked about.
    assert (word.start, word.end) == (2 * HOP + 1600, 64 * HOP)
    assert w.poll(None) == []
    w.close()


def test_answers_come_in_the_order_of_the_requests() -> None:
    w = ReplayAsr([Parrot(), Parrot()], SETTINGS, ENGLISH.numbers)
    feed(w)
    for n in (10, 20, 30):
        w.submit(request(64 * HOP, 0, n * HOP))
    heard = [a.words[0].text for a in w.poll(None) if isinstance(a, Transcript)]
    assert heard == [spelled(f"hmah{n * HOP}False0") for n in (10, 20, 30)]
    w.close()


def test_a_recogniser_that_fails_once_is_started_again_and_asked_again() -> None:
    parrot = Parrot(failures=1)
    w = replaying(parrot)
    w.submit(request(64 * HOP, careful=True))
    notice, answer = w.poll(None)
    assert isinstance(notice, Degraded)
    assert notice.reason == (
        "the transcriber failed (RecogniserFailed: out of memory) and was restarted"
    )
    assert isinstance(answer, Transcript)
    assert (len(answer.words), answer.error, parrot.restarts) == (1, "", 1)
    w.close()


def test_a_recogniser_that_fails_again_is_left_alone_and_every_answer_says_so() -> None:
    parrot = Parrot(failures=2)
    w = replaying(parrot)
    for _ in range(3):
        w.submit(request(64 * HOP, careful=True))
    answers = [a for a in w.poll(None) if isinstance(a, Transcript)]
    assert [a.error for a in answers] == ["RecogniserFailed: out of memory"] * 3
    assert not any(a.words for a in answers)
    assert parrot.restarts == 1
    w.close()


def test_of_somebody_elses_error_only_its_class_and_place_are_said() -> None:
    w = replaying(Parrot(failures=1, error=ValueError("cannot decode 'my card is 4111 1111'")))
    w.submit(request(64 * HOP, careful=True))
    notice, _ = w.poll(None)
    assert isinstance(notice, Degraded)
    assert "4111" not in notice.reason
    assert "ValueError at test_answering.py" in notice.reason
    w.close()


class Reader:
    """Reads digits from a script."""

    def __init__(self, script: list[str]) -> None:
        self.script = script
        self.told: list[str] = []

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        self.told.append(prefix)
        return [TranscribedWord(text, 0.0, 0.0, 0.9) for text in self.script.pop(0).split()]

    def restart(self) -> None:
        raise AssertionError("nothing failed")


def test_a_card_number_is_hidden_in_partial_and_final_words_and_over_utterances() -> None:
    w = ReplayAsr(
        [
            Reader(
                [
                    "4111 1111 11",
                    "4111 1111",
                    "1111",
                    "1111 1111 and this is really all there is on my card",
                    "1234 5678",
                    "12",
                ]
            )
        ],
        SETTINGS,
        ENGLISH.numbers,
    )
    feed(w, 1200)
    second = SAMPLE_RATE
    for utterance, careful, start in (
        (1, False, 0), (1, True, 0), (2, False, second), (2, True, second), (3, True, 2 * second),
        (4, True, 18 * second),
    ):  # fmt: skip
        asked = request(1200 * HOP, start, start + HOP, careful, utterance=utterance)
        w.submit(msgspec.structs.replace(asked, prefix="", context=""))
    heard = [" ".join(x.text for x in a.words) for a in w.poll(None) if isinstance(a, Transcript)]
    assert heard == [
        "#### #### ##",
        "411# ####",
        "####",
        "#### #### and this is really all there is on my card",
        "#### ####",
        "##",
    ]
    w.close()


# --- a call ---------------------------------------------------------------------------------


class Line(Backlog):
    """A backlog of requests whose audio is no matter."""

    def add(self, request: TranscribeRequest) -> None:
        self.add_task(TranscribeTask(request, np.zeros(1, np.float32)))

    def next(self, now: int = 10**9) -> TranscribeRequest | None:
        task = self.next_task(now)
        return task.request if task else None

    def drained(self) -> list[TranscribeRequest]:
        out = []
        while (r := self.next()) is not None:
            out.append(r)
        return out


def test_who_waits_longest_is_next_and_only_the_newest_partial_of_each_is_done() -> None:
    b = Line()
    first, stale = request(1, careful=True, utterance=2), request(2, speaker=C)
    mine, newest = request(3, speaker=A), request(4, speaker=C)
    last = request(5, careful=True, speaker=A, utterance=9)
    for r in (first, stale, mine, newest):
        b.add(r)
    assert b.next() == first
    assert b.next() == newest, "it has the place of the one it replaces"
    b.add(last)
    assert b.drained() == [last], "a careful one makes a partial one that waits needless"


def test_a_newer_careful_request_of_an_utterance_replaces_the_one_before() -> None:
    b = Line()
    pause, end = request(1, careful=True, end=HOP), request(9, careful=True, end=2 * HOP)
    other = request(5, careful=True, utterance=4)
    for r in (pause, other, end):
        b.add(r)
    assert b.drained() == [end, other]


def test_partials_rest_so_that_words_never_take_more_than_half_a_core() -> None:
    b = Line()
    b.add(request(0))
    slow = b.next(0)
    assert slow
    b.on_answered(slow, 0, SAMPLE_RATE)
    b.add(request(SAMPLE_RATE, careful=True))
    b.add(request(SAMPLE_RATE))
    rested = round(PARTIAL_REST_FACTOR * SAMPLE_RATE)
    first = b.next(SAMPLE_RATE)
    assert first
    assert first.careful, "a final never rests"
    assert b.next(rested - 1) is None
    assert b.next(rested) is not None


def test_late_finals_stop_the_partials_and_say_so_until_they_are_in_time() -> None:
    b = Line()
    final = request(0, careful=True)
    (said,) = b.on_answered(final, 0, LATE_AFTER + SAMPLE_RATE)
    assert said.reason == "the machine is busy: words arrive 3 s late, at turns' ends"
    b.add(request(0))
    assert b.next() is None
    assert b.on_answered(final, 0, IN_TIME_WITHIN) == [], "not yet"
    (said,) = b.on_answered(final, 0, IN_TIME_WITHIN - 1)
    assert said.over
    assert b.next() is not None


def test_the_second_opinion_goes_first_and_comes_back_after_some_finals_in_time() -> None:
    final = request(0, careful=True)
    assert Backlog().on_answered(final, 0, SPARING_AFTER + 1) == [], "there is only one recogniser"
    b = Backlog(joint=True)
    for lag in (SPARING_AFTER + 1, SPARING_AFTER, LATE_AFTER):
        assert b.on_answered(final, 0, lag) == []
        assert not b.sparing, "late once, as a long turn is"
    (said,) = b.on_answered(final, 0, SPARING_AFTER + 1)
    assert (said.stage, said.over, b.sparing) == ("second recogniser", False, True)
    b.on_answered(final, 0, LATE_AFTER + 1)  # partial words stop, too
    b.on_answered(final, 0, IN_TIME_WITHIN - 1)
    for _ in range(FULL_AFTER - 1):
        assert b.on_answered(final, 0, FULL_WITHIN - 1) == []
    b.on_answered(final, 0, FULL_WITHIN)  # late once more: they are counted anew
    for _ in range(FULL_AFTER - 1):
        assert b.on_answered(final, 0, FULL_WITHIN - 1) == []
    (said,) = b.on_answered(final, 0, FULL_WITHIN - 1)
    assert (said.stage, said.over, b.sparing) == ("second recogniser", True, False)


def test_very_late_finals_cost_the_second_opinion_at_once_and_then_the_partials() -> None:
    final = request(0, careful=True)
    b = Backlog(joint=True)
    (said,) = b.on_answered(final, 0, LATE_AFTER + 1)
    assert (said.stage, said.over, b.sparing) == ("second recogniser", False, True)
    (said,) = b.on_answered(final, 0, LATE_AFTER + 1)
    assert (said.stage, said.over) == ("transcription", False)


def test_a_second_opinion_that_was_given_up_again_stays_away_for_twice_as_long() -> None:
    final = request(0, careful=True)
    b = Backlog(joint=True)
    for times in (1, 2, 4):
        b.on_answered(final, 0, LATE_AFTER + 1)
        for _ in range(times * FULL_AFTER):
            assert b.sparing
            b.on_answered(final, 0, FULL_WITHIN - 1)
        assert not b.sparing


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([A, C]), st.booleans()), max_size=60))
def test_no_final_is_ever_dropped_and_the_backlog_is_bounded_by_them(
    course: list[tuple[bool, Speaker, bool]],
) -> None:
    b = Line()
    put: list[TranscribeRequest] = []
    taken: list[TranscribeRequest] = []
    for at, (careful, speaker, work) in enumerate(course):
        r = request(at, careful=careful, speaker=speaker, utterance=at)
        put.append(r)
        b.add(r)
        assert len(b) <= sum(x.careful for x in put) - sum(x.careful for x in taken) + 2
        if work and (r2 := b.next(at)):
            taken.append(r2)
    taken += b.drained()
    assert [r for r in taken if r.careful] == [r for r in put if r.careful]
    assert len(set(map(id, taken))) == len(taken)


def test_a_final_that_waits_long_keeps_its_audio() -> None:
    parrot = Parrot()
    parrot.gate.clear()
    w = LiveAsr(parrot, SETTINGS, ENGLISH.numbers)
    feed(w)
    w.submit(request(64 * HOP, HOP, 2 * HOP, careful=True, utterance=1))
    w.submit(request(64 * HOP, 2 * HOP, 3 * HOP, careful=True, utterance=2))
    for i in range(64, 64 + 40 * 63):
        w.buffer_audio(Block(i * HOP, np.zeros((2, HOP), np.float32)))
    parrot.gate.set()
    heard = [a.words[0].text for a in w.poll(None) if isinstance(a, Transcript)]
    assert heard == [spelled(f"hmah{HOP}True1"), spelled(f"hmah{HOP}True2")]
    w.close()


def poll_until(worker: LiveAsr, count: int) -> list[Answer]:
    found: list[Answer] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        found += worker.poll(64 * HOP)
        time.sleep(0.005)
    return found


def test_a_live_answer_arrives_when_it_is_there_and_the_call_never_waits() -> None:
    parrot = Parrot()
    parrot.gate.clear()
    w = LiveAsr(parrot, SETTINGS, ENGLISH.numbers)
    feed(w)
    w.submit(request(64 * HOP))
    assert w.poll(64 * HOP) == []
    parrot.gate.set()
    (answer,) = poll_until(w, 1)
    assert isinstance(answer, Transcript)
    assert answer.at == 64 * HOP
    w.close()


def test_at_the_end_of_a_call_the_last_words_are_waited_for() -> None:
    w = LiveAsr(Parrot(), SETTINGS, ENGLISH.numbers)
    feed(w)
    for n in range(5):
        w.submit(request(64 * HOP, careful=True, utterance=n))
    answers = w.poll(None)
    assert [a.utterance for a in answers if isinstance(a, Transcript)] == list(range(5))
    w.close()


def test_last_words_are_not_waited_for_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "LAST_WORDS_TIMEOUT_S", 0.1)
    parrot = Parrot()
    parrot.gate.clear()
    w = LiveAsr(parrot, SETTINGS, ENGLISH.numbers)
    feed(w)
    for n in (1, 2):
        w.submit(request(64 * HOP, careful=True, utterance=n))
    answers = [a for a in w.poll(None) if isinstance(a, Transcript)]
    assert [a.utterance for a in answers] == [1, 2]
    assert all("did not arrive in time" in a.error and not a.words for a in answers)
    w.close()
    parrot.gate.set()
    time.sleep(0.2)
    assert not w.poll(64 * HOP), "what comes after that is of no use"


def test_a_live_recogniser_that_fails_is_started_again_once() -> None:
    parrot = Parrot(failures=3)
    w = LiveAsr(parrot, SETTINGS, ENGLISH.numbers)
    feed(w)
    w.submit(request(64 * HOP, careful=True))
    (answer,) = [a for a in w.poll(None) if isinstance(a, Transcript)]
    assert answer.error == "RecogniserFailed: out of memory"
    assert parrot.restarts == 1
    w.close()


@pytest.mark.parametrize(
    "make",
    [
        lambda p: ReplayAsr([p], SETTINGS, ENGLISH.numbers),
        lambda p: LiveAsr(p, SETTINGS, ENGLISH.numbers),
    ],
)
def test_closing_drops_what_is_not_begun(make: Callable[[Parrot], ReplayAsr | LiveAsr]) -> None:
    before = set(threading.enumerate())
    parrot = Parrot()
    parrot.gate.clear()
    w = make(parrot)
    feed(w)
    for n in range(3):
        w.submit(request(64 * HOP, careful=True, utterance=n))
    assert parrot.begun.wait(20)
    closing = threading.Thread(target=w.close)  # of a recording it waits for what is begun
    closing.start()
    if isinstance(w, ReplayAsr):
        with contextlib.suppress(RuntimeError):  # once it is closed
            while True:
                w.submit(request(64 * HOP))
    else:
        closing.join(20)
    parrot.gate.set()
    for thread in {closing, *threading.enumerate()} - before:
        thread.join(20)
        assert not thread.is_alive()
    assert parrot.asked == 1


@pytest.mark.parametrize(
    ("said", "probability", "doubtful"),
    [
        (False, DOUBTFUL_BELOW, False),
        (False, np.nextafter(DOUBTFUL_BELOW, 0.0), True),
        (False, np.float64(0.9), False),
        (np.True_, 1.0, True),
        (True, 1.0, True),
    ],
)
def test_a_word_is_doubtful_if_the_transcriber_says_so_or_below_a_probability(
    said: bool, probability: float, doubtful: bool
) -> None:
    builder = answering.TranscriptBuilder(SETTINGS, ENGLISH.numbers)
    word = TranscribedWord("ship", 0.1, 0.4, probability, said)
    (heard,) = builder.build_transcript(0, request(0, careful=True), [word]).words
    assert heard.doubtful is doubtful


def test_a_masked_word_stays_masked_whatever_its_doubt() -> None:
    builder = answering.TranscriptBuilder(SETTINGS, ENGLISH.numbers)
    said = ["my", "card", "number", "is", "4111", "1111", "1111", "1111"]
    words = [TranscribedWord(w, i / 4, (i + 1) / 4, 0.9, i % 2 > 0) for i, w in enumerate(said)]
    heard = builder.build_transcript(0, request(0, end=4 * SAMPLE_RATE, careful=True), words).words
    assert not any(letter.isdigit() for word in heard for letter in word.text)
    assert [word.doubtful for word in heard] == [word.doubtful for word in words]

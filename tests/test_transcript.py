"""When words are asked for, and which are believed."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from voicecoach import config
from voicecoach.endpointing import Endpointer
from voicecoach.transcript import Agreement, Scribe
from voicecoach.types import (
    HOP,
    SAMPLE_RATE,
    Degraded,
    Event,
    HeardWord,
    Speaker,
    SpeechEnded,
    SpeechStarted,
    TranscribeRequest,
    Transcript,
    Utterance,
    Word,
)

SETTINGS = config.Transcription()


def words(text: str) -> tuple[HeardWord, ...]:
    return tuple(HeardWord(w, i * 4000, i * 4000 + 3000, 0.9) for i, w in enumerate(text.split()))


def texts(heard: list[HeardWord]) -> str:
    return " ".join(w.text for w in heard)


def test_words_are_committed_once_two_hypotheses_agree() -> None:
    a = Agreement()
    assert a.update(words("I see your"))[0] == []
    newly, tentative = a.update(words("I see, you're there"))
    assert texts(newly) == "I see,"
    assert texts(tentative) == "you're there"
    newly, tentative = a.update(words("you're their friend"))
    assert texts(newly) == "you're"
    assert texts(tentative) == "their friend"
    assert texts(a.committed) == "I see, you're"


class Recogniser:
    """Drives a scribe through a segment, answering at once with the words of a script."""

    def __init__(self, scribe: Scribe, script: list[str]) -> None:
        self.scribe, self.script = scribe, script
        self.requests: list[TranscribeRequest] = []
        self.events: list[Event] = []

    def take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, TranscribeRequest):
                self.requests.append(event)
                if self.script:
                    text = self.script.pop(0)
                    answer = Transcript(
                        event.at, event.speaker, event.utterance, event.final, words(text)
                    )
                    self.take(self.scribe.hear(event.at, answer))
            else:
                self.events.append(event)

    def speak(self, start: int, hops: int, quiet: int = -1) -> int:
        self.scribe.begin(start)
        at = start
        for i in range(hops):
            at += HOP
            self.take(self.scribe.step(at, 0.1 if i == quiet else 0.9, True))
        return at


def scribe() -> Scribe:
    return Scribe(Speaker.AGENT, SETTINGS)


def test_partials_come_first_after_first_s_then_every_step_s_then_the_final_one() -> None:
    r = Recogniser(scribe(), ["a"] * 20)
    at = r.speak(16_000, 200)
    r.take(r.scribe.end(at + 6400, at))
    times = [(q.at - 16_000) / SAMPLE_RATE for q in r.requests]
    assert times[0] - SETTINGS.first_s < 0.016
    assert all(abs(b - a - SETTINGS.step_s) < 0.017 for a, b in pairwise(times[:-1]))
    assert [q.final for q in r.requests] == [False] * (len(times) - 1) + [True]
    final = r.requests[-1]
    assert final.start == 16_000 - int(0.3 * SAMPLE_RATE)
    assert final.end == at + int(0.2 * SAMPLE_RATE)


def test_one_partial_at_a_time_so_a_slow_recogniser_is_asked_less() -> None:
    r = Recogniser(scribe(), [])
    r.speak(0, 300)
    assert len(r.requests) == 1


def test_final_words_replace_the_partial_ones_and_say_how_many_they_are() -> None:
    r = Recogniser(scribe(), ["one too", "one too three", "one two"])
    at = r.speak(0, 100)
    r.take(r.scribe.end(at, at))
    partial = [e for e in r.events if isinstance(e, Word) and not e.final]
    final = [e for e in r.events if isinstance(e, Word) and e.final]
    assert [(w.index, w.text, w.committed) for w in partial] == [
        (0, "one", False),
        (1, "too", False),
        (0, "one", True),
        (1, "too", True),
        (2, "three", False),
    ]
    assert [(w.index, w.text) for w in final] == [(0, "one"), (1, "two")]
    utterance = r.events[-1]
    assert isinstance(utterance, Utterance)
    assert (utterance.text, utterance.words) == ("one two", 2)
    assert not r.scribe.waiting


def test_a_tentative_word_that_is_gone_is_withdrawn() -> None:
    r = Recogniser(scribe(), ["one two three", "won two"])
    r.speak(0, 100)
    shown = {}
    for e in r.events:
        if isinstance(e, Word):
            shown[e.index] = e.text
    assert shown == {0: "won", 1: "two", 2: ""}


def test_partials_are_asked_with_what_is_believed() -> None:
    r = Recogniser(scribe(), ["one two", "one two three", "three four", "four"])
    r.speak(0, 200)
    assert [q.prefix for q in r.requests] == ["", "", "one two", "one two three"]


def test_a_long_segment_is_cut_where_it_was_quiet_and_goes_on() -> None:
    longest = round(SETTINGS.max_utterance_s * SAMPLE_RATE / HOP)
    quiet = longest * 3 // 4
    r = Recogniser(scribe(), [])
    r.speak(0, longest + 40, quiet)
    finals = [q for q in r.requests if q.final]
    assert [(q.start, q.end) for q in finals] == [(0, quiet * HOP)]
    after = [q for q in r.requests if q.utterance == finals[0].utterance + 1]
    assert after[0].start == finals[0].end


def test_a_partial_that_comes_after_the_end_is_too_late() -> None:
    s = scribe()
    r = Recogniser(s, [])
    at = r.speak(0, 100)
    r.take(s.end(at, at))
    late = Transcript(at, Speaker.AGENT, r.requests[0].utterance, False, words("late"))
    assert s.hear(at, late) == []
    assert s.waiting


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 80)), min_size=20, max_size=60))
def test_whatever_the_speech_every_request_has_audio_and_every_utterance_an_end(
    curve: list[tuple[float, int]],
) -> None:
    endpointer, s, at = Endpointer(config.Endpointing()), scribe(), 0
    requests: list[TranscribeRequest] = []
    active = False

    def take(events: list[Event]) -> None:
        for event in events:
            if isinstance(event, SpeechStarted):
                s.begin(event.start)
            elif isinstance(event, SpeechEnded):
                take(s.end(at, event.end))
            elif isinstance(event, TranscribeRequest):
                requests.append(event)

    for p, hops in [(1.0, 640), *curve]:
        for _ in range(hops):
            at += HOP
            take(endpointer.step(at, [p, 0.0]))
            segment = endpointer.segment(Speaker.AGENT)
            active = segment.active
            if active:
                take(s.step(at, p, segment.speaking))
    take(endpointer.finish(at))
    longest = round((SETTINGS.max_utterance_s + 1.0) * SAMPLE_RATE)
    for q in requests:
        assert q.start < q.end <= q.at
        assert q.end - q.start <= longest
    finals = [q for q in requests if q.final]
    assert len({q.utterance for q in requests}) == len(finals)
    assert all(a.end <= b.start for a, b in pairwise(finals))


def test_words_that_were_shown_are_voided_by_an_empty_final_even_after_a_cut() -> None:
    longest = round(SETTINGS.max_utterance_s * SAMPLE_RATE / HOP)
    r = Recogniser(scribe(), ["hello"] * 12)
    r.speak(0, longest - 1)
    r.script.clear()
    r.take(r.scribe.step(longest * HOP, 0.9, True))
    (final,) = [q for q in r.requests if q.final]
    (event,) = r.scribe.hear(
        final.at, Transcript(final.at, Speaker.AGENT, final.utterance, True, ())
    )
    assert isinstance(event, Utterance)
    assert (event.text, event.words) == ("", 0)


def test_a_failed_transcription_is_said_and_the_next_one_is_asked_for() -> None:
    s = scribe()
    r = Recogniser(s, [])
    at = r.speak(0, 60)
    broken = Transcript(at, Speaker.AGENT, 1, False, (), "RuntimeError: gone")
    (event,) = s.hear(at, broken)
    assert isinstance(event, Degraded)
    assert event.reason == "agent: RuntimeError: gone"
    (request,) = s.step(at + SAMPLE_RATE, 0.9, True)
    assert isinstance(request, TranscribeRequest)
    assert s.hear(at, broken) == [], "the same trouble is said once"
    (event,) = s.hear(at, Transcript(at, Speaker.AGENT, 1, False, ()))
    assert isinstance(event, Degraded)
    assert event.reason == "agent: words come again"

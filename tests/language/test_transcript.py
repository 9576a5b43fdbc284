"""When words are asked for, and which are believed."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach import config
from voicecoach.audio.endpointing import Segmenter
from voicecoach.language.agreement import SETTLED_AFTER, HypothesisPrompt, LocalAgreement
from voicecoach.language.transcript import IncrementalTranscriber
from voicecoach.types.events import (
    Degraded,
    Event,
    NotUnderstood,
    TranscribeRequest,
    Utterance,
    Word,
)
from voicecoach.types.stream import HOP, SAMPLE_RATE, HeardWord, Speaker, Transcript

SETTINGS = config.TranscriptionConfig()
LONGEST = round(SETTINGS.max_utterance_s * SAMPLE_RATE)


def words(text: str, probability: float = 0.9) -> tuple[HeardWord, ...]:
    return tuple(
        HeardWord(w, i * 4000, i * 4000 + 3000, probability) for i, w in enumerate(text.split())
    )


def texts(heard: list[HeardWord]) -> str:
    return " ".join(w.text for w in heard)


def agree(*hypotheses: str, probability: float = 0.9, complete: bool = False) -> LocalAgreement:
    """Return what is believed after hypotheses, each of them one step later and from the start."""
    a = LocalAgreement(0)
    for n, text in enumerate(hypotheses, 1):
        following = words(text, probability)[len(a.committed) :]
        a.add_hypothesis(following, n * 6400, complete=complete)
    return a


def test_words_are_committed_once_two_hypotheses_agree_but_not_the_newest_ones() -> None:
    a = agree("I see your face", "I see, you're there now")
    assert texts(a.committed) == "I see,"
    assert texts(a.tentative) == "you're there now"
    a = agree("one two three four", "one two three four")
    assert texts(a.committed) == "one two"
    a = agree("one two three four", "one two three four", "one two three four")
    assert texts(a.committed) == "one two three", "three agree, but the last may be half a word"
    assert texts(agree("one two", "one two", complete=True).committed) == "one two"


def test_what_the_recogniser_doubts_is_committed_after_three() -> None:
    said = "one two three four five"
    assert texts(agree(said, said, probability=0.3).committed) == ""
    assert texts(agree(said, said, said, probability=0.3).committed) == "one two three four"


@pytest.mark.parametrize(("probability", "committed"), [(0.51, "one two three"), (0.49, "")])
def test_a_word_of_probability_05_needs_two_hypotheses(probability: float, committed: str) -> None:
    said = "one two three four five"
    assert texts(agree(said, said, probability=probability).committed) == committed


@pytest.mark.parametrize(
    ("probability", "last", "shown"),
    [(0.21, 0.9, "one two"), (0.19, 0.9, ""), (0.9, 0.56, "one two"), (0.9, 0.54, "one")],
)
def test_a_word_of_probability_02_is_shown_and_the_last_one_from_055(
    probability: float, last: float, shown: str
) -> None:
    a = LocalAgreement(0)
    heard = (*words("one", probability), *words("two", last))
    a.add_hypothesis(heard, 6400, complete=False)
    assert texts(a.tentative) == shown


@pytest.mark.parametrize(("first_s", "left_out_s"), [(2.15, 0.0), (2.25, 2.05)])
def test_less_than_2_s_of_audio_is_not_left_out(first_s: float, left_out_s: float) -> None:
    """The first word is heard at `first_s`, and 0.2 s before that are decoded again."""
    a, end = LocalAgreement(0), round(first_s * SAMPLE_RATE)
    for _ in range(2):
        a.add_hypothesis(words("one")[len(a.committed) :], end, complete=True)
    for _ in range(2):
        following = words("one two three four five")[len(a.committed) :]
        a.add_hypothesis(following, end + SAMPLE_RATE, complete=True)
    assert texts(a.committed) == "one two three four five"
    assert a.next_prompt().start == round(left_out_s * SAMPLE_RATE)


def test_what_may_well_change_is_not_shown() -> None:
    a = LocalAgreement(0)
    a.add_hypothesis((*words("I have"), *words("a", 0.1), *words("dream")), 6400, complete=False)
    assert texts(a.tentative) == "I have"
    a.add_hypothesis((*words("I have a"), *words("dre", 0.5)), 12800, complete=False)
    assert texts(a.tentative).endswith("a")
    a.add_hypothesis((*words("I have a"), *words("dre", 0.5)), 12800, complete=True)
    assert texts(a.tentative).endswith("dre")
    a.add_hypothesis(words("a dre-"), 12800, complete=False)
    assert texts(a.tentative) == "a"


def test_what_is_committed_is_asked_for_again_with_its_last_words_only() -> None:
    a = agree("one two three")
    assert a.next_prompt() == HypothesisPrompt(0)
    said = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    a, n = LocalAgreement(0), 0
    for n in range(2, 11):
        # A word every 0.8 s, heard as soon as it is said.
        a.add_hypothesis(words(" ".join(said[:n]))[len(a.committed) :], n * 12_800, complete=True)
        a.add_hypothesis(
            words(" ".join(said[:n]))[len(a.committed) :], n * 12_800 + 1, complete=True
        )
    start, first, prefix, context = a.next_prompt()
    assert (first, prefix) == (10, "seven eight nine ten")
    assert context == "one two three four five six"
    # "seven" was not there at 6 * 0.8 s; it is with a margin.
    assert start == 6 * 12_800 + 1 - 3200


SAYINGS = st.lists(st.sampled_from("abc"), max_size=9)


@given(st.lists(st.tuples(SAYINGS, st.booleans(), st.integers(1, 20)), max_size=12))
def test_the_audio_that_is_asked_from_has_every_word_that_is_decoded_again(
    course: list[tuple[list[str], bool, int]],
) -> None:
    """However the hypotheses change, and where: what is cut off was heard before those words."""
    a, end, heard = LocalAgreement(0), 0, [(0, list[str]())]
    for following, complete, steps in course:
        end += steps * 6400
        before = [w.text for w in a.committed]
        a.add_hypothesis(words(" ".join(following)), end, complete=complete)
        heard.append((end, [*before, *following]))
        asked = a.next_prompt()
        everything = heard[-1][1]
        for place in range(len(a.committed) - len(asked.prefix.split()), len(everything)):
            word = everything[place]
            since = [when for when, said in heard if said[place : place + 1] != [word]]
            assert asked.start <= since[-1], f"{word} in place {place} may be cut off"


def test_what_is_hidden_is_not_told_to_the_recogniser() -> None:
    a = agree(*["it is 4111 11## ####"] * 2, complete=True)
    assert a.next_prompt() == HypothesisPrompt(0, 3, "it is 4111")


def test_a_hypothesis_of_everything_goes_on_after_the_last_committed_word() -> None:
    a = agree(*["I see a cat"] * 2, complete=True)

    def following(text: str) -> str | None:
        heard = a.words_after_committed(Transcript(0, Speaker.AGENT, 1, 0, True, words(text)))
        return None if heard is None else texts(list(heard))

    assert following("I see a cat there") == "there"
    assert following("Icy a cat there") == "there"
    assert following("I see a dog there") is None


def follow_stream(*hypotheses: tuple[float, str]) -> LocalAgreement:
    """Return what is believed after hypotheses of a stream, each with its seconds of audio."""
    a = LocalAgreement(0)
    for s, text in hypotheses:
        end = round(s * SAMPLE_RATE)
        heard = Transcript(end, Speaker.AGENT, 1, end, False, words(text), streamed=True)
        following = a.words_after_committed(heard)
        assert following is not None
        a.add_hypothesis(following, end, complete=False, streamed=True)
    return a


@pytest.mark.parametrize(("more", "committed"), [(0, "one two"), (-1, "")])
def test_a_word_of_a_stream_is_committed_once_it_is_the_same_for_1_s(
    more: int, committed: str
) -> None:
    end = 1.0 + (SETTLED_AFTER + more) / SAMPLE_RATE
    assert SAMPLE_RATE == SETTLED_AFTER
    assert texts(follow_stream((1.0, "one two"), (end, "one two three")).committed) == committed


def test_hypotheses_of_a_stream_do_not_commit_because_they_agree() -> None:
    often = [(1.0 + n / 100, "one two three four five") for n in range(70)]
    assert follow_stream(*often).committed == []
    sure = agree(*[text for _, text in often[:2]])
    assert texts(sure.committed) == "one two three", "those of other recognisers do"


def test_a_word_that_changes_and_what_follows_it_wait_again() -> None:
    a = follow_stream((1.0, "one two three"), (1.4, "one too three"), (2.0, "one too three four"))
    assert texts(a.committed) == "one"
    assert texts(a.tentative) == "too three four"
    a = follow_stream((1.0, "one too"), (1.4, "one two"), (2.2, "one two"))
    assert texts(a.committed) == "one", "the last word may be half a word"


def test_a_stream_that_changes_a_committed_word_still_goes_on() -> None:
    said = [(1.0, "I see a"), (2.0, "I see a cat"), (2.2, "I saw the cat there")]
    a = follow_stream(*said, (2.6, "I saw the cat there now"), (3.7, "I saw the cat there now and"))
    assert texts(a.committed) == "I see a cat there now"


def test_an_utterance_has_the_places_of_its_doubtful_words() -> None:
    t = Talk(None)
    t.speak(1.0)
    t.pause(1.0)
    heard = tuple(
        HeardWord(text, 0, 1600, 0.9, doubtful)
        for text, doubtful in (("well", False), ("as it", True), ("were", False), ("so", True))
    )
    t.take(t.scribe.add_transcript(t.at, t.requests[-1].make_transcript(t.at, heard)))
    (utterance,) = t.of(Utterance)
    assert isinstance(utterance, Utterance)
    assert (utterance.words, utterance.doubtful) == (4, (1, 2, 4))
    assert utterance.marked_text == "well (as it?) were (so?)"


class Talk:
    """Drives a scribe and its segmenter through speech, and answers with a script at once."""

    def __init__(self, script: Callable[[TranscribeRequest], str] | None) -> None:
        self.scribe = IncrementalTranscriber(Speaker.AGENT, SETTINGS)
        self.segmenter = Segmenter(config.EndpointingConfig())
        self.script = script
        self.at = 0
        self.requests: list[TranscribeRequest] = []
        self.events: list[Event] = []

    def take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, TranscribeRequest):
                self.requests.append(event)
                if self.script:
                    heard = words(self.script(event))[event.first :]
                    self.take(
                        self.scribe.add_transcript(event.at, event.make_transcript(event.at, heard))
                    )
            else:
                self.events.append(event)

    def hear(self, seconds: float, probability: float) -> None:
        for _ in range(round(seconds * SAMPLE_RATE / HOP)):
            self.at += HOP
            self.segmenter.step(self.at, probability)
            self.take(self.scribe.process_hop(self.at, probability, self.segmenter))

    def speak(self, seconds: float) -> None:
        self.hear(seconds, 0.9)

    def pause(self, seconds: float) -> None:
        self.hear(seconds, 0.0)

    def of(self, kind: type[Event]) -> list[Event]:
        return [e for e in self.events if isinstance(e, kind)]


def test_a_word_is_sent_again_when_its_doubt_changes() -> None:
    t = Talk(None)
    t.speak(3.0)
    first, second = t.requests[:2]
    for request, doubtful in ((first, True), (second, False)):
        heard = tuple(HeardWord(w, 0, 1600, 0.9, doubtful) for w in ("we", "shipped", "it", "to"))
        t.take(t.scribe.add_transcript(t.at, request.make_transcript(t.at, heard)))
    last = [e for e in t.events if isinstance(e, Word) and e.index == 3]
    assert [(e.doubtful, e.committed) for e in last] == [(True, False), (False, False)]


def test_partials_come_first_after_first_s_then_every_step_s_then_careful_ones() -> None:
    t = Talk(None)
    t.pause(1.0)
    t.speak(3.0)
    t.pause(1.0)
    partial = [q for q in t.requests if not q.careful]
    times = [(q.at - SAMPLE_RATE) / SAMPLE_RATE for q in partial]
    assert abs(times[0] - SETTINGS.first_s) < 0.05
    assert all(abs(b - a - SETTINGS.step_s) < 0.017 for a, b in pairwise(times))
    assert all(q.end == q.at for q in partial)
    (careful,) = [q for q in t.requests if q.careful]
    assert abs(careful.start - 0.7 * SAMPLE_RATE) <= 2 * HOP
    assert abs(careful.end - 4.2 * SAMPLE_RATE) <= 2 * HOP
    assert careful.at - careful.end < 2 * HOP, "it is asked for as soon as its audio is there"


def test_final_words_are_there_when_the_pause_is_over() -> None:
    t = Talk(lambda q: "good bye" if q.careful else "could")
    t.speak(1.0)
    t.pause(SETTINGS.pause_s + 0.1)
    final = [w for w in t.of(Word) if isinstance(w, Word) and w.final]
    assert [w.text for w in final] == ["good", "bye"]
    assert abs(final[0].at / SAMPLE_RATE - 1.0 - SETTINGS.pause_s) < 0.05
    (utterance,) = t.of(Utterance)
    assert isinstance(utterance, Utterance)
    assert (utterance.text, utterance.words) == ("good bye", 2)
    assert not t.scribe.awaits_final_words


def test_a_short_pause_is_one_more_hypothesis_and_the_utterance_goes_on() -> None:
    t = Talk(lambda q: "I see" if q.end < 2 * SAMPLE_RATE else "I see your point")
    t.speak(1.0)
    t.pause(0.3)
    assert not t.of(Utterance)
    shown = [w for w in t.of(Word) if isinstance(w, Word)]
    assert {w.text for w in shown if w.committed} == {"I", "see"}
    t.speak(1.0)
    t.pause(1.0)
    assert [u.text for u in t.of(Utterance) if isinstance(u, Utterance)] == ["I see your point"]


def test_a_long_utterance_ends_with_the_first_pause_and_the_next_begins_there() -> None:
    t = Talk(lambda q: "on and on")
    t.speak(8.1)
    t.pause(0.25)
    assert len(t.of(Utterance)) == 1
    t.speak(1.0)
    t.pause(1.0)
    assert len(t.of(Utterance)) == 2
    a, b = (q for q in t.requests if q.careful)
    assert a.end <= b.start <= a.end + HOP


@pytest.mark.parametrize(("seconds", "ended"), [(7.8, 0), (8.1, 1)])
def test_an_utterance_of_8_s_ends_with_a_pause_of_02_s(seconds: float, ended: int) -> None:
    t = Talk(lambda q: "on and on")
    t.speak(seconds)
    t.pause(0.25)
    assert len(t.of(Utterance)) == ended


# --- two recognisers ------------------------------------------------------------------------


def jointly(text: str) -> tuple[HeardWord, ...]:
    """Return the words of a text; those that begin with "?" were heard by one only."""
    return tuple(
        HeardWord(
            w.lstrip("?"), i * 4000, i * 4000 + 3000, 0.7, doubtful=w[0] == "?", agreed=w[0] != "?"
        )
        for i, w in enumerate(text.split())
    )


def joint(*hypotheses: str, complete: bool = False) -> LocalAgreement:
    a = LocalAgreement(0)
    for n, text in enumerate(hypotheses, 1):
        a.add_hypothesis(jointly(text)[len(a.committed) :], n * 6400, complete=complete)
    return a


def test_what_both_hear_is_committed_at_once_but_for_the_newest_words() -> None:
    assert texts(joint("one two three four").committed) == "one two"
    assert texts(joint("one two three four", "one two three four").committed) == "one two three"
    assert texts(joint("one two three four", complete=True).committed) == "one two three four"


def test_what_one_hears_waits_until_both_agree_on_two_words_after_it() -> None:
    said = "one ?two three four five"
    assert texts(joint(said).committed) == "one"
    assert texts(joint(said, said).committed) == "one two three four"
    said = "one ?two three ?four five"
    assert texts(joint(said, said).committed) == "one", "only one word follows"
    assert texts(joint(*[said] * 3).committed) == "one"
    assert texts(joint(*[said] * 4).committed) == "one two three four", "it is steady"
    assert texts(joint("one ?two", complete=True).committed) == "one"
    assert texts(joint("one ?two", "one ?two", complete=True).committed) == "one two"


def test_what_one_hears_is_shown_when_it_stays_or_both_agree_on_what_follows() -> None:
    assert texts(joint("?one").tentative) == ""
    assert texts(joint("?one", "?one").tentative) == "one"
    assert texts(joint("?one two three").tentative) == "one two three"
    assert texts(joint("?one two").tentative) == "", "the newest may be half a word"


@given(st.lists(st.lists(st.sampled_from(["a", "b", "?a", "?b", "c"]), max_size=6), max_size=8))
def test_committed_words_stay_whatever_comes(hypotheses: list[list[str]]) -> None:
    a, before = LocalAgreement(0), list[HeardWord]()
    for n, said in enumerate(hypotheses, 1):
        a.add_hypothesis(jointly(" ".join(said)), n * 6400, complete=n % 3 == 0)
        assert a.committed[: len(before)] == before
        before = list(a.committed)


def test_the_final_request_tells_what_is_committed_up_to_a_hidden_digit() -> None:
    t = Talk(lambda q: "one two three four five six")
    t.speak(3.0)
    t.pause(1.0)
    assert t.requests[-1].committed.startswith("one two three")
    t = Talk(lambda q: "one two # four five six")
    t.speak(3.0)
    t.pause(1.0)
    assert t.requests[-1].committed == "one two"


def test_a_cut_leaves_committed_words_where_they_are() -> None:
    t = Talk(lambda q: " ".join(f"word{n}" for n in range(3 * q.end // SAMPLE_RATE)))
    t.speak(8.0)
    t.hear(HOP / SAMPLE_RATE, 0.4)  # the quietest place, before words that are committed since
    t.speak(8.0)
    cut = next(q for q in t.requests if q.careful)
    committed = {
        e.index
        for e in t.events
        if isinstance(e, Word) and e.utterance == 1 and e.committed and not e.final
    }
    assert len(committed) > 30
    assert cut.committed.split() == [f"word{n}" for n in sorted(committed)]
    assert 3 * cut.end // SAMPLE_RATE >= len(committed), "their audio is before the cut"


def test_final_words_are_overdue_2_s_after_the_end_of_their_audio() -> None:
    t = Talk(None)
    t.speak(1.0)
    t.pause(1.0)
    end = t.requests[-1].end
    assert t.scribe.awaits_final_words
    assert not t.scribe.words_overdue(end + round(1.99 * SAMPLE_RATE))
    assert t.scribe.words_overdue(end + round(2.01 * SAMPLE_RATE))


def test_speech_without_a_pause_is_cut_where_it_was_quiet_and_goes_on() -> None:
    t = Talk(None)
    t.speak(10.0)
    t.hear(HOP / SAMPLE_RATE, 0.4)
    quiet = t.at - HOP
    t.speak(6.0)
    (first,) = [q for q in t.requests if q.careful]
    assert (first.start, first.end) == (0, quiet)
    after = [q for q in t.requests if q.utterance == 2]
    assert after[0].start == first.end


def test_a_tentative_word_that_is_gone_is_withdrawn() -> None:
    said = iter(["one two three", "won two", *["won two"] * 9])
    t = Talk(lambda q: next(said))
    t.speak(SETTINGS.first_s + SETTINGS.step_s + 0.1)
    shown = {}
    for e in t.of(Word):
        assert isinstance(e, Word)
        shown[e.index] = e.text
    assert shown == {0: "won", 1: "two", 2: ""}


def test_the_other_one_ends_an_utterance() -> None:
    t = Talk(lambda q: "yes")
    t.speak(1.0)
    t.pause(0.25)
    t.take(t.scribe.end_utterance(t.at))
    assert len(t.of(Utterance)) == 1
    assert t.scribe.end_utterance(t.at) == []


def test_a_partial_that_comes_after_the_end_is_too_late() -> None:
    t = Talk(None)
    t.speak(1.0)
    t.pause(1.0)
    late = t.requests[0]
    assert not late.careful
    assert t.scribe.add_transcript(t.at, late.make_transcript(t.at, words("late"))) == []
    assert t.scribe.awaits_final_words


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.05, 1.2)), min_size=20, max_size=60))
def test_whatever_the_speech_every_request_has_audio_and_every_utterance_an_end(
    curve: list[tuple[float, float]],
) -> None:
    t = Talk(None)
    for p, seconds in [(1.0, 10.0), *curve]:
        t.hear(seconds, p)
    t.take(t.scribe.end_utterance(t.at))
    for q in t.requests:
        assert 0 <= q.start < q.end <= q.at
        assert q.end - q.start <= LONGEST + SAMPLE_RATE
    careful = {q.utterance: q for q in t.requests if q.careful}
    assert careful.keys() == {q.utterance for q in t.requests}
    assert all(a.end <= b.start for a, b in pairwise(careful.values()))
    for q in t.requests:
        if q.careful:
            t.scribe.add_transcript(t.at, q.make_transcript(t.at, ()))
    assert not t.scribe.awaits_final_words


def test_words_that_were_shown_are_voided_by_an_empty_final() -> None:
    t = Talk(lambda q: "" if q.careful else "hello there")
    t.speak(2.0)
    t.pause(1.0)
    utterance = t.of(Utterance)[-1]
    assert isinstance(utterance, Utterance)
    assert (utterance.text, utterance.words) == ("", 0)


def test_a_failed_transcription_is_said_and_the_next_one_is_asked_for() -> None:
    t = Talk(None)
    t.speak(1.0)
    request = t.requests[0]
    (event,) = t.scribe.add_transcript(
        t.at, request.make_transcript(t.at, (), "RuntimeError: gone")
    )
    assert isinstance(event, Degraded)
    assert event.reason == "agent: RuntimeError: gone"
    assert (
        t.scribe.add_transcript(t.at, request.make_transcript(t.at, (), "RuntimeError: gone")) == []
    )
    before = len(t.requests)
    t.speak(1.0)
    assert len(t.requests) > before
    (event,) = t.scribe.add_transcript(t.at, t.requests[-1].make_transcript(t.at, ()))
    assert isinstance(event, Degraded)
    assert event.reason == "agent: transcription resumed"


class Foreign(Talk):
    """Partial words come, and the careful answers understand nothing until `english`."""

    english = False

    def take(self, events: list[Event]) -> None:
        for event in events:
            if not isinstance(event, TranscribeRequest):
                self.events.append(event)
                continue
            understood = self.english or not event.careful
            heard = words("thank you very much") if understood else ()
            transcript = event.make_transcript(event.at, heard, understood=understood)
            self.take(self.scribe.add_transcript(event.at, transcript))


def test_what_is_not_understood_is_said_and_has_no_words() -> None:
    t = Foreign(None)
    t.speak(3.0)
    assert any(isinstance(e, Word) and e.text for e in t.of(Word))
    t.pause(1.0)
    (span,) = t.of(NotUnderstood)
    assert isinstance(span, NotUnderstood)
    assert (span.speaker, span.start) == (Speaker.AGENT, 0)
    assert 2.5 * SAMPLE_RATE < span.end < 3.5 * SAMPLE_RATE
    assert not [e for e in t.of(Word) if isinstance(e, Word) and e.final]
    last = {e.index: e.text for e in t.of(Word) if isinstance(e, Word)}
    assert not any(last.values())
    assert not [e for e in t.of(Utterance) if isinstance(e, Utterance) and e.words]


def test_a_second_utterance_in_a_row_is_told_to_the_agent_once() -> None:
    t = Foreign(None)
    notices = []
    for count in range(4):
        t.english = count == 3
        t.speak(2.0)
        t.pause(1.0)
        notices.append([(e.reason, e.over) for e in t.of(Degraded) if isinstance(e, Degraded)])
    told = ("not understood: another language?", False)
    assert notices == [[], [told], [told], [told, ("understood again", True)]]


def test_where_the_final_words_fail_what_was_believed_stands() -> None:
    t = Talk(lambda q: "I will call you back" if not q.careful else "")
    t.speak(3.0)
    t.script = None
    t.pause(1.0)
    request = t.requests[-1]
    assert request.careful
    events = t.scribe.add_transcript(t.at, request.make_transcript(t.at, (), "gone"))
    utterance = events[-1]
    assert isinstance(utterance, Utterance)
    assert utterance.text.startswith("I will call you")

"""What the customer's words add: labelled phrases, and properties of the stream."""

import itertools
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.language.hypotheses import hypotheses
from voicecoach.errors import ModelError
from voicecoach.language.phrases import SharedPhrases
from voicecoach.language.tables import SharedTable, WordingTable
from voicecoach.language.wording import (
    HALF_LIFE,
    MAX_WORDING_ODDS,
    PHRASE_ODDS,
    WORDING_QUOTE_WORDS,
    WORDING_UTTERANCES,
    WordingEvidence,
    WordingModel,
    WordingPhrases,
    ngrams,
)
from voicecoach.shell.runtime.resources import vad_model, wording_model
from voicecoach.testing import ENGLISH_WORDING, make_utterance, make_word
from voicecoach.types.events import Evidence
from voicecoach.types.stream import SAMPLE_RATE, FileContents, Speaker

PHRASES = tomllib.loads((Path(__file__).parent / "wording.toml").read_text("utf-8"))
FIRES = 0.3
"""Log-odds from which a phrase counts as found."""
MODEL = WordingModel(wording_model())
SECOND = SAMPLE_RATE


def say(wording: WordingEvidence, text: str, utterance: int = 1, start: int = 0) -> int:
    """Say an utterance, and return where it ends."""
    words = [make_word(t, i, utterance=utterance, start=start) for i, t in enumerate(text.split())]
    for event in words:
        wording.add_event(event)
    return words[-1].end


def said(*utterances: str, pause_s: float = 1) -> tuple[Evidence, ...]:
    """Return the evidence right after utterances."""
    wording, end = WordingEvidence(ENGLISH_WORDING, MODEL), 0
    for number, text in enumerate(utterances, 1):
        start = end + round(pause_s * SECOND) if end else 0
        end = say(wording, text, number, start)
    return wording.evidence(end)


def total(evidence: Sequence[Evidence]) -> float:
    return sum(e.weight for e in evidence)


# --- labelled phrases -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "recall", "false"), [("seen", 0.8, 0), ("kept", 0.88, 0), ("late", 0.4, 1)]
)
def test_agitated_phrases_are_found_and_calm_ones_left(
    part: str, recall: float, false: int
) -> None:
    phrases = PHRASES[part]
    found = [text for text in phrases["agitated"] if total(said(text)) >= FIRES]
    alarms = [text for text in phrases["calm"] if total(said(text)) >= FIRES]
    assert len(found) >= recall * len(phrases["agitated"])
    assert len(alarms) <= false, alarms
    assert sum(total(said(text)) for text in phrases["calm"]) < 0.03 * len(phrases["calm"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Could I please speak to a manager?", "asked for a supervisor"),
        ("Honestly, this is ridiculous.", '"honestly this is ridiculous"'),
        ("and it's, uh, still not working", 'said it again: "and it\'s still not working"'),
        (
            "and so I'm going to cancel everything today",
            'warned: "so i\'m going to cancel everything"',
        ),
    ],
)
def test_evidence_says_what_was_heard(text: str, expected: str) -> None:
    assert [e.text for e in said(text)] == [expected]


@pytest.mark.parametrize("phrase", ["angry", "furious", "fed up", "unhappy", "ridiculous"])
def test_negation_turns_a_phrase_round(phrase: str) -> None:
    assert total(said(f"I am {phrase} with this")) >= FIRES
    for negated in (
        f"I'm not {phrase}",
        f"I'm not really {phrase} at all",
        f"I was never {phrase}",
        f"it isn't that I'm {phrase}",
        f"I'm not, like, you know, {phrase}",
    ):
        assert not said(negated), negated


def test_a_negation_ends_with_its_clause_and_can_be_part_of_a_phrase() -> None:
    assert total(said("it's not mine and ridiculous")) >= FIRES
    assert total(said("this is not acceptable")) >= FIRES
    assert total(said("why can't you get me a manager")) >= FIRES
    assert total(said("it's still not working this is ridiculous")) > PHRASE_ODDS["hostile"]


def test_a_phrase_goes_across_a_short_pause_only() -> None:
    assert said("I want to speak", "to a manager", pause_s=1)
    assert not said("I want to speak", "to a manager", pause_s=5)


def test_the_model_speaks_where_no_phrase_does_and_names_its_words() -> None:
    (evidence,) = said("I hate how stupid you are about all that")
    assert evidence.text.startswith('sounds hostile: "')
    assert "stupid" in evidence.text


def test_the_model_judges_only_of_who_is_spoken_to() -> None:
    assert said("you were stupid and I hate how stupid")
    assert not said("dogs were stupid and I hate how stupid")


# --- said again -----------------------------------------------------------------------------

STORY = "my washing machine leaks water all over the kitchen floor"
AGAIN = "the washing machine is leaking water over my kitchen"


def test_a_complaint_made_again_later_is_evidence() -> None:
    for first, second, pause_s, expected in (
        (f"{STORY} and that's a problem", AGAIN, 25, True),
        (f"{STORY} and that's a problem", AGAIN, 5, False),
        (STORY.replace("leaks", "holds"), AGAIN.replace("leaking", "holding"), 25, False),
        (f"{STORY} and that's a problem", "could you send someone on Thursday morning", 25, False),
    ):
        again = [e for e in said(first, second, pause_s=pause_s) if e.text.startswith("said it")]
        assert bool(again) == expected, (second, pause_s)


# --- the stream -----------------------------------------------------------------------------

TEXTS = ("this is ridiculous", "I already told you", "okay thank you", "", "I am so sick of it")


@given(
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4),
    hypotheses(["ridiculous", "manager", "not", "", "fine"]),
)
def test_final_words_alone_decide(
    finals: list[str], partials: list[tuple[int, int, str, bool, bool]]
) -> None:
    expected, heard = (
        WordingEvidence(ENGLISH_WORDING, MODEL),
        WordingEvidence(ENGLISH_WORDING, MODEL),
    )
    coming = iter(partials)
    for number, text in enumerate(finals, 1):
        start = number * 10 * SECOND
        ended = make_utterance(text, utterance=number, start=start, end=start)
        for utterance, index, partial, committed, asks in itertools.islice(coming, 8):
            if utterance <= len(finals):
                heard.add_event(
                    make_word(
                        partial,
                        index,
                        utterance=max(utterance, number),
                        start=start,
                        committed=committed,
                        final=False,
                    )
                )
            if asks:
                heard.evidence(start)
        for wording in (expected, heard):
            for i, t in enumerate(text.split()):
                wording.add_event(make_word(t, i, utterance=number, start=start))
            wording.add_event(ended)
    at = (len(finals) + 1) * 10 * SECOND
    assert heard.evidence(at) == expected.evidence(at)


def test_only_committed_words_count_and_a_withdrawn_one_takes_its_evidence_back() -> None:
    wording = WordingEvidence(ENGLISH_WORDING, MODEL)
    tentative = make_word("ridiculous", 0, committed=False, final=False)
    wording.add_event(tentative)
    assert not wording.evidence(SECOND)
    wording.add_event(make_word("ridiculous", 0, final=False))
    assert wording.evidence(SECOND)
    wording.add_event(make_word("", 0, committed=False, final=False))
    assert not wording.evidence(SECOND)
    wording.add_event(make_word("ridiculous", 0, final=False))
    wording.add_event(make_word("radishes", 0, final=False))
    assert not wording.evidence(SECOND)
    wording.add_event(make_word("ridiculous", 0, final=False))
    wording.add_event(make_word("not", 0))
    assert not wording.evidence(SECOND)


def test_an_utterance_is_read_again_when_the_one_before_changes() -> None:
    wording = WordingEvidence(ENGLISH_WORDING, MODEL)
    for i, text in enumerate(["I", "want", "to", "speak"]):
        wording.add_event(make_word(text, i, final=False))
    end = say(wording, "to a manager", 2, 2 * SECOND)
    assert wording.evidence(end)
    say(wording, "I want to send flowers")
    assert not wording.evidence(end)


def test_final_words_void_the_surplus_and_stay() -> None:
    wording = WordingEvidence(ENGLISH_WORDING, MODEL)
    wording.add_event(make_word("fine", 0, final=False))
    wording.add_event(make_word("ridiculous", 1, final=False))
    wording.add_event(make_word("fine", 0))
    assert not wording.evidence(SECOND)
    wording.add_event(make_word("ridiculous", 1, final=False))
    assert not wording.evidence(SECOND)


def test_evidence_fades_by_half() -> None:
    wording = WordingEvidence(ENGLISH_WORDING, MODEL)
    end = say(wording, "this is ridiculous")
    weights = [total(wording.evidence(end + n * HALF_LIFE)) for n in range(8)]
    assert weights[0] == PHRASE_ODDS["hostile"]
    for n in range(1, 4):
        assert weights[n] == pytest.approx(weights[0] / 2**n)
    assert weights[-1] == 0
    assert total(wording.evidence(0)) == weights[0]


@given(st.lists(st.sampled_from(PHRASES["seen"]["agitated"]), max_size=12))
def test_evidence_is_bounded_sorted_and_short(texts: list[str]) -> None:
    evidence = said(*texts) if texts else ()
    weights = [e.weight for e in evidence]
    assert total(evidence) <= MAX_WORDING_ODDS + 1e-9
    assert weights == sorted(weights, reverse=True)
    assert all(weight > 0 for weight in weights)
    quotes = [e.text.split('"')[1] for e in evidence if '"' in e.text]
    assert all(0 < len(q.replace(" … ", " ").split()) <= WORDING_QUOTE_WORDS for q in quotes)


def test_many_complaints_reach_the_bound() -> None:
    assert total(said(*PHRASES["seen"]["agitated"][:12])) == pytest.approx(MAX_WORDING_ODDS)


def test_a_recogniser_that_repeats_itself_adds_nothing() -> None:
    assert total(said("ridiculous")) == total(said("ridiculous " * 20))


def test_the_agents_words_are_refused() -> None:
    with pytest.raises(ValueError, match="agent"):
        WordingEvidence(ENGLISH_WORDING, MODEL).add_event(
            make_word("ridiculous", 0, speaker=Speaker.AGENT)
        )


def test_nothing_said_is_no_evidence() -> None:
    assert WordingEvidence(ENGLISH_WORDING, MODEL).evidence(0) == ()
    assert said("... , uh um") == ()


def test_a_long_call_is_forgotten_from_its_start() -> None:
    wording, end = WordingEvidence(ENGLISH_WORDING, MODEL), 0
    for number in range(1, 3 * WORDING_UTTERANCES):
        end = say(wording, "this is okay", number, end)
    wording.add_event(make_word("ridiculous", 0, utterance=1, start=end))
    assert not wording.evidence(end)
    wording.add_event(make_word("ridiculous", 0, utterance=3 * WORDING_UTTERANCES, start=end))
    assert wording.evidence(end)


# --- the model ------------------------------------------------------------------------------


def test_words_are_read_without_case_punctuation_and_fillers() -> None:
    assert ENGLISH_WORDING.spoken_words(["I\u2019m,", "uh,", "NOT", "...", "in-house"]) == [
        "i'm",
        "not",
        "in",
        "house",
    ]
    assert ngrams(["a", "b", "a"]) == {"a": (0, 1), "b": (1, 2), "a b": (0, 2), "b a": (1, 3)}


def test_the_model_separates_and_knows_nothing_of_no_words() -> None:
    hostile, desperate = MODEL.class_probabilities(
        ENGLISH_WORDING.spoken_words(["you", "are", "disgusting", "and", "stupid"])
    )
    assert hostile > 0.8 > 0.2 > desperate
    hostile, desperate = MODEL.class_probabilities(
        ENGLISH_WORDING.spoken_words(["I", "am", "scared", "and", "so", "sad"])
    )
    assert desperate > 0.8 > 0.2 > hostile
    assert MODEL.class_probabilities([]) == MODEL.class_probabilities(["xyzzy"])
    assert max(MODEL.class_probabilities([])) < 0.2


def test_what_a_judgement_rests_on_is_what_it_falls_without() -> None:
    words = ENGLISH_WORDING.spoken_words(
        ["you", "are", "disgusting", "and", "I", "want", "a", "refund"]
    )
    first, last = MODEL.strongest_ngrams(words, 0)[0]
    assert "disgusting" in words[first:last]
    assert (
        MODEL.class_probabilities(words[:first] + words[last:])[0]
        < MODEL.class_probabilities(words)[0]
    )


def test_the_model_file_is_small() -> None:
    assert len(wording_model().data) < 500_000


def test_another_file_is_no_model() -> None:
    for file in (FileContents("wording.onnx", b"no model"), vad_model()):
        with pytest.raises(ModelError, match=file.name):
            WordingModel(file)


# --- what words weigh and for how long -------------------------------------------------------

THREAT = "I will take you to court"
COMPLAINT = "the engineer never came to my house on tuesday morning and it is unacceptable"


def evidence_of(text: str, later_s: float = 0.0) -> float:
    """Return what an utterance weighs so long after it ended."""
    wording = WordingEvidence(ENGLISH_WORDING, MODEL)
    end = say(wording, text)
    return total(wording.evidence(end + round(later_s * SECOND)))


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        (THREAT, 1.4),
        ("let me speak to your manager", 1.2),
        ("that is disgraceful", 1.2),
        ("I am desperate", 1.2),
        ("how many times do I have to call", 1.0),
        ("that makes no sense", 0.25),
    ],
)
def test_what_a_phrase_weighs_when_it_is_said(text: str, weight: float) -> None:
    # Its last word may not be the last one.
    assert evidence_of(text) == pytest.approx(weight, rel=0.1)


def test_what_was_said_weighs_half_after_15_s() -> None:
    assert evidence_of(THREAT, 15.0) == pytest.approx(0.7)
    assert evidence_of(THREAT, 30.0) == pytest.approx(0.35)


@pytest.mark.parametrize(("later_s", "left"), [(72.0, True), (72.2, False)])
def test_what_has_faded_to_005_is_left_out(later_s: float, left: bool) -> None:
    """1.4 is halved 4.81 times until then."""
    assert (evidence_of(THREAT, later_s) > 0) is left


def test_all_words_together_weigh_no_more_than_25() -> None:
    evidence = said(THREAT, "let me speak to your manager", "that is disgraceful", pause_s=0)
    assert total(evidence) == pytest.approx(2.5)


def test_a_complaint_that_is_made_again_weighs_07() -> None:
    evidence = said(COMPLAINT, COMPLAINT, pause_s=22)
    (again,) = [e for e in evidence if e.text.startswith("said it again")]
    assert again.weight == pytest.approx(0.7)
    assert len(again.text.split('"')[1].split()) == 6


@pytest.mark.parametrize(("utterances", "remembered"), [(38, True), (41, False)])
def test_a_complaint_is_remembered_for_40_utterances(utterances: int, remembered: bool) -> None:
    talk = ["chairs and tables"] * utterances
    evidence = said(COMPLAINT, *talk, COMPLAINT)
    assert any(e.text.startswith("said it again") for e in evidence) is remembered


# --- how much of an utterance is read at once -------------------------------------------------

NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
SUBJECTS = {"hostile": ("you",), "desperate": ("me",)}


def made_up(**phrases: tuple[str, ...]) -> WordingPhrases:
    """Return a language whose only phrases are these, with a word that each output is about."""
    shared = SharedPhrases(SharedTable(fillers=(), second_person=(), negation=("not",), common=()))
    every = ("threat", "supervisor", "hostile", "desperate", "repeat", "displeased")
    given = {kind: phrases.get(kind, ("unheard",)) for kind in every}
    table = WordingTable(
        threat=given["threat"],
        supervisor=given["supervisor"],
        hostile=given["hostile"],
        desperate=given["desperate"],
        repeat=given["repeat"],
        displeased=given["displeased"],
        model_subjects=SUBJECTS,
    )
    return WordingPhrases(table, shared)


class JudgedBy:
    """Stands for the model of wording: gives the probabilities that a function has for words."""

    def __init__(self, judge: Callable[[Sequence[str]], tuple[float, float]]) -> None:
        self.class_probabilities = judge

    def strongest_ngrams(self, words: Sequence[str], output: int) -> list[tuple[int, int]]:
        return [(0, 1)]


def judged(text: str, judge: Callable[[Sequence[str]], tuple[float, float]]) -> float:
    """Return what an utterance weighs, said without a pause, if the model judges so."""
    wording = WordingEvidence(made_up(), cast(WordingModel, JudgedBy(judge)))
    return total(wording.evidence(say(wording, text)))


@pytest.mark.parametrize(("earlier", "found"), [(6, True), (7, False)])
def test_the_last_6_words_of_an_utterance_are_read_again(earlier: int, found: bool) -> None:
    phrases = made_up(hostile=("one two three four five six seven eight",))
    wording = WordingEvidence(phrases, MODEL)
    end = say(wording, " ".join(NUMBERS[:earlier]))
    end = say(wording, " ".join(NUMBERS[earlier:8]), 2, end + SECOND)
    assert (total(wording.evidence(end)) == pytest.approx(1.2)) is found


@pytest.mark.parametrize(
    ("text", "hostile", "desperate", "believed"),
    [
        ("you table table table table", 0.72, 0.0, True),
        ("you table table table table", 0.68, 0.0, False),
        ("me table table table table", 0.0, 0.81, True),
        ("me table table table table", 0.0, 0.79, False),
    ],
)
def test_the_model_is_believed_from_07_for_hostile_and_08_for_desperate(
    text: str, hostile: float, desperate: float, believed: bool
) -> None:
    assert (judged(text, lambda words: (hostile, desperate)) > 0) is believed


def test_the_model_adds_no_more_than_06() -> None:
    text = "you table table table table"
    assert judged(text, lambda words: (0.999, 0.0)) == pytest.approx(0.6)
    # From 0.7 to 0.8 the log-odds rise by log(4) - log(7/3).
    assert judged(text, lambda words: (0.8, 0.0)) == pytest.approx(0.539, abs=0.001)


@pytest.mark.parametrize(("words", "judges"), [(5, True), (4, False)])
def test_the_model_judges_5_words_and_no_fewer(words: int, judges: bool) -> None:
    text = "you " + "table " * (words - 1)
    assert (judged(text, lambda words: (0.99, 0.0)) > 0) is judges


@pytest.mark.parametrize(
    ("before", "between", "together"),
    [(0, 10, True), (0, 11, False), (4, 10, True), (2, 10, False)],
)
def test_the_model_reads_12_words_from_every_4th(before: int, between: int, together: bool) -> None:
    """Only where both words are in what is read at once is it hostile."""

    def both(words: Sequence[str]) -> tuple[float, float]:
        return (0.99 if {"you", "lamp"} <= set(words) else 0.0), 0.0

    text = "table " * before + "you " + "table " * between + "lamp"
    assert (judged(text, both) > 0) is together

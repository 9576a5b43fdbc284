"""What the customer's words weigh and for how long, at its edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import pytest

from tests.language.test_wording import MODEL, SECOND, said, say, total
from voicecoach.language.phrases import SharedPhrases
from voicecoach.language.tables import SharedTable, WordingTable
from voicecoach.language.wording import WordingEvidence, WordingModel, WordingPhrases
from voicecoach.testing import ENGLISH_WORDING

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


@pytest.mark.parametrize(("pause_s", "again"), [(19.5, False), (20.5, True)])
def test_a_complaint_is_made_again_from_20_s_after_it_ended(pause_s: float, again: bool) -> None:
    evidence = said(COMPLAINT, COMPLAINT, pause_s=pause_s)
    assert any(e.text.startswith("said it again") for e in evidence) is again


@pytest.mark.parametrize(("pause_s", "found"), [(1.9, True), (2.1, False)])
def test_a_phrase_goes_across_a_pause_of_2_s(pause_s: float, found: bool) -> None:
    assert bool(said("I want to speak", "to a manager", pause_s=pause_s)) is found


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

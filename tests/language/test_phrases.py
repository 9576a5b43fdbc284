"""Phrases in running words."""

import pytest

from tests.language.test_wording import said
from voicecoach.language.phrases import Phrases, SharedPhrases, find_retelling, normalize_text
from voicecoach.language.tables import SharedTable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Okay,", "okay"),
        ("I\u2019m", "i'm"),
        ("in-house", "in house"),
        ("8am?", "8am"),
        ("...", ""),
    ],
)
def test_words_are_compared_without_case_and_punctuation(text: str, expected: str) -> None:
    assert normalize_text(text) == expected


def test_a_phrase_is_a_run_of_whole_words() -> None:
    phrases = Phrases(["so sorry", "sorry"])
    assert phrases.find(["I'm", "so", "sorry,", "Jack."]) == [(1, 3)]
    assert phrases.find(["a", "sorryful", "day"]) == []
    assert phrases.find(["Sorry!", "I", "was", "so", "sorry"]) == [(0, 1), (3, 5)]
    assert phrases.find([]) == []


def test_words_are_covered_only_where_nothing_else_is_said() -> None:
    phrases = Phrases(["no problem", "okay"])
    assert phrases.cover_all(["No", "problem,", "no", "problem."])
    assert phrases.cover_all(["Okay", "...", "no", "problem"])
    assert not phrases.cover_all(["no", "problem", "at", "all"])
    assert not phrases.cover_all([])


@pytest.mark.parametrize(("between", "found"), [("a b c", True), ("a b c d", False)])
def test_a_gap_in_a_phrase_stands_for_up_to_3_words(between: str, found: bool) -> None:
    words = f"give {between} back".split()
    assert bool(Phrases(["give .. back"]).find(words)) is found


def test_a_negation_turns_the_3_words_after_it_round() -> None:
    shared = SharedPhrases(SharedTable(fillers=(), second_person=(), negation=("not",), common=()))
    words = ["a", "not", "b", "c", "d", "e", "f"]
    assert shared.find_negated(words, [False] * 7) == [False, *[True] * 4, False, False]


def test_what_somebody_has_is_about_them() -> None:
    shared = SharedPhrases(SharedTable(fillers=(), second_person=(), negation=(), common=("what",)))
    assert shared.content_stems(["alfie's", "what's", "it's"]) == ["alfie", "", ""]


def test_a_retelling_shares_3_content_words() -> None:
    assert find_retelling(["boiler", "leaks"], ["boiler", "leaks"], 8) is None
    assert find_retelling(["boiler", "leaks", "water"], ["boiler", "leaks", "water"], 8) == 0


@pytest.mark.parametrize(("shared", "again"), [(5, False), (6, True)])
def test_a_retelling_shares_6_of_the_10_content_words_of_the_shorter_telling(
    shared: int, again: bool
) -> None:
    before = [f"told{i}" for i in range(20)]
    now = [f"told{i}" if i < shared else f"new{i}" for i in range(10)]
    assert (find_retelling(before, now, 8) is not None) is again
    assert (find_retelling(now, before, 8) is not None) is again


# --- the pauses between utterances -------------------------------------------------------------

STORY = "the engineer never came to my house on tuesday morning and it is unacceptable"


@pytest.mark.parametrize(("pause_s", "again"), [(19.5, False), (20.5, True)])
def test_a_complaint_is_made_again_from_20_s_after_it_ended(pause_s: float, again: bool) -> None:
    evidence = said(STORY, STORY, pause_s=pause_s)
    assert any(e.text.startswith("said it again") for e in evidence) is again


@pytest.mark.parametrize(("pause_s", "found"), [(1.9, True), (2.1, False)])
def test_a_phrase_goes_across_a_pause_of_2_s(pause_s: float, found: bool) -> None:
    assert bool(said("I want to speak", "to a manager", pause_s=pause_s)) is found

"""Phrases in running words."""

import pytest

from voicecoach.language.phrases import Phrases, normalize_text


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

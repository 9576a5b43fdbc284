"""Names that were spelled in a call are found."""

from __future__ import annotations

import pytest

from voicecoach.language.spelled_names import spelled_names
from voicecoach.testing import ENGLISH
from voicecoach.text_safety.spoken_numbers import DIGITS_ALONE


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("It is S-O-T-I-L-L-I.", ["Sotilli"]),
        ("S, O. Yes. T. I. and then double L, I.", ["Sotilli"]),
        ("T.I. L-L-E.", ["Tille"]),
        ("S O T I L L I", ["Sotilli"]),
        ("T as in Tom, I for India, N like Nancy, A.", ["Tina"]),
        ("My name is a K O W A L and I live here", ["Kowal"]),
        ("S-M-Y-T-H is the street, and my name B R O W N", ["Smyth", "Brown"]),
        # What is no name.
        ("I, I, I, I think so.", []),
        ("between 8 a.m. and 10 p.m.", []),
        ("I lost my I.D. in the U.S.", []),
        ("That is all I have.", []),
        ("", []),
    ],
)
def test_spelled_names_are_found(text: str, names: list[str]) -> None:
    assert spelled_names(text.split(), ENGLISH.numbers) == names


def test_letters_are_letters_in_a_language_without_number_words() -> None:
    assert spelled_names(["M-E-I-E-R"], DIGITS_ALONE) == ["Meier"]

"""Speech that a transcriber only made words of is not understood."""

from __future__ import annotations

import pytest

from voicecoach.language.understanding import is_understood, is_understood_alone
from voicecoach.testing import ENGLISH

NUMBERS = ENGLISH.numbers


@pytest.mark.parametrize(
    ("words", "mean_log_probability", "understood"),
    [(8, -0.3, True), (8, -0.95, True), (8, -0.96, False), (4, -1.2, False), (3, -2.0, True)],
)
def test_words_unlikely_to_their_own_transcriber_are_not_understood(
    words: int, mean_log_probability: float, understood: bool
) -> None:
    assert is_understood_alone(words, mean_log_probability) is understood


@pytest.mark.parametrize(
    ("first", "second", "per_word", "understood"),
    [
        # German, and English that one or both misheard; the numbers are those of real recordings.
        ("Thank you very much for watching.", "And in the end he had to be", -2.0, False),
        ("It was a very good thing", "Est was a ferry gut sink in there", -3.2, False),
        ("I want my money back today", "I want my money back today", -3.0, True),
        ("I want my money back today", "I want my honey back two days", -0.6, True),
        ("In two thousand and eighteen at ten", "In 2018 at 10", -2.9, True),
        ("Happy woman", "Hussy woman and on high", -4.0, True),
        ("Where am I staying tonight then", "", -4.0, True),
    ],
)
def test_two_transcribers_that_differ_and_doubt_understood_nothing(
    first: str, second: str, per_word: float, understood: bool
) -> None:
    both = [2 * (per_word * max(len(text.split()), 1),) for text in (first, second)]
    assert is_understood(first, second, (both[0][0],) * 2, (both[1][0],) * 2, NUMBERS) is understood

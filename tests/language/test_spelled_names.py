"""Names that were spelled in a call are found."""

from __future__ import annotations

import pytest

from voicecoach.language.spelled_names import MAX_SPELLED_NAMES, SpelledNames, spelled_names
from voicecoach.testing import ENGLISH
from voicecoach.text_safety.spoken_numbers import DIGITS_ALONE
from voicecoach.types.events import Utterance
from voicecoach.types.stream import Speaker


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


def utterance(text: str, *doubtful: int, speaker: Speaker = Speaker.CUSTOMER) -> Utterance:
    return Utterance(
        at=0, speaker=speaker, utterance=1, start=0, end=1, text=text, words=1, doubtful=doubtful
    )


def test_a_name_that_is_spelled_in_pieces_is_whole_at_its_end() -> None:
    names = SpelledNames(ENGLISH.numbers)
    for text, found in (("It is S, O, T, I.", "Soti"), ("and then double L, I", "Sotilli")):
        names.add_utterance(utterance(text))
        names.add_utterance(utterance("Yes.", speaker=Speaker.AGENT))
        assert names.names == (found,)
    names.add_utterance(utterance("S-O-T-I-L-L-I, right?", speaker=Speaker.AGENT))
    assert names.names == ("Sotilli",)


def test_a_doubtful_letter_spells_no_name() -> None:
    names = SpelledNames(ENGLISH.numbers)
    names.add_utterance(utterance("It is S-O-T-I-L-L-I", 2))
    assert names.names == ()


def test_only_the_newest_names_are_kept() -> None:
    names = SpelledNames(ENGLISH.numbers)
    for i in range(2 * MAX_SPELLED_NAMES):
        names.add_utterance(utterance(f"it is B-R-O-{chr(ord('A') + i)} and that is all of it"))
    assert len(names.names) == MAX_SPELLED_NAMES
    assert names.names[-1] == "Brot"

"""What digits words stand for: figures, formats, number words, and words that are no numbers."""

import pytest

from voicecoach.testing import ENGLISH
from voicecoach.text_safety.spoken_numbers import (
    DIGITS_ALONE,
    HIDDEN_DIGIT,
    count_digits,
    find_numbers,
    is_digit,
)

NUMBERS = ENGLISH.numbers


def digits(text: str) -> str:
    """Return the digits of each piece, "-" for other words."""
    return " ".join(piece.digits or "-" for piece in find_numbers(text.split(), NUMBERS))


def forms(text: str) -> str:
    return " ".join(piece.form or "none" for piece in find_numbers(text.split(), NUMBERS))


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("zero oh o nought nil nine", "0 0 0 0 0 9", "units"),
        ("Fife tree niner", "5 3 9", "as on the radio, in any case"),
        ("forty four", "4 4", "tens and a unit are two digits"),
        ("forty forty", "40 40", "tens alone"),
        ("forty zero", "40 0", "no unit above zero follows"),
        ("forty zeros", "40 " + "0" * 8, "a plural follows at most nine"),
        ("forty-one.", "4 1", "a hyphen separates pieces"),
        ("twenty # five", "2 # 5", "a hidden digit is a unit"),
        ("ten seventeen", "10 17", "teens"),
        ("double oh", "0 0", "twice"),
        ("triple five treble 6", "55 5 66 6", "three times, in words or figures"),
        ("quadruple one", "111 1", "four times"),
        ("double to", "2 2", "twice what is written in place of a digit"),
        ("double bed double 12", "- - - 12", "nothing, or more than a digit, follows"),
        ("that's double", "- -", "nothing follows"),
        ("four ones", "4 111", "with its number as many as it says"),
        ("two ones", "2 1", "as many in all"),
        ("nines", "-", "a plural alone"),
        ("# nines", "# -", "how many is not known"),
        ("12 fours", "12 44444444", "at most nine in all"),
        ("one hundred", "1 00", "two zeros"),
        ("five thousand", "5 000", "three zeros"),
        ("one hundred and five", "1 0 - 5", "one zero and the unit"),
        ("one hundred and twenty", "1 - - 20", "no zero"),
        ("one hundred twenty two", "1 - 2 2", "no zero: tens and a unit"),
        ("one hundred thousand", "1 00 000", "two scales"),
        ("two thousand five hundred", "2 - 5 00", "the next scale leaves no zero"),
        ("two thousand five", "2 00 5", "two zeros and the unit"),
        ("two thousand 1234", "2 - 1234", "no zero before more digits than it has"),
        ("two hundred $5", "2 00 5", "an amount is a number of its own"),
        ("a hundred", "- -", "no number before"),
        ("1 for 2", "1 4 2", "one homophone between digits"),
        ("1 for to 2", "1 4 2 2", "two of them"),
        ("1 for to too 2", "1 - - - 2", "three are words"),
        ("1 for to", "1 4 2", "at the end, after a digit"),
        ("for to 1", "- - 1", "before the digits"),
        ("12 for 2", "12 - 2", "after more than a digit"),
        ("forty one for 2", "4 1 - 2", "after tens and a unit"),
        ("1 for you", "1 - -", "another word follows"),
        ("for to too won", "4 2 2 1", "four alone"),
        ("well for to too won you", "- 4 2 2 1 -", "four among words"),
        ("for to too", "- - -", "three alone"),
        ("this one", "- -", "a pronoun"),
        ("oh well", "- -", "an interjection"),
        ("oh one", "0 1", "pronouns beside each other are digits"),
        ("one uh 4", "1 - 4", "beside a digit, but for a filler"),
        ("4 uh um one", "4 - - 1", "beside a digit, but for two fillers"),
        ("one dog 4", "- - 4", "another word between"),
        ("4 one of them", "4 - - -", "an idiom after it, though a digit is beside"),
        ("next one 4", "- - 4", "an idiom before it, though a digit is beside"),
        ("the next four", "- - -", "an idiom with a number"),
        ("next four 5", "- 4 5", "a number in an idiom, but beside a digit"),
        ("two minute break", "- - -", "an idiom after a number"),
        ("seven dogs", "7 -", "a number alone"),
        ("\u0664\u0665 \u00b2 \u096a", "45 2 4", "figures of any script"),
        ("\u00bd", "", "a half is no digit"),
        ("##45", "##45", "hidden digits beside figures"),
        ("4539-1488", "4539 1488", "runs of figures"),
        ("it\u2019s 'four'", "- 4", "apostrophes"),
        ("... -", "", "no letter and no figure"),
    ],
)  # fmt: skip
def test_words_and_the_digits_that_they_stand_for(text: str, expected: str, why: str) -> None:
    assert digits(text) == expected, why


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("$45.39 45% \u00a31,488,034 $4539 $0.99 -\u20ac5", "money " * 5 + "money", "amounts"),
        ("$045 $45.393 $10000,000 $14,88", "none none none none", "in odd groups"),
        ("$45393", "none", "above four figures without commas"),
        ("4,539 1,488,034.50 45.39", "number number number", "commas and points"),
        ("4,53 0,539", "none none none none", "commas at other places"),
        ("45:39 9:05 24:00 19:59", "none none time time time", "times; there is no hour 45"),
        ("25:00 9:60", "none none none none", "no time"),
        ("3/4 31/12/2026 12-31-99 1.2.1999", "date date date date", "dates"),
        ("13/13 32/1 45/39/1488 1/2/1888", "none " * 9 + "none", "no dates"),
        ("12th 4539x 7a", "glued none glued", "letters beside up to three figures"),
        ("453rd 4539th", "glued none", "three and four figures"),
        ("+44 4539", "none none", "a plus sign"),
        ("45.39!", "number", "a mark after it"),
    ],
)  # fmt: skip
def test_formats(text: str, expected: str, why: str) -> None:
    assert forms(text) == expected, why


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1,234,567,890,123", ["1234567890123"]),
        ("$123,456,789,012", ["123456789012"]),
        ("1-234-567-890-123", ["1234567890123"]),
        ("1-234-567-890-12", ["1", "234", "567", "890", "12"]),
    ],
)
def test_a_word_with_thirteen_digits_is_one_number(text: str, expected: list[str]) -> None:
    assert [piece.digits for piece in find_numbers([text], NUMBERS)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4th", ["4"]), ("4539th", ["4539"]), ("9abc", ["9", "abc"]), ("x4", ["x", "4"])],
)
def test_an_ending_of_two_letters_is_no_word_of_its_own(text: str, expected: list[str]) -> None:
    assert [piece.text for piece in find_numbers([text], NUMBERS)] == expected


def test_pieces_say_where_in_a_word_they_are() -> None:
    word, start, end = find_numbers(["so", "a-12b"], NUMBERS)[2][:3]
    assert (word, start, end) == (1, 2, 4)
    assert find_numbers(["+44"], NUMBERS)[0].text == "+44"


def test_tens_are_marked_where_a_unit_follows() -> None:
    assert [p.tens for p in find_numbers(["forty", "one", "forty"], NUMBERS)] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("one", 1, "it can be one"),
        ("forty-one", 2, "two pieces"),
        ("4539", 4, "figures"),
        ("twelve", 2, "a teen"),
        ("uh", 0, "a filler is within numbers"),
        ("hundred", 0, "so is a scale"),
        ("dog", -1, "another word"),
        ("dog-4", -1, "another word beside a digit"),
        ("", 0, "nothing"),
    ],
)
def test_how_many_digits_a_word_can_stand_for(text: str, expected: int, why: str) -> None:
    assert count_digits(text, NUMBERS) == expected, why


def test_digits_of_any_script() -> None:
    assert all(map(is_digit, ["4", "\u0664", "\u00b2", HIDDEN_DIGIT]))
    assert not any(map(is_digit, ["x", "\u00bd", " ", "\u2169"]))


def test_a_language_without_number_words_has_figures() -> None:
    pieces = find_numbers(["vier", "4", "4,5"], DIGITS_ALONE)
    assert [piece.digits for piece in pieces] == ["", "4", "4", "5"]

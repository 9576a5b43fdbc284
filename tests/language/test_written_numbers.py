"""Numbers, amounts, times and letters mean the same however a transcriber writes them."""

from __future__ import annotations

import random

import pytest

from voicecoach.language.written_numbers import spoken_tokens, write_figures
from voicecoach.shell.runtime.languages import find_numbers
from voicecoach.text_safety.spoken_numbers import DIGITS_ALONE

NUMBERS = find_numbers("en")
PIECES = """
one oh twenty hundred thousand and point dollars cents double am at dot second
5 1,000 2.5 $ % ² ٣ # @ . , ' - _ ’ ß é A T. x.y a@b.c $5 8:30 0
"""


def tokens(text: str) -> list[str]:
    return [token.text for token in spoken_tokens(text.split(), NUMBERS)]


@pytest.mark.parametrize(
    "ways",
    [
        [
            "2018.",
            "Two thousand and eighteen.",
            "two thousand eighteen",
            "twenty eighteen",
            "20 18",
        ],
        [
            "1,500",
            "1500",
            "fifteen hundred",
            "one thousand five hundred",
            "a thousand five hundred",
        ],
        ["608", "600 and 8", "six hundred and eight", "six hundred eight"],
        ["$133.27", "100 and 33 dollars and 27 cents"],
        ["105 miles", "a hundred and five miles", "one hundred five miles"],
        ["25,000", "twenty-five thousand", "Twenty five thousand.", "25 thousand"],
        [
            "$25 credit",
            "twenty five dollars credit",
            "25 dollars credit",
            "twenty-five bucks credit",
        ],
        ["$1.25", "1 dollar and 25 cents", "one dollar and twenty five cents"],
        ["£12.50", "twelve pounds fifty pence", "12 pounds 50 pence"],
        ["50%", "fifty percent", "50 percent"],
        ["between 8 a.m. and 10 a.m.", "between 8am and 10am", "between eight a.m. and ten A.M."],
        [
            "at 8:30 p.m.",
            "at eight thirty pm",
            "at 8 30 P. M.",
            "at 8.30pm",
            "at eight-thirty p M.",
        ],
        ["T.I.L.L.E.", "T. i. double L, E", "t-i-double-l-e", "T I LL E"],
        ["ann.lee@site.com", "Ann Dot Lee at site.com", "ann dot lee at site dot com"],
        ["8 to 10 earlier", "Eight to ten, earlier"],
        ["May 21st, 2005", "May twenty first, two thousand and five", "may 21, 2005"],
        ["the 4th of July", "the fourth of July"],
        ["version 3.5", "version three point five"],
        [
            "415-555-0123",
            "415.5550123",
            "four one five, five five five, oh one two three",
            "415 555 0 1 2 3",
        ],
        ["double five 7", "557", "five five seven"],
        ["room one oh five", "room 105", "room 1 0 5", "room one o five"],
        ["T.I.", "T. i.", "TI", "t i", "T-I"],
        ["L-L-E.", "L. L. E.", "L, L, E"],
        ["ann.lee@site.com", "Ann dot Lee at site dot com."],
        ["press one", "Press 1."],
    ],
)
def test_one_thing_written_in_several_ways_is_the_same_tokens(ways: list[str]) -> None:
    assert [tokens(way) for way in ways] == [tokens(ways[0])] * len(ways)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("$25", "$1.25"),
        ("$25", "25"),
        ("eighteen", "eighty"),
        ("2018", "2019"),
        ("8 a.m.", "8 p.m."),
        ("600 and 8", "60 and 8"),
        ("oh no", "zero no"),
        ("the fourth", "the four"),
        ("for you", "four you"),
    ],
)
def test_different_things_are_different_tokens(text: str, other: str) -> None:
    assert tokens(text) != tokens(other)


def test_a_token_says_which_words_it_is_made_of() -> None:
    words = ["In", "two", "thousand", "and", "eighteen", "at", "8am:", "five", "five"]
    assert [tuple(token) for token in spoken_tokens(words, NUMBERS)] == [
        ("in", 0, 1),
        ("2018", 1, 5),
        ("@", 5, 6),
        ("8", 6, 7),
        ("am", 6, 7),
        ("55", 7, 9),
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Two thousand and eighteen.", "2018."),
        ("In nineteen ninety nine, we met.", "In 1999, we met."),
        ("It was twenty five dollars.", "It was $25."),
        ("One dollar and fifty cents, please.", "$1.50, please."),
        ("fifty percent off", "50% off"),
        ("an eight a.m. then?", "an 8 a.m. then?"),
        ("between 8am and 10am.", "between 8 a.m. and 10 a.m."),
        ("at eight thirty p.m.", "at 8:30 p.m."),
        ("at two-thirty p. M. tomorrow?", "at 2:30 p.m. tomorrow?"),
        ("It is eight a m, and I have a m", "It is 8 a.m., and I have a m"),
        ("ten-twenty or eight-thirty", "10 20 or eight 30"),
        ("Ann Dot Lee at site.com.", "Ann.Lee@site.com."),
        ("look at site.com", "look at site.com"),
        ("See you at eight thirty.", "See you at 8:30."),
        ("twenty five thousand people", "25,000 people"),
        ("for about ten seconds, so", "for about 10 seconds, so"),
        ("the twenty first of May", "the 21st of May"),
        ("May fourth", "May 4th"),
        ("May 4, 2005", "May 4, 2005"),
        ("I counted 600 and 8 of them.", "I counted 608 of them."),
        ("four one five", "4 1 5"),
        ("Ah, eight to ten, earlier.", "Ah, 8 to 10, earlier."),
        ("A twenty ninety.", "A 20 90."),
        ("T. i.", "T.I."),
        ("Ann dot Lee at site dot com.", "Ann.Lee@site.com."),
        # What stays as it is.
        ("One of them, or two.", "One of them, or two."),
        ("I am at home, one second.", "I am at home, one second."),
        ("The first one, oh, the third.", "The first one, oh, the third."),
        ("$25 at 8 a.m. in 2018, L-L-E.", "$25 at 8 a.m. in 2018, L-L-E."),
        ("Meet me at noon, dot the i.", "Meet me at noon, dot the i."),
        ("", ""),
    ],
)
def test_numbers_are_written_in_figures(text: str, written: str) -> None:
    assert write_figures(text, NUMBERS) == written


def test_written_figures_are_the_same_tokens_and_stay_as_they_are() -> None:
    for text in (
        "Two thousand and eighteen, twenty five dollars and ten cents at eight thirty p.m.",
        "the twenty third of June nineteen eighty four, four one five five",
        "one hundred and twelve miles, fifty percent, a thousand times",
    ):
        once = write_figures(text, NUMBERS)
        assert tokens(once) == tokens(text)
        assert write_figures(once, NUMBERS) == once


def test_any_text_can_be_read() -> None:
    rng = random.Random(5)
    for _ in range(3000):
        text = "".join(rng.choice(PIECES.split()) + rng.choice(["", " ", " "]) for _ in range(8))
        words = text.split()
        found = spoken_tokens(words, NUMBERS)
        assert all(0 <= token.start < token.stop <= len(words) for token in found)
        assert [t.start for t in found] == sorted(t.start for t in found)
        assert write_figures(text, NUMBERS).strip() or not text.strip()


def test_a_language_without_number_words_keeps_its_words() -> None:
    assert write_figures("vier Euro, 25 Euro", DIGITS_ALONE) == "vier Euro, 25 Euro"
    found = spoken_tokens(["vier", "Euro,", "25", "Euro"], DIGITS_ALONE)
    assert [token.text for token in found] == ["vier", "euro", "25", "euro"]

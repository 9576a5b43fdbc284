"""Groups of digits: where they begin and end, what they look like, and chains of them."""

import pytest

from voicecoach.testing import ENGLISH
from voicecoach.text_safety.digit_groups import (
    Chain,
    HeardUtterance,
    are_times,
    are_years,
    is_date,
    is_date_in_figures,
    is_telephone_number,
    may_be_card,
    spoken_numbers,
)
from voicecoach.types.stream import Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER


def hear(text: str, speaker: Speaker = C, number: int = 0) -> HeardUtterance:
    return HeardUtterance(speaker, number, number, number + 1, True, text.split(), ENGLISH.numbers)


def chain_of(*said: tuple[Speaker, str]) -> Chain:
    """Return the chain of the groups of utterances, which may show three digits."""
    chain = Chain()
    for number, (speaker, text) in enumerate(said):
        utterance = hear(text, speaker, number)
        for group in utterance.groups:
            chain.add(group, utterance, 3)
    return chain


@pytest.mark.parametrize(
    ("text", "groups", "why"),
    [
        ("4539 uh and 1488", "45391488", "fillers within"),
        ("4539 dog 1488", "4539 1488", "another word between"),
        ("4539 1488 dog", "45391488", "words after it"),
        ("dog", "", "no digit"),
        ("$45 $39 uh $14", "453914", "amounts together"),
        ("$45 39 $14", "45 39 14", "amounts apart from figures"),
        ("3/4/2026 4539 10:30", "342026 4539 1030", "so are dates and times"),
        ("4,539 1488", "45391488", "a comma is not apart"),
    ],
)
def test_where_a_group_begins_and_ends(text: str, groups: str, why: str) -> None:
    assert " ".join(group.value for group in hear(text).groups) == groups, why


def test_a_group_knows_the_words_before_it_and_its_formats() -> None:
    first, second = hear("I paid $45 then on the 12th").groups
    assert (first.before, second.before) == (["i", "paid"], ["then", "on", "the"])
    assert first.formatted
    assert (first.is_ordinal, second.is_ordinal) == (False, True)
    assert [g.is_ordinal for g in hear("123rd x 12 x 1st 2").groups] == [False] * 3


@pytest.mark.parametrize(
    ("text", "names_card", "asks", "asks_other", "why"),
    [
        ("my Visa is here", True, False, False, "mentioned"),
        ("the card number please", True, True, False, "asked for"),
        ("the long number please", False, True, False, "asked for without a word for a card"),
        ("a gift card", False, False, False, "harmless"),
        ("the gift card number", False, False, False, "harmless, though there is a number"),
        ("a gift card or a debit card", True, False, False, "one of each"),
        ("discovery visas", False, False, False, "a part of a word"),
        ("what is your phone number", False, False, True, "another number"),
        ("a fax or a card", True, False, False, "both"),
        ("is your phone number 45", False, False, False, "with a number in it"),
        ("order " + "so " * 15, False, False, True, "a question of sixteen words"),
        ("order " + "so " * 16, False, False, False, "no question: seventeen words"),
        ("border line", False, False, False, "a part of a word"),
    ],
)
def test_what_an_utterance_asks_for(
    text: str, names_card: bool, asks: bool, asks_other: bool, why: str
) -> None:
    said = hear(text)
    assert (said.names_card, said.asks, said.asks_other) == (names_card, asks, asks_other), why


@pytest.mark.parametrize(
    ("text", "shown", "masked", "why"),
    [
        ("so 4539 14 ok", 5, "so 4539 1# ok", "figures, one by one"),
        ("so 4539", 0, "so ####", "all of them"),
        ("45-39.", 3, "45-3#.", "what is between them stays"),
        ("$45.39", 3, "$45.3#", "in an amount"),
        ("four twelve nine", 2, "four ## #", "a number word whole"),
        ("forty-one, yes", 1, "forty-#, yes", "a part of a word"),
        ("forty-one, yes", 0, "#-#, yes", "both parts of a word"),
        ("\u0664\u0665\u0663", 1, "\u0664##", "figures of any script"),
        ("12x", 0, "##x", "beside letters"),
        ("double four", 1, "double #", "what it repeats"),
    ],
)
def test_digits_that_are_not_shown_are_hidden(text: str, shown: int, masked: str, why: str) -> None:
    said = hear(text)
    said.groups[0].shown = shown
    assert " ".join(said.mask()) == masked, why


@pytest.mark.parametrize(
    ("text", "is_", "why"),
    [
        ("1899", False, "the year before the first"),
        ("1900", True, "the first"),
        ("2099 1984", True, "two years"),
        ("2100", False, "the year after the last"),
        ("nineteen eighty four", True, "in words"),
        ("198", False, "too short"),
        ("1984 20", False, "a year and a part of one"),
        ("$1984", False, "an amount"),
        ("19#4", False, "hidden"),
    ],
)
def test_years(text: str, is_: bool, why: str) -> None:
    assert are_years(hear(text).groups[0]) is is_, why


@pytest.mark.parametrize(
    ("text", "is_", "why"),
    [
        ("31", True, "a day"),
        ("32", False, "no day"),
        ("2026", True, "a year"),
        ("31 2026", True, "both"),
        ("012 2026", False, "seven digits"),
        ("32 2026", False, "no day, and a year"),
        ("31 1899", False, "a day, and no year"),
        ("31 2100", False, "a day, and no year"),
        ("31 1900", True, "the first year"),
        ("3 2#26", False, "hidden"),
    ],
)
def test_dates_beside_a_month(text: str, is_: bool, why: str) -> None:
    assert is_date(hear(text).groups[0]) is is_, why


@pytest.mark.parametrize(
    ("text", "is_", "why"),
    [
        ("9 6 27", True, "a year of two digits"),
        ("12 31 2026", True, "a year of four, and the day second"),
        ("26 12 twenty twenty", True, "the century and the year"),
        ("26 12 nineteen oh six", True, "the century and the year after an oh"),
        ("26 12 18 06", False, "another century"),
        ("13 13 27", False, "no month"),
        ("12 32 27", False, "no day"),
        ("1 0 27", False, "no month or day zero"),
        ("9 6 1899", False, "no year"),
        ("9 6 2100", False, "no year"),
        ("9 6 227", False, "a year of three digits"),
        ("9 6", False, "two numbers"),
        ("9 6 #7", False, "hidden"),
    ],
)
def test_dates_in_figures(text: str, is_: bool, why: str) -> None:
    assert is_date_in_figures(hear(text).groups[0]) is is_, why


@pytest.mark.parametrize(
    ("text", "is_", "why"),
    [
        ("24", False, "an hour alone is at most twelve"),
        ("12", True, "an hour alone"),
        ("13", False, "no hour alone"),
        ("2459", True, "in one number"),
        ("25 10", False, "no hour"),
        ("nine thirty", True, "hour and minutes"),
        ("9 60", False, "no minutes"),
        ("9 5", False, "minutes have two digits"),
        ("nine oh five", True, "minutes after an oh"),
        ("930 10 15", True, "two times"),
        ("930 1015 11", True, "two times and an hour"),
        ("9#", False, "hidden"),
    ],
)
def test_times(text: str, is_: bool, why: str) -> None:
    assert are_times(hear(text).groups[0]) is is_, why


@pytest.mark.parametrize(
    ("text", "numbers", "why"),
    [
        ("twenty six", "26", "tens and a unit"),
        ("twenty six seven", "26 7", "only one unit"),
        ("oh six 7", "06 7", "an oh and a unit"),
        ("2 6", "2 6", "figures stay apart"),
        ("twenty twelve", "20 12", "two numbers"),
    ],
)
def test_numbers_as_spoken(text: str, numbers: str, why: str) -> None:
    assert " ".join(spoken_numbers(hear(text).groups[0])) == numbers, why


@pytest.mark.parametrize(
    ("value", "is_", "why"),
    [
        ("4539148803436467", True, "a card"),
        ("4539148803436466", False, "wrong check digit"),
        ("2222405343248877", True, "begins with 2"),
        ("6011111111111117", True, "begins with 6"),
        ("1111111111111117", False, "begins with 1"),
        ("7992739871300000", False, "begins with 7"),
        ("4222222222222", True, "thirteen digits"),
        ("400000000006", False, "twelve, though the check digit is right"),
        ("4000000000000000006", True, "nineteen"),
        ("40000000000000000002", False, "twenty, though the check digit is right"),
        ("453914880343646#", False, "hidden"),
    ],
)
def test_what_may_be_a_card(value: str, is_: bool, why: str) -> None:
    assert may_be_card(value) is is_, why


@pytest.mark.parametrize(
    ("value", "is_", "why"),
    [
        ("0770090012", True, "ten with a 0"),
        ("07700900123", True, "eleven"),
        ("12025550123", True, "eleven with a 1"),
        ("077009001", False, "nine"),
        ("077009001234", False, "twelve"),
        ("77009001234", False, "begins with 7"),
        ("0044203555", False, "ten with 00"),
        ("00442035550", True, "eleven with 00"),
        ("004420355501234", True, "fifteen"),
        ("0044203555012345", False, "sixteen"),
        ("00042035550", False, "no country begins with 0"),
    ],
)
def test_telephone_numbers(value: str, is_: bool, why: str) -> None:
    assert is_telephone_number(value) is is_, why


DIGITS = "739028465163"


@pytest.mark.parametrize(
    ("chain", "length", "why"),
    [
        ([(C, "4539"), (A, "453")], 4, "three of the other's"),
        ([(C, "4539"), (A, "45")], 6, "two of the other's"),
        ([(C, "4539"), (C, "453")], 7, "three of their own"),
        ([(C, "739028"), (C, "739028")], 6, "six of their own"),
        ([(C, "739028"), (C, "73902")], 11, "five of their own"),
        ([(C, "4739028"), (C, "739028")], 13, "six of their own, within a group"),
        ([(C, "773737"), (C, "773737")], 12, "six of their own, but only two different"),
        ([(C, "773973"), (C, "773973")], 6, "three of them different"),
        ([(C, "7397"), (A, "3902"), (A, "973")], 11, "some are their own"),
        ([(A, "739"), (C, "739"), (A, "22")], 5, "some are the other's"),
        ([(A, "739"), (A, "7390"), (C, "7390")], 7, "the second place is meant"),
        ([(C, "4539"), (A, "539")], 4, "from the middle"),
        ([(C, "4539"), (A, "5391")], 8, "it goes on"),
    ],
)
def test_what_repeats_digits_adds_none(
    chain: list[tuple[Speaker, str]], length: int, why: str
) -> None:
    assert len(chain_of(*chain).value) == length, why


LONG = " you see I had it all"
ASKED = 0
"""The chain of a number that was asked for."""


@pytest.mark.parametrize(
    ("said", "least", "is_", "why"),
    [
        ([DIGITS], 99, True, "twelve digits"),
        ([DIGITS[:11]], 99, False, "eleven"),
        ([DIGITS[:7]], 7, True, "seven after a card was mentioned"),
        ([DIGITS[:6]], 7, False, "six"),
        (["739"], ASKED, True, "three after it was asked for"),
        (["73"], ASKED, False, "two"),
        (["739", "0284"], 12, True, "seven digits in two utterances of little else"),
        (["739", "028"], 12, False, "six"),
        (["7390284"], 12, False, "in one utterance"),
        (["739", "0284 dog cat man"], 12, True, "three other words"),
        (["739", "0284 dog cat man boy"], 12, False, "four"),
        (["7390", "28", "46"], 12, False, "two digits are no piece"),
        (["7390 dog 284" + LONG, "7"], 12, False, "much else is said"),
    ],
)
def test_when_a_chain_is_a_card_number(said: list[str], least: int, is_: bool, why: str) -> None:
    chain = chain_of(*((C, text) for text in said))
    chain.least, chain.asked = min(chain.least, least), least == ASKED
    assert chain.is_card is is_, why


@pytest.mark.parametrize(
    ("said", "is_", "why"),
    [
        ([(C, "18")], True, "one number"),
        ([(C, "18"), (C, "10 dog")], True, "two"),
        ([(C, "18 10 4")], False, "three"),
        ([(C, "180")], False, "of three digits"),
        ([(A, "18")], False, "of the other speaker"),
        ([(C, "18"), (A, "10")], False, "of both"),
    ],
)
def test_a_few_small_numbers(said: list[tuple[Speaker, str]], is_: bool, why: str) -> None:
    assert chain_of(*said).is_short_and_of(C) is is_, why


@pytest.mark.parametrize(
    ("said", "never", "least", "over", "shown", "why"),
    [
        (["73", "9028"], False, 12, False, [2, 1], "open: three of the chain"),
        (["73", "9028"], False, 12, True, [2, 4], "over, and no card"),
        ([DIGITS], False, 12, True, [3], "over, and a card"),
        (["73", "90"], True, 12, True, [0, 0], "none is ever shown"),
        (["73"], True, ASKED, True, [2], "too few, though a card was asked for"),
        (["73"], True, ASKED, False, [0], "the same, open"),
        (["73", "902"], True, ASKED, True, [0, 0], "enough, and a card was asked for"),
    ],
)
def test_how_many_digits_a_chain_shows(
    said: list[str], never: bool, least: int, over: bool, shown: list[int], why: str
) -> None:
    chain = chain_of(*((C, f"{text} {LONG}") for text in said))
    chain.least, chain.asked = least, least == ASKED
    for group, _, _ in chain.groups:
        group.never = never
    chain.settle(over=over)
    assert [group.shown for group, _, _ in chain.groups] == shown, why


def test_a_copy_of_a_chain_goes_on_alone_and_without_what_is_forgotten() -> None:
    chain = chain_of((C, "739"), (C, "028"))
    chain.groups[0][0].forgotten = True
    other = chain.copy()
    said = hear("4651", C, 2)
    other.add(said.groups[0], said, 3)
    assert (len(chain.groups), chain.value, chain.end, chain.is_card) == (2, "739028", 2, False)
    assert (len(other.groups), other.value, other.end, other.is_card) == (2, "7390284651", 3, True)

"""Card numbers: hidden however they are said, and nothing else is."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach.testing import ENGLISH
from voicecoach.text_safety import card_masking
from voicecoach.text_safety.card_masking import (
    HIDDEN_DIGIT,
    MIN_CARD_DIGITS,
    SHOWN_DIGITS,
    DigitRun,
    MaskedWords,
)

NUMBERS = ENGLISH.numbers


def mask_cards(
    texts: Sequence[str],
    run: DigitRun = DigitRun(),  # noqa: B008
    *,
    card: bool = False,
) -> MaskedWords:
    """Return English words with what may be of a card number hidden."""
    return card_masking.mask_cards(texts, NUMBERS, run, card=card)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("it is 4111111111111111 okay", "it is 411111########## okay"),
        ("4111 1111 1111 1111", "4111 11## #### ####"),
        ("4111-1111-1111-1111.", "4111-11##-####-####."),
        ("4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ok", "4, 1, 1, 1, 1, 1, #, #, #, #, #, #, #, ok"),
        ("four one one one one one one one", "four one one one one one # #"),
        ("four for one to 1 one three 4 5 6 7 8 9", "four for one to 1 one # # # # # # #"),
        (
            "4111 1111 no sorry 1112 hang on 1234 then 5",
            "4111 11## no sorry #### hang on #### then #",
        ),
        ("card4111111111111111, yes", "card411111##########, yes"),
        (
            "\u0664\u0661\u0661\u0661 \uff11\uff11\uff11\uff11 \u00b9\u00b9\u00b9\u00b9 1111",
            "\u0664\u0661\u0661\u0661 \uff11\uff11## #### ####",
        ),
        ("4111\u200b1111\u2060/1111:1111", "4111\u200b11##\u2060/####:####"),
        ("the security code is one two three thanks", "the security code is # # # thanks"),
        ("CVV? It's 1234", "CVV? It's ####"),
        ("Forty-one eleven eleven uh 11 11 and 1111", "Forty-one eleven eleven uh ## ## and ####"),
        ("3782 822463 10005 is my Amex", "3782 82#### ##### is my Amex"),
        # What is no card number stays.
        (
            "call 555 123 4567 if you can since my wife is away today",
            "call 555 123 4567 if you can since my wife is away today",
        ),
        ("in 2019 we paid $1,234.50 at 10 a.m.", "in 2019 we paid $1,234.50 at 10 a.m."),
        ("at 10:05, 10:20, 10:35 and 10:50", "at 10:05, 10:20, 10:35 and 10:50"),
        ("from 01/02/2025 to 03/04/2025", "from 01/02/2025 to 03/04/2025"),
        ("I came to you for two and you ate", "I came to you for two and you ate"),
        ("about 20,000,000 of them", "about 20,000,000 of them"),
        ("one of them two days ago", "one of them two days ago"),
        ("8 to 10 earlier the better", "8 to 10 earlier the better"),
    ],
)  # fmt: skip
def test_what_is_hidden(said: str, shown: str) -> None:
    assert " ".join(mask_cards(said.split()).texts) == shown


def test_a_number_that_is_not_over_is_hidden_beyond_the_sixth_digit() -> None:
    assert mask_cards(["call", "555", "123", "4567"]).texts[-1] == "####"


def test_a_number_said_with_pauses_is_one() -> None:
    run, out = DigitRun(), []
    for part in (
        "my card is 4111",
        "1111",
        "uh, 1111",
        "1111 thanks a lot then, and I can tell you this was all there is",
    ):
        masked = mask_cards(part.split(), run)
        run = masked.run
        out.append(" ".join(masked.texts))
    assert out == [
        "my card is 4111",
        "11##",
        "uh, ####",
        "#### thanks a lot then, and I can tell you this was all there is",
    ]
    assert run == DigitRun()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("it is 4111 1111", "it is 41## ####"),
        ("so 4 1 1 1", "so 4 1 # #"),
        ("I have 2 of them", "I have 2 of them"),
        ("on the 12th and 14 days later", "on the 12th and 14 days later"),
        ("it was $89.99", "it was $89.99"),
        (
            "4 1 1 1 1 1 1 and that is all that there is on it then",
            "4 1 # # # # # and that is all that there is on it then",
        ),
        (
            "1600 Pennsylvania Avenue is where all of us have been since then",
            "1600 Pennsylvania Avenue is where all of us have been since then",
        ),
    ],
)
def test_where_a_card_was_spoken_of_hardly_a_digit_is_shown(said: str, shown: str) -> None:
    masked = mask_cards(said.split(), card=True)
    assert " ".join(masked.texts) == shown
    assert mask_cards(masked.texts, card=True).texts == masked.texts


@pytest.mark.parametrize("said", ["My card,", "a Visa", "by debit card?", "two cards."])
def test_a_card_is_spoken_of(said: str) -> None:
    assert card_masking.names_card(said.split(), NUMBERS)


@pytest.mark.parametrize("said", ["discard it", "the cardinal", "a cardboard box", ""])
def test_no_card_is_spoken_of(said: str) -> None:
    assert not card_masking.names_card(said.split(), NUMBERS)


TENS = st.sampled_from(["twenty", "thirty-one", "forty-", "four"])
WORDS = st.lists(
    st.one_of(
        st.from_regex(r"[0-9]{1,6}[.,]?", fullmatch=True),
        st.sampled_from(
            ["four", "one", "double", "eleven", "uh", "and", "okay", "is", "for", "$5", "3rd"]
        ),
    ),
    max_size=30,
)


@given(WORDS, st.integers(0, 30))
def test_no_run_shows_a_card_number_and_masking_again_changes_nothing(
    said: list[str], before: int
) -> None:
    masked = mask_cards(said, DigitRun(before))
    assert len(masked.texts) == len(said)
    assert mask_cards(masked.texts, DigitRun(before)) == masked
    run, shown = before, 0 if before < SHOWN_DIGITS else SHOWN_DIGITS
    for text in masked.texts:
        count = card_masking.count_digits(text, NUMBERS)
        if count < 0:
            assert shown <= SHOWN_DIGITS or run < MIN_CARD_DIGITS
            run = shown = 0
        else:
            run += count
            shown += count - text.count(HIDDEN_DIGIT) if count else 0
    assert shown <= SHOWN_DIGITS


@given(st.lists(st.one_of(TENS, st.just("12345"), st.just("okay"))), st.integers(0, 30))
def test_tens_masked_again_stay_as_they_are(said: list[str], before: int) -> None:
    masked = mask_cards(said, DigitRun(before))
    assert mask_cards(masked.texts, DigitRun(before)).texts == masked.texts


@given(WORDS, st.integers(0, 29))
def test_a_partial_never_shows_what_the_whole_hides(said: list[str], cut: int) -> None:
    whole, part = mask_cards(said).texts, mask_cards(said[:cut]).texts
    for a, b in zip(part, whole, strict=False):
        assert a.count(HIDDEN_DIGIT) >= b.count(HIDDEN_DIGIT)


GROUPS = st.sampled_from([(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 3, 3, 3), (4, 4, 4, 4, 3), (16,)])
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BETWEEN = st.sampled_from(["", "uh", "okay", "no, sorry", "that's", "let me", "\u2014", "hang on"])


@st.composite
def cards(draw: st.DrawFn) -> list[list[str]]:
    """Return the words of a card number in groups, none of whose words has two meanings."""
    groups = []
    for size in draw(GROUPS):
        figures = draw(st.lists(st.integers(0, 9), min_size=size, max_size=size))
        how = draw(st.sampled_from(["figures", "single", "words"]))
        texts = [NAMES[d] if how == "words" else str(d) for d in figures]
        groups.append(["".join(texts)] if how == "figures" else texts)
    return groups


@given(cards(), st.lists(BETWEEN, min_size=5, max_size=5), st.sets(st.integers(0, 30)))
def test_a_card_number_is_hidden_whatever_stands_between_its_groups_and_however_it_is_cut(
    groups: list[list[str]], between: list[str], cuts: set[int]
) -> None:
    said = [w for group, b in zip(groups, between, strict=False) for w in [*group, *b.split()]]
    run, count = DigitRun(), 0
    for i, j in itertools.pairwise(sorted({0, len(said), *(c for c in cuts if c < len(said))})):
        masked = mask_cards(said[i:j], run)
        run = masked.run
        for before, after in zip(said[i:j], masked.texts, strict=True):
            size = card_masking.count_digits(before, NUMBERS)
            if size > 0:
                assert size - after.count(HIDDEN_DIGIT) <= max(SHOWN_DIGITS - count, 0)
                count += size


@given(cards(), st.text("abcdefghij./:-_\u200b\u2060\u0301", max_size=3))
def test_a_word_that_holds_a_card_number_is_one_whatever_else_is_in_it(
    groups: list[list[str]], glue: str
) -> None:
    number = glue.join("".join(str(NAMES.index(w) if w in NAMES else w) for w in g) for g in groups)
    (text,) = mask_cards([f"card{glue}{number}"]).texts
    assert sum(c.isdigit() for c in text) == SHOWN_DIGITS
    assert len(text) == len(f"card{glue}{number}")


def shown(said: str) -> str:
    """Return what is shown of words."""
    return " ".join(mask_cards(said.split()).texts)


@pytest.mark.parametrize(("others", "last"), [(8, "########"), (9, "123456##")])
def test_a_run_ends_with_the_9th_other_word(others: int, last: str) -> None:
    assert shown(f"555 123 4567 {'please ' * others} 12345678").split()[-1] == last


AWAY = " please" * 9
"""Enough other words for a run to be over."""


@pytest.mark.parametrize(
    ("said", "seen"),
    [("1234 1234 1234", "1234 1234 1234"), ("1234 1234 1234 1", "1234 12## #### #")],
)
def test_a_run_of_13_digits_is_a_card_number_and_one_of_12_is_none(said: str, seen: str) -> None:
    assert shown(said + AWAY) == seen + AWAY


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("12 please 3456 7890", "12 please 3456 78##"),
        ("123 please 4567 890", "123 please 456# ###"),
    ],
)
def test_a_run_of_3_digits_goes_on_after_other_words_and_one_of_2_does_not(
    said: str, seen: str
) -> None:
    assert shown(said) == seen


@pytest.mark.parametrize(
    ("said", "seen"), [("ref1234 5678", "ref1234 56##"), ("ref123 45678", "ref123 45678")]
)
def test_4_figures_that_letters_touch_are_a_part_of_a_number_and_3_are_none(
    said: str, seen: str
) -> None:
    assert shown(said) == seen


def test_a_security_code_has_4_digits() -> None:
    assert shown("cvv 1 2 3 4 5") == "cvv # # # # 5"


@pytest.mark.parametrize(("others", "code"), [(5, "###"), (6, "123")])
def test_a_security_code_is_at_most_5_words_from_its_name(others: int, code: str) -> None:
    assert shown(f"cvv {'table ' * others} 123").split()[-1] == code

"""The exchanges with numbers: the same for the same seed, and they say the digits they claim."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from scripts.bench import number_wordings as wordings
from scripts.bench.number_exchanges import (
    KINDS,
    MOST_TURNS,
    Exchange,
    exchange_partials,
    exchanges,
    partials,
)
from scripts.bench.number_speech import card_number, cardinal, ordinal

WORDS = "oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
WORDS += " fifteen sixteen seventeen eighteen nineteen"
NUMBERS = {word: str(number) for number, word in enumerate(WORDS.split())}
HOMOPHONES = "zero=0 nought=0 o=0 won=1 to=2 too=2 tree=3 for=4 fife=5 ate=8 niner=9"
NUMBERS |= dict(pair.split("=") for pair in HOMOPHONES.split())
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september")
NUMBERS |= {month: str(number) for number, month in enumerate(MONTHS, 1)}
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
TIMES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
AMBIGUOUS = {"hundreds", "thousands", "partly figures", "mixed", "misheard"}
"""Traits of exchanges whose digits cannot be read by words alone: "thirty five" is 305 or 35."""


@pytest.fixture(scope="module")
def made() -> list[Exchange]:
    return exchanges(1200, 7)


def read(text: str) -> str:
    """Return the digits of a run, by a reader that shares nothing with the writer."""
    digits, times, ten = "", 1, False
    for token in re.findall(r"[a-z]+|\d+", text.lower()):
        if token in TIMES:
            times = TIMES[token]
            continue
        if token in TENS:
            digits += str(TENS.index(token) + 2) + "0"
            ten = True
            continue
        said = token if token.isdigit() else NUMBERS.get(token, "")
        if ten and said not in ("", "0") and len(said) == 1 and not token.isdigit():
            digits = digits[:-1]
        digits += said * times
        times, ten = 1, False
    return digits


def luhn(number: str) -> bool:
    odd, even = number[::-2], number[-2::-2]
    return (sum(map(int, odd)) + sum(int(c) for d in even for c in str(2 * int(d)))) % 10 == 0


def holds(said: str, number: str) -> bool:
    """Return whether the digits are all said, one after the other, with others between or not."""
    rest = iter(said)
    return all(digit in rest for digit in number)


def text_of(exchange: Exchange, run: int) -> str:
    found = exchange["runs"][run]
    return exchange["turns"][found["turn"]]["text"][found["start"] : found["end"]]


def test_a_seed_makes_the_same_exchanges_and_another_makes_others(made: list[Exchange]) -> None:
    assert exchanges(50, 7) == made[:50]
    assert exchanges(50, 8) != made[:50]
    assert exchange_partials(made[0], 3) == exchange_partials(made[0], 3)


def test_card_numbers_pass_luhn_and_have_13_to_19_digits(made: list[Exchange]) -> None:
    numbers = [case["number"] for case in made if case["kind"] == "card"]
    assert all(luhn(number) for number in numbers)
    assert {len(number) for number in numbers} == set(range(13, 20))
    assert not luhn("4539148803436468")


def test_each_exchange_is_as_the_reported_ones_are(made: list[Exchange]) -> None:
    kinds = Counter(case["kind"] for case in made)
    assert all(abs(kinds[kind] / len(made) - share) < 0.06 for kind, share in KINDS.items())
    assert len({case["name"] for case in made}) == len(made)
    for case in made:
        assert 1 <= len(case["turns"]) <= MOST_TURNS
        assert re.fullmatch(r"\d*", case["number"])
        for turn in case["turns"]:
            assert turn["speaker"] in ("agent", "customer")
            assert turn["text"] == " ".join(turn["text"].split()) != ""
            assert turn["text"].isprintable()
            assert not re.search(r"[{}|\ue000-\uf8ff]", turn["text"]), turn["text"]
            assert 0 <= turn["after_s"] <= 40


def test_what_is_said_holds_the_digits_of_the_number(made: list[Exchange]) -> None:
    checked = 0
    for case in made:
        if case["kind"] == "keep":
            assert case["runs"] == []
            assert case["stays"] == list(range(len(case["turns"])))
            continue
        runs = [i for i, run in enumerate(case["runs"]) if run["of"] == case["kind"]]
        claimed = "".join(case["runs"][i]["digits"] for i in runs)
        if "ending known" in case["traits"]:
            assert Counter(claimed) <= Counter(case["number"]), case
        elif "digits lost" not in case["traits"]:
            assert holds(claimed, case["number"]), case
        assert not {case["runs"][i]["turn"] for i in runs} & set(case["stays"])
        if AMBIGUOUS.isdisjoint(case["traits"]):
            checked += 1
            for i in runs:
                assert read(text_of(case, i)) == case["runs"][i]["digits"], case
    assert checked > 500


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (7, "seven"),
        (40, "forty"),
        (319, "three hundred and nineteen"),
        (4500, "four thousand five hundred"),
        (10_005, "ten thousand and five"),
        (148_021, "one hundred and forty eight thousand and twenty one"),
    ],
)
def test_cardinals(number: int, said: str) -> None:
    assert cardinal(number) == said


def test_ordinals() -> None:
    said = [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 113, 4539)]
    assert " ".join(said) == "1st 2nd 3rd 4th 11th 12th 13th 21st 113th 4539th"


def test_partials_grow_to_the_text_and_are_revised_now_and_then(made: list[Exchange]) -> None:
    revised = 0
    for case in made[:200]:
        for turn, shown in zip(case["turns"], exchange_partials(case), strict=True):
            assert shown[-1] == turn["text"]
            assert all(shown)
            revised += any(not turn["text"].startswith(text) for text in shown)
    assert revised > 50
    assert partials("hello", Random(1))[-1] == "hello"


def test_the_wordings_are_many_and_no_two_are_alike() -> None:
    card = wordings.ASKS + wordings.ANNOUNCED + wordings.ON_FILE + wordings.BEGINS + wordings.ENDING
    for frames, least in ((card, 40), (wordings.CODES, 20), (wordings.ORDINARY, 60)):
        assert len(set(frames)) == len(frames) >= least
    assert {len(chat.split()) for chat in wordings.CHAT} <= set(range(9, 31))
    assert len({card_number(Random(seed))[0] for seed in range(300)}) > 10

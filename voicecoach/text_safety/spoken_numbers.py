"""Reads the numbers in words: figures in any grouping and format, and number words.

`find_numbers` splits the words of an utterance into pieces: digits, and other words.

| what                                          | becomes                                       |
|-----------------------------------------------|-----------------------------------------------|
| figures of any script, in any grouping        | a piece for each run of figures               |
| "$45.39", "4,539", "45:39", "3/4/2024", "12%" | one piece with its format                     |
| "four", "forty-one", "double oh", "four ones" | pieces with the digits that they stand for    |
| "for", "to", "ate" between single digits      | a piece with one digit                        |
| "this one", "two of"                          | other words                                   |
| `HIDDEN_DIGIT`                                | a digit that is not known                     |
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from voicecoach.types.stream import Immutable

HIDDEN_DIGIT = "#"
"""Character that replaces a hidden digit, and stands for it where its value is not known."""
MIN_GLUED_DIGITS = 4
"""Fewest figures in a row that are a number of their own although letters touch them."""
MAX_SUFFIX = 2
"""Most letters of an ending that touches figures, as in "4th"."""
MIN_CARD_DIGITS = 13
"""Fewest digits of a card number (ISO/IEC 7812-1); a word with as many is one number."""
MIN_ALIKE_WORDS = 4
"""Number of words like "for" in a row, with no digit beside them, from which they are digits."""

_MONEY = re.compile(r"(0|[1-9]\d{0,3}|[1-9]\d{0,2}(,\d{3})*)(\.\d\d)?")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+(\.\d\d)?|\d+\.\d+")
_TIME = re.compile(r"([01]?\d|2[0-4]):[0-5]\d")
_DATE = re.compile(r"(\d{1,2})(?:/|[.-](?=.*[.-]))(\d{1,2})([/.-](\d\d|(19|20)\d\d))?")


class NumberWords(Immutable):
    """How numbers, and what they are numbers of, are spoken in a language.

    The parameters are those of a language's `numbers.toml` (`language.tables.NumberTable`).
    """

    def __init__(
        self,
        units: Mapping[str, int],
        tens: Mapping[str, int] | None = None,
        two_digits: Mapping[str, int] | None = None,
        repeated: Mapping[str, int] | None = None,
        plurals: Mapping[str, int] | None = None,
        scales: Mapping[str, int] | None = None,
        alike: Mapping[str, int] | None = None,
        between: Sequence[str] = (),
        pronouns: Sequence[str] = (),
        no_number_after: Sequence[str] = (),
        no_number_before: Sequence[str] = (),
        currency: Sequence[str] = (),
        counted: Sequence[str] = (),
        amounts: Sequence[str] = (),
        months: Sequence[str] = (),
        before_year: Sequence[str] = (),
        before_date: Sequence[str] = (),
        before_time: Sequence[str] = (),
        names: Sequence[str] = (),
        after_name: Sequence[str] = (),
        cards: Sequence[str] = (),
        card_digits: Sequence[str] = (),
        asks: Sequence[str] = (),
        no_cards: Sequence[str] = (),
        codes: Sequence[str] = (),
        ordinals: Mapping[str, int] | None = None,
        endings: Mapping[str, str] | None = None,
        signs: Mapping[str, str] | None = None,
        signs_after: Sequence[str] = (),
        hundredths: Sequence[str] = (),
        one_before_scale: Sequence[str] = (),
        joins: Sequence[str] = (),
        decimal: Sequence[str] = (),
        clock: Sequence[str] = (),
        symbols: Mapping[str, str] | None = None,
        explains: Sequence[str] = (),
        letter_words: Sequence[str] = (),
    ) -> None:
        self.units, self.tens, self.two_digits = dict(units), dict(tens or {}), two_digits or {}
        self.repeated, self.plurals, self.alike = repeated or {}, plurals or {}, dict(alike or {})
        self.scales = scales or {}
        self.between = frozenset(between) | self.scales.keys()
        self.pronouns = frozenset(pronouns)
        self.no_number_after = frozenset(no_number_after)
        self.no_number_before = frozenset(no_number_before)
        self.currency, self.counted = frozenset(currency), frozenset(counted)
        self.amounts = frozenset(amounts)
        self.months = frozenset(months)
        self.before_year, self.before_date = frozenset(before_year), frozenset(before_date)
        self.before_time = frozenset(before_time)
        self.names, self.after_name = tuple(f" {name}" for name in names), frozenset(after_name)
        self.cards, self.card_digits = frozenset(cards), frozenset(card_digits)
        self.no_cards, self.asks = tuple(no_cards), tuple(asks)
        self.codes = tuple(f" {name}" for name in codes)
        self.ordinals, self.endings = ordinals or {}, endings or {}
        self.signs, self.signs_after = signs or {}, frozenset(signs_after)
        self.hundredths = frozenset(hundredths)
        self.one_before_scale, self.joins = frozenset(one_before_scale), frozenset(joins)
        self.decimal, self.clock = frozenset(decimal), frozenset(clock)
        self.symbols = symbols or {}
        self.explains, self.letter_words = tuple(explains), frozenset(letter_words)


DIGITS_ALONE = NumberWords(
    units={},
    cards=("visa", "mastercard", "amex", "maestro"),
    codes=("cvv", "cvc", "cvn", "cvv2", "cvc2"),
)
"""For a language without number words: figures only, and names that are the same everywhere."""


class Piece(NamedTuple):
    """A part of a word: digits, or letters."""

    word: int
    """Index of the word."""
    start: int
    end: int
    text: str
    """Lower case."""
    digits: str = ""
    """Digits that it stands for, `HIDDEN_DIGIT` for one of unknown value; empty for letters."""
    tens: bool = False
    """It is a word like "forty" with a unit after it."""
    form: str = ""
    """"money", "time", "date", "number" or "glued" (to letters) if it is written as one."""


def find_numbers(texts: Sequence[str], numbers: NumberWords) -> list[Piece]:
    """Return the pieces of words, in order, without the characters between them."""
    found, values = _read_digits(texts, numbers)
    others = [piece for piece in found if piece.text not in numbers.between]
    for i, piece in enumerate(found):
        if piece.text in numbers.units and (others != [piece] or values[i] == "0"):
            beside = _beside_digit(found, values, i, numbers)
            before = found[i - 1].text if i else ""
            after = found[i + 1].text if i + 1 < len(found) else ""
            idiom = before in numbers.no_number_after or after in numbers.no_number_before
            pronoun = piece.text in numbers.pronouns
            if (idiom and (pronoun or not beside)) or (pronoun and not beside):
                values[i] = ""
    return [
        piece._replace(digits=value, tens=piece.text in numbers.tens and len(value) == 1)
        for piece, value in zip(found, values, strict=True)
    ]


def count_digits(text: str, numbers: NumberWords) -> int:
    """Return the number of digits that a word can stand for; -1 if it is another word."""
    found, values = _read_digits([text], numbers)
    counts = [
        len(value) or -1
        for piece, value in zip(found, values, strict=True)
        if value or piece.text not in numbers.between
    ]
    return -1 if -1 in counts else sum(counts)


def _read_digits(texts: Sequence[str], numbers: NumberWords) -> tuple[list[Piece], list[str]]:
    """Return the pieces of words, and the digits that each can stand for."""
    found = [piece for word, text in enumerate(texts) for piece in _split(word, text)]
    values: list[str] = []
    for i, piece in enumerate(found):
        values.append(piece.digits or _value(found, i, values, numbers))
    _add_alike(found, values, numbers)
    for i, piece in enumerate(found):
        if not values[i] and piece.text in numbers.scales:
            values[i] = _zeros(found, i, values, numbers)
    return found, values


def is_digit(char: str) -> bool:
    """Return whether a character is a digit of any script, a superscript digit, or hidden."""
    return char == HIDDEN_DIGIT or unicodedata.numeric(char, -1) in range(10)


def _value(found: Sequence[Piece], i: int, values: Sequence[str], numbers: NumberWords) -> str:
    """Return the digits that a number word stands for."""
    text = found[i].text
    after = found[i + 1] if i + 1 < len(found) else None
    if text in numbers.units:
        return str(numbers.units[text])
    if text in numbers.tens:
        joined = after and (numbers.units.get(after.text) or after.text == HIDDEN_DIGIT)
        return f"{numbers.tens[text]}" if joined else f"{numbers.tens[text]}0"
    if text in numbers.two_digits:
        return f"{numbers.two_digits[text]:02}"
    if text in numbers.plurals and i and values[i - 1].isdecimal():
        # "Four ones": with the digit before it as many as that digit says.
        return str(numbers.plurals[text]) * max(min(int(values[i - 1]), 9) - 1, 0)
    if text in numbers.repeated and after:
        named = numbers.units | numbers.alike
        unit = str(named.get(after.text, "")) or after.digits
        return unit * (numbers.repeated[text] - 1) if len(unit) == 1 else ""
    return ""


def _zeros(found: Sequence[Piece], i: int, values: Sequence[str], numbers: NumberWords) -> str:
    """Return the zeros that a word like "hundred" adds: two in "five hundred", none in "120"."""
    zeros = numbers.scales.get(found[i].text, 0)
    before = i > 0 and (values[i - 1] or found[i - 1].text in numbers.scales)
    if not zeros or not before:
        return ""
    at = i + 1
    while at < len(found) and not values[at] and found[at].text in numbers.between:
        at += 1
    if at < len(found) and values[at] and not found[at].form:
        following = found[at : at + 2]
        zeros -= len(values[at])
        if len(following) > 1 and following[1].text in numbers.scales:
            zeros -= numbers.scales[following[1].text]
        elif following[0].text in numbers.tens and len(values[at]) == 1:
            zeros -= 1  # the unit after it
    return "0" * max(zeros, 0)


def _beside_digit(
    found: Sequence[Piece], values: Sequence[str], i: int, numbers: NumberWords
) -> bool:
    """Return whether a piece is beside digits, with nothing but words like "uh" between."""
    for step in (-1, 1):
        at = i + step
        while 0 <= at < len(found) and not values[at] and found[at].text in numbers.between:
            at += step
        if 0 <= at < len(found) and values[at]:
            return True
    return False


def _add_alike(found: Sequence[Piece], values: list[str], numbers: NumberWords) -> None:
    """Set the values of words that are written in place of digits."""
    i = 0
    while i < len(found):
        n = i
        while n < len(found) and not values[n] and found[n].text in numbers.alike:
            n += 1
        if n > i:
            before = i > 0 and len(values[i - 1]) == 1
            after = n == len(found) or bool(values[n])
            before &= i < 2 or found[i - 2].text not in numbers.tens
            if (before and after and n - i <= 2) or n - i >= MIN_ALIKE_WORDS:
                values[i:n] = [str(numbers.alike[piece.text]) for piece in found[i:n]]
        i = max(n, i + 1)


def _split(word: int, text: str) -> list[Piece]:
    figures = "".join(filter(is_digit, text))
    if not figures:
        return _runs(word, text, glued=False)
    value = "".join(map(_figure, figures))
    if len(figures) >= MIN_CARD_DIGITS:
        return [Piece(word, 0, len(text), text.lower(), value)]
    bare = text.strip(" \t.,;:!?()\"'")
    money = any(unicodedata.category(c) == "Sc" or c == "%" for c in bare)
    amount = "".join(c for c in bare if unicodedata.category(c) != "Sc" and c not in "%+-")
    date = _DATE.fullmatch(bare)
    form = ""
    if money:
        form = "money" if _MONEY.fullmatch(amount) else ""
    elif _THOUSANDS.fullmatch(bare):
        form = "number"
    elif _TIME.fullmatch(bare):
        form = "time"
    elif date and min(int(date[1]), int(date[2])) <= 12 and max(int(date[1]), int(date[2])) <= 31:
        form = "date"
    if form or money:
        return [Piece(word, 0, len(text), bare.lower(), value, form=form)]
    return _runs(word, text, glued=any(c.isalpha() for c in text))


def _runs(word: int, text: str, *, glued: bool) -> list[Piece]:
    """Split a word into runs of figures and of letters."""
    at, found = 0, []
    for kind, chars in groupby(text, _char_kind):
        part = "".join(chars)
        start, at = at, at + len(part)
        lower = part.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").strip("'")
        if kind == "digits":
            lower = "+" * text.startswith("+" + part) + lower
            value = "".join(map(_figure, part))
            form = "glued" if glued and len(part) < MIN_GLUED_DIGITS else ""
            found.append(Piece(word, start, at, lower, value, form=form))
        elif (
            kind == "letters"
            and lower
            and not (
                found and found[-1].end == start and found[-1].digits and len(lower) <= MAX_SUFFIX
            )
        ):
            found.append(Piece(word, start, at, lower))
    return found


def _char_kind(char: str) -> str:
    if is_digit(char):
        return "digits"
    return "letters" if char.isalpha() or char in "'\N{RIGHT SINGLE QUOTATION MARK}" else ""


def _figure(char: str) -> str:
    return char if char == HIDDEN_DIGIT else str(int(unicodedata.numeric(char)))

"""Reads the numbers in words as a transcriber writes them, in words or in figures.

"Twenty five", "25" and "double five" are numbers; "oh" is a digit only beside others.
`written_numbers` compares and rewrites what is found here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from voicecoach.text_safety.spoken_numbers import NumberWords

MAX_ACRONYM_LETTERS = 12
"""Most letters of a word in capitals that is read letter by letter."""
MAX_DAY = 31
"""Largest number that is a day after the name of a month."""
ENDS = ".,;:!?)\"'"
"""Marks after a word that are not spoken."""

_FIGURES = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_PIECE = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\d+|[^\W\d_]+(?:'[^\W\d_]+)*|[^\w\s]|_")
_ADDRESS = re.compile(r"\S+@\S+|[\w-]{2,}(?:\.[\w-]{2,})+", re.ASCII)


class Part(NamedTuple):
    """A number word, a number in figures, or any other part of a word."""

    text: str
    """Lower case."""
    word: int
    ends: bool = False
    """Whether a punctuation mark follows: no number goes on after it."""
    figures: str = ""
    """The number, if it is written in figures."""


class Number(NamedTuple):
    """A number that takes up the parts `start` to `stop`."""

    figures: str
    start: int
    stop: int
    ordinal: bool = False
    worded: bool = True
    """Whether it has a word that stands for a number."""


def read_parts(words: Sequence[str], numbers: NumberWords) -> list[Part]:
    """Return the parts of words: each figure, letter, sign and word by itself."""
    parts: list[Part] = []
    for index, word in enumerate(words):
        text = word.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        bare = text.strip(ENDS + "(")
        ends = text[-1:] in ENDS and text[-1:] != ""
        address = bool(_ADDRESS.fullmatch(bare)) and not _FIGURES.fullmatch(bare)
        made = [
            piece
            for found in _PIECE.findall(bare)
            for piece in _read_piece(found, bare, address=address, numbers=numbers)
        ]
        clock = bare.replace(".", "").lower()
        if clock in numbers.clock:
            made = [Part(clock, index)]
        made = _sign_last(made)
        parts += [
            part._replace(word=index, ends=ends and i == len(made) - 1)
            for i, part in enumerate(made)
        ]
    return parts


def _read_piece(piece: str, word: str, *, address: bool, numbers: NumberWords) -> Iterator[Part]:
    """Yield the parts of a piece of a word; punctuation counts only in addresses."""
    lower = piece.lower().strip("'")
    if piece[0].isdecimal():
        yield Part(piece, 0, figures=piece.replace(",", ""))
    elif piece in numbers.signs.values():
        yield Part(piece, 0)
    elif not piece[0].isalpha():
        if address:
            yield Part(numbers.symbols.get(piece, piece), 0)
    elif piece.isupper() and piece == word and 1 < len(piece) <= MAX_ACRONYM_LETTERS:
        yield from (Part(letter, 0) for letter in lower)
    elif lower:
        yield Part(lower, 0)


def _sign_last(parts: list[Part]) -> list[Part]:
    """Return parts with a sign before figures moved behind them, as in speech."""
    if len(parts) > 1 and not parts[0].text[0].isalnum() and parts[1].figures:
        return [parts[1], parts[0], *parts[2:]]
    return parts


def read_numbers(parts: Sequence[Part], numbers: NumberWords) -> list[Number]:
    """Return the numbers in parts, each as long as it can be."""
    found: list[Number] = []
    at = 0
    while at < len(parts):
        number = read_number(parts, at, numbers)
        day = at > 0 and parts[at - 1].text in numbers.months
        if number and day and number.figures.isdecimal() and 0 < int(number.figures) <= MAX_DAY:
            number = number._replace(ordinal=True)  # "May 4" is said "May fourth"
        if number and _is_number(parts, number, found, numbers):
            found.append(number)
            at = number.stop
        else:
            at += 1
    return found


def _is_number(
    parts: Sequence[Part], number: Number, found: Sequence[Number], numbers: NumberWords
) -> bool:
    """Return whether a number is one: a word like "oh" is a digit only beside others."""
    text = parts[number.start].text
    if number.stop - number.start > 1 or text not in numbers.pronouns or _only_name(text, numbers):
        return True
    before = found[-1] if found and found[-1].stop == number.start else None
    after = read_number(parts, number.stop, numbers)
    if before and after:
        return True
    return any(n and parts[n.start].text not in numbers.pronouns for n in (before, after))


def _only_name(text: str, numbers: NumberWords) -> bool:
    """Return whether a digit has no other name, as "one" has not."""
    value = numbers.units.get(text, -1)
    return list(numbers.units.values()).count(value) == 1


def read_number(parts: Sequence[Part], at: int, numbers: NumberWords) -> Number | None:
    """Return the number that begins at a part, as long as it can be."""
    repeated = _read_repeated(parts, at, numbers)
    if repeated:
        return repeated
    small = read_small(parts, at, numbers)
    if small is None:
        return None
    figures, stop, ordinal, worded = small
    if not ordinal and "." not in figures:
        value, stop, ordinal, scaled = _read_scales(parts, int(figures), stop, numbers)
        figures, worded = (str(value) if scaled else figures), worded or scaled
        figures, stop = _read_decimals(parts, figures, stop, ordinal, numbers)
    return Number(figures, at, stop, ordinal, worded)


def _goes_on(parts: Sequence[Part], at: int) -> bool:
    """Return whether a number may go on at a part."""
    return 0 < at < len(parts) and not parts[at - 1].ends


def _read_repeated(parts: Sequence[Part], at: int, numbers: NumberWords) -> Number | None:
    """Return "double five" as 55."""
    if at + 1 >= len(parts) or parts[at].text not in numbers.repeated:
        return None
    after = parts[at + 1]
    unit = after.figures or str(numbers.units.get(after.text, ""))
    if len(unit) != 1 or not unit.isdecimal():
        return None
    return Number(unit * numbers.repeated[parts[at].text], at, at + 2)


def read_small(
    parts: Sequence[Part], at: int, numbers: NumberWords
) -> tuple[str, int, bool, bool] | None:
    """Return a number below 100 or in figures, where it ends, if it is ordinal, and in words."""
    if at >= len(parts):
        return None
    part = parts[at]
    after = parts[at + 1] if _goes_on(parts, at + 1) else None
    if part.figures:
        ordinal = bool(after and after.word == part.word and after.text in numbers.endings.values())
        return part.figures, at + 1 + ordinal, ordinal, False
    if part.text in numbers.one_before_scale:
        if after and after.text in numbers.scales:
            return "1", at + 1, False, True
        return None
    if part.text in numbers.tens:
        tens = 10 * numbers.tens[part.text]
        unit = numbers.units.get(after.text, 0) if after else 0
        if unit:
            return str(tens + unit), at + 2, False, True
        last = numbers.ordinals.get(after.text, 0) if after else 0
        if 0 < last < 10:
            return str(tens + last), at + 2, True, True
        return str(tens), at + 1, False, True
    for names in (numbers.two_digits, numbers.units):
        if part.text in names:
            return str(names[part.text]), at + 1, False, True
    if part.text in numbers.ordinals:
        return str(numbers.ordinals[part.text]), at + 1, True, True
    return None


def _read_scales(
    parts: Sequence[Part], value: int, at: int, numbers: NumberWords
) -> tuple[int, int, bool, bool]:
    """Return the value with "hundred" and "thousand" after it, where it ends, and if it is ordinal.

    The last item says whether there was any.
    """
    whole, part, ordinal = 0, value, False
    scaled = value >= 100 and value % 100 == 0 and _is_joined(parts, at, numbers)  # "600 and 8"
    lowest = 100
    while not ordinal and _goes_on(parts, at):
        zeros = numbers.scales.get(parts[at].text, 0)
        if zeros and 10**zeros <= lowest**9 and part:
            scaled, at = True, at + 1
            if zeros >= 3:
                whole, part = (whole + part) * 10**zeros, 0
            else:
                part *= 10**zeros
            lowest = 10**zeros
        elif scaled and (small := _read_rest(parts, at, numbers)):
            figures, at, ordinal = small
            part += int(figures)
            if not _goes_on(parts, at) or parts[at].text not in numbers.scales:
                break
        else:
            break
    return whole + part, at, ordinal, scaled


def _is_joined(parts: Sequence[Part], at: int, numbers: NumberWords) -> bool:
    """Return whether "and" and a number below 100 follow."""
    if not _goes_on(parts, at) or parts[at].text not in numbers.joins:
        return False
    small = _read_rest(parts, at, numbers)
    return small is not None and len(small[0]) < 3 and not small[2]


def _read_rest(
    parts: Sequence[Part], at: int, numbers: NumberWords
) -> tuple[str, int, bool] | None:
    """Return the number below 100 after "hundred" or "thousand", with or without "and"."""
    joined = parts[at].text in numbers.joins and _goes_on(parts, at + 1)
    small = read_small(parts, at + joined, numbers)
    if small is None or "." in small[0] or len(small[0]) > 3 or not (small[3] or joined):
        return None
    if small[0] == "0":
        return None
    return small[0], small[1], small[2]


def _read_decimals(
    parts: Sequence[Part], figures: str, at: int, ordinal: bool, numbers: NumberWords
) -> tuple[str, int]:
    """Return a number with the digits that are spoken after "point", and where it ends."""
    if ordinal or not _goes_on(parts, at) or parts[at].text not in numbers.decimal:
        return figures, at
    digits, stop = "", at + 1
    while _goes_on(parts, stop) and (small := read_small(parts, stop, numbers)) and not small[2]:
        digits, stop = digits + small[0], small[1]
    return (f"{figures}.{digits}", stop) if digits.isdecimal() else (figures, at)

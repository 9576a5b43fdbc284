"""Brings the ways in which transcribers write numbers, amounts and letters to one form.

One transcriber writes "$25", "8 a.m.", "2018" and "T.I."; another one writes "twenty five dollars",
"eight a.m.", "Two thousand and eighteen" and "T. i." for the same sounds.  `spoken_tokens` makes
tokens that are equal where the sounds are, to compare texts of two transcribers.
`write_figures` rewrites a text with figures, as voicecoach shows it.

| written                                          | tokens           |
|--------------------------------------------------|------------------|
| "2018", "two thousand and eighteen", "20 18"     | `2018`           |
| "$25", "twenty-five dollars", "25 bucks"         | `25`, `$`        |
| "$1.50", "one dollar and fifty cents"            | `1.50`, `$`      |
| "8am", "8 a.m.", "eight A.M."                    | `8`, `am`        |
| "8:30", "eight thirty"                           | `830`            |
| "May 21st", "May twenty first", "May 21"         | `may`, `21.`     |
| "T.I.", "T. i.", "TI"                            | `t`, `i`         |
| "ann@site.com", "Ann at site dot com"            | `ann`, `@`, `site`, `.`, `com` |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from voicecoach.text_safety.spoken_numbers import NumberWords

MAX_ACRONYM_LETTERS = 12
"""Most letters of a word in capitals that is read letter by letter."""
SMALL_NUMBER = 10
"""Numbers from this one on are written in figures wherever they stand; smaller ones only beside a
unit, a month or other numbers."""
MAX_DAY = 31
"""Largest number that is a day after the name of a month."""
MAX_DECIMALS = 2
"""Most decimals of a number; more figures after a point are a group of digits."""
MIN_LISTED_NUMBERS = 3
"""Fewest numbers in a row that are all written in figures, as in "four one five"."""
YEARS = 1800, 2049
"""Two numbers in a row that make one of these, as "nineteen ninety" does, are a year."""
THOUSANDS_FROM = 10_000
"""Amounts from this one on are written with a comma between thousands."""

_FIGURES = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_PIECE = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\d+|[^\W\d_]+(?:'[^\W\d_]+)*|[^\w\s]|_")
_ADDRESS = re.compile(r"\S+@\S+|[\w-]{2,}(?:\.[\w-]{2,})+", re.ASCII)
_LETTER, _LETTERS = re.compile(r"[^\W\d_]\."), re.compile(r"(?:[^\W\d_]\.)+")
_ENDS = ".,;:!?)\"'"


class SpokenToken(NamedTuple):
    """What is spoken by one or more words: a number, a unit, a letter or a word."""

    text: str
    """Lower case; a number in figures, an ordinal number with a full stop after them."""
    start: int
    """Index of its first word."""
    stop: int
    """Index after its last word."""


class _Part(NamedTuple):
    """A number word, a number in figures, or any other part of a word."""

    text: str
    """Lower case."""
    word: int
    ends: bool = False
    """Whether a punctuation mark follows: no number goes on after it."""
    figures: str = ""
    """The number, if it is written in figures."""


class _Number(NamedTuple):
    """A number that takes up the parts `start` to `stop`."""

    figures: str
    start: int
    stop: int
    ordinal: bool = False
    worded: bool = True
    """Whether it has a word that stands for a number."""


def spoken_tokens(words: Sequence[str], numbers: NumberWords) -> list[SpokenToken]:
    """Return the tokens of words, equal where two transcribers wrote the same sounds.

    Parameters
    ----------
    words
        Words as a transcriber writes them.
    numbers
        How numbers are spoken in their language.

    Returns
    -------
    tokens
        In order.  A number may take up several words, and a word may hold several tokens.

    Examples
    --------
    >>> from voicecoach.shell.runtime.languages import find_numbers
    >>> [t.text for t in spoken_tokens("Twenty five dollars".split(), find_numbers("en"))]
    ['25', '$']
    """
    parts = _parts(words, numbers)
    found = {number.start: number for number in _numbers(parts, numbers)}
    tokens: list[SpokenToken] = []
    at = 0
    while at < len(parts):
        number = found.get(at)
        stop = number.stop if number else at + 1
        text = _token(number, parts, numbers) if number else _word(parts[at], numbers)
        tokens.append(SpokenToken(text, parts[at].word, parts[stop - 1].word + 1))
        at = stop
    return _join_digits(_join_money(_join_clock(tokens, numbers), numbers))


def write_figures(text: str, numbers: NumberWords) -> str:
    """Return a text with its numbers, amounts, times and spelled letters as voicecoach shows them.

    Numbers in figures stay as they are.  A small number alone stays a word.

    Parameters
    ----------
    text
        Words as a transcriber writes them.
    numbers
        How numbers are spoken in their language.

    Examples
    --------
    >>> from voicecoach.shell.runtime.languages import find_numbers
    >>> write_figures("It was twenty five dollars at eight a.m.", find_numbers("en"))
    'It was $25 at 8 a.m.'
    """
    words = text.split()
    parts = _parts(words, numbers)
    found = _numbers(parts, numbers)
    out: list[str] = []
    at = 0
    for written, start, stop in _rewritten(words, parts, found, numbers):
        out += [*words[at:start], written]
        at = stop
    return _join_letters(_join_addresses([*out, *words[at:]], numbers))


# --- reading --------------------------------------------------------------------------------


def _parts(words: Sequence[str], numbers: NumberWords) -> list[_Part]:
    parts: list[_Part] = []
    for index, word in enumerate(words):
        text = word.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        bare = text.strip(_ENDS + "(")
        ends = text[-1:] in _ENDS and text[-1:] != ""
        address = bool(_ADDRESS.fullmatch(bare)) and not _FIGURES.fullmatch(bare)
        made = [
            piece
            for found in _PIECE.findall(bare)
            for piece in _read_piece(found, bare, address=address, numbers=numbers)
        ]
        clock = bare.replace(".", "").lower()
        if clock in numbers.clock:
            made = [_Part(clock, index)]
        made = _sign_last(made)
        parts += [
            part._replace(word=index, ends=ends and i == len(made) - 1)
            for i, part in enumerate(made)
        ]
    return parts


def _read_piece(piece: str, word: str, *, address: bool, numbers: NumberWords) -> Iterator[_Part]:
    """Yield the parts of a piece of a word; punctuation counts only in addresses."""
    lower = piece.lower().strip("'")
    if piece[0].isdecimal():
        yield _Part(piece, 0, figures=piece.replace(",", ""))
    elif piece in numbers.signs.values():
        yield _Part(piece, 0)
    elif not piece[0].isalpha():
        if address:
            yield _Part(numbers.symbols.get(piece, piece), 0)
    elif piece.isupper() and piece == word and 1 < len(piece) <= MAX_ACRONYM_LETTERS:
        yield from (_Part(letter, 0) for letter in lower)
    elif lower:
        yield _Part(lower, 0)


def _sign_last(parts: list[_Part]) -> list[_Part]:
    """Return parts with a sign before figures moved behind them, as in speech."""
    if len(parts) > 1 and not parts[0].text[0].isalnum() and parts[1].figures:
        return [parts[1], parts[0], *parts[2:]]
    return parts


def _numbers(parts: Sequence[_Part], numbers: NumberWords) -> list[_Number]:
    """Return the numbers in parts, each as long as it can be."""
    found: list[_Number] = []
    at = 0
    while at < len(parts):
        number = _read_number(parts, at, numbers)
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
    parts: Sequence[_Part], number: _Number, found: Sequence[_Number], numbers: NumberWords
) -> bool:
    """Return whether a number is one: a word like "oh" is a digit only beside others."""
    text = parts[number.start].text
    if number.stop - number.start > 1 or text not in numbers.pronouns or _only_name(text, numbers):
        return True
    before = found[-1] if found and found[-1].stop == number.start else None
    after = _read_number(parts, number.stop, numbers)
    if before and after:
        return True
    return any(n and parts[n.start].text not in numbers.pronouns for n in (before, after))


def _only_name(text: str, numbers: NumberWords) -> bool:
    """Return whether a digit has no other name, as "one" has not."""
    value = numbers.units.get(text, -1)
    return list(numbers.units.values()).count(value) == 1


def _read_number(parts: Sequence[_Part], at: int, numbers: NumberWords) -> _Number | None:
    """Return the number that begins at a part, as long as it can be."""
    repeated = _read_repeated(parts, at, numbers)
    if repeated:
        return repeated
    small = _read_small(parts, at, numbers)
    if small is None:
        return None
    figures, stop, ordinal, worded = small
    if not ordinal and "." not in figures:
        value, stop, ordinal, scaled = _read_scales(parts, int(figures), stop, numbers)
        figures, worded = (str(value) if scaled else figures), worded or scaled
        figures, stop = _read_decimals(parts, figures, stop, ordinal, numbers)
    return _Number(figures, at, stop, ordinal, worded)


def _goes_on(parts: Sequence[_Part], at: int) -> bool:
    """Return whether a number may go on at a part."""
    return 0 < at < len(parts) and not parts[at - 1].ends


def _read_repeated(parts: Sequence[_Part], at: int, numbers: NumberWords) -> _Number | None:
    """Return "double five" as 55."""
    if at + 1 >= len(parts) or parts[at].text not in numbers.repeated:
        return None
    after = parts[at + 1]
    unit = after.figures or str(numbers.units.get(after.text, ""))
    if len(unit) != 1 or not unit.isdecimal():
        return None
    return _Number(unit * numbers.repeated[parts[at].text], at, at + 2)


def _read_small(
    parts: Sequence[_Part], at: int, numbers: NumberWords
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
    parts: Sequence[_Part], value: int, at: int, numbers: NumberWords
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


def _is_joined(parts: Sequence[_Part], at: int, numbers: NumberWords) -> bool:
    """Return whether "and" and a number below 100 follow."""
    if not _goes_on(parts, at) or parts[at].text not in numbers.joins:
        return False
    small = _read_rest(parts, at, numbers)
    return small is not None and len(small[0]) < 3 and not small[2]


def _read_rest(
    parts: Sequence[_Part], at: int, numbers: NumberWords
) -> tuple[str, int, bool] | None:
    """Return the number below 100 after "hundred" or "thousand", with or without "and"."""
    joined = parts[at].text in numbers.joins and _goes_on(parts, at + 1)
    small = _read_small(parts, at + joined, numbers)
    if small is None or "." in small[0] or len(small[0]) > 3 or not (small[3] or joined):
        return None
    if small[0] == "0":
        return None
    return small[0], small[1], small[2]


def _read_decimals(
    parts: Sequence[_Part], figures: str, at: int, ordinal: bool, numbers: NumberWords
) -> tuple[str, int]:
    """Return a number with the digits that are spoken after "point", and where it ends."""
    if ordinal or not _goes_on(parts, at) or parts[at].text not in numbers.decimal:
        return figures, at
    digits, stop = "", at + 1
    while _goes_on(parts, stop) and (small := _read_small(parts, stop, numbers)) and not small[2]:
        digits, stop = digits + small[0], small[1]
    return (f"{figures}.{digits}", stop) if digits.isdecimal() else (figures, at)


# --- comparing ------------------------------------------------------------------------------


def _token(number: _Number, parts: Sequence[_Part], numbers: NumberWords) -> str:
    """Return the token of a number; a point between hours and minutes, or groups, is not spoken."""
    decimals = number.figures.partition(".")[2]
    clock = number.stop < len(parts) and parts[number.stop].text in numbers.clock
    if len(decimals) > MAX_DECIMALS or (clock and len(decimals) == MAX_DECIMALS):
        return number.figures.replace(".", "")
    return number.figures + "." * number.ordinal


def _word(part: _Part, numbers: NumberWords) -> str:
    """Return the token of a part that is no number."""
    spoken = {name: symbol for symbol, name in numbers.symbols.items()}
    return numbers.signs.get(part.text) or spoken.get(part.text) or part.text


def _join_clock(tokens: list[SpokenToken], numbers: NumberWords) -> list[SpokenToken]:
    """Return tokens with "a", "m" after a number joined to "am"."""
    out: list[SpokenToken] = []
    for token in tokens:
        letter = len(out) > 1 and out[-1].text + token.text in numbers.clock
        if letter and out[-2].text.isdecimal():
            last = out.pop()
            token = SpokenToken(last.text + token.text, last.start, token.stop)
        out.append(token)
    return out


def _join_money(tokens: list[SpokenToken], numbers: NumberWords) -> list[SpokenToken]:
    """Return tokens with "1", "$", "and", "50", "cents" joined to "1.50", "$"."""
    signs = set(numbers.signs.values())
    out: list[SpokenToken] = []
    for token in tokens:
        out.append(token)
        if token.text not in numbers.hundredths or len(out) < 4:
            continue
        at = len(out) - 3 - (out[-3].text in numbers.joins)
        whole = out[at - 1] if at else token
        if out[at].text in signs and whole.text.isdecimal() and _is_hundredths(out[-2].text):
            sign = out[at].text
            amount = f"{whole.text}.{out[-2].text:0>2}"
            out[at - 1 :] = [
                SpokenToken(amount, whole.start, token.stop),
                SpokenToken(sign, token.start, token.stop),
            ]
    return out


def _is_hundredths(text: str) -> bool:
    return text.isdecimal() and len(text) <= 2


def _join_digits(tokens: list[SpokenToken]) -> list[SpokenToken]:
    """Return tokens with "415", "5", "5" joined to "41555": digits are grouped in any way."""
    out: list[SpokenToken] = []
    for token in tokens:
        if out and token.text.isdecimal() and out[-1].text.isdecimal():
            last = out.pop()
            token = SpokenToken(last.text + token.text, last.start, token.stop)
        out.append(token)
    return out


# --- rewriting ------------------------------------------------------------------------------


def _rewritten(
    words: Sequence[str], parts: Sequence[_Part], found: Sequence[_Number], numbers: NumberWords
) -> Iterator[tuple[str, int, int]]:
    """Yield what replaces words, with the range of words; ranges do not overlap."""
    done = 0
    index = 0
    while index < len(found):
        run = _run(found, index)
        index += len(run)
        for text, start, stop in _rewrite_run(words, parts, run, numbers):
            if start >= done:
                ending = words[stop - 1][len(words[stop - 1].rstrip(_ENDS)) :]
                yield text + ending[text.endswith(".") and ending[:1] == "." :], start, stop
                done = stop


def _run(found: Sequence[_Number], index: int) -> list[_Number]:
    """Return the numbers from `index` on with nothing between; an ordinal number stands alone."""
    run = [found[index]]
    for number in found[index + 1 :]:
        if number.start != run[-1].stop or number.ordinal or run[-1].ordinal:
            break
        run.append(number)
    return run


def _rewrite_run(
    words: Sequence[str], parts: Sequence[_Part], run: Sequence[_Number], numbers: NumberWords
) -> Iterator[tuple[str, int, int]]:
    first, last = run[0], run[-1]
    start, stop = parts[first.start].word, parts[last.stop - 1].word + 1
    before = parts[first.start - 1].text if first.start else ""
    after = (
        parts[last.stop].text if last.stop < len(parts) and not parts[last.stop - 1].ends else ""
    )
    plain = [n.figures for n in run if not n.ordinal and "." not in n.figures]
    worded = any(number.worded for number in run)
    clock = after in numbers.clock
    if len(plain) == len(run) == 2 and worded:
        joined = _year_or_time(plain, before, clock=clock, numbers=numbers)
        if joined and not clock:
            yield joined, start, stop
            return
        if joined:
            yield joined + _clock(after), start, parts[last.stop].word + 1
            return
    for number in run[:-1]:
        if number.worded and (len(run) >= MIN_LISTED_NUMBERS or _is_large(number)):
            at = parts[number.start].word
            yield _written(number, numbers), at, parts[number.stop - 1].word + 1
    at = parts[last.start].word
    if clock and (last.worded or parts[last.stop].word < stop):
        yield last.figures + _clock(after), at, parts[last.stop].word + 1
    elif not last.worded:
        return
    elif sign := "" if last.ordinal else numbers.signs.get(after, ""):
        yield from _amount(parts, last, sign, numbers)
    elif (
        _is_large(last)
        or len(run) >= MIN_LISTED_NUMBERS
        or (last.ordinal and _beside_month(parts, last, numbers))
        or (not last.ordinal and _beside_large(parts, last, numbers))
    ):
        yield _written(last, numbers), at, stop


def _year_or_time(plain: Sequence[str], before: str, *, clock: bool, numbers: NumberWords) -> str:
    """Return "20", "18" as a year and "8", "30" before "a.m." or after "at" as a time, else ""."""
    high, low = plain
    if len(low) != 2:
        return ""
    if not clock and YEARS[0] <= int(high + low) <= YEARS[1]:
        return high + low
    timed = clock or before in numbers.before_time
    return f"{high}:{low}" if timed and 0 < int(high) <= 24 and int(low) < 60 else ""


def _is_large(number: _Number) -> bool:
    whole = number.figures.split(".")[0]
    if number.ordinal:
        return int(whole) > 20
    return "." in number.figures or int(whole) >= SMALL_NUMBER


def _beside_month(parts: Sequence[_Part], number: _Number, numbers: NumberWords) -> bool:
    before = [part.text for part in parts[max(number.start - 2, 0) : number.start]]
    after = [part.text for part in parts[number.stop : number.stop + 2]]
    return bool(numbers.months.intersection([*before[-1:], *after]))


def _beside_large(parts: Sequence[_Part], number: _Number, numbers: NumberWords) -> bool:
    """Return whether one word later there is a large number: "eight to ten"."""
    after = _read_number(parts, number.stop + 1, numbers)
    return after is not None and not after.ordinal and _is_large(after)


def _clock(after: str) -> str:
    """Return "am" as " a.m."."""
    return " " + "".join(f"{letter}." for letter in after)


def _written(number: _Number, numbers: NumberWords) -> str:
    """Return a number in figures: "2018", "25,000", "21st"."""
    if number.ordinal:
        ends = [end for end in numbers.endings if number.figures.endswith(end)]
        return number.figures + numbers.endings.get(max(ends, key=len, default=""), "")
    if "." not in number.figures and int(number.figures) >= THOUSANDS_FROM:
        return number.figures if number.figures[0] == "0" else f"{int(number.figures):,}"
    return number.figures


def _amount(
    parts: Sequence[_Part], number: _Number, sign: str, numbers: NumberWords
) -> Iterator[tuple[str, int, int]]:
    """Yield an amount: "twenty five dollars and fifty cents" becomes "$25.50"."""
    start, stop = parts[number.start].word, number.stop + 1
    text = _written(number, numbers)
    at = stop + (stop < len(parts) and parts[stop].text in numbers.joins)
    small = _read_small(parts, at, numbers) if not parts[stop - 1].ends else None
    cents = small and small[1] < len(parts) and parts[small[1]].text in numbers.hundredths
    if small and cents and "." not in text and _is_hundredths(small[0]):
        text, stop = f"{text}.{small[0]:0>2}", small[1] + 1
    before = sign not in numbers.signs_after
    yield (sign + text if before else text + sign), start, parts[stop - 1].word + 1


def _join_addresses(words: list[str], numbers: NumberWords) -> list[str]:
    """Return words with "ann at site dot com" joined to "ann@site.com"."""
    names = {name: symbol for symbol, name in numbers.symbols.items()}
    at_sign, dot = numbers.symbols.get("@"), numbers.symbols.get(".")
    places = [i for i, word in enumerate(words) if word.lower() == at_sign]
    for at in reversed(places):
        stop = _dotted(words, at + 1, 1, dot)
        if at and stop > at + 2:
            start = _dotted(words, at - 1, -1, dot) + 1
            words[start:stop] = [
                "".join(names.get(word.lower(), word) for word in words[start:stop])
            ]
    return words


def _dotted(words: Sequence[str], at: int, step: int, dot: str | None) -> int:
    """Return where words with "dot" between each two of them end, in steps from `at`."""
    while 0 <= at + 2 * step < len(words) and words[at + step].lower() == dot:
        if not words[min(at, at + 2 * step)][-1].isalnum():
            break
        at += 2 * step
    return at + step


def _join_letters(words: list[str]) -> str:
    """Return words with "T." "i." joined to "T.I."."""
    out: list[str] = []
    for word in words:
        if out and _LETTER.fullmatch(word.rstrip(",;:!?")) and _LETTERS.fullmatch(out[-1]):
            out[-1] = out[-1].upper() + word.upper()
        else:
            out.append(word)
    return " ".join(out)

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

from voicecoach.language.number_parser import (
    ENDS,
    Number,
    Part,
    read_number,
    read_numbers,
    read_parts,
    read_small,
)
from voicecoach.text_safety.spoken_numbers import NumberWords

SMALL_NUMBER = 10
"""Numbers from this one on are written in figures wherever they stand; smaller ones only beside a
unit, a month or other numbers."""
MAX_DECIMALS = 2
"""Most decimals of a number; more figures after a point are a group of digits."""
MIN_LISTED_NUMBERS = 3
"""Fewest numbers in a row that are all written in figures, as in "four one five"."""
YEARS = 1800, 2049
"""Two numbers in a row that make one of these, as "nineteen ninety" does, are a year."""
THOUSANDS_FROM = 10_000
"""Amounts from this one on are written with a comma between thousands."""

_LETTER, _LETTERS = re.compile(r"[^\W\d_]\."), re.compile(r"(?:[^\W\d_]\.)+")


class SpokenToken(NamedTuple):
    """What is spoken by one or more words: a number, a unit, a letter or a word."""

    text: str
    """Lower case; a number in figures, an ordinal number with a full stop after them."""
    start: int
    """Index of its first word."""
    stop: int
    """Index after its last word."""


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
    parts = read_parts(words, numbers)
    found = {number.start: number for number in read_numbers(parts, numbers)}
    tokens: list[SpokenToken] = []
    at = 0
    while at < len(parts):
        number = found.get(at)
        stop = number.stop if number else at + 1
        text = _token(number, parts, numbers) if number else _word(parts[at], numbers)
        tokens.append(SpokenToken(text, parts[at].word, parts[stop - 1].word + 1))
        at = stop
    tokens = _repeat_letters(_join_clock(tokens, numbers), numbers)
    return _join_digits(_join_money(tokens, numbers))


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
    words = _join_clock_words(_split_numbers(text.split(), numbers), numbers)
    parts = read_parts(words, numbers)
    found = read_numbers(parts, numbers)
    out: list[str] = []
    at = 0
    for written, start, stop in _rewritten(words, parts, found, numbers):
        out += [*words[at:start], written]
        at = stop
    return _join_letters(_join_addresses([*out, *words[at:]], numbers))


# --- comparing ------------------------------------------------------------------------------


def _token(number: Number, parts: Sequence[Part], numbers: NumberWords) -> str:
    """Return the token of a number; a point between hours and minutes, or groups, is not spoken."""
    decimals = number.figures.partition(".")[2]
    clock = number.stop < len(parts) and parts[number.stop].text in numbers.clock
    if len(decimals) > MAX_DECIMALS or (clock and len(decimals) == MAX_DECIMALS):
        return number.figures.replace(".", "")
    return number.figures + "." * number.ordinal


def _word(part: Part, numbers: NumberWords) -> str:
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


def _repeat_letters(tokens: list[SpokenToken], numbers: NumberWords) -> list[SpokenToken]:
    """Return tokens with "double", "l" replaced by "l", "l"."""
    out: list[SpokenToken] = []
    for token in tokens:
        if (
            out
            and len(token.text) == 1
            and token.text.isalpha()
            and out[-1].text in numbers.repeated
        ):
            first = out.pop()
            times = numbers.repeated[first.text]
            out += [SpokenToken(token.text, first.start, token.stop)] * times
        else:
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


def _split_numbers(words: Sequence[str], numbers: NumberWords) -> list[str]:
    """Return words with "ten-twenty", which are two numbers, as two words."""
    out: list[str] = []
    for word in words:
        several = "-" in word and len(read_numbers(read_parts([word], numbers), numbers)) > 1
        out += word.replace("-", " ").split() if several else [word]
    return out


def _join_clock_words(words: Sequence[str], numbers: NumberWords) -> list[str]:
    """Return words with "p", "M." after a number joined to "p.m."."""
    out: list[str] = []
    for word in words:
        letters = "".join(each.rstrip(ENDS).lower() for each in (*out[-1:], word))
        if len(out) > 1 and letters in numbers.clock and len(out[-1].rstrip(ENDS)) == 1:
            before = read_parts(out[-2:-1], numbers)
            if any(number.stop == len(before) for number in read_numbers(before, numbers)):
                ending = word[len(word.rstrip(ENDS)) :].lstrip(".")
                out[-1] = _clock(letters).strip() + ending
                continue
        out.append(word)
    return out


def _rewritten(
    words: Sequence[str], parts: Sequence[Part], found: Sequence[Number], numbers: NumberWords
) -> Iterator[tuple[str, int, int]]:
    """Yield what replaces words, with the range of words; ranges do not overlap."""
    done = 0
    index = 0
    while index < len(found):
        run = _run(found, index)
        index += len(run)
        for text, start, stop in _rewrite_run(words, parts, run, numbers):
            if start >= done:
                ending = words[stop - 1][len(words[stop - 1].rstrip(ENDS)) :]
                yield text + ending[text.endswith(".") and ending[:1] == "." :], start, stop
                done = stop


def _run(found: Sequence[Number], index: int) -> list[Number]:
    """Return the numbers from `index` on with nothing between; an ordinal number stands alone."""
    run = [found[index]]
    for number in found[index + 1 :]:
        if number.start != run[-1].stop or number.ordinal or run[-1].ordinal:
            break
        run.append(number)
    return run


def _rewrite_run(
    words: Sequence[str], parts: Sequence[Part], run: Sequence[Number], numbers: NumberWords
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


def _is_large(number: Number) -> bool:
    whole = number.figures.split(".")[0]
    if number.ordinal:
        return int(whole) > 20
    return "." in number.figures or int(whole) >= SMALL_NUMBER


def _beside_month(parts: Sequence[Part], number: Number, numbers: NumberWords) -> bool:
    before = [part.text for part in parts[max(number.start - 2, 0) : number.start]]
    after = [part.text for part in parts[number.stop : number.stop + 2]]
    return bool(numbers.months.intersection([*before[-1:], *after]))


def _beside_large(parts: Sequence[Part], number: Number, numbers: NumberWords) -> bool:
    """Return whether one word later there is a large number: "eight to ten"."""
    after = read_number(parts, number.stop + 1, numbers)
    return after is not None and not after.ordinal and _is_large(after)


def _clock(after: str) -> str:
    """Return "am" as " a.m."."""
    return " " + "".join(f"{letter}." for letter in after)


def _written(number: Number, numbers: NumberWords) -> str:
    """Return a number in figures: "2018", "25,000", "21st"."""
    if number.ordinal:
        ends = [end for end in numbers.endings if number.figures.endswith(end)]
        return number.figures + numbers.endings.get(max(ends, key=len, default=""), "")
    if "." not in number.figures and int(number.figures) >= THOUSANDS_FROM:
        return number.figures if number.figures[0] == "0" else f"{int(number.figures):,}"
    return number.figures


def _amount(
    parts: Sequence[Part], number: Number, sign: str, numbers: NumberWords
) -> Iterator[tuple[str, int, int]]:
    """Yield an amount: "twenty five dollars and fifty cents" becomes "$25.50"."""
    start, stop = parts[number.start].word, number.stop + 1
    text = _written(number, numbers)
    at = stop + (stop < len(parts) and parts[stop].text in numbers.joins)
    small = read_small(parts, at, numbers) if not parts[stop - 1].ends else None
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
        start = _dotted(words, at - 1, -1, dot) + 1
        # "Look at site.com" is no address; "ann dot lee at site.com" is.
        after = "".join(words[at + 1 : at + 2]).rstrip(ENDS)
        site = stop == at + 2 and "." in after and start < at - 1
        if at and (stop > at + 2 or site):
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

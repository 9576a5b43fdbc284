"""Masks card numbers before any other part sees the words.

A card number has 13 to 19 digits (ISO/IEC 7812-1), said one by one, in groups, with pauses and
words between them, or written by the transcriber in any grouping; one misheard digit makes its
check digit useless, so only the count decides.  In a run of digits that has as many, all beyond
the first six are hidden (PCI DSS 3.4 lets the first six be shown).  Until the run is over it cannot
be known how long it will be: then, too, what is beyond the sixth is hidden, also at the end of an
utterance, since the rest may follow in the next one.  A telephone number that is followed by a few
other words stays.

| what                                              | in a run                             |
|---------------------------------------------------|--------------------------------------|
| figures of any script, in any grouping            | their digits                         |
| "four", "forty-one", "double", "niner"            | the digits they stand for            |
| "for", "to", "ate" between single digits          | a digit                              |
| "uh", "okay", "no, sorry", "that's"; punctuation  | nothing: it goes on                  |
| other words                                       | up to `PATIENCE` do not end it       |
| amounts, dates, times of day                      | other words                          |

A word that has as many digits as a card has one in it, whatever else is in it.  A security code is
hidden whole, where the words before it call it one: it may not be kept at all.

A transcriber loses digits, and what is left of a card is then shorter than one.  So where one of
them has just spoken of a card, no more than two digits of any run are shown, and a run of more than
six stays hidden whatever follows.

The hidden digits count as digits, so what is masked can be masked again and stays as it is.

What this cannot do: hide what is left of a card that nobody called one where the transcriber lost
most of it, digits that the transcriber wrote as other words, number words of a language that brings
none (`DIGITS_ALONE`), a card number that is told a few digits at a time with long talk between
them, the digits that a partial word showed before it was known that more follow, nor a security
code that only the other speaker called one.  Nobody should read a card number to a transcriber:
pause listening.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from voicecoach.types.stream import Immutable

HIDDEN_DIGIT = "#"
"""Stands for a digit."""
SHOWN_DIGITS = 6
"""Digits of a card number that may be shown."""
MIN_CARD_DIGITS = 13
"""Digits that a card number has at least."""
SHOWN_DIGITS_OF_CARD = 2
"""Digits of a run that are shown where a card was spoken of."""
MAX_WORDS_IN_RUN = 8
"""Other words that do not end a run: as many as `hang on, let me turn it over to see`."""
MIN_RESUMED_DIGITS = 3
"""Digits that a run has at least that goes on after other words."""
MIN_GLUED_DIGITS = 4
"""Figures that letters may touch and that are a part of a number all the same."""
MAX_CODE_DIGITS = 4
"""Digits of a security code, at most."""
MAX_WORDS_TO_CODE = 5
"""Other words between its name and its digits, at most."""

_NO_CARD = re.compile(r"\d{1,3}(,\d{3}){1,2}(\.\d\d)?|\d{1,2}:\d\d|\d{1,2}/\d{1,2}(/\d\d(\d\d)?)?")
"""Thousands with commas, a time of day, a date: too few digits for a card."""


class NumberWords(Immutable):
    """How numbers are said in a language.

    Parameters
    ----------
    units
        Words for one digit; one after a word of `tens` makes a number of two digits.
    tens
        Words for two digits that a unit may follow: "forty" in "forty one".
    two_digits
        Words for two digits in themselves: "twelve".
    double, triple
        Words that add one digit, and two, to the one that follows.
    alike
        What a transcriber writes for digits.
    between
        Words that do not end a run.
    cards
        Words after which digits are taken for a card's.
    codes
        What a security code is called, in a word or a few.
    """

    def __init__(
        self,
        units: Iterable[str],
        tens: Iterable[str] = (),
        two_digits: Iterable[str] = (),
        double: Iterable[str] = (),
        triple: Iterable[str] = (),
        alike: Iterable[str] = (),
        between: Iterable[str] = (),
        cards: Iterable[str] = (),
        codes: Iterable[str] = (),
    ) -> None:
        self.units, self.tens, self.alike = frozenset(units), frozenset(tens), frozenset(alike)
        self.between, self.cards = frozenset(between), frozenset(cards)
        self.codes = tuple(codes)
        self.digits = dict.fromkeys((*self.units, *double), 1)
        """Digits that a word stands for."""
        self.digits |= dict.fromkeys((*two_digits, *self.tens, *triple), 2)


DIGITS_ALONE = NumberWords(
    units=(),
    cards=("visa", "mastercard", "amex", "maestro"),
    codes=("cvv", "cvc", "cvn", "cvv2", "cvc2"),
)
"""Of a language whose number words are not known: digits, and names that are the same anywhere."""


class DigitRun(NamedTuple):
    """Digits that more may follow."""

    digits: int = 0
    others: int = 0
    """Other words after them."""


class MaskedWords(NamedTuple):
    """Words that may be seen."""

    texts: list[str]
    run: DigitRun
    """What the last of them leaves open."""


class _WordPart(NamedTuple):
    """A part of a word that is figures, or letters."""

    word: int
    start: int
    end: int
    text: str
    """Lower case."""
    digits: int
    """Those that it stands for; -1 where it is another word."""


def names_card(texts: Iterable[str], numbers: NumberWords) -> bool:
    """Return whether words speak of a card."""
    return any(text.lower().strip(".,;:!?'\"") in numbers.cards for text in texts)


def mask_cards(
    texts: Sequence[str],
    numbers: NumberWords,
    run: DigitRun = DigitRun(),  # noqa: B008
    *,
    card: bool = False,
) -> MaskedWords:
    """Return the words with what may be of a card number hidden.

    Parameters
    ----------
    texts
        Successive words of one speaker.
    numbers
        How numbers are said in their language.
    run
        What was open before them.
    card
        A card was spoken of.
    """
    shown, least = (
        (SHOWN_DIGITS_OF_CARD, SHOWN_DIGITS + 1) if card else (SHOWN_DIGITS, MIN_CARD_DIGITS)
    )
    out = [list(text) for text in texts]
    digits, others = run
    own: list[tuple[_WordPart, int]] = []
    """The run's pieces, each with the digits before it."""
    for piece in _word_parts(texts, numbers):
        if piece.digits < 0:
            others += 1
        elif piece.digits and others and digits < MIN_RESUMED_DIGITS:
            digits, others, own = 0, 0, []
        if others > MAX_WORDS_IN_RUN:
            if digits >= least:
                _hide(out, own, shown)
            digits, others, own = 0, 0, []
        if piece.digits > 0:
            own.append((piece, digits))
            digits, others = digits + piece.digits, 0
    _hide(out, own, shown)
    _hide_codes(out, texts, numbers)
    return MaskedWords(
        ["".join(chars) for chars in out], DigitRun(digits, others) if digits else DigitRun()
    )


def count_digits(text: str, numbers: NumberWords) -> int:
    """Return how many digits a word stands for; -1 where it is another word."""
    counts = [piece.digits for piece in _word_parts([text], numbers)]
    return -1 if -1 in counts else sum(counts)


def _hide(out: list[list[str]], run: Sequence[tuple[_WordPart, int]], shown: int) -> None:
    """Hide the digits beyond the first `shown` of a run."""
    for piece, before in run:
        left = max(shown - before, 0)
        if piece.digits <= left:
            continue
        span = slice(piece.start, piece.end)
        chars = out[piece.word][span]
        if not _is_digit(piece.text[0]):
            # A spoken number, of which no part is shown; its characters stay as many.
            hidden = [HIDDEN_DIGIT * piece.digits, *[""] * (len(chars) - 1)]
            out[piece.word][span] = hidden
            continue
        for i, char in enumerate(chars):
            if _is_digit(char):
                left -= 1
                out[piece.word][piece.start + i] = char if left >= 0 else HIDDEN_DIGIT


def _hide_codes(out: list[list[str]], texts: Sequence[str], numbers: NumberWords) -> None:
    """Hide the digits that are called a security code."""
    said, left, away = "", 0, 0
    longest = max(map(len, numbers.codes), default=1)
    for piece in _word_parts(texts, numbers):
        if piece.digits > 0 and left:
            _hide(out, [(piece, 0)], 0)
            left, away = max(left - piece.digits, 0), MAX_WORDS_TO_CODE
        elif piece.digits < 0:
            said = f"{said[-longest:]} {piece.text}"
            away += 1
            if said.endswith(numbers.codes):
                left, away = MAX_CODE_DIGITS, 0
            elif away > MAX_WORDS_TO_CODE:
                left = 0


def _word_parts(texts: Sequence[str], numbers: NumberWords) -> Iterator[_WordPart]:
    """Yield the pieces of words; what only stands between two is none."""
    found = [piece for word, text in enumerate(texts) for piece in _split(word, text, numbers)]
    for i, piece in enumerate(found):
        before = found[i - 1] if i else None
        after = found[i + 1] if i + 1 < len(found) else None
        if (
            piece.text in numbers.tens
            and after
            and (after.text in numbers.units or after.text == HIDDEN_DIGIT)
        ):
            piece = piece._replace(digits=1)  # "forty-one" has two
        elif (
            piece.text in numbers.alike
            and (before and before.digits == 1)
            and (not after or after.digits > 0)
        ):
            piece = piece._replace(digits=1)
        found[i] = piece
        yield piece


def _split(word: int, text: str, numbers: NumberWords) -> Iterator[_WordPart]:
    count = sum(map(_is_digit, text))
    if count >= MIN_CARD_DIGITS:
        yield _WordPart(word, 0, len(text), HIDDEN_DIGIT + text.lower(), count)
        return
    bare = text.strip(" \t.,;:!?()\"'")
    if any(unicodedata.category(c) == "Sc" or c == "%" for c in text) or _NO_CARD.fullmatch(bare):
        yield _WordPart(word, 0, len(text), bare.lower(), -1)
        return
    at, glued = 0, any(_char_kind(c) == "letters" for c in text)
    for kind, chars in groupby(text, _char_kind):
        part = "".join(chars)
        start, at = at, at + len(part)
        lower = part.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").strip("'")
        if kind == "digits":
            # Few figures beside letters are an ordinal, a code, a time.
            yield _WordPart(
                word, start, at, part, -1 if glued and len(part) < MIN_GLUED_DIGITS else len(part)
            )
        elif kind == "letters" and lower and lower not in numbers.between:
            yield _WordPart(word, start, at, lower, numbers.digits.get(lower, -1))


def _char_kind(char: str) -> str:
    if _is_digit(char):
        return "digits"
    return "letters" if char.isalpha() or char in "'\N{RIGHT SINGLE QUOTATION MARK}" else ""


def _is_digit(char: str) -> bool:
    """Return whether a character is a digit, hidden, raised, of whatever script."""
    return char == HIDDEN_DIGIT or unicodedata.numeric(char, -1) in range(10)

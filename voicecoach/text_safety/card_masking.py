"""Masks card numbers before any other part sees the words.

A card number has 13 to 19 digits (ISO/IEC 7812-1).  It may be said digit by digit or in groups,
with pauses and words in between, and the transcriber may write it in any grouping.  One misheard
digit breaks the check digit, so only the number of digits decides.  In a run of at least 13 digits
all but the first six are hidden (PCI DSS 3.4 allows the first six to be shown).  While a run may
still continue, digits beyond the sixth are hidden too, even at the end of an utterance, since the
rest may follow in the next one.  A telephone number followed by a few other words stays visible.

| what                                              | in a run                                  |
|---------------------------------------------------|-------------------------------------------|
| figures of any script, in any grouping            | count as their digits                     |
| "four", "forty-one", "double", "niner"            | count as the digits they stand for        |
| "for", "to", "ate" between single digits          | count as one digit                        |
| "uh", "okay", "no, sorry", "that's"; punctuation  | are ignored                               |
| other words                                       | end it after more than `MAX_WORDS_IN_RUN` |
| amounts, dates, times of day                      | count as other words                      |

A single word with as many digits as a card is masked, whatever else it contains.  A security code
must not be kept at all, so it is hidden whole if the words before it name it.

Transcribers lose digits, so a card number may come out too short.  Therefore, if either speaker has
just mentioned a card, at most two digits of any run are shown, and a run of more than six digits
stays hidden whatever follows.

Hidden digits count as digits, so masking masked text changes nothing.

Limits: these are not hidden:

- the rest of a card number that nobody called a card, if the transcriber lost most of its digits;
- digits that the transcriber wrote as other words;
- number words of a language without number tables (`DIGITS_ALONE`);
- a card number said a few digits at a time with long talk in between;
- digits that a partial word showed before it was known that more follow;
- a security code that only the other speaker named.

Pause listening before anybody reads out a card number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from voicecoach.types.stream import Immutable

HIDDEN_DIGIT = "#"
"""Character that replaces a hidden digit."""
SHOWN_DIGITS = 6
"""Most digits of a card number that are shown."""
MIN_CARD_DIGITS = 13
"""Fewest digits of a card number."""
SHOWN_DIGITS_OF_CARD = 2
"""Most digits of a run that are shown after a card was mentioned."""
MAX_WORDS_IN_RUN = 8
"""Most other words inside a run, as in "hang on, let me turn it over to see"."""
MIN_RESUMED_DIGITS = 3
"""Fewest digits that a run needs before other words to continue after them."""
MIN_GLUED_DIGITS = 4
"""Fewest figures in a row that count as digits although letters touch them."""
MAX_CODE_DIGITS = 4
"""Most digits of a security code."""
MAX_WORDS_TO_CODE = 5
"""Most other words between the name of a security code and its digits."""

_NO_CARD = re.compile(r"\d{1,3}(,\d{3}){1,2}(\.\d\d)?|\d{1,2}:\d\d|\d{1,2}/\d{1,2}(/\d\d(\d\d)?)?")
"""Matches numbers that are not cards: thousands with commas, times of day, dates."""


class NumberWords(Immutable):
    """The number words of a language.

    Parameters
    ----------
    units
        Words for one digit; one after a word of `tens` makes a number of two digits.
    tens
        Words for two digits that a unit may follow: "forty" in "forty one".
    two_digits
        Words for two digits that no unit follows: "twelve".
    double, triple
        Words that double or triple the digit that follows (they count as one or two digits).
    alike
        Words that a transcriber writes in place of digits: "for".
    between
        Words that do not end a run.
    cards
        Words for a payment card; digits after one are treated as a card number.
    codes
        Names of a security code, of one or more words.
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
        """Number of digits that each word stands for."""
        self.digits |= dict.fromkeys((*two_digits, *self.tens, *triple), 2)


DIGITS_ALONE = NumberWords(
    units=(),
    cards=("visa", "mastercard", "amex", "maestro"),
    codes=("cvv", "cvc", "cvn", "cvv2", "cvc2"),
)
"""For a language without number words: figures only, and names that are the same everywhere."""


class DigitRun(NamedTuple):
    """A run of digits that may continue."""

    digits: int = 0
    others: int = 0
    """Number of other words after the digits."""


class MaskedWords(NamedTuple):
    """Words with card numbers hidden."""

    texts: list[str]
    run: DigitRun
    """The run that is still open after the last word."""


class _WordPart(NamedTuple):
    """A part of a word: figures or letters."""

    word: int
    start: int
    end: int
    text: str
    """Lower case."""
    digits: int
    """Number of digits that it stands for; -1 if it is another word."""


def names_card(texts: Iterable[str], numbers: NumberWords) -> bool:
    """Return whether words mention a payment card."""
    return any(text.lower().strip(".,;:!?'\"") in numbers.cards for text in texts)


def mask_cards(
    texts: Sequence[str],
    numbers: NumberWords,
    run: DigitRun = DigitRun(),  # noqa: B008
    *,
    card: bool = False,
) -> MaskedWords:
    """Return the words with digits hidden that may belong to a card number.

    Parameters
    ----------
    texts
        Successive words of one speaker.
    numbers
        Number words of their language.
    run
        The run that was open before them.
    card
        Whether a card was mentioned recently.
    """
    shown, least = (
        (SHOWN_DIGITS_OF_CARD, SHOWN_DIGITS + 1) if card else (SHOWN_DIGITS, MIN_CARD_DIGITS)
    )
    out = [list(text) for text in texts]
    digits, others = run
    own: list[tuple[_WordPart, int]] = []
    """The parts of the run, each with the number of digits before it."""
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
    """Return the number of digits that a word stands for; -1 if it is another word."""
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
            # A spoken number is hidden whole; `chars` keeps its length.
            hidden = [HIDDEN_DIGIT * piece.digits, *[""] * (len(chars) - 1)]
            out[piece.word][span] = hidden
            continue
        for i, char in enumerate(chars):
            if _is_digit(char):
                left -= 1
                out[piece.word][piece.start + i] = char if left >= 0 else HIDDEN_DIGIT


def _hide_codes(out: list[list[str]], texts: Sequence[str], numbers: NumberWords) -> None:
    """Hide the digits of a security code that is named before them."""
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
    """Yield the parts of words, without the characters between them."""
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
            # A few figures beside letters are an ordinal, a code or a time.
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
    """Return whether a character is a digit of any script, a superscript digit, or hidden."""
    return char == HIDDEN_DIGIT or unicodedata.numeric(char, -1) in range(10)

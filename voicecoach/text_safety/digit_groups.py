"""Groups of digits in an utterance, chains of such groups, and what they look like."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence

from voicecoach.text_safety.spoken_numbers import (
    HIDDEN_DIGIT,
    MIN_CARD_DIGITS,
    NumberWords,
    Piece,
    find_numbers,
    is_digit,
)
from voicecoach.types.stream import Speaker

MAX_CARD_DIGITS = 19
"""Most digits of a card number."""
MIN_CALLED_DIGITS, MAX_CALLED_DIGITS = 11, 15
"""Fewest and most digits of a telephone number with 00 and a country code (E.164).

One that begins with 0 or 1 has as many as the fewest, or one less.
"""
MAX_DATE_DIGITS = 6
"""Most digits beside the name of a month that are a date."""
MAX_QUESTION_WORDS = 16
"""Most words of a question for an ordinary number."""
MIN_CHAIN_DIGITS = MIN_CARD_DIGITS - 1
"""Fewest digits of a chain that is a card number: transcribers lose digits."""
MIN_PENDING_DIGITS = 4
"""Fewest digits of an open chain that the next ones may continue, whatever they are called."""
MAX_ASKED_SMALL = 2
"""Most digits in a chain after a card number was asked for that are none of it."""
MIN_REPEATED_DIGITS = 3
"""Fewest digits that one speaker can repeat of the other's."""
MIN_OWN_REPEATED_DIGITS = 6
"""Fewest digits of their own that a speaker can repeat."""
MIN_OWN_REPEATED_KINDS = 3
"""Fewest different digits among them: "000000" twice is no repetition."""
MAX_SHORT_NUMBERS = 2
"""Most of the other speaker's numbers of one or two digits that it does not continue."""
MIN_PIECES_DIGITS = 7
"""Fewest digits in several utterances of little but digits that are a card number."""
MAX_WORDS_OF_PIECE = 3
"""Most other words of such an utterance."""
APART = ("money", "date", "time")
"""Forms of which a number is not of a group with those of other forms."""


class Group:
    """Digits with nothing but words like "uh" between them."""

    def __init__(self, pieces: Sequence[Piece], first: int, last: int) -> None:
        self.pieces = [piece for piece in pieces[first:last] if piece.digits]
        self.first, self.last = first, last
        """Its pieces in the utterance, from and to."""
        self.value = "".join(piece.digits for piece in self.pieces)
        self.forms = {piece.form for piece in self.pieces}
        self.formatted = "" not in self.forms
        """It is written as amounts, times or the like."""
        self.shown = len(self.value)
        """How many of its digits are shown."""
        self.before = words_before(pieces, first)
        """The words between the digits before it and it."""
        self.named = False
        """It is called something else than a card."""
        self.never = False
        """None is shown, whatever follows."""
        self.forgotten = False
        """Its utterance is not kept: it stays as it was given."""

    def __len__(self) -> int:
        return len(self.value)

    @property
    def is_ordinal(self) -> bool:
        """Whether it is one or two figures that letters touch: "4th", "9am"."""
        return self.forms == {"glued"} and len(self) <= 2


class HeardUtterance:
    """An utterance as transcribed."""

    def __init__(
        self,
        speaker: Speaker,
        number: int,
        start: int,
        end: int,
        complete: bool,
        texts: Sequence[str],
        numbers: NumberWords,
    ) -> None:
        self.speaker, self.number, self.start, self.end = speaker, number, start, end
        self.complete, self.texts = complete, texts
        self.masked: list[str] = []
        """The words as they were given to others last."""
        self.pieces = find_numbers(texts, numbers)
        self.groups = list(_find_groups(self.pieces, numbers))
        self.other_words = sum(not p.digits and p.text not in numbers.between for p in self.pieces)
        spoken = " ".join(piece.text for piece in self.pieces)
        for phrase in numbers.no_cards:
            spoken = f" {spoken} ".replace(f" {phrase} ", " ").replace(f" {phrase}s ", " ").strip()
        words = set(spoken.split())
        self.names_card = has_phrase(spoken, numbers.cards)
        self.asks = has_phrase(spoken, numbers.asks) or (
            self.names_card and not words.isdisjoint(numbers.card_digits)
        )
        """Whether a card number is asked for, or announced."""
        self.asks_other = (
            not (self.asks or self.names_card or self.groups)
            and len(self.pieces) <= MAX_QUESTION_WORDS
            and any(f"{name} " in f" {spoken} " for name in numbers.names)
        )
        """Whether it may be a question for an ordinary number."""

    def mask(self) -> list[str]:
        """Return the words with the digits hidden that are not shown."""
        out = [list(text) for text in self.texts]
        for group in self.groups:
            left = group.shown
            for piece in group.pieces:
                _hide(out[piece.word], piece, left)
                left = max(left - len(piece.digits), 0)
        return ["".join(chars) for chars in out]


class Chain:
    """Groups of digits that may be of one card number."""

    def __init__(self) -> None:
        self.groups: list[tuple[Group, int, int]] = []
        """Each with its place in the chain, and how many digits of the chain it may show."""
        self.value = ""
        self.start = self.end = 0
        """Samples."""
        self.least = MIN_CHAIN_DIGITS
        """Fewest digits with which it is a card number."""
        self.asked = False
        """A card number was asked for: more than `MAX_ASKED_SMALL` digits are one."""
        self.newest: HeardUtterance | None = None
        """The utterance of its newest group."""
        self._pieces: dict[tuple[Speaker, int], int] = {}
        """Digits of each utterance that is little but digits."""
        self._rows = ""
        """Who said each digit: the row of the speaker."""

    def copy(self) -> Chain:
        """Return a copy to go on with, without the groups that are not kept."""
        other = copy.copy(self)
        other.groups = [entry for entry in self.groups if not entry[0].forgotten]
        other._pieces = self._pieces.copy()
        return other

    def add(self, group: Group, said: HeardUtterance, limit: int) -> None:
        """Add a group that shows no digit of the chain beyond its `limit`-th while it is open."""
        self.start = self.start if self.value else said.start
        self.end = max(self.end, said.end)
        place = self._place_of_original(group, said.speaker)
        if place < 0:
            place = len(self.value)
            self.value += group.value
            self._rows += str(said.speaker.row) * len(group)
            if len(group) >= MIN_REPEATED_DIGITS and said.other_words <= MAX_WORDS_OF_PIECE:
                key = said.speaker, said.number
                self._pieces[key] = self._pieces.get(key, 0) + len(group)
        self.groups.append((group, place, limit))
        self.newest = said

    @property
    def is_card(self) -> bool:
        """Whether it has the digits of a card number, or of what is left of one.

        Transcribers lose digits of a number that is said in pieces: several utterances that are
        little but digits are one, however short.
        """
        if len(self._pieces) > 1 and sum(self._pieces.values()) >= MIN_PIECES_DIGITS:
            return True
        return len(self.value) >= (MAX_ASKED_SMALL + 1 if self.asked else self.least)

    @property
    def is_pending(self) -> bool:
        """Whether the next digits may continue it, whatever they are called."""
        return len(self.value) >= MIN_PENDING_DIGITS

    def settle(self, *, over: bool) -> None:
        """Decide how many digits each group shows; `over`: no digit follows."""
        no_card = over and not self.is_card
        for group, place, limit in self.groups:
            shown = len(group) if no_card else min(max(limit - place, 0), len(group))
            group.shown = 0 if group.never and not (self.asked and no_card) else shown

    def is_short_and_of(self, speaker: Speaker) -> bool:
        """Return whether the chain is one or two small numbers of a speaker, as in "18 and 10"."""
        few = [spoken_numbers(group) for group, _, _ in self.groups]
        return (
            not self._rows.strip(str(speaker.row))
            and sum(map(len, few)) <= MAX_SHORT_NUMBERS
            and all(len(number) <= 2 for numbers in few for number in numbers)
        )

    def _place_of_original(self, group: Group, speaker: Speaker) -> int:
        """Return the place of the digits that a group repeats, or -1."""
        n, place = len(group), self.value.find(group.value)
        begun = {start for _, start, _ in self.groups}
        repeats = n >= MIN_OWN_REPEATED_DIGITS and len({*group.value}) >= MIN_OWN_REPEATED_KINDS
        while n >= MIN_REPEATED_DIGITS and place >= 0:
            own = repeats and place in begun
            if own or str(speaker.row) not in self._rows[place : place + n]:
                return place
            place = self.value.find(group.value, place + 1)
        return -1


def are_years(group: Group) -> bool:
    """Return whether a group is years from 1900 to 2099, in four digits each."""
    value = group.value
    chunks = [value[i : i + 4] for i in range(0, len(value), 4)]
    return {p.form for p in group.pieces} == {""} and all(
        chunk.isdecimal() and 1900 <= int(chunk) < 2100 for chunk in chunks
    )


def is_date(group: Group) -> bool:
    """Return whether digits beside a month are a day, a year, or both."""
    day = group.value[:-4] if len(group) > 2 else group.value
    year = group.value[-4:] if len(group) > 2 else "2000"
    known = group.value.isdecimal() and len(group) <= MAX_DATE_DIGITS
    return known and int(day or "1") <= 31 and 1900 <= int(year) < 2100


def is_date_in_figures(group: Group) -> bool:
    """Return whether digits are a day, a month and a year: "9 6 27", "26 12 2026"."""
    found = spoken_numbers(group)
    if len(found) == 4 and found[2] in ("19", "20"):
        found = [*found[:2], found[2] + found[3]]
    if len(found) != 3 or not all(number.isdecimal() for number in found):
        return False
    first, second, year = map(int, found)
    days = 1 <= min(first, second) <= 12 and max(first, second) <= 31
    return days and len(found[2]) in (2, 4) and (len(found[2]) == 2 or 1900 <= year < 2100)


def are_times(group: Group) -> bool:
    """Return whether a group is hours, each with minutes or without."""
    hour = ""
    for number in spoken_numbers(group):
        for digits in (number[:-2], number[-2:]) if len(number) > 2 else (number,):
            if not digits.isdecimal() or int(digits) > (59 if hour else 24):
                return False
            if hour and len(digits) != 2:
                return False
            hour = "" if hour else digits
    return not hour or int(hour) <= 12


def spoken_numbers(group: Group) -> list[str]:
    """Return the digits of a group by number: "twenty" and "six" are one, so are "oh" and "six"."""
    found: list[str] = []
    open_ = False
    for piece in group.pieces:
        value = piece.digits
        if open_ and len(value) == 1:
            found[-1] += value
            open_ = False
            continue
        found.append(value)
        open_ = len(value) == 1 and (value == "0" or (piece.text[0].isalpha() and piece.tens))
    return found


def may_be_card(value: str) -> bool:
    """Return whether digits have the length, the first digit and the check digit of a card."""
    if not (MIN_CARD_DIGITS <= len(value) <= MAX_CARD_DIGITS and value.isdecimal()):
        return False
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(value))]
    return value[0] in "23456" and sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def is_telephone_number(value: str) -> bool:
    """Return whether digits are a telephone number with its first 0, 00 or 1: no card has one."""
    if value[:2] == "00":
        return MIN_CALLED_DIGITS <= len(value) <= MAX_CALLED_DIGITS and value[2:3] != "0"
    return value[:1] in ("0", "1") and len(value) in (MIN_CALLED_DIGITS - 1, MIN_CALLED_DIGITS)


def words_before(pieces: Sequence[Piece], first: int) -> list[str]:
    """Return the words between the digits before a group and the group."""
    start = first
    while start > 0 and not pieces[start - 1].digits:
        start -= 1
    return [piece.text for piece in pieces[start:first]]


def has_phrase(spoken: str, phrases: Iterable[str]) -> bool:
    """Return whether one of the phrases is in words that are joined by spaces."""
    return any(f" {phrase} " in f" {spoken} " for phrase in phrases)


def _find_groups(pieces: Sequence[Piece], numbers: NumberWords) -> Iterator[Group]:
    first, last = -1, -1
    for i, piece in enumerate(pieces):
        if piece.digits:
            other_form = first >= 0 and piece.form != pieces[last - 1].form
            if other_form and (piece.form in APART or pieces[last - 1].form in APART):
                yield Group(pieces, first, last)
                first = -1
            first, last = (i if first < 0 else first), i + 1
        elif first >= 0 and piece.text not in numbers.between:
            yield Group(pieces, first, last)
            first = -1
    if first >= 0:
        yield Group(pieces, first, last)


def _hide(chars: list[str], piece: Piece, left: int) -> None:
    """Hide the digits of a piece beyond the first `left`."""
    if len(piece.digits) <= left:
        return
    span = range(piece.start, piece.end)
    if not any(is_digit(chars[i][:1] or " ") for i in span):
        # A spoken number is hidden whole; `chars` keeps its length.
        chars[piece.start : piece.end] = [HIDDEN_DIGIT * len(piece.digits), *[""] * (len(span) - 1)]
        return
    for i in span:
        if is_digit(chars[i]):
            left -= 1
            chars[i] = chars[i] if left >= 0 else HIDDEN_DIGIT

"""Hides card numbers and security codes before any other part sees the words.

A card number has 13 to 19 digits (ISO/IEC 7812-1).  People say it in pieces, with talk between
them, in one utterance or in many, and the agent may read out some of it.  Recognisers write it in
any grouping, as amounts, times or dates, and lose or mishear digits, so its check digit decides
nothing.  Therefore `DigitMasker` looks at the digits of both speakers together:

1. Digits with only words like "uh" and "then" between them form a *group*.
2. What stands beside a group may say what it is: a year, an amount, a time, an order number.  Such
   a group is *ordinary*: it is shown, and counts for nothing.
3. All other groups form a *chain*, over utterances and speakers, until no digit has followed for
   `CHAIN_PAUSE`.  While it is open, a chain shows its first `SHOWN_DIGITS`, and of amounts, times
   and dates those up to its sixth (PCI DSS 3.4 lets six be shown).
4. A chain with `MIN_CHAIN_DIGITS` is a card number, and so are `MIN_PIECES_DIGITS` in several
   utterances of little but digits.  It stays hidden.  A chain that ends with fewer was no card
   number: `decide` returns its words with all their digits, and whoever says them again says an
   ordinary number.
5. After a card was mentioned ("Visa") a chain shows no digit while it is open, and is a card number
   from `MIN_DIGITS_OF_CARD` on.  After its number was asked for, or where it is announced ("my Visa
   is"), only ordinary groups are shown, then or later, and chains of up to `MAX_ASKED_SMALL`.
6. A security code is hidden whole, whoever names it, before or after it, and when it is repeated.

A digit that was shown is not hidden again, so digits are shown late: in an utterance that may go
on, not before `DECIDING_WORDS` words have followed.  Digits of a chain that are repeated count
once, and the repetition shows the digits that the original shows.

Limits: these are not hidden:

- digits of a card number that are the same as six or more of it before them, that look like a year
  in a sentence of their own, or a "one" that begins a sentence like "one moment";
- the rest of a card number that nobody called a card, if the transcriber lost many of its digits;
- digits that the transcriber wrote as other words;
- number words of a language without number tables (`DIGITS_ALONE`);
- a card number that is called something else ("my order number is"), if it comes in pieces.

Pause listening before anybody reads out a card number.
"""

from __future__ import annotations

import bisect
import copy
import math
from collections.abc import Sequence

from voicecoach.text_safety.digit_groups import (
    MIN_CHAIN_DIGITS,
    MIN_REPEATED_DIGITS,
    Chain,
    Group,
    HeardUtterance,
    has_phrase,
)
from voicecoach.text_safety.ordinary_numbers import DECIDING_WORDS, REPLY_WINDOW, OrdinaryNumbers
from voicecoach.text_safety.spoken_numbers import HIDDEN_DIGIT, MIN_CARD_DIGITS, NumberWords
from voicecoach.types.events import DigitsShown
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Speaker

SHOWN_DIGITS = 3
"""Most digits of a chain that are shown while it is open."""
SHOWN_FORMATTED_DIGITS = 6
"""Place in a chain up to which amounts, times and dates are shown while it is open."""
MIN_DIGITS_OF_CARD = 7
"""Fewest digits of a chain that is a card number after a card was mentioned."""
CHAIN_PAUSE = 120 * SAMPLE_RATE
"""A chain ends when no digit has followed its last for this long, samples."""
CARD_WINDOW = 120 * SAMPLE_RATE
"""Time after a card was mentioned, or its last digits, in which its digits may come, samples."""
ASKED_WINDOW = 150 * SAMPLE_RATE
"""The same after its number was asked for, or two or more digits that followed; samples."""
CODE_WINDOW = 120 * SAMPLE_RATE
"""Time in which a security code follows an utterance that named it, samples."""
MAX_WORDS_BEFORE = {1: 4, 2: 25}
"""Most other words before a group of one digit, of two, to be of the chain; more digits: any."""
MAX_WORDS_BEFORE_NEAR_CARD = 30
"""The same, of both speakers, after a card was mentioned or its number asked for."""
MAX_CODE_DIGITS = 4
"""Most digits of a security code."""
MAX_WORDS_TO_CODE = 20
"""Most other words between the name of a security code and its digits."""
MAX_WORDS_IN_CODE = 2
"""Most other words between the digits of a security code."""
MAX_WORDS_TO_CODE_NAME = 6
"""Most other words between the digits of a security code and its name after them."""
MAX_WORDS_AFTER_CARD = 4
"""Most words of the other speaker between 13 digits and one or two more that belong to them."""
MIN_LONG_DIGITS = 10
"""Fewest digits of a group that continues no small number of the other speaker and no amount."""
MIN_CODE_DIGITS = 3
"""Fewest digits of a security code that is named after them, or is known when it is repeated."""
MAX_WORDS_TO_ANNOUNCED = 4
"""Most words before digits in which a word for a card announces its number."""
MAX_UTTERANCES = 64
"""Most utterances kept for a chain that is open; what is older stays as it was given."""


class DigitMasker:
    """Hides the digits of both speakers that are, or may be, a card's.

    Parameters
    ----------
    numbers
        How numbers are spoken in the language of the call.
    """

    def __init__(self, numbers: NumberWords) -> None:
        self._numbers = numbers
        self._utterances: list[HeardUtterance] = []
        """Those that are not decided, in the order in which they began."""
        self._judges = [_Judge(numbers)]
        """What was judged before each of them, and after the last."""
        self._chain = Chain()
        """The newest chain."""
        self._shown: list[DigitsShown] = []
        """Digits that are to be shown."""

    def add(
        self,
        speaker: Speaker,
        utterance: int,
        texts: Sequence[str],
        start: int,
        end: int,
        *,
        complete: bool,
    ) -> None:
        """Add the words of an utterance so far; they replace those that were added before.

        Parameters
        ----------
        speaker, utterance
            Who says it, and its number.
        texts
            All its words so far.
        start, end
            Of its audio so far, samples.
        complete
            Whether its audio ended in silence.
        """
        at = self._find(speaker, utterance)
        if at is not None:
            start = self._utterances.pop(at).start
        said = HeardUtterance(speaker, utterance, start, end, complete, texts, self._numbers)
        if at is None:
            at = bisect.bisect(self._utterances, (start, speaker.row), key=_order)
        self._utterances.insert(at, said)
        self._judge_from(at)
        self._forget(end, said)

    def masked(self, speaker: Speaker, utterance: int) -> list[str]:
        """Return the words of an utterance with digits hidden, as they are judged now."""
        at = self._find(speaker, utterance)
        if at is None:
            raise KeyError(f"utterance {utterance} of the {speaker} is not kept")
        said = self._utterances[at]
        said.masked = said.mask()
        return said.masked

    def decide(self, now: int | None) -> list[DigitsShown]:
        """Return the words whose digits turn out to be no card's at stream index `now`.

        With None the call is over: nothing follows.
        """
        if now is None or (self._chain.value and now >= self._chain.end + CHAIN_PAUSE):
            self._chain.settle(over=True)
            for said in self._utterances:
                self._show(said, now)
            self._chain = Chain()
        shown, self._shown = self._shown, []
        return shown

    def _show(self, said: HeardUtterance, now: int | None) -> None:
        """Show the digits of an utterance that are hidden and need not be."""
        old, new = said.masked, said.mask()
        if not said.complete or len(old) != len(new):
            return
        said.masked = new
        self._shown += [
            DigitsShown(
                at=max(said.end, now or 0),
                speaker=said.speaker,
                utterance=said.number,
                index=i,
                text=text,
            )
            for i, (text, before) in enumerate(zip(new, old, strict=True))
            if text.count(HIDDEN_DIGIT) < before.count(HIDDEN_DIGIT)
        ]

    def _find(self, speaker: Speaker, utterance: int) -> int | None:
        """Return the place of an utterance among those that are kept."""
        kept = [(said.speaker, said.number) for said in self._utterances]
        return kept.index((speaker, utterance)) if (speaker, utterance) in kept else None

    def _judge_from(self, at: int) -> None:
        """Judge the utterances anew from a place on."""
        del self._judges[at + 1 :]
        for said in self._utterances[at:]:
            judge = self._judges[-1].copy()
            judge.add_utterance(said)
            self._judges.append(judge)
        self._chain = self._judges[-1].chain
        self._chain.settle(over=False)

    def _forget(self, now: int, newest: HeardUtterance) -> None:
        """Forget the words of utterances whose digits are decided, not what they said of others."""
        since = min(now, self._chain.start if self._chain.value else now)
        many = len(self._utterances) - MAX_UTTERANCES
        gone = 0
        for said in self._utterances:
            decided = said.complete and said.end < since
            if said is newest or not (decided or gone < many):
                break
            self._show(said, now)
            for group in said.groups:
                group.forgotten = True
            gone += 1
        del self._utterances[:gone], self._judges[:gone]


def hide_digits(texts: Sequence[str], numbers: NumberWords) -> list[str]:
    """Return the words of an utterance with all digits hidden."""
    said = HeardUtterance(SPEAKERS[0], 0, 0, 0, True, texts, numbers)
    for group in said.groups:
        group.shown = 0
    return said.mask()


def mentions_card(texts: Sequence[str], numbers: NumberWords) -> bool:
    """Return whether an utterance mentions a card or a security code, or asks for their digits."""
    said = HeardUtterance(SPEAKERS[0], 0, 0, 0, True, texts, numbers)
    spoken = " ".join(piece.text for piece in said.pieces)
    code = any(f"{name} " in f" {spoken} " for name in numbers.codes)
    return said.asks or said.names_card or code


def _order(said: HeardUtterance) -> tuple[int, int]:
    return said.start, said.speaker.row


class _Judge:
    """Judges the digits of utterances, in the order in which they began."""

    def __init__(self, numbers: NumberWords) -> None:
        self._numbers = numbers
        self.chain = Chain()
        """The newest chain."""
        self._words = dict.fromkeys(SPEAKERS, 0)
        """Other words of each speaker since the chain's last digit."""
        self._card_until = self._asked_until = -1
        """Up to when digits may be of a card that was mentioned, or whose number was asked for."""
        self._ordinary = OrdinaryNumbers(numbers)
        self._codes = set[str]()
        """The security codes so far."""
        self._code_namer: Speaker | None = None
        self._code_until = -1
        """Up to when a security code may follow that an earlier utterance named."""
        self._code_left, self._code_words = 0, 0.0
        """How many digits of a security code may follow, and the words since its name or digits."""

    def copy(self) -> _Judge:
        """Return a copy to go on with; this one stays, to judge later utterances anew from it."""
        other = copy.copy(self)
        other.chain, other._ordinary = self.chain.copy(), self._ordinary.copy()
        other._words, other._codes = self._words.copy(), self._codes.copy()
        return other

    def add_utterance(self, said: HeardUtterance) -> None:
        """Judge the groups of an utterance; this may change how earlier ones are judged."""
        speaker, numbers = said.speaker, self._numbers
        if said.start > self.chain.end + CHAIN_PAUSE:
            self._end_chain()
        near = bool(self.chain.value) and said.start < self.chain.end + REPLY_WINDOW
        if said.asks:
            self._asked_until = max(self._asked_until, said.end + ASKED_WINDOW)
            if near and len(self.chain.value) >= MIN_REPEATED_DIGITS:
                self.chain.asked = True
        if said.names_card:
            self._card_until = max(self._card_until, said.end + CARD_WINDOW)
            if near:
                self.chain.least = min(self.chain.least, MIN_DIGITS_OF_CARD)
        self._code_left = MAX_CODE_DIGITS if said.start <= self._code_until else 0
        self._code_words = 0 if speaker is self._code_namer else -math.inf
        self._ordinary.begin_utterance(said)
        ends = iter([*said.groups, None])
        group, at, last, spoken = next(ends), 0, 0, ""
        while at < len(said.pieces):
            if group and at == group.first:
                self._add_group(group, said)
                last, group = group.last, next(ends)
            piece = said.pieces[at]
            if at >= last:
                self._words[speaker] += piece.text not in numbers.between
                self._code_words += 1
            spoken += f" {piece.text}"
            if spoken.endswith(numbers.codes):
                self._name_code(said, at)
            at += 1
        self._ordinary.end_utterance(said)

    def _name_code(self, said: HeardUtterance, at: int) -> None:
        """Hide the digits around a piece that names a security code."""
        self._code_left, self._code_words, self._code_namer = MAX_CODE_DIGITS, 0, said.speaker
        self._code_until = said.end + CODE_WINDOW
        for group in said.groups:
            near = 0 <= at - group.last <= MAX_WORDS_TO_CODE_NAME and not group.named
            group.never |= near and MIN_CODE_DIGITS <= len(group) <= MAX_CODE_DIGITS
            if group.never:
                group.shown = 0

    def _add_group(self, group: Group, said: HeardUtterance) -> None:
        asked, card = said.start <= self._asked_until, said.start <= self._card_until
        code = bool(self._code_left) and self._code_words <= MAX_WORDS_TO_CODE
        ordinary, chain = self._ordinary, self.chain
        group.never, group.shown = False, len(group)
        group.named = ordinary.is_named(group, said, chain, card=card or asked, code=code)
        if self._is_code(group, said, code=code):
            self._add_code(group, said)
            return
        kind = (
            "ordinary" if group.named else ordinary.kind(group, said, chain, card=card, asked=asked)
        )
        if said.names_card:
            announced = " ".join(group.before[-MAX_WORDS_TO_ANNOUNCED:])
            asked |= has_phrase(announced, self._numbers.cards)
        if kind == "ordinary" or (not asked and ordinary.continues_list(group, chain, card=card)):
            ordinary.add(group, said)
        elif asked or card or not self._is_apart(group, said.speaker):
            self._add_to_chain(group, said, kind, card=card, asked=asked)

    def _is_code(self, group: Group, said: HeardUtterance, *, code: bool) -> bool:
        """Return whether a group is a security code; `code`: one was named."""
        if group.value in self._codes:
            return True
        if not code or group.named or group.forms == {"date"}:  # "07/28 and 045"
            return False
        return self._ordinary.kind(group, said, self.chain, card=True, asked=True) != "ordinary"

    def _add_code(self, group: Group, said: HeardUtterance) -> None:
        group.never, group.shown = True, 0
        if len(group) >= MIN_CODE_DIGITS:
            self._codes.add(group.value)
        if self.chain.value:
            self.chain.add(group, said, 0)  # it may be more of a card number
        left = max(self._code_left - len(group), 0)
        self._code_words = MAX_WORDS_TO_CODE - MAX_WORDS_IN_CODE
        if left < MIN_CODE_DIGITS - 1:
            self._code_until = -1
        if said.speaker is self._code_namer:
            self._code_left = left  # an answer may begin with the date of expiry

    def _add_to_chain(
        self, group: Group, said: HeardUtterance, kind: str, *, card: bool, asked: bool
    ) -> None:
        if self._begins_chain(group, said) or self._is_apart(group, said.speaker):
            self._end_chain()
        lone = len(group) == 1 and not self.chain.value and not asked
        open_ = not said.complete and len(said.pieces) - group.last < DECIDING_WORDS
        limit = SHOWN_FORMATTED_DIGITS if kind == "formatted" else SHOWN_DIGITS
        if lone:
            limit = 1  # "number 3 in the queue"
        elif card or open_:
            limit = 0
        group.never = asked
        if asked:
            self.chain.asked = True
            if len(group) > 1:
                self._asked_until = max(self._asked_until, said.end + ASKED_WINDOW)
        elif card and not lone:
            self.chain.least = min(self.chain.least, MIN_DIGITS_OF_CARD)
            self._card_until = max(self._card_until, said.end + CARD_WINDOW)
        self.chain.add(group, said, limit)
        self._words = dict.fromkeys(SPEAKERS, 0)

    def _end_chain(self) -> None:
        self.chain.settle(over=True)
        if not self.chain.is_card:
            self._ordinary.know(self.chain.value)
        self.chain, self._words = Chain(), dict.fromkeys(SPEAKERS, 0)

    def _is_apart(self, group: Group, speaker: Speaker) -> bool:
        """Return whether one or two digits stand too far from the chain to be of it."""
        n, chain = len(group), len(self.chain.value)
        if n not in MAX_WORDS_BEFORE or not chain:
            return False
        if self.chain.asked or self.chain.least < MIN_CHAIN_DIGITS:
            return sum(self._words.values()) > MAX_WORDS_BEFORE_NEAR_CARD
        if chain >= MIN_CARD_DIGITS:
            return self._words[speaker.other] > MAX_WORDS_AFTER_CARD
        if n == 2 and chain >= MIN_CHAIN_DIGITS - 2:
            return False
        return self._words[speaker] > MAX_WORDS_BEFORE[n]

    def _begins_chain(self, group: Group, said: HeardUtterance) -> bool:
        """Return whether a group continues nothing.

        The chain is a few small numbers of the other speaker, or one of the two is a telephone
        number and the other amounts.
        """
        if len(group) >= MIN_LONG_DIGITS and self.chain.is_short_and_of(said.speaker.other):
            return True
        chain = [group for group, _, _ in self.chain.groups]
        long = range(MIN_LONG_DIGITS, MIN_CHAIN_DIGITS)
        if not chain or self.chain.newest is said:
            return False
        if group.forms == {""}:
            return all(g.formatted for g in chain) and len(group) in long
        return (
            group.formatted and len(chain) == 1 and chain[0].forms == {""} and len(chain[0]) in long
        )

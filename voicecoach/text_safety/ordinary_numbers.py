"""Tells ordinary numbers from those that may be a card's, by the words beside them."""

from __future__ import annotations

import copy

from voicecoach.text_safety.digit_groups import (
    MAX_DATE_DIGITS,
    MAX_WORDS_OF_PIECE,
    MIN_CHAIN_DIGITS,
    MIN_PENDING_DIGITS,
    MIN_REPEATED_DIGITS,
    Chain,
    Group,
    HeardUtterance,
    are_times,
    are_years,
    is_date,
    is_date_in_figures,
    is_telephone_number,
    may_be_card,
)
from voicecoach.text_safety.spoken_numbers import MIN_CARD_DIGITS, NumberWords
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS

REPLY_WINDOW = 45 * SAMPLE_RATE
"""Time in which digits answer the other speaker's question for a number, samples."""
MAX_NAMED_DIGITS = 12
"""Most digits of an order number, telephone number and the like that are shown at once."""
MAX_LETTERS_IN_NUMBER = 2
"""Most letters of a word that is a part of a number, as in "flight GE 728"."""
MAX_WORDS_TO_NAME = 8
"""Most words before a number in which its name is looked for."""
DECIDING_WORDS = 5
"""Words after a group that decide what it is, in an utterance that may go on."""
MAX_LISTED_DIGITS = 2
"""Most digits that an amount before them in the utterance explains near a card."""
MAX_SPELLED_DIGITS = 4
"""Most digits between single letters that are a postcode or the like."""
MAX_COUNTED_DIGITS = 8
"""Most digits that what follows ("pounds") makes ordinary, and of times beside undecided digits."""
MAX_AMOUNT_DIGITS = 7
"""Most digits after a word like "paid" that are an amount; twice as many if written as amounts."""
MAX_AMOUNT_DIGITS_NEAR_CARD = 4
"""The same after a card was mentioned, if they are not written as amounts."""
MAX_WORDS_TO_AMOUNT = 4
"""Most words before digits in which such a word is looked for."""
MIN_PLURAL_LETTERS = 3
"""A word with more letters that ends in s is taken for a plural, as in "3 engineers"."""
MAX_ORDINARY_DIGITS = 200
"""Most digits, and spaces between numbers, that are kept to know ordinary numbers again."""


class OrdinaryNumbers:
    """Tells which groups of digits are ordinary: years, amounts, order numbers and the like.

    Parameters
    ----------
    numbers
        How numbers are spoken in the language of the call.
    """

    def __init__(self, numbers: NumberWords) -> None:
        self._numbers = numbers
        self._known = ""
        """The ordinary numbers so far."""
        self._answer_until = dict.fromkeys(SPEAKERS, -1)
        """Up to when a speaker's digits answer a question for an ordinary number."""
        self._answered = dict.fromkeys(SPEAKERS, 0)
        """How many digits did."""
        self._named = False
        """Whether the utterance named an ordinary number."""

    def copy(self) -> OrdinaryNumbers:
        """Return a copy to go on with; this one stays as it is."""
        other = copy.copy(self)
        other._answer_until, other._answered = self._answer_until.copy(), self._answered.copy()
        return other

    def begin_utterance(self, said: HeardUtterance) -> None:
        """Take note of an utterance before its groups."""
        self._named = False
        if said.asks or said.names_card:
            self._answer_until = dict.fromkeys(SPEAKERS, -1)

    def end_utterance(self, said: HeardUtterance) -> None:
        """Take note of an utterance after its groups."""
        if said.asks_other:
            self._answer_until[said.speaker.other] = said.end + REPLY_WINDOW
            self._answered[said.speaker.other] = 0

    def continues_list(self, group: Group, chain: Chain, *, card: bool) -> bool:
        """Return whether an ordinary number before it makes a group one: "60 pounds 5 and 70"."""
        amount = group.forms == {"money"} and len(group) <= MAX_AMOUNT_DIGITS
        amount |= len(group) <= MAX_LISTED_DIGITS
        alone = not (card or chain.is_pending)
        return self._named and len(group) <= MAX_NAMED_DIGITS and (amount or alone)

    def add(self, group: Group, said: HeardUtterance) -> None:
        """Take note of an ordinary number."""
        numbers = self._numbers
        amount = numbers.currency.intersection(self._after(group, said)[:1])
        year = group.before and group.before[-1] in numbers.before_year
        self._named |= group.named or bool(amount or year)
        self.know(group.value)

    def know(self, value: str) -> None:
        """Remember digits that were no card's: whoever repeats them says nothing new."""
        self._known = f"{self._known} {value}"[-MAX_ORDINARY_DIGITS:]

    def _is_counted(self, group: Group, said: HeardUtterance, *, near_card: bool) -> bool:
        """Return whether what follows a group, or stands before it, says what is counted."""
        numbers, n = self._numbers, len(group)
        after = self._after(group, said)
        if not said.complete:
            after = after[: len(said.pieces) - group.last - 1]  # the last word may be half of one
        most = MAX_COUNTED_DIGITS if not near_card else MIN_PENDING_DIGITS - 1
        if numbers.currency.intersection(after[:1]) and n <= MAX_COUNTED_DIGITS:
            return True
        idiom = len(after) > 1 and after[1] in numbers.no_number_before  # "the second"
        if after and (after[0] in numbers.units or (idiom and after[0] in numbers.after_name)):
            after = after[:1]
        if numbers.counted.intersection(after) and n <= most:
            return True
        # "12 pounds 50"
        before = [
            p for p in said.pieces[: group.first] if p.digits or p.text not in numbers.between
        ]
        unit = len(before) > 1 and before[-1].text in numbers.currency
        return n <= 2 and unit and bool(before[-2].digits)

    def _after(self, group: Group, said: HeardUtterance) -> list[str]:
        """Return the next words after a group."""
        after = [p.text for p in said.pieces[group.last : group.last + 4] if not p.digits]
        return [text for text in after if text not in self._numbers.between][:2]

    def kind(
        self, group: Group, said: HeardUtterance, chain: Chain, *, card: bool, asked: bool
    ) -> str:
        """Return "ordinary", "formatted" or "" from what stands beside a group.

        "formatted" is written as an amount, a time or the like, which a card number may be too.
        """
        numbers, n, before = self._numbers, len(group), group.before
        card |= asked
        last = before[-1] if before else ""
        free = not card and (n <= MAX_COUNTED_DIGITS or not chain.is_pending)
        after = self._after(group, said)
        forms = group.forms
        years = are_years(group)
        open_chain = bool(chain.value)
        decided = said.complete or len(said.pieces) - group.last >= DECIDING_WORDS
        led = last in numbers.before_year | numbers.months
        sentence = len(said.groups) == 1 and said.other_words > MAX_WORDS_OF_PIECE
        if years and (led or (decided and not card and (sentence or not open_chain))):
            return "ordinary"
        if numbers.months.intersection([last, *after]) and is_date(group):
            return "ordinary"
        if self._is_counted(group, said, near_card=card):
            return "ordinary"
        paid = numbers.amounts.intersection(before[-MAX_WORDS_TO_AMOUNT:])
        amounts = forms <= {"money", "number"}
        if paid and amounts and n <= MAX_AMOUNT_DIGITS * (1 if card else 2):
            return "ordinary"
        most = MAX_AMOUNT_DIGITS_NEAR_CARD if card else MAX_AMOUNT_DIGITS
        if paid and n <= most and not asked:
            return "ordinary"
        if free and last in numbers.before_time and are_times(group):
            return "ordinary"
        if last in numbers.before_time | numbers.before_date and (
            group.is_ordinal or (free and not chain.is_pending and is_date_in_figures(group))
        ):
            return "ordinary"
        if n >= (2 if forms == {"money"} else MIN_REPEATED_DIGITS) and group.value in self._known:
            return "ordinary"
        spelled = after and len(last) == len(after[0]) == 1 and last not in numbers.after_name
        if n <= MAX_SPELLED_DIGITS and spelled and not asked:
            return "ordinary"  # "E H 1 2 6 X B"
        if forms == {"date"} and n > MAX_DATE_DIGITS and not asked:
            return "ordinary"
        alone = len(group.pieces) == 1 and len(chain.value) < MIN_CHAIN_DIGITS
        other_money = any("money" in other.forms for other, _, _ in chain.groups)
        if forms == {"money"} and alone and open_chain and before and not (card or other_money):
            return "ordinary"
        if group.formatted:
            return "formatted"
        if n <= 2 and after and (_is_plural(after[0]) or after[0] in numbers.no_number_before):
            return "ordinary"
        return ""

    def is_named(
        self, group: Group, said: HeardUtterance, chain: Chain, *, card: bool, code: bool
    ) -> bool:
        """Return whether something else than a card is called by these digits."""
        numbers, n, before = self._numbers, len(group), group.before
        first = group.pieces[0]
        if may_be_card(group.value):
            return False
        spelled = first.form == "glued" and first.start == 2 and not card
        if spelled and n >= MIN_CARD_DIGITS:
            return True  # an IBAN, or a part number
        over = said.complete or group.last < len(said.pieces)
        called = is_telephone_number(group.value) or first.text.startswith("+")
        free = self._named or not chain.value
        if over and not card and free and called:
            return True
        words = list(before[-MAX_WORDS_TO_NAME:])
        strict = card or chain.is_pending or code
        while words:
            if f" {' '.join(words)}".endswith(numbers.names):
                return n <= MAX_NAMED_DIGITS or over
            word = words.pop()
            if strict and word not in numbers.after_name and len(word) > MAX_LETTERS_IN_NUMBER:
                break
        if said.start > self._answer_until[said.speaker]:
            return False
        if self._answered[said.speaker] and group is said.groups[0] and before:
            self._answer_until[said.speaker] = -1  # they speak of something else
            return False
        self._answered[said.speaker] += n
        return self._answered[said.speaker] <= MAX_NAMED_DIGITS


def _is_plural(word: str) -> bool:
    return len(word) > MIN_PLURAL_LETTERS and word.endswith("s") and not word.endswith("ss")

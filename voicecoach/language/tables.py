"""The schemas of a language's TOML files; unknown keys are errors.

A language is a folder of up to five files, `TABLE_NAMES`.  docs/extending.md describes each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from voicecoach.text_safety import bounded_input

Text = Annotated[str, Meta(min_length=1, max_length=10_000)]
Values = dict[str, Annotated[int, Meta(ge=0, le=99)]]
Texts = tuple[Text, ...]

TABLE_NAMES = ("phrases", "dialogue_acts", "wording", "numbers", "texts")
"""Names of a language's files, without `.toml`."""


class _StrictTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class SharedTable(_StrictTable, frozen=True, kw_only=True):
    """`phrases.toml`: word lists shared by dialogue acts and wording."""

    fillers: Texts
    """Filler words: "uh"."""
    second_person: Texts
    """Words that address the customer: "you"."""
    negation: Texts
    """Phrases whose last word negates a phrase that follows within a few words."""
    no_negation: Texts = ()
    """Phrases with a negating word that negate nothing."""
    clause_starters: Texts = ()
    """Words that end the reach of a negation."""
    uncounted: Texts = ()
    """Words that do not count towards the reach of a negation."""
    common: Texts
    """Phrases too common to show that two utterances have the same content."""
    offensive: Texts = ()
    """Obscenities and insults: where two recognisers listen, both must hear one."""


class ActGroup(_StrictTable, frozen=True, kw_only=True):
    """Phrases of an act that share one suggested replacement."""

    phrases: Texts
    instead: Text
    """What to say instead."""


class ActTable(_StrictTable, frozen=True, kw_only=True):
    """One dialogue act of one speaker."""

    phrases: Texts = ()
    groups: tuple[ActGroup, ...] = ()
    """Only for `hard`: replaces `phrases`."""
    but: Texts = ()
    """Longer phrases that contain a phrase of the act but are not the act."""
    across: Texts = ()
    """The same, for phrases that may run across the end of a sentence."""
    negation: bool = False
    """Whether a negation earlier in the sentence cancels the act."""
    examples: tuple[str | tuple[str, str], ...] = ()
    """Texts that contain the act; for `paraphrase`, pairs of customer text and agent text."""
    counter_examples: tuple[str | tuple[str, str], ...] = ()
    """Texts that do not contain it, in the same form."""
    openings: Texts = ()
    """Only for `question`: phrases that open a question clause."""
    before: Texts = ()
    """Only for `question`: phrases that may precede an opening."""
    tags: Texts = ()
    """Only for `question`: clauses that end in a question mark but ask nothing."""
    weak: Texts = ()
    """Only for `paraphrase`: leads that need more shared words."""
    not_weak: Texts = ()
    """Only for `paraphrase`: longer phrases that contain a weak lead but are not one."""
    time: ActTable | None = None
    """Only for `expectation`: phrases that name a time."""


class DialogueActFile(_StrictTable, frozen=True, kw_only=True):
    """`dialogue_acts.toml`: the phrases of each dialogue act, by speaker."""

    supportive: Texts
    """Backchannels: said to show that one listens, so they do not count as an interruption."""
    spelling: Mapping[Text, Text] = {}
    """Spelling variants of a transcriber, each with the spelling that phrases use."""
    sets: Mapping[Text, Texts] = {}
    agent: Mapping[str, Mapping[str, Any]] = {}
    customer: Mapping[str, Mapping[str, Any]] = {}


class WordingTable(_StrictTable, frozen=True, kw_only=True):
    """`wording.toml`: phrases that show the customer's agitation."""

    threat: Texts = ()
    supervisor: Texts = ()
    hostile: Texts = ()
    desperate: Texts = ()
    repeat: Texts = ()
    displeased: Texts = ()
    harmless: Texts = ()
    """Longer phrases that contain one of those but show no agitation."""
    trouble: Texts = ()
    """Complaints; they count only when repeated."""
    model_subjects: Mapping[str, Texts] = {}
    """Words by output of the wording model (`hostile`, `desperate`); the output is used only for
    text that contains one of them.  Empty if the model does not support this language."""


class NumberTable(_StrictTable, frozen=True, kw_only=True):
    """`numbers.toml`: how numbers are spoken, for hiding card numbers and writing figures.

    All words are in lower case.
    """

    units: Values
    """Words for one digit; after a word of `tens` the two form one two-digit number."""
    tens: Values = {}
    """Words for two digits that may be followed by a unit, with the first: "forty" is 4."""
    two_digits: Values = {}
    """Words for two digits that no unit follows: "twelve"."""
    repeated: Values = {}
    """Words that repeat the digit that follows, with how many there are then: "double" is 2."""
    plurals: Values = {}
    """Words for several of a digit, after how many: "ones" in "four ones"."""
    scales: Values = {}
    """Words that add zeros, with how many: "hundred" is 2."""
    alike: Values = {}
    """Words that a transcriber writes in place of digits: "for" is 4."""
    between: Texts = ()
    """Words that may stand between the digits of one number: "uh", "then"."""
    pronouns: Texts = ()
    """Units that are digits only beside other digits: "one", as in "this one"."""
    no_number_after: Texts = ()
    """Words after which a unit is no digit: "next" in "the next four"."""
    no_number_before: Texts = ()
    """Words before which a unit is no digit: "of" in "one of them"."""
    currency: Texts = ()
    """Units of money: digits before one of these words are no card's: "pounds"."""
    counted: Texts = ()
    """What else is counted: "miles"."""
    amounts: Texts = ()
    """Words after which digits are an amount: "paid"."""
    months: Texts = ()
    """Names of months: digits beside them are a date."""
    before_year: Texts = ()
    """Words before a year: "in", "since"."""
    before_date: Texts = ()
    """Words before the day of a date: "on"."""
    before_time: Texts = ()
    """Words before a time of day: "at", "until"."""
    names: Texts = ()
    """What numbers are called that are no card's, of one or more words: "order"."""
    after_name: Texts = ()
    """Words that may stand between such a name and its digits: "number", "is"."""
    cards: Texts
    """Words for a payment card: digits after one may be a card number's."""
    no_cards: Texts = ()
    """What is no payment card: "gift card"."""
    card_digits: Texts = ()
    """Words with which a word for a card asks for its number: "number", "digits"."""
    asks: Texts = ()
    """How a card number is asked for without a word for a card: "the long number"."""
    codes: Texts
    """Names of a card's security code, of one or more words."""
    ordinals: Values = {}
    """Words for ordinal numbers: "third" is 3."""
    endings: Mapping[str, Text] = {}
    """Endings of ordinal numbers in figures, by the last figures: "st" for "1"."""
    signs: Mapping[Text, Text] = {}
    """Units that are written with a sign: "$" for "dollars"."""
    signs_after: Texts = ()
    """Signs that stand after the figures: "%"."""
    hundredths: Texts = ()
    """Units of which a hundred make one of another unit: "cents"."""
    one_before_scale: Texts = ()
    """Words that stand for one before a word of `scales`: "a" in "a hundred"."""
    joins: Texts = ()
    """Words between a word of `scales` and what follows: "and" in "a hundred and five"."""
    decimal: Texts = ()
    """Words before decimals: "point"."""
    clock: Texts = ()
    """Words after a time of day, without full stops: "am"."""
    symbols: Mapping[Text, Text] = {}
    """What the symbols of addresses are called: "dot" for "."."""
    explains: Texts = ()
    """Words between a spelled letter and an example of it: "as in" in "T as in Tom"."""
    letter_words: Texts = ()
    """Words of one letter: "a"."""


CueLine = Annotated[str, Meta(min_length=1, max_length=1000)]


class CueText(_StrictTable, frozen=True, kw_only=True):
    """The texts of one cue."""

    title: CueLine
    message: CueLine
    say: Annotated[str, Meta(max_length=1000)] = ""


T = TypeVar("T")


def decode_table(data: bytes, kind: type[T]) -> T:
    """Decode a language's TOML file into a table of type `kind`.

    Raises
    ------
    ValueError
        If the file is invalid; it names the key or line.
    """
    try:
        return bounded_input.decode_toml(data, kind)
    except ValueError as e:
        raise ValueError(_key_first(str(e))) from e


def convert_table(table: Mapping[str, Any], kind: type[T]) -> T:
    """Convert a part of a decoded file into a table of type `kind`; errors as `decode_table`."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as e:
        raise ValueError(_key_first(str(e))) from e


def _key_first(message: str) -> str:
    """Return msgspec's message with the key first: "x - at `$.a.b`" becomes "a.b: x"."""
    text, _, path = message.partition(" - at `$")
    return f"{path.rstrip('`').lstrip('.')}: {text}" if path.strip("`") else text

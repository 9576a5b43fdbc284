"""The tables of a language as its TOML files have them, checked key by key.

A language is a folder of up to five files, `NAMES`.  docs/extending.md says what is in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from voicecoach.text_safety import bounded_input

Text = Annotated[str, Meta(min_length=1, max_length=10_000)]
Texts = tuple[Text, ...]

TABLE_NAMES = ("phrases", "dialogue_acts", "wording", "numbers", "texts")
"""The files of a language, each with `.toml` after its name."""


class _StrictTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class SharedTable(_StrictTable, frozen=True, kw_only=True):
    """`phrases.toml`: what all readers of words share."""

    fillers: Texts
    """Words that say nothing."""
    second_person: Texts
    """Words by which the customer is addressed."""
    negation: Texts
    """Phrases that end in a word that turns round what follows it within a few words."""
    no_negation: Texts = ()
    """Phrases that hold a negating word which turns nothing round."""
    clause_starters: Texts = ()
    """Words that a negation does not reach past."""
    uncounted: Texts = ()
    """Words that are not counted in its reach."""
    common: Texts
    """Phrases too common to show that two utterances are about the same."""


class ActGroup(_StrictTable, frozen=True, kw_only=True):
    """Phrases of an act that have the same replacement."""

    phrases: Texts
    instead: Text
    """What to say instead."""


class ActTable(_StrictTable, frozen=True, kw_only=True):
    """One dialogue act of one speaker."""

    phrases: Texts = ()
    groups: tuple[ActGroup, ...] = ()
    """Of `hard`, in place of `phrases`."""
    but: Texts = ()
    """Longer phrases that only look like it."""
    across: Texts = ()
    """The same, also over the end of a sentence."""
    negation: bool = False
    """A negation before it in the sentence turns it off."""
    examples: tuple[str | tuple[str, str], ...] = ()
    """Texts in which it is found; of a paraphrase pairs, customer and agent."""
    counter_examples: tuple[str | tuple[str, str], ...] = ()
    """Texts in which it is not."""
    openings: Texts = ()
    """Of `question`: how a clause begins that asks."""
    before: Texts = ()
    """Of `question`: what may stand before those."""
    tags: Texts = ()
    """Of `question`: clauses that end in a question mark and ask nothing."""
    weak: Texts = ()
    """Of `paraphrase`: leads that need more shared words."""
    not_weak: Texts = ()
    """Of `paraphrase`: longer phrases that only look like those."""
    time: ActTable | None = None
    """Of `expectation`: phrases of a time."""


class DialogueActFile(_StrictTable, frozen=True, kw_only=True):
    """`dialogue_acts.toml`: what agents and customers do with words."""

    supportive: Texts
    """Said while the other speaks to show that one listens: no interruption."""
    spelling: Mapping[Text, Text] = {}
    """Words that a transcriber spells in several ways, and the one that phrases use."""
    sets: Mapping[Text, Texts] = {}
    agent: Mapping[str, Mapping[str, Any]] = {}
    customer: Mapping[str, Mapping[str, Any]] = {}


class WordingTable(_StrictTable, frozen=True, kw_only=True):
    """`wording.toml`: what the customer's words say of their agitation."""

    threat: Texts = ()
    supervisor: Texts = ()
    hostile: Texts = ()
    desperate: Texts = ()
    repeat: Texts = ()
    displeased: Texts = ()
    harmless: Texts = ()
    """Longer phrases that only look like one of those."""
    trouble: Texts = ()
    """A complaint, which counts where it is made again."""
    model_subjects: Mapping[str, Texts] = {}
    """Where the model of wording reads this language: words of which one is among those that it
    may judge, by its outputs `hostile` and `desperate`."""


class NumberTable(_StrictTable, frozen=True, kw_only=True):
    """`numbers.toml`: number words, for hiding card numbers."""

    units: Texts
    """Words for one digit; one after a word of `tens` makes a single number of two digits."""
    tens: Texts = ()
    """Words for two digits that may be followed by a unit: "forty" in "forty one"."""
    two_digits: Texts = ()
    """Words for two digits in themselves: "twelve"."""
    double: Texts = ()
    """Words that add one digit to the one that follows."""
    triple: Texts = ()
    """Words that add two."""
    alike: Texts = ()
    """What a transcriber writes for digits: "for"."""
    between: Texts = ()
    """Words that do not end a run of digits: "uh", "okay"."""
    cards: Texts
    """Words after which digits are taken for a card's."""
    codes: Texts
    """What the security code of a card is called."""


CueLine = Annotated[str, Meta(min_length=1, max_length=1000)]


class CueText(_StrictTable, frozen=True, kw_only=True):
    """What one cue shows."""

    title: CueLine
    message: CueLine
    say: Annotated[str, Meta(max_length=1000)] = ""


T = TypeVar("T")


def decode_table(data: bytes, kind: type[T]) -> T:
    """Return a file of a language as a kind of table.

    Raises
    ------
    ValueError
        Naming the key or line that is wrong.
    """
    try:
        return bounded_input.decode_toml(data, kind)
    except ValueError as e:
        raise ValueError(_key_first(str(e))) from e


def convert_table(table: Mapping[str, Any], kind: type[T]) -> T:
    """Return a part of a file as a kind of table, as `decode_table` does."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as e:
        raise ValueError(_key_first(str(e))) from e


def _key_first(message: str) -> str:
    """Return msgspec's message with the key first: "x - at `$.a.b`" becomes "a.b: x"."""
    text, _, path = message.partition(" - at `$")
    return f"{path.rstrip('`').lstrip('.')}: {text}" if path.strip("`") else text

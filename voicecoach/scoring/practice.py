"""Defines a technique of the score card: when it is due, how to find it, and how it is scored.

A finder goes through a call and returns the moments at which the technique was seen or missed, and
the numbers of its formula; no numbers if the call gave no occasion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from voicecoach.scoring.call import ScoredCall
from voicecoach.types.stream import Speaker
from voicecoach.views.scorecard import Quote

UPSET_MIN_S = 3.0
"""Upset speech from which an account is upset, seconds; laughter and haste last 1 to 2 s."""


class TechniqueMoment(NamedTuple):
    """A moment at which a technique was seen or missed."""

    quote: Quote
    say: str = ""
    """What the agent could have said instead, if that is known."""
    cue: str = ""
    """Cue whose words to suggest if `say` is empty and it is not the technique's own cue."""
    advice: str = ""
    """What to practise, if it is not the technique's own advice."""


class TechniqueFindings(NamedTuple):
    """What a finder found in a call."""

    seen: list[TechniqueMoment]
    missed: list[TechniqueMoment]
    numbers: Mapping[str, int]
    """Values of the formula's names; empty if there was no occasion."""


class TechniqueSpec(NamedTuple):
    """A technique of conflict resolution."""

    id: str
    name: str
    doc: str
    """When the technique is due, and what counts."""
    formula: str
    """In the notation of `rating.rate_formula`."""
    occasion: str
    """Why there is no score when the call gave no occasion."""
    advice: str
    """What to practise if it was missed."""
    cue: str
    """Id of the cue whose words are suggested."""
    find: Callable[[ScoredCall], TechniqueFindings]
    channels: tuple[Speaker, ...]
    """Speakers whose channels it depends on."""
    words: tuple[Speaker, ...]
    """Speakers whose words it needs."""


def share_findings(
    seen: list[TechniqueMoment], missed: list[TechniqueMoment], done: str, called_for: str
) -> TechniqueFindings:
    """Return findings whose score is the share of occasions at which the technique was seen."""
    count = len(seen) + len(missed)
    return TechniqueFindings(seen, missed, {done: len(seen), called_for: count} if count else {})

"""What a technique is: when it is called for, how it is told, and how it is scored.

A finder goes through a call and returns the moments at which the technique was seen and missed, and
the numbers of its formula; no numbers where the call gave no occasion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from voicecoach.scoring.call import ScoredCall
from voicecoach.types import Speaker
from voicecoach.views.scorecard import Quote

UPSET_MIN_S = 3.0
"""Upset speech in an account, seconds: laughter and haste sound so for a second or two."""


class TechniqueMoment(NamedTuple):
    """Where a technique was seen, or missed."""

    quote: Quote
    say: str = ""
    """What could have been said in its place, where that is known ..."""
    cue: str = ""
    """... else the cue whose words help, where it is another than the technique's."""
    advice: str = ""
    """What to practise, where it is another thing than the technique's."""


class TechniqueFindings(NamedTuple):
    """What a call shows of a technique."""

    seen: list[TechniqueMoment]
    missed: list[TechniqueMoment]
    numbers: Mapping[str, int]
    """Of the formula; empty where there was no occasion."""


class TechniqueSpec(NamedTuple):
    """A technique of conflict resolution."""

    id: str
    name: str
    doc: str
    """When it is called for, and what counts."""
    formula: str
    """As `rating.rate` takes it."""
    occasion: str
    """What there was none of, where there is no score."""
    advice: str
    """What to practise where it was missed."""
    cue: str
    """Whose words help."""
    find: Callable[[ScoredCall], TechniqueFindings]
    channels: tuple[Speaker, ...]
    """That it rests on."""
    words: tuple[Speaker, ...]
    """Whose words it needs."""


def share_findings(
    seen: list[TechniqueMoment], missed: list[TechniqueMoment], done: str, called_for: str
) -> TechniqueFindings:
    """Return what was found where a score is the share of occasions at which it was done."""
    count = len(seen) + len(missed)
    return TechniqueFindings(seen, missed, {done: len(seen), called_for: count} if count else {})

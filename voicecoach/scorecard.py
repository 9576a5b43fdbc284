"""How a call went by the techniques of conflict resolution: a pure function of its events.

For a trainer and an agent to discuss: what was seen and what was missed, each with the moment and
the words, one thing to practise, and the formula of every score with the call's own numbers in it,
so that anyone can recompute and dispute it.  It measures what was done, never what somebody felt
or is worth; there is no total to rank people by.
"""

from __future__ import annotations

import msgspec

from voicecoach.types import Speaker


class Quote(msgspec.Struct, frozen=True):
    """A moment of the call, to be heard again."""

    speaker: Speaker
    start_s: float
    end_s: float
    text: str
    """The words, or what was measured."""
    why: str = ""
    """What it shows, in a few words."""


class Technique(msgspec.Struct, frozen=True):
    """One technique in one call."""

    id: str
    name: str
    score: float | None
    """0..1; null where the call gave no occasion for it, or it cannot be known."""
    formula: str
    """How the score comes about, with this call's numbers in it; or why there is none."""
    seen: list[Quote]
    missed: list[Quote]
    practise: str
    """One thing."""


class StyleEvidence(msgspec.Struct, frozen=True):
    """A move of the agent's that speaks for a style."""

    style: str
    """`competing`, `collaborating`, `compromising`, `avoiding` or `accommodating`."""
    quote: Quote


class Styles(msgspec.Struct, frozen=True):
    """The agent's way of handling the conflict, by the moves they made.

    On the plane of Thomas and Kilmann: what is done for one's own side, and for the other's.
    """

    assertiveness: float | None
    """0..1; null where there are too few moves to say."""
    cooperativeness: float | None
    style: str
    """The nearest of the five, "" where it is not known."""
    formula: str
    shares: dict[str, float]
    """Of the moves, by style."""
    evidence: list[StyleEvidence]


class Change(msgspec.Struct, frozen=True):
    """The customer's agitation rose or fell."""

    start_s: float
    end_s: float
    before: float
    after: float
    preceded_by: list[Quote]


class Journey(msgspec.Struct, frozen=True):
    """The customer's agitation through the call: an estimate, 0..1, null where it is not known."""

    start: float | None
    peak: float | None
    peak_s: float | None
    end: float | None
    changes: list[Change]


class Survey(msgspec.Struct, frozen=True):
    """What is asked afterwards, to be filled in by people."""

    csat: int | None = None
    """1..5: how satisfied the customer was."""
    nps: int | None = None
    """0..10: how likely they are to recommend."""
    ces: int | None = None
    """1..7: how easy it was."""
    notes: str = ""
    """The trainer's."""


class ScoreCard(msgspec.Struct, frozen=True):
    """A whole call."""

    call: str
    techniques: list[Technique]
    styles: Styles
    journey: Journey
    root_cause: list[Quote]
    """What it is about, in the customer's words, most telling first."""
    survey: Survey = Survey()
    notes: list[str] = []
    """What limits what can be said: no words, a channel that is not trusted."""

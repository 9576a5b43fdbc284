"""Provides the thresholds that reports and score cards share with the cue rules.

They come from the rules that were loaded for a call and are stored in the header of its event log.
So an edited rule changes reports and scores as well, and a call gets the same score on any machine.
A threshold that the loaded rules do not have is taken from the built-in rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from voicecoach.coaching.cues import MAX_RULES, Cue, built_in_cues


class PaceThreshold(msgspec.Struct, frozen=True):
    """A rule of the cue `slow-down`."""

    ratio: float
    """Pace relative to the agent's baseline from which it is fast."""
    agitation: float = 0.0
    """The customer's agitation from which this rule applies, 0..1."""


class CueThresholds(msgspec.Struct, frozen=True):
    """Values of the rules of one call."""

    dead_air_s: float
    """Of `check-in`: silence on both channels that is dead air, unless it helps."""
    monologue_s: float
    """Of `too-much-talking`, at any agitation of the customer: the agent's continuous speech."""
    pace: Annotated[tuple[PaceThreshold, ...], msgspec.Meta(max_length=MAX_RULES)]
    """Of `slow-down`."""
    loud_db: float
    """Of `lower-your-voice`: level relative to the baseline, together with ..."""
    high_semitones: float
    """... pitch relative to the baseline."""
    outburst_s: float
    """Of `give-them-a-moment`: agitated speech in an account."""
    hasty_reply_s: float
    """Of `give-them-a-moment`: silence before a reply up to this counts as no pause."""
    too_many_apologies: float
    """Of `enough-sorry`: number of apologies in 4 minutes."""
    problem_open_s: float
    """Of `offer-a-way-forward`: time since a trouble was told, together with ..."""
    problem_speech_s: float
    """... the agent's speech since."""
    demand_open_s: float
    """Of `hand-over`: how long a demand for somebody else goes unanswered."""


def cue_thresholds(cues: tuple[Cue, ...]) -> CueThresholds:
    """Return the thresholds of loaded rules."""
    return CueThresholds(
        dead_air_s=_value(cues, "check-in", "dead_air_s"),
        monologue_s=_value(cues, "too-much-talking", "agent_monologue_s"),
        pace=_pace(cues) or _pace(built_in_cues()),
        loud_db=_value(cues, "lower-your-voice", "agent_level_db"),
        high_semitones=_value(cues, "lower-your-voice", "agent_f0_semitones"),
        outburst_s=_value(cues, "give-them-a-moment", "outburst_s"),
        hasty_reply_s=_value(cues, "give-them-a-moment", "agent_gap_s", "<="),
        too_many_apologies=_value(cues, "enough-sorry", "apologies"),
        problem_open_s=_value(cues, "offer-a-way-forward", "problem_open_s"),
        problem_speech_s=_value(cues, "offer-a-way-forward", "agent_on_problem_s"),
        demand_open_s=_value(cues, "hand-over", "demand_open_s", "<="),
    )


def thresholds_from_header(facts: Mapping[str, Any]) -> CueThresholds:
    """Return the thresholds in the header of a log; missing ones are the built-in ones.

    Raises
    ------
    ValueError
        If the header's thresholds are invalid.
    """
    found = facts.get("thresholds", {})
    if not isinstance(found, Mapping):
        raise ValueError("line 1: the thresholds are no table")
    shipped = msgspec.to_builtins(cue_thresholds(built_in_cues()))
    try:
        return msgspec.convert({**shipped, **found}, CueThresholds)
    except msgspec.ValidationError as e:
        raise ValueError(f"line 1: thresholds: {e}") from e


def _value(cues: tuple[Cue, ...], id: str, signal: str, op: str = ">=") -> float:
    """Return the value that a cue compares a signal with; of several, the one that fires last."""
    for rules in (cues, built_in_cues()):
        values = [
            condition.value
            for cue in rules
            if cue.id == id
            for rule in cue.rule
            for condition in rule.when
            if (condition.signal, condition.op) == (signal, op)
        ]
        if values:
            return max(values) if op == ">=" else min(values)
    raise LookupError(f"no rule of {id!r} compares {signal!r} by {op!r}")


def _pace(cues: tuple[Cue, ...]) -> tuple[PaceThreshold, ...]:
    rules = [rule for cue in cues if cue.id == "slow-down" for rule in cue.rule]
    found = []
    for rule in rules:
        least = {c.signal: c.value for c in rule.when if c.op == ">="}
        if "agent_rate_ratio" in least:
            found.append(PaceThreshold(least["agent_rate_ratio"], least.get("agitation", 0.0)))
    return tuple(found)

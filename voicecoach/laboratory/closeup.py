"""Shows why a cue opens under one set of rules and not under the other.

A close-up has the signals of the cue's rules around the time of the cue.  Pure functions: they turn
the signals in a call's log into the numbers that a picture draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from voicecoach.coaching.cues import Cue
from voicecoach.coaching.signal_trace import CueInputs
from voicecoach.laboratory.comparison import CueChange
from voicecoach.types.stream import SAMPLE_RATE, TICK_S

SHOWN_BEFORE_S, SHOWN_AFTER_S = 15.0, 10.0
"""Seconds shown before a cue first opens and after it last closes."""


class Threshold(NamedTuple):
    """A comparison in a rule."""

    op: str
    value: float
    whose: str
    """The rules that have it: "A", "B", or "A, B" for both."""


class Strip(NamedTuple):
    """One signal of the rules over time."""

    signal: str
    points: list[tuple[float, float]]
    """Time in seconds and value; the value is NaN if it is not known."""
    thresholds: list[Threshold]


class CloseUp(NamedTuple):
    """A changed cue and the signals of its rules."""

    change: CueChange
    start_s: float
    end_s: float
    true_a: list[tuple[float, float]]
    """Start and end of each time in which all conditions of a rule were met, seconds."""
    true_b: list[tuple[float, float]]
    strips: list[Strip]


class CallCloseUps(NamedTuple):
    """The data of a call, other than its cues, that a picture needs."""

    agitation: list[tuple[float, float]]
    """Middle of each part of the call in seconds, and its highest agitation, NaN if not known."""
    closeups: list[CloseUp]


def call_closeups(
    readings: Iterable[CueInputs],
    changes: Iterable[CueChange],
    a: Mapping[str, Cue],
    b: Mapping[str, Cue],
    part_s: float,
) -> CallCloseUps:
    """Return the customer's agitation through a call, and a close-up of each changed cue.

    Parameters
    ----------
    readings
        The signals at every tick, in order; only those within a close-up are kept.
    changes
        The changed cues to make close-ups of.
    a, b
        The cues of both sets of rules, by id.
    part_s
        Length of the parts for which the highest agitation is returned, seconds.
    """
    views = [(change, *_closeup_span(change), list[CueInputs]()) for change in changes]
    parts: dict[int, float] = {}
    for reading in readings:
        at_s = reading.at / SAMPLE_RATE
        part, x = int(at_s / part_s), reading.signals["agitation"]
        known = parts.get(part, float("nan"))
        parts[part] = known if known >= x or x != x else x
        for _, start_s, end_s, seen in views:
            if start_s <= at_s <= end_s:
                seen.append(reading)
    closeups = [
        CloseUp(
            change,
            start_s,
            end_s,
            _true_spans(seen, a.get(change.id)),
            _true_spans(seen, b.get(change.id)),
            _strips(seen, a.get(change.id), b.get(change.id)),
        )
        for change, start_s, end_s, seen in views
    ]
    return CallCloseUps([((part + 0.5) * part_s, x) for part, x in parts.items()], closeups)


def _closeup_span(change: CueChange) -> tuple[float, float]:
    shown = [s for s in (change.a, change.b) if s]
    start_s = min(s.opened_s for s in shown) - SHOWN_BEFORE_S
    return max(0.0, start_s), max(s.closed_s for s in shown) + SHOWN_AFTER_S


def _true_spans(seen: Sequence[CueInputs], cue: Cue | None) -> list[tuple[float, float]]:
    """Return when all conditions of one of a cue's rules were met."""
    spans: list[tuple[float, float]] = []
    rules = cue.rule if cue else ()
    for reading in seen:
        end_s = reading.at / SAMPLE_RATE
        if not any(all(c.holds(reading.signals) for c in rule.when) for rule in rules):
            continue
        start_s = end_s - TICK_S
        if spans and abs(spans[-1][1] - start_s) < TICK_S / 2:
            start_s = spans.pop()[0]
        spans.append((start_s, end_s))
    return spans


def _strips(seen: Sequence[CueInputs], a: Cue | None, b: Cue | None) -> list[Strip]:
    whose: dict[str, dict[tuple[str, float], list[str]]] = {}
    for name, cue in (("A", a), ("B", b)):
        for rule in cue.rule if cue else ():
            for c in rule.when:
                names = whose.setdefault(c.signal, {}).setdefault((c.op, c.value), [])
                names += [name] if name not in names else []
    return [
        Strip(
            signal,
            [(reading.at / SAMPLE_RATE, reading.signals[signal]) for reading in seen],
            [Threshold(op, value, ", ".join(names)) for (op, value), names in wanted.items()],
        )
        for signal, wanted in whose.items()
    ]

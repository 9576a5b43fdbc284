"""Builds the lanes of a call's time line: turns, overlaps and silences.

A silence is *dead air* if the log's signal `dead_air_s`, which the cues use, says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from voicecoach.coaching.signal_trace import decode_ticks, select_signals
from voicecoach.types.events import (
    Backchannel,
    Event,
    Gap,
    Listening,
    Overlap,
    SignalChanges,
    SpeechEnded,
    Turn,
)
from voicecoach.types.stream import SAMPLE_RATE, TICK_SAMPLES, Speaker, to_rounded_seconds
from voicecoach.views.conversation import OrderedSpans

MIN_SHOWN_SILENCE_S = 2.0
"""Shortest silence on both channels that is shown, seconds."""

DEAD_AIR = "dead_air_s"


class TimelineSegment(msgspec.Struct, frozen=True):
    """A stretch of the call on a lane."""

    kind: str
    """Turns: `turn`, `backchannel`; overlaps: `overlap`, `backchannel`; silences: `pause`,
    `dead air`, `not heard`."""
    start_s: float
    end_s: float
    speaker: Speaker | None = None
    """Who has the turn, or who interrupted; None for a silence."""


def turn_lane(events: Sequence[Event]) -> list[TimelineSegment]:
    """Return the turns and backchannels of both speakers."""
    found = [
        TimelineSegment(
            type(e).__name__.lower(),
            to_rounded_seconds(e.start),
            to_rounded_seconds(e.end),
            e.speaker,
        )
        for e in events
        if isinstance(e, (Turn, Backchannel))
    ]
    return sorted(found, key=lambda s: s.start_s)


def overlap_lane(events: Sequence[Event]) -> list[TimelineSegment]:
    """Return where both spoke at once."""
    return [
        TimelineSegment(
            "backchannel" if e.backchannel else "overlap",
            to_rounded_seconds(e.start),
            to_rounded_seconds(e.end),
            e.by,
        )
        for e in events
        if isinstance(e, Overlap)
    ]


def silence_lane(events: Sequence[Event], end: int, dead_air_s: float) -> list[TimelineSegment]:
    """Return where both were silent, and where nothing was heard.

    Parameters
    ----------
    events
        All events of the log, in order.
    end
        End of the call, samples.
    dead_air_s
        Silence from which it is dead air, if it does not help, seconds.
    """
    unheard = _unheard(events, end)
    occupied = [(e.start, e.end) for e in events if isinstance(e, SpeechEnded)] + unheard
    silences = _without([(0, end)], occupied)
    dead = _overlap(silences, _dead_air(events, end, dead_air_s))
    shown = [("not heard", unheard), ("dead air", dead), ("pause", _without(silences, dead))]
    return sorted(
        (
            TimelineSegment(kind, to_rounded_seconds(a), to_rounded_seconds(b))
            for kind, spans in shown
            for a, b in spans
            if kind == "not heard" or b - a >= MIN_SHOWN_SILENCE_S * SAMPLE_RATE
        ),
        key=lambda s: s.start_s,
    )


def dead_air_changes(event: SignalChanges) -> SignalChanges | None:
    """Return the changes of the signal that `silence_lane` uses; None if there are none."""
    told = select_signals(event, (DEAD_AIR,))
    if not told.values and not told.growing:
        return None
    return SignalChanges(at=told.at, values=told.values, growing=told.growing)


def _dead_air(events: Sequence[Event], end: int, least_s: float) -> list[tuple[int, int]]:
    """Return the silences in which the log's `dead_air_s` reached `least_s`, from their start."""
    found: list[tuple[int, int]] = []
    before = 0.0
    for tick in decode_ticks(events, end):
        silent_s = tick.signals.get(DEAD_AIR, 0.0)
        if silent_s > 0.0:
            start = found.pop()[0] if before > 0.0 else tick.at - round(silent_s * SAMPLE_RATE)
            found.append((start, tick.at))
        before = silent_s
    least = least_s * SAMPLE_RATE
    return [(start, last + TICK_SAMPLES) for start, last in found if last - start >= least]


def _without(
    spans: Sequence[tuple[int, int]], holes: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the parts of spans that lie outside the holes."""
    left = []
    ordered = sorted(holes)
    places = OrderedSpans(ordered)
    for start, end in spans:
        for i in places.touching(start, end):
            first, last = ordered[i]
            if last > start and first < end:
                left += [(start, first)] * (first > start)
                start = last
        left += [(start, end)] * (end > start)
    return left


def _overlap(a: Sequence[tuple[int, int]], b: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return where spans of `a` and `b` overlap."""
    ordered = sorted(b)
    places = OrderedSpans(ordered)
    both = (
        (max(start, ordered[i][0]), min(end, ordered[i][1]))
        for start, end in a
        for i in places.touching(start, end)
    )
    return sorted((start, end) for start, end in both if end > start)


def _unheard(events: Sequence[Event], end: int) -> list[tuple[int, int]]:
    """Return where listening was paused or audio is missing."""
    found = [(e.start, e.end) for e in events if isinstance(e, Gap)]
    since: int | None = None
    for e in events:
        if isinstance(e, Listening):
            if e.on and since is not None:
                found.append((since, e.at))
            since = None if e.on else e.at
    return [*found, (since, end)] if since is not None else found

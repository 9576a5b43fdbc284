"""What lies beside each other on the time line of a call: turns, overlaps, silences.

A silence is *dead air* as the cue `check-in` has it: long, and not one that helps (see `signals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from voicecoach.coaching.conversation_state import OUTBURST_S
from voicecoach.coaching.signals import AFTER_OUTBURST_S, AFTER_QUESTION_S, ANNOUNCED_S, JUST_BEFORE
from voicecoach.estimates.tone import ALERT_LEVEL
from voicecoach.types import (
    SAMPLE_RATE,
    Backchannel,
    DialogueAct,
    Event,
    Gap,
    Listening,
    Overlap,
    Speaker,
    SpeechEnded,
    Tone,
    Turn,
    Utterance,
    to_rounded_seconds,
)

MIN_SHOWN_SILENCE_S, DEAD_AIR_S = 2.0, 8.0
"""Silence on both channels that is shown, and that is dead air where it does not help."""


class TimelineSegment(msgspec.Struct, frozen=True):
    """A stretch of the call on a lane."""

    kind: str
    """Turns: `turn`, `backchannel`; overlaps: `overlap`, `backchannel`; silences: `pause`,
    `helpful` (long, and it helps), `dead air`, `not heard`."""
    start_s: float
    end_s: float
    speaker: Speaker | None = None
    """Whose turn, or who came in; none of a silence."""


def turn_lane(events: Sequence[Event]) -> list[TimelineSegment]:
    """Return the turns and backchannels of both."""
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
    """Return where both spoke."""
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


def silence_lane(events: Sequence[Event], end: int) -> list[TimelineSegment]:
    """Return the silences of both, and what was not heard at all."""
    unheard = _unheard(events, end)
    speech = [(e.start, e.end, e.speaker) for e in events if isinstance(e, SpeechEnded)]
    found = [
        TimelineSegment("not heard", to_rounded_seconds(a), to_rounded_seconds(b))
        for a, b in unheard
    ]
    last, at = None, 0
    for start, stop, speaker in [
        *sorted([*speech, *((a, b, None) for a, b in unheard)], key=lambda s: s[:2]),
        (end, end, None),
    ]:
        if start - at >= MIN_SHOWN_SILENCE_S * SAMPLE_RATE:
            found.append(
                TimelineSegment(
                    _silence_kind(events, at, start, last),
                    to_rounded_seconds(at),
                    to_rounded_seconds(start),
                )
            )
        if stop > at:
            at, last = stop, speaker or last
    return sorted(found, key=lambda s: s.start_s)


def _silence_kind(events: Sequence[Event], start: int, end: int, last: Speaker | None) -> str:
    """Return what kind a silence from `start` to `end` is, after `last` spoke."""
    if end - start < DEAD_AIR_S * SAMPLE_RATE:
        return "pause"
    return (
        "helpful" if to_rounded_seconds(end - start) < _helps_s(events, start, last) else "dead air"
    )


def _helps_s(events: Sequence[Event], start: int, last: Speaker | None) -> float:
    """Return for how long a silence helps, by the rules of `signals` as far as a log tells."""
    before = [
        e for e in events if isinstance(e, DialogueAct) and start - JUST_BEFORE <= e.end <= start
    ]
    words = any(isinstance(e, Utterance) and e.speaker is Speaker.AGENT for e in events)
    if not words or any(e.kind == "wait" for e in before):
        return ANNOUNCED_S
    if last is Speaker.AGENT:
        asked = any(e.kind == "question" and e.speaker is Speaker.AGENT for e in before)
        return AFTER_QUESTION_S if asked else 0.0
    tones = [e for e in events if isinstance(e, Tone) and start - 2 * JUST_BEFORE <= e.at <= start]
    heated = sum(b.at - a.at for a, b in pairwise(tones) if b.agitation >= ALERT_LEVEL)
    return AFTER_OUTBURST_S if to_rounded_seconds(heated) >= OUTBURST_S else 0.0


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

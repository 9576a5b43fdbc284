"""What lies beside each other on the time line of a call: turns, overlaps, silences.

A silence is *dead air* as the cue `check-in` has it: long, and not one that helps (see `signals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from voicecoach.coaching.signals import AFTER_OUTBURST_S, AFTER_QUESTION_S, ANNOUNCED_S, JUST_BEFORE
from voicecoach.types import (
    SAMPLE_RATE,
    Backchannel,
    Event,
    Gap,
    Listening,
    Move,
    Overlap,
    Speaker,
    SpeechEnded,
    Tone,
    Turn,
    Utterance,
)

PAUSE_S, DEAD_AIR_S = 2.0, 8.0
"""Silence on both channels that is shown, and that is dead air where it does not help."""
AGITATED, OUTBURST_S = 0.7, 4.0
"""Agitation, and for how many seconds of speech just before a silence, that make it a help."""


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of the call on a lane."""

    kind: str
    """Turns: `turn`, `backchannel`; overlaps: `overlap`, `backchannel`; silences: `pause`,
    `helpful` (long, and it helps), `dead air`, `not heard`."""
    start_s: float
    end_s: float
    speaker: Speaker | None = None
    """Whose turn, or who came in; none of a silence."""


def turns(events: Sequence[Event]) -> list[Stretch]:
    """Return the turns and backchannels of both."""
    found = [
        Stretch(type(e).__name__.lower(), _s(e.start), _s(e.end), e.speaker)
        for e in events
        if isinstance(e, (Turn, Backchannel))
    ]
    return sorted(found, key=lambda s: s.start_s)


def overlaps(events: Sequence[Event]) -> list[Stretch]:
    """Return where both spoke."""
    return [
        Stretch("backchannel" if e.backchannel else "overlap", _s(e.start), _s(e.end), e.by)
        for e in events
        if isinstance(e, Overlap)
    ]


def silences(events: Sequence[Event], end: int) -> list[Stretch]:
    """Return the silences of both, and what was not heard at all."""
    unheard = _unheard(events, end)
    speech = [(e.start, e.end, e.speaker) for e in events if isinstance(e, SpeechEnded)]
    found = [Stretch("not heard", _s(a), _s(b)) for a, b in unheard]
    last, at = None, 0
    for start, stop, speaker in [
        *sorted([*speech, *((a, b, None) for a, b in unheard)], key=lambda s: s[:2]),
        (end, end, None),
    ]:
        if start - at >= PAUSE_S * SAMPLE_RATE:
            found.append(Stretch(_silence(events, at, start, last), _s(at), _s(start)))
        if stop > at:
            at, last = stop, speaker or last
    return sorted(found, key=lambda s: s.start_s)


def _silence(events: Sequence[Event], start: int, end: int, last: Speaker | None) -> str:
    """Return what kind a silence from `start` to `end` is, after `last` spoke."""
    if end - start < DEAD_AIR_S * SAMPLE_RATE:
        return "pause"
    return "helpful" if _s(end - start) < _helps_s(events, start, last) else "dead air"


def _helps_s(events: Sequence[Event], start: int, last: Speaker | None) -> float:
    """Return for how long a silence helps, by the rules of `signals` as far as a log tells."""
    before = [e for e in events if isinstance(e, Move) and start - JUST_BEFORE <= e.end <= start]
    words = any(isinstance(e, Utterance) and e.speaker is Speaker.AGENT for e in events)
    if not words or any(e.kind == "wait" for e in before):
        return ANNOUNCED_S
    if last is Speaker.AGENT:
        asked = any(e.kind == "question" and e.speaker is Speaker.AGENT for e in before)
        return AFTER_QUESTION_S if asked else 0.0
    tones = [e for e in events if isinstance(e, Tone) and start - 2 * JUST_BEFORE <= e.at <= start]
    heated = sum(b.at - a.at for a, b in pairwise(tones) if b.agitation >= AGITATED)
    return AFTER_OUTBURST_S if _s(heated) >= OUTBURST_S else 0.0


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


def _s(samples: int) -> float:
    return round(samples / SAMPLE_RATE, 3)

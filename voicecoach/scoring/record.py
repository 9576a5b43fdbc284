"""Collects the events of a call that its score card needs.

Numbers are rounded as in the event log, so a live call and its log give the same score card.
"""

from __future__ import annotations

from typing import NamedTuple

from voicecoach.estimates.calmness import pace_ratio
from voicecoach.types.events import (
    TONE_MIN_CONFIDENCE,
    Account,
    Backchannel,
    ChannelState,
    CueOpened,
    Delivery,
    Ended,
    Event,
    Gap,
    Listening,
    Overlap,
    Reply,
    SpeechEnded,
    Tone,
    Turn,
)
from voicecoach.types.stream import SPEAKERS, Speaker, nan_if_none
from voicecoach.views.conversation import Conversation
from voicecoach.views.event_log import VALUE_DECIMALS


class Span(NamedTuple):
    """A part of the call, samples."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Return whether the two spans share a moment."""
        return self.start < other.end and other.start < self.end


class DeliverySample(NamedTuple):
    """The agent's delivery at a moment; NaN where it is not known."""

    at: int
    rate_syl_s: float
    baseline_rate_syl_s: float
    level_db: float
    f0_semitones: float

    @property
    def pace_ratio(self) -> float:
        """Pace divided by the baseline."""
        return pace_ratio(self.rate_syl_s, self.baseline_rate_syl_s)


class CallRecord:
    """The events of a call that its score card needs, collected as they come."""

    def __init__(self) -> None:
        self.accounts: list[Span] = []
        self.replies: list[Span] = []
        self.turns: dict[Speaker, list[Span]] = {s: [] for s in SPEAKERS}
        self.segments: dict[Speaker, list[Span]] = {s: [] for s in SPEAKERS}
        self.backchannels: dict[Speaker, list[Span]] = {s: [] for s in SPEAKERS}
        self.conversation = Conversation()
        self.overlaps: list[Overlap] = []
        self.agitation: list[tuple[int, float]] = []
        self.delivery: list[DeliverySample] = []
        self.cues: list[CueOpened] = []
        self.states: list[ChannelState] = []
        self.pauses: list[Listening] = []
        self.gaps: list[Span] = []
        self.end = 0

    def add_event(self, event: Event) -> None:
        """Add an event."""
        self.end = max(self.end, event.end if isinstance(event, Ended) else event.at)
        self.conversation.add_event(event)
        match event:
            case Tone():
                if _as_logged(event.confidence) >= TONE_MIN_CONFIDENCE:
                    self.agitation.append((event.end, _as_logged(event.agitation)))
            case Delivery():
                e = event
                told = (e.rate_syl_s, e.baseline_rate_syl_s, e.level_db, e.f0_semitones)
                self.delivery.append(DeliverySample(e.end, *map(_as_logged, told)))
            case SpeechEnded():
                self.segments[event.speaker].append(Span(event.start, event.end))
            case Turn():
                self.turns[event.speaker].append(Span(event.start, event.end))
            case Account():
                self.accounts.append(Span(event.start, event.end))
            case Reply():
                self.replies.append(Span(event.start, event.end))
            case Backchannel():
                self.backchannels[event.speaker].append(Span(event.start, event.end))
            case _:
                self._add_other_event(event)

    def _add_other_event(self, event: Event) -> None:
        match event:
            case Overlap():
                self.overlaps.append(event)
            case CueOpened():
                self.cues.append(event)
            case ChannelState():
                self.states.append(event)
            case Listening():
                self.pauses.append(event)
            case Gap():
                self.gaps.append(Span(event.start, event.end))
            case _:
                pass


def _as_logged(x: float | None) -> float:
    return round(nan_if_none(x), VALUE_DECIMALS)

"""Builds the content of a call's report from its events, for the report page to draw.

Times are seconds of the call.  The signals are resampled to one even grid of limited width, so that
an hour draws as fast as a minute; each step keeps its extreme value, so no peak is lost.  Texts are
plain: the page must escape them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from voicecoach.coaching.cue_spans import read_cue_spans
from voicecoach.coaching.signal_catalogue import CUE_QUOTES, CUE_SIGNALS
from voicecoach.coaching.thresholds import thresholds_from_header
from voicecoach.types.events import (
    CarefulUtterance,
    CueFeedback,
    CueHeldBack,
    CueOpened,
    CueOutcome,
    Delivery,
    Event,
    Prosody,
    SignalChanges,
    Tone,
    Word,
    end_of_events,
)
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Speaker, to_rounded_seconds
from voicecoach.views import timeline
from voicecoach.views.annotated_transcript import MarkedUtterance, mark_utterances
from voicecoach.views.channel_text import short_state
from voicecoach.views.scorecard import ScoreCard
from voicecoach.views.summary import Summarizer, Summary, format_samples

MIN_POINT_STEP_S, MAX_POINTS = 0.256, 8000
"""Shortest time between points of the signals, seconds, and most points."""


class ShownCue(msgspec.Struct, frozen=True):
    """A cue that was on screen."""

    id: str
    title: str
    message: str
    say: str
    opened_s: float
    closed_s: float
    closed_because: str
    held_s: float
    evidence: list[tuple[str, str]]
    """Each signal of the rule, and its value with unit."""
    helpful: bool | None
    """How the agent marked it; None if they did not."""
    followed: list[str]
    """What followed it, in words."""


class HeldBackCue(msgspec.Struct, frozen=True):
    """A cue that was due but not shown."""

    id: str
    title: str
    at_s: float
    reason: str


class SignalSeries(msgspec.Struct, frozen=True):
    """Signals on an even grid: point i is at `i * step_s`; null if there is no value."""

    step_s: float
    agitation: list[float | None]
    confidence: list[float | None]
    rate_syl_s: list[float | None]
    baseline_rate_syl_s: list[float | None]
    agent_level_db: list[float | None]
    """Levels in dB and pitches in semitones, relative to the speaker's baseline."""
    customer_level_db: list[float | None]
    agent_f0_semitones: list[float | None]
    customer_f0_semitones: list[float | None]


class ReportFigure(msgspec.Struct, frozen=True):
    """A figure of the call, in words for a person to read."""

    name: str
    value: str
    note: str = ""
    at_s: float | None = None
    """The moment of the call to play, seconds."""


class Report(msgspec.Struct, frozen=True):
    """The content of a call's report."""

    call: str
    duration_s: float
    speakers: list[Speaker]
    words: bool
    """Whether there was a transcriber."""
    facts: list[ReportFigure]
    numbers: list[tuple[str, str, str]]
    """Rows of a table: name, the agent's value, the customer's value."""
    notes: list[str]
    """Warnings about the recording or the run."""
    turns: list[timeline.TimelineSegment]
    overlaps: list[timeline.TimelineSegment]
    silences: list[timeline.TimelineSegment]
    cues: list[ShownCue]
    held_back: list[HeldBackCue]
    lines: list[MarkedUtterance]
    careful_lines: list[MarkedUtterance]
    """The same, heard again with more care; none if the call was not."""
    series: SignalSeries
    card: ScoreCard | None = None


def make_report(
    facts: Mapping[str, Any], events: Iterable[Event], card: ScoreCard | None = None
) -> Report:
    """Return the content of a report.

    Parameters
    ----------
    facts
        Facts of the call from the log's header.
    events
        All events of the log, in order; they are read once.
    card
        The score card, if there is one.
    """
    name = str(facts.get("call") or "call")
    speakers = [s for s in SPEAKERS if s in (facts.get("speakers") or SPEAKERS)]
    summarizer, end = Summarizer(name), 0
    kept: list[Event] = []
    points: list[_Point] = []
    for event in events:
        summarizer.add_event(event)
        end = max(end, end_of_events([event]))
        if isinstance(event, (Tone, Delivery)):
            points.append(_point(event))
        elif less := _without_unused(event):
            kept.append(less)
    heard_again = any(isinstance(event, CarefulUtterance) for event in kept)
    summary = summarizer.finish()
    summary.duration_s = to_rounded_seconds(end)
    return Report(
        call=name,
        duration_s=to_rounded_seconds(end),
        speakers=speakers,
        words=bool(facts.get("words")),
        facts=_report_figures(summary, speakers),
        numbers=_numbers(summary),
        notes=summary.notes,
        turns=timeline.turn_lane(kept),
        overlaps=timeline.overlap_lane(kept),
        silences=(
            timeline.silence_lane(kept, end, thresholds_from_header(facts).dead_air_s)
            if len(speakers) == len(SPEAKERS)
            else []
        ),
        cues=_shown_cues(kept, end),
        held_back=_held_back_cues(kept),
        lines=mark_utterances(kept),
        careful_lines=mark_utterances(kept, careful=True) if heard_again else [],
        series=_series(points, end),
        card=card,
    )


def _without_unused(event: Event) -> Event | None:
    """Return an event without what a report does not use: a call has many of these."""
    if isinstance(event, SignalChanges):
        return timeline.dead_air_changes(event)
    unused = isinstance(event, Prosody) or (isinstance(event, Word) and not event.final)
    return None if unused else event


# --- cues -----------------------------------------------------------------------------------


def _shown_cues(events: Sequence[Event], end: int) -> list[ShownCue]:
    found = []
    outcomes = {(e.id, e.start): e for e in events if isinstance(e, CueOutcome) and e.shown}
    marks = {(e.id, e.start): e.helpful for e in events if isinstance(e, CueFeedback)}
    for span in read_cue_spans(events):
        e, close = span.opened, span.closed
        found.append(
            ShownCue(
                id=e.id,
                title=e.title,
                message=e.message,
                say=e.say,
                opened_s=to_rounded_seconds(e.at),
                closed_s=to_rounded_seconds(close.at if close else end),
                closed_because=close.reason if close else "the log ends",
                held_s=e.held_s,
                evidence=[_evidence_text(name, value) for name, value in e.evidence.items()],
                helpful=marks.get((e.id, e.at)),
                followed=_outcome_texts(outcomes.get((e.id, e.at))),
            )
        )
    return found


def _evidence_text(name: str, value: float | str) -> tuple[str, str]:
    if isinstance(value, str):
        return CUE_QUOTES.get(name, name), f"\u201c{value}\u201d"
    signal = CUE_SIGNALS.get(name)
    if signal is None:
        return name.replace("_", " "), f"{value:g}"
    unit = "" if signal.unit in ("0..1", "ratio", "count") else f" {signal.unit}"
    return signal.doc, f"{value:g}{unit}"


def _outcome_texts(outcome: CueOutcome | None) -> list[str]:
    if outcome is None:
        return []
    found = []
    if outcome.heeded is not None:
        found.append("followed within 10 s" if outcome.heeded else "not followed within 10 s")
    if outcome.agitation_before is not None and outcome.agitation_after is not None:
        found.append(
            f"the customer's agitation (an estimate) was {outcome.agitation_before:.2f} before "
            f"and {outcome.agitation_after:.2f} half a minute later"
        )
    return found


def _held_back_cues(events: Sequence[Event]) -> list[HeldBackCue]:
    titles = {e.id: e.title for e in events if isinstance(e, CueOpened)}
    return [
        HeldBackCue(
            e.id, titles.get(e.id, e.id.replace("-", " ")), to_rounded_seconds(e.at), e.reason
        )
        for e in events
        if isinstance(e, CueHeldBack)
    ]


# --- signals --------------------------------------------------------------------------------


class _Point(NamedTuple):
    """What the series show of one estimate: a call has hundreds of thousands."""

    at: int
    confidence: float | None
    """Of a `Tone`; None for a `Delivery`."""
    values: tuple[float | None, ...]
    """The values of `_TONE_SERIES` or `_DELIVERY_SERIES`."""


_TONE_SERIES = ("agitation", "customer_level_db", "customer_f0_semitones")
_DELIVERY_SERIES = ("rate_syl_s", "baseline_rate_syl_s", "agent_level_db", "agent_f0_semitones")


def _point(e: Tone | Delivery) -> _Point:
    if isinstance(e, Delivery):
        values = (e.rate_syl_s, e.baseline_rate_syl_s, e.level_db, e.f0_semitones)
        return _Point(e.at, None, values)
    level, f0 = (e.signals.get(name) for name in ("level_db", "f0_semitones"))
    return _Point(e.at, e.confidence, (e.agitation, level, f0))


def _series(points: Iterable[_Point], end: int) -> SignalSeries:
    step_s = max(MIN_POINT_STEP_S, to_rounded_seconds(end) / MAX_POINTS)
    count = int(to_rounded_seconds(end) / step_s) + 1 if end else 0
    names = SignalSeries.__struct_fields__[1:]
    columns: dict[str, list[float | None]] = {name: [None] * count for name in names}

    def keep(name: str, i: int, value: float | None) -> bool:
        """Keep a step's extreme value; return whether this value is it."""
        old = columns[name][i]
        if value is None or (old is not None and abs(old) >= abs(value)):
            return False
        columns[name][i] = round(value, 3)
        return True

    for at, confidence, values in points:
        i = min(int(to_rounded_seconds(at) / step_s), count - 1)
        series = _DELIVERY_SERIES if confidence is None else _TONE_SERIES
        kept = [keep(name, i, value) for name, value in zip(series, values, strict=True)]
        if confidence is not None and kept[0]:
            columns["confidence"][i] = round(confidence, 3)
    return SignalSeries(step_s, **columns)


# --- figures --------------------------------------------------------------------------------


def _report_figures(s: Summary, speakers: Sequence[Speaker]) -> list[ReportFigure]:
    found = [ReportFigure("Length", format_samples(round(s.duration_s * SAMPLE_RATE)))]
    if len(speakers) == len(SPEAKERS):
        shares = f"{s.agent.talk_share:.0%} / {s.customer.talk_share:.0%}"
        found.append(ReportFigure("Share of talk", shares, "agent / customer"))
    held = sum(s.held_back.values())
    found.append(ReportFigure("Cues", str(len(s.cues)), f"and {held} held back"))
    if s.agitation_peak is not None and s.agitation_mean is not None:
        note = f"an estimate, 0 to 1; mean {s.agitation_mean:.2f}, at the end {s.agitation_end:.2f}"
        found.append(
            ReportFigure("Highest agitation", f"{s.agitation_peak:.2f}", note, s.agitation_peak_s)
        )
    if s.agent_baseline_rate_syl_s is not None:
        note = "syllables a second, the agent's usual pace"
        found.append(ReportFigure("Pace", f"{s.agent_baseline_rate_syl_s:.1f}", note))
    if isinstance(s.agent_calmness_mean, float):
        note = "the agent's delivery by the calmness formula, mean; 0.75 is their usual"
        found.append(ReportFigure("Calmness", f"{s.agent_calmness_mean:.2f}", note))
    return found


def _numbers(s: Summary) -> list[tuple[str, str, str]]:
    a, c = s.agent, s.customer
    return [
        ("speech", f"{a.speech_s:.0f} s", f"{c.speech_s:.0f} s"),
        ("turns", str(a.turns), str(c.turns)),
        ("longest turn", f"{s.longest_agent_turn_s:.0f} s", ""),
        ("interruptions", str(a.overlaps_begun), str(c.overlaps_begun)),
        ("backchannels", str(a.backchannels), str(c.backchannels)),
        ("channel", short_state(a.channel), short_state(c.channel)),
    ]

"""What the journal keeps of a call: a pure function of its events, as rows of the journal's tables.

It is as little as trends and a talk about the call need: figures, cues, scores and marks.  No
transcript is ever in it, nor the composite calmness, nor who the agent is.  What quotes somebody, a
cue's message and the moments of a score, is kept only where that is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from voicecoach.types import (
    CueClosed,
    CueFeedback,
    CueHeldBack,
    CueOpened,
    CueOutcome,
    Ended,
    Event,
    SpeechEnded,
    to_seconds,
)
from voicecoach.views.scorecard import ScoreCard, TechniqueScore
from voicecoach.views.summary import Summarizer

ID_DIGITS = 12
"""Hexadecimal, of a call's id after its c."""


class JournalRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a table; its fields are the table's columns, in their order."""


class CallRow(JournalRow, frozen=True, kw_only=True):
    """A call, in figures; `None` is not known."""

    id: str
    """Made of what the call is, so that the same call is the same row whenever it is added."""
    name: str
    started_at: str
    """ISO 8601, UTC."""
    duration_s: float
    complete: bool
    """Its log has an end."""
    live: bool
    words: bool
    """There was a transcriber."""
    voicecoach: str
    """The version that heard it."""
    notice: str
    """What the customer was told, "" for nothing."""
    agent_speech_s: float
    customer_speech_s: float
    agent_talk_share: float
    """Of both's speech, 0..1."""
    agent_turns: int
    customer_turns: int
    agent_overlaps: int
    """Times they came in over the other, backchannels apart."""
    customer_overlaps: int
    overlap_s: float
    longest_agent_turn_s: float
    agitation_mean: float | None
    """Of the customer: an estimate, 0..1, as the two below."""
    agitation_peak: float | None
    agitation_peak_s: float | None
    agitation_end: float | None
    style: str
    """Of handling the conflict, "" where it is not known; see `scorecard.Styles`."""
    assertiveness: float | None
    cooperativeness: float | None


class CueRow(JournalRow, frozen=True, kw_only=True):
    """A cue that was shown."""

    call: str
    cue: str
    title: str
    opened_s: float
    closed_s: float | None
    closed_because: str
    priority: int
    held_s: float
    """How long its condition held before it was shown."""
    evidence: str
    """JSON: signals by name; what is quoted of somebody only with words."""
    message: str
    """"" without words: it may quote."""


class HeldBackRow(JournalRow, frozen=True, kw_only=True):
    """A cue that was due and not shown."""

    call: str
    cue: str
    at_s: float
    reason: str


class OutcomeRow(JournalRow, frozen=True, kw_only=True):
    """What followed a cue, or a moment at which one was due; see `types.CueOutcome`."""

    call: str
    cue: str
    at_s: float
    """When it was shown, or would have been."""
    shown: bool
    reason: str
    """Why it was not; "holdout" is by chance."""
    heeded: bool | None
    signal: str
    before: float | None
    after: float | None
    agitation_before: float | None
    agitation_after: float | None


class FeedbackRow(JournalRow, frozen=True, kw_only=True):
    """A cue was marked, by one tap."""

    call: str
    cue: str
    opened_s: float
    """Of the cue."""
    at_s: float
    helpful: bool
    """Else it was wrong."""


class ScoreRow(JournalRow, frozen=True, kw_only=True):
    """A technique in a call; see `scorecard.Technique`."""

    call: str
    technique: str
    name: str
    score: float | None
    formula: str
    seen: int
    """How many moments."""
    missed: int


class QuoteRow(JournalRow, frozen=True, kw_only=True):
    """A moment that a score rests on; there are none without words."""

    call: str
    technique: str
    missed: bool
    """Else it was seen."""
    speaker: str
    start_s: float
    end_s: float
    text: str
    why: str


class SurveyRow(JournalRow, frozen=True, kw_only=True):
    """What was asked afterwards; see `scorecard.Survey`."""

    call: str
    csat: int | None
    nps: int | None
    ces: int | None
    notes: str


class NoteRow(JournalRow, frozen=True, kw_only=True):
    """Something that a person noted about a call."""

    call: str
    noted_at: str
    """ISO 8601, UTC."""
    text: str


JOURNAL_TABLES: Mapping[str, type[JournalRow]] = {
    "calls": CallRow,
    "cues": CueRow,
    "held_back": HeldBackRow,
    "outcomes": OutcomeRow,
    "feedback": FeedbackRow,
    "scores": ScoreRow,
    "quotes": QuoteRow,
    "surveys": SurveyRow,
    "notes": NoteRow,
}
"""All that a journal has."""
TABLES_FROM_CALL = ("cues", "held_back", "outcomes", "feedback", "scores", "quotes")
"""Those that come from the call; the others a person adds."""


class JournalEntry(NamedTuple):
    """A call as the journal keeps it."""

    call: CallRow
    rows: Mapping[str, list[JournalRow]]
    """By table, of `FOUND`."""


def make_entry(
    facts: Mapping[str, Any],
    events: Sequence[Event],
    card: ScoreCard | None = None,
    *,
    started_at: str,
    words: bool = False,
) -> JournalEntry:
    """Return what to keep of a call.

    Parameters
    ----------
    facts
        Of its log's header.
    events
        Of its log.
    card
        Its score card, where there is one.
    started_at
        ISO 8601, UTC.
    words
        Keep what quotes somebody, too.
    """
    call = _call_row(facts, events, card, started_at)
    rows: dict[str, list[JournalRow]] = {table: [] for table in TABLES_FROM_CALL}
    for event in events:
        match event:
            case CueOpened():
                rows["cues"].append(_cue_row(call.id, event, words))
            case CueClosed() if rows["cues"]:
                closed = {"closed_s": to_seconds(event.at), "closed_because": event.reason}
                rows["cues"][-1] = msgspec.structs.replace(rows["cues"][-1], **closed)
            case CueHeldBack():
                held = HeldBackRow(
                    call=call.id, cue=event.id, at_s=to_seconds(event.at), reason=event.reason
                )
                rows["held_back"].append(held)
            case CueOutcome():
                rows["outcomes"].append(_outcome_row(call.id, event))
            case CueFeedback():
                mark = FeedbackRow(
                    call=call.id,
                    cue=event.id,
                    opened_s=to_seconds(event.start),
                    at_s=to_seconds(event.at),
                    helpful=event.helpful,
                )
                rows["feedback"].append(mark)
    for technique in card.techniques if card else ():
        rows["scores"].append(_score_row(call.id, technique))
        if words:
            rows["quotes"] += _quote_rows(call.id, technique)
    return JournalEntry(call, rows)


def call_id(facts: Mapping[str, Any], events: Iterable[Event]) -> str:
    """Return a call's id: the same for the same call, whatever cues or words were made of it.

    A live call is its name and its start, also where its log was cut off; a recording is its name
    and when there was speech on which channel.
    """
    digest = hashlib.sha256(str(facts.get("call", "")).encode())
    if "started_at" in facts:
        digest.update(str(facts["started_at"]).encode())
    else:
        for event in events:
            if isinstance(event, SpeechEnded):
                digest.update(f"{event.speaker} {event.start} {event.end},".encode())
            elif isinstance(event, Ended):
                digest.update(f"{event.end}".encode())
    # A letter first: a spreadsheet takes 12e456789012 for a number.
    return f"c{digest.hexdigest()[:ID_DIGITS]}"


def _call_row(
    facts: Mapping[str, Any], events: Sequence[Event], card: ScoreCard | None, started_at: str
) -> CallRow:
    summarizer = Summarizer(str(facts.get("call", "")))
    for event in events:
        summarizer.add_event(event)
    s = summarizer.finish()
    return CallRow(
        id=call_id(facts, events),
        name=s.call,
        started_at=started_at,
        duration_s=s.duration_s or max((to_seconds(event.at) for event in events), default=0.0),
        complete=any(isinstance(event, Ended) for event in events),
        live=bool(facts.get("live", False)),
        words=bool(facts.get("words", False)),
        voicecoach=str(facts.get("voicecoach", "")),
        notice=str(facts.get("notice", "")),
        agent_speech_s=s.agent.speech_s,
        customer_speech_s=s.customer.speech_s,
        agent_talk_share=s.agent.talk_share,
        agent_turns=s.agent.turns,
        customer_turns=s.customer.turns,
        agent_overlaps=s.agent.overlaps_begun,
        customer_overlaps=s.customer.overlaps_begun,
        overlap_s=s.overlap_s,
        longest_agent_turn_s=s.longest_agent_turn_s,
        agitation_mean=s.agitation_mean,
        agitation_peak=s.agitation_peak,
        agitation_peak_s=s.agitation_peak_s,
        agitation_end=s.agitation_end,
        style=card.styles.style if card else "",
        assertiveness=card.styles.assertiveness if card else None,
        cooperativeness=card.styles.cooperativeness if card else None,
    )


def _cue_row(call: str, event: CueOpened, words: bool) -> CueRow:
    # A text among the evidence is something that was said.
    kept = {k: v for k, v in event.evidence.items() if words or not isinstance(v, str)}
    return CueRow(
        call=call,
        cue=event.id,
        title=event.title,
        opened_s=to_seconds(event.at),
        closed_s=None,
        closed_because="",
        priority=event.priority,
        held_s=event.held_s,
        evidence=msgspec.json.encode(kept).decode(),
        message=event.message if words else "",
    )


def _outcome_row(call: str, event: CueOutcome) -> OutcomeRow:
    return OutcomeRow(
        call=call,
        cue=event.id,
        at_s=to_seconds(event.start),
        shown=event.shown,
        reason=event.reason,
        heeded=event.heeded,
        signal=event.signal,
        before=event.before,
        after=event.after,
        agitation_before=event.agitation_before,
        agitation_after=event.agitation_after,
    )


def _score_row(call: str, technique: TechniqueScore) -> ScoreRow:
    return ScoreRow(
        call=call,
        technique=technique.id,
        name=technique.name,
        score=technique.score,
        formula=technique.formula,
        seen=len(technique.seen),
        missed=len(technique.missed),
    )


def _quote_rows(call: str, technique: TechniqueScore) -> list[QuoteRow]:
    return [
        QuoteRow(
            call=call,
            technique=technique.id,
            missed=missed,
            speaker=quote.speaker,
            start_s=quote.start_s,
            end_s=quote.end_s,
            text=quote.text,
            why=quote.why,
        )
        for missed, quotes in ((False, technique.seen), (True, technique.missed))
        for quote in quotes
    ]

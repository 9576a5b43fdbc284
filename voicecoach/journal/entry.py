"""Turns a call's events into rows of the journal's tables; a pure function.

The journal stores only what trends and a talk about the call need: figures, cues, scores and marks.
It never stores a transcript, the composite calmness, or who the agent is.  Text that quotes
somebody (a cue's message, the moments of a score) is stored only on request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from voicecoach.coaching.cue_spans import CueSpan, read_cue_spans
from voicecoach.types.events import (
    CueClosed,
    CueFeedback,
    CueHeldBack,
    CueOpened,
    CueOutcome,
    Ended,
    Event,
    SpeechEnded,
    end_of_events,
)
from voicecoach.types.stream import to_seconds
from voicecoach.views.columns import Column, doc, reference_table, struct_columns
from voicecoach.views.scorecard import ConflictStyles, ScoreCard, TechniqueScore
from voicecoach.views.summary import (
    CueSummary,
    Summarizer,
    Summary,
    figure_columns,
    flatten_summary,
)

ID_DIGITS = 12
"""Hexadecimal digits in a call's id, after the letter c."""


R = TypeVar("R", bound="JournalRow")
CallId = Annotated[str, doc("id of the call")]
CueId = Annotated[str, doc("id of the cue")]


class JournalRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a table; its fields are the table's columns, in order.

    A field without a description takes it from the struct it is copied from; see `journal_columns`.
    A field whose name ends in `_at` is a time: ISO 8601, UTC.
    """

    @classmethod
    def time_fields(cls) -> list[str]:
        """Return the names of the fields that are times."""
        return [name for name in cls.__struct_fields__ if name.endswith("_at")]


class CallRow(JournalRow, frozen=True, kw_only=True):
    """A call, in figures."""

    id: Annotated[str, doc("made of what the call is, so that adding it again replaces its row")]
    name: Annotated[str, doc("name of the recording or the folder")]
    started_at: Annotated[str, doc("when it began, ISO 8601, UTC")]
    duration_s: float
    complete: Annotated[bool, doc("whether its log has an end")]
    live: Annotated[bool, doc("whether it was a live call")]
    words: Annotated[bool, doc("whether there was a transcriber")]
    voicecoach: Annotated[str, doc("version that analysed it")]
    notice: Annotated[str, doc("what the customer was told, or empty")]
    agent_speech_s: float
    customer_speech_s: float
    agent_talk_share: float
    agent_turns: int
    customer_turns: int
    agent_overlaps: int
    customer_overlaps: int
    overlap_s: float
    longest_agent_turn_s: float
    agitation_mean: float | None
    agitation_peak: float | None
    agitation_peak_s: float | None
    agitation_end: float | None
    style: str
    assertiveness: float | None
    cooperativeness: float | None


class CueRow(JournalRow, frozen=True, kw_only=True):
    """A cue that was shown."""

    call: CallId
    cue: CueId
    title: str
    opened_s: float
    closed_s: float | None
    closed_because: str
    priority: Annotated[int, doc("a cue of a higher one takes its place")]
    held_s: Annotated[float, doc("how long its condition held before it was shown, seconds")]
    evidence: Annotated[
        str, doc("JSON: signals by name; what is quoted of somebody only with words")
    ]
    message: Annotated[str, doc("message, as shown; empty without words, since it may quote")]


class HeldBackRow(JournalRow, frozen=True, kw_only=True):
    """A cue that was due and not shown."""

    call: CallId
    cue: CueId
    at_s: Annotated[float, doc("when it was due, seconds")]
    reason: Annotated[str, doc("why it was not shown")]


class OutcomeRow(JournalRow, frozen=True, kw_only=True):
    """What followed a cue, or a moment at which one was due and none was on screen."""

    call: CallId
    cue: CueId
    at_s: Annotated[float, doc("when it was shown, or would have been, seconds")]
    shown: Annotated[bool, doc("whether it was shown")]
    reason: Annotated[str, doc("why it was not shown; `holdout` is by chance")]
    heeded: Annotated[bool | None, doc("whether the agent did what it says within 10 s")]
    signal: Annotated[str, doc("what was measured of the agent, empty where it is words alone")]
    before: Annotated[float | None, doc("its value before")]
    after: Annotated[float | None, doc("its last value within 10 s")]
    agitation_before: Annotated[
        float | None, doc("the customer's agitation, mean of the 10 s before, 0..1")
    ]
    agitation_after: Annotated[float | None, doc("the same from 20 to 30 s after")]


class FeedbackRow(JournalRow, frozen=True, kw_only=True):
    """A mark by the agent, by one tap."""

    call: CallId
    cue: CueId
    opened_s: Annotated[float, doc("when the cue opened, seconds")]
    at_s: Annotated[float, doc("when it was marked, seconds")]
    helpful: Annotated[bool, doc("whether it was helpful; else it was wrong")]


class ScoreRow(JournalRow, frozen=True, kw_only=True):
    """A technique in a call."""

    call: CallId
    technique: Annotated[str, doc("id of the technique")]
    name: str
    score: float | None
    formula: str
    seen: Annotated[int, doc("moments at which it was seen")]
    missed: Annotated[int, doc("moments at which it was missed")]


class QuoteRow(JournalRow, frozen=True, kw_only=True):
    """A moment that a score is based on; only with words."""

    call: CallId
    technique: Annotated[str, doc("id of the technique")]
    missed: Annotated[bool, doc("whether it was missed; else it was seen")]
    speaker: Annotated[str, doc("`agent` or `customer`")]
    start_s: Annotated[float, doc("when it begins, seconds")]
    end_s: Annotated[float, doc("when it ends, seconds")]
    text: Annotated[str, doc("the words, or what was measured")]
    why: Annotated[str, doc("what it shows, or what would have been due")]


class SurveyRow(JournalRow, frozen=True, kw_only=True):
    """The answers of a survey."""

    call: CallId
    csat: Annotated[int | None, doc("how satisfied the customer was, 1 to 5")]
    nps: Annotated[int | None, doc("how likely they are to recommend, 0 to 10")]
    ces: Annotated[int | None, doc("how easy it was, 1 to 7")]
    notes: Annotated[str, doc("the trainer's notes")]


class NoteRow(JournalRow, frozen=True, kw_only=True):
    """Something that a person noted about a call."""

    call: CallId
    noted_at: Annotated[str, doc("when, ISO 8601, UTC")]
    text: Annotated[str, doc("what was noted")]


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
"""All tables of a journal, by name."""
TABLES_FROM_CALL = ("cues", "held_back", "outcomes", "feedback", "scores", "quotes")
"""Tables that are filled from the call; people add the rows of surveys and notes."""


STORED_NAMES = {
    "agent_overlaps": "agent_overlaps_begun",
    "customer_overlaps": "customer_overlaps_begun",
}
"""Columns of the calls table whose name differs from the figure's name."""


def journal_columns(table: str) -> list[Column]:
    """Return the columns of a table with their descriptions."""
    sources = {
        "calls": [*figure_columns(), *struct_columns(ConflictStyles)],
        "cues": struct_columns(CueSummary),
        "scores": struct_columns(TechniqueScore),
    }
    described = {column.name: column.doc for column in sources.get(table, [])}
    return [
        c if c.doc else c._replace(doc=described[STORED_NAMES.get(c.name, c.name)])
        for c in struct_columns(JOURNAL_TABLES[table])
    ]


def journal_reference() -> str:
    """Return the reference of the tables, as Markdown."""
    out = []
    for name, row in JOURNAL_TABLES.items():
        out += [f"### `{name}`", "", row.__doc__ or "", ""]
        out += [*reference_table(journal_columns(name), _KIND_LABELS), ""]
    return "\n".join(out)


_KIND_LABELS = {
    "string": "text",
    "float64": "number",
    "int64": "whole number",
    "bool": "1 for yes, 0 for no",
}


class JournalEntry(NamedTuple):
    """A call as the journal stores it."""

    call: CallRow
    rows: Mapping[str, Sequence[JournalRow]]
    """Rows by table; the tables are `TABLES_FROM_CALL`."""


def make_entry(
    facts: Mapping[str, Any],
    events: Iterable[Event],
    card: ScoreCard | None = None,
    *,
    started_at: str,
    words: bool = False,
) -> JournalEntry:
    """Return the journal's entry for a call.

    Parameters
    ----------
    facts
        Facts of the call from the log's header.
    events
        All events of the log, in order; they are read once.
    card
        The score card, if there is one.
    started_at
        Start of the call, ISO 8601, UTC.
    words
        Whether quotations are stored too.
    """
    summarizer, end = Summarizer(str(facts.get("call", ""))), 0
    kept: list[Event] = []
    for event in events:
        summarizer.add_event(event)
        end = max(end, end_of_events([event]))
        if isinstance(event, _STORED):
            kept.append(event)
    call = _call_row(facts, kept, summarizer.finish(), end, card, started_at)
    techniques = card.techniques if card else []
    rows: dict[str, Sequence[JournalRow]] = {
        "cues": [_cue_row(call.id, span, words) for span in read_cue_spans(kept)],
        "held_back": [
            _make_row(HeldBackRow, event, call=call.id, cue=event.id, at_s=to_seconds(event.at))
            for event in kept
            if isinstance(event, CueHeldBack)
        ],
        "outcomes": [
            _make_row(OutcomeRow, event, call=call.id, cue=event.id, at_s=to_seconds(event.start))
            for event in kept
            if isinstance(event, CueOutcome)
        ],
        "feedback": [
            FeedbackRow(
                call=call.id,
                cue=event.id,
                opened_s=to_seconds(event.start),
                at_s=to_seconds(event.at),
                helpful=event.helpful,
            )
            for event in kept
            if isinstance(event, CueFeedback)
        ],
        "scores": [
            _make_row(
                ScoreRow, t, call=call.id, technique=t.id, seen=len(t.seen), missed=len(t.missed)
            )
            for t in techniques
        ],
        "quotes": [
            _make_row(QuoteRow, quote, call=call.id, technique=t.id, missed=missed)
            for t in techniques
            for missed, quotes in ((False, t.seen), (True, t.missed))
            for quote in quotes
            if words
        ],
    }
    return JournalEntry(call, rows)


_STORED = (
    *(CueOpened, CueClosed, CueHeldBack, CueOutcome, CueFeedback),
    *(SpeechEnded, Ended),  # for the id
)
"""Events of which an entry needs more than the summary."""


def _make_row(kind: type[R], source: object, **given: Any) -> R:
    """Return a row with the given values; the other fields are copied from `source`."""
    rest = {name: getattr(source, name) for name in kind.__struct_fields__ if name not in given}
    return kind(**given, **rest)


def call_id(facts: Mapping[str, Any], events: Iterable[Event]) -> str:
    """Return a call's id, which does not depend on the cues or the transcript.

    A live call is identified by its name and start, even if its log was cut off; a recording by its
    name and by when there was speech on each channel.
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
    # Begin with a letter: a spreadsheet reads 12e456789012 as a number.
    return f"c{digest.hexdigest()[:ID_DIGITS]}"


def _call_row(
    facts: Mapping[str, Any],
    events: Sequence[Event],
    s: Summary,
    end: int,
    card: ScoreCard | None,
    started_at: str,
) -> CallRow:
    figures = flatten_summary(s)
    figures |= {column: figures[name] for column, name in STORED_NAMES.items()}
    figures["duration_s"] = s.duration_s or to_seconds(end)
    return CallRow(
        id=call_id(facts, events),
        name=s.call,
        started_at=started_at,
        complete=any(isinstance(event, Ended) for event in events),
        live=bool(facts.get("live", False)),
        words=bool(facts.get("words", False)),
        voicecoach=str(facts.get("voicecoach", "")),
        notice=str(facts.get("notice", "")),
        style=card.styles.style if card else "",
        assertiveness=card.styles.assertiveness if card else None,
        cooperativeness=card.styles.cooperativeness if card else None,
        **{name: figures[name] for name in CallRow.__struct_fields__ if name in figures},
    )


def _cue_row(call: str, span: CueSpan, words: bool) -> CueRow:
    cue, closed = span
    # Evidence that is text quotes what somebody said.
    kept = {k: v for k, v in cue.evidence.items() if words or not isinstance(v, str)}
    return _make_row(
        CueRow,
        cue,
        call=call,
        cue=cue.id,
        opened_s=to_seconds(cue.at),
        closed_s=to_seconds(closed.at) if closed else None,
        closed_because=closed.reason if closed else "",
        evidence=msgspec.json.encode(kept).decode(),
        message=cue.message if words else "",
    )

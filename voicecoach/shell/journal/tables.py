"""The journal in the terminal: its calls, one of them, its trends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from voicecoach.journal.entry import (
    CallRow,
    CueRow,
    FeedbackRow,
    HeldBackRow,
    NoteRow,
    OutcomeRow,
    QuoteRow,
    ScoreRow,
    SurveyRow,
)
from voicecoach.journal.trends import FEW, Trends
from voicecoach.shell.journal.page import STRONGEST, SURVEYS, day, share, signed
from voicecoach.shell.journal.store import Journal, Overview
from voicecoach.types import SAMPLE_RATE
from voicecoach.views.summary import clock, printable


def calls(found: Sequence[Overview]) -> Table:
    """Return the list of calls."""
    table = Table()
    for name in ("date", "id", "call", "length", "cues", "peak", "scores", "survey", "notes"):
        table.add_column(name, no_wrap=name in ("date", "id"))
    for each in found:
        call, survey = each.call, each.survey
        answers = {"csat": survey.csat, "nps": survey.nps, "ces": survey.ces} if survey else {}
        table.add_row(
            local(call.started_at),
            call.id,
            _text(call.name),
            _stamp(call.duration_s) + ("" if call.complete else ", cut off"),
            str(each.cues),
            "-" if call.agitation_peak is None else f"{call.agitation_peak:.2f}",
            str(each.scores),
            ", ".join(f"{name} {value}" for name, value in answers.items() if value is not None),
            str(each.notes or ""),
        )
    return table


def call_told(journal: Journal, call: CallRow) -> Iterator[RenderableType]:
    """Yield all there is of a call."""
    its = "call = ?", (call.id,)
    facts = Table(title=_text(call.name), show_header=False)
    for name in call.__struct_fields__:
        value = getattr(call, name)
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        facts.add_row(name, _text("not known" if value is None else shown))
    facts.add_row("sound", _text(str(journal.audio(call.id) or "not kept")))
    yield facts
    cues = Table("at", "cue", "for", "closed", "heeded", "agitation, 30 s later", "mark", "message")
    outcomes = {(each.cue, each.at_s): each for each in journal.select(OutcomeRow, *its)}
    marks = {(each.cue, each.opened_s): each.helpful for each in journal.select(FeedbackRow, *its)}
    for cue in journal.select(CueRow, *its):
        outcome = outcomes.get((cue.cue, cue.opened_s))
        cues.add_row(
            _stamp(cue.opened_s),
            _text(cue.title),
            "" if cue.closed_s is None else f"{cue.closed_s - cue.opened_s:.1f} s",
            _text(cue.closed_because),
            {True: "yes", False: "no", None: ""}[outcome.heeded if outcome else None],
            _change(outcome),
            {True: "helpful", False: "wrong", None: ""}[marks.get((cue.cue, cue.opened_s))],
            _text(cue.message),
        )
    yield cues
    held = Counter((row.cue, row.reason) for row in journal.select(HeldBackRow, *its))
    for (id, reason), count in held.items():
        yield _text(f"held back: {id}, {reason}" + (f", {count} times" if count > 1 else ""))
    scores = Table("technique", "score", "seen", "missed", "formula")
    for score in journal.select(ScoreRow, *its):
        value = "-" if score.score is None else f"{score.score:.2f}"
        told = _text(score.name), value, str(score.seen), str(score.missed), _text(score.formula)
        scores.add_row(*told)
    if scores.rows:
        yield scores
    for quote in journal.select(QuoteRow, *its):
        what = f"{quote.technique}, {'missed' if quote.missed else 'seen'}"
        said = f"{_stamp(quote.start_s)} {quote.speaker}: {quote.text}"
        yield _text(f"{what}: {said}" + (f" ({quote.why})" if quote.why else ""))
    for survey in journal.select(SurveyRow, *its):
        for name in ("csat", "nps", "ces", "notes"):
            if getattr(survey, name) not in (None, ""):
                yield _text(f"{name}: {getattr(survey, name)}")
    for note in journal.select(NoteRow, *its):
        yield _text(f"{local(note.noted_at)} {note.text}")


def tables(trends: Trends) -> list[Table]:
    """Return what the page draws, as tables."""
    calls = f"{trends.calls} call{'' if trends.calls == 1 else 's'}"
    techniques = Table("technique", "first week", "last week", "scored", title=f"{calls}: by week")
    for course in trends.courses:
        if course.weeks:
            ends = [course.weeks[0], course.weeks[-1]]
            shown = [f"{w.median:.2f} ({w.calls} in the week of {day(w.week)})" for w in ends]
            count = str(sum(week.calls for week in course.weeks))
            techniques.add_row(_text(course.name), *shown, count)
    cues = Table("cue", "shown", "heeded", "agitation", "due, not shown", "marks", title="Cues")
    for cue in trends.cues:
        other = cue.held_out if cue.against == "held out" else cue.held_back
        name = cue.against or "held back"
        cues.add_row(
            _text(cue.title),
            str(cue.shown.moments),
            share(cue.shown.heeded),
            signed(cue.shown.change),
            f"{signed(other.change)}, {name} {other.moments} times" if other.moments else "",
            f"{cue.helpful} helpful, {cue.wrong} wrong" if cue.helpful or cue.wrong else "",
        )
    surveys = Table(
        "survey",
        "moves with",
        "calls",
        "rank correlation",
        title="Associations, the strongest; not causes",
    )
    for survey, name in SURVEYS.items():
        found = [each for each in trends.associations if each.survey == survey]
        for each in found[:STRONGEST]:
            surveys.add_row(name, _text(each.figure), str(each.rank.of), signed(each.rank))
    if not trends.associations:
        surveys.add_row(f"fewer than {FEW} calls with an answer", "", "", "")
    return [techniques, cues, surveys]


def local(moment: str) -> str:
    """Return a time of the journal as the clock here shows it."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"


def _change(outcome: OutcomeRow | None) -> str:
    if not outcome or outcome.agitation_before is None or outcome.agitation_after is None:
        return ""
    return f"{outcome.agitation_after - outcome.agitation_before:+.2f}"


def _stamp(seconds: float) -> str:
    return clock(round(seconds * SAMPLE_RATE))


def _text(text: str) -> Text:
    return Text(printable(text))

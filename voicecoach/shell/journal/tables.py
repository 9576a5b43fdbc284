"""Prints the journal in the terminal: the list of calls, one call, the trends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table

from voicecoach.journal import entry
from voicecoach.journal.trends import MIN_FOR_INTERVAL, Trends
from voicecoach.shell.journal.page import (
    MAX_ASSOCIATIONS,
    SURVEY_TITLES,
    share_text,
    signed_text,
    week_day_text,
)
from voicecoach.shell.journal.store import CallOverview, JournalStore
from voicecoach.shell.views.rich_text import safe_text
from voicecoach.types.stream import SAMPLE_RATE
from voicecoach.views.summary import count_text, format_samples


def calls_table(found: Sequence[CallOverview]) -> Table:
    """Return the list of calls."""
    table = Table()
    for name in ("date", "id", "call", "length", "cues", "peak", "scores", "survey", "notes"):
        table.add_column(name, no_wrap=name in ("date", "id"))
    for each in found:
        call, survey = each.call, each.survey
        answers = {"csat": survey.csat, "nps": survey.nps, "ces": survey.ces} if survey else {}
        table.add_row(
            local_time_text(call.started_at),
            call.id,
            safe_text(call.name),
            _stamp(call.duration_s) + ("" if call.complete else ", cut off"),
            str(each.cues),
            "-" if call.agitation_peak is None else f"{call.agitation_peak:.2f}",
            str(each.scores),
            ", ".join(f"{name} {value}" for name, value in answers.items() if value is not None),
            str(each.notes or ""),
        )
    return table


def render_call(journal: JournalStore, call: entry.CallRow) -> Iterator[RenderableType]:
    """Yield everything that is stored for a call."""
    its = "call = ?", (call.id,)
    facts = Table(title=safe_text(call.name), show_header=False)
    for name in call.__struct_fields__:
        value = getattr(call, name)
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        facts.add_row(name, safe_text("not known" if value is None else shown))
    facts.add_row("sound", safe_text(str(journal.audio_file(call.id) or "not kept")))
    yield facts
    cues = Table("at", "cue", "for", "closed", "heeded", "agitation, 30 s later", "mark", "message")
    outcomes = {(each.cue, each.at_s): each for each in journal.select_rows(entry.OutcomeRow, *its)}
    marks = {
        (each.cue, each.opened_s): each.helpful
        for each in journal.select_rows(entry.FeedbackRow, *its)
    }
    for cue in journal.select_rows(entry.CueRow, *its):
        outcome = outcomes.get((cue.cue, cue.opened_s))
        cues.add_row(
            _stamp(cue.opened_s),
            safe_text(cue.title),
            "" if cue.closed_s is None else f"{cue.closed_s - cue.opened_s:.1f} s",
            safe_text(cue.closed_because),
            {True: "yes", False: "no", None: ""}[outcome.heeded if outcome else None],
            _change(outcome),
            {True: "helpful", False: "wrong", None: ""}[marks.get((cue.cue, cue.opened_s))],
            safe_text(cue.message),
        )
    yield cues
    held = Counter((row.cue, row.reason) for row in journal.select_rows(entry.HeldBackRow, *its))
    for (id, reason), count in held.items():
        yield safe_text(f"held back: {id}, {reason}" + (f", {count} times" if count > 1 else ""))
    scores = Table("technique", "score", "seen", "missed", "formula")
    for score in journal.select_rows(entry.ScoreRow, *its):
        value = "-" if score.score is None else f"{score.score:.2f}"
        counts = str(score.seen), str(score.missed)
        scores.add_row(safe_text(score.name), value, *counts, safe_text(score.formula))
    if scores.rows:
        yield scores
    for quote in journal.select_rows(entry.QuoteRow, *its):
        what = f"{quote.technique}, {'missed' if quote.missed else 'seen'}"
        said = f"{_stamp(quote.start_s)} {quote.speaker}: {quote.text}"
        yield safe_text(f"{what}: {said}" + (f" ({quote.why})" if quote.why else ""))
    for survey in journal.select_rows(entry.SurveyRow, *its):
        for name in ("csat", "nps", "ces", "notes"):
            if getattr(survey, name) not in (None, ""):
                yield safe_text(f"{name}: {getattr(survey, name)}")
    for note in journal.select_rows(entry.NoteRow, *its):
        yield safe_text(f"{local_time_text(note.noted_at)} {note.text}")


def trend_tables(trends: Trends) -> list[Table]:
    """Return the figures of the trends page as tables."""
    calls = count_text(trends.calls, "call")
    techniques = Table("technique", "first week", "last week", "scored", title=f"{calls}: by week")
    for course in trends.courses:
        if course.weeks:
            ends = [course.weeks[0], course.weeks[-1]]
            shown = [
                f"{w.median:.2f} ({w.calls} in the week of {week_day_text(w.week)})" for w in ends
            ]
            count = str(sum(week.calls for week in course.weeks))
            techniques.add_row(safe_text(course.name), *shown, count)
    cues = Table("cue", "shown", "heeded", "agitation", "due but not shown", "marks", title="Cues")
    for cue in trends.cues:
        other = cue.held_out if cue.against == "held out" else cue.held_back
        name = cue.against or "held back"
        cues.add_row(
            safe_text(cue.title),
            str(cue.shown.moments),
            share_text(cue.shown.heeded),
            signed_text(cue.shown.change),
            f"{signed_text(other.change)}, {name} {other.moments} times" if other.moments else "",
            f"{cue.helpful} helpful, {cue.wrong} wrong" if cue.helpful or cue.wrong else "",
        )
    surveys = Table(
        "survey",
        "correlates with",
        "calls",
        "rank correlation",
        title="Strongest associations (not causes)",
    )
    for survey, name in SURVEY_TITLES.items():
        found = [each for each in trends.associations if each.survey == survey]
        for each in found[:MAX_ASSOCIATIONS]:
            surveys.add_row(name, safe_text(each.figure), str(each.rank.of), signed_text(each.rank))
    if not trends.associations:
        surveys.add_row(f"fewer than {MIN_FOR_INTERVAL} calls with an answer", "", "", "")
    return [techniques, cues, surveys]


def local_time_text(moment: str) -> str:
    """Return a journal's time in this machine's time zone."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"


def _change(outcome: entry.OutcomeRow | None) -> str:
    if not outcome or outcome.agitation_before is None or outcome.agitation_after is None:
        return ""
    return f"{outcome.agitation_after - outcome.agitation_before:+.2f}"


def _stamp(seconds: float) -> str:
    return format_samples(round(seconds * SAMPLE_RATE))

"""Trends in the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from voicecoach.shell.journal.page import STRONGEST, SURVEYS, day, share, signed
from voicecoach.summary import printable
from voicecoach.trends import FEW, Trends


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


def _text(text: str) -> Text:
    return Text(printable(text))

"""Groups the journal's calls by local calendar weeks."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TypeVar

from voicecoach.journal.entry import CallRow, CueRow, FeedbackRow, OutcomeRow, ScoreRow, SurveyRow
from voicecoach.journal.trends import TrendRows, Trends, trends
from voicecoach.shell.journal.store import JournalStore

R = TypeVar("R", ScoreRow, CueRow, OutcomeRow, FeedbackRow, SurveyRow)


def journal_trends(journal: JournalStore) -> Trends:
    """Return the trends over the journal's calls."""
    calls = journal.select_rows(CallRow)
    known = {call.id for call in calls}

    def of_calls(kind: type[R]) -> list[R]:
        """Return rows of calls that can be read."""
        return [row for row in journal.select_rows(kind) if row.call in known]

    rows = TrendRows(
        calls,
        of_calls(ScoreRow),
        of_calls(CueRow),
        of_calls(OutcomeRow),
        of_calls(FeedbackRow),
        of_calls(SurveyRow),
    )
    mondays = {call.id: monday(call.started_at) for call in rows.calls}
    weeks = []
    if mondays:
        day, last = min(mondays.values()), max(mondays.values())
        while day <= last:
            weeks.append(day.isoformat())
            day += timedelta(weeks=1)
    return trends(rows, {call: day.isoformat() for call, day in mondays.items()}, weeks)


def monday(moment: str) -> date:
    """Return the Monday of a moment's week, in local time."""
    day = datetime.fromisoformat(moment).astimezone().date()
    return day - timedelta(days=day.weekday())

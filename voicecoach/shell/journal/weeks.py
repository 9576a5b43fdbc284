"""Groups the journal's calls by local calendar weeks."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from voicecoach.journal.entry import CallRow, CueRow, FeedbackRow, OutcomeRow, ScoreRow, SurveyRow
from voicecoach.journal.trends import TrendRows, Trends, trends
from voicecoach.shell.journal.store import JournalStore


def journal_trends(journal: JournalStore) -> Trends:
    """Return the trends over the journal's calls."""
    rows = TrendRows(
        journal.select_rows(CallRow),
        journal.select_rows(ScoreRow),
        journal.select_rows(CueRow),
        journal.select_rows(OutcomeRow),
        journal.select_rows(FeedbackRow),
        journal.select_rows(SurveyRow),
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

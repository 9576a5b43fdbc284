"""Computes trends over the calls of a journal: pure functions of its rows.

They answer three questions: how each technique's scores change from week to week, what followed the
cues, and which figures correlate with survey answers.  Each figure has its count, and an interval
only from `MIN_FOR_INTERVAL` calls or moments.  Nothing compares people: the journal does not store
who they are.  The functions that return intervals say how they are computed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from voicecoach.journal.entry import CallRow, CueRow, FeedbackRow, OutcomeRow, ScoreRow, SurveyRow
from voicecoach.types.stream import F64

MIN_FOR_INTERVAL = 8
"""Fewest calls or moments for which an interval or an association is computed."""
INTERVAL_COVERAGE = 0.95
"""Coverage of every interval, 0..1."""
RESAMPLES, RESAMPLES_AT_ONCE = 2000, 50
HOLDOUT = "holdout"
"""Reason in the log for a cue that was withheld at random, for comparison."""


class WeekScores(NamedTuple):
    """A technique's scores in a week."""

    week: str
    calls: int
    median: float
    low: float
    high: float


class TechniqueTrend(NamedTuple):
    """A technique's scores by week; weeks without a score are left out."""

    technique: str
    name: str
    weeks: list[WeekScores]


class Estimate(NamedTuple):
    """A value, the number of observations, and the ends of its interval if there is one."""

    value: float | None
    of: int
    low: float | None = None
    high: float | None = None


class OutcomeTrend(NamedTuple):
    """What followed moments of one kind."""

    moments: int
    heeded: Estimate
    """Share of heeded moments among those for which it is known, 0..1."""
    change: Estimate
    """Mean change of the customer's agitation over moments; its interval needs `MIN_FOR_INTERVAL`
    calls."""


class CueTrend(NamedTuple):
    """What followed a cue when it was shown, and when it was due but not shown."""

    cue: str
    title: str
    shown: OutcomeTrend
    held_back: OutcomeTrend
    held_out: OutcomeTrend
    difference: Estimate
    """Change when shown minus change when `against`; below 0, agitation fell more with the cue."""
    against: str
    """`held out` or `held back`; "" if neither has enough calls."""
    helpful: int
    wrong: int


class Association(NamedTuple):
    """A rank correlation between a survey answer and a figure or score."""

    survey: str
    """`csat`, `nps` or `ces`."""
    figure: str
    rank: Estimate
    """Spearman's rank correlation over calls, -1..1."""


class Trends(NamedTuple):
    """Everything that `trends` computes."""

    calls: int
    weeks: list[str]
    """All weeks from the first to the last, in order."""
    courses: list[TechniqueTrend]
    cues: list[CueTrend]
    associations: list[Association]
    """By survey, the strongest first; left out if fewer than `MIN_FOR_INTERVAL` calls have both
    values."""
    surveys: Mapping[str, int]
    """Number of calls that have an answer, by survey."""


class TrendRows(NamedTuple):
    """The journal's rows from which trends are computed."""

    calls: Sequence[CallRow]
    scores: Sequence[ScoreRow]
    cues: Sequence[CueRow]
    outcomes: Sequence[OutcomeRow]
    feedback: Sequence[FeedbackRow]
    surveys: Sequence[SurveyRow]


def trends(rows: TrendRows, week_of: Mapping[str, str], weeks: Sequence[str]) -> Trends:
    """Return the trends over all calls.

    Parameters
    ----------
    rows
        The journal's rows.
    week_of
        The week of each call, by call id.
    weeks
        All weeks, in order.
    """
    return Trends(
        len(rows.calls),
        list(weeks),
        technique_trends(rows.scores, week_of, weeks),
        cue_trends(rows),
        associations(rows),
        {
            name: sum(getattr(survey, name) is not None for survey in rows.surveys)
            for name in ("csat", "nps", "ces")
        },
    )


def technique_trends(
    scores: Iterable[ScoreRow], week_of: Mapping[str, str], weeks: Sequence[str]
) -> list[TechniqueTrend]:
    """Return the scores of each technique by week, in the order in which techniques first occur."""
    names: dict[str, str] = {}
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in scores:
        names[row.technique] = row.name
        if row.score is not None:
            found[row.technique, week_of[row.call]].append(row.score)
    return [
        TechniqueTrend(
            technique,
            name,
            [
                WeekScores(week, len(values), median(values), min(values), max(values))
                for week in weeks
                if (values := found.get((technique, week)))
            ],
        )
        for technique, name in names.items()
    ]


def cue_trends(rows: TrendRows) -> list[CueTrend]:
    """Return what followed each cue, the most frequent first."""
    titles = {row.cue: row.title for row in rows.cues}
    marks: dict[tuple[str, float, str], bool] = {}
    for mark in rows.feedback:
        # If a cue was marked twice, the last mark counts.
        marks[mark.call, mark.opened_s, mark.cue] = mark.helpful
    known = titles | {row.cue: row.cue for row in rows.outcomes if row.cue not in titles}
    found = []
    for cue, title in known.items():
        outcomes = [row for row in rows.outcomes if row.cue == cue]
        shown = [row for row in outcomes if row.shown]
        held_out = [row for row in outcomes if not row.shown and row.reason == HOLDOUT]
        held_back = [row for row in outcomes if not row.shown and row.reason != HOLDOUT]
        against, difference = "", Estimate(None, 0)
        for name, others in (("held out", held_out), ("held back", held_back)):
            both = _changes(shown), _changes(others)
            if not against and all(len(changes) >= MIN_FOR_INTERVAL for changes in both):
                against, difference = name, _difference(*both)
        found.append(
            CueTrend(
                cue,
                title,
                _outcome_trend(shown),
                _outcome_trend(held_back),
                _outcome_trend(held_out),
                difference,
                against,
                sum(helpful for (_, _, id), helpful in marks.items() if id == cue),
                sum(not helpful for (_, _, id), helpful in marks.items() if id == cue),
            )
        )
    return sorted(found, key=lambda each: (-each.shown.moments, each.cue))


def associations(rows: TrendRows) -> list[Association]:
    """Return how survey answers correlate with the figures and scores of their calls."""
    figures = _figures_by_call(rows)
    found = []
    for survey in ("csat", "nps", "ces"):
        answers = {row.call: getattr(row, survey) for row in rows.surveys}
        answers = {call: answer for call, answer in answers.items() if answer is not None}
        some = []
        for figure, values in figures.items():
            both = [(answers[call], value) for call, value in values.items() if call in answers]
            rank = spearman([a for a, _ in both], [b for _, b in both])
            if rank.value is not None:
                some.append(Association(survey, figure, rank))
        found += sorted(some, key=lambda each: -abs(each.rank.value or 0.0))
    return found


# --- estimates --------------------------------------------------------------------------------


def share_estimate(hits: int, of: int) -> Estimate:
    """Return a share with Wilson's score interval (1927), which also holds for few or no hits."""
    if not of:
        return Estimate(None, 0)
    if of < MIN_FOR_INTERVAL:
        return Estimate(hits / of, of)
    from scipy.stats import binomtest

    interval = binomtest(hits, of).proportion_ci(INTERVAL_COVERAGE, method="wilson")
    return Estimate(hits / of, of, float(interval.low), float(interval.high))


def mean_estimate(groups: Sequence[Sequence[float]]) -> Estimate:
    """Return the mean of all values with a bootstrap interval (percentiles, Efron 1979).

    Whole groups (calls) are resampled, because moments of one call are alike.
    """
    values = [value for group in groups for value in group]
    if not values:
        return Estimate(None, 0)
    if len(groups) < MIN_FOR_INTERVAL:
        return Estimate(sum(values) / len(values), len(values))
    low, high = np.quantile(_resampled(groups, 0), _TAILS)
    return Estimate(sum(values) / len(values), len(values), float(low), float(high))


def spearman(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Return Spearman's rank correlation with its interval by Bonett and Wright (2000).

    The value is None for fewer than `MIN_FOR_INTERVAL` pairs, or if `a` or `b` is constant.
    """
    count = len(a)
    if count < MIN_FOR_INTERVAL or len(set(a)) == 1 or len(set(b)) == 1:
        return Estimate(None, count)
    from scipy.stats import norm, spearmanr

    value = float(spearmanr(a, b).statistic)
    if abs(value) > 1 - 1e-9:
        return Estimate(round(value), count, round(value), round(value))
    half = float(norm.ppf((1 + INTERVAL_COVERAGE) / 2)) * math.sqrt(
        (1 + value**2 / 2) / (count - 3)
    )
    low, high = (math.tanh(math.atanh(value) + sign * half) for sign in (-1, 1))
    return Estimate(value, count, low, high)


_TAILS = ((1 - INTERVAL_COVERAGE) / 2, (1 + INTERVAL_COVERAGE) / 2)


def _resampled(groups: Sequence[Sequence[float]], seed: int) -> F64:
    """Return the means of `RESAMPLES` bootstrap samples, each of as many groups as there are."""
    sums, sizes = np.array([sum(g) for g in groups]), np.array([len(g) for g in groups])
    rng = np.random.default_rng(seed)
    drawn = []
    # In parts: all at once would take gigabytes for a large journal.
    for _ in range(RESAMPLES // RESAMPLES_AT_ONCE):
        places = rng.integers(len(groups), size=(RESAMPLES_AT_ONCE, len(groups)))
        drawn.append(sums[places].sum(axis=1) / sizes[places].sum(axis=1))
    return np.concatenate(drawn)


def _difference(a: Sequence[Sequence[float]], b: Sequence[Sequence[float]]) -> Estimate:
    """Return the mean of `a` minus that of `b`; each is resampled independently."""
    low, high = np.quantile(_resampled(a, 1) - _resampled(b, 2), _TAILS)
    values = [mean_estimate(groups) for groups in (a, b)]
    value = (values[0].value or 0.0) - (values[1].value or 0.0)
    return Estimate(value, values[0].of + values[1].of, float(low), float(high))


# --- rows -------------------------------------------------------------------------------------


def _outcome_trend(outcomes: Sequence[OutcomeRow]) -> OutcomeTrend:
    heeded = [row.heeded for row in outcomes if row.heeded is not None]
    return OutcomeTrend(
        len(outcomes), share_estimate(sum(heeded), len(heeded)), mean_estimate(_changes(outcomes))
    )


def _changes(outcomes: Iterable[OutcomeRow]) -> list[list[float]]:
    """Return the changes of agitation, as a list for each call that has any."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in outcomes:
        if row.agitation_before is not None and row.agitation_after is not None:
            found[row.call].append(row.agitation_after - row.agitation_before)
    return list(found.values())


def _figures_by_call(rows: TrendRows) -> dict[str, dict[str, float]]:
    """Return the figures and scores that may correlate with answers, by name, then by call."""
    shown: dict[str, int] = defaultdict(int)
    for cue in rows.cues:
        shown[cue.call] += 1
    of: dict[str, Callable[[CallRow], float | None]] = {
        "Highest customer agitation": lambda call: call.agitation_peak,
        "Mean customer agitation": lambda call: call.agitation_mean,
        "Customer agitation at the end": lambda call: call.agitation_end,
        "Length of the call": lambda call: call.duration_s,
        "Agent's share of the talk": lambda call: call.agent_talk_share,
        "Agent's longest turn": lambda call: call.longest_agent_turn_s,
        "Agent's interruptions a minute": lambda call: _per_minute(call.agent_overlaps, call),
        "Cues shown, a minute": lambda call: _per_minute(shown[call.id], call),
    }
    found = {
        name: {call.id: value for call in rows.calls if (value := figure(call)) is not None}
        for name, figure in of.items()
    }
    for row in rows.scores:
        if row.score is not None:
            found.setdefault(f"Score: {row.name}", {})[row.call] = row.score
    return found


def _per_minute(count: int, call: CallRow) -> float | None:
    return 60 * count / call.duration_s if call.duration_s else None

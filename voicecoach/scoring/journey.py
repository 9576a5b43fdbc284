"""The customer's way through the call, and what it is about in their words.

Agitation is smoothed over speech, so that a single loud word is no change of heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

from voicecoach.language.act_matcher import tokens
from voicecoach.language.phrases import content
from voicecoach.scoring.call import SHORT, TICK_S, A, C, Call, Exchange, quote
from voicecoach.scoring.doing import DOES
from voicecoach.scoring.practice import UPSET
from voicecoach.scoring.record import Span
from voicecoach.scoring.replies import PRESSURE
from voicecoach.types import SAMPLE_RATE, SPEAKERS
from voicecoach.views.scorecard import Change, Journey, Quote

SMOOTH_S, LEAST_S, PAUSE = 5.0, 1.5, 2 * SAMPLE_RATE
"""Of speech around each estimate, and the least between two pauses, seconds; a pause, samples."""
START_S, END_S = 20.0, 10.0
"""Of speech that the start and the end are the mean of, seconds."""
SIZEABLE = 0.25
"""A rise or fall that is worth telling, if it leaves or reaches `UPSET`: below, all is calm."""
MOVED = 0.2
"""Of a change, the part at which it begins, the last time that it is passed."""
BEFORE = 15 * SAMPLE_RATE
"""It began: what was done from then on, until it was there, precedes a change."""
CHANGES, PRECEDING, CAUSES = 8, 4, 5
"""Most that are told."""
ACCOUNT, FULL = 12, 80
"""Fewest words of what a call is about, and most of them that are quoted."""
TELLING = {"repeat": 1.5, "demand": 1.0, "trouble": 1.0, "abuse": 0.5}
"""What a move of the customer's says of the cause."""


class Point(NamedTuple):
    """Of the smoothed course."""

    at: int
    agitation: float


def journey(call: Call) -> Journey:
    """Return how the customer's agitation went."""
    course = smooth(call.agitation)
    if not course:
        return Journey(None, None, None, None, [])
    ends = call.agitation[: round(START_S / TICK_S)], call.agitation[-round(END_S / TICK_S) :]
    start, end = (round(sum(x for _, x in part) / len(part), 2) for part in ends)
    peak = max(course, key=lambda point: point.agitation)
    changes = [
        Change(
            round(began.at / SAMPLE_RATE, 2),
            round(after.at / SAMPLE_RATE, 2),
            round(before.agitation, 2),
            round(after.agitation, 2),
            _preceding(call, Span(max(began.at - BEFORE, 0), after.at)),
        )
        for before, began, after in turns(course)
    ]
    largest = sorted(changes, key=lambda c: -abs(c.after - c.before))[:CHANGES]
    return Journey(
        start,
        round(peak.agitation, 2),
        round(peak.at / SAMPLE_RATE, 2),
        end,
        sorted(largest, key=lambda c: c.start_s),
    )


def smooth(agitation: Sequence[tuple[int, float]]) -> list[Point]:
    """Return the mean of `SMOOTH_S` of speech around each estimate, none over a pause."""
    half = max(round(SMOOTH_S / TICK_S / 2), 1)
    sums = [0.0, *accumulate(x for _, x in agitation)]
    ends = [i for i in range(1, len(agitation)) if agitation[i][0] - agitation[i - 1][0] > PAUSE]
    course = []
    for begin, end in pairwise([0, *ends, len(agitation)]):
        if (end - begin) * TICK_S < LEAST_S:
            continue
        for i in range(begin, end):
            first, last = max(i - half, begin), min(i + half + 1, end)
            course.append(Point(agitation[i][0], (sums[last] - sums[first]) / (last - first)))
    return course


def turns(course: Sequence[Point]) -> list[tuple[Point, Point, Point]]:
    """Return the sizeable changes: where each came from, where it began, where it came to.

    A rise ends where it is followed by a fall that is sizeable itself, and the other way round.
    """
    pivots = [course[0]] if course else []
    low = high = 0
    rising: bool | None = None
    for i, point in enumerate(course):
        if point.agitation < course[low].agitation:
            low = i
        if point.agitation > course[high].agitation:
            high = i
        if rising is not True and point.agitation - course[low].agitation >= SIZEABLE:
            pivots.append(course[low])
            rising, high, low = True, i, i
        elif rising is not False and course[high].agitation - point.agitation >= SIZEABLE:
            pivots.append(course[high])
            rising, low, high = False, i, i
    if rising is not None:
        pivots.append(course[high] if rising else course[low])
    found = []
    for before, after in pairwise(pivots):
        size = after.agitation - before.agitation
        if abs(size) < SIZEABLE or max(before.agitation, after.agitation) < UPSET:
            continue
        way = [p for p in course if before.at < p.at <= after.at]
        still = [p.at for p in way if (p.agitation - before.agitation) / size < MOVED]
        began = next(p for p in way if not still or p.at > still[-1])
        there = next(p for p in way if (p.agitation - before.agitation) / size >= 1.0 - MOVED)
        found.append((before, began, after._replace(at=max(there.at, began.at))))
    return found


def _preceding(call: Call, span: Span) -> list[Quote]:
    """Return what both did before a change was there."""
    moves = [
        m
        for s in SPEAKERS
        for m in call.moves[s]
        if span.start <= m.end <= span.end and m.kind in DOES[s]
    ]
    told = [call.quote(m, DOES[m.speaker][m.kind]) for m in moves]
    for overlap in call.overlaps:
        if not overlap.backchannel and Span(overlap.start, overlap.end).overlaps(span):
            both_s = (overlap.end - overlap.start) / SAMPLE_RATE
            who = "the agent" if overlap.by is A else "the customer"
            over = Span(overlap.start, overlap.end)
            text = f"{who} came in over the other, and both spoke for {both_s:.1f} s"
            told.append(quote(over, overlap.by, text, "an overlap", True))
    told += [
        quote(Span(cue.at, cue.at), A, f"{cue.title}. {cue.message}", "a cue", True)
        for cue in call.cues
        if span.start <= cue.at <= span.end
    ]
    newest = sorted(_merged(told), key=lambda q: q.end_s)[-PRECEDING:]
    return sorted(newest, key=lambda q: q.start_s)


def _merged(quotes: Sequence[Quote]) -> list[Quote]:
    """Return quotations, those that share words as one."""
    merged: list[Quote] = []
    for q in sorted(quotes, key=lambda q: (q.measured, q.start_s, q.end_s)):
        last = merged[-1] if merged else q
        if q.measured or last.speaker is not q.speaker or q.start_s >= last.end_s or last is q:
            merged.append(q)
        elif q.why not in last.why:
            merged[-1] = msgspec.structs.replace(last, why=f"{last.why}; {q.why}")
    return merged


def root_cause(call: Call) -> list[Quote]:
    """Return what the call is about, most telling first.

    First the earliest account of a trouble; then what the customer said of it again and with most
    agitation.
    """
    if call.distrusted.get(C):
        return []
    troubled = [e for e in call.exchanges if e.told_of(*PRESSURE)]
    opening = [e for e in call.exchanges if len(call.words_in(C, e.told)) >= ACCOUNT][:1]
    accounts = [
        call.account(
            e.told, min([m.start for m in e.told_of(*PRESSURE)], default=e.told.start), FULL, why
        )
        for e, why in (
            *((e, "what they called about") for e in opening),
            *((e, "the first account of a trouble") for e in troubled[:1] if e not in opening),
        )
    ]
    themes = [_themes(call, e) for e in troubled]
    found: list[tuple[float, Quote]] = []
    for exchange in troubled:
        for move in exchange.told_of(*PRESSURE):
            again = sum(bool(_stems(move.text) & t) for t in themes) - 1
            heat = call.mood(Span(move.start, move.end + SHORT))
            heat = heat if heat == heat else 0.0
            weight = TELLING[move.kind] + 0.5 * again + heat
            why = DOES[C][move.kind]
            why += f", said {again + 1} times" if again > 0 else ""
            why += f", at {heat:.2f} of agitation" if heat else ""
            found.append((weight, call.quote(move, why)))
    rest = [q for _, q in sorted(found, key=lambda f: (-f[0], f[1].start_s))]
    told = [q for q in accounts if q]
    for q in rest:
        if not any(q.start_s < t.end_s and t.start_s < q.end_s for t in told):
            told.append(q)
    return told[:CAUSES]


def _themes(call: Call, exchange: Exchange) -> set[str]:
    return set().union(*(_stems(m.text) for m in exchange.told_of(*PRESSURE)))


def _stems(text: str) -> set[str]:
    return set(content([token.text for token in tokens(text.split())])) - {""}

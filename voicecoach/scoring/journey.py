"""Finds how the customer's agitation changed during a call, and what the call is about.

Agitation is smoothed over speech, so that a single loud word does not count as a change.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

from voicecoach.scoring.call import ScoredCall, make_quote
from voicecoach.scoring.doing import ACT_DESCRIPTIONS
from voicecoach.scoring.record import Span
from voicecoach.scoring.replies import PRESSURE_ACTS
from voicecoach.types.events import UPSET_LEVEL
from voicecoach.types.stream import AGENT, CUSTOMER, SAMPLE_RATE, SPEAKERS, TICK_S
from voicecoach.views.scorecard import AgitationChange, AgitationJourney, Quote

JOURNEY_SMOOTH_S, MIN_STRETCH_S, SMOOTHING_PAUSE = 5.0, 1.5, 2 * SAMPLE_RATE
"""Speech averaged around each estimate (seconds), shortest stretch of speech between two pauses
(seconds), and shortest pause (samples)."""
START_S, END_S = 20.0, 10.0
"""Speech averaged for the start and for the end of the call, seconds."""
SIZEABLE_CHANGE = 0.25
"""Smallest rise or fall that the card shows; one end must be at `UPSET_LEVEL` or above."""
CHANGE_BEGINS_AT = 0.2
"""Share of a change, 0..1, at which it begins, when last crossed; it ends at 1 minus this."""
PRECEDING_WINDOW = 15 * SAMPLE_RATE
"""Acts, overlaps and cues up to this long before a change begins are listed with it; samples."""
MAX_CHANGES, MAX_PRECEDING, MAX_CAUSES = 8, 4, 5
"""Most changes on the card, most events before each, and most causes."""
MIN_OPENING_WORDS, MAX_CAUSE_WORDS = 12, 80
"""Fewest and most words of a quotation of what the call is about."""
HEAT_AFTER = SAMPLE_RATE
"""Agitation up to this long after a dialogue act is attributed to it, samples."""
CAUSE_WEIGHTS = {"repeat": 1.5, "demand": 1.0, "trouble": 1.0, "abuse": 0.5}
"""Weight of each kind of the customer's dialogue acts as evidence of the cause of the call."""


class AgitationPoint(NamedTuple):
    """A point of the smoothed agitation."""

    at: int
    agitation: float


def journey(call: ScoredCall) -> AgitationJourney:
    """Return how the customer's agitation changed through the call."""
    course = smooth_agitation(call.agitation)
    if not course:
        return AgitationJourney(None, None, None, None, [])
    ends = call.agitation[: round(START_S / TICK_S)], call.agitation[-round(END_S / TICK_S) :]
    start, end = (round(sum(x for _, x in part) / len(part), 2) for part in ends)
    peak = max(course, key=lambda point: point.agitation)
    changes = [
        AgitationChange(
            round(began.at / SAMPLE_RATE, 2),
            round(after.at / SAMPLE_RATE, 2),
            round(before.agitation, 2),
            round(after.agitation, 2),
            _preceding(call, Span(max(began.at - PRECEDING_WINDOW, 0), after.at)),
        )
        for before, began, after in sizeable_changes(course)
    ]
    largest = sorted(changes, key=lambda c: -abs(c.after - c.before))[:MAX_CHANGES]
    return AgitationJourney(
        start,
        round(peak.agitation, 2),
        round(peak.at / SAMPLE_RATE, 2),
        end,
        sorted(largest, key=lambda c: c.start_s),
    )


def smooth_agitation(agitation: Sequence[tuple[int, float]]) -> list[AgitationPoint]:
    """Return the mean over `JOURNEY_SMOOTH_S` of speech around each estimate, within its stretch.

    A mean never crosses a pause of `SMOOTHING_PAUSE`.
    """
    half = max(round(JOURNEY_SMOOTH_S / TICK_S / 2), 1)
    sums = [0.0, *accumulate(x for _, x in agitation)]
    ends = [
        i
        for i in range(1, len(agitation))
        if agitation[i][0] - agitation[i - 1][0] > SMOOTHING_PAUSE
    ]
    course = []
    for begin, end in pairwise([0, *ends, len(agitation)]):
        if (end - begin) * TICK_S < MIN_STRETCH_S:
            continue
        for i in range(begin, end):
            first, last = max(i - half, begin), min(i + half + 1, end)
            course.append(
                AgitationPoint(agitation[i][0], (sums[last] - sums[first]) / (last - first))
            )
    return course


def sizeable_changes(
    course: Sequence[AgitationPoint],
) -> list[tuple[AgitationPoint, AgitationPoint, AgitationPoint]]:
    """Return the large changes: from which point, where it began, and to which point.

    A rise ends where a large fall follows it, and the other way round.
    """
    pivots = [course[0]] if course else []
    low = high = 0
    rising: bool | None = None
    for i, point in enumerate(course):
        if point.agitation < course[low].agitation:
            low = i
        if point.agitation > course[high].agitation:
            high = i
        if rising is not True and point.agitation - course[low].agitation >= SIZEABLE_CHANGE:
            pivots.append(course[low])
            rising, high, low = True, i, i
        elif rising is not False and course[high].agitation - point.agitation >= SIZEABLE_CHANGE:
            pivots.append(course[high])
            rising, low, high = False, i, i
    if rising is not None:
        pivots.append(course[high] if rising else course[low])
    found = []
    for before, after in pairwise(pivots):
        size = after.agitation - before.agitation
        if abs(size) < SIZEABLE_CHANGE or max(before.agitation, after.agitation) < UPSET_LEVEL:
            continue
        way = [p for p in course if before.at < p.at <= after.at]
        still = [p.at for p in way if (p.agitation - before.agitation) / size < CHANGE_BEGINS_AT]
        began = next(p for p in way if not still or p.at > still[-1])
        there = next(
            p for p in way if (p.agitation - before.agitation) / size >= 1.0 - CHANGE_BEGINS_AT
        )
        found.append((before, began, after._replace(at=max(there.at, began.at))))
    return found


def _preceding(call: ScoredCall, span: Span) -> list[Quote]:
    """Return what both speakers did before a change was complete."""
    moves = [
        m
        for s in SPEAKERS
        for m in call.moves[s]
        if span.start <= m.end <= span.end and m.kind in ACT_DESCRIPTIONS[s]
    ]
    told = [call.quote_act(m, ACT_DESCRIPTIONS[m.speaker][m.kind]) for m in moves]
    for overlap in call.overlaps:
        if not overlap.backchannel and Span(overlap.start, overlap.end).overlaps(span):
            both_s = (overlap.end - overlap.start) / SAMPLE_RATE
            who = "the agent" if overlap.by is AGENT else "the customer"
            over = Span(overlap.start, overlap.end)
            text = f"{who} interrupted, and both spoke for {both_s:.1f} s"
            told.append(make_quote(over, overlap.by, text, "an interruption", True))
    told += [
        make_quote(Span(cue.at, cue.at), AGENT, f"{cue.title}. {cue.message}", "a cue", True)
        for cue in call.cues
        if span.start <= cue.at <= span.end
    ]
    newest = sorted(_merged(told), key=lambda q: q.end_s)[-MAX_PRECEDING:]
    return sorted(newest, key=lambda q: q.start_s)


def _merged(quotes: Sequence[Quote]) -> list[Quote]:
    """Return quotations, merging those that share words."""
    merged: list[Quote] = []
    for q in sorted(quotes, key=lambda q: (q.measured, q.start_s, q.end_s)):
        last = merged[-1] if merged else q
        if q.measured or last.speaker is not q.speaker or q.start_s >= last.end_s or last is q:
            merged.append(q)
        elif q.why not in last.why:
            merged[-1] = msgspec.structs.replace(last, why=f"{last.why}; {q.why}")
    return merged


def root_cause(call: ScoredCall) -> list[Quote]:
    """Return what the call is about, the most important first.

    The earliest account of a problem comes first, then what the customer repeated or said with the
    most agitation.
    """
    phrases = call.language.dialogue_acts
    if call.distrusted.get(CUSTOMER) or phrases is None:
        return []
    troubled = [e for e in call.exchanges if e.customer_acts(*PRESSURE_ACTS)]
    opening = [
        e for e in call.exchanges if len(call.words_in(CUSTOMER, e.account)) >= MIN_OPENING_WORDS
    ][:1]
    accounts = [
        call.quote_account(
            e.account,
            min([m.start for m in e.customer_acts(*PRESSURE_ACTS)], default=e.account.start),
            MAX_CAUSE_WORDS,
            why,
        )
        for e, why in (
            *((e, "what they called about") for e in opening),
            *(
                (e, "the first time they described a problem")
                for e in troubled[:1]
                if e not in opening
            ),
        )
    ]
    stems = {
        text: phrases.content_stems(text)
        for text in {m.text for e in troubled for m in e.customer_acts(*PRESSURE_ACTS)}
    }
    themes: dict[str, set[int]] = {}
    """The troubled exchanges in which a stem occurs."""
    for i, exchange in enumerate(troubled):
        for move in exchange.customer_acts(*PRESSURE_ACTS):
            for stem in stems[move.text]:
                themes.setdefault(stem, set()).add(i)
    # In how many exchanges what a text is about occurs.
    times = {
        text: len(set().union(*(themes[stem] for stem in some))) for text, some in stems.items()
    }
    found: list[tuple[float, Quote]] = []
    for exchange in troubled:
        for move in exchange.customer_acts(*PRESSURE_ACTS):
            again = times[move.text] - 1
            heat = call.mean_agitation(Span(move.start, move.end + HEAT_AFTER))
            heat = heat if heat == heat else 0.0
            weight = CAUSE_WEIGHTS[move.kind] + 0.5 * again + heat
            why = ACT_DESCRIPTIONS[CUSTOMER][move.kind]
            why += f", said {again + 1} times" if again > 0 else ""
            why += f", agitation {heat:.2f}" if heat else ""
            found.append((weight, call.quote_act(move, why)))
    rest = [q for _, q in sorted(found, key=lambda f: (-f[0], f[1].start_s))]
    told = [q for q in accounts if q]
    for q in rest:
        if len(told) >= MAX_CAUSES:
            break
        if not any(q.start_s < t.end_s and t.start_s < q.end_s for t in told):
            told.append(q)
    return told[:MAX_CAUSES]

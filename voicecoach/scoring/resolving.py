"""The techniques that bring a conflict to an end.

Softeners and positive language, options, expectations and limits, escalation, follow-up and recap.
"""

from __future__ import annotations

from voicecoach.coaching.signals import NEXT_STEP, OFFER, OPENING
from voicecoach.scoring.call import A, C, Call
from voicecoach.scoring.doing import DOES
from voicecoach.scoring.practice import Found, Moment, counted
from voicecoach.scoring.record import Span
from voicecoach.types import SAMPLE_RATE, Move

OFFERS = "solution", "compromise", "escalation", "expectation", "follow_up"
"""Moves that lead out of a trouble: what is offered, or what happens next and when."""
OFFERED, OFFERED_S = 90 * SAMPLE_RATE, 20.0
"""An offer is in time within so much of the call, or of the agent's speech (seconds)."""
TIMED = 30 * SAMPLE_RATE
"""Between a promise and the time for it, either way."""
DOING = 6 * SAMPLE_RATE
"""Between a promise and "one moment": it is done now, and needs no time."""
LIMIT, LIMIT_BEFORE = 30 * SAMPLE_RATE, 60 * SAMPLE_RATE
"""A limit is in time so long after abuse, or before."""
HANDED, HANDED_UNASKED = 30 * SAMPLE_RATE, 60 * SAMPLE_RATE
"""The offer to hand over is in time so long after it was asked for, or was due unasked."""
TOGETHER = 45 * SAMPLE_RATE
"""What is asked for again within this is the same."""
RECAP = 60 * SAMPLE_RATE
"""Before the goodbye."""
CLOSE = 90 * SAMPLE_RATE
"""A goodbye stands no further from the end of the call."""


def positive_language(call: Call) -> Found:
    """Find soft and positive wordings, and negative or absolute ones."""
    good = call.said(A, "softener", "compromise", "solution")
    hard = call.said(A, "hard")
    by_place = {q.start_s: q for q in (call.quote(m, DOES[A][m.kind]) for m in reversed(good))}
    seen = [Moment(q) for q in by_place.values()]
    why = "closes a door: say what can be done"
    missed = [Moment(call.quote(m, why), m.instead) for m in hard]
    numbers = {"positive": len(seen), "hard": len(missed)}
    return Found(seen, missed, numbers if good or hard else {})


def options(call: Call) -> Found:
    """Find troubles, and the way forward that was offered for each in time."""
    seen, missed = [], []
    settled = 0
    offers = call.said(A, *OFFERS)
    for trouble in call.said(C, "trouble"):
        after_offer = any(0 <= trouble.start - m.end < OFFER for m in offers)
        if (
            after_offer
            or trouble.start < settled
            or not call.knows(Span(trouble.start, trouble.end), (A, C))
        ):
            continue
        offer = next((m for m in offers if m.end > trouble.end), None)
        until = offer.start if offer else call.end
        spoken_s = call.speech_s(A, Span(trouble.end, until))
        if offer and (until - trouble.end <= OFFERED or spoken_s <= OFFERED_S):
            best = _choice(offers, offer)
            seen.append(Moment(call.quote(best, DOES[A][best.kind])))
        elif spoken_s >= OFFERED_S:
            waited_s = (until - trouble.end) / SAMPLE_RATE
            why = (
                f"no way forward for {waited_s:.0f} s after this: offer one, or two to choose from"
            )
            missed.append(Moment(call.quote(trouble, why)))
        settled = until + OFFER
    return counted(seen, missed, "offered", "problems")


def _choice(offers: list[Move], first: Move) -> Move:
    """Return the offer that shows best: a compromise, a solution, or the first."""
    soon = [m for m in offers if 0 <= m.start - first.start <= TIMED]
    return min(soon, key=lambda m: ({"compromise": 0, "solution": 1}.get(m.kind, 2), m.start))


def expectations(call: Call) -> Found:
    """Find promises and the times that went with them; abuse and the limits that were set."""
    times = call.said(A, "expectation")
    doing = call.said(A, "wait")
    seen = [Moment(call.quote(m, "says what happens, and by when")) for m in times]
    missed: list[Moment] = []
    last = -TIMED
    for promise in call.said(A, "promise"):
        timed = any(-TIMED <= t.start - promise.end <= TIMED for t in times)
        now = any(abs(w.start - promise.end) <= DOING for w in doing)
        if timed or now or promise.start - last < DOING:
            continue
        last = promise.end
        missed.append(Moment(call.quote(promise, "a promise with no time: say by when")))
    promises = len(seen) + len(missed)
    limits, set_, insults, last = call.said(A, "limit"), 0, 0, -LIMIT
    for insult in call.said(C, "abuse"):
        if insult.start - last < LIMIT:
            continue
        last, insults = insult.end, insults + 1
        near = [m for m in limits if -LIMIT_BEFORE <= m.start - insult.end <= LIMIT]
        set_ += bool(near)
        if near:
            seen.append(Moment(call.quote(near[0], "sets a limit, calmly")))
        else:
            why = "abuse: you may say, calmly, what you will not take"
            missed.append(
                Moment(
                    call.quote(insult, why),
                    advice="Set a limit in one calm sentence, and stay with the matter.",
                    cue="set-a-limit",
                )
            )
    numbers = {
        "timed": len(times),
        "limits_set": set_,
        "promises": promises,
        "insults": insults,
    }
    return Found(seen, missed, numbers if promises or insults else {})


def escalation(call: Call) -> Found:
    """Find demands for somebody else, and sustained agitation; and the offers to hand over."""
    offers = call.said(A, "escalation")
    due: list[tuple[Span, Move | None]] = [
        (Span(m.start, m.end), m) for m in call.said(C, "demand")
    ]
    due += [(Span(cue.at, cue.at), None) for cue in call.cues if cue.id == "hand-over"]
    seen, missed = [], []
    until = 0
    for span, demand in sorted(due, key=lambda d: d[0]):
        if span.start < until or not call.knows(span, (A, C)):
            continue
        until = span.end + TOGETHER
        last = span.end + (HANDED if demand else HANDED_UNASKED)
        offer = next((m for m in offers if span.start <= m.end and m.start <= last), None)
        if offer:
            seen.append(Moment(call.quote(offer, "offers to hand over when it was due")))
        elif demand:
            why = "they asked for somebody else, and none was offered within 30 s"
            missed.append(Moment(call.quote(demand, why)))
        else:
            why = "most of what they said for a while was agitated: a colleague could have helped"
            told = call.told(C, Span(span.start - 10 * SAMPLE_RATE, span.end), why)
            missed += [Moment(told)] if told else []
    return counted(seen, missed, "offered", "due")


def follow_up(call: Call) -> Found:
    """Find the goodbye, and the recap and the next step before it."""
    closings = [
        m
        for m in call.said(A, "closing") + call.said(C, "closing")
        if m.start >= max(OPENING, call.end - CLOSE)
    ]
    if not closings or not call.knows(Span(min(m.start for m in closings), call.end), (A,)):
        return Found([], [], {})
    bye = min(closings, key=lambda m: m.start)
    since = (max(bye.start - at_most, 0) for at_most in (RECAP, NEXT_STEP))
    late, before = (Span(start, call.end + 1) for start in since)
    recaps = call.said(A, "recap", span=late)
    steps = call.said(A, "follow_up", "expectation", span=before)
    shown = (recaps, "sums up what was agreed"), (steps, "says what happens next")
    seen = [Moment(call.quote(moves[-1], why)) for moves, why in shown if moves]
    lacking = [] if recaps else ["no summing up of what was agreed"]
    lacking += [] if steps else ["no next step"]
    why = f"goodbye, and {' and '.join(lacking)} before it"
    missed = [Moment(call.quote(bye, why))] if lacking else []
    numbers = {"recapped": min(len(recaps), 1), "next_step": min(len(steps), 1)}
    return Found(seen, missed, numbers)

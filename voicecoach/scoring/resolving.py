"""Finds moments of the score card's techniques that resolve a conflict.

The techniques are softeners and positive language, options, expectations and limits, escalation,
and follow-up and recap.
"""

from __future__ import annotations

from voicecoach.coaching.signals import (
    DONE_NOW_WITHIN,
    EARLIEST_GOODBYE,
    LIMIT_STANDS,
    NEXT_STEP_WINDOW,
    OFFER_COVERS,
    PROMISE_TIME_WITHIN,
)
from voicecoach.scoring.call import ScoredCall
from voicecoach.scoring.doing import ACT_DESCRIPTIONS
from voicecoach.scoring.practice import TechniqueFindings, TechniqueMoment, share_findings
from voicecoach.scoring.record import Span
from voicecoach.types.events import DialogueAct
from voicecoach.types.stream import AGENT, CUSTOMER, SAMPLE_RATE

FORWARD_ACTS = "solution", "compromise", "escalation", "expectation", "follow_up"
"""Dialogue acts that offer a way forward, or say what happens next and when."""
LIMIT_WITHIN = 30 * SAMPLE_RATE
"""Time after abuse in which a limit counts; this and the times below are in samples."""
HANDOVER_UNASKED_WITHIN = 60 * SAMPLE_RATE
"""Time in which an offer to hand over counts although nobody asked for it."""
SAME_DEMAND_WITHIN = 45 * SAMPLE_RATE
"""A demand repeated within this time is the same demand."""
RECAP_WINDOW = 60 * SAMPLE_RATE
"""Time before the goodbye in which a recap or a next step counts."""
CLOSING_WITHIN = 90 * SAMPLE_RATE
"""A goodbye earlier than this before the end of the call does not count."""


def find_positive_language(call: ScoredCall) -> TechniqueFindings:
    """Find softeners and positive wordings, and negative or absolute ones."""
    good = call.speaker_acts(AGENT, "softener", "compromise", "solution")
    hard = call.speaker_acts(AGENT, "hard")
    by_place = {
        q.start_s: q
        for q in (call.quote_act(m, ACT_DESCRIPTIONS[AGENT][m.kind]) for m in reversed(good))
    }
    seen = [TechniqueMoment(q) for q in by_place.values()]
    why = "negative or absolute: say what you can do"
    missed = [TechniqueMoment(call.quote_act(m, why), m.instead) for m in hard]
    numbers = {"positive": len(seen), "negative": len(missed)}
    return TechniqueFindings(seen, missed, numbers if good or hard else {})


def find_options(call: ScoredCall) -> TechniqueFindings:
    """Find problems, and the way forward that the agent offered for each in time."""
    seen, missed = [], []
    settled = 0
    offers = call.speaker_acts(AGENT, *FORWARD_ACTS)
    for trouble in call.speaker_acts(CUSTOMER, "trouble"):
        after_offer = any(0 <= trouble.start - m.end < OFFER_COVERS for m in offers)
        if (
            after_offer
            or trouble.start < settled
            or not call.is_heard(Span(trouble.start, trouble.end), (AGENT, CUSTOMER))
        ):
            continue
        offer = next((m for m in offers if m.end > trouble.end), None)
        until = offer.start if offer else call.end
        waited_s = (until - trouble.end) / SAMPLE_RATE
        spoken_s = call.speech_s(AGENT, Span(trouble.end, until))
        limits = call.thresholds
        if offer and (waited_s <= limits.problem_open_s or spoken_s <= limits.problem_speech_s):
            best = _choice(offers, offer)
            seen.append(TechniqueMoment(call.quote_act(best, ACT_DESCRIPTIONS[AGENT][best.kind])))
        elif spoken_s >= limits.problem_speech_s:
            why = (
                f"no way forward for {waited_s:.0f} s after this: offer one, or two to choose from"
            )
            missed.append(TechniqueMoment(call.quote_act(trouble, why)))
        settled = until + OFFER_COVERS
    return share_findings(seen, missed, "offered", "problems")


def _choice(offers: list[DialogueAct], first: DialogueAct) -> DialogueAct:
    """Return the offer to show: a compromise, else a solution, else the first."""
    soon = [m for m in offers if 0 <= m.start - first.start <= PROMISE_TIME_WITHIN]
    return min(soon, key=lambda m: ({"compromise": 0, "solution": 1}.get(m.kind, 2), m.start))


def find_expectations(call: ScoredCall) -> TechniqueFindings:
    """Find promises and whether a time was given; abuse and whether a limit was set."""
    times = call.speaker_acts(AGENT, "expectation")
    doing = call.speaker_acts(AGENT, "wait")
    seen = [TechniqueMoment(call.quote_act(m, "you said what happens, and by when")) for m in times]
    missed: list[TechniqueMoment] = []
    last = -PROMISE_TIME_WITHIN
    for promise in call.speaker_acts(AGENT, "promise"):
        timed = any(
            -PROMISE_TIME_WITHIN <= t.start - promise.end <= PROMISE_TIME_WITHIN for t in times
        )
        now = any(abs(w.start - promise.end) <= DONE_NOW_WITHIN for w in doing)
        if timed or now or promise.start - last < DONE_NOW_WITHIN:
            continue
        last = promise.end
        missed.append(
            TechniqueMoment(call.quote_act(promise, "a promise without a time: say by when"))
        )
    promises = len(seen) + len(missed)
    limits, set_, insults, last = call.speaker_acts(AGENT, "limit"), 0, 0, -LIMIT_WITHIN
    for insult in call.speaker_acts(CUSTOMER, "abuse"):
        if insult.start - last < LIMIT_WITHIN:
            continue
        last, insults = insult.end, insults + 1
        near = [m for m in limits if -LIMIT_STANDS <= m.start - insult.end <= LIMIT_WITHIN]
        set_ += bool(near)
        if near:
            seen.append(TechniqueMoment(call.quote_act(near[0], "you set a limit calmly")))
        else:
            why = "abuse: you may say calmly what you will not accept"
            missed.append(
                TechniqueMoment(
                    call.quote_act(insult, why),
                    advice="Set a limit in one calm sentence, then go on with their problem.",
                    cue="set-a-limit",
                )
            )
    numbers = {
        "promises_with_time": len(times),
        "limits_set": set_,
        "promises": promises,
        "insults": insults,
    }
    return TechniqueFindings(seen, missed, numbers if promises or insults else {})


def find_escalation(call: ScoredCall) -> TechniqueFindings:
    """Find demands for somebody else, and sustained agitation; and the offers to hand over."""
    offers = call.speaker_acts(AGENT, "escalation")
    due: list[tuple[Span, DialogueAct | None]] = [
        (Span(m.start, m.end), m) for m in call.speaker_acts(CUSTOMER, "demand")
    ]
    due += [(Span(cue.at, cue.at), None) for cue in call.cues if cue.id == "hand-over"]
    asked_within_s = call.thresholds.demand_open_s
    asked_within = round(asked_within_s * SAMPLE_RATE)
    seen, missed = [], []
    until = 0
    for span, demand in sorted(due, key=lambda d: d[0]):
        if span.start < until or not call.is_heard(span, (AGENT, CUSTOMER)):
            continue
        until = span.end + SAME_DEMAND_WITHIN
        last = span.end + (asked_within if demand else HANDOVER_UNASKED_WITHIN)
        offer = next((m for m in offers if span.start <= m.end and m.start <= last), None)
        if offer:
            seen.append(
                TechniqueMoment(call.quote_act(offer, "you offered to hand over when it was due"))
            )
        elif demand:
            why = (
                f"they asked for somebody else, and you offered nobody within {asked_within_s:g} s"
            )
            missed.append(TechniqueMoment(call.quote_act(demand, why)))
        else:
            why = "they stayed agitated for long: a colleague could have helped"
            told = call.quote_first_words(
                CUSTOMER, Span(span.start - 10 * SAMPLE_RATE, span.end), why
            )
            missed += [TechniqueMoment(told)] if told else []
    return share_findings(seen, missed, "offered", "due")


def find_follow_up(call: ScoredCall) -> TechniqueFindings:
    """Find the goodbye, and the recap and the next step before it."""
    closings = [
        m
        for m in call.speaker_acts(AGENT, "closing") + call.speaker_acts(CUSTOMER, "closing")
        if m.start >= max(EARLIEST_GOODBYE, call.end - CLOSING_WITHIN)
    ]
    if not closings or not call.is_heard(Span(min(m.start for m in closings), call.end), (AGENT,)):
        return TechniqueFindings([], [], {})
    bye = min(closings, key=lambda m: m.start)
    since = (max(bye.start - at_most, 0) for at_most in (RECAP_WINDOW, NEXT_STEP_WINDOW))
    late, before = (Span(start, call.end + 1) for start in since)
    recaps = call.speaker_acts(AGENT, "recap", span=late)
    steps = call.speaker_acts(AGENT, "follow_up", "expectation", span=before)
    shown = (recaps, "you summed up what was agreed"), (steps, "you said what happens next")
    seen = [TechniqueMoment(call.quote_act(moves[-1], why)) for moves, why in shown if moves]
    lacking = [] if recaps else ["no summary of what was agreed"]
    lacking += [] if steps else ["no next step"]
    why = f"goodbye, with {' and '.join(lacking)} before it"
    missed = [TechniqueMoment(call.quote_act(bye, why))] if lacking else []
    numbers = {"recap": min(len(recaps), 1), "next_step": min(len(steps), 1)}
    return TechniqueFindings(seen, missed, numbers)

"""The techniques that are in what the agent replies to what the customer told.

Empathy, acknowledgement, apology, clarifying, not defending, non-judgement.
"""

from __future__ import annotations

from collections.abc import Sequence

from voicecoach.language.act_matcher import tokens
from voicecoach.scoring.call import A, C, Call, Exchange
from voicecoach.scoring.manner import ACCOUNT_S, asks, replied
from voicecoach.scoring.practice import UPSET, UPSET_S, Found, Moment, counted
from voicecoach.scoring.record import Span
from voicecoach.types import SAMPLE_RATE, Move

SOON_S = 15.0
"""From the reply's beginning: later it answers something else, seconds."""
HINT_S = 1.0
"""Upset speech that it is good to meet, where more of it calls for it, seconds."""
LASTS, SETTLED = 30 * SAMPLE_RATE, 4 * SAMPLE_RATE
"""For how long an acknowledgement holds for more of the same, and the end of an account."""
REGRET_S = 20.0
"""Of the agent's speech after the first trouble, seconds."""
ENOUGH, SPELL = 2, 240 * SAMPLE_RATE
"""Apologies that do good, in so much of a call."""
TROUBLE = "trouble", "repeat"
PRESSURE = *TROUBLE, "demand", "abuse"
YOU = frozenset({"you", "your", "you're", "you've", "you'd", "you'll", "yourself", "yourselves"})


def empathy(call: Call) -> Found:
    """Find upset accounts, and those whose feeling the reply named or regretted."""
    seen, missed = [], []
    for exchange in _replied(call):
        felt = exchange.answered("acknowledgement", "apology", within_s=SOON_S)
        if felt and call.upset_s(exchange.told, UPSET) >= HINT_S:
            seen.append(Moment(call.quote(felt[0], "you met how it is for them")))
        elif upset(call, exchange) and not _calming(call, exchange):
            mood = call.mood(exchange.told)
            why = f"{_sounded(mood)}; your reply did not say that you heard it"
            missed += _told(call, exchange, why)
    return counted(seen, missed, "met", "upset_accounts")


def acknowledgement(call: Call) -> Found:
    """Find accounts of trouble, and those that the reply showed were heard."""
    seen, missed = [], []
    first = True
    for exchange in _replied(call):
        troubles = exchange.told_of(*TROUBLE)
        again = [m for m in troubles if m.kind == "repeat"]
        weighty = first or again or len(troubles) > 1 or upset(call, exchange)
        if not troubles or not weighty:
            continue
        first = False
        before = Span(max(exchange.told.start - LASTS, 0), exchange.told.start)
        heard = exchange.answered("acknowledgement", "apology", "paraphrase", within_s=SOON_S)
        if heard:
            seen.append(Moment(call.quote(heard[0], "you showed that you heard the trouble")))
        elif not call.said(A, "acknowledgement", "apology", span=before):
            trouble = telling(troubles)
            why = "your reply went on without a word that you heard it"
            missed.append(Moment(call.quote(trouble, why)))
    return counted(seen, missed, "heard", "troubles")


def apology(call: Call) -> Found:
    """Find a word of regret for the first trouble, and apologies beyond two in four minutes."""
    troubled = [e for e in _replied(call) if e.told_of(*TROUBLE)]
    apologies = call.said(A, "apology")
    seen, missed = [], []
    if troubled:
        trouble = telling(troubled[0].told_of(*TROUBLE))
        told = max(trouble.start - LASTS, 0)
        sorry = call.said(A, "apology", "acknowledgement", span=Span(told, call.end + 1))
        reply = troubled[0].reply
        start = max(trouble.end, reply.start if reply else 0)
        if sorry and call.speech_s(A, Span(start, sorry[0].start)) <= REGRET_S:
            seen.append(Moment(call.quote(sorry[0], "a word of regret, in time")))
        else:
            late = "it came late" if sorry else "no word of regret came"
            why = f"they told you of a trouble, and {late}"
            missed.append(Moment(call.quote(trouble, why)))
    regretted, due = len(seen), len(seen) + len(missed)
    beyond = [
        m
        for i, m in enumerate(apologies)
        if sum(m.start - b.end <= SPELL for b in apologies[:i]) >= ENOUGH
    ]
    why = f"more than {ENOUGH} apologies within 4 minutes weaken them: say what you will do"
    missed += [
        Moment(call.quote(m, why), advice=f"Twice is enough: {why}.", cue="enough-sorry")
        for m in beyond
    ]
    numbers = {"regretted": regretted, "due": due, "too_many": len(beyond)}
    return Found(seen, missed, numbers if due or beyond else {})


def clarifying(call: Call) -> Found:
    """Find long accounts, and those that the agent checked by a question or in other words."""
    seen, missed = [], []
    for exchange in _replied(call):
        told_s = call.speech_s(C, exchange.told)
        if told_s < ACCOUNT_S or asks(call, exchange):
            continue
        checks = exchange.answered("paraphrase") or exchange.answered("recap", "question")
        if checks:
            how = "you said it back" if checks[0].kind != "question" else "you asked"
            seen.append(Moment(call.quote(checks[0], f"{how}, after {told_s:.0f} s of theirs")))
        else:
            why = f"told for {told_s:.0f} s, and neither asked about nor said back"
            missed += _told(call, exchange, why)
    return counted(seen, missed, "checked", "long_accounts")


def not_defending(call: Call) -> Found:
    """Find where the agent defended themselves or the company under pressure."""
    return _without(call, "stood up for yourself or the company", blames=False)


def non_judgement(call: Call) -> Found:
    """Find where the agent blamed the customer under pressure."""
    return _without(call, "put it on them", blames=True)


def _without(call: Call, what: str, *, blames: bool) -> Found:
    seen, missed, replies, spoilt = [], [], 0, 0
    for exchange in _replied(call):
        why = f"you {what}: come back to their problem"
        defences = [q for m in exchange.answered("defence") for q in call.sentences(m, why)]
        bad = [q for q in defences if blaming(q.text) is blames]
        pressed = exchange.told_of(*PRESSURE) or upset(call, exchange)
        if not bad and not pressed:
            continue
        replies += 1
        spoilt += bool(bad)
        missed += [Moment(q) for q in bad]
        good = exchange.answered(
            *("question", "paraphrase") if blames else ("acknowledgement", "apology", "solution")
        )
        if good and not bad:
            how = "you asked, and judged nothing" if blames else "you stayed with their problem"
            seen.append(Moment(call.quote(good[0], how)))
    numbers = {"spoilt": spoilt, "replies_under_pressure": replies}
    return Found(seen, missed, numbers if replies else {})


def blaming(text: str) -> bool:
    """Return whether a defence is at the customer's cost: it speaks of "you"."""
    return not YOU.isdisjoint(token.text for token in tokens(text.split()))


def telling(moves: Sequence[Move]) -> Move:
    """Return the move that says most: a complaint before a trouble, and in more words."""
    return max(moves, key=lambda m: (m.kind != "trouble", len(m.text), -m.start))


def upset(call: Call, exchange: Exchange) -> bool:
    """Return whether the customer was upset in an account."""
    return call.upset_s(exchange.told, UPSET) >= UPSET_S


def _calming(call: Call, exchange: Exchange) -> bool:
    """Return whether they were met just before, and calmed down while they spoke."""
    start, end = exchange.told
    met = call.said(A, "acknowledgement", "apology", span=Span(max(start - LASTS, 0), start))
    return bool(met) and call.mood(Span(end - SETTLED, end + 1)) < UPSET


def _replied(call: Call) -> list[Exchange]:
    return [exchange for exchange in call.exchanges if replied(call, exchange)]


def _told(call: Call, exchange: Exchange, why: str) -> list[Moment]:
    """Return what was told: where they complained, else its beginning."""
    pressing = exchange.told_of(*PRESSURE)
    if pressing:
        return [Moment(call.quote(telling(pressing), why))]
    told = call.told(C, exchange.told, why)
    return [Moment(told)] if told else []


def _sounded(mood: float) -> str:
    return f"they sounded upset ({mood:.2f} on average)" if mood == mood else "they sounded upset"

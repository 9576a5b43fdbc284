"""Finds moments of the score card's techniques in the agent's replies to the customer.

The techniques are empathy, acknowledgement, apology, clarifying, not defending, and non-judgement.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from math import ceil

from voicecoach.coaching.signals import APOLOGY_WINDOW
from voicecoach.language.pack import Language
from voicecoach.scoring.call import Exchange, ScoredCall
from voicecoach.scoring.manner import ACCOUNT_S, ends_in_question, has_worded_reply
from voicecoach.scoring.practice import (
    UPSET_MIN_S,
    TechniqueFindings,
    TechniqueMoment,
    share_findings,
)
from voicecoach.scoring.record import Span
from voicecoach.types.events import UPSET_LEVEL, DialogueAct
from voicecoach.types.stream import AGENT, CUSTOMER, SAMPLE_RATE

REPLY_WITHIN_S = 15.0
"""Time from the start of the reply in which an acknowledgement belongs to the account, seconds."""
HINT_UPSET_S = 1.0
"""Upset speech from which an acknowledgement earns credit although none is due yet, seconds."""
ACKNOWLEDGED_FOR, ACCOUNT_END_WINDOW = 30 * SAMPLE_RATE, 4 * SAMPLE_RATE
"""How long an acknowledgement lasts, and the length of the end of an account over which the
customer is checked for having calmed down; samples."""
REGRET_S = 20.0
"""Length of the agent's speech after the first problem within which an apology is due, seconds."""
TROUBLE_ACTS = "trouble", "repeat"
PRESSURE_ACTS = *TROUBLE_ACTS, "demand", "abuse"


def find_empathy(call: ScoredCall) -> TechniqueFindings:
    """Find upset accounts, and those that the agent acknowledged or said sorry for."""
    seen, missed = [], []
    for exchange in _worded_exchanges(call):
        felt = exchange.reply_acts("acknowledgement", "apology", within_s=REPLY_WITHIN_S)
        if felt and call.upset_s(exchange.account, UPSET_LEVEL) >= HINT_UPSET_S:
            seen.append(
                TechniqueMoment(call.quote_act(felt[0], "you acknowledged that they were upset"))
            )
        elif is_upset(call, exchange) and not _calming(call, exchange):
            mood = call.mean_agitation(exchange.account)
            why = f"{_sounded(mood)}; you did not acknowledge it"
            missed += _told_moment(call, exchange, why)
    return share_findings(seen, missed, "acknowledged", "upset_turns")


def find_acknowledgement(call: ScoredCall) -> TechniqueFindings:
    """Find accounts of a problem, and those that the agent acknowledged."""
    seen, missed = [], []
    first = True
    for exchange in _worded_exchanges(call):
        troubles = exchange.customer_acts(*TROUBLE_ACTS)
        again = [m for m in troubles if m.kind == "repeat"]
        weighty = first or again or len(troubles) > 1 or is_upset(call, exchange)
        if not troubles or not weighty:
            continue
        first = False
        before = Span(max(exchange.account.start - ACKNOWLEDGED_FOR, 0), exchange.account.start)
        heard = exchange.reply_acts(
            "acknowledgement", "apology", "paraphrase", within_s=REPLY_WITHIN_S
        )
        if heard:
            seen.append(TechniqueMoment(call.quote_act(heard[0], "you acknowledged the problem")))
        elif not call.speaker_acts(AGENT, "acknowledgement", "apology", span=before):
            trouble = most_telling(troubles)
            why = "you went on without acknowledging the problem"
            missed.append(TechniqueMoment(call.quote_act(trouble, why)))
    return share_findings(seen, missed, "acknowledged", "problems")


def find_apology(call: ScoredCall) -> TechniqueFindings:
    """Find an apology for the first problem, and apologies beyond two in four minutes."""
    troubled = [e for e in _worded_exchanges(call) if e.customer_acts(*TROUBLE_ACTS)]
    apologies = call.speaker_acts(AGENT, "apology")
    seen, missed = [], []
    if troubled:
        trouble = most_telling(troubled[0].customer_acts(*TROUBLE_ACTS))
        told = max(trouble.start - ACKNOWLEDGED_FOR, 0)
        sorry = call.speaker_acts(
            AGENT, "apology", "acknowledgement", span=Span(told, call.end + 1)
        )
        reply = troubled[0].reply
        start = max(trouble.end, reply.start if reply else 0)
        if sorry and call.speech_s(AGENT, Span(start, sorry[0].start)) <= REGRET_S:
            seen.append(
                TechniqueMoment(
                    call.quote_act(sorry[0], "you said sorry or acknowledged it in time")
                )
            )
        else:
            late = "your apology came late" if sorry else "you did not say sorry"
            why = f"they told you of a problem, and {late}"
            missed.append(TechniqueMoment(call.quote_act(trouble, why)))
    regretted, due = len(seen), len(seen) + len(missed)
    enough = ceil(call.thresholds.too_many_apologies) - 1
    beyond = []
    ends: list[int] = []
    """Of the apologies so far, in order."""
    for m in apologies:
        if len(ends) - bisect_left(ends, m.start - APOLOGY_WINDOW) >= enough:
            beyond.append(m)
        insort(ends, m.end)
    why = f"more than {enough} apologies within 4 minutes lose their effect: say what you will do"
    missed += [
        TechniqueMoment(
            call.quote_act(m, why), advice=f"{_times(enough)} is enough: {why}.", cue="enough-sorry"
        )
        for m in beyond
    ]
    numbers = {"apologised": regretted, "due": due, "too_many": len(beyond)}
    return TechniqueFindings(seen, missed, numbers if due or beyond else {})


def _times(count: int) -> str:
    return {1: "Once", 2: "Twice"}.get(count, f"{count} times")


def find_clarifying(call: ScoredCall) -> TechniqueFindings:
    """Find long accounts, and those that the agent asked about or paraphrased."""
    seen, missed = [], []
    for exchange in _worded_exchanges(call):
        told_s = call.speech_s(CUSTOMER, exchange.account)
        if told_s < ACCOUNT_S or ends_in_question(call, exchange):
            continue
        checks = exchange.reply_acts("paraphrase") or exchange.reply_acts("recap", "question")
        if checks:
            how = "you repeated it in your words" if checks[0].kind != "question" else "you asked"
            seen.append(
                TechniqueMoment(
                    call.quote_act(checks[0], f"{how}, after they spoke for {told_s:.0f} s")
                )
            )
        else:
            why = f"they spoke for {told_s:.0f} s, and you neither asked about it nor repeated it"
            missed += _told_moment(call, exchange, why)
    return share_findings(seen, missed, "checked", "long_accounts")


def find_not_defending(call: ScoredCall) -> TechniqueFindings:
    """Find where the agent defended themselves or the company under pressure."""
    return _defence_findings(call, "defended yourself or the company", blames=False)


def find_non_judgement(call: ScoredCall) -> TechniqueFindings:
    """Find where the agent blamed the customer under pressure."""
    return _defence_findings(call, "blamed them", blames=True)


def _defence_findings(call: ScoredCall, what: str, *, blames: bool) -> TechniqueFindings:
    seen, missed, replies, spoilt = [], [], 0, 0
    for exchange in _worded_exchanges(call):
        why = f"you {what}: come back to their problem"
        defences = [q for m in exchange.reply_acts("defence") for q in call.quote_sentences(m, why)]
        bad = [q for q in defences if is_blaming(q.text, call.language) is blames]
        pressed = exchange.customer_acts(*PRESSURE_ACTS) or is_upset(call, exchange)
        if not bad and not pressed:
            continue
        replies += 1
        spoilt += bool(bad)
        missed += [TechniqueMoment(q) for q in bad]
        good = exchange.reply_acts(
            *("question", "paraphrase") if blames else ("acknowledgement", "apology", "solution")
        )
        if good and not bad:
            how = "you asked without judging" if blames else "you stayed with their problem"
            seen.append(TechniqueMoment(call.quote_act(good[0], how)))
    numbers = {
        "blaming_replies" if blames else "defensive_replies": spoilt,
        "replies_under_pressure": replies,
    }
    return TechniqueFindings(seen, missed, numbers if replies else {})


def is_blaming(text: str, language: Language) -> bool:
    """Return whether a defence blames the customer: it says "you"."""
    phrases = language.dialogue_acts
    return phrases is not None and not phrases.shared.second_person.isdisjoint(
        token.text for token in phrases.tokenize(text.split())
    )


def most_telling(moves: Sequence[DialogueAct]) -> DialogueAct:
    """Return the act to quote: any other kind before a plain problem, then the longest."""
    return max(moves, key=lambda m: (m.kind != "trouble", len(m.text), -m.start))


def is_upset(call: ScoredCall, exchange: Exchange) -> bool:
    """Return whether the customer was upset in an account."""
    return call.upset_s(exchange.account, UPSET_LEVEL) >= UPSET_MIN_S


def _calming(call: ScoredCall, exchange: Exchange) -> bool:
    """Return whether the agent acknowledged it just before, and the customer then calmed down."""
    start, end = exchange.account
    met = call.speaker_acts(
        AGENT, "acknowledgement", "apology", span=Span(max(start - ACKNOWLEDGED_FOR, 0), start)
    )
    return bool(met) and call.mean_agitation(Span(end - ACCOUNT_END_WINDOW, end + 1)) < UPSET_LEVEL


def _worded_exchanges(call: ScoredCall) -> list[Exchange]:
    return [exchange for exchange in call.exchanges if has_worded_reply(call, exchange)]


def _told_moment(call: ScoredCall, exchange: Exchange, why: str) -> list[TechniqueMoment]:
    """Return the moment to show: the most telling act of the account, else its first words."""
    pressing = exchange.customer_acts(*PRESSURE_ACTS)
    if pressing:
        return [TechniqueMoment(call.quote_act(most_telling(pressing), why))]
    told = call.quote_first_words(CUSTOMER, exchange.account, why)
    return [TechniqueMoment(told)] if told else []


def _sounded(mood: float) -> str:
    return f"they sounded upset ({mood:.2f} on average)" if mood == mood else "they sounded upset"

"""Finds moments of the score card's techniques in how the agent speaks and listens.

The techniques are listening, calm delivery, patience, and time to calm down.
"""

from __future__ import annotations

from collections.abc import Collection

from voicecoach.coaching.conversation_state import BACKCHANNEL_S
from voicecoach.estimates.tone import ALERT_LEVEL
from voicecoach.scoring.call import WORD_NEAR, Exchange, ScoredCall, make_quote, mean_of_known
from voicecoach.scoring.practice import TechniqueFindings, TechniqueMoment, share_findings
from voicecoach.scoring.record import DeliverySample, Span
from voicecoach.types.events import UPSET_LEVEL, Overlap
from voicecoach.types.stream import AGENT, CUSTOMER, SAMPLE_RATE, TICK_S

ACCOUNT_S = 12.0
"""Length of the customer's speech from which an account needs a response, seconds."""
TAKING_UP_ACTS = "acknowledgement", "apology", "paraphrase", "question", "recap"
ANSWERING_ACTS = "solution", "expectation", "compromise", "escalation", "promise"
"""Dialogue acts that respond to any account, and those that respond to one ending in a question."""
QUESTION_END_WORDS = 8
"""An account ends in a question if its last this many words contain one."""
TAKEN_UP_S = 20.0
"""Seconds from the start of the reply in which a response counts."""
CALMING_WORDS_WITHIN_S = 6.0
"""Time after an outburst in which the agent can offer the customer a moment in words, seconds."""
MIN_SHOWN_TURN_S = 5.0
"""Shortest turn or reply that the card shows, seconds."""
CUT_IN_OVERLAP = int(1.5 * SAMPLE_RATE)
"""How long both must speak for an interruption, samples.

The cue `let-them-finish` opens sooner, but turns overlap by a second in lively talk."""
MIN_RUN_S, MIN_MEASURED_S = 1.0, 20.0
"""Shortest stretch that counts, and the least measured speech for a score, seconds."""
MERGE_RUNS_WITHIN = SAMPLE_RATE
"""Longest gap between stretches that are joined, samples."""


def find_listening(call: ScoredCall) -> TechniqueFindings:
    """Find long accounts that the agent responded to, and the agent's monologues."""
    seen, missed = [], []
    for exchange in call.exchanges:
        told_s = call.speech_s(CUSTOMER, exchange.account)
        if told_s < ACCOUNT_S or not has_worded_reply(call, exchange):
            continue
        kinds = (
            TAKING_UP_ACTS
            if not ends_in_question(call, exchange)
            else (*TAKING_UP_ACTS, *ANSWERING_ACTS)
        )
        signs = exchange.reply_acts(*kinds, within_s=TAKEN_UP_S)
        nods = [s for s in call.backchannels[AGENT] if s.overlaps(exchange.account)]
        if signs:
            best = min(signs, key=lambda m: (kinds.index(m.kind), m.start))
            why = f"you responded to what they had told you for {told_s:.0f} s"
            seen.append(TechniqueMoment(call.quote_act(best, why)))
        elif nods:
            text = f"{len(nods)} backchannel{'s' * (len(nods) > 1)} while they spoke"
            why = f"they spoke for {told_s:.0f} s"
            seen.append(
                TechniqueMoment(
                    make_quote(Span(nods[0].start, nods[-1].end), AGENT, text, why, True)
                )
            )
        else:
            why = f"they spoke for {told_s:.0f} s; your reply did not respond to it"
            told = call.quote_first_words(CUSTOMER, exchange.account, why)
            missed += [TechniqueMoment(told)] if told else []
    accounts = len(seen) + len(missed)
    monologues = [m for exchange in call.exchanges if (m := _monologue(call, exchange))]
    numbers = {"responded": len(seen), "long_accounts": accounts, "monologues": len(monologues)}
    return TechniqueFindings(seen, missed + monologues, numbers if accounts or monologues else {})


def _monologue(call: ScoredCall, exchange: Exchange) -> TechniqueMoment | None:
    reply = exchange.reply
    if (
        reply is None
        or not call.is_heard(reply, (AGENT, CUSTOMER))
        or exchange.reply_acts("question")
    ):
        return None
    spoken_s = call.speech_s(AGENT, reply)
    if spoken_s < call.thresholds.monologue_s:
        return None
    why = "ask a question in between, so that they can speak"
    text = f"you spoke for {spoken_s:.0f} s without asking a question"
    return TechniqueMoment(
        make_quote(reply, AGENT, text, why, True),
        advice="Ask a question now and then: after a minute they stop following.",
        cue="too-much-talking",
    )


def find_patience(call: ScoredCall) -> TechniqueFindings:
    """Find the customer's turns, and the agent's interruptions."""
    turns = [
        t
        for t in call.turns[CUSTOMER]
        if t.end - t.start >= BACKCHANNEL_S * SAMPLE_RATE and call.is_heard(t, (AGENT, CUSTOMER))
    ]
    missed = []
    for overlap in call.overlaps:
        span = Span(overlap.start, overlap.end)
        if (
            overlap.by is AGENT
            and call.is_heard(span, (AGENT, CUSTOMER))
            and _cuts_in(call, overlap)
        ):
            both_s = (overlap.end - overlap.start) / SAMPLE_RATE
            why = f"you interrupted them, and both spoke for {both_s:.1f} s; let them finish"
            said = call.quote_first_words(AGENT, span, why) or make_quote(
                span, AGENT, "you interrupted them", why, True
            )
            missed.append(TechniqueMoment(said))
    seen = []
    whole = [t for t in turns if not any(t.overlaps(Span(o.start, o.end)) for o in call.overlaps)]
    for turn in sorted(whole, key=lambda t: t.start - t.end)[:3]:
        long_s = (turn.end - turn.start) / SAMPLE_RATE
        if long_s >= MIN_SHOWN_TURN_S:
            text = f"they spoke for {long_s:.0f} s without interruption"
            seen.append(
                TechniqueMoment(make_quote(turn, CUSTOMER, text, "you let them finish", True))
            )
    numbers = {"interruptions": len(missed), "customer_turns": len(turns)}
    return TechniqueFindings(seen, missed, numbers if turns else {})


def _cuts_in(call: ScoredCall, overlap: Overlap) -> bool:
    """Return whether the agent interrupts a customer who has the floor."""
    if overlap.backchannel or overlap.end - overlap.start < CUT_IN_OVERLAP:
        return False
    words = call.words_in(AGENT, Span(overlap.start - WORD_NEAR, overlap.end))
    phrases = call.language.dialogue_acts
    return phrases is None or not phrases.supportive.cover_all([word.text for word in words])


def find_calm_delivery(call: ScoredCall) -> TechniqueFindings:
    """Find how much of the agent's speech was near their baseline in pace, level and pitch."""
    known = [d for d in call.delivery_in(Span(0, call.end + 1)) if _is_measured(call, d)]
    runs: list[list[DeliverySample]] = []
    for d in (d for d in known if _driven(call, d)):
        if runs and d.at - runs[-1][-1].at <= MERGE_RUNS_WITHIN:
            runs[-1].append(d)
        else:
            runs.append([d])
    runs = [run for run in runs if len(run) * TICK_S >= MIN_RUN_S]
    spoken_s = round(len(known) * TICK_S)
    if spoken_s < MIN_MEASURED_S:
        return TechniqueFindings([], [], {})
    missed = []
    for run in runs:
        span = Span(run[0].at - SAMPLE_RATE, run[-1].at)
        figures = _figures_text(run, _driven_by(call, run))
        said = call.quote_first_words(
            AGENT, span, f"{figures}: take a breath, and go back to your usual"
        )
        told = said or make_quote(span, AGENT, figures, "above your usual", True)
        advice = f"Take one breath before you go on: {figures}."
        missed.append(TechniqueMoment(told, advice=advice))
    driven = {d.at for run in runs for d in run}
    numbers = {
        "seconds_near_baseline": spoken_s - round(sum(map(len, runs)) * TICK_S),
        "seconds_measured": spoken_s,
    }
    return TechniqueFindings(_calm_replies(call, driven), missed, numbers)


def _calm_replies(call: ScoredCall, driven: set[int]) -> list[TechniqueMoment]:
    """Return the replies that were near the baseline."""
    seen = []
    for exchange in call.exchanges:
        if exchange.reply is None:
            continue
        mood = call.mean_agitation(exchange.account)
        reply = call.delivery_in(exchange.reply)
        known = [d for d in reply if _is_measured(call, d)]
        if len(known) * TICK_S >= MIN_SHOWN_TURN_S and not driven.intersection(d.at for d in known):
            upset = f", after their agitation was {mood:.2f}" if mood >= UPSET_LEVEL else ""
            why = f"{len(known) * TICK_S:.0f} s at your usual pace and voice{upset}"
            seen.append(
                TechniqueMoment(make_quote(exchange.reply, AGENT, _figures_text(known), why, True))
            )
    return seen


def _is_measured(call: ScoredCall, d: DeliverySample) -> bool:
    return any(x == x for x in (d.pace_ratio, d.level_db)) and call.is_heard(
        Span(d.at - 1, d.at), (AGENT,)
    )


def _driven(call: ScoredCall, d: DeliverySample) -> bool:
    return _fast(call, d) or _raised(call, d)


def _fast(call: ScoredCall, d: DeliverySample) -> bool:
    mood = call.recent_agitation(d.at)
    return any(d.pace_ratio >= t.ratio and mood >= t.agitation for t in call.thresholds.pace)


def _raised(call: ScoredCall, d: DeliverySample) -> bool:
    limits = call.thresholds
    return d.level_db >= limits.loud_db and d.f0_semitones >= limits.high_semitones


def _driven_by(call: ScoredCall, run: list[DeliverySample]) -> set[str]:
    """Return which measurements are above the baseline in a stretch."""
    found = {"pace"} if any(_fast(call, d) for d in run) else set()
    return found | ({"voice"} if any(_raised(call, d) for d in run) else set())


def _figures_text(run: list[DeliverySample], what: Collection[str] = ("pace", "voice")) -> str:
    """Return the measurements compared with the baseline, in words."""
    texts = []
    rate, usual = (
        mean_of_known(d.rate_syl_s for d in run),
        mean_of_known(d.baseline_rate_syl_s for d in run),
    )
    if "pace" in what and rate == rate and usual == usual:
        texts.append(f"{rate:.1f} syllables a second, your usual is {usual:.1f}")
    level, pitch = (
        mean_of_known(d.level_db for d in run),
        mean_of_known(d.f0_semitones for d in run),
    )
    if "voice" in what and level == level and pitch == pitch:
        texts.append(f"{round(level):+d} dB and {round(pitch):+d} semitones against your usual")
    return "; ".join(texts)


def find_time_to_calm(call: ScoredCall) -> TechniqueFindings:
    """Find outbursts, and whether the agent gave the customer a moment after each."""
    seen, missed = [], []
    for exchange in call.exchanges:
        reply = exchange.reply
        outburst_s = call.upset_s(exchange.account, ALERT_LEVEL)
        if (
            outburst_s < call.thresholds.outburst_s
            or reply is None
            or not call.is_heard(exchange.account, (AGENT, CUSTOMER))
        ):
            continue
        gap_s = max(reply.start - exchange.account.end, 0) / SAMPLE_RATE
        kinds = "acknowledgement", "apology", "wait"
        gentle = exchange.reply_acts(*kinds, within_s=CALMING_WORDS_WITHIN_S)
        opening = Span(
            exchange.account.end, reply.start + round(CALMING_WORDS_WITHIN_S * SAMPLE_RATE)
        )
        if gap_s > call.thresholds.hasty_reply_s:
            text = f"you waited {gap_s:.1f} s after {outburst_s:.0f} s of agitated speech"
            silence = Span(exchange.account.end, reply.start)
            seen.append(
                TechniqueMoment(make_quote(silence, AGENT, text, "you gave them a moment", True))
            )
        elif gentle:
            seen.append(
                TechniqueMoment(call.quote_act(gentle[0], "you acknowledged it before you went on"))
            )
        elif call.knows_acts(AGENT) and call.has_words_in(AGENT, opening):
            why = f"you answered {gap_s:.1f} s after {outburst_s:.0f} s of agitated speech; wait"
            said = call.quote_first_words(AGENT, opening, why)
            missed += [TechniqueMoment(said)] if said else []
    return share_findings(seen, missed, "gave_a_moment", "outbursts")


def has_worded_reply(call: ScoredCall, exchange: Exchange) -> bool:
    """Return whether account and reply were heard, and the reply has words."""
    reply = exchange.reply
    if reply is None or not call.is_heard(
        Span(exchange.account.start, reply.end), (AGENT, CUSTOMER)
    ):
        return False
    return bool(call.words_in(AGENT, Span(reply.start - WORD_NEAR, reply.end)))


def ends_in_question(call: ScoredCall, exchange: Exchange) -> bool:
    """Return whether an account ends in a question, which needs an answer."""
    words = call.words_in(CUSTOMER, Span(exchange.account.start, exchange.account.end + WORD_NEAR))[
        -QUESTION_END_WORDS:
    ]
    phrases = call.language.dialogue_acts
    return phrases is not None and any(
        token.asked for token in phrases.tokenize([word.text for word in words])
    )

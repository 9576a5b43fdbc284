"""Lists the fifteen techniques of conflict resolution that a score card rates.

Technique ids never change, because scores are compared over years.  docs/scorecard.md is generated
from this table.
"""

from __future__ import annotations

from itertools import islice

from voicecoach.coaching.cues import built_in_cues, translate_cues
from voicecoach.scoring.call import ScoredCall
from voicecoach.scoring.manner import (
    find_calm_delivery,
    find_listening,
    find_patience,
    find_time_to_calm,
)
from voicecoach.scoring.practice import TechniqueFindings, TechniqueMoment, TechniqueSpec
from voicecoach.scoring.rating import rate_formula, readable_formula
from voicecoach.scoring.record import Span
from voicecoach.scoring.replies import (
    find_acknowledgement,
    find_apology,
    find_clarifying,
    find_empathy,
    find_non_judgement,
    find_not_defending,
)
from voicecoach.scoring.resolving import (
    find_escalation,
    find_expectations,
    find_follow_up,
    find_options,
    find_positive_language,
)
from voicecoach.types.stream import AGENT, CUSTOMER, SAMPLE_RATE, Speaker
from voicecoach.views.channel_text import short_state
from voicecoach.views.scorecard import Quote, TechniqueScore
from voicecoach.views.summary import format_seconds

MAX_SEEN, MAX_MISSED = 3, 5
"""Most moments on the card; those with the most agitated customer come first."""
HOT_AGITATION = 0.3
"""Agitation from which a moment is preferred to an earlier one."""
BOTH_SPEAKERS = AGENT, CUSTOMER

TECHNIQUES: tuple[TechniqueSpec, ...] = (
    TechniqueSpec(
        id="listening",
        name="Listening",
        doc="When the customer speaks for 12 s or more, the agent responds to what they said "
        "within 20 s of starting to reply (acknowledges it, paraphrases it, asks about it, or "
        "answers if it ended in a question), or gave backchannels while they spoke. Each minute "
        "that the agent speaks without a question counts as a monologue.",
        formula="responded / (long_accounts + monologues)",
        occasion="the customer never spoke for 12 s or more",
        advice="Before you go on, respond to one thing they just told you.",
        cue="ask-or-confirm",
        find=find_listening,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="empathy",
        name="Empathy",
        doc="When the customer sounds upset (agitation 0.5 or more for 3 s of what they say), "
        "the agent acknowledges it or says sorry within 15 s of starting to reply. An "
        "acknowledgement after only 1 s of upset speech counts as well. None is needed if the "
        "agent gave one in the half minute before and the customer calms down while speaking.",
        formula="acknowledged / upset_turns",
        occasion="the customer did not sound upset",
        advice="Say that you see how this is for them before you turn to the problem.",
        cue="acknowledge",
        find=find_empathy,
        channels=BOTH_SPEAKERS,
        words=(AGENT,),
    ),
    TechniqueSpec(
        id="acknowledgement",
        name="Acknowledgement",
        doc="When the customer describes a problem (for the first time, or again while repeating "
        "it, naming several, or sounding upset), the agent acknowledges it, says sorry or "
        "paraphrases it within 15 s of starting to reply. An acknowledgement holds for half a "
        "minute.",
        formula="acknowledged / problems",
        occasion="the customer described no problem that was not already acknowledged",
        advice="Acknowledge the problem in one sentence before you ask for details.",
        cue="acknowledge",
        find=find_acknowledgement,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="apology",
        name="Apology in measure",
        doc="When the customer describes a problem, the agent says sorry or acknowledges it "
        "before speaking for 20 s. More than two apologies in 4 minutes are too many.",
        formula="apologised / (due + too_many)",
        occasion="the customer described no problem, and the agent did not apologise too often",
        advice="Say sorry once, early, and for what went wrong; then say what you will do.",
        cue="apologise",
        find=find_apology,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="calm-delivery",
        name="Calm and neutral delivery",
        doc="The share of the agent's measured speech that is near their baseline. Stretches of "
        "1 s or more count against it when the pace is 25 % above the baseline (15 % while the "
        "customer is upset), or the voice is both 5 dB louder and 2 semitones higher. Needs 20 s "
        "of speech.",
        formula="seconds_near_baseline / seconds_measured",
        occasion="less than 20 s of the agent's speech could be compared with their baseline",
        advice="Take one breath before you answer, and start at your usual pace and level.",
        cue="slow-down",
        find=find_calm_delivery,
        channels=(AGENT,),
        words=(),
    ),
    TechniqueSpec(
        id="patience",
        name="Patience, not interrupting",
        doc="An interruption is the agent speaking for 1.5 s or more at the same time as a "
        "customer who has the floor; backchannels and reassurance do not count. Customer turns "
        "of 1 s or more count.",
        formula="max(0, 1 - interruptions / customer_turns)",
        occasion="the customer had no turn",
        advice="When they seem to have finished, count to one; they may only be taking a breath.",
        cue="let-them-finish",
        find=find_patience,
        channels=BOTH_SPEAKERS,
        words=(),
    ),
    TechniqueSpec(
        id="time-to-calm",
        name="Time to calm down",
        doc="After an outburst (4 s of speech with agitation at 0.7 or more), the agent stays "
        "silent for half a second before replying, or starts the reply by acknowledging, saying "
        "sorry or giving them time.",
        formula="gave_a_moment / outbursts",
        occasion="there was no outburst",
        advice="After an outburst, wait for a full breath before your first word.",
        cue="give-them-a-moment",
        find=find_time_to_calm,
        channels=BOTH_SPEAKERS,
        words=(),
    ),
    TechniqueSpec(
        id="clarifying",
        name="Clarifying and confirming",
        doc="When the customer speaks for 12 s or more, the agent asks about it or paraphrases "
        "it in the reply. It does not count when the customer ends with a question, which needs "
        "an answer instead.",
        formula="checked / long_accounts",
        occasion="the customer never spoke for 12 s or more without ending in a question",
        advice="Repeat in one sentence what you understood, and ask whether it is right.",
        cue="ask-or-confirm",
        find=find_clarifying,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="positive-language",
        name="Softeners and positive language",
        doc="Polite softeners and statements of what can be done, compared with negative or "
        "absolute wordings that have a kinder alternative.",
        formula="positive / (positive + negative)",
        occasion="the agent used no softener, offer or negative wording",
        advice="Say what you can do, and when, instead of what you cannot.",
        cue="soften",
        find=find_positive_language,
        channels=(AGENT,),
        words=(AGENT,),
    ),
    TechniqueSpec(
        id="not-defending",
        name="Not defending",
        doc="Under pressure (a problem, a demand, abuse or an upset customer), the agent's reply "
        "does not defend the agent or the company, nor blame somebody else.",
        formula="1 - defensive_replies / replies_under_pressure",
        occasion="the agent was never under pressure",
        advice="Leave out whose fault it is, and come back to what can be done.",
        cue="do-not-defend",
        find=find_not_defending,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="non-judgement",
        name="Non-judgement",
        doc="Under pressure, the agent's reply does not blame the customer (with a defence that "
        'says "you").',
        formula="1 - blaming_replies / replies_under_pressure",
        occasion="the agent was never under pressure",
        advice="Ask what happened instead of saying what they should have done.",
        cue="do-not-defend",
        find=find_non_judgement,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="options",
        name="Options and compromise",
        doc="When the customer describes a problem, the agent offers a way forward (a solution, "
        "a compromise, a hand-over, or what happens next and when) within 90 s, or before "
        "speaking for 20 s. A problem described within a minute of an offer belongs to that "
        "offer.",
        formula="offered / problems",
        occasion="no problem of the customer's stayed open for long",
        advice="Offer two options, and let them choose.",
        cue="offer-a-way-forward",
        find=find_options,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="expectations",
        name="Expectations and limits",
        doc="When the agent promises something, they say within 30 s when it will happen, or do "
        "it at once. When the customer is abusive, the agent sets a calm limit within 30 s, or "
        "did so in the minute before.",
        formula="(promises_with_time + limits_set) / (promises + insults)",
        occasion="the agent promised nothing, and the customer was not abusive",
        advice="Give every promise a day and a time that you can keep.",
        cue="set-expectations",
        find=find_expectations,
        channels=BOTH_SPEAKERS,
        words=(AGENT,),
    ),
    TechniqueSpec(
        id="escalation",
        name="Escalation when due",
        doc="When the customer asks for somebody else, or stays agitated for long (as the cue "
        "`hand-over` decides), the agent offers to hand over within 30 s.",
        formula="offered / due",
        occasion="the customer did not ask for somebody else, and did not stay agitated for long",
        advice="Offer to bring in a colleague, and say what happens next.",
        cue="hand-over",
        find=find_escalation,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="follow-up",
        name="Follow-up and recap",
        doc="The agent sums up what was agreed in the minute before the goodbye or after it, and "
        "names a next step in the 2 minutes before it or after it.",
        formula="(recap + next_step) / 2",
        occasion="nobody said goodbye at the end of the recording",
        advice="Before the goodbye, say in one sentence who does what, and by when.",
        cue="recap",
        find=find_follow_up,
        channels=(AGENT,),
        words=(AGENT,),
    ),
)
"""All techniques, in the order of the card."""
NEUTRAL_NAMES = {"calm-delivery": ("usual-delivery", "Pace and voice as usual")}
"""Id and name that state no mood, by technique id, for the privacy profile that forbids it."""


def score_technique(
    practice: TechniqueSpec, call: ScoredCall, *, composite: bool = True
) -> TechniqueScore:
    """Return a technique's score in a call; without the composite its name is a measurement."""
    unknown = _unknown(practice, call)
    found = TechniqueFindings([], [], {}) if unknown else practice.find(call)
    if found.numbers:
        score, formula = rate_formula(practice.formula, found.numbers)
        practise = _practise_text(practice, call, found)
    else:
        score, practise = None, ""
        formula = f"{readable_formula(practice.formula)}: {unknown or practice.occasion}"
    named = practice.id, practice.name
    id, name = named if composite else NEUTRAL_NAMES.get(practice.id, named)
    return TechniqueScore(
        id,
        name,
        score,
        formula,
        [moment.quote for moment in _best(call, found.seen, MAX_SEEN)],
        [moment.quote for moment in _best(call, found.missed, MAX_MISSED)],
        practise,
    )


def _unknown(practice: TechniqueSpec, call: ScoredCall) -> str:
    """Return why the technique cannot be scored, or "" if it can."""
    for speaker in practice.channels:
        if state := call.distrusted.get(speaker):
            return f"not known: {short_state(state)} on the {speaker}'s side"
    if practice.words and call.language.dialogue_acts is None:
        return f"not known, no phrases for {call.language.code!r}"
    for speaker in practice.words:
        if not call.has_words(speaker):
            return f"not known, no words of the {speaker} were transcribed"
    return ""


def _best(call: ScoredCall, moments: list[TechniqueMoment], most: int) -> list[TechniqueMoment]:
    """Return the moments with the most agitated customer, else the earliest; in order of time."""

    def at(moment: TechniqueMoment) -> float:
        return moment.quote.start_s

    def heat(moment: TechniqueMoment) -> float:
        start, end = (round(s * SAMPLE_RATE) for s in (at(moment), moment.quote.end_s))
        moods = call.recent_agitation(start), call.mean_agitation(Span(start, end + 1))
        return max((x for x in moods if x >= HOT_AGITATION), default=0.0)

    hottest = sorted(moments, key=lambda m: (-heat(m), at(m)))
    said = {(m.quote.start_s, m.quote.text): m for m in reversed(hottest)}
    first = (m for m in hottest if m == said[m.quote.start_s, m.quote.text])
    return sorted(islice(first, most), key=at)


def _practise_text(practice: TechniqueSpec, call: ScoredCall, found: TechniqueFindings) -> str:
    """Return one thing to practise: the moment that mattered most, and words to say."""
    if not found.missed:
        kept = _best(call, found.seen, 1)
        return f"Keep it up. {_moment_text(kept[0].quote)}" if kept else ""
    (worst,) = _best(call, found.missed, 1)
    say = worst.say or _words_to_say(worst.cue or practice.cue, call)
    words = [worst.advice or practice.advice, _moment_text(worst.quote)]
    return " ".join([*words, f'Try: "{say}"'] if say else words)


def _moment_text(quote: Quote) -> str:
    at = f"At {format_seconds(quote.start_s)}"
    if quote.measured:
        return f"{at}: {quote.text}."
    who = "you" if quote.speaker is Speaker.AGENT else "they"
    end = "" if quote.text[-1:] in ".?!\u2026" else "."
    return f'{at} {who} said "{quote.text}{end}"'


def _words_to_say(cue: str, call: ScoredCall) -> str:
    """Return the words that a cue offers: those shown in the call, else the built-in ones."""
    shown = [opened.say for opened in call.cues if opened.id == cue and call.quoting]
    rules = translate_cues(built_in_cues(), call.language)
    built_in = {c.id: c.say for c in rules if "{" not in c.say}
    return shown[-1] if shown else built_in.get(cue, "")

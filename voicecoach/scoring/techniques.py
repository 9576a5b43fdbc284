"""The fifteen techniques of conflict resolution that a score card tells of.

Their ids stay: scores of calls years apart are compared by them.  docs/scorecard.md is written from
this table.
"""

from __future__ import annotations

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
from voicecoach.types import AGENT, CUSTOMER, SAMPLE_RATE, Speaker
from voicecoach.views.scorecard import Quote, TechniqueScore
from voicecoach.views.summary import format_seconds

MAX_SEEN, MAX_MISSED = 3, 5
"""Most moments on the card: the heat of the call first."""
HOT_AGITATION = 0.3
"""Agitation from which a moment goes before an earlier one."""
BOTH_SPEAKERS = AGENT, CUSTOMER

TECHNIQUES: tuple[TechniqueSpec, ...] = (
    TechniqueSpec(
        id="listening",
        name="Listening",
        doc="Where the customer tells something for 12 s or more: within 20 s of the reply it is "
        "taken up (acknowledged, said back, asked about, or answered where it ended in a "
        "question), or there were signs of listening while "
        "they spoke. To speak for a minute on end without a question leaves no room for it.",
        formula="taken_up / (accounts + monologues)",
        occasion="nobody told anything for 12 s or more",
        advice="Before you go on, take up one thing that they just told you.",
        cue="ask-or-confirm",
        find=find_listening,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="empathy",
        name="Empathy",
        doc="Where the customer sounds upset (agitation 0.5 or more for 3 s of an account): within "
        "15 s of the reply it is said that one sees how it is for them, or regrets it. To do so "
        "after 1 s of it counts, too; who was met in the half minute before, and calms down while "
        "they speak, needs it no more.",
        formula="met / upset_accounts",
        occasion="the customer did not sound upset",
        advice="Name how it must be for them before you turn to the matter.",
        cue="acknowledge",
        find=find_empathy,
        channels=BOTH_SPEAKERS,
        words=(AGENT,),
    ),
    TechniqueSpec(
        id="acknowledgement",
        name="Acknowledgement",
        doc="Where the customer tells of a trouble (the first account of one; later ones that "
        "repeat it, tell of several, or sound upset): within 15 s of the reply it is acknowledged, "
        "regretted or said back; what was acknowledged holds for half a minute.",
        formula="heard / troubles",
        occasion="the customer told of no trouble that was not acknowledged already",
        advice="Show that you heard the trouble, in one sentence, before you ask for details.",
        cue="acknowledge",
        find=find_acknowledgement,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="apology",
        name="Apology in measure",
        doc="Where the customer tells of a trouble: a word of regret, or an acknowledgement, "
        "before the agent has spoken for 20 s. More than two apologies in 4 minutes are too many.",
        formula="regretted / (due + too_many)",
        occasion="the customer told of no trouble, and nobody apologised too often",
        advice="Say sorry once, early and for the thing itself; then say what you will do.",
        cue="apologise",
        find=find_apology,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="calm-delivery",
        name="Calm and neutral delivery",
        doc="The agent's measured speech, less the stretches of 1 s or more in which the pace is a "
        "quarter above the agent's own usual (15 % while the customer is upset), or the voice is "
        "both 5 dB louder and 2 semitones higher. From 20 s of speech.",
        formula="seconds_as_usual / seconds_measured",
        occasion="less than 20 s of the agent's speech could be measured against their usual",
        advice="One breath before you answer, and the first words at your usual pace and level.",
        cue="slow-down",
        find=find_calm_delivery,
        channels=(AGENT,),
        words=(),
    ),
    TechniqueSpec(
        id="patience",
        name="Patience, not interrupting",
        doc="Interruptions are those of the agent, over a customer who has the floor, in which "
        "both speak for 1.5 s or more; what only reassures is none. Turns are those of 1 s or "
        "more.",
        formula="max(0, 1 - interruptions / customer_turns)",
        occasion="the customer had no turn",
        advice="Count to one when they seem to be done; they may only take a breath.",
        cue="let-them-finish",
        find=find_patience,
        channels=BOTH_SPEAKERS,
        words=(),
    ),
    TechniqueSpec(
        id="time-to-calm",
        name="Time to calm down",
        doc="After an outburst (4 s of agitation at 0.7 or more in an account): half a second of "
        "silence before the reply, or a reply that first acknowledges, regrets or gives them time.",
        formula="given_a_moment / outbursts",
        occasion="there was no outburst",
        advice="After an outburst, leave a silence of a full breath before your first word.",
        cue="give-them-a-moment",
        find=find_time_to_calm,
        channels=BOTH_SPEAKERS,
        words=(),
    ),
    TechniqueSpec(
        id="clarifying",
        name="Clarifying and confirming",
        doc="Where the customer tells something for 12 s or more: the reply asks about it, or says "
        "it back. One that ends in a question wants an answer instead, and is no occasion.",
        formula="checked / long_accounts",
        occasion="nobody told anything for 12 s or more that was no question",
        advice="Say back in one sentence what you understood, and ask whether it is right.",
        cue="ask-or-confirm",
        find=find_clarifying,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="positive-language",
        name="Softeners and positive language",
        doc="The agent's polite hedges and what they say can be done, against negative or absolute "
        "wordings for which there is a kinder one.",
        formula="positive / (positive + hard)",
        occasion="the agent neither hedged, offered nor refused anything",
        advice="Say what can be done, and when, in place of what can not.",
        cue="soften",
        find=find_positive_language,
        channels=(AGENT,),
        words=(AGENT,),
    ),
    TechniqueSpec(
        id="not-defending",
        name="Not defending",
        doc="Under pressure (a trouble, a demand, abuse, an upset customer): the reply does not "
        "defend the agent or the company, nor blame somebody else.",
        formula="1 - spoilt / replies_under_pressure",
        occasion="the agent was under no pressure",
        advice="Leave out whose fault it is, and come back to what can be done.",
        cue="do-not-defend",
        find=find_not_defending,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="non-judgement",
        name="Non-judgement",
        doc="Under pressure: the reply does not put it on the customer (a defence that speaks of "
        '"you").',
        formula="1 - spoilt / replies_under_pressure",
        occasion="the agent was under no pressure",
        advice="Ask what happened in place of saying what they should have done.",
        cue="do-not-defend",
        find=find_non_judgement,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="options",
        name="Options and compromise",
        doc="Where the customer tells of a trouble: a way forward (a solution, a "
        "compromise, a hand-over, what happens next and when) before 90 s are over, or the agent "
        "has spoken for 20 s. What is told within a minute of an offer belongs to it.",
        formula="offered / problems",
        occasion="the customer told of no trouble that was open for long",
        advice="Offer two ways, and let them choose.",
        cue="offer-a-way-forward",
        find=find_options,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="expectations",
        name="Expectations and limits",
        doc="Where the agent promises something: a time for it within 30 s, or it is done at once. "
        "Where the customer is abusive: a calm limit within 30 s, or in the minute before.",
        formula="(timed + limits_set) / (promises + insults)",
        occasion="nothing was promised, and nobody was abusive",
        advice="Put a day and an hour to every promise, one that you can keep.",
        cue="set-expectations",
        find=find_expectations,
        channels=BOTH_SPEAKERS,
        words=(AGENT,),
    ),
    TechniqueSpec(
        id="escalation",
        name="Escalation when due",
        doc="Where the customer asks for somebody else, or has been agitated for most of a while "
        "(the cue hand-over): an offer to hand over within 30 s.",
        formula="offered / due",
        occasion="nobody asked for somebody else, and nothing else called for it",
        advice="Offer to bring in a colleague, and say what happens next.",
        cue="hand-over",
        find=find_escalation,
        channels=BOTH_SPEAKERS,
        words=BOTH_SPEAKERS,
    ),
    TechniqueSpec(
        id="follow-up",
        name="Follow-up and recap",
        doc="What was agreed is summed up in the minute before the goodbye, or after it, and "
        "there is a next step in the 2 minutes before it, or after it.",
        formula="(recapped + next_step) / 2",
        occasion="nobody said goodbye at the end of the recording",
        advice="Before the goodbye: who does what, by when, in one sentence.",
        cue="recap",
        find=find_follow_up,
        channels=(AGENT,),
        words=(AGENT,),
    ),
)
"""In the order of the card."""
NEUTRAL_NAMES = {"calm-delivery": ("usual-delivery", "Pace and voice as usual")}
"""Id and name of what is called after a state, where no state may be named."""


def score_technique(
    practice: TechniqueSpec, call: ScoredCall, *, composite: bool = True
) -> TechniqueScore:
    """Return what a call shows of a technique; without the composite its name is a measurement."""
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
    """Return why it cannot be known, "" where it can."""
    for speaker in practice.channels:
        if state := call.distrusted.get(speaker):
            return f"not known, the {speaker}'s channel is {state}"
    if practice.words and call.language.dialogue_acts is None:
        return f"not known, there are no phrases for {call.language.code!r}"
    for speaker in practice.words:
        if not call.has_words(speaker):
            return f"not known, no words of the {speaker} were heard"
    return ""


def _best(call: ScoredCall, moments: list[TechniqueMoment], most: int) -> list[TechniqueMoment]:
    """Return those at which the customer was most agitated, else the earliest, by time."""

    def at(moment: TechniqueMoment) -> float:
        return moment.quote.start_s

    def heat(moment: TechniqueMoment) -> float:
        start, end = (round(s * SAMPLE_RATE) for s in (at(moment), moment.quote.end_s))
        moods = call.recent_agitation(start), call.mean_agitation(Span(start, end + 1))
        return max((x for x in moods if x >= HOT_AGITATION), default=0.0)

    hottest = sorted(moments, key=lambda m: (-heat(m), at(m)))
    said = {(m.quote.start_s, m.quote.text): m for m in reversed(hottest)}
    return sorted([m for m in hottest if m in said.values()][:most], key=at)


def _practise_text(practice: TechniqueSpec, call: ScoredCall, found: TechniqueFindings) -> str:
    """Return one thing: the moment that mattered most, and words for it."""
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
    """Return the words that a cue offers: as they were in the call, else as they are built in."""
    shown = [opened.say for opened in call.cues if opened.id == cue and call.quoting]
    rules = translate_cues(built_in_cues(), call.language)
    built_in = {c.id: c.say for c in rules if "{" not in c.say}
    return shown[-1] if shown else built_in.get(cue, "")

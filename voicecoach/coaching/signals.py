"""What the cues know of a call: one number for each named signal, anew at every tick.

What cannot be known is NaN, and an unknown signal fires nothing.  So is whatever says that words
were *not* said where none are heard, or they are late.  What has not been done since something else
is the time, or the speech, for which it is missing: a rule is a comparison, and needs no language.

Silence *helps* after an outburst, while the customer looks for what they were asked for, and where
somebody said that they need a moment; it is dead air only beyond that.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import NamedTuple

from voicecoach.audio.endpointing import Endpointer
from voicecoach.coaching.conversation_state import OUTBURST_S, Accounts, Levels, Mood, Silence
from voicecoach.estimates.delivery import pace
from voicecoach.language.dialogue_acts import Moves, Said
from voicecoach.language.transcript import PRE_ROLL
from voicecoach.types import SAMPLE_RATE, SPEAKERS, Delivery, Speaker, Tone

A = SPEAKERS[0]
C = SPEAKERS[1]
NAN = float("nan")


class Signal(NamedTuple):
    """What a rule may name."""

    unit: str
    doc: str
    needs: tuple[Speaker, ...]
    """Whose channels it is made of: where one is not trusted, nor is it."""


SIGNALS: Mapping[str, Signal] = {
    "agitation": Signal("0..1", "the customer's agitation, known once confidence is 0.3", (C,)),
    "agitated_share": Signal(
        "0..1",
        "share of the customer's speech of 90 s with agitation of 0.7 or more; from 30 s of speech",
        (C,),
    ),
    "agitated_s": Signal(
        "s", "the customer's speech with agitation of 0.7 or more, in 10 minutes", (C,)
    ),
    "outburst_s": Signal(
        "s", "speech with agitation of 0.7 or more in the customer's newest account", (A, C)
    ),
    "calmed_s": Signal(
        "s", "the customer's speech under 0.5 after 4 s or more at 0.7 or more within 90 s", (C,)
    ),
    "account_s": Signal("s", "the customer's speech in their newest account", (A, C)),
    "agent_rate_syl_s": Signal(
        "syl/s",
        "the agent's articulation rate, while they speak, from 4 s of speech in a turn",
        (A,),
    ),
    "agent_usual_rate_syl_s": Signal("syl/s", "the agent's usual articulation rate", (A,)),
    "agent_rate_ratio": Signal("ratio", "articulation rate over the usual one", (A,)),
    "agent_level_db": Signal("dB", "the agent's level against their usual, while they speak", (A,)),
    "agent_f0_semitones": Signal(
        "st", "the agent's pitch against their usual, while they speak", (A,)
    ),
    "agent_f0_range_semitones": Signal(
        "st", "the agent's pitch range against their usual, while they speak", (A,)
    ),
    "agent_overlaps_per_min": Signal(
        "1/min",
        "how often the agent came in over the customer in 3 minutes, while they speak",
        (A, C),
    ),
    "agent_reply_gap_s": Signal(
        "s", "silence before the agent's reply, median of the last 5, while they speak", (A, C)
    ),
    "agent_talk_share": Signal(
        "0..1", "the agent's share of the speech in 3 minutes, while they speak", (A, C)
    ),
    "agent_barge_in_s": Signal(
        "s", "both have spoken since the agent came in over a customer who had the floor", (A, C)
    ),
    "agent_gap_s": Signal("s", "silence between the account and the agent's reply to it", (A, C)),
    "agent_reply_s": Signal("s", "the agent's speech since the account", (A, C)),
    "agent_monologue_s": Signal(
        "s", "the agent's speech since the customer last said more than a backchannel", (A, C)
    ),
    "dead_air_s": Signal("s", "silence on both channels, once it does not help", (A, C)),
    "since_acknowledgement_s": Signal(
        "s", "since the agent last acknowledged or apologised, or since the call began", (A,)
    ),
    "since_help_s": Signal(
        "s", "since the agent last acknowledged, apologised, or spoke a tenth slower", (A,)
    ),
    "agent_unchecked_s": Signal(
        "s", "the agent's speech since the account without a question or a paraphrase", (A, C)
    ),
    "agent_unmoved_s": Signal(
        "s",
        "the agent's speech since the customer told of a trouble, neither acknowledged nor "
        "apologised for",
        (A, C),
    ),
    "apologies": Signal("count", "the agent's apologies of 4 minutes", (A,)),
    "since_apology_s": Signal("s", "since the agent last apologised", (A,)),
    "since_hard_s": Signal("s", "since the agent's last negative or absolute phrase", (A,)),
    "since_defence_s": Signal("s", "since the agent last blamed somebody, or defended", (A,)),
    "problem_open_s": Signal("s", "since a trouble was told, no way forward offered", (A, C)),
    "agent_on_problem_s": Signal("s", "the agent's speech in that time", (A, C)),
    "vague_promise_s": Signal("s", "since the agent's last promise, no time said for it", (A,)),
    "abuse_open_s": Signal("s", "since the customer abused the agent, no limit set", (A, C)),
    "demand_open_s": Signal(
        "s", "since the customer asked for a supervisor, no escalation offered", (A, C)
    ),
    "closing_open_s": Signal(
        "s", "since the agent said goodbye, no recap or next step in 2 minutes before", (A,)
    ),
}
"""By the name that a rule uses."""

_QUOTED = {
    "hard": (Speaker.AGENT, "the agent's negative or absolute phrase"),
    "defence": (Speaker.AGENT, "the agent's words of blame or defence"),
    "promise": (Speaker.AGENT, "the agent's promise"),
    "trouble": (Speaker.CUSTOMER, "the customer's trouble"),
}
QUOTES: Mapping[str, str] = {
    **{f"{kind}_said": doc for kind, (_, doc) in _QUOTED.items()},
    "hard_instead": "what to say instead of the negative or absolute phrase",
}
"""What a message may quote beside the signals."""

SURE = 0.3
"""Confidence from which the customer's agitation is known."""
TONE_RECENT = 15 * SAMPLE_RATE
"""A customer silent for longer may feel otherwise by now."""
RECENT = int(1.5 * SAMPLE_RATE)
"""An agent silent for longer is not speaking now; their delivery is then unknown."""
LONG_TURN_S = 4.0
"""Speech in the agent's turn from which its pace is known: short turns have none."""
MEASURED = (
    *("rate_syl_s", "usual_rate_syl_s", "level_db", "f0_semitones", "f0_range_semitones"),
    *("overlaps_per_min", "reply_gap_s", "talk_share"),
)
"""What is known of the agent's delivery as it is."""
_MEASURED = {f"agent_{name}": name for name in MEASURED}
_NO_DELIVERY = dict.fromkeys((*_MEASURED, "agent_rate_ratio"), NAN)
SLOWER = 0.9
"""Pace over the usual that is slower."""

APOLOGIES = 240 * SAMPLE_RATE
LIMIT = 60 * SAMPLE_RATE
"""For how long a limit stands that was set before the abuse."""
TIMED, DOING = 30 * SAMPLE_RATE, 6 * SAMPLE_RATE
"""For how long a time stands for what is promised after it, and how near "one moment" is to it."""
OFFERS = ("solution", "compromise", "escalation", "expectation", "promise", "follow_up")
"""Moves after which something is going to be done."""
OFFER = 60 * SAMPLE_RATE
"""What is told so soon after an offer belongs to it."""
NEXT_STEP = 120 * SAMPLE_RATE
OPENING = 60 * SAMPLE_RATE
"""Nobody says goodbye sooner."""
JUST_BEFORE = 10 * SAMPLE_RATE
"""A silence is about what was said so long before it."""
AFTER_OUTBURST_S, AFTER_QUESTION_S, ANNOUNCED_S = 15.0, 25.0, 45.0
"""For how long a silence helps."""


class Heard(NamedTuple):
    """What the stages before know at a tick."""

    tone: Tone | None
    delivery: Delivery | None
    levels: Mapping[Speaker, Levels]
    """How loud each channel is."""
    words: Set[Speaker]
    """Whose words are heard, and in time."""


class Signals:
    """The signals of one call.

    Parameters
    ----------
    endpointer
        Who speaks, and who has the floor.
    moves
        What was done with words.
    """

    def __init__(self, endpointer: Endpointer, moves: Moves) -> None:
        self._endpointer, self._moves = endpointer, moves
        self._accounts, self._silence, self._mood = Accounts(endpointer), Silence(), Mood()
        self._at = 0
        self._turn_s = 0.0
        self._slowed: int | None = None
        self._trouble: tuple[int, float] | None = None
        self._last: dict[tuple[Speaker, tuple[str, ...]], Said | None] = {}
        """What was said last, until something is said."""
        self._changes = 0
        self._unsaid: dict[str, float] = {}
        """What words make where there are none."""

    def update(self, at: int, heard: Heard) -> dict[str, float]:
        """Return a value for each of `SIGNALS` at the end of a tick."""
        seconds, self._at = (at - self._at) / SAMPLE_RATE, at
        speaking = {s: self._endpointer.segment(s).speaking for s in SPEAKERS}
        tone = heard.tone
        agitation = NAN
        if tone and tone.confidence >= SURE and at - tone.end <= TONE_RECENT:
            agitation = tone.agitation
        asked = self._newest(A, "question")
        self._accounts.update(seconds, asked.end if asked else None)
        if speaking[C]:
            self._mood.update(at, seconds, agitation, self._accounts.accounts)
        self._silence.update(at, speaking, heard.levels)
        if self._endpointer.floor is not A:
            self._turn_s = 0.0
        elif speaking[A]:
            self._turn_s += seconds
        delivery = self._delivery(heard.delivery)
        if delivery["agent_rate_ratio"] <= SLOWER:
            self._slowed = at
        return {
            **delivery,
            "agitation": agitation,
            "agitated_share": self._mood.share(),
            "agitated_s": self._mood.agitated_s(at),
            "outburst_s": self._mood.outburst_s(self._accounts.accounts),
            "calmed_s": self._mood.calmed_s,
            "account_s": self._accounts.account_s,
            "agent_barge_in_s": self._barge_in_s(),
            "agent_gap_s": self._accounts.gap_s if self._accounts.reply_s else NAN,
            "agent_reply_s": self._accounts.reply_s,
            "agent_monologue_s": self._accounts.monologue_s,
            "dead_air_s": self._dead_air_s(heard.words),
            **self._said(heard.words),
        }

    def quotes(self) -> dict[str, str]:
        """Return a text for each of `QUOTES`, "" where there is none."""
        newest = {kind: self._newest(speaker, kind) for kind, (speaker, _) in _QUOTED.items()}
        quotes = {f"{kind}_said": said.text if said else "" for kind, said in newest.items()}
        hard = newest["hard"]
        return quotes | {"hard_instead": hard.instead if hard else ""}

    # --- voices and turns -----------------------------------------------------------------

    def _delivery(self, delivery: Delivery | None) -> Mapping[str, float]:
        if not delivery or self._at - delivery.end > RECENT:
            return _NO_DELIVERY
        known = {}
        for signal, name in _MEASURED.items():
            x = getattr(delivery, name)
            known[signal] = NAN if x is None else x
        if self._turn_s < LONG_TURN_S:
            known["agent_rate_syl_s"] = NAN
        rate, usual = known["agent_rate_syl_s"], known["agent_usual_rate_syl_s"]
        return known | {"agent_rate_ratio": pace(rate, usual)}

    def _barge_in_s(self) -> float:
        """Return for how long the agent has interrupted; unknown where they only reassure."""
        seconds = self._endpointer.barge_in_s(A)
        # The times of partial words are approximate, within the audio they were asked from.
        came_in = self._endpointer.segment(A).start - PRE_ROLL
        if seconds and self._moves.only_supportive(A, came_in):
            return NAN
        return seconds

    def _dead_air_s(self, words: Set[Speaker]) -> float:
        if self._silence.since is None:
            return NAN
        silence_s = self._seconds(self._silence.since)
        return silence_s if silence_s >= self._helps_s(words) else 0.0

    def _helps_s(self, words: Set[Speaker]) -> float:
        """Return for how long the present silence helps."""
        own, theirs = (self._endpointer.segment(s).last_speech for s in SPEAKERS)
        about = max(own, theirs) - JUST_BEFORE
        announced = (self._newest(A, "wait"), self._newest(C, "wait"))
        if any(said and said.end >= about for said in announced):
            return ANNOUNCED_S
        if A not in words:
            # They may have asked for something, or have said that they need a moment.
            return ANNOUNCED_S
        asked = self._newest(A, "question")
        if own > theirs and asked and asked.end >= about:
            return AFTER_QUESTION_S
        if theirs > own and self._mood.outburst_s(self._accounts.accounts) >= OUTBURST_S:
            return AFTER_OUTBURST_S
        return 0.0

    # --- words ----------------------------------------------------------------------------

    def _newest(self, speaker: Speaker, *kinds: str) -> Said | None:
        """Return what of these kinds a speaker said last."""
        if not self._moves.changes:
            return None
        if self._moves.changes != self._changes:
            self._changes = self._moves.changes
            self._last.clear()
        if (speaker, kinds) not in self._last:
            each = (self._moves.said(speaker, kind) for kind in kinds)
            newest = max((said[-1] for said in each if said), key=lambda s: s.end, default=None)
            self._last[speaker, kinds] = newest
        return self._last[speaker, kinds]

    def _seconds(self, when: int) -> float:
        return max(self._at - when, 0) / SAMPLE_RATE

    def _since(self, said: Said | None) -> float:
        return self._seconds(said.end) if said else NAN

    def _unanswered(self, said: Said | None, answer: Said | None, before: int = 0) -> float:
        """Return since when something is said, NaN where it is answered since or just before."""
        answered = said and answer and answer.end > said.start - before
        return NAN if answered else self._since(said)

    def _said(self, words: Set[Speaker]) -> dict[str, float]:
        """Return the signals that words make."""
        if self._moves.changes or A in words:
            return self._made(words)
        # Without words only the help that is a slower pace changes.
        self._unsaid = self._unsaid or self._made(words)
        slowed_s = NAN if self._slowed is None else self._seconds(self._slowed)
        return self._unsaid | {"since_help_s": slowed_s}

    def _made(self, words: Set[Speaker]) -> dict[str, float]:
        """Return the same, worked out anew."""
        acknowledged = self._newest(A, "acknowledgement", "apology")
        checked = self._newest(A, "question", "paraphrase")
        checks = checked and checked.end > self._accounts.account_end
        apologies = self._moves.said(A, "apology")
        helped = [acknowledged.end] if acknowledged else []
        helped += [] if self._slowed is None else [self._slowed]
        missing = {
            "since_acknowledgement_s": self._seconds(acknowledged.end if acknowledged else 0),
            "agent_unchecked_s": 0.0 if checks else self._accounts.reply_s,
            **self._open_trouble(acknowledged),
            "vague_promise_s": self._vague_promise_s(),
            "abuse_open_s": self._unanswered(
                self._newest(C, "abuse"), self._newest(A, "limit"), LIMIT
            ),
            "demand_open_s": self._unanswered(
                self._newest(C, "demand"), self._newest(A, "escalation")
            ),
            "closing_open_s": self._closing_open_s(),
        }
        known = missing if A in words else dict.fromkeys(missing, NAN)
        return known | {
            "since_help_s": self._seconds(max(helped)) if helped else NAN,
            "apologies": float(sum(self._at - said.end <= APOLOGIES for said in apologies)),
            "since_apology_s": self._since(self._newest(A, "apology")),
            "since_hard_s": self._since(self._newest(A, "hard")),
            "since_defence_s": self._since(self._newest(A, "defence")),
        }

    def _open_trouble(self, acknowledged: Said | None) -> dict[str, float]:
        """Return what is said to a trouble."""
        troubles = self._moves.said(C, "trouble")
        unmoved = not acknowledged or (troubles and acknowledged.end < troubles[0].end)
        offer = self._newest(A, *OFFERS)
        settled = offer.end + OFFER if offer else 0
        still = next((said.end for said in troubles if said.end > settled), None)
        if still is None:
            self._trouble = None
        elif self._trouble is None or still != self._trouble[0]:
            self._trouble = still, self._accounts.agent_s
        spoken_s = self._accounts.agent_s - self._trouble[1] if self._trouble else NAN
        return {
            "agent_unmoved_s": spoken_s if unmoved else 0.0,
            "problem_open_s": NAN if still is None else self._seconds(still),
            "agent_on_problem_s": spoken_s,
        }

    def _vague_promise_s(self) -> float:
        promise, doing = self._newest(A, "promise"), self._newest(A, "wait")
        # What is done at this moment needs no time, and one that was given holds for a while.
        if promise and doing and abs(doing.start - promise.end) <= DOING:
            return NAN
        return self._unanswered(promise, self._newest(A, "expectation"), TIMED)

    def _closing_open_s(self) -> float:
        closing = self._newest(A, "closing")
        if not closing or closing.end < OPENING:
            return NAN
        step = self._newest(A, "recap", "follow_up", "expectation")
        return self._unanswered(closing, step, NEXT_STEP)

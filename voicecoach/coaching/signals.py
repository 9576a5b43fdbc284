"""Computes the signals that cue rules compare: one number for each named signal at every tick.

A signal that cannot be known is NaN, and no rule holds on it.  Signals for words that were *not*
said are NaN too while no words are transcribed, or they are late.  Such a signal is the time, or
the speech, for which the words are missing, so that a rule needs only a comparison.

Silence *helps* after an outburst, while the customer looks up what the agent asked for, and after
somebody asked for a moment; only longer silence is dead air.  After a goodbye none is.

A pause in listening stops all clocks: its signals are unknown, no time since anything includes it,
and silence and the agent's monologue start anew after it, since nobody knows who spoke in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import NamedTuple

from voicecoach.audio.endpointing import Endpointer
from voicecoach.audio.hop_groups import ChannelLevels
from voicecoach.coaching.conversation_state import (
    OUTBURST_S,
    AccountTracker,
    AgitationHistory,
    SilenceTracker,
)
from voicecoach.coaching.signal_catalogue import CUE_SIGNALS, PHRASE_SIGNALS, QUOTED_ACTS
from voicecoach.estimates.calmness import pace_ratio
from voicecoach.language.dialogue_acts import DialogueActTracker, SpokenAct
from voicecoach.language.transcript import PRE_ROLL
from voicecoach.types.events import TONE_MIN_CONFIDENCE, Delivery, Event, Tone
from voicecoach.types.stream import (
    AGENT,
    CUSTOMER,
    NAN,
    SAMPLE_RATE,
    SPEAKERS,
    Speaker,
    nan_if_none,
)

TONE_RECENT = 15 * SAMPLE_RATE
"""Older agitation is not used: a customer who was silent for longer may feel differently."""
DELIVERY_RECENT = int(1.5 * SAMPLE_RATE)
"""An agent silent for longer is not speaking now; their delivery is then unknown."""
LONG_TURN_S = 4.0
"""Speech in the agent's turn from which its pace is known: short turns have none."""
DELIVERY_FIELDS = (
    *("rate_syl_s", "baseline_rate_syl_s", "level_db", "f0_semitones", "f0_range_semitones"),
    *("overlaps_per_min", "reply_gap_s", "talk_share"),
)
"""Signals that are copied from the agent's delivery."""
_DELIVERY_SIGNALS = {f"agent_{name}": name for name in DELIVERY_FIELDS}
_NO_DELIVERY = dict.fromkeys((*_DELIVERY_SIGNALS, "agent_rate_ratio"), NAN)
_UNKNOWN = dict.fromkeys(CUE_SIGNALS, NAN)
SLOWER_PACE = 0.9
"""Pace relative to the baseline that counts as slower."""

APOLOGY_WINDOW = 240 * SAMPLE_RATE
LIMIT_STANDS = 60 * SAMPLE_RATE
"""How long before the abuse a limit may have been set."""
PROMISE_TIME_WITHIN, DONE_NOW_WITHIN = 30 * SAMPLE_RATE, 6 * SAMPLE_RATE
"""How long before a promise its time may have been said, and how near "one moment" must be."""
OFFERING_ACTS = ("solution", "compromise", "escalation", "expectation", "promise", "follow_up")
"""Dialogue acts that say something will be done."""
OFFER_COVERS = 60 * SAMPLE_RATE
"""A problem described this soon after an offer belongs to that offer."""
NEXT_STEP_WINDOW = 120 * SAMPLE_RATE
EARLIEST_GOODBYE = 60 * SAMPLE_RATE
"""A goodbye earlier in the call does not count."""
GOODBYES_WITHIN = 30 * SAMPLE_RATE
"""Two goodbyes this near to each other end the conversation."""
OVER_AFTER_S = 6.0
"""Seconds after the later goodbye for which the agent can still sum up."""
GOES_ON_S = 2.0
"""Speech of the customer after both goodbyes with which it goes on, seconds."""
JUST_BEFORE = 10 * SAMPLE_RATE
"""How long before a silence its reason may have been said."""
AFTER_OUTBURST_S, AFTER_QUESTION_S, ANNOUNCED_S = 15.0, 25.0, 45.0
"""How long each kind of silence helps."""


class StageOutputs(NamedTuple):
    """Results of the earlier stages at a tick."""

    tone: Tone | None
    delivery: Delivery | None
    levels: Mapping[Speaker, ChannelLevels]
    """Levels of each channel."""
    words: Set[Speaker]
    """Speakers whose words are transcribed, and in time."""


class SignalTracker:
    """Computes the signals of one call.

    Parameters
    ----------
    endpointer
        Who speaks, and who has the floor.
    moves
        Dialogue acts of the call.
    """

    def __init__(self, endpointer: Endpointer, moves: DialogueActTracker) -> None:
        self._endpointer, self._acts = endpointer, moves
        self._accounts, self._silence, self._mood = (
            AccountTracker(endpointer),
            SilenceTracker(),
            AgitationHistory(),
        )
        self.events: list[Event] = []
        """Accounts and replies that ended at the newest tick."""
        self._at = 0
        self._pauses: list[tuple[int, int]] = []
        """Pauses in listening, as stream indices, in whole ticks."""
        self._turn_s = 0.0
        self._slowed: int | None = None
        self._trouble: tuple[int, float] | None = None
        self._goodbye = 0
        """Where the later of two goodbyes ended, samples."""
        self._since_goodbye_s = 0.0
        """The customer's speech since it was heard."""
        self._newest_acts: dict[tuple[Speaker, tuple[str, ...]], SpokenAct | None] = {}
        """Dialogue acts that count until the next ones."""
        self._changes = 0
        self._wordless_signals: dict[str, float] = {}
        """Values of the words' signals while there are no words."""

    def compute_signals(self, at: int, heard: StageOutputs) -> dict[str, float]:
        """Return a value for each of `CUE_SIGNALS` at the end of a tick.

        All are unknown some time after both have said goodbye: nothing is to be done any more.
        """
        seconds, self._at = (at - self._at) / SAMPLE_RATE, at
        speaking = {s: self._endpointer.segment(s).speaking for s in SPEAKERS}
        tone = heard.tone
        agitation = NAN
        if tone and tone.confidence >= TONE_MIN_CONFIDENCE and at - tone.end <= TONE_RECENT:
            agitation = tone.agitation
        asked = self._newest_act(AGENT, "question")
        self.events = self._accounts.count_speech(at, seconds, asked.end if asked else None)
        if speaking[CUSTOMER]:
            self._mood.add_tick(
                self._listened(at), seconds, agitation, self._accounts.account_count
            )
        self._silence.track_sound(at, speaking, heard.levels)
        if self._endpointer.floor is not AGENT:
            self._turn_s = 0.0
        elif speaking[AGENT]:
            self._turn_s += seconds
        delivery = self._delivery_signals(heard.delivery)
        if delivery["agent_rate_ratio"] <= SLOWER_PACE:
            self._slowed = at
        if self._is_over(seconds if speaking[CUSTOMER] else 0.0):
            return _UNKNOWN
        return {
            **delivery,
            "agitation": agitation,
            "agitated_share": self._mood.agitated_share(),
            "agitated_s": self._mood.agitated_s(self._listened(at)),
            "outburst_s": self._mood.outburst_s(self._accounts.account_count),
            "calmed_s": self._mood.calmed_s,
            "account_s": self._accounts.account_s,
            "agent_barge_in_s": self._barge_in_s(),
            "agent_gap_s": self._accounts.gap_s if self._accounts.reply_s else NAN,
            "agent_reply_s": self._accounts.reply_s,
            "agent_monologue_s": self._accounts.monologue_s,
            "dead_air_s": self._dead_air_s(heard.words),
            **self._word_signals(heard.words),
        }

    def skip_tick(self, at: int) -> dict[str, float]:
        """Return the signals at the end of a tick in which the agent paused: all unknown."""
        goes_on = self._pauses and self._pauses[-1][1] == self._at
        start = self._pauses.pop()[0] if goes_on else self._at
        self._pauses.append((start, at))
        self._at = at
        self.events = []
        self._accounts.monologue_s = 0.0
        self._silence.restart(at)
        return _UNKNOWN

    def finish(self, at: int) -> list[Event]:
        """Return the account and the reply that the end of the call ends."""
        return self._accounts.finish(at)

    def quotes(self) -> dict[str, str]:
        """Return a text for each of `CUE_QUOTES`, "" if there is none."""
        newest = {
            kind: self._newest_act(speaker, kind) for kind, (speaker, _) in QUOTED_ACTS.items()
        }
        quotes = {f"{kind}_said": said.text if said else "" for kind, said in newest.items()}
        hard = newest["hard"]
        return quotes | {"hard_instead": hard.instead if hard else ""}

    def _is_over(self, customer_s: float) -> bool:
        """Return whether the call is over, after `customer_s` more of the customer's speech.

        It is when both have said goodbye, unless this customer goes on or the agent greets another.
        """
        ours, theirs = (self._newest_act(speaker, "closing") for speaker in SPEAKERS)
        if not ours or not theirs:
            return False
        last = max(ours.end, theirs.end)
        if last < EARLIEST_GOODBYE or last - min(ours.end, theirs.end) > GOODBYES_WITHIN:
            return False
        if last > self._goodbye:
            self._goodbye, self._since_goodbye_s = last, 0.0
        else:
            self._since_goodbye_s += customer_s
        greeting = self._newest_act(AGENT, "greeting")
        goes_on = self._since_goodbye_s >= GOES_ON_S or (greeting and greeting.end > last)
        return not goes_on and self._seconds_since(last) >= OVER_AFTER_S

    # --- voices and turns -----------------------------------------------------------------

    def _delivery_signals(self, delivery: Delivery | None) -> Mapping[str, float]:
        if not delivery or self._at - delivery.end > DELIVERY_RECENT:
            return _NO_DELIVERY
        known = {}
        for signal, name in _DELIVERY_SIGNALS.items():
            x = getattr(delivery, name)
            known[signal] = nan_if_none(x)
        if self._turn_s < LONG_TURN_S:
            known["agent_rate_syl_s"] = NAN
        rate, usual = known["agent_rate_syl_s"], known["agent_baseline_rate_syl_s"]
        return known | {"agent_rate_ratio": pace_ratio(rate, usual)}

    def _barge_in_s(self) -> float:
        """Return how long the agent has interrupted, seconds; unknown if they only reassure."""
        seconds = self._endpointer.barge_in_s(AGENT)
        # The times of partial words are approximate, within the audio they were asked from.
        came_in = self._endpointer.segment(AGENT).start - PRE_ROLL
        if seconds and self._acts.only_supportive(AGENT, came_in):
            return NAN
        return seconds

    def _dead_air_s(self, words: Set[Speaker]) -> float:
        if self._silence.since is None:
            return NAN
        silence_s = self._seconds_since(self._silence.since)
        return silence_s if silence_s >= self._silence_helps_s(words) else 0.0

    def _silence_helps_s(self, words: Set[Speaker]) -> float:
        """Return how long the present silence helps."""
        own, theirs = (self._endpointer.segment(s).last_speech for s in SPEAKERS)
        about = max(own, theirs) - JUST_BEFORE
        goodbyes = (self._newest_act(speaker, "closing") for speaker in SPEAKERS)
        if any(said and said.end >= about for said in goodbyes):
            return math.inf  # whoever was not understood has most likely said goodbye, too
        announced = (self._newest_act(AGENT, "wait"), self._newest_act(CUSTOMER, "wait"))
        if any(said and said.end >= about for said in announced):
            return ANNOUNCED_S
        if AGENT not in words:
            # They may have asked for something, or have said that they need a moment.
            return ANNOUNCED_S
        asked = self._newest_act(AGENT, "question")
        if own > theirs and asked and asked.end >= about:
            return AFTER_QUESTION_S
        if theirs > own and self._mood.outburst_s(self._accounts.account_count) >= OUTBURST_S:
            return AFTER_OUTBURST_S
        return 0.0

    # --- words ----------------------------------------------------------------------------

    def _newest_act(self, speaker: Speaker, *kinds: str) -> SpokenAct | None:
        """Return a speaker's last dialogue act of these kinds."""
        if not self._acts.change_count:
            return None
        if self._acts.change_count != self._changes:
            self._changes = self._acts.change_count
            self._newest_acts.clear()
        if (speaker, kinds) not in self._newest_acts:
            each = (self._acts.acts_of(speaker, kind) for kind in kinds)
            newest = max((said[-1] for said in each if said), key=lambda s: s.end, default=None)
            self._newest_acts[speaker, kinds] = newest
        return self._newest_acts[speaker, kinds]

    def _listened(self, when: int) -> int:
        """Return how much of the call before a stream index was listened to, samples."""
        return when - sum(min(end, when) - start for start, end in self._pauses if start < when)

    def _since(self, when: int) -> int:
        return self._listened(self._at) - self._listened(when)

    def _seconds_since(self, when: int) -> float:
        return max(self._since(when), 0) / SAMPLE_RATE

    def _seconds_since_act(self, said: SpokenAct | None) -> float:
        return self._seconds_since(said.end) if said else NAN

    def _unanswered_s(
        self, said: SpokenAct | None, answer: SpokenAct | None, before: int = 0
    ) -> float:
        """Return the time since an act, NaN if it was answered since or just before."""
        answered = said and answer and answer.end > said.start - before
        return NAN if answered else self._seconds_since_act(said)

    def _word_signals(self, words: Set[Speaker]) -> dict[str, float]:
        """Return the signals that depend on words."""
        if self._acts.change_count or AGENT in words:
            return self._compute_word_signals(words)
        # Without words only the help that is a slower pace changes.
        if not self._wordless_signals:
            unknown = () if self._acts.finds_acts else PHRASE_SIGNALS
            self._wordless_signals = self._compute_word_signals(words) | dict.fromkeys(unknown, NAN)
        slowed_s = NAN if self._slowed is None else self._seconds_since(self._slowed)
        return self._wordless_signals | {"since_help_s": slowed_s}

    def _compute_word_signals(self, words: Set[Speaker]) -> dict[str, float]:
        """Return the same, computed afresh."""
        acknowledged = self._newest_act(AGENT, "acknowledgement", "apology")
        checked = self._newest_act(AGENT, "question", "paraphrase")
        checks = checked and checked.end > self._accounts.account_end
        apologies = self._acts.acts_of(AGENT, "apology")
        helped = [acknowledged.end] if acknowledged else []
        helped += [] if self._slowed is None else [self._slowed]
        missing = {
            "since_acknowledgement_s": self._seconds_since(acknowledged.end if acknowledged else 0),
            "agent_unchecked_s": 0.0 if checks else self._accounts.reply_s,
            **self._open_trouble(acknowledged),
            "vague_promise_s": self._vague_promise_s(),
            "abuse_open_s": self._unanswered_s(
                self._newest_act(CUSTOMER, "abuse"), self._newest_act(AGENT, "limit"), LIMIT_STANDS
            ),
            "demand_open_s": self._unanswered_s(
                self._newest_act(CUSTOMER, "demand"), self._newest_act(AGENT, "escalation")
            ),
            "closing_open_s": self._closing_open_s(),
        }
        known = missing if AGENT in words else dict.fromkeys(missing, NAN)
        return known | {
            "since_help_s": self._seconds_since(max(helped)) if helped else NAN,
            "apologies": float(sum(self._since(said.end) <= APOLOGY_WINDOW for said in apologies)),
            "since_apology_s": self._seconds_since_act(self._newest_act(AGENT, "apology")),
            "since_hard_s": self._seconds_since_act(self._newest_act(AGENT, "hard")),
            "since_defence_s": self._seconds_since_act(self._newest_act(AGENT, "defence")),
        }

    def _open_trouble(self, acknowledged: SpokenAct | None) -> dict[str, float]:
        """Return the signals of how the agent answers a problem."""
        troubles = self._acts.acts_of(CUSTOMER, "trouble")
        unmoved = not acknowledged or (troubles and acknowledged.end < troubles[0].end)
        offer = self._newest_act(AGENT, *OFFERING_ACTS)
        settled = offer.end + OFFER_COVERS if offer else 0
        still = next((said.end for said in troubles if said.end > settled), None)
        if still is None:
            self._trouble = None
        elif self._trouble is None or still != self._trouble[0]:
            self._trouble = still, self._accounts.agent_s
        spoken_s = self._accounts.agent_s - self._trouble[1] if self._trouble else NAN
        return {
            "agent_unmoved_s": spoken_s if unmoved else 0.0,
            "problem_open_s": NAN if still is None else self._seconds_since(still),
            "agent_on_problem_s": spoken_s,
        }

    def _vague_promise_s(self) -> float:
        promise, doing = self._newest_act(AGENT, "promise"), self._newest_act(AGENT, "wait")
        # What is done at this moment needs no time, and one that was given holds for a while.
        if promise and doing and abs(doing.start - promise.end) <= DONE_NOW_WITHIN:
            return NAN
        return self._unanswered_s(
            promise, self._newest_act(AGENT, "expectation"), PROMISE_TIME_WITHIN
        )

    def _closing_open_s(self) -> float:
        closing = self._newest_act(AGENT, "closing")
        if not closing or closing.end < EARLIEST_GOODBYE:
            return NAN
        step = self._newest_act(AGENT, "recap", "follow_up", "expectation")
        return self._unanswered_s(closing, step, NEXT_STEP_WINDOW)

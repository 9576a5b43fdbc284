"""Tracks the state of the conversation: accounts and replies, silence, and the agitation so far.

The customer's *account* is what they have said since the agent last said more than "mm-hm"; the
agent's *reply* is what the agent has said since.  A short word of the customer in between
("mm-hm", "yes") is a backchannel, unless it answers a question.  Speech is counted in ticks.
Accounts and replies become events once they are over; scoring and reports use those events.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

from voicecoach.audio.endpointing import Endpointer
from voicecoach.audio.hop_groups import ChannelLevels
from voicecoach.estimates.tone import ALERT_LEVEL
from voicecoach.types.events import UPSET_LEVEL, Account, Event, Reply
from voicecoach.types.stream import NAN, SAMPLE_RATE, SPEAKERS, Speaker

OPENING_S = 20.0
"""Most of the agent's speech from before the customer was heard that is a monologue, seconds."""
BACKCHANNEL_S = 1.0
"""Customer's continuous speech that is more than a backchannel, seconds."""
REPLY_S = 2.0
"""Agent's turn, or speech in several, that ends an account, seconds; with less they listen."""
ANSWERS_WITHIN = 4 * SAMPLE_RATE
"""A short word this soon after a question is an answer, not a backchannel."""

ABOVE_FLOOR_DB, BELOW_SPEECH_DB = 10.0, 25.0
"""A sound this far above its channel's noise, and at most this far below its speech, is not
silence."""
FLOOR_RISE_DB_S = 0.1
"""Fastest rise of the noise estimate, decibels a second: music for a minute stays music."""

OUTBURST_S = 4.0
"""Agitated speech that makes an outburst, seconds."""
AGITATED_MEMORY = 600 * SAMPLE_RATE
MOOD_MEMORY, AGITATED_SHARE_MIN_S = 90 * SAMPLE_RATE, 30.0
"""Window in which agitation is counted, samples, and the speech needed for a share, seconds."""


class AccountTracker:
    """Tracks the accounts and replies of one call.

    Parameters
    ----------
    endpointer
        Who speaks.
    """

    def __init__(self, endpointer: Endpointer) -> None:
        self._endpointer = endpointer
        self._agent, self._customer = (endpointer.segment(s) for s in SPEAKERS)
        self._run_start = 0
        self._account_run: int | None = None
        """Start of the customer's last speech in the newest account."""
        self._account_start = 0
        self._account_told = False
        """The newest account is over and its event was sent."""
        self._reply_start = self._reply_end = 0
        self._turn_s = 0.0
        """The agent's longest turn since the account, with the pauses inside it, seconds."""
        self._run_s = self._uncounted_s = 0.0
        self.account_count = 0
        """Number of accounts, including the current one."""
        self.account_s = 0.0
        """The customer's speech in the newest account, seconds."""
        self.account_end = 0
        """End of the newest account so far, samples."""
        self.reply_s = 0.0
        """The agent's speech since, seconds."""
        self.gap_s = NAN
        """Silence between account and reply, seconds; 0 if the agent interrupted."""
        self.monologue_s = 0.0
        """The agent's speech since the customer last said more than a backchannel, seconds.

        At most `OPENING_S` of it is from before the customer was heard.
        """
        self.agent_s = 0.0
        """The agent's speech in the call, seconds."""

    def count_speech(self, at: int, seconds: float, asked: int | None) -> list[Event]:
        """Count the speech of a tick, and return the accounts and replies that are over.

        Parameters
        ----------
        at
            Stream index of its end.
        seconds
            Its length.
        asked
            Where the agent's last question ended, samples.
        """
        if self._agent.speaking:
            if not self.reply_s:
                came_in = self._customer.active and self._customer.start < self._agent.start
                gap = 0 if came_in else self._agent.start - self._customer.last_speech
                self.gap_s = max(gap, 0) / SAMPLE_RATE if self.account_count else NAN
                self._reply_start = max(self._agent.start, self._account_start)
            self.reply_s += seconds
            self.monologue_s += seconds
            if not self._customer.last_speech:
                self.monologue_s = min(self.monologue_s, OPENING_S)
            self.agent_s += seconds
            turn_start = max(self._endpointer.turn_start(Speaker.AGENT), self._reply_start)
            self._turn_s = max(self._turn_s, (self._agent.last_speech - turn_start) / SAMPLE_RATE)
        if self.reply_s:
            self._reply_end = self._agent.last_speech
        if self._customer.start == self._account_run:
            self.account_end = self._customer.last_speech
        events: list[Event] = []
        if self._customer.speaking:
            events += self._count_customer(at, seconds, asked)
        if self._has_replied():
            events += self._end_account(at)
        return events

    def _has_replied(self) -> bool:
        return max(self.reply_s, self._turn_s) >= REPLY_S

    def finish(self, at: int) -> list[Event]:
        """Return the account and the reply that end with the call."""
        return [*self._end_account(at), *self._end_reply(at, at)]

    def _end_account(self, at: int) -> list[Event]:
        if self._account_told or not self.account_count:
            return []
        self._account_told = True
        start, end = self._account_start, self.account_end
        return [Account(at=at, speaker=Speaker.CUSTOMER, start=start, end=end)]

    def _end_reply(self, at: int, until: int) -> list[Event]:
        if not self.account_count or not self.reply_s:
            return []
        start = self._reply_start
        end = max(start, min(self._reply_end, until))
        return [Reply(at=at, speaker=Speaker.AGENT, start=start, end=end)]

    def _count_customer(self, at: int, seconds: float, asked: int | None) -> list[Event]:
        start = self._customer.start
        if start != self._run_start:
            self._run_start, self._run_s, self._uncounted_s = start, 0.0, 0.0
        self._run_s += seconds
        self._uncounted_s += seconds
        answers = asked is not None and 0 <= start - asked <= ANSWERS_WITHIN
        if self._run_s < BACKCHANNEL_S and not answers:
            if self.account_count and not self.reply_s:  # nobody else spoke: they go on
                self._account_run, self.account_end = start, self._customer.last_speech
            return []
        events: list[Event] = []
        self.monologue_s = 0.0
        if self._has_replied() or not self.account_count:
            # "Well," and a breath belong to what follows in the same turn.
            begun = max(self._endpointer.turn_start(Speaker.CUSTOMER), self.account_end)
            events += [*self._end_account(at), *self._end_reply(at, begun)]
            self.account_count += 1
            self.account_s = 0.0
            self._account_start, self._account_told = begun, False
        self.reply_s = self._turn_s = 0.0
        self.account_s += self._uncounted_s
        self._uncounted_s = 0.0
        self._account_run, self.account_end = start, self._customer.last_speech
        return events


class SilenceTracker:
    """Tracks since when there is neither speech nor music nor keyboard noise."""

    def __init__(self) -> None:
        self._floor_db = dict.fromkeys(SPEAKERS, math.inf)
        self._at = 0
        self.since: int | None = None
        """Samples; None before anybody has spoken."""

    def restart(self, at: int) -> None:
        """Continue at `at` after a pause in listening: nobody knows who spoke in it."""
        self._at = at
        if self.since is not None:
            self.since = at

    def track_sound(
        self, at: int, speaking: Mapping[Speaker, bool], levels: Mapping[Speaker, ChannelLevels]
    ) -> None:
        """Process a tick: who speaks, and how loud each channel is."""
        seconds, self._at = (at - self._at) / SAMPLE_RATE, at
        sounding = False
        for speaker, (level_db, speech_db) in levels.items():
            floor_db = min(level_db, self._floor_db[speaker] + FLOOR_RISE_DB_S * seconds)
            self._floor_db[speaker] = floor_db
            sounding |= level_db >= max(floor_db + ABOVE_FLOOR_DB, speech_db - BELOW_SPEECH_DB)
        if any(speaking.values()) or (sounding and self.since is not None):
            self.since = at


class AgitationHistory:
    """Tracks how agitated the customer has been."""

    def __init__(self) -> None:
        self._ticks: deque[tuple[int, bool]] = deque()
        self._agitated = 0
        """How many of them are."""
        self._tick_s = 0.0
        self._long: deque[int] = deque()
        """Agitated ticks within `AGITATED_MEMORY`."""
        self._account = 0
        self._outburst_s = 0.0
        self.calmed_s = 0.0
        """Calm speech since an outburst within `MOOD_MEMORY`, seconds."""

    def add_tick(self, at: int, seconds: float, agitation: float, account: int) -> None:
        """Add a tick in which the customer speaks; an unknown agitation is not counted."""
        if account != self._account:
            self._account, self._outburst_s = account, 0.0
        while self._ticks and self._ticks[0][0] <= at - MOOD_MEMORY:
            self._agitated -= self._ticks.popleft()[1]
        self._tick_s = seconds
        if agitation != agitation:
            return
        agitated = agitation >= ALERT_LEVEL
        self._ticks.append((at, agitated))
        self._agitated += agitated
        self._outburst_s += seconds * agitated
        if agitated:
            self._long.append(at)
        if agitated or self._agitated * seconds < OUTBURST_S:
            self.calmed_s = 0.0
        elif agitation < UPSET_LEVEL:
            self.calmed_s += seconds

    def agitated_s(self, at: int) -> float:
        """Return the agitated speech within `AGITATED_MEMORY`, seconds."""
        while self._long and self._long[0] <= at - AGITATED_MEMORY:
            self._long.popleft()
        return len(self._long) * self._tick_s

    def outburst_s(self, account: int) -> float:
        """Return the agitated speech in an account, seconds; 0 if it is not the newest."""
        return self._outburst_s if account == self._account else 0.0

    def agitated_share(self) -> float:
        """Return the share of speech that was agitated; NaN if there was too little speech."""
        n = len(self._ticks)
        return self._agitated / n if n * self._tick_s >= AGITATED_SHARE_MIN_S else NAN

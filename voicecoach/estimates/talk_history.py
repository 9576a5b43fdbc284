"""Tracks who spoke when in the newest minutes: overlaps, reply gaps, the share of talk."""

from __future__ import annotations

import statistics
from collections import deque

from voicecoach.types.events import Event, Overlap, SpeechEnded, SpeechStarted
from voicecoach.types.stream import NAN, SAMPLE_RATE, SPEAKERS, Speaker

TALK_WINDOW = 180 * SAMPLE_RATE
"""Newest part of the call over which overlaps and the share of talk are measured."""
TALK_MINUTE = 60 * SAMPLE_RATE
"""Length of call needed for a rate of overlaps; baselines are learnt from each such minute."""
TALK_SHARE_MIN_S = 20.0
"""Seconds of speech, both together, needed for a share of talk."""
MIN_COUNTED_OVERLAP = int(0.5 * SAMPLE_RATE)
"""Shorter overlaps are not counted: turns overlap a little in any talk."""
MIN_REPLY = int(1.0 * SAMPLE_RATE)
"""Shortest reply: "mm-hm" in a pause does not count."""
MAX_REPLY_GAP = int(5.0 * SAMPLE_RATE)
"""Longest gap before a reply: in a longer silence somebody looks something up or is on hold."""
REPLY_GAPS_KEPT = 5
"""Newest replies whose median gap is the reply gap."""
MIN_REPLY_GAPS = 3
"""Replies needed for a reply gap."""


class TalkHistory:
    """Who spoke when in the recent minutes, with overlaps and reply gaps."""

    def __init__(self) -> None:
        self._spans: dict[Speaker, deque[tuple[int, int]]] = {s: deque() for s in SPEAKERS}
        self._spoken = dict.fromkeys(SPEAKERS, 0)
        """Total length of a speaker's spans, samples."""
        self._since: dict[Speaker, int | None] = dict.fromkeys(SPEAKERS)
        self._overlaps: deque[int] = deque()
        self._gaps: deque[float] = deque(maxlen=REPLY_GAPS_KEPT)
        self._reply: int | None = None
        self._minute = 0
        self._resumed = 0
        """End of the newest pause in listening."""
        self._customer_heard = False

    def add_event(self, event: Event) -> None:
        """Add an event of endpointing."""
        match event:
            case SpeechStarted():
                self._since[event.speaker] = event.start
                self._customer_heard |= event.speaker is Speaker.CUSTOMER
                if event.speaker is Speaker.AGENT and not self._reply_continues():
                    self._reply = event.start
            case SpeechEnded():
                self._since[event.speaker] = None
                self._spans[event.speaker].append((event.start, event.end))
                self._spoken[event.speaker] += event.end - event.start
            case Overlap(by=Speaker.AGENT, backchannel=False):
                if event.end - event.start >= MIN_COUNTED_OVERLAP:
                    self._overlaps.append(event.at)
            case _:
                pass

    def resume(self, now: int) -> None:
        """Continue after a pause in listening: no minute and no reply gap includes it."""
        self._minute = self._resumed = now
        self._reply = None

    def completed_minutes(self, now: int) -> list[dict[str, float]]:
        """Return the observations of each minute completed since the last call of this method."""
        observed = []
        while now - self._minute >= TALK_MINUTE:
            start, self._minute = self._minute, self._minute + TALK_MINUTE
            share = self.talk_share(start, self._minute)
            if share == share:  # otherwise they hardly spoke, for example on hold
                count = sum(start <= at < self._minute for at in self._overlaps)
                observed.append({"talk_share": share, "overlaps_per_min": float(count)})
        # Keep the last span however old it is: the gap before a reply is measured from it.
        for speaker, spans in self._spans.items():
            while len(spans) > 1 and spans[0][1] <= now - TALK_WINDOW:
                first, last = spans.popleft()
                self._spoken[speaker] -= last - first
        while self._overlaps and self._overlaps[0] <= now - TALK_WINDOW:
            self._overlaps.popleft()
        return observed

    def detect_reply(self, now: int) -> bool:
        """Return whether the agent's speech now is a new reply, and record the gap before it."""
        start, customer_since = self._reply, self._since[Speaker.CUSTOMER]
        if start is None or now - start < MIN_REPLY:
            return False
        if customer_since is not None and customer_since < start:
            return False  # the customer may not have stopped yet
        self._reply = None
        theirs, own = (self._end_before(s, start) for s in (Speaker.CUSTOMER, Speaker.AGENT))
        if theirs is None or theirs < self._resumed or (own is not None and own >= theirs):
            return False
        if not 0 <= start - theirs <= MAX_REPLY_GAP:
            return False
        self._gaps.append((start - theirs) / SAMPLE_RATE)
        return True

    def _reply_continues(self) -> bool:
        """Return whether the customer has been silent since the possible reply began."""
        spans = self._spans[Speaker.CUSTOMER]
        silent = self._since[Speaker.CUSTOMER] is None
        return self._reply is not None and silent and (not spans or spans[-1][1] <= self._reply)

    def reply_gap_s(self) -> float:
        """Return the median gap of the newest replies, seconds; NaN if there are too few."""
        return statistics.median(self._gaps) if len(self._gaps) >= MIN_REPLY_GAPS else NAN

    def overlaps_per_min(self, now: int) -> float:
        """Return how often per minute the agent recently talked over the customer, or NaN."""
        start = max(self._resumed, now - TALK_WINDOW)
        if not self._customer_heard or now - start < TALK_MINUTE:
            return NAN
        count = sum(at > start for at in self._overlaps)
        return count / ((now - start) / TALK_MINUTE)

    def talk_share(self, start: int, end: int) -> float:
        """Return the agent's share of all speech from `start` to `end`, 0..1, or NaN."""
        agent, customer = (self._spoken_s(s, start, end) for s in SPEAKERS)
        if not self._customer_heard or agent + customer < TALK_SHARE_MIN_S:
            return NAN
        return agent / (agent + customer)

    def _spoken_s(self, speaker: Speaker, start: int, end: int) -> float:
        spans, since = self._spans[speaker], self._since[speaker]
        spoken = self._spoken[speaker]
        # Subtract the parts of spans outside [start, end): they are at either end of the list.
        for first, last in spans:
            if first >= start:
                break
            spoken -= min(last, start) - first
        for first, last in reversed(spans):
            if last <= end:
                break
            spoken -= last - max(first, end)
        if since is not None:
            spoken += max(0, end - max(since, start))
        return spoken / SAMPLE_RATE

    def _end_before(self, speaker: Speaker, at: int) -> int | None:
        """Return the end of the speaker's last span that began before `at`."""
        return max((end for start, end in self._spans[speaker] if start < at), default=None)

"""Says whose speech is heard on each channel: the person's there, or others' behind them.

A channel is not a person.  `near_voice` leaves out voices far behind, by their level; `people`
tells who speaks, by their voice.  Windows of speech in which the other channel is silent are
compared: what leaks from there is nobody new.  A person is compared once for each window, and twice
as often while in doubt.

A voice that became softer, as on a loudspeaker, is far at first.  If it is the person's own, its
level is learnt anew at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from voicecoach.audio.near_voice import SPEECH, NearVoice
from voicecoach.audio.people import People
from voicecoach.audio.voice_embedding import WINDOW_HOPS, VoiceEmbedder
from voicecoach.types.events import Degraded, PersonChanged
from voicecoach.types.stream import F32, HOP, SPEAKERS, Speaker

OVERLAP = WINDOW_HOPS // 2
"""Hops that a window in doubt shares with the one before it."""


class _SpeechBuffer:
    """Keeps the newest window of speech, hop by hop."""

    def __init__(self) -> None:
        self._hops = np.zeros((WINDOW_HOPS, HOP), np.float32)
        self._ends = [0] * WINDOW_HOPS
        self._count = 0
        self.new = 0
        """Hops since the last `take`, up to a window."""

    def push(self, at: int, hop: F32) -> None:
        """Add a hop [HOP] that ends at `at`."""
        place = self._count % WINDOW_HOPS
        self._hops[place], self._ends[place] = hop, at
        self._count += 1
        self.new = min(self.new + 1, WINDOW_HOPS)

    @property
    def full(self) -> bool:
        """Whether enough was ever collected."""
        return self._count >= WINDOW_HOPS

    def take(self) -> tuple[int, F32]:
        """Return the start of the newest window and its speech, [WINDOW_HOPS * HOP]."""
        self.new = 0
        first = self._count % WINDOW_HOPS
        start = self._ends[first] - HOP
        return start, np.concatenate([self._hops[first:], self._hops[:first]]).reshape(-1)


class _Channel:
    """What is known of the voices on one channel."""

    def __init__(self) -> None:
        self.near = NearVoice()
        self.people = People()
        self.own, self.far = _SpeechBuffer(), _SpeechBuffer()


class VoiceTracker:
    """Follows the voices on both channels.

    Parameters
    ----------
    embedder
        Computes what a voice is like.
    """

    def __init__(self, embedder: VoiceEmbedder) -> None:
        self._embedder = embedder
        self._channels = {speaker: _Channel() for speaker in SPEAKERS}

    def step(
        self, at: int, hop: F32, powers: Sequence[float], speech: Sequence[float]
    ) -> tuple[list[float], list[Degraded | PersonChanged]]:
        """Add the hop that ends at `at`.

        Parameters
        ----------
        at
            Stream index.
        hop
            Samples of both channels, [2, HOP], full scale 1.0.
        powers
            Mean square of each channel's samples.
        speech
            Speech probability of each channel, 0..1.

        Returns
        -------
        speech
            The same, and 0 for a channel on which only others speak.
        events
            Others are heard on a channel, or no longer; another person speaks.
        """
        own, events = list(speech), list[Degraded | PersonChanged]()
        for speaker, channel in self._channels.items():
            row, near = speaker.row, channel.near
            before = near.others
            if not near.step(powers[row], speech[row]):
                own[row] = 0.0
            if speech[row] >= SPEECH and speech[speaker.other.row] < SPEECH:
                events += self._add_speech(at, speaker, channel, hop[row])
            if near.others != before:
                events.append(_others_notice(at, speaker, over=not near.others))
        return own, events

    def _add_speech(
        self, at: int, speaker: Speaker, channel: _Channel, hop: F32
    ) -> list[PersonChanged]:
        near, people = channel.near, channel.people
        if not near.near:
            channel.far.push(at, hop)
            if channel.far.new == WINDOW_HOPS:
                _, speech = channel.far.take()
                if people.is_present(self._embedder.process(speech)):
                    near.forget()
            return []
        own = channel.own
        own.push(at, hop)
        channel.far.new = 0
        urgent = people.in_doubt and own.full and own.new >= WINDOW_HOPS - OVERLAP
        if own.new < WINDOW_HOPS and not urgent:
            return []
        start, speech = own.take()
        level_db = 10.0 * math.log10(max(float(np.vecdot(speech, speech)) / len(speech), 1e-10))
        answered = self._channels[speaker.other].own.full
        if not people.add(self._embedder.process(speech), level_db, answered=answered):
            return []
        return [PersonChanged(at=at, speaker=speaker, start=start, person=people.present)]


def _others_notice(at: int, speaker: Speaker, *, over: bool) -> Degraded:
    reason = "nobody else is heard any more" if over else "others are heard, and do not count"
    return Degraded(at=at, stage=f"behind the {speaker}", reason=reason, over=over)

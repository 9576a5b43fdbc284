"""Tells the own voice of a channel from voices far behind it, by how loud they are.

On a call floor the speech detector hears colleagues, too.  The loudest hop of the last 0.16 s is
compared with the own level, which 4 in 5 such values of the channel's own speech do not exceed.  Of
the own voice hardly one is `FAR_DB` below it; a voice that is 25 dB weaker hardly ever comes near.

Nothing is left out before others have been heard for some time, so a call without them is as if
nobody had looked for them.  The own level is learnt all the time, from what is not far: of two
voices the louder one is the own one, however late it begins, and a soft voice alone on a channel is
near.  A voice that becomes much softer, as on a loudspeaker, is far at first; once only that has
been heard for some time, it is the own one.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from voicecoach.dsp.spectrum import FLOOR_DB
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE

SPEECH = 0.5
"""Speech probability from which a hop counts as speech."""
LOUDEST_OF = 10
"""Hops of which the loudest is compared: a voice is not far between two syllables."""
OWN_SHARE = 0.8
"""Share of the own speech that does not exceed the own level."""
OWN_HALVED_AFTER = 60 * SAMPLE_RATE // HOP
"""Hops of own speech after which what was learnt before counts half."""
LEARNT_AFTER = 2 * SAMPLE_RATE // HOP
"""Hops of speech before any is far."""
FAR_DB, NEAR_DB = 18.0, 15.0
"""A near voice that falls so far below the own level is far, and a far one near again above the
second value, dB."""
NEAR_FOR = 3
"""Hops for which a voice stays near after its last loud hop: the soft end of a word."""
RUN = SAMPLE_RATE // 5 // HOP
"""Hops of far speech in a row that show another voice: soft ends of one's own are shorter."""
FOUND_AFTER = SAMPLE_RATE * 4 // 5 // HOP
"""Hops of such speech, within about `FOUND_WITHIN`, from which others are left out."""
FOUND_WITHIN = 20 * SAMPLE_RATE // HOP
GONE_AFTER = 60 * SAMPLE_RATE // HOP
"""Hops without such speech after which nothing is left out any more."""
SOFTER_AFTER = 12 * SAMPLE_RATE // HOP
"""Hops of far speech without own speech after which the far voice is the own one."""
SOFTER_DB, MUCH_SOFTER_COUNTS = 22.0, 0.3
"""Of a voice further below the own level than the first value, dB, a hop counts so much of one: the
own voice hardly becomes that soft at once, but nobody is to be left out for a whole call."""
LOUDER_DB = 18.0
"""So far above the own level, a voice is another one, dB, and what was learnt was not the own."""
_LEVELS = round(-FLOOR_DB) + 1


class NearVoice:
    """Follows the level of one channel's own voice."""

    def __init__(self) -> None:
        self.others = False
        """Whether others are heard, and left out."""
        self._levels = deque([FLOOR_DB], LOUDEST_OF)
        self._counts = np.zeros(_LEVELS)
        """How often the own voice had each level, in whole dB from the floor on."""
        self._learnt = 0
        self._own_db = FLOOR_DB
        self._near = True
        self._since_loud = self._far_run = self._since_others = self._louder_run = 0
        self._only_far = 0.0
        """Hops of far speech since the own voice was heard."""
        self._found = 0.0
        """Hops of others' speech; the earlier count less."""

    @property
    def near(self) -> bool:
        """Whether the newest hop is as loud as the own voice."""
        return self._near

    def forget(self) -> None:
        """Learn the own level anew: what was far is the own voice, and nothing is left out."""
        self._learn_anew()
        self._found, self.others = 0.0, False

    def step(self, power: float, speech: float) -> bool:
        """Add a hop; return whether speech in it counts.

        Parameters
        ----------
        power
            Mean square of its samples, full scale 1.0.
        speech
            Its speech probability, 0..1.
        """
        level = 10.0 * math.log10(power) if power > 1e-10 else FLOOR_DB
        self._levels.append(level)
        loudest = min(max(self._levels), 0.0)
        below = self._own_db - loudest
        loud = self._learnt < LEARNT_AFTER or below <= (FAR_DB if self._near else NEAR_DB)
        self._since_loud = 0 if loud else self._since_loud + 1
        self._near = loud or (self._near and self._since_loud <= NEAR_FOR)
        speaks = speech >= SPEECH
        if speaks and self._near:
            self._learn(loudest)
        self._look_for_others(far=speaks and not self._near, below=below)
        return self._near or not self.others

    def _learn(self, level: float) -> None:
        """Add a level of the own voice."""
        self._only_far = 0.0
        louder = self._learnt >= LEARNT_AFTER and level >= self._own_db + LOUDER_DB
        self._louder_run = self._louder_run + 1 if louder else 0
        if self._louder_run >= RUN:
            self._learn_anew()
        self._counts[round(level - FLOOR_DB)] += 1.0
        self._learnt += 1
        if self._learnt % OWN_HALVED_AFTER == 0:
            self._counts *= 0.5
        if self._learnt % 8 == 0:
            sums = self._counts.cumsum()
            self._own_db = float(np.searchsorted(sums, OWN_SHARE * sums[-1])) + FLOOR_DB

    def _look_for_others(self, *, far: bool, below: float) -> None:
        """Follow whether there are other voices, and whether one of them is the own one now."""
        self._far_run = self._far_run + 1 if far else 0
        self._found *= 1.0 - 1.0 / FOUND_WITHIN
        self._since_others += 1
        if self._far_run >= RUN:
            self._found += RUN if self._far_run == RUN else 1
            self._since_others = 0
        if self._found >= FOUND_AFTER:
            self.others = True
        elif self._since_others >= GONE_AFTER:
            self.others = False
        if far:
            self._only_far += 1.0 if below <= SOFTER_DB else MUCH_SOFTER_COUNTS
        if self._only_far >= SOFTER_AFTER:
            self.forget()

    def _learn_anew(self) -> None:
        """Learn the own level anew."""
        self._counts[:] = 0.0
        self._learnt = self._louder_run = 0
        self._only_far = 0.0


def hop_powers(samples: F32) -> list[list[float]]:
    """Return the mean square of each channel in each hop of `samples` [2, n * HOP], hop by hop."""
    hops = samples.reshape(len(samples), -1, HOP)
    powers: list[list[float]] = (np.vecdot(hops, hops) / HOP).T.tolist()
    return powers

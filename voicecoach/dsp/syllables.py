"""Syllable nuclei: peaks of the speech-band level with a dip on either side.

After de Jong & Wempe 2009, "Praat script to detect syllable nuclei and measure speech rate
automatically", Behavior Research Methods 41(2), made causal: the level is smoothed by a low-pass
above the rate of syllables, a peak counts once the level has fallen `DIP_DB` below it, and only
where the voice was voiced on it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from voicecoach.dsp.level import FLOOR_DB
from voicecoach.types import F32, HOP, SAMPLE_RATE

CUTOFF_HZ = 9.0
"""Of the second-order Butterworth low-pass: fast speech has 8 syllables a second."""
DIP_DB = 2.0
"""Rise before, and fall after, a nucleus."""
LEAST_HOPS = 5
"""Hops between nuclei, 80 ms."""
QUIET_DB = 25.0
"""A peak further than this below the running peak is no nucleus."""
DEPTH_DB = 40.0
"""What is further than this below the running peak is all the same silence."""
PEAK_DECAY_DB = 0.08
"""Fall of the running peak per hop, 5 dB a second."""

_K = math.tan(math.pi * CUTOFF_HZ * HOP / SAMPLE_RATE)
_NORM = 1.0 / (1.0 + math.sqrt(2.0) * _K + _K * _K)
_B = _K * _K * _NORM
_A1 = 2.0 * (_K * _K - 1.0) * _NORM
_A2 = (1.0 - math.sqrt(2.0) * _K + _K * _K) * _NORM


class SyllableCounter:
    """Tells at which hops a nucleus became certain."""

    def __init__(self, channels: int = 2) -> None:
        self._channels = [_Channel() for _ in range(channels)]

    def reset(self) -> None:
        """Return to the state of a new stream."""
        self._channels = [_Channel() for _ in self._channels]

    def process(self, band_db: F32, voiced: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Take n hops.

        Parameters
        ----------
        band_db
            [channels, n], level of the speech band, dB.
        voiced
            [channels, n], whether the frame is voiced.

        Returns
        -------
        nuclei
            [channels, n], whether a nucleus became certain at the hop.
        """
        rows = zip(self._channels, band_db.tolist(), voiced.tolist(), strict=True)
        return np.array(
            [
                [channel.step(db, v) for db, v in zip(levels, flags, strict=True)]
                for channel, levels, flags in rows
            ]
        )


class _Channel:
    """The smoother and the peak picker of one channel."""

    def __init__(self) -> None:
        self._x1 = self._x2 = self._y1 = self._y2 = FLOOR_DB
        self._loudest = FLOOR_DB
        self._rising = True
        self._top = self._low = FLOOR_DB
        self._top_voiced = False
        self._since = LEAST_HOPS

    def step(self, band_db: float, voiced: bool) -> bool:
        """Take one hop and return whether a nucleus became certain."""
        self._loudest = max(self._loudest - PEAK_DECAY_DB, band_db)
        level = self._smooth(max(band_db, self._loudest - DEPTH_DB))
        self._since += 1
        if not self._rising:
            self._low = min(self._low, level)
            if level > self._low + DIP_DB:
                self._rising, self._top, self._top_voiced = True, level, voiced
            return False
        if level >= self._top:
            self._top = level
            self._top_voiced |= voiced
            return False
        if level > self._top - DIP_DB:
            return False
        loud = self._top > self._loudest - QUIET_DB
        nucleus = loud and self._top_voiced and self._since >= LEAST_HOPS
        if nucleus:
            self._since = 0
        self._rising, self._low = False, level
        return nucleus

    def _smooth(self, x: float) -> float:
        y = _B * (x + 2.0 * self._x1 + self._x2) - _A1 * self._y1 - _A2 * self._y2
        self._x1, self._x2, self._y1, self._y2 = x, self._x1, y, self._y1
        return y

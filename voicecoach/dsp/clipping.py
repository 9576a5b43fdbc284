"""Detects clipped speech from a histogram of its amplitudes.

The histogram fades with a time constant of 4 s of loud speech.  Clipping piles amplitudes up at the
top.  A channel that was turned down after clipping keeps that pile.  One that was resampled, as by
a device or a telephone, overshoots, which spreads the pile over about a decibel.  So there are two
tests: a pile within 1.5 % of the top, and a bump of the density up to 5 dB below it.  Only speech
is tested, because tones have flat tops, too.
"""

from __future__ import annotations

import numpy as np

from voicecoach.types.stream import F32

_STEPS_PER_NEPER = 200
_HISTOGRAM_BINS = 1024
"""Bins of the histogram, 0.5 % each: from 1.22 times full scale down by 44 dB."""
_BINS_ABOVE_FULL_SCALE = 40
LOUD_SHARE = 0.5
"""A block is loud if its peak is at least this share of the recent peak."""
PEAK_FADES = 0.995
"""Factor on the recent peak per block of speech: 6 dB in 18 s."""
FAINT = 0.01
"""Least peak of loud speech (-40 dBFS): below it a pile comes from the codec."""
HISTOGRAM_FADE = 0.97
"""Factor on the histogram per loud block: time constant 4 s."""
STEADY_POWER = 0.2
"""A block is a tone or hum if its power changed by less than this share: voices always vary."""
EVEN_POWER = 0.1
"""Hops are even if they differ by less in power; a block with three quarters even hops is a
tone."""
LOUD_HOPS = 3
"""Fewest hops of a block within 3 dB of the loudest: fewer may be the onset of a tone."""
OFFSET = 0.003
"""Power of a block relative to its squared peak, below which the peak is an offset or a click."""
PILE, PILE_MASS = 0.6, 20.0
"""Least ratio of amplitudes within 1.5 % of the top to those from there to 16 % below; their least
number."""
BUMP, BUMP_MASS = 1.6, 80.0
"""Least density within 0.9 dB relative to that 1.4 to 3 dB below; least number of amplitudes."""
BUMP_DEPTH = 115
"""Bins below the top in which a bump may begin: 5 dB, the overshoot of a resampled flat top."""
UNPILED, UNBUMPED = 0.35, 1.1
"""The channel is no longer clipped if the pile and the bump are below these."""
CLIP_WARM = 8
"""Loud blocks (1 s) needed before the first test."""
CLIP_ENTER, CLIP_LEAVE = 3, 10
"""Tests, 0.5 s of speech apart, that must agree to enter and to leave the state."""


class ClippingDetector:
    """Detects clipping of one channel."""

    def __init__(self) -> None:
        self.is_clipped = False
        self.top_dbfs = 0.0
        """Level of the highest amplitudes, dBFS."""
        self._counts = np.zeros(_HISTOGRAM_BINS)
        self._below = np.zeros(_HISTOGRAM_BINS + 1)
        self._peak = 0.0
        self._power = 0.0
        self._blocks = 0
        self._looks = 0

    def add_block(self, block: F32, powers: F32) -> None:
        """Add a block of speech [n] and the power of each of its hops."""
        loudness = np.abs(block)
        peak = float(loudness.max())
        self._peak = max(peak, self._peak * PEAK_FADES)
        if peak < max(FAINT, LOUD_SHARE * self._peak):
            return
        power, before = float(powers.mean()), self._power
        self._power = power
        if abs(power - before) <= STEADY_POWER * before or power < OFFSET * peak * peak:
            return
        loud = powers[powers > 0.5 * powers.max()]
        middle = np.sort(loud)[len(loud) // 2]
        even = int((np.abs(loud - middle) <= EVEN_POWER * middle).sum())
        if len(loud) < LOUD_HOPS or 4 * even >= 3 * len(loud):
            return
        # Lower amplitudes are not tested, and the logarithm is expensive.
        loudness = loudness[loudness > 0.3 * peak]
        bins = (np.log(loudness) * -_STEPS_PER_NEPER).astype(np.int64) + _BINS_ABOVE_FULL_SCALE
        np.clip(bins, 0, _HISTOGRAM_BINS - 1, out=bins)
        self._counts *= HISTOGRAM_FADE
        self._counts += np.bincount(bins, minlength=_HISTOGRAM_BINS)
        self._blocks += 1

    def judge_clipping(self) -> None:
        """Test the histogram; to be called for every 0.5 s of speech."""
        if self._blocks < CLIP_WARM:
            return
        pile, bump = self._tests()
        differs = (
            pile < UNPILED and bump < UNBUMPED if self.is_clipped else pile >= PILE or bump >= BUMP
        )
        self._looks = self._looks + 1 if differs else 0
        if self._looks >= (CLIP_LEAVE if self.is_clipped else CLIP_ENTER):
            self.is_clipped, self._looks = not self.is_clipped, 0

    def _tests(self) -> tuple[float, float]:
        """Return how strong the pile at the top and the bump below it are; 0 for too few."""
        below = self._below
        np.cumsum(self._counts, out=below[1:])
        # Ignore the two highest: they may be clicks.
        top = max(0, int(np.searchsorted(below, 2.0)) - 1)
        top = min(top, _HISTOGRAM_BINS - BUMP_DEPTH - 80)
        within = float(below[top + 3] - below[top])
        pile = within / (float(below[top + 33] - below[top + 3]) + 1) if within > PILE_MASS else 0.0
        first = np.arange(top, top + BUMP_DEPTH)
        mass = below[first + 20] - below[first]
        density = (below[first + 68] - below[first + 32]) * (20 / 36)
        bumps = np.where(mass >= BUMP_MASS, mass / (density + 1), 0.0)
        self.top_dbfs = 20 * np.log10(np.e) * (_BINS_ABOVE_FULL_SCALE - top) / _STEPS_PER_NEPER
        return pile, float(bumps.max())

"""Whether the tops of speech are flat, by a histogram of its amplitudes.

It fades within 4 s of loud speech.  A clipped channel that was turned down keeps its pile; one that
was resampled since, as a device's or a telephone's is, overshoots and spreads it over a decibel.
So there are two tests: a pile within 1.5 % of the top, and a bump of the density up to 5 dB below
it.  Only speech is looked at: tones have flat tops.
"""

from __future__ import annotations

import numpy as np

from voicecoach.types.stream import F32

_STEPS_PER_NEPER = 200
_HISTOGRAM_BINS = 1024
"""Bins of the histogram, 0.5 % each: from 1.22 of full scale down by 44 dB."""
_BINS_ABOVE_FULL_SCALE = 40
LOUD_SHARE = 0.5
"""A block whose peak is this share of the recent peak, or more, is loud."""
PEAK_FADES = 0.995
"""Of the recent peak in each block of speech: 6 dB in 18 s."""
FAINT = 0.01
"""A peak below this is no loud speech (-40 dBFS): a pile there is coding."""
HISTOGRAM_FADE = 0.97
"""Of the histogram in each loud block: time constant 4 s."""
STEADY_POWER = 0.2
"""A block whose power differs by less from the one before is a tone or hum: voices never rest."""
EVEN_POWER = 0.1
"""Hops that differ by less in power are even; a block of three quarters such is a tone, too."""
LOUD_HOPS = 3
"""Of a block, fewest within 3 dB of the loudest: fewer may be a tone's onset."""
OFFSET = 0.003
"""Power of a block against its peak's, below which the peak is an offset or a click."""
PILE, PILE_MASS = 0.6, 20.0
"""Amplitudes within 1.5 % of the top, against those from there to 16 % below it; and how many."""
BUMP, BUMP_MASS = 1.6, 80.0
"""Density within 0.9 dB against that 1.4 to 3 dB below; and how many."""
BUMP_DEPTH = 115
"""Bins below the top in which a bump may begin: 5 dB, the overshoot of a resampled flat top."""
UNPILED, UNBUMPED = 0.35, 1.1
"""Below both it is no longer clipped."""
CLIP_WARM = 8
"""Loud blocks (1 s) before the histogram says anything."""
CLIP_ENTER, CLIP_LEAVE = 3, 10
"""Looks, 0.5 s of speech apart, that agree to enter and to leave the state."""


class ClippingDetector:
    """Whether the tops of one channel are flat."""

    def __init__(self) -> None:
        self.is_clipped = False
        self.top_dbfs = 0.0
        """Where they are."""
        self._counts = np.zeros(_HISTOGRAM_BINS)
        self._below = np.zeros(_HISTOGRAM_BINS + 1)
        self._peak = 0.0
        self._power = 0.0
        self._blocks = 0
        self._looks = 0

    def add_block(self, block: F32, powers: F32) -> None:
        """Take a block of speech, and the power of each of its hops."""
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
        # Below this nothing is looked at; the log is what costs.
        loudness = loudness[loudness > 0.3 * peak]
        bins = (np.log(loudness) * -_STEPS_PER_NEPER).astype(np.int64) + _BINS_ABOVE_FULL_SCALE
        np.clip(bins, 0, _HISTOGRAM_BINS - 1, out=bins)
        self._counts *= HISTOGRAM_FADE
        self._counts += np.bincount(bins, minlength=_HISTOGRAM_BINS)
        self._blocks += 1

    def judge_clipping(self) -> None:
        """Judge; every `STEP` updates, where there was speech."""
        if self._blocks < CLIP_WARM:
            return
        pile, bump = self._tests()
        said = (
            pile < UNPILED and bump < UNBUMPED if self.is_clipped else pile >= PILE or bump >= BUMP
        )
        self._looks = self._looks + 1 if said else 0
        if self._looks >= (CLIP_LEAVE if self.is_clipped else CLIP_ENTER):
            self.is_clipped, self._looks = not self.is_clipped, 0

    def _tests(self) -> tuple[float, float]:
        """Return how far amplitudes pile up at the top, and in a bump below it; 0 for too few."""
        below = self._below
        np.cumsum(self._counts, out=below[1:])
        # A click or two are no top.
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

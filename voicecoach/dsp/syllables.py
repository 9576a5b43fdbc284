"""Syllables as a density: the expected number of syllable nuclei in each hop.

A convolution over the frames from 144 ms before a hop to 80 ms after it estimates the density.  The
sum over a stretch of speech is its number of syllables; divided by its seconds it is the
articulation rate.  Counting peaks of intensity (de Jong & Wempe 2009, "Praat script to detect
syllable nuclei and measure speech rate automatically", Behavior Research Methods 41(2)) misses
syllables that run into the next without a dip; a density can count both (Jiao et al. 2015, "Convex
weighting criteria for speaking rate estimation", IEEE/ACM Trans. Audio, Speech and Language
Processing 23(9)).

Trained by `scripts/train/prosody.py` (models/README.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from voicecoach.dsp.framing import OverlappingBuffer
from voicecoach.types.stream import F32, MAX_HOPS

HOPS_BACK, HOPS_AHEAD = 9, 5
"""Hops before and after a hop on which its density depends."""
_SPAN = HOPS_BACK + 1 + HOPS_AHEAD


class SyllableDensity:
    """Streaming density of syllable nuclei.

    Parameters
    ----------
    weights
        `syllable_in` [features + 1, narrow] and `syllable_in_bias` [narrow], `syllable_span`
        [span * narrow, hidden] and `syllable_span_bias` [hidden], `syllable_out` [hidden + 1],
        bias last.
    """

    def __init__(self, weights: Mapping[str, F32], channels: int = 2) -> None:
        self._in, self._in_bias = weights["syllable_in"], weights["syllable_in_bias"]
        self._span, self._span_bias = weights["syllable_span"], weights["syllable_span_bias"]
        self._out = weights["syllable_out"]
        self._width = self._in.shape[1]
        seen = np.zeros((channels, _SPAN - 1 + MAX_HOPS, self._width), np.float32)
        row, item, one = seen.strides
        shape = (channels, MAX_HOPS, 1, _SPAN * self._width)
        self._seen = OverlappingBuffer(seen, shape, (row, item, item, one))
        self._last = 0

    def reset(self) -> None:
        """Return to the state of a new stream."""
        self._seen.values[:] = 0.0
        self._last = 0

    def process(self, features: F32, voicing: F32) -> F32:
        """Return the density after each of n hops.

        Parameters
        ----------
        features
            [channels, n, features], from `pitch.FrameFeatures`.
        voicing
            [channels, n], probability of voiced, 0..1.

        Returns
        -------
        density
            [channels, n], expected nuclei in the hop `HOPS_AHEAD` hops before each, 0 or more.
        """
        n, seen = voicing.shape[1], self._seen.values
        seen[:, : _SPAN - 1] = seen[:, self._last : self._last + _SPAN - 1]
        now = (features[..., None, :] @ self._in[:-1])[..., 0, :]
        now += voicing[..., None] * self._in[-1]
        now += self._in_bias
        np.tanh(now, out=seen[:, _SPAN - 1 : _SPAN - 1 + n])
        self._last = n
        hidden = self._seen.windows[:, :n] @ self._span
        hidden += self._span_bias
        x = (np.tanh(hidden) @ self._out[:-1])[..., 0] + self._out[-1]
        # softplus: never negative
        return np.asarray(np.logaddexp(np.float32(0.0), x), np.float32)

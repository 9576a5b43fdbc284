"""Active speech level: how loud somebody speaks, not counting pauses.

ITU-T P.56 (12/2011), method B.  The envelope is the rectified signal, smoothed twice with 30 ms.
Speech is active while the envelope is above a threshold, and for 200 ms after.  The right threshold
is the one that lies 15.9 dB below the level of the speech that it makes active.

Differences from P.56: the envelope is sampled every 4 ms (it changes no faster), activity is
counted in hops, and thresholds are 6 dB apart with the active level interpolated between them.
"""

from __future__ import annotations

import math

import numpy as np

from voicecoach.dsp.framing import OverlappingBuffer
from voicecoach.dsp.spectrum import FLOOR_DB
from voicecoach.types.stream import F32, F64, HOP, MAX_HOPS, SAMPLE_RATE

ENVELOPE_STEP = 64
"""Samples between values of the envelope: 4 ms."""
MARGIN_DB = 15.9
"""Difference between the active level and the activity threshold (P.56)."""
_SMOOTHING_S, _HANGOVER_S = 0.03, 0.2
_HANGOVER_HOPS = 1 + round(_HANGOVER_S * SAMPLE_RATE / HOP)
"""Hops that one loud hop keeps active, including itself."""
_THRESHOLDS_DB = np.arange(0.0, FLOOR_DB, -6.0)
_THRESHOLDS = 10.0 ** (_THRESHOLDS_DB / 20.0)
_REACHED = 10.0 ** ((_THRESHOLDS_DB + MARGIN_DB) / 10.0)
"""Active power at which each threshold has the margin."""
_PAIR = np.array([-1, 0])
_POLE = math.exp(-ENVELOPE_STEP / (SAMPLE_RATE * _SMOOTHING_S))


class ActiveLevel:
    """The active speech level of each channel since the stream began."""

    def __init__(self, channels: int = 2) -> None:
        self._smoothed = np.zeros((channels, 2))
        """[channels, 2], the envelope after the first and the second smoothing."""
        peaks = np.zeros((channels, _HANGOVER_HOPS - 1 + MAX_HOPS))
        row, item = peaks.strides
        shape = (channels, MAX_HOPS, _HANGOVER_HOPS)
        self._peaks = OverlappingBuffer(peaks, shape, (row, item, item))
        self._last = 0
        self._energy = np.zeros((channels, 1))
        self._active = np.zeros((channels, 1, len(_THRESHOLDS)))

    def reset(self) -> None:
        """Return to the state of a new stream."""
        for state in (self._smoothed, self._peaks.values, self._energy, self._active):
            state[:] = 0

    def process(self, samples: F32) -> F32:
        """Add n hops and return the level after each.

        Parameters
        ----------
        samples
            [channels, n * HOP], full scale 1.0.

        Returns
        -------
        active
            [channels, n], dBFS, -100..0, of the whole stream up to each hop; -100 before the first
            speech.
        """
        channels, n = len(samples), samples.shape[1] // HOP
        hops = samples.reshape(channels, n, HOP)
        rectified = (
            np.add.reduce(np.abs(samples).reshape(channels, -1, ENVELOPE_STEP), axis=-1)
            / ENVELOPE_STEP
        )
        envelope = self._smooth(rectified)
        peaks = self._peaks.values
        peaks[:, : _HANGOVER_HOPS - 1] = peaks[:, self._last : self._last + _HANGOVER_HOPS - 1]
        self._last = n
        by_hop = envelope.reshape(channels, n, -1)
        np.maximum.reduce(
            by_hop, axis=-1, out=peaks[:, _HANGOVER_HOPS - 1 : _HANGOVER_HOPS - 1 + n]
        )
        loudest = np.maximum.reduce(self._peaks.windows[:, :n], axis=-1)
        active = np.concatenate([self._active, loudest[..., None] >= _THRESHOLDS], axis=1)
        np.cumsum(active, axis=1, out=active)
        power = np.vecdot(hops, hops) / HOP
        energy = np.concatenate([self._energy, power], axis=1).cumsum(axis=1)
        self._active, self._energy = active[:, -1:], energy[:, -1:]
        return _active_level(energy[:, 1:], active[:, 1:]).astype(np.float32)

    def _smooth(self, rectified: F32) -> F64:
        """Return [channels, values] smoothed twice.

        For 250 values a second, plain Python is faster than calling a filter, and importing
        scipy.signal would cost a live call 50 MB of memory.
        """
        out = []
        for state, values in zip(self._smoothed, rectified.tolist(), strict=True):
            first, second = state.tolist()
            row = []
            for value in values:
                first += (1.0 - _POLE) * (value - first)
                second += (1.0 - _POLE) * (first - second)
                row.append(second)
            state[:] = first, second
            out.append(row)
        return np.array(out)


def _active_level(energy: F64, active: F64) -> F64:
    """Return the level, dB, at which the margin to the threshold is `MARGIN_DB`.

    Parameters
    ----------
    energy
        [channels, n], sum of the mean squares of all hops.
    active
        [channels, n, thresholds], number of active hops.
    """
    enough = energy[..., None] >= active * _REACHED
    enough &= active > 0.0
    at = np.maximum(enough.argmax(axis=-1), 1)[..., None] + _PAIR
    row = np.arange(0, active.size, active.shape[-1]).reshape(*energy.shape, 1)
    count = active.reshape(-1).take(row + at)
    level = np.log10(np.maximum(energy, 1e-12))[..., None] - np.log10(np.maximum(count, 1.0))
    level *= 10.0
    margin = level - _THRESHOLDS_DB.take(at)
    span = np.maximum(margin[..., 1] - margin[..., 0], 1e-9)
    share = np.clip((MARGIN_DB - margin[..., 0]) / span, 0.0, 1.0)
    # If no hop was active at the threshold above, there is nothing to interpolate with.
    share[count[..., 0] == 0.0] = 1.0
    between = level[..., 0] + share * (level[..., 1] - level[..., 0])
    between[~np.logical_or.reduce(enough, axis=-1)] = FLOOR_DB
    return np.asarray(np.minimum(np.maximum(between, FLOOR_DB), 0.0))

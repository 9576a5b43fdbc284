"""Active speech level: how loud somebody speaks, pauses left out.

ITU-T P.56 (12/2011), method B: the envelope is the rectified signal smoothed twice with 30 ms;
speech is active while the envelope is above a threshold and for 200 ms after; of all thresholds
the one counts that lies 15.9 dB below the level of what is active above it.  The envelope is
taken every 4 ms (it holds nothing faster), activity is counted in hops, thresholds are 6 dB apart,
and in between the active level is interpolated.
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
"""Between the active level and the threshold of activity (P.56)."""
_SMOOTHING_S, _HANGOVER_S = 0.03, 0.2
_HANGOVER_HOPS = 1 + round(_HANGOVER_S * SAMPLE_RATE / HOP)
"""Hops that the envelope of one hop keeps active, itself included."""
_THRESHOLDS_DB = np.arange(0.0, FLOOR_DB, -6.0)
_THRESHOLDS = 10.0 ** (_THRESHOLDS_DB / 20.0)
_REACHED = 10.0 ** ((_THRESHOLDS_DB + MARGIN_DB) / 10.0)
"""Power of what is active above each threshold at which the margin is met."""
_PAIR = np.array([-1, 0])
_POLE = math.exp(-ENVELOPE_STEP / (SAMPLE_RATE * _SMOOTHING_S))


class ActiveLevel:
    """The active speech level of each channel since the stream began."""

    def __init__(self, channels: int = 2) -> None:
        self._smoothed = np.zeros((channels, 2))
        """Of each channel, after the first and the second smoothing."""
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
        """Take n hops.

        Parameters
        ----------
        samples
            [channels, n * HOP], full scale 1.0.

        Returns
        -------
        active
            [channels, n], dBFS, -100..0, of everything up to each hop; -100 before there is any
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

        There are 250 values a second: plain arithmetic is quicker than a filter's call, and
        scipy.signal would cost a live call 50 MB.
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
        [channels, n], sum of the hops' mean squares.
    active
        [channels, n, thresholds], active hops.
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
    # Where no hop was active at the threshold above, there is nothing to interpolate with.
    share[count[..., 0] == 0.0] = 1.0
    between = level[..., 0] + share * (level[..., 1] - level[..., 0])
    between[~np.logical_or.reduce(enough, axis=-1)] = FLOOR_DB
    return np.asarray(np.minimum(np.maximum(between, FLOOR_DB), 0.0))

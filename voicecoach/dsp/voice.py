"""Voice quality of voiced frames: HNR, and jitter and shimmer over successive cycles.

HNR uses only frequencies below 4 kHz, so that it is the same on wide-band and telephone lines.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from voicecoach.dsp.spectrum import FRAME, NFFT, OFFSET_BINS, WINDOW_AC
from voicecoach.types.stream import F32, F64, SAMPLE_RATE

HNR_MIN_DB, HNR_MAX_DB = -20.0, 40.0
_LEAST, _MOST = (1.0 / (1.0 + 10 ** (-db / 10)) for db in (HNR_MIN_DB, HNR_MAX_DB))
_HNR_BINS = np.arange(OFFSET_BINS, NFFT // 4 + 1)
_TURN = (2.0 * np.pi / NFFT * _HNR_BINS).astype(np.float32)
_HNR_LAG_STEP = np.float32(0.5)
"""Samples between the three lags at which the autocorrelation is taken."""


_FRAME_LAGS = np.arange(FRAME, dtype=np.float64)


def hnr_db(power: F32, f0_hz: F32) -> F32:
    """Return the harmonics-to-noise ratio (Boersma 1993, eq. 4).

    The autocorrelation at the period is computed from the spectrum, so it is exact between
    samples.  Its peak is that of a parabola through three lags, half a sample apart.

    Parameters
    ----------
    power
        [voiced, NFFT // 2 + 1], from `spectrum.power_spectrum`.
    f0_hz
        [voiced], Hz.

    Returns
    -------
    hnr
        [voiced], dB, -20..40.
    """
    period = np.float32(SAMPLE_RATE) / f0_hz
    lags = period[:, None] + np.array([-_HNR_LAG_STEP, 0.0, _HNR_LAG_STEP], np.float32)
    part = power[:, _HNR_BINS[0] : _HNR_BINS[-1] + 1]
    waves = np.cos(lags[..., None] * _TURN)
    total = np.maximum(np.add.reduce(part, axis=-1), 1e-20)[:, None]
    r = np.vecdot(waves, part[:, None, :]) / total / np.interp(lags, _FRAME_LAGS, WINDOW_AC)
    before, at, after = r[:, 0], r[:, 1], r[:, 2]
    curve = np.minimum(before - 2 * at + after, -1e-9)
    shift = np.clip(0.5 * (before - after) / curve, -1.0, 1.0)
    peak = np.clip(at - 0.25 * (before - after) * shift, _LEAST, _MOST)
    return np.asarray(10.0 * np.log10(peak / (1.0 - peak)), np.float32)


MATCH_REACH = 10
"""Largest difference between a cycle and the expected period, samples; at most a fifth of it."""
MATCH_LENGTH = 96
"""Longest stretch that is compared, samples: 6 ms."""
_MIN_MATCH = 0.5
"""Correlation below which the waveform does not repeat."""
_TRIED: NDArray[np.intp] = np.arange(-MATCH_REACH, MATCH_REACH + 1, dtype=np.intp)
_STRETCH = np.arange(MATCH_LENGTH)
_WIDE = np.arange(MATCH_LENGTH + 2 * MATCH_REACH)


def cycles(frames: F32, f0_hz: F32) -> tuple[F64, F64]:
    """Return the lengths and amplitudes of two successive cycles in the middle of each frame.

    A mark is set before the waveform's largest excursion.  The neighbouring marks are where the
    waveform repeats best (normalised cross-correlation of up to 6 ms, parabola through its peak),
    as in Praat's "To PointProcess (cc)".

    Parameters
    ----------
    frames
        [voiced, FRAME].
    f0_hz
        [voiced], Hz.

    Returns
    -------
    lengths
        [2, voiced], samples, before and after the mark; NaN if the waveform does not repeat.
    amplitudes
        [2, voiced], RMS of each cycle; NaN if the waveform does not repeat.
    """
    whole = np.rint(SAMPLE_RATE / f0_hz).astype(np.intp)
    match = np.minimum(whole, MATCH_LENGTH)
    # Search one period in the middle of the frame, as far as a cycle fits on both sides.
    lead = match // 4
    begin = np.maximum(whole + MATCH_REACH + lead, (FRAME - whole) // 2)
    count = np.minimum(whole, FRAME - MATCH_LENGTH - MATCH_REACH - whole + lead - begin)
    rows = np.arange(len(frames))
    span = np.arange(whole.max())
    inside = span < count[:, None]
    excursion = np.abs(frames.reshape(-1).take((rows * FRAME + begin)[:, None] + span * inside))
    mark = begin + (excursion * inside).argmax(axis=1) - lead
    # Cumulative energy before each sample, [voiced, FRAME + 1].
    sums = np.zeros((len(frames), FRAME + 1))
    np.cumsum(np.square(frames, dtype=np.float64), axis=1, out=sums[:, 1:])
    energy = sums.reshape(-1)
    step, lengths = _neighbours(frames, energy, mark, whole, match)
    at = rows * (FRAME + 1) + mark
    power = (energy.take(at + _SIDES * step) - energy.take(at)) / (_SIDES * step)
    amplitudes = np.sqrt(np.maximum(power, 0.0))
    amplitudes[lengths != lengths] = np.nan
    return lengths, amplitudes


_SIDES: NDArray[np.intp] = np.array([[-1], [1]], np.intp)
"""The neighbours of a mark: before it and after it."""


def _neighbours(
    frames: F32,
    energy: F64,
    mark: NDArray[np.intp],
    whole: NDArray[np.intp],
    match: NDArray[np.intp],
) -> tuple[NDArray[np.intp], F64]:
    """Return the distance from `mark` to where the waveform repeats, before and after it.

    Returns
    -------
    step
        [2, voiced], whole samples.
    length
        [2, voiced], fractional samples; NaN if the waveform does not repeat.
    """
    rows, flat, tries = np.arange(len(frames)), frames.reshape(-1), len(_TRIED)
    here = flat.take((rows * FRAME + mark)[:, None] + _STRETCH)
    here *= match[:, None] > _STRETCH
    there = mark + _SIDES * whole - MATCH_REACH
    wide = flat.take((rows * FRAME + there)[..., None] + _WIDE)
    shape, strides = (*there.shape, tries, MATCH_LENGTH), (*wide.strides, wide.itemsize)
    shifted = as_strided(wide, shape, strides, writeable=False)
    dot = np.vecdot(shifted, here[:, None, :])
    at = rows * (FRAME + 1)
    first = (at + there)[..., None] + np.arange(tries)
    power = energy.take(first + match[:, None])
    power -= energy.take(first)
    power *= (energy.take(at + mark + match) - energy.take(at + mark))[:, None]
    r = dot / np.sqrt(np.maximum(power, 1e-20, out=power))
    np.copyto(r, -1.0, where=np.abs(_TRIED) > whole[:, None] // 5)
    best = np.minimum(np.maximum(r.argmax(axis=-1), 1), tries - 2)
    peak = np.arange(0, r.size, tries).reshape(best.shape) + best
    y0, y1, y2 = (r.reshape(-1).take(peak + side) for side in (-1, 0, 1))
    repeats = (y1 > _MIN_MATCH) & (y1 >= y0) & (y1 >= y2) & (np.minimum(y0, y2) > -1.0)
    step = whole + _SIDES * _TRIED.take(best)
    shift = 0.5 * (y0 - y2) / np.minimum(y0 - 2 * y1 + y2, -1e-12)
    return step, np.where(repeats, step + _SIDES * shift, np.nan)


def variation(x: F64) -> F32:
    """Return the absolute difference between two successive cycles, divided by their mean.

    For lengths this is the local jitter, for amplitudes the local shimmer, as in Praat but of one
    pair of cycles.  Average over frames for the figure of a stretch of voice.

    Parameters
    ----------
    x
        [2, voiced], lengths or amplitudes from `cycles`.

    Returns
    -------
    variation
        [voiced], 0..2, NaN if a cycle is unknown.
    """
    return np.asarray(np.abs(x[1] - x[0]) / np.maximum(0.5 * (x[0] + x[1]), 1e-12), np.float32)

"""Level and spectral tilt."""

from __future__ import annotations

import numpy as np

from voicecoach.dsp.pitch import NFFT
from voicecoach.types import F32, SAMPLE_RATE

FLOOR_DB = -100.0
"""Level of digital silence, dBFS."""
_FLOOR = np.float32(10 ** (FLOOR_DB / 10))


def decibels(power: F32) -> F32:
    """Return 10 log10 of a power, no lower than `FLOOR_DB`."""
    return np.maximum(10.0 * np.log10(np.maximum(power, _FLOOR)), FLOOR_DB).astype(np.float32)


def level_dbfs(samples: F32) -> F32:
    """Return the RMS level of the last axis.

    Returns
    -------
    level
        dBFS, -100..0: 0 for a full-scale square wave, -3.01 for a full-scale sine.
    """
    return decibels(np.mean(samples * samples, axis=-1, dtype=np.float32))


def band(low_hz: float, high_hz: float) -> slice:
    """Return the bins of a power spectrum from `low_hz` up to `high_hz`."""
    return slice(round(low_hz * NFFT / SAMPLE_RATE), round(high_hz * NFFT / SAMPLE_RATE))


_LOW, _HIGH = band(50, 1000), band(1000, 5000)


def alpha_ratio_db(power: F32) -> F32:
    """Return the energy above 1 kHz against the energy below it.

    The alpha ratio of the Geneva set, high over low so that it rises with vocal effort (Eyben et
    al. 2016, IEEE Trans. Affective Computing 7(2): 50-1000 Hz and 1-5 kHz).

    Parameters
    ----------
    power
        [..., NFFT // 2 + 1], power spectrum.

    Returns
    -------
    alpha
        dB, -60..60.
    """
    ratio = decibels(power[..., _HIGH].sum(axis=-1)) - decibels(power[..., _LOW].sum(axis=-1))
    return np.asarray(np.clip(ratio, -60.0, 60.0), np.float32)

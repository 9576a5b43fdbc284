"""Voice quality of voiced frames."""

from __future__ import annotations

import numpy as np

from voicecoach.types import F32, SAMPLE_RATE

HNR_MIN_DB, HNR_MAX_DB = -20.0, 40.0


def hnr_db(periodicity: F32, f0_hz: F32) -> F32:
    """Return the harmonics-to-noise ratio (Boersma 1993, eq. 4).

    Parameters
    ----------
    periodicity
        [channels, lags], window-corrected normalised autocorrelation of a frame each.
    f0_hz
        [channels], NaN where unvoiced.

    Returns
    -------
    hnr
        [channels], dB, -20..40, NaN where unvoiced.
    """
    out = np.full(f0_hz.shape, np.nan, np.float32)
    last = periodicity.shape[-1] - 2
    for row, f0 in enumerate(f0_hz.tolist()):
        if f0 == f0:
            lag = min(max(round(SAMPLE_RATE / f0), 1), last)
            before, peak, after = periodicity[row, lag - 1 : lag + 2].tolist()
            curve = before - 2 * peak + after
            r = peak - 0.125 * (before - after) ** 2 / curve if curve < 0 else peak
            r = min(max(r, 1e-4), 1 - 1e-4)
            out[row] = min(max(10 * np.log10(r / (1 - r)), HNR_MIN_DB), HNR_MAX_DB)
    return out

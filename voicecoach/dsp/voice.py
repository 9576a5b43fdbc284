"""Voice quality of voiced frames."""

from __future__ import annotations

import numpy as np

from voicecoach.types import F32, SAMPLE_RATE

HNR_MIN_DB, HNR_MAX_DB = -20.0, 40.0
_LEAST = 1e-4


def hnr_db(periodicity: F32, f0_hz: F32) -> F32:
    """Return the harmonics-to-noise ratio (Boersma 1993, eq. 4).

    Parameters
    ----------
    periodicity
        [..., lags], window-corrected normalised autocorrelation of frames.
    f0_hz
        [...], NaN where unvoiced.

    Returns
    -------
    hnr
        [...], dB, -20..40, NaN where unvoiced.
    """
    voiced = f0_hz == f0_hz
    lag = np.rint(SAMPLE_RATE / np.where(voiced, f0_hz, 100.0)).astype(np.intp)[..., None]
    lag = np.clip(lag, 1, periodicity.shape[-1] - 2)
    before, peak, after = (np.take_along_axis(periodicity, lag + d, -1)[..., 0] for d in (-1, 0, 1))
    # The parabola through the peak and its neighbours, where it is a peak.
    curve = np.minimum(before - 2 * peak + after, np.float32(-1e-6))
    r = np.clip(peak - (before - after) ** 2 / (8 * curve), _LEAST, 1 - _LEAST)
    hnr = np.clip(10 * np.log10(r / (1 - r)), HNR_MIN_DB, HNR_MAX_DB)
    return np.where(voiced, hnr, np.nan).astype(np.float32)

"""F0 and voicing from the autocorrelation of a frame, tracked from hop to hop.

The candidates are the peaks of the frame's autocorrelation divided by the window's own
(Boersma 1993, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17).  For F0 it is taken of the
magnitude spectrum in place of the power spectrum, which flattens the formants and keeps the
period visible when the telephone has removed the fundamental (Tolonen & Karjalainen 2000,
IEEE Trans. Speech and Audio Processing 8(6)).  A Viterbi path runs over the candidates and
"unvoiced"; it is read at its head, so that a decision never waits for later audio.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from voicecoach.types import F32, F64, SAMPLE_RATE

FRAME = 768
"""Samples in an analysis frame: 48 ms, 3 hops, three periods at 62 Hz."""
NFFT = 1536
"""More than `FRAME + LAG_MAX`, so that no lag wraps around."""
F0_MIN, F0_MAX = 60.0, 500.0
"""Hz."""
LAG_MIN = int(SAMPLE_RATE / F0_MAX)
LAG_MAX = int(SAMPLE_RATE / F0_MIN) + 2

CANDIDATES = 5
"""Autocorrelation peaks kept of each frame."""
OCTAVE_COST = 0.01
"""Strength lost per octave of lag: of two equal peaks the shorter period wins."""
JUMP_COST = 0.5
"""Cost of a change of F0, per octave and hop."""
SWITCH_COST = 0.1
"""Cost of a change between voiced and unvoiced."""
UNVOICED_STRENGTH = 0.16
"""Strength of "unvoiced" in a frame that is not silent."""
SILENCE_DB = 30.0
"""How far below the channel's running peak a frame may be before silence counts for unvoiced."""
SILENCE_SLOPE = 0.03
"""Strength that "unvoiced" gains per dB below that."""
PEAK_DECAY_DB = 0.05
"""Fall of the running peak per hop, 3 dB a second."""
VOICING_WIDTH = 0.05
"""Difference of strength over which the voicing probability goes from 1/2 to 0.73."""

_NO_PEAK = np.float32(-9.0)


def hann(n: int) -> F32:
    """Return the periodic Hann window of `n` samples."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)


def _lag_domain(spectrum: F32) -> F32:
    ac = fft.irfft(spectrum, NFFT, axis=-1)[..., : LAG_MAX + 1]
    return np.asarray(ac / (ac[..., :1] + np.float32(1e-12)), np.float32)


_WINDOW_AC = _lag_domain(np.abs(fft.rfft(hann(FRAME), NFFT)) ** 2)


def periodicity(power: F32) -> F32:
    """Return the window-corrected normalised autocorrelation (Boersma 1993, eq. 9).

    Parameters
    ----------
    power
        [..., NFFT // 2 + 1], power spectrum of Hann-windowed frames.

    Returns
    -------
    r
        [..., LAG_MAX + 1]; 1 at lag 0, about 1 at the period of a periodic sound.
    """
    return _lag_domain(power) / _WINDOW_AC


def candidates(power: F32) -> tuple[F32, F32]:
    """Return the likely F0 of each frame.

    Parameters
    ----------
    power
        [..., NFFT // 2 + 1], power spectrum of Hann-windowed frames.

    Returns
    -------
    f0
        [..., CANDIDATES], Hz, strongest first.
    strength
        [..., CANDIDATES], height of the peak less its octave cost; about -9 where there are
        fewer peaks.
    """
    ac = _lag_domain(np.sqrt(power)) / np.sqrt(_WINDOW_AC)
    ac = ac[..., LAG_MIN - 1 :]
    left, mid, right = ac[..., :-2], ac[..., 1:-1], ac[..., 2:]
    is_peak = (mid > left) & (mid >= right)
    ranked = np.where(is_peak, mid - _OCTAVE_PENALTY, _NO_PEAK)
    best = np.argsort(-ranked, axis=-1, kind="stable")[..., :CANDIDATES]
    y0, y1, y2 = (np.take_along_axis(y, best, -1) for y in (left, mid, right))
    # The parabola through the peak and its neighbours.
    shift = np.clip(0.5 * (y0 - y2) / (y0 - 2 * y1 + y2 - np.float32(1e-9)), -0.5, 0.5)
    height = y1 - 0.25 * (y0 - y2) * shift - np.take(_OCTAVE_PENALTY, best)
    found = np.take_along_axis(is_peak, best, -1)
    f0 = SAMPLE_RATE / (best + LAG_MIN + shift)
    return f0.astype(np.float32), np.where(found, height, _NO_PEAK).astype(np.float32)


_LAGS = np.arange(LAG_MIN, LAG_MAX)
_OCTAVE_PENALTY = (OCTAVE_COST * np.log2(_LAGS / LAG_MIN)).astype(np.float32)


class PitchTracker:
    """Chooses among the candidates of successive frames, `channels` at a time."""

    def __init__(self, channels: int = 2) -> None:
        k = CANDIDATES
        self._score = np.zeros((channels, k + 1))
        self._log_f0 = np.zeros((channels, k))
        self._peak_db = np.zeros(channels)
        self._move = np.full((channels, k + 1, k + 1), SWITCH_COST)
        self._move[:, k, k] = 0.0
        self.reset()

    def reset(self) -> None:
        """Return to the state of a new stream."""
        self._score[:] = 0.0
        self._log_f0[:] = 0.0
        self._peak_db[:] = -np.inf

    def process(self, f0: F32, strength: F32, level_db: F32) -> tuple[F32, F32]:
        """Take n hops.

        Parameters
        ----------
        f0, strength
            [channels, n, CANDIDATES] from `candidates`.
        level_db
            [channels, n], level of the frames on any scale in dB.

        Returns
        -------
        f0_hz
            [channels, n], NaN where unvoiced.
        voicing
            [channels, n], probability of voiced, 0..1.
        """
        k, n = CANDIDATES, level_db.shape[1]
        # One scale for the path: the strengths of the candidates, then that of "unvoiced".
        local = np.empty((len(level_db), n, k + 1))
        local[..., :k] = strength
        local[..., k] = UNVOICED_STRENGTH + SILENCE_SLOPE * self._silence(level_db)
        log_f0 = np.log2(f0, dtype=np.float64)
        scores = np.empty_like(local)
        jumps = self._move[:, :k, :k]
        for i in range(n):
            np.subtract(log_f0[:, i, None, :], self._log_f0[:, :, None], out=jumps)
            np.abs(jumps, out=jumps)
            jumps *= JUMP_COST
            score = scores[:, i]
            np.max(self._score[:, :, None] - self._move, axis=1, out=score)
            score += local[:, i]
            score -= score.max(axis=1, keepdims=True)
            self._score[:], self._log_f0[:] = score, log_f0[:, i]
        best = scores[..., :k].argmax(axis=-1)[..., None]
        lead = (np.take_along_axis(scores, best, -1) - scores[..., k:])[..., 0]
        chosen = np.where(lead > 0, np.take_along_axis(f0, best, -1)[..., 0], np.nan)
        voicing = 1.0 / (1.0 + np.exp(-np.clip(lead / VOICING_WIDTH, -30.0, 30.0)))
        return chosen.astype(np.float32), voicing.astype(np.float32)

    def _silence(self, level_db: F32) -> F64:
        """Return how far each frame is below the silence level, dB."""
        peak = np.empty(level_db.shape)
        for i in range(level_db.shape[1]):
            np.maximum(self._peak_db - PEAK_DECAY_DB, level_db[:, i], out=self._peak_db)
            peak[:, i] = self._peak_db
        return np.maximum(0.0, peak - level_db - SILENCE_DB)

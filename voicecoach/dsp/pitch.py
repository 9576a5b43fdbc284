"""F0 and voicing: autocorrelation peaks, scored by a small network and tracked by a filter.

1. Candidates are the peaks of each frame's autocorrelation.  It is computed from the magnitude
   spectrum below 4 kHz instead of the power spectrum: this flattens the formants and keeps the
   period visible if the telephone has removed the fundamental (Tolonen & Karjalainen 2000, IEEE
   Trans. Speech and Audio Processing 8(6)).  It is divided by the autocorrelation of the window
   (Boersma 1993, "Accurate short-term analysis of the fundamental frequency and the
   harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17).
2. A network with one hidden layer scores each candidate, and "unvoiced".  Its inputs are the peak;
   the autocorrelation at half, double, a third and one and a half times the lag, where octave
   errors show; and, of this frame and the two before it, the band levels, the level against the
   loudest and quietest so far, and the levels of parts of the frame.
3. The filter is the forward algorithm of a hidden Markov model.  Its states are the candidates and
   "unvoiced", and jumps of F0 are less probable (as in RAPT, Talkin 1995, which uses costs).  The
   newest state is used, so a decision never waits for audio after its frame.

`scripts/train/prosody.py` trains emission and transition together, through the forward algorithm,
without any evaluation data (models/README.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from voicecoach.dsp import spectrum
from voicecoach.dsp.framing import OverlappingBuffer
from voicecoach.dsp.spectrum import BANDS, FRAME, NFFT, OFFSET_BINS, WINDOW_AC
from voicecoach.types.stream import F32, F64, MAX_HOPS, SAMPLE_RATE

F0_MIN, F0_MAX = 60.0, 500.0
"""Range of F0, Hz."""
CANDIDATES = 5
"""Autocorrelation peaks kept per frame."""
CONTEXT_FRAMES = 3
"""Frames that the network sees: this one and the two before it."""
VOICED_FROM = 0.67
"""Probability from which a frame is voiced.  At this value missed and false voiced frames are
equally many on the training clips, clean and over a plain telephone."""
FRAME_PARTS = 6
"""Parts of a frame whose levels the network sees, 8 ms each."""

_RESCALE_EVERY = 8
"""Hops between rescalings of the forward probabilities, against underflow.  Scaling by a power of
two is exact, so results do not depend on where blocks are cut."""
_AC_RATE = SAMPLE_RATE // 2
"""Sample rate of the autocorrelation, Hz: it has nothing above 4 kHz."""
_AC_BINS = NFFT // 4 + 1
_AC_LAGS = NFFT // 4
_LAG_MIN = int(_AC_RATE / F0_MAX)
_LAG_MAX = int(_AC_RATE / F0_MIN) + 1
_OCTAVE_COST = 0.01
"""Height subtracted per octave of lag when the strongest peaks are picked."""
_PEAK_FALL, _FLOOR_RISE = 0.05, 0.03
"""How fast the running peak of the level falls and its floor rises, dB per hop: 3 and 2 dB per
second."""
_BAND_FLOOR_DB = np.float32(-50.0)
"""Lowest level of a band against its frame: below this there is only codec noise."""

CANDIDATE_FEATURES = 6
FRAME_FEATURES = BANDS + 2 + FRAME_PARTS + 1


def _lag_domain(magnitude: F32) -> F32:
    return np.asarray(fft.irfft(magnitude, NFFT // 2, axis=-1)[..., :_AC_LAGS], np.float32)


# Square root, because the spectrum is of magnitudes; limited, or it would amplify noise at long
# lags.
_CORRECTION = (1.0 / np.sqrt(np.maximum(WINDOW_AC[: 2 * _AC_LAGS : 2], 0.02))).astype(np.float32)
_RANGE = np.arange(_LAG_MIN, _LAG_MAX + 1)
_OCTAVE_PENALTY = (_OCTAVE_COST * np.log2(_RANGE / _LAG_MIN)).astype(np.float32)


def _relatives() -> NDArray[np.intp]:
    """Return, for each lag of `_RANGE`, the lag, its neighbours and its related lags."""
    rows = []
    for lag in _RANGE:
        double = (2 * lag - 1, 2 * lag, 2 * lag + 1) if 2 * lag + 1 < _AC_LAGS else (lag, lag, lag)
        half = (lag // 2, (lag + 1) // 2)
        rows.append((lag - 1, lag, lag + 1, *half, *double, round(lag / 3), round(1.5 * lag)))
    return np.array(rows, np.intp)


_RELATIVES = _relatives()
# Applied to a peak and its neighbours: half the slope, the curvature and a quarter of the slope.
_PARABOLA = np.array([[0.5, 0.0, -0.5], [1.0, -2.0, 1.0], [0.25, 0.0, -0.25]], np.float32).T


class PitchCandidates(NamedTuple):
    """Candidates for the F0 of frames."""

    lag: F32
    """[..., CANDIDATES], the period in samples at 8 kHz, unordered."""
    log_lag: F32
    """[..., CANDIDATES], log2 of the lag: octaves."""
    found: NDArray[np.bool_]
    """[..., CANDIDATES], False for unused places, if a frame has fewer peaks."""
    strongest: F32
    """[...], height of the strongest peak; 0 if there are no peaks."""
    features: F32
    """[..., CANDIDATES, CANDIDATE_FEATURES], input of the network."""


def pitch_candidates(power: F32) -> PitchCandidates:
    """Return the F0 candidates of each frame.

    Parameters
    ----------
    power
        [channels, n, NFFT // 2 + 1], from `spectrum.power_spectrum`.
    """
    magnitude = np.sqrt(power[..., :_AC_BINS])
    magnitude[..., :OFFSET_BINS] = 0.0
    ac = _lag_domain(magnitude)
    ac *= _CORRECTION
    ac /= ac[..., :1] + np.float32(1e-12)
    mid = ac[..., _LAG_MIN : _LAG_MAX + 1]
    is_peak = mid > ac[..., _LAG_MIN - 1 : _LAG_MAX]
    is_peak &= mid >= ac[..., _LAG_MIN + 1 : _LAG_MAX + 2]
    ranked = mid * is_peak
    ranked -= _OCTAVE_PENALTY
    best = ranked.argpartition(-CANDIDATES, axis=-1)[..., -CANDIDATES:]
    near = _RELATIVES[best]
    near += np.arange(0, ac.size, _AC_LAGS).reshape(*ac.shape[:2], 1, 1)
    around = ac.reshape(-1)[near]
    # The parabola through the peak and its neighbours.
    parabola = around[..., :3] @ _PARABOLA
    y0, y1, y2 = around[..., 0], around[..., 1], around[..., 2]
    found = y1 > y0
    found &= y1 >= y2
    shift = parabola[..., 0] / (parabola[..., 1] - np.float32(1e-9))
    shift *= found
    lag = best + _LAG_MIN + shift
    log_lag = np.log2(lag)
    features = np.empty((*best.shape, CANDIDATE_FEATURES), np.float32)
    np.subtract(y1, parabola[..., 2] * shift, out=features[..., 0])
    np.maximum(around[..., 3], around[..., 4], out=features[..., 1])
    np.maximum.reduce(around[..., 5:8], axis=-1, out=features[..., 2])
    features[..., 3:5] = around[..., 8:10]
    features[..., 5] = log_lag
    strongest = np.maximum.reduce(features[..., 0] * found, axis=-1)
    return PitchCandidates(np.asarray(lag, np.float32), log_lag, found, strongest, features)


def _part_power(frames: F32) -> F32:
    """Return the power of each part of a frame without its DC offset, [..., FRAME_PARTS]."""
    parts = frames.reshape(*frames.shape[:-1], FRAME_PARTS, FRAME // FRAME_PARTS)
    mean = np.add.reduce(parts, axis=-1)
    mean *= np.float32(FRAME_PARTS / FRAME)
    power = np.vecdot(parts, parts)
    power *= np.float32(FRAME_PARTS / FRAME)
    power -= mean * mean
    return np.asarray(power, np.float32)


class FrameFeatures:
    """Computes the network's features of each frame, and tracks the peak and floor of the level."""

    # The level and its negative: the running floor of one is the peak of the other.
    _SIGN = np.array([1.0, -1.0]).reshape(2, 1, 1)
    _DRIFT = np.array([_PEAK_FALL, _FLOOR_RISE]).reshape(2, 1, 1)

    def __init__(self, channels: int) -> None:
        self._extreme = np.zeros((2, channels, 1))
        self.reset()

    def reset(self) -> None:
        """Return to the state of a new stream."""
        self._extreme[:] = -1e9
        self._hops = 0

    def process(self, frames: F32, bands: F32, level_db: F32, strongest: F32) -> F32:
        """Return the features of n frames.

        Parameters
        ----------
        frames
            [channels, n, FRAME].
        bands
            [channels, n, BANDS], power.
        level_db
            [channels, n], dBFS.
        strongest
            [channels, n], height of the strongest candidate.

        Returns
        -------
        features
            [channels, n, FRAME_FEATURES]: levels of the bands and parts against the frame's level
            (dB), its level below the running peak and above the running floor (dB), `strongest`.
        """
        n = level_db.shape[1]
        out = np.empty((*level_db.shape, FRAME_FEATURES), np.float32)
        out[..., :BANDS] = bands
        out[..., BANDS : BANDS + FRAME_PARTS] = _part_power(frames)
        powers = out[..., : BANDS + FRAME_PARTS]
        np.subtract(spectrum.decibels(powers), level_db[..., None], out=powers)
        np.maximum(powers, _BAND_FLOOR_DB, out=powers)
        # The running peak falls and the floor rises steadily.  With that drift added to the level,
        # both are cumulative maxima: one call for all hops.
        level = level_db * self._SIGN
        drift = self._DRIFT * np.arange(self._hops, self._hops + n)
        self._hops += n
        extreme = np.maximum.accumulate(level + drift, axis=-1)
        np.maximum(extreme, self._extreme, out=extreme)
        self._extreme = extreme[..., -1:].copy()
        extreme -= drift
        extreme -= level
        out[..., -3], out[..., -2] = extreme
        out[..., -1] = strongest
        return out


class PitchTracker:
    """Chooses among the candidates of successive frames.

    Parameters
    ----------
    weights
        `pitch_frame` [CONTEXT_FRAMES * FRAME_FEATURES, hidden], `pitch_frame_bias` [hidden],
        `pitch_candidate` [CANDIDATE_FEATURES, hidden], `pitch_voiced` [hidden],
        `pitch_unvoiced` [hidden + 1], bias last, and `pitch_transition` [4]: how fast the
        probability of a jump falls per octave, its floor, the probability that voiced stays
        voiced, and that unvoiced stays unvoiced.
    """

    def __init__(self, weights: Mapping[str, F32], channels: int = 2) -> None:
        self._frame, self._bias = weights["pitch_frame"], weights["pitch_frame_bias"]
        self._candidate = weights["pitch_candidate"]
        self._voiced, self._unvoiced = weights["pitch_voiced"], weights["pitch_unvoiced"]
        fall, floor, stay_voiced, stay_unvoiced = (float(x) for x in weights["pitch_transition"])
        self._fall, self._jump_floor, self._stay_voiced = -fall, floor, stay_voiced
        k, past = CANDIDATES, CONTEXT_FRAMES - 1
        seen = np.zeros((channels, past + MAX_HOPS, FRAME_FEATURES), np.float32)
        row, item, one = seen.strides
        shape = (channels, MAX_HOPS, 1, CONTEXT_FRAMES * FRAME_FEATURES)
        self._seen = OverlappingBuffer(seen, shape, (row, item, item, one))
        self._probability = np.zeros((channels, 1, k + 1))
        self._log_lag = np.zeros((channels, 1, k), np.float32)
        self._stay = np.zeros((k + 1, k + 1))
        self._stay[:k, k] = 1.0 - stay_voiced
        self._stay[k, :k] = 1.0 - stay_unvoiced
        self._stay[k, k] = stay_unvoiced
        self._forward = np.empty((MAX_HOPS, channels, 1, k + 1))
        self.reset()

    def reset(self) -> None:
        """Return to the state of a new stream."""
        self._seen.values[:] = 0.0
        self._last = 0
        self._probability[:] = 0.0
        self._probability[..., -1] = 1.0
        self._log_lag[:] = 0.0

    def process(self, found: PitchCandidates, features: F32) -> tuple[F32, F32]:
        """Return F0 and the probability of voicing of the next n frames.

        Parameters
        ----------
        found
            From `pitch_candidates`, [channels, n, ...].
        features
            [channels, n, FRAME_FEATURES], from `FrameFeatures`.

        Returns
        -------
        f0_hz
            [channels, n], Hz, 60..500, NaN if unvoiced.
        voicing
            [channels, n], probability of voiced, 0..1; voiced from `VOICED_FROM`.
        """
        n, k = features.shape[1], CANDIDATES
        emission = np.exp(self._scores(found, features), dtype=np.float64)
        emission[..., :k] *= found.found
        step = self._transitions(found.log_lag)
        step *= emission[..., None, :]
        forward, now = self._forward[:n], self._probability
        for i, (move, following) in enumerate(zip(step.swapaxes(0, 1), forward, strict=True)):
            if i % _RESCALE_EVERY == 0:
                now = np.ldexp(now, -np.frexp(now.max(axis=-1, keepdims=True))[1])
            now = np.matmul(now, move, out=following)
        self._probability = now.copy()
        posterior = forward[:, :, 0].swapaxes(0, 1)
        posterior = posterior / np.add.reduce(posterior, axis=-1, keepdims=True)
        best = posterior[..., :k].argmax(axis=-1)
        best += np.arange(0, found.lag.size, k).reshape(best.shape)
        f0 = (np.float32(_AC_RATE) / found.lag.reshape(-1)[best]).astype(np.float32)
        voicing = (1.0 - posterior[..., k]).astype(np.float32)
        np.clip(f0, F0_MIN, F0_MAX, out=f0)
        f0[voicing < VOICED_FROM] = np.nan
        return f0, voicing

    def _scores(self, found: PitchCandidates, features: F32) -> F32:
        """Return log scores of each candidate and then of "unvoiced", [..., CANDIDATES + 1].

        Each matrix product has one row, so that BLAS gives the same bits whatever n is.
        """
        past, n = CONTEXT_FRAMES - 1, features.shape[1]
        seen = self._seen.values
        seen[:, :past] = seen[:, self._last : self._last + past]
        seen[:, past : past + n] = features
        self._last = n
        hidden = self._seen.windows[:, :n] @ self._frame
        hidden += self._bias
        each = found.features @ self._candidate
        each += hidden
        scores = np.empty((*features.shape[:2], CANDIDATES + 1), np.float32)
        scores[..., :-1] = np.tanh(each) @ self._voiced
        scores[..., -1:] = np.tanh(hidden) @ self._unvoiced[:-1]
        scores[..., -1] += self._unvoiced[-1]
        return scores

    def _transitions(self, log_lag: F32) -> F64:
        """Return the transition probabilities into each frame, [channels, n, from, to]."""
        k = CANDIDATES
        with_last = np.concatenate([self._log_lag, log_lag], axis=1)
        self._log_lag = with_last[:, -1:]
        jump = np.abs(with_last[:, 1:, None, :] - with_last[:, :-1, :, None], dtype=np.float64)
        jump *= self._fall
        np.exp(jump, out=jump)
        jump += self._jump_floor
        jump *= self._stay_voiced
        move = np.empty((*jump.shape[:2], k + 1, k + 1))
        move[:] = self._stay
        move[..., :k, :k] = jump
        return move

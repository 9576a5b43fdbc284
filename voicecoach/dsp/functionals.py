"""Statistics over the newest speech of a speaker.

The window holds only hops with speech, so nothing decays in a pause, and drops hops older than
`stale_s`.  Statistics are recomputed from the whole window, so rounding errors do not accumulate.
They are a subset of the Geneva set (Eyben et al. 2016, IEEE Trans. Affective Computing 7(2)), over
seconds instead of a whole clip.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicecoach.dsp.prosody import ProsodyFrames
from voicecoach.dsp.spectrum import CEPSTRA
from voicecoach.types.stream import F32, F64, HOP, MAX_HOPS, NAN, SAMPLE_RATE

Mask: TypeAlias = NDArray[np.bool_]

HOPS_PER_S = SAMPLE_RATE / HOP
MIN_HOPS = 12
"""Fewest hops (0.2 s) that a statistic is computed from."""

_VOICE_DESCRIPTORS = (
    *("f0_semitones", "level_dbfs", "alpha_ratio_db", "hammarberg_db", "slope_low_db_khz"),
    *("slope_middle_db_khz", "centroid_hz", "hnr_db", "jitter", "shimmer"),
)
VOICED_DESCRIPTORS = (*_VOICE_DESCRIPTORS, *(f"cepstrum_{i}_db" for i in range(1, CEPSTRA + 1)))
"""Descriptors whose statistics use only voiced hops: they describe the voice."""
SPEECH_DESCRIPTORS = ("flux",)
"""Descriptors whose statistics use all hops of speech."""
DESCRIPTORS = VOICED_DESCRIPTORS + SPEECH_DESCRIPTORS
STATISTICS = ("mean", "p20", "median", "p80", "range")
"""`range` is from the 20th to the 80th percentile."""
_UNKNOWN = np.full((len(DESCRIPTORS), len(STATISTICS)), np.nan)


class Functionals(NamedTuple):
    """Statistics of a window of speech; NaN if there is too little speech for one."""

    start: int
    """Stream index of the start of its oldest hop."""
    end: int
    """Stream index of the end of its newest hop."""
    speech_s: float
    """Seconds of speech in it."""
    voiced: float
    """Share of its hops that are voiced, 0..1."""
    rate_syl_s: float = NAN
    """Articulation rate: syllable nuclei per second of speech."""
    voiced_segments_per_s: float = NAN
    """Voiced segments (continuous voiced hops) per second of speech."""
    voiced_length_s: float = NAN
    """Mean length of voiced segments, seconds."""
    unvoiced_length_s: float = NAN
    """Mean length of unvoiced segments, seconds."""
    statistics: F64 = _UNKNOWN
    """[len(DESCRIPTORS), len(STATISTICS)], in the unit of each descriptor."""

    def value(self, name: str, statistic: str = "median") -> float:
        """Return a statistic of the descriptor `name`, or the rate or length of that name."""
        if name in DESCRIPTORS:
            row, column = DESCRIPTORS.index(name), STATISTICS.index(statistic)
            return float(self.statistics[row, column])
        return float(getattr(self, name))


def descriptor_columns(frames: ProsodyFrames) -> F32:
    """Return `DESCRIPTORS` and then the syllables, as [channels, len(DESCRIPTORS) + 1, n]."""
    rows = [getattr(frames, name) for name in _VOICE_DESCRIPTORS]
    rows += [*frames.cepstrum_db, *(getattr(frames, name) for name in SPEECH_DESCRIPTORS)]
    return np.array([*rows, frames.syllables], np.float32).transpose(1, 0, 2)


_PERCENTILES = np.array([[0.2], [0.5], [0.8]])


def row_statistics(x: F32) -> F64:
    """Return the statistics of each row, ignoring NaN.

    Parameters
    ----------
    x
        [rows, n].

    Returns
    -------
    statistics
        [rows, len(STATISTICS)], NaN if a row has fewer than `MIN_HOPS` values.
    """
    known = x == x
    count = np.add.reduce(known, axis=1)
    n = np.maximum(count, 1)
    filled = np.where(known, x, np.float64(0.0))
    mean = np.add.reduce(filled, axis=1) / n
    ordered = np.sort(x, axis=1)  # NaN comes last
    places = (_PERCENTILES * (n - 1)).astype(np.intp)
    p20, p50, p80 = ordered[np.arange(len(x)), places].astype(np.float64)
    out = np.array([mean, p20, p50, p80, p80 - p20]).T
    out[count < MIN_HOPS] = np.nan
    return out


class SpeechWindow:
    """The newest `seconds` of one speaker's speech.

    Parameters
    ----------
    seconds
        Seconds of speech in a full window.
    stale_s
        Age in seconds at which speech leaves the window, even if the window is not full.
    min_rate_s
        Seconds of speech needed for an articulation rate.
    pause_s
        Seconds of silence after which the window starts empty.
    described
        Descriptors to compute statistics of.
    stretches
        Also compute the rate and lengths of voiced and unvoiced segments.
    """

    def __init__(
        self,
        seconds: float,
        stale_s: float,
        min_rate_s: float = 2.0,
        pause_s: float = math.inf,
        described: tuple[str, ...] = DESCRIPTORS,
        *,
        stretches: bool = True,
    ) -> None:
        self._size = round(seconds * HOPS_PER_S)
        self._stale = stale_s * SAMPLE_RATE
        self._pause = pause_s * SAMPLE_RATE
        self._min_rate = min_rate_s
        self._stretches = stretches
        self._described = np.flatnonzero([name in described for name in DESCRIPTORS])
        # Speech is appended; when the array is full, the window moves to its beginning.
        room = 2 * self._size + MAX_HOPS
        self._at = np.zeros(room, np.int64)
        self._columns = np.zeros((len(DESCRIPTORS) + 1, room), np.float32)
        self._begin = self._end = 0

    def push(self, at: int, columns: F32, spoken: Mask) -> None:
        """Add the hops with speech among n consecutive hops.

        Parameters
        ----------
        at
            Stream index of the end of the last hop.
        columns
            [len(DESCRIPTORS) + 1, n], one channel from `descriptor_columns`.
        spoken
            [n], whether each hop has speech.
        """
        which = spoken.nonzero()[0]
        n = len(which)
        if not n:
            return
        ends = at - (len(spoken) - 1 - which) * HOP
        if self._end and ends[0] - HOP - self._at[self._end - 1] > self._pause:
            self._begin = self._end
        if self._end + n > len(self._at):
            held = slice(self._begin, self._end)
            self._begin, self._end = 0, self._end - self._begin
            self._at[: self._end] = self._at[held]
            self._columns[:, : self._end] = self._columns[:, held]
        newest = slice(self._end, self._end + n)
        self._at[newest], self._columns[:, newest] = ends, columns[:, which]
        self._end += n
        self._begin = max(self._begin, self._end - self._size)

    def compute(self, now: int) -> Functionals:
        """Return the statistics of the hops in the window that are not stale at `now`."""
        at = self._at[self._begin : self._end]
        fresh = self._begin + int(at.searchsorted(now - self._stale, "right"))
        n = self._end - fresh
        if not n:
            return Functionals(now, now, 0.0, 0.0)
        at, x = self._at[fresh : self._end], self._columns[:, fresh : self._end].copy()
        voiced = x[0] == x[0]
        x[: len(VOICED_DESCRIPTORS), ~voiced] = np.nan
        speech_s = n / HOPS_PER_S
        statistics = _UNKNOWN.copy()
        statistics[self._described] = row_statistics(x[self._described])
        syllables = float(np.add.reduce(x[-1], dtype=np.float64))
        stretches = _stretches(at, voiced) if self._stretches else {}
        return Functionals(
            start=int(at[0]) - HOP,
            end=int(at[-1]),
            speech_s=speech_s,
            voiced=int(np.count_nonzero(voiced)) / n,
            rate_syl_s=syllables / speech_s if speech_s >= self._min_rate else NAN,
            statistics=statistics,
            **stretches,
        )


def _stretches(at: NDArray[np.int64], voiced: Mask) -> dict[str, float]:
    """Return the rate and lengths of voiced and unvoiced segments of hops that end at `at`."""
    n = len(at)
    speech_s = n / HOPS_PER_S
    # Hops at which a stretch of speech, or a voiced or unvoiced segment, begins.
    begins, turns = np.ones(n, np.bool_), np.ones(n, np.bool_)
    np.greater(at[1:] - at[:-1], HOP, out=begins[1:])
    np.not_equal(voiced[1:], voiced[:-1], out=turns[1:])
    turns |= begins
    in_voice = int(np.count_nonzero(voiced))
    voices = int(np.count_nonzero(turns & voiced))
    others = int(np.count_nonzero(turns)) - voices
    return {
        "voiced_segments_per_s": voices / speech_s,
        "voiced_length_s": in_voice / HOPS_PER_S / voices if voices else NAN,
        "unvoiced_length_s": (n - in_voice) / HOPS_PER_S / others if others else NAN,
    }

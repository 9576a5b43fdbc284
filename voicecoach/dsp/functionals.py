"""Statistics over the newest speech of a speaker, and the speaker's own usual.

Only hops within speech enter, so nothing decays in a pause; what is older than `stale` leaves.
Statistics are recomputed from the window, never added and subtracted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from voicecoach.dsp.prosody import ProsodyFrames
from voicecoach.types import HOP, SAMPLE_RATE

SEMITONE_REFERENCE_HZ = 27.5
"""Zero of the semitone scale (the Geneva set's F0semitoneFrom27.5Hz)."""
HOPS_PER_S = SAMPLE_RATE / HOP
MIN_VOICED = 12
"""Fewest voiced hops (0.2 s) for a statistic of the voice."""


class Functionals(NamedTuple):
    """What a window of speech says; NaN where there is too little of it."""

    start: int
    """Stream index of its oldest hop's start."""
    end: int
    """Stream index of its newest hop's end."""
    speech_s: float
    """Seconds of speech in it."""
    voiced: float
    """Share of its hops that are voiced, 0..1."""
    f0_semitones: float
    """Median F0 over voiced hops, semitones above 27.5 Hz."""
    f0_range_semitones: float
    """20th to 80th percentile of F0, semitones."""
    level_db: float
    """Median level over voiced hops, dBFS."""
    alpha_db: float
    """Median alpha ratio over voiced hops, dB."""
    hnr_db: float
    """Median harmonics-to-noise ratio, dB."""
    rate_syl_s: float
    """Articulation rate: syllable nuclei per second of speech."""


class SpeechWindow:
    """The newest `seconds` of one speaker's speech.

    Parameters
    ----------
    seconds
        Of speech.
    stale_s
        Seconds after which speech no longer counts, however little there is.
    min_rate_s
        Seconds of speech below which there is no articulation rate: short turns have none.
    """

    def __init__(self, seconds: float, stale_s: float, min_rate_s: float = 2.0) -> None:
        self._size = round(seconds * HOPS_PER_S)
        self._stale = round(stale_s * SAMPLE_RATE)
        self._min_rate = min_rate_s
        self._at = np.zeros(self._size, np.int64)
        self._columns = np.zeros((4, self._size), np.float32)
        self._nucleus = np.zeros(self._size, np.bool_)
        self._count = 0

    def push(self, at: int, frames: ProsodyFrames, row: int, i: int) -> None:
        """Add hop `i` of a channel, which ends at `at` and lies within speech."""
        slot = self._count % self._size
        self._at[slot] = at
        columns = self._columns
        columns[0, slot] = frames.f0_hz[row, i]
        columns[1, slot] = frames.level_dbfs[row, i]
        columns[2, slot] = frames.alpha_ratio_db[row, i]
        columns[3, slot] = frames.hnr_db[row, i]
        self._nucleus[slot] = frames.nucleus[row, i]
        self._count += 1

    def compute(self, now: int) -> Functionals:
        """Return the statistics of what is in the window and not stale at `now`."""
        filled = min(self._count, self._size)
        keep = self._at[:filled] > now - self._stale
        n = int(keep.sum())
        nan = float("nan")
        if not n:
            return Functionals(now, now, 0.0, 0.0, nan, nan, nan, nan, nan, nan)
        at, columns = self._at[:filled][keep], self._columns[:, :filled][:, keep]
        f0 = columns[0]
        voiced = columns[:, f0 == f0]
        count = voiced.shape[1]
        speech_s = n / HOPS_PER_S
        low = mid = high = level = alpha = hnr = nan
        if count >= MIN_VOICED:
            ordered = np.sort(voiced, axis=1)
            low, mid, high = (
                12.0 * float(np.log2(ordered[0, int(q * (count - 1))] / SEMITONE_REFERENCE_HZ))
                for q in (0.2, 0.5, 0.8)
            )
            level, alpha, hnr = (float(v) for v in ordered[1:, (count - 1) // 2])
        nuclei = int(self._nucleus[:filled][keep].sum())
        return Functionals(
            start=int(at.min()) - HOP,
            end=int(at.max()),
            speech_s=speech_s,
            voiced=count / n,
            f0_semitones=mid,
            f0_range_semitones=high - low,
            level_db=level,
            alpha_db=alpha,
            hnr_db=hnr,
            rate_syl_s=nuclei / speech_s if speech_s >= self._min_rate else nan,
        )


class Baseline:
    """A speaker's own usual: slowly formed means and spreads of functionals.

    The mean starts at the first speech heard and moves with the weight of each new second in
    all seconds so far, counted up to `memory_s`, so that it settles and then drifts slowly.  The
    spread starts at the population's and gives way as seconds come in (shrinkage).

    Parameters
    ----------
    spread
        By the functional's name: the population's standard deviation within a speaker.
    prior_s
        Seconds of speech that the population's spread is worth.
    memory_s
        Seconds of speech after which old speech is forgotten.
    """

    def __init__(
        self, spread: dict[str, float], prior_s: float = 15.0, memory_s: float = 90.0
    ) -> None:
        self._spread, self._prior, self._memory = spread, prior_s, memory_s
        self._mean: dict[str, float] = {}
        self._seconds = dict.fromkeys(spread, 0.0)
        self._sum = {name: prior_s * sd * sd for name, sd in spread.items()}

    @property
    def seconds(self) -> float:
        """Return the weighted seconds of speech learnt from."""
        return max(self._seconds.values())

    def learn(self, functionals: Functionals, seconds: float) -> None:
        """Move towards `functionals`, which stand for `seconds` of new speech."""
        if seconds <= 0.0:
            return
        for name in self._spread:
            x = getattr(functionals, name)
            if x != x:
                continue
            known = self._seconds[name]
            mean = self._mean.get(name, x)
            self._mean[name] = mean + (x - mean) * seconds / (known + seconds)
            fade = (self._memory - seconds) / self._memory if known >= self._memory else 1.0
            self._sum[name] = self._sum[name] * fade + seconds * (x - mean) ** 2
            self._seconds[name] = min(known + seconds, self._memory)

    def usual(self, name: str) -> float:
        """Return the speaker's usual value of a functional, NaN until there is one."""
        return self._mean.get(name, float("nan"))

    def against(self, functionals: Functionals, name: str) -> float:
        """Return a functional less its usual value, in its own unit."""
        return float(getattr(functionals, name)) - self.usual(name)

    def spread(self, name: str) -> float:
        """Return the speaker's standard deviation, shrunk towards the population's."""
        return float((self._sum[name] / (self._prior + self._seconds[name])) ** 0.5)

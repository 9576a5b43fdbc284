"""Learns a speaker's own baseline of several measurements as they speak."""

from __future__ import annotations

import numpy as np

from voicecoach.types.stream import F64

MAX_OFF_SD = 3.0
"""Bound of the difference that is learnt from, in standard deviations."""
_MIN_WORTH_S = 1e-9


class PosteriorMean:
    """Means and spreads of n measurements, each learnt independently.

    Each is the posterior mean of a normal with a normal prior: it starts at the population's and
    moves to the speaker's as seconds of speech are added.  Seconds are counted up to `memory_s`, so
    that the mean settles and then drifts slowly.  Differences are bounded by `MAX_OFF_SD`, so that
    a shout in the first seconds does not become the baseline.

    Parameters
    ----------
    mean
        [n], the population's means; NaN to start from the speaker's first value.
    within
        [n], standard deviation between the windows of one speaker.
    worth_s
        [n], seconds of speech that the population's mean counts for: with a known standard
        deviation `between` speakers, `independent_after_s * (within / between)**2`.
    independent_after_s
        Seconds of speech after which a window is about independent of an earlier one.
    memory_s
        Seconds of speech after which old speech is forgotten.
    spread_worth_s
        Seconds of speech that `within` counts for in a speaker's own spread; None keeps the
        population's.
    """

    def __init__(
        self,
        mean: F64,
        within: F64,
        worth_s: F64,
        *,
        independent_after_s: float,
        memory_s: float,
        spread_worth_s: float | None = None,
    ) -> None:
        self.mean = mean.copy()
        """[n], NaN if unknown."""
        self.learnt_s = np.zeros(len(mean))
        """[n], seconds of speech learnt from, up to `memory_s`."""
        self.worth_s = worth_s
        self._memory_s = memory_s
        self._within_squared = within**2
        self._doubt = self._within_squared * independent_after_s
        self._spread_worth_s = spread_worth_s
        self._squares = (spread_worth_s or 0.0) * self._within_squared
        self.deviation = self._chance_deviation()
        """[n], standard deviation of a window from the mean by chance."""

    def learn(self, x: F64, seconds: float) -> None:
        """Learn from values [n], NaN if unknown, that stand for `seconds` of new speech."""
        if seconds <= 0.0:
            return
        known = x == x
        new = seconds * known
        self.mean = np.where(known & (self.mean != self.mean), x, self.mean)
        far = MAX_OFF_SD * self.deviation
        off = np.minimum(np.maximum(np.where(known, x - self.mean, 0.0), -far), far)
        self.mean += off * new / np.maximum(self.worth_s + self.learnt_s + new, _MIN_WORTH_S)
        full = self.learnt_s >= self._memory_s
        self._squares = self._squares * np.where(full, 1.0 - new / self._memory_s, 1.0)
        self._squares += new * off**2
        self.learnt_s = np.minimum(self.learnt_s + new, self._memory_s)
        self.deviation = self._chance_deviation()

    def _chance_deviation(self) -> F64:
        own = self._within_squared
        if self._spread_worth_s is not None:
            own = self._squares / (self._spread_worth_s + self.learnt_s)
        doubt = self._doubt / np.maximum(self.worth_s + self.learnt_s, _MIN_WORTH_S)
        return np.sqrt(own + doubt)

"""A speaker's own baseline of several measurements, forming as they speak."""

from __future__ import annotations

import numpy as np

from voicecoach.types.stream import F64

MAX_OFF_SD = 3.0
"""In standard deviations: what is further off counts as if it were this far."""
_MIN_WORTH_S = 1e-9


class PosteriorMean:
    """Means and spreads of n measurements, each learnt by itself.

    A mean is the posterior one of a normal with a normal prior: it starts at the population's and
    gives way to the speaker's as seconds of speech come in.  Seconds are counted up to `memory_s`,
    so that it settles and then drifts slowly.  A window far from what is expected counts as less
    far, so that a shout in the first seconds does not become the baseline.

    Parameters
    ----------
    mean
        [n], the population's; NaN where it says nothing of a speaker: it becomes the first value.
    within
        [n], standard deviation of a window within a speaker.
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
        """[n], NaN where nothing is known yet."""
        self.learnt_s = np.zeros(len(mean))
        """[n], seconds of speech learnt from, up to `memory_s`."""
        self.worth_s = worth_s
        self._memory_s = memory_s
        self._within_squared = within**2
        self._doubt = self._within_squared * independent_after_s
        self._spread_worth_s = spread_worth_s
        self._squares = (spread_worth_s or 0.0) * self._within_squared
        self.deviation = self._chance_deviation()
        """[n], how far a window is from the mean by chance: one standard deviation."""

    def learn(self, x: F64, seconds: float) -> None:
        """Move towards values [n], NaN where unknown, that stand for `seconds` of new speech."""
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

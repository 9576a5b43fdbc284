"""Syllable nuclei: peaks of the speech-band level with a dip on either side.

After de Jong & Wempe 2009, "Praat script to detect syllable nuclei and measure speech rate
automatically", Behavior Research Methods 41(2), made causal: a peak counts once the level has
fallen `DIP_DB` below it, and only where the voice was voiced at it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicecoach.types import F32

DIP_DB = 1.0
"""Rise before, and fall after, a nucleus."""
QUIET_DB = 25.0
"""A peak further than this below the running peak is no nucleus."""
PEAK_DECAY_DB = 0.08
"""Fall of the running peak per hop, 5 dB a second."""
SMOOTHING = 0.8
"""Weight of the newest hop in the one-pole smoother of the level."""


class SyllableCounter:
    """Tells at which hops a nucleus became certain."""

    def __init__(self, channels: int = 2) -> None:
        self._channels = channels
        self.reset()

    def reset(self) -> None:
        """Return to the state of a new stream."""
        n = self._channels
        self._level = [-100.0] * n
        self._loudest = [-100.0] * n
        self._low = [-100.0] * n
        self._top = [-100.0] * n
        self._top_voiced = [False] * n
        self._rising = [True] * n

    def process(self, band_db: F32, voiced: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Take n hops.

        Parameters
        ----------
        band_db
            [channels, n], level of the speech band, dB.
        voiced
            [channels, n], whether the frame is voiced.

        Returns
        -------
        nuclei
            [channels, n], whether a nucleus became certain at the hop.
        """
        return np.array(
            [
                [self._step(c, db, v) for db, v in zip(row, flags, strict=True)]
                for c, (row, flags) in enumerate(
                    zip(band_db.tolist(), voiced.tolist(), strict=True)
                )
            ]
        )

    def _step(self, c: int, raw_db: float, voiced: bool) -> bool:
        level = self._level[c] + SMOOTHING * (raw_db - self._level[c])
        self._level[c] = level
        self._loudest[c] = max(self._loudest[c] - PEAK_DECAY_DB, level)
        if not self._rising[c]:
            if level < self._low[c]:
                self._low[c] = level
            elif level > self._low[c] + DIP_DB:
                self._rising[c] = True
                self._top[c], self._top_voiced[c] = level, voiced
            return False
        if level > self._top[c]:
            self._top[c] = level
            self._top_voiced[c] |= voiced
        elif level < self._top[c] - DIP_DB:
            self._rising[c] = False
            self._low[c] = level
            loud = self._top[c] > self._loudest[c] - QUIET_DB
            nucleus = loud and self._top_voiced[c]
            self._top[c], self._top_voiced[c] = -100.0, False
            return nucleus
        return False

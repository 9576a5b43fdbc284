"""Detects crosstalk between the channels, and channels that are copies of each other.

Both take the correlator's windows (`dsp.delay`), one after the other.  Peaks are not averaged over
windows: they would smear where clocks drift, and chance peaks do not agree on a delay (to 2 ms, of
900).  A delay that moves along a line is of two clocks.

A microphone and a loudspeaker never correlate as a copy does.  Crosstalk with no filter at all does
until the other says something: both channels are distrusted so long.
"""

from __future__ import annotations

import numpy as np

from voicecoach.dsp.delay import DelayPeak
from voicecoach.types.stream import F64, SAMPLE_RATE

AGREE_S = 0.002
"""Delays that differ by less are one delay."""
ENTER_WINDOWS, ENTER_AGREEING = 6, 4
"""Windows of the source's speech that are looked at, and that must agree, to enter a state."""
LEAVE_WINDOWS, LEAVE_AGREEING = 12, 1
"""Windows that are remembered, and at most how many of them may agree, to leave it."""
ALIGNED_S = 0.005
"""Delays within this say nothing of the direction: capture may be off by as much."""
HEARER_LOUDER_DB = 1.5
"""By how much the hearer may then exceed the source."""

COPY_CORRELATION = 0.97
"""Correlation of a signal with its copy, with noise of its own 15 dB down and less."""
APART_CORRELATION = 0.8
"""A window with less has somebody on one channel alone."""
APART_WINDOWS, APART_MOST = 40, 3
"""In how many of the newest windows with speech that may be so while they are copies."""

DRIFT_S = 0.020
"""By how much the delay has moved when clocks drift."""
DRIFT_FOR = 45 * SAMPLE_RATE
"""No less than this: a path that changes is no drift."""
DRIFT_EVERY = 3 * SAMPLE_RATE
DRIFT_POINTS = 160
"""Delays that are remembered: 8 minutes."""
DRIFT_LEAST = 6
"""Fewest of them for a line."""
DRIFT_MAX_RMS = 0.1
"""RMS distance from the line, of the change along it.  A single jump has 0.17."""
DRIFT_MIN_SLOPE = 5e-6
"""Slope below which clocks no longer drift: 0.3 ms a minute."""
JUMP_S, JUMP_SLOPE = 0.008, 1e-3
"""A delay that moved by more at once, and by more than such clocks would, begins anew."""


class LeakDetector:
    """Whether one speaker, the source, is heard on the other's channel."""

    def __init__(self) -> None:
        self.is_leaking = False
        self.delay_s = 0.0
        """Newest, seconds that the hearer is later."""
        self.level_db = 0.0
        """Of what leaks, against the source: the median window, with all else that is there."""
        self.drifts = False
        self.moved_s = 0.0
        """By how much the delay changed along the line, seconds."""
        self._delays = np.full(LEAVE_WINDOWS, np.nan)
        self._levels = np.zeros(LEAVE_WINDOWS)
        self._windows = 0
        self._times = np.zeros(DRIFT_POINTS)
        self._track = np.zeros(DRIFT_POINTS)
        self._points = 0

    def add_window(self, at: int, delay_s: float, level_db: float) -> None:
        """Take a window of the source's speech.

        Parameters
        ----------
        at
            Its end.
        delay_s
            By how much the hearer is later; NaN where the channels have nothing in common.
        level_db
            The hearer's channel against the source's.
        """
        slot = self._windows % LEAVE_WINDOWS
        self._delays[slot], self._levels[slot] = delay_s, level_db
        self._windows += 1
        newest = (slot - np.arange(min(self._windows, LEAVE_WINDOWS))) % LEAVE_WINDOWS
        if self.is_leaking:
            alike = self._agreeing_slots(newest)
            if len(alike) <= LEAVE_AGREEING and self._windows >= LEAVE_WINDOWS:
                self.is_leaking = self.drifts = False
                self._points = 0
                return
        else:
            alike = self._agreeing_slots(newest[:ENTER_WINDOWS])
            if len(alike) < ENTER_AGREEING:
                return
        delay = float(np.median(self._delays[alike]))
        levels = np.sort(self._levels[alike])
        louder = float(levels[len(levels) // 2])
        aligned = abs(delay) <= ALIGNED_S
        if aligned and louder > (2 * HEARER_LOUDER_DB if self.is_leaking else HEARER_LOUDER_DB):
            self.is_leaking = self.drifts = False
            self._points = 0
            return
        self.is_leaking, self.level_db = True, louder
        self.delay_s = float(self._delays[alike[0]])
        if alike[0] == slot:
            self._track_delay(at)

    def _agreeing_slots(self, slots: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
        """Return the most slots that agree on a delay, the newest first."""
        delays = self._delays[slots]
        agree = np.abs(delays[:, None] - delays[None, :]) <= AGREE_S
        return [int(s) for s in slots[agree[int(agree.sum(axis=1).argmax())]]]

    def _track_delay(self, at: int) -> None:
        """Follow the delay, and see whether it moves along a line."""
        n = self._points
        times, track = self._times, self._track
        if n:
            since = at - times[n - 1]
            if since < DRIFT_EVERY:
                return
            moved = abs(self.delay_s - track[n - 1])
            if moved > max(JUMP_S, JUMP_SLOPE * since / SAMPLE_RATE):
                n = 0
                self.drifts = False
            elif n == DRIFT_POINTS:
                times[:-1], track[:-1] = times[1:].copy(), track[1:].copy()
                n -= 1
        times[n], track[n] = at, self.delay_s
        self._points = n + 1
        if self.drifts:
            recent = times[: n + 1] >= at - 2 * DRIFT_FOR
            slope, _, span = self._line(times[: n + 1][recent], track[: n + 1][recent])
            self.drifts = span < DRIFT_FOR or abs(slope) > DRIFT_MIN_SLOPE
        else:
            slope, off, span = self._line(times[: n + 1], track[: n + 1])
            self.moved_s = slope * span / SAMPLE_RATE
            moves = abs(self.moved_s) >= DRIFT_S and off <= DRIFT_MAX_RMS * abs(self.moved_s)
            self.drifts = moves and span >= DRIFT_FOR

    @staticmethod
    def _line(times: F64, track: F64) -> tuple[float, float, float]:
        """Return slope (seconds a second), RMS distance (seconds) and span (samples) of a line."""
        span = float(times[-1] - times[0])
        if len(times) < DRIFT_LEAST or span <= 0:
            return 0.0, 0.0, 0.0
        t = (times - times.mean()) / SAMPLE_RATE
        y = track - track.mean()
        slope = float((t * y).sum() / (t * t).sum())
        return slope, float(np.sqrt(np.mean((y - slope * t) ** 2))), span


class CopyDetector:
    """Whether both channels carry one signal."""

    def __init__(self) -> None:
        self.is_copy = False
        self.level_db = 0.0
        """The customer's channel against the agent's."""
        self._likeness = np.zeros(APART_WINDOWS)
        self._windows = 0

    def add_peak(self, peak: DelayPeak) -> None:
        """Take a window with speech."""
        self._likeness[self._windows % APART_WINDOWS] = peak.likeness
        self._windows += 1
        n = min(self._windows, APART_WINDOWS)
        newest = self._likeness[(self._windows - 1 - np.arange(n)) % APART_WINDOWS]
        apart = int((newest < APART_CORRELATION).sum())
        alike = int(
            (newest[: LEAVE_WINDOWS if self.is_copy else ENTER_WINDOWS] >= COPY_CORRELATION).sum()
        )
        self.is_copy = apart <= APART_MOST and alike >= (
            LEAVE_AGREEING + 1 if self.is_copy else ENTER_AGREEING
        )
        if peak.likeness >= COPY_CORRELATION:
            self.level_db = peak.power_db[1] - peak.power_db[0]

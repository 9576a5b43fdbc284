"""Detects crosstalk between the channels, and channels that are copies of each other.

Both detectors use successive windows of the correlator (`dsp.delay`).  Peaks are not averaged over
windows: averaging would smear them if clocks drift, and chance peaks rarely agree on a delay (to 2
ms out of 900).  A delay that changes linearly shows two clocks.

Sound from a loudspeaker never correlates as strongly as a copy.  Unfiltered crosstalk does until
the other speaker says something; until then both channels are distrusted.
"""

from __future__ import annotations

import numpy as np

from voicecoach.dsp.delay import DelayPeak
from voicecoach.types.stream import F64, SAMPLE_RATE

AGREE_S = 0.002
"""Delays that differ by no more than this agree, seconds."""
ENTER_WINDOWS, ENTER_AGREEING = 6, 4
"""Newest windows of the source's speech, and how many of them must agree, to enter a state."""
LEAVE_WINDOWS, LEAVE_AGREEING = 12, 1
"""Newest windows, and the most of them that may agree, to leave a state."""
ALIGNED_S = 0.005
"""Delays up to this do not show the direction: capture may be off by as much.  Seconds."""
HEARER_LOUDER_DB = 1.5
"""Most by which the hearer's channel may be louder than the source's at such a delay."""

COPY_CORRELATION = 0.97
"""Least correlation of a signal with its copy, with added noise at most 15 dB below it."""
COPY_WITHIN_DB = 18.0
"""Most by which one copy is louder than the other: more is what a lossy stereo codec leaves."""
APART_CORRELATION = 0.8
"""Correlation below which somebody is on one channel alone."""
APART_WINDOWS, APART_MOST = 40, 3
"""Newest windows with speech, and the most of them below `APART_CORRELATION` for copies."""

DRIFT_S = 0.020
"""Least change of the delay, in seconds, for clocks to count as drifting."""
DRIFT_FOR = 45 * SAMPLE_RATE
"""Least duration of that change, samples: a change of the path is faster."""
DRIFT_EVERY = 3 * SAMPLE_RATE
"""Least distance between two stored delays, samples."""
DRIFT_POINTS = 160
"""Stored delays: 8 minutes."""
DRIFT_LEAST = 6
"""Fewest delays that a line is fitted to."""
DRIFT_MAX_RMS = 0.1
"""Largest RMS distance from the line, relative to the change along it.  A single jump has 0.17."""
DRIFT_MIN_SLOPE = 5e-6
"""Slope below which clocks no longer drift: 0.3 ms per minute."""
JUMP_S, JUMP_SLOPE = 0.008, 1e-3
"""The line starts again if the delay jumps by more than these: seconds, and seconds per second."""


class LeakDetector:
    """Detects whether one speaker, the source, is heard on the channel of the other, the hearer."""

    def __init__(self) -> None:
        self.is_leaking = False
        self.delay_s = 0.0
        """Newest delay of the hearer's channel, seconds."""
        self.level_db = 0.0
        """Median level of the hearer's channel, including other sound, against the source's."""
        self.drifts = False
        self.moved_s = 0.0
        """Change of the delay along the line, seconds."""
        self._delays = np.full(LEAVE_WINDOWS, np.nan)
        self._levels = np.zeros(LEAVE_WINDOWS)
        self._windows = 0
        self._times = np.zeros(DRIFT_POINTS)
        self._track = np.zeros(DRIFT_POINTS)
        self._points = 0

    def add_window(self, at: int, delay_s: float, level_db: float) -> None:
        """Add a window of the source's speech.

        Parameters
        ----------
        at
            Stream index of its end.
        delay_s
            Delay of the hearer's channel, seconds; NaN if the channels have nothing in common.
        level_db
            Level of the hearer's channel against the source's.
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
        """Return the largest set of slots that agree on a delay, the newest first."""
        delays = self._delays[slots]
        agree = np.abs(delays[:, None] - delays[None, :]) <= AGREE_S
        return [int(s) for s in slots[agree[int(agree.sum(axis=1).argmax())]]]

    def _track_delay(self, at: int) -> None:
        """Store the newest delay, and check whether the delay changes linearly."""
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
        """Return slope (seconds per second), RMS error (seconds) and span (samples) of a line."""
        span = float(times[-1] - times[0])
        if len(times) < DRIFT_LEAST or span <= 0:
            return 0.0, 0.0, 0.0
        t = (times - times.mean()) / SAMPLE_RATE
        y = track - track.mean()
        slope = float((t * y).sum() / (t * t).sum())
        return slope, float(np.sqrt(np.mean((y - slope * t) ** 2))), span


class CopyDetector:
    """Detects whether both channels carry the same signal."""

    def __init__(self) -> None:
        self.is_copy = False
        self.level_db = 0.0
        """Level of the customer's channel against the agent's."""
        self._likeness = np.zeros(APART_WINDOWS)
        self._windows = 0

    def add_peak(self, peak: DelayPeak) -> None:
        """Add a window with speech."""
        louder_db = peak.power_db[1] - peak.power_db[0]
        likeness = peak.likeness if abs(louder_db) <= COPY_WITHIN_DB else 0.0
        self._likeness[self._windows % APART_WINDOWS] = likeness
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
        if likeness >= COPY_CORRELATION:
            self.level_db = louder_db

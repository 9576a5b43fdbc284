"""Whether the channels can be trusted: dead, copied, swapped, drifting, bleeding or clipped.

| state    | of whom    | told by                              | and not mistaken for           |
|----------|------------|--------------------------------------|--------------------------------|
| dead     | it         | nothing above -75 dBFS in 5 s; later | a line that is silent while    |
|          |            | 2 minutes of digital silence         | the other speaks (40 s seen)   |
| copied   | both       | one signal but for a gain: a corre-  | a loudspeaker in a room, which |
|          |            | lation of 0.97 in 4 of 6 windows,    | makes another signal of it;    |
|          |            | and nobody on one channel alone      | hum, which is below the band   |
| swapped  | both       | a call opened in an agent's words on | an echo or a copy: they are on |
|          |            | the customer's channel alone         | the agent's channel, too       |
| drifting | both       | the delay of a bleed moves by 20 ms  | a jump of a line's buffer, or  |
|          |            | along a line, in 45 s or more        | another path: not along a line |
| bleeding | the hearer | one sharp peak of GCC-PHAT, at one   | chance: delays differ; tones   |
|          |            | and the same delay, in 4 of 6        | and hum: peaks a period apart; |
|          |            | windows in which the source speaks   | the same words: no peak        |
| clipped  | it         | amplitudes pile up near the top of   | loud, peak-normalised or coded |
|          |            | loud speech, wherever that top is    | speech: its density falls off  |

The first that applies is the channel's state.  It is entered on several windows that agree and
left when hardly any does in twice as many; in a pause nothing changes.

*Bleed.*  Every 0.5 s, of the newest second: the cross spectrum of both channels within speech's
band, each bin reduced to its phase (Knapp & Carter 1976, "The generalized correlation method for
estimation of time delay", IEEE Trans. ASSP 24(4)), and back to delays of +-450 ms.  Cutting the
spectrum at 2 kHz is low pass and decimation in one, with no alias.  What the source says comes out
as one peak through any room; what the other says adds noise, so double talk does little harm.
Peaks are not averaged over windows: they would smear where clocks drift, and chance peaks do not
agree on a delay (to 2 ms, of 900).  A detector of speech hears a bleed as speech, too, so "only the
source speaks" is not asked of it: a window counts for everyone whom it hears near their usual
level.  Whose channel is later hears the other; within 5 ms, where capture may be off, the quieter
one does, and both do where neither is quieter.

*Copy.*  A microphone and a loudspeaker never correlate as a copy does.  Crosstalk with no filter at
all does until the other says something: both are distrusted so long.

*Clipping.*  A histogram of amplitudes that fades within 4 s of loud speech.  A clipped channel that
was turned down keeps its pile; one that was resampled since, as a device's or a telephone's is,
overshoots and spreads it over a decibel.  So there are two tests: a pile within 1.5 % of the top,
and a bump of the density up to 5 dB below it.  Only speech is looked at: tones have flat tops.

Sans-I/O, hop by hop; all arrays that stay are allocated once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from voicecoach.types import (
    F32,
    F64,
    HOP,
    SAMPLE_RATE,
    SPEAKERS,
    TICK,
    ChannelState,
    Speaker,
)

_TICK_SAMPLES = TICK * HOP

DEAD_DBFS = -75.0
"""A channel that never exceeds this is dead."""
DEAD_AFTER = 5 * SAMPLE_RATE
"""No alarm before this: devices and lines take seconds to deliver."""
SILENT_DBFS = -90.0
"""Less than one step of 16 bits: digital silence."""
SILENT_AFTER = 120 * SAMPLE_RATE
"""Digital silence after which a channel that was alive is dead.

Three times what telephone recordings have while the other speaks; and there is no haste, since of
a silent channel nothing is claimed anyway."""
_DEAD, _SILENT = 10 ** (DEAD_DBFS / 10), 10 ** (SILENT_DBFS / 10)

WINDOW = 16_384
"""Samples that are correlated: 1.024 s."""
STEP = 4
"""Updates between correlations: 0.512 s."""
_WINDOW_TICKS = WINDOW // _TICK_SAMPLES
_CROP = 4096
_LAG_S = WINDOW / SAMPLE_RATE / _CROP
"""Seconds of delay between points of the cropped correlation: 0.25 ms."""
_BIN_HZ = SAMPLE_RATE / WINDOW
_LOW, _HIGH = round(250 / _BIN_HZ), round(1800 / _BIN_HZ)
"""Bins of the band: above hum, within a telephone's, below half the cropped rate."""
_MAX_LAG = round(0.45 / _LAG_S)
_NEAR = 0.03
"""Seconds around a peak that belong to it: early reflections; hum and tones have peaks beyond."""
AUDIBLE = 1e-4
"""Power against the window's strongest bin from which a bin counts (-40 dB): leakage does not."""
QUIET_DBFS = -65.0
"""A source below this, in the band, is not there."""
PRESENT_DB, PRESENT_FADES_DB = 18.0, 0.05
"""Below the loudest window of a speaker, which fades with each, they are not there either: the
detector of speech is generous with noise, and an echo is no voice."""
PEAK = 5.0
"""Of the correlation, against its RMS over all delays."""
UNIQUE = 1.2
"""The peak against the next that is not near."""
AGREE_S = 0.002
"""Delays that differ by less are one delay."""
NEWEST, ENOUGH = 6, 4
"""Windows of the source's speech that are looked at, and that must agree, to enter a state."""
KEPT, FEW = 12, 1
"""Windows that are remembered, and at most how many of them may agree, to leave it."""
ALIGNED_S = 0.005
"""Delays within this say nothing of the direction: capture may be off by as much."""
NEARER_DB = 6.0
"""By how much nearer to its own loudness the source's channel is, where that says who it is."""
LOUDER_DB = 1.5
"""By how much the hearer may then exceed the source."""

SAME = 0.97
"""Correlation of a signal with its copy, with noise of its own 15 dB down and less."""
COPY_S = 0.02
"""Greatest delay of a copy."""
APART = 0.8
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
STRAIGHT = 0.1
"""RMS distance from the line, of the change along it.  A single jump has 0.17."""
STILL = 5e-6
"""Slope below which clocks no longer drift: 0.3 ms a minute."""
JUMP_S, JUMP_SLOPE = 0.008, 1e-3
"""A delay that moved by more at once, and by more than such clocks would, begins anew."""

GRACE = 4 * SAMPLE_RATE
"""For which the agent's own channel may still come with the opening words."""

_STEPS_PER_NEPER = 200
_LEVELS = 1024
"""Bins of the histogram, 0.5 % each: from 1.22 of full scale down by 44 dB."""
_ABOVE = 40
LOUD = 0.5
"""A block whose peak is this share of the recent peak, or more, is loud."""
PEAK_FADES = 0.995
"""Of the recent peak in each block of speech: 6 dB in 18 s."""
FAINT = 0.01
"""A peak below this is no loud speech (-40 dBFS): a pile there is coding."""
FADES = 0.97
"""Of the histogram in each loud block: time constant 4 s."""
STEADY = 0.2
"""A block whose power differs by less from the one before is a tone or hum: voices never rest."""
EVEN = 0.1
"""Hops that differ by less in power are even; a block of three quarters such is a tone, too."""
LOUD_HOPS = 3
"""Of a block, fewest within 3 dB of the loudest: fewer may be a tone's onset."""
OFFSET = 0.003
"""Power of a block against its peak's, below which the peak is an offset or a click."""
PILE, PILE_MASS = 0.6, 20.0
"""Amplitudes within 1.5 % of the top, against those from there to 16 % below it; and how many."""
BUMP, BUMP_MASS = 1.6, 80.0
"""Density within 0.9 dB against that 1.4 to 3 dB below; and how many."""
BUMP_DEPTH = 115
"""Bins below the top in which a bump may begin: 5 dB, the overshoot of a resampled flat top."""
UNPILED, UNBUMPED = 0.35, 1.1
"""Below both it is no longer clipped."""
CLIP_WARM = 8
"""Loud blocks (1 s) before the histogram says anything."""
CLIP_ENTER, CLIP_LEAVE = 3, 10
"""Looks, 0.5 s of speech apart, that agree to enter and to leave the state."""

_OVER = {
    "dead": "sound has come",
    "copied": "the channels differ",
    "swapped": "the opening was heard on the agent's channel, too",
    "drifting": "the delay no longer moves",
    "bleeding": "the other is no longer heard on it",
    "clipped": "the tops are whole again",
}


def _hann(n: int) -> F32:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)


class Peak(NamedTuple):
    """What one window says."""

    delay_s: float
    """By how much the agent's channel is later than the customer's; NaN where nothing is common."""
    likeness: float
    """Correlation at that delay, 0 where it is none of a copy."""
    power_db: tuple[float, float]
    """Levels of the agent's and the customer's channel within the band, dBFS."""


class Correlator:
    """The delay between both channels within a window, by GCC-PHAT."""

    def __init__(self) -> None:
        self._taper = _hann(WINDOW)
        self._frame = np.zeros((2, WINDOW), np.float32)
        self._phases = np.zeros(_CROP // 2 + 1, np.complex64)
        self._omega = 2j * np.pi * _BIN_HZ * np.arange(_LOW, _HIGH)
        self._to_dbfs = 10 * np.log10(2 / (WINDOW * np.sum(self._taper.astype(np.float64) ** 2)))
        self._whole = np.zeros(2 * _MAX_LAG + 1, np.float32)

    def hear(self, ring: F32, oldest: int) -> Peak:
        """Return what a ring of `WINDOW` samples of both channels says, from its oldest sample."""
        frame, n = self._frame, WINDOW - oldest
        frame[:, :n], frame[:, n:] = ring[:, oldest:], ring[:, :oldest]
        frame -= frame.mean(axis=1, keepdims=True)
        frame *= self._taper
        agent, customer = np.fft.rfft(frame, axis=1)[:, _LOW:_HIGH]
        powers = np.stack([np.abs(agent), np.abs(customer)]) ** 2
        total = powers.sum(axis=1, dtype=np.float64)
        if total.min() <= 0:
            return Peak(float("nan"), 0.0, self._levels(total))
        cross = agent * np.conj(customer)
        strength = np.abs(cross)
        heard = (powers > AUDIBLE * powers.max(axis=1, keepdims=True)).all(axis=0) & (strength > 0)
        band = self._phases[_LOW:_HIGH]
        band[:] = 0
        np.divide(cross, strength, out=band, where=heard)
        correlation = np.fft.irfft(self._phases)
        whole = self._whole
        whole[:_MAX_LAG], whole[_MAX_LAG:] = correlation[-_MAX_LAG:], correlation[: _MAX_LAG + 1]
        top = int(whole.argmax())
        best, rms = float(whole[top]), float(np.sqrt(np.mean(whole * whole)))
        delay = self._between(top)
        near = round(_NEAR / _LAG_S)
        whole[max(0, top - near) : top + near + 1] = 0
        if best < PEAK * rms or best < UNIQUE * float(whole.max()):
            return Peak(float("nan"), 0.0, self._levels(total))
        likeness = 0.0
        if abs(delay) <= COPY_S:
            at_delay = float(np.vdot(np.exp(-self._omega * delay), cross).real)
            likeness = at_delay / float(np.sqrt(total.prod()))
        return Peak(delay, likeness, self._levels(total))

    def _between(self, top: int) -> float:
        """Return the delay of a peak in seconds, between the points where it is."""
        delay = float(top - _MAX_LAG)
        if 0 < top < 2 * _MAX_LAG:
            before, at, after = (float(x) for x in self._whole[top - 1 : top + 2])
            delay += 0.5 * (before - after) / min(before - 2 * at + after, -1e-9)
        return delay * _LAG_S

    def _levels(self, total: F64) -> tuple[float, float]:
        agent, customer = 10 * np.log10(np.maximum(total, 1e-12)) + self._to_dbfs
        return float(agent), float(customer)


class Leak:
    """Whether one speaker, the source, is heard on the other's channel."""

    def __init__(self) -> None:
        self.open = False
        self.delay_s = 0.0
        """Newest, seconds that the hearer is later."""
        self.level_db = 0.0
        """Of what leaks, against the source: the median window, with all else that is there."""
        self.drifts = False
        self.moved_s = 0.0
        """By how much the delay changed along the line, seconds."""
        self._delays = np.full(KEPT, np.nan)
        self._levels = np.zeros(KEPT)
        self._windows = 0
        self._times = np.zeros(DRIFT_POINTS)
        self._track = np.zeros(DRIFT_POINTS)
        self._points = 0

    def hear(self, at: int, delay_s: float, level_db: float) -> None:
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
        slot = self._windows % KEPT
        self._delays[slot], self._levels[slot] = delay_s, level_db
        self._windows += 1
        newest = (slot - np.arange(min(self._windows, KEPT))) % KEPT
        if self.open:
            alike = self._alike(newest)
            if len(alike) <= FEW and self._windows >= KEPT:
                self.open = self.drifts = False
                self._points = 0
                return
        else:
            alike = self._alike(newest[:NEWEST])
            if len(alike) < ENOUGH:
                return
        delay = float(np.median(self._delays[alike]))
        levels = np.sort(self._levels[alike])
        louder = float(levels[len(levels) // 2])
        aligned = abs(delay) <= ALIGNED_S
        if aligned and louder > (2 * LOUDER_DB if self.open else LOUDER_DB):
            self.open = self.drifts = False
            self._points = 0
            return
        self.open, self.level_db = True, louder
        self.delay_s = float(self._delays[alike[0]])
        if alike[0] == slot:
            self._follow(at)

    def _alike(self, slots: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
        """Return the most slots that agree on a delay, the newest first."""
        delays = self._delays[slots]
        agree = np.abs(delays[:, None] - delays[None, :]) <= AGREE_S
        return [int(s) for s in slots[agree[int(agree.sum(axis=1).argmax())]]]

    def _follow(self, at: int) -> None:
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
            self.drifts = span < DRIFT_FOR or abs(slope) > STILL
        else:
            slope, off, span = self._line(times[: n + 1], track[: n + 1])
            self.moved_s = slope * span / SAMPLE_RATE
            moves = abs(self.moved_s) >= DRIFT_S and off <= STRAIGHT * abs(self.moved_s)
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


class Copy:
    """Whether both channels carry one signal."""

    def __init__(self) -> None:
        self.open = False
        self.level_db = 0.0
        """The customer's channel against the agent's."""
        self._likeness = np.zeros(APART_WINDOWS)
        self._windows = 0

    def hear(self, peak: Peak) -> None:
        """Take a window with speech."""
        self._likeness[self._windows % APART_WINDOWS] = peak.likeness
        self._windows += 1
        n = min(self._windows, APART_WINDOWS)
        newest = self._likeness[(self._windows - 1 - np.arange(n)) % APART_WINDOWS]
        apart = int((newest < APART).sum())
        alike = int((newest[: KEPT if self.open else NEWEST] >= SAME).sum())
        self.open = apart <= APART_MOST and alike >= (FEW + 1 if self.open else ENOUGH)
        if peak.likeness >= SAME:
            self.level_db = peak.power_db[1] - peak.power_db[0]


class Clipping:
    """Whether the tops of one channel are flat."""

    def __init__(self) -> None:
        self.open = False
        self.top_dbfs = 0.0
        """Where they are."""
        self._counts = np.zeros(_LEVELS)
        self._below = np.zeros(_LEVELS + 1)
        self._peak = 0.0
        self._power = 0.0
        self._blocks = 0
        self._looks = 0

    def hear(self, block: F32, powers: F32) -> None:
        """Take a block of speech, and the power of each of its hops."""
        loudness = np.abs(block)
        peak = float(loudness.max())
        self._peak = max(peak, self._peak * PEAK_FADES)
        if peak < max(FAINT, LOUD * self._peak):
            return
        power, before = float(powers.mean()), self._power
        self._power = power
        if abs(power - before) <= STEADY * before or power < OFFSET * peak * peak:
            return
        loud = powers[powers > 0.5 * powers.max()]
        middle = np.sort(loud)[len(loud) // 2]
        even = int((np.abs(loud - middle) <= EVEN * middle).sum())
        if len(loud) < LOUD_HOPS or 4 * even >= 3 * len(loud):
            return
        # Below this nothing is looked at; the log is what costs.
        loudness = loudness[loudness > 0.3 * peak]
        bins = (np.log(loudness) * -_STEPS_PER_NEPER).astype(np.int64) + _ABOVE
        np.clip(bins, 0, _LEVELS - 1, out=bins)
        self._counts *= FADES
        self._counts += np.bincount(bins, minlength=_LEVELS)
        self._blocks += 1

    def look(self) -> None:
        """Judge; every `STEP` updates, where there was speech."""
        if self._blocks < CLIP_WARM:
            return
        pile, bump = self._tests()
        said = pile < UNPILED and bump < UNBUMPED if self.open else pile >= PILE or bump >= BUMP
        self._looks = self._looks + 1 if said else 0
        if self._looks >= (CLIP_LEAVE if self.open else CLIP_ENTER):
            self.open, self._looks = not self.open, 0

    def _tests(self) -> tuple[float, float]:
        """Return how far amplitudes pile up at the top, and in a bump below it; 0 for too few."""
        below = self._below
        np.cumsum(self._counts, out=below[1:])
        # A click or two are no top.
        top = max(0, int(np.searchsorted(below, 2.0)) - 1)
        top = min(top, _LEVELS - BUMP_DEPTH - 80)
        within = float(below[top + 3] - below[top])
        pile = within / (float(below[top + 33] - below[top + 3]) + 1) if within > PILE_MASS else 0.0
        first = np.arange(top, top + BUMP_DEPTH)
        mass = below[first + 20] - below[first]
        density = (below[first + 68] - below[first + 32]) * (20 / 36)
        bumps = np.where(mass >= BUMP_MASS, mass / (density + 1), 0.0)
        self.top_dbfs = 20 * np.log10(np.e) * (_ABOVE - top) / _STEPS_PER_NEPER
        return pile, float(bumps.max())


class Channels:
    """The health of both channels of one call.

    Parameters
    ----------
    speakers
        Whose channels carry anything; the other's is ignored, and nothing is compared with it.
    """

    def __init__(self, speakers: tuple[Speaker, ...] = SPEAKERS) -> None:
        self._speakers = speakers
        self._ring = np.zeros((2, WINDOW), np.float32)
        self._hops = 0
        self._speech = np.zeros((2, _WINDOW_TICKS), np.bool_)
        self._spoke = [False, False]
        self._loudest = [0.0, 0.0]
        self._silent = [0, 0]
        self._dead = [False, False]
        self._correlator = Correlator()
        self._loudest_db = [-100.0, -100.0]
        self._leaks = {s: Leak() for s in SPEAKERS}
        self._copy = Copy()
        self._clipping = {s: Clipping() for s in SPEAKERS}
        self._opened: dict[Speaker, int] = {}
        self._swapped = False
        self._states: dict[Speaker, str] = {}

    @property
    def distrusted(self) -> Mapping[Speaker, str]:
        """The state of each channel that is not to be relied on now."""
        return self._states

    def push(self, samples: F32) -> None:
        """Take one hop of both channels, [2, HOP]."""
        first = self._hops * HOP % WINDOW
        self._ring[:, first : first + HOP] = samples
        self._hops += 1

    def opened(self, speaker: Speaker) -> None:
        """Take that a call was opened, in an agent's words, on a speaker's channel."""
        self._opened.setdefault(speaker, self._hops * HOP)

    def update(self, at: int, speaking: Sequence[bool]) -> list[ChannelState]:
        """Return what changed; to be called every `TICK` hops.

        Parameters
        ----------
        at
            Stream index of now.
        speaking
            Whether each channel is within speech now, by row.

        Raises
        ------
        ValueError
            Where no whole number of `TICK` hops was pushed.
        """
        if self._hops % TICK:
            raise ValueError(f"an update comes every {TICK} hops, not after {self._hops}")
        tick = self._hops // TICK
        self._speech[:, tick % _WINDOW_TICKS] = speaking
        powers = self._levels(TICK)
        first = (self._hops - TICK) * HOP % WINDOW
        for s in self._speakers:
            if speaking[s.row]:
                self._spoke[s.row] = True
                block = self._ring[s.row, first : first + _TICK_SAMPLES]
                self._clipping[s].hear(block, powers[s.row])
        if tick % STEP == 0:
            if len(self._speakers) == 2 and tick >= _WINDOW_TICKS:
                self._correlate(at)
        elif tick % STEP == STEP // 2:
            # Not in one update with the correlation, to spread the work.
            for s in self._speakers:
                if self._spoke[s.row]:
                    self._clipping[s].look()
                    self._spoke[s.row] = False
        self._watch()
        return self._changes(at)

    def finish(self, at: int) -> list[ChannelState]:
        """Return what is known at the end of the stream: a channel that was never alive is dead."""
        self._levels(self._hops % TICK)
        for s in self._speakers:
            self._dead[s.row] |= self._loudest[s.row] < _DEAD
        return self._changes(at)

    def _levels(self, hops: int) -> F32:
        """Follow the level over the newest hops, and return their powers, [2, hops]."""
        first = (self._hops - hops) * HOP % WINDOW
        newest = self._ring[:, first : first + hops * HOP].reshape(2, hops, HOP)
        if not hops:
            return np.zeros((2, 0), np.float32)
        means = newest.mean(axis=2)
        powers = np.asarray(np.einsum("chi,chi->ch", newest, newest) / HOP - means * means)
        for row, loudest in enumerate(powers.max(axis=1).tolist()):
            self._loudest[row] = max(self._loudest[row], loudest)
            self._silent[row] = 0 if loudest > _SILENT else self._silent[row] + hops * HOP
            if self._dead[row] and loudest >= _DEAD:
                self._dead[row] = False
        return powers

    def _watch(self) -> None:
        """See what needs no sound: silence, and who opened the call."""
        now = self._hops * HOP
        for row in range(2):
            never = self._loudest[row] < _DEAD and now >= DEAD_AFTER
            self._dead[row] |= never or self._silent[row] >= SILENT_AFTER
        heard = self._opened.get(Speaker.CUSTOMER)
        both = self._copy.open or self._leaks[Speaker.AGENT].open
        if heard is None or Speaker.AGENT in self._opened:
            self._swapped = False
        elif not both and now - heard >= GRACE:
            self._swapped = len(self._speakers) == 2

    def _correlate(self, at: int) -> None:
        spoken = self._speech.sum(axis=1) * 2 >= _WINDOW_TICKS
        if not spoken.any():
            return
        peak = self._correlator.hear(self._ring, self._hops * HOP % WINDOW)
        there = [False, False]
        for row, level in enumerate(peak.power_db):
            if spoken[row] and level >= QUIET_DBFS:
                loudest = max(level, self._loudest_db[row] - PRESENT_FADES_DB)
                self._loudest_db[row] = loudest
                there[row] = level >= loudest - PRESENT_DB
        near_db = [x - most for x, most in zip(peak.power_db, self._loudest_db, strict=True)]
        if any(there):
            self._copy.hear(peak)
        for source in SPEAKERS:
            if not there[source.row]:
                continue
            later = peak.delay_s if source is Speaker.CUSTOMER else -peak.delay_s
            # Who leaks is the one whose channel is nearer to its own loudness, however it is set;
            # where neither is by much, the one whose channel is earlier.
            nearer = near_db[source.row] - near_db[source.other.row]
            if nearer < -NEARER_DB or (later < -ALIGNED_S and nearer < NEARER_DB):
                later = float("nan")
            levels = peak.power_db
            over = levels[source.other.row] - levels[source.row]
            self._leaks[source].hear(at, later, over)

    def _judge(self, speaker: Speaker) -> tuple[str, str]:
        """Return the state of a channel, and why."""
        heard, hears = self._leaks[speaker], self._leaks[speaker.other]
        if self._dead[speaker.row]:
            if self._loudest[speaker.row] < _DEAD:
                return "dead", "nothing on it so far"
            return "dead", f"digital silence for {SILENT_AFTER // SAMPLE_RATE} s: muted or lost"
        if self._copy.open:
            gain = self._copy.level_db
            by = "" if abs(gain) < 1 else f", the customer's {abs(gain):.0f} dB "
            by += "" if abs(gain) < 1 else "louder" if gain > 0 else "softer"
            return "copied", f"both channels carry the same signal{by}: a mono recording?"
        if self._swapped:
            return "swapped", "the call was opened in an agent's words on the customer's channel"
        for leak in (hears, heard):
            if leak.open and leak.drifts:
                moved = 1000 * leak.moved_s
                return "drifting", f"the delay of an echo moved by {moved:+.0f} ms: two clocks"
        if hears.open:
            late = f"{max(0.0, 1000 * hears.delay_s):.0f} ms late"
            level = "as loud" if hears.level_db > -1 else f"{-hears.level_db:.0f} dB down"
            what = "customer is heard" if speaker is Speaker.AGENT else "agent's echo is"
            return "bleeding", f"the {what} on it, about {level} and {late}"
        if self._clipping[speaker].open:
            top = self._clipping[speaker].top_dbfs
            return "clipped", f"the tops of loud speech are flat, at {top:.0f} dBFS"
        return "ok", ""

    def _changes(self, at: int) -> list[ChannelState]:
        changes = []
        for speaker in self._speakers:
            state, reason = self._judge(speaker)
            before = self._states.get(speaker, "ok")
            if state == before:
                continue
            if state == "ok":
                del self._states[speaker]
                reason = _OVER[before]
            else:
                self._states[speaker] = state
            changes.append(ChannelState(at=at, speaker=speaker, state=state, reason=reason))
        return changes

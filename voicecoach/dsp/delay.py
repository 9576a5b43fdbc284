"""The delay between two channels that share a sound, by GCC-PHAT.

GCC-PHAT takes the cross spectrum of one second of both channels in the speech band, reduces each
bin to its phase, and transforms it back to a correlation over delays of +-450 ms (Knapp & Carter
1976, "The generalized correlation method for estimation of time delay", IEEE Trans.  ASSP 24(4)).
Cutting the spectrum at 2 kHz is a low pass and decimation in one, without aliasing.  The source's
voice gives one sharp peak through any room.  The other voice only adds noise, so double talk does
little harm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from voicecoach.dsp.spectrum import hann
from voicecoach.types.stream import F32, F64, SAMPLE_RATE

CORRELATION_WINDOW = 16_384
"""Samples correlated at once: 1.024 s."""
_CROP = 4096
_LAG_S = CORRELATION_WINDOW / SAMPLE_RATE / _CROP
"""Seconds of delay between points of the cropped correlation: 0.25 ms."""
_BIN_HZ = SAMPLE_RATE / CORRELATION_WINDOW
_LOW_BIN, _HIGH_BIN = round(250 / _BIN_HZ), round(1800 / _BIN_HZ)
"""The band: above hum, within the telephone band, below half the cropped sample rate."""
_MAX_LAG = round(0.45 / _LAG_S)
_NEAR_PEAK_S = 0.03
"""Seconds around a peak that belong to it (early reflections).  Hum and tones have peaks beyond."""
AUDIBLE_POWER = 1e-4
"""Least power of a bin, relative to the strongest bin (-40 dB): spectral leakage is below."""
PEAK_OVER_RMS = 5.0
"""Least height of the peak, relative to the RMS of the correlation over all delays."""
PEAK_OVER_NEXT = 1.2
"""Least height of the peak, relative to the highest that is not near it."""
COPY_S = 0.02
"""Greatest delay of a copy, seconds."""


class DelayPeak(NamedTuple):
    """The result for one window."""

    delay_s: float
    """Seconds by which the agent's channel is later than the customer's; NaN without a clear
    peak."""
    likeness: float
    """Correlation at that delay, -1..1; 0 if the delay is too long for a copy."""
    power_db: tuple[float, float]
    """Level of the agent's and the customer's channel within the band, dBFS."""


_PHASES = 4
_TURNS = np.exp(
    -2j * np.pi / CORRELATION_WINDOW * np.arange(_LOW_BIN, _HIGH_BIN) * np.arange(_PHASES)[:, None]
).astype(np.complex64)


def _band(frame: F32) -> NDArray[np.complex64]:
    """Return the spectrum of [2, CORRELATION_WINDOW] within the band.

    It is combined from the transforms of every fourth sample, which take half as long as one long
    transform.
    """
    every = frame.reshape(2, -1, _PHASES).transpose(0, 2, 1)
    turned = fft.rfft(every, axis=2)[..., _LOW_BIN:_HIGH_BIN] * _TURNS
    return np.asarray(np.add.reduce(turned, axis=1), np.complex64)


class Correlator:
    """The delay between both channels within a window, by GCC-PHAT."""

    def __init__(self) -> None:
        self._taper = hann(CORRELATION_WINDOW)
        self._frame = np.zeros((2, CORRELATION_WINDOW), np.float32)
        self._phases = np.zeros(_CROP // 2 + 1, np.complex64)
        self._omega = 2j * np.pi * _BIN_HZ * np.arange(_LOW_BIN, _HIGH_BIN)
        self._to_dbfs = 10 * np.log10(
            2 / (CORRELATION_WINDOW * np.sum(self._taper.astype(np.float64) ** 2))
        )
        self._whole = np.zeros(2 * _MAX_LAG + 1, np.float32)

    def measure_delay(self, ring: F32, oldest: int) -> DelayPeak:
        """Return the delay between the channels in a ring buffer.

        Parameters
        ----------
        ring
            [2, CORRELATION_WINDOW], the agent's channel first.
        oldest
            Index of the oldest sample.
        """
        frame, n = self._frame, CORRELATION_WINDOW - oldest
        frame[:, :n], frame[:, n:] = ring[:, oldest:], ring[:, :oldest]
        frame -= np.add.reduce(frame, axis=1, keepdims=True) / np.float32(CORRELATION_WINDOW)
        frame *= self._taper
        agent, customer = _band(frame)
        powers = np.stack([np.abs(agent), np.abs(customer)]) ** 2
        total = powers.sum(axis=1, dtype=np.float64)
        if total.min() <= 0:
            return DelayPeak(float("nan"), 0.0, self._band_levels(total))
        cross = agent * np.conj(customer)
        strength = np.abs(cross)
        audible = (powers > AUDIBLE_POWER * powers.max(axis=1, keepdims=True)).all(axis=0) & (
            strength > 0
        )
        band = self._phases[_LOW_BIN:_HIGH_BIN]
        band[:] = 0
        np.divide(cross, strength, out=band, where=audible)
        correlation = fft.irfft(self._phases)
        whole = self._whole
        whole[:_MAX_LAG], whole[_MAX_LAG:] = correlation[-_MAX_LAG:], correlation[: _MAX_LAG + 1]
        top = int(whole.argmax())
        best, rms = float(whole[top]), float(np.sqrt(np.mean(whole * whole)))
        delay = self._interpolate_delay(top)
        near = round(_NEAR_PEAK_S / _LAG_S)
        whole[max(0, top - near) : top + near + 1] = 0
        if best < PEAK_OVER_RMS * rms or best < PEAK_OVER_NEXT * float(whole.max()):
            return DelayPeak(float("nan"), 0.0, self._band_levels(total))
        likeness = 0.0
        if abs(delay) <= COPY_S:
            at_delay = float(np.vdot(np.exp(-self._omega * delay), cross).real)
            likeness = at_delay / float(np.sqrt(total.prod()))
        return DelayPeak(delay, likeness, self._band_levels(total))

    def _interpolate_delay(self, top: int) -> float:
        """Return the delay of the peak at point `top` in seconds, by a parabola through it."""
        delay = float(top - _MAX_LAG)
        if 0 < top < 2 * _MAX_LAG:
            before, at, after = (float(x) for x in self._whole[top - 1 : top + 2])
            delay += 0.5 * (before - after) / min(before - 2 * at + after, -1e-9)
        return delay * _LAG_S

    def _band_levels(self, total: F64) -> tuple[float, float]:
        agent, customer = 10 * np.log10(np.maximum(total, 1e-12)) + self._to_dbfs
        return float(agent), float(customer)

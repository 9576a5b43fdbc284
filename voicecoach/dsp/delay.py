"""The delay between two channels that share a sound, by GCC-PHAT.

The cross spectrum of a second of both channels within speech's band, each bin reduced to its phase
(Knapp & Carter 1976, "The generalized correlation method for estimation of time delay", IEEE Trans.
ASSP 24(4)), and back to delays of +-450 ms.  Cutting the spectrum at 2 kHz is low pass and
decimation in one, with no alias.  What the source says comes out as one peak through any room; what
the other says adds noise, so double talk does little harm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from voicecoach.dsp.spectrum import hann
from voicecoach.types.stream import F32, F64, SAMPLE_RATE

CORRELATION_WINDOW = 16_384
"""Samples that are correlated: 1.024 s."""
_CROP = 4096
_LAG_S = CORRELATION_WINDOW / SAMPLE_RATE / _CROP
"""Seconds of delay between points of the cropped correlation: 0.25 ms."""
_BIN_HZ = SAMPLE_RATE / CORRELATION_WINDOW
_LOW_BIN, _HIGH_BIN = round(250 / _BIN_HZ), round(1800 / _BIN_HZ)
"""Bins of the band: above hum, within a telephone's, below half the cropped rate."""
_MAX_LAG = round(0.45 / _LAG_S)
_NEAR_PEAK_S = 0.03
"""Seconds around a peak that belong to it: early reflections; hum and tones have peaks beyond."""
AUDIBLE_POWER = 1e-4
"""Power against the window's strongest bin from which a bin counts (-40 dB): leakage does not."""
PEAK_OVER_RMS = 5.0
"""Of the correlation, against its RMS over all delays."""
PEAK_OVER_NEXT = 1.2
"""The peak against the next that is not near."""
COPY_S = 0.02
"""Greatest delay of a copy."""


class DelayPeak(NamedTuple):
    """What one window says."""

    delay_s: float
    """By how much the agent's channel is later than the customer's; NaN where nothing is common."""
    likeness: float
    """Correlation at that delay, 0 where it is none of a copy."""
    power_db: tuple[float, float]
    """Levels of the agent's and the customer's channel within the band, dBFS."""


_PHASES = 4
_TURNS = np.exp(
    -2j * np.pi / CORRELATION_WINDOW * np.arange(_LOW_BIN, _HIGH_BIN) * np.arange(_PHASES)[:, None]
).astype(np.complex64)


def _band(frame: F32) -> NDArray[np.complex64]:
    """Return the spectrum of [2, WINDOW] within the band.

    It is that of every fourth sample, from each of the first four: short transforms side by side
    take half the time of a long one.
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
        """Return what a ring of `WINDOW` samples of both channels says, from its oldest sample."""
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
        heard = (powers > AUDIBLE_POWER * powers.max(axis=1, keepdims=True)).all(axis=0) & (
            strength > 0
        )
        band = self._phases[_LOW_BIN:_HIGH_BIN]
        band[:] = 0
        np.divide(cross, strength, out=band, where=heard)
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
        """Return the delay of a peak in seconds, between the points where it is."""
        delay = float(top - _MAX_LAG)
        if 0 < top < 2 * _MAX_LAG:
            before, at, after = (float(x) for x in self._whole[top - 1 : top + 2])
            delay += 0.5 * (before - after) / min(before - 2 * at + after, -1e-9)
        return delay * _LAG_S

    def _band_levels(self, total: F64) -> tuple[float, float]:
        agent, customer = 10 * np.log10(np.maximum(total, 1e-12)) + self._to_dbfs
        return float(agent), float(customer)

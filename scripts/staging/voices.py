"""Synthetic voices with known truth: pulse trains filtered by formants.

Tests and benchmarks use them because F0, jitter, shimmer and noise are known exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import signal

from scripts.support.corpora import Samples
from voicecoach.types.stream import SAMPLE_RATE

VOWELS = {
    "a": ((730, 90), (1090, 110), (2440, 170), (3300, 250)),
    "i": ((270, 60), (2290, 100), (3010, 170), (3700, 250)),
    "u": ((300, 60), (870, 100), (2240, 170), (3300, 250)),
}
"""Formant frequencies and bandwidths, Hz (Peterson & Barney 1952, men's means)."""
_HALF = 24
"""Samples on either side of a pulse that its band-limited form covers."""


class Pulses(NamedTuple):
    """A pulse train and the parameters that it was made with."""

    samples: Samples
    jitter: float
    """Local jitter: mean difference of successive periods over their mean."""
    shimmer: float
    """Local shimmer: the same for the pulses' amplitudes."""


def pulses(
    f0_hz: float | Samples, seconds: float, jitter: float = 0.0, shimmer: float = 0.0, seed: int = 0
) -> Pulses:
    """Return a band-limited pulse train.

    Parameters
    ----------
    f0_hz
        One value, or one per sample.
    seconds
        Length.
    jitter, shimmer
        Approximate local jitter and shimmer; the result holds the exact values.
    seed
        Seed of the random jitter and shimmer.
    """
    rng = np.random.default_rng(seed)
    n = round(seconds * SAMPLE_RATE)
    f0 = np.broadcast_to(np.asarray(f0_hz, np.float64), n)
    times, amplitudes, t = [], [], 0.5 * SAMPLE_RATE / f0[0]
    while t < n - 1:
        times.append(t)
        # The mean difference of two independent uniform values on -1..1 is 2/3.
        amplitudes.append(1.0 + 1.5 * shimmer * rng.uniform(-1, 1))
        t += SAMPLE_RATE / f0[int(t)] * (1.0 + 1.5 * jitter * rng.uniform(-1, 1))
    at, size = np.array(times), np.array(amplitudes)
    x = np.zeros(n + 2 * _HALF)
    offsets = np.arange(-_HALF, _HALF + 1)
    window = np.cos(np.pi * offsets / (2 * _HALF + 2)) ** 2
    for moment, amplitude in zip(at, size, strict=True):
        whole = int(np.floor(moment))
        away = offsets - (moment - whole)
        x[whole : whole + 2 * _HALF + 1] += amplitude * window * 0.9 * np.sinc(0.9 * away)
    periods = np.diff(at)
    return Pulses(
        x[_HALF : _HALF + n],
        float(np.mean(np.abs(np.diff(periods))) / np.mean(periods)),
        float(np.mean(np.abs(np.diff(size))) / np.mean(size)),
    )


def vowel(source: Samples, name: str = "a", level: float = 0.1) -> Samples:
    """Return a source filtered by a vowel's formants and a glottal tilt, at RMS `level`."""
    x = signal.lfilter([1.0], [1.0, -0.9], source)
    for hz, width in VOWELS[name]:
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        x = signal.lfilter(
            [1.0], [1.0, -2 * radius * np.cos(2 * np.pi * hz / SAMPLE_RATE), radius**2], x
        )
    return np.asarray(x * level / np.sqrt(np.mean(x * x)))


def with_noise(x: Samples, hnr_db: float, seed: int = 0) -> Samples:
    """Return a voice with noise of the same spectrum added, `hnr_db` below it."""
    rng = np.random.default_rng(seed)
    size = np.abs(np.fft.rfft(x))
    smooth = np.sqrt(np.convolve(size**2, np.ones(401) / 401, "same"))
    phase = np.exp(2j * np.pi * rng.uniform(size=len(size)))
    noise = np.fft.irfft(smooth * phase, len(x))
    noise *= np.sqrt(np.mean(x * x) / np.mean(noise * noise)) * 10 ** (-hnr_db / 20)
    return np.asarray(x + noise)


def laughter(rng: np.random.Generator, bouts: int = 60) -> Samples:
    """Return synthetic laughter: bouts of breathy vowels, 5 a second, falling in pitch and level.

    Source: Bachorowski et al. 2001, "The acoustic features of human laughter", J. Acoust. Soc. Am.
    110(3).
    """
    parts = []
    for _ in range(bouts):
        pitch = rng.choice([180.0, 260.0]) * 2 ** rng.uniform(0.0, 1.0)
        for i in range(int(rng.integers(3, 10))):
            f0 = pitch * 2 ** (-0.08 * i)
            train = pulses(f0, 0.11, 0.03, 0.15, seed=int(rng.integers(1 << 30)))
            note = vowel(train.samples)
            breath = 0.02 * rng.standard_normal(round(0.09 * SAMPLE_RATE))
            parts += [note * np.hanning(len(note)) * 0.9**i, breath]
        parts.append(np.zeros(round(rng.uniform(0.5, 2.0) * SAMPLE_RATE)))
    return np.concatenate(parts)

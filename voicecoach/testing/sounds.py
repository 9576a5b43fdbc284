"""Makes sounds with known pitch, loudness and rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicecoach.types.stream import F32, HOP, SAMPLE_RATE

NOTES = {"do": 300, "re": 400, "mi": 500, "fa": 600, "so": 700, "la": 800, "ti": 900}
"""The words that `notes` says, and the frequency of each, Hz."""


def whole_hops(s: float) -> int:
    """Return a time in seconds as samples, rounded to whole hops."""
    return round(s * SAMPLE_RATE / HOP) * HOP


def sine(f0: float, s: float, level: float = 0.1) -> F32:
    """Return a sine of peak `level`."""
    t = np.arange(whole_hops(s)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * f0 * t)).astype(np.float32)


def notes(text: str, s: float = 0.2, gap_s: float = 0.1) -> F32:
    """Return a sine of `s` seconds for each word of a text (see `NOTES`), and `gap_s` after each.

    A `NoteTranscriber` hears the words.
    """
    pause = silence(gap_s)
    return np.concatenate([part for word in text.split() for part in (sine(NOTES[word], s), pause)])


def vowel(f0: float | NDArray[np.float64], s: float, level: float = 0.1) -> F32:
    """Return a vowel-like sound: harmonics up to 4 kHz that fall by 6 dB an octave.

    `f0` is one value or one for each sample; the RMS is `level`.
    """
    n = whole_hops(s)
    track = np.broadcast_to(f0, n)
    phase = 2 * np.pi * np.cumsum(track) / SAMPLE_RATE
    count = int(4000 / track.max())
    sound = sum(np.sin(k * phase) / k for k in range(1, count + 1))
    return np.asarray(level * sound / np.sqrt(np.mean(np.square(sound))), np.float32)


def syllables(f0: float, rate: float, s: float, level: float = 0.1) -> F32:
    """Return a `vowel` that swells and fades `rate` times a second."""
    sound = vowel(f0, s, level)
    t = np.arange(len(sound)) / SAMPLE_RATE
    swell = 10 ** (-(1 + np.cos(2 * np.pi * rate * t)) * 12 / 20)
    return (sound * swell).astype(np.float32)


def wavering(sound: F32, seed: int = 0) -> F32:
    """Return a sound whose loudness varies by 3 dB, as a voice's; a constant one is clipped."""
    rng = np.random.default_rng(seed)
    at = np.arange(0, len(sound) + 1600, 1600)
    gain_db = np.interp(np.arange(len(sound)), at, rng.normal(-3.0, 3.0, len(at)))
    return (sound * 10 ** (gain_db / 20)).astype(np.float32)


def white_noise(s: float, level: float, seed: int = 0) -> F32:
    """Return white noise of RMS `level`."""
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(whole_hops(s))).astype(np.float32)


def silence(s: float) -> F32:
    """Return digital silence."""
    return np.zeros(whole_hops(s), np.float32)


def stereo(agent: F32, customer: F32) -> F32:
    """Return both channels as [2, n], the shorter one padded with silence."""
    out = np.zeros((2, max(len(agent), len(customer))), np.float32)
    out[0, : len(agent)], out[1, : len(customer)] = agent, customer
    return out

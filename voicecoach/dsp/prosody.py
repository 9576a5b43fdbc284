"""The prosody extractor: blocks in, one column of low-level descriptors per hop out.

All that depends on one frame alone is computed for the whole block and both channels in one
numpy call; what carries state from hop to hop (the pitch path, the syllable counter) runs hop by
hop over the small results.  Row transforms and row sums are bit-identical however many rows are
given, so a block of 16 hops gives what 16 blocks of one hop give.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from voicecoach.dsp import level, pitch, voice
from voicecoach.dsp.framing import Framer
from voicecoach.dsp.syllables import SyllableCounter
from voicecoach.types import F32, HOP

_SYLLABLE_BAND = level.band(300, 2500)


class ProsodyFrames(NamedTuple):
    """Descriptors of n hops of both channels; every array is [2, n]."""

    f0_hz: F32
    """Fundamental frequency, Hz, 60..500, NaN where unvoiced."""
    voicing: F32
    """Probability of voiced, 0..1."""
    level_dbfs: F32
    """RMS of the hop, dBFS, -100..0."""
    alpha_ratio_db: F32
    """Energy 1-5 kHz over 50-1000 Hz, dB."""
    hnr_db: F32
    """Harmonics-to-noise ratio, dB, -20..40, NaN where unvoiced."""
    nucleus: NDArray[np.bool_]
    """A syllable nucleus became certain at this hop."""


class ProsodyExtractor:
    """Streaming extractor for both channels of a call."""

    def __init__(self) -> None:
        self._framer = Framer(pitch.FRAME)
        self._window = pitch.hann(pitch.FRAME)
        self._tracker = pitch.PitchTracker()
        self._syllables = SyllableCounter()

    def reset(self) -> None:
        """Return to the state of a new stream."""
        self._framer.reset()
        self._tracker.reset()
        self._syllables.reset()

    def process(self, samples: F32) -> ProsodyFrames:
        """Return the descriptors of `samples` [2, n * HOP], full scale 1.0."""
        n = samples.shape[1] // HOP
        frames = self._framer.push(samples)
        spectrum = fft.rfft(frames * self._window, pitch.NFFT, axis=-1)
        power = spectrum.real**2 + spectrum.imag**2
        f0, strength = pitch.candidates(power)
        frame_db = level.decibels(power.sum(axis=-1))
        band_db = level.decibels(power[..., _SYLLABLE_BAND].sum(axis=-1))
        f0_hz, voicing = self._tracker.process(f0, strength, frame_db)
        return ProsodyFrames(
            f0_hz=f0_hz,
            voicing=voicing,
            level_dbfs=level.level_dbfs(samples.reshape(2, n, HOP)),
            alpha_ratio_db=level.alpha_ratio_db(power),
            hnr_db=voice.hnr_db(pitch.periodicity(power), f0_hz),
            nucleus=self._syllables.process(band_db, f0_hz == f0_hz),
        )

"""The prosody extractor: turns samples into one column of low-level descriptors per hop.

Descriptors that depend on one frame are computed for all frames and channels of a block in one
numpy call; only the recursion of the pitch filter runs hop by hop.  Row transforms and sums over
the last axis are bit-identical whatever the number of rows, so a block of 16 hops gives the same
values as 16 blocks of one hop.

In a live call, where a block is one hop, the cost is the number of numpy calls.  Estimates and cues
are computed once per group of hops, so the extractor waits for a whole group and describes it at
once.  With a group of one, each hop is described as it comes, with the same values bit for bit.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from voicecoach.dsp import pitch, spectrum, voice
from voicecoach.dsp.framing import Framer
from voicecoach.dsp.level import ActiveLevel
from voicecoach.dsp.spectrum import BANDS, FRAME
from voicecoach.dsp.syllables import SyllableDensity
from voicecoach.errors import ModelError
from voicecoach.types.stream import F32, HOP, MAX_HOPS, FileContents

GROUP_HOPS = 8
"""Hops described together: 128 ms."""


class ProsodyFrames(NamedTuple):
    """Descriptors of n hops, one column per hop; every array but the last is [channels, n].

    A column describes the frame that ends with its hop, and is centred `spectrum.CENTRE` samples
    (24 ms) before that end.  The syllables are of the hop `syllables.HOPS_AHEAD` hops earlier.
    """

    f0_hz: F32
    """Fundamental frequency, Hz, 60..500, NaN if unvoiced."""
    f0_semitones: F32
    """F0 in semitones above 27.5 Hz (as in GeMAPS), 13..51, NaN if unvoiced."""
    voicing: F32
    """Probability of voiced, 0..1; voiced from `pitch.VOICED_FROM`."""
    level_dbfs: F32
    """Level of the frame, dBFS, -100..0."""
    active_level_dbfs: F32
    """Active speech level since the stream began (ITU-T P.56), dBFS, -100..0."""
    loudness: F32
    """Loudness (Stevens' law over critical bands), arbitrary unit, 0 or more."""
    alpha_ratio_db: F32
    """Energy 1-5 kHz over 50-1000 Hz, dB, -100..100."""
    hammarberg_db: F32
    """Strongest bin below 2 kHz over the strongest in 2-5 kHz, dB, -100..100."""
    slope_low_db_khz: F32
    """Slope of the spectrum in 50-500 Hz, dB per kHz."""
    slope_middle_db_khz: F32
    """Slope of the spectrum in 500-1500 Hz, dB per kHz."""
    centroid_hz: F32
    """Centre of gravity of the spectrum, Hz, 0..8000."""
    flux: F32
    """Change of the shape of the spectrum since the frame before, 0..1.42."""
    hnr_db: F32
    """Harmonics-to-noise ratio, dB, -20..40, NaN if unvoiced."""
    jitter: F32
    """Local jitter, 0..0.4, NaN if unvoiced or without successive cycles."""
    shimmer: F32
    """Local shimmer, 0..2, NaN if unvoiced or without successive cycles."""
    syllables: F32
    """Expected syllable nuclei, 0..1; their sum is a count."""
    cepstrum_db: F32
    """Cepstral coefficients of the bands in 300-3150 Hz, dB, [CEPSTRA, channels, n]."""


def load_weights(file: FileContents) -> Mapping[str, F32]:
    """Read the weights of the pitch and syllable networks.

    Raises
    ------
    ModelError
        If the file is not an npz file of arrays.
    """
    try:
        with np.load(io.BytesIO(file.data), allow_pickle=False) as weights:
            return {name: weights[name] for name in weights.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as e:
        raise ModelError(f"{file.name}: not a usable prosody model: {e}") from e


class ProsodyExtractor:
    """Streaming extractor for channels that advance together, of one call or of many.

    Parameters
    ----------
    weights
        From `load_weights`.
    channels
        Number of channels.
    group
        Hops described together, 1 to `MAX_HOPS`.
    """

    def __init__(
        self, weights: Mapping[str, F32], channels: int = 2, group: int = GROUP_HOPS
    ) -> None:
        self.group, self.weights = group, weights
        self._framer = Framer(FRAME, channels=channels)
        self._features = pitch.FrameFeatures(channels)
        self._tracker = pitch.PitchTracker(weights, channels)
        self._active = ActiveLevel(channels)
        self._syllables = SyllableDensity(weights, channels)
        self._waiting = np.zeros((channels, (group - 1 + MAX_HOPS) * HOP), np.float32)
        self._held = 0
        self._last_bands = np.zeros((channels, 1, BANDS), np.float32)

    def reset(self) -> None:
        """Return to the state of a new stream."""
        for stage in (self._framer, self._features, self._tracker, self._active, self._syllables):
            stage.reset()
        self._held = 0
        self._last_bands[:] = 0.0

    def process(self, samples: F32) -> ProsodyFrames | None:
        """Add `samples` [channels, n * HOP], full scale 1.0, n up to `MAX_HOPS`.

        Returns
        -------
        frames
            Descriptors of the groups that are now complete, in order; None if none is.
        """
        waiting, held, size = self._waiting, self._held, self.group * HOP
        end = held + samples.shape[1]
        whole = end // size * size
        if not held and whole == end:
            return self._describe(samples)
        waiting[:, held:end] = samples
        self._held = end - whole
        if not whole:
            return None
        frames = self._describe(waiting[:, :whole])
        waiting[:, : self._held] = waiting[:, whole:end].copy()
        return frames

    def _describe(self, samples: F32) -> ProsodyFrames:
        frames = self._framer.push(samples)
        power = spectrum.power_spectrum(frames)
        bands = spectrum.band_power(power)
        level = spectrum.level_dbfs(bands)
        found = pitch.pitch_candidates(power)
        features = self._features.process(frames, bands, level, found.strongest)
        f0, voicing = self._tracker.process(found, features)
        with_last = np.concatenate([self._last_bands, bands], axis=1)
        self._last_bands = with_last[:, -1:]
        low, middle = spectrum.slopes_db_khz(power)
        hnr, jitter, shimmer = _voice_quality(frames, power, f0)
        return ProsodyFrames(
            f0_hz=f0,
            f0_semitones=semitones(f0),
            voicing=voicing,
            level_dbfs=level,
            active_level_dbfs=self._active.process(samples),
            loudness=spectrum.loudness(bands),
            alpha_ratio_db=spectrum.alpha_ratio_db(bands),
            hammarberg_db=spectrum.hammarberg_db(power),
            slope_low_db_khz=low,
            slope_middle_db_khz=middle,
            centroid_hz=spectrum.centroid_hz(bands),
            flux=spectrum.flux(with_last),
            hnr_db=hnr,
            jitter=jitter,
            shimmer=shimmer,
            syllables=self._syllables.process(features, voicing),
            cepstrum_db=spectrum.cepstrum_db(bands),
        )


def _voice_quality(frames: F32, power: F32, f0_hz: F32) -> F32:
    """Return HNR, jitter and shimmer, [3, channels, n], NaN if unvoiced."""
    out = np.full((3, *f0_hz.shape), np.nan, np.float32)
    voiced = f0_hz == f0_hz
    if voiced.any():
        f0 = f0_hz[voiced]
        lengths, amplitudes = voice.cycles(frames[voiced], f0)
        out[0, voiced] = voice.hnr_db(power[voiced], f0)
        out[1, voiced] = voice.variation(lengths)
        out[2, voiced] = voice.variation(amplitudes)
    return out


SEMITONE_REFERENCE_HZ = 27.5
"""Zero of the semitone scale (GeMAPS' F0semitoneFrom27.5Hz)."""


def semitones(f0_hz: F32) -> F32:
    """Return F0 in semitones above `SEMITONE_REFERENCE_HZ`."""
    return np.asarray(12.0 * np.log2(f0_hz / np.float32(SEMITONE_REFERENCE_HZ)), np.float32)

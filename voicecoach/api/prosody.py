"""The public functions for voice descriptors, for audio of any length, rate and channel count."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import soxr
from numpy.typing import ArrayLike

from voicecoach.dsp import prosody as core
from voicecoach.dsp.prosody import ProsodyFrames, load_weights
from voicecoach.dsp.spectrum import CENTRE, CEPSTRA
from voicecoach.errors import InputError
from voicecoach.shell.runtime.audio_files import MAX_RATE, MIN_RATE, MOST_CHANNELS
from voicecoach.shell.runtime.resources import prosody_model
from voicecoach.types.stream import F32, F64, HOP, MAX_AMPLITUDE, MAX_HOPS, SAMPLE_RATE


class ProsodyTrack(ProsodyFrames):
    """Descriptors of n frames, one every 16 ms, as named arrays.

    Arrays are [n] if the audio was one channel [samples], else [channels, n]; `cepstrum_db` has
    its coefficients on an extra first axis.  Units and ranges are given with each array.  A value
    that does not exist, such as the F0 of silence, is NaN.
    """

    times: F64
    """[n], seconds from the beginning of the audio to the middle of each frame of 48 ms; the first
    is -0.008.  `syllables` refer to the time 80 ms earlier."""


class ProsodyExtractor:
    """Computes the descriptors of a stream, in chunks of any size.

    The values do not depend on the chunk sizes and equal those of `prosody`, bit for bit.

    Parameters
    ----------
    sr
        Sample rate of the chunks, Hz, 4,000 to 192,000; any rate but 16,000 is resampled.
    channels
        None for chunks of one channel, [n]; else the number of channels in chunks [channels, n].
    weights
        Weights of the two small networks, by name.  Default: those that ship with voicecoach.

    Raises
    ------
    InputError
        If the rate or the number of channels is not supported.
    ModelError
        If the shipped weights are missing or are not the released ones.

    Examples
    --------
    >>> import numpy as np
    >>> import voicecoach as vc
    >>> t = np.arange(vc.SAMPLE_RATE) / vc.SAMPLE_RATE
    >>> voice = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 20)) / 20
    >>> extractor = vc.ProsodyExtractor()
    >>> [len(extractor.process(chunk).times) for chunk in np.split(voice, 4)]
    [15, 16, 15, 16]
    >>> len(extractor.flush().times)  # the rest, padded to a whole frame
    1
    """

    def __init__(
        self,
        sr: float = SAMPLE_RATE,
        channels: int | None = None,
        weights: Mapping[str, F32] | None = None,
    ) -> None:
        if not MIN_RATE <= sr <= MAX_RATE:
            raise InputError(f"the sample rate is {sr} Hz: {MIN_RATE} to {MAX_RATE} are read")
        if channels is not None and not 1 <= channels <= MOST_CHANNELS:
            raise InputError(
                f"{channels} channels: 1 to {MOST_CHANNELS} are read, as [channels, samples]; "
                "transpose what is [samples, channels]"
            )
        self._rate, self._channels = sr, channels
        rows = channels or 1
        self._extractor = core.ProsodyExtractor(weights or _shipped_weights(), rows, group=1)
        self.reset()

    def reset(self) -> None:
        """Discard the stream and begin a new one.

        Examples
        --------
        >>> import numpy as np
        >>> import voicecoach as vc
        >>> extractor = vc.ProsodyExtractor()
        >>> first = extractor.process(np.full(512, 0.5))
        >>> extractor.reset()
        >>> bool(extractor.process(np.zeros(512)).level_dbfs.max() == -100)
        True
        """
        rows = self._channels or 1
        self._extractor.reset()
        self._resampler = (
            None
            if self._rate == SAMPLE_RATE
            else soxr.ResampleStream(self._rate, SAMPLE_RATE, rows, dtype="float32", quality="HQ")
        )
        self._pending = np.zeros((rows, 0), np.float32)
        self._described = 0

    def process(self, chunk: ArrayLike) -> ProsodyTrack:
        """Return the descriptors of the frames that a chunk completes; there may be none.

        Parameters
        ----------
        chunk
            [n], or [channels, n]: floating point, full scale 1.0, any n.

        Raises
        ------
        InputError
            If the shape is different, or samples are integers, not finite, or beyond 8 times full
            scale.  The whole chunk is then ignored.

        Examples
        --------
        >>> import numpy as np
        >>> import voicecoach as vc
        >>> extractor = vc.ProsodyExtractor(channels=2)
        >>> extractor.process(np.zeros((2, 16_000))).f0_hz.shape
        (2, 62)
        """
        samples = _checked(chunk, self._channels)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(np.ascontiguousarray(samples.T)).T
        return self._describe(samples)

    def flush(self) -> ProsodyTrack:
        """Return the descriptors of the remaining samples, padded with silence to a whole hop.

        The next chunk begins a new stream, as after `reset`.

        Examples
        --------
        >>> import voicecoach as vc
        >>> extractor = vc.ProsodyExtractor()
        >>> len(extractor.process([0.1, 0.2, 0.3]).times), len(extractor.flush().times)
        (0, 1)
        """
        rows = self._channels or 1
        rest = np.zeros((rows, 0), np.float32)
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(np.zeros((0, rows), np.float32), last=True).T
        size = self._pending.shape[1] + rest.shape[1]
        padding = np.zeros((rows, -size % HOP), np.float32)
        track = self._describe(np.concatenate([rest, padding], axis=1))
        self.reset()
        return track

    def _describe(self, samples: F32) -> ProsodyTrack:
        held = np.concatenate([self._pending, samples], axis=1)
        whole = held.shape[1] // HOP * HOP
        self._pending = held[:, whole:].copy()
        parts = [
            self._extractor.process(np.ascontiguousarray(held[:, at : min(at + _STEP, whole)]))
            for at in range(0, whole, _STEP)
        ]
        first, self._described = self._described, self._described + whole // HOP
        frames = [part for part in parts if part] or [_no_frames(len(held))]
        columns = [np.concatenate(arrays, axis=-1) for arrays in zip(*frames, strict=True)]
        if self._channels is None:
            columns = [array[..., 0, :] for array in columns]
        track = ProsodyTrack(*columns)
        track.times = ((np.arange(first, self._described) + 1) * HOP - CENTRE) / SAMPLE_RATE
        return track


def prosody(y: ArrayLike, sr: float = SAMPLE_RATE) -> ProsodyTrack:
    """Return the descriptors of a recording: pitch, level, spectrum and quality of the voice.

    The values are causal: they use only audio up to the end of each frame, as in a live call.

    Parameters
    ----------
    y
        [n], or [channels, n] as in librosa: floating point, full scale 1.0, any n.  The last
        frame is padded with silence.
    sr
        Sample rate, Hz, 4,000 to 192,000; any rate but 16,000 is resampled to 16,000.

    Returns
    -------
    track
        Named arrays with a value every 16 ms, [n] or [channels, n], and their `times`, seconds;
        empty if `y` is empty.

    Raises
    ------
    InputError
        If the shape or rate is not supported, or samples are integers, not finite, or beyond 8
        times full scale.
    ModelError
        If the shipped weights are missing or are not the released ones.

    Examples
    --------
    >>> import numpy as np
    >>> import voicecoach as vc
    >>> t = np.arange(8000) / 8000
    >>> y = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 20)) / 20
    >>> track = vc.prosody(y, sr=8000)
    >>> len(track.times), round(float(track.times[0]), 3)
    (63, -0.008)
    >>> round(float(np.nanmedian(track.f0_hz)))
    150
    """
    samples = np.asarray(y)
    extractor = ProsodyExtractor(sr, None if samples.ndim < 2 else len(samples))
    whole, rest = extractor.process(samples), extractor.flush()
    track = ProsodyTrack(*(np.concatenate(pair, axis=-1) for pair in zip(whole, rest, strict=True)))
    track.times = np.concatenate([whole.times, rest.times])
    return track


_STEP = MAX_HOPS * HOP


def _checked(y: ArrayLike, channels: int | None) -> F32:
    """Return audio as float32 [channels, n], with 1 channel if `channels` is None.

    Raises
    ------
    InputError
        If `process` does not accept the audio.
    """
    samples = np.asarray(y)
    kind = samples.dtype
    if kind.kind in "iu":
        full = np.iinfo(kind).max + 1
        raise InputError(f"samples are {kind}: divide them by {full}, so that full scale is 1.0")
    if kind.kind != "f":
        raise InputError(f"samples are {kind}: floating point with full scale 1.0 is needed")
    if samples.ndim != (1 if channels is None else 2):
        wanted = "[samples]" if channels is None else f"[{channels}, samples]"
        raise InputError(f"audio is {wanted}, not {list(samples.shape)}")
    rows = samples[None] if channels is None else samples
    if channels is not None and len(rows) != channels:
        raise InputError(f"audio is [{channels}, samples], not {list(samples.shape)}")
    if not np.abs(rows).max(initial=0.0) <= MAX_AMPLITUDE:
        if not np.isfinite(rows).all():
            raise InputError("samples are not all numbers (NaN or infinite): replace those by 0.0")
        raise InputError(
            f"samples are more than {MAX_AMPLITUDE:.0f} times full scale: scale them to -1..1"
        )
    return np.asarray(rows, np.float32)


def _no_frames(channels: int) -> ProsodyFrames:
    empty = np.zeros((channels, 0), np.float32)
    cepstrum = np.zeros((CEPSTRA, channels, 0), np.float32)
    return ProsodyFrames._make([*[empty] * (len(ProsodyFrames._fields) - 1), cepstrum])


@cache
def _shipped_weights() -> Mapping[str, F32]:
    return load_weights(prosody_model())

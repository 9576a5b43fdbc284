"""Makes an MP3 and waveform peaks from a recording.

Both are made from the call's own stream, so they are on the time line of its log.  The MP3 has a
constant bit rate, and its header gives the encoder delay: browsers then seek to the exact sample,
however long the call is.
"""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from voicecoach.errors import OutputError
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.types.stream import F32, SAMPLE_RATE

MP3_COMPRESSION = 0.8
"""libsndfile's compression level: 40 kbit/s at 16 kHz, the lowest whose header gives the delay."""
SAMPLES_PER_PEAK = SAMPLE_RATE // 50
"""Samples for which a peak is the maximum: 20 ms."""
FULL_HEIGHT_PERCENTILE, MIN_FULL_HEIGHT = 99.9, 0.05
"""Percentile of peaks scaled to full height, and its least value: silence is not amplified."""


class ReportSound(NamedTuple):
    """Waveform and MP3 of a recording."""

    duration_s: float
    peaks: NDArray[np.uint8]
    """[speakers, n]; 255 is full height."""
    mp3: bytes
    """MP3 of the same channels; empty if not wanted."""


def prepare_sound(call: RecordedCall, *, mp3: bool) -> ReportSound:
    """Return the waveform and MP3 of a recording.

    Raises
    ------
    AudioFileError
        As `RecordedCall.blocks` does.
    OutputError
        If this libsndfile cannot write MP3.
    """
    rows = [speaker.row for speaker in call.speakers]
    file = io.BytesIO()
    peaks: list[F32] = []
    pending = np.zeros((len(rows), 0), np.float32)
    samples = 0
    encoder = _mp3_encoder(file, len(rows)) if mp3 else None
    try:
        for block in call.blocks():
            part = block.samples[rows]
            samples += part.shape[1]
            if encoder:
                encoder.write(np.ascontiguousarray(part.T))
            pending = np.concatenate([pending, np.abs(part)], axis=1)
            whole = pending.shape[1] // SAMPLES_PER_PEAK * SAMPLES_PER_PEAK
            peaks.append(pending[:, :whole].reshape(len(rows), -1, SAMPLES_PER_PEAK).max(axis=2))
            pending = pending[:, whole:]
    finally:
        if encoder:
            encoder.close()
    if pending.shape[1]:
        peaks.append(pending.max(axis=1, keepdims=True))
    return ReportSound(
        samples / SAMPLE_RATE, _scale_peaks(np.concatenate(peaks, axis=1)), file.getvalue()
    )


def _mp3_encoder(file: io.BytesIO, channels: int) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(
            file,
            "w",
            SAMPLE_RATE,
            channels,
            subtype="MPEG_LAYER_III",
            format="MP3",
            bitrate_mode="CONSTANT",
            compression_level=MP3_COMPRESSION,
        )
    except (soundfile.LibsndfileError, ValueError) as e:
        raise OutputError(f"cannot write MP3 ({e}); use --audio none") from e


def _scale_peaks(peaks: F32) -> NDArray[np.uint8]:
    """Return peaks scaled to full height, separately for each speaker."""
    loud = np.maximum(
        np.percentile(peaks, FULL_HEIGHT_PERCENTILE, axis=1, keepdims=True), MIN_FULL_HEIGHT
    )
    return np.asarray(np.clip(peaks / loud, 0, 1) * 255 + 0.5, np.uint8)

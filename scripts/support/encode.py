"""Encodes sounds with PyAV, in the formats of phones and recorders, for tests and fuzzing."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from av.audio.stream import AudioStream

from voicecoach.types.stream import F32


class Encoding(NamedTuple):
    """A format of recordings."""

    container: str
    codec: str
    rate: int
    """Sample rate of what is encoded, Hz."""
    channels: int = 2


ENCODINGS = {
    "m4a": Encoding("ipod", "aac", 16000),
    "mp4": Encoding("mp4", "aac", 16000),
    "aac": Encoding("adts", "aac", 16000),
    "alac.m4a": Encoding("ipod", "alac", 8000),
    "webm": Encoding("webm", "libopus", 48000),
    "mka": Encoding("matroska", "aac", 16000),
    "mp3": Encoding("mp3", "libmp3lame", 8000),
    "opus": Encoding("ogg", "libopus", 48000),
    "oga": Encoding("ogg", "flac", 8000),
    "wma": Encoding("asf", "wmav2", 16000),
    "amr": Encoding("amr", "libopencore_amrnb", 8000, 1),
    "3gp": Encoding("3gp", "libopencore_amrnb", 8000, 1),
    "g722": Encoding("g722", "g722", 16000, 1),
    "g722.wav": Encoding("wav", "g722", 16000, 1),
    "mp3.wav": Encoding("wav", "libmp3lame", 8000),
}
"""Formats, by the end of their files' names."""


def encode(sound: F32, encoding: Encoding, bit_rate: int = 0) -> bytes:
    """Return a recording of a sound.

    Parameters
    ----------
    sound
        [channels, n], full scale 1.0, at the encoding's sample rate.
    encoding
        Its format.
    bit_rate
        Bits per second; 0 leaves it to the encoder.
    """
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo", 8: "7.1"}[encoding.channels]
    with av.open(file, "w", format=encoding.container) as container:
        stream = container.add_stream(encoding.codec, rate=encoding.rate, layout=layout)
        assert isinstance(stream, AudioStream)
        if bit_rate or encoding.codec == "wmav2":
            stream.bit_rate = bit_rate or 64_000
        packed = np.ascontiguousarray(sound.T, np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts = encoding.rate, 0
        resampler = av.AudioResampler(stream.codec_context.format.name, layout, encoding.rate)
        fifo = av.AudioFifo()
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            fifo.write(part)
        at = 0
        for piece in fifo.read_many(stream.codec_context.frame_size or 1024, partial=True):
            piece.pts, piece.time_base = at, Fraction(1, encoding.rate)
            at += piece.samples
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()

"""Computes what a voice is like, whatever it says, with CAM++ (Apache-2.0), run by onnxruntime.

CAM++ (Wang et al. 2023, "CAM++: A Fast and Efficient Network for Speaker Verification Using
Context-Aware Masking", Interspeech) was trained by its makers to tell 200,000 speakers apart.
Embeddings of one voice have a high cosine, those of two voices a low one.  They hold for one call,
in memory; nothing writes, sends or keeps one.

The front end is Kaldi's: log mel energies of frames of 25 ms each 10 ms, less their mean over the
window, so neither level nor the line's colour counts for much.  All voices over a telephone line
are alike in what the line takes away; so the model subtracts the average voice of the line, which
is narrow if there is next to nothing above 4.2 kHz.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from scipy import fft

from voicecoach.onnx_model import OnnxModel
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, FileContents

WINDOW_HOPS = 95
"""Hops of speech that an embedding is computed from, 1.52 s."""
WINDOW = WINDOW_HOPS * HOP
EMBEDDING = 192
"""Length of an embedding."""
FRAME, FRAME_STEP = SAMPLE_RATE * 25 // 1000, SAMPLE_RATE // 100
FRAMES = (WINDOW - FRAME) // FRAME_STEP + 1
FFT_SIZE = 512
BANDS = 80
LOWEST_HZ = 20.0
PREEMPHASIS = 0.97
LEAST_ENERGY = 1.2e-7
"""Floor of an energy before its logarithm, at full scale 32768."""
NARROW_HZ, NARROW_SHARE = 4200.0, 1e-4
"""On a narrow line, the power above the first value is below this share of all."""
_FULL_SCALE = np.float32(32768.0)


def _mel(hz: F32 | float) -> F32:
    return np.asarray(1127.0 * np.log1p(np.asarray(hz) / 700.0), np.float32)


def _mel_filters() -> F32:
    """Return triangular filters, [FFT_SIZE / 2 + 1, BANDS], of equal width in mel."""
    low, high = float(_mel(LOWEST_HZ)), float(_mel(SAMPLE_RATE / 2))
    edges = np.linspace(low, high, BANDS + 2)
    mel = _mel(np.fft.rfftfreq(FFT_SIZE, 1.0 / SAMPLE_RATE).astype(np.float32))[:, None]
    rising = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


_FILTERS = _mel_filters()
_TAPER = (np.hanning(FRAME) ** 0.85).astype(np.float32)


_ABOVE = round(NARROW_HZ * FFT_SIZE / SAMPLE_RATE)


class VoiceInput(NamedTuple):
    """What the model takes of a window."""

    log_mel: F32
    """[frames, BANDS], less its mean over the frames."""
    narrow: bool
    """Whether the line is narrow."""


def voice_input(samples: F32) -> VoiceInput:
    """Return the model's input for samples [n], n >= FRAME, full scale 1.0."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::FRAME_STEP]
    frames = frames * _FULL_SCALE
    frames -= frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectra = fft.rfft((frames - np.float32(PREEMPHASIS) * before) * _TAPER, FFT_SIZE, axis=1)
    power = spectra.real**2 + spectra.imag**2
    narrow = bool(power[:, _ABOVE:].sum() < NARROW_SHARE * power.sum())
    energies = np.log(np.maximum(power @ _FILTERS, np.float32(LEAST_ENERGY)))
    return VoiceInput(np.asarray(energies - energies.mean(axis=0), np.float32), narrow)


class VoiceEmbedder(Protocol):
    """The voice embedder that the engine calls; it has no state."""

    def process(self, samples: F32) -> F32:
        """Return the embedding, [EMBEDDING], of length 1, of `samples` [WINDOW] of speech."""


class CamPlusPlus:
    """CAM++.

    Parameters
    ----------
    file
        The ONNX file; `scripts/train/voices.py` makes it.

    Raises
    ------
    ModelError
        If onnxruntime cannot load the file.
    """

    def __init__(self, file: FileContents) -> None:
        self._model = OnnxModel(file, "voice embedding")

    def process(self, samples: F32) -> F32:
        """Return the embedding of a window, as `VoiceEmbedder.process`."""
        return embed(self._model, voice_input(samples))


def embed(model: OnnxModel, window: VoiceInput) -> F32:
    """Return the model's embedding of a window, [EMBEDDING]."""
    narrow = np.full((1, 1), window.narrow, np.float32)
    (found,) = model.run(["voice"], {"log_mel": window.log_mel[None], "narrow": narrow})
    embedding: F32 = found[0]
    return embedding

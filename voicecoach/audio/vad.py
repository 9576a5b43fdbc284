"""Computes the speech probability with Silero VAD (MIT), run by onnxruntime.

A window is 512 samples, preceded by the 64 samples before it and followed by 64 of its samples
mirrored.  Silero's model begins with a Fourier transform written as a convolution.  Here scipy
computes that faster, and the model file holds the rest (`scripts/train/vad.py` makes it), with
windows and channels as rows of its matrix products.  Rows depend on each other only through the
recurrent state, so a batch of windows gives the same bits as one window at a time: a replay may
batch.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy import fft

from voicecoach.dsp.framing import Framer, OverlappingBuffer
from voicecoach.dsp.spectrum import hann
from voicecoach.onnx_model import OnnxModel
from voicecoach.types.stream import F32, HOP, MAX_HOPS, SPEAKERS, FileContents, Speaker

VAD_WINDOW = 2 * HOP
"""Samples between successive probabilities."""
VAD_CONTEXT = 64
"""Samples before its window that the model sees."""
STFT_SIZE, STFT_STEP = 256, 128
"""Length of a spectrum's frame and the step between frames, samples."""
STFT_FRAMES = (VAD_CONTEXT + VAD_WINDOW + VAD_CONTEXT - STFT_SIZE) // STFT_STEP + 1
"""Spectra per window."""
STFT_BINS = STFT_SIZE // 2 + 1
_TAPER = hann(STFT_SIZE)
_STATE = 128


class VoiceActivityDetector(Protocol):
    """The voice activity detector that the engine calls."""

    def process(self, samples: F32) -> F32:
        """Return the speech probability, 0..1, [2, n], at each hop of `samples` [2, n * HOP]."""

    def reset(self) -> None:
        """Return to the state of a new stream."""


class SileroVad:
    """Silero on both channels of a call.

    Parameters
    ----------
    file
        The ONNX file.
    speakers
        Speakers who are recorded; the other's probability is 0.

    Raises
    ------
    ModelError
        If onnxruntime cannot load the file.
    """

    def __init__(self, file: FileContents, speakers: tuple[Speaker, ...] = SPEAKERS) -> None:
        self._session = OnnxModel(file, "voice activity")
        self._rows = [speaker.row for speaker in speakers]
        self._framer = Framer(VAD_CONTEXT + VAD_WINDOW, VAD_WINDOW)
        self._held = np.zeros((2, HOP), np.float32)
        windows, length = MAX_HOPS * HOP // VAD_WINDOW, VAD_CONTEXT + VAD_WINDOW + VAD_CONTEXT
        mirrored = np.zeros((windows, len(speakers), length), np.float32)
        self._mirrored = OverlappingBuffer(
            mirrored,
            (windows, len(speakers), STFT_FRAMES, STFT_SIZE),
            (*mirrored.strides[:2], STFT_STEP * mirrored.itemsize, mirrored.itemsize),
        )
        # For each hop, the window whose probability it has; 0 is the last window of the block
        # before.
        self._window_at = (np.arange(MAX_HOPS + 1) + 1) // 2
        self.reset()

    def reset(self) -> None:
        """Return to the state of a new stream."""
        self._framer.reset()
        self._h = self._c = np.zeros((1, len(self._rows), _STATE), np.float32)
        self._newest = np.zeros((1, len(self._rows)), np.float32)
        self._odd = False

    def process(self, samples: F32) -> F32:
        """Return the speech probability at each hop, as `VoiceActivityDetector.process`.

        A hop that completes no window repeats the last window's probability.
        """
        n, odd = samples.shape[1] // HOP, int(self._odd)
        pending = np.concatenate([self._held, samples], axis=1) if odd else samples
        windows = (n + odd) // 2
        speech = self._newest
        if windows:
            spectra = self._magnitudes(self._framer.push(pending[:, : windows * VAD_WINDOW]))
            inputs = {"spectra": spectra, "h": self._h, "c": self._c}
            new, self._h, self._c = self._session.run(None, inputs)
            speech = np.concatenate([self._newest, new])
            self._newest = speech[-1:]
        self._odd = pending.shape[1] > windows * VAD_WINDOW
        if self._odd:
            self._held[:] = pending[:, -HOP:]
        out = np.zeros((2, n), np.float32)
        out[self._rows] = speech[self._window_at[odd : odd + n]].T
        return out

    def _magnitudes(self, frames: F32) -> F32:
        """Return magnitude spectra, [windows, speakers, STFT_FRAMES * STFT_BINS]."""
        windows, mirrored = frames.shape[1], self._mirrored.values[: frames.shape[1]]
        mirrored[..., :-VAD_CONTEXT] = frames[self._rows].transpose(1, 0, 2)
        mirrored[..., -VAD_CONTEXT:] = mirrored[..., -VAD_CONTEXT - 2 : -2 * VAD_CONTEXT - 2 : -1]
        spectra = fft.rfft(self._mirrored.windows[:windows] * _TAPER, axis=-1).view(np.float32)
        np.multiply(spectra, spectra, out=spectra)
        power = spectra[..., 0::2] + spectra[..., 1::2]
        np.sqrt(power, out=power)
        return np.asarray(
            power.reshape(windows, len(self._rows), STFT_FRAMES * STFT_BINS), np.float32
        )

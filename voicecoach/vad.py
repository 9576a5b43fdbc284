"""Speech probability by Silero VAD (MIT), run by onnxruntime.

The model file is Silero's sequence form at 16 kHz: it takes any number of windows at once and
gives, bit for bit, what it gives one window at a time, so a replay may batch what a live call
cannot.  A window is 512 samples with the 64 before it; the state is carried.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from voicecoach.dsp.framing import Framer
from voicecoach.inference import Session
from voicecoach.types import F32, HOP, SPEAKERS, Speaker

WINDOW = 2 * HOP
"""Samples between successive probabilities."""
CONTEXT = 64
"""Samples before its window that the model sees."""
_STATE = (1, 1, 128)


class SpeechProbability(Protocol):
    """What the engine needs of a voice activity detector."""

    def process(self, samples: F32) -> F32:
        """Return the speech probability at each hop of `samples` [2, n * HOP], as [2, n]."""

    def reset(self) -> None:
        """Return to the state of a new stream."""


class SileroVad:
    """Silero on both channels of a call.

    Parameters
    ----------
    path
        The ONNX file.
    speakers
        Whose channels carry anything; the others' probability is 0.

    Raises
    ------
    ModelError
        Where onnxruntime cannot load the file.
    """

    def __init__(self, path: Path, speakers: tuple[Speaker, ...] = SPEAKERS) -> None:
        self._session = Session(path, "voice activity")
        self._rows = [speaker.row for speaker in speakers]
        self._framer = Framer(WINDOW + CONTEXT, WINDOW)
        self._held = np.zeros((2, HOP), np.float32)
        self.reset()

    def reset(self) -> None:
        """Return to the state of a new stream."""
        self._framer.reset()
        self._state = [(np.zeros(_STATE, np.float32), np.zeros(_STATE, np.float32))] * 2
        self._newest = np.zeros(2, np.float32)
        self._odd = False

    def process(self, samples: F32) -> F32:
        """Return the speech probability at each hop, as `SpeechProbability.process`.

        A hop that completes no window repeats the last window's probability.
        """
        n = samples.shape[1] // HOP
        first = 0 if self._odd else 1
        pending = np.concatenate([self._held, samples], axis=1) if self._odd else samples
        windows = pending.shape[1] // WINDOW
        out = np.empty((2, n), np.float32)
        if windows:
            frames = self._framer.push(pending[:, : windows * WINDOW])
        for row in (0, 1):
            at_hop = out[row]
            at_hop[:first] = self._newest[row]
            if windows and row in self._rows:
                h, c = self._state[row]
                inputs = {"input": np.ascontiguousarray(frames[row]), "h": h, "c": c}
                speech, h, c = self._session.run(None, inputs)
                self._state[row] = (h, c)
                at_hop[first:] = np.repeat(speech, 2)[: n - first]
                self._newest[row] = speech[-1]
            else:
                at_hop[first:] = self._newest[row]
        self._odd = pending.shape[1] > windows * WINDOW
        if self._odd:
            self._held[:] = pending[:, -HOP:]
        return out

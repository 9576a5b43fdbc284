"""Gives a recogniser that streams the audio of each utterance, every sample once.

A request has all audio of its utterance so far, and `OpenStreams` knows how much of it has been
heard.  Where that is not the beginning of this very audio (the process was restarted, requests
went to another one, the utterance seemed to be over and goes on), a new stream hears it from the
start.  So the words depend on the audio alone, whatever became of other requests, and a recording
has the same words in any number of processes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from voicecoach.shell.asr.transcriber import (
    RecogniserStream,
    StreamingModel,
    StreamName,
    TranscribedWord,
)
from voicecoach.types.stream import F32, SAMPLE_RATE, Speaker

PIECE = SAMPLE_RATE // 10
"""Audio that a stream hears at once, samples: the same pieces whenever requests come, because the
features and beams of a decoder may depend on where its audio is cut."""


class OpenStream(NamedTuple):
    """A stream that is not finished."""

    name: StreamName
    stream: RecogniserStream
    heard: F32
    """The audio that it has heard, [n * PIECE]."""

    def begins(self, audio: F32, name: StreamName) -> bool:
        """Return whether it has heard the beginning of an utterance's audio.

        The name does not tell: in the next call, other utterances have the same names.
        """
        return name == self.name and np.array_equal(self.heard, audio[: len(self.heard)])


class OpenStreams:
    """A `StreamingTranscriber`: a model with its streams, at most one for each speaker.

    Parameters
    ----------
    model
        Creates the streams.
    """

    def __init__(self, model: StreamingModel) -> None:
        self._model = model
        self._open: dict[Speaker, OpenStream] = {}
        if hasattr(model, "warm_up"):
            self.warm_up = model.warm_up

    def streams(self) -> bool:
        """Return True."""
        return True

    def transcribe_stream(
        self, audio: F32, *, stream: StreamName, ended: bool
    ) -> list[TranscribedWord]:
        """Return all words so far, as `transcriber.StreamingTranscriber` does."""
        # One that fails while it hears is not used again.
        known = self._open.pop(stream.speaker, None)
        if not known or not known.begins(audio, stream):
            known = OpenStream(stream, self._model.create_stream(), audio[:0])
        hears = known.stream
        last = len(audio) - len(audio) % PIECE
        for at in range(len(known.heard), last, PIECE):
            hears.accept_audio(audio[at : at + PIECE])
        if ended:
            if last < len(audio):
                hears.accept_audio(audio[last:])
            return hears.finish()
        self._open[stream.speaker] = known._replace(heard=audio[:last])
        return hears.words()

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return the words after the prefix, from a stream of its own."""
        alone = OpenStreams(self._model)
        words = alone.transcribe_stream(
            audio, stream=StreamName(Speaker.AGENT, 0, 0), ended=careful
        )
        return words[len(prefix.split()) :]

    def restart(self) -> None:
        """Drop all streams."""
        self._open.clear()

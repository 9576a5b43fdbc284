"""A recogniser that streams, whose words are known from the sound, and a check for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from voicecoach.shell.asr.streams import PIECE
from voicecoach.shell.asr.transcriber import SpeechNotUnderstood, StreamingModel, TranscribedWord
from voicecoach.testing.sounds import NOTES, silence
from voicecoach.types.stream import F32, SAMPLE_RATE

FRAME = SAMPLE_RATE // 100
"""Samples of a frame: 10 ms."""
LOUD = 1e-5
"""Mean square of a frame of a note."""
FEWEST_FRAMES = 3
"""Frames of a note before it is a word, and of silence that end it."""


class NoteTranscriber:
    """A `StreamingModel` that hears a word for each of the sounds that `notes` makes.

    A word that still sounds is the note nearest to its mean frequency so far, so it may change.
    """

    def __init__(self) -> None:
        self.heard = 0
        """Samples that all streams have heard."""

    def create_stream(self) -> NoteStream:
        """Return a stream that has heard nothing."""
        return NoteStream(self)


class NoteStream:
    """A `RecogniserStream`, which counts how often each sound crosses zero."""

    def __init__(self, transcriber: NoteTranscriber) -> None:
        self._transcriber = transcriber
        self._rest = np.zeros(0, np.float32)
        """Samples of a frame that is not complete."""
        self._frames = 0
        self._over: list[TranscribedWord] = []
        self._loud = self._quiet = self._crossings = 0
        """Loud frames of the note that sounds, quiet ones since, and its zero crossings."""

    def accept_audio(self, audio: F32) -> None:
        """Hear the next samples."""
        self._transcriber.heard += len(audio)
        audio = np.concatenate([self._rest, audio])
        whole = len(audio) - len(audio) % FRAME
        for frame in audio[:whole].reshape(-1, FRAME):
            self._add_frame(frame)
        self._rest = audio[whole:]

    def words(self) -> list[TranscribedWord]:
        """Return the words so far."""
        return [*self._over, *self._sounding(0.6)]

    def finish(self) -> list[TranscribedWord]:
        """Return the words; the last one is over."""
        return [*self._over, *self._sounding(0.9)]

    def _add_frame(self, frame: F32) -> None:
        self._frames += 1
        if float(np.square(frame).mean()) > LOUD:
            self._loud += 1 + self._quiet
            self._quiet = 0
            self._crossings += int(np.count_nonzero(np.diff(np.signbit(frame))))
        elif self._loud:
            self._quiet += 1
            if self._quiet == FEWEST_FRAMES:
                self._over += self._sounding(0.9)
                self._loud = self._quiet = self._crossings = 0

    def _sounding(self, probability: float) -> list[TranscribedWord]:
        if self._loud < FEWEST_FRAMES:
            return []
        pitch = self._crossings / 2 / (self._loud * (FRAME - 1) / SAMPLE_RATE)
        word = min(NOTES, key=lambda name: abs(NOTES[name] - pitch))
        end = self._frames - self._quiet
        return [TranscribedWord(word, (end - self._loud) / 100, end / 100, probability)]


def failed_stream_checks(model: StreamingModel, audio: F32) -> list[str]:
    """Return a sentence for each rule of streams that a model breaks with some speech.

    Words must depend on nothing but the samples that their stream heard: that is what lets
    voicecoach drop requests, restart the model and hear an utterance again without a word lost or
    said twice, and what gives a recording the same words every time.

    Parameters
    ----------
    model
        A recogniser that streams.
    audio
        Speech, [n], 16 kHz mono, some seconds of it.

    Examples
    --------
    >>> from voicecoach.testing import NoteTranscriber, notes
    >>> failed_stream_checks(NoteTranscriber(), notes("do re mi"))
    []
    """
    failed = []
    expected = _words_of(model, audio)
    if not expected:
        failed.append("it hears no word: give it speech")
    seconds = len(audio) / SAMPLE_RATE
    in_order = all(first.start_s <= second.start_s for first, second in pairwise(expected))
    if not (in_order and all(0 <= word.start_s <= word.end_s <= seconds for word in expected)):
        failed.append("its words are not in order, or not within the audio")
    again = _words_of(model, audio)
    asked, dropped = model.create_stream(), model.create_stream()
    for piece in _pieces(audio):
        asked.accept_audio(piece)
        _understood(asked.words)
        dropped.accept_audio(piece[::-1].copy())
    if _understood(asked.finish) != again:
        failed.append("a stream ends in other words if it is asked for words, or beside another")
    del dropped
    if not expected == again == _words_of(model, audio):
        failed.append("a stream hears other words after the streams before it")
    if _words_of(model, silence(0.5)) or _words_of(model, silence(0)):
        failed.append("it hears words in silence, or in no audio")
    return failed


def _words_of(model: StreamingModel, audio: F32) -> list[TranscribedWord]:
    """Return the words that a stream of its own hears."""
    stream = model.create_stream()
    for piece in _pieces(audio):
        stream.accept_audio(piece)
    return _understood(stream.finish)


def _pieces(audio: F32) -> Iterator[F32]:
    """Return audio as streams are given it."""
    return (audio[at : at + PIECE] for at in range(0, len(audio), PIECE))


def _understood(words: Callable[[], list[TranscribedWord]]) -> list[TranscribedWord]:
    """Return words, none if the speech is not understood."""
    try:
        return words()
    except SpeechNotUnderstood:
        return []

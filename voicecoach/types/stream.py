"""Defines the values that all stages share: the clock, the speakers, the inputs of the engine.

Time is a sample index on the stream clock (16 kHz, both channels aligned); only the event log and
views convert it to seconds.  Every event says what it is *about* (`start`, `end`) and when it was
*known* (`at`); the difference is the latency.

A *hop* is `HOP` samples, a *block* is a whole number of hops of both channels, a *frame* is an
analysis window, a *segment* is a stretch of speech found by the VAD, a *turn* is the time that one
speaker holds the floor, and an *utterance* is what is transcribed in one piece (a segment, cut if
it grows too long).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Self, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Sample rate of all audio inside the engine, Hz."""
HOP = 256
"""Samples in a hop (16 ms).  The VAD's window has 2 hops, an analysis frame 3."""
TICK = 8
"""Hops between estimates: 128 ms, so a tone or delivery event comes 7.8 times a second."""
TICK_SAMPLES = TICK * HOP
TICK_S = TICK_SAMPLES / SAMPLE_RATE
MAX_HOPS = 256
"""Most hops in one block (4 s): buffers are allocated for this many."""
MAX_AMPLITUDE = 8.0
"""Largest sample value that the engine accepts; full scale is 1.0, louder input is not scaled."""

I16: TypeAlias = NDArray[np.int16]
F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]


class Speaker(StrEnum):
    """Who is on a channel; the channel's row in every array is `Speaker.row`."""

    AGENT = "agent"
    CUSTOMER = "customer"

    row: int
    """Row of this speaker in arrays whose first axis is the channel."""

    def __init__(self, name: str) -> None:
        self.row = ("agent", "customer").index(name)

    @property
    def other(self) -> Speaker:
        """The other speaker."""
        return Speaker.CUSTOMER if self is Speaker.AGENT else Speaker.AGENT


SPEAKERS = (Speaker.AGENT, Speaker.CUSTOMER)
AGENT, CUSTOMER = SPEAKERS


class FileContents(NamedTuple):
    """A file that the shell read for the core: its contents, and its name for error messages."""

    name: str
    data: bytes


NAN = float("nan")
"""Stands for a measurement that is not known."""


def none_if_nan(x: float) -> float | None:
    """Return a measurement in the form of events: None if it is not known (NaN)."""
    return x if x == x else None


def nan_if_none(x: float | None) -> float:
    """Return a measurement in the form for computing: NaN if it is not known (None)."""
    return NAN if x is None else x


def to_seconds(samples: int) -> float:
    """Return a number of samples at 16 kHz, such as an event's `at`, as seconds.

    Examples
    --------
    >>> import voicecoach as vc
    >>> vc.to_seconds(24_000)
    1.5
    """
    return samples / SAMPLE_RATE


def to_rounded_seconds(samples: int) -> float:
    """Return a number of samples as seconds, to the millisecond, as views show it."""
    return round(samples / SAMPLE_RATE, 3)


class Immutable:
    """Base class of values that never change, so that copies of an engine's state share them."""

    __slots__ = ()

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        return self


# --- inputs of the engine -----------------------------------------------------------------


class Block(msgspec.Struct, frozen=True, eq=False):
    """A whole number of hops of both channels."""

    start: int
    """Stream index of the first sample, a multiple of `HOP`: the end of the block before."""
    samples: F32
    """[2, n * HOP] with 1 <= n <= MAX_HOPS, full scale 1.0, row 0 agent, row 1 customer."""
    missing: bool = False
    """Whether the audio never arrived; the samples are then silence."""

    @property
    def end(self) -> int:
        """Stream index after the last sample."""
        return self.start + int(self.samples.shape[1])


class HeardWord(Immutable, msgspec.Struct, frozen=True, omit_defaults=True):
    """A word from a transcriber."""

    text: str
    start: int
    """Samples on the stream clock."""
    end: int
    probability: float
    """0..1."""
    doubtful: bool = False
    """Whether it is as likely wrong as right; see `Word`."""
    agreed: bool | None = None
    """Whether two recognisers heard it; None if only one listened."""


class Transcript(Immutable, msgspec.Struct, frozen=True):
    """The shell's answer to a `TranscribeRequest`."""

    at: int
    """Stream index at which it arrived; an input like any other, so a replay repeats it exactly."""
    speaker: Speaker
    utterance: int
    end: int
    """As in the request."""
    careful: bool
    """As in the request."""
    words: tuple[HeardWord, ...]
    """The words after the request's prefix."""
    first: int = 0
    """As in the request: the index in the utterance of the first of `words`."""
    error: str = ""
    """Why transcription failed; empty if it did not."""
    understood: bool = True
    """False if there was speech that made no sense as words of the language; no words then."""
    streamed: bool = False
    """Whether one decoder follows the utterance, so that its hypotheses build on each other."""

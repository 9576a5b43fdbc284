"""The values that cross a stage boundary, and the one clock.

Time is a sample index on the stream clock (16 kHz, both channels aligned); seconds exist only
at the edge (`eventlog`).  Every event says what it is *about* (`start`, `end`) and when it was
*known* (`at`): the difference is latency, and it is shown, never hidden.

Words, one each: a *hop* is `HOP` samples, a *block* is a whole number of hops of both channels,
a *frame* is an analysis window, a *segment* is VAD speech, a *turn* is one speaker's floor, an
*utterance* is what is transcribed as one (a segment, cut where it grows too long).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Self, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Hz, everywhere inside."""
HOP = 256
"""Samples in a hop: 16 ms.  The VAD's window is 2 hops, an analysis frame 3."""
TICK = 8
"""Hops between estimates: 128 ms, so a tone or delivery event comes 7.8 times a second."""
TICK_SAMPLES = TICK * HOP
TICK_S = TICK_SAMPLES / SAMPLE_RATE
MAX_HOPS = 256
"""Most hops in one block (4 s): buffers are allocated for this many."""
MAX_AMPLITUDE = 8.0
"""Largest sample that is taken; full scale is 1.0, and what is louder is not scaled to it."""

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
        """The one they talk to."""
        return Speaker.CUSTOMER if self is Speaker.AGENT else Speaker.AGENT


SPEAKERS = (Speaker.AGENT, Speaker.CUSTOMER)
AGENT, CUSTOMER = SPEAKERS


class FileContents(NamedTuple):
    """A file as the core takes it: its contents, and its name for errors."""

    name: str
    data: bytes


NAN = float("nan")
"""A measurement that is not known."""


def none_if_nan(x: float) -> float | None:
    """Return a measurement as events hold it: None where it is not known."""
    return x if x == x else None


def nan_if_none(x: float | None) -> float:
    """Return a measurement as it is computed with: NaN where it is not known."""
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
    """Something that never changes once it is made: copies of an engine's state share it."""

    __slots__ = ()

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        return self


# --- inputs of the engine -----------------------------------------------------------------


class Block(msgspec.Struct, frozen=True, eq=False):
    """A whole number of hops of both channels."""

    start: int
    """Stream index of the first sample, a multiple of `HOP`: where the block before ended."""
    samples: F32
    """[2, n * HOP] with 1 <= n <= MAX_HOPS, full scale 1.0, row 0 agent, row 1 customer."""
    missing: bool = False
    """It never came: the samples are silence in its place."""

    @property
    def end(self) -> int:
        """Stream index after the last sample."""
        return self.start + int(self.samples.shape[1])


class HeardWord(Immutable, msgspec.Struct, frozen=True):
    """A word as the recogniser heard it."""

    text: str
    start: int
    """Samples on the stream clock."""
    end: int
    probability: float
    """0..1."""


class Transcript(Immutable, msgspec.Struct, frozen=True):
    """The shell's answer to a `TranscribeRequest`."""

    at: int
    """Stream index at which it arrived: an input like any other, so that a replay repeats it."""
    speaker: Speaker
    utterance: int
    end: int
    """Of the request."""
    careful: bool
    """Of the request."""
    words: tuple[HeardWord, ...]
    """Those after the request's prefix."""
    first: int = 0
    """Of the request: the place in the utterance of the first of `words`."""
    error: str = ""
    """Why there are no words, where transcription failed."""


# --- what the engine says -----------------------------------------------------------------


class Event(Immutable, msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """Anything the engine says; `at` is the stream index at which it was known."""

    at: int


class TranscribeRequest(Event, frozen=True, kw_only=True, tag="transcribe_request"):
    """The engine asks for words; answered by a `Transcript`.  Not part of the event log.

    One that is not `careful` may go unanswered where a newer one of the same speaker follows.
    """

    speaker: Speaker
    utterance: int
    start: int
    end: int
    careful: bool
    """With more care than haste; answered whatever else there is to do."""
    first: int = 0
    """Place in the utterance of the first word that is asked for."""
    prefix: str = ""
    """What is believed to be said first in the span: the answer goes on from there."""
    context: str = ""
    """What is believed to have been said in the utterance before the span."""

    def make_transcript(self, at: int, words: tuple[HeardWord, ...], error: str = "") -> Transcript:
        """Return the transcript that answers it at `at`."""
        return Transcript(
            at=at,
            speaker=self.speaker,
            utterance=self.utterance,
            end=self.end,
            careful=self.careful,
            words=words,
            first=self.first,
            error=error,
        )


class Gap(Event, frozen=True, kw_only=True, tag="gap"):
    """Audio that never came; it was treated as silence."""

    start: int
    end: int


class ChannelState(Event, frozen=True, kw_only=True, tag="channel_state"):
    """The health of a channel changed: `ok`, or what is wrong with it, and cues that need it wait.

    `lost` (its device was disconnected), `dead` (nothing on it), `copied` (both channels are one
    signal), `swapped`, `drifting` (two clocks), `bleeding` (it has the other speaker, too),
    `clipped`; the table at the top of `channels` says how each is detected.
    """

    speaker: Speaker
    state: str
    reason: str


class Degraded(Event, frozen=True, kw_only=True, tag="degraded"):
    """A stage does less than it should, and why; or does all again."""

    stage: str
    reason: str
    over: bool = False
    """It does all again."""


class SpeechStarted(Event, frozen=True, kw_only=True, tag="speech_started"):
    """A segment began at `start`."""

    speaker: Speaker
    start: int


class SpeechEnded(Event, frozen=True, kw_only=True, tag="speech_ended"):
    """A segment ended at `end`; `at - end` is the endpointing delay."""

    speaker: Speaker
    start: int
    end: int


class Turn(Event, frozen=True, kw_only=True, tag="turn"):
    """One speaker held the floor from `start` to `end`."""

    speaker: Speaker
    start: int
    end: int


class Backchannel(Event, frozen=True, kw_only=True, tag="backchannel"):
    """A short "mm-hm" of `speaker` while the other held the floor: not an interruption."""

    speaker: Speaker
    start: int
    end: int


class Account(Event, frozen=True, kw_only=True, tag="account"):
    """What the customer told, from their first word of it to their last.

    It goes on until the agent has said more than "mm-hm": known once they have spoken for 2 s, or
    the call ends.  A short word of the customer's is a backchannel and begins no account, unless it
    answers a question.
    """

    speaker: Speaker
    start: int
    end: int


class Reply(Event, frozen=True, kw_only=True, tag="reply"):
    """What the agent said to the account before it, until the customer told more.

    It begins before the account's end where the agent came in over it.  Known once the customer
    tells more, or the call ends.
    """

    speaker: Speaker
    start: int
    end: int


class Overlap(Event, frozen=True, kw_only=True, tag="overlap"):
    """Both spoke; `by` is who started while the other was speaking."""

    by: Speaker
    start: int
    end: int
    backchannel: bool


class Word(Event, frozen=True, kw_only=True, tag="word"):
    """A word, shown as soon as it is heard.

    The words of an utterance are numbered by `index`; a later event with the same speaker,
    utterance and index replaces an earlier one, and an empty text withdraws it.  `committed`:
    successive hypotheses agree on it.  `final`: its utterance has ended, it never changes.
    """

    speaker: Speaker
    utterance: int
    index: int
    text: str
    start: int
    end: int
    probability: float
    committed: bool
    final: bool


class Utterance(Event, frozen=True, kw_only=True, tag="utterance"):
    """The final text of an utterance, of exactly `words` words: earlier surplus ones are void."""

    speaker: Speaker
    utterance: int
    start: int
    end: int
    text: str
    words: int


class DialogueAct(Event, frozen=True, kw_only=True, tag="move"):
    """Somebody did something with words: asked, apologised, promised; see `dialogue_acts.toml`.

    It is told when its utterance is final.
    """

    speaker: Speaker
    start: int
    end: int
    kind: str
    """One of the speaker's kinds."""
    text: str
    """The first of its words, as they are compared."""
    instead: str
    """What could be said in its place, where it had better not be said; else empty."""


class Prosody(Event, frozen=True, kw_only=True, tag="prosody"):
    """The descriptors of one frame of one channel; null where there is no voice to describe.

    `start` and `end` are the frame's; it ends with the hop.  Units, ranges and sources:
    `dsp.prosody.ProsodyFrames`.
    """

    speaker: Speaker
    start: int
    end: int
    speech: float
    """Probability of speech in the hop, 0..1."""
    f0_hz: float | None
    f0_semitones: float | None
    voicing: float
    level_dbfs: float
    active_level_dbfs: float
    loudness: float
    alpha_ratio_db: float
    hammarberg_db: float
    slope_low_db_khz: float
    slope_middle_db_khz: float
    centroid_hz: float
    flux: float
    hnr_db: float | None
    jitter: float | None
    shimmer: float | None
    syllables: float
    cepstrum_db: tuple[float, ...]


TONE_MIN_CONFIDENCE = 0.3
"""Confidence from which a `Tone` counts: for cues, the summary and the score card."""
UPSET_LEVEL = 0.5
"""Agitation from which a customer counts as upset; under it, speech is calm."""


class Evidence(NamedTuple):
    """Something that speaks for the customer's agitation."""

    weight: float
    """Log odds that it adds."""
    text: str
    """As a person reads it."""


class Tone(Event, frozen=True, kw_only=True, tag="tone"):
    """How agitated the customer seems: an estimate, with its confidence and its evidence.

    The usual that signals are against starts as a population's and becomes the speaker's own.
    """

    speaker: Speaker
    start: int
    end: int
    agitation: float
    """0..1."""
    confidence: float
    """0..1: how much has been heard, of this speech and of the speaker."""
    evidence: tuple[str, ...]
    """What speaks for agitation, in words, strongest first."""
    signals: Mapping[str, float]
    """The voice against the speaker's usual, by name with unit."""


class Delivery(Event, frozen=True, kw_only=True, tag="delivery"):
    """How the agent delivers, measured against their own usual; no inference of a state.

    Level, pitch and its range are differences from the usual; of the others the usual is beside
    them.  `calmness` is a formula over these fields alone.
    """

    speaker: Speaker
    start: int
    end: int
    rate_syl_s: float | None
    """Articulation rate, syllables per second of speech; null until there is enough speech."""
    baseline_rate_syl_s: float | None
    """The agent's usual articulation rate, syllables per second of speech."""
    level_db: float | None
    """Level against the usual, dB."""
    f0_semitones: float | None
    """Pitch against the usual, semitones."""
    f0_range_semitones: float | None = None
    """Pitch range (20th to 80th percentile) against the usual, semitones."""
    overlaps_per_min: float | None = None
    """How often the agent came in over the customer in the last 3 minutes, a minute."""
    baseline_overlaps_per_min: float | None = None
    reply_gap_s: float | None = None
    """Silence before the agent's reply to the customer, median of the last 5, seconds."""
    baseline_reply_gap_s: float | None = None
    talk_share: float | None = None
    """The agent's share of both's speech in the last 3 minutes, 0..1."""
    baseline_talk_share: float | None = None
    calmness: float | msgspec.UnsetType | None = msgspec.UNSET
    """0..1 by the formula in `delivery`, 0.75 as usual; left out with the privacy profile "eu"."""


class SignalChanges(Event, frozen=True, kw_only=True, tag="signals"):
    """What changed of what the cues go on, at the tick that ends at `at`; the first tells all.

    With it the cues of any rules can be told again from the log alone: `readings.ticks` reads it.
    """

    values: Mapping[str, float | None]
    """Signals by name: it stays until the signal is named again; null is not known."""
    growing: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """Those of them that grow from here by a second each second; left out where none does."""
    quotes: Mapping[str, str] | msgspec.UnsetType = msgspec.UNSET
    """All that a message may quote; left out where it is as before."""
    distrusted: Mapping[str, str] | msgspec.UnsetType = msgspec.UNSET
    """The state of each channel that is not trusted; left out where it is as before."""


class CueOpened(Event, frozen=True, kw_only=True, tag="cue_opened"):
    """A cue goes on screen."""

    id: str
    title: str
    message: str
    say: str
    """Words that help, as they could be said; "" where none are offered."""
    priority: int
    evidence: Mapping[str, float | str]
    """What it rests on: the signals of its rule, and what the message quotes."""
    held_s: float
    """How long its condition held before it was shown (deliberate evidence time), seconds."""


class CueClosed(Event, frozen=True, kw_only=True, tag="cue_closed"):
    """The cue leaves the screen."""

    id: str
    reason: str


class CueHeldBack(Event, frozen=True, kw_only=True, tag="cue_held_back"):
    """A cue's condition held, but it was not shown."""

    id: str
    reason: str


class CueOutcome(Event, frozen=True, kw_only=True, tag="cue_outcome"):
    """What followed a cue, or a moment at which one was due and none was on screen.

    The latter are what the former are to be compared with: where a cue was held back by its own
    limits, or, better, held out by chance.  Nothing here says that the cue was the cause.
    """

    id: str
    start: int
    """When it was shown, or would have been."""
    shown: bool
    reason: str
    """Why it was not shown."""
    heeded: bool | None
    """Whether the agent did what it says within 10 s; null where that cannot be known."""
    signal: str
    """What was measured of the agent, "" where it is words alone."""
    before: float | None
    after: float | None
    """Its last value within 10 s."""
    agitation_before: float | None
    """The customer's, mean of the 10 s before."""
    agitation_after: float | None
    """The same from 20 to 30 s after."""


class CueFeedback(Event, frozen=True, kw_only=True, tag="cue_feedback"):
    """The agent marked a cue, by one tap."""

    id: str
    start: int
    """When it was shown."""
    helpful: bool
    """Else it was wrong."""


class Listening(Event, frozen=True, kw_only=True, tag="listening"):
    """The agent paused listening, or went on; what was in flight at a pause is discarded."""

    on: bool


class Ended(Event, frozen=True, kw_only=True, tag="ended"):
    """The stream is over and every request is answered."""

    end: int


InputItem: TypeAlias = Block | Transcript | ChannelState | CueFeedback | Listening
"""What the engine takes.  All but blocks take effect at the first hop that begins at or after
their `at`; of a `ChannelState` only "lost" and "ok" are the shell's to tell."""

EVENT_TYPES: tuple[type[Event], ...] = tuple(Event.__subclasses__())


def end_of_events(events: Iterable[Event]) -> int:
    """Return the stream index at which events end, those of a log that was cut off, too."""
    return max((e.end if isinstance(e, Ended) else e.at for e in events), default=0)


def event_type(event: Event | type[Event]) -> str:
    """Return the name of an event's type in the log."""
    tag: Any = event.__struct_config__.tag
    return str(tag)

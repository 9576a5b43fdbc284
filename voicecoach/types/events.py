"""Defines the events of the engine: what it has found, and when it was known.

Every event says what it is *about* (`start`, `end`) and when it was *known* (`at`), as sample
indices; the difference is the latency.  docs/event-log.md is made from these classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from voicecoach.types.doubt import doubtful_places, mark_doubtful, split_doubted
from voicecoach.types.stream import Block, HeardWord, Immutable, Speaker, Transcript


class Event(Immutable, msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """A fact that the engine reports; `at` is the stream index at which it was known."""

    at: int


class TranscribeRequest(Event, frozen=True, kw_only=True, tag="transcribe_request"):
    """The engine asks the transcriber for words; a `Transcript` answers it.  Not in the event log.

    A request that is not `careful` may be skipped once a newer one of the same speaker follows.
    """

    speaker: Speaker
    utterance: int
    start: int
    end: int
    careful: bool
    """Prefer accuracy to speed; such a request is always answered."""
    skipped: int = 0
    """Samples of the utterance before `start`, whose words are known."""
    first: int = 0
    """Place in the utterance of the first requested word."""
    prefix: str = ""
    """Words already known at the start of the span; the answer continues after them."""
    context: str = ""
    """Words already known in the utterance before the span."""
    committed: str = ""
    """The first words of a careful request, as committed: kept where the sound permits."""
    vocabulary: tuple[str, ...] = ()
    """Names to expect: those in the configuration, and those that were spelled in the call."""

    def of_whole_utterance(self) -> TranscribeRequest:
        """Return the request for all words of the utterance, whatever is known of it."""
        return msgspec.structs.replace(
            self, start=self.start - self.skipped, skipped=0, first=0, prefix="", context=""
        )

    def make_transcript(
        self,
        at: int,
        words: tuple[HeardWord, ...],
        error: str = "",
        *,
        understood: bool = True,
        streamed: bool = False,
    ) -> Transcript:
        """Return the transcript that answers this request at `at`."""
        return Transcript(
            at=at,
            speaker=self.speaker,
            utterance=self.utterance,
            end=self.end,
            careful=self.careful,
            words=words,
            first=self.first,
            error=error,
            understood=understood,
            streamed=streamed,
        )


class Gap(Event, frozen=True, kw_only=True, tag="gap"):
    """Audio that never arrived; it counts as silence."""

    start: int
    end: int


DEVICE_CHANGED = "device changed: "
"""Begins the reason of a lost device that another replaces: "device changed: now B, was A"."""


class ChannelState(Event, frozen=True, kw_only=True, tag="channel_state"):
    """The health of a channel changed: `ok`, or what is wrong with it, and cues that need it wait.

    `lost` (its device was disconnected), `dead` (nothing on it), `copied` (both channels are one
    signal), `swapped`, `drifting` (two clocks), `bleeding` (crosstalk: the other
    speaker is heard on it), `clipped`; the table at the top of `channels` says how each is
    detected.
    """

    speaker: Speaker
    state: str
    reason: str


class Degraded(Event, frozen=True, kw_only=True, tag="degraded"):
    """A stage does less than it should, and why; or it has recovered."""

    stage: str
    reason: str
    over: bool = False
    """The stage has recovered."""


class SpeechStarted(Event, frozen=True, kw_only=True, tag="speech_started"):
    """A segment began at `start`."""

    speaker: Speaker
    start: int


class SpeechEnded(Event, frozen=True, kw_only=True, tag="speech_ended"):
    """A segment ended at `end`; `at - end` is the endpointing delay."""

    speaker: Speaker
    start: int
    end: int


FIRST_PERSON = 1
"""Number of the first person on a channel."""


class PersonChanged(Event, frozen=True, kw_only=True, tag="person_changed"):
    """Another person speaks on a channel, by their voice: the phone was handed over, or the like.

    What was learnt of one person does not count for another, and comes back with them.
    """

    speaker: Speaker
    start: int
    """Start of the first speech in which the voice was recognised; it may have begun earlier."""
    person: int
    """Who speaks now, numbered as they came; the first, `FIRST_PERSON`, is not announced."""


class Turn(Event, frozen=True, kw_only=True, tag="turn"):
    """One speaker held the floor from `start` to `end`."""

    speaker: Speaker
    start: int
    end: int


class Backchannel(Event, frozen=True, kw_only=True, tag="backchannel"):
    """A short "mm-hm" of `speaker` while the other holds the floor; not an interruption."""

    speaker: Speaker
    start: int
    end: int


class Account(Event, frozen=True, kw_only=True, tag="account"):
    """What the customer said before the agent replied, from the first word to the last.

    It ends when the agent says more than "mm-hm"; it is known once the agent's turn has lasted 2 s
    or the call ends.  A short word of the customer's is a backchannel and begins no account, unless
    it answers a question.
    """

    speaker: Speaker
    start: int
    end: int


class Reply(Event, frozen=True, kw_only=True, tag="reply"):
    """What the agent said in reply to an account, until the customer's next account.

    It begins before the account's end if the agent interrupted.  It is known once the customer
    begins the next account, or the call ends.
    """

    speaker: Speaker
    start: int
    end: int


class Overlap(Event, frozen=True, kw_only=True, tag="overlap"):
    """Both speakers spoke at once; `by` started while the other was speaking."""

    by: Speaker
    start: int
    end: int
    backchannel: bool


class Word(Event, frozen=True, kw_only=True, tag="word"):
    """A word, sent as soon as the transcriber gives it.

    The words of an utterance are numbered by `index`; a later event with the same speaker,
    utterance and index replaces an earlier one, and an empty text withdraws it.  A `committed`
    word is one that successive hypotheses agree on; a `final` word never changes, because its
    utterance has ended.  A `doubtful` word is as likely wrong as right: it is marked wherever it is
    shown, is never quoted, and makes no dialogue act by itself.
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
    doubtful: bool = False


class Utterance(Event, frozen=True, kw_only=True, tag="utterance"):
    """The final text of an utterance, of exactly `words` words; earlier words beyond are void."""

    speaker: Speaker
    utterance: int
    start: int
    end: int
    text: str
    words: int
    doubtful: tuple[int, ...] = ()
    """Places of the doubtful words in the text, which is split at spaces."""

    @property
    def marked_text(self) -> str:
        """The text with its doubtful words marked, as it is shown."""
        if not self.doubtful:
            return self.text
        return mark_doubtful(split_doubted(self.text, self.doubtful))


class NotUnderstood(Event, frozen=True, kw_only=True, tag="not_understood"):
    """An utterance made no sense as words: another language, or mumbled; it has no final words.

    An `Utterance` without words withdraws partial words that were shown of it.
    """

    speaker: Speaker
    utterance: int
    start: int
    end: int


class DigitsShown(Event, frozen=True, kw_only=True, tag="digits_shown"):
    """The hidden digits of a final word turned out to be no card's; also an input of the engine."""

    speaker: Speaker
    utterance: int
    index: int
    """Its place in the utterance."""
    text: str
    """The word with its digits."""

    def apply(self, text: str) -> str:
        """Return the text of the utterance with this word."""
        words = text.split(" ")
        if 0 <= self.index < len(words):
            words[self.index] = self.text
        return " ".join(words)


class CarefulUtterance(Event, frozen=True, kw_only=True, tag="careful_utterance"):
    """The words of an utterance, heard again with more care after a replay (`--careful`).

    They stand beside its final words, and replace them for readers.  Cues, dialogue acts and scores
    rest on the final words, as they were heard in the call.
    """

    speaker: Speaker
    utterance: int
    start: int
    end: int
    words: tuple[HeardWord, ...]

    @property
    def text(self) -> str:
        """The text; "" if no word was heard again."""
        return " ".join(word.text for word in self.words)

    @property
    def doubtful(self) -> tuple[int, ...]:
        """Places of the doubtful words in the text, which is split at spaces."""
        return doubtful_places(self.words)


class DialogueAct(Event, frozen=True, kw_only=True, tag="move"):
    """A speaker asked, apologised, promised or the like; kinds stand in `dialogue_acts.toml`.

    It is sent when its utterance is final.
    """

    speaker: Speaker
    start: int
    end: int
    kind: str
    """The kind of dialogue act, one of the speaker's."""
    text: str
    """Its first words, normalised as for matching."""
    instead: str
    """A better wording, for phrases that are best avoided; else empty."""


class Prosody(Event, frozen=True, kw_only=True, tag="prosody"):
    """The descriptors of one frame of one channel; null if the frame has no voice.

    `start` and `end` are those of the frame, which ends with the hop.  Units, ranges and sources:
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
"""Agitation from which a customer counts as upset; below it, speech is calm."""


class Evidence(NamedTuple):
    """One piece of evidence for the customer's agitation."""

    weight: float
    """Log odds that it adds to the estimate."""
    text: str
    """The evidence in words, for a person to read."""


class Tone(Event, frozen=True, kw_only=True, tag="tone"):
    """How agitated the customer sounds: an estimate, with its confidence and its evidence.

    The baseline of `signals` starts as a population's and adapts to the speaker.
    """

    speaker: Speaker
    start: int
    end: int
    agitation: float
    """0..1."""
    confidence: float
    """0..1: it grows with the speech heard, in this window and of the speaker."""
    evidence: tuple[str, ...]
    """Evidence of agitation in words, the strongest first."""
    signals: Mapping[str, float]
    """The voice compared with the speaker's baseline; the names have the units."""


class Delivery(Event, frozen=True, kw_only=True, tag="delivery"):
    """The agent's delivery, measured against their own baseline; it infers no state of mind.

    Level, pitch and pitch range are differences from the baseline; the other measurements have
    their baseline in a field beside them.  `calmness` is a formula over these fields alone.
    """

    speaker: Speaker
    start: int
    end: int
    rate_syl_s: float | None
    """Articulation rate, syllables per second of speech; null until there is enough speech."""
    baseline_rate_syl_s: float | None
    """The agent's baseline of the articulation rate, syllables per second of speech."""
    level_db: float | None
    """Level minus the baseline, dB."""
    f0_semitones: float | None
    """Pitch minus the baseline, semitones."""
    f0_range_semitones: float | None = None
    """Pitch range (20th to 80th percentile) minus the baseline, semitones."""
    overlaps_per_min: float | None = None
    """The agent's overlaps with the customer's speech per minute, in the last 3 minutes."""
    baseline_overlaps_per_min: float | None = None
    reply_gap_s: float | None = None
    """Silence before the agent's reply to the customer, median of the last 5, seconds."""
    baseline_reply_gap_s: float | None = None
    talk_share: float | None = None
    """The agent's share of both speakers' speech in the last 3 minutes, 0..1."""
    baseline_talk_share: float | None = None
    calmness: float | msgspec.UnsetType | None = msgspec.UNSET
    """0..1 by the formula in `delivery`, 0.75 at the baseline; left out with profile "eu"."""


class SignalChanges(Event, frozen=True, kw_only=True, tag="signals"):
    """The signals that changed at the tick that ends at `at`; the first event has all of them.

    `coaching.signal_trace.decode_ticks` restores the signals of every tick, so that cues can be
    decided again from the log alone, with any rules.
    """

    values: Mapping[str, float | None]
    """Changed signals by name; a value holds until the signal is named again; null: not known."""
    growing: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """Names of those that grow by a second each second from here; left out if there are none."""
    quotes: Mapping[str, str] | msgspec.UnsetType = msgspec.UNSET
    """All quotes that a message may use; left out if unchanged."""
    distrusted: Mapping[str, str] | msgspec.UnsetType = msgspec.UNSET
    """The state of each distrusted channel; left out if unchanged."""


class CueOpened(Event, frozen=True, kw_only=True, tag="cue_opened"):
    """A cue goes on screen."""

    id: str
    title: str
    message: str
    say: str
    """Words that the agent could say; "" if the cue offers none."""
    priority: int
    evidence: Mapping[str, float | str]
    """The signals of the rule that opened it, and the quotes in the message."""
    held_s: float
    """How long its rule held before the cue opened (deliberate evidence time), seconds."""


class CueClosed(Event, frozen=True, kw_only=True, tag="cue_closed"):
    """The cue leaves the screen."""

    id: str
    reason: str


class CueHeldBack(Event, frozen=True, kw_only=True, tag="cue_held_back"):
    """A cue was due but was not shown."""

    id: str
    reason: str


class CueOutcome(Event, frozen=True, kw_only=True, tag="cue_outcome"):
    """What followed a cue that was shown, or one that was due while none was on screen.

    Compare the shown cues with those that were not: held back by their own limits or, better, held
    out by chance.  An outcome does not say that the cue was the cause.
    """

    id: str
    start: int
    """When the cue was shown or due."""
    shown: bool
    reason: str
    """Why the cue was not shown; empty if it was."""
    heeded: bool | None
    """Whether the agent did what the cue says within 10 s; null if that cannot be known."""
    signal: str
    """The agent's signal that shows it, "" if only words do."""
    before: float | None
    after: float | None
    """The signal's last value within 10 s."""
    agitation_before: float | None
    """The customer's mean agitation in the 10 s before."""
    agitation_after: float | None
    """The customer's mean agitation from 20 to 30 s after."""


class CueFeedback(Event, frozen=True, kw_only=True, tag="cue_feedback"):
    """The agent marked a cue, by one tap."""

    id: str
    start: int
    """When the cue was shown."""
    helpful: bool
    """True: helpful; false: wrong."""


class Listening(Event, frozen=True, kw_only=True, tag="listening"):
    """The agent paused or resumed listening.

    A pause discards unfinished words and requests, closes the cue on screen, ends its outcome, and
    makes every signal unknown.
    """

    on: bool


class Ended(Event, frozen=True, kw_only=True, tag="ended"):
    """The stream is over and every request for words is answered."""

    end: int


InputItem: TypeAlias = Block | Transcript | ChannelState | CueFeedback | Listening | DigitsShown
"""An input of the engine.  All but blocks take effect at the first hop that begins at or after
their `at`; as an input, a `ChannelState` is only "lost" or "ok"."""
EVENT_TYPES: tuple[type[Event], ...] = tuple(Event.__subclasses__())


def end_of_events(events: Iterable[Event]) -> int:
    """Return the stream index at which events end, even if the log was cut off."""
    return max((e.end if isinstance(e, Ended) else e.at for e in events), default=0)


def event_type(event: Event | type[Event]) -> str:
    """Return the name of an event's type in the log."""
    tag: Any = event.__struct_config__.tag
    return str(tag)

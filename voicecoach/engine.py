"""Turns the audio of both channels into events and cues, deterministically.

* Sans-I/O: no clock, thread, file, device, log or screen.  The present is the end of the hop.
* The same items in the same order give the same events, bit for bit, however blocks are cut.
* Later audio never changes an earlier event; offline analysis is streaming with a fresh engine.
* The engine asks for words by an event; the shell gets them from the transcriber.

The stages run in this order: block -> vad, prosody -> whose voice -> endpointing -> words ->
functionals -> channels, tone, delivery -> signals -> cues -> outcomes.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np

from voicecoach.audio.blocks import check_block
from voicecoach.audio.channels import ChannelMonitor
from voicecoach.audio.endpointing import Endpointer
from voicecoach.audio.hop_groups import ChannelLevels, HopGroup, prosody_event, split_hop_groups
from voicecoach.audio.near_voice import hop_powers
from voicecoach.audio.vad import VoiceActivityDetector
from voicecoach.audio.voice_embedding import VoiceEmbedder
from voicecoach.audio.whose_voice import VoiceTracker
from voicecoach.coaching.cue_engine import CueEngine
from voicecoach.coaching.cues import Cue, language_notice
from voicecoach.coaching.outcomes import OutcomeTracker
from voicecoach.coaching.signal_catalogue import CUE_SIGNALS
from voicecoach.coaching.signal_trace import SignalTraceEncoder
from voicecoach.coaching.signals import SignalTracker, StageOutputs
from voicecoach.config import Config
from voicecoach.dsp.prosody import ProsodyExtractor
from voicecoach.engine_state import EngineSetup, EngineState, copy_values
from voicecoach.errors import InputError
from voicecoach.estimates.agitation import AgitationModel
from voicecoach.estimates.baseline import AgentBaseline
from voicecoach.estimates.delivery import DeliveryMeter, delivery_window
from voicecoach.estimates.interaction import InteractionEvidence
from voicecoach.estimates.tone import ToneEstimator, voice_window
from voicecoach.language.dialogue_acts import DialogueActTracker
from voicecoach.language.pack import Language
from voicecoach.language.spelled_names import SpelledNames
from voicecoach.language.transcript import IncrementalTranscriber
from voicecoach.language.wording import WordingEvidence, WordingModel
from voicecoach.types.events import (
    FIRST_PERSON,
    ChannelState,
    CueFeedback,
    Degraded,
    DigitsShown,
    Ended,
    Event,
    Gap,
    InputItem,
    Listening,
    Overlap,
    PersonChanged,
    SpeechEnded,
    SpeechStarted,
    TranscribeRequest,
    Utterance,
    Word,
)
from voicecoach.types.stream import (
    F32,
    HOP,
    NAN,
    SAMPLE_RATE,
    SPEAKERS,
    TICK,
    Block,
    Speaker,
    Transcript,
)

ControlItem: TypeAlias = Transcript | ChannelState | CueFeedback | Listening | DigitsShown
"""Any input but audio."""
GREETING_WITHIN = 45 * SAMPLE_RATE
"""A greeting later than this does not count as the opening of the call."""


class Customer(NamedTuple):
    """What is estimated of one person on the customer's channel."""

    tone: ToneEstimator
    wording: WordingEvidence
    interaction: InteractionEvidence


class Engine:
    """One call.

    Parameters
    ----------
    config
        The effective configuration.
    cues
        The cue rules, from `cues.parse_cues`.
    vad
        Computes the speech probability per hop; in the state of a new stream.
    prosody
        Computes descriptors per hop; in the state of a new stream.  `TICK` is a multiple of its
        group.
    voices
        Computes what a voice is like.
    agitation
        Model of the customer's voice.
    wording
        Model of the customer's words.
    language
        Language of the call.  If it has no phrases, cues that need them never open, and the first
        event says so.
    speakers
        Speakers who are recorded; the other's channel is ignored.
    transcribe
        Ask for words.  If False, cues that need words never open.
    frames
        Emit a `Prosody` event per hop and speaker.
    baseline
        The agent's baseline from earlier calls; None if none is stored.
    """

    def __init__(
        self,
        config: Config,
        cues: tuple[Cue, ...],
        vad: VoiceActivityDetector,
        prosody: ProsodyExtractor,
        voices: VoiceEmbedder,
        agitation: AgitationModel,
        wording: WordingModel,
        language: Language,
        *,
        speakers: tuple[Speaker, ...] = SPEAKERS,
        transcribe: bool = True,
        frames: bool = False,
        baseline: AgentBaseline | None = None,
    ) -> None:
        self._setup = EngineSetup(
            config,
            cues,
            speakers,
            transcribe,
            frames,
            baseline,
            type(vad),
            language.code,
            prosody.group,
        )
        self._speakers, self._transcribe, self._frames = speakers, transcribe, frames
        self._now = 0
        self._hops = 0
        self._ended = False
        self._listening = True
        self._gap_start: int | None = None
        self._due_items: deque[ControlItem] = deque()
        self._vad = vad
        if TICK % prosody.group:
            raise ValueError(f"{TICK} hops are not a whole number of groups of {prosody.group}")
        self._prosody = prosody
        self._speech: list[list[float]] = []
        self._spoken: list[list[bool]] = []
        self._voices = VoiceTracker(voices)
        self._endpointer = Endpointer(config.endpointing)
        self._transcribers = {s: IncrementalTranscriber(s, config.transcription) for s in SPEAKERS}
        self._vocabulary = config.transcription.vocabulary
        self._spelled = SpelledNames(language.numbers)
        self._windows = {
            Speaker.AGENT: delivery_window(config.delivery),
            Speaker.CUSTOMER: voice_window(config.tone),
        }
        self.language = language
        self._agitation, self._wording = agitation, wording
        self._customer = self._new_customer()
        self._customers = {FIRST_PERSON: self._customer}
        self._delivery = DeliveryMeter(config.delivery, config.privacy, baseline)
        self._channels = ChannelMonitor(speakers)
        self._language_notice = language_notice(language, cues) if transcribe else ""
        self._acts = DialogueActTracker(language.dialogue_acts)
        if transcribe and language.dialogue_acts:
            language.dialogue_acts.load_matchers()
        self._signal_tracker = SignalTracker(self._endpointer, self._acts)
        self._trace_encoder = SignalTraceEncoder()
        self._cues = CueEngine(cues, config.cues)
        self._outcomes = OutcomeTracker(cues, self._acts)
        self.signals = dict.fromkeys(CUE_SIGNALS, NAN)
        """The signals at the newest tick, by name."""
        self._has_words = dict.fromkeys(speakers, transcribe)
        """Speakers whose last transcript succeeded."""
        self._levels: dict[Speaker, ChannelLevels] = {}

    @property
    def baseline(self) -> AgentBaseline:
        """The agent's baseline including this call so far, to be stored for the next call."""
        return self._delivery.baseline()

    def process(self, item: InputItem) -> list[Event]:
        """Process a block or a control item, and return the new events in order.

        A control item takes effect at the first hop that begins at or after its `at`.

        Raises
        ------
        InputError
            For a block that is not float32 [2, n * HOP] with n up to `MAX_HOPS`, holds a sample
            that is not a finite number or beyond `MAX_AMPLITUDE`, or does not follow the one
            before.  The engine's state is unchanged.
        """
        if not isinstance(item, Block):
            self._due_items.append(item)
            return self._drain_items() if self._ended else []
        if self._ended:
            raise InputError("the stream has ended: begin a call with another engine")
        check_block(item, self._now)
        events: list[Event] = []
        if self._language_notice:
            events.append(Degraded(at=0, stage="language", reason=self._language_notice))
            self._language_notice = ""
        if item.missing and self._gap_start is None:
            self._gap_start = self._now
        elif not item.missing:
            events += self._close_gap()
        return events + self._process_samples(item.samples)

    def finish(self) -> list[Event]:
        """End the stream: close what is open and ask for the last words.

        The last event is `Ended`; if words are still to come, it follows the last transcript, and
        every later item is followed by another.
        """
        events = self._close_gap()
        for event in self._endpointer.finish(self._now):
            events.append(event)
            self._delivery.add_speech_event(event)
            events += self._close_interrupted_utterance(event)
        if self._transcribe:
            for speaker in self._speakers:
                events += self._route_words(self._transcribers[speaker].end_utterance(self._now))
        events += self._signal_tracker.finish(self._now)
        events += self._cues.close_shown(self._now, "call ended")
        events += self._outcomes.finish(self._now)
        events += self._channels.finish(self._now)
        self._ended = True
        return events + self._drain_items()

    def state(self) -> EngineState:
        """Return the state of the call so far, which can be restored any number of times.

        Models and rules are shared; the rest is copied: 3 MB in 3 ms of CPU, however long the call
        is (`python -m scripts.bench.state`).  Unanswered requests for words are part of the state:
        give their transcripts to each engine that it is restored into.
        """
        return EngineState(self._setup, self._now, copy_values(vars(self)))

    def restore(self, state: EngineState) -> None:
        """Continue from a state: the same items give the same events as they would have then.

        Raises
        ------
        InputError
            If the state is of an engine with another configuration, cues, speakers, options or
            baseline.
        """
        differ = [
            name
            for name, own, other in zip(EngineSetup._fields, self._setup, state.setup, strict=True)
            if own != other
        ]
        if differ:
            raise InputError(
                f"the state is of an engine with another {' and '.join(differ)}: "
                "restore it into one that was made with the same"
            )
        vars(self).update(copy_values(state.values))

    # --- the stages, in their order -------------------------------------------------------

    def _process_samples(self, samples: F32) -> list[Event]:
        events: list[Event] = []
        speech = self._vad.process(samples).T.tolist()
        frames = self._prosody.process(samples)
        group = self._prosody.group
        groups = split_hop_groups(frames, group, self._speakers) if frames else iter(())
        pushed = 0
        for i, (power, probabilities) in enumerate(
            zip(hop_powers(samples), speech, strict=True), 1
        ):
            if self._due_items:
                events += self._apply_due_items()
            self._now += HOP
            self._hops += 1
            hop = samples[:, (i - 1) * HOP : i * HOP]
            events += self._process_hop(hop, power, probabilities)
            if frames and self._hops % group == 0:
                events += self._push_descriptors(next(groups))
            if self._hops % TICK == 0:
                self._channels.push(samples[:, pushed * HOP : i * HOP])
                pushed = i
                events += self._process_tick()
        self._channels.push(samples[:, pushed * HOP :])
        return events

    def _process_hop(
        self, hop: F32, powers: list[float], probabilities: list[float]
    ) -> list[Event]:
        speech, voices = self._voices.step(self._now, hop, powers, probabilities)
        events: list[Event] = [*voices]
        for voice in voices:
            if isinstance(voice, PersonChanged):
                self._change_person(voice)
        for event in self._endpointer.step(self._now, speech):
            events.append(event)
            self._delivery.add_speech_event(event)
            if isinstance(event, Overlap):
                self._customer.interaction.add_overlap(event)
            events += self._close_interrupted_utterance(event)
        if self._transcribe:
            for speaker in self._speakers:
                segment = self._endpointer.segment(speaker)
                word_events = self._transcribers[speaker].process_hop(
                    self._now, speech[speaker.row], segment
                )
                events += self._route_words(word_events)
        self._speech.append(speech)
        self._spoken.append(self._endpointer.speaking_rows())
        return events

    def _push_descriptors(self, group: HopGroup) -> list[Event]:
        """Process the descriptors of the newest group of hops."""
        events: list[Event] = []
        spoken = np.array(self._spoken).T
        for speaker in self._speakers:
            row = speaker.row
            self._windows[speaker].push(self._now, group.columns[row], spoken[row])
        self._levels = group.levels
        if self._frames:
            for i, speech in enumerate(self._speech):
                at = self._now - (len(self._speech) - 1 - i) * HOP
                column = group.hops.start + i
                events += [
                    prosody_event(self._now, at, s, speech[s.row], group.frames, column)
                    for s in self._speakers
                ]
        self._speech.clear()
        self._spoken.clear()
        return events

    def _process_tick(self) -> list[Event]:
        if not self._listening:
            return self._run_cues()  # nothing is heard, so nothing else is estimated
        events: list[Event] = []
        events += self._channels.update_states(self._now, self._endpointer.speaking_rows())
        if Speaker.CUSTOMER in self._speakers:
            events += self._run_tone()
        if self._endpointer.segment(Speaker.AGENT).speaking:
            window = self._windows[Speaker.AGENT].compute(self._now)
            events.append(self._delivery.measure_delivery(self._now, window))
        return events + self._run_cues()

    def _run_tone(self) -> list[Event]:
        tone, wording, interaction = self._customer
        evidence = (*wording.evidence(self._now), *interaction.evidence(self._now, tone.newest))
        if self._endpointer.segment(Speaker.CUSTOMER).speaking:
            window = self._windows[Speaker.CUSTOMER].compute(self._now)
            return [tone.estimate_tone(self._now, window, evidence)]
        updated = tone.reconsider(self._now, evidence)
        return [updated] if updated else []

    def _run_cues(self) -> list[Event]:
        """Decide the cues of this tick, and track the outcomes of earlier ones."""
        with_words = {s for s, has in self._has_words.items() if has and self._acts.finds_acts}
        with_words -= {s for s in with_words if self._transcribers[s].words_overdue(self._now)}
        outputs = StageOutputs(
            self._customer.tone.newest, self._delivery.newest, self._levels, with_words
        )
        tracker = self._signal_tracker
        signals = (
            tracker.compute_signals(self._now, outputs)
            if self._listening
            else tracker.skip_tick(self._now)
        )
        # Cues are decided on the rounded values of the log, so that the log can reproduce them.
        quotes, distrusted = tracker.quotes(), self._channels.distrusted
        self.signals, trace = self._trace_encoder.encode_tick(
            self._now, signals, quotes, distrusted
        )
        events = self._cues.decide(self._now, self.signals, quotes, distrusted)
        outcomes = self._outcomes.observe_tick(self._now, self.signals, events)
        return [*tracker.events, *trace, *events, *outcomes]

    def _change_person(self, change: PersonChanged) -> None:
        """Continue with what is known of another person."""
        if change.speaker is Speaker.AGENT:
            self._delivery.change_person(change.person)
        else:
            if change.person not in self._customers:
                self._customers[change.person] = self._new_customer()
            self._customer = self._customers[change.person]

    def _new_customer(self) -> Customer:
        return Customer(
            ToneEstimator(self._agitation),
            WordingEvidence(self.language.wording, self._wording),
            InteractionEvidence(),
        )

    # --- words ----------------------------------------------------------------------------

    def _close_interrupted_utterance(self, event: Event) -> list[Event]:
        """End an utterance when the other speaker starts after it, or was already speaking."""
        if not self._transcribe or not isinstance(event, SpeechStarted | SpeechEnded):
            return []
        speaker = event.speaker
        if isinstance(event, SpeechStarted):
            ended = [speaker.other] if not self._endpointer.segment(speaker.other).active else []
        else:
            ended = [speaker] if self._endpointer.segment(speaker.other).active else []
        return [
            word_event
            for s in ended
            for word_event in self._route_words(self._transcribers[s].end_utterance(self._now))
        ]

    def _apply_due_items(self) -> list[Event]:
        events: list[Event] = []
        while self._due_items and self._due_items[0].at <= self._now:
            events += self._apply_item(self._now, self._due_items.popleft())
        return events

    def _apply_item(self, at: int, item: ControlItem) -> list[Event]:
        match item:
            case Transcript():
                return self._on_transcript(at, item)
            case DigitsShown():
                return [msgspec.structs.replace(item, at=at)]
            case ChannelState():
                return list(self._channels.on_capture_state(at, item))
            case CueFeedback():
                if not self._cues.was_shown(item.id, item.start):
                    return []
                feedback = CueFeedback(at=at, id=item.id, start=item.start, helpful=item.helpful)
                return [feedback, *self._cues.apply_feedback(feedback)]
            case Listening():
                return [Listening(at=at, on=item.on), *self._set_listening(at, item.on)]

    def _set_listening(self, at: int, on: bool) -> list[Event]:
        """Continue after a pause, or stop all clocks and discard unfinished work.

        A pause closes the cue on screen, ends its outcome and drops the open utterances.
        """
        was, self._listening = self._listening, on
        if on:
            if not was:
                self._cues.resume(at)
                self._delivery.resume(at)
            return []
        events = [*self._cues.pause(at), *self._outcomes.finish(at)]
        for transcriber in self._transcribers.values():
            events += self._route_words(transcriber.discard_utterances(at))
        return events

    def _drain_items(self) -> list[Event]:
        """Process the items that come after the audio; end when no words are awaited."""
        events: list[Event] = []
        while self._due_items:
            item = self._due_items.popleft()
            self._now = max(self._now, item.at)
            events += self._apply_item(self._now, item)
        if not any(t.awaits_final_words for t in self._transcribers.values()):
            events.append(Ended(at=self._now, end=self._hops * HOP))
        return events

    def _on_transcript(self, at: int, transcript: Transcript) -> list[Event]:
        self._has_words[transcript.speaker] = transcript.understood and not transcript.error
        return self._route_words(
            self._transcribers[transcript.speaker].add_transcript(at, transcript)
        )

    def _route_words(self, word_events: list[Event]) -> list[Event]:
        """Pass word events to the stages that use them; return them with dialogue acts."""
        events: list[Event] = []
        for event in word_events:
            if isinstance(event, TranscribeRequest):
                names = (*self._vocabulary, *self._spelled.names)
                event = msgspec.structs.replace(event, vocabulary=names)
            events.append(event)
            if isinstance(event, Utterance):
                self._spelled.add_utterance(event)
            if not isinstance(event, Word | Utterance):
                continue
            if event.speaker is Speaker.CUSTOMER:
                self._customer.wording.add_event(event)
            for act in self._acts.add_event(event):
                if act.kind == "greeting" and act.start < GREETING_WITHIN:
                    self._channels.on_greeting(self._now, act.speaker)
                events.append(act)
        return events

    # --- the stream -----------------------------------------------------------------------

    def _close_gap(self) -> list[Event]:
        """End the open gap, if there is one, and return its event."""
        if self._gap_start is None:
            return []
        start, self._gap_start = self._gap_start, None
        return [Gap(at=self._now, start=start, end=self._now)]

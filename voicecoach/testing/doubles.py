"""Stand-ins for the speech detector and the transcriber, and shortcuts to run an engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voicecoach.audio.vad import VoiceActivityDetector
from voicecoach.audio.voice_embedding import EMBEDDING, VoiceEmbedder
from voicecoach.coaching.cues import Cue, built_in_cues
from voicecoach.config import Config
from voicecoach.dsp.prosody import GROUP_HOPS, ProsodyExtractor, load_weights
from voicecoach.engine import Engine
from voicecoach.estimates.agitation import AgitationModel
from voicecoach.language.act_matcher import ActPhrases
from voicecoach.language.pack import Language
from voicecoach.language.wording import WordingModel, WordingPhrases
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.runtime.languages import find_language
from voicecoach.shell.runtime.resources import agitation_model, prosody_model, wording_model
from voicecoach.shell.runtime.user_files import load_cues
from voicecoach.types.events import CueOpened, Event, Tone, Utterance, Word
from voicecoach.types.stream import F32, HOP, MAX_HOPS, SAMPLE_RATE, SPEAKERS, Block, Speaker

ENGLISH = find_language("en")
assert ENGLISH.dialogue_acts
assert ENGLISH.wording
ENGLISH_ACTS: ActPhrases = ENGLISH.dialogue_acts
ENGLISH_WORDING: WordingPhrases = ENGLISH.wording
SCRIPT = [
    "sorry", "about", "the", "nineteen", "crates", "of", "marmalade", "but", "you", "must",
    "calm", "down",
]  # fmt: skip
"""Words of a `ScriptedTranscriber`, repeated without end; a cue quotes some of them."""
TELLTALE_WORDS = "nineteen", "crates", "marmalade"
"""Words in no text of the product: where they appear, something said in the call has leaked."""


def make_word(
    text: str,
    index: int,
    *,
    utterance: int = 1,
    start: int = 0,
    committed: bool = True,
    final: bool = True,
    speaker: Speaker = Speaker.CUSTOMER,
    doubtful: bool = False,
) -> Word:
    """Return word number `index` from sample `start` on, three words a second."""
    end = start + (index + 1) * SAMPLE_RATE // 3
    return Word(
        at=end,
        speaker=speaker,
        utterance=utterance,
        index=index,
        text=text,
        start=end - SAMPLE_RATE // 3,
        end=end,
        probability=0.9,
        committed=committed,
        final=final,
        doubtful=doubtful,
    )


def make_utterance(
    text: str,
    *,
    end: int,
    start: int = 0,
    at: int | None = None,
    utterance: int = 1,
    speaker: Speaker = Speaker.CUSTOMER,
    doubtful: Sequence[int] = (),
) -> Utterance:
    """Return an utterance that is known at `at`, by default at its end."""
    return Utterance(
        at=end if at is None else at,
        speaker=speaker,
        utterance=utterance,
        start=start,
        end=end,
        text=text,
        words=len(text.split()),
        doubtful=tuple(doubtful),
    )


def make_tone(at: int, agitation: float, confidence: float, **others: Any) -> Tone:
    """Return an estimate of the customer's agitation; `others` are further fields of the event."""
    fields: dict[str, Any] = {"speaker": Speaker.CUSTOMER, "start": 0, "end": at}
    fields |= {"evidence": (), "signals": {}, **others}
    return Tone(at=at, agitation=agitation, confidence=confidence, **fields)


def make_cue(at: int, id: str, **others: Any) -> CueOpened:
    """Return a cue that opens at `at`; `others` are further fields of the event."""
    fields: dict[str, Any] = {"title": "", "message": "", "say": "", "priority": 1, "held_s": 0.0}
    return CueOpened(at=at, id=id, **{**fields, "evidence": {}, **others})


def cut_blocks(samples: F32, sizes: Sequence[int] = (MAX_HOPS,)) -> list[Block]:
    """Cut samples, [2, n], into blocks of `sizes` hops, over and over."""
    out, start, i = [], 0, 0
    while start < samples.shape[1]:
        end = min(start + sizes[i % len(sizes)] * HOP, samples.shape[1])
        out.append(Block(start, samples[:, start:end]))
        start, i = end, i + 1
    return out


class LevelVad:
    """A detector that finds speech in every hop louder than -50 dBFS."""

    def process(self, samples: F32) -> F32:
        """Return 1 for loud hops and 0 for others."""
        hops = samples.reshape(2, -1, HOP)
        return np.asarray(np.square(hops).mean(axis=-1) > 1e-5, np.float32)

    def reset(self) -> None:
        """Do nothing: there is no state."""


class OneVoice:
    """Takes all voices for one."""

    def process(self, samples: F32) -> F32:
        """Return the same embedding for all samples."""
        return np.asarray(np.arange(EMBEDDING) == 0, np.float32)


class ScriptedVad:
    """A detector that returns given probabilities of speech, [2, hops], whatever the audio."""

    def __init__(self, answers: F32) -> None:
        self._answers = answers
        self._hop = 0

    def process(self, samples: F32) -> F32:
        """Return the probabilities of the next hops."""
        first, self._hop = self._hop, self._hop + samples.shape[1] // HOP
        return self._answers[:, first : self._hop]

    def reset(self) -> None:
        """Start again from the first probability."""
        self._hop = 0


def make_extractor(channels: int = 2, group: int = GROUP_HOPS) -> ProsodyExtractor:
    """Return an extractor with the shipped weights."""
    return ProsodyExtractor(load_weights(prosody_model()), channels, group)


class ScriptedTranscriber:
    """A `Transcriber` that returns the words of `SCRIPT` for any audio, three a second."""

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return as many words as fit into the audio, after the prefix."""
        first = len(prefix.split())
        return [
            TranscribedWord(SCRIPT[i % len(SCRIPT)], i / 3, (i + 1) / 3, 0.9)
            for i in range(first, int(len(audio) / SAMPLE_RATE * 3))
        ]

    def restart(self) -> None:
        """Do nothing: there is no state."""


def make_engine(
    config: Config | None = None,
    *,
    rules: Path | tuple[Cue, ...] | None = None,
    transcribe: bool = False,
    frames: bool = False,
    speakers: tuple[Speaker, ...] = SPEAKERS,
    vad: VoiceActivityDetector | None = None,
    voices: VoiceEmbedder | None = None,
    agitation: AgitationModel | None = None,
    wording: WordingModel | None = None,
    language: Language | None = None,
) -> Engine:
    """Return an engine with the shipped models, a `LevelVad` and `OneVoice` unless given."""
    return Engine(
        config or Config(),
        load_cues(rules) if isinstance(rules, Path) else rules or built_in_cues(),
        vad or LevelVad(),
        make_extractor(group=1 if frames else GROUP_HOPS),
        voices or OneVoice(),
        agitation or AgitationModel(agitation_model()),
        wording or WordingModel(wording_model()),
        language or ENGLISH,
        speakers=speakers,
        transcribe=transcribe,
        frames=frames,
    )


def process_all(samples: F32, sizes: Sequence[int] = (MAX_HOPS,), **options: object) -> list[Event]:
    """Return all events of a new engine; samples are [2, n], `options` as for `make_engine`."""
    engine = make_engine(**options)  # type: ignore[arg-type]
    events = [event for block in cut_blocks(samples, sizes) for event in engine.process(block)]
    return events + engine.finish()

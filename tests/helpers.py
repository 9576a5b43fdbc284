"""Sounds with known truth, and short ways to run the engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from scripts.support import corpora
from voicecoach.audio.vad import VoiceActivityDetector
from voicecoach.coaching import cues
from voicecoach.config import Config
from voicecoach.dsp.prosody import GROUP_HOPS, ProsodyExtractor, load_weights
from voicecoach.engine import Engine
from voicecoach.estimates.agitation import AgitationModel
from voicecoach.language.act_matcher import ActPhrases
from voicecoach.language.pack import Language
from voicecoach.language.wording import WordingModel, WordingPhrases
from voicecoach.shell.runtime.languages import find_language
from voicecoach.shell.runtime.resources import agitation_model, prosody_model, wording_model
from voicecoach.types import (
    F32,
    HOP,
    MAX_HOPS,
    SAMPLE_RATE,
    SPEAKERS,
    Block,
    Event,
    Speaker,
    Word,
)

SHARED = corpora.DATA
ENGLISH = find_language("en")
assert ENGLISH.dialogue_acts
assert ENGLISH.wording
ENGLISH_ACTS: ActPhrases = ENGLISH.dialogue_acts
ENGLISH_WORDING: WordingPhrases = ENGLISH.wording
ROOT = Path(__file__).resolve().parents[1]


def seconds(s: float) -> int:
    """Return a time as whole hops of samples."""
    return round(s * SAMPLE_RATE / HOP) * HOP


def until(so: Callable[[], object]) -> None:
    """Wait for it; the test ends where it never comes."""
    end = time.monotonic() + 30.0
    while not so():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def sine(f0: float, s: float, level: float = 0.1) -> F32:
    """Return a sine of peak `level`."""
    t = np.arange(seconds(s)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * f0 * t)).astype(np.float32)


def voice(f0: float | NDArray[np.float64], s: float, level: float = 0.1) -> F32:
    """Return a vowel-like sound: harmonics up to 4 kHz that fall by 6 dB an octave.

    `f0` is one value or one for each sample; the RMS is `level`.
    """
    n = seconds(s)
    track = np.broadcast_to(f0, n)
    phase = 2 * np.pi * np.cumsum(track) / SAMPLE_RATE
    count = int(4000 / track.max())
    sound = sum(np.sin(k * phase) / k for k in range(1, count + 1))
    return np.asarray(level * sound / np.sqrt(np.mean(np.square(sound))), np.float32)


def syllables(f0: float, rate: float, s: float, level: float = 0.1) -> F32:
    """Return `voice` that swells and fades `rate` times a second."""
    sound = voice(f0, s, level)
    t = np.arange(len(sound)) / SAMPLE_RATE
    swell = 10 ** (-(1 + np.cos(2 * np.pi * rate * t)) * 12 / 20)
    return (sound * swell).astype(np.float32)


def lively(sound: F32, seed: int = 0) -> F32:
    """Return a sound whose loudness wavers by 3 dB, as a voice's does; an even one is clipped."""
    rng = np.random.default_rng(seed)
    at = np.arange(0, len(sound) + 1600, 1600)
    gain_db = np.interp(np.arange(len(sound)), at, rng.normal(-3.0, 3.0, len(at)))
    return (sound * 10 ** (gain_db / 20)).astype(np.float32)


def noise(s: float, level: float, seed: int = 0) -> F32:
    """Return white noise of RMS `level`."""
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(seconds(s))).astype(np.float32)


def silence(s: float) -> F32:
    """Return digital silence."""
    return np.zeros(seconds(s), np.float32)


def stereo(agent: F32, customer: F32) -> F32:
    """Return both channels as [2, n], the shorter one padded with silence."""
    out = np.zeros((2, max(len(agent), len(customer))), np.float32)
    out[0, : len(agent)], out[1, : len(customer)] = agent, customer
    return out


def word(
    text: str,
    index: int,
    *,
    utterance: int = 1,
    start: int = 0,
    committed: bool = True,
    final: bool = True,
    speaker: Speaker = Speaker.CUSTOMER,
) -> Word:
    """Return the word at a place, three of them a second; the customer's by default."""
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
    )


def blocks(samples: F32, sizes: Sequence[int] = (MAX_HOPS,)) -> list[Block]:
    """Cut [2, n] into blocks of the given hops, over and over."""
    out, start, i = [], 0, 0
    while start < samples.shape[1]:
        end = min(start + sizes[i % len(sizes)] * HOP, samples.shape[1])
        out.append(Block(start, samples[:, start:end]))
        start, i = end, i + 1
    return out


def hypotheses(words: Sequence[str]) -> SearchStrategy[list[tuple[int, int, str, bool, bool]]]:
    """Return words that come and go before the final ones.

    Of each its utterance, its place, its text, whether it is committed, and whether somebody asks
    what there is after it.
    """
    word = st.tuples(
        st.integers(1, 4), st.integers(0, 6), st.sampled_from(words), st.booleans(), st.booleans()
    )
    return st.lists(word, max_size=30)


class LevelVad:
    """Speech wherever a hop is louder than -50 dBFS: a detector with known truth."""

    def process(self, samples: F32) -> F32:
        """Return 1 for loud hops and 0 for others."""
        hops = samples.reshape(2, -1, HOP)
        return np.asarray(np.square(hops).mean(axis=-1) > 1e-5, np.float32)

    def reset(self) -> None:
        """Nothing is kept."""


class ToldVad:
    """A detector that is told its answers, [2, hops], whatever it hears."""

    def __init__(self, answers: F32) -> None:
        self._answers = answers
        self._hop = 0

    def process(self, samples: F32) -> F32:
        """Return the answers for the next hops."""
        first, self._hop = self._hop, self._hop + samples.shape[1] // HOP
        return self._answers[:, first : self._hop]

    def reset(self) -> None:
        """Begin again."""
        self._hop = 0


def extractor(channels: int = 2, group: int = GROUP_HOPS) -> ProsodyExtractor:
    """Return an extractor with the weights that ship."""
    return ProsodyExtractor(load_weights(prosody_model()), channels, group)


def engine(
    config: Config | None = None,
    *,
    rules: Path = cues.BUILT_IN_CUES,
    transcribe: bool = False,
    frames: bool = False,
    speakers: tuple[Speaker, ...] = SPEAKERS,
    vad: VoiceActivityDetector | None = None,
    agitation: AgitationModel | None = None,
    wording: WordingModel | None = None,
    language: Language | None = None,
) -> Engine:
    """Return an engine that hears speech by level, or as `vad` does."""
    return Engine(
        config or Config(),
        cues.load_cues(rules),
        vad or LevelVad(),
        extractor(group=1 if frames else GROUP_HOPS),
        agitation or AgitationModel(agitation_model()),
        wording or WordingModel(wording_model()),
        language or ENGLISH,
        speakers=speakers,
        transcribe=transcribe,
        frames=frames,
    )


def hear(samples: F32, sizes: Sequence[int] = (MAX_HOPS,), **options: object) -> list[Event]:
    """Return all events of a fresh engine that hears [2, n]."""
    e = engine(**options)  # type: ignore[arg-type]
    events = [event for block in blocks(samples, sizes) for event in e.process(block)]
    return events + e.finish()

"""Builds engines with the models that ship."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from voicecoach.audio.vad import SileroVad, VoiceActivityDetector
from voicecoach.audio.voice_embedding import CamPlusPlus, VoiceEmbedder
from voicecoach.coaching.cues import Cue
from voicecoach.config import Config
from voicecoach.dsp.prosody import GROUP_HOPS, ProsodyExtractor, load_weights
from voicecoach.engine import Engine
from voicecoach.estimates.agitation import AgitationModel
from voicecoach.estimates.baseline import AgentBaseline
from voicecoach.language.wording import WordingModel
from voicecoach.shell.runtime.languages import find_language
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.shell.runtime.resources import (
    agitation_model,
    prosody_model,
    vad_model,
    voice_model,
    wording_model,
)
from voicecoach.types.stream import SPEAKERS, FileContents, Speaker


class Stages(NamedTuple):
    """The parts of an engine that use a model, in the order in which `Engine` takes them."""

    vad: VoiceActivityDetector
    prosody: ProsodyExtractor
    voices: VoiceEmbedder
    agitation: AgitationModel
    wording: WordingModel


class ModelFiles(NamedTuple):
    """The model files of an engine."""

    vad: FileContents
    prosody: FileContents
    voices: FileContents
    agitation: FileContents
    wording: FileContents


def shipped_models() -> ModelFiles:
    """Return the files in `models/`, checked.

    Raises
    ------
    ModelError
        If one is missing or is not the released one.
    """
    return ModelFiles(
        vad_model(), prosody_model(), voice_model(), agitation_model(), wording_model()
    )


@lru_cache(maxsize=1)
def _load_voices(file: FileContents) -> CamPlusPlus:
    """Return the voice embedder, which has no state and takes 0.2 s to load, once for all calls."""
    return CamPlusPlus(file)


def load_stages(
    models: ModelFiles,
    speakers: tuple[Speaker, ...] = SPEAKERS,
    *,
    frames: bool = False,
    stages: LatencyStats | None = None,
) -> Stages:
    """Return the parts of an engine that use a model; raises what `build_engine` raises."""
    vad = SileroVad(models.vad, speakers)
    prosody = ProsodyExtractor(load_weights(models.prosody), group=1 if frames else GROUP_HOPS)
    voices = _load_voices(models.voices)
    return Stages(
        stages.time_calls("vad", vad) if stages else vad,
        stages.time_calls("features", prosody) if stages else prosody,
        stages.time_calls("voices", voices) if stages else voices,
        AgitationModel(models.agitation),
        WordingModel(models.wording),
    )


def build_engine(
    config: Config,
    cues: tuple[Cue, ...],
    models: ModelFiles,
    *,
    speakers: tuple[Speaker, ...] = SPEAKERS,
    transcribe: bool = True,
    frames: bool = False,
    baseline: AgentBaseline | None = None,
    stages: LatencyStats | None = None,
) -> Engine:
    """Return an engine for one call; `Engine` documents the other parameters.

    The configuration names its language.  If `stages` are given, the durations of voice activity
    detection and prosody extraction are recorded there.

    Raises
    ------
    ModelError
        If a file is not a usable model.
    ConfigError
        If the language's tables cannot be used.
    """
    return Engine(
        config,
        cues,
        *load_stages(models, speakers, frames=frames, stages=stages),
        find_language(config.transcription.language),
        speakers=speakers,
        transcribe=transcribe,
        frames=frames,
        baseline=baseline,
    )

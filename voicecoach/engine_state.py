"""The state of an engine as a value: taken at one moment, restored any number of times."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

from voicecoach.audio.vad import VoiceActivityDetector
from voicecoach.coaching.cues import Cue
from voicecoach.config import Config
from voicecoach.estimates.baseline import AgentBaseline
from voicecoach.types.stream import Speaker


class EngineSetup(NamedTuple):
    """The arguments of an engine that its events depend on."""

    config: Config
    cues: tuple[Cue, ...]
    speakers: tuple[Speaker, ...]
    transcribe: bool
    frames: bool
    baseline: AgentBaseline | None
    detector: type[VoiceActivityDetector]
    language: str
    group: int
    """Hops whose descriptors are computed together."""


class EngineState(NamedTuple):
    """The state of a call at one moment, from `Engine.state`; immutable."""

    setup: EngineSetup
    at: int
    """Stream index of the next block."""
    values: Mapping[str, Any]
    """Copies of the engine's values."""


def copy_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of an engine's values that shares `Immutable`s and weights."""
    weights = values["_prosody"].weights.values()
    return copy.deepcopy(dict(values), {id(shared): shared for shared in weights})

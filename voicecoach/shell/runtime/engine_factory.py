"""An engine with the models that ship."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from voicecoach.audio.vad import SileroVad
from voicecoach.coaching.cues import Cue
from voicecoach.config import Config
from voicecoach.dsp.prosody import GROUP, ProsodyExtractor, load_weights
from voicecoach.engine import Engine
from voicecoach.estimates.agitation import AgitationModel
from voicecoach.estimates.baseline import Usual
from voicecoach.language.wording import WordingModel
from voicecoach.shell.runtime.latency import Stages
from voicecoach.shell.runtime.resources import (
    agitation_model,
    prosody_model,
    vad_model,
    wording_model,
)
from voicecoach.types import SPEAKERS, Speaker


class Models(NamedTuple):
    """The model files of an engine."""

    vad: Path
    prosody: Path
    agitation: Path
    wording: Path


def shipped() -> Models:
    """Return the files in `models/`, checked.

    Raises
    ------
    ModelError
        Where one is missing or is not the one that was released.
    """
    return Models(vad_model(), prosody_model(), agitation_model(), wording_model())


def assemble(
    config: Config,
    cues: tuple[Cue, ...],
    models: Models,
    *,
    speakers: tuple[Speaker, ...] = SPEAKERS,
    transcribe: bool = True,
    frames: bool = False,
    usual: Usual | None = None,
    stages: Stages | None = None,
) -> Engine:
    """Return an engine for one call; what is not explained here is as `Engine` has it.

    Where there are `stages`, the time that detecting and describing take is noted there.

    Raises
    ------
    ModelError
        Where a file is not a usable model.
    """
    vad = SileroVad(models.vad, speakers)
    prosody = ProsodyExtractor(load_weights(models.prosody), group=1 if frames else GROUP)
    return Engine(
        config,
        cues,
        stages.watch("vad", vad) if stages else vad,
        stages.watch("features", prosody) if stages else prosody,
        AgitationModel(models.agitation),
        WordingModel(models.wording),
        speakers=speakers,
        transcribe=transcribe,
        frames=frames,
        usual=usual,
    )

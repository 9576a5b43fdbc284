"""What this machine can do, and what to install for the rest."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from voicecoach import config
from voicecoach.coaching import cues
from voicecoach.errors import VoiceCoachError
from voicecoach.shell.apps.live import no_overlay
from voicecoach.shell.archive.cluster import needed
from voicecoach.shell.asr.whisper import bundled, locate
from voicecoach.shell.capture import choose
from voicecoach.shell.capture.ears import pick
from voicecoach.shell.capture.portaudio import load
from voicecoach.shell.journal.fill import path_of
from voicecoach.shell.journal.store import Journal
from voicecoach.shell.runtime.audio_files import Call
from voicecoach.shell.runtime.engine_factory import assemble, shipped
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource, vad_model
from voicecoach.types import SAMPLE_RATE, Speaker

_TRIAL_S = 20.0


class Finding(NamedTuple):
    """One thing looked at."""

    what: str
    ok: bool
    needed: bool
    """Replay and demo do not work without it."""
    found: str
    """What was found, or what to do."""


def examine(settings: config.Config, rules: tuple[cues.Cue, ...]) -> list[Finding]:
    """Look at everything, in the order a person would mend it."""
    return [
        Finding("Python", True, True, f"{platform.python_version()} on {platform.platform()}"),
        Finding("processors", True, True, f"{os.cpu_count()} cores"),
        _try("speech detection", True, _vad),
        _try("speed without words", True, lambda: _speed(settings, rules)),
        _try("words", False, lambda: _words(settings)),
        _try("sample call", True, lambda: str(_existing(resource("samples", SAMPLE_CALL)).name)),
        _try("temporary folder", True, _scratch),
        _try("live calls", False, _devices),
        _try("overlay", False, _overlay),
        _package("the browser's page", "starlette", "live", lambda: "here"),
        _package("archives", "distributed", "archive", _archive),
        _try("journal", False, lambda: _journal(settings)),
    ]


def _try(what: str, needed: bool, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, needed, look())
    except (VoiceCoachError, OSError, ImportError) as e:
        return Finding(what, False, needed, str(e).splitlines()[0])


def _package(what: str, module: str, extra: str, look: Callable[[], str]) -> Finding:
    try:
        importlib.import_module(module)
    except ImportError:
        return Finding(what, False, False, f"pip install 'voicecoach[{extra}]'")
    return _try(what, False, look)


def _vad() -> str:
    vad_model()
    return f"Silero, onnxruntime {importlib.metadata.version('onnxruntime')}"


def _words(settings: config.Config) -> str:
    model = settings.transcription.model
    version = importlib.metadata.version("faster-whisper")
    if model == config.Transcription().model:
        bundled()
        return f"{model} (bundled, checked), faster-whisper {version}"
    here = Path(locate(model)).is_dir()
    return f"{model}, faster-whisper {version}{'' if here else ' (fetched when first used)'}"


def _speed(settings: config.Config, rules: tuple[cues.Cue, ...]) -> str:
    """Time the first seconds of the sample call; wall-clock, so only a rough word."""
    call = Call.both(_existing(resource("samples", SAMPLE_CALL)))
    engine = assemble(settings, rules, shipped(), transcribe=False)
    began = time.perf_counter()
    for block in call.blocks():
        engine.process(block)
        if block.end >= _TRIAL_S * SAMPLE_RATE:
            break
    return f"{_TRIAL_S / (time.perf_counter() - began):.0f} times real time"


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: missing; install voicecoach again")
    return path


def _scratch() -> str:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
    return tempfile.gettempdir()


def _devices() -> str:
    load()  # what captures, besides what there is to capture
    sources = choose().sources()
    return ", ".join(f"{s}: {pick(sources, s, '').label}" for s in Speaker)


def _archive() -> str:
    needed(dashboard=False)
    return f"Dask {importlib.metadata.version('distributed')}"


def _journal(settings: config.Config) -> str:
    path = path_of(settings)
    if not path.exists():
        return "nothing is in it yet" if settings.journal.enabled else "none is kept"
    with Journal(path) as journal:
        return f"{len(journal.overview())} calls, {path}"


def _overlay() -> str:
    why = no_overlay()
    if why:
        raise ImportError(why)
    return "Qt is here, and a display"

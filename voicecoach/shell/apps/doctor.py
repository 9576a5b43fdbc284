"""Checks what this machine can do, and says what to install for the rest."""

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
from voicecoach.errors import ConfigError, ModelUnavailable, VoiceCoachError
from voicecoach.shell.apps.built_in import built_in_plugins, open_source
from voicecoach.shell.apps.live import why_no_overlay
from voicecoach.shell.archive.cluster import check_installed
from voicecoach.shell.asr.model_inventory import why_first_alone
from voicecoach.shell.asr.model_places import (
    BUNDLED,
    MOONSHINE_BASE,
    check_model_language,
    locate_model,
)
from voicecoach.shell.asr.moonshine_files import is_converted
from voicecoach.shell.capture.ears import pick_source
from voicecoach.shell.capture.portaudio import load_sounddevice
from voicecoach.shell.capture.pulse import PulseBackend
from voicecoach.shell.journal.fill import journal_path
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.languages import find_language
from voicecoach.shell.runtime.plugins import Registry
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource, vad_model
from voicecoach.shell.views.overlay import what_qt_lacks
from voicecoach.types.stream import SAMPLE_RATE, Speaker

_TRIAL_S = 20.0


class CheckResult(NamedTuple):
    """Result of one check."""

    what: str
    ok: bool
    needed: bool
    """Whether replay and demo need it."""
    found: str
    """What was found, or what to do about it."""


def run_checks(settings: config.Config, rules: tuple[cues.Cue, ...]) -> list[CheckResult]:
    """Run all checks, in the order in which a person would fix problems."""
    return [
        CheckResult("Python", True, True, f"{platform.python_version()} on {platform.platform()}"),
        CheckResult("processors", True, True, f"{os.cpu_count()} cores"),
        _run_check("speech detection", True, _vad),
        _run_check("speed without transcription", True, lambda: _speed(settings, rules)),
        _run_check("words", False, lambda: _words(settings)),
        _run_check("second recogniser", False, lambda: _second_recogniser(settings)),
        _run_check("phrases", False, lambda: _phrases(settings, rules)),
        _run_check(
            "sample call", True, lambda: str(_existing(resource("samples", SAMPLE_CALL)).name)
        ),
        _run_check("temporary folder", True, _check_temporary_folder),
        _run_check("live calls", False, lambda: _devices(settings)),
        _run_check("overlay", False, _overlay),
        _package("the browser's page", "starlette", "live", lambda: "installed"),
        _package("archives", "distributed", "archive", _archive),
        _run_check("journal", False, lambda: _journal(settings)),
    ]


def _run_check(what: str, needed: bool, look: Callable[[], str]) -> CheckResult:
    try:
        return CheckResult(what, True, needed, look())
    except (VoiceCoachError, OSError, ImportError) as e:
        return CheckResult(what, False, needed, str(e).splitlines()[0])


def _package(what: str, module: str, extra: str, look: Callable[[], str]) -> CheckResult:
    try:
        importlib.import_module(module)
    except ImportError:
        return CheckResult(what, False, False, f"pip install 'voicecoach[{extra}]'")
    return _run_check(what, False, look)


def _vad() -> str:
    vad_model()
    return f"Silero, onnxruntime {importlib.metadata.version('onnxruntime')}"


def _words(settings: config.Config) -> str:
    engine = settings.transcription.engine
    entry = Registry(built_in_plugins()).find("transcribers", engine)
    if entry.foreign:
        entry.load()
        return f"{engine}, {entry.package}"
    model = settings.transcription.model
    check_model_language(model, settings.transcription.language, not model.endswith(".en"))
    version = importlib.metadata.version("faster-whisper")
    found = locate_model(model)
    if model == BUNDLED:
        skipped = "".join(f"; skipped: {why}" for why in found.skipped)
        return f"{model} from {found.place}, checked; faster-whisper {version}{skipped}"
    here = Path(found.folder).is_dir()
    return f"{model}, faster-whisper {version}{'' if here else ' (downloaded at first use)'}"


def _second_recogniser(settings: config.Config) -> str:
    first = settings.transcription.model
    if why := why_first_alone(settings.transcription):
        raise ModelUnavailable(f"{first} alone: {why}")
    converted = "converted, checked" if is_converted() else "converted at the first call"
    return f"{first} and {MOONSHINE_BASE.name}, {converted}"


def _phrases(settings: config.Config, rules: tuple[cues.Cue, ...]) -> str:
    language = find_language(settings.transcription.language)
    if missing := cues.language_notice(language, rules):
        raise ConfigError(missing)
    return f"{language.code}: all {len(rules)} cues"


def _speed(settings: config.Config, rules: tuple[cues.Cue, ...]) -> str:
    """Time the first seconds of the sample call; wall-clock time, so only a rough figure."""
    call = RecordedCall.from_stereo(_existing(resource("samples", SAMPLE_CALL)))
    engine = build_engine(settings, rules, shipped_models(), transcribe=False)
    began = time.perf_counter()
    for block in call.blocks():
        engine.process(block)
        if block.end >= _TRIAL_S * SAMPLE_RATE:
            break
    return f"{_TRIAL_S / (time.perf_counter() - began):.0f} times real time"


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: missing; reinstall voicecoach")
    return path


def _check_temporary_folder() -> str:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
    return tempfile.gettempdir()


def _devices(settings: config.Config) -> str:
    if not settings.live.source:
        load_sounddevice()  # the capture library, and what there is to capture
    source = open_source(Registry(built_in_plugins(settings)), settings)
    if isinstance(source, PulseBackend):
        source.check_plugin()
    sources = source.sources()
    return ", ".join(f"{s}: {pick_source(sources, s, '').label}" for s in Speaker)


def _archive() -> str:
    check_installed(dashboard=False)
    return f"Dask {importlib.metadata.version('distributed')}"


def _journal(settings: config.Config) -> str:
    path = journal_path(settings)
    if not path.exists():
        return "no calls yet" if settings.journal.enabled else "none is kept"
    with JournalStore(path) as journal:
        return f"{len(journal.call_overviews())} calls, {path}"


def _overlay() -> str:
    # Without a display Qt is not started, and what it lacks is named all the same.
    if reasons := [why for why in dict.fromkeys((why_no_overlay(), what_qt_lacks())) if why]:
        raise ImportError("; ".join(reasons))
    return "Qt and a display are available"

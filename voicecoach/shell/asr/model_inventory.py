"""Says which models are on this machine, what was measured of them, and whether they are whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from voicecoach.config import TranscriptionConfig
from voicecoach.errors import ModelError, ModelUnavailable
from voicecoach.shell.asr.model_fetch import hub_models
from voicecoach.shell.asr.model_places import (
    KNOWN_MODELS,
    MOONSHINE_BASE,
    find_model,
    model_checksums,
    model_places,
)
from voicecoach.shell.asr.moonshine_files import (
    INSTALL_ONNX,
    can_convert,
    converted_folder,
    is_converted,
)
from voicecoach.shell.asr.worker_process import WHISPER
from voicecoach.shell.runtime.resources import checksums, resource, sha256, verify
from voicecoach.text_safety.bounded_input import decode_toml

FIGURES = "models.toml"
"""File in `models/` with what was measured of each model."""
BOTH = "both"
"""Name of the figures of the two recognisers together."""


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured of a model."""

    printed_by: str
    """The script that printed the figures."""
    word_errors: dict[str, float]
    """Word errors by kind of audio, percent."""
    cores: dict[str, float]
    """Processor time by kind of audio, in cores."""
    memory_mb: int


class Checked(NamedTuple):
    """A model in one place, and what is wrong with it, "" if nothing."""

    name: str
    place: str
    wrong: str


def read_figures() -> dict[str, Figures]:
    """Return what was measured, by the model's name, or `BOTH`."""
    return decode_toml(resource("models", FIGURES).read_bytes(), dict[str, Figures])


def check_models() -> Iterator[Checked]:
    """Compare the files of every model that is here with their checksums."""
    shipped = resource("models", "")
    yield Checked("voicecoach's own", str(shipped), _wrong(shipped, checksums("SHA256SUMS")))
    for model in KNOWN_MODELS.values():
        for place, folder in model_places(model).items():
            yield Checked(model.name, place, _wrong(folder, model_checksums(model)))
    converted = converted_folder()
    if converted.exists():
        whole = is_converted()
        wrong = "" if whole else f"{converted}: damaged; it will be converted again"
        yield Checked(f"{MOONSHINE_BASE.name}, converted", str(converted), wrong)
    for name, folder in hub_models().items():
        yield Checked(name, str(folder), wrong_in_cache(folder))


def why_first_alone(settings: TranscriptionConfig) -> str:
    """Return why the first recogniser runs without the second one; "" if both run.

    What can be told without loading or converting a model.
    """
    if settings.engine != WHISPER:
        return f"{settings.engine} is used alone"
    if settings.language != "en":
        return f"{MOONSHINE_BASE.name} understands English only"
    if is_converted():
        return ""
    try:
        find_model(MOONSHINE_BASE)
    except ModelUnavailable as e:
        return str(e)
    except ModelError as e:
        return f"{e}; {MOONSHINE_BASE.remedy}"
    return "" if can_convert() else f"{MOONSHINE_BASE.name} must be converted once: {INSTALL_ONNX}"


def wrong_in_cache(folder: Path) -> str:
    """Return what is wrong with a model in the hub's cache, whose files are named by their hash.

    Large files are named by their SHA-256, small ones by git's SHA-1.  Where the system has no
    symbolic links there are no such names, and nothing is found wrong.
    """
    for path in sorted(folder.iterdir()):
        named = path.resolve().name
        try:
            if len(named) == 64:
                right = sha256(path) == named
            elif len(named) == 40:
                data = path.read_bytes()
                head = f"blob {len(data)}\0".encode()
                right = hashlib.sha1(head + data, usedforsecurity=False).hexdigest() == named
            else:
                continue
        except OSError as e:
            return f"{path}: {e.strerror}"
        if not right:
            return f"{path}: the model file was changed (its hash differs); delete it"
    return ""


def _wrong(folder: Path, expected: dict[str, str]) -> str:
    try:
        verify(folder, expected)
    except ModelError as e:
        return str(e)
    except OSError as e:
        return f"{folder}: {e.strerror}"
    return ""

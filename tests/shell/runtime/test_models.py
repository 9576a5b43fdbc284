"""A model file that is truncated, swapped or gone is refused before a call, in a line."""

import shutil
from pathlib import Path

import pytest

from voicecoach.errors import ModelError
from voicecoach.shell.runtime import resources
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.resources import checksums, resource, silence_states, verify

USED = ("silero_vad.onnx", "prosody.npz", "campplus.onnx", "agitation.onnx", "wording.onnx")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the models, which is the one that is used."""
    shutil.copytree(resource("models", ""), tmp_path / "models")
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "voicecoach")
    assert shipped_models().vad.name == str(tmp_path / "models" / "silero_vad.onnx")
    return tmp_path / "models"


@pytest.mark.parametrize("how", ["truncated", "swapped", "one bit", "empty", "gone"])
@pytest.mark.parametrize("name", USED)
def test_a_model_that_is_not_the_one_that_was_released_is_refused(
    models: Path, name: str, how: str
) -> None:
    path = models / name
    data = path.read_bytes()
    match how:
        case "truncated":
            path.write_bytes(data[:-1])
        case "swapped":
            shutil.copyfile(models / USED[USED.index(name) - 1], path)
        case "one bit":
            path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
    why = "is missing" if how == "gone" else "its SHA-256 differs"
    with pytest.raises(ModelError, match=why) as refused:
        shipped_models()
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_stands_in_for_silence_is_checked_too(models: Path) -> None:
    (models / "silence.npz").write_bytes(b"PK")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        silence_states()


def test_the_recognisers_files_are_checked(tmp_path: Path) -> None:
    known = checksums("whisper-tiny.en.SHA256SUMS")
    assert "model.bin" in known
    for name in known:
        (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        verify(tmp_path, known)

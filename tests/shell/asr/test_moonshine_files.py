"""The second model is converted once, into the cache: whole or not at all, and checked."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from scripts.support.environment import ROOT
from tests.shell.journal.test_durability import tiny_disk
from voicecoach.errors import ModelError, ModelUnavailable
from voicecoach.shell.asr import moonshine_files
from voicecoach.shell.asr.model_places import MOONSHINE_BASE, find_model, model_checksums
from voicecoach.shell.asr.moonshine_conversion import SOURCES
from voicecoach.shell.asr.moonshine_files import (
    CHECKSUMS,
    CONVERTED,
    SHARES,
    converted_folder,
    is_converted,
    locked_folder,
    moonshine_folder,
)
from voicecoach.shell.asr.whisper import _sample_call_audio
from voicecoach.shell.runtime.atomic_write import UNFINISHED
from voicecoach.testing import wait_until
from voicecoach.types.stream import F32

BEGIN, END = 1, 2


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of converted models in an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return converted_folder().parent


@pytest.fixture
def published(cache: Path) -> Path:
    """Return the folder with the published files."""
    try:
        return Path(find_model(MOONSHINE_BASE).folder)
    except ModelUnavailable as e:
        pytest.skip(str(e))


@pytest.fixture
def nowhere(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the published files be in no place."""
    monkeypatch.delenv(MOONSHINE_BASE.variable, raising=False)
    monkeypatch.delitem(MOONSHINE_BASE.packages, "moonshine-cpp")


@pytest.fixture
def recorded(moonshine: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the conversion by what it once wrote; return a list with an entry for each."""
    made = []

    def convert(source: Path, target: Path, progress: object) -> None:
        made.append(target.name)
        for name in CONVERTED[:2]:
            shutil.copyfile(moonshine / name, target / name)

    monkeypatch.setattr(moonshine_files, "_run_conversion", convert)
    return made


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.name != ".lock")


def pieces(tokenizer: bytes) -> list[str]:
    """Return the tokens' texts: each with its length before it, in one byte or two."""
    found, at = [], 0
    while at < len(tokenizer):
        size, at = tokenizer[at], at + 1
        if size >= 128:
            size, at = size - 128 + 128 * tokenizer[at], at + 1
        found.append(tokenizer[at : at + size].decode("utf-8", "replace"))
        at += size
    return found


def log_probability(logits: F32, tokens: list[int]) -> float:
    odds = logits - logits.max(-1, keepdims=True)
    odds -= np.log(np.exp(odds).sum(-1, keepdims=True))
    return float(odds[np.arange(len(odds)), tokens[1:]].sum())


@pytest.mark.words
def test_the_converted_model_transcribes_and_scores(moonshine: Path) -> None:
    encoder, decoder = (
        onnxruntime.InferenceSession(str(moonshine / name), providers=["CPUExecutionProvider"])
        for name in CONVERTED[:2]
    )
    audio = encoder.run(None, {"samples": _sample_call_audio(203.4, 212.4)[None]})
    parts = [output.name for output in encoder.get_outputs()]
    heard = dict(zip(parts, audio, strict=True))
    empty = {name.replace("audio", "past"): np.zeros((1, 8, 0, 52), np.float32) for name in parts}
    tokens, past = [BEGIN], empty
    scores = []
    while tokens[-1] != END and len(tokens) < 60:
        logits, *present = decoder.run(None, {"input_ids": [tokens[-1:]], **heard, **past})
        past = dict(zip(empty, present, strict=True))
        scores.append(logits[0, -1])
        tokens.append(int(logits[0, -1].argmax()))
    known = pieces((moonshine / "tokenizer.bin").read_bytes())
    text = "".join(known[token] for token in tokens[1:-1]).replace("\u2581", " ").lower()
    assert "would you prefer between" in text
    # All tokens at once give the same as one after the other: a given text is scored in one run.
    whole = decoder.run(None, {"input_ids": [tokens[:-1]], **heard, **empty})[0][0]
    assert whole.argmax(-1).tolist() == tokens[1:]
    assert log_probability(whole, tokens) == pytest.approx(
        log_probability(np.array(scores), tokens), abs=0.5
    )


def test_what_was_converted_is_listed_with_its_checksums_and_not_converted_again(
    moonshine: Path,
) -> None:
    assert {path.name for path in moonshine.iterdir()} == {*CONVERTED, CHECKSUMS}
    listed = subprocess.run(
        ["sha256sum", "--check", "--quiet", CHECKSUMS], cwd=moonshine, check=False
    )
    assert listed.returncode == 0
    assert moonshine.name.startswith("moonshine-base-")
    assert moonshine_folder(lambda step, share: pytest.fail(step)) == moonshine


def test_a_new_version_of_the_conversion_has_a_folder_of_its_own(
    moonshine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moonshine_files, "CONVERSION", 1000)
    assert converted_folder() != moonshine
    assert not is_converted()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def spoil(path: Path) -> None:
    path.write_bytes(b"\xff")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("encoder.onnx", cut),
        ("decoder.onnx", flip),
        ("tokenizer.bin", Path.unlink),
        (CHECKSUMS, cut),
        (CHECKSUMS, spoil),
        (CHECKSUMS, Path.unlink),
    ],
)
def test_a_folder_that_is_not_whole_is_not_used_but_made_again(
    name: str,
    damage: Callable[[Path], None],
    moonshine: Path,
    published: Path,
    recorded: list[str],
    cache: Path,
) -> None:
    shutil.copytree(moonshine, converted_folder())
    assert is_converted()
    damage(converted_folder() / name)
    assert not is_converted()
    assert moonshine_folder() == converted_folder()
    assert is_converted()
    assert left_in(cache) == [moonshine.name]
    assert len(recorded) == 1


def test_a_second_process_waits_for_the_first_and_takes_what_it_made(
    moonshine: Path, published: Path, recorded: list[str], cache: Path
) -> None:
    told: list[str] = []
    entered = threading.Event()

    def first() -> None:
        with locked_folder(cache):
            entered.set()
            wait_until(lambda: bool(told))
            shutil.copytree(moonshine, converted_folder())

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait()
    assert moonshine_folder(lambda step, share: told.append(step)) == converted_folder()
    thread.join()
    assert told == ["waiting for another voicecoach"]
    assert recorded == []
    assert left_in(cache) == [moonshine.name]


def test_a_process_that_does_not_end_is_not_waited_for_for_ever(
    published: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moonshine_files, "WAIT_S", 0.1)
    with locked_folder(cache), pytest.raises(ModelUnavailable, match="another voicecoach"):
        moonshine_folder()


CONVERT = """
from voicecoach.shell.asr.moonshine_files import moonshine_folder
moonshine_folder(lambda step, share: print(step, flush=True))
"""


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGKILL])
def test_a_conversion_that_is_ended_leaves_nothing_that_is_used(
    ask: signal.Signals, published: Path, cache: Path
) -> None:
    command = [sys.executable, "-c", CONVERT]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=inherited()
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith(b"reading ")
        process.send_signal(ask)
        process.communicate()
    assert process.returncode == -ask
    left = left_in(cache)
    assert [name for name in left if not name.startswith(UNFINISHED)] == []
    assert (left == []) == (ask == signal.SIGINT)

    def tidied() -> bool:
        with locked_folder(cache):  # the process that converts ends a moment later
            return left_in(cache) == []

    wait_until(tidied)


ENDS = """
import time
from voicecoach.shell.asr import moonshine_files
def convert(source, target, step):
    step("writing")
    {0}
moonshine_files.convert_model = convert
moonshine_files.main()
"""


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("pass", 0, []),
        ("time.sleep(600)", 1, []),
        ("raise OSError('no\\nroom')", 1, [{"error": "no"}]),
    ],
)
def test_the_process_that_converts_ends_when_it_is_done_or_its_command_is_gone(
    how: str, code: int, said: list[dict[str, str]]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENDS.format(how), "source", "target"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=inherited(),
    ) as process:
        assert process.stdin
        assert process.stdout
        assert json.loads(process.stdout.readline()) == {"step": "writing"}
        if "sleep" in how:
            process.stdin.close()
        assert [json.loads(line) for line in process.stdout] == said
        assert process.wait() == code


CLOSES_FIRST = """#!/bin/sh
echo '{"step": "writing"}'
exec >&-
timeout 0.5 cat >/dev/null
test $? = 124
"""
"""Succeeds if its input stays open when its output is closed."""


def test_the_process_that_converts_may_end_in_its_own_time(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "python"
    script.write_text(CLOSES_FIRST)
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))
    # It wrote nothing, which is another error than that it was ended.
    with pytest.raises(ModelUnavailable, match="cannot keep the converted model"):
        moonshine_folder()


def inherited() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_a_disk_that_gets_full_is_said_and_nothing_half_is_left(
    published: Path, cache: Path
) -> None:
    cache.mkdir(parents=True)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000_000, before[1]))
    steps: list[tuple[str, float | None]] = []
    try:
        with pytest.raises(ModelUnavailable, match="cannot convert moonshine-base: ") as full:
            moonshine_folder(lambda step, share: steps.append((step, share)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(full.value)
    assert [step for step, _ in steps] == [f"reading {name}" for name in SOURCES.values()]
    assert [share for _, share in steps] == list(SHARES[:2])
    assert left_in(cache) == []


def test_a_disk_that_is_too_small_is_said_before(
    published: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tiny_disk(tmp_path / "small") as small:
        monkeypatch.setenv("XDG_CACHE_HOME", str(small))
        with pytest.raises(ModelUnavailable, match=r"the disk is full; free 600 MB") as full:
            moonshine_folder()
        assert str(small) in str(full.value)
        assert left_in(converted_folder().parent) == []


def test_a_cache_that_cannot_be_written_is_said(
    published: Path, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ModelUnavailable, match=r"Not a directory; .* make the folder writable"):
        moonshine_folder()


def test_without_the_package_onnx_the_remedy_is_named(
    published: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModelUnavailable, match=r"pip install 'voicecoach\[model\]'"):
        moonshine_folder()
    assert not cache.exists()


def test_without_the_published_files_the_remedy_is_named(nowhere: None, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="voicecoach models install moonshine-base"):
        moonshine_folder()
    wrong = tmp_path / "data" / "voicecoach" / "models" / "moonshine-base"
    wrong.mkdir(parents=True)
    for name in model_checksums(MOONSHINE_BASE):
        (wrong / name).write_bytes(b"something else")
    with pytest.raises(ModelError, match=r"SHA-256 differs.*voicecoach models install"):
        moonshine_folder()


def test_the_converted_files_are_used_when_the_published_ones_are_gone(
    moonshine: Path, nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(moonshine.parents[2]))
    assert moonshine_folder() == moonshine

"""Embeddings of one voice are alike over lines and words, and those of two are not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import voicecoach
from scripts.train.voices import speech_only
from voicecoach.audio.voice_embedding import (
    BANDS,
    EMBEDDING,
    FRAMES,
    WINDOW,
    CamPlusPlus,
    voice_input,
)
from voicecoach.errors import ModelError
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource, voice_model
from voicecoach.types.stream import F32, SAMPLE_RATE, SPEAKERS, FileContents

PACKAGE = Path(voicecoach.__file__).parent


@pytest.fixture(scope="module")
def embedder() -> CamPlusPlus:
    return CamPlusPlus(voice_model())


@pytest.fixture(scope="module")
def voices() -> list[F32]:
    """Return the speech of both speakers of the sample call."""
    recording = RecordedCall.from_stereo(resource("samples", SAMPLE_CALL))
    call = np.concatenate([block.samples for block in recording.blocks()], axis=1)
    return [speech_only(call[speaker.row]) for speaker in SPEAKERS]


def windows(voice: F32, count: int = 20) -> Iterator[F32]:
    for at in np.linspace(0, len(voice) - WINDOW, count).astype(int):
        yield voice[at : at + WINDOW]


def test_each_voice_of_a_call_is_nearer_to_itself(embedder: CamPlusPlus, voices: list[F32]) -> None:
    agent, customer = (np.stack([embedder.process(x) for x in windows(v)]) for v in voices)
    assert agent.shape == (20, EMBEDDING)
    assert np.allclose(np.linalg.norm(agent, axis=1), 1.0, atol=1e-5)
    own = [np.median(x @ x.T) for x in (agent, customer)]
    assert min(own) > 0.25 > np.median(agent @ customer.T) + 0.15


def test_level_does_not_matter(embedder: CamPlusPlus, voices: list[F32]) -> None:
    (window,) = windows(voices[0], 1)
    loud, soft = embedder.process(window), embedder.process(window * np.float32(0.05))
    assert loud @ soft > 0.98


def test_a_line_is_narrow_if_nothing_is_above_4_khz(voices: list[F32]) -> None:
    (window,) = windows(voices[0], 1)
    seconds = np.arange(WINDOW) / SAMPLE_RATE
    power = float(np.square(window).mean())

    def with_tone(hz: float, share: float) -> bool:
        tone = np.sin(2.0 * np.pi * hz * seconds) * (2.0 * power * share) ** 0.5
        return voice_input((window + tone).astype(np.float32)).narrow

    assert voice_input(window).narrow
    # Pre-emphasis makes a tone at 5 kHz 17 times as strong beside speech: 1e-4 there is 6e-6 here.
    assert with_tone(5000.0, 4e-6)
    assert not with_tone(5000.0, 9e-6)
    assert with_tone(4000.0, 9e-6)


def test_the_input_is_that_of_a_window(voices: list[F32]) -> None:
    (window,) = windows(voices[0], 1)
    log_mel = voice_input(window).log_mel
    assert log_mel.shape == (FRAMES, BANDS)
    assert np.abs(log_mel.mean(axis=0)).max() < 1e-4


def test_silence_has_an_embedding_too(embedder: CamPlusPlus) -> None:
    assert np.isfinite(embedder.process(np.zeros(WINDOW, np.float32))).all()


def test_a_file_that_is_no_model_is_refused() -> None:
    with pytest.raises(ModelError, match="not a usable voice embedding model"):
        CamPlusPlus(FileContents("some.onnx", b"no model"))


def test_what_voices_are_like_stays_in_the_engine() -> None:
    """No module that writes, sends or shows anything can reach an embedding."""
    rooms = {"voicecoach.audio.voice_embedding", "voicecoach.audio.people"}
    may = {"engine.py", "audio/people.py", "audio/whose_voice.py", "testing/doubles.py",
           "shell/runtime/engine_factory.py"}  # fmt: skip
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
            a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names
        }
        assert not names & rooms or path.relative_to(PACKAGE).as_posix() in may, path

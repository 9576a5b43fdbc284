"""Speech probability by the real model."""

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecoach.audio.vad import SileroVad
from voicecoach.errors import ModelError
from voicecoach.shell.runtime.resources import resource, vad_model
from voicecoach.testing import silence, stereo, white_noise
from voicecoach.types.stream import F32, HOP, MAX_HOPS, FileContents, Speaker


@pytest.fixture(scope="module")
def talk() -> F32:
    """Seconds 1 to 5 of the sample call: the agent greets, the customer is silent."""
    x, rate = soundfile.read(
        resource("samples", "auto_repairs_40.flac"), start=8000, stop=40_000, dtype="float32"
    )
    y = soxr.resample(x, rate, 16_000).T
    return np.ascontiguousarray(y[:, : y.shape[1] // HOP * HOP], np.float32)


@settings(max_examples=20)
@given(st.lists(st.integers(1, MAX_HOPS), min_size=1, max_size=9))
def test_any_block_split_gives_the_same_probabilities(talk: F32, sizes: list[int]) -> None:
    whole, cut = SileroVad(vad_model()), SileroVad(vad_model())
    part, start, i = talk[:, : 100 * HOP], 0, 0
    got = []
    while start < part.shape[1]:
        end = min(start + sizes[i % len(sizes)] * HOP, part.shape[1])
        got.append(cut.process(part[:, start:end]))
        start, i = end, i + 1
    expected = [whole.process(part[:, at : at + 16 * HOP]) for at in range(0, 100 * HOP, 16 * HOP)]
    assert np.array_equal(np.concatenate(got, axis=1), np.concatenate(expected, axis=1))


def probabilities(samples: F32, vad: SileroVad) -> F32:
    parts = [vad.process(samples[:, i : i + 4096]) for i in range(0, samples.shape[1], 4096)]
    return np.concatenate(parts, axis=1)


def test_speech_is_found_and_silence_and_noise_are_not(talk: F32) -> None:
    p = probabilities(talk, SileroVad(vad_model()))
    assert np.mean(p[0] > 0.5) > 0.8
    assert np.mean(p[1] > 0.5) < 0.2
    q = probabilities(stereo(white_noise(3.0, 0.05), silence(3.0)), SileroVad(vad_model()))
    assert (q[:, 4:] < 0.5).all()


def test_an_absent_speaker_has_no_speech(talk: F32) -> None:
    p = probabilities(talk, SileroVad(vad_model(), (Speaker.CUSTOMER,)))
    assert not p[0].any()
    assert np.array_equal(p[1], probabilities(talk, SileroVad(vad_model()))[1])


def test_reset_forgets(talk: F32) -> None:
    vad = SileroVad(vad_model())
    first = probabilities(talk[:, : 33 * HOP], vad)
    vad.reset()
    assert np.array_equal(first, probabilities(talk[:, : 33 * HOP], vad))


def test_a_file_that_is_no_model_is_a_clear_error() -> None:
    bad = FileContents("vad.onnx", b"not a model")
    with pytest.raises(ModelError, match="not a usable voice activity model"):
        SileroVad(bad)

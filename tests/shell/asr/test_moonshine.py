"""The second recogniser, as it was converted."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.support import corpora
from voicecoach.shell.asr.moonshine import Moonshine
from voicecoach.types.stream import F32, SAMPLE_RATE


@pytest.fixture(scope="module")
def model(moonshine: Path) -> Moonshine:
    return Moonshine(moonshine)


@pytest.fixture(scope="module")
def said() -> tuple[F32, str]:
    if not (corpora.DATA / "librispeech").is_dir():
        pytest.skip("the shared recordings are not here")
    short = (x for x in corpora.librispeech() if len(x[1]) < 7 * SAMPLE_RATE)
    _, samples, text = next(x for x in short if "NIGHTFALL" in x[2].upper())
    return samples.astype(np.float32), text.lower()


def plain(text: str) -> list[str]:
    return "".join(c for c in text.lower() if c.isalpha() or c in " '").split()


def test_clear_speech_is_heard(model: Moonshine, said: tuple[F32, str]) -> None:
    audio, text = said
    for careful in (False, True):
        words = model.transcribe(audio, careful=careful)
        assert plain(" ".join(word.text for word in words)) == plain(text)
        assert all(0 < word.probability <= 1 for word in words)


def test_a_prefix_is_not_said_again(model: Moonshine, said: tuple[F32, str]) -> None:
    audio, _ = said
    whole = [word.text for word in model.transcribe(audio)]
    rest = model.transcribe(audio, prefix=" ".join(whole[:3]))
    assert [word.text for word in rest] == whole[3:]


def test_hypotheses_are_as_likely_as_they_are_judged(
    model: Moonshine, said: tuple[F32, str]
) -> None:
    audio, _ = said
    found = model.decode(model.encode(audio), 3)
    assert [x.log_probability for x in found] == sorted(
        (x.log_probability for x in found), reverse=True
    )
    texts = model.hypotheses(audio)
    judged = model.judge(texts)
    assert texts == [model.text(x.tokens) for x in found]
    # 8-bit products differ a little with the number of rows.
    np.testing.assert_allclose(judged, [x.log_probability for x in found], atol=0.5)
    assert judged[0] > model.judge(["some other words"])[0] + 10
    first, rest = texts[0].split(" ", 1)
    after = model.judge([rest], prefix=first)
    np.testing.assert_allclose(after, model.judge([texts[0]]), atol=0.5)
    assert model.judge([rest], prefix=first, ended=False)[0] >= after[0]


@pytest.mark.parametrize("samples", [0, 1, 1599, 1600, 4800])
def test_any_length_of_audio_is_taken(model: Moonshine, samples: int) -> None:
    audio = np.random.default_rng(0).normal(0, 0.01, samples).astype(np.float32)
    for careful in (False, True):
        model.transcribe(audio, careful=careful)
    model.hypotheses(audio)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30))
def test_any_text_has_tokens(model: Moonshine, text: str) -> None:
    text = " ".join(text.split()).replace("\N{LOWER ONE EIGHTH BLOCK}", "")
    assert model.text(model.tokens(text)) == text.strip()

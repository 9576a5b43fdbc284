"""Acted anger of speakers that the model has not heard, through the whole engine."""

import numpy as np
import pytest

from scripts.staging import streams
from scripts.support import corpora
from voicecoach.estimates.tone import ALERT_LEVEL
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.types.stream import SAMPLE_RATE

pytestmark = pytest.mark.skipif(
    not (corpora.DATA / "nemo").is_dir(), reason="the shared data is not there"
)


def outranks(high: list[float], low: list[float]) -> float:
    """Return how often one of the first is above one of the second."""
    return float(np.mean(np.array(high)[:, None] > np.array(low)))


@pytest.mark.parametrize("speaker", ["nEMO_IC0", "nEMO_MP0"])
def test_a_strangers_anger_is_told_from_their_calm(speaker: str) -> None:
    rng = np.random.default_rng(3)
    clips = [c for c in streams.nemo() if c.speaker == speaker]
    kept = [c for c in clips if c.emotion in {"angry", "neutral", "sad"}]
    stream = streams.stream(streams.in_order(kept, 4, rng), streams.PLAIN, rng)
    tones = streams.tones(stream.samples, shipped_models())
    told: dict[str, list[float]] = {}
    for (start, end), emotion in list(zip(stream.spans, stream.emotions, strict=True))[4:]:
        last = [t.agitation for t in tones if max(start, end - SAMPLE_RATE) < t.at <= end]
        told.setdefault(emotion, []).append(float(np.mean(last)))
    assert outranks(told["angry"], told["neutral"]) > 0.8
    assert outranks(told["angry"], told["sad"]) > 0.8
    assert max(told["neutral"]) < ALERT_LEVEL

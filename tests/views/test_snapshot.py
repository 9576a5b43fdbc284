"""What a live view is given of a call so far."""

from __future__ import annotations

import numpy as np
import pytest

from voicecoach.testing import make_utterance
from voicecoach.types.stream import HOP, SPEAKERS, Block, Speaker
from voicecoach.views.snapshot import Snapshot


@pytest.mark.parametrize(
    ("level_dbfs", "told_dbfs"), [(-99.0, -99.0), (-101.0, -100.0), (-180.0, -100.0)]
)
def test_a_level_is_at_least_minus_100_dbfs(level_dbfs: float, told_dbfs: float) -> None:
    snapshot = Snapshot()
    snapshot.set_levels(Block(0, np.full((2, HOP), 10 ** (level_dbfs / 20), np.float32)))
    assert [snapshot.level_dbfs[s] for s in SPEAKERS] == pytest.approx([told_dbfs] * 2, abs=0.01)


def test_the_newest_8_utterances_are_there() -> None:
    snapshot = Snapshot()
    for number in range(1, 21):
        snapshot.add_event(
            make_utterance(f"line {number}", speaker=Speaker.AGENT, utterance=number, end=number)
        )  # fmt: skip
    assert [line.text for line in snapshot.lines] == [f"line {n}" for n in range(13, 21)]

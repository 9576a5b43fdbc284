"""The active level at the edge of what is active."""

from __future__ import annotations

import numpy as np
import pytest

from voicecoach.dsp.level import ActiveLevel
from voicecoach.testing import sine
from voicecoach.types.stream import HOP, MAX_HOPS


@pytest.mark.parametrize(("down_db", "level_db"), [(12.0, -2.7), (24.0, 0.0)])
def test_what_is_16_db_below_the_active_level_is_a_pause(down_db: float, level_db: float) -> None:
    """Half of it is a tone, half the same one further down: 2.7 dB less where both are active."""
    tone = sine(500.0, 4.0, 0.1)
    sound = np.concatenate([tone, tone * np.float32(10 ** (-down_db / 20))])[None]
    stage, step = ActiveLevel(1), MAX_HOPS * HOP
    found = [stage.process(sound[:, i : i + step]) for i in range(0, sound.shape[1], step)]
    loud_dbfs = -23.0
    assert found[-1][0, -1] == pytest.approx(loud_dbfs + level_db, abs=1.0)

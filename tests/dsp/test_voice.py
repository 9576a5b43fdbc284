"""Voice quality at the ends of its range."""

from __future__ import annotations

import numpy as np
import pytest

from voicecoach.dsp.spectrum import NFFT
from voicecoach.dsp.voice import hnr_db
from voicecoach.types.stream import SAMPLE_RATE


@pytest.mark.parametrize(("periods", "expected"), [(1.0, 40.0), (0.5, -20.0)])
def test_hnr_ends_at_minus_20_and_40_db(periods: float, expected: float) -> None:
    """A tone repeats after a period, and is its opposite after half of one."""
    place = 16
    power = np.zeros((1, NFFT // 2 + 1), np.float32)
    power[0, place] = 1.0
    f0_hz = np.array([place * SAMPLE_RATE / NFFT / periods], np.float32)
    assert hnr_db(power, f0_hz) == pytest.approx(expected, abs=0.1)

"""How closely the report draws a call's signals."""

from __future__ import annotations

import pytest

from voicecoach.types.events import Ended
from voicecoach.types.stream import SAMPLE_RATE
from voicecoach.views.report import make_report


@pytest.mark.parametrize(("length_s", "points"), [(1024, 4001), (2000, 7813), (2100, 8001)])
def test_signals_have_a_point_every_0256_s_and_about_8000_at_most(
    length_s: int, points: int
) -> None:
    end = length_s * SAMPLE_RATE
    series = make_report({}, [Ended(at=end, end=end)], None).series
    assert len(series.agitation) == points

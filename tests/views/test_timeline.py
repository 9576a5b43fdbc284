"""Which silences a time line shows."""

from __future__ import annotations

import pytest

from voicecoach.types.events import SpeechEnded
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views.timeline import silence_lane

S = SAMPLE_RATE


@pytest.mark.parametrize(("silent_s", "kinds"), [(2.05, ["pause"]), (1.95, [])])
def test_a_silence_of_2_s_is_shown(silent_s: float, kinds: list[str]) -> None:
    begins = 5 * S + round(silent_s * S)
    speech = [
        SpeechEnded(at=5 * S, speaker=Speaker.AGENT, start=0, end=5 * S),
        SpeechEnded(at=20 * S, speaker=Speaker.CUSTOMER, start=begins, end=20 * S),
    ]
    assert [shown.kind for shown in silence_lane(speech, 20 * S, 10.0)] == kinds

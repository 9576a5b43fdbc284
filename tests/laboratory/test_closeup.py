"""How much of a call a close-up of a change shows."""

from __future__ import annotations

import pytest

from voicecoach.coaching.cues import built_in_cues
from voicecoach.coaching.signal_trace import CueInputs
from voicecoach.laboratory.closeup import call_closeups
from voicecoach.laboratory.comparison import UNKNOWN_SIGNALS, CueChange, CueShowing
from voicecoach.types.stream import SAMPLE_RATE, TICK_S, TICK_SAMPLES


def test_a_close_up_is_from_15_s_before_a_cue_opens_to_10_s_after_it_closes() -> None:
    readings = [
        CueInputs(at, UNKNOWN_SIGNALS, {}, {})
        for at in range(TICK_SAMPLES, 200 * SAMPLE_RATE, TICK_SAMPLES)
    ]
    cues = {cue.id: cue for cue in built_in_cues()}
    a, b = (CueShowing(at, at + 6, "t", "m", "", "behaviour stopped") for at in (100.0, 103.0))
    change = CueChange("soften", ("moved", "closes"), a, b, "")
    (close,) = call_closeups(readings, [change], cues, cues, 10.0).closeups
    assert (close.start_s, close.end_s) == (85.0, 119.0)
    times = [at_s for at_s, _ in close.strips[0].points]
    assert (times[0], times[-1]) == pytest.approx((85.0, 119.0), abs=TICK_S)

"""When two cards are one that moved, and when they are the same."""

from __future__ import annotations

import pytest

from voicecoach.laboratory.comparison import CueShowing, CueTimeline, compare_cues


def shown(opened_s: float, closed_s: float) -> CueTimeline:
    """Return a call with one cue."""
    card = CueShowing(opened_s, closed_s, "t", "m", "", "behaviour stopped")
    return CueTimeline({"x": [card]}, {})


@pytest.mark.parametrize(("later_s", "moved"), [(9.9, True), (10.1, False)])
def test_a_cue_that_opens_10_s_later_has_moved(later_s: float, moved: bool) -> None:
    changes = compare_cues(shown(30, 35), shown(30 + later_s, 35 + later_s))
    assert [change.what for change in changes] == (
        [("moved", "closes")] if moved else [("only A",), ("only B",)]
    )


@pytest.mark.parametrize(("later_s", "differs"), [(0.0009, False), (0.0011, True)])
def test_a_thousandth_of_a_second_is_no_difference(later_s: float, differs: bool) -> None:
    for other, what in ((shown(30 + later_s, 35), "moved"), (shown(30, 35 + later_s), "closes")):
        (change,) = compare_cues(shown(30, 35), other)
        assert change.what == ((what,) if differs else ())

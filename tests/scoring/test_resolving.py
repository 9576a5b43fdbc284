"""How soon an act resolves what it answers, and how near to the goodbye it counts."""

from __future__ import annotations

import pytest

from tests.scoring.conversations import A, C, act, line, score
from voicecoach.testing import make_cue
from voicecoach.types.stream import SAMPLE_RATE


@pytest.mark.parametrize(("after_s", "in_time"), [(29.5, 1.0), (30.5, 0.0)])
def test_a_limit_is_in_time_within_30_s(after_s: float, in_time: float) -> None:
    call = [line(A, 3), line(C, 6), line(A, 60), line(C, 3)]
    abuse, limit = act(C, "abuse", 7.0), act(A, "limit", 7.25 + after_s)
    assert score("expectations", call, abuse, limit) == in_time


@pytest.mark.parametrize(("after_s", "in_time"), [(59.5, 1.0), (60.5, 0.0)])
def test_an_offer_to_hand_over_that_nobody_asked_for_is_in_time_within_60_s(
    after_s: float, in_time: float
) -> None:
    call = [line(A, 3), line(C, 6), line(A, 90), line(C, 3)]
    cue = make_cue(11 * SAMPLE_RATE, "hand-over", title="T", message="m")
    assert score("escalation", call, cue, act(A, "escalation", 11 + after_s)) == in_time


@pytest.mark.parametrize(("after_s", "offered"), [(44.5, 1.0), (45.5, 0.5)])
def test_a_demand_within_45_s_is_the_same_demand(after_s: float, offered: float) -> None:
    call = [line(A, 3), line(C, 60), line(A, 60), line(C, 3)]
    first, again = act(C, "demand", 7.0), act(C, "demand", 7.25 + after_s)
    assert score("escalation", call, first, act(A, "escalation", 8.0), again) == offered


@pytest.mark.parametrize(("before_s", "counts"), [(59.5, 0.5), (60.5, 0.0)])
def test_a_recap_counts_in_the_60_s_before_the_goodbye(before_s: float, counts: float) -> None:
    call = [line(C, 3), line(A, 140)]
    recap, bye = act(A, "recap", 130 - before_s), act(A, "closing", 130.0)
    assert score("follow-up", call, recap, bye) == counts


@pytest.mark.parametrize(("before_s", "counts"), [(89.5, True), (90.5, False)])
def test_a_goodbye_is_in_the_last_90_s_of_the_call(before_s: float, counts: bool) -> None:
    call = [line(C, 3), line(A, 194)]
    ends_s = 1.0 + 3 + 1.0 + 194 + 1.0
    bye = act(A, "closing", ends_s - before_s)
    assert (score("follow-up", call, bye) is not None) is counts

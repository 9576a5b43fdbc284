"""What the agent's replies are due, and within how long."""

from __future__ import annotations

import pytest

from tests.scoring.conversations import A, C, act, line, score


@pytest.mark.parametrize(("seconds", "credit"), [(1.4, 1.0), (0.7, None)])
def test_a_second_of_feeling_is_a_hint_that_it_is_good_to_meet(
    seconds: float, credit: float | None
) -> None:
    call = [
        line(A, 3),
        line(C, 4),
        line(C, seconds, gap_s=0.0, agitation=0.8),
        line(A, 8),
        line(C, 3),
    ]
    met = act(A, "acknowledgement", 3 + 1 + 1 + 4 + seconds + 3)
    assert score("empathy", call, met) == credit


@pytest.mark.parametrize(("after_s", "met"), [(14.5, 1.0), (15.5, 0.0)])
def test_a_feeling_is_met_within_15_s(after_s: float, met: float) -> None:
    call = [line(A, 3), line(C, 6, agitation=0.8), line(A, 30), line(C, 3)]
    begins_s = 1.0 + 3 + 1.0 + 6 + 1.0
    said = act(A, "acknowledgement", begins_s + after_s)
    assert score("empathy", call, said) == met


@pytest.mark.parametrize(("before_s", "due"), [(29.5, None), (30.5, 0.0)])
def test_an_acknowledgement_holds_for_30_s(before_s: float, due: float | None) -> None:
    call = [line(A, 40), line(C, 6), line(A, 8), line(C, 3)]
    told_s = 1.0 + 40 + 1.0
    said = act(A, "acknowledgement", told_s - before_s)
    assert score("acknowledgement", call, said, act(C, "trouble", told_s + 2)) == due


@pytest.mark.parametrize(("calm_s", "due"), [(2.0, None), (1.0, 0.0)])
def test_a_customer_has_calmed_down_where_the_last_4_s_were_calm_on_average(
    calm_s: float, due: float | None
) -> None:
    """0.8 for 2 of 4 s is 0.4 on average, for 3 of 4 s it is 0.6."""
    upset = line(C, 6, agitation=0.8)
    call = [line(A, 3), upset, line(C, calm_s, gap_s=0.0), line(A, 8), line(C, 3)]
    assert score("empathy", call, act(A, "acknowledgement", 2.0)) == due


@pytest.mark.parametrize(("after_s", "in_time"), [(19.5, 1.0), (20.5, 0.0)])
def test_an_apology_is_due_before_the_agent_has_spoken_for_20_s(
    after_s: float, in_time: float
) -> None:
    call = [line(A, 3), line(C, 6), line(A, 40), line(C, 3)]
    begins_s = 1.0 + 3 + 1.0 + 6 + 1.0
    said = act(A, "apology", begins_s + after_s)
    assert score("apology", call, act(C, "trouble", 7.0), said) == in_time

"""When a customer counts as upset."""

from __future__ import annotations

import pytest

from tests.scoring.conversations import A, C, line, score


@pytest.mark.parametrize(
    ("agitation", "seconds", "counts"), [(0.5, 3.4, True), (0.49, 3.4, False), (0.5, 2.7, False)]
)
def test_a_customer_is_upset_from_050_for_3_s(
    agitation: float, seconds: float, counts: bool
) -> None:
    call = [line(A, 3), line(C, seconds, agitation=agitation), line(A, 8), line(C, 3)]
    assert (score("empathy", call) is not None) is counts

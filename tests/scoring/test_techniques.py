"""Which moments a card shows."""

from __future__ import annotations

import pytest

from tests.scoring.conversations import A, C, act, card, events, line
from voicecoach.types.events import Event
from voicecoach.types.stream import SAMPLE_RATE
from voicecoach.views.scorecard import TechniqueScore


def positive_language(told: list[Event]) -> TechniqueScore:
    """Return the score of the technique that every softener and every hard wording counts for."""
    return next(t for t in card(told).techniques if t.id == "positive-language")


@pytest.mark.parametrize("moments", [1, 3, 5, 8])
def test_a_card_shows_3_moments_that_were_seen_and_5_that_were_missed(moments: int) -> None:
    call = [line(A, 120), line(C, 3)]
    good = [act(A, "softener", 5.0 + 6 * i) for i in range(moments)]
    hard = [act(A, "hard", 65.0 + 6 * i) for i in range(moments)]
    shown = positive_language([*events(call), *good, *hard])
    assert (len(shown.seen), len(shown.missed)) == (min(moments, 3), min(moments, 5))


@pytest.mark.parametrize(("agitation", "first"), [(0.31, True), (0.29, False)])
def test_a_moment_comes_first_from_an_agitation_of_03(agitation: float, first: bool) -> None:
    """Of six missed moments the last is said to an agitated customer, and five are shown."""
    call = [line(A, 40), line(C, 6, agitation=agitation), line(A, 20)]
    late_s = 1.0 + 40 + 1.0 + 6 + 1.0 + 2
    hard = [*(act(A, "hard", 3.0 + 6 * i) for i in range(5)), act(A, "hard", late_s)]
    shown = positive_language([*events(call), *hard]).missed
    assert len(shown) == 5
    assert any(quote.end_s > late_s for quote in shown) is first
    assert hard[-1].start == late_s * SAMPLE_RATE

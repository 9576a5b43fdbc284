"""Conflict styles: what each act weighs, where each style is, and from when one is named."""

from __future__ import annotations

import math

import pytest

from tests.scoring.conversations import TABLE, A, C, act, card, events, line

STYLES = [
    ("hard", TABLE, {"competing": 1.0}),
    ("defence", "you should know", {"competing": 1.0}),
    ("limit", TABLE, {"competing": 0.5, "collaborating": 0.5}),
    ("paraphrase", TABLE, {"collaborating": 1.0}),
    ("solution", TABLE, {"collaborating": 1.0}),
    ("expectation", TABLE, {"collaborating": 0.5}),
    ("recap", TABLE, {"collaborating": 0.5}),
    ("follow_up", TABLE, {"collaborating": 0.5}),
    ("question", TABLE, {"collaborating": 0.25}),
    ("compromise", TABLE, {"compromising": 1.0}),
    ("defence", "not our department", {"avoiding": 1.0}),
    ("promise", TABLE, {"avoiding": 0.25, "accommodating": 0.25}),
    ("escalation", TABLE, {"accommodating": 0.25, "collaborating": 0.25}),
    ("acknowledgement", TABLE, {"accommodating": 0.5, "collaborating": 0.5}),
    ("apology", TABLE, {"accommodating": 1.0}),
    ("softener", TABLE, {"accommodating": 0.25}),
]
"""Kind, text and weights of what an agent does."""
PLACES = {
    "competing": (1.0, 0.0),
    "collaborating": (1.0, 1.0),
    "compromising": (0.5, 0.5),
    "avoiding": (0.0, 0.0),
    "accommodating": (0.0, 1.0),
}
CALL = [line(A, 3), line(C, 6), line(A, 40)]
PROBLEM = act(C, "trouble", 5.0)


@pytest.mark.parametrize(
    ("kind", "text", "weights"), STYLES, ids=[f"{k} {t}" for k, t, _ in STYLES]
)
def test_a_style_is_known_from_a_weight_of_3(
    kind: str, text: str, weights: dict[str, float]
) -> None:
    enough = math.ceil(3.0 / sum(weights.values()))
    done = [act(A, kind, 12.0 + i, text) for i in range(enough)]
    styles = card([*events(CALL), PROBLEM, *done]).styles
    assert {style: share for style, share in styles.shares.items() if share} == {
        style: pytest.approx(weight / sum(weights.values()), abs=0.01)
        for style, weight in weights.items()
    }
    where = [sum(w * PLACES[s][axis] for s, w in weights.items()) for axis in (0, 1)]
    assert styles.assertiveness == pytest.approx(where[0] / sum(weights.values()), abs=0.01)
    assert styles.cooperativeness == pytest.approx(where[1] / sum(weights.values()), abs=0.01)
    assert card([*events(CALL), PROBLEM, *done[1:]]).styles.style == ""


def test_three_moves_of_a_style_are_shown() -> None:
    done = [act(A, "apology", 12.0 + i) for i in range(8)]
    assert len(card([*events(CALL), PROBLEM, *done]).styles.evidence) == 3

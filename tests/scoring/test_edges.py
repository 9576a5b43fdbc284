"""Thresholds of the score card at their edges: how long, how soon, how upset, how many moves.

A word takes a third of a second.  What is done is put beside the words, so that its time is exact.
"""

from __future__ import annotations

import math

import pytest

from tests.scoring.conversations import A, C, Line, card, events, scores
from voicecoach.types.events import DialogueAct, Event
from voicecoach.types.stream import SAMPLE_RATE, Speaker

TABLE = "chairs"
"""A word that does nothing."""


def line(who: Speaker, seconds: float, gap_s: float = 1.0, agitation: float = 0.0) -> Line:
    """Return so many seconds of words that do nothing."""
    return Line(who, " ".join([TABLE] * round(3 * seconds)), gap_s=gap_s, agitation=agitation)


def act(who: Speaker, kind: str, at_s: float, text: str = TABLE) -> DialogueAct:
    """Return that something is done with words at a time."""
    start = round(at_s * SAMPLE_RATE)
    end = start + SAMPLE_RATE // 4
    return DialogueAct(
        at=end, speaker=who, start=start, end=end, kind=kind, text=text, instead=""
    )  # fmt: skip


def score(technique: str, lines: list[Line], *acts: Event) -> float | None:
    """Return a technique's score of a call in which so much is done."""
    return scores(card([*events(lines), *acts]))[technique]


# --- styles -------------------------------------------------------------------------------

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


# --- how long, how soon, how upset --------------------------------------------------------


@pytest.mark.parametrize(("told_s", "counts"), [(12.0, True), (11.6, False)])
def test_an_account_is_worth_taking_up_from_12_s(told_s: float, counts: bool) -> None:
    call = [line(A, 3), line(C, told_s), line(A, 8), line(C, 3)]
    assert (score("listening", call) is not None) is counts


@pytest.mark.parametrize(("after_s", "taken_up"), [(19.5, 1.0), (20.5, 0.0)])
def test_an_account_is_taken_up_within_20_s(after_s: float, taken_up: float) -> None:
    call = [line(A, 3), line(C, 15), line(A, 30), line(C, 3)]
    begins_s = 1.0 + 3 + 1.0 + 15 + 1.0
    asked = act(A, "question", begins_s + after_s)
    assert score("listening", call, asked) == taken_up


@pytest.mark.parametrize(
    ("agitation", "seconds", "counts"), [(0.5, 3.4, True), (0.49, 3.4, False), (0.5, 2.7, False)]
)
def test_a_customer_is_upset_from_050_for_3_s(
    agitation: float, seconds: float, counts: bool
) -> None:
    call = [line(A, 3), line(C, seconds, agitation=agitation), line(A, 8), line(C, 3)]
    assert (score("empathy", call) is not None) is counts


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


@pytest.mark.parametrize(("after_s", "in_time"), [(28.0, 1.0), (32.0, 0.0)])
def test_a_limit_is_in_time_within_30_s(after_s: float, in_time: float) -> None:
    call = [line(A, 3), line(C, 6), line(A, 60), line(C, 3)]
    abuse, limit = act(C, "abuse", 7.0), act(A, "limit", 7.25 + after_s)
    assert score("expectations", call, abuse, limit) == in_time

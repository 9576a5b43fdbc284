"""The agent's way of handling a conflict, on the plane of Thomas and Kilmann.

Assertiveness is what is done for one's own side, cooperativeness for the other's (Thomas & Kilmann
1974, "Thomas-Kilmann Conflict Mode Instrument"; Thomas 1976, "Conflict and conflict management").
The five styles are places on it, none good or bad: what a moment asks for differs.

A move speaks for styles with a weight, `WEIGHTS`; a call's place is the mean of its moves' places.
Only what the agent does once there is a conflict is counted: from the customer's first trouble,
complaint, demand or insult, or from when they first sound upset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from voicecoach.scoring.call import A, C, Call
from voicecoach.scoring.doing import BLAME, DOES
from voicecoach.scoring.record import Span
from voicecoach.scoring.replies import PRESSURE, blaming, upset
from voicecoach.types import Move
from voicecoach.views.scorecard import StyleEvidence, Styles


class Place(NamedTuple):
    """On the plane, 0..1 each."""

    assertiveness: float
    cooperativeness: float


STYLES: Mapping[str, Place] = {
    "competing": Place(1.0, 0.0),
    "collaborating": Place(1.0, 1.0),
    "compromising": Place(0.5, 0.5),
    "avoiding": Place(0.0, 0.0),
    "accommodating": Place(0.0, 1.0),
}
"""The five, and where each stands."""

WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "hard": {"competing": 1.0},
    BLAME: {"competing": 1.0},
    "limit": {"competing": 0.5, "collaborating": 0.5},
    "paraphrase": {"collaborating": 1.0},
    "solution": {"collaborating": 1.0},
    "expectation": {"collaborating": 0.5},
    "recap": {"collaborating": 0.5},
    "follow_up": {"collaborating": 0.5},
    "question": {"collaborating": 0.25},
    "compromise": {"compromising": 1.0},
    "defence": {"avoiding": 1.0},
    "promise": {"avoiding": 0.25, "accommodating": 0.25},
    "escalation": {"accommodating": 0.25, "collaborating": 0.25},
    "acknowledgement": {"accommodating": 0.5, "collaborating": 0.5},
    "apology": {"accommodating": 1.0},
    "softener": {"accommodating": 0.25},
}
"""Of a move, by kind; others say nothing of it."""
ENOUGH = 3.0
"""Weight of all moves from which there is something to say."""
SHOWN = 3
"""Moves of each style on the card."""


def styles(call: Call) -> Styles:
    """Return where a call stands."""
    began = _conflict(call)
    for speaker, state in call.distrusted.items():
        return _none(f"not known, the {speaker}'s channel is {state}")
    if not call.has_words(A):
        return _none("not known, no words of the agent were heard")
    if began is None:
        return _none("no conflict was heard: no trouble, demand or insult, nobody upset")
    moves = call.said(A, *WEIGHTS, span=Span(began, call.end + 1))
    weights = {style: sum(WEIGHTS[weighed(m)].get(style, 0.0) for m in moves) for style in STYLES}
    total = sum(weights.values())
    if total < ENOUGH:
        return _none(f"too few moves to say: their weight is {total:g}, under {ENOUGH:g}")
    place = [
        sum(weights[style] * at[axis] for style, at in STYLES.items()) / total for axis in (0, 1)
    ]
    w = {style: f"{weight:g}" for style, weight in weights.items()}
    formula = (
        f"assertiveness = (competing + collaborating + compromising / 2) / all = "
        f"({w['competing']} + {w['collaborating']} + {w['compromising']} / 2) / {total:g} = "
        f"{place[0]:.2f}; "
        f"cooperativeness = (collaborating + accommodating + compromising / 2) / all = "
        f"({w['collaborating']} + {w['accommodating']} + {w['compromising']} / 2) / {total:g} = "
        f"{place[1]:.2f}"
    )
    return Styles(
        assertiveness=round(place[0], 2),
        cooperativeness=round(place[1], 2),
        style=max(weights, key=lambda style: weights[style]),
        formula=formula,
        shares={style: round(weight / total, 2) for style, weight in weights.items()},
        evidence=_evidence(call, moves),
    )


def weighed(move: Move) -> str:
    """Return the kind that a move weighs as."""
    return BLAME if move.kind == "defence" and blaming(move.text) else move.kind


def _conflict(call: Call) -> int | None:
    """Return when it began, None where there is none."""
    told = [m.start for m in call.said(C, *PRESSURE)]
    sounded = [exchange.told.start for exchange in call.exchanges if upset(call, exchange)]
    return min(told[:1] + sounded[:1], default=None)


def _evidence(call: Call, moves: Sequence[Move]) -> list[StyleEvidence]:
    """Return the moves that speak most for each style, by time."""
    found: list[StyleEvidence] = []
    for style in STYLES:
        telling = [m for m in moves if WEIGHTS[weighed(m)].get(style, 0.0) > 0.0]
        telling.sort(key=lambda m: (-WEIGHTS[weighed(m)][style], m.start))
        found += [
            StyleEvidence(style, call.quote(move, DOES[A][weighed(move)]))
            for move in sorted(telling[:SHOWN], key=lambda m: m.start)
        ]
    return found


def _none(why: str) -> Styles:
    return Styles(None, None, "", why, {}, [])

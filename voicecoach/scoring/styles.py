"""Places the agent's conflict style on the plane of Thomas and Kilmann.

Assertiveness is how far somebody serves their own side, cooperativeness how far the other's (Thomas
& Kilmann 1974, "Thomas-Kilmann Conflict Mode Instrument"; Thomas 1976, "Conflict and conflict
management").  The five styles are points on that plane; none is good or bad in itself.

Each dialogue act counts towards styles by the weights in `ACT_STYLE_WEIGHTS`; the call's place is
the weighted mean of the styles' places.  Only the agent's acts after a conflict begins are counted:
from the customer's first problem, complaint, demand or insult, or from when they first sound upset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from voicecoach.language.pack import Language
from voicecoach.scoring.call import ScoredCall
from voicecoach.scoring.doing import ACT_DESCRIPTIONS, BLAMING_DEFENCE
from voicecoach.scoring.record import Span
from voicecoach.scoring.replies import PRESSURE_ACTS, is_blaming, is_upset
from voicecoach.types.events import DialogueAct
from voicecoach.types.stream import AGENT, CUSTOMER
from voicecoach.views.channel_text import short_state
from voicecoach.views.scorecard import ConflictStyles, StyleEvidence


class StylePlace(NamedTuple):
    """A point on the plane, 0..1 each."""

    assertiveness: float
    cooperativeness: float


STYLE_PLACES: Mapping[str, StylePlace] = {
    "competing": StylePlace(1.0, 0.0),
    "collaborating": StylePlace(1.0, 1.0),
    "compromising": StylePlace(0.5, 0.5),
    "avoiding": StylePlace(0.0, 0.0),
    "accommodating": StylePlace(0.0, 1.0),
}
"""The five styles and their places."""

ACT_STYLE_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "hard": {"competing": 1.0},
    BLAMING_DEFENCE: {"competing": 1.0},
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
"""Weights of a dialogue act, by kind; other kinds have none."""
MIN_STYLE_WEIGHT = 3.0
"""Least total weight for which a style is named."""
SHOWN_PER_STYLE = 3
"""Most dialogue acts shown on the card for each style."""


def conflict_styles(call: ScoredCall) -> ConflictStyles:
    """Return the conflict style of a call."""
    began = _conflict_start(call)
    for speaker, state in call.distrusted.items():
        return _no_styles(f"not known: {short_state(state)} on the {speaker}'s side")
    if call.language.dialogue_acts is None:
        return _no_styles(f"not known, no phrases for {call.language.code!r}")
    if not call.has_words(AGENT):
        return _no_styles("not known, no words of the agent were transcribed")
    if began is None:
        return _no_styles(
            "no conflict: no problem, demand or insult, and the customer was not upset"
        )
    moves = call.speaker_acts(AGENT, *ACT_STYLE_WEIGHTS, span=Span(began, call.end + 1))
    weights = {
        style: sum(ACT_STYLE_WEIGHTS[weighed_kind(m, call.language)].get(style, 0.0) for m in moves)
        for style in STYLE_PLACES
    }
    total = sum(weights.values())
    if total < MIN_STYLE_WEIGHT:
        return _no_styles(
            f"too few dialogue acts: their weight is {total:g}, less than {MIN_STYLE_WEIGHT:g}"
        )
    place = [
        sum(weights[style] * at[axis] for style, at in STYLE_PLACES.items()) / total
        for axis in (0, 1)
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
    return ConflictStyles(
        assertiveness=round(place[0], 2),
        cooperativeness=round(place[1], 2),
        style=max(weights, key=lambda style: weights[style]),
        formula=formula,
        shares={style: round(weight / total, 2) for style, weight in weights.items()},
        evidence=_style_evidence(call, moves),
    )


def weighed_kind(move: DialogueAct, language: Language) -> str:
    """Return the kind whose weights apply to a dialogue act."""
    return (
        BLAMING_DEFENCE if move.kind == "defence" and is_blaming(move.text, language) else move.kind
    )


def _conflict_start(call: ScoredCall) -> int | None:
    """Return the stream index at which the conflict began, or None if there was none."""
    told = [m.start for m in call.speaker_acts(CUSTOMER, *PRESSURE_ACTS)]
    sounded = [exchange.account.start for exchange in call.exchanges if is_upset(call, exchange)]
    return min(told[:1] + sounded[:1], default=None)


def _style_evidence(call: ScoredCall, moves: Sequence[DialogueAct]) -> list[StyleEvidence]:
    """Return the dialogue acts with the most weight for each style, by time."""
    found: list[StyleEvidence] = []
    for style in STYLE_PLACES:
        telling = [
            m
            for m in moves
            if ACT_STYLE_WEIGHTS[weighed_kind(m, call.language)].get(style, 0.0) > 0.0
        ]
        telling.sort(
            key=lambda m: (-ACT_STYLE_WEIGHTS[weighed_kind(m, call.language)][style], m.start)
        )
        found += [
            StyleEvidence(
                style,
                call.quote_act(move, ACT_DESCRIPTIONS[AGENT][weighed_kind(move, call.language)]),
            )
            for move in sorted(telling[:SHOWN_PER_STYLE], key=lambda m: m.start)
        ]
    return found


def _no_styles(why: str) -> ConflictStyles:
    return ConflictStyles(None, None, "", why, {}, [])

"""Computes calmness, a documented formula over the agent's delivery.

Calmness is a formula over the fields of the `delivery` event, which anyone can recompute:

    fast        = rate_syl_s / baseline_rate_syl_s - 1              within -0.15 .. 0.60
    loud        = level_db / 12                                     within -0.25 .. 1.00
    high        = f0_semitones / 8                                  within -0.25 .. 1.00
    wide        = f0_range_semitones / 8                            within -0.25 .. 1.00
    overlapping = (overlaps_per_min - baseline_overlaps_per_min) / 4 within -0.25 .. 1.00
    early       = baseline_reply_gap_s - reply_gap_s                within -0.25 .. 1.00
    talking     = (talk_share - baseline_talk_share) / 0.4          within -0.25 .. 1.00
    calmness    = 0.75 - 0.6 * fast - 0.4 * loud - 0.4 * high - 0.2 * wide
                  - 0.4 * overlapping - 0.2 * early - 0.2 * talking within 0 .. 1

A term outside its limits counts as the nearer limit.  The baseline gives 0.75.  Calmness never
rises as any of the seven terms rises.  A term with a null in it counts as the baseline (0); if
every term has one, calmness is null.

* The lower limits say that speaking more slowly, softly, deeply or flatly than usual, or waiting
  longer, helps only so far.  Slow over-clear speech is heard as angrier, not calmer (41 talkers:
  osf.io/4kam9, osf.io/3zbvd), so pace gives no more than 0.09, and all else as usual no slowness
  gets past 0.84.
* Voice: anger is faster, louder, higher and wider in pitch (Scherer 2003, "Vocal communication of
  emotion: a review of research paradigms", Speech Communication 40, table 2).  Range weighs
  half as much, since a friendly lively voice has it, too.
* Overlaps cost a tenth for one a minute, as in MiiTel's score; the share of talk costs half of what
  it does there, as the customer's question has a say in it.  A turn follows another after 0.2 s in
  any talk (Levinson & Torreira 2015, PMC4464110): only against one's own usual is a reply early.

With the privacy profile "eu" the formula is not computed and the event has no such field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from voicecoach.types.events import Delivery
from voicecoach.types.stream import NAN, nan_if_none

CALMNESS_AT_BASELINE = 0.75


class CalmnessTerm(NamedTuple):
    """A term of the formula."""

    text: str
    """Its expression over the fields of a `delivery` event."""
    least: float
    most: float
    """Limits within which it counts."""
    weight: float
    """Calmness lost per unit of the term."""


CALMNESS_TERMS: Mapping[str, CalmnessTerm] = {
    "fast": CalmnessTerm("rate_syl_s / baseline_rate_syl_s - 1", -0.15, 0.6, 0.6),
    "loud": CalmnessTerm("level_db / 12", -0.25, 1.0, 0.4),
    "high": CalmnessTerm("f0_semitones / 8", -0.25, 1.0, 0.4),
    "wide": CalmnessTerm("f0_range_semitones / 8", -0.25, 1.0, 0.2),
    "overlapping": CalmnessTerm(
        "(overlaps_per_min - baseline_overlaps_per_min) / 4", -0.25, 1.0, 0.4
    ),
    "early": CalmnessTerm("baseline_reply_gap_s - reply_gap_s", -0.25, 1.0, 0.2),
    "talking": CalmnessTerm("(talk_share - baseline_talk_share) / 0.4", -0.25, 1.0, 0.2),
}
NOTABLE_TERM = 0.25
"""Value from which a term is notable: a quarter faster, 3 dB louder, 2 semitones higher."""


def calmness_terms(delivery: Delivery) -> dict[str, float]:
    """Return the terms of the formula by name, before limits apply; NaN if a field is unknown."""
    d = delivery
    return {
        "fast": pace_ratio(nan_if_none(d.rate_syl_s), nan_if_none(d.baseline_rate_syl_s)) - 1.0,
        "loud": nan_if_none(d.level_db) / 12.0,
        "high": nan_if_none(d.f0_semitones) / 8.0,
        "wide": nan_if_none(d.f0_range_semitones) / 8.0,
        "overlapping": (nan_if_none(d.overlaps_per_min) - nan_if_none(d.baseline_overlaps_per_min))
        / 4.0,
        "early": nan_if_none(d.baseline_reply_gap_s) - nan_if_none(d.reply_gap_s),
        "talking": (nan_if_none(d.talk_share) - nan_if_none(d.baseline_talk_share)) / 0.4,
    }


def calmness(delivery: Delivery) -> float | None:
    """Return the calmness of a delivery by the formula above.

    Returns
    -------
    calmness
        0..1, 0.75 at the baseline; None if no term is known.
    """
    known = {name: x for name, x in calmness_terms(delivery).items() if x == x}
    if not known:
        return None
    less = sum(
        CALMNESS_TERMS[name].weight
        * _clamp(x, CALMNESS_TERMS[name].least, CALMNESS_TERMS[name].most)
        for name, x in known.items()
    )
    return _clamp(CALMNESS_AT_BASELINE - less, 0.0, 1.0)


def notable_words(delivery: Delivery) -> list[str]:
    """Return the names of the terms from `NOTABLE_TERM` on."""
    return [name for name, x in calmness_terms(delivery).items() if x >= NOTABLE_TERM]


def calmness_formula() -> str:
    """Return the formula as text, one line per term."""
    lines = [
        f"{name:<11} = {t.text:<49} within {t.least:.2f} .. {t.most:.2f}"
        for name, t in CALMNESS_TERMS.items()
    ]
    parts = [f" - {t.weight:g} * {name}" for name, t in CALMNESS_TERMS.items()]
    lines += [f"calmness    = {CALMNESS_AT_BASELINE}{''.join(parts[:4])}"]
    lines += [f"{'':13}{''.join(parts[4:]):<50} within 0 .. 1"]
    return "\n".join(lines)


def pace_ratio(rate_syl_s: float, baseline_rate_syl_s: float) -> float:
    """Return an articulation rate divided by its baseline, NaN if there is no baseline."""
    return rate_syl_s / baseline_rate_syl_s if baseline_rate_syl_s > 0.0 else NAN


def _clamp(x: float, low: float, high: float) -> float:
    return min(high, max(low, x))

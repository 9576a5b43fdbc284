"""Defines the score card of a call, and writes it as a page for an agent and a trainer.

The card lists what was seen and what was missed of each technique, with the moment and the words,
one thing to practise, and the formula of every score with the call's numbers, so that anyone can
recompute and dispute it.  It measures what the agent did, never what somebody felt or is worth;
there is no total to rank people by.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from voicecoach.types.stream import Speaker
from voicecoach.views.columns import doc
from voicecoach.views.summary import escape_markdown, format_seconds


class Quote(msgspec.Struct, frozen=True):
    """A moment of the call that can be played again."""

    speaker: Speaker
    start_s: float
    end_s: float
    text: str
    """The words, or the measurement."""
    why: str = ""
    """What the moment shows, in a few words; for a missed moment, what was due."""
    measured: bool = False
    """The text is a measurement, not the speaker's words."""


class TechniqueScore(msgspec.Struct, frozen=True):
    """One technique in one call."""

    id: Annotated[str, doc("id of the technique")]
    name: Annotated[str, doc("name of the technique")]
    score: Annotated[
        float | None, doc("0..1; null if the call gave no occasion for it, or it cannot be known")
    ]
    formula: Annotated[
        str, doc("formula of the score with the call's numbers, or why there is no score")
    ]
    seen: list[Quote]
    missed: list[Quote]
    practise: Annotated[str, doc("one thing to practise")]


class StyleEvidence(msgspec.Struct, frozen=True):
    """A dialogue act of the agent's that counts towards a style."""

    style: str
    """`competing`, `collaborating`, `compromising`, `avoiding` or `accommodating`."""
    quote: Quote


class ConflictStyles(msgspec.Struct, frozen=True):
    """The agent's conflict style, from their dialogue acts, on the plane of Thomas and Kilmann.

    Assertiveness serves one's own side, cooperativeness the other's.
    """

    assertiveness: Annotated[
        float | None,
        doc("assertiveness in the conflict, 0..1; null if there are too few dialogue acts"),
    ]
    cooperativeness: Annotated[
        float | None,
        doc("cooperativeness in the conflict, 0..1; null if there are too few dialogue acts"),
    ]
    style: Annotated[str, doc("conflict style; empty if it is not known")]
    formula: str
    shares: dict[str, float]
    """Share of the dialogue acts' weight, 0..1, by style."""
    evidence: list[StyleEvidence]


class AgitationChange(msgspec.Struct, frozen=True):
    """A rise or fall of the customer's agitation."""

    start_s: float
    end_s: float
    before: float
    after: float
    preceded_by: list[Quote]


class AgitationJourney(msgspec.Struct, frozen=True):
    """The customer's agitation through the call: an estimate, 0..1, null if it is not known."""

    start: float | None
    peak: float | None
    peak_s: float | None
    end: float | None
    changes: list[AgitationChange]


class Survey(msgspec.Struct, frozen=True):
    """Answers that people fill in after the call."""

    csat: int | None = None
    """1..5: how satisfied the customer was."""
    nps: int | None = None
    """0..10: how likely they are to recommend."""
    ces: int | None = None
    """1..7: how easy it was."""
    notes: str = ""
    """The trainer's notes."""


class ScoreCard(msgspec.Struct, frozen=True):
    """The score card of a call."""

    call: str
    techniques: list[TechniqueScore]
    styles: ConflictStyles
    journey: AgitationJourney
    root_cause: list[Quote]
    """Reason for the call, in the customer's words, the most important first."""
    survey: Survey = Survey()
    notes: list[str] = []
    """Warnings that limit the scores: no words, a distrusted channel."""


def scorecard_markdown(card: ScoreCard) -> str:
    """Return the card as a page to print and discuss, with blanks to fill in."""
    out = [f"# Score card: {escape_markdown(card.call)}", ""]
    if card.notes:
        out += ["## Warnings", "", *(f"- {escape_markdown(note)}" for note in card.notes), ""]
    out += ["## Techniques", ""]
    for t in card.techniques:
        out += [
            f"### {escape_markdown(t.name)}: {_score_text(t.score)}",
            "",
            f"*{escape_markdown(t.formula)}*",
            "",
        ]
        out += [f"- Seen {quote_line(q)}" for q in t.seen]
        out += [f"- Missed {quote_line(q)}" for q in t.missed]
        out += [f"- **Practise:** {escape_markdown(t.practise)}"] if t.practise else []
        out += [""] if out[-1] else []
    out += [*_styles(card.styles), *_journey(card.journey)]
    out += ["## Reason for the call, in the customer's words", ""]
    out += [f"- {quote_line(q)}" for q in card.root_cause] or ["Not known."]
    out += ["", *_survey(card.survey)]
    return "\n".join(out) + "\n"


def quote_line(q: Quote) -> str:
    """Return a moment as a line of Markdown."""
    text = escape_markdown(q.text) if q.measured else f'"{escape_markdown(q.text)}"'
    why = f" ({escape_markdown(q.why)})" if q.why else ""
    return f"`{format_seconds(q.start_s)}` **{q.speaker}** {text}{why}"


def _score_text(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"


def _styles(s: ConflictStyles) -> list[str]:
    out = ["## Conflict style", ""]
    if s.style:
        shares = ", ".join(
            f"{escape_markdown(style)} {share:.0%}" for style, share in s.shares.items() if share
        )
        out += [
            f"Mostly **{escape_markdown(s.style)}**: assertiveness {_score_text(s.assertiveness)}, "
            f"cooperativeness {_score_text(s.cooperativeness)}. Shares: {shares}. "
            "No style is good or bad in itself.",
            "",
        ]
    out += [f"*{escape_markdown(s.formula)}*", ""]
    out += [f"- {escape_markdown(e.style)}: {quote_line(e.quote)}" for e in s.evidence]
    return out + [""] * bool(s.evidence)


def _journey(j: AgitationJourney) -> list[str]:
    out = ["## How the customer's agitation changed", ""]
    if j.start is None or j.peak is None or j.end is None:
        return [*out, "The customer's agitation is not known.", ""]
    out += [
        f"Agitation (an estimate, 0 to 1): {j.start:.2f} at the start, highest {j.peak:.2f} at "
        f"{format_seconds(j.peak_s or 0.0)}, {j.end:.2f} at the end.",
        "",
    ]
    for change in j.changes:
        verb = "rose" if change.after > change.before else "fell"
        out.append(
            f"- `{format_seconds(change.start_s)}` it {verb} from {change.before:.2f} to "
            f"{change.after:.2f} (at {format_seconds(change.end_s)}). Before it:"
        )
        out += [f"  - {quote_line(q)}" for q in change.preceded_by] or ["  - nothing noted"]
    return [*out, ""] if j.changes else [*out, "No large change.", ""]


def _survey(s: Survey) -> list[str]:
    blank = "\\_\\_\\_"
    fields = (
        ("CSAT, how satisfied the customer was (1 to 5)", s.csat),
        ("NPS, how likely they are to recommend (0 to 10)", s.nps),
        ("CES, how easy it was (1 to 7)", s.ces),
    )
    out = ["## To fill in", ""]
    out += [f"- {name}: {blank if value is None else value}" for name, value in fields]
    return [*out, f"- Notes: {escape_markdown(s.notes) or blank}"]

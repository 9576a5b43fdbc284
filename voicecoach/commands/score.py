"""`voicecoach score`: makes a call's score card from its log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from voicecoach.commands.common import fail, print_note
from voicecoach.shell.runtime.stderr import print_to_stderr
from voicecoach.shell.views.rich_text import safe_text

if TYPE_CHECKING:
    from voicecoach.views.scorecard import AgitationJourney, Quote, ScoreCard


def score(
    folder: Annotated[
        Path | None, typer.Argument(help="Results folder or event log of a call.", metavar="FOLDER")
    ] = None,
    markdown: Annotated[
        bool,
        typer.Option("--markdown", help="Print how scores are calculated (docs/scorecard.md)."),
    ] = False,
) -> None:
    """Score a call again from its log, by techniques of conflict resolution."""
    from voicecoach.scoring import reference
    from voicecoach.shell.results import reader, writer

    if markdown:
        typer.echo(reference.scoring_markdown(), nl=False)
        return
    if folder is None:
        fail("name a call's folder: voicecoach score FOLDER")
    found = reader.CallLog(folder)
    place = found.path.parent
    if found.facts.get("words_kept") is False:
        fail(f"{place}: its words were not kept, so the score card cannot be made again")
    name = str(found.facts.get("call", place.name))
    card = writer.score_log(name, found.facts, found.read_events())
    print_note(found.damage_note)
    problem = writer.replace_score_card(place, card)
    print_score_card(card, Console())
    print_note(f"{problem}; replaced, and kept as {writer.CARD_DAMAGED}" if problem else "")
    print_to_stderr(f"Written: {place / writer.CARD_JSON}, {place / writer.CARD_MD}")


def print_score_card(card: ScoreCard, console: Console) -> None:
    """Print a score card."""
    from voicecoach.views.summary import format_seconds

    for note in card.notes:
        print_note(note)
    table = Table.grid(padding=(0, 2))
    for t in card.techniques:
        table.add_row("-" if t.score is None else f"{t.score:.2f}", Text(t.name, "bold"))
        table.add_row("", safe_text(t.formula, "dim"))
        for mark, style, found in (("+", "green", t.seen), ("-", "yellow", t.missed)):
            for q in found:
                table.add_row(Text(f"{mark} {format_seconds(q.start_s)}", style), _quote_text(q))
        if t.practise:
            table.add_row("", safe_text(t.practise, "italic"))
        table.add_row()
    s, j = card.styles, card.journey
    table.add_row("", Text(f"Conflict style: {s.style or 'not known'}", "bold"))
    table.add_row("", safe_text(s.formula, "dim"))
    for e in s.evidence:
        table.add_row(format_seconds(e.quote.start_s), _quote_text(e.quote, f"{e.style}: "))
    table.add_row()
    table.add_row("", Text("The customer's agitation: " + _journey_text(j), "bold"))
    for change in j.changes:
        verb = "rose" if change.after > change.before else "fell"
        text = f"{verb} from {change.before:.2f} to {change.after:.2f}; before it:"
        table.add_row(format_seconds(change.start_s), text)
        for q in change.preceded_by:
            table.add_row(format_seconds(q.start_s), _quote_text(q, f"  {q.speaker}: "))
    table.add_row()
    table.add_row("", Text("Reason for the call, in the customer's words", "bold"))
    for q in card.root_cause:
        table.add_row(format_seconds(q.start_s), _quote_text(q))
    console.print(table)


def _journey_text(j: AgitationJourney) -> str:
    from voicecoach.views.summary import format_seconds

    if j.start is None or j.peak is None or j.peak_s is None or j.end is None:
        return "not known"
    highest = f"highest {j.peak:.2f} at {format_seconds(j.peak_s)}"
    return f"{j.start:.2f} at the start, {highest}, {j.end:.2f} at the end"


def _quote_text(q: Quote, lead: str = "") -> Text:
    words = q.text if q.measured else f"\u201c{q.text}\u201d"
    return safe_text(f"{lead}{words} ({q.why})")

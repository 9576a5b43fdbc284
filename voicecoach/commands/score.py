"""`voicecoach score`: the score card of a call, from its log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from voicecoach.commands.common import fail, say
from voicecoach.errors import OutputError

if TYPE_CHECKING:
    from voicecoach.scorecard import Quote, ScoreCard


def score(
    folder: Annotated[
        Path | None, typer.Argument(help="A call's results, or its event log.", metavar="FOLDER")
    ] = None,
    markdown: Annotated[
        bool,
        typer.Option("--markdown", help="Print how scores come about, as docs/scorecard.md."),
    ] = False,
) -> None:
    """Score a call anew from its log: how it went by the techniques of conflict resolution."""
    from voicecoach.scoring import reference
    from voicecoach.shell import results, tally

    if markdown:
        typer.echo(reference.markdown(), nl=False)
        return
    if folder is None:
        fail("name a call's folder: voicecoach score FOLDER")
    found = results.read(folder)
    place = found.path.parent
    card = tally.score(str(found.facts.get("call", place.name)), found.events)
    try:
        tally.write_card(place, card)
    except OSError as e:
        raise OutputError(f"{place}: no score card can be written: {e.strerror or e}") from e
    show(card, Console())
    say(f"Written: {place / tally.CARD_JSON}, {place / tally.CARD_MD}")


def show(card: ScoreCard, console: Console) -> None:
    """Print a card."""
    from voicecoach.summary import printable, stamp

    def line(text: str, style: str = "") -> None:
        console.print(Text(printable(text), style))

    def moment(mark: str, q: Quote) -> str:
        words = q.text if q.measured else f"\u201c{q.text}\u201d"
        return f"{mark} {stamp(q.start_s)} {words} ({q.why})"

    for note in card.notes:
        line(f"note: {note}", "yellow")
    table = Table("technique", "score", "how", "moments, and what to practise", show_lines=True)
    for t in card.techniques:
        moments = [moment("+", q) for q in t.seen] + [moment("-", q) for q in t.missed]
        cell = "\n".join(
            [*map(printable, moments), *([printable(t.practise)] if t.practise else [])]
        )
        score = "-" if t.score is None else f"{t.score:.2f}"
        table.add_row(*map(Text, (t.name, score, printable(t.formula), cell)))
    console.print(table)
    s, j = card.styles, card.journey
    line(f"Handling of the conflict: {s.style or 'not known'}", "bold")
    line(s.formula)
    line("The customer's agitation", "bold")
    if j.start is None or j.peak is None or j.end is None:
        line("Not known.")
    else:
        line(
            f"{j.start:.2f} at the start, highest {j.peak:.2f} at {stamp(j.peak_s or 0.0)}, "
            f"{j.end:.2f} at the end"
        )
    for change in j.changes:
        line(f"{stamp(change.start_s)} from {change.before:.2f} to {change.after:.2f}, after:")
        for q in change.preceded_by:
            line(moment(f"  {q.speaker}", q))
    line("What it is about", "bold")
    for q in card.root_cause:
        line(moment("-", q))

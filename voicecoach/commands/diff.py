"""`voicecoach diff`: what other cue rules would have shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from voicecoach.commands.common import ConfigOption, ModelOption, fail, rules_of, settings_of

if TYPE_CHECKING:
    from voicecoach.laboratory.comparison import Change, Total
    from voicecoach.shell.laboratory.trials import Rules, Trial


def diff(
    calls: Annotated[
        list[Path],
        typer.Argument(help="Results folders, event logs, or recordings.", metavar="CALL..."),
    ],
    cues: Annotated[
        list[Path],
        typer.Option(
            "--cues", help="Cue rules in TOML. Twice: A and B. Once: B, and A is what is in force."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The picture, as one HTML file.", metavar="FILE")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    results: Annotated[
        Path | None,
        typer.Option(help="Keep the results of recordings that are replayed.", metavar="DIR"),
    ] = None,
    transcribe: Annotated[
        bool, typer.Option(help="Transcribe recordings that are replayed.")
    ] = True,
    model: ModelOption = None,
    config: ConfigOption = None,
) -> None:
    """Show what other cue rules change, from the event logs of calls."""
    import msgspec

    from voicecoach.coaching import cues as rules
    from voicecoach.laboratory import comparison
    from voicecoach.shell.laboratory.trials import Rules, trials

    if len(cues) > 2:
        fail("--cues is given once or twice: two sets of rules are compared")
    settings = settings_of(config, model, transcribe)
    b = Rules(cues[-1].name, rules.load(cues[-1]))
    if len(cues) == 2:
        a = Rules(cues[0].name, rules.load(cues[0]))
    else:
        a = Rules(Path(settings.cues.file).name or "built-in", rules_of(settings))
    found = list(trials(calls, a, b, settings, results))
    totals = comparison.total((trial.a, trial.b, trial.changes) for trial in found)
    if out:
        from voicecoach.shell.laboratory.page import page
        from voicecoach.shell.runtime import atomic_write

        atomic_write.write(out, page(found, totals, a, b))
    if json:
        typer.echo(msgspec.json.encode(_facts(found, totals, a, b)).decode())
    else:
        _print(found, totals, a, b)


def _facts(
    found: Sequence[Trial], totals: Sequence[Total], a: Rules, b: Rules
) -> dict[str, object]:
    from voicecoach.laboratory import comparison

    return {
        "a": a.name,
        "b": b.name,
        "rules": comparison.differences(a.cues, b.cues),
        "calls": [
            {
                "call": trial.call,
                "duration_s": trial.duration_s,
                "changes": trial.changes,
                "held_back": {"a": trial.a.held, "b": trial.b.held},
            }
            for trial in found
        ],
        "totals": totals,
    }


def _print(found: Sequence[Trial], totals: Sequence[Total], a: Rules, b: Rules) -> None:
    from voicecoach.laboratory import comparison

    console = Console()
    console.print(_plain(f"A is {a.name}, B is {b.name}"))
    for id, told in comparison.differences(a.cues, b.cues).items():
        for text in told:
            console.print(_plain(f"  {id}: {text}"), soft_wrap=True)
    for trial in found:
        table = Table("cue", "what", "A, s", "B, s", "why", title=_plain(trial.call))
        for change in trial.changes:
            table.add_row(*map(_plain, _row(change)))
        console.print(table if trial.changes else _plain(f"{trial.call}: no cue under either"))
    seconds = sum(trial.duration_s for trial in found)
    table = Table(
        "cue", "A", "B", "only A", "only B", "changed", "held back A", "B", title="Totals"
    )
    for t in totals:
        counts = (t.a, t.b, t.only_a, t.only_b, t.changed, t.held_a, t.held_b)
        table.add_row(t.id, *map(str, counts))
    every = sum(t.a for t in totals), sum(t.b for t in totals)
    table.add_section()
    table.add_row("cues a call", *(f"{n / len(found):.1f}" for n in every))
    if seconds:
        table.add_row("cues in 10 minutes", *(f"{n / seconds * 600:.1f}" for n in every))
    console.print(table)


def _row(change: Change) -> tuple[str, ...]:
    a, b = (f"{s.opened_s:.1f} to {s.closed_s:.1f}" if s else "-" for s in (change.a, change.b))
    return change.id, ", ".join(change.what) or "the same", a, b, change.why


def _plain(text: str) -> Text:
    """Return a text of somebody's that only says what it says."""
    from voicecoach.views.summary import printable

    return Text(printable(text))

"""`voicecoach diff`: shows which cues other rules would have given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from voicecoach.commands.common import (
    ConfigOption,
    ModelOption,
    fail,
    load_rules,
    load_settings,
    print_note,
)
from voicecoach.shell.views.rich_text import safe_text

if TYPE_CHECKING:
    from voicecoach.laboratory.comparison import CueChange, CueTotals
    from voicecoach.shell.laboratory.trials import RuleSet, Trial


def diff(
    calls: Annotated[
        list[Path],
        typer.Argument(help="Results folders, event logs, or recordings.", metavar="CALL..."),
    ],
    cues: Annotated[
        list[Path],
        typer.Option(
            "--cues",
            help="Cue rules in TOML. Give two files to compare A with B, or one to compare it "
            "with the rules in effect.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write the comparison as one HTML file.", metavar="FILE")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    results: Annotated[
        Path | None,
        typer.Option(help="Keep the results of replayed recordings in this folder.", metavar="DIR"),
    ] = None,
    transcribe: Annotated[
        bool, typer.Option(help="Transcribe what is said in replayed recordings.")
    ] = True,
    model: ModelOption = None,
    config: ConfigOption = None,
) -> None:
    """Show what other cue rules would change, from the event logs of calls."""
    import msgspec

    from voicecoach.laboratory import comparison
    from voicecoach.shell.laboratory.trials import RuleSet, compare_calls
    from voicecoach.shell.runtime.user_files import load_cues

    if len(cues) > 2:
        fail("give --cues once or twice: it compares two sets of rules")
    settings = load_settings(config, model, transcribe)
    b = RuleSet(cues[-1].name, load_cues(cues[-1]))
    if len(cues) == 2:
        a = RuleSet(cues[0].name, load_cues(cues[0]))
    else:
        a = RuleSet(Path(settings.cues.file).name or "built-in", load_rules(settings))
    found = list(compare_calls(calls, a, b, settings, results))
    for trial in found:
        print_note(trial.damage_note)
    totals = comparison.count_totals((trial.a, trial.b, trial.changes) for trial in found)
    if out:
        from voicecoach.shell.laboratory.page import comparison_page
        from voicecoach.shell.runtime import atomic_write

        atomic_write.write_atomic(out, comparison_page(found, totals, a, b))
    if json:
        typer.echo(msgspec.json.encode(_comparison_facts(found, totals, a, b)).decode())
    else:
        _print_comparison(found, totals, a, b)


def _comparison_facts(
    found: Sequence[Trial], totals: Sequence[CueTotals], a: RuleSet, b: RuleSet
) -> dict[str, object]:
    from voicecoach.laboratory import comparison

    return {
        "a": a.name,
        "b": b.name,
        "rules": comparison.rule_differences(a.cues, b.cues),
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


def _print_comparison(
    found: Sequence[Trial], totals: Sequence[CueTotals], a: RuleSet, b: RuleSet
) -> None:
    from voicecoach.laboratory import comparison

    console = Console()
    console.print(safe_text(f"A is {a.name}, B is {b.name}"))
    for id, told in comparison.rule_differences(a.cues, b.cues).items():
        for text in told:
            console.print(safe_text(f"  {id}: {text}"), soft_wrap=True)
    for trial in found:
        table = Table("cue", "what", "A, s", "B, s", "why", title=safe_text(trial.call))
        for change in trial.changes:
            table.add_row(*map(safe_text, _change_row(change)))
        console.print(table if trial.changes else safe_text(f"{trial.call}: no cues with A or B"))
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


def _change_row(change: CueChange) -> tuple[str, ...]:
    a, b = (f"{s.opened_s:.1f} to {s.closed_s:.1f}" if s else "-" for s in (change.a, change.b))
    return change.id, ", ".join(change.what) or "the same", a, b, change.why

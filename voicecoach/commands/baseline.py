"""`voicecoach baseline`: shows, resets and deletes the agent's baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from voicecoach.commands.common import ConfigOption, load_settings
from voicecoach.shell.runtime.stderr import print_to_stderr

app = typer.Typer(
    no_args_is_help=True,
    help="Your baseline, kept on this machine only: show it, reset it, delete it.",
)
BaselineFileOption = Annotated[
    Path | None,
    typer.Option("--file", help="Baseline file to use instead of your own.", metavar="FILE"),
]


@app.command("show")
def show_baseline(file: BaselineFileOption = None, config: ConfigOption = None) -> None:
    """Print your baseline and, where it is shown, the calmness formula."""
    from voicecoach.estimates.baseline import BASELINE_SIGNALS, EMPTY_BASELINE
    from voicecoach.estimates.calmness import calmness_formula
    from voicecoach.shell.results import baseline_file
    from voicecoach.views.summary import count_text

    console = Console()
    path = file or baseline_file.default_baseline_path()
    known = baseline_file.read_baseline(path)
    calls = (known or EMPTY_BASELINE).calls
    title = f"Your baseline, from {count_text(calls, 'call')}"
    table = Table("what it is", "unit", "usual", "spread", "learnt from", title=title)
    for name, known_as in BASELINE_SIGNALS.items():
        learnt = (known or EMPTY_BASELINE).signals.get(name)
        values = (
            (f"{learnt.mean:.2f}", f"{learnt.spread:.2f}", f"{learnt.count:.0f} {known_as.counted}")
            if learnt
            else ("-", "-", "nothing yet")
        )
        table.add_row(known_as.doc, known_as.unit, *values)
    console.print(table)
    if load_settings(config, None, None).privacy.composite:
        text = f"\nCalmness, from the fields of a delivery event:\n\n{calmness_formula()}\n"
        console.print(Text(text), soft_wrap=True)
    where = "Kept in" if known else "No baseline yet; it will be kept in"
    console.print(Text(f"{where} {path}"), soft_wrap=True)


@app.command("reset")
def reset_baseline(
    file: BaselineFileOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Reset your baseline and start over."""
    from voicecoach.estimates.baseline import EMPTY_BASELINE
    from voicecoach.shell.results import baseline_file

    path = file or baseline_file.default_baseline_path()
    if not yes:
        typer.confirm(f"Delete everything in {path}?", abort=True)
    baseline_file.write_baseline(path, EMPTY_BASELINE)
    print_to_stderr(f"{path}: baseline reset")


@app.command("delete")
def delete_baseline(file: BaselineFileOption = None) -> None:
    """Delete your baseline file."""
    from voicecoach.shell.results import baseline_file

    path = file or baseline_file.default_baseline_path()
    print_to_stderr(
        f"{path}: {'deleted' if baseline_file.remove_baseline(path) else 'no baseline to delete'}"
    )

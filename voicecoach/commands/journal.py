"""`voicecoach journal`: calls as figures, to learn from."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from voicecoach.commands.common import ConfigOption, say, settings_of
from voicecoach.errors import VoiceCoachError

if TYPE_CHECKING:
    from voicecoach.shell.journal.store import Journal

app = typer.Typer(
    no_args_is_help=True,
    help="Calls as figures, cues and scores, kept on this machine only, to learn from.",
)
JournalFileOption = Annotated[
    Path | None, typer.Option("--journal", help="Another than yours.", metavar="FILE")
]


@app.command("list")
def list_calls(file: JournalFileOption = None, config: ConfigOption = None) -> None:
    """List the calls, the latest last."""
    from voicecoach.summary import printable

    with _open(file, config) as journal:
        calls = journal.overview()
    table = Table("date", "id", "call", "length", "cues", "peak", "scores", "survey", "notes")
    for each in calls:
        call, survey = each.call, each.survey
        peak = "-" if call.agitation_peak is None else f"{call.agitation_peak:.2f}"
        answers = {"csat": survey.csat, "nps": survey.nps, "ces": survey.ces} if survey else {}
        table.add_row(
            _local(call.started_at),
            call.id,
            Text(printable(call.name)),
            _length(call.duration_s) + ("" if call.complete else ", cut off"),
            str(each.cues),
            peak,
            str(each.scores),
            ", ".join(f"{name} {value}" for name, value in answers.items() if value is not None),
            str(each.notes or ""),
        )
    Console().print(table)


@app.command()
def add(
    folders: Annotated[
        list[Path], typer.Argument(help="What calls left, a folder each.", metavar="FOLDER...")
    ],
    words: Annotated[
        bool | None, typer.Option("--words/--no-words", help="Keep what quotes somebody, too.")
    ] = None,
    audio: Annotated[
        bool, typer.Option("--audio", help="Keep a copy of the sound of a live call.")
    ] = False,
    date: Annotated[
        datetime | None, typer.Option(help="When the call began. Default: as its log says.")
    ] = None,
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Add calls from the folders that replay and live leave; again replaces them."""
    from voicecoach.shell.console import say_error
    from voicecoach.shell.journal import fill

    settings = settings_of(config, None, None)
    failed = False
    with _open(file, config, create=True) as journal:
        for folder in folders:
            try:
                added = fill.add(
                    journal,
                    folder,
                    words=settings.journal.words if words is None else words,
                    audio=audio,
                    started=date,
                )
            except VoiceCoachError as e:
                failed = True
                say_error(str(e))
                continue
            done = "replaced" if added.again else "added"
            say(f"{added.call.name}: {done} as {added.call.id}")
    if failed:
        raise SystemExit(2)


def _open(file: Path | None, config: Path | None, *, create: bool = False) -> Journal:
    from voicecoach.shell.journal import fill
    from voicecoach.shell.journal.store import Journal

    return Journal(file or fill.path_of(settings_of(config, None, None)), create=create)


def _local(moment: str) -> str:
    """Return a time of the journal as the clock here shows it."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"


def _length(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

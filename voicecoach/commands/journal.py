"""`voicecoach journal`: stores figures of calls and shows trends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from voicecoach.commands.common import ConfigOption, clean_argument, load_settings, print_note
from voicecoach.errors import EXIT_UNUSABLE, VoiceCoachError
from voicecoach.shell.runtime.stderr import print_to_stderr

if TYPE_CHECKING:
    from voicecoach.shell.journal.store import JournalStore


class JournalFormat(StrEnum):
    """Format of the journal's export."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


app = typer.Typer(
    no_args_is_help=True, help="Your calls as figures, cues and scores, kept on this machine only."
)
JournalFileOption = Annotated[
    Path | None,
    typer.Option("--journal", help="Journal file to use instead of your own.", metavar="FILE"),
]
CallArgument = Annotated[
    str,
    typer.Argument(
        help="The call's id or name, or the first letters of either.",
        metavar="CALL",
        parser=clean_argument,
    ),
]


@app.command("list")
def list_calls(file: JournalFileOption = None, config: ConfigOption = None) -> None:
    """List the calls, newest last."""
    from voicecoach.shell.journal.tables import calls_table

    with _open_journal(file, config) as journal:
        found = journal.call_overviews()
    Console().print(calls_table(found))


@app.command()
def add(
    folders: Annotated[
        list[Path], typer.Argument(help="Result folders, one per call.", metavar="FOLDER...")
    ],
    words: Annotated[
        bool | None, typer.Option("--words/--no-words", help="Also keep quotations.")
    ] = None,
    audio: Annotated[
        bool, typer.Option("--audio", help="Also keep a copy of a live call's audio.")
    ] = False,
    date: Annotated[
        datetime | None, typer.Option(help="When the call began. Default: the time in its log.")
    ] = None,
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Add calls from result folders; adding one again replaces it."""
    from voicecoach.shell.journal import fill
    from voicecoach.shell.runtime.stderr import print_error

    settings = load_settings(config, None, None)
    failed = False
    with _open_journal(file, config, create=True) as journal:
        for folder in folders:
            try:
                added = fill.add_call_folder(
                    journal,
                    folder,
                    words=settings.journal.words if words is None else words,
                    audio=audio,
                    started=date,
                )
            except VoiceCoachError as e:
                failed = True
                print_error(str(e))
                continue
            for text in added.notes:
                print_note(text)
            done = "replaced" if added.again else "added"
            print_to_stderr(f"{added.call.name}: {done} as {added.call.id}")
    if failed:
        raise SystemExit(EXIT_UNUSABLE)


@app.command()
def show(call: CallArgument, file: JournalFileOption = None, config: ConfigOption = None) -> None:
    """Show a call: its figures, cues, scores, survey and notes."""
    from voicecoach.shell.journal.tables import render_call

    console = Console()
    with _open_journal(file, config) as journal:
        for part in render_call(journal, journal.find_call(call)):
            console.print(part, soft_wrap=isinstance(part, Text))


@app.command("add-survey")
def add_survey(
    call: CallArgument,
    csat: Annotated[int | None, typer.Option(help="How satisfied, 1 to 5.")] = None,
    nps: Annotated[int | None, typer.Option(help="How likely to recommend, 0 to 10.")] = None,
    ces: Annotated[int | None, typer.Option(help="How easy it was, 1 to 7.")] = None,
    notes: Annotated[
        str, typer.Option(help="Free text.", metavar="TEXT", parser=clean_argument)
    ] = "",
    answers: Annotated[
        Path | None, typer.Option("--file", help="JSON with csat, nps, ces, notes.", metavar="FILE")
    ] = None,
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Save a survey's answers about a call; answers you leave out stay as they are."""
    from voicecoach.shell.journal import fill

    survey = fill.read_survey(csat, nps, ces, notes, answers)
    with _open_journal(file, config) as journal:
        found = journal.find_call(call)
        journal.save_survey(found.id, survey)
    print_to_stderr(f"{found.name}: survey saved")


@app.command()
def note(
    call: CallArgument,
    text: Annotated[str, typer.Argument(help="The note.", metavar="TEXT", parser=clean_argument)],
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a note to a call."""
    from voicecoach.journal.entry import NoteRow
    from voicecoach.shell.journal.fill import utc_text

    with _open_journal(file, config) as journal:
        found = journal.find_call(call)
        journal.save_note(NoteRow(call=found.id, noted_at=utc_text(datetime.now(UTC)), text=text))
    print_to_stderr(f"{found.name}: noted")


@app.command()
def export(
    out: Annotated[
        Path,
        typer.Argument(
            help="A folder for a file per table; with --table or JSON, a file.", metavar="OUT"
        ),
    ],
    format: Annotated[JournalFormat, typer.Option(help="Format to write.")] = JournalFormat.CSV,
    table: Annotated[str, typer.Option(help="Only this table.")] = "",
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Export the journal for other programs."""
    from voicecoach.shell.journal.export import export_journal

    with _open_journal(file, config) as journal:
        for path in export_journal(journal, format.value, out, table):
            print_to_stderr(str(path))


@app.command()
def delete(
    call: CallArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a call from the journal for good; its results folder stays."""
    from voicecoach.shell.journal.tables import local_time_text
    from voicecoach.text_safety.sanitize import printable

    with _open_journal(file, config) as journal:
        if call.startswith("#") and call[1:].isdecimal():
            if not yes:
                typer.confirm(f"Delete the damaged call {call}?", abort=True)
            journal.delete_damaged_call(int(call[1:]))
            print_to_stderr(f"{call}: deleted from the journal")
            return
        found = journal.find_call(call)
        if not yes:
            typer.confirm(
                f"Delete {printable(found.name)} of {local_time_text(found.started_at)}?",
                abort=True,
            )
        journal.delete_call(found.id)
    print_to_stderr(f"{found.name}: deleted from the journal; its results folder is untouched")


@app.command()
def purge(
    older_than: Annotated[
        str,
        typer.Option(
            help="Retention period, as in 90d. Default: the configured one.", metavar="DAYS"
        ),
    ] = "",
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete calls older than the retention period."""
    from voicecoach.shell.journal import fill
    from voicecoach.views.summary import count_text

    days = (
        fill.parse_days(older_than)
        if older_than
        else load_settings(config, None, None).journal.keep_days
    )
    with _open_journal(file, config) as journal:
        gone = fill.purge_older_calls(journal, days, datetime.now(UTC)) if days else 0
        journal.erase_traces()
    print_to_stderr(
        f"{count_text(gone, 'call')} deleted" if days else "no calls deleted: retention is off"
    )


@app.command("trends")
def show_trends(
    out: Annotated[
        Path | None,
        typer.Argument(help="Page to write: a file, or a folder for trends.html.", metavar="OUT"),
    ] = None,
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Show weekly technique scores, which cues helped, and what goes with survey answers."""
    from voicecoach.shell.journal import page, tables
    from voicecoach.shell.journal.weeks import journal_trends
    from voicecoach.shell.runtime import atomic_write

    with _open_journal(file, config) as journal:
        found = journal_trends(journal)
    console = Console()
    for table in tables.trend_tables(found):
        console.print(table)
    if out is None:
        print_to_stderr("for charts: voicecoach journal trends trends.html")
        return
    target = out / "trends.html" if out.is_dir() or not out.suffix else out
    atomic_write.write_atomic(target, page.trends_page(found))
    print_to_stderr(str(target))


@contextmanager
def _open_journal(
    file: Path | None, config: Path | None, *, create: bool = False
) -> Iterator[JournalStore]:
    """Open the journal; say in the end what of it is damaged or cannot be written."""
    from voicecoach.shell.journal import fill
    from voicecoach.shell.journal.store import JournalStore

    path = file or fill.journal_path(load_settings(config, None, None))
    with JournalStore(path, create=create) as journal:
        try:
            yield journal
        finally:
            print_note(journal.damage_note)

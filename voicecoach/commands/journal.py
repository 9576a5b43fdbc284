"""`voicecoach journal`: calls as figures, to learn from."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from voicecoach.commands.common import (
    ConfigOption,
    clean_argument,
    load_settings,
    print_note,
)
from voicecoach.errors import EXIT_UNUSABLE, VoiceCoachError

if TYPE_CHECKING:
    from voicecoach.shell.journal.store import JournalStore


class JournalFormat(StrEnum):
    """What the journal is exported as."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


app = typer.Typer(
    no_args_is_help=True,
    help="Calls as figures, cues and scores, kept on this machine only, to learn from.",
)
JournalFileOption = Annotated[
    Path | None, typer.Option("--journal", help="Another than yours.", metavar="FILE")
]
CallArgument = Annotated[
    str,
    typer.Argument(
        help="Its id or name, or how one of them begins.", metavar="CALL", parser=clean_argument
    ),
]


@app.command("list")
def list_calls(file: JournalFileOption = None, config: ConfigOption = None) -> None:
    """List the calls, the latest last."""
    from voicecoach.shell.journal.tables import calls_table

    with _open_journal(file, config) as journal:
        found = journal.call_overviews()
    Console().print(calls_table(found))


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
    from voicecoach.shell.journal import fill
    from voicecoach.shell.views.stderr import print_error

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
            done = "replaced" if added.again else "added"
            print_note(f"{added.call.name}: {done} as {added.call.id}")
    if failed:
        raise SystemExit(EXIT_UNUSABLE)


@app.command()
def show(call: CallArgument, file: JournalFileOption = None, config: ConfigOption = None) -> None:
    """Show a call: its figures, cues, scores and what people added."""
    from voicecoach.shell.journal.tables import render_call

    console = Console()
    with _open_journal(file, config) as journal:
        for part in render_call(journal, journal.find_call(call)):
            console.print(part, soft_wrap=isinstance(part, Text))


@app.command("add-survey")
def add_survey(
    call: CallArgument,
    csat: Annotated[int | None, typer.Option(help="How satisfied, 1 to 5.")] = None,
    nps: Annotated[int | None, typer.Option(help="Would they recommend, 0 to 10.")] = None,
    ces: Annotated[int | None, typer.Option(help="How easy it was, 1 to 7.")] = None,
    notes: Annotated[
        str, typer.Option(help="What else there is to say.", metavar="TEXT", parser=clean_argument)
    ] = "",
    answers: Annotated[
        Path | None,
        typer.Option("--file", help="JSON with csat, nps, ces, notes.", metavar="FILE"),
    ] = None,
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Keep what a survey answered about a call; what is not named stays."""
    from voicecoach.shell.journal import fill

    survey = fill.read_survey(csat, nps, ces, notes, answers)
    with _open_journal(file, config) as journal:
        found = journal.find_call(call)
        journal.save_survey(found.id, survey)
    print_note(f"{found.name}: the survey is kept")


@app.command()
def note(
    call: CallArgument,
    text: Annotated[
        str, typer.Argument(help="What there is to say.", metavar="TEXT", parser=clean_argument)
    ],
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Note something about a call."""
    from voicecoach.journal.entry import NoteRow
    from voicecoach.shell.journal.fill import utc_text

    with _open_journal(file, config) as journal:
        found = journal.find_call(call)
        journal.save_note(NoteRow(call=found.id, noted_at=utc_text(datetime.now(UTC)), text=text))
    print_note(f"{found.name}: noted")


@app.command()
def export(
    out: Annotated[
        Path,
        typer.Argument(
            help="A folder, with a file for each table; a file for --table, or JSON.",
            metavar="OUT",
        ),
    ],
    format: Annotated[JournalFormat, typer.Option(help="What to write.")] = JournalFormat.CSV,
    table: Annotated[str, typer.Option(help="This table alone.")] = "",
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the journal for other programs."""
    from voicecoach.shell.journal.export import export_journal

    with _open_journal(file, config) as journal:
        for path in export_journal(journal, format.value, out, table):
            print_note(str(path))


@app.command()
def delete(
    call: CallArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a call from the journal, for good; the folder that it left stays."""
    from voicecoach.shell.journal.tables import local_time_text
    from voicecoach.text_safety.sanitize import printable

    with _open_journal(file, config) as journal:
        found = journal.find_call(call)
        if not yes:
            typer.confirm(
                f"Delete {printable(found.name)} of {local_time_text(found.started_at)}?",
                abort=True,
            )
        journal.delete_call(found.id)
    print_note(f"{found.name}: deleted; what the call left in its own folder is not")


@app.command()
def purge(
    older_than: Annotated[
        str, typer.Option(help="Days, as in 90d. Default: as configured.", metavar="DAYS")
    ] = "",
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete the calls that have been kept for long enough."""
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
    print_note(f"{count_text(gone, 'call')} deleted" if days else "all calls are kept")


@app.command("trends")
def show_trends(
    out: Annotated[
        Path | None,
        typer.Argument(help="The page: a file, or a folder for trends.html.", metavar="OUT"),
    ] = None,
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Show how techniques go by the week, which cues helped, what surveys move with."""
    from voicecoach.shell.journal import page, tables
    from voicecoach.shell.journal.weeks import journal_trends
    from voicecoach.shell.runtime import atomic_write

    with _open_journal(file, config) as journal:
        found = journal_trends(journal)
    console = Console()
    for table in tables.trend_tables(found):
        console.print(table)
    if out is None:
        print_note("as pictures: voicecoach journal trends trends.html")
        return
    target = out / "trends.html" if out.is_dir() or not out.suffix else out
    atomic_write.write_atomic(target, page.trends_page(found), private=True)
    print_note(str(target))


def _open_journal(file: Path | None, config: Path | None, *, create: bool = False) -> JournalStore:
    from voicecoach.shell.journal import fill
    from voicecoach.shell.journal.store import JournalStore

    return JournalStore(file or fill.journal_path(load_settings(config, None, None)), create=create)

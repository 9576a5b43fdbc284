"""`voicecoach journal`: calls as figures, to learn from."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from voicecoach.commands.common import UNUSABLE, ConfigOption, say, settings_of
from voicecoach.errors import VoiceCoachError

if TYPE_CHECKING:
    from voicecoach.entry import OutcomeRow
    from voicecoach.shell.journal.store import Journal


class Format(StrEnum):
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
    str, typer.Argument(help="Its id or name, or how one of them begins.", metavar="CALL")
]


@app.command("list")
def list_calls(file: JournalFileOption = None, config: ConfigOption = None) -> None:
    """List the calls, the latest last."""
    from voicecoach.summary import printable

    with _open(file, config) as journal:
        calls = journal.overview()
    table = Table()
    for name in ("date", "id", "call", "length", "cues", "peak", "scores", "survey", "notes"):
        table.add_column(name, no_wrap=name in ("date", "id"))
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
        raise SystemExit(UNUSABLE)


@app.command()
def show(call: CallArgument, file: JournalFileOption = None, config: ConfigOption = None) -> None:
    """Show a call: its figures, cues, scores and what people added."""
    from voicecoach.entry import CueRow, FeedbackRow, NoteRow, OutcomeRow, ScoreRow, SurveyRow
    from voicecoach.summary import printable

    console = Console()
    with _open(file, config) as journal:
        found = journal.find(call)
        its = "call = ?", (found.id,)
        cues, outcomes = journal.select(CueRow, *its), journal.select(OutcomeRow, *its)
        marks, scores = journal.select(FeedbackRow, *its), journal.select(ScoreRow, *its)
        surveys, notes = journal.select(SurveyRow, *its), journal.select(NoteRow, *its)
        sound = journal.audio(found.id)
    facts = Table("", "", title=Text(printable(found.name)), show_header=False)
    for name in found.__struct_fields__:
        value = getattr(found, name)
        shown = f"{value:.2f}" if isinstance(value, float) else printable(str(value))
        facts.add_row(name, Text("not known" if value is None else shown))
    facts.add_row("sound", Text(str(sound or "not kept")))
    console.print(facts)
    table = Table("at", "cue", "for", "closed", "heeded", "agitation, 30 s later", "mark")
    followed = {(each.cue, each.at_s): each for each in outcomes if each.shown}
    marked = {(each.cue, each.opened_s): each.helpful for each in marks}
    for cue in cues:
        key = cue.cue, cue.opened_s
        table.add_row(
            _length(cue.opened_s),
            Text(printable(cue.title)),
            "" if cue.closed_s is None else f"{cue.closed_s - cue.opened_s:.1f} s",
            Text(printable(cue.closed_because)),
            _yes(followed[key].heeded) if key in followed else "",
            _change(followed[key]) if key in followed else "",
            {True: "helpful", False: "wrong"}[marked[key]] if key in marked else "",
        )
    console.print(table)
    if scores:
        table = Table("technique", "score", "seen", "missed", "formula")
        for score in scores:
            value = "-" if score.score is None else f"{score.score:.2f}"
            seen, missed = str(score.seen), str(score.missed)
            formula = Text(printable(score.formula))
            table.add_row(Text(printable(score.name)), value, seen, missed, formula)
        console.print(table)
    for survey in surveys:
        for name in ("csat", "nps", "ces", "notes"):
            value = getattr(survey, name)
            if value not in (None, ""):
                console.print(Text(f"{name}: {printable(str(value))}"), soft_wrap=True)
    for note in notes:
        text = f"{_local(note.noted_at)} {printable(note.text)}"
        console.print(Text(text), soft_wrap=True)


@app.command("add-survey")
def add_survey(
    call: CallArgument,
    csat: Annotated[int | None, typer.Option(help="How satisfied, 1 to 5.")] = None,
    nps: Annotated[int | None, typer.Option(help="Would they recommend, 0 to 10.")] = None,
    ces: Annotated[int | None, typer.Option(help="How easy it was, 1 to 7.")] = None,
    notes: Annotated[str, typer.Option(help="What else there is to say.")] = "",
    answers: Annotated[
        Path | None,
        typer.Option("--file", help="JSON with csat, nps, ces, notes.", metavar="FILE"),
    ] = None,
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Keep what a survey answered about a call; what is not named stays."""
    from voicecoach.shell.journal import fill

    survey = fill.survey(csat, nps, ces, notes, answers)
    with _open(file, config) as journal:
        found = journal.find(call)
        journal.survey(found.id, survey)
    say(f"{found.name}: the survey is kept")


@app.command()
def note(
    call: CallArgument,
    text: Annotated[str, typer.Argument(help="What there is to say.", metavar="TEXT")],
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Note something about a call."""
    from voicecoach.entry import NoteRow
    from voicecoach.shell.journal.fill import utc

    with _open(file, config) as journal:
        found = journal.find(call)
        journal.note(NoteRow(call=found.id, noted_at=utc(datetime.now(UTC)), text=text))
    say(f"{found.name}: noted")


@app.command()
def export(
    out: Annotated[
        Path,
        typer.Argument(
            help="A folder, with a file for each table; a file for --table, or JSON.",
            metavar="OUT",
        ),
    ],
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.CSV,
    table: Annotated[str, typer.Option(help="This table alone.")] = "",
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the journal for other programs."""
    from voicecoach.shell.journal.export import export

    with _open(file, config) as journal:
        for path in export(journal, format.value, out, table):
            say(str(path))


@app.command()
def delete(
    call: CallArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    file: JournalFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a call from the journal, for good; the folder that it left stays."""
    with _open(file, config) as journal:
        found = journal.find(call)
        if not yes:
            typer.confirm(f"Delete {found.name} of {_local(found.started_at)}?", abort=True)
        journal.delete(found.id)
    say(f"{found.name}: deleted; what the call left in its own folder is not")


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

    days = (
        fill.days(older_than) if older_than else settings_of(config, None, None).journal.keep_days
    )
    with _open(file, config) as journal:
        gone = fill.purge(journal, days, datetime.now(UTC)) if days else 0
        journal.erase()
    say(f"{gone} call{'' if gone == 1 else 's'} deleted" if days else "all calls are kept")


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
    from voicecoach.shell.journal.export import replace
    from voicecoach.shell.journal.weeks import trends_of

    with _open(file, config) as journal:
        found = trends_of(journal)
    console = Console()
    for table in tables.tables(found):
        console.print(table)
    if out is None:
        say("as pictures: voicecoach journal trends trends.html")
        return
    target = out / "trends.html" if out.is_dir() or not out.suffix else out
    replace(target, page.page(found))
    say(str(target))


def _open(file: Path | None, config: Path | None, *, create: bool = False) -> Journal:
    from voicecoach.shell.journal import fill
    from voicecoach.shell.journal.store import Journal

    return Journal(file or fill.path_of(settings_of(config, None, None)), create=create)


def _local(moment: str) -> str:
    """Return a time of the journal as the clock here shows it."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"


def _yes(known: bool | None) -> str:
    return {True: "yes", False: "no", None: "not known"}[known]


def _change(outcome: OutcomeRow) -> str:
    if outcome.agitation_before is None or outcome.agitation_after is None:
        return "not known"
    return f"{outcome.agitation_after - outcome.agitation_before:+.2f}"


def _length(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

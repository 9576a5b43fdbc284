"""`voicecoach export`: writes a call in formats that other tools read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from voicecoach.commands.common import print_note
from voicecoach.errors import EXIT_UNUSABLE, JournalError


class ExportFormat(StrEnum):
    """Format to write."""

    VTT = "vtt"
    SRT = "srt"
    TEXTGRID = "textgrid"
    RTTM = "rttm"
    JSONL = "jsonl"
    ALL = "all"


def export(
    folders: Annotated[
        list[Path], typer.Argument(help="Results folders, or event logs.", metavar="FOLDER...")
    ],
    format: Annotated[
        ExportFormat, typer.Option("--format", help="Format to write.", case_sensitive=False)
    ] = ExportFormat.ALL,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write to. Default: beside each event log.", metavar="DIR"),
    ] = None,
) -> None:
    """Write transcripts, speech segments and cues for other tools; see docs/exports.md."""
    from voicecoach.shell.apps.replay import unique_folder_names
    from voicecoach.shell.results import reader
    from voicecoach.shell.results.replay_one import EVENT_LOG
    from voicecoach.shell.runtime import atomic_write
    from voicecoach.shell.runtime.stderr import print_error
    from voicecoach.text_safety.sanitize import printable, readable_text
    from voicecoach.views import exports
    from voicecoach.views.conversation import conversation

    wanted = list(exports.EXPORT_FORMATS) if format is ExportFormat.ALL else [format.value]
    logs = [path / EVENT_LOG if path.is_dir() else path for path in folders]
    own = [log.absolute().parent if log.name == EVENT_LOG else log for log in logs]
    failed = False
    for log, name in zip(
        logs, unique_folder_names([Path(f"{path.name}.") for path in own]), strict=True
    ):
        try:
            call = reader.CallLog(log)
            events = exports.exported_events(call.read_events())
        except JournalError as e:
            print_error(str(e))
            failed = True
            continue
        print_note(call.damage_note)
        title = str(call.facts.get("call", name))
        for kind in wanted:
            target = (out or log.parent) / f"{name}{exports.EXPORT_SUFFIXES[kind]}"
            atomic_write.write_atomic(target, exports.EXPORT_FORMATS[kind](events, title))
            typer.echo(printable(readable_text(target)))
        if set(wanted) & set(exports.FORMATS_OF_WORDS) and not conversation(events):
            print_note(f"{readable_text(log)}: the call has no words, so there is no transcript")
    if failed:
        raise SystemExit(EXIT_UNUSABLE)

"""`voicecoach export`: a call in the formats that other tools read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from voicecoach.commands.common import UNUSABLE, say
from voicecoach.errors import JournalError


class Format(StrEnum):
    """What to write."""

    VTT = "vtt"
    SRT = "srt"
    TEXTGRID = "textgrid"
    RTTM = "rttm"
    JSONL = "jsonl"
    ALL = "all"


def export(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Results folders, or event logs.", metavar="FOLDER..."),
    ],
    format: Annotated[
        Format, typer.Option("--format", help="What to write.", case_sensitive=False)
    ] = Format.ALL,
    out: Annotated[
        Path | None,
        typer.Option(help="Where it goes. Default: beside each event log.", metavar="DIR"),
    ] = None,
) -> None:
    """Write transcripts, speech segments and cues of calls for other tools; see docs/exports.md."""
    from voicecoach.shell.apps.replay import names
    from voicecoach.shell.results import reader
    from voicecoach.shell.results.replay_one import EVENTS
    from voicecoach.shell.runtime import atomic_write
    from voicecoach.shell.runtime.audio_files import readable
    from voicecoach.shell.views.console import say_error
    from voicecoach.views import exports
    from voicecoach.views.summary import printable

    wanted = list(exports.FORMATS) if format is Format.ALL else [format.value]
    logs = [path / EVENTS if path.is_dir() else path for path in folders]
    own = [log.absolute().parent if log.name == EVENTS else log for log in logs]
    failed = False
    for log, name in zip(logs, names([Path(f"{path.name}.") for path in own]), strict=True):
        try:
            call = reader.read(log)
        except JournalError as e:
            say_error(str(e))
            failed = True
            continue
        title = str(call.facts.get("call", name))
        for kind in wanted:
            target = (out or log.parent) / f"{name}{exports.SUFFIXES[kind]}"
            atomic_write.write(target, exports.FORMATS[kind](call.events, title))
            typer.echo(printable(readable(target)))
        if set(wanted) & set(exports.WORDS) and not exports.said(call.events):
            say(f"note: {readable(log)}: there are no words in it, so no transcript")
    if failed:
        raise SystemExit(UNUSABLE)

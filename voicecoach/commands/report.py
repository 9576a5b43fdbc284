"""`voicecoach report`: writes a page with timeline and sound from a call's results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from voicecoach.commands.common import (
    AudioOption,
    ChannelsOption,
    RawOption,
    ReportAudio,
    fail,
    parse_channel_mapping,
    parse_raw,
    print_note,
)


def report(
    folder: Annotated[
        Path, typer.Argument(help="Results folder of a replay or a live call.", metavar="FOLDER")
    ],
    call: Annotated[
        list[Path] | None,
        typer.Option(
            help="Its recording; twice for the agent's and the customer's own. "
            "Default: the one that a live call kept there.",
            metavar="RECORDING",
        ),
    ] = None,
    channels: ChannelsOption = None,
    raw: RawOption = None,
    audio: AudioOption = ReportAudio.INLINE,
) -> None:
    """Write the report of a replayed or live call."""
    from voicecoach.shell import report as reports
    from voicecoach.shell.results import reader, writer
    from voicecoach.text_safety.sanitize import printable, readable_text

    recordings = call or []
    if len(recordings) > 2:
        fail("--call takes one recording, or two: the agent's, then the customer's")
    if channels and len(recordings) == 2:
        fail("--channels needs one recording with both speakers")
    mapping = parse_channel_mapping(channels) if channels else None
    raw_format = parse_raw(raw)
    log = reader.CallLog(folder)
    _, problem = writer.read_usable_card(log.path.parent)
    advice = f"make it again with `voicecoach score {log.path.parent}`"
    print_note(f"{problem}; the report leaves it out; {advice}" if problem else "")
    open_call = reports.recording_opener(log, recordings, mapping, raw_format)
    path = reports.write_report(log, open_call, audio)
    print_note(log.damage_note)
    if open_call is None:
        print_note("the report has no audio; name the recording with --call")
    typer.echo(printable(f"Report: {readable_text(path)}"))

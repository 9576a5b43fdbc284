"""`voicecoach report`: a page to see and hear a call with, from what it left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from voicecoach.commands.common import Audio, AudioOption, ChannelsOption, fail, mapping_of, say


def report(
    folder: Annotated[
        Path, typer.Argument(help="What a replay or a live call left.", metavar="FOLDER")
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
    audio: AudioOption = Audio.INLINE,
) -> None:
    """Write the report of a call that was replayed or heard live."""
    from voicecoach.shell import report as reports
    from voicecoach.shell.results import reader
    from voicecoach.shell.runtime.audio_files import readable
    from voicecoach.views.summary import printable

    recordings = call or []
    if len(recordings) > 2:
        fail("--call names one recording, or two: the agent's and the customer's")
    if channels and len(recordings) == 2:
        fail("--channels is for one recording with both speakers")
    mapping = mapping_of(channels) if channels else None
    log = reader.read(folder)
    open_call = reports.recording(log, recordings, mapping)
    path = reports.write(log, open_call, audio)
    if open_call is None:
        say("note: there is no sound in it; name the recording with --call")
    typer.echo(printable(f"Report: {readable(path)}"))

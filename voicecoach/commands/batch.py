"""`voicecoach batch`: replays an archive of calls into tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from voicecoach.commands.common import (
    CarefulOption,
    ChannelsOption,
    ConfigOption,
    CuesOption,
    ModelOption,
    MonoOption,
    RawOption,
    SwapOption,
    TranscribeOption,
    TranscriberOption,
    load_rules,
    load_settings,
    parse_channel_mapping,
    parse_mono,
    parse_raw,
)
from voicecoach.errors import EXIT_UNUSABLE


def batch(
    folder: Annotated[Path, typer.Argument(help="Folder to search for recordings, one per call.")],
    out: Annotated[Path, typer.Option(help="Folder for the tables.")],
    channels: ChannelsOption = None,
    swap: SwapOption = False,
    mono: MonoOption = None,
    raw: RawOption = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes. Default: one per core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Address of a Dask scheduler to use instead of local processes.", metavar="ADDRESS"
        ),
    ] = None,
    dashboard: Annotated[
        bool,
        typer.Option("--dashboard", help="Serve Dask's dashboard on this machine; needs bokeh."),
    ] = False,
    keep_calls: Annotated[
        bool, typer.Option("--keep-calls", help="Also keep each call's log and summary.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Process at most this many calls.")
    ] = None,
    cues: CuesOption = None,
    transcribe: TranscribeOption = True,
    transcriber: TranscriberOption = None,
    model: ModelOption = None,
    careful: CarefulOption = False,
    config: ConfigOption = None,
) -> None:
    """Replay a folder of recorded calls on all cores into tables; resume after an interruption."""
    from voicecoach.shell.archive.batch import BatchOptions, run_batch
    from voicecoach.shell.archive.plan import BatchSettings

    settings = load_settings(
        config, model, transcribe, cues=cues, transcriber=transcriber, careful=careful
    )
    done = run_batch(
        BatchSettings(
            folder.absolute(),
            out.absolute(),
            settings,
            load_rules(settings),
            parse_channel_mapping(channels, swap=swap, mono=mono),
            channels is not None,
            parse_mono(mono),
            parse_raw(raw),
            keep_calls,
        ),
        BatchOptions(workers, scheduler, dashboard, limit),
    )
    if not done:
        raise SystemExit(EXIT_UNUSABLE)

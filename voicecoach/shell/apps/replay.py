"""Replays recordings through the engine, one after another.

A bad recording does not stop the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple, TypeAlias

from rich.console import Console

from voicecoach.coaching.cues import Cue
from voicecoach.config import Config
from voicecoach.errors import (
    AudioFileError,
    ConfigError,
    ModelUnavailable,
    OutputError,
    PluginError,
)
from voicecoach.shell import report
from voicecoach.shell.apps.built_in import built_in_plugins, open_sinks, replay_sinks
from voicecoach.shell.asr.pair import open_transcriber
from voicecoach.shell.asr.transcriber import RecogniserFailed, Transcriber
from voicecoach.shell.journal import keep as journal
from voicecoach.shell.results import baseline_file, input_log, reader
from voicecoach.shell.results.input_log import INPUTS_FILE
from voicecoach.shell.results.replay_one import EVENT_LOG, CallSetup, copy_event_log, replay_call
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.plugins import Registry
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.stderr import print_error, print_to_stderr
from voicecoach.shell.views.console import TerminalView, print_to_console
from voicecoach.shell.views.progress_bar import shown_progress

ReplaySource: TypeAlias = tuple[Path, Callable[[], RecordedCall]]
"""A recording's path, and a function that opens it as a call."""


class ReplayOptions(NamedTuple):
    """Options of a replay."""

    out: Path
    frames: bool = False
    speed: float | None = None
    report: bool = False
    audio: str = "inline"
    """Where the report's sound goes; see `shell.report`."""
    events: Path | None = None
    baseline: Path | None = None
    learn: bool = False
    journal: bool = False
    as_heard: bool = False
    """Replay a live call's own recording with the words, pauses and marks it had."""


def replay_all(
    sources: Sequence[ReplaySource], config: Config, cues: tuple[Cue, ...], options: ReplayOptions
) -> bool:
    """Replay every call into a folder of its own; return whether all succeeded.

    Raises
    ------
    ConfigError, OutputError
        If an option cannot be applied.
    """
    out, events, usual, learn = options.out, options.events, options.baseline, options.learn
    if events and (events.is_dir() or not events.parent.is_dir()):
        raise OutputError(
            f"{events}: cannot write the event log; name a file in a folder that exists"
        )
    known = baseline_file.read_baseline(usual) if usual else None
    if usual and not known and not learn:
        raise ConfigError(f"{usual}: no such file; add --learn to create it")
    console = Console()
    failed = False
    with ExitStack() as stack:
        hears = not options.as_heard or config.transcription.careful
        transcribers, no_words = start_transcribers(config, stack) if hears else ([], "")
        setup = CallSetup(
            config,
            cues,
            shipped_models(),
            transcribers,
            no_words,
            options.frames,
            options.speed,
            known,
        )
        sinks = open_sinks(
            Registry(built_in_plugins(config)),
            config,
            replay_sinks(config),
            lambda name, reason, _: print_to_stderr(f"{name}: {reason}"),
            stack,
            live=False,
        )
        folders = unique_folder_names([path for path, _ in sources])
        for (path, open_call), name in zip(sources, folders, strict=True):
            try:
                record = (
                    input_log.read_inputs(path.with_name(INPUTS_FILE)) if options.as_heard else None
                )
                call = open_call()
                with TerminalView(console, call.name, call.duration_s) as view:
                    result, known = replay_call(call, setup, out / name, view, record, sinks)
            except AudioFileError as e:
                failed = True
                print_error(str(e))
                continue
            for note in result.notes:
                print_to_stderr(f"note: {note}")
            if options.report:
                report.write_report(reader.CallLog(out / name), open_call, options.audio)
            if events:
                copy_event_log(out / name / EVENT_LOG, events)
            print_to_console(console, f"Results: {out / name}", "bold")
            if options.journal and (trouble := journal.add_to_journal(config, out / name)):
                failed = True
                print_error(trouble)
            if usual and learn:
                baseline_file.write_baseline(usual, known)
                setup = setup._replace(baseline=known)
    return not failed


def start_transcribers(
    config: Config,
    stack: ExitStack,
    most: int = 2,
    *,
    live: bool = False,
    report: Callable[[str], None] = print_to_stderr,
) -> tuple[list[Transcriber], str]:
    """Return up to `most` transcribers, started, for `stack` to close; if none, the reason.

    They are for a `live` session as in `open_transcriber`; `report` is told why there is none, too.
    """
    if not config.transcription.enabled:
        return [], ""
    try:
        # A replay runs as fast as it can: one transcriber for each of two cores.
        with shown_progress("transcription") as progress:
            remotes = [
                stack.enter_context(closing(open_transcriber(config, live=live, progress=progress)))
                for _ in range(min(most, os.cpu_count() or 1))
            ]
        for remote in remotes:
            remote.wait_until_ready()
        for note in {remote.note for remote in remotes if remote.note}:
            report(note)
    except (ModelUnavailable, PluginError, RecogniserFailed) as e:
        report(f"no transcription: {e}; everything else works")
        return [], str(e)
    return [*remotes], ""


def unique_folder_names(paths: list[Path]) -> list[str]:
    """Return a unique folder name for each call."""
    found: list[str] = []
    for path in paths:
        name = stem = path.stem.strip(". ") or "call"
        taken = {other.casefold() for other in found}
        again = 1
        while name.casefold() in taken:
            again += 1
            name = f"{stem}-{again}"
        found.append(name)
    return found

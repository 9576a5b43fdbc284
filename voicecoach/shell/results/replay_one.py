"""Replays one recorded call through the engine into a folder.

Results are written beside their final folder and moved there when the call is done: a call that
fails leaves nothing behind, and an earlier result stays until a new one is complete.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from voicecoach.coaching.cues import Cue
from voicecoach.coaching.thresholds import cue_thresholds
from voicecoach.config import Config
from voicecoach.engine import Engine
from voicecoach.errors import OutputError
from voicecoach.estimates.baseline import AgentBaseline
from voicecoach.shell.asr.answering import Asr, ReplayAsr
from voicecoach.shell.asr.careful import CarefulHearing
from voicecoach.shell.asr.loop import pace_blocks, run_engine
from voicecoach.shell.asr.transcriber import Transcriber
from voicecoach.shell.results.input_log import RecordedInputs
from voicecoach.shell.results.writer import ResultsWriter
from voicecoach.shell.runtime.atomic_write import atomic_folder
from voicecoach.shell.runtime.engine_factory import ModelFiles, build_engine
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.sinks import CallInfo, Sink
from voicecoach.types.events import Degraded, Ended, Event
from voicecoach.types.stream import MAX_HOPS, Block
from voicecoach.version import __version__
from voicecoach.views import event_log
from voicecoach.views.summary import Summary

EVENT_LOG = "events.jsonl"
PACED_HOPS = 2
"""Hops in a block when a call is played in real time, as from a device."""


class ReplayView(Protocol):
    """Shows a replay's progress."""

    def on_event(self, event: Event) -> None:
        """Show an event."""

    def on_progress(self, position: int) -> None:
        """Show how much of the call has been processed, as a stream index."""


class CallSetup(NamedTuple):
    """Setup shared by all calls of a command."""

    config: Config
    cues: tuple[Cue, ...]
    models: ModelFiles
    transcribers: Sequence[Transcriber]
    """Number of transcribers is the number of requests in progress at once; none without words."""
    no_words: str = ""
    """Why there is none although words were wanted."""
    frames: bool = False
    speed: float | None = None
    """Multiple of real time; None is as fast as possible."""
    baseline: AgentBaseline | None = None
    """The agent's baseline; None if there is none."""


class ReplayResult(NamedTuple):
    """Result of a replay."""

    summary: Summary
    baseline: AgentBaseline
    """The agent's baseline including this call."""


def replay_call(
    call: RecordedCall,
    setup: CallSetup,
    out: Path,
    view: ReplayView,
    record: RecordedInputs | None = None,
    sinks: Sequence[Sink] = (),
) -> ReplayResult:
    """Replay a call and write its event log, summary and score card to the folder `out`.

    With a `record` of the call's inputs, words and all other inputs come from it, and no
    transcriber runs.  The sinks, none of which may raise, receive every event.

    Raises
    ------
    AudioFileError
        If the recording cannot be used.
    OutputError
        If the results cannot be written.
    """
    words = record.has_words if record else bool(setup.transcribers)
    engine = build_engine(
        setup.config,
        setup.cues,
        setup.models,
        speakers=call.speakers,
        transcribe=words,
        frames=setup.frames,
        baseline=setup.baseline,
    )
    asr: Asr | None = None
    if record:
        asr = record
    elif setup.transcribers:
        asr = ReplayAsr(setup.transcribers, setup.config.transcription, engine.language.numbers)
    composite = setup.config.privacy.composite
    tally = ResultsWriter(
        call.name, cue_thresholds(setup.cues), engine.language, composite=composite
    )
    for sink in sinks:
        sink.begin_call(CallInfo(call.name, False, out, call.speakers, words))
    with atomic_folder(out, "results") as folder:
        try:
            with (folder / EVENT_LOG).open("wb") as log:
                log.write(_header(call, setup, words=words))
                for event in _events(call, setup, engine, asr, view, record):
                    log.write(event_log.encode_event(event))
                    tally.add_event(event)
                    view.on_event(event)
                    for sink in sinks:
                        sink.on_event(event)
        finally:
            if asr:
                asr.close()
            for sink in sinks:
                sink.end_call(declined=False)
        result = tally.write_results(folder, [*call.notes, *(record.notes if record else ())])
    for sink in sinks:
        sink.on_results(out)
    return ReplayResult(result, engine.baseline)


def copy_event_log(log: Path, target: Path) -> None:
    """Copy an event log to a file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    try:
        if not (target.exists() and target.samefile(log)):
            shutil.copyfile(log, target)
    except OSError as e:
        raise OutputError(f"{target}: cannot write it: {e.strerror or e}") from e


def _header(call: RecordedCall, setup: CallSetup, *, words: bool) -> bytes:
    return event_log.encode_header(
        voicecoach=__version__,
        call=call.name,
        speakers=call.speakers,
        sample_rates=call.rates,
        words=words,
        baseline_calls=setup.baseline.calls if setup.baseline else None,
        composite=setup.config.privacy.composite,
        language=setup.config.transcription.language,
        thresholds=msgspec.to_builtins(cue_thresholds(setup.cues)),
    )


def _events(
    call: RecordedCall,
    setup: CallSetup,
    engine: Engine,
    asr: Asr | None,
    view: ReplayView,
    record: RecordedInputs | None,
) -> Iterator[Event]:
    if setup.no_words:
        yield Degraded(at=0, stage="transcription", reason=setup.no_words)
    blocks = call.blocks(PACED_HOPS if setup.speed else MAX_HOPS)
    if setup.speed:
        blocks = pace_blocks(blocks, setup.speed)
    heard = _with_progress(blocks, view)
    events = run_engine(record.merge_with_blocks(heard) if record else heard, engine, asr)
    if not (setup.config.transcription.careful and setup.transcribers and asr):
        yield from events
        return
    again = CarefulHearing(
        setup.transcribers, engine.language.numbers, setup.config.transcription.vocabulary
    )
    for event in events:
        if isinstance(event, Ended):
            yield from again.hear_again(_with_progress(call.blocks(), view), event.end)
        else:
            again.add_event(event)
        yield event


def _with_progress(blocks: Iterator[Block], view: ReplayView) -> Iterator[Block]:
    for block in blocks:
        yield block
        view.on_progress(block.end)

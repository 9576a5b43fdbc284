"""Loads calls for the laboratory: reads a call's log, or replays its recording first."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from voicecoach.coaching.cues import Cue
from voicecoach.config import Config
from voicecoach.errors import JournalError
from voicecoach.laboratory import closeup, comparison
from voicecoach.laboratory.closeup import CallCloseUps
from voicecoach.laboratory.comparison import CueChange, CueTimeline
from voicecoach.shell.apps.replay import start_transcribers, unique_folder_names
from voicecoach.shell.results import reader
from voicecoach.shell.results.reader import Results
from voicecoach.shell.results.replay_one import CallSetup, replay_call
from voicecoach.shell.runtime.audio_files import ReadOptions
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.regular_file import open_regular
from voicecoach.shell.views.console import TerminalView
from voicecoach.types.stream import SAMPLE_RATE, TICK_S

MAX_CLOSEUPS = 40
"""Most close-ups of one call."""
AGITATION_PARTS = 640
"""Parts into which a call is divided; the highest agitation of each is drawn."""


class RuleSet(NamedTuple):
    """A set of cue rules."""

    name: str
    cues: tuple[Cue, ...]


class Trial(NamedTuple):
    """One call under two sets of rules."""

    call: str
    duration_s: float
    a: CueTimeline
    b: CueTimeline
    changes: list[CueChange]
    course: CallCloseUps
    damage_note: str = ""
    """What of its log could not be read, in one line; "" if nothing."""


def compare_calls(
    paths: Sequence[Path], a: RuleSet, b: RuleSet, config: Config, kept: Path | None
) -> Iterator[Trial]:
    """Yield each call under both sets of rules.

    Parameters
    ----------
    paths
        Folders of results, event logs, or recordings, which are replayed.
    kept
        Folder for the results of those replays; None discards them.

    Raises
    ------
    AudioFileError, JournalError, OutputError
        If a call cannot be used, or results cannot be written.
    """
    for found in _results(paths, a, config, kept):
        yield compare_call(found, a, b, config)


def compare_call(found: Results, a: RuleSet, b: RuleSet, config: Config) -> Trial:
    """Return a call under both sets of rules.

    Raises
    ------
    JournalError
        If its log has no signal trace.
    """
    call = str(found.facts.get("call", found.path.stem))
    if not comparison.has_signal_trace(found.events):
        raise JournalError(
            f"{found.path}: an earlier version wrote this log, without the signals that rules "
            f"need; replay the call {call!r} again"
        )
    in_a, in_b = (
        comparison.cue_timeline(found.events, rules.cues, config.cues) for rules in (a, b)
    )
    changes = comparison.compare_cues(in_a, in_b)
    end = comparison.end_of(found.events)
    course = closeup.call_closeups(
        comparison.cue_inputs(found.events, end),
        [change for change in changes if change.what][:MAX_CLOSEUPS],
        {cue.id: cue for cue in a.cues},
        {cue.id: cue for cue in b.cues},
        max(end / SAMPLE_RATE / AGITATION_PARTS, TICK_S),
    )
    return Trial(call, end / SAMPLE_RATE, in_a, in_b, changes, course, found.damage_note)


def _results(
    paths: Sequence[Path], rules: RuleSet, config: Config, kept: Path | None
) -> Iterator[Results]:
    with ExitStack() as stack:
        setup: CallSetup | None = None
        for path, name in zip(paths, unique_folder_names(list(paths)), strict=True):
            if path.is_dir() or _is_log(path):
                yield reader.read_results(path)
                continue
            options = ReadOptions(max_hours=config.replay.max_hours)
            call = RecordedCall.from_stereo(path, options=options)
            if setup is None:
                transcribers, no_words = start_transcribers(config, stack)
                setup = CallSetup(config, rules.cues, shipped_models(), transcribers, no_words)
                kept = kept or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            assert kept
            with TerminalView(Console(stderr=True), call.name, call.duration_s) as view:
                replay_call(call, setup, kept / name, view)
            yield reader.read_results(kept / name)


def _is_log(path: Path) -> bool:
    """Return whether a file is text, like an event log, rather than a recording."""
    try:
        with open_regular(path) as file:
            return file.read(1) == b"{"
    except OSError:
        return path.suffix == ".jsonl"

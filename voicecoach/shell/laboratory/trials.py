"""Calls for the laboratory: a call's log, replayed first where there is only the recording."""

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
from voicecoach.laboratory.closeup import Course
from voicecoach.laboratory.comparison import Change, Told
from voicecoach.shell.apps.replay import names, recognisers
from voicecoach.shell.results import reader
from voicecoach.shell.results.reader import Results
from voicecoach.shell.results.replay_one import Setup, replay
from voicecoach.shell.runtime.audio_files import Call
from voicecoach.shell.runtime.engine_factory import shipped
from voicecoach.shell.views.console import CallView
from voicecoach.types import SAMPLE_RATE

MOST_CLOSE = 40
"""Close-ups of one call; what changes more often than that needs no closer look."""
PARTS = 640
"""Of a call, of which the highest agitation is drawn."""


class Rules(NamedTuple):
    """A set of cue rules."""

    name: str
    cues: tuple[Cue, ...]


class Trial(NamedTuple):
    """One call under two sets of rules."""

    call: str
    duration_s: float
    a: Told
    b: Told
    changes: list[Change]
    course: Course


def trials(
    paths: Sequence[Path], a: Rules, b: Rules, config: Config, kept: Path | None
) -> Iterator[Trial]:
    """Yield each call under both sets of rules.

    Parameters
    ----------
    paths
        Folders of results, event logs, or recordings, which are replayed.
    kept
        Where the results of those replays stay; None keeps none.

    Raises
    ------
    AudioFileError, JournalError, OutputError
        Where a call cannot be used, or results not be written.
    """
    for found in _results(paths, a, config, kept):
        yield trial(found, a, b, config)


def trial(found: Results, a: Rules, b: Rules, config: Config) -> Trial:
    """Return a call under both sets of rules.

    Raises
    ------
    JournalError
        Where its log does not hold the signals.
    """
    call = str(found.facts.get("call", found.path.stem))
    if not comparison.recordable(found.events):
        raise JournalError(
            f"{found.path}: the log of an earlier version, without the signals that rules go on: "
            f"replay the call {call!r} again"
        )
    in_a, in_b = (comparison.told(found.events, rules.cues, config.cues) for rules in (a, b))
    changes = comparison.compare(in_a, in_b)
    end = comparison.end_of(found.events)
    course = closeup.course(
        comparison.readings(found.events, end),
        [change for change in changes if change.what][:MOST_CLOSE],
        {cue.id: cue for cue in a.cues},
        {cue.id: cue for cue in b.cues},
        max(end / SAMPLE_RATE / PARTS, closeup.TICK_S),
    )
    return Trial(call, end / SAMPLE_RATE, in_a, in_b, changes, course)


def _results(
    paths: Sequence[Path], rules: Rules, config: Config, kept: Path | None
) -> Iterator[Results]:
    with ExitStack() as stack:
        setup: Setup | None = None
        for path, name in zip(paths, names(list(paths)), strict=True):
            if path.is_dir() or _is_log(path):
                yield reader.read(path)
                continue
            call = Call.both(path)
            if setup is None:
                transcribers, no_words = recognisers(config, stack)
                setup = Setup(config, rules.cues, shipped(), transcribers, no_words)
                kept = kept or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            assert kept
            with CallView(Console(stderr=True), call.name, call.duration_s) as view:
                replay(call, setup, kept / name, view)
            yield reader.read(kept / name)


def _is_log(path: Path) -> bool:
    """Return whether a file is text as an event log is, and no recording."""
    try:
        with path.open("rb") as file:
            return file.read(1) == b"{"
    except OSError:
        return path.suffix == ".jsonl"

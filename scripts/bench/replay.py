"""Measure how fast a recorded call is replayed, and how much memory an hour of audio takes.

Speeds are multiples of real time: the median and range of `--runs` replays of the sample call, each
in a process of its own.  Reading, resampling and writing the log are included; loading the
recogniser is not.  Without words, the second replay of the process is measured, since most replays
in an archive are not their process's first.  The target is per core and uses the CPU time of the
process, so that other programs do not change it.

Memory is the resident set while an hour-long recording (the sample call, repeated) is replayed
without words.  It is flat if the last ten minutes need no more than the first ten.

    python scripts/bench/replay.py [--runs 3] [--minutes 60] [--no-words]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import soundfile

from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.shell.asr.pair import open_transcriber
from voicecoach.shell.results.replay_one import CallSetup, replay_call
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.events import Event
from voicecoach.types.stream import SAMPLE_RATE

WITH_WORDS, WITHOUT = 4.0, 300.0
"""Target speeds, as multiples of real time: on the whole machine, and per core."""


class Silent:
    """A view that shows nothing, and records the memory at each minute of the call."""

    def __init__(self) -> None:
        self.resident_mb: list[float] = []

    def on_event(self, event: Event) -> None:
        """Ignore the event."""

    def on_progress(self, position: int) -> None:
        """Record the memory once per minute of audio."""
        if position / SAMPLE_RATE >= 60 * (len(self.resident_mb) + 1):
            self.resident_mb.append(resident_mb())


def resident_mb() -> float:
    """Return the resident memory of this process, MB."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Run(NamedTuple):
    """The speed and memory of one replay."""

    wall: float
    """Multiple of real time, by the clock."""
    core: float
    """Multiple of real time, by the CPU time of this process."""
    resident_mb: list[float]
    """Memory at each minute of the call, MB."""


def _replay(path: Path, words: bool) -> Run:
    """Replay a recording."""
    config = Config()
    remotes = [open_transcriber(config) for _ in range(2 if words else 0)]
    for remote in remotes:
        remote.wait_until_ready()
    setup = CallSetup(config, built_in_cues(), shipped_models(), remotes)
    call = RecordedCall.from_stereo(path)
    view = Silent()
    with tempfile.TemporaryDirectory() as out:
        if not words:
            replay_call(
                RecordedCall.from_stereo(resource("samples", SAMPLE_CALL)),
                setup,
                Path(out),
                Silent(),
            )
        began, busy = time.perf_counter(), time.process_time()
        replay_call(call, setup, Path(out), view)
        took, busy = time.perf_counter() - began, time.process_time() - busy
    for remote in remotes:
        remote.close()
    return Run(call.duration_s / took, call.duration_s / busy, view.resident_mb)


def _alone(path: Path, words: bool) -> Run:
    """Run `_replay` in a new process, so that no run benefits from an earlier one."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_replay, (path, words))


def _speed(path: Path, words: bool, count: int) -> None:
    runs = [_alone(path, words) for _ in range(count)]
    if words:
        # The recognisers run in other processes, so this process's CPU time leaves them out.
        _row("replay with words", [run.wall for run in runs], WITH_WORDS)
    else:
        _row("replay without words", [run.wall for run in runs])
        _row("replay without words, per core", [run.core for run in runs], WITHOUT)


def _row(name: str, speeds: list[float], goal: float | None = None) -> None:
    middle = statistics.median(speeds)
    spread = f"{min(speeds):.1f} to {max(speeds):.1f}"
    reached = "| |" if goal is None else f"| >= {goal:.0f} | {'yes' if middle >= goal else 'NO'}"
    print(f"| {name} | {middle:.1f} ({spread}) {reached} |", flush=True)


def _memory(path: Path, minutes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder) / "long.flac"
        samples, rate = soundfile.read(path, dtype="int16")
        with soundfile.SoundFile(long, "w", rate, samples.shape[1]) as file:
            while file.frames < minutes * 60 * rate:
                file.write(samples)
        resident = _alone(long, False).resident_mb
    if not resident:
        raise SystemExit("--minutes is too short to tell")
    part = max(1, len(resident) // 6)
    first, last = statistics.mean(resident[:part]), statistics.mean(resident[-part:])
    growth = last / first - 1
    reached = "yes" if growth <= 0.05 else "NO"
    print(
        f"| memory over {minutes} minutes, MB, first and last sixth | "
        f"{first:.0f}, {last:.0f} ({growth:+.1%}) | within 5 % | {reached} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--no-words", action="store_true", help="leave the slow half out")
    options = parser.parse_args()
    path = resource("samples", SAMPLE_CALL)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    print("| measured | times real time, median (range) | to reach | reached |")
    print("|---|---|---|---|")
    if not options.no_words:
        _speed(path, True, options.runs)
    _speed(path, False, options.runs)
    _memory(path, options.minutes)


if __name__ == "__main__":
    main()

"""Measure what a second worker adds to the speed of an archive run, and how much memory it takes.

Throughput is hours of audio per hour: the median and range of `--runs` runs with one worker and
with two, alternating.  The calls are `--calls` parts of the sample call.  Reading, resampling, the
log, the result and everything that Dask does are included; starting the workers, loading the models
and writing the tables are not.

Memory is the resident set of the batch's own process and of its largest worker, while `--many`
recordings of one second each are replayed and their tables written.  It is flat if the last tenth
needs no more than the second tenth; during the first, buffers and modules are still being loaded.

    python scripts/bench/archive.py [--words] [--runs 3] [--calls 8] [--seconds 240] [--many 1000]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import psutil
import soundfile

from voicecoach import config as configuration
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.shell.archive import batch, cluster, plan, tables, work
from voicecoach.shell.archive.plan import BatchSettings
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource

RATIO = 1.8
"""Target ratio of the throughput of two workers to that of one."""


def record(folder: Path, calls: int, seconds: float) -> None:
    """Write `calls` parts of the sample call, each as a recording of its own."""
    samples, rate = soundfile.read(resource("samples", SAMPLE_CALL), dtype="int16")
    length = min(round(seconds * rate), len(samples))
    for i in range(calls):
        at = i * rate % max(1, len(samples) - length)
        soundfile.write(folder / f"{i:05d}.flac", samples[at : at + length], rate)


def settings(folder: Path, out: Path, words: bool) -> BatchSettings:
    """Return the settings of a batch."""
    config = Config()
    if not words:
        config = configuration.override_config(config, "transcription.enabled", False)
    return BatchSettings(folder, out, config, built_in_cues())


def run(folder: Path, workers: int, words: bool, watch: list[tuple[float, float]]) -> float:
    """Replay the recordings of a folder; return the speed as a multiple of real time.

    The memory (MB) of the batch's process and of its largest worker is appended to `watch` after
    each tenth of the calls, and once more after the tables are written.
    """
    recordings = plan.find_recordings(folder).recordings
    with tempfile.TemporaryDirectory() as out, plan.hold_batch_folder(Path(out)):
        wanted = settings(folder, Path(out), words)
        made = plan.fingerprint(wanted)
        jobs = [(r, plan.result_name(r, made, kept=False)) for r in recordings]
        with cluster.local_cluster(workers, dashboard=False) as client:
            addresses = cluster.check_workers(client, wanted, recordings[0])
            batch.prepare_workers(client, wanted, addresses)
            began, audio_s = time.perf_counter(), 0.0
            ahead = batch.IN_FLIGHT_PER_WORKER * workers
            for i, (_, o) in enumerate(
                batch.replay_all_pending(client, wanted, iter(jobs), ahead), 1
            ):
                if o.error:
                    raise SystemExit(o.error)
                audio_s += o.duration_s
                if i % max(1, len(jobs) // 10) == 0:
                    watch.append(resident_mb())
            speed = audio_s / (time.perf_counter() - began)
        results = (work.read_call_result(wanted.results / name) for _, name in jobs)
        tables.write_tables(Path(out), results, {}, composite=True)
        watch.append(resident_mb())
    return speed


def resident_mb() -> tuple[float, float]:
    """Return the resident memory of this process and of its largest child, MB."""
    me = psutil.Process()
    children = [child.memory_info().rss for child in me.children()]
    return me.memory_info().rss / 1e6, max(children, default=0) / 1e6


def throughput(calls: int, seconds: float, runs: int, words: bool) -> None:
    """Print the speed of one worker, of two, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record(folder, calls, seconds)
        speeds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(runs):
            for workers, found in speeds.items():
                found.append(run(folder, workers, words, []))
    how = "with words" if words else "without words"
    for workers, found in speeds.items():
        print(f"| {workers} worker{'s' * (workers > 1)} {how} | {spread(found, 1)} | | |")
    ratios = [two / one for one, two in zip(speeds[1], speeds[2], strict=True)]
    reached = "yes" if statistics.median(ratios) >= RATIO else "NO"
    print(f"| two against one, {how} | {spread(ratios, 2)} | >= {RATIO} | {reached} |", flush=True)


def spread(values: list[float], digits: int) -> str:
    """Return the median and the range as text."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def memory(calls: int) -> None:
    """Print the memory use while many calls are replayed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record(folder, calls, 1.0)
        watch: list[tuple[float, float]] = []
        run(folder, 2, False, watch)
    for who, values in (
        ("the batch's process", [own for own, _ in watch]),
        ("its largest worker", [worker for _, worker in watch[:-1]]),
    ):
        tenths = values[1:10]
        growth = tenths[-1] / tenths[0] - 1
        reached = "yes" if growth <= 0.05 else "NO"
        print(
            f"| memory of {who} over {calls} calls, MB, second and last tenth | "
            f"{tenths[0]:.0f}, {tenths[-1]:.0f} ({growth:+.1%}) | within 5 % | {reached} |"
        )
    print(f"| the same with the tables written, MB | {watch[-1][0]:.0f} | | |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", action="store_true", help="transcribe, too")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--calls", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--many", type=int, default=1000, help="0: no measurement of memory")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    print("| measured | times real time, median (range) | to reach | reached |")
    print("|---|---|---|---|")
    throughput(options.calls, options.seconds, options.runs, options.words)
    if options.many:
        memory(options.many)


if __name__ == "__main__":
    main()

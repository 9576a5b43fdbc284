"""Measure how soon the report of a long call can be read and played, and how large it is.

The call is the sample call, repeated; its log is repeated too, with the times shifted.  The times
are read from the browser's own clock, from the start of navigation: *drawn* is the moment at which
the page has its waveform, lanes, charts and transcript, *to be heard* the one at which its audio
can be played.  Each run has its own browser with an empty profile.

    python -m scripts.bench.report [--runs 5] [--minutes 60] [--results FOLDER] [--keep FOLDER]

--results gives the log of an earlier replay of the sample call; otherwise the call is first
replayed with words.  Needs Chromium and its chromedriver.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import soundfile

from scripts.support.chromium import chromium
from voicecoach.shell import report
from voicecoach.shell.results import reader
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.events import Ended, Event
from voicecoach.types.stream import SAMPLE_RATE
from voicecoach.views import event_log

REACH_S = 3.0
"""Target time from navigation until the page of an hour-long call is ready."""
MOMENTS = """
const done = arguments[0];
const look = () => {
  const drawn = performance.getEntriesByName('drawn')[0];
  const heard = call.audio && call.audio.readyState >= 3 && performance.now();
  if (drawn && heard) done([drawn.startTime / 1000, heard / 1000]);
  else setTimeout(look, 10);
};
look();
"""


def long_log(once: reader.Results, times: int, folder: Path) -> Path:
    """Write the log of a call repeated `times` times; return its path."""
    end = max(e.end for e in once.events if isinstance(e, Ended))
    utterances = max((getattr(e, "utterance", 0) for e in once.events), default=0)
    path = folder / EVENT_LOG
    with path.open("wb") as file:
        file.write(event_log.encode_header(**once.facts))
        for i in range(times):
            for event in once.events:
                if not isinstance(event, Ended) or i == times - 1:
                    file.write(event_log.encode_event(moved(event, i * end, i * utterances)))
    return path


def moved(event: Event, by: int, utterances: int) -> Event:
    """Return the event moved by `by` samples, with `utterances` added to its utterance number."""
    changed = {
        name: getattr(event, name) + (utterances if name == "utterance" else by)
        for name in ("at", "start", "end", "utterance")
        if hasattr(event, name)
    }
    return msgspec.structs.replace(event, **changed)


def long_call(times: int, path: Path) -> None:
    """Write the sample call, repeated `times` times."""
    blocks = [
        block.samples
        for block in RecordedCall.from_stereo(resource("samples", SAMPLE_CALL)).blocks()
    ]
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 2, "PCM_16") as file:
        for _ in range(times):
            for samples in blocks:
                file.write(samples.T)


def opened(page: Path) -> tuple[float, float]:
    """Open a page; return the seconds until it is drawn, and until its audio can be played."""
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as driver:
        driver.set_script_timeout(60)
        driver.get(page.as_uri())
        drawn, heard = driver.execute_async_script(MOMENTS)
        return float(drawn), float(heard)


def told(name: str, values: Sequence[float]) -> None:
    """Print the median and range of times in seconds."""
    print(f"{name}: {statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})")


def main() -> None:
    """Run the benchmark; the exit code is 1 if the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--keep", type=Path, help="leave call and report here")
    args = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {sys.platform}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch) / "long"
        folder.mkdir(parents=True, exist_ok=True)
        once = args.results
        if once is None:
            command = [sys.executable, "-m", "voicecoach", "demo", "--no-report", "--out", scratch]
            subprocess.run(command, check=True)
            once = Path(scratch) / Path(SAMPLE_CALL).stem
        log = reader.read_results(once)
        length_s = max(e.end for e in log.events if isinstance(e, Ended)) / SAMPLE_RATE
        times = max(1, -(-round(args.minutes * 60) // round(length_s)))
        long_call(times, folder / "call.flac")
        started = time.perf_counter()
        long = reader.read_results(long_log(log, times, folder))
        page = report.write_report(
            long, partial(RecordedCall.from_stereo, folder / "call.flac"), "inline"
        )
        took = time.perf_counter() - started
        print(f"a call of {times * length_s / 60:.0f} min, {len(long.events)} events")
        print(f"report: {page.stat().st_size / 1e6:.1f} MB, written in {took:.0f} s")
        runs = [opened(page) for _ in range(args.runs)]
        told("drawn", [drawn for drawn, _ in runs])
        told("to be heard", [heard for _, heard in runs])
        if statistics.median(max(run) for run in runs) > REACH_S:
            sys.exit(f"more than {REACH_S:.0f} s")


if __name__ == "__main__":
    main()

"""Measure how much memory the commands need that read the event log of a very long call.

The log is that of the sample call, repeated with its times shifted until it has a million events.
Each command runs in a process of its own; its memory is the peak resident set that the system
counts for it, so memory that all of them need to start is given as well (`voicecoach --help`).

    python -m scripts.bench.log_memory [--events 1000000] [--results FOLDER] [COMMAND...]

--results gives the log of an earlier replay of the sample call; otherwise the call is first
replayed with words.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.bench.report import long_log
from voicecoach.shell.results import reader
from voicecoach.shell.runtime.resources import SAMPLE_CALL

COMMANDS = {
    "--help": ["--help"],
    "score": ["score", "CALL"],
    "export": ["export", "CALL"],
    "journal add": ["journal", "add", "CALL", "--journal", "JOURNAL"],
    "report": ["report", "CALL"],
}


def peak_mb(arguments: Sequence[str]) -> tuple[float, float]:
    """Return a command's peak resident memory in MB, and how long it took, seconds."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "voicecoach", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"voicecoach {' '.join(arguments)} failed: {status}")
    return used.ru_maxrss / 1000, time.perf_counter() - began


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--results", type=Path)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", default=list(COMMANDS))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        once = args.results
        if once is None:
            command = [sys.executable, "-m", "voicecoach", "demo", "--no-report", "--out", scratch]
            subprocess.run(command, check=True)
            once = Path(scratch) / Path(SAMPLE_CALL).stem
        folder = Path(scratch) / "long"
        folder.mkdir()
        found = reader.read_results(once)
        log = long_log(found, -(-args.events // len(found.events)), folder)
        lines = sum(1 for _ in log.open("rb")) - 1
        print(f"{lines} events, {log.stat().st_size / 1e6:.0f} MB")
        places = {"CALL": str(folder), "JOURNAL": str(folder / "journal.sqlite3")}
        for name in args.commands:
            memory, took = peak_mb([places.get(word, word) for word in COMMANDS[name]])
            print(f"{name}: {memory:.0f} MB, {took:.0f} s", flush=True)


if __name__ == "__main__":
    main()

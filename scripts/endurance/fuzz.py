"""Fuzz everything that reads input, with hundreds of thousands of bad inputs.

Each target of `scripts.endurance.bad_input` runs in a child process, with limits on its memory and
on the time of each case.  If a case hangs, crashes or uses too much memory, the script saves it and
goes on in a new child.  An input that reaches a new line of voicecoach is mutated further.  Lines
are traced in only a share of the cases, because tracing is slow.

`python -m scripts.endurance.fuzz` runs all targets;
`python -m scripts.endurance.fuzz TARGET FILE` reads one file again.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, NamedTuple

from scripts.endurance.bad_input import ROOT, TARGETS, seeds, ways
from scripts.support import corpora

CPU_S = 10.0
"""CPU seconds of a case, after which the child stops itself."""
WALL_S = 60.0
"""Wall-clock seconds of a case, after which the parent stops the child."""
ROOM = 2**30
"""Bytes of address space that a child may use beyond what it starts with."""
WATCHED = 16
"""One in this many cases is traced for new lines."""
OURS = str(ROOT / "voicecoach")
CURRENT = "current"
"""Name of the file that holds the case being read, for a child that dies."""


class TooLong(BaseException):
    """A case took too long; a BaseException, so that no `except Exception` catches it."""


class Told(NamedTuple):
    """What a child reports of a case."""

    number: int
    failed: str = ""
    """Where it failed and how, in one line."""
    case: bytes = b""
    """The case, if it failed: the child has begun with the next one when the parent hears of it."""
    grown: bytes | None = None
    """The case, if it reached a new line."""
    peak_mb: float = 0.0


class Row(NamedTuple):
    """Result of a target."""

    target: str
    cases: int
    seconds: float
    failures: int
    kinds: int
    peak_mb: float


# --- the child ------------------------------------------------------------------------------


class Lines:
    """The lines of voicecoach that have been run."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()

    def more(self, frame: FrameType, event: str, _: object) -> Any:
        """Record a line; a trace function as `sys.settrace` expects it."""
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        self._seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self.more

    def __len__(self) -> int:
        return len(self._seen)


def child(
    target: str, seed: int, first: int, cases: int, grown: list[bytes], place: str, out: Connection
) -> None:
    """Read cases and report each one."""
    os.environ["XDG_RUNTIME_DIR"] = place
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with Path(os.devnull).open("w") as nowhere:  # decoders print warnings about bad input
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
    lines, known = Lines(), list(seeds(target).values())
    with TARGETS[target].open() as read:
        began = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (began + ROOM, began + ROOM))
        signal.signal(signal.SIGPROF, _too_long)
        for number in range(first, cases):
            rng = Random(f"{seed} {target} {number}")
            pool = known + grown
            data = known[number] if number < len(known) else b""
            data = data or TARGETS[target].mutate(rng, rng.choice(pool), known)
            (Path(place) / CURRENT).write_bytes(data)
            watched, before, failed = number % WATCHED == 0, len(lines), ""
            with tempfile.TemporaryDirectory(dir=place) as folder:
                try:
                    signal.setitimer(signal.ITIMER_PROF, CPU_S)
                    sys.settrace(lines.more if watched else None)
                    with ways().within(Path(folder)):
                        read(data, Path(folder))
                except (Exception, TooLong) as e:
                    failed = _where(e)
                finally:
                    sys.settrace(None)
                    signal.setitimer(signal.ITIMER_PROF, 0.0)
            new = data if len(lines) > before and number >= len(known) else None
            grown += [new] if new else []
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            out.send(Told(number, failed, data if failed else b"", new, peak))


def _too_long(*_: object) -> None:
    """Stop a case; one that is traced, which takes some thirty times as long, goes on untraced."""
    if not sys.gettrace():
        raise TooLong(f"more than {CPU_S:g} s of CPU time")
    sys.settrace(None)
    signal.setitimer(signal.ITIMER_PROF, CPU_S)


def _where(e: BaseException) -> str:
    frames = traceback.extract_tb(e.__traceback__)
    frame = next((f for f in reversed(frames) if f.filename.startswith(OURS)), frames[-1])
    return f"{Path(frame.filename).name}:{frame.lineno} {type(e).__name__}: {e!s:.120}"


# --- the parent -----------------------------------------------------------------------------


def hold(options: argparse.Namespace, target: str) -> Row:
    """Read a target's cases, in as many children as that takes."""
    cases = options.cases or TARGETS[target].cases
    began, done, failures, peak = time.monotonic(), 0, 0, 0.0
    kinds: set[str] = set()
    grown: list[bytes] = []
    shared = "/dev/shm" if Path("/dev/shm").is_dir() else None
    spawn = multiprocessing.get_context("spawn")
    while done < cases and time.monotonic() - began < options.seconds:
        with tempfile.TemporaryDirectory(dir=shared) as place:
            ours, theirs = spawn.Pipe(duplex=False)
            args = target, options.seed, done, cases, grown, place, theirs
            process = spawn.Process(target=child, args=args, daemon=True)
            process.start()
            theirs.close()
            failed, case = "", b""
            while done < cases and time.monotonic() - began < options.seconds:
                try:
                    if not ours.poll(WALL_S):
                        raise TimeoutError(f"more than {WALL_S:g} s")
                    told: Told = ours.recv()
                    failed, case = told.failed, told.case
                    grown += [told.grown] if told.grown else []
                    peak = max(peak, told.peak_mb)
                except (EOFError, TimeoutError) as e:
                    failed = f"the child: {e or 'it died'}"
                    file = Path(place) / CURRENT
                    case = file.read_bytes() if file.exists() else b""
                done += 1
                if failed:
                    failures += 1
                    _keep(options.failures, target, failed, kinds, case)
                if failed.startswith("the child"):
                    break
            process.kill()
            process.join()
    return Row(target, done, time.monotonic() - began, failures, len(kinds), peak)


def _keep(folder: Path, target: str, failed: str, kinds: set[str], case: bytes) -> None:
    """Save the first case of each kind of failure."""
    kind = failed.partition(": ")[0]
    if kind not in kinds:
        kinds.add(kind)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{target}-{hashlib.sha256(kind.encode()).hexdigest()[:8]}"
        file.write_bytes(case)
        print(f"{target}: {failed!r}, case kept as {file.name}", flush=True)


def replay(target: str, file: Path) -> None:
    """Read one file as a target does; a failure is raised."""
    opened, scratch = TARGETS[target].open(), tempfile.TemporaryDirectory()
    with opened as read, scratch as folder, ways().within(Path(folder)):
        read(file.read_bytes(), Path(folder))
    print("nothing is wrong with that")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz the targets; return 1 if anything failed."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("replay", nargs="*", metavar="TARGET FILE", help="read one file again")
    parser.add_argument("--cases", type=int, help="of each target, in place of its own number")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this; repeatable")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1e9, help="for each target at most")
    parser.add_argument("--jobs", type=int, default=1, help="targets at once")
    parser.add_argument("--failures", type=Path, default=corpora.DATA / "fuzz", metavar="DIR")
    options = parser.parse_args(arguments)
    if options.replay:
        replay(options.replay[0], Path(options.replay[1]))
        return 0
    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(partial(hold, options), options.target or TARGETS))
    print("| target | cases | seconds | failures | of kinds | peak memory, MB |")
    print("|---|---|---|---|---|---|")
    total = Row(
        "all", sum(r.cases for r in rows), sum(r.seconds for r in rows),
        sum(r.failures for r in rows), sum(r.kinds for r in rows), max(r.peak_mb for r in rows),
    )  # fmt: skip
    for r in (*rows, total):
        print(
            f"| {r.target} | {r.cases:,} | {r.seconds:.0f} | {r.failures} | {r.kinds} "
            f"| {r.peak_mb:.0f} |"
        )
    return int(total.failures > 0)


if __name__ == "__main__":
    sys.exit(main())

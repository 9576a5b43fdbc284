"""Measure the CPU time of the short commands, and of an older commit's in the same run.

    python -m scripts.bench.tell [--before COMMIT] [--runs N]

The figure is user and system time of the whole process: the median of `--runs` runs, alternating
between the two commits.  `tell` is measured with and without a call that takes its commands.  A
desktop runs `tell` for a hotkey, so it has a time limit; above it, the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEFORE = "78fd67e"
"""The last commit in which every command imported the engine."""
TELL_LIMIT_S = 0.15
COMMANDS = {
    "tell pause": ("tell", "pause"),
    "version": ("version",),
    "--help": ("--help",),
    "live --help": ("live", "--help"),
}
SERVE = """
import sys
from voicecoach.shell.runtime.feed import Feed
try:
    from voicecoach.shell.control.web_app import WebServer as Server
except ImportError:
    from voicecoach.shell.control.local_socket import ControlServer as Server
with Server(Feed()):
    print("ready", flush=True)
    sys.stdin.read()
"""


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Yield a folder with the package as it was at `commit`."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", commit, "voicecoach"], cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


@contextmanager
def live_call(tree: Path, env: dict[str, str]) -> Iterator[None]:
    """Run a server that accepts the commands of `tell`, as a live call does."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        cwd=tree,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        if process.stdout.readline() != "ready\n":
            raise SystemExit("no call to tell can be started")
        yield
    finally:
        process.communicate()


def cpu_s(tree: Path, env: dict[str, str], command: Sequence[str], code: int) -> float:
    """Run a command, check its exit code, and return its CPU time, seconds."""
    process = subprocess.Popen(
        [sys.executable, "-m", "voicecoach", *command],
        cwd=tree,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != code:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode} in {tree}")
    return usage.ru_utime + usage.ru_stime


def measure(trees: Sequence[Path], runs: int) -> dict[str, list[float]]:
    """Return the median CPU time of each command, seconds, for each of the trees."""
    found = {}
    with tempfile.TemporaryDirectory() as place:
        envs = []
        for number, tree in enumerate(trees):
            runtime = Path(place) / str(number)
            runtime.mkdir(mode=0o700)
            envs.append({**os.environ, "PYTHONPATH": str(tree), "XDG_RUNTIME_DIR": str(runtime)})
        both = list(zip(trees, envs, strict=True))

        def rounds(command: Sequence[str], code: int) -> list[float]:
            for tree, env in both:  # a first run, so that Python writes its bytecode
                cpu_s(tree, env, command, code)
            taken = [[cpu_s(*each, command, code) for each in both] for _ in range(runs)]
            return [statistics.median(each) for each in zip(*taken, strict=True)]

        found["tell pause, no call"] = rounds(("tell", "pause"), 2)
        with live_call(*both[0]), live_call(*both[1]):
            for name, command in COMMANDS.items():
                found[name] = rounds(command, 0)
    return found


def main() -> int:
    """Measure and print a table; return 1 if `tell` takes too long."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT")
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    with checkout(options.before) as before:
        found = measure((before, ROOT), options.runs)
    print(f"CPU time, s (user and system; median of {options.runs})\n")
    print(f"| command | {options.before} | now |\n|---|---|---|")
    for name, (old, new) in found.items():
        print(f"| `voicecoach {name}` | {old:.3f} | {new:.3f} |")
    slowest = max(new for name, (_, new) in found.items() if name.startswith("tell"))
    print(f"\n`tell` takes {slowest:.3f} s at most; the limit is {TELL_LIMIT_S:.2f} s.")
    return int(slowest > TELL_LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())

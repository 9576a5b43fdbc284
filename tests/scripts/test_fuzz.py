"""A case that fails is told with its failure, and its own time counts, not that of tracing it."""

import contextlib
import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import patch

from scripts.endurance import fuzz
from scripts.endurance.bad_input import Target

CASES = {"traced": b"slow", "slow": b"slow", "wrong": b"wrong", "right": b"right"}


def read(data: bytes, folder: Path) -> None:
    if data == b"slow":
        until = time.process_time() + 1.5 * fuzz.CPU_S
        while time.process_time() < until:
            pass
    assert data != b"wrong"


def report_cases(place: str, out: Connection) -> None:
    target = Target(lambda: contextlib.nullcontext(read), lambda rng, data, known: data, 0)
    with patch.multiple(fuzz, CPU_S=0.2, seeds=lambda name: CASES, TARGETS={"x": target}):
        fuzz.child("x", 1, 0, len(CASES), [], place, out)


def test_what_a_child_tells(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=report_cases, args=(str(tmp_path), theirs))
    process.start()
    theirs.close()
    told = dict(zip(CASES, [ours.recv() for _ in CASES], strict=True))
    process.join()
    assert {name: (t.failed.split()[1:2], t.case) for name, t in told.items()} == {
        "traced": ([], b""),
        "slow": (["TooLong:"], b"slow"),
        "wrong": (["AssertionError:"], b"wrong"),
        "right": ([], b""),
    }

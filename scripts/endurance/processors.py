"""Check that a call gets the same cues on every kind of processor.

The recogniser's arithmetic depends on the processor: CTranslate2 uses MKL on Intel and oneDNN on
others, each with different kernels for different instruction sets.  The last digits therefore
differ, and sometimes a word.  The script replays the calls as on each kind of processor that this
one can emulate, and compares the cues with those of this processor as it is.  It exits with 1 if a
cue opens on only one of the two.  numpy's kernels stay those of this machine.

    python -m scripts.endurance.processors [CALL ...] [--kind NAME ...]

Without calls, it uses the sample and, if present, the shared real ones.  For kinds see `KINDS`.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import multiprocessing
import sys
from pathlib import Path
from typing import NamedTuple

from scripts.bench.cues import recorded
from scripts.support import corpora
from scripts.support.word_appearance import matched
from voicecoach.config import Config
from voicecoach.errors import ModelError
from voicecoach.language.phrases import normalize_text
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.events import CueOpened, DialogueAct, Word
from voicecoach.types.stream import SAMPLE_RATE

OWN = "as it is"
KINDS = {
    OWN: {},
    "SSE4.1": {"CT2_FORCE_CPU_ISA": "GENERIC", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "AVX": {"CT2_FORCE_CPU_ISA": "AVX", "ONEDNN_MAX_CPU_ISA": "AVX"},
    "AVX2": {"CT2_FORCE_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "AVX2-VNNI": {"CT2_FORCE_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2_VNNI"},
    "AVX-512": {"CT2_FORCE_CPU_ISA": "AVX512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "AVX-512-VNNI": {"CT2_FORCE_CPU_ISA": "AVX512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"},
    "Intel's MKL": {"CT2_USE_MKL": "1"},
}
"""Environment variables that make the libraries use the kernels of each kind of processor."""


class Job(NamedTuple):
    """A call to replay, and the kind of processor to emulate."""

    call: Path
    kind: str


class Course(NamedTuple):
    """Result of a replay."""

    words: list[str]
    moves: list[str]
    cues: list[tuple[str, float]]
    """Each cue that opened, with the time in seconds."""


def course(job: Job) -> Course | None:
    """Return the result of a call, or None if this processor lacks the kind's instructions."""
    os.environ.update(KINDS[job.kind])  # inherited by the recogniser's process, started below
    try:
        events = recorded(job.call, Config())
    except ModelError:
        return None
    return Course(
        [normalize_text(e.text) for e in events if isinstance(e, Word) and e.final],
        [f"{e.speaker} {e.kind}" for e in events if isinstance(e, DialogueAct)],
        [(e.id, e.at / SAMPLE_RATE) for e in events if isinstance(e, CueOpened)],
    )


def main() -> None:
    """Replay the calls and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("call", nargs="*", type=Path)
    parser.add_argument("--kind", action="append", choices=[k for k in KINDS if k != OWN])
    asked = parser.parse_args()
    shared = corpora.DATA / "calls" / "auto_repairs_49.flac"
    calls = asked.call or [resource("samples", SAMPLE_CALL), *([shared] * shared.is_file())]
    kinds = [OWN, *(asked.kind or [k for k in KINDS if k != OWN])]
    jobs = [Job(call, kind) for call in calls for kind in kinds]
    # One process per call: libraries read the environment only once.
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=1) as pool:
        found = dict(zip(jobs, pool.map(course, jobs, chunksize=1), strict=True))
    failed = False
    print("| call | processor | words not the same | moves not the same | cues, s |")
    print("|---|---|---|---|---|")
    for job in jobs:
        own, here = found[Job(job.call, OWN)], found[job]
        if here is None or own is None:
            failed |= own is None
            print(f"| {job.call.stem} | {job.kind} | | | not to be tried here |")
            continue
        words, moves = matched(own.words, here.words)[1], matched(own.moves, here.moves)[1]
        cues = ", ".join(f"{cue} {at:.2f}" for cue, at in here.cues) or "none"
        same = [cue for cue, _ in here.cues] == [cue for cue, _ in own.cues]
        failed |= not same
        print(
            f"| {job.call.stem} | {job.kind} | {words} of {len(own.words)} "
            f"| {moves} of {len(own.moves)} | {cues}{'' if same else ' NOT THE SAME'} |",
            flush=True,
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()

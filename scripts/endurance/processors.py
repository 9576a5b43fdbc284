"""Whether a call has the same cues on every processor.

The recogniser's arithmetic follows the processor: CTranslate2 takes MKL on Intel's and oneDNN on
others, with kernels of their own for each, so that the last digits differ, and now and then a word.
As on each kind of processor that this one can stand in for the calls are heard again, and held
against what this one hears as it is.  It ends with 1 where a cue comes on one and not on the other.
numpy's kernels stay those of this machine.

    python -m scripts.endurance.processors [CALL ...] [--kind NAME ...]

Without calls, the sample and, where they are, the shared real ones.  Kinds: see `KINDS`.
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

from scripts.bench.asr import matched
from scripts.bench.cues import recorded
from scripts.support import corpora
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
"""By name, what makes the libraries take the kernels of that kind."""


class Job(NamedTuple):
    """A call to be heard, and as on which processor."""

    call: Path
    kind: str


class Course(NamedTuple):
    """What a call came to."""

    words: list[str]
    moves: list[str]
    cues: list[tuple[str, float]]
    """With when each opened, s."""


def course(job: Job) -> Course | None:
    """Return what comes of a call, None where this processor has not those instructions."""
    os.environ.update(KINDS[job.kind])  # the recogniser's process, which is begun now, takes it
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
    """Hear the calls and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("call", nargs="*", type=Path)
    parser.add_argument("--kind", action="append", choices=[k for k in KINDS if k != OWN])
    asked = parser.parse_args()
    shared = corpora.DATA / "calls" / "auto_repairs_49.flac"
    calls = asked.call or [resource("samples", SAMPLE_CALL), *([shared] * shared.is_file())]
    kinds = [OWN, *(asked.kind or [k for k in KINDS if k != OWN])]
    jobs = [Job(call, kind) for call in calls for kind in kinds]
    # A process a call: what one makes of the environment is its own.
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

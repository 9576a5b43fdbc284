"""Measure how often the cues are right, and how soon, on staged calls and two real ones.

Every scenario of `scripts/staging/scenarios` is staged several times
(`scripts.staging.stage_call`); each such cast has other voices, clips, gaps and levels.  Each call
is replayed through the whole product.  The words of a staged call are what Whisper transcribed when
synthetic voices spoke them (`scripts/staging/speak.py`, `scripts/staging/scripted_words.py`).  The
two real calls are transcribed by the shipped Whisper.

A cue that is due is a hit if it opens between the start of the behaviour and the last moment at
which it still helps.  Its latency counts from the moment at which a perfect observer would have had
the evidence; the time until that moment is printed separately.  A cue that opens sooner has a
negative latency.  A cue that opens where it is neither due nor allowed is wrong; in a call in which
no cue should open, it is false.

    pip install -e '.[test]'
    python -m scripts.bench.cues [--casts N] [--clips FOLDER] [--only NAME] [--json FILE] [--short]

The shipped agitation model was trained on EMO-DB, and the calls are made from the same voices.
With nEMO's clips (`--clips`), the model has heard none of the voices.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from voicecoach.coaching.cues import built_in_cues
from voicecoach.types.events import CueHeldBack, CueOpened, Event, Word

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import argparse
import bisect
import multiprocessing
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from scripts.staging import stage_call, truth
from scripts.staging.scripted_words import ToldAsr
from scripts.staging.truth import Span, Truth, Who
from scripts.support import corpora
from voicecoach.config import Config
from voicecoach.shell.asr.answering import Asr, ReplayAsr
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.asr.pair import open_transcriber
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.languages import find_numbers
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.types.stream import SAMPLE_RATE

SCENARIOS = Path(__file__).parents[1] / "staging" / "scenarios"
SHORT = ("due_rush_and_anger", "quiet_ordinary", "quiet_backchannels", "distrust_bleed")
CALM_S = 600.0
TASKS = 12
"""Calls per process: closed recognisers and models do not give back their memory."""
AGENT: tuple[Who, ...] = ("agent",)
CUSTOMER: tuple[Who, ...] = ("customer",)
BOTH: tuple[Who, ...] = ("agent", "customer")
NEEDS: dict[str, tuple[Who, ...]] = {
    **dict.fromkeys(("slow-down", "lower-your-voice", "enough-sorry", "soften"), AGENT),
    **dict.fromkeys(("do-not-defend", "set-expectations", "recap"), AGENT),
    "set-a-limit": CUSTOMER,
}
"""The speakers whose channels a cue depends on; both for cues that are not listed."""


class Shown(NamedTuple):
    """A cue that opened, and its verdict."""

    call: str
    cue: str
    at_s: float
    verdict: str
    """hit, allowed or wrong."""
    late_s: float
    """For a hit: seconds from its evidence to the cue."""
    evidence_s: float
    """For a hit: seconds from the start of the behaviour to its evidence."""
    held_s: float
    distrusted: bool
    evidence: dict[str, float | str]
    heard: str


class Missed(NamedTuple):
    """A cue that was due and did not open in time."""

    call: str
    span: Span
    instead: str
    heard: str


class Result(NamedTuple):
    """A call and the verdicts on its cues."""

    call: str
    cast: int
    seconds: float
    quiet: bool
    calm: bool
    due: list[str]
    shown: list[Shown]
    missed: list[Missed]
    held_back: list[tuple[str, str]]


def _heard(events: Sequence[Event], start_s: float, end_s: float) -> str:
    """Return the final words of both speakers between two times."""
    words = [
        e
        for e in events
        if isinstance(e, Word) and e.final and start_s <= e.start / SAMPLE_RATE < end_s
    ]
    out, who = [], ""
    for word in sorted(words, key=lambda w: w.start):
        if word.speaker != who:
            who = word.speaker
            out.append(f"{who[0].upper()}:")
        out.append(word.text)
    return " ".join(out)


def judge(told: Truth, cast: int, events: Sequence[Event]) -> Result:
    """Compare the cues of a call with its truth."""
    opened = [e for e in events if isinstance(e, CueOpened)]
    held = [(e.at / SAMPLE_RATE, e) for e in events if isinstance(e, CueHeldBack)]
    left = [span for span in told.span if span.verdict == "due"]
    due = [span.cue for span in left]
    shown = []
    for event in opened:
        at = event.at / SAMPLE_RATE
        here = [s for s in told.span if s.cue == event.id and s.begins_s <= at <= s.until_s]
        hit = next((s for s in here if s in left), None)
        if hit:
            left.remove(hit)
        needed = NEEDS.get(event.id, BOTH)
        shown.append(
            Shown(
                told.name,
                event.id,
                round(at, 2),
                "hit" if hit else "allowed" if here else "wrong",
                round(at - hit.evidence_s, 3) if hit else 0.0,
                round(hit.evidence_s - hit.begins_s, 3) if hit else 0.0,
                round(event.held_s, 3),
                any(d.who in needed and at >= d.from_s for d in told.distrust),
                dict(event.evidence),
                _heard(events, at - 8, at),
            )
        )
    missed = []
    for span in left:
        why = [
            f"{e.id} held back at {at:.1f}: {e.reason}"
            for at, e in held
            if e.id == span.cue and span.begins_s <= at <= span.until_s
        ]
        why += [
            f"{s.cue} at {s.at_s:.1f} ({s.verdict})"
            for s in shown
            if span.begins_s - 20 <= s.at_s <= span.until_s
        ]
        heard = _heard(events, span.begins_s - 1, span.evidence_s + 1)
        missed.append(Missed(told.name, span, "; ".join(why) or "nothing", heard))
    reasons = [(e.id, e.reason) for _, e in held]
    return Result(told.name, cast, told.seconds, told.quiet, told.calm, due, shown, missed, reasons)


class Job(NamedTuple):
    """A call to be replayed."""

    path: Path
    """File of a scenario, or of a real call's truth."""
    cast: int
    """0 for a real call."""
    clips: Path


def _replay(recording: Path, config: Config, asr: Asr) -> list[Event]:
    engine = build_engine(config, built_in_cues(), shipped_models())
    try:
        return list(run_engine(RecordedCall.from_stereo(recording).blocks(), engine, asr))
    finally:
        asr.close()


def recorded(recording: Path, config: Config) -> list[Event]:
    """Return the events of a recording, transcribed by the shipped recogniser."""
    remote = open_transcriber(config)
    try:
        remote.wait_until_ready()
        return _replay(
            recording, config, ReplayAsr([remote], config.transcription, find_numbers("en"))
        )
    finally:
        remote.close()


def replayed(job: Job) -> Result:
    """Replay a call and judge its cues."""
    try:
        return _result(job)
    except SystemExit as e:  # would end the process, and the pool would wait for ever
        raise ValueError(str(e)) from e


def _result(job: Job) -> Result:
    config = Config()
    if not job.cast:
        told = truth.read(job.path, Truth)
        return judge(told, 0, recorded(truth.inside(corpora.DATA, told.audio), config))
    scenario = stage_call.load(job.path)
    staged = stage_call.stage(scenario, job.path.stem, stage_call.takes(job.clips), job.cast)
    with tempfile.TemporaryDirectory() as folder:
        recording = stage_call.save(staged, Path(folder))
        told = truth.read(recording.with_suffix(".truth.toml"), Truth)
        return judge(
            told, job.cast, _replay(recording, config, ToldAsr(told, config.transcription))
        )


# --- figures ------------------------------------------------------------------------------------


def _percentile(values: Sequence[float], share: float) -> str:
    return f"{np.quantile(values, share):.2f}" if values else "-"


def most_in_calm(results: Iterable[Result]) -> int:
    """Return the largest number of cues within 10 minutes of a call in which nobody is angry."""
    most = 0
    for r in (r for r in results if r.calm):
        at = [s.at_s for s in r.shown]
        counts = (bisect.bisect(at, t + CALM_S) - i for i, t in enumerate(at))
        most = max([most, *counts])
    return most


def report(results: Sequence[Result], catalogue: Sequence[str]) -> dict[str, float]:
    """Print the tables; return the figures that have targets."""
    shown = [s for r in results for s in r.shown]
    quiet = {r.call for r in results if r.quiet}
    due = Counter(cue for r in results for cue in r.due)
    quiet_h = sum(r.seconds for r in results if r.quiet) / 3600
    other_h = sum(r.seconds for r in results if not r.quiet) / 3600
    print("\n### By cue\n")
    print(
        "| cue | due | hit | hit rate | false, quiet calls | wrong, other calls "
        "| from evidence to shown, s: median | p95 | evidence, s: median | held_s: median |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    absent = sorted(set(due) - set(catalogue))
    known = [cue for cue in catalogue if due[cue] or any(s.cue == cue for s in shown)]
    for name, of in [*((cue, {cue}) for cue in known), ("**all**", set(catalogue))]:
        here = [s for s in shown if s.cue in of]
        hits = [s for s in here if s.verdict == "hit"]
        wrong = [s for s in here if s.verdict == "wrong"]
        n = sum(due[cue] for cue in of)
        late = [s.late_s for s in hits]
        print(
            f"| {name} | {n} | {len(hits)} | {f'{len(hits) / n:.0%}' if n else '-'} "
            f"| {sum(s.call in quiet for s in wrong)} "
            f"| {sum(s.call not in quiet for s in wrong)} "
            f"| {_percentile(late, 0.5)} | {_percentile(late, 0.95)} "
            f"| {_percentile([s.evidence_s for s in hits], 0.5)} "
            f"| {_percentile([s.held_s for s in hits], 0.5)} |"
        )
    if absent:
        print(
            "\nDue, but not in the catalogue: " + ", ".join(f"{cue} ({due[cue]})" for cue in absent)
        )
    wrong = [s for s in shown if s.verdict == "wrong"]
    n_due = sum(due[cue] for cue in catalogue)
    hits = [s for s in shown if s.verdict == "hit"]
    false = sum(s.call in quiet for s in wrong)
    figures = {
        "hit rate": len(hits) / n_due if n_due else 1.0,
        "false an hour": false / quiet_h if quiet_h else 0.0,
        "wrong an hour elsewhere": (len(wrong) - false) / other_h if other_h else 0.0,
        "most in 10 calm minutes": float(most_in_calm(results)),
        "median s": statistics.median([s.late_s for s in hits]) if hits else 0.0,
        "distrusted": float(sum(s.distrusted for s in shown)),
    }
    print(
        f"\n{len(results)} calls, {60 * (quiet_h + other_h):.0f} minutes, "
        f"{60 * quiet_h:.0f} of them quiet; {len(shown) / len(results):.2f} cues a call, at most "
        f"{max(len(r.shown) for r in results)}; false in quiet calls "
        f"{figures['false an hour']:.1f} an hour, wrong elsewhere "
        f"{figures['wrong an hour elsewhere']:.1f} an hour"
    )
    held = Counter(reason for r in results for _, reason in r.held_back)
    print("Held back: " + (", ".join(f"{k} {n}" for k, n in held.most_common()) or "none"))
    return figures


def listed(results: Sequence[Result], catalogue: Sequence[str]) -> None:
    """Print every miss and every wrong cue."""
    print("\n### Missed\n")
    for m in (m for r in results for m in r.missed if m.span.cue in catalogue):
        s = m.span
        print(
            f"- {m.call}: {s.cue} due {s.begins_s:.1f}, evidence {s.evidence_s:.1f}, until "
            f"{s.until_s:.1f}; there was {m.instead}\n  - {m.heard}"
        )
    print("\n### Wrong\n")
    for x in (s for r in results for s in r.shown if s.verdict == "wrong"):
        kind = " FROM A DISTRUSTED CHANNEL" if x.distrusted else ""
        told = ", ".join(f"{k} {v}" for k, v in x.evidence.items())
        print(f"- {x.call}: {x.cue} at {x.at_s:.1f}{kind}: {told}\n  - {x.heard}")


def to_reach(figures: dict[str, float]) -> None:
    """Print the figures that have targets, and whether each target is reached."""
    print("\n### To reach\n\n| measured | figure | to reach | reached |\n|---|---|---|---|")
    rows = [
        ("hit rate", f"{figures['hit rate']:.0%}", ">= 90 %", figures["hit rate"] >= 0.9),
        *(
            (name, f"{figures[key]:.3g}", f"<= {most:g}", figures[key] <= most)
            for name, key, most in (
                ("false cues an hour of quiet calls", "false an hour", 1.0),
                ("most cues in any calm 10 minutes", "most in 10 calm minutes", 3.0),
                ("from evidence to shown, median s", "median s", 2.5),
                ("cues from a distrusted channel", "distrusted", 0.0),
            )
        ),
    ]
    for name, figure, goal, reached in rows:
        print(f"| {name} | {figure} | {goal} | {'yes' if reached else 'NO'} |")


def main() -> None:
    """Replay the calls and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--casts", type=int, default=3)
    parser.add_argument("--clips", type=Path, default=None, help="folder; EMO-DB's if left out")
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    parser.add_argument("--json", type=Path, help="write the results there")
    parser.add_argument("--short", action="store_true", help="four calls of one cast")
    options = parser.parse_args()
    clips = options.clips or corpora.folder("emodb")
    paths = [p for p in sorted(SCENARIOS.glob("*.toml")) if options.only in p.stem]
    casts, real = options.casts, sorted((SCENARIOS / "real").glob("*.truth.toml"))
    if options.short:
        paths, casts, real = [p for p in paths if p.stem in SHORT], 1, []
    jobs = [Job(p, 0, clips) for p in real if options.only in p.name]
    jobs += [Job(p, cast, clips) for cast in range(1, casts + 1) for p in paths]
    if not jobs:
        raise SystemExit(f"no scenario is called {options.only!r}")
    began = time.monotonic()
    # Not concurrent.futures: with `max_tasks_per_child` it may wait for ever (CPython 115634).
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=TASKS) as pool:
        results = pool.map(replayed, jobs, chunksize=1)
    catalogue = [cue.id for cue in built_in_cues()]
    figures = report(results, catalogue)
    listed(results, catalogue)
    to_reach(figures)
    print(f"\nTook {time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_bytes(msgspec.json.encode({"figures": figures, "calls": results}))


if __name__ == "__main__":
    main()

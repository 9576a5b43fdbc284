"""Print the curve of lateness against change: when early words come, and how many change.

Each design runs through the product's engine in exact virtual time (see `scripts.bench.asr`) on two
real calls and on a minute of telephone speech.  A request that two designs have in common is
decoded once, so they differ by what they do with the same words, after the same times.

    python -m scripts.bench.early_words [DESIGN ...] [--minutes 1]
"""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from scripts.bench.asr import Joint, Said, Virtual, both, engine, figures, heard_in_call, talk
from scripts.support.word_appearance import course
from voicecoach.config import Config
from voicecoach.language import agreement
from voicecoach.shell.asr.loop import run_engine, split_blocks
from voicecoach.shell.asr.transcriber import (
    TranscribedWord,
    Transcriber,
    TranscribeResult,
    TranscribeTask,
    estimate_word_times,
)
from voicecoach.shell.asr.whisper import Whisper
from voicecoach.types.stream import F32, SAMPLE_RATE, Block, Speaker

CALLS = ("auto_repairs_40", "auto_repairs_49")


class SecondEarly(Joint):
    """Early words by the second recogniser alone, final ones by both."""

    def _transcribe_early(
        self, audio: F32, prefix: str, context: str, names: Sequence[str]
    ) -> list[TranscribedWord]:
        words = self._second.transcribe(audio, prefix=prefix)
        return estimate_word_times(words, prefix, len(audio) / SAMPLE_RATE)


class InTurn(SecondEarly):
    """Early words by the two recognisers in turn, final ones by both."""

    def __init__(self, first: Whisper) -> None:
        super().__init__(first)
        self._turn = 0

    def _transcribe_early(
        self, audio: F32, prefix: str, context: str, names: Sequence[str]
    ) -> list[TranscribedWord]:
        self._turn += 1
        if self._turn % 2:
            return super()._transcribe_early(audio, prefix, context, names)
        return self._first.transcribe(audio, prefix=prefix, context=context)


class Design(NamedTuple):
    """A way to get early words."""

    recognisers: str
    """"first", "second early", "in turn" or "at once"."""
    constants: Mapping[str, float] = MappingProxyType({})
    """Constants of `agreement` that differ from the product's."""


DESIGNS = {
    "tiny.en alone": Design("first"),
    "Moonshine's early words": Design("second early"),
    "in turn": Design("in turn"),
    "at once": Design("at once"),
    "agreed words but the last at first sight": Design("at once", {"AGREED_BEFORE": 1}),
    "agreed words but the last four at first sight": Design("at once", {"AGREED_BEFORE": 4}),
    "agreed words at second sight": Design("at once", {"AGREED_BEFORE": 99}),
    "one agreed word after a disputed one": Design("at once", {"AGREED_AFTER": 1}),
    "three agreed words after it": Design("at once", {"AGREED_AFTER": 3}),
    "disputed words only by steadiness": Design("at once", {"AGREED_AFTER": 99}),
    "disputed words never": Design("at once", {"AGREED_AFTER": 99, "STEADY_TIMES": 99}),
    "disputed words shown at once": Design("at once", {"MIN_SHOWN_BEFORE": 0.0}),
    "only steady words shown": Design("at once", {"MIN_SHOWN_BEFORE": 1.1}),
}


class Remembering(Virtual):
    """Decodes a request once for all designs with the same recognisers."""

    answers: dict[tuple[object, ...], tuple[TranscribeResult, float, float]]
    way: str

    def run_task(
        self, task: TranscribeTask, *, sparing: bool
    ) -> tuple[TranscribeResult, float, float]:
        """Return a result, its CPU time, and how much of that both recognisers pass at once."""
        r = task.request
        way = "first" if sparing else self.way if not r.careful else self.way != "first"
        key = (way, task.audio.tobytes(), r.prefix, r.context, r.careful, r.committed, r.vocabulary)
        if self.way == "in turn" or key not in self.answers:
            self.answers[key] = super().run_task(task, sparing=sparing)
        return self.answers[key]


@contextmanager
def constants(changed: Mapping[str, float]) -> Iterator[None]:
    """Give constants of `agreement` other values."""
    module: Any = agreement
    before = {name: getattr(module, name) for name in changed}
    try:
        for name, value in changed.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


def print_row(name: str, said: dict[Speaker, Said], asr: Remembering, config: Config) -> None:
    """Run a design on a recording, and print its figures."""
    n = max(len(x.samples) for x in said.values())
    samples = np.zeros((2, n), np.float32)
    for speaker, x in said.items():
        samples[speaker.row, : len(x.samples)] = x.samples
    blocks = split_blocks([Block(0, samples)], 2)
    events = list(run_engine(blocks, engine(config, tuple(said)), asr))
    found = [figures(x, course(events, s, asr.cpu_s)) for s, x in said.items()]
    weights = [len(x.words) for x in said.values()]

    def mean(values: list[float]) -> str:
        return f"{np.average(values, weights=weights):.1%}"

    print(
        f"| {name} | {both([s for f in found for s in f.shown_s])} "
        f"| {both([s for f in found for s in f.committed_s])} "
        f"| {mean([f.changed for f in found])} | {mean([f.flickered for f in found])} "
        f"| {mean([f.errors for f in found])} | {found[0].cpu:.2f} |",
        flush=True,
    )


def main() -> int:
    """Run the designs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("designs", nargs="*", choices=[[], *DESIGNS], metavar="DESIGN")
    parser.add_argument("--minutes", type=float, default=1.0, help="of telephone speech (1)")
    options = parser.parse_args()
    config = Config()
    whisper = Whisper("tiny.en", "en", config.transcription.vocabulary)
    ways: dict[str, Transcriber] = {
        "first": whisper,
        "second early": SecondEarly(whisper),
        "in turn": InTurn(whisper),
        "at once": Joint(whisper),
    }
    recordings = {name: heard_in_call(whisper, name) for name in CALLS}
    telephone = talk(whisper, 60 * options.minutes, 1, True)
    recordings["telephone"] = {Speaker.CUSTOMER: telephone}
    Remembering.answers = {}
    for recording, said in recordings.items():
        print(f"\n{recording}\n")
        print("| design | shown, s, p50 / p95 | committed | changed once committed | once shown "
              "| word errors | CPU, cores |")  # fmt: skip
        print("|---|---|---|---|---|---|---|")
        for name in options.designs or DESIGNS:
            design = DESIGNS[name]
            asr = Remembering(ways[design.recognisers], config)
            asr.way = design.recognisers
            with constants(design.constants):
                print_row(name, said, asr, config)
    return 0


if __name__ == "__main__":
    sys.exit(main())

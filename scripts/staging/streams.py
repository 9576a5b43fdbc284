"""Streams of acted clips, as from a customer on a line, for training and benchmarks.

A speaker's clips follow one another with a second of silence between them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import soxr
from scipy import signal

from scripts.staging.truth import inside
from scripts.support import corpora
from scripts.support.corpora import Samples
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.shell.runtime.engine_factory import ModelFiles, build_engine
from voicecoach.types.events import Tone
from voicecoach.types.stream import HOP, MAX_HOPS, SAMPLE_RATE, Block

GAP_S = 1.0
EMOTIONS = {
    "W": "angry",
    "L": "bored",
    "E": "disgust",
    "A": "fear",
    "F": "happy",
    "N": "neutral",
    "T": "sad",
}
"""Emotions by their letter in EMO-DB's file names."""


class Clip(NamedTuple):
    """A recording of one speaker with one emotion."""

    speaker: str
    emotion: str
    samples: Samples


def emodb() -> list[Clip]:
    """Return EMO-DB's clips."""
    return [Clip(name[:2], EMOTIONS[name[5]], x) for name, x in corpora.emodb()]


def nemo() -> list[Clip]:
    """Return nEMO's clips; use them for evaluation only."""
    root = corpora.folder("nemo")
    with (root / "clips.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        Clip(r["speaker"], r["emotion"], corpora.read(inside(corpora.DATA, r["path"])))
        for r in rows
    ]


def by_speaker(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    """Return the clips of each speaker."""
    found: dict[str, list[Clip]] = {}
    for clip in clips:
        found.setdefault(clip.speaker, []).append(clip)
    return found


class Line(NamedTuple):
    """How one variation of the line, room and microphone changes a speaker's voice."""

    speed: float
    taps: Samples
    """Filter coefficients."""
    level_db: float
    snr_db: float | None
    narrow: bool


PLAIN = Line(1.0, np.ones(1), -26.0, None, True)


def random_line(rng: np.random.Generator) -> Line:
    """Return a random line, room and microphone."""
    bends = int(rng.integers(3, 7))
    at = np.concatenate([[0.0], np.sort(rng.uniform(0.0, 0.5, bends)), [1.0]])
    grid = np.linspace(0.0, 1.0, 129)
    gain_db = np.interp(grid, at, rng.normal(0.0, 4.0, len(at)))
    return Line(
        speed=float(np.exp(rng.uniform(-0.15, 0.15))),
        taps=signal.firwin2(255, grid, 10 ** (gain_db / 20)),
        level_db=float(rng.uniform(-36.0, -16.0)),
        snr_db=None if rng.random() < 0.3 else float(rng.uniform(8.0, 35.0)),
        narrow=bool(rng.random() < 0.85),
    )


def over(line: Line, x: Samples, rng: np.random.Generator) -> Samples:
    """Return a clip as it sounds over a line."""
    if line.speed != 1.0:
        x = np.asarray(soxr.resample(x, SAMPLE_RATE * line.speed, SAMPLE_RATE))
    x = np.asarray(signal.fftconvolve(x, line.taps, "same"))
    if line.narrow:
        return corpora.telephone(x, rng, line.snr_db, line.level_db)
    wide = corpora.at_level(x, SAMPLE_RATE, line.level_db)
    if line.snr_db is None:
        return wide
    return corpora.add_noise(wide, SAMPLE_RATE, corpora.pink(len(x), rng), line.snr_db)


def in_order(clips: Sequence[Clip], calm: int, rng: np.random.Generator) -> list[Clip]:
    """Return a speaker's clips: up to `calm` neutral ones first, then the rest."""
    mixed = [clips[i] for i in rng.permutation(len(clips))]
    first = [clip for clip in mixed if clip.emotion == "neutral"][:calm]
    chosen = {id(clip) for clip in first}
    return first + [clip for clip in mixed if id(clip) not in chosen]


class Stream(NamedTuple):
    """Clips one after the other, with silence between them."""

    samples: Samples
    spans: tuple[tuple[int, int], ...]
    """Start and end of each clip, samples."""
    emotions: tuple[str, ...]


def stream(clips: Iterable[Clip], line: Line, rng: np.random.Generator) -> Stream:
    """Return clips as they sound over a line, with `GAP_S` of silence after each."""
    parts, spans, at, emotions = [np.zeros(SAMPLE_RATE)], [], SAMPLE_RATE, []
    for clip in clips:
        x = over(line, clip.samples, rng)
        parts += [x, np.zeros(round(GAP_S * SAMPLE_RATE))]
        spans.append((at, at + len(x)))
        emotions.append(clip.emotion)
        at += len(x) + len(parts[-1])
    return Stream(np.concatenate(parts), tuple(spans), tuple(emotions))


def tones(samples: Samples, models: ModelFiles) -> list[Tone]:
    """Return the engine's tone estimates for the customer while the agent is silent."""
    engine = build_engine(Config(), built_in_cues(), models, transcribe=False)
    n = -(-len(samples) // HOP) * HOP
    both = np.zeros((2, n), np.float32)
    both[1, : len(samples)] = samples
    step = MAX_HOPS * HOP
    events = [
        event
        for start in range(0, n, step)
        for event in engine.process(Block(start, both[:, start : start + step]))
    ]
    return [event for event in events if isinstance(event, Tone)]

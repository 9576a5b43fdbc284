"""Measure how well the agitation model works on speakers that it was not trained on.

Each speaker is one stream over a telephone line (8 kHz, mu-law): four neutral clips, then the
others in random order, one second apart, through the whole engine without words.  A clip's score
is the mean agitation of its last second.  On EMO-DB, each speaker is scored by a model trained
without that speaker; on nEMO, the model is used zero-shot.

The peer is logistic regression on openSMILE's eGeMAPSv02 functionals of each whole clip, on the
same clips, wide-band and over the telephone; its penalty is chosen by leaving out speakers.  "own
mean" subtracts the mean over all clips of a speaker, and so uses clips that are yet to come.

    pip install -e '.[bench,train]'
    python -m scripts.bench.agitation [separation] [time] [false] [cost]

Takes about 12 minutes on two cores.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import csv
import itertools
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import opensmile
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scripts.staging.streams import (
    PLAIN,
    Clip,
    Stream,
    by_speaker,
    emodb,
    in_order,
    nemo,
    stream,
    tones,
)
from scripts.staging.voices import laughter
from scripts.support import corpora
from scripts.support.corpora import Samples
from scripts.train.agitation import save, train, variations
from voicecoach.config import Config
from voicecoach.dsp.functionals import descriptor_columns
from voicecoach.dsp.prosody import GROUP_HOPS, ProsodyExtractor, load_weights
from voicecoach.estimates.agitation import AgitationModel
from voicecoach.estimates.tone import ALERT_LEVEL, ToneEstimator, voice_window
from voicecoach.shell.runtime.engine_factory import ModelFiles, shipped_models
from voicecoach.shell.runtime.user_files import read_contents
from voicecoach.types.events import Tone
from voicecoach.types.stream import HOP, SAMPLE_RATE

SEED = 11
CALM = 4
TESTS: dict[str, tuple[str, ...]] = {
    "neutral": ("neutral",),
    "neutral, sad, bored": ("neutral", "sad", "bored"),
    "everything": (),
}
"""Emotions that angry clips are compared with, by name of the test; empty means all others."""
RESAMPLED = 1000
MEN = {"03", "10", "11", "12", "15"}
TICK_S = 0.128


class Score(NamedTuple):
    """The agitation score of one clip."""

    speaker: str
    emotion: str
    value: float


# --- the product ----------------------------------------------------------------------------


def scores(speaker: str, s: Stream, models: ModelFiles, skip: int = 0) -> list[Score]:
    """Return the score of each clip of a stream, except for the first `skip` clips."""
    found = tones(s.samples, models)
    at = np.array([tone.at for tone in found])
    agitation = np.array([tone.agitation for tone in found])
    out = []
    for (start, end), emotion in list(zip(s.spans, s.emotions, strict=True))[skip:]:
        inside = (at > max(start, end - SAMPLE_RATE)) & (at <= end)
        if not inside.any():  # no estimate: take the last one before
            inside = at == at[at <= end].max()
        out.append(Score(speaker, emotion, float(agitation[inside].mean())))
    return out


class Job(NamedTuple):
    """The clips of one speaker, and the models that score them."""

    speaker: str
    clips: list[Clip]
    models: ModelFiles
    start: str
    """calm: four neutral clips first; none: random order from the start; each: each clip alone."""


def told(job: Job) -> list[Score]:
    """Return the scores of a job, without the neutral clips at the start."""
    rng = np.random.default_rng(SEED)
    if job.start == "each":
        streams = [stream([clip], PLAIN, rng) for clip in job.clips]
        return [score for s in streams for score in scores(job.speaker, s, job.models)]
    calm = CALM if job.start == "calm" else 0
    s = stream(in_order(job.clips, calm, rng), PLAIN, rng)
    return scores(job.speaker, s, job.models, calm)


# --- the peer -------------------------------------------------------------------------------


def _egemaps(clip: Clip) -> tuple[Samples, Samples]:
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
    )
    line = corpora.telephone(clip.samples, np.random.default_rng(SEED))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(
            smile.process_signal(x, SAMPLE_RATE).to_numpy()[0] for x in (clip.samples, line)
        )


def _own_mean(x: Samples, speakers: NDArray[np.str_]) -> Samples:
    out = x.copy()
    for speaker in set(speakers):
        out[speakers == speaker] -= x[speakers == speaker].mean(axis=0)
    return out


def _fit(x: Samples, angry: NDArray[np.bool_], c: float) -> Callable[[Samples], Samples]:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=5000))
    decision: Callable[[Samples], Samples] = model.fit(x, angry).decision_function
    return decision


def _left_out(x: Samples, angry: NDArray[np.bool_], who: NDArray[np.str_], c: float) -> Samples:
    out = np.zeros(len(x))
    for speaker in set(who):
        test = who == speaker
        out[test] = _fit(x[~test], angry[~test], c)(x[test])
    return out


def peer(
    clips: dict[str, list[Clip]], rows: dict[str, Samples], own_mean: bool
) -> dict[str, list[Score]]:
    """Return the scores on both corpora of logistic regression trained on EMO-DB."""
    who = {name: np.array([clip.speaker for clip in found]) for name, found in clips.items()}
    x = {name: _own_mean(rows[name], who[name]) if own_mean else rows[name] for name in rows}
    angry = np.array([clip.emotion == "angry" for clip in clips["EMO-DB"]])
    tried = {c: _left_out(x["EMO-DB"], angry, who["EMO-DB"], c) for c in (1.0, 0.1, 0.01, 0.001)}
    best = max(tried, key=lambda c: roc_auc_score(angry, tried[c]))
    values = {"EMO-DB": tried[best], "nEMO": _fit(x["EMO-DB"], angry, best)(x["nEMO"])}
    return {
        name: [
            Score(c.speaker, c.emotion, float(v))
            for c, v in zip(clips[name], values[name], strict=True)
        ]
        for name in clips
    }


# --- figures --------------------------------------------------------------------------------


def _parts(found: Sequence[Score], rest: tuple[str, ...]) -> tuple[NDArray[np.bool_], Samples]:
    """Return which of the clips are angry, and the scores of all."""
    kept = [s for s in found if s.emotion == "angry" or not rest or s.emotion in rest]
    return np.array([s.emotion == "angry" for s in kept]), np.array([s.value for s in kept])


def auc(found: Sequence[Score], rest: tuple[str, ...] = ()) -> float:
    """Return the ROC-AUC of angry clips against the others."""
    return float(roc_auc_score(*_parts(found, rest)))


def interval(found: Sequence[Score], rest: tuple[str, ...]) -> tuple[float, float]:
    """Return the 95 % interval of the ROC-AUC, by bootstrap over clips."""
    angry, value = _parts(found, rest)
    rng = np.random.default_rng(SEED)
    draws = []
    for _ in range(RESAMPLED):
        pick = np.concatenate(
            [rng.choice(np.flatnonzero(part), part.sum()) for part in (angry, ~angry)]
        )
        draws.append(roc_auc_score(angry[pick], value[pick]))
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def calibration(found: Sequence[Score]) -> tuple[float, list[tuple[float, float, int]]]:
    """Return the expected calibration error, and the calibration curve.

    The curve has a row for each tenth of the score that has clips: mean score, share of angry
    clips, number of clips.
    """
    p = np.array([s.value for s in found])
    angry = np.array([s.emotion == "angry" for s in found])
    bins = np.minimum((p * 10).astype(int), 9)
    curve = [
        (float(p[bins == b].mean()), float(angry[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    ]
    error = sum(abs(said - was) * n for said, was, n in curve) / len(found)
    return error, curve


def separation(models: dict[str, ModelFiles], pool: ProcessPoolExecutor) -> None:
    """Print how well the scores separate angry clips from others, for the product and the peer."""
    clips = {"EMO-DB": emodb(), "nEMO": nemo()}
    found: dict[tuple[str, str], list[Score]] = {}
    for name, start in itertools.product(clips, ("calm", "none", "each")):
        jobs = [
            Job(who, theirs, models[who if name == "EMO-DB" else ""], start)
            for who, theirs in by_speaker(clips[name]).items()
        ]
        found[name, start] = [s for part in pool.map(told, jobs) for s in part]
    rows = {name: list(pool.map(_egemaps, part, chunksize=16)) for name, part in clips.items()}
    peers = {}
    for own in (True, False):
        for band, line in enumerate(("wide", "telephone")):
            x = {name: np.stack([r[band] for r in part]) for name, part in rows.items()}
            peers[line, own] = peer(clips, x, own)
    for corpus in clips:
        columns = {
            "voicecoach, 4 neutral clips first": found[corpus, "calm"],
            "eGeMAPS, own mean, wide": peers["wide", True][corpus],
            "eGeMAPS, own mean, telephone": peers["telephone", True][corpus],
            "voicecoach, no baseline": found[corpus, "none"],
            "voicecoach, each clip alone": found[corpus, "each"],
            "eGeMAPS, wide": peers["wide", False][corpus],
            "eGeMAPS, telephone": peers["telephone", False][corpus],
        }
        print(f"\n### {corpus}: ROC-AUC of angry clips, 95 % interval\n")
        print("| | " + " | ".join(f"against {name}" for name in TESTS) + " |")
        print("|---|" + "---|" * len(TESTS))
        for label, of in columns.items():
            figures = [
                "{:.3f} ({:.3f}-{:.3f})".format(auc(of, rest), *interval(of, rest))
                for rest in TESTS.values()
            ]
            print(f"| {label} | " + " | ".join(figures) + " |")
        _by_emotion(found[corpus, "calm"])
        _by_speaker(found[corpus, "calm"], clips[corpus])
        error, curve = calibration(found[corpus, "calm"])
        print(
            f"\nExpected calibration error {error:.3f}; said / was (clips): "
            + ", ".join(f"{said:.2f} / {was:.2f} ({n})" for said, was, n in curve)
        )


def _by_emotion(found: Sequence[Score]) -> None:
    emotions = sorted({s.emotion for s in found} - {"angry"})
    parts = [f"{e} {auc(found, (e,)):.3f}" for e in emotions]
    print("\nAngry against each: " + ", ".join(parts))


def _by_speaker(found: Sequence[Score], clips: Sequence[Clip]) -> None:
    def of(who: Iterable[str]) -> float:
        chosen = set(who)
        return auc([s for s in found if s.speaker in chosen])

    speakers = sorted({c.speaker for c in clips})
    each = [of([s]) for s in speakers]
    print(
        "Against everything, by speaker: "
        + ", ".join(f"{s} {a:.3f}" for s, a in zip(speakers, each, strict=True))
        + f"; median {np.median(each):.3f}, spread {np.std(each):.3f}"
    )
    men = [s for s in speakers if s in MEN or s in _nemo_men()]
    women = [s for s in speakers if s not in men]
    print(f"Men {of(men):.3f}, women {of(women):.3f}")


def _nemo_men() -> set[str]:
    with (corpora.folder("nemo") / "clips.csv").open(encoding="utf-8") as file:
        return {r["speaker"] for r in csv.DictReader(file) if r["gender"] == "M"}


# --- the alert level ------------------------------------------------------------------------


def crossings(found: Sequence[Tone]) -> list[int]:
    """Return the samples at which agitation rises to the alert level."""
    level = np.array([0.0, *(tone.agitation for tone in found)]) >= ALERT_LEVEL
    return [found[int(i)].at for i in np.flatnonzero(level[1:] & ~level[:-1])]


def _onsets(job: Job) -> list[float]:
    """Return the seconds of speech from the start of each angry passage to the alert.

    A passage is three angry clips after three neutral ones.  The value is infinite if there is no
    alert.
    """
    rng = np.random.default_rng(SEED)
    mixed = [job.clips[i] for i in rng.permutation(len(job.clips))]
    angry = [c for c in mixed if c.emotion == "angry"]
    neutral = itertools.cycle([c for c in mixed if c.emotion == "neutral"])
    order = list(itertools.islice(neutral, CALM))
    for i in range(0, len(angry) - 2, 3):
        order += [*angry[i : i + 3], *itertools.islice(neutral, 3)]
    s = stream(order, PLAIN, rng)
    found = tones(s.samples, job.models)
    out = []
    for i in range(CALM, len(order) - 2, 6):
        begin, end = s.spans[i][0], s.spans[i + 2][1]
        inside = [t for t in found if begin < t.at <= end]
        alerted = next((k for k, t in enumerate(inside) if t.agitation >= ALERT_LEVEL), None)
        out.append(float("inf") if alerted is None else (alerted + 1) * TICK_S)
    return out


def onset(models: dict[str, ModelFiles], pool: ProcessPoolExecutor) -> None:
    """Print the time from the onset of anger to the alert."""
    print(f"\n### From the onset of angry speech to {ALERT_LEVEL}: seconds of speech\n")
    print("| | passages | median | 80th percentile | not alerted |\n|---|---|---|---|---|")
    for name, clips in (("EMO-DB", emodb()), ("nEMO", nemo())):
        jobs = [
            Job(who, theirs, models[who if name == "EMO-DB" else ""], "calm")
            for who, theirs in by_speaker(clips).items()
        ]
        found = np.array([t for part in pool.map(_onsets, jobs) for t in part])
        middle, late = np.percentile(found, [50, 80], method="lower")
        print(
            f"| {name} | {len(found)} | {middle:.2f} | {late:.2f} | {np.isinf(found).mean():.0%} |"
        )


def _neutral(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    return by_speaker(c for c in clips if c.emotion == "neutral")


def _one(x: Sequence[Samples], rng: np.random.Generator) -> Samples:
    return stream([Clip("", "", part) for part in x], PLAIN, rng).samples


def _neutral_streams(models: dict[str, ModelFiles]) -> dict[str, list[tuple[Samples, ModelFiles]]]:
    """Return streams in which nobody is angry, by kind, each with the models that score it."""
    rng = np.random.default_rng(SEED)
    noise = corpora.folder("noise")
    shipped_ = models[""]

    def folder(name: str) -> list[Samples]:
        return [corpora.read(path) for path in sorted((noise / name).glob("*.flac"))]

    readers: dict[str, list[Samples]] = {}
    for name, x, _ in corpora.librispeech():
        readers.setdefault(name.rpartition("-")[0], []).append(x)
    voices = [np.concatenate(part) for part in readers.values()]
    voices += [np.concatenate([c.samples for c in part]) for part in _neutral(nemo()).values()]
    n = 180 * SAMPLE_RATE
    babble = np.sum([corpora.at_level(np.resize(v, n), SAMPLE_RATE, -26.0) for v in voices], axis=0)
    calls = sorted(corpora.folder("calls").glob("auto_repairs_*.flac"))
    return {
        "EMO-DB neutral": [
            (_one([c.samples for c in part], rng), models[who])
            for who, part in _neutral(emodb()).items()
        ],
        "nEMO neutral": [
            (_one([c.samples for c in part], rng), shipped_) for part in _neutral(nemo()).values()
        ],
        "LibriSpeech, a stream each chapter": [
            (_one(part, rng), shipped_) for part in readers.values()
        ],
        "two calls' customers": [(_customer(path), shipped_) for path in calls],
        "hold music": [(_one([x], rng), shipped_) for x in folder("hold_music")],
        "IVR prompts": [(_one(folder("ivr_prompts"), rng), shipped_)],
        "laughter (made)": [(_one([laughter(rng)], rng), shipped_)],
        f"babble of {len(voices)}": [(_one([babble], rng), shipped_)],
        "noises (ESC-10)": [(_one(folder("esc10"), rng), shipped_)],
        "silence": [(np.zeros(600 * SAMPLE_RATE), shipped_)],
    }


def _customer(path: Path) -> Samples:
    import soundfile
    import soxr

    x, rate = soundfile.read(path)
    return np.asarray(soxr.resample(x[:, 1], rate, SAMPLE_RATE))


def _false(job: tuple[Samples, ModelFiles]) -> tuple[int, float, float]:
    found = tones(*job)
    most = max((t.agitation for t in found), default=0.0)
    return len(crossings(found)), len(job[0]) / SAMPLE_RATE / 3600, most


def false(models: dict[str, ModelFiles], pool: ProcessPoolExecutor) -> None:
    """Print how often an alert is raised when nobody is angry."""
    print(f"\n### Crossings of {ALERT_LEVEL} where nobody is angry\n")
    print("| | minutes | crossings | an hour | highest |\n|---|---|---|---|---|")
    total, hours = 0, 0.0
    for name, jobs in _neutral_streams(models).items():
        counts, lengths, most = zip(*pool.map(_false, jobs), strict=True)
        total, hours = total + sum(counts), hours + sum(lengths)
        print(
            f"| {name} | {60 * sum(lengths):.1f} | {sum(counts)} "
            f"| {sum(counts) / sum(lengths):.1f} | {max(most):.2f} |"
        )
    print(f"| all | {60 * hours:.1f} | {total} | {total / hours:.1f} | |")


def cost(models: dict[str, ModelFiles]) -> None:
    """Print the time of one update: window, functionals, model and evidence."""
    files = models[""]
    estimator = ToneEstimator(AgitationModel(files.agitation))
    window = voice_window(Config().tone)
    extractor = ProsodyExtractor(load_weights(files.prosody))
    voice = nemo()[0].samples.astype(np.float32)
    took = []
    for i in range(2000):
        first = i * GROUP_HOPS * HOP
        part = np.resize(np.roll(voice, -first), GROUP_HOPS * HOP)
        frames = extractor.process(np.stack([part, part]))
        assert frames is not None
        at = first + GROUP_HOPS * HOP
        window.push(at, descriptor_columns(frames)[1], np.ones(GROUP_HOPS, np.bool_))
        began = time.perf_counter()
        estimator.estimate_tone(at, window.compute(at))
        took.append(1000 * (time.perf_counter() - began))
    print(
        f"\n### Cost\n\n{len(files.agitation.data)} bytes; an update with its functionals and "
        f"evidence {np.median(took):.2f} ms (95th percentile {np.percentile(took, 95):.2f})"
    )


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", default=["separation", "time", "false", "cost"])
    parts = parser.parse_args().parts
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        models = {"": shipped_models()}
        if {"separation", "time", "false"} & set(parts):
            for speaker, model in train(variations(), lambda _: None).items():
                if speaker:
                    path = Path(folder) / f"{speaker}.onnx"
                    save(model, path)
                    models[speaker] = models[""]._replace(agitation=read_contents(path))
        if "separation" in parts:
            separation(models, pool)
        if "time" in parts:
            onset(models, pool)
        if "false" in parts:
            false(models, pool)
        if "cost" in parts:
            cost(models)


if __name__ == "__main__":
    main()

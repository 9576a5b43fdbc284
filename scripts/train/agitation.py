"""Make `models/agitation.onnx`: what the customer's voice says of their agitation.

The only corpus is EMO-DB (ten German actors, CC0), played over many kinds of telephone line.  Each
training stream joins the clips of one speaker in random order, some streams with calm clips first;
each window of speech is compared with the speaker's baseline as learnt up to that window.  The
model is a multinomial logistic regression over seven emotions, because the features that separate
anger from joy are not those that separate it from boredom.  All classes have the same weight
whatever their number of clips, except joy, which has twice the weight: a happy customer must not
be taken for an angry one.  Finally the log odds are calibrated on the speakers left out of training
(Platt 1999).

    python -m scripts.train.agitation [--out models/agitation.onnx]

One seed, a convex problem and rounded weights: the same data give the same file.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression

from scripts.staging.streams import (
    EMOTIONS,
    PLAIN,
    Stream,
    by_speaker,
    emodb,
    in_order,
    random_line,
    stream,
)
from voicecoach import config
from voicecoach.audio.endpointing import Segmenter
from voicecoach.audio.vad import SileroVad
from voicecoach.dsp.functionals import descriptor_columns
from voicecoach.dsp.prosody import GROUP_HOPS, ProsodyExtractor, load_weights
from voicecoach.estimates.agitation import (
    FEATURES,
    LEVEL_FEATURE,
    MAX_ABS_Z,
    TRACKED_FEATURES,
    Population,
    VoiceBaseline,
    voice_features,
)
from voicecoach.estimates.tone import voice_window
from voicecoach.shell.runtime.resources import prosody_model, vad_model
from voicecoach.types.stream import F64, HOP, MAX_HOPS, SAMPLE_RATE

SEED = 5
VARIATIONS = 8
"""Streams per speaker, besides the one over a plain line."""
CLASSES = tuple(EMOTIONS.values())
WEIGHT = {"happy": 2.0}
PENALTY = 0.01
"""L2 penalty on the weights, per row."""
PRIOR = 0.33
"""Share of angry clips assumed in the calibration.  `tone.apply_guards` then lowers the log odds,
so that they fit a share of one in five."""
LAST_S = 1.0
"""Seconds at the end of each clip that are used for training: by then the clip fills the window."""
GATE = 0.5
"""Weight of angry speech when the baseline is learnt, to imitate the gate in the engine."""
DIGITS = 3
"""Decimals of the weights: further decimals differ between machines."""


class Ticks(NamedTuple):
    """The estimator's inputs for one stream of clips, one row per estimate."""

    speaker: str
    x: F64
    """[n, KNOWN]."""
    new_s: F64
    """[n], seconds of speech since the previous row."""
    clip: NDArray[np.intp]
    """[n], index in the stream of the clip that contains the row; -1 outside all clips."""
    left_s: F64
    """[n], seconds to the end of that clip."""
    emotions: tuple[str, ...]
    """Emotion of each clip, in the stream's order."""


def ticks(speakers: Sequence[str], streams: Sequence[Stream]) -> list[Ticks]:
    """Return the estimator's inputs for streams, computed by the engine's own stages."""
    settings = config.Config()
    hops = -(-max(len(s.samples) for s in streams) // (MAX_HOPS * HOP)) * MAX_HOPS
    x = np.zeros((len(streams), hops * HOP), np.float32)
    for row, s in zip(x, streams, strict=True):
        row[: len(s.samples)] = s.samples
    prosody = ProsodyExtractor(load_weights(prosody_model()), len(streams))
    vads = [SileroVad(vad_model()) for _ in streams[::2]]
    segmenters = [Segmenter(settings.endpointing) for _ in streams]
    windows = [voice_window(settings.tone) for _ in streams]
    heard = [0] * len(streams)
    rows: list[list[tuple[int, float, F64]]] = [[] for _ in streams]
    for start in range(0, x.shape[1], MAX_HOPS * HOP):
        block = np.ascontiguousarray(x[:, start : start + MAX_HOPS * HOP])
        pairs = [block[[i, min(i + 1, len(x) - 1)]] for i in range(0, len(x), 2)]
        speech = np.concatenate([v.process(p) for v, p in zip(vads, pairs, strict=True)])
        frames = prosody.process(block)
        assert frames is not None
        described = descriptor_columns(frames)
        for first in range(0, MAX_HOPS, GROUP_HOPS):
            at = start + (first + GROUP_HOPS) * HOP
            for k, (segmenter, window) in enumerate(zip(segmenters, windows, strict=True)):
                spoken = []
                for i in range(first, first + GROUP_HOPS):
                    segmenter.step(start + (i + 1) * HOP, float(speech[k, i]))
                    spoken.append(segmenter.speaking)
                heard[k] += sum(spoken)
                window.push(at, described[k, :, first : first + GROUP_HOPS], np.array(spoken))
                if segmenter.speaking:
                    new_s = heard[k] * HOP / SAMPLE_RATE
                    rows[k].append((at, new_s, voice_features(window.compute(at))))
                    heard[k] = 0
    return [_ticks(speaker, s, r) for speaker, s, r in zip(speakers, streams, rows, strict=True)]


def _ticks(speaker: str, s: Stream, rows: list[tuple[int, float, F64]]) -> Ticks:
    at = np.array([row[0] for row in rows])
    starts, ends = np.array(s.spans).T
    clip = np.searchsorted(starts, at, "left") - 1
    left = (ends[clip] - at) / SAMPLE_RATE
    # Rows lag a little behind the audio: by the frame, and by the detection of the end of speech.
    inside = (clip >= 0) & (left > -0.1)
    return Ticks(
        speaker,
        np.stack([row[2] for row in rows]),
        np.array([row[1] for row in rows]),
        np.where(inside, clip, -1),
        left,
        s.emotions,
    )


def variation(number: int) -> list[Ticks]:
    """Return one stream per EMO-DB speaker, each over its own random line; number 0 is plain."""
    rng = np.random.default_rng([SEED, number])
    speakers = by_speaker(emodb())
    streams = []
    for clips in speakers.values():
        calm = int(rng.choice([0, 0, 1, 2, 4, 4, 6])) if number else 4
        line = random_line(rng) if number else PLAIN
        streams.append(stream(in_order(clips, calm, rng), line, rng))
    return ticks(list(speakers), streams)


def population(found: Sequence[Ticks]) -> Population:
    """Return the statistics of the speakers' calm speech."""
    means, within = [], []
    for t in found:
        calm = np.array(t.emotions)[t.clip] == "neutral"
        x = t.x[calm & (t.clip >= 0)]
        if len(x) > 4:
            means.append(np.nanmean(x, axis=0))
            within.append(np.nanstd(x, axis=0))
    mean, between = np.mean(means, axis=0), np.std(means, axis=0, ddof=1)
    level = TRACKED_FEATURES.index(LEVEL_FEATURE)
    mean[level], between[level] = -30.0, 0.0
    figures = (mean, between, np.median(within, axis=0))
    return Population(*(tuple(float(f"{v:.4g}") for v in figure) for figure in figures))


def against_usual(t: Ticks, start: Population) -> F64:
    """Return z-scores of a stream's rows against the baseline learnt so far, [n, FEATURES]."""
    usual, out = VoiceBaseline(start), []
    for x, new_s, clip in zip(t.x, t.new_s, t.clip, strict=True):
        out.append(usual.z_scores(x))
        usual.learn(x, new_s * (GATE if t.emotions[clip] == "angry" else 1.0))
    return np.stack(out)


class Model(NamedTuple):
    """The contents of the model file."""

    population: Population
    weights: F64
    """[CLASSES, FEATURES]."""
    bias: F64
    """[CLASSES]."""
    scale: float
    offset: float

    def log_odds(self, z: F64) -> F64:
        """Return the log odds [n] that the ONNX file gives for `z` [n, FEATURES]."""
        out = z @ self.weights.T + self.bias
        others = np.logaddexp.reduce(out[:, 1:], axis=1)
        return np.asarray(self.scale * (out[:, 0] - others) + self.offset)


def fit(found: Sequence[Ticks]) -> Model:
    """Return a model trained on streams, with uncalibrated log odds."""
    start = population(found)
    rows = [(t.clip >= 0) & (t.left_s < LAST_S) for t in found]
    z = np.concatenate([against_usual(t, start)[r] for t, r in zip(found, rows, strict=True)])
    names = np.concatenate(
        [np.array(t.emotions)[t.clip[r]] for t, r in zip(found, rows, strict=True)]
    )
    y = np.array([CLASSES.index(name) for name in names])
    share = np.bincount(y, minlength=len(CLASSES)) / len(y)
    weight = np.array([WEIGHT.get(name, 1.0) for name in CLASSES]) / share / len(CLASSES)
    learner = LogisticRegression(C=1.0 / (PENALTY * len(y)), tol=1e-6, max_iter=2000)
    learner.fit(z, y, sample_weight=weight[y])
    weights, bias = learner.coef_, learner.intercept_
    return Model(start, np.round(weights, DIGITS), np.round(bias, DIGITS), 1.0, 0.0)


def scores(t: Ticks, model: Model) -> tuple[list[str], list[float]]:
    """Return the emotion of each clip, and its mean log odds over its last `LAST_S` seconds."""
    odds = model.log_odds(against_usual(t, model.population))
    emotions, found = [], []
    for i, emotion in enumerate(t.emotions):
        last = (t.clip == i) & (t.left_s < LAST_S)
        if last.any():
            emotions.append(emotion)
            found.append(float(odds[last].mean()))
    return emotions, found


def calibrated(model: Model, left_out: Sequence[tuple[list[str], list[float]]]) -> Model:
    """Return the model with its log odds calibrated on clips of speakers left out of training."""
    angry = np.array([e == "angry" for emotions, _ in left_out for e in emotions])
    odds = np.array([s for _, found in left_out for s in found])
    weight = np.where(angry, PRIOR / angry.mean(), (1 - PRIOR) / (1 - angry.mean()))
    platt = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    platt.fit(odds[:, None], angry, sample_weight=weight)
    scale, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    return model._replace(scale=round(scale, DIGITS), offset=round(offset, DIGITS))


def leave_one_out(found: Sequence[Ticks]) -> dict[str, Model]:
    """Return, for each speaker, a model trained on all the others."""
    return {
        s: fit([t for t in found if t.speaker != s]) for s in sorted({t.speaker for t in found})
    }


def onnx_model(model: Model) -> onnx.ModelProto:
    """Return the model as an ONNX graph: z [n, FEATURES] to log_odds [n]."""

    def constant(name: str, value: F64) -> onnx.TensorProto:
        return numpy_helper.from_array(np.asarray(value, np.float32), name)

    def whole(name: str, *values: int) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(values, np.int64), name)

    graph = helper.make_graph(
        [
            helper.make_node("Clip", ["z", "least", "most"], ["kept"]),
            helper.make_node("Gemm", ["kept", "weights", "bias"], ["ways"], transB=1),
            helper.make_node("Slice", ["ways", "zero", "one", "one"], ["anger"]),
            helper.make_node("Slice", ["ways", "one", "all", "one"], ["others"]),
            helper.make_node("ReduceLogSumExp", ["others", "one"], ["other"], keepdims=1),
            helper.make_node("Sub", ["anger", "other"], ["odds"]),
            helper.make_node("Mul", ["odds", "scale"], ["scaled"]),
            helper.make_node("Add", ["scaled", "offset"], ["shifted"]),
            helper.make_node("Squeeze", ["shifted", "one"], ["log_odds"]),
        ],
        "agitation",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", len(FEATURES)])],
        [helper.make_tensor_value_info("log_odds", TensorProto.FLOAT, ["n"])],
        [
            constant("least", np.array(-MAX_ABS_Z)),
            constant("most", np.array(MAX_ABS_Z)),
            constant("weights", model.weights),
            constant("bias", model.bias),
            constant("scale", np.array(model.scale)),
            constant("offset", np.array(model.offset)),
            whole("zero", 0),
            whole("one", 1),
            whole("all", len(CLASSES)),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    facts = {
        "population": msgspec.json.encode(model.population).decode(),
        "features": msgspec.json.encode(FEATURES).decode(),
    }
    helper.set_model_props(made, facts)
    onnx.checker.check_model(made)
    return made


def save(model: Model, path: Path) -> None:
    """Write the ONNX file."""
    path.write_bytes(onnx_model(model).SerializeToString(deterministic=True))


def variations() -> list[Ticks]:
    """Return the streams that the model is trained on."""
    with ProcessPoolExecutor(2) as pool:
        return [t for found in pool.map(variation, range(1 + VARIATIONS)) for t in found]


def train(found: Sequence[Ticks], progress: Callable[[str], None] = print) -> dict[str, Model]:
    """Return models by key: "" for all speakers, a speaker for all but that one."""
    models = leave_one_out(found)
    plain = found[: len(models)]
    progress(f"{sum(len(t.x) for t in found)} windows of {len(models)} speakers")
    left_out = {t.speaker: scores(t, models[t.speaker]) for t in plain}
    out = {"": calibrated(fit(found), list(left_out.values()))}
    for speaker, model in models.items():
        rest = [value for name, value in left_out.items() if name != speaker]
        out[speaker] = calibrated(model, rest)
    return out


def main() -> None:
    """Train the model and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("models/agitation.onnx"))
    out = parser.parse_args().out
    model = train(variations())[""]
    save(model, out)
    print(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

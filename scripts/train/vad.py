"""Make the voice activity model that ships from Silero's own file.

Silero's sequence form applies four convolutions to four spectra of each window, one window after
another.  The file made here has the same weights as matrix products with windows as rows, omits
weights that only multiply padding, and starts after the Fourier transform, which
`voicecoach.audio.vad` computes.  It takes a fifth of the time.  Probabilities are the same except
for rounding: the largest difference on the sample call is printed; more than 0.0001 is an error.

    pip download --no-deps silero-vad==6.2.3 && unzip -j silero_vad-*.whl '*16k_sequence.onnx'
    python -m scripts.train.vad silero_vad_16k_sequence.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from voicecoach.audio.vad import STFT_BINS, STFT_FRAMES, VAD_CONTEXT, VAD_WINDOW, SileroVad
from voicecoach.onnx_model import OnnxModel
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource, sha256
from voicecoach.types.stream import F32, SPEAKERS, FileContents

ORIGINAL = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"
"""SHA-256 of `silero_vad_16k_sequence.onnx` of the package silero-vad 6.2.3."""
_STATE = 128


class Graph:
    """An ONNX graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: object, dtype: type = np.float32) -> str:
        """Add a constant and return its name."""
        array: NDArray[Any] = np.ascontiguousarray(np.asarray(value, dtype))
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def node(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add an operation with one output and return the output's name."""
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def layer(self, x: str, weight: str, bias: str, output: str) -> str:
        """Add a dense layer and return its output's name."""
        product = self.node("MatMul", [x, weight], f"{output}_product")
        return self.node("Relu", [self.node("Add", [product, bias], f"{output}_sum")], output)

    def part(self, x: str, first: int, last: int, output: str) -> str:
        """Add a slice of the last axis and return its name."""
        bounds = [self.constant(f"at_{n}", [n], np.int64) for n in (first, last)]
        axis = self.constant("last_axis", [-1], np.int64)
        return self.node("Slice", [x, *bounds, axis], output)


def restructured(weights: dict[str, F32]) -> onnx.ModelProto:
    """Return the restructured model, with Silero's weights.

    Its inputs are `spectra` [windows, channels, STFT_FRAMES * STFT_BINS] and the recurrent state
    `h` and `c` [1, channels, 128]; its outputs are the probability of speech [windows, channels]
    and the new state.
    """
    g = Graph()

    def taps(layer: int, first: int, last: int) -> str:
        """Return the weights of taps `first:last` of a convolution, [taps * in, out]."""
        kernel = weights[f"encoder.{layer}.weight"].transpose(2, 1, 0)[first:last]
        return g.constant(f"encoder_{layer}_{first}{last}", kernel.reshape(-1, kernel.shape[2]))

    bias = [g.constant(f"bias_{i}", weights[f"encoder.{i}.bias"]) for i in range(4)]
    # Layer 1 spans three neighbouring spectra; the outermost have a neighbour on one side only.
    first = [
        g.layer(
            g.part(
                "spectra",
                max(t - 1, 0) * STFT_BINS,
                min(t + 2, STFT_FRAMES) * STFT_BINS,
                f"around_{t}",
            ),
            taps(0, int(t == 0), 3 - int(t == STFT_FRAMES - 1)),
            bias[0],
            f"first_{t}",
        )
        for t in range(STFT_FRAMES)
    ]
    # Layer 2 has stride 2 and leaves two outputs, layer 3 leaves one, and layer 4 sees only that.
    second = [
        g.layer(g.node("Concat", first[:2], "left", axis=-1), taps(1, 1, 3), bias[1], "second_0"),
        g.layer(g.node("Concat", first[1:], "right", axis=-1), taps(1, 0, 3), bias[1], "second_2"),
    ]
    third = g.layer(g.node("Concat", second, "both", axis=-1), taps(2, 1, 3), bias[2], "third")
    fourth = g.layer(third, taps(3, 1, 2), bias[3], "fourth")
    recurrent = [g.constant(f"lstm_{i}", weights[f"onnx::LSTM_{i}"]) for i in (209, 210, 211)]
    inputs = [fourth, *recurrent, "", "h", "c"]
    outputs = ["lstm", "h_next", "c_next"]
    g.nodes.append(helper.make_node("LSTM", inputs, outputs, hidden_size=_STATE))
    state = g.node("Squeeze", ["lstm", g.constant("directions", [1], np.int64)], "state")
    weight = g.constant("output_weight", weights["output.weight"].reshape(_STATE, 1))
    product = g.node("MatMul", [g.node("Relu", [state], "heard"), weight], "output_product")
    odds = g.node("Add", [product, g.constant("output_bias", weights["output.bias"])], "odds")
    each = g.node("Sigmoid", [odds], "each")
    g.node("Squeeze", [each, g.constant("last_axis", [-1], np.int64)], "speech")
    value, kind = helper.make_tensor_value_info, TensorProto.FLOAT
    spectra: list[int | str | None] = ["windows", "channels", STFT_FRAMES * STFT_BINS]
    held: list[int | str | None] = [1, "channels", _STATE]
    graph = helper.make_graph(
        g.nodes,
        "silero_vad",
        [value("spectra", kind, spectra), *(value(name, kind, held) for name in ("h", "c"))],
        [
            value("speech", kind, spectra[:2]),
            *(value(name, kind, held) for name in ("h_next", "c_next")),
        ],
        list(g.constants.values()),
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8, producer_name="voicecoach"
    )
    onnx.checker.check_model(model)
    return model


def difference(original: Path, made: Path) -> float:
    """Return the largest difference between the models' probabilities, over the sample call."""
    samples = np.concatenate(
        [
            block.samples
            for block in RecordedCall.from_stereo(resource("samples", SAMPLE_CALL)).blocks()
        ],
        axis=1,
    )
    windows = samples.shape[1] // VAD_WINDOW
    samples = samples[:, : windows * VAD_WINDOW]
    vad, step = SileroVad(FileContents(str(made), made.read_bytes())), 64 * VAD_WINDOW // 2
    parts = [vad.process(samples[:, i : i + step]) for i in range(0, samples.shape[1], step)]
    got = np.concatenate(parts, axis=1)[:, 1::2]
    session = OnnxModel(FileContents(str(original), original.read_bytes()), "voice activity")
    largest = 0.0
    for speaker in SPEAKERS:
        row = np.concatenate([np.zeros(VAD_CONTEXT, np.float32), samples[speaker.row]])
        frames = np.lib.stride_tricks.sliding_window_view(row, VAD_CONTEXT + VAD_WINDOW)[
            ::VAD_WINDOW
        ]
        state = np.zeros((1, 1, _STATE), np.float32)
        inputs = {"input": np.ascontiguousarray(frames), "h": state, "c": state}
        expected = session.run(None, inputs)[0]
        largest = max(largest, float(np.abs(got[speaker.row] - expected).max()))
    return largest


def main() -> None:
    """Make the file and check it against the original."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("original", type=Path)
    parser.add_argument("--out", type=Path, default=Path("models/silero_vad.onnx"))
    args = parser.parse_args()
    if sha256(args.original) != ORIGINAL:
        raise SystemExit(f"{args.original}: not the file of silero-vad 6.2.3")
    weights = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load(args.original).graph.initializer
    }
    args.out.write_bytes(restructured(weights).SerializeToString(deterministic=True))
    off = difference(args.original, args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes; probabilities differ by {off:.1e} at most")
    if off > 1e-4:
        raise SystemExit("that is more than rounding")


if __name__ == "__main__":
    main()

"""Converts Moonshine's published files into two ONNX models that are cheap to run step by step.

As published, the decoder multiplies its 8-bit weights out in every run, holds both of its forms in
an `If`, and computes each layer's view of the audio anew for every token.  Here

* weights are multiplied out once, and then quantised so that the products are 8-bit, too.  They
  have 7 bits: with 8, sums overflow on processors without VNNI;
* what depends on the audio only, the keys and values of the attention to it, is an output of the
  encoder, already transposed and scaled;
* the decoder is the form with a cache.  It takes any number of tokens at once, also with an empty
  cache, so the same model decodes, and scores a given text in one run.

A token costs a third of what it cost before.  The conversion takes some 20 s, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from voicecoach.errors import ModelError, ModelUnavailable

if TYPE_CHECKING:
    import onnx

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
SOURCES = {ENCODER: "encoder_model.ort", DECODER: "decoder_model_merged.ort"}
OPSET, IR_VERSION = 14, 8
HEADS, HEAD_WIDTH = 8, 52
LARGE = 1000
"""Weights with more values are quantised."""

Weights = dict[str, Any]
"""Arrays by name."""


def convert_model(source: Path, target: Path, step: Callable[[str], None]) -> None:
    """Write `ENCODER` and `DECODER` to the folder `target`.

    Parameters
    ----------
    source
        Folder with the published files.
    target
        An existing folder.
    step
        Called with the name of each of the six steps as it begins.

    Raises
    ------
    ModelUnavailable
        If `onnx` is not installed.
    ModelError
        If a published file is not as expected.
    """
    try:
        import onnx
    except ImportError as e:
        raise ModelUnavailable(
            "converting the second model needs the package onnx: pip install 'voicecoach[model]'"
        ) from e
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with TemporaryDirectory(dir=target) as folder, _quiet_quantiser():
        work = Path(folder)
        read = {}
        for name, file in SOURCES.items():
            step(f"reading {file}")
            read[name] = _read_ort(source / file, work / name)
        try:
            encoder, decoder = _separate(read[ENCODER], read[DECODER])
        except (KeyError, StopIteration, IndexError) as e:
            raise ModelError(f"{source}: not the model that was expected ({e!r})") from e
        for name, model in ((ENCODER, encoder), (DECODER, decoder)):
            step(f"writing the {name.removesuffix('.onnx')}")
            onnx.save(model, work / name)
            step(f"quantising the {name.removesuffix('.onnx')}")
            quantize_dynamic(
                work / name,
                target / name,
                op_types_to_quantize=["MatMul", "Gather"],
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
            )


def _read_ort(path: Path, target: Path) -> onnx.ModelProto:
    """Return a model in onnxruntime's own format as ONNX."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.save_model_format", "ONNX")
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return onnx.load(target)


@contextmanager
def _quiet_quantiser() -> Iterator[None]:
    """Hide the advice that the quantiser prints for every model."""
    import logging

    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)


def _separate(
    encoder: onnx.ModelProto, merged: onnx.ModelProto
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Return the encoder with each layer's keys and values, and the decoder with a cache."""
    outer, weights = _multiply_out(merged.graph)
    branches = {a.name: a.g for node in outer if node.op_type == "If" for a in node.attribute}
    cached, cached_weights = _multiply_out(branches["then_branch"])
    fresh, fresh_weights = _multiply_out(branches["else_branch"])
    layers = sum(o.name.endswith(".decoder.key") for o in merged.graph.output)
    decoder = _decoder(cached, {**weights, **cached_weights}, merged.graph, layers)
    with_keys = _encoder(encoder, fresh, {**weights, **fresh_weights}, layers)
    return with_keys, decoder


def _decoder(
    nodes: list[onnx.NodeProto], weights: Weights, graph: onnx.GraphProto, layers: int
) -> onnx.ModelProto:
    """Return the decoder, which takes the keys and values of the attention to the audio."""
    readers = {name: node for node in nodes for name in node.input}
    renamed: dict[str, str] = {}
    for layer in range(layers):
        # The key is transposed, and scaled by a constant, before it is used.
        transposed = readers[f"past_key_values.{layer}.encoder.key"]
        scaled = readers[transposed.output[0]]
        nodes = [node for node in nodes if node not in (transposed, scaled)]
        renamed[scaled.output[0]] = f"audio.{layer}.key"
        renamed[f"past_key_values.{layer}.encoder.value"] = f"audio.{layer}.value"
        for part in ("key", "value"):
            renamed[f"past_key_values.{layer}.decoder.{part}"] = f"past.{layer}.{part}"
            renamed[f"present.{layer}.decoder.{part}"] = f"present.{layer}.{part}"
    parts = [f"{layer}.{part}" for layer in range(layers) for part in ("key", "value")]
    outputs = ["logits", *(f"present.{part}" for part in parts)]
    nodes = _prune([_rename(n, renamed) for n in nodes], outputs)
    nodes = _transpose_weights(nodes, weights)
    _unshare_weights(nodes, weights)
    types = {x.name: x for x in (*graph.input, *graph.output)}
    inputs = [types["input_ids"]]
    for part in parts:
        cached = [None, HEADS, None, HEAD_WIDTH]
        key = part.endswith("key")
        inputs += [
            _value(f"audio.{part}", [None, HEADS, HEAD_WIDTH, None] if key else cached),
            _value(f"past.{part}", cached),
        ]
    results = [
        types["logits"],
        *(_value(f"present.{part}", [None, HEADS, None, HEAD_WIDTH]) for part in parts),
    ]
    return _model("decoder", nodes, inputs, results, weights)


def _encoder(
    encoder: onnx.ModelProto, fresh: list[onnx.NodeProto], weights: Weights, layers: int
) -> onnx.ModelProto:
    """Return the encoder, with the keys and values that the decoder computes from its states."""
    from onnx import helper

    nodes, own = _multiply_out(encoder.graph)
    makers = {name: node for node in fresh for name in node.output}
    # The two models were written separately, and may use the same names.
    states = encoder.graph.output[0].name
    mine = {name: f"encoder/{name}" for node in nodes for name in (*node.input, *node.output)}
    mine = {**mine, "": "", encoder.graph.input[0].name: "samples", states: "states"}
    nodes = [_rename(node, mine) for node in nodes]
    kept: Weights = {mine[name]: array for name, array in own.items() if name in mine}
    kept["heads"] = np.array([0, 0, HEADS, HEAD_WIDTH], np.int64)
    kept["key scale"] = np.array(HEAD_WIDTH**-0.25, np.float32)
    results = []
    for layer in range(layers):
        for part in ("key", "value"):
            made = makers[f"present.{layer}.encoder.{part}"]
            while made.op_type != "MatMul":
                made = makers[made.input[0]]
            weight, name = made.input[1], f"audio.{layer}.{part}"
            kept[weight] = weights[weight]
            nodes += [
                helper.make_node("MatMul", ["states", weight], [f"{name}.flat"], f"{name}.flat"),
                helper.make_node("Reshape", [f"{name}.flat", "heads"], [f"{name}.heads"]),
            ]
            if part == "key":
                nodes += [
                    helper.make_node(
                        "Transpose", [f"{name}.heads"], [f"{name}.turned"], perm=[0, 2, 3, 1]
                    ),
                    helper.make_node("Mul", [f"{name}.turned", "key scale"], [name]),
                ]
                shape = [None, HEADS, HEAD_WIDTH, None]
            else:
                nodes.append(
                    helper.make_node("Transpose", [f"{name}.heads"], [name], perm=[0, 2, 1, 3])
                )
                shape = [None, HEADS, None, HEAD_WIDTH]
            results.append(_value(name, shape))
    return _model("encoder", nodes, [_value("samples", [None, None])], results, kept)


def _multiply_out(graph: onnx.GraphProto) -> tuple[list[onnx.NodeProto], Weights]:
    """Return a graph's nodes without those that make weights of 8-bit ones, and the weights."""
    from onnx import numpy_helper

    weights: Weights = {x.name: numpy_helper.to_array(x) for x in graph.initializer}
    nodes = []
    for node in graph.node:
        values: list[Any] = [weights.get(name) for name in node.input]
        if node.op_type not in ("Cast", "Mul", "Add") or any(v is None for v in values):
            nodes.append(node)
            continue
        match node.op_type:
            case "Cast":
                made = values[0].astype(np.float32)
            case "Mul":
                made = values[0] * values[1]
            case "Add":
                made = values[0] + values[1]
        weights[node.output[0]] = made
    return nodes, weights


def _prune(nodes: Sequence[onnx.NodeProto], outputs: Sequence[str]) -> list[onnx.NodeProto]:
    """Return the nodes that the outputs depend on."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    return kept[::-1]


def _rename(node: onnx.NodeProto, names: dict[str, str]) -> onnx.NodeProto:
    """Return a copy of a node with other names for some of its values."""
    copy = type(node)()
    copy.CopyFrom(node)
    for values in (copy.input, copy.output):
        for i, name in enumerate(values):
            values[i] = names.get(name, name)
    return copy


def _transpose_weights(nodes: list[onnx.NodeProto], weights: Weights) -> list[onnx.NodeProto]:
    """Return the nodes without those that only transpose a weight, which is transposed here."""
    kept = []
    for node in nodes:
        if node.op_type == "Transpose" and node.input[0] in weights:
            weights[node.output[0]] = np.ascontiguousarray(weights[node.input[0]].T)
        else:
            kept.append(node)
    return kept


def _unshare_weights(nodes: Sequence[onnx.NodeProto], weights: Weights) -> None:
    """Give each reader of a large weight its own copy: what is shared would not be quantised."""
    read: set[str] = set()
    for node in nodes:
        for i, name in enumerate(node.input):
            if name in read and weights[name].size > LARGE:
                node.input[i] = f"{name} of {node.name}"
                weights[node.input[i]] = weights[name]
            elif name in weights:
                read.add(name)


def _value(name: str, shape: list[int | None]) -> onnx.ValueInfoProto:
    """Return the description of a float32 input or output; None is any size."""
    import onnx

    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def _model(
    name: str,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: Weights,
) -> onnx.ModelProto:
    """Return a model of these nodes, with those of the weights that they read."""
    from onnx import helper, numpy_helper

    read = {x for node in nodes for x in node.input}
    arrays = [numpy_helper.from_array(a, x) for x, a in weights.items() if x in read]
    graph = helper.make_graph(nodes, name, inputs, outputs, arrays)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)

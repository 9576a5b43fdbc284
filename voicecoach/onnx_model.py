"""Runs small ONNX models with onnxruntime on one thread, since each works on a hop at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voicecoach.errors import ModelError
from voicecoach.types.stream import FileContents, Immutable


class OnnxModel(Immutable):
    """A model file, ready to run.

    Parameters
    ----------
    file
        The ONNX file.
    what
        What the model is for, for the error message.

    Raises
    ------
    ModelError
        Where onnxruntime cannot load it.
    """

    def __init__(self, file: FileContents, what: str) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                file.data, options, providers=["CPUExecutionProvider"]
            )
            self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        except Exception as e:  # onnxruntime has no public base class for its errors
            raise ModelError(f"{file.name}: not a usable {what} model: {e}") from e

    def run(self, outputs: list[str] | None, inputs: Mapping[str, Any]) -> list[Any]:
        """Return the named outputs, or all if None, as onnxruntime's own `run` does."""
        found: list[Any] = self._session.run(outputs, inputs)
        return found

"""Wraps a capture backend of another package, so that its faults never end a call.

Its errors become `DeviceError`s, which are reported and retried like a lost device.  An invalid
chunk is rejected when it is delivered.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np

from voicecoach.errors import DeviceError
from voicecoach.shell.capture import (
    AudioChunk,
    AudioSource,
    CaptureBackend,
    CaptureStream,
    ChunkCallback,
)
from voicecoach.shell.runtime.worker import describe_error
from voicecoach.types.stream import Speaker


class GuardedBackend:
    """A `CaptureBackend` that raises only `DeviceError`.

    Parameters
    ----------
    name
        Name under which its errors are reported.
    backend
        The package's backend.
    """

    def __init__(self, name: str, backend: CaptureBackend) -> None:
        self._name, self._backend = name, backend
        self.pauses_in_silence = bool(getattr(backend, "pauses_in_silence", False))

    def sources(self) -> list[AudioSource]:
        """Return the sources available now."""
        with _device_errors(self._name):
            return list(self._backend.sources())

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> CaptureStream:
        """Open a source."""

        def deliver_checked(chunk: AudioChunk) -> None:
            samples, at = chunk.samples, chunk.at
            if samples.dtype != np.int16 or samples.ndim != 1:
                raise TypeError(f"chunks must have int16 samples [n], not {samples.dtype}")
            if not math.isfinite(at):
                raise ValueError("a chunk's time is not a number")
            deliver(chunk)

        with _device_errors(self._name):
            return GuardedStream(self._name, self._backend.open(source, speaker, deliver_checked))


class GuardedStream:
    """A `CaptureStream` that raises only `DeviceError`."""

    def __init__(self, name: str, stream: CaptureStream) -> None:
        self._name, self._stream = name, stream

    def failure_reason(self) -> str:
        """Return why the stream has failed, "" if it works."""
        with _device_errors(self._name):
            return self._stream.failure_reason()

    def close(self) -> None:
        """Close the stream."""
        with suppress(Exception):  # a broken stream may fail to close
            self._stream.close()


@contextmanager
def _device_errors(name: str) -> Iterator[None]:
    try:
        yield
    except DeviceError:
        raise
    except Exception as e:
        raise DeviceError(f"{name} failed ({describe_error(e)})") from e

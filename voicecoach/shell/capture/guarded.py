"""A source of another package, which costs no call whatever it does.

Its errors become the `DeviceError` that a lost device is: said, and tried again.  A chunk that is
not what it should be is refused where it is delivered.
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
from voicecoach.types import Speaker


class GuardedBackend:
    """A `CaptureBackend` that raises nothing but `DeviceError`.

    Parameters
    ----------
    name
        By which its errors are reported.
    backend
        The package's.
    """

    def __init__(self, name: str, backend: CaptureBackend) -> None:
        self._name, self._backend = name, backend
        self.pauses_in_silence = bool(getattr(backend, "pauses_in_silence", False))

    def sources(self) -> list[AudioSource]:
        """Return what there is to listen to now."""
        with _device_errors(self._name):
            return list(self._backend.sources())

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> CaptureStream:
        """Begin to listen."""

        def deliver_checked(chunk: AudioChunk) -> None:
            samples, at = chunk.samples, chunk.at
            if samples.dtype != np.int16 or samples.ndim != 1:
                raise TypeError(f"a chunk has int16 samples [n], not {samples.dtype}")
            if not math.isfinite(at):
                raise ValueError("a chunk's time is not a number")
            deliver(chunk)

        with _device_errors(self._name):
            return GuardedStream(self._name, self._backend.open(source, speaker, deliver_checked))


class GuardedStream:
    """A `CaptureStream` that raises nothing but `DeviceError`."""

    def __init__(self, name: str, stream: CaptureStream) -> None:
        self._name, self._stream = name, stream

    def failure_reason(self) -> str:
        """Return why it is of no use any more, "" where it is."""
        with _device_errors(self._name):
            return self._stream.failure_reason()

    def close(self) -> None:
        """Let go of it."""
        with suppress(Exception):  # what is broken need not close cleanly
            self._stream.close()


@contextmanager
def _device_errors(name: str) -> Iterator[None]:
    try:
        yield
    except DeviceError:
        raise
    except Exception as e:
        raise DeviceError(f"{name} failed ({describe_error(e)})") from e

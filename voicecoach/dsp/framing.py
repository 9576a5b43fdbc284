"""Cuts a stream into blocks and frames, whatever the sizes of its chunks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from voicecoach.types.stream import F32, HOP, MAX_HOPS, SAMPLE_RATE, Block


class Rechunker:
    """Turns chunks of any size into consecutive blocks of whole hops.

    Parameters
    ----------
    hops
        Hops in each block, 1 to `MAX_HOPS`.
    """

    def __init__(self, hops: int) -> None:
        if not 1 <= hops <= MAX_HOPS:
            raise ValueError(f"hops must be 1 to {MAX_HOPS}, not {hops}")
        self._size = hops * HOP
        self._pending = np.zeros((2, self._size), np.float32)
        self._filled = 0
        self._start = 0

    def push(self, samples: F32) -> list[Block]:
        """Add `samples` [2, n] and return the blocks that are complete."""
        blocks = []
        done = 0
        while done < samples.shape[1]:
            n = min(self._size - self._filled, samples.shape[1] - done)
            self._pending[:, self._filled : self._filled + n] = samples[:, done : done + n]
            self._filled += n
            done += n
            if self._filled == self._size:
                blocks.append(self._emit())
        return blocks

    def flush(self) -> list[Block]:
        """Return the remaining samples as a block, padded with silence to a whole hop."""
        if not self._filled:
            return []
        self._pending[:, self._filled :] = 0.0
        self._filled = -(-self._filled // HOP) * HOP
        return [self._emit()]

    def _emit(self) -> Block:
        block = Block(self._start, self._pending[:, : self._filled].copy())
        self._start = block.end
        self._filled = 0
        return block


Number = TypeVar("Number", bound=np.generic)


class OverlappingBuffer(Generic[Number]):
    """An array and overlapping windows of it; a deep copy has windows of its own array.

    Parameters
    ----------
    values
        The array.
    shape, strides
        Shape and strides of the windows, as for `as_strided`.
    """

    def __init__(
        self, values: NDArray[Number], shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> None:
        self.values = values
        self.windows = as_strided(values, shape, strides, writeable=False)
        """A read-only view."""

    def __deepcopy__(self, memo: Mapping[int, Any]) -> OverlappingBuffer[Number]:
        return OverlappingBuffer(self.values.copy(), self.windows.shape, self.windows.strides)


class Framer:
    """Cuts blocks into overlapping frames: frame i of a block ends where its hop i ends.

    Parameters
    ----------
    frame
        Samples in a frame, at least `hop`.
    hop
        Samples between the ends of successive frames.
    """

    def __init__(self, frame: int, hop: int = HOP, channels: int = 2) -> None:
        self._frame, self._hop = frame, hop
        self._past = frame - hop
        buf = np.zeros((channels, self._past + MAX_HOPS * HOP), np.float32)
        row, item = buf.strides
        shape = (channels, MAX_HOPS * HOP // hop, frame)
        self._buffer = OverlappingBuffer(buf, shape, (row, item * hop, item))
        self._last = 0

    def push(self, samples: F32) -> F32:
        """Return the frames of `samples` [channels, n * hop].

        Returns
        -------
        frames
            [channels, n, frame], a read-only view that is valid until the next push.
        """
        buf, past, n = self._buffer.values, self._past, samples.shape[1]
        buf[:, :past] = buf[:, self._last : self._last + past]
        buf[:, past : past + n] = samples
        self._last = n
        return self._buffer.windows[:, : n // self._hop]

    def reset(self) -> None:
        """Return to the state of a new stream."""
        self._buffer.values[:] = 0.0


class History:
    """The newest `seconds` of a stream, read by stream index."""

    def __init__(self, seconds: float, channels: int = 2) -> None:
        self._capacity = int(seconds * SAMPLE_RATE)
        # Every sample is written twice, so that any recent window is one contiguous view.
        self._buf = np.zeros((channels, 2 * self._capacity), np.float32)
        self.end = 0

    def push(self, block: Block) -> None:
        """Add the next block."""
        at, n = self.end % self._capacity, block.samples.shape[1]
        head = min(n, self._capacity - at)
        for base in (0, self._capacity):
            self._buf[:, base + at : base + at + head] = block.samples[:, :head]
            self._buf[:, base : base + n - head] = block.samples[:, head:]
        self.end += n

    def clear(self) -> None:
        """Replace all stored samples with silence."""
        self._buf[:] = 0.0

    def window(self, row: int, start: int, end: int) -> F32:
        """Return a copy of samples [start, end) of a channel.

        Raises
        ------
        IndexError
            If some of them are too old to be stored, or have not been pushed yet.
        """
        if not max(0, self.end - self._capacity) <= start <= end <= self.end:
            raise IndexError(f"[{start}, {end}) is not within the last {self._capacity} samples")
        at = start % self._capacity
        return self._buf[row, at : at + end - start].copy()

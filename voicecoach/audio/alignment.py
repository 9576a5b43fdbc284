"""Aligns the audio of two devices with two clocks on one time line, and cuts it into blocks.

Streams start seconds apart, deliver in bursts, drift against each other, drop samples and fall
silent; counting samples alone was wrong by 1.6 to 2.1 s.  The timestamps of a sound system are
right on average, but wander by 10 ms over seconds and are wrong by half a second at first.  So the
chunks of a track are placed end to end, and the median timestamp of its newest chunks corrects the
place:

| the median of       | is off by                | what happens                                    |
|---------------------|--------------------------|-------------------------------------------------|
| the newest 0.6 s    | `SEAMLESS` or more       | the track jumps: silence is inserted, or        |
|                     |                          | samples are dropped                             |
| the newest 5 s      | more than `DRIFT_SLACK`  | drift: each chunk is made a sample longer or    |
|                     |                          | shorter until the track fits                    |
| the 2nd and 3rd s   | any amount               | the track moves to its place and counts as      |
|                     |                          | placed                                          |

A track that delivers nothing for longer than its `patience` is silent from there on; chunks that
come too late are dropped, and the first chunk after a break is placed by its own timestamp.  A
pause of all tracks that is longer than `SUSPENDED_AFTER` (the computer was suspended) is cut out of
the time line.

Pure: timestamps come with the chunks, in seconds on any monotonic clock.  OBS Studio also treats
70 ms as seamless in its audio buffering.
"""

from __future__ import annotations

import statistics
from collections import deque

import numpy as np

from voicecoach.types.stream import F32, HOP, I16, MAX_HOPS, SAMPLE_RATE, SPEAKERS, Block, Speaker

SEAMLESS = int(0.070 * SAMPLE_RATE)
"""Least error that is corrected by a jump, samples."""
DRIFT_SLACK, DRIFT_CORRECTED = int(0.020 * SAMPLE_RATE), int(0.002 * SAMPLE_RATE)
"""Error at which a correction for drift begins and ends, samples."""
JUMP_CHUNKS, PLACING_CHUNKS, DRIFT_CHUNKS = 31, 101, 251
"""Chunks of 20 ms that a median is taken over: for a jump, for the first placing, and for drift.
Odd, so that the median is one of the values."""
PLACED_AFTER_CHUNKS = 151
"""Chunks after which a track is moved to its place."""
DRIFT_CHECK_EVERY = 10
"""Chunks between two checks for drift."""
PATIENCE_S = 1.0
"""Seconds to wait for a track that delivers continuously."""
IDLE_PATIENCE_S = 0.2
"""Seconds to wait for a track that delivers no audio while nothing plays."""
SUSPENDED_AFTER = 20 * SAMPLE_RATE
"""Samples between two pulls from which the computer counts as suspended."""
BUFFER_SAMPLES = 30 * SAMPLE_RATE
"""Capacity for samples that wait for the other track."""


class ChannelTrack:
    """Places the chunks of one channel on the time line."""

    def __init__(self) -> None:
        self.end = 0
        """Stream index after the last placed sample."""
        self.patience: int | None = None
        """Samples to wait for the track; None while it is closed."""
        self.dropped = 0
        """Samples that came too late or did not fit, after the track was placed."""
        self.is_placed = False
        """The track has been moved to its place since it was opened."""
        self._next = 0
        self.unanchor()

    def unanchor(self) -> None:
        """Place the next chunk by its own timestamp."""
        self._anchored = self._correcting = False
        self._count = self._chunks = self._drift = 0
        self._offsets: deque[int] = deque(maxlen=DRIFT_CHUNKS)
        """For each of the newest chunks: its index by timestamp minus the samples before it."""

    def place_chunk(self, index: int, n: int) -> tuple[int, int]:
        """Return the stream index at which to place a chunk, and the length to resample it to.

        Parameters
        ----------
        index
            Stream index by its timestamp.
        n
            Samples in the chunk.
        """
        if not self._anchored:
            self._anchored, self._next = True, index
        self._offsets.append(index - self._count)
        self._chunks += 1
        start, fitted = self._next, n
        jump = self._early_by(JUMP_CHUNKS) if self._chunks > JUMP_CHUNKS // 2 else 0
        if abs(jump) >= SEAMLESS:
            start += jump
            # Timestamps from before the jump no longer apply.
            self._offsets = deque(list(self._offsets)[-JUMP_CHUNKS // 2 :], DRIFT_CHUNKS)
            self._correcting = False
        elif self._chunks == PLACED_AFTER_CHUNKS:
            start += self._early_by(PLACING_CHUNKS)
            self.is_placed = True
        elif self._chunks > PLACED_AFTER_CHUNKS:
            if self._chunks % DRIFT_CHECK_EVERY == 0:
                self._drift = self._early_by(DRIFT_CHUNKS)
                self._correcting = abs(self._drift) > (
                    DRIFT_CORRECTED if self._correcting else DRIFT_SLACK
                )
            if self._correcting:
                fitted += 1 if self._drift > 0 else -1
        self._count += n
        self._next = start + fitted
        return start, fitted

    def _early_by(self, chunks: int) -> int:
        """Return how many samples the track is early, by the median of its newest chunks."""
        newest = list(self._offsets)[-chunks:]
        return round(statistics.median(newest)) - (self._next - self._count)


class Aligner:
    """Turns chunks of both channels into consecutive blocks of whole hops.

    Parameters
    ----------
    began
        Time of stream index 0, seconds.
    """

    def __init__(self, began: float) -> None:
        self._began = began
        self._buf = np.zeros((2, BUFFER_SAMPLES), np.int16)
        self._tracks = {s: ChannelTrack() for s in SPEAKERS}
        self.now = 0
        """Stream index of the next block."""
        self.suspended_s = 0.0
        """Seconds of suspension that were cut out of the time line."""

    def set_origin(self, at: float) -> None:
        """Set the time of stream index 0; raises `ValueError` once audio has been placed."""
        if self.now or any(track.end for track in self._tracks.values()):
            raise ValueError("the time line has begun")
        self._began = at

    def time(self, index: int) -> float:
        """Return the time at which the sample at a stream index was captured, seconds."""
        return self._began + index / SAMPLE_RATE

    def open_channel(self, speaker: Speaker, *, idles: bool) -> None:
        """Start to wait for a channel; `idles` if it delivers no audio while nothing plays."""
        seconds = IDLE_PATIENCE_S if idles else PATIENCE_S
        self._tracks[speaker].patience = round(seconds * SAMPLE_RATE)
        self._tracks[speaker].is_placed = False
        self._tracks[speaker].unanchor()

    def is_channel_open(self, speaker: Speaker) -> bool:
        """Return whether a speaker's channel is open."""
        return self._tracks[speaker].patience is not None

    def close_channel(self, speaker: Speaker) -> None:
        """Stop waiting for a speaker's channel."""
        self._tracks[speaker].patience = None

    def dropped_s(self, speaker: Speaker) -> float:
        """Return the seconds of a channel that came too late or did not fit."""
        return self._tracks[speaker].dropped / SAMPLE_RATE

    def clear(self) -> None:
        """Replace all waiting samples with silence."""
        self._buf[:] = 0
        for track in self._tracks.values():
            track.unanchor()
            track.end = min(track.end, self.now)

    def push(self, speaker: Speaker, samples: I16, at: float, *, lost: bool = False) -> None:
        """Add a chunk.

        Parameters
        ----------
        speaker
            Whose channel; ignored if it is not open.
        samples
            [n].
        at
            Time of its first sample, seconds.
        lost
            Whether samples before it were lost.
        """
        track = self._tracks[speaker]
        if track.patience is None or not len(samples):
            return
        if lost:
            track.unanchor()
        was_placed = track.is_placed
        start, n = track.place_chunk(round((at - self._began) * SAMPLE_RATE), len(samples))
        fitted = samples if n == len(samples) else _resample_to(samples, n)
        # Samples are too late if they overlap the chunk before, or a block that was pulled.
        first = min(n, max(0, max(track.end, self.now) - start))
        last = max(first, min(n, self.now + BUFFER_SAMPLES - start))
        if was_placed:
            track.dropped += min(n, max(0, self.now - start)) + n - last
        if first < last:
            track.end = start + last
            self._write_ring(speaker.row, start + first, fitted[first:last])

    def pull(self, now: float) -> list[Block]:
        """Return the blocks that are complete at `now`, or too late to wait for any longer.

        All chunks that were delivered before `now` must have been pushed.
        """
        here = int((now - self._began) * SAMPLE_RATE)
        if here - self.now > SUSPENDED_AFTER:
            here = self._cut_out_suspension(here)
        ready = here
        for track in self._tracks.values():
            if track.patience is not None:
                ready = min(ready, max(track.end, here - track.patience))
        blocks: list[Block] = []
        while (hops := min((ready - self.now) // HOP, MAX_HOPS)) > 0:
            waiting = max(track.end for track in self._tracks.values()) - self.now
            missing = waiting <= 0
            if not missing:
                hops = min(hops, -(-waiting // HOP))
            blocks.append(Block(self.now, self._read_ring(hops * HOP), missing=missing))
            self.now += hops * HOP
        for track in self._tracks.values():
            if track.end < self.now:
                track.end = self.now
                track.unanchor()
        return blocks

    def _cut_out_suspension(self, here: int) -> int:
        """Cut a suspension out of the time line, except for its last two seconds."""
        slept = here - self.now - 2 * SAMPLE_RATE
        self.suspended_s += slept / SAMPLE_RATE
        self._began += slept / SAMPLE_RATE
        self.clear()
        return here - slept

    def _write_ring(self, row: int, start: int, samples: I16) -> None:
        at = start % BUFFER_SAMPLES
        head = min(len(samples), BUFFER_SAMPLES - at)
        self._buf[row, at : at + head] = samples[:head]
        self._buf[row, : len(samples) - head] = samples[head:]

    def _read_ring(self, n: int) -> F32:
        """Return the next `n` samples of both channels, and replace them with silence."""
        out = np.empty((2, n), np.float32)
        at = self.now % BUFFER_SAMPLES
        head = min(n, BUFFER_SAMPLES - at)
        for to, first, count in ((0, at, head), (head, 0, n - head)):
            held = self._buf[:, first : first + count]
            np.divide(held, np.float32(32768), out=out[:, to : to + count])
            held[:] = 0
        return out


def _resample_to(samples: I16, n: int) -> I16:
    """Return the samples resampled to `n`, by linear interpolation."""
    at = np.linspace(0, len(samples) - 1, n)
    return np.rint(np.interp(at, np.arange(len(samples)), samples)).astype(np.int16)

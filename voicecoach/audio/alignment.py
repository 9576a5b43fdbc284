"""Aligns the audio of two devices with two clocks on one time line, and cuts it into blocks.

Streams start seconds apart, deliver in bursts, drift against each other, drop samples and fall
silent; counting samples alone was wrong by 1.6 to 2.1 s.  The times that a sound system gives are
right in the mean, but wander by 10 ms over seconds and are wrong by half a second at first.  So
each track is laid end to end, and the times of its newest chunks say, by their median, where that
should have been:

| the median of       | is off by           | what is done                                         |
|---------------------|---------------------|------------------------------------------------------|
| the newest 0.6 s    | `SEAMLESS` or more  | the track is anchored anew: silence in between, or   |
|                     |                     | samples dropped                                      |
| the newest 5 s      | more than `SLACK`   | each chunk is made a sample longer or shorter, until |
|                     |                     | it fits: drift                                       |
| the 2nd and 3rd s   | anything            | the track has found its place, and is put there      |

and it is anchored anew, by its own time, with the first chunk after a break: a track that delivers
nothing for longer than its `patience` is silence from there, and what comes too late is dropped.
A pause of everything that is longer than `ASLEEP` (a computer that slept) is cut out of the time
line.

Pure: times come in with the chunks, seconds on any clock that only goes forward.  The 70 ms are
what OBS Studio treats as seamless in its audio buffering.
"""

from __future__ import annotations

import statistics
from collections import deque

import numpy as np

from voicecoach.types.stream import F32, HOP, I16, MAX_HOPS, SAMPLE_RATE, SPEAKERS, Block, Speaker

SEAMLESS = int(0.070 * SAMPLE_RATE)
DRIFT_SLACK, DRIFT_CORRECTED = int(0.020 * SAMPLE_RATE), int(0.002 * SAMPLE_RATE)
"""Samples off that begin a correction for drift, and that end it."""
JUMP_CHUNKS, PLACING_CHUNKS, DRIFT_CHUNKS = 31, 101, 251
"""The newest chunks whose times are heard: for a jump, at the start, and for drift; of 20 ms each.
Odd, so that a median is one of them."""
PLACED_AFTER_CHUNKS = 151
"""Chunks after which a track has found its place."""
DRIFT_CHECK_EVERY = 10
"""Chunks between two looks for drift."""
PATIENCE_S = 1.0
"""How long a track is waited for that delivers without end."""
IDLE_PATIENCE_S = 0.2
"""The same for one that delivers no audio while nothing plays."""
SUSPENDED_AFTER = 20 * SAMPLE_RATE
BUFFER_SAMPLES = 30 * SAMPLE_RATE
"""Samples that may wait."""


class ChannelTrack:
    """One channel: where its samples go."""

    def __init__(self) -> None:
        self.end = 0
        """Stream index after the last that is placed."""
        self.patience: int | None = None
        """Samples for which it is waited for; None where nobody listens to it."""
        self.dropped = 0
        """Samples that came too late or had no room, once it had found its place."""
        self.is_placed = False
        """It has found its place since it is listened to."""
        self._next = 0
        self.unanchor()

    def unanchor(self) -> None:
        """Let the next chunk be placed by its own time."""
        self._anchored = self._correcting = False
        self._count = self._chunks = self._drift = 0
        self._offsets: deque[int] = deque(maxlen=DRIFT_CHUNKS)
        """Of the newest chunks, where each belongs by its time less the samples before it."""

    def place_chunk(self, index: int, n: int) -> tuple[int, int]:
        """Return where a chunk of `n` samples goes, and of how many to make it.

        By its time it belongs at `index`.
        """
        if not self._anchored:
            self._anchored, self._next = True, index
        self._offsets.append(index - self._count)
        self._chunks += 1
        start, fitted = self._next, n
        jump = self._early_by(JUMP_CHUNKS) if self._chunks > JUMP_CHUNKS // 2 else 0
        if abs(jump) >= SEAMLESS:
            start += jump
            # What was heard before the jump says nothing of what comes.
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
        """Return by how much the track is early, by the newest chunks."""
        newest = list(self._offsets)[-chunks:]
        return round(statistics.median(newest)) - (self._next - self._count)


class Aligner:
    """Chunks of both channels in, blocks of whole hops out, without a gap in the count.

    Parameters
    ----------
    began
        The time of stream index 0, seconds.
    """

    def __init__(self, began: float) -> None:
        self._began = began
        self._buf = np.zeros((2, BUFFER_SAMPLES), np.int16)
        self._tracks = {s: ChannelTrack() for s in SPEAKERS}
        self.now = 0
        """Stream index of the next block."""
        self.suspended_s = 0.0
        """Seconds that were cut out of the time line."""

    def set_origin(self, at: float) -> None:
        """Let the time line begin at a time; only while nothing is on it."""
        if self.now or any(track.end for track in self._tracks.values()):
            raise ValueError("the time line has begun")
        self._began = at

    def time(self, index: int) -> float:
        """Return when the sample at a stream index was at its source, seconds."""
        return self._began + index / SAMPLE_RATE

    def open_channel(self, speaker: Speaker, *, idles: bool) -> None:
        """Wait for a speaker's channel; `idles` where it delivers no audio while nothing plays."""
        seconds = IDLE_PATIENCE_S if idles else PATIENCE_S
        self._tracks[speaker].patience = round(seconds * SAMPLE_RATE)
        self._tracks[speaker].is_placed = False
        self._tracks[speaker].unanchor()

    def is_channel_open(self, speaker: Speaker) -> bool:
        """Return whether a speaker's channel is waited for."""
        return self._tracks[speaker].patience is not None

    def close_channel(self, speaker: Speaker) -> None:
        """Wait no more for a speaker's channel: what has not come will not."""
        self._tracks[speaker].patience = None

    def dropped_s(self, speaker: Speaker) -> float:
        """Return the seconds of a channel that came too late, or had no room."""
        return self._tracks[speaker].dropped / SAMPLE_RATE

    def clear(self) -> None:
        """Put silence in place of all that waits."""
        self._buf[:] = 0
        for track in self._tracks.values():
            track.unanchor()
            track.end = min(track.end, self.now)

    def push(self, speaker: Speaker, samples: I16, at: float, *, lost: bool = False) -> None:
        """Take a chunk, [n]; `at` is the time of its first sample, `lost` says some are missing."""
        track = self._tracks[speaker]
        if track.patience is None or not len(samples):
            return
        if lost:
            track.unanchor()
        found = track.is_placed
        start, n = track.place_chunk(round((at - self._began) * SAMPLE_RATE), len(samples))
        fitted = samples if n == len(samples) else _resample_to(samples, n)
        # What overlaps the chunk before, or has been given out as silence, is too late.
        first = min(n, max(0, max(track.end, self.now) - start))
        last = max(first, min(n, self.now + BUFFER_SAMPLES - start))
        if found:
            track.dropped += min(n, max(0, self.now - start)) + n - last
        if first < last:
            track.end = start + last
            self._write_ring(speaker.row, start + first, fitted[first:last])

    def pull(self, now: float) -> list[Block]:
        """Return the blocks that are complete, or late beyond patience, at a time `now`.

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
            heard = max(track.end for track in self._tracks.values()) - self.now
            missing = heard <= 0
            if not missing:
                hops = min(hops, -(-heard // HOP))
            blocks.append(Block(self.now, self._read_ring(hops * HOP), missing=missing))
            self.now += hops * HOP
        for track in self._tracks.values():
            if track.end < self.now:
                track.end = self.now
                track.unanchor()
        return blocks

    def _cut_out_suspension(self, here: int) -> int:
        """Cut a pause of everything out of the time line, but for two seconds of it."""
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
        """Return the next `n` samples of both channels, and leave silence in their place."""
        out = np.empty((2, n), np.float32)
        at = self.now % BUFFER_SAMPLES
        head = min(n, BUFFER_SAMPLES - at)
        for to, first, count in ((0, at, head), (head, 0, n - head)):
            held = self._buf[:, first : first + count]
            np.divide(held, np.float32(32768), out=out[:, to : to + count])
            held[:] = 0
        return out


def _resample_to(samples: I16, n: int) -> I16:
    """Return samples as `n`, between the same ends."""
    at = np.linspace(0, len(samples) - 1, n)
    return np.rint(np.interp(at, np.arange(len(samples)), samples)).astype(np.int16)

"""Turns the devices' audio into blocks of both speakers, aligned on the time line of the call.

The loss or return of a device is passed to the engine in order, like any other input.  A session's
time line continues from one call to the next, so that no audio is lost between them; each call
counts from its own start.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from voicecoach.audio.alignment import Aligner
from voicecoach.shell.capture.ears import CapturedChunk, DeviceLost, DeviceSupervisor
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.types.events import ChannelState
from voicecoach.types.stream import SPEAKERS, Block, Speaker

CHUNK_WAIT_S = 0.02
"""Seconds to wait for a chunk before doing other work."""
STARTUP_GRACE_S = 3.0
"""Seconds after the start during which devices without audio are not reported."""
DROPPED_NOTICE_S = 0.1
"""Late or dropped audio is reported if it is longer than this, in seconds."""


class DeviceStream:
    """The devices of a session.

    Parameters
    ----------
    ears
        Device supervisor; entered, not started.
    stages
        Records how late chunks arrive, and how many wait.
    """

    def __init__(self, ears: DeviceSupervisor, stages: LatencyStats) -> None:
        self._supervisor, self._stages = ears, stages
        self._lost: dict[Speaker, str] = {}
        """Speakers whose device cannot be used, with the reasons."""
        self.reset_time_line()

    def reset_time_line(self) -> None:
        """Start a new time line."""
        self._aligner, self._origin = Aligner(0.0), 0
        self._asked, self.has_audio = time.monotonic(), False
        """When listening was requested, and whether audio has arrived since."""
        self._slept_s = self._dropped_s = 0.0
        """Seconds of suspension and of dropped audio that have been reported."""

    def begin_call(self) -> list[ChannelState]:
        """Start a call at the current time; return the channels whose device cannot be used."""
        self._origin = self._aligner.now
        self._slept_s, self._dropped_s = self._aligner.suspended_s, self._total_dropped_s()
        return [
            self._channel_state(speaker, "lost", reason) for speaker, reason in self._lost.items()
        ]

    @property
    def now(self) -> int:
        """Index of the next block's first sample, from the call's start."""
        return self._aligner.now - self._origin

    def sound_time(self, block: Block) -> float:
        """Return when a block's first sample was captured, in seconds of `time.monotonic`."""
        return self._aligner.time(self._origin + block.start)

    def start(self) -> None:
        """Start or resume listening."""
        self._supervisor.start()

    def stop(self) -> None:
        """Release the devices, and drop audio that was captured but not processed."""
        self._supervisor.stop()
        self._aligner.clear()
        for speaker in SPEAKERS:
            self._aligner.close_channel(speaker)

    def read_items(self) -> Iterator[Block | ChannelState]:
        """Yield pending items, waiting briefly for the first."""
        aligner, taken = self._aligner, self._supervisor.read_chunks(CHUNK_WAIT_S)
        came = taken.now
        heard = [news.chunk.at for news in taken.news if isinstance(news, CapturedChunk)]
        if not self.has_audio and (heard or taken.now >= self._asked + STARTUP_GRACE_S):
            # Devices may need seconds for their first chunk; that time is not part of the call.
            aligner.set_origin(min(heard, default=taken.now))
            self.has_audio = True
        for news in taken.news:
            speaker = news.speaker
            if isinstance(news, DeviceLost):
                self._lost[speaker] = news.reason
                aligner.close_channel(speaker)
                yield self._channel_state(speaker, "lost", news.reason)
                continue
            if not aligner.is_channel_open(speaker):
                aligner.open_channel(speaker, idles=self._supervisor.pauses_in_silence(speaker))
            if self._lost.pop(speaker, None) is not None:
                yield self._channel_state(speaker, "ok")
            chunk, came = news.chunk, news.came
            aligner.push(speaker, chunk.samples, chunk.at, lost=chunk.lost)
            self._stages["capture"].add_duration(came - chunk.at)
        for block in aligner.pull(taken.now) if self.has_audio else ():
            self._stages["queue"].add_duration(time.monotonic() - came)
            yield Block(block.start - self._origin, block.samples, missing=block.missing)
        self._stages.set_queue_depth("capture", self._supervisor.queued_chunks)

    def new_troubles(self) -> Iterator[str]:
        """Yield what went wrong since the last call of this method."""
        slept = self._aligner.suspended_s - self._slept_s
        if slept:
            self._slept_s += slept
            yield f"the computer was suspended for {slept:.0f} s"
        dropped = self._total_dropped_s() - self._dropped_s
        if dropped > DROPPED_NOTICE_S:
            self._dropped_s += dropped
            yield f"{dropped:.1f} s of audio arrived too late and were replaced by silence"

    def _channel_state(self, speaker: Speaker, state: str, reason: str = "") -> ChannelState:
        return ChannelState(at=self.now, speaker=speaker, state=state, reason=reason)

    def _total_dropped_s(self) -> float:
        return sum(self._aligner.dropped_s(speaker) for speaker in SPEAKERS)

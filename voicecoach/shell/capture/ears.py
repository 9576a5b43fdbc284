"""Supervises both speakers' devices: opens them, watches them and reopens them after failures.

One thread opens, watches and reopens devices.  The sound system's threads put chunks into one
bounded queue, and no thread waits for the reader of the queue.  The states of one speaker's device:

| state   | event                                                                    | next    |
|---------|--------------------------------------------------------------------------|---------|
| closed  | `start`                                                                  | opening |
| opening | a source is found and opened                                             | open    |
| opening | no source can be opened: reported as lost, and retried                   | opening |
| open    | the stream ended, was moved or has no audio, or the default has changed  | opening |
| any     | `stop`: the device is released, so that the system shows it as unused    | closed  |

Chunks of a stream that was moved to another source are dropped: it may carry the other speaker.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from voicecoach.errors import DeviceError
from voicecoach.shell.capture import AudioChunk, AudioSource, CaptureBackend, CaptureStream
from voicecoach.shell.runtime.worker import ReportTrouble, StageThread, ignore_trouble
from voicecoach.types.events import DEVICE_CHANGED
from voicecoach.types.stream import SPEAKERS, Speaker

MAX_QUEUED_CHUNKS = 3000
"""Most chunks in the queue: 30 s of both speakers."""
DEVICE_CHECK_S = 0.5
"""Seconds between checks of the open devices."""
DEFAULT_CHECK_S = 2.0
"""Seconds between checks of the system's default device."""
FIRST_CHUNK_TIMEOUT_S = 6.0
"""Seconds a device may take to deliver its first chunk; 0.2 to 2 s were measured."""
STALLED_S = 2.0
"""Seconds without a chunk after which a continuously delivering device counts as stuck."""
REOPEN_DELAY_S, MAX_REOPEN_DELAY_S = 0.5, 5.0
"""Seconds before opening is retried: the first delay and the longest."""


class CapturedChunk(NamedTuple):
    """A chunk of one speaker's audio."""

    speaker: Speaker
    chunk: AudioChunk
    came: float
    """When it was delivered, in seconds of `time.monotonic`."""


class DeviceLost(NamedTuple):
    """A speaker's device delivers no audio; the next chunk ends this."""

    speaker: Speaker
    reason: str


class CapturedNews(NamedTuple):
    """The contents of the queue."""

    news: list[CapturedChunk | DeviceLost]
    now: float
    """Everything delivered before this time is included."""


def pick_source(sources: Sequence[AudioSource], speaker: Speaker, wanted: str) -> AudioSource:
    """Return a speaker's source: the one that matches `wanted`, or the system's default if "".

    Raises
    ------
    DeviceError
        If there is no such source, or `wanted` matches several.
    """
    what = "microphone" if speaker is Speaker.AGENT else "softphone"
    if wanted:
        exact = [s for s in sources if wanted in (s.name, s.label)]
        like = [s for s in sources if wanted.lower() in f"{s.name}\n{s.label}".lower()]
        found = exact or like
        if len(found) == 1:
            return found[0]
        names = ", ".join(s.name for s in found or sources) or "nothing"
        many = "matches several sources" if found else "was not found"
        raise DeviceError(f"--{what} {wanted} {many}: name one of {names}")
    kind = "input" if speaker is Speaker.AGENT else "output"
    of_kind = [s for s in sources if s.kind == kind]
    if not of_kind and speaker is Speaker.AGENT:
        raise DeviceError("no microphone found; plug in a headset")
    if not of_kind:
        raise DeviceError(
            "no output found to capture; choose one from `voicecoach devices` and name it with "
            "--softphone"
        )
    return next((s for s in of_kind if s.default), of_kind[0])


class DeviceSupervisor:
    """Supervises both speakers' devices; a context manager.

    Parameters
    ----------
    backend
        The platform's backend.
    wanted
        The source that the user named for each speaker; "" means the system's default.
    say
        Called with a message if the thread fails.
    """

    def __init__(
        self,
        backend: CaptureBackend,
        wanted: Mapping[Speaker, str],
        say: ReportTrouble = ignore_trouble,
    ) -> None:
        self.backend = backend
        self._inbox: queue.Queue[CapturedChunk | DeviceLost] = queue.Queue(MAX_QUEUED_CHUNKS)
        self._devices = [
            SupervisedDevice(self, speaker, wanted.get(speaker, "")) for speaker in SPEAKERS
        ]
        self._wake = threading.Event()
        self._listening = self._ended = False
        self._thread = StageThread("capture", self._supervise, say, self._abandon_devices)

    def __enter__(self) -> DeviceSupervisor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self.stop()
        self._thread.join(MAX_REOPEN_DELAY_S)

    @property
    def queued_chunks(self) -> int:
        """Number of chunks in the queue."""
        return self._inbox.qsize()

    def start(self) -> None:
        """Start listening."""
        self._drain_inbox()
        self._listening = True
        self._wake.set()

    def stop(self) -> None:
        """Release the devices; no more audio is taken from them."""
        self._listening = False
        self._wake.set()
        self._drain_inbox()

    def open_source_name(self, speaker: Speaker) -> str:
        """Return the name of a speaker's open source, "" if none is open."""
        return self._devices[speaker.row].open_source_name

    def read_chunks(self, seconds: float) -> CapturedNews:
        """Return what is in the queue, waiting at most `seconds` for the first chunk."""
        news: list[CapturedChunk | DeviceLost] = []
        try:
            news.append(self._inbox.get(timeout=seconds))
        except queue.Empty:
            return CapturedNews([], time.monotonic())
        now = time.monotonic()
        while True:
            try:
                news.append(self._inbox.get_nowait())
            except queue.Empty:
                return CapturedNews(news, now)

    def enqueue(self, news: CapturedChunk | DeviceLost) -> bool:
        """Add to the queue; return whether there was room."""
        if not self._listening:
            return True
        try:
            self._inbox.put_nowait(news)
        except queue.Full:
            return False
        return True

    def pauses_in_silence(self, speaker: Speaker) -> bool:
        """Return whether a speaker's device delivers no audio while nothing plays."""
        return self._devices[speaker.row].pauses_in_silence

    def _drain_inbox(self) -> None:
        while not self._inbox.empty():
            try:
                self._inbox.get_nowait()
            except queue.Empty:
                return

    def _abandon_devices(self) -> None:
        """Release the devices for good: without supervision nothing would notice a change."""
        for ear in self._devices:
            ear.abandon("device monitoring has stopped; restart voicecoach")

    def _supervise(self) -> None:
        while not self._ended:
            for ear in self._devices:
                ear.check_device(time.monotonic(), listening=self._listening)
            self._wake.wait(DEVICE_CHECK_S)
            self._wake.clear()
        for ear in self._devices:
            ear.close()


class SupervisedDevice:
    """One speaker's device; all methods but `accept_chunk` run in the supervising thread."""

    def __init__(self, ears: DeviceSupervisor, speaker: Speaker, wanted: str) -> None:
        self._supervisor, self._speaker, self._wanted = ears, speaker, wanted
        self._number = 0
        """Number of the current stream; chunks of earlier ones are dropped."""
        self._stream: CaptureStream | None = None
        self._source: AudioSource | None = None
        self._opened = self._heard = self._default_checked_at = self._reopen_at = 0.0
        self._reopen_delay_s = REOPEN_DELAY_S
        self._trouble = ""
        self._behind = False

    @property
    def open_source_name(self) -> str:
        """Name of the open source, "" if none is open."""
        return self._source.name if self._stream and self._source else ""

    @property
    def pauses_in_silence(self) -> bool:
        """Whether it delivers no audio while nothing plays."""
        source = self._source
        return (
            source is not None
            and self._supervisor.backend.pauses_in_silence
            and source.kind == "output"
        )

    def check_device(self, now: float, *, listening: bool) -> None:
        """Open, check or reopen the device."""
        if not listening:
            self.close()
            self._trouble, self._reopen_at = "", 0.0
        elif self._stream is None:
            if now >= self._reopen_at:
                self._try_open(now)
        elif why := self._find_fault(now):
            if self._heard > self._opened:
                self._trouble = ""  # the device was found in between, so report this loss again
            self.close()
            self._report_lost(why)
            self._reopen_at = now + REOPEN_DELAY_S
        elif self._heard > self._opened:
            self._trouble, self._reopen_delay_s = "", REOPEN_DELAY_S

    def close(self) -> None:
        """Release the device."""
        self._number += 1
        stream, self._stream = self._stream, None
        if stream:
            stream.close()

    def abandon(self, why: str) -> None:
        """Release the device for good."""
        self.close()
        self._report_lost(why)

    def accept_chunk(self, number: int, chunk: AudioChunk) -> None:
        """Accept a chunk of stream `number`; called in a thread of the sound system."""
        if number != self._number:
            return
        self._heard = now = time.monotonic()
        room = self._supervisor.enqueue(
            CapturedChunk(self._speaker, chunk._replace(lost=chunk.lost or self._behind), now)
        )
        self._behind = not room

    def _try_open(self, now: float) -> None:
        try:
            self._source = pick_source(
                self._supervisor.backend.sources(), self._speaker, self._wanted
            )
            if self._source.name == self._supervisor.open_source_name(self._speaker.other):
                raise DeviceError(
                    f"{self._source.name} is already used for the other speaker; name two "
                    "different sources of `voicecoach devices` with --microphone and --softphone"
                )
            hear = partial(self.accept_chunk, self._number)
            self._stream = self._supervisor.backend.open(self._source, self._speaker, hear)
            self._opened = self._default_checked_at = time.monotonic()
        except DeviceError as e:
            self._report_lost(str(e))
            self._reopen_at = now + self._reopen_delay_s
            self._reopen_delay_s = min(2 * self._reopen_delay_s, MAX_REOPEN_DELAY_S)

    def _find_fault(self, now: float) -> str:
        """Return why the device has failed or must be replaced, "" if it is fine."""
        assert self._stream
        assert self._source
        idles = self.pauses_in_silence
        if self._heard <= self._opened:
            if now - self._opened > FIRST_CHUNK_TIMEOUT_S and not idles:
                return f"{self._source.label} delivers no audio"
        elif now - self._heard > STALLED_S and not idles:
            return f"{self._source.label} stopped delivering audio"
        try:
            if why := self._stream.failure_reason():
                return why
            if now - self._default_checked_at > DEFAULT_CHECK_S and not self._wanted:
                self._default_checked_at = now
                chosen = pick_source(self._supervisor.backend.sources(), self._speaker, "")
                if chosen.name != self._source.name:
                    return f"{DEVICE_CHANGED}now {chosen.label}, was {self._source.label}"
        except DeviceError as e:
            return str(e)
        return ""

    def _report_lost(self, why: str) -> None:
        if why != self._trouble and self._supervisor.enqueue(DeviceLost(self._speaker, why)):
            self._trouble = why

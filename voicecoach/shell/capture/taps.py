"""macOS: captures microphones with Core Audio, outputs with flexaudio (macOS 14.4, Apple silicon).

macOS asks once whether the application that started voicecoach (such as the terminal) may record;
without permission a tap delivers zeros.  Grant it in System Settings, Privacy & Security:
"Screen & System Audio Recording" for the tap, "Microphone" for the microphone; then restart that
application.

Without flexaudio, or on an older Mac, use a loopback driver as in `plain`: BlackHole, in a
Multi-Output Device together with the headset.
"""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import Future
from types import ModuleType
from typing import Any

import numpy as np

from voicecoach.errors import DeviceError
from voicecoach.shell.capture import AudioChunk, AudioSource, CaptureStream, ChunkCallback
from voicecoach.shell.capture.plain import (
    PortAudioBackend,
    join_sources,
    unique_name,
    with_missing_output,
)
from voicecoach.shell.capture.portaudio import to_i16
from voicecoach.types.stream import SAMPLE_RATE, Speaker

TAP_PREFIX = "tap: "
"""Prefix of the name of an output; an application's identifier follows."""
SYSTEM_TAP = f"{TAP_PREFIX}everything"
CHUNK_S = 0.02
"""Length of flexaudio's chunks in seconds, whatever is requested."""
TAP_POLL_S = 0.01
TAP_OPEN_TIMEOUT_S = 10.0
"""Seconds a tap may take to open; one that takes longer never opens."""
DISCONTINUITY = 1
"""Flag of a chunk that follows a gap."""
BLACKHOLE_HINT = "or install BlackHole and play the call through it"


def load_taps() -> ModuleType:
    """Return flexaudio.

    Raises
    ------
    DeviceError
        If it is not installed, or this macOS has no taps.
    """
    try:
        import flexaudio
    except ImportError as e:
        install = "pip install 'voicecoach[loopback]' to hear the customer"
        raise DeviceError(f"{install} (macOS 14.4, Apple silicon), {BLACKHOLE_HINT}") from e
    if flexaudio.capabilities()["sources"]["system"]["availability"]["status"] == "unavailable":
        raise DeviceError(f"hearing the customer needs macOS 14.4; update macOS {BLACKHOLE_HINT}")
    module: ModuleType = flexaudio
    return module


class CoreAudioBackend:
    """A `CaptureBackend` for Core Audio's inputs and taps on outputs."""

    pauses_in_silence = False

    def __init__(self) -> None:
        self._inputs = PortAudioBackend()

    def sources(self) -> list[AudioSource]:
        """Return the microphones and the taps, or an entry that says what to install."""
        inputs = self._inputs.sources()
        try:
            module = load_taps()
        except DeviceError as e:
            return with_missing_output(
                inputs, AudioSource(TAP_PREFIX, f"an output: {e}", "output", default=True)
            )
        everything = AudioSource(SYSTEM_TAP, "everything this Mac plays", "output", default=True)
        applications = [
            AudioSource(name, f"what {process.name} plays", "output")
            for name, process in _processes(module).items()
        ]
        return join_sources(inputs, [everything, *applications])

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> CaptureStream:
        """Open a source."""
        if not source.name.startswith(TAP_PREFIX):
            return self._inputs.open(source, speaker, deliver)
        module = load_taps()
        if source.name == SYSTEM_TAP:
            return TapStream(module, "system", None, source.label, deliver)
        process = _processes(module).get(source.name)
        if process is None:
            raise DeviceError(f"{source.label}: the application is not running; start it")
        return TapStream(module, "process", process.pid, source.label, deliver)


class TapStream:
    """An open tap, as a `CaptureStream`.

    flexaudio binds a stream to the thread that opened it, so each tap has its own thread, which
    opens and closes the stream and delivers its chunks.
    """

    def __init__(
        self,
        module: ModuleType,
        kind: str,
        process_id: int | None,
        label: str,
        deliver: ChunkCallback,
    ) -> None:
        self._deliver = deliver
        self._trouble = ""
        self._clock_s = np.inf
        self._closing = threading.Event()
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._tap_loop, args=(module, kind, process_id), name="tap", daemon=True
        )
        self._thread.start()
        try:
            self._opened.result(TAP_OPEN_TIMEOUT_S)
        except Exception as e:
            self._closing.set()
            why = str(e) or "no answer; is macOS asking for permission on the screen?"
            raise DeviceError(f"{label}: cannot open it: {why}") from e

    def failure_reason(self) -> str:
        """Return why the stream has failed, "" if it works."""
        return self._trouble

    def close(self) -> None:
        """Close the stream."""
        self._closing.set()
        with contextlib.suppress(RuntimeError):  # that thread closes the tap
            self._thread.join(1.0)

    def _tap_loop(self, module: ModuleType, kind: str, process_id: int | None) -> None:
        try:
            stream = module.open(
                kind,
                process_id=process_id,
                output_rate=SAMPLE_RATE,
                output_channels=1,
                silence_probe=False,  # flexaudio's default would play a tone into the call
            )
        except Exception as e:
            self._opened.set_exception(e)
            return
        self._opened.set_result(None)
        try:
            while not self._closing.wait(TAP_POLL_S):
                self._deliver_chunks(stream)
        except Exception as e:  # the library's errors have no common base class
            self._trouble = str(e) or "the audio tap ended"
        with contextlib.suppress(Exception):  # a broken stream may fail to stop
            stream.stop()

    def _deliver_chunks(self, stream: Any) -> None:
        """Deliver the chunks that have arrived."""
        while not self._closing.is_set() and (chunk := stream.poll_chunk()) is not None:
            # flexaudio's clock has its own origin; a chunk that was read at once reveals it.
            arrived = chunk.arrival_ns / 1e9
            self._clock_s = min(self._clock_s, time.monotonic() - CHUNK_S - arrived)
            samples = to_i16(np.frombuffer(chunk.data, "<f4") * 32768)
            lost = chunk.dropped_before > 0 or bool(chunk.flags & DISCONTINUITY)
            at = arrived + self._clock_s
            self._deliver(AudioChunk(samples, at, lost))


def _processes(module: ModuleType) -> dict[str, Any]:
    """Return the applications that can be tapped, by names that do not depend on process ids."""
    found: dict[str, Any] = {}
    with contextlib.suppress(
        RuntimeError
    ):  # macOS did not answer; the whole output can still be tapped
        for process in module.processes():
            found[unique_name(TAP_PREFIX + (process.bundle_id or process.name), found)] = process
    return found

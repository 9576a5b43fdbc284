"""Captures both voices: the agent's microphone, and what the softphone plays.

A backend captures audio on one platform; `choose_backend` returns the one for this machine.  It
lists sources, opens them, and reports their failures.  Choosing a source and recovering one that
disappears is the same on all platforms, in `ears`.

| platform      | the microphone     | the customer's voice      | with                        |
|---------------|--------------------|---------------------------|-----------------------------|
| Linux         | a PulseAudio or    | the monitor of the output | `pulse`: PortAudio's device |
|               | PipeWire source    |                           | "pulse", and pactl          |
| Windows       | WASAPI input       | WASAPI loopback of the    | `wasapi`: the `loopback`    |
|               |                    | output                    | extra                       |
| macOS 14.4+   | Core Audio input   | a tap on the output       | `taps`: flexaudio           |
| anything else | PortAudio input    | PortAudio input: Black-   | `plain`                     |
|               |                    | Hole, a second sound card |                             |
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol, TypeAlias

from voicecoach.errors import DeviceError
from voicecoach.types.stream import I16, Speaker


class AudioSource(NamedTuple):
    """An input or output whose audio can be captured."""

    name: str
    """Identifies the source to the backend and to the user."""
    label: str
    """Name to display."""
    kind: Literal["input", "output"]
    """An input is a microphone; an output is what a speaker or headset plays."""
    default: bool = False
    """Whether it is the system's default of its kind."""


class AudioChunk(NamedTuple):
    """Samples as a device delivered them."""

    samples: I16
    """[n], 16 kHz mono; owned by the receiver."""
    at: float
    """When the first sample was captured, in seconds of `time.monotonic`."""
    lost: bool = False
    """Whether the system dropped audio before this chunk."""


ChunkCallback: TypeAlias = Callable[[AudioChunk], None]
"""Called from a thread of the sound system, so it must not block."""


class CaptureStream(Protocol):
    """An open source."""

    def failure_reason(self) -> str:
        """Return why the stream has failed (ended, moved to another source), "" if it works.

        A call may take 0.1 s; one thread calls this every second or two.
        """

    def close(self) -> None:
        """Close the stream; nothing is delivered afterwards.  It never raises."""


class CaptureBackend(Protocol):
    """Captures audio on one platform.

    Raises
    ------
    DeviceError
        From each method, if the user has to act; the message says what to do.
    """

    pauses_in_silence: bool
    """Whether outputs deliver no audio while nothing plays (WASAPI), which is then not a fault."""

    def sources(self) -> list[AudioSource]:
        """Return the sources available now."""

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> CaptureStream:
        """Open a source; its chunks start to arrive within seconds."""


def choose_backend() -> CaptureBackend:
    """Return the backend for this machine; on Linux, the sound server's if one is running.

    Raises
    ------
    DeviceError
        If something has to be installed first.
    """
    from voicecoach.shell.capture.portaudio import load_sounddevice

    load_sounddevice()
    if sys.platform == "win32":
        from voicecoach.shell.capture.wasapi import WasapiBackend

        return WasapiBackend()
    if sys.platform == "darwin":
        from voicecoach.shell.capture.taps import CoreAudioBackend

        return CoreAudioBackend()
    from voicecoach.shell.capture.plain import PortAudioBackend
    from voicecoach.shell.capture.pulse import PulseBackend

    pulse = PulseBackend()
    try:
        pulse.sources()
    except DeviceError as no_server:
        plain = PortAudioBackend()
        if not plain.sources():
            raise no_server from None
        return plain
    return pulse

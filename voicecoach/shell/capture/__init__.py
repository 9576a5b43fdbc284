"""Capturing two voices: the agent's microphone, and what the softphone plays.

A backend is what a platform is captured with; `choose` finds the one for this machine.  It lists
sources, opens one, and says what has become of it.  Everything else (which sources, what to do when
one goes away, where samples belong on the time line) is the same everywhere, in `ears`.

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
from voicecoach.types import I16, Speaker


class AudioSource(NamedTuple):
    """Something that can be listened to."""

    name: str
    """By which it is opened, and by which a user names it."""
    label: str
    """For people."""
    kind: Literal["input", "output"]
    """An input is a microphone; an output is what a speaker or headset plays."""
    default: bool = False
    """The system's own choice of its kind."""


class AudioChunk(NamedTuple):
    """Samples as a device delivered them."""

    samples: I16
    """[n], 16 kHz mono; the receiver's to keep."""
    at: float
    """When the first of them was at the source, on `time.monotonic`'s clock."""
    lost: bool = False
    """The system dropped some before it."""


ChunkCallback: TypeAlias = Callable[[AudioChunk], None]
"""Called from a thread of the sound system, which it must not hold up."""


class CaptureStream(Protocol):
    """A source that is open."""

    def failure_reason(self) -> str:
        """Return why it is of no use any more (ended, moved to another source), "" where it is.

        It may take a tenth of a second, and is called from one thread every second or two.
        """

    def close(self) -> None:
        """Let go of it; nothing is delivered afterwards.  It never raises."""


class CaptureBackend(Protocol):
    """A platform's way to listen.

    Raises
    ------
    DeviceError
        From each method, where a person has to do something; the message says what.
    """

    pauses_in_silence: bool
    """An output delivers no audio while nothing plays (WASAPI), and that is no fault."""

    def sources(self) -> list[AudioSource]:
        """Return what there is to listen to now."""

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> CaptureStream:
        """Begin to listen; chunks come within seconds."""


def choose_backend() -> CaptureBackend:
    """Return the backend for this machine; on Linux the sound server's where there is one.

    Raises
    ------
    DeviceError
        Where something has to be installed first.
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

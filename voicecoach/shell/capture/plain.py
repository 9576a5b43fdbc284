"""Captures any input that PortAudio lists, on systems without a better backend.

PortAudio cannot capture a headset's output, so the customer's voice needs a loopback driver:
BlackHole on macOS, VB-Cable or "Stereo Mix" on Windows, snd-aloop on Linux.  Such a driver appears
as an input; it is recognised by its name, and listed as an output.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

from voicecoach.errors import DeviceError
from voicecoach.shell.capture import AudioSource, CaptureStream, ChunkCallback
from voicecoach.shell.capture.portaudio import PortAudioStream, load_sounddevice, refresh_devices
from voicecoach.types.stream import Speaker

LOOPBACK_DRIVER = re.compile(
    r"blackhole|loopback|soundflower|stereo ?mix|what u hear|cable output|vb-?cable|"
    r"^monitor of|\.monitor$",
    re.IGNORECASE,
)
"""Names of loopback inputs, which carry what is played."""


class PortAudioBackend:
    """A `CaptureBackend` for PortAudio's inputs.

    Parameters
    ----------
    api
        Use only inputs of the host API with this PortAudio name; "" for all.
    settings
        Returns that host API's settings, given the module sounddevice.
    """

    pauses_in_silence = False

    def __init__(
        self, api: str = "", settings: Callable[[ModuleType], object] = lambda sd: None
    ) -> None:
        self._api, self._settings = api, settings

    def sources(self) -> list[AudioSource]:
        """Return the inputs; loopback drivers count as outputs, and the first is the default."""
        devices, usual = self._devices(), self._default_index()
        sources: list[AudioSource] = []
        for name, device in devices.items():
            label = str(device["name"])
            if LOOPBACK_DRIVER.search(label):
                first = all(s.kind == "input" for s in sources)
                sources.append(AudioSource(name, label, "output", first))
            else:
                sources.append(AudioSource(name, label, "input", device["index"] == usual))
        return sources

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> CaptureStream:
        """Open an input at 16 kHz, or at the device's own rate if it supports no other."""
        device = self._devices().get(source.name)
        if device is None:
            raise DeviceError(f"{source.label}: unplugged; plug it in")
        index, extra = device["index"], self._settings(load_sounddevice())
        with contextlib.suppress(DeviceError):
            return PortAudioStream(index, deliver, extra=extra)
        return PortAudioStream(
            index,
            deliver,
            rate=int(device["default_samplerate"]),
            channels=min(device["max_input_channels"], 2),
            extra=extra,
            label=source.label,
        )

    def _devices(self) -> dict[str, dict[str, Any]]:
        """Return PortAudio's inputs by names that stay the same when device numbers change."""
        refresh_devices()
        sd = load_sounddevice()
        apis = [api["name"] for api in sd.query_hostapis()]
        found: dict[str, dict[str, Any]] = {}
        for device in sd.query_devices():
            api = apis[device["hostapi"]]
            if device["max_input_channels"] > 0 and self._api in ("", api):
                found[unique_name(f"{api}: {device['name']}", found)] = device
        return found

    def _default_index(self) -> int:
        """Return the number of the system's default input, -1 if there is none."""
        sd = load_sounddevice()
        if not self._api:
            return int(sd.default.device[0])
        apis = (api for api in sd.query_hostapis() if api["name"] == self._api)
        return next((int(api["default_input_device"]) for api in apis), -1)


def unique_name(name: str, taken: dict[str, Any]) -> str:
    """Return the name, with a number added if another device has the same name."""
    count = 1
    while (unique := name if count == 1 else f"{name} #{count}") in taken:
        count += 1
    return unique


def join_sources(inputs: list[AudioSource], outputs: list[AudioSource]) -> list[AudioSource]:
    """Return both lists; no loopback driver is the default if outputs can be captured directly."""
    return [s._replace(default=s.default and s.kind == "input") for s in inputs] + outputs


def with_missing_output(inputs: list[AudioSource], need: AudioSource) -> list[AudioSource]:
    """Return the inputs, plus an entry that says what to install if no output can be captured.

    The entry appears as an output, so that users see it in the list; opening it raises the advice.
    """
    return inputs if any(s.kind == "output" for s in inputs) else [*inputs, need]

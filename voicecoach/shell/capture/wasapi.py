"""Windows: captures microphones with sounddevice and outputs with PyAudioWPatch's WASAPI loopback.

sounddevice's PortAudio has no loopback.  PyAudioWPatch has its own PortAudio, which refreshes its
list of devices only when a `PyAudio` is created and no other exists.  So each stream and each query
of the list has its own `PyAudio`.  A loopback delivers no audio while nothing plays.
"""

from __future__ import annotations

import contextlib
from types import ModuleType
from typing import Any

from voicecoach.errors import DeviceError
from voicecoach.shell.capture import AudioSource, CaptureStream, ChunkCallback
from voicecoach.shell.capture.plain import (
    PortAudioBackend,
    join_sources,
    unique_name,
    with_missing_output,
)
from voicecoach.shell.capture.portaudio import CALLBACK_BLOCK_S, CallbackInlet, block_age_s
from voicecoach.types.stream import Speaker

WASAPI_HOST_API = "Windows WASAPI"
LOOPBACK_PREFIX = f"{WASAPI_HOST_API} loopback: "
"""Prefix of the name of an output."""
LOOPBACK_HINT = "pip install 'voicecoach[loopback]' to hear the customer"


def load_loopback() -> ModuleType:
    """Return pyaudiowpatch.

    Raises
    ------
    DeviceError
        If it is not installed.
    """
    try:
        import pyaudiowpatch
    except ImportError as e:
        raise DeviceError(LOOPBACK_HINT) from e
    module: ModuleType = pyaudiowpatch
    return module


class WasapiBackend:
    """A `CaptureBackend` for WASAPI's inputs and the loopbacks of its outputs."""

    pauses_in_silence = True

    def __init__(self) -> None:
        # In shared mode a WASAPI device has one rate; Windows converts it only on request.
        self._inputs = PortAudioBackend(
            WASAPI_HOST_API, lambda sd: sd.WasapiSettings(auto_convert=True)
        )

    def sources(self) -> list[AudioSource]:
        """Return the microphones and the outputs, or an entry that says what to install."""
        inputs = self._inputs.sources()
        try:
            audio = _new_pyaudio(load_loopback())
        except DeviceError as e:
            return with_missing_output(
                inputs, AudioSource(LOOPBACK_PREFIX, f"an output: {e}", "output", default=True)
            )
        with audio:
            usual = _default(audio)
            outputs = [
                AudioSource(name, _loopback_label(info), "output", info["index"] == usual)
                for name, info in _loopbacks(audio).items()
            ]
        return join_sources(inputs, outputs)

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> CaptureStream:
        """Open a source."""
        if source.name.startswith(LOOPBACK_PREFIX):
            return LoopbackStream(load_loopback(), source, deliver)
        return self._inputs.open(source, speaker, deliver)


class LoopbackStream:
    """Captures an output at its own rate and channels; a `CaptureStream`."""

    def __init__(self, module: ModuleType, source: AudioSource, deliver: ChunkCallback) -> None:
        self._overflow, self._go_on = module.paInputOverflow, module.paContinue
        self._audio = _new_pyaudio(module)
        self._stream: Any = None
        try:
            info = _loopbacks(self._audio)[source.name]
            self._rate = int(info["defaultSampleRate"])
            channels = int(info["maxInputChannels"])
            self._inlet = CallbackInlet(self._rate, channels, deliver)
            self._stream = self._audio.open(
                format=module.paInt16,
                channels=channels,
                rate=self._rate,
                input=True,
                input_device_index=info["index"],
                frames_per_buffer=round(CALLBACK_BLOCK_S * self._rate),
                stream_callback=self._on_audio,
            )
        except KeyError as e:
            self._audio.terminate()
            raise DeviceError(f"{source.label}: unplugged; plug it in") from e
        except (OSError, ValueError) as e:
            self._audio.terminate()
            raise DeviceError(f"{source.label}: cannot open it: {e}") from e

    def failure_reason(self) -> str:
        """Return why the stream has failed, "" if it works; silence is not a failure."""
        try:
            return "" if self._stream.is_active() else "its device was disconnected"
        except OSError as e:
            return f"its device was disconnected: {e}"

    def close(self) -> None:
        """Close the stream."""
        self._inlet.stop()
        for let_go in (self._stream.stop_stream, self._stream.close, self._audio.terminate):
            with contextlib.suppress(Exception):  # a broken stream may fail to close
                let_go()

    def _on_audio(self, data: bytes, frames: int, times: dict[str, float], status: int) -> Any:
        age = block_age_s(
            times["input_buffer_adc_time"], times["current_time"], frames / self._rate
        )
        self._inlet.push_block(data, age, bool(status & self._overflow))
        return None, self._go_on


def _new_pyaudio(module: ModuleType) -> Any:
    """Return a new `PyAudio`; the caller must terminate it."""
    try:
        return module.PyAudio()
    except OSError as e:
        raise DeviceError(f"the sound system does not respond: {e}") from e


def _loopbacks(audio: Any) -> dict[str, dict[str, Any]]:
    """Return the loopbacks by unique names (`plain.unique_name`)."""
    found: dict[str, dict[str, Any]] = {}
    with contextlib.suppress(OSError):  # Windows without WASAPI has none
        for info in audio.get_loopback_device_info_generator():
            found[unique_name(LOOPBACK_PREFIX + _loopback_label(info), found)] = info
    return found


def _loopback_label(info: dict[str, Any]) -> str:
    return str(info["name"]).removesuffix(" [Loopback]")


def _default(audio: Any) -> int:
    """Return the number of the default output's loopback, -1 if there is none."""
    try:
        return int(audio.get_default_wasapi_loopback()["index"])
    except (OSError, LookupError):
        return -1

"""Opens PortAudio streams (sounddevice), for the backends that use it.

The block size is fixed: small irregular callbacks take several times the CPU and arrive only 30 ms
earlier.  The latency is 0.05 s: at 0.1 s, callbacks come in pairs, which costs the same CPU and
shows overlaps 20 ms later.  The callback only copies the block and reads the clock.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import soxr

from voicecoach.errors import DeviceError
from voicecoach.shell.capture import AudioChunk, ChunkCallback
from voicecoach.shell.runtime.stderr import stderr_silenced
from voicecoach.shell.runtime.system_packages import install_advice
from voicecoach.types.stream import F32, I16, SAMPLE_RATE

CALLBACK_BLOCK_S = 0.02
"""Seconds of audio per callback."""
LATENCY_S = 0.05
"""Latency requested from PortAudio, in seconds: the size of its buffer, not the measured delay."""

ALSA_PLUGIN = "libasound_module_pcm_pulse.so"
"""The part of ALSA through which PortAudio reaches a sound server."""


def load_sounddevice() -> ModuleType:
    """Return sounddevice.

    Raises
    ------
    DeviceError
        If it, or PortAudio, is not installed.
    """
    try:
        import sounddevice
    except ImportError as e:
        raise DeviceError("live calls need sounddevice: pip install 'voicecoach[live]'") from e
    except OSError as e:
        raise DeviceError(
            f"{e}; {install_advice(['libportaudio.so.2', *missing_for_pulse()])}"
        ) from e
    module: ModuleType = sounddevice
    return module


def missing_for_pulse() -> list[str]:
    """Return what Linux lacks to reach a sound server: ALSA's plugin for it, and pactl."""
    if not sys.platform.startswith("linux"):
        return []
    folders = chain(Path("/usr").glob("lib*/alsa-lib"), Path("/usr").glob("lib*/*/alsa-lib"))
    there = any((folder / ALSA_PLUGIN).exists() for folder in folders)
    return [*([] if there else [ALSA_PLUGIN]), *([] if shutil.which("pactl") else ["pactl"])]


_open_streams: set[PortAudioStream] = set()
_open_lock = threading.Lock()


def refresh_devices() -> None:
    """Refresh the list of devices, unless a stream is open.

    PortAudio lists devices only when it starts, and restarting it would end every stream.

    Raises
    ------
    DeviceError
        If the sound system does not answer.
    """
    sd = load_sounddevice()
    # It silences standard error while it starts: within this, our own lines are printed still.
    with _open_lock, stderr_silenced():
        if _open_streams:
            return
        try:
            with contextlib.suppress(sd.PortAudioError):  # it failed to start last time
                sd._terminate()
            sd._initialize()
        except sd.PortAudioError as e:
            raise DeviceError(f"the sound system does not respond: {e}") from e


def block_age_s(adc: float, now: float, block_s: float) -> float:
    """Return how long ago a block's first sample was at the A/D converter, in seconds.

    Some hosts report no time (0), and WASAPI before autumn 2023 reports a future one.  But the
    first sample is always at least as old as the block is long.
    """
    return max(now - adc, block_s) if adc > 0 else block_s


class SampleConverter:
    """Converts a device's samples to 16 kHz mono.

    Parameters
    ----------
    rate
        Sample rate of the device, Hz.
    channels
        Channels of the device, which are averaged.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._rate, self._channels = rate, channels
        # With int16 the resampler would dither: equal input would give different samples.
        self._resampler = (
            soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="MQ")
            if rate != SAMPLE_RATE
            else None
        )
        self._ahead_s = 0.0
        """Seconds of audio inside the resampler."""

    def convert(self, data: bytes, at: float) -> AudioChunk | None:
        """Convert a block that starts at time `at`; None while the resampler has no output."""
        frames: I16 = np.frombuffer(data, np.int16).reshape(-1, self._channels)
        mono = frames.mean(axis=1, dtype=np.float32)
        if self._resampler is None:
            return AudioChunk(to_i16(mono), at)
        began = at - self._ahead_s
        out = self._resampler.resample_chunk(mono)
        self._ahead_s += len(mono) / self._rate - len(out) / SAMPLE_RATE
        return AudioChunk(to_i16(out), began) if len(out) else None


def to_i16(samples: F32) -> I16:
    """Round and clip samples to int16."""
    return np.rint(samples).clip(-32768, 32767).astype(np.int16)


class CallbackInlet:
    """Converts the blocks of a sound system's callback, and delivers them as chunks.

    Parameters
    ----------
    rate, channels
        Format of the blocks, which are int16.
    deliver
        Called with each chunk.
    """

    def __init__(self, rate: int, channels: int, deliver: ChunkCallback) -> None:
        self._converter = SampleConverter(rate, channels)
        self._deliver = deliver
        self._lost = False

    def push_block(self, data: bytes, age_s: float, lost: bool) -> None:
        """Convert and deliver a block whose first sample is `age_s` seconds old."""
        chunk = self._converter.convert(data, time.monotonic() - age_s)
        self._lost |= lost  # the loss may belong to a block inside the resampler
        if chunk:
            self._deliver(chunk._replace(lost=self._lost))
            self._lost = False

    def stop(self) -> None:
        """Deliver nothing from now on."""
        self._deliver = _drop


class PortAudioStream:
    """An open PortAudio input, as a `CaptureStream`.

    Parameters
    ----------
    device
        PortAudio's number or name of the device.
    deliver
        Called with each chunk.
    rate, channels
        Format in which the device is opened.
    extra
        Settings of the host API.
    label
        Name to display.
    moved
        Called by `failure_reason`; returns why the stream's source has changed, or "".

    Raises
    ------
    DeviceError
        If the device cannot be opened.
    """

    def __init__(
        self,
        device: int | str,
        deliver: ChunkCallback,
        *,
        rate: int = SAMPLE_RATE,
        channels: int = 1,
        extra: object = None,
        label: str = "",
        moved: Callable[[], str] = str,
    ) -> None:
        sd = load_sounddevice()
        self._inlet, self._moved_reason = CallbackInlet(rate, channels, deliver), moved
        self._rate = rate
        self._ended = False
        self._stream: Any = None
        with _open_lock:
            _open_streams.add(self)
        try:
            self._stream = sd.RawInputStream(
                samplerate=rate,
                channels=channels,
                dtype="int16",
                blocksize=round(CALLBACK_BLOCK_S * rate),
                latency=LATENCY_S,
                device=device,
                extra_settings=extra,
                callback=self._on_audio,
                finished_callback=self._on_finished,
            )
            self._stream.start()
        except (sd.PortAudioError, ValueError) as e:
            self.close()
            raise DeviceError(f"{label or device}: cannot open it: {e}") from e

    def failure_reason(self) -> str:
        """Return why the stream has failed, "" if it works."""
        return "its device was disconnected" if self._ended else self._moved_reason()

    def close(self) -> None:
        """Close the stream."""
        self._inlet.stop()
        with contextlib.suppress(Exception):  # a broken stream may fail to close
            self._stream.abort()
        with contextlib.suppress(Exception):
            self._stream.close()
        _open_streams.discard(self)

    def _on_audio(self, data: Any, frames: int, times: Any, status: Any) -> None:
        age = block_age_s(times.inputBufferAdcTime, times.currentTime, frames / self._rate)
        self._inlet.push_block(bytes(data), age, bool(status.input_overflow))

    def _on_finished(self) -> None:
        self._ended = True


def _drop(chunk: AudioChunk) -> None:
    pass

"""Streams by PortAudio (sounddevice), for the backends whose devices it can open.

The block is fixed: small ragged callbacks cost several times the CPU and gain 30 ms.  The latency
is half of the 0.1 s that were thought best: callbacks then come one by one and not two at once,
which costs the same and puts overlaps on the screen 20 ms sooner.  The callback copies, tells the
time and leaves.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import soxr

from voicecoach.errors import DeviceError
from voicecoach.shell.capture import AudioChunk, ChunkCallback
from voicecoach.types import F32, I16, SAMPLE_RATE

CALLBACK_BLOCK_S = 0.02
"""Seconds of audio in a callback."""
LATENCY_S = 0.05
"""Asked of PortAudio; it is the buffer's size, not the delay that is measured."""


def load_sounddevice() -> ModuleType:
    """Return sounddevice.

    Raises
    ------
    DeviceError
        Where it, or PortAudio, is not installed.
    """
    try:
        import sounddevice
    except ImportError as e:
        raise DeviceError("live calls need sounddevice: pip install 'voicecoach[live]'") from e
    except OSError as e:
        raise DeviceError(f"{e}; on Debian: apt install libportaudio2 libasound2-plugins") from e
    module: ModuleType = sounddevice
    return module


_open_streams: set[PortAudioStream] = set()
_open_lock = threading.Lock()


def refresh_devices() -> None:
    """Look again for devices, unless a stream is open.

    PortAudio makes its list once, and making it anew would end every stream.

    Raises
    ------
    DeviceError
        Where the sound system does not answer.
    """
    sd = load_sounddevice()
    with _open_lock:
        if _open_streams:
            return
        try:
            with contextlib.suppress(sd.PortAudioError):  # it failed to begin the last time
                sd._terminate()
            sd._initialize()
        except sd.PortAudioError as e:
            raise DeviceError(f"the sound system does not respond: {e}") from e


def block_age_s(adc: float, now: float, block_s: float) -> float:
    """Return how long ago a block's first sample was at the converter.

    Some hosts do not tell (0), and WASAPI before the autumn of 2023 tells a time to come; but the
    first sample is never younger than the block is long.
    """
    return max(now - adc, block_s) if adc > 0 else block_s


class SampleConverter:
    """A device's samples to 16 kHz mono.

    Parameters
    ----------
    rate
        Of the device, Hz.
    channels
        Of the device; their mean is taken.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._rate, self._channels = rate, channels
        # As int16 it would dither, and the same sound would give other samples.
        self._resampler = (
            soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="MQ")
            if rate != SAMPLE_RATE
            else None
        )
        self._ahead_s = 0.0
        """Seconds that went in and have not come out."""

    def convert(self, data: bytes, at: float) -> AudioChunk | None:
        """Return a device's block, whose first sample was there `at`; None while it is held."""
        frames: I16 = np.frombuffer(data, np.int16).reshape(-1, self._channels)
        mono = frames.mean(axis=1, dtype=np.float32)
        if self._resampler is None:
            return AudioChunk(to_i16(mono), at)
        began = at - self._ahead_s
        out = self._resampler.resample_chunk(mono)
        self._ahead_s += len(mono) / self._rate - len(out) / SAMPLE_RATE
        return AudioChunk(to_i16(out), began) if len(out) else None


def to_i16(samples: F32) -> I16:
    """Return samples of int16's range as int16."""
    return np.rint(samples).clip(-32768, 32767).astype(np.int16)


class CallbackInlet:
    """What a sound system's callback hands its blocks to; whole chunks come out.

    Parameters
    ----------
    rate, channels
        Of the blocks, which are int16.
    deliver
        Where chunks go.
    """

    def __init__(self, rate: int, channels: int, deliver: ChunkCallback) -> None:
        self._converter = SampleConverter(rate, channels)
        self._deliver = deliver
        self._lost = False

    def push_block(self, data: bytes, age_s: float, lost: bool) -> None:
        """Deliver a block whose first sample was there `age_s` ago."""
        chunk = self._converter.convert(data, time.monotonic() - age_s)
        self._lost |= lost  # it may belong to a block that the converter holds
        if chunk:
            self._deliver(chunk._replace(lost=self._lost))
            self._lost = False

    def stop(self) -> None:
        """Deliver nothing from now on."""
        self._deliver = _drop


class PortAudioStream:
    """An input of PortAudio that is open, a `capture.Stream`.

    Parameters
    ----------
    device
        PortAudio's number or name.
    deliver
        Where chunks go.
    rate, channels
        As the device is opened.
    extra
        A host API's own settings.
    label
        What people call the device.
    moved
        Asked by `trouble`, says whether the stream is still what it was.

    Raises
    ------
    DeviceError
        Where it cannot be opened.
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
        """Return why it is of no use any more, "" where it is."""
        return "its device was disconnected" if self._ended else self._moved_reason()

    def close(self) -> None:
        """Let go of it."""
        self._inlet.stop()
        with contextlib.suppress(Exception):  # what is broken need not close cleanly
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

"""The backends of Windows, of macOS and of anything else, against fakes of their libraries.

The fakes raise what the libraries raise, and have the signatures of sounddevice, PyAudioWPatch and
flexaudio: `test_foreign_libraries.py` compares them with the libraries' own wheels.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecoach.errors import DeviceError
from voicecoach.shell.capture import (
    AudioChunk,
    AudioSource,
    CaptureBackend,
    CaptureStream,
    portaudio,
    taps,
)
from voicecoach.shell.capture.plain import PortAudioBackend
from voicecoach.shell.capture.portaudio import SampleConverter
from voicecoach.shell.capture.taps import CoreAudioBackend
from voicecoach.shell.capture.wasapi import WasapiBackend
from voicecoach.types.stream import I16, SAMPLE_RATE, Speaker

NOW = 5000.0
"""What `time.monotonic` says."""


def block(rate: int, channels: int, at: int | None = None) -> bytes:
    """Return 20 ms of silence, with a click in frame `at`."""
    frames = np.zeros((round(rate * 0.02), channels), np.int16)
    if at is not None:
        frames[at] = 20000
    return frames.tobytes()


def click(chunks: list[AudioChunk]) -> float:
    """Return when the loudest sample was at the source."""
    at, _ = max(
        (
            (c.at + int(np.abs(c.samples.astype(int)).argmax()) / SAMPLE_RATE, int(c.samples.max()))
            for c in chunks
        ),
        key=lambda found: found[1],
    )
    return at


class PortAudioError(Exception):
    """As sounddevice's."""


class RawInputStream:
    """sounddevice 0.5.6."""

    opened: list[RawInputStream]
    refuses: Callable[[RawInputStream], bool]
    breaks = False

    def __init__(
        self,
        samplerate: Any = None,
        blocksize: Any = None,
        device: Any = None,
        channels: Any = None,
        dtype: Any = None,
        latency: Any = None,
        extra_settings: Any = None,
        callback: Any = None,
        finished_callback: Any = None,
        clip_off: Any = None,
        dither_off: Any = None,
        never_drop_input: Any = None,
        prime_output_buffers_using_stream_callback: Any = None,
    ) -> None:
        self.rate, self.block, self.device = samplerate, blocksize, device
        self.channels, self.dtype, self.extra = channels, dtype, extra_settings
        self.callback, self.finished = callback, finished_callback
        self.state = "new"
        if type(self).refuses(self):
            raise PortAudioError("Invalid sample rate", -9997)
        self.opened.append(self)

    def start(self) -> None:
        self.state = "started"
        if self.breaks:
            raise PortAudioError("Unanticipated host error", -9999)

    def abort(self, ignore_errors: bool = True) -> None:
        self.state = "aborted"

    def close(self, ignore_errors: bool = True) -> None:
        self.state = "closed"
        if self.breaks:
            raise PortAudioError("Unanticipated host error", -9999)

    def hear(self, data: bytes, *, age: float | None = 0.05, overflow: bool = False) -> None:
        """Call back as PortAudio does; its clock is its own."""
        times = SimpleNamespace(
            currentTime=77.0, inputBufferAdcTime=0.0 if age is None else 77.0 - age
        )
        flags = SimpleNamespace(input_overflow=overflow)
        frames = len(data) // 2 // self.channels
        self.callback(memoryview(data), frames, times, flags)


class WasapiSettings:
    """sounddevice 0.5.6."""

    def __init__(
        self,
        exclusive: bool = False,
        auto_convert: bool = False,
        explicit_sample_format: bool = False,
    ) -> None:
        self.asked = exclusive, auto_convert, explicit_sample_format


class Sounddevice:
    """The module sounddevice 0.5.6, with the devices of a machine."""

    PortAudioError = PortAudioError
    WasapiSettings = WasapiSettings

    def __init__(self, *devices: tuple[str, str, int, float], default: int = 0) -> None:
        self.machine = list(devices)
        self.RawInputStream = cast(Any, type("Raw", (RawInputStream,), {"opened": []}))
        self.RawInputStream.refuses = staticmethod(lambda stream: False)
        self.default = SimpleNamespace(device=[default, -1])
        self.answers = True
        self._listed = list(devices)
        self._begun = True

    @property
    def apis(self) -> list[str]:
        return list(dict.fromkeys(api for api, *_ in self._listed))

    def query_devices(self, device: Any = None, kind: Any = None) -> Any:
        return [
            {
                "name": name,
                "index": i,
                "hostapi": self.apis.index(api),
                "max_input_channels": channels,
                "max_output_channels": 0 if channels else 2,
                "default_samplerate": rate,
            }
            for i, (api, name, channels, rate) in enumerate(self._listed)
        ]

    def query_hostapis(self, index: Any = None) -> Any:
        of = [api for api, *_ in self._listed]
        return tuple(
            {"name": api, "default_input_device": of.index(api), "default_output_device": -1}
            for api in self.apis
        )

    def _terminate(self) -> None:
        if not self._begun:
            raise PortAudioError("PortAudio not initialized", -10000)
        self._begun, self._listed = False, []

    def _initialize(self) -> None:
        if not self.answers:
            raise PortAudioError("Error initializing PortAudio")
        self._begun, self._listed = True, list(self.machine)


MAC = (
    ("Core Audio", "MacBook Pro Microphone", 1, 48000.0),
    ("Core Audio", "BlackHole 2ch", 2, 48000.0),
    ("Core Audio", "MacBook Pro Speakers", 0, 48000.0),
    ("Core Audio", "USB Headset", 2, 44100.0),
    ("Core Audio", "USB Headset", 2, 44100.0),
)
WINDOWS = (
    ("MME", "Microphone Array (Realtek(R) Au", 4, 44100.0),
    ("Windows WASAPI", "Headset Microphone (Jabra)", 1, 48000.0),
    ("Windows WASAPI", "Stereo Mix (Realtek(R) Audio)", 2, 48000.0),
    ("Windows WASAPI", "Headset Earphone (Jabra)", 0, 48000.0),
)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Make `time.monotonic` stand still, and see to it that no tap is left open."""
    time = SimpleNamespace(now=NOW)
    time.monotonic = lambda: time.now
    monkeypatch.setattr(portaudio, "time", time)
    monkeypatch.setattr(taps, "time", time)
    monkeypatch.setattr(portaudio, "_open_streams", set())
    yield time
    assert not [t for t in threading.enumerate() if t.name == "tap"]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], Any]:
    def put(name: str, module: object) -> object:
        monkeypatch.setitem(sys.modules, name, cast(Any, module))
        return module

    return put


def named(backend: CaptureBackend, label: str) -> AudioSource:
    """Return the first source of that label."""
    return next(s for s in backend.sources() if label in s.label)


def listen(backend: CaptureBackend, label: str) -> tuple[CaptureStream, list[AudioChunk]]:
    """Open a source; chunks come into the list."""
    heard: list[AudioChunk] = []
    return backend.open(named(backend, label), Speaker.CUSTOMER, heard.append), heard


class TestPlain:
    @pytest.fixture
    def sd(self, install: Callable[[str, object], Any]) -> Any:
        return install("sounddevice", Sounddevice(*MAC, default=0))

    def test_inputs_are_listed_and_loopback_drivers_are_outputs(self, sd: Any) -> None:
        assert PortAudioBackend().sources() == [
            AudioSource(
                "Core Audio: MacBook Pro Microphone",
                "MacBook Pro Microphone",
                "input",
                default=True,
            ),
            AudioSource("Core Audio: BlackHole 2ch", "BlackHole 2ch", "output", default=True),
            AudioSource("Core Audio: USB Headset", "USB Headset", "input"),
            AudioSource("Core Audio: USB Headset #2", "USB Headset", "input"),
        ]

    @pytest.mark.parametrize(
        "name",
        [
            "BlackHole 16ch",
            "Loopback Audio",
            "Loopback: PCM (hw:1,1)",
            "Stereo Mix (Realtek(R) Audio)",
            "CABLE Output (VB-Audio Virtual Cable)",
            "Monitor of Built-in Audio",
        ],
    )
    def test_loopback_drivers_are_known_by_name(
        self, install: Callable[[str, object], Any], name: str
    ) -> None:
        install("sounddevice", Sounddevice(("Some API", name, 2, 48000.0)))
        assert [s.kind for s in PortAudioBackend().sources()] == ["output"]

    def test_a_microphone_is_opened_at_our_rate(self, sd: Any) -> None:
        stream, heard = listen(PortAudioBackend(), "MacBook")
        (raw,) = sd.RawInputStream.opened
        assert (raw.device, raw.rate, raw.channels) == (0, SAMPLE_RATE, 1)
        assert (raw.block, raw.dtype, raw.extra, raw.state) == (320, "int16", None, "started")
        raw.hear(block(SAMPLE_RATE, 1, at=32))
        assert click(heard) == pytest.approx(NOW - 0.05 + 0.002)
        assert not stream.failure_reason()
        stream.close()

    def test_a_device_that_refuses_our_rate_is_converted(self, sd: Any, clock: Any) -> None:
        sd.RawInputStream.refuses = staticmethod(lambda stream: stream.rate == SAMPLE_RATE)
        _, heard = listen(PortAudioBackend(), "BlackHole")
        (raw,) = sd.RawInputStream.opened
        assert (raw.device, raw.rate, raw.channels, raw.block) == (1, 48000, 2, 960)
        for i in range(10):
            clock.now = NOW + i * 0.02
            raw.hear(block(48000, 2, at=480 if i == 5 else None))
        assert click(heard) == pytest.approx(NOW + 5 * 0.02 - 0.05 + 0.01, abs=0.001)
        assert {c.samples.dtype for c in heard} == {np.dtype(np.int16)}

    def test_a_host_that_tells_no_time_or_a_coming_one(self, sd: Any) -> None:
        _, heard = listen(PortAudioBackend(), "MacBook")
        for age in (None, -0.01, 0.005):
            sd.RawInputStream.opened[0].hear(block(SAMPLE_RATE, 1), age=age)
        assert [c.at for c in heard] == [NOW - 0.02] * 3

    def test_what_the_system_dropped_is_passed_on(self, sd: Any) -> None:
        _, heard = listen(PortAudioBackend(), "MacBook")
        for overflow in (False, True, False):
            sd.RawInputStream.opened[0].hear(block(SAMPLE_RATE, 1), overflow=overflow)
        assert [c.lost for c in heard] == [False, True, False]

    def test_a_loss_in_a_block_that_is_held_is_passed_on(self, sd: Any) -> None:
        sd.RawInputStream.refuses = staticmethod(lambda stream: stream.rate == SAMPLE_RATE)
        _, heard = listen(PortAudioBackend(), "BlackHole")
        raw = sd.RawInputStream.opened[0]
        raw.hear(block(48000, 2), overflow=True)
        assert not heard
        while len(heard) < 2:
            raw.hear(block(48000, 2))
        assert [c.lost for c in heard] == [True, False]

    def test_a_device_that_goes_away_is_trouble(self, sd: Any) -> None:
        stream, _ = listen(PortAudioBackend(), "MacBook")
        sd.RawInputStream.opened[0].finished()
        assert "was disconnected" in stream.failure_reason()

    def test_close_never_raises_and_ends_delivery(self, sd: Any) -> None:
        stream, heard = listen(PortAudioBackend(), "MacBook")
        (raw,) = sd.RawInputStream.opened
        raw.breaks = True
        stream.close()
        stream.close()
        assert raw.state == "closed"
        raw.hear(block(SAMPLE_RATE, 1))
        assert not heard

    def test_what_is_unplugged_cannot_be_opened(self, sd: Any) -> None:
        backend = PortAudioBackend()
        headset = backend.sources()[-1]
        del sd.machine[-1]
        with pytest.raises(DeviceError, match="plug it in"):
            backend.open(headset, Speaker.AGENT, lambda chunk: None)

    def test_what_refuses_every_rate_says_its_name(self, sd: Any) -> None:
        sd.RawInputStream.refuses = staticmethod(lambda stream: True)
        with pytest.raises(DeviceError, match=r"MacBook Pro Microphone: cannot open it: .*rate"):
            listen(PortAudioBackend(), "MacBook")

    def test_what_does_not_start_is_let_go(self, sd: Any) -> None:
        sd.RawInputStream.breaks = True
        with pytest.raises(DeviceError):
            listen(PortAudioBackend(), "MacBook")
        assert {raw.state for raw in sd.RawInputStream.opened} == {"closed"}
        # So the list is made anew.
        sd.machine.append(("Core Audio", "New Headset", 1, 48000.0))
        assert "New Headset" in [s.label for s in PortAudioBackend().sources()]

    def test_the_list_is_made_anew_only_while_nothing_is_open(self, sd: Any) -> None:
        backend = PortAudioBackend()
        stream, _ = listen(backend, "MacBook")
        sd.machine.append(("Core Audio", "New Headset", 1, 48000.0))
        assert "New Headset" not in [s.label for s in backend.sources()]
        stream.close()
        assert "New Headset" in [s.label for s in backend.sources()]

    def test_a_dead_sound_system_is_a_device_error_until_it_answers(self, sd: Any) -> None:
        backend = PortAudioBackend()
        sd.answers = False
        with pytest.raises(DeviceError, match="does not respond"):
            backend.sources()
        sd.answers = True
        assert backend.sources()

    def test_without_sounddevice_it_says_what_to_install(
        self, install: Callable[[str, object], Any]
    ) -> None:
        install("sounddevice", None)
        with pytest.raises(DeviceError, match=r"pip install 'voicecoach\[live\]'"):
            PortAudioBackend().sources()


class PyAudioStream:
    """`pyaudiowpatch.Stream` 0.2.12.9."""

    def __init__(
        self,
        PA_manager: PyAudio,
        rate: int,
        channels: int,
        format: int,
        input: bool = False,
        output: bool = False,
        input_device_index: int | None = None,
        output_device_index: int | None = None,
        frames_per_buffer: int = 0,
        start: bool = True,
        input_host_api_specific_stream_info: Any = None,
        output_host_api_specific_stream_info: Any = None,
        stream_callback: Any = None,
    ) -> None:
        if PA_manager.module.refuses:
            raise OSError(-9996, "Invalid input device (no default output device)")
        self.asked = rate, channels, format, input, input_device_index, frames_per_buffer
        self.callback, self.channels = stream_callback, channels
        self.active: bool | OSError = True
        self.state = "open"

    def is_active(self) -> bool:
        if isinstance(self.active, OSError):
            raise self.active
        return self.active

    def stop_stream(self) -> None:
        self.state = "stopped"

    def close(self) -> None:
        self.state = "closed"
        raise OSError(-9988, "Stream closed")

    def hear(self, data: bytes, age: float = 0.05, status: int = 0) -> tuple[None, int]:
        times = {
            "input_buffer_adc_time": 88.0 - age,
            "current_time": 88.0,
            "output_buffer_dac_time": 0.0,
        }
        answer: tuple[None, int] = self.callback(
            data, len(data) // 2 // self.channels, times, status
        )
        return answer


class PyAudio:
    """`pyaudiowpatch.PyAudio` 0.2.12.9."""

    def __init__(self, module: Pyaudiowpatch) -> None:
        self.module = module
        module.alive += 1

    def __enter__(self) -> PyAudio:
        return self

    def __exit__(self, exc_type: object, exc_value: object, traceback: object) -> None:
        self.terminate()

    def terminate(self) -> None:
        self.module.alive -= 1

    def get_loopback_device_info_generator(self) -> Iterator[dict[str, Any]]:
        if not self.module.wasapi:
            raise OSError(-9979, "Host API not found")
        yield from self.module.devices

    def get_default_wasapi_loopback(self) -> dict[str, Any]:
        if not self.module.devices:
            raise LookupError("No analogue is found for passed device")
        return self.module.devices[-1]

    def open(self, *args: Any, **kwargs: Any) -> PyAudioStream:
        stream = PyAudioStream(self, *args, **kwargs)
        self.module.opened.append(stream)
        return stream


class Pyaudiowpatch:
    """The module pyaudiowpatch 0.2.12.9, with PortAudio's constants."""

    paInt16, paContinue, paInputOverflow = 8, 0, 2

    def __init__(self) -> None:
        self.devices = [
            {
                "index": index,
                "name": f"{name} [Loopback]",
                "hostApi": 2,
                "maxInputChannels": channels,
                "maxOutputChannels": 0,
                "defaultSampleRate": rate,
                "isLoopbackDevice": True,
            }
            for index, name, channels, rate in (
                (14, "Speakers (Realtek(R) Audio)", 2, 48000.0),
                (15, "Headset Earphone (Jabra)", 1, 16000.0),
            )
        ]
        self.alive, self.wasapi, self.refuses = 0, True, False
        self.opened: list[PyAudioStream] = []

    def PyAudio(self) -> PyAudio:
        return PyAudio(self)


class TestWasapi:
    @pytest.fixture(autouse=True)
    def sd(self, install: Callable[[str, object], Any]) -> Any:
        return install("sounddevice", Sounddevice(*WINDOWS))

    @pytest.fixture
    def pa(self, install: Callable[[str, object], Any]) -> Any:
        return install("pyaudiowpatch", Pyaudiowpatch())

    def test_microphones_and_what_outputs_play_are_listed(self, pa: Any) -> None:
        assert [(s.label, s.kind, s.default) for s in WasapiBackend().sources()] == [
            ("Headset Microphone (Jabra)", "input", True),
            ("Stereo Mix (Realtek(R) Audio)", "output", False),
            ("Speakers (Realtek(R) Audio)", "output", False),
            ("Headset Earphone (Jabra)", "output", True),
        ]
        names = [s.name for s in WasapiBackend().sources()]
        assert names[0] == "Windows WASAPI: Headset Microphone (Jabra)"
        assert names[3] == "Windows WASAPI loopback: Headset Earphone (Jabra)"
        assert pa.alive == 0

    def test_windows_converts_the_microphone(self, sd: Any, pa: Any) -> None:
        listen(WasapiBackend(), "Microphone (Jabra)")
        (raw,) = sd.RawInputStream.opened
        assert (raw.device, raw.rate, raw.channels) == (1, SAMPLE_RATE, 1)
        assert raw.extra.asked == (False, True, False)

    def test_a_loopback_is_opened_as_it_is_and_converted(self, pa: Any, clock: Any) -> None:
        stream, heard = listen(WasapiBackend(), "Speakers")
        (raw,) = pa.opened
        assert raw.asked == (48000, 2, pa.paInt16, True, 14, 960)
        for i in range(10):
            clock.now = NOW + i * 0.02
            assert raw.hear(block(48000, 2, at=480 if i == 5 else None)) == (None, pa.paContinue)
        assert click(heard) == pytest.approx(NOW + 5 * 0.02 - 0.05 + 0.01, abs=0.001)
        stream.close()
        assert (raw.state, pa.alive) == ("closed", 0)
        count = len(heard)
        for _ in range(5):
            raw.hear(block(48000, 2))
        assert len(heard) == count

    def test_silence_is_no_trouble(self, pa: Any) -> None:
        stream, heard = listen(WasapiBackend(), "Speakers")
        assert WasapiBackend.pauses_in_silence
        assert not heard
        assert stream.failure_reason() == ""

    @pytest.mark.parametrize("active", [False, OSError(-9988, "Stream closed")])
    def test_a_headset_that_goes_away_is_trouble(self, pa: Any, active: bool | OSError) -> None:
        stream, _ = listen(WasapiBackend(), "Earphone")
        pa.opened[0].active = active
        assert "was disconnected" in stream.failure_reason()

    def test_what_the_system_dropped_is_passed_on(self, pa: Any) -> None:
        _, heard = listen(WasapiBackend(), "Earphone")
        for status in (0, pa.paInputOverflow, 1):
            pa.opened[0].hear(block(SAMPLE_RATE, 1), status=status)
        assert [c.lost for c in heard] == [False, True, False]

    def test_what_cannot_be_opened_is_let_go(self, pa: Any) -> None:
        backend = WasapiBackend()
        speakers = named(backend, "Speakers")
        pa.refuses = True
        with pytest.raises(DeviceError, match="Speakers.*cannot open it"):
            backend.open(speakers, Speaker.CUSTOMER, lambda chunk: None)
        pa.devices.clear()
        with pytest.raises(DeviceError, match="plug it in"):
            backend.open(speakers, Speaker.CUSTOMER, lambda chunk: None)
        assert pa.alive == 0

    def test_windows_without_wasapi_has_microphones(self, pa: Any) -> None:
        pa.wasapi = False
        pa.devices.clear()
        assert "Headset Microphone (Jabra)" in [s.label for s in WasapiBackend().sources()]

    def test_without_the_extra_it_says_what_to_install(
        self, sd: Any, install: Callable[[str, object], Any]
    ) -> None:
        install("pyaudiowpatch", None)
        del sd.machine[2]  # Stereo Mix would do
        backend = WasapiBackend()
        microphone, output = backend.sources()
        assert (microphone.kind, output.kind, output.default) == ("input", "output", True)
        assert "pip install 'voicecoach[loopback]'" in output.label
        with pytest.raises(DeviceError, match=r"pip install 'voicecoach\[loopback\]'"):
            backend.open(output, Speaker.CUSTOMER, lambda chunk: None)
        backend.open(microphone, Speaker.AGENT, lambda chunk: None).close()

    def test_without_the_extra_stereo_mix_does(self, install: Callable[[str, object], Any]) -> None:
        install("pyaudiowpatch", None)
        outputs = [s for s in WasapiBackend().sources() if s.kind == "output"]
        assert [(s.label, s.default) for s in outputs] == [("Stereo Mix (Realtek(R) Audio)", True)]


class TapOfThread:
    """`flexaudio.Stream` 0.8.1: it panics in any thread but the one that opened it."""

    def __init__(self, module: Flexaudio) -> None:
        self._module, self._thread = module, threading.get_ident()

    def poll_chunk(self) -> Any:
        assert threading.get_ident() == self._thread
        try:
            chunk = self._module.coming.get_nowait()
        except queue.Empty:
            return None
        if isinstance(chunk, Exception):
            raise chunk
        cast(Any, taps).time.now = chunk.read_at
        return chunk

    def stop(self) -> NoReturn:
        assert threading.get_ident() == self._thread
        self._module.stopped = True
        raise RuntimeError("the cleanup failed")


class Flexaudio:
    """The module flexaudio 0.8.1."""

    def __init__(self, status: str = "supported") -> None:
        self.status = status
        self.coming: queue.Queue[Any] = queue.Queue()
        self.asked: list[dict[str, Any]] = []
        self.stopped, self.refusal = False, ""
        self.running = [
            SimpleNamespace(pid=41, name="Softphone", bundle_id="com.example.softphone"),
            SimpleNamespace(pid=42, name="Softphone Helper", bundle_id="com.example.softphone"),
            SimpleNamespace(pid=43, name="afplay", bundle_id=None),
        ]

    def capabilities(self) -> Any:
        one = {"backend": "coreAudioProcessTap", "availability": {"status": self.status}}
        return {"sources": {"mic": one, "system": one, "process": one, "mix": one}}

    def processes(self) -> Any:
        if not self.running:
            raise RuntimeError("the OS did not answer")
        return self.running

    def open(
        self,
        kind: str,
        *,
        device_id: str | None = None,
        process_id: int | None = None,
        mode: str = "include",
        exclude_self: bool = False,
        exclude_pids: Any = None,
        output_rate: int = 48000,
        output_channels: int = 2,
        chunk_ms: int = 20,
        gain: float = 1.0,
        mic_device_id: str | None = None,
        system_device_id: str | None = None,
        mic_gain: float = 1.0,
        system_gain: float = 1.0,
        denoise: bool = False,
        silence_probe: bool = True,
        vad: Any = None,
        windows_classic_loopback_keepalive: bool = True,
        secondary_output: Any = None,
        strict: bool | None = None,
        ring_capacity_chunks: int | None = None,
    ) -> TapOfThread:
        if self.refusal:
            raise RuntimeError(self.refusal)
        self.asked.append(
            {"kind": kind, "pid": process_id, "rate": output_rate, "channels": output_channels}
        )
        assert not silence_probe
        return TapOfThread(self)

    def chunk(
        self, arrival_s: float, read_at: float, level: float = 0.5, **more: int
    ) -> SimpleNamespace:
        facts = {"flags": 0, "dropped_before": 0, **more}
        data = np.full(320, level, "<f4").tobytes()
        return SimpleNamespace(data=data, arrival_ns=int(arrival_s * 1e9), read_at=read_at, **facts)


class TestTaps:
    @pytest.fixture(autouse=True)
    def sd(
        self, install: Callable[[str, object], Any], monkeypatch: pytest.MonkeyPatch
    ) -> Sounddevice:
        monkeypatch.setattr(taps, "TAP_POLL_S", 0.001)
        return cast(Sounddevice, install("sounddevice", Sounddevice(*MAC)))

    @pytest.fixture
    def fa(self, install: Callable[[str, object], Any]) -> Any:
        return install("flexaudio", Flexaudio())

    def test_microphones_and_taps_are_listed(self, fa: Any) -> None:
        outputs = [s for s in CoreAudioBackend().sources() if s.kind == "output"]
        assert [(s.name, s.default) for s in outputs] == [
            ("Core Audio: BlackHole 2ch", False),
            ("tap: everything", True),
            ("tap: com.example.softphone", False),
            ("tap: com.example.softphone #2", False),
            ("tap: afplay", False),
        ]
        inputs = [s.label for s in CoreAudioBackend().sources() if s.kind == "input"]
        assert inputs == ["MacBook Pro Microphone", "USB Headset", "USB Headset"]

    def test_where_macos_does_not_list_applications_all_can_be_tapped(self, fa: Any) -> None:
        fa.running = []
        names = [s.name for s in CoreAudioBackend().sources()]
        assert names[-1] == "tap: everything"

    def test_a_tap_delivers_with_the_times_of_its_arrivals(self, fa: Any) -> None:
        heard: queue.Queue[AudioChunk] = queue.Queue()
        backend = CoreAudioBackend()
        stream = backend.open(named(backend, "everything"), Speaker.CUSTOMER, heard.put)
        assert fa.asked == [{"kind": "system", "pid": None, "rate": SAMPLE_RATE, "channels": 1}]
        # The first is read at once, the second while something else held us up for 100 ms.
        fa.coming.put(fa.chunk(10.00, NOW))
        fa.coming.put(fa.chunk(10.02, NOW + 0.12, level=-2.0, dropped_before=1))
        fa.coming.put(fa.chunk(10.04, NOW + 0.12, flags=taps.DISCONTINUITY))
        chunks = [heard.get(timeout=5) for _ in range(3)]
        assert [c.at for c in chunks] == pytest.approx([NOW - 0.02, NOW, NOW + 0.02])
        assert [c.lost for c in chunks] == [False, True, True]
        assert [int(c.samples[0]) for c in chunks] == [16384, -32768, 16384]
        assert {c.samples.dtype for c in chunks} == {np.dtype(np.int16)}
        assert not stream.failure_reason()
        stream.close()
        stream.close()
        assert fa.stopped

    def test_one_application_can_be_tapped(self, fa: Any) -> None:
        stream, _ = listen(CoreAudioBackend(), "Softphone Helper")
        assert [(asked["kind"], asked["pid"]) for asked in fa.asked] == [("process", 42)]
        stream.close()

    def test_an_application_that_has_ended_cannot_be_opened(self, fa: Any) -> None:
        backend = CoreAudioBackend()
        helper = named(backend, "Softphone Helper")
        del fa.running[1]
        with pytest.raises(DeviceError, match="start it"):
            backend.open(helper, Speaker.CUSTOMER, lambda chunk: None)

    def test_a_tap_that_ends_is_trouble(self, fa: Any) -> None:
        stream, _ = listen(CoreAudioBackend(), "everything")
        fa.coming.put(RuntimeError("device lost"))
        for thread in threading.enumerate():
            if thread.name == "tap":
                thread.join(5)
        assert stream.failure_reason() == "device lost"
        assert fa.stopped
        stream.close()

    def test_it_may_be_closed_by_what_it_delivers_to(self, fa: Any) -> None:
        streams: queue.Queue[CaptureStream] = queue.Queue()
        closed = threading.Event()

        def deliver(chunk: AudioChunk) -> None:
            streams.get(timeout=5).close()
            closed.set()

        backend = CoreAudioBackend()
        streams.put(backend.open(named(backend, "everything"), Speaker.CUSTOMER, deliver))
        fa.coming.put(fa.chunk(10.0, NOW))
        fa.coming.put(fa.chunk(10.02, NOW))
        assert closed.wait(5)
        for thread in threading.enumerate():
            if thread.name == "tap":
                thread.join(5)
        assert fa.coming.qsize() == 1

    def test_a_refusal_says_why(self, fa: Any) -> None:
        fa.refusal = "system audio recording is denied"
        with pytest.raises(DeviceError, match="everything this Mac plays.*denied"):
            listen(CoreAudioBackend(), "everything")

    def test_a_tap_that_hangs_is_given_up(self, fa: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(taps, "TAP_OPEN_TIMEOUT_S", 0.01)
        go_on = threading.Event()
        answer = fa.open

        def hang(*args: Any, **kwargs: Any) -> object:
            go_on.wait(5)
            return answer(*args, **kwargs)

        fa.open = hang
        with pytest.raises(DeviceError, match="no answer"):
            listen(CoreAudioBackend(), "everything")
        go_on.set()
        for thread in threading.enumerate():
            if thread.name == "tap":
                thread.join(5)
        assert fa.stopped

    def test_the_microphone_is_core_audios(self, sd: Any, fa: Any) -> None:
        listen(CoreAudioBackend(), "MacBook")
        assert [raw.device for raw in sd.RawInputStream.opened] == [0]

    @pytest.mark.parametrize(
        ("module", "needed"), [(None, "pip install"), (Flexaudio("unavailable"), "macOS 14.4")]
    )
    def test_without_taps_blackhole_does(
        self, sd: Any, install: Callable[[str, object], Any], module: object, needed: str
    ) -> None:
        install("flexaudio", module)
        backend = CoreAudioBackend()
        outputs = [(s.label, s.default) for s in backend.sources() if s.kind == "output"]
        assert outputs == [("BlackHole 2ch", True)]
        listen(backend, "BlackHole")[0].close()
        del sd.machine[1]
        output = backend.sources()[-1]
        assert (output.kind, output.default) == ("output", True)
        with pytest.raises(DeviceError, match=f"{needed}.*BlackHole"):
            backend.open(output, Speaker.CUSTOMER, lambda chunk: None)


class TestConverter:
    @settings(max_examples=40)
    @given(
        rate=st.sampled_from([8000, 16000, 22050, 44100, 48000, 96000]),
        channels=st.integers(1, 3),
        cuts=st.lists(st.integers(1, 3000), max_size=20),
        seed=st.integers(0, 9),
    )
    def test_any_split_gives_the_same_samples_at_the_same_times(
        self, rate: int, channels: int, cuts: list[int], seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        frames = rng.integers(-20000, 20000, (rate // 2, channels)).astype(np.int16)
        (whole,) = _convert(rate, frames, [])
        parts = _convert(rate, frames, np.cumsum(cuts).tolist())
        samples = np.concatenate([part.samples for part in parts])
        n = min(len(samples), len(whole.samples))
        assert n > 0.3 * SAMPLE_RATE  # the rest is held
        np.testing.assert_array_equal(samples[:n], whole.samples[:n])
        before = 0
        for part in parts:
            assert part.at == pytest.approx(NOW + before / SAMPLE_RATE, abs=0.001)
            before += len(part.samples)

    @pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
    def test_a_click_comes_out_when_it_was(self, rate: int) -> None:
        frames = np.zeros((rate, 2), np.int16)
        frames[rate // 4] = 20000
        chunks = _convert(rate, frames, list(range(0, rate, rate // 50)))
        assert click(chunks) == pytest.approx(NOW + 0.25, abs=0.001)

    def test_channels_are_averaged(self) -> None:
        frames = np.array([[1000, 3000], [-32768, -32768], [32767, 32767]], np.int16)
        (chunk,) = _convert(SAMPLE_RATE, frames, [])
        assert chunk.samples.tolist() == [2000, -32768, 32767]


def _convert(rate: int, frames: I16, cuts: list[int]) -> list[AudioChunk]:
    """Return what comes out when `frames` goes in cut there."""
    converter = SampleConverter(rate, frames.shape[1])
    begins = [0, *(c for c in cuts if 0 < c < len(frames))]
    ends = [*begins[1:], len(frames)]
    chunks = (
        converter.convert(frames[b:e].tobytes(), NOW + b / rate)
        for b, e in zip(begins, ends, strict=True)
    )
    return [chunk for chunk in chunks if chunk]

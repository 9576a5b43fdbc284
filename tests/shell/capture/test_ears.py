"""Devices that come and go: what is opened, given up and opened again, with a made backend."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from voicecoach.errors import DeviceError
from voicecoach.shell.capture import AudioChunk, AudioSource, ChunkCallback, ears
from voicecoach.shell.capture.ears import CapturedChunk, DeviceLost, DeviceSupervisor, pick_source
from voicecoach.types.stream import Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER
MIC = AudioSource("mic", "Jabra Evolve Mono", "input", True)
OTHER = AudioSource("mic2", "Built-in Analog Mono", "input")
OUT = AudioSource("out.monitor", "Monitor of Jabra Evolve", "output", True)
CHUNK = AudioChunk(np.ones(320, np.int16), 1.0)
PATIENCE_S = 10.0


class Opened:
    def __init__(self, deliver: ChunkCallback) -> None:
        self.deliver = deliver
        self.wrong = ""
        self.closed = False

    def failure_reason(self) -> str:
        return self.wrong

    def close(self) -> None:
        self.closed = True


class Backend:
    """Does as it is told."""

    pauses_in_silence = False

    def __init__(self) -> None:
        self.there = [MIC, OTHER, OUT]
        self.opened: list[tuple[str, Speaker, Opened]] = []

    def sources(self) -> list[AudioSource]:
        return list(self.there)

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> Opened:
        if source not in self.there:
            raise DeviceError(f"{source.name} cannot be opened")
        stream = Opened(deliver)
        self.opened.append((source.name, speaker, stream))
        return stream

    def newest(self, speaker: Speaker) -> Opened:
        return next(stream for _, who, stream in reversed(self.opened) if who is speaker)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEVICE_CHECK_S", "REOPEN_DELAY_S", "DEFAULT_CHECK_S"):
        monkeypatch.setattr(ears, name, 0.01)


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def listening(backend: Backend) -> Iterator[DeviceSupervisor]:
    with DeviceSupervisor(backend, {}) as both:
        both.start()
        until(lambda: len(backend.opened) >= 2)
        yield both


def until(so: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def news(both: DeviceSupervisor) -> list[CapturedChunk | DeviceLost]:
    found: list[CapturedChunk | DeviceLost] = []
    end = time.monotonic() + PATIENCE_S
    while not found and time.monotonic() < end:
        found += both.read_chunks(0.05).news
    return found


def test_the_systems_choice_is_listened_to_where_nobody_names_another(
    listening: DeviceSupervisor, backend: Backend
) -> None:
    assert {(name, who) for name, who, _ in backend.opened} == {("mic", A), ("out.monitor", C)}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("mic", MIC), ("built-in", OTHER), ("Jabra Evolve Mono", MIC), ("monitor of", OUT)],
)
def test_a_source_is_named_by_its_name_or_some_of_what_it_is(
    wanted: str, found: AudioSource
) -> None:
    assert pick_source([MIC, OTHER, OUT], A, wanted) == found


@pytest.mark.parametrize(
    ("sources", "speaker", "wanted", "said"),
    [
        ([MIC, OTHER, OUT], A, "mono", "matches several sources: name one of mic, mic2"),
        ([MIC, OUT], C, "nobody", "--softphone nobody was not found: name one of mic, out.monitor"),
        ([OUT], A, "", "no microphone found; plug in a headset"),
        ([MIC], C, "", "no output found to capture; choose one"),
        ([], A, "x", "name one of nothing"),
    ],
)
def test_what_cannot_be_picked_is_said(
    sources: list[AudioSource], speaker: Speaker, wanted: str, said: str
) -> None:
    with pytest.raises(DeviceError, match=said):
        pick_source(sources, speaker, wanted)


def test_chunks_come_with_their_speaker(listening: DeviceSupervisor, backend: Backend) -> None:
    backend.newest(C).deliver(CHUNK)
    (heard,) = news(listening)
    assert isinstance(heard, CapturedChunk)
    assert (heard.speaker, heard.chunk.at) == (C, 1.0)


@pytest.mark.parametrize("why", ["its device was disconnected", "the sound server moved it"])
def test_a_stream_in_trouble_is_closed_and_opened_again(
    listening: DeviceSupervisor, backend: Backend, why: str
) -> None:
    first = backend.newest(C)
    first.wrong = why
    assert news(listening) == [DeviceLost(C, why)]
    until(lambda: backend.newest(C) is not first)
    assert first.closed
    first.deliver(CHUNK)
    assert not listening.read_chunks(0.05).news, "of what was moved nothing is taken"
    backend.newest(C).deliver(CHUNK)
    assert isinstance(news(listening)[0], CapturedChunk)


def test_a_device_that_comes_and_goes_is_lost_each_time(
    listening: DeviceSupervisor, backend: Backend
) -> None:
    for _ in range(3):
        stream = backend.newest(C)
        stream.deliver(CHUNK)
        assert isinstance(news(listening)[0], CapturedChunk)
        stream.wrong = "loose contact"
        assert news(listening) == [DeviceLost(C, "loose contact")]
        until(lambda stream=stream: backend.newest(C) is not stream)  # type: ignore[misc]


def test_a_device_that_is_not_there_is_waited_for(
    listening: DeviceSupervisor, backend: Backend
) -> None:
    backend.there.remove(OUT)
    backend.newest(C).wrong = "unplugged"
    until(
        lambda: any("no output" in n.reason for n in news(listening) if isinstance(n, DeviceLost))
    )
    opened = len(backend.opened)
    backend.there.append(OUT)
    until(lambda: len(backend.opened) > opened)


def test_another_choice_of_the_system_is_followed(
    listening: DeviceSupervisor, backend: Backend
) -> None:
    backend.there[:2] = [MIC._replace(default=False), OTHER._replace(default=True)]
    changed = "device changed: now Built-in Analog Mono, was Jabra Evolve Mono"
    assert news(listening) == [DeviceLost(A, changed)]
    until(lambda: backend.opened[-1][0] == "mic2")


def test_a_device_that_was_named_is_kept(backend: Backend) -> None:
    with DeviceSupervisor(backend, {A: "mic2"}) as both:
        both.start()
        until(lambda: len(backend.opened) == 2)
        backend.there[:2] = [MIC, OTHER._replace(label="renamed")]
        time.sleep(0.1)
        assert [name for name, who, _ in backend.opened if who is A] == ["mic2"]


def test_one_source_is_not_both_speakers(backend: Backend) -> None:
    with DeviceSupervisor(backend, {A: "out.monitor", C: "out.monitor"}) as both:
        both.start()
        (lost,) = news(both)
        assert isinstance(lost, DeviceLost)
        assert lost.speaker is C
        assert "is already used for the other speaker" in lost.reason


def test_a_device_that_stops_delivering_is_opened_again(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "STALLED_S", 0.1)
    monkeypatch.setattr(ears, "FIRST_CHUNK_TIMEOUT_S", 0.3)
    with DeviceSupervisor(backend, {}) as both:
        both.start()
        until(lambda: len(backend.opened) >= 2)
        backend.newest(A).deliver(CHUNK)
        reasons: dict[Speaker, str] = {}
        while len(reasons) < 2:
            reasons |= {n.speaker: n.reason for n in news(both) if isinstance(n, DeviceLost)}
        assert reasons[A] == "Jabra Evolve Mono stopped delivering audio"
        assert reasons[C] == "Monitor of Jabra Evolve delivers no audio"


def test_an_output_may_deliver_nothing_where_that_is_how_it_is(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "STALLED_S", 0.05)
    monkeypatch.setattr(ears, "FIRST_CHUNK_TIMEOUT_S", 0.05)
    backend.pauses_in_silence = True
    with DeviceSupervisor(backend, {}) as both:
        both.start()
        until(lambda: len(backend.opened) >= 3)
        assert {who for _, who, _ in backend.opened[2:]} == {A}, "a microphone is no output"


def test_nothing_is_open_or_taken_before_start_and_after_stop(backend: Backend) -> None:
    with DeviceSupervisor(backend, {}) as both:
        time.sleep(0.05)
        assert not backend.opened
        both.start()
        until(lambda: len(backend.opened) == 2)
        streams = [stream for _, _, stream in backend.opened]
        streams[0].deliver(CHUNK)
        both.stop()
        assert not both.read_chunks(0.05).news, "what was in flight is gone"
        streams[0].deliver(CHUNK)
        assert not both.read_chunks(0.05).news
        until(lambda: all(stream.closed for stream in streams))
        both.start()
        until(lambda: len(backend.opened) == 4)


def test_a_full_queue_drops_and_says_that_some_is_missing(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "MAX_QUEUED_CHUNKS", 3)
    with DeviceSupervisor(backend, {}) as both:
        both.start()
        until(lambda: len(backend.opened) == 2)
        stream = backend.newest(A)
        for _ in range(5):
            stream.deliver(CHUNK)
        assert len(both.read_chunks(0.1).news) == 3
        stream.deliver(CHUNK)
        (heard,) = news(both)
        assert isinstance(heard, CapturedChunk)
        assert heard.chunk.lost

"""Plug-ins that do what they should not."""

from __future__ import annotations

import os
import time
from typing import NoReturn

import numpy as np

from voicecoach.errors import DeviceError
from voicecoach.shell.plugins import (
    AudioChunk,
    AudioSource,
    ChunkCallback,
    LiveHandle,
    NoOptions,
    Plugin,
    Sink,
    TranscribedWord,
    TranscriptionConfig,
    View,
)
from voicecoach.types.events import Event
from voicecoach.types.stream import F32, Speaker


def cannot_start(_: NoOptions) -> NoReturn:
    raise ValueError("it is Monday\nand it rains")


def unplugged(_: NoOptions) -> NoReturn:
    raise DeviceError("the desk light is not plugged in")


class Failing(Sink):
    """Fails at every event, and at every end."""

    def on_event(self, event: Event) -> None:
        raise RuntimeError("it may quote what was said:", *map(chr, range(97, 105)))

    def end_call(self, declined: bool) -> None:
        raise SystemExit(7)


class Hanging(Sink):
    """Never returns from its first event."""

    def on_event(self, event: Event) -> None:
        time.sleep(600)


class FaultySource:
    """Raises what no source should, and delivers what none should."""

    def sources(self) -> list[AudioSource]:
        return [AudioSource("a", "a", "input"), AudioSource("b", "b", "output")]

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> NoReturn:
        for samples, at in ((np.zeros(320, np.float32), 0.0), (np.zeros(320, np.int16), np.nan)):
            try:
                deliver(AudioChunk(samples, at))  # type: ignore[arg-type]
            except (TypeError, ValueError):
                continue
            raise AssertionError("it took a chunk that is none")
        raise KeyError(source.name)


class Lost:
    """A model that takes its process with it."""

    def __init__(self, _: NoOptions, settings: TranscriptionConfig) -> None:
        os.abort()


class Senseless:
    """Hears words at no time."""

    def __init__(self, _: NoOptions, settings: TranscriptionConfig) -> None:
        return

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        return [TranscribedWord("never", float("nan"), float("nan"), 0.5)]


class Blind(View):
    """Cannot get ready."""

    def __init__(self, _: NoOptions, live: LiveHandle) -> None:
        return

    def open(self) -> None:
        raise OSError("no eyes")


NO_PLUGIN = Failing
CANNOT_START: Plugin[Sink] = Plugin(cannot_start, "cannot start")
UNPLUGGED: Plugin[Sink] = Plugin(unplugged, "says what to do")
FAILS = Plugin(lambda _: Failing(), "fails in a call")
HANGS = Plugin(lambda _: Hanging(), "hangs in a call")
FAULTY = Plugin(lambda _: FaultySource(), "fails in a call")
LOST = Plugin(Lost, "crashes")
SENSELESS = Plugin(Senseless, "answers with what is none")
BLIND = Plugin(Blind, "cannot get ready")

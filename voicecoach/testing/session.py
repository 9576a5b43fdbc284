"""Runs a live session without a sound system, much faster than real time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import soundfile
import soxr

from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.shell.asr.transcriber import Transcriber
from voicecoach.shell.capture import AudioChunk
from voicecoach.shell.capture.ears import CapturedChunk, CapturedNews, DeviceLost, DeviceSupervisor
from voicecoach.shell.live.session import LiveSession
from voicecoach.shell.results.replay_one import CallSetup
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.feed import Feed, NextCall, QuitProgram, ToggleListening, UserAction
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.shell.runtime.sinks import Sink
from voicecoach.testing.waiting import wait_until
from voicecoach.types.stream import I16, SAMPLE_RATE, SPEAKERS, Speaker

CHUNK = 320
"""Samples of a chunk: 20 ms."""
Step = tuple[float, Callable[[], object]]
"""Seconds of the call, and what to do when they have been read."""


@cache
def sample_call_samples() -> I16:
    """Return the first 50 s of the sample call, [2, n]."""
    call, rate = soundfile.read(resource("samples", SAMPLE_CALL), stop=50 * 8000)
    samples = soxr.resample(call, rate, SAMPLE_RATE).T
    return np.asarray(np.rint(samples * 32767), np.int16)


class RecordedDevices:
    """A `DeviceSupervisor` that plays the sample call as fast as it is read, then quits."""

    def __init__(self, feed: Feed, steps: list[Step]) -> None:
        self.feed, self.steps = feed, steps
        self.open = False
        self.at = self.queued_chunks = 0
        self.clock = time.monotonic()

    def start(self) -> None:
        """Start listening."""
        self.open = True

    def stop(self) -> None:
        """Release the devices."""
        self.open = False

    def pauses_in_silence(self, speaker: Speaker) -> bool:
        """Return whether a device delivers no audio while nothing plays."""
        return False

    def read_chunks(self, seconds: float) -> CapturedNews:
        """Return the next 20 ms of both speakers, whether listening or not."""
        time.sleep(0.0005)  # lets the transcriber's thread run
        news: list[CapturedChunk | DeviceLost] = []
        if self.open:
            samples = sample_call_samples()[:, self.at : self.at + CHUNK]
            news += [
                CapturedChunk(s, AudioChunk(samples[s.row], self.clock, lost=False), self.clock)
                for s in SPEAKERS
            ]
        self.at += CHUNK
        self.clock += CHUNK / SAMPLE_RATE
        while self.steps and self.at >= self.steps[0][0] * SAMPLE_RATE:
            self.steps.pop(0)[1]()
        if self.at >= sample_call_samples().shape[1]:
            self.feed.post_action(QuitProgram())
        return CapturedNews(news, self.clock)


class EndedCalls(Sink):
    """Collects the folders of calls that have ended."""

    def __init__(self) -> None:
        self.folders: list[Path] = []

    def on_results(self, folder: Path) -> None:
        """Store a call's folder."""
        self.folders.append(folder)


class SessionWithoutDevices:
    """A `LiveSession` on the sample call, with a script of the agent's actions.

    Parameters
    ----------
    out
        Folder for the calls' results.
    settings
        The configuration.
    steps
        Functions, each with the seconds of the call after which it is called.
    transcriber
        Transcriber; None for a session without words.
    sinks
        Receive every event.
    options
        As for a `LiveSession`.
    """

    def __init__(
        self,
        out: Path,
        settings: Config,
        *steps: Step,
        transcriber: Transcriber | None = None,
        sinks: Sequence[Sink] = (),
        **options: object,
    ) -> None:
        self.feed, self.out = Feed(), out
        self.ears = RecordedDevices(self.feed, list(steps))
        ended = EndedCalls()
        self.ended = ended.folders
        recognisers = [transcriber] if transcriber else []
        setup = CallSetup(settings, built_in_cues(), shipped_models(), recognisers)
        self.session = LiveSession(
            setup,
            cast(DeviceSupervisor, self.ears),
            self.feed,
            out,
            sinks=[ended, *sinks],
            **options,  # type: ignore[arg-type]
        )

    def run(self) -> SessionWithoutDevices:
        """Start a call, and run to the end of the session."""
        self.feed.post_action(ToggleListening())
        self.session.run()
        return self

    def post_action_at(self, seconds: float, wish: UserAction) -> Step:
        """Return a step that posts one of the agent's actions."""
        return seconds, lambda: self.feed.post_action(wish)

    def then(self, *steps: Step) -> SessionWithoutDevices:
        """Add steps, in order."""
        self.ears.steps += steps
        return self

    def between(self, do: Callable[[], object]) -> SessionWithoutDevices:
        """Run a function after a call has ended and before the next is started."""

        def wait() -> None:
            wait_until(lambda: self.session.state == "listening")
            wait_until(
                lambda: self.session.state == "ready" and self.feed.newest.display.line is None
            )
            # Until the next call waits, the previous one may still be being written or deleted.
            wait_until(lambda: not self._busy())
            do()

        threading.Thread(target=wait, daemon=True).start()
        return self

    def _busy(self) -> bool:
        """Return whether actions are delayed because a call is being ended."""
        self.feed.post_action(NextCall())
        time.sleep(0.2)
        return self.feed.has_actions

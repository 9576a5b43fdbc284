"""A live session with no sound system: a call that is heard much faster than it was spoken."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import soundfile
import soxr

from tests.helpers import until
from voicecoach.coaching import cues
from voicecoach.config import Config
from voicecoach.shell.asr.transcriber import TranscribedWord as HeardWord
from voicecoach.shell.asr.transcriber import Transcriber
from voicecoach.shell.capture import AudioChunk
from voicecoach.shell.capture.ears import CapturedChunk, CapturedNews, DeviceLost, DeviceSupervisor
from voicecoach.shell.live.session import LiveSession
from voicecoach.shell.results.replay_one import CallSetup
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.feed import Feed, NextCall, QuitProgram, ToggleListening, UserAction
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.shell.runtime.sinks import Sink
from voicecoach.types import F32, I16, SAMPLE_RATE, SPEAKERS, Speaker

CHUNK = 320
SAID = [
    "sorry",
    "about",
    "the",
    "nineteen",
    "crates",
    "of",
    "marmalade",
    "but",
    "you",
    "must",
    "calm",
    "down",
]
"""What the recogniser hears, over and over: some of it is quoted by a cue, and none of it but
"sorry" and the like is in any text of ours."""
TELLING = "nineteen", "crates", "marmalade"
"""The words to look for."""
Step = tuple[float, Callable[[], object]]
"""Something that is done when so many seconds of the call have been heard."""


@cache
def recorded() -> I16:
    """Return 50 s of a real call, [2, n] as 16-bit integers."""
    call, rate = soundfile.read(resource("samples", SAMPLE_CALL), stop=50 * 8000)
    heard = soxr.resample(call, rate, SAMPLE_RATE).T
    return np.asarray(np.rint(heard * 32767), np.int16)


class Told:
    """A recogniser that always hears the same words, three a second."""

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[HeardWord]:
        """Return as many words as there is time for, after the prefix."""
        first = len(prefix.split())
        return [
            HeardWord(SAID[i % len(SAID)], i / 3, (i + 1) / 3, 0.9)
            for i in range(first, int(len(audio) / SAMPLE_RATE * 3))
        ]

    def restart(self) -> None:
        """Begin anew."""


class Played:
    """Ears that hear a recording, as fast as they are asked; at its end they wish to quit."""

    def __init__(self, feed: Feed, steps: list[Step]) -> None:
        self.feed, self.steps = feed, steps
        self.open = False
        self.at = self.queued_chunks = 0
        self.clock = time.monotonic()

    def start(self) -> None:
        """Begin to listen."""
        self.open = True

    def stop(self) -> None:
        """Let go of the devices."""
        self.open = False

    def pauses_in_silence(self, speaker: Speaker) -> bool:
        """Return whether a device delivers nothing while nothing plays."""
        return False

    def read_chunks(self, seconds: float) -> CapturedNews:
        """Return what both say in 20 ms, whether it is listened to or not."""
        time.sleep(0.0005)  # for the recogniser's thread
        news: list[CapturedChunk | DeviceLost] = []
        if self.open:
            samples = recorded()[:, self.at : self.at + CHUNK]
            news += [
                CapturedChunk(s, AudioChunk(samples[s.row], self.clock, lost=False), self.clock)
                for s in SPEAKERS
            ]
        self.at += CHUNK
        self.clock += CHUNK / SAMPLE_RATE
        while self.steps and self.at >= self.steps[0][0] * SAMPLE_RATE:
            self.steps.pop(0)[1]()
        if self.at >= recorded().shape[1]:
            self.feed.post_action(QuitProgram())
        return CapturedNews(news, self.clock)


class EndedCalls(Sink):
    """Keeps the folders of calls that have ended."""

    def __init__(self) -> None:
        self.folders: list[Path] = []

    def on_results(self, folder: Path) -> None:
        """Keep a call's folder."""
        self.folders.append(folder)


class Desk:
    """A session and what surrounds it.

    Parameters
    ----------
    out
        Where calls are kept.
    settings
        Of everything.
    steps
        What is done when, by the seconds of the call.
    transcriber
        None for no words.
    sinks
        Given every event, too.
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
        self.ears = Played(self.feed, list(steps))
        ended = EndedCalls()
        self.ended = ended.folders
        recognisers = [transcriber] if transcriber else []
        setup = CallSetup(
            settings, cues.load_cues(cues.BUILT_IN_CUES), shipped_models(), recognisers
        )
        self.session = LiveSession(
            setup,
            cast(DeviceSupervisor, self.ears),
            self.feed,
            out,
            sinks=[ended, *sinks],
            **options,  # type: ignore[arg-type]
        )

    def run(self) -> Desk:
        """Start a call, and go on to the end of the session."""
        self.feed.post_action(ToggleListening())
        self.session.run()
        return self

    def post_action_at(self, seconds: float, wish: UserAction) -> Step:
        """Return that something is wished at a time."""
        return seconds, lambda: self.feed.post_action(wish)

    def then(self, *steps: Step) -> Desk:
        """Add things to be done, in their order."""
        self.ears.steps += steps
        return self

    def between(self, do: Callable[[], object]) -> Desk:
        """Let something be done once a call is over and the next waits to be started."""

        def wait() -> None:
            until(lambda: self.session.state == "listening")
            until(lambda: self.session.state == "ready" and self.feed.newest.display.line is None)
            # Until it waits the call before is not written, or not deleted.
            until(lambda: not self._busy())
            do()

        threading.Thread(target=wait, daemon=True).start()
        return self

    def _busy(self) -> bool:
        """Return whether a wish is not taken at once: a call's end is being seen to."""
        self.feed.post_action(NextCall())
        time.sleep(0.2)
        return not self.feed._actions.empty()


def everything(*folders: Path) -> bytes:
    """Return all that is in any file of these folders, names too."""
    found = b""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            found += str(path).encode()
            if path.is_file():
                found += path.read_bytes()
    return found


def heard_in(data: bytes, samples: I16) -> bool:
    """Return whether any of these samples are in it, as numbers in a row, however wide."""
    for row in samples:
        loud = np.flatnonzero(np.abs(row.astype(int)) > 1000)[::SAMPLE_RATE]
        for at in loud:
            piece = row[at : at + 16]
            as_float = (piece / 32768).astype("<f4")
            for form in (piece.astype("<i2"), as_float, as_float.astype("<f8")):
                if form.tobytes() in data:
                    return True
    return False


SOUNDS = re.compile(rb"fLaC|RIFF....WAVE|OggS|ID3|\xff\xfb[\x90-\xe0]", re.DOTALL)

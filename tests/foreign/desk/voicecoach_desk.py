"""A plug-in of each kind: what docs/extending.md shows, and tests install."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Annotated

import soundfile
from msgspec import Meta

from voicecoach.errors import DeviceError
from voicecoach.shell.plugins import (
    AudioSource,
    CallbackInlet,
    CallInfo,
    ChunkCallback,
    ConfigSection,
    LiveHandle,
    Plugin,
    QuitProgram,
    Sink,
    TranscribedWord,
    TranscriptionConfig,
    View,
    encode_event,
)
from voicecoach.types.events import CueOpened, Event
from voicecoach.types.stream import F32, SAMPLE_RATE, Speaker


class FileOptions(ConfigSection, frozen=True, kw_only=True):
    """Where lines go."""

    file: Annotated[str, Meta(description="where the lines go")] = "cues.txt"


class CueFile(Sink):
    """Writes a line for each cue, and deletes a call's lines if the customer declines."""

    def __init__(self, options: FileOptions) -> None:
        self._path = Path(options.file)
        self._lines: list[str] = []

    def begin_call(self, call: CallInfo) -> None:
        """Start anew."""
        self._lines = [f"call {call.name}"]

    def on_event(self, event: Event) -> None:
        """Keep a cue's line."""
        if isinstance(event, CueOpened):
            self._lines.append(f"{event.at / SAMPLE_RATE:.1f} s: {event.title}")

    def end_call(self, declined: bool) -> None:
        """Write the lines, or forget them."""
        if not declined:
            with self._path.open("a") as file:
                file.write("\n".join(self._lines) + "\n")


CUE_FILE = Plugin(CueFile, "writes the cues of each call to a file", FileOptions)


class RecordingOptions(ConfigSection, frozen=True, kw_only=True):
    file: Annotated[str, Meta(description="agent on the first channel, customer on the second")]


class RecordingSource:
    """Plays both channels of a recording, as if they came from devices."""

    pauses_in_silence = False

    def __init__(self, options: RecordingOptions) -> None:
        self._file = options.file

    def sources(self) -> list[AudioSource]:
        """Return one for each channel."""
        if not Path(self._file).is_file():
            raise DeviceError(f"{self._file}: no such recording; set sources.recording.file")
        return [
            AudioSource("agent", "the first channel", "input", default=True),
            AudioSource("customer", "the second channel", "output", default=True),
        ]

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> Playback:
        """Begin to play a channel."""
        return Playback(self._file, 0 if source.name == "agent" else 1, deliver)


class Playback:
    """A channel that is being played, in a thread of its own."""

    def __init__(self, file: str, channel: int, deliver: ChunkCallback) -> None:
        self._file, self._channel, self._deliver = file, channel, deliver
        self._closed = threading.Event()
        self._trouble = ""
        threading.Thread(target=self._play, daemon=True).start()

    def failure_reason(self) -> str:
        """Return why nothing is delivered any more, "" while it is."""
        return self._trouble

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def _play(self) -> None:
        with soundfile.SoundFile(self._file) as sound:
            # Takes int16 of any rate and any number of channels, delivers 16 kHz mono.
            inlet = CallbackInlet(sound.samplerate, 1, self._deliver)
            due = time.monotonic()
            for block in sound.blocks(sound.samplerate // 50, dtype="int16", always_2d=True):
                due += 0.02
                if self._closed.wait(max(0.0, due - time.monotonic())):
                    return
                inlet.push_block(block[:, self._channel].tobytes(), age_s=0.02, lost=False)
        self._trouble = "the recording is over"


RECORDING = Plugin(RecordingSource, "plays a recording in place of devices", RecordingOptions)


class RoteOptions(ConfigSection, frozen=True, kw_only=True):
    words: Annotated[str, Meta(description="what it hears, over and over")] = "no idea"


class Rote:
    """Hears the same words whatever is said, three a second."""

    def __init__(self, options: RoteOptions, settings: TranscriptionConfig) -> None:
        self._words = options.words.split()  # settings has the language, model and vocabulary

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return as many words as there is time for, after the prefix."""
        first, last = len(prefix.split()), int(len(audio) / SAMPLE_RATE * 3)
        return [
            TranscribedWord(self._words[i % len(self._words)], i / 3, (i + 1) / 3, 0.9)
            for i in range(first, last)
        ]


ROTE = Plugin(Rote, "hears the same words whatever is said", RoteOptions)


class RoteStream:
    """Hears the same words as an utterance goes on; a real one feeds a decoder."""

    def __init__(self, words: list[str]) -> None:
        self._words, self._samples = words, 0

    def accept_audio(self, audio: F32) -> None:
        """Hear the next 0.1 s, or less at the end."""
        self._samples += len(audio)

    def words(self) -> list[TranscribedWord]:
        """Return all words so far."""
        return [
            TranscribedWord(self._words[i % len(self._words)], i / 3, (i + 1) / 3, 0.9)
            for i in range(int(self._samples / SAMPLE_RATE * 3))
        ]

    def finish(self) -> list[TranscribedWord]:
        """Return all words: nothing follows."""
        return self.words()


class StreamingRote:
    """Hears the same words, and each sample once."""

    def __init__(self, options: RoteOptions, settings: TranscriptionConfig) -> None:
        self._words = options.words.split()

    def create_stream(self) -> RoteStream:
        """Return a stream that has heard nothing."""
        return RoteStream(self._words)


ROTE_STREAM = Plugin(StreamingRote, "hears the same words as a stream", RoteOptions)


class TickerOptions(ConfigSection, frozen=True, kw_only=True):
    stop_s: Annotated[
        float, Meta(ge=0.0, description="s after which it ends the program; 0: never")
    ] = 0.0


class Ticker(View):
    """Prints the state of the session and the cue, whenever they change."""

    def __init__(self, options: TickerOptions, live: LiveHandle) -> None:
        self._live, self._stop_s = live, options.stop_s

    def run(self) -> None:
        """Print until the session ends."""
        shown, began = "", time.monotonic()
        while self._live.running:
            display = self._live.feed.newest.display
            text = f"{display.state}: {display.card.title if display.card else 'no cue'}"
            if text != shown:
                print(text, flush=True)
            shown = text
            if self._stop_s and time.monotonic() - began > self._stop_s:
                self._live.feed.post_action(QuitProgram())
            time.sleep(0.1)


TICKER = Plugin(Ticker, "prints the cue in a line", TickerOptions)


class EventFile(Sink):
    """Writes every event it gets as a line of an event log."""

    def __init__(self, options: FileOptions) -> None:
        self._path = Path(options.file)

    def on_event(self, event: Event) -> None:
        with self._path.open("ab") as file:
            file.write(encode_event(event))

    def end_call(self, declined: bool) -> None:
        if declined:
            self._path.unlink()


EVENT_FILE = Plugin(EventFile, "writes every event to a file", FileOptions)

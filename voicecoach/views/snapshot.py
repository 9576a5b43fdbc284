"""Folds the events so far into one small state that live views draw.

A view polls it at its own rate and never delays the engine.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from msgspec.structs import replace

from voicecoach.coaching.cue_spans import CueSpanReader
from voicecoach.types.events import (
    ChannelState,
    CueClosed,
    CueFeedback,
    CueOpened,
    Degraded,
    Delivery,
    DigitsShown,
    Event,
    Listening,
    NotUnderstood,
    SpeechEnded,
    SpeechStarted,
    Tone,
    Utterance,
    Word,
)
from voicecoach.types.stream import SPEAKERS, Block, Speaker
from voicecoach.views.conversation import NOT_UNDERSTOOD_TEXT

METER_FLOOR_DBFS = -100.0
"""Lowest level shown, dBFS."""
LINES_KEPT = 8
"""Number of finished utterances kept."""


class Snapshot:
    """The state of a call that the overlay, the browser page and the terminal draw."""

    def __init__(self) -> None:
        self.at = 0
        self.listening = True
        self.level_dbfs = dict.fromkeys(SPEAKERS, METER_FLOOR_DBFS)
        """Levels of the newest block."""
        self.speaking = dict.fromkeys(SPEAKERS, False)
        self.tone: Tone | None = None
        self.delivery: Delivery | None = None
        self._cue_spans = CueSpanReader()
        self.helpful: bool | None = None
        """How the agent marked the cue on screen."""
        self.channels: dict[Speaker, ChannelState] = {}
        """Channels with a problem, by speaker."""
        self._degraded: dict[str, str] = {}
        """Why a stage does less than it should, by stage."""
        self.lines: deque[Utterance] = deque(maxlen=LINES_KEPT)
        self._words: dict[Speaker, dict[int, dict[int, Word]]] = {s: {} for s in SPEAKERS}

    @property
    def cue(self) -> CueOpened | None:
        """The cue on screen."""
        return self._cue_spans.on_screen

    @property
    def cues_shown(self) -> int:
        """How many cues were shown, including the one on screen."""
        return len(self._cue_spans.spans)

    @property
    def degraded(self) -> str:
        """What works less well than it should, the newest first, or ""."""
        return "; ".join(f"{stage}: {why}" for stage, why in reversed(self._degraded.items()))

    def partial_words(self, speaker: Speaker) -> tuple[list[Word], list[Word]]:
        """Return the committed and the partial words of a speaker's current utterance."""
        words = [w for u in self._words[speaker].values() for w in u.values() if w.text]
        return [w for w in words if w.committed], [w for w in words if not w.committed]

    def set_levels(self, block: Block) -> None:
        """Update the levels from a block."""
        powers = np.einsum("ci,ci->c", block.samples, block.samples) / block.samples.shape[1]
        for speaker in SPEAKERS:
            power = float(powers[speaker.row])
            self.level_dbfs[speaker] = (
                max(METER_FLOOR_DBFS, 10 * math.log10(power)) if power else METER_FLOOR_DBFS
            )

    def add_event(self, event: Event) -> None:
        """Update the state from an event."""
        self.at = max(self.at, event.at)
        match event:
            case SpeechStarted():
                self.speaking[event.speaker] = True
            case SpeechEnded():
                self.speaking[event.speaker] = False
            case Tone():
                self.tone = event
            case Delivery():
                self.delivery = event
            case CueOpened() | CueClosed():
                self._cue_spans.add_event(event)
                self.helpful = None
            case CueFeedback():
                if self._cue_spans.is_mark_of_shown(event):
                    self.helpful = event.helpful
            case Listening():
                self.listening = event.on
            case ChannelState():
                self.channels[event.speaker] = event
                if event.state == "ok":
                    del self.channels[event.speaker]
            case Degraded():
                self._degraded.pop(event.stage, None)
                if not event.over:
                    self._degraded[event.stage] = event.reason
            case DigitsShown():
                for i, line in enumerate(self.lines):
                    if (line.speaker, line.utterance) == (event.speaker, event.utterance):
                        self.lines[i] = replace(line, text=event.apply(line.text))
            case NotUnderstood():
                self.lines.append(
                    Utterance(
                        at=event.at,
                        speaker=event.speaker,
                        utterance=event.utterance,
                        start=event.start,
                        end=event.end,
                        text=NOT_UNDERSTOOD_TEXT,
                        words=0,
                    )
                )
            case Word(final=False):
                words = self._words[event.speaker].setdefault(event.utterance, {})
                words[event.index] = event
            case Utterance():
                done = self._words[event.speaker]
                for number in [n for n in done if n <= event.utterance]:
                    del done[number]
                if event.text:
                    self.lines.append(event)
            case _:
                pass

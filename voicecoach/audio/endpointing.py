"""Turns speech probabilities into segments, turns, overlaps and backchannels.

A segment (one channel) starts when the probability has reached `onset` and stayed above `offset`
for `onset_s`.  It ends when the probability has been below `offset` for `offset_s`.  Its times are
those of the first and last speech, not of the confirmation.

The floor (both channels) follows these rules:

| what happens                                              | the floor                       |
|-----------------------------------------------------------|---------------------------------|
| somebody starts while the other is not speaking           | is theirs                       |
| somebody starts while the other speaks                    | stays; an overlap by them opens |
| the other resumes after a short pause of theirs           | stays; an overlap by the holder |
| the holder's segment ends while the other speaks on       | passes to the other             |
| the one who came in stops first, within `backchannel_s`   | stays; it was a backchannel     |
| the one who came in stops first, later                    | stays; it was an overlap        |
| the holder has been silent for `turn_gap_s`               | is nobody's                     |

A turn is reported when its floor is lost.
"""

from __future__ import annotations

from voicecoach import config
from voicecoach.audio.vad import VAD_WINDOW
from voicecoach.types.events import Backchannel, Event, Overlap, SpeechEnded, SpeechStarted, Turn
from voicecoach.types.stream import HOP, SAMPLE_RATE, SPEAKERS, Speaker

MIN_OVERLAP = int(0.1 * SAMPLE_RATE)
"""Samples.  Shorter overlaps are within the accuracy of segment times and are not reported."""
SETTLED_SPEECH = int(1.0 * SAMPLE_RATE)
"""Samples that a speaker must have spoken to be interrupted; before that, both just started."""


class Segmenter:
    """The segments of one channel."""

    def __init__(self, settings: config.EndpointingConfig) -> None:
        self._settings = settings
        self._onset = round(settings.onset_s * SAMPLE_RATE)
        self._offset = round(settings.offset_s * SAMPLE_RATE)
        self.active = False
        """Within a segment, including a silence that may end it."""
        self.speaking = False
        """Within a segment, excluding a silence that may end it."""
        self.start = 0
        """Stream index where the segment, or the speech that may become one, began."""
        self.last_speech = 0
        """Stream index of the end of the last window with speech."""
        self._rising = False

    def step(self, at: int, probability: float) -> str:
        """Add the hop that ends at `at`; return "started", "resumed", "ended" or ""."""
        p, settings = probability, self._settings
        if not self.active:
            if p < (settings.offset if self._rising else settings.onset):
                self._rising = False
                return ""
            if not self._rising:
                self._rising, self.start = True, max(0, at - VAD_WINDOW)
            self.last_speech = at
            if at - self.start < self._onset:
                return ""
            self.active, self.speaking, self._rising = True, True, False
            return "started"
        if p >= settings.offset:
            resumed, self.speaking, self.last_speech = not self.speaking, True, at
            return "resumed" if resumed else ""
        if self.speaking:
            # This window is the first without speech, so speech ended where it began.
            self.speaking, self.last_speech = False, max(self.start, at - VAD_WINDOW)
        if at - self.last_speech < self._offset:
            return ""
        self.active = False
        return "ended"

    def close_segment(self) -> bool:
        """Close the segment at the end of the stream; return whether there was one."""
        was, self.active, self.speaking, self._rising = self.active, False, False, False
        return was


class Endpointer:
    """Tracks the segments of both channels and who has the floor."""

    def __init__(self, settings: config.EndpointingConfig) -> None:
        self._backchannel = round(settings.backchannel_s * SAMPLE_RATE)
        self._turn_gap = round(settings.turn_gap_s * SAMPLE_RATE)
        self._segmenters = [Segmenter(settings) for _ in SPEAKERS]
        self.floor: Speaker | None = None
        self._floor_start = self._floor_end = 0
        self._came_in: Speaker | None = None
        self._overlap_start = 0
        self._barged_in = False
        self._both = 0

    def segment(self, speaker: Speaker) -> Segmenter:
        """Return the state of a speaker's segments."""
        return self._segmenters[speaker.row]

    def turn_start(self, speaker: Speaker) -> int:
        """Return where the turn of a speaker began, or their segment if they have no turn."""
        return self._floor_start if self.floor is speaker else self.segment(speaker).start

    def speaking_rows(self) -> list[bool]:
        """Return whether each channel has speech now, by row."""
        agent, customer = self._segmenters
        return [agent.speaking, customer.speaking]

    def barge_in_s(self, speaker: Speaker) -> float:
        """Return the seconds that both have spoken since `speaker` interrupted the other.

        0 if `speaker` holds the floor, both have just started, or there is no overlap.
        """
        if self._came_in is not speaker or not self._barged_in:
            return 0.0
        return self._both / SAMPLE_RATE

    def step(self, at: int, probabilities: list[float]) -> list[Event]:
        """Add the hop that ends at `at` with the speech probability of each channel."""
        events: list[Event] = []
        agent, customer = self._segmenters
        changes = agent.step(at, probabilities[0]), customer.step(at, probabilities[1])
        if any(changes):
            events += self._apply_changes(at, changes)
        if self._came_in and agent.speaking and customer.speaking:
            self._both += HOP
        if self.floor:
            holder = self.segment(self.floor)
            if holder.active:
                self._floor_end = holder.last_speech
            elif at - self._floor_end >= self._turn_gap:
                events += self._pass_floor(at, None, at)
        return events

    def finish(self, at: int) -> list[Event]:
        """Close the open segments and the turn at the end of the stream."""
        events: list[Event] = []
        for speaker in SPEAKERS:
            if self.segment(speaker).close_segment():
                events += self._on_speech_ended(at, speaker)
        return events + self._pass_floor(at, None, at)

    def _apply_changes(self, at: int, changes: tuple[str, str]) -> list[Event]:
        events: list[Event] = []
        for speaker, change in zip(SPEAKERS, changes, strict=True):
            if change == "ended":
                events += self._on_speech_ended(at, speaker)
        for speaker, change in zip(SPEAKERS, changes, strict=True):
            if change == "started":
                events += self._on_speech_started(at, speaker)
            elif change == "resumed":
                self._on_speech_resumed(at, speaker)
        return events

    def _on_speech_started(self, at: int, speaker: Speaker) -> list[Event]:
        mine, other = self.segment(speaker), self.segment(speaker.other)
        events: list[Event] = [SpeechStarted(at=at, speaker=speaker, start=mine.start)]
        if other.active and other.last_speech > mine.start and other.start <= mine.start:
            self._came_in, self._overlap_start, self._both = speaker, mine.start, 0
            settled = mine.start - other.start >= SETTLED_SPEECH
            self._barged_in = settled and self.floor is speaker.other
            if self.floor is None:
                events += self._pass_floor(at, speaker, mine.start)
        elif self.floor is not speaker:
            events += self._pass_floor(at, speaker, mine.start)
        return events

    def _on_speech_resumed(self, at: int, speaker: Speaker) -> None:
        """Open an overlap by the other, who began in a short pause of `speaker`."""
        mine, other = self.segment(speaker), self.segment(speaker.other)
        if self._came_in or not other.speaking or other.start <= mine.start:
            return
        self._came_in, self._overlap_start, self._both = speaker.other, at - VAD_WINDOW, 0
        self._barged_in = other.start - mine.start >= SETTLED_SPEECH

    def _on_speech_ended(self, at: int, speaker: Speaker) -> list[Event]:
        mine, other = self.segment(speaker), self.segment(speaker.other)
        end = mine.last_speech
        events: list[Event] = [SpeechEnded(at=at, speaker=speaker, start=mine.start, end=end)]
        if self.floor is speaker:
            self._floor_end = end
        passes_at = max(other.start, self._floor_start)
        if self._came_in:
            by, start = self._came_in, self._overlap_start
            passes_at = start
            self._came_in = None
            short = speaker is by and other.active and end - mine.start < self._backchannel
            if end - start >= MIN_OVERLAP:
                events.append(Overlap(at=at, by=by, start=start, end=end, backchannel=short))
            if short:
                events.append(Backchannel(at=at, speaker=by, start=mine.start, end=end))
        if self.floor is speaker and other.active:
            events += self._pass_floor(at, speaker.other, passes_at)
        return events

    def _pass_floor(self, at: int, to: Speaker | None, start: int) -> list[Event]:
        events: list[Event] = []
        if self.floor:
            turn = Turn(at=at, speaker=self.floor, start=self._floor_start, end=self._floor_end)
            events.append(turn)
        self.floor, self._floor_start, self._floor_end = to, start, start
        return events

"""Records the inputs of a live call's engine other than audio, so that a replay gives the same log.

These are words with their arrival time, pauses, lost devices, marks, and gaps in the audio.
If audio is saved, `RecordingEngine` writes this beside it, one line of JSON for each item, in the
order in which the engine received them; `RecordedInputs` gives them to a replay.  Card
numbers in words are masked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec

from voicecoach.engine import ControlItem
from voicecoach.errors import AudioFileError
from voicecoach.shell.asr.loop import Processor
from voicecoach.shell.runtime.regular_file import open_regular
from voicecoach.text_safety import bounded_input
from voicecoach.text_safety.sanitize import MAX_WORD_CHARS, clean_text
from voicecoach.types import events
from voicecoach.types.stream import HOP, Block, Speaker, Transcript
from voicecoach.views.event_log import MAX_STREAM_INDEX, DamagedLines

INPUTS_FILE = "inputs.jsonl"
UNANSWERED = "the last words were not recorded"
UtteranceKey: TypeAlias = tuple[Speaker, int]
"""Speaker and number of an utterance."""


class MissingSpan(msgspec.Struct, frozen=True):
    """Hops of audio that were missing."""

    start: int
    end: int


class InputLine(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line of the file; the first says whether the call had a transcriber."""

    words: bool | None = None
    transcript: Transcript | None = None
    channel_state: events.ChannelState | None = None
    digits_shown: events.DigitsShown | None = None
    cue_feedback: events.CueFeedback | None = None
    listening: events.Listening | None = None
    missing: MissingSpan | None = None
    finished: bool = False
    """The following items came after the end of the audio."""


class RecordingEngine:
    """An engine whose inputs are recorded.

    Parameters
    ----------
    engine
        Processes the inputs.
    words
        Whether the call has a transcriber.
    write
        Called with each line.
    """

    def __init__(self, engine: Processor, *, words: bool, write: Callable[[bytes], None]) -> None:
        self._engine, self._write = engine, write
        self._missing: MissingSpan | None = None
        """The current stretch of missing audio."""
        self._write_line(InputLine(words=words))

    def process(self, item: events.InputItem) -> list[events.Event]:
        """Process an item, as the engine does."""
        match item:
            case Block(missing=True):
                began = self._missing.start if self._missing else item.start
                self._missing = MissingSpan(began, item.end)
            case Block():
                self._end_gap()
            case Transcript():
                self._write_line(InputLine(transcript=item))
            case events.DigitsShown():
                self._write_line(InputLine(digits_shown=item))
            case events.ChannelState():
                self._write_line(InputLine(channel_state=item))
            case events.CueFeedback():
                self._write_line(InputLine(cue_feedback=item))
            case events.Listening():
                self._write_line(InputLine(listening=item))
        return self._engine.process(item)

    def finish(self) -> list[events.Event]:
        """End the stream."""
        self._end_gap()
        self._write_line(InputLine(finished=True))
        return self._engine.finish()

    def _end_gap(self) -> None:
        if self._missing:
            self._write_line(InputLine(missing=self._missing))
            self._missing = None

    def _write_line(self, line: InputLine) -> None:
        self._write(msgspec.json.encode(line) + b"\n")


class RecordedInputs:
    """A live call's recorded inputs, replayed with its audio; serves as the replay's `Asr`.

    Parameters
    ----------
    lines
        In the order in which they were recorded.
    damaged
        Lines that could not be read.
    """

    def __init__(self, lines: Iterable[InputLine], damaged: DamagedLines | None = None) -> None:
        self._damaged = damaged or DamagedLines()
        self.has_words = False
        """There was a recogniser."""
        self._items: deque[ControlItem] = deque()
        self._after_end: list[Transcript | events.DigitsShown] = []
        """Transcripts and digits that came after the end."""
        self._missing: deque[MissingSpan] = deque()
        self._answered = set[tuple[UtteranceKey, int]]()
        """Utterances, and up to where careful transcription has answered."""
        self._unanswered: dict[UtteranceKey, events.TranscribeRequest] = {}
        """Newest careful requests without an answer."""
        finished = False
        for line in lines:
            finished |= line.finished
            self.has_words |= line.words or False
            if line.missing:
                self._missing.append(line.missing)
            if heard := line.transcript:
                if heard.careful:
                    self._answered.add(((heard.speaker, heard.utterance), heard.end))
                if finished:
                    self._after_end.append(heard)
                else:
                    self._items.append(heard)
            if line.digits_shown:
                (self._after_end if finished else self._items).append(line.digits_shown)
            self._items.extend(
                item for item in (line.channel_state, line.cue_feedback, line.listening) if item
            )

    @property
    def notes(self) -> list[str]:
        """What could not be read and was left out, once all is read."""
        note = f"{INPUTS_FILE}: {self._damaged}; the events may differ"
        return [note] if self._damaged.count else []

    def merge_with_blocks(self, blocks: Iterable[Block]) -> Iterator[events.InputItem]:
        """Yield the audio, merged with the recorded items."""
        for block in blocks:
            for part in self._split_at_gaps(block):
                while self._items and self._items[0].at <= part.end:
                    yield self._items.popleft()
                yield part

    def _split_at_gaps(self, block: Block) -> Iterator[Block]:
        """Yield a block in parts that were either received or missing."""
        now, end = block.start, block.end
        while now < end:
            while self._missing and self._missing[0].end <= now:
                self._missing.popleft()
            gap = self._missing[0] if self._missing else MissingSpan(end, end)
            missing = gap.start <= now
            upto = min(end, gap.end if missing else gap.start)
            samples = block.samples[:, now - block.start : upto - block.start]
            yield Block(now, samples, missing=missing)
            now = upto

    # --- as an `Asr` ----------------------------------------------------------------------

    def buffer_audio(self, block: Block) -> None:
        """Do nothing: nothing is transcribed again."""

    def submit(self, request: events.TranscribeRequest) -> None:
        """Record a request, which may have had no answer in the live call."""
        saying = request.speaker, request.utterance
        if request.careful:
            self._unanswered.pop(saying, None)
            if (saying, request.end) not in self._answered:
                self._unanswered[saying] = request

    def poll(self, until: int | None) -> list[Transcript | events.DigitsShown | events.Degraded]:
        """Return items that arrived after the audio ended; earlier ones come with the audio."""
        if until is not None:
            return []
        open_ = [
            request.make_transcript(request.at, (), UNANSWERED)
            for request in self._unanswered.values()
        ]
        return [*self._after_end, *open_]

    def discard_pending(self) -> None:
        """Forget all unanswered requests."""
        self._unanswered.clear()

    def close(self) -> None:
        """Do nothing."""


def read_inputs(path: Path) -> RecordedInputs:
    """Return the recorded inputs of a live call; lines that cannot be read are left out.

    Raises
    ------
    AudioFileError
        If the file cannot be read, or is not one of ours.
    """
    try:
        with open_regular(path) as file:
            damaged = DamagedLines()
            return RecordedInputs(_read_lines(bounded_input.log_lines(file), damaged), damaged)
    except OSError as e:
        raise AudioFileError(
            f"{path}: there is no record of what the call was given beside its sound, "
            f"leave out --as-heard: {e.strerror or e}"
        ) from e
    except ValueError as e:
        raise AudioFileError(f"{path}: not the input log of a live call: {e}") from e


def _read_lines(lines: Iterable[bytes], damaged: DamagedLines) -> Iterator[InputLine]:
    """Yield the lines that can be read and count the others; raise `ValueError` if none can."""
    number = 0
    for number, raw in enumerate(lines, 1):
        try:
            line = _parse_input_line(raw)
        except ValueError as e:
            damaged.add_line(number, e)
        else:
            yield line
    if number and damaged.count == number:
        raise ValueError(damaged.first)


def _parse_input_line(raw: bytes) -> InputLine:
    """Return a line with its texts cleaned.

    Raises
    ------
    ValueError
        If no call can have such a line.
    """
    line = bounded_input.decode_json(raw, InputLine)
    heard, state, mark, gap = line.transcript, line.channel_state, line.cue_feedback, line.missing
    shown = line.digits_shown
    times = [item.at for item in (heard, shown, state, mark, line.listening) if item]
    replace = msgspec.structs.replace
    if heard:
        times += [heard.end, *(time for w in heard.words for time in (w.start, w.end))]
        if not (heard.first >= 0 and all(0.0 <= w.probability <= 1.0 for w in heard.words)):
            raise ValueError("a transcript has an impossible time or probability")
        words = tuple(
            replace(word, text=clean_text(word.text, MAX_WORD_CHARS)) for word in heard.words
        )
        heard = replace(heard, words=words, error=clean_text(heard.error))
    if shown:
        shown = replace(shown, text=clean_text(shown.text, MAX_WORD_CHARS))
    if state:
        if state.state not in ("lost", "ok"):
            raise ValueError("a device's state must be lost or ok")
        state = replace(state, reason=clean_text(state.reason))
    if mark:
        times.append(mark.start)
        mark = replace(mark, id=clean_text(mark.id))
    if gap:
        times += [gap.start, gap.end]
        if gap.start % HOP or gap.end % HOP or gap.start >= gap.end:
            raise ValueError("a gap must be a whole number of hops")
    if not all(0 <= time <= MAX_STREAM_INDEX for time in times):
        raise ValueError("a time is outside any call")
    return replace(
        line, transcript=heard, digits_shown=shown, channel_state=state, cue_feedback=mark
    )

"""A card number that a recogniser hears is nowhere afterwards: from its words to every output."""

import io
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from scripts.bench.masking import on_screen, places, strings
from scripts.bench.number_reading import longest
from voicecoach.coaching.cues import built_in_cues
from voicecoach.coaching.thresholds import cue_thresholds
from voicecoach.commands.app import app
from voicecoach.config import TranscriptionConfig
from voicecoach.shell.asr.answering import LiveAsr, ReplayAsr, TranscriptBuilder
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.results import reader
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.results.writer import ResultsWriter
from voicecoach.shell.views.console import TerminalView
from voicecoach.testing import (
    ENGLISH,
    cut_blocks,
    make_engine,
    silence,
    stereo,
    syllables,
    wavering,
)
from voicecoach.types.events import Event, TranscribeRequest, Utterance, Word
from voicecoach.types.stream import F32, SAMPLE_RATE, Speaker
from voicecoach.views import event_log
from voicecoach.views.display import make_display
from voicecoach.views.snapshot import Snapshot

A, C = Speaker.AGENT, Speaker.CUSTOMER
SECRET = "9273845016"
NUMBERS = (
    "I can't believe you still want my card again it is 4123 1192 7384 5016 so refund it",
    "four one two three one one nine two seven three eight four five zero one six",
    "4 1 2 3 no sorry 1 1 9 2 okay 7 3 8 4 hang on let me see 5 0 1 6 that is all",
    "it's 4123-1192-7384-5016.",
)
SETTINGS = TranscriptionConfig()
STARTED = "2026-03-02T09:30:00Z"
"""When the call began: where the log does not say, its file's time has digits by chance."""


class Script:
    """Says so much of a text as so much audio holds: each answer goes on from its prefix."""

    def __init__(self, text: str, seconds: float) -> None:
        self._words, self._seconds = text.split(), seconds
        self._said = 0.0
        self.broken = False

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        if self.broken:
            raise RuntimeError(f"cannot decode {' '.join(self._words)}")
        length = len(audio) / SAMPLE_RATE
        count = min(len(self._words), round(length / self._seconds * len(self._words)))
        begun = len(f"{context} {prefix}".split())
        step = length / max(count, 1)
        return [
            TranscribedWord(w, i * step, (i + 1) * step, 0.9)
            for i, w in enumerate(self._words[:count])
            if i >= begun
        ]

    def restart(self) -> None:
        """Nothing is kept."""


def heard(text: str, make: Callable[[Script], ReplayAsr | LiveAsr]) -> Iterator[Event]:
    """Yield the events of a call in which the customer says a text."""
    speech = wavering(syllables(220, 4, 7))
    sound = stereo(silence(12), np.concatenate([silence(1), speech, silence(4)]))
    asr = make(Script(text, 7.0))
    yield from run_engine(cut_blocks(sound, (8,)), make_engine(transcribe=True), asr)
    asr.close()


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize(
    "make",
    [
        lambda s: ReplayAsr([s], SETTINGS, ENGLISH.numbers),
        lambda s: LiveAsr(s, SETTINGS, ENGLISH.numbers),
    ],
    ids=["replayed", "live"],
)
def test_it_is_in_no_output(text: str, make: Any, tmp_path: Path) -> None:
    assert longest(SECRET, text) == len(SECRET)
    tally = ResultsWriter("call", cue_thresholds(built_in_cues()), ENGLISH)
    snapshot = Snapshot()
    out = io.StringIO()
    console = Console(file=out, width=200)
    folder = tmp_path / "call"
    folder.mkdir()
    with (folder / EVENT_LOG).open("wb") as log, TerminalView(console, "call", 12.0) as view:
        log.write(
            event_log.encode_header(call="call", words=True, voicecoach="0", started_at=STARTED)
        )
        for event in heard(text, make):
            log.write(event_log.encode_event(event))
            tally.add_event(event)
            snapshot.add_event(event)
            view.on_event(event)
            line = make_display(snapshot, "listening").line
            assert longest(SECRET, f"{line.text} {line.tentative}" if line else "") < 3
            view.on_progress(event.at)
    tally.write_results(folder)
    events = reader.read_results(folder).events
    assert any(isinstance(e, Word) and "#" in e.text for e in events)
    assert any(isinstance(e, Utterance) and "#" in e.text for e in events)
    assert longest(SECRET, out.getvalue()) < 3
    for place, shown in places(folder):
        assert longest(SECRET, shown) < 3, place
    journal = tmp_path / "journal.db"
    rows = tmp_path / "rows.json"
    for command in (["add", str(folder), "--words"], ["export", str(rows), "--format", "json"]):
        done = CliRunner().invoke(app, ["journal", *command, "--journal", str(journal)])
        assert done.exit_code == 0, done.output
    for shown in said_in_rows(json.loads(rows.read_bytes())):
        assert longest(SECRET, shown) < 3, shown


def said_in_rows(value: Any) -> Iterator[str]:
    """Yield each text of exported rows, those in a column of JSON apart from the figures there."""
    for text in strings(value):
        yield from strings(json.loads(text)) if text.startswith("{") else [text]


def asked(utterance: int, start: int) -> TranscribeRequest:
    return TranscribeRequest(
        at=0, speaker=C, utterance=utterance, start=start, end=start + SAMPLE_RATE, careful=True
    )


@pytest.mark.parametrize("text", NUMBERS)
def test_however_it_is_split_between_utterances(text: str) -> None:
    words = text.split()
    for first, second in itertools.combinations_with_replacement(range(len(words) + 1), 2):
        answerer, shown = TranscriptBuilder(SETTINGS, ENGLISH.numbers), []
        parts = words[:first], words[first:second], words[second:]
        for number, part in enumerate(parts, 1):
            request = asked(number, number * 2 * SAMPLE_RATE)
            answer = answerer.build_transcript(
                0, request, [TranscribedWord(w, 0.0, 0.1, 0.9) for w in part]
            )
            shown += [word.text for word in answer.words]
        assert longest(SECRET, " ".join(shown)) < 3, (first, second)


@pytest.mark.parametrize("text", NUMBERS)
def test_a_partial_hides_it_wherever_it_is_cut(text: str) -> None:
    words = text.split()
    for cut in range(len(words) + 1):
        answer = TranscriptBuilder(SETTINGS, ENGLISH.numbers).build_transcript(
            0, asked(1, 0), [TranscribedWord(w, 0.0, 0.1, 0.9) for w in words[:cut]]
        )
        assert longest(SECRET, " ".join(word.text for word in answer.words)) < 3


def test_an_error_does_not_tell_it() -> None:
    def broken(script: Script) -> ReplayAsr:
        script.broken = True
        return ReplayAsr([script], SETTINGS, ENGLISH.numbers)

    events = list(heard(NUMBERS[1], broken))
    told = [event_log.encode_event(event).decode() for event in events]
    assert any("Error at test_cards_hidden.py" in line for line in told)
    assert all(longest(SECRET, line) < 3 for line in told if "reason" in line)


@pytest.mark.parametrize("text", ["4123119273845016", '{"hard_said": "4123 1192 7384 5016"}'])
def test_it_would_be_found_in_a_row(text: str) -> None:
    rows = {"cues": [{"call": "c1", "message": text, "opened_s": 738.45}]}
    assert max(longest(SECRET, shown) for shown in said_in_rows(rows)) == len(SECRET)


def test_it_is_looked_for_where_it_could_be() -> None:
    """Without masking the same search finds it."""
    words = [
        Word(
            at=i, speaker=C, utterance=1, index=i, text=text, start=i, end=i + 1, probability=1.0,
            committed=True, final=True,
        )
        for i, text in enumerate(NUMBERS[1].split())
    ]  # fmt: skip
    assert max(longest(SECRET, text) for _, text in on_screen(words)) == len(SECRET)

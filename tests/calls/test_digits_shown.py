"""Digits that were hidden and turned out to be no card's: shown again, everywhere."""

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console

from tests.text_safety.test_cards_hidden import SETTINGS, Script
from voicecoach.shell.asr.answering import LiveAsr, ReplayAsr
from voicecoach.shell.asr.loop import Processor, run_engine
from voicecoach.shell.results.input_log import INPUTS_FILE, RecordingEngine, read_inputs
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
from voicecoach.text_safety.redaction import redact_words
from voicecoach.text_safety.sanitize import MAX_WORD_CHARS
from voicecoach.types.events import DigitsShown, Ended, Event, Utterance, Word
from voicecoach.types.stream import Block, Speaker
from voicecoach.views import event_log, exports
from voicecoach.views.conversation import conversation
from voicecoach.views.snapshot import Snapshot
from voicecoach.views.summary import Summarizer

SAID = "so it is 555 123 4567 on the wall"
REPLAYED: Any = pytest.param(lambda s: ReplayAsr([s], SETTINGS, ENGLISH.numbers), id="replayed")
LIVE: Any = pytest.param(lambda s: LiveAsr(s, SETTINGS, ENGLISH.numbers), id="live")


def blocks(after_s: float) -> Iterable[Block]:
    """Return a call in which the customer speaks once, and is silent for a while after it."""
    speech = [silence(1), wavering(syllables(220, 4, 7)), silence(after_s)]
    return cut_blocks(stereo(silence(8 + after_s), np.concatenate(speech)), (8,))


def heard(
    make: Callable[[Script], ReplayAsr | LiveAsr], after_s: float, engine: Processor | None = None
) -> list[Event]:
    asr = make(Script(SAID, 7.0))
    events = list(run_engine(blocks(after_s), engine or make_engine(transcribe=True), asr))
    asr.close()
    return events


@pytest.mark.parametrize("make", [REPLAYED, LIVE])
@pytest.mark.parametrize("after_s", [4, 130])
def test_they_are_shown_after_the_words_and_before_the_end(make: Any, after_s: int) -> None:
    events = heard(make, after_s)
    (said,) = (e for e in events if isinstance(e, Utterance))
    assert said.text == "so it is 555 ### #### on the wall"
    shown = [e for e in events if isinstance(e, DigitsShown)]
    assert [(e.index, e.text) for e in shown] == [(4, "123"), (5, "4567")]
    assert isinstance(events[-1], Ended)
    assert sum(isinstance(e, Ended) for e in events) == 1
    assert [e.at for e in events] == sorted(e.at for e in events)
    assert (shown[0].at > 120 * 16000) is (after_s > 120)


def test_they_stand_wherever_the_words_do() -> None:
    events = heard(REPLAYED.values[0], 130)
    logged = io.BytesIO(event_log.encode_header(call="c", words=True, voicecoach="0"))
    logged.seek(0, io.SEEK_END)
    logged.writelines(map(event_log.encode_event, events))
    read = list(event_log.read_events(iter(logged.getvalue().splitlines(keepends=True))))
    assert [e for e in read if isinstance(e, DigitsShown)] == [
        e for e in events if isinstance(e, DigitsShown)
    ]
    (line,) = conversation(read)
    assert line.text == " ".join(word.text for word in line.words) == SAID
    summary, snapshot = Summarizer("c"), Snapshot()
    out = io.StringIO()
    with TerminalView(Console(file=out, width=200), "c", 140.0) as view:
        for event in read:
            summary.add_event(event)
            snapshot.add_event(event)
            view.on_event(event)
    assert [line.text for line in summary.finish().transcript] == [SAID]
    assert [line.text for line in snapshot.lines] == [SAID]
    assert "customer: 4567 (no card number)" in out.getvalue()
    for write in exports.EXPORT_FORMATS.values():
        made = write(read, "c")
        assert "###" not in made
    assert all(redact_words(e) is None for e in read if isinstance(e, DigitsShown | Word))


def test_a_call_as_heard_shows_them_again(tmp_path: Path) -> None:
    lines: list[bytes] = []
    recording = RecordingEngine(make_engine(transcribe=True), words=True, write=lines.append)
    events = heard(REPLAYED.values[0], 4, recording)
    (tmp_path / INPUTS_FILE).write_bytes(b"".join(lines))
    inputs = read_inputs(tmp_path / INPUTS_FILE)
    items = inputs.merge_with_blocks(blocks(4))
    assert list(run_engine(items, make_engine(transcribe=True), inputs)) == events


@pytest.mark.parametrize(
    ("index", "text"),
    [(4, "so it is 555 123 #### on the wall"), (10, None), (-1, None), (2**60, None)],
)
def test_words_that_there_are_not_change_nothing(index: int, text: str | None) -> None:
    hidden = "so it is 555 ### #### on the wall"
    shown = DigitsShown(at=0, speaker=Speaker.CUSTOMER, utterance=1, index=index, text="123")
    assert shown.apply(hidden) == (text or hidden)


@pytest.mark.parametrize(
    ("at", "text", "read"),
    [(7, "4567\u202e\x07" + "1" * 999, 1), (-1, "4567", 0), (2**60, "4567", 0)],
)
def test_recorded_digits_are_cleaned_and_checked(
    tmp_path: Path, at: int, text: str, read: int
) -> None:
    shown = DigitsShown(at=at, speaker=Speaker.CUSTOMER, utterance=1, index=4, text=text)
    line = msgspec.json.encode({"finished": True, "digits_shown": shown})
    (tmp_path / INPUTS_FILE).write_bytes(b'{"words":true}\n' + line + b"\n")
    items = read_inputs(tmp_path / INPUTS_FILE).poll(None)
    found = [item for item in items if isinstance(item, DigitsShown)]
    assert len(found) == read
    assert all(len(item.text) <= MAX_WORD_CHARS and item.text.isprintable() for item in found)

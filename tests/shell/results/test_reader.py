"""Event logs as disks leave them: a line that is damaged costs no more than itself."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import voicecoach as vc
from tests.journal.entries import call, folder
from voicecoach.commands import diff, export, journal, report, score
from voicecoach.errors import JournalError
from voicecoach.journal.entry import make_entry
from voicecoach.shell.live.call_sinks import FolderSink
from voicecoach.shell.results import reader, writer
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.results.writer import CARD_DAMAGED, CARD_JSON
from voicecoach.shell.runtime.feed import QuitProgram
from voicecoach.testing import make_tone
from voicecoach.testing.session import SessionWithoutDevices
from voicecoach.types.events import CueFeedback, SignalChanges
from voicecoach.types.stream import SAMPLE_RATE
from voicecoach.views import exports
from voicecoach.views import report as report_view

MARK = b'{"type":"cue_feedback","at_s":15.0,"id":"soften","start_s":1e23,"helpful":true}\n'
"""As a page once could send it."""


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """Write a call with signals, and with a mark that no reader takes as its fifth line."""
    made = folder(tmp_path / "call", events=[SignalChanges(at=0, values={}), *call()])
    lines = (made / EVENT_LOG).read_bytes().splitlines(keepends=True)
    (made / EVENT_LOG).write_bytes(b"".join([*lines[:4], MARK, *lines[4:]]))
    return made


COMMANDS: dict[str, Callable[[Path], object]] = {
    "score": lambda at: score.score(at),
    "report": lambda at: report.report(at),
    "export": lambda at: export.export([at], out=at.parent),
    "diff": lambda at: diff.diff([at], [write_rules(at.parent / "rules.toml")]),
    "journal add": lambda at: journal.add([at], file=at.parent / "journal.sqlite3"),
}


def write_rules(path: Path) -> Path:
    path.write_text("cue = []")
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_reads_the_rest_and_says_what_is_left_out(
    left: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    COMMANDS[command](left)
    said = capsys.readouterr().err
    note = f"note: {left / EVENT_LOG}: left out 1 line that cannot be read: line 5 (a "
    assert said.count(note) == 1, said


@pytest.mark.parametrize("command", ["report", "journal add"])
def test_a_torn_score_card_is_said_and_left_out(
    left: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tear_score_card(left)
    COMMANDS[command](left)
    (said,) = (line for line in capsys.readouterr().err.splitlines() if "not a score card" in line)
    assert said.startswith(f"note: {left / CARD_JSON}: not a score card: ")
    assert f"`voicecoach score {left}`" in said


def test_score_replaces_a_torn_score_card(left: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = tear_score_card(left)
    score.score(left)
    assert (left / CARD_JSON).read_bytes() == whole
    assert (left / CARD_DAMAGED).read_bytes() == whole[: len(whole) // 2]
    assert "not a score card" in capsys.readouterr().err
    score.score(left)
    assert "not a score card" not in capsys.readouterr().err


def tear_score_card(left: Path) -> bytes:
    """Make a score card and leave half of it; return the whole."""
    score.score(left)
    whole = (left / CARD_JSON).read_bytes()
    (left / CARD_JSON).write_bytes(whole[: len(whole) // 2])
    return whole


def test_a_program_is_warned(left: Path) -> None:
    with pytest.warns(UserWarning, match="left out 1 line that cannot be read: line 5"):
        assert vc.read_log(left) == [SignalChanges(at=0, values={}), *call()]


def give(events: Sequence[vc.Event], unused: type[vc.Event]) -> Iterator[vc.Event]:
    """Yield events, and check that those of a kind are not kept once the next is asked for."""
    holders = sys.getrefcount(events[0])
    for i in range(len(events)):
        yield events[i]
        if i and isinstance(events[i - 1], unused):
            holders_now = sys.getrefcount(events[i - 1])  # an assertion would hold it, too
            assert holders_now == holders, "it is kept"


@pytest.mark.parametrize("use", ["score", "journal add", "report", "export"])
def test_estimates_are_not_kept_in_memory(use: str) -> None:
    events = [make_tone(SAMPLE_RATE * i, 0.5, 0.9) for i in range(100)]
    log = give(events, vc.Tone)
    match use:
        case "score":
            assert writer.score_log("x", {}, log).call == "x"
        case "journal add":
            assert make_entry({}, log, started_at="2026-01-01").call.duration_s == 99.0
        case "report":
            assert report_view.make_report({}, log).duration_s == 99.0
        case _:
            assert len(exports.exported_events(log)) == 1


def test_a_damaged_header_is_one_line(left: Path) -> None:
    whole = (left / EVENT_LOG).read_bytes()
    for damaged in (b"", b"\0" * 100, b"x" + whole, whole.partition(b"\n")[2]):
        (left / EVENT_LOG).write_bytes(damaged)
        with pytest.raises(JournalError, match="not the event log of a call: ") as error:
            reader.CallLog(left)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("seed", range(20))
def test_damage_anywhere_costs_no_other_line(left: Path, seed: int) -> None:
    chance = random.Random(seed)
    lines = (left / EVENT_LOG).read_bytes().splitlines(keepends=True)
    hit = chance.randrange(1, len(lines) - 1)
    spot = chance.randrange(len(lines[hit]) - 1)
    spoilt = lines[hit][:spot] + b"\0" * chance.randrange(1, 20) + lines[hit][spot + 1 :]
    (left / EVENT_LOG).write_bytes(b"".join([*lines[:hit], spoilt, *lines[hit + 1 :]]))
    found = reader.read_results(left)
    expected = [SignalChanges(at=0, values={}), *call()]
    if hit != 4:
        del expected[hit - 1 if hit < 4 else hit - 2]
    assert found.events == expected


def test_an_event_that_no_reader_takes_is_said_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = SessionWithoutDevices(tmp_path, vc.Config())
    take = FolderSink.on_event
    strange = CueFeedback(at=0, id="x", start=10**27, helpful=True)
    given: list[CueFeedback] = []

    def take_more(sink: FolderSink, event: vc.Event) -> None:
        if event.at > SAMPLE_RATE and not given:
            given.append(strange)
            take(sink, strange)
        take(sink, event)

    monkeypatch.setattr(FolderSink, "on_event", take_more)
    (made,) = desk.then(desk.post_action_at(4.0, QuitProgram())).run().ended
    found = reader.read_results(made)
    assert found.damage_note == ""
    notices = [e.reason for e in found.events if isinstance(e, vc.Degraded) and e.stage == "log"]
    assert any(reason.startswith("an event was not written: a time in it") for reason in notices)

"""Logs of earlier schemas, as voicecoach wrote them then, are read as if it had written them now.

The logs are of 32 s of the sample call, replayed by the versions of commits e1a9726, 501041d and
5de8ba9, without most of their frames, estimates and partial words.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.shell.results.test_reader import COMMANDS
from voicecoach.errors import JournalError
from voicecoach.journal.entry import make_entry
from voicecoach.laboratory import comparison
from voicecoach.shell.results import reader, writer
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.types.events import (
    Account,
    CueOpened,
    Delivery,
    DialogueAct,
    Ended,
    Event,
    Reply,
    SignalChanges,
    Tone,
    Turn,
    event_type,
)
from voicecoach.types.stream import AGENT, CUSTOMER, SAMPLE_RATE, Speaker
from voicecoach.views import event_log, exports
from voicecoach.views.old_logs import MIGRATIONS, TurnExchanges
from voicecoach.views.report import make_report

LOGS = Path(__file__).parents[1] / "scripts" / "corpus" / "log"
OLD = ("schema-1", "schema-2-early", "schema-2")


def test_every_earlier_schema_has_migrations() -> None:
    assert sorted(MIGRATIONS) == list(range(1, event_log.LOG_SCHEMA))


@pytest.mark.parametrize("name", OLD)
def test_nothing_but_frames_is_lost(name: str) -> None:
    path = LOGS / f"{name}.jsonl"
    raw = Counter(json.loads(line)["type"] for line in path.read_bytes().splitlines())
    found = reader.read_results(path)
    assert found.damage_note == ""
    assert "schema" not in found.facts
    counts = Counter(map(event_type, found.events))
    made = counts.pop("account"), counts.pop("reply")
    assert made == (1, 1)
    del raw["header"], raw["prosody"]
    assert counts == raw
    last = found.events[-1]
    assert isinstance(last, Ended)
    assert last.end == 32 * SAMPLE_RATE


def test_what_was_called_usual_is_the_baseline() -> None:
    found = reader.read_results(LOGS / "schema-2.jsonl")
    assert found.facts["baseline_calls"] is None
    last = [e for e in found.events if isinstance(e, Delivery)][-1]
    assert last.baseline_rate_syl_s
    assert last.baseline_rate_syl_s > 4.0
    cue = next(e for e in found.events if isinstance(e, CueOpened) and e.id == "slow-down")
    assert "agent_baseline_rate_syl_s" in cue.evidence
    first = next(e for e in found.events if isinstance(e, SignalChanges))
    assert "agent_baseline_rate_syl_s" in first.values
    assert comparison.has_signal_trace(found.events)


@pytest.mark.parametrize("name", OLD[:2])
def test_the_voice_that_was_evidence_is_signals(name: str) -> None:
    tones = [e for e in reader.CallLog(LOGS / f"{name}.jsonl").read_events() if isinstance(e, Tone)]
    assert tones
    assert all(e.evidence == () and "level_db" in e.signals for e in tones)


def test_the_score_is_the_one_that_its_own_version_gave() -> None:
    log = reader.CallLog(LOGS / "schema-2.jsonl")
    scores = {
        t.id: t.score for t in writer.score_log("call", log.facts, log.read_events()).techniques
    }
    given = {"patience": 1.0, "positive-language": 0.75, "expectations": 0.0}
    assert scores == dict.fromkeys(scores) | given


@pytest.mark.parametrize("name", OLD)
def test_events_that_are_read_once_and_not_kept_give_the_same(name: str) -> None:
    log = reader.CallLog(LOGS / f"{name}.jsonl")
    events = list(log.read_events())
    for cut in (len(events), len(events) // 2):
        some = events[:cut]
        for write in exports.EXPORT_FORMATS.values():
            assert write(exports.exported_events(iter(some)), "x") == write(some, "x")
        assert make_report({}, iter(some)) == make_report({}, some)
        made = [make_entry({}, each, started_at="2026-01-01") for each in (iter(some), some)]
        assert made[0] == made[1]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", OLD)
def test_every_command_reads_them(
    tmp_path: Path, name: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "call"
    folder.mkdir()
    (folder / EVENT_LOG).write_bytes((LOGS / f"{name}.jsonl").read_bytes())
    if command == "diff" and name != "schema-2":
        with pytest.raises(JournalError, match="without the signals that rules need"):
            COMMANDS[command](folder)
    else:
        COMMANDS[command](folder)
    assert "cannot be read" not in capsys.readouterr().err


@pytest.mark.parametrize("schema", [0, 4, "3", True, 2.0, None])
def test_a_log_of_no_known_schema_is_refused(tmp_path: Path, schema: object) -> None:
    (tmp_path / EVENT_LOG).write_bytes(event_log.encode_header(schema=schema))
    said = "a newer voicecoach wrote it" if schema == 4 else "line 1: it has no schema"
    with pytest.raises(JournalError, match=said):
        reader.CallLog(tmp_path)


def test_accounts_and_replies_are_made_from_turns() -> None:
    def turn(speaker: Speaker, start: float, end: float) -> Turn:
        begun, until = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        return Turn(at=until, speaker=speaker, start=begun, end=until)

    question = DialogueAct(
        at=40 * SAMPLE_RATE, speaker=AGENT, start=0, end=33 * SAMPLE_RATE, kind="question", text="",
        instead="",
    )  # fmt: skip
    events: list[Event] = [
        turn(AGENT, 0, 3),  # before any account
        turn(CUSTOMER, 3, 8),
        turn(AGENT, 8, 9),  # listens
        turn(CUSTOMER, 9, 12),
        turn(AGENT, 12, 13),
        turn(CUSTOMER, 13, 13.5),  # a backchannel
        turn(AGENT, 14, 16),
        turn(CUSTOMER, 20, 25),
        turn(AGENT, 26, 33),
        turn(CUSTOMER, 34, 34.5),  # short, but an answer
        question,
    ]
    made = TurnExchanges()
    assert [other for event in events for other in made.add_event(event)] == []
    end = 50 * SAMPLE_RATE
    found = made.add_event(Ended(at=end, end=end))
    assert {event.at for event in found} == {end}
    spans = [(type(e), e.start / SAMPLE_RATE, e.end / SAMPLE_RATE) for e in found
             if isinstance(e, (Account, Reply))]  # fmt: skip
    assert spans == [
        (Account, 3, 12),
        (Reply, 12, 16),
        (Account, 20, 25),
        (Reply, 26, 33),
        (Account, 34, 34.5),
    ]
    assert made.finish() == []

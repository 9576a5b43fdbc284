"""The journal: what is kept of a call, from a folder, from a live session, by its commands."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from scripts.support.sound_server import SoundServer, missing
from tests.commands.test_command_line import home, recording, voicecoach
from tests.journal.entries import SECRET, STARTED, bytes_of, call, card, folder, made, path, scored
from tests.shell.live.test_live_call import Live
from voicecoach.commands.app import app
from voicecoach.config import Config, override_config, parse_config
from voicecoach.errors import ConfigError, JournalError, VoiceCoachError
from voicecoach.journal.entry import (
    JOURNAL_TABLES,
    TABLES_FROM_CALL,
    CallRow,
    CueRow,
    FeedbackRow,
    HeldBackRow,
    NoteRow,
    OutcomeRow,
    QuoteRow,
    ScoreRow,
    SurveyRow,
    make_entry,
)
from voicecoach.shell.journal import fill
from voicecoach.shell.journal.keep import JournalWriter
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.results import reader, writer
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.types.events import CueClosed, CueOpened, Utterance
from voicecoach.types.stream import SAMPLE_RATE
from voicecoach.views.scorecard import Survey

__all__ = ["home", "path", "recording"]


# --- what is kept -----------------------------------------------------------------------------


def test_a_call_becomes_rows() -> None:
    found = made()
    assert (found.call.name, found.call.started_at) == ("one", STARTED)
    assert (found.call.duration_s, found.call.complete, found.call.words) == (60.0, True, True)
    assert (found.call.agent_speech_s, found.call.customer_speech_s) == (3.0, 5.0)
    assert (found.call.agitation_peak, found.call.agitation_peak_s) == (0.75, 12.0)
    assert (found.call.style, found.call.assertiveness) == ("accommodating", 0.25)
    id = found.call.id
    assert found.rows["cues"] == [
        CueRow(
            call=id,
            cue="soften",
            title="Soften",
            opened_s=13.0,
            closed_s=16.0,
            closed_because="behaviour stopped",
            priority=2,
            held_s=0.5,
            evidence='{"words_s":2.5}',
            message="",
        )
    ]
    assert found.rows["held_back"] == [
        HeldBackRow(call=id, cue="slow-down", at_s=17.0, reason="min_gap")
    ]
    assert found.rows["feedback"] == [
        FeedbackRow(call=id, cue="soften", opened_s=13.0, at_s=15.0, helpful=False)
    ]
    (outcome,) = found.rows["outcomes"]
    assert isinstance(outcome, OutcomeRow)
    assert (outcome.at_s, outcome.heeded, outcome.agitation_after) == (13.0, True, 0.25)
    assert [row.score for row in found.rows["scores"] if isinstance(row, ScoreRow)] == [0.5, None]
    assert not found.rows["quotes"]


def test_nothing_that_was_said_is_kept_but_where_it_is_asked_for(path: Path) -> None:
    assert SECRET not in repr(made())
    with JournalStore(path, create=True) as journal:
        journal.add_call(made())
        assert SECRET.encode() not in bytes_of(path)
        journal.add_call(made(words=True))
        assert SECRET in journal.select_rows(CueRow)[0].message
        assert json.loads(journal.select_rows(CueRow)[0].evidence)["phrase"] == SECRET
        quotes = journal.select_rows(QuoteRow)
        assert [(quote.missed, quote.text) for quote in quotes] == [(False, SECRET), (True, SECRET)]


def test_there_is_no_transcript_no_composite_and_nobody_to_rank() -> None:
    columns = {name for row in JOURNAL_TABLES.values() for name in row.__struct_fields__}
    assert not columns & {"transcript", "calmness", "agent", "agent_name", "user", "person"}
    assert not {name for name in columns if "calm" in name}


def test_the_same_call_is_the_same_row_whatever_was_made_of_it() -> None:
    facts = {"call": "one", "words": False}
    bare = [event for event in call() if not isinstance(event, (Utterance, CueOpened, CueClosed))]
    assert make_entry(facts, bare, started_at="2027-01-01T00:00:00Z").call.id == made().call.id
    longer = make_entry(facts, call(61.0), started_at=STARTED)
    assert longer.call.id != made().call.id != made("two").call.id


def test_a_live_call_that_was_cut_off_is_the_same_when_it_has_its_end() -> None:
    facts = {"call": "2026-03-02_10-30-00", "started_at": "2026-03-02T09:30:00+00:00"}
    cut, whole = (make_entry(facts, each, started_at=STARTED).call for each in (call()[:6], call()))
    assert cut.id == whole.id
    assert (cut.complete, cut.duration_s) == (False, 15.0)
    assert (whole.complete, whole.duration_s) == (True, 60.0)


def test_a_call_comes_back_as_it_was_put_in(path: Path) -> None:
    whole = made(words=True)
    with JournalStore(path, create=True) as journal:
        assert not journal.add_call(whole)
    with JournalStore(path) as journal:
        assert journal.select_rows(CallRow) == [whole.call]
        for table in TABLES_FROM_CALL:
            assert journal.select_rows(JOURNAL_TABLES[table]) == whole.rows[table], table


def test_added_again_it_is_replaced_and_what_people_added_stays(path: Path) -> None:
    with JournalStore(path, create=True) as journal:
        journal.add_call(made(words=True))
        id = made().call.id
        survey = SurveyRow(call=id, csat=4, nps=None, ces=None, notes="well")
        journal.save_survey(id, Survey(csat=4, notes="well"))
        journal.save_note(NoteRow(call=id, noted_at=STARTED, text="again"))
        assert journal.add_call(made())
        assert journal.select_rows(CallRow) == [made().call]
        assert len(journal.select_rows(CueRow)) == 1
        assert not journal.select_rows(QuoteRow)
        assert journal.select_rows(SurveyRow) == [survey]
        assert [note.text for note in journal.select_rows(NoteRow)] == ["again"]
        journal.save_survey(id, Survey(nps=0))
        assert journal.select_rows(SurveyRow) == [msgspec.structs.replace(survey, nps=0)]


def test_only_its_owner_can_read_it(path: Path) -> None:
    with JournalStore(path, create=True) as journal:
        journal.add_call(made())
        files = list(path.parent.iterdir())
        assert {file.name for file in files} >= {"journal.sqlite3", "journal.sqlite3-wal"}
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_call_is_found_by_its_id_or_name_or_how_they_begin(path: Path) -> None:
    with JournalStore(path, create=True) as journal:
        for name in ("one", "one more", "% of _"):
            journal.add_call(made(name))
        ids = {row.name: row.id for row in journal.select_rows(CallRow)}
        assert journal.find_call("one").name == "one"
        assert journal.find_call("one m").name == "one more"
        assert journal.find_call("%").name == "% of _"
        for name, id in ids.items():
            assert journal.find_call(id).name == journal.find_call(id[:9]).name == name
        for text, complaint in (("on", "2 calls match"), ("_", "no such"), ("", "calls match")):
            with pytest.raises(JournalError, match=complaint):
                journal.find_call(text)


def test_sound_is_kept_only_when_asked_and_goes_with_its_call(path: Path, tmp_path: Path) -> None:
    left = folder(tmp_path / "call")
    with JournalStore(path, create=True) as journal:
        with pytest.raises(JournalError, match=r"call\.flac: the call's audio was not kept"):
            fill.add_call_folder(journal, left, audio=True)
        assert not journal.select_rows(CallRow), "all or nothing"
        (left / "call.flac").write_bytes(b"fLaC" + SECRET.encode())
        id = fill.add_call_folder(journal, left).call.id
        assert journal.audio_file(id) is None
        assert fill.add_call_folder(journal, left, audio=True).again
        kept = journal.audio_file(id)
        assert kept
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert kept.read_bytes() == (left / "call.flac").read_bytes()
        journal.delete_call(id)
        assert not kept.exists()
    assert (left / "call.flac").exists()


def test_deleting_a_call_deletes_no_file_of_anybody_else(path: Path, tmp_path: Path) -> None:
    """Neither recordings beside the journal, nor those of another journal, nor behind a link."""
    left = folder(tmp_path / "call")
    (left / "call.flac").write_bytes(b"fLaC")
    other = path.with_name("other.sqlite3")
    foreign = [path.parent / name for name in ("audio/mine.flac", "mine.flac")]
    with JournalStore(path, create=True) as journal, JournalStore(other, create=True) as theirs:
        id = fill.add_call_folder(journal, left, audio=True).call.id
        fill.add_call_folder(theirs, left, audio=True)
        kept, their_own = journal.audio_file(id), theirs.audio_file(id)
        assert kept
        assert their_own
        assert kept != their_own
        foreign += [kept.with_name("mine.flac"), kept.with_name(f"{id}.wav")]
        for file in foreign:
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"fLaC")
        assert journal.purge_before("9999") == 1
        assert not kept.exists()
        assert their_own.exists()
    assert all(file.exists() for file in foreign)


def test_a_link_in_place_of_the_audio_folder_is_not_followed(path: Path, tmp_path: Path) -> None:
    left = folder(tmp_path / "call")
    (left / "call.flac").write_bytes(b"fLaC")
    with JournalStore(path, create=True) as journal:
        kept = journal.audio_file(fill.add_call_folder(journal, left, audio=True).call.id)
        assert kept
        moved = kept.parent.rename(tmp_path / "elsewhere")
        kept.parent.symlink_to(moved)
        with pytest.raises(JournalError, match="it is a link; move it away"):
            fill.add_call_folder(journal, left, audio=True)
        journal.delete_call(kept.stem)
    assert (moved / kept.name).exists()


# --- from a folder ----------------------------------------------------------------------------


def test_what_a_call_left_is_added(path: Path, tmp_path: Path) -> None:
    left = folder(tmp_path / "two", live=True, started_at="2026-03-02T10:30:00+01:00")
    asked = msgspec.structs.replace(card(), survey=Survey(csat=5))
    (left / writer.CARD_JSON).write_bytes(msgspec.json.encode(asked))
    with JournalStore(path, create=True) as journal:
        added = fill.add_call_folder(journal, left)
        assert (added.again, added.call.started_at, added.call.live) == (False, STARTED, True)
        assert [row.technique for row in journal.select_rows(ScoreRow)] == ["listening", "patience"]
        assert [survey.csat for survey in journal.select_rows(SurveyRow)] == [5]
        # A recording's log says nothing of when, but its file does, or the person.
        other = folder(tmp_path / "three")
        os.utime(other / EVENT_LOG, (0, 86_400))
        assert fill.add_call_folder(journal, other).call.started_at == "1970-01-02T00:00:00Z"
        moment = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
        assert fill.add_call_folder(journal, other, started=moment) == (
            msgspec.structs.replace(fill.add_call_folder(journal, other).call, started_at=STARTED),
            True,
            [],
        )


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda at: (at / EVENT_LOG).unlink(), "cannot read an event log"),
        (lambda at: (at / EVENT_LOG).write_bytes(b"{}\n"), "not the event log of a call"),
        (
            lambda at: scored(at, techniques=card().techniques * 2),
            "invalid values, nothing was saved",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_and_changes_nothing(
    path: Path, tmp_path: Path, spoil: Callable[[Path], object], complaint: str
) -> None:
    left = folder(tmp_path / "call")
    with JournalStore(path, create=True) as journal:
        fill.add_call_folder(journal, left)
        before = journal.select_rows(CallRow)
        spoil(left)
        with pytest.raises(JournalError, match=complaint) as error:
            fill.add_call_folder(journal, left)
        assert "\n" not in str(error.value)
        assert journal.select_rows(CallRow) == before


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        (lambda at: (at / writer.CARD_JSON).write_bytes(b""), "not a score card"),
        (lambda at: (at / writer.CARD_JSON).write_bytes(b"{}"), "not a score card"),
        (lambda at: (at / writer.CARD_JSON).mkdir(), "cannot read it"),
        (lambda at: scored(at, survey=Survey(csat=6)), "added without its survey: csat: 6 is not"),
    ],
)
def test_a_score_card_that_cannot_be_used_is_said_and_the_call_added(
    path: Path, tmp_path: Path, spoil: Callable[[Path], object], note: str
) -> None:
    left = folder(tmp_path / "call")
    spoil(left)
    with JournalStore(path, create=True) as journal:
        added = fill.add_call_folder(journal, left)
        assert len(journal.select_rows(CallRow)) == 1
        assert journal.select_rows(SurveyRow) == []
    (said,) = added.notes
    assert note in said
    assert "\n" not in said


def test_a_time_that_is_none_is_refused(path: Path, tmp_path: Path) -> None:
    left = folder(tmp_path / "call", started_at="yesterday")
    with (
        JournalStore(path, create=True) as journal,
        pytest.raises(JournalError, match="when the call"),
    ):
        fill.add_call_folder(journal, left)


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"csat": 0}, "csat: 0 is not on the scale; give a whole number from 1 to 5"),
        ({"nps": 11}, "nps: 11 is not on the scale; give a whole number from 0 to 10"),
        ({"ces": 8}, "ces: 8"),
        ({"csat": True}, "csat: True"),
        ({"csat": "5"}, "csat: '5'"),
        ({"csat": 4.5}, "csat: 4.5"),
        ({"agent": "Jo"}, "cannot use agent; write csat"),
        ({"notes": 3}, "cannot use notes; write"),
        ({}, "no survey answer given"),
        ([], "not a file of survey answers"),
    ],
)
def test_an_answer_is_on_its_scale(tmp_path: Path, answers: object, complaint: str) -> None:
    file = tmp_path / "survey.json"
    file.write_text(json.dumps(answers), "utf-8")
    with pytest.raises(ConfigError, match=complaint):
        fill.read_survey(None, None, None, "", file)


def test_answers_come_from_options_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "survey.json"
    file.write_text('{"csat": 1, "nps": 0, "ces": null, "notes": "n"}', "utf-8")
    assert fill.read_survey(5, None, None, "", file) == Survey(5, 0, None, "n")
    with pytest.raises(ConfigError, match="cannot read it"):
        fill.read_survey(None, None, None, "", tmp_path / "none")


# --- live -------------------------------------------------------------------------------------


def journaled(path: Path) -> Config:
    """Return a configuration with a journal of its own."""
    return override_config(Config(), "journal.file", str(path))


def test_a_call_that_ends_is_in_the_journal_and_an_old_one_leaves_it(
    path: Path, tmp_path: Path
) -> None:
    with JournalStore(path, create=True) as journal:
        journal.add_call(made("old"))
    said: list[str] = []
    books = JournalWriter(journaled(path), said.append)
    assert books.purge_expired() == "journal: 1 call older than 90 days deleted"
    assert books.purge_expired() == ""
    for name in ("first", "second"):
        books.on_results(folder(tmp_path / name, started_at=datetime.now(UTC).isoformat()))
    books.close()
    assert not said
    with JournalStore(path) as journal:
        assert [row.name for row in journal.select_rows(CallRow)] == ["first", "second"]
        assert not journal.select_rows(QuoteRow)
    kept = override_config(journaled(path), "journal.keep_days", 0)
    assert JournalWriter(kept, said.append).purge_expired() == ""


def test_a_journal_that_cannot_be_used_is_said_in_a_line(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"nonsense " * 1000)
    left = folder(tmp_path / "call")
    problems: list[str] = []
    books = JournalWriter(journaled(path), problems.append)
    assert books.purge_expired().startswith("journal: cannot delete calls older than 90 days: ")
    books.on_results(left)
    books.close()
    (said,) = problems
    assert said.startswith(f"not in the journal: {left}: {path}: ")
    assert "\n" not in said


@pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}")
@pytest.mark.parametrize("usable", [True, False])
def test_a_live_call_goes_into_the_journal_or_goes_on_without(
    path: Path, tmp_path: Path, usable: bool
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[journal]\nfile = '{path}'\n", "utf-8")
    path.parent.mkdir()
    if not usable:
        path.write_bytes(b"nonsense " * 1000)
    with (
        SoundServer(SAMPLE_RATE) as server,
        Live(server, tmp_path / "live", "--config", str(config)) as live,
    ):
        live.wait(lambda event: event["type"] == "listening")
        said = live.end()
        left = live.folder
    assert (left / "summary.md").is_file()
    assert ("not in the journal" in said) is not usable
    if usable:
        with JournalStore(path) as journal:
            (found,) = journal.select_rows(CallRow)
        assert (found.name, found.live, found.complete) == (left.name, True, True)
        facts = reader.read_results(left).facts
        assert fill.utc_text(datetime.fromisoformat(facts["started_at"])) == found.started_at


def test_no_journal_is_made_where_none_is_wanted() -> None:
    assert Config().journal.enabled
    assert Config().journal.keep_days == 90
    assert not Config().journal.words
    assert not parse_config("[journal]\nenabled = false", "x").journal.enabled


# --- the command ------------------------------------------------------------------------------


def test_the_command_line_of_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")

    def journal(*arguments: object, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["journal", *map(str, arguments)])
        if isinstance(done.exception, VoiceCoachError):
            assert code == 2, done.exception
            return str(done.exception)
        assert done.exit_code == code, done.output
        return done.output

    assert "no journal yet" in journal("list", code=2)
    left = folder(tmp_path / "one [red]call[red]")
    (left / writer.CARD_JSON).write_bytes(msgspec.json.encode(card()))
    said = journal("add", left, tmp_path / "none", code=2)
    assert "added as c" in said
    assert "cannot read an event log there" in said
    assert "replaced as c" in journal("add", left, "--date", "2026-03-02T09:30:00")
    journal("add-survey", "one", "--csat", 4)
    journal("note", "one", "\x1b[2J[bold]clear")
    listed = journal("list")
    for shown in ("2026-03-02 09:30", "one [red]call[red]", "1:00", "0.75", "csat 4"):
        assert shown in listed
    shown = journal("show", "one")
    for part in ("Soften", "Listening", "1 of 2 = 0.50", "wrong", "-0.50", "[bold]clear"):
        assert part in shown
    assert "\x1b[2J" not in shown
    assert SECRET not in shown
    assert "held back: slow-down, min_gap" in shown
    journal("add", left, "--words")
    assert f"listening, missed: 0:05 customer: {SECRET}" in journal("show", "one")
    file = tmp_path / "notes.csv"
    journal("export", "--format", "csv", "--table", "notes", file)
    assert "[bold]clear" in file.read_text("utf-8")
    assert "nps: 11 is not on the scale" in journal("add-survey", "one", "--nps", 11, code=2)
    assert journal("purge", "--older-than", "36500d") == "0 calls deleted\n"
    assert "deleted" in journal("delete", "one", "--yes")
    assert "no such call" in journal("show", "one", code=2)
    assert "Strongest associations" in journal("trends", tmp_path)
    assert (tmp_path / "trends.html").read_bytes().startswith(b"<!doctype html>")
    data = tmp_path / "home" / "voicecoach" / "journal"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_a_replayed_call_goes_into_the_journal_when_it_is_asked_to(
    home: Path, recording: Path
) -> None:
    def replayed(*options: str) -> subprocess.CompletedProcess[str]:
        given = "replay", recording, "--no-transcribe", "--out", home / "out", *options
        return voicecoach(*given, home=home, XDG_DATA_HOME=str(home / "data"))

    assert replayed().returncode == 0
    path = home / "data" / "voicecoach" / "journal" / "journal.sqlite3"
    assert not path.exists()
    assert replayed("--journal").returncode == 0
    with JournalStore(path) as journal:
        (found,) = journal.select_rows(CallRow)
        assert (found.name, found.live, found.duration_s) == ("Gespräch 1", False, 12.032)
        # By hand it is the same call.
        assert fill.add_call_folder(journal, home / "out" / found.name).again
    path.write_bytes(b"nonsense " * 1000)
    done = replayed("--journal")
    assert done.returncode == 2
    assert "not in the journal" in done.stderr
    assert (home / "out" / "Gespräch 1" / "summary.md").is_file(), "the call is not lost"

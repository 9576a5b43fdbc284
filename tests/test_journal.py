"""The journal: what is kept of a call, whatever happens to the program, the file or the disk."""

from __future__ import annotations

import csv
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from scripts import journal_pictures
from scripts.sound_server import SoundServer, missing
from tests.entries import SECRET, STARTED, call, card, made
from tests.test_cli import home, recording, voicecoach
from tests.test_live import Live
from voicecoach import eventlog
from voicecoach.__main__ import app
from voicecoach.config import Config, override, parse
from voicecoach.errors import ConfigError, JournalError, OutputError, VoiceCoachError
from voicecoach.journal.entry import (
    FOUND,
    TABLES,
    CallRow,
    CueRow,
    FeedbackRow,
    HeldBackRow,
    NoteRow,
    OutcomeRow,
    QuoteRow,
    ScoreRow,
    SurveyRow,
    entry,
)
from voicecoach.scorecard import Survey
from voicecoach.shell import results, tally
from voicecoach.shell.journal import fill, schema
from voicecoach.shell.journal.export import export
from voicecoach.shell.journal.keep import Bookkeeper
from voicecoach.shell.journal.store import Journal
from voicecoach.shell.replay import EVENTS
from voicecoach.types import (
    SAMPLE_RATE,
    CueClosed,
    CueOpened,
    Event,
    Utterance,
)

__all__ = ["home", "recording"]
V1 = Path(__file__).parent / "journals" / "v1.sql"


def folder(at: Path, *, events: list[Event] | None = None, **facts: object) -> Path:
    """Write what a call leaves."""
    at.mkdir(parents=True)
    head = eventlog.header(**{"call": at.name, "words": True, **facts})
    lines = [eventlog.line(event) for event in (call() if events is None else events)]
    (at / EVENTS).write_bytes(b"".join([head, *lines]))
    return at


def scored(at: Path, **changes: object) -> None:
    """Write a score card that is different in something."""
    changed = msgspec.structs.replace(card(), **changes)
    (at / tally.CARD_JSON).write_bytes(msgspec.json.encode(changed))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "journal.sqlite3"


def bytes_of(path: Path) -> bytes:
    """Return all that is in the journal's folder."""
    return b"".join(file.read_bytes() for file in path.parent.rglob("*") if file.is_file())


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
    with Journal(path, create=True) as journal:
        journal.add(made())
        assert SECRET.encode() not in bytes_of(path)
        journal.add(made(words=True))
        assert SECRET in journal.select(CueRow)[0].message
        assert json.loads(journal.select(CueRow)[0].evidence)["phrase"] == SECRET
        quotes = journal.select(QuoteRow)
        assert [(quote.missed, quote.text) for quote in quotes] == [(False, SECRET), (True, SECRET)]


def test_there_is_no_transcript_no_composite_and_nobody_to_rank() -> None:
    columns = {name for row in TABLES.values() for name in row.__struct_fields__}
    assert not columns & {"transcript", "calmness", "agent", "agent_name", "user", "person"}
    assert not {name for name in columns if "calm" in name}


def test_the_same_call_is_the_same_row_whatever_was_made_of_it() -> None:
    facts = {"call": "one", "words": False}
    bare = [event for event in call() if not isinstance(event, (Utterance, CueOpened, CueClosed))]
    assert entry(facts, bare, started_at="2027-01-01T00:00:00Z").call.id == made().call.id
    longer = entry(facts, call(61.0), started_at=STARTED)
    assert longer.call.id != made().call.id != made("two").call.id


def test_a_live_call_that_was_cut_off_is_the_same_when_it_has_its_end() -> None:
    facts = {"call": "2026-03-02_10-30-00", "started_at": "2026-03-02T09:30:00+00:00"}
    cut, whole = (entry(facts, each, started_at=STARTED).call for each in (call()[:6], call()))
    assert cut.id == whole.id
    assert (cut.complete, cut.duration_s) == (False, 15.0)
    assert (whole.complete, whole.duration_s) == (True, 60.0)


def test_a_call_comes_back_as_it_was_put_in(path: Path) -> None:
    whole = made(words=True)
    with Journal(path, create=True) as journal:
        assert not journal.add(whole)
    with Journal(path) as journal:
        assert journal.select(CallRow) == [whole.call]
        for table in FOUND:
            assert journal.select(TABLES[table]) == whole.rows[table], table


def test_added_again_it_is_replaced_and_what_people_added_stays(path: Path) -> None:
    with Journal(path, create=True) as journal:
        journal.add(made(words=True))
        id = made().call.id
        survey = SurveyRow(call=id, csat=4, nps=None, ces=None, notes="well")
        journal.survey(id, Survey(csat=4, notes="well"))
        journal.note(NoteRow(call=id, noted_at=STARTED, text="again"))
        assert journal.add(made())
        assert journal.select(CallRow) == [made().call]
        assert len(journal.select(CueRow)) == 1
        assert not journal.select(QuoteRow)
        assert journal.select(SurveyRow) == [survey]
        assert [note.text for note in journal.select(NoteRow)] == ["again"]
        journal.survey(id, Survey(nps=0))
        assert journal.select(SurveyRow) == [msgspec.structs.replace(survey, nps=0)]


def test_only_its_owner_can_read_it(path: Path) -> None:
    with Journal(path, create=True) as journal:
        journal.add(made())
        files = list(path.parent.iterdir())
        assert {file.name for file in files} >= {"journal.sqlite3", "journal.sqlite3-wal"}
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_call_is_found_by_its_id_or_name_or_how_they_begin(path: Path) -> None:
    with Journal(path, create=True) as journal:
        for name in ("one", "one more", "% of _"):
            journal.add(made(name))
        ids = {row.name: row.id for row in journal.select(CallRow)}
        assert journal.find("one").name == "one"
        assert journal.find("one m").name == "one more"
        assert journal.find("%").name == "% of _"
        for name, id in ids.items():
            assert journal.find(id).name == journal.find(id[:9]).name == name
        for text, complaint in (("on", "2 such calls"), ("_", "no such"), ("", "such call")):
            with pytest.raises(JournalError, match=complaint):
                journal.find(text)


def test_sound_is_kept_only_when_asked_and_goes_with_its_call(path: Path, tmp_path: Path) -> None:
    left = folder(tmp_path / "call")
    with Journal(path, create=True) as journal:
        with pytest.raises(JournalError, match=r"call\.flac: there is no sound of the call"):
            fill.add(journal, left, audio=True)
        assert not journal.select(CallRow), "all or nothing"
        (left / "call.flac").write_bytes(b"fLaC" + SECRET.encode())
        id = fill.add(journal, left).call.id
        assert journal.audio(id) is None
        assert fill.add(journal, left, audio=True).again
        kept = journal.audio(id)
        assert kept
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert kept.read_bytes() == (left / "call.flac").read_bytes()
        journal.delete(id)
        assert not kept.exists()
    assert (left / "call.flac").exists()


# --- from a folder ----------------------------------------------------------------------------


def test_what_a_call_left_is_added(path: Path, tmp_path: Path) -> None:
    left = folder(tmp_path / "two", live=True, started_at="2026-03-02T10:30:00+01:00")
    asked = msgspec.structs.replace(card(), survey=Survey(csat=5))
    (left / tally.CARD_JSON).write_bytes(msgspec.json.encode(asked))
    with Journal(path, create=True) as journal:
        added = fill.add(journal, left)
        assert (added.again, added.call.started_at, added.call.live) == (False, STARTED, True)
        assert [row.technique for row in journal.select(ScoreRow)] == ["listening", "patience"]
        assert [survey.csat for survey in journal.select(SurveyRow)] == [5]
        # A recording's log says nothing of when, but its file does, or the person.
        other = folder(tmp_path / "three")
        os.utime(other / EVENTS, (0, 86_400))
        assert fill.add(journal, other).call.started_at == "1970-01-02T00:00:00Z"
        moment = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
        assert fill.add(journal, other, started=moment) == (
            msgspec.structs.replace(fill.add(journal, other).call, started_at=STARTED),
            True,
        )


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda at: (at / EVENTS).unlink(), "no event log can be read"),
        (lambda at: (at / EVENTS).write_bytes(b"{}\n"), "no event log of a call"),
        (lambda at: (at / tally.CARD_JSON).write_bytes(b"{}"), "no score card"),
        (lambda at: (at / tally.CARD_JSON).mkdir(), "cannot be read"),
        (lambda at: scored(at, survey=Survey(csat=6)), "no score card: csat: 6 is no answer"),
        (
            lambda at: scored(at, techniques=card().techniques * 2),
            "that cannot be, nothing is kept",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_and_changes_nothing(
    path: Path, tmp_path: Path, spoil: Callable[[Path], object], complaint: str
) -> None:
    left = folder(tmp_path / "call")
    with Journal(path, create=True) as journal:
        fill.add(journal, left)
        before = journal.select(CallRow)
        spoil(left)
        with pytest.raises(JournalError, match=complaint) as error:
            fill.add(journal, left)
        assert "\n" not in str(error.value)
        assert journal.select(CallRow) == before


def test_a_time_that_is_none_is_refused(path: Path, tmp_path: Path) -> None:
    left = folder(tmp_path / "call", started_at="yesterday")
    with Journal(path, create=True) as journal, pytest.raises(JournalError, match="when the call"):
        fill.add(journal, left)


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"csat": 0}, "csat: 0 is no answer: a whole number, 1 to 5"),
        ({"nps": 11}, "nps: 11 is no answer: a whole number, 0 to 10"),
        ({"ces": 8}, "ces: 8"),
        ({"csat": True}, "csat: True"),
        ({"csat": "5"}, "csat: '5'"),
        ({"csat": 4.5}, "csat: 4.5"),
        ({"agent": "Jo"}, "agent: it may have csat"),
        ({"notes": 3}, "notes: it may have"),
        ({}, "there is no answer"),
        ([], "no answers of a survey"),
    ],
)
def test_an_answer_is_on_its_scale(tmp_path: Path, answers: object, complaint: str) -> None:
    file = tmp_path / "survey.json"
    file.write_text(json.dumps(answers), "utf-8")
    with pytest.raises(ConfigError, match=complaint):
        fill.survey(None, None, None, "", file)


def test_answers_come_from_options_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "survey.json"
    file.write_text('{"csat": 1, "nps": 0, "ces": null, "notes": "n"}', "utf-8")
    assert fill.survey(5, None, None, "", file) == Survey(5, 0, None, "n")
    with pytest.raises(ConfigError, match="cannot be read"):
        fill.survey(None, None, None, "", tmp_path / "none")


# --- schema -----------------------------------------------------------------------------------


def test_the_columns_are_the_fields(path: Path) -> None:
    Journal(path, create=True).__exit__(None, None, None)
    with closing(sqlite3.connect(path)) as db:
        tables = {
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
        assert tables == set(TABLES)
        for table, row in TABLES.items():
            columns = [column[1] for column in db.execute(f"PRAGMA table_info({table})")]
            assert sorted(columns) == sorted(row.__struct_fields__), table


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_journal_of_an_older_version_is_brought_up_to_date(path: Path, version: int) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        for statement in (s for m in schema.MIGRATIONS[:version] for s in m):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION}")
        db.execute(f"PRAGMA user_version = {version}")
    with Journal(path) as journal:
        journal.add(made(words=True))
        assert journal.select(CallRow) == [made().call]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


def test_a_stored_journal_of_the_first_version_keeps_all_it_has(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(V1.read_text("utf-8"))
        before = {
            table: db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
            for table in TABLES
        }
    with Journal(path) as journal:
        (found,) = journal.select(CallRow)
        assert (found.name, found.started_at) == ("auto_repairs_40", "2026-03-02T09:30:00Z")
        assert (found.style, found.assertiveness) == ("", None)
        assert [cue.cue for cue in journal.select(CueRow)] == ["set-expectations", "slow-down"]
        assert "as soon as possible" in journal.select(CueRow)[0].message
        assert [(row.csat, row.nps, row.ces) for row in journal.select(SurveyRow)] == [(4, 9, None)]
        assert journal.select(NoteRow)[0].text.startswith("Listen to 1:51 again")
        assert journal.select(FeedbackRow)[0].helpful
    with closing(sqlite3.connect(path)) as db:
        for table, rows in before.items():
            after = db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
            assert [row[: len(old)] for row, old in zip(after, rows, strict=True)] == rows


def test_a_journal_of_a_newer_version_is_refused_and_untouched(path: Path) -> None:
    Journal(path, create=True).__exit__(None, None, None)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(JournalError, match="a newer voicecoach made this journal .* update"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_the_journal_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(path, create=True) as journal:
        journal.add(made())
    worse = (*schema.MIGRATIONS, ("DROP TABLE cues", "DROP TABLE nowhere"))
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", worse)
        patched.setattr(schema, "VERSION", len(worse))
        with pytest.raises(JournalError, match="no such table: nowhere"):
            Journal(path)
    with Journal(path) as journal:
        assert len(journal.select(CueRow)) == 1


# --- whatever happens -------------------------------------------------------------------------

ADD = """
import sys
from pathlib import Path
from tests.entries import made
from voicecoach.shell.journal.store import Journal
path, who, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    with Journal(path, create=True) as journal:
        journal.add(made(f"{who} {number}"))
        journal.add(made("both", words=True))
    print(number, flush=True)
"""


def adding(path: Path, who: str, count: int, code: str = ADD) -> subprocess.Popen[str]:
    """Start a process that adds calls when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), who, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def whole(path: Path) -> list[str]:
    """Return the names of the calls, each of which must be all there."""
    with Journal(path) as journal:
        calls = journal.select(CallRow)
        for each in calls:
            expected = made(each.name, words=each.name == "both")
            assert each == expected.call
            for table in FOUND:
                found = journal.select(TABLES[table], "call = ?", (each.id,))
                assert found == expected.rows[table], (each.name, table)
    return [each.name for each in calls]


def test_two_processes_add_at_once(path: Path) -> None:
    count = 15
    both = [adding(path, who, count) for who in ("a", "b")]
    for process in both:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:
        _, trouble = process.communicate(timeout=120)
        assert process.returncode == 0, trouble
    expected = {f"{who} {number}" for who in "ab" for number in range(count)} | {"both"}
    names = whole(path)
    assert len(names) == len(expected)
    assert set(names) == expected


KILLED = """
import os, signal
from voicecoach.shell.journal import store
insert, done = store.Journal._insert, []
def _insert(self, table, rows, more=""):
    insert(self, table, rows, more)
    done.append(table)
    if done.count("calls") == 3 and table == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
store.Journal._insert = _insert
"""


@pytest.mark.parametrize("table", ["calls", "cues", "quotes"])
def test_killed_in_the_middle_of_a_call_it_has_the_calls_before(path: Path, table: str) -> None:
    process = adding(path, table, 5, ADD.replace("path, who", KILLED + "path, who"))
    process.communicate("\n", timeout=60)
    assert process.returncode == -9
    assert whole(path) == [f"{table} 0", "both"]
    with Journal(path) as journal:
        journal.add(made("after"))
    assert whole(path) == [f"{table} 0", "both", "after"]


def test_killed_at_any_moment_it_is_whole(path: Path) -> None:
    process = adding(path, "a", 10_000)
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    while process.stdout.readline() != "5\n":
        pass
    process.kill()
    process.communicate()
    assert {f"a {number}" for number in range(6)} <= set(whole(path))


def scribbled(path: Path) -> None:
    """Make nonsense of the middle of a journal."""
    with Journal(path, create=True) as journal:
        for number in range(20):
            journal.add(made(str(number)))
    data = bytearray(path.read_bytes())
    data[8192:40960] = os.urandom(40960 - 8192)
    path.write_bytes(data)


def another(path: Path) -> None:
    """Make a database of something else."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: path.write_bytes(b"not a database, " * 300), "no journal, or it is damaged"),
        (scribbled, "no journal, or it is damaged: .* move it away"),
        (another, "a database of something else"),
    ],
)
def test_a_file_that_is_none_or_damaged_is_untouched(
    path: Path, spoil: Callable[[Path], object], complaint: str
) -> None:
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes()
    for create in (False, True):
        with pytest.raises(JournalError, match=complaint) as error:
            Journal(path, create=create)
        assert "\n" not in str(error.value)
        assert str(path) in str(error.value)
        assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_journal_that_is_not_there_is_not_made_by_looking(path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal; `voicecoach journal add"):
        Journal(path)
    assert not path.parent.exists()


def test_a_place_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(JournalError, match="file: the journal cannot be kept"):
        Journal(tmp_path / "file" / "journal.sqlite3", create=True)


FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = Path(sys.argv[1]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30_000, size + 30_000))
"""


def test_a_full_disk_costs_only_what_did_not_fit(path: Path) -> None:
    with Journal(path, create=True) as journal:
        journal.add(made("before"))
    code = ADD.replace('print("ready"', FULL + 'print("ready"')
    process = adding(path, "a", 10_000, code)
    _, said = process.communicate("\n", timeout=120)
    assert process.returncode == 1
    assert "JournalError" in said.splitlines()[-1]
    assert "the journal cannot be used now" in said.splitlines()[-1]
    assert whole(path)[0] == "before"


@contextmanager
def nobody() -> Iterator[Path]:
    """Be somebody whom a folder's mode binds, and give a folder of theirs."""
    with tempfile.TemporaryDirectory() as given:
        own = os.geteuid() == 0
        if own:
            os.chown(given, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(given)
        finally:
            if own:
                os.seteuid(0)


def test_a_journal_that_may_not_be_written_says_so() -> None:
    with nobody() as place:
        path = place / "journal.sqlite3"
        with Journal(path, create=True) as journal:
            journal.add(made())
        path.chmod(0o400)
        place.chmod(0o500)
        before = path.read_bytes()
        try:
            with pytest.raises(JournalError, match="Permission denied|readonly"):
                Journal(path, create=True)
        finally:
            place.chmod(0o700)
        assert path.read_bytes() == before


# --- deletion ---------------------------------------------------------------------------------


def test_what_is_deleted_is_gone_from_the_files(path: Path) -> None:
    with Journal(path, create=True) as journal:
        for number in range(10):
            journal.add(made(f"other {number}"))
        journal.add(made(f"call of {SECRET}", words=True))
        id = journal.find("call of").id
        journal.survey(id, Survey(notes=f"survey: {SECRET}"))
        journal.note(NoteRow(call=id, noted_at=STARTED, text=f"note: {SECRET}"))
        assert SECRET.encode() in bytes_of(path)
        journal.delete(id)
        for trace in (SECRET, id):
            assert trace.encode() not in bytes_of(path)
        assert len(journal.select(CallRow)) == 10
        assert not [
            row for kind in TABLES.values() for row in journal.select(kind) if id in str(row)
        ]
    assert len(whole(path)) == 10


def test_a_reader_holds_up_the_erasing_and_it_is_said(path: Path) -> None:
    with Journal(path, create=True) as journal:
        journal.add(made(words=True))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM quotes").fetchall()
        with Journal(path, busy_s=0.1) as journal:
            with pytest.raises(JournalError, match="traces may be left; end that program"):
                journal.delete(made().call.id)
            assert not journal.select(CallRow), "it is deleted all the same"
            reader.execute("COMMIT")
            journal.erase()
            assert SECRET.encode() not in bytes_of(path)


def test_calls_leave_it_when_they_are_old(path: Path) -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    with Journal(path, create=True) as journal:
        for days in (0, 89, 91, 400):
            started_at = fill.utc(now - timedelta(days=days))
            journal.add(made(f"{days} days", started_at=started_at, words=True))
        journal.survey(journal.find("91").id, Survey(csat=1))
        assert fill.purge(journal, 90, now) == 2
        assert [row.name for row in journal.select(CallRow)] == ["0 days", "89 days"]
        assert b"400 days" not in bytes_of(path)
        assert not journal.select(SurveyRow)
        assert fill.purge(journal, 90, now) == 0


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "90h", "9.5", "٣d", "99999999d", "1e3"])
def test_a_span_is_whole_days(text: str) -> None:
    with pytest.raises(ConfigError, match="write it in days, as 90d"):
        fill.days(text)
    assert fill.days("90d") == fill.days("90") == 90


# --- export -----------------------------------------------------------------------------------

NASTY = [
    '=HYPERLINK("http://evil.example","click")',
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "'quoted",
    "＝1",
    'a "b", c;\nd\r\ne',
    "null",
    "Grüße 😀 \u202e",
    "",
]


def nasty(path: Path) -> list[NoteRow]:
    """Fill a journal with calls whose texts are odd; return the notes."""
    with Journal(path, create=True) as journal:
        journal.add(made("=cmd|' /C calc'!A0", words=True))
        journal.add(made("two"))
        id = journal.find("two").id
        journal.survey(id, Survey(nps=0))
        for text in NASTY:
            journal.note(NoteRow(call=id, noted_at=STARTED, text=text))
        return journal.select(NoteRow)


def unsafe(text: str) -> str:
    """Take off the apostrophe that the documentation tells of."""
    return text.removeprefix("'")


def test_csv_comes_back_by_its_readers_and_nothing_in_it_is_a_formula(
    path: Path, tmp_path: Path
) -> None:
    import duckdb
    import pandas as pd

    notes = nasty(path)
    with Journal(path) as journal:
        calls = journal.select(CallRow)
        files = export(journal, "csv", tmp_path / "out")
    assert [file.stem for file in files] == list(TABLES)
    for file in files:
        with file.open(newline="", encoding="utf-8") as text:
            for cell in (cell for row in csv.reader(text) for cell in row):
                number = cell.lstrip("-").replace(".", "").isdecimal()
                assert number or cell.lstrip(" ")[:1] not in tuple("=+-@\t\r\n＝"), cell
    with (tmp_path / "out" / "notes.csv").open(newline="", encoding="utf-8") as text:
        found = [row["text"] for row in csv.DictReader(text)]
    assert [unsafe(cell) for cell in found] == NASTY
    frame = pd.read_csv(tmp_path / "out" / "notes.csv", keep_default_na=False)
    assert [unsafe(cell) for cell in frame["text"]] == NASTY
    assert list(frame["call"]) == [note.call for note in notes]
    frame = pd.read_csv(tmp_path / "out" / "calls.csv")
    assert list(frame["agitation_peak"]) == [each.agitation_peak for each in calls]
    assert list(frame["complete"]) == [1, 1]
    answers = duckdb.read_csv(f"{tmp_path}/out/surveys.csv")
    assert answers.aggregate("count(*), min(nps), max(csat)").fetchall() == [(1, 0, None)]


def test_json_comes_back(path: Path, tmp_path: Path) -> None:
    notes = nasty(path)
    with Journal(path) as journal:
        export(journal, "json", tmp_path / "all.json")
        export(journal, "json", tmp_path / "notes.json", "notes")
        calls = journal.select(CallRow)
    told = json.loads((tmp_path / "all.json").read_text("utf-8"))
    assert told["schema"] == schema.VERSION
    assert list(told["tables"]) == list(TABLES)
    assert msgspec.convert(told["tables"]["calls"], list[CallRow]) == calls
    alone = json.loads((tmp_path / "notes.json").read_text("utf-8"))
    assert msgspec.convert(alone, list[NoteRow]) == notes


def test_parquet_comes_back_by_its_readers(path: Path, tmp_path: Path) -> None:
    import duckdb
    import pandas as pd
    from pyarrow import parquet

    notes = nasty(path)
    with Journal(path) as journal:
        rows = {table: journal.select(kind) for table, kind in TABLES.items()}
        for file in export(journal, "parquet", tmp_path / "out"):
            found = parquet.read_table(file).to_pylist()
            for row in found:
                for name in ("started_at", "noted_at"):
                    if name in row:
                        row[name] = fill.utc(row[name])
            kind = TABLES[file.stem]
            assert [msgspec.convert(row, kind) for row in found] == rows[file.stem]
    frame = pd.read_parquet(tmp_path / "out" / "notes.parquet")
    assert list(frame["text"]) == [note.text for note in notes]
    calls = duckdb.read_parquet(f"{tmp_path}/out/calls.parquet")
    told = duckdb.read_parquet(f"{tmp_path}/out/notes.parquet")
    query = "count(DISTINCT id), max(started_at AT TIME ZONE 'UTC')"
    assert calls.join(told, "id = call").aggregate(query).fetchall() == [
        (1, datetime(2026, 3, 2, 9, 30))
    ]
    # Where nothing is known it has its type all the same.
    answers = duckdb.read_parquet(f"{tmp_path}/out/surveys.parquet")
    types = dict(zip(answers.columns, map(str, answers.types), strict=True))
    assert (types["csat"], types["notes"]) == ("BIGINT", "VARCHAR")


def test_an_export_that_cannot_be_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nasty(path)
    (tmp_path / "file").write_text("kept")
    with Journal(path) as journal:
        with pytest.raises(ConfigError, match="there is no such table; there are calls, cues"):
            export(journal, "csv", tmp_path / "out", "agents")
        with pytest.raises(OutputError, match="cannot be written"):
            export(journal, "csv", tmp_path / "file")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ConfigError, match=r"pip install 'voicecoach\[archive\]'"):
            export(journal, "parquet", tmp_path / "out")
    assert (tmp_path / "file").read_text() == "kept"
    assert not (tmp_path / "out").exists()


# --- what the documentation says --------------------------------------------------------------

DOCS = Path(__file__).parents[1] / "docs" / "journal.md"


def blocks(language: str) -> list[str]:
    """Return the queries of the documentation."""
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)


def test_the_documentation_has_each_table_and_column() -> None:
    rows = {}
    for line in DOCS.read_text("utf-8").splitlines():
        if found := re.match(r"\| `(\w+)` \| .* \| (.*) \|$", line):
            rows[found[1]] = re.findall(r"`(\w+)`", found[2].partition("; see")[0])
    expected = {name: list(row.__struct_fields__) for name, row in TABLES.items()}
    assert rows == expected
    assert f"Its schema is version {schema.VERSION} " in DOCS.read_text("utf-8")
    assert f"older than {Config().journal.keep_days} days" in DOCS.read_text("utf-8")


def test_the_queries_of_the_documentation_answer(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    with Journal(path, create=True) as journal:
        journal_pictures.fill(journal)
        export(journal, "parquet", tmp_path / "out")
    with closing(sqlite3.connect(path)) as db:
        for query in blocks("sql"):
            assert len(db.execute(query).fetchall()) >= 5, query
    monkeypatch.chdir(tmp_path)
    for query in blocks("duckdb"):
        assert len(duckdb.execute(query).fetchall()) >= 4, query


# --- live -------------------------------------------------------------------------------------


def journaled(path: Path) -> Config:
    """Return a configuration with a journal of its own."""
    return override(Config(), "journal.file", str(path))


def test_a_call_that_ends_is_in_the_journal_and_an_old_one_leaves_it(
    path: Path, tmp_path: Path
) -> None:
    with Journal(path, create=True) as journal:
        journal.add(made("old"))
    with Bookkeeper(journaled(path)) as books:
        assert books.purge() == "journal: 1 call older than 90 days deleted"
        assert books.purge() == ""
        for name in ("first", "second"):
            books.add(folder(tmp_path / name, started_at=datetime.now(UTC).isoformat()))
    assert not books.said
    with Journal(path) as journal:
        assert [row.name for row in journal.select(CallRow)] == ["first", "second"]
        assert not journal.select(QuoteRow)
    kept = override(journaled(path), "journal.keep_days", 0)
    with Bookkeeper(kept) as books:
        assert books.purge() == ""


def test_a_journal_that_cannot_be_used_is_said_in_a_line(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"nonsense " * 1000)
    left = folder(tmp_path / "call")
    with Bookkeeper(journaled(path)) as books:
        assert books.purge().startswith("journal: calls older than 90 days stay for now: ")
        books.add(left)
    (said,) = books.said
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
        with Journal(path) as journal:
            (found,) = journal.select(CallRow)
        assert (found.name, found.live, found.complete) == (left.name, True, True)
        facts = results.read(left).facts
        assert fill.utc(datetime.fromisoformat(facts["started_at"])) == found.started_at


def test_no_journal_is_made_where_none_is_wanted() -> None:
    assert Config().journal.enabled
    assert Config().journal.keep_days == 90
    assert not Config().journal.words
    assert not parse("[journal]\nenabled = false", "x").journal.enabled


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

    assert "there is no journal" in journal("list", code=2)
    left = folder(tmp_path / "one [red]call[red]")
    (left / tally.CARD_JSON).write_bytes(msgspec.json.encode(card()))
    said = journal("add", left, tmp_path / "none", code=2)
    assert "added as c" in said
    assert "no event log can be read there" in said
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
    assert "nps: 11 is no answer" in journal("add-survey", "one", "--nps", 11, code=2)
    assert journal("purge", "--older-than", "36500d") == "0 calls deleted\n"
    assert "deleted" in journal("delete", "one", "--yes")
    assert "no such call" in journal("show", "one", code=2)
    assert "Associations" in journal("trends", tmp_path)
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
    with Journal(path) as journal:
        (found,) = journal.select(CallRow)
        assert (found.name, found.live, found.duration_s) == ("Gespräch 1", False, 12.032)
        # By hand it is the same call.
        assert fill.add(journal, home / "out" / found.name).again
    path.write_bytes(b"nonsense " * 1000)
    done = replayed("--journal")
    assert done.returncode == 2
    assert "not in the journal" in done.stderr
    assert (home / "out" / "Gespräch 1" / "summary.md").is_file(), "the call is not lost"

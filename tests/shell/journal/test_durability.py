"""The journal, whatever happens to the program, the file or the disk; what is deleted is gone."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.commands.test_command_line import home, recording
from tests.journal.entries import SECRET, STARTED, bytes_of, made, path
from voicecoach.config import Config, JournalConfig
from voicecoach.errors import ConfigError, JournalError
from voicecoach.journal.entry import (
    JOURNAL_TABLES,
    TABLES_FROM_CALL,
    CallRow,
    CueRow,
    FeedbackRow,
    JournalRow,
    NoteRow,
    SurveyRow,
)
from voicecoach.shell.journal import fill, schema
from voicecoach.shell.journal.keep import JournalWriter
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.journal.weeks import journal_trends
from voicecoach.views.columns import struct_columns
from voicecoach.views.scorecard import Survey

__all__ = ["home", "path", "recording"]
V1 = Path(__file__).parent / "journals" / "v1.sql"


SQL_TYPES = {"string": "TEXT", "float64": "REAL", "int64": "INTEGER", "bool": "INTEGER"}


# --- schema -----------------------------------------------------------------------------------


def test_the_columns_are_the_fields(path: Path) -> None:
    JournalStore(path, create=True).__exit__(None, None, None)
    with closing(sqlite3.connect(path)) as db:
        tables = {
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
        assert tables == set(JOURNAL_TABLES)
        for table, row in JOURNAL_TABLES.items():
            stored = {
                name: (kind, not not_null)
                for _, name, kind, not_null, *_ in db.execute(f"PRAGMA table_info({table})")
            }
            columns = struct_columns(row)
            assert stored == {c.name: (SQL_TYPES[c.kind], c.nullable) for c in columns}, table


@pytest.mark.parametrize("version", range(1, schema.SCHEMA_VERSION))
def test_a_journal_of_an_older_version_is_brought_up_to_date(path: Path, version: int) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        for statement in (s for m in schema.MIGRATIONS[:version] for s in m):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {version}")
    with JournalStore(path) as journal:
        journal.add_call(made(words=True))
        assert journal.select_rows(CallRow) == [made().call]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)


def test_a_stored_journal_of_the_first_version_keeps_all_it_has(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(V1.read_text("utf-8"))
        before = {
            table: db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
            for table in JOURNAL_TABLES
        }
    with JournalStore(path) as journal:
        (found,) = journal.select_rows(CallRow)
        assert (found.name, found.started_at) == ("auto_repairs_40", "2026-03-02T09:30:00Z")
        assert (found.style, found.assertiveness) == ("", None)
        assert [cue.cue for cue in journal.select_rows(CueRow)] == ["set-expectations", "slow-down"]
        assert "as soon as possible" in journal.select_rows(CueRow)[0].message
        assert [(row.csat, row.nps, row.ces) for row in journal.select_rows(SurveyRow)] == [
            (4, 9, None)
        ]
        assert journal.select_rows(NoteRow)[0].text.startswith("Listen to 1:51 again")
        assert journal.select_rows(FeedbackRow)[0].helpful
    with closing(sqlite3.connect(path)) as db:
        for table, rows in before.items():
            after = db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
            assert [row[: len(old)] for row, old in zip(after, rows, strict=True)] == rows


def test_a_journal_of_a_newer_version_is_refused_and_untouched(path: Path) -> None:
    JournalStore(path, create=True).__exit__(None, None, None)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(JournalError, match="a newer voicecoach made this journal .* update"):
        JournalStore(path)
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_the_journal_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with JournalStore(path, create=True) as journal:
        journal.add_call(made())
    worse = (*schema.MIGRATIONS, ("DROP TABLE cues", "DROP TABLE nowhere"))
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", worse)
        patched.setattr(schema, "SCHEMA_VERSION", len(worse))
        with pytest.raises(JournalError, match="no such table: nowhere"):
            JournalStore(path)
    with JournalStore(path) as journal:
        assert len(journal.select_rows(CueRow)) == 1


# --- whatever happens -------------------------------------------------------------------------

ADD = """
import sys
from pathlib import Path
from tests.journal.entries import made
from voicecoach.shell.journal.keep import JournalWriter
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.journal.weeks import journal_trends
path, who, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    with JournalStore(path, create=True) as journal:
        journal.add_call(made(f"{who} {number}"))
        journal.add_call(made("both", words=True))
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
    with JournalStore(path) as journal:
        calls = journal.select_rows(CallRow)
        for each in calls:
            expected = made(each.name, words=each.name == "both")
            assert each == expected.call
            for table in TABLES_FROM_CALL:
                found = journal.select_rows(JOURNAL_TABLES[table], "call = ?", (each.id,))
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
insert, done = store.JournalStore._insert, []
def _insert(self, table, rows, more=""):
    insert(self, table, rows, more)
    done.append(table)
    if done.count("calls") == 3 and table == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
store.JournalStore._insert = _insert
"""


@pytest.mark.parametrize("table", ["calls", "cues", "quotes"])
def test_killed_in_the_middle_of_a_call_it_has_the_calls_before(path: Path, table: str) -> None:
    process = adding(path, table, 5, ADD.replace("path, who", KILLED + "path, who"))
    process.communicate("\n", timeout=60)
    assert process.returncode == -9
    assert whole(path) == [f"{table} 0", "both"]
    with JournalStore(path) as journal:
        journal.add_call(made("after"))
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
    with JournalStore(path, create=True) as journal:
        for number in range(20):
            journal.add_call(made(str(number)))
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
        (
            lambda path: path.write_bytes(b"not a database, " * 300),
            "not a journal, or a damaged one",
        ),
        (scribbled, "not a journal, or a damaged one: .* move the file away"),
        (another, "a database of another program"),
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
            JournalStore(path, create=create)
        assert "\n" not in str(error.value)
        assert str(path) in str(error.value)
        assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_damage_anywhere_is_said_in_a_line(path: Path) -> None:
    """Reading, purging and deleting: what is in a row may be anything by then."""
    with JournalStore(path, create=True) as journal:
        journal.add_call(made(words=True))
    whole, said = path.read_bytes(), 0
    for seed in range(40):
        spoilt, dice = bytearray(whole), random.Random(seed)
        for _ in range(50):
            spoilt[dice.randrange(100, len(whole))] = dice.randrange(256)
        path.write_bytes(spoilt)
        try:
            with JournalStore(path) as journal:
                journal_trends(journal)
                journal.delete_call(journal.call_overviews()[0].call.id)
        except (JournalError, IndexError) as e:
            said += "\n" not in str(e)
    assert 20 < said <= 40


@pytest.mark.parametrize(
    ("what", "kind"), [("calls SET started_at", CallRow), ("notes SET noted_at", NoteRow)]
)
def test_a_bad_date_is_said_in_a_line(path: Path, what: str, kind: type[JournalRow]) -> None:
    with JournalStore(path, create=True) as journal:
        journal.add_call(made())
        note = NoteRow(call=made().call.id, noted_at="2026-01-01T00:00:00+00:00", text="x")
        journal.save_note(note)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"UPDATE {what} = 'yesterday'")
    with JournalStore(path) as journal, pytest.raises(JournalError, match="a call in it is damag"):
        journal.select_rows(kind)


def test_a_purge_that_fails_in_any_way_does_not_stop_a_session(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with JournalStore(path, create=True) as journal:
        journal.add_call(made())

    def fail(*_: object) -> int:
        raise RuntimeError("secret words")

    monkeypatch.setattr(fill, "purge_older_calls", fail)
    settings = Config(journal=JournalConfig(file=str(path)))
    news = JournalWriter(settings, print).purge_expired()
    assert news.startswith("journal: cannot delete calls older than 90 days: RuntimeError")
    assert "secret" not in news


def test_a_journal_that_is_not_there_is_not_made_by_looking(path: Path) -> None:
    with pytest.raises(
        JournalError, match="no journal yet; create it with `voicecoach journal add"
    ):
        JournalStore(path)
    assert not path.parent.exists()


def test_a_place_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(JournalError, match="file: cannot write the journal"):
        JournalStore(tmp_path / "file" / "journal.sqlite3", create=True)


FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = Path(sys.argv[1]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30_000, size + 30_000))
"""


def test_a_full_disk_costs_only_what_did_not_fit(path: Path) -> None:
    with JournalStore(path, create=True) as journal:
        journal.add_call(made("before"))
    code = ADD.replace('print("ready"', FULL + 'print("ready"')
    process = adding(path, "a", 10_000, code)
    _, said = process.communicate("\n", timeout=120)
    assert process.returncode == 1
    assert "JournalError" in said.splitlines()[-1]
    assert "cannot use the journal now" in said.splitlines()[-1]
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
        with JournalStore(path, create=True) as journal:
            journal.add_call(made())
        path.chmod(0o400)
        place.chmod(0o500)
        before = path.read_bytes()
        try:
            with pytest.raises(JournalError, match="Permission denied|readonly"):
                JournalStore(path, create=True)
        finally:
            place.chmod(0o700)
        assert path.read_bytes() == before


# --- deletion ---------------------------------------------------------------------------------


def test_what_is_deleted_is_gone_from_the_files(path: Path) -> None:
    with JournalStore(path, create=True) as journal:
        for number in range(10):
            journal.add_call(made(f"other {number}"))
        journal.add_call(made(f"call of {SECRET}", words=True))
        id = journal.find_call("call of").id
        journal.save_survey(id, Survey(notes=f"survey: {SECRET}"))
        journal.save_note(NoteRow(call=id, noted_at=STARTED, text=f"note: {SECRET}"))
        assert SECRET.encode() in bytes_of(path)
        journal.delete_call(id)
        for trace in (SECRET, id):
            assert trace.encode() not in bytes_of(path)
        assert len(journal.select_rows(CallRow)) == 10
        assert not [
            row
            for kind in JOURNAL_TABLES.values()
            for row in journal.select_rows(kind)
            if id in str(row)
        ]
    assert len(whole(path)) == 10


def test_a_reader_holds_up_the_erasing_and_it_is_said(path: Path) -> None:
    with JournalStore(path, create=True) as journal:
        journal.add_call(made(words=True))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM quotes").fetchall()
        with JournalStore(path, busy_s=0.1) as journal:
            with pytest.raises(JournalError, match="traces may be left; end that program"):
                journal.delete_call(made().call.id)
            assert not journal.select_rows(CallRow), "it is deleted all the same"
            reader.execute("COMMIT")
            journal.erase_traces()
            assert SECRET.encode() not in bytes_of(path)


def test_calls_leave_it_when_they_are_old(path: Path) -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    with JournalStore(path, create=True) as journal:
        for days in (0, 89, 91, 400):
            started_at = fill.utc_text(now - timedelta(days=days))
            journal.add_call(made(f"{days} days", started_at=started_at, words=True))
        journal.save_survey(journal.find_call("91").id, Survey(csat=1))
        assert fill.purge_older_calls(journal, 90, now) == 2
        assert [row.name for row in journal.select_rows(CallRow)] == ["0 days", "89 days"]
        assert b"400 days" not in bytes_of(path)
        assert not journal.select_rows(SurveyRow)
        assert fill.purge_older_calls(journal, 90, now) == 0


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "90h", "9.5", "٣d", "99999999d", "1e3"])
def test_a_span_is_whole_days(text: str) -> None:
    with pytest.raises(ConfigError, match="write it in days, such as 90d"):
        fill.parse_days(text)
    assert fill.parse_days("90d") == fill.parse_days("90") == 90

"""The journal, whatever happens to the program, the file or the disk; what is deleted is gone."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.commands.test_command_line import home, recording
from tests.journal.entries import SECRET, STARTED, bytes_of, folder, made, path
from voicecoach.commands import journal as commands
from voicecoach.config import Config, JournalConfig
from voicecoach.errors import ConfigError, JournalError
from voicecoach.journal.entry import (
    JOURNAL_TABLES,
    TABLES_FROM_CALL,
    CallRow,
    CueRow,
    FeedbackRow,
    NoteRow,
    SurveyRow,
)
from voicecoach.shell.journal import fill, schema
from voicecoach.shell.journal.keep import JournalWriter, add_to_journal
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


SPOILT = {
    "a date": "started_at = 'yesterday'",
    "a date of no calendar": "started_at = '9999-12-31T23:59:59Z'",
    "a number": "duration_s = 1e300",
    "infinity": "agitation_peak = 9e999",
    "another kind": "complete = 'x'",
}
"""What may be wrong with a call's row."""


@pytest.fixture
def spoilt(path: Path) -> Path:
    """Make a journal of three calls with notes."""
    with JournalStore(path, create=True) as journal:
        for name in ("one", "two", "three"):
            call = made(name, words=True)
            journal.add_call(call)
            journal.save_note(NoteRow(call=call.call.id, noted_at=STARTED, text="x"))
    return path


def spoil(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA ignore_check_constraints = ON")
        with suppress(sqlite3.IntegrityError):  # a kind that the table refuses
            other.execute(statement)


@pytest.mark.parametrize("what", SPOILT)
def test_a_damaged_call_costs_no_other_and_can_be_deleted(spoilt: Path, what: str) -> None:
    if what == "another kind":
        writable_schema(spoilt)
    spoil(spoilt, f"UPDATE calls SET {SPOILT[what]} WHERE name = 'two'")
    with JournalStore(spoilt) as journal:
        assert [call.call.name for call in journal.call_overviews()] == ["one", "three"]
        assert "left out what is damaged: 1 row of calls; delete" in journal.damage_note
        assert "'#2'" in journal.damage_note
        settings = Config(journal=JournalConfig(file=str(spoilt), keep_days=36_500))
        assert "1 row of calls" in JournalWriter(settings, print).purge_expired()
        journal_trends(journal)
        with pytest.raises(JournalError, match="#3: no such damaged call"):
            journal.delete_damaged_call(3)
        journal.delete_damaged_call(2)
        assert len(journal.call_overviews()) == 2
        assert journal.damage_note == ""
        assert len(journal.select_rows(NoteRow)) == 2
        assert made("two").call.id.encode() not in bytes_of(spoilt)


def test_the_command_line_says_what_is_damaged_and_deletes_it(
    spoilt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(spoilt, "UPDATE calls SET started_at = 'yesterday' WHERE name = 'two'")
    commands.list_calls(file=spoilt)
    said = capsys.readouterr().err
    assert said == (
        f"note: {spoilt}: left out what is damaged: 1 row of calls; delete a damaged call with "
        "`voicecoach journal delete` and '#2'\n"
    )
    commands.delete("#2", yes=True, file=spoilt)
    assert capsys.readouterr().err == "#2: deleted from the journal\n"
    commands.list_calls(file=spoilt)
    assert capsys.readouterr().err == ""


def writable_schema(path: Path) -> None:
    """Take the kinds of values from the table of calls."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA writable_schema = ON")
        other.execute("UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '')")


def test_a_damaged_note_costs_nothing_else(spoilt: Path) -> None:
    spoil(spoilt, "UPDATE notes SET noted_at = 'yesterday' WHERE rowid = 2")
    with JournalStore(spoilt) as journal:
        assert len(journal.call_overviews()) == 3
        assert len(journal.select_rows(NoteRow)) == 2
        assert journal.damage_note.endswith("left out what is damaged: 1 row of notes")


def test_bytes_that_are_no_text_are_shown_as_such(spoilt: Path) -> None:
    spoil(spoilt, "UPDATE calls SET notice = CAST(x'61ff62' AS TEXT) WHERE name = 'two'")
    with JournalStore(spoilt) as journal:
        assert [call.notice for call in journal.select_rows(CallRow)][1] == "a\ufffdb"


def test_a_damaged_file_is_read_as_far_as_it_can_be(path: Path) -> None:
    """Nothing is written to one whose structure is damaged."""
    with JournalStore(path, create=True) as journal:
        for number in range(40):
            journal.add_call(made(str(number), words=True))
    whole, listed, refused = path.read_bytes(), 0, []
    for seed in range(60):
        damaged, dice = bytearray(whole), random.Random(seed)
        for _ in range(5):
            damaged[dice.randrange(100, len(whole))] = dice.randrange(256)
        path.write_bytes(damaged)
        with suppress(JournalError), JournalStore(path) as journal:  # too little may be left
            listed += len(journal.call_overviews())
            journal_trends(journal)
            for kind in JOURNAL_TABLES.values():
                journal.select_rows(kind)
            if journal.why_read_only:
                assert "it is damaged: " in journal.damage_note
                refused.append(seed)
                journal.delete_call("x")
            refused.append(-1)
        assert path.read_bytes() == damaged
    assert listed > 0.6 * 60 * 40
    assert len(refused) - refused.count(-1) > 5


KILLED_WITH_AUDIO = """
import os, sys
from pathlib import Path
from tests.journal.entries import made
from voicecoach.shell.journal import store
journal = store.JournalStore(Path(sys.argv[1]), create=True)
copy = journal._copy_audio
journal._copy_audio = lambda *given: copy(*given) and os._exit(9)
journal.add_call(made("one"), Path(sys.argv[2]))
"""


def test_audio_of_an_add_that_was_killed_does_not_stay(path: Path, tmp_path: Path) -> None:
    sound = tmp_path / "call.flac"
    sound.write_bytes(b"sound")
    code = [sys.executable, "-c", KILLED_WITH_AUDIO, str(path), str(sound)]
    assert subprocess.run(code, check=False).returncode == 9
    (left,) = path.with_name(f"{path.name}.audio").iterdir()
    assert left.read_bytes() == b"sound"
    with JournalStore(path) as journal:
        journal.erase_traces()
        assert left.exists(), "another program may be writing it"
        os.utime(left, (0, 0))
        journal.erase_traces()
        assert not left.exists()
        journal.add_call(made("one"), sound)
        kept = journal.audio_file(made("one").call.id)
        assert kept
        assert list(kept.parent.iterdir()) == [kept]


@contextmanager
def tiny_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of 600 kB, where that is allowed."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill_disk(folder: Path) -> None:
    with (folder / "filling").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


LEAVES_A_LOG = """
import os, sys
from pathlib import Path
from tests.journal.entries import made
from voicecoach.shell.journal.store import JournalStore
JournalStore(Path(sys.argv[1])).add_call(made("two"))
os._exit(9)
"""


@pytest.mark.parametrize("spoil_disk", [fill_disk, make_read_only])
@pytest.mark.parametrize("killed", [False, True])
def test_a_full_or_read_only_disk_leaves_it_readable(
    tmp_path: Path, spoil_disk: Callable[[Path], None], *, killed: bool
) -> None:
    with tiny_disk(tmp_path / "disk") as disk:
        path = disk / "kept" / "journal.sqlite3"
        with JournalStore(path, create=True) as journal:
            journal.add_call(made("one"))
        if killed:  # it leaves a log of what was written
            subprocess.run([sys.executable, "-c", LEAVES_A_LOG, str(path)], check=False)
            assert path.with_name(f"{path.name}-wal").stat().st_size
        spoil_disk(disk)
        with JournalStore(path) as journal:
            names = [call.call.name for call in journal.call_overviews()]
            assert names == ["one", "two"][: 1 + killed]
            if journal.why_read_only:
                assert "only reading, it cannot be written now: " in journal.damage_note
                with pytest.raises(JournalError, match="nothing was changed, it cannot be written"):
                    journal.delete_call(made("one").call.id)
            assert journal_trends(journal)
        # A session goes on, with a line.
        settings = Config(journal=JournalConfig(file=str(path)))
        left = folder(tmp_path / "call")
        said = [add_to_journal(settings, left), JournalWriter(settings, print).purge_expired()]
        assert all("\n" not in line for line in said)
        if not killed or spoil_disk is make_read_only:  # else there is room where the log was
            assert said[0].startswith(f"not in the journal: {left}: {path}")
            assert said[1].startswith("journal: cannot delete calls older than 90 days: ")


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

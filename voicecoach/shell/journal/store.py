"""The journal's file: adds, finds and deletes calls.

One SQLite file, readable by its owner only, which two programs may use at once: a writer locks it
for moments (WAL, one transaction for each change, the other program waits).  A call is stored
wholly or not at all, even if a program is killed.

A row that is damaged costs no other: it is left out and counted, and a damaged call can be deleted
by the number of its row.  A file that is damaged, or cannot be written because the disk is full or
read-only, is read as far as it can be.

Deletion leaves no trace: the content is overwritten, the write-ahead log emptied, the file
compacted.  Copies elsewhere, such as backups or a file system that keeps versions, are not reached.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

import msgspec
import platformdirs

from voicecoach.errors import JournalError
from voicecoach.journal.entry import (
    JOURNAL_TABLES,
    TABLES_FROM_CALL,
    CallRow,
    JournalEntry,
    JournalRow,
    NoteRow,
    SurveyRow,
)
from voicecoach.shell.journal.schema import migrate, transaction
from voicecoach.shell.runtime.atomic_write import UNFINISHED
from voicecoach.views.event_log import MAX_NUMBER
from voicecoach.views.scorecard import Survey
from voicecoach.views.summary import count_text

BUSY_S = 10.0
AUDIO_FOLDER = ".audio"
"""End of the name of the folder beside the file, for the audio of calls added with it."""

UNFINISHED_S = 3600.0
"""Age of an unfinished copy of audio from which no program can still be writing it, seconds."""

_ID = re.compile(r"\w{1,64}", re.ASCII)
"""Form of a call's id; one that somebody wrote into the file may be anything."""

DISK_ERRNOS = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
DISK_CODES = (
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
)
"""Errors of a disk on which a journal may still be read."""
FIRST_YEAR, LAST_YEAR = 1970, 2200
"""A time outside these years is damaged."""

R = TypeVar("R", bound=JournalRow)


class _DamagedFile(sqlite3.DatabaseError):
    """The file's structure is damaged."""


class CallOverview(NamedTuple):
    """A call, and how much is stored for it."""

    call: CallRow
    cues: int
    scores: int
    """Number of techniques with a score."""
    notes: int
    survey: SurveyRow | None


def default_journal_path() -> Path:
    """Return the default path of the journal."""
    data = platformdirs.user_data_path("voicecoach", appauthor=False)
    return data / "journal" / "journal.sqlite3"


class JournalStore:
    """An open journal; a context manager.

    Parameters
    ----------
    path
        Its file.
    create
        Create it if it is missing, and refuse one that cannot be written, or is damaged; otherwise
        such a journal is opened for reading only.
    busy_s
        Seconds to wait for another program that writes.

    Raises
    ------
    JournalError
        If it cannot be used; from the constructor and from any method.
    """

    def __init__(self, path: Path, *, create: bool = False, busy_s: float = BUSY_S) -> None:
        self.path = path
        if not create and not path.is_file():
            raise JournalError(
                f"{path}: no journal yet; create it with `voicecoach journal add FOLDER`"
            )
        self.why_read_only = ""
        """Why nothing can be written, or ""."""
        self._is_damaged = False
        """Whether the file's structure is damaged."""
        self._damaged: dict[str, set[int]] = {}
        """Numbers of the damaged rows that were met, by table."""
        with self._translate_errors():
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                # SQLite gives its other files the mode of this one.
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
                self._connect(str(path), busy_s)
            except (OSError, sqlite3.DatabaseError) as e:
                if create or not self._open_to_read(e, busy_s):
                    raise

    def _connect(self, address: str, busy_s: float, *, exclusive: bool = False) -> None:
        """Open the file, a path or a URI, and check it; close it again if it cannot be used."""
        self._db = sqlite3.connect(
            address, timeout=busy_s, isolation_level=None, uri=address.startswith("file:")
        )
        try:
            self._db.text_factory = lambda text: text.decode("utf-8", "replace")
            if exclusive:  # works without the file of shared memory
                self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._prepare_database()
        except BaseException:
            self._db.close()
            raise

    def _prepare_database(self) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute("PRAGMA temp_store = MEMORY")
        if not self.why_read_only:
            found = [row[0] for row in self._db.execute("PRAGMA quick_check(1)")]
            if found != ["ok"]:
                raise _DamagedFile(" ".join(str(found[0]).split()))
        migrate(self._db, str(self.path))
        if self.why_read_only:
            self._db.execute("SELECT id FROM calls LIMIT 1").fetchall()
            return
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as e:
            # Another program has the file open; the next one to open it retries.
            if "locked" not in str(e):
                raise

    def _open_to_read(self, why: Exception, busy_s: float) -> bool:
        """Open a journal for reading that could not be opened for writing; return whether it is."""
        code = getattr(why, "sqlite_errorcode", 0) & 0xFF
        self._is_damaged = isinstance(why, _DamagedFile) or code == sqlite3.SQLITE_CORRUPT
        full = code in DISK_CODES or (isinstance(why, OSError) and why.errno in DISK_ERRNOS)
        if not (self._is_damaged or full):
            return False
        fault = "it is damaged" if self._is_damaged else "it cannot be written now"
        self.why_read_only = f"{fault}: {getattr(why, 'strerror', None) or why}"
        uri = self.path.absolute().as_uri()
        ways = [(f"{uri}?mode=ro", False), (str(self.path), True)]
        log = self.path.with_name(f"{self.path.name}-wal")
        if not log.exists() or not log.stat().st_size:
            ways.append((f"{uri}?immutable=1", False))
        for address, exclusive in ways:
            with suppress(sqlite3.DatabaseError):
                self._connect(address, busy_s, exclusive=exclusive)
                return True
        return False

    @property
    def damage_note(self) -> str:
        """What cannot be read or written of it, in one line, or ""."""
        notes = [f"only reading, {self.why_read_only}"] if self.why_read_only else []
        if self._damaged:
            rows = (f"{count_text(len(found), 'row')} of {t}" for t, found in self._damaged.items())
            notes.append(f"left out what is damaged: {', '.join(rows)}")
        if calls := self._damaged.get("calls"):
            numbers = ", ".join(f"'#{number}'" for number in sorted(calls)[:5])
            notes.append(f"delete a damaged call with `voicecoach journal delete` and {numbers}")
        return f"{self.path}: {'; '.join(notes)}" if notes else ""

    def __enter__(self) -> JournalStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._db.close()

    # --- calls ------------------------------------------------------------------------------

    def add_call(self, entry: JournalEntry, audio: Path | None = None) -> bool:
        """Add a call, replacing an earlier entry except its survey and notes.

        Parameters
        ----------
        entry
            The call.
        audio
            Its audio, which is copied.

        Returns
        -------
        bool
            Whether it replaced an earlier entry.
        """
        copy = None
        with self._write_transaction():
            fields = entry.call.__struct_fields__
            there = self._fetch_one("SELECT count(*) FROM calls WHERE id = ?", entry.call.id)
            # An update, not a new row: survey and notes refer to it.
            news = ", ".join(f"{name} = excluded.{name}" for name in fields)
            self._insert("calls", [entry.call], f" ON CONFLICT (id) DO UPDATE SET {news}")
            for table in TABLES_FROM_CALL:
                self._db.execute(f"DELETE FROM {table} WHERE call = ?", (entry.call.id,))
                self._insert(table, entry.rows[table])
            if audio:
                copy, target = self._copy_audio(entry.call.id, audio)
        if copy:
            with self._translate_errors():
                copy.replace(target)
        return bool(there)

    def find_call(self, text: str) -> CallRow:
        """Return the call with this id or name, or the only one that begins with it."""
        for where, value in (
            ("id = ?", text),
            ("name = ?", text),
            ("substr(id, 1, ?2) = ?1 OR substr(name, 1, ?2) = ?1", text),
        ):
            values = (value, len(value)) if "?2" in where else (value,)
            found = self.select_rows(CallRow, where, values)
            if len(found) > 1:
                ids = ", ".join(f"{call.id} ({call.started_at[:10]})" for call in found[:5])
                more = ", ..." if len(found) > 5 else ""
                raise JournalError(
                    f"{text}: {len(found)} calls match: {ids}{more}; give more of the id"
                )
            if found and text:
                return found[0]
        raise JournalError(f"{text}: no such call; list the calls with `voicecoach journal list`")

    def call_overviews(self) -> list[CallOverview]:
        """Return the calls, the earliest first."""
        surveys = {survey.call: survey for survey in self.select_rows(SurveyRow)}
        counts = {
            table: {
                call: int(count)
                for _, call, count in self._fetch_rows(
                    f"SELECT min(rowid), call, count({what}) FROM {table} GROUP BY call"
                )
            }
            for table, what in (("cues", "*"), ("scores", "score"), ("notes", "*"))
        }
        calls = sorted(self.select_rows(CallRow), key=lambda call: (call.started_at, call.name))
        return [
            CallOverview(
                call,
                counts["cues"].get(call.id, 0),
                counts["scores"].get(call.id, 0),
                counts["notes"].get(call.id, 0),
                surveys.get(call.id),
            )
            for call in calls
        ]

    def select_rows(
        self, kind: type[R], where: str = "TRUE", values: Sequence[Any] = ()
    ) -> list[R]:
        """Return the rows of a table that meet an SQL condition, in the order of insertion.

        Damaged rows are left out, see `damage_note`.
        """
        table = next(name for name, row in JOURNAL_TABLES.items() if row is kind)
        names = kind.__struct_fields__
        columns = ", ".join(names)
        found = []
        for number, *row in self._fetch_rows(
            f"SELECT rowid, {columns} FROM {table} WHERE {where} ORDER BY rowid", *values
        ):
            try:
                found.append(_parse_row(kind, dict(zip(names, row, strict=True))))
            except ValueError:
                self._damaged.setdefault(table, set()).add(number)
        return found

    # --- surveys and notes ----------------------------------------------------------------------

    def save_survey(self, call: str, answers: Survey) -> None:
        """Save a call's survey answers; answers that are not given stay."""
        values = (call, answers.csat, answers.nps, answers.ces, answers.notes)
        with self._write_transaction():
            self._db.execute(
                """INSERT INTO surveys VALUES (?, ?, ?, ?, ?) ON CONFLICT (call) DO UPDATE SET
                csat = coalesce(excluded.csat, csat), nps = coalesce(excluded.nps, nps),
                ces = coalesce(excluded.ces, ces),
                notes = CASE excluded.notes WHEN '' THEN notes ELSE excluded.notes END""",
                values,
            )

    def save_note(self, note: NoteRow) -> None:
        """Add a note to a call."""
        with self._write_transaction():
            self._insert("notes", [note])

    # --- deletion ---------------------------------------------------------------------------

    def delete_call(self, call: str) -> None:
        """Delete a call and every trace of it."""
        self._delete_calls("id = ?", call)
        self.erase_traces()

    def delete_damaged_call(self, number: int) -> None:
        """Delete a damaged call by the number of its row, with all that belongs to no call."""
        self.select_rows(CallRow)
        if number not in self._damaged.get("calls", ()):
            raise JournalError(f"#{number}: no such damaged call; see `voicecoach journal list`")
        with self._translate_errors():
            self._db.execute("REINDEX")  # it may still be in an index as it was
        self._delete_calls("rowid = ?", number)
        with self._write_transaction():
            for table in (*TABLES_FROM_CALL, "surveys", "notes"):
                self._db.execute(f"DELETE FROM {table} WHERE call NOT IN (SELECT id FROM calls)")
        self._damaged.clear()
        self.erase_traces()

    def purge_before(self, before: str) -> int:
        """Delete the calls that began before a time, ISO 8601, UTC; return how many."""
        gone = self._delete_calls("started_at < ?", before)
        if gone:
            self.erase_traces()
        return gone

    def _delete_calls(self, where: str, value: str | int) -> int:
        """Delete calls with their audio, and no other file; return how many."""
        with self._write_transaction():
            gone = self._fetch_all(f"DELETE FROM calls WHERE {where} RETURNING id", value)
            # Before the commit: if this is cut short, the call is still there to be deleted again.
            for (call,) in gone:
                if file := self._audio_path(call):
                    file.unlink(missing_ok=True)
        return len(gone)

    def erase_traces(self) -> None:
        """Erase what deleted calls left in the journal's file and its log."""
        self._check_writable()
        with self._translate_errors():
            self._delete_unfinished()
            try:
                self._db.execute("VACUUM")
                busy = self._fetch_one("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.OperationalError as e:
                if "locked" not in str(e):
                    raise
                busy = 1
        if busy:
            raise JournalError(
                f"{self.path}: it is deleted, but another program reads the journal and traces may "
                "be left; end that program, then run `voicecoach journal purge`"
            )

    # --- helpers ----------------------------------------------------------------------------------

    @property
    def _audio_folder(self) -> Path:
        return self.path.with_name(self.path.name + AUDIO_FOLDER)

    def audio_file(self, call: str) -> Path | None:
        """Return the file with a call's audio, if it is stored."""
        file = self._audio_path(call)
        return file if file and file.is_file() else None

    def _audio_path(self, call: str) -> Path | None:
        """Return the path for a call's audio; None if no call has such an id.

        A link in the folder's place is not followed: what it leads to is not the journal's.
        """
        usable = _ID.fullmatch(call) and not self._audio_folder.is_symlink()
        return self._audio_folder / f"{call}.flac" if usable else None

    def _copy_audio(self, call: str, source: Path) -> tuple[Path, Path]:
        """Copy audio; return the copy, and the name it gets once the call is added.

        A program that is killed before leaves a file that is known to be of no call.
        """
        target = self._audio_path(call)
        if not target:
            raise JournalError(f"{self._audio_folder}: it is a link; move it away, then add again")
        self._audio_folder.mkdir(mode=0o700, exist_ok=True)
        self._delete_unfinished()
        number, name = tempfile.mkstemp(prefix=UNFINISHED, dir=self._audio_folder)
        with source.open("rb") as sound, os.fdopen(number, "wb") as copy:
            try:
                shutil.copyfileobj(sound, copy)
                copy.flush()
                os.fsync(number)
            except BaseException:
                Path(name).unlink()
                raise
        return Path(name), target

    def _delete_unfinished(self) -> None:
        """Delete copies of audio that killed programs left."""
        for path in self._audio_folder.glob(f"{UNFINISHED}*"):
            if time.time() - path.stat().st_mtime > UNFINISHED_S and not path.is_symlink():
                path.unlink(missing_ok=True)

    def _insert(self, table: str, rows: Sequence[JournalRow], more: str = "") -> None:
        names = JOURNAL_TABLES[table].__struct_fields__
        places = ", ".join("?" * len(names))
        self._db.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places}){more}",
            map(msgspec.structs.astuple, rows),
        )

    def _fetch_rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows, the first column being their number; in a damaged file those in reach."""
        if not self._is_damaged:
            return self._fetch_all(sql, *values)
        found: dict[int, tuple[Any, ...]] = {}
        for way in ("", " DESC"):  # from both ends, up to where it is damaged
            with suppress(sqlite3.DatabaseError):
                found.update((row[0], row) for row in self._db.execute(sql + way, values))
        return [found[number] for number in sorted(found)]

    def _fetch_all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._translate_errors(), closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchall()

    def _fetch_one(self, sql: str, *values: Any) -> Any:
        return self._fetch_all(sql, *values)[0][0]

    @contextmanager
    def _write_transaction(self) -> Iterator[None]:
        """Write all or nothing."""
        self._check_writable()
        with self._translate_errors(), transaction(self._db, "IMMEDIATE"):
            yield

    def _check_writable(self) -> None:
        if self.why_read_only:
            raise JournalError(f"{self.path}: nothing was changed, {self.why_read_only}")

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Translate SQLite's errors into errors that say what to do."""
        try:
            yield
        except sqlite3.OperationalError as e:
            raise JournalError(f"{self.path}: cannot use the journal now, try again: {e}") from e
        except sqlite3.IntegrityError as e:
            raise JournalError(f"{self.path}: invalid values, nothing was saved: {e}") from e
        except sqlite3.DatabaseError as e:
            raise JournalError(
                f"{self.path}: not a journal, or a damaged one: {e}; nothing was changed; "
                "move the file away to start a new journal"
            ) from e
        except OSError as e:
            what = e.filename or self.path
            raise JournalError(f"{what}: cannot write the journal: {e.strerror or e}") from e
        except UnicodeEncodeError as e:
            raise JournalError(
                f"{self.path}: this system cannot represent the file name: {e}"
            ) from e
        except UnicodeDecodeError as e:  # in SQLite's own message
            raise JournalError(
                f"{self.path}: a damaged journal, nothing was changed; move the file away to start "
                "a new journal, and add the calls from their folders"
            ) from e
        except ValueError as e:
            raise JournalError(f"{self.path}: not a valid file name: {e}") from e


def _parse_row(kind: type[R], values: dict[str, Any]) -> R:
    """Return a row; raise `ValueError` if it does not hold what is written into such rows."""
    row = msgspec.convert(values, kind, strict=False)  # lax, since SQLite has no booleans
    for name in kind.time_fields():
        if not FIRST_YEAR <= datetime.fromisoformat(values[name]).year <= LAST_YEAR:
            raise ValueError(f"no call is of the time in {name}")
    if not all(abs(x) <= MAX_NUMBER for x in values.values() if isinstance(x, int | float)):
        raise ValueError("a number is too large")
    return row

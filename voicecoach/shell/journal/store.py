"""The journal's file: adds, finds and deletes calls.

One SQLite file, readable by its owner only, which two programs may use at once: a writer locks it
for moments (WAL, one transaction for each change, the other program waits).  A call is stored
wholly or not at all, even if a program is killed.

Deletion leaves no trace: the content is overwritten, the write-ahead log emptied, the file
compacted.  Copies elsewhere, such as backups or a file system that keeps versions, are not reached.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
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
from voicecoach.shell.runtime.atomic_write import atomic_file
from voicecoach.views.scorecard import Survey

BUSY_S = 10.0
AUDIO_FOLDER = ".audio"
"""End of the name of the folder beside the file, for the audio of calls added with it."""

_ID = re.compile(r"\w{1,64}", re.ASCII)
"""Form of a call's id; one that somebody wrote into the file may be anything."""

R = TypeVar("R", bound=JournalRow)


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
        Create it if it is missing.
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
        with self._translate_errors():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its other files the mode of this one.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
            try:
                self._prepare_database()
            except BaseException:
                self._db.close()
                raise

    def _prepare_database(self) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute("PRAGMA temp_store = MEMORY")
        found = [row[0] for row in self._db.execute("PRAGMA quick_check(1)")]
        if found != ["ok"]:
            raise sqlite3.DatabaseError(" ".join(str(found[0]).split()))
        migrate(self._db, str(self.path))
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as e:
            # Another program has the file open; the next one to open it retries.
            if "locked" not in str(e):
                raise

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
                self._copy_audio(entry.call.id, audio)
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
            table: dict(self._fetch_all(f"SELECT call, count({what}) FROM {table} GROUP BY call"))
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
        """Return the rows of a table that meet an SQL condition, in the order of insertion."""
        table = next(name for name, row in JOURNAL_TABLES.items() if row is kind)
        names = kind.__struct_fields__
        columns = ", ".join(names)
        rows = self._fetch_all(
            f"SELECT {columns} FROM {table} WHERE {where} ORDER BY rowid", *values
        )
        with self._translate_errors():
            # Lax, since SQLite has no booleans.
            found = [
                msgspec.convert(dict(zip(names, row, strict=True)), kind, strict=False)
                for row in rows
            ]
            for row in found:
                for name in kind.time_fields():
                    datetime.fromisoformat(getattr(row, name))
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

    def purge_before(self, before: str) -> int:
        """Delete the calls that began before a time, ISO 8601, UTC; return how many."""
        gone = self._delete_calls("started_at < ?", before)
        if gone:
            self.erase_traces()
        return gone

    def _delete_calls(self, where: str, value: str) -> int:
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
        with self._translate_errors():
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

    def _copy_audio(self, call: str, source: Path) -> None:
        target = self._audio_path(call)
        if not target:
            raise JournalError(f"{self._audio_folder}: it is a link; move it away, then add again")
        self._audio_folder.mkdir(mode=0o700, exist_ok=True)
        with source.open("rb") as sound, atomic_file(target) as copy:
            shutil.copyfileobj(sound, copy)

    def _insert(self, table: str, rows: Sequence[JournalRow], more: str = "") -> None:
        names = JOURNAL_TABLES[table].__struct_fields__
        places = ", ".join("?" * len(names))
        self._db.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places}){more}",
            map(msgspec.structs.astuple, rows),
        )

    def _fetch_all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._translate_errors(), closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchall()

    def _fetch_one(self, sql: str, *values: Any) -> Any:
        return self._fetch_all(sql, *values)[0][0]

    @contextmanager
    def _write_transaction(self) -> Iterator[None]:
        """Write all or nothing."""
        with self._translate_errors(), transaction(self._db, "IMMEDIATE"):
            yield

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
        except ValueError as e:  # a row does not hold what was written
            raise JournalError(
                f"{self.path}: a call in it is damaged: {e}; move the file away to start a new "
                "journal, and add the calls from their folders"
            ) from e

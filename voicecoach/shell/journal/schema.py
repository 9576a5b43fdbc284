"""Defines the journal's tables as numbered migrations, which never change once released.

`PRAGMA user_version` is the number of migrations that a file has had.  A newer voicecoach's file is
refused; an older file is migrated in one transaction.  `entry` documents the columns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from voicecoach.errors import JournalError

APPLICATION_ID = 0x766F6963
"""`PRAGMA application_id`: "voic"."""

_CHILD = "call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE calls (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            started_at TEXT NOT NULL,
            duration_s REAL NOT NULL,
            complete INTEGER NOT NULL,
            live INTEGER NOT NULL,
            words INTEGER NOT NULL,
            voicecoach TEXT NOT NULL,
            notice TEXT NOT NULL,
            agent_speech_s REAL NOT NULL,
            customer_speech_s REAL NOT NULL,
            agent_talk_share REAL NOT NULL,
            agent_turns INTEGER NOT NULL,
            customer_turns INTEGER NOT NULL,
            agent_overlaps INTEGER NOT NULL,
            customer_overlaps INTEGER NOT NULL,
            overlap_s REAL NOT NULL,
            longest_agent_turn_s REAL NOT NULL,
            agitation_mean REAL,
            agitation_peak REAL,
            agitation_peak_s REAL,
            agitation_end REAL
        ) STRICT""",
        "CREATE INDEX calls_by_start ON calls (started_at)",
        f"""CREATE TABLE cues (
            {_CHILD},
            cue TEXT NOT NULL,
            title TEXT NOT NULL,
            opened_s REAL NOT NULL,
            closed_s REAL,
            closed_because TEXT NOT NULL,
            priority INTEGER NOT NULL,
            held_s REAL NOT NULL,
            evidence TEXT NOT NULL,
            message TEXT NOT NULL
        ) STRICT""",
        f"""CREATE TABLE held_back (
            {_CHILD},
            cue TEXT NOT NULL,
            at_s REAL NOT NULL,
            reason TEXT NOT NULL
        ) STRICT""",
        f"""CREATE TABLE outcomes (
            {_CHILD},
            cue TEXT NOT NULL,
            at_s REAL NOT NULL,
            shown INTEGER NOT NULL,
            reason TEXT NOT NULL,
            heeded INTEGER,
            signal TEXT NOT NULL,
            before REAL,
            after REAL,
            agitation_before REAL,
            agitation_after REAL
        ) STRICT""",
        f"""CREATE TABLE feedback (
            {_CHILD},
            cue TEXT NOT NULL,
            opened_s REAL NOT NULL,
            at_s REAL NOT NULL,
            helpful INTEGER NOT NULL
        ) STRICT""",
        f"""CREATE TABLE scores (
            {_CHILD},
            technique TEXT NOT NULL,
            name TEXT NOT NULL,
            score REAL CHECK (score BETWEEN 0 AND 1),
            formula TEXT NOT NULL,
            seen INTEGER NOT NULL,
            missed INTEGER NOT NULL,
            PRIMARY KEY (call, technique)
        ) STRICT""",
        f"""CREATE TABLE quotes (
            {_CHILD},
            technique TEXT NOT NULL,
            missed INTEGER NOT NULL,
            speaker TEXT NOT NULL,
            start_s REAL NOT NULL,
            end_s REAL NOT NULL,
            text TEXT NOT NULL,
            why TEXT NOT NULL
        ) STRICT""",
        f"""CREATE TABLE surveys (
            {_CHILD} PRIMARY KEY,
            csat INTEGER CHECK (csat BETWEEN 1 AND 5),
            nps INTEGER CHECK (nps BETWEEN 0 AND 10),
            ces INTEGER CHECK (ces BETWEEN 1 AND 7),
            notes TEXT NOT NULL
        ) STRICT""",
        f"""CREATE TABLE notes (
            {_CHILD},
            noted_at TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT""",
        *(
            f"CREATE INDEX {table}_by_call ON {table} (call)"
            for table in ("cues", "held_back", "outcomes", "feedback", "quotes", "notes")
        ),
    ),
    (
        "ALTER TABLE calls ADD COLUMN style TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE calls ADD COLUMN assertiveness REAL",
        "ALTER TABLE calls ADD COLUMN cooperativeness REAL",
    ),
)
SCHEMA_VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, where: str) -> None:
    """Migrate a journal to the current schema; a new file becomes a journal.

    A file that is not a journal, or is from a newer version, is not written to.

    Raises
    ------
    JournalError
        If it is such a file.
    sqlite3.Error
        If it cannot be read or written.
    """
    with transaction(connection, "DEFERRED"):
        version = _version(connection, where)
    if version == SCHEMA_VERSION:
        return
    with transaction(connection, "IMMEDIATE"):
        # Another process may have migrated it meanwhile.
        for migration in MIGRATIONS[_version(connection, where) :]:
            for statement in migration:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    """Run a transaction: all or nothing, on one snapshot of the file."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk has already rolled it back.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, where: str) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (application, bool(tables)) not in ((APPLICATION_ID, True), (0, False)):
        raise JournalError(
            f"{where}: a database of another program; name another file with --journal"
        )
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{where}: a newer voicecoach made this journal (schema {version}, this one knows "
            f"{SCHEMA_VERSION}): update voicecoach"
        )
    return int(version)

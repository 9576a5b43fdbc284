"""The journal in other programs: what leaves it, and what its documentation says."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from scripts.pictures import journal as made_up_journal
from tests.commands.test_command_line import home, recording
from tests.journal.entries import STARTED, made, path
from voicecoach.config import Config
from voicecoach.errors import ConfigError, OutputError
from voicecoach.journal.entry import (
    JOURNAL_TABLES,
    CallRow,
    NoteRow,
    journal_columns,
    journal_reference,
)
from voicecoach.shell.journal import fill, schema
from voicecoach.shell.journal.export import export_journal
from voicecoach.shell.journal.store import JournalStore
from voicecoach.views.scorecard import Survey

__all__ = ["home", "path", "recording"]


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
    with JournalStore(path, create=True) as journal:
        journal.add_call(made("=cmd|' /C calc'!A0", words=True))
        journal.add_call(made("two"))
        id = journal.find_call("two").id
        journal.save_survey(id, Survey(nps=0))
        for text in NASTY:
            journal.save_note(NoteRow(call=id, noted_at=STARTED, text=text))
        return journal.select_rows(NoteRow)


def unsafe(text: str) -> str:
    """Take off the apostrophe that the documentation tells of."""
    return text.removeprefix("'")


def test_csv_comes_back_by_its_readers_and_nothing_in_it_is_a_formula(
    path: Path, tmp_path: Path
) -> None:
    import duckdb
    import pandas as pd

    notes = nasty(path)
    with JournalStore(path) as journal:
        calls = journal.select_rows(CallRow)
        files = export_journal(journal, "csv", tmp_path / "out")
    assert [file.stem for file in files] == list(JOURNAL_TABLES)
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
    with JournalStore(path) as journal:
        export_journal(journal, "json", tmp_path / "all.json")
        export_journal(journal, "json", tmp_path / "notes.json", "notes")
        calls = journal.select_rows(CallRow)
    told = json.loads((tmp_path / "all.json").read_text("utf-8"))
    assert told["schema"] == schema.SCHEMA_VERSION
    assert list(told["tables"]) == list(JOURNAL_TABLES)
    assert msgspec.convert(told["tables"]["calls"], list[CallRow]) == calls
    alone = json.loads((tmp_path / "notes.json").read_text("utf-8"))
    assert msgspec.convert(alone, list[NoteRow]) == notes


def test_parquet_comes_back_by_its_readers(path: Path, tmp_path: Path) -> None:
    import duckdb
    import pandas as pd
    from pyarrow import parquet

    notes = nasty(path)
    with JournalStore(path) as journal:
        rows = {table: journal.select_rows(kind) for table, kind in JOURNAL_TABLES.items()}
        for file in export_journal(journal, "parquet", tmp_path / "out"):
            found = parquet.read_table(file).to_pylist()
            for row in found:
                for name in ("started_at", "noted_at"):
                    if name in row:
                        row[name] = fill.utc_text(row[name])
            kind = JOURNAL_TABLES[file.stem]
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
    with JournalStore(path) as journal:
        with pytest.raises(ConfigError, match="no such table; use one of calls, cues"):
            export_journal(journal, "csv", tmp_path / "out", "agents")
        with pytest.raises(OutputError, match="cannot write it"):
            export_journal(journal, "csv", tmp_path / "file")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ConfigError, match=r"pip install 'voicecoach\[archive\]'"):
            export_journal(journal, "parquet", tmp_path / "out")
    assert (tmp_path / "file").read_text() == "kept"
    assert not (tmp_path / "out").exists()


# --- what the documentation says --------------------------------------------------------------

DOCS = Path(__file__).parents[3] / "docs" / "journal.md"


def blocks(language: str) -> list[str]:
    """Return the queries of the documentation."""
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)


def test_the_documentation_has_each_table_and_column() -> None:
    assert journal_reference() in DOCS.read_text("utf-8")
    for table in JOURNAL_TABLES:
        assert all(column.doc for column in journal_columns(table)), table
    assert f"Its schema is version {schema.SCHEMA_VERSION} " in DOCS.read_text("utf-8")
    assert f"older than {Config().journal.keep_days} days" in DOCS.read_text("utf-8")


def test_the_queries_of_the_documentation_answer(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    with JournalStore(path, create=True) as journal:
        made_up_journal.fill(journal)
        export_journal(journal, "parquet", tmp_path / "out")
    with closing(sqlite3.connect(path)) as db:
        for query in blocks("sql"):
            assert len(db.execute(query).fetchall()) >= 5, query
    monkeypatch.chdir(tmp_path)
    for query in blocks("duckdb"):
        assert len(duckdb.execute(query).fetchall()) >= 4, query

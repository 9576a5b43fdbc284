"""Exports the journal for other programs: CSV, JSON, Parquet.

A spreadsheet runs a text that begins like a formula.  In CSV, such a text, or one that begins with
an apostrophe, therefore gets a leading apostrophe; programs that read the CSV must remove it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from voicecoach.errors import ConfigError
from voicecoach.journal.entry import JOURNAL_TABLES, JournalRow, journal_columns
from voicecoach.shell.journal.schema import SCHEMA_VERSION
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.runtime import atomic_write
from voicecoach.shell.runtime.parquet import arrow_schema

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
"""Beginnings of a text, after spaces, that a spreadsheet takes for a formula."""


def export_journal(journal: JournalStore, kind: str, out: Path, table: str = "") -> list[Path]:
    """Write the journal's tables; return the files.

    Parameters
    ----------
    journal
        The journal to export.
    kind
        `csv`, `json` or `parquet`.
    out
        The file for `table`, or for JSON; else a folder, which gets a file for each table.
    table
        Export only this table; by default all of them.

    Raises
    ------
    ConfigError
        If there is no such table, or Parquet support is missing.
    OutputError
        If the files cannot be written.
    """
    if table and table not in JOURNAL_TABLES:
        raise ConfigError(f"{table}: no such table; use one of {', '.join(JOURNAL_TABLES)}")
    names = [table] if table else list(JOURNAL_TABLES)
    tables = {name: journal.select_rows(JOURNAL_TABLES[name]) for name in names}
    files: dict[Path, bytes]
    if kind == "json":
        told: Any = tables[table] if table else {"schema": SCHEMA_VERSION, "tables": tables}
        files = {out: msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"}
    else:
        write: Callable[[str, Sequence[JournalRow]], bytes] = _csv if kind == "csv" else _parquet
        files = {
            out if table else out / f"{name}.{kind}": write(name, rows)
            for name, rows in tables.items()
        }
    for path, data in files.items():
        atomic_write.write_atomic(path, data)
    return list(files)


def escape_formula(value: Any) -> Any:
    """Return a value that a spreadsheet shows as it is, never as a formula."""
    if isinstance(value, str) and (value.lstrip(" ") or value).startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def _csv(name: str, rows: Sequence[JournalRow]) -> bytes:
    text = io.StringIO(newline="")
    # Quotes distinguish texts from numbers.
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(JOURNAL_TABLES[name].__struct_fields__)
    for row in rows:
        values = msgspec.structs.astuple(row)
        writer.writerow([int(x) if isinstance(x, bool) else escape_formula(x) for x in values])
    return text.getvalue().encode()


def _parquet(name: str, rows: Sequence[JournalRow]) -> bytes:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as e:
        raise ConfigError("Parquet needs pyarrow: pip install 'voicecoach[archive]'") from e
    times = JOURNAL_TABLES[name].time_fields()
    columns = [
        column._replace(kind="second") if column.name in times else column
        for column in journal_columns(name)
    ]
    values = [msgspec.structs.asdict(row) for row in rows]
    for row in values:
        row |= {time: datetime.fromisoformat(row[time]) for time in times}
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(values, arrow_schema(columns)), sink)
    return sink.getvalue()

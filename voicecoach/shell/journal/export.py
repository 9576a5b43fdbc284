"""The journal for other programs: CSV, JSON, Parquet.

A spreadsheet takes a text that begins like a formula for one, so in CSV such a text, and one that
begins with an apostrophe, gets an apostrophe before it; who reads it takes one off.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from voicecoach.errors import ConfigError
from voicecoach.journal.entry import TABLES, Row
from voicecoach.shell.journal.schema import VERSION
from voicecoach.shell.journal.store import Journal
from voicecoach.shell.runtime import atomic_write

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
"""What a text must not begin with, after spaces, in a spreadsheet."""

Tables = Mapping[str, Sequence[Row]]


def export(journal: Journal, kind: str, out: Path, table: str = "") -> list[Path]:
    """Write the journal's tables; return the files.

    Parameters
    ----------
    journal
        Whose.
    kind
        `csv`, `json` or `parquet`.
    out
        The file for `table`, or for JSON; else a folder, which gets a file for each table.
    table
        This one alone; by default all of them.

    Raises
    ------
    ConfigError
        Where there is no such table, or Parquet cannot be written here.
    OutputError
        Where the files cannot be written.
    """
    if table and table not in TABLES:
        raise ConfigError(f"{table}: there is no such table; there are {', '.join(TABLES)}")
    names = [table] if table else list(TABLES)
    tables = {name: journal.select(TABLES[name]) for name in names}
    files: dict[Path, bytes]
    if kind == "json":
        told: Any = tables[table] if table else {"schema": VERSION, "tables": tables}
        files = {out: msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"}
    else:
        write: Callable[[str, Sequence[Row]], bytes] = _csv if kind == "csv" else _parquet
        files = {
            out if table else out / f"{name}.{kind}": write(name, rows)
            for name, rows in tables.items()
        }
    for path, data in files.items():
        atomic_write.write(path, data, private=True)
    return list(files)


def safe(value: Any) -> Any:
    """Return what a spreadsheet shows as it is, and never works out."""
    if isinstance(value, str) and (value.lstrip(" ") or value).startswith(FORMULA):
        return f"'{value}"
    return value


def _csv(name: str, rows: Sequence[Row]) -> bytes:
    text = io.StringIO(newline="")
    # Numbers are told from texts by their quotes.
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(TABLES[name].__struct_fields__)
    for row in rows:
        values = msgspec.structs.astuple(row)
        writer.writerow([int(x) if isinstance(x, bool) else safe(x) for x in values])
    return text.getvalue().encode()


def _parquet(name: str, rows: Sequence[Row]) -> bytes:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as e:
        raise ConfigError("Parquet needs pyarrow: pip install 'voicecoach[archive]'") from e
    of = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    columns, fields = [], []
    for field, hint in get_type_hints(TABLES[name]).items():
        values = [getattr(row, field) for row in rows]
        if field.endswith("_at"):
            kind: Any = pa.timestamp("s", "UTC")
            values = [datetime.fromisoformat(value) for value in values]
        else:
            kind = next(arrow for python, arrow in of.items() if hint in (python, python | None))
        columns.append(pa.array(values, kind))
        fields.append(pa.field(field, kind))
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)), sink)
    return sink.getvalue()

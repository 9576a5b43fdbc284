"""Writes the figures of all calls as Parquet tables.

`docs/archive.md` lists the tables and columns; `tables_reference` generates the list.  The
description of each column is also in the file's metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec

from voicecoach.shell.archive.work import CallResult
from voicecoach.shell.runtime.atomic_write import atomic_folder
from voicecoach.shell.runtime.parquet import arrow_schema
from voicecoach.text_safety.sanitize import readable_text
from voicecoach.version import __version__
from voicecoach.views.columns import Column, reference_table, struct_columns
from voicecoach.views.scorecard import ConflictStyles, TechniqueScore
from voicecoach.views.summary import (
    CueSummary,
    OutcomeCounts,
    Summary,
    TranscriptLine,
    figure_columns,
    flatten_summary,
)

ARCHIVE_SCHEMA = 1
"""Raised when a column changes its meaning or leaves; additions do not raise it."""
ROW_GROUP_SIZE = 20_000
"""Rows in a row group: what is held in memory of a table, and what a reader can skip."""

TableRow: TypeAlias = dict[str, Any]


class ArchiveTable(NamedTuple):
    """A table: what a row stands for, its columns, and where its rows come from."""

    doc: str
    columns: tuple[Column, ...]
    rows: Callable[[CallResult], Iterator[TableRow]]


def _call_rows(result: CallResult) -> Iterator[TableRow]:
    s, card = result.summary, result.card
    row = flatten_summary(s) | {
        "size_bytes": result.size,
        "modified": datetime.fromtimestamp(result.written / 1e9, UTC),
        "voicecoach": result.voicecoach,
        "words": result.words,
        "speakers": [*result.speakers],
        "sample_rates_hz": result.rates,
        "cues": len(s.cues),
        "held_back": sum(s.held_back.values()),
    }
    if card:
        row |= {
            "style": card.styles.style or None,
            "assertiveness": card.styles.assertiveness,
            "cooperativeness": card.styles.cooperativeness,
            "root_cause": [quote.text for quote in card.root_cause],
        }
    yield row


def _cue_rows(result: CallResult) -> Iterator[TableRow]:
    yield from map(msgspec.structs.asdict, result.summary.cues)


def _held_back_rows(result: CallResult) -> Iterator[TableRow]:
    for key, times in sorted(result.summary.held_back.items()):
        id, _, reason = key.partition(": ")
        yield {"id": id, "reason": reason, "times": times}


def _effect_rows(result: CallResult) -> Iterator[TableRow]:
    for id, effect in sorted(result.summary.effects.items()):
        for moment in ("shown", "held_back", "held_out"):
            followed = msgspec.structs.asdict(getattr(effect, moment))
            if followed["moments"]:
                yield {"id": id, "moment": moment, **followed}


def _utterance_rows(result: CallResult) -> Iterator[TableRow]:
    yield from map(msgspec.structs.asdict, result.summary.transcript)


def _tone_rows(result: CallResult) -> Iterator[TableRow]:
    for second, agitation, confidence in result.tone:
        yield {"at_s": second, "agitation": agitation, "confidence": confidence}


def _score_rows(result: CallResult) -> Iterator[TableRow]:
    for t in result.card.techniques if result.card else ():
        yield msgspec.structs.asdict(t) | {"seen": len(t.seen), "missed": len(t.missed)}


_CALL = Column("call", "string", "path of the recording within the folder, with slashes")


def _some_columns(row: type[msgspec.Struct], *names: str) -> list[Column]:
    columns = {column.name: column for column in struct_columns(row)}
    return [columns[name] for name in names]


def _struct_table(
    row: type[msgspec.Struct], rows: Callable[[CallResult], Iterator[TableRow]]
) -> ArchiveTable:
    return ArchiveTable(row.__doc__ or "", (_CALL, *struct_columns(row)), rows)


_DURATION, *_FIGURES = figure_columns()
CALLS_COLUMNS = (
    _CALL,
    Column("size_bytes", "int64", "of the recording"),
    Column("modified", "time", "when the recording was last written, UTC"),
    _DURATION,
    Column("speakers", "texts", "who is in the recording"),
    Column("sample_rates_hz", "numbers", "of the recording, Hz"),
    Column("voicecoach", "string", "version that replayed it"),
    Column("words", "bool", "whether a transcriber ran"),
    *_FIGURES,
    Column("cues", "int64", "cues shown"),
    Column("held_back", "int64", "cues held back"),
    *(
        column._replace(nullable=True)
        for column in _some_columns(ConflictStyles, "style", "assertiveness", "cooperativeness")
    ),
    Column("root_cause", "texts", "in the customer's words, from the score card", True),
    *_some_columns(Summary, "notes"),
)

ARCHIVE_TABLES: dict[str, ArchiveTable] = {
    "calls": ArchiveTable("A call.", CALLS_COLUMNS, _call_rows),
    "cues": _struct_table(CueSummary, _cue_rows),
    "held_back": ArchiveTable(
        "A cue and a reason for which it was held back.",
        (
            _CALL,
            Column("id", "string", "id of the cue"),
            Column("reason", "string", "why it was not shown"),
            Column("times", "int64", "how often"),
        ),
        _held_back_rows,
    ),
    "effects": ArchiveTable(
        "What followed a cue, or the moments at which it was due and not shown.",
        (
            _CALL,
            Column("id", "string", "id of the cue"),
            Column(
                "moment", "string", "`shown`, `held_back` by the limits, or `held_out` by chance"
            ),
            *struct_columns(OutcomeCounts),
        ),
        _effect_rows,
    ),
    "utterances": _struct_table(TranscriptLine, _utterance_rows),
    "tone": ArchiveTable(
        "A second of a call in which the customer's agitation was estimated.",
        (
            _CALL,
            Column("at_s", "int32", "seconds from the start of the call"),
            Column("agitation", "float32", "the last estimate in that second, 0..1"),
            Column("confidence", "float32", "0..1"),
        ),
        _tone_rows,
    ),
    "scores": ArchiveTable(
        "A technique of the score card; none where the version makes no score card.",
        (
            _CALL,
            *_some_columns(TechniqueScore, "id", "name", "score", "formula"),
            Column("seen", "int64", "moments at which it was seen"),
            Column("missed", "int64", "moments at which it was missed"),
            *_some_columns(TechniqueScore, "practise"),
        ),
        _score_rows,
    ),
}
FAILED_TABLE = ArchiveTable(
    "A recording, or a folder, that could not be used.",
    (_CALL, Column("error", "string", "why")),
    lambda _: iter(()),
)


def write_tables(
    out: Path, results: Iterable[CallResult], failed: Mapping[str, str], *, composite: bool
) -> None:
    """Write the tables, each in one step; memory does not grow with the number of calls.

    Parameters
    ----------
    out
        Folder for the tables.
    results
        Results of the calls, each once; read one at a time.
    failed
        Errors, by the path below the folder.
    composite
        Whether the tables include the calmness.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    with atomic_folder(out, "the tables") as scratch, ExitStack() as stack:
        writers = {
            name: stack.enter_context(_ParquetWriter(scratch / f"{name}.parquet", table, composite))
            for name, table in (ARCHIVE_TABLES | {"failed": FAILED_TABLE}).items()
        }
        for result in results:
            for name, table in ARCHIVE_TABLES.items():
                writers[name].add_rows(result.call, table.rows(result))
        for call, error in failed.items():
            writers["failed"].add_rows(call, iter([{"error": error}]))
        for writer in writers.values():
            writer.close()


def tables_reference() -> str:
    """Return the reference of the tables, as Markdown."""
    out = []
    for name, table in (ARCHIVE_TABLES | {"failed": FAILED_TABLE}).items():
        out += [f"### `{name}.parquet`", "", table.doc, ""]
        out += [*reference_table(table.columns, _KIND_LABELS), ""]
    return "\n".join(out)


_KIND_LABELS = {"time": "timestamp", "texts": "list of string", "numbers": "list of int64"}


class _ParquetWriter:
    """A Parquet file that grows by row groups; a context manager."""

    def __init__(self, path: Path, table: ArchiveTable, composite: bool) -> None:
        import pyarrow.parquet as pq

        columns = [c for c in table.columns if composite or c.name != "agent_calmness_mean"]
        facts = {"voicecoach": __version__, "schema": str(ARCHIVE_SCHEMA), "description": table.doc}
        self._schema = arrow_schema(columns, facts)
        self._texts = [c.name for c in columns if c.kind in ("string", "texts")]
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[TableRow] = []

    def __enter__(self) -> _ParquetWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add_rows(self, call: str, rows: Iterator[TableRow]) -> None:
        """Add a call's rows."""
        for row in rows:
            row["call"] = call
            for name in self._texts:
                row[name] = _writable_text(row.get(name))
            # Only the columns: anything else in a summary would be held in memory, too.
            self._rows.append({name: row.get(name) for name in self._schema.names})
        if len(self._rows) >= ROW_GROUP_SIZE:
            self._flush()

    def close(self) -> None:
        """Write the remaining rows, and close the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []


def _writable_text(value: Any) -> Any:
    """Return a text, or a list of texts, as valid UTF-8."""
    if isinstance(value, list):
        return [readable_text(v) for v in value]
    return value if value is None else readable_text(value)

"""What all calls come to, as Parquet.

`docs/archive.md` lists the tables and their columns; `describe` generates it.  The same is in the
files: the description of each column is in its metadata.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec

from voicecoach import __version__
from voicecoach.errors import OutputError
from voicecoach.shell.archive.work import CallResult
from voicecoach.text_safety.sanitize import readable_text
from voicecoach.types import SPEAKERS

ARCHIVE_SCHEMA = 1
"""Raised when a column changes its meaning or leaves; additions do not raise it."""
ROW_GROUP_SIZE = 20_000
"""Rows in a row group: what is held in memory of a table, and what a reader may skip."""

TableRow: TypeAlias = dict[str, Any]


class Column(NamedTuple):
    """A column of a table."""

    name: str
    kind: str
    """A type of Arrow's, by name; `texts` is a list of them."""
    doc: str
    """What it is, with its unit; of a name that ends in `_s`, seconds."""
    nullable: bool = False


class ArchiveTable(NamedTuple):
    """A table: a row of what, its columns, and where its rows come from."""

    doc: str
    columns: tuple[Column, ...]
    rows: Callable[[CallResult], Iterator[TableRow]]


def _call_rows(result: CallResult) -> Iterator[TableRow]:
    s, card = result.summary, result.card
    row = msgspec.structs.asdict(s)
    for who in SPEAKERS:
        row |= {f"{who}_{k}": v for k, v in msgspec.structs.asdict(row.pop(who)).items()}
    if s.agent_calmness_mean is msgspec.UNSET:
        row["agent_calmness_mean"] = None
    row |= {
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


_CALL = Column("call", "string", "path of the recording below the folder, with slashes")


def _speaker_columns(who: str) -> Iterator[Column]:
    yield Column(f"{who}_speech_s", "float64", f"speech of the {who}, seconds")
    yield Column(f"{who}_talk_share", "float64", "of both speakers' speech, 0..1")
    yield Column(f"{who}_turns", "int64", "turns")
    yield Column(f"{who}_overlaps_begun", "int64", "times they came in over the other")
    yield Column(f"{who}_backchannels", "int64", "backchannels")
    yield Column(f"{who}_channel", "string", "health of the channel at the end, `ok` or not")


CALLS_COLUMNS = (
    _CALL,
    Column("size_bytes", "int64", "of the recording"),
    Column("modified", "time", "when the recording was last written, UTC"),
    Column("duration_s", "float64", "length, seconds"),
    Column("speakers", "texts", "who is in the recording"),
    Column("sample_rates_hz", "numbers", "of the recording, Hz"),
    Column("voicecoach", "string", "version that replayed it"),
    Column("words", "bool", "whether there was a recogniser"),
    *_speaker_columns("agent"),
    *_speaker_columns("customer"),
    Column("overlap_s", "float64", "both spoke, seconds"),
    Column("longest_agent_turn_s", "float64", "seconds"),
    Column(
        "agitation_mean", "float64", "the customer's, an estimate, 0..1, where sure enough", True
    ),
    Column("agitation_peak", "float64", "its highest, 0..1", True),
    Column("agitation_peak_s", "float64", "when, seconds", True),
    Column("agitation_end", "float64", "its last, 0..1", True),
    Column(
        "agent_baseline_rate_syl_s", "float64", "usual pace, syllables per second of speech", True
    ),
    Column("agent_baseline_reply_gap_s", "float64", "usual silence before a reply, seconds", True),
    Column(
        "agent_calmness_mean",
        "float64",
        "mean of the formula in the event log's reference, 0..1, 0.75 as usual; no such column "
        "with the privacy profile `eu`",
        True,
    ),
    Column("cues", "int64", "cues shown"),
    Column("held_back", "int64", "cues held back"),
    Column("style", "string", "of handling the conflict, from the score card", True),
    Column("assertiveness", "float64", "from the score card, 0..1", True),
    Column("cooperativeness", "float64", "from the score card, 0..1", True),
    Column("root_cause", "texts", "in the customer's words, from the score card", True),
    Column("notes", "texts", "what is odd about the recording or the run"),
)

ARCHIVE_TABLES: dict[str, ArchiveTable] = {
    "calls": ArchiveTable("A call.", CALLS_COLUMNS, _call_rows),
    "cues": ArchiveTable(
        "A cue that was shown.",
        (
            _CALL,
            Column("id", "string", "of the cue"),
            Column("title", "string", "as shown"),
            Column("message", "string", "as shown"),
            Column("say", "string", "words that were offered, or empty"),
            Column("opened_s", "float64", "seconds from the start of the call"),
            Column("closed_s", "float64", "the same", True),
            Column("closed_because", "string", "why, or empty"),
        ),
        _cue_rows,
    ),
    "held_back": ArchiveTable(
        "A cue and a reason for which it was held back.",
        (
            _CALL,
            Column("id", "string", "of the cue"),
            Column("reason", "string", "why it was not shown"),
            Column("times", "int64", "how often"),
        ),
        _held_back_rows,
    ),
    "effects": ArchiveTable(
        "What followed a cue, or the moments at which it was due and not shown.",
        (
            _CALL,
            Column("id", "string", "of the cue"),
            Column(
                "moment", "string", "`shown`, `held_back` by the limits, or `held_out` by chance"
            ),
            Column("moments", "int64", "how many"),
            Column("heeded", "int64", "after how many the agent did what it says within 10 s"),
            Column("known", "int64", "of how many that is known"),
            Column(
                "agitation_change",
                "float64",
                "mean change of the customer's agitation to 20 to 30 s after, -1..1",
                True,
            ),
            Column("changes", "int64", "moments that is the mean of"),
        ),
        _effect_rows,
    ),
    "utterances": ArchiveTable(
        "An utterance of the transcript.",
        (
            _CALL,
            Column("speaker", "string", "`agent` or `customer`"),
            Column("start_s", "float64", "seconds from the start of the call"),
            Column("end_s", "float64", "the same"),
            Column("text", "string", "what was said; digits that may be a card's are `#`"),
        ),
        _utterance_rows,
    ),
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
            Column("id", "string", "of the technique"),
            Column("name", "string", "of the technique"),
            Column("score", "float64", "0..1; null where there was no occasion", True),
            Column("formula", "string", "with the call's numbers in it, or why there is no score"),
            Column("seen", "int64", "moments at which it was seen"),
            Column("missed", "int64", "moments at which it was missed"),
            Column("practise", "string", "one thing to practise"),
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
        The folder they go to.
    results
        Of the calls, each once, read one at a time.
    failed
        Why, by the path below the folder.
    composite
        Whether there is a calmness.

    Raises
    ------
    OutputError
        Where they cannot be written.
    """
    try:
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=out, prefix=".")))
            writers = {
                name: stack.enter_context(
                    _ParquetWriter(scratch / f"{name}.parquet", table, composite)
                )
                for name, table in (ARCHIVE_TABLES | {"failed": FAILED_TABLE}).items()
            }
            for result in results:
                for name, table in ARCHIVE_TABLES.items():
                    writers[name].add_rows(result.call, table.rows(result))
            for call, error in failed.items():
                writers["failed"].add_rows(call, iter([{"error": error}]))
            for writer in writers.values():
                writer.close()
            for name in writers:
                os.replace(scratch / f"{name}.parquet", out / f"{name}.parquet")
    except OSError as e:
        raise OutputError(f"{out}: the tables cannot be written: {e.strerror or e}") from e


def tables_reference() -> str:
    """Return the reference of the tables, as Markdown."""
    out = []
    for name, table in (ARCHIVE_TABLES | {"failed": FAILED_TABLE}).items():
        out += [f"### `{name}.parquet`", "", table.doc, "", "| column | type | what |"]
        out.append("|---|---|---|")
        for column in table.columns:
            kind = _KIND_LABELS.get(column.kind, column.kind) + (
                " or null" if column.nullable else ""
            )
            out.append(f"| `{column.name}` | {kind} | {column.doc} |")
        out.append("")
    return "\n".join(out)


_KIND_LABELS = {"time": "timestamp", "texts": "list of string", "numbers": "list of int64"}


class _ParquetWriter:
    """A Parquet file that grows by row groups; a context manager."""

    def __init__(self, path: Path, table: ArchiveTable, composite: bool) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {
            "time": pa.timestamp("us", "UTC"),
            "texts": pa.list_(pa.string()),
            "numbers": pa.list_(pa.int64()),
        }
        fields = [
            pa.field(
                column.name,
                kinds.get(column.kind) or getattr(pa, column.kind.replace("bool", "bool_"))(),
                column.nullable,
                {"description": column.doc},
            )
            for column in table.columns
            if composite or column.name != "agent_calmness_mean"
        ]
        facts = {"voicecoach": __version__, "schema": str(ARCHIVE_SCHEMA), "description": table.doc}
        self._schema = pa.schema(fields, facts)
        self._texts = [f.name for f in fields if f.type in (pa.string(), kinds["texts"])]
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[TableRow] = []

    def __enter__(self) -> _ParquetWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add_rows(self, call: str, rows: Iterator[TableRow]) -> None:
        """Take rows of a call."""
        for row in rows:
            row["call"] = call
            for name in self._texts:
                row[name] = _writable_text(row.get(name))
            # No more than its columns: what else is in a summary would wait here, too.
            self._rows.append({name: row.get(name) for name in self._schema.names})
        if len(self._rows) >= ROW_GROUP_SIZE:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []


def _writable_text(value: Any) -> Any:
    """Return a text, or a list of them, that can be written, whatever bytes are in it."""
    if isinstance(value, list):
        return [readable_text(v) for v in value]
    return value if value is None else readable_text(value)

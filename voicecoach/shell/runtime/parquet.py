"""Builds Parquet schemas; imports pyarrow only when needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from voicecoach.views.columns import Column


def arrow_schema(columns: Iterable[Column], facts: Mapping[str, str] | None = None) -> Any:
    """Return a pyarrow schema: columns with their descriptions, and the file's metadata.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    """
    import pyarrow as pa

    kinds = {
        "time": pa.timestamp("us", "UTC"),
        "second": pa.timestamp("s", "UTC"),
        "bool": pa.bool_(),
        "texts": pa.list_(pa.string()),
        "numbers": pa.list_(pa.int64()),
    }
    fields = [
        pa.field(c.name, kinds.get(c.kind) or c.kind, c.nullable, {"description": c.doc})
        for c in columns
    ]
    return pa.schema(fields, facts)

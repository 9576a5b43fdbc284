"""Derives the columns of a table from the struct of its rows, with their documentation.

A field describes itself as `Annotated[float, doc("...")]`; tables, the metadata of their files and
their documentation all read it from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

_KINDS: Mapping[Any, str] = {
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
    list[str]: "texts",
    list[int]: "numbers",
}


def doc(text: str) -> msgspec.Meta:
    """Return the description of a field, with its unit."""
    return msgspec.Meta(description=text)


class Column(NamedTuple):
    """A column of a table."""

    name: str
    kind: str
    """Name of an Arrow type; `texts` is a list of strings, `numbers` of integers."""
    doc: str
    """Description, with the unit."""
    nullable: bool = False


def struct_columns(row: type[msgspec.Struct]) -> list[Column]:
    """Return the columns of a struct's fields; only plain values and lists of them have one."""
    hints = get_type_hints(row, include_extras=True)
    found = (_column(name, hints[name]) for name in row.__struct_fields__)
    return [column for column in found if column]


def reference_table(columns: Iterable[Column], labels: Mapping[str, str]) -> list[str]:
    """Return the documentation of columns as lines of Markdown; `labels` names types by kind."""
    lines = ["| column | type | what |", "|---|---|---|"]
    for c in columns:
        kind = labels.get(c.kind, c.kind) + (" or null" if c.nullable else "")
        lines.append(f"| `{c.name}` | {kind} | {c.doc} |")
    return lines


def _column(name: str, hint: Any) -> Column | None:
    description = ""
    if get_origin(hint) is Annotated:
        hint, meta = get_args(hint)
        description = meta.description or ""
    kinds = set(get_args(hint) if get_origin(hint) in (Union, UnionType) else [hint])
    known = kinds - {NoneType, msgspec.UnsetType}
    (value,) = known if len(known) == 1 else (None,)
    kind = _KINDS.get(value)
    if kind is None and isinstance(value, type) and issubclass(value, str):
        kind = "string"
    return Column(name, kind, description, nullable=known != kinds) if kind else None

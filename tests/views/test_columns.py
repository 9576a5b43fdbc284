"""Columns from the fields of structs."""

from __future__ import annotations

from typing import Annotated

import msgspec

from voicecoach.journal.entry import STORED_NAMES, journal_columns
from voicecoach.types.stream import Speaker
from voicecoach.views.columns import Column, doc, reference_table, struct_columns
from voicecoach.views.summary import Summary, figure_columns, flatten_summary


class Base(msgspec.Struct):
    who: Annotated[Speaker, doc("who spoke")]


class Row(Base):
    level_db: Annotated[float | msgspec.UnsetType | None, doc("level, dB")] = None
    texts: list[str] = []
    parts: list[Base] = []
    by_name: dict[str, int] = {}


def test_fields_are_columns_where_they_hold_a_value_or_texts() -> None:
    assert struct_columns(Row) == [
        Column("who", "string", "who spoke"),
        Column("level_db", "float64", "level, dB", nullable=True),
        Column("texts", "texts", ""),
    ]
    assert reference_table(struct_columns(Row)[1:2], {"float64": "number"})[2:] == [
        "| `level_db` | number or null | level, dB |"
    ]


def test_each_figure_of_a_call_is_described_and_in_its_summary() -> None:
    flat = flatten_summary(Summary(call="a"))
    for column in figure_columns():
        assert column.doc, column
        assert column.name in flat
    assert flat["agent_calmness_mean"] is None


def test_the_journal_has_figures_as_the_summary_has_them() -> None:
    figures = {column.name: column for column in figure_columns()}
    kept = [c for c in journal_columns("calls") if STORED_NAMES.get(c.name, c.name) in figures]
    assert len(kept) == 14
    for column in kept:
        name = STORED_NAMES.get(column.name, column.name)
        assert column == figures[name]._replace(name=column.name)

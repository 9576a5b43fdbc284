"""Writes and reads the event log: JSON Lines, one event a line; a public, versioned interface.

The engine's sample indices become seconds here: `at`, `start`, `end` are written as `at_s`,
`start_s`, `end_s`.  Unknown values are null, fields that do not exist are left out.  The first line
is a `header`.  Texts are cleaned when written and when read, since a log may come from anybody.
`docs/event-log.md` lists the events and their fields; `event_reference` generates it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from voicecoach.text_safety.sanitize import clean_json, clean_text
from voicecoach.types.events import EVENT_TYPES, Event, TranscribeRequest, event_type
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, HeardWord
from voicecoach.views.old_logs import EXCHANGES_SINCE, FIRST_SCHEMA, TurnExchanges, migrate_fields

LOG_SCHEMA = 3
"""Version of the schema; it rises when a field changes its meaning or is removed, not when one is
added."""
TIME_DECIMALS = 5
"""Decimals of seconds in the log: a sample is 0.0000625 s, so indices come back exactly."""
VALUE_DECIMALS = 4
"""Decimals of other numbers."""
MAX_CALL_S = 24 * 3600.0
"""Longest call, seconds: no time in a log may be later."""
MAX_STREAM_INDEX = round(MAX_CALL_S * SAMPLE_RATE)
"""The same, samples."""
MAX_NUMBER = 2**53
"""Largest number in a log: beyond it, floats skip whole numbers."""

_TIMES = ("at", "start", "end")
_EVENT_BY_TYPE = {event_type(e): e for e in EVENT_TYPES if e is not TranscribeRequest}
_ABSENT = {type(None): "null", msgspec.UnsetType: "left out"}
_LISTS = {
    str: "list of texts",
    HeardWord: "list of words, each with `text`, `start_s`, `end_s`, `probability`, `doubtful`, "
    "`agreed`",
}
_json_encoder = msgspec.json.Encoder()
_MAYBE_LARGE = re.compile(rb"[0-9]{16}|[0-9][eE]")


class DamagedLines:
    """The lines of a log that are left out because they cannot be read."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""
        """The first of them, with what is wrong with it."""

    def add_line(self, number: int, why: object) -> None:
        """Count a line, by its number from 1."""
        self.count += 1
        self.first = self.first or f"line {number} ({why})"

    def __str__(self) -> str:
        """Return what was left out, as a note; "" if nothing was."""
        if self.count <= 1:
            return self.count * f"left out 1 line that cannot be read: {self.first}"
        return f"left out {self.count} lines that cannot be read, the first is {self.first}"


def encode_header(**facts: Any) -> bytes:
    """Return the first line: the schema version and facts of the call."""
    return (
        _json_encoder.encode({"type": "header", "schema": LOG_SCHEMA, **clean_json(facts)}) + b"\n"
    )


def encode_event(event: Event) -> bytes:
    """Return an event as a line of the log.

    Raises
    ------
    ValueError
        If the log's readers would refuse the line.
    """
    fields = {"type": event_type(event), **_log_fields(event)}
    line = _json_encoder.encode(fields) + b"\n"
    _check_numbers(line, fields)
    return line


def parse_header(line: bytes) -> dict[str, Any]:
    """Return the facts of a call in a log's first line.

    Raises
    ------
    ValueError
        If the line is not a header, has another schema, or holds impossible values.
    """
    found = parse_any_header(line)
    schema = found.pop("schema", None)
    if not is_known_schema(schema):
        newer = type(schema) is int and schema > LOG_SCHEMA
        known = f"schema {schema}, this one reads {FIRST_SCHEMA} to {LOG_SCHEMA}"
        raise ValueError(
            f"a newer voicecoach wrote it ({known}): update voicecoach"
            if newer
            else "line 1: it has no schema"
        )
    found = migrate_fields(found, "header", schema) or {}
    if not isinstance(found.get("call", ""), str):
        raise ValueError("line 1: the call has no name")
    speakers = found.get("speakers", list(SPEAKERS))
    if speakers not in ([*SPEAKERS], [*reversed(SPEAKERS)], *([s] for s in SPEAKERS)):
        raise ValueError(f"line 1: no such speakers: {speakers}")
    return {str(name): clean_json(fact) for name, fact in found.items()}


def parse_any_header(line: bytes) -> dict[str, Any]:
    """Return what a log's first line says, of whatever schema.

    Raises
    ------
    ValueError
        If the line is not a header.
    """
    try:
        found = msgspec.json.decode(line, type=dict[str, Any])
        _check_numbers(line, found)
    except (msgspec.DecodeError, RecursionError, ValueError) as e:
        raise ValueError(f"line 1: not a header: {e}") from e
    if found.pop("type", None) != "header":
        raise ValueError("line 1: not a header")
    return found


def is_known_schema(schema: object) -> bool:
    """Return whether logs of a schema can be read."""
    return type(schema) is int and FIRST_SCHEMA <= schema <= LOG_SCHEMA


def read_events(lines: Iterable[bytes], damaged: DamagedLines | None = None) -> Iterator[Event]:
    """Yield the events of a log; a log of an earlier schema gives those of the present one.

    Lines that are not events are left out and counted in `damaged`.

    Raises
    ------
    ValueError
        If a line is not an event and there is no `damaged`; the message names the line.
    """
    schema, exchanges = LOG_SCHEMA, TurnExchanges()
    for number, raw in enumerate(lines, 1):
        try:
            fields = msgspec.json.decode(raw, type=dict[str, Any])
            if fields.get("type") == "header":
                schema = fields["schema"] if is_known_schema(fields.get("schema")) else LOG_SCHEMA
                continue
            _check_numbers(raw, fields)
            event = _parse_event(fields, schema)
        except (msgspec.DecodeError, RecursionError, ValueError) as e:
            if damaged is None:
                raise ValueError(f"line {number}: not an event: {e}") from e
            damaged.add_line(number, e)
            continue
        if event and schema < EXCHANGES_SINCE:
            yield from exchanges.add_event(event)
        if event:
            yield event
    if schema < EXCHANGES_SINCE:
        yield from exchanges.finish()


def _parse_event(fields: dict[str, Any], schema: int) -> Event | None:
    """Return the event of a line; None if the present schema has none for it."""
    name = fields.pop("type", None)
    kind = _EVENT_BY_TYPE.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError("no event has its type")
    words = fields.get("words")
    for item in (fields, *(words if isinstance(words, list) else ())):
        if not isinstance(item, dict):
            raise ValueError("a word in it is not one")
        for time in _TIMES:
            item.pop(time, None)
            if f"{time}_s" in item:
                item[time] = _to_samples(item.pop(f"{time}_s"))
    now = migrate_fields(fields, name, schema)
    return None if now is None else msgspec.convert(clean_json(now), kind)


def event_reference() -> str:
    """Return the reference of the log's events, as Markdown."""
    out = []
    for name, event in _EVENT_BY_TYPE.items():
        out.append(f"### `{name}`\n\n{' '.join((event.__doc__ or '').split())}\n")
        hints = get_type_hints(event)
        for field in event.__struct_fields__:
            shown = f"{field}_s" if field in _TIMES else field
            kind = "seconds" if field in _TIMES else _field_type(hints[field])
            out.append(f"- `{shown}`: {kind}")
        out.append("")
    return "\n".join(out)


def _to_samples(seconds: Any) -> int:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise ValueError("a time in it is not a number")
    return round(float(_check_time(seconds)) * SAMPLE_RATE)


def _check_time(seconds: float) -> float:
    if not 0 <= seconds <= MAX_CALL_S:
        raise ValueError("a time in it is outside a call, which lasts at most 24 hours")
    return seconds


def _check_numbers(raw: bytes, tree: Any) -> None:
    """Raise `ValueError` if a number in a line is too large; few lines need a closer look."""
    if _MAYBE_LARGE.search(raw):
        found = [tree]
        while found:
            node = found.pop()
            if isinstance(node, int | float) and not abs(node) <= MAX_NUMBER:
                raise ValueError("a number in it is too large")
            if isinstance(node, dict):
                found += node.values()
            elif isinstance(node, list):
                found += node


def _field_type(hint: Any) -> str:
    if _ABSENT.keys() & set(get_args(hint)):
        return " or ".join(_ABSENT.get(a) or _field_type(a) for a in get_args(hint))
    if hint in (int, float):
        return "number"
    if hint is bool:
        return "true or false"
    if get_origin(hint) is tuple:
        return _LISTS.get(get_args(hint)[0], "list of numbers")
    if get_origin(hint) is not None:
        value = get_args(hint)[1]
        parts = get_args(value) or (value,)
        texts = "numbers and texts by name" if float in parts else "texts by name"
        unknown = " (null where it is not known)" if type(None) in parts else ""
        return f"table of {texts if str in parts else 'numbers by signal name'}{unknown}"
    if hint is not str:
        return " or ".join(f'"{member}"' for member in hint)
    return "text"


def _log_fields(item: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of an event, or of a word in it, as the log has them."""
    fields: dict[str, Any] = {}
    for name in item.__struct_fields__:
        value = getattr(item, name)
        if value is msgspec.UNSET:
            continue
        if name in _TIMES:
            fields[f"{name}_s"] = _check_time(round(value / SAMPLE_RATE, TIME_DECIMALS))
        else:
            fields[name] = _rounded(value)
    return fields


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        # Another package's transcriber may return numpy numbers, which are floats too.
        return round(float(value), VALUE_DECIMALS) if math.isfinite(value) else None
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, tuple):
        return [_rounded(v) for v in value]
    if isinstance(value, msgspec.Struct):
        return _log_fields(value)
    if isinstance(value, Mapping):
        return {k: _rounded(v) for k, v in value.items()}
    return value

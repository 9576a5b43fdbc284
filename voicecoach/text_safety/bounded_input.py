"""Text that somebody wrote, decoded within limits: whatever is wrong in it is a `ValueError`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, TypeVar

import msgspec

MAX_FILE_BYTES = 2**22
"""Bytes of a file in TOML or JSON: the score card of a day's call is a tenth of it."""
MAX_LINE_BYTES = 2**20
"""Bytes: an event is a few hundred."""
MAX_LOG_BYTES = 2**32
"""Bytes: that of a day with all its frames is that long."""

T = TypeVar("T")


def log_lines(log: IO[bytes]) -> Iterator[bytes]:
    """Yield a log's lines up to where a program was killed, or the power was cut.

    The first leaves the last line unfinished, the second may leave zeros, which no line has.

    Raises
    ------
    ValueError
        Where it is longer than any log.
    """
    size = 0
    while line := log.readline(MAX_LINE_BYTES + 1):
        size += len(line)
        if len(line) > MAX_LINE_BYTES or size > MAX_LOG_BYTES:
            what = "it" if size > MAX_LOG_BYTES else "a line of it"
            raise ValueError(f"{what} is too long")
        if not line.endswith(b"\n") or b"\0" in line:
            return
        yield line


def decode_toml(data: bytes, kind: type[T]) -> T:
    """Return TOML as a kind of value; no number in it is infinite or none.

    Raises
    ------
    ValueError
        Where it is none, or of another kind.
    """
    with _only_value_errors():
        tree = msgspec.toml.decode(data)
        found = msgspec.convert(tree, kind, str_keys=True)
        finite = _finite(tree)
    if not finite:
        raise ValueError("numbers must be finite")
    return found


def decode_json(data: bytes, kind: type[T]) -> T:
    """Return JSON as a kind of value.

    Raises
    ------
    ValueError
        Where it is none, or of another kind.
    """
    with _only_value_errors():
        return msgspec.json.decode(data, type=kind)


@contextmanager
def _only_value_errors() -> Iterator[None]:
    """Raise `ValueError` where a decoder raises whatever it does."""
    try:
        yield
    except msgspec.DecodeError as e:  # ValidationError is one too
        raise ValueError(str(e)) from e
    except RecursionError as e:
        raise ValueError("it is nested too deeply") from e


def _finite(tree: Any) -> bool:
    if isinstance(tree, float):
        return math.isfinite(tree)
    inside: Iterable[Any] = ()
    if isinstance(tree, dict):
        inside = tree.values()
    elif isinstance(tree, list):
        inside = tree
    return all(map(_finite, inside))

"""Decodes untrusted text within size limits; every fault in it raises `ValueError`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, TypeVar

import msgspec

MAX_FILE_BYTES = 2**22
"""Largest TOML or JSON file, bytes: ten times the score card of a day-long call."""
MAX_LINE_BYTES = 2**20
"""Longest line of a log that is read whole, bytes; an event has a few hundred."""
MAX_LOG_BYTES = 2**32
"""Largest log, bytes: that of a day-long call with all its frames."""

T = TypeVar("T")


def log_lines(log: IO[bytes]) -> Iterator[bytes]:
    """Yield the whole lines of a log; one that is too long is cut, and so can be no event.

    A killed program or a power cut leaves the last line unfinished; it is left out.

    Raises
    ------
    ValueError
        If the log is too long.
    """
    size = 0
    while line := log.readline(MAX_LINE_BYTES + 1):
        rest = line
        while True:
            size += len(rest)
            if size > MAX_LOG_BYTES:
                raise ValueError("it is too long")
            if rest.endswith(b"\n"):
                break
            rest = log.readline(MAX_LINE_BYTES)
            if not rest:
                return
        yield line[:MAX_LINE_BYTES]


def decode_toml(data: bytes, kind: type[T]) -> T:
    """Decode TOML into a value of type `kind`.

    Raises
    ------
    ValueError
        If it is not valid TOML, does not fit `kind`, or has a number that is infinite or NaN.
    """
    with _only_value_errors():
        tree = msgspec.toml.decode(data)
        found = msgspec.convert(tree, kind, str_keys=True)
        finite = _finite(tree)
    if not finite:
        raise ValueError("numbers must be finite")
    return found


def decode_json(data: bytes, kind: type[T]) -> T:
    """Decode JSON into a value of type `kind`.

    Raises
    ------
    ValueError
        If it is not valid JSON or does not fit `kind`.
    """
    with _only_value_errors():
        return msgspec.json.decode(data, type=kind)


@contextmanager
def _only_value_errors() -> Iterator[None]:
    """Convert any exception of a decoder to `ValueError`."""
    try:
        yield
    except msgspec.DecodeError as e:  # includes ValidationError
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

"""Files that somebody wrote, read within limits, whatever is in them.

What people can write wrongly is wrong in few ways here: a file is too large, or it cannot be read
(`OSError`), or what is in it is not what it should be (`ValueError`, which says where).
"""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

LARGEST = 2**22
"""Bytes of a file in TOML or JSON: the score card of a day's call is a tenth of it."""

T = TypeVar("T")


def read(path: Path, most: int = LARGEST) -> bytes:
    """Return what is in a file.

    Raises
    ------
    OSError
        Where it cannot be read or has more than `most` bytes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except ValueError as e:  # a NUL in its name
        raise OSError(errno.EINVAL, "no file has such a name") from e
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most} bytes")
    return data


def toml(data: bytes, kind: type[T]) -> T:
    """Return TOML as a kind of value; no number in it is infinite or none.

    Raises
    ------
    ValueError
        Where it is none, or of another kind.
    """
    try:
        tree = msgspec.toml.decode(data)
        found = msgspec.convert(tree, kind, str_keys=True)
        finite = _finite(tree)
    except msgspec.DecodeError as e:  # ValidationError is one too
        raise ValueError(str(e)) from e
    except RecursionError as e:
        raise ValueError("it is nested too deeply") from e
    if not finite:
        raise ValueError("a number in it is infinite, or none")
    return found


def json(data: bytes, kind: type[T]) -> T:
    """Return JSON as a kind of value.

    Raises
    ------
    ValueError
        Where it is none, or of another kind.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as e:
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

"""Make bad input from good input: random changes to bytes, JSON, event logs and TOML.

Structured input is changed both as bytes and in its values.  With changed values it still parses,
and so reaches the code behind the parser.  All randomness comes from the given generator.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeAlias

import tomli_w

Mutate: TypeAlias = Callable[[Random, bytes, Sequence[bytes]], bytes]
"""Returns a changed input, given a generator, an input, and other inputs to take parts from."""

NUMBERS: tuple[int | float, ...] = (
    0, 1, 2, -1, 7, 255, 65_536, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 10**400, -(2**63),
    -0.0, 0.1, 0.5, 0.999, 1.5, -3.25, 16.0, 3600.0, 43_200.0, 1e9, 1e-300, 1e18, 1e308, -1e308,
    math.nan, math.inf, -math.inf,
)  # fmt: skip
TEXTS = (
    "", " ", "\0", "\ud800", "\u202e", "\x1b[31m\r\n", "\u2028", "e\u0301" * 40, "x" * 70_000,
    "ok", "agent", "customer", "Speaker", "shown", "holdout", "agitation", "question",
    "../../x", "..", "/etc/x", "C:\\x", "NUL", "con", "~nobody/x", "*", "**", "a/b", "self",
    "{", "{}", "{0}", "{held_s:>999999999}", "{held_s!r:9}", "{agitation.real}", "%s%n",
    "<script>", "]]>", "2026-03-02T09:30:00Z", "0001-01-01T00:00:00", "9999-12-31T23:59:59-14:00",
)  # fmt: skip
TOKENS = (
    b"", b"\0", b"\xff\xfe", b"\r\n\r\n", b"[[", b"]]", b"{", b"}", b'"', b"'''", b"=", b"nan",
    b"1e308", b"-0.0", b"9" * 5000, b"[" * 3000, b"a." * 3000, b"\xed\xa0\x80", b"data", b"fmt ",
    b"RIFF", b"RF64", b"OggS", b"fLaC", b"ID3", b"LIST", b"HTTP/1.1", b"Transfer-Encoding: chunked",
    b"Content-Length: 99999999999", b"\x81\xfe\xff\xff", b"\x88\x80", b"\x89\xfd",
)  # fmt: skip
DEEP = 4_000
"""Levels of nesting that are too deep for a parser."""


def bytes_(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change bytes: flip, set, cut, repeat, and insert parts of other inputs."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(out) + 1)
        at = min(at, rng.randrange(256)) if rng.random() < 0.4 else at  # headers
        end = min(len(out), at + rng.choice((1, 2, 4, 8, 64, 1024)))
        match rng.randrange(8):
            case 0 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(out):
                out[at] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
            case 2:
                size, order = rng.choice((2, 4, 8)), rng.choice(("little", "big"))
                number = rng.choice((0, 1, 2, 255, 1024, 2**15, 2**31, 2**32, 2**64)) - 1
                number %= 1 << (8 * size)
                out[at : at + size] = number.to_bytes(
                    size, "little" if order == "little" else "big"
                )
            case 3:
                del out[at:end]
            case 4:
                out[at:at] = out[at:end] * rng.choice((1, 2, 20))
            case 5:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                out[at:end] = other[start : start + rng.choice((4, 64, 4096))]
            case 6:
                out[at:end] = rng.choice(TOKENS)
            case _ if rng.random() < 0.2:
                del out[at:]
    return bytes(out)


def json_(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change values in JSON so that it stays JSON; sometimes change its bytes."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return bytes_(rng, data, others)
    if rng.random() < 0.15:
        return bytes_(rng, data, others)
    try:
        for _ in range(rng.choice((1, 1, 2, 3))):
            tree = _changed(rng, tree)
    except RecursionError:  # an earlier change nested it too deeply
        return b"[" * DEEP
    return _json(rng, tree)


def lines(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change an event log: values within its lines, or the set of lines."""
    if rng.random() < 0.05:
        return bytes_(rng, data, others)
    found = data.splitlines(keepends=True) or [b"\n"]
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(found))
        match rng.randrange(10):
            case 0:
                found.insert(at, found[rng.randrange(len(found))])
            case 1 if len(found) > 1:
                del found[at]
            case 2:
                other = rng.randrange(len(found))
                found[at], found[other] = found[other], found[at]
            case 3:
                theirs = rng.choice(others).splitlines(keepends=True) or [b"\n"]
                found.insert(rng.randrange(len(found) + 1), rng.choice(theirs))
            case 4 if rng.random() < 0.3:
                found[at] = bytes_(rng, found[at], others)
            case _:
                found[at] = json_(rng, found[at], others).rstrip(b"\n") + b"\n"
    return b"".join(found)


def toml(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change values in TOML so that it stays TOML; sometimes change its bytes."""
    if rng.random() < 0.3:
        return bytes_(rng, data, others)
    try:
        tree = tomllib.loads(data.decode())
        for _ in range(rng.choice((1, 1, 2, 3))):
            tree = _changed(rng, tree)
        return tomli_w.dumps(tree).encode("utf-8", "surrogatepass")
    except (ValueError, TypeError, AttributeError, RecursionError):
        return bytes_(rng, data, others)


def _json(rng: Random, tree: Any) -> bytes:
    try:
        text = json.dumps(tree, ensure_ascii=rng.random() < 0.7)
    except (ValueError, RecursionError):
        return b"[" * DEEP
    return text.encode("utf-8", "surrogatepass")


def _changed(rng: Random, tree: Any) -> Any:
    """Return a tree with one node changed; the node's parents are changed in place."""
    nodes: list[tuple[Any, Any]] = []
    found = [tree]
    while found:
        node = found.pop()
        items = list(node.items()) if isinstance(node, dict) else []
        items = list(enumerate(node)) if isinstance(node, list) else items
        nodes += [(node, key) for key, _ in items]
        found += [child for _, child in items]
    if not nodes:
        return _value(rng)
    parent, key = rng.choice(nodes)
    match rng.randrange(12):
        case 0:
            del parent[key]
        case 1:
            other, theirs = rng.choice(nodes)
            if theirs in other if isinstance(other, dict) else theirs < len(other):
                parent[key] = json.loads(json.dumps(other[theirs], default=str))
        case 2 if isinstance(parent, list):
            parent[key:key] = [parent[key]] * rng.choice((1, 5, 50))
        case 3 if isinstance(parent, dict):
            parent[rng.choice(TEXTS)] = parent.pop(key)
        case 4 if isinstance(parent[key], int | float):
            parent[key] = _scaled(parent[key], rng.choice((-1, 0, 2, 0.5, 1000)), 0)
        case 5 if isinstance(parent[key], int | float):
            parent[key] = _scaled(parent[key], 1, rng.choice((-1, 1, -0.5, 10, 1000)))
        case 6 if rng.random() < 0.05:
            for _ in range(DEEP):
                parent[key] = [parent[key]]
        case _:
            parent[key] = _value(rng)
    return tree


def _scaled(x: float, by: float, more: float) -> float:
    try:
        return x * by + more
    except OverflowError:  # an integer too large for a float
        return x


def _value(rng: Random) -> Any:
    kind = rng.randrange(10)
    if kind < 5:
        return rng.choice(NUMBERS)
    if kind < 8:
        return rng.choice(TEXTS)
    return rng.choice((None, True, False, [], {}, [[]], {"": 0}))

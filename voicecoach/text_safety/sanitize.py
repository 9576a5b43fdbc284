"""Cleans untrusted text on input, so that it is plain text on one line.

Words come from a transcriber, and a log may come from anywhere.  Each output escapes the markup of
its own syntax.  Characters that no output can use are removed here, once, where text comes in:

| what                                                            | becomes       |
|-----------------------------------------------------------------|---------------|
| control characters, line and paragraph ends, non-standard spaces | a space       |
| format characters (direction, zero width, tags) and surrogates  | nothing       |
| combining marks on one character, beyond `MAX_MARKS`            | nothing       |
| text that is too long                                           | its beginning |

Limits: scripts that join letters with zero-width characters lose the joining, and composed emoji
fall apart into their parts.
"""

from __future__ import annotations

import unicodedata
from typing import Any

MAX_MARKS = 4
"""Most combining marks on one character; words of no script need more."""
MAX_WORD_CHARS, MAX_TEXT_CHARS = 100, 10_000
"""Most characters of a word, and of any other text."""


def clean_text(text: str, most: int = MAX_TEXT_CHARS) -> str:
    """Return a text of at most `most` characters without control and invisible characters."""
    if text.isascii() and text.isprintable():
        return " ".join(text[:most].split())
    out, marks = [], 0
    for char in text[: 4 * most]:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if kind in ("Cc", "Zl", "Zp", "Zs"):
            out.append(" ")
        elif kind not in ("Cf", "Cs") and marks <= MAX_MARKS:
            out.append(char)
    return " ".join("".join(out)[:most].split())


def clean_json(value: Any) -> Any:
    """Return a JSON value with all its texts cleaned.

    Raises
    ------
    ValueError
        If it is nested too deeply.
    """
    try:
        return _clean_value(value)
    except RecursionError as e:
        raise ValueError("it is nested too deeply") from e


def _clean_value(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean_value(each) for each in value]
    if isinstance(value, dict):
        return {clean_text(key): _clean_value(each) for key, each in value.items()}
    return value


def printable(text: str) -> str:
    """Return text with a space for each character that moves the cursor or changes direction."""
    return "".join(ch if ch.isprintable() else " " for ch in text)


def readable_text(path: object) -> str:
    """Return a path, or a part of one, as text that can be encoded, whatever bytes it has."""
    text = str(path)
    try:
        # In a locale without UTF-8 its bytes are there one by one.
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # lone surrogates, which Windows allows in file names
        data = text.encode("utf-8", "replace")
    return data.decode("utf-8", "replace")

"""Text that somebody else made, as it may be kept and shown: on one line, and nothing but text.

Words come from a transcriber, and a log may be anybody's.  Each output escapes what its own syntax
takes for markup; what no output has a use for goes here, once, where text comes in:

| what                                                       | becomes                         |
|------------------------------------------------------------|---------------------------------|
| control characters, line and paragraph ends, strange spaces | a space                         |
| format characters: direction, zero width, tags; surrogates | nothing                         |
| marks on one character, beyond `MARKS`                     | nothing                         |
| what is longer than it may be                              | its beginning                   |

Scripts that join letters by zero-width characters lose that, and emoji that are made of several
fall into their parts.
"""

from __future__ import annotations

import unicodedata
from typing import Any

MAX_MARKS = 4
"""On one character; no script's words need more."""
MAX_WORD_CHARS, MAX_TEXT_CHARS = 100, 10_000
"""Most characters of a word, and of any other text."""


def clean_text(text: str, most: int = MAX_TEXT_CHARS) -> str:
    """Return a text of at most `most` characters that steers and hides nothing."""
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
    """Return a value of JSON's with all its texts clean.

    Raises
    ------
    ValueError
        Where it is nested too deeply.
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
    """Return text with a space for each character that moves a cursor or turns its direction."""
    return "".join(ch if ch.isprintable() else " " for ch in text)


def readable_text(path: object) -> str:
    """Return a path or a part of one as text that can be written, whatever bytes are in it."""
    text = str(path)
    try:
        # In a locale without UTF-8 its bytes are there one by one.
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # halves of characters, which Windows lets into names
        data = text.encode("utf-8", "replace")
    return data.decode("utf-8", "replace")

"""Shows and quotes words of which it is doubtful that they were said.

A doubtful word is as likely wrong as right.  Wherever a transcript is shown, a run of doubtful
words stands in parentheses with a question mark: "the (ship?) is late".  The mark needs no colour,
and is read aloud and copied with the text.  Where somebody is quoted, the run is left out: "the …
is late".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple, Protocol

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
DOUBT_EXPLANATION = "(word?): may be misheard"
"""Explains the mark, once wherever a reader meets it."""

_CLOSING_MARKS = re.compile(r"[^\w#%']*$")


class DoubtedWord(Protocol):
    """Anything that is a word and knows whether it is doubtful, such as a `Word` event."""

    @property
    def text(self) -> str:
        """The word."""

    @property
    def doubtful(self) -> bool:
        """Whether it is as likely wrong as right."""


class PlainWord(NamedTuple):
    """A word, and whether it is doubtful."""

    text: str
    doubtful: bool = False


def split_doubted(text: str, doubtful: Iterable[int]) -> list[PlainWord]:
    """Return the words of a text, of which those in the places `doubtful` are doubtful."""
    places = frozenset(doubtful)
    return [PlainWord(word, i in places) for i, word in enumerate(text.split(" "))]


def doubtful_places(words: Iterable[DoubtedWord]) -> tuple[int, ...]:
    """Return the places of the doubtful words in their text, which is split at spaces.

    A transcriber of another package may give several words as one.
    """
    parts = (word.doubtful for word in words for _ in word.text.split(" "))
    return tuple(i for i, doubtful in enumerate(parts) if doubtful)


def mark_doubtful(words: Iterable[DoubtedWord]) -> str:
    """Return words as a text in which each run of doubtful words is marked.

    "the", "ship." is "the (ship?)." if "ship." is doubtful.
    """
    return " ".join(_marked(text) if doubtful else text for text, doubtful in _runs(words))


def quote_words(words: Iterable[DoubtedWord]) -> str:
    """Return words as a quotation without the doubtful ones; "" if those are more than half.

    "the", "ship" is "the …" if "ship" is doubtful.
    """
    said = [word for word in words if word.text.strip()]
    if 2 * sum(word.doubtful for word in said) > len(said):
        return ""
    return " ".join(ELLIPSIS if doubtful else text for text, doubtful in _runs(said))


def _runs(words: Iterable[DoubtedWord]) -> Iterator[PlainWord]:
    """Yield the text of each run of words that are all doubtful or all not."""
    said = (word for word in words if word.text.strip())
    for doubtful, run in groupby(said, key=lambda word: word.doubtful):
        yield PlainWord(" ".join(word.text.strip() for word in run), doubtful)


def _marked(text: str) -> str:
    """Return a run of doubtful words with its mark, before the punctuation at its end."""
    closing = _CLOSING_MARKS.search(text)
    end = closing.start() if closing and closing.start() else len(text)
    return f"({text[:end]}?){text[end:]}"

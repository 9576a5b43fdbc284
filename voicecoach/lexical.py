"""What words say: phrases of a declared kind, found in the running words of a speaker."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources

_NOT_SPOKEN = re.compile(r"[^\w']+")


def plain(text: str) -> str:
    """Return a word or phrase as it is compared: lower case, no punctuation but apostrophes."""
    return _NOT_SPOKEN.sub(
        " ", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    ).strip()


def _either(word: str) -> str:
    """Return the pattern of a word of a phrase."""
    return f"(?:{'|'.join(re.escape(plain(choice)) for choice in word.split('|'))})"


class Phrases:
    """A set of phrases, matched as runs of whole words; `a|b` in one stands for either word."""

    def __init__(self, phrases: Sequence[str]) -> None:
        longest_first = sorted(phrases, key=lambda p: len(p.split()), reverse=True)
        spoken = [" ".join(map(_either, phrase.split())) for phrase in longest_first]
        self._pattern = re.compile(rf"(?<!\S)(?:{'|'.join(spoken)})(?!\S)")

    def find(self, words: Sequence[str]) -> list[tuple[int, int]]:
        """Return where phrases stand in `words`, as index ranges [first, last + 1)."""
        tokens = [plain(word) for word in words]
        text = " ".join(tokens)
        starts, position = [], 0
        for token in tokens:
            starts.append(position)
            position += len(token) + 1
        return [
            (
                next(i for i in reversed(range(len(starts))) if starts[i] <= match.start()),
                next(i for i in reversed(range(len(starts))) if starts[i] < match.end()) + 1,
            )
            for match in self._pattern.finditer(text)
        ]

    def cover(self, words: Sequence[str]) -> bool:
        """Return whether `words` are these phrases and nothing else; not so for no words."""
        found = sum(last - first for first, last in self.find(words))
        return found == sum(bool(plain(word)) for word in words) > 0


@cache
def load(speaker: str, kind: str) -> Phrases:
    """Return the built-in phrases of a kind for a speaker."""
    table = tomllib.loads(resources.files("voicecoach").joinpath("lexical.toml").read_text("utf-8"))
    return Phrases(table[speaker][kind])

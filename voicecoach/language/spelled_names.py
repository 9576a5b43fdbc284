"""Finds names that were spelled in a call: "S, O, T. I. ... double L, I"; "T as in Tom".

A name that somebody spells is one that transcribers mishear: spelled letters tell them how it is
written.  The letters may come in pieces, over several utterances of one speaker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from voicecoach.text_safety.spoken_numbers import NumberWords
from voicecoach.types.events import Utterance
from voicecoach.types.stream import SPEAKERS, Speaker

MIN_LETTERS = 4
"""Fewest letters of a spelled name; fewer are mostly abbreviations, such as "I.D."."""
MAX_BETWEEN = 4
"""Most other words, such as "and then", between the letters of one name."""
MAX_RECENT_WORDS = 40
"""Most words of each speaker in which a name is looked for: it may be spelled in pieces."""
MAX_SPELLED_NAMES = 10
"""Most names that are kept of a call, the newest."""
_DOUBTED = "?"
_SEPARATORS = re.compile(r"[.\-]+")


class SpelledNames:
    """The names that were spelled in a call so far."""

    def __init__(self, numbers: NumberWords) -> None:
        self._numbers = numbers
        self._recent: dict[Speaker, list[str]] = {speaker: [] for speaker in SPEAKERS}
        self.names: tuple[str, ...] = ()
        """The names, oldest first."""

    def add_utterance(self, utterance: Utterance) -> None:
        """Add a speaker's final words; a doubtful one is no letter of a name."""
        recent = self._recent[utterance.speaker]
        for i, word in enumerate(utterance.text.split()):
            recent.append(_DOUBTED if i in utterance.doubtful else word)
        del recent[:-MAX_RECENT_WORDS]
        found = spelled_names(recent, self._numbers)
        # "Soti" was all of "Sotilli" that had been spelled.
        names = [
            name for name in self.names if not any(longer.startswith(name) for longer in found)
        ]
        self.names = tuple([*names, *found][-MAX_SPELLED_NAMES:])


class _Letters(NamedTuple):
    """The letters that one word, or a few, stand for."""

    letters: str
    after: int
    """Index after the last word."""
    may_be_word: bool
    """Whether it is a word that is one letter, as "I" is, and nothing shows that it is spelled."""


def spelled_names(words: Sequence[str], numbers: NumberWords) -> list[str]:
    """Return the names that are spelled in a speaker's final words, in order, none twice.

    Parameters
    ----------
    words
        Final words of one speaker, of one or more utterances.
    numbers
        How numbers are spoken: "double" before a letter repeats it, words of `between` may stand
        between letters, and `explains` are said before an example, as in "T as in Tom".

    Returns
    -------
    names
        Capitalised: "Sotilli".

    Examples
    --------
    >>> from voicecoach.shell.runtime.languages import find_numbers
    >>> spelled_names("S, O. T. I. and then double L, I.".split(), find_numbers("en"))
    ['Sotilli']
    """
    found: list[str] = []
    run: list[_Letters] = []
    between = at = 0
    while at < len(words):
        piece = _read_letters(words, at, numbers)
        if piece:
            run, between, at = [*run, piece], 0, piece.after
        elif run and between < MAX_BETWEEN and _bare(words[at]) in numbers.between:
            between, at = between + 1, at + 1
        else:
            found += _name(run, ends=False)
            run, between, at = [], 0, at + 1
    found += _name(run, ends=True)
    return list(dict.fromkeys(found))


def _read_letters(words: Sequence[str], at: int, numbers: NumberWords) -> _Letters | None:
    """Return the letters that begin at a word, or None."""
    bare = _bare(words[at])
    if bare in numbers.repeated and at + 1 < len(words):
        letters = _split(words[at + 1])
        times = numbers.repeated[bare]
        return _Letters(letters[:1] * (times - 1) + letters, at + 2, False) if letters else None
    letters = _split(words[at])
    if not letters or letters in numbers.clock:
        return None
    example = _example(words, at + 1, letters[-1], numbers)
    alone = words[at].isalpha() and letters in numbers.letter_words and not example
    return _Letters(letters, at + 1 + example, alone)


def _split(word: str) -> str:
    """Return the letters of "T.", "L-L-E" or "T.I.", in lower case; "" for any other word."""
    parts = [part for part in _SEPARATORS.split(word.strip(",;:!?\"'()")) if part]
    spelled = all(len(part) == 1 and part.isalpha() for part in parts)
    return "".join(parts).lower() if spelled else ""


def _example(words: Sequence[str], at: int, letter: str, numbers: NumberWords) -> int:
    """Return how many words explain a letter: three in "as in Tom"."""
    for explains in numbers.explains:
        size = len(explains.split())
        said = [_bare(word) for word in words[at : at + size + 1]]
        if " ".join(said[:-1]) == explains and said[-1].startswith(letter) and len(said[-1]) > 1:
            return size + 1
    return 0


def _name(run: list[_Letters], *, ends: bool) -> list[str]:
    """Return the name that letters spell, if they do.

    A first "a", or an "I" after which the sentence goes on, is a word of its own.
    """
    if run and run[0].may_be_word:
        run = run[1:]
    if run and run[-1].may_be_word and not ends:
        run = run[:-1]
    letters = "".join(piece.letters for piece in run)
    return [letters.capitalize()] if len(letters) >= MIN_LETTERS and len(set(letters)) > 2 else []


def _bare(word: str) -> str:
    return word.strip(".,;:!?\"'()").lower()

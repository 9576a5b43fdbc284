"""What words say: the phrases, negations and content words of a speaker's running words.

Phrases are data of a language (`pack`).  What all readers of words share is `SharedPhrases`, from
the language's `phrases.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from voicecoach.language.tables import SharedTable
from voicecoach.types.events import Utterance, Word
from voicecoach.types.stream import SAMPLE_RATE, Immutable

NEGATION_REACH = 3
"""Words before a phrase in which a negation turns it round."""
RETOLD_MIN_WORDS, RETOLD_MIN_SHARE = 3, 0.6
"""Content words that two tellings of the same share at least, and the part of the shorter one's."""
AGAIN_AFTER = 20 * SAMPLE_RATE
"""Sooner than this the same content is the same telling of it."""
LEAD_GAP = 2 * SAMPLE_RATE
"""The longest pause over which an utterance is read with the last words of the one before."""
MAX_GAP_WORDS = 3
"""Most words that `..` stands for."""

_NOT_SPOKEN = re.compile(r"[^\w']+")


def normalize_text(text: str) -> str:
    """Return a word or phrase as it is compared: lower case, no punctuation but apostrophes."""
    return _NOT_SPOKEN.sub(
        " ", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    ).strip()


class Phrases(Immutable):
    """A set of phrases, matched as runs of whole words, the longer before the shorter.

    In one, `a|b` stands for either word, `a_b` in it for two words, `a?` for a word that may be
    left out, `<name>` for any word or run of a named set, and `..` for up to `GAP` words.

    Parameters
    ----------
    phrases
        At least one.
    sets
        The named sets; their members are phrases without `?`, `..` and sets.

    Raises
    ------
    ValueError
        For a set that has no name here, and a phrase of no words.
    """

    def __init__(
        self, phrases: Sequence[str], sets: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        # By the first word: most words begin no phrase, and cost nothing.
        self._begun: dict[str, list[list[_Part]]] = {}
        for phrase in sorted(phrases, key=lambda p: len(p.split()), reverse=True):
            parts = [_part(word, sets or {}) for word in phrase.split()]
            firsts: set[str] = set()
            for part in parts:
                firsts.update(run[0] for run in part.runs)
                if not part.optional:
                    break
            for first in firsts:
                self._begun.setdefault(first, []).append(parts)

    def find(self, words: Sequence[str]) -> list[tuple[int, int]]:
        """Return where phrases stand in `words`, as index ranges [first, last + 1)."""
        spoken = [
            (text, place)
            for place, word in enumerate(words)
            for text in normalize_text(word).split()
        ]
        found = self.find_normalized(tuple(text for text, _ in spoken))
        return [(spoken[first][1], spoken[last - 1][1] + 1) for first, last in found]

    def find_normalized(self, texts: tuple[str, ...]) -> list[tuple[int, int]]:
        """Return the same for words that are plain already, each a single one."""
        found, done = [], 0
        for i, text in enumerate(texts):
            if i < done:
                continue
            for parts in self._begun.get(text, ()):
                end = _match(parts, 0, texts, i)
                if end is not None:
                    found.append((i, end))
                    done = end
                    break
        return found

    def cover_all(self, words: Sequence[str]) -> bool:
        """Return whether `words` are these phrases and nothing else; not so for no words."""
        found = sum(last - first for first, last in self.find(words))
        return found == sum(bool(normalize_text(word)) for word in words) > 0


class _Part(NamedTuple):
    """What may stand in one place of a phrase."""

    runs: frozenset[tuple[str, ...]]
    sizes: tuple[int, ...]
    """Words of a run, the longer first."""
    optional: bool


_ANY = _Part(frozenset(), (), False)
"""Up to `GAP` words."""


def _part(word: str, sets: Mapping[str, Sequence[str]]) -> _Part:
    if word == "..":
        return _ANY
    runs: set[tuple[str, ...]] = set()
    for choice in word.removesuffix("?").split("|"):
        if choice.startswith("<"):
            if choice[1:-1] not in sets:
                raise ValueError(f"there is no set {choice}")
            runs.update(run for member in sets[choice[1:-1]] for run in _runs(member))
        else:
            runs.add(tuple(normalize_text(choice.replace("_", " ")).split()))
    if not all(runs):
        raise ValueError(f"{word!r} is no word")
    sizes = tuple(sorted({len(run) for run in runs}, reverse=True))
    return _Part(frozenset(runs), sizes, word.endswith("?"))


def _match(parts: Sequence[_Part], at: int, words: tuple[str, ...], i: int) -> int | None:
    """Return where the parts from `at` on end if they begin with the word `i`, or None."""
    if at == len(parts):
        return i
    part = parts[at]
    if part is _ANY:
        last = min(i + MAX_GAP_WORDS, len(words))
        ends = (_match(parts, at + 1, words, skipped) for skipped in range(i, last + 1))
        return next((end for end in ends if end is not None), None)
    for size in part.sizes:
        if i + size <= len(words) and words[i : i + size] in part.runs:
            end = _match(parts, at + 1, words, i + size)
            if end is not None:
                return end
    return _match(parts, at + 1, words, i) if part.optional else None


def _runs(member: str) -> list[tuple[str, ...]]:
    """Return each way to say a member of a set."""
    choices = [
        [tuple(normalize_text(choice.replace("_", " ")).split()) for choice in word.split("|")]
        for word in member.split()
    ]
    return [sum(way, ()) for way in product(*choices)]


def mark_places(taken: list[bool], places: Iterable[tuple[int, int]]) -> None:
    """Mark the words at places."""
    for first, last in places:
        taken[first:last] = [True] * (last - first)


class SharedPhrases(Immutable):
    """What all readers of a language's words share."""

    def __init__(self, table: SharedTable) -> None:
        self.fillers = frozenset(table.fillers)
        """Words that say nothing."""
        self.second_person = frozenset(table.second_person)
        """Words by which the customer is addressed."""
        self._negation = Phrases(table.negation)
        self._no_negation = Phrases(table.no_negation)
        self._common = Phrases(table.common)
        self._clause_starters = frozenset(table.clause_starters)
        self._uncounted = frozenset(table.uncounted)

    def find_negated(self, words: Sequence[str], taken: Sequence[bool]) -> list[bool]:
        """Return for each word whether a negation turns it round.

        Parameters
        ----------
        words
            As `normalize_text` gives them, without fillers.
        taken
            Words that are part of a phrase, which is said as it is: they negate nothing else.
        """
        silent = list(taken)
        mark_places(silent, self._no_negation.find(words))
        turned = [False] * len(words)
        for first, last in self._negation.find(words):
            if not any(silent[first:last]):
                mark_places(turned, [(first, self._negation_end(words, last))])
        return turned

    def content_stems(self, words: Sequence[str]) -> list[str]:
        """Return each word cut to where its forms are the same, or "" where it is common."""
        common = [len(word) < 4 or not word.isalpha() for word in words]
        mark_places(common, self._common.find(words))
        return ["" if c else word[:5] for word, c in zip(words, common, strict=True)]

    def _negation_end(self, words: Sequence[str], first: int) -> int:
        """Return where a negation stops, when it is followed by the word `first`."""
        left = NEGATION_REACH
        for i in range(first, len(words)):
            left -= words[i] not in self._uncounted
            if left < 0 or words[i] in self._clause_starters:
                return i
        return len(words)


def find_retelling(before: Sequence[str], now: Sequence[str], span: int) -> int | None:
    """Return where it shows best that the same is told again, in a run of words; None if not so.

    Parameters
    ----------
    before, now
        As `content` gives them.
    span
        Words in the run.
    """
    old, new = set(before) - {""}, set(now) - {""}
    shared = old & new
    if len(shared) < max(RETOLD_MIN_WORDS, RETOLD_MIN_SHARE * min(len(old), len(new))):
        return None
    held = [len(shared.intersection(now[i : i + span])) for i in range(len(now))]
    return held.index(max(held))


class UtteranceWords:
    """The words of one speaker by utterance, as they are believed now.

    Only committed words are told; which those are depends on nothing but the newest event of
    each word and, once they have come, on the final ones alone.

    Parameters
    ----------
    remembered
        How many utterances, the newest ones.
    """

    def __init__(self, remembered: int) -> None:
        self._remembered = remembered
        self._words: dict[int, dict[int, Word]] = {}

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, number: int) -> bool:
        return number in self._words

    def __iter__(self) -> Iterator[tuple[int, list[Word]]]:
        """Go through the utterances in order, each with its committed words."""
        for number in sorted(self._words):
            yield number, _committed(self._words[number])

    def newest_words(self) -> list[Word]:
        """Return the words of the newest utterance, tentative ones too."""
        words = self._words[max(self._words)] if self._words else {}
        return [words[i] for i in sorted(words)]

    def apply_event(self, event: Word | Utterance) -> bool:
        """Take a word, or the end of an utterance, and return whether what is told changed.

        What was read of the utterance and of those after it, which are read with the end of the
        one before, is void then; and so is what was read of one that is no longer remembered.
        """
        number = event.utterance
        before = self._words.get(number, {})
        if isinstance(event, Utterance):
            words = {i: word for i, word in before.items() if i < event.words}
        else:
            words = _replaced(before, event)
        self._words[number] = words
        if not words:
            del self._words[number]
        changed = _committed(before) != _committed(words)
        if len(self._words) > self._remembered:
            del self._words[min(self._words)]
            changed = True
        return changed


def _replaced(words: dict[int, Word], word: Word) -> dict[int, Word]:
    """Return the words of an utterance with one in its place."""
    if word.final:
        # Words that were believed before the end are void.
        words = {i: w for i, w in words.items() if w.final}
    elif any(w.final for w in words.values()):
        return words
    return {**words, word.index: word}


def _committed(words: dict[int, Word]) -> list[Word]:
    return [words[i] for i in sorted(words) if words[i].committed]

"""Finds phrases, negations and content words in a speaker's words.

Phrases come from a language's tables (`pack`).  `SharedPhrases` holds the word lists of
`phrases.toml`, which dialogue acts and wording share.
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
"""A negation applies to phrases that begin within this many words after it."""
RETOLD_MIN_WORDS, RETOLD_MIN_SHARE = 3, 0.6
"""Fewest content words shared by two tellings of the same thing, and their least share of the
shorter telling."""
AGAIN_AFTER = 20 * SAMPLE_RATE
"""Samples; the same content sooner than this belongs to the same telling."""
LEAD_GAP = 2 * SAMPLE_RATE
"""Longest pause, samples, after which an utterance is still read with the end of the previous
one."""
MAX_GAP_WORDS = 3
"""Most words that `..` stands for."""

_NOT_SPOKEN = re.compile(r"[^\w']+")


def normalize_text(text: str) -> str:
    """Return a word or phrase in lower case, without punctuation other than apostrophes."""
    return _NOT_SPOKEN.sub(
        " ", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    ).strip()


def count_syllables(text: str) -> int:
    """Estimate the syllables in a text: groups of vowels, without a silent final e of English."""
    total = 0
    for word in normalize_text(text).split():
        groups = len(re.findall(r"[aeiouy\u00e0-\u00ff]+", word))
        silent = re.search(r"[^aeiouyl]es?$|[^aeiouytd]ed$", word) is not None
        total += max(groups - (silent and groups > 1), 1)
    return total


class Phrases(Immutable):
    """A set of phrases, matched on whole words, longer phrases first.

    Syntax: `a|b` is either word ("a_b|c": the words "a b", or "c"), `a?` is an optional word,
    `<name>` is any member of a named set, and `..` is up to `MAX_GAP_WORDS` words.

    Parameters
    ----------
    phrases
        At least one.
    sets
        The named sets; their members are phrases without `?`, `..` or sets.

    Raises
    ------
    ValueError
        If a phrase names an unknown set or has no words.
    """

    def __init__(
        self, phrases: Sequence[str], sets: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        # By first word, so that a word that begins no phrase costs one look-up.
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
        """Return the index ranges [first, last + 1) of phrases in `words`."""
        spoken = [
            (text, place)
            for place, word in enumerate(words)
            for text in normalize_text(word).split()
        ]
        found = self.find_normalized(tuple(text for text, _ in spoken))
        return [(spoken[first][1], spoken[last - 1][1] + 1) for first, last in found]

    def find_normalized(
        self, texts: tuple[str, ...], barred: Sequence[bool] = ()
    ) -> list[tuple[int, int]]:
        """Return the same as `find`, for single words that are already normalized.

        A phrase with a word that is `barred` is not found, and hides no other phrase.
        """
        found, done = [], 0
        for i, text in enumerate(texts):
            if i < done:
                continue
            for parts in self._begun.get(text, ()):
                end = _match(parts, 0, texts, i)
                if end is not None and not any(barred[i:end]):
                    found.append((i, end))
                    done = end
                    break
        return found

    def cover_all(self, words: Sequence[str]) -> bool:
        """Return whether `words` consist only of these phrases; False for no words."""
        found = sum(last - first for first, last in self.find(words))
        return found == sum(bool(normalize_text(word)) for word in words) > 0


class _Part(NamedTuple):
    """The alternatives for one position of a phrase."""

    runs: frozenset[tuple[str, ...]]
    sizes: tuple[int, ...]
    """Lengths of the runs, words, longest first."""
    optional: bool


_ANY = _Part(frozenset(), (), False)
"""Up to `MAX_GAP_WORDS` words."""


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
    """Return every word sequence that a member of a set stands for."""
    choices = [
        [tuple(normalize_text(choice.replace("_", " ")).split()) for choice in word.split("|")]
        for word in member.split()
    ]
    return [sum(way, ()) for way in product(*choices)]


def mark_places(taken: list[bool], places: Iterable[tuple[int, int]]) -> None:
    """Set the entries in the index ranges `places` to True."""
    for first, last in places:
        taken[first:last] = [True] * (last - first)


class SharedPhrases(Immutable):
    """The word lists of `phrases.toml`, shared by dialogue acts and wording."""

    def __init__(self, table: SharedTable) -> None:
        self.fillers = frozenset(table.fillers)
        """Filler words: "uh"."""
        self.second_person = frozenset(table.second_person)
        """Words that address the customer: "you"."""
        self._negation = Phrases(table.negation)
        self._no_negation = Phrases(table.no_negation)
        self._common = Phrases(table.common)
        self._clause_starters = frozenset(table.clause_starters)
        self._uncounted = frozenset(table.uncounted)

    def find_negated(self, words: Sequence[str], taken: Sequence[bool]) -> list[bool]:
        """Return for each word whether a negation applies to it.

        Parameters
        ----------
        words
            Words from `normalize_text`, without fillers.
        taken
            For each word, whether it is part of a matched phrase; such words negate nothing.
        """
        silent = list(taken)
        mark_places(silent, self._no_negation.find(words))
        turned = [False] * len(words)
        for first, last in self._negation.find(words):
            if not any(silent[first:last]):
                mark_places(turned, [(first, self._negation_end(words, last))])
        return turned

    def content_stems(self, words: Sequence[str]) -> list[str]:
        """Return the stem of each word (its first five letters), "" if the word is common."""
        words = [word.removesuffix("'s") for word in words]
        common = [len(word) < 4 or not word.isalpha() for word in words]
        mark_places(common, self._common.find(words))
        return ["" if c else word[:5] for word, c in zip(words, common, strict=True)]

    def _negation_end(self, words: Sequence[str], first: int) -> int:
        """Return the index where the reach of a negation ends, if it is followed by `first`."""
        left = NEGATION_REACH
        for i in range(first, len(words)):
            left -= words[i] not in self._uncounted
            if left < 0 or words[i] in self._clause_starters:
                return i
        return len(words)


def find_retelling(before: Sequence[str], now: Sequence[str], span: int) -> int | None:
    """Return the index in `now` of the run that best shows a retelling; None if it is not one.

    Parameters
    ----------
    before, now
        From `SharedPhrases.content_stems`.
    span
        Length of the run, words.
    """
    old, new = set(before) - {""}, set(now) - {""}
    shared = old & new
    if len(shared) < max(RETOLD_MIN_WORDS, RETOLD_MIN_SHARE * min(len(old), len(new))):
        return None
    held = [len(shared.intersection(now[i : i + span])) for i in range(len(now))]
    return held.index(max(held))


class UtteranceWords:
    """The current words of one speaker, by utterance.

    Iteration yields committed words only.  They depend only on the newest event of each word and,
    once final words have arrived, on those alone.

    Parameters
    ----------
    remembered
        Number of newest utterances to keep.
    """

    def __init__(self, remembered: int) -> None:
        self._remembered = remembered
        self._words: dict[int, dict[int, Word]] = {}

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, number: int) -> bool:
        return number in self._words

    def __iter__(self) -> Iterator[tuple[int, list[Word]]]:
        """Yield each utterance number in order, with its committed words."""
        for number in sorted(self._words):
            yield number, _committed(self._words[number])

    def newest_words(self) -> list[Word]:
        """Return the words of the newest utterance, including partial ones."""
        words = self._words[max(self._words)] if self._words else {}
        return [words[i] for i in sorted(words)]

    def apply_event(self, event: Word | Utterance) -> bool:
        """Apply a word or the end of an utterance; return whether committed words changed.

        If so, the caller discards its results for this utterance, for later ones (they are read
        with the end of the one before), and for utterances no longer kept.
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
    """Return the words of an utterance after one of them is added or replaced."""
    if word.final:
        # Final words replace all earlier hypotheses.
        words = {i: w for i, w in words.items() if w.final}
    elif any(w.final for w in words.values()):
        return words
    return {**words, word.index: word}


def _committed(words: dict[int, Word]) -> list[Word]:
    return [words[i] for i in sorted(words) if words[i].committed]

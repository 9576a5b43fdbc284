"""Finds names to expect in a line about the call, and words that sound like one in what was heard.

A recogniser that does not know a name writes words that sound like it: "so till" for "Sitille".
Each text with a name in place of what sounds like it is one more text to judge by its sound, and a
name gets a bonus (Aleksic et al. 2015, "Bringing contextual information to Google speech
recognition", Interspeech).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from voicecoach.text_safety.spoken_numbers import HIDDEN_DIGIT, NumberWords

MIN_NAME_LETTERS, MAX_NAME_LETTERS = 3, 40
"""Fewest letters of a name, as a shorter one sounds like too many words, and most."""
MAX_NAMES = 20
"""Most names that a line about a call gives."""
MAX_ALIKE_WORDS = 3
"""Most words that together may be a misheard name, as in "so to lee"."""
LEAST_ALIKE = 0.7
"""Least likeness of sounds, 0..1, of words that may be a misheard name."""
MAX_LONGER = 0.5
"""Most difference in length of words and the name that they may be, as a share of the name's."""
MAX_ALIKE_TEXTS = 4
"""Most texts that are made of one text."""

_WORD = re.compile(r"[^\W_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}.-][^\W_]+)*")
_PARTS = re.compile(r"(\W*)(.*?)((?:['\N{RIGHT SINGLE QUOTATION MARK}]s)?\W*)", re.DOTALL)
_DOUBLE = re.compile(r"(.)\1+")
_SOUNDS = [
    (re.compile(spelled), sound)
    for spelled, sound in (
        (r"^(kn|gn|pn)", "n"), (r"^wr", "r"), (r"^x", "z"), (r"tch", "c"), (r"sch|sh", "S"),
        (r"ch", "C"), (r"ph", "f"), (r"gh(?=$|t)", ""), (r"gh", "g"), (r"ck", "k"), (r"wh", "w"),
        (r"th", "T"), (r"dg", "j"), (r"qu", "kw"), (r"c(?=[eiy])", "s"), (r"[cq]", "k"),
        (r"x", "ks"), (r"z", "s"), (r"g(?=[eiy])", "j"), (r"(?<=\w[^aeiouy])e$", ""),
        (r"h(?![aeiouy])", ""), (r"C", "c"), (r"mb$", "m"), (r"y", "i"),
    )
]  # fmt: skip
"""English spellings and a letter for the sound of each, in the order in which they are replaced."""
_VOWELS = frozenset("aeiou")
_ALIKE = tuple(map(frozenset, ("bp", "dtT", "gk", "fv", "sSc", "cSj", "mn", "lr", "vw", "rw")))
"""Consonants that are easily mistaken for each other on a telephone."""


def names_in(about: str, numbers: NumberWords) -> list[str]:
    """Return the names in a line about a call, in order, none twice: words with a capital letter.

    Words with a figure, and number words, are none: a card's number is never among names.

    Parameters
    ----------
    about
        Plain text, such as a line of a customer database.
    numbers
        How numbers are spoken.

    Examples
    --------
    >>> from voicecoach.shell.runtime.languages import find_numbers
    >>> names_in("Jane Tille, order 48213, Subaru Outback, claim denied", find_numbers("en"))
    ['Jane', 'Tille', 'Subaru', 'Outback']
    """
    number_words = {*numbers.units, *numbers.tens, *numbers.two_digits, *numbers.scales}
    number_words |= {*numbers.plurals, *numbers.repeated, *numbers.ordinals, *numbers.months}
    found = []
    for whole in _WORD.findall(about):
        word = _split_word(whole)[1]
        size = sum(ch.isalpha() for ch in word)
        if not MIN_NAME_LETTERS <= size <= MAX_NAME_LETTERS or any(ch.isdigit() for ch in word):
            continue
        if word[0].isupper() and word.lower() not in number_words:
            found.append(word.title() if word.isupper() else word)
    return list(dict.fromkeys(found))[:MAX_NAMES]


def count_names(text: str, names: Sequence[str]) -> int:
    """Return how many words of a text are names, or words of one."""
    known = {word.lower() for name in names for word in name.split()}
    return sum(_split_word(word)[1].lower() in known for word in text.split())


def texts_with_names(text: str, names: Sequence[str]) -> list[str]:
    """Return a text with a name in place of words that sound like it, once for each place.

    Parameters
    ----------
    text
        What a recogniser may have heard.
    names
        Names to expect; of one of several words, each word is looked for.

    Returns
    -------
    texts
        At most `MAX_ALIKE_TEXTS`, the best first.

    Examples
    --------
    >>> texts_with_names("Thanks, Mr. Sotilly.", ["Sitille"])
    ['Thanks, Mr. Sitille.']
    """
    words = text.split()
    split = [_split_word(word) for word in words]
    bare = [word.lower() for _, word, _ in split]
    sounds = [_sound(word) for word in bare]
    found: list[tuple[float, str]] = []
    for name in dict.fromkeys(word for entry in names for word in entry.split()):
        wanted = _sound(name)
        if len(wanted) < MIN_NAME_LETTERS:
            continue
        places = [
            (likeness, start, stop)
            for start, stop, likeness in _places(sounds, wanted)
            if name.lower() not in bare[start:stop]
        ]
        if places:
            likeness, start, stop = max(places)
            said = split[start][0] + name + split[stop - 1][2]
            found.append((likeness, " ".join([*words[:start], said, *words[stop:]])))
    return [each for _, each in sorted(found, key=lambda x: -x[0])[:MAX_ALIKE_TEXTS]]


def _places(sounds: Sequence[str], wanted: str) -> Iterator[tuple[int, int, float]]:
    """Yield where words sound like a name: first, after the last, how much."""
    for start in range(len(sounds)):
        for stop in range(start + 1, min(start + MAX_ALIKE_WORDS, len(sounds)) + 1):
            if not sounds[stop - 1]:
                break
            sound = _DOUBLE.sub(r"\1", "".join(sounds[start:stop]))
            if abs(len(sound) - len(wanted)) <= MAX_LONGER * len(wanted):
                likeness = 1 - _distance(sound, wanted) / max(len(sound), len(wanted))
                if likeness >= LEAST_ALIKE:
                    yield start, stop, likeness


@lru_cache(10_000)
def _sound(word: str) -> str:
    """Return how a word sounds, about: "Sitille" and "sotily" differ in vowels alone.

    What has figures, or hidden digits, has no sound: no number becomes a name.
    """
    if any(ch.isdigit() or ch == HIDDEN_DIGIT for ch in word):
        return ""
    plain = unicodedata.normalize("NFKD", word.lower())
    plain = "".join(ch for ch in plain if "a" <= ch <= "z")
    for spelled, sound in _SOUNDS:
        plain = spelled.sub(sound, plain)
    return _DOUBLE.sub(r"\1", plain)


@lru_cache(10_000)
def _distance(a: str, b: str) -> float:
    """Return the least cost of turning one sound into another."""
    row = [0.0]
    for y in b:
        row.append(row[-1] + _gap(y))
    for x in a:
        above, row = row, [row[0] + _gap(x)]
        for j, y in enumerate(b):
            row.append(min(above[j + 1] + _gap(x), row[j] + _gap(y), above[j] + _change(x, y)))
    return row[-1]


def _gap(x: str) -> float:
    return 0.5 if x in _VOWELS else 0.6 if x in "hrw" else 0.9


def _change(x: str, y: str) -> float:
    if x == y:
        return 0.0
    vowels = (x in _VOWELS) + (y in _VOWELS)
    if vowels:
        return 0.3 if vowels == 2 else 1.2
    return 0.5 if any(x in group and y in group for group in _ALIKE) else 1.0


def _split_word(word: str) -> tuple[str, str, str]:
    """Return the signs before a word, the word, and what follows: signs, or "'s"."""
    before, bare, after = _PARTS.fullmatch(word).groups()  # type: ignore[union-attr]
    return before, bare, after

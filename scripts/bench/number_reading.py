"""Read the digits in a text as a person does; shares nothing with the product."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

HIDDEN_DIGIT = "#"
RUN = 4
"""Number of secret digits in a row that counts as a leak."""
ALLOWED = 6
"""How many of a card's first digits may be shown (PCI DSS 3.4)."""
UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ALIKE = {
    **{"oh": "0", "o": "0", "nought": "0", "won": "1", "to": "2", "too": "2", "tree": "3"},
    **{"for": "4", "fore": "4", "fife": "5", "ate": "8", "niner": "9"},
}
"""Words that mean a digit when next to one."""


def read(text: str) -> str:
    """Return the digits that a person can read in a text, with a `#` for each hidden digit."""
    text = (
        unicodedata.normalize("NFKC", text).lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )
    words = re.findall(rf"{HIDDEN_DIGIT}+|\d|[^\W\d_]+", text)
    out, times, tens = "", 1, ""
    for i, word in enumerate(words):
        found = ""
        if word[0] == HIDDEN_DIGIT or word.isdigit():
            found = word
        elif word in UNITS:
            found = str(UNITS.index(word))
        elif word in TEENS:
            found = str(TEENS.index(word) + 10)
        elif word in TENS:
            out += tens + "0" if tens else ""
            tens = str(TENS.index(word))
            continue
        elif word in ("double", "triple"):
            times = 2 if word == "double" else 3
            continue
        elif word in ALIKE and _beside_one(words, i):
            found = ALIKE[word]
        if found:
            alone = tens if len(found) == 1 and found not in "0#" else tens and tens + "0"
            out += alone + found * times
        elif tens:
            out += tens + "0"
        times, tens = 1, ""
    return out + (tens + "0" if tens else "")


def _beside_one(words: Sequence[str], i: int) -> bool:
    near = (*words[max(i - 1, 0) : i], *words[i + 1 : i + 2])
    return any(
        w in UNITS or w in TEENS or w in TENS or w[0] == HIDDEN_DIGIT or w.isdigit() for w in near
    )


def longest(secret: str, text: str) -> int:
    """Return how many secret digits can be read in a row."""
    shown = read(text)
    for size in range(len(secret), 0, -1):
        if any(secret[i : i + size] in shown for i in range(len(secret) - size + 1)):
            return size
    return 0

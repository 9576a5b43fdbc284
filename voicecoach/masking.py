"""Card numbers are hidden before anything else sees the words.

A card number has 13 to 19 digits (ISO/IEC 7812-1), said one by one, in groups, with pauses, or
written by the recogniser in any grouping; one misheard digit makes its check digit useless, so
only the count decides.  In a run of digits that has as many, all beyond the first six are hidden
(PCI DSS 3.4 lets the first six be shown).  Until the run is over it cannot be known how long it
will be: then, too, what is beyond the sixth is hidden, also at the end of an utterance, since the
rest may follow in the next one.  A telephone number that is followed by other words stays.

The hidden digits count as digits, so what is masked can be masked again and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

HIDDEN = "#"
"""Stands for a digit."""
OPEN = 6
"""Digits of a card number that may be shown."""
SHORTEST = 13
"""Digits that a card number has at least."""

_UNITS = (
    *("zero", "oh", "o", "nought", "one", "two", "three", "four"),
    *("five", "six", "seven", "eight", "nine"),
)
_TENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy"),
    *("eighty", "ninety"),
)
_SPOKEN = dict.fromkeys(_UNITS, 1) | dict.fromkeys(_TENS, 2)
_REPEATED = {"double": 1, "triple": 2}
"""Digits that these add to the one that follows."""
_BETWEEN = {"uh", "um", "er", "erm", "and", "then", "dash", "hyphen", "space", ""}
"""Words that do not end a run."""
_WRITTEN = re.compile(rf"[\d{HIDDEN}]+(?:[-.,/][\d{HIDDEN}]+)*")
_AMOUNT = re.compile(r"\d{1,3}(?:,\d{3}){1,2}")
"""Thousands with commas, too few digits for a card."""


class Masked(NamedTuple):
    """Words that may be seen."""

    texts: list[str]
    run: int
    """Digits in the run that the last of them leaves open."""


def mask(texts: Sequence[str], run: int = 0) -> Masked:
    """Return the words with what may be of a card number hidden.

    Parameters
    ----------
    texts
        Successive words of one speaker.
    run
        Digits in the run that was open before them.
    """
    out, counts, start = list(texts), [digits(text) for text in texts], 0
    for end in [*(i for i, count in enumerate(counts) if count < 0), len(counts)]:
        before, run = run, run + sum(counts[start:end])
        is_open = end == len(counts)
        if is_open or run >= SHORTEST:
            _hide(out, start, counts[start:end], before)
        if not is_open:
            start, run = end + 1, 0
    return Masked(out, run)


def _hide(out: list[str], start: int, counts: list[int], before: int) -> None:
    """Hide the digits beyond `OPEN` of a run of words, of which `before` came earlier."""
    for i, count in enumerate(counts, start):
        shown = max(OPEN - before, 0)
        before += count
        if count > shown:
            out[i] = _hidden(out[i], count, shown)


def _hidden(text: str, count: int, shown: int) -> str:
    if not any(c.isdigit() or c == HIDDEN for c in text):
        return HIDDEN * count  # a spoken number, of which no part is shown
    seen = 0
    out = []
    for c in text:
        if c.isdigit() or c == HIDDEN:
            seen += 1
            out.append(c if seen <= shown else HIDDEN)
        else:
            out.append(c)
    return "".join(out)


def digits(text: str) -> int:
    """Return how many digits a word stands for; -1 where it ends a run."""
    bare = text.strip(" \t.,;:!?()\"'").lower()
    if _AMOUNT.fullmatch(bare):
        return -1
    if _WRITTEN.fullmatch(bare):
        return sum(c.isdigit() or c == HIDDEN for c in bare)
    if bare in _SPOKEN:
        return _SPOKEN[bare]
    if bare in _REPEATED:
        return _REPEATED[bare]
    if bare in _BETWEEN or set(bare) <= set("-,./"):
        return 0
    parts = bare.split("-")
    if len(parts) > 1 and all(part in _SPOKEN for part in parts):
        return 2 if parts[0] in _TENS and len(parts) == 2 else sum(_SPOKEN[p] for p in parts)
    return -1

"""Tells speech that a transcriber understood from speech that it only made words of.

A transcriber of English writes English for any language.  Two things give it away: its words are
unlikely even to itself, and a transcriber of another kind writes other words.  The numbers were
chosen on a part of the speakers of `scripts.bench.understood`, which prints how they do on others.
"""

from __future__ import annotations

from collections.abc import Sequence

from voicecoach.language.written_numbers import spoken_tokens
from voicecoach.text_safety.spoken_numbers import NumberWords

MIN_JUDGED_WORDS = 4
"""Fewest words of an utterance that is judged: of fewer, one unusual name makes the most."""
MIN_MEAN_LOG_PROBABILITY = -0.95
"""Least mean log-probability of the tokens of a text that one transcriber understood."""
DISAGREEMENT_WEIGHT, MAX_DOUBT = 2.0, 3.5
"""An utterance is not understood if the mean doubt of both transcribers (nats for each word) and
this many times the share of words on which they differ are more than `MAX_DOUBT`."""


def is_understood_alone(words: int, mean_log_probability: float) -> bool:
    """Return whether one transcriber understood an utterance.

    Parameters
    ----------
    words
        Number of words in its text.
    mean_log_probability
        Mean over the tokens of the text, 0 or less.
    """
    return words < MIN_JUDGED_WORDS or mean_log_probability >= MIN_MEAN_LOG_PROBABILITY


def is_understood(
    first: str,
    second: str,
    of_first: tuple[float, float],
    of_second: tuple[float, float],
    numbers: NumberWords,
) -> bool:
    """Return whether two transcribers of different kinds understood an utterance.

    Parameters
    ----------
    first, second
        The likeliest text of each.  Of texts with few words this says nothing: True.
    of_first, of_second
        Log-probability of the first text, and of the second one, by each transcriber: by the first,
        by the second.
    numbers
        How numbers are spoken.

    Examples
    --------
    >>> from voicecoach.shell.runtime.languages import find_numbers
    >>> english = find_numbers("en")
    >>> is_understood("It is ten.", "It is 10.", (-0.5, -0.3), (-0.6, -0.3), english)
    True
    """
    lengths = [max(len(text.split()), 1) for text in (first, second)]
    mine, yours = (
        [token.text for token in spoken_tokens(text.split(), numbers)] for text in (first, second)
    )
    if min(len(mine), len(yours)) < MIN_JUDGED_WORDS:
        return True
    doubt = -(sum(of_first) / lengths[0] + sum(of_second) / lengths[1]) / 4
    different = _edits(mine, yours) / max(len(mine), len(yours))
    return doubt + DISAGREEMENT_WEIGHT * different <= MAX_DOUBT


def _edits(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the fewest words to insert, delete or replace to get from `a` to `b`."""
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (word != other))
    return row[-1]

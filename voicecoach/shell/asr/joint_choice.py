"""Chooses between what two recognisers heard, by how likely each finds the other's words.

Two recognisers of different kinds err differently.  The texts that either may have heard, and each
one's best text with single places replaced by the other's, are judged by both: the text with the
highest sum of log-probabilities is chosen.  Words that are on the screen already, as committed, are
kept where the sound permits: changing them costs more than they gain.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np

from voicecoach.language.phrases import normalize_text
from voicecoach.language.vocabulary import count_names, texts_with_names
from voicecoach.language.written_numbers import spoken_tokens, write_figures
from voicecoach.text_safety.spoken_numbers import NumberWords

SECOND_WEIGHT = 1.2
"""Weight of the second recogniser's log-probability; the first's is 1."""
WORD_BONUS = 0.5
"""Added for each word, since each word costs probability: else too short a text is chosen."""
KEPT_BONUS = 1.0
"""Added for each committed word that a text keeps."""
NAME_BONUS = 10.0
"""Added for each word of a name to expect, since unknown names are unlikely to recognisers."""
SPREAD = 3.0
"""Divides log-probabilities before texts are compared: both recognisers are surer than right."""
MAX_SWAPS = 6
"""Most places that are replaced one at a time in each best text."""


def same_words(first: str, second: str, numbers: NumberWords, committed: str = "") -> bool:
    """Return whether two texts have the same words, however numbers are written.

    They begin with the words of `committed`, too.
    """
    words, known = _tokens(first, numbers), _tokens(committed, numbers)
    return words == _tokens(second, numbers) and words[: len(known)] == known


def whole_texts(texts: Sequence[str]) -> list[str]:
    """Return the texts that are at least half as long as the first.

    Of a wide search, the least likely texts may end at the first pause; few words cost little
    probability, so these would often be chosen.
    """
    least = len(texts[0].split()) / 2
    return [text for text in texts if len(text.split()) >= least]


def candidate_texts(
    first: Sequence[str],
    second: Sequence[str],
    numbers: NumberWords,
    committed: str = "",
    names: Sequence[str] = (),
) -> list[tuple[str, str]]:
    """Return the texts to judge, none of them twice: the best of each, then the others.

    Parameters
    ----------
    first, second
        What each recogniser may have heard, best first; at least one text each.
    numbers
        How numbers are spoken.
    committed
        The first words of the audio, as they were committed.
    names
        Names to expect, which words that sound like one may be.

    Returns
    -------
    texts
        Each text as the first recogniser writes it, with figures, and as the second does.
    """
    of_first = [(text, text) for text in first]
    of_second = [(write_figures(text, numbers), text) for text in second]
    best, other = of_first[0], of_second[0]
    written = [best, other, *of_first[1:], *of_second[1:]]
    for mine, yours in ((best, other), (other, best)):
        written += _swaps(mine[0], yours[0], numbers)
        written += _swaps(mine[0], committed, numbers, begins=True) if committed else []
        written += [(text, text) for text in texts_with_names(mine[0], names)]
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    for text in written:
        if text[0]:
            found.setdefault(tuple(_tokens(text[0], numbers)), text)
    return list(found.values())


class Choice(NamedTuple):
    """What was chosen of some texts, as indices."""

    joint: int
    first: int
    """What the first recogniser finds likeliest by itself."""
    second: int
    """What the second one does."""
    shares: list[float]
    """Probability of each text; they sum to 1."""


def choose(
    texts: Sequence[str],
    first_scores: Sequence[float],
    second_scores: Sequence[float],
    numbers: NumberWords,
    committed: str = "",
    offensive: Collection[str] = (),
    names: Sequence[str] = (),
) -> Choice:
    """Return which text both together find likeliest, and which each of them does.

    Parameters
    ----------
    texts
        Texts that were judged, as `candidate_texts` returns them.
    first_scores, second_scores
        Log-probability of each text by each recogniser.
    numbers, committed, names
        As for `candidate_texts`.
    offensive
        Words that are chosen only if each one finds them likeliest, or nothing else was judged.
    """
    bonus = WORD_BONUS * np.array([len(text.split()) for text in texts])
    first, second = np.array(first_scores), np.array(second_scores)
    joint = first + SECOND_WEIGHT * second + bonus
    if committed:
        known = _tokens(committed, numbers)
        joint += KEPT_BONUS * np.array([_kept(known, _tokens(text, numbers)) for text in texts])
    if names:
        joint += NAME_BONUS * np.array([count_names(text, names) for text in texts])
    first_best, second_best = (int(np.argmax(scores + bonus)) for scores in (first, second))
    rude = [set(map(normalize_text, text.split())).intersection(offensive) for text in texts]
    barred = [not words <= rude[first_best] & rude[second_best] for words in rude]
    if not all(barred):
        joint[barred] = -np.inf
    heights = np.exp((joint - joint.max()) / SPREAD)
    shares = [float(share) for share in heights / heights.sum()]
    return Choice(int(np.argmax(joint)), first_best, second_best, shares)


def heard_by(words: Sequence[str], text: str, numbers: NumberWords) -> list[bool]:
    """Return for each of `words` whether `text` has it too, in the same place."""
    tokens, other = spoken_tokens(words, numbers), _tokens(text, numbers)
    common = [True] * len(words)
    matcher = SequenceMatcher(None, [token.text for token in tokens], other, autojunk=False)
    for kind, start, stop, _, _ in matcher.get_opcodes():
        if kind != "equal":
            for token in tokens[start:stop]:
                common[token.start : token.stop] = [False] * (token.stop - token.start)
    return common


def _kept(known: Sequence[str], tokens: Sequence[str]) -> int:
    """Return how many of the known tokens are kept, in order."""
    matcher = SequenceMatcher(None, known, tokens, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def _swaps(
    mine: str, yours: str, numbers: NumberWords, *, begins: bool = False
) -> list[tuple[str, str]]:
    """Return my text with each of its first places replaced by yours.

    If yours is only how the text `begins`, what follows it in mine stays.
    """
    words, theirs = mine.split(), yours.split()
    a, b = spoken_tokens(words, numbers), spoken_tokens(theirs, numbers)
    matcher = SequenceMatcher(None, [x.text for x in a], [x.text for x in b], autojunk=False)
    found = []
    for kind, a_start, a_stop, b_start, b_stop in matcher.get_opcodes():
        if begins and b_stop == len(b):
            a_stop = min(a_stop, a_start + b_stop - b_start)
        if kind == "equal" or (a_start == a_stop and b_start == b_stop):
            continue
        start = a[a_start].start if a_start < len(a) else len(words)
        stop = a[a_stop - 1].stop if a_stop > a_start else start
        first = b[b_start].start if b_start < len(b) else len(theirs)
        last = b[b_stop - 1].stop if b_stop > b_start else first
        text = " ".join([*words[:start], *theirs[first:last], *words[stop:]])
        found.append((text, text))
    return found[:MAX_SWAPS]


def _tokens(text: str, numbers: NumberWords) -> list[str]:
    return [token.text for token in spoken_tokens(text.split(), numbers)]

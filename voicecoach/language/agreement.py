"""Decides which words of successive hypotheses to commit, and which to show.

Where one recogniser listens, words are committed once two successive hypotheses agree on them
(LocalAgreement-2: Liu et al. 2020, "Low-latency sequence-to-sequence speech recognition and
translation by partial hypothesis selection", Interspeech), or three if the transcriber gave them a
low probability.  The hypotheses of a recogniser that streams build on each other, so that two that
agree prove nothing: there, a word is committed once it has not changed for some time (Baumann et
al. 2009, "Assessing and improving the performance of speech recognition for incremental systems",
NAACL).  Where two listen, a word that both hear is committed at once, and one that only one hears
once both agree on the words after it.  The last word of audio that ends in
mid-speech is never committed, since it may be half a word.

Only the last few committed words are decoded again, to align the next hypothesis with the audio;
earlier audio is left out.  Partial words are shown up to the first that is more likely to change
than to stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from voicecoach.language.phrases import normalize_text
from voicecoach.text_safety.spoken_numbers import HIDDEN_DIGIT
from voicecoach.types.stream import SAMPLE_RATE, HeardWord, Transcript

SURE_WORD = 0.5
"""Probability from which two agreeing hypotheses commit a word; below it, three must agree."""
TAIL_WORDS = 2
"""Number of last words, in audio that ends in mid-speech, on which three hypotheses must agree."""
MIN_SHOWN_PROBABILITY = 0.2
"""A partial word below this probability is not shown, nor are those after it."""
MIN_SHOWN_LAST_WORD = 0.55
"""The same for the last word of audio that ends in mid-speech."""
MIN_SHOWN_BEFORE = 0.4
"""A word that only one of two recognisers heard is shown at once from this probability on, if they
agree on the next; otherwise when two hypotheses have it."""
AGREED_BEFORE = 2
"""Words that must follow an agreed word, before it is committed at first sight."""
AGREED_AFTER = 2
"""Agreed words that must follow a word that only one heard, before it is committed."""
STEADY_TIMES = 4
"""A word that only one heard is committed once so many hypotheses in a row have it."""
SETTLED_AFTER = int(1.0 * SAMPLE_RATE)
"""A word of a recogniser that streams is committed once it is the same in so much more audio,
samples.  Of PocketSphinx's in two real calls 1 % change then; after 0.8 s up to 8 %
(`scripts/bench/streams.py`)."""
REDECODED_WORDS = 4
"""Number of last committed words that are decoded again with the words after them."""
REDECODE_MARGIN = int(0.2 * SAMPLE_RATE)
"""Audio kept before the first of these words, samples."""
MIN_SKIPPED_AUDIO = int(2.0 * SAMPLE_RATE)
"""Least audio that is worth leaving out, samples."""

_DIGIT = re.compile(r"\d")


class HypothesisPrompt(NamedTuple):
    """Where a hypothesis starts, and the words before it; see `TranscribeRequest`."""

    start: int
    first: int = 0
    prefix: str = ""
    context: str = ""


class _Followed(NamedTuple):
    """An uncommitted word of the newest hypothesis."""

    text: str
    times: int
    """How many hypotheses in a row had it."""
    since: int
    """Where the audio of the first of these ended."""
    before: int
    """Where the audio of the last hypothesis without it in this place ended."""


class LocalAgreement:
    """The committed and partial words of an utterance that began at `start`."""

    def __init__(self, start: int) -> None:
        self.committed: list[HeardWord] = []
        self.tentative: list[HeardWord] = []
        """Partial words of the newest hypothesis that may be shown."""
        self._start = start
        self._heard_to = start
        self._following: list[_Followed] = []
        """Uncommitted words of the newest hypothesis."""
        self._before: list[int] = []
        """For each committed word, where the audio of the last hypothesis without it ended."""

    def add_hypothesis(
        self, words: tuple[HeardWord, ...], end: int, *, complete: bool, streamed: bool = False
    ) -> None:
        """Add a hypothesis of the words after the committed ones.

        Parameters
        ----------
        words
            The words after those committed before.
        end
            Stream index where its audio ended.
        complete
            Whether its audio ended in silence, so that its last word is whole.
        streamed
            Whether it builds on the hypothesis before; see `Transcript`.
        """
        seen = list[_Followed]()
        agreeing = True
        commit = 0
        follow = _agreed_after(words, complete=complete)
        places = _same_places([word.text for word in words], [f.text for f in self._following])
        for i, word in enumerate(words):
            in_place = i < len(self._following) and _same_word(self._following[i].text, word.text)
            before = self._following[i].before if in_place else self._heard_to
            times, since = 1, end
            if i in places:
                times, since = (
                    self._following[places[i]].times + 1,
                    self._following[places[i]].since,
                )
            seen.append(_Followed(word.text, times, since, before))
            agreeing = agreeing and in_place
            rest = len(words) - 1 - i
            if commit == i and (complete or rest):
                if streamed:
                    commit += end - since >= SETTLED_AFTER
                elif word.agreed is not None:
                    commit += _joint_word_stays(word, times, rest, follow[i], complete=complete)
                else:
                    sure = word.probability >= SURE_WORD and (complete or rest >= TAIL_WORDS)
                    commit += agreeing and (sure or times > 2)
        self._before += [word.before for word in seen[:commit]]
        self.committed += words[:commit]
        self._following = seen[commit:]
        self._heard_to = end
        self.tentative = []
        for i, word in enumerate(words[commit:], commit):
            half = not complete and i == len(words) - 1
            if half and word.text.endswith("-"):
                break  # the transcriber's own mark of half a word
            if word.agreed is False:
                if seen[i].times < 2 and not (follow[i] and word.probability >= MIN_SHOWN_BEFORE):
                    break
            elif word.probability < (MIN_SHOWN_LAST_WORD if half else MIN_SHOWN_PROBABILITY):
                break
            self.tentative.append(word)

    def next_prompt(self) -> HypothesisPrompt:
        """Return the prompt for the next hypothesis of the uncommitted words."""
        texts = [word.text for word in self.committed]
        told = self._told()
        if told < len(texts):
            return HypothesisPrompt(self._start, told, " ".join(texts[:told]))
        kept = max(len(texts) - REDECODED_WORDS, 0)
        before = [*self._before, *(word.before for word in self._following)]
        start = min(before[kept:], default=self._start) - REDECODE_MARGIN
        if start - self._start < MIN_SKIPPED_AUDIO:
            return HypothesisPrompt(self._start, len(texts), " ".join(texts))
        return HypothesisPrompt(start, len(texts), " ".join(texts[kept:]), " ".join(texts[:kept]))

    def committed_text(self) -> str:
        """Return the committed words that the transcriber may be told."""
        return " ".join(word.text for word in self.committed[: self._told()])

    def words_after_committed(self, transcript: Transcript) -> tuple[HeardWord, ...] | None:
        """Return the words of a transcript after the committed ones.

        None if it does not have the last committed word within two words of its place, unless it is
        streamed: all that follows would lack it, too.
        """
        known = [word.text for word in self.committed[transcript.first :]]
        if not known:
            return transcript.words
        heard = [word.text for word in transcript.words]
        for shift in (0, -1, 1, -2, 2):
            at = len(known) + shift
            if 0 < at <= len(heard) and _same_word(heard[at - 1], known[-1]):
                return transcript.words[at:]
        return transcript.words[len(known) :] if transcript.streamed else None

    def _told(self) -> int:
        """Return how many committed words stand before the first with a hidden digit."""
        hidden = (i for i, word in enumerate(self.committed) if HIDDEN_DIGIT in word.text)
        return next(hidden, len(self.committed))


def _agreed_after(words: Sequence[HeardWord], *, complete: bool) -> list[int]:
    """Return for each word how many in a row are agreed at the next place where any is.

    The last word of audio that ends in mid-speech does not count.
    """
    found, run = [0] * len(words), 0
    nearest = 0
    for i in range(len(words) - 1, -1, -1):
        found[i] = run or nearest
        if words[i].agreed and (complete or i < len(words) - 1):
            run += 1
            nearest = run
        else:
            run = 0
    return found


def _joint_word_stays(
    word: HeardWord, times: int, rest: int, follow: int, *, complete: bool
) -> bool:
    """Return whether to commit a word that two recognisers listened for.

    Parameters
    ----------
    word
        The word; not the last of audio that ends in mid-speech.
    times
        How many hypotheses in a row had it.
    rest
        How many words follow it.
    follow
        How many agreed words in a row follow it at the next place where there are any.
    complete
        Whether the audio ended in silence.
    """
    if word.agreed:
        return complete or times > 1 or rest >= AGREED_BEFORE
    return (times > 1 and (complete or follow >= AGREED_AFTER)) or times >= STEADY_TIMES


def _same_places(texts: Sequence[str], before: Sequence[str]) -> dict[int, int]:
    """Return for each word that is in the hypothesis before, too, its place there."""
    hidden = any(HIDDEN_DIGIT in text for text in (*texts, *before))

    def same(text: str) -> str:
        masked = _DIGIT.sub(HIDDEN_DIGIT, text)
        return masked if hidden and HIDDEN_DIGIT in masked else normalize_text(text)

    a, b = ([same(text) for text in some] for some in (texts, before))
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return {block.a + k: block.b + k for block in blocks for k in range(block.size)}


def _same_word(first: str, second: str) -> bool:
    """Return whether two words are the same; a hidden digit is like any other."""
    if HIDDEN_DIGIT in first or HIDDEN_DIGIT in second:
        return _DIGIT.sub(HIDDEN_DIGIT, first) == _DIGIT.sub(HIDDEN_DIGIT, second)
    return normalize_text(first) == normalize_text(second)

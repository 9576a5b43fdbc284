"""The kinds of moves, and how each is found in running words, whoever said them when.

The kinds are data (`dialogue_acts.toml`): phrases, longer ones that only look like it, examples
of both. Two need a rule beside their phrases.  A *question* ends in the recogniser's question
mark, or opens a clause as questions do.  A promise that a time goes with is an *expectation*, one
without is a *promise*.  What needs the other's words is in `moves`.

They err to silence: a phrase that is as often innocent is left out, for a cue that is wrong costs
more than one that is missed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from voicecoach.language.phrases import (
    FILLERS,
    Phrases,
    find_negated,
    language_table,
    mark_places,
    normalize_text,
)
from voicecoach.types import SPEAKERS, Immutable, Speaker

MERGE_WITHIN_WORDS = 4
"""Words between two finds of a kind that make them one: "sorry, so sorry" is one apology."""
TIME_AFTER, TIME_BEFORE, TIME_NEXT = 25, 8, 12
"""Words from a promise to its time: after or before it in the sentence, and in the next one."""

ACT_KINDS: Mapping[Speaker, Mapping[str, str]] = {
    speaker: {
        kind: data["doc"]
        for kind, data in language_table("dialogue_acts")[speaker].items()
        if kind != "time"
    }
    for speaker in SPEAKERS
}
"""What each kind of move is, by speaker."""

_CLAUSE_STOP = re.compile(r"[,.;:!?\u2026-]+[\"')]*$")
_SENTENCE_STOP = re.compile(r"[.!?]+[\"')]*$")
_QUESTION_STOP = re.compile(r"\?+[\"')]*$")


class ActMatch(NamedTuple):
    """A move in running words."""

    kind: str
    first: int
    last: int
    """It is the words [first, last)."""
    instead: str = ""
    """What could be said in its place, where it had better not be said."""


class ActToken(NamedTuple):
    """A word as it is read."""

    text: str
    place: int
    """Of the word as it was given."""
    pause: bool
    stop: bool
    asked: bool
    """Whether a clause, a sentence, a question ends with it."""


def tokenize_acts(words: Sequence[str]) -> list[ActToken]:
    """Return words as they are read here: plain, spelled one way, without fillers."""
    spelling: dict[str, str] = language_table("dialogue_acts")["spelling"]
    read: list[ActToken] = []
    for place, word in enumerate(words):
        spoken = [w for w in normalize_text(word).split() if w not in FILLERS]
        spoken = " ".join(spelling.get(w, w) for w in spoken).split()
        pause, stop, asked = (
            bool(p.search(word)) for p in (_CLAUSE_STOP, _SENTENCE_STOP, _QUESTION_STOP)
        )
        read += [ActToken(text, place, False, False, False) for text in spoken[:-1]]
        if spoken:
            read.append(ActToken(spoken[-1], place, pause, stop, asked))
        elif read:
            last = read[-1]
            read[-1] = last._replace(
                pause=last.pause or pause, stop=last.stop or stop, asked=last.asked or asked
            )
    return read


class ActKind(Immutable):
    """A kind of move, as data says it."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._groups = [
            (act_phrases(group["phrases"]), group.get("instead", ""))
            for group in data.get("groups", [data])
        ]
        self._but, self._across = (
            act_phrases(data[key]) if data.get(key) else None for key in ("but", "across")
        )
        self._negation: bool = data.get("negation", False)

    def find_places(self, words: Sequence[ActToken]) -> list[tuple[int, int, str]]:
        """Return where it is among tokens, [first, last), and what to say instead."""
        texts = tuple(token.text for token in words)
        hits = [
            (first, last, instead)
            for phrases, instead in self._groups
            for first, last in phrases.find_normalized(texts)
        ]
        if not hits:
            return hits
        taken = [False] * len(texts)
        for first, last in self._but.find_normalized(texts) if self._but else ():
            # One sentence does not take the sense from the next.
            if not any(token.stop for token in words[first : last - 1]):
                mark_places(taken, [(first, last)])
        if self._across:
            mark_places(taken, self._across.find_normalized(texts))
        hits = [hit for hit in hits if not any(taken[hit[0] : hit[1]])]
        if self._negation and hits:
            mark_places(taken, [(first, last) for first, last, _ in hits])
            turned, start = [], 0
            for i, token in enumerate(words):
                if token.stop or i == len(words) - 1:
                    # A negation ends with its sentence.
                    turned += find_negated(texts[start : i + 1], taken[start : i + 1])
                    start = i + 1
            hits = [hit for hit in hits if not turned[hit[0]]]
        return hits


class ActMatcher:
    """Finds the moves of a speaker by their words alone."""

    def __init__(self, speaker: Speaker) -> None:
        data = language_table("dialogue_acts")[speaker]
        by_rule = {"question", "promise", "expectation", "paraphrase"}
        self._kinds = {kind: ActKind(data[kind]) for kind in data if kind not in by_rule}
        self._rules: list[Callable[[Sequence[ActToken], tuple[str, ...]], list[ActMatch]]] = []
        if "question" in data:
            question = data["question"]
            self._asks, self._opens = ActKind(question), act_phrases(question["openings"])
            self._tags, self._before = (
                act_phrases(question["tags"]),
                act_phrases(question["before"]),
            )
            self._promises, self._tells = ActKind(data["promise"]), ActKind(data["expectation"])
            self._times = ActKind(data["expectation"]["time"])
            self._rules = [self._questions, self._promised]

    def match_acts(self, words: Sequence[ActToken]) -> list[ActMatch]:
        """Return the moves in tokens, by their first word; their places are those of tokens."""
        texts = tuple(token.text for token in words)
        found = [
            ActMatch(kind, *hit)
            for kind, phrases in self._kinds.items()
            for hit in phrases.find_places(words)
        ]
        for rule in self._rules:
            found += rule(words, texts)
        return _merge_close(found)

    def _questions(self, words: Sequence[ActToken], texts: tuple[str, ...]) -> list[ActMatch]:
        found = [
            ActMatch("question", first, last) for first, last, _ in self._asks.find_places(words)
        ]
        clause = sentence = 0
        starts, tags = {0}, set()
        for i, token in enumerate(words):
            if token.pause or i == len(words) - 1:
                if self._tags.cover_all(texts[clause : i + 1]):
                    tags.add(clause)
                elif token.asked:
                    found.append(ActMatch("question", sentence, i + 1))
                clause = i + 1
                starts.add(clause)
            if token.stop:
                sentence = i + 1
        for first, last in self._before.find_normalized(texts):
            if first in starts:
                starts.add(last)
        opened = self._opens.find_normalized(texts)
        found += [ActMatch("question", *place) for place in opened if place[0] in starts - tags]
        return found

    def _promised(self, words: Sequence[ActToken], texts: tuple[str, ...]) -> list[ActMatch]:
        times = [(first, last) for first, last, _ in self._times.find_places(words)]
        stops = [i for i, token in enumerate(words) if token.stop]

        def timed(first: int, last: int, following: int) -> int | None:
            """Return where the time ends that goes with [first, last)."""
            for at, end in times:
                apart = sum(min(last, end) - 1 <= stop < max(first, at) for stop in stops)
                after, before = at - last, first - end
                near = -(end - at) <= after <= (TIME_AFTER if not apart else following)
                if near or (0 <= before <= TIME_BEFORE and not apart):
                    return max(end, last)
            return None

        found = []
        for first, last, _ in self._promises.find_places(words):
            end = timed(first, last, TIME_NEXT)
            found.append(ActMatch("expectation" if end else "promise", first, end or last))
        for first, last, _ in self._tells.find_places(words):
            end = timed(first, last, 0)
            if end:
                found.append(ActMatch("expectation", first, end))
        return found


def load_matchers() -> None:
    """Make the readers, which takes a while, before a call with words begins."""
    for speaker in SPEAKERS:
        matcher_for(speaker)


def find_acts(speaker: Speaker, words: Sequence[str]) -> list[ActMatch]:
    """Return the moves in words, by their first word; a paraphrase needs the call, see `Moves`.

    Parameters
    ----------
    speaker
        Who says it.
    words
        As the recogniser gives them, with their punctuation.
    """
    read = tokenize_acts(words)
    return [
        f._replace(first=read[f.first].place, last=read[f.last - 1].place + 1)
        for f in matcher_for(speaker).match_acts(read)
    ]


def _merge_close(found: list[ActMatch]) -> list[ActMatch]:
    """Return finds by their first word, those of a kind that are close together as one."""
    joined: list[ActMatch] = []
    newest: dict[tuple[str, str], int] = {}
    for f in sorted(found, key=lambda f: (f.first, f.last, f.kind)):
        at = newest.get((f.kind, f.instead))
        if at is not None and f.first - joined[at].last < MERGE_WITHIN_WORDS:
            joined[at] = joined[at]._replace(last=max(joined[at].last, f.last))
        else:
            newest[f.kind, f.instead] = len(joined)
            joined.append(f)
    return joined


def act_phrases(texts: Sequence[str]) -> Phrases:
    """Return phrases with the named sets of moves."""
    return Phrases(texts, language_table("dialogue_acts")["sets"])


@cache
def matcher_for(speaker: Speaker) -> ActMatcher:
    """Return the reader of a speaker's words, made once."""
    return ActMatcher(speaker)

"""Reads the conversation of a call: its utterances with their final words and dialogue acts.

Views, exports and scoring all use it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf
from typing import NamedTuple

from msgspec.structs import replace

from voicecoach.types.doubt import mark_doubtful
from voicecoach.types.events import (
    CarefulUtterance,
    DialogueAct,
    DigitsShown,
    Event,
    NotUnderstood,
    Utterance,
    Word,
)
from voicecoach.types.stream import SPEAKERS, Speaker

NOT_UNDERSTOOD_TEXT = "[not understood]"
"""Stands for the text of an utterance that was not understood."""
CAREFUL_EXPLANATION = (
    "Heard again with more care after the call; cues and scores rest on what was heard live."
)
"""Explains the words of a careful replay, once wherever a reader meets them."""
CONVERSATION_EVENTS = (
    *(Word, Utterance, NotUnderstood, DigitsShown, CarefulUtterance),
    DialogueAct,
)
"""Events that a `Conversation` is built from."""


class SpokenUtterance(NamedTuple):
    """An utterance with its words and dialogue acts."""

    speaker: Speaker
    start: int
    """Samples."""
    end: int
    text: str
    marked_text: str
    """The text with its doubtful words marked."""
    words: Sequence[Word]
    """In order."""
    acts: Sequence[DialogueAct]
    """Dialogue acts that lie in it, or are nearest to it."""
    complete: bool
    """All of its words are in the log."""
    understood: bool = True
    """False if it made no sense as words: its text is then `NOT_UNDERSTOOD_TEXT`."""
    number: int = 0
    """Its number among the speaker's utterances."""
    careful: CarefulUtterance | None = None
    """The same utterance as it was heard again with more care, if it was."""

    def heard_again(self) -> SpokenUtterance:
        """Return it with the words that were heard again, if it was; for readers."""
        again = self.careful
        if not again:
            return self
        return self._replace(
            start=again.start,
            end=again.end,
            text=again.text,
            marked_text=mark_doubtful(again.words),
            words=[
                Word(
                    at=again.at,
                    speaker=again.speaker,
                    utterance=again.utterance,
                    index=i,
                    text=word.text,
                    start=word.start,
                    end=word.end,
                    probability=word.probability,
                    committed=True,
                    final=True,
                    doubtful=word.doubtful,
                )
                for i, word in enumerate(again.words)
            ],
            complete=True,
        )


class Conversation:
    """Builds the conversation of a call from its events as they come."""

    def __init__(self) -> None:
        self._words: dict[tuple[Speaker, int], dict[int, Word]] = {}
        self._utterances: list[Utterance] = []
        self._not_understood: list[NotUnderstood] = []
        self._digits: dict[tuple[Speaker, int], list[DigitsShown]] = {}
        self._careful: dict[tuple[Speaker, int], CarefulUtterance] = {}
        self.acts: dict[Speaker, list[DialogueAct]] = {speaker: [] for speaker in SPEAKERS}
        """Dialogue acts by speaker, in order of arrival."""

    def add_event(self, event: Event) -> None:
        """Add an event."""
        match event:
            case Word(final=True):
                place = event.speaker, event.utterance
                self._words.setdefault(place, {})[event.index] = event
            case Utterance():
                self._utterances.append(event)
            case NotUnderstood():
                self._not_understood.append(event)
            case DigitsShown():
                self._digits.setdefault((event.speaker, event.utterance), []).append(event)
            case CarefulUtterance():
                self._careful[event.speaker, event.utterance] = event
            case DialogueAct():
                self.acts[event.speaker].append(event)
            case _:
                pass

    def utterances(self) -> list[SpokenUtterance]:
        """Return the utterances in the order in which they began."""
        found: list[SpokenUtterance] = []
        acts: list[list[DialogueAct]] = []
        by_speaker: dict[Speaker, list[int]] = {speaker: [] for speaker in SPEAKERS}
        """Places of each speaker's utterances in `found`."""
        for u in sorted(self._utterances, key=lambda u: (u.start, u.speaker.row)):
            own = dict(self._words.get((u.speaker, u.utterance), {}))
            for shown in self._digits.get((u.speaker, u.utterance), ()):
                u = replace(u, text=shown.apply(u.text))
                if shown.index in own:
                    own[shown.index] = replace(own[shown.index], text=shown.text)
            words = [own[i] for i in sorted(own) if 0 <= i < u.words]
            by_speaker[u.speaker].append(len(found))
            acts.append([])
            found.append(
                SpokenUtterance(
                    u.speaker,
                    u.start,
                    u.end,
                    u.text,
                    u.marked_text,
                    [word for word in words if word.text],
                    acts[-1],
                    len(words) == u.words,
                    number=u.utterance,
                    careful=self._careful.get((u.speaker, u.utterance)),
                )
            )
        for speaker, places in by_speaker.items():
            spans = OrderedSpans([(found[i].start, found[i].end) for i in places])
            for act in self.acts[speaker] if places else ():
                acts[places[spans.nearest(act.start, act.end)]].append(act)
        if not self._not_understood:
            return found
        unknown = NOT_UNDERSTOOD_TEXT
        found += [
            SpokenUtterance(
                e.speaker, e.start, e.end, unknown, unknown, [], [], True, understood=False
            )
            for e in self._not_understood
        ]
        return sorted(found, key=lambda u: (u.start, u.speaker.row))


def conversation(events: Iterable[Event]) -> list[SpokenUtterance]:
    """Return the utterances of a call in the order in which they began."""
    whole = Conversation()
    for event in events:
        whole.add_event(event)
    return whole.utterances()


def readable_conversation(events: Iterable[Event]) -> list[SpokenUtterance]:
    """Return the utterances of a call as readers want them: heard again where they were."""
    return [u.heard_again() for u in conversation(events)]


class OrderedSpans:
    """Finds spans of a long call without looking at each of them.

    Parameters
    ----------
    spans
        Start and end of each, ordered by start; they may overlap.
    """

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self._spans = spans
        self._starts = [start for start, _ in spans]
        self._reach = list(accumulate((end for _, end in spans), max))
        """The latest end of each span and those before it."""

    def nearest(self, start: int, end: int) -> int:
        """Return the place of the span outside of which [start, end) lies least, or the first."""
        after = bisect_right(self._starts, start)
        best = (inf, -1)
        for i in range(after - 1, -1, -1):
            if end - self._reach[i] > best[0]:
                break
            best = min(best, (max(end - self._spans[i][1], 0), i))
        for i in range(after, len(self._spans)):
            if self._starts[i] - start >= best[0]:
                break
            best = min(best, (max(self._starts[i] - start, end - self._spans[i][1], 0), i))
        return best[1]

    def touching(self, start: int, end: int) -> range:
        """Return a range of places with all spans that overlap [start, end)."""
        return range(bisect_right(self._reach, start), bisect_left(self._starts, end))

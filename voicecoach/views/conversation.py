"""Reads the conversation of a call: its utterances with their final words and dialogue acts.

Views, exports and scoring all use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from voicecoach.types.events import DialogueAct, DigitsShown, Event, Utterance, Word
from voicecoach.types.stream import SPEAKERS, Speaker


class SpokenUtterance(NamedTuple):
    """An utterance with its words and dialogue acts."""

    speaker: Speaker
    start: int
    """Samples."""
    end: int
    text: str
    words: Sequence[Word]
    """In order."""
    acts: Sequence[DialogueAct]
    """Dialogue acts that lie in it, or are nearest to it."""
    complete: bool
    """All of its words are in the log."""


class Conversation:
    """Builds the conversation of a call from its events as they come."""

    def __init__(self) -> None:
        self._words: dict[tuple[Speaker, int], dict[int, Word]] = {}
        self._utterances: list[Utterance] = []
        self._digits: dict[tuple[Speaker, int], list[DigitsShown]] = {}
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
            case DigitsShown():
                self._digits.setdefault((event.speaker, event.utterance), []).append(event)
            case DialogueAct():
                self.acts[event.speaker].append(event)
            case _:
                pass

    def utterances(self) -> list[SpokenUtterance]:
        """Return the utterances in the order in which they began."""
        found: list[SpokenUtterance] = []
        acts: list[list[DialogueAct]] = []
        by_speaker: dict[Speaker, list[int]] = {speaker: [] for speaker in SPEAKERS}
        for u in sorted(self._utterances, key=lambda u: (u.start, u.speaker.row)):
            own, text = dict(self._words.get((u.speaker, u.utterance), {})), u.text
            for shown in self._digits.get((u.speaker, u.utterance), ()):
                text = shown.apply(text)
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
                    text,
                    [word for word in words if word.text],
                    acts[-1],
                    len(words) == u.words,
                )
            )
        for speaker in SPEAKERS:
            for act in self.acts[speaker] if by_speaker[speaker] else ():
                nearest = min(by_speaker[speaker], key=lambda i: _distance(found[i], act))
                acts[nearest].append(act)
        return found


def conversation(events: Iterable[Event]) -> list[SpokenUtterance]:
    """Return the utterances of a call in the order in which they began."""
    whole = Conversation()
    for event in events:
        whole.add_event(event)
    return whole.utterances()


def _distance(utterance: SpokenUtterance, act: DialogueAct) -> int:
    """Return how far an act lies outside an utterance, samples."""
    return max(utterance.start - act.start, act.end - utterance.end, 0)

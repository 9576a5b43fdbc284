"""Tells the people on one channel apart by their voices.

Each window of speech has an embedding (`voice_embedding`); the cosine of two says how alike the
voices are.  A person is the mean of their embeddings, which follows them as they get loud or tired.
A mean of few windows is far from where it will settle, which makes all cosines with it too low by a
known factor; they are divided by it.

Another person speaks where two windows in a row are clearly unlike the person and like each other,
or where four are somewhat unlike the person and more like each other.  Windows of one voice that
breaks, or moves away from the microphone, are seldom that far off.  Those of a voice that shouts
often are, so windows that are louder than the person show nobody else, for half a minute.  That
holds for people who were in conversation: a recorded voice that nobody answered does not shout.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from voicecoach.types.events import FIRST_PERSON
from voicecoach.types.stream import F32

ALIKE = 0.4
"""Cosine with the person from which a window is theirs."""
LEARNT_FROM = 0.3
"""Cosine with the person from which a window is learnt."""
UNLIKE, AGREEING = 0.25, 0.4
"""Two windows below the first value whose own cosine is at least the second: another person."""
SOMEWHAT_UNLIKE, WINDOWS = 0.35, 4
"""So many windows whose mean is below this value, if they are `NEARER` to each other."""
NEARER = 0.15
RETURNED = 0.4
"""Cosine with an earlier person from which it is that person again."""
RAISED_DB, RAISED_WINDOWS = 5.0, 20
"""So many windows in a row show nobody else if they are so much louder than the person."""
OF_ONE_VOICE = 0.4
"""Cosine of two windows of one voice, on average."""
KNOWN = 3
"""Windows from which somebody is known.  Before, a clearer voice takes their place unannounced: the
first sound on a channel is often a breath, a laugh or the end of a tone."""
REMEMBERED = 40
"""Windows after which the oldest of a person are gradually forgotten."""
MOST_PEOPLE = 8
"""People remembered on a channel; further ones take the place of the one who spoke least."""


class _Window(NamedTuple):
    embedding: F32
    level_db: float
    answered: bool


class _Unlike(NamedTuple):
    """A window that is not like the person."""

    cosine: float
    window: _Window


class _Person:
    """The mean of one person's embeddings."""

    def __init__(self, number: int, windows: list[_Window]) -> None:
        self.number = number
        self.replace(windows)

    def replace(self, windows: list[_Window]) -> None:
        """Begin anew with windows that overlap by half."""
        self.windows = 0.5
        self.answered = 0
        """Windows in conversation."""
        self.level_db = windows[0].level_db
        self._sum = np.zeros_like(windows[0].embedding)
        for window in windows:
            self.learn(window, 0.5)

    def learn(self, window: _Window, windows: float = 1.0) -> None:
        """Add a window, which is `windows` new ones."""
        if self.windows >= REMEMBERED:
            self._sum = self._sum * np.float32(1.0 - 1.0 / REMEMBERED)
        else:
            self.windows += windows
        self.answered += window.answered
        self._sum = self._sum + window.embedding
        self._mean = self._sum / np.sqrt(np.vecdot(self._sum, self._sum))
        self.level_db += (window.level_db - self.level_db) / self.windows
        chance = (1.0 - OF_ONE_VOICE) / self.windows
        self._reach = math.sqrt(OF_ONE_VOICE / (OF_ONE_VOICE + chance))

    def cosine(self, embedding: F32) -> float:
        """Return the cosine that the embedding would have with the person if fully known."""
        return float(np.vecdot(self._mean, embedding)) / self._reach


class People:
    """The people heard on one channel, in the order in which they came."""

    def __init__(self) -> None:
        self._people: list[_Person] = []
        self._present: _Person | None = None
        self._unlike: deque[_Unlike] = deque(maxlen=WINDOWS)
        self._raised = 0
        """Windows in a row that are louder than the person, and unlike them."""
        self._next = FIRST_PERSON

    @property
    def present(self) -> int:
        """Number of the person who speaks, from `FIRST_PERSON`."""
        return self._present.number if self._present else FIRST_PERSON

    @property
    def in_doubt(self) -> bool:
        """Whether the newest window was unlike the person, so that the next one is urgent."""
        return bool(self._unlike)

    def is_present(self, embedding: F32) -> bool:
        """Return whether a window is clearly the present person's; nothing is learnt."""
        return self._present is not None and self._present.cosine(embedding) >= ALIKE

    def add(self, embedding: F32, level_db: float, *, answered: bool) -> bool:
        """Add a window of speech; return whether another person speaks now.

        Parameters
        ----------
        embedding
            [n], of length 1.
        level_db
            Level of its speech, dBFS.
        answered
            Whether anybody was heard on the other channel before.
        """
        window = _Window(embedding, level_db, answered)
        if self._present is None:
            self._present = self._add_person([window])
            return False
        cosine = self._present.cosine(embedding)
        raised = (
            cosine < LEARNT_FROM
            and level_db > self._present.level_db + RAISED_DB
            and self._present.answered >= KNOWN
        )
        self._raised = self._raised + 1 if raised else 0
        if 0 < self._raised <= RAISED_WINDOWS:
            self._unlike.clear()
            return False
        if cosine >= ALIKE:
            self._unlike.clear()
        else:
            self._unlike.append(_Unlike(cosine, window))
        if cosine >= LEARNT_FROM:
            self._present.learn(window, 0.5 if self._unlike else 1.0)
        others = self._find_others()
        if not others:
            return False
        self._unlike.clear()
        self._raised = 0
        if self._present.windows < KNOWN:
            self._present.replace(others)
            return False
        self._present = self._recognise(others)
        return True

    def _find_others(self) -> list[_Window]:
        """Return the newest windows of another person; empty if there is none."""
        found = list(self._unlike)
        pair = found[-2:]
        clearly = len(pair) == 2 and max(unlike.cosine for unlike in pair) < UNLIKE
        if clearly and _cosine(pair[0], pair[1]) >= AGREEING:
            return [unlike.window for unlike in pair]
        if len(found) < WINDOWS:
            return []
        off = sum(unlike.cosine for unlike in found) / WINDOWS
        # Windows in doubt overlap by half, so only every other pair is independent.
        apart = [_cosine(found[i], found[j]) for i in range(WINDOWS) for j in range(i + 2, WINDOWS)]
        if off < SOMEWHAT_UNLIKE and sum(apart) / len(apart) >= off + NEARER:
            return [unlike.window for unlike in found]
        return []

    def _recognise(self, windows: list[_Window]) -> _Person:
        """Return the earlier person whose windows these are, or a new one."""
        total = np.sum([window.embedding for window in windows], axis=0)
        mean = total / np.sqrt(np.vecdot(total, total))
        earlier = [person for person in self._people if person is not self._present]
        likest = max(earlier, key=lambda person: person.cosine(mean), default=None)
        if likest and likest.cosine(mean) >= RETURNED:
            for window in windows:
                likest.learn(window, 0.5)
            return likest
        return self._add_person(windows)

    def _add_person(self, windows: list[_Window]) -> _Person:
        if len(self._people) == MOST_PEOPLE:
            absent = [person for person in self._people if person is not self._present]
            self._people.remove(min(absent, key=lambda person: person.windows))
        person = _Person(self._next, windows)
        self._next += 1
        self._people.append(person)
        return person


def _cosine(a: _Unlike, b: _Unlike) -> float:
    return float(np.vecdot(a.window.embedding, b.window.embedding))

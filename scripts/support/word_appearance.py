"""When the words of a call appeared on screen, and which of them changed again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from voicecoach.language.phrases import normalize_text
from voicecoach.types.events import Event, SpeechEnded, Utterance, Word
from voicecoach.types.stream import SAMPLE_RATE, Speaker


class Shown(NamedTuple):
    """The words of an utterance that are on screen from a moment on."""

    at_s: float
    committed: list[str]
    tentative: list[str]


class Course(NamedTuple):
    """How the words of a recording appeared over time."""

    shown: list[list[Shown]]
    """The states of each utterance, in order."""
    final: list[list[str]]
    """The final words of each utterance."""
    waits_s: list[float]
    """Seconds from when the end of each turn is known to its final words."""
    cpu_s: float


def course(events: Iterable[Event], speaker: Speaker, cpu_s: float) -> Course:
    """Return how the words of a speaker appeared, from the events of a call."""
    words: dict[int, dict[int, Word]] = {}
    shown: dict[int, list[Shown]] = {}
    final: dict[int, list[str]] = {}
    waits, ended, turn_end = [], 0, 0
    for event in events:
        if isinstance(event, SpeechEnded) and event.speaker is speaker:
            ended, turn_end = event.at, event.end
        if isinstance(event, Word) and event.speaker is speaker:
            now = words.setdefault(event.utterance, {})
            now[event.index] = event
            if event.final:
                final.setdefault(event.utterance, []).append(event.text)
                continue
            live = [w for _, w in sorted(now.items()) if w.text]
            state = Shown(
                event.at / SAMPLE_RATE,
                [w.text for w in live if w.committed],
                [w.text for w in live if not w.committed],
            )
            states = shown.setdefault(event.utterance, [])
            if states and states[-1].at_s == state.at_s:
                states.pop()
            states.append(state)
        if isinstance(event, Utterance) and event.speaker is speaker:
            text = final.setdefault(event.utterance, [])
            shown.setdefault(event.utterance, []).append(Shown(event.at / SAMPLE_RATE, text, []))
            if (
                abs(event.end - turn_end) < SAMPLE_RATE // 2
            ):  # else the utterance ended within a turn
                waits.append((event.at - ended) / SAMPLE_RATE)
    numbers = sorted(final)
    return Course([shown[n] for n in numbers], [final[n] for n in numbers], waits, cpu_s)


class Appearance(NamedTuple):
    """When the final words of a recording were first seen, and how many words went again."""

    shown_s: dict[tuple[int, int], float]
    """When each final word (its utterance, its place there) was first on screen."""
    committed_s: dict[tuple[int, int], float]
    changed: tuple[int, int]
    """Committed words that are not in the final words, and all committed words."""
    flickered: tuple[int, int]
    """The same of all words shown."""


def appearance(heard: Course) -> Appearance:
    """Return when the final words were first seen: words are matched in order, not by place."""
    first: dict[tuple[int, int], float] = {}
    sure: dict[tuple[int, int], float] = {}
    counts = {"shown": [0, 0], "committed": [0, 0]}
    for u, (states, final) in enumerate(zip(heard.shown, heard.final, strict=True)):
        target = [normalize_text(word) for word in final]
        most = {"shown": 0, "committed": 0}
        for n, state in enumerate(states):
            committed = [normalize_text(word) for word in state.committed]
            everything = committed + [normalize_text(word) for word in state.tentative]
            for kind, now, when in (("shown", everything, first), ("committed", committed, sure)):
                stays = dict(matched(now, target)[0])
                for k in stays.values():
                    when.setdefault((u, k), state.at_s)
                if n < len(states) - 1:
                    new = range(most[kind], len(now))
                    counts[kind][0] += sum(i not in stays for i in new)
                    counts[kind][1] += len(new)
                    most[kind] = max(most[kind], len(now))
    changed, flickered = ((gone, n) for gone, n in (counts["committed"], counts["shown"]))
    return Appearance(first, sure, changed, flickered)


def matched(a: Sequence[str], b: Sequence[str]) -> tuple[list[tuple[int, int]], int]:
    """Return the index pairs of equal words in a shortest edit from `a` to `b`, and its length."""
    cost = np.zeros((len(a) + 1, len(b) + 1), np.int32)
    cost[:, 0], cost[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    places = np.arange(len(b) + 1)
    for i, word in enumerate(a, 1):
        other = np.array([word != x for x in b], np.int32)
        row = np.minimum(cost[i - 1, 1:] + 1, cost[i - 1, :-1] + other)
        # Each insertion costs 1, so subtract the position before taking the running minimum.
        row = np.concatenate([[i], row])
        cost[i] = np.minimum.accumulate(row - places) + places
    i, j = len(a), len(b)
    pairs = []
    while i and j:
        if cost[i, j] == cost[i - 1, j - 1] + (a[i - 1] != b[j - 1]):
            i, j = i - 1, j - 1
            if a[i] == b[j]:
                pairs.append((i, j))
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return pairs[::-1], int(cost[-1, -1])

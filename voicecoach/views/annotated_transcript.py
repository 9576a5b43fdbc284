"""What was said, cut where its moves begin and end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from voicecoach.types import SAMPLE_RATE, SPEAKERS, Event, Move, Speaker, Utterance, Word

SLACK = SAMPLE_RATE // 100
"""The times of words are rounded on their way."""


class Piece(msgspec.Struct, frozen=True):
    """Some words of an utterance."""

    text: str
    start_s: float
    moves: list[str] = []
    """Kinds of the moves they belong to."""
    ends: list[str] = []
    """Of these, the ones that end here."""
    instead: list[str] = []
    """What could be said in their place."""


class Said(msgspec.Struct, frozen=True):
    """An utterance."""

    speaker: Speaker
    start_s: float
    end_s: float
    pieces: list[Piece]


def marked(events: Sequence[Event]) -> list[Said]:
    """Return the utterances, in the order they began."""
    words: dict[tuple[Speaker, int], dict[int, Word]] = {}
    moves: dict[Speaker, list[Move]] = {speaker: [] for speaker in SPEAKERS}
    for e in events:
        if isinstance(e, Word) and e.final:
            words.setdefault((e.speaker, e.utterance), {})[e.index] = e
        elif isinstance(e, Move):
            moves[e.speaker].append(e)
    found = []
    for e in events:
        if isinstance(e, Utterance) and e.text:
            own = words.get((e.speaker, e.utterance), {})
            known = [own[i] for i in sorted(own) if 0 <= i < e.words]
            near = [m for m in moves[e.speaker] if m.start < e.end and m.end > e.start]
            pieces = _pieces(known, near) if len(known) == e.words else [Piece(e.text, _s(e.start))]
            found.append(Said(e.speaker, _s(e.start), _s(e.end), pieces))
    return sorted(found, key=lambda line: line.start_s)


def _pieces(words: Sequence[Word], moves: Sequence[Move]) -> list[Piece]:
    """Return words in runs that belong to the same moves."""
    runs: list[tuple[list[Word], list[int]]] = []
    for word in words:
        mine = [
            i
            for i, m in enumerate(moves)
            if m.start - SLACK <= word.start and word.end <= m.end + SLACK
        ]
        if runs and runs[-1][1] == mine:
            runs[-1][0].append(word)
        else:
            runs.append(([word], mine))
    found = []
    for k, (run, mine) in enumerate(runs):
        after = {i for _, others in runs[k + 1 :] for i in others}
        ends = [moves[i] for i in mine if i not in after]
        found.append(
            Piece(
                text=" ".join(word.text.strip() for word in run),
                start_s=_s(run[0].start),
                moves=_unlike(_plain(moves[i].kind) for i in mine),
                ends=_unlike(_plain(m.kind) for m in ends),
                instead=_unlike(m.instead for m in ends if m.instead),
            )
        )
    return found


def _unlike(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _plain(kind: str) -> str:
    return kind.replace("_", " ")


def _s(samples: int) -> float:
    return round(samples / SAMPLE_RATE, 3)

"""Cuts the transcript where dialogue acts begin and end, for the report to mark them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from voicecoach.types.doubt import mark_doubtful
from voicecoach.types.events import DialogueAct, Event, Word
from voicecoach.types.stream import SAMPLE_RATE, Speaker, to_rounded_seconds
from voicecoach.views.conversation import Conversation, OrderedSpans

WORD_TIME_SLACK = SAMPLE_RATE // 100
"""Tolerance for the rounding of word times, samples."""


class MarkedPiece(msgspec.Struct, frozen=True):
    """Some words of an utterance."""

    text: str
    """Doubtful words are marked."""
    start_s: float
    moves: list[str] = []
    """Kinds of the dialogue acts that these words belong to."""
    ends: list[str] = []
    """The kinds among them whose act ends here."""
    instead: list[str] = []
    """Better wordings for the acts that end here."""
    doubtful: bool = False
    """Whether all of these words are doubtful."""


class MarkedUtterance(msgspec.Struct, frozen=True):
    """An utterance in pieces."""

    speaker: Speaker
    start_s: float
    end_s: float
    pieces: list[MarkedPiece]


def mark_utterances(events: Sequence[Event], *, careful: bool = False) -> list[MarkedUtterance]:
    """Return the utterances in the order in which they began; if `careful`, as heard again."""
    call = Conversation()
    for event in events:
        call.add_event(event)
    found = []
    acts = {s: sorted(enumerate(a), key=lambda act: act[1].start) for s, a in call.acts.items()}
    spans = {s: OrderedSpans([(act.start, act.end) for _, act in a]) for s, a in acts.items()}
    for u in call.utterances():
        u = u.heard_again() if careful else u
        # An act can span two utterances if one was cut; its words are marked in both.
        touching = sorted(acts[u.speaker][i] for i in spans[u.speaker].touching(u.start, u.end))
        near = [act for _, act in touching if act.end > u.start]
        start_s, end_s = to_rounded_seconds(u.start), to_rounded_seconds(u.end)
        whole = u.complete and u.understood
        pieces = _cut_at_acts(u.words, near) if whole else [MarkedPiece(u.marked_text, start_s)]
        if u.text:
            found.append(MarkedUtterance(u.speaker, start_s, end_s, pieces))
    return found


def _cut_at_acts(words: Sequence[Word], moves: Sequence[DialogueAct]) -> list[MarkedPiece]:
    """Return words in runs that belong to the same dialogue acts, all doubtful or none."""
    runs: list[tuple[list[Word], list[int]]] = []
    for word in words:
        mine = [
            i
            for i, m in enumerate(moves)
            if m.start - WORD_TIME_SLACK <= word.start and word.end <= m.end + WORD_TIME_SLACK
        ]
        if runs and runs[-1][1] == mine and runs[-1][0][-1].doubtful == word.doubtful:
            runs[-1][0].append(word)
        else:
            runs.append(([word], mine))
    found = []
    for k, (run, mine) in enumerate(runs):
        after = {i for _, others in runs[k + 1 :] for i in others}
        ends = [moves[i] for i in mine if i not in after]
        found.append(
            MarkedPiece(
                text=mark_doubtful(run),
                start_s=to_rounded_seconds(run[0].start),
                moves=_unique(_spaced_kind(moves[i].kind) for i in mine),
                ends=_unique(_spaced_kind(m.kind) for m in ends),
                instead=_unique(m.instead for m in ends if m.instead),
                doubtful=run[0].doubtful,
            )
        )
    return found


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _spaced_kind(kind: str) -> str:
    return kind.replace("_", " ")

"""Conversations as events, with known truth, and what holds for every score card."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from voicecoach.audio.endpointing import Endpointer
from voicecoach.coaching.conversation_state import AccountTracker
from voicecoach.coaching.cues import built_in_cues
from voicecoach.coaching.thresholds import CueThresholds, cue_thresholds
from voicecoach.config import EndpointingConfig
from voicecoach.language.dialogue_acts import DialogueActTracker
from voicecoach.scoring.call import UNCLEAR_TEXT, ScoredCall
from voicecoach.scoring.record import CallRecord
from voicecoach.scoring.scorer import Scorer
from voicecoach.scoring.techniques import TECHNIQUES
from voicecoach.testing import ENGLISH, ENGLISH_ACTS, make_tone, make_utterance, make_word
from voicecoach.types.events import (
    Backchannel,
    Delivery,
    DialogueAct,
    Ended,
    Event,
    Overlap,
    SpeechEnded,
    Turn,
    Utterance,
    Word,
)
from voicecoach.types.stream import HOP, SAMPLE_RATE, TICK, Speaker
from voicecoach.views.scorecard import Quote, ScoreCard

A, C = Speaker.AGENT, Speaker.CUSTOMER
STEP = TICK * HOP
DOUBTFUL = "~"
"""Begins a doubtful word of a line."""


class Line(NamedTuple):
    """A turn of a conversation."""

    who: Speaker
    text: str
    gap_s: float = 0.8
    """After the turn before; below 0 both speak."""
    agitation: float = 0.0
    """The customer's."""
    confidence: float = 0.9
    pace: float = 1.0
    """The agent's, over the usual; the level and the pitch are against it."""
    level_db: float = 0.0
    f0_semitones: float = 0.0
    nods: int = 0
    """Short signs of listening by the other one."""


def a(text: str, **how: float) -> Line:
    """Return a turn of the agent's."""
    return Line(A, text, **how)  # type: ignore[arg-type]


def c(text: str, **how: float) -> Line:
    """Return a turn of the customer's."""
    return Line(C, text, **how)  # type: ignore[arg-type]


def events(lines: Sequence[Line], *, words: bool = True, calmness: bool = True) -> list[Event]:
    """Return the events of a conversation.

    Parameters
    ----------
    lines
        One after the other.
    words
        Whether there is a recogniser.
    calmness
        Whether there is the composite, which there is not with the privacy profile "eu".
    """
    found: list[Event] = []
    moves = DialogueActTracker(ENGLISH_ACTS)
    end = 0
    for number, line in enumerate(lines, 1):
        start = max(end + round(line.gap_s * SAMPLE_RATE), 0)
        said = line.text.split()
        before, end = end, start + len(said) * SAMPLE_RATE // 3
        found += [
            Turn(at=end, speaker=line.who, start=start, end=end),
            SpeechEnded(at=end, speaker=line.who, start=start, end=end),
        ]
        if start < before:
            both = {"start": start, "end": min(before, end)}
            found.append(Overlap(at=end, by=line.who, backchannel=False, **both))
        found += [_nod(line.who.other, start + i * SAMPLE_RATE) for i in range(1, line.nods + 1)]
        found += _measured(line, start, end, calmness=calmness)
        if words:
            found += _worded(line.who, number, start, end, said, moves)
        end = max(before, end)
    found += _exchanges(found, end)
    return [*found, Ended(at=end + SAMPLE_RATE, end=end + SAMPLE_RATE)]


def _exchanges(told: Sequence[Event], end: int) -> list[Event]:
    """Return the accounts and replies that the engine finds in turns and questions."""
    endpointer = Endpointer(EndpointingConfig())
    accounts = AccountTracker(endpointer)
    segments = {who: endpointer.segment(who) for who in Speaker}
    spoken = [e for e in told if isinstance(e, SpeechEnded)]
    asked = [
        e.end for e in told if isinstance(e, DialogueAct) and (e.speaker, e.kind) == (A, "question")
    ]
    found: list[Event] = []
    for at in range(STEP, end + STEP, STEP):
        for who, segment in segments.items():
            now = next((e for e in spoken if e.speaker is who and e.start < at <= e.end), None)
            over = [e.end for e in spoken if e.speaker is who and e.end < at]
            segment.active = segment.speaking = now is not None
            segment.start = now.start if now else segment.start
            segment.last_speech = at if now else max(over, default=0)
        said = [question for question in asked if question <= at]
        found += accounts.count_speech(at, STEP / SAMPLE_RATE, max(said, default=None))
    return [*found, *accounts.finish(end)]


def _nod(who: Speaker, at: int) -> Event:
    return Backchannel(at=at, speaker=who, start=at, end=at + SAMPLE_RATE // 3)


def _measured(line: Line, start: int, end: int, *, calmness: bool) -> list[Event]:
    """Return a tone or a delivery for each tick of a turn."""
    composite = {"calmness": 0.75} if calmness else {}
    return [
        make_tone(at, line.agitation, line.confidence, start=start)
        if line.who is C
        else Delivery(
            at=at,
            speaker=A,
            start=start,
            end=at,
            rate_syl_s=5.0 * line.pace,
            baseline_rate_syl_s=5.0,
            level_db=line.level_db,
            f0_semitones=line.f0_semitones,
            **composite,
        )
        for at in range(start + STEP, end + 1, STEP)
    ]


def _worded(
    who: Speaker, number: int, start: int, end: int, said: Sequence[str], moves: DialogueActTracker
) -> list[Event]:
    """Return the final words of a turn, its end, and the moves in it."""
    doubtful = [i for i, text in enumerate(said) if text.startswith(DOUBTFUL)]
    said = [text.removeprefix(DOUBTFUL) for text in said]
    heard: list[Word | Utterance] = [
        make_word(text, i, utterance=number, start=start, speaker=who, doubtful=i in doubtful)
        for i, text in enumerate(said)
    ]
    text = " ".join(said)
    heard.append(
        make_utterance(text, speaker=who, utterance=number, start=start, end=end, doubtful=doubtful)
    )
    return [*heard, *(move for event in heard for move in moves.add_event(event))]


SHIPPED = cue_thresholds(built_in_cues())
"""Thresholds of the rules that ship."""


def card(told: Iterable[Event], thresholds: CueThresholds = SHIPPED) -> ScoreCard:
    """Return the score card of events."""
    scorer = Scorer("call", thresholds, ENGLISH)
    for event in told:
        scorer.add_event(event)
    return scorer.finish()


def scores(result: ScoreCard) -> dict[str, float | None]:
    """Return the scores by technique."""
    return {t.id: t.score for t in result.techniques}


def quotes(result: ScoreCard) -> list[Quote]:
    """Return every quotation on a card."""
    found = [q for t in result.techniques for q in (*t.seen, *t.missed)]
    found += [e.quote for e in result.styles.evidence]
    found += [q for change in result.journey.changes for q in change.preceded_by]
    return found + result.root_cause


def holds(result: ScoreCard, told: Sequence[Event]) -> None:
    """Assert what is so of every card: formulas that come to their scores, words that were said."""
    assert [t.id for t in result.techniques] == [t.id for t in TECHNIQUES]
    for t, practice in zip(result.techniques, TECHNIQUES, strict=True):
        general = practice.formula.replace("_", " ")
        assert t.formula.startswith(general)
        if t.score is None:
            assert t.formula.removeprefix(general).startswith(": ")
            assert (t.seen, t.missed, t.practise) == ([], [], "")
            continue
        assert 0.0 <= t.score <= 1.0
        _recomputed(t.formula, t.score)
        assert len(t.seen) <= 3
        assert len(t.missed) <= 5
        assert t.practise or not (t.seen or t.missed)
    if result.styles.style:
        for formula, value in zip(
            result.styles.formula.split("; "),
            (result.styles.assertiveness, result.styles.cooperativeness),
            strict=True,
        ):
            assert value is not None
            _recomputed(formula, value)
        assert abs(sum(result.styles.shares.values()) - 1.0) < 0.03
    end_s = max(e.end if isinstance(e, Ended) else e.at for e in told) / SAMPLE_RATE
    spoken = {
        who: " ".join(
            w.text
            for w in sorted(
                (e for e in told if isinstance(e, Word) and e.final and e.speaker is who),
                key=lambda w: w.start,
            )
        )
        for who in Speaker
    }
    for q in quotes(result):
        assert 0.0 <= q.start_s <= q.end_s <= end_s
        assert q.text
        assert q.why
        if not q.measured:
            if q.text == UNCLEAR_TEXT:
                continue
            # An ellipsis stands for what is left out: at either end, or where words are doubtful.
            at = 0
            for part in q.text.split("\N{HORIZONTAL ELLIPSIS}"):
                found = spoken[q.speaker].find(part.strip(), at)
                assert found >= 0, (part, q.text)
                at = found + len(part.strip())


def _recomputed(formula: str, score: float) -> None:
    """Assert that a formula in numbers comes to a score, by Python's own arithmetic."""
    *_, numbers, value = formula.split(" = ")
    assert re.fullmatch(r"[\d.+\-*/(), maxin]+", numbers)
    assert abs(eval(numbers) - score) < 0.006
    assert abs(float(value) - score) < 1e-9


# --- what is done beside words that do nothing ---------------------------------------------------

TABLE = "chairs"
"""A word that does nothing."""


def line(who: Speaker, seconds: float, gap_s: float = 1.0, agitation: float = 0.0) -> Line:
    """Return so many seconds of words that do nothing."""
    return Line(who, " ".join([TABLE] * round(3 * seconds)), gap_s=gap_s, agitation=agitation)


def act(who: Speaker, kind: str, at_s: float, text: str = TABLE) -> DialogueAct:
    """Return that something is done with words at a time."""
    start = round(at_s * SAMPLE_RATE)
    end = start + SAMPLE_RATE // 4
    return DialogueAct(
        at=end, speaker=who, start=start, end=end, kind=kind, text=text, instead=""
    )  # fmt: skip


def score(technique: str, lines: Sequence[Line], *acts: Event) -> float | None:
    """Return a technique's score of a call in which so much is done."""
    return scores(card([*events(lines), *acts]))[technique]


def scored(told: Iterable[Event]) -> ScoredCall:
    """Return a call that is over, arranged for scoring."""
    record = CallRecord()
    for event in told:
        record.add_event(event)
    return ScoredCall(record, SHIPPED, ENGLISH)

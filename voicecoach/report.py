"""What a call's report shows: a pure function of its events.

Times are seconds of the call.  The signals are brought onto one even grid, at most `MOST` points
wide, so that an hour is as quick to draw as a minute; of the values in a step the extreme is kept,
so no peak is lost.  Texts are plain: whoever shows them writes them as text.

A silence is *dead air* as the cue `check-in` has it: long, and not one that helps (see `signals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from voicecoach.scorecard import ScoreCard
from voicecoach.signals import (
    AFTER_OUTBURST_S,
    AFTER_QUESTION_S,
    ANNOUNCED_S,
    JUST_BEFORE,
    QUOTES,
    SIGNALS,
)
from voicecoach.summary import Summarizer, Summary, clock
from voicecoach.types import (
    SAMPLE_RATE,
    SPEAKERS,
    Backchannel,
    CueClosed,
    CueFeedback,
    CueHeldBack,
    CueOpened,
    CueOutcome,
    Delivery,
    Ended,
    Event,
    Gap,
    Listening,
    Move,
    Overlap,
    Speaker,
    SpeechEnded,
    Tone,
    Turn,
    Utterance,
    Word,
)

STEP_S, MOST = 0.256, 8000
"""Seconds between points of the signals, at least, and how many there are at most."""
PAUSE_S, DEAD_AIR_S = 2.0, 8.0
"""Silence on both channels that is shown, and that is dead air where it does not help."""
AGITATED, OUTBURST_S = 0.7, 4.0
"""Agitation, and for how many seconds of speech just before a silence, that make it a help."""
SLACK = SAMPLE_RATE // 100
"""The times of words are rounded on their way."""


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of the call on a lane."""

    kind: str
    """Turns: `turn`, `backchannel`; overlaps: `overlap`, `backchannel`; silences: `pause`,
    `helpful` (long, and it helps), `dead air`, `not heard`."""
    start_s: float
    end_s: float
    speaker: Speaker | None = None
    """Whose turn, or who came in; none of a silence."""


class ShownCue(msgspec.Struct, frozen=True):
    """A cue that was on screen."""

    id: str
    title: str
    message: str
    say: str
    opened_s: float
    closed_s: float
    closed_because: str
    held_s: float
    evidence: list[tuple[str, str]]
    """What it is, and how much."""
    helpful: bool | None
    """As the agent marked it."""
    followed: list[str]
    """What came after it."""


class HeldBackCue(msgspec.Struct, frozen=True):
    """A cue that was due and not shown."""

    id: str
    title: str
    at_s: float
    reason: str


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


class Series(msgspec.Struct, frozen=True):
    """Signals on an even grid: point i is at `i * step_s`; null where there is none."""

    step_s: float
    agitation: list[float | None]
    confidence: list[float | None]
    rate_syl_s: list[float | None]
    usual_rate_syl_s: list[float | None]
    agent_level_db: list[float | None]
    """Levels in dB and pitches in semitones, against the speaker's own usual."""
    customer_level_db: list[float | None]
    agent_f0_semitones: list[float | None]
    customer_f0_semitones: list[float | None]


class Fact(msgspec.Struct, frozen=True):
    """A figure of the call, as a person reads it."""

    name: str
    value: str
    note: str = ""
    at_s: float | None = None
    """Where to hear it."""


class Report(msgspec.Struct, frozen=True):
    """A whole call."""

    call: str
    duration_s: float
    speakers: list[Speaker]
    words: bool
    """Whether there was a transcriber."""
    facts: list[Fact]
    numbers: list[tuple[str, str, str]]
    """What, the agent's, the customer's."""
    notes: list[str]
    """What is odd about the recording or the run."""
    turns: list[Stretch]
    overlaps: list[Stretch]
    silences: list[Stretch]
    cues: list[ShownCue]
    held_back: list[HeldBackCue]
    lines: list[Said]
    series: Series
    card: ScoreCard | None = None


def prepare(
    facts: Mapping[str, Any], events: Sequence[Event], card: ScoreCard | None = None
) -> Report:
    """Return what a report shows.

    Parameters
    ----------
    facts
        Of the call, as the log's header has them.
    events
        Of the whole log, in its order.
    card
        The score card, where there is one.
    """
    name = str(facts.get("call") or "call")
    speakers = [s for s in SPEAKERS if s in (facts.get("speakers") or SPEAKERS)]
    summarizer = Summarizer(name)
    for event in events:
        summarizer.update(event)
    summary = summarizer.finish()
    # A log that was cut off has no end of its own.
    end = max((e.end if isinstance(e, Ended) else e.at for e in events), default=0)
    summary.duration_s = _s(end)
    return Report(
        call=name,
        duration_s=_s(end),
        speakers=speakers,
        words=bool(facts.get("words")),
        facts=_facts(summary, speakers),
        numbers=_numbers(summary),
        notes=summary.notes,
        turns=_stretches(events, Turn, Backchannel),
        overlaps=_overlaps(events),
        silences=_silences(events, end) if len(speakers) == len(SPEAKERS) else [],
        cues=_cues(events, end),
        held_back=_held_back(events),
        lines=_lines(events),
        series=_series(events, end),
        card=card,
    )


# --- lanes ----------------------------------------------------------------------------------


def _stretches(events: Sequence[Event], *kinds: type[Turn | Backchannel]) -> list[Stretch]:
    found = [
        Stretch(type(e).__name__.lower(), _s(e.start), _s(e.end), e.speaker)
        for e in events
        if isinstance(e, kinds)
    ]
    return sorted(found, key=lambda s: s.start_s)


def _overlaps(events: Sequence[Event]) -> list[Stretch]:
    return [
        Stretch("backchannel" if e.backchannel else "overlap", _s(e.start), _s(e.end), e.by)
        for e in events
        if isinstance(e, Overlap)
    ]


def _silences(events: Sequence[Event], end: int) -> list[Stretch]:
    """Return the silences of both, and what was not heard at all."""
    unheard = _unheard(events, end)
    speech = [(e.start, e.end, e.speaker) for e in events if isinstance(e, SpeechEnded)]
    found = [Stretch("not heard", _s(a), _s(b)) for a, b in unheard]
    last, at = None, 0
    for start, stop, speaker in [
        *sorted([*speech, *((a, b, None) for a, b in unheard)], key=lambda s: s[:2]),
        (end, end, None),
    ]:
        if start - at >= PAUSE_S * SAMPLE_RATE:
            found.append(Stretch(_silence(events, at, start, last), _s(at), _s(start)))
        if stop > at:
            at, last = stop, speaker or last
    return sorted(found, key=lambda s: s.start_s)


def _silence(events: Sequence[Event], start: int, end: int, last: Speaker | None) -> str:
    """Return what kind a silence from `start` to `end` is, after `last` spoke."""
    if end - start < DEAD_AIR_S * SAMPLE_RATE:
        return "pause"
    return "helpful" if _s(end - start) < _helps_s(events, start, last) else "dead air"


def _helps_s(events: Sequence[Event], start: int, last: Speaker | None) -> float:
    """Return for how long a silence helps, by the rules of `signals` as far as a log tells."""
    before = [e for e in events if isinstance(e, Move) and start - JUST_BEFORE <= e.end <= start]
    words = any(isinstance(e, Utterance) and e.speaker is Speaker.AGENT for e in events)
    if not words or any(e.kind == "wait" for e in before):
        return ANNOUNCED_S
    if last is Speaker.AGENT:
        asked = any(e.kind == "question" and e.speaker is Speaker.AGENT for e in before)
        return AFTER_QUESTION_S if asked else 0.0
    tones = [e for e in events if isinstance(e, Tone) and start - 2 * JUST_BEFORE <= e.at <= start]
    heated = sum(b.at - a.at for a, b in pairwise(tones) if b.agitation >= AGITATED)
    return AFTER_OUTBURST_S if _s(heated) >= OUTBURST_S else 0.0


def _unheard(events: Sequence[Event], end: int) -> list[tuple[int, int]]:
    """Return where listening was paused or audio is missing."""
    found = [(e.start, e.end) for e in events if isinstance(e, Gap)]
    since: int | None = None
    for e in events:
        if isinstance(e, Listening):
            if e.on and since is not None:
                found.append((since, e.at))
            since = None if e.on else e.at
    return [*found, (since, end)] if since is not None else found


# --- cues -----------------------------------------------------------------------------------


def _cues(events: Sequence[Event], end: int) -> list[ShownCue]:
    found = []
    outcomes = {(e.id, e.start): e for e in events if isinstance(e, CueOutcome) and e.shown}
    marks = {(e.id, e.start): e.helpful for e in events if isinstance(e, CueFeedback)}
    closed = [e for e in events if isinstance(e, CueClosed)]
    for e in events:
        if isinstance(e, CueOpened):
            close = next((c for c in closed if c.id == e.id and c.at >= e.at), None)
            found.append(
                ShownCue(
                    id=e.id,
                    title=e.title,
                    message=e.message,
                    say=e.say,
                    opened_s=_s(e.at),
                    closed_s=_s(close.at if close else end),
                    closed_because=close.reason if close else "the log ends",
                    held_s=e.held_s,
                    evidence=[_evidence(name, value) for name, value in e.evidence.items()],
                    helpful=marks.get((e.id, e.at)),
                    followed=_followed(outcomes.get((e.id, e.at))),
                )
            )
    return found


def _evidence(name: str, value: float | str) -> tuple[str, str]:
    if isinstance(value, str):
        return QUOTES.get(name, name), f"\u201c{value}\u201d"
    signal = SIGNALS.get(name)
    if signal is None:
        return name.replace("_", " "), f"{value:g}"
    unit = "" if signal.unit in ("0..1", "ratio", "count") else f" {signal.unit}"
    return signal.doc, f"{value:g}{unit}"


def _followed(outcome: CueOutcome | None) -> list[str]:
    if outcome is None:
        return []
    found = []
    if outcome.heeded is not None:
        found.append("heeded within 10 s" if outcome.heeded else "not heeded within 10 s")
    if outcome.agitation_before is not None and outcome.agitation_after is not None:
        found.append(
            f"the customer's agitation (an estimate) was {outcome.agitation_before:.2f} before "
            f"and {outcome.agitation_after:.2f} half a minute later"
        )
    return found


def _held_back(events: Sequence[Event]) -> list[HeldBackCue]:
    titles = {e.id: e.title for e in events if isinstance(e, CueOpened)}
    return [
        HeldBackCue(e.id, titles.get(e.id, e.id.replace("-", " ")), _s(e.at), e.reason)
        for e in events
        if isinstance(e, CueHeldBack)
    ]


# --- words ----------------------------------------------------------------------------------


def _lines(events: Sequence[Event]) -> list[Said]:
    words = {
        (e.speaker, e.utterance, e.index): e for e in events if isinstance(e, Word) and e.final
    }
    moves: dict[Speaker, list[Move]] = {speaker: [] for speaker in SPEAKERS}
    for e in events:
        if isinstance(e, Move):
            moves[e.speaker].append(e)
    found = []
    for e in events:
        if isinstance(e, Utterance) and e.text:
            own = [words.get((e.speaker, e.utterance, i)) for i in range(e.words)]
            known = [word for word in own if word]
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


# --- signals --------------------------------------------------------------------------------


def _series(events: Sequence[Event], end: int) -> Series:
    step_s = max(STEP_S, _s(end) / MOST)
    count = int(_s(end) / step_s) + 1 if end else 0
    names = Series.__struct_fields__[1:]
    columns: dict[str, list[float | None]] = {name: [None] * count for name in names}

    def keep(name: str, i: int, value: float | None) -> bool:
        """Keep the extreme of a step; return whether this is it."""
        old = columns[name][i]
        if value is None or (old is not None and abs(old) >= abs(value)):
            return False
        columns[name][i] = round(value, 3)
        return True

    for e in events:
        if not isinstance(e, (Tone, Delivery)):
            continue
        i = min(int(_s(e.at) / step_s), count - 1)
        if isinstance(e, Tone):
            if keep("agitation", i, e.agitation):
                columns["confidence"][i] = round(e.confidence, 3)
            keep("customer_level_db", i, e.signals.get("level_db"))
            keep("customer_f0_semitones", i, e.signals.get("f0_semitones"))
        else:
            keep("rate_syl_s", i, e.rate_syl_s)
            keep("usual_rate_syl_s", i, e.usual_rate_syl_s)
            keep("agent_level_db", i, e.level_db)
            keep("agent_f0_semitones", i, e.f0_semitones)
    return Series(step_s, **columns)


# --- figures --------------------------------------------------------------------------------


def _facts(s: Summary, speakers: Sequence[Speaker]) -> list[Fact]:
    found = [Fact("Length", clock(round(s.duration_s * SAMPLE_RATE)))]
    if len(speakers) == len(SPEAKERS):
        shares = f"{s.agent.talk_share:.0%} / {s.customer.talk_share:.0%}"
        found.append(Fact("Share of talk", shares, "agent / customer"))
    held = sum(s.held_back.values())
    found.append(Fact("Cues", str(len(s.cues)), f"and {held} held back"))
    if s.agitation_peak is not None and s.agitation_mean is not None:
        note = f"an estimate, 0 to 1; mean {s.agitation_mean:.2f}, at the end {s.agitation_end:.2f}"
        found.append(Fact("Highest agitation", f"{s.agitation_peak:.2f}", note, s.agitation_peak_s))
    if s.agent_usual_rate_syl_s is not None:
        note = "syllables a second, the agent's usual"
        found.append(Fact("Pace", f"{s.agent_usual_rate_syl_s:.1f}", note))
    if isinstance(s.agent_calmness_mean, float):
        note = "the agent's delivery by the formula, mean; 0.75 is as usual"
        found.append(Fact("Calmness", f"{s.agent_calmness_mean:.2f}", note))
    return found


def _numbers(s: Summary) -> list[tuple[str, str, str]]:
    a, c = s.agent, s.customer
    return [
        ("speech", f"{a.speech_s:.0f} s", f"{c.speech_s:.0f} s"),
        ("turns", str(a.turns), str(c.turns)),
        ("longest turn", f"{s.longest_agent_turn_s:.0f} s", ""),
        ("came in over the other", str(a.overlaps_begun), str(c.overlaps_begun)),
        ("backchannels", str(a.backchannels), str(c.backchannels)),
        ("channel", a.channel, c.channel),
    ]


def _s(samples: int) -> float:
    return round(samples / SAMPLE_RATE, 3)

"""Decides a call's cues again from its event log, under its own rules or under others.

The engine's cues depend only on the signals that the log holds for each tick, on the agent's marks
and on pauses in listening.  With the same rules, the replay therefore gives exactly the same cues;
with other rules, it gives those that would have been shown.  The replay cannot know what the agent
would have done after a different cue: the rest of the call stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from voicecoach.coaching.cue_engine import CueEngine
from voicecoach.coaching.cue_spans import CueSpanReader
from voicecoach.coaching.cues import Cue
from voicecoach.coaching.signal_catalogue import CUE_QUOTES, CUE_SIGNALS
from voicecoach.coaching.signal_trace import CueInputs, decode_ticks, select_signals
from voicecoach.config import CuesConfig
from voicecoach.types.events import (
    CueClosed,
    CueFeedback,
    CueOpened,
    Ended,
    Event,
    Listening,
    SignalChanges,
)
from voicecoach.types.stream import NAN, TICK_SAMPLES, to_seconds
from voicecoach.views.catalogue import rule_text

TOLERANCE_S = 10.0
"""Two openings of a cue at most this far apart count as the same showing, moved; seconds."""
EXACT_S = 0.001
UNKNOWN_SIGNALS: dict[str, float] = dict.fromkeys(CUE_SIGNALS, NAN)
EMPTY_QUOTES: dict[str, str] = dict.fromkeys(CUE_QUOTES, "")
"""Stand in for signals and quotes missing from a log that is damaged or of another version."""


class CueShowing(msgspec.Struct, frozen=True):
    """One showing of a cue on screen."""

    opened_s: float
    closed_s: float
    title: str
    message: str
    say: str
    closed_because: str


class HeldBackSpan(msgspec.Struct, frozen=True):
    """A time in which a cue was due but held back."""

    start_s: float
    end_s: float
    reason: str


class CueChange(msgspec.Struct, frozen=True):
    """A cue shown under one set of rules, and the same cue under the other."""

    id: str
    what: tuple[str, ...]
    """"only A" or "only B"; else any of "moved", "closes" and "message"; empty if the cue is the
    same under both."""
    a: CueShowing | None
    b: CueShowing | None
    why: str
    """Why the other rules do not show it, if that is known; else ""."""

    @property
    def at_s(self) -> float:
        """When it is first shown under either set of rules, seconds."""
        return min(shown.opened_s for shown in (self.a, self.b) if shown)


class CueTimeline(NamedTuple):
    """The cues of one call under one set of rules, by cue."""

    shown: dict[str, list[CueShowing]]
    held: dict[str, list[HeldBackSpan]]


def end_of(events: Sequence[Event]) -> int:
    """Return the stream index at which the call in a log ends or is cut off."""
    ended = next((event for event in reversed(events) if isinstance(event, Ended)), None)
    return ended.end if ended else max((event.at for event in events), default=0)


def has_signal_trace(events: Sequence[Event]) -> bool:
    """Return whether a log holds the signals that `replay_cues` needs; older logs do not."""
    return end_of(events) < TICK_SAMPLES or any(
        isinstance(event, SignalChanges) for event in events
    )


def cue_inputs(events: Sequence[Event], end: int) -> Iterator[CueInputs]:
    """Yield the signals and quotes at every tick, with unknown values for those not in the log."""
    told = (select_signals(e, CUE_SIGNALS) for e in events if isinstance(e, SignalChanges))
    for reading in decode_ticks(told, end):
        signals, quotes = {**UNKNOWN_SIGNALS, **reading.signals}, {**EMPTY_QUOTES, **reading.quotes}
        yield reading._replace(signals=signals, quotes=quotes)


def replay_cues(
    events: Sequence[Event], cues: tuple[Cue, ...], settings: CuesConfig
) -> list[Event]:
    """Return the events of the cues that rules would have opened, closed and held back in a call.

    Parameters
    ----------
    events
        All events of the log, in order.
    cues
        The cues with their rules.
    settings
        The `[cues]` section of the configuration.

    Raises
    ------
    ValueError
        If the log does not hold the signals.
    """
    if not has_signal_trace(events):
        raise ValueError("the log does not hold the signals that rules go on")
    return [event for step in _steps(events, cues, settings) for event in step.events]


def cue_timeline(
    events: Sequence[Event], cues: tuple[Cue, ...], settings: CuesConfig
) -> CueTimeline:
    """Return when cues are shown and held back, decided again as in `replay_cues`."""
    shown: dict[str, list[CueShowing]] = {}
    held: dict[str, list[HeldBackSpan]] = {}
    spans = CueSpanReader()
    waiting: dict[str, tuple[int, str]] = {}
    for step in _steps(events, cues, settings):
        for event in step.events:
            spans.add_event(event)
        for id, (since, reason) in list(waiting.items()):
            if step.waiting.get(id) != reason:
                held.setdefault(id, []).append(
                    HeldBackSpan(to_seconds(since), to_seconds(step.at), reason)
                )
                del waiting[id]
        for id, reason in step.waiting.items():
            waiting.setdefault(id, (step.at, reason))
    for cue, closed in spans.spans:
        if closed:
            shown.setdefault(cue.id, []).append(_cue_showing(cue, closed))
    return CueTimeline(shown, held)


def compare_cues(
    a: CueTimeline, b: CueTimeline, tolerance_s: float = TOLERANCE_S
) -> list[CueChange]:
    """Return every cue that either set of rules shows, by time.

    Parameters
    ----------
    a, b
        The cues of the same call under both sets of rules.
    tolerance_s
        Two openings of a cue at most this far apart count as the same showing, moved; seconds.
    """
    changes = []
    for id in a.shown.keys() | b.shown.keys():
        for one, other in _pairs(a.shown.get(id, []), b.shown.get(id, []), tolerance_s):
            if one and other:
                changes.append(CueChange(id, _what_differs(one, other), one, other, ""))
            else:
                there, missing, name = (one, b, "A") if one else (other, a, "B")
                assert there
                why = _why_missing(there, missing.held.get(id, []))
                changes.append(CueChange(id, (f"only {name}",), one, other, why))
    return sorted(changes, key=lambda change: (change.at_s, change.id))


class CueTotals(msgspec.Struct):
    """Counts of a cue over all calls."""

    id: str
    a: int = 0
    b: int = 0
    only_a: int = 0
    only_b: int = 0
    changed: int = 0
    """Shown under both sets of rules, but at other times or with other words."""
    held_a: int = 0
    """How often it was due and held back."""
    held_b: int = 0


def count_totals(
    calls: Iterable[tuple[CueTimeline, CueTimeline, Sequence[CueChange]]],
) -> list[CueTotals]:
    """Return how often each cue is shown and changes over all calls, by cue id."""
    totals: dict[str, CueTotals] = {}
    for a, b, changes in calls:
        for change in changes:
            t = totals.setdefault(change.id, CueTotals(change.id))
            t.a += change.a is not None
            t.b += change.b is not None
            t.only_a += change.b is None
            t.only_b += change.a is None
            t.changed += bool(change.a and change.b and change.what)
        for id in a.held.keys() | b.held.keys():
            t = totals.setdefault(id, CueTotals(id))
            t.held_a += len(a.held.get(id, ()))
            t.held_b += len(b.held.get(id, ()))
    return sorted(totals.values(), key=lambda t: t.id)


def rule_differences(a: Iterable[Cue], b: Iterable[Cue]) -> dict[str, list[str]]:
    """Return the differences between two sets of rules, by cue, as "key: from -> to"."""
    ours, theirs = ({cue.id: _cue_facts(cue) for cue in cues} for cues in (a, b))
    found: dict[str, list[str]] = {}
    for id in dict.fromkeys([*ours, *theirs]):
        if id not in ours or id not in theirs:
            found[id] = ["only in A" if id in ours else "only in B"]
            continue
        keys = dict.fromkeys([*ours[id], *theirs[id]])
        pairs = [(key, ours[id].get(key, "none"), theirs[id].get(key, "none")) for key in keys]
        if told := [f"{key}: {x} \u2192 {y}" for key, x, y in pairs if x != y]:
            found[id] = told
    return found


def _cue_facts(cue: Cue) -> dict[str, str]:
    """Return the values in a cue's table as texts, by key."""
    wanted, worse = cue.heeded, cue.worse
    signal = [f"{c.signal} {c.op} {c.value:g}" for c in (wanted.signal,) if c]
    plain = [field for field in cue.__struct_fields__ if field not in ("rule", "heeded", "worse")]
    return {
        **{field: str(getattr(cue, field)) for field in plain},
        **{f"rule {i}": rule_text(rule) for i, rule in enumerate(cue.rule, 1)},
        "heeded": ", ".join([*wanted.moves, *signal]),
        "worse": f"{worse.signal} by {worse.by:g}" if worse else "none",
    }


class _Step(NamedTuple):
    """The events of one moment of a replay, and the cues that are held back then."""

    at: int
    events: list[Event]
    waiting: dict[str, str]
    """Why a due cue is held back, by cue."""


def _steps(events: Sequence[Event], cues: tuple[Cue, ...], settings: CuesConfig) -> Iterator[_Step]:
    engine = CueEngine(cues, settings)
    answers = list(_marks_and_pauses(events))
    end = end_of(events)
    newest: CueOpened | None = None
    done = 0
    for reading in cue_inputs(events, end):
        # A mark or pause at the time of a tick takes effect after the tick.
        while done < len(answers) and answers[done].at < reading.at:
            answer = answers[done]
            yield _Step(
                answer.at, _apply_mark_or_pause(engine, answer, newest), engine.held_back_reasons
            )
            done += 1
        said = _decide_tick(engine, reading)
        newest = next((e for e in reversed(said) if isinstance(e, CueOpened)), newest)
        yield _Step(reading.at, said, engine.held_back_reasons)
    for answer in answers[done:]:
        if answer.at < end:
            yield _Step(
                answer.at, _apply_mark_or_pause(engine, answer, newest), engine.held_back_reasons
            )
    yield _Step(end, engine.close_shown(end, "call ended"), {})


def _decide_tick(engine: CueEngine, reading: CueInputs) -> list[Event]:
    return engine.decide(reading.at, reading.signals, reading.quotes, reading.distrusted)


def _marks_and_pauses(events: Iterable[Event]) -> Iterator[CueFeedback | Listening]:
    """Yield the pauses, and the marks of cues that were on screen when they were marked."""
    spans = CueSpanReader()
    for event in events:
        spans.add_event(event)
        if isinstance(event, Listening) or (
            isinstance(event, CueFeedback) and spans.is_mark_of_shown(event)
        ):
            yield event


def _apply_mark_or_pause(
    engine: CueEngine, answer: CueFeedback | Listening, newest: CueOpened | None
) -> list[Event]:
    """Apply a pause, or a mark; other rules may have opened the marked cue at another time."""
    if isinstance(answer, Listening):
        if not answer.on:
            return engine.pause(answer.at)
        engine.resume(answer.at)
        return []
    if newest is None or newest.id != answer.id:
        return []
    return engine.apply_feedback(msgspec.structs.replace(answer, start=newest.at))


def _cue_showing(card: CueOpened, closed: CueClosed) -> CueShowing:
    return CueShowing(
        to_seconds(card.at),
        to_seconds(closed.at),
        card.title,
        card.message,
        card.say,
        closed.reason,
    )


def _pairs(
    a: Sequence[CueShowing], b: Sequence[CueShowing], tolerance_s: float
) -> list[tuple[CueShowing | None, CueShowing | None]]:
    """Return showings in pairs: the nearest are paired first, each at most once, the rest alone."""
    near = sorted(
        (abs(x.opened_s - y.opened_s), i, j)
        for i, x in enumerate(a)
        for j, y in enumerate(b)
        if abs(x.opened_s - y.opened_s) <= tolerance_s
    )
    of_a: dict[int, int] = {}
    for _, i, j in near:
        if i not in of_a and j not in of_a.values():
            of_a[i] = j
    paired: list[tuple[CueShowing | None, CueShowing | None]] = [
        (a[i], b[j]) for i, j in of_a.items()
    ]
    paired += [(x, None) for i, x in enumerate(a) if i not in of_a]
    return paired + [(None, y) for j, y in enumerate(b) if j not in of_a.values()]


def _what_differs(a: CueShowing, b: CueShowing) -> tuple[str, ...]:
    differences = {
        "moved": abs(a.opened_s - b.opened_s) > EXACT_S,
        "closes": abs(a.closed_s - b.closed_s) > EXACT_S or a.closed_because != b.closed_because,
        "message": (a.title, a.message, a.say) != (b.title, b.message, b.say),
    }
    return tuple(name for name, differs in differences.items() if differs)


def _why_missing(there: CueShowing, held: Iterable[HeldBackSpan]) -> str:
    """Return why a cue was not shown while the other rules showed it."""
    last = max(there.closed_s, there.opened_s)
    found = [h.reason for h in held if h.end_s >= there.opened_s and h.start_s <= last]
    return f"held back: {', '.join(dict.fromkeys(found))}" if found else "not due at that time"

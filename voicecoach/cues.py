"""Cues are alarms: rules over named signals, and what keeps them few.

Conditions are ANDed inside a rule, rules are ORed inside a cue, and there is nothing else: no
expression language.  A comparison with an unknown signal (NaN) is false, so the unknown never
fires a cue.  The states of a cue:

| state    | leaves when                                                      | to       |
|----------|------------------------------------------------------------------|----------|
| idle     | a rule has held for its `for_s`, and nothing holds the cue back  | open     |
| open     | no rule's conditions have been true for `keep_for_s`             | cooldown |
| open     | it has been shown for `max_show_s`                               | cooldown |
| open     | a cue of higher priority opens                                   | cooldown |
| cooldown | `cooldown_s` are over, or its `worse` signal is that much worse  | idle     |

What holds a cue back, in this order: `max_per_call`, `cooldown`, a cue on screen of no lower
priority (`another_cue`), and `min_gap` since the last cue left.  It is said once each time.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from voicecoach.errors import ConfigError
from voicecoach.types import SAMPLE_RATE, CueClosed, CueHeldBack, CueOpened, Event


class Signal(NamedTuple):
    """What a rule may name."""

    unit: str
    doc: str


SIGNALS: Mapping[str, Signal] = {
    "agitation": Signal("0..1", "the customer's agitation, known once confidence is 0.3"),
    "agent_rate_syl_s": Signal(
        "syl/s", "the agent's articulation rate, while they speak, from 4 s of speech in a turn"
    ),
    "agent_usual_rate_syl_s": Signal("syl/s", "the agent's usual articulation rate"),
    "agent_rate_ratio": Signal("ratio", "articulation rate over the usual one"),
    "agent_level_db": Signal("dB", "the agent's level against their usual, while they speak"),
    "agent_f0_semitones": Signal("st", "the agent's pitch against their usual, while they speak"),
    "agent_f0_range_semitones": Signal(
        "st", "the agent's pitch range against their usual, while they speak"
    ),
    "agent_overlaps_per_min": Signal(
        "1/min", "how often the agent came in over the customer in 3 minutes, while they speak"
    ),
    "agent_reply_gap_s": Signal(
        "s", "silence before the agent's reply, median of the last 5, while they speak"
    ),
    "agent_talk_share": Signal(
        "0..1", "the agent's share of the speech in 3 minutes, while they speak"
    ),
    "agent_barge_in_s": Signal(
        "s", "both have spoken since the agent came in over a customer who had the floor"
    ),
    "since_acknowledgement_s": Signal(
        "s", "since the agent last acknowledged or apologised, or since the call began; needs words"
    ),
}
BUILT_IN = Path(__file__).with_name("cues.toml")
"""The catalogue that ships."""
HELD = "held_s"
"""In messages: seconds for which the rule has held."""

Seconds = Annotated[float, Meta(ge=0.0)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Condition(_Table, frozen=True, kw_only=True):
    """A comparison of one signal with a value."""

    signal: str
    op: Literal[">=", "<="]
    value: float

    def holds(self, signals: Mapping[str, float]) -> bool:
        """Return whether it is so; never for an unknown signal."""
        x = signals[self.signal]
        return x >= self.value if self.op == ">=" else x <= self.value


class Rule(_Table, frozen=True, kw_only=True):
    """Conditions that must all hold for `for_s` seconds."""

    when: Annotated[tuple[Condition, ...], Meta(min_length=1)]
    for_s: Seconds


class Worse(_Table, frozen=True, kw_only=True):
    """What ends a cool-down early."""

    signal: str
    by: Annotated[float, Meta(gt=0.0)]


class Cue(_Table, frozen=True, kw_only=True):
    """A cue and its rules."""

    id: Annotated[str, Meta(pattern="^[a-z0-9-]+$")]
    title: Annotated[str, Meta(min_length=1)]
    technique: str
    priority: int
    message: Annotated[str, Meta(min_length=1)]
    keep_for_s: Seconds
    max_show_s: Annotated[float, Meta(gt=0.0)]
    cooldown_s: Seconds
    max_per_call: Annotated[int, Meta(ge=1)]
    rule: Annotated[tuple[Rule, ...], Meta(min_length=1)]
    worse: Worse | None = None

    def placeholders(self) -> list[str]:
        """Return the signals that the message quotes."""
        return [name for _, name, _, _ in string.Formatter().parse(self.message) if name]


class _File(_Table, frozen=True, kw_only=True):
    cue: tuple[Cue, ...]


def load(path: Path) -> tuple[Cue, ...]:
    """Return the cues in a TOML file.

    Raises
    ------
    ConfigError
        Where the file cannot be read or a rule is wrong; unknown signals are.
    """
    try:
        cues = msgspec.toml.decode(path.read_bytes(), type=_File).cue
    except OSError as e:
        raise ConfigError(f"{path}: cannot read the cue rules: {e.strerror}") from e
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path}: {e}") from e
    seen: set[str] = set()
    for cue in cues:
        if cue.id in seen:
            raise ConfigError(f"{path}: cue {cue.id!r} is there twice")
        seen.add(cue.id)
        _check(cue, path)
    return cues


def _check(cue: Cue, path: Path) -> None:
    named = [condition.signal for rule in cue.rule for condition in rule.when]
    named += [cue.worse.signal] if cue.worse else []
    try:
        quoted = cue.placeholders()
        cue.message.format_map(dict.fromkeys([*SIGNALS, HELD], 1.0))
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as e:
        raise ConfigError(f"{path}: cue {cue.id!r}: message: {e!r} cannot be filled in") from e
    for name in [*named, *(n for n in quoted if n != HELD)]:
        if name not in SIGNALS:
            raise ConfigError(f"{path}: cue {cue.id!r}: there is no signal {name!r}")


class _State:
    """What is known of one cue during a call."""

    def __init__(self, cue: Cue) -> None:
        self.cue = cue
        self.since: list[int | None] = [None] * len(cue.rule)
        self.last_true = 0
        self.opened_at = 0
        self.closed_at: int | None = None
        self.opened = 0
        self.worst = float("nan")
        self.said = ""

    def holding(self, at: int, signals: Mapping[str, float]) -> tuple[Rule, float] | None:
        """Return the first rule that has held long enough, and for how many seconds."""
        found: tuple[Rule, float] | None = None
        for i, rule in enumerate(self.cue.rule):
            if not all(condition.holds(signals) for condition in rule.when):
                self.since[i] = None
                continue
            since = self.since[i]
            if since is None:
                since = self.since[i] = at
            held = (at - since) / SAMPLE_RATE
            if found is None and held >= rule.for_s:
                found = rule, held
        return found

    def cooling(self, at: int, signals: Mapping[str, float]) -> bool:
        """Return whether the cool-down still holds it back."""
        if self.closed_at is None or at - self.closed_at >= self.cue.cooldown_s * SAMPLE_RATE:
            return False
        worse = self.cue.worse
        return not (worse and signals[worse.signal] >= self.worst + worse.by)


class CueEngine:
    """The cues of one call."""

    def __init__(self, cues: tuple[Cue, ...], min_gap_s: float) -> None:
        self._states = [_State(cue) for cue in cues]
        self._min_gap = round(min_gap_s * SAMPLE_RATE)
        self._open: _State | None = None
        self._left_at: int | None = None

    def update(self, at: int, signals: Mapping[str, float]) -> list[Event]:
        """Take the signals known at `at`, one value for each of `SIGNALS`."""
        events: list[Event] = []
        wanting: list[tuple[_State, Rule, float]] = []
        for state in self._states:
            held = state.holding(at, signals)
            if state is self._open:
                # Once it is on screen a condition keeps it there without holding for long again.
                if any(since is not None for since in state.since):
                    state.last_true = at
            elif held:
                wanting.append((state, *held))
            else:
                state.said = ""
        events += self._retire(at)
        wanting.sort(key=lambda want: -want[0].cue.priority)
        for state, rule, held_s in wanting:
            reason = self._held_back(at, state, signals)
            if not reason:
                if self._open:
                    events.append(self._close(at, f"superseded by {state.cue.id}"))
                events.append(self._show(at, state, rule, held_s, signals))
            elif reason != state.said:
                state.said = reason
                events.append(CueHeldBack(at=at, id=state.cue.id, reason=reason))
        return events

    def finish(self, at: int) -> list[Event]:
        """Close the cue on screen at the end of the call."""
        return [self._close(at, "call ended")] if self._open else []

    def _retire(self, at: int) -> list[Event]:
        state = self._open
        if state is None:
            return []
        if at - state.last_true > state.cue.keep_for_s * SAMPLE_RATE:
            return [self._close(at, "behaviour stopped")]
        if at - state.opened_at >= state.cue.max_show_s * SAMPLE_RATE:
            return [self._close(at, "shown long enough")]
        return []

    def _held_back(self, at: int, state: _State, signals: Mapping[str, float]) -> str:
        if state.opened >= state.cue.max_per_call:
            return "max_per_call"
        if state.cooling(at, signals):
            return "cooldown"
        if self._open:
            return "" if state.cue.priority > self._open.cue.priority else "another_cue"
        if self._left_at is not None and at - self._left_at < self._min_gap:
            return "min_gap"
        return ""

    def _show(
        self, at: int, state: _State, rule: Rule, held_s: float, signals: Mapping[str, float]
    ) -> CueOpened:
        cue = state.cue
        state.opened += 1
        state.opened_at = state.last_true = at
        state.said = ""
        if cue.worse:
            state.worst = signals[cue.worse.signal]
        self._open = state
        names = [*(condition.signal for condition in rule.when), *cue.placeholders()]
        evidence = {name: round(signals[name], 2) for name in names if name != HELD}
        return CueOpened(
            at=at,
            id=cue.id,
            title=cue.title,
            message=cue.message.format_map({**signals, HELD: held_s}),
            priority=cue.priority,
            evidence=evidence,
            held_s=held_s,
        )

    def _close(self, at: int, reason: str) -> CueClosed:
        assert self._open is not None
        state, self._open = self._open, None
        state.closed_at = self._left_at = at
        return CueClosed(at=at, id=state.cue.id, reason=reason)

"""Opens and closes cues, and limits how many the agent sees.

The states of a cue:

| state    | leaves when                                                      | to       |
|----------|------------------------------------------------------------------|----------|
| idle     | a rule has held for its `for_s`, and nothing holds the cue back  | open     |
| open     | no rule's conditions have been true for `keep_for_s`             | cooldown |
| open     | it has been shown for `max_show_s`                               | cooldown |
| open     | a cue of higher priority opens                                   | cooldown |
| open     | a channel that its rule needs is no longer trusted               | cooldown |
| open     | the agent marks it as wrong, or stops listening                  | cooldown |
| cooldown | `cooldown_s` are over, or its `worse` signal is that much worse  | idle     |

A cue is held back by the first of these that applies: a distrusted channel (its speaker and state),
`max_per_call`, `cooldown`, a cue on screen of no lower priority (`another_cue`), `min_gap` since
the last cue closed if that was of no lower priority, `calm_most` cues in 10 minutes without
agitation, and `holdout`, a share of cues held out by chance, so that what follows a cue can be
compared with what follows none.  Each time a cue is held back is reported once.

While the agent has paused listening, all signals are unknown, so no cue opens, and the time for
which a cue is held back stands still.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Mapping

from voicecoach import config
from voicecoach.coaching.conversation_state import AGITATED_MEMORY
from voicecoach.coaching.cues import HELD_PLACEHOLDER, Cue, Rule
from voicecoach.types.events import CueClosed, CueFeedback, CueHeldBack, CueOpened, Event
from voicecoach.types.stream import SAMPLE_RATE, Speaker

CALM_WINDOW, CALM_MAX_AGITATED_S = AGITATED_MEMORY, 2.0
"""A customer is calm with less agitated speech (seconds) than this within the window (samples)."""


class _CueState:
    """The state of one cue during a call."""

    def __init__(self, cue: Cue) -> None:
        self.cue = cue
        self._tests = [[(c.signal, c.op == ">=", c.value) for c in rule.when] for rule in cue.rule]
        self._needs = [cue.channels_needed(rule) for rule in cue.rule]
        self.true_since: list[int | None] = [None] * len(cue.rule)
        self.last_true = 0
        self.opened_at = 0
        self.closed_at: int | None = None
        self.opened = 0
        self.worst = float("nan")
        self.rule: Rule | None = None
        """The rule that opened it."""
        self.reported_reason = ""

    def held_rule(self, at: int, signals: Mapping[str, float]) -> tuple[Rule, float] | None:
        """Return the first rule that has held long enough, and for how many seconds."""
        found: tuple[Rule, float] | None = None
        for i, tests in enumerate(self._tests):
            # As `Condition.holds`, for a hundred conditions a tick.
            for name, least, value in tests:
                x = signals[name]
                if not (x >= value if least else x <= value):
                    self.true_since[i] = None
                    break
            else:
                since = self.true_since[i]
                if since is None:
                    since = self.true_since[i] = at
                held, rule = (at - since) / SAMPLE_RATE, self.cue.rule[i]
                if found is None and held >= rule.for_s:
                    found = rule, held
        return found

    def in_cooldown(self, at: int, signals: Mapping[str, float]) -> bool:
        """Return whether the cool-down still holds the cue back."""
        if self.closed_at is None or at - self.closed_at >= self.cue.cooldown_s * SAMPLE_RATE:
            return False
        worse = self.cue.worse
        return not (worse and signals[worse.signal] >= self.worst + worse.by)

    def distrust_reason(self, rule: Rule, distrusted: Mapping[Speaker, str]) -> str:
        """Return the distrusted channel that a rule needs, with its state; "" if there is none."""
        needs = self._needs[self.cue.rule.index(rule)]
        return next((f"{s} channel {distrusted[s]}" for s in needs if s in distrusted), "")


class CueEngine:
    """The cues of one call.

    Parameters
    ----------
    cues
        From `parse_cues` or `built_in_cues`.
    settings
        The gap between cues, and the share held out.
    """

    def __init__(self, cues: tuple[Cue, ...], settings: config.CuesConfig) -> None:
        self._states = [_CueState(cue) for cue in cues]
        self._settings = settings
        self._min_gap = round(settings.min_gap_s * SAMPLE_RATE)
        self._shown_state: _CueState | None = None
        self._opened = set[tuple[str, int]]()
        """Every cue that was shown, by its id and when it opened."""
        self._last_closed: _CueState | None = None
        """The cue that closed last."""
        self._shown: deque[int] = deque(maxlen=settings.calm_most)
        self._paused_at: int | None = None

    def decide(
        self,
        at: int,
        signals: Mapping[str, float],
        quotes: Mapping[str, str],
        distrusted: Mapping[Speaker, str],
    ) -> list[Event]:
        """Decide the cues at `at` and return their events.

        Parameters
        ----------
        at
            Samples.
        signals
            A value for each of `CUE_SIGNALS`.
        quotes
            A text for each of `CUE_QUOTES`.
        distrusted
            The state of each distrusted channel.
        """
        events: list[Event] = []
        wanting: list[tuple[_CueState, Rule, float]] = []
        for state in self._states:
            held = state.held_rule(at, signals)
            if state is self._shown_state:
                # A cue on screen stays while a condition is true, without `for_s` again.
                if any(since is not None for since in state.true_since):
                    state.last_true = at
            elif held:
                wanting.append((state, *held))
            else:
                state.reported_reason = ""
        events += self._close_expired(at, distrusted)
        wanting.sort(key=lambda want: -want[0].cue.priority)
        for state, rule, held_s in wanting:
            reason = state.distrust_reason(rule, distrusted)
            reason = reason or self._hold_reason(at, state, signals)
            if not reason and self._is_held_out(at, state.cue):
                reason = "holdout"
                state.closed_at = at
            if not reason:
                if self._shown_state:
                    events.append(self._close_cue(at, f"superseded by {state.cue.id}"))
                known: dict[str, float | str] = {**signals, **quotes, HELD_PLACEHOLDER: held_s}
                events.append(self._open_cue(at, state, rule, known))
            elif reason != state.reported_reason:
                state.reported_reason = reason
                events.append(CueHeldBack(at=at, id=state.cue.id, reason=reason))
        return events

    @property
    def held_back_reasons(self) -> dict[str, str]:
        """Cues that are due but held back now, and why."""
        return {
            state.cue.id: state.reported_reason for state in self._states if state.reported_reason
        }

    def apply_feedback(self, feedback: CueFeedback) -> list[Event]:
        """Apply the agent's mark of a cue: one marked wrong closes."""
        shown = self._shown_state
        if not shown or (shown.cue.id, shown.opened_at) != (feedback.id, feedback.start):
            return []
        return [] if feedback.helpful else [self._close_cue(feedback.at, "marked wrong")]

    def pause(self, at: int) -> list[Event]:
        """Stop the clocks of all cues until `resume`, and close the cue on screen."""
        if self._paused_at is None:
            self._paused_at = at
        return self.close_shown(at, "paused")

    def resume(self, at: int) -> None:
        """Continue after a pause: what was held back before is held back as much longer."""
        if self._paused_at is None:
            return
        paused, self._paused_at = at - self._paused_at, None
        for state in self._states:
            if state.closed_at is not None:
                state.closed_at += paused
        self._shown = deque((shown + paused for shown in self._shown), self._shown.maxlen)

    def was_shown(self, cue: str, start: int) -> bool:
        """Return whether a cue with this id opened at `start`."""
        return (cue, start) in self._opened

    def close_shown(self, at: int, reason: str) -> list[Event]:
        """Close the cue on screen, if there is one."""
        return [self._close_cue(at, reason)] if self._shown_state else []

    def _close_expired(self, at: int, distrusted: Mapping[Speaker, str]) -> list[Event]:
        state = self._shown_state
        if state is None:
            return []
        if state.rule and (reason := state.distrust_reason(state.rule, distrusted)):
            return [self._close_cue(at, reason)]
        if at - state.last_true > state.cue.keep_for_s * SAMPLE_RATE:
            return [self._close_cue(at, "behaviour stopped")]
        if at - state.opened_at >= state.cue.max_show_s * SAMPLE_RATE:
            return [self._close_cue(at, "shown long enough")]
        return []

    def _hold_reason(self, at: int, state: _CueState, signals: Mapping[str, float]) -> str:
        if state.opened >= state.cue.max_per_call:
            return "max_per_call"
        if state.in_cooldown(at, signals):
            return "cooldown"
        if self._shown_state and state.cue.priority <= self._shown_state.cue.priority:
            return "another_cue"
        left = None if self._shown_state else self._last_closed
        soon = left and at - (left.closed_at or 0) < self._min_gap
        if left and soon and state.cue.priority <= left.cue.priority:
            return "min_gap"
        spent = len(self._shown) == self._shown.maxlen and at - self._shown[0] < CALM_WINDOW
        return "calm_most" if spent and signals["agitated_s"] < CALM_MAX_AGITATED_S else ""

    def _is_held_out(self, at: int, cue: Cue) -> bool:
        """Return whether chance holds a cue out; the same call and seed hold out the same cues."""
        drawn = zlib.crc32(f"{self._settings.holdout_seed} {cue.id} {at}".encode())
        return drawn < self._settings.holdout * 2**32

    def _open_cue(
        self, at: int, state: _CueState, rule: Rule, known: Mapping[str, float | str]
    ) -> CueOpened:
        cue = state.cue
        self._shown.append(at)
        state.opened += 1
        state.opened_at = state.last_true = at
        self._opened.add((cue.id, at))
        state.rule = rule
        state.reported_reason = ""
        if cue.worse:
            state.worst = float(known[cue.worse.signal])
        self._shown_state = state
        names = [*(condition.signal for condition in rule.when), *cue.placeholders()]
        values = {name: known[name] for name in names}
        return CueOpened(
            at=at,
            id=cue.id,
            title=cue.title,
            message=cue.message.format_map(known),
            say=cue.say.format_map(known),
            priority=cue.priority,
            evidence={n: x if isinstance(x, str) else round(x, 2) for n, x in values.items()},
            held_s=float(known[HELD_PLACEHOLDER]),
        )

    def _close_cue(self, at: int, reason: str) -> CueClosed:
        assert self._shown_state is not None
        state, self._shown_state = self._shown_state, None
        state.closed_at, self._last_closed = at, state
        return CueClosed(at=at, id=state.cue.id, reason=reason)

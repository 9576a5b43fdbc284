"""Records what the agent and the customer did after a cue, and after moments without one.

A cue is heeded if the agent did what it says (`heeded` in its rules) within `HEED_WITHIN`.  The
customer's agitation is compared between the `AGITATION_BEFORE` before the cue and the time from
`AGITATION_AFTER_FROM` to `AGITATION_AFTER_TO` after it.

An effect needs a comparison, since agitation falls after every outburst anyway.  So the same is
recorded for moments at which a cue was due while no cue was on screen, at least `COMPARISON_APART`
from any that was.
Moments held back by the cue's own limits come late in a call or soon after another cue, so they are
only roughly comparable; those held out by chance (`cues.holdout`) are comparable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from statistics import fmean

from voicecoach.coaching.cues import Cue
from voicecoach.language.dialogue_acts import DialogueActTracker
from voicecoach.types.events import CueHeldBack, CueOpened, CueOutcome, Event
from voicecoach.types.stream import SAMPLE_RATE, Speaker, none_if_nan

HEED_WITHIN = 10 * SAMPLE_RATE
AGITATION_BEFORE, AGITATION_AFTER_FROM, AGITATION_AFTER_TO = (
    10 * SAMPLE_RATE,
    20 * SAMPLE_RATE,
    30 * SAMPLE_RATE,
)
COMPARISON_APART = 30 * SAMPLE_RATE
COMPARABLE_REASONS = ("cooldown", "max_per_call", "min_gap", "calm_most", "holdout")
"""Reasons for holding back a cue that could as well have been shown."""


class _DueMoment:
    """A moment at which a cue was due, and what followed."""

    def __init__(self, cue: Cue, at: int, reason: str, before: float, agitation: float) -> None:
        self.cue, self.at, self.reason = cue, at, reason
        self.before, self.after = before, float("nan")
        self.agitation = agitation
        self.later: list[float] = []
        self.heeded: bool | None = None

    def add_signals(self, at: int, signals: Mapping[str, float]) -> None:
        """Add the signals of a later tick."""
        wanted = self.cue.heeded.signal
        if wanted and at - self.at <= HEED_WITHIN and (x := signals[wanted.signal]) == x:
            self.after = x
            self.heeded = bool(self.heeded) or wanted.holds(signals)
        if at - self.at >= AGITATION_AFTER_FROM and (x := signals["agitation"]) == x:
            self.later.append(x)


class OutcomeTracker:
    """Records what followed the cues of one call.

    Parameters
    ----------
    cues
        The rules.
    moves
        Dialogue acts of the call.
    """

    def __init__(self, cues: tuple[Cue, ...], moves: DialogueActTracker) -> None:
        self._cues = {cue.id: cue for cue in cues}
        self._moves = moves
        self._agitation: deque[tuple[int, float]] = deque()
        self._moments: list[_DueMoment] = []
        self._shown_at: int | None = None

    def observe_tick(
        self, at: int, signals: Mapping[str, float], events: Sequence[Event]
    ) -> list[Event]:
        """Process the cues and signals of a tick; return the outcomes of earlier cues."""
        while self._agitation and self._agitation[0][0] <= at - AGITATION_BEFORE:
            self._agitation.popleft()
        if (x := signals["agitation"]) == x:
            self._agitation.append((at, x))
        for moment in self._moments:
            moment.add_signals(at, signals)
        for event in events:
            if isinstance(event, CueOpened):
                self._shown_at = at
                self._moments = [m for m in self._moments if not m.reason]
                self._start_moment(at, event.id, "", signals)
            elif isinstance(event, CueHeldBack) and self._comparable(at, event):
                self._start_moment(at, event.id, event.reason, signals)
        ripe = [moment for moment in self._moments if at - moment.at >= AGITATION_AFTER_TO]
        self._moments = [moment for moment in self._moments if at - moment.at < AGITATION_AFTER_TO]
        return [self._outcome_event(at, moment) for moment in ripe]

    def finish(self, at: int) -> list[Event]:
        """Return what is known of the outcomes that the end of the call or a pause cuts short."""
        cut, self._moments = self._moments, []
        return [self._outcome_event(at, moment) for moment in cut]

    def _comparable(self, at: int, held: CueHeldBack) -> bool:
        apart = self._shown_at is None or at - self._shown_at >= COMPARISON_APART
        noted = any(moment.cue.id == held.id for moment in self._moments)
        return held.reason in COMPARABLE_REASONS and apart and not noted

    def _start_moment(self, at: int, id: str, reason: str, signals: Mapping[str, float]) -> None:
        cue = self._cues[id]
        measured = cue.heeded.signal
        before = signals[measured.signal] if measured else float("nan")
        agitation = fmean(x for _, x in self._agitation) if self._agitation else float("nan")
        self._moments.append(_DueMoment(cue, at, reason, before, agitation))

    def _outcome_event(self, at: int, moment: _DueMoment) -> CueOutcome:
        wanted = moment.cue.heeded
        heeded = moment.heeded
        if wanted.moves:
            said = [s for kind in wanted.moves for s in self._moves.acts_of(Speaker.AGENT, kind)]
            heeded = bool(heeded) or any(0 < s.end - moment.at <= HEED_WITHIN for s in said)
        if not heeded and at - moment.at < HEED_WITHIN:
            heeded = None  # they could still have done it
        return CueOutcome(
            at=at,
            id=moment.cue.id,
            start=moment.at,
            shown=not moment.reason,
            reason=moment.reason,
            heeded=heeded,
            signal=wanted.signal.signal if wanted.signal else "",
            before=none_if_nan(moment.before),
            after=none_if_nan(moment.after),
            agitation_before=none_if_nan(moment.agitation),
            agitation_after=none_if_nan(fmean(moment.later)) if moment.later else None,
        )

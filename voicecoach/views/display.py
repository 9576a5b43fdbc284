"""What is on the screen in a live call: the newest snapshot in words and bars.

The overlay and the browser page draw the same `Display`, so they say the same.  Its values move in
steps that an eye can tell apart: where two displays are equal there is nothing to repaint.  The
agent's side is measurement in signal words; the customer's is an estimate with its confidence.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from voicecoach.estimates import delivery
from voicecoach.estimates.tone import ALERT
from voicecoach.types import SPEAKERS, Delivery, Speaker
from voicecoach.views.snapshot import Snapshot
from voicecoach.views.summary import printable

State = Literal["ready", "listening", "paused", "ended"]
"""Ready: nothing has been captured yet; it waits for the agent to start it."""
STEP_DB = 3.0
QUIETEST_DBFS = -60.0
"""A meter moves in such steps, from here to full scale."""
LEVELS = 20
"""Steps of a meter."""
LAST_WORDS = 12
"""Words of the newest line, at most."""


class Channel(msgspec.Struct, frozen=True):
    """One voice as it comes in."""

    speaker: Speaker
    speaking: bool
    level: int
    """0 .. `LEVELS`."""
    state: str
    """"ok", or what is wrong in a word or two."""
    reason: str


class Card(msgspec.Struct, frozen=True):
    """The one cue."""

    id: str
    start: int
    """When it was shown, as a stream index: with `id`, which cue it is."""
    title: str
    evidence: str
    say: str
    """Words that help, as they could be said, or ""."""
    helpful: bool | None
    """As the agent marked it."""


class Bar(msgspec.Struct, frozen=True):
    """A value from 0 to 1 that is always written, too."""

    label: str
    value: float | None
    """In hundredths; None while it is not known."""
    mark: float
    """Where on the bar to look: from here agitated, or here as usual."""
    text: str
    """The value in words."""
    note: str
    """What it rests on."""


class Line(msgspec.Struct, frozen=True):
    """What was said last."""

    speaker: Speaker
    text: str
    tentative: str
    """What may still change, after it."""


class Display(msgspec.Struct, frozen=True):
    """Everything that is on the screen."""

    state: State = "ready"
    channels: tuple[Channel, ...] = tuple(Channel(s, False, 0, "ok", "") for s in SPEAKERS)
    overlap: bool = False
    """Both speak."""
    card: Card | None = None
    agitation: Bar = Bar("Customer agitation", None, ALERT, "not known yet", "")
    delivery: Bar = Bar("Your pace", None, 0.5, "not known yet", "")
    line: Line | None = None
    notice: str = ""
    """What does less than it should, or ""."""


def display(snapshot: Snapshot, state: State) -> Display:
    """Return what to show of a snapshot."""
    s = snapshot
    card = None
    if s.cue:
        evidence, say = printable(s.cue.message), printable(s.cue.say)
        card = Card(s.cue.id, s.cue.at, printable(s.cue.title), evidence, say, s.helpful)
    return Display(
        state=state,
        channels=tuple(_channel(s, speaker) for speaker in SPEAKERS),
        overlap=all(s.speaking.values()),
        card=card,
        agitation=_agitation(s),
        delivery=_delivery(s.delivery),
        line=_line(s),
        notice=printable(s.degraded),
    )


def _channel(s: Snapshot, speaker: Speaker) -> Channel:
    over = (s.level_dbfs[speaker] - QUIETEST_DBFS) / STEP_DB
    level = min(LEVELS, max(0, round(over)))
    wrong = s.channels.get(speaker)
    state = printable(wrong.state) if wrong else "ok"
    if state == "dead":
        state = "nothing heard"
    reason = printable(wrong.reason) if wrong else ""
    return Channel(speaker, s.speaking[speaker], level, state, reason)


def _agitation(s: Snapshot) -> Bar:
    label = "Customer agitation"
    if s.tone is None:
        return Bar(label, None, ALERT, "not known yet", "")
    value = round(s.tone.agitation, 2)
    sure = round(s.tone.confidence, 1)
    why = printable(s.tone.evidence[0]) if s.tone.evidence else ""
    return Bar(label, value, ALERT, f"{value:.2f}, {sure:.0%} sure", why)


def _delivery(d: Delivery | None) -> Bar:
    """Return calmness where it exists, else pace against the usual, with the notable signals."""
    if d is None:
        return Bar("Your pace", None, 0.5, "not known yet", "")
    rate, usual = d.rate_syl_s, d.usual_rate_syl_s
    pace = f"{rate:.1f} syl/s" if rate else ""
    pace += f" (usual {usual:.1f})" if rate and usual else ""
    note = ", ".join(delivery.words(d)) or ("as usual" if usual else "")
    if isinstance(d.calmness, float):
        note = f"{note}; {pace}" if pace and note else note or pace
        value = round(d.calmness, 2)
        return Bar("Your calmness", value, delivery.AS_USUAL, f"{value:.2f}", note)
    if rate is None or usual is None:
        return Bar("Your pace", None, 0.5, pace or "not known yet", note)
    # Half as fast as usual is at the left end, half as fast again at the right.
    value = round(min(1.0, max(0.0, rate / usual - 0.5)), 2)
    return Bar("Your pace", value, 0.5, pace, note)


def _line(s: Snapshot) -> Line | None:
    for speaker in sorted(SPEAKERS, key=lambda who: not s.speaking[who]):
        said, tentative = map(printable, s.partial(speaker))
        if said or tentative:
            words = said.split()[-LAST_WORDS:]
            return Line(speaker, " ".join(words), " ".join(tentative.split()[:LAST_WORDS]))
    if not s.lines:
        return None
    last = max(s.lines, key=lambda line: line.end)
    return Line(last.speaker, " ".join(printable(last.text).split()[-LAST_WORDS:]), "")

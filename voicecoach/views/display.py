"""What is on the screen in a live call: the newest snapshot in words and bars.

The overlay and the browser page draw the same `Display`, so they say the same.  Its values move in
steps that an eye can tell apart: where two displays are equal there is nothing to repaint.  The
agent's side is measurement in signal words; the customer's is an estimate with its confidence.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from voicecoach.estimates import delivery
from voicecoach.estimates.tone import ALERT_LEVEL
from voicecoach.text_safety.sanitize import printable
from voicecoach.types import SPEAKERS, Delivery, Speaker
from voicecoach.views.snapshot import Snapshot

DisplayState = Literal["ready", "listening", "paused", "ended"]
"""Ready: nothing has been captured yet; it waits for the agent to start it."""
METER_STEP_DB = 3.0
METER_QUIETEST_DBFS = -60.0
"""A meter moves in such steps, from here to full scale."""
METER_STEPS = 20
"""Steps of a meter."""
LINE_MAX_WORDS = 12
"""Words of the newest line, at most."""


class ChannelMeter(msgspec.Struct, frozen=True):
    """One voice as it comes in."""

    speaker: Speaker
    speaking: bool
    level: int
    """0 .. `LEVELS`."""
    state: str
    """"ok", or what is wrong in a word or two."""
    reason: str


class CardDisplay(msgspec.Struct, frozen=True):
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


class ValueBar(msgspec.Struct, frozen=True):
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


class NewestLine(msgspec.Struct, frozen=True):
    """What was said last."""

    speaker: Speaker
    text: str
    tentative: str
    """What may still change, after it."""


class Display(msgspec.Struct, frozen=True):
    """Everything that is on the screen."""

    state: DisplayState = "ready"
    channels: tuple[ChannelMeter, ...] = tuple(
        ChannelMeter(s, False, 0, "ok", "") for s in SPEAKERS
    )
    overlap: bool = False
    """Both speak."""
    card: CardDisplay | None = None
    agitation: ValueBar = ValueBar("Customer agitation", None, ALERT_LEVEL, "not known yet", "")
    delivery: ValueBar = ValueBar("Your pace", None, 0.5, "not known yet", "")
    line: NewestLine | None = None
    notice: str = ""
    """What does less than it should, or ""."""


def make_display(snapshot: Snapshot, state: DisplayState) -> Display:
    """Return what to show of a snapshot."""
    s = snapshot
    card = None
    if s.cue:
        evidence, say = printable(s.cue.message), printable(s.cue.say)
        card = CardDisplay(s.cue.id, s.cue.at, printable(s.cue.title), evidence, say, s.helpful)
    return Display(
        state=state,
        channels=tuple(_channel_meter(s, speaker) for speaker in SPEAKERS),
        overlap=all(s.speaking.values()),
        card=card,
        agitation=_agitation_bar(s),
        delivery=_delivery_bar(s.delivery),
        line=_newest_line(s),
        notice=printable(s.degraded),
    )


def _channel_meter(s: Snapshot, speaker: Speaker) -> ChannelMeter:
    over = (s.level_dbfs[speaker] - METER_QUIETEST_DBFS) / METER_STEP_DB
    level = min(METER_STEPS, max(0, round(over)))
    wrong = s.channels.get(speaker)
    state = printable(wrong.state) if wrong else "ok"
    if state == "dead":
        state = "nothing heard"
    reason = printable(wrong.reason) if wrong else ""
    return ChannelMeter(speaker, s.speaking[speaker], level, state, reason)


def _agitation_bar(s: Snapshot) -> ValueBar:
    label = "Customer agitation"
    if s.tone is None:
        return ValueBar(label, None, ALERT_LEVEL, "not known yet", "")
    value = round(s.tone.agitation, 2)
    sure = round(s.tone.confidence, 1)
    why = printable(s.tone.evidence[0]) if s.tone.evidence else ""
    return ValueBar(label, value, ALERT_LEVEL, f"{value:.2f}, {sure:.0%} sure", why)


def _delivery_bar(d: Delivery | None) -> ValueBar:
    """Return calmness where it exists, else pace against the usual, with the notable signals."""
    if d is None:
        return ValueBar("Your pace", None, 0.5, "not known yet", "")
    rate, usual = d.rate_syl_s, d.baseline_rate_syl_s
    pace = f"{rate:.1f} syl/s" if rate else ""
    pace += f" (usual {usual:.1f})" if rate and usual else ""
    note = ", ".join(delivery.notable_words(d)) or ("as usual" if usual else "")
    if isinstance(d.calmness, float):
        note = f"{note}; {pace}" if pace and note else note or pace
        value = round(d.calmness, 2)
        return ValueBar("Your calmness", value, delivery.CALMNESS_AT_BASELINE, f"{value:.2f}", note)
    if rate is None or usual is None:
        return ValueBar("Your pace", None, 0.5, pace or "not known yet", note)
    # Half as fast as usual is at the left end, half as fast again at the right.
    value = round(min(1.0, max(0.0, rate / usual - 0.5)), 2)
    return ValueBar("Your pace", value, 0.5, pace, note)


def _newest_line(s: Snapshot) -> NewestLine | None:
    for speaker in sorted(SPEAKERS, key=lambda who: not s.speaking[who]):
        said, tentative = map(printable, s.partial_words(speaker))
        if said or tentative:
            words = said.split()[-LINE_MAX_WORDS:]
            return NewestLine(
                speaker, " ".join(words), " ".join(tentative.split()[:LINE_MAX_WORDS])
            )
    if not s.lines:
        return None
    last = max(s.lines, key=lambda line: line.end)
    return NewestLine(last.speaker, " ".join(printable(last.text).split()[-LINE_MAX_WORDS:]), "")

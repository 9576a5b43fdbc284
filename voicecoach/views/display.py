"""Turns the newest snapshot of a live call into the words and bars on the agent's screen.

The overlay and the browser page draw the same `Display`.  Its values change in steps that are large
enough to see, so two equal displays need no repaint.  The agent's side shows measurements; the
customer's side shows an estimate with its confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from voicecoach.estimates.calmness import CALMNESS_AT_BASELINE, notable_words
from voicecoach.estimates.tone import ALERT_LEVEL
from voicecoach.text_safety.sanitize import printable
from voicecoach.types.doubt import DOUBT_EXPLANATION, DoubtedWord, mark_doubtful, split_doubted
from voicecoach.types.events import Delivery
from voicecoach.types.stream import SPEAKERS, Speaker
from voicecoach.views.channel_text import describe_channel, short_state
from voicecoach.views.snapshot import Snapshot

DisplayState = Literal["ready", "listening", "paused", "ended"]
"""Ready: nothing has been captured yet; the agent has to start listening."""
NOTABLE_TEXTS = {
    "fast": "faster",
    "loud": "louder",
    "high": "higher pitch",
    "wide": "wider pitch range",
    "overlapping": "interrupting more",
    "early": "replying sooner",
    "talking": "talking more",
}
"""Words for the terms of the calmness formula that are notably above the agent's baseline."""
METER_STEP_DB = 3.0
METER_QUIETEST_DBFS = -60.0
"""Step of a level meter, and the level at its left end; its right end is full scale."""
METER_STEPS = 20
"""Steps of a level meter."""
LINE_MAX_WORDS = 12
"""Most words in the newest line."""


class ChannelMeter(msgspec.Struct, frozen=True):
    """The level and state of one channel."""

    speaker: Speaker
    speaking: bool
    level: int
    """0 .. `METER_STEPS`."""
    state: str
    """"ok", or what is wrong, in two or three words."""
    problem: str
    """What is wrong, in a sentence, or ""."""


class CardDisplay(msgspec.Struct, frozen=True):
    """The cue on screen."""

    id: str
    start: int
    """Stream index at which it was shown; with `id` it identifies the cue."""
    title: str
    evidence: str
    say: str
    """Words that the agent could say, or ""."""
    helpful: bool | None
    """How the agent marked it; None if they did not."""


class ValueBar(msgspec.Struct, frozen=True):
    """A bar from 0 to 1 with its value in words."""

    label: str
    value: float | None
    """0..1, rounded to hundredths; None while it is not known."""
    mark: float
    """Mark on the bar, 0..1: where agitated begins, or the agent's baseline."""
    text: str
    """The value in words."""
    note: str
    """The reason for the value, in words."""


class NewestLine(msgspec.Struct, frozen=True):
    """The newest line of the transcript."""

    speaker: Speaker
    text: str
    tentative: str
    """Partial words after the committed text; they may still change."""
    note: str = ""
    """What the marks in its words mean, or ""."""


class Display(msgspec.Struct, frozen=True):
    """Everything on the screen."""

    state: DisplayState = "ready"
    channels: tuple[ChannelMeter, ...] = tuple(
        ChannelMeter(s, False, 0, "ok", "") for s in SPEAKERS
    )
    overlap: bool = False
    """Both speak at once."""
    card: CardDisplay | None = None
    agitation: ValueBar = ValueBar("Customer agitation", None, ALERT_LEVEL, "not known yet", "")
    delivery: ValueBar = ValueBar("Your pace", None, 0.5, "not known yet", "")
    line: NewestLine | None = None
    notice: str = ""
    """What works less well than it should, or ""."""
    answer: str = ""
    """What was or was not done of the agent's last wish, for some seconds."""
    can_undo: bool = False
    """Whether the call that was declined can be restored."""


def make_display(snapshot: Snapshot, state: DisplayState) -> Display:
    """Return what the screen shows of a snapshot."""
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
    state = short_state(wrong.state) if wrong else "ok"
    problem = describe_channel(wrong) if wrong else ""
    return ChannelMeter(speaker, s.speaking[speaker], level, state, problem)


def _agitation_bar(s: Snapshot) -> ValueBar:
    label = "Customer agitation"
    if s.tone is None:
        return ValueBar(label, None, ALERT_LEVEL, "not known yet", "")
    value = round(s.tone.agitation, 2)
    sure = round(s.tone.confidence, 1)
    why = printable(s.tone.evidence[0]) if s.tone.evidence else ""
    return ValueBar(label, value, ALERT_LEVEL, f"{value:.2f}, {sure:.0%} sure", why)


def _delivery_bar(d: Delivery | None) -> ValueBar:
    """Return the bar of calmness if there is one, else of pace, with the notable measurements."""
    if d is None:
        return ValueBar("Your pace", None, 0.5, "not known yet", "")
    rate, usual = d.rate_syl_s, d.baseline_rate_syl_s
    pace = f"{rate:.1f} syl/s" if rate else ""
    pace += f" (usual {usual:.1f})" if rate and usual else ""
    note = ", ".join(NOTABLE_TEXTS[name] for name in notable_words(d))
    if isinstance(d.calmness, float) and note and d.calmness < CALMNESS_AT_BASELINE:
        note = f"below usual: {note}"
    note = note or ("as usual" if usual else "")
    if isinstance(d.calmness, float):
        note = f"{note}; {pace}" if pace and note else note or pace
        value = round(d.calmness, 2)
        return ValueBar("Your calmness", value, CALMNESS_AT_BASELINE, f"{value:.2f}", note)
    if rate is None or usual is None:
        return ValueBar("Your pace", None, 0.5, pace or "not known yet", note)
    # The left end is half the baseline pace, the right end one and a half times it.
    value = round(min(1.0, max(0.0, rate / usual - 0.5)), 2)
    return ValueBar("Your pace", value, 0.5, pace, note)


def _newest_line(s: Snapshot) -> NewestLine | None:
    for speaker in sorted(SPEAKERS, key=lambda who: not s.speaking[who]):
        said, tentative = s.partial_words(speaker)
        if said or tentative:
            return _line(speaker, said, tentative)
    if not s.lines:
        return None
    last = max(s.lines, key=lambda line: line.end)
    return _line(last.speaker, split_doubted(last.text, last.doubtful), [])


def _line(
    speaker: Speaker, said: Sequence[DoubtedWord], tentative: Sequence[DoubtedWord]
) -> NewestLine:
    """Return the line with the last of the words that were said, and the first partial ones."""
    words, partial = said[-LINE_MAX_WORDS:], tentative[:LINE_MAX_WORDS]
    note = DOUBT_EXPLANATION if any(word.doubtful for word in (*words, *partial)) else ""
    committed, may_change = (printable(mark_doubtful(some)) for some in (words, partial))
    return NewestLine(speaker, committed, may_change, note)

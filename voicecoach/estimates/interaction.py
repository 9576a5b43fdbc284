"""Finds evidence of the customer's agitation in how they behave in the conversation.

They raise their voice (both louder and higher than the baseline; a hand on the receiver makes it
only louder), and they interrupt the agent (repeated interruptions sound tense).  Each kind of
evidence is bounded, and fades with time.
"""

from __future__ import annotations

from collections import deque

from voicecoach.types.events import Evidence, Overlap, Tone
from voicecoach.types.stream import SAMPLE_RATE, Speaker

RAISED_LOUDER_DB, RAISED_HIGHER_SEMITONES = 5.0, 2.0
"""Differences from the baseline at which a voice is raised."""
RAISED_VOICE_ODDS, RAISED_VOICE_FOR = 0.6, 2 * SAMPLE_RATE
"""Log odds of a raised voice, and how long it must last: one loud word does not count."""
INTERRUPTION_WINDOW = 60 * SAMPLE_RATE
"""How long an interruption counts."""
INTERRUPTION_ODDS, MAX_INTERRUPTION_ODDS = 0.25, 0.6
"""Log odds of each interruption but the first, and of all together: friends interrupt, too."""


class InteractionEvidence:
    """Evidence from the behaviour of one customer in one call."""

    def __init__(self) -> None:
        self._interruptions: deque[int] = deque(maxlen=16)
        self._raised_since: int | None = None

    def add_overlap(self, overlap: Overlap) -> None:
        """Add an overlap; only overlaps by the customer that are not backchannels count."""
        if overlap.by is Speaker.CUSTOMER and not overlap.backchannel:
            self._interruptions.append(overlap.at)

    def evidence(self, at: int, tone: Tone | None) -> tuple[Evidence, ...]:
        """Return the evidence at stream index `at`, from the signals of the newest `Tone`."""
        found = []
        signals = tone.signals if tone else {}
        louder, higher = signals.get("level_db", 0.0), signals.get("f0_semitones", 0.0)
        if tone is None or louder < RAISED_LOUDER_DB or higher < RAISED_HIGHER_SEMITONES:
            self._raised_since = None
        else:
            if self._raised_since is None:
                self._raised_since = tone.at
            if tone.at - self._raised_since >= RAISED_VOICE_FOR:
                text = f"raised voice: {louder:.0f} dB louder, {higher:.0f} semitones higher"
                found.append(Evidence(RAISED_VOICE_ODDS, f"{text} than usual"))
        count = sum(at - when < INTERRUPTION_WINDOW for when in self._interruptions)
        if count > 1:
            weight = min(MAX_INTERRUPTION_ODDS, INTERRUPTION_ODDS * (count - 1))
            found.append(Evidence(weight, f"talked over the agent {count} times in a minute"))
        return tuple(found)

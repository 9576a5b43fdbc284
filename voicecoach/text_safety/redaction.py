"""Removes spoken words from events, for logs that must not keep any.

Numbers, times and kinds stay: that somebody apologised, but not in which words.  Any text that may
contain a quotation is removed as a whole.
"""

from __future__ import annotations

import msgspec

from voicecoach.types import events


def redact_words(event: events.Event) -> events.Event | None:
    """Return an event without spoken words, or None if nothing else is in it."""
    replace = msgspec.structs.replace
    match event:
        case events.Word() | events.Utterance() | events.DigitsShown() | events.CarefulUtterance():
            return None
        case events.DialogueAct():
            return replace(event, text="")
        case events.Tone():
            return replace(event, evidence=())
        case events.SignalChanges(quotes=quotes) if quotes:
            return replace(event, quotes=dict.fromkeys(quotes, ""))
        case events.CueOpened() if any(isinstance(x, str) for x in event.evidence.values()):
            figures = {name: x for name, x in event.evidence.items() if not isinstance(x, str)}
            return replace(event, message="", say="", evidence=figures)
        case _:
            return event

"""An event without what anybody said: what is written down where no words are to be kept.

Figures, times and kinds stay: that somebody apologised, not how.  A text that may quote is left
out as a whole.
"""

from __future__ import annotations

import msgspec

from voicecoach.types import events


def redact_words(event: events.Event) -> events.Event | None:
    """Return an event as it may be kept, None where nothing is left of it."""
    replace = msgspec.structs.replace
    match event:
        case events.Word() | events.Utterance():
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

"""The cues of a call, each from the moment it opened to the moment it closed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from voicecoach.types.events import CueClosed, CueFeedback, CueOpened, Event


class CueSpan(NamedTuple):
    """A cue on screen."""

    opened: CueOpened
    closed: CueClosed | None = None
    """None while it is on screen, or if the log ends before it closes."""


class CueSpanReader:
    """Pairs the opening and closing events of cues; one cue is on screen at a time."""

    def __init__(self) -> None:
        self.spans: list[CueSpan] = []
        """Cues in the order in which they opened."""

    @property
    def on_screen(self) -> CueOpened | None:
        """The cue on screen now."""
        newest = self.spans[-1] if self.spans else None
        return newest.opened if newest and not newest.closed else None

    def add_event(self, event: Event) -> None:
        """Add the next event of the call."""
        if isinstance(event, CueOpened):
            self.spans.append(CueSpan(event))
        elif isinstance(event, CueClosed) and self.on_screen:
            self.spans[-1] = self.spans[-1]._replace(closed=event)

    def is_mark_of_shown(self, event: CueFeedback) -> bool:
        """Return whether the event is the agent's mark of the cue on screen."""
        shown = self.on_screen
        return shown is not None and (shown.id, shown.at) == (event.id, event.start)


def read_cue_spans(events: Iterable[Event]) -> list[CueSpan]:
    """Return the cues of a log, in the order in which they opened."""
    reader = CueSpanReader()
    for event in events:
        reader.add_event(event)
    return reader.spans

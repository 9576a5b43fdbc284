"""Views show a live call to the agent; what a view is, and what it is given.

A view runs in the main thread, where windows must be, and looks at the session whenever it likes:
the session never waits for it.  One that fails ends the view, never the call.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Protocol

from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.shell.runtime.sinks import Sink
from voicecoach.types import Event

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

MAX_QUEUED_EVENTS = 5000
"""Events that may wait for a view; what a stuck one misses it will never show."""


class EventRelay(Sink):
    """Takes a session's events to the view's thread, without waiting for it."""

    def __init__(self) -> None:
        self._events: queue.Queue[Event] = queue.Queue(MAX_QUEUED_EVENTS)

    def on_event(self, event: Event) -> None:
        """Take an event."""
        try:
            self._events.put_nowait(event)
        except queue.Full:
            return

    def next_event(self, seconds: float) -> Event | None:
        """Return the next event, or None if none comes within so long."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None


class LiveHandle:
    """What a view sees of a live session, and how it tells it what the agent wants.

    Parameters
    ----------
    feed
        `feed.newest.display` is what to show; `feed.post_action` takes what the agent wants.
    latency
        Where durations are noted.
    """

    def __init__(self, feed: Feed, latency: LatencyStats) -> None:
        self.feed, self.latency = feed, latency
        self.running = True
        """Whether the session goes on; False ends the view."""
        self.relays: list[EventRelay] = []
        """Of those who want events, too."""
        self.routes: list[BaseRoute] = []
        """Starlette routes of the local web application; a view made of pages adds its own when
        it is made."""
        self.url = ""
        """Where that application is, with its token; once the view is opened."""

    def subscribe(self) -> EventRelay:
        """Return a relay of all events to come; call it before the session starts."""
        self.relays.append(EventRelay())
        return self.relays[-1]


class View(Protocol):
    """Shows a live call.  Subclass it to inherit methods that do nothing."""

    def open(self) -> None:
        """Get ready; the session has not started.

        Raises
        ------
        VoiceCoachError
            Where it cannot show anything; the message says what to do.
        """
        return

    def run(self) -> None:
        """Show the session until it ends or the agent closes the view; in the main thread."""
        return

    def close(self) -> None:
        """End; called where `open` returned, whatever happened since."""
        return

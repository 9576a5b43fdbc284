"""Defines a view, which shows a live call to the agent, and what it receives.

A view runs in the main thread, as windows require, and polls the session at its own pace: the
session never waits for it.  If a view fails, only the view ends, never the call.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Protocol

from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.shell.runtime.sinks import Sink
from voicecoach.types.events import Event

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

MAX_QUEUED_EVENTS = 5000
"""Most events that wait for a view; further ones are dropped for it."""


class EventRelay(Sink):
    """Hands a session's events to the view's thread without blocking."""

    def __init__(self) -> None:
        self._events: queue.Queue[Event] = queue.Queue(MAX_QUEUED_EVENTS)

    def on_event(self, event: Event) -> None:
        """Queue an event."""
        try:
            self._events.put_nowait(event)
        except queue.Full:
            return

    def next_event(self, seconds: float) -> Event | None:
        """Return the next event, or None if none arrives within `seconds`."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None


class LiveHandle:
    """What a view sees of a live session, and how it passes on the agent's actions.

    Parameters
    ----------
    feed
        `feed.newest.display` is what to show; `feed.post_action` takes the agent's actions.
    latency
        Receives measured durations.
    """

    def __init__(self, feed: Feed, latency: LatencyStats) -> None:
        self.feed, self.latency = feed, latency
        self.running = True
        """Whether the session is running; False ends the view."""
        self.relays: list[EventRelay] = []
        """Relays of views that also want events."""
        self.routes: list[BaseRoute] = []
        """Starlette routes of the local web application; a view made of pages adds its own when
        it is created.
        """
        self.url = ""
        """Address of that application, with its token; set before the view is opened."""

    def subscribe(self) -> EventRelay:
        """Return a relay of all future events; call it before the session starts."""
        self.relays.append(EventRelay())
        return self.relays[-1]


class View(Protocol):
    """Shows a live call.  Subclass it to inherit methods that do nothing."""

    def open(self) -> None:
        """Prepare the view; the session has not started.

        Raises
        ------
        VoiceCoachError
            If it cannot show anything; the message says what to do.
        """
        return

    def run(self) -> None:
        """Show the session until it ends or the agent closes the view; runs in the main thread."""
        return

    def close(self) -> None:
        """Close the view; called whenever `open` returned, whatever happened since."""
        return

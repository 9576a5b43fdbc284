"""Defines a view, which shows a live call to the agent, and what it receives.

A view runs in the main thread, as windows require, and polls the session at its own pace: the
session never waits for it.  If a view fails, only the view ends, never the call; but nothing is
captured while the agent cannot see that it is.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.shell.runtime.sinks import Sink
from voicecoach.shell.runtime.stderr import print_to_stderr
from voicecoach.shell.views.notification import notify_desktop
from voicecoach.types.events import Event

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

VIEW_POLL_S = 0.1
"""Seconds between looks of a view that polls the session."""
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
        self.one_time_url: Callable[[], str] = lambda: self.url
        """Returns an address that leads there once, within a minute: for a command line."""

    def subscribe(self) -> EventRelay:
        """Return a relay of all future events; call it before the session starts."""
        self.relays.append(EventRelay())
        return self.relays[-1]

    def wait_until_ended(self) -> None:
        """Wait for the end of the session."""
        while self.running:
            time.sleep(VIEW_POLL_S)

    @property
    def is_ending(self) -> bool:
        """Whether the session has ended, or was asked to."""
        ended = self.feed.newest.display.state == "ended"
        return self.feed.quit_requested or ended or not self.running

    def set_unseen(self, reason: str) -> None:
        """Set why the agent cannot see the call, or ""; any thread may call it.

        Listening pauses at once, and what is left says so: the terminal, and the desktop.
        """
        listening = self.feed.newest.display.state == "listening"  # not any more in a moment
        before, self.feed.unseen = self.feed.unseen, reason
        if reason and not before and listening:
            news = f"Listening is paused: {reason}"
            print_to_stderr(news)
            notify_desktop(news)


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
        """Show the session until it ends or the agent closes the view; runs in the main thread.

        When it returns, nothing shows the call, so listening pauses.  A view that needs no loop
        inherits this method, and counts as shown to the end.
        """
        return

    def close(self) -> None:
        """Close the view; called whenever `open` returned, whatever happened since."""
        return

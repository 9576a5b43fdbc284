"""Connects a live call with its views: the newest display one way, the agent's actions the other.

The run loop publishes and never waits: a view polls `newest` at its own rate and may miss displays.
The agent's actions (pause, mark a cue, quit) go into a queue that the loop empties at each block;
so do problems in threads beside the loop.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from voicecoach.views.display import Display
from voicecoach.views.event_log import MAX_STREAM_INDEX

T = TypeVar("T")


class ToggleListening(msgspec.Struct, frozen=True, tag="toggle"):
    """Start, pause, or resume."""


class MarkCue(msgspec.Struct, frozen=True, tag="mark"):
    """Mark a cue as helpful or wrong."""

    id: Annotated[str, Meta(max_length=100)]
    start: Annotated[int, Meta(ge=0, le=MAX_STREAM_INDEX)]
    """When the cue opened, samples."""
    helpful: bool


class NextCall(msgspec.Struct, frozen=True, tag="next_call"):
    """End this call; the next one begins."""


class CustomerDeclines(msgspec.Struct, frozen=True, tag="decline"):
    """The customer declines: stop listening to this call and delete everything stored of it."""


class QuitProgram(msgspec.Struct, frozen=True, tag="quit"):
    """End the program."""


UserAction: TypeAlias = ToggleListening | MarkCue | NextCall | CustomerDeclines | QuitProgram
MAX_QUEUED_ACTIONS = 64
"""Most actions that are queued; more than a person can do in one hop."""


class StageTrouble(NamedTuple):
    """A stage beside the loop has reduced function."""

    stage: str
    reason: str
    lasts: bool
    """Whether it lasts to the call's end."""


class TimedDisplay(msgspec.Struct, frozen=True):
    """A display, and the time it shows."""

    display: Display
    sound_time: float
    """When its newest sound was at the source, in seconds of `time.monotonic`; 0 if unknown."""


class Feed:
    """What views share with the run loop; safe from any thread, and never blocks."""

    def __init__(self) -> None:
        self.newest = TimedDisplay(Display(), 0.0)
        """The newest display; replaced as a whole, only when it differs."""
        self.click_through = False
        """Whether the overlay lets clicks pass through; any thread may set it."""
        self.unseen = ""
        """Why the agent cannot see the call, or ""; listening pauses while it is set."""
        self.view_requested = False
        """Whether the agent wants to see the call again; a view that can clears it."""
        self.quit_requested = False
        self.on_change: Callable[[], None] | None = None
        """Called when the display has changed, for a view that does not want to poll; it must
        return at once.
        """
        self._actions: queue.Queue[UserAction] = queue.Queue(MAX_QUEUED_ACTIONS)
        self._troubles: queue.Queue[StageTrouble] = queue.Queue(MAX_QUEUED_ACTIONS)

    def publish(self, display: Display, sounded: float) -> None:
        """Publish a display; called only by the run loop."""
        if display != self.newest.display:
            self.newest = TimedDisplay(display, sounded)
            if self.on_change:
                self.on_change()

    def post_action(self, wish: UserAction) -> None:
        """Queue an action; it is dropped if the queue is full."""
        self.quit_requested |= isinstance(wish, QuitProgram)
        with suppress(queue.Full):
            self._actions.put_nowait(wish)

    @property
    def has_actions(self) -> bool:
        """Whether an action is queued."""
        return not self._actions.empty()

    def drain_actions(self) -> list[UserAction]:
        """Return the actions queued since the last call."""
        return _drain(self._actions)

    def report_trouble(self, stage: str, reason: str, lasts: bool) -> None:
        """Queue a problem of a stage beside the loop, for the log and the view."""
        with suppress(queue.Full):
            self._troubles.put_nowait(StageTrouble(stage, reason, lasts))

    def drain_troubles(self) -> list[StageTrouble]:
        """Return the problems queued since the last call."""
        return _drain(self._troubles)


def _drain(waiting: queue.Queue[T]) -> list[T]:
    found: list[T] = []
    with suppress(queue.Empty):
        while True:
            found.append(waiting.get_nowait())
    return found

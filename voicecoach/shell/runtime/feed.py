"""Between a live call and those who watch it: the newest display one way, wishes the other.

The run loop publishes and never waits: a viewer polls `newest` at its own rate and may miss what
lies between.  What a person wants (pause, mark a cue, end) is put into a queue that the loop
empties at each block; so is what goes wrong in threads beside it.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeAlias, TypeVar

import msgspec

from voicecoach.views.display import Display

T = TypeVar("T")


class ToggleListening(msgspec.Struct, frozen=True, tag="toggle"):
    """Start, pause, or go on."""


class MarkCue(msgspec.Struct, frozen=True, tag="mark"):
    """Say that a cue was helpful, or wrong."""

    id: str
    start: int
    helpful: bool


class NextCall(msgspec.Struct, frozen=True, tag="next_call"):
    """End this call; the next one begins."""


class CustomerDeclines(msgspec.Struct, frozen=True, tag="decline"):
    """The customer declines: hear no more of this call, and keep nothing of it."""


class QuitProgram(msgspec.Struct, frozen=True, tag="quit"):
    """End the program."""


UserAction: TypeAlias = ToggleListening | MarkCue | NextCall | CustomerDeclines | QuitProgram
MAX_QUEUED_ACTIONS = 64
"""That wait; more than a person can want in one hop."""


class StageTrouble(NamedTuple):
    """A stage beside the loop does less than it should."""

    stage: str
    reason: str
    lasts: bool
    """To the call's end."""


class TimedDisplay(msgspec.Struct, frozen=True):
    """A display, and when it was about."""

    display: Display
    sound_time: float
    """When its newest sound was at the source, on `time.monotonic`'s clock; 0 if there is none."""


class Feed:
    """What viewers share with the run loop; safe from any thread, and nobody waits."""

    def __init__(self) -> None:
        self.newest = TimedDisplay(Display(), 0.0)
        """Replaced as a whole, only where the display differs."""
        self.click_through = False
        """Whether the overlay lets clicks through to what is under it; anyone may set it."""
        self.on_change: Callable[[], None] | None = None
        """Called where the display has changed, for a viewer that would rather not poll; it must
        return at once."""
        self._actions: queue.Queue[UserAction] = queue.Queue(MAX_QUEUED_ACTIONS)
        self._troubles: queue.Queue[StageTrouble] = queue.Queue(MAX_QUEUED_ACTIONS)

    def publish(self, display: Display, sounded: float) -> None:
        """Show a display; called by the run loop alone."""
        if display != self.newest.display:
            self.newest = TimedDisplay(display, sounded)
            if self.on_change:
                self.on_change()

    def post_action(self, wish: UserAction) -> None:
        """Take what a person wants; where too much waits it is dropped."""
        with suppress(queue.Full):
            self._actions.put_nowait(wish)

    @property
    def has_actions(self) -> bool:
        """Whether something that was wanted waits to be taken."""
        return not self._actions.empty()

    def drain_actions(self) -> list[UserAction]:
        """Return what was wanted since the last call."""
        return _drain(self._actions)

    def report_trouble(self, stage: str, reason: str, lasts: bool) -> None:
        """Take what a stage beside the loop does less than it should, for the log and the view."""
        with suppress(queue.Full):
            self._troubles.put_nowait(StageTrouble(stage, reason, lasts))

    def drain_troubles(self) -> list[StageTrouble]:
        """Return what was said since the last call."""
        return _drain(self._troubles)


def _drain(waiting: queue.Queue[T]) -> list[T]:
    found: list[T] = []
    with suppress(queue.Empty):
        while True:
            found.append(waiting.get_nowait())
    return found

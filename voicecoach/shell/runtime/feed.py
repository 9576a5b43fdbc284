"""Connects a live call with its views: the newest display one way, the agent's actions the other.

The run loop publishes and never waits: a view polls `newest` at its own rate and may miss displays.
The agent's actions (pause, mark a cue, quit) go into a queue that the loop empties at each block;
so do problems in threads beside the loop.  Each action is answered with what was or was not done.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
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
    """The customer declines: stop listening to this call and delete everything stored of it.

    Between calls it is the last one, if it ended within minutes.
    """


class UndoDecline(msgspec.Struct, frozen=True, tag="undo"):
    """Restore the call that was declined seconds ago."""


class QuitProgram(msgspec.Struct, frozen=True, tag="quit"):
    """End the program."""


UserAction: TypeAlias = (
    ToggleListening | MarkCue | NextCall | CustomerDeclines | UndoDecline | QuitProgram
)
MAX_QUEUED_ACTIONS = 64
"""Most actions that are queued; more than a person can do in one hop."""


class Answer(NamedTuple):
    """What was or was not done of an action."""

    done: bool
    text: str = ""
    """"" if it was done and can be seen."""


class Request(NamedTuple):
    """An action that waits to be done, and its answer."""

    action: UserAction
    answer: Future[Answer]


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
        self.has_session = False
        """Whether a session answers actions."""
        self.answer = ""
        """The newest answer, for the display; the run loop sets it, and clears it after seconds."""
        self.can_undo = False
        """Whether a declined call can be restored now."""
        self.on_change: Callable[[], None] | None = None
        """Called when the display has changed, for a view that does not want to poll; it must
        return at once.
        """
        self._actions: queue.Queue[Request] = queue.Queue(MAX_QUEUED_ACTIONS)
        self._troubles: queue.Queue[StageTrouble] = queue.Queue(MAX_QUEUED_ACTIONS)

    def publish(self, display: Display, sounded: float) -> None:
        """Publish a display, with the newest answer; called only by the run loop."""
        if self.answer or self.can_undo:
            display = msgspec.structs.replace(display, answer=self.answer, can_undo=self.can_undo)
        if display != self.newest.display:
            self.newest = TimedDisplay(display, sounded)
            if self.on_change:
                self.on_change()

    def post_action(self, wish: UserAction) -> Future[Answer]:
        """Queue an action, and return its answer; it is dropped if the queue is full."""
        self.quit_requested |= isinstance(wish, QuitProgram)
        request = Request(wish, Future())
        try:
            self._actions.put_nowait(request)
        except queue.Full:
            request.answer.set_result(Answer(False, "too many actions at once; try again"))
        return request.answer

    @property
    def has_actions(self) -> bool:
        """Whether an action is queued."""
        return not self._actions.empty()

    def drain_requests(self) -> list[Request]:
        """Return the actions queued since the last call, to be answered."""
        return _drain(self._actions)

    def drain_actions(self) -> list[UserAction]:
        """Return the same without answers."""
        return [request.action for request in self.drain_requests()]

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

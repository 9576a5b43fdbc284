"""Holds the calls of a session that have ended, for customers who decline, and for an undo.

A call can be declined while it runs, or within minutes of its end.  What is stored of it is deleted
at once, and can be restored for seconds, by this process alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from voicecoach.shell.live.call_sinks import FolderSink
from voicecoach.shell.results.replay_one import CallSetup
from voicecoach.shell.runtime.feed import Answer, Feed
from voicecoach.shell.runtime.sinks import Sink

FORGET_WITHIN_S = 300.0
"""Seconds after its end for which the last call can be declined."""
UNDO_WITHIN_S = 10.0
"""Seconds for which a declined call can be restored."""
UNDO_ADVICE = f"Undo restores it within {UNDO_WITHIN_S:.0f} s"


class EndedCall(NamedTuple):
    """A call that has ended."""

    parts: tuple[FolderSink, ...]
    """Its recordings: more than one if its engine failed and another continued it."""
    ended: float
    """Seconds of `time.monotonic`."""
    without: CallSetup
    """The setup before it."""
    learnt: CallSetup
    """The setup with what it taught."""


class EndedCalls:
    """The ended calls of a session, and what the agent's baseline learnt from them.

    Parameters
    ----------
    feed
        Told whether a declined call can be restored.
    setup
        Setup of the first call.
    sinks
        Told to forget a call that is declined after its end.
    """

    def __init__(self, feed: Feed, setup: CallSetup, sinks: Sequence[Sink]) -> None:
        self._feed, self._sinks = feed, sinks
        self.setup = setup
        """Setup of the next call; its baseline includes the calls that have ended."""
        self.folders: list[Path] = []
        """Folders of the calls so far, with the one that runs."""
        self._parts: tuple[FolderSink, ...] = ()
        """Recordings of the call that the next one continues, as its engine failed."""
        self._last: EndedCall | None = None
        """The last call, unless it was declined."""
        self._declined: EndedCall | None = None
        """The declined call that can be restored."""
        self._undo_until = 0.0

    def begin(self) -> None:
        """Note that the agent starts a call: it continues none."""
        self._parts = ()

    def add(
        self, files: FolderSink, learnt: CallSetup, *, declined: bool, continued: bool = False
    ) -> None:
        """Add a call that has ended, or whose engine failed; learn from it unless it was declined.

        Parameters
        ----------
        files
            Its recording.
        learnt
            The setup, with a baseline that includes this call if the agent wants that.
        declined
            The customer declined: `files` deletes it, and what it continued is deleted here.
        continued
            Its engine failed: the next call is still with the same customer.
        """
        ended = EndedCall((*self._parts, files), time.monotonic(), self.setup, learnt)
        self._parts = ended.parts if continued else ()
        if declined:
            for part in ended.parts[:-1]:
                if why := self._forget(part):
                    self._feed.report_trouble("log", why, True)
            self._set_declined(ended)
        else:
            self._last, self.setup = ended, learnt

    def decline_last(self) -> Answer:
        """Delete the last call, if it has just ended."""
        ended = self._last
        if not ended or time.monotonic() - ended.ended > FORGET_WITHIN_S:
            within = f"{FORGET_WITHIN_S / 60:.0f} minutes"
            return Answer(
                False,
                f"nothing was deleted: no call has ended in the last {within}, or it is deleted "
                "already; delete an older one with `voicecoach journal delete`, and its folder",
            )
        problems = [why for part in ended.parts if (why := self._forget(part))]
        self.setup = ended.without
        self._set_declined(ended)
        if problems:
            return Answer(False, "; ".join(problems))
        return Answer(
            True,
            "The last call is deleted, with its journal entry and what your baseline learnt from "
            f"it. {UNDO_ADVICE}",
        )

    def undo(self) -> Answer:
        """Restore the declined call, if it can be restored."""
        ended = self._declined
        if not ended:
            within = f"{UNDO_WITHIN_S:.0f} s"
            return Answer(False, f"nothing to undo: a declined call can be restored for {within}")
        self._declined, self._feed.can_undo = None, False
        if problems := [why for part in ended.parts if (why := part.restore())]:
            return Answer(False, "; ".join(problems))
        self.folders += [part.recorder.folder for part in ended.parts]
        self._last = self._last or ended  # unless another call has ended since
        if self.setup is ended.without:  # else another call has taught something since
            self.setup = ended.learnt
        return Answer(True, "The call is restored, with its journal entry")

    def expire(self, *, at_once: bool = False) -> None:
        """Give up the declined call when its time is over, or at once."""
        if self._declined and (at_once or time.monotonic() >= self._undo_until):
            for part in self._declined.parts:
                part.discard()
            self._declined, self._feed.can_undo = None, False

    def _forget(self, part: FolderSink) -> str:
        """Delete what is stored of a recording; return what went wrong, or ""."""
        why = part.forget()
        for sink in self._sinks:
            sink.forget_call(part.recorder.folder)
        return why

    def _set_declined(self, ended: EndedCall) -> None:
        """Let the agent undo it for some time."""
        self.expire(at_once=True)
        for part in ended.parts:
            self.folders.remove(part.recorder.folder)
        self._declined, self._last = ended, None
        self._undo_until = time.monotonic() + UNDO_WITHIN_S
        self._feed.can_undo = True

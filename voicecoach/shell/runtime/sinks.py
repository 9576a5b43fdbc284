"""Sinks receive the events of calls as they become known.

No sink can harm a call.  One that raises is reported once and gets no more of this call; at the
next call it is tried again.  In a live session a sink of another package has a thread of its own: a
slow one falls behind, a hanging one is abandoned.  A replay waits for it.

A sink receives only what may be stored.  Possible card numbers are masked before events exist; the
composite calmness is never computed if the privacy profile excludes it; and if a live call's words
are not stored, the sink gets the events without them (`redaction`).
"""

from __future__ import annotations

import queue
import threading
import traceback
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from voicecoach.shell.runtime.worker import ReportTrouble, describe_error
from voicecoach.text_safety.redaction import redact_words
from voicecoach.types.events import Event
from voicecoach.types.stream import Speaker

MAX_WAITING_EVENTS = 5000
"""Most events queued for a sink: those of minutes."""
SINK_CLOSE_TIMEOUT_S = 5.0
"""Seconds that a sink may take to finish at the end of a session."""


class CallInfo(NamedTuple):
    """A call that begins."""

    name: str
    """Name in the header of its event log."""
    live: bool
    folder: Path
    """Folder in which its results will be."""
    speakers: tuple[Speaker, ...]
    words: bool
    """Whether it has words: they are wanted, a transcriber runs, and they may be stored."""


class Sink(Protocol):
    """Takes the events of calls.  Subclass it to inherit methods that do nothing."""

    def begin_call(self, call: CallInfo) -> None:
        """Prepare for a call; no other is in progress."""
        return

    def on_event(self, event: Event) -> None:
        """Receive an event, in the order in which they become known."""
        return

    def end_call(self, declined: bool) -> None:
        """Finish a call.

        Parameters
        ----------
        declined
            The customer declined: delete everything you have of this call.
        """
        return

    def on_results(self, folder: Path) -> None:
        """Use the results of a call that has ended and was not declined; the files are complete.

        It is called after `end_call`; the next call may have begun.  It is called again, or at
        last, for a call that was declined if the agent undoes that within seconds.
        """
        return

    def forget_call(self, folder: Path) -> None:
        """Delete everything you have of a call that has ended: the customer declined afterwards.

        Its folder, that of `on_results`, is being deleted.
        """
        return

    def close(self) -> None:
        """Close the sink; no call follows."""
        return


class GuardedSink(Sink):
    """Wraps a sink, so that its errors never end a call.

    Parameters
    ----------
    name
        Name under which it is reported.
    sink
        Called in the caller's thread.
    report
        Called at most once a call, when the sink fails.
    words
        Whether the sink also gets what was said.
    """

    def __init__(self, name: str, sink: Sink, report: ReportTrouble, *, words: bool) -> None:
        self._name, self._sink, self._report, self._words = name, sink, report, words
        self._failed = False

    def begin_call(self, call: CallInfo) -> None:
        """Begin a call, and forget a failure in the one before."""
        self._failed = False
        self._run("begin_call", call if self._words else call._replace(words=False))

    def on_event(self, event: Event) -> None:
        """Pass on an event, reduced to what may be stored."""
        kept = event if self._words else redact_words(event)
        if kept and not self._failed:
            self._run("on_event", kept)

    def end_call(self, declined: bool) -> None:
        """End a call, even if the sink failed: it may have files to close or delete."""
        self._run("end_call", declined)

    def on_results(self, folder: Path) -> None:
        """Pass on the folder of the results."""
        if not self._failed:
            self._run("on_results", folder)

    def forget_call(self, folder: Path) -> None:
        """Let the sink forget a call, even if it failed."""
        self._run("forget_call", folder)

    def close(self) -> None:
        """Close the sink."""
        self._run("close")

    def _run(self, method: str, *given: Any) -> None:
        try:
            getattr(self._sink, method)(*given)
        except (Exception, SystemExit) as e:  # whatever the error, the call continues
            if not self._failed:
                traceback.print_tb(e.__traceback__)
                why = f"it failed ({describe_error(e)}) and is disabled for this call"
                self._report(self._name, why, True)
            self._failed = True


class ThreadedSink(Sink):
    """Runs a sink in a thread of its own, so that it delays nobody.

    Parameters
    ----------
    name, report
        As for a `GuardedSink`.
    sink
        Called only in that thread.
    """

    def __init__(self, name: str, sink: GuardedSink, report: ReportTrouble) -> None:
        self._name, self._sink, self._report = name, sink, report
        self._behind = False
        """It has too much waiting, and is disabled for this call."""
        self._waiting: queue.SimpleQueue[tuple[str, tuple[Any, ...]]] = queue.SimpleQueue()
        # A daemon: a hanging sink must not keep the program from ending.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def begin_call(self, call: CallInfo) -> None:
        """Begin a call."""
        self._behind = False
        self._waiting.put(("begin_call", (call,)))

    def on_event(self, event: Event) -> None:
        """Queue an event for the sink, if there is room."""
        if self._behind:
            return
        if self._waiting.qsize() >= MAX_WAITING_EVENTS:
            self._behind = True
            self._report(self._name, "it is too slow and is disabled for this call", True)
            return
        self._waiting.put(("on_event", (event,)))

    def end_call(self, declined: bool) -> None:
        """End a call."""
        self._waiting.put(("end_call", (declined,)))

    def on_results(self, folder: Path) -> None:
        """Pass on the folder of the results."""
        self._waiting.put(("on_results", (folder,)))

    def forget_call(self, folder: Path) -> None:
        """Let the sink forget a call."""
        self._waiting.put(("forget_call", (folder,)))

    def close(self) -> None:
        """Close it, and wait for a limited time."""
        self._waiting.put(("close", ()))
        self._thread.join(SINK_CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            self._report(self._name, f"it did not finish within {SINK_CLOSE_TIMEOUT_S:.0f} s", True)

    def _work(self) -> None:
        method = ""
        while method != "close":
            method, given = self._waiting.get()
            getattr(self._sink, method)(*given)

"""Sinks: who takes the events of calls as they become known.

Whatever a sink does, it costs no call.  One that raises is reported once and gets no more of this
call; at the next call it is tried again.  In a live session a sink of another package has a thread
of its own: one that is slow falls behind, one that hangs is left behind.  A replay waits for it.

A sink is given what may be kept.  Numbers that may belong to a card are masked before there are
events; the composite calmness is never computed where the privacy profile has none; and of a live
call whose words are not kept it gets the events without them (`redaction`).
"""

from __future__ import annotations

import queue
import threading
import traceback
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from voicecoach.shell.runtime.worker import ReportTrouble, describe_error
from voicecoach.text_safety.redaction import redact_words
from voicecoach.types import Event, Speaker

MAX_WAITING_EVENTS = 5000
"""Events that may wait for a sink: those of minutes."""
CLOSE_TIMEOUT_S = 5.0
"""How long a sink may take to finish at the end of a session."""


class CallInfo(NamedTuple):
    """A call that begins."""

    name: str
    """As in the header of its event log."""
    live: bool
    folder: Path
    """Where its results are going to be."""
    speakers: tuple[Speaker, ...]
    words: bool
    """Whether there will be any: they are wanted, a transcriber is there, and they may be kept."""


class Sink(Protocol):
    """Takes the events of calls.  Subclass it to inherit methods that do nothing."""

    def begin_call(self, call: CallInfo) -> None:
        """Prepare for a call; no other is going on."""
        return

    def on_event(self, event: Event) -> None:
        """Take an event, in the order in which they become known."""
        return

    def end_call(self, declined: bool) -> None:
        """Finish a call.

        Parameters
        ----------
        declined
            The customer said no: delete everything you have of this call.
        """
        return

    def on_results(self, folder: Path) -> None:
        """Use the results of a call that has ended and was not declined; they are written.

        It comes after `end_call`; the next call may have begun.
        """
        return

    def close(self) -> None:
        """End; no call follows."""
        return


class GuardedSink(Sink):
    """A sink whose errors cost no call.

    Parameters
    ----------
    name
        By which it is reported.
    sink
        Called in the caller's thread.
    report
        Told once a call if it fails.
    words
        Give it what was said, too.
    """

    def __init__(self, name: str, sink: Sink, report: ReportTrouble, *, words: bool) -> None:
        self._name, self._sink, self._report, self._words = name, sink, report, words
        self._failed = False

    def begin_call(self, call: CallInfo) -> None:
        """Begin a call, and forget what failed in the one before."""
        self._failed = False
        self._run("begin_call", call if self._words else call._replace(words=False))

    def on_event(self, event: Event) -> None:
        """Pass on an event, or what may be kept of it."""
        kept = event if self._words else redact_words(event)
        if kept and not self._failed:
            self._run("on_event", kept)

    def end_call(self, declined: bool) -> None:
        """End a call, even where the sink failed: there may be something to close or delete."""
        self._run("end_call", declined)

    def on_results(self, folder: Path) -> None:
        """Pass on where results are."""
        if not self._failed:
            self._run("on_results", folder)

    def close(self) -> None:
        """End."""
        self._run("close")

    def _run(self, method: str, *given: Any) -> None:
        try:
            getattr(self._sink, method)(*given)
        except (Exception, SystemExit) as e:  # whatever it is, the call goes on
            if not self._failed:
                traceback.print_tb(e.__traceback__)
                why = f"it failed ({describe_error(e)}) and is disabled for this call"
                self._report(self._name, why, True)
            self._failed = True


class ThreadedSink(Sink):
    """A sink in a thread of its own, so that it holds nobody up.

    Parameters
    ----------
    name, report
        As for a `GuardedSink`.
    sink
        Called in the thread alone.
    """

    def __init__(self, name: str, sink: GuardedSink, report: ReportTrouble) -> None:
        self._name, self._sink, self._report = name, sink, report
        self._behind = False
        """It has too much waiting, and is disabled for this call."""
        self._waiting: queue.SimpleQueue[tuple[str, tuple[Any, ...]]] = queue.SimpleQueue()
        # A daemon: one that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def begin_call(self, call: CallInfo) -> None:
        """Begin a call."""
        self._behind = False
        self._waiting.put(("begin_call", (call,)))

    def on_event(self, event: Event) -> None:
        """Let an event wait for the sink, if there is room."""
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
        """Pass on where results are."""
        self._waiting.put(("on_results", (folder,)))

    def close(self) -> None:
        """End it, and wait a little."""
        self._waiting.put(("close", ()))
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            self._report(self._name, f"it did not finish within {CLOSE_TIMEOUT_S:.0f} s", True)

    def _work(self) -> None:
        method = ""
        while method != "close":
            method, given = self._waiting.get()
            getattr(self._sink, method)(*given)

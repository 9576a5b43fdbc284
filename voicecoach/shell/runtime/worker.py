"""Runs a stage in a thread of its own: restarts it after its first failure, then gives up.

The agent is told of both.  An error is reported by its class and place only: the text of a foreign
exception may quote what was said in the call.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

ReportTrouble: TypeAlias = Callable[[str, str, bool], None]
"""Receives a stage, its problem, and whether that lasts; callable from any thread, returns at
once.
"""


def ignore_trouble(stage: str, reason: str, lasts: bool) -> None:
    """Ignore a problem."""


def describe_error(error: BaseException) -> str:
    """Return what may be reported of an error: its class, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


class StageThread(threading.Thread):
    """Runs a stage's work.

    Parameters
    ----------
    stage
        Name of the stage in the log, and of the thread.
    work
        Returns when there is no more to do; called again once if it raises.
    say
        Called for each failure.
    given_up
        Called after the second failure.
    """

    def __init__(
        self,
        stage: str,
        work: Callable[[], None],
        say: ReportTrouble,
        given_up: Callable[[], None] = lambda: None,
    ) -> None:
        # A daemon: a hanging stage must not keep the program from ending.
        super().__init__(name=stage, daemon=True)
        self._work, self._say, self._given_up = work, say, given_up

    def run(self) -> None:
        """Run the work."""
        for lasts in (False, True):
            try:
                self._work()
            except Exception as e:  # whatever the error, the call continues and reports it
                traceback.print_tb(e.__traceback__)
                then = "twice and is disabled for this call" if lasts else "and was restarted"
                self._say(self.name, f"it failed ({describe_error(e)}) {then}", lasts)
            else:
                return
        self._given_up()

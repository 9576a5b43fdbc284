"""A stage's own thread beside the session: begun again once where it fails, then left alone.

Either is said where the agent sees it.  What is said of an error is its class and its place: the
text of somebody else's exception may hold what was said in the call.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

ReportTrouble: TypeAlias = Callable[[str, str, bool], None]
"""Takes a stage, what it does less than it should, and whether that lasts; from any thread, and
returns at once."""


def ignore_trouble(stage: str, reason: str, lasts: bool) -> None:
    """Tell nobody."""


def describe_error(error: BaseException) -> str:
    """Return what may be said of an error: its class, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


class StageThread(threading.Thread):
    """Does a stage's work.

    Parameters
    ----------
    stage
        Its name in the log, and the thread's.
    work
        Returns when there is no more to do; where it fails it is called again, once.
    say
        Told of each failure.
    given_up
        Called after the second.
    """

    def __init__(
        self,
        stage: str,
        work: Callable[[], None],
        say: ReportTrouble,
        given_up: Callable[[], None] = lambda: None,
    ) -> None:
        # One that hangs must not keep the program from ending.
        super().__init__(name=stage, daemon=True)
        self._work, self._say, self._given_up = work, say, given_up

    def run(self) -> None:
        """Work."""
        for lasts in (False, True):
            try:
                self._work()
            except Exception as e:  # whatever it is, the call goes on and says so
                traceback.print_tb(e.__traceback__)
                then = "twice and is disabled for this call" if lasts else "and was restarted"
                self._say(self.name, f"it failed ({describe_error(e)}) {then}", lasts)
            else:
                return
        self._given_up()

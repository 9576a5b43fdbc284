"""Shows a batch's progress: a bar in a terminal, otherwise a line now and then."""

from __future__ import annotations

from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from voicecoach.shell.runtime.stderr import print_error, print_to_stderr
from voicecoach.text_safety.sanitize import printable, readable_text

PLAIN_S = 10.0
"""Seconds between lines where there is no terminal."""


class BatchProgress:
    """Shows a batch's progress; a context manager.

    Parameters
    ----------
    console
        Where it is shown.
    calls, size
        Number of calls, and their bytes, from which the time left is estimated.
    done
        Number of calls that were done before.
    """

    def __init__(self, console: Console, calls: int, size: int, done: int) -> None:
        self._console, self._calls, self._size, self._before = console, calls, size, done
        self.done = self.failed = 0
        self.audio_s = 0.0
        self._bytes = 0
        self._began = self._last_line_at = monotonic()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(20),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=max(size, 1))

    def __enter__(self) -> BatchProgress:
        self._began = self._last_line_at = monotonic()
        self._bar.start()
        self._refresh()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._bar.stop()
        print_to_stderr(
            f"stopped: {self.progress_text()}; run the same command to continue"
            if kind
            else self.progress_text()
        )

    def record_call(self, size: int, duration_s: float, error: str) -> None:
        """Count a finished call, or report its error."""
        self._bytes += size
        if error:
            self.failed += 1
            self.print_problem(error)
        else:
            self.done += 1
            self.audio_s += duration_s
        self._refresh()

    def print_problem(self, error: str) -> None:
        """Print an error about a recording, above the bar if there is one."""
        if self._bar.disable:
            print_error(printable(error))
        else:
            self._console.print(Text(f"error: {printable(readable_text(error))}"), soft_wrap=True)

    def progress_text(self) -> str:
        """Return the progress in words."""
        took = monotonic() - self._began
        speed = f", {self.audio_s / took:.1f} x real time" if self.done else ""
        return (
            f"{self._before + self.done} of {self._calls} calls, {self.audio_s / 3600:.2f} h"
            f"{speed}, {self.failed} failed"
        )

    def _refresh(self) -> None:
        self._bar.update(self._task, completed=self._bytes, description=self.progress_text())
        now = monotonic()
        if self._bar.disable and now - self._last_line_at >= PLAIN_S:
            self._last_line_at = now
            left = (self._size - self._bytes) * (now - self._began) / max(self._bytes, 1)
            print_to_stderr(f"{self.progress_text()}, {left / 60:.0f} min left")

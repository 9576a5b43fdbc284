"""Waits for another thread or process."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Wait until a condition holds.

    Raises
    ------
    AssertionError
        If it does not hold within `timeout_s` seconds.
    """
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)

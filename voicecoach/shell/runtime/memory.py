"""Returns unused memory to the system, so that a program that runs all day does not grow.

Python frees reference cycles only from time to time, and glibc keeps freed memory in the arenas of
ended threads; other systems' allocators return it by themselves.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from functools import cache


def release_memory() -> None:
    """Return free memory to the system; takes some milliseconds."""
    gc.collect()
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    # TypeError: Windows has no library of that name.
    with suppress(AttributeError, OSError, TypeError):
        found: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
        return found
    return lambda _: None

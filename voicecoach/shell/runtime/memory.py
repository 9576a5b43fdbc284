"""Memory that nothing holds any more, given back: a program that runs all day stays as it is.

Python frees what refers to itself when it happens to look, and glibc keeps what was freed in the
arenas of threads that came and went; other systems' allocators give it back by themselves.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from functools import cache


def release_memory() -> None:
    """Give back what is free; some milliseconds."""
    gc.collect()
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    # TypeError: Windows has no library of that name.
    with suppress(AttributeError, OSError, TypeError):
        found: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
        return found
    return lambda _: None

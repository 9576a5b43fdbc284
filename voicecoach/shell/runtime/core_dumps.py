"""Forbids core dumps: a process that crashes would leave the last words of a call in a file.

| system | what is set                                                                             |
|--------|-----------------------------------------------------------------------------------------|
| all    | nothing is raised where it cannot be set: the call matters more                         |
| POSIX  | the largest core file is 0 bytes                                                        |
| Linux  | the process is not dumpable either: a program that dumps are piped to ignores the limit |
| Windows| error reports hold no heap, and no dialogue waits for somebody to attach a debugger     |

It holds for one process, so each process calls it first.
"""

from __future__ import annotations

import contextlib
import sys

_PR_SET_DUMPABLE = 4
_SEM_FAILCRITICALERRORS, _SEM_NOGPFAULTERRORBOX = 0x0001, 0x0002
_WER_FAULT_REPORTING_FLAG_NOHEAP = 0x0001


def forbid_core_dumps() -> None:
    """Forbid core dumps of this process."""
    import ctypes

    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        if sys.platform == "win32":
            ctypes.windll.kernel32.SetErrorMode(_SEM_FAILCRITICALERRORS | _SEM_NOGPFAULTERRORBOX)
            ctypes.windll.kernel32.WerSetFlags(_WER_FAULT_REPORTING_FLAG_NOHEAP)
        else:
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

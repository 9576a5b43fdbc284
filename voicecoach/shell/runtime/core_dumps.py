"""Forbids core dumps: a process that crashes would leave the last words of a call in a file.

| system | what is set                                                                             |
|--------|-----------------------------------------------------------------------------------------|
| all    | a setting that fails is ignored: the call goes on                                       |
| POSIX  | the largest core file is 0 bytes                                                        |
| Linux  | the process is not dumpable either: dumps piped to a program ignore the size limit      |
| Windows| error reports hold no heap, and no dialogue waits for somebody to attach a debugger     |

It affects one process only, so each process calls it first.
"""

from __future__ import annotations

import contextlib
import sys

_PR_SET_DUMPABLE = 4
_SEM_FAILCRITICALERRORS, _SEM_NOGPFAULTERRORBOX = 0x0001, 0x0002
_WER_FAULT_REPORTING_FLAG_NOHEAP = 0x0001


def forbid_core_dumps() -> None:
    """Forbid core dumps of this process."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        import ctypes

        if sys.platform == "win32":
            ctypes.windll.kernel32.SetErrorMode(_SEM_FAILCRITICALERRORS | _SEM_NOGPFAULTERRORBOX)
            ctypes.windll.kernel32.WerSetFlags(_WER_FAULT_REPORTING_FLAG_NOHEAP)
        else:
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

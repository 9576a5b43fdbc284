"""Print when pixels in a region of Xvfb's framebuffer change, until interrupted.

    python -m scripts.bench.latency_watch FOLDER LEFT TOP RIGHT BOTTOM

This is a separate process, so that watching uses none of the watched program's CPU time.
"""

from __future__ import annotations

import contextlib
import mmap
import signal
import struct
import sys
import time
from pathlib import Path

import numpy as np


def main() -> None:
    """Watch the region and print the times."""
    folder, (left, top, right, bottom) = Path(sys.argv[1]), map(int, sys.argv[2:6])
    # A shell starts background jobs with interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    times: list[float] = []
    with (folder / "Xvfb_screen0").open("rb") as file:
        screen = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    # xwd header: field 1 is its size, field 13 the bytes per line, field 20 the number of colours.
    fields = struct.unpack(">25I", screen[:100])
    first, line = fields[0] + 12 * fields[19], fields[12]
    pixels = np.frombuffer(screen, np.uint8, offset=first)[: line * fields[5]].reshape(-1, line)
    region = pixels[top:bottom, 4 * left : 4 * right]
    before = region.copy()
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(0.001)
            if not np.array_equal(region, before):
                times.append(time.monotonic())
                before = region.copy()
    print("\n".join(f"{at:.6f}" for at in times))


if __name__ == "__main__":
    main()

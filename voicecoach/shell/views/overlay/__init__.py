"""The overlay, as the rest of the program sees it: whether it can be shown, and showing it.

Nothing here imports Qt before it is asked to, so that a machine without it can say what is missing.
From the bottom up: `drawn` has what is painted by hand, `panel` puts it together, `window` is the
loop that looks at the feed; `places` remembers where it was put.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from voicecoach.errors import DeviceError
from voicecoach.shell.runtime.feed import Feed, TimedDisplay

BROWSER_HINT = "use --view browser"


def why_unavailable() -> str:
    """Return "" where an overlay can be shown, else why not and what to do, in a line.

    Call it in the main thread: it makes the `QApplication` that `show` uses.
    """
    linux = sys.platform.startswith("linux")
    if linux and not os.environ.get("DISPLAY"):
        if os.environ.get("WAYLAND_DISPLAY"):
            return f"Wayland does not keep a window on top, and XWayland is missing: {BROWSER_HINT}"
        return f"no display found: {BROWSER_HINT}"
    try:
        from PySide6.QtCore import QtMsgType, qInstallMessageHandler
        from PySide6.QtWidgets import QApplication
    except ModuleNotFoundError:
        return "PySide6 is not installed: pip install 'voicecoach[overlay]'"
    except ImportError as e:
        return f"Qt cannot load: {e}; install the library it names (Debian: libgl1 libegl1)"
    said: list[str] = []

    def hear(_kind: QtMsgType, _context: object, message: str) -> None:
        said.append(message)

    app = QApplication.instance()
    if app is None:
        # Without a display a plain QApplication ends the process; this way it draws to nowhere.
        # XWayland, too, where there is Wayland: there alone a window can stay on top.
        platform = ["-platform", "xcb;offscreen"] if linux else []
        before = qInstallMessageHandler(hear)
        app = QApplication(["voicecoach", *platform])
        qInstallMessageHandler(before)
    if not isinstance(app, QApplication) or app.platformName() == "offscreen":
        if any("xcb" in line for line in said) and not any("connect" in line for line in said):
            return "Qt's X11 plugin cannot load: install libxcb-cursor0 (its name on Debian)"
        return f"the display {os.environ.get('DISPLAY', '')} cannot be opened: {BROWSER_HINT}"
    return ""


def run_overlay(
    feed: Feed,
    running: Callable[[], bool],
    *,
    painted: Callable[[TimedDisplay, float, float], None] | None = None,
) -> None:
    """Show what the feed has until the call ends or the agent does; in the main thread.

    Parameters
    ----------
    feed
        What to show; the agent's wishes go into it.
    running
        Asked at each look at the feed: False ends it.
    painted
        Called after each repaint with what was painted and when it was picked up and done, in
        seconds of `time.monotonic`.

    Raises
    ------
    DeviceError
        Where no overlay can be shown.
    """
    why = why_unavailable()
    if why:
        raise DeviceError(f"no overlay: {why}")
    from voicecoach.shell.views.overlay.window import Overlay

    Overlay(feed, running, painted).run()

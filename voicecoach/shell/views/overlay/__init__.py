"""The overlay's public functions: check whether it can be shown, and show it.

Qt is imported only inside the functions, so that a machine without it can report what is missing.
From the bottom up: `drawn` has the hand-painted widgets, `panel` lays them out, `window` polls the
feed, and `places` remembers the window's position.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

from voicecoach.errors import DeviceError
from voicecoach.shell.runtime.feed import Feed, TimedDisplay
from voicecoach.shell.runtime.system_packages import install_advice, missing_libraries

BROWSER_HINT = "use --view browser"


def why_unavailable() -> str:
    """Return "" if an overlay can be shown, else one line with the reason and what to do.

    Call it in the main thread: it creates the `QApplication` that `run_overlay` uses.
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
        return what_qt_lacks() or f"Qt cannot load: {e}; {BROWSER_HINT}"
    said: list[str] = []

    def hear(_kind: QtMsgType, _context: object, message: str) -> None:
        said.append(message)

    app = QApplication.instance()
    if app is None:
        # A plain QApplication aborts the process if there is no display; "offscreen" avoids that.
        # XWayland is preferred to Wayland: only there can a window stay on top.
        platform = ["-platform", "xcb;offscreen"] if linux else []
        before = qInstallMessageHandler(hear)
        app = QApplication(["voicecoach", *platform])
        qInstallMessageHandler(before)
    if not isinstance(app, QApplication) or app.platformName() == "offscreen":
        # Qt names libxcb-cursor whatever is missing, so its words are the last resort.
        if lacks := what_qt_lacks():
            return lacks
        if any("xcb" in line for line in said) and not any("connect" in line for line in said):
            return f"Qt's X11 plugin cannot start: {said[-1].splitlines()[0]}; {BROWSER_HINT}"
        return f"cannot open the display {os.environ.get('DISPLAY', '')}: {BROWSER_HINT}"
    return ""


def what_qt_lacks() -> str:
    """Return one line with all that the system lacks for Qt to start on X11, "" if nothing."""
    package = importlib.util.find_spec("PySide6") if sys.platform.startswith("linux") else None
    if not package or not package.submodule_search_locations:
        return ""
    folder = Path(package.submodule_search_locations[0])
    plugin = folder / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    missing = missing_libraries([*folder.glob("QtWidgets.*so"), plugin])
    return f"Qt lacks {len(missing)} libraries: {install_advice(missing)}" if missing else ""


def run_overlay(
    feed: Feed,
    running: Callable[[], bool],
    *,
    painted: Callable[[TimedDisplay, float, float], None] | None = None,
    set_unseen: Callable[[str], None] = lambda _: None,
) -> None:
    """Show the feed's displays until the call ends or the agent closes the overlay.

    Call it in the main thread.

    Parameters
    ----------
    feed
        Source of displays; the agent's actions are posted to it.
    running
        Checked at each poll of the feed; False closes the overlay.
    painted
        Called after each repaint with the display, and when it was picked up and painted, in
        seconds of `time.monotonic`.
    set_unseen
        Called with why the overlay cannot be seen, and with "" when it can again.

    Raises
    ------
    DeviceError
        If no overlay can be shown.
    """
    why = why_unavailable()
    if why:
        raise DeviceError(f"no overlay: {why}")
    from voicecoach.shell.views.overlay.window import Overlay

    Overlay(feed, running, painted, set_unseen).run()

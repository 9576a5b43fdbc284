"""Programs that the overlay's tests run beside themselves: the overlay, and a window that is not.

Orders come as JSON lines on standard input, what happens goes as JSON lines to standard output; the
end of the input is the end of the program.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import msgspec
from PySide6.QtCore import QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from scripts.pictures.overlay import enlarge
from voicecoach.shell.runtime.feed import Feed, TimedDisplay, UserAction
from voicecoach.shell.views import overlay
from voicecoach.shell.views.overlay.drawn import WordsStrip
from voicecoach.views.display import Display

INTERRUPTED = 42
TEXT = "OVERLAY_DRIVER_TEXT"
"""How much larger all text is to be."""
GREEN = "#00ff00"


class Order(msgspec.Struct):
    display: Display | None = None
    through: bool | None = None
    fail: bool = False
    again: bool = False
    """The agent wants to see it again."""


class Told(msgspec.Struct):
    """One line of what happened."""

    wish: UserAction | None = None
    panel: tuple[int, int] | None = None
    """Its size, when a display is painted."""
    buttons: dict[str, tuple[int, int]] = {}
    """The middle of each that can be seen, inside the panel."""
    clipped: list[str] = []
    clicked: bool = False
    title: str = ""
    """Of the display that is painted's card."""
    words: list[str] = []
    """The newest words as a screen reader has them, their description, and their tooltip."""
    unseen: str | None = None
    """Why it cannot be seen, when that changes."""


def tell(told: Told) -> None:
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    sys.stdout.flush()


def clipped(widget: QWidget) -> bool:
    """Return whether a text has less room than it takes."""
    if isinstance(widget, QLabel) and widget.wordWrap():
        return widget.height() < widget.heightForWidth(widget.width())
    hint = widget.sizeHint()
    if isinstance(widget, QLabel):
        # One of a fixed size hints at the size that it had, whatever its text takes.
        hint = widget.fontMetrics().size(0, widget.text())
    return widget.width() < hint.width() or widget.height() < hint.height()


def show_overlay() -> None:
    feed = Feed()
    ended = threading.Event()
    failing = threading.Event()

    def obey() -> None:
        for line in sys.stdin:
            order = msgspec.json.decode(line, type=Order)
            if order.through is not None:
                feed.click_through = order.through
            if order.again:
                feed.view_requested = True
            if order.fail:
                failing.set()
            if order.display:
                feed.answer, feed.can_undo = order.display.answer, order.display.can_undo
                feed.publish(order.display, 0.0)
        ended.set()

    def pass_on() -> None:
        while not ended.is_set():
            for wish in feed.drain_actions():
                tell(Told(wish=wish))
            time.sleep(0.01)

    def painted(shown: TimedDisplay, began: float, done: float) -> None:
        assert began <= done
        panel = next(w for w in QApplication.topLevelWidgets() if w.windowTitle() == "voicecoach")
        seen = [w for w in panel.findChildren(QWidget) if w.isVisible()]
        buttons = {}
        for each in seen:
            if isinstance(each, QPushButton):
                middle = each.mapTo(panel, each.rect().center())
                buttons[each.text().strip("\N{CHECK MARK} ")] = (middle.x(), middle.y())
        texts = [w for w in seen if isinstance(w, QLabel | QPushButton) and w.text()]
        cut = [w.text() for w in texts if clipped(w)]
        cut += [
            w.text()
            for w in texts
            if not panel.rect().contains(w.mapTo(panel, w.rect().bottomRight()))
        ]
        card = shown.display.card
        size = panel.width(), panel.height()
        title = card.title if card else ""
        (strip,) = panel.findChildren(WordsStrip)
        words = [strip.accessibleName(), strip.accessibleDescription(), strip.toolTip()]
        tell(Told(panel=size, buttons=buttons, clipped=cut, title=title, words=words))

    def running() -> bool:
        if failing.is_set():
            raise RuntimeError("as ordered")
        return not ended.is_set()

    enlarge(float(os.environ.get(TEXT, "1")))
    threading.Thread(target=obey, daemon=True).start()
    threading.Thread(target=pass_on, daemon=True).start()
    try:
        overlay.run_overlay(
            feed, running, painted=painted, set_unseen=lambda why: tell(Told(unseen=why))
        )
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    for wish in feed.drain_actions():
        tell(Told(wish=wish))


class Other(QWidget):
    """A window as a softphone's: it has the focus, and says when it is clicked."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        tell(Told(clicked=True))


def show_other(x: int, y: int, width: int, height: int) -> None:
    app = QApplication(["other"])
    window = Other()
    window.setWindowTitle("other")
    window.setStyleSheet(f"background: {GREEN}")
    window.setGeometry(x, y, width, height)
    window.show()
    window.activateWindow()

    reader = threading.Thread(target=sys.stdin.read, daemon=True)
    reader.start()
    timer = QTimer()
    timer.timeout.connect(lambda: None if reader.is_alive() else app.quit())
    timer.start(20)
    app.exec()


if __name__ == "__main__":
    # A shell's background job is started with interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.argv[1:]:
        show_other(*map(int, sys.argv[1:]))
    else:
        show_overlay()

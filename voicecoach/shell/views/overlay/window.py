"""The overlay's event loop: draws the newest display when the feed changes.

The engine never waits for it.  Meters are redrawn at most `METER_RATE` times a second; who speaks,
the state and the card at once.  Polling every 16 ms would cost 1 % of a core, so the loop is woken
by the feed and polls only rarely.

The agent must see that the call is listened to.  A panel that the window system took off the screen
(another virtual desktop, a window manager that ends) is shown again; one that the agent closed, or
that cannot be shown, is reported as unseen, and listening pauses.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import msgspec
from PySide6.QtCore import QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap, QScreen
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from voicecoach.shell.runtime.feed import (
    CustomerDeclines,
    Feed,
    NextCall,
    QuitProgram,
    TimedDisplay,
    ToggleListening,
    UserAction,
)
from voicecoach.shell.views.overlay import places
from voicecoach.shell.views.overlay.drawn import BLUE
from voicecoach.shell.views.overlay.panel import TOGGLE_LABELS, OverlayPanel
from voicecoach.shell.views.overlay.places import Box, Screen
from voicecoach.views.display import Display

IDLE_POLL_MS = 250
"""Milliseconds between polls when nothing wakes the loop."""
METER_RATE, BAR_RATE = 20.0, 10.0
"""Highest repaint rates per second: meters; bars and words (estimates arrive at 7.8 Hz)."""
RAISE_S = 1.0
"""Seconds between raises above other windows that stay on top."""
HIDDEN_POLL_MS = 100
RESHOW_S, UNSEEN_S = 0.2, 0.7
"""Seconds off the screen after which the panel is shown again, and after which it is unseen."""
FIRST_SHOW_S = 5.0
"""Seconds that the window system may take to show it at first."""
CLOSED = "the overlay was closed; `voicecoach tell pause` shows it again"
HIDDEN = "the overlay cannot be shown; end the call with `voicecoach tell quit`"


class Waker(QObject):
    """Passes a change from the thread that made it to the window's thread."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._woken = False

    def wake(self) -> None:
        """Signal, from any thread, that the feed has changed."""
        if not self._woken:
            self._woken = True
            self.changed.emit()

    def acknowledge(self) -> None:
        """Clear the wake-up, before the feed is read."""
        self._woken = False


class Overlay:
    """One panel and the feed that it shows.

    Parameters
    ----------
    feed, running, painted, set_unseen
        As in `run_overlay`.
    """

    def __init__(
        self,
        feed: Feed,
        running: Callable[[], bool],
        painted: Callable[[TimedDisplay, float, float], None] | None,
        set_unseen: Callable[[str], None],
    ) -> None:
        self._feed, self._running, self._painted = feed, running, painted
        self._set_unseen = set_unseen
        self._closed = False
        """Whether the agent closed the panel."""
        self._hidden_since: float | None = time.monotonic() + FIRST_SHOW_S
        """Since when the panel has been off the screen."""
        self._shown_again_at = 0.0
        self._path = places.places_path()
        self._places = places.read_places(self._path)
        self._error: BaseException | None = None
        self._newest_drawn: TimedDisplay | None = None
        self._on_screen = Display()
        """The display on the screen; its bars and words may be older than the rest."""
        self._drawn_at = self._bars_at = self._raised_at = 0.0
        self._unpainted = False
        self._through = False
        self._panel = OverlayPanel()
        self._panel.action_requested.connect(self._on_action)
        self._panel.dragged.connect(self._on_dragged)
        self._panel.resized.connect(self._move_to_place)
        self._panel.closed.connect(self._on_closed)
        if painted:
            self._panel.repainted.connect(self._on_repainted)
        self._tray = (
            Tray(feed, self._on_tray_action) if QSystemTrayIcon.isSystemTrayAvailable() else None
        )
        self._timer = QTimer()
        self._timer.timeout.connect(self._on_tick)
        self._timer.setInterval(IDLE_POLL_MS)
        self._waker = Waker()
        self._waker.changed.connect(self._on_tick, Qt.ConnectionType.QueuedConnection)

    def run(self) -> None:
        """Show the overlay until it ends; errors inside Qt callbacks are raised here."""
        before = signal.getsignal(signal.SIGINT)
        if before is signal.default_int_handler:
            # Raised inside a Qt callback, it would be printed and lost.
            signal.signal(signal.SIGINT, lambda *_: self._quit(KeyboardInterrupt()))
        desktop = QGuiApplication.instance()
        assert isinstance(desktop, QApplication)
        desktop.setQuitOnLastWindowClosed(False)
        desktop.screenAdded.connect(self._watch_screen)
        desktop.screenRemoved.connect(self._move_to_place)
        for screen in desktop.screens():
            self._watch_screen(screen)
        try:
            self._move_to_place()
            self._panel.show()
            handle = self._panel.windowHandle()
            handle.screenChanged.connect(self._panel.fit_to_content)
            self._timer.start()
            self._feed.on_change = self._waker.wake
            desktop.exec()
        finally:
            self._feed.on_change = None
            self._timer.stop()
            self._panel.close()
            self._panel.deleteLater()
            if self._tray:
                self._tray.close()
            if before is signal.default_int_handler:
                signal.signal(signal.SIGINT, before)
        if self._error:
            raise self._error

    def _quit(self, error: BaseException | None = None) -> None:
        self._error = self._error or error
        QApplication.quit()

    def _on_tick(self) -> None:
        self._waker.acknowledge()
        try:
            self._draw_if_due()
        except BaseException as error:
            # Qt would print it and continue.
            self._quit(error)

    def _draw_if_due(self) -> None:
        """Draw the newest display if its redraw is due."""
        if not self._running():
            self._quit()
            return
        self._keep_in_sight(time.monotonic())
        shown, through, now = self._feed.newest, self._feed.click_through, time.monotonic()
        if through is not self._through:
            self._through = through
            self._panel.set_click_through(through)
            self._newest_drawn = None
        bars = now - self._bars_at >= 1.0 / BAR_RATE
        behind = self._newest_drawn is not None and self._on_screen != self._newest_drawn.display
        if (shown is not self._newest_drawn and self._due(shown.display, now)) or (behind and bars):
            self._newest_drawn, self._drawn_at, self._unpainted = shown, now, True
            self._on_screen = (
                shown.display if bars else _with_old_bars(shown.display, self._on_screen)
            )
            if bars:
                self._bars_at = now
            self._panel.set_display(self._on_screen, through)
            if self._tray:
                self._tray.update_menu(shown.display, through)
            if shown.display.state == "ended":
                self._quit()
        self._schedule_next_look(now)
        if now - self._raised_at >= RAISE_S:
            self._raised_at = now
            # Not over a menu that the agent has open.
            if QApplication.activePopupWidget() is None:
                self._panel.raise_()

    def _on_closed(self) -> None:
        self._closed = True
        self._set_unseen(CLOSED)
        if self._tray:
            self._tray.notify(
                "Listening is paused: the overlay was closed. Start or Resume shows it."
            )

    def _keep_in_sight(self, now: float) -> None:
        """Show the panel again if it is off the screen, or report that it cannot be seen."""
        if self._closed:
            if self._feed.view_requested:
                self._closed, self._hidden_since = False, now
                self._show_again(now)
            return
        # Elsewhere a window is not exposed where nobody looks, as while the screens sleep.
        handle, x11 = self._panel.windowHandle(), QGuiApplication.platformName() == "xcb"
        if handle.isExposed() or not x11:
            if self._hidden_since is not None:
                self._hidden_since, self._feed.view_requested = None, False
                self._set_unseen("")
            return
        if self._hidden_since is None:
            self._hidden_since = now
        hidden_s = now - self._hidden_since
        if hidden_s >= UNSEEN_S:
            self._set_unseen(HIDDEN)
        if hidden_s >= RESHOW_S and now - self._shown_again_at >= RAISE_S:
            self._show_again(now)

    def _show_again(self, now: float) -> None:
        """Show the panel in a new window: its own may be gone."""
        self._shown_again_at = now
        self._panel.windowHandle().destroy()
        self._panel.hide()
        self._move_to_place()
        self._panel.show()

    def _schedule_next_look(self, now: float) -> None:
        """Schedule the next poll for when the pending redraw is due."""
        wait = IDLE_POLL_MS
        if self._feed.newest is not self._newest_drawn:
            wait = max(1, round(1000 * (self._drawn_at + 1.0 / METER_RATE - now)))
        elif self._on_screen != self._newest_drawn.display:
            wait = max(1, round(1000 * (self._bars_at + 1.0 / BAR_RATE - now)))
        if self._hidden_since is not None:
            wait = min(wait, HIDDEN_POLL_MS)
        if self._timer.interval() != wait:
            self._timer.setInterval(wait)

    def _due(self, new: Display, now: float) -> bool:
        old = self._on_screen
        if self._newest_drawn is None or now - self._drawn_at >= 1.0 / METER_RATE:
            return True
        return _urgent(new) != _urgent(old)

    def _on_repainted(self) -> None:
        if self._unpainted and self._painted and self._newest_drawn:
            self._unpainted = False
            self._painted(self._newest_drawn, self._drawn_at, time.monotonic())

    def _on_action(self, wish: UserAction) -> None:
        self._feed.post_action(wish)
        if isinstance(wish, QuitProgram):
            self._quit()

    def _on_tray_action(self, wish: UserAction) -> None:
        if not isinstance(wish, CustomerDeclines):
            self._on_action(wish)
            return
        self._panel.ask_decline()
        if self._closed:
            self._closed, self._hidden_since = False, time.monotonic()
            self._show_again(time.monotonic())

    def _watch_screen(self, screen: QScreen) -> None:
        screen.availableGeometryChanged.connect(self._move_to_place)
        self._move_to_place()

    def _move_to_place(self, *_: object) -> None:
        """Move to the stored position, or the nearest fully visible one."""
        size, here = (self._panel.width(), self._panel.height()), list_screens()
        # For a moment there is no screen when a laptop's lid closes and another screen takes over.
        if here and not self._panel.is_dragged:
            self._panel.move(*places.place_on_screen(self._places, size, here))

    def _on_dragged(self, place: QPoint) -> None:
        size = self._panel.width(), self._panel.height()
        places.remember_place(self._places, (place.x(), place.y()), size, list_screens())
        places.write_places(self._path, self._places)
        self._move_to_place()


class Tray:
    """The icon in the system tray, if the desktop has one.

    Parameters
    ----------
    feed
        Receives the click-through setting.
    wish
        Called with the action that the agent chooses.
    """

    def __init__(self, feed: Feed, wish: Callable[[UserAction], None]) -> None:
        self.menu = QMenu()
        """The menu; public for tests."""
        self._toggle = self.menu.addAction("Start")
        self._toggle.triggered.connect(lambda: wish(ToggleListening()))
        self._through = self.menu.addAction("Click-through")
        self._through.setCheckable(True)
        self._through.triggered.connect(lambda on: setattr(feed, "click_through", bool(on)))
        self.menu.addAction("Next call").triggered.connect(lambda: wish(NextCall()))
        self.menu.addAction("Declined").triggered.connect(lambda: wish(CustomerDeclines()))
        self.menu.addAction("Quit").triggered.connect(lambda: wish(QuitProgram()))
        picture = QPixmap(64, 64)
        picture.fill(Qt.GlobalColor.transparent)
        with QPainter(picture) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(BLUE)
            # Three bars of sound.
            for left, high in ((10, 24), (27, 48), (44, 32)):
                painter.drawRoundedRect(left, 32 - high // 2, 10, high, 5, 5)
        self._icon = QSystemTrayIcon(QIcon(picture))
        self._icon.setToolTip("voicecoach")
        self._icon.setContextMenu(self.menu)
        self._icon.show()

    def update_menu(self, display: Display, through: bool) -> None:
        """Update the menu's entries to the current state."""
        self._toggle.setText(TOGGLE_LABELS[display.state] or "Pause")
        self._through.setChecked(through)

    def notify(self, text: str) -> None:
        """Show a text beside the icon."""
        self._icon.showMessage("voicecoach", text)

    def close(self) -> None:
        """Remove the icon."""
        self._icon.hide()


def _urgent(d: Display) -> tuple[object, ...]:
    """Return the parts of a display that must be drawn at once."""
    return (d.state, d.overlap, d.card, *(c.speaking for c in d.channels))


def _with_old_bars(new: Display, old: Display) -> Display:
    """Return a display with the bars and words of an older one."""
    return msgspec.structs.replace(
        new, agitation=old.agitation, delivery=old.delivery, line=old.line
    )


def list_screens() -> list[Screen]:
    """Return the connected screens, the primary one first."""
    primary = QGuiApplication.primaryScreen()
    found = sorted(QGuiApplication.screens(), key=lambda screen: screen is not primary)
    return [Screen(s.name(), _box(s.geometry()), _box(s.availableGeometry())) for s in found]


def _box(area: QRect) -> Box:
    return Box(area.x(), area.y(), area.width(), area.height())

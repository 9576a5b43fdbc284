"""The overlay's panel: shows a `display.Display` as widgets.

Only what has changed is updated.  Parts that come and go (a card, a note, the words) keep their
space, so that nothing jumps under the eye or the pointer.
"""

from __future__ import annotations

import html
from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QFont,
    QGuiApplication,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from voicecoach.shell.runtime.feed import (
    CustomerDeclines,
    MarkCue,
    NextCall,
    QuitProgram,
    ToggleListening,
    UndoDecline,
)
from voicecoach.shell.views.overlay.drawn import (
    AMBER,
    BLUE,
    BUTTON_STYLE,
    DIM_TEXT,
    EDGE,
    GROUND,
    INSET,
    SPEAKER_NAMES,
    Gauge,
    StateDot,
    WordsStrip,
    line_height,
    make_button,
    make_label,
    make_row,
    set_text,
    set_text_colour,
)
from voicecoach.types.stream import SPEAKERS, Speaker
from voicecoach.views.display import (
    METER_STEPS,
    CardDisplay,
    ChannelMeter,
    Display,
    DisplayState,
    ValueBar,
)

PANEL_CHARACTERS = 66
"""Width of the panel, in average characters of the font."""
TITLE_SIZE = 1.25
"""Size of a card's title, relative to the font's size."""
BODY_LINES = 4
"""Lines of a card for which the panel always keeps space."""
NOTE_LINES = 3
"""Lines of a bar's note for which the panel always keeps space."""
STATE_LABELS: dict[DisplayState, tuple[str, str]] = {
    "ready": ("Ready - press Start", "ring"),
    "listening": ("Listening", "disc"),
    "paused": ("Paused", "bars"),
    "ended": ("Ended", "square"),
}
"""Text and shape for each state."""
MARK_LABELS = {True: "Helpful", False: "Wrong"}
RUNNING: tuple[DisplayState, ...] = ("listening", "paused")
"""States in which a call runs."""
TOGGLE_LABELS: dict[DisplayState, str] = {
    "ready": "Start",
    "listening": "Pause",
    "paused": "Resume",
    "ended": "",
}


class SpeakerPanel(QWidget):
    """One speaker's column: whether they speak, their level, the channel's state, and their bar."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__()
        self._name = SPEAKER_NAMES[speaker]
        self._dot, self._word = StateDot(), make_label(DIM_TEXT)
        self._meter = Gauge(0.25, BLUE)
        self._gauge = Gauge(0.5, AMBER if speaker is Speaker.CUSTOMER else BLUE)
        self._title, self._value = make_label(DIM_TEXT), make_label()
        self._note = make_label(DIM_TEXT, wrap=True)
        u = line_height(self)
        self._note.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._note.setMinimumHeight(NOTE_LINES * u)
        self._meter.setAccessibleName(f"{self._name}: level")
        # Both columns are equally wide, whatever they contain.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        name = make_label()
        name.setText(self._name)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(u // 5)
        rows.addLayout(make_row(self._dot, name, None, self._word, gap=u // 2))
        rows.addWidget(self._meter)
        rows.addSpacing(u // 3)
        rows.addWidget(self._title)
        rows.addWidget(self._gauge)
        rows.addWidget(self._value)
        rows.addWidget(self._note)
        # A longer note of the other column moves nothing in this one.
        rows.addStretch()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        # A fixed size spares a new layout with each text.
        self._value.setFixedSize(self.width(), line_height(self))

    def set_channel(self, channel: ChannelMeter, overlap: bool) -> None:
        """Show the channel: a shape for who speaks, a word for the channel's state."""
        speaks = channel.speaking
        self._dot.set_shape("disc" if speaks else "ring", BLUE if speaks else DIM_TEXT)
        self._dot.setAccessibleName(f"{self._name}: {'speaking' if speaks else 'silent'}")
        well = channel.state == "ok"
        word = "both speaking" if overlap else "" if well else channel.state
        set_text(self._word, word or ("speaking" if speaks else ""))
        set_text_colour(self._word, AMBER if overlap else DIM_TEXT)
        # Otherwise Qt would guess whether this is markup.
        self._word.setToolTip(f"<qt>{html.escape(channel.problem)}</qt>" if channel.problem else "")
        self._meter.set_value(channel.level / METER_STEPS)

    def set_bar(self, bar: ValueBar) -> None:
        """Show the bar."""
        set_text(self._title, bar.label)
        set_text(self._value, bar.text)
        set_text(self._note, bar.note)
        self._gauge.set_value(bar.value, bar.mark)
        self._gauge.setAccessibleName(f"{bar.label}: {bar.text}")


class CueCard(QWidget):
    """Shows one cue card; its space stays when there is none.

    Parameters
    ----------
    mark
        Called with True if the agent marks the cue helpful, False if wrong.
    """

    def __init__(self, mark: Callable[[bool], None]) -> None:
        super().__init__()
        u = line_height(self)
        self._has_card = False
        self._title, self._evidence = make_label(), make_label(wrap=True)
        self._say, self._none = make_label(AMBER, wrap=True), make_label(DIM_TEXT)
        self._none.setText("No cue")
        self._marks = {
            True: make_button("Helpful", "This cue is helpful", lambda: mark(True)),
            False: make_button("Wrong", "This cue is wrong", lambda: mark(False)),
        }
        font = QFont(self.font())
        font.setPixelSize(round(self.fontInfo().pixelSize() * TITLE_SIZE))
        font.setWeight(QFont.Weight.DemiBold)
        self._title.setFont(font)
        # The row keeps its height when its buttons are hidden.
        self._title.setMinimumHeight(2 * u)
        self.setMinimumHeight(round((2 + BODY_LINES + 2) * u))
        rows = QVBoxLayout(self)
        rows.setContentsMargins(u * 5 // 4, u // 2, u // 2, u * 2 // 3)
        rows.setSpacing(u // 3)
        rows.addLayout(make_row(self._title, None, *self._marks.values(), gap=u // 3))
        for item in (self._evidence, self._say):
            rows.addWidget(item)
        rows.addStretch(1)
        self._none.setParent(self)
        self.set_card(None, False)

    def set_card(self, card: CardDisplay | None, through: bool) -> None:
        """Show a card, or "No cue"; no buttons while clicks pass through."""
        self._has_card = card is not None
        say = (
            f"\N{LEFT DOUBLE QUOTATION MARK}{card.say}\N{RIGHT DOUBLE QUOTATION MARK}"
            if card
            else ""
        )
        set_text(self._title, card.title if card else "")
        set_text(self._evidence, card.evidence if card else "")
        set_text(self._say, say)
        for item in (self._title, self._evidence):
            item.setVisible(self._has_card)
        self._say.setVisible(card is not None and bool(card.say))
        self._none.setVisible(not self._has_card)
        for helpful, made in self._marks.items():
            chosen = card is not None and card.helpful is helpful
            made.setVisible(self._has_card and not through)
            if bool(made.property("chosen")) != chosen:
                made.setProperty("chosen", chosen)
                made.setText(("\N{CHECK MARK} " if chosen else "") + MARK_LABELS[helpful])
                made.style().polish(made)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        self._none.setGeometry(self.rect())
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        radius = line_height(self) * 0.5
        path = QPainterPath()
        path.addRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if not self._has_card:
                painter.setPen(EDGE)
                painter.drawPath(path)
                return
            painter.fillPath(path, INSET)
            painter.setClipPath(path)
            painter.fillRect(0, 0, max(3, line_height(self) // 3), self.height(), AMBER)


class OverlayPanel(QWidget):
    """The window; its Qt signals report what the agent does with it."""

    action_requested = Signal(object)
    """Emitted with a `feed.UserAction` that the agent asks for."""
    dragged = Signal(QPoint)
    """Emitted when the agent has moved the window."""
    resized = Signal()
    repainted = Signal()
    """Emitted when a change has been painted."""
    closed = Signal()
    """Emitted when the agent or the window manager closes the window."""

    def __init__(self) -> None:
        window = Qt.WindowType
        super().__init__(
            None,
            window.Tool
            | window.FramelessWindowHint
            | window.WindowStaysOnTopHint
            | window.WindowDoesNotAcceptFocus
            | window.NoDropShadowWindowHint,
        )
        attribute = Qt.WidgetAttribute
        for each in (
            attribute.WA_TranslucentBackground,
            attribute.WA_ShowWithoutActivating,
            attribute.WA_MacAlwaysShowToolWindow,
            attribute.WA_AlwaysShowToolTips,
        ):
            self.setAttribute(each)
        self.setAttribute(attribute.WA_QuitOnClose, False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWindowTitle("voicecoach")
        self._shown: Display | None = None
        self._through = False
        self._grab_point: QPoint | None = None
        """Where the pointer holds the window while it is dragged."""
        self._drag_target: QPoint | None = None
        """Where the window was dragged to; some window managers report a wrong position."""
        u = line_height(self)
        self.setStyleSheet(BUTTON_STYLE.format(radius=u // 3, y=u // 5, x=u // 2))
        self._dot, self._state, self._hint = StateDot(), make_label(), make_label(AMBER)
        self._hint.setText("clicks pass through")
        self._buttons = (
            make_button(
                "", "Start, pause or resume", lambda: self.action_requested.emit(ToggleListening())
            ),
            make_button("Next call", "Next call", lambda: self.action_requested.emit(NextCall())),
            make_button("Declined", "The customer declines", self.ask_decline),
            make_button(
                "\N{MULTIPLICATION SIGN}", "Quit", lambda: self.action_requested.emit(QuitProgram())
            ),
        )
        self._buttons[-2].setToolTip("The customer declines: keep nothing of this call")
        self._buttons[-1].setToolTip("Quit")
        self._cue = CueCard(self._mark)
        self._people = {speaker: SpeakerPanel(speaker) for speaker in SPEAKERS}
        self._words, self._notice = WordsStrip(), make_label(AMBER, wrap=True)
        self._question, self._answer = make_label(AMBER, wrap=True), make_label(AMBER, wrap=True)
        self._ask = (
            make_button(
                "Delete", "Delete the call", lambda: self._end_question(CustomerDeclines())
            ),
            make_button("Keep", "Keep the call", lambda: self._end_question(None)),
        )
        self._undo = make_button(
            "Undo", "Restore the call", lambda: self.action_requested.emit(UndoDecline())
        )
        self._asking = False
        self._dot.setAccessibleName("State")
        head = make_row(self._dot, self._state, None, self._hint, *self._buttons, gap=u // 2)
        # The row keeps its height when its buttons are hidden.
        head.addStrut(2 * u)
        self._rows = rows = QVBoxLayout(self)
        rows.setContentsMargins(u, u // 2, u, u * 3 // 4)
        rows.setSpacing(u * 2 // 3)
        rows.addLayout(head)
        rows.addLayout(make_row(self._question, *self._ask, gap=u // 3))
        rows.addLayout(make_row(self._answer, self._undo, gap=u // 3))
        rows.addWidget(self._cue)
        rows.addLayout(make_row(*self._people.values(), gap=3 * u // 2))
        rows.addWidget(self._words)
        rows.addWidget(self._notice)
        self.set_display(Display(), False)
        self.fit_to_content()

    def set_display(self, display: Display, through: bool) -> None:
        """Show a display, and whether clicks pass through; repaint only what differs."""
        old, new = self._shown, display
        if through != self._through or old is None:
            self._through = through
            self._hint.setVisible(through)
            for each in self._buttons:
                each.setVisible(not through)
            self._cue.set_card(new.card, through)
            self.update()
        if old is None or new.state != old.state:
            words, shape = STATE_LABELS[new.state]
            set_text(self._state, words)
            colours = {"listening": BLUE, "paused": AMBER}
            self._dot.set_shape(shape, colours.get(new.state, DIM_TEXT))
            self._buttons[0].setText(TOGGLE_LABELS[new.state])
        if old is None or new.card != old.card:
            self._cue.set_card(new.card, through)
        if old is None or new.channels != old.channels or new.overlap != old.overlap:
            for channel in new.channels:
                self._people[channel.speaker].set_channel(channel, new.overlap)
        if old is None or new.agitation != old.agitation:
            self._people[Speaker.CUSTOMER].set_bar(new.agitation)
        if old is None or new.delivery != old.delivery:
            self._people[Speaker.AGENT].set_bar(new.delivery)
        self._words.set_line(new.line)
        # A problem of both channels has the same sentence for each.
        problems = dict.fromkeys(channel.problem for channel in new.channels)
        notice = "\n".join(filter(None, (*problems, new.notice)))
        set_text(self._notice, notice)
        self._notice.setVisible(bool(notice))
        set_text(self._answer, new.answer)
        self._answer.setVisible(bool(new.answer or new.can_undo))
        self._undo.setVisible(new.can_undo and not through)
        if old and (old.state in RUNNING) != (new.state in RUNNING):
            self._asking = False  # the question was about another call
        self._shown = new
        self._show_question()

    def ask_decline(self) -> None:
        """Ask whether to delete the call that runs, or the last one."""
        self._asking = True
        self._show_question()

    def _end_question(self, wish: CustomerDeclines | None) -> None:
        self._asking = False
        self._show_question()
        if wish:
            self.action_requested.emit(wish)

    def _show_question(self) -> None:
        runs = self._shown is not None and self._shown.state in RUNNING
        which = "this call" if runs else "the last call"
        set_text(self._question, f"Delete {which} and everything stored of it?")
        for each in (self._question, *self._ask):
            each.setVisible(self._asking and not self._through)

    def fit_to_content(self) -> None:
        """Resize the window to its content."""
        rows = self._rows
        wish = self.fontMetrics().averageCharWidth() * PANEL_CHARACTERS
        width = max(wish, rows.minimumSize().width())
        height = max(rows.heightForWidth(width), rows.minimumSize().height())
        if (width, height) != self.size().toTuple():
            self.setFixedSize(width, height)

    @property
    def is_dragged(self) -> bool:
        """Whether the window is being dragged."""
        return self._grab_point is not None

    def set_click_through(self, on: bool) -> None:
        """Let clicks pass through to the window below, or not; the window is not recreated."""
        handle = self.windowHandle()
        if handle:
            handle.setFlag(Qt.WindowType.WindowTransparentForInput, on)

    def _mark(self, helpful: bool) -> None:
        card = self._shown.card if self._shown else None
        if card:
            self.action_requested.emit(MarkCue(card.id, card.start, helpful))

    def event(self, event: QEvent) -> bool:  # noqa: D102
        kind = event.type()
        done = super().event(event)
        if kind == QEvent.Type.UpdateRequest:
            self.repainted.emit()
        elif kind == QEvent.Type.LayoutRequest:
            self.fit_to_content()
        return done

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102
        if event.spontaneous():
            self.closed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        if QGuiApplication.platformName() == "xcb":
            # Without a compositor, translucent pixels are black. With one, the edges are
            # antialiased.
            self.setMask(QRegion(self._outline(-0.5).toFillPolygon().toPolygon()))
        self.resized.emit()

    def _outline(self, inset: float) -> QPainterPath:
        radius = line_height(self) * 0.8
        path = QPainterPath()
        box = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        path.addRoundedRect(box, radius, radius)
        return path

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        with QPainter(self) as painter:
            edge = line_height(self) // 2
            if self.rect().adjusted(edge, edge, -edge, -edge).contains(event.rect()):
                # The usual case: under a bar or a text, far from the corners.
                painter.fillRect(event.rect(), GROUND)
                return
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(GROUND)
            painter.setPen(QPen(AMBER, 1.0, Qt.PenStyle.DashLine) if self._through else EDGE)
            painter.drawPath(self._outline(0.5))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() is Qt.MouseButton.LeftButton:
            self._grab_point = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self._grab_point is not None:
            self._drag_target = event.globalPosition().toPoint() - self._grab_point
            self.move(self._drag_target)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._grab_point, asked, self._drag_target = None, self._drag_target, None
        if asked is not None:
            self.dragged.emit(asked)

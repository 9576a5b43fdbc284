"""Hand-painted widgets of the overlay, and the colours and helpers that all of it shares.

Every size is a multiple of the font's height, so that the panel scales with the text.  Colour never
carries meaning alone: a state is also a shape, a value is also written beside its bar.  All text
has a contrast ratio of at least 4.5 to its background.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
    QTextCharFormat,
    QTextLayout,
)
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from voicecoach.types.stream import Speaker
from voicecoach.views.display import NewestLine

GROUND = QColor(20, 24, 31, 242)
INSET = QColor(33, 40, 51)
EDGE = QColor(58, 68, 82)
TRACK_COLOUR = QColor(52, 61, 74)
TEXT_COLOUR = QColor(234, 238, 243)
DIM_TEXT = QColor(166, 177, 192)
BLUE = QColor(108, 182, 255)
AMBER = QColor(244, 188, 82)
BUTTON_STYLE = """
QPushButton {{ color: #eaeef3; background: #2b3442; border: 1px solid #465264;
  border-radius: {radius}px; padding: {y}px {x}px; }}
QPushButton:hover {{ background: #3a4658; }}
QPushButton:pressed {{ background: #1d2430; }}
QPushButton[chosen="true"] {{ color: #14181f; background: #6cb6ff; border-color: #6cb6ff; }}
QToolTip {{ color: #eaeef3; background: #212833; border: 1px solid #465264; }}
"""
SPEAKER_NAMES = {Speaker.AGENT: "You", Speaker.CUSTOMER: "Customer"}


def line_height(widget: QWidget) -> int:
    """Return the line height of a widget's font, in pixels: the unit of every size."""
    return widget.fontMetrics().height()


def make_label(colour: QColor = TEXT_COLOUR, *, wrap: bool = False) -> QLabel:
    """Return a label that shows plain text, never markup."""
    made = QLabel()
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    set_text_colour(made, colour)
    return made


def set_text_colour(shown: QLabel, colour: QColor) -> None:
    """Set the colour of a label's text."""
    palette = shown.palette()
    if palette.color(QPalette.ColorRole.WindowText) != colour:
        palette.setColor(QPalette.ColorRole.WindowText, colour)
        shown.setPalette(palette)


def set_text(shown: QLabel, text: str) -> None:
    """Set a label's text if it differs; setting the same text would trigger a new layout."""
    if shown.text() != text:
        shown.setText(text)


def make_button(text: str, name: str, press: Callable[[], None]) -> QPushButton:
    """Return a button that never takes the keyboard focus."""
    made = QPushButton(text)
    made.setAccessibleName(name)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.clicked.connect(lambda: press())
    return made


def make_row(*items: QWidget | None, gap: int) -> QHBoxLayout:
    """Return a horizontal layout of widgets; None adds a stretch."""
    made = QHBoxLayout()
    made.setSpacing(gap)
    for item in items:
        if item is None:
            made.addStretch(1)
        else:
            made.addWidget(item)
    return made


class StateDot(QWidget):
    """Shows a state as a shape: a disc, a ring, a square, or two bars."""

    def __init__(self) -> None:
        super().__init__()
        self._shape, self._colour = "ring", DIM_TEXT
        side = line_height(self) * 3 // 4
        self.setFixedSize(side, side)

    def set_shape(self, shape: str, colour: QColor) -> None:
        """Set the shape and its colour."""
        if (shape, colour) != (self._shape, self._colour):
            self._shape, self._colour = shape, colour
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        side = float(self.width())
        box = QRectF(0.1 * side, 0.1 * side, 0.8 * side, 0.8 * side)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._colour)
            if self._shape == "disc":
                painter.drawEllipse(box)
            elif self._shape == "square":
                painter.drawRect(box)
            elif self._shape == "bars":
                for left in (0.15, 0.58):
                    painter.drawRect(QRectF(left * side, 0.1 * side, 0.27 * side, 0.8 * side))
            else:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(self._colour, 0.13 * side))
                painter.drawEllipse(
                    box.adjusted(0.05 * side, 0.05 * side, -0.05 * side, -0.05 * side)
                )


class Gauge(QWidget):
    """A bar for a value from 0 to 1, with a mark to compare it with.

    Parameters
    ----------
    thick
        Thickness of the bar, in line heights.
    beyond
        Colour of the bar when the value reaches the mark.
    """

    def __init__(self, thick: float, beyond: QColor) -> None:
        super().__init__()
        self._thick = max(3, round(line_height(self) * thick))
        self._beyond = beyond
        self._value: float | None = None
        self._mark: float | None = None
        self.setFixedHeight(self._thick + 2 * (self._thick // 3) + 2)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_value(self, value: float | None, mark: float | None = None) -> None:
        """Set the value and the mark; None draws an empty bar."""
        if (value, mark) != (self._value, self._mark):
            self._value, self._mark = value, mark
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        wide, top = float(self.width()), (self.height() - self._thick) / 2
        round_by = self._thick / 2
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(TRACK_COLOUR)
            track = QRectF(0.0, top, wide, self._thick)
            painter.drawRoundedRect(track, round_by, round_by)
            value, mark = self._value or 0.0, 1.0 if self._mark is None else self._mark
            if value > 0.0:
                painter.setBrush(self._beyond if value >= mark else BLUE)
                track.setWidth(max(value * wide, float(self._thick)))
                painter.drawRoundedRect(track, round_by, round_by)
            if self._mark is not None:
                at = min(max(1.0, mark * wide), wide - 1.0)
                painter.fillRect(QRectF(at - 2.0, 0.0, 4.0, self.height()), INSET)
                painter.fillRect(QRectF(at - 1.0, 0.0, 2.0, self.height()), TEXT_COLOUR)


class WordsStrip(QWidget):
    """Shows the newest two lines of the transcript; words that may change are dim and slanted."""

    def __init__(self) -> None:
        super().__init__()
        self._line: NewestLine | None = None
        self._layout = QTextLayout()
        self.setFixedHeight(2 * line_height(self))

    def set_line(self, line: NewestLine | None) -> None:
        """Set the line."""
        if line != self._line:
            self._line = line
            self.setAccessibleName(self._lay_out())
            note = line.note if line else ""
            self.setAccessibleDescription(note)
            self.setToolTip(note)
            self.update()

    def _lay_out(self) -> str:
        """Lay the text out and return it."""
        parts: list[tuple[str, QColor, bool]] = []
        if self._line:
            parts.append((f"{SPEAKER_NAMES[self._line.speaker]}:", DIM_TEXT, False))
            parts.append((self._line.text, TEXT_COLOUR, False))
            parts.append((self._line.tentative, DIM_TEXT, True))
        text, formats = "", []
        for part, colour, slanted in parts:
            if not part:
                continue
            text += " " if text else ""
            form = QTextCharFormat()
            form.setForeground(colour)
            form.setFontItalic(slanted)
            found = QTextLayout.FormatRange()
            found.start, found.length, found.format = _utf16_length(text), _utf16_length(part), form
            formats.append(found)
            text += part
        self._layout = QTextLayout(text, self.font())
        self._layout.setFormats(formats)
        self._layout.beginLayout()
        while (cut := self._layout.createLine()).isValid():
            cut.setLineWidth(self.width())
            cut.setPosition(QPointF(0.0, cut.lineNumber() * line_height(self)))
        self._layout.endLayout()
        return text

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        self._lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        past = max(0, self._layout.lineCount() - 2) * line_height(self)
        with QPainter(self) as painter:
            painter.setPen(TEXT_COLOUR)
            self._layout.draw(painter, QPointF(0.0, -past))


def _utf16_length(text: str) -> int:
    """Return a text's length in UTF-16 code units, as Qt counts."""
    return len(text.encode("utf-16-le")) // 2

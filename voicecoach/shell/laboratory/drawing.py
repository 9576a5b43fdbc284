"""Draws a call's cues under two sets of rules, and close-ups of changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from voicecoach.coaching.signal_catalogue import CUE_SIGNALS
from voicecoach.laboratory.closeup import CloseUp, Strip
from voicecoach.laboratory.comparison import CueTimeline
from voicecoach.shell.laboratory.trials import Trial
from voicecoach.shell.runtime.svg import XmlNode, line_node, make_node, svg_node, text_node
from voicecoach.types.stream import SAMPLE_RATE
from voicecoach.views.summary import format_samples

LEFT, PLOT, RIGHT = 178, 640, 142
"""Widths left of the plot, of the plot, and right of it, in units of the drawing."""
DRAWING_WIDTH = LEFT + PLOT + RIGHT
BAR_HEIGHT, LANE_HEIGHT = 11, 32
STRIP_HEIGHT = 66
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
MAX_TICKS = 10
_OPS = {">=": "\u2265", "<=": "\u2264"}


class _Axis(NamedTuple):
    start_s: float
    end_s: float

    def x(self, at_s: float) -> float:
        """Return the position of a time, clamped to the plot."""
        share = (at_s - self.start_s) / max(self.end_s - self.start_s, 1e-9)
        return LEFT + PLOT * min(max(share, 0.0), 1.0)

    def ticks(self) -> Iterator[float]:
        """Yield round times for the axis, few enough to read."""
        length = self.end_s - self.start_s
        step = next((s for s in STEPS_S if length / s <= MAX_TICKS), STEPS_S[-1])
        for i in range(math.ceil(self.start_s / step), math.floor(self.end_s / step) + 1):
            yield i * step


def draw_call(trial: Trial) -> XmlNode:
    """Return a drawing with a lane for each cue, A above B, over the customer's agitation."""
    axis = _Axis(0.0, trial.duration_s)
    a, b = trial.a, trial.b
    ids = sorted(a.shown.keys() | b.shown.keys() | a.held.keys() | b.held.keys())
    bottom = 8 + LANE_HEIGHT * len(ids)
    parts: list[XmlNode] = []
    for row, id in enumerate(ids):
        top = 8 + LANE_HEIGHT * row
        lane = {"class": "lane", "x": LEFT, "y": top, "width": PLOT, "height": LANE_HEIGHT - 6}
        parts.append(make_node("rect", lane))
        parts.append(text_node(0, top + 17, id))
        parts.append(text_node(LEFT + PLOT + 8, top + 17, _counts(a, b, id), "soft"))
    parts += _draw_agitation(axis, trial.course.agitation, 8, bottom - 6)
    for row, id in enumerate(ids):
        for name, told, y in (("A", a, 0), ("B", b, BAR_HEIGHT + 4)):
            parts += _lane(axis, name, told, id, 8 + LANE_HEIGHT * row + y)
    parts += _times(axis, bottom)
    shown = "; ".join(f"{id}: {_counts(a, b, id)}" for id in ids)
    about = f"Cues of the call {trial.call} by time. Shown with A and B: {shown}."
    legend = [
        text_node(LEFT, bottom + 36, "A", "a"),
        text_node(LEFT + 14, bottom + 36, "above", "soft"),
        text_node(LEFT + 54, bottom + 36, "B", "b"),
        text_node(
            LEFT + 68, bottom + 36, "below; thin line: due, held back; grey: agitation", "soft"
        ),
    ]
    return svg_node(DRAWING_WIDTH, bottom + 44, about, *parts, *legend)


def draw_closeup(close: CloseUp) -> XmlNode:
    """Return a drawing of when a cue was shown, when its rules were met, and their signals."""
    axis = _Axis(close.start_s, close.end_s)
    change = close.change
    parts: list[XmlNode] = []
    guides: list[tuple[str, float, float]] = []
    y = 8.0
    for name, shown, true in (("A", change.a, close.true_a), ("B", change.b, close.true_b)):
        low = name.lower()
        parts.append(
            make_node("rect", {"class": "lane", "x": LEFT, "y": y, "width": PLOT, "height": 20})
        )
        parts.append(text_node(0, y + 14, f"{name}: on screen; conditions met", low))
        if shown:
            told = f"{name}: on screen {shown.opened_s:.1f} to {shown.closed_s:.1f} s"
            parts.append(
                _bar_node(
                    axis, f"bar-{low}", shown.opened_s, shown.closed_s, y + 1, BAR_HEIGHT, told
                )
            )
            guides.append((f"{low}-guide", axis.x(shown.opened_s), y))
        for start_s, end_s in true:
            told = f"{name}: conditions met {start_s:.1f} to {end_s:.1f} s"
            parts.append(_bar_node(axis, f"true-{low}", start_s, end_s, y + 14, 5, told))
        y += 28
    for strip in close.strips:
        parts += _strip(axis, strip, y)
        y += STRIP_HEIGHT + 10
    parts += [line_node(kind, x, top, x, y - 6) for kind, x, top in guides]
    parts += _times(axis, y - 6)
    limits = "; ".join(
        f"{s.signal} {t.op} {t.value:g} in {t.whose}" for s in close.strips for t in s.thresholds
    )
    about = f"{change.id}, {close.start_s:.0f} to {close.end_s:.0f} s. Thresholds: {limits}."
    return svg_node(DRAWING_WIDTH, y + 18, about, *parts)


def _lane(axis: _Axis, name: str, told: CueTimeline, id: str, y: float) -> Iterator[XmlNode]:
    low = name.lower()
    for held in told.held.get(id, ()):
        x, until, middle = axis.x(held.start_s), axis.x(held.end_s), y + BAR_HEIGHT / 2
        why = f"{name}, {held.start_s:.1f} to {held.end_s:.1f} s, held back: {held.reason}"
        shape = f"M{x:.1f} {middle - 3:.1f}v6m0-3H{until:.1f}"
        yield make_node("path", {"class": f"held-{low}", "d": shape}, make_node("title", {}, why))
    for shown in told.shown.get(id, ()):
        title = f"{name}, {shown.opened_s:.1f} to {shown.closed_s:.1f} s: {shown.message}"
        yield _bar_node(axis, f"bar-{low}", shown.opened_s, shown.closed_s, y, BAR_HEIGHT, title)


def _draw_agitation(
    axis: _Axis, points: Sequence[tuple[float, float]], top: float, bottom: float
) -> Iterator[XmlNode]:
    """Yield the agitation as areas that rise from the bottom, with 1 at the top."""
    for run in _known_runs(points):
        line = [f"{axis.x(t):.1f},{bottom - x * (bottom - top):.1f}" for t, x in run]
        first, last = axis.x(run[0][0]), axis.x(run[-1][0])
        corners = [f"{first:.1f},{bottom:.1f}", *line, f"{last:.1f},{bottom:.1f}"]
        yield make_node("polygon", {"class": "upset", "points": " ".join(corners)})


def _strip(axis: _Axis, strip: Strip, top: float) -> Iterator[XmlNode]:
    """Yield a signal with its thresholds."""
    bottom = top + STRIP_HEIGHT
    values = [x for _, x in strip.points if x == x] + [t.value for t in strip.thresholds]
    low, high = min(values), max(values)
    margin = 0.12 * (high - low) or 0.5
    low, high = low - margin, high + margin

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * STRIP_HEIGHT

    yield make_node(
        "rect", {"class": "lane", "x": LEFT, "y": top, "width": PLOT, "height": STRIP_HEIGHT}
    )
    yield text_node(0, top + 14, strip.signal)
    yield text_node(0, top + 29, CUE_SIGNALS[strip.signal].unit, "soft")
    if not any(x == x for _, x in strip.points):
        yield text_node(LEFT + 8, top + STRIP_HEIGHT / 2 + 4, "not known here", "soft")
    labels: list[float] = []
    for limit in sorted(strip.thresholds, key=lambda t: -t.value):
        kind = {"A": "a", "B": "b"}.get(limit.whose, "both")
        level = y(limit.value)
        yield line_node(f"{kind}-limit", LEFT, level, LEFT + PLOT, level)
        at = max(level + 4, labels[-1] + 12 if labels else 0.0)
        labels.append(at)
        text = f"{limit.whose} {_OPS[limit.op]} {limit.value:g}"
        yield text_node(LEFT + PLOT + 8, at, text, kind if kind != "both" else "soft")
    for run in _known_runs(strip.points):
        points = " ".join(f"{axis.x(t):.1f},{y(x):.1f}" for t, x in run)
        yield make_node("polyline", {"class": "signal", "points": points})


def _known_runs(points: Iterable[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    """Yield the runs of points without gaps."""
    run: list[tuple[float, float]] = []
    for t, x in points:
        if x == x:
            run.append((t, x))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _times(axis: _Axis, bottom: float) -> Iterator[XmlNode]:
    for at_s in axis.ticks():
        x = axis.x(at_s)
        yield line_node("grid", x, bottom, x, bottom + 4)
        told = format_samples(round(at_s * SAMPLE_RATE))
        yield text_node(x, bottom + 16, told, "soft middle")


def _bar_node(
    axis: _Axis, kind: str, start_s: float, end_s: float, y: float, height: float, title: str
) -> XmlNode:
    x = axis.x(start_s)
    box = {"class": kind, "x": x, "y": y, "width": max(axis.x(end_s) - x, 2.0), "height": height}
    return make_node("rect", box, make_node("title", {}, title))


def _counts(a: CueTimeline, b: CueTimeline, id: str) -> str:
    return f"A {len(a.shown.get(id, ()))}, B {len(b.shown.get(id, ()))}"

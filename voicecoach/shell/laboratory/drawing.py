"""The laboratory's drawings: a call's cues under two sets of rules, and a close-up of a change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from voicecoach.coaching.signals import SIGNALS
from voicecoach.laboratory.closeup import CloseUp, Strip
from voicecoach.laboratory.comparison import Told
from voicecoach.shell.laboratory.trials import Trial
from voicecoach.shell.runtime.svg import Node, tree
from voicecoach.types import SAMPLE_RATE
from voicecoach.views.summary import clock

LEFT, PLOT, RIGHT = 178, 640, 142
"""What is beside the plot, and the plot, in units of the drawing."""
WIDTH = LEFT + PLOT + RIGHT
BAR, LANE = 11, 32
STRIP = 66
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
MOST_MARKS = 10
_OPS = {">=": "\u2265", "<=": "\u2264"}


class _Axis(NamedTuple):
    start_s: float
    end_s: float

    def x(self, at_s: float) -> float:
        """Return where a time is, kept within the plot."""
        share = (at_s - self.start_s) / max(self.end_s - self.start_s, 1e-9)
        return LEFT + PLOT * min(max(share, 0.0), 1.0)

    def marks(self) -> Iterator[float]:
        """Yield round times, not too many."""
        length = self.end_s - self.start_s
        step = next((s for s in STEPS_S if length / s <= MOST_MARKS), STEPS_S[-1])
        for i in range(math.ceil(self.start_s / step), math.floor(self.end_s / step) + 1):
            yield i * step


def overview(trial: Trial) -> Node:
    """Return a lane for each cue, A above B, before the customer's agitation."""
    axis = _Axis(0.0, trial.duration_s)
    a, b = trial.a, trial.b
    ids = sorted(a.shown.keys() | b.shown.keys() | a.held.keys() | b.held.keys())
    bottom = 8 + LANE * len(ids)
    parts: list[Node] = []
    for row, id in enumerate(ids):
        top = 8 + LANE * row
        lane = {"class": "lane", "x": LEFT, "y": top, "width": PLOT, "height": LANE - 6}
        parts.append(tree("rect", lane))
        parts.append(_label(0, top + 17, id))
        parts.append(_label(LEFT + PLOT + 8, top + 17, _counts(a, b, id), "soft"))
    parts += _agitation(axis, trial.course.agitation, 8, bottom - 6)
    for row, id in enumerate(ids):
        for name, told, y in (("A", a, 0), ("B", b, BAR + 4)):
            parts += _lane(axis, name, told, id, 8 + LANE * row + y)
    parts += _times(axis, bottom)
    shown = "; ".join(f"{id}: {_counts(a, b, id)}" for id in ids)
    about = f"Cues of the call {trial.call} by time. Shown with A and B: {shown}."
    legend = [
        _label(LEFT, bottom + 36, "A", "a"),
        _label(LEFT + 14, bottom + 36, "above", "soft"),
        _label(LEFT + 54, bottom + 36, "B", "b"),
        _label(LEFT + 68, bottom + 36, "below; thin line: due, held back; grey: agitation", "soft"),
    ]
    return _svg(bottom + 44, about, [*parts, *legend])


def close_picture(close: CloseUp) -> Node:
    """Return when a cue was on screen, when its rules were met, and the signals they go on."""
    axis = _Axis(close.start_s, close.end_s)
    change = close.change
    parts: list[Node] = []
    guides: list[Node] = []
    y = 8.0
    for name, shown, true in (("A", change.a, close.true_a), ("B", change.b, close.true_b)):
        low = name.lower()
        parts.append(
            tree("rect", {"class": "lane", "x": LEFT, "y": y, "width": PLOT, "height": 20})
        )
        parts.append(_label(0, y + 14, f"{name}: on screen; conditions met", low))
        if shown:
            told = f"{name}: on screen {shown.opened_s:.1f} to {shown.closed_s:.1f} s"
            parts.append(_bar(axis, f"bar-{low}", shown.opened_s, shown.closed_s, y + 1, BAR, told))
            guides.append(_line(f"{low}-guide", axis.x(shown.opened_s), y, y=y))
        for start_s, end_s in true:
            told = f"{name}: conditions met {start_s:.1f} to {end_s:.1f} s"
            parts.append(_bar(axis, f"true-{low}", start_s, end_s, y + 14, 5, told))
        y += 28
    for strip in close.strips:
        parts += _strip(axis, strip, y)
        y += STRIP + 10
    for guide in guides:
        guide.set("y2", f"{y - 6:.0f}")
    parts += [*guides, *_times(axis, y - 6)]
    limits = "; ".join(
        f"{s.signal} {t.op} {t.value:g} in {t.whose}" for s in close.strips for t in s.thresholds
    )
    about = f"{change.id}, {close.start_s:.0f} to {close.end_s:.0f} s. Thresholds: {limits}."
    return _svg(y + 18, about, parts)


def _lane(axis: _Axis, name: str, told: Told, id: str, y: float) -> Iterator[Node]:
    low = name.lower()
    for held in told.held.get(id, ()):
        x, until, middle = axis.x(held.start_s), axis.x(held.end_s), y + BAR / 2
        why = f"{name}, {held.start_s:.1f} to {held.end_s:.1f} s, held back: {held.reason}"
        shape = f"M{x:.1f} {middle - 3:.1f}v6m0-3H{until:.1f}"
        yield tree("path", {"class": f"held-{low}", "d": shape}, tree("title", {}, why))
    for shown in told.shown.get(id, ()):
        title = f"{name}, {shown.opened_s:.1f} to {shown.closed_s:.1f} s: {shown.message}"
        yield _bar(axis, f"bar-{low}", shown.opened_s, shown.closed_s, y, BAR, title)


def _agitation(
    axis: _Axis, points: Sequence[tuple[float, float]], top: float, bottom: float
) -> Iterator[Node]:
    """Yield the agitation as areas that rise from the bottom, 1 at the top."""
    for run in _known(points):
        line = [f"{axis.x(t):.1f},{bottom - x * (bottom - top):.1f}" for t, x in run]
        first, last = axis.x(run[0][0]), axis.x(run[-1][0])
        corners = [f"{first:.1f},{bottom:.1f}", *line, f"{last:.1f},{bottom:.1f}"]
        yield tree("polygon", {"class": "upset", "points": " ".join(corners)})


def _strip(axis: _Axis, strip: Strip, top: float) -> Iterator[Node]:
    """Yield a signal with its thresholds."""
    bottom = top + STRIP
    values = [x for _, x in strip.points if x == x] + [t.value for t in strip.thresholds]
    low, high = min(values), max(values)
    margin = 0.12 * (high - low) or 0.5
    low, high = low - margin, high + margin

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * STRIP

    yield tree("rect", {"class": "lane", "x": LEFT, "y": top, "width": PLOT, "height": STRIP})
    yield _label(0, top + 14, strip.signal)
    yield _label(0, top + 29, SIGNALS[strip.signal].unit, "soft")
    if not any(x == x for _, x in strip.points):
        yield _label(LEFT + 8, top + STRIP / 2 + 4, "not known here", "soft")
    labels: list[float] = []
    for limit in sorted(strip.thresholds, key=lambda t: -t.value):
        kind = {"A": "a", "B": "b"}.get(limit.whose, "both")
        level = y(limit.value)
        line = {"class": f"{kind}-limit", "x1": LEFT, "x2": LEFT + PLOT, "y1": level, "y2": level}
        yield tree("line", line)
        at = max(level + 4, labels[-1] + 12 if labels else 0.0)
        labels.append(at)
        text = f"{limit.whose} {_OPS[limit.op]} {limit.value:g}"
        yield _label(LEFT + PLOT + 8, at, text, kind if kind != "both" else "soft")
    for run in _known(strip.points):
        points = " ".join(f"{axis.x(t):.1f},{y(x):.1f}" for t, x in run)
        yield tree("polyline", {"class": "signal", "points": points})


def _known(points: Iterable[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    """Yield the runs of points that are known."""
    run: list[tuple[float, float]] = []
    for t, x in points:
        if x == x:
            run.append((t, x))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _times(axis: _Axis, bottom: float) -> Iterator[Node]:
    for at_s in axis.marks():
        x = axis.x(at_s)
        yield _line("grid", x, bottom + 4, y=bottom)
        text = {"class": "soft", "x": x, "y": bottom + 16, "text-anchor": "middle"}
        yield tree("text", text, clock(round(at_s * SAMPLE_RATE)))


def _line(kind: str, x: float, until: float, *, y: float) -> Node:
    return tree("line", {"class": kind, "x1": x, "x2": x, "y1": y, "y2": until})


def _bar(
    axis: _Axis, kind: str, start_s: float, end_s: float, y: float, height: float, title: str
) -> Node:
    x = axis.x(start_s)
    box = {"class": kind, "x": x, "y": y, "width": max(axis.x(end_s) - x, 2.0), "height": height}
    return tree("rect", box, tree("title", {}, title))


def _label(x: float, y: float, text: str, kind: str = "") -> Node:
    return tree("text", {"class": kind, "x": x, "y": y}, text)


def _counts(a: Told, b: Told, id: str) -> str:
    return f"A {len(a.shown.get(id, ()))}, B {len(b.shown.get(id, ()))}"


def _svg(height: float, about: str, parts: Iterable[Node]) -> Node:
    told = {"viewBox": f"0 0 {WIDTH} {height:.0f}", "role": "img", "aria-label": about}
    return tree("svg", told, *parts)

"""Elements of a page and its pictures; sizes are in the picture's own units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element, SubElement

from voicecoach.journal.trends import Estimate
from voicecoach.text_safety.sanitize import printable


def add_text_element(parent: Element, tag: str, text: str, kind: str = "") -> Element:
    """Add an element with a text, whatever is in it."""
    element = SubElement(parent, tag, {"class": kind} if kind else {})
    # A style is ours, and has lines.
    element.text = text if tag == "style" else printable(text)
    return element


def add_table(
    parent: Element, of: str, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Add a table that is folded up; with what it is of, its title is like no other's."""
    details = SubElement(parent, "details")
    add_text_element(details, "summary", title)
    body = SubElement(add_scroll_region(details, f"{of}: {title}"), "table")
    head = SubElement(SubElement(body, "thead"), "tr")
    for column in columns:
        if column:
            add_text_element(head, "th", column).set("scope", "col")
        else:
            SubElement(head, "td")
    lines = SubElement(body, "tbody")
    for first, *rest in rows:
        line = SubElement(lines, "tr")
        add_text_element(line, "th", first).set("scope", "row")
        for cell in rest:
            add_text_element(line, "td", cell)


def add_scroll_region(parent: Element, title: str) -> Element:
    """Add a region that moves sideways where there is little room, also with the keyboard."""
    facts = {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": printable(title)}
    return SubElement(parent, "div", facts)


def make_svg(width: float, height: float, id: str, title: str, told: str) -> Element:
    """Return a picture with what it is and what it tells in words, ids made from `id`."""
    names = f"{id}-title", f"{id}-told"
    element = Element(
        "svg",
        {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-labelledby": " ".join(names)},
    )
    for tag, name, text in zip(("title", "desc"), names, (title, told), strict=True):
        add_text_element(element, tag, text).set("id", name)
    return element


def draw_line(parent: Element, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
    """Add a line."""
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    SubElement(parent, "line", {"class": kind} | {k: f"{v:.5g}" for k, v in ends.items()})


def draw_dot(parent: Element, x: float, y: float, kind: str, radius: float) -> None:
    """Add a dot."""
    at = {"cx": x, "cy": y, "r": radius}
    SubElement(parent, "circle", {"class": kind} | {k: f"{v:.5g}" for k, v in at.items()})


def draw_text(parent: Element, x: float, y: float, words: str, kind: str = "") -> None:
    """Add a text that begins at a place; `kind` end or middle has its end or middle there."""
    element = add_text_element(parent, "text", words, kind)
    element.set("x", f"{x:.5g}")
    element.set("y", f"{y:.5g}")


def draw_estimate(
    parent: Element, y: float, of: Estimate, scale: Callable[[float], float], kind: str
) -> None:
    """Add a value and its interval; hollow where there is none, nothing where it is not known."""
    if of.value is None:
        return
    if of.low is not None and of.high is not None:
        draw_line(parent, scale(of.low), y, scale(of.high), y, f"interval {kind}".strip())
        draw_dot(parent, scale(of.value), y, f"dot {kind}".strip(), 4)
    else:
        draw_dot(parent, scale(of.value), y, f"dot few {kind}".strip(), 4)

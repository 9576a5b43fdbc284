"""Builds HTML and SVG as a tree, in which text can never become markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias
from xml.etree import ElementTree

from voicecoach.text_safety.sanitize import printable

XmlNode: TypeAlias = "ElementTree.Element[str]"


def make_node(tag: str, attributes: Mapping[str, object], *children: XmlNode | str) -> XmlNode:
    """Return an element.

    Parameters
    ----------
    tag
        Name of the element.
    attributes
        Numbers are written with at most two decimals; empty ones are left out.
    children
        Elements and texts.
    """
    node = ElementTree.Element(
        tag, {k: _attribute_text(v) for k, v in attributes.items() if v != ""}
    )
    last: XmlNode | None = None
    for child in children:
        if not isinstance(child, str):
            node.append(child)
            last = child
        elif last is None:
            node.text = (node.text or "") + (child if tag == "style" else printable(child))
        else:
            last.tail = (last.tail or "") + printable(child)
    return node


def _attribute_text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return printable(str(value))


def svg_node(width: float, height: float, description: str, *parts: XmlNode) -> XmlNode:
    """Return a picture; sizes and positions are in its own units."""
    box = f"0 0 {width:g} {height:g}"
    return make_node("svg", {"viewBox": box, "role": "img", "aria-label": description}, *parts)


def line_node(kind: str, x1: float, y1: float, x2: float, y2: float) -> XmlNode:
    """Return a line."""
    return make_node("line", {"class": kind, "x1": x1, "y1": y1, "x2": x2, "y2": y2})


def dot_node(kind: str, x: float, y: float, radius: float) -> XmlNode:
    """Return a dot."""
    return make_node("circle", {"class": kind, "cx": x, "cy": y, "r": radius})


def text_node(x: float, y: float, text: str, kind: str = "") -> XmlNode:
    """Return a text that begins at a position; `kind` may align its end or middle there."""
    return make_node("text", {"class": kind, "x": x, "y": y}, text)

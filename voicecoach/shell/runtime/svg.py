"""HTML and SVG as a tree: text in it is text, whatever it says."""

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
        Its name.
    attributes
        Numbers are written with two decimals at most; empty ones are left out.
    children
        Elements, and texts.
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

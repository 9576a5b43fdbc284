"""Builds a page of one file, without scripts or network access, from a tree of nodes.

The content policy allows only its style sheet, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from voicecoach.shell.runtime.svg import XmlNode, make_node

COLOURS_STYLE = Path(__file__).with_name("colours.css")
"""Style sheet that comes before a page's own."""


def html_page(title: str, style: Path, *content: XmlNode) -> bytes:
    """Return a page in UTF-8 that contains its style sheet and its content."""
    css = COLOURS_STYLE.read_text("utf-8") + style.read_text("utf-8")
    policy = f"default-src 'none'; style-src {csp_hash(css)}; base-uri 'none'; form-action 'none'"
    head = [
        make_node("meta", {"charset": "utf-8"}),
        make_node("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        make_node("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        make_node("title", {}, title),
        make_node("style", {}, css),
    ]
    body = make_node("body", {}, make_node("main", {}, *content))
    html = make_node("html", {"lang": "en"}, make_node("head", {}, *head), body)
    return f"<!doctype html>\n{ElementTree.tostring(html, 'unicode', method='html')}\n".encode()


def csp_hash(text: str) -> str:
    """Return the hash of a script or style in the form of a content policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def table_node(
    label: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False
) -> XmlNode:
    """Return a table that scrolls sideways; the first cell of a row is its heading.

    Parameters
    ----------
    label
        Name of the table.
    columns
        Headings of the columns.
    rows
        Each at most as long as the columns.
    numbers
        Align all but the first column as numbers.
    """
    kind = "number" if numbers else ""
    kinds = ["", *[kind] * (len(columns) - 1)]
    head = [
        make_node("th", {"scope": "col", "class": kind}, column) if column else make_node("td", {})
        for kind, column in zip(kinds, columns, strict=True)
    ]
    lines = []
    for first, *rest in rows:
        rest += [""] * (len(columns) - 1 - len(rest))
        cells = [make_node("td", {"class": kind}, cell) for cell in rest]
        lines.append(make_node("tr", {}, make_node("th", {"scope": "row"}, first), *cells))
    table = make_node(
        "table",
        {},
        make_node("thead", {}, make_node("tr", {}, *head)),
        make_node("tbody", {}, *lines),
    )
    return scroll_region(label, table)


def scroll_region(label: str, content: XmlNode) -> XmlNode:
    """Return content that scrolls sideways on a narrower page, also by keyboard."""
    facts = {"class": "scroll", "role": "region", "tabindex": "0", "aria-label": label}
    return make_node("div", facts, content)

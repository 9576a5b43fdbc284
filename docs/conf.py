"""How the documentation site is built: `python -m sphinx -W --keep-going -b html docs build/site`.

Sphinx turns any warning into an error and fetches nothing.  MkDocs 1, which mkdocstrings needs, and
Material for MkDocs are no longer maintained; the strict mode of their successor, Zensical, lets a
missing picture pass.  Pages are Markdown that reads as well in a repository's browser.
"""

from pathlib import Path
from typing import Any

from pygments.lexers import SqlLexer
from sphinx.application import Sphinx

import voicecoach

project = "voicecoach"
author = "voicecoach contributors"
copyright = "voicecoach contributors, MIT licence"
version = release = voicecoach.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
napoleon_google_docstring = False
autodoc_typehints = "signature"
python_maximum_signature_line_length = 88
autodoc_member_order = "bysource"
highlight_language = "none"

html_theme = "furo"
html_title = f"voicecoach {release}"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False

OUTSIDE = {
    "CONTRIBUTING.md": "contributing.md",
    "THIRD_PARTY.md": "third-party.md",
    "models/README.md": "models.md",
}
"""Pages that stand elsewhere in the repository, and what the site calls them."""


def redirect_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Lead links from a page of this folder to the site's copies of pages outside it."""
    for path, inside in OUTSIDE.items():
        source[0] = source[0].replace(f"](../{path}", f"]({inside}")


def redirect_included(app: Sphinx, path: Path, page: str, source: list[str]) -> None:
    """Do the same for a file at the top of the repository that a page of this folder includes."""
    for outside, inside in OUTSIDE.items():
        source[0] = source[0].replace(f"]({outside}", f"](docs/{inside}")


SHORT: dict[str, list[str]] = {}
"""Docstrings of attributes as they are written, by full name."""


def before_napoleon(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Drop docstrings of modules, which are for readers of the code; note those of attributes."""
    if what == "module":
        lines.clear()
    elif what in ("attribute", "data", "property"):
        SHORT[name] = list(lines)


def after_napoleon(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Restore those of attributes: "Hops between estimates: 128 ms" is no type and its text."""
    if name in SHORT:
        lines[:] = SHORT.pop(name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Let Sphinx call what is above."""
    app.connect("source-read", redirect_page)
    app.connect("include-read", redirect_included)
    app.connect("autodoc-process-docstring", before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", after_napoleon, priority=600)
    app.add_lexer("duckdb", SqlLexer)
    return {"parallel_read_safe": True}

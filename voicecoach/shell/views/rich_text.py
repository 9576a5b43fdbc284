"""Text for the terminal, safe to print whoever wrote it."""

from __future__ import annotations

from rich.text import Text

from voicecoach.text_safety.sanitize import printable


def safe_text(text: str, style: str = "") -> Text:
    """Return a text for rich with no control characters in it and no markup of its own."""
    return Text(printable(text), style)

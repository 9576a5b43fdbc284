"""Makes untrusted text safe to print in the terminal."""

from __future__ import annotations

from rich.text import Text

from voicecoach.text_safety.sanitize import printable


def safe_text(text: str, style: str = "") -> Text:
    """Return a rich text without control characters or markup."""
    return Text(printable(text), style)

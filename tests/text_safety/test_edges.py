"""How much is read, at its edges."""

from __future__ import annotations

import io
from typing import Any, cast

import pytest

from voicecoach.text_safety.bounded_input import log_lines
from voicecoach.text_safety.sanitize import clean_text

LINE = b"x" * (2**20 - 1) + b"\n"
"""As long as a line may be."""


def test_a_line_of_a_mebibyte_is_read_and_no_longer_one() -> None:
    assert list(log_lines(io.BytesIO(LINE))) == [LINE]
    with pytest.raises(ValueError, match="a line of it is too long"):
        list(log_lines(io.BytesIO(b"x" + LINE)))


class LongLog:
    """A log of so many lines, each as long as it may be."""

    def __init__(self, lines: int) -> None:
        self._left = lines

    def readline(self, most: int) -> bytes:
        self._left -= 1
        return LINE if self._left >= 0 else b""


def test_a_log_of_4_gibibytes_is_read_and_no_longer_one() -> None:
    assert sum(1 for _ in log_lines(cast(Any, LongLog(4096)))) == 4096
    with pytest.raises(ValueError, match="it is too long"):
        sum(1 for _ in log_lines(cast(Any, LongLog(4097))))


@pytest.mark.parametrize(("marks", "kept"), [(4, 4), (5, 4)])
def test_a_character_has_4_marks(marks: int, kept: int) -> None:
    assert clean_text("e" + "\u0301" * marks) == "e" + "\u0301" * kept


def test_a_text_has_10_000_characters() -> None:
    assert len(clean_text("a" * 10_001)) == 10_000
    assert clean_text("a" * 10_000) == "a" * 10_000

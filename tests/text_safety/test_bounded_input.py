"""How much of a file, a line and a log is read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

import pytest

from voicecoach.shell.runtime.user_files import read_file
from voicecoach.text_safety.bounded_input import log_lines

LINE = b"x" * (2**20 - 1) + b"\n"
"""As long as a line may be."""


def test_a_line_of_a_mebibyte_is_read_whole_and_a_longer_one_is_cut() -> None:
    assert list(log_lines(io.BytesIO(LINE))) == [LINE]
    longer = b"x" + LINE
    assert list(log_lines(io.BytesIO(longer + 3 * longer[:-1] + LINE + b"a\n"))) == [
        longer[: 2**20], longer[: 2**20], b"a\n",
    ]  # fmt: skip


def test_an_unfinished_last_line_is_left_out() -> None:
    for unfinished in (b"b", b"\0" * 100, 2 * LINE[:-1]):
        assert list(log_lines(io.BytesIO(b"a\n" + unfinished))) == [b"a\n"]


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


def test_a_file_of_4_mebibytes_is_read_and_no_larger_one(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    for size, read in ((4 * 2**20, True), (4 * 2**20 + 1, False)):
        with path.open("wb") as file:
            file.truncate(size)
        if read:
            assert len(read_file(path)) == size
        else:
            with pytest.raises(OSError, match="larger"):
                read_file(path)

"""Messages for people."""

import pytest

from voicecoach.errors import ConfigError, one_line


@pytest.mark.parametrize(("length", "whole"), [(1000, True), (1001, False)])
def test_a_message_is_shown_whole_up_to_1000_characters(length: int, whole: bool) -> None:
    text = "a" * length
    shown = str(ConfigError(text))
    assert (shown == text) is whole
    assert 990 <= len(shown) <= 1000


def test_a_message_is_one_line_that_moves_no_cursor() -> None:
    assert one_line("a\nb\x1b[2J\u202e") == "a b?[2J?"

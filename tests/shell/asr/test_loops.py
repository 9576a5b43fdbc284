"""Repeated words are kept as often as there are syllables in the sound."""

from __future__ import annotations

import numpy as np
import pytest

from voicecoach.shell.asr.loops import (
    LOOP_TIMES,
    count_nuclei,
    drop_echo,
    drop_loops,
    find_loop,
    say_after_loop,
)
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.testing import ENGLISH, silence, syllables
from voicecoach.types.stream import F32

NUMBERS = ENGLISH.numbers


def sound(count: int) -> F32:
    """Return about so many syllables, three a second."""
    parts = [silence(0.3), syllables(140, 3.0, count / 3), silence(0.3)] if count else [silence(1)]
    return np.concatenate(parts)


def kept(audio: F32, *texts: str, known: str = "") -> list[str]:
    words = [TranscribedWord(text, 0.0, 0.0, 1.0) for text in texts]
    return [word.text for word in drop_loops(words, NUMBERS, audio, known)]


def test_syllables_are_counted() -> None:
    assert count_nuclei(silence(3)) < 1
    for count in (6, 12, 24):
        assert 0.6 * count < count_nuclei(sound(count)) < 1.6 * count


def test_what_was_said_stays_and_what_follows_too() -> None:
    said = ["No,", *["no,"] * 5, "I", "did", "not", "order", "that."]
    assert kept(sound(13), *said) == said
    assert kept(sound(12), "So", *["thank", "you."] * 5, "bye.") == [
        "So",
        *["thank", "you."] * 5,
        "bye.",
    ]


def test_repeats_without_a_sound_are_dropped_and_what_follows_stays() -> None:
    found = kept(sound(12), *["no"] * 40, "not", "that")
    assert found[-2:] == ["not", "that"]
    assert LOOP_TIMES < found.count("no") <= 18
    assert kept(silence(3), "so", *["thank", "you."] * 20, "bye") == ["so", "bye"]
    assert len(kept(sound(12), *["no"] * 40, known="it was not in the box at all")) < 12


def test_each_loop_is_looked_at() -> None:
    assert kept(silence(3), *["no"] * 9, "wait", *["mm"] * 9, "so") == ["wait", "so"]


def test_emphasis_and_digits_are_no_loop() -> None:
    assert kept(silence(3), *["no"] * LOOP_TIMES, "wait") == ["no", "no", "no", "wait"]
    assert kept(silence(3), *["one"] * 8) == ["one"] * 8
    assert kept(silence(3), *["4"] * 8) == ["4"] * 8
    assert kept(silence(3)) == []


def test_long_repeated_passages_are_dropped() -> None:
    passage = [
        "we",
        "are",
        "going",
        "to",
        "the",
        "shop",
        "and",
        "then",
        "we",
        "are",
        "going",
        "back",
        "to",
        "the",
        "house",
        "again",
    ]
    assert kept(sound(60), *passage * 5) == []


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("no, oh no. I did not order that.", "I did not order that."),
        ("I did no such thing today.", "I did no such thing today."),
        ("oh, no. nope.", ""),
        ("", ""),
    ],
)
def test_an_echo_of_a_loop_does_not_follow_it(rest: str, expected: str) -> None:
    texts = ["Well,", *["no,"] * 30]
    loop = find_loop(texts, NUMBERS)
    assert loop == (1, 1, 30)
    assert drop_echo(rest.split(), texts, loop) == expected.split()


def test_a_loop_leaves_syllables_for_what_follows_it() -> None:
    texts = ["Well,", *["no,"] * 30]
    loop = find_loop(texts, NUMBERS)
    assert loop
    whole = say_after_loop(texts, loop, ["I", "did", "not", "order", "that."], sound(13))
    assert whole[0] == "Well,"
    assert whole[-5:] == ["I", "did", "not", "order", "that."]
    assert LOOP_TIMES <= whole.count("no,") <= 14

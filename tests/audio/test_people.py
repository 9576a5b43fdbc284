"""Who speaks on a channel is told by how alike the windows are, at each threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from voicecoach.audio.people import People
from voicecoach.audio.voice_embedding import EMBEDDING
from voicecoach.types.stream import F32

FULLY_KNOWN = 60
"""Windows after which a cosine is hardly corrected."""
REACH = (0.4 / (0.4 + 0.6 / 40)) ** 0.5
"""The largest cosine that is expected of a person who is fully known."""


def vector(**parts: float) -> F32:
    """Return an embedding from its parts in directions `d0`, `d1`, ..., of length 1."""
    values = np.zeros(EMBEDDING, np.float32)
    for name, part in parts.items():
        values[int(name[1:])] = part
    return values / np.float32(np.linalg.norm(values))


def unlike(cosine: float, direction: int = 1) -> F32:
    """Return a window whose corrected cosine with the first person is `cosine`."""
    raw = cosine * REACH
    return vector(**{"d0": raw, f"d{direction}": math.sqrt(1 - raw * raw)})


def first_person(windows: int = FULLY_KNOWN) -> People:
    """Return a channel on which one person spoke, whose voice is `d0`."""
    people = People()
    add(people, [vector(d0=1.0)] * windows)
    assert people.present == 1
    return people


def add(
    people: People, windows: Sequence[F32], level_db: float = -30.0, *, answered: bool = True
) -> list[bool]:
    """Add windows, and return after which another person speaks."""
    return [people.add(window, level_db, answered=answered) for window in windows]


@pytest.mark.parametrize(("cosine", "changed"), [(0.24, True), (0.26, False)])
def test_two_windows_that_are_unlike_the_person_and_alike_are_another(
    cosine: float, changed: bool
) -> None:
    people = first_person()
    assert add(people, [unlike(cosine)] * 2) == [False, changed]
    assert people.present == 1 + changed


@pytest.mark.parametrize(("cosine", "changed"), [(0.38, False), (0.42, True)])
def test_two_windows_that_are_unlike_each_other_are_nobody(cosine: float, changed: bool) -> None:
    windows = [vector(d1=1.0), vector(d1=cosine, d2=math.sqrt(1 - cosine * cosine))]
    assert add(first_person(), windows)[-1] is changed


@pytest.mark.parametrize(("cosine", "changed"), [(0.31, True), (0.33, False)])
def test_four_windows_that_are_somewhat_unlike_the_person_are_another(
    cosine: float, changed: bool
) -> None:
    # Each is learnt, which makes the next one 0.02 more alike.
    assert add(first_person(), [unlike(cosine)] * 4) == [False, False, False, changed]


@pytest.mark.parametrize(("like", "changed"), [(0.44, False), (0.5, True)])
def test_four_windows_are_another_if_they_are_more_like_each_other(
    like: float, changed: bool
) -> None:
    # Each shares `d0` and `d1` with the others, and the rest with none.
    raw = 0.33 * REACH
    shared = math.sqrt(like - raw * raw)
    own = math.sqrt(1 - raw * raw - shared * shared)
    windows = [vector(d0=raw, d1=shared, **{f"d{n}": own}) for n in range(2, 6)]
    assert add(first_person(), windows)[-1] is changed


@pytest.mark.parametrize(("cosine", "doubt"), [(0.39, True), (0.41, False)])
def test_a_window_is_the_persons_or_in_doubt(cosine: float, doubt: bool) -> None:
    people = first_person()
    assert people.is_present(unlike(cosine)) is not doubt
    add(people, [unlike(cosine)])
    assert people.in_doubt is doubt


@pytest.mark.parametrize(("cosine", "learnt"), [(0.28, False), (0.32, True)])
def test_what_is_too_unlike_is_not_learnt(cosine: float, learnt: bool) -> None:
    people = first_person()
    # Of three windows in turn, each is unlike the others, so they are nobody.
    three = [unlike(cosine, direction) for direction in (1, 2, 3)]
    changed = add(people, three * 60)
    assert not any(changed)
    assert people.is_present(three[0]) is learnt


@pytest.mark.parametrize(("windows", "announced"), [(2, False), (3, True)])
def test_a_first_sound_is_not_yet_somebody(windows: int, announced: bool) -> None:
    people = first_person(windows)
    assert add(people, [vector(d1=1.0)] * 2) == [False, announced]
    assert people.is_present(vector(d1=1.0))
    assert people.present == 1 + announced


def test_windows_of_somebody_who_spoke_little_may_be_further_off() -> None:
    # 0.2 is far below what is clearly unlike a known person, but not below 0.25 of 0.71.
    windows = [vector(d0=0.2, d1=math.sqrt(1 - 0.04))] * 2
    assert add(first_person(), windows)[-1]
    assert not add(first_person(3), [vector(d0=0.21, d1=math.sqrt(1 - 0.0441))] * 2)[-1]


@pytest.mark.parametrize(("cosine", "person"), [(0.36, 3), (0.44, 1)])
def test_the_first_person_is_recognised_when_they_return(cosine: float, person: int) -> None:
    people = first_person()
    add(people, [vector(d1=1.0)] * 20)
    assert people.present == 2
    add(people, [unlike(cosine, 2)] * 2)
    assert people.present == person


@pytest.mark.parametrize(("louder_db", "another"), [(4.5, True), (5.5, False)])
def test_a_voice_that_shouts_is_nobody_else(louder_db: float, another: bool) -> None:
    people = first_person()
    shouting = [vector(d1=1.0)] * 2
    assert add(people, shouting, -30.0 + louder_db)[-1] is another


@pytest.mark.parametrize(("windows", "another"), [(21, False), (22, True)])
def test_nobody_shouts_for_more_than_20_windows(windows: int, another: bool) -> None:
    assert add(first_person(), [vector(d1=1.0)] * windows, -20.0)[-1] is another


@pytest.mark.parametrize(("answered", "another"), [(2, True), (3, False)])
def test_a_recorded_voice_does_not_shout(answered: int, another: bool) -> None:
    people = People()
    add(people, [vector(d0=1.0)] * FULLY_KNOWN, answered=False)
    add(people, [vector(d0=1.0)] * answered)
    assert add(people, [vector(d1=1.0)] * 2, -20.0)[-1] is another


def test_the_level_of_a_person_is_followed() -> None:
    people = first_person()
    add(people, [vector(d0=1.0)] * 200, -20.0)
    assert add(people, [vector(d1=1.0)] * 2, -16.0)[-1]


@pytest.mark.parametrize(("more", "followed"), [(21, False), (25, True)])
def test_a_person_is_followed_as_their_voice_changes(more: int, followed: bool) -> None:
    people = first_person(400)
    changed = vector(d0=0.6, d1=0.8)
    add(people, [changed] * more)
    assert people.is_present(vector(d0=0.0, d1=1.0)) is followed


def test_whoever_spoke_least_is_forgotten_when_there_are_too_many() -> None:
    people = first_person()
    for direction in range(1, 9):
        assert add(people, [vector(**{f"d{direction}": 1.0})] * 5)[1]
    assert people.present == 9
    add(people, [vector(d0=1.0)] * 2)
    assert people.present == 1, "they spoke most"
    add(people, [vector(d1=1.0)] * 5)
    assert people.present == 10, "they were forgotten"
    add(people, [vector(d3=1.0)] * 2)
    assert people.present == 4, "eight are remembered"

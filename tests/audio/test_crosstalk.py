"""Leaks, drifts and copies at their edges: windows whose delay and correlation are given."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from voicecoach.audio.crosstalk import CopyDetector, LeakDetector
from voicecoach.dsp.delay import DelayPeak
from voicecoach.types.stream import SAMPLE_RATE

NOTHING = float("nan")
"""The delay of a window in which the channels have nothing in common."""


def hear(windows: Iterable[tuple[float, float]]) -> LeakDetector:
    """Return a detector that took windows of a delay and a level, half a second apart."""
    detector = LeakDetector()
    for i, (delay_s, level_db) in enumerate(windows):
        detector.add_window(i * SAMPLE_RATE // 2, delay_s, level_db)
    return detector


def leaks(*delays_s: float, level_db: float = -10.0) -> bool:
    return hear((delay, level_db) for delay in delays_s).is_leaking


def follow(detector: LeakDetector, at_s: float, delay_s: float) -> bool:
    """Let the delay be another from a time on, beyond doubt; return whether clocks drift."""
    for _ in range(12):
        detector.add_window(round(at_s * SAMPLE_RATE), delay_s, -10.0)
    return detector.drifts


def drifting() -> tuple[LeakDetector, float, float]:
    """Return a detector that found a drift, with the time and the delay that it heard last."""
    detector, at_s, delay_s = LeakDetector(), 0.0, 0.1
    while not follow(detector, at_s, delay_s):
        at_s, delay_s = at_s + 3.5, delay_s + 0.001
    return detector, at_s, delay_s


# --- a leak ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("apart_ms", "expected"), [(1.6, True), (2.4, False)])
def test_delays_that_differ_by_less_than_2_ms_are_one(apart_ms: float, expected: bool) -> None:
    assert leaks(*[0.1, 0.1 + apart_ms / 1000] * 2) == expected


def test_a_leak_is_four_windows_in_six_with_one_delay() -> None:
    assert not leaks(0.1, 0.1, 0.1)
    assert leaks(0.1, 0.1, 0.1, 0.1)
    assert leaks(0.1, NOTHING, NOTHING, 0.1, 0.1, 0.1)
    assert not leaks(0.1, NOTHING, NOTHING, NOTHING, 0.1, 0.1, 0.1)


@pytest.mark.parametrize(("quiet", "expected"), [(10, True), (11, False)])
def test_a_leak_is_over_when_one_window_in_twelve_has_it(quiet: int, expected: bool) -> None:
    assert leaks(*[0.1] * 4, *[NOTHING] * quiet) == expected


@pytest.mark.parametrize(
    ("delay_ms", "level_db", "expected"),
    [(0, 1.0, True), (0, 2.0, False), (4, 2.0, False), (6, 2.0, True)],
)
def test_the_louder_channel_is_the_hearer_only_where_it_is_5_ms_later(
    delay_ms: float, level_db: float, expected: bool
) -> None:
    assert leaks(*[delay_ms / 1000] * 4, level_db=level_db) == expected


@pytest.mark.parametrize(("level_db", "expected"), [(2.5, True), (3.5, False)])
def test_a_hearer_that_becomes_the_louder_one_is_given_twice_the_slack(
    level_db: float, expected: bool
) -> None:
    assert hear([(0.0, 0.0)] * 4 + [(0.0, level_db)] * 12).is_leaking == expected


# --- a drift --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ms_a_minute", "earliest_s", "latest_s"),
    [
        (18.0, 66.0, 72.0),  # 20 ms are reached after 67 s
        (40.0, 45.0, 51.0),  # after 30 s, but nothing is a drift before 45 s
    ],
)
def test_a_drift_is_20_ms_along_a_line_and_45_s(
    ms_a_minute: float, earliest_s: float, latest_s: float
) -> None:
    detector, at_s = LeakDetector(), 0.0
    while not follow(detector, at_s, 0.1 + ms_a_minute / 1000 * at_s / 60) and at_s < 200:
        at_s += 3.0
    assert earliest_s <= at_s <= latest_s


@pytest.mark.parametrize(("points", "expected"), [(5, False), (6, True)])
def test_five_delays_make_no_line(points: int, expected: bool) -> None:
    detector, last = LeakDetector(), points - 1
    for i in range(points):
        follow(detector, 52.0 * i / last, 0.1 + 0.024 * i / last)
    assert detector.drifts == expected


@pytest.mark.parametrize(("off_ms", "expected"), [(1.5, True), (3.0, False)])
def test_delays_a_tenth_off_the_line_are_no_drift(off_ms: float, expected: bool) -> None:
    detector, found = LeakDetector(), False
    for i in range(25):
        side = off_ms / 1000 * (1 if i % 2 else -1)
        found |= follow(detector, 3.0 * i, 0.1 + 0.001 * i + side)
    assert found == expected


def test_what_the_delay_did_8_minutes_ago_is_forgotten() -> None:
    detector, still_s, at_s = LeakDetector(), 900.0, 0.0
    while not detector.drifts and at_s < still_s + 900.0:
        follow(detector, at_s, 0.1 + 1e-4 * max(0.0, at_s - still_s))
        at_s += 3.0
    # No line while the delay stood still for half of that time; one when it moved all the time.
    assert 240.0 < at_s - still_s < 480.0


@pytest.mark.parametrize(("ms_a_minute", "expected"), [(0.42, True), (0.18, False)])
def test_clocks_drift_no_longer_below_a_third_of_a_ms_a_minute(
    ms_a_minute: float, expected: bool
) -> None:
    detector, at_s, delay_s = drifting()
    for i in range(1, 51):
        follow(detector, at_s + 3.0 * i, delay_s + ms_a_minute / 1000 * 3.0 * i / 60)
    assert detector.drifts == expected


@pytest.mark.parametrize(
    ("after_s", "moved_ms", "expected"),
    [(3.5, 7.0, True), (3.5, 9.0, False), (60.0, 50.0, True), (60.0, 70.0, False)],
)
def test_a_jump_is_8_ms_or_more_than_a_clock_may_be_off(
    after_s: float, moved_ms: float, expected: bool
) -> None:
    detector, at_s, delay_s = drifting()
    assert follow(detector, at_s + after_s, delay_s + moved_ms / 1000) == expected


@pytest.mark.parametrize(("after_s", "expected"), [(2.0, True), (4.0, False)])
def test_the_delay_is_looked_at_every_3_s(after_s: float, expected: bool) -> None:
    detector, at_s, delay_s = drifting()
    assert follow(detector, at_s + after_s, delay_s + 0.02) == expected


# --- a copy ---------------------------------------------------------------------------------------


def copies(*likenesses: float, softer_db: float = 0.0) -> bool:
    detector = CopyDetector()
    for likeness in likenesses:
        detector.add_peak(DelayPeak(0.0, likeness, (-20.0, -20.0 - softer_db)))
    return detector.is_copy


ALIKE, BETWEEN, APART = 0.98, 0.9, 0.7


def test_a_copy_correlates_better_than_two_microphones() -> None:
    assert copies(*[ALIKE] * 4)
    assert not copies(*[0.96] * 12)


@pytest.mark.parametrize(("softer_db", "expected"), [(17.0, True), (19.0, False), (-19.0, False)])
def test_what_is_18_db_softer_is_no_copy(softer_db: float, expected: bool) -> None:
    assert copies(*[ALIKE] * 6, softer_db=softer_db) == expected


def test_a_copy_is_four_windows_in_six() -> None:
    assert not copies(ALIKE, ALIKE, ALIKE)
    assert copies(ALIKE, BETWEEN, BETWEEN, ALIKE, ALIKE, ALIKE)
    assert not copies(ALIKE, BETWEEN, BETWEEN, BETWEEN, ALIKE, ALIKE, ALIKE)


@pytest.mark.parametrize(("other", "expected"), [(10, True), (11, False)])
def test_a_copy_is_over_when_one_window_in_twelve_is_alike(other: int, expected: bool) -> None:
    assert copies(*[ALIKE] * 4, *[BETWEEN] * other) == expected


@pytest.mark.parametrize(("likeness", "expected"), [(0.75, False), (0.85, True)])
def test_who_is_on_one_channel_alone_makes_the_channels_differ(
    likeness: float, expected: bool
) -> None:
    assert copies(*[likeness] * 4, *[ALIKE] * 6) == expected


def test_of_forty_windows_three_may_be_apart() -> None:
    assert copies(*[APART] * 3, *[ALIKE] * 6)
    assert not copies(*[APART] * 4, *[ALIKE] * 36)
    assert copies(*[APART] * 4, *[ALIKE] * 37)

"""Flat tops at their edges: blocks whose amplitudes and powers are given, count by count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from voicecoach.dsp.clipping import ClippingDetector
from voicecoach.types.stream import F32, TICK_SAMPLES

STEP = 1 / 200
"""Nepers from one place of a histogram to the next: 0.04 dB."""
SEEN = 240
"""Places within 10 dB of the peak: what is further below is not looked at."""
UNEVEN = (1.0, 0.6, 0.8, 0.3, 0.9, 0.55, 0.7, 0.1)
"""Powers of the hops of a block of speech."""


def block(counts: Sequence[int], peak_db: float = 0.0) -> F32:
    """Return a block with so many samples at each place below its peak, and faint ones else."""
    peak = np.exp(-round(-peak_db / 20 * np.log(10) / STEP) * STEP)
    places = np.repeat(np.arange(len(counts)), counts)
    out = np.full(TICK_SAMPLES, 0.1 * peak)
    out[: len(places)] = peak * np.exp(-(places + 0.5) * STEP)
    return out.astype(np.float32)


def at(**spans: int) -> list[int]:
    """Return counts from spans such as `to_3=12`: 12 a place up to the third, then the next."""
    counts: list[int] = []
    for name, count in spans.items():
        counts += [count] * (int(name.removeprefix("to_")) - len(counts))
    return counts


FLAT_TOP = at(to_3=60, to_240=4)
SPEECH = at(to_240=5)


class Listener:
    """Gives blocks to a detector and lets it judge."""

    def __init__(self) -> None:
        self.detector = ClippingDetector()
        self._louder = False

    def add(
        self,
        counts: Sequence[int],
        blocks: int = 1,
        peak_db: float = 0.0,
        powers: Sequence[float] = UNEVEN,
        swing: float = 1.5,
    ) -> Listener:
        """Add blocks; every other one has `swing` times the power."""
        for _ in range(blocks):
            self._louder = not self._louder
            factor = (swing if self._louder else 1.0) * 0.1 * 10 ** (peak_db / 10)
            given = np.asarray(powers, np.float32) * np.float32(factor)
            self.detector.add_block(block(counts, peak_db), given)
        return self

    def judged(self, looks: int = 3) -> bool:
        """Let it look so often; return whether it is clipped."""
        for _ in range(looks):
            self.detector.judge_clipping()
        return self.detector.is_clipped


# --- which blocks are looked at -------------------------------------------------------------------


@pytest.mark.parametrize(("peak_db", "expected"), [(-5.0, True), (-7.0, False)])
def test_a_block_is_loud_within_6_db_of_the_recent_peak(peak_db: float, expected: bool) -> None:
    listener = Listener().add([1])
    assert listener.add(FLAT_TOP, 12, peak_db).judged() == expected


@pytest.mark.parametrize(("blocks", "expected"), [(40, False), (70, True)])
def test_the_recent_peak_fades_by_2_db_in_6_s_of_speech(blocks: int, expected: bool) -> None:
    listener = Listener().add([1])
    assert listener.add(FLAT_TOP, blocks, -8.0).judged() == expected


@pytest.mark.parametrize(("peak_db", "expected"), [(-38.0, True), (-42.0, False)])
def test_below_40_dbfs_nothing_is_loud_speech(peak_db: float, expected: bool) -> None:
    """What is not loud does not count for the second that is needed."""
    listener = Listener().add(SPEECH, 7, peak_db)
    assert listener.add(FLAT_TOP, 4).judged() == expected


@pytest.mark.parametrize(("swing", "expected"), [(1.15, False), (1.3, True)])
def test_a_power_that_rests_is_no_voice(swing: float, expected: bool) -> None:
    assert Listener().add(FLAT_TOP, 12, swing=swing).judged() == expected


@pytest.mark.parametrize(("apart", "expected"), [(0.08, False), (0.13, True)])
def test_hops_within_a_tenth_of_one_power_are_a_tone(apart: float, expected: bool) -> None:
    powers = [1 - apart] * 4 + [1] + [1 + apart] * 3
    assert Listener().add(FLAT_TOP, 12, powers=powers).judged() == expected


@pytest.mark.parametrize(("loud", "expected"), [((1, 0.7), False), ((1, 0.8, 0.6), True)])
def test_two_loud_hops_may_be_an_onset(loud: tuple[float, ...], expected: bool) -> None:
    powers = [*loud, *[0.2] * (8 - len(loud))]
    assert Listener().add(FLAT_TOP, 12, powers=powers).judged() == expected


@pytest.mark.parametrize(("power", "expected"), [(0.0018, False), (0.0036, True)])
def test_a_peak_far_above_the_power_is_a_click(power: float, expected: bool) -> None:
    powers = power * np.asarray(UNEVEN) / np.mean(UNEVEN) / 0.1
    assert Listener().add(FLAT_TOP, 12, powers=powers.tolist()).judged() == expected


# --- what a flat top is ---------------------------------------------------------------------------


def piled(top: int) -> list[int]:
    """Return counts with a pile at the top, before a density that hides every bump."""
    return at(to_3=top, to_33=4, to_240=8)


@pytest.mark.parametrize(("top", "expected"), [(20, False), (28, True)])
def test_a_pile_is_six_tenths_of_what_is_below_it(top: int, expected: bool) -> None:
    assert Listener().add(piled(top), 40).judged() == expected


@pytest.mark.parametrize(("top", "expected"), [(12, False), (16, True)])
def test_a_pile_is_gone_at_a_third_of_what_is_below_it(top: int, expected: bool) -> None:
    listener = Listener().add(piled(40), 12)
    assert listener.judged()
    assert listener.add(piled(top), 200).judged(12) == expected


@pytest.mark.parametrize(("each", "expected"), [(2, False), (4, True)])
def test_a_handful_of_samples_is_no_pile(each: int, expected: bool) -> None:
    assert Listener().add([each], 8).judged() == expected


@pytest.mark.parametrize(("density", "expected"), [(7, False), (9, True)])
def test_a_bump_is_1_6_times_the_density_below_it(density: int, expected: bool) -> None:
    assert Listener().add(at(to_20=density, to_240=5), 60).judged() == expected


@pytest.mark.parametrize(("density", "expected"), [(8, False), (10, True)])
def test_a_bump_is_gone_where_the_density_is_even(density: int, expected: bool) -> None:
    listener = Listener().add(at(to_20=10, to_240=5), 60)
    assert listener.judged()
    assert listener.add(at(to_20=density, to_200=8), 250).judged(12) == expected


@pytest.mark.parametrize(("every", "expected"), [(3, False), (1, True)])
def test_a_few_dozen_samples_are_no_bump(every: int, expected: bool) -> None:
    assert Listener().add([int(i % every == 0) for i in range(20)], 8).judged() == expected


@pytest.mark.parametrize(("below", "expected"), [(90, True), (140, False)])
def test_a_bump_begins_within_5_db_of_the_top(below: int, expected: bool) -> None:
    counts = np.full(SEEN, 4)
    counts[below : below + 20] = 12
    assert Listener().add(counts.tolist(), 40).judged() == expected


# --- when it is said ------------------------------------------------------------------------------


@pytest.mark.parametrize(("blocks", "expected"), [(7, False), (8, True)])
def test_nothing_is_said_before_a_second_of_loud_speech(blocks: int, expected: bool) -> None:
    assert Listener().add(FLAT_TOP, blocks).judged(10) == expected


@pytest.mark.parametrize(("looks", "expected"), [(2, False), (3, True)])
def test_three_looks_in_a_row_make_it_clipped(looks: int, expected: bool) -> None:
    assert Listener().add(FLAT_TOP, 12).judged(looks) == expected


@pytest.mark.parametrize(("looks", "expected"), [(9, True), (10, False)])
def test_ten_looks_in_a_row_take_it_back(looks: int, expected: bool) -> None:
    listener = Listener().add(FLAT_TOP, 12)
    assert listener.judged()
    assert listener.add(SPEECH, 250).judged(looks) == expected


@pytest.mark.parametrize(("blocks", "expected"), [(20, True), (150, False)])
def test_flat_tops_are_remembered_for_some_seconds(blocks: int, expected: bool) -> None:
    listener = Listener().add(FLAT_TOP, 40)
    assert listener.judged()
    assert listener.add(SPEECH, blocks).judged(12) == expected

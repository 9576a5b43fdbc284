"""The delay between two channels at the edges of what is one: sounds whose delay is known."""

from __future__ import annotations

import numpy as np
import pytest

from voicecoach.dsp.delay import CORRELATION_WINDOW, Correlator, DelayPeak
from voicecoach.testing import white_noise
from voicecoach.types.stream import F32, SAMPLE_RATE

NOISE = white_noise(4.0, 0.1)


def later(s: float) -> F32:
    """Return a window of one noise, so many seconds late."""
    first = 2 * SAMPLE_RATE - round(s * SAMPLE_RATE)
    return NOISE[first : first + CORRELATION_WINDOW]


def measure(agent: F32, customer: F32) -> DelayPeak:
    return Correlator().measure_delay(np.stack([agent, customer]).astype(np.float32), 0)


def own(seed: int) -> F32:
    """Return a window of a noise that nobody else has."""
    noise = np.random.default_rng(seed).standard_normal(CORRELATION_WINDOW)
    return np.asarray(0.1 * noise, np.float32)


@pytest.mark.parametrize(("delay_s", "copy"), [(0.015, True), (-0.015, True), (0.03, False)])
def test_a_copy_is_no_later_than_20_ms(delay_s: float, copy: bool) -> None:
    peak = measure(later(delay_s + 0.1), later(0.1))
    assert peak.delay_s == pytest.approx(delay_s, abs=1e-4)
    assert (peak.likeness > 0.8) == copy
    assert (peak.likeness > 0.0) == copy


@pytest.mark.parametrize(("share", "found"), [(0.2, False), (0.3, True)])
def test_a_peak_stands_out_of_all_that_is_not_shared(share: float, found: bool) -> None:
    agent, customer = (share * later(s) + (1 - share) * own(i) for i, s in ((1, 0.15), (2, 0.1)))
    assert np.isfinite(measure(agent, customer).delay_s) == found


def test_the_highest_of_chance_peaks_is_no_delay() -> None:
    rng = np.random.default_rng(27)
    assert np.isnan(measure(*rng.standard_normal((2, CORRELATION_WINDOW))).delay_s)


@pytest.mark.parametrize(("second", "found"), [(1.1, False), (0.9, True)])
def test_two_equal_peaks_are_no_delay(second: float, found: bool) -> None:
    """Two sounds, one 50 ms late and one 200 ms early: less of that one is in both windows."""
    other = white_noise(4.0, 0.1 * second, seed=1)[: 2 * CORRELATION_WINDOW]
    early = other[3200 : 3200 + CORRELATION_WINDOW]
    peak = measure(later(0.1) + early, later(0.05) + other[:CORRELATION_WINDOW])
    assert np.isfinite(peak.delay_s) == found


@pytest.mark.parametrize(("below_db", "found"), [(38.5, True), (41.5, False)])
def test_bins_40_db_below_the_strongest_do_not_count(below_db: float, found: bool) -> None:
    """Tones in the middle of bins, so that each is in its own and half of it in the next two."""
    rng = np.random.default_rng(0)
    bins = 300 + np.cumsum(rng.integers(3, 10, 200))
    phases = rng.uniform(0, 2 * np.pi, len(bins))
    n = np.arange(CORRELATION_WINDOW)

    def tones(late: int, loud: float) -> F32:
        turns = 2 * np.pi * bins[:, None] * (n - late) / CORRELATION_WINDOW + phases[:, None]
        faint = 10 ** (-below_db / 20) * np.cos(turns).sum(axis=0)
        strong = np.cos(2 * np.pi * 280 * n / CORRELATION_WINDOW + loud)
        return np.asarray(0.1 * (strong + faint), np.float32)

    peak = measure(tones(800, 0.0), tones(0, 2.0))
    assert (abs(peak.delay_s - 0.05) < 0.001) == found

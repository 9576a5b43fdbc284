"""A speaker's own baseline."""

from __future__ import annotations

import numpy as np
import pytest

from voicecoach.estimates.posterior import PosteriorMean
from voicecoach.types.stream import NAN

SETTLED_S = 3.0


def level(
    mean: float = NAN, worth_s: float = 0.0, *, memory_s: float = 90.0, spread: float | None = None
) -> PosteriorMean:
    return PosteriorMean(
        np.array([mean]),
        np.array([3.0]),
        np.array([worth_s]),
        independent_after_s=SETTLED_S,
        memory_s=memory_s,
        spread_worth_s=spread,
    )


def learn(baseline: PosteriorMean, x: float, seconds: float, times: int = 1) -> float:
    """Have it learnt, and return the mean."""
    for _ in range(times):
        baseline.learn(np.array([x]), seconds)
    return float(baseline.mean[0])


def test_with_no_prior_it_is_a_mean_that_is_robust_to_the_first_second() -> None:
    baseline = level()
    assert np.isnan(baseline.mean).all()
    assert learn(baseline, -60.0, 0.1) == -60.0
    assert learn(baseline, -20.0, 0.1, 100) == pytest.approx(-20.0, abs=0.5)
    assert baseline.learnt_s == pytest.approx([10.1])


def test_a_population_is_believed_until_the_speaker_has_spoken() -> None:
    baseline = level(-30.0, worth_s=SETTLED_S)
    assert baseline.mean == [-30.0]
    assert learn(baseline, -24.0, SETTLED_S) == pytest.approx(-27.0)
    assert learn(baseline, -24.0, 0.1, 600) == pytest.approx(-24.0, abs=0.3)


def test_a_shout_in_the_first_seconds_is_not_the_baseline() -> None:
    # Twice as far as it strays within a speaker, where nothing is known of this one: 3 * sqrt(2).
    assert learn(level(-30.0, worth_s=SETTLED_S), 30.0, 1.0) == pytest.approx(
        -30.0 + 3 * 3.0 * 2**0.5 / (SETTLED_S + 1)
    )


def test_the_spread_goes_from_the_populations_to_the_speakers_own() -> None:
    rng = np.random.default_rng(0)
    own, fixed = level(-20.0, SETTLED_S, spread=15.0), level(-20.0, SETTLED_S)
    for x in rng.normal(-20, 1.0, 900):
        learn(own, x, 0.1)
        learn(fixed, x, 0.1)
    # 90 s of 1 dB and 15 s of 3 dB; a window is in doubt by a 93rd of 3 * 3**2.
    assert own.deviation == pytest.approx([(225 / 105 + 27 / 93) ** 0.5], rel=0.05)
    assert fixed.deviation == pytest.approx([(9 + 27 / 93) ** 0.5])


def test_unknown_values_and_no_time_teach_nothing() -> None:
    baseline = level()
    assert np.isnan(learn(baseline, NAN, 1.0))
    assert np.isnan(learn(baseline, -20.0, 0.0))
    assert baseline.learnt_s == [0.0]


def test_each_measurement_is_learnt_by_itself() -> None:
    two = PosteriorMean(
        np.array([NAN, -30.0]),
        np.array([3.0, 3.0]),
        np.array([0.0, SETTLED_S]),
        independent_after_s=SETTLED_S,
        memory_s=90.0,
    )
    two.learn(np.array([-20.0, NAN]), 1.0)
    assert two.mean.tolist() == [-20.0, -30.0]
    assert two.learnt_s.tolist() == [1.0, 0.0]


def test_memory_is_bounded_so_it_goes_on_moving() -> None:
    baseline = level(memory_s=10.0)
    learn(baseline, -30.0, 0.1, 1000)
    assert learn(baseline, -20.0, 0.1, 300) > -21.0
    assert baseline.learnt_s == pytest.approx([10.0])

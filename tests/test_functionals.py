"""Windows of speech and the speaker's usual."""

import numpy as np
import pytest

from voicecoach.dsp.functionals import Baseline, Functionals, SpeechWindow
from voicecoach.dsp.prosody import ProsodyFrames
from voicecoach.types import F32, HOP, SAMPLE_RATE

NAN = float("nan")


def frames(n: int, f0: float = 110.0, every: int = 10) -> ProsodyFrames:
    """Return n hops of a steady voice with a syllable nucleus `every` so many hops."""

    def steady(value: float) -> F32:
        return np.full((2, n), value, np.float32)

    nucleus = np.zeros((2, n), np.bool_)
    nucleus[:, ::every] = True
    return ProsodyFrames(steady(f0), steady(0.9), steady(-25), steady(-6), steady(12), nucleus)


def window(f: ProsodyFrames, row: int = 0, s: float = 3.0, stale: float = 8.0) -> SpeechWindow:
    w = SpeechWindow(s, stale)
    for i in range(f.f0_hz.shape[1]):
        w.push((i + 1) * HOP, f, row, i)
    return w


def test_an_empty_window_knows_nothing() -> None:
    f = SpeechWindow(3.0, 8.0).compute(1000)
    assert f.speech_s == 0
    assert np.isnan([f.f0_semitones, f.level_db, f.alpha_db, f.hnr_db, f.rate_syl_s]).all()


def test_statistics_of_a_steady_voice() -> None:
    f = window(frames(125)).compute(125 * HOP)
    assert f.speech_s == pytest.approx(2.0)
    assert f.voiced == 1
    assert f.f0_semitones == pytest.approx(24.0)
    assert f.f0_range_semitones == pytest.approx(0.0)
    assert f.level_db == pytest.approx(-25.0)
    assert f.rate_syl_s == pytest.approx(6.5)
    assert (f.start, f.end) == (0, 125 * HOP)


def test_unvoiced_hops_do_not_enter_statistics_of_the_voice() -> None:
    f = frames(125)
    f.f0_hz[:, ::2] = NAN
    f.level_dbfs[:, ::2] = -90.0
    got = window(f).compute(125 * HOP)
    assert got.voiced == pytest.approx(0.5, abs=0.01)
    assert got.level_db == pytest.approx(-25.0)


def test_short_speech_has_no_rate_and_too_little_voice_no_pitch() -> None:
    f = window(frames(100)).compute(100 * HOP)
    assert np.isnan(f.rate_syl_s)
    assert np.isnan(window(frames(8)).compute(8 * HOP).f0_semitones)


def test_only_the_newest_speech_counts_and_stale_speech_leaves() -> None:
    f = frames(400)
    f.level_dbfs[:, :212] = -60.0
    w = window(f)
    assert w.compute(400 * HOP).level_db == pytest.approx(-25.0)
    assert w.compute(400 * HOP).speech_s == pytest.approx(3.0, abs=0.02)
    assert w.compute(400 * HOP + 8 * SAMPLE_RATE).speech_s == 0


def functionals(level: float) -> Functionals:
    return Functionals(0, 1, 3.0, 1.0, NAN, NAN, level, NAN, NAN, NAN)


def test_the_usual_is_a_mean_that_is_robust_to_the_first_second() -> None:
    b = Baseline({"level_db": 3.0})
    assert np.isnan(b.usual("level_db"))
    b.learn(functionals(-60.0), 0.1)
    for _ in range(100):
        b.learn(functionals(-20.0), 0.1)
    assert b.usual("level_db") == pytest.approx(-20.0, abs=0.5)
    assert b.against(functionals(-15.0), "level_db") == pytest.approx(5.0, abs=0.5)
    assert b.seconds == pytest.approx(10.1)


def test_the_spread_goes_from_the_populations_to_the_speakers_own() -> None:
    rng = np.random.default_rng(0)
    b = Baseline({"level_db": 3.0})
    assert b.spread("level_db") == pytest.approx(3.0)
    for x in rng.normal(-20, 1.0, 900):
        b.learn(functionals(x), 0.1)
    assert 1.0 < b.spread("level_db") < 2.0


def test_unknown_values_and_no_time_teach_nothing() -> None:
    b = Baseline({"level_db": 3.0})
    b.learn(functionals(NAN), 1.0)
    b.learn(functionals(-20.0), 0.0)
    assert np.isnan(b.usual("level_db"))
    assert b.seconds == 0


def test_memory_is_bounded_so_the_usual_goes_on_moving() -> None:
    b = Baseline({"level_db": 3.0}, memory_s=10.0)
    for _ in range(1000):
        b.learn(functionals(-30.0), 0.1)
    for _ in range(300):
        b.learn(functionals(-20.0), 0.1)
    assert b.usual("level_db") > -21.0
    assert b.seconds == pytest.approx(10.0)

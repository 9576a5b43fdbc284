"""Windows of speech and the speaker's usual."""

import numpy as np
import pytest

from voicecoach.dsp.functionals import STATISTICS, SpeechWindow, descriptor_columns, row_statistics
from voicecoach.dsp.prosody import ProsodyFrames
from voicecoach.dsp.spectrum import CEPSTRA
from voicecoach.types.stream import HOP, SAMPLE_RATE

NAN = float("nan")
STEADY = {"f0_hz": 110.0, "f0_semitones": 24.0, "level_dbfs": -25.0, "loudness": 1.0}


def frames(n: int, every: int = 10) -> ProsodyFrames:
    """Return n hops of a steady voice with a syllable nucleus `every` so many hops."""
    values = {name: np.full((2, n), STEADY.get(name, 0.5), np.float32) for name in FIELDS}
    values["cepstrum_db"] = np.zeros((CEPSTRA, 2, n), np.float32)
    values["cepstrum_db"] += np.arange(1, CEPSTRA + 1, dtype=np.float32)[:, None, None]
    values["syllables"][:] = 0.0
    values["syllables"][:, ::every] = 1.0
    return ProsodyFrames(**values)


FIELDS = ProsodyFrames._fields


def window(f: ProsodyFrames, row: int = 0, s: float = 3.0, stale: float = 8.0) -> SpeechWindow:
    w = SpeechWindow(s, stale)
    n = f.f0_hz.shape[1]
    for i in range(0, n, 8):
        hops = slice(i, min(i + 8, n))
        w.push(
            hops.stop * HOP, descriptor_columns(f)[row, :, hops], np.ones(hops.stop - i, np.bool_)
        )
    return w


def test_an_empty_window_knows_nothing() -> None:
    f = SpeechWindow(3.0, 8.0).compute(1000)
    assert f.speech_s == 0
    assert np.isnan(f.statistics).all()
    assert np.isnan([f.rate_syl_s, f.voiced_length_s]).all()


def test_statistics_of_a_steady_voice() -> None:
    f = window(frames(125)).compute(125 * HOP)
    assert f.speech_s == pytest.approx(2.0)
    assert f.voiced == 1
    assert f.value("f0_semitones") == pytest.approx(24.0)
    assert f.value("f0_semitones", "range") == pytest.approx(0.0)
    assert f.value("level_dbfs") == pytest.approx(-25.0)
    cepstrum = [f.value(f"cepstrum_{i}_db", "mean") for i in range(1, CEPSTRA + 1)]
    assert cepstrum == pytest.approx(range(1, CEPSTRA + 1))
    assert f.rate_syl_s == pytest.approx(6.5)
    assert (f.start, f.end) == (0, 125 * HOP)


def test_unvoiced_hops_do_not_enter_statistics_of_the_voice() -> None:
    f = frames(125)
    f.f0_semitones[:, ::2] = NAN
    f.level_dbfs[:, ::2] = -90.0
    got = window(f).compute(125 * HOP)
    assert got.voiced == pytest.approx(0.5, abs=0.01)
    assert got.value("level_dbfs") == pytest.approx(-25.0)


def test_short_speech_has_no_rate_and_too_little_voice_no_pitch() -> None:
    f = window(frames(100)).compute(100 * HOP)
    assert np.isnan(f.rate_syl_s)
    assert np.isnan(window(frames(8)).compute(8 * HOP).value("f0_semitones"))


def test_only_the_newest_speech_counts_and_stale_speech_leaves() -> None:
    f = frames(400)
    f.level_dbfs[:, :212] = -60.0
    w = window(f)
    assert w.compute(400 * HOP).value("level_dbfs") == pytest.approx(-25.0)
    assert w.compute(400 * HOP).speech_s == pytest.approx(3.0, abs=0.02)
    assert w.compute(400 * HOP + 8 * SAMPLE_RATE).speech_s == 0


def test_statistics_are_those_of_what_is_known() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 2.0, 101)
    gaps = x.copy()
    gaps[::4] = NAN
    few = np.full(101, NAN)
    few[:5] = 1.0
    got = row_statistics(np.stack([x, gaps, few]))
    named = [dict(zip(STATISTICS, row, strict=True)) for row in got.tolist()]
    for values, row in ((x, named[0]), (gaps[gaps == gaps], named[1])):
        assert row["mean"] == pytest.approx(values.mean())
        low, mid, high = np.quantile(values, [0.2, 0.5, 0.8], method="lower")
        assert (row["p20"], row["median"], row["p80"]) == pytest.approx((low, mid, high))
        assert row["range"] == pytest.approx(high - low)
    assert np.isnan(got[2]).all()


def varied(n: int) -> ProsodyFrames:
    """Return n hops of a voice that varies, a third of them without voice."""
    rng, f = np.random.default_rng(1), frames(n)
    for values in f:
        values += rng.normal(0.0, 1.0, values.shape).astype(np.float32)
    f.f0_semitones[:, rng.random(n) < 0.3] = NAN
    return f


def test_what_was_heard_before_the_window_does_not_matter() -> None:
    f = varied(4000)
    last = ProsodyFrames(*(x[..., -400:] for x in f))
    long, short = window(f).compute(4000 * HOP), window(last).compute(400 * HOP)
    assert np.array_equal(long.statistics, short.statistics, equal_nan=True)
    assert long.speech_s == short.speech_s
    assert long.voiced_length_s == short.voiced_length_s


def test_a_window_tells_what_it_is_asked_for_as_one_that_tells_all_does() -> None:
    f, described = varied(200), ("level_dbfs", "f0_semitones")
    w = SpeechWindow(3.0, 8.0, described=described, stretches=False)
    w.push(200 * HOP, descriptor_columns(f)[0], np.ones(200, np.bool_))
    got, whole = w.compute(200 * HOP), window(f).compute(200 * HOP)
    for name in described:
        for statistic in STATISTICS:
            assert got.value(name, statistic) == whole.value(name, statistic)
    assert np.isnan([got.value("hnr_db"), got.value("voiced_segments_per_s")]).all()
    assert (got.rate_syl_s, got.voiced) == (whole.rate_syl_s, whole.voiced)


def test_segments_of_voice_and_pauses_are_counted_and_measured() -> None:
    f = frames(120)
    f.f0_semitones[:, 20:40] = NAN
    f.f0_semitones[:, 100:] = NAN
    w = SpeechWindow(3.0, 8.0)
    w.push(60 * HOP, descriptor_columns(f)[0, :, 0:60], np.ones(60, np.bool_))
    # Half a second of silence, then the rest.
    later = 60 * HOP + SAMPLE_RATE // 2
    w.push(later + 60 * HOP, descriptor_columns(f)[0, :, 60:120], np.ones(60, np.bool_))
    got = w.compute(later + 60 * HOP)
    speech_s = 120 * HOP / SAMPLE_RATE
    assert got.voiced == pytest.approx(80 / 120)
    # 0-20, 40-60, and 60-100 after the pause; 20-40 and 100-120 without voice.
    assert got.voiced_segments_per_s == pytest.approx(3 / speech_s)
    assert got.voiced_length_s == pytest.approx(80 / 3 * HOP / SAMPLE_RATE)
    assert got.unvoiced_length_s == pytest.approx(20 * HOP / SAMPLE_RATE)


@pytest.mark.parametrize(("silence_s", "begins"), [(0.3, False), (0.69, False), (0.71, True)])
def test_speech_after_a_longer_pause_begins_a_window_of_its_own(
    silence_s: float, begins: bool
) -> None:
    f = frames(120)
    f.level_dbfs[:, 60:] = -15.0
    w = SpeechWindow(3.0, 8.0, pause_s=0.7)
    w.push(60 * HOP, descriptor_columns(f)[0, :, 0:60], np.ones(60, np.bool_))
    later = 60 * HOP + round(silence_s * SAMPLE_RATE)
    # The first 8 hops after the pause are silence still.
    spoken = np.arange(60, 120) >= 68
    w.push(later + 52 * HOP, descriptor_columns(f)[0, :, 60:120], spoken)
    got = w.compute(later + 52 * HOP)
    assert got.speech_s == pytest.approx((52 if begins else 112) * HOP / SAMPLE_RATE)
    assert got.start == (later if begins else 0)
    assert got.value("level_dbfs", "p20") == pytest.approx(-15.0 if begins else -25.0)
    # Within that window nothing is forgotten.
    w.push(later + 60 * HOP, descriptor_columns(f)[0, :, 112:120], np.ones(8, np.bool_))
    assert w.compute(later + 60 * HOP).speech_s == pytest.approx(
        (60 if begins else 120) * HOP / SAMPLE_RATE
    )


def test_hops_outside_speech_do_not_enter() -> None:
    f = frames(64)
    f.level_dbfs[:, ::2] = -80.0
    w = SpeechWindow(3.0, 8.0)
    w.push(64 * HOP, descriptor_columns(f)[0, :, 0:64], np.arange(64) % 2 == 1)
    got = w.compute(64 * HOP)
    assert got.speech_s == pytest.approx(32 * HOP / SAMPLE_RATE)
    assert got.value("level_dbfs", "p20") == pytest.approx(-25.0)
    assert got.end == 64 * HOP


@pytest.mark.parametrize(("hops", "known"), [(11, False), (12, True)])
def test_a_statistic_needs_twelve_values(hops: int, known: bool) -> None:
    x = np.full(50, NAN)
    x[:hops] = 3.0
    assert np.isfinite(row_statistics(x[None])).all() == known

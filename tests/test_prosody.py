"""Descriptors against known truth, and the properties of the extractor."""

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from tests.helpers import SHARED, noise, silence, sine, stereo, syllables, voice
from voicecoach.dsp.prosody import ProsodyExtractor, ProsodyFrames
from voicecoach.types import F32, HOP, MAX_HOPS, SAMPLE_RATE


def extract(samples: F32, sizes: tuple[int, ...] = (MAX_HOPS,)) -> ProsodyFrames:
    """Return the descriptors of [2, n], pushed in blocks of `sizes` hops."""
    extractor, parts, start, i = ProsodyExtractor(), [], 0, 0
    while start < samples.shape[1]:
        end = min(start + sizes[i % len(sizes)] * HOP, samples.shape[1])
        parts.append(extractor.process(samples[:, start:end]))
        start, i = end, i + 1
    return ProsodyFrames(*(np.concatenate(column, axis=1) for column in zip(*parts, strict=True)))


def telephone(x: F32) -> F32:
    """Return the 300-3400 Hz band."""
    sos = signal.butter(6, [300, 3400], "band", fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(sos, x), np.float32)


def cents(f0: F32, truth: float) -> F32:
    return np.asarray(np.abs(1200 * np.log2(f0 / truth)), np.float32)


@pytest.mark.parametrize("f0", [75.0, 110.0, 155.0, 220.0, 330.0, 440.0])
@pytest.mark.parametrize("band", ["wide", "telephone"])
def test_f0_of_a_voice_is_found_within_half_a_semitone(f0: float, band: str) -> None:
    sound = voice(f0, 1.0)
    track = extract(stereo(telephone(sound) if band == "telephone" else sound, sound)).f0_hz[0]
    inner = track[6:-2]
    assert np.isfinite(inner).mean() > 0.97
    assert np.median(cents(inner[np.isfinite(inner)], f0)) < 15
    assert (cents(inner[np.isfinite(inner)], f0) < 50).all()


def test_f0_follows_a_glide() -> None:
    n = 2 * SAMPLE_RATE // HOP * HOP
    track = 120.0 * 2 ** (np.arange(n) / n)
    found = extract(stereo(voice(track, n / SAMPLE_RATE), silence(0.1))).f0_hz[0]
    centre = np.arange(len(found)) * HOP + HOP - 384
    inner = slice(6, len(found) - 2)
    truth = track[np.clip(centre, 0, n - 1)]
    assert np.nanmax(np.abs(1200 * np.log2(found[inner] / truth[inner]))) < 50


def test_noise_and_silence_are_unvoiced() -> None:
    frames = extract(stereo(noise(2.0, 0.05), silence(2.0)))
    assert np.isfinite(frames.f0_hz[0]).mean() < 0.05
    assert np.isnan(frames.f0_hz[1]).all()
    assert np.isnan(frames.hnr_db[1]).all()
    assert (frames.level_dbfs[1] == -100).all()
    assert (frames.voicing[1] < 0.5).all()


@pytest.mark.parametrize(("level", "dbfs"), [(1.0, -3.01), (0.1, -23.01), (0.001, -63.01)])
def test_level_of_a_sine_is_exact(level: float, dbfs: float) -> None:
    # 1 kHz has a whole number of periods in a hop.
    frames = extract(stereo(sine(1000, 0.2, level), silence(0.2)))
    assert frames.level_dbfs[0] == pytest.approx(dbfs, abs=0.02)


def test_alpha_ratio_tells_bright_from_dark() -> None:
    both = stereo(sine(500, 0.5) + sine(2000, 0.5), sine(500, 0.5) + sine(2000, 0.5, 0.01))
    alpha = extract(both).alpha_ratio_db[:, 5:]
    assert alpha[0] == pytest.approx(0.0, abs=0.2)
    assert alpha[1] == pytest.approx(-20.0, abs=0.2)


@pytest.mark.parametrize("snr", [5.0, 10.0, 20.0])
def test_hnr_is_the_ratio_that_was_mixed(snr: float) -> None:
    sound = voice(150, 2.0, 0.1)
    mixed = sound + noise(2.0, 0.1 * 10 ** (-snr / 20))
    hnr = extract(stereo(mixed, sound)).hnr_db[0]
    assert np.nanmedian(hnr) == pytest.approx(snr, abs=1.5)


@pytest.mark.parametrize("rate", [3.0, 4.0, 5.0, 6.0])
def test_every_swell_is_a_syllable(rate: float) -> None:
    nuclei = extract(stereo(syllables(150, rate, 4.0), silence(4.0))).nucleus
    assert nuclei[0].sum() == pytest.approx(4 * rate, abs=1)
    assert not nuclei[1].any()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, MAX_HOPS), min_size=1, max_size=9))
def test_any_block_split_gives_the_same_descriptors(sizes: list[int]) -> None:
    samples = stereo(voice(140, 1.0) + noise(1.0, 0.01), syllables(230, 5, 1.0))
    whole, cut = extract(samples), extract(samples, tuple(sizes))
    for a, b in zip(whole, cut, strict=True):
        assert np.array_equal(a, b, equal_nan=a.dtype != bool)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60))
def test_later_audio_never_changes_earlier_descriptors(hop: int) -> None:
    samples = stereo(voice(140, 1.0), voice(230, 1.0))
    other = samples.copy()
    other[:, hop * HOP :] = noise(1.0, 0.5, seed=7)[: samples.shape[1] - hop * HOP]
    for a, b in zip(extract(samples), extract(other), strict=True):
        assert np.array_equal(a[:, :hop], b[:, :hop], equal_nan=a.dtype != bool)


@pytest.mark.parametrize("gain_db", [-30, -12, 12])
def test_gain_moves_the_level_and_nothing_else(gain_db: int) -> None:
    samples = stereo(syllables(150, 4, 2.0, 0.05), voice(220, 2.0, 0.05) + noise(2.0, 0.005))
    gain = np.float32(10 ** (gain_db / 20))
    a, b = extract(samples), extract(samples * gain)
    assert b.level_dbfs - a.level_dbfs == pytest.approx(gain_db, abs=0.01)
    assert np.mean(np.isnan(a.f0_hz) != np.isnan(b.f0_hz)) < 0.01
    assert np.nanmax(np.abs(a.f0_hz / b.f0_hz - 1)) < 0.01
    assert a.nucleus.sum(axis=1) == pytest.approx(b.nucleus.sum(axis=1), abs=1)
    assert np.nanmax(np.abs(a.alpha_ratio_db[:, 5:] - b.alpha_ratio_db[:, 5:])) < 0.5


def test_reset_forgets() -> None:
    samples = stereo(voice(140, 0.5), noise(0.5, 0.1))
    extractor = ProsodyExtractor()
    first = extractor.process(samples[:, : 16 * HOP])
    extractor.reset()
    again = extractor.process(samples[:, : 16 * HOP])
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a, b, equal_nan=a.dtype != bool)


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared reference data is not here")
def test_f0_of_real_speech_is_that_of_the_laryngograph() -> None:
    voicing, gross = [], []
    for reference in sorted((SHARED / "f0_fda").glob("*.f0ref"))[::5]:
        recording, rate = soundfile.read(reference.with_suffix(".flac"), dtype="float32")
        truth = np.loadtxt(reference)
        x = soxr.resample(recording, rate, SAMPLE_RATE)
        x = x[: len(x) // HOP * HOP]
        found = extract(stereo(x, x)).f0_hz[0]
        # The reference has a value every 15 ms; our hop i is of the frame centred here:
        centre = (np.arange(len(found)) * HOP + HOP - 384) / SAMPLE_RATE
        nearest = np.abs(np.arange(len(truth))[:, None] * 0.015 - centre).argmin(axis=1)
        found, voiced = found[nearest], truth > 0
        both = voiced & np.isfinite(found)
        voicing.append(np.mean(voiced != np.isfinite(found)))
        gross.append(np.mean(np.abs(found[both] / truth[both] - 1) > 0.2))
    assert len(voicing) == 10
    assert np.mean(voicing) < 0.08
    assert np.mean(gross) < 0.03

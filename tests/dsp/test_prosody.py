"""Descriptors against known truth, and the properties of the extractor."""

import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from scripts.staging import voices
from scripts.support import corpora
from scripts.support.corpora import DATA
from voicecoach.dsp import pitch, spectrum
from voicecoach.dsp.prosody import ProsodyFrames, load_weights
from voicecoach.errors import ModelError
from voicecoach.shell.runtime.resources import prosody_model
from voicecoach.testing import make_extractor, silence, sine, stereo, syllables, vowel, white_noise
from voicecoach.types.stream import F32, HOP, MAX_HOPS, SAMPLE_RATE, FileContents


def extract(samples: F32, sizes: tuple[int, ...] = (MAX_HOPS,), group: int = 1) -> ProsodyFrames:
    """Return the descriptors of [channels, n], pushed in blocks of `sizes` hops."""
    stage, parts, start, i = make_extractor(len(samples), group), [], 0, 0
    while start < samples.shape[1]:
        end = min(start + sizes[i % len(sizes)] * HOP, samples.shape[1])
        parts.append(stage.process(np.ascontiguousarray(samples[:, start:end])))
        start, i = end, i + 1
    columns = zip(*(part for part in parts if part), strict=True)
    return ProsodyFrames(*(np.concatenate(column, axis=-1) for column in columns))


def mono(x: corpora.Samples | F32) -> F32:
    """Return whole hops of a sound as one channel."""
    return np.asarray(x[: len(x) // HOP * HOP], np.float32)[None]


def telephone(x: F32) -> F32:
    """Return the 300-3400 Hz band."""
    sos = signal.butter(6, [300, 3400], "band", fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(sos, x), np.float32)


def cents(f0: F32, truth: float) -> F32:
    return np.asarray(np.abs(1200 * np.log2(f0 / truth)), np.float32)


@pytest.mark.parametrize("f0", [75.0, 110.0, 155.0, 220.0, 330.0, 440.0])
@pytest.mark.parametrize("band", ["wide", "telephone"])
def test_f0_of_a_voice_is_found_within_half_a_semitone(f0: float, band: str) -> None:
    sound = vowel(f0, 1.0)
    track = extract(stereo(telephone(sound) if band == "telephone" else sound, sound)).f0_hz[0]
    inner = track[6:-2]
    assert np.isfinite(inner).mean() > 0.97
    assert np.median(cents(inner[np.isfinite(inner)], f0)) < 15
    assert (cents(inner[np.isfinite(inner)], f0) < 50).all()


def test_f0_follows_a_glide() -> None:
    n = 2 * SAMPLE_RATE // HOP * HOP
    track = 120.0 * 2 ** (np.arange(n) / n)
    found = extract(stereo(vowel(track, n / SAMPLE_RATE), silence(0.1))).f0_hz[0]
    centre = np.arange(len(found)) * HOP + HOP - spectrum.CENTRE
    inner = slice(6, len(found) - 2)
    truth = track[np.clip(centre, 0, n - 1)]
    assert np.nanmax(np.abs(1200 * np.log2(found[inner] / truth[inner]))) < 50


def test_noise_and_silence_are_unvoiced() -> None:
    frames = extract(stereo(white_noise(2.0, 0.05), silence(2.0)))
    assert np.isfinite(frames.f0_hz[0]).mean() < 0.05
    assert np.isnan(frames.f0_hz[1]).all()
    assert np.isnan(frames.hnr_db[1]).all()
    assert (frames.level_dbfs[1] == -100).all()
    assert (frames.voicing[1] < pitch.VOICED_FROM).all()


@pytest.mark.parametrize(("level", "dbfs"), [(1.0, -3.01), (0.1, -23.01), (0.001, -63.01)])
def test_level_of_a_sine_is_exact(level: float, dbfs: float) -> None:
    frames = extract(stereo(sine(1000, 0.2, level), silence(0.2)))
    assert frames.level_dbfs[0, 3:] == pytest.approx(dbfs, abs=0.02)


def test_alpha_ratio_and_hammarberg_index_tell_bright_from_dark() -> None:
    # 2031 Hz is within 2-5 kHz.
    both = stereo(sine(500, 0.5) + sine(2031.25, 0.5), sine(500, 0.5) + sine(2031.25, 0.5, 0.01))
    frames = extract(both)
    assert frames.alpha_ratio_db[0, 5:] == pytest.approx(0.0, abs=0.2)
    assert frames.alpha_ratio_db[1, 5:] == pytest.approx(-20.0, abs=0.2)
    assert frames.hammarberg_db[0, 5:] == pytest.approx(0.0, abs=0.2)
    assert frames.hammarberg_db[1, 5:] == pytest.approx(20.0, abs=0.2)


def test_slopes_are_those_of_the_spectrum() -> None:
    rng = np.random.default_rng(0)
    n = 4 * SAMPLE_RATE
    hz = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    # White noise that falls by 12 dB a kHz below 500 Hz and by 30 dB a kHz above.
    tilt = -12 * np.minimum(hz, 500) / 1000 - 30 * np.maximum(hz - 500, 0) / 1000
    spectrum_ = np.fft.rfft(rng.standard_normal(n)) * 10 ** (tilt / 20)
    frames = extract(mono(0.05 * np.fft.irfft(spectrum_)))
    assert frames.slope_low_db_khz[0].mean() == pytest.approx(-12, abs=2)
    assert frames.slope_middle_db_khz[0].mean() == pytest.approx(-30, abs=2)


def test_centroid_and_loudness_of_tones() -> None:
    low, high = (extract(mono(sine(f, 0.5))) for f in (450.0, 3450.0))
    assert low.centroid_hz[0, 5:] == pytest.approx(450, abs=20)
    assert high.centroid_hz[0, 5:] == pytest.approx(3425, abs=30)
    louder = extract(mono(sine(450.0, 0.5, 0.1 * 10**0.5)))
    # In one band, 10 dB more is 10**0.23 times as loud.
    assert louder.loudness[0, 5:] / low.loudness[0, 5:] == pytest.approx(10**0.23, rel=0.02)


def test_the_cepstrum_is_the_shape_of_the_spectrum() -> None:
    flat, tilted = (white_noise(4.0, 0.05, seed=i) for i in (0, 0))
    hz = np.fft.rfftfreq(len(tilted), 1 / SAMPLE_RATE)
    middle, width = 950.0, 6.0
    # Falls by 6 dB an octave within the bands that are described, and goes on flat outside.
    fall = -width * np.log2(np.clip(hz, 300, 3150) / middle)
    tilted = np.fft.irfft(np.fft.rfft(tilted) * 10 ** (fall / 20), len(tilted)).astype(np.float32)
    a, b = (extract(mono(x)).cepstrum_db[:, 0, 5:].mean(axis=1) for x in (flat, tilted))
    moved = b - a
    # A tilt is the first coefficient, which is half a cosine from low to high.
    assert moved[0] > 5
    assert np.abs(moved[1:]).max() < 0.25 * moved[0]


def test_flux_is_where_the_spectrum_moves() -> None:
    flux = extract(mono(np.concatenate([sine(450, 0.512), sine(3450, 0.512)]))).flux[0]
    assert flux[4:30] == pytest.approx(0.0, abs=0.01)
    assert flux[31:35].sum() > 1.0
    assert flux[38:60] == pytest.approx(0.0, abs=0.01)
    assert extract(mono(silence(0.5))).flux[0].max() == 0


@pytest.mark.parametrize("snr", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("f0", [90.0, 150.0, 220.0])
def test_hnr_is_the_ratio_that_was_mixed(snr: float, f0: float) -> None:
    made = voices.with_noise(voices.vowel(voices.pulses(f0, 1.0).samples), snr)
    # Four periods in a frame are few to hear little noise by.
    tolerance = 3.0 if f0 < 100 and snr > 10 else 1.5
    assert np.nanmean(extract(mono(made)).hnr_db) == pytest.approx(snr, abs=tolerance)


@pytest.mark.parametrize("jitter", [0.0, 0.005, 0.02])
@pytest.mark.parametrize("f0", [90.0, 150.0, 220.0])
def test_jitter_is_what_the_pulses_were_made_with(jitter: float, f0: float) -> None:
    made = voices.pulses(f0, 3.0, jitter=jitter)
    found = np.nanmean(extract(mono(voices.vowel(made.samples))).jitter)
    assert found == pytest.approx(made.jitter, rel=0.2, abs=0.0005)


@pytest.mark.parametrize("shimmer", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("f0", [90.0, 150.0, 220.0])
def test_shimmer_is_what_the_pulses_were_made_with(shimmer: float, f0: float) -> None:
    made = voices.pulses(f0, 3.0, shimmer=shimmer)
    found = np.nanmean(extract(mono(voices.vowel(made.samples))).shimmer)
    # A vowel rings into the next cycle, which evens amplitudes out, the more the higher the voice.
    assert found == pytest.approx(made.shimmer, rel=0.35, abs=0.004)


def test_voice_quality_is_unknown_without_voice() -> None:
    frames = extract(stereo(white_noise(1.0, 0.05), silence(1.0)))
    unvoiced = np.isnan(frames.f0_hz)
    for x in (frames.f0_semitones, frames.hnr_db, frames.jitter, frames.shimmer):
        assert np.isnan(x[unvoiced]).all()


@pytest.mark.parametrize("gap", [0.0, 1.0, 3.0])
def test_active_level_is_that_of_p56_and_pauses_do_not_count(gap: float) -> None:
    phrase = np.concatenate([syllables(150, 4, 2.0), silence(gap)])
    x = np.tile(phrase, 4)
    found = extract(mono(x)).active_level_dbfs[0]
    assert found[-1] == pytest.approx(
        corpora.active_level_db(x.astype(float), SAMPLE_RATE), abs=0.3
    )
    assert found[-1] == pytest.approx(found[120], abs=1.0)
    assert (extract(mono(silence(1.0))).active_level_dbfs == -100).all()


def test_nothing_is_said_of_silence_and_full_scale_stays_in_range() -> None:
    square = np.sign(sine(150.0, 1.0, 1.0)) * np.float32(1.0)
    frames = extract(stereo(square, silence(1.0)))
    ranges = {
        "f0_hz": (60, 500), "f0_semitones": (13, 51), "voicing": (0, 1), "level_dbfs": (-100, 0.1),
        "active_level_dbfs": (-100, 0.1), "loudness": (0, 20), "alpha_ratio_db": (-100, 100),
        "hammarberg_db": (-100, 100), "slope_low_db_khz": (-500, 500),
        "slope_middle_db_khz": (-500, 500), "centroid_hz": (0, 8000), "flux": (0, 1.42),
        "hnr_db": (-20.01, 40.01), "jitter": (0, 0.4), "shimmer": (0, 2), "syllables": (0, 1),
        "cepstrum_db": (-100, 100),
    }  # fmt: skip
    assert set(ranges) == set(ProsodyFrames._fields)
    for name, (low, high) in ranges.items():
        x = getattr(frames, name)
        assert x.shape[-2:] == frames.f0_hz.shape, name
        assert ((x >= low) & (x <= high) | np.isnan(x)).all(), name
    assert frames.cepstrum_db.shape[:-2] == (spectrum.CEPSTRA,)
    assert np.isfinite(frames.cepstrum_db).all()
    assert frames.cepstrum_db[:, 1] == pytest.approx(0.0, abs=0.01)  # silence has no shape
    assert np.nanmedian(frames.f0_hz[0]) == pytest.approx(150, rel=0.01)
    assert np.isnan(frames.f0_hz[1]).all()


def test_no_syllables_in_silence_and_more_in_faster_speech() -> None:
    counts = [
        extract(stereo(syllables(150, rate, 8.0), silence(8.0))).syllables.sum(axis=1)
        for rate in (2.5, 5.0)
    ]
    assert counts[0][1] < 0.1 * counts[0][0]
    assert counts[1][0] > 1.2 * counts[0][0]


@settings(max_examples=25)
@given(st.lists(st.integers(1, MAX_HOPS), min_size=1, max_size=9), st.sampled_from([1, 3, 8]))
def test_any_block_split_gives_the_same_descriptors(sizes: list[int], group: int) -> None:
    samples = stereo(vowel(140, 1.0) + white_noise(1.0, 0.01), syllables(230, 5, 1.0))
    whole, cut = extract(samples), extract(samples, tuple(sizes), group)
    described = cut.f0_hz.shape[1]
    assert described == whole.f0_hz.shape[1] // group * group
    for a, b in zip(whole, cut, strict=True):
        assert np.array_equal(a[..., :described], b, equal_nan=True)


def test_many_calls_at_once_are_described_as_each_alone() -> None:
    one = stereo(vowel(140, 1.0) + white_noise(1.0, 0.01), syllables(230, 5, 1.0))
    many = extract(np.concatenate([one, one[::-1] * np.float32(0.3), one]), (1,), 8)
    alone = extract(one, group=8)
    for a, b in zip(alone, many, strict=True):
        assert np.array_equal(a, b[..., :2, :], equal_nan=True)
        assert np.array_equal(a, b[..., 4:, :], equal_nan=True)


@settings(max_examples=15)
@given(st.integers(1, 60))
def test_later_audio_never_changes_earlier_descriptors(hop: int) -> None:
    samples = stereo(vowel(140, 1.0), vowel(230, 1.0))
    other = samples.copy()
    other[:, hop * HOP :] = white_noise(1.0, 0.5, seed=7)[: samples.shape[1] - hop * HOP]
    for a, b in zip(extract(samples), extract(other), strict=True):
        assert np.array_equal(a[..., :hop], b[..., :hop], equal_nan=True)


@pytest.mark.parametrize("gain_db", [-30, -12, 12])
def test_gain_moves_level_and_loudness_and_nothing_else(gain_db: int) -> None:
    samples = stereo(syllables(150, 4, 2.0, 0.05), vowel(220, 2.0, 0.05) + white_noise(2.0, 0.005))
    gain = np.float32(10 ** (gain_db / 20))
    a, b = extract(samples), extract(samples * gain)
    assert b.level_dbfs - a.level_dbfs == pytest.approx(gain_db, abs=0.01)
    assert b.active_level_dbfs[:, 20:] - a.active_level_dbfs[:, 20:] == pytest.approx(
        gain_db, abs=0.5
    )
    assert np.mean(np.isnan(a.f0_hz) != np.isnan(b.f0_hz)) < 0.01
    both = ~(np.isnan(a.f0_hz) | np.isnan(b.f0_hz))
    for name in ("f0_semitones", "hnr_db", "centroid_hz", "flux", "alpha_ratio_db", "shimmer"):
        x, y = getattr(a, name)[both], getattr(b, name)[both]
        known = x == x
        assert np.abs(x[known] - y[known]).max() <= 0.02 * np.abs(x[known]).max(), name
    # A band of a faint frame is at the floor.
    clear = both & (b.level_dbfs > -65)
    assert clear.mean() > 0.5
    assert a.cepstrum_db[:, clear] == pytest.approx(b.cepstrum_db[:, clear], abs=0.1)
    assert np.abs(a.cepstrum_db[:, clear]).max() > 5
    assert a.syllables.sum(axis=1) == pytest.approx(b.syllables.sum(axis=1), rel=0.02)


def test_an_offset_changes_nothing_that_matters() -> None:
    samples = stereo(syllables(150, 4, 2.0, 0.05), vowel(220, 2.0, 0.05))
    a, b = extract(samples), extract(samples + np.float32(0.01))
    steady = slice(4, None)  # where the offset begins is a click
    assert np.mean((np.isnan(a.f0_hz) != np.isnan(b.f0_hz))[:, steady]) < 0.02
    for name in ("f0_semitones", "level_dbfs", "alpha_ratio_db", "hnr_db"):
        x, y = getattr(a, name)[:, steady], getattr(b, name)[:, steady]
        assert np.nanmedian(np.abs(x - y)) < 0.2, name


def test_reset_forgets() -> None:
    samples = stereo(vowel(140, 0.5), white_noise(0.5, 0.1))[:, : 19 * HOP]
    stage = make_extractor()
    first = stage.process(samples)
    stage.reset()
    again = stage.process(samples)
    assert first is not None
    assert again is not None
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a, b, equal_nan=True)


def test_nothing_stays_allocated() -> None:
    stage = make_extractor()
    sound = stereo(syllables(150, 4, 4.0), vowel(220, 4.0))
    hops = [np.ascontiguousarray(sound[:, i : i + HOP]) for i in range(0, sound.shape[1], HOP)]

    def kept() -> int:
        for i in range(2000):
            stage.process(hops[i % len(hops)])
        gc.collect()
        arrays = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)
        return sum(t.size for t in tracemalloc.take_snapshot().filter_traces([arrays]).traces)

    tracemalloc.start()
    before, after = kept(), kept()
    tracemalloc.stop()
    # numpy keeps a few small blocks for later; one column kept of each hop would be 256 kB.
    assert after - before < 20_000


def test_weights_that_are_none_are_a_clear_error() -> None:
    for data in (b"no archive", b"", prosody_model().data[:1000]):
        with pytest.raises(ModelError, match="bad.npz: not a usable prosody model"):
            load_weights(FileContents("bad.npz", data))


@pytest.mark.skipif(not DATA.is_dir(), reason="shared reference data is not here")
def test_f0_of_real_speech_is_that_of_the_laryngograph() -> None:
    voicing, gross = [], []
    for clip in list(corpora.laryngograph())[::5]:
        found = extract(mono(clip.samples)).f0_hz[0]
        # The reference has a value every 15 ms; our hop i is of the frame centred here:
        centre = (np.arange(len(found)) * HOP + HOP - spectrum.CENTRE) / SAMPLE_RATE
        nearest = np.abs(np.arange(len(clip.f0_hz))[:, None] * 0.015 - centre).argmin(axis=1)
        found, voiced = found[nearest], clip.f0_hz > 0
        both = voiced & np.isfinite(found)
        voicing.append(np.mean(voiced != np.isfinite(found)))
        gross.append(np.mean(np.abs(found[both] / clip.f0_hz[both] - 1) > 0.2))
    assert len(voicing) == 10
    assert np.mean(voicing) < 0.05
    assert np.mean(gross) < 0.02


@pytest.mark.skipif(not DATA.is_dir(), reason="shared reference data is not here")
def test_the_syllable_rate_of_real_speech_is_that_of_its_labels() -> None:
    rates = []
    for name, samples in list(corpora.emodb())[::6]:
        labels = corpora.syllables(name, len(samples) / SAMPLE_RATE)
        x = np.concatenate([samples, np.zeros(SAMPLE_RATE // 4)])
        spoken_s = sum(s.end_s - s.start_s for s in labels)
        count = float(extract(mono(x)).syllables.sum())
        rates.append((sum(s.share for s in labels) / spoken_s, count / spoken_s))
    true, found = np.array(rates).T
    assert len(rates) > 80
    assert np.corrcoef(true, found)[0, 1] > 0.8
    assert np.mean(np.abs(found / true - 1)) < 0.12

"""Descriptors of a voice for programs: any length, rate, channels and cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import voicecoach as vc
from voicecoach.dsp.prosody import ProsodyFrames
from voicecoach.testing import make_extractor, silence, stereo, syllables, vowel, white_noise
from voicecoach.types.stream import F32, F64, HOP, SAMPLE_RATE

RATES = (8_000, 11_025, 16_000, 44_100)


def same(a: vc.ProsodyTrack, b: vc.ProsodyTrack) -> bool:
    """Return whether two tracks are the same, bit for bit."""
    arrays = zip([*a], [*b], strict=True)
    return np.array_equal(a.times, b.times) and all(
        x.shape == y.shape and np.array_equal(x, y, equal_nan=True) for x, y in arrays
    )


def joined(tracks: list[vc.ProsodyTrack]) -> vc.ProsodyTrack:
    whole = vc.ProsodyTrack(*(np.concatenate(x, axis=-1) for x in zip(*tracks, strict=True)))
    whole.times = np.concatenate([track.times for track in tracks])
    return whole


def talk() -> F32:
    return np.concatenate(
        [vowel(140, 0.6), silence(0.3), syllables(220, 5, 0.9) + white_noise(0.9, 0.01)]
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9000), max_size=9), st.sampled_from(RATES), st.booleans())
def test_any_cut_gives_the_same_values_and_those_of_the_whole(
    cuts: list[int], rate: int, both: bool
) -> None:
    y = stereo(talk(), white_noise(1.0, 0.1)) if both else talk()
    y = y[..., :21_111]
    stream = vc.ProsodyExtractor(rate, 2 if both else None)
    pieces = [stream.process(chunk) for chunk in np.split(y, sorted(cuts), axis=-1)]
    assert same(joined([*pieces, stream.flush()]), vc.prosody(y, rate))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5_000), st.sampled_from(RATES), st.integers(1, 3), st.sampled_from("fd"))
def test_any_length_rate_and_number_of_channels(
    n: int, rate: int, channels: int, kind: str
) -> None:
    y = np.resize(talk(), (channels, n)).astype(kind)
    track = vc.prosody(y, sr=rate)
    frames = len(track.times)
    assert abs(frames - n * SAMPLE_RATE / rate / HOP) < 1.1
    assert [x.shape for x in track] == [(channels, frames)] * 16 + [(8, channels, frames)]
    alone = vc.prosody(y[0], sr=rate)
    assert [x.shape for x in alone] == [(frames,)] * 16 + [(8, frames)]
    assert all(
        np.array_equal(x, y[..., 0, :], equal_nan=True) for x, y in zip(alone, track, strict=True)
    )


def test_it_is_what_the_engine_sees() -> None:
    y = stereo(talk(), talk()[::-1])
    frames = make_extractor(group=1).process(y[:, : 100 * HOP])
    assert frames is not None
    track = vc.prosody(y)
    for name in ProsodyFrames._fields:
        inside, public = getattr(frames, name), getattr(track, name)
        assert np.array_equal(inside, public[..., :100], equal_nan=True)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_times_are_those_of_what_is_described(rate: int) -> None:
    t = np.arange(2 * rate) / rate
    glide: F64 = 120.0 * 2 ** (t / 2)
    y = sum(np.sin(2 * np.pi * np.cumsum(k * glide) / rate) / k for k in range(1, 9)) / 8
    track = vc.prosody(np.asarray(y), rate)
    inner = (track.times > 0.1) & (track.times < 1.9)
    truth = 120.0 * 2 ** (track.times / 2)
    # 20 ms off would be 24 cents.
    assert np.nanmedian(1200 * np.log2(track.f0_hz / truth)[inner]) == pytest.approx(0, abs=5)
    assert np.isfinite(track.f0_hz[inner]).mean() > 0.97
    assert np.diff(track.times) == pytest.approx(0.016)


def test_silence_and_a_moment_are_described_too() -> None:
    still = vc.prosody(np.zeros(SAMPLE_RATE))
    assert np.isnan(still.f0_hz).all()
    assert (still.level_dbfs == -100).all()
    assert vc.prosody([0.5]).level_dbfs.shape == (1,)
    assert vc.prosody(np.zeros((2, 0)), 8000).cepstrum_db.shape == (8, 2, 0)


def test_a_stream_that_is_flushed_or_reset_begins_anew() -> None:
    y, stream = talk(), vc.ProsodyExtractor(44_100)
    first = [stream.process(y), stream.flush()]
    again = [stream.process(y), stream.flush()]
    assert same(joined(first), joined(again))
    stream.process(white_noise(0.5, 0.5))
    stream.reset()
    assert same(stream.process(y), first[0])


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (np.zeros(9, np.int16), "samples are int16: divide them by 32768"),
        (np.zeros(9, np.uint8), "samples are uint8"),
        (np.zeros(9, complex), "samples are complex128: floating point"),
        (["one"], "floating point with full scale 1.0 is needed"),
        (np.zeros((900, 2)), r"transpose what is \[samples, channels\]"),
        (np.zeros((2, 2, 9)), r"audio is \[2, samples\], not \[2, 2, 9\]"),
        (0.5, r"audio is \[samples\], not \[\]"),
        (np.array([0.0, np.nan]), "NaN or infinite"),
        (np.array([[0.0], [np.inf]]), "NaN or infinite"),
        (np.array([8.5]), "more than 8 times full scale: scale them"),
        (np.zeros((0, 9)), "0 channels"),
    ],
)
def test_what_is_no_audio_is_refused_in_a_sentence(y: object, sentence: str) -> None:
    with pytest.raises(vc.InputError, match=sentence):
        vc.prosody(y)  # type: ignore[arg-type]


def test_a_refused_chunk_leaves_the_stream_as_it_was() -> None:
    y, stream = talk(), vc.ProsodyExtractor()
    pieces = [stream.process(y[:5000])]
    for bad in (np.full(300, np.nan), np.zeros((2, 9)), np.zeros(9, np.int16)):
        with pytest.raises(vc.InputError):
            stream.process(bad)
    pieces += [stream.process(y[5000:]), stream.flush()]
    assert same(joined(pieces), vc.prosody(y))


@pytest.mark.parametrize(("rate", "channels"), [(0, None), (3_999, 1), (8_000, 0), (8_000, 65)])
def test_rates_and_channels_that_are_not_read(rate: int, channels: int | None) -> None:
    with pytest.raises(vc.InputError, match="are read"):
        vc.ProsodyExtractor(rate, channels)

"""The power spectrum of a frame and descriptors of its shape.

Bands are near-critical (Zwicker 1961, "Subdivision of the audible frequency range into critical
bands", J. Acoust. Soc. Am. 33(2)), moved a little so that the frequency limits in the Geneva set
(Eyben et al. 2016, "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for voice research and
affective computing", IEEE Trans. Affective Computing 7(2)) are edges of bands.  Frequencies below
50 Hz are ignored: they hold hum and offset, not speech.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy import fft

from voicecoach.types.stream import F32, F64, HOP, SAMPLE_RATE

FRAME = 3 * HOP
"""Samples in an analysis frame: 48 ms, three periods at 62 Hz."""
CENTRE = FRAME // 2
"""Samples from a frame's centre to its end: 24 ms, the only look-ahead."""
NFFT = 1024
BIN_HZ = SAMPLE_RATE / NFFT
EDGES_HZ = (
    *(50, 100, 200, 300, 400, 500, 630, 770, 1000, 1250, 1500, 1750, 2000, 2320, 2700),
    *(3150, 3700, 4400, 5000, 6400, 8000),
)
BANDS = len(EDGES_HZ) - 1
FLOOR_DB = -100.0
"""Level of digital silence, dBFS."""
# Slightly above, so that rounding does not give a level below FLOOR_DB.
_FLOOR = np.float32(10 ** (FLOOR_DB / 10) * (1 + 1e-6))


def hann(n: int) -> F32:
    """Return the periodic Hann window of `n` samples."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)


def bin_of(hz: float) -> int:
    """Return the first bin at or above a frequency."""
    return int(np.ceil(hz / BIN_HZ))


def band_of(hz: float) -> int:
    """Return the band that begins at a frequency of `EDGES_HZ`."""
    return EDGES_HZ.index(int(hz))


OFFSET_BINS = 3
"""Lowest bins that a DC offset leaks into through the window."""
_EDGES = np.array([bin_of(hz) for hz in EDGES_HZ])
_WINDOW = hann(FRAME)
# Scaled so that the powers of a frame's bins add up to its mean square.
_SCALED_WINDOW = (_WINDOW * np.sqrt(2.0 / (NFFT * np.sum(_WINDOW.astype(np.float64) ** 2)))).astype(
    np.float32
)


def _window_autocorrelation() -> F64:
    window = _WINDOW.astype(np.float64)
    ac = np.correlate(window, window, "full")[FRAME - 1 :]
    return np.asarray(ac / ac[0])


WINDOW_AC = _window_autocorrelation()
"""The window's normalised autocorrelation by lag, [FRAME]; a frame's is divided by it."""


def power_spectrum(frames: F32) -> F32:
    """Return the power spectrum of Hann-windowed frames.

    Parameters
    ----------
    frames
        [..., FRAME], full scale 1.0.

    Returns
    -------
    power
        [..., NFFT // 2 + 1]; its sum is the mean square of the frame, weighted by the window.
    """
    parts = fft.rfft(frames * _SCALED_WINDOW, NFFT, axis=-1).view(np.float32)
    np.multiply(parts, parts, out=parts)
    return np.asarray(parts[..., 0::2] + parts[..., 1::2], np.float32)


def band_power(power: F32) -> F32:
    """Return the power in each of the `BANDS` bands, [..., BANDS]."""
    return np.asarray(np.add.reduceat(power, _EDGES, axis=-1)[..., :BANDS], np.float32)


def decibels(power: F32) -> F32:
    """Return 10 log10 of a power, at least `FLOOR_DB`."""
    db = np.log10(np.maximum(power, _FLOOR))
    db *= np.float32(10.0)
    return np.asarray(db, np.float32)


def _ratio_db(over: F32, under: F32) -> F32:
    """Return the ratio of two powers in dB; powers below `FLOOR_DB` count as `FLOOR_DB`."""
    db = np.log10(np.maximum(over, _FLOOR) / np.maximum(under, _FLOOR))
    db *= np.float32(10.0)
    return np.asarray(db, np.float32)


def level_dbfs(bands: F32) -> F32:
    """Return the level of frames.

    Parameters
    ----------
    bands
        [..., BANDS], from `band_power`.

    Returns
    -------
    level
        [...], dBFS, -100..0; a full-scale sine has -3.01.
    """
    return decibels(np.add.reduce(bands, axis=-1))


def loudness(bands: F32) -> F32:
    """Return the loudness by Stevens' power law, summed over critical bands.

    The specific loudness of a band is its intensity to the power 0.23 (Zwicker & Fastl,
    "Psychoacoustics", 3rd ed. 2007, ch. 8).  Masking and the absolute threshold are ignored, since
    the playback level of a call is unknown.

    Returns
    -------
    loudness
        Arbitrary unit, 0 or more; 10 dB more is 1.7 times as loud.
    """
    return np.asarray(np.add.reduce(np.power(bands, np.float32(0.23)), axis=-1), np.float32)


_BAND_50_HZ, _BAND_1_KHZ, _BAND_5_KHZ = band_of(50), band_of(1000), band_of(5000)


def alpha_ratio_db(bands: F32) -> F32:
    """Return the energy in 1-5 kHz over that in 50-1000 Hz (the inverse of GeMAPS).

    Returns
    -------
    alpha
        dB, -100..100; rises with vocal effort.
    """
    high = np.add.reduce(bands[..., _BAND_1_KHZ:_BAND_5_KHZ], axis=-1)
    low = np.add.reduce(bands[..., _BAND_50_HZ:_BAND_1_KHZ], axis=-1)
    return _ratio_db(high, low)


_PEAKS = np.array([bin_of(50), bin_of(2000), bin_of(5000)])


def hammarberg_db(power: F32) -> F32:
    """Return the Hammarberg index: the strongest bin in 0-2 kHz over that in 2-5 kHz.

    Hammarberg et al. 1980, "Perceptual and acoustic correlates of abnormal voice qualities", Acta
    Otolaryngologica 90; as in GeMAPS.

    Returns
    -------
    index
        dB, -100..100; falls with vocal effort.
    """
    peaks = np.maximum.reduceat(power, _PEAKS, axis=-1)
    return _ratio_db(peaks[..., 0], peaks[..., 1])


def _regression(low_hz: float, high_hz: float) -> F32:
    hz = np.arange(bin_of(high_hz)) * BIN_HZ
    inside = hz >= low_hz
    x = np.where(inside, hz - hz[inside].mean(), 0.0)
    return np.asarray(x / np.sum(x * x), np.float32)


_SLOPE_BINS = bin_of(1500)
_SLOPES = np.zeros((2, _SLOPE_BINS), np.float32)
_SLOPES[0, : bin_of(500)] = _regression(50, 500)
_SLOPES[1] = _regression(500, 1500)
_SLOPES *= np.float32(1000.0)


def slopes_db_khz(power: F32) -> tuple[F32, F32]:
    """Return the slope of the logarithmic power spectrum in 50-500 and in 500-1500 Hz (GeMAPS).

    Returns
    -------
    low, middle
        dB per kHz, the linear regression over the bins.
    """
    db = decibels(power[..., :_SLOPE_BINS])
    slope = np.vecdot(db[..., None, :], _SLOPES)
    return slope[..., 0], slope[..., 1]


CEPSTRA = 8
"""Cepstral coefficients of a frame."""
_VOICE_BANDS = slice(band_of(300), band_of(3150))
_WIDTH = _VOICE_BANDS.stop - _VOICE_BANDS.start
_ORDERS = np.arange(1, CEPSTRA + 1)[:, None]
_COSINES = (np.cos(np.pi * _ORDERS * (np.arange(_WIDTH) + 0.5) / _WIDTH) * 2.0 / _WIDTH).astype(
    np.float32
)


def cepstrum_db(bands: F32) -> F32:
    """Return the cosine transform of the band levels in 300-3150 Hz, without its mean.

    Like mel-frequency cepstral coefficients (Davis & Mermelstein 1980), but over the bands that
    every telephone line has.  They describe the shape of the spectrum independently of gain.

    Returns
    -------
    cepstrum
        [CEPSTRA, ...], dB, about -40..40.
    """
    db = decibels(bands[..., _VOICE_BANDS])
    return np.ascontiguousarray(np.moveaxis(np.vecdot(db[..., None, :], _COSINES), -1, 0))


_CENTRES = np.array([(low + high) / 2 for low, high in itertools.pairwise(EDGES_HZ)], np.float32)


def centroid_hz(bands: F32) -> F32:
    """Return the centre of gravity of the spectrum over the bands.

    Returns
    -------
    centroid
        Hz, 50..8000; 0 in silence.
    """
    total = np.add.reduce(bands, axis=-1)
    return np.asarray(np.vecdot(bands, _CENTRES) / np.maximum(total, np.float32(1e-20)), np.float32)


def flux(bands: F32) -> F32:
    """Return how much the shape of the spectrum changed since the frame before.

    Parameters
    ----------
    bands
        [channels, 1 + n, BANDS], the frame before first.

    Returns
    -------
    flux
        [channels, n], 0..1.42: the distance between the two magnitude spectra over bands, each
        normalised to length 1 so that gain does not count; 0 in silence.
    """
    magnitude = np.sqrt(bands)
    norm = np.sqrt(np.add.reduce(bands, axis=-1, keepdims=True))
    magnitude /= np.maximum(norm, np.float32(1e-10))
    step = magnitude[:, 1:] - magnitude[:, :-1]
    return np.asarray(np.sqrt(np.vecdot(step, step)), np.float32)

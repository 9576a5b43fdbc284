"""Reads the shared recordings and simulates telephone lines, for training and benchmarks.

The folder is `../shared/data` beside the checkout, or the one that VOICECOACH_DATA names; its
README says what each corpus is and what it may be used for.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy import signal
from scipy.ndimage import maximum_filter1d

from voicecoach.types.stream import SAMPLE_RATE

Samples = NDArray[np.float64]
TELEPHONE_RATE = 8000
DATA = Path(
    os.environ.get("VOICECOACH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)


def folder(name: str) -> Path:
    """Return a corpus' folder.

    Raises
    ------
    SystemExit
        If it does not exist.
    """
    path = DATA / name
    if not path.is_dir():
        raise SystemExit(f"{path} is missing: set VOICECOACH_DATA to the folder of the shared data")
    return path


def read(path: Path) -> Samples:
    """Return a file's samples at `SAMPLE_RATE`."""
    samples, rate = soundfile.read(path)
    return np.asarray(soxr.resample(samples, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else samples)


class Reference(NamedTuple):
    """A clip with the F0 that was measured with a laryngograph."""

    name: str
    samples: Samples
    f0_hz: Samples
    """Hz, one value per 15 ms from time 0; 0 where unvoiced."""


def laryngograph() -> Iterator[Reference]:
    """Yield the clips of FDA (Bagshaw et al. 1993), for evaluation only."""
    for path in sorted(folder("f0_fda").glob("*.flac")):
        yield Reference(path.stem, read(path), np.loadtxt(path.with_suffix(".f0ref")))


class Syllable(NamedTuple):
    """A syllable of a clip, in seconds from the clip's start."""

    start_s: float
    end_s: float
    share: float
    """Fraction of the syllable that is inside the clip, 0..1."""


def emodb() -> Iterator[tuple[str, Samples]]:
    """Yield name and samples of every clip of EMO-DB."""
    for path in sorted((folder("emodb") / "flac").glob("*.flac")):
        yield path.stem, read(path)


def syllables(name: str, length_s: float, root: Path | None = None) -> list[Syllable]:
    """Return the syllables in the first `length_s` seconds of an EMO-DB clip.

    A line of a label file holds the *start* of a syllable and its text; the text is `(` for a pause
    and `.` for the end of speech.  The shared clips are the first two seconds of the originals,
    padded with silence if those are shorter.  `root` is the corpus' folder, if it is not among the
    shared data.
    """
    path = (root or folder("emodb")) / "silb" / f"{name}.silb"
    lines = [line.split() for line in path.read_text("latin-1").splitlines() if line.strip()]
    marks = [(float(line[0]), line[-1] if len(line) > 1 else "") for line in lines]
    found = []
    for (start, text), (end, _) in itertools.pairwise(marks):
        if text not in {"(", "."} and start < min(end, length_s):
            share = min(1.0, (length_s - start) / (end - start))
            found.append(Syllable(start, min(end, length_s), share))
    return found


def librispeech() -> Iterator[tuple[str, Samples, str]]:
    """Yield name, samples and text of every utterance."""
    root = folder("librispeech")
    for line in (root / "refs.tsv").read_text("utf-8").splitlines():
        path, text = line.split("\t")
        yield Path(path).stem, read(DATA / path), text


def text_syllables(text: str) -> int:
    """Estimate the syllables in English text: groups of vowels, without a silent final e."""
    total = 0
    for word in text.lower().split():
        groups = len(re.findall(r"[aeiouy]+", word))
        silent = re.search(r"[^aeiouyl]es?$|[^aeiouytd]ed$", word) is not None
        total += max(groups - (silent and groups > 1), 1)
    return total


def active_level_db(x: Samples, rate: int) -> float:
    """Return the active speech level (dBFS) by ITU-T P.56, with thresholds 6 dB apart.

    It is independent of the engine's own implementation, so that it can check that one.
    """
    pole = math.exp(-1 / (rate * 0.03))
    envelope = signal.lfilter([(1 - pole) ** 2], [1, -2 * pole, pole * pole], np.abs(x))
    held = round(0.2 * rate)
    envelope = maximum_filter1d(envelope, held, origin=(held - 1) // 2)
    total, before = float(np.sum(x * x)), (math.inf, 0.0)
    # From below: far above, so few samples are active that the margin grows again.
    for exponent in range(-19, 1):
        active = int(np.sum(envelope >= 2.0**exponent))
        if not active:
            break
        level = 10 * math.log10(total / active)
        margin = level - 20 * math.log10(2.0) * exponent
        if margin < 15.9:
            if not math.isfinite(before[0]):
                return level
            share = (15.9 - before[0]) / (margin - before[0])
            return float(before[1] + share * (level - before[1]))
        before = (margin, level)
    return -100.0


def at_level(x: Samples, rate: int, level_db: float) -> Samples:
    """Return a signal scaled to an active speech level, dBFS."""
    return np.asarray(x * 10 ** ((level_db - active_level_db(x, rate)) / 20))


def pink(n: int, rng: np.random.Generator) -> Samples:
    """Return pink noise of variance 1."""
    spectrum = np.fft.rfft(rng.standard_normal(2 * n))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    x = np.fft.irfft(spectrum)[:n]
    return np.asarray(x / np.sqrt(np.mean(x * x)))


def add_noise(x: Samples, rate: int, noise: Samples, snr_db: float) -> Samples:
    """Return a signal plus noise that is `snr_db` below the active speech level."""
    power = max(float(np.mean(noise * noise)), 1e-12)
    gain = 10 ** ((active_level_db(x, rate) - snr_db) / 20) / math.sqrt(power)
    return np.asarray(x + gain * noise)


def band_pass(
    x: Samples, low_hz: float = 300.0, high_hz: float = 3400.0, order: int = 6
) -> Samples:
    """Return a signal at `TELEPHONE_RATE`, limited to the telephone band."""
    sos = signal.butter(order, [low_hz, high_hz], "band", fs=TELEPHONE_RATE, output="sos")
    return np.asarray(signal.sosfilt(sos, x))


def mu_law(x: Samples) -> Samples:
    """Return a signal after G.711 mu-law coding (8 bits)."""
    coded = np.sign(x) * np.log1p(255 * np.abs(np.clip(x, -1, 1))) / np.log1p(255)
    coded = np.round((coded + 1) / 2 * 255) / 255 * 2 - 1
    return np.asarray(np.sign(coded) * (256 ** np.abs(coded) - 1) / 255)


def telephone(
    x: Samples, rng: np.random.Generator, snr_db: float | None = None, level_db: float = -26.0
) -> Samples:
    """Return a signal after a telephone line: 300-3400 Hz, 8 kHz, mu-law, back to 16 kHz.

    Parameters
    ----------
    x
        [samples] at `SAMPLE_RATE`.
    rng
        Generates the noise.
    snr_db
        Active speech level relative to pink noise in the same band, dB; None adds no noise.
    level_db
        Active speech level on the line, dBFS.
    """
    line = band_pass(soxr.resample(x, SAMPLE_RATE, TELEPHONE_RATE))
    if snr_db is not None:
        line = add_noise(line, TELEPHONE_RATE, band_pass(pink(len(line), rng)), snr_db)
    line = mu_law(at_level(line, TELEPHONE_RATE, level_db))
    return np.asarray(soxr.resample(line, TELEPHONE_RATE, SAMPLE_RATE))


def loudspeaker(x: Samples) -> Samples:
    """Return a signal through a small loudspeaker in a room: 250-2500 Hz, 60 dB less in 0.7 s."""
    decay = np.exp(-6.9 * np.arange(round(0.4 * SAMPLE_RATE)) / (0.7 * SAMPLE_RATE))
    room = decay * np.random.default_rng(1).standard_normal(len(decay)) * 0.15
    room[0] = 1.0
    band = signal.butter(2, [250, 2500], "band", fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(band, signal.fftconvolve(x, room)[: len(x)]))

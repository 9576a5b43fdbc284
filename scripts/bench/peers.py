"""Prosody tools of other projects, for labels and comparison; the product never imports them.

Install them with `pip install -e '.[bench]'`.  The product cannot ship them: openSMILE's licence
forbids it, and Praat is under the GPL.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable

import numpy as np
import opensmile
import parselmouth
from parselmouth.praat import call

from scripts.support.corpora import Samples
from voicecoach.types.stream import SAMPLE_RATE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pysptk imports pkg_resources, which is deprecated
    import pysptk

F0_MIN, F0_MAX = 60.0, 500.0
Track = tuple[Samples, Samples]
"""Times in seconds and F0 in Hz, 0 where unvoiced."""
RAPT_DELAY_S = 0.0075
"""RAPT's frames are this many seconds later than their index times the hop."""


def rapt(x: Samples) -> Track:
    """Return the F0 track of RAPT (Talkin 1995), as implemented in SPTK."""
    full = (x * 32768).astype(np.float32)
    f0 = pysptk.rapt(full, fs=SAMPLE_RATE, hopsize=80, min=F0_MIN, max=F0_MAX, otype="f0")
    return np.asarray(np.arange(len(f0)) * 0.005 + RAPT_DELAY_S, np.float64), np.asarray(
        f0, np.float64
    )


def praat_ac(x: Samples) -> Track:
    """Return the F0 track of Praat's autocorrelation method (Boersma 1993)."""
    sound = parselmouth.Sound(x, SAMPLE_RATE)
    track = sound.to_pitch_ac(time_step=0.005, pitch_floor=F0_MIN, pitch_ceiling=F0_MAX)
    return track.xs(), track.selected_array["frequency"]


def praat_cc(x: Samples) -> Track:
    """Return the F0 track of Praat's cross-correlation method."""
    sound = parselmouth.Sound(x, SAMPLE_RATE)
    track = sound.to_pitch_cc(time_step=0.005, pitch_floor=F0_MIN, pitch_ceiling=F0_MAX)
    return track.xs(), track.selected_array["frequency"]


def egemaps() -> opensmile.Smile:
    """Return an openSMILE extractor for the eGeMAPSv02 descriptors."""
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
    )


def open_smile(x: Samples) -> Track:
    """Return the F0 track of openSMILE's eGeMAPSv02."""
    table = egemaps().process_signal(x.astype(np.float32), SAMPLE_RATE)
    semitones = table["F0semitoneFrom27.5Hz_sma3nz"].to_numpy()
    start = table.index.get_level_values("start").total_seconds().to_numpy()
    return start + 0.03, np.where(semitones > 0, 27.5 * 2 ** (semitones / 12), 0.0)


def sample(track: Track, at_s: Samples) -> Samples:
    """Return a track's F0 at the given times (s): the nearest value, 0 if none is within 10 ms."""
    times, f0 = track
    i = np.clip(np.searchsorted(times, at_s), 1, len(times) - 1)
    i -= at_s - times[i - 1] < times[i] - at_s
    return np.asarray(np.where(np.abs(times[i] - at_s) < 0.01, np.nan_to_num(f0[i]), 0.0))


def aligned(trackers: Iterable[Callable[[Samples], Track]], x: Samples, step_s: float) -> Samples:
    """Bring a clip to a common level; return the F0 by tracker each `step_s`, [trackers, times]."""
    x = np.clip(x / np.sqrt(np.mean(x * x)) * 0.05, -1, 1)
    at = np.asarray(np.arange(int(len(x) / SAMPLE_RATE / step_s)) * step_s, np.float64)
    return np.stack([sample(tracker(x), at) for tracker in trackers])


def intensity_peaks(x: Samples, dip_db: float = 2.0, silence_db: float = 25.0) -> int:
    """Count the syllable nuclei of a clip by intensity peaks (de Jong & Wempe 2009, script v2).

    A nucleus is a voiced peak of the intensity within `silence_db` of the loudest (its 99th
    percentile), with a dip of at least `dip_db` before the next peak.
    """
    sound = parselmouth.Sound(x, SAMPLE_RATE)
    contour = sound.to_intensity(50.0)
    loud = call(contour, "Get quantile", 0, 0, 0.99)
    threshold = max(loud - silence_db, call(contour, "Get minimum", 0, 0, "Parabolic"))
    level, times = contour.values[0], contour.xs()
    inner = level[1:-1]
    is_peak = (inner > level[:-2]) & (inner >= level[2:]) & (inner > threshold)
    peaks = np.flatnonzero(is_peak) + 1
    kept = [a for a, b in itertools.pairwise(peaks) if level[a] - level[a : b + 1].min() > dip_db]
    kept += list(peaks[-1:])
    track = sound.to_pitch_ac(0.02, 30.0, 4, False, 0.03, 0.25, 0.01, 0.35, 0.25, 450.0)
    f0 = [track.get_value_at_time(times[i]) for i in kept]
    return sum(value == value for value in f0)

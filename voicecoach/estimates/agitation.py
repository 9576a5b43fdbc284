"""Estimates agitation from the customer's voice: a small model over streaming functionals.

    z     = (functional - baseline) / standard deviation
    voice = a * (log odds of anger among seven ways of speaking, linear in z) + b

The baseline starts as a population's and becomes the speaker's own.  The standard deviation
combines the speaker's own spread and the uncertainty of their baseline, so that unknown properties
of the voice and the line count for little.  Level is left out, because it depends more on the line
than on the speaker, and so is the variation of pitch, because it depends on the language.

One ONNX file, made by `scripts/train/agitation.py`, holds the model and the population's figures;
`models/README.md` is its model card.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from voicecoach.dsp.functionals import DESCRIPTORS, STATISTICS, Functionals
from voicecoach.errors import ModelError
from voicecoach.estimates.posterior import PosteriorMean
from voicecoach.onnx_model import OnnxModel
from voicecoach.types.stream import F64, FileContents, Immutable

_LEFT_OUT = {"level_dbfs"}
_LEFT_OUT_CELLS = {("f0_semitones", "p80")}
RATE_FEATURES = (
    "rate_syl_s",
    "voiced",
    "voiced_segments_per_s",
    "voiced_length_s",
    "unvoiced_length_s",
)
LOCATION_STATISTICS = ("mean", "p20", "median", "p80")
_CELLS = tuple(
    (descriptor, statistic)
    for descriptor in DESCRIPTORS
    for statistic in LOCATION_STATISTICS
    if descriptor not in _LEFT_OUT and (descriptor, statistic) not in _LEFT_OUT_CELLS
)
LEVEL_FEATURE = "level_dbfs"
FEATURES = (*(f"{descriptor} {statistic}" for descriptor, statistic in _CELLS), *RATE_FEATURES)
"""The inputs of the model, in its order."""
LOW_PITCH_INDICES = np.array(
    [FEATURES.index(f"f0_semitones {statistic}") for statistic in ("p20", "median")]
)
"""Indices of the features of lower pitch, which lively intonation does not raise."""
TRACKED_FEATURES = (*FEATURES, LEVEL_FEATURE)
"""Features that have a baseline: those of the model, and the level, which is only reported."""
_INDEX = np.array([DESCRIPTORS.index(d) * len(STATISTICS) + STATISTICS.index(s) for d, s in _CELLS])
_LEVEL_INDEX = DESCRIPTORS.index(LEVEL_FEATURE) * len(STATISTICS) + STATISTICS.index("median")

MAX_ABS_Z = 4.0
"""Bound of |z|."""


def voice_features(window: Functionals) -> F64:
    """Return the `TRACKED_FEATURES` of a window; NaN if there is too little speech for one."""
    statistics = window.statistics.reshape(-1)
    rates = [getattr(window, name) for name in RATE_FEATURES]
    return np.concatenate([statistics[_INDEX], rates, statistics[[_LEVEL_INDEX]]])


class Aspect(NamedTuple):
    """A group of features that a listener hears as one quality."""

    name: str
    """An adjective of the voice, relative to the baseline."""
    indices: NDArray[np.intp]


def _aspect(name: str, *prefixes: str) -> Aspect:
    return Aspect(name, np.flatnonzero([f.startswith(prefixes) for f in FEATURES]))


ASPECTS = (
    _aspect("higher", "f0"),
    _aspect("sharper", "alpha", "hammarberg", "centroid", "slope", "cepstrum", "flux"),
    _aspect("rougher", "hnr", "jitter", "shimmer"),
    _aspect("more driven", *RATE_FEATURES),
)


_ASPECT_MASKS = np.ones((1 + len(ASPECTS), len(FEATURES)))
_ASPECT_MASKS[1:] -= [np.isin(np.arange(len(FEATURES)), aspect.indices) for aspect in ASPECTS]
"""Masks of features, one per row: all features, then all except those of each aspect."""


class Population(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a population speaks when calm: values for `TRACKED_FEATURES`, in each one's unit."""

    mean: tuple[float, ...]
    between: tuple[float, ...]
    """Standard deviation between the means of speakers, each on their line; 0 if unbounded."""
    within: tuple[float, ...]
    """Standard deviation between the windows of one speaker."""


class VoiceBaseline(PosteriorMean):
    """A speaker's own baseline of `TRACKED_FEATURES`.

    Parameters
    ----------
    population
        The baseline before any speech.
    """

    SETTLED_S = 10.0
    """Seconds of speech after which a window is about independent of an earlier one."""
    SPREAD_S = 4.0
    """Seconds of speech that the population's spread counts for."""
    MEMORY_S = 600.0
    """Seconds of speech after which old speech is forgotten."""

    def __init__(self, population: Population) -> None:
        mean, between, within = map(np.array, msgspec.structs.astuple(population))
        bounded = between > 0.0
        worth_s = self.SETTLED_S * (within / np.where(bounded, between, 1.0)) ** 2
        super().__init__(
            mean,
            within,
            np.where(bounded, worth_s, 1e-6),
            independent_after_s=self.SETTLED_S,
            memory_s=self.MEMORY_S,
            spread_worth_s=self.SPREAD_S,
        )

    @property
    def own_share(self) -> float:
        """The share of the baseline that is the speaker's own, 0..1: the mean over features."""
        own = self.learnt_s[: len(FEATURES)]
        return float(np.add.reduce(own / (own + self.worth_s[: len(FEATURES)]))) / len(FEATURES)

    def z_scores(self, x: F64) -> F64:
        """Return `FEATURES` relative to the baseline, in standard deviations.

        Parameters
        ----------
        x
            [len(TRACKED_FEATURES)], NaN if unknown.

        Returns
        -------
        z
            [len(FEATURES)], -`MAX_ABS_Z`..`MAX_ABS_Z`, 0 if unknown.
        """
        z = ((x - self.mean) / self.deviation)[: len(FEATURES)]
        return np.minimum(np.maximum(np.where(z == z, z, 0.0), -MAX_ABS_Z), MAX_ABS_Z)


class AgitationModel(Immutable):
    """The model file, run by onnxruntime.

    Parameters
    ----------
    file
        The ONNX file.

    Raises
    ------
    ModelError
        If it is not an agitation model, or one for other features.
    """

    def __init__(self, file: FileContents) -> None:
        self._session = OnnxModel(file, "agitation")
        facts = self._session.metadata
        try:
            self.population = msgspec.json.decode(facts["population"], type=Population)
            names = msgspec.json.decode(facts["features"], type=list[str])
        except (KeyError, msgspec.DecodeError) as e:
            raise ModelError(f"{file.name}: not a usable agitation model: {e}") from e
        if tuple(names) != FEATURES:
            raise ModelError(f"{file.name}: made for other features; install voicecoach again")

    def log_odds(self, z: F64) -> F64:
        """Return the log odds of agitation, [n], for z scores [n, len(FEATURES)]."""
        out = self._session.run(None, {"z": z.astype(np.float32)})[0]
        return np.asarray(out, np.float64)

    def explain(self, z: F64) -> tuple[float, tuple[float, ...]]:
        """Return the log odds for z scores [len(FEATURES)], and how much each of `ASPECTS` adds.

        An aspect adds the difference to the log odds with its features at the baseline.
        """
        odds = self.log_odds(z * _ASPECT_MASKS).tolist()
        return odds[0], tuple(odds[0] - other for other in odds[1:])


def sigmoid(log_odds: float) -> float:
    """Return the probability of log odds."""
    return 1.0 / (1.0 + math.exp(-log_odds))

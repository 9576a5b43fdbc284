"""Estimates agitation from the customer's voice: a small model over streaming functionals.

    z     = (functional - the speaker's usual) / how far such a functional strays from it
    voice = a * (log odds of anger among seven ways of speaking, linear in z) + b

The usual starts as a population's and becomes the speaker's own; how far a functional strays is
the speaker's own spread and the doubt about their usual, so that what is not known yet (whose
voice, which line) counts for little.  Level is not among the functionals: it says more of the
line than of the speaker.  Neither is the variation of pitch, which goes with the language.

The model and the population's figures are one ONNX file, which `scripts/train/agitation.py`
makes; `models/README.md` is its card.
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
"""What the model sees, in its order."""
LOW_PITCH_INDICES = np.array(
    [FEATURES.index(f"f0_semitones {statistic}") for statistic in ("p20", "median")]
)
"""The features of the lower half of the pitch, which lively intonation leaves alone."""
TRACKED_FEATURES = (*FEATURES, LEVEL_FEATURE)
"""What a usual is kept of: the features, and the level for those who want to know."""
_INDEX = np.array([DESCRIPTORS.index(d) * len(STATISTICS) + STATISTICS.index(s) for d, s in _CELLS])
_LEVEL_INDEX = DESCRIPTORS.index(LEVEL_FEATURE) * len(STATISTICS) + STATISTICS.index("median")

MAX_ABS_Z = 4.0
"""Largest |z| that counts."""


def voice_features(window: Functionals) -> F64:
    """Return what is `KNOWN` of a window, NaN where there is too little of it."""
    statistics = window.statistics.reshape(-1)
    rates = [getattr(window, name) for name in RATE_FEATURES]
    return np.concatenate([statistics[_INDEX], rates, statistics[[_LEVEL_INDEX]]])


class Aspect(NamedTuple):
    """Features that are one thing to a listener."""

    name: str
    """As an adjective of the voice, compared to usual."""
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
"""Rows to multiply features with: all of them, then all but those of each aspect."""


class Population(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a population speaks when calm: each a list over `KNOWN`, in the functional's unit."""

    mean: tuple[float, ...]
    between: tuple[float, ...]
    """Standard deviation of the means of speakers on their lines; 0 where it has no bounds."""
    within: tuple[float, ...]
    """Standard deviation of windows within a speaker."""


class VoiceBaseline(PosteriorMean):
    """A speaker's own baseline of `TRACKED_FEATURES`.

    Parameters
    ----------
    population
        What it starts as.
    """

    SETTLED_S = 10.0
    """Seconds of speech after which a speaker's manner is about independent of an earlier one."""
    SPREAD_S = 4.0
    """Seconds of speech that the population's spread is worth."""
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
        """Return what share of the baseline is the speaker's own, 0..1: the mean over features."""
        own = self.learnt_s[: len(FEATURES)]
        return float(np.add.reduce(own / (own + self.worth_s[: len(FEATURES)]))) / len(FEATURES)

    def z_scores(self, x: F64) -> F64:
        """Return features [KNOWN] against the baseline, in deviations; 0 where unknown."""
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
        Where it is no such model, or one for other features.
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
        """Return the log odds of agitation, [n], by features against the usual, [n, FEATURES]."""
        out = self._session.run(None, {"z": z.astype(np.float32)})[0]
        return np.asarray(out, np.float64)

    def explain(self, z: F64) -> tuple[float, tuple[float, ...]]:
        """Return the log odds by [FEATURES], and what each of `ASPECTS` adds to them.

        What an aspect adds is what would be missing were it as usual.
        """
        odds = self.log_odds(z * _ASPECT_MASKS).tolist()
        return odds[0], tuple(odds[0] - other for other in odds[1:])


def sigmoid(log_odds: float) -> float:
    """Return the probability of log odds."""
    return 1.0 / (1.0 + math.exp(-log_odds))

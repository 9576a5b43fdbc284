"""The customer's agitation: a first estimate from prosody against the speaker's own usual.

    x         = sum of WEIGHTS[k] * z[k], where z[k] is the functional against the speaker's own
                usual, in the speaker's own spread, kept within -LIMIT..LIMIT
    agitation = CALM + confidence * (sigmoid(BIAS + x) - CALM)

Anger raises the weight of high frequencies, pitch and level, and makes the voice rougher
(Scherer 2003, "Vocal communication of emotion: a review of research paradigms", Speech
Communication 40, table 2).  The weights are set by hand in the order of how well each functional
alone separates angry from other clips of EMO-DB over a telephone line; level has least, since a
hand on the receiver moves it too.  With no usual yet, confidence is low and the estimate stays
near `CALM`.

What is learnt as usual counts for less the more agitated it sounds, so that anger does not
become the new normal.  The agent's channel never comes here.
"""

from __future__ import annotations

import math

from voicecoach import config
from voicecoach.dsp.functionals import Baseline, Functionals, Prior
from voicecoach.types import Speaker, Tone

CALM = 0.2
"""The estimate when nothing is known: most customers are calm most of the time."""
BIAS = -2.0
"""As usual, with full confidence, gives 0.12."""
LIMIT = 3.0
"""Largest |z| that counts."""
PRIORS = {
    "alpha_ratio_db": Prior(within=3.2, mean=-11.0, between=4.0),
    "f0_semitones": Prior(within=2.8, mean=29.1, between=4.8),
    "hnr_db": Prior(within=1.6, mean=7.7, between=2.1),
    "level_dbfs": Prior(within=4.0),
}
"""Of a window of calm speech, by functional, in its own unit.  Means, and spread between speakers,
are those of `scripts/population.py`; within a speaker, conversation spreads wider than the read
speech that is measured there."""
WEIGHTS = {"alpha_ratio_db": 0.9, "f0_semitones": 0.6, "hnr_db": -0.5, "level_dbfs": 0.3}
MIN_SPEECH_S = 1.5
"""Seconds of speech in the window for full confidence: a loud "oh!" is no mood."""


class ToneEstimator:
    """One customer, one stream."""

    def __init__(self, settings: config.Tone) -> None:
        self._half = settings.baseline_s
        self._baseline = Baseline(PRIORS)
        self.newest: Tone | None = None
        """The last estimate, held in pauses."""

    def update(self, at: int, window: Functionals) -> Tone:
        """Take the newest window of speech and return the estimate."""
        against = {name: self._baseline.against(window, name) for name in WEIGHTS}
        known = {name: value for name, value in against.items() if value == value}
        seconds = self._baseline.seconds
        enough = min(1.0, window.speech_s / MIN_SPEECH_S) if known else 0.0
        confidence = enough * seconds / (seconds + self._half)
        x = BIAS + sum(
            WEIGHTS[name] * min(LIMIT, max(-LIMIT, value / self._baseline.spread(name)))
            for name, value in known.items()
        )
        agitation = CALM + confidence * (1.0 / (1.0 + math.exp(-x)) - CALM)
        self._baseline.hear(window, max(0.0, 1.0 - 2.0 * max(0.0, agitation - CALM)))
        self.newest = Tone(
            at=at,
            speaker=Speaker.CUSTOMER,
            start=window.start,
            end=window.end,
            agitation=agitation,
            confidence=confidence,
            evidence={name.replace("dbfs", "db"): value for name, value in known.items()},
        )
        return self.newest

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
from voicecoach.dsp.functionals import Baseline, Functionals
from voicecoach.types import SAMPLE_RATE, Speaker, Tone

CALM = 0.2
"""The estimate when nothing is known: most customers are calm most of the time."""
BIAS = -2.0
"""As usual, with full confidence, gives 0.12."""
LIMIT = 3.0
"""Largest |z| that counts."""
SPREAD = {"alpha_db": 3.2, "f0_semitones": 2.8, "hnr_db": 1.6, "level_db": 4.0}
"""Standard deviation of a window within a calm speaker, by functional, in its own unit."""
WEIGHTS = {"alpha_db": 0.9, "f0_semitones": 0.6, "hnr_db": -0.5, "level_db": 0.3}
MIN_SPEECH_S = 1.5
"""Seconds of speech in the window for full confidence: a loud "oh!" is no mood."""


class ToneEstimator:
    """One customer, one stream."""

    def __init__(self, settings: config.Tone) -> None:
        self._half = settings.baseline_s
        self._baseline = Baseline(SPREAD)
        self._speech_end = 0
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
        heard = max(0, window.end - max(self._speech_end, window.start)) / SAMPLE_RATE
        self._baseline.learn(window, heard * max(0.0, 1.0 - 2.0 * max(0.0, agitation - CALM)))
        self._speech_end = max(self._speech_end, window.end)
        self.newest = Tone(
            at=at,
            speaker=Speaker.CUSTOMER,
            start=window.start,
            end=window.end,
            agitation=agitation,
            confidence=confidence,
            evidence=known,
        )
        return self.newest

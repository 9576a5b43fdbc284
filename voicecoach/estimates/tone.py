"""Estimates the customer's agitation as the sum of log odds from voice, words and interaction.

    log odds  = voice + words + interaction
    agitation = 1 / (1 + exp(-log odds))

Each part is bounded.  Voice comes from `agitation.AgitationModel` relative to the speaker's
baseline, reduced if the pitch is not high or little is known of the speaker; words come from
`wording`, interaction from `interaction`.  The voice's part changes only with speech, so it does
not decay in a pause.

A sharp voice alone is often due to the room, the line or reading aloud, while an angry voice is
also higher (Banse & Scherer 1996, "Acoustic profiles in vocal emotion expression", J. Pers.
Soc. Psychol. 70(3)).  So pitch limits what the model finds, most strictly when an alert is near.

The more agitated the voice sounds, the less it counts for the baseline, and at the alert level it
counts for little: anger does not become the baseline, but a line that makes everybody sound sharp
does in time.  The agent's channel is never used here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from voicecoach import config
from voicecoach.dsp.functionals import Functionals, SpeechWindow
from voicecoach.dsp.prosody import GROUP_HOPS
from voicecoach.estimates.agitation import (
    ASPECTS,
    LEVEL_FEATURE,
    LOW_PITCH_INDICES,
    TRACKED_FEATURES,
    AgitationModel,
    VoiceBaseline,
    sigmoid,
    voice_features,
)
from voicecoach.types.events import Evidence, Tone
from voicecoach.types.stream import F64, HOP, SAMPLE_RATE, Speaker

ALERT_LEVEL = 0.7
"""Agitation, 0..1, from which a speaker counts as agitated."""
START_LOG_ODDS = -2.2
"""Log odds before any speech: most customers are calm most of the time."""
MIN_LOG_ODDS, MAX_LOG_ODDS = -8.0, 4.0
"""Bounds of the voice's log odds."""
TONE_SMOOTH_S = 0.2
"""Seconds of speech after which the voice's part has moved by 63 %."""
MIN_RATE_S = 1.0
"""Seconds of speech in a window needed for an articulation rate."""
FULL_WINDOW_S = 1.0
"""Seconds of speech from which a window has full weight."""
MAX_NEW_SAMPLES = GROUP_HOPS * HOP
"""Most samples of a window that count as new speech: a longer distance includes a pause."""
NEAR_ALERT = 0.5
"""Log odds from which an alert is near, and the strict guard applies."""
LENIENT_WEIGHT = 0.1
"""Weight of the lenient guard's log odds above `NEAR_ALERT` if the strict guard's are lower."""
AGITATED_LEARN_WEIGHT = 0.1
"""Weight of agitated speech in learning the baseline."""
POPULATION_CONFIDENCE = 0.4
"""Confidence, 0..1, while only the population's baseline is known."""
MIN_EVIDENCE_ODDS = 0.5
"""Least log odds of evidence that is reported."""
MAX_EVIDENCE = 4
"""Most pieces of evidence that are reported."""

_TONE_SIGNALS = {
    name: TRACKED_FEATURES.index(feature)
    for name, feature in {
        "f0_semitones": "f0_semitones median",
        "alpha_ratio_db": "alpha_ratio_db median",
        "hnr_db": "hnr_db median",
        "rate_syl_s": "rate_syl_s",
        "level_db": LEVEL_FEATURE,
    }.items()
}
"""Reported differences from the baseline, and the index of each one's feature."""
_NOT_PITCH = tuple(float(not set(LOW_PITCH_INDICES) & set(aspect.indices)) for aspect in ASPECTS)


def voice_window(settings: config.ToneConfig) -> SpeechWindow:
    """Return the window of speech that the voice's part is estimated from."""
    return SpeechWindow(settings.window_s, math.inf, MIN_RATE_S, settings.pause_s)


class Guard(NamedTuple):
    """Limits the voice's log odds if pitch is not high or the speaker is not well known."""

    pitch: float
    """Pitch above the baseline, in standard deviations, from which nothing is subtracted."""
    low: float
    """Log odds subtracted per standard deviation below `pitch`."""
    unknown: float
    """Log odds subtracted while nothing of the baseline is the speaker's own."""

    def penalty(self, pitch: float, known: float) -> float:
        """Return the log odds to subtract; the parameters are those of `apply_guards`."""
        return self.low * max(0.0, self.pitch - pitch) + self.unknown * (1.0 - known)


LENIENT_GUARD = Guard(pitch=0.5, low=2.0, unknown=2.0)
STRICT_GUARD = Guard(pitch=1.3, low=4.0, unknown=3.0)


def apply_guards(log_odds: float, pitch: float, known: float) -> float:
    """Return the voice's log odds, reduced for low pitch and an unknown speaker.

    Parameters
    ----------
    log_odds
        From the model.
    pitch
        Relative to the baseline, in standard deviations.
    known
        Share of the baseline that is the speaker's own, 0..1.

    Returns
    -------
    log_odds
        `MIN_LOG_ODDS` to `MAX_LOG_ODDS`; never falls as any of the three rises.
    """
    lenient = log_odds - LENIENT_GUARD.penalty(pitch, known)
    if lenient > NEAR_ALERT:
        strict = min(lenient, log_odds - STRICT_GUARD.penalty(pitch, known))
        lenient = max(strict, NEAR_ALERT + LENIENT_WEIGHT * (lenient - NEAR_ALERT))
    return min(MAX_LOG_ODDS, max(MIN_LOG_ODDS, lenient))


class ToneEstimator:
    """Estimates the tone of one customer in one call."""

    def __init__(self, model: AgitationModel) -> None:
        self._model = model
        self._voice_baseline = VoiceBaseline(model.population)
        self._voice = START_LOG_ODDS
        self._confidence = 0.0
        self._aspects = [0.0] * len(ASPECTS)
        self._signals: dict[str, float] = {}
        self._heard_to = 0
        self._others = 0.0
        self.newest: Tone | None = None
        """The last estimate, held in pauses."""

    def estimate_tone(self, at: int, window: Functionals, others: Sequence[Evidence] = ()) -> Tone:
        """Return the estimate for the newest window of speech and the other evidence at `at`."""
        x = voice_features(window)
        enough = min(1.0, window.speech_s / FULL_WINDOW_S)
        new = min(MAX_NEW_SAMPLES, max(0, window.end - max(self._heard_to, window.start)))
        self._heard_to = max(self._heard_to, window.end)
        new_s = enough * new / SAMPLE_RATE
        share = 1.0 - math.exp(-new_s / TONE_SMOOTH_S)
        z, known = self._voice_baseline.z_scores(x), self._voice_baseline.own_share
        odds, added = self._model.explain(z)
        pitch = float(z[LOW_PITCH_INDICES].mean())
        log_odds = apply_guards(odds, pitch, known)
        # How much each aspect adds: the difference if it were at the baseline.
        contributions = [
            log_odds - apply_guards(odds - more, pitch * other, known)
            for more, other in zip(added, _NOT_PITCH, strict=True)
        ]
        self._voice += (log_odds - self._voice) * share
        self._confidence += (
            POPULATION_CONFIDENCE + (1.0 - POPULATION_CONFIDENCE) * known - self._confidence
        ) * share
        self._aspects = [
            held + (now - held) * share
            for held, now in zip(self._aspects, contributions, strict=True)
        ]
        self._signals = self._baseline_differences(x)
        # By the voice alone: the agent's behaviour must not change the customer's baseline.
        self._voice_baseline.learn(
            x, new_s * max(AGITATED_LEARN_WEIGHT, 1.0 - sigmoid(self._voice) / ALERT_LEVEL)
        )
        return self._make_tone(at, window.start, window.end, others)

    def reconsider(self, at: int, others: Sequence[Evidence]) -> Tone | None:
        """Return a new estimate in a pause if evidence other than the voice has grown; else None.

        It must have grown by `MIN_EVIDENCE_ODDS`.
        """
        held = self.newest
        if held is None or sum(e.weight for e in others) < self._others + MIN_EVIDENCE_ODDS:
            return None
        return self._make_tone(at, held.start, held.end, others)

    def _make_tone(self, at: int, start: int, end: int, others: Sequence[Evidence]) -> Tone:
        self._others = sum(e.weight for e in others)
        # A voice that is calm overall gives no evidence.
        voice = [
            Evidence(weight, f"voice {aspect.name} than usual")
            for aspect, weight in zip(ASPECTS, self._aspects, strict=True)
            if self._voice > START_LOG_ODDS
        ]
        strongest = sorted((*voice, *others), reverse=True)
        self.newest = Tone(
            at=at,
            speaker=Speaker.CUSTOMER,
            start=start,
            end=end,
            agitation=sigmoid(self._voice + self._others),
            confidence=self._confidence,
            evidence=tuple(
                e.text for e in strongest[:MAX_EVIDENCE] if e.weight >= MIN_EVIDENCE_ODDS
            ),
            signals=self._signals,
        )
        return self.newest

    def _baseline_differences(self, x: F64) -> dict[str, float]:
        off = x - self._voice_baseline.mean
        values = {name: float(off[i]) for name, i in _TONE_SIGNALS.items()}
        return {name: value for name, value in values.items() if value == value}

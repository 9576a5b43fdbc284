"""The customer's agitation: voice, words and interaction, each bounded, added as log odds.

    log odds  = voice + words + interaction
    agitation = 1 / (1 + exp(-log odds))

Voice is `agitation.AgitationModel` against the speaker's own usual, less what pitch lacks and less
while little is known of the speaker (`guarded`); words are `wording.Wording`; interaction is
`interaction.Interaction`.  Nothing decays in a pause: speech moves the voice's part, and what is
said or done moves the rest.

A sharp voice alone is often the room, the line or a way of reading aloud, and an angry one is a
higher one, too (Banse & Scherer 1996, "Acoustic profiles in vocal emotion expression", J. Pers.
Soc. Psychol. 70(3)): so pitch has a say over what the model finds, and the last word where an alert
is near.

What is learnt as usual counts for less the more agitated the voice seems, and for little at the
alert level: anger does not become the new normal, and yet a line that makes everybody sound sharp
does in time.  The agent's channel never comes here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from voicecoach import config
from voicecoach.dsp.functionals import Functionals, SpeechWindow
from voicecoach.dsp.prosody import GROUP
from voicecoach.estimates.agitation import (
    ASPECTS,
    KNOWN,
    LEVEL,
    PITCH,
    AgitationModel,
    VoiceBaseline,
    features,
    probability,
)
from voicecoach.types import F64, HOP, SAMPLE_RATE, Evidence, Speaker, Tone

ALERT = 0.7
"""Agitation from which a speaker counts as agitated."""
START = -2.2
"""Log odds when nobody has spoken: most customers are calm most of the time."""
LEAST, MOST = -8.0, 4.0
"""Bounds of the voice's log odds."""
SMOOTH_S = 0.2
"""Seconds of speech after which the voice's part has moved by 63 %."""
MIN_RATE_S = 1.0
"""Seconds of speech in a window for a rate of syllables."""
ENOUGH_S = 1.0
"""Seconds of speech in a window that are worth the whole of it."""
NEWEST = GROUP * HOP
"""Most that is new in a window, samples: what lies further apart is a pause."""
NEAR = 0.5
"""Log odds from which an alert is near, and the stricter guard counts."""
UNSURE = 0.1
"""What the lenient guard's odds count above that where the stricter one's are lower."""
FLOOR = 0.1
"""What agitated speech counts for in learning the usual."""
FOREIGN = 0.4
"""Confidence against a population's usual, where nothing is known of the speaker's own."""
TELLING = 0.5
"""Log odds from which something is evidence worth telling."""
MOST_TOLD = 4

_SIGNALS = {
    name: KNOWN.index(feature)
    for name, feature in {
        "f0_semitones": "f0_semitones median",
        "alpha_ratio_db": "alpha_ratio_db median",
        "hnr_db": "hnr_db median",
        "rate_syl_s": "rate_syl_s",
        "level_db": LEVEL,
    }.items()
}
"""What is told of a window against the usual, and where the feature that it is stands."""
_NOT_PITCH = tuple(float(not set(PITCH) & set(aspect.indices)) for aspect in ASPECTS)


def voice_window(settings: config.Tone) -> SpeechWindow:
    """Return the window of speech that the voice's part is estimated from."""
    return SpeechWindow(settings.window_s, math.inf, MIN_RATE_S, settings.pause_s, course=False)


class Guard(NamedTuple):
    """What is taken off the voice's log odds."""

    pitch: float
    """Standard deviations above the usual from which pitch is high enough."""
    low: float
    """For each standard deviation that it lacks."""
    unknown: float
    """Where nothing of the usual is the speaker's own yet."""

    def less(self, pitch: float, known: float) -> float:
        """Return it for a pitch against the usual and the share of it that is known."""
        return self.low * max(0.0, self.pitch - pitch) + self.unknown * (1.0 - known)


LENIENT = Guard(pitch=0.5, low=2.0, unknown=2.0)
STRICT = Guard(pitch=1.3, low=4.0, unknown=3.0)


def guarded(log_odds: float, pitch: float, known: float) -> float:
    """Return the voice's log odds less what pitch lacks and what is not known of the speaker.

    Parameters
    ----------
    log_odds
        By the model.
    pitch
        Against the usual, in standard deviations.
    known
        Share of the usual that is the speaker's own, 0..1.

    Returns
    -------
    log_odds
        `LEAST` to `MOST`; never falls as any of the three rises.
    """
    lenient = log_odds - LENIENT.less(pitch, known)
    if lenient > NEAR:
        strict = min(lenient, log_odds - STRICT.less(pitch, known))
        lenient = max(strict, NEAR + UNSURE * (lenient - NEAR))
    return min(MOST, max(LEAST, lenient))


class ToneEstimator:
    """One customer, one stream."""

    def __init__(self, model: AgitationModel) -> None:
        self._model = model
        self._usual = VoiceBaseline(model.population)
        self._voice = START
        self._confidence = 0.0
        self._aspects = [0.0] * len(ASPECTS)
        self._signals: dict[str, float] = {}
        self._heard_to = 0
        self._others = 0.0
        self.newest: Tone | None = None
        """The last estimate, held in pauses."""

    def update(self, at: int, window: Functionals, others: Sequence[Evidence] = ()) -> Tone:
        """Take the newest window of speech and what else there is, and return the estimate."""
        x = features(window)
        enough = min(1.0, window.speech_s / ENOUGH_S)
        new = min(NEWEST, max(0, window.end - max(self._heard_to, window.start)))
        self._heard_to = max(self._heard_to, window.end)
        new_s = enough * new / SAMPLE_RATE
        share = 1.0 - math.exp(-new_s / SMOOTH_S)
        z, known = self._usual.against(x), self._usual.known
        odds, added = self._model.explain(z)
        pitch = float(z[PITCH].mean())
        log_odds = guarded(odds, pitch, known)
        # What would be missing of it were an aspect as usual.
        missing = [
            log_odds - guarded(odds - more, pitch * other, known)
            for more, other in zip(added, _NOT_PITCH, strict=True)
        ]
        self._voice += (log_odds - self._voice) * share
        self._confidence += (FOREIGN + (1.0 - FOREIGN) * known - self._confidence) * share
        self._aspects = [
            held + (now - held) * share for held, now in zip(self._aspects, missing, strict=True)
        ]
        self._signals = self._against(x)
        # By the voice alone: what the agent does has no say in what the customer's usual is.
        self._usual.learn(x, new_s * max(FLOOR, 1.0 - probability(self._voice) / ALERT))
        return self._tone(at, window.start, window.end, others)

    def reconsider(self, at: int, others: Sequence[Evidence]) -> Tone | None:
        """Return the estimate anew where there is more evidence beside the voice than before."""
        held = self.newest
        if held is None or sum(e.weight for e in others) < self._others + TELLING:
            return None
        return self._tone(at, held.start, held.end, others)

    def _tone(self, at: int, start: int, end: int, others: Sequence[Evidence]) -> Tone:
        self._others = sum(e.weight for e in others)
        # Where the voice is held to be calm after all, it is no evidence.
        voice = [
            Evidence(weight, f"voice {aspect.name} than usual")
            for aspect, weight in zip(ASPECTS, self._aspects, strict=True)
            if self._voice > START
        ]
        told = sorted((*voice, *others), reverse=True)
        self.newest = Tone(
            at=at,
            speaker=Speaker.CUSTOMER,
            start=start,
            end=end,
            agitation=probability(self._voice + self._others),
            confidence=self._confidence,
            evidence=tuple(e.text for e in told[:MOST_TOLD] if e.weight >= TELLING),
            signals=self._signals,
        )
        return self.newest

    def _against(self, x: F64) -> dict[str, float]:
        off = x - self._usual.mean
        values = {name: float(off[i]) for name, i in _SIGNALS.items()}
        return {name: value for name, value in values.items() if value == value}

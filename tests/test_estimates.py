"""The customer's tone."""

from dataclasses import dataclass

import numpy as np
import pytest

from voicecoach import config
from voicecoach.dsp.functionals import DESCRIPTORS, STATISTICS, Functionals
from voicecoach.tone import CALM, ToneEstimator
from voicecoach.types import SAMPLE_RATE, Speaker, Tone

NAN = float("nan")
STEP = SAMPLE_RATE // 8


@dataclass
class Voice:
    """A way of speaking, to be heard for some time."""

    level: float = -25.0
    f0: float = 30.0
    alpha: float = -8.0
    hnr: float = 12.0
    rate: float = 4.5

    def window(self, at: int, speech_s: float = 3.0) -> Functionals:
        statistics = np.full((len(DESCRIPTORS), len(STATISTICS)), NAN)
        for name, value in (
            ("f0_semitones", self.f0),
            ("level_dbfs", self.level),
            ("alpha_ratio_db", self.alpha),
            ("hnr_db", self.hnr),
        ):
            statistics[DESCRIPTORS.index(name), STATISTICS.index("median")] = value
        start = at - round(speech_s * SAMPLE_RATE)
        return Functionals(start, at, speech_s, 0.7, self.rate, statistics=statistics)


CALM_VOICE = Voice()
ANGRY = Voice(level=-19.0, f0=35.0, alpha=-2.0, hnr=9.0)


def talk(estimator: ToneEstimator, voice: Voice, s: float, at: int = 0) -> tuple[Tone, int]:
    for _ in range(round(s * 8)):
        at += STEP
        tone = estimator.update(at, voice.window(at))
    return tone, at


def estimator() -> ToneEstimator:
    return ToneEstimator(config.Tone())


def test_nothing_known_is_the_population_prior_with_no_confidence() -> None:
    tone = estimator().update(STEP, Voice(*[NAN] * 5).window(STEP, 0.1))
    assert (tone.agitation, tone.confidence, tone.evidence) == (CALM, 0.0, {})


def test_as_usual_is_calm_and_confidence_grows_with_speech() -> None:
    e = estimator()
    early, at = talk(e, CALM_VOICE, 1.0)
    late, _ = talk(e, CALM_VOICE, 30.0, at)
    assert early.confidence < 0.3 < 0.7 < late.confidence
    assert late.agitation < CALM


def test_an_angry_voice_is_agitation_with_its_evidence() -> None:
    e = estimator()
    _, at = talk(e, CALM_VOICE, 20.0)
    tone, _ = talk(e, ANGRY, 2.0, at)
    assert tone.agitation > 0.7
    assert tone.evidence["level_db"] > 4
    assert tone.evidence["f0_semitones"] > 3
    assert tone.speaker is Speaker.CUSTOMER


def test_anger_does_not_become_the_new_normal() -> None:
    e = estimator()
    _, at = talk(e, CALM_VOICE, 20.0)
    tone, at = talk(e, ANGRY, 60.0, at)
    assert tone.agitation > 0.55
    tone, _ = talk(e, CALM_VOICE, 3.0, at)
    assert tone.agitation < 0.2


@pytest.mark.parametrize("gain", [-20.0, 15.0])
def test_a_line_that_is_louder_from_the_start_changes_nothing(gain: float) -> None:
    plain, louder = estimator(), estimator()
    for voice in (CALM_VOICE, ANGRY):
        shifted = Voice(voice.level + gain, voice.f0, voice.alpha, voice.hnr)
        (a, _), (b, _) = talk(plain, voice, 5.0), talk(louder, shifted, 5.0)
        assert a.agitation == pytest.approx(b.agitation)


def test_a_shout_of_a_moment_is_no_mood() -> None:
    e = estimator()
    _, at = talk(e, CALM_VOICE, 20.0)
    tone = e.update(at + STEP, ANGRY.window(at + STEP, speech_s=0.3))
    assert tone.confidence < 0.3

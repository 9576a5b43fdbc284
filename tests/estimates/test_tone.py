"""The customer's tone."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import signal

from scripts.staging import voices
from tests.dsp.test_functionals import frames
from voicecoach import config
from voicecoach.audio.vad import SileroVad
from voicecoach.dsp.functionals import DESCRIPTORS, STATISTICS, Functionals, descriptor_columns
from voicecoach.estimates.agitation import (
    ASPECTS,
    FEATURES,
    RATE_FEATURES,
    TRACKED_FEATURES,
    AgitationModel,
    VoiceBaseline,
    sigmoid,
)
from voicecoach.estimates.tone import (
    ALERT_LEVEL,
    MAX_EVIDENCE,
    MAX_LOG_ODDS,
    MIN_EVIDENCE_ODDS,
    MIN_LOG_ODDS,
    START_LOG_ODDS,
    ToneEstimator,
    apply_guards,
    voice_window,
)
from voicecoach.language.wording import WordingModel
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import (
    SAMPLE_CALL,
    agitation_model,
    resource,
    vad_model,
    wording_model,
)
from voicecoach.testing import (
    ScriptedVad,
    cut_blocks,
    make_engine,
    silence,
    stereo,
    white_noise,
    whole_hops,
)
from voicecoach.types.events import (
    Event,
    Evidence,
    SpeechEnded,
    SpeechStarted,
    Tone,
    TranscribeRequest,
    Utterance,
)
from voicecoach.types.stream import F32, F64, HOP, SAMPLE_RATE, TICK, HeardWord, Speaker

NAN = float("nan")
STEP = TICK * HOP
C = Speaker.CUSTOMER
MODEL = AgitationModel(agitation_model())
WORDING = WordingModel(wording_model())
CALM = np.array(MODEL.population.mean)
WITHIN = np.array(MODEL.population.within)


def logit(p: float) -> float:
    return math.log(p / (1 - p))


# --- ways of speaking ---------------------------------------------------------------------


def window(x: F64, at: int, speech_s: float = 2.0) -> Functionals:
    """Return the window whose features are `x`, [KNOWN]."""
    statistics = np.full((len(DESCRIPTORS), len(STATISTICS)), NAN)
    rates = {}
    for name, value in zip(TRACKED_FEATURES, x.tolist(), strict=True):
        descriptor, _, statistic = name.partition(" ")
        if name in RATE_FEATURES:
            rates[name] = value
        else:
            place = DESCRIPTORS.index(descriptor), STATISTICS.index(statistic or "median")
            statistics[place] = value
    start = at - round(speech_s * SAMPLE_RATE)
    return Functionals(start, at, speech_s, statistics=statistics, **rates)


def towards_anger() -> F64:
    """Return for each of `KNOWN` -1, 0 or 1: the way that the model takes for agitation."""
    way = np.zeros(len(FEATURES))
    for i in range(len(way)):
        tried = []
        for step in (-1.0, 0.0, 1.0):
            way[i] = step
            tried.append((MODEL.explain(way)[0], step))
        way[i] = max(tried)[1]
    return np.append(way, 0.0)


WAY = towards_anger()
ANGRY = CALM + WAY * WITHIN


def talk(
    estimator: ToneEstimator,
    x: F64,
    s: float,
    at: int = 0,
    others: Sequence[Evidence] = (),
    restless: float = 0.5,
) -> tuple[list[Tone], int]:
    """Let somebody speak in a way for some seconds; return the estimates and the time."""
    rng = np.random.default_rng(at)
    tones = []
    for _ in range(round(s * SAMPLE_RATE / STEP)):
        at += STEP
        heard = x + restless * WITHIN * rng.standard_normal(len(TRACKED_FEATURES))
        tones.append(estimator.estimate_tone(at, window(heard, at), others))
    return tones, at


def mean(tones: Iterable[Tone]) -> float:
    return float(np.mean([t.agitation for t in tones]))


def test_before_anything_is_heard_there_is_no_estimate() -> None:
    e = ToneEstimator(MODEL)
    assert e.newest is None
    assert e.reconsider(STEP, [Evidence(2.0, "x")]) is None


def test_nothing_known_is_calm_with_low_confidence() -> None:
    tone = ToneEstimator(MODEL).estimate_tone(
        STEP, window(np.full(len(TRACKED_FEATURES), NAN), STEP, 0.1)
    )
    assert tone.agitation < 0.3
    assert tone.confidence < 0.1
    assert tone.evidence == ()
    assert tone.signals == {}
    assert tone.speaker is C


def test_as_usual_is_calm_and_confidence_grows_with_speech() -> None:
    tones, _ = talk(ToneEstimator(MODEL), CALM, 60.0)
    assert max(t.agitation for t in tones) < 0.3
    sure = [t.confidence for t in tones]
    assert sure == sorted(sure)
    assert sure[-1] > sure[0] + 0.2
    assert sure[-1] <= 1


def test_little_speech_is_little_sure_and_moves_little() -> None:
    long, short = ToneEstimator(MODEL), ToneEstimator(MODEL)
    for e in (long, short):
        talk(e, CALM, 20.0)
    at = 30 * SAMPLE_RATE
    much, little = (
        e.estimate_tone(at, window(ANGRY, at, s)) for e, s in ((long, 2.0), (short, 0.2))
    )
    assert little.agitation < 0.3 < much.agitation
    # What is held is as sure as it was; of a stranger little is known by little speech.
    assert little.confidence > 0.7
    much, little = (
        ToneEstimator(MODEL).estimate_tone(at, window(ANGRY, at, s)) for s in (2.0, 0.2)
    )
    assert little.confidence < 0.3 * much.confidence


def test_a_window_counts_whole_from_a_second_of_speech_on() -> None:
    at = 30 * SAMPLE_RATE
    most, whole, less = (
        ToneEstimator(MODEL).estimate_tone(at, window(ANGRY, at, s)) for s in (2.0, 1.0, 0.9)
    )
    assert (whole.agitation, whole.confidence) == (most.agitation, most.confidence)
    assert less.confidence < 0.99 * whole.confidence


def test_an_angry_voice_is_agitation_with_its_evidence() -> None:
    e = ToneEstimator(MODEL)
    calm, at = talk(e, CALM, 20.0)
    tones, _ = talk(e, ANGRY, 3.0, at)
    assert tones[-1].agitation > ALERT_LEVEL
    assert mean(calm) < 0.2
    assert 0 < len(tones[-1].evidence) <= MAX_EVIDENCE
    known = {f"voice {aspect.name} than usual" for aspect in ASPECTS}
    assert set(tones[-1].evidence) <= known


def test_exactly_as_usual_there_is_nothing_to_tell() -> None:
    tones, _ = talk(ToneEstimator(MODEL), CALM, 20.0, restless=0.0)
    assert not any(t.evidence for t in tones)


def test_signals_are_what_is_off_from_the_usual() -> None:
    e = ToneEstimator(MODEL)
    usual = CALM.copy()
    usual[TRACKED_FEATURES.index("level_dbfs")] = -40.0
    _, at = talk(e, usual, 120.0, restless=0.0)
    higher = usual.copy()
    higher[TRACKED_FEATURES.index("f0_semitones median")] += 5.0
    higher[TRACKED_FEATURES.index("level_dbfs")] += 8.0
    signals = e.estimate_tone(at + STEP, window(higher, at + STEP)).signals
    assert signals["f0_semitones"] == pytest.approx(5.0, abs=0.5)
    assert signals["level_db"] == pytest.approx(8.0, abs=0.5)
    assert signals["hnr_db"] == pytest.approx(0.0, abs=0.1)


def test_anger_does_not_become_the_new_normal() -> None:
    e = ToneEstimator(MODEL)
    _, at = talk(e, CALM, 20.0)
    angry, at = talk(e, ANGRY, 60.0, at)
    assert mean(angry[-20:]) > ALERT_LEVEL
    after, _ = talk(e, CALM, 5.0, at)
    assert after[-1].agitation < 0.3


def test_what_everybody_is_over_a_line_is_learnt_as_usual() -> None:
    # Not as far off as anger, but for a stranger suspicious.
    sharp = CALM + 0.8 * WAY * VoiceBaseline(MODEL.population).deviation
    e = ToneEstimator(MODEL)
    tones, at = talk(e, sharp, 240.0)
    first, last = logit(mean(tones[16:48])), logit(mean(tones[-32:]))
    assert first > logit(0.3)
    assert last < first - 1.0
    assert mean(tones[-32:]) < 0.2
    # And then to be angry is to be angry as against that.
    angry, _ = talk(e, sharp + WAY * WITHIN, 3.0, at)
    assert angry[-1].agitation > ALERT_LEVEL


def test_a_shout_of_a_moment_is_no_mood() -> None:
    e = ToneEstimator(MODEL)
    calm, at = talk(e, CALM, 20.0)
    shout, at = talk(e, ANGRY, STEP / SAMPLE_RATE, at)
    lasting, _ = talk(e, ANGRY, 3.0, at)
    assert len(shout) == 1
    assert calm[-1].agitation < shout[-1].agitation < 0.6 * lasting[-1].agitation


def test_the_same_window_again_changes_nothing() -> None:
    """What is not new speech neither moves the estimate nor is learnt again."""
    e = ToneEstimator(MODEL)
    _, at = talk(e, CALM, 5.0)
    first = e.estimate_tone(at + STEP, window(ANGRY, at + STEP))
    for i in range(50):
        again = e.estimate_tone(at + (2 + i) * STEP, window(ANGRY, at + STEP))
        assert again.agitation == first.agitation


extreme = st.one_of(
    st.floats(-100, 100), st.sampled_from([NAN, 0.0, 1e30, -1e30, math.inf, -math.inf])
)
anything = arrays.arrays(np.float64, len(TRACKED_FEATURES), elements=extreme)
evidences = st.lists(st.builds(Evidence, st.floats(0, 5), st.sampled_from("abc")), max_size=4)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(anything, st.floats(0, 9), st.integers(0, 90_000), evidences), min_size=1)
)
def test_whatever_is_heard_the_estimate_is_within_bounds(
    heard: list[tuple[F64, float, int, list[Evidence]]],
) -> None:
    e, at = ToneEstimator(MODEL), 0
    for x, speech_s, later, others in heard:
        at += later
        tone = e.estimate_tone(at, window(x, at, speech_s), others)
        assert math.isfinite(tone.agitation)
        assert 0 <= tone.agitation <= 1
        assert 0 <= tone.confidence <= 1
        assert len(tone.evidence) <= MAX_EVIDENCE
    # And afterwards it still works.
    calm, _ = talk(e, CALM, 5.0, at)
    assert all(0 < t.agitation < 1 for t in calm)


# --- evidence -----------------------------------------------------------------------------


class Saying(AgitationModel):
    """A model that says the same of every voice."""

    def __init__(self, log_odds: float, *added: float) -> None:
        super().__init__(agitation_model())
        self._says = log_odds, (*added, *[0.0] * (len(ASPECTS) - len(added)))

    def explain(self, z: F64) -> tuple[float, tuple[float, ...]]:
        return self._says


def said(model: AgitationModel, *others: Evidence) -> Tone:
    return talk(ToneEstimator(model), CALM, 10.0, others=others)[0][-1]


def test_evidence_is_told_strongest_first_and_only_what_is_telling() -> None:
    model = Saying(0.0, MIN_EVIDENCE_ODDS + 0.2, MIN_EVIDENCE_ODDS - 0.01, MIN_EVIDENCE_ODDS + 0.01)
    words = (
        Evidence(MIN_EVIDENCE_ODDS + 0.1, "words"),
        Evidence(MIN_EVIDENCE_ODDS - 0.1, "faded words"),
    )
    done = Evidence(MIN_EVIDENCE_ODDS + 2.0, "done")
    first, _, third, *_ = (f"voice {aspect.name} than usual" for aspect in ASPECTS)
    assert said(model, *words, done).evidence == ("done", first, "words", third)
    assert said(Saying(0.0, -9.0, -9.0), words[1]).evidence == ()


def test_a_calm_voice_is_no_evidence_however_sharp() -> None:
    assert said(Saying(START_LOG_ODDS - 3.0, 5.0, 5.0)).evidence == ()


def test_no_more_is_told_than_can_be_read() -> None:
    many = [Evidence(MIN_EVIDENCE_ODDS + i, str(i)) for i in range(9)]
    told = said(Saying(0.0), *many).evidence
    assert told == tuple(e.text for e in many[::-1][:MAX_EVIDENCE])


@pytest.mark.parametrize("weights", [(), (0.3,), (1.2,), (2.5, 1.0, 0.8)])
def test_words_and_what_is_done_add_as_log_odds(weights: tuple[float, ...]) -> None:
    plain, e = ToneEstimator(MODEL), ToneEstimator(MODEL)
    others = [Evidence(w, "x") for w in weights]
    # However the voice is: the usual of one who is agitated is learnt otherwise, so once only.
    for x in (CALM, ANGRY):
        alone = plain.estimate_tone(STEP, window(x, STEP))
        both = e.estimate_tone(STEP, window(x, STEP), others)
        assert logit(both.agitation) - logit(alone.agitation) == pytest.approx(sum(weights))
        assert both.confidence == alone.confidence
        plain, e = ToneEstimator(MODEL), ToneEstimator(MODEL)


@pytest.mark.parametrize("log_odds", [-1e9, -20.0, 20.0, 1e9])
def test_the_voice_is_bounded_so_that_words_count(log_odds: float) -> None:
    e = ToneEstimator(Saying(log_odds))
    tones, at = talk(e, CALM, 20.0)
    assert logit(tones[-1].agitation) == pytest.approx(
        MAX_LOG_ODDS if log_odds > 0 else MIN_LOG_ODDS, abs=0.01
    )
    more, _ = talk(e, CALM, 0.5, at, [Evidence(2.0, "x")])
    assert logit(more[-1].agitation) == pytest.approx(logit(tones[-1].agitation) + 2.0, abs=0.01)


def test_words_that_fade_leave_the_estimate() -> None:
    e = ToneEstimator(MODEL)
    _, at = talk(e, CALM, 10.0)
    spoken, at = talk(e, CALM, 1.0, at, [Evidence(2.0, "x")])
    after, _ = talk(e, CALM, 1.0, at)
    assert logit(mean(spoken)) > logit(mean(after)) + 1.5
    assert "x" in spoken[-1].evidence
    assert "x" not in after[-1].evidence


def test_nothing_new_in_a_pause_is_no_estimate() -> None:
    e = ToneEstimator(MODEL)
    others = [Evidence(1.0, "x")]
    tones, at = talk(e, CALM, 10.0, others=others)
    held = e.newest
    assert held is tones[-1]
    faded = [Evidence(0.5, "x")]
    little = [*others, Evidence(MIN_EVIDENCE_ODDS - 0.01, "y")]
    for i, now in enumerate((others, faded, [], little, others)):
        assert e.reconsider(at + (1 + i) * SAMPLE_RATE, now) is None
        assert e.newest is held


def test_new_evidence_in_a_pause_is_a_new_estimate_once() -> None:
    e = ToneEstimator(MODEL)
    tones, at = talk(e, CALM, 10.0)
    later = at + 5 * SAMPLE_RATE
    words = [Evidence(MIN_EVIDENCE_ODDS, "x")]
    tone = e.reconsider(later, words)
    assert tone is not None
    assert tone is e.newest
    assert (tone.at, tone.start, tone.end) == (later, tones[-1].start, tones[-1].end)
    assert logit(tone.agitation) == pytest.approx(logit(tones[-1].agitation) + MIN_EVIDENCE_ODDS)
    assert (tone.confidence, tone.signals) == (tones[-1].confidence, tones[-1].signals)
    assert tone.evidence[0] == "x"
    assert e.reconsider(later + STEP, words) is None
    assert e.reconsider(later + STEP, [*words, Evidence(MIN_EVIDENCE_ODDS, "y")]) is not None


# --- at the edges ---------------------------------------------------------------------------


def test_before_speech_one_customer_in_ten_is_agitated() -> None:
    nothing = window(np.full(len(TRACKED_FEATURES), NAN), STEP, 0.001)
    assert ToneEstimator(MODEL).estimate_tone(STEP, nothing).agitation == pytest.approx(
        0.1, abs=0.01
    )


@pytest.mark.parametrize(("hops", "known"), [(63, True), (62, False)])
def test_there_is_a_rate_from_a_second_of_speech(hops: int, known: bool) -> None:
    speech = voice_window(config.ToneConfig())
    columns = descriptor_columns(frames(hops))[0]
    speech.push(hops * HOP, columns, np.ones(hops, np.bool_))
    rate = speech.compute(hops * HOP).rate_syl_s
    assert (rate == rate) is known


def test_of_a_stranger_who_is_agitated_at_once_the_estimate_is_two_fifths_sure() -> None:
    """A second of agitated speech has said next to nothing of what is usual."""
    tones, _ = talk(ToneEstimator(Saying(1e9)), CALM, 1.0, restless=0.0)
    assert 0.39 < tones[-1].confidence < 0.45


def test_half_a_unit_of_log_odds_is_told_and_four_things_at_most() -> None:
    def told(*weights: float) -> tuple[str, ...]:
        calm = Saying(START_LOG_ODDS - 3.0)
        return said(calm, *(Evidence(w, str(w)) for w in weights)).evidence

    assert told(0.55, 0.5, 0.45) == ("0.55", "0.5")
    assert told(0.9, 0.8, 0.7, 0.6, 0.55) == ("0.9", "0.8", "0.7", "0.6")
    e = ToneEstimator(MODEL)
    _, at = talk(e, CALM, 1.0)
    assert e.reconsider(at + STEP, [Evidence(0.45, "x")]) is None
    assert e.reconsider(at + STEP, [Evidence(0.5, "x")]) is not None


class Holding(Saying):
    """A model that holds the voice at an agitation, whatever the guards take off."""

    def __init__(self, agitation: float) -> None:
        super().__init__(0.0)
        self._aim, self._odds = logit(agitation), 0.0

    def correct(self, tone: Tone) -> None:
        """Note what came of the last odds."""
        self._odds += 0.5 * (self._aim - logit(tone.agitation))

    def explain(self, z: F64) -> tuple[float, tuple[float, ...]]:
        return self._odds, (0.0,) * len(ASPECTS)


def learnt(agitation: float) -> float:
    """Return what 8 s of another pitch at an agitation count for in the usual, in its own unit."""
    model = Holding(agitation)
    e = ToneEstimator(model)
    off = []
    for at in range(STEP, 8 * SAMPLE_RATE, STEP):
        tone = e.estimate_tone(at, window(CALM + 0.3 * WITHIN, at))
        model.correct(tone)
        off.append(tone.signals["f0_semitones"])
    # A mean of the population and of speech: the more speech, the less is left.  The first second
    # is left out: it takes that long until the agitation is held.
    return off[0] / off[-1] - off[0] / off[8]


@pytest.mark.parametrize(
    ("agitation", "counts"), [(0.175, 0.75), (0.35, 0.5), (0.525, 0.25), (0.7, 0.1), (0.95, 0.1)]
)
def test_speech_counts_less_for_the_usual_the_nearer_it_is_to_an_alert(
    agitation: float, counts: float
) -> None:
    """Half of it half-way to 0.7, and a tenth from there on."""
    assert learnt(agitation) / learnt(0.001) == pytest.approx(counts, abs=0.02)


# --- the engine: a real customer ----------------------------------------------------------


def vad_answers(samples: F32) -> F32:
    vad = SileroVad(vad_model())
    return np.concatenate([vad.process(b.samples) for b in cut_blocks(samples)], axis=1)


@pytest.fixture(scope="module")
def call() -> F32:
    """Return the sample call, its agent silent, without most of what the agent says."""
    parts = RecordedCall.from_stereo(resource("samples", SAMPLE_CALL)).blocks()
    samples = np.concatenate([block.samples for block in parts], axis=1)
    samples[0] = 0.0
    # The customer speaks at 7-43, 52-56, 120-139 and 166-200 s.
    first, then, end = (round(s * SAMPLE_RATE / STEP) * STEP for s in (57.5, 118.5, 202.0))
    return np.concatenate([samples[:, :first], samples[:, then:end]], axis=1)


@pytest.fixture(scope="module")
def answers(call: F32) -> F32:
    """Return what the real detector says of it."""
    return vad_answers(call)


def hear(
    samples: F32,
    answers: F32 | None = None,
    sizes: Sequence[int] = (64,),
    model: AgitationModel = MODEL,
) -> list[Event]:
    """Return what an engine says that hears speech where it is told, or by the real detector."""
    vad = SileroVad(vad_model()) if answers is None else ScriptedVad(answers)
    e = make_engine(vad=vad, agitation=model, wording=WORDING)
    return [
        event for block in cut_blocks(samples, sizes) for event in e.process(block)
    ] + e.finish()


def tones_of(events: Iterable[Event]) -> list[Tone]:
    return [e for e in events if isinstance(e, Tone)]


@pytest.fixture(scope="module")
def plain(call: F32, answers: F32) -> list[Tone]:
    """Return the tones of that customer, where speech is told."""
    return tones_of(hear(call, answers))


@pytest.fixture(scope="module")
def live(call: F32) -> list[Tone]:
    """Return the same by the real detector."""
    return tones_of(hear(call))


def both(a: Iterable[Tone], b: Iterable[Tone], after_s: float = 0.0) -> tuple[F64, F64]:
    """Return the agitation in two series where both have an estimate."""
    one, other = ({t.at: t.agitation for t in tones} for tones in (a, b))
    at = [i for i in one if i in other and i >= after_s * SAMPLE_RATE]
    assert len(at) > 100
    return np.array([one[i] for i in at]), np.array([other[i] for i in at])


def log_odds(p: F64) -> F64:
    return np.log(p / (1 - p))


def gained(samples: F32, db: float) -> F32:
    return samples * np.float32(10 ** (db / 20))


def tilted(samples: F32, db: float) -> F32:
    """Return a call over a line that lifts 3400 Hz by some dB and takes as much from 300 Hz."""
    grid = np.linspace(0.0, 1.0, 129)
    octaves = np.log2(np.clip(grid * SAMPLE_RATE / 2, 300, 3400) / 1000) / np.log2(3.4)
    taps = signal.firwin2(255, grid, 10 ** (db * octaves / 20))
    return np.asarray(signal.fftconvolve(samples, taps[None], "same", axes=1), np.float32)


def test_the_real_customer_has_estimates_that_vary(plain: list[Tone]) -> None:
    """What the tests below compare is no constant."""
    agitation = np.array([t.agitation for t in plain])
    assert len(agitation) > 400
    assert log_odds(agitation).std() > 0.3


@pytest.mark.parametrize("db", [-20.0, 15.0])
@pytest.mark.parametrize("detector", ["told", "real"])
def test_a_gain_does_not_move_the_estimate(
    db: float, detector: str, call: F32, answers: F32, plain: list[Tone]
) -> None:
    louder = tones_of(hear(gained(call, db), answers if detector == "told" else None))
    a, b = both(plain, louder)
    assert len(a) > 0.9 * len(plain)
    assert abs(np.mean(b - a)) < 0.02
    assert np.mean(np.abs(b - a)) < 0.04
    assert np.mean(np.abs(log_odds(b) - log_odds(a))) < 0.2 * log_odds(a).std()


def test_a_channel_does_not_move_the_estimate_once_there_is_a_usual(
    call: F32, answers: F32, plain: list[Tone], monkeypatch: pytest.MonkeyPatch
) -> None:
    # By 45 s the customer has spoken for about 30.
    lines = {db: tones_of(hear(tilted(call, db), answers)) for db in (-4.0, 4.0)}
    shift = {}
    for db, tones in lines.items():
        a, b = both(plain, tones, 45.0)
        assert abs(np.mean(b - a)) < 0.1
        shift[db] = float(np.mean(log_odds(b) - log_odds(a)))
    # One who is compared with others and not with themselves is moved much more.
    monkeypatch.setattr(VoiceBaseline, "learn", lambda *_: None)
    one, other = (tones_of(hear(x, answers)) for x in (call, tilted(call, 4.0)))
    a, b = both(one, other, 45.0)
    absolute = float(np.mean(log_odds(b) - log_odds(a)))
    assert absolute > 0.5
    assert max(abs(shift[-4.0]), abs(shift[4.0])) < 0.6 * absolute


SILENCE = 469 * TICK * HOP
"""A minute, in whole ticks."""


# In the middle of a word, and between turns.
@pytest.mark.parametrize("at_s", [20.0, 47.0, 119.0])
def test_a_long_silence_does_not_move_the_estimate(
    at_s: float, call: F32, live: list[Tone]
) -> None:
    cut = round(at_s * SAMPLE_RATE / STEP) * STEP
    hole = np.zeros((2, SILENCE), np.float32)
    tones = tones_of(hear(np.concatenate([call[:, :cut], hole, call[:, cut:]], axis=1)))
    before, during, after = (
        [t for t in tones if first < t.at <= last]
        for first, last in ((0, cut), (cut, cut + SILENCE), (cut + SILENCE, 10**9))
    )
    assert before == [t for t in live if t.at <= cut]
    # What was begun may still be said; the estimate is held after that.
    assert not [t for t in during if t.at > cut + SAMPLE_RATE // 4]
    last = (before + during)[-1]
    next_ = next(t for t in live if t.at > cut)
    assert (
        abs(after[0].agitation - last.agitation)
        <= abs(next_.agitation - before[-1].agitation) + 0.02
    )
    shifted = {t.at - SILENCE: t.agitation for t in after}
    off = [shifted[t.at] - t.agitation for t in live if t.at in shifted]
    assert len(off) > 100
    assert np.mean(np.abs(off)) < 0.03


def test_estimates_come_while_the_customer_speaks_about_what_was_heard(
    call: F32, answers: F32
) -> None:
    events = hear(call, answers)
    starts = [e.at for e in events if isinstance(e, SpeechStarted)]
    segments = [e for e in events if isinstance(e, SpeechEnded)]
    tones = tones_of(events)
    at = np.array([t.at for t in tones])
    inside = np.zeros(len(at), np.bool_)
    assert len(segments) == len(starts) > 20
    for known, segment in zip(starts, segments, strict=True):
        inside |= (at >= known) & (at <= segment.at)
        within = (at >= known) & (at <= segment.end)
        # From when it is known; short dips within it are no speech.
        assert within.sum() >= 4 * ((segment.end - known) / SAMPLE_RATE - 0.4)
    assert inside.all()
    spoken_s = float(np.mean(answers[C.row] > 0.5)) * call.shape[1] / SAMPLE_RATE
    assert len(tones) >= 4 * spoken_s
    for t in tones:
        assert 0 <= t.start < t.end <= t.at
        assert t.at - t.end <= STEP
    assert all(a.at < b.at for a, b in pairwise(tones))


@pytest.mark.parametrize("sizes", [(1,), (3, 7, 1), (61,)])
def test_any_block_split_gives_the_same_tones(sizes: tuple[int, ...], call: F32) -> None:
    part = call[:, : whole_hops(30)]
    tones = tones_of(hear(part))
    assert len(tones) > 80
    assert tones_of(hear(part, sizes=sizes)) == tones


# --- the engine: made voices --------------------------------------------------------------


def made(s: float, f0: float = 180.0, seed: int = 0) -> tuple[F32, F32]:
    """Return somebody who speaks in vowels, phrase by phrase, and where: 1 in hops of speech."""
    rng = np.random.default_rng(seed)
    n = whole_hops(s)
    t = np.arange(n) / SAMPLE_RATE
    knots = np.arange(0.0, s + 1.0, 0.5)
    track = f0 * 2 ** (np.interp(t, knots, rng.normal(0.0, 2.0, len(knots))) / 12)
    source = voices.pulses(track, n / SAMPLE_RATE, 0.01, 0.05, seed).samples
    each = rng.integers(0, 3, round(s * 5) + 5)[(t * 4.5).astype(int)]
    sound = np.choose(each, [voices.vowel(source, name) for name in "aiu"])
    sound = voices.with_noise(sound, 15.0, seed) * 10 ** (-(1 + np.cos(9 * np.pi * t)) * 8 / 20)
    spoken = (np.arange(n // HOP) * HOP / SAMPLE_RATE) % 3.0 < 2.2
    x = 0.5 * sound * np.repeat(spoken, HOP) + 1e-4 * rng.standard_normal(n)
    return np.asarray(x, np.float32), spoken.astype(np.float32)


def made_tones(x: F32, spoken: F32) -> list[Tone]:
    return tones_of(hear(stereo(silence(0.1), x), np.stack([np.zeros_like(spoken), spoken])))


@pytest.mark.parametrize("db", [-20.0, 15.0])
def test_a_gain_does_not_move_the_estimate_of_a_made_voice(db: float) -> None:
    x, spoken = made(40.0)
    a, b = both(made_tones(x, spoken), made_tones(gained(x, db), spoken))
    assert np.mean(np.abs(b - a)) < 0.02


def test_two_customers_do_not_leak_into_each_other() -> None:
    people = [made(12.0, 120.0, 1), made(12.0, 260.0, 2)]
    alone = [made_tones(*person) for person in people]
    assert alone[0] != alone[1]
    engines, found = [], []
    for _, spoken in people:
        vad = ScriptedVad(np.stack([np.zeros_like(spoken), spoken]))
        engines.append(make_engine(vad=vad, agitation=MODEL, wording=WORDING))
        found.append(list[Event]())
    cut = [cut_blocks(stereo(silence(0.1), x), (5,)) for x, _ in people]
    for pair in zip(*cut, strict=True):
        for e, events, block in zip(engines, found, pair, strict=True):
            events += e.process(block)
    assert [tones_of(events) for events in found] == alone


def test_a_fresh_engine_forgets_the_call_before() -> None:
    first, other = made(12.0, 120.0, 1), made(12.0, 260.0, 2)
    model = AgitationModel(agitation_model())

    def tones(x: F32, spoken: F32) -> list[Tone]:
        answers = np.stack([np.zeros_like(spoken), spoken])
        return tones_of(hear(stereo(silence(0.1), x), answers, model=model))

    before = tones(*first)
    assert tones(*other) != before
    assert tones(*first) == before


# --- the agent ----------------------------------------------------------------------------


class Noting(AgitationModel):
    """The model, and all that it was ever given."""

    def __init__(self) -> None:
        super().__init__(agitation_model())
        self.seen: list[bytes] = []

    def log_odds(self, z: F64) -> F64:
        self.seen.append(z.tobytes())
        return super().log_odds(z)


def seen(agent: F32, customer: F32, answers: F32) -> list[bytes]:
    """Return what the model is given in a call."""
    model = Noting()
    hear(stereo(agent, customer), answers, model=model)
    return model.seen


def loud_voice(s: float) -> F32:
    """Return an agent who shouts without a pause."""
    x, _ = made(s, 300.0, 5)
    return np.asarray(np.clip(8.0 * x + white_noise(s, 0.02), -1.0, 1.0), np.float32)


AGENT_S = 15.0
AGENTS = {
    "noise": white_noise(AGENT_S, 0.5),
    "loud": loud_voice(AGENT_S),
    "full scale": 0 * white_noise(AGENT_S, 1) + 1,
}


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("overlap", [False, True])
def test_the_agents_audio_never_reaches_the_model(agent: str, overlap: bool) -> None:
    x, spoken = made(AGENT_S)
    talks = np.ones_like(spoken) if overlap else 1 - spoken
    answers = np.stack([talks, spoken])
    quiet = seen(silence(AGENT_S), x, answers)
    assert len(quiet) > 60
    assert seen(AGENTS[agent], x, answers) == quiet
    # The double would notice: the customer's own audio does reach it.
    assert seen(silence(AGENT_S), made(AGENT_S, 181.0)[0], answers) != quiet


def test_neither_does_when_the_agent_talks() -> None:
    x, spoken = made(AGENT_S)
    never, always = (np.stack([np.full_like(spoken, talks), spoken]) for talks in (0, 1))
    assert seen(loud_voice(AGENT_S), x, always) == seen(loud_voice(AGENT_S), x, never)


def spoken_words(speaker: Speaker, text: str) -> list[Event]:
    """Return the events of a phrase by each; a speaker's careful words come in the pause after."""
    phrase, spoken = made(2.0)
    pause, quiet = silence(4.0), np.zeros(len(silence(4.0)) // HOP, np.float32)
    samples = stereo(np.concatenate([phrase, pause, pause]), np.concatenate([pause, phrase, pause]))
    answers = np.stack(
        [np.concatenate([spoken, quiet, quiet]), np.concatenate([quiet, spoken, quiet])]
    )
    e = make_engine(vad=ScriptedVad(answers), agitation=MODEL, wording=WORDING, transcribe=True)
    events: list[Event] = []
    for block in cut_blocks(samples, (8,)):
        for event in e.process(block):
            events.append(event)
            if isinstance(event, TranscribeRequest):
                said = text.split() if event.careful and event.speaker is speaker else []
                times = np.linspace(event.start, event.end, len(said) + 1).astype(int).tolist()
                words = tuple(
                    HeardWord(w, a, b, 0.9) for w, (a, b) in zip(said, pairwise(times), strict=True)
                )
                e.process(event.make_transcript(event.at + SAMPLE_RATE, words[event.first :]))
    return events


def test_words_that_are_known_in_a_pause_are_a_new_estimate_at_once() -> None:
    text = "I want to speak to your supervisor"
    plain, angry = (tones_of(spoken_words(C, said)) for said in ("thank you very much", text))
    assert len(plain) > 10
    # Nothing follows but the one that the words bring, and it is held.
    assert angry[:-1] == plain
    last, new = plain[-1], angry[-1]
    assert new.at >= last.at + SAMPLE_RATE / 2
    assert new.agitation > last.agitation
    assert "asked for a supervisor" in new.evidence
    assert (new.start, new.end) == (last.start, last.end)


def test_the_agents_words_are_nobodys_agitation() -> None:
    hostile = "I want to speak to your supervisor you stupid liar"
    said = [spoken_words(Speaker.AGENT, text) for text in ("hello there", hostile)]
    assert [next(e.text for e in events if isinstance(e, Utterance)) for events in said] == [
        "hello there",
        hostile,
    ]
    assert tones_of(said[0]) == tones_of(said[1])


def test_the_model_is_never_asked_of_an_agent_alone() -> None:
    talks = np.ones(len(silence(10.0)) // HOP, np.float32)
    for customer in (silence(10.0), white_noise(10.0, 0.001)):
        assert seen(loud_voice(10.0), customer, np.stack([talks, 0 * talks])) == []
    model = Noting()
    # By the real detector too.
    assert not tones_of(hear(stereo(loud_voice(10.0), silence(0.1)), model=model))
    assert model.seen == []


def test_the_estimate_before_all_speech_is_that_of_most_customers() -> None:
    assert sigmoid(START_LOG_ODDS) < 0.2


odds = st.floats(-30.0, 30.0)
shares = st.floats(0.0, 1.0)


@given(odds, odds, shares, st.floats(0.0, 9.0), st.floats(0.0, 9.0), shares)
def test_the_guard_never_raises_and_never_falls_as_anything_rises(
    log_odds: float, pitch: float, known: float, more: float, higher: float, better: float
) -> None:
    base = apply_guards(log_odds, pitch, known)
    assert MIN_LOG_ODDS <= base <= max(MIN_LOG_ODDS, min(MAX_LOG_ODDS, log_odds))
    assert apply_guards(log_odds + more, pitch, known) >= base - 1e-9
    assert apply_guards(log_odds, pitch + higher, known) >= base - 1e-9
    assert apply_guards(log_odds, pitch, max(known, better)) >= base - 1e-9


def test_a_sharp_voice_that_is_no_higher_is_no_alert() -> None:
    assert apply_guards(9.0, pitch=3.0, known=1.0) == MAX_LOG_ODDS
    assert apply_guards(4.0, pitch=0.0, known=1.0) < logit(ALERT_LEVEL)

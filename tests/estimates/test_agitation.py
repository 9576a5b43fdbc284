"""The model of the customer's voice, and what it takes for the speaker's usual."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from voicecoach.dsp.functionals import DESCRIPTORS, STATISTICS, Functionals
from voicecoach.errors import ModelError
from voicecoach.estimates.agitation import (
    ASPECTS,
    FEATURES,
    LEVEL_FEATURE,
    MAX_ABS_Z,
    RATE_FEATURES,
    TRACKED_FEATURES,
    AgitationModel,
    Population,
    VoiceBaseline,
    sigmoid,
    voice_features,
)
from voicecoach.estimates.posterior import MAX_OFF_SD
from voicecoach.shell.runtime.resources import (
    agitation_model,
    checksums,
    prosody_model,
    resource,
    sha256,
    wording_model,
)
from voicecoach.types.stream import F64, FileContents

NAN = float("nan")
SIZE = len(FEATURES)
LEVEL_AT = TRACKED_FEATURES.index(LEVEL_FEATURE)


@pytest.fixture(scope="module")
def model() -> AgitationModel:
    return AgitationModel(agitation_model())


# --- the features -------------------------------------------------------------------------


def test_each_feature_is_once_and_the_level_is_known_but_no_feature() -> None:
    assert len(set(FEATURES)) == len(FEATURES)
    assert TRACKED_FEATURES[:SIZE] == FEATURES
    assert TRACKED_FEATURES[SIZE:] == (LEVEL_FEATURE,)
    assert not [f for f in FEATURES if f.startswith(("level", "loudness", "active_level"))]


def test_features_are_in_the_order_of_their_names() -> None:
    cells = [f"{d} {s}" for d in DESCRIPTORS for s in STATISTICS]
    statistics = np.arange(len(cells), dtype=np.float64).reshape(len(DESCRIPTORS), -1)
    rates = {name: 1000.0 + i for i, name in enumerate(RATE_FEATURES)}
    x = voice_features(Functionals(0, 256, 2.0, statistics=statistics, **{"voiced": 0.0, **rates}))
    assert x.shape == (len(TRACKED_FEATURES),)
    for name, value in zip(FEATURES, x.tolist(), strict=False):
        assert value == (rates[name] if name in rates else cells.index(name))
    assert x[LEVEL_AT] == cells.index(f"{LEVEL_FEATURE} median")


def test_a_window_of_nothing_has_no_features_but_its_share_of_voice() -> None:
    x = voice_features(Functionals(0, 256, 0.016, 0.0))
    assert np.isnan(np.delete(x, TRACKED_FEATURES.index("voiced"))).all()


def test_each_feature_belongs_to_one_aspect_and_each_aspect_has_some() -> None:
    everything = np.concatenate([aspect.indices for aspect in ASPECTS])
    assert sorted(everything.tolist()) == list(range(SIZE))
    assert all(len(aspect.indices) for aspect in ASPECTS)
    assert len({aspect.name for aspect in ASPECTS}) == len(ASPECTS)


# --- the file -----------------------------------------------------------------------------


def test_the_file_is_small_and_the_one_that_was_released() -> None:
    path = resource("models", "agitation.onnx")
    assert path.stat().st_size < 1_000_000
    assert checksums("SHA256SUMS")["agitation.onnx"] == sha256(path)
    assert agitation_model() == (str(path), path.read_bytes())


def test_the_populations_figures_are_of_what_is_known(model: AgitationModel) -> None:
    figures = [np.array(figure) for figure in msgspec.structs.astuple(model.population)]
    for figure in figures:
        assert figure.shape == (len(TRACKED_FEATURES),)
        assert np.isfinite(figure).all()
    _, between, within = figures
    assert (within > 0).all()
    assert (between[:SIZE] > 0).all()
    assert between[LEVEL_AT] == 0, "nobody knows how loud a line is"


def test_what_is_no_model_of_it_is_said_in_one_line() -> None:
    garbage, empty = FileContents("a.onnx", b"no model" * 100), FileContents("b.onnx", b"")
    cut = FileContents("cut.onnx", agitation_model().data[:2000])
    for file in (garbage, empty, cut, wording_model(), prosody_model()):
        with pytest.raises(ModelError, match="not a usable agitation model") as e:
            AgitationModel(file)
        assert str(e.value).startswith(f"{file.name}: ")
        assert "\n" not in str(e.value)


def test_a_model_of_other_features_is_refused() -> None:
    # A name of the same length in place of another: the file stays well-formed.
    made = agitation_model().data
    name = b'"f0_semitones mean"'
    assert made.count(name) == 1
    other = FileContents("other.onnx", made.replace(name, name.replace(b"mean", b"mode")))
    with pytest.raises(ModelError, match="made for other features") as e:
        AgitationModel(other)
    assert str(e.value).startswith("other.onnx: ")
    assert "\n" not in str(e.value)


# --- what it says -------------------------------------------------------------------------

rows = arrays.arrays(np.float64, (5, SIZE), elements=st.floats(-3 * MAX_ABS_Z, 3 * MAX_ABS_Z))


@settings(max_examples=40)
@given(rows)
def test_rows_together_are_as_each_alone(z: F64) -> None:
    together = AGITATION.log_odds(z)
    assert together.shape == (5,)
    assert np.isfinite(together).all()
    alone = [AGITATION.log_odds(row[None])[0] for row in z]
    # float32: a product of one row may be summed in another order.
    assert together == pytest.approx(alone, abs=1e-4)


@settings(max_examples=40)
@given(rows)
def test_an_explanation_is_what_would_be_missing(z: F64) -> None:
    row = z[0]
    log_odds, added = AGITATION.explain(row)
    assert log_odds == pytest.approx(AGITATION.log_odds(row[None])[0], abs=1e-4)
    assert len(added) == len(ASPECTS)
    for aspect, value in zip(ASPECTS, added, strict=True):
        without = row.copy()
        without[aspect.indices] = 0.0
        assert log_odds - AGITATION.log_odds(without[None])[0] == pytest.approx(value, abs=1e-4)


def test_what_is_as_usual_adds_nothing_and_is_calm(model: AgitationModel) -> None:
    log_odds, added = model.explain(np.zeros(SIZE))
    assert added == (0.0,) * len(ASPECTS)
    assert sigmoid(log_odds) < 0.3


def test_further_than_the_limit_counts_as_the_limit(model: AgitationModel) -> None:
    far = 100.0 * np.eye(SIZE)
    assert np.array_equal(model.log_odds(far), model.log_odds(MAX_ABS_Z * np.eye(SIZE)))
    assert not np.array_equal(model.log_odds(far), model.log_odds(0.5 * MAX_ABS_Z * np.eye(SIZE)))


def test_the_features_matter(model: AgitationModel) -> None:
    """No feature is left without any weight, and every aspect can speak for agitation."""
    moved = np.abs(model.log_odds(2.0 * np.eye(SIZE)) - model.log_odds(np.zeros((1, SIZE))))
    assert np.mean(moved > 1e-4) > 0.9
    for aspect in ASPECTS:
        z = np.zeros((2 * len(aspect.indices), SIZE))
        for row, i in enumerate(aspect.indices):
            z[2 * row, i], z[2 * row + 1, i] = 2.0, -2.0
        assert model.log_odds(z).max() > model.log_odds(np.zeros((1, SIZE)))[0] + 0.05


# --- a speaker's usual --------------------------------------------------------------------

POPULATION = Population(
    mean=tuple(float(i) for i in range(len(TRACKED_FEATURES))),
    between=(*(2.0 for _ in FEATURES), 0.0),
    within=(*(1.0 for _ in FEATURES), 3.0),
)
MEAN, BETWEEN, WITHIN = (np.array(f) for f in msgspec.structs.astuple(POPULATION))
AGITATION = AgitationModel(agitation_model())


def learnt(x: F64, seconds: float, step: float = 0.25) -> VoiceBaseline:
    usual = VoiceBaseline(POPULATION)
    for _ in range(round(seconds / step)):
        usual.learn(x, step)
    return usual


def test_it_starts_as_the_populations() -> None:
    usual = VoiceBaseline(POPULATION)
    assert usual.mean.tolist() == list(POPULATION.mean)
    assert (usual.learnt_s.max(), usual.own_share) == (0.0, 0.0)
    assert usual.z_scores(MEAN).tolist() == [0.0] * SIZE
    # A stranger's window strays by both who they are and how it varies.
    total = np.sqrt(BETWEEN**2 + WITHIN**2)[:SIZE]
    assert usual.deviation[:SIZE] == pytest.approx(total)
    assert usual.z_scores(MEAN + np.append(total, 0.0)) == pytest.approx(np.ones(SIZE))


def test_learning_does_not_change_the_populations() -> None:
    learnt(MEAN + 1.0, 30.0)
    assert VoiceBaseline(POPULATION).mean.tolist() == list(POPULATION.mean)


def test_it_moves_to_the_speakers_own() -> None:
    own = MEAN + BETWEEN
    usual = VoiceBaseline(POPULATION)
    left, known = [BETWEEN[0]], [0.0]
    for _ in range(8):
        for _ in range(40):
            usual.learn(own, 0.25)
        left.append((own - usual.mean)[:SIZE].max())
        known.append(usual.own_share)
    assert all(0 < b < a for a, b in pairwise(left))
    assert all(a < b < 1 for a, b in pairwise(known))
    # The posterior mean of a normal with a normal prior.
    worth = VoiceBaseline.SETTLED_S * (WITHIN[0] / BETWEEN[0]) ** 2
    assert left[-1] == pytest.approx(BETWEEN[0] * worth / (worth + 80.0))
    assert usual.learnt_s.max() == pytest.approx(80.0)


def test_a_feature_that_says_more_of_the_speaker_is_learnt_sooner() -> None:
    between = np.append(np.linspace(0.5, 4.0, SIZE), 0.0)
    usual = VoiceBaseline(msgspec.structs.replace(POPULATION, between=tuple(between.tolist())))
    usual.learn(MEAN + 1.0, 5.0)
    moved = (usual.mean - MEAN)[:SIZE]
    assert (np.diff(moved) > 0).all()


def test_in_what_steps_it_is_learnt_does_not_matter() -> None:
    x = MEAN + BETWEEN
    fine, coarse = learnt(x, 10.0, 0.125), learnt(x, 10.0, 2.5)
    assert fine.mean[:SIZE] == pytest.approx(coarse.mean[:SIZE])


def test_the_level_has_no_usual_but_the_speakers_own() -> None:
    for level in (-60.0, -3.0):
        x = MEAN.copy()
        x[LEVEL_AT] = level
        # Within what a first window may be off, whatever the line.
        assert learnt(x, 5.0).mean[LEVEL_AT] == pytest.approx(level, abs=0.1)


def test_an_outlier_counts_as_one_that_is_less_far_off() -> None:
    far, further = (learnt(MEAN + off, 1.0).mean[:SIZE] for off in (100.0, 1e9))
    assert far == pytest.approx(further)
    moved = far - MEAN[:SIZE]
    assert (moved > 0).all()
    assert (moved <= MAX_OFF_SD * VoiceBaseline(POPULATION).deviation[:SIZE]).all()
    assert np.isfinite(learnt(MEAN + 1e9, 1.0).deviation).all()


def test_what_is_not_known_teaches_nothing() -> None:
    x = MEAN + 1.0
    x[::2] = NAN
    usual = learnt(x, 20.0)
    start = VoiceBaseline(POPULATION)
    assert usual.mean[::2].tolist() == MEAN[::2].tolist()
    assert usual.deviation[::2].tolist() == start.deviation[::2].tolist()
    whole = learnt(MEAN + 1.0, 20.0)
    assert usual.mean[1::2].tolist() == whole.mean[1::2].tolist()
    assert usual.deviation[1::2].tolist() == whole.deviation[1::2].tolist()
    assert usual.z_scores(x)[::2].tolist() == [0.0] * len(usual.z_scores(x)[::2])
    assert 0 < usual.own_share < whole.own_share


def test_no_time_teaches_nothing() -> None:
    usual = VoiceBaseline(POPULATION)
    usual.learn(MEAN + 5.0, 0.0)
    assert usual.mean[:SIZE].tolist() == MEAN[:SIZE].tolist()
    assert usual.learnt_s.max() == 0


def test_how_far_it_strays_shrinks_with_what_is_known() -> None:
    before = VoiceBaseline(POPULATION).deviation[:SIZE]
    for s in (5.0, 20.0, 80.0, 320.0):
        now = learnt(MEAN, s).deviation[:SIZE]
        assert (now < before).all()
        before = now


def test_how_far_it_strays_becomes_the_speakers_own_spread() -> None:
    rng = np.random.default_rng(0)
    restless, steady = VoiceBaseline(POPULATION), VoiceBaseline(POPULATION)
    for _ in range(2000):
        turn = rng.standard_normal(len(TRACKED_FEATURES))
        restless.learn(MEAN + 2.0 * turn, 0.25)
        steady.learn(MEAN + 0.5 * turn, 0.25)
    assert np.median(restless.deviation[:SIZE]) == pytest.approx(2.0, rel=0.25)
    assert np.median(steady.deviation[:SIZE]) == pytest.approx(0.5, rel=0.25)


def test_old_speech_is_forgotten() -> None:
    usual = learnt(MEAN, VoiceBaseline.MEMORY_S)
    much = learnt(MEAN, 3 * VoiceBaseline.MEMORY_S)
    assert much.learnt_s.max() == usual.learnt_s.max() == VoiceBaseline.MEMORY_S
    for u in (usual, much):
        for _ in range(2400):
            u.learn(MEAN + WITHIN, 0.25)
    # As much new speech as is remembered: near what is new, however long the old went on.
    moved = (usual.mean - MEAN)[:SIZE]
    assert (moved > 0.5 * WITHIN[:SIZE]).all()
    assert moved == pytest.approx((much.mean - MEAN)[:SIZE], rel=0.02)


windows = arrays.arrays(
    np.float64, len(TRACKED_FEATURES), elements=st.one_of(st.floats(-1e6, 1e6), st.just(NAN))
)


@settings(max_examples=60)
@given(st.lists(st.tuples(windows, st.floats(0.0, 10.0)), max_size=20), windows)
def test_whatever_is_heard_it_stays_within_bounds(heard: list[tuple[F64, float]], x: F64) -> None:
    usual = VoiceBaseline(POPULATION)
    for window, seconds in heard:
        usual.learn(window, seconds)
    assert np.isfinite(usual.mean).all()
    assert (usual.deviation > 0).all()
    z = usual.z_scores(x)
    assert z.shape == (SIZE,)
    assert (np.abs(z) <= MAX_ABS_Z).all()
    assert 0 <= usual.own_share < 1
    assert 0 <= usual.learnt_s.max() <= VoiceBaseline.MEMORY_S


@given(st.floats(-50, 50))
def test_probability_is_that_of_log_odds(log_odds: float) -> None:
    p = sigmoid(log_odds)
    assert 0 < p <= 1
    assert p + sigmoid(-log_odds) == pytest.approx(1.0)
    if abs(log_odds) < 20:
        assert np.log(p / (1 - p)) == pytest.approx(log_odds, abs=1e-5)

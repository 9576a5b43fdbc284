"""How the customer's agitation went through a call, and what it is about."""

from __future__ import annotations

import pytest

from tests.scoring.conversations import A, C, act, card, events, line, scored
from voicecoach.scoring.journey import (
    AgitationPoint,
    journey,
    root_cause,
    sizeable_changes,
    smooth_agitation,
)
from voicecoach.testing import make_cue
from voicecoach.types.events import Event
from voicecoach.types.stream import SAMPLE_RATE, TICK_SAMPLES
from voicecoach.views.scorecard import Quote

S = SAMPLE_RATE


def ticks(values: list[float], start: int = 0) -> list[tuple[int, float]]:
    """Return an agitation for each tick of speech."""
    return [(start + i * TICK_SAMPLES, value) for i, value in enumerate(values)]


def course(values: list[float]) -> list[AgitationPoint]:
    """Return a smoothed agitation, a value for each second."""
    return [AgitationPoint(i * S, value) for i, value in enumerate(values)]


# --- the smoothed agitation ---------------------------------------------------------------------


def test_agitation_is_averaged_over_5_s() -> None:
    values = [0.0] * 100
    values[50] = 1.0
    peak = 50 * TICK_SAMPLES
    reached = [abs(p.at - peak) / S for p in smooth_agitation(ticks(values)) if p.agitation > 0]
    assert max(reached) == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize(("length", "kept"), [(12, True), (11, False)])
def test_a_stretch_of_15_s_is_averaged_and_a_shorter_one_left_out(length: int, kept: bool) -> None:
    """12 ticks are 1.54 s, 11 are 1.41 s."""
    assert bool(smooth_agitation(ticks([0.5] * length))) is kept


@pytest.mark.parametrize(("pause_s", "across"), [(1.9, True), (2.1, False)])
def test_agitation_is_averaged_across_a_pause_of_2_s(pause_s: float, across: bool) -> None:
    before = ticks([0.0] * 20)
    after = ticks([1.0] * 20, before[-1][0] + round(pause_s * S))
    smooth = smooth_agitation([*before, *after])
    assert (smooth[0].agitation > 0) is across


def test_the_start_is_20_s_of_speech_and_the_end_10() -> None:
    call = [
        line(A, 3), line(C, 10, agitation=0.0), line(C, 40, gap_s=0.0, agitation=0.8),
        line(C, 5, gap_s=0.0, agitation=0.0), line(A, 3),
    ]  # fmt: skip
    found = card(events(call)).journey
    assert found.start == pytest.approx(0.4, abs=0.02)
    assert found.end == pytest.approx(0.4, abs=0.02)


# --- changes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("to", "changes"), [(0.66, 1), (0.64, 0)])
def test_a_rise_of_025_is_sizeable(to: float, changes: int) -> None:
    assert len(sizeable_changes(course([0.4, to]))) == changes
    assert len(sizeable_changes(course([to, 0.4]))) == changes


def test_a_change_begins_at_a_fifth_of_it_and_is_complete_at_four_fifths() -> None:
    ((_, began, after),) = sizeable_changes(course([i / 100 for i in range(101)]))
    assert began.at / S == pytest.approx(20, abs=1)
    assert after.at / S == pytest.approx(80, abs=1)


RISING = [line(A, 30), line(C, 20, agitation=0.1), line(C, 20, gap_s=0.0, agitation=0.9)]


def cues_before_the_rise(*before_s: float) -> list[Quote]:
    """Return which of the cues that open so long before the rise begins are listed with it."""
    told = events(RISING)
    (rise,) = card(told).journey.changes
    cues: list[Event] = [
        make_cue(round((rise.start_s - each) * S), f"cue{i}", title="T", message="m")
        for i, each in enumerate(before_s)
    ]  # fmt: skip
    (rise,) = card([*told, *cues]).journey.changes
    return rise.preceded_by


def test_what_came_up_to_15_s_before_a_change_is_listed() -> None:
    assert len(cues_before_the_rise(14.5)) == 1
    assert not cues_before_the_rise(15.5)


def test_the_4_newest_things_before_a_change_are_listed() -> None:
    assert len(cues_before_the_rise(4.0, 3.0, 2.0, 1.0)) == 4
    newest = cues_before_the_rise(7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0)
    assert len(newest) == 4
    assert newest == cues_before_the_rise(4.0, 3.0, 2.0, 1.0)


@pytest.mark.parametrize(("waves", "changes"), [(3, 5), (4, 7), (5, 8), (9, 8)])
def test_8_changes_are_listed(waves: int, changes: int) -> None:
    """The first wave has a rise, each of the others a fall and a rise."""
    lines = []
    for _ in range(waves):
        lines += [line(C, 8, gap_s=0.0, agitation=0.1), line(C, 8, gap_s=0.0, agitation=0.9)]
    assert len(journey(scored(events(lines))).changes) == changes


# --- what the call is about ------------------------------------------------------------------


@pytest.mark.parametrize(("words", "told"), [(12, True), (11, False)])
def test_a_call_begins_with_the_first_account_of_12_words(words: int, told: bool) -> None:
    call = [line(A, 3), line(C, words / 3), line(A, 8)]
    assert bool(root_cause(scored(events(call)))) is told


def test_what_a_call_is_about_is_told_in_80_words() -> None:
    call = [line(A, 3), line(C, 40), line(A, 8)]
    (told,) = root_cause(scored(events(call)))
    assert len(told.text.replace("\N{HORIZONTAL ELLIPSIS}", "").split()) == 80


def told_about(*acts: tuple[str, float]) -> list[str]:
    """Return the kinds of acts, the most telling first; each has an account and an agitation.

    The first account of all is told first, whatever is in it.
    """
    lines = [line(A, 3), line(C, 6), line(A, 6)]
    told = [act(C, "trouble", 7.0, "table")]
    at_s = 1.0 + 3 + 1.0 + 6 + 1.0 + 6
    words = ["boiler", "garden", "window", "kitchen", "carpet", "ladder", "engine", "mirror"]
    for (kind, agitation), word in zip(acts, words, strict=False):
        lines += [line(C, 3, agitation=agitation), line(A, 6)]
        told.append(act(C, kind, at_s + 2.0, word))
        at_s += 1.0 + 3 + 1.0 + 6
    starts = {round(each.start / S): each.kind for each in told[1:]}
    found = root_cause(scored([*events(lines), *told]))[1:]
    return [kind for q in found for at, kind in starts.items() if q.start_s <= at < q.end_s + 1]


def test_5_passages_tell_what_a_call_is_about() -> None:
    assert len(told_about(*[("trouble", 0.0)] * 4)) == 4
    assert len(told_about(*[("trouble", 0.0)] * 8)) == 4


@pytest.mark.parametrize(
    ("kind", "as_telling_as_a_problem_with"), [("repeat", 0.5), ("demand", 0.0)]
)
def test_a_kind_is_as_telling_as_a_problem_that_is_told_with_agitation(
    kind: str, as_telling_as_a_problem_with: float
) -> None:
    agitation = as_telling_as_a_problem_with
    assert told_about((kind, 0.1), ("trouble", agitation)) == [kind, "trouble"]
    assert told_about((kind, 0.0), ("trouble", agitation + 0.1)) == ["trouble", kind]


@pytest.mark.parametrize(
    ("agitation", "first"), [(0.6, ["abuse", "trouble"]), (0.4, ["trouble", "abuse"])]
)
def test_abuse_is_as_telling_as_a_calm_problem_with_an_agitation_of_05(
    agitation: float, first: list[str]
) -> None:
    assert told_about(("abuse", agitation), ("trouble", 0.0)) == first

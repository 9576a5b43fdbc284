"""Limits, windows and weights of the estimates at their edges, as the documents give them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.estimates.test_delivery import PLAIN, Voice, composite, event, measure, meter, talk
from voicecoach.estimates.baseline import EMPTY_BASELINE, AgentBaseline, SignalBaseline
from voicecoach.estimates.calmness import notable_words
from voicecoach.estimates.interaction import InteractionEvidence
from voicecoach.estimates.posterior import PosteriorMean
from voicecoach.estimates.tone import apply_guards
from voicecoach.testing import make_tone
from voicecoach.types.events import Delivery, Evidence, Overlap
from voicecoach.types.stream import SAMPLE_RATE, Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER
NAN = float("nan")


def s(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


# --- calmness -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "worst", "costs", "best", "gains"),
    [
        ("rate_syl_s", 45.0, 0.36, 0.0, 0.09),
        ("level_db", 60.0, 0.4, -60.0, 0.1),
        ("f0_semitones", 60.0, 0.4, -60.0, 0.1),
        ("f0_range_semitones", 60.0, 0.2, -60.0, 0.05),
        ("overlaps_per_min", 60.0, 0.4, -60.0, 0.1),
        ("reply_gap_s", -60.0, 0.2, 60.0, 0.05),
        ("talk_share", 60.0, 0.2, -60.0, 0.05),
    ],
)
def test_what_a_signal_costs_and_gains_at_most(
    signal: str, worst: float, costs: float, best: float, gains: float
) -> None:
    assert composite(event(**{signal: worst})) == pytest.approx(0.75 - costs)
    assert composite(event(**{signal: best})) == pytest.approx(0.75 + gains)


@pytest.mark.parametrize(
    ("word", "notable", "less"),
    [
        ("loud", {"level_db": 3.0}, {"level_db": 2.9}),
        ("high", {"f0_semitones": 2.0}, {"f0_semitones": 1.9}),
        ("fast", {"rate_syl_s": 5.63}, {"rate_syl_s": 5.6}),
    ],
)
def test_a_word_is_said_from_3_db_2_semitones_and_a_quarter(
    word: str, notable: dict[str, float], less: dict[str, float]
) -> None:
    assert notable_words(event(**notable)) == [word]
    assert notable_words(event(**less)) == []


# --- the talk -----------------------------------------------------------------------------


def newest(*turns: tuple[Speaker, float, float]) -> Delivery:
    m = meter()
    talk(m, list(turns))
    assert m.newest
    return m.newest


@pytest.mark.parametrize(("length_s", "counts"), [(0.5, True), (0.45, False)])
def test_an_overlap_is_counted_from_half_a_second(length_s: float, counts: bool) -> None:
    m = meter()
    talk(m, [(C, 1.0, 30.0)])
    start, end = s(30.0 - length_s), s(30.0)
    m.add_speech_event(Overlap(at=end, by=A, backchannel=False, start=start, end=end))
    measured, _ = measure(m, PLAIN, 1.0, at=s(60.0))
    assert (measured.overlaps_per_min or 0.0) > 0 or not counts
    assert (measured.overlaps_per_min == 0.0) is not counts


@pytest.mark.parametrize(("theirs_s", "known"), [(10.5, True), (9.0, False)])
def test_a_share_of_talk_takes_20_s_of_speech(theirs_s: float, known: bool) -> None:
    measured = newest((C, 1.0, 1.0 + theirs_s), (A, 12.0, 22.0), (A, 23.0, 23.3))
    assert (measured.talk_share is not None) is known


@pytest.mark.parametrize(("length_s", "replies"), [(1.2, True), (0.8, False)])
def test_a_reply_lasts_a_second(length_s: float, replies: bool) -> None:
    turns = []
    for start in (0.0, 20.0, 40.0):
        turns += [(C, start + 1.0, start + 5.0), (A, start + 6.0, start + 6.0 + length_s)]
    assert (newest(*turns).reply_gap_s is not None) is replies


def test_windows_a_quarter_of_a_second_apart_are_one_speech() -> None:
    """10 s of speech are known as the usual when all of it was counted, no sooner."""
    for step_s, known in ((0.25, True), (0.5, False)):
        m = meter()
        for i in range(1, round(10.5 / step_s)):
            at = round(i * step_s * SAMPLE_RATE)
            measured = m.measure_delivery(at, PLAIN.window(at))
        assert (measured.baseline_rate_syl_s is not None) is known


# --- what is kept of earlier calls --------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "memory"),
    [
        ("rate_syl_s", 3600.0),
        ("level_dbfs", 3600.0),
        ("f0_semitones", 3600.0),
        ("f0_range_semitones", 3600.0),
        ("overlaps_per_min", 100.0),
        ("reply_gap_s", 400.0),
        ("talk_share", 100.0),
    ],
)
def test_what_is_kept_counts_for_no_more_than(signal: str, memory: float) -> None:
    """An hour of speech, 400 replies, 100 minutes: as much in a new call is half of both."""
    old, new = SignalBaseline(0.0, 1.0, 1e5), SignalBaseline(1.0, 1.0, memory)
    kept = EMPTY_BASELINE.with_call({signal: old}).with_call({signal: new}).signals[signal]
    assert kept.mean == pytest.approx(0.5)
    assert kept.count == memory


def baseline_moved(signal: str, off: float, seconds: float) -> float:
    """Return how far the usual has moved towards what is spoken now, `off` above what was kept."""
    of_voice, field = {
        "rate_syl_s": ("rate", "baseline_rate_syl_s"),
        "level_dbfs": ("level", "level_db"),
        "f0_semitones": ("f0", "f0_semitones"),
        "f0_range_semitones": ("f0_range", "f0_range_semitones"),
    }[signal]
    plain = getattr(Voice(), of_voice)
    kept = SignalBaseline(plain - off, 1.0, 1e5)
    stored = AgentBaseline(version=1, calls=1, signals={signal: kept})
    measured, _ = measure(meter(kept_usual=stored), PLAIN, seconds)
    value = float(getattr(measured, field))
    return value - (plain - off) if signal == "rate_syl_s" else off - value


@pytest.mark.parametrize(
    ("signal", "worth_s"),
    [
        ("rate_syl_s", 600.0),
        ("f0_semitones", 600.0),
        ("f0_range_semitones", 600.0),
        ("level_dbfs", 1.0),
    ],
)
def test_what_is_kept_stands_for_so_much_speech(signal: str, worth_s: float) -> None:
    """After 30 s of another value the usual has moved by 30 / (30 + worth) of the way."""
    assert baseline_moved(signal, 0.1, 30.0) / 0.1 == pytest.approx(30 / (30 + worth_s), rel=0.02)


@pytest.mark.parametrize(
    ("signal", "deviation"),
    [("rate_syl_s", 0.7), ("f0_semitones", 2.0), ("f0_range_semitones", 1.5)],
)
def test_what_is_far_off_counts_as_3_deviations_of_its_signal(
    signal: str, deviation: float
) -> None:
    assert baseline_moved(signal, 100.0, 1.0) == pytest.approx(3 * deviation / 601, rel=0.02)


def moved_after_10_s(signal: str, off: float) -> float:
    """Return how far the usual moves by a window that is `off` after 10 s of plain speech."""
    of_voice, field = {
        "rate_syl_s": ("rate", "baseline_rate_syl_s"),
        "level_dbfs": ("level", "level_db"),
        "f0_semitones": ("f0", "f0_semitones"),
        "f0_range_semitones": ("f0_range", "f0_range_semitones"),
    }[signal]
    m = meter()
    _, at = measure(m, PLAIN, 10.0)
    measured, _ = measure(m, Voice(**{of_voice: getattr(PLAIN, of_voice) + off}), 0.125, at)
    value = float(getattr(measured, field))
    return value - PLAIN.rate if signal == "rate_syl_s" else off - value


@pytest.mark.parametrize(
    ("signal", "whole", "too_far"),
    [
        ("rate_syl_s", 2.3, 2.5),
        ("level_dbfs", 10.0, 10.6),
        ("f0_semitones", 6.8, 7.1),
        ("f0_range_semitones", 5.1, 5.3),
    ],
)
def test_what_chance_hardly_gives_after_10_s_of_speech_counts_less(
    signal: str, whole: float, too_far: float
) -> None:
    """Chance gives 3 deviations of a window and of what is known: 3 * sqrt(1 + 3 / 10)."""
    share = moved_after_10_s(signal, 0.1) / 0.1
    assert moved_after_10_s(signal, whole) == pytest.approx(whole * share)
    assert moved_after_10_s(signal, too_far) < 0.99 * too_far * share


def kept(signal: str, mean: float) -> AgentBaseline:
    """Return what was learnt of a signal from very much."""
    learnt = SignalBaseline(mean, 1.0, 1e5)
    return AgentBaseline(version=1, calls=1, signals={signal: learnt})


def overlaps_baseline(count: int) -> float:
    """Return the usual overlaps, 0 before, after a minute with so many."""
    m = meter(kept_usual=kept("overlaps_per_min", 0.0))
    talk(m, [(C, 1.0, 30.0)])
    for i in range(count):
        start, end = s(5.0 * i + 5.0), s(5.0 * i + 6.0)
        m.add_speech_event(Overlap(at=end, by=A, backchannel=False, start=start, end=end))
    return measure(m, PLAIN, 0.125, s(60.0))[0].baseline_overlaps_per_min or 0.0


def reply_gap_baseline(gap_s: float) -> float:
    """Return the usual gap, 0 before, once three replies have come after so long."""
    m = meter(kept_usual=kept("reply_gap_s", 0.0))
    for start in (0.0, 20.0, 40.0):
        reply = start + 5.0 + gap_s
        talk(m, [(C, start + 1.0, start + 5.0), (A, reply, reply + 1.5)])
    return (m.newest and m.newest.baseline_reply_gap_s) or 0.0


def talk_share_baseline(share: float) -> float:
    """Return the usual share of talk, 0.1 before, after a minute with this share."""
    m = meter(kept_usual=kept("talk_share", 0.1))
    theirs_s = 40.0 * (1.0 - share)
    talk(m, [(C, 1.0, 1.0 + theirs_s), (A, 15.0 + theirs_s, 55.0)])
    return measure(m, PLAIN, 0.125, s(60.0))[0].baseline_talk_share or 0.0


def test_a_minute_or_a_reply_is_a_21st_of_what_is_usual_and_less_where_it_is_far_off() -> None:
    """20 of them are the most that is kept; 3 deviations of one, and of what is known, are far."""
    assert overlaps_baseline(3) == pytest.approx(3 / 21)
    assert overlaps_baseline(4) < 3.2 / 21
    assert reply_gap_baseline(1.5) == pytest.approx(1.5 / 21)
    assert reply_gap_baseline(1.7) < 1.6 / 21
    assert talk_share_baseline(0.7) - 0.1 == pytest.approx(0.6 / 21)
    assert talk_share_baseline(0.8) - 0.1 < 0.63 / 21


def test_speech_is_forgotten_after_a_minute_and_a_half() -> None:
    """Each second of it counts for 1 / 90 once there were 90 s."""
    m = meter()
    _, at = measure(m, Voice(rate=4.0), 300.0)
    measured, _ = measure(m, Voice(rate=4.1), 10.0, at)
    moved = ((measured.baseline_rate_syl_s or 0.0) - 4.0) / 0.1
    assert moved == pytest.approx(1 - np.exp(-10 / 90), abs=0.005)


# --- a posterior mean ---------------------------------------------------------------------


def test_what_is_further_off_than_3_deviations_counts_as_if_it_were_that_far() -> None:
    one = np.ones(1)
    for x, moved in ((2.9, 2.9), (3.0, 3.0), (50.0, 3.0)):
        mean = PosteriorMean(
            np.zeros(1), one, np.full(1, 1e12), independent_after_s=1.0, memory_s=90.0
        )
        mean.learn(np.full(1, x), 1.0)
        assert float(mean.mean[0]) * 1e12 == pytest.approx(moved)


def test_a_usual_of_nobody_is_the_first_value() -> None:
    mean = PosteriorMean(
        np.full(1, NAN), np.ones(1), np.zeros(1), independent_after_s=3.0, memory_s=90.0
    )
    mean.learn(np.full(1, 7.0), 1.0)
    assert mean.mean.tolist() == [7.0]


# --- interruptions and a raised voice -----------------------------------------------------


def weights(*interruptions_s: float, at_s: float = 100.0) -> float:
    evidence = InteractionEvidence()
    for when in interruptions_s:
        evidence.add_overlap(
            Overlap(at=s(when), by=C, backchannel=False, start=s(when - 1), end=s(when))
        )
    return sum(e.weight for e in evidence.evidence(s(at_s), None))


@pytest.mark.parametrize(
    ("interruptions_s", "weight"),
    [
        ((99.0,), 0.0),
        ((98.0, 99.0), 0.25),
        ((97.0, 98.0, 99.0), 0.5),
        ((96.0, 97.0, 98.0, 99.0), 0.6),
        ((40.5, 99.0), 0.25),
        ((39.5, 99.0), 0.0),
    ],
)
def test_interruptions_of_a_minute_count(interruptions_s: tuple[float, ...], weight: float) -> None:
    assert weights(*interruptions_s) == pytest.approx(weight)


@pytest.mark.parametrize(
    ("louder_db", "higher", "held_s", "weight"),
    [(5.0, 2.0, 2.0, 0.6), (4.9, 2.0, 2.0, 0.0), (5.0, 1.9, 2.0, 0.0), (5.0, 2.0, 1.9, 0.0)],
)
def test_a_voice_is_raised_from_5_db_and_2_semitones_for_2_s(
    louder_db: float, higher: float, held_s: float, weight: float
) -> None:
    evidence = InteractionEvidence()
    found: tuple[Evidence, ...] = ()
    for t in (10.0, 10.0 + held_s):
        tone = make_tone(
            s(t), 0.5, 1.0, start=s(t - 1), signals={"level_db": louder_db, "f0_semitones": higher}
        )
        found = evidence.evidence(s(t), tone)
    assert sum(e.weight for e in found) == pytest.approx(weight)


# --- what is taken off an alert -----------------------------------------------------------


@pytest.mark.parametrize(
    ("log_odds", "pitch", "known", "left"),
    [
        (-1.0, 0.5, 1.0, -1.0),  # half a deviation above the usual is high enough for little
        (-1.0, 0.0, 1.0, -2.0),  # 2 for each deviation that it lacks
        (-1.0, 0.5, 0.0, -3.0),  # 2 where nothing is the speaker's own yet
        (0.5, 0.5, 1.0, 0.5),  # near an alert the other guard begins
        (2.0, 1.3, 1.0, 2.0),  # for which 1.3 deviations are high enough
        (2.0, 1.1, 1.0, 1.2),  # and each that it lacks takes 4
        (3.9, 1.3, 0.9, 3.6),  # and what is not known 3
        (2.5, 0.5, 1.0, 0.7),  # but a tenth of what is above the edge stays
        (99.0, 9.0, 1.0, 4.0),
        (-99.0, 9.0, 1.0, -8.0),
    ],
)
def test_the_guards_take_off_what_pitch_lacks(
    log_odds: float, pitch: float, known: float, left: float
) -> None:
    assert apply_guards(log_odds, pitch, known) == pytest.approx(left)

"""Probabilities in, segments, turns, overlaps and backchannels out: the table of the module."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach.audio.endpointing import Endpointer
from voicecoach.config import EndpointingConfig
from voicecoach.types.events import Backchannel, Event, Overlap, SpeechEnded, SpeechStarted, Turn
from voicecoach.types.stream import HOP, SAMPLE_RATE, Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER
Talk = list[tuple[float, float]]


def run(agent: Talk, customer: Talk, length: float) -> list[Event]:
    """Return the events where each speaks in the given spans of seconds."""
    e, events = Endpointer(EndpointingConfig()), []
    for hop in range(round(length * SAMPLE_RATE / HOP)):
        t = (hop + 0.5) * HOP / SAMPLE_RATE
        p = [float(any(s <= t < e for s, e in spans)) for spans in (agent, customer)]
        events += e.step((hop + 1) * HOP, p)
    return events + e.finish(round(length * SAMPLE_RATE / HOP) * HOP)


def of(events: list[Event], kind: type[Event]) -> list[Event]:
    return [e for e in events if isinstance(e, kind)]


def close(samples: int, seconds: float) -> bool:
    """Within two VAD windows."""
    return abs(samples / SAMPLE_RATE - seconds) <= 0.065


def test_a_segment_has_the_times_of_the_speech_and_says_when_it_was_known() -> None:
    events = run([(1.0, 3.0)], [], 5.0)
    (start,), (end,) = of(events, SpeechStarted), of(events, SpeechEnded)
    assert isinstance(start, SpeechStarted)
    assert isinstance(end, SpeechEnded)
    assert close(start.start, 1.0)
    assert close(end.end, 3.0)
    assert start.at - start.start >= 0.064 * SAMPLE_RATE
    assert close(end.at - end.end, 0.4)


def test_a_pause_within_a_sentence_ends_nothing_and_a_click_starts_nothing() -> None:
    events = run([(1.0, 2.0), (2.3, 3.0), (4.5, 4.51)], [], 6.0)
    assert len(of(events, SpeechStarted)) == 1
    assert len(of(events, SpeechEnded)) == 1


def test_a_call_that_ends_mid_word_loses_nothing() -> None:
    events = run([(1.0, 9.0)], [], 2.0)
    (end,) = of(events, SpeechEnded)
    assert isinstance(end, SpeechEnded)
    assert end.end == end.at == 2 * SAMPLE_RATE
    assert len(of(events, Turn)) == 1


def test_the_floor_changes_hands() -> None:
    events = run([(0.5, 2.0), (4.2, 5.0)], [(2.2, 4.0)], 8.0)
    turns = [(t.speaker, t.start, t.end) for t in events if isinstance(t, Turn)]
    assert [t[0] for t in turns] == [A, C, A]
    for (_, start, end), (s, e) in zip(turns, [(0.5, 2.0), (2.2, 4.0), (4.2, 5.0)], strict=True):
        assert close(start, s)
        assert close(end, e)
    assert not of(events, Overlap)


def test_a_backchannel_is_no_interruption_and_takes_no_floor() -> None:
    events = run([(2.0, 2.5)], [(0.5, 5.0)], 8.0)
    (overlap,) = of(events, Overlap)
    assert isinstance(overlap, Overlap)
    assert overlap.by is A
    assert overlap.backchannel
    assert [b.speaker for b in events if isinstance(b, Backchannel)] == [A]
    assert [t.speaker for t in events if isinstance(t, Turn)] == [C]


def test_who_comes_in_and_stays_interrupts_and_takes_the_floor() -> None:
    events = run([(3.0, 6.0)], [(0.5, 4.0)], 9.0)
    (overlap,) = of(events, Overlap)
    assert isinstance(overlap, Overlap)
    assert overlap.by is A
    assert not overlap.backchannel
    assert close(overlap.start, 3.0)
    assert close(overlap.end, 4.0)
    assert [t.speaker for t in events if isinstance(t, Turn)] == [C, A]


def test_a_smooth_change_within_the_endpointing_delay_is_no_overlap() -> None:
    assert not of(run([(2.1, 4.0)], [(0.5, 2.0)], 6.0), Overlap)


def test_a_long_try_that_fails_is_an_overlap_and_no_backchannel() -> None:
    events = run([(2.0, 3.5)], [(0.5, 6.0)], 9.0)
    (overlap,) = of(events, Overlap)
    assert isinstance(overlap, Overlap)
    assert not overlap.backchannel
    assert not of(events, Backchannel)
    assert [t.speaker for t in events if isinstance(t, Turn)] == [C]


@pytest.mark.parametrize(
    ("agent", "customer", "expected"),
    [
        ([(3.0, 6.0)], [(0.5, 6.0)], True),  # over a customer who had the floor
        ([(1.0, 6.0)], [(0.5, 6.0)], False),  # both had just started
        ([(0.5, 2.0), (3.5, 6.0)], [(1.5, 6.0)], True),  # after the floor had passed
        ([(0.5, 6.0)], [(2.0, 6.0)], False),  # the customer came in
    ],
)
def test_barging_in_is_over_a_settled_other(agent: Talk, customer: Talk, expected: bool) -> None:
    e, longest = Endpointer(EndpointingConfig()), 0.0
    for hop in range(400):
        t = hop * HOP / SAMPLE_RATE
        e.step((hop + 1) * HOP, [float(any(s <= t < f for s, f in x)) for x in (agent, customer)])
        longest = max(longest, e.barge_in_s(A))
    assert (longest > 1.5) == expected


def test_who_comes_in_during_a_short_pause_is_seen_once_the_other_goes_on() -> None:
    events = run([(5.1, 9.0)], [(1.0, 5.0), (5.25, 10.0)], 13.0)
    (overlap,) = of(events, Overlap)
    assert isinstance(overlap, Overlap)
    assert overlap.by is A
    assert close(overlap.start, 5.25)
    assert close(overlap.end, 9.0)
    turns = [t for t in events if isinstance(t, Turn)]
    assert [t.speaker for t in turns] == [C, A, C]
    assert all(a.start < b.start for a, b in pairwise(turns))


@pytest.mark.parametrize(("both_s", "reported"), [(0.08, False), (0.13, True)])
def test_a_tenth_of_a_second_together_is_an_overlap(both_s: float, reported: bool) -> None:
    """Hop by hop, since a segment begins a window before it is heard and ends one after."""
    e, events = Endpointer(EndpointingConfig()), []
    hops = round(both_s * SAMPLE_RATE / HOP)
    for hop in range(1, 400):
        agent = float(hop > 200)
        customer = float(100 < hop <= 200 + hops)
        events += e.step(hop * HOP, [agent, customer])
    assert bool(of(events, Overlap)) == reported


@pytest.mark.parametrize(("alone_s", "expected"), [(0.8, False), (1.2, True)])
def test_who_has_spoken_for_a_second_is_interrupted(alone_s: float, expected: bool) -> None:
    e, first = Endpointer(EndpointingConfig()), 50
    second = first + round(alone_s * SAMPLE_RATE / HOP)
    for hop in range(1, second + 60):
        e.step(hop * HOP, [float(hop > second), float(hop > first)])
    assert (e.barge_in_s(A) > 0) == expected


spans = st.lists(st.tuples(st.floats(0, 8), st.floats(0.05, 3)), max_size=5).map(
    lambda x: [(a, a + d) for a, d in x]
)


@given(spans, spans)
def test_whatever_is_said_starts_and_ends_pair_up_and_turns_do_not_overlap(
    agent: Talk, customer: Talk
) -> None:
    events = run(agent, customer, 10.0)
    assert [e.at for e in events] == sorted(e.at for e in events)
    for speaker in (A, C):
        mine = [
            e for e in events if isinstance(e, SpeechStarted | SpeechEnded) and e.speaker is speaker
        ]
        assert [type(e) for e in mine] == [SpeechStarted, SpeechEnded] * (len(mine) // 2)
        ends = [e for e in mine if isinstance(e, SpeechEnded)]
        assert all(e.start < e.end <= e.at for e in ends)
    for event in events:
        if isinstance(event, Turn | Overlap | Backchannel):
            assert event.start <= event.end <= event.at

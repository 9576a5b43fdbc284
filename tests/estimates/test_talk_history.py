"""Who spoke when in the newest minutes, at the edges of what counts."""

from __future__ import annotations

import pytest

from voicecoach.estimates.talk_history import TalkHistory
from voicecoach.types.events import Overlap, SpeechEnded, SpeechStarted
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Speaker

A, C = SPEAKERS


def s(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def history(*turns: tuple[Speaker, float, float]) -> TalkHistory:
    """Return what is known of turns from and to so many seconds."""
    talk = TalkHistory()
    for speaker, start, end in turns:
        talk.add_event(SpeechStarted(at=s(start + 0.1), speaker=speaker, start=s(start)))
        talk.add_event(SpeechEnded(at=s(end + 0.4), speaker=speaker, start=s(start), end=s(end)))
    return talk


@pytest.mark.parametrize(("theirs_s", "known"), [(15.0, True), (14.9, False)])
def test_a_share_takes_20_s_of_both(theirs_s: float, known: bool) -> None:
    share = history((C, 1.0, 1.0 + theirs_s), (A, 20.0, 25.0)).talk_share(0, s(60.0))
    assert (share == share) is known
    assert share == pytest.approx(0.25) or not known


@pytest.mark.parametrize(("length_s", "count"), [(0.5, 1.0), (0.49, 0.0)])
def test_an_overlap_lasts_half_a_second(length_s: float, count: float) -> None:
    talk = history((C, 1.0, 30.0))
    start, end = s(30.0 - length_s), s(30.0)
    talk.add_event(Overlap(at=end, by=A, backchannel=False, start=start, end=end))
    assert talk.overlaps_per_min(s(60.0)) == count


@pytest.mark.parametrize(("at_s", "known"), [(60.0, True), (59.9, False)])
def test_overlaps_a_minute_take_a_minute(at_s: float, known: bool) -> None:
    rate = history((C, 1.0, 30.0)).overlaps_per_min(s(at_s))
    assert (rate == rate) is known


@pytest.mark.parametrize(("at_s", "rate"), [(209.9, 1 / 3), (210.0, 0.0)])
def test_overlaps_of_3_minutes_count(at_s: float, rate: float) -> None:
    talk = history((C, 1.0, 31.0))
    talk.add_event(Overlap(at=s(30.0), by=A, backchannel=False, start=s(29.0), end=s(30.0)))
    assert talk.overlaps_per_min(s(at_s)) == pytest.approx(rate)


def replies(*gaps_s: float, length_s: float = 2.0) -> TalkHistory:
    """Return what is known after replies of such a length after such gaps."""
    talk, begin = TalkHistory(), 0.0
    for gap_s in gaps_s:
        reply = begin + 5.0 + gap_s
        for speaker, start, end in ((C, begin + 1.0, begin + 5.0), (A, reply, reply + length_s)):
            talk.add_event(SpeechStarted(at=s(start), speaker=speaker, start=s(start)))
            if speaker is A:
                talk.detect_reply(s(end))
            talk.add_event(SpeechEnded(at=s(end), speaker=speaker, start=s(start), end=s(end)))
        begin += 20.0
    return talk


@pytest.mark.parametrize(("length_s", "known"), [(1.0, True), (0.99, False)])
def test_a_reply_lasts_a_second(length_s: float, known: bool) -> None:
    gap_s = replies(0.5, 0.5, 0.5, length_s=length_s).reply_gap_s()
    assert (gap_s == gap_s) is known


@pytest.mark.parametrize(("gap_s", "known"), [(5.0, True), (5.1, False)])
def test_a_reply_comes_within_5_s(gap_s: float, known: bool) -> None:
    median_s = replies(gap_s, gap_s, gap_s).reply_gap_s()
    assert (median_s == median_s) is known


def test_a_gap_is_the_median_of_three_to_five_replies() -> None:
    two, three = (replies(*[1.0] * count).reply_gap_s() for count in (2, 3))
    assert two != two
    assert three == pytest.approx(1.0)
    # Of nine replies the newest five count: three of them are quick.
    assert replies(*[3.0] * 6, *[1.0] * 3).reply_gap_s() == pytest.approx(1.0)
    assert replies(*[3.0] * 7, *[1.0] * 2).reply_gap_s() == pytest.approx(3.0)


def test_neither_a_minute_nor_a_reply_gap_includes_a_pause_in_listening() -> None:
    talk = history((C, 1.0, 31.0), (A, 32.0, 42.0))
    talk.resume(s(50.0))
    assert talk.completed_minutes(s(109.9)) == []
    assert talk.overlaps_per_min(s(109.9)) != talk.overlaps_per_min(s(109.9))
    assert talk.overlaps_per_min(s(110.0)) == 0.0
    for gap_s, paused, known in (1.0, False, True), (1.0, True, False):
        talk = history((C, 1.0, 5.0))
        if paused:
            talk.resume(s(5.5))
        talk.add_event(SpeechStarted(at=s(5.0 + gap_s), speaker=A, start=s(5.0 + gap_s)))
        assert talk.detect_reply(s(8.0)) is known

"""A channel's own voice is told from voices far behind it, and nothing is lost without these."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecoach.audio.near_voice import NearVoice
from voicecoach.types.stream import HOP, SAMPLE_RATE

OWN_DB = -30.0


class Channel:
    """A channel on which somebody speaks so loudly for so long."""

    def __init__(self) -> None:
        self.voice = NearVoice()

    def hear(self, seconds: float, db: float, speech: float = 1.0) -> list[bool]:
        """Return for each hop whether speech in it counts."""
        hops = round(seconds * SAMPLE_RATE / HOP)
        return [self.voice.step(10 ** (db / 10), speech) for _ in range(hops)]

    def pause(self, seconds: float) -> None:
        """Let nobody speak."""
        self.hear(seconds, -80.0, 0.0)


def after_own_speech(seconds: float = 5.0) -> Channel:
    channel = Channel()
    channel.hear(seconds, OWN_DB)
    return channel


def with_others() -> Channel:
    channel = after_own_speech()
    channel.hear(3.0, OWN_DB - 40.0)
    assert channel.voice.others
    return channel


@pytest.mark.parametrize(("below", "others"), [(17.5, False), (18.5, True)])
def test_a_voice_18_db_below_the_own_level_is_another(below: float, others: bool) -> None:
    channel = after_own_speech()
    counted = channel.hear(3.0, OWN_DB - below)
    assert channel.voice.others is others
    assert all(counted) is not others


def test_others_are_left_out_once_they_have_been_heard_for_08_s() -> None:
    channel = after_own_speech()
    counted = channel.hear(3.0, OWN_DB - 40.0)
    # The loudest of 10 hops, 3 for the end of a word, and 50 of the other voice.
    assert counted.index(False) in range(61, 65)
    assert not any(counted[65:])
    assert all(channel.hear(1.0, OWN_DB)), "the own voice counts at once"


@pytest.mark.parametrize(("hops", "others"), [(23, False), (26, True)])
def test_soft_ends_of_words_are_nobody_elses(hops: int, others: bool) -> None:
    channel = after_own_speech()
    for _ in range(20):  # of each, 12 hops follow the loudest ones
        channel.hear(0.3, OWN_DB)
        channel.hear(hops * HOP / SAMPLE_RATE, OWN_DB - 25.0)
        channel.pause(0.2)
    assert channel.voice.others is others


@pytest.mark.parametrize(("every_s", "others"), [(5.0, True), (10.0, False)])
def test_what_was_heard_long_ago_counts_less(every_s: float, others: bool) -> None:
    channel = after_own_speech()
    for _ in range(30):
        channel.hear(26 * HOP / SAMPLE_RATE, OWN_DB - 40.0)
        channel.hear(every_s, OWN_DB)
    assert channel.voice.others is others


@pytest.mark.parametrize(("below", "near"), [(14.5, True), (15.5, False)])
def test_a_far_voice_is_near_again_15_db_below_the_own_level(below: float, near: bool) -> None:
    assert any(with_others().hear(0.5, OWN_DB - below)) is near


@pytest.mark.parametrize(("seconds", "others"), [(59.0, True), (61.0, False)])
def test_others_are_gone_a_minute_after_they_were_heard(seconds: float, others: bool) -> None:
    channel = with_others()
    channel.hear(seconds, OWN_DB)
    assert channel.voice.others is others


@pytest.mark.parametrize(("below", "seconds", "own"), [
    (21.5, 11.9, False), (21.5, 12.6, True), (22.5, 39.5, False), (22.5, 41.0, True)])  # fmt: skip
def test_an_own_voice_that_became_softer_counts_after_12_s_and_much_softer_after_40_s(
    below: float, seconds: float, own: bool
) -> None:
    channel = after_own_speech(60.0)
    channel.hear(seconds, OWN_DB - below)
    assert all(channel.hear(0.1, OWN_DB - below)) is own
    assert channel.voice.others is not own


def test_while_the_own_voice_is_heard_too_a_soft_one_stays_another() -> None:
    channel = after_own_speech()
    for _ in range(6):
        channel.hear(10.0, OWN_DB - 21.5)
        channel.hear(1.0, OWN_DB)
    assert not any(channel.hear(10.0, OWN_DB - 21.5)[20:])


@pytest.mark.parametrize(("louder", "is_own"), [(17.0, False), (19.0, True)])
def test_of_two_voices_the_louder_one_is_the_own_one_however_late_it_begins(
    louder: float, is_own: bool
) -> None:
    channel = Channel()
    channel.hear(30.0, OWN_DB - louder)
    channel.hear(2.5, OWN_DB)
    channel.hear(3.0, OWN_DB - louder)
    assert channel.voice.others is is_own


@pytest.mark.parametrize(("soft_s", "loud_s", "others"), [(7.5, 2.5, True), (8.6, 1.4, False)])
def test_the_own_level_is_that_of_the_louder_fifth_of_its_speech(
    soft_s: float, loud_s: float, others: bool
) -> None:
    channel = after_own_speech(loud_s)
    channel.hear(soft_s, OWN_DB - 10.0)
    channel.hear(3.0, OWN_DB - 19.0)
    assert channel.voice.others is others


@pytest.mark.parametrize(("loud_s", "others"), [(6.5, False), (10.0, True)])
def test_what_was_learnt_before_counts_half_after_a_minute(loud_s: float, others: bool) -> None:
    channel = after_own_speech(60.0)
    channel.hear(loud_s, OWN_DB + 10.0)
    channel.hear(3.0, OWN_DB - 9.0)
    assert channel.voice.others is others


def test_nothing_is_far_in_the_first_2_s_of_speech() -> None:
    channel = after_own_speech(1.0)
    counted = channel.hear(4.0, OWN_DB - 40.0)
    assert counted.index(False) in range(110, 120)  # 63 hops of the first 2 s, and 50


@pytest.mark.parametrize(("speech", "others"), [(0.45, False), (0.55, True)])
def test_only_speech_is_learnt(speech: float, others: bool) -> None:
    channel = Channel()
    channel.hear(5.0, OWN_DB, speech)
    channel.hear(3.0, OWN_DB - 40.0, speech)
    assert channel.voice.others is others


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 0.18), st.floats(-17.0, 0.0)), min_size=1, max_size=60))
def test_of_a_voice_alone_on_a_channel_nothing_is_lost(said: list[tuple[float, float]]) -> None:
    channel = after_own_speech()
    for soft_s, below in said:
        channel.hear(soft_s, OWN_DB - 30.0)  # weak sounds
        assert all(channel.hear(0.3, OWN_DB + below))
    assert not channel.voice.others

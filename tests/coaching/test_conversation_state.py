"""Accounts, silence and agitation over a call, at the edges of what counts."""

import pytest

from voicecoach.audio.endpointing import Endpointer
from voicecoach.audio.hop_groups import ChannelLevels
from voicecoach.coaching.conversation_state import AccountTracker, AgitationHistory, SilenceTracker
from voicecoach.config import EndpointingConfig
from voicecoach.types.events import Account, Event
from voicecoach.types.stream import HOP, NAN, SAMPLE_RATE, SPEAKERS, TICK, Speaker

A, C = SPEAKERS
TICK_S = 0.125
"""A length of which sums are exact."""


def after_speech(
    *speech: tuple[Speaker, float, float], asked_s: float | None = None
) -> AccountTracker:
    """Return the accounts half a second after a call with speech from and to such seconds."""
    endpointer = Endpointer(EndpointingConfig())
    accounts = AccountTracker(endpointer)
    asked = None if asked_s is None else round(asked_s * SAMPLE_RATE)
    for hop in range(1, round((speech[-1][2] + 0.5) * SAMPLE_RATE / HOP)):
        at = hop * HOP
        spoken = {
            who for who, start, end in speech if start * SAMPLE_RATE < at <= end * SAMPLE_RATE
        }
        endpointer.step(at, [float(who in spoken) for who in SPEAKERS])
        if hop % TICK == 0:
            accounts.count_speech(at, TICK * HOP / SAMPLE_RATE, asked)
    return accounts


@pytest.mark.parametrize(("length_s", "begins"), [(0.8, False), (1.3, True)])
def test_a_second_of_the_customers_speech_is_more_than_a_backchannel(
    length_s: float, begins: bool
) -> None:
    accounts = after_speech((A, 1.0, 5.0), (C, 6.0, 6.0 + length_s))
    assert accounts.account_count == int(begins)
    assert (accounts.monologue_s == 0.0) is begins


@pytest.mark.parametrize(("length_s", "replies"), [(1.7, False), (2.3, True)])
def test_2_s_of_the_agents_speech_end_an_account(length_s: float, replies: bool) -> None:
    accounts = after_speech((C, 1.0, 5.0), (A, 6.0, 6.0 + length_s), (C, 9.0, 11.0))
    assert accounts.account_count == 1 + replies
    assert accounts.account_s == pytest.approx(2.0 if replies else 6.0, abs=0.3)


@pytest.mark.parametrize(("pause_s", "answers"), [(3.8, True), (4.2, False)])
def test_a_yes_within_4_s_of_a_question_is_an_answer(pause_s: float, answers: bool) -> None:
    yes = (C, 5.0 + pause_s, 5.5 + pause_s)
    accounts = after_speech((A, 1.0, 5.0), yes, asked_s=5.0)
    assert accounts.account_count == int(answers)
    assert (accounts.monologue_s == 0.0) is answers


@pytest.mark.parametrize(("spoken_s", "counted_s"), [(15.0, 15.0), (25.0, 20.0)])
def test_20_s_from_before_the_customer_is_heard_are_a_monologue(
    spoken_s: float, counted_s: float
) -> None:
    accounts = after_speech((A, 1.0, 1.0 + spoken_s), (C, 30.0, 30.5))
    assert accounts.monologue_s == pytest.approx(counted_s, abs=0.5)


def agitation_over(*parts: tuple[float, float], account: int = 1) -> tuple[AgitationHistory, int]:
    """Return the history of a customer who speaks for so many seconds, each so agitated."""
    history, at = AgitationHistory(), 0
    for seconds, agitation in parts:
        for _ in range(round(seconds / TICK_S)):
            at += round(TICK_S * SAMPLE_RATE)
            history.add_tick(at, TICK_S, agitation, account)
    return history, at


@pytest.mark.parametrize(("agitation", "agitated"), [(0.7, True), (0.69, False)])
def test_speech_is_agitated_from_070(agitation: float, agitated: bool) -> None:
    history, _ = agitation_over((30.0, agitation))
    assert history.agitated_share() == float(agitated)


@pytest.mark.parametrize(("agitation", "calm_s"), [(0.49, 3.0), (0.5, 0.0)])
def test_speech_is_calm_under_050(agitation: float, calm_s: float) -> None:
    assert agitation_over((5.0, 0.9), (3.0, agitation))[0].calmed_s == calm_s


@pytest.mark.parametrize(("outburst_s", "calm_s"), [(4.0, 3.0), (3.875, 0.0)])
def test_an_outburst_lasts_4_s(outburst_s: float, calm_s: float) -> None:
    assert agitation_over((outburst_s, 0.9), (3.0, 0.1))[0].calmed_s == calm_s


@pytest.mark.parametrize(("calm_s", "counted_s"), [(85.0, 85.0), (87.0, 0.0)])
def test_an_outburst_is_forgotten_after_90_s(calm_s: float, counted_s: float) -> None:
    """Of 5 s all are still there after 85 s; after 87 s there are 3."""
    history, _ = agitation_over((5.0, 0.9), (calm_s, 0.1))
    assert history.calmed_s == pytest.approx(counted_s, abs=TICK_S)


@pytest.mark.parametrize(("seconds", "known"), [(30.0, True), (29.875, False)])
def test_a_share_takes_30_s_of_speech(seconds: float, known: bool) -> None:
    share = agitation_over((seconds, 0.9))[0].agitated_share()
    assert (share == share) is known


@pytest.mark.parametrize(("later_s", "counted_s"), [(595.0, 4.0), (605.0, 0.0)])
def test_agitation_is_remembered_for_10_minutes(later_s: float, counted_s: float) -> None:
    history, at = agitation_over((4.0, 0.9))
    assert history.agitated_s(round(at + later_s * SAMPLE_RATE)) == counted_s


def silent_since_s(*parts: tuple[float, float], speech_dbfs: float = NAN) -> float:
    """Return since when it is silent after a word, with so many seconds of noise of such levels."""
    tracker, at = SilenceTracker(), 0
    quiet = ChannelLevels(-100.0, NAN)
    for seconds, dbfs in ((TICK_S, parts[0][1]), *parts):
        for _ in range(round(seconds / TICK_S)):
            at += round(TICK_S * SAMPLE_RATE)
            speaking = {A: at == round(TICK_S * SAMPLE_RATE), C: False}
            tracker.track_sound(at, speaking, {A: quiet, C: ChannelLevels(dbfs, speech_dbfs)})
    assert tracker.since is not None
    return tracker.since / SAMPLE_RATE - TICK_S


@pytest.mark.parametrize(("dbfs", "sounds"), [(-59.5, True), (-60.5, False)])
def test_a_sound_is_10_db_above_the_noise(dbfs: float, sounds: bool) -> None:
    assert silent_since_s((10.0, -70.0), (2.0, dbfs)) == (12.0 if sounds else 0.0)


@pytest.mark.parametrize(("dbfs", "sounds"), [(-45.0, True), (-45.5, False)])
def test_a_sound_is_no_more_than_25_db_below_speech(dbfs: float, sounds: bool) -> None:
    since_s = silent_since_s((1.0, -80.0), (1.0, dbfs), speech_dbfs=-20.0)
    assert since_s == (2.0 if sounds else 0.0)


def test_music_is_taken_for_noise_once_the_floor_has_risen_to_it() -> None:
    """From 10 dB under music that is 20 dB above it: after 100 s at a tenth of a decibel each."""
    since_s = silent_since_s((1.0, -70.0), (180.0, -50.0))
    assert since_s == pytest.approx(101.0, abs=1.0)


def accounts_of(
    *speech: tuple[Speaker, float, float], settings: EndpointingConfig | None = None
) -> list[tuple[float, float]]:
    """Return the accounts, seconds, of a call in which they speak at these times."""
    endpointer = Endpointer(settings or EndpointingConfig())
    tracker, found, at = AccountTracker(endpointer), list[Event](), 0
    while at < (speech[-1][2] + 5.0) * SAMPLE_RATE:
        for _ in range(TICK):
            at += HOP
            now_s = at / SAMPLE_RATE
            endpointer.step(at, [float(any(s is who and a < now_s <= b for s, a, b in speech))
                                 for who in SPEAKERS])  # fmt: skip
        found += tracker.count_speech(at, TICK_S, None)
    found += tracker.finish(at)
    return [(e.start / SAMPLE_RATE, e.end / SAMPLE_RATE) for e in found if isinstance(e, Account)]


def test_an_account_begins_with_the_turn_that_it_stands_in() -> None:
    """A first word and a breath are part of it; a word from before the agent spoke is not."""
    [one] = accounts_of((C, 1.0, 1.6), (C, 2.6, 8.0))
    assert one == pytest.approx((1.0, 8.0), abs=0.05)
    [one] = accounts_of((C, 1.0, 1.6), (A, 2.4, 5.4), (C, 6.0, 9.0))
    assert one == pytest.approx((6.0, 9.0), abs=0.05)


def test_an_account_begins_after_the_one_before() -> None:
    """Also where the settings bridge a reply, so that both accounts are one segment."""
    bridging = EndpointingConfig(offset_s=2.9)
    first, second = accounts_of((C, 1.0, 5.0), (A, 5.2, 7.5), (C, 7.6, 12.0), settings=bridging)
    assert first[1] <= second[0]


@pytest.mark.parametrize(("last_s", "accounts"), [(7.1, 2), (6.9, 1)])
def test_a_turn_of_2_s_is_a_reply_with_its_pauses(last_s: float, accounts: int) -> None:
    """Short sentences are less than 2 s of speech; "mm-hm" twice is no turn of 2 s."""
    sentences = ((A, 5.0, 5.6), (A, 6.1, 6.5), (A, 6.8, last_s))
    assert len(accounts_of((C, 1.0, 4.0), *sentences, (C, 8.0, 11.0))) == accounts
    nods = ((A, 5.0, 5.5), (A, 7.5, 8.0))
    assert len(accounts_of((C, 1.0, 4.0), *nods, (C, 9.0, 12.0))) == 1

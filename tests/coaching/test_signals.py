"""What the cues know of a call, by calls on paper: who speaks when, and what they say."""

from collections.abc import Mapping
from math import isnan
from typing import NamedTuple

import pytest

from voicecoach.audio.endpointing import Endpointer
from voicecoach.audio.hop_groups import ChannelLevels
from voicecoach.coaching.signal_catalogue import CUE_SIGNALS
from voicecoach.coaching.signals import SignalTracker, StageOutputs
from voicecoach.config import EndpointingConfig
from voicecoach.language.dialogue_acts import DialogueActTracker
from voicecoach.testing import ENGLISH_ACTS, make_tone, make_utterance
from voicecoach.types.events import Account, Delivery, Event, Reply, Word
from voicecoach.types.stream import HOP, SAMPLE_RATE, SPEAKERS, TICK, Speaker

A, C = SPEAKERS


class Speech(NamedTuple):
    """A stretch of speech, and what is said in it; words are final when it ends."""

    who: Speaker
    start_s: float
    end_s: float
    says: str = ""
    agitation: float = 0.1


def hear(moves: DialogueActTracker, number: int, speech: Speech) -> None:
    """Give the words of a stretch of speech to `moves`."""
    words = speech.says.split()
    at, start = round(speech.end_s * SAMPLE_RATE), round(speech.start_s * SAMPLE_RATE)
    step = (at - start) // max(len(words), 1)
    for i, text in enumerate(words):
        begin = start + i * step
        moves.add_event(
            Word(
                at=at, speaker=speech.who, utterance=number, index=i, text=text, start=begin,
                end=begin + step, probability=0.9, committed=True, final=True,
            )
        )  # fmt: skip
    moves.add_event(
        make_utterance(speech.says, speaker=speech.who, utterance=number, start=start, end=at)
    )  # fmt: skip


def play(
    call: list[Speech],
    until_s: float,
    words: frozenset[Speaker] = frozenset(SPEAKERS),
    music_s: tuple[float, float] = (0.0, 0.0),
    rate: float = 5.0,
    told_events: list[Event] | None = None,
    pause_s: tuple[float, float] = (0.0, 0.0),
) -> list[tuple[float, Mapping[str, float]]]:
    """Return the signals at every tick of a call on paper."""
    endpointer, moves = Endpointer(EndpointingConfig()), DialogueActTracker(ENGLISH_ACTS)
    signals = SignalTracker(endpointer, moves)
    ticks: list[tuple[float, Mapping[str, float]]] = []
    told, tone, delivery = 0, None, None
    ended = sorted(call, key=lambda speech: speech.end_s)
    for hop in range(1, round(until_s * SAMPLE_RATE / HOP) + 1):
        at = hop * HOP
        t = at / SAMPLE_RATE
        now = {
            who: [s for s in call if s.who is who and s.start_s < t <= s.end_s] for who in SPEAKERS
        }
        endpointer.step(at, [float(bool(now[who])) for who in SPEAKERS])
        while told < len(ended) and ended[told].end_s <= t:
            hear(moves, told + 1, ended[told])
            told += 1
        if hop % TICK:
            continue
        if now[C]:
            tone = make_tone(at, now[C][0].agitation, 0.9, start=at)
        if now[A]:
            delivery = Delivery(
                at=at, speaker=A, start=at, end=at, rate_syl_s=rate, baseline_rate_syl_s=5.0,
                level_db=0.0, f0_semitones=0.0,
            )  # fmt: skip
        playing = music_s[0] <= t < music_s[1]
        levels = {
            A: ChannelLevels(-25.0 if now[A] else -70.0, -25.0),
            C: ChannelLevels(-25.0 if now[C] or playing else -70.0, -25.0),
        }
        heard = StageOutputs(tone, delivery, levels, set(words))
        paused = pause_s[0] < t <= pause_s[1]
        ticks.append((t, signals.skip_tick(at) if paused else signals.compute_signals(at, heard)))
        if told_events is not None:
            told_events += signals.events
    if told_events is not None:
        told_events += signals.finish(round(until_s * SAMPLE_RATE))
    return ticks


def last(call: list[Speech], until_s: float, **options: object) -> Mapping[str, float]:
    """Return the signals at the end of a call on paper."""
    return play(call, until_s, **options)[-1][1]  # type: ignore[arg-type]


GREETING = Speech(A, 0.5, 3.0, "thank you for calling how can I help you")


def test_every_signal_has_a_value_at_every_tick() -> None:
    for _, signals in play([GREETING, Speech(C, 4, 8, "my light is broken")], 10):
        assert signals.keys() == CUE_SIGNALS.keys()


def test_no_time_since_anything_includes_a_pause_in_listening() -> None:
    call = [GREETING, Speech(C, 4, 8, "my light is broken"), Speech(A, 9, 14, "I am so sorry")]
    ticks = dict(play(call, 80, pause_s=(20.0, 60.0)))
    in_it = [signals for t, signals in ticks.items() if 20.2 < t <= 60.0]
    assert all(isnan(x) for signals in in_it for x in signals.values())
    t, after = list(ticks.items())[-1]
    for name, since_s in ("since_apology_s", 14), ("problem_open_s", 8), ("since_help_s", 14):
        assert after[name] == pytest.approx(t - since_s - 40, abs=0.3)
    assert after["dead_air_s"] == pytest.approx(t - 60, abs=0.3), "silence starts anew"
    assert after["apologies"] == 1
    assert last(call, 62, pause_s=(20.0, 60.0))["agent_monologue_s"] == 0, "nobody knows"
    assert last([*call, Speech(A, 61, 64)], 64, pause_s=(20.0, 60.0))[
        "agent_monologue_s"
    ] == pytest.approx(3, abs=0.3)


def test_accounts_and_replies() -> None:
    call = [GREETING, Speech(C, 4, 24), Speech(A, 25, 37)]
    signals = last(call, 37)
    assert signals["account_s"] == pytest.approx(20, abs=0.5)
    assert signals["agent_reply_s"] == pytest.approx(12, abs=0.5)
    assert signals["agent_gap_s"] == pytest.approx(1.0, abs=0.1)
    assert signals["agent_monologue_s"] == pytest.approx(12, abs=0.5)
    # The customer's "mm-hm" in between starts nothing new, a sentence does.
    assert last([*call, Speech(C, 37.2, 37.8), Speech(A, 38, 40)], 40)["agent_reply_s"] > 13
    again = last([*call, Speech(C, 37.5, 40)], 40)
    assert again["agent_reply_s"] == 0
    assert again["account_s"] == pytest.approx(2.5, abs=0.5)


class Exchange(NamedTuple):
    """An account or a reply, seconds."""

    who: Speaker
    start_s: float
    end_s: float
    known_s: float


def exchanges(call: list[Speech], until_s: float) -> list[Exchange]:
    """Return the accounts and replies that a call on paper is told to have."""
    told: list[Event] = []
    play(call, until_s, told_events=told)
    found = []
    for e in told:
        assert isinstance(e, Account | Reply)
        assert e.speaker is (C if isinstance(e, Account) else A)
        start_s, end_s = (round(x / SAMPLE_RATE, 1) for x in (e.start, e.end))
        found.append(Exchange(e.speaker, start_s, end_s, e.at / SAMPLE_RATE))
    return found


def test_accounts_and_replies_are_told_once_they_are_over() -> None:
    call = [GREETING, Speech(C, 4, 24), Speech(A, 25, 37), Speech(C, 38, 42)]
    account, reply, last_account = exchanges(call, 44)
    assert account[:3] == (C, 4.0, 24.0)
    assert reply[:3] == (A, 25.0, 37.0)
    assert last_account == (C, 38.0, 42.0, 44.0)
    # After 2 s of the reply, and after 1 s of what the customer tells next.
    assert account.known_s == pytest.approx(27.0, abs=0.3)
    assert reply.known_s == pytest.approx(39.0, abs=0.3)
    assert exchanges([GREETING], 5) == []
    assert exchanges(call[:3], 36)[1:] == [(A, 25.0, 36.0, 36.0)]


def test_short_words_neither_begin_nor_end_an_account() -> None:
    nod, short = Speech(A, 10.2, 11.2, "right okay"), Speech(C, 20.5, 21.1, "okay")
    call = [GREETING, Speech(C, 4, 10), nod, Speech(C, 11.5, 16), Speech(A, 17, 20), short]
    assert [e[:3] for e in exchanges([*call, Speech(A, 21.5, 24)], 25)] == [
        (C, 4.0, 16.0),
        (A, 17.0, 24.0),
    ]
    # With nobody in between they go on.
    went_on = [GREETING, Speech(C, 4, 10), Speech(C, 11.5, 12), Speech(A, 13, 16)]
    assert exchanges(went_on, 17)[0][:3] == (C, 4.0, 12.0)
    asks = Speech(A, 17, 20, "and when was it that you noticed?")
    answered = [*call[:4], asks, short, Speech(A, 21.5, 24)]
    assert [e[:3] for e in exchanges(answered, 25)] == [
        (C, 4.0, 16.0),
        (A, 17.0, 20.0),
        (C, 20.5, 21.1),
        (A, 21.5, 24.0),
    ]


def test_a_reply_may_begin_over_the_account_and_is_cut_where_the_customer_tells_more() -> None:
    came_in = [GREETING, Speech(C, 4, 12), Speech(A, 11, 16)]
    assert [e[:3] for e in exchanges(came_in, 17)] == [(C, 4.0, 12.0), (A, 11.0, 16.0)]
    over = [GREETING, Speech(C, 4, 12), Speech(A, 13, 30), Speech(C, 20, 22)]
    assert [e[:3] for e in exchanges(over, 31)] == [
        (C, 4.0, 12.0),
        (A, 13.0, 20.0),
        (C, 20.0, 22.0),
        (A, 20.0, 30.0),
    ]


def test_a_short_word_of_the_agent_is_still_listening() -> None:
    call = [GREETING, Speech(C, 4, 14), Speech(A, 14.5, 15.5, "right okay"), Speech(C, 16, 26)]
    assert last(call, 26)["account_s"] == pytest.approx(20, abs=0.7)


def test_what_is_said_before_the_customer_is_heard_is_an_opening_or_a_recorded_voice() -> None:
    prompt = Speech(A, 1, 80, "thank you for calling please stay on the line")
    assert last([prompt], 80)["agent_monologue_s"] == 20
    call = [prompt, Speech(C, 80.5, 81.0), Speech(A, 82, 92)]
    assert last(call, 92)["agent_monologue_s"] == pytest.approx(30, abs=0.5)


def test_a_short_answer_to_a_question_ends_a_monologue_and_a_backchannel_does_not() -> None:
    asked = Speech(A, 5, 15, "and then the light goes on is it on now?")
    answer = Speech(C, 15.5, 16.0, "yes")
    assert last([asked, answer], 16.5)["agent_monologue_s"] == 0
    told = Speech(A, 5, 15, "and then the light goes on")
    assert last([told, answer], 16.5)["agent_monologue_s"] > 9


def test_whether_a_long_account_was_checked() -> None:
    account = Speech(C, 4, 30, "the light on my dashboard was on when I drove off the parking lot")
    reply = Speech(A, 31, 43, "right so our workshop is open all day and we have people there")
    assert last([GREETING, account, reply], 43.2)["agent_unchecked_s"] > 11
    asked = reply._replace(says="right which model is it?")
    assert last([GREETING, account, asked], 43.2)["agent_unchecked_s"] == 0
    back = reply._replace(
        says="so what you're saying is the light on your dashboard was on when you drove off"
    )
    assert last([GREETING, account, back], 43.2)["agent_unchecked_s"] == 0


TROUBLE = Speech(C, 4, 12, "my washing machine stopped working and it is leaking everywhere")


def test_a_trouble_wants_a_word_of_regret_and_a_way_forward() -> None:
    told = Speech(A, 13, 30, "so the machine is from last year and it was a big one")
    signals = last([GREETING, TROUBLE, told], 30.2)
    assert signals["agent_unmoved_s"] == pytest.approx(17, abs=1.5)
    assert signals["problem_open_s"] == pytest.approx(20, abs=5)
    assert signals["agent_on_problem_s"] == pytest.approx(17, abs=1.5)
    sorry = told._replace(says="I'm so sorry about that it was a big one")
    assert last([GREETING, TROUBLE, sorry], 30.2)["agent_unmoved_s"] == 0
    offer = told._replace(says="what I can do is send you a replacement machine")
    assert isnan(last([GREETING, TROUBLE, offer], 30.2)["problem_open_s"])


def test_without_the_agents_words_nothing_is_missed() -> None:
    told = Speech(A, 13, 30, "so the machine is from last year")
    signals = last([GREETING, TROUBLE, told], 30.2, words=frozenset({C}))
    for name in (
        "agent_unmoved_s",
        "agent_unchecked_s",
        "since_acknowledgement_s",
        "demand_open_s",
    ):
        assert isnan(signals[name])


def test_promises_demands_abuse_and_goodbyes_stay_open_until_they_are_answered() -> None:
    calm = [GREETING, Speech(C, 4, 8, "hello there")]
    promise = Speech(A, 70, 74, "okay I'll look into it and get back to you")
    assert last([*calm, promise], 80)["vague_promise_s"] == pytest.approx(6, abs=2)
    when = Speech(A, 75, 78, "you will hear from us by friday")
    assert isnan(last([*calm, promise, when], 80)["vague_promise_s"])
    demand = Speech(C, 70, 74, "I want to speak to your supervisor")
    assert last([*calm, demand], 80)["demand_open_s"] == pytest.approx(6, abs=1)
    offer = Speech(A, 75, 78, "of course let me get my supervisor for you")
    assert isnan(last([*calm, demand, offer], 80)["demand_open_s"])
    abuse = Speech(C, 70, 74, "you are an idiot")
    assert last([*calm, abuse], 80)["abuse_open_s"] == pytest.approx(6, abs=1)
    limit = Speech(A, 75, 78, "I can't continue if you speak to me like that")
    assert isnan(last([*calm, abuse, limit], 80)["abuse_open_s"])
    bye = Speech(A, 70, 74, "alright have a great day goodbye")
    assert last([*calm, bye], 80)["closing_open_s"] == pytest.approx(6, abs=1)
    step = Speech(A, 60, 68, "I will email you a confirmation")
    assert isnan(last([*calm, step, bye], 80)["closing_open_s"])


def test_apologies_are_counted_and_old_ones_forgotten() -> None:
    sorry = [Speech(A, t, t + 2, "I'm so sorry about that") for t in (10, 20, 30)]
    assert last(sorry, 33)["apologies"] == 3
    assert last(sorry, 265)["apologies"] == 1


def test_silence_helps_where_somebody_needs_a_moment() -> None:
    told = Speech(C, 4, 10, "the number is on the letter")
    assert last([GREETING, told], 19)["dead_air_s"] == pytest.approx(9, abs=0.3)
    asked = Speech(A, 11, 13, "could you tell me the number on the letter?")
    assert last([GREETING, told, asked], 30)["dead_air_s"] == 0
    assert last([GREETING, told, asked], 40)["dead_air_s"] > 25
    wait = Speech(A, 11, 13, "one moment please I'm just looking that up")
    assert last([GREETING, told, wait], 45)["dead_air_s"] == 0
    theirs = Speech(C, 11, 13, "hang on let me find my card")
    assert last([GREETING, told, theirs], 45)["dead_air_s"] == 0
    vent = Speech(C, 4, 12, "it is not working", agitation=0.9)
    assert last([GREETING, vent], 24)["dead_air_s"] == 0
    assert last([GREETING, vent], 29)["dead_air_s"] > 15


def test_music_is_no_silence_and_before_the_first_word_there_is_none() -> None:
    told = Speech(C, 4, 10, "the number is on the letter")
    assert last([GREETING, told], 40, music_s=(11, 40))["dead_air_s"] < 2
    assert isnan(last([], 30)["dead_air_s"])


def test_outbursts_and_calming_down() -> None:
    angry = Speech(C, 4, 14, "it does not work", agitation=0.9)
    signals = last([GREETING, angry], 14)
    assert signals["outburst_s"] == pytest.approx(10, abs=1.2)
    assert signals["calmed_s"] == 0
    calm = Speech(C, 18, 28, "yes okay", agitation=0.2)
    sorry = Speech(A, 15, 17.5, "I'm so sorry I can see why that is frustrating")
    after = last([GREETING, angry, sorry, calm], 28)
    assert after["calmed_s"] == pytest.approx(10, abs=1.5)
    assert after["outburst_s"] == 0
    assert after["since_help_s"] == pytest.approx(11, abs=1.5)
    assert last([GREETING, calm], 28)["calmed_s"] == 0


def test_the_share_of_agitated_speech_takes_half_a_minute() -> None:
    angry = Speech(C, 4, 60, "it does not work", agitation=0.9)
    assert isnan(last([angry], 20)["agitated_share"])
    assert last([angry], 50)["agitated_share"] == 1.0


def test_a_short_turn_has_no_pace() -> None:
    assert isnan(last([Speech(A, 1, 3)], 3)["agent_rate_ratio"])
    assert last([Speech(A, 1, 9)], 9, rate=6.0)["agent_rate_ratio"] == pytest.approx(1.2)


def test_only_reassuring_words_make_an_interruption_unknown() -> None:
    over = Speech(A, 10, 12.5, "oh I'm so sorry")
    story = Speech(C, 4, 20)
    call = [story, over, Speech(A, 12.6, 13.5)]
    ticks = play([story, Speech(A, 10, 12.5, "well our policy is")], 12)
    assert max(s["agent_barge_in_s"] for _, s in ticks) > 1
    # Known only once the words have come.
    after = [s for t, s in play(call, 13.4) if t > 12.7]
    assert all(isnan(s["agent_barge_in_s"]) or not s["agent_barge_in_s"] for s in after)


# --- the edges --------------------------------------------------------------------------------


def computed(**about: float) -> Mapping[str, float]:
    """Return the signals of a tone and a delivery so old and sure."""
    at = 100 * SAMPLE_RATE
    signals = SignalTracker(Endpointer(EndpointingConfig()), DialogueActTracker(ENGLISH_ACTS))
    tone_end, delivery_end = (
        at - round(about.get(name, 0.0) * SAMPLE_RATE) for name in ("tone_age_s", "delivery_age_s")
    )
    tone = make_tone(tone_end, 0.8, about.get("confidence", 0.9), start=tone_end)
    delivery = Delivery(
        at=delivery_end, speaker=A, start=delivery_end, end=delivery_end, rate_syl_s=5.0,
        baseline_rate_syl_s=5.0, level_db=3.0, f0_semitones=0.0,
    )  # fmt: skip
    levels = dict.fromkeys(SPEAKERS, ChannelLevels(-70.0, -25.0))
    return signals.compute_signals(at, StageOutputs(tone, delivery, levels, set(SPEAKERS)))


@pytest.mark.parametrize(
    ("about", "name", "known"),
    [
        ({"confidence": 0.3}, "agitation", True),
        ({"confidence": 0.29}, "agitation", False),
        ({"tone_age_s": 15.0}, "agitation", True),
        ({"tone_age_s": 15.1}, "agitation", False),
        ({"delivery_age_s": 1.5}, "agent_level_db", True),
        ({"delivery_age_s": 1.6}, "agent_level_db", False),
    ],
)
def test_what_is_unsure_or_old_is_unknown(about: dict[str, float], name: str, known: bool) -> None:
    assert isnan(computed(**about)[name]) is not known


@pytest.mark.parametrize(("seconds", "known"), [(3.5, False), (5.0, True)])
def test_pace_is_known_after_4_s_of_a_turn(seconds: float, known: bool) -> None:
    signals = last([Speech(A, 1, 1 + seconds)], 1 + seconds)
    assert isnan(signals["agent_rate_ratio"]) is not known


@pytest.mark.parametrize(("rate", "helps"), [(4.5, True), (4.6, False)])
def test_a_tenth_slower_than_usual_helps(rate: float, helps: bool) -> None:
    signals = last([Speech(A, 1, 9)], 9, rate=rate)
    assert isnan(signals["since_help_s"]) is not helps


@pytest.mark.parametrize(("length_s", "ends"), [(0.8, False), (1.4, True)])
def test_a_second_of_speech_is_more_than_a_backchannel(length_s: float, ends: bool) -> None:
    call = [Speech(A, 5, 15, "and then the light goes on"), Speech(C, 16, 16 + length_s)]
    assert (last(call, 18)["agent_monologue_s"] == 0) is ends


@pytest.mark.parametrize(("pause_s", "answers"), [(3.6, True), (4.4, False)])
def test_a_short_word_within_4_s_of_a_question_answers_it(pause_s: float, answers: bool) -> None:
    asks = Speech(A, 5, 15, "and then the light goes on is it on now?")
    begin = 15 + pause_s
    call = [asks, Speech(C, begin, begin + 0.5, "yes")]
    assert (last(call, begin + 1)["agent_monologue_s"] == 0) is answers


LIMIT = "I can't continue if you speak to me like that"
OFFER = "what I can do is send you a replacement machine"
DAY = "you will hear from us by friday"
STEP = "I will email you a confirmation"
BYE = "alright have a great day goodbye"
TOLD = "my washing machine stopped working"


@pytest.mark.parametrize(
    ("signal", "first", "second", "within_s"),
    [
        ("abuse_open_s", (A, LIMIT), (C, "you are an idiot"), 60),
        ("problem_open_s", (A, OFFER), (C, TOLD), 60),
        ("vague_promise_s", (A, DAY), (A, "okay I'll look into it and get back to you"), 30),
        ("closing_open_s", (A, STEP), (A, BYE), 120),
    ],
)
def test_what_was_said_before_covers_what_comes_so_soon_after(
    signal: str, first: tuple[Speaker, str], second: tuple[Speaker, str], within_s: float
) -> None:
    for gap_s, covered in ((within_s - 5.0, True), (within_s + 5.0, False)):
        begin = 65.0 + gap_s
        call = [
            GREETING,
            Speech(first[0], 62, 65, first[1]),
            Speech(second[0], begin, begin + 3, second[1]),
        ]
        assert isnan(last(call, begin + 4)[signal]) is covered, gap_s


@pytest.mark.parametrize(("at_s", "goodbye"), [(54.0, False), (66.0, True)])
def test_nobody_says_goodbye_in_the_first_minute(at_s: float, goodbye: bool) -> None:
    call = [GREETING, Speech(A, at_s - 4, at_s, BYE)]
    assert isnan(last(call, at_s + 2)["closing_open_s"]) is not goodbye


@pytest.mark.parametrize(("pause_s", "done_now"), [(5.0, True), (7.5, False)])
def test_what_is_done_at_this_moment_needs_no_time(pause_s: float, done_now: bool) -> None:
    promise = Speech(A, 70, 73, "okay I'll look into it and get back to you")
    wait = Speech(A, 73 + pause_s, 75 + pause_s, "one moment please")
    assert isnan(last([GREETING, promise, wait], 76 + pause_s)["vague_promise_s"]) is done_now


TELLS = Speech(C, 4, 10, "the number is on the letter")


@pytest.mark.parametrize(
    ("before", "silence_s"),
    [
        (Speech(A, 11, 13, "could you tell me the number on the letter?"), 25.0),
        (Speech(A, 11, 13, "one moment please I'm just looking that up"), 45.0),
        (Speech(C, 11, 19, "it is not working", agitation=0.9), 15.0),
    ],
)
def test_a_silence_helps_for_so_long(before: Speech, silence_s: float) -> None:
    for seconds, helps in ((silence_s - 1.0, True), (silence_s + 1.0, False)):
        dead_s = last([GREETING, TELLS, before], before.end_s + seconds)["dead_air_s"]
        assert (dead_s == 0) is helps, seconds


@pytest.mark.parametrize(("spoken_s", "helps"), [(8.0, True), (13.0, False)])
def test_a_silence_is_about_what_was_said_10_s_before_it(spoken_s: float, helps: bool) -> None:
    wait = Speech(A, 11, 13, "one moment please")
    more = Speech(A, 13.2, 13 + spoken_s, "here we are")
    assert (last([GREETING, TELLS, wait, more], 23 + spoken_s)["dead_air_s"] == 0) is helps


# --- after the goodbyes ---------------------------------------------------------------------

THEIR_BYE = "okay thank you bye"


def is_over(*after: Speech, until_s: float = 120.0, theirs_s: float = 71.0) -> bool:
    """Return whether nothing is to be done at the end, after both have said goodbye."""
    begins = [GREETING, Speech(C, 4, 8, "my light is broken")]
    byes = [Speech(A, 68, 70, BYE), Speech(C, theirs_s, theirs_s + 1, THEIR_BYE)]
    signals = last([*begins, *byes, *after], until_s)
    unknown = {isnan(x) for x in signals.values()}
    assert isnan(signals["dead_air_s"]) is (unknown == {True})
    return unknown == {True}


@pytest.mark.parametrize("who", [A, C])
def test_silence_after_a_goodbye_is_no_dead_air(who: Speaker) -> None:
    bye = Speech(who, 68, 70, BYE if who is A else THEIR_BYE)
    for later in ([], [Speech(who.other, 71, 72, "mm")]):
        assert last([GREETING, bye, *later], 120)["dead_air_s"] == 0.0
    later = [Speech(A, 75, 83, "so I have your number here and I look into it")]
    assert last([GREETING, bye, *later], 120)["dead_air_s"] > 30.0


def test_once_both_have_said_goodbye_nothing_is_to_be_done() -> None:
    assert is_over()
    assert is_over(Speech(A, 90, 110, "right that was the third one today about this light"))
    assert not isnan(last([GREETING, Speech(A, 68, 70, BYE)], 120)["dead_air_s"])
    assert not isnan(last([GREETING, Speech(C, 68, 70, THEIR_BYE)], 120)["dead_air_s"])


@pytest.mark.parametrize(("after_s", "over"), [(5.5, False), (6.5, True)])
def test_for_6_s_after_the_goodbyes_the_agent_can_still_sum_up(after_s: float, over: bool) -> None:
    assert is_over(until_s=72 + after_s) is over
    assert is_over(until_s=70 + after_s, theirs_s=66.0) is over, "whoever says it last"
    byes = [Speech(C, 66, 67, THEIR_BYE), Speech(A, 68, 70, BYE)]
    assert isnan(last([GREETING, *byes], 70 + after_s)["closing_open_s"]) is over


@pytest.mark.parametrize(("theirs_s", "over"), [(98.0, True), (100.0, False), (41.0, True),
                                                (38.0, False)])  # fmt: skip
def test_two_goodbyes_30_s_apart_are_none(theirs_s: float, over: bool) -> None:
    assert is_over(theirs_s=theirs_s) is over


@pytest.mark.parametrize(("seconds", "over"), [(1.5, True), (2.5, False)])
def test_a_customer_who_speaks_for_2_s_after_the_goodbyes_goes_on(
    seconds: float, over: bool
) -> None:
    assert is_over(Speech(C, 80, 80 + seconds, "oh wait")) is over


def test_the_next_greeting_begins_anew() -> None:
    assert not is_over(Speech(A, 80, 83, GREETING.says))


@pytest.mark.parametrize(("earlier_s", "over"), [(9.0, True), (13.0, False)])
def test_a_goodbye_in_the_first_minute_is_none(earlier_s: float, over: bool) -> None:
    at_s = 68 - earlier_s
    byes = [Speech(A, at_s, at_s + 2, BYE), Speech(C, at_s + 3, at_s + 4, THEIR_BYE)]
    assert isnan(last([GREETING, *byes], 100)["dead_air_s"]) is over

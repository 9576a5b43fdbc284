"""The engine as a whole: a deterministic, causal function of its inputs."""

from collections.abc import Sequence
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecoach.audio.channels import DEAD_AFTER
from voicecoach.coaching.signal_catalogue import CUE_SIGNALS
from voicecoach.config import Config
from voicecoach.engine import Engine
from voicecoach.errors import InputError
from voicecoach.shell.asr import answering
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.testing import (
    ENGLISH,
    cut_blocks,
    make_engine,
    process_all,
    silence,
    stereo,
    syllables,
    vowel,
    wavering,
    white_noise,
)
from voicecoach.types.events import (
    ChannelState,
    CueOpened,
    Delivery,
    DialogueAct,
    Ended,
    Event,
    Gap,
    Prosody,
    SignalChanges,
    SpeechStarted,
    Tone,
    TranscribeRequest,
    Utterance,
    Word,
)
from voicecoach.types.stream import F32, HOP, MAX_HOPS, SAMPLE_RATE, TICK, Block, HeardWord, Speaker
from voicecoach.views.event_log import encode_event

A, C = Speaker.AGENT, Speaker.CUSTOMER


def call() -> F32:
    """Return 20 s: the customer speaks, the agent answers, comes in over them, speeds up."""
    agent = [silence(3), syllables(140, 4, 4), silence(2), syllables(150, 4, 4)]
    agent += [syllables(150, 7, 6)]
    customer = [syllables(220, 4, 3), silence(4), syllables(250, 5, 4, 0.2), silence(5)]
    return stereo(wavering(np.concatenate(agent)), wavering(np.concatenate(customer), 1))


def of(events: list[Event], kind: type[Event]) -> list[Event]:
    return [e for e in events if isinstance(e, kind)]


@settings(max_examples=12)
@given(st.lists(st.integers(1, 16), min_size=1, max_size=7))
def test_any_block_split_gives_the_same_events(sizes: list[int]) -> None:
    assert process_all(call(), sizes, frames=True) == process_all(call(), frames=True)


def test_the_staged_call_has_everything_in_it() -> None:
    kinds = {type(e).__name__ for e in process_all(call(), frames=True)}
    assert {"SpeechStarted", "SpeechEnded", "Turn", "Overlap", "Tone", "Delivery"} <= kinds
    assert {"CueOpened", "CueClosed", "Prosody", "Ended"} <= kinds


@settings(max_examples=8)
@given(st.integers(1, call().shape[1] // HOP - 1))
def test_later_audio_never_changes_earlier_events(hop: int) -> None:
    samples = call()
    other = samples.copy()
    rest = samples.shape[1] - hop * HOP
    other[:, hop * HOP :] = white_noise(21.0, 0.2, seed=3)[:rest]
    now = hop * HOP
    first, second = (
        [e for e in process_all(x, frames=True) if e.at <= now] for x in (samples, other)
    )
    assert first == second
    assert first


def test_events_come_in_the_order_they_were_known() -> None:
    times = [e.at for e in process_all(call(), frames=True)]
    assert times == sorted(times)


def test_a_cue_opens_while_the_agent_speaks_over_the_customer() -> None:
    opened = [e for e in process_all(call()) if isinstance(e, CueOpened)]
    assert opened[0].id == "let-them-finish"
    # The agent comes in at 9 s; a second of both speaking is the evidence.
    assert 10.0 <= opened[0].at / SAMPLE_RATE <= 10.5


def test_tone_comes_four_times_a_second_while_the_customer_speaks_and_not_in_pauses() -> None:
    tones = of(process_all(call()), Tone)
    during = [t for t in tones if 7.5 <= t.at / SAMPLE_RATE <= 10.5]
    assert len(during) >= 4 * 3
    assert not [t for t in tones if 3.6 < t.at / SAMPLE_RATE < 6.9]
    assert all(isinstance(t, Tone) and t.start < t.end <= t.at for t in tones)


def test_the_agents_audio_never_reaches_the_customers_tone() -> None:
    quiet, loud = call(), call()
    loud[0] = white_noise(21.0, 0.9, seed=1)[: loud.shape[1]]
    assert of(process_all(quiet), Tone) == of(process_all(loud), Tone)


def test_the_customers_audio_never_reaches_what_is_measured_of_the_agents_voice() -> None:
    one, other = call(), call()
    other[1] = white_noise(21.0, 0.9, seed=1)[: other.shape[1]]
    of_voice = (
        "rate_syl_s",
        "baseline_rate_syl_s",
        "level_db",
        "f0_semitones",
        "f0_range_semitones",
    )
    first, second = (
        [[getattr(e, name) for name in of_voice] for e in of(process_all(x), Delivery)]
        for x in (one, other)
    )
    assert first == second


def test_a_prosody_event_for_every_hop_and_speaker_only_when_asked() -> None:
    events = of(process_all(stereo(vowel(150, 1), silence(1)), frames=True), Prosody)
    hops = len(vowel(150, 1)) // HOP
    assert len(events) == 2 * hops
    assert not of(process_all(stereo(vowel(150, 1), silence(1))), Prosody)
    agent = [e for e in events if isinstance(e, Prosody) and e.speaker is A]
    assert [e.end for e in agent] == [(i + 1) * HOP for i in range(hops)]
    assert agent[20].f0_hz == pytest.approx(150, rel=0.01)
    customer = [e for e in events if isinstance(e, Prosody) and e.speaker is C]
    assert customer[20].f0_hz is None
    assert customer[20].level_dbfs == -100


def test_a_silent_channel_is_dead_and_comes_alive() -> None:
    states = of(
        process_all(stereo(wavering(vowel(150, 8)), np.concatenate([silence(6), vowel(200, 2)]))),
        ChannelState,
    )
    assert [(s.speaker, s.state) for s in states if isinstance(s, ChannelState)] == [
        (C, "dead"),
        (C, "ok"),
    ]
    assert DEAD_AFTER <= states[0].at < DEAD_AFTER + TICK * HOP


def test_a_short_call_with_a_silent_channel_says_so_at_its_end() -> None:
    (state,) = of(process_all(stereo(vowel(150, 1), silence(1))), ChannelState)
    assert isinstance(state, ChannelState)
    assert (state.speaker, state.state) == (C, "dead")


def test_an_absent_speaker_is_not_dead() -> None:
    assert not of(
        process_all(stereo(wavering(vowel(150, 8)), silence(8)), speakers=(A,)), ChannelState
    )


class Deaf:
    """Hears one word wherever there is sound, and keeps what it was given."""

    def __init__(self) -> None:
        self.loudest: list[float] = []

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        self.loudest.append(float(np.abs(audio).max()))
        return [TranscribedWord("word", 0.1, 0.2, 0.9)] if careful else []

    def restart(self) -> None:
        raise AssertionError("nothing failed")


@pytest.mark.parametrize("gap_s", [0.2, 2.0, 30.0])
def test_a_gap_is_said_and_taken_as_silence(gap_s: float) -> None:
    talk = vowel(150, 2)
    samples = stereo(np.concatenate([talk, silence(gap_s), talk]), silence(1))
    start, end = len(talk), len(talk) + len(silence(gap_s))
    pieces = cut_blocks(samples[:, :start]) + [
        Block(end + b.start, b.samples) for b in cut_blocks(samples[:, end:])
    ]
    heard, recogniser = {}, Deaf()
    for name, stream in (("gap", pieces), ("silence", cut_blocks(samples))):
        worker = answering.ReplayAsr([recogniser], Config().transcription, ENGLISH.numbers)
        heard[name] = list(run_engine(stream, make_engine(transcribe=True), worker))
        worker.close()
    (gap,) = of(heard["gap"], Gap)
    assert isinstance(gap, Gap)
    assert (gap.start, gap.end, gap.at) == (start, end, end)
    assert [e for e in heard["gap"] if not isinstance(e, Gap)] == heard["silence"]
    assert min(recogniser.loudest) > 0, "the audio before the gap was still there"


def test_a_stream_that_ends_in_a_gap_says_so() -> None:
    e = make_engine()
    e.process(Block(0, np.zeros((2, HOP), np.float32)))
    e.process(Block(HOP, np.zeros((2, HOP), np.float32), missing=True))
    assert of(e.finish(), Gap) == [Gap(at=2 * HOP, start=HOP, end=2 * HOP)]


def test_a_customer_who_was_agitated_long_ago_may_not_be_now() -> None:
    e = make_engine()
    for block in cut_blocks(stereo(silence(30), syllables(220, 4, 10))):
        e.process(block)
        known = not np.isnan(e.signals["agitation"])
        if 8 * SAMPLE_RATE < block.end < 20 * SAMPLE_RATE:
            assert known
    assert not known


def test_backchannels_do_not_add_up_to_a_turn() -> None:
    customer = syllables(220, 4, 40)
    piece = np.concatenate([silence(2.0), syllables(140, 5, 0.8)])
    e = make_engine()
    for block in cut_blocks(stereo(np.concatenate([piece] * 14), customer)):
        e.process(block)
        assert np.isnan(e.signals["agent_rate_ratio"])


def test_without_a_working_recogniser_an_acknowledgement_is_unknown() -> None:
    e, known = make_engine(transcribe=True), []
    for block in cut_blocks(stereo(vowel(150, 6), silence(6))):
        for event in e.process(block):
            if isinstance(event, TranscribeRequest):
                e.process(event.make_transcript(event.at, (), error="gone"))
        known.append(not np.isnan(e.signals["since_acknowledgement_s"]))
    assert known[0]
    assert not known[-1]


def test_while_final_words_are_overdue_an_acknowledgement_is_unknown() -> None:
    e, known = make_engine(transcribe=True), []
    for block in cut_blocks(stereo(np.concatenate([vowel(150, 2), silence(6)]), silence(1))):
        e.process(block)
        known.append((block.end, not np.isnan(e.signals["since_acknowledgement_s"])))
    assert all(k for t, k in known if t < 4 * SAMPLE_RATE)
    assert not any(k for t, k in known if t > 5 * SAMPLE_RATE)


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (np.zeros((1, HOP), np.float32), r"row 1 the customer, not \[1, 256\]: put silence"),
        (np.zeros((3, HOP), np.float32), r"not \[3, 256\]"),
        (np.zeros(HOP, np.float32), r"not \[256\]"),
        (np.zeros((HOP, 2), np.float32), r"not \[256, 2\]"),
        (np.zeros((2, 100), np.float32), "not 100 samples: cut or collect"),
        (np.zeros((2, HOP + 1), np.float32), "not 257 samples"),
        (np.zeros((2, 0), np.float32), "not 0 samples"),
        (np.zeros((2, (MAX_HOPS + 1) * HOP), np.float32), "1 to 256 whole hops"),
        (np.zeros((2, HOP), np.int16), "not int16: divide int16 by 32768"),
        (np.zeros((2, HOP)), "not float64"),
        (np.full((2, HOP), np.nan, np.float32), "not numbers"),
        (np.zeros((2, HOP)).tolist(), "not a list"),
        (np.full((2, HOP), 8.5, np.float32), "more than 8 times full scale"),
    ],
)
def test_a_block_that_the_engine_does_not_take_is_refused_in_a_sentence(
    samples: F32, sentence: str
) -> None:
    e = make_engine()
    with pytest.raises(InputError, match=sentence) as refused:
        e.process(Block(0, samples))
    assert isinstance(refused.value, ValueError)
    # Nothing of it was taken: the call goes on.
    assert hear_from(e) == process_all(call()[:, : 16 * HOP])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("row", "at"), [(0, 0), (1, 4 * HOP - 1), (0, HOP)])
def test_one_sample_that_is_no_number_is_refused_and_costs_no_call(
    value: float, row: int, at: int
) -> None:
    samples = np.zeros((2, 4 * HOP), np.float32)
    samples[row, at] = value
    e = make_engine()
    with pytest.raises(InputError, match="NaN or infinite"):
        e.process(Block(0, samples))
    assert hear_from(e) == process_all(call()[:, : 16 * HOP])


def hear_from(e: Engine) -> list[Event]:
    """Return what an engine that has heard nothing says of the first hops of the call."""
    (block,) = cut_blocks(call()[:, : 16 * HOP])
    return e.process(block) + e.finish()


def test_a_block_that_does_not_follow_is_refused() -> None:
    e = make_engine()
    e.process(Block(0, np.zeros((2, HOP), np.float32)))
    for start in (0, 2 * HOP):
        with pytest.raises(InputError, match="does not follow: the next sample is 256"):
            e.process(Block(start, np.zeros((2, HOP), np.float32)))
    e.finish()
    with pytest.raises(InputError, match="has ended"):
        e.process(Block(HOP, np.zeros((2, HOP), np.float32)))


def answered(
    samples: F32,
    sizes: list[int],
    text: str,
    delay: int,
    doubtful: Sequence[str] = (),
    requests: list[TranscribeRequest] | None = None,
) -> list[Event]:
    """Return the events of a call whose every utterance is heard as `text`, `delay` later.

    Its requests are added to `requests`.
    """
    e, events, due = make_engine(transcribe=True), [], []

    def take(new: list[Event]) -> None:
        for event in new:
            if isinstance(event, TranscribeRequest):
                step = (event.end - event.start) // (len(text.split()) + 1)
                words = tuple(
                    HeardWord(w, at, at + step, 0.9, w in doubtful)
                    for w, at in zip(text.split(), count(event.start, step), strict=False)
                )
                due.append(event.make_transcript(event.at + delay, words[event.first :]))
                if requests is not None:
                    requests.append(event)
            else:
                events.append(event)

    for block in cut_blocks(samples, sizes):
        while due and due[0].at <= block.end:
            take(e.process(due.pop(0)))
        take(e.process(block))
    take(e.finish())
    while due:
        take(e.process(due.pop(0)))
    return events


def test_only_words_and_utterances_hold_a_doubtful_word() -> None:
    """No cue, signal, dialogue act or evidence quotes it."""
    text = "you must not say my thing is broken and ridiculous I promise you"
    for word in ("thing", "zship"):
        said = text.replace("thing", word)
        told = answered(call(), [16], said, SAMPLE_RATE // 4, doubtful=["zship"])
        others = [e for e in told if not isinstance(e, Word | Utterance)]
        assert any(isinstance(e, CueOpened) and '"' in e.message for e in others)
        lines = b"".join(map(encode_event, others)).decode()
        assert (word in lines) == (word == "thing")
        assert ("my … is broken" in lines) == (word == "zship")
        (final,) = {e.doubtful for e in told if isinstance(e, Utterance)}
        assert final == ((5,) if word == "zship" else ())


@settings(max_examples=6)
@given(st.lists(st.integers(1, 16), min_size=1, max_size=5))
def test_words_arrive_at_their_moment_however_blocks_are_cut(sizes: list[int]) -> None:
    delay = round(0.3 * SAMPLE_RATE)
    assert answered(call(), sizes, "so sorry", delay) == answered(call(), [16], "so sorry", delay)


@settings(max_examples=3)
@given(st.lists(st.integers(1, 16), min_size=1, max_size=5))
def test_a_spelled_name_is_expected_from_then_on_however_blocks_are_cut(sizes: list[int]) -> None:
    requests: list[TranscribeRequest] = []
    events = answered(call(), sizes, "it is S-O-T-I-L-L-I", 4800, requests=requests)
    spelled = next(e for e in events if isinstance(e, Utterance)).at
    assert {r.vocabulary for r in requests if r.at < spelled} == {()}
    assert {r.vocabulary for r in requests if r.at > spelled} == {("Sotilli",)}
    whole: list[TranscribeRequest] = []
    answered(call(), [16], "it is S-O-T-I-L-L-I", 4800, requests=whole)
    assert requests == whole


def test_the_last_words_come_before_the_end() -> None:
    samples = stereo(vowel(150, 2), silence(2))
    events = answered(samples, [16], "good bye", 4800)
    assert isinstance(events[-1], Ended)
    assert events[-1].end == samples.shape[1]
    said = [e for e in events if isinstance(e, Utterance)][-1]
    assert said.text == "good bye"
    assert [e.kind for e in events[events.index(said) :] if isinstance(e, DialogueAct)] == [
        "closing"
    ]


def test_the_signals_are_those_that_are_declared() -> None:
    assert make_engine().signals.keys() == CUE_SIGNALS.keys()


def test_an_acknowledgement_restarts_its_clock_and_without_words_it_is_unknown() -> None:
    samples = stereo(vowel(150, 4), silence(4))

    def since(text: str, transcribe: bool) -> float:
        e = make_engine(transcribe=transcribe)
        for block in cut_blocks(samples, [16]):
            for event in e.process(block):
                if isinstance(event, TranscribeRequest):
                    words = tuple(
                        HeardWord(w, event.end - 100, event.end, 0.9) for w in text.split()
                    )
                    e.process(event.make_transcript(event.at, words[event.first :]))
        return e.signals["since_acknowledgement_s"]

    assert since("I'm so sorry about that", True) < 3.5
    assert since("which car is it", True) == pytest.approx(4.0, abs=0.05)
    assert np.isnan(since("I'm so sorry", False))


def test_an_overlap_that_only_reassures_is_no_barge_in() -> None:
    said = {
        text: [
            e.id
            for e in answered(call(), [16], text, round(0.3 * SAMPLE_RATE))
            if isinstance(e, CueOpened) and e.at < 12 * SAMPLE_RATE
        ]
        for text in ("no problem", "let me stop you")
    }
    assert said["no problem"] == []
    assert said["let me stop you"] == ["let-them-finish"]


def test_nothing_comes_of_nothing() -> None:
    events = process_all(stereo(silence(2), silence(2)))
    assert {type(e) for e in events} == {ChannelState, Ended, SignalChanges}
    assert not of(events, SpeechStarted)


def test_short_turns_have_no_pace() -> None:
    agent = np.concatenate([syllables(140, 4, 12), silence(4), syllables(140, 4, 12)])
    e, known = make_engine(), []
    for block in cut_blocks(stereo(agent, silence(1)), [1]):
        e.process(block)
        known.append((block.end / SAMPLE_RATE, not np.isnan(e.signals["agent_rate_ratio"])))
    assert not any(k for t, k in known if t < 8 or 15 < t < 19.8)
    assert all(k for t, k in known if 9 < t < 12 or 21 < t < 28)


def test_describing_each_hop_at_once_changes_nothing_else() -> None:
    samples = stereo(syllables(150, 5, 6.0), np.concatenate([silence(5), vowel(220, 3)]))
    plain, detailed = process_all(samples), process_all(samples, (1, 5), frames=True)
    descriptors = [e for e in detailed if isinstance(e, Prosody)]
    assert [e for e in detailed if not isinstance(e, Prosody)] == plain
    assert len(descriptors) == 2 * samples.shape[1] // HOP
    for event in descriptors[8:]:
        # Decided within 30 ms of the centre of what it is about.
        assert event.at - (event.start + event.end) / 2 <= 0.03 * SAMPLE_RATE
        assert event.end == event.at


class Greeter:
    """A transcriber that hears an agent's opening words in any audio, once it lasts a second."""

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        words = ["thank", "you", "for", "calling"][len(prefix.split()) :]
        if len(audio) < SAMPLE_RATE:
            return []
        return [TranscribedWord(w, i / 5, (i + 1) / 5, 0.9) for i, w in enumerate(words)]

    def restart(self) -> None:
        """Do nothing: there is no state."""


@pytest.mark.parametrize(("spoken_at_s", "swapped"), [(43.0, True), (47.0, False)])
def test_a_greeting_opens_a_call_in_its_first_45_s(spoken_at_s: float, swapped: bool) -> None:
    """All audio before is missing, which costs least."""
    start = round(spoken_at_s * SAMPLE_RATE / HOP) * HOP
    sound = stereo(silence(9), np.concatenate([syllables(220, 4, 2), silence(7)]))
    sound += 1e-3 * np.random.default_rng(0).standard_normal(sound.shape).astype(np.float32)
    blocks = [Block(start + b.start, b.samples) for b in cut_blocks(sound)]
    worker = answering.ReplayAsr([Greeter()], Config().transcription, ENGLISH.numbers)
    events = list(run_engine(blocks, make_engine(transcribe=True), worker))
    worker.close()
    assert any(isinstance(e, DialogueAct) and e.kind == "greeting" for e in events)
    states = {e.state for e in events if isinstance(e, ChannelState)}
    assert ("swapped" in states) == swapped

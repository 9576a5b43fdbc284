"""Whose voice is on a channel: behind it, or another person's."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import soundfile
import soxr

from scripts.support import corpora
from voicecoach.audio.people import MOST_PEOPLE
from voicecoach.audio.voice_embedding import EMBEDDING, WINDOW_HOPS
from voicecoach.audio.whose_voice import VoiceTracker
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.shell.asr.loop import split_blocks
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.events import Degraded, Event, PersonChanged, SpeechEnded, Tone
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, Block, Speaker

OWN_DB = -30.0


def voice(number: int) -> F32:
    """Return a hop of both channels in which a voice speaks: the place of its one dip."""
    return np.tile(np.where(np.arange(HOP) == number, -0.1, 0.1), (2, 1)).astype(np.float32)


class ByValue:
    """An embedder to which the place of the dip is the voice."""

    def __init__(self) -> None:
        self.windows = 0

    def process(self, samples: F32) -> F32:
        self.windows += 1
        dips = (samples.reshape(-1, HOP)[:, :EMBEDDING] < 0.0).sum(axis=0)
        return np.asarray(dips / np.linalg.norm(dips), np.float32)


class Phone:
    """A call in which somebody speaks on the customer's channel."""

    def __init__(self) -> None:
        self.embedder = ByValue()
        self.voices = VoiceTracker(self.embedder)
        self.at = 0
        self.changes: list[PersonChanged] = []
        self.others: list[Degraded] = []

    def speak(
        self, number: int, seconds: float, db: float = OWN_DB, agent: float = 0.0
    ) -> list[list[float]]:
        """Let a voice speak; return what counts as speech."""
        counted = []
        for _ in range(round(seconds * SAMPLE_RATE / HOP)):
            self.at += HOP
            powers = [10 ** (OWN_DB / 10), 10 ** (db / 10)]
            own, events = self.voices.step(self.at, voice(number), powers, [agent, 1.0])
            counted.append(own)
            self.changes += [e for e in events if isinstance(e, PersonChanged)]
            self.others += [e for e in events if isinstance(e, Degraded)]
        return counted


def test_another_person_is_found_within_3_s_of_speech_and_the_first_when_they_return() -> None:
    phone = Phone()
    phone.speak(1, 10.0)
    handed = phone.at
    phone.speak(2, 6.0)
    returned = phone.at
    phone.speak(1, 6.0)
    assert [(e.speaker, e.person) for e in phone.changes] == [
        (Speaker.CUSTOMER, 2),
        (Speaker.CUSTOMER, 1),
    ]
    for change, since in zip(phone.changes, (handed, returned), strict=True):
        assert change.at - since <= 3.1 * SAMPLE_RATE
        assert since - WINDOW_HOPS * HOP < change.start < change.at


def test_what_leaks_from_the_other_channel_is_nobody_new() -> None:
    phone = Phone()
    phone.speak(1, 10.0)
    phone.speak(2, 20.0, agent=1.0)
    assert not phone.changes


def test_a_voice_is_compared_once_a_window_and_more_often_only_in_doubt() -> None:
    phone = Phone()
    phone.speak(1, 10.0 * WINDOW_HOPS * HOP / SAMPLE_RATE)
    assert phone.embedder.windows == 10


def test_more_people_than_are_remembered_are_still_told_apart() -> None:
    phone = Phone()
    for number in range(1, MOST_PEOPLE + 4):
        phone.speak(number, 6.0)
    assert [e.person for e in phone.changes] == [*range(2, MOST_PEOPLE + 4)]
    phone.speak(1, 6.0)
    phone.speak(MOST_PEOPLE + 3, 6.0)
    assert phone.changes[-1].person == MOST_PEOPLE + 3


def test_the_own_voice_that_became_softer_is_lost_for_2_s_at_most() -> None:
    phone = Phone()
    phone.speak(1, 10.0)
    counted = np.array(phone.speak(1, 10.0, OWN_DB - 25.0))[:, Speaker.CUSTOMER.row]
    assert (counted == 0.0).sum() * HOP / SAMPLE_RATE <= 2.0
    assert counted[-300:].all()
    assert not phone.changes


def test_a_soft_voice_that_is_another_one_stays_behind() -> None:
    phone = Phone()
    phone.speak(1, 10.0)
    counted = np.array(phone.speak(2, 10.0, OWN_DB - 25.0))[:, Speaker.CUSTOMER.row]
    assert not counted[-300:].any()
    assert not phone.changes


def test_what_is_heard_on_one_channel_is_said_once_and_leaves_the_other_alone() -> None:
    voices, said = VoiceTracker(ByValue()), list[Degraded]()
    counted = []
    for hop in range(1000):
        own = hop < 300
        power = [10 ** ((OWN_DB if own else OWN_DB - 30.0) / 10), 10 ** (OWN_DB / 10)]
        speech, events = voices.step((hop + 1) * HOP, voice(2 - own), power, [0.9, 0.8])
        counted.append(speech)
        said += [e for e in events if isinstance(e, Degraded)]
    assert [(n.stage, n.over) for n in said] == [("behind the agent", False)]
    assert said[0].reason == "others are heard, and do not count"
    after = np.array(counted[said[0].at // HOP :])
    assert not after[:, Speaker.AGENT.row].any()
    assert (np.array(counted)[:, Speaker.CUSTOMER.row] == 0.8).all()


def test_they_are_said_to_be_gone() -> None:
    voices, said = VoiceTracker(ByValue()), list[Degraded]()
    for hop in range(6000):
        soft = 300 <= hop < 500
        power = [10 ** ((OWN_DB - 30.0 * soft) / 10), 0.0]
        events = voices.step((hop + 1) * HOP, voice(1 + soft), power, [1.0, 0.0])[1]
        said += [e for e in events if isinstance(e, Degraded)]
    assert [(n.reason, n.over) for n in said][1:] == [("nobody else is heard any more", True)]
    assert said[-1].at >= 60 * SAMPLE_RATE


# --- a real call ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def call() -> F32:
    """Return a minute of the sample call, [2, n]."""
    with soundfile.SoundFile(resource("samples", SAMPLE_CALL)) as file:
        rate = file.samplerate
        x = file.read(60 * rate, dtype="float32")
    samples = soxr.resample(x, rate, SAMPLE_RATE).T
    return np.ascontiguousarray(samples[:, : samples.shape[1] // HOP * HOP], np.float32)


def replay(samples: F32, size: int = 8) -> list[Event]:
    engine = build_engine(Config(), built_in_cues(), shipped_models(), transcribe=False)
    events = [e for b in split_blocks([Block(0, samples)], size) for e in engine.process(b)]
    return events + engine.finish()


def spoken_s(events: list[Event], speaker: Speaker) -> float:
    mine = (e for e in events if isinstance(e, SpeechEnded) and e.speaker is speaker)
    return sum(e.end - e.start for e in mine) / SAMPLE_RATE


def notices(events: list[Event]) -> list[str]:
    return [e.stage for e in events if isinstance(e, Degraded)]


def test_a_neighbour_30_db_below_the_agent_is_not_taken_for_the_agent(call: F32) -> None:
    alone = replay(call)
    neighbour = np.roll(call[1], 20 * SAMPLE_RATE) + np.roll(call[1], 45 * SAMPLE_RATE)
    mixed = call.copy()
    mixed[0] += 10 ** (-30 / 20) * neighbour
    events = replay(mixed)
    assert notices(alone) == []
    assert notices(events) == ["behind the agent"]
    own = spoken_s(alone, Speaker.AGENT)
    assert own < spoken_s(events, Speaker.AGENT) < 1.15 * own
    assert spoken_s(events, Speaker.CUSTOMER) == spoken_s(alone, Speaker.CUSTOMER)
    assert events == replay(mixed, 1), "however blocks are cut"


# --- real voices --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def other() -> F32:
    """Return the customer of the other shared call, who is another woman, [n]."""
    path = corpora.DATA / "calls" / "auto_repairs_49.flac"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    x, rate = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(x[:, 1], rate, SAMPLE_RATE), np.float32)


def changes(events: Sequence[Event]) -> list[PersonChanged]:
    return [e for e in events if isinstance(e, PersonChanged)]


def handed_over(call: F32, other: F32) -> F32:
    """Return the call in which another customer speaks after half of it."""
    half = call.shape[1] // 2 // HOP * HOP
    both = call.copy()
    both[1, half:] = other[: call.shape[1] - half]
    return both


def test_the_phone_handed_to_another_person_is_found_whatever_the_blocks(
    call: F32, other: F32
) -> None:
    assert not changes(replay(call))
    samples = handed_over(call, other)
    events = replay(samples)
    found = changes(events)
    assert [(e.speaker, e.person) for e in found] == [(Speaker.CUSTOMER, 2)]
    assert found[0].start >= samples.shape[1] // 2 - WINDOW_HOPS * HOP
    assert replay(samples, 1) == events


def test_the_second_person_starts_with_no_baseline(call: F32, other: F32) -> None:
    events = replay(handed_over(call, other))
    (change,) = changes(events)
    before, after = itertools.tee(e for e in events if isinstance(e, Tone))
    known = [e.confidence for e in before if e.at < change.at]
    new = [e.confidence for e in after if e.at > change.at]
    assert new[0] < 0.5 < known[-1]

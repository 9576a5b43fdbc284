"""A recogniser that streams: every word once, whatever becomes of requests and processes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach import config
from voicecoach.shell.asr.answering import LiveAsr, ReplayAsr
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.asr.streams import PIECE, OpenStreams
from voicecoach.shell.asr.transcriber import (
    RecogniserFailed,
    RestartingTranscriber,
    SpeechNotUnderstood,
    StreamName,
    TranscribedWord,
    TranscribeResult,
    TranscribeTask,
)
from voicecoach.shell.asr.worker_process import TranscriberProcess
from voicecoach.testing import (
    ENGLISH,
    NoteTranscriber,
    cut_blocks,
    failed_stream_checks,
    make_engine,
    notes,
    silence,
    stereo,
)
from voicecoach.testing.streaming import NoteStream
from voicecoach.types.events import Event, TranscribeRequest, Utterance, Word
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER
SETTINGS = config.TranscriptionConfig()
SAID = "do re mi fa so la ti do mi so ti re"
AUDIO = notes(SAID)
FIRST = StreamName(A, 1, 0)


def texts(words: list[TranscribedWord]) -> str:
    return " ".join(word.text for word in words)


def hear(
    streams: OpenStreams, audio: F32, name: StreamName = FIRST, *, ended: bool = False
) -> list[TranscribedWord]:
    return streams.transcribe_stream(audio, stream=name, ended=ended)


@cache
def heard_afresh(seconds: float, *, ended: bool) -> list[TranscribedWord]:
    return hear(OpenStreams(NoteTranscriber()), AUDIO[: round(seconds * SAMPLE_RATE)], ended=ended)


# --- one stream ----------------------------------------------------------------------------


def test_each_sample_is_heard_once_and_words_grow() -> None:
    model = NoteTranscriber()
    streams = OpenStreams(model)
    for end in range(0, len(AUDIO), 6400):
        words = hear(streams, AUDIO[:end])
        assert SAID.startswith(texts(words[:-1]))
        assert model.heard == end - end % PIECE
    assert texts(hear(streams, AUDIO, ended=True)) == SAID
    assert model.heard == len(AUDIO), "the last piece may be short"


class Cutting(NoteTranscriber):
    """Keeps how its streams' audio was cut."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        super().__init__()

    def create_stream(self) -> NoteStream:
        return CuttingStream(self)


class CuttingStream(NoteStream):
    _transcriber: Cutting

    def accept_audio(self, audio: F32) -> None:
        self._transcriber.lengths.append(len(audio))
        super().accept_audio(audio)


def test_audio_is_cut_in_the_same_places_whenever_requests_come() -> None:
    model = Cutting()
    streams = OpenStreams(model)
    for end in (1000, 1600, 1601, 7000, 7001):
        hear(streams, AUDIO[:end])
    hear(streams, AUDIO[:8100], ended=True)
    assert model.lengths == [PIECE] * 5 + [100]


class Puzzled(NoteTranscriber):
    """Understands nothing before the end."""

    def create_stream(self) -> NoteStream:
        return PuzzledStream(self)


class PuzzledStream(NoteStream):
    def words(self) -> list[TranscribedWord]:
        raise SpeechNotUnderstood


def test_what_is_not_understood_yet_is_heard_on() -> None:
    model = Puzzled()
    attempts = RestartingTranscriber(OpenStreams(model))
    assert not attempts.run_task(task(2.0)).understood
    assert texts(attempts.run_task(task(len(AUDIO) / SAMPLE_RATE, careful=True)).words) == SAID
    assert model.heard == len(AUDIO)


def test_what_goes_on_after_its_end_is_heard_from_its_start() -> None:
    model = NoteTranscriber()
    streams = OpenStreams(model)
    part = AUDIO[: 2 * SAMPLE_RATE]
    hear(streams, part, ended=True)
    assert texts(hear(streams, AUDIO)) == SAID
    assert model.heard == len(part) + len(AUDIO) - len(AUDIO) % PIECE


def test_the_words_of_another_call_are_not_taken_for_those_of_the_same_name() -> None:
    streams = OpenStreams(NoteTranscriber())
    hear(streams, AUDIO)
    assert texts(hear(streams, notes("ti ti ti") * np.float32(0.9), ended=True)) == "ti ti ti"
    hear(streams, AUDIO)
    longer = np.concatenate([notes("so la"), AUDIO])
    assert texts(hear(streams, longer)) == f"so la {SAID}"


def test_words_may_be_asked_for_without_a_stream() -> None:
    streams = OpenStreams(NoteTranscriber())
    hear(streams, AUDIO[: 3 * SAMPLE_RATE])
    assert texts(streams.transcribe(AUDIO, prefix="do re", careful=True)) == SAID[6:]
    assert texts(hear(streams, AUDIO, ended=True)) == SAID


REQUEST = st.tuples(
    st.sampled_from([FIRST, StreamName(A, 2, 0), StreamName(C, 1, 0)]),
    st.integers(0, 36).map(lambda n: n / 10),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(REQUEST, max_size=12))
def test_words_depend_on_the_audio_alone(
    course: list[tuple[StreamName, float, bool, bool]],
) -> None:
    """Whatever was asked before, in whatever order, and whether the state is lost in between."""
    streams = OpenStreams(NoteTranscriber())
    for name, seconds, ended, restart in course:
        if restart:
            streams.restart()
        words = hear(streams, AUDIO[: round(seconds * SAMPLE_RATE)], name, ended=ended)
        assert words == heard_afresh(seconds, ended=ended)


class Breaking(NoteTranscriber):
    """Fails once, when it has heard 2 s."""

    broken = False

    def create_stream(self) -> NoteStream:
        return BreakingStream(self)


class BreakingStream(NoteStream):
    _transcriber: Breaking

    def accept_audio(self, audio: F32) -> None:
        super().accept_audio(audio)
        if self._transcriber.heard > 2 * SAMPLE_RATE and not self._transcriber.broken:
            self._transcriber.broken = True
            raise RecogniserFailed("out of memory")


def test_a_stream_that_failed_is_not_used_again() -> None:
    streams = OpenStreams(Breaking())
    hear(streams, AUDIO[:SAMPLE_RATE])
    with pytest.raises(RecogniserFailed):
        hear(streams, AUDIO)
    assert texts(hear(streams, AUDIO)) == SAID


# --- the check for other recognisers -------------------------------------------------------


class Faulty(NoteTranscriber):
    """Breaks a rule in what its streams answer."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.asked = 0

    def create_stream(self) -> NoteStream:
        return FaultyStream(self)


class FaultyStream(NoteStream):
    _transcriber: Faulty

    def words(self) -> list[TranscribedWord]:
        heard = super().words()
        if self._transcriber.how == "words() takes words away":
            self._over.clear()
        return heard

    def finish(self) -> list[TranscribedWord]:
        how, heard = self._transcriber.how, super().finish()
        if how == "silence is a word":
            return heard or [TranscribedWord("the", 0.0, 0.0, 0.9)]
        if how == "it learns":
            self._transcriber.asked += 1
            return heard * min(self._transcriber.asked, 2)
        if how == "times are beyond the audio":
            return [word._replace(end_s=word.end_s + 9.0) for word in heard]
        if how == "times are not in order":
            return heard[::-1]
        if how == "times are not numbers":
            return [word._replace(end_s=float("nan")) for word in heard]
        if how == "nothing is understood":
            raise SpeechNotUnderstood
        return heard


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("", ""),
        ("words() takes words away", "asked for words"),
        ("silence is a word", "in silence"),
        ("it learns", "after the streams before it"),
        ("times are beyond the audio", "not within the audio"),
        ("times are not in order", "not in order"),
        ("times are not numbers", "not in order"),
        ("nothing is understood", "hears no word"),
    ],
)
def test_the_check_for_plugins_finds_what_would_lose_words(how: str, said: str) -> None:
    failed = failed_stream_checks(Faulty(how), AUDIO)
    assert any(said in line for line in failed) if how else failed == []


# --- a call --------------------------------------------------------------------------------


SPOKEN = [(A, "do re mi fa so la ti do re"), (C, "ti la so fa"), (A, "mi fa so ti " * 9 + "mi")]
"""What is said in `SAMPLES`; the first has a pause that ends nothing, the last lasts 11 s."""
SAMPLES = stereo(
    np.concatenate(
        [
            *(notes("do re mi"), silence(0.3), notes("fa so la ti do re"), silence(3.5)),
            notes(SPOKEN[2][1]),
        ]
    ),
    np.concatenate([silence(4.5), notes("ti la so"), silence(0.25), notes("fa")]),
)


def utterances(events: list[Event]) -> list[tuple[Speaker, str]]:
    """Return what was said, in order."""
    said = sorted((e.start, e.speaker, e.text) for e in events if isinstance(e, Utterance))
    return [(speaker, text) for _, speaker, text in said]


def events_of(
    samples: F32, sizes: tuple[int, ...] = (8,), transcribers: int = 1, **wanted: float
) -> list[Event]:
    settings = config.TranscriptionConfig(**wanted)  # type: ignore[arg-type]
    asr = ReplayAsr(
        [OpenStreams(NoteTranscriber()) for _ in range(transcribers)], settings, ENGLISH.numbers
    )
    with closing(asr):
        engine = make_engine(config.Config(transcription=settings), transcribe=True)
        return list(run_engine(cut_blocks(samples, sizes), engine, asr))


def test_a_call_has_every_word_once_and_commits_before_the_end() -> None:
    events = events_of(SAMPLES)
    assert utterances(events) == SPOKEN
    heard = [e for e in events if isinstance(e, Word)]
    final = {(e.speaker, e.utterance, e.index): e for e in heard if e.final}
    early = [e for e in heard if e.committed and not e.final]
    assert len(early) > len(final) / 2
    assert all(final[e.speaker, e.utterance, e.index].text == e.text for e in early)
    tones = [(at, at + 0.2) for at in starts_of(SAMPLES[0])]
    mine = [(e.start / SAMPLE_RATE, e.end / SAMPLE_RATE) for e in final.values() if e.speaker is A]
    assert mine == [pytest.approx(tone, abs=0.02) for tone in tones]


def starts_of(samples: F32) -> list[float]:
    """Return when each sound begins, in seconds."""
    loud = np.flatnonzero(samples)
    return [0.0, *(loud[1:][np.diff(loud) > 800] / SAMPLE_RATE)]


def test_the_same_events_in_any_blocks_and_any_number_of_processes() -> None:
    expected = events_of(SAMPLES)
    for sizes, transcribers in (((1,), 1), ((8,), 2), ((3, 16, 5), 2)):
        assert events_of(SAMPLES, sizes, transcribers) == expected


def test_no_event_knows_what_comes_later() -> None:
    cut = 400 * HOP
    whole, part = events_of(SAMPLES), events_of(SAMPLES[:, :cut])
    assert [e for e in part if e.at < cut] == [e for e in whole if e.at < cut]


class Gated(OpenStreams):
    """Answers nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__(NoteTranscriber())
        self.gate = threading.Event()
        self.answers = 0

    def transcribe_stream(
        self, audio: F32, *, stream: StreamName, ended: bool
    ) -> list[TranscribedWord]:
        self.gate.wait(20)
        self.answers += 1
        return super().transcribe_stream(audio, stream=stream, ended=ended)


def test_requests_that_a_busy_machine_drops_lose_no_word() -> None:
    transcriber, events = Gated(), []
    live = LiveAsr(transcriber, SETTINGS, ENGLISH.numbers)
    with closing(live):
        for event in run_engine(cut_blocks(SAMPLES, (8,)), make_engine(transcribe=True), live):
            events.append(event)
            if event.at > len(SAMPLES[0]) - SAMPLE_RATE:
                transcriber.gate.set()
    assert utterances(events) == SPOKEN
    assert transcriber.answers < 20, "of more than 50 requests"


# --- a process -----------------------------------------------------------------------------


@pytest.fixture
def process() -> Iterator[TranscriberProcess]:
    command = (sys.executable, "-m", "tests.shell.asr.note_child")
    with closing(TranscriberProcess("none", "en", command=command)) as remote:
        yield remote


def task(seconds: float, *, skipped: int = 0, careful: bool = False) -> TranscribeTask:
    end = round(seconds * SAMPLE_RATE)
    request = TranscribeRequest(
        at=end, speaker=A, utterance=1, start=skipped, end=end, careful=careful, skipped=skipped,
        first=2, prefix="do re",
    )  # fmt: skip
    return TranscribeTask(request, AUDIO[:end])


def test_a_process_says_that_its_model_streams_and_one_that_ends_loses_no_word(
    process: TranscriberProcess,
) -> None:
    attempts = RestartingTranscriber(process)
    first = attempts.run_task(task(1.0))
    assert first == TranscribeResult(heard_afresh(1.0, ended=False), streamed=True)
    process._process.kill()
    again = attempts.run_task(task(2.0, skipped=9600))
    assert "was restarted" in again.notice
    assert again.words == heard_afresh(2.0, ended=False)
    last = attempts.run_task(task(len(AUDIO) / SAMPLE_RATE, careful=True))
    assert texts(last.words) == SAID
    assert texts(process.transcribe(AUDIO, prefix="do re", careful=True)) == SAID[6:]

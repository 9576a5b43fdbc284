"""Recorded calls and event logs for programs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

import voicecoach as vc
from voicecoach.coaching.cues import built_in_cues
from voicecoach.shell.results.replay_one import CallSetup, replay_call
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.types.stream import F32

RATE = 8_000
"""Of the sample call, Hz."""


class Unwatched:
    def on_event(self, event: vc.Event) -> None:
        pass

    def on_progress(self, position: int) -> None:
        pass


@cache
def talk() -> F32:
    """Return half a minute of a real call, [2, n]."""
    samples, _ = soundfile.read(vc.sample_call(), 30 * RATE, 50 * RATE, dtype="float32")
    return np.ascontiguousarray(samples.T)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    soundfile.write(path, talk().T, RATE)
    return path


def test_a_replay_gives_what_the_command_logs(recording: Path, tmp_path: Path) -> None:
    setup = CallSetup(vc.Config(), built_in_cues(), shipped_models(), [])
    replay_call(RecordedCall.from_stereo(recording), setup, tmp_path / "out", Unwatched())
    events = list(vc.replay(recording, transcribe=False))
    assert len(events) > 50
    for log in (tmp_path / "out", str(tmp_path / "out" / "events.jsonl")):
        logged = vc.read_log(log)
        assert [(type(e), e.at) for e in logged] == [(type(e), e.at) for e in events]


def test_channels_are_as_they_are_named(recording: Path, tmp_path: Path) -> None:
    plain = list(vc.replay(recording, transcribe=False))
    assert list(vc.replay(str(recording), agent=0, customer=1, transcribe=False)) == plain
    swapped = tmp_path / "swapped.wav"
    soundfile.write(swapped, talk()[::-1].T, RATE)
    assert list(vc.replay(swapped, agent=1, transcribe=False)) == plain
    three = tmp_path / "three.wav"
    soundfile.write(three, np.array([talk()[1], 0.5 * talk()[0], talk()[0]]).T, RATE)
    assert list(vc.replay(three, agent=2, customer=0, transcribe=False)) == plain


def test_one_speaker_alone(tmp_path: Path) -> None:
    path = tmp_path / "customer.wav"
    soundfile.write(path, talk()[1], RATE)
    for who in ("customer", vc.Speaker.CUSTOMER):
        events = list(vc.replay(path, mono=who, transcribe=False, frames=True))
        speakers = {e.speaker for e in events if isinstance(e, vc.SpeechStarted | vc.Prosody)}
        assert speakers == {vc.Speaker.CUSTOMER}
        assert sum(isinstance(e, vc.Prosody) for e in events) == -(-2 * talk().shape[1] // vc.HOP)


def test_events_come_while_the_recording_is_read(tmp_path: Path) -> None:
    path = tmp_path / "damaged.wav"
    samples = talk().copy()
    samples[0, -9] = np.nan
    soundfile.write(path, samples.T, 16_000, subtype="FLOAT")
    events = vc.replay(path, transcribe=False)
    assert isinstance(next(events), vc.Event)
    with pytest.raises(vc.AudioFileError, match="not numbers"):
        list(events)


@pytest.mark.words
def test_words_come_with_the_shipped_recogniser(tmp_path: Path) -> None:
    samples, rate = soundfile.read(vc.sample_call(), frames=16 * 8_000)
    path = tmp_path / "begin.wav"
    soundfile.write(path, samples, rate)
    said = [e.text for e in vc.replay(path) if isinstance(e, vc.Utterance)]
    assert sum(len(text.split()) for text in said) > 10


def test_where_there_is_no_recogniser_the_first_event_says_so(
    recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    config = vc.override_config(vc.Config(), "transcription.model", "base.en")
    first, *others = vc.replay(recording, config=config)
    assert isinstance(first, vc.Degraded)
    assert first.stage == "transcription"
    assert others == list(vc.replay(recording, transcribe=False))
    assert capsys.readouterr() == ("", "")


def test_rules_come_from_the_argument_else_from_the_configuration(
    recording: Path, tmp_path: Path
) -> None:
    none, empty = tmp_path / "none.toml", tmp_path / "empty.toml"
    empty.write_text("cue = []")
    config = vc.override_config(vc.Config(), "cues.file", str(none))
    for call in (vc.replay, lambda _, **options: vc.Engine.default(**options)):
        with pytest.raises(vc.ConfigError, match=r"none.toml: cannot read the cue rules"):
            call(recording, config=config)
        call(recording, config=config, cues=empty)
    with pytest.raises(vc.ConfigError, match="cannot read the cue rules"):
        vc.Engine.default(cues=none)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"agent": 2}, "agent=2: of two channels it is 0 or 1"),
        ({"agent": 1, "customer": 1}, "name two different channels"),
        ({"agent": -1, "customer": 0}, "counted from 0"),
        ({"mono": "caller"}, 'mono is "agent" or "customer", not \'caller\''),
        ({"mono": "agent", "agent": 1}, "mono names the only speaker"),
    ],
)
def test_channels_that_cannot_be_are_refused_at_once(
    recording: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(vc.InputError, match=sentence):
        vc.replay(recording, **options)  # type: ignore[arg-type]


def test_a_recording_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(vc.AudioFileError, match="no such file"):
        vc.replay(tmp_path / "none.wav")
    with pytest.raises(vc.JournalError, match="event log"):
        vc.read_log(tmp_path)


def test_an_engine_takes_what_it_is_given(recording: Path) -> None:
    (block, *_) = RecordedCall.from_stereo(recording).blocks(16)
    engine = vc.Engine.default(speakers=(vc.Speaker.AGENT,), frames=True)
    speakers = [e.speaker for e in engine.process(block) if isinstance(e, vc.Prosody)]
    assert speakers == [vc.Speaker.AGENT] * 16
    asked = vc.Engine.default(transcribe=True)
    events = [e for b in RecordedCall.from_stereo(recording).blocks() for e in asked.process(b)]
    assert any(isinstance(e, vc.TranscribeRequest) for e in events)


def test_a_forked_call_of_the_api_is_an_engine_of_the_api(recording: Path) -> None:
    first, second = vc.Engine.default(), vc.Engine.default()
    begin, *rest = RecordedCall.from_stereo(recording).blocks(64)
    first.process(begin)
    second.restore(first.state())
    heard = [[e for b in rest for e in engine.process(b)] for engine in (first, second)]
    assert heard[0] == heard[1] != []


def test_a_configuration_is_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[cues]\nmin_gap_s = -1.0")
    with pytest.raises(vc.ConfigError, match=r"config\.toml: cues\.min_gap_s"):
        vc.load_config(path)
    with pytest.raises(vc.ConfigError, match=r"sound\.loud: no such table"):
        vc.override_config(vc.Config(), "sound.loud", 1)

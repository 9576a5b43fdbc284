"""A live call's record, heard again as it was, gives what the call gave."""

import json
import random
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.commands.test_command_line import home, recording, voicecoach
from voicecoach import config
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.errors import AudioFileError
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.asr.streams import OpenStreams
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.capture.ears import DeviceLost
from voicecoach.shell.control.actions import apply_command
from voicecoach.shell.live.recorder import AUDIO_FILE
from voicecoach.shell.results import input_log, reader
from voicecoach.shell.results.input_log import INPUTS_FILE, InputLine, MissingSpan, RecordedInputs
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.feed import MarkCue, ToggleListening
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.testing import NoteTranscriber, ScriptedTranscriber
from voicecoach.testing.session import SessionWithoutDevices
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, Block, HeardWord, Speaker, Transcript
from voicecoach.views import event_log

__all__ = ["home", "recording"]


class Doubting(ScriptedTranscriber):
    """Doubts every fifth word that it hears."""

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        heard = super().transcribe(audio, prefix=prefix, context=context, careful=careful)
        return [word._replace(doubtful=i % 5 == 4) for i, word in enumerate(heard)]


class Lossy(SessionWithoutDevices):
    """Where the customer's device goes away for a moment."""

    def lose(self) -> None:
        taken = self.ears.read_chunks

        def once(seconds: float):  # type: ignore[no-untyped-def]
            self.ears.read_chunks = taken  # type: ignore[method-assign]
            found = taken(seconds)
            return found._replace(news=[*found.news, DeviceLost(Speaker.CUSTOMER, "pulled out")])

        self.ears.read_chunks = once  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a live call with words, a mark, a pause and a device that is lost."""
    desk = Lossy(tmp_path_factory.mktemp("live"), Config(), transcriber=Doubting(), audio=True)
    desk.then(
        (6.0, lambda: mark_shown(desk)),
        desk.post_action_at(11.0, MarkCue("soften", 5 * SAMPLE_RATE, helpful=False)),
        desk.post_action_at(12.0, ToggleListening()),
        desk.post_action_at(19.0, ToggleListening()),
        (30.0, desk.lose),
    ).run()
    (folder,) = desk.ended
    return folder


def mark_shown(desk: Lossy) -> None:
    """Mark the cue on screen, as soon as there is one."""
    apply_command(desk.feed, "wrong")
    if not desk.feed.has_actions:
        desk.ears.steps.insert(0, (desk.ears.at / SAMPLE_RATE + 0.1, lambda: mark_shown(desk)))


def lines(log: Path) -> list[bytes]:
    """Return what a log says of a call."""
    return of_the_call(log.read_bytes().splitlines(keepends=True)[1:])


def of_the_call(lines: Iterable[bytes]) -> list[bytes]:
    """Return lines without those on how the program did."""
    return [line for line in lines if b'"type":"degraded"' not in line]


def heard_again(folder: Path, cut: int) -> list[bytes]:
    """Return what another engine says of a record, whose sound comes in other blocks."""
    record = input_log.read_inputs(folder / INPUTS_FILE)
    engine = build_engine(Config(), built_in_cues(), shipped_models(), transcribe=record.has_words)
    blocks = RecordedCall.from_stereo(folder / AUDIO_FILE).blocks(cut)
    return of_the_call(
        map(event_log.encode_event, run_engine(record.merge_with_blocks(blocks), engine, record))
    )


@pytest.mark.parametrize("hops", [1, 3, 64])
def test_it_gives_the_same_events_words_and_all(call: Path, hops: int) -> None:
    mine = lines(call / EVENT_LOG)
    kinds = {json.loads(line)["type"] for line in mine}
    assert kinds >= {
        "word", "utterance", "cue_feedback", "listening", "gap", "channel_state", "cue_opened",
        "ended",
    }  # fmt: skip
    assert any(b'"doubtful":true' in line for line in mine)
    assert sum(b'"cue_feedback"' in line for line in mine) == 1, "of a cue that was shown"
    assert heard_again(call, hops) == mine


def test_the_words_of_a_recogniser_that_streams_come_again(tmp_path: Path) -> None:
    notes = OpenStreams(NoteTranscriber())
    (folder,) = SessionWithoutDevices(tmp_path, Config(), transcriber=notes, audio=True).run().ended
    assert b'"streamed":true' in (folder / INPUTS_FILE).read_bytes()
    assert heard_again(folder, 16) == lines(folder / EVENT_LOG)


def test_no_word_of_an_earlier_record_is_doubtful() -> None:
    """A record without `doubtful` reads as one in which nothing is."""
    word = HeardWord("well", 0, 1600, 0.1)
    item = Transcript(1600, Speaker.AGENT, 1, 1600, True, (word,))
    line = msgspec.json.encode(InputLine(transcript=item))
    assert b"doubtful" not in line
    assert msgspec.json.decode(line, type=InputLine).transcript == item


def test_a_damaged_line_is_left_out_and_said(call: Path, home: Path, tmp_path: Path) -> None:
    shutil.copytree(call, tmp_path / "call")
    record = tmp_path / "call" / INPUTS_FILE
    whole = record.read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(whole) if b"cue_feedback" in line)
    whole[at] = b'{"cue_feedback":{"at":1,"id":"x","start":1e23,"helpful":true}}\n'
    record.write_bytes(b"".join(whole))
    done = voicecoach(
        "replay", tmp_path / "call" / AUDIO_FILE, "--as-heard", "--out", home / "out", home=home
    )
    assert done.returncode == 0, done.stderr
    assert f"note: {INPUTS_FILE}: left out 1 line that cannot be read: line {at + 1} (" in (
        done.stderr
    )


@pytest.mark.parametrize("seed", range(4))
def test_what_a_kill_leaves_gives_the_beginning(call: Path, tmp_path: Path, seed: int) -> None:
    data = (call / INPUTS_FILE).read_bytes()
    upto = random.Random(seed).randrange(len(data) // 4, len(data))
    (tmp_path / INPUTS_FILE).write_bytes(data[:upto])
    (tmp_path / AUDIO_FILE).write_bytes((call / AUDIO_FILE).read_bytes())
    left = [json.loads(line) for line in data[:upto].splitlines()[1:-1]]
    items = [item for line in left for item in line.values() if item is not True]  # it is finished
    times = [item["at"] for item in items if "at" in item]
    again = heard_again(tmp_path, 64)
    mine = lines(call / EVENT_LOG)
    same = [line for line in mine if json.loads(line)["at_s"] < max(times) / SAMPLE_RATE]
    assert len(same) > 100
    assert again[: len(same)] == same
    assert json.loads(again[-1])["type"] == "ended", "what was never answered is given up"


def test_a_trainer_hears_it_again_by_its_name(call: Path, home: Path) -> None:
    done = voicecoach("replay", call / AUDIO_FILE, "--as-heard", "--out", home / "out", home=home)
    assert done.returncode == 0, done.stderr
    again = home / "out" / "call" / EVENT_LOG
    assert lines(again) == lines(call / EVENT_LOG)
    assert reader.read_results(again).facts["words"]


def test_sound_without_a_record_is_said(recording: Path, home: Path) -> None:
    done = voicecoach("replay", recording, "--as-heard", "--out", home / "out", home=home)
    assert done.returncode == 2
    assert "leave out --as-heard" in done.stderr


def test_nothing_is_kept_where_no_words_are(tmp_path: Path) -> None:
    eu = config.override_config(Config(), "privacy.profile", "eu")
    desk = SessionWithoutDevices(tmp_path, eu, transcriber=ScriptedTranscriber(), audio=True).run()
    (folder,) = desk.ended
    assert {path.name for path in folder.iterdir()} >= {AUDIO_FILE, EVENT_LOG}
    assert not (folder / INPUTS_FILE).exists()


def test_nothing_is_kept_where_no_sound_is(tmp_path: Path) -> None:
    (folder,) = (
        SessionWithoutDevices(tmp_path, Config(), transcriber=ScriptedTranscriber()).run().ended
    )
    assert not (folder / INPUTS_FILE).exists()


BAD = {
    "no JSON": b"{",
    "another thing": b"[1]\n",
    "an unknown field": b'{"sound":1}\n',
    "a time before the call": b'{"listening":{"type":"listening","at":-1,"on":true}}\n',
    "a time after any call": b'{"listening":{"type":"listening","at":9999999999,"on":true}}\n',
    "half a hop": b'{"missing":{"start":0,"end":100}}\n',
    "an empty gap": b'{"missing":{"start":256,"end":256}}\n',
    "a state of ours": b'{"channel_state":{"type":"channel_state","at":0,"speaker":"agent",'
    b'"state":"bleeding","reason":""}}\n',
    "more than sure": b'{"transcript":{"at":1,"speaker":"agent","utterance":1,"end":1,'
    b'"careful":true,"words":[{"text":"a","start":0,"end":1,"probability":1.5}]}}\n',
    "nested": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_record_is_said_in_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / INPUTS_FILE
    path.write_bytes(BAD[name])
    if name == "no JSON":  # a line that a kill cut off is none
        assert not input_log.read_inputs(path).has_words
        return
    with pytest.raises(AudioFileError) as said:
        input_log.read_inputs(path)
    assert "\n" not in str(said.value)


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=5)
sizes = st.lists(st.integers(1, 20), min_size=1, max_size=8)


@given(spans=spans, sizes=sizes)
@settings(max_examples=200)
def test_what_never_came_is_marked_however_the_sound_is_cut(
    spans: list[tuple[int, int]], sizes: list[int]
) -> None:
    gaps, now = [], 0
    for gap, long in spans:
        start = now + gap
        gaps.append((start, start + long))
        now = start + long + 1
    record = RecordedInputs(InputLine(missing=MissingSpan(a * HOP, b * HOP)) for a, b in gaps)
    parts = [item for item in record.merge_with_blocks(_blocks(sizes)) if isinstance(item, Block)]
    assert [part.start for part in parts] == [0, *(part.end for part in parts)][:-1]
    assert np.concatenate([part.samples for part in parts], axis=1).shape[1] == sum(sizes) * HOP
    missing = {
        hop for part in parts if part.missing for hop in range(part.start // HOP, part.end // HOP)
    }
    assert missing == {hop for a, b in gaps for hop in range(a, min(b, sum(sizes)))}


def _blocks(sizes: list[int]) -> Iterator[Block]:
    now = 0
    for hops in sizes:
        yield Block(now, np.zeros((2, hops * HOP), np.float32))
        now += hops * HOP

"""A recorded call is heard again with more care: a second layer of words, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config, override_config
from voicecoach.shell.archive.work import ToneRecorder
from voicecoach.shell.asr.careful import LONGEST_TURN, PADDING, STAGE, CarefulHearing, find_turns
from voicecoach.shell.asr.pair import open_transcriber
from voicecoach.shell.asr.transcriber import TranscribedWord, Transcriber
from voicecoach.shell.results.reader import read_results
from voicecoach.shell.results.replay_one import CallSetup, replay_call
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.testing import (
    ENGLISH,
    ScriptedTranscriber,
    cut_blocks,
    make_utterance,
    silence,
    stereo,
    syllables,
)
from voicecoach.types.events import (
    CarefulUtterance,
    Degraded,
    DigitsShown,
    Event,
    NotUnderstood,
    Utterance,
)
from voicecoach.types.stream import F32, SAMPLE_RATE, Speaker
from voicecoach.views.conversation import conversation

A, C = Speaker.AGENT, Speaker.CUSTOMER
S = SAMPLE_RATE


def said(number: int, text: str, start_s: float, end_s: float, who: Speaker = C) -> Utterance:
    start, end = round(start_s * S), round(end_s * S)
    return make_utterance(text, start=start, end=end, utterance=number, speaker=who)


class Both(ScriptedTranscriber):
    """A `JointTranscriber` that says the same for a turn of so many seconds, a word a second."""

    def __init__(self, texts: dict[float, str], *, fails: int = 0) -> None:
        self._texts, self._fails = texts, fails
        self.heard_s: list[float] = []
        self.thorough: list[bool] = []

    def transcribe_jointly(
        self,
        audio: F32,
        *,
        prefix: str,
        context: str,
        careful: bool,
        committed: str,
        vocabulary: Sequence[str],
    ) -> list[TranscribedWord]:
        assert (prefix, context, careful, committed) == ("", "", True, "")
        self.names = vocabulary
        self.heard_s.append(round(len(audio) / S, 2))
        if self._fails:
            self._fails -= 1
            raise RuntimeError("marmalade")
        words = self._texts.get(self.heard_s[-1], "").split()
        return [TranscribedWord(t, i, i + 0.5, 0.9, t == "ship") for i, t in enumerate(words)]

    def set_sparing(self, sparing: bool) -> None:
        pass

    def set_thorough(self, thorough: bool) -> None:
        self.thorough.append(thorough)

    def drain_notice(self) -> str:
        return ""


def hear_again(
    events: Iterable[Event], transcriber: Transcriber, seconds: float = 90
) -> list[Event]:
    hearing = CarefulHearing([transcriber], ENGLISH.numbers)
    for event in events:
        hearing.add_event(event)
    blocks = cut_blocks(np.zeros((2, int(seconds * S)), np.float32))
    return list(hearing.hear_again(blocks, int(seconds * S)))


def texts(events: Sequence[Event]) -> list[tuple[int, str]]:
    return [(e.utterance, e.text) for e in events if isinstance(e, CarefulUtterance)]


def test_a_turn_is_heard_in_one_piece_and_its_words_go_to_its_utterances() -> None:
    call = [said(1, "the chip is late", 10, 14), said(2, "a gain", 15, 18), said(3, "bye", 30, 31)]
    again = hear_again(call, Both({8.6: "the ship is too late again", 1.6: "good bye"}))
    assert texts(again) == [(1, "the ship is too late"), (2, "again"), (3, "good bye")]
    first = again[0]
    assert isinstance(first, CarefulUtterance)
    assert (first.speaker, first.doubtful, first.at) == (C, (1,), 90 * S)
    assert first.words[0].start == 10 * S - PADDING


def test_the_search_is_wider_for_as_long_as_the_call_is_heard_again() -> None:
    both = Both({1.6: "hello"})
    hear_again([said(1, "hello", 1, 2)], both)
    assert both.thorough == [True, False]


def test_names_that_were_spelled_anywhere_in_the_call_are_expected_in_all_of_it() -> None:
    call = [said(1, "it is so tilly", 1, 4), said(2, "S-O-T-I-L-L-E", 30, 36)]
    both = Both({3.6: "it is Sotille"})
    assert texts(hear_again(call, both)) == [(1, "it is Sotille")]
    assert both.names == ("Sotille",)


def test_turns_end_at_long_pauses_and_at_what_was_not_understood_and_are_not_too_long() -> None:
    lost = NotUnderstood(at=0, speaker=C, utterance=3, start=20 * S, end=21 * S)
    call = [
        said(1, "one", 10, 14), said(2, "two", 16.5, 19.5), lost, said(4, "four", 21.5, 23),
        *(said(n, f"number {n}", 10 * n - (1 - n % 2) / 4, 10 * n + 9.5) for n in range(5, 9)),
        said(9, "uh-huh", 17, 18, A),
    ]  # fmt: skip
    turns = find_turns(conversation(call), 90 * S)
    assert [[u.number for u in t.utterances] for t in turns] == [[9], [1], [2], [4], [5, 6], [7, 8]]
    assert all(t.end - t.start <= LONGEST_TURN for t in turns)
    assert all(b.start >= a.end for a, b in pairwise(turns[1:]))


def test_nothing_is_heard_again_where_there_is_nothing_better() -> None:
    again = hear_again([said(1, "hello", 1, 2)], Both({}))
    assert again == []
    (utterance,) = conversation([said(1, "hello", 1, 2), *again])
    assert utterance.heard_again().text == "hello"


CARD = "four one one one one one one one one one one one one one one one"


@pytest.mark.parametrize(
    "heard", [CARD, "4111 1111 1111 1111", "it is 4111 1111 1111 1111, thanks"]
)
def test_a_card_number_is_hidden_as_in_the_call(heard: str) -> None:
    asked = said(1, "what is your card number", 1, 4, A)
    again = hear_again([asked, said(2, "mumble", 5, 20)], Both({15.6: heard}))
    ((_, shown),) = texts(again)
    assert not any(c.isdigit() for c in shown)
    assert "one" not in shown
    assert "#" in shown


def test_a_code_that_was_named_in_the_call_alone_is_hidden() -> None:
    asked = said(1, "what is your CVV", 1, 4, A)
    both = Both({3.6: "what is your baby", 1.6: "345"})
    assert texts(hear_again([asked, said(2, "mumble", 5, 6)], both))[1] == (2, "###")


def test_what_the_call_hid_for_good_stays_hidden() -> None:
    call = [said(1, "it is #### ####", 5, 10), said(2, "in twenty minutes", 20, 22)]
    both = Both({5.6: "it is 41 fifty", 2.6: "in 25 minutes"})
    assert texts(hear_again(call, both)) == [(1, "it is ## ##"), (2, "in 25 minutes")]


def test_digits_that_turned_out_to_be_no_cards_are_shown() -> None:
    call: list[Event] = [said(1, "take ##", 5, 10)]
    call += [DigitsShown(at=50 * S, speaker=C, utterance=1, index=1, text="41")]
    assert texts(hear_again(call, Both({5.6: "take 4150"}))) == [(1, "take 4150")]


def test_a_transcriber_that_fails_once_is_asked_again_and_twice_is_left() -> None:
    call = [said(1, "hello", 1, 2), said(2, "bye", 30, 32)]
    for fails, expected in ((1, [(1, "good day"), (2, "good bye")]), (2, [])):
        again = hear_again(call, Both({1.6: "good day", 2.6: "good bye"}, fails=fails))
        assert texts(again) == expected
        reasons = [e.reason for e in again if isinstance(e, Degraded) and e.stage == STAGE]
        assert any("failed" in reason or "RuntimeError" in reason for reason in reasons)
        assert "marmalade" not in " ".join(reasons)


def test_one_recogniser_hears_again_alone_and_says_so() -> None:
    again = hear_again([said(1, "hello", 1, 4)], ScriptedTranscriber())
    assert [e.reason for e in again if isinstance(e, Degraded)] == ["heard again by one recogniser"]
    assert texts(again)[0][1].startswith("sorry about the")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    agent = np.concatenate([syllables(140, 4, 3), silence(3), syllables(140, 5, 3)])
    customer = np.concatenate([silence(3), syllables(220, 4, 3), silence(3), syllables(230, 5, 3)])
    path = tmp_path / "call.flac"
    soundfile.write(path, stereo(agent, customer).T, S)
    return path


def replayed(recording: Path, out: Path, transcriber: Transcriber, *, careful: bool) -> list[Event]:
    config = override_config(Config(), "transcription.careful", careful)
    setup = CallSetup(config, built_in_cues(), shipped_models(), [transcriber])
    replay_call(RecordedCall.from_stereo(recording), setup, out, ToneRecorder())
    return read_results(out).events


def test_a_careful_replay_has_the_same_events_and_score_and_the_layer_before_the_end(
    recording: Path, tmp_path: Path
) -> None:
    plain = replayed(recording, tmp_path / "plain", ScriptedTranscriber(), careful=False)
    careful = replayed(recording, tmp_path / "careful", ScriptedTranscriber(), careful=True)
    layer = [e for e in careful if isinstance(e, CarefulUtterance)]
    assert layer
    note = Degraded(at=layer[0].at, stage=STAGE, reason="heard again by one recogniser")
    assert [e for e in careful if e not in layer and e != note] == plain
    assert careful[-1] == plain[-1]
    for name in ("scorecard.json", "scorecard.md"):
        one, other = ((tmp_path / kind / name).read_bytes() for kind in ("plain", "careful"))
        assert one == other
    assert {(e.speaker, e.utterance) for e in layer} <= {
        (e.speaker, e.utterance) for e in plain if isinstance(e, Utterance)
    }


def test_a_real_turn_is_heard_again_by_both_recognisers(moonshine: Path, tmp_path: Path) -> None:
    samples, rate = soundfile.read(resource("samples", SAMPLE_CALL), always_2d=True)
    recording = tmp_path / "part.flac"
    soundfile.write(recording, samples[rate : 8 * rate], rate)
    config = override_config(Config(), "transcription.careful", True)
    transcriber = open_transcriber(config)
    try:
        transcriber.wait_until_ready()
        events = replayed(recording, tmp_path / "out", transcriber, careful=True)
    finally:
        transcriber.close()
    live = {(e.speaker, e.utterance): e for e in events if isinstance(e, Utterance) and e.text}
    layer = {(e.speaker, e.utterance): e for e in events if isinstance(e, CarefulUtterance)}
    assert layer
    assert layer.keys() <= live.keys()
    for key, again in layer.items():
        assert all(0 <= w.start <= w.end for w in again.words)
        assert all(w.agreed is not None for w in again.words), key

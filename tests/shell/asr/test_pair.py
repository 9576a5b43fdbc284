"""Two recognisers: what both hear is agreed, and whatever becomes of the second, words come."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
import soxr

from voicecoach.config import Config, override_config
from voicecoach.shell.asr.pair import LEAST_SURE, RESTARTS, RecogniserPair, open_transcriber
from voicecoach.shell.asr.transcriber import JointTranscriber, RestartingTranscriber, TranscribeTask
from voicecoach.shell.asr.worker_process import TranscriberProcess
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.testing import ENGLISH, wait_until
from voicecoach.types.events import TranscribeRequest
from voicecoach.types.stream import F32, SAMPLE_RATE, Speaker

AUDIO = np.zeros(SAMPLE_RATE, np.float32)
EARLY, FINAL = (
    TranscribeRequest(at=0, speaker=Speaker.AGENT, utterance=1, start=0, end=1, careful=careful)
    for careful in (False, True)
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def child(how: str, folder: Path) -> TranscriberProcess:
    command = (sys.executable, "-m", "tests.shell.asr.rude_child", how, str(folder / how))
    return TranscriberProcess("none", "en", answer_s=20.0, command=command)


def pair(stack: ExitStack, how: str, folder: Path, *, live: bool = False) -> RecogniserPair:
    """Return a pair whose first recogniser works, and whose second one does `how`."""
    both = RecogniserPair(child("well", folder), child(how, folder), ENGLISH, live=live)
    stack.enter_context(closing(both))
    both.wait_until_ready()
    return both


def test_a_name_to_expect_is_tried_though_both_hear_the_same(
    stack: ExitStack, tmp_path: Path
) -> None:
    both = pair(stack, "well", tmp_path)
    for names, heard in ((("Will",), "Will"), ((), "well"), (("Bergson",), "well")):
        request = msgspec.structs.replace(EARLY, vocabulary=names)
        (word,) = RestartingTranscriber(both).run_task(TranscribeTask(request, AUDIO)).words
        assert word.text == heard
        assert word.agreed == (heard == "well")


@pytest.mark.parametrize("careful", [False, True])
def test_what_both_hear_is_agreed(stack: ExitStack, tmp_path: Path, careful: bool) -> None:
    (word,) = pair(stack, "well", tmp_path).transcribe(AUDIO, careful=careful)
    assert (word.text, word.agreed, word.doubtful) == ("well", True, False)


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("how", ["hang", "crash", "refuse"])
def test_when_the_second_fails_the_first_ones_words_come_and_it_comes_back(
    stack: ExitStack, tmp_path: Path, how: str, careful: bool
) -> None:
    both = pair(stack, how, tmp_path, live=how == "hang")
    (word,) = both.transcribe(AUDIO, careful=careful)
    assert (word.text, word.agreed) == ("well", None)
    assert "the second recogniser failed" in (said := both.drain_notice())
    assert "was restarted" in said
    assert both.drain_notice() == "", "it is said once"
    wait_until(lambda: bool(both.transcribe(AUDIO, careful=careful)[0].agreed))
    assert both.drain_notice() == ""


def test_a_live_call_does_not_wait_for_a_second_that_loads_again(
    stack: ExitStack, tmp_path: Path
) -> None:
    both = pair(stack, "crash", tmp_path, live=True)
    both.transcribe(AUDIO)
    for _ in range(20):  # some while it loads, some when it has loaded: none is a failure
        (word,) = both.transcribe(AUDIO)
        assert word.text == "well"
    wait_until(lambda: bool(both.transcribe(AUDIO)[0].agreed))
    assert "restarted" in both.drain_notice(), "only the crash"


def test_failures_far_apart_are_each_mended(stack: ExitStack, tmp_path: Path) -> None:
    both = pair(stack, "crash", tmp_path)
    for _ in range(RESTARTS + 2):
        (tmp_path / "crash").unlink(missing_ok=True)
        assert both.transcribe(AUDIO)[0].agreed is None
        assert "was restarted" in both.drain_notice()
        assert both.transcribe(AUDIO)[0].agreed, "it works in between"


def test_a_second_that_fails_again_and_again_is_given_up_and_that_is_said(
    stack: ExitStack, tmp_path: Path
) -> None:
    both = pair(stack, "crash", tmp_path)
    attempts = RestartingTranscriber(both)
    for _ in range(RESTARTS + 1):
        (tmp_path / "crash").unlink(missing_ok=True)  # so that it fails again
        result = attempts.run_task(TranscribeTask(FINAL, AUDIO))
        assert [word.text for word in result.words] == ["well"]
    assert result.notice.startswith("words are heard by one recogniser: ")
    for request in (EARLY, FINAL):
        result = attempts.run_task(TranscribeTask(request, AUDIO))
        assert [(word.text, word.agreed) for word in result.words] == [("well", None)]
        assert result.notice == ""


def test_a_second_that_does_not_load_is_said_and_the_first_works(
    stack: ExitStack, tmp_path: Path
) -> None:
    second = TranscriberProcess("none", "en", command=(sys.executable, "-c", "pass"))
    both = RecogniserPair(child("well", tmp_path), second, ENGLISH)
    stack.enter_context(closing(both))
    both.wait_until_ready()
    result = RestartingTranscriber(both).run_task(TranscribeTask(FINAL, AUDIO))
    assert [word.text for word in result.words] == ["well"]
    assert "second" in result.notice


def test_on_a_busy_machine_the_second_is_not_asked(stack: ExitStack, tmp_path: Path) -> None:
    both = pair(stack, "crash", tmp_path)
    both.set_sparing(True)
    assert isinstance(both, JointTranscriber)
    for careful in (False, True):
        (word,) = both.transcribe(AUDIO, careful=careful)
        assert word.agreed is None
    assert both.drain_notice() == "", "it would have crashed"
    assert not (tmp_path / "crash").exists()


# --- the real ones --------------------------------------------------------------------------


def sample(start_s: float, stop_s: float, row: int) -> F32:
    with soundfile.SoundFile(resource("samples", SAMPLE_CALL)) as file:
        rate = file.samplerate
        file.seek(int(start_s * rate))
        heard = file.read(int((stop_s - start_s) * rate), dtype="float32", always_2d=True)[:, row]
    return np.asarray(soxr.resample(heard, rate, SAMPLE_RATE), np.float32)


@pytest.fixture(scope="module")
def real(moonshine: Path) -> Iterator[RecogniserPair]:
    with closing(open_transcriber(Config())) as both:
        assert isinstance(both, RecogniserPair)
        both.wait_until_ready()
        yield both


def test_real_speech_is_heard_by_both_and_what_won_by_little_is_doubtful(
    real: RecogniserPair,
) -> None:
    for careful in (False, True):
        words = real.transcribe(sample(145.97, 154.6, 0), careful=careful)
        assert len(words) > 20
        assert all(word.agreed is not None for word in words)
        assert np.mean([bool(word.agreed) for word in words]) > 0.7
        assert all(word.doubtful is (word.probability < LEAST_SURE) for word in words)
        starts = [word.start_s for word in words]
        assert starts == sorted(starts)
        assert all(0 <= word.start_s <= word.end_s <= 8.7 for word in words)


def test_the_same_audio_gives_the_same_words(real: RecogniserPair) -> None:
    audio = sample(64.5, 70.0, 0)
    for careful in (False, True):
        first, again = (real.transcribe(audio, careful=careful) for _ in range(2))
        assert first == again


def test_early_words_go_on_after_the_prefix(real: RecogniserPair) -> None:
    audio = sample(145.97, 150.0, 0)
    whole = real.transcribe(audio)
    given = " ".join(word.text for word in whole[:4])
    rest = real.transcribe(audio, prefix=given)
    assert [word.text for word in rest][:3] == [word.text for word in whole[4:7]]


@pytest.mark.parametrize("sound", ["silence", "hiss", "tone"])
def test_no_words_are_made_of_sounds(real: RecogniserPair, sound: str) -> None:
    t = np.arange(2 * SAMPLE_RATE)
    sounds = {
        "silence": np.zeros(len(t)),
        "hiss": np.random.default_rng(0).normal(0, 0.01, len(t)),
        "tone": 0.1 * np.sin(2 * np.pi * 440 / SAMPLE_RATE * t),
    }
    assert real.transcribe(sounds[sound].astype(np.float32), careful=True) == []


def test_the_second_can_be_switched_off(moonshine: Path) -> None:
    with closing(open_transcriber(override_config(Config(), "transcription.second", False))) as one:
        assert isinstance(one, TranscriberProcess)

"""The recogniser's own process: it answers, and what goes wrong in it stays in it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import psutil
import pytest

from voicecoach.errors import ModelError
from voicecoach.shell.asr.transcriber import (
    RecogniserFailed,
    RestartingTranscriber,
    SpeechNotUnderstood,
    TranscribedWord,
    TranscribeTask,
)
from voicecoach.shell.asr.worker_process import TranscriberProcess
from voicecoach.testing import silence
from voicecoach.types.events import TranscribeRequest
from voicecoach.types.stream import F32, SAMPLE_RATE, Speaker

AUDIO = np.zeros(1600, np.float32)
REQUEST = TranscribeRequest(
    at=0, speaker=Speaker.AGENT, utterance=1, start=0, end=1600, careful=True
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def rude(stack: ExitStack, how: str, folder: Path) -> TranscriberProcess:
    command = (sys.executable, "-m", "tests.shell.asr.rude_child", how, str(folder / "flag"))
    return stack.enter_context(
        closing(TranscriberProcess("none", "en", answer_s=2.0, command=command))
    )


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        ("hang", "no answer within 2 s"),
        ("crash", "its process ended with code"),
        ("refuse", "^ValueError$"),
    ],
)
def test_what_goes_wrong_is_said_and_a_restart_mends_it(
    stack: ExitStack, tmp_path: Path, how: str, complaint: str
) -> None:
    remote = rude(stack, how, tmp_path)
    with pytest.raises(RecogniserFailed, match=complaint):
        remote.transcribe(AUDIO)
    remote.restart()
    assert remote.transcribe(AUDIO) == [TranscribedWord("well", 0.0, 0.1, 0.9)]


@pytest.mark.parametrize("how", ["hang", "crash"])
def test_a_request_survives_the_process(stack: ExitStack, tmp_path: Path, how: str) -> None:
    result = RestartingTranscriber(rude(stack, how, tmp_path)).run_task(
        TranscribeTask(REQUEST, AUDIO)
    )
    assert [word.text for word in result.words] == ["well"]
    assert "was restarted" in result.notice


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here")
def test_a_process_that_takes_nothing_is_ended(stack: ExitStack, tmp_path: Path) -> None:
    remote = rude(stack, "well", tmp_path)
    remote.transcribe(AUDIO)
    os.kill(remote._process.pid, signal.SIGSTOP)
    with pytest.raises(RecogniserFailed, match="no answer within 2 s"):
        remote.transcribe(np.zeros(10 * 16_000, np.float32))  # more than a pipe holds


def test_a_program_that_is_none_of_ours_is_a_failure_not_a_hang(stack: ExitStack) -> None:
    remote = TranscriberProcess("none", "en", command=(sys.executable, "-c", "print('hello')"))
    stack.enter_context(closing(remote))
    with pytest.raises(RecogniserFailed, match="its process ended with code"):
        remote.transcribe(AUDIO)


def test_nothing_is_left_after_closing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        remote = rude(stack, "well", tmp_path)
        remote.transcribe(AUDIO)
    assert remote._process.poll() is not None
    result = RestartingTranscriber(remote).run_task(TranscribeTask(REQUEST, AUDIO))
    assert result.error


@pytest.mark.words
def test_the_real_one_answers_and_says_what_is_wrong_with_a_model(
    stack: ExitStack, tmp_path: Path
) -> None:
    remote = stack.enter_context(closing(TranscriberProcess("tiny.en", "en")))
    remote.wait_until_ready()
    assert remote.transcribe(silence(1)) == []
    (tmp_path / "model.bin").write_bytes(b"x" * 100)
    for model in (str(tmp_path), "tinyy"):
        bad = stack.enter_context(closing(TranscriberProcess(model, "en")))
        with pytest.raises(ModelError):
            bad.wait_until_ready()


def test_what_is_heard_leaves_nothing_in_its_memory() -> None:
    noise = (0.05 * np.random.default_rng(0).standard_normal(SAMPLE_RATE * 8)).astype(np.float32)
    with closing(TranscriberProcess("tiny.en", "en")) as remote:

        def ask(times: range) -> float:
            for i in times:  # of hardly any length twice
                remote.transcribe(noise[: 8000 + 320 * (i * 53 % 200)])
            return psutil.Process(remote._process.pid).memory_info().rss / 1e6

        before = ask(range(20))
        assert ask(range(20, 140)) - before < 10.0, "MB; 33 where code is kept for each length"


class Foreign:
    """A transcriber that understands nothing."""

    restarts = 0

    def transcribe(self, audio: F32, **how: object) -> list[TranscribedWord]:
        raise SpeechNotUnderstood

    def restart(self) -> None:
        self.restarts += 1


def test_a_transcriber_that_understands_nothing_has_not_failed() -> None:
    foreign = Foreign()
    for _ in range(3):
        result = RestartingTranscriber(foreign).run_task(TranscribeTask(REQUEST, AUDIO))
        assert (result.words, result.error, result.notice) == ([], "", "")
        assert not result.understood
    assert not foreign.restarts

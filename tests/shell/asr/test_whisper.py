"""Transcription: the real model on real speech."""

import contextlib
import re
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from scripts.support.corpora import DATA
from voicecoach.errors import ConfigError, ModelError
from voicecoach.shell.asr import whisper as whisper_module
from voicecoach.shell.asr.loops import find_loop
from voicecoach.shell.asr.model_places import find_model
from voicecoach.shell.asr.transcriber import SpeechNotUnderstood, TranscribedWord
from voicecoach.shell.asr.whisper import ENCODER_POSITIONS, Whisper
from voicecoach.shell.asr.worker_process import TranscriberProcess
from voicecoach.shell.runtime.resources import resource
from voicecoach.testing import ENGLISH, silence, sine, white_noise
from voicecoach.types.stream import F32, SAMPLE_RATE


@pytest.mark.parametrize(
    ("model", "complaint"),
    [("no/such/folder", "no such folder and no model of that name"), ("tinyy", "tiny.en")],
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


def test_a_model_that_knows_english_alone_is_refused_for_another_language() -> None:
    with pytest.raises(ConfigError, match=r"tiny\.en transcribes English only.*'de'"):
        Whisper("tiny.en", "de")


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    return Whisper("tiny.en", "en")


def said(words: list[TranscribedWord]) -> str:
    return " ".join(re.sub(r"[^a-z' ]", "", w.text.lower()) for w in words)


@pytest.fixture(scope="module")
def question() -> F32:
    """Return the agent asking "Would you prefer between 8 a.m. and 10 a.m. or ..."."""
    return whisper_module._sample_call_audio(203.4, 212.4)


@pytest.mark.words
def test_a_sentence_is_heard_to_its_last_word_with_times(whisper: Whisper, question: F32) -> None:
    words = whisper.transcribe(question, careful=True)
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
    words = whisper.transcribe(question, prefix=prefix)
    assert not said(words).startswith("so let")
    assert "would you prefer between" in said(words)
    assert 1.0 < words[0].start_s < 4.0
    assert words[-1].end_s == pytest.approx(9.0)


@pytest.mark.words
def test_after_a_prefix_that_is_all_that_was_said_nothing_is_made_up(whisper: Whisper) -> None:
    """The agent says "Okay, so we would love to get the taking care of for you", and stops."""
    promise = whisper_module._sample_call_audio(92.5, 97.8)
    prefix = "Okay, so we would love to get better taking care of for you."
    assert whisper.transcribe(promise, prefix=prefix) == []
    assert said(whisper.transcribe(promise, prefix=prefix.removesuffix(" for you."))) == "for you"


@pytest.mark.words
def test_the_words_of_an_answer_that_is_cut_off_are_doubted_as_much_as_those_of_a_whole_one(
    whisper: Whisper, question: F32, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = whisper.transcribe(question, prefix="So let's")
    monkeypatch.setattr(whisper_module, "TOKENS_PER_S", 0)
    short = whisper.transcribe(question, prefix="So let's")
    assert 0 < len(short) < len(whole)
    doubts = [w.probability for w in short]
    assert doubts == pytest.approx([w.probability for w in whole[: len(short)]], abs=1e-6)


@pytest.mark.words
@pytest.mark.parametrize("kind", ["silence", "hiss", "tone", "ringing"])
@pytest.mark.parametrize("careful", [False, True])
def test_no_words_come_from_what_is_no_speech(whisper: Whisper, kind: str, careful: bool) -> None:
    ring = np.concatenate([sine(440, 2.0) + sine(480, 2.0), silence(1.0)])
    sounds = {
        "silence": silence(3),
        "hiss": white_noise(3, 0.01),
        "tone": sine(440, 3),
        "ringing": ring,
    }
    assert whisper.transcribe(sounds[kind], careful=careful) == []


@pytest.mark.words
@pytest.mark.skipif(not DATA.is_dir(), reason="shared reference data is not here")
def test_words_of_read_speech(whisper: Whisper) -> None:
    path, truth = (DATA / "librispeech" / "refs.tsv").read_text().splitlines()[0].split("\t")
    x, rate = soundfile.read(DATA / path, dtype="float32")
    assert rate == SAMPLE_RATE
    heard = said(whisper.transcribe(x, careful=True)).split()
    expected = truth.lower().split()
    assert len(set(expected) & set(heard)) / len(set(expected)) > 0.85
    assert heard[-1] == expected[-1] or heard[-2:] == expected[-2:]


@pytest.mark.words
def test_a_few_learnt_positions_stand_in_for_all_of_the_silence(
    whisper: Whisper, question: F32
) -> None:
    """A model that is given as a folder is none that anything was learnt for."""
    whole = Whisper(find_model().folder, "en")
    assert whole._learnt_silence is None
    assert whisper._learnt_silence is not None
    assert whisper._learnt_silence.shape[1] < ENCODER_POSITIONS / 10
    assert whisper.transcribe(question, careful=True) == whole.transcribe(question, careful=True)
    heard, same = 0, 0
    for cut in (int(s * SAMPLE_RATE) for s in (4.5, 5.0, 6.0, 7.0, 8.0, 8.5)):
        one, other = (said(w.transcribe(question[:cut])).split() for w in (whisper, whole))
        heard += max(len(one), len(other))
        same += sum(b.size for b in SequenceMatcher(None, one, other).get_matching_blocks())
    assert heard > 40
    assert same > 0.85 * heard  # half a word may be heard either way


@pytest.mark.words
def test_a_partial_knows_what_it_doubts(whisper: Whisper, question: F32) -> None:
    words = whisper.transcribe(question)
    assert all(0 < w.probability <= 1 for w in words)
    sure = {said([w]) for w in words if w.probability > 0.8}
    assert {"would", "prefer", "between"} <= sure
    # Cut in the middle of "prefer", 4 s into the excerpt.
    half = min(
        (whisper.transcribe(question[: int(s * SAMPLE_RATE)])[-1] for s in (3.8, 3.9, 4.0, 4.1)),
        key=lambda w: w.probability,
    )
    assert half.probability < 0.6


@pytest.mark.words
def test_what_was_said_before_and_the_vocabulary_are_no_part_of_the_answer(
    whisper: Whisper, question: F32
) -> None:
    after = said(whisper.transcribe(question, context="It rains.", careful=True))
    assert "would you prefer between" in after
    assert "rain" not in after
    named = Whisper("tiny.en", "en", ["Zyrtec", "Platinum Motors"])
    heard = said(named.transcribe(question, careful=True))
    assert "would you prefer between" in heard
    assert "zyrtec" not in heard
    assert named.transcribe(silence(3), careful=True) == []


@pytest.mark.words
def test_the_vocabulary_tells_how_a_name_is_written() -> None:
    """The customer says "my last name is Sotilli"."""
    x, rate = soundfile.read(
        resource("samples", "auto_repairs_40.flac"),
        start=53 * 8000,
        stop=56 * 8000,
        dtype="float32",
    )
    name = np.ascontiguousarray(soxr.resample(x[:, 1], rate, SAMPLE_RATE))
    without = said(Whisper("tiny.en", "en").transcribe(name, careful=True))
    known = said(Whisper("tiny.en", "en", ["Sotilli"]).transcribe(name, careful=True))
    assert "sotilli" not in without
    assert "sotilli" in known


def joined(*texts: str, goes_on: bool = False) -> list[tuple[str, float]]:
    pieces = [TranscribedWord(text, i, i + 1, 0.9 - i / 10) for i, text in enumerate(texts)]
    return [
        (w.text, round(w.probability, 1))
        for w in whisper_module._join_pieces(pieces, goes_on=goes_on)
    ]


def test_a_piece_without_a_space_belongs_to_the_word_before_it() -> None:
    assert joined(" at", " 8 a", ".m", ".") == [("at", 0.9), ("8 a.m.", 0.6)]
    assert joined('"Yes', " sir") == [('"Yes', 0.9), ("sir", 0.8)]
    assert joined("'s", " shrill", goes_on=True) == [("shrill", 0.8)]


@pytest.mark.parametrize("doubted", [(True, False), (False, True)])
def test_a_word_is_doubtful_if_a_piece_of_it_is(doubted: tuple[bool, bool]) -> None:
    texts = zip((" at", ".m"), doubted, strict=True)
    pieces = [TranscribedWord(text, 0, 1, 0.9, doubtful) for text, doubtful in texts]
    assert [w.doubtful for w in whisper_module._join_pieces(pieces)] == [True]


@pytest.mark.words
def test_what_follows_a_word_that_was_said_again_and_again_stays(
    whisper: Whisper, question: F32
) -> None:
    start, stop = int(3.4 * SAMPLE_RATE), int(4.14 * SAMPLE_RATE)
    word, pause = question[start:stop], silence(0.12)
    rest = question[int(3.3 * SAMPLE_RATE) : int(8.9 * SAMPLE_RATE)]
    sound = np.concatenate([silence(0.25), *[word, pause] * 5, pause, rest, silence(0.25)])
    words = whisper.transcribe(sound, careful=True)
    loop = find_loop([word.text for word in words], ENGLISH.numbers)
    assert loop
    assert 4 <= loop.times <= 9
    assert "or would you prefer between" in said(words[loop.stop :])


@pytest.mark.words
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared data")
def test_a_no_in_earnest_stays_whole(whisper: Whisper) -> None:
    x, rate = soundfile.read(DATA / "reported" / "inputs" / "11_said_again.flac", dtype="float32")
    customer = soxr.resample(x[:, 1], rate, SAMPLE_RATE)
    loud = np.flatnonzero(np.abs(customer) > 0.01)
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-SAMPLE_RATE) > SAMPLE_RATE)]
    heard = [
        said(whisper.transcribe(customer[max(0, at - 4000) :][: 9 * SAMPLE_RATE], careful=True))
        for at in starts
    ]
    assert any("no no no no" in text and "i did not order that" in text for text in heard)
    assert any("hello hello hello hello" in text and "still broken" in text for text in heard)


@pytest.mark.words
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared data")
def test_another_language_is_not_understood_in_its_own_process_too(whisper: Whisper) -> None:
    clips = sorted((DATA / "emodb" / "flac").glob("12*.flac"))
    pairs = [
        np.concatenate([soundfile.read(path, dtype="float32")[0] for path in clips[i : i + 2]])
        for i in range(0, 12, 2)
    ]
    missed = []
    for sound in pairs:
        with contextlib.suppress(SpeechNotUnderstood):
            whisper.transcribe(sound, careful=True)
            missed.append(sound)
    assert len(missed) < len(pairs)
    (foreign, *_) = (sound for sound in pairs if not any(sound is other for other in missed))
    process = TranscriberProcess("tiny.en", "en")
    try:
        with pytest.raises(SpeechNotUnderstood):
            process.transcribe(foreign, careful=True)
    finally:
        process.close()

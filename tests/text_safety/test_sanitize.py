"""How much of a text is kept."""

from __future__ import annotations

import pytest

from voicecoach.config import TranscriptionConfig
from voicecoach.shell.asr.answering import TranscriptBuilder
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.testing import ENGLISH
from voicecoach.text_safety.sanitize import clean_text
from voicecoach.types.events import TranscribeRequest
from voicecoach.types.stream import SAMPLE_RATE, Speaker


@pytest.mark.parametrize(("marks", "kept"), [(4, 4), (5, 4)])
def test_a_character_has_4_marks(marks: int, kept: int) -> None:
    assert clean_text("e" + "\u0301" * marks) == "e" + "\u0301" * kept


def test_a_text_has_10_000_characters() -> None:
    assert len(clean_text("a" * 10_001)) == 10_000
    assert clean_text("a" * 10_000) == "a" * 10_000


def test_a_word_of_the_transcriber_has_100_characters() -> None:
    builder = TranscriptBuilder(TranscriptionConfig(), ENGLISH.numbers)
    request = TranscribeRequest(
        at=0, speaker=Speaker.AGENT, utterance=1, start=0, end=SAMPLE_RATE, careful=True, first=0
    )
    heard = [TranscribedWord("a" * 100, 0.0, 0.5, 0.9), TranscribedWord("b" * 101, 0.5, 1.0, 0.9)]
    words = builder.build_transcript(0, request, heard).words
    assert [word.text for word in words] == ["a" * 100, "b" * 100]

"""What was not understood is shown as such, and nothing is made of it."""

from __future__ import annotations

import json

from voicecoach.shell.views import console
from voicecoach.text_safety.redaction import redact_words
from voicecoach.types.events import Event, NotUnderstood, Utterance, Word
from voicecoach.types.stream import CUSTOMER, SAMPLE_RATE
from voicecoach.views.annotated_transcript import mark_utterances
from voicecoach.views.conversation import NOT_UNDERSTOOD_TEXT, conversation
from voicecoach.views.exports import jsonl, srt, vtt
from voicecoach.views.snapshot import Snapshot
from voicecoach.views.summary import Summarizer

S = SAMPLE_RATE
SPAN = NotUnderstood(at=9 * S, speaker=CUSTOMER, utterance=2, start=5 * S, end=8 * S)


def call() -> list[Event]:
    words = [
        Word(
            at=3 * S, speaker=CUSTOMER, utterance=1, index=i, text=text, start=(i + 1) * S,
            end=(i + 2) * S, probability=0.9, committed=True, final=True,
        )
        for i, text in enumerate(("Hello", "there."))
    ]  # fmt: skip
    text = Utterance(
        at=3 * S, speaker=CUSTOMER, utterance=1, start=S, end=3 * S, text="Hello there.", words=2
    )
    return [*words, text, SPAN]


def test_the_conversation_has_it_without_words_or_acts() -> None:
    known, unknown = conversation(call())
    assert known.understood
    assert not unknown.understood
    assert (unknown.text, list(unknown.words), list(unknown.acts)) == (NOT_UNDERSTOOD_TEXT, [], [])
    assert (unknown.start, unknown.end) == (5 * S, 8 * S)


def test_report_and_subtitles_say_so() -> None:
    assert [piece.text for piece in mark_utterances(call())[1].pieces] == [NOT_UNDERSTOOD_TEXT]
    assert NOT_UNDERSTOOD_TEXT in vtt(call(), "call")
    assert NOT_UNDERSTOOD_TEXT in srt(call(), "call")


def test_json_lines_have_no_text_of_it() -> None:
    known, unknown = map(json.loads, jsonl(call(), "call").splitlines())
    assert (known["understood"], known["text"]) == (True, "Hello there.")
    assert (unknown["understood"], unknown["text"], unknown["words"]) == (False, "", [])


def test_summary_and_live_views_say_so() -> None:
    summarizer, snapshot = Summarizer("call"), Snapshot()
    for event in call():
        summarizer.add_event(event)
        snapshot.add_event(event)
    assert [line.text for line in summarizer.finish().transcript][-1] == NOT_UNDERSTOOD_TEXT
    assert snapshot.lines[-1].text == NOT_UNDERSTOOD_TEXT
    line = console._event_line(SPAN)
    assert line
    assert line.plain == " 0:05 customer [not understood]"


def test_a_log_without_words_keeps_it() -> None:
    assert redact_words(SPAN) == SPAN

"""Readers see the words that were heard again; programs have both, and old logs read as before."""

from __future__ import annotations

import json

import msgspec

from voicecoach.testing import make_utterance, make_word
from voicecoach.text_safety.redaction import redact_words
from voicecoach.types.events import CarefulUtterance, DialogueAct, Event
from voicecoach.types.stream import CUSTOMER, SAMPLE_RATE, HeardWord
from voicecoach.views import event_log
from voicecoach.views.annotated_transcript import mark_utterances
from voicecoach.views.conversation import CAREFUL_EXPLANATION, conversation, readable_conversation
from voicecoach.views.exports import exported_events, jsonl, srt, textgrid, vtt
from voicecoach.views.report import make_report
from voicecoach.views.summary import summarize_events, summary_markdown

S = SAMPLE_RATE
AGAIN = CarefulUtterance(
    at=9 * S,
    speaker=CUSTOMER,
    utterance=1,
    start=S // 2,
    end=3 * S,
    words=(
        HeardWord("the", S // 2, S, 0.98, agreed=True),
        HeardWord("ship", S, 2 * S, 0.5, doubtful=True, agreed=False),
        HeardWord("sank", 2 * S, 3 * S, 0.98, agreed=True),
    ),
)
LIVE: list[Event] = [
    *(make_word(text, i) for i, text in enumerate(("the", "chip", "sang"))),
    make_utterance("the chip sang", end=S),
    DialogueAct(
        at=S, speaker=CUSTOMER, start=0, end=S, kind="trouble", text="the chip", instead=""
    ),
    make_utterance("hello again", start=4 * S, end=5 * S, utterance=2),
]


def test_it_comes_back_from_the_log() -> None:
    line = event_log.encode_event(AGAIN)
    word = json.loads(line)["words"][1]
    assert word == {
        "text": "ship", "start_s": 1.0, "end_s": 2.0, "probability": 0.5, "doubtful": True,
        "agreed": False,
    }  # fmt: skip
    assert list(event_log.read_events([line])) == [AGAIN]
    assert (AGAIN.text, AGAIN.doubtful) == ("the ship sank", (1,))


def test_a_damaged_word_costs_its_line_only() -> None:
    fields = json.loads(event_log.encode_event(AGAIN))
    for words in (["ship"], [{"text": "ship"}], "ship", [{**fields["words"][0], "end_s": -1}]):
        damaged = event_log.DamagedLines()
        lines = [json.dumps({**fields, "words": words}).encode(), event_log.encode_event(AGAIN)]
        assert list(event_log.read_events(lines, damaged)) == [AGAIN]
        assert damaged.count == 1


def test_a_log_without_words_has_none_of_it() -> None:
    assert redact_words(AGAIN) is None


def test_scores_and_acts_rest_on_what_was_heard_live() -> None:
    first, second = conversation([*LIVE, AGAIN])
    assert (first.text, [w.text for w in first.words]) == ("the chip sang", ["the", "chip", "sang"])
    assert first.heard_again().marked_text == "the (ship?) sank"
    assert [act.kind for act in first.heard_again().acts] == ["trouble"]
    assert second.heard_again() is second


def test_report_has_both_layers() -> None:
    report = make_report({}, [*LIVE, AGAIN])
    read = [
        [" ".join(piece.text for piece in line.pieces) for line in lines]
        for lines in (report.lines, report.careful_lines)
    ]
    assert read == [["the chip sang", "hello again"], ["the (ship?) sank", "hello again"]]
    assert report.careful_lines[0].pieces[0].moves == ["trouble"]
    assert make_report({}, LIVE).careful_lines == []
    assert mark_utterances(LIVE, careful=True) == mark_utterances(LIVE)


def test_summary_shows_it_and_keeps_both() -> None:
    summary = summarize_events("call", [*LIVE, AGAIN])
    first, second = summary.transcript
    assert (first.text, first.careful_text, first.careful_doubtful) == (
        "the chip sang", "the ship sank", [1],
    )  # fmt: skip
    assert second.careful_text is None
    page = summary_markdown(summary)
    assert "the (ship?) sank" in page
    assert CAREFUL_EXPLANATION in page
    assert "chip" not in page
    assert CAREFUL_EXPLANATION not in summary_markdown(summarize_events("call", LIVE))
    old = msgspec.to_builtins(summarize_events("call", LIVE))
    for line in old["transcript"]:
        del line["careful_text"], line["careful_doubtful"]
    assert msgspec.convert(old, type(summary)) == summarize_events("call", LIVE)


def test_subtitles_and_intervals_have_what_was_heard_again() -> None:
    events = exported_events([*LIVE, AGAIN])
    for write in (vtt, srt, textgrid):
        text = write(events, "call")
        assert "the (ship?) sank" in text
        assert "chip" not in text
    assert f"NOTE {CAREFUL_EXPLANATION}" in vtt(events, "call")
    assert 'text = "sank"' in textgrid(events, "call")


def test_json_lines_have_both() -> None:
    first, second = map(json.loads, jsonl([*LIVE, AGAIN], "call").splitlines())
    assert (first["text"], first["careful"]["text"]) == ("the chip sang", "the ship sank")
    assert first["careful"]["words"][1]["doubtful"] is True
    assert "careful" not in second


def test_an_utterance_in_which_nothing_is_heard_again_is_not_shown() -> None:
    nothing = msgspec.structs.replace(AGAIN, words=())
    assert [u.text for u in readable_conversation([*LIVE, nothing])] == [
        "", "hello again",
    ]  # fmt: skip
    assert "chip" not in srt([*LIVE, nothing], "call")
    assert "chip" not in summary_markdown(summarize_events("call", [*LIVE, nothing]))

"""An utterance, its words and its acts are the same for whatever shows, exports or scores them."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from voicecoach.coaching.cues import built_in_cues
from voicecoach.coaching.thresholds import cue_thresholds
from voicecoach.scoring.call import ScoredCall
from voicecoach.scoring.record import CallRecord
from voicecoach.testing import ENGLISH, make_utterance
from voicecoach.types.events import DialogueAct, DigitsShown, Ended, Event, Word
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views.annotated_transcript import mark_utterances
from voicecoach.views.conversation import OrderedSpans, conversation
from voicecoach.views.exports import EXPORT_FORMATS, exported_events, jsonl

A, C = Speaker.AGENT, Speaker.CUSTOMER
S = SAMPLE_RATE


def heard(number: int, index: int, text: str, *, final: bool = True, who: Speaker = A) -> Word:
    """Return a word of an utterance that begins ten seconds after the one before, one a second."""
    start = number * 10 * S + index * S
    return Word(
        at=start + S, speaker=who, utterance=number, index=index, text=text, start=start,
        end=start + S, probability=0.9, committed=True, final=final,
    )  # fmt: skip


def said(number: int, text: str, *, who: Speaker = A, surplus: int = 0) -> list[Event]:
    """Return the words of an utterance and its end; of its last words some are void."""
    words = text.split()
    count = len(words) - surplus
    start = number * 10 * S
    end = start + count * S
    return [
        *(heard(number, i, word, who=who) for i, word in enumerate(words)),
        make_utterance(
            " ".join(words[:count]), speaker=who, utterance=number, start=start, end=end
        ),
    ]


def act(kind: str, start_s: float, end_s: float, who: Speaker = A) -> DialogueAct:
    start, end = round(start_s * S), round(end_s * S)
    return DialogueAct(at=end, speaker=who, start=start, end=end, kind=kind, text="", instead="")


CALL: list[Event] = [
    heard(1, 0, "I'm", final=False),
    *said(2, "It is broken", who=C),
    *said(1, "I'm so sorry about void", surplus=1),
    act("apology", 11, 13),
    act("trouble", 21, 23, C),
    *said(3, "Which one is it"),
    act("question", 19, 33),
]
"""The last act begins before the utterance that it is in."""


def test_utterances_are_in_order_with_their_words_and_acts() -> None:
    found = conversation(CALL)
    assert [(u.speaker, u.text, [w.text for w in u.words]) for u in found] == [
        (A, "I'm so sorry about", ["I'm", "so", "sorry", "about"]),
        (C, "It is broken", ["It", "is", "broken"]),
        (A, "Which one is it", ["Which", "one", "is", "it"]),
    ]
    assert [[a.kind for a in u.acts] for u in found] == [["apology"], ["trouble"], ["question"]]
    assert all(u.complete for u in found)


def test_an_utterance_without_all_its_words_says_so() -> None:
    words = said(1, "I'm so sorry")
    (found,) = conversation([*words[:1], *words[2:]])
    assert not found.complete
    assert [w.text for w in found.words] == ["I'm", "sorry"]
    (whole,) = conversation(words)
    assert whole.complete
    assert conversation(words[:-1]) == []


def test_transcript_export_and_score_card_have_the_same() -> None:
    lines = [json.loads(line) for line in jsonl(CALL, "call").splitlines()]
    shown = mark_utterances(CALL)
    assert [line["text"] for line in lines] == [
        " ".join(piece.text for piece in utterance.pieces) for utterance in shown
    ]
    assert [[m["kind"] for m in line["moves"]] for line in lines] == [
        [kind for piece in utterance.pieces for kind in piece.ends] for utterance in shown
    ]
    record = CallRecord()
    for event in CALL:
        record.add_event(event)
    call = ScoredCall(record, cue_thresholds(built_in_cues()), ENGLISH)
    for who in (A, C):
        scored = [word.text for word in call.words[who]]
        exported = [w["text"] for line in lines if line["speaker"] == who for w in line["words"]]
        assert scored == exported


def test_digits_that_are_shown_again_are_in_every_export() -> None:
    shown = DigitsShown(at=60 * S, speaker=A, utterance=4, index=1, text="42")
    log = [*CALL, *said(4, "Number ## please"), shown, Ended(at=70 * S, end=70 * S)]
    for write in EXPORT_FORMATS.values():
        assert write(exported_events(log), "x") == write(log, "x")
    assert "Number 42 please" in EXPORT_FORMATS["vtt"](exported_events(log), "x")


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(-2, 12)), min_size=1, max_size=12)


@given(spans=SPANS, start=st.integers(0, 40), length=st.integers(-2, 12))
@settings(max_examples=300)
def test_spans_are_found_as_if_each_was_looked_at(
    spans: list[tuple[int, int]], start: int, length: int
) -> None:
    ordered = sorted((first, first + lasts) for first, lasts in spans)
    end = start + length
    found = OrderedSpans(ordered)
    outside = [max(first - start, end - last, 0) for first, last in ordered]
    assert found.nearest(start, end) == outside.index(min(outside))
    touching = {i for i, (first, last) in enumerate(ordered) if first < end and last > start}
    assert touching <= set(found.touching(start, end))

"""The event log: a public, versioned interface."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from voicecoach.testing import make_word, process_all, silence, stereo, syllables, vowel
from voicecoach.types.events import (
    EVENT_TYPES,
    CueFeedback,
    Ended,
    Event,
    SignalChanges,
    TranscribeRequest,
    Word,
    event_type,
)
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views import event_log

DOCS = Path(__file__).parents[2] / "docs" / "event-log.md"


def test_what_is_written_is_read_back_to_the_sample() -> None:
    samples = stereo(syllables(150, 4, 12), syllables(220, 4, 12))
    events = process_all(samples, frames=True)
    lines = [event_log.encode_event(e) for e in events]
    again = list(event_log.read_events(iter([event_log.encode_header(call="x"), *lines])))
    assert [e.at for e in again] == [e.at for e in events]
    assert [event_log.encode_event(e) for e in again] == lines


def test_times_are_seconds_and_the_unknown_is_null() -> None:
    events = process_all(stereo(vowel(150, 1), silence(1)), frames=True)
    lines = [json.loads(event_log.encode_event(e)) for e in events]
    for fields in lines:
        assert fields["type"]
        assert not {"at", "start", "end"} & fields.keys()
        assert 0 <= fields["at_s"] <= 1.02
    prosody = [f for f in lines if f["type"] == "prosody" and f["speaker"] == "customer"]
    assert all(f["f0_hz"] is None for f in prosody)


def test_the_names_that_outside_tools_rely_on() -> None:
    names = {event_type(e): set(e.__struct_fields__) for e in EVENT_TYPES}
    assert {"at", "speaker", "agitation", "confidence"} <= names["tone"]
    assert {"at", "speaker", "calmness", "rate_syl_s", "level_db", "f0_semitones"} <= names[
        "delivery"
    ]
    assert {"at", "speaker", "f0_hz", "level_dbfs"} <= names["prosody"]
    assert "by" in names["overlap"]
    assert {"text", "start", "end", "at", "committed", "final"} <= names["word"]
    assert {"id", "title", "message", "evidence", "priority"} <= names["cue_opened"]
    assert {"id", "reason"} <= names["cue_closed"] & names["cue_held_back"]
    assert {"speech_started", "speech_ended"} <= names.keys()


def test_numpys_numbers_are_numbers() -> None:
    word = Word(
        at=0, speaker=Speaker.AGENT, utterance=1, index=0, text="a", start=0, end=1,
        probability=np.float64(0.123456), committed=True, final=True,
    )  # fmt: skip
    assert json.loads(event_log.encode_event(word))["probability"] == 0.1235


def test_no_word_of_an_earlier_log_is_doubtful() -> None:
    word = Word(
        at=0, speaker=Speaker.AGENT, utterance=1, index=0, text="a", start=0, end=1,
        probability=0.1, committed=True, final=True, doubtful=True,
    )  # fmt: skip
    fields = json.loads(event_log.encode_event(word))
    assert fields.pop("doubtful") is True
    (read,) = event_log.read_events([json.dumps(fields).encode()])
    assert read == msgspec.structs.replace(word, doubtful=False)


def test_text_stays_on_its_line() -> None:
    word = Word(
        at=SAMPLE_RATE,
        speaker=Speaker.AGENT,
        utterance=1,
        index=0,
        text='"\n\u202e<b>',
        start=0,
        end=1600,
        probability=1.0,
        committed=True,
        final=True,
    )
    line = event_log.encode_event(word)
    assert line.count(b"\n") == 1
    assert list(event_log.read_events(iter([line]))) == [
        msgspec.structs.replace(word, text='" <b>')
    ]


@pytest.mark.parametrize(
    "bad", [b"{", b"[]", b'{"type":"nothing"}', b'{"type":"ended"}', b'{"at_s":1}', b'{"type":[]}']
)
def test_a_line_that_is_no_event_is_named(bad: bytes) -> None:
    good = event_log.encode_event(Ended(at=16_000, end=16_000))
    with pytest.raises(ValueError, match="line 2: not an event"):
        list(event_log.read_events(iter([good, bad])))


@pytest.mark.parametrize("time", [b"1e400", b"-0.1", b"86400.1", b'"x"', b"null", b"true", b"1e19"])
def test_a_time_that_is_in_no_call_is_refused(time: bytes) -> None:
    with pytest.raises(ValueError, match="line 1: not an event"):
        list(event_log.read_events(iter([b'{"type":"ended","at_s":1.0,"end_s":' + time + b"}"])))


@pytest.mark.parametrize(
    ("field", "most"), [(b'"end_s":%d', 24 * 3600), (b'"end_s":1,"more":%d', 2**53)]
)
def test_a_call_lasts_a_day_and_a_number_is_one_that_floats_tell_apart(
    field: bytes, most: int
) -> None:
    line = b'{"type":"ended","at_s":1.0,' + field + b"}"
    assert len(list(event_log.read_events(iter([line % most])))) == 1
    with pytest.raises(ValueError, match="line 1: not an event"):
        list(event_log.read_events(iter([line % (most + 1)])))


def test_damaged_lines_are_left_out_counted_and_the_first_is_named() -> None:
    good = event_log.encode_event(Ended(at=16_000, end=16_000))
    damaged = event_log.DamagedLines()
    bad = [b"{\n", good.replace(b"1.0}", b"1e23}"), b"\0" * len(good), b"\xff\n", b"\n"]
    read = list(event_log.read_events(iter([good, *bad, good]), damaged=damaged))
    assert read == [Ended(at=16_000, end=16_000)] * 2
    assert damaged.count == len(bad)
    assert str(damaged).startswith("left out 5 lines that cannot be read, the first is line 2 (")
    assert str(event_log.DamagedLines()) == ""


@pytest.mark.parametrize(
    "event",
    [
        Ended(at=0, end=-1),
        Ended(at=0, end=event_log.MAX_STREAM_INDEX + 1),
        CueFeedback(at=0, id="x", start=10**23, helpful=True),
        msgspec.structs.replace(make_word("a", 0), index=2**53 + 1),
        msgspec.structs.replace(make_word("a", 0), probability=1e16),
        SignalChanges(at=0, values={"a": -1e300}),
    ],
)
def test_what_a_reader_would_refuse_is_not_written(event: Event) -> None:
    with pytest.raises(ValueError, match="in it is"):
        event_log.encode_event(event)


def test_what_lies_at_the_limit_is_written_and_read() -> None:
    for event in (
        Ended(at=0, end=event_log.MAX_STREAM_INDEX),
        msgspec.structs.replace(make_word("a", 0), index=2**53),
    ):
        assert list(event_log.read_events(iter([event_log.encode_event(event)]))) == [event]


def test_a_number_has_4_decimals() -> None:
    word = make_word("a", 0)
    line = event_log.encode_event(msgspec.structs.replace(word, probability=0.123456789))
    assert json.loads(line)["probability"] == 0.1235


@pytest.mark.parametrize("more", [{"speakers": ["nobody"]}, {"speakers": 3}, {"call": 7}])
def test_a_header_of_another_kind_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="line 1: "):
        event_log.parse_header(event_log.encode_header(**more))
    assert event_log.parse_header(event_log.encode_header(speakers=["agent"])) == {
        "speakers": ["agent"]
    }


def test_the_reference_is_the_one_in_the_docs() -> None:
    assert event_log.event_reference() in DOCS.read_text("utf-8")


def test_lists_and_tables_are_told_apart_in_the_reference() -> None:
    text = event_log.event_reference()
    assert "- `evidence`: list of texts\n" in text
    assert "- `cepstrum_db`: list of numbers\n" in text
    assert "- `signals`: table of numbers by signal name\n" in text


def test_requests_are_not_part_of_the_log() -> None:
    assert "transcribe_request" not in event_log.event_reference()
    assert TranscribeRequest in EVENT_TYPES

"""The summary of a call."""

import msgspec
import pytest

from voicecoach.testing import make_cue, make_tone, make_utterance
from voicecoach.types.events import (
    ChannelState,
    CueClosed,
    CueHeldBack,
    Degraded,
    Delivery,
    Ended,
    Event,
    Gap,
    Overlap,
    PersonChanged,
    SpeechEnded,
    Tone,
    Turn,
    Utterance,
)
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views.conversation import conversation
from voicecoach.views.summary import Summarizer, Summary, summarize_events, summary_markdown

A, C = Speaker.AGENT, Speaker.CUSTOMER
S = SAMPLE_RATE


def tone(at: int, agitation: float, confidence: float) -> Tone:
    return make_tone(at, agitation, confidence)


def delivery(calmness: float | None) -> Delivery:
    return Delivery(
        at=S,
        speaker=A,
        start=0,
        end=S,
        rate_syl_s=5.0,
        baseline_rate_syl_s=4.5,
        level_db=0.0,
        f0_semitones=0.0,
        calmness=calmness,
    )


EVENTS: list[Event] = [
    SpeechEnded(at=S, speaker=A, start=0, end=S),
    SpeechEnded(at=5 * S, speaker=C, start=S, end=4 * S),
    Turn(at=S, speaker=A, start=0, end=S),
    Overlap(at=S, by=A, start=0, end=S // 2, backchannel=False),
    Overlap(at=S, by=C, start=0, end=S // 2, backchannel=True),
    tone(S, 0.9, 0.1),
    tone(2 * S, 0.6, 0.9),
    tone(3 * S, 0.2, 0.9),
    delivery(0.7),
    delivery(0.8),
    make_cue(6 * S, "x", title="X", message="m", say="words"),
    CueClosed(at=8 * S, id="x", reason="behaviour stopped"),
    CueHeldBack(at=9 * S, id="x", reason="cooldown"),
    CueHeldBack(at=9 * S, id="x", reason="cooldown"),
    Utterance(at=9 * S, speaker=C, utterance=2, start=7 * S, end=8 * S, text="later", words=1),
    make_utterance("<b>*a*|\n\x1b[1m", at=9 * S, speaker=A, start=S, end=2 * S),
    Degraded(at=S, stage="transcription", reason="gone"),
    Degraded(at=S, stage="transcription", reason="gone"),
    ChannelState(at=S, speaker=C, state="dead", reason="nothing on it so far"),
    Gap(at=S, start=S, end=3 * S),
    Ended(at=70 * S, end=70 * S),
]


def summary() -> Summary:
    summarizer = Summarizer("call")
    for event in EVENTS:
        summarizer.add_event(event)
    return summarizer.finish()


def test_numbers() -> None:
    s = summary()
    assert (s.agent.speech_s, s.customer.speech_s, s.agent.talk_share) == (1.0, 3.0, 0.25)
    assert (s.agent.overlaps_begun, s.customer.overlaps_begun) == (1, 0)
    assert s.overlap_s == 1.0
    assert (s.agitation_mean, s.agitation_peak, s.agitation_peak_s) == (0.4, 0.6, 2.0)
    assert s.agitation_end == 0.2
    assert s.agent_calmness_mean == 0.75
    assert [(c.id, c.opened_s, c.closed_s) for c in s.cues] == [("x", 6.0, 8.0)]
    assert s.held_back == {"x: cooldown": 2}
    assert [line.text for line in s.transcript][1] == "later"
    assert s.customer.channel == "dead"
    assert s.notes == [
        "transcription: gone",
        "Nothing heard from the customer: nothing on it so far (from 0:01)",
        "2.0 s missing at 0:01",
    ]


def test_the_page_says_it_and_words_stay_text() -> None:
    page = summary_markdown(summary())
    for text in ("Length 1:10.", "0:06 X", "2.0 s (behaviour stopped)", "x: cooldown (2)", "25%"):
        assert text in page
    assert "\\<b\\>\\*a\\*\\|" in page
    assert "\x1b" not in page
    assert "nothing heard" in page


def test_a_summary_of_nothing() -> None:
    s = Summarizer("empty").finish()
    assert s.agent.talk_share == 0
    assert s.agitation_mean is None
    assert "None." in summary_markdown(s)


def test_without_the_composite_there_is_no_calmness_on_the_page() -> None:
    summarizer = Summarizer("eu")
    summarizer.add_event(delivery(None))
    s = summarizer.finish()
    assert s.agent_calmness_mean is None
    assert "calmness" not in summary_markdown(s)
    assert "usual pace: 4.5" in summary_markdown(s)


def test_json_round_trip() -> None:
    s = summary()
    assert msgspec.json.decode(msgspec.json.encode(s), type=Summary) == s


def test_two_who_begin_together_stand_in_the_order_of_the_report() -> None:
    events = [
        Utterance(at=2 * S, speaker=s, utterance=0, start=S, end=2 * S, words=0, text=s.value)
        for s in (C, A)
    ]
    lines = summarize_events("call", events).transcript
    assert [line.speaker for line in lines] == [u.speaker for u in conversation(events)]


def test_doubtful_words_are_marked_and_the_mark_is_explained_once() -> None:
    said = make_utterance("the ship, *is* late", end=S, doubtful=[1, 2])
    s = summarize_events("call", [said, make_utterance("so", utterance=2, end=2 * S, doubtful=[0])])
    assert [(line.text, line.doubtful) for line in s.transcript] == [
        ("the ship, *is* late", [1, 2]),
        ("so", [0]),
    ]
    page = summary_markdown(s)
    assert "the (ship, \\*is?)\\* late" in page
    assert "(so?)" in page
    assert page.count("(word?): may be misheard.") == 1
    assert "(word?)" not in summary_markdown(summarize_events("call", [make_utterance("a", end=S)]))


def changed(person: int, start: int) -> PersonChanged:
    return PersonChanged(
        at=(start + 3) * SAMPLE_RATE,
        speaker=Speaker.CUSTOMER,
        start=start * SAMPLE_RATE,
        person=person,
    )


def spoke(speaker: Speaker) -> SpeechEnded:
    return SpeechEnded(at=SAMPLE_RATE, speaker=speaker, start=0, end=SAMPLE_RATE)


def test_people_on_a_channel_are_told_in_one_note() -> None:
    events = [spoke(Speaker.AGENT), spoke(Speaker.CUSTOMER), changed(2, 63), changed(1, 90)]
    assert summarize_events("call", events).notes == [
        "another person speaks on the customer's channel from 1:03 (person 2), 1:30 (person 1)"
    ]
    many = [changed(2 - n % 2, 60 * n) for n in range(1, 6)]
    (note,) = summarize_events("call", [*events[:2], *many]).notes
    assert note.endswith("4:00 (person 2), and so on")


@pytest.mark.parametrize(
    ("events", "mixed"),
    [
        ([changed(2, 10), changed(1, 20)], True),
        ([changed(2, 10), changed(3, 20)], False),
        ([spoke(Speaker.AGENT), changed(2, 10), changed(1, 20)], False),
    ],
)
def test_a_recording_of_both_sides_on_one_channel_is_found(
    events: list[Event], mixed: bool
) -> None:
    (note,) = summarize_events("call", [spoke(Speaker.CUSTOMER), *events]).notes
    assert ("both sides are on one channel" in note) is mixed

"""Cues from opened to closed."""

from __future__ import annotations

from voicecoach.coaching.cue_spans import CueSpan, CueSpanReader, read_cue_spans
from voicecoach.types.events import CueClosed, CueFeedback, CueOpened, Event, Listening


def opened(at: int, id: str) -> CueOpened:
    texts = {"title": id, "message": "", "say": ""}
    return CueOpened(at=at, id=id, priority=1, evidence={}, held_s=1.0, **texts)


FIRST, SECOND = opened(10, "soften"), opened(30, "slow-down")
CLOSED = CueClosed(at=20, id="soften", reason="behaviour stopped")


def test_a_cue_lasts_from_its_opening_to_its_closing() -> None:
    events: list[Event] = [FIRST, Listening(at=15, on=True), CLOSED, SECOND]
    # The log was cut off while the second was on screen.
    assert read_cue_spans(events) == [CueSpan(FIRST, CLOSED), CueSpan(SECOND)]


def test_a_closing_without_a_cue_on_screen_is_left_alone() -> None:
    late = CueClosed(at=25, id="soften", reason="marked wrong")
    assert read_cue_spans([CLOSED, FIRST, CLOSED, late]) == [CueSpan(FIRST, CLOSED)]


def test_a_mark_counts_for_the_cue_that_is_on_screen() -> None:
    reader = CueSpanReader()
    mark = CueFeedback(at=18, id="soften", start=10, helpful=True)
    assert not reader.is_mark_of_shown(mark)
    reader.add_event(FIRST)
    assert reader.is_mark_of_shown(mark)
    assert not reader.is_mark_of_shown(CueFeedback(at=18, id="soften", start=9, helpful=True))
    reader.add_event(CLOSED)
    assert not reader.is_mark_of_shown(mark)
    reader.add_event(SECOND)
    assert (reader.on_screen, len(reader.spans)) == (SECOND, 2)

"""What a score card says of a call that was not heard or transcribed in full."""

from __future__ import annotations

import pytest

from tests.scoring.conversations import A, C, a, c, card, events, line
from voicecoach.types.events import DialogueAct, NotUnderstood, Utterance, Word
from voicecoach.types.stream import SAMPLE_RATE


@pytest.mark.parametrize(("worded_s", "complete"), [(6.0, True), (5.6, False)])
def test_a_transcript_is_complete_with_words_for_06_of_the_speech(
    worded_s: float, complete: bool
) -> None:
    """The agent speaks for 10 s in two turns, and only the first has words."""
    second_s = 1.0 + worded_s + 1.0 + 3 + 1.0
    told = [
        event
        for event in events([line(A, worded_s), line(C, 3), line(A, 10 - worded_s)])
        if not (
            isinstance(event, Word | Utterance)
            and event.speaker is A
            and event.start >= (second_s - 0.5) * SAMPLE_RATE
        )
    ]
    assert (card(told).notes == []) is complete


def test_speech_that_was_not_understood_is_named_and_not_scored() -> None:
    told = events([a("Good morning, how can I help?"), c("My heating is broken again, again.")])
    (said,) = (e for e in told if isinstance(e, Utterance) and e.speaker is C)
    foreign = [
        NotUnderstood(
            at=said.at, speaker=C, utterance=said.utterance, start=said.start, end=said.end
        )
        if e is said
        else e
        for e in told
        if not (isinstance(e, Word | DialogueAct) and e.speaker is C)
    ]
    seconds = (said.end - said.start) / SAMPLE_RATE
    (note,) = (note for note in card(foreign).notes if "customer" in note)
    assert note == (
        f"{seconds:.0f} s of the customer's speech were not understood (another language?): "
        "they are not scored"
    )

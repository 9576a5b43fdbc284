"""Which words a dialogue act is marked on."""

from __future__ import annotations

import pytest

from voicecoach.testing import make_utterance, make_word
from voicecoach.types.events import DialogueAct
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views.annotated_transcript import mark_utterances

S = SAMPLE_RATE


@pytest.mark.parametrize(("late_s", "marked"), [(0.009, ["sorry"]), (0.011, [])])
def test_the_times_of_a_word_and_its_act_may_be_a_hundredth_of_a_second_apart(
    late_s: float, marked: list[str]
) -> None:
    words = [make_word(text, i, speaker=Speaker.AGENT) for i, text in enumerate(["so", "sorry"])]
    end = words[1].end
    said = make_utterance("so sorry", speaker=Speaker.AGENT, end=end)
    late = round(late_s * S)
    for start, last in ((words[1].start + late, end), (words[1].start, end - late)):
        act = DialogueAct(
            at=end, speaker=Speaker.AGENT, start=start, end=last, kind="apology", text="sorry",
            instead="",
        )  # fmt: skip
        (utterance,) = mark_utterances([*words, said, act])
        assert [piece.text for piece in utterance.pieces if piece.moves] == marked


def test_doubtful_words_are_pieces_of_their_own() -> None:
    words = [
        make_word(text, i, speaker=Speaker.AGENT, doubtful=text in ("ship", "late."))
        for i, text in enumerate(["so", "sorry", "ship", "is", "late."])
    ]
    end = words[-1].end
    said = make_utterance("so sorry ship is late.", speaker=Speaker.AGENT, end=end, doubtful=[2, 4])
    act = DialogueAct(
        at=end, speaker=Speaker.AGENT, start=words[1].start, end=words[3].end, kind="apology",
        text="sorry … is", instead="",
    )  # fmt: skip
    (utterance,) = mark_utterances([*words, said, act])
    assert [(p.text, p.doubtful, p.moves, p.ends) for p in utterance.pieces] == [
        ("so", False, [], []),
        ("sorry", False, ["apology"], []),
        ("(ship?)", True, ["apology"], []),
        ("is", False, ["apology"], ["apology"]),
        ("(late?).", True, [], []),
    ]
    (utterance,) = mark_utterances([said])
    assert [p.text for p in utterance.pieces] == ["so sorry (ship?) is (late?)."]

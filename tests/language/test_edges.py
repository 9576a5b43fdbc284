"""What the customer's words weigh and for how long, at its edges."""

from __future__ import annotations

import pytest

from tests.language.test_wording import MODEL, SECOND, said, say, total
from voicecoach.language.wording import WordingEvidence
from voicecoach.testing import ENGLISH_WORDING

THREAT = "I will take you to court"
COMPLAINT = "the engineer never came to my house on tuesday morning and it is unacceptable"


def evidence_of(text: str, later_s: float = 0.0) -> float:
    """Return what an utterance weighs so long after it ended."""
    wording = WordingEvidence(ENGLISH_WORDING, MODEL)
    end = say(wording, text)
    return total(wording.evidence(end + round(later_s * SECOND)))


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        (THREAT, 1.4),
        ("let me speak to your manager", 1.2),
        ("that is disgraceful", 1.2),
        ("I am desperate", 1.2),
        ("how many times do I have to call", 1.0),
        ("that makes no sense", 0.25),
    ],
)
def test_what_a_phrase_weighs_when_it_is_said(text: str, weight: float) -> None:
    # Its last word may not be the last one.
    assert evidence_of(text) == pytest.approx(weight, rel=0.1)


def test_what_was_said_weighs_half_after_15_s() -> None:
    assert evidence_of(THREAT, 15.0) == pytest.approx(0.7)
    assert evidence_of(THREAT, 30.0) == pytest.approx(0.35)


@pytest.mark.parametrize(("later_s", "left"), [(72.0, True), (72.2, False)])
def test_what_has_faded_to_005_is_left_out(later_s: float, left: bool) -> None:
    """1.4 is halved 4.81 times until then."""
    assert (evidence_of(THREAT, later_s) > 0) is left


def test_all_words_together_weigh_no_more_than_25() -> None:
    evidence = said(THREAT, "let me speak to your manager", "that is disgraceful", pause_s=0)
    assert total(evidence) == pytest.approx(2.5)


def test_a_complaint_that_is_made_again_weighs_07() -> None:
    evidence = said(COMPLAINT, COMPLAINT, pause_s=22)
    (again,) = [e for e in evidence if e.text.startswith("said it again")]
    assert again.weight == pytest.approx(0.7)
    assert len(again.text.split('"')[1].split()) == 6


@pytest.mark.parametrize(("utterances", "remembered"), [(38, True), (41, False)])
def test_a_complaint_is_remembered_for_40_utterances(utterances: int, remembered: bool) -> None:
    talk = ["chairs and tables"] * utterances
    evidence = said(COMPLAINT, *talk, COMPLAINT)
    assert any(e.text.startswith("said it again") for e in evidence) is remembered

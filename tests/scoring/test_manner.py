"""How the agent speaks and listens: how long, how soon, how loud."""

from __future__ import annotations

import pytest

from tests.scoring.conversations import A, C, Line, act, card, events, line, score


@pytest.mark.parametrize(("told_s", "counts"), [(12.0, True), (11.6, False)])
def test_an_account_is_worth_taking_up_from_12_s(told_s: float, counts: bool) -> None:
    call = [line(A, 3), line(C, told_s), line(A, 8), line(C, 3)]
    assert (score("listening", call) is not None) is counts


@pytest.mark.parametrize(("after_s", "taken_up"), [(19.5, 1.0), (20.5, 0.0)])
def test_an_account_is_taken_up_within_20_s(after_s: float, taken_up: float) -> None:
    call = [line(A, 3), line(C, 15), line(A, 30), line(C, 3)]
    begins_s = 1.0 + 3 + 1.0 + 15 + 1.0
    asked = act(A, "question", begins_s + after_s)
    assert score("listening", call, asked) == taken_up


@pytest.mark.parametrize(("after", "asks"), [(7, True), (8, False)])
def test_an_account_ends_in_a_question_that_is_in_its_last_8_words(after: int, asks: bool) -> None:
    text = " ".join([*["chairs"] * 36, "chairs?", *["chairs"] * after])
    call = [line(A, 3), Line(C, text), line(A, 8), line(C, 3)]
    assert (score("clarifying", call) is None) is asks


@pytest.mark.parametrize(("after_s", "gave"), [(5.5, 1.0), (6.5, 0.0)])
def test_words_give_a_moment_in_the_first_6_s_of_a_reply(after_s: float, gave: float) -> None:
    call = [line(A, 3), line(C, 6, agitation=0.9), line(A, 15, gap_s=0.2), line(C, 3)]
    begins_s = 1.0 + 3 + 1.0 + 6 + 0.2
    said = act(A, "acknowledgement", begins_s + after_s)
    assert score("time-to-calm", call, said) == gave


@pytest.mark.parametrize(("both_s", "patient"), [(1.6, 0.0), (1.4, 1.0)])
def test_an_interruption_is_speech_of_both_for_15_s(both_s: float, patient: float) -> None:
    assert score("patience", [line(A, 3), line(C, 10), line(A, 8, gap_s=-both_s)]) == patient


@pytest.mark.parametrize(("seconds", "moments"), [(5.0, 1), (4.6, 0)])
def test_a_turn_that_was_not_interrupted_is_shown_from_5_s(seconds: float, moments: int) -> None:
    result = card(events([line(A, 3), line(C, seconds), line(A, 8)]))
    patience = next(t for t in result.techniques if t.id == "patience")
    assert len(patience.seen) == moments


FAST = "chairs chairs chairs"
"""1 s, of which 7 ticks of 0.128 s are measured; with a word more it is 10."""


@pytest.mark.parametrize(("text", "counts"), [(f"{FAST} chairs", True), (FAST, False)])
def test_fast_speech_counts_from_1_s(text: str, counts: bool) -> None:
    call = [line(A, 30), line(C, 6), Line(A, text, gap_s=1.0, pace=1.5), line(C, 6)]
    result = score("calm-delivery", call)
    assert result is not None
    assert (result < 1.0) is counts


@pytest.mark.parametrize(("seconds", "known"), [(20.6, True), (19.3, False)])
def test_a_delivery_is_scored_from_20_s_of_measured_speech(seconds: float, known: bool) -> None:
    assert (score("calm-delivery", [line(A, seconds), line(C, 6)]) is not None) is known

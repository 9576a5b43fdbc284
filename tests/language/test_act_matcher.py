"""Dialogue acts in running words: how many words may stand between two parts of one."""

import pytest

from voicecoach.testing import ENGLISH_ACTS
from voicecoach.types.stream import Speaker

PROMISE = "leave it with me"


def tables(count: int) -> str:
    """Return so many words that no phrase has."""
    return "table " * count


def kinds(text: str) -> list[str]:
    """Return the kinds of the agent's acts in a text, by their first word."""
    read = ENGLISH_ACTS.tokenize(text.split())
    return [found.kind for found in ENGLISH_ACTS.matchers[Speaker.AGENT].match_acts(read)]


@pytest.mark.parametrize(("between", "apologies"), [(0, 1), (3, 1), (4, 2), (7, 2)])
def test_two_finds_fewer_than_4_words_apart_are_one_act(between: int, apologies: int) -> None:
    assert kinds(f"I'm so sorry {tables(between)} I'm so sorry").count("apology") == apologies


@pytest.mark.parametrize(("between", "kind"), [(25, "expectation"), (26, "promise")])
def test_a_time_goes_with_a_promise_up_to_25_words_before_it(between: int, kind: str) -> None:
    assert kinds(f"{PROMISE} {tables(between)} tomorrow") == [kind]


@pytest.mark.parametrize(("between", "kind"), [(8, "expectation"), (9, "promise")])
def test_a_time_goes_with_a_promise_up_to_8_words_after_it(between: int, kind: str) -> None:
    assert kinds(f"tomorrow {tables(between)} {PROMISE}") == [kind]


@pytest.mark.parametrize(("between", "kind"), [(12, "expectation"), (13, "promise")])
def test_a_time_in_the_next_sentence_goes_with_a_promise_up_to_12_words_before_it(
    between: int, kind: str
) -> None:
    assert kinds(f"{PROMISE}. {tables(between)} tomorrow.") == [kind]


def test_a_time_within_the_phrase_of_an_expectation_counts() -> None:
    assert kinds("That would be about a ten minute wait.") == ["expectation"]


def test_a_phrase_that_is_excluded_hides_no_other_one() -> None:
    # "start speaking" is no greeting, and "speaking how" is one.
    assert kinds("So I'll start speaking how can I help") == ["greeting", "question"]
    assert "greeting" not in kinds("So I'll start speaking how it is")

"""How two recognisers judge each other's texts, and what is chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach.language.phrases import normalize_text
from voicecoach.shell.asr.joint_choice import (
    KEPT_BONUS,
    NAME_BONUS,
    SECOND_WEIGHT,
    WORD_BONUS,
    candidate_texts,
    choose,
    heard_by,
    same_words,
    whole_texts,
)
from voicecoach.testing import ENGLISH

N = ENGLISH.numbers
WORD = st.sampled_from(
    ["the", "car", "is", "today", "we", "it", "8", "eight", "two", "hundred", "$25"]
)
TEXT = st.lists(WORD, min_size=1, max_size=8).map(" ".join)


def test_a_number_is_one_however_it_is_written() -> None:
    assert same_words("At 8 a.m. in 2018", "at eight a.m. in two thousand and eighteen", N)
    assert not same_words("It is 25", "It is 125", N)
    both = candidate_texts(["It was $25."], ["It was twenty five dollars."], N)
    assert [shown for shown, _ in both] == ["It was $25."]


def test_each_place_where_they_differ_is_replaced_in_both() -> None:
    texts = [
        shown for shown, _ in candidate_texts(["a red car is here"], ["a bed car was here"], N)
    ]
    assert texts[:2] == ["a red car is here", "a bed car was here"]
    assert set(texts[2:]) == {"a bed car is here", "a red car was here"}


def test_what_is_committed_is_a_candidate_and_what_follows_it_stays() -> None:
    texts = [
        x for x, _ in candidate_texts(["a bed car is here"], ["a bed car is here"], N, "a red")
    ]
    assert texts == ["a bed car is here", "a red car is here"]


@given(st.lists(TEXT, min_size=1, max_size=4), st.lists(TEXT, min_size=1, max_size=4), TEXT)
def test_candidates_have_both_best_texts_and_none_twice(
    first: list[str], second: list[str], committed: str
) -> None:
    texts = candidate_texts(first, second, N, committed)
    shown = [text for text, _ in texts]
    assert shown[0] == first[0]
    for best in (first[0], second[0]):
        assert any(same_words(best, raw, N) for _, raw in texts)
    for i, text in enumerate(shown):
        assert text
        assert not any(same_words(text, other, N) for other in shown[:i])


def test_the_highest_sum_is_chosen_and_each_ones_own_choice_is_told() -> None:
    texts = ["one two", "three four"]
    choice = choose(texts, [-1, -9], [-9, -1], N)
    assert choice[:3] == (1, 0, 1), "the second counts more"
    assert choice.shares[1] > choice.shares[0]
    assert sum(choice.shares) == pytest.approx(1.0)
    edge = 8 * SECOND_WEIGHT
    assert choose(texts, [-1, -0.9 - edge], [-9, -1], N).joint == 1
    assert choose(texts, [-1, -1.1 - edge], [-9, -1], N).joint == 0
    longer = ["one two three", "one two"]
    assert choose(longer, [-1 - 0.9 * WORD_BONUS, -1], [-1, -1], N).joint == 0
    assert choose(longer, [-1 - 1.1 * WORD_BONUS, -1], [-1, -1], N).joint == 1


@pytest.mark.parametrize(("loss", "kept"), [(0.9, True), (1.1, False)])
def test_a_committed_word_is_kept_unless_it_costs_too_much(loss: float, kept: bool) -> None:
    texts = ["a bed car", "a red car"]
    found = choose(texts, [-1, -1 - loss * KEPT_BONUS], [-1, -1], N, "a red")
    assert (found.joint == 1) is kept
    assert found.first == 0, "its own choice is not moved by what is on the screen"


@given(TEXT)
def test_a_text_hears_all_of_its_own_words(text: str) -> None:
    assert all(heard_by(text.split(), text, N))
    assert not any(heard_by(text.split(), "", N))


def test_a_word_is_heard_only_in_its_place() -> None:
    words = ["you", "are", "ready", "at", "8", "a.m."]
    heard = heard_by(words, "We are ready at eight a.m.", N)
    assert heard == [False, True, True, True, True, True]
    assert heard_by(["here", "again"], "again here", N).count(True) == 1


def test_an_offensive_word_is_chosen_only_if_both_find_it_likeliest() -> None:
    texts = ["cover my ship", "cover my shift"]
    rude = {"ship"}
    assert choose(texts, [-1, -9], [-1, -9], N, offensive=rude).joint == 0, "both do"
    choice = choose(texts, [-1, -9], [-9, -8], N, offensive=rude)
    assert choose(texts, [-1, -9], [-9, -8], N).joint == 0
    assert (choice.joint, choice.first, choice.second) == (1, 0, 1)
    assert choice.shares == [0.0, 1.0]
    both = ["my ship", "my Ship, yes"]
    assert choose(both, [-1, -9], [-9, -1], N, offensive=rude).joint == 1, "each hears it"
    assert choose(["my ship", "my mule"], [-1, -9], [-9, -1], N, offensive={"ship", "mule"}).joint


def test_the_offensive_words_of_english_are_normalised() -> None:
    assert ENGLISH.offensive
    assert all(normalize_text(word) == word for word in ENGLISH.offensive)


@pytest.mark.parametrize(("loss", "chosen"), [(NAME_BONUS - 0.1, True), (NAME_BONUS + 0.1, False)])
def test_a_name_to_expect_is_chosen_unless_it_is_too_unlikely(loss: float, chosen: bool) -> None:
    names = ["Sitille"]
    texts = [
        x for x, _ in candidate_texts(["thanks, Mr. Sotilly"], ["thanks, Sotilly"], N, "", names)
    ]
    assert "thanks, Mr. Sitille" in texts
    two = ["thanks, Mr. Sotilly", "thanks, Mr. Sitille"]
    assert choose(two, [0.0, -loss], [0.0, 0.0], N, names=names).joint == chosen
    assert choose(two, [0.0, -loss], [0.0, 0.0], N).joint == 0


def test_texts_that_end_at_the_first_pause_are_left_out() -> None:
    texts = ["Okay, I turn it off.", "Okay, I turn it.", "Okay, I", "Okay."]
    assert whole_texts(texts) == texts[:2]
    assert whole_texts(["Yes."]) == ["Yes."]

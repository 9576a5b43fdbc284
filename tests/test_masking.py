"""Card numbers: hidden however they are said, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach.masking import HIDDEN, OPEN, SHORTEST, digits, mask


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("it is 4111111111111111 okay", "it is 411111########## okay"),
        ("4111 1111 1111 1111", "4111 11## #### ####"),
        ("4111-1111-1111-1111.", "4111-11##-####-####."),
        ("4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ok", "4, 1, 1, 1, 1, 1, #, #, #, #, #, #, #, ok"),
        ("four one one one one one one one", "four one one one one one # #"),
        ("Forty-one eleven eleven uh 11 11 and 1111", "Forty-one eleven eleven uh ## ## and ####"),
        ("3782 822463 10005 is my Amex", "3782 82#### ##### is my Amex"),
        # What is no card number stays.
        ("call 555 123 4567 please", "call 555 123 4567 please"),
        ("in 2019 we paid $1,234.50 at 10 a.m.", "in 2019 we paid $1,234.50 at 10 a.m."),
        ("about 20,000,000 of them", "about 20,000,000 of them"),
        ("one of them two days ago", "one of them two days ago"),
        ("8 to 10 earlier the better", "8 to 10 earlier the better"),
    ],
)  # fmt: skip
def test_what_is_hidden(said: str, shown: str) -> None:
    assert " ".join(mask(said.split()).texts) == shown


def test_a_number_that_is_not_over_is_hidden_beyond_the_sixth_digit() -> None:
    assert mask(["call", "555", "123", "4567"]).texts[-1] == "####"


def test_a_number_said_with_pauses_is_one() -> None:
    run, out = 0, []
    for part in ("my card is 4111", "1111", "uh, 1111", "1111 thanks"):
        masked = mask(part.split(), run)
        run = masked.run
        out.append(" ".join(masked.texts))
    assert out == ["my card is 4111", "11##", "uh, ####", "#### thanks"]
    assert run == 0


WORDS = st.lists(
    st.one_of(
        st.from_regex(r"[0-9]{1,6}[.,]?", fullmatch=True),
        st.sampled_from(
            ["four", "one", "double", "twenty", "uh", "and", "okay", "is", "$5", "3rd"]
        ),
    ),
    max_size=30,
)


@given(WORDS, st.integers(0, 30))
def test_no_run_shows_a_card_number_and_masking_again_changes_nothing(
    said: list[str], before: int
) -> None:
    masked = mask(said, before)
    assert len(masked.texts) == len(said)
    assert mask(masked.texts, before) == masked
    run, shown = before, 0 if before < OPEN else OPEN
    for text in masked.texts:
        count = digits(text)
        if count < 0:
            assert shown <= OPEN or run < SHORTEST
            run = shown = 0
        else:
            run += count
            shown += count - text.count(HIDDEN) if count else 0
    assert shown <= OPEN


@given(WORDS, st.integers(0, 29))
def test_a_partial_never_shows_what_the_whole_hides_of_an_open_run(
    said: list[str], cut: int
) -> None:
    whole, part = mask(said).texts, mask(said[:cut]).texts
    for a, b in zip(part, whole, strict=False):
        assert a.count(HIDDEN) >= b.count(HIDDEN)

"""Names to expect: found in a line about a call, and put in place of what sounds like them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach.language.vocabulary import (
    MAX_ALIKE_TEXTS,
    MAX_NAME_LETTERS,
    MAX_NAMES,
    count_names,
    names_in,
    texts_with_names,
)
from voicecoach.testing import ENGLISH

N = ENGLISH.numbers
HEARD = st.lists(
    st.sampled_from(
        ["thanks,", "so", "till", "he", "Sotili.", "a", "Harry", "is", "#", "…", "8am"]
    ),
    max_size=12,
).map(" ".join)


@pytest.mark.parametrize(
    ("about", "names"),
    [
        (
            "Jane Tille, order 48213, Subaru Outback, claim denied",
            ["Jane", "Tille", "Subaru", "Outback"],
        ),
        ("JANE O'BRIEN-MEIER", ["Jane", "O'Brien-Meier"]),
        ("Zoë's Škoda, Zoë", ["Zoë", "Škoda"]),
        # A number, however it is written, and what has figures in it, is no name.
        ("Tille 4111 1111 1111 1111 4111111111111111 Visa-4111", ["Tille"]),
        ("Four One One One Hundred May A4 4TH", []),
        ("no capitals, Mr", []),
        ("X" * (MAX_NAME_LETTERS + 1), []),
        ("", []),
    ],
)
def test_names_are_words_with_a_capital_and_without_figures(about: str, names: list[str]) -> None:
    assert names_in(about, N) == names


@given(st.text(max_size=60))
def test_names_of_any_text_are_few_and_hold_no_figure(about: str) -> None:
    names = names_in(about, N)
    assert len(names) <= MAX_NAMES
    assert len(set(names)) == len(names)
    for name in names:
        assert not any(ch.isdigit() or ch.isspace() for ch in name)
        assert sum(ch.isalpha() for ch in name) <= MAX_NAME_LETTERS


@pytest.mark.parametrize(
    ("heard", "texts"),
    [
        ("Thanks, Mr. Sotilly.", ["Thanks, Mr. Sitille."]),
        ("It is so till.", ["It is Sitille."]),
        ("Hi, Terri's here", ["Hi, Terry's here"]),
        ("a Hyundai Alantra", ["a Hyundai Elantra"]),
        # It is there already, or nothing sounds like it.
        ("Hi, Terry. It is Sitille's Elantra.", []),
        ("The light came on again.", []),
        ("", []),
    ],
)
def test_what_sounds_like_a_name_may_be_it(heard: str, texts: list[str]) -> None:
    assert texts_with_names(heard, ["Sitille", "Terry", "Hyundai Elantra"]) == texts


@given(HEARD, st.lists(st.text(max_size=12), max_size=5))
def test_each_text_has_one_more_name_and_masked_digits_stay(heard: str, names: list[str]) -> None:
    names = [*names, "Sotilli", "Terry"]
    texts = texts_with_names(heard, names)
    assert texts == texts_with_names(heard, names)
    assert len(texts) <= MAX_ALIKE_TEXTS
    for text in texts:
        assert text.count("#") == heard.count("#")
        assert count_names(text, names) >= 1

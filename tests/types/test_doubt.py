"""How doubtful words are shown and quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach.testing import make_utterance
from voicecoach.types.doubt import PlainWord, mark_doubtful, quote_words, split_doubted

WORDS = st.lists(
    st.builds(
        PlainWord, st.sampled_from(["a", "ship.", "7##", "don't", '"Yes,"', "..."]), st.booleans()
    )
)


def words(text: str) -> list[PlainWord]:
    """Return the words of a text; those that begin with "~" are doubtful."""
    return [PlainWord(word.removeprefix("~"), word.startswith("~")) for word in text.split()]


@pytest.mark.parametrize(
    ("said", "marked"),
    [
        ("all is well.", "all is well."),
        ("the ~ship is late", "the (ship?) is late"),
        ("the ~late ~two ~months.", "the (late two months?)."),
        ("~is ~it ~late?", "(is it late?)?"),
        ("it is ~4##,", "it is (4##?),"),
        ("~...", "(...?)"),
    ],
)
def test_a_run_of_doubtful_words_is_in_parentheses(said: str, marked: str) -> None:
    assert mark_doubtful(words(said)) == marked


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ("all is well.", "all is well."),
        ("the ~ship is ~so late ~now", "the … is … late …"),
        ("the ~ship is ~so ~late", ""),
        ("~the ship is ~so late", "… ship is … late"),
        ("the ~ship", "the …"),
        ("~the ~ship is", ""),
        ("", ""),
    ],
)
def test_a_quotation_has_no_doubtful_word_and_is_none_if_most_are(said: str, quoted: str) -> None:
    assert quote_words(words(said)) == quoted


@given(WORDS)
def test_marks_change_no_word_and_their_number_is_that_of_the_runs(said: list[PlainWord]) -> None:
    marked = mark_doubtful(said)
    assert marked.replace("(", "").replace("?)", "") == " ".join(text for text, _ in said)
    runs = "".join("~" if doubtful else " " for _, doubtful in said).split()
    assert marked.count("(") == marked.count("?)") == len(runs)


@given(WORDS)
def test_a_quotation_has_every_word_that_is_sure_and_no_other(said: list[PlainWord]) -> None:
    quoted = quote_words(said)
    sure = [text for text, doubtful in said if not doubtful]
    assert [w for w in quoted.split() if w != "…"] == (sure if 2 * len(sure) >= len(said) else [])


def test_an_utterance_without_doubt_is_shown_as_it_is() -> None:
    text = "as  it is, (really?)  so"
    assert make_utterance(text, end=1).marked_text == text
    assert make_utterance("a ship", end=1, doubtful=[1, 7, -1]).marked_text == "a (ship?)"
    assert split_doubted("a ship", [7]) == words("a ship")

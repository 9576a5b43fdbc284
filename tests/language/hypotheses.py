"""Words that come and go before the final ones, for hypothesis."""

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


def hypotheses(words: Sequence[str]) -> SearchStrategy[list[tuple[int, int, str, bool, bool]]]:
    """Return words that come and go before the final ones.

    Of each its utterance, its place, its text, whether it is committed, and whether somebody asks
    what there is after it.
    """
    word = st.tuples(
        st.integers(1, 4), st.integers(0, 6), st.sampled_from(words), st.booleans(), st.booleans()
    )
    return st.lists(word, max_size=30)

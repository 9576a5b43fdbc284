"""A call as it is scored: which channels and words are known, and how long a quotation is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.scoring.conversations import A, C, events, line, scored
from voicecoach.scoring.call import ScoredCall
from voicecoach.scoring.record import Span
from voicecoach.testing import make_utterance
from voicecoach.types.events import ChannelState, Event, SpeechEnded, Word
from voicecoach.types.stream import SAMPLE_RATE

S = SAMPLE_RATE


def spoken(texts: Sequence[str], start_s: float = 10.0, pause_s: float = 0.0) -> list[Event]:
    """Return final words of the agent, each 0.25 s long, with pauses between them."""
    found: list[Event] = []
    for i, text in enumerate(texts):
        start = round((start_s + i * (0.25 + pause_s)) * S)
        end = start + S // 4
        found.append(
            Word(
                at=end, speaker=A, utterance=1, index=i, text=text, start=start, end=end,
                probability=0.9, committed=True, final=True,
            )
        )  # fmt: skip
    last = found[-1].at
    said = make_utterance(" ".join(texts), speaker=A, start=round(start_s * S), end=last)
    return [*found, said]


def first_words(call: ScoredCall) -> str:
    """Return the quotation of the agent's first words from 10 s on."""
    quote = call.quote_first_words(A, Span(10 * S, 60 * S), "")
    assert quote
    return quote.text


@pytest.mark.parametrize(("early_s", "known"), [(0.45, 1.0), (0.55, 0.0)])
def test_the_time_of_a_word_may_be_half_a_second_off(early_s: float, known: float) -> None:
    speech = SpeechEnded(at=14 * S, speaker=A, start=10 * S, end=14 * S)
    call = scored([speech, *spoken(["chairs"], 10.0 - early_s)])
    assert call.worded_share(A) == known


@pytest.mark.parametrize(("bad_s", "distrusted"), [(19.0, False), (21.0, True)])
def test_a_channel_is_distrusted_that_was_bad_for_a_fifth_of_the_call(
    bad_s: float, distrusted: bool
) -> None:
    call = [line(A, 50, gap_s=0.0), line(C, 49, gap_s=0.0)]
    changes = [(10.0, "bleeding"), (10.0 + bad_s, "ok")]
    states = [
        ChannelState(at=round(at_s * S), speaker=C, state=state, reason="as said")
        for at_s, state in changes
    ]
    assert (C in scored([*events(call), *states]).distrusted) is distrusted


@pytest.mark.parametrize(("pause_s", "quoted"), [(1.15, "a b c"), (1.25, "a")])
def test_a_quotation_ends_with_a_silence_of_12_s(pause_s: float, quoted: str) -> None:
    call = scored(spoken(["a", "b", "c"], pause_s=pause_s))
    quote = call.quote_first_words(A, Span(10 * S, 10 * S + S // 2), "")
    assert quote
    assert quote.text == quoted


def test_a_quotation_has_28_words() -> None:
    assert len(first_words(scored(spoken(["chairs"] * 28))).split()) == 28
    *words, more = first_words(scored(spoken(["chairs"] * 60))).split()
    assert (len(words), more) == (28, "\N{HORIZONTAL ELLIPSIS}")

"""No view of a call quotes a doubtful word: score card, report, summary, journal, cues."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scoring.conversations import DOUBTFUL, A, Line, a, c, card, events, quotes, scored
from voicecoach.journal.entry import make_entry
from voicecoach.scoring.call import UNCLEAR_TEXT
from voicecoach.scoring.record import Span
from voicecoach.types.stream import SAMPLE_RATE
from voicecoach.views.report import make_report
from voicecoach.views.scorecard import ScoreCard, scorecard_markdown

S = SAMPLE_RATE
MISHEARD = "zship"
CALL = (
    a("thank you for calling my name is Sam how can I help you"),
    c("my washing machine is broken again and nobody called this is ridiculous", agitation=0.9),
    a("well you should have read the manual I have to put you on hold for one moment", gap_s=-0.6),
    c("I already told you the washing machine leaked give me your manager", agitation=0.8),
    a("I am so sorry about your washing machine I will send somebody tomorrow would that help"),
    c("okay thank you that would be fine", agitation=0.2),
    a("so we agreed that somebody comes tomorrow is there anything else goodbye"),
)  # fmt: skip
LENGTHS = [len(line.text.split()) for line in CALL]


def misheard(places: set[tuple[int, int]]) -> list[Line]:
    """Return the call with another word, which is doubtful, in these places."""
    lines = []
    for number, line in enumerate(CALL):
        words = [
            f"{DOUBTFUL}{MISHEARD}" if (number, i) in places else word
            for i, word in enumerate(line.text.split())
        ]
        lines.append(line._replace(text=" ".join(words)))
    return lines


PLACES = st.integers(0, len(CALL) - 1).flatmap(
    lambda line: st.tuples(st.just(line), st.integers(0, LENGTHS[line] - 1))
)


@settings(max_examples=40, deadline=None)
@given(st.sets(PLACES, max_size=40))
def test_no_path_quotes_a_doubtful_word(places: set[tuple[int, int]]) -> None:
    told = events(misheard(places))
    result = card(told)
    report = make_report({"call": "call", "words": True}, told, result)
    shown = msgspec.structs.replace(report, lines=[])
    entry = make_entry({}, told, result, started_at="2026-11-30T09:00:00Z", words=True)
    for view in (result, scorecard_markdown(result), shown, entry):
        assert MISHEARD not in msgspec.json.encode(view).decode()
    transcript = msgspec.json.encode(report.lines).decode()
    assert (MISHEARD in transcript) == bool(places)
    assert transcript.count(f"{MISHEARD}?)") == transcript.count(f"({MISHEARD}")


def test_the_call_is_quoted_where_it_was_heard() -> None:
    found = [q.text for q in quotes(card(events(misheard(set()))))]
    assert any("washing machine is broken" in text for text in found)
    found = [q.text for q in quotes(card(events(misheard({(1, 2), (3, 6)}))))]
    assert any("my washing … is broken" in text for text in found)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("~zship please tell me more", "… please tell me more"),
        ("please tell me ~zship", "please tell me …"),
        ("please ~zship ~zship", UNCLEAR_TEXT),
    ],
)
def test_a_quotation_leaves_out_what_is_doubtful(text: str, quoted: str) -> None:
    call = scored(events([a(text)]))
    quote = call.quote_first_words(A, Span(0, 60 * S), "")
    assert quote
    assert (quote.text, quote.measured) == (quoted, quoted == UNCLEAR_TEXT)


def test_a_doubtful_insult_is_no_abuse() -> None:
    def heard(text: str) -> ScoreCard:
        return card(events([a("good morning"), c(text, agitation=0.9), a("I see, one moment")]))

    assert any("idiot" in q.text for q in quotes(heard("you are an idiot you know that")))
    assert not any("idiot" in q.text for q in quotes(heard("you are an ~idiot you know that")))

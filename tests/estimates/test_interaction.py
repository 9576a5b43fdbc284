"""What a customer does in the conversation."""

from collections.abc import Iterable

import pytest

from voicecoach.estimates import interaction
from voicecoach.estimates.interaction import (
    INTERRUPTION_ODDS,
    INTERRUPTION_WINDOW,
    MAX_INTERRUPTION_ODDS,
    RAISED_HIGHER_SEMITONES,
    RAISED_LOUDER_DB,
    InteractionEvidence,
)
from voicecoach.testing import make_tone
from voicecoach.types.events import Overlap, Tone
from voicecoach.types.stream import SAMPLE_RATE, Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER


def overlap(at: int, by: Speaker = C, backchannel: bool = False) -> Overlap:
    return Overlap(at=at, by=by, start=max(0, at - 8000), end=at, backchannel=backchannel)


def heard(overlaps: Iterable[Overlap]) -> InteractionEvidence:
    customer = InteractionEvidence()
    for o in overlaps:
        customer.add_overlap(o)
    return customer


def tone(at: float = 0, **signals: float) -> Tone:
    return make_tone(int(at), 0.2, 0.5, end=0, signals=signals)


def weight(customer: InteractionEvidence, at: int, newest: Tone | None = None) -> float:
    return sum(e.weight for e in customer.evidence(at, newest))


def test_nothing_done_is_no_evidence() -> None:
    assert InteractionEvidence().evidence(SAMPLE_RATE, None) == ()
    assert InteractionEvidence().evidence(SAMPLE_RATE, tone()) == ()


def test_the_first_interruption_is_free_and_more_count_more() -> None:
    weights = [
        weight(heard(overlap(i * SAMPLE_RATE) for i in range(n)), 5 * SAMPLE_RATE) for n in range(4)
    ]
    assert weights[:2] == [0.0, 0.0]
    assert weights[2] == pytest.approx(INTERRUPTION_ODDS)
    assert weights[3] > weights[2]


def test_interruptions_are_told_with_their_number() -> None:
    (evidence,) = heard(overlap(i) for i in range(3)).evidence(SAMPLE_RATE, None)
    assert evidence.text == "talked over the agent 3 times in a minute"


@pytest.mark.parametrize("other", [{"by": A}, {"backchannel": True}])
def test_only_the_customers_interruptions_count(other: dict[str, bool]) -> None:
    many = heard(overlap(i, **other) for i in range(9))  # type: ignore[arg-type]
    assert many.evidence(SAMPLE_RATE, None) == ()
    both = [o for i in range(3) for o in (overlap(i), overlap(i, **other))]  # type: ignore[arg-type]
    plain = [overlap(i) for i in range(3)]
    assert heard(both).evidence(9, None) == heard(plain).evidence(9, None) != ()


def test_backchannels_do_not_push_interruptions_out() -> None:
    plain = [overlap(0), overlap(1)]
    some = [*plain, *(overlap(2, backchannel=True) for _ in range(100))]
    assert heard(some).evidence(9, None) == heard(plain).evidence(9, None) != ()


def test_an_interruption_is_forgotten_after_a_minute() -> None:
    customer = heard([overlap(0), overlap(10 * SAMPLE_RATE), overlap(20 * SAMPLE_RATE)])
    weights = [
        weight(customer, at)
        for at in (
            INTERRUPTION_WINDOW - 1,
            INTERRUPTION_WINDOW,
            INTERRUPTION_WINDOW + 10 * SAMPLE_RATE,
        )
    ]
    assert weights == pytest.approx([2 * INTERRUPTION_ODDS, INTERRUPTION_ODDS, 0.0])


def test_however_many_interruptions_are_bounded() -> None:
    for n in (2, 5, 16, 100):
        assert 0 < weight(heard(overlap(i) for i in range(n)), SAMPLE_RATE) <= MAX_INTERRUPTION_ODDS
    assert weight(heard(overlap(i) for i in range(100)), SAMPLE_RATE) == MAX_INTERRUPTION_ODDS


@pytest.mark.parametrize(
    ("signals", "raised"),
    [
        ({"level_db": RAISED_LOUDER_DB, "f0_semitones": RAISED_HIGHER_SEMITONES}, True),
        ({"level_db": RAISED_LOUDER_DB + 9, "f0_semitones": RAISED_HIGHER_SEMITONES + 9}, True),
        ({"level_db": RAISED_LOUDER_DB + 9, "f0_semitones": RAISED_HIGHER_SEMITONES - 0.1}, False),
        ({"level_db": RAISED_LOUDER_DB - 0.1, "f0_semitones": RAISED_HIGHER_SEMITONES + 9}, False),
        ({"level_db": -20.0, "f0_semitones": -9.0}, False),
        ({"level_db": RAISED_LOUDER_DB + 9}, False),
        ({"f0_semitones": RAISED_HIGHER_SEMITONES + 9}, False),
    ],
)
def test_a_raised_voice_is_both_louder_and_higher(signals: dict[str, float], raised: bool) -> None:
    customer, later = InteractionEvidence(), interaction.RAISED_VOICE_FOR
    assert customer.evidence(0, tone(**signals)) == ()
    evidence = customer.evidence(later, tone(later, **signals))
    assert [e.weight for e in evidence] == [interaction.RAISED_VOICE_ODDS] * raised
    assert [e.text.startswith("raised voice") for e in evidence] == [True] * raised


def test_a_raised_voice_and_interruptions_are_told_apart() -> None:
    at = interaction.RAISED_VOICE_FOR
    first, newest = (
        tone(when, level_db=RAISED_LOUDER_DB + 1, f0_semitones=RAISED_HIGHER_SEMITONES + 1)
        for when in (0, at)
    )
    customer = heard([overlap(0), overlap(1)])
    customer.evidence(0, first)
    assert len(customer.evidence(at, newest)) == 2
    assert weight(customer, at, newest) == pytest.approx(
        interaction.RAISED_VOICE_ODDS + INTERRUPTION_ODDS
    )


def test_one_loud_word_is_no_raised_voice() -> None:
    loud = {"level_db": RAISED_LOUDER_DB + 9, "f0_semitones": RAISED_HIGHER_SEMITONES + 9}
    customer, step = InteractionEvidence(), interaction.RAISED_VOICE_FOR // 2
    for i in range(8):
        assert customer.evidence(i * step, tone(i * step, **(loud if i % 2 else {}))) == ()

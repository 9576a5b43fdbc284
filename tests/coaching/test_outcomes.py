"""What followed a cue, and what followed none."""

import pytest

from voicecoach.coaching.cues import built_in_cues
from voicecoach.coaching.outcomes import OutcomeTracker
from voicecoach.coaching.signal_catalogue import CUE_SIGNALS
from voicecoach.language.dialogue_acts import DialogueActTracker
from voicecoach.testing import ENGLISH_ACTS, make_cue, make_utterance
from voicecoach.types.events import CueHeldBack, CueOpened, CueOutcome, Event, Word
from voicecoach.types.stream import HOP, SAMPLE_RATE, TICK, Speaker

STEP = TICK * HOP


def opened(at: int, id: str) -> CueOpened:
    return make_cue(at, id, title="T", message="m")


def follow(
    said: dict[float, Event], series: dict[str, list[tuple[float, float]]], length_s: float,
    moves: DialogueActTracker | None = None,
) -> list[CueOutcome]:  # fmt: skip
    """Return what is said of events at given times with signals as given from times on."""
    outcomes = OutcomeTracker(built_in_cues(), moves or DialogueActTracker(ENGLISH_ACTS))
    found: list[Event] = []
    at = 0
    for tick in range(round(length_s * SAMPLE_RATE / STEP)):
        at, t = (tick + 1) * STEP, (tick + 1) * STEP / SAMPLE_RATE
        signals = dict.fromkeys(CUE_SIGNALS, float("nan"))
        for name, steps in series.items():
            signals[name] = [x for start, x in steps if start <= t][-1]
        now = [e for when, e in said.items() if when <= t < when + STEP / SAMPLE_RATE]
        found += outcomes.observe_tick(at, signals, now)
    found += outcomes.finish(at)
    return [e for e in found if isinstance(e, CueOutcome)]


def test_a_heeded_cue_and_a_customer_who_calms_down() -> None:
    event = opened(20 * SAMPLE_RATE, "slow-down")
    pace = [(0.0, 1.4), (24.0, 1.05), (26.0, 1.2)]
    mood = [(0.0, 0.8), (30.0, 0.3)]
    (outcome,) = follow({20.0: event}, {"agent_rate_ratio": pace, "agitation": mood}, 60)
    assert outcome.shown
    assert outcome.heeded is True
    assert (outcome.signal, outcome.before, outcome.after) == ("agent_rate_ratio", 1.4, 1.2)
    assert outcome.agitation_before == pytest.approx(0.8)
    assert outcome.agitation_after == pytest.approx(0.3)
    assert outcome.at - outcome.start == pytest.approx(30 * SAMPLE_RATE, abs=STEP)


def test_what_is_heeded_too_late_is_not_heeded_and_what_is_unknown_is_not_known() -> None:
    event = opened(20 * SAMPLE_RATE, "slow-down")
    late = [(0.0, 1.4), (31.0, 1.0)]
    assert follow({20.0: event}, {"agent_rate_ratio": late}, 60)[0].heeded is False
    silent = [(0.0, 1.4), (20.0, float("nan"))]
    outcome = follow({20.0: event}, {"agent_rate_ratio": silent}, 60)[0]
    assert outcome.heeded is None
    assert (outcome.agitation_before, outcome.agitation_after) == (None, None)


def test_what_was_cut_short_before_10_s_is_heeded_or_not_known() -> None:
    event = opened(20 * SAMPLE_RATE, "slow-down")
    pace = [(0.0, 1.4), (24.0, 1.0)]
    assert follow({20.0: event}, {"agent_rate_ratio": pace}, 23)[0].heeded is None
    assert follow({20.0: event}, {"agent_rate_ratio": pace}, 26)[0].heeded is True


def test_words_heed_a_cue() -> None:
    def apology(at_s: float) -> DialogueActTracker:
        moves = DialogueActTracker(ENGLISH_ACTS)
        at = round(at_s * SAMPLE_RATE)
        words = ["I'm", "so", "sorry", "about", "that"]
        for i, text in enumerate(words):
            moves.add_event(
                Word(
                    at=at, speaker=Speaker.AGENT, utterance=1, index=i, text=text, start=at - 10,
                    end=at, probability=1.0, committed=True, final=True,
                )
            )  # fmt: skip
        moves.add_event(
            make_utterance(" ".join(words), speaker=Speaker.AGENT, start=at - 10, end=at)
        )  # fmt: skip
        return moves

    event = opened(20 * SAMPLE_RATE, "acknowledge")
    assert follow({20.0: event}, {}, 60, apology(25))[0].heeded is True
    assert follow({20.0: event}, {}, 60, apology(15))[0].heeded is False
    assert follow({20.0: event}, {}, 60, apology(35))[0].heeded is False


def held(at_s: float, reason: str) -> dict[float, Event]:
    return {at_s: CueHeldBack(at=round(at_s * SAMPLE_RATE), id="slow-down", reason=reason)}


def test_moments_with_no_cue_are_noted_beside() -> None:
    pace = {"agent_rate_ratio": [(0.0, 1.4), (24.0, 1.0)]}
    for reason in ("holdout", "cooldown", "max_per_call"):
        (outcome,) = follow(held(20, reason), pace, 60)
        assert (outcome.shown, outcome.reason, outcome.heeded) == (False, reason, True)
    assert not follow(held(20, "agent channel bleeding"), pace, 60)
    assert not follow(held(20, "another_cue"), pace, 60)


def test_a_moment_near_a_cue_on_screen_is_no_baseline() -> None:
    shown = {5.0: opened(5 * SAMPLE_RATE, "check-in")}
    assert [o.id for o in follow(held(20, "cooldown") | shown, {}, 80)] == ["check-in"]
    later = {40.0: opened(40 * SAMPLE_RATE, "check-in")}
    assert [o.id for o in follow(held(20, "cooldown") | later, {}, 80)] == ["check-in"]
    apart = {60.0: opened(60 * SAMPLE_RATE, "check-in")}
    assert len(follow(held(20, "cooldown") | apart, {}, 100)) == 2


def test_what_the_end_of_the_call_cuts_short_is_said_as_far_as_it_is_known() -> None:
    event = opened(20 * SAMPLE_RATE, "acknowledge")
    (outcome,) = follow({20.0: event}, {"agitation": [(0.0, 0.9)]}, 24)
    assert outcome.heeded is None
    assert outcome.agitation_before == pytest.approx(0.9)
    assert outcome.agitation_after is None


@pytest.mark.parametrize(("gap_s", "noted"), [(29.5, False), (30.5, True)])
def test_a_moment_is_compared_from_30_s_after_a_cue(gap_s: float, noted: bool) -> None:
    shown = {5.0: opened(5 * SAMPLE_RATE, "check-in")}
    outcomes = follow(held(5 + gap_s, "cooldown") | shown, {}, 80)
    assert [o.id for o in outcomes] == ["check-in", *(["slow-down"] if noted else [])]


def test_agitation_is_that_of_10_s_before_and_of_20_to_30_s_after() -> None:
    event = opened(40 * SAMPLE_RATE, "check-in")
    spikes = {"agitation": [(0.0, 1.0), (30.5, 0.5), (59.5, 0.2), (70.5, 1.0)]}
    (outcome,) = follow({40.0: event}, spikes, 90)
    assert 0.51 < (outcome.agitation_before or 0.0) < 0.55
    assert outcome.agitation_after == pytest.approx(0.2, abs=0.01)
    spikes = {"agitation": [(0.0, 1.0), (29.5, 0.5), (60.5, 0.2), (69.5, 1.0)]}
    (outcome,) = follow({40.0: event}, spikes, 90)
    assert outcome.agitation_before == pytest.approx(0.5, abs=0.005)
    assert 0.22 < (outcome.agitation_after or 0.0) < 0.3

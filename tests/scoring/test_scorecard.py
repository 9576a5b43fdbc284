"""The score card: what is done well scores higher, and nobody is scored for what was not heard."""

import math
import random
import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.commands.test_command_line import voicecoach
from tests.scoring.conversations import A, C, Line, a, c, card, events, holds, quotes, scores
from voicecoach.coaching.cue_engine import CueEngine
from voicecoach.coaching.cues import BUILT_IN_CUES, Cue, built_in_cues
from voicecoach.coaching.signal_catalogue import CUE_QUOTES, CUE_SIGNALS
from voicecoach.coaching.thresholds import cue_thresholds
from voicecoach.config import CuesConfig
from voicecoach.language.act_matcher import ACT_KINDS
from voicecoach.scoring import journey, reference, styles
from voicecoach.scoring.doing import ACT_DESCRIPTIONS, BLAMING_DEFENCE
from voicecoach.scoring.rating import evaluate, rate_formula
from voicecoach.scoring.techniques import TECHNIQUES
from voicecoach.shell.results import writer
from voicecoach.shell.runtime.user_files import load_cues
from voicecoach.testing import make_cue
from voicecoach.types.events import (
    ChannelState,
    DialogueAct,
    Event,
    Gap,
    Listening,
    Utterance,
    Word,
)
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views import event_log
from voicecoach.views.scorecard import ScoreCard, Survey, scorecard_markdown

S = SAMPLE_RATE
HELLO = a("Thank you for calling Harbour Line, this is Joe speaking.")
TROUBLE = "My new router has stopped working and the light is broken since Monday."
LONG = (
    "I bought the big one in your shop near the station in March and carried it home by myself "
    "and since then I have been using it in the kitchen next to the window every single day of "
    "the week for an hour or two."
)
FILLER = "The office on the second floor is open from nine to four and there are chairs."
RANT = "I have had enough of this, and you people never ever do a single thing about it at all."
BYE = a("Thank you for calling. Have a great evening, goodbye.")
RECAP = a("So to recap, we agreed that you send it back and I will call you tomorrow at noon.")

PAIRS: dict[str, tuple[list[Line], list[Line]]] = {
    "listening": (
        [HELLO, c(LONG), a("I see. Which model was it, and where do you keep it?"), c("Here.")],
        [HELLO, c(LONG), a(FILLER), c("Well.")],
    ),
    "empathy": (
        [HELLO, c(RANT, agitation=0.8), a("I can see why that is frustrating."), c("Yes it is.")],
        [HELLO, c(RANT, agitation=0.8), a(FILLER), c("Well.")],
    ),
    "acknowledgement": (
        [HELLO, c(TROUBLE), a("I understand how annoying that is. " + FILLER), c("Okay.")],
        [HELLO, c(TROUBLE), a(FILLER), c("Okay.")],
    ),
    "apology": (
        [HELLO, c(TROUBLE), a("I'm so sorry about that. " + FILLER), c("Okay.")],
        [HELLO, c(TROUBLE), a(FILLER), c("Okay."), a(FILLER), c("Well."), a(FILLER)],
    ),
    "calm-delivery": (
        [HELLO, c(TROUBLE), a(FILLER + FILLER), c("Okay."), a(FILLER + FILLER)],
        [HELLO, c(TROUBLE), a(FILLER + FILLER), c("Okay."), a(FILLER + FILLER, pace=1.4)],
    ),
    "patience": (
        [HELLO, c(LONG), a(FILLER), c(LONG), a(FILLER)],
        [HELLO, c(LONG), a(FILLER, gap_s=-3.0), c(LONG), a(FILLER, gap_s=-3.0)],
    ),
    "time-to-calm": (
        [HELLO, c(RANT, agitation=0.9), a(FILLER, gap_s=1.5), c("Well.")],
        [HELLO, c(RANT, agitation=0.9), a(FILLER, gap_s=0.1), c("Well.")],
    ),
    "clarifying": (
        [HELLO, c(LONG), a("So what you're saying is that it is in the kitchen."), c("Yes.")],
        [HELLO, c(LONG), a(FILLER), c("Yes.")],
    ),
    "positive-language": (
        [HELLO, c(TROUBLE), a("What I can do is send you a new one."), c("Okay.")],
        [HELLO, c(TROUBLE), a("No, I can't do that."), c("Okay.")],
    ),
    "not-defending": (
        [HELLO, c(TROUBLE), a("I'm sorry about that, let me look into it."), c("Okay.")],
        [HELLO, c(TROUBLE), a("That's not my department. I'm just doing my job."), c("Okay.")],
    ),
    "non-judgement": (
        [HELLO, c(TROUBLE), a("I'm sorry about that. Which light is it?"), c("That one.")],
        [HELLO, c(TROUBLE), a("You should have read the contract."), c("Okay.")],
    ),
    "options": (
        [HELLO, c(TROUBLE), a("What I can do is send you a new one."), c("Okay.")],
        [HELLO, c(TROUBLE), *[a(FILLER), c("Okay then.")] * 8],
    ),
    "expectations": (
        [HELLO, c(TROUBLE), a("I will call you back tomorrow at noon."), c("Okay.")],
        [HELLO, c(TROUBLE), a("We'll get back to you about the money."), c("Okay.")],
    ),
    "escalation": (
        [HELLO, c("I want to speak to your supervisor."), a("Let me get my supervisor for you.")],
        [HELLO, c("I want to speak to your supervisor."), *[a(FILLER), c("No, again.")] * 6],
    ),
    "follow-up": (
        [HELLO, *[c(LONG), a(FILLER)] * 3, RECAP, BYE],
        [HELLO, *[c(LONG), a(FILLER)] * 3, BYE],
    ),
}
"""Of each technique, a call that does it and one that does not, at the same occasion."""
ONCE = "apology", "calm-delivery", "follow-up"
"""What is due once in a call, or measured."""
CALM = [HELLO, c("Good morning, when are you open?"), a("From nine to four."), c("I see.")]


@pytest.mark.parametrize("technique", PAIRS)
def test_what_is_done_well_scores_higher_and_what_is_missed_is_shown(technique: str) -> None:
    done, missed = (card(events(lines)) for lines in PAIRS[technique])
    good, bad = (next(t for t in r.techniques if t.id == technique) for r in (done, missed))
    assert good.score is not None
    assert bad.score is not None
    assert good.score > bad.score
    assert good.score == 1.0
    assert good.seen
    assert not good.missed
    assert bad.missed
    worst = bad.missed[0]
    assert (worst.text in bad.practise) or (worst.why.split(":")[0] in bad.practise)


def test_there_is_a_pair_for_each_technique_and_ids_stay() -> None:
    assert list(PAIRS) == [t.id for t in TECHNIQUES]
    assert len(TECHNIQUES) == 15


@pytest.mark.parametrize("technique", PAIRS)
@pytest.mark.parametrize("which", [0, 1])
def test_every_card_holds(technique: str, which: int) -> None:
    told = events(PAIRS[technique][which])
    holds(card(told), told)


@pytest.mark.parametrize("technique", [t for t in PAIRS if t not in ONCE])
def test_more_of_what_is_missed_never_scores_higher(technique: str) -> None:
    done, missed = PAIRS[technique]
    worse = [*done, *[a(FILLER), c("Let us go on.")] * 9, *missed[1:]]
    better = [*done, *[a(FILLER), c("Let us go on.")] * 9, *done[1:]]
    assert _score(worse, technique) < _score(better, technique)


def _score(lines: list[Line], technique: str) -> float:
    score = scores(card(events(lines)))[technique]
    assert score is not None
    return score


def test_no_occasion_is_no_score_and_says_so() -> None:
    result = card(events(CALM))
    known = {id for id, score in scores(result).items() if score is not None}
    assert known == {"patience"}
    by_id = {t.id: t for t in result.techniques}
    assert by_id["time-to-calm"].formula.endswith("there was no outburst")
    assert "did not ask for somebody else" in by_id["escalation"].formula
    assert result.styles.style == ""


def test_a_call_of_nothing_has_a_card() -> None:
    result = card([])
    assert all(t.score is None for t in result.techniques)
    assert result.journey.start is None
    assert result.notes == ["the agent was not heard", "the customer was not heard"]
    assert scorecard_markdown(result)


@pytest.mark.parametrize("technique", PAIRS)
def test_without_words_what_needs_them_is_not_known(technique: str) -> None:
    result = card(events(PAIRS[technique][1], words=False))
    practice = next(t for t in TECHNIQUES if t.id == technique)
    told = next(t for t in result.techniques if t.id == technique)
    if practice.words:
        assert told.score is None
        assert "no words of the" in told.formula
    assert any("no words of the agent" in note for note in result.notes)


def test_what_is_measured_needs_no_words() -> None:
    for technique in ("calm-delivery", "patience"):
        done, missed = (
            scores(card(events(lines, words=False)))[technique] for lines in PAIRS[technique]
        )
        assert done is not None
        assert missed is not None
        assert done > missed
    # Whether a reply at once was gentle is in its words; that it waited is not.
    done, missed = (
        scores(card(events(lines, words=False)))["time-to-calm"] for lines in PAIRS["time-to-calm"]
    )
    assert (done, missed) == (1.0, None)


def test_speech_without_words_is_held_against_nobody() -> None:
    told = events(PAIRS["empathy"][1])
    deaf = [
        e
        for e in told
        if not (
            isinstance(e, Word | Utterance | DialogueAct) and e.speaker is A and e.start > 10 * S
        )
    ]
    assert scores(card(told))["empathy"] == 0.0
    assert scores(card(deaf))["empathy"] is None


@pytest.mark.parametrize("technique", PAIRS)
def test_the_eu_profile_changes_nothing(technique: str) -> None:
    lines = PAIRS[technique][1]
    assert card(events(lines)) == card(events(lines, calmness=False))


def state(at_s: float, who: Speaker, name: str) -> Event:
    return ChannelState(at=round(at_s * S), speaker=who, state=name, reason="as said")


@pytest.mark.parametrize("technique", PAIRS)
@pytest.mark.parametrize("who", [A, C])
def test_what_rests_on_a_channel_that_is_not_trusted_is_not_known(
    technique: str, who: Speaker
) -> None:
    result = card([state(2, who, "bleeding"), *events(PAIRS[technique][1])])
    practice = next(t for t in TECHNIQUES if t.id == technique)
    told = next(t for t in result.techniques if t.id == technique)
    assert (told.score is None) == (who in practice.channels)
    if told.score is None:
        assert f"crosstalk on the {who}'s side" in told.formula
    assert any("not scored" in note for note in result.notes)


@pytest.mark.parametrize("who", [A, C])
def test_style_and_journey_rest_on_channels_too(who: Speaker) -> None:
    result = card([state(2, who, "drifting"), *events(UPS)])
    assert result.styles.style == ""
    assert f"clocks differ on the {who}'s side" in result.styles.formula
    assert (result.journey.start is None) == (who is C)
    assert (result.root_cause == []) == (who is C)


def test_a_channel_that_was_lost_for_a_moment_spoils_that_moment_alone() -> None:
    lines = [*PAIRS["patience"][1], *[a(FILLER), c(LONG)] * 4]
    told = events(lines)
    before = scores(card(told))["patience"]
    # Over the first interruption.
    after = scores(card([*told, state(15, C, "lost"), state(20, C, "ok")]))["patience"]
    assert before is not None
    assert after is not None
    assert after > before


def test_what_was_said_on_a_channel_that_was_not_trusted_is_held_against_nobody() -> None:
    told = events([*PAIRS["positive-language"][1], *[a(FILLER), c(LONG)] * 5])
    hard = next(e for e in told if isinstance(e, DialogueAct) and e.kind == "hard")
    then = hard.start / S
    assert scores(card(told))["positive-language"] == 0.0
    moment = [state(then - 0.5, A, "bleeding"), state(then + 4.0, A, "ok")]
    assert scores(card([*told, *moment]))["positive-language"] is None


def test_a_swapped_channel_is_not_trusted_whenever_it_is_found() -> None:
    told = events(PAIRS["follow-up"][0])
    assert scores(card(told))["follow-up"] == 1.0
    late = [*told, state(100, A, "swapped"), state(101, A, "ok")]
    assert scores(card(late))["follow-up"] is None


@pytest.mark.parametrize("gone", ["gap", "pause"])
def test_what_was_not_heard_is_no_occasion(gone: str) -> None:
    told = events(PAIRS["empathy"][1])
    start, end = 5 * S, 20 * S
    unheard: list[Event] = [Gap(at=end, start=start, end=end)]
    if gone == "pause":
        unheard = [Listening(at=start, on=False), Listening(at=end, on=True)]
    assert scores(card([*told, *unheard]))["empathy"] is None


@given(st.sampled_from(sorted(PAIRS)), st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_the_order_of_events_makes_no_difference(
    technique: str, good: bool, chance: random.Random
) -> None:
    told = events(PAIRS[technique][not good])
    mixed = list(told)
    chance.shuffle(mixed)
    assert card(mixed) == card(told)


# --- single rules ---------------------------------------------------------------------------


def test_a_nod_is_a_sign_of_listening() -> None:
    lines = [HELLO, c(LONG, nods=2), a(FILLER), c("Well.")]
    (seen,) = next(t for t in card(events(lines)).techniques if t.id == "listening").seen
    assert seen.measured
    assert "2 backchannels" in seen.text


def test_a_hint_of_feeling_is_met_with_credit_and_missed_without_blame() -> None:
    hint = [c("It is about my bill.", agitation=0.6), a("I can see why that is frustrating.")]
    assert scores(card(events([HELLO, *hint, c("Well.")])))["empathy"] == 1.0
    unmet = [HELLO, hint[0], a(FILLER), c("Well.")]
    assert scores(card(events(unmet)))["empathy"] is None


def test_who_calms_down_after_they_were_met_needs_no_more_of_it() -> None:
    kind = a("I can see why that is frustrating.")
    rant, calm = c(RANT, agitation=0.9), c(LONG, gap_s=0.2)
    assert _score([HELLO, rant, kind, rant, calm, a(FILLER)], "empathy") == 1.0
    assert _score([HELLO, rant, kind, rant, a(FILLER)], "empathy") == 0.5


def test_the_ends_of_turns_overlap_and_nobody_is_to_blame() -> None:
    assert _score([HELLO, c(LONG), a(FILLER, gap_s=-1.2), c(LONG), a(FILLER)], "patience") == 1.0


def test_the_sentence_that_says_most_of_the_trouble_is_quoted() -> None:
    lines = [HELLO, c("It went wrong. My router has stopped working again and again."), a(FILLER)]
    told = next(t for t in card(events([*lines, c("So."), a(FILLER)])).techniques
                if t.id == "acknowledgement")  # fmt: skip
    assert "stopped working" in told.missed[0].text


def test_an_answer_takes_up_a_question() -> None:
    lines = [HELLO, c(LONG + " When can you send me a new one?")]
    said = card(events([*lines, a("We can send you a new one by Friday."), c("Good.")]))
    assert scores(said)["listening"] == 1.0
    assert scores(said)["clarifying"] is None


def test_a_minute_of_talk_leaves_no_room() -> None:
    talk = " ".join([FILLER] * 12)
    lines = [HELLO, c("Good morning, tell me about it."), a(talk), c("I see now.")]
    listening = next(t for t in card(events(lines)).techniques if t.id == "listening")
    assert listening.score == 0.0
    assert "without asking" in listening.missed[0].text
    assert "Does that make sense so far?" in listening.practise


def test_only_reassuring_words_interrupt_nobody() -> None:
    lines = [HELLO, c(LONG), a("I'm so sorry.", gap_s=-5.0), c(LONG), a(FILLER)]
    assert scores(card(events(lines)))["patience"] == 1.0


def test_three_apologies_are_too_many() -> None:
    sorry = a("I'm so sorry about that. " + FILLER)
    few = [HELLO, c(TROUBLE), *[sorry, c("Okay then, go on.")] * 2]
    many = [HELLO, c(TROUBLE), *[sorry, c("Okay then, go on.")] * 4]
    assert _score(few, "apology") == 1.0
    assert _score(many, "apology") == pytest.approx(1 / 3, abs=0.01)
    told = next(t for t in card(events(many)).techniques if t.id == "apology")
    assert "Here is what I'm going to do." in told.practise


def test_a_defence_may_be_a_blame_and_another_not() -> None:
    blame = "You should have read the contract."
    defence = "That's not my department."
    both = [HELLO, c(TROUBLE), a(f"{defence} {blame}"), c("Okay.")]
    by_id = {t.id: t for t in card(events(both)).techniques}
    assert [q.text for q in by_id["not-defending"].missed] == [defence]
    assert [q.text for q in by_id["non-judgement"].missed] == [blame]


def test_a_hard_word_comes_with_what_to_say_instead() -> None:
    moves = [e for e in events(PAIRS["positive-language"][1]) if isinstance(e, DialogueAct)]
    instead = next(m.instead for m in moves if m.kind == "hard")
    assert instead
    told = next(
        t
        for t in card(events(PAIRS["positive-language"][1])).techniques
        if t.id == "positive-language"
    )
    assert instead in told.practise


def test_a_limit_answers_abuse() -> None:
    insult = c("You are a stupid idiot.")
    limit = a("I want to help you, and I need us to speak to each other with respect.")
    assert _score([HELLO, insult, limit], "expectations") == 1.0
    assert _score([HELLO, insult, a(FILLER), c("Well."), a(FILLER)], "expectations") == 0.0


def test_words_of_a_cue_as_it_was_shown_are_offered() -> None:
    told = events(PAIRS["empathy"][1])
    shown = make_cue(20 * S, "acknowledge", title="T", message="m", say="Own words of this house.")
    empathy = next(t for t in card([*told, shown]).techniques if t.id == "empathy")
    assert 'Try: "Own words of this house."' in empathy.practise


def test_most_agitated_moments_come_first() -> None:
    calm = [c(LONG), a(FILLER)]
    hot = [c("It is about the garden. " + LONG, agitation=0.6), a(FILLER)]
    told = next(
        t for t in card(events([HELLO, *calm * 7, *hot])).techniques if t.id == "clarifying"
    )
    assert len(told.missed) == 5
    assert "It is about the garden." in told.practise
    assert "0 / 8" in told.formula


# --- style ----------------------------------------------------------------------------------


def style_of(*texts: str) -> tuple[float, float, str]:
    lines = [HELLO, c(TROUBLE)]
    for text in texts:
        lines += [a(text), c("Let us see then.")]
    told = events(lines)
    result = card(told)
    holds(result, told)
    s = result.styles
    assert s.assertiveness is not None
    assert s.cooperativeness is not None
    return s.assertiveness, s.cooperativeness, s.style


HARD = ("No, I can't do that.", "You have to send it back.", "You must wait.", "We can't do it.")
KIND = (
    "What I can do is send you a new one.",
    "So what you're saying is that the router has a broken light.",
    "We can send you a new one by Friday.",
    "We could also book a repair for you.",
)
SORRY = ("I'm so sorry about that.",) * 4
AWAY = ("That's not my department.", "I'm just doing my job.", "It's not our fault.") * 2


def test_where_styles_stand_on_the_plane() -> None:
    hard, kind, sorry, away = (style_of(*texts) for texts in (HARD, KIND, SORRY, AWAY))
    assert hard[2] == "competing"
    assert kind[2] == "collaborating"
    assert sorry[2] == "accommodating"
    assert away[2] == "avoiding"
    assert kind[1] > hard[1]
    assert kind[0] > sorry[0]
    assert sorry[1] > away[1]
    assert hard[0] > away[0]


def test_too_few_moves_or_no_conflict_is_no_style() -> None:
    few = card(events([HELLO, c(TROUBLE), a("I'm sorry about that."), c("Okay.")])).styles
    assert few.style == ""
    assert "too few dialogue acts" in few.formula
    calm = card(events([HELLO, *[c("Good morning."), a(KIND[0])] * 5])).styles
    assert "no conflict" in calm.formula
    assert (calm.assertiveness, calm.cooperativeness, calm.shares) == (None, None, {})


def test_every_weight_is_of_a_move_and_of_a_style_and_what_it_does_is_said() -> None:
    assert (
        set(styles.ACT_STYLE_WEIGHTS)
        <= set(ACT_DESCRIPTIONS[A])
        <= {*ACT_KINDS[A], BLAMING_DEFENCE}
    )
    assert set(journey.CAUSE_WEIGHTS) <= set(ACT_DESCRIPTIONS[C]) <= set(ACT_KINDS[C])
    assert all(
        set(weights) <= set(styles.STYLE_PLACES) for weights in styles.ACT_STYLE_WEIGHTS.values()
    )


# --- the customer's way ---------------------------------------------------------------------


UPS = [
    HELLO,
    c(LONG + LONG, agitation=0.1),
    a("That's not my department. I'm just doing my job."),
    c(RANT, agitation=0.9),
    a("I can see why that is frustrating. What I can do is send you a new one."),
    c(LONG + LONG, agitation=0.1),
]


def test_a_rise_and_a_fall_are_told_with_what_came_before() -> None:
    told = events(UPS)
    result = card(told)
    holds(result, told)
    j = result.journey
    assert [j.start, j.end] == [0.1, 0.1]
    assert j.peak == pytest.approx(0.9, abs=0.05)
    rise, fall = j.changes
    assert [rise.before, rise.after] == pytest.approx([0.1, 0.9], abs=0.05)
    assert [fall.before, fall.after] == pytest.approx([0.9, 0.1], abs=0.05)
    assert rise.start_s <= (j.peak_s or 0.0) <= fall.start_s
    assert any("not my department" in q.text for q in rise.preceded_by)
    assert any("frustrating" in q.text for q in fall.preceded_by)
    for change in (rise, fall):
        assert all(change.start_s - 15.0 <= q.end_s <= change.end_s + 0.01
                   for q in change.preceded_by if q.measured)  # fmt: skip


def test_noise_is_no_change_and_what_is_not_sure_is_not_counted() -> None:
    chance = random.Random(1)
    noisy = [c(LONG, agitation=chance.uniform(0.0, 0.2)) for _ in range(6)]
    assert card(events([HELLO, *noisy])).journey.changes == []
    unsure = [HELLO, c(LONG), a(FILLER), c(RANT, agitation=0.9, confidence=0.2), a(FILLER)]
    j = card(events(unsure)).journey
    assert j.changes == []
    assert j.peak == 0.0
    assert scores(card(events(unsure)))["empathy"] is None


@given(st.lists(st.floats(0.0, 1.0), max_size=60))
def test_changes_are_sizeable_and_follow_each_other(values: list[float]) -> None:
    course = [journey.AgitationPoint(i * S, x) for i, x in enumerate(values)]
    found = journey.sizeable_changes(course)
    for before, began, after in found:
        assert abs(after.agitation - before.agitation) >= journey.SIZEABLE_CHANGE
        assert before.at < began.at <= after.at
    for (_, _, first), (_, second, _) in pairwise(found):
        assert first.at <= second.at


def test_a_long_course_tells_the_largest_changes() -> None:
    lines = [HELLO]
    for agitation in [0.1, 0.9] * 8:
        lines += [c(LONG, agitation=agitation), a(FILLER)]
    changes = card(events(lines)).journey.changes
    assert len(changes) == 8
    assert [ch.start_s for ch in changes] == sorted(ch.start_s for ch in changes)


def test_the_root_is_what_they_told_first_and_again() -> None:
    lines = [
        HELLO,
        c("Good morning, it is about the router that I bought from you in March this year."),
        a("Yes?"),
        c(TROUBLE),
        a(FILLER),
        c("The picture is fine but I was charged twice."),
        a(FILLER),
        c("I told you already, the router is broken again.", agitation=0.9),
        a(FILLER),
    ]
    told = events(lines)
    result = card(told)
    holds(result, told)
    first, second, third, *_ = result.root_cause
    assert "bought from you in March" in first.text
    assert "stopped working" in first.text or "stopped working" in second.text
    assert any("I told you already" in q.text for q in (second, third))
    assert all(q.speaker is C for q in result.root_cause)
    spans = [(q.start_s, q.end_s) for q in sorted(result.root_cause, key=lambda q: q.start_s)]
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


# --- the card as a page ---------------------------------------------------------------------


def test_the_page_has_room_to_fill_in_and_words_stay_text() -> None:
    hostile = "<script>alert(1)</script> *bold* | \x1b[1m [link](http://x) has stopped working."
    told = events([HELLO, c(hostile), a("I'm so sorry <b>about</b> that."), c("Okay.")])
    page = scorecard_markdown(card(told))
    assert "script" in page
    assert not re.search(r"(?<!\\)[<*]script|(?<!\\)<b|(?<!\\)\[link", page)
    assert "\x1b" not in page
    for field in ("CSAT", "NPS", "CES", "Notes"):
        assert f"- {field}" in page
    assert "### Empathy: -" in page
    assert "total" not in page.lower()


def test_json_round_trip() -> None:
    result = card(events(UPS))
    assert msgspec.json.decode(msgspec.json.encode(result), type=ScoreCard) == result


def test_the_reference_is_what_the_code_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "scorecard.md"
    assert page.read_text("utf-8") == reference.scoring_markdown()


# --- the command ----------------------------------------------------------------------------


def logged(folder: Path, told: list[Event]) -> Path:
    """Write a log as a replay does, and return its folder."""
    folder.mkdir()
    header = event_log.encode_header(call="Gespräch [1]", words=True)
    (folder / "events.jsonl").write_bytes(header + b"".join(map(event_log.encode_event, told)))
    return folder


def test_score_makes_the_card_anew_from_the_log(tmp_path: Path) -> None:
    told = events(UPS)
    folder = logged(tmp_path / "a call", told)
    done = voicecoach("score", folder, home=tmp_path / "home", COLUMNS="200")
    assert (done.returncode, done.stderr.count("scorecard.json")) == (0, 1)
    for text in (
        "Listening",
        "Follow-up and recap",
        "not my department",
        "Leave out whose fault",
        "at the end",
    ):
        assert text.lower() in done.stdout.lower()
    written = msgspec.json.decode((folder / "scorecard.json").read_bytes(), type=ScoreCard)
    assert written == msgspec.structs.replace(card(told), call="Gespräch [1]")
    assert (folder / "scorecard.md").read_text("utf-8") == scorecard_markdown(written)
    again = voicecoach("score", folder / "events.jsonl", home=tmp_path / "home", COLUMNS="200")
    assert again.stdout == done.stdout


def test_what_people_filled_in_stays(tmp_path: Path) -> None:
    folder = logged(tmp_path / "a call", events(UPS))
    assert writer.read_score_card(folder) is None
    filled = Survey(csat=4, ces=2, notes="Spoke of it on Monday.")
    writer.write_score_card(folder, msgspec.structs.replace(card(events(CALM)), survey=filled))
    assert voicecoach("score", folder, home=tmp_path / "home").returncode == 0
    again = writer.read_score_card(folder)
    assert again
    assert again.survey == filled
    page = (folder / "scorecard.md").read_text("utf-8")
    assert "(1 to 5): 4" in page
    assert "Spoke of it on Monday." in page
    (folder / "scorecard.json").write_text("{")
    done = voicecoach("score", folder, home=tmp_path / "home")
    assert (done.returncode, "replaced, and kept as" in done.stderr) == (0, True)
    assert (folder / "scorecard.damaged.json").read_text() == "{"
    assert writer.read_score_card(folder)


def test_what_cannot_be_scored_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    torn = logged(tmp_path / "torn", [])
    (torn / "events.jsonl").write_text('{"type":"word"}\n')
    for arguments, complaint in (
        ((tmp_path / "none",), "cannot read an event log"),
        ((torn,), "not the event log of a call"),
        ((), "name a call's folder"),
    ):
        done = voicecoach("score", *arguments, home=tmp_path / "home")
        assert done.returncode == 2
        assert complaint in done.stderr
        assert "Traceback" not in done.stderr
    assert [p.name for p in torn.iterdir()] == ["events.jsonl"]


def test_a_live_call_that_was_cut_off_has_a_card(tmp_path: Path) -> None:
    folder = logged(tmp_path / "cut", events(UPS)[:-1])
    with (folder / "events.jsonl").open("ab") as log:
        log.write(b'{"type":"wor')
    assert voicecoach("score", folder, home=tmp_path / "home").returncode == 0
    assert (folder / "scorecard.md").exists()


# --- formulas -------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(1, 99))
def test_a_formula_is_its_score(interruptions: int, turns: int) -> None:
    score, text = rate_formula(
        "max(0, 1 - interruptions / customer_turns)",
        {"interruptions": interruptions, "customer_turns": turns},
    )
    assert score == round(max(0.0, 1 - interruptions / turns), 2)
    assert text.startswith("max(0, 1 - interruptions / customer turns) = max(0, 1 - ")
    assert text.endswith(f" = {score:.2f}")


@pytest.mark.parametrize("text", ["__import__('os')", "a + 1", "2 ** 9", "print(1)", "'x'"])
def test_only_arithmetic_is_worked_out(text: str) -> None:
    with pytest.raises(ValueError, match="not arithmetic"):
        evaluate(text)


def test_every_quotation_says_why() -> None:
    for lines in (*PAIRS["options"], UPS):
        assert all(q.why for q in quotes(card(events(lines))))


# --- thresholds -----------------------------------------------------------------------------

TALK = a(FILLER * 10)
"""A minute less ten seconds on end."""
EDITED: dict[str, tuple[str, str, dict[str, float], list[Line], str]] = {
    "too-much-talking": (
        '"agent_monologue_s", op = ">=", value = 60.0',
        "45.0",
        {"agent_monologue_s": 50.0},
        [HELLO, c(LONG), TALK, c("Well.")],
        "listening",
    ),
    "slow-down": (
        '"agent_rate_ratio", op = ">=", value = 1.25',
        "1.1",
        {"agent_rate_ratio": 1.2},
        [HELLO, c(TROUBLE), a(FILLER + FILLER), c("Okay."), a(FILLER + FILLER, pace=1.2)],
        "calm-delivery",
    ),
    "lower-your-voice": (
        '"agent_level_db", op = ">=", value = 5.0',
        "3.0",
        {"agent_level_db": 4.0, "agent_f0_semitones": 3.0},
        [
            HELLO, c(TROUBLE), a(FILLER + FILLER), c("Okay."),
            a(FILLER + FILLER, level_db=4.0, f0_semitones=3.0),
        ],
        "calm-delivery",
    ),
    "give-them-a-moment": (
        '"agent_gap_s", op = "<=", value = 0.5',
        "1.0",
        {
            "outburst_s": 5.0, "agent_gap_s": 0.8, "agent_reply_s": 2.0,
            "since_acknowledgement_s": 60.0,
        },
        [HELLO, c(RANT, agitation=0.9), a(FILLER, gap_s=0.8), c("Well.")],
        "time-to-calm",
    ),
    "enough-sorry": (
        '"apologies", op = ">=", value = 3.0',
        "2.0",
        {"apologies": 2.0, "since_apology_s": 1.0},
        [
            HELLO, c(TROUBLE), a("I'm so sorry about that. " + FILLER), c("Okay."),
            a("I'm so sorry about that. " + FILLER), BYE,
        ],
        "apology",
    ),
    "offer-a-way-forward": (
        '"agent_on_problem_s", op = ">=", value = 20.0',
        "10.0",
        {"problem_open_s": 95.0, "agent_on_problem_s": 15.0, "agent_reply_s": 5.0},
        [HELLO, c(TROUBLE), a(FILLER * 3), c("Okay.")],
        "options",
    ),
    "hand-over": (
        '"demand_open_s", op = "<=", value = 30.0',
        "60.0",
        {"demand_open_s": 40.0},
        [
            HELLO, c("I want to speak to your supervisor."), a(FILLER * 7), c("Well."),
            a("Let me get my supervisor for you."),
        ],
        "escalation",
    ),
}  # fmt: skip
"""By cue: a value of its rule and another; signals that only one of them minds, and a call."""


def opens(cues: tuple[Cue, ...], id: str, signals: dict[str, float]) -> bool:
    """Return whether signals that last for 4 s open a cue."""
    rules = CueEngine(tuple(cue for cue in cues if cue.id == id), CuesConfig())
    known = {**dict.fromkeys(CUE_SIGNALS, math.nan), "agitated_s": 0.0, **signals}
    return any(rules.decide(at * S, known, dict.fromkeys(CUE_QUOTES, ""), {}) for at in range(5))


@pytest.mark.parametrize("id", EDITED)
def test_an_edited_rule_changes_the_cue_and_the_card(id: str, tmp_path: Path) -> None:
    old, value, signals, lines, technique = EDITED[id]
    text = BUILT_IN_CUES.data.decode()
    assert text.count(old) == 1
    (tmp_path / "cues.toml").write_text(text.replace(old, f"{old.rpartition(' ')[0]} {value}"))
    shipped, edited = built_in_cues(), load_cues(tmp_path / "cues.toml")
    assert opens(shipped, id, signals) is not opens(edited, id, signals)
    told = events(lines)
    by_rules = [
        next(t for t in card(told, cue_thresholds(rules)).techniques if t.id == technique)
        for rules in (shipped, edited)
    ]
    assert by_rules[0].formula != by_rules[1].formula
    # From the log alone: its header has the thresholds of the rules that were loaded.
    facts = {"thresholds": msgspec.to_builtins(cue_thresholds(edited))}
    again = writer.score_log("call", facts, told)
    assert by_rules[1] in again.techniques


def test_a_call_is_scored_again_by_the_rules_of_its_replay(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "samples" / "auto_repairs_40.flac"
    old = EDITED["slow-down"][0]
    text = BUILT_IN_CUES.data.decode().replace(old, old.replace("1.25", "0.9"))
    (tmp_path / "cues.toml").write_text(text, "utf-8")
    ran = voicecoach(
        "replay", sample, "--swap", "--no-transcribe", "--cues", tmp_path / "cues.toml",
        "--out", tmp_path / "out", home=tmp_path / "home",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    folder = tmp_path / "out" / sample.stem
    replayed = (folder / "scorecard.json").read_bytes()
    # No rules are named here: the log has what it takes.
    assert voicecoach("score", folder, home=tmp_path / "home").returncode == 0
    assert (folder / "scorecard.json").read_bytes() == replayed
    header, *lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    facts = event_log.parse_header(header)
    del facts["thresholds"]
    (folder / "events.jsonl").write_bytes(event_log.encode_header(**facts) + b"".join(lines))
    assert voicecoach("score", folder, home=tmp_path / "home").returncode == 0
    assert (folder / "scorecard.json").read_bytes() != replayed

"""What the two do with words: examples of each kind, and properties of the stream."""

import itertools
import tomllib
from collections.abc import Sequence
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.bench import dialogue_acts
from tests.language.hypotheses import hypotheses
from voicecoach.language.act_matcher import ACT_KINDS as DOCS
from voicecoach.language.act_matcher import ActMatch
from voicecoach.language.dialogue_acts import DialogueActTracker
from voicecoach.testing import ENGLISH, ENGLISH_ACTS, failed_examples, make_utterance, make_word
from voicecoach.types.events import DialogueAct, Utterance
from voicecoach.types.stream import SAMPLE_RATE, Speaker

SECOND = SAMPLE_RATE
TABLE = tomllib.loads(
    (resources.files("voicecoach") / "language" / "en" / "dialogue_acts.toml").read_text("utf-8")
)
AGENT, CUSTOMER = Speaker.AGENT, Speaker.CUSTOMER
KINDS = {
    AGENT: {
        *("acknowledgement", "apology", "question", "paraphrase", "softener", "hard", "defence"),
        *("solution", "compromise", "expectation", "promise", "limit", "escalation", "follow_up"),
        *("recap", "thanks", "greeting", "closing", "wait"),
    },
    CUSTOMER: {"trouble", "demand", "repeat", "abuse", "thanks", "closing", "wait", "greeting"},
}
EVERY = [(speaker, kind) for speaker, kinds in KINDS.items() for kind in sorted(kinds)]


def find_acts(speaker: Speaker, words: Sequence[str]) -> list[ActMatch]:
    """Return the acts in words, with the places of the words."""
    read = ENGLISH_ACTS.tokenize(words)
    return [
        f._replace(first=read[f.first].place, last=read[f.last - 1].place + 1)
        for f in ENGLISH_ACTS.matchers[speaker].match_acts(read)
    ]


def kinds(speaker: Speaker, text: str) -> set[str]:
    """Return the kinds of moves in a text."""
    return {found.kind for found in find_acts(speaker, text.split())}


def say(
    moves: DialogueActTracker, speaker: Speaker, text: str, utterance: int = 1, start: int = 0
) -> list[DialogueAct]:
    """Say an utterance to its end, and return the moves that it made."""
    words = [
        make_word(t, i, utterance=utterance, start=start, speaker=speaker)
        for i, t in enumerate(text.split())
    ]
    told = [move for event in words for move in moves.add_event(event)]
    end = words[-1].end if words else start
    return told + moves.add_event(ended(speaker, text, utterance, start, end))


def ended(speaker: Speaker, text: str, utterance: int, start: int, end: int) -> Utterance:
    """Return the end of an utterance."""
    return make_utterance(text, speaker=speaker, utterance=utterance, start=start, end=end)


def said(moves: DialogueActTracker, speaker: Speaker, kind: str) -> list[str]:
    return [s.text for s in moves.acts_of(speaker, kind)]


# --- the kinds ------------------------------------------------------------------------------


def test_every_kind_is_there_and_says_what_it_is() -> None:
    for speaker, expected in KINDS.items():
        data = TABLE[speaker]
        assert data.keys() == expected == DOCS[speaker].keys()
        for kind in data.values():
            assert min(len(kind["examples"]), len(kind["counter_examples"])) >= 6


def test_phrases_are_spelled_as_words_are_read() -> None:
    data = TABLE
    spelling = data["spelling"].keys()
    listed: list[str] = [phrase for members in data["sets"].values() for phrase in members]
    for speaker, kind in EVERY:
        entry = data[speaker][kind]
        for group in (entry, *entry.get("groups", ())):
            listed += group.get("phrases", ())
    unheard = {
        phrase
        for phrase in listed
        if spelling & set(phrase.replace("|", " ").replace("_", " ").replace("?", "").split())
    }
    assert not unheard


def test_each_kind_is_found_in_its_examples_alone() -> None:
    assert not failed_examples(ENGLISH)


@pytest.mark.parametrize(
    ("speaker", "text", "kind"),
    [
        (AGENT, "I'm not sorry", "apology"),
        (AGENT, "I'm not really sorry at all", "apology"),
        (AGENT, "I won't be able to escalate this", "escalation"),
        (AGENT, "we're not going to call you", "promise"),
        (CUSTOMER, "it isn't broken", "trouble"),
        (CUSTOMER, "I don't want a supervisor", "demand"),
        (CUSTOMER, "I'm not saying you're an idiot", "abuse"),
    ],
)
def test_negation_turns_a_kind_off(speaker: Speaker, text: str, kind: str) -> None:
    assert kind not in kinds(speaker, text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Im really sorry about that", "apology"),
        ("ill call you back tomorow, well by friday", "expectation"),
        ("you gotta send it back", "hard"),
        ("we cannot do that", "hard"),
        ("I'm, uh, so, um, sorry", "apology"),
        ("I\u2019ll e-mail you a copy", "follow_up"),
    ],
)
def test_the_recognisers_spelling_is_read(text: str, kind: str) -> None:
    assert kind in kinds(AGENT, text)


@pytest.mark.parametrize(
    "time",
    [
        *("by Friday", "within 24 hours", "in a couple of days", "tomorrow", "this afternoon"),
        *("at three", "in 3 to 5 working days", "in 10 minutes", "on Tuesday the fifth"),
        *("by the end of the day", "in the next half an hour", "first thing tomorrow"),
    ],
)
def test_a_promise_with_a_time_is_an_expectation(time: str) -> None:
    promise = "I'll get back to you"
    assert "promise" in kinds(AGENT, promise)
    for text in (f"{promise} {time}", f"{time.capitalize()} {promise}", f"{promise}. {time}."):
        assert "expectation" in kinds(AGENT, text), text
        assert "promise" not in kinds(AGENT, text), text


def test_what_is_found_is_quoted_by_place_and_what_to_say_instead() -> None:
    words = ["Right,", "well,", "uh,", "calm", "down", "please"]
    (found,) = [f for f in find_acts(AGENT, words) if f.kind == "hard"]
    assert words[found.first : found.last] == ["calm", "down"]
    assert found.instead
    for group in TABLE["agent"]["hard"]["groups"]:
        assert 0 < len(group["instead"].split()) <= 12


def test_two_of_a_kind_in_one_breath_are_one() -> None:
    apologies = [
        f
        for f in find_acts(
            AGENT, ["I'm", "so", "sorry,", "I'm", "really", "sorry", "about", "that"]
        )
        if f.kind == "apology"
    ]
    assert len(apologies) == 1


# --- the stream -----------------------------------------------------------------------------


def test_a_phrase_goes_across_a_short_pause_and_is_told_once() -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    assert not say(moves, CUSTOMER, "I want to speak")
    told = say(moves, CUSTOMER, "to your manager", 2, 2 * SECOND)
    assert [move.kind for move in told] == ["demand"]
    moves = DialogueActTracker(ENGLISH_ACTS)
    say(moves, CUSTOMER, "I want to speak")
    assert not say(moves, CUSTOMER, "to your wife", 2, 2 * SECOND)
    moves = DialogueActTracker(ENGLISH_ACTS)
    first = say(moves, AGENT, "I'm so sorry")
    again = say(moves, AGENT, "about that", 2, 2 * SECOND)
    assert [move.kind for move in (*first, *again)] == ["apology"]


def test_an_act_that_stands_whole_in_an_utterance_is_its_own() -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    first = say(moves, AGENT, "have a good day")
    again = say(moves, AGENT, "all right bye bye", 2, 2 * SECOND)
    assert [move.kind for move in first] == [move.kind for move in again] == ["closing"]


def test_a_time_in_the_next_utterance_makes_it_an_expectation() -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    assert [m.kind for m in say(moves, AGENT, "Leave it with me.")] == ["promise"]
    told = say(moves, AGENT, "You'll hear by Friday.", 2, 2 * SECOND)
    assert "expectation" in [move.kind for move in told]


def test_a_word_that_is_withdrawn_or_changes_takes_its_move_back() -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)

    def hear(text: str, *, committed: bool = True) -> None:
        moves.add_event(make_word(text, 1, committed=committed, final=False))

    moves.add_event(make_word("shut", 0, final=False))
    moves.add_event(make_word("now", 2, final=False))
    hear("up", committed=False)
    assert not said(moves, CUSTOMER, "abuse")
    hear("up")
    assert said(moves, CUSTOMER, "abuse") == ["shut up"]
    hear("down")
    assert not said(moves, CUSTOMER, "abuse")
    hear("up")
    hear("", committed=False)
    assert not said(moves, CUSTOMER, "abuse")


def test_the_newest_words_wait_for_what_they_may_become() -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    for i, text in enumerate(["please", "take", "care"]):
        moves.add_event(make_word(text, i, final=False, speaker=AGENT))
    assert not said(moves, AGENT, "closing")
    moves.add_event(make_word("of", 3, final=False, speaker=AGENT))
    assert not said(moves, AGENT, "closing")
    moves.add_event(make_word("today", 3, final=False, speaker=AGENT))
    assert said(moves, AGENT, "closing") == ["take care"]


TEXTS = {
    AGENT: ("I'm so sorry about that", "You have to wait.", "I'll call you", "by Friday.", ""),
    CUSTOMER: ("I already told you", "my boiler leaks", "water everywhere", "", "let me speak"),
}


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=4),
    st.sampled_from([AGENT, CUSTOMER]),
    hypotheses(["sorry", "manager", "not", "", "you"]),
)
def test_final_words_alone_decide(
    chosen: list[int], speaker: Speaker, partials: list[tuple[int, int, str, bool, bool]]
) -> None:
    finals = [TEXTS[speaker][i] for i in chosen]
    expected, heard = DialogueActTracker(ENGLISH_ACTS), DialogueActTracker(ENGLISH_ACTS)
    told: tuple[list[DialogueAct], list[DialogueAct]] = ([], [])
    hypotheses = iter(partials)
    for number, text in enumerate(finals, 1):
        start = number * 3 * SECOND
        for utterance, index, partial, committed, asks in itertools.islice(hypotheses, 8):
            if utterance <= len(finals):
                heard.add_event(
                    make_word(
                        partial,
                        index,
                        utterance=max(utterance, number),
                        start=start,
                        committed=committed,
                        final=False,
                        speaker=speaker,
                    )
                )
            if asks:
                heard.acts_of(speaker, "apology")
        for moves, events in zip((expected, heard), told, strict=True):
            events += say(moves, speaker, text, number, start)
    assert told[0] == told[1]
    for kind in KINDS[speaker]:
        assert expected.acts_of(speaker, kind) == heard.acts_of(speaker, kind)


def test_later_words_change_nothing_that_was_told() -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    say(moves, AGENT, "I'm so sorry about that.")
    say(moves, AGENT, "You have to wait.", 2, 3 * SECOND)
    before = [*moves.acts_of(AGENT, "apology"), *moves.acts_of(AGENT, "hard")]
    assert len(before) == 2
    moves.add_event(make_word("nothing", 0, utterance=1, speaker=AGENT))
    moves.add_event(make_word("nothing", 0, utterance=2, speaker=AGENT))
    for number in range(3, 24):
        say(moves, AGENT, "Okay then.", number, number * 3 * SECOND)
    assert [*moves.acts_of(AGENT, "apology"), *moves.acts_of(AGENT, "hard")] == before


def test_a_long_call_keeps_what_was_done() -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    for number in range(1, 32):
        say(moves, AGENT, "I'm so sorry about that.", number, number * 20 * SECOND)
    assert len(moves.acts_of(AGENT, "apology")) == 31
    apologies = moves.acts_of(AGENT, "apology")
    assert moves.acts_of(AGENT, "apology") is apologies


def test_a_paraphrase_takes_up_what_the_customer_told_lately() -> None:
    account = "I was charged twice in March and I rang three times"
    back = "So you were charged twice in March."

    def paraphrases(start: int, *, told: str = account) -> bool:
        moves = DialogueActTracker(ENGLISH_ACTS)
        say(moves, CUSTOMER, told)
        return "paraphrase" in {m.kind for m in say(moves, AGENT, back, 1, start)}

    assert paraphrases(20 * SECOND)
    assert not paraphrases(200 * SECOND)
    assert not paraphrases(20 * SECOND, told="my boiler leaks")


def test_a_complaint_made_again_is_a_repeat() -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    story = "my washing machine leaks water all over the kitchen floor"
    assert "repeat" not in {m.kind for m in say(moves, CUSTOMER, story)}
    told = say(
        moves, CUSTOMER, "the washing machine is leaking water over my kitchen", 2, 60 * SECOND
    )
    assert "repeat" in {move.kind for move in told}


@pytest.mark.parametrize(("after_s", "again"), [(19.5, False), (20.5, True)])
def test_a_complaint_is_a_repeat_from_20_s_after_it_ended(after_s: float, again: bool) -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    story = "my washing machine leaks water all over the kitchen floor"
    say(moves, CUSTOMER, story)
    ended_at = len(story.split()) * SECOND // 3
    told = say(moves, CUSTOMER, story, 2, ended_at + round(after_s * SECOND))
    assert ("repeat" in {move.kind for move in told}) is again


@pytest.mark.parametrize(("tables", "found"), [(8, True), (9, False)])
def test_the_last_12_words_of_an_utterance_are_read_again(tables: int, found: bool) -> None:
    """The promise takes 4 of them."""
    moves = DialogueActTracker(ENGLISH_ACTS)
    first = "leave it with me " + "table " * tables
    say(moves, AGENT, first)
    start = len(first.split()) * SECOND // 3 + SECOND
    told = say(moves, AGENT, "tomorrow", 2, start)
    assert [move.kind for move in told] == ["expectation"] * found


@pytest.mark.parametrize(("pause_s", "found"), [(1.9, True), (2.1, False)])
def test_an_utterance_goes_on_over_a_pause_of_2_s(pause_s: float, found: bool) -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    say(moves, CUSTOMER, "I want to speak to")
    told = say(moves, CUSTOMER, "your manager", 2, 5 * SECOND // 3 + round(pause_s * SECOND))
    assert [move.kind for move in told] == ["demand"] * found


@pytest.mark.parametrize(("unfinished", "found"), [(8, True), (9, False)])
def test_the_words_of_8_unfinished_utterances_are_remembered(unfinished: int, found: bool) -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    for number in range(1, unfinished + 1):
        said_now = "I'm so sorry about that. Chairs" if number == 1 else "table"
        for i, text in enumerate(said_now.split()):
            word = make_word(
                text, i, utterance=number, start=number * 10 * SECOND, final=False, speaker=AGENT
            )
            moves.add_event(word)
    assert bool(moves.acts_of(AGENT, "apology")) is found


def test_an_act_is_quoted_with_8_words() -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    (act,) = say(moves, AGENT, "leave it with me " + "table " * 9 + "tomorrow")
    assert act.text == "leave it with me table table table table"


# --- how much a paraphrase shares with what the customer told ----------------------------------

TOLD = "boiler kitchen garden window"
"""Four content words."""


def paraphrases(text: str, *, told: str = TOLD, after_s: float = 5.0) -> bool:
    """Return whether the agent's words are a paraphrase, said so long after the customer's."""
    moves = DialogueActTracker(ENGLISH_ACTS)
    say(moves, CUSTOMER, told)
    start = len(told.split()) * SECOND // 3 + round(after_s * SECOND)
    return "paraphrase" in {move.kind for move in say(moves, AGENT, text, 1, start)}


@pytest.mark.parametrize(("after_s", "found"), [(59.5, True), (60.5, False)])
def test_a_paraphrase_takes_up_what_ended_60_s_before(after_s: float, found: bool) -> None:
    assert paraphrases(TOLD, after_s=after_s) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("table boiler kitchen garden window", True),
        ("table boiler kitchen garden", False),
        ("so boiler kitchen", True),
        ("so boiler table", False),
        ("in other words boiler", True),
        ("in other words table", False),
    ],
)
def test_a_paraphrase_shares_4_words_or_2_after_a_weak_lead_or_1_beside_a_strong_one(
    text: str, found: bool
) -> None:
    assert paraphrases(text) is found


@pytest.mark.parametrize(("between", "found"), [(28, True), (29, False)])
def test_a_paraphrase_is_in_the_30_words_after_its_lead(between: int, found: bool) -> None:
    assert paraphrases("so " + "table " * between + "boiler kitchen") is found


def test_what_is_only_meant_to_reassure() -> None:
    def only(text: str, since: int = 0) -> bool:
        moves = DialogueActTracker(ENGLISH_ACTS)
        for i, t in enumerate(text.split()):
            moves.add_event(make_word(t, i, speaker=AGENT, committed=False, final=False))
        return moves.only_supportive(AGENT, since)

    assert only("Mm hmm, I see.")
    assert not only("I see, but what is your name")
    assert not only("")
    assert only("your name okay", since=2 * SECOND // 3)


def test_kinds_belong_to_their_speaker() -> None:
    moves = DialogueActTracker(ENGLISH_ACTS)
    say(moves, CUSTOMER, "you have to calm down")
    say(moves, AGENT, "shut up")
    assert not said(moves, CUSTOMER, "hard")
    assert not said(moves, AGENT, "abuse")


# --- the labelled calls ---------------------------------------------------------------------

CALLS = dialogue_acts.CALLS


@pytest.mark.parametrize(
    ("part", "text", "precision", "recall"),
    [
        ("open", "text", 0.96, 0.94),
        ("open", "heard", 0.95, 0.79),
        ("held_out", "text", 0.85, 0.77),
        ("held_out", "heard", 0.85, 0.69),
        ("real", "text", 0.94, 0.86),
        ("real", "heard", 0.92, 0.88),
    ],
)
def test_moves_are_found_in_labelled_calls(
    part: str, text: str, precision: float, recall: float
) -> None:
    score = dialogue_acts.total(dialogue_acts.scores(CALLS, part, text))
    assert score.precision >= precision
    assert score.recall >= recall


@pytest.mark.parametrize(("text", "precision"), [("text", 0.83), ("heard", 0.75)])
def test_what_fires_a_cue_by_itself_is_seldom_wrong(text: str, precision: float) -> None:
    scores = dialogue_acts.scores(CALLS, "held_out", text)
    score = dialogue_acts.total(
        {key: s for key, s in scores.items() if key[1] in dialogue_acts.FIRES}
    )
    assert score.precision >= precision

"""A doubtful word decides nothing: no dialogue act, no evidence of agitation."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach.language.dialogue_acts import DialogueActTracker
from voicecoach.language.wording import WordingEvidence, WordingModel
from voicecoach.shell.runtime.resources import wording_model
from voicecoach.testing import ENGLISH_ACTS, ENGLISH_WORDING, make_utterance, make_word
from voicecoach.types.events import DialogueAct, Evidence, Utterance, Word
from voicecoach.types.stream import SAMPLE_RATE, Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER
MODEL = WordingModel(wording_model())


def spoken(
    text: str, speaker: Speaker = C, utterance: int = 1, start: int = 0
) -> list[Word | Utterance]:
    """Return an utterance with its words; those that begin with "~" are doubtful."""
    words: list[Word | Utterance] = [
        make_word(
            word.removeprefix("~"), i, utterance=utterance, start=start, speaker=speaker,
            doubtful=word.startswith("~"),
        )
        for i, word in enumerate(text.split())
    ]  # fmt: skip
    plain = text.replace("~", "")
    end = words[-1].at
    return [
        *words,
        make_utterance(plain, start=start, end=end, utterance=utterance, speaker=speaker),
    ]


def acts(*lines: tuple[Speaker, str], apart_s: float = 3.0) -> list[DialogueAct]:
    """Return the dialogue acts of lines that are spoken one after the other."""
    tracker, found, start = DialogueActTracker(ENGLISH_ACTS), list[DialogueAct](), 0
    for number, (speaker, text) in enumerate(lines, 1):
        for event in spoken(text, speaker, number, start):
            found += tracker.add_event(event)
            start = event.at
        start += round(apart_s * SAMPLE_RATE)
    return found


def kinds(speaker: Speaker, text: str) -> list[str]:
    return [act.kind for act in acts((speaker, text))]


def evidence(text: str) -> tuple[Evidence, ...]:
    wording, end = WordingEvidence(ENGLISH_WORDING, MODEL), 0
    for event in spoken(text):
        wording.add_event(event)
        end = event.at
    return wording.evidence(end)


@pytest.mark.parametrize(
    ("speaker", "text", "kind"),
    [
        (C, "~your ~supervisor", "demand"),
        (C, "it came ~broken", "trouble"),
        (A, "~so ~sorry", "apology"),
        (A, "okay ~goodbye", "closing"),
        (A, "~could ~you open it for me", "question"),
        (A, "~when ~did ~it begin?", "question"),
    ],
)
def test_no_act_rests_on_doubtful_words(speaker: Speaker, text: str, kind: str) -> None:
    assert kind in kinds(speaker, text.replace("~", ""))
    assert kind not in kinds(speaker, text)


@pytest.mark.parametrize(("text", "found"), [("~two options", True), ("~two ~options", False)])
def test_at_most_half_of_a_phrase_is_doubtful(text: str, found: bool) -> None:
    made = acts((A, f"we have {text} right now"))
    assert [(act.kind, act.text) for act in made] == [("solution", "… options")] * found


@pytest.mark.parametrize(
    ("speaker", "text", "found"),
    [
        (C, "and that didn't ~even", True),
        (C, "and that ~didn't even", False),
        (A, "okay ~thank you", False),
        (A, "okay thank ~you", True),
    ],
)
def test_where_half_of_a_phrase_is_doubtful_its_long_words_decide(
    speaker: Speaker, text: str, found: bool
) -> None:
    assert bool(kinds(speaker, text)) is found


@pytest.mark.parametrize(
    "text", ["you are such an ~idiot", "~fuck you", "~you moron", "you are ~useless"]
)
def test_of_an_insult_no_word_is_doubtful(text: str) -> None:
    assert "abuse" in kinds(C, text.replace("~", ""))
    assert "abuse" not in kinds(C, text)


def test_a_doubtful_word_still_negates_and_excludes() -> None:
    assert kinds(A, "I am not sorry") == kinds(A, "I am ~not sorry") == []


def test_what_repeats_or_paraphrases_does_so_in_words_that_were_heard() -> None:
    told = "the dishwasher leaked water all over our kitchen floor and it is broken"
    again = "the ~dishwasher ~leaked ~water all over our kitchen ~floor"
    for first, second, kind in (
        ((C, told), (C, again), "repeat"),
        ((C, told), (A, f"so {again}"), "paraphrase"),
    ):
        plain = (second[0], second[1].replace("~", ""))
        assert kind in [act.kind for act in acts(first, plain, apart_s=25.0)]
        assert kind not in [act.kind for act in acts(first, second, apart_s=25.0)]


@pytest.mark.parametrize(
    "text",
    [
        "this is ~ridiculous",
        "I will ~sue you for this",
        "you are all ~useless ~idiots and I have had enough of your lies",
        "let me speak to your ~supervisor",
    ],
)
def test_no_evidence_rests_on_a_doubtful_word(text: str) -> None:
    doubted = {word.removeprefix("~") for word in text.split() if word.startswith("~")}
    before = sum(e.weight for e in evidence(text.replace("~", "")))
    assert sum(e.weight for e in evidence(text)) < before
    assert not any(word in e.text for e in evidence(text) for word in doubted)


def test_what_is_said_again_is_quoted_only_where_it_was_heard() -> None:
    told = "the dishwasher leaked water on the floor and it is broken"
    again = "dishwasher ~a ~b ~c ~d leaked ~e ~f ~g ~h water ~i ~j ~k ~l floor"
    for text, found in ((again.replace("~", ""), True), (again, False)):
        wording, end = WordingEvidence(ENGLISH_WORDING, MODEL), 0
        for number, line in enumerate((told, text), 1):
            for event in spoken(line, utterance=number, start=end and end + 25 * SAMPLE_RATE):
                wording.add_event(event)
                end = event.at
        assert any("said it again" in e.text for e in wording.evidence(end)) == found


def test_the_wording_model_knows_no_doubtful_word() -> None:
    assert MODEL.strongest_ngrams(["", "", "", "", ""], 0) == []
    (plain,) = evidence("I hate dealing with you")
    assert plain.text == 'sounds hostile: "i hate"'
    assert evidence("I ~hate dealing with you") == ()


OPENINGS = ("you are an idiot", "I am so sorry", "it is broken", "this is ridiculous")
SAID = st.lists(st.sampled_from(" ".join(OPENINGS).split()), min_size=1, max_size=12)


@given(SAID, st.sampled_from([A, C]))
def test_of_doubtful_words_alone_nothing_is_made(words: Sequence[str], speaker: Speaker) -> None:
    text = " ".join(f"~{word}" for word in words)
    assert acts((speaker, text)) == []
    assert speaker is A or evidence(text) == ()


@given(SAID, st.sets(st.integers(0, 12)), st.sampled_from([A, C]))
def test_doubt_makes_no_kind_of_act_that_trust_does_not(
    words: Sequence[str], doubtful: set[int], speaker: Speaker
) -> None:
    text = " ".join(f"~{word}" if i in doubtful else word for i, word in enumerate(words))
    assert set(kinds(speaker, text)) <= set(kinds(speaker, " ".join(words)))

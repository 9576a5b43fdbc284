"""Card numbers and security codes: hidden however they are said, and nothing else is."""

import itertools
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scripts.bench.number_exchanges import exchanges, partials
from scripts.bench.number_reading import ALLOWED, RUN, longest, read
from voicecoach.testing import ENGLISH
from voicecoach.text_safety.card_masking import MAX_UTTERANCES, SHOWN_DIGITS, DigitMasker
from voicecoach.text_safety.spoken_numbers import HIDDEN_DIGIT
from voicecoach.types.stream import SAMPLE_RATE, Speaker

REPORTED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "exchanges.json").read_text())
"""Reported exchanges; made numbers, written for voicecoach."""
WORD_S = 0.35


class Screen:
    """What stands on the screen of a call, masked."""

    def __init__(self) -> None:
        self.masker = DigitMasker(ENGLISH.numbers)
        self.lines: list[tuple[Speaker, str]] = []
        self.now = SAMPLE_RATE

    def say(self, speaker: str, text: str, *, after_s: float = 0.5, whole: bool = True) -> str:
        """Add an utterance, or the newest one again if it went on; return it as it is shown."""
        start = self.now = self.now + round(after_s * SAMPLE_RATE)
        self.show(self.masker.decide(self.now))
        who, number = Speaker(speaker), len(self.lines)
        self.lines.append((who, ""))
        return self.go_on(number, text, start, whole=whole)

    def go_on(self, number: int, text: str, start: int, *, whole: bool) -> str:
        """Replace the words of an utterance."""
        who, words = self.lines[number][0], text.split()
        self.now = max(self.now, start + round(len(words) * WORD_S * SAMPLE_RATE))
        self.masker.add(who, number, words, start, self.now, complete=whole)
        self.lines[number] = who, " ".join(self.masker.masked(who, number))
        return self.lines[number][1]

    def hear(self, script: str) -> str:
        """Add "a how are you | c+45 I am fine | c~ and": speaker, pause in s, "~" if it goes on.

        Return the last utterance as it is shown.
        """
        shown = ""
        for line in script.split("|"):
            head, _, text = line.strip().partition(" ")
            pause = float(head[1:].strip("~") or 0.5)
            speaker = {"a": "agent", "c": "customer"}[head[0]]
            shown = self.say(speaker, text, after_s=pause, whole="~" not in head)
        return shown

    def wait(self, seconds: float) -> None:
        """Let time go by in which nobody speaks."""
        self.now += round(seconds * SAMPLE_RATE)
        self.show(self.masker.decide(self.now))

    def end(self) -> list[str]:
        """End the call, and return all lines as they are shown then."""
        self.show(self.masker.decide(None))
        return [text for _, text in self.lines]

    def show(self, shown: Sequence[Any]) -> None:
        for event in shown:
            who, text = self.lines[event.utterance]
            assert who is event.speaker
            self.lines[event.utterance] = who, event.apply(text)

    @property
    def texts(self) -> Iterator[str]:
        """The words of each speaker, and of both."""
        for speaker in Speaker:
            yield " ".join(text for who, text in self.lines if who is speaker)
        yield " ".join(text for _, text in self.lines)


def play(exchange: dict[str, Any], secret: str) -> tuple[int, list[str]]:
    """Return how many secret digits can ever be read in a row, and the lines at the end."""
    screen, most, rng = Screen(), 0, Random(1)
    for number, turn in enumerate(exchange["turns"]):
        start = screen.now + round(turn["after_s"] * SAMPLE_RATE)
        screen.say(turn["speaker"], "", after_s=turn["after_s"], whole=False)
        for text in [*partials(turn["text"], rng), turn["text"]]:
            screen.go_on(number, text, start, whole=text == turn["text"])
            most = max(most, *(longest(secret, shown) for shown in screen.texts))
    lines = screen.end()
    return max(most, *(longest(secret, shown) for shown in screen.texts)), lines


@pytest.mark.parametrize("exchange", REPORTED, ids=lambda exchange: exchange["name"])
def test_reported_exchanges_show_no_card_and_every_other_number(exchange: dict[str, Any]) -> None:
    asked = "card number" in exchange["turns"][0]["text"]
    secret = exchange["number"] if asked else exchange["number"][ALLOWED:]
    if exchange["kind"] == "keep":
        assert play(exchange, "x")[1] == [turn["text"] for turn in exchange["turns"]]
    elif exchange["kind"] == "cvv":
        assert play(exchange, exchange["number"])[0] < len(exchange["number"])
    else:
        assert play(exchange, secret)[0] < RUN


def test_of_made_exchanges_hardly_a_card_is_shown_and_hardly_a_number_hidden() -> None:
    """The whole measure is `scripts.bench.number_masking`; this is a short form of it."""
    leaks, cards, hidden, turns = 0, 0, 0, 0
    for exchange in map(dict, exchanges(150, 5)):
        if exchange["kind"] == "card":
            cards += 1
            leaks += play(exchange, str(exchange["number"])[ALLOWED:])[0] >= RUN
        elif exchange["kind"] == "keep":
            said = [turn["text"] for turn in exchange["turns"]]  # type: ignore[attr-defined]
            shown = play(exchange, "x")[1]
            numbers = [i for i, text in enumerate(said) if read(text)]
            turns += len(numbers)
            hidden += sum(HIDDEN_DIGIT in shown[i] for i in numbers)
    assert cards > 60
    assert leaks <= 0.03 * cards
    assert hidden <= 0.08 * turns


def test_after_a_card_was_asked_for_nothing_of_it_is_shown_then_or_later() -> None:
    screen = Screen()
    screen.say("agent", "could you read me the card number please")
    assert screen.say("customer", "4539 it's a bit worn 1488") == "#### it's a bit worn ####"
    assert screen.say("agent", "4539 1488 go on") == "#### #### go on"
    screen.wait(400)
    assert screen.end()[1:] == ["#### it's a bit worn ####", "#### #### go on"]


def test_digits_of_no_card_are_shown_when_none_has_followed_for_a_while() -> None:
    screen = Screen()
    said = "it is 555 123 4567 on the wall"
    assert screen.say("customer", said) == "it is 555 ### #### on the wall"
    screen.wait(119)
    assert screen.lines[0][1] == "it is 555 ### #### on the wall"
    screen.wait(2)
    assert screen.lines[0][1] == said
    assert screen.say("customer", said) == said  # they are known now
    assert screen.end() == [said, said]


def test_partial_words_show_no_digits_before_it_is_known_what_they_are() -> None:
    screen = Screen()
    assert screen.say("customer", "it is 739", whole=False) == "it is ###"
    start = screen.now - SAMPLE_RATE
    assert screen.go_on(0, "it is 739 on the back", start, whole=True) == "it is ### on the back"
    assert screen.say("customer", "in 2019", whole=False) == "in 2019"


@pytest.mark.parametrize("said", ["4539 hang on 0123 1530", "4539 hang on 1530", "4539 2019 1984"])
def test_once_four_digits_are_undecided_no_more_are_shown_as_times_or_years(said: str) -> None:
    screen = Screen()
    assert sum(map(str.isdecimal, screen.say("customer", said))) == SHOWN_DIGITS
    screen.say("customer", "0343 6467 9 that is it")
    assert sum(map(str.isdecimal, "".join(screen.end()))) == SHOWN_DIGITS


def test_the_work_for_an_utterance_does_not_grow_with_the_call() -> None:
    """Function calls are counted, not time; the chain stays open for the whole call."""
    screen, calls = Screen(), [0]

    def count(*_: object) -> None:
        calls[-1] += 1

    for _ in range(3 * MAX_UTTERANCES):
        calls.append(0)
        sys.setprofile(count)
        try:
            screen.say("customer", "4539 well you see 1488 I was saying 45 and 12 to him")
        finally:
            sys.setprofile(None)
    assert max(calls[2 * MAX_UTTERANCES :]) <= 1.1 * max(calls[MAX_UTTERANCES : 2 * MAX_UTTERANCES])
    assert max(calls[2 * MAX_UTTERANCES :]) <= 5 * max(calls[:3])


def test_an_utterance_that_comes_after_many_later_ones_is_still_masked() -> None:
    masker = DigitMasker(ENGLISH.numbers)
    for number in range(1, MAX_UTTERANCES + 1):
        at = 10 * number * SAMPLE_RATE
        masker.add(Speaker.CUSTOMER, number, ["739"], at, at + SAMPLE_RATE, complete=True)
    masker.add(Speaker.AGENT, 0, ["4539"], SAMPLE_RATE, 2 * SAMPLE_RATE, complete=True)
    assert masker.masked(Speaker.AGENT, 0) == ["453#"]


GROUPS = st.sampled_from([(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 3, 3, 3), (4, 4, 4, 4, 3), (16,)])
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BETWEEN = st.sampled_from(["", "uh", "okay", "no, sorry", "then", "hang on", "my dog is barking"])


@st.composite
def cards(draw: st.DrawFn) -> list[list[str]]:
    """Return the words of a card number in groups."""
    groups = []
    for i, size in enumerate(draw(GROUPS)):
        figures = draw(st.lists(st.integers(0, 9), min_size=size, max_size=size))
        figures[0] = draw(st.integers(3, 6)) if i == 0 else figures[0]
        how = draw(st.sampled_from(["figures", "single", "words"]))
        texts = [NAMES[d] if how == "words" else str(d) for d in figures]
        groups.append(["".join(texts)] if how == "figures" else texts)
    return groups


@given(cards(), st.lists(BETWEEN, min_size=5, max_size=5), st.sets(st.integers(0, 30)))
def test_a_card_number_is_hidden_whatever_stands_between_its_groups_and_however_it_is_cut(
    groups: list[list[str]], between: list[str], cuts: set[int]
) -> None:
    said = [w for group, b in zip(groups, between, strict=False) for w in [*group, *b.split()]]
    screen = Screen()
    at = sorted({0, len(said), *(c for c in cuts if c < len(said))})
    figures = "".join(str(NAMES.index(w)) if w in NAMES else w for g in groups for w in g)
    six = [figures[i : i + 6] for i in range(len(figures) - 5)]
    assume(len({*six}) == len(six))  # what is said twice counts once
    assume(not any(re.fullmatch("(19|20)..", "".join(g)) for g in groups))  # years in a sentence
    for i, j in itertools.pairwise(at):
        assume(said[i] != "one" or j == i + 1)  # "one moment"
        screen.say("customer", " ".join(said[i:j]))
    shown = read(" ".join(screen.end()))
    shown = re.sub("19..|20..", "", shown)  # in a sentence it may be a year
    assert max(map(len, shown.split(HIDDEN_DIGIT))) < RUN


ODD_WORDS = """four one double eleven uh and okay is for $5 3rd card number visa cvv pounds in at of
hundred thousand ones may order the # ## x # 4539148803436467 \u0664\u0665"""
WORDS = st.lists(
    st.one_of(
        st.from_regex(r"[$]?[0-9]{1,6}([.,:/][0-9]{1,4})?[.,]?", fullmatch=True),
        st.sampled_from(ODD_WORDS.split()),
        st.text(max_size=4).filter(lambda text: text.strip() and not re.search(r"\s", text)),
    ),
    max_size=25,
)


@given(st.lists(st.tuples(st.sampled_from(list(Speaker)), WORDS, st.booleans()), max_size=6))
def test_only_digits_change_and_those_of_a_finished_word_only_from_hidden_to_shown(
    said: list[tuple[Speaker, list[str], bool]],
) -> None:
    masker, lines = DigitMasker(ENGLISH.numbers), list[list[str]]()
    for number, (speaker, words, whole) in enumerate(said):
        at = number * SAMPLE_RATE * 3
        masker.add(speaker, number, words, at, at + SAMPLE_RATE, complete=whole)
        lines.append(masker.masked(speaker, number))
        assert len(lines[-1]) == len(words)
        for word, shown in zip(words, lines[-1], strict=True):
            assert shown == word or HIDDEN_DIGIT in shown
    for event in masker.decide(None):
        _, words, whole = said[event.utterance]
        before = lines[event.utterance][event.index]
        assert whole
        assert event.text.count(HIDDEN_DIGIT) < before.count(HIDDEN_DIGIT)
        assert event.text == words[event.index] or HIDDEN_DIGIT in event.text
    assert masker.decide(None) == []


@given(WORDS)
def test_masking_what_is_masked_changes_nothing(words: list[str]) -> None:
    screen = Screen()
    once = screen.say("customer", " ".join(words))
    again = Screen().say("customer", once)
    assert again.count(HIDDEN_DIGIT) >= once.count(HIDDEN_DIGIT)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        # What is left of a card number said in pieces, when the transcriber has lost the rest.
        (["four five three nine", "8 8 6"], ["# # # #", "# # #"]),
        (["4539", "so 886 then"], ["453#", "so ### then"]),
        # One utterance, fewer digits, and sentences are none.
        (["886 4539"], ["886 4539"]),
        (["453", "886"], ["453", "886"]),
        (
            ["we had 4539 of those in the box", "8 8 6"],
            ["we had 4539 of those in the box", "8 8 6"],
        ),
    ],
)
def test_several_utterances_of_little_but_digits_are_a_card_number(
    said: list[str], shown: list[str]
) -> None:
    screen = Screen()
    for text in said:
        screen.say("customer", text)
    seen = screen.end()
    assert [text.count(HIDDEN_DIGIT) > 0 for text in seen] == ["#" in text for text in shown]


def test_who_speaks_of_a_card_answers_no_question_for_another_number() -> None:
    screen = Screen()
    screen.say("agent", "what's your order number")
    assert screen.say("customer", "my card number is 4539 1488") == "my card number is #### ####"


def test_a_code_is_hidden_after_the_date_of_expiry_and_however_it_is_written() -> None:
    screen = Screen()
    screen.say("agent", "expiry date and CVC")
    assert screen.say("customer", "it's 04 27 and $2.06") == "it's ## ## and $#.##"
    screen.say("agent", "and the security code again")
    assert screen.say("customer", "19-7") == "##-#"


def test_letters_before_a_card_number_make_no_other_number_of_it() -> None:
    screen = Screen()
    screen.say("agent", "could you read me the sixteen digits on the front")
    said = "is53 - no.275 - '95499' - 2and - 66th - 546"
    assert not any(map(str.isdecimal, screen.say("customer", said)))


def test_a_year_in_a_sentence_is_shown_though_other_digits_are_undecided() -> None:
    screen = Screen()
    screen.say("customer", "that's 2451 8836")
    said = "and my car is a Hyundai and it says 2018"
    assert screen.say("customer", said) == said
    assert screen.say("customer", "and 1988") == "and ####"


JUST_LATE = 1 / SAMPLE_RATE
CARD, ASKED, OPEN = "c I have my visa here | ", "a card number please | ", "c it is 6104 | "
CODE = "a the security code please | "
SIXTEEN, HIDDEN = "4539 1488 0343 6467", "#### #### #### ####"


def w(count: int) -> str:
    """Return other words."""
    return " ".join(["w"] * count)


AT_ONCE: dict[str, list[tuple[str, str, str]]] = {
    "chain": [
        ("c it is 7390 dog", "it is 739# dog", "three digits are shown"),
        ("c it is $73,902.84 dog", "it is $73,902.8# dog", "six of an amount"),
        ("c~ it is 739 a b c d e", "it is 739 a b c d e", "five words follow"),
        ("c~ it is 739 a b c d", "it is ### a b c d", "four"),
        ("c~ it is 7 a", "it is 7 a", "one digit alone"),
        ("c 73 | c 9 dog", "9 dog", "the third digit"),
        ("c 739 | a 0284", "####", "the other speaker goes on"),
        ("c 7390 | a so 739", "so 739", "what was shown is said again"),
        ("c 7390 | a so 390", "so 39#", "what was hidden stays so in it"),
        ("c+0.5 7390 | c+120 2846", "####", "after 120 seconds"),
        (f"c+0.5 7390 | c+{120 + JUST_LATE} 2846", "284#", "later"),
        (OPEN + f"c {w(4)} 7 dog", f"{w(4)} # dog", "four words before one digit"),
        (OPEN + f"c {w(5)} 7 dog", f"{w(5)} 7 dog", "five"),
        (OPEN + f"c {w(25)} 73 dog", f"{w(25)} ## dog", "25 words before two"),
        (OPEN + f"c {w(26)} 73 dog", f"{w(26)} 73 dog", "26"),
        (OPEN + f"c {w(60)} 739 dog", f"{w(60)} ### dog", "any number of words before three"),
        (OPEN + f"a {w(9)} | c 7 dog", "# dog", "words of the other speaker"),
        ("c 7390284651 | " + f"c {w(26)} 73 dog", f"{w(26)} ## dog", "ten digits, then two"),
        (f"c 7390284651 | c {w(5)} 7 dog", f"{w(5)} 7 dog", "ten, then one"),
        ("c 739028465 | " + f"c {w(26)} 73 dog", f"{w(26)} 73 dog", "nine"),
        (f"c 7390284651637 | a {w(4)} | c 2 dog", "# dog", "13 digits and four words"),
        (f"c 7390284651637 | a {w(5)} | c 2 dog", "2 dog", "five"),
        (f"c 739028465163 | a {w(5)} | c 2 dog", "# dog", "twelve digits"),
        ("a 18 dog | c 7390284651 it", "739####### it", "ten digits after a small number"),
        ("a 18 dog | c 739028465 it", "7######## it", "nine"),
        ("c 18 dog | c 7390284651 it", "7######### it", "after their own"),
        ("a $18.20 dog | c 7390284651 it", "739####### it", "ten after an amount"),
        ("a $18.20 dog | c 739028465163 it", "############ it", "twelve"),
        ("a $18.20 dog | c 739028465 it", "######### it", "nine"),
        ("c 7390284651 | a $18.20", "$18.20", "an amount after ten digits"),
        ("c 739028465163 | a $18.20", "$##.##", "after twelve"),
        ("c 739 dog 0284651 | a $18.20", "$##.##", "after ten in two groups"),
        ("c $18.20 dog 7390284651 it", "$18.20 dog ########## it", "in one utterance"),
    ],
    "mentioned": [
        (CARD + "c 7390 dog", "#### dog", "no digit is shown"),
        (CARD + "c 7 dog", "7 dog", "but one alone"),
        ("c I have my visa here | c+120 7390", "####", "after 120 seconds"),
        (f"c I have my visa here | c+{120 + JUST_LATE} 7390", "739#", "later"),
        (CARD + "c+110 73 dog | c+115 90 dog", "## dog", "its digits hold it open"),
        (CARD + f"c 6104 | c {w(30)} 7 dog", f"{w(30)} # dog", "30 words between"),
        (CARD + f"c 6104 | c {w(31)} 7 dog", f"{w(31)} 7 dog", "31"),
        (CARD + f"c 6104 | a {w(16)} | c {w(15)} 7 dog", f"{w(15)} 7 dog", "of both speakers"),
        ("c a gift card | c 7390 dog", "739# dog", "another card"),
        ("c my gift card 7390 dog", "my gift card 739# dog", "another card is announced"),
    ],
    "asked for": [
        (ASKED + "c 7 dog", "# dog", "not one digit is shown"),
        ("a card number please | c+150 7390", "####", "after 150 seconds"),
        (f"a card number please | c+{150 + JUST_LATE} 7390", "739#", "later"),
        (ASKED + "c+140 73 dog | c+140 90 dog", "## dog", "two digits hold it open"),
        (ASKED + "c+140 7 dog | c+140 9 dog", "9 dog", "one does not"),
        (ASKED + "c it was in 2019", "it was in 2019", "ordinary numbers are shown"),
        (ASKED + "c my order number is 739028", "my order number is 739028", "and named ones"),
        (ASKED + "c 4539 | a 4539 go on", "#### go on", "the agent repeats it"),
        (f"a the long number | c 6104 | c {w(31)} 7", f"{w(31)} #", "many words between"),
        (ASKED + "c 4539 | a 1488", "####", "the agent goes on"),
        (ASKED + "c 4539 no sorry 4538", "#### no sorry ####", "they correct themselves"),
        (ASKED + f"c four five three nine {SIXTEEN}", f"# # # # {HIDDEN}", "in words"),
    ],
    "security code": [
        ("c security code 7390", "security code ####", "four digits"),
        ("c security code 7 w 3 w 9 w 0 w 2", "security code # w # w # w # w 2", "a fifth"),
        (f"c cvv {w(20)} 739", f"cvv {w(20)} ###", "twenty words between"),
        (f"c cvv {w(21)} 739", f"cvv {w(21)} 739", "21"),
        ("c cvv 7 w w 39", "cvv # w w ##", "two words within"),
        ("c cvv 7 w w w 39", "cvv # w w w 39", "three"),
        (f"c 739 {w(6)} cvv", f"### {w(6)} cvv", "six words to its name after it"),
        (f"c 739 {w(7)} cvv", f"739 {w(7)} cvv", "seven"),
        ("c 73 cvv", "73 cvv", "two digits are none"),
        ("c 73902 cvv", "739## cvv", "five neither"),
        ("c order number 739 cvv", "order number 739 cvv", "nor what is called something else"),
        ("a the security code please | c+120 739", "###", "after 120 seconds"),
        (f"a the security code please | c+{120 + JUST_LATE} 739", "739", "later"),
        (CODE + f"c {w(50)} 739", f"{w(50)} ###", "other words of who was asked"),
        (CODE + f"a {w(21)} 739", f"{w(21)} 739", "of who asked"),
        (CODE + f"a {w(20)} 739", f"{w(20)} ###", "fewer"),
        ("c in 2019 cvv", "in #### cvv", "what looks like a year"),
        (CODE + "c order number is 739", "order number is 739", "called something else"),
        (CODE + "c 739 | a so 739", "so ###", "it is repeated"),
        (CODE + "c 739 | c+400 739 dog", "### dog", "much later, too"),
        (CODE + "c 73 | c+400 73 dog", "73 dog", "two digits are not remembered"),
        (CODE + "c 73 dog | c 9 dog", "# dog", "in two utterances"),
        (CODE + "c 739 dog | c 20 dog", "20 dog", "three are a whole one"),
        (CODE + "c 07/28 and 045", "07/28 and ###", "an expiry date is none"),
        (CODE + "c 5 pounds and 045", "5 pounds and ###", "nor an ordinary number"),
        (OPEN + "c cvv 739 dog 2846", "cvv ### dog ####", "it may be more of a card number"),
    ],
}

AT_THE_END: dict[str, list[tuple[str, str, str]]] = {
    "chain": [
        ("c it is 73902846516", "it is 73902846516", "eleven digits"),
        ("c it is 739028465163", "it is 739#########", "twelve"),
        ("c 4539 dog | c 1488 dog | c 0343 6467", "453# dog | #### dog | #### ####", "pieces"),
        ("c 4539 dog | a 1488 dog | c 0343 6467", "453# dog | #### dog | #### ####", "of both"),
        ("c 7390 w w w w | c+121 2846 w w w w", "7390 w w w w | 2846 w w w w", "two chains"),
        ("c~ it is 7390", "it is ####", "an utterance without its end"),
    ],
    "mentioned": [
        ("c my visa | c 739028 dog", "my visa | 739028 dog", "six digits"),
        ("c my visa | c 7390284 dog", "my visa | ####### dog", "seven"),
        ("c 7390284 dog | c+44 my visa", "739#### dog | my visa", "mentioned after it"),
        ("c 7390284 dog | c+45 my visa", "7390284 dog | my visa", "later"),
        ("c my visa was w 7390 dog", "my visa was w #### dog", "announced"),
        ("c my visa w w w 7390 dog", "my visa w w w #### dog", "three words between"),
        ("c my visa w w w w 7390 dog", "my visa w w w w 7390 dog", "four"),
    ],
    "asked for": [
        ("a card number | c 739 dog", "card number | ### dog", "three digits"),
        ("a card number | c 73 dog", "card number | 73 dog", "two are none of it"),
        ("c 739 dog | a card number", "739 dog | card number", "what was shown stays"),
        ("c 7390 dog | a card number", "739# dog | card number", "after digits"),
        ("c 73 dog | a card number", "73 dog | card number", "after two"),
        ("a card number | c 4539 | c+149 739 dog", "card number | #### | ### dog", "it goes on"),
    ],
}  # fmt: skip


def cases(tables: dict[str, list[tuple[str, str, str]]]) -> list[Any]:
    return [
        pytest.param(script, expected, id=f"{kind}: {why}")
        for kind, rows in tables.items()
        for script, expected, why in rows
    ]


@pytest.mark.parametrize(("script", "expected"), cases(AT_ONCE))
def test_what_is_shown_at_once(script: str, expected: str) -> None:
    assert Screen().hear(script) == expected


@pytest.mark.parametrize(("script", "expected"), cases(AT_THE_END))
def test_what_is_shown_when_the_call_has_ended(script: str, expected: str) -> None:
    screen = Screen()
    screen.hear(script)
    assert " | ".join(screen.end()) == expected


def test_a_chain_ends_after_120_seconds_without_a_digit() -> None:
    screen = Screen()
    screen.hear("c it is 7390")
    screen.wait(120 - JUST_LATE)
    assert screen.lines[0][1] == "it is 739#"
    screen.wait(JUST_LATE)
    assert screen.lines[0][1] == "it is 7390"


@pytest.mark.parametrize(("later", "expected"), [(63, "it is 7390"), (64, "it is 739#")])
def test_the_words_of_64_utterances_are_kept_for_an_open_chain(later: int, expected: str) -> None:
    screen = Screen()
    screen.hear("c it is 7390")
    for _ in range(later):
        screen.say("agent", "well", after_s=0.1)
    assert screen.end()[0] == expected


def test_utterances_are_judged_in_the_order_in_which_they_began() -> None:
    masker = DigitMasker(ENGLISH.numbers)
    masker.add(Speaker.CUSTOMER, 1, ["7390"], 5 * SAMPLE_RATE, 6 * SAMPLE_RATE, complete=True)
    assert masker.masked(Speaker.CUSTOMER, 1) == ["739#"]
    masker.add(Speaker.AGENT, 0, ["card", "number"], SAMPLE_RATE, 2 * SAMPLE_RATE, complete=True)
    assert masker.masked(Speaker.CUSTOMER, 1) == ["####"]
    with pytest.raises(KeyError, match="utterance 1 of the agent is not kept"):
        masker.masked(Speaker.AGENT, 1)


def test_what_was_shown_is_not_shown_twice_though_words_come_that_began_before() -> None:
    masker, pause = DigitMasker(ENGLISH.numbers), 120 * SAMPLE_RATE
    masker.add(Speaker.CUSTOMER, 0, ["7390"], 0, SAMPLE_RATE, complete=True)
    masker.masked(Speaker.CUSTOMER, 0)
    shown = masker.decide(SAMPLE_RATE + pause)
    assert [(event.at, event.text) for event in shown] == [(SAMPLE_RATE + pause, "7390")]
    masker.add(Speaker.CUSTOMER, 1, ["28"], pause, 3 * pause, complete=True)
    assert masker.masked(Speaker.CUSTOMER, 1) == ["##"]
    assert [(event.at, event.utterance) for event in masker.decide(None)] == [(3 * pause, 1)]


def test_words_that_were_replaced_count_for_nothing() -> None:
    screen = Screen()
    screen.hear("c~ it is 7390284651637")
    screen.go_on(0, "so 73", SAMPLE_RATE, whole=True)
    assert screen.end() == ["so 73"]


def test_words_whose_digits_are_decided_are_not_kept() -> None:
    screen = Screen()
    screen.hear("c it is 7390 | c+121 so")
    with pytest.raises(KeyError):
        screen.masker.masked(Speaker.CUSTOMER, 0)


def test_a_number_word_is_shown_again_in_its_own_letters() -> None:
    screen = Screen()
    screen.hear("c it is forty-one, twelve and double four")
    assert screen.lines[0][1] == "it is forty-one, ## and # #"
    assert screen.end() == ["it is forty-one, twelve and double four"]


@pytest.mark.parametrize(("other", "shown"), [("12", "12"), ("123", "###")])
def test_near_a_card_an_amount_explains_one_or_two_digits_after_it(other: str, shown: str) -> None:
    screen = Screen()
    screen.say("agent", "I can see your debit card here")
    said = screen.say("customer", f"it was 25 pounds rather than {other} now")
    assert said == f"it was 25 pounds rather than {shown} now"


def test_who_asks_for_the_card_asks_for_its_number() -> None:
    screen = Screen()
    screen.say("agent", "good afternoon, can I have your card please")
    screen.say("customer", "two eight one three")
    assert screen.end()[1] == "# # # #"


@pytest.mark.parametrize(("card", "hidden"), [("gift cards", False), ("gift cardinal card", True)])
def test_what_is_no_payment_card_is_known_by_whole_words(card: str, hidden: bool) -> None:
    screen = Screen()
    screen.say("customer", f"about my {card}")
    assert ("####" in screen.say("customer", "8841 it says")) is hidden

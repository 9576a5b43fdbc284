"""A language is one object: its tables, what it makes of a call, and what there is without it."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.scoring import conversations
from voicecoach.coaching.cues import BUILT_IN_CUES, built_in_cues, language_notice, translate_cues
from voicecoach.coaching.signal_catalogue import PHRASE_SIGNALS
from voicecoach.coaching.thresholds import cue_thresholds
from voicecoach.config import Config, override_config
from voicecoach.engine import Engine
from voicecoach.errors import ConfigError, InputError, PluginError
from voicecoach.language.pack import Language, load_language
from voicecoach.language.tables import TABLE_NAMES
from voicecoach.package_data import package_file
from voicecoach.scoring.scorer import Scorer
from voicecoach.scoring.techniques import TECHNIQUES
from voicecoach.shell.asr.answering import ReplayAsr
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.results.writer import score_log
from voicecoach.shell.runtime import languages
from voicecoach.shell.runtime.languages import find_language, find_numbers
from voicecoach.shell.runtime.user_files import configured_cues
from voicecoach.testing import (
    ENGLISH,
    cut_blocks,
    failed_examples,
    make_engine,
    silence,
    stereo,
    syllables,
    wavering,
)
from voicecoach.text_safety.card_masking import DigitMasker
from voicecoach.text_safety.spoken_numbers import DIGITS_ALONE, HIDDEN_DIGIT, NumberWords
from voicecoach.types.events import CueOpened, Degraded, DialogueAct, Event, Utterance
from voicecoach.types.stream import F32, SAMPLE_RATE, Speaker
from voicecoach.views.summary import Summarizer

FOLDER = Path(__file__).parent / "german"
FILES = {name: (FOLDER / f"{name}.toml").read_bytes() for name in TABLE_NAMES}
GERMAN = load_language("de", FILES, "german")
NOTHING = Language("de")
RULES = built_in_cues()
CARD = "vier eins eins eins eins eins eins eins eins eins eins eins eins eins eins eins"


class Speaks:
    """A transcriber that hears the same words of each speaker, spread over 4 s."""

    def __init__(self, text: str) -> None:
        self._words = text.split()

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        count = min(len(self._words), round(len(audio) / SAMPLE_RATE / 4 * len(self._words)))
        begun = len(f"{context} {prefix}".split())
        step = len(audio) / SAMPLE_RATE / max(count, 1)
        words = enumerate(self._words[:count])
        return [TranscribedWord(w, i * step, (i + 1) * step, 0.9) for i, w in words if i >= begun]

    def restart(self) -> None:
        """Nothing is kept."""


def say(speaker: Speaker, text: str, language: Language) -> tuple[list[Event], Engine]:
    """Return the events of a call in which one speaker says a text, and the engine after it."""
    spoken = np.concatenate([silence(1), wavering(syllables(220, 4, 4)), silence(4)])
    sound = stereo(spoken, silence(9)) if speaker is Speaker.AGENT else stereo(silence(9), spoken)
    rules = translate_cues(RULES, language)
    listener = make_engine(language=language, rules=rules, transcribe=True)
    asr = ReplayAsr([Speaks(text)], Config().transcription, language.numbers)
    try:
        return list(run_engine(cut_blocks(sound), listener, asr)), listener
    finally:
        asr.close()


def opened(events: list[Event]) -> dict[str, CueOpened]:
    """Return the cues that opened, by id."""
    return {event.id: event for event in events if isinstance(event, CueOpened)}


def score_notes(events: list[Event], language: Language) -> tuple[list[str], dict[str, str]]:
    """Return the notes of a score card, and the formula of each technique."""
    scorer = Scorer("call", cue_thresholds(RULES), language)
    for event in events:
        scorer.add_event(event)
    card = scorer.finish()
    return card.notes, {t.id: t.formula for t in card.techniques}


# --- a language that has tables -------------------------------------------------------------------


def test_a_language_brings_the_phrases_and_the_texts_of_cues() -> None:
    assert not GERMAN.missing
    assert not language_notice(GERMAN, RULES)
    events, _ = say(Speaker.AGENT, "Jetzt beruhigen Sie sich doch bitte endlich einmal.", GERMAN)
    (act,) = [event for event in events if isinstance(event, DialogueAct)]
    assert (act.kind, act.text, act.instead) == (
        "hard", "beruhigen sie sich", "Ich höre Ihnen zu.",
    )  # fmt: skip
    assert not any(isinstance(event, Degraded) for event in events)
    shown = opened(events)["soften"]
    assert shown.title == "Freundlicher"
    assert shown.message == '"beruhigen sie sich" schlägt eine Tür zu. Sagen Sie, was geht.'
    assert shown.say == "Ich höre Ihnen zu."


def test_examples_that_fail_are_listed() -> None:
    assert failed_examples(GERMAN) == []
    assert failed_examples(NOTHING) == []
    text = FILES["dialogue_acts"].decode()
    for old, new in (
        ('"Entschuldigung!"', '"Verzeihung!"'),
        ('"Nicht Entschuldigung', '"Entschuldigung'),
        ("meine waschmaschine", "meine kaffeemaschine"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    wrong = load_language("de", {**FILES, "dialogue_acts": text.encode()}, "german")
    assert [text.split(":")[0] for text in failed_examples(wrong)] == [
        "agent.apology", "agent.apology", "agent.paraphrase",
    ]  # fmt: skip


def test_what_is_not_translated_stays_as_it_is_built_in() -> None:
    translated = {cue.id: cue for cue in translate_cues(RULES, GERMAN)}
    for cue in RULES:
        other = translated[cue.id]
        assert (cue.rule, cue.priority, cue.heeded) == (other.rule, other.priority, other.heeded)
        assert (cue.title == other.title) is (cue.id not in GERMAN.texts)
    assert translate_cues(RULES, ENGLISH) == RULES
    assert translate_cues(RULES, NOTHING) == RULES


def test_a_customers_words_count_towards_agitation() -> None:
    said = "Das ist eine Frechheit und ich gehe zum Anwalt wenn das so weiter geht hier."
    in_german, in_nothing = (
        [e.evidence for e in say(Speaker.CUSTOMER, said, language)[0] if hasattr(e, "evidence")]
        for language in (GERMAN, NOTHING)
    )
    assert any("frechheit" in text for evidence in in_german for text in evidence)
    assert not any("frechheit" in text for evidence in in_nothing for text in evidence)


def masked(said: str, numbers: NumberWords) -> list[str]:
    masker = DigitMasker(numbers)
    masker.add(Speaker.CUSTOMER, 1, said.split(), 0, SAMPLE_RATE, complete=True)
    return masker.masked(Speaker.CUSTOMER, 1)


def test_number_words_hide_a_card() -> None:
    shown = masked(f"meine Karte {CARD} ja", GERMAN.numbers)
    assert shown[:2] == ["meine", "Karte"]
    assert set(shown[2:-1]) == {HIDDEN_DIGIT}
    code = masked("die Prüfnummer ist eins zwei drei", GERMAN.numbers)
    assert code[-3:] == [HIDDEN_DIGIT] * 3
    assert masked(CARD, DIGITS_ALONE) == CARD.split()
    written = masked("meine visa 4111 1111 1111 1111", DIGITS_ALONE)
    assert written[2:] == ["####"] * 4


def test_the_model_of_wording_judges_only_a_language_that_says_so() -> None:
    assert GERMAN.wording
    assert ENGLISH.wording
    assert not GERMAN.wording.subjects
    assert ENGLISH.wording.subjects.keys() == {"hostile", "desperate"}


def test_a_defence_is_blaming_by_the_languages_own_words() -> None:
    from voicecoach.scoring.replies import is_blaming

    assert is_blaming("das haben Sie kaputt gemacht", GERMAN)
    assert not is_blaming("das haben Sie kaputt gemacht", ENGLISH)
    assert not is_blaming("das ist nicht meine Schuld", GERMAN)


# --- a language that has none ---------------------------------------------------------------------


def test_without_phrases_words_are_shown_and_cues_that_need_them_are_withheld() -> None:
    events, listener = say(Speaker.AGENT, "Jetzt beruhigen Sie sich doch bitte endlich.", NOTHING)
    assert any("beruhigen" in event.text for event in events if isinstance(event, Utterance))
    assert not any(isinstance(event, DialogueAct) for event in events)
    assert not opened(events)
    assert all(np.isnan(listener.signals[name]) for name in PHRASE_SIGNALS)
    (told,) = [event for event in events if isinstance(event, Degraded)]
    assert events[0] == told
    assert (told.at, told.stage) == (0, "language")
    assert told.reason == language_notice(NOTHING, RULES)
    summary = Summarizer("call")
    for event in events:
        summary.add_event(event)
    assert f"language: {told.reason}" in summary.finish().notes


def test_the_notice_counts_the_cues_that_no_rule_of_can_hold() -> None:
    withheld = [cue.id for cue in RULES if cue.needs_phrases()]
    assert withheld == [
        *("acknowledge", "set-a-limit", "give-them-a-moment", "soften", "do-not-defend"),
        *("apologise", "enough-sorry", "ask-or-confirm", "offer-a-way-forward"),
        *("set-expectations", "recap"),
    ]
    assert language_notice(NOTHING, RULES) == (
        "no phrases for 'de': 11 of 18 cues withheld, the customer's words do not count towards "
        "their agitation, card numbers are hidden only where they are written in digits"
    )
    numbers_alone = GERMAN._replace(dialogue_acts=None, wording=None)
    assert language_notice(numbers_alone, RULES) == (
        "no phrases for 'de': 11 of 18 cues withheld, the customer's words do not count towards "
        "their agitation"
    )
    assert language_notice(GERMAN._replace(numbers=DIGITS_ALONE), RULES) == (
        "no number words for 'de': card numbers are hidden only where they are written in digits"
    )
    assert not language_notice(ENGLISH, RULES)


def test_where_no_words_are_wanted_nothing_is_said_of_the_language() -> None:
    listener = make_engine(language=NOTHING)
    events = [
        event
        for block in cut_blocks(stereo(silence(1), silence(1)))
        for event in listener.process(block)
    ]
    assert not any(isinstance(event, Degraded) for event in events)


def test_the_score_card_gives_no_score_for_what_needs_phrases_and_says_why() -> None:
    told = conversations.events(
        [
            conversations.c("My boiler is broken and there is water everywhere in my kitchen."),
            conversations.a("That's not my fault. I'll call you back."),
        ]
    )
    why = "no phrases for 'de'"
    notes, formulas = score_notes(
        [event for event in told if not isinstance(event, DialogueAct)], NOTHING
    )
    assert notes[0] == f"{why}: techniques that need them are not scored"
    for practice in TECHNIQUES:
        assert (f"not known, {why}" in formulas[practice.id]) is bool(practice.words), practice.id
    # From the log alone: its header names the language.
    assert score_log("call", {"language": "de"}, told).notes[0] == notes[0]
    assert score_log("call", {}, told).notes == score_notes(told, ENGLISH)[0]
    notes, formulas = score_notes(told, ENGLISH)
    assert not any("no phrases" in text for text in (*notes, *formulas.values()))


def test_a_call_goes_on_in_its_own_language_alone() -> None:
    state = make_engine(language=GERMAN, transcribe=True).state()
    make_engine(language=GERMAN, transcribe=True).restore(state)
    with pytest.raises(InputError, match="another language"):
        make_engine(transcribe=True).restore(state)


# --- tables that are wrong ------------------------------------------------------------------------


def changed(name: str, old: str, new: str) -> dict[str, bytes]:
    """Return the files with something in one of them put in place of something else."""
    text = FILES[name].decode()
    assert text.count(old) == 1, text.count(old)
    return {**FILES, name: text.replace(old, new).encode()}


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            changed("phrases", 'negation = ["nicht"', 'negation = [3'),
            "xx/phrases.toml: negation[0]: Expected `str`, got `int`",
        ),
        (changed("phrases", "fillers", "filler"), "xx/phrases.toml: Object contains unknown field"),
        (changed("phrases", 'common = ["aber"', 'common = ["!"'), "xx/phrases.toml: '!'"),
        (
            changed("dialogue_acts", "[agent.recap]", "[agent.summary]"),
            "xx/dialogue_acts.toml: agent.summary: the agent has no dialogue act of that name",
        ),
        (
            changed("dialogue_acts", "[agent.recap]\nphrases", "[agent.recap]\nphrase"),
            "xx/dialogue_acts.toml: agent.recap: Object contains unknown field `phrase`",
        ),
        (
            changed("dialogue_acts", '[agent.recap]\nphrases = ["ich fasse zusammen"]\n', ""),
            "xx/dialogue_acts.toml: agent.recap: it has no phrases",
        ),
        (
            changed("dialogue_acts", "ihren <stelle>", "ihren <amt>"),
            "xx/dialogue_acts.toml: customer.demand: 'ihren <amt> sprechen': no set <amt>",
        ),
        (changed("dialogue_acts", 'supportive = ["ja"', 'supportive = ["ja'), "line 1"),
        (
            changed("wording", "threat", "threats"),
            "xx/wording.toml: Object contains unknown field `threats`",
        ),
        (changed("numbers", "cards", "card"), "xx/numbers.toml: Object contains unknown field"),
        (changed("texts", "[soften]\ntitle", "[soften]\nheading"), "xx/texts.toml:"),
        (
            {name: data for name, data in FILES.items() if name != "phrases"},
            "xx: dialogue_acts.toml and wording.toml need phrases.toml",
        ),
        ({**FILES, "moves": b""}, "xx/moves.toml: a language has phrases, dialogue_acts"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_file_and_key(files: dict[str, bytes], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_language("xx", files, "xx")
    assert says in str(error.value)
    assert str(error.value).startswith("xx")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[soften]", "[softer]", "unknown cue 'softer'"),
        ("{trouble_said}", "{trouble_told}", "cue 'apologise'"),
    ],
)
def test_a_text_that_cannot_be_shown_is_refused(old: str, new: str, says: str) -> None:
    language = load_language("de", changed("texts", old, new), "german")
    with pytest.raises(ConfigError, match="language de/texts.toml") as error:
        translate_cues(RULES, language)
    assert says in str(error.value)


def test_each_file_may_be_left_out() -> None:
    assert load_language("de", {}, "german").missing == ["phrases", "wording", "number words"]
    some = load_language("de", {name: FILES[name] for name in ("phrases", "wording")}, "german")
    assert some.missing == ["phrases", "number words"]


# --- where they come from -------------------------------------------------------------------------


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder in which packages are installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    forget = (find_language, find_numbers)
    for cached in forget:
        cached.cache_clear()
    yield tmp_path
    for cached in forget:
        cached.cache_clear()
    for name in ("german_phrases",):
        sys.modules.pop(name, None)


def install(packages: Path, code: str, source: str = "") -> None:
    """Install a package that brings the German tables under a code."""
    package, facts = packages / "german_phrases", packages / "german_phrases-1.2.dist-info"
    shutil.copytree(FOLDER, package)
    (package / "__init__.py").write_text(source)
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: german-phrases\nVersion: 1.2\n")
    (facts / "entry_points.txt").write_text(
        f"[{languages.LANGUAGES_GROUP}]\n{code} = german_phrases\n"
    )


def test_a_package_may_bring_a_language(packages: Path) -> None:
    install(packages, "de")
    language = find_language("de")
    assert not language.missing
    assert language.texts == GERMAN.texts
    assert find_numbers("de").units == GERMAN.numbers.units
    assert find_language("de") is language


def test_built_in_rules_are_in_the_configured_language_and_rules_of_ones_own_as_written(
    packages: Path,
) -> None:
    install(packages, "de")
    german = override_config(Config(), "transcription.language", "de")
    titles = {cue.id: cue.title for cue in configured_cues(german)}
    assert titles["soften"] == "Freundlicher"
    own = packages / "own.toml"
    own.write_bytes(BUILT_IN_CUES.data)
    assert configured_cues(override_config(german, "cues.file", str(own))) == RULES
    assert configured_cues(Config()) == RULES


def test_a_package_cannot_replace_a_language_that_ships(packages: Path) -> None:
    install(packages, "en")
    assert "soften" not in find_language("en").texts


def test_a_package_that_fails_is_named(packages: Path) -> None:
    install(packages, "de", "raise RuntimeError('no luck')")
    with pytest.raises(PluginError, match=r"package german-phrases 1\.2 .*no luck"):
        find_language("de")


@pytest.mark.parametrize("code", ["xx", "..", "EN", "", "dsp"])
def test_a_language_that_is_nowhere_has_nothing(code: str) -> None:
    assert find_language(code) == Language(code)
    assert find_numbers(code) is DIGITS_ALONE


def test_a_code_of_a_language_is_two_or_three_letters() -> None:
    for code in ("de", "yue"):
        assert override_config(Config(), "transcription.language", code)
    for code in ("d", "DE", "de-AT", "../x"):
        with pytest.raises(ConfigError, match=r"transcription\.language"):
            override_config(Config(), "transcription.language", code)


ORDINARY = {
    "cow", "disgrace", "donkey", "dope", "dummy", "joke", "monkey", "monkeys", "nobody", "parasite",
    "parasites", "parrot", "robot",
}  # fmt: skip
"""Words that are an insult only within a phrase."""


def test_a_word_that_is_an_insult_counts_only_where_both_recognisers_heard_it() -> None:
    acts = tomllib.loads(package_file("language/en", "dialogue_acts.toml").data.decode())
    insults = {word for word in acts["sets"]["insult"] if " " not in word}
    assert insults - ORDINARY - find_language("en").offensive == set()

"""Staged calls: what the truth says is where the sound is, and the words come as they are asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from scripts.bench import cues
from scripts.staging import stage_call, voices
from scripts.staging.scripted_words import ToldAsr
from scripts.staging.stage_call import Staged, load, stage, takes
from scripts.staging.truth import Said, Span, Truth, Who, read
from scripts.support.corpora import DATA, TELEPHONE_RATE, Samples
from voicecoach import config
from voicecoach.testing import make_cue
from voicecoach.types.events import Event, TranscribeRequest
from voicecoach.types.stream import SAMPLE_RATE, Speaker, Transcript

A, C = Speaker.AGENT, Speaker.CUSTOMER
NAMES: tuple[Who, ...] = ("agent", "customer")
SETTINGS = config.TranscriptionConfig()
TURNS = """
about = "A short call."
[[turn]]
says = "Hello, how can I help you?"
[[turn]]
id = "told"
who = "customer"
emotion = ["neutral", "angry"]
gap_s = 0.5
backchannels = ["mm-hmm"]
says = "I would like to know where my parcel is, it was meant to be here last week."
[[turn]]
play = "silence"
seconds = 2.0
[[turn]]
id = "over"
gap_s = 0.0
says = "You must wait for it, there is nothing to be done. It comes when it comes."
[[expect]]
cue = "soften"
turn = "over"
words = "you must"
[[expect]]
cue = "slow-down"
turn = "over"
evidence_s = 2.0
"""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two made voices with two clips of each emotion."""
    folder = tmp_path_factory.mktemp("clips")
    rows = ["path,speaker,emotion"]
    for f0, speaker in ((110.0, "low"), (190.0, "high")):
        for emotion, factor in (("neutral", 1.0), ("angry", 1.5)):
            for take in range(2):
                name = f"{speaker}-{emotion}-{take}.wav"
                vowel = voices.vowel(voices.pulses(f0 * factor, 1.2, seed=take).samples)
                pad = np.zeros(SAMPLE_RATE // 2)
                soundfile.write(folder / name, np.concatenate([pad, vowel, pad]), SAMPLE_RATE)
                rows.append(f"{name},{speaker},{emotion}")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return folder


@dataclass
class Stager:
    """Stages texts."""

    folder: Path
    clips: Path

    def __call__(self, line: str = "", seed: int = 1, turns: str = TURNS) -> Staged:
        path = self.folder / "call.toml"
        path.write_text(turns + (f"[line]\n{line}\n" if line else ""), "utf-8")
        return stage(load(path), "call", takes(self.clips), seed)


@pytest.fixture
def staged(tmp_path: Path, clips: Path) -> Stager:
    return Stager(tmp_path, clips)


def spoken(call: Staged, row: int, who: str) -> Samples:
    """Return the samples of a channel while one, and not the other, speaks by the truth."""
    mine, theirs = (np.zeros(len(call.samples), bool) for _ in range(2))
    for part in call.truth.part:
        for start, end in part.speech_s:
            span = slice(round(start * TELEPHONE_RATE), round(end * TELEPHONE_RATE))
            (mine if part.who == who else theirs)[span] = True
    return np.asarray(call.samples[mine & ~theirs, row])


def rms_db(x: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(x)) + 1e-12))


def test_the_recording_is_a_telephone_s_and_the_truth_lies_beside(
    staged: Stager, tmp_path: Path
) -> None:
    call = staged()
    path = stage_call.save(call, tmp_path)
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype) == (8000, 2, "ULAW")
    assert info.duration == pytest.approx(call.truth.seconds, abs=0.001)
    assert read(path.with_suffix(".truth.toml"), Truth) == call.truth


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_call(
    staged: Stager, tmp_path: Path
) -> None:
    once, again = (stage_call.save(staged(), tmp_path / name) for name in ("a", "b"))
    assert once.read_bytes() == again.read_bytes()
    other = stage_call.save(staged(seed=2), tmp_path)
    assert other.read_bytes() != once.read_bytes()
    assert staged(seed=2).truth.cast.keys() == {"agent", "customer"}


def test_there_is_sound_where_the_truth_says_and_nowhere_else(staged: Stager) -> None:
    call = staged()
    for row, who in enumerate(NAMES):
        silent = np.ones(len(call.samples), bool)
        for part in call.truth.part:
            for start, end in part.speech_s:
                if part.who == who:
                    a, b = round(start * TELEPHONE_RATE), round(end * TELEPHONE_RATE)
                    assert rms_db(call.samples[a:b, row]) > call.truth.levels_dbfs[NAMES[row]] - 10
                    silent[a : b + 200] = False
        assert rms_db(call.samples[silent, row]) < call.truth.levels_dbfs[NAMES[row]] - 25


def test_words_lie_in_their_turn_s_speech_and_cues_are_told_from_them(staged: Stager) -> None:
    truth = staged().truth
    turn = next(p for p in truth.part if p.id == "over")
    said = [w for w in truth.word if w.who == "agent" and w.start_s >= turn.start_s]
    assert " ".join(w.text for w in said).startswith("You must wait for it,")
    for word in truth.word:
        inside = [s for p in truth.part if p.who == word.who for s in p.speech_s]
        assert any(a - 0.01 <= word.start_s < word.end_s <= b + 0.01 for a, b in inside), word
    soften, slow = truth.span
    assert (soften.begins_s, soften.evidence_s) == (said[0].start_s, said[1].end_s)
    heard = sum(max(0.0, min(b, slow.evidence_s) - a) for a, b in turn.speech_s)
    assert heard == pytest.approx(2.0, abs=0.01)
    silence = next(p for p in truth.part if p.kind == "silence")
    assert turn.start_s == pytest.approx(silence.end_s, abs=0.002)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("[[turn]]\nsay = 'hi'", "say"),
        ("[[turn]]\nid = 'x'", "turn 1 (x): it needs `says` or `seconds`"),
        ("[[turn]]\nsays = 'hi'\nrate = 9.0", "rate"),
        ("[[turn]]\nseconds = 1.0\nplay = 'trumpet'", "turn 1: there is nothing to play"),
        ("[[turn]]\nsays = 'hi'\n[[expect]]\ncue = 'soften'\nturn = 'x'", "no turn 'x'"),
        (
            "[[turn]]\nid = 'x'\nsays = 'hi'\n[[expect]]\ncue = 'c'\nturn = 'x'\nwords = 'ho'",
            "turn 'x' does not say 'ho'",
        ),
        ("[[turn]]\nseconds = 1.0\nheard = 'hi'", "it has `heard`, but not `says`"),
        ("", "it has no turns"),
    ],
)
def test_what_is_wrong_with_a_scenario_is_said(wrong: str, said: str, staged: Stager) -> None:
    with pytest.raises(SystemExit, match="call.toml") as caught:
        staged(turns=f"about = 'wrong'\n{wrong}\n")
    assert said in str(caught.value)


def test_each_fault_does_what_it_says(staged: Stager) -> None:
    plain = staged().samples
    swapped = staged("fault = 'swap'")
    np.testing.assert_array_equal(swapped.samples, plain[:, ::-1])
    assert swapped.truth.heard == {"agent": ("customer",), "customer": ("agent",)}
    mono = staged("fault = 'mono'").samples
    np.testing.assert_array_equal(mono[:, 0], mono[:, 1])
    dead = staged("fault = 'dead'\nwho = 'customer'")
    assert not dead.samples[:, 1].any()
    assert [d.who for d in dead.truth.distrust] == ["customer"]
    clipped = staged("fault = 'clip'").samples
    assert np.mean(np.abs(clipped[:, 0]) >= 0.999) > 0.001
    bleed = staged("fault = 'bleed'\nbleed_db = -6.0\nfrom_s = 3.0")
    first = 3 * TELEPHONE_RATE
    np.testing.assert_array_equal(bleed.samples[:first], plain[:first])
    own, other = (rms_db(spoken(bleed, row, "agent")[first:]) for row in (0, 1))
    assert own - other == pytest.approx(6.0, abs=1.0)


def test_a_slow_clock_moves_the_customer_by_and_by(staged: Stager) -> None:
    plain, slow = staged().truth, staged("fault = 'drift'\ndrift_ppm = 20000.0").truth
    before = [w for w in plain.word if w.who == "customer"][-1]
    after = [w for w in slow.word if w.who == "customer"][-1]
    assert after.end_s == pytest.approx(before.end_s * 1.02, abs=0.01)
    assert [w for w in plain.word if w.who == "agent"] == [w for w in slow.word if w.who == "agent"]
    call = staged("fault = 'drift'\ndrift_ppm = 20000.0")
    assert rms_db(spoken(call, 1, "customer")) > call.truth.levels_dbfs["customer"] - 10


def test_a_delay_moves_answers_by_the_way_there_and_back(staged: Stager) -> None:
    def gap_s(truth: Truth) -> float:
        first, second, *_ = truth.part
        return second.start_s - first.end_s

    assert gap_s(staged().truth) == pytest.approx(0.5, abs=0.002)
    assert gap_s(staged("delay_s = 0.15").truth) == pytest.approx(0.8, abs=0.002)


# --- words ----------------------------------------------------------------------------------

TEXT = (
    "Well, I have told you before that the number seven bus is late, and you said no no no, "
    "it is not."
)
HEARD = "I have told you for that a number 7 buses late. And oh, you said no no no, it's not."


def told(heard: str = TEXT) -> ToldAsr:
    """Return a recogniser of which `TEXT` is heard as something else."""
    words = tuple(
        Said("customer", word, 1.0 + 0.4 * i, 1.35 + 0.4 * i) for i, word in enumerate(TEXT.split())
    )
    truth = Truth(
        name="told",
        seconds=words[-1].end_s + 1.0,
        word=words,
        heard_word=tuple(stage_call.as_heard(words, heard)),
    )
    return ToldAsr(truth, SETTINGS)


def ask(
    asr: ToldAsr, start_s: float, end_s: float, known: Sequence[str] = (), *, careful: bool = False
) -> list[str]:
    """Return the words that answer a request of the one utterance."""
    request = TranscribeRequest(
        at=round(end_s * SAMPLE_RATE),
        speaker=C,
        utterance=1,
        start=round(start_s * SAMPLE_RATE),
        end=round(end_s * SAMPLE_RATE),
        careful=careful,
        first=len(known),
        prefix=" ".join(known[-4:]),
        context=" ".join(known[:-4]),
    )
    asr.submit(request)
    (answer,) = asr.poll(None)
    assert isinstance(answer, Transcript)
    return [word.text for word in answer.words]


def test_the_words_are_those_that_were_heard_and_wrong_ones_are_less_sure() -> None:
    asr = told(HEARD)
    assert " ".join(ask(asr, 0.8, 30.0, careful=True)) == HEARD
    right = {word.strip(",.").lower() for word in TEXT.split()}
    for word, _ in asr._words[C]:
        low, high = (0.7, 0.99) if word.text.strip(",.").lower() in right else (0.3, 0.8)
        assert low <= word.probability <= high, word


def test_heard_words_have_the_times_of_those_that_they_stand_for() -> None:
    texts = ("A", "b,", "c", "d", "e.")
    said = [Said("agent", text, float(i), i + 0.9) for i, text in enumerate(texts)]

    def times(heard: str) -> dict[str, tuple[float, float]]:
        words = stage_call.as_heard(said, heard)
        assert {word.who for word in words} <= {"agent"}
        return {word.text: (word.start_s, word.end_s) for word in words}

    assert list(times("a B C, D e").values()) == [word[2:] for word in said]
    assert times("a e") == {"a": (0.0, 0.9), "e": (4.0, 4.9)}
    assert times("a bc d e")["bc"] == (1.0, 2.9)
    assert times("a b x y z d e") == {
        **times("a b d e"),
        "x": (2.0, 2.3),
        "y": (2.3, 2.6),
        "z": (2.6, 2.9),
    }
    assert (
        times("x a b y c d e z").items()
        >= {"x": (0.0, 0.0), "y": (1.9, 1.9), "z": (4.9, 4.9)}.items()
    )
    assert times("") == {}


def test_a_turn_is_heard_as_its_scenario_says_or_else_perfectly(staged: Stager) -> None:
    truth = staged().truth
    assert truth.heard_word == truth.word
    wrong = TURNS.replace(
        'says = "Hello, how can I help you?"',
        """says = "Hello, how can I help you?"
heard = "Hello, how can I kelp?\"""",
    )
    heard = staged(turns=wrong).truth
    assert heard.word == truth.word
    assert [w.text for w in heard.heard_word[:5]] == ["Hello,", "how", "can", "I", "kelp?"]
    assert heard.heard_word[5:] == truth.word[6:]
    slow = staged("fault = 'drift'\ndrift_ppm = 20000.0", turns=wrong).truth
    assert slow.heard_word[5:] == slow.word[6:]
    deaf = staged(turns=wrong.replace("Hello, how can I kelp?", "")).truth
    assert deaf.heard_word == truth.word[6:]


def test_any_cut_of_requests_gives_the_same_words() -> None:
    asr = told(HEARD)
    whole = ask(asr, 0.8, 30.0, careful=True)
    for step in (0.4, 0.7, 1.9):
        asr = told(HEARD)
        known: list[str] = []
        end = 0.8
        while end < 11.0:
            end += step
            start = 0.8 if len(known) <= 4 else 1.0 + 0.3 * (len(known) - 4)
            known += ask(asr, start, end, known)
        known += ask(asr, 0.8, 30.0, known, careful=True)
        assert known == whole


def test_a_word_that_has_just_ended_is_often_not_heard_yet() -> None:
    asr = told()
    words = TEXT.split()
    heard = [len(ask(asr, 0.8, 1.35 + 0.4 * i + 0.05)) - 1 == i for i in range(len(words))]
    assert 0.1 < np.mean(heard) < 0.8
    assert len(ask(asr, 0.8, 1.35 + 0.4 * 5 + 0.16)) == 6


def test_answers_come_after_the_delay_of_a_replay() -> None:
    asr = told()
    request = TranscribeRequest(
        at=32_000, speaker=C, utterance=1, start=0, end=32_000, careful=False
    )
    asr.submit(request)
    arrival = 32_000 + round(SETTINGS.replay_delay_s * SAMPLE_RATE)
    assert asr.poll(arrival - 1) == []
    (answer,) = asr.poll(arrival)
    assert answer.at == arrival


def test_on_a_bleeding_channel_the_other_s_words_are_heard_too(staged: Stager) -> None:
    call = staged().truth

    def heard(fault: stage_call.Fault, speaker: Speaker, from_s: float = 0.0) -> str:
        line = stage_call.Line(fault=fault, who="customer")
        truth = msgspec.structs.replace(call, heard=stage_call.heard(line), fault_from_s=from_s)
        words = ToldAsr(truth, SETTINGS)._words[speaker]
        return " ".join(word.text for word, _ in words)

    assert "parcel" not in heard("", A)
    assert "parcel" in heard("bleed", A)
    assert "Hello," in heard("bleed", C)
    assert "parcel" not in heard("bleed", A, 30.0)
    assert "parcel" in heard("swap", A)
    assert "Hello," not in heard("swap", A)
    assert heard("dead", C) == ""


# --- the bench ------------------------------------------------------------------------------


def opened(cue: str, at_s: float) -> Event:
    return make_cue(round(at_s * SAMPLE_RATE), cue, held_s=1.0)


def test_hits_misses_and_wrong_cues_are_told_apart() -> None:
    truth = Truth(
        name="x",
        seconds=100.0,
        span=(
            Span(cue="soften", verdict="due", begins_s=10.0, evidence_s=12.0, until_s=20.0),
            Span(cue="recap", verdict="due", begins_s=50.0, evidence_s=52.0, until_s=60.0),
            Span(cue="slow-down", verdict="allowed", begins_s=30.0, evidence_s=30.0, until_s=40.0),
        ),
    )
    events = [
        opened("soften", 13.0),
        opened("soften", 15.0),
        opened("slow-down", 31.0),
        opened("recap", 61.0),
    ]
    result = cues.judge(truth, 1, events)
    assert [s.verdict for s in result.shown] == ["hit", "allowed", "allowed", "wrong"]
    assert result.shown[0].late_s == 1.0
    assert [m.span.cue for m in result.missed] == ["recap"]


@pytest.mark.parametrize("path", sorted(cues.SCENARIOS.glob("*.toml")), ids=lambda p: p.stem)
def test_the_scenarios_are_valid(path: Path) -> None:
    if not DATA.exists():
        pytest.skip("shared reference data is not here")
    scenario = load(path)
    assert scenario.quiet == (not [e for e in scenario.expect if e.verdict == "due"])


def test_the_real_calls_truths_are_valid() -> None:
    found = sorted((cues.SCENARIOS / "real").glob("*.toml"))
    assert len(found) == 2
    assert all(msgspec.structs.asdict(read(path, Truth))["audio"] for path in found)

"""The agent's delivery, the formula over it, and what is kept as usual."""

import io
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import voicecoach.estimates.calmness as calmness_module
from tests.commands.test_command_line import left, log, voicecoach
from tests.shell.runtime.test_audio_files import write
from voicecoach import config
from voicecoach.coaching.cues import built_in_cues
from voicecoach.dsp.functionals import DESCRIPTORS, STATISTICS, Functionals
from voicecoach.errors import ConfigError
from voicecoach.estimates import baseline
from voicecoach.estimates.baseline import BASELINE_SIGNALS, AgentBaseline, SignalBaseline
from voicecoach.estimates.calmness import (
    CALMNESS_AT_BASELINE,
    CALMNESS_TERMS,
    calmness,
    calmness_formula,
    notable_words,
)
from voicecoach.estimates.delivery import DeliveryMeter
from voicecoach.shell.results import baseline_file
from voicecoach.shell.results.replay_one import CallSetup, ReplayResult, replay_call
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import resource
from voicecoach.shell.views.console import TerminalView
from voicecoach.testing import process_all, silence, stereo, syllables
from voicecoach.types.events import (
    Backchannel,
    Delivery,
    Event,
    Overlap,
    SpeechEnded,
    SpeechStarted,
)
from voicecoach.types.stream import F32, SAMPLE_RATE, Speaker
from voicecoach.views import event_log
from voicecoach.views.summary import Summarizer, summary_markdown

A, C = Speaker.AGENT, Speaker.CUSTOMER
NAN = float("nan")
S = SAMPLE_RATE
STEP = S // 8


@dataclass
class Voice:
    """A way of speaking, to be heard for some time."""

    level: float = -25.0
    f0: float = 30.0
    f0_range: float = 4.0
    rate: float = 4.5

    def window(self, at: int, speech_s: float = 3.0) -> Functionals:
        statistics = np.full((len(DESCRIPTORS), len(STATISTICS)), NAN)
        for name, statistic, value in (
            ("f0_semitones", "median", self.f0),
            ("f0_semitones", "range", self.f0_range),
            ("level_dbfs", "median", self.level),
        ):
            statistics[DESCRIPTORS.index(name), STATISTICS.index(statistic)] = value
        start = at - round(speech_s * S)
        return Functionals(start, at, speech_s, 0.7, self.rate, statistics=statistics)


PLAIN = Voice()
PRESSED = Voice(level=-19.0, f0=33.0, f0_range=7.0, rate=6.0)


def meter(profile: str = "standard", kept_usual: AgentBaseline | None = None) -> DeliveryMeter:
    privacy = config.PrivacyConfig(profile=profile)  # type: ignore[arg-type]
    return DeliveryMeter(config.DeliveryConfig(), privacy, kept_usual)


def measure(m: DeliveryMeter, voice: Voice, s: float, at: int = 0) -> tuple[Delivery, int]:
    for _ in range(round(s * 8)):
        at += STEP
        measured = m.measure_delivery(at, voice.window(at))
    return measured, at


def talk(m: DeliveryMeter, turns: list[tuple[Speaker, float, float]]) -> None:
    """Let both speak, from and to so many seconds; whoever comes in later overlaps."""
    events: list[Event] = []
    ticks: list[int] = []
    for speaker, start, end in turns:
        events.append(SpeechStarted(at=s(start + 0.1), speaker=speaker, start=s(start)))
        events.append(SpeechEnded(at=s(end + 0.4), speaker=speaker, start=s(start), end=s(end)))
        ticks += range(s(start + 0.1), s(end), STEP) if speaker is A else []
    for at in sorted({*ticks, *(e.at for e in events)}):
        for e in events:
            if e.at == at:
                m.add_speech_event(e)
        if at in ticks:
            m.measure_delivery(at, PLAIN.window(at))


def s(seconds: float) -> int:
    return round(seconds * S)


# --- the formula --------------------------------------------------------------------------


def event(**fields: float | None) -> Delivery:
    """Return a measurement that is as usual but for `fields`."""
    known: dict[str, Any] = {
        "rate_syl_s": 4.5,
        "baseline_rate_syl_s": 4.5,
        "level_db": 0.0,
        "f0_semitones": 0.0,
        "f0_range_semitones": 0.0,
        "overlaps_per_min": 0.5,
        "baseline_overlaps_per_min": 0.5,
        "reply_gap_s": 0.8,
        "baseline_reply_gap_s": 0.8,
        "talk_share": 0.45,
        "baseline_talk_share": 0.45,
    }
    return Delivery(at=S, speaker=A, start=0, end=S, **{**known, **fields})


def composite(measured: Delivery) -> float:
    value = calmness(measured)
    assert value is not None
    return value


LESS_CALM = {  # the signal, and the sign of its change that is no calmer
    "rate_syl_s": 1,
    "level_db": 1,
    "f0_semitones": 1,
    "f0_range_semitones": 1,
    "overlaps_per_min": 1,
    "reply_gap_s": -1,
    "talk_share": 1,
}
unknown = st.none()
measurements = st.fixed_dictionaries(
    {
        "rate_syl_s": unknown | st.floats(0.0, 15.0),
        "baseline_rate_syl_s": unknown | st.floats(0.0, 10.0),
        "level_db": unknown | st.floats(-60, 60),
        "f0_semitones": unknown | st.floats(-40, 40),
        "f0_range_semitones": unknown | st.floats(-30, 30),
        "overlaps_per_min": unknown | st.floats(0, 30),
        "baseline_overlaps_per_min": unknown | st.floats(0, 30),
        "reply_gap_s": unknown | st.floats(0, 5),
        "baseline_reply_gap_s": unknown | st.floats(0, 5),
        "talk_share": unknown | st.floats(0, 1),
        "baseline_talk_share": unknown | st.floats(0, 1),
    }
)


@given(measurements)
def test_calmness_is_within_0_and_1(fields: dict[str, float | None]) -> None:
    value = calmness(event(**fields))
    assert value is None or 0.0 <= value <= 1.0


@given(measurements, st.sampled_from(sorted(LESS_CALM)), st.floats(0.0, 20.0))
def test_calmness_is_monotone_in_each_signal(
    fields: dict[str, float | None], name: str, by: float
) -> None:
    x = fields[name]
    base = calmness(event(**fields))
    if x is None or base is None:
        return
    moved = composite(event(**{**fields, name: x + LESS_CALM[name] * by}))
    assert moved <= base


@pytest.mark.parametrize("name", LESS_CALM)
def test_every_signal_counts(name: str) -> None:
    x = getattr(event(), name)
    worse, better = (composite(event(**{name: x + way * LESS_CALM[name] * 0.2})) for way in (1, -1))
    assert worse < CALMNESS_AT_BASELINE < better


def test_as_usual_is_three_quarters_and_nothing_known_is_nothing() -> None:
    assert calmness(event()) == CALMNESS_AT_BASELINE == 0.75
    nothing = dict.fromkeys((*LESS_CALM, *(f"baseline_{n}" for n in ("reply_gap_s",))))
    assert calmness(event(**nothing)) is None
    assert calmness(event(**{**nothing, "level_db": 0.0})) == CALMNESS_AT_BASELINE


def test_calmness_by_the_documented_formula() -> None:
    measured = event(rate_syl_s=5.4, level_db=3.0, f0_semitones=2.0)
    assert calmness(measured) == pytest.approx(0.75 - 0.12 - 0.1 - 0.1)
    measured = event(f0_range_semitones=2.0, overlaps_per_min=1.5, talk_share=0.65)
    assert calmness(measured) == pytest.approx(0.75 - 0.05 - 0.1 - 0.1)
    assert calmness(event(reply_gap_s=0.3)) == pytest.approx(0.75 - 0.1)


@given(st.floats(0.0, 3.8))
def test_slower_and_slower_is_not_calmer_and_calmer(rate: float) -> None:
    assert composite(event(rate_syl_s=rate)) == pytest.approx(0.84)


def test_the_gain_of_each_signal_is_limited() -> None:
    for name, sign in LESS_CALM.items():
        least = composite(event(**{name: getattr(event(), name) - sign * 1000.0}))
        assert least <= CALMNESS_AT_BASELINE + 0.1 + 1e-9


def test_the_formula_is_the_one_in_the_docs() -> None:
    lines = [line.strip() for line in (calmness_module.__doc__ or "").splitlines()]
    docs = (Path(__file__).parents[2] / "docs" / "event-log.md").read_text("utf-8")
    assert calmness_formula() in docs
    for line in calmness_formula().splitlines():
        assert line.strip() in lines


def test_words_are_of_measurement_and_said_of_what_is_notable() -> None:
    assert notable_words(event()) == []
    assert notable_words(event(rate_syl_s=5.7, level_db=4.0)) == ["fast", "loud"]
    assert notable_words(event(overlaps_per_min=3.0)) == ["overlapping"]
    assert notable_words(event(rate_syl_s=1.0, level_db=-20.0)) == []


# --- the measurement ----------------------------------------------------------------------


def test_there_is_no_usual_before_the_warmup() -> None:
    m = meter()
    measured, at = measure(m, PLAIN, 4.0)
    assert measured.rate_syl_s == 4.5
    assert measured.baseline_rate_syl_s is None
    assert measured.calmness is None
    measured, _ = measure(m, PLAIN, 6.0, at)
    assert measured.baseline_rate_syl_s == pytest.approx(4.5)
    assert measured.calmness == pytest.approx(CALMNESS_AT_BASELINE)


def test_delivery_is_measured_against_the_agents_own_usual() -> None:
    m = meter()
    _, at = measure(m, PLAIN, 60.0)
    measured, _ = measure(m, PRESSED, 2.0, at)
    assert measured.level_db == pytest.approx(6.0, abs=0.5)
    assert measured.f0_semitones == pytest.approx(3.0, abs=0.3)
    assert measured.f0_range_semitones == pytest.approx(3.0, abs=0.3)
    assert measured.baseline_rate_syl_s == pytest.approx(4.5, abs=0.1)
    assert composite(measured) < 0.4
    assert notable_words(measured) == ["fast", "loud", "high", "wide"]


def test_what_is_not_known_is_null_and_not_nothing() -> None:
    silent = Voice(NAN, NAN, NAN, NAN)
    measured, _ = measure(meter(), silent, 20.0)
    assert {getattr(measured, f) for f in LESS_CALM} == {None}
    assert measured.calmness is None
    alone, _ = measure(meter(), PLAIN, 200.0)
    assert (alone.talk_share, alone.overlaps_per_min, alone.reply_gap_s) == (None, None, None)


def newest(m: DeliveryMeter) -> Delivery:
    assert m.newest
    return m.newest


def test_the_share_of_talk_is_of_the_last_three_minutes() -> None:
    m = meter()
    talk(m, [(C, 0, 30), (A, 31, 41)])
    assert newest(m).talk_share == pytest.approx(0.25, abs=0.01)
    turns = [(A, 50.0 + 20 * i, 65.0 + 20 * i) for i in range(14)]
    talk(m, [t for a in turns for t in (a, (C, a[2] + 1, a[2] + 4))])
    assert newest(m).talk_share == pytest.approx(15 / 18, abs=0.02)
    assert newest(m).baseline_talk_share == pytest.approx(15 / 18, abs=0.15)


def test_the_reply_gap_is_the_median_of_the_last_replies() -> None:
    m = meter()
    gaps = [0.2, 0.4, 3.0, 0.6, 0.8, 1.0]
    turns: list[tuple[Speaker, float, float]] = []
    for i, gap in enumerate(gaps):
        turns += [(C, 20.0 * i, 20.0 * i + 5), (A, 20 * i + 5 + gap, 20 * i + 10 + gap)]
    for count, expected in ((2, None), (3, 0.4), (5, 0.6), (6, 0.8)):
        m = meter()
        talk(m, turns[: 2 * count])
        assert newest(m).reply_gap_s == (expected and pytest.approx(expected, abs=0.001))
    assert newest(m).baseline_reply_gap_s is not None


@pytest.mark.parametrize(
    "no_reply",
    [
        [(A, 5.3, 5.7), (C, 6.1, 9.0)],  # "mm-hm" in a pause
        [(A, 12.0, 15.0)],  # after a wait
        [(A, 4.0, 8.0)],  # over them
        [],
    ],
)
def test_what_is_no_reply_has_no_gap(no_reply: list[tuple[Speaker, float, float]]) -> None:
    m = meter()
    turns: list[tuple[Speaker, float, float]] = []
    for i in range(8):
        turns += [(w, b + 30 * i, e + 30 * i) for w, b, e in [(C, 0.0, 5.0), *no_reply]]
    talk(m, [*turns, (A, 250.0, 251.5), (A, 252, 258)])
    assert newest(m).reply_gap_s is None


def test_a_reply_in_two_pieces_is_one_from_its_first() -> None:
    m = meter()
    for i in range(4):
        talk(
            m, [(C, 20 * i, 20 * i + 5), (A, 20 * i + 5.5, 20 * i + 6), (A, 20 * i + 7, 20 * i + 9)]
        )
    assert newest(m).reply_gap_s == pytest.approx(0.5)


def overlap(at: float, by: Speaker = A, length: float = 1.0, backchannel: bool = False) -> Overlap:
    return Overlap(at=s(at), by=by, start=s(at - length), end=s(at), backchannel=backchannel)


def test_overlaps_count_and_backchannels_do_not() -> None:
    m = meter()
    talk(m, [(C, 0, 40)])
    others = [
        overlap(61, C),
        overlap(62, backchannel=True),
        overlap(63, length=0.3),
        Backchannel(at=s(64), speaker=A, start=s(63), end=s(64)),
    ]
    for other in others:
        m.add_speech_event(other)
    assert m.measure_delivery(s(90), PLAIN.window(s(90))).overlaps_per_min == 0.0
    m.add_speech_event(overlap(91))
    m.add_speech_event(overlap(95))
    assert m.measure_delivery(s(120), PLAIN.window(s(120))).overlaps_per_min == pytest.approx(1.0)
    assert m.measure_delivery(s(250), PLAIN.window(s(250))).overlaps_per_min == pytest.approx(2 / 3)
    assert m.measure_delivery(s(280), PLAIN.window(s(280))).overlaps_per_min == 0.0


def test_minutes_on_hold_teach_nothing() -> None:
    m = meter()
    for i in range(4):
        talk(m, [(C, 30 * i, 30 * i + 15), (A, 30 * i + 16, 30 * i + 26)])
    _, at = measure(m, PLAIN, 1.0, s(1000))
    assert m.baseline().signals["talk_share"].count == 2
    assert at > s(1000)


# --- the engine ---------------------------------------------------------------------------


def call() -> F32:
    """Return 80 s of two who take turns, one of which is a turn over the other's."""
    agent, customer = [], []
    for i in range(8):
        customer += [syllables(220, 4, 4), silence(6.0)]
        start = 4.5 if i % 4 else 2.0
        agent += [silence(start), syllables(140, 4 + i % 3, 4), silence(6.0 - start)]
    return stereo(np.concatenate(agent), np.concatenate(customer))


def test_the_staged_call_measures_interaction() -> None:
    measured = [e for e in process_all(call()) if isinstance(e, Delivery)][-1]
    assert measured.reply_gap_s == pytest.approx(0.5, abs=0.1)
    assert measured.overlaps_per_min == pytest.approx(2 / (measured.at / S / 60), abs=0.01)
    assert measured.talk_share == pytest.approx(0.5, abs=0.05)


@settings(max_examples=3)
@given(st.lists(st.integers(1, 16), min_size=1, max_size=5))
def test_any_block_split_measures_the_same(sizes: list[int]) -> None:
    assert process_all(call(), sizes) == process_all(call())


# --- what is kept -------------------------------------------------------------------------


def learnt(
    voice: Voice = PLAIN, s: float = 60.0, kept_usual: AgentBaseline | None = None
) -> AgentBaseline:
    m = meter(kept_usual=kept_usual)
    measure(m, voice, s)
    return m.baseline()


def test_what_is_learnt_is_the_mean_of_the_call() -> None:
    m = meter()
    _, at = measure(m, PLAIN, 60.0)
    measure(m, PRESSED, 60.0, at)
    known = m.baseline()
    assert known.calls == 1
    assert known.signals["rate_syl_s"].mean == pytest.approx(5.25, abs=0.01)
    assert known.signals["rate_syl_s"].spread == pytest.approx(0.75, abs=0.01)
    assert known.signals["rate_syl_s"].count == pytest.approx(120.0)
    assert known.signals["f0_range_semitones"].mean == pytest.approx(5.5, abs=0.01)
    assert "reply_gap_s" not in known.signals


def test_a_kept_usual_serves_from_the_first_second_but_for_the_level() -> None:
    measured, at = measure(meter(kept_usual=learnt()), PRESSED, 1.0)
    assert measured.baseline_rate_syl_s == pytest.approx(4.5, abs=0.05)
    assert measured.f0_semitones == pytest.approx(3.0, abs=0.1)
    assert measured.level_db is None
    assert composite(measured) < CALMNESS_AT_BASELINE
    assert at < s(8.0)


def test_a_kept_usual_gives_way_slowly() -> None:
    m = meter(kept_usual=learnt(s=3000.0))
    measured, at = measure(m, PRESSED, 60.0)
    assert measured.baseline_rate_syl_s == pytest.approx(4.5, abs=0.25)
    measured, _ = measure(m, PRESSED, 1800.0, at)
    assert measured.baseline_rate_syl_s == pytest.approx(6.0, abs=0.2)


@pytest.mark.parametrize("gain", [-20.0, 15.0])
def test_the_level_of_a_new_microphone_is_forgotten_quickly(gain: float) -> None:
    other = Voice(level=PLAIN.level + gain)
    m = meter(kept_usual=learnt(s=3000.0))
    measured, at = measure(m, other, 20.0)
    assert measured.level_db is not None
    assert abs(measured.level_db) < 3.0
    measured, _ = measure(m, other, 40.0, at)
    assert measured.level_db is not None
    assert abs(measured.level_db) < 1.0


def test_old_calls_are_forgotten_little_by_little() -> None:
    known = learnt(s=180.0)
    means = []
    for _ in range(60):
        known = learnt(PRESSED, 180.0, known)
        means.append(known.signals["rate_syl_s"].mean)
    assert means == sorted(means)
    assert means[0] == pytest.approx(5.25)  # two calls so far: the second is half
    assert known.calls == 61
    assert means[-1] > 5.9
    bad = learnt(PLAIN, 180.0, known).signals["rate_syl_s"].mean
    assert means[-1] - bad == pytest.approx(1.5 / 20, abs=0.02)


def test_a_call_without_the_agent_teaches_nothing() -> None:
    known = learnt()
    assert meter(kept_usual=known).baseline() is known


def test_a_kept_usual_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a" / "baseline.json"
    assert baseline_file.read_baseline(path) is None
    known = learnt(PRESSED)
    baseline_file.write_baseline(path, known)
    again = baseline_file.read_baseline(path)
    assert again
    assert again.calls == 1
    assert again.signals.keys() == known.signals.keys()
    for name, value in known.signals.items():
        assert again.signals[name].mean == pytest.approx(value.mean, abs=1e-4)
    baseline_file.write_baseline(path, again)
    assert baseline_file.read_baseline(path) == again
    assert left(tmp_path) == ["a", "a/baseline.json"]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


names = st.sampled_from(sorted(BASELINE_SIGNALS))
values = st.builds(SignalBaseline, st.floats(-100, 100), st.floats(0, 100), st.floats(0.1, 1e5))


@given(st.dictionaries(names, values), st.dictionaries(names, values, min_size=1))
def test_what_is_learnt_lies_between_and_can_be_written(
    first: dict[str, SignalBaseline], second: dict[str, SignalBaseline]
) -> None:
    both = AgentBaseline(version=1, calls=3, signals=first).with_call(second)
    for name, value in both.signals.items():
        means = [x[name].mean for x in (first, second) if name in x]
        assert min(means) - 1e-6 <= value.mean <= max(means) + 1e-6
    assert baseline.parse_baseline(baseline.baseline_to_json(both), "x").calls == 4


def test_nothing_but_aggregates_is_in_the_file(tmp_path: Path) -> None:
    baseline_file.write_baseline(tmp_path / "u", learnt())
    tree = json.loads((tmp_path / "u").read_text("utf-8"))
    assert tree.keys() == {"version", "calls", "signals"}
    for value in tree["signals"].values():
        assert value.keys() == {"mean", "spread", "count"}


FOREIGN = {
    "nothing": b"",
    "cut off": baseline.baseline_to_json(learnt())[:50],
    "no text": b"fLaC\x00\xff\xfe",
    "something else": b'{"name": "x"}',
    "a list": b"[1, 2]",
    "more": b'{"version": 1, "agent": "Eve"}',
    "another signal": b'{"version":1,"signals":{"mood":{"mean":1,"spread":1,"count":1}}}',
    "no number": b'{"version":1,"signals":{"talk_share":{"mean":NaN,"spread":1,"count":1}}}',
    "too much": b'{"version":1,"signals":{"talk_share":{"mean":1e300,"spread":1,"count":1}}}',
    "of nothing": b'{"version":1,"signals":{"talk_share":{"mean":1,"spread":1,"count":0}}}',
    "newer": b'{"version": 2, "lines": []}',
    "long": b" " * 100_000 + baseline.baseline_to_json(learnt()),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_usual_is_said_in_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(FOREIGN[kind])
    complaint = "made by a newer voicecoach" if kind == "newer" else "not a baseline file"
    with pytest.raises(ConfigError, match=complaint) as e:
        baseline_file.read_baseline(path)
    assert str(e.value).startswith(f"{path}: ")
    assert "baseline reset --file" in str(e.value)
    assert "\n" not in str(e.value)


def test_a_folder_is_no_usual(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the baseline"):
        baseline_file.read_baseline(tmp_path)


# --- a real call --------------------------------------------------------------------------


class Unseen:
    """A view of nothing."""

    def on_event(self, event: Event) -> None: ...

    def on_progress(self, position: int) -> None: ...


def played(
    out: Path, known: AgentBaseline | None = None, profile: str = "standard"
) -> ReplayResult:
    settings = config.override_config(config.Config(), "privacy.profile", profile)
    setup = CallSetup(settings, built_in_cues(), shipped_models(), [], baseline=known)
    return replay_call(
        RecordedCall.from_stereo(resource("samples", "auto_repairs_40.flac")), setup, out, Unseen()
    )


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ReplayResult]:
    out = tmp_path_factory.mktemp("real")
    return out, played(out)


def logged(out: Path) -> list[dict[str, Any]]:
    return [e for e in log(out) if e["type"] == "delivery"]


def recomputed(fields: dict[str, Any]) -> float | None:
    """Return calmness as anyone would from the log: the printed formula, taken at its word."""
    *lines, first, second = calmness_formula().splitlines()
    known = {}
    for line in lines:
        name, text, least, most = re.fullmatch(
            r"(\w+) += (.+?) +within (\S+) \.\. (\S+)", line
        ).groups()  # type: ignore[union-attr]
        if not any(fields[field] is None for field in re.findall(r"[a-z]\w+", text)):
            known[name] = min(float(most), max(float(least), eval(text, {}, fields)))
    if not known:
        return None
    total = f"{first.split(' = ')[1]} {second.split(' within ')[0].strip()}"
    value = eval(total, {}, {**dict.fromkeys(CALMNESS_TERMS, 0.0), **known})
    return min(1.0, max(0.0, float(value)))


def test_anyone_can_recompute_calmness_from_the_log(real: tuple[Path, ReplayResult]) -> None:
    events = logged(real[0])
    assert len(events) > 500
    assert sum(e["calmness"] is not None for e in events) > 400
    for e in events:
        expected = recomputed(e)
        assert e["calmness"] == (expected and pytest.approx(expected, abs=2e-4))
    assert len(CALMNESS_TERMS) == 7


def test_a_real_call_is_measured_as_its_truth_is(real: tuple[Path, ReplayResult]) -> None:
    # The turns in test_real_calls, which were made apart from this code: ten replies, median
    # 0.8 s; no overlap; each speaks for about half of the speech.
    last = logged(real[0])[-1]
    assert last["baseline_reply_gap_s"] == pytest.approx(0.85, abs=0.2)
    assert last["reply_gap_s"] == pytest.approx(0.65, abs=0.15)
    assert (last["overlaps_per_min"], last["baseline_overlaps_per_min"]) == (0.0, 0.0)
    assert last["talk_share"] == pytest.approx(0.55, abs=0.05)
    known = real[1].baseline
    assert known.calls == 1
    assert known.signals["rate_syl_s"].mean == pytest.approx(4.9, abs=0.3)
    assert known.signals["f0_range_semitones"].mean == pytest.approx(5.0, abs=1.5)
    assert known.signals["level_dbfs"].count == pytest.approx(96, abs=5)
    assert known.signals["reply_gap_s"].count == pytest.approx(7, abs=1)


def test_a_usual_of_an_earlier_call_is_used_and_said(
    real: tuple[Path, ReplayResult], tmp_path: Path
) -> None:
    assert log(real[0])[0]["baseline_calls"] is None
    again = played(tmp_path, real[1].baseline)
    assert log(tmp_path)[0]["baseline_calls"] == 1
    first = logged(tmp_path)[10]
    assert first["baseline_rate_syl_s"] == pytest.approx(4.86, abs=0.2)
    assert logged(real[0])[10]["baseline_rate_syl_s"] is None
    assert again.baseline.calls == 2


def test_with_the_eu_profile_the_composite_does_not_exist(
    real: tuple[Path, ReplayResult], tmp_path: Path
) -> None:
    played(tmp_path, profile="eu")
    files = sorted(p.name for p in tmp_path.iterdir())
    cards = ["scorecard.json", "scorecard.md"]
    assert files == ["events.jsonl", *cards, "summary.json", "summary.md"]
    for name in cards:  # They do not use it, and are not called after it.
        card = (real[0] / name).read_text("utf-8").replace("calm-delivery", "usual-delivery")
        card = card.replace("Calm and neutral delivery", "Pace and voice as usual")
        assert (tmp_path / name).read_text("utf-8") == card
    for name in set(files) - set(cards):
        assert "calm" in (real[0] / name).read_text("utf-8").lower()
        # "calmed_s" is a signal of the customer's.
        told = (tmp_path / name).read_text("utf-8").lower().replace("calmed_s", "")
        assert "calm" not in told
    for plain, eu in zip(logged(real[0]), logged(tmp_path), strict=True):
        del plain["calmness"]
        assert eu == plain
    # Read again it still does not exist, and it is not on the screen.
    events = list(
        event_log.read_events(iter((tmp_path / "events.jsonl").read_bytes().splitlines()))
    )
    assert {e.calmness for e in events if isinstance(e, Delivery)} == {msgspec.UNSET}
    assert "calm" not in screen(events).lower()
    assert "share" in screen(events)
    summarizer = Summarizer("eu")
    assert b"calm" not in msgspec.json.encode(summarizer.finish())
    assert "calm" not in summary_markdown(summarizer.finish()).lower()


def screen(events: list[Event]) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, height=30, color_system=None)
    with TerminalView(console, "call", 10.0) as view:
        for e in events:
            view.on_event(e)
    return file.getvalue()


def test_the_screen_shows_the_signals_in_words_of_measurement() -> None:
    text = screen([event(rate_syl_s=6.0, level_db=5.0, overlaps_per_min=2.0)])
    said = ("fast 6.0 syl/s (usual 4.5)", "loud +5 dB", "pitch +0 st", "reply 0.8 s", "share 45%")
    for shown in (*said, "overlapping 2.0/min"):
        assert shown in text
    assert "overlap" not in screen([event()])


# --- the command line ---------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    agent = np.concatenate([silence(3), syllables(140, 4, 12)])
    return write(tmp_path / "call.flac", *stereo(agent, syllables(220, 4, 2.5)), rate=16_000)


def test_a_replay_keeps_nothing_unless_it_is_to_learn(recording: Path, home: Path) -> None:
    file = home / "u.json"
    plain = ["replay", recording, "--no-transcribe"]
    assert voicecoach(*plain, home=home).returncode == 0
    assert left(home / "voicecoach-out") != []
    assert not file.exists()
    done = voicecoach(*plain, "--baseline", file, home=home)
    assert (done.returncode, "add --learn" in done.stderr) == (2, True)
    assert not file.exists()
    done = voicecoach(*plain, recording, "--baseline", file, "--learn", home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(file.read_text("utf-8"))["calls"] == 2
    first, second = (
        log(home / "voicecoach-out" / n)[0]["baseline_calls"] for n in ("call", "call-2")
    )
    assert (first, second) == (None, 1)
    before = file.read_bytes()
    assert voicecoach(*plain, "--baseline", file, home=home).returncode == 0
    assert file.read_bytes() == before
    assert log(home / "voicecoach-out" / "call")[0]["baseline_calls"] == 2
    done = voicecoach(*plain, "--learn", home=home)
    assert (done.returncode, "--learn needs --baseline" in done.stderr) == (2, True)


def test_a_file_that_is_no_usual_is_left_alone(recording: Path, home: Path) -> None:
    home.mkdir()
    for kind in ("cut off", "newer"):
        file = home / "u.json"
        file.write_bytes(FOREIGN[kind])
        done = voicecoach(
            "replay", recording, "--no-transcribe", "--baseline", file, "--learn", home=home
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith(f"error: {file}: ")
        assert file.read_bytes() == FOREIGN[kind]
        assert left(home) == ["u.json"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder nobody can write to")
def test_a_read_only_folder_costs_no_results(recording: Path, home: Path) -> None:
    file = "/proc/voicecoach-baseline.json"
    done = voicecoach(
        "replay", recording, "--no-transcribe", "--baseline", file, "--learn", home=home
    )
    assert done.returncode == 2
    assert f"error: {file}: cannot write it" in done.stderr
    assert "Traceback" not in done.stderr
    assert log(home / "voicecoach-out" / "call")[-1]["type"] == "ended"
    assert "Results:" in done.stdout


def test_usual_show_reset_and_delete(recording: Path, home: Path) -> None:
    data = {"XDG_DATA_HOME": str(home / "data"), "COLUMNS": "120"}
    path = home / "data" / "voicecoach" / "baseline.json"
    shown = voicecoach("baseline", "show", home=home, **data)
    assert shown.returncode == 0
    assert f"No baseline yet; it will be kept in {path}" in shown.stdout
    assert calmness_formula() in shown.stdout
    assert left(home) == []
    replayed = voicecoach(
        "replay", recording, "--no-transcribe", "--baseline", path, "--learn", home=home, **data
    )
    assert replayed.returncode == 0, replayed.stderr
    shown = voicecoach("baseline", "show", home=home, **data)
    assert "Your baseline, from 1 call" in shown.stdout
    assert f"Kept in {path}" in shown.stdout
    assert "s of speech" in shown.stdout
    (home / "eu.toml").write_text("[privacy]\nprofile = 'eu'\n")
    shown = voicecoach("baseline", "show", "--config", home / "eu.toml", home=home, **data)
    assert "calm" not in shown.stdout.lower()
    before = path.read_bytes()
    asked = voicecoach("baseline", "reset", home=home, **data)  # nobody answers
    assert asked.returncode != 0
    assert path.read_bytes() == before
    assert voicecoach("baseline", "reset", "--yes", home=home, **data).returncode == 0
    assert baseline_file.read_baseline(path) == baseline.EMPTY_BASELINE
    for said in ("deleted", "no baseline to delete"):
        done = voicecoach("baseline", "delete", home=home, **data)
        assert (done.returncode, said in done.stderr) == (0, True)
    assert not path.exists()


def test_reset_mends_a_damaged_file(home: Path) -> None:
    home.mkdir()
    file = home / "u.json"
    file.write_bytes(b"{")
    assert voicecoach("baseline", "show", "--file", file, home=home).returncode == 2
    assert voicecoach("baseline", "reset", "--yes", "--file", file, home=home).returncode == 0
    assert voicecoach("baseline", "show", "--file", file, home=home).returncode == 0

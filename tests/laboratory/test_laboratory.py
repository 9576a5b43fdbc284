"""The laboratory: cues told again from a log, under the same rules and under others."""

import json
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from scripts.support.corpora import DATA
from tests.shell.runtime.test_audio_files import write
from tests.test_engine_items import play, rushing
from voicecoach.coaching import cues
from voicecoach.coaching.cues import built_in_cues
from voicecoach.coaching.signal_trace import SIGNAL_DECIMALS, SignalTraceEncoder, decode_ticks
from voicecoach.commands.app import app
from voicecoach.config import Config, CuesConfig
from voicecoach.laboratory import comparison
from voicecoach.laboratory.comparison import CueShowing, CueTimeline, HeldBackSpan
from voicecoach.shell.laboratory.page import comparison_page
from voicecoach.shell.laboratory.trials import RuleSet, compare_call
from voicecoach.shell.results.reader import Results
from voicecoach.shell.runtime.user_files import load_cues
from voicecoach.testing import cut_blocks, make_engine, silence, stereo, syllables, whole_hops
from voicecoach.types.events import (
    ChannelState,
    CueClosed,
    CueFeedback,
    CueHeldBack,
    CueOpened,
    Ended,
    Event,
    InputItem,
    Listening,
    SignalChanges,
    Word,
)
from voicecoach.types.stream import HOP, SAMPLE_RATE, SPEAKERS, TICK_S, TICK_SAMPLES, Speaker
from voicecoach.views import event_log

BUILT_IN = built_in_cues()
NAN = float("nan")


def said(events: list[Event]) -> list[bytes]:
    """Return what is said of cues, as in a log."""
    kinds = CueOpened | CueClosed | CueHeldBack
    return [event_log.encode_event(event) for event in events if isinstance(event, kinds)]


def logged(events: list[Event]) -> list[Event]:
    """Return events as they come back from a log."""
    return list(event_log.read_events(event_log.encode_event(event) for event in events))


@cache
def first_card() -> CueOpened:
    """Return the card that an agent who rushes is shown."""
    return next(e for e in play(make_engine(), rushing(), []) if isinstance(e, CueOpened))


def changed(folder: Path, cue: str, old: str, new: str) -> Path:
    """Return the built-in rules with a text of one cue replaced."""
    text = cues.BUILT_IN_CUES.data.decode()
    start = text.index(f'id = "{cue}"')
    at = text.index(old, start)
    path = folder / "other.toml"
    path.write_text(text[:at] + new + text[at + len(old) :], "utf-8")
    return path


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built-in rules, but slow-down comes earlier."""
    return changed(tmp_path_factory.mktemp("rules"), "slow-down", "value = 1.25", "value = 1.1")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a call in which an agent rushes."""
    folder = tmp_path_factory.mktemp("call")
    lines = [
        event_log.encode_header(call="rushing"),
        *map(event_log.encode_event, play(make_engine(), rushing(), [])),
    ]
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    return folder


# --- what a log keeps -----------------------------------------------------------------------

STEPS = st.sampled_from(["same", "tick", "zero", "unknown", "other"])


@given(st.lists(st.tuples(STEPS, STEPS, st.booleans(), st.booleans()), max_size=40), st.data())
def test_what_the_cues_went_on_is_read_back_to_the_digit(
    steps: list[tuple[str, str, bool, bool]], data: st.DataObject
) -> None:
    recorder, events, went_on = SignalTraceEncoder(), list[Event](), []
    x, y = 0.0, NAN
    for i, (first, second, quoted, lost) in enumerate(steps, 1):
        x, y = stepped(x, first, data), stepped(y, second, data)
        quotes = {"hard_said": "never" if quoted else ""}
        distrusted = {Speaker.AGENT: "lost"} if lost else {}
        at = i * TICK_SAMPLES
        signals, told = recorder.encode_tick(at, {"x": x, "y": y}, quotes, distrusted)
        assert signals == pytest.approx(
            {"x": x, "y": y}, abs=0.6 * 10**-SIGNAL_DECIMALS, nan_ok=True
        )
        events += told
        went_on.append((at, list(map(str, signals.values())), quotes, distrusted))
    again = [
        (r.at, [str(r.signals[name]) for name in "xy"], r.quotes, r.distrusted)
        for r in decode_ticks(logged(events), len(steps) * TICK_SAMPLES)
    ]
    assert again == went_on


def stepped(x: float, step: str, data: st.DataObject) -> float:
    match step:
        case "same":
            return x
        case "tick":
            return x + TICK_SAMPLES / SAMPLE_RATE
        case "zero":
            return 0.0
        case "unknown":
            return NAN
    return data.draw(st.floats(-1e4, 1e4))


def test_what_only_grows_is_told_once() -> None:
    recorder = SignalTraceEncoder()
    told = [
        recorder.encode_tick(i * TICK_SAMPLES, {"x": 3 + i * TICK_SAMPLES / SAMPLE_RATE}, {}, {})[1]
        for i in range(1, 1000)
    ]
    assert [len(events) for events in told] == [1, 1, *[0] * 997]


# --- the same rules -------------------------------------------------------------------------


def test_the_same_rules_say_the_same(log: Path) -> None:
    events = play(make_engine(), rushing(), [])
    assert said(events)
    assert said(comparison.replay_cues(logged(events), BUILT_IN, CuesConfig())) == said(events)


@given(st.lists(st.integers(0, 26 * 62), max_size=8), st.booleans())
@settings(max_examples=5)
def test_marks_pauses_and_lost_channels_are_taken_as_they_were(
    times: list[int], helpful: bool
) -> None:
    card = first_card()
    mark = CueFeedback(at=card.at + HOP, id=card.id, start=card.at, helpful=helpful)
    items: list[InputItem] = [mark]
    for i, hop in enumerate(sorted(times)):
        at = hop * HOP
        kinds: list[InputItem] = [
            Listening(at=at, on=bool(i % 2)),
            ChannelState(at=at, speaker=SPEAKERS[i % 2], state=("lost", "ok")[i % 2], reason="r"),
            CueFeedback(at=at, id="slow-down", start=card.at, helpful=False),
        ]
        items.append(kinds[i % 3])
    events = play(make_engine(), rushing(), items, 16)
    assert said(comparison.replay_cues(logged(events), BUILT_IN, CuesConfig())) == said(events)


@pytest.mark.parametrize("late", [0, HOP, TICK_SAMPLES])
def test_a_mark_or_a_pause_at_the_moment_of_a_tick_comes_after_it(late: int) -> None:
    card = first_card()
    mark = CueFeedback(at=card.at + late, id=card.id, start=card.at, helpful=False)
    pause = Listening(at=card.at + late, on=False)
    lost = ChannelState(at=card.at + late, speaker=Speaker.AGENT, state="lost", reason="r")
    for item in (mark, pause, lost):
        events = play(make_engine(), rushing(), [item])
        assert said(comparison.replay_cues(logged(events), BUILT_IN, CuesConfig())) == said(events)


def test_what_the_configuration_says_of_cues_holds() -> None:
    events = logged(play(make_engine(), rushing(), []))
    seeds = (CuesConfig(holdout=0.5, holdout_seed=seed) for seed in range(20))
    held = next(
        c for c in seeds if said(comparison.replay_cues(events, BUILT_IN, c)) != said(events)
    )
    truth = play(make_engine(Config(cues=held)), rushing(), [])
    assert [event for event in truth if isinstance(event, CueHeldBack)]
    assert said(comparison.replay_cues(events, BUILT_IN, held)) == said(truth)


def test_a_log_that_was_cut_off_is_told_as_far_as_it_goes() -> None:
    events = play(make_engine(), rushing(), [])
    card = next(i for i, event in enumerate(events) if isinstance(event, CueOpened))
    again = comparison.replay_cues(logged(events[: card + 1]), BUILT_IN, CuesConfig())
    assert said(again)[0] == said(events)[0]


# --- other rules ----------------------------------------------------------------------------


def test_other_rules_say_what_an_engine_with_them_says(other: Path) -> None:
    events, truth = (
        play(make_engine(), rushing(), []),
        play(make_engine(rules=other), rushing(), []),
    )
    again = comparison.replay_cues(logged(events), load_cues(other), CuesConfig())
    assert said(again) == said(truth) != said(events)


@pytest.mark.skipif(not (DATA / "emodb").is_dir(), reason="shared reference data is not here")
def test_a_staged_call_with_words_is_told_again(tmp_path: Path) -> None:
    from scripts.bench.cues import SCENARIOS
    from scripts.staging import stage_call, truth
    from scripts.staging.scripted_words import ToldAsr
    from voicecoach.shell.asr.loop import run_engine
    from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
    from voicecoach.shell.runtime.recorded_call import RecordedCall

    path = SCENARIOS / "due_abuse.toml"
    takes = stage_call.takes(DATA / "emodb")
    staged = stage_call.stage(stage_call.load(path), path.stem, takes, 1)
    recording = stage_call.save(staged, tmp_path)
    told = truth.read(recording.with_suffix(".truth.toml"), truth.Truth)
    asr = ToldAsr(told, Config().transcription)
    hears = build_engine(Config(), BUILT_IN, shipped_models())
    events = list(run_engine(RecordedCall.from_stereo(recording).blocks(), hears, asr))
    assert [event for event in events if isinstance(event, Word)]
    assert len([event for event in events if isinstance(event, CueOpened)]) >= 2
    assert said(comparison.replay_cues(logged(events), BUILT_IN, CuesConfig())) == said(events)


def test_a_mark_follows_its_card_to_another_time(other: Path) -> None:
    card = first_card()
    mark = CueFeedback(at=card.at + whole_hops(1), id=card.id, start=card.at, helpful=False)
    events = logged(play(make_engine(), rushing(), [mark]))
    again = comparison.replay_cues(events, load_cues(other), CuesConfig())
    opened = next(event for event in again if isinstance(event, CueOpened))
    closed = next(event for event in again if isinstance(event, CueClosed))
    assert opened.at < card.at
    assert (closed.at, closed.reason) == (mark.at, "marked wrong")


# --- the comparison -------------------------------------------------------------------------


def shown(opened_s: float, length_s: float = 5.0, message: str = "m") -> CueShowing:
    return CueShowing(opened_s, opened_s + length_s, "t", message, "", "behaviour stopped")


def told(*cards: CueShowing, **held: list[HeldBackSpan]) -> CueTimeline:
    return CueTimeline({"x": list(cards)}, dict(held))


def test_what_moved_is_told_from_what_is_new() -> None:
    a = told(shown(10), shown(60), shown(100), shown(200))
    b = told(shown(10), shown(63), shown(100, message="other"), shown(300))
    changes = comparison.compare_cues(a, b)
    assert [(c.at_s, c.what) for c in changes] == [
        (10, ()),
        (60, ("moved", "closes")),
        (100, ("message",)),
        (200, ("only A",)),
        (300, ("only B",)),
    ]
    assert comparison.compare_cues(a, b, 1.0)[1].what == ("only A",)


def test_why_a_cue_is_not_there_is_what_its_rules_say() -> None:
    held = [HeldBackSpan(2, 20, "min_gap"), HeldBackSpan(21, 31, "cooldown")]
    changes = comparison.compare_cues(told(shown(30), shown(90)), told(x=held))
    assert [c.why for c in changes] == ["held back: cooldown", "not due at that time"]


@given(st.lists(st.integers(0, 300)), st.lists(st.integers(0, 300)))
def test_every_card_is_compared_once(a: list[int], b: list[int]) -> None:
    changes = comparison.compare_cues(told(*map(shown, a)), told(*map(shown, b)))
    assert sorted(c.a.opened_s for c in changes if c.a) == sorted(a)
    assert sorted(c.b.opened_s for c in changes if c.b) == sorted(b)
    for change in changes:
        if change.a and change.b:
            assert abs(change.a.opened_s - change.b.opened_s) <= comparison.TOLERANCE_S
    assert not any(
        c.what for c in comparison.compare_cues(told(*map(shown, a)), told(*map(shown, a)))
    )


def test_totals_count_over_all_calls() -> None:
    a, b = told(shown(10), shown(60)), told(shown(12), shown(200), shown(300))
    total = comparison.count_totals([(a, b, comparison.compare_cues(a, b))] * 2)[0]
    assert (total.a, total.b, total.only_a, total.only_b, total.changed) == (4, 6, 2, 4, 2)


def test_where_rules_differ_is_said(other: Path) -> None:
    assert comparison.rule_differences(BUILT_IN, BUILT_IN) == {}
    found = comparison.rule_differences(BUILT_IN, load_cues(other))
    assert list(found) == ["slow-down"]
    assert ">= 1.25 for 1 s → agent_rate_ratio >= 1.1 for 1 s" in found["slow-down"][0]
    assert comparison.rule_differences(BUILT_IN[1:], BUILT_IN) == {BUILT_IN[0].id: ["only in B"]}


def test_a_close_up_shows_the_rule_that_was_met(other: Path) -> None:
    events = logged(play(make_engine(), rushing(), []))
    result = compare_call(
        Results(Path("x"), {"call": "x"}, events),
        RuleSet("a", BUILT_IN),
        RuleSet("b", load_cues(other)),
        Config(),
    )
    close = result.course.closeups[0]
    assert close.change.id == "slow-down"
    assert close.true_b[0][0] < close.true_a[0][0]
    strip = next(s for s in close.strips if s.signal == "agent_rate_ratio")
    limits = {(t.value, t.whose) for t in strip.thresholds}
    assert {(1.25, "A"), (1.1, "B"), (1.15, "A, B")} == limits
    first_s, last_s = close.true_a[0]
    inside = [x for t, x in strip.points if first_s < t <= last_s]
    assert inside
    assert all(x >= 1.15 for x in inside)
    for opened_s, found in ((close.change.b, close.true_b), (close.change.a, close.true_a)):
        assert opened_s is not None
        # A rule of this cue holds for a second or two before the card is shown.
        assert found[0][0] + 1.0 - 2 * TICK_S <= opened_s.opened_s


# --- the page and the command ---------------------------------------------------------------


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J\u202e&amp;'


def test_the_page_asks_for_nothing_and_text_in_it_is_text(tmp_path: Path) -> None:
    quoted = json.dumps(HOSTILE)
    rules = changed(tmp_path, "slow-down", 'title = "Slow down"', f"title = {quoted}")
    events = logged(play(make_engine(), rushing(), []))
    a, b = RuleSet(HOSTILE, BUILT_IN), RuleSet("b", load_cues(rules))
    result = compare_call(Results(Path("x"), {"call": HOSTILE}, events), a, b, Config())
    totals = comparison.count_totals([(result.a, result.b, result.changes)])
    text = comparison_page([result], totals, a, b).decode()
    found = Page(text)
    assert not {"script", "img", "link", "iframe", "a"} & set(found.tags)
    assert {"svg", "polyline", "table"} <= set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "style"]
    policy = dict(found.attributes)["content"], [v for k, v in found.attributes if k == "content"]
    assert any(
        str(value).startswith("default-src 'none'; style-src 'sha256-") for value in policy[1]
    )
    assert "<script>alert(1)</script>" in found.text
    assert not {"\x1b", "\u202e"} & set(text)


def invoke(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["diff", *map(str, arguments)])
    return done.exit_code, done.output + repr(done.exception or "")


def test_the_command_says_what_changes(log: Path, other: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "diff.html"
    code, text = invoke(log, log / "events.jsonl", "--cues", other, "--out", out)
    assert code == 0
    assert "A is built-in, B is other.toml" in text
    assert text.count("moved") == 2
    assert Page(out.read_text("utf-8")).tags.count("section") == 2
    code, text = invoke(log, "--cues", other, "--cues", other, "--json")
    facts: dict[str, Any] = json.loads(text.removesuffix("''"))
    assert (facts["a"], facts["b"], facts["rules"]) == ("other.toml", "other.toml", {})
    assert facts["calls"][0]["changes"][0]["what"] == []
    assert facts["totals"][0]["a"] == facts["totals"][0]["b"] == 1


def test_a_recording_is_replayed_first(tmp_path: Path, other: Path) -> None:
    recording = write(tmp_path / "rush.flac", *rushing(), rate=16_000)
    code, text = invoke(
        recording, "--cues", other, "--no-transcribe", "--results", tmp_path / "kept", "--json"
    )
    assert code == 0, text
    assert (tmp_path / "kept" / "rush" / "events.jsonl").is_file()


def test_what_is_wrong_is_said(log: Path, other: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.jsonl"
    lines = (log / "events.jsonl").read_bytes().splitlines(keepends=True)
    old.write_bytes(b"".join(line for line in lines if b'"type":"signals"' not in line))
    for arguments, error in (
        ((old, "--cues", other), "replay the call 'rushing' again"),
        ((tmp_path / "none.jsonl", "--cues", other), "cannot read an event log there"),
        ((log, "--cues", tmp_path / "none.toml"), "cannot read the cue rules"),
        ((log, "--cues", other, "--out", log), "cannot write it"),
    ):
        code, text = invoke(*arguments)
        assert code, arguments
        assert error in text
    assert invoke(log, "--cues", other, "--cues", other, "--cues", other)[0] == 2
    assert invoke(log)[0] == 2


def test_a_call_shorter_than_a_tick_has_no_cues() -> None:
    events: list[Event] = [Ended(at=HOP, end=HOP)]
    assert comparison.replay_cues(events, BUILT_IN, CuesConfig()) == []
    with pytest.raises(ValueError, match="does not hold the signals"):
        comparison.replay_cues([Ended(at=SAMPLE_RATE, end=SAMPLE_RATE)], BUILT_IN, CuesConfig())


def test_the_engine_tells_its_signals_at_every_tick() -> None:
    e, known = make_engine(), []
    events: list[Event] = []
    sound = stereo(syllables(140, 4, 4), np.concatenate([silence(3), syllables(220, 4, 3)]))
    for block in cut_blocks(sound, (8,)):
        events += e.process(block)
        known.append(list(map(str, e.signals.values())))
    assert any(isinstance(event, SignalChanges) for event in events)
    again = [
        list(map(str, r.signals.values())) for r in decode_ticks(logged(events), sound.shape[1])
    ]
    assert [sorted(x) for x in again] == [sorted(x) for x in known]

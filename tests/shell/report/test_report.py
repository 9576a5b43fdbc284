"""The report: what it is made of, and what a browser makes of it, opened from disk."""

import base64
import contextlib
import hashlib
import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys

from scripts.support.chromium import CHROMIUM, DRIVER
from scripts.support.chromium import chromium as browse
from voicecoach.coaching.signal_trace import SignalTraceEncoder
from voicecoach.errors import AudioFileError, JournalError, OutputError
from voicecoach.shell import report as reports
from voicecoach.shell.report import page
from voicecoach.shell.results import reader
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.testing import (
    make_cue,
    make_tone,
    make_utterance,
    silence,
    stereo,
    vowel,
    wait_until,
)
from voicecoach.text_safety.sanitize import clean_text
from voicecoach.types.events import (
    Backchannel,
    CarefulUtterance,
    CueClosed,
    CueFeedback,
    CueHeldBack,
    CueOutcome,
    Degraded,
    Delivery,
    DialogueAct,
    Ended,
    Event,
    Listening,
    Overlap,
    SpeechEnded,
    Tone,
    Turn,
    Word,
)
from voicecoach.types.stream import F32, SAMPLE_RATE, TICK_SAMPLES, HeardWord, Speaker
from voicecoach.views import event_log, report
from voicecoach.views.annotated_transcript import mark_utterances
from voicecoach.views.report import MAX_POINTS, make_report
from voicecoach.views.scorecard import (
    AgitationChange,
    AgitationJourney,
    ConflictStyles,
    Quote,
    ScoreCard,
    StyleEvidence,
    Survey,
    TechniqueScore,
)

A, C = Speaker.AGENT, Speaker.CUSTOMER
NASTY = "</script><img src=x onerror=alert(1)><b>&amp;\u2028{{data}}\u202e"
LENGTH = 40.0
ONSETS = 5.0, 25.0
"""Seconds at which the agent's and the customer's voices begin in `SOUND`."""


def at(s: float) -> int:
    return round(s * SAMPLE_RATE)


def say(
    speaker: Speaker, utterance: int, start: float, text: str, *moves: tuple[str, str, str]
) -> list[Event]:
    """Return an utterance of half a second a word, with moves (kind, its words, instead)."""
    words = text.split()
    step = at(0.5)
    first = at(start)
    said: list[Event] = [
        Word(
            at=first + (i + 1) * step, speaker=speaker, utterance=utterance, index=i, text=word,
            start=first + i * step, end=first + (i + 1) * step, probability=0.9, committed=True,
            final=True,
        )
        for i, word in enumerate(words)
    ]  # fmt: skip
    end = first + len(words) * step
    for kind, part, instead in moves:
        k = next(i for i in range(len(words)) if words[i : i + len(part.split())] == part.split())
        said.append(
            DialogueAct(
                at=end, speaker=speaker, start=first + k * step,
                end=first + (k + len(part.split())) * step, kind=kind, text=part, instead=instead,
            )
        )  # fmt: skip
    said += [
        make_utterance(text, speaker=speaker, utterance=utterance, start=first, end=end),
        SpeechEnded(at=end, speaker=speaker, start=first, end=end),
        Turn(at=end, speaker=speaker, start=first, end=end),
    ]  # fmt: skip
    return said


def tone(s: float, agitation: float, confidence: float = 0.8) -> Tone:
    return make_tone(
        at(s),
        agitation,
        confidence,
        start=at(s) - 1600,
        signals={"level_db": 3.0, "f0_semitones": 1.5},
    )


def delivery(s: float, calmness: float | msgspec.UnsetType = 0.7) -> Delivery:
    return Delivery(
        at=at(s), speaker=A, start=at(s) - 1600, end=at(s), rate_syl_s=5.5, baseline_rate_syl_s=4.5,
        level_db=-1.0, f0_semitones=2.0, calmness=calmness,
    )  # fmt: skip


def cue(opened: float, closed: float, id: str = "slow-down", text: str = "") -> list[Event]:
    return [
        make_cue(
            at(opened), id, title=text or "Slow down", message=text or "6.1 a second.",
            say=text or "Let me see.", held_s=2.0,
            evidence={"agent_rate_ratio": 1.36, "promise_said": text or "as soon as possible"},
        ),
        CueClosed(at=at(closed), id=id, reason=text or "behaviour stopped"),
    ]  # fmt: skip


def some_call(calmness: float | msgspec.UnsetType = 0.7, text: str = "") -> list[Event]:
    """Return a call of 40 s; with a text, everything that can be text is that."""
    spoken = text.replace(" ", "\u00a0")
    return [
        *say(
            A, 1, 5.0, f"Hello {spoken} I am so sorry but you must wait",
            ("apology", "so sorry", ""), ("hard", "you must", text or "if you could"),
        ),
        *cue(10.0, 14.0, text=text),
        CueFeedback(at=at(15), id="slow-down", start=at(10), helpful=True),
        CueHeldBack(at=at(18), id="check-in", reason=text or "cooldown"),
        Backchannel(at=at(20), speaker=C, start=at(19), end=at(19.5)),
        *(tone(25 + i / 8, 0.6 + 0.3 * (i == 20)) for i in range(40)),
        *(delivery(5 + i / 8, calmness) for i in range(40)),
        *say(C, 2, 25.0, f"Yes {spoken} it is broken again", ("trouble", "broken again", "")),
        Overlap(at=at(27), by=A, start=at(26), end=at(26.5), backchannel=False),
        *cue(30.0, 33.0, "acknowledge", text),
        CueOutcome(
            at=at(39), id="acknowledge", start=at(30), shown=True, reason="", heeded=True,
            signal="",
            before=None, after=None, agitation_before=0.6, agitation_after=0.2,
        ),
        *([Degraded(at=at(39), stage=text, reason=text)] if text else []),
        Ended(at=at(LENGTH), end=at(LENGTH)),
    ]  # fmt: skip


def some_card(text: str = "") -> ScoreCard:
    """Return a score card with something in every part of it."""
    seen = Quote(A, 6.0, 8.0, text or "I am so sorry", text or "an apology")
    missed = Quote(C, 26.0, 28.0, text or "broken again", text or "nothing acknowledged")
    return ScoreCard(
        call=text or "some call",
        techniques=[
            TechniqueScore("empathy", text or "Empathy", 0.5, text or "1 of 2 = 0.50", [seen],
                           [missed], text or "Name what you heard."),
            TechniqueScore("calm", "Calm delivery", 1.0, "1 of 1 = 1.00", [seen], [], ""),
            TechniqueScore("patience", "Time to calm down", None, "no outburst", [], [], ""),
        ],
        styles=ConflictStyles(0.6, 0.8, "collaborating", text or "3 of 5", {"collaborating": 0.6},
                      [StyleEvidence("collaborating", seen)]),
        journey=AgitationJourney(
            0.1, 0.9, 27.5, 0.2, [AgitationChange(25.0, 27.5, 0.1, 0.9, [missed])]
        ),
        root_cause=[missed],
        survey=Survey(notes=text),
        notes=[text or "of this call alone"],
    )  # fmt: skip


SOUND = stereo(
    np.concatenate([silence(ONSETS[0]), vowel(140, 5.0)]),
    np.concatenate([silence(ONSETS[1]), vowel(220, 4.0), silence(LENGTH - ONSETS[1] - 4.0)]),
)


def left(
    folder: Path,
    events: Sequence[Event],
    card: ScoreCard | None = None,
    *,
    name: str = "some call",
    speakers: Sequence[Speaker] = (A, C),
) -> reader.Results:
    """Write what a call leaves, and return it as it is read."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "events.jsonl").open("wb") as file:
        file.write(event_log.encode_header(call=name, speakers=list(speakers), words=True))
        file.writelines(map(event_log.encode_event, events))
    if card:
        (folder / "scorecard.json").write_bytes(msgspec.json.encode(card))
    return reader.read_results(folder)


def recorded(folder: Path, sound: F32 = SOUND) -> Callable[[], RecordedCall]:
    path = folder / "recording.flac"
    soundfile.write(path, sound.T, SAMPLE_RATE)
    if len(sound) == 1:
        return partial(RecordedCall.from_mono, path, C)
    return partial(RecordedCall.from_stereo, path)


# What it is made of


def test_the_words_are_all_there_and_a_move_is_its_own_words() -> None:
    agent, customer = mark_utterances(some_call())
    assert " ".join(p.text for p in agent.pieces) == "Hello I am so sorry but you must wait"
    assert [(p.text, p.moves, p.ends, p.instead) for p in agent.pieces if p.moves] == [
        ("so sorry", ["apology"], ["apology"], []),
        ("you must", ["hard"], ["hard"], ["if you could"]),
    ]
    assert [p.start_s for p in agent.pieces if p.moves] == [6.5, 8.0]
    assert (customer.speaker, customer.start_s) == (C, 25.0)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), max_size=4))
def test_moves_may_lie_in_each_other(spans: list[tuple[int, int]]) -> None:
    text = "one two three four five six seven"
    moves = [(f"kind_{i}", " ".join(text.split()[k : k + n]), "") for i, (k, n) in enumerate(spans)]
    (line,) = mark_utterances(say(A, 1, 0.0, text, *moves))
    assert " ".join(p.text for p in line.pieces) == text
    for i, (_, part, _) in enumerate(moves):
        mine = [p for p in line.pieces if f"kind {i}" in p.moves]
        assert " ".join(p.text for p in mine) == part
        assert [f"kind {i}" in p.ends for p in mine] == [False] * (len(mine) - 1) + [True]


def silent_call(until_s: float, dead_air_s: Callable[[float], float]) -> list[Event]:
    """Return a call in which nobody speaks from 1.5 s on, and what the engine says of it."""
    trace = SignalTraceEncoder()
    ticks = range(TICK_SAMPLES, at(until_s + 0.5) + 1, TICK_SAMPLES)
    return [
        *say(A, 1, 0.0, "one moment please"),
        *(
            event
            for tick in ticks
            for event in trace.encode_tick(
                tick, {"dead_air_s": dead_air_s(tick / SAMPLE_RATE)}, {}, {}
            )[1]
        ),
        *say(C, 2, until_s, "hello"),
        Ended(at=at(until_s + 0.5), end=at(until_s + 0.5)),
    ]


def silences(
    events: Sequence[Event], facts: dict[str, object] | None = None
) -> list[tuple[str, float, float]]:
    shown = make_report(facts or {}, events).silences
    return [(s.kind, round(s.start_s, 1), round(s.end_s, 1)) for s in shown]


def since(begin_s: float, end_s: float, helps_s: float = 0.0) -> Callable[[float], float]:
    """Return what the engine says of a silence that helps for so long."""
    return lambda s: s - begin_s if begin_s + helps_s <= s < end_s else 0.0


def test_silences_are_what_the_log_says_of_them() -> None:
    assert silences(silent_call(3.0, since(1.5, 3.0))) == []
    assert silences(silent_call(5.0, since(1.5, 5.0))) == [("pause", 1.5, 5.0)]
    assert silences(silent_call(12.0, since(1.5, 12.0))) == [("dead air", 1.5, 12.0)]
    # It helps for 25 s; only then is it dead air, all of it.
    assert silences(silent_call(26.0, since(1.5, 26.0, 25.0))) == [("pause", 1.5, 26.0)]
    assert silences(silent_call(30.0, since(1.5, 30.0, 25.0))) == [("dead air", 1.5, 30.0)]
    # Music plays for 60 s of 70, and nobody says that it helps.
    music = silent_call(80.0, since(70.0, 80.0))
    assert silences(music) == [("pause", 1.5, 70.0), ("dead air", 70.0, 80.0)]
    assert silences(silent_call(70.0, lambda s: 0.0)) == [("pause", 1.5, 70.0)]


def test_what_was_not_heard_is_no_silence() -> None:
    events = silent_call(21.0, since(1.5, 21.0))
    paused = [Listening(at=at(3), on=False), Listening(at=at(20), on=True)]
    assert silences([*events[:-1], *paused, events[-1]]) == [("not heard", 3.0, 20.0)]


def test_dead_air_is_as_long_as_the_rules_of_the_call_have_it() -> None:
    events = silent_call(7.5, since(1.5, 7.5))
    assert silences(events) == [("pause", 1.5, 7.5)]
    assert silences(events, {"thresholds": {"dead_air_s": 5.0}}) == [("dead air", 1.5, 7.5)]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=400), st.floats(0.1, 20))
def test_no_peak_is_lost_however_long_it_is(values: list[float], every_s: float) -> None:
    events: list[Event] = [tone((i + 1) * every_s, v) for i, v in enumerate(values)]
    series = make_report({}, events).series
    assert len(series.agitation) <= MAX_POINTS + 1
    kept = [v for v in series.agitation if v is not None]
    assert max(kept) == pytest.approx(max(values), abs=0.001)
    where = series.agitation.index(max(kept)) * series.step_s
    right = [(i + 1) * every_s for i, v in enumerate(values) if abs(v - max(values)) < 0.001]
    assert min(abs(where - s) for s in right) <= series.step_s + 0.001


def test_cues_have_what_a_person_asks_of_them() -> None:
    shown = make_report({}, some_call())
    slow, acknowledge = shown.cues
    assert (slow.opened_s, slow.closed_s, slow.closed_because) == (10.0, 14.0, "behaviour stopped")
    assert ("articulation rate divided by its baseline", "1.36") in slow.evidence
    assert ("the agent's promise", "\u201cas soon as possible\u201d") in slow.evidence
    assert slow.helpful
    assert acknowledge.helpful is None
    assert acknowledge.followed[0] == "followed within 10 s"
    assert "0.60 before and 0.20" in acknowledge.followed[1]
    assert [(h.title, h.at_s, h.reason) for h in shown.held_back] == [
        ("check in", 18.0, "cooldown")
    ]


@pytest.mark.parametrize("events", [[], [Ended(at=0, end=0)], [Ended(at=256, end=256)]])
def test_a_call_with_nothing_in_it_has_a_report(events: list[Event]) -> None:
    shown = make_report({"speakers": ["agent", "customer"]}, events)
    assert (shown.cues, shown.lines, shown.turns, shown.silences) == ([], [], [], [])


def test_with_the_eu_profile_there_is_no_calmness() -> None:
    with_it, without = (
        msgspec.json.encode(make_report({}, some_call(c))).decode() for c in (0.7, msgspec.UNSET)
    )
    assert "almness" in with_it
    assert "almness" not in without


def test_the_policy_names_all_that_runs(tmp_path: Path) -> None:
    html = reports.write_report(left(tmp_path, some_call(text=NASTY)), None, "inline").read_text(
        "utf-8"
    )
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    for _, text in re.findall(r"<(script|style)>(.*?)</\1>", html, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[1]
    assert "unsafe" not in policy[1]
    assert policy[1].startswith("default-src 'none'; ")
    assert "http" not in policy[1]
    data = html.split('id="data"')[1].split("</script>")[0]
    assert "<" not in data
    assert html.count('<script type="application/json"') == 1


def test_our_scripts_write_text_and_name_no_other_place() -> None:
    for name in page.SCRIPTS:
        if not name.startswith("vendor/"):
            script = (page.REPORT_ASSETS / name).read_text("utf-8")
            for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
                assert word not in script
            assert "://" not in script.replace("http://www.w3.org/2000/svg", "")
    html = (page.REPORT_ASSETS / "page.html").read_text("utf-8")
    for word in ("style=", "onclick", "javascript:", "://"):
        assert word not in html


def test_what_is_vendored_is_what_was_published() -> None:
    listed = (page.REPORT_ASSETS / "vendor" / "README.md").read_text("utf-8")
    for path in (page.REPORT_ASSETS / "vendor").glob("*.min.*"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert re.search(rf"\| {re.escape(path.name)} .*{digest}", listed), path.name


def test_text_and_shapes_stand_out() -> None:
    css = (page.REPORT_ASSETS / "report.css").read_text("utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6})", block))
        for block in re.findall(r":root(?:\[data-theme=\"dark\"\])? \{(.*?)\}", css, re.DOTALL)[:2]
    )

    def luminance(colour: str) -> float:
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    def contrast(one: str, other: str) -> float:
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    for theme in (light, dark):
        for ground in ("back", "paper", "tint"):
            for text in ("ink", "soft", "accent", "agent", "customer"):
                assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)
        for fill in ("agent-fill", "customer-fill", "edge"):
            for ground in ("back", "paper"):
                assert contrast(theme[fill], theme[ground]) >= 3.0, (fill, ground)
        assert contrast(theme["ink"], theme["mark"]) >= 4.5


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    log = left(tmp_path / "call", some_call())
    with pytest.raises(JournalError, match=r"none.*cannot read an event log"):
        reader.read_results(tmp_path / "none")
    short = recorded(tmp_path, SOUND[:, : at(20)])
    with pytest.raises(AudioFileError, match=r"20\.0 s long.*40\.0 s.*name the recording"):
        reports.write_report(log, short, "inline")
    assert not (tmp_path / "call" / "report.html").exists()
    (tmp_path / "call" / "scorecard.json").write_text('{"call": 7}')
    assert reports.write_report(log, None, "inline").exists(), "without the score card"
    (tmp_path / "call" / "scorecard.json").unlink()
    (tmp_path / "call" / "report.html").unlink()
    (tmp_path / "call" / "report.html").mkdir()
    with pytest.raises(OutputError, match="cannot write it"):
        reports.write_report(log, None, "inline")
    assert sorted(p.name for p in (tmp_path / "call").iterdir()) == ["events.jsonl", "report.html"]


def test_a_live_call_s_own_recording_is_found(tmp_path: Path) -> None:
    log = left(tmp_path, some_call())
    assert reports.recording_opener(log, [], None) is None
    soundfile.write(tmp_path / "call.flac", SOUND.T, SAMPLE_RATE)
    kept = reports.recording_opener(log, [], None)
    assert kept
    assert kept().duration_s == pytest.approx(LENGTH, abs=0.1)


def test_an_earlier_report_s_sound_does_not_stay(tmp_path: Path) -> None:
    log, call = left(tmp_path, some_call()), recorded(tmp_path)
    reports.write_report(log, call, "beside")
    assert (tmp_path / "report.mp3").stat().st_size > 100_000
    html = reports.write_report(log, call, "none").read_text("utf-8")
    assert not (tmp_path / "report.mp3").exists()
    assert "<audio" not in html
    assert '"peaks":["' in html


# What a browser makes of it

installed = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="Chromium with its chromedriver is not installed"
)


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Chrome]:
    with browse(tmp_path_factory.mktemp("profile"), downloads) as driver:
        yield driver


class Seen:
    """A report in a browser, as a person has it."""

    def __init__(self, driver: Chrome, path: Path) -> None:
        self.driver, self.path = driver, path
        for kind in ("browser", "performance"):
            self.log(kind)
        self.size(1280, 1000)
        driver.get(path.as_uri())
        wait_until(lambda: self.run("return 'ready' in document.documentElement.dataset"))
        wait_until(lambda: self.run("return !call.audio || call.audio.readyState >= 3"))

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Return what was logged since the last time."""
        found: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return found

    def size(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, name: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def click(self, selector: str) -> None:
        element = self.find(selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def click_at(self, id: str, seconds: float) -> None:
        """Click on a row of the time line, at a time."""
        element = self.find(f"#{id}")
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        box = element.rect
        left = self.run("return part.ruler.getBoundingClientRect().left + x(arguments[0])", seconds)
        chain = ActionChains(self.driver)
        chain.move_to_element_with_offset(element, round(left - box["x"] - box["width"] / 2), 3)
        chain.click().perform()

    @property
    def time(self) -> float:
        return float(self.run("return call.audio ? call.audio.currentTime : call.time"))

    def quiet(self) -> None:
        """Hold the page to no complaint, and no request but for itself."""
        assert self.log("browser") == []
        asked = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        urls = {
            str(m["params"]["request"]["url"])
            for m in asked
            if m["method"] == "Network.requestWillBeSent"
        }
        beside = self.path.with_name("report.mp3").as_uri()
        assert {url for url in urls if not url.startswith("data:")} <= {self.path.as_uri(), beside}
        assert not any(m["method"] == "Network.webSocketCreated" for m in asked)


@pytest.fixture(scope="module")
def sounding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a report with everything in it."""
    folder = tmp_path_factory.mktemp("some call")
    return reports.write_report(left(folder, some_call(), some_card()), recorded(folder), "inline")


@pytest.fixture
def seen(chromium: Chrome, sounding: Path) -> Iterator[Seen]:
    seen = Seen(chromium, sounding)
    seen.scheme("light")
    wait_until(lambda: seen.run("return document.documentElement.dataset.theme") == "light")
    yield seen
    seen.quiet()
    chromium.get("about:blank")


@installed
def test_it_plays(seen: Seen) -> None:
    assert seen.time == 0.0
    seen.click("#play")
    wait_until(lambda: seen.time > 0.3)
    assert seen.find("#play").text == "Pause"
    wait_until(lambda: seen.run("return part.playhead.style.transform") != "")
    seen.run("call.seek(24.8)")
    wait_until(lambda: seen.run("return currentLine") == 1)
    assert seen.find(".line[aria-current]").text.endswith("trouble")
    seen.press(" ")
    wait_until(lambda: seen.run("return call.audio.paused"))
    assert seen.find("#play").text == "Play"


@installed
def test_the_sound_is_on_the_time_line_of_the_log(seen: Seen) -> None:
    script = """
        const done = arguments[0];
        const bytes = Uint8Array.from(atob(call.audio.src.split(",")[1]), (c) => c.charCodeAt(0));
        new OfflineAudioContext(2, 16000, 16000).decodeAudioData(bytes.buffer).then((sound) =>
          done([0, 1].map((i) => sound.getChannelData(i).findIndex((v) => Math.abs(v) > 0.05))
            .concat(sound.length)));
    """
    agent, customer, length = seen.driver.execute_async_script(script)
    assert agent / SAMPLE_RATE == pytest.approx(ONSETS[0], abs=0.03)
    assert customer / SAMPLE_RATE == pytest.approx(ONSETS[1], abs=0.03)
    assert length / SAMPLE_RATE == pytest.approx(LENGTH, abs=0.1)
    assert seen.run("return call.audio.duration") == pytest.approx(LENGTH, abs=0.1)
    peaks = seen.run("return waveform.peaks.map((p) => unpack(p).findIndex((v) => v > 0.1))")
    assert [p / 50 for p in peaks] == pytest.approx(ONSETS, abs=0.03)


@installed
@pytest.mark.parametrize(
    "row",
    [
        "ruler", "wave", "turns", "overlaps", "silences", "cues",
        "agitation", "pace", "level", "pitch",
    ],
)  # fmt: skip
@pytest.mark.parametrize("zoomed", [False, True])
def test_a_click_on_the_time_line_goes_there(seen: Seen, row: str, zoomed: bool) -> None:
    if zoomed:
        seen.run("look(20, 30)")
    for s in (21.0, 27.5):
        seen.click_at(row, s)
        assert seen.time == pytest.approx(s, abs=0.06)


@installed
def test_clicks_on_words_cues_and_quotes_go_there(seen: Seen) -> None:
    for selector, s in [
        (".line:nth-child(2) .when", 25.0),
        (".line:nth-child(1) p", 5.0),
        (".line:nth-child(1) mark:nth-of-type(2)", 8.0),
        (".cue:nth-child(2) .when", 30.0),
        (".cue:nth-child(1) .when", 10.0),
        ("#facts .when", 27.5),
        ("#techniques .pair > div:nth-child(2) q", 26.0),
        ("#techniques .pair > div:nth-child(1) .when", 6.0),
        ("#journey .changes .when", 25.0),
        ("#cause .when", 26.0),
        ("#style q", 6.0),
    ]:
        seen.click(selector)
        assert seen.time == pytest.approx(s, abs=0.06), selector
        assert seen.find("#now").text == f"0:{int(s):02d}"


@installed
def test_the_keys_do_what_the_help_line_says(seen: Seen) -> None:
    def is_at(s: float) -> None:
        wait_until(lambda: abs(seen.time - s) < 0.01)

    seen.press("n")
    is_at(10.0)
    assert seen.run("return currentCue") == 0
    seen.press("n")
    is_at(30.0)
    seen.press("n")
    is_at(30.0)
    seen.press("p")
    is_at(10.0)
    seen.press(Keys.ARROW_RIGHT)
    is_at(15.0)
    seen.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    is_at(5.0)
    ActionChains(seen.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT).key_up(
        Keys.SHIFT
    ).perform()
    is_at(6.0)
    seen.press("h")
    assert seen.find("#held").get_attribute("aria-pressed") == "true"
    seen.press("n", "n")
    is_at(18.0)
    seen.press("+", "+")
    assert seen.run("return view.to - view.from") == pytest.approx(LENGTH / 4, abs=0.1)
    assert seen.run("return view.from <= 18 && 18 <= view.to")
    seen.press("-")
    assert seen.run("return view.to - view.from") == pytest.approx(LENGTH / 2, abs=0.1)
    seen.press("0")
    assert seen.run("return [view.from, view.to]") == pytest.approx([0, LENGTH], abs=0.1)
    seen.press(" ")
    wait_until(lambda: seen.run("return !call.audio.paused"))
    seen.press(" ")
    wait_until(lambda: seen.run("return call.audio.paused"))
    # Where somebody writes, keys are letters.
    seen.click("textarea")
    before = seen.time
    seen.press("n", " ", "p", "+")
    assert seen.time == before
    assert seen.find("textarea").get_property("value") == "n p+"


@installed
def test_all_rows_have_one_left_edge_and_one_right(seen: Seen) -> None:
    edges = """
        return [...document.querySelectorAll('.timeline canvas.area, #wave, .chart .u-over')]
          .map((e) => e.getBoundingClientRect()).map((b) => [b.left, b.right]);
    """
    for width in (1280, 800, 360):
        seen.size(width, 900)
        wait_until(lambda: abs(seen.run("return view.width - part.ruler.clientWidth")) < 1)
        found = np.array(seen.run(edges))
        assert len(found) == 10
        assert np.ptp(found, axis=0).max() <= 1.0
        assert seen.run("return document.documentElement.scrollWidth <= innerWidth")


@installed
def test_the_waveform_s_scroll_bar_moves_all(seen: Seen) -> None:
    seen.run("look(0, 10)")
    seen.run("wave.setScroll(wave.getWrapper().clientWidth / 2)")
    wait_until(lambda: abs(seen.run("return view.from") - LENGTH / 2) < 0.1)
    assert seen.run("return plots.pace.scales.x.min") == pytest.approx(LENGTH / 2, abs=0.1)
    assert seen.run("return view.to - view.from") == pytest.approx(10.0)


@installed
def test_it_follows_while_it_plays(seen: Seen) -> None:
    seen.run("look(0, 5); call.audio.playbackRate = 4; call.seek(4.5); call.toggle()")
    wait_until(lambda: seen.run("return view.from") > 4.0)
    seen.run("call.toggle()")


AXE = "selenium_axe_python"


@installed
@pytest.mark.skipif(importlib.util.find_spec(AXE) is None, reason=f"{AXE} is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(seen: Seen, scheme: str, width: int) -> None:
    spec = importlib.util.find_spec(AXE)
    assert spec
    assert spec.origin
    seen.size(width, 900)
    seen.scheme(scheme)
    wait_until(lambda: seen.run("return document.documentElement.dataset.theme") == scheme)
    seen.run("showHeld(true); document.querySelectorAll('details').forEach((d) => d.open = true)")
    seen.press("n")
    seen.quiet()
    seen.run((Path(spec.origin).parent / "axe-core" / "axe.min.js").read_text("utf-8"))
    assert tuple(map(int, seen.run("return axe.version").split("."))) >= (4, 9)
    script = "axe.run().then((r) => arguments[0]([r.violations, r.passes.length]))"
    violations, passes = seen.driver.execute_async_script(script)
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in violations] == []
    assert passes > 20
    # It tries whether it may add a style of its own, and may not.
    assert all("inline style" in entry["message"] for entry in seen.log("browser"))


@installed
def test_light_and_dark_are_as_the_system_has_it_until_one_is_chosen(seen: Seen) -> None:
    theme = "return document.documentElement.dataset.theme"
    assert seen.run(theme) == "light"
    seen.scheme("dark")
    wait_until(lambda: seen.run(theme) == "dark")
    assert seen.find("#theme").text == "Light"
    seen.click("#theme")
    assert seen.run(theme) == "light"
    seen.scheme("light")
    seen.scheme("dark")
    assert seen.run(theme) == "light"


@installed
def test_what_was_said_stays_text(chromium: Chrome, tmp_path: Path) -> None:
    log = left(tmp_path, some_call(text=NASTY), some_card(NASTY), name=NASTY)
    seen = Seen(chromium, reports.write_report(log, recorded(tmp_path), "inline"))
    assert seen.run("return document.querySelectorAll('img, b b').length") == 0
    assert seen.run("return document.scripts.length") == 1 + len(page.SCRIPTS)
    shown = seen.run("return document.body.textContent")
    assert seen.run("return part.call.textContent") == clean_text(NASTY)
    assert shown.count("<img src=x") > 20
    seen.run("showHeld(true)")
    seen.click_at("cues", 12.0)
    assert "<img" in seen.find("#hover").text or "<img" in seen.run("return part.hover.textContent")
    with contextlib.suppress(Exception):
        seen.driver.switch_to.alert.accept()
        pytest.fail("it ran")
    seen.quiet()


@installed
def test_on_paper_all_of_it_is_open_and_light_and_then_as_before(seen: Seen) -> None:
    seen.scheme("dark")
    wait_until(lambda: seen.run("return document.documentElement.dataset.theme") == "dark")
    seen.run(
        "look(10, 20);"
        "addEventListener('beforeprint', () => { window.printed = [view.from, view.to,"
        " document.querySelectorAll('details:not([open])').length,"
        " document.documentElement.dataset.theme]; })"
    )
    closed = "return document.querySelectorAll('details:not([open])').length"
    assert seen.run(closed) == 2
    made = seen.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    pdf = base64.b64decode(made["data"])
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 20_000
    assert seen.run("return part.columns.firstElementChild === part.said")
    assert seen.run("return printed") == [0, pytest.approx(LENGTH, abs=0.1), 0, "light"]
    wait_until(lambda: seen.run("return document.documentElement.dataset.theme") == "dark")
    assert seen.run(closed) == 2
    assert seen.run("return [view.from, view.to]") == pytest.approx([10, 20], abs=0.1)


@installed
def test_what_is_filled_in_can_be_saved(seen: Seen, downloads: Path) -> None:
    for name, text in [("csat", "4"), ("nps", "10"), ("notes", 'Well done, "Ann"')]:
        seen.find(f"[name={name}]").send_keys(text)
    seen.click("#save")
    wait_until((downloads / "survey.json").is_file)
    saved = msgspec.json.decode((downloads / "survey.json").read_bytes(), type=Survey)
    assert saved == Survey(4, 10, None, 'Well done, "Ann"')
    (downloads / "survey.json").unlink()
    seen.find("[name=csat]").send_keys("4")
    seen.click("#save")
    assert seen.run("return part.survey.checkValidity()") is False
    assert list(downloads.iterdir()) == []


@installed
def test_the_sound_may_lie_beside_it(chromium: Chrome, tmp_path: Path) -> None:
    log = left(tmp_path, some_call())
    path = reports.write_report(log, recorded(tmp_path), "beside")
    assert path.stat().st_size < 400_000
    seen = Seen(chromium, path)
    seen.click("#play")
    wait_until(lambda: seen.time > 0.2)
    seen.run("call.toggle()")
    seen.click_at("wave", 30.0)
    assert seen.time == pytest.approx(30.0, abs=0.06)
    seen.quiet()


@installed
@pytest.mark.parametrize("audio", ["inline", "none"])
@pytest.mark.parametrize("heard", [False, True])
def test_without_sound_a_click_still_goes_there(
    chromium: Chrome, tmp_path: Path, audio: str, heard: bool
) -> None:
    log = left(tmp_path, some_call())
    sound = recorded(tmp_path) if heard and audio == "none" else None
    seen = Seen(chromium, reports.write_report(log, sound, audio))
    assert not seen.find("#play").is_enabled()
    assert "no sound" in seen.find("#silent").text
    assert seen.find("#wave").is_displayed() == (sound is not None)
    seen.click_at("turns", 27.0)
    assert seen.time == pytest.approx(27.0, abs=0.06)
    assert seen.find(".line[aria-current]").text.startswith("0:25")
    seen.quiet()


@installed
def test_words_heard_again_are_shown_first_and_a_button_shows_those_heard_live(
    chromium: Chrome, tmp_path: Path
) -> None:
    words = (HeardWord("Goodness", at(6.0), at(7.0), 0.9), HeardWord("me", at(7.0), at(8.0), 0.2))
    again = CarefulUtterance(
        at=at(30), speaker=A, utterance=1, start=at(6.0), end=at(8.0), words=words
    )
    log = left(tmp_path, [*some_call(), again])
    seen = Seen(chromium, reports.write_report(log, None, "none"))
    assert "Goodness me" in seen.find("#transcript").text
    assert "Hello" not in seen.find("#transcript").text
    assert "rest on what was heard live" in seen.find("#careful-note").text
    seen.click("#layer")
    assert "Goodness" not in seen.find("#transcript").text
    assert seen.find("#layer").get_attribute("aria-pressed") == "true"
    seen.click("#layer")
    assert "Goodness me" in seen.find("#transcript").text


@installed
def test_one_speaker_alone(chromium: Chrome, tmp_path: Path) -> None:
    events = [e for e in some_call() if getattr(e, "speaker", C) is C]
    log = left(tmp_path, events, speakers=[C])
    seen = Seen(chromium, reports.write_report(log, recorded(tmp_path, SOUND[1:]), "inline"))
    assert seen.run("return waveform.peaks.length") == 1
    assert seen.find("#voices").text == "Customer"
    seen.click_at("wave", 26.0)
    assert seen.time == pytest.approx(26.0, abs=0.06)
    seen.quiet()


@installed
@pytest.mark.parametrize("events", [[], [Ended(at=256, end=256)]], ids=["nothing", "a hop"])
def test_an_empty_call_opens(chromium: Chrome, tmp_path: Path, events: list[Event]) -> None:
    call = recorded(tmp_path, np.zeros((2, 256), np.float32)) if events else None
    seen = Seen(chromium, reports.write_report(left(tmp_path, events), call, "inline"))
    assert seen.find("#no-words").is_displayed()
    assert "No cue" in seen.find("#cue-list").text
    seen.press("n", "+", "0", Keys.ARROW_RIGHT)
    assert seen.run("return document.documentElement.scrollWidth <= innerWidth")
    seen.quiet()


def test_turns_are_in_order() -> None:
    shown = make_report({}, some_call())
    assert all(a.start_s <= b.start_s for a, b in pairwise(shown.turns))
    assert {t.kind for t in shown.turns} == {"turn", "backchannel"}
    assert shown.series.step_s == report.MIN_POINT_STEP_S

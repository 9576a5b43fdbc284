"""Sinks: every event in order, what may be kept, and no call lost over one that fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import foreign
from voicecoach.config import Config, PrivacyConfig
from voicecoach.shell.apps.built_in import built_in_plugins, open_sinks
from voicecoach.shell.results import reader
from voicecoach.shell.runtime import sinks as sinks_room
from voicecoach.shell.runtime.feed import CustomerDeclines, NextCall, QuitProgram
from voicecoach.shell.runtime.plugins import Registry
from voicecoach.shell.runtime.sinks import CallInfo, GuardedSink, Sink, ThreadedSink
from voicecoach.testing import TELLTALE_WORDS, ScriptedTranscriber, make_word, wait_until
from voicecoach.testing.session import SessionWithoutDevices
from voicecoach.types.events import Degraded, Event, Listening
from voicecoach.types.stream import SAMPLE_RATE, Speaker

CALL = CallInfo("call", True, Path("call"), tuple(Speaker), words=True)


class Diary(Sink):
    """Notes what it is told; fails where it is told to."""

    def __init__(self, *fails: str) -> None:
        self.told: list[tuple[str, object]] = []
        self.fails = set(fails)
        self.threads: set[str] = set()

    def note(self, method: str, given: object) -> None:
        self.threads.add(threading.current_thread().name)
        self.told.append((method, given))
        if method in self.fails:
            raise RuntimeError(str(given))

    def begin_call(self, call: CallInfo) -> None:
        self.note("begin_call", call)

    def on_event(self, event: Event) -> None:
        self.note("on_event", event)

    def end_call(self, declined: bool) -> None:
        self.note("end_call", declined)

    def on_results(self, folder: Path) -> None:
        self.note("on_results", folder)

    def close(self) -> None:
        self.note("close", None)

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.told]


class Reports:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def __call__(self, name: str, reason: str, lasts: bool) -> None:
        assert lasts
        self.told.append((name, reason))


def listening(at: int) -> Event:
    return Listening(at=at, on=True)


def test_a_sink_that_fails_is_reported_once_a_call_and_tried_again_at_the_next() -> None:
    diary, reports = Diary("on_event"), Reports()
    sink = GuardedSink("diary", diary, reports, words=True)
    for _ in range(2):
        sink.begin_call(CALL)
        for at in range(3):
            sink.on_event(listening(at))
        sink.end_call(declined=True)
        sink.on_results(Path("call"))
    sink.close()
    # Told that the customer declined even so: there may be something to delete.
    assert diary.methods == ["begin_call", "on_event", "end_call"] * 2 + ["close"]
    assert [name for name, _ in reports.told] == ["diary"] * 2
    assert all("it failed (RuntimeError at test_sinks.py:" in why for _, why in reports.told)


@pytest.mark.parametrize("method", ["begin_call", "end_call", "on_results", "close"])
def test_a_sink_may_fail_wherever_it_is_called(method: str) -> None:
    diary, reports = Diary(method), Reports()
    sink = GuardedSink("diary", diary, reports, words=True)
    sink.begin_call(CALL)
    sink.on_event(listening(0))
    sink.end_call(declined=False)
    sink.on_results(Path("call"))
    sink.close()
    assert len(reports.told) == 1
    assert ("on_event" in diary.methods) is (method != "begin_call")


def test_without_words_it_gets_what_may_be_kept() -> None:
    diary = Diary()
    sink = GuardedSink("diary", diary, Reports(), words=False)
    sink.begin_call(CALL)
    sink.on_event(make_word("marmalade", 0))
    sink.on_event(listening(1))
    assert diary.told == [("begin_call", CALL._replace(words=False)), ("on_event", listening(1))]


class Stuck(Diary):
    """Waits in its first event until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def on_event(self, event: Event) -> None:
        self.go.wait(30)
        super().on_event(event)


def test_in_a_thread_of_its_own_one_that_is_slow_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sinks_room, "MAX_WAITING_EVENTS", 10)
    stuck, reports = Stuck(), Reports()
    sink = ThreadedSink("stuck", GuardedSink("stuck", stuck, reports, words=True), reports)
    sink.begin_call(CALL)
    for at in range(100):
        sink.on_event(listening(at))
    sink.end_call(declined=False)
    assert reports.told == [("stuck", "it is too slow and is disabled for this call")]
    stuck.go.set()
    wait_until(lambda: "end_call" in stuck.methods)
    got = [event.at for _, event in stuck.told if isinstance(event, Listening)]
    assert got == list(range(len(got)))
    assert 9 <= len(got) <= 11
    # At the next call it is tried again.
    sink.begin_call(CALL)
    sink.on_event(listening(7))
    sink.close()
    assert stuck.methods[-3:] == ["begin_call", "on_event", "close"]
    assert stuck.threads == {"stuck"}
    assert len(reports.told) == 1


def test_one_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks_room, "SINK_CLOSE_TIMEOUT_S", 0.1)
    stuck, reports = Stuck(), Reports()
    sink = ThreadedSink("stuck", GuardedSink("stuck", stuck, reports, words=True), reports)
    sink.begin_call(CALL)
    sink.on_event(listening(0))
    sink.close()
    assert reports.told == [("stuck", "it did not finish within 0 s")]
    stuck.go.set()


# --- in a live session, the package's own -----------------------------------------------------


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.syspath_prepend(foreign.install(tmp_path / "site", "desk", "broken"))
    return Registry(built_in_plugins())


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("profile", ["standard", "eu"])
def test_a_sink_of_a_package_gets_what_the_log_keeps_and_nothing_else(
    registry: Registry, stack: ExitStack, tmp_path: Path, profile: str
) -> None:
    privacy = PrivacyConfig(profile=profile)  # type: ignore[arg-type]
    settings = Config(privacy=privacy, sinks={"event-file": {"file": str(tmp_path / "events")}})
    reports = Reports()
    (sink,) = open_sinks(registry, settings, ["event-file"], reports, stack, live=True)
    desk = SessionWithoutDevices(
        tmp_path / "out", settings, transcriber=ScriptedTranscriber(), sinks=[sink]
    ).run()
    stack.close()
    assert reports.told == []
    got = (tmp_path / "events").read_bytes()
    logged = (desk.ended[0] / "events.jsonl").read_bytes().splitlines(keepends=True)[1:]
    assert got == b"".join(logged)
    assert b'"delivery"' in got
    if profile == "eu":
        assert b"calmness" not in got
        assert not any(said.encode() in got for said in TELLTALE_WORDS)
    else:
        assert b'"calmness":0.' in got
        assert all(said.encode() in got for said in TELLTALE_WORDS)


def test_a_sink_is_told_of_calls_in_order_and_of_those_declined(tmp_path: Path) -> None:
    diary = Diary()
    desk = SessionWithoutDevices(
        tmp_path, Config(), transcriber=ScriptedTranscriber(), sinks=[diary]
    )
    desk.then(desk.post_action_at(10, NextCall()), desk.post_action_at(20, CustomerDeclines()))
    desk.between(lambda: desk.feed.post_action(QuitProgram())).run()
    first, second = (given for _, given in diary.told if isinstance(given, CallInfo))
    assert desk.ended == [first.folder] != [second.folder]
    assert first == CallInfo(first.folder.name, True, first.folder, tuple(Speaker), words=True)
    assert [given for method, given in diary.told if method == "end_call"] == [False, True]
    assert [given for method, given in diary.told if method == "on_results"] == desk.ended
    between = [method for method in diary.methods if method in ("begin_call", "end_call")]
    assert between == ["begin_call", "end_call"] * 2
    events = [given for method, given in diary.told if method == "on_event"]
    assert events.count(Listening(at=0, on=True)) == 2


def test_sinks_that_fail_and_hang_cost_a_live_call_nothing(
    registry: Registry, stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_room, "SINK_CLOSE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(sinks_room, "MAX_WAITING_EVENTS", 50)
    desk = SessionWithoutDevices(tmp_path, Config(), transcriber=ScriptedTranscriber())
    report = desk.feed.report_trouble
    names = ["fails", "hangs"]
    desk.session.sinks = [
        *desk.session.sinks, *open_sinks(registry, Config(), names, report, stack, live=True)
    ]  # fmt: skip
    desk.run()
    events = reader.read_results(desk.ended[0]).events
    assert events[-1].at > 45 * SAMPLE_RATE
    said = {e.stage: e.reason for e in events if isinstance(e, Degraded)}
    assert said["fails"].startswith("it failed (RuntimeError at voicecoach_broken.py:")
    assert said["hangs"] == "it is too slow and is disabled for this call"
    assert len([e for e in events if isinstance(e, Degraded)]) == 2, "each is said once"

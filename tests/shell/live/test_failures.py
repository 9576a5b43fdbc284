"""Whatever fails beside a call, or in it: begun again once, then left alone, and always said."""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.shell.asr.test_answering import SETTINGS, Parrot, feed, request
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.engine import Engine
from voicecoach.shell.asr.answering import LiveAsr
from voicecoach.shell.asr.backlog import Backlog
from voicecoach.shell.capture import AudioChunk, AudioSource, ChunkCallback
from voicecoach.shell.capture import ears as capture
from voicecoach.shell.capture.ears import CapturedChunk, DeviceLost, DeviceSupervisor
from voicecoach.shell.live.session import LiveCall, LiveSession
from voicecoach.shell.results.replay_one import CallSetup
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.feed import (
    CustomerDeclines,
    Feed,
    NextCall,
    QuitProgram,
    StageTrouble,
    ToggleListening,
    UndoDecline,
    UserAction,
)
from voicecoach.shell.runtime.worker import StageThread, describe_error
from voicecoach.testing import ENGLISH, wait_until
from voicecoach.types.events import Event, InputItem
from voicecoach.types.stream import HOP, Speaker, Transcript

SECRET = "a word that somebody said"


class Tone:
    """A device that delivers until it is let go."""

    def __init__(self, deliver: ChunkCallback) -> None:
        self._ended = threading.Event()
        self._deliver = deliver
        threading.Thread(target=self._play, daemon=True).start()

    def _play(self) -> None:
        rng = np.random.default_rng(0)
        while not self._ended.wait(0.02):
            noise = (300 * rng.standard_normal(320)).astype(np.int16)
            self._deliver(AudioChunk(noise, time.monotonic() - 0.02))

    def failure_reason(self) -> str:
        return ""

    def close(self) -> None:
        self._ended.set()


class Backend:
    """A microphone and an output."""

    pauses_in_silence = False

    def sources(self) -> list[AudioSource]:
        return [AudioSource("mic", "Mic", "input", True), AudioSource("out", "Out", "output", True)]

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> Tone:
        return Tone(deliver)


def test_work_that_fails_is_begun_again_once() -> None:
    said: list[tuple[str, str, bool]] = []
    given_up = threading.Event()
    calls = iter([ValueError(SECRET), None, ValueError(SECRET), ValueError(SECRET)])

    def work() -> None:
        if error := next(calls):
            raise error

    for expected in (1, 3):
        worker = StageThread("stage", work, lambda *what: said.append(what), given_up.set)
        worker.start()
        worker.join()
        assert len(said) == expected
    assert [lasts for _, _, lasts in said] == [False, False, True]
    assert given_up.is_set()
    assert all("ValueError at test_failures.py:" in reason for _, reason, _ in said)
    assert SECRET not in str(said)


def test_of_an_error_only_its_class_and_place_are_said(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise RuntimeError(SECRET)

    worker = StageThread("stage", work, lambda *what: None)
    worker.start()
    worker.join()
    shown = capfd.readouterr().err
    assert "raise RuntimeError(SECRET)" in shown
    assert SECRET not in shown
    assert describe_error(KeyError(SECRET)) == "KeyError"


def test_a_recogniser_whose_thread_fails_answers_that_there_are_no_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed_ = Feed()
    take = Backlog.next_task
    fail = threading.Event()

    def fails(self: Backlog, now: int) -> Any:
        if fail.is_set():
            raise IndexError(SECRET)
        return take(self, now)

    monkeypatch.setattr(Backlog, "next_task", fails)
    w = LiveAsr(Parrot(), SETTINGS, ENGLISH.numbers, feed_.report_trouble)
    feed(w)
    fail.set()
    for utterance in (1, 2):
        w.submit(request(64 * HOP, careful=True, utterance=utterance))
    answers = [a for a in w.poll(None) if isinstance(a, Transcript)]
    w.submit(request(64 * HOP, careful=True, utterance=3))
    answers += [a for a in w.poll(None) if isinstance(a, Transcript)]
    assert [a.utterance for a in answers] == [1, 2, 3]
    assert all(a.error and not a.words for a in answers)
    troubles = feed_.drain_troubles()
    assert [(t.stage, t.lasts) for t in troubles] == [
        ("transcription", False),
        ("transcription", True),
    ]
    assert SECRET not in str(troubles)
    w.close()


def test_devices_that_nobody_watches_any_more_are_let_go_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(capture, "DEVICE_CHECK_S", 0.01)
    feed_, backend = Feed(), Backend()
    with DeviceSupervisor(backend, {}, feed_.report_trouble) as ears:
        ears.start()
        wait_until(
            lambda: any(isinstance(news, CapturedChunk) for news in ears.read_chunks(0.1).news)
        )
        monkeypatch.setattr(capture.SupervisedDevice, "check_device", _broken)
        lost: list[DeviceLost] = []

        def all_lost() -> bool:
            lost.extend(news for news in ears.read_chunks(0.1).news if isinstance(news, DeviceLost))
            return len(lost) == 2

        wait_until(all_lost)
        assert {one.speaker for one in lost} == set(Speaker)
        assert "device monitoring has stopped" in lost[0].reason
        assert [t.lasts for t in feed_.drain_troubles()] == [False, True]
        time.sleep(0.1)
        ears.read_chunks(0.0)
        time.sleep(0.1)
        assert not ears.read_chunks(0.0).news


def _broken(*_: object, **__: object) -> None:
    raise RuntimeError(SECRET)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LiveSession]:
    feed_ = Feed()
    setup = CallSetup(Config(), built_in_cues(), shipped_models(), ())
    with DeviceSupervisor(Backend(), {}, feed_.report_trouble) as ears:
        yield LiveSession(setup, ears, feed_, tmp_path / "out")


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return what makes an engine fail once when it is set."""
    process, fail = Engine.process, threading.Event()

    def fails(self: Engine, item: InputItem) -> list[Event]:
        if fail.is_set():
            fail.clear()
            raise ZeroDivisionError(SECRET)
        return process(self, item)

    monkeypatch.setattr(Engine, "process", fails)
    return fail


def is_done(session: LiveSession, wish: UserAction) -> bool:
    """Return whether a wish was answered as done."""
    return session.feed.post_action(wish).result(20.0).done


def test_an_engine_that_fails_costs_no_more_than_its_call(
    session: LiveSession, fail: threading.Event
) -> None:
    thread = threading.Thread(target=session.run)
    thread.start()
    session.feed.post_action(ToggleListening())
    wait_until(lambda: session.folders and session.devices.has_audio)
    time.sleep(0.3)
    fail.set()
    wait_until(lambda: len(session.folders) == 2)
    wait_until(lambda: "engine: it failed" in session.feed.newest.display.notice)
    assert session.feed.newest.display.state == "listening"
    fail.set()  # again: it waits for the agent, and says why
    wait_until(lambda: session.feed.newest.display.state == "ready")
    assert "press Start to retry" in session.feed.newest.display.notice
    session.feed.post_action(ToggleListening())
    wait_until(lambda: len(session.folders) == 3)
    wait_until(lambda: session.feed.newest.display.state == "listening")
    session.feed.post_action(QuitProgram())
    thread.join(20.0)
    assert not session.unwritten
    logs = [(folder / "events.jsonl").read_text("utf-8") for folder in session.folders]
    assert len(set(session.folders)) == 3
    ends = [json.loads(log.splitlines()[-1]) for log in logs]
    assert [end["type"] for end in ends] == ["degraded", "degraded", "ended"]
    assert "ZeroDivisionError" in ends[0]["reason"]
    assert "so a new call was started" in logs[1]
    assert all((folder / "summary.md").exists() for folder in session.folders)
    assert SECRET not in "".join(logs)


def test_a_customer_may_decline_a_call_whose_engine_failed(
    session: LiveSession, fail: threading.Event
) -> None:
    """All of it is deleted, and none of the customer's before."""

    def ask(wish: UserAction) -> bool:
        return is_done(session, wish)

    def fail_again(folders: int) -> None:
        wait_until(lambda: len(session.folders) == folders and session.devices.has_audio)
        fail.set()

    thread = threading.Thread(target=session.run)
    thread.start()
    session.notice = "May I?"
    assert ask(ToggleListening())
    wait_until(lambda: session.devices.has_audio)
    assert ask(NextCall())
    assert ask(ToggleListening())
    fail_again(2)
    fail_again(3)
    wait_until(lambda: session.state == "ready")
    first, *failed = session.folders
    assert ask(CustomerDeclines())
    wait_until(lambda: list(session.out.iterdir()) == [first])
    assert ask(UndoDecline())
    wait_until(lambda: sorted(session.out.iterdir()) == sorted([first, *failed]))
    assert ask(ToggleListening())
    fail_again(4)
    wait_until(lambda: len(session.folders) == 5)
    assert ask(CustomerDeclines())  # while it runs
    wait_until(lambda: sorted(session.out.iterdir()) == sorted([first, *failed]))
    assert ask(QuitProgram())
    thread.join(20.0)
    assert session.folders == [first, *failed]


def test_what_fails_after_the_agent_ended_it_is_not_continued(
    session: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A customer who declines has only their own call deleted, and all of it."""

    def fails(_: Engine) -> list[Event]:
        if len(session.folders) in (1, 3):
            raise ZeroDivisionError(SECRET)
        return []

    monkeypatch.setattr(Engine, "finish", fails)
    thread = threading.Thread(target=session.run)
    thread.start()
    assert is_done(session, ToggleListening())
    wait_until(lambda: session.devices.has_audio)
    assert is_done(session, NextCall())  # and it fails
    wait_until(lambda: len(session.folders) == 2)
    first, second = session.folders
    assert is_done(session, CustomerDeclines())
    wait_until(lambda: session.folders == list(session.out.iterdir()) == [first])
    assert is_done(session, UndoDecline())
    assert is_done(session, ToggleListening())
    wait_until(lambda: len(session.folders) == 3)
    assert is_done(session, CustomerDeclines())  # and it fails
    wait_until(lambda: session.folders == [first, second])
    wait_until(lambda: sorted(session.out.iterdir()) == sorted([first, second]))
    assert is_done(session, UndoDecline())
    wait_until(lambda: sorted(session.out.iterdir()) == sorted(session.folders))
    assert is_done(session, QuitProgram())
    thread.join(20.0)
    assert len(session.folders) == 3


def test_nothing_of_a_call_stays_when_others_follow(
    session: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, engines = LiveCall.__init__, list[weakref.ref[Engine]]()

    def noted(self: LiveCall, session: LiveSession) -> None:
        begin(self, session)
        engines.append(weakref.ref(self.engine))

    monkeypatch.setattr(LiveCall, "__init__", noted)
    thread = threading.Thread(target=session.run)
    thread.start()
    session.feed.post_action(ToggleListening())
    for calls in range(1, 6):
        wait_until(lambda calls=calls: len(engines) == calls and session.devices.has_audio)  # type: ignore[misc]
        time.sleep(0.3)
        session.feed.post_action(NextCall())
    wait_until(lambda: len(engines) == 6)
    # The call before may still be writing its summary beside the new one.
    wait_until(lambda: sum(engine() is not None for engine in engines) <= 2)
    session.feed.post_action(QuitProgram())
    thread.join(20.0)


def test_what_is_said_beside_the_loop_is_in_the_log_and_on_the_display(
    session: LiveSession,
) -> None:
    thread = threading.Thread(target=session.run)
    thread.start()
    session.feed.post_action(ToggleListening())
    wait_until(lambda: session.devices.has_audio)
    session.feed.report_trouble("page", "it failed", False)
    wait_until(lambda: "page: it failed" in session.feed.newest.display.notice)
    session.feed.post_action(QuitProgram())
    thread.join(20.0)
    log = (session.folders[0] / "events.jsonl").read_text("utf-8")
    assert '"stage":"page","reason":"it failed"' in log


def test_no_more_is_kept_of_troubles_than_fits() -> None:
    feed_ = Feed()
    for i in range(1000):
        feed_.report_trouble("stage", str(i), False)
    assert feed_.drain_troubles()[0] == StageTrouble("stage", "0", False)
    assert len(feed_.drain_troubles()) == 0

"""What surrounds a live session: which view, keys, words from outside, metrics, what is kept."""

from __future__ import annotations

import os
import pty
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from voicecoach.errors import ConfigError, OutputError
from voicecoach.shell.apps import live
from voicecoach.shell.apps.live import SessionThread, resolve_view, show_until_ended
from voicecoach.shell.control import keys, local_socket
from voicecoach.shell.control import metrics as metrics_room
from voicecoach.shell.control.local_socket import ControlServer, apply_command, send_command
from voicecoach.shell.control.metrics import MetricsServer
from voicecoach.shell.live.session import LiveSession
from voicecoach.shell.runtime.feed import (
    CustomerDeclines,
    Feed,
    MarkCue,
    NextCall,
    QuitProgram,
    ToggleListening,
    UserAction,
)
from voicecoach.shell.runtime.latency import STAGES, LatencyStats
from voicecoach.views.display import CardDisplay, Display

SHOWN = Display(state="listening", card=CardDisplay("soften", 7, "Soften", "", "", None))


def wished(feed: Feed, seconds: float = 10.0) -> list[UserAction]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := feed.drain_actions():
            return found
        time.sleep(0.01)
    return []


def test_there_is_a_view_for_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "why_no_overlay", lambda: "there is no PySide6")
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert resolve_view("auto") == ("console", "there is no PySide6")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert resolve_view("auto") == ("browser", "there is no PySide6")
    for named in ("console", "browser", "none"):
        assert resolve_view(named) == (named, "")
    with pytest.raises(ConfigError, match="no overlay: there is no PySide6; or take --view"):
        resolve_view("overlay")
    monkeypatch.setattr(live, "why_no_overlay", lambda: "")
    assert resolve_view("auto") == ("overlay", "")


class Patient:
    """A session that goes on until it is wished to end."""

    def __init__(self, feed: Feed) -> None:
        self.feed, self.ended = feed, False

    def run(self) -> None:
        while QuitProgram() not in self.feed.drain_actions():
            time.sleep(0.01)
        self.ended = True


def watched(show: Callable[[Feed], None]) -> Patient:
    """Return a session that was watched to its end."""
    feed = Feed()
    session = Patient(feed)
    attended = SessionThread(cast(LiveSession, session))
    attended.start()
    show_until_ended(lambda: show(feed), attended, feed)
    assert not attended.running
    return session


def test_a_view_that_fails_is_told_and_ends_no_call(capfd: pytest.CaptureFixture[str]) -> None:
    drawn = "nineteen", "crates"

    def fail(feed: Feed) -> None:
        threading.Timer(0.5, lambda: feed.post_action(QuitProgram())).start()
        raise RuntimeError(" ".join(drawn))

    assert watched(fail).ended, "by the wish, and by nothing before it"
    said = capfd.readouterr().err
    assert "RuntimeError at test_live.py" in said
    assert "the call goes on" in said
    assert " ".join(drawn) not in said, "what it drew may be what was said"


def test_asked_to_end_it_ends_the_session_first() -> None:
    def interrupted(feed: Feed) -> None:
        raise KeyboardInterrupt

    def terminated(feed: Feed) -> None:
        raise SystemExit(143)

    assert watched(interrupted).ended
    with pytest.raises(SystemExit):
        watched(terminated)


def test_what_a_session_ends_with_is_raised() -> None:
    class Failing:
        def run(self) -> None:
            raise OutputError("the disk is full")

    attended = SessionThread(cast(LiveSession, Failing()))
    attended.start()
    with pytest.raises(OutputError, match="the disk is full"):
        show_until_ended(lambda: None, attended, Feed())


@pytest.mark.parametrize(
    ("word", "wish"),
    [
        ("pause", ToggleListening()),
        ("next", NextCall()),
        ("decline", CustomerDeclines()),
        ("quit", QuitProgram()),
        ("helpful", MarkCue("soften", 7, helpful=True)),
        ("wrong", MarkCue("soften", 7, helpful=False)),
    ],
)
def test_a_word_is_a_wish(word: str, wish: UserAction) -> None:
    feed = Feed()
    feed.publish(SHOWN, 0.0)
    apply_command(feed, word)
    assert feed.drain_actions() == [wish]


def test_words_that_are_none_and_marks_of_nothing_do_nothing() -> None:
    feed = Feed()
    for word in ("helpful", "wrong", "rm -rf", ""):
        apply_command(feed, word)
    assert feed.drain_actions() == []
    apply_command(feed, "click-through")
    assert feed.click_through


def test_another_program_can_tell_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_socket, "control_folder", lambda: tmp_path / "run")
    with pytest.raises(ConfigError, match="no live call runs here"):
        send_command("pause")
    with pytest.raises(ConfigError, match="say one of pause, next"):
        send_command("dance")
    feed = Feed()
    with ControlServer(feed):
        send_command("pause")
        assert wished(feed) == [ToggleListening()]
        send_command("next")
        assert wished(feed) == [NextCall()]
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "run" / "key").stat().st_mode & 0o777 == 0o600
        # Somebody who does not have the key is not heard.
        (tmp_path / "run" / "key").write_bytes(b"x" * 32)
        with pytest.raises(ConfigError, match="no live call"):
            send_command("quit")
        assert feed.drain_actions() == []
    with pytest.raises(ConfigError, match="no live call runs here"):
        send_command("pause")


def test_who_connects_and_is_no_help_holds_nobody_up(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("r")
    monkeypatch.setattr(local_socket, "control_folder", lambda: place)
    monkeypatch.setattr(local_socket, "HANDSHAKE_TIMEOUT_S", 0.3)
    feed = Feed()
    with ControlServer(feed), ExitStack() as stack:
        silent = []
        for said in (b"", b"\xff" * 9, b"\0\0\0\x09rubbish", b"x" * 100_000, *[b""] * 16):
            other = stack.enter_context(socket.socket(socket.AF_UNIX))
            other.connect(str(place / "control"))
            other.settimeout(10)
            with suppress(OSError):
                other.sendall(said)
            silent.append(other)
        send_command("pause")
        assert wished(feed) == [ToggleListening()]
        for other in silent:
            with suppress(ConnectionError):
                while other.recv(4096):
                    pass


def test_what_goes_wrong_with_a_word_ends_nothing(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(feed: Feed, word: str) -> None:
        raise ZeroDivisionError

    place = tmp_path_factory.mktemp("r")
    monkeypatch.setattr(local_socket, "control_folder", lambda: place)
    feed = Feed()
    with ControlServer(feed):
        with monkeypatch.context() as patch:
            patch.setattr(local_socket, "apply_command", fails)
            with pytest.raises(ConfigError, match="no live call"):
                send_command("pause")
        send_command("next")
        assert wished(feed) == [NextCall()]


def test_a_call_that_hangs_is_said(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("r")
    monkeypatch.setattr(local_socket, "control_folder", lambda: place)
    monkeypatch.setattr(local_socket, "CONTROL_REPLY_TIMEOUT_S", 0.2)
    (place / "key").write_bytes(b"x" * 32)
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(place / "control"))
        hung.listen(1)
        with pytest.raises(ConfigError, match="does not answer"):
            send_command("pause")


def test_keys_in_the_terminal_are_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    feed = Feed()
    with os.fdopen(theirs, "r") as terminal, os.fdopen(ours, "wb", buffering=0) as user:
        monkeypatch.setattr(sys, "stdin", terminal)
        with keys.key_listener(feed) as there:
            assert there
            user.write(b"p")
            assert wished(feed) == [ToggleListening()]
            user.write(b"x")
            user.write(b"n")
            assert wished(feed) == [NextCall()]


def test_without_a_terminal_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with keys.key_listener(Feed()) as there:
            assert not there


def test_stages_are_served_to_prometheus_on_loopback_alone(tmp_path: Path) -> None:
    stages = LatencyStats()
    for seconds in (0.0005, 0.003, 9.0):
        stages["vad"].add_duration(seconds, cpu=0.001)
    stages.set_queue_depth("capture", 5)
    stages.set_queue_depth("capture", 2)
    key = tmp_path / "metrics.token"
    with MetricsServer(stages, 0, key) as metrics:
        assert metrics.url.startswith(f"http://127.0.0.1:{metrics.port}/")
        with urllib.request.urlopen(metrics.url) as answer:
            text = answer.read().decode()
        with pytest.raises(ConfigError, match="cannot listen there"):
            MetricsServer(stages, metrics.port, key)
    found = {
        (sample.name, *(label for _, label in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["voicecoach_stage_seconds_count", "vad"] == 3
    assert found["voicecoach_stage_seconds_sum", "vad"] == pytest.approx(9.0035)
    assert found["voicecoach_stage_seconds_bucket", "0.005", "vad"] == 2
    assert found["voicecoach_stage_seconds_bucket", "+Inf", "vad"] == 3
    assert found["voicecoach_stage_cpu_seconds_total", "vad"] == pytest.approx(0.003)
    assert found["voicecoach_queue_depth", "capture"] == 2
    assert {name[1] for name in found if name[0] == "voicecoach_stage_seconds_sum"} == set(STAGES)
    assert stages.max_queue_depths["capture"] == 5


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/metrics", {}),
        ("/", {}),
        ("/" + "a" * 43 + "/metrics", {}),
        ("", {"Host": "evil.example"}),
        ("", {"Host": ""}),
        ("", {"Origin": "http://evil.example"}),
    ],
)
def test_metrics_are_for_who_knows_the_address(
    path: str, headers: dict[str, str], tmp_path: Path
) -> None:
    with MetricsServer(LatencyStats(), 0, tmp_path / "key") as metrics:
        address = f"http://127.0.0.1:{metrics.port}{path}" if path else metrics.url
        request = urllib.request.Request(address, headers=headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        assert refused.value.code == 404
        refused.value.close()


def test_the_address_of_metrics_is_kept_and_its_owners_alone(tmp_path: Path) -> None:
    key = tmp_path / "data" / "metrics.token"

    def token() -> str:
        with MetricsServer(LatencyStats(), 0, key) as metrics:
            return metrics.url.split("/")[3]

    first = token()
    assert token() == first
    assert key.stat().st_mode & 0o777 == 0o600
    key.write_text("guessable\n")
    assert token() not in (first, "guessable")
    key.unlink()
    key.parent.rmdir()
    key.parent.write_text("no folder can be made here")
    assert token() != token()


def test_who_asks_metrics_for_nothing_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_room.SilentRequestHandler, "timeout", 0.2)
    with MetricsServer(LatencyStats(), 0, tmp_path / "key") as metrics:
        idle = [socket.create_connection(("127.0.0.1", metrics.port)) for _ in range(3)]
        with urllib.request.urlopen(metrics.url, timeout=20) as answer:
            assert answer.status == 200
        for one in idle:
            one.close()


def test_figures_are_percentiles() -> None:
    stages = LatencyStats()
    for i in range(101):
        stages["hop"].add_duration(i / 1000)
    figures = stages["hop"].stats()
    assert (figures.times, figures.most) == (101, 0.1)
    assert [figures.p50, figures.p95] == pytest.approx([0.05, 0.095])
    stages.reset()
    assert stages["hop"].stats().times == 0

"""What surrounds a live session: which view, keys, the local web application."""

from __future__ import annotations

import os
import pty
import re
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import pytest

from voicecoach.config import Config, LiveConfig
from voicecoach.errors import ConfigError, OutputError
from voicecoach.shell.apps import live
from voicecoach.shell.apps.built_in import built_in_plugins, open_sinks
from voicecoach.shell.apps.live import (
    SessionThread,
    open_view,
    resolve_view,
    serve_locally,
    show_until_ended,
)
from voicecoach.shell.control import keys
from voicecoach.shell.control.tell import send_command
from voicecoach.shell.live.session import LiveSession
from voicecoach.shell.runtime.feed import Feed, NextCall, QuitProgram, ToggleListening, UserAction
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.shell.runtime.plugins import Registry
from voicecoach.shell.views.view import LiveHandle, View
from voicecoach.testing import wait_until
from voicecoach.views.display import Display


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
    with pytest.raises(ConfigError, match="no overlay: there is no PySide6; or use --view"):
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


class Shown(View):
    """A view that does what it is given."""

    def __init__(self, show: Callable[[], object]) -> None:
        self.run = show  # type: ignore[method-assign,assignment]


def watched(show: Callable[[Feed], object], handle: LiveHandle | None = None) -> Patient:
    """Return a session that was watched to its end."""
    handle = handle or LiveHandle(Feed(), LatencyStats())
    session = Patient(handle.feed)
    attended = SessionThread(cast(LiveSession, session))
    attended.start()
    show_until_ended(Shown(lambda: show(handle.feed)), attended, handle)
    assert not attended.running
    return session


def quit_soon(feed: Feed) -> None:
    threading.Timer(0.5, lambda: feed.post_action(QuitProgram())).start()


def test_a_view_that_fails_is_told_and_ends_no_call(capfd: pytest.CaptureFixture[str]) -> None:
    drawn = "nineteen", "crates"

    def fail(feed: Feed) -> None:
        quit_soon(feed)
        raise RuntimeError(" ".join(drawn))

    assert watched(fail).ended, "by the wish, and by nothing before it"
    said = capfd.readouterr().err
    assert "RuntimeError at test_live.py" in said
    assert "the call continues" in said
    assert " ".join(drawn) not in said, "what it drew may be what was said"


@pytest.mark.parametrize("fails", [False, True])
def test_when_a_view_ends_before_the_call_nothing_shows_it(
    fails: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    def brief(feed: Feed) -> None:
        quit_soon(feed)
        if fails:
            raise RuntimeError("nineteen crates")

    handle = LiveHandle(Feed(), LatencyStats())
    handle.feed.publish(Display(state="listening"), 0.0)
    watched(brief, handle)
    assert handle.feed.unseen.startswith("the view failed" if fails else "the view is gone")
    first, *more = capfd.readouterr().err.splitlines()
    assert first == f"Listening is paused: {handle.feed.unseen}"
    assert bool(more) is fails


def test_when_a_view_ends_with_the_call_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    handle = LiveHandle(Feed(), LatencyStats())
    watched(lambda feed: feed.post_action(QuitProgram()), handle)
    assert handle.feed.unseen == ""
    handle = LiveHandle(Feed(), LatencyStats())
    handle.running = False
    watched(quit_soon, handle)
    assert handle.feed.unseen == ""
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="another command shows it there")
def test_what_is_paused_is_said_on_the_desktop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    command, shown = tmp_path / "notify-send", tmp_path / "shown"
    command.write_text(f'#!/bin/sh\necho "$@" > {shown}.new\nmv {shown}.new {shown}\n')
    command.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    handle = LiveHandle(Feed(), LatencyStats())
    handle.feed.publish(Display(state="listening"), 0.0)
    handle.set_unseen("the overlay was closed")
    wait_until(shown.exists)
    assert shown.read_text().endswith("-- Listening is paused: the overlay was closed\n")
    assert capfd.readouterr().err == "Listening is paused: the overlay was closed\n"


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
        show_until_ended(Shown(lambda: None), attended, LiveHandle(Feed(), LatencyStats()))


@contextmanager
def served(config: Config) -> Iterator[LiveHandle]:
    """Serve what a session with this configuration does."""
    handle = LiveHandle(Feed(), LatencyStats())
    registry = Registry(built_in_plugins(config, handle.latency, handle.routes))
    view = open_view(registry, config, handle)
    with ExitStack() as stack:
        report = handle.feed.report_trouble
        open_sinks(registry, config, list(config.sinks), report, stack, live=True)
        serve_locally(handle, config, stack)
        view.open()
        yield handle
        view.close()


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is opened in the person's browser."""
    found: list[str] = []
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(webbrowser, "open", found.append)
    return found


def test_page_metrics_and_tell_share_a_port_and_a_token(
    opened: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with served(Config(live=LiveConfig(view="browser"), sinks={"metrics": {}})) as handle:
        found = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)([\w-]{43})/", handle.url)
        assert found
        address, token = found.groups()
        said = capfd.readouterr().out.replace("\n", "")
        file = tmp_path / "voicecoach" / "metrics.token"
        assert f"Metrics: {address}metrics, token in {file}" in said
        assert f"The page: {handle.url}" in said
        assert said.count(token) == 1, "only the page's address needs it"
        request = urllib.request.Request(
            f"{address}metrics", headers={"Authorization": f"Bearer {file.read_text().strip()}"}
        )
        with urllib.request.urlopen(request) as answer:
            assert b"voicecoach_stage_seconds" in answer.read()
        with urllib.request.urlopen(handle.url) as answer:
            assert b"<html" in answer.read()
        # The browser's command line can be read by others: its address leads there once.
        wait_until(lambda: len(opened) == 1)
        assert opened[0].startswith(address)
        assert token not in opened[0]
        with urllib.request.urlopen(opened[0]) as answer:
            assert answer.url == handle.url
            assert b"<html" in answer.read()
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(opened[0])
        refused.value.close()
        send_command("pause")
        assert handle.feed.drain_actions() == [ToggleListening()]


def test_a_browser_that_stays_open_delays_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    ended = threading.Event()
    monkeypatch.setattr(webbrowser, "open", lambda _: ended.wait(30))
    with served(Config(live=LiveConfig(view="browser"))):
        assert not ended.is_set(), "the page is open while the browser is"
        ended.set()


def test_without_page_and_metrics_tell_is_served_and_nothing_is_printed(
    opened: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with served(Config(live=LiveConfig(view="none"))) as handle:
        send_command("next")
        assert handle.feed.drain_actions() == [NextCall()]
        for path in ("", "metrics"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(handle.url + path)
            refused.value.close()
    assert capfd.readouterr() == ("", "")
    assert opened == []


def test_without_its_packages_only_what_needs_them_is_missing(
    opened: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("control.web_app", "control.metrics", "views.browser"):
        monkeypatch.setitem(sys.modules, f"voicecoach.shell.{name}", None)
    with served(Config(live=LiveConfig(view="none"))):
        said = capfd.readouterr().err
        assert said.startswith("`voicecoach tell` cannot reach this call: no local web app")
        assert said.endswith("pip install 'voicecoach[live]'\n")
    for config in (
        Config(live=LiveConfig(view="browser")),
        Config(live=LiveConfig(view="none"), sinks={"metrics": {}}),
        Config(live=LiveConfig(view="none", port=9464)),
    ):
        with pytest.raises(ConfigError, match=r"pip install 'voicecoach\[live\]'$"), served(config):
            pass


def test_a_port_that_is_taken_is_said(opened: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=f"--port {port}: cannot listen on it"),
            served(Config(live=LiveConfig(view="none", port=port))),
        ):
            pass


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


def test_figures_are_percentiles() -> None:
    stages = LatencyStats()
    for i in range(101):
        stages["hop"].add_duration(i / 1000)
    figures = stages["hop"].stats()
    assert (figures.times, figures.most) == (101, 0.1)
    assert [figures.p50, figures.p95] == pytest.approx([0.05, 0.095])
    stages.reset()
    assert stages["hop"].stats().times == 0

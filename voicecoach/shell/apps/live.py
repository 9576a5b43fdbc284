"""A live session in its thread, and a view of it in the main one, where windows must be.

A view that fails ends the view, never the call.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from voicecoach.coaching.cues import Cue
from voicecoach.config import Config
from voicecoach.errors import ConfigError
from voicecoach.shell.asr.transcriber import Transcriber
from voicecoach.shell.capture import choose_backend
from voicecoach.shell.capture.ears import DeviceSupervisor
from voicecoach.shell.control import keys
from voicecoach.shell.control.local_socket import ControlServer
from voicecoach.shell.journal.keep import JournalWriter
from voicecoach.shell.live import retention
from voicecoach.shell.live.recorder import check_writable
from voicecoach.shell.live.session import LiveSession
from voicecoach.shell.results import baseline_file
from voicecoach.shell.results.replay_one import CallSetup
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.feed import Feed, QuitProgram, TimedDisplay, ToggleListening
from voicecoach.shell.runtime.worker import describe_error
from voicecoach.shell.views.console import TerminalView, print_to_console
from voicecoach.shell.views.stderr import print_to_stderr
from voicecoach.types import Event, Speaker

VIEW_POLL_S = 0.1
MAX_QUEUED_EVENTS = 5000
"""Events that may wait for the terminal; what a stuck one misses it will never show."""


class LiveOptions(NamedTuple):
    """How a live call is run."""

    out: Path
    view: str
    """auto, overlay, browser, console or none."""
    wait: bool = False
    consent: bool = False
    record: bool = False
    learn: bool = True
    metrics: int | None = None
    port: int = 0
    journal: bool = False


class EventRelay:
    """Takes the session's events to the terminal's thread, without waiting for it."""

    def __init__(self) -> None:
        self._events: queue.Queue[Event] = queue.Queue(MAX_QUEUED_EVENTS)

    def on_event(self, event: Event) -> None:
        """Take an event."""
        try:
            self._events.put_nowait(event)
        except queue.Full:
            return

    def next_event(self, seconds: float) -> Event | None:
        """Return the next event, or None if none comes within so long."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None


class SessionThread:
    """A session that runs in a thread."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._error: BaseException | None = None
        # Not a daemon: what a call came to is written even where the view has failed.
        self._thread = threading.Thread(target=self._run, name="session")

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, feed: Feed) -> None:
        """Wait for its end, which Ctrl-C asks for; raises what it ended with."""
        while self._thread.is_alive():
            try:
                self._thread.join(VIEW_POLL_S)  # so that Ctrl-C is heard
            except KeyboardInterrupt:
                feed.post_action(QuitProgram())
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            self._session.run()
        except BaseException as e:
            self._error = e


def run_live(
    config: Config,
    cues: tuple[Cue, ...],
    transcribers: Sequence[Transcriber],
    no_words: str,
    options: LiveOptions,
) -> None:
    """Listen to calls, and show them, until the agent ends it.

    Raises
    ------
    DeviceError, ConfigError, OutputError
        Where there is nothing to listen with, a view that was named cannot be shown, or calls
        cannot be kept.
    """
    console = Console()
    view, why = resolve_view(options.view)
    if why:
        print_to_console(console, f"No overlay: {why}. Instead: {view}.")
    backend = choose_backend()
    # What a person has to mend is said now, not in the middle of a call.
    backend.sources()
    check_writable(options.out)
    path = baseline_file.default_baseline_path()
    known = baseline_file.read_baseline(path) if options.learn else None
    setup = CallSetup(config, cues, shipped_models(), transcribers, no_words, baseline=known)
    wanted = {Speaker.AGENT: config.live.microphone, Speaker.CUSTOMER: config.live.softphone}
    feed, relay = Feed(), EventRelay()
    wait = options.wait or config.privacy.ask_first
    notice = ""
    if options.consent or config.privacy.ask_first:
        notice = config.live.notice_recorded if options.record else config.live.notice
    if news := retention.purge_old_calls(options.out, config.privacy.keep_days, datetime.now(UTC)):
        print_to_console(console, news)
    with ExitStack() as stack:
        books = stack.enter_context(JournalWriter(config)) if options.journal else None
        if books and (news := books.purge_expired()):
            print_to_console(console, news)
        ears = stack.enter_context(DeviceSupervisor(backend, wanted, feed.report_trouble))
        session = LiveSession(
            setup,
            ears,
            feed,
            options.out,
            learn=options.learn,
            notice=notice,
            audio=options.record,
            watcher=relay if view in ("console", "none") else None,
            ended=books.schedule_call if books else None,
        )
        if notice:
            print_to_console(console, f"Say to the customer: {notice}")
        if options.metrics:
            from voicecoach.shell.control.metrics import MetricsServer

            metrics = stack.enter_context(MetricsServer(session.latency, options.metrics))
            print_to_console(console, f"Metrics: {metrics.url}")
        control = stack.enter_context(ControlServer(feed))
        if control.why_unreachable:
            print_to_stderr(control.why_unreachable)
        if view == "browser":
            from voicecoach.shell.views.browser import BrowserView

            page = stack.enter_context(BrowserView(feed, options.port))
            print_to_console(console, f"The page: {page.url}")
            page.open_in_browser()
        if stack.enter_context(keys.key_listener(feed)):
            print_to_console(console, f"Keys here: {keys.KEYS_HELP}", "dim")
        if not wait:
            feed.post_action(ToggleListening())
        attended = SessionThread(session)
        attended.start()
        show_until_ended(
            lambda: _show(view, session, feed, attended, console, relay), attended, feed
        )
    for stage, reason, _ in feed.drain_troubles():
        print_to_stderr(f"{stage}: {reason}")
    for folder in session.unwritten:
        print_to_stderr(f"{folder}: the disk did not take it; it is not complete")
    for folder in session.folders:
        print_to_console(console, f"Results: {folder}", "bold")
    for trouble in books.problems if books else ():
        print_to_stderr(trouble)
    if options.learn and session.baseline and session.folders:
        baseline_file.write_baseline(path, session.baseline)


def show_until_ended(show: Callable[[], None], attended: SessionThread, feed: Feed) -> None:
    """Show a session that runs, and wait for its end; asked to end, it ends the session first.

    Raises
    ------
    BaseException
        What the session ended with.
    """
    try:
        show()
    except KeyboardInterrupt:
        feed.post_action(QuitProgram())
    except SystemExit:
        feed.post_action(QuitProgram())
        raise
    except Exception as e:  # of whatever library draws, which may quote what it drew
        traceback.print_tb(e.__traceback__)
        print_to_stderr(f"The view failed ({describe_error(e)}); the call goes on. Ctrl-C ends it.")
    finally:
        attended.join(feed)


def resolve_view(view: str) -> tuple[str, str]:
    """Return the view that can be shown here, and why it is not the one that is asked for.

    Raises
    ------
    ConfigError
        Where the overlay was asked for and cannot be shown.
    """
    if view not in ("auto", "overlay"):
        return view, ""
    why = why_no_overlay()
    if not why:
        return "overlay", ""
    if view == "overlay":
        raise ConfigError(f"no overlay: {why}; or take --view browser, or --view console")
    screen = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return "browser" if screen else "console", why


def why_no_overlay() -> str:
    """Return why there can be no overlay, "" where there can."""
    try:
        from voicecoach.shell.views import overlay
    except ImportError:
        return "pip install 'voicecoach[overlay]'"
    return overlay.why_unavailable()


def _show(
    view: str,
    session: LiveSession,
    feed: Feed,
    attended: SessionThread,
    console: Console,
    relay: EventRelay,
) -> None:
    """Show it in a view of its own; the page needs none."""
    if view == "overlay":
        from voicecoach.shell.views import overlay

        overlay.run_overlay(feed, lambda: attended.running, painted=repaint_recorder(session))
    elif view in ("console", "none"):
        # Without a picture there is a line for each utterance and cue.
        lines = console if view == "console" else Console(quiet=True)
        with TerminalView(lines, "live", None) as drawn:
            while attended.running:
                event = relay.next_event(VIEW_POLL_S)
                if event:
                    drawn.on_event(event)
                    drawn.on_progress(event.at)
                elif feed.newest.display.state == "ready":
                    drawn.clear()


def repaint_recorder(session: LiveSession) -> Callable[[TimedDisplay, float, float], None]:
    """Return what notes the repaints of an overlay."""
    paint, screen = session.latency["paint"], session.latency["screen"]

    def note(shown: TimedDisplay, began: float, ended: float) -> None:
        paint.add_duration(ended - began)
        if shown.sound_time:
            screen.add_duration(ended - shown.sound_time)

    return note

"""Runs a live session in a thread, and its view in the main thread, as windows require.

If a view fails, only the view ends, never the call.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from voicecoach.coaching.cues import Cue, language_notice
from voicecoach.config import Config
from voicecoach.errors import ConfigError, PluginError, VoiceCoachError
from voicecoach.shell.apps.built_in import (
    built_in_plugins,
    live_extra,
    live_sinks,
    open_sinks,
    open_source,
)
from voicecoach.shell.asr.transcriber import Transcriber
from voicecoach.shell.capture.ears import DeviceSupervisor
from voicecoach.shell.control import keys
from voicecoach.shell.control.call_file import TOKEN_FILE
from voicecoach.shell.live import retention
from voicecoach.shell.live.recorder import check_writable
from voicecoach.shell.live.session import LiveSession
from voicecoach.shell.results import baseline_file
from voicecoach.shell.results.replay_one import CallSetup
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.feed import Feed, QuitProgram, ToggleListening
from voicecoach.shell.runtime.languages import find_language
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.shell.runtime.plugins import Registry
from voicecoach.shell.runtime.stderr import print_error, print_to_stderr
from voicecoach.shell.runtime.worker import describe_error
from voicecoach.shell.views.console import print_to_console
from voicecoach.shell.views.view import VIEW_POLL_S, LiveHandle, View
from voicecoach.types.stream import Speaker


class LiveOptions(NamedTuple):
    """Options of a live call that are not in the configuration."""

    out: Path
    wait: bool = False
    consent: bool = False
    record: bool = False
    learn: bool = True
    journal: bool = False


class SessionThread:
    """A session that runs in a thread; `handle`, if given, is notified when it ends."""

    def __init__(self, session: LiveSession, handle: LiveHandle | None = None) -> None:
        self._session, self._handle = session, handle
        self._error: BaseException | None = None
        # Not a daemon: the results are written even if the view has failed.
        self._thread = threading.Thread(target=self._run, name="session")

    @property
    def running(self) -> bool:
        """Whether the session is running."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the session."""
        self._thread.start()

    def join(self, feed: Feed) -> None:
        """Wait for the session, which Ctrl-C or a signal ends; raise what it ended with."""
        asked: SystemExit | None = None
        while self._thread.is_alive():
            try:
                self._thread.join(VIEW_POLL_S)  # a timeout, so that Ctrl-C is handled
            except KeyboardInterrupt:
                feed.post_action(QuitProgram())
            except SystemExit as e:
                feed.post_action(QuitProgram())
                asked = e
        if error := self._error or asked:
            raise error

    def _run(self) -> None:
        try:
            self._session.run()
        except BaseException as e:
            self._error = e
        finally:
            if self._handle:
                self._handle.running = False


def run_live(
    config: Config,
    cues: tuple[Cue, ...],
    transcribers: Sequence[Transcriber],
    no_words: str,
    options: LiveOptions,
) -> None:
    """Listen to calls and show them until the agent ends the session.

    Raises
    ------
    DeviceError, ConfigError, OutputError
        If there is no audio source, a view that was named cannot be shown, or calls cannot be
        written.
    """
    console, feed, latency = Console(), Feed(), LatencyStats()
    handle = LiveHandle(feed, latency)
    registry = Registry(built_in_plugins(config, latency, handle.routes))
    view = open_view(registry, config, handle)
    backend = open_source(registry, config)
    # Problems that a person must fix are reported now, not in the middle of a call.
    backend.sources()
    check_writable(options.out)
    path = baseline_file.default_baseline_path()
    learn, known = options.learn, None
    if learn:
        try:
            known = baseline_file.read_baseline(path)
        except ConfigError as e:
            learn = False  # the file stays as it is
            print_to_stderr(f"{e}; the call starts without your baseline, and learns nothing")
    setup = CallSetup(config, cues, shipped_models(), transcribers, no_words, baseline=known)
    language = find_language(config.transcription.language)
    if transcribers and (missing := language_notice(language, cues)):
        print_to_console(console, missing.capitalize())
    wanted = {Speaker.AGENT: config.live.microphone, Speaker.CUSTOMER: config.live.softphone}
    wait = options.wait or config.privacy.ask_first
    notice = ""
    if options.consent or config.privacy.ask_first:
        notice = config.live.notice_recorded if options.record else config.live.notice
    if news := retention.purge_old_calls(options.out, config.privacy.keep_days, datetime.now(UTC)):
        print_to_console(console, news)
    with ExitStack() as stack:
        names = live_sinks(config, journal=options.journal)
        sinks = open_sinks(registry, config, names, feed.report_trouble, stack, live=True)
        ears = stack.enter_context(DeviceSupervisor(backend, wanted, feed.report_trouble))
        session = LiveSession(
            setup,
            ears,
            feed,
            options.out,
            learn=learn,
            notice=notice,
            audio=options.record,
            latency=latency,
            sinks=[*sinks, *handle.relays],
        )
        if notice:
            print_to_console(console, f"Say to the customer: {notice}")
        serve_locally(handle, config, stack)
        view.open()
        stack.callback(view.close)
        if stack.enter_context(keys.key_listener(feed)):
            print_to_console(console, f"Keys in this terminal: {keys.KEYS_HELP}", "dim")
        if not wait:
            feed.post_action(ToggleListening())
        attended = SessionThread(session, handle)
        attended.start()
        show_until_ended(view, attended, handle)
    for stage, reason, _ in feed.drain_troubles():
        print_to_stderr(f"{stage}: {reason}")
    for folder in session.unwritten:
        print_to_stderr(f"{folder}: incomplete, not everything could be written to disk")
    for folder in session.folders:
        print_to_console(console, f"Results: {folder}", "bold")
    if learn and session.setup.baseline and session.folders:
        baseline_file.write_baseline(path, session.setup.baseline)


def serve_locally(handle: LiveHandle, config: Config, stack: ExitStack) -> None:
    """Start the local web application, with `tell` and the routes of views and sinks.

    Raises
    ------
    ConfigError
        If it cannot start, and is needed for more than `tell`.
    """
    try:
        with live_extra("local web application"):
            from voicecoach.shell.control.web_app import WebServer
        metrics = "metrics" in config.sinks
        web = WebServer(handle.feed, handle.routes, config.live.port, token_file=metrics)
        stack.enter_context(web)
    except ConfigError as e:
        if handle.routes or config.live.port:
            raise
        print_to_stderr(f"`voicecoach tell` cannot reach this call: {e}")
        return
    handle.url, handle.one_time_url = web.url_with_token, web.one_time_url
    if web.why_unreachable:
        print_to_stderr(web.why_unreachable)
    if metrics:
        where = f"{web.url}metrics, token in {web.folder / TOKEN_FILE}" if web.folder else ""
        print_to_console(Console(), f"Metrics: {where or web.url_with_token + 'metrics'}")


def show_until_ended(view: View, attended: SessionThread, live: LiveHandle) -> None:
    """Show a running session and wait for its end; on request end the session first.

    If the view ends before, listening pauses, since nothing shows it.

    Raises
    ------
    BaseException
        What the session ended with.
    """
    try:
        view.run()
        if not live.is_ending:
            live.set_unseen("the view is gone; end the call with `voicecoach tell quit`")
    except KeyboardInterrupt:
        live.feed.post_action(QuitProgram())
    except SystemExit:
        live.feed.post_action(QuitProgram())
        raise
    except Exception as e:  # an error of a drawing library, which may quote what it drew
        live.set_unseen("the view failed; end the call with `voicecoach tell quit`")
        traceback.print_tb(e.__traceback__)
        print_to_stderr(
            f"The view failed ({describe_error(e)}); the call continues. Ctrl-C ends it."
        )
    finally:
        attended.join(live.feed)


def open_view(registry: Registry, config: Config, handle: LiveHandle) -> View:
    """Return the configured view, or the default one for this machine.

    If the package of a view is broken, that is reported and the default one is used.

    Raises
    ------
    ConfigError
        If there is no view of that name, or the overlay was requested and cannot be shown.
    """
    name = config.live.view
    try:
        if name != "auto":
            entry = registry.find("views", resolve_view(name)[0])
            view: View = entry.create(config, handle)
            return GuardedView(name, view, handle) if entry.foreign else view
    except PluginError as e:
        print_error(str(e))
    name, why = resolve_view("auto")
    if why:
        print_to_console(Console(), f"No overlay: {why}. Using the {name} view instead.")
    own: View = registry.find("views", name).create(config, handle)
    return own


class GuardedView(View):
    """Wraps a view of another package: if it cannot start, nothing is captured."""

    def __init__(self, name: str, view: View, live: LiveHandle) -> None:
        self._name, self._live = name, live
        self._view: View | None = view
        """None if it cannot be shown."""

    def open(self) -> None:
        """Prepare the view, or show nothing."""
        assert self._view
        try:
            self._view.open()
        except VoiceCoachError:
            raise
        except Exception as e:
            self._report_failure(e)
            self._view = None
            self._live.set_unseen("the view cannot be shown; choose another with --view")

    def run(self) -> None:
        """Show the session; the caller handles errors."""
        if not self._view:
            return
        self._view.run()
        if type(self._view).run is View.run:
            self._live.wait_until_ended()

    def close(self) -> None:
        """Close the view."""
        try:
            if self._view:
                self._view.close()
        except Exception as e:
            self._report_failure(e)

    def _report_failure(self, error: Exception) -> None:
        print_to_stderr(f"The view {self._name} failed ({describe_error(error)}).")


def resolve_view(view: str) -> tuple[str, str]:
    """Return the view that can be shown here, and why it is not the requested one.

    Raises
    ------
    ConfigError
        If the overlay was requested and cannot be shown.
    """
    if view not in ("auto", "overlay"):
        return view, ""
    why = why_no_overlay()
    if not why:
        return "overlay", ""
    if view == "overlay":
        raise ConfigError(f"no overlay: {why}; or use --view browser or --view console")
    screen = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return "browser" if screen else "console", why


def why_no_overlay() -> str:
    """Return why the overlay cannot be shown, "" if it can."""
    try:
        from voicecoach.shell.views import overlay
    except ImportError:
        return "pip install 'voicecoach[overlay]'"
    return overlay.why_unavailable()

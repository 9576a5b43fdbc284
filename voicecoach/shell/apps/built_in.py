"""Lists the program's own plug-ins, and creates the ones that are chosen.

A plug-in's module is imported only when the plug-in is created.
"""

from __future__ import annotations

import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

from voicecoach.config import Config, TranscriptionConfig
from voicecoach.errors import ConfigError, PluginError, VoiceCoachError
from voicecoach.shell.asr.transcriber import SpeechModel
from voicecoach.shell.capture import CaptureBackend, choose_backend
from voicecoach.shell.capture.guarded import GuardedBackend
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.shell.runtime.plugins import NoOptions, Plugin, Registry
from voicecoach.shell.runtime.sinks import GuardedSink, Sink, ThreadedSink
from voicecoach.shell.runtime.stderr import print_error, print_to_stderr
from voicecoach.shell.runtime.worker import ReportTrouble
from voicecoach.shell.views.console import print_to_console
from voicecoach.shell.views.view import VIEW_POLL_S, LiveHandle, View

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from voicecoach.shell.runtime.feed import TimedDisplay

PAGE_OPENS_S = 30.0
"""Seconds in which a browser must have opened the page."""
PAGE_RELOADS_S = 0.5
"""Seconds for which no page may be connected, as while it is loaded again."""


def built_in_plugins(
    config: Config | None = None,
    latency: LatencyStats | None = None,
    routes: list[BaseRoute] | None = None,
) -> dict[str, dict[str, Plugin[Any]]]:
    """Return the program's own plug-ins by kind and name.

    Parameters
    ----------
    config
        Configuration of the journal sink, which has a section of its own.
    latency
        Stage durations that the metrics sink serves.
    routes
        Routes of the local web application; the metrics sink adds its own.
    """
    settings, stages = config or Config(), latency or LatencyStats()
    served = [] if routes is None else routes
    return {
        "sinks": {
            "journal": Plugin(
                lambda _: _open_journal(settings),
                "adds each call to the journal; its options are in [journal]",
            ),
            "metrics": Plugin(
                lambda _: MetricsSink(stages, served),
                "serves stage durations and queue lengths to Prometheus",
            ),
        },
        "sources": {
            "pulse": Plugin(_pulse, "PulseAudio or PipeWire (Linux)"),
            "portaudio": Plugin(_portaudio, "any PortAudio input"),
            "wasapi": Plugin(_wasapi, "WASAPI with loopback (Windows)"),
            "taps": Plugin(_taps, "Core Audio with taps (macOS)"),
        },
        "transcribers": {
            "whisper": Plugin(_whisper, "faster-whisper; its options are in [transcription]")
        },
        "views": {
            "overlay": Plugin(OverlayView, "a small window beside the softphone"),
            "browser": Plugin(PageView, "a page in this computer's browser"),
            "console": Plugin(ConsoleView, "the terminal"),
            "none": Plugin(NoView, "shows nothing"),
        },
    }


# --- sinks ----------------------------------------------------------------------------------


def live_sinks(config: Config, *, journal: bool) -> list[str]:
    """Return the names of a live session's sinks, with the journal if it is wanted."""
    return [*(["journal"] if journal else []), *(n for n in config.sinks if n != "journal")]


def replay_sinks(config: Config) -> list[str]:
    """Return the names of a replay's sinks: the configured ones, without metrics."""
    return [name for name in config.sinks if name != "metrics"]


def open_sinks(
    registry: Registry,
    config: Config,
    names: list[str],
    report: ReportTrouble,
    stack: ExitStack,
    *,
    live: bool,
) -> list[Sink]:
    """Return the named sinks, for `stack` to close.

    A sink of another package that cannot start is reported and left out.

    Raises
    ------
    VoiceCoachError
        If a name is unknown, or one of the program's own sinks cannot start.
    """
    sinks: list[Sink] = []
    words = config.privacy.keep_words or not live
    for name in names:
        entry = registry.find("sinks", name)
        try:
            made: Sink = entry.create(config)
        except VoiceCoachError as e:
            if not entry.foreign:
                raise
            print_error(str(e) if isinstance(e, PluginError) else f"sink {name}: {e}")
            continue
        guarded = GuardedSink(name, made, report, words=words or not entry.foreign)
        threaded = live and entry.foreign
        sink = ThreadedSink(name, guarded, report) if threaded else guarded
        stack.callback(sink.close)
        sinks.append(sink)
    return sinks


class MetricsSink(Sink):
    """Serves the stages' durations on the local web application."""

    def __init__(self, latency: LatencyStats, routes: list[BaseRoute]) -> None:
        with live_extra("metrics"):
            from voicecoach.shell.control.metrics import metrics_route
        routes.append(metrics_route(latency))


def _open_journal(config: Config) -> Sink:
    from voicecoach.shell.journal.keep import JournalWriter

    writer = JournalWriter(config, print_to_stderr)
    if news := writer.purge_expired():
        print_to_console(Console(), news)
    return writer


# --- sources --------------------------------------------------------------------------------


def open_source(registry: Registry, config: Config) -> CaptureBackend:
    """Return the configured source, or the default one for this machine.

    Raises
    ------
    DeviceError
        If something has to be installed first.
    ConfigError, PluginError
        If it cannot be used.
    """
    name = config.live.source
    if not name:
        return choose_backend()
    entry = registry.find("sources", name)
    backend: CaptureBackend = entry.create(config)
    return GuardedBackend(name, backend) if entry.foreign else backend


def _pulse(_: NoOptions) -> CaptureBackend:
    from voicecoach.shell.capture.portaudio import load_sounddevice
    from voicecoach.shell.capture.pulse import PulseBackend

    load_sounddevice()
    return PulseBackend()


def _portaudio(_: NoOptions) -> CaptureBackend:
    from voicecoach.shell.capture.plain import PortAudioBackend

    return PortAudioBackend()


def _wasapi(_: NoOptions) -> CaptureBackend:
    from voicecoach.shell.capture.wasapi import WasapiBackend

    return WasapiBackend()


def _taps(_: NoOptions) -> CaptureBackend:
    from voicecoach.shell.capture.taps import CoreAudioBackend

    return CoreAudioBackend()


# --- transcribers ---------------------------------------------------------------------------


def _whisper(_: NoOptions, settings: TranscriptionConfig) -> SpeechModel:
    from voicecoach.shell.asr.whisper import Whisper

    return Whisper(settings.model, settings.language, settings.vocabulary)


# --- views ----------------------------------------------------------------------------------


class NoView(View):
    """Shows nothing, as the user asked for."""

    def __init__(self, _: NoOptions, live: LiveHandle) -> None:
        self._live = live

    def run(self) -> None:
        """Wait for the end of the session."""
        self._live.wait_until_ended()


class OverlayView(View):
    """A small window that stays on top of the others."""

    def __init__(self, _: NoOptions, live: LiveHandle) -> None:
        self._live = live

    def run(self) -> None:
        """Show the overlay until the session ends or the agent closes it."""
        from voicecoach.shell.views import overlay

        live = self._live
        overlay.run_overlay(
            live.feed,
            lambda: live.running,
            painted=repaint_recorder(live.latency),
            set_unseen=live.set_unseen,
        )


class PageView(View):
    """A page of this machine in the agent's browser."""

    def __init__(self, _: NoOptions, live: LiveHandle) -> None:
        with live_extra("the page"):
            from voicecoach.shell.views.browser import BrowserPage
        self._live, self._page = live, BrowserPage(live.feed)
        live.routes += self._page.routes

    def open(self) -> None:
        """Open the page in the browser."""
        print_to_console(Console(), f"The page: {self._live.url}")
        self._open_browser()

    def _open_browser(self) -> None:
        """Open the page beside the call: a browser may stay open in the foreground.

        It gets the address on its command line, which other users of the machine can read.
        """
        url = self._live.one_time_url()
        threading.Thread(target=_open_url, args=(url,), name="browser", daemon=True).start()

    def run(self) -> None:
        """Watch whether a page shows the session, until it ends."""
        live, page = self._live, self._page
        opens = time.monotonic() + PAGE_OPENS_S
        while live.running:
            due = opens if page.left_at is None else page.left_at + PAGE_RELOADS_S
            if page.viewers:
                live.set_unseen("")
            elif time.monotonic() >= due:
                live.set_unseen("no page shows the call; `voicecoach tell pause` opens one")
                if live.feed.view_requested:
                    self._open_browser()
            live.feed.view_requested = False
            time.sleep(VIEW_POLL_S)


def _open_url(url: str) -> None:
    if webbrowser.open(url) is False:
        print_to_stderr("no browser could be started: open the page's address in one")


class ConsoleView(View):
    """The terminal view; when output is not a terminal, one line for each utterance and cue."""

    def __init__(self, _: NoOptions, live: LiveHandle) -> None:
        self._live, self._relay = live, live.subscribe()

    def run(self) -> None:
        """Draw events until the session ends."""
        from voicecoach.shell.views.console import TerminalView

        live = self._live
        with TerminalView(Console(), "live", None) as drawn:
            while live.running:
                event = self._relay.next_event(VIEW_POLL_S)
                if event:
                    drawn.on_event(event)
                    drawn.on_progress(event.at)
                elif live.feed.newest.display.state == "ready":
                    drawn.clear()


@contextmanager
def live_extra(what: str) -> Iterator[None]:
    """Raise an error that says how to install a missing package.

    Raises
    ------
    ConfigError
        If a package is missing.
    """
    try:
        yield
    except ImportError as e:
        raise ConfigError(f"no {what}: {e}; pip install 'voicecoach[live]'") from e


def repaint_recorder(latency: LatencyStats) -> Callable[[TimedDisplay, float, float], None]:
    """Return a callback that records the overlay's repaint times."""
    paint, screen = latency["paint"], latency["screen"]

    def note(shown: TimedDisplay, began: float, ended: float) -> None:
        paint.add_duration(ended - began)
        if shown.sound_time:
            screen.add_duration(ended - shown.sound_time)

    return note

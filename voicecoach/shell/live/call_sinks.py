"""Defines the two sinks of every live call: one records it, one displays it.

Unlike other sinks they also take audio.  Further sinks are passed to the session as a list.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from voicecoach.coaching.thresholds import cue_thresholds
from voicecoach.errors import OutputError
from voicecoach.shell.live.recorder import CallRecorder
from voicecoach.shell.live.set_aside import SetAside
from voicecoach.shell.results.replay_one import CallSetup
from voicecoach.shell.results.writer import ResultsWriter
from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.runtime.sinks import CallInfo, Sink
from voicecoach.types.events import Event
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Block
from voicecoach.version import __version__
from voicecoach.views import event_log
from voicecoach.views.display import DisplayState, make_display
from voicecoach.views.snapshot import Snapshot


class FolderSink(Sink):
    """Records a call in its folder: the log, audio on request, and the results at its end.

    Parameters
    ----------
    call
        The call's folder, and whether it has words.
    setup
        Configuration, rules and models of the call.
    results
        Makes the results from the events.
    feed
        Receives a notice if something cannot be written.
    baseline_calls
        Number of calls in the agent's baseline; None without one.
    notice
        The notice that was read to the customer.
    audio
        Also save the audio.
    on_written
        Called in the recorder's thread when the results are written.
    """

    def __init__(
        self,
        call: CallInfo,
        setup: CallSetup,
        results: ResultsWriter,
        feed: Feed,
        *,
        baseline_calls: int | None,
        notice: str,
        audio: bool,
        on_written: Callable[[], None],
    ) -> None:
        privacy = setup.config.privacy
        self._setup, self._feed, self._notice, self._on_written = setup, feed, notice, on_written
        self._baseline_calls, self._declined = baseline_calls, False
        self._lock = threading.Lock()
        """Held while files are written, deleted or restored, once the call has ended."""
        self._log_written = self._has_results = False
        self._set_aside: SetAside | None = None
        self._can_restore = True
        self.keeps_inputs = audio and privacy.keep_words
        """Whether the engine's inputs are recorded, for a replay."""
        self._results = results
        self.recorder = CallRecorder(
            call.folder,
            audio=audio,
            inputs=self.keeps_inputs,
            say=feed.report_trouble,
            after=self._write_results,
        )

    def begin_call(self, call: CallInfo) -> None:
        """Start recording, with the log's header."""
        config = self._setup.config
        self.recorder.__enter__()
        self.recorder.write_event_line(
            event_log.encode_header(
                voicecoach=__version__,
                call=call.name,
                live=True,
                started_at=datetime.now(UTC).isoformat(timespec="seconds"),
                speakers=SPEAKERS,
                sample_rates=[SAMPLE_RATE],
                words=call.words,
                baseline_calls=self._baseline_calls,
                notice=self._notice,
                composite=config.privacy.composite,
                words_kept=config.privacy.keep_words,
                language=config.transcription.language,
                thresholds=msgspec.to_builtins(cue_thresholds(self._setup.cues)),
            )
        )

    def on_event(self, event: Event) -> None:
        """Record what the privacy settings allow of an event."""
        kept = self._results.add_event(event)
        if kept is None:
            return
        try:
            line = event_log.encode_event(kept)
        except ValueError as e:  # no reader would take it
            self._feed.report_trouble("log", f"an event was not written: {e}", False)
        else:
            self.recorder.write_event_line(line)

    def end_call(self, declined: bool) -> None:
        """Let the recorder write the results, or delete the call."""
        self._declined = declined
        self.recorder.__exit__()

    def forget(self) -> str:
        """Delete the call, at once or when its log is written; return what went wrong, or "".

        `restore` undoes it.
        """
        with self._lock:
            self._declined = True
            return self._delete_folder() if self._log_written else ""

    def restore(self) -> str:
        """Restore the call, and write its results if it had none; return why not, or ""."""
        with self._lock:
            self._declined = False
            if not self._log_written:  # so it is not deleted yet
                return ""
            folder = self.recorder.folder
            if not self._set_aside:
                return f"{folder}: the call is deleted and cannot be restored"
            try:
                self._set_aside.restore()
            except OSError as e:
                return f"{folder}: cannot restore the call: {e.strerror or e}"
            finally:
                self._discard()
            self._finish_results()
            return ""

    def discard(self) -> None:
        """Give up what could be restored."""
        with self._lock:
            self._can_restore = False
            self._discard()

    def _discard(self) -> None:
        if self._set_aside:
            self._set_aside.close()
            self._set_aside = None

    def _delete_folder(self) -> str:
        """Delete the folder, and keep what `restore` needs; return what went wrong, or ""."""
        why = ""
        try:
            if self._can_restore:
                self._set_aside = SetAside(self.recorder.folder)
        except FileNotFoundError:  # on a full disk the folder was never created
            return ""
        except OSError as e:
            why = f"the declined call is deleted and cannot be restored: {e.strerror or e}"
        try:
            self.recorder.delete_folder()
        except OutputError as e:
            why = str(e)
        return why

    def _write_results(self) -> None:
        """Write the results; called in the recorder's thread, after the log is written."""
        with self._lock:
            self._log_written = True
            if not self._declined:
                self._finish_results()
            elif why := self._delete_folder():
                self._feed.report_trouble("log", why, True)

    def _finish_results(self) -> None:
        try:
            if not self._has_results:
                self._results.write_results(self.recorder.folder)
                self._has_results = True
        except OutputError as e:
            self._feed.report_trouble("log", str(e), False)
        finally:
            self._on_written()


class DisplaySink(Sink):
    """Applies a call's events to the display that the overlay and the page show.

    Parameters
    ----------
    feed
        Receives the display.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed, self._snapshot = feed, Snapshot()

    def on_event(self, event: Event) -> None:
        """Apply an event."""
        self._snapshot.add_event(event)

    def set_levels(self, block: Block) -> None:
        """Set the levels from a block."""
        self._snapshot.set_levels(block)

    def publish(self, state: DisplayState, sounded: float) -> None:
        """Publish the current display; `sounded` is as in `Feed.publish`."""
        self._feed.publish(make_display(self._snapshot, state), sounded)

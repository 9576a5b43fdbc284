"""The two sinks that every live call has: what is kept of it, and what is shown of it.

Besides the events they take audio, which no other sink gets.  What else is told of calls is in the
list of sinks that a session is given.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from voicecoach.coaching.thresholds import cue_thresholds
from voicecoach.errors import OutputError
from voicecoach.shell.live.recorder import CallRecorder
from voicecoach.shell.results.replay_one import CallSetup
from voicecoach.shell.results.writer import ResultsWriter
from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.runtime.sinks import CallInfo, Sink
from voicecoach.types import SAMPLE_RATE, SPEAKERS, Block, Event
from voicecoach.version import __version__
from voicecoach.views import event_log
from voicecoach.views.display import DisplayState, make_display
from voicecoach.views.snapshot import Snapshot


class FolderSink(Sink):
    """Keeps a call in its folder: the log, audio where it is wanted, and the results at its end.

    Parameters
    ----------
    call
        The folder, and whether there are words.
    setup
        What the call is measured with.
    results
        Makes the results of the events.
    feed
        Told what could not be written.
    baseline_calls
        How many calls the agent's baseline is of; None without one.
    notice
        What the customer was told.
    audio
        Keep the audio, too.
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
        self.keeps_inputs = audio and privacy.keep_words
        """What the engine is given is kept, to be given again."""
        self._results = results
        self.recorder = CallRecorder(
            call.folder,
            audio=audio,
            inputs=self.keeps_inputs,
            say=feed.report_trouble,
            after=self._write_results,
        )

    def begin_call(self, call: CallInfo) -> None:
        """Begin to write, with the log's header."""
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
        """Keep what may be kept of an event."""
        if kept := self._results.add_event(event):
            self.recorder.write_event_line(event_log.encode_event(kept))

    def end_call(self, declined: bool) -> None:
        """Let the recorder write what it came to, or delete it."""
        self._declined = declined
        self.recorder.__exit__()

    def _write_results(self) -> None:
        """Write what it came to; in the recorder's thread, when the log is written."""
        folder = self.recorder.folder
        if self._declined:
            try:
                self.recorder.delete_folder()
            except OutputError as e:
                self._feed.report_trouble("log", str(e), True)
            return
        try:
            self._results.write_results(folder)
        except OSError as e:
            why = f"no summary and no score card of {folder.name}: {e.strerror}"
            self._feed.report_trouble("log", why, False)
        finally:
            self._on_written()


class DisplaySink(Sink):
    """Folds a call's events into the display that the overlay and the page show.

    Parameters
    ----------
    feed
        Where it is shown.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed, self._snapshot = feed, Snapshot()

    def on_event(self, event: Event) -> None:
        """Fold an event in."""
        self._snapshot.add_event(event)

    def set_levels(self, block: Block) -> None:
        """Take the levels of a block."""
        self._snapshot.set_levels(block)

    def publish(self, state: DisplayState, sounded: float) -> None:
        """Show it as it is now; `sounded` is as in `Feed.publish`."""
        self._feed.publish(make_display(self._snapshot, state), sounded)

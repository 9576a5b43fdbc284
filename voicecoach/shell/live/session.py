"""Runs live calls: passes audio from both speakers' devices through the engine to log and views.

The session has its own thread and never waits for others: devices put chunks into a queue, the
transcriber is another process, the log has a writer thread, and views poll the newest display.
The agent's actions are applied between two blocks.  Nothing is captured before the agent presses
Start, or while nothing shows the call: then listening pauses.  A pause releases the devices and
drops everything pending: chunks, audio that waits for transcription, partial words, the cue card.
The time line continues through a pause as a gap.

What becomes of a call that has ended, such as of one whose customer declines, is in `ended_calls`.

If the engine fails, the call ends and is saved up to that point, and another begins at once.  If
that one fails too, the session reports it and waits for Start.
"""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from voicecoach.coaching.thresholds import cue_thresholds
from voicecoach.errors import VoiceCoachError
from voicecoach.shell.asr.answering import LiveAsr
from voicecoach.shell.asr.loop import Processor, run_engine
from voicecoach.shell.capture.ears import DeviceSupervisor
from voicecoach.shell.live.call_sinks import DisplaySink, FolderSink
from voicecoach.shell.live.device_stream import CHUNK_WAIT_S, DeviceStream
from voicecoach.shell.live.ended_calls import UNDO_ADVICE, EndedCalls
from voicecoach.shell.live.recorder import CLOSE_TIMEOUT_S, FOLDER_NAME, CallRecorder
from voicecoach.shell.results.input_log import RecordingEngine
from voicecoach.shell.results.replay_one import CallSetup
from voicecoach.shell.results.writer import ResultsWriter
from voicecoach.shell.runtime.engine_factory import build_engine
from voicecoach.shell.runtime.feed import (
    Answer,
    CustomerDeclines,
    Feed,
    MarkCue,
    NextCall,
    QuitProgram,
    Request,
    ToggleListening,
    UndoDecline,
)
from voicecoach.shell.runtime.latency import LatencyStats, TimedEngine
from voicecoach.shell.runtime.memory import release_memory
from voicecoach.shell.runtime.sinks import CallInfo, Sink
from voicecoach.shell.runtime.worker import describe_error
from voicecoach.types.events import CueFeedback, Degraded, Event, InputItem, Listening
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Block
from voicecoach.views.display import Display, DisplayState, make_display
from voicecoach.views.snapshot import Snapshot

ANSWER_S = 10.0
"""Seconds for which an answer to the agent is displayed."""
DONE = Answer(True)
"""The answer where the agent sees what was done."""
NOTICE_DURATION = 10 * SAMPLE_RATE
"""How long a notice stays on the display, in samples."""


class LiveSession:
    """Runs calls, one after another, until the agent ends the session.

    Parameters
    ----------
    setup
        As for a replay; `speed` is not used.
    ears
        Device supervisor; entered, not started.
    feed
        Receives displays, and provides the agent's actions.
    out
        The folder in which each call gets its own folder.
    learn
        Compare each call with the agent's baseline, and update the baseline.
    notice
        The notice to read to the customer.  It is in each log's header, and each call waits for
        Start, because each customer must hear it.
    audio
        Also save the audio.
    latency
        Receives measured durations.
    sinks
        Receive every event; they must neither raise nor delay the session.
    """

    def __init__(
        self,
        setup: CallSetup,
        ears: DeviceSupervisor,
        feed: Feed,
        out: Path,
        *,
        learn: bool = False,
        notice: str = "",
        audio: bool = False,
        latency: LatencyStats | None = None,
        sinks: Sequence[Sink] = (),
    ) -> None:
        self.feed, self.out = feed, out
        self.learn, self.notice, self.audio, self.sinks = learn, notice, audio, sinks
        self.latency = latency or LatencyStats()
        self.devices = DeviceStream(ears, self.latency)
        self.state: DisplayState = "ready"
        self.ended = EndedCalls(feed, setup, sinks)
        self.unwritten: list[Path] = []
        """Folders that were not completely written; set when the session has ended."""
        self._answer_until = 0.0
        self._idle = Snapshot()
        """What is displayed between calls."""
        self.resume_when_seen = False
        """Whether the agent wants to listen as soon as a view shows the call again."""
        self._failed = False
        """Whether an engine has failed since the agent last pressed Start."""

    @property
    def setup(self) -> CallSetup:
        """Setup of the next call; its baseline includes the calls that have ended."""
        return self.ended.setup

    @property
    def folders(self) -> list[Path]:
        """Folders of the calls so far."""
        return self.ended.folders

    def run(self) -> None:
        """Run calls until the agent ends the session.

        Raises
        ------
        ModelError
            If no engine can be created.
        """
        keepers: list[CallRecorder] = []
        self.feed.has_session = True
        try:
            while self._wait_for_start():
                call = None
                try:
                    call = LiveCall(self)
                    keepers = [keeper for keeper in keepers if not keeper.wait_until_written(0.0)]
                    keepers.append(call.recorder)
                    call.run()
                except VoiceCoachError:
                    raise
                except Exception as e:  # whatever the error, tell the agent and continue
                    if call:
                        self.ended.add(
                            call.files, self.setup, declined=call.declined, continued=not call.over
                        )
                    self._handle_failure(e)
                else:
                    learnt = self.setup
                    if self.learn:
                        learnt = learnt._replace(baseline=call.engine.baseline)
                    self.ended.add(call.files, learnt, declined=call.declined)
                del call
                release_memory()  # a call has reference cycles, and holds some MB
        finally:
            self.feed.has_session = False
            for request in self.feed.drain_requests():
                request.answer.set_result(Answer(False, "the session has ended"))
            self.stop_listening("ended")
            self.ended.expire(at_once=True)
            self.feed.publish(self.idle_display(), 0.0)
            self.unwritten = [
                keeper.folder
                for keeper in keepers
                if not keeper.wait_until_written(2 * CLOSE_TIMEOUT_S)
            ]

    def expire(self) -> None:
        """Give up the declined call, and clear the answer, when their time is over."""
        self.ended.expire()
        if time.monotonic() >= self._answer_until:
            self.feed.answer = ""

    def reply(self, request: Request, answer: Answer = DONE) -> None:
        """Answer an action, on the display and to who asked."""
        self.feed.answer, self._answer_until = answer.text, time.monotonic() + ANSWER_S
        request.answer.set_result(answer)

    def _handle_failure(self, error: Exception) -> None:
        """Continue with another call; after a second failure, wait for Start."""
        traceback.print_tb(error.__traceback__)
        why = f"it failed ({describe_error(error)})"
        if not self._failed:
            self._failed = True
            self.feed.report_trouble("engine", f"{why}, so a new call was started", False)
            return
        self.stop_listening("ready")
        self._idle.add_event(
            Degraded(at=0, stage="engine", reason=f"{why} again; press Start to retry")
        )

    def request_view(self) -> bool:
        """Return whether nothing shows the call; if so, ask for a view, to listen once it does."""
        if not self.feed.unseen:
            return False
        self.feed.view_requested = self.resume_when_seen = not self.resume_when_seen
        return True

    def _start_call(self) -> None:
        self._idle, self._failed = Snapshot(), False
        self.ended.begin()
        self.devices.reset_time_line()
        self.start_listening()

    def start_listening(self) -> None:
        """Start or resume listening."""
        self.state, self.resume_when_seen = "listening", False
        self.devices.start()

    def stop_listening(self, state: DisplayState) -> None:
        """Release the devices, and drop audio that was captured but not processed."""
        self.state, self.resume_when_seen = state, False
        self.devices.stop()

    def idle_display(self) -> Display:
        """Return the display between calls: the notice to read to the next customer."""
        shown = make_display(self._idle, self.state)
        if self.state == "ready" and self.notice and not shown.notice:
            shown = msgspec.structs.replace(
                shown, notice=f"Read this to the customer first: {self.notice}"
            )
        return shown

    def _wait_for_start(self) -> bool:
        """Wait until a call begins; False if the session ends instead."""
        self.feed.publish(self.idle_display(), 0.0)
        while self.state == "ready":
            for request in self.feed.drain_requests():
                match request.action:
                    case QuitProgram():
                        self.state = "ended"
                        self.reply(request)
                    case ToggleListening() if self.request_view():
                        self.reply(request, Answer(False, self.feed.unseen))
                    case ToggleListening():
                        self._start_call()
                        self.reply(request)
                    case CustomerDeclines():
                        self.reply(request, self.ended.decline_last())
                    case UndoDecline():
                        self.reply(request, self.ended.undo())
                    case NextCall():
                        self.reply(request, Answer(False, "no call is running; Start begins one"))
                    case MarkCue():
                        self.reply(request, Answer(False, "no cue was marked: no call is running"))
            if self.resume_when_seen and not self.feed.unseen:
                self._start_call()
            self.expire()
            self.feed.publish(self.idle_display(), 0.0)
            time.sleep(CHUNK_WAIT_S)
        return self.state != "ended"


class LiveCall:
    """One call of a session."""

    def __init__(self, session: LiveSession) -> None:
        setup = session.setup
        self._session, self._stages = session, session.latency
        self.engine = build_engine(
            setup.config,
            setup.cues,
            setup.models,
            transcribe=bool(setup.transcribers),
            frames=setup.frames,
            baseline=setup.baseline,
            stages=session.latency,
        )
        self._asr = (
            LiveAsr(
                setup.transcribers[0],
                setup.config.transcription,
                self.engine.language.numbers,
                session.feed.report_trouble,
            )
            if setup.transcribers
            else None
        )
        self._devices = session.devices
        self._lost_devices = session.devices.begin_call()
        self._open_notices: dict[str, tuple[str, int]] = {}
        """For each stage, its notice and the index until which it is displayed."""
        self.declined = False
        """Whether the customer declined: the call is then deleted."""
        self.over = False
        """Whether the agent has ended it."""
        folder = _new_call_folder(session.out, session.folders)
        session.folders.append(folder)
        self._info = CallInfo(folder.name, True, folder, SPEAKERS, self._asr is not None)
        privacy = setup.config.privacy
        results = ResultsWriter(
            folder.name,
            cue_thresholds(setup.cues),
            self.engine.language,
            composite=privacy.composite,
            words=privacy.keep_words,
        )
        self.files = FolderSink(
            self._info,
            setup,
            results,
            session.feed,
            baseline_calls=setup.baseline.calls if setup.baseline else None,
            notice=session.notice,
            audio=session.audio,
            on_written=partial(_pass_on_results, session.sinks, folder),
        )
        self._display = DisplaySink(session.feed)
        self._sinks: list[Sink] = [self.files, self._display, *session.sinks]
        self.recorder = self.files.recorder

    def run(self) -> None:
        """Run the call to its end, while its results are written."""
        setup = self._session.setup
        try:
            for sink in self._sinks:
                sink.begin_call(self._info)
            if setup.no_words:
                self._pass_on(Degraded(at=0, stage="transcription", reason=setup.no_words))
            engine: Processor = TimedEngine(self.engine, self._stages)
            if self.files.keeps_inputs:
                write = self.recorder.write_input_line
                engine = RecordingEngine(engine, words=self._info.words, write=write)
            for event in run_engine(self._engine_items(), engine, self._asr):
                self._pass_on(event)
        except Exception as e:
            why = f"it failed: {describe_error(e)}"
            self._pass_on(Degraded(at=self._devices.now, stage="engine", reason=why))
            raise
        finally:
            if self._asr:
                self._asr.close()
            # The folder comes last: other sinks must see the call's end before its results.
            for sink in reversed(self._sinks):
                sink.end_call(self.declined)

    def _pass_on(self, event: Event) -> None:
        for sink in self._sinks:
            sink.on_event(event)

    def _engine_items(self) -> Iterator[InputItem]:
        """Yield the engine's inputs as they arrive, until the call ends."""
        session = self._session
        yield Listening(at=0, on=True)
        yield from self._lost_devices
        while True:
            if (unseen := session.feed.unseen) and session.state == "listening":
                self._raise_notice("view", f"listening was paused: {unseen}")
                yield self._toggle()
            elif session.resume_when_seen and not unseen:
                yield self._toggle()
            session.expire()
            for request in session.feed.drain_requests():
                self.over = isinstance(request.action, NextCall | CustomerDeclines | QuitProgram)
                match request.action:
                    case ToggleListening() if session.request_view():
                        self._raise_notice("view", session.feed.unseen)
                        session.reply(request, Answer(False, session.feed.unseen))
                    case ToggleListening():
                        yield self._toggle()
                        session.reply(request)
                    case MarkCue() as mark:
                        card = session.feed.newest.display.card
                        shown = card is not None and (card.id, card.start) == (mark.id, mark.start)
                        late = Answer(False, "no cue was marked: it has left the screen")
                        session.reply(request, DONE if shown else late)
                        yield CueFeedback(
                            at=self._devices.now, id=mark.id, start=mark.start, helpful=mark.helpful
                        )
                    case NextCall():
                        if session.state == "paused" or session.notice:
                            session.stop_listening("ready")
                        session.reply(request)
                        return
                    case CustomerDeclines():
                        self.declined = True
                        session.stop_listening("ready")
                        session.reply(request, Answer(True, f"This call is deleted. {UNDO_ADVICE}"))
                        session.feed.publish(session.idle_display(), 0.0)
                        yield Listening(at=self._devices.now, on=False)
                        return
                    case UndoDecline():
                        session.reply(request, session.ended.undo())
                    case QuitProgram():
                        session.stop_listening("ended")
                        session.reply(request)
                        return
            yield from self._read_devices()

    def _toggle(self) -> Listening:
        if self._session.state == "listening":
            self._session.stop_listening("paused")
        else:
            self._session.start_listening()
        # Displayed at once, without waiting for the next block.
        self._display.publish(self._session.state, 0.0)
        return Listening(at=self._devices.now, on=self._session.state == "listening")

    def _read_devices(self) -> Iterator[InputItem]:
        """Yield the inputs that the devices delivered."""
        for item in self._devices.read_items():
            if isinstance(item, Block):
                yield from self._pass_block(item)
            else:
                yield item
        self._stages.set_queue_depth("log", self.recorder.queued_writes)
        self._stages.set_queue_depth("words", self._asr.queued_requests if self._asr else 0)
        self._report_troubles()

    def _pass_block(self, block: Block) -> Iterator[InputItem]:
        """Yield a block, and publish the resulting display."""
        self.recorder.write_audio(block.samples)
        self._display.set_levels(block)
        yield block
        began = time.monotonic()
        sounded = self._devices.sound_time(block)
        self._display.publish(self._session.state, sounded)
        now = time.monotonic()
        self._stages["publish"].add_duration(now - began)
        if not block.missing:
            self._stages["known"].add_duration(now - sounded)

    def _report_troubles(self) -> None:
        """Report problems outside the engine, and their end."""
        session = self._session
        for stage, reason, lasts in session.feed.drain_troubles():
            self._raise_notice(stage, reason)
            if lasts:
                del self._open_notices[stage]  # this notice has no end event
        if self.recorder.write_trouble:
            self._raise_notice("log", self.recorder.write_trouble)
        if missed := self.recorder.pop_missed_lines():
            self._raise_notice(
                "log", f"the disk is too slow: {missed} lines before this were dropped"
            )
        for reason in self._devices.new_troubles():
            self._raise_notice("capture", reason)
        for stage, (_, until) in list(self._open_notices.items()):
            if self._devices.now >= until:
                del self._open_notices[stage]
                self._pass_on(
                    Degraded(at=self._devices.now, stage=stage, reason="recovered", over=True)
                )

    def _raise_notice(self, stage: str, reason: str) -> None:
        if self._open_notices.get(stage, ("", 0))[0] != reason:
            self._pass_on(Degraded(at=self._devices.now, stage=stage, reason=reason))
        self._open_notices[stage] = reason, self._devices.now + NOTICE_DURATION


def _pass_on_results(sinks: Sequence[Sink], folder: Path) -> None:
    """Tell the sinks where the results are; called in the recorder's thread."""
    for sink in sinks:
        sink.on_results(folder)


def _new_call_folder(out: Path, taken: Sequence[Path]) -> Path:
    """Return a folder for a call that begins now."""
    name = datetime.now().strftime(FOLDER_NAME)
    for number in itertools.count(1):
        folder = out / (name if number == 1 else f"{name}_{number}")
        if folder not in taken and not folder.exists():
            return folder
    raise AssertionError

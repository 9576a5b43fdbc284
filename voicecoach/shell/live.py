"""A live call: both speakers' devices through the engine, to a log and to whoever watches.

The session has a thread of its own and is never waited for: devices put chunks into a queue, the
recogniser is another process, the log has a writer, and viewers poll the newest display.  What a
person wants comes in between two blocks.  Nothing is captured before they start it; a pause lets go
of the devices, and drops what is in flight: chunks, audio that waits for words, words that are not
committed, the card.  Time goes on through it as a gap.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from voicecoach import __version__, eventlog
from voicecoach.alignment import Aligner
from voicecoach.display import Display, State, display
from voicecoach.engine import Engine
from voicecoach.errors import OutputError
from voicecoach.shell.asr import LiveAsr
from voicecoach.shell.assembly import assemble
from voicecoach.shell.capture.ears import Ears, Heard, Lost
from voicecoach.shell.feed import Decline, Feed, Mark, NextCall, Quit, Toggle
from voicecoach.shell.keeper import Keeper
from voicecoach.shell.replay import Setup
from voicecoach.shell.run import run
from voicecoach.shell.stages import Stages
from voicecoach.shell.tally import Tally
from voicecoach.snapshot import Snapshot
from voicecoach.types import (
    SAMPLE_RATE,
    SPEAKERS,
    Block,
    ChannelState,
    CueFeedback,
    Degraded,
    Event,
    Item,
    Listening,
    Speaker,
    Transcript,
)

TAKE_S = 0.02
"""How long to wait for a chunk before looking at what else there is."""
FIRST_S = 3.0
"""How long nothing is said of devices that deliver nothing yet."""
LATE_S = 0.1
"""So much audio that came too late or had no room is said."""
NOTICE_FOR = 10 * SAMPLE_RATE
"""For how long."""


class Watcher(Protocol):
    """Somebody who is told of every event; they must not hold up the session."""

    def show(self, event: Event) -> None:
        """Take an event."""


class Session:
    """Calls, one after another, until the agent ends it.

    Parameters
    ----------
    setup
        As for a replay; `speed` is not used.
    ears
        Entered, and not started.
    feed
        To viewers, and what they wish.
    out
        The folder in which each call gets one.
    learn
        Measure each call against those before it.
    notice
        What the customer was told; it is in each log's header, and each call waits to be started,
        since each customer must be told.
    audio
        Keep the audio, too.
    watcher
        Told of every event.
    ended
        Told of each call that is over, by its folder; it must not hold up the session.
    """

    def __init__(
        self,
        setup: Setup,
        ears: Ears,
        feed: Feed,
        out: Path,
        *,
        learn: bool = False,
        notice: str = "",
        audio: bool = False,
        watcher: Watcher | None = None,
        ended: Callable[[Path], None] | None = None,
    ) -> None:
        self.setup, self.ears, self.feed, self.out = setup, ears, feed, out
        self.learn, self.notice, self.audio, self.watcher = learn, notice, audio, watcher
        self.ended = ended
        self.stages = Stages()
        self.state: State = "ready"
        self.aligner = Aligner(0.0)
        self.asked, self.begun = 0.0, False
        """When listening was asked for, and whether something has come since."""
        self.lost: dict[Speaker, str] = {}
        """Whose device is of no use now, and why."""
        self.usual = setup.usual
        """The agent's, with the calls that are over in it."""
        self.folders: list[Path] = []
        """Of the calls so far."""

    def run(self) -> None:
        """Go on until the agent wants no more.

        Raises
        ------
        OutputError
            Where a call's results cannot be written.
        """
        try:
            while self._started():
                call = Call(self)
                call.run()
                if call.declined:
                    continue
                if self.learn:
                    self.usual = call.engine.usual
                if self.ended:
                    self.ended(self.folders[-1])
        finally:
            self.ears.stop()
            self.state = "ended"
            self.feed.publish(self.blank(), 0.0)

    def listen(self) -> None:
        """Begin to listen, or go on."""
        self.state = "listening"
        self.ears.start()

    def rest(self, state: State) -> None:
        """Let go of the devices, and of all that was captured and not heard."""
        self.state = state
        self.ears.stop()
        self.aligner.clear()
        for speaker in SPEAKERS:
            self.aligner.leave(speaker)

    def blank(self) -> Display:
        """Return the display of no call: what to tell the customer before there is one."""
        shown = display(Snapshot(), self.state)
        if self.state == "ready" and self.notice:
            shown = msgspec.structs.replace(shown, notice=f"Say first: {self.notice}")
        return shown

    def _started(self) -> bool:
        """Wait until there is a call to listen to; False where there will be none."""
        self.feed.publish(self.blank(), 0.0)
        while self.state == "ready":
            for wish in self.feed.wishes():
                if isinstance(wish, Quit):
                    self.state = "ended"
                elif isinstance(wish, Toggle):
                    self.aligner, self.begun = Aligner(0.0), False
                    self.asked = time.monotonic()
                    self.listen()
            time.sleep(TAKE_S)
        return self.state != "ended"


class Call:
    """One call of a session."""

    def __init__(self, session: Session) -> None:
        setup = session.setup
        self._session, self._stages = session, session.stages
        self.engine = assemble(
            setup.config,
            setup.cues,
            setup.models,
            transcribe=bool(setup.transcribers),
            frames=setup.frames,
            usual=session.usual,
            stages=session.stages,
        )
        self._asr = (
            LiveAsr(setup.transcribers[0], setup.config.transcription)
            if setup.transcribers
            else None
        )
        self._began = session.aligner.now
        """Stream index of the session at which the call began."""
        self._snapshot = Snapshot()
        self._slept_s = session.aligner.slept_s
        self._dropped_s = self._drops()
        self._notices: dict[str, int] = {}
        """Until when each stage's notice stands."""
        self.declined = False
        """The customer said no: nothing is kept of it."""
        folder = _folder(session.out)
        session.folders.append(folder)
        privacy = setup.config.privacy
        self._tally = Tally(folder.name, composite=privacy.composite, words=privacy.keep_words)
        self._keeper = Keeper(folder, audio=session.audio)

    def run(self) -> None:
        """Go on to the call's end, and write what it came to."""
        session, setup = self._session, self._session.setup
        with self._keeper as keeper:
            keeper.line(
                eventlog.header(
                    voicecoach=__version__,
                    call=keeper.folder.name,
                    live=True,
                    started_at=datetime.now(UTC).isoformat(timespec="seconds"),
                    speakers=SPEAKERS,
                    sample_rates=[SAMPLE_RATE],
                    words=self._asr is not None,
                    usual_calls=session.usual.calls if session.usual else None,
                    notice=session.notice,
                    composite=setup.config.privacy.composite,
                    words_kept=setup.config.privacy.keep_words,
                )
            )
            if setup.no_words:
                self._take(Degraded(at=0, stage="transcription", reason=setup.no_words))
            try:
                for event in run(self._items(), Clocked(self.engine, self._stages), self._asr):
                    self._take(event)
            finally:
                if self._asr:
                    self._asr.close()
        if self.declined:
            session.folders.remove(keeper.folder)
            keeper.discard()
            return
        try:
            self._tally.write(keeper.folder)
        except OSError as e:
            raise OutputError(
                f"{keeper.folder}: no summary and no score card can be written: {e.strerror}"
            ) from e

    @property
    def _now(self) -> int:
        return self._session.aligner.now - self._began

    def _take(self, event: Event) -> None:
        if kept := self._tally.update(event):
            self._keeper.line(eventlog.line(kept))
        self._snapshot.update(event)
        if self._session.watcher:
            self._session.watcher.show(event)

    def _items(self) -> Iterator[Item]:
        """Yield what there is for the engine, as it comes, until the call is over."""
        session = self._session
        yield Listening(at=0, on=True)
        for speaker, reason in session.lost.items():
            yield ChannelState(at=0, speaker=speaker, state="lost", reason=reason)
        while True:
            for wish in session.feed.wishes():
                match wish:
                    case Toggle():
                        yield self._toggle()
                    case Mark():
                        yield CueFeedback(
                            at=self._now, id=wish.id, start=wish.start, helpful=wish.helpful
                        )
                    case NextCall():
                        if session.state == "paused" or session.notice:
                            session.rest("ready")
                        return
                    case Decline():
                        self.declined = True
                        session.rest("ready")
                        session.feed.publish(session.blank(), 0.0)
                        yield Listening(at=self._now, on=False)
                        return
                    case Quit():
                        session.rest("ended")
                        return
            yield from self._heard()

    def _toggle(self) -> Listening:
        if self._session.state == "listening":
            self._session.rest("paused")
        else:
            self._session.listen()
        # Seen at once, whenever the next block comes.
        self._session.feed.publish(display(self._snapshot, self._session.state), 0.0)
        return Listening(at=self._now, on=self._session.state == "listening")

    def _heard(self) -> Iterator[Item]:
        """Yield what the devices brought."""
        session, aligner = self._session, self._session.aligner
        taken = session.ears.take(TAKE_S)
        came = taken.now
        heard = [news.chunk.at for news in taken.news if isinstance(news, Heard)]
        if not session.begun and (heard or taken.now >= session.asked + FIRST_S):
            # Devices need up to seconds for their first chunk, which are no part of the call.
            aligner.begin(min(heard, default=taken.now))
            session.begun = True
        for news in taken.news:
            speaker = news.speaker
            if isinstance(news, Lost):
                session.lost[speaker] = news.reason
                aligner.leave(speaker)
                yield ChannelState(at=self._now, speaker=speaker, state="lost", reason=news.reason)
                continue
            if not aligner.listens(speaker):
                aligner.listen(speaker, idles=session.ears.idles(speaker))
            if session.lost.pop(speaker, None) is not None:
                yield ChannelState(at=self._now, speaker=speaker, state="ok", reason="")
            chunk, came = news.chunk, news.came
            aligner.push(speaker, chunk.samples, chunk.at, lost=chunk.lost)
            self._stages["capture"].note(came - chunk.at)
        for block in aligner.pull(taken.now) if session.begun else ():
            self._stages["queue"].note(time.monotonic() - came)
            yield from self._play(block)
        self._stages.depth("capture", session.ears.waiting)
        self._stages.depth("log", self._keeper.depth)
        self._stages.depth("words", self._asr.waiting if self._asr else 0)
        self._look()

    def _play(self, block: Block) -> Iterator[Item]:
        """Yield a block, and show what came of it."""
        self._keeper.hear(block.samples)
        self._snapshot.hear(block)
        yield Block(block.start - self._began, block.samples, missing=block.missing)
        began = time.monotonic()
        sounded = self._session.aligner.time(block.start)
        self._session.feed.publish(display(self._snapshot, self._session.state), sounded)
        now = time.monotonic()
        self._stages["publish"].note(now - began)
        if not block.missing:
            self._stages["known"].note(now - sounded)

    def _look(self) -> None:
        """Say what went wrong around the engine, and when it is over."""
        if self._keeper.trouble:
            self._notice("log", self._keeper.trouble)
        slept = self._session.aligner.slept_s - self._slept_s
        if slept:
            self._slept_s += slept
            self._notice("capture", f"the computer slept, or stood still, for {slept:.0f} s")
        dropped = self._drops() - self._dropped_s
        if dropped > LATE_S:
            self._dropped_s += dropped
            self._notice("capture", f"{dropped:.1f} s of audio came too late and are silence")
        for stage, until in list(self._notices.items()):
            if self._now >= until:
                del self._notices[stage]
                self._take(Degraded(at=self._now, stage=stage, reason="all is well", over=True))

    def _drops(self) -> float:
        return sum(self._session.aligner.dropped_s(speaker) for speaker in SPEAKERS)

    def _notice(self, stage: str, reason: str) -> None:
        if stage not in self._notices:
            self._take(Degraded(at=self._now, stage=stage, reason=reason))
        self._notices[stage] = self._now + NOTICE_FOR


class Clocked:
    """An engine whose time is noted."""

    def __init__(self, engine: Engine, stages: Stages) -> None:
        self._engine, self._stages = engine, stages

    def process(self, item: Item) -> list[Event]:
        """Take an item, as the engine does."""
        if isinstance(item, Transcript):
            self._stages["words"].note((item.at - item.end) / SAMPLE_RATE)
        if not isinstance(item, Block):
            return self._engine.process(item)
        parts = self._stages["vad"], self._stages["features"]
        before, before_cpu = sum(p.total for p in parts), sum(p.cpu for p in parts)
        began, cpu = time.perf_counter(), time.thread_time()
        events = self._engine.process(item)
        took, took_cpu = time.perf_counter() - began, time.thread_time() - cpu
        self._stages["hop"].note(took, took_cpu)
        rest = took - sum(p.total for p in parts) + before
        rest_cpu = took_cpu - sum(p.cpu for p in parts) + before_cpu
        self._stages["decision"].note(rest, rest_cpu)
        return events

    def finish(self) -> list[Event]:
        """End the stream."""
        return self._engine.finish()


def _folder(out: Path) -> Path:
    """Return a folder for a call that begins now."""
    name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    for number in itertools.count(1):
        folder = out / (name if number == 1 else f"{name}_{number}")
        if not folder.exists():
            return folder
    raise AssertionError

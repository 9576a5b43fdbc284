"""Measure the latency from sound to screen, stage by stage, with CPU use and queue lengths.

    python -m scripts.bench.latency               the sample call, played into a sound server of
                                                    its own, on a screen of its own
    python -m scripts.bench.latency CALL --file   a recording, delivered as a device would
    python -m scripts.bench.latency --here        what this machine captures and shows now
    python -m scripts.bench.latency --busy        with every core loaded by another program
    python -m scripts.bench.latency --pixels      bursts of sound, timed from the sound server to
                                                    the pixels of the screen
    python -m scripts.bench.latency --overlay     the CPU cost of the overlay alone

All but --overlay run the live session itself with the overlay, and with words unless --no-words is
given.  --json FILE writes the table as JSON, --picture FILE as an SVG picture.  The stages are
timed inside the program.  --pixels is timed from outside: from when the sound server plays the
sound (to a recorder of its own with a buffer of 5 ms) to when the memory of the screen changes.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import soundfile
import soxr

from scripts.support.desktop import desktop
from scripts.support.sound_server import SoundServer
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.shell.apps.built_in import repaint_recorder
from voicecoach.shell.apps.live import SessionThread
from voicecoach.shell.asr.pair import open_transcriber
from voicecoach.shell.capture import (
    AudioChunk,
    AudioSource,
    CaptureStream,
    ChunkCallback,
    choose_backend,
)
from voicecoach.shell.capture.ears import DeviceSupervisor
from voicecoach.shell.live.session import LiveSession
from voicecoach.shell.results.replay_one import CallSetup
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.feed import Feed, QuitProgram, ToggleListening
from voicecoach.shell.runtime.latency import QUEUES, STAGES
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Speaker
from voicecoach.views.display import Display, make_display
from voicecoach.views.snapshot import Snapshot

WARM_S = 8.0
"""Seconds left out of the figures, while models are loaded and the first chunks arrive."""
CHUNK = 320
REACH_MS = 150
"""Target for level and overlap on the screen, 95th percentile."""


class Recording:
    """A capture backend that delivers a file in real time, as a device would."""

    pauses_in_silence = False

    def __init__(self, path: Path) -> None:
        samples, rate = soundfile.read(path, always_2d=True)
        both = soxr.resample(samples[:, :2], rate, SAMPLE_RATE)
        self._rows = (both.T * 32767).astype(np.int16)

    def sources(self) -> list[AudioSource]:
        """Return both channels of the file."""
        return [
            AudioSource("left", "left", "input", True),
            AudioSource("right", "right", "output", True),
        ]

    def open(self, source: AudioSource, speaker: Speaker, deliver: ChunkCallback) -> CaptureStream:
        """Start playing one channel."""
        return Playing(self._rows[speaker.row], deliver)


class Playing:
    """One channel of a recording, delivered by a thread."""

    def __init__(self, samples: Any, deliver: ChunkCallback) -> None:
        self._ended = threading.Event()
        self._samples, self._deliver = samples, deliver
        threading.Thread(target=self._play, daemon=True).start()

    def failure_reason(self) -> str:
        """Return an empty string: a file does not fail."""
        return ""

    def close(self) -> None:
        """Stop playing."""
        self._ended.set()

    def _play(self) -> None:
        began = time.monotonic()
        for first in range(0, len(self._samples) - CHUNK, CHUNK):
            at = began + first / SAMPLE_RATE
            self._ended.wait(max(0.0, at + CHUNK / SAMPLE_RATE - time.monotonic()))
            if self._ended.is_set():
                return
            self._deliver(AudioChunk(self._samples[first : first + CHUNK], at))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=Raw)
    parser.add_argument("call", nargs="?", type=Path, default=resource("samples", SAMPLE_CALL))
    parser.add_argument("--file", action="store_true", help="no sound server")
    parser.add_argument("--here", action="store_true", help="this machine's devices and screen")
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--no-words", action="store_true")
    parser.add_argument("--no-screen", action="store_true")
    parser.add_argument("--busy", action="store_true", help="load every core meanwhile")
    parser.add_argument("--pixels", action="store_true", help="time bursts from outside")
    parser.add_argument("--overlay", action="store_true", help="its CPU by itself")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="an SVG")
    args = parser.parse_args()
    args.file |= args.overlay  # needs no sound server either
    with ExitStack() as stack:
        screen = None
        if not args.no_screen and not args.here:
            screen = stack.enter_context(desktop(pixels=args.pixels))
            os.environ.update({k: screen.env[k] for k in ("DISPLAY", "HOME", "XDG_RUNTIME_DIR")})
        server = None
        if not args.file and not args.here:
            server = stack.enter_context(SoundServer())
            names = ("PULSE_SERVER", "PULSE_RUNTIME_PATH")
            os.environ.update({name: server.env[name] for name in names})
        if args.overlay:
            print_overlay(args.seconds / 3)
            return
        if args.busy:
            stack.enter_context(burning())
        backend = Recording(args.call) if args.file else choose_backend()
        wanted = dict(zip(SPEAKERS, ("", "") if args.file or args.here else NAMED, strict=True))
        transcribers = []
        if not args.no_words:
            remote = open_transcriber(Config())
            stack.callback(remote.close)
            remote.wait_until_ready()
            transcribers = [remote]
        setup = CallSetup(Config(), built_in_cues(), shipped_models(), transcribers)
        out = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ears = stack.enter_context(DeviceSupervisor(backend, wanted))
        feed = Feed()
        session = LiveSession(setup, ears, feed, out)
        attended = SessionThread(session)
        feed.post_action(ToggleListening())
        attended.start()
        script = Script(args, session, feed, server, screen, out)
        threading.Thread(target=script.run, daemon=True).start()
        try:
            if not args.no_screen:
                from voicecoach.shell.views import overlay

                overlay.run_overlay(
                    feed, lambda: attended.running, painted=repaint_recorder(session.latency)
                )
        finally:
            attended.join(feed)
        script.report(next(out.rglob("events.jsonl")))


NAMED = ("agentmic", "softphone.monitor")


class Raw(argparse.RawDescriptionHelpFormatter):
    """Prints the description without wrapping it."""


class Script:
    """The steps of the measurement, and its results."""

    def __init__(
        self, args: Any, session: LiveSession, feed: Feed, server: Any, screen: Any, out: Path
    ) -> None:
        self._args, self._session, self._feed = args, session, feed
        self._server, self._screen, self._out = server, screen, out
        self._bursts: dict[str, list[float]] = {}
        self._cpu: dict[str, float] = {}
        self._took = 0.0
        self._failed: BaseException | None = None

    def run(self) -> None:
        """Play the call or the bursts, measure, and quit the program."""
        try:
            if self._args.pixels:
                self._pixels()
            else:
                self._play()
        except BaseException as e:
            self._failed = e
        finally:
            self._feed.post_action(QuitProgram())

    def _play(self) -> None:
        if self._server:
            self._server.play(**split(self._args.call, self._out))
        time.sleep(WARM_S)
        stages = self._session.latency
        stages.reset()
        began, before = time.monotonic(), used()
        time.sleep(self._args.seconds)
        after = used()
        self._took = time.monotonic() - began
        self._cpu = {name: after[name] - before.get(name, 0.0) for name in after}
        self._stages = {name: stages[name].stats() for name in STAGES}

    # --- timed from outside -----------------------------------------------------------------

    def _pixels(self) -> None:
        """Time bursts of the agent's voice, alone and while the customer talks."""
        time.sleep(WARM_S)
        for name, over in (("level", False), ("overlap", True)):
            files, onsets = bursts(self._args.call, self._out, over, round(self._args.seconds / 2))
            watcher = Watcher(self._screen.pixels, self._region(name))
            recorder = Recorder(self._server.env, "micfeed.monitor")
            self._server.play(**files)
            time.sleep(files["agent"].stat().st_size / 2 / SAMPLE_RATE + 2.0)
            self._server.silence()
            heard, changed = recorder.stop(), watcher.stop()
            self._bursts[name] = paired(heard, changed, len(onsets))
            time.sleep(3.0)

    def _region(self, name: str) -> tuple[int, int, int, int]:
        """Return the pixels to watch: the agent's meter, or the word beside the agent's name."""
        from PySide6.QtCore import QPoint
        from PySide6.QtWidgets import QApplication

        meter = next(w for w in QApplication.allWidgets() if w.accessibleName() == "You: level")
        corner, width = meter.mapToGlobal(QPoint(0, 0)), meter.width()
        left, top = corner.x(), corner.y()
        if name == "level":
            return left, top, left + width, top + meter.height()
        return left + width // 2, top - ROW, left + width, top - 2

    # --- results ----------------------------------------------------------------------------

    def report(self, log: Path) -> None:
        """Print the tables, and write the files asked for."""
        if self._failed:
            raise self._failed
        facts: dict[str, Any] = {"busy": self._args.busy, "words": not self._args.no_words}
        if self._args.pixels:
            facts["pixels_ms"] = self._report_bursts()
        else:
            facts |= self._report_stages(log)
        if self._args.json:
            self._args.json.write_text(json.dumps(facts, indent=2) + "\n")
        if self._args.picture and not self._args.pixels:
            self._args.picture.write_text(picture(facts["stages_ms"]))

    def _report_bursts(self) -> dict[str, Any]:
        print(f"\nfrom the sound server to the pixel, ms (to reach: p95 <= {REACH_MS})\n")
        print("| signal | seen | p50 | p95 | most | reached |\n|---|---|---|---|---|---|")
        found = {}
        for name, delays in self._bursts.items():
            ms = 1000 * np.array(delays)
            p50, p95, most = np.percentile(ms, [50, 95, 100]).tolist()
            found[name] = {"times": len(ms), "p50": p50, "p95": p95, "most": most}
            reached = "yes" if p95 <= REACH_MS else "NO"
            print(f"| {name} | {len(ms)} | {p50:.0f} | {p95:.0f} | {most:.0f} | {reached} |")
        return found

    def _report_stages(self, log: Path) -> dict[str, Any]:
        stages: dict[str, Any] = {}
        print("\n| stage | what | times | p50 ms | p95 ms | p99 ms | most ms | CPU, % of a core |")
        print("|---|---|---|---|---|---|---|---|")
        for name, figure in self._stages.items():
            if not figure.times:
                continue
            ms = [1000 * x for x in (figure.p50, figure.p95, figure.p99, figure.most)]
            cpu = 100 * figure.cpu / self._took
            stages[name] = dict(zip(("p50", "p95", "p99", "most"), ms, strict=True), cpu=cpu)
            shown = " | ".join(f"{x:.1f}" for x in ms)
            by = f"{cpu:.1f}" if figure.cpu else ""
            print(f"| {name} | {STAGES[name]} | {figure.times} | {shown} | {by} |")
        print("\n| queue | what | deepest |\n|---|---|---|")
        deepest = self._session.latency.max_queue_depths
        for name, what in QUEUES.items():
            print(f"| {name} | {what} | {deepest[name]} |")
        print("\n| thread | CPU, % of a core |\n|---|---|")
        shares = {name: 100 * seconds / self._took for name, seconds in self._cpu.items()}
        for name, share in {**shares, "in all": sum(shares.values())}.items():
            print(f"| {name} | {share:.1f} |")
        events = [json.loads(line) for line in log.read_bytes().splitlines()]
        late = [e for e in events if e["type"] == "gap" and e["start_s"] > WARM_S]
        said = [e["reason"] for e in events if e["type"] == "degraded"]
        print(f"\ngaps after the start: {len(late)}; said: {'; '.join(said) or 'nothing'}")
        return {
            "seconds": self._took,
            "stages_ms": stages,
            "deepest": deepest,
            "cpu_percent": shares,
            "gaps": len(late),
            "said": said,
        }


THREADS = {
    "MainThread": "the overlay",
    "session": "the session: hop, publish",
    "capture": "watching the devices",
    "log": "writing the log",
    "transcription": "handing audio to the recogniser",
}
"""This program's threads by name; threads that Python does not know belong to the sound system."""


def used() -> dict[str, float]:
    """Return the CPU seconds used so far by this program's threads and by its recogniser."""
    mine = psutil.Process()
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    found: dict[str, float] = {}
    for thread in mine.threads():
        known = names.get(thread.id, "")
        what = THREADS.get(known, "other" if known else "capture: the sound system's callbacks")
        found[what] = found.get(what, 0.0) + thread.user_time + thread.system_time
    for child in mine.children():
        if "voicecoach.shell.asr.worker_process" in " ".join(child.cmdline()):
            found["the recogniser, a process"] = sum(child.cpu_times()[:2])
    return found


def split(call: Path, folder: Path) -> dict[str, Path]:
    """Write one file for each speaker of a recording; return their paths by speaker."""
    samples, rate = soundfile.read(call, always_2d=True)
    files = {}
    for speaker in SPEAKERS:
        files[str(speaker)] = folder / f"{speaker}.wav"
        soundfile.write(files[str(speaker)], samples[:, speaker.row], rate)
    return files


@contextmanager
def burning() -> Iterator[None]:
    """Load every core for as long as the context is open."""
    command = [sys.executable, "-c", "while True: sum(i * i for i in range(10_000))"]
    burners = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


# --- the overlay alone ----------------------------------------------------------------------

RATE = 20
"""Changes per second."""
REACH_SHARE = {"everything changes 20 times a second": 2.5, "nothing changes": 0.1}
"""Target CPU use, percent of a core."""


def print_overlay(seconds: float) -> None:
    """Print the CPU use of the overlay when everything in it changes, and when nothing does."""
    print("\n| overlay | CPU, % of a core | to reach | reached |\n|---|---|---|---|")
    for what, most in REACH_SHARE.items():
        share = shown_for(seconds, changes=most > 1.0)
        reached = "yes" if share <= most else "NO"
        print(f"| {what} | {share:.2f} | {most} | {reached} |")


def shown_for(seconds: float, *, changes: bool) -> float:
    """Show the overlay for `seconds`; return its CPU use, percent of a core."""
    from voicecoach.shell.views import overlay

    feed, ended, share = Feed(), threading.Event(), list[float]()

    def drive() -> None:
        moment = make_display(Snapshot(), "listening")
        feed.publish(moment, 0.0)
        time.sleep(2.0)
        mine, before, began = time.thread_time(), time.process_time(), time.monotonic()
        for i in range(round(seconds * RATE)):
            if changes:
                feed.publish(shaken(moment, i), 0.0)
            time.sleep(1 / RATE)
        used = time.process_time() - before - (time.thread_time() - mine)
        share.append(100 * used / (time.monotonic() - began))
        ended.set()

    threading.Thread(target=drive).start()
    overlay.run_overlay(feed, lambda: not ended.is_set())
    return share[0]


def shaken(still: Display, i: int) -> Display:
    """Return the `i`-th display of a series in which every meter and bar changes each time."""
    value = round(abs(i % 100 - 50) / 50, 2)
    channels = tuple(msgspec.structs.replace(c, level=(7 * i + 5) % 20) for c in still.channels)
    bars = [
        msgspec.structs.replace(bar, value=value, text=f"{value:.2f}")
        for bar in (still.agitation, still.delivery)
    ]
    return msgspec.structs.replace(still, channels=channels, agitation=bars[0], delivery=bars[1])


# --- bursts ---------------------------------------------------------------------------------

ROW = 20
"""Height in pixels, above the agent's meter, of the row with the word next to the agent's name."""
EVERY_S = 2.0
SPOKEN_S = (99.9, 100.6)
"""Seconds of the sample call at whose start the agent begins a word."""
TALKED_S = (20.0, 40.0)
"""Seconds of the sample call in which the customer speaks."""
LOUD = 0.02
"""Level above which a burst has begun, as a share of full scale."""


def bursts(
    call: Path, folder: Path, over: bool, seconds: int
) -> tuple[dict[str, Path], list[float]]:
    """Write bursts of the agent's voice, alone or over the customer's.

    Returns the files by speaker, and the seconds at which the bursts begin.
    """
    samples, rate = soundfile.read(call, always_2d=True)
    word = samples[round(SPOKEN_S[0] * rate) : round(SPOKEN_S[1] * rate), 0]
    word = word[np.flatnonzero(np.abs(word) > LOUD)[0] :]
    word = soxr.resample(word, rate, SAMPLE_RATE)
    agent = np.zeros(seconds * SAMPLE_RATE)
    rng = np.random.default_rng(0)
    onsets = [float(at + rng.uniform(0.0, 0.5)) for at in np.arange(1.0, seconds - 2, EVERY_S)]
    for at in onsets:
        first = round(at * SAMPLE_RATE)
        agent[first : first + len(word)] += word
    talk = soxr.resample(
        samples[round(TALKED_S[0] * rate) : round(TALKED_S[1] * rate), 1], rate, SAMPLE_RATE
    )
    customer = np.tile(talk, seconds * SAMPLE_RATE // len(talk) + 1)[: len(agent)] * over
    files = {}
    for who, sound in (("agent", agent), ("customer", customer)):
        files[who] = folder / f"burst-{who}.wav"
        soundfile.write(files[who], sound, SAMPLE_RATE, "PCM_16")
    return files, onsets


class Recorder:
    """Records when the sound server plays the beginning of each burst."""

    RATE = 48_000

    def __init__(self, env: dict[str, str], source: str) -> None:
        command = ["parec", f"--device={source}", "--latency-msec=5", "--format=s16le"]
        command += [f"--rate={self.RATE}", "--channels=1", "--raw"]
        self._process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
        self._heard: list[float] = []
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()

    def stop(self) -> list[float]:
        """Stop recording; return the times in seconds of `time.monotonic`."""
        self._process.kill()
        self._process.wait()
        self._thread.join()
        return self._heard

    def _hear(self) -> None:
        assert self._process.stdout
        quiet_since = -1.0
        file = self._process.stdout.fileno()
        while data := os.read(file, 4096):
            now = time.monotonic()
            samples = np.frombuffer(data[: len(data) // 2 * 2], np.int16)
            loud = np.flatnonzero(np.abs(samples.astype(int)) > LOUD * 32768)
            if not len(loud):
                continue
            if now - quiet_since > 0.7:
                # The last sample of a chunk has just been played.
                self._heard.append(now - (len(samples) - loud[0]) / self.RATE)
            quiet_since = now
        self._process.stdout.close()


class Watcher:
    """Records when pixels of a region change, in a separate process."""

    def __init__(self, folder: Path, region: tuple[int, int, int, int]) -> None:
        command = [
            sys.executable,
            "-m",
            "scripts.bench.latency_watch",
            str(folder),
            *map(str, region),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def stop(self) -> list[float]:
        """Stop watching; return the times of the changes in seconds of `time.monotonic`."""
        self._process.send_signal(signal.SIGINT)
        said, _ = self._process.communicate()
        return [float(line) for line in said.split()]


def paired(heard: list[float], changed: list[float], count: int) -> list[float]:
    """Return the seconds from each burst to the first change within 1 s, if there is one."""
    delays = []
    for at in heard[:count]:
        after = [c - at for c in changed if 0.0 < c - at < 1.0]
        if after:
            delays.append(after[0])
    return delays


def picture(stages: dict[str, Any]) -> str:
    """Return the stages as an SVG bar chart: medians dark, 95th and 99th percentiles lighter."""
    rows = [(name, f) for name, f in stages.items() if name != "words"]
    most = max(f["p99"] for _, f in rows)
    width, row, left = 640, 26, 90
    scale = (width - left - 150) / most
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{row * len(rows) + 20}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for i, (name, f) in enumerate(rows):
        y = 10 + i * row
        out.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{name}</text>')
        for key, colour in (("p99", "#cfe3fb"), ("p95", "#8dbdf2"), ("p50", "#1f5fa8")):
            bar = max(0.5, f[key] * scale)
            out.append(f'<rect x="{left}" y="{y}" width="{bar:.1f}" height="18" fill="{colour}"/>')
        text = f"{f['p50']:.1f} / {f['p95']:.1f} / {f['p99']:.1f} ms"
        out.append(f'<text x="{left + f["p99"] * scale + 6:.1f}" y="{y + 14}">{text}</text>')
    return "\n".join([*out, "</svg>\n"])


if __name__ == "__main__":
    main()

"""Overload a live call: CPU cores, recogniser, disk and viewers fail, one after the other.

    python -m scripts.endurance.overload [--picture FILE] [--json FILE]

One `voicecoach live --record` with transcription hears the same half minute of a real call in
each phase, as a call of its own.  The agent speeds up in it, so a cue is due.  Between phases the
trouble ends, and nothing is restarted.  A viewer notes when the cue's card arrives; the program's
own metrics give the other delays.  The troubles are real:

* Programs keep both cores busy.
* The recogniser's process is stopped nine tenths of the time, or for good.
* The disk is a FUSE file system (Debian's bindfs, needs root) over 8 MB of memory.  Its process is
  stopped nine tenths of the time, or the disk is filled.
* A viewer stops reading.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psutil
import soundfile
import soxr
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from scripts.bench.latency import burning
from scripts.endurance.soak import look, metrics_request, recogniser, tell
from scripts.support.sound_server import SoundServer
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS

FROM_S, TO_S = 86, 115
"""Excerpt of the sample call, seconds: the agent speeds up in it."""
SETTLE_S = 3.0
DISK_MB = 8
DUTY_S = 0.5
SHARE = 0.9
"""Share of the time for which a process is stopped, which makes it ten times slower."""
LATE_S = 0.15
"""Seconds that a cue may be late compared with no trouble; cues are decided every 128 ms."""
Json = dict[str, Any]


class Phase(NamedTuple):
    """A call, and the trouble during it."""

    name: str
    began_s: float
    samples: list[Json]
    card_s: float | None
    """Seconds from the start of playback until a viewer had the card, minus the time in the log
    from first speech to the cue: the delay of playback, capture and display."""
    said: list[str]
    left_out: int
    """Lines missing from the log."""
    complete: bool


class Rig:
    """A live session, and everything that can be made to fail."""

    def __init__(self, server: SoundServer, folder: Path, stack: ExitStack) -> None:
        self.server, self.folder = server, folder
        self.files = _excerpt(folder)
        self.disk, self.bindfs = _disk(folder, stack)
        self._said = (folder / "said").open("w+b")
        options = ["--view", "browser", "--record", "--no-baseline", "--no-journal"]
        options += ["--metrics", "--out", str(self.disk / "out"), *server.sources]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "voicecoach", "live", *options],
            env={**server.env, "BROWSER": "true"},
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )
        stack.callback(self.process.kill)
        while server.listeners() < 2:
            time.sleep(0.1)
            if self.process.poll() is not None:
                raise SystemExit((folder / "said").read_text())
        said = (folder / "said").read_text()
        self.page = re.findall(r"The page: (\S+)", said)[0]
        self.metrics = metrics_request(said)
        self.program = psutil.Process(self.process.pid)
        self.began = time.monotonic()
        # Nothing is listened to while no page shows it.
        threading.Thread(
            target=_watch, args=(stack.enter_context(self.view()),), daemon=True
        ).start()

    def view(self) -> ClientConnection:
        """Connect a viewer to the page's WebSocket."""
        origin = Origin(self.page[: self.page.index("/", 8)])
        return connect(self.page.replace("http://", "ws://") + "live", origin=origin)

    def recogniser(self) -> psutil.Process:
        """Return the recogniser's process."""
        found = recogniser(self.program)
        if not found:
            raise RuntimeError("there is no recogniser")
        return found

    def phase(self, name: str, trouble: AbstractContextManager[object]) -> Phase:
        """Play the call during the trouble, and return what was observed."""
        tell(self.server, "next")
        time.sleep(1.0)
        call = max((self.disk / "out").iterdir())
        began, samples = time.monotonic(), []
        with self.view() as viewer, trouble:
            time.sleep(SETTLE_S)
            played, cards = time.monotonic(), list[float]()
            reader = threading.Thread(target=_cards, args=(viewer, cards), daemon=True)
            reader.start()
            self.server.play(**self.files)
            while self.server.playing():
                now = time.monotonic() - self.began
                samples.append({"at_s": now, **look(self.program, self.metrics)})
                time.sleep(1.0)
        time.sleep(SETTLE_S)
        tell(self.server, "next")  # so that its log is complete
        time.sleep(2 * SETTLE_S)
        lines = [json.loads(line) for line in (call / "events.jsonl").read_bytes().splitlines()]
        said = [line["reason"] for line in lines if line["type"] == "degraded"]
        missing = [int(n) for why in said for n in re.findall(r"(\d+) lines before", why)]
        kinds = [line["type"] for line in lines]
        whole = kinds[0] == "header" and kinds[-1] == "ended" and (call / "summary.md").exists()
        at_s = {line["type"]: line["at_s"] for line in reversed(lines[1:])}  # first of each type
        card = None
        if cards and {"cue_opened", "speech_started"} <= at_s.keys():
            card = cards[0] - played - (at_s["cue_opened"] - at_s["speech_started"])
        return Phase(name, began - self.began, samples, card, said, sum(missing), whole)


def _watch(viewer: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        for _ in viewer:
            pass


def _cards(viewer: ClientConnection, cards: list[float]) -> None:
    with contextlib.suppress(ConnectionClosed, TimeoutError):
        while True:
            if json.loads(viewer.recv(60))["card"]:
                cards.append(time.monotonic())


def _disk(folder: Path, stack: ExitStack) -> tuple[Path, psutil.Process | None]:
    """Return a folder on a disk that can be slowed and filled, and its process.

    Where no such disk can be mounted, return an ordinary folder and None.
    """
    memory, disk = folder / "memory", folder / "disk"
    memory.mkdir()
    disk.mkdir()
    if not shutil.which("bindfs") or os.geteuid() != 0:
        return disk, None
    size = f"size={DISK_MB}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(memory)], check=True)
    stack.callback(subprocess.run, ["umount", "-l", str(memory)])
    server = subprocess.Popen(["bindfs", "-f", str(memory), str(disk)])
    stack.callback(subprocess.run, ["umount", "-l", str(disk)])
    stack.callback(server.send_signal, signal.SIGCONT)
    time.sleep(1.0)
    return disk, psutil.Process(server.pid)


def _excerpt(folder: Path) -> dict[str, Path]:
    x, rate = soundfile.read(resource("samples", SAMPLE_CALL))
    x = soxr.resample(x[FROM_S * rate : TO_S * rate], rate, SAMPLE_RATE)
    files = {str(speaker): folder / f"{speaker}.wav" for speaker in SPEAKERS}
    for speaker in SPEAKERS:
        soundfile.write(files[str(speaker)], x[:, speaker.row], SAMPLE_RATE, "PCM_16")
    return files


# --- trouble --------------------------------------------------------------------------------


@contextmanager
def slowed(find: Callable[[], psutil.Process]) -> Iterator[None]:
    """Stop a process for nine tenths of the time."""
    over = threading.Event()

    def stop_and_go() -> None:
        while not over.is_set():
            with contextlib.suppress(psutil.NoSuchProcess, RuntimeError):
                process = find()
                process.suspend()
                over.wait(SHARE * DUTY_S)
                process.resume()
            over.wait((1 - SHARE) * DUTY_S)

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def hung(process: psutil.Process) -> Iterator[None]:
    """Stop a process for good; the program that waits for it has to react."""
    process.suspend()
    try:
        yield
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Fill a disk completely."""
    with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    try:
        yield
    finally:
        (disk / "filler").unlink()


@contextmanager
def deaf(rig: Rig) -> Iterator[None]:
    """Connect a viewer that reads nothing."""
    where = urlsplit(rig.page)
    with socket.socket() as viewer:
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)  # a small network buffer
        viewer.connect((where.hostname, where.port))
        lines = [
            f"GET {where.path}live HTTP/1.1",
            f"Host: {where.netloc}",
            f"Origin: http://{where.netloc}",
            *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ]
        viewer.sendall("\r\n".join([*lines, "", ""]).encode())
        yield


# --- report ---------------------------------------------------------------------------------


def known(samples: Sequence[Json], stage: str = "known") -> list[tuple[float, float]]:
    """Return the mean of a stage in each second, ms, with the time of each mean."""
    name, found = "voicecoach_stage_seconds", []
    for a, b in pairwise(samples):
        count = b[f"{name}_count {stage}"] - a[f"{name}_count {stage}"]
        if count > 0:
            spent = b[f"{name}_sum {stage}"] - a[f"{name}_sum {stage}"]
            found.append((b["at_s"], 1000 * spent / count))
    return found


def report(phases: Sequence[Phase]) -> bool:
    """Print the results; return whether cues were on time and nothing was lost."""
    usual = phases[0].card_s or 0.0
    print("| | sound to display, ms: median second, worst | cue later than before, s ", end="")
    print("| words late, s: median second, worst | log complete | lines left out | said |")
    print("|---|---|---|---|---|---|---|")
    well = True
    for one in phases:
        lags = [ms for _, ms in known(one.samples)]
        words = [ms / 1000 for _, ms in known(one.samples, "words")] or [float("nan")]
        late = one.card_s - usual if one.card_s else float("nan")
        well &= late <= LATE_S and one.complete
        said = "; ".join(dict.fromkeys(one.said)) or "nothing"
        print(
            f"| {one.name} | {statistics.median(lags):.0f}, {max(lags):.0f} | {late:+.2f} "
            f"| {statistics.median(words):.2f}, {max(words):.2f} "
            f"| {'yes' if one.complete else 'NO'} | {one.left_out} | {said} |"
        )
    return well


def picture(phases: Sequence[Phase]) -> str:
    """Return the delays of the display and of the words over time, as an SVG."""
    width, height, left, top = 900, 260, 50, 20
    end: float = phases[-1].samples[-1]["at_s"] + 1
    lines = [("display", "#1f5fa8", "known"), ("words", "#b35c00", "words")]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
    ]

    def x(at: float) -> float:
        return left + at / end * (width - left - 10)

    def y(ms: float) -> float:  # decades from 10 ms to 100 s
        share = (math.log10(max(ms, 10.0)) - 1.0) / 4.0
        return height - 40.0 - share * (height - 60.0 - top)

    for ms, text in ((10, "10 ms"), (100, "100 ms"), (1000, "1 s"), (10_000, "10 s")):
        out.append(
            f'<line x1="{left}" x2="{width - 10}" y1="{y(ms):.0f}" y2="{y(ms):.0f}" stroke="#ddd"/>'
            f'<text x="{left - 4}" y="{y(ms) + 4:.0f}" text-anchor="end">{text}</text>'
        )
    for i, one in enumerate(phases):
        at, till = x(one.samples[0]["at_s"]), x(one.samples[-1]["at_s"])
        shade = "#f2f2f2" if one.name in ("before", "between", "after") else "#fbe9e7"
        out.append(
            f'<rect x="{at:.0f}" width="{till - at:.0f}" y="{top}" height="{height - 60}" '
            f'fill="{shade}" fill-opacity="0.6"/>'
            f'<text x="{at:.0f}" y="{height - 26 + 12 * (i % 2)}">{one.name}</text>'
        )
        for _, colour, stage in lines:
            points = [f"{x(a):.1f},{y(ms):.1f}" for a, ms in known(one.samples, stage)]
            lone = len(points) == 1  # if words hang, a single second may have data: draw a dot
            out.append(
                f'<polyline points="{" ".join(points * (1 + lone))}" fill="none" '
                f'stroke="{colour}" stroke-width="{1 + 2 * lone}" stroke-linecap="round"/>'
            )
    for i, (name, colour, _) in enumerate(lines):
        out.append(f'<text x="{left + 8 + 60 * i}" y="{top - 6}" fill="{colour}">{name}</text>')
    return "\n".join([*out, "</svg>\n"])


def main() -> None:
    """Run all phases and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    phases = []
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        SoundServer(SAMPLE_RATE) as server,
        ExitStack() as stack,
    ):
        rig = Rig(server, Path(name), stack)
        phases.append(rig.phase("before", nullcontext()))
        phases.append(rig.phase("cores loaded", burning()))
        phases.append(rig.phase("words 10 x slower", slowed(rig.recogniser)))
        phases.append(rig.phase("words hang", hung(rig.recogniser())))
        phases.append(rig.phase("between", nullcontext()))
        if rig.bindfs:
            disk = rig.bindfs
            phases.append(rig.phase("disk slow", slowed(lambda: disk)))
            phases.append(rig.phase("disk full", filled(rig.disk)))
        else:
            print("no slow and no full disk: that needs root, and bindfs")
        phases.append(rig.phase("viewer stuck", deaf(rig)))
        phases.append(rig.phase("after", nullcontext()))
        tell(server, "quit")
        rig.process.wait(60)
        code = rig.process.returncode
        if code:
            print((Path(name) / "said").read_text())
    if args.json:
        args.json.write_text(json.dumps([one._asdict() for one in phases]))
    if args.picture:
        args.picture.write_text(picture(phases))
    sys.exit(not report(phases) or code)


if __name__ == "__main__":
    main()

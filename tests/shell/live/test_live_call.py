"""A real call through a real sound server: what is captured, compared, and survived."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from websockets.sync.client import connect
from websockets.typing import Origin

from scripts.bench.live import found_at, read, replayed
from scripts.support import desktop
from scripts.support.sound_server import SoundServer, missing
from tests.shell.live.leftovers import SOUND_FILE, all_bytes, samples_found
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.testing import wait_until
from voicecoach.types.stream import F64, SAMPLE_RATE

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}")

PATIENCE_S = 40.0
"""Until something must have happened, on a machine that is busy with other tests."""
FROM_S, TO_S = 86, 115
"""Of the sample call: the agent speeds up."""

HURRIES_FROM, HURRIES_BY = 18, 1.3
"""Seconds into it, and how much faster the agent speaks from there: no pace near a threshold, where
it would depend on how ticks fall on the sound when a cue opens, by up to half a second."""

TALK_S = 12, 40
"""Of the sample call: the customer speaks."""

Json = dict[str, Any]
CLOCK = """
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    FILE *file = clock == CLOCK_REALTIME ? fopen(getenv("CLOCK_FILE"), "r") : NULL;
    long ahead = 0;
    if (file) { if (fscanf(file, "%ld", &ahead) == 1) now->tv_sec += ahead; fclose(file); }
    return failed;
}
"""
"""To be loaded before libc: the time of day is ahead by what a file says, in seconds."""


@pytest.fixture
def server() -> Iterator[SoundServer]:
    # What is played is heard sample by sample: resampling moves a cue that is near its threshold.
    with SoundServer(SAMPLE_RATE) as running:
        yield running


@pytest.fixture
def excerpt(tmp_path: Path) -> dict[str, Path]:
    """Write some of a real call, a file for each speaker."""
    return written(part(FROM_S, TO_S), tmp_path)


def part(from_s: int, to_s: int) -> F64:
    """Return [n, 2] of the sample call, agent and customer."""
    call, rate = soundfile.read(resource("samples", SAMPLE_CALL))
    return np.asarray(soxr.resample(call[from_s * rate : to_s * rate], rate, SAMPLE_RATE))


def hurry(samples: F64) -> F64:
    """Return [n, 2] with the agent faster from `HURRIES_FROM` on, and silent at the end."""
    at, hurried = HURRIES_FROM * SAMPLE_RATE, samples.copy()
    fast = soxr.resample(samples[at:, 0], HURRIES_BY * SAMPLE_RATE, SAMPLE_RATE)
    hurried[at:, 0] = 0.0
    hurried[at : at + len(fast), 0] = fast
    return hurried


def written(samples: F64, folder: Path) -> dict[str, Path]:
    """Write a file for each speaker."""
    files = {}
    for row, who in enumerate(("agent", "customer")):
        files[who] = folder / f"{who}.wav"
        soundfile.write(files[who], samples[:, row], SAMPLE_RATE, "PCM_16")
    return files


class Live:
    """`voicecoach live` in a process of its own."""

    def __init__(self, server: SoundServer, out: Path, *options: str) -> None:
        self._server, self._out = server, out
        command = ["live", "--no-transcribe", "--out", str(out), *server.sources]
        command += [] if "--baseline" in options else ["--no-baseline"]
        view = () if "--view" in options else ("--view", "none")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "voicecoach", *command, *view, *options],
            env={**server.env, "BROWSER": "true"},  # that opens nothing
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        if self.process.stdout and not self.process.stdout.closed:
            self.process.communicate()

    @property
    def folder(self) -> Path:
        """That of the newest call."""
        return max(self._out.iterdir())

    def events(self) -> list[Json]:
        """Return what the log has now; a line that is being written is not in it."""
        if not any(self._out.glob("*/events.jsonl")):
            return []
        whole = (self.folder / "events.jsonl").read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def wait(self, what: Callable[[Json], bool], after: int = 0) -> int:
        """Return the place of the first event that is so, from a place on."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            assert self.process.poll() is None, self.process.communicate()[0]
            for place, event in enumerate(self.events()[after:], after):
                if what(event):
                    return place
            time.sleep(0.1)
        raise AssertionError(f"it did not happen: {self.events()[after:][-5:]}")

    def refuses(self, word: str) -> str:
        """Say a word to it that it does not do, and return why."""
        command = [sys.executable, "-m", "voicecoach", "tell", word]
        told = subprocess.run(command, env=self._server.env, capture_output=True, text=True)
        assert told.returncode == 2, told
        return told.stderr.removeprefix(f"error: {word}: ")

    def tell(self, word: str) -> None:
        """Say a word to it, as a user's key would; it may be starting still."""
        until = time.monotonic() + PATIENCE_S
        command = [sys.executable, "-m", "voicecoach", "tell", word]
        while subprocess.run(command, env=self._server.env, capture_output=True).returncode:
            assert time.monotonic() < until, "it does not listen"
            time.sleep(0.2)

    def end(self) -> str:
        """End it, and return what it said."""
        self.tell("quit")
        said, _ = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, said
        return said


def of(events: list[Json], *types: str) -> list[Json]:
    return [event for event in events if event["type"] in types]


def state(speaker: str, state: str) -> Callable[[Json], bool]:
    """Return whether an event is that a channel is in a state."""
    wanted = {"type": "channel_state", "speaker": speaker, "state": state}
    return lambda event: wanted.items() <= event.items()


def later(at_s: float) -> Callable[[Json], bool]:
    """Return whether an event is of after a time."""
    return lambda event: bool(event["at_s"] > at_s)


def test_a_live_call_gives_the_cues_of_its_recording(server: SoundServer, tmp_path: Path) -> None:
    hurried = written(hurry(part(FROM_S, TO_S)), tmp_path)
    with Live(server, tmp_path / "live", "--record", "--consent") as live:
        # What is heard first is silence, so the log goes on only when something is played.
        live.wait(lambda event: event["type"] == "listening")
        until = time.monotonic() + PATIENCE_S
        while server.listeners() < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        server.play(**hurried)
        shown = live.wait(lambda event: event["type"] == "cue_opened")
        live.tell("helpful")
        live.wait(lambda event: event["type"] == "cue_feedback", shown)
        while server.playing():
            time.sleep(0.2)
        said = live.end()
        events, folder = live.events(), live.folder

    both = tmp_path / "both.wav"
    parts = [soundfile.read(hurried[who], dtype="int16") for who in ("agent", "customer")]
    played = np.stack([x for x, _ in parts], axis=1)
    soundfile.write(both, played, SAMPLE_RATE)
    # The truth begins where it was heard, so that hops and ticks fall on the same sounds.
    before = round(found_at(folder / "call.flac", both) * SAMPLE_RATE)
    soundfile.write(both, np.concatenate([np.zeros((before, 2), np.int16), played]), SAMPLE_RATE)
    truth = replayed(both, tmp_path / "replay", ["--no-transcribe"])
    live_s = [(event["id"], event["at_s"]) for event in of(events, "cue_opened")]
    true_s = [(event["id"], event["at_s"]) for event in of(truth, "cue_opened")]
    assert [cue for cue, _ in live_s] == [cue for cue, _ in true_s] == ["slow-down"]
    assert live_s[0][1] == pytest.approx(true_s[0][1], abs=0.15)
    assert of(events, "cue_feedback")[0]["helpful"]

    # Its own record is on the log's time line: every event is there again, bit for bit.
    again = replayed(folder / "call.flac", tmp_path / "replay", ["--no-transcribe"])
    beside = {"header", "listening", "gap", "cue_feedback", "channel_state", "ended"}
    mine = [event for event in events if event["type"] not in beside]
    assert mine == [event for event in again if event["type"] not in beside][: len(mine)]
    assert not of(events, "degraded")
    assert "Say to the customer: This call is recorded and analysed" in said
    assert events[0]["notice"] in said
    assert (folder / "summary.md").read_text("utf-8").count("Slow down")
    assert "Calm and neutral delivery" in (folder / "scorecard.md").read_text("utf-8")


def test_whatever_becomes_of_the_devices_the_call_goes_on(
    server: SoundServer, excerpt: dict[str, Path], tmp_path: Path
) -> None:
    with Live(server, tmp_path / "live", "--wait") as live:
        live.tell("helpful")  # it is there, and has nothing to mark
        assert server.listeners() == 0, "nothing is captured before it is started"
        assert not live.events()
        live.tell("pause")
        live.wait(lambda event: event["type"] == "listening")
        server.play(**excerpt)
        place = live.wait(lambda event: event["type"] == "speech_started")

        # The customer's output goes away: the server moves the stream to the agent's microphone.
        server.unplug_softphone()
        place = live.wait(state("customer", "lost"), place)
        assert "softphone" in live.events()[place]["reason"]
        server.plug_softphone()
        place = live.wait(state("customer", "ok"), place)

        server.kill()
        live.wait(state("agent", "lost"), place)
        place = live.wait(state("customer", "lost"), place)
        server.silence()
        server.start()
        live.wait(state("agent", "ok"), place)
        live.wait(state("customer", "ok"), place)
        server.play(**excerpt)
        place = live.wait(lambda event: event["type"] == "speech_started", place)

        # One word pauses everything, and the sound system sees that nobody listens.
        live.tell("pause")
        place = live.wait(lambda event: event["type"] == "listening", place)
        until = time.monotonic() + PATIENCE_S
        while server.listeners():
            assert time.monotonic() < until, "the devices are let go"
            time.sleep(0.1)
        paused_at = live.events()[place]["at_s"]
        time.sleep(2.0)
        heard = of(live.events()[place:], "speech_started", "delivery", "tone")
        assert not [event for event in heard if event["at_s"] > paused_at + 1.0]
        live.tell("pause")
        place = live.wait(lambda event: event["type"] == "listening" and event["on"], place)
        place = live.wait(lambda event: event["type"] == "speech_started", place)

        # The computer stands still for a while.
        live.process.send_signal(signal.SIGSTOP)
        time.sleep(4.0)
        live.process.send_signal(signal.SIGCONT)
        server.silence()
        server.play(**excerpt)
        place = live.wait(lambda event: event["type"] == "speech_started", len(live.events()))
        live.end()
        events = live.events()
    assert events[-1]["type"] == "ended"
    assert [event["at_s"] for event in events[1:]] == sorted(e["at_s"] for e in events[1:])
    gaps = [gap for gap in of(events, "gap") if gap["start_s"] < paused_at + 1.0 < gap["end_s"]]
    assert len(gaps) == 1, "a pause is a gap"


def test_what_the_microphone_hears_of_the_customer_is_said(
    server: SoundServer, tmp_path: Path
) -> None:
    """By how much the two players start apart it is a copy, or a bleed that is late."""
    samples = part(*TALK_S)
    samples[:, 0] += 0.5 * samples[:, 1]
    with Live(server, tmp_path / "live") as live:
        live.wait(lambda event: event["type"] == "listening")
        until = time.monotonic() + PATIENCE_S
        while server.listeners() < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        server.play(**written(samples, tmp_path))
        known = [state("agent", found) for found in ("copied", "bleeding")]
        place = live.wait(lambda event: any(is_so(event) for is_so in known))
        reason = live.events()[place]["reason"]
        assert "the same signal" in reason or "the customer's voice is heard on" in reason
        live.end()


def test_a_next_call_has_a_log_of_its_own(
    server: SoundServer, excerpt: dict[str, Path], tmp_path: Path
) -> None:
    with Live(server, tmp_path / "live") as live:
        server.play(**excerpt)
        live.wait(lambda event: event["type"] == "speech_started")
        first = live.folder
        live.tell("next")
        until = time.monotonic() + PATIENCE_S
        while live.folder == first:
            assert time.monotonic() < until
            time.sleep(0.1)
        live.wait(lambda event: event["type"] == "speech_started")
        said = live.end()
        assert len(said.split("Results: ")) == 3
        for folder in (first, live.folder):
            events = read(folder / "events.jsonl")
            assert events[1] == {"type": "listening", "at_s": 0.0, "on": True}
            assert events[-1]["type"] == "ended"
            assert (folder / "summary.json").exists()


@pytest.mark.parametrize("content", [b"\xff{", b'{"version": 999}'], ids=["damaged", "newer"])
def test_a_baseline_that_cannot_be_read_costs_no_call(
    server: SoundServer, tmp_path: Path, content: bytes
) -> None:
    kept = Path(server.env["HOME"]) / ".local/share/voicecoach/baseline.json"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    with Live(server, tmp_path / "live", "--baseline") as live:
        live.wait(lambda event: event["type"] == "listening")
        said = live.end()
    assert "the call starts without your baseline, and learns nothing" in said
    assert kept.read_bytes() == content


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there are no terminals to close")
def test_a_closed_terminal_ends_a_call_with_its_results(
    server: SoundServer, excerpt: dict[str, Path], tmp_path: Path
) -> None:
    with Live(server, tmp_path / "live") as live:
        server.play(**excerpt)
        live.wait(lambda event: event["type"] == "speech_started")
        assert live.process.stdout
        live.process.stdout.close()  # as a terminal that is closed: printing fails
        live.process.send_signal(signal.SIGHUP)
        assert live.process.wait(PATIENCE_S) == 128 + signal.SIGHUP
        assert live.events()[-1]["type"] == "ended"
        assert {"summary.json", "scorecard.json"} <= {p.name for p in live.folder.iterdir()}
    with JournalStore(
        Path(server.env["HOME"]) / ".local/share/voicecoach/journal/journal.sqlite3"
    ) as journal:
        assert [row.call.name for row in journal.call_overviews()] == [live.folder.name]


def test_a_customer_who_says_no_is_forgotten(
    server: SoundServer, excerpt: dict[str, Path], tmp_path: Path
) -> None:
    """Nothing is captured before the start, and after a no nothing is captured or left."""
    (tmp_path / "eu.toml").write_text("[privacy]\nprofile = 'eu'\n")
    config = "--config", str(tmp_path / "eu.toml")
    out = tmp_path / "live"
    with Live(server, out, "--record", *config) as live:
        live.tell("helpful")  # it is there, and has nothing to mark
        assert server.listeners() == 0
        live.tell("pause")
        live.wait(lambda event: event["type"] == "listening")
        server.play(**excerpt)
        live.wait(lambda event: event["type"] == "speech_started")
        header = live.events()[0]
        assert header["notice"].startswith("This call is recorded and analysed")
        live.tell("decline")
        until = time.monotonic() + PATIENCE_S
        while server.listeners() or list(out.iterdir()):
            assert time.monotonic() < until, "the devices are let go, and the folder is deleted"
            time.sleep(0.1)
        time.sleep(1.0)
        assert not list(out.iterdir())
        assert server.listeners() == 0, "the next call waits to be started"
        live.tell("pause")
        live.wait(lambda event: event["type"] == "speech_started")
        said = live.end()
        assert len(said.split("Results: ")) == 2
        assert [folder.name for folder in out.iterdir()] == [live.folder.name]
    with JournalStore(
        Path(server.env["HOME"]) / ".local/share/voicecoach/journal/journal.sqlite3"
    ) as j:
        assert [row.call.name for row in j.call_overviews()] == [live.folder.name]


def test_no_sound_is_left_by_a_call_that_is_killed(server: SoundServer, tmp_path: Path) -> None:
    """The recogniser's process has it in memory alone, too."""
    home, scratch, out = Path(server.env["HOME"]), tmp_path / "tmp", tmp_path / "live"
    scratch.mkdir()
    server.env |= {"TMPDIR": str(scratch)}
    samples = part(*TALK_S)
    files = written(samples, tmp_path)
    with Live(server, out, "--transcribe") as live:
        live.wait(lambda event: event["type"] == "listening")
        server.play(**files)
        live.wait(lambda event: event["type"] == "word")
        live.process.kill()
        live.process.wait()
        left = all_bytes(home, scratch, out)
    assert b'"type":"word"' in left
    assert not SOUND_FILE.search(left)
    played = np.stack([soundfile.read(files[who], dtype="int16")[0] for who in files])
    assert not samples_found(left, played)


@pytest.mark.skipif(not shutil.which("gcc"), reason="not installed: gcc")
def test_a_clock_that_jumps_changes_nothing(
    server: SoundServer, excerpt: dict[str, Path], tmp_path: Path
) -> None:
    clock, source, library = (tmp_path / name for name in ("clock", "clock.c", "clock.so"))
    clock.write_text("0")
    source.write_text(CLOCK)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    server.env |= {"LD_PRELOAD": str(library), "CLOCK_FILE": str(clock)}
    with Live(server, tmp_path / "live") as live:
        server.play(**excerpt)
        place = live.wait(lambda event: event["type"] == "speech_started")
        for jump in ("86400", "-3000000", "3000"):
            clock.write_text(jump)
            place = live.wait(later(live.events()[place]["at_s"] + 2.0), place)
        clock.write_text("172800")
        live.tell("next")
        until = time.monotonic() + PATIENCE_S
        while len(list((tmp_path / "live").glob("*/events.jsonl"))) < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        live.end()
    logs = [
        [json.loads(line) for line in log.read_bytes().splitlines()]
        for log in (tmp_path / "live").glob("*/events.jsonl")
    ]
    days = {events[0]["started_at"][:10] for events in logs}
    assert len(days) == 2, "the clock did not jump"
    for events in logs:
        assert not of(events, "degraded", "gap")
        times = [event["at_s"] for event in events[1:]]
        assert times == sorted(times)
        assert events[-1]["type"] == "ended"
        assert times[-1] < 120


def test_the_page_shows_a_live_call(server: SoundServer, tmp_path: Path) -> None:
    with Live(server, tmp_path / "live", "--view", "browser") as live:
        assert live.process.stdout
        said = ""
        while "The page: " not in said:
            said = live.process.stdout.readline()
            assert said, "it ended"
        url = said.removeprefix("The page: ").strip()
        live.wait(lambda event: event["type"] == "listening")
        socket = url.replace("http://", "ws://") + "live"
        with connect(socket, origin=Origin(url[: url.index("/", 8)])) as viewer:
            until = time.monotonic() + PATIENCE_S
            while json.loads(viewer.recv(PATIENCE_S))["state"] != "listening":
                assert time.monotonic() < until
            viewer.send(json.dumps({"type": "toggle"}))
            live.wait(lambda event: event["type"] == "listening" and not event["on"])
            while json.loads(viewer.recv(PATIENCE_S))["state"] != "paused":
                assert time.monotonic() < until
        live.end()


def test_the_overlay_shows_a_live_call(server: SoundServer, tmp_path: Path) -> None:
    if lacking := desktop.missing():
        pytest.skip(f"not installed: {lacking}")
    with desktop.desktop() as screen:
        server.env |= {"DISPLAY": screen.env["DISPLAY"]}
        with Live(server, tmp_path / "live", "--view", "overlay", "--wait") as live:
            live.tell("helpful")
            window = screen.xdotool("search", "--sync", "--name", "^voicecoach$").split()[0]
            before = screen.xdotool("getwindowgeometry", window)
            live.tell("pause")
            live.wait(lambda event: event["type"] == "listening")
            assert screen.xdotool("getwindowgeometry", window) == before
            live.end()


def paused(event: Json) -> bool:
    return event["type"] == "listening" and not event["on"]


def test_a_call_is_not_listened_to_when_the_display_is_gone(
    server: SoundServer, tmp_path: Path
) -> None:
    if lacking := desktop.missing():
        pytest.skip(f"not installed: {lacking}")
    with desktop.desktop() as screen:
        server.env |= {"DISPLAY": screen.env["DISPLAY"]}
        with Live(server, tmp_path / "live", "--view", "overlay") as live:
            live.wait(lambda event: event["type"] == "listening")
            wait_until(lambda: bool(screen.visible("^voicecoach$")))
            window = screen.visible("^voicecoach$")
            # One that is closed is shown again, and listened to, as the agent wants.
            screen.close_window(window)
            place = live.wait(paused)
            assert live.refuses("pause").startswith("the overlay was closed")
            place = live.wait(lambda event: event["type"] == "listening" and event["on"], place)
            assert screen.visible("^voicecoach$")
            screen.kill()
            place = live.wait(paused, place)
            wait_until(lambda: server.listeners() == 0)
            assert live.refuses("pause").startswith("the view is gone")
            again = lambda e: e["type"] == "degraded" and "the view is gone" in e["reason"]  # noqa: E731
            live.wait(again, place + 1)
            said = live.end()
            assert not of(live.events()[place + 1 :], "listening")
        assert "Listening is paused: the overlay was closed; `voicecoach tell pause` shows" in said
        assert "Listening is paused: the view is gone; end the call with `voicecoach tell" in said
        assert live.events()[-1]["type"] == "ended"


def test_a_call_is_not_listened_to_when_its_page_is_gone(
    server: SoundServer, tmp_path: Path
) -> None:
    with Live(server, tmp_path / "live", "--view", "browser") as live:
        assert live.process.stdout
        said = ""
        while "The page: " not in said:
            said = live.process.stdout.readline()
            assert said, "it ended"
        url = said.removeprefix("The page: ").strip()
        address = url.replace("http://", "ws://") + "live"
        origin = Origin(url[: url.index("/", 8)])
        live.wait(lambda event: event["type"] == "listening")
        with connect(address, origin=origin) as viewer:
            viewer.recv(PATIENCE_S)
        place = live.wait(paused)
        assert live.refuses("pause").startswith("no page shows the call")
        again = lambda e: e["type"] == "degraded" and e["reason"].startswith("no page")  # noqa: E731
        place = live.wait(again, place + 1)
        with connect(address, origin=origin) as viewer:
            while json.loads(viewer.recv(PATIENCE_S))["state"] != "listening":
                pass
            live.wait(lambda event: event["type"] == "listening" and event["on"], place)
            said = live.end()
    assert "Listening is paused: no page shows the call" in said


def run(env: dict[str, str], *options: str) -> tuple[int, str]:
    """Return the exit code and the words of a live call that cannot begin."""
    done = subprocess.run(
        [sys.executable, "-m", "voicecoach", "live", "--no-transcribe", *options],
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return done.returncode, done.stderr


def test_no_sound_server_is_said_in_a_line(tmp_path: Path) -> None:
    env = {**os.environ, "PULSE_SERVER": f"unix:{tmp_path}/none", "HOME": str(tmp_path)}
    code, said = run(env, "--view", "none")
    assert code == 2
    assert said.startswith("error: no sound server responds")
    assert len(said.splitlines()) == 1


def test_no_portaudio_is_said_in_a_line(server: SoundServer, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    env = {**server.env, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    code, said = run(env, "--view", "none", *server.sources)
    assert code == 2
    assert "PortAudio library not found" in said
    assert "apt install libportaudio2" in said


def test_devices_are_listed_with_what_would_be_chosen(server: SoundServer) -> None:
    command = [sys.executable, "-m", "voicecoach", "devices"]
    listed = subprocess.run(command, env=server.env, capture_output=True, text=True, check=True)
    lines = {line.split("│")[3].strip(): line for line in listed.stdout.splitlines() if "│" in line}
    assert "agent" in lines["agentmic"]
    assert "customer" in lines["softphone.monitor"]


def test_nobody_to_tell_is_said_in_a_line(server: SoundServer) -> None:
    command = [sys.executable, "-m", "voicecoach", "tell", "pause"]
    told = subprocess.run(command, env=server.env, capture_output=True, text=True)
    assert told.returncode == 2
    assert "no live call is running" in told.stderr

"""Kill live calls (SIGKILL) at random moments; check what is left, and whether it replays.

    python -m scripts.endurance.kills [--times 200] [--at-once 2] [--seed 0]

The script plays a real call into a PulseAudio server of its own.  Each run starts a `voicecoach
live --record` with transcription on that server and kills it within seconds.  The kill comes during
start-up, in the middle of a call, or (every third time) just after the next call was requested,
while results and the journal are written.  The script then checks:

* The event log can be read to its last whole line, and the journal opens and is intact.
* The record replays to the same events as the log, one by one, words included, up to its end.

It also measures what is lost: the time heard before the kill that is missing from the log, and from
the record.  The stream time at the kill is estimated from the arrival times of earlier log lines.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import soundfile
import soxr

from scripts.support.sound_server import SoundServer
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.errors import VoiceCoachError
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.live.recorder import AUDIO_FILE
from voicecoach.shell.results import input_log, reader
from voicecoach.shell.results.input_log import INPUTS_FILE
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.events import Event, event_type
from voicecoach.types.stream import HOP, SAMPLE_RATE, SPEAKERS
from voicecoach.views import event_log

FROM_S, TO_S = 60, 200
"""Excerpt of the sample call, seconds: both people speak in it."""
START_S = 30.0
LONGEST_S = 12.0
BESIDE = {"degraded", "ended"}
"""Event types that the comparison ignores: the state of the program, and the end of the call."""
WITHIN_S = 1.0


class Left(NamedTuple):
    """What a killed session left of its newest call."""

    heard_s: float
    """Stream time at the kill; 0 if nothing had been heard."""
    log_s: float
    sound_s: float
    events: int
    words: int
    """Word events, included in `events`."""
    calls: int
    wrong: str
    """The promise that was broken, or ""."""


def main() -> None:
    """Kill sessions, check what they left, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, SoundServer(SAMPLE_RATE) as server:
        files = _excerpt(Path(folder))
        over = threading.Event()
        player = threading.Thread(target=_play, args=(server, files, over))
        player.start()
        with ThreadPoolExecutor(args.at_once) as pool:
            jobs = [
                pool.submit(killed, server, Path(folder) / str(i), random.Random(args.seed + i), i)
                for i in range(args.times)
            ]
            left = [job.result() for job in jobs]
        over.set()
        player.join()
    sys.exit(not report(left))


def killed(server: SoundServer, home: Path, rng: random.Random, number: int) -> Left:
    """Run a session in a home of its own, kill it, and return what it left."""
    (home / "run").mkdir(parents=True)
    (home / "run").chmod(0o700)
    env = {**server.env, "HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
    out = home / "out"
    command = ["live", "--view", "none", "--no-baseline", "--record", "--journal"]
    process = subprocess.Popen(
        [sys.executable, "-m", "voicecoach", *command, "--out", str(out), *server.sources],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ends = number % 3 == 2
    live_s = rng.uniform(3.0 if ends else 0.0, LONGEST_S)
    ask_s = rng.uniform(0.8, 3.0)
    offset, log, asked = float("inf"), None, False
    if number % 10 == 0:  # during start-up
        time.sleep(rng.uniform(0.0, 2.0))
    else:
        until = time.monotonic() + START_S
        while not _last(log := _newest(out)) and time.monotonic() < until:
            time.sleep(0.05)
        until = time.monotonic() + live_s
        while time.monotonic() < until:
            if (last := _last(log)) > 0:
                offset = min(offset, time.monotonic() - last)
            if ends and not asked and time.monotonic() > until - ask_s:
                asked = True
                subprocess.Popen(
                    [sys.executable, "-m", "voicecoach", "tell", "next"],
                    env=env,
                    stderr=subprocess.DEVNULL,
                )
            time.sleep(0.02)
    process.kill()
    heard_s = max(0.0, time.monotonic() - offset)
    process.wait()
    return _look(home, log, heard_s, ended=asked)


def _look(home: Path, log: Path | None, heard_s: float, *, ended: bool) -> Left:
    """Return what was left; if the call had ended, none of it counts as lost."""
    calls, wrong = 0, ""
    for journal in home.rglob("journal.sqlite3"):
        try:
            with JournalStore(journal) as opened:
                calls = len(opened.call_overviews())
                wrong = opened.damage_note
        except VoiceCoachError as e:
            wrong = str(e)
    if log is None or not log.exists() or not log.read_bytes().count(b"\n"):
        return Left(0.0, 0.0, 0.0, 0, 0, calls, wrong)
    try:
        events, damage = reader.read_results(log.parent)[2:]
        sound = log.parent / AUDIO_FILE
        heard = list(RecordedCall.from_stereo(sound).blocks()) if sound.exists() else []
        record = input_log.read_inputs(log.parent / INPUTS_FILE)
    except VoiceCoachError as e:
        nothing = ("holds no samples", "too short", "is empty", "after 0.0 s")
        short = heard_s < WITHIN_S and any(what in str(e) for what in nothing)
        return Left(heard_s, 0.0, 0.0, 0, 0, calls, wrong if short else str(e))
    samples = heard[-1].end if heard else 0
    engine = build_engine(Config(), built_in_cues(), shipped_models(), transcribe=record.has_words)
    # Compared as lines, because the log's numbers are rounded.
    said = run_engine(record.merge_with_blocks(heard), engine, record)
    again = [e for e in said if _told(e) and e.at <= samples - HOP]
    mine = [e for e in events if _told(e) and e.at <= samples - HOP]
    if [*map(event_log.encode_event, mine)] != [*map(event_log.encode_event, again[: len(mine)])]:
        wrong = "its record gives other events"
    wrong = damage or next(iter(record.notes), wrong)
    # The log is complete up to the first event that the record gives and the log lacks.
    log_s = (again[len(mine)].at if len(again) > len(mine) else samples) / SAMPLE_RATE
    over = ended or any(event_type(e) == "ended" for e in events)
    now_s = min(log_s, samples / SAMPLE_RATE) if over else heard_s
    words = sum(event_type(e) == "word" for e in mine)
    return Left(now_s, log_s, samples / SAMPLE_RATE, len(mine), words, calls, wrong)


def _told(event: Event) -> bool:
    return event_type(event) not in BESIDE


def _newest(out: Path) -> Path | None:
    return max(out.glob(f"*/{EVENT_LOG}"), default=None)


def _last(log: Path | None) -> float:
    """Return the newest time in a log, seconds; 0 if it has none."""
    if log is None:
        return 0.0
    tail = log.read_bytes()[-4000:].rpartition(b"\n")[0].rpartition(b"\n")[2]
    _, found, rest = tail.partition(b'"at_s":')
    return float(rest.partition(b",")[0].rstrip(b"}")) if found else 0.0


def _excerpt(folder: Path) -> dict[str, Path]:
    x, rate = soundfile.read(resource("samples", SAMPLE_CALL))
    x = 0.9 * soxr.resample(x[FROM_S * rate : TO_S * rate], rate, SAMPLE_RATE)
    files = {str(speaker): folder / f"{speaker}.wav" for speaker in SPEAKERS}
    for speaker in SPEAKERS:
        soundfile.write(files[str(speaker)], x[:, speaker.row], SAMPLE_RATE, "PCM_16")
    return files


def _play(server: SoundServer, files: dict[str, Path], over: threading.Event) -> None:
    while not over.is_set():
        server.play(**files)
        while server.playing() and not over.wait(0.2):
            pass
    server.silence()


def report(left: list[Left]) -> bool:
    """Print the result; return whether everything is as promised."""
    wrong = [one.wrong for one in left if one.wrong]
    heard = [one for one in left if one.heard_s > 0 and one.events]
    log = [max(0.0, one.heard_s - one.log_s) for one in heard]
    sound = [max(0.0, one.heard_s - one.sound_s) for one in heard]
    print(f"killed {len(left)} times, {len(heard)} of them in a call that was heard")
    words = sum(one.words for one in left)
    print(
        f"events compared with those of the record, heard again: "
        f"{sum(one.events for one in left)}, {words} of them words"
    )
    print(f"calls in the journals: {sum(one.calls for one in left)}")
    print("| lost, s | median | 95th percentile | most |\n|---|---|---|---|")
    for name, lost in (("event log", log), ("sound", sound)):
        lost.sort()
        p95 = lost[int(0.95 * (len(lost) - 1))]
        print(f"| {name} | {statistics.median(lost):.2f} | {p95:.2f} | {lost[-1]:.2f} |")
    late = sum(x > WITHIN_S for x in (*log, *sound))
    print(f"more than {WITHIN_S:.0f} s: {late}; not as promised: {len(wrong)}")
    for what in wrong:
        print(f"- {what}")
    return not wrong and not late


if __name__ == "__main__":
    main()

"""Check that memory, threads and latency stay constant through a working day.

    python -m scripts.endurance.soak shift [--hours 8]      the engine, in virtual time
    python -m scripts.endurance.soak real [--minutes 60]    the whole program on a sound server

`shift` processes staged calls and the two real ones over and over, and stores each as a live call
is stored.  The words of the staged calls come from `scripts.staging.scripted_words`.  With
`--one-call` the whole shift is one call, as when an agent forgets to start the next.

`real` plays the calls into a PulseAudio server of its own, to a `voicecoach live` that transcribes,
and requests the next call when one is over.  It observes the program from outside, through the
system's figures and the program's metrics.

`--json` writes the samples.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import itertools
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import soundfile
import soxr
from prometheus_client.parser import text_string_to_metric_families

from scripts.staging import stage_call
from scripts.staging.scripted_words import ToldAsr
from scripts.staging.truth import Truth
from scripts.support import corpora
from scripts.support.sound_server import SoundServer
from voicecoach.coaching import cues
from voicecoach.coaching.thresholds import cue_thresholds
from voicecoach.config import Config
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.live.recorder import CallRecorder
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.results.writer import ResultsWriter
from voicecoach.shell.runtime.engine_factory import ModelFiles, build_engine, shipped_models
from voicecoach.shell.runtime.memory import release_memory
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Block
from voicecoach.views import event_log

SCENARIOS = Path(__file__).parents[1] / "staging" / "scenarios"
STAGED = (
    "due_rush_and_anger",
    "quiet_ordinary",
    "due_long_account",
    "quiet_vent",
    "due_barge_in",
    "quiet_backchannels",
)
WARM_S = 600.0
"""Seconds of warm-up, after which memory must stay flat."""
FLAT = 0.05
"""Share by which memory may grow after the warm-up."""
SAMPLE_S = 10.0
LINES = 10_000
"""Most lines that may wait for the disk in virtual time."""
MB = 1e6
Json = dict[str, Any]


class Recording(NamedTuple):
    """A call to be processed."""

    path: Path
    told: Truth | None
    """Truth that supplies its words; None if there is none."""


def recordings(folder: Path) -> list[Recording]:
    """Stage calls into a folder, and return them together with the real ones."""
    found = [Recording(resource("samples", SAMPLE_CALL), None)]
    with suppress(FileNotFoundError):
        found.append(Recording(corpora.folder("calls") / "auto_repairs_49.flac", None))
        clips = stage_call.takes(corpora.folder("emodb"))
        for name in STAGED:
            scenario = stage_call.load(SCENARIOS / f"{name}.toml")
            staged = stage_call.stage(scenario, name, clips, 1)
            found.append(Recording(stage_call.save(staged, folder), staged.truth))
    return found


# --- in virtual time ------------------------------------------------------------------------


def shift(hours: float, *, one_call: bool) -> Json:
    """Process a shift as fast as possible, and return the samples."""
    models = shipped_models()
    samples: list[Json] = []
    heard_s, calls, incomplete = 0.0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        day = itertools.cycle(recordings(Path(folder)))
        while heard_s < 3600 * hours:
            if one_call:
                call, blocks = Recording(Path(), None), _end_to_end(day, 3600 * hours)
            else:
                call = next(day)
                blocks = RecordedCall.from_stereo(call.path).blocks()
            calls += 1
            watch = Watch(samples, heard_s)
            incomplete += not hear(call, blocks, models, Path(folder) / f"call{calls}", watch)
            release_memory()  # as a session does
            watch.look(watch.now_s, at_once=True)
            heard_s = watch.now_s
    return {"samples": samples, "incomplete": incomplete, "calls": calls}


def hear(
    call: Recording, blocks: Iterator[Block], models: ModelFiles, folder: Path, watch: Watch
) -> bool:
    """Process a call and store it in a folder as live does; return whether its log is complete."""
    config = Config()
    asr = ToldAsr(call.told, config.transcription) if call.told else None
    rules = cues.built_in_cues()
    engine = build_engine(config, rules, models, transcribe=asr is not None)
    tally = ResultsWriter(folder.name, cue_thresholds(rules), engine.language)
    lines, began_s = 1, watch.now_s
    with CallRecorder(folder, audio=False) as keeper:
        keeper.write_event_line(event_log.encode_header(call=folder.name))
        for event in run_engine(blocks, engine, asr):
            keeper.write_event_line(event_log.encode_event(event))
            tally.add_event(event)
            lines += 1
            watch.look(began_s + event.at / SAMPLE_RATE)
            while keeper.queued_writes > LINES:  # calls run faster here than the disk writes
                time.sleep(0.01)
    keeper.wait_until_written()
    tally.write_results(folder)
    log = (folder / EVENT_LOG).read_bytes().splitlines()
    shutil.rmtree(folder)
    return len(log) == lines and b'"ended"' in log[-1]


class Watch:
    """Samples this program every five minutes of virtual time, and at the end of each call."""

    def __init__(self, samples: list[Json], now_s: float) -> None:
        self._samples, self._since_s = samples, now_s
        self.now_s = now_s
        """Current virtual time, seconds."""
        self._process, self._cpu_s = psutil.Process(), time.process_time()

    def look(self, now_s: float, *, at_once: bool = False) -> None:
        """Set the virtual time, and take a sample if one is due."""
        self.now_s = now_s
        if now_s - self._since_s < (1.0 if at_once else 300.0):
            return
        cost = (time.process_time() - self._cpu_s) / (now_s - self._since_s)
        self._samples.append({"at_s": now_s, **_system(self._process), "cost": cost})
        self._since_s, self._cpu_s = now_s, time.process_time()


def _end_to_end(calls: Iterator[Recording], limit_s: float) -> Iterator[Block]:
    """Yield the blocks of calls as one call, up to a limit."""
    now = 0
    for call in calls:
        for block in RecordedCall.from_stereo(call.path).blocks():
            yield Block(now, block.samples)
            now += block.samples.shape[1]
            if now >= limit_s * SAMPLE_RATE:
                return


# --- in real time ---------------------------------------------------------------------------


def real(minutes: float) -> Json:
    """Play calls to a live session for this long, and return the samples."""
    samples: list[Json] = []
    with tempfile.TemporaryDirectory() as name, SoundServer(SAMPLE_RATE) as server:
        folder = Path(name)
        files = [_split(call.path, folder) for call in recordings(folder)]
        command = ["live", "--view", "none", "--metrics", "--out", f"{folder}/out"]
        said = (folder / "said").open("w+b")
        process = subprocess.Popen(
            [sys.executable, "-m", "voicecoach", *command, *server.sources],
            env=server.env,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        program = psutil.Process(process.pid)
        while server.listeners() < 2:
            time.sleep(0.1)
        metrics = metrics_request((folder / "said").read_text())
        began, calls = time.monotonic(), 0
        for both in itertools.cycle(files):
            server.play(**both)
            while server.playing():
                time.sleep(SAMPLE_S)
                samples.append({"at_s": time.monotonic() - began, **look(program, metrics)})
                if process.poll() is not None:
                    raise SystemExit((folder / "said").read_text())
                if time.monotonic() - began >= minutes * 60:
                    server.silence()
            calls += 1
            if time.monotonic() - began >= minutes * 60:
                break
            tell(server, "next")
        tell(server, "quit")
        process.wait(60)
        logs = [_log(log) for log in sorted((folder / "out").glob("*/events.jsonl"))]
    return {"samples": samples, "calls": calls, "logs": logs, "code": process.returncode}


def _split(path: Path, folder: Path) -> dict[str, Path]:
    """Write one file per speaker, at a sample rate that the sound server does not convert."""
    x, rate = soundfile.read(path, always_2d=True)
    x = 0.9 * soxr.resample(x[:, :2], rate, SAMPLE_RATE)
    files = {str(s): folder / f"{path.stem}.{s}.wav" for s in SPEAKERS}
    for speaker in SPEAKERS:
        soundfile.write(files[str(speaker)], x[:, speaker.row], SAMPLE_RATE, "PCM_16")
    return files


def tell(server: SoundServer, word: str) -> None:
    """Send a control command to the session, as a hotkey would."""
    subprocess.run([sys.executable, "-m", "voicecoach", "tell", word], env=server.env, check=True)


def metrics_request(said: str) -> urllib.request.Request:
    """Return the request for the metrics, built from what the program printed."""
    address, file = re.findall(r"^Metrics: (\S+), token in (.+)$", said, re.MULTILINE)[0]
    token = Path(file).read_text("ascii").strip()
    return urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})


def look(program: psutil.Process, metrics: urllib.request.Request) -> Json:
    """Return what the system and the program's metrics report now."""
    found = _system(program)
    times = program.cpu_times()
    found["cpu_s"] = times.user + times.system
    if child := recogniser(program):
        found["recogniser_mb"] = child.memory_info().rss / MB
        spent = child.cpu_times()
        found["cpu_s"] += spent.user + spent.system
    with urllib.request.urlopen(metrics, timeout=10) as answer:
        text = answer.read().decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            of = [sample.labels[key] for key in ("stage", "queue", "le") if key in sample.labels]
            found[" ".join([sample.name, *of])] = sample.value
    return found


def recogniser(program: psutil.Process) -> psutil.Process | None:
    """Return the recogniser process of a program, or None."""
    for child in program.children():
        with suppress(psutil.Error):  # child processes start and end meanwhile
            if "voicecoach.shell.asr.worker_process" in " ".join(child.cmdline()):
                return child
    return None


def _log(log: Path) -> Json:
    """Return whether a log is complete, and the problems that it records."""
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    kinds = [line["type"] for line in lines]
    times = [line["at_s"] for line in lines[1:] if line["type"] not in ("degraded",)]
    return {
        "lines": len(lines),
        "complete": kinds[0] == "header" and kinds[-1] == "ended" and times == sorted(times),
        "degraded": [line["reason"] for line in lines if line["type"] == "degraded"],
        "gap_s": sum(line["end_s"] - line["start_s"] for line in lines if line["type"] == "gap"),
        "results": sorted(file.name for file in log.parent.iterdir()),
    }


# --- both -----------------------------------------------------------------------------------


def _system(process: psutil.Process) -> Json:
    return {
        "rss_mb": process.memory_info().rss / MB,
        "threads": process.num_threads(),
        "descriptors": process.num_fds(),
    }


def grown(samples: Sequence[Json], key: str) -> tuple[float, float, float]:
    """Return a figure after the warm-up, at the end (5-minute medians), and its maximum since."""
    end = samples[-1]["at_s"]
    warm = min(WARM_S, end / 3)
    after = [s[key] for s in samples if warm <= s["at_s"] < warm + 300.0 and key in s]
    last = [s[key] for s in samples if s["at_s"] >= end - 300.0 and key in s]
    most = max(s[key] for s in samples if s["at_s"] >= warm and key in s)
    return statistics.median(after), statistics.median(last), most


def mean(samples: Sequence[Json], stage: str, from_s: float, to_s: float) -> tuple[float, float]:
    """Return a stage's mean between two times, ms, and the share that took over 0.1 s."""
    name = "voicecoach_stage_seconds"
    here = [s for s in samples if from_s <= s["at_s"] <= to_s]
    first, last = here[0], here[-1]

    def since(key: str) -> float:
        return float(last[key] - first[key])

    count = since(f"{name}_count {stage}")
    over = count - since(f"{name}_bucket {stage} 0.1")
    return 1000 * since(f"{name}_sum {stage}") / max(count, 1.0), over / max(count, 1.0)


def report_growth(samples: Sequence[Json], keys: Sequence[str]) -> bool:
    """Print the growth of each figure; return whether it is small enough."""
    print("| | after the first 10 min | in the last 5 | at most | grown |\n|---|---|---|---|---|")
    well = True
    for key in keys:
        after, last, most = grown(samples, key)
        share = last / after - 1
        well &= share <= (FLAT if key.endswith("_mb") else 0.0)
        print(f"| {key} | {after:.1f} | {last:.1f} | {most:.1f} | {share:+.1%} |")
    return well


def main() -> None:
    """Run the soak and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("what", choices=["shift", "real"])
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--one-call", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = (
        shift(args.hours, one_call=args.one_call) if args.what == "shift" else real(args.minutes)
    )
    if args.json:
        args.json.write_text(json.dumps(found))
    samples = found["samples"]
    well = report_shift(found) if args.what == "shift" else report_real(found)
    keys = ["rss_mb", "threads", "descriptors"]
    keys += ["recogniser_mb"] if "recogniser_mb" in samples[-1] else []
    sys.exit(not (report_growth(samples, keys) and well))


def report_shift(found: Json) -> bool:
    """Print the cost of the first hour and of the last."""
    samples = found["samples"]
    end = samples[-1]["at_s"]
    hour = min(3600.0, end / 4)
    first = [s["cost"] for s in samples if s["at_s"] <= hour]
    last = [s["cost"] for s in samples if s["at_s"] >= end - hour]
    ratio = statistics.median(last) / statistics.median(first)
    print(f"{found['calls']} calls, {end / 3600:.2f} h; logs not complete: {found['incomplete']}")
    print(f"cost of an hour, the last to the first: {ratio:.3f}\n")
    return not found["incomplete"]


def report_real(found: Json) -> bool:
    """Print the latencies at the start and at the end."""
    samples, logs = found["samples"], found["logs"]
    first, last = samples[0], samples[-1]
    end = last["at_s"]
    part = min(WARM_S, end / 4)
    cores = (last["cpu_s"] - first["cpu_s"]) / (end - first["at_s"])
    complete = sum(log["complete"] for log in logs)
    print(f"{found['calls']} calls, {end / 60:.1f} min, {cores:.2f} of a core")
    print(f"logs: {len(logs)}, complete: {complete}, lines: {sum(log['lines'] for log in logs)}")
    print(f"gaps in them: {sum(log['gap_s'] for log in logs):.2f} s")
    for reason in (reason for log in logs for reason in log["degraded"]):
        print(f"said: {reason}")
    print("\n| | first 10 min, mean ms | over 0.1 s | last 10 min | over 0.1 s |")
    print("|---|---|---|---|---|")
    for stage in ("known", "hop", "capture", "words"):
        a, b = mean(samples, stage, part / 10, part), mean(samples, stage, end - part, end)
        print(f"| {stage} | {a[0]:.2f} | {a[1]:.2%} | {b[0]:.2f} | {b[1]:.2%} |")
    print()
    return bool(complete == len(logs) and found["code"] == 0)


if __name__ == "__main__":
    main()

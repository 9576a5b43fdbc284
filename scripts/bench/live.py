"""Play a real call into a sound server, capture it live, and compare it with a replay of its file.

    python -m scripts.bench.live [CALL] [--no-words]

For each cue of the replay, the table shows when the live call showed it, on the recording's time
line.  The live call's own recording is then replayed with the words that were heard live, which
must give the same events.  The run takes as long as the call.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from scipy.signal import correlate

from scripts.support.sound_server import SoundServer
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS

REACH_S = 0.15
ALONE = {"header", "degraded"}
"""Event types that concern the program rather than the call."""

Json = dict[str, Any]


def main() -> None:
    """Play, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("call", nargs="?", type=Path, default=resource("samples", SAMPLE_CALL))
    parser.add_argument("--no-words", action="store_true")
    args = parser.parse_args()
    options = ["--no-transcribe"] if args.no_words else []
    with tempfile.TemporaryDirectory() as folder, SoundServer(SAMPLE_RATE) as server:
        out = Path(folder)
        samples, rate = soundfile.read(args.call, always_2d=True)
        both = 0.9 * soxr.resample(
            samples[:, :2], rate, SAMPLE_RATE
        )  # resampling overshoots full scale
        soundfile.write(out / "both.wav", both, SAMPLE_RATE, "PCM_16")
        files = {}
        for speaker in SPEAKERS:
            files[str(speaker)] = out / f"{speaker}.wav"
            soundfile.write(files[str(speaker)], both[:, speaker.row], SAMPLE_RATE, "PCM_16")
        live = out / "live"
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "voicecoach", "live", "--view", "none", "--no-baseline"),
                *("--record", "--out", str(live), *server.sources, *options),
            ],
            env=server.env,
            stdout=subprocess.DEVNULL,
        )
        while server.listeners() < 2:
            time.sleep(0.1)
        time.sleep(2.0)
        server.play(**files)
        while server.playing():
            time.sleep(0.2)
        subprocess.run(
            [sys.executable, "-m", "voicecoach", "tell", "quit"], env=server.env, check=True
        )
        process.wait()
        kept = next(live.iterdir())
        events = read(kept / "events.jsonl")
        truth = replayed(out / "both.wav", out, options)
        again = replayed(kept / "call.flac", out, ["--as-heard"])
        began = found_at(kept / "call.flac", out / "both.wav")
    print("| cue | replay, s | live, s | later, s | within 0.15 s |\n|---|---|---|---|---|")
    shown = [(e["id"], e["at_s"] - began) for e in events if e["type"] == "cue_opened"]
    for event in truth:
        if event["type"] != "cue_opened":
            continue
        mine = [at for name, at in shown if name == event["id"]]
        near = min(mine, key=lambda at: abs(at - event["at_s"]), default=float("nan"))
        off = near - event["at_s"]
        row = f"{event['at_s']:.2f} | {near:.2f} | {off:+.2f}"
        print(f"| {event['id']} | {row} | {'yes' if abs(off) <= REACH_S else 'NO'} |")
    due = [e["id"] for e in truth if e["type"] == "cue_opened"]
    extra = [f"{name} at {at:.2f}" for name, at in shown if name not in due]
    ended = truth[-1]["end_s"]
    print(f"\nonly live: {'; '.join(extra) or 'nothing'} (the recording ends at {ended:.2f})")
    ours, theirs = ([e for e in log if e["type"] not in ALONE] for log in (events, again))
    same = sum(a == b for a, b in zip(ours, theirs, strict=False))
    print(f"its own record, heard again as it was: {same} of {len(ours)} events are the same")


def read(log: Path) -> list[Json]:
    """Return the events of a log."""
    return [json.loads(line) for line in log.read_bytes().splitlines()]


def replayed(path: Path, out: Path, options: Sequence[str]) -> list[Json]:
    """Replay a recording and return its events."""
    command = [sys.executable, "-m", "voicecoach", "replay", str(path), "--out", str(out)]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    return read(out / path.stem / "events.jsonl")


def found_at(whole: Path, part: Path) -> float:
    """Return the second at which `part` begins in `whole`, by correlating the agent's channels."""
    sounds = [soundfile.read(path)[0][:, 0] for path in (whole, part)]
    return int(np.argmax(correlate(*sounds, mode="valid", method="fft"))) / SAMPLE_RATE


if __name__ == "__main__":
    main()

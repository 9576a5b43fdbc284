"""Print what voices behind the speakers do to a call: false cues, and own speech that is lost.

Each real or made call is replayed without words, alone and with another reader behind one speaker
or both, so and so far below the speaker's active level.  Whatever the calls alone do not have is
false: a cue, and seconds of speech.

    python -m scripts.bench.others_heard [--reader 237]

The rules were chosen with the readers 1089 and 121 of LibriSpeech.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from scripts.support import corpora
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.shell.asr.loop import split_blocks
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.types.events import CueOpened, Degraded, Event, SpeechEnded
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, SPEAKERS, Block, Speaker

CALLS = (
    "calls/auto_repairs_40",
    "calls/auto_repairs_49",
    "complaint/angry_bad",
    "complaint/angry_good",
)
LEVELS_DB = (15, 20, 25, 30, 35, 40, 45)
WEAK_DB = 20
"""Voices so far below the speaker's are to be left out."""
EARLY_S = 30.0
BEHIND = {"the agent": (Speaker.AGENT,), "the customer": (Speaker.CUSTOMER,), "both": SPEAKERS}


class Found(NamedTuple):
    """What a replay gives."""

    cues: list[tuple[str, float]]
    """Name of each cue, and when it opened, seconds."""
    spoken: dict[Speaker, F32]
    """For each hop, whether the speaker speaks."""
    found: int
    """On how many channels others were found."""


def replay(samples: F32) -> Found:
    """Replay a call [2, n] without words."""
    engine = build_engine(Config(), built_in_cues(), shipped_models(), transcribe=False)
    events: list[Event] = []
    for block in split_blocks([Block(0, samples)], 8):
        events += engine.process(block)
    events += engine.finish()
    hops = samples.shape[1] // HOP
    spoken = {s: np.zeros(hops, np.float32) for s in SPEAKERS}
    for event in events:
        if isinstance(event, SpeechEnded):
            spoken[event.speaker][event.start // HOP : event.end // HOP] = 1
    cues = [(e.id, e.at / SAMPLE_RATE) for e in events if isinstance(e, CueOpened)]
    told = {e.stage for e in events if isinstance(e, Degraded) and e.stage.startswith("behind")}
    return Found(cues, spoken, len(told))


def read_call(name: str) -> F32:
    """Return a shared call [2, n] in whole hops."""
    x, rate = soundfile.read(corpora.DATA / f"{name}.flac", dtype="float32")
    samples = soxr.resample(x, rate, SAMPLE_RATE).T
    return np.ascontiguousarray(samples[:, : samples.shape[1] // HOP * HOP], np.float32)


def reading(reader: str, samples: int) -> F32:
    """Return a reader without long pauses."""
    parts = [x for name, x, _ in corpora.librispeech() if name.startswith(f"{reader}-")]
    line = np.concatenate([np.concatenate([x, np.zeros(SAMPLE_RATE // 4)]) for x in parts])
    return np.resize(line, samples).astype(np.float32)


def behind(call: F32, voice: F32, speakers: tuple[Speaker, ...], below_db: float) -> F32:
    """Return a call with a voice behind speakers."""
    mixed = call.copy()
    for speaker in speakers:
        # Of two channels, each hears another part.
        other = np.roll(voice, -speaker.row * len(voice) // 2)
        level = corpora.active_level_db(call[speaker.row].astype(np.float64), SAMPLE_RATE)
        mixed[speaker.row] += corpora.at_level(
            np.asarray(other, np.float64), SAMPLE_RATE, level - below_db
        )
    return np.clip(mixed, -1.0, 1.0).astype(np.float32)


def rows(call: F32, alone: Found, voice: F32) -> Iterator[tuple[str, int, list[float], float, int]]:
    """Yield who has others behind them, how far, when false cues open, speech, and found."""
    for who, speakers in BEHIND.items():
        for below_db in LEVELS_DB:
            found = replay(behind(call, voice, speakers, below_db))
            false = [
                at
                for name, at in found.cues
                if not any(name == n and abs(at - t) < 10 for n, t in alone.cues)
            ]
            spoken = [float(found.spoken[s].sum() / alone.spoken[s].sum()) for s in speakers]
            yield who, below_db, false, float(np.mean(spoken)), found.found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--reader", default="237", help="of LibriSpeech (237)")
    options = parser.parse_args()
    totals: dict[tuple[str, int], list[tuple[list[float], float, int]]] = {}
    seconds = 0.0
    for name in CALLS:
        call = read_call(name)
        seconds += call.shape[1] / SAMPLE_RATE
        alone = replay(call)
        voice = reading(options.reader, call.shape[1])
        for who, below_db, false, spoken, found in rows(call, alone, voice):
            totals.setdefault((who, below_db), []).append((false, spoken, found))
    early = weak = 0
    print(f"{len(CALLS)} calls, {seconds / 60:.0f} minutes; reader {options.reader}\n")
    print("| others behind | below their level | false cues | own speech against alone | found |")
    print("|---|---|---|---|---|")
    for (who, below_db), some in totals.items():
        false_cues, spoken_ratios, channels = zip(*some, strict=True)
        opened = [at for times in false_cues for at in times]
        if below_db >= WEAK_DB:
            weak, early = weak + len(opened), early + sum(at < EARLY_S for at in opened)
        print(
            f"| {who} | {below_db} dB | {len(opened)} "
            f"| {np.mean(spoken_ratios):.2f} ({max(spoken_ratios):.2f}) "
            f"| {sum(channels)} of {len(CALLS) * len(BEHIND[who])} |"
        )
    minutes = seconds / 60 * len(BEHIND) * sum(below_db >= WEAK_DB for below_db in LEVELS_DB)
    print(
        f"\n{weak} false cues from {WEAK_DB} dB down, in {minutes:.0f} minutes; "
        f"{early} of them in the first {EARLY_S:.0f} s of a call"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Measure how soon faulty channels are reported, how often wrongly, and at what CPU cost.

The calls are staged conversations between LibriSpeech readers over a telephone line; rooms, delays
and overlaps are drawn anew for each.  Speech is detected by level, which takes crosstalk for
speech.  Times are seconds until the fault is reported: of the source's speech (crosstalk), of
anybody's speech (copy) or of the channel's speech (clipping).  A second report on another channel,
or a report that is withdrawn, counts as wrong.  The calls without faults are those of
`scripts.staging.conversations`, shouting actors, hold music, and two real calls.

    python -m scripts.bench.channels [--calls 6] [--minutes 4]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from scripts.staging import conversations
from scripts.staging.conversations import AGENT, CUSTOMER
from scripts.support import corpora
from scripts.support.corpora import Samples
from voicecoach.audio.channels import ChannelMonitor
from voicecoach.audio.vad import SileroVad
from voicecoach.shell.runtime.resources import vad_model
from voicecoach.types.events import ChannelState
from voicecoach.types.stream import HOP, MAX_HOPS, SAMPLE_RATE, SPEAKERS, TICK, Speaker

CALL_S = 60.0
LONG_S = 240.0
"""Seconds of a call whose clocks drift."""
NOTHING = "nothing on it so far: is it muted, or is recording not permitted?"
Bools = NDArray[np.bool_]


class Result(NamedTuple):
    """The channel states that were reported in a call."""

    changes: list[ChannelState]
    spent_s: float
    """CPU seconds spent in `push` and `update_states`."""


def watch(both: Samples, speech: Bools | None = None) -> Result:
    """Run the channel monitor on a call; return its reports and its CPU time."""
    speech = conversations.speaking(both) if speech is None else speech
    channels, changes, spent = ChannelMonitor(), [], 0.0
    at = 0
    for i, hop in enumerate(conversations.hops(both)):
        at = (i + 1) * HOP
        began = time.process_time()
        channels.push(hop)
        if (i + 1) % TICK == 0:
            changes += channels.update_states(at, speech[:, i].tolist())
        spent += time.process_time() - began
    return Result(changes + channels.finish(at), spent)


class Staged(NamedTuple):
    """A call with a fault."""

    both: Samples
    truth: Bools
    """For each hop: does it hold the speech that the time to the report is measured in?"""


class Condition(NamedTuple):
    """A fault, and the state that should be reported for it."""

    name: str
    state: str
    speakers: tuple[Speaker, ...]
    stage: Callable[[Samples, np.random.Generator], Staged]
    seconds: float = CALL_S


def conditions() -> Iterator[Condition]:
    """Yield the faults to stage."""
    agent, customer = (Speaker.AGENT,), (Speaker.CUSTOMER,)

    def copied(gain_db: float, snr_db: float, mu_law: bool) -> Condition:
        def stage(clean: Samples, rng: np.random.Generator) -> Staged:
            mono = clean.sum(axis=0)
            both = np.stack([mono, 10 ** (gain_db / 20) * mono])
            both = np.stack(
                [corpora.add_noise(x, SAMPLE_RATE, corpora.pink(len(x), rng), snr_db) for x in both]
            )
            if mu_law:
                both = np.stack([corpora.mu_law(x) for x in both])
            return Staged(both, np.asarray(conversations.speaking(clean).any(axis=0)))

        coding = ", mu-law each" if mu_law else ""
        name = f"copied, {gain_db:+.0f} dB, noise at {snr_db:.0f} dB{coding}"
        return Condition(name, "copied", SPEAKERS, stage)

    yield copied(0.0, 60.0, False)
    yield copied(-12.0, 30.0, True)

    def bleed(gain_db: float, low_s: float, high_s: float, hard: bool = False) -> Condition:
        def stage(clean: Samples, rng: np.random.Generator) -> Staged:
            delay = float(rng.uniform(low_s, high_s))
            heard = conversations.room(rng, 0.5 if hard else 0.3, -6.0 if hard else 3.0)
            both = conversations.leak(
                conversations.over_line(clean), CUSTOMER, gain_db, delay, heard
            )
            noise = -50.0 if hard else conversations.MIC_NOISE_DB
            return Staged(
                conversations.noisy(both, rng, noise), conversations.speaking(clean)[CUSTOMER]
            )

        where = "far in a noisy room, " if hard else ""
        name = f"bleeding, {where}{gain_db:+.0f} dB, {low_s * 1000:.0f}-{high_s * 1000:.0f} ms"
        return Condition(name, "bleeding", agent, stage)

    yield bleed(-3.0, 0.002, 0.006)
    for gain_db in (0.0, -10.0, -20.0):
        yield bleed(gain_db, 0.006, 0.2)
    for gain_db in (-10.0, -20.0):
        yield bleed(gain_db, 0.006, 0.2, True)

    def echo(gain_db: float, low_s: float, high_s: float) -> Condition:
        def stage(clean: Samples, rng: np.random.Generator) -> Staged:
            delay = float(rng.uniform(low_s, high_s))
            both = conversations.leak(clean, AGENT, gain_db, delay, conversations.hybrid(rng))
            both = conversations.noisy(conversations.over_line(both), rng)
            return Staged(both, conversations.speaking(clean)[AGENT])

        name = f"echo on the line, {gain_db:+.0f} dB, {low_s * 1000:.0f}-{high_s * 1000:.0f} ms"
        return Condition(name, "bleeding", customer, stage)

    yield echo(-12.0, 0.02, 0.3)
    yield echo(-20.0, 0.02, 0.3)

    def clipping(share: float, rate: int, gain_db: float) -> Condition:
        def stage(clean: Samples, rng: np.random.Generator) -> Staged:
            x = soxr.resample(clean[AGENT], SAMPLE_RATE, rate)
            x = conversations.clipped(x, share, gain_db)
            x = soxr.resample(x, rate, SAMPLE_RATE)
            n = min(len(x), clean.shape[1]) // HOP * HOP
            both = conversations.noisy(np.stack([x[:n], clean[CUSTOMER, :n]]), rng)
            return Staged(both, conversations.speaking(clean[:, :n])[AGENT])

        name = f"clipped, {100 * share:.0f} % of loud samples at {rate // 1000} kHz"
        return Condition(f"{name}, {gain_db:+.0f} dB", "clipped", agent, stage)

    yield clipping(0.03, 16_000, -3.0)
    yield clipping(0.1, 16_000, -20.0)
    for share in (0.03, 0.1, 0.3):
        yield clipping(share, 48_000, -6.0)
    yield clipping(0.1, 8_000, -6.0)

    def drift(ppm: float) -> Condition:
        def stage(clean: Samples, rng: np.random.Generator) -> Staged:
            both = conversations.drift_leak(
                conversations.over_line(clean), CUSTOMER, -12.0, 0.1, conversations.room(rng), ppm
            )
            return Staged(conversations.noisy(both, rng), np.ones(clean.shape[1] // HOP, np.bool_))

        name = (
            f"drifting, {ppm:+.0f} ppm ({abs(ppm) * 1e-3 * LONG_S:.0f} ms in {LONG_S / 60:.0f} min)"
        )
        return Condition(name, "drifting", SPEAKERS, stage, LONG_S)

    yield drift(170.0)
    yield drift(-400.0)


def talk(seconds: float, rng: np.random.Generator) -> Samples:
    """Return a conversation between two of the readers."""
    readers = conversations.readers()
    a, c = rng.permutation(len(readers))[:2]
    return conversations.conversation(
        conversations.voice(readers[a]), conversations.voice(readers[c]), seconds, rng
    )


def measure(condition: Condition, calls: int) -> str:
    """Stage and measure `calls` calls; return a row of the table."""
    times, wrong = [], 0
    for seed in range(calls):
        rng = np.random.default_rng(seed)
        call = condition.stage(talk(condition.seconds, rng), rng)
        changes = watch(call.both).changes
        first = {c.speaker: c for c in reversed(changes) if c.state == condition.state}
        if set(first) >= set(condition.speakers):
            at = max(first[s].at for s in condition.speakers)
            times.append(float(call.truth[: at // HOP].sum()) * HOP / SAMPLE_RATE)
        # Drift between clocks is only detected through crosstalk, so both are right.
        right = (
            {condition.state, "bleeding"} if condition.state == "drifting" else {condition.state}
        )
        wrong += sum(c.state not in right or c.speaker not in condition.speakers for c in changes)
    took = f"{statistics.median(times):.1f} | {max(times):.1f}" if times else "- | -"
    return f"| {condition.name} | {len(times)} of {calls} | {took} | {wrong} |"


def recorded(path: str) -> Samples:
    """Return a recorded call at `SAMPLE_RATE`."""
    samples, rate = soundfile.read(corpora.folder("calls") / path)
    both = soxr.resample(samples, rate, SAMPLE_RATE).T
    return np.asarray(both[:, : both.shape[1] // HOP * HOP])


def heard(both: Samples) -> Bools:
    """Return where Silero detects speech, by hop."""
    vad = SileroVad(vad_model())
    x, step = np.ascontiguousarray(both, np.float32), MAX_HOPS * HOP
    blocks = [vad.process(x[:, i : i + step]) for i in range(0, x.shape[1], step)]
    return np.asarray(np.concatenate(blocks, axis=1) > 0.5)


def innocents(minutes: float) -> Iterator[tuple[str, Samples, Bools | None]]:
    """Yield calls without faults, each with its speech by hop (None: detect speech by level)."""
    seconds, readers = 60 * minutes, conversations.readers()
    rng = np.random.default_rng(1)
    a, c = (conversations.voice(readers[i]) for i in (0, 1))
    for name, both in conversations.innocent(a, c, seconds, rng):
        yield name, both, None
    actors: dict[str, list[Samples]] = {}
    for name, x in corpora.emodb():
        if name[5] in "WF":
            actors.setdefault(name[:2], []).append(x)
    a, c = (conversations.voice(actors[i]) for i in ("03", "08"))
    shouting = conversations.conversation(a, c, seconds, rng, overlaps=0.3)
    yield "actors shout, peak-normalised", conversations.noisy(shouting, rng), None
    yield "actors shout over a line", conversations.over_line(shouting), None
    music = [corpora.read(p) for p in sorted((corpora.folder("noise") / "hold_music").glob("*"))]
    for track in music:
        both = talk(len(track) // HOP * HOP / SAMPLE_RATE, rng)
        both[CUSTOMER] = track[: both.shape[1]]
        yield "hold music", conversations.noisy(both, rng), None
    for path in ("auto_repairs_40.flac", "auto_repairs_49.flac"):
        both = recorded(path)
        yield path, both, None
        yield f"{path}, Silero", both, heard(both)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--calls", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=4.0)
    args = parser.parse_args()
    print("| condition | found | median, s of speech | worst, s | wrong states |")
    print("|---|---|---|---|---|")
    for condition in conditions():
        print(measure(condition, args.calls), flush=True)
    print("\n| innocent call | minutes | false alarms |\n|---|---|---|")
    total = alarms = 0.0
    spent = 0.0
    for name, both, speech in innocents(args.minutes):
        result = watch(both, speech)
        # Not a false alarm: the channel is digitally silent for its first 5 s.
        false = [c for c in result.changes if c.state != "ok" and c.reason != NOTHING]
        minutes = both.shape[1] / SAMPLE_RATE / 60
        said = "; ".join(f"{c.at / SAMPLE_RATE:.0f} s {c.speaker} {c.state}" for c in false)
        print(f"| {name} | {minutes:.1f} | {len(false)} {said} |", flush=True)
        total, alarms, spent = total + minutes, alarms + len(false), spent + result.spent_s
    print(
        f"\n{alarms:.0f} false alarms in {total / 60:.1f} hours: {60 * alarms / total:.2f} an hour"
    )
    updates = total * 60 * SAMPLE_RATE / (TICK * HOP)
    print(
        f"{1000 * spent / (total * 60):.2f} ms of CPU per second of audio, "
        f"{1000 * spent / updates:.3f} ms an update with its {TICK} pushes"
    )


if __name__ == "__main__":
    main()

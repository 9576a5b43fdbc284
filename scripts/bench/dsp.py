"""Measure the CPU cost of the prosody extractor, and of openSMILE's eGeMAPSv02 descriptors.

The figures are CPU time of the process per second of audio, with openSMILE and voicecoach in turn
on the same call, one thread each; medians and ranges over `--rounds`.  Live, hops of 16 ms are
pushed one at a time, both back to back and paced.  Paced means asleep between hops, as in a call:
caches grow cold, so a back-to-back loop makes every tool look cheaper.  The cost of the pacing loop
itself is subtracted.  openSMILE runs one instance per channel, since it has no other way.

    pip install -e '.[bench]'
    python -m scripts.bench.dsp [--rounds 5] [--seconds 10]
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from opensmile.core.config import config as smile_config

from scripts.bench import peers
from voicecoach.dsp.prosody import GROUP_HOPS, ProsodyExtractor, load_weights
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, prosody_model, resource
from voicecoach.types.stream import F32, HOP, MAX_HOPS, SAMPLE_RATE

CALLS = 8
WARM = 20
"""Hops before the measurement starts."""
ALLOCATION_HOPS = 10_000
REACH = {"batch": 10.0, "live": 5.0, "many": 20.0}
"""Target ratio of openSMILE's CPU time to voicecoach's."""


class Stream(NamedTuple):
    """An extractor that receives a call hop by hop."""

    push: Callable[[int], object]
    finish: Callable[[], None]


def call_samples() -> F32:
    """Return the sample call from its 20th second on, [2, samples]."""
    blocks = [
        b.samples
        for b in RecordedCall.from_stereo(resource("samples", SAMPLE_CALL)).blocks(MAX_HOPS)
    ]
    return np.ascontiguousarray(np.concatenate(blocks, axis=1)[:, 20 * SAMPLE_RATE :])


def ours(samples: F32, calls: int = 1, group: int = GROUP_HOPS) -> Stream:
    """Return a stream of one voicecoach extractor that processes `calls` calls at once."""
    extractor = ProsodyExtractor(load_weights(prosody_model()), 2 * calls, group)
    many = np.concatenate([np.roll(samples, SAMPLE_RATE * 7 * k, axis=1) for k in range(calls)])
    return Stream(lambda i: extractor.process(many[:, i * HOP : (i + 1) * HOP]), lambda: None)


def open_smile(samples: F32) -> Stream:
    """Return a stream of two live openSMILE instances: one per channel, each in its own thread."""
    smile = peers.egemaps()
    options = smile._options()
    options["source"] = os.path.join(  # noqa: PTH118 - openSMILE's own paths are strings
        smile.default_config_root, smile_config.EXTERNAL_INPUT_CONFIG
    )
    options.update(sampleRate=SAMPLE_RATE, nBits=16)
    source = smile_config.EXTERNAL_SOURCE_COMPONENT
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
    running = []
    for _ in pcm:
        instance = smile._smile(options=options)
        instance.external_sink_set_callback_ex(
            smile_config.EXTERNAL_OUTPUT_COMPONENT, lambda data, meta: None
        )
        thread = threading.Thread(target=instance.run, daemon=True)
        thread.start()
        running.append((instance, thread))

    def push(i: int) -> None:
        for (instance, _), channel in zip(running, pcm, strict=True):
            instance.external_audio_source_write_data(
                source, channel[i * HOP : (i + 1) * HOP].tobytes()
            )

    def finish() -> None:
        for instance, thread in running:
            instance.external_audio_source_set_eoi(source)
            thread.join(30)

    return Stream(push, finish)


def idle(_: F32) -> Stream:
    """Return a stream that does nothing."""
    return Stream(lambda i: None, lambda: None)


def cost(stream: Stream, seconds: float, paced: bool) -> float:
    """Return the CPU milliseconds of a live stream per second of audio."""
    for i in range(WARM):
        stream.push(i)
    hops = round(seconds * SAMPLE_RATE / HOP)
    began, cpu = time.perf_counter(), time.process_time()
    for i in range(hops):
        wait = began + i * HOP / SAMPLE_RATE - time.perf_counter()
        if paced and wait > 0:
            time.sleep(wait)
        stream.push(WARM + i)
    if not paced:
        stream.finish()  # include the work that threads have not finished
    else:
        time.sleep(0.1)
    spent = time.process_time() - cpu
    if paced:
        stream.finish()
    return 1000 * spent / seconds


def batch_ours(samples: F32) -> float:
    """Return voicecoach's CPU milliseconds per second of one channel, in blocks as in a replay."""
    extractor = ProsodyExtractor(load_weights(prosody_model()))
    size = MAX_HOPS * HOP
    whole = int(samples.shape[1] // size * size)
    cpu = time.process_time()
    for start in range(0, whole, size):
        extractor.process(samples[:, start : start + size])
    spent = time.process_time() - cpu
    return 1000 * spent / (2 * whole / SAMPLE_RATE)


def batch_open_smile(samples: F32) -> float:
    """Return openSMILE's CPU milliseconds per second of one channel, a whole channel at a time."""
    smile = peers.egemaps()
    cpu = time.process_time()
    for channel in samples:
        smile.process_signal(channel, SAMPLE_RATE)
    spent = time.process_time() - cpu
    return 1000 * spent / (samples.size / SAMPLE_RATE)


def net_allocation(samples: F32) -> tuple[int, int]:
    """Return the bytes by which memory grows over `ALLOCATION_HOPS` live hops: arrays, and in all.

    Memory outside arrays is small objects that the interpreter keeps for reuse, up to a fixed
    limit.
    """
    extractor = ProsodyExtractor(load_weights(prosody_model()))
    hops = samples.shape[1] // HOP
    views = [samples[:, i * HOP : (i + 1) * HOP] for i in range(hops)]

    def run() -> tuple[int, int]:
        for i in range(ALLOCATION_HOPS):
            extractor.process(views[i % hops])
        gc.collect()
        arrays = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)
        kept = tracemalloc.take_snapshot().filter_traces([arrays]).traces
        return sum(trace.size for trace in kept), tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    run()
    before, after = run(), run()
    tracemalloc.stop()
    return after[0] - before[0], after[1] - before[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    samples = call_samples()
    minute = np.ascontiguousarray(samples[:, : 60 * SAMPLE_RATE])
    found: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for _ in range(args.rounds):
        add("openSMILE, batch", batch_open_smile(minute))
        add("voicecoach, batch", batch_ours(minute))
        for how, paced in (("paced", True), ("back to back", False)):
            nothing = cost(idle(samples), args.seconds, paced)
            for name, stream in (
                ("openSMILE, live", open_smile(samples)),
                ("voicecoach, live", ours(samples)),
                ("voicecoach, live, each hop at once", ours(samples, group=1)),
                (f"voicecoach, {CALLS} calls", ours(samples, CALLS)),
            ):
                calls = CALLS if name.endswith("calls") else 1
                add(f"{name}, {how}", (cost(stream, args.seconds, paced) - nothing) / calls)
    print(f"{'CPU, ms per second of audio':52}{'median':>8}{'range':>16}{'times less':>18}")
    for name, values in found.items():
        peer = "openSMILE, batch" if "batch" in name else f"openSMILE, live, {name.split(', ')[-1]}"
        unit = "a channel" if "batch" in name else "a call"
        ratios = [a / b for a, b in zip(found[peer], values, strict=True)]
        line = f"{name + ', ' + unit:52}{statistics.median(values):8.2f}"
        line += f"{min(values):8.2f}-{max(values):.2f}".rjust(16)
        if name.startswith("voicecoach"):
            line += f"{statistics.median(ratios):8.1f} ({min(ratios):.1f}-{max(ratios):.1f})"
        print(line)
    print(
        f"to reach: batch {REACH['batch']:.0f}, live paced {REACH['live']:.0f}, "
        f"{CALLS} calls {REACH['many']:.0f} times less"
    )
    arrays, everything = net_allocation(samples)
    print(f"{ALLOCATION_HOPS} more hops keep {arrays} bytes of arrays, {everything} bytes in all")


if __name__ == "__main__":
    main()

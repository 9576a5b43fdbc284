"""Measures how long each stage takes between a sound and the screen.

Recent durations of each stage are kept, and all are counted; recording one costs a microsecond or
two.  CPU time is that of the thread that did the work, for stages that work rather than wait.
"""

from __future__ import annotations

import copy
import time
from bisect import bisect_left
from typing import Any, NamedTuple

import numpy as np

from voicecoach.engine import Engine
from voicecoach.types.events import Event, InputItem
from voicecoach.types.stream import F32, SAMPLE_RATE, Block, Transcript

STAGES = {
    "capture": "from a chunk's first sample at its source until the sound system delivers it",
    "queue": "from there until both channels have arrived and the engine takes it",
    "hop": "from taking a block until its events are known: the four below and the words",
    "vad": "speech probability",
    "features": "descriptors of the voice",
    "voices": "whose voice it is",
    "decision": "segments, estimates, cues: the rest of the engine",
    "publish": "the display made and compared",
    "paint": "repainting what changed",
    "words": "from a request to the transcriber until the engine gets its answer",
    "known": "from a block's first sample at its source until the display says so",
    "screen": "from there until the screen is repainted",
}
"""In the order of the data; what each is."""
QUEUES = {
    "capture": "chunks waiting for the engine",
    "words": "requests waiting for the transcriber",
    "log": "lines waiting for the disk",
}
MAX_DURATIONS = 30_000
"""Newest durations of a stage from which percentiles are computed: 8 minutes of hops."""
BUCKETS_S = (0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the histogram for Prometheus, in seconds."""


class StageStats(NamedTuple):
    """Statistics of one stage, in seconds."""

    times: int
    p50: float
    p95: float
    p99: float
    most: float
    cpu: float
    """In all."""


class StageTimes:
    """Records the durations of one stage."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Reset the durations."""
        self.count, self.total, self.cpu = 0, 0.0, 0.0
        # Allocated once: memory that grew with each duration would look like a leak for half an
        # hour.
        self._newest = np.zeros(MAX_DURATIONS)
        self.buckets = [0] * (len(BUCKETS_S) + 1)

    def add_duration(self, seconds: float, cpu: float = 0.0) -> None:
        """Add a duration."""
        self._newest[self.count % MAX_DURATIONS] = seconds
        self.count += 1
        self.total += seconds
        self.cpu += cpu
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1

    def stats(self) -> StageStats:
        """Return the stage's statistics."""
        newest = (
            self._newest[: min(self.count, MAX_DURATIONS)] if self.count else np.full(1, np.nan)
        )
        p50, p95, p99 = np.percentile(newest, [50, 95, 99]).tolist()
        return StageStats(self.count, p50, p95, p99, float(newest.max()), self.cpu)


class LatencyStats:
    """All stages of a session, and the lengths of its queues; written by the threads concerned."""

    def __init__(self) -> None:
        self._stages = {name: StageTimes() for name in STAGES}
        self.queue_depths = dict.fromkeys(QUEUES, 0)
        self.max_queue_depths = dict.fromkeys(QUEUES, 0)

    def __getitem__(self, name: str) -> StageTimes:
        return self._stages[name]

    def reset(self) -> None:
        """Reset all stages."""
        for stage in self._stages.values():
            stage.reset()
        self.max_queue_depths = dict.fromkeys(QUEUES, 0)

    def set_queue_depth(self, name: str, depth: int) -> None:
        """Set the length of a queue."""
        self.queue_depths[name] = depth
        self.max_queue_depths[name] = max(self.max_queue_depths[name], depth)

    def time_calls(self, name: str, inner: Any) -> Any:
        """Return an object like `inner` that records each `process` call as a stage."""
        return _TimedModel(inner, self._stages[name])


class TimedEngine:
    """An engine whose processing time is recorded."""

    def __init__(self, engine: Engine, stages: LatencyStats) -> None:
        self._engine, self._stages = engine, stages

    def process(self, item: InputItem) -> list[Event]:
        """Process an item, as the engine does."""
        if isinstance(item, Transcript):
            self._stages["words"].add_duration((item.at - item.end) / SAMPLE_RATE)
        if not isinstance(item, Block):
            return self._engine.process(item)
        parts = [self._stages[name] for name in ("vad", "features", "voices")]
        before, before_cpu = sum(p.total for p in parts), sum(p.cpu for p in parts)
        began, cpu = time.perf_counter(), time.thread_time()
        events = self._engine.process(item)
        took, took_cpu = time.perf_counter() - began, time.thread_time() - cpu
        self._stages["hop"].add_duration(took, took_cpu)
        rest = took - sum(p.total for p in parts) + before
        rest_cpu = took_cpu - sum(p.cpu for p in parts) + before_cpu
        self._stages["decision"].add_duration(rest, rest_cpu)
        return events

    def finish(self) -> list[Event]:
        """End the stream."""
        return self._engine.finish()


class _TimedModel:
    def __init__(self, inner: Any, stage: StageTimes) -> None:
        self._inner, self._stage = inner, stage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> _TimedModel:
        return _TimedModel(copy.deepcopy(self._inner, memo), self._stage)

    def process(self, samples: F32) -> Any:
        began, cpu = time.perf_counter(), time.thread_time()
        found = self._inner.process(samples)
        self._stage.add_duration(time.perf_counter() - began, time.thread_time() - cpu)
        return found

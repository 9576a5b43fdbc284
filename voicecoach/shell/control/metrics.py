"""Serves the stages' durations as Prometheus metrics on the local web application."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from voicecoach.shell.runtime.latency import BUCKETS_S, QUEUES, STAGES, LatencyStats


class StageCollector(Collector):
    """Reads the stages at each scrape."""

    def __init__(self, stages: LatencyStats) -> None:
        self._stages = stages

    def collect(self) -> Iterator[HistogramMetricFamily | CounterMetricFamily | GaugeMetricFamily]:
        """Yield all metrics."""
        times = HistogramMetricFamily(
            "voicecoach_stage_seconds", "Duration of a stage", labels=["stage"]
        )
        cpu = CounterMetricFamily(
            "voicecoach_stage_cpu_seconds", "CPU time of a stage", labels=["stage"]
        )
        for name in STAGES:
            stage = self._stages[name]
            sums, total = [], 0
            for bound, count in zip((*BUCKETS_S, "+Inf"), list(stage.buckets), strict=True):
                total += count
                sums.append((str(bound), float(total)))
            times.add_metric([name], sums, stage.total)
            cpu.add_metric([name], stage.cpu)
        depth = GaugeMetricFamily("voicecoach_queue_depth", "Queue length", labels=["queue"])
        for name in QUEUES:
            depth.add_metric([name], self._stages.queue_depths[name])
        yield from (times, cpu, depth)


def metrics_route(stages: LatencyStats) -> Route:
    """Return the route that serves the metrics at `/metrics`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StageCollector(stages))

    async def answer(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Route("/metrics", answer)

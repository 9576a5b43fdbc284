"""The stages' times as Prometheus metrics, on this machine's loopback address alone."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from voicecoach.errors import ConfigError
from voicecoach.shell.stages import BUCKETS_S, DEPTHS, STAGES, Stages


class Reader(Collector):
    """Reads the stages when it is asked to."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def collect(self) -> Iterator[HistogramMetricFamily | CounterMetricFamily | GaugeMetricFamily]:
        """Yield all there is."""
        times = HistogramMetricFamily(
            "voicecoach_stage_seconds", "Duration of a stage", labels=["stage"]
        )
        cpu = CounterMetricFamily(
            "voicecoach_stage_cpu_seconds", "CPU that a stage took", labels=["stage"]
        )
        for name in STAGES:
            stage = self._stages[name]
            sums, total = [], 0
            for bound, count in zip((*BUCKETS_S, "+Inf"), list(stage.buckets), strict=True):
                total += count
                sums.append((str(bound), float(total)))
            times.add_metric([name], sums, stage.total)
            cpu.add_metric([name], stage.cpu)
        depth = GaugeMetricFamily("voicecoach_queue_depth", "What waits", labels=["queue"])
        for name in DEPTHS:
            depth.add_metric([name], self._stages.depths[name])
        yield from (times, cpu, depth)


class Metrics:
    """Serves them while the context lasts.

    Raises
    ------
    ConfigError
        Where the port is taken.
    """

    def __init__(self, stages: Stages, port: int) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Reader(stages))
        try:
            self._server, self._thread = start_http_server(port, "127.0.0.1", registry)
        except OSError as e:
            raise ConfigError(f"--metrics {port}: cannot listen there: {e.strerror}") from e
        self.port: int = self._server.server_port

    def __enter__(self) -> Metrics:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

"""The stages' times as Prometheus metrics, on this machine's loopback address alone."""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import platformdirs
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from voicecoach.errors import ConfigError, OutputError
from voicecoach.shell.runtime import atomic_write
from voicecoach.shell.runtime.latency import BUCKETS_S, QUEUES, STAGES, LatencyStats

HOSTS = ("127.0.0.1", "localhost")
TOKEN = re.compile(r"[\w-]{43}", re.ASCII)


class StageCollector(Collector):
    """Reads the stages when it is asked to."""

    def __init__(self, stages: LatencyStats) -> None:
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
        for name in QUEUES:
            depth.add_metric([name], self._stages.queue_depths[name])
        yield from (times, cpu, depth)


class SilentRequestHandler(WSGIRequestHandler):
    """Logs nothing, and waits for nobody long."""

    timeout = 2.0
    """Seconds in which a client has to say what it wants: one is served at a time."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: an address has the token."""


class MetricsServer:
    """Serves them while the context lasts, to whoever knows the address.

    Its token is the same each time, so that it can stand in Prometheus' configuration
    (`metrics_path`); as on the page it is in the path, and the Host header has to be ours.

    Parameters
    ----------
    stages
        What is measured.
    port
        Of 127.0.0.1; 0 takes one that is free.
    key
        The file with the token, for its owner alone; made where there is none.

    Raises
    ------
    ConfigError
        Where the port is taken.
    """

    def __init__(self, stages: LatencyStats, port: int, key: Path | None = None) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(StageCollector(stages))
        self._app = make_wsgi_app(registry)
        self._path = f"/{_token(key or default_token_path())}/metrics"
        try:
            self._server = make_server(
                "127.0.0.1", port, self._guarded, handler_class=SilentRequestHandler
            )
        except OSError as e:
            raise ConfigError(f"--metrics {port}: cannot listen there: {e.strerror}") from e
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}{self._path}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )

    def __enter__(self) -> MetricsServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _guarded(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Answer what is asked by our name, with the token, and from no page."""
        ours = environ.get("HTTP_HOST", "") in (f"{h}:{self.port}" for h in HOSTS)
        known = secrets.compare_digest(environ.get("PATH_INFO", "").encode(), self._path.encode())
        read = environ.get("REQUEST_METHOD") == "GET" and "HTTP_ORIGIN" not in environ
        if ours and known and read:
            answer: Iterable[bytes] = self._app(environ, start)
            return answer
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Not found\n"]


def default_token_path() -> Path:
    """Return where the token is kept."""
    return platformdirs.user_data_path("voicecoach", appauthor=False) / "metrics.token"


def _token(key: Path) -> str:
    """Return the token in a file; where there can be none it is of this time alone."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        kept = key.read_text("ascii").strip()
        if TOKEN.fullmatch(kept):
            return kept
    token = secrets.token_urlsafe()
    with contextlib.suppress(OutputError):
        atomic_write.write_atomic(key, f"{token}\n", private=True)
    return token

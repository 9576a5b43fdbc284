"""Provides Dask's workers, on this machine or on an existing cluster.

On this machine each worker is a process with one thread; a nanny restarts it when it ends, and it
ends when this process does.  They talk over localhost, encrypted with keys made for this run:
a scheduler runs whatever it is sent, and the machine may have other users.
"""

from __future__ import annotations

import importlib.util
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from voicecoach.errors import ClusterError
from voicecoach.shell.archive import work
from voicecoach.shell.archive.plan import ArchiveRecording, BatchSettings
from voicecoach.shell.runtime.stderr import print_to_stderr

if TYPE_CHECKING:
    from distributed import Client

REQUIRED_MODULES = ("cryptography", "distributed", "filelock", "pyarrow")
ATTEMPTS = 3
"""Number of times a call may end its worker before the call is given up."""
CONNECT_S = 10
"""Seconds within which a scheduler must answer."""

_LOCAL: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
    # A worker holds only its current call, so that the right call is blamed when it ends.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.work-stealing": False,
    # Dask always runs a web server; it serves no pages unless requested.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # Dask monitors itself up to fifty times a second in every process: a twentieth of a core.
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.scheduler.active-memory-manager.start": False,
    # Dask's record of finished tasks would take most of the memory in a long batch.
    "distributed.admin.log-length": 100,
    "distributed.admin.low-level-log-length": 100,
    "distributed.diagnostics.nvml": False,
    # Returning memory to the system after each array would cost two fifths of the speed.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    "distributed.worker.preload": [work.__name__],
}


def check_installed(*, dashboard: bool) -> None:
    """Check first that all packages a batch needs are installed.

    Raises
    ------
    ClusterError
        If one is missing.
    """
    names = (*REQUIRED_MODULES, "bokeh") if dashboard else REQUIRED_MODULES
    missing = [name for name in names if not importlib.util.find_spec(name)]
    if missing:
        what = "bokeh" if missing == ["bokeh"] else "'voicecoach[archive]'"
        raise ClusterError(f"{missing[0]} is not installed: pip install {what}")


@contextmanager
def local_cluster(workers: int, *, dashboard: bool) -> Iterator[Client]:
    """Provide a cluster on this machine.

    Raises
    ------
    OSError
        If no process can be started.
    """
    import dask
    from distributed import Client, LocalCluster

    options = {k: v for k, v in _LOCAL.items() if not (dashboard and k.endswith("routes"))}
    address = "127.0.0.1:0"
    with (
        dask.config.set(options),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            security=True,
            dashboard_address=address if dashboard else None,
            scheduler_kwargs={"dashboard_address": address},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        if dashboard:
            print_to_stderr(f"dashboard: {client.dashboard_link}")
        yield client


@contextmanager
def existing_cluster(address: str) -> Iterator[Client]:
    """Provide the cluster whose scheduler is at an address.

    Raises
    ------
    ClusterError
        If it does not answer.
    """
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    with silence_logging_cmgr(logging.CRITICAL):
        try:
            client = Client(address, timeout=CONNECT_S)
        except (OSError, ValueError) as e:
            raise ClusterError(f"--scheduler {address}: the scheduler does not answer: {e}") from e
        with client:
            yield client


def check_workers(client: Client, settings: BatchSettings, first: ArchiveRecording) -> list[str]:
    """Return the addresses of the workers, after checking each.

    Raises
    ------
    ClusterError
        If there are none, or one has another version, or cannot read the folders.
    """
    token = settings.scratch / f"{secrets.token_hex(8)}.token"
    token.touch()
    try:
        found = client.run(
            work.check_this_worker, token.name, settings, first.name, on_error="return"
        )
    finally:
        token.unlink()
    if not found:
        raise ClusterError(
            f"{client.scheduler.address}: the scheduler has no workers: start at least one"
        )
    for address, said in found.items():
        if isinstance(said, Exception):
            said = f"it cannot run voicecoach ({said})"
        if said:
            raise ClusterError(
                f"worker {address}: {said}; all workers need the same version and the same folders"
            )
    return sorted(found)

"""Who does it: Dask's workers, on this machine or of a cluster that exists.

On this machine each is a process with one thread, that a nanny starts again when it ends, and that
ends itself when this process does.  They talk over localhost, encrypted with keys made for the
occasion: a scheduler runs whatever it is sent, and other people may be on this machine.
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
from voicecoach.shell.views.stderr import print_to_stderr

if TYPE_CHECKING:
    from distributed import Client

REQUIRED_MODULES = ("cryptography", "distributed", "filelock", "pyarrow")
ATTEMPTS = 3
"""Times a call may take its worker with it before it is given up."""
CONNECT_S = 10
"""Seconds for a scheduler to answer."""

_LOCAL: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
    # A worker has the call it is at and no other: one that ends is blamed on the right call.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.work-stealing": False,
    # The server for pages is always there; it has none, unless asked.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # It looks after itself up to fifty times a second, in every process: a twentieth of a core.
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.scheduler.active-memory-manager.start": False,
    # What Dask remembers of tasks that are over would be most of the memory of a long batch.
    "distributed.admin.log-length": 100,
    "distributed.admin.low-level-log-length": 100,
    "distributed.diagnostics.nvml": False,
    # Memory handed back to the system after each array would cost two fifths of the speed.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    "distributed.worker.preload": [work.__name__],
}


def check_installed(*, dashboard: bool) -> None:
    """Make sure, before anything else, that all that a batch needs is there.

    Raises
    ------
    ClusterError
        Where it is not.
    """
    names = (*REQUIRED_MODULES, "bokeh") if dashboard else REQUIRED_MODULES
    missing = [name for name in names if not importlib.util.find_spec(name)]
    if missing:
        what = "bokeh" if missing == ["bokeh"] else "'voicecoach[archive]'"
        raise ClusterError(f"there is no {missing[0]} here: pip install {what}")


@contextmanager
def local_cluster(workers: int, *, dashboard: bool) -> Iterator[Client]:
    """Give a cluster on this machine.

    Raises
    ------
    OSError
        Where no process can be started.
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
    """Give a cluster whose scheduler is at an address.

    Raises
    ------
    ClusterError
        Where nobody answers.
    """
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    with silence_logging_cmgr(logging.CRITICAL):
        try:
            client = Client(address, timeout=CONNECT_S)
        except (OSError, ValueError) as e:
            raise ClusterError(f"--scheduler {address}: no answer from there: {e}") from e
        with client:
            yield client


def check_workers(client: Client, settings: BatchSettings, first: ArchiveRecording) -> list[str]:
    """Return the addresses of the workers, each of which can do it.

    Raises
    ------
    ClusterError
        Where there are none, or one has another version, or does not see the folders.
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

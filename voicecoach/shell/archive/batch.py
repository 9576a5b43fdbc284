"""Runs a batch, from the folder of recordings to the tables.

Few calls are in flight at a time, and a finished call returns only its length: neither the
scheduler nor this process needs more memory for a million calls than for ten.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.text import Text

from voicecoach.errors import ClusterError, VoiceCoachError
from voicecoach.shell.archive import cluster, tables, work
from voicecoach.shell.archive.plan import (
    ArchiveRecording,
    BatchSettings,
    find_recordings,
    fingerprint,
    hold_batch_folder,
    result_name,
)
from voicecoach.shell.archive.progress import BatchProgress
from voicecoach.shell.archive.work import CallOutcome
from voicecoach.shell.runtime.stderr import print_error, print_to_stderr
from voicecoach.text_safety.sanitize import printable, readable_text

if TYPE_CHECKING:
    from distributed import Client, Future

MOST_NAMED = 10
"""Most files that are named where only their number matters."""
IN_FLIGHT_PER_WORKER = 2
"""Calls in flight for each worker: the current one, and the next."""


class BatchOptions(NamedTuple):
    """Options of a batch."""

    workers: int | None = None
    """Number of processes on this machine; None is one for each core."""
    scheduler: str | None = None
    """Address of a cluster's scheduler, to use instead of this machine."""
    dashboard: bool = False
    limit: int | None = None
    """Stop after this many calls."""


def run_batch(settings: BatchSettings, options: BatchOptions) -> bool:
    """Replay a folder's remaining calls, and write the tables; return whether all succeeded.

    Raises
    ------
    ConfigError, OutputError, ClusterError, ModelError
        If no call, or no further call, can be replayed.
    """
    cluster.check_installed(dashboard=options.dashboard)
    recordings, failed, left_out = find_recordings(settings.folder)
    recordings = recordings[: options.limit]
    with hold_batch_folder(settings.out):
        made = fingerprint(settings)
        names = {r: result_name(r, made, kept=settings.keep_folders) for r in recordings}
        there = {entry.name for entry in os.scandir(settings.results)}
        if not settings.keep_folders:  # a result whose folder was kept counts, too
            kept = {r: result_name(r, made, kept=True) for r in recordings}
            names |= {r: name for r, name in kept.items() if name in there}
        todo = [r for r in recordings if names[r] not in there]
        for error in failed.values():
            print_error(printable(error))
        if todo:
            failed |= _replay_pending(todo, names, settings, options)
        else:
            print_to_stderr(f"all {len(recordings)} calls were already done")
        done = {r: names[r] for r in recordings if r.name not in failed}
        composite = settings.config.privacy.composite
        results = (work.read_call_result(settings.results / name) for name in done.values())
        tables.write_tables(settings.out, results, failed, composite=composite)
        _forget(settings, done, there)
    if left_out:
        print_to_stderr(_left_out_text(left_out))
    console = Console()
    console.print(
        Text(f"Results of {len(done)} calls: {readable_text(settings.out)}", "bold"), soft_wrap=True
    )
    return not failed


def _left_out_text(names: Sequence[str]) -> str:
    files = (
        "1 file that is no recording"
        if len(names) == 1
        else f"{len(names)} files that are no recordings"
    )
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"note: left out {files}: {', '.join(names[:MOST_NAMED])}{more}"


def _replay_pending(
    todo: Sequence[ArchiveRecording],
    names: dict[ArchiveRecording, str],
    settings: BatchSettings,
    options: BatchOptions,
) -> dict[str, str]:
    """Replay calls; return the errors by name."""
    failed: dict[str, str] = {}
    before = len(names) - len(todo)
    with _workers(options, len(todo)) as client:
        addresses = cluster.check_workers(client, settings, todo[0])
        prepare_workers(client, settings, addresses)
        with BatchProgress(
            Console(stderr=True), len(names), sum(r.size for r in todo), before
        ) as view:
            jobs = ((r, names[r]) for r in todo)
            for recording, outcome in replay_all_pending(
                client, settings, jobs, IN_FLIGHT_PER_WORKER * len(addresses)
            ):
                view.record_call(recording.size, outcome.duration_s, outcome.error)
                if outcome.error:
                    failed[recording.name] = outcome.error
    return failed


def _workers(options: BatchOptions, calls: int) -> AbstractContextManager[Client]:
    if options.scheduler:
        return cluster.existing_cluster(options.scheduler)
    workers = min(options.workers or os.cpu_count() or 1, calls)
    return cluster.local_cluster(workers, dashboard=options.dashboard)


def prepare_workers(client: Client, settings: BatchSettings, addresses: Sequence[str]) -> None:
    """Have each worker load its models.

    Raises
    ------
    ModelError, ConfigError
        If a worker cannot load them.
    """
    client.gather(
        [
            client.submit(
                work.prepare_worker, settings, workers=[a], pure=False, allow_other_workers=True
            )
            for a in addresses
        ]
    )


def replay_all_pending(
    client: Client, settings: BatchSettings, jobs: Iterator[tuple[ArchiveRecording, str]], most: int
) -> Iterator[tuple[ArchiveRecording, CallOutcome]]:
    """Submit calls, at most `most` in flight, and yield each outcome as it is done.

    Raises
    ------
    OutputError, ModelError, ClusterError
        If no further call can be replayed.
    """
    from distributed import as_completed

    at: dict[str, ArchiveRecording] = {}

    def submit(recording: ArchiveRecording, name: str) -> Future:
        future = client.submit(work.replay_recording, recording, settings, name, pure=False)
        at[future.key] = recording
        return future

    running = as_completed([submit(*job) for job in islice(jobs, most)])
    for future in running:
        yield at.pop(future.key), _outcome_of_future(future)
        for job in islice(jobs, 1):
            running.add(submit(*job))


def _outcome_of_future(future: Future) -> CallOutcome:
    """Return a call's outcome."""
    from distributed import CancelledError
    from distributed.scheduler import KilledWorker

    try:
        # If the worker ended after the call but before it was asked, another one answers.
        outcome: CallOutcome = future.result()
    except CancelledError as e:
        raise ClusterError(
            "lost the connection to the scheduler; run the same command again to continue"
        ) from e
    except KilledWorker:
        return CallOutcome(
            error=f"its worker was killed or ran out of memory, {cluster.ATTEMPTS} times"
        )
    except VoiceCoachError:
        raise
    except Exception as e:  # one call must not stop the others, whatever it raises
        return CallOutcome(error=f"this is a bug in voicecoach: {type(e).__name__}: {e}")
    return outcome


def _forget(settings: BatchSettings, done: dict[ArchiveRecording, str], there: set[str]) -> None:
    """Delete results that newer results of the same recordings have replaced."""
    places = {recording.path_digest for recording in done}
    for name in there.difference(done.values()):
        if name.partition("-")[0] in places:
            (settings.results / name).unlink(missing_ok=True)

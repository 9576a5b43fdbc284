"""An archive: the tables are what `replay` gives, whatever is killed, and a bad file stops nothing.

The schedulers and the workers are real ones, processes on this machine.
"""

import contextlib
import importlib.util
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import soundfile
from rich.console import Console

from scripts.support.encode import ENCODINGS, encode
from tests.commands.test_command_line import left, voicecoach
from voicecoach import config as configuration
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.errors import ClusterError, OutputError
from voicecoach.shell.archive import batch, cluster, plan, progress, tables, work
from voicecoach.shell.asr.model_inventory import why_first_alone
from voicecoach.shell.results.replay_one import CallSetup, replay_call
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.stream import Speaker
from voicecoach.views.scorecard import (
    AgitationJourney,
    ConflictStyles,
    Quote,
    ScoreCard,
    TechniqueScore,
)

Client: Any = pytest.importorskip("distributed").Client
pq: Any = pytest.importorskip("pyarrow.parquet")

DOCS = Path(__file__).parents[3] / "docs" / "archive.md"
CALLS = ("a.flac", "b/c.wav", "b/d e.flac", "b/é.ogg", "f.flac")
BAD = {
    "empty.wav": "the file is empty",
    "b/text.mp3": "not a recording that can be read",
    "half.flac": "truncated or corrupt",
    "gone.wav": "cannot read",
}


def record(folder: Path, first_s: int = 20) -> Path:
    """Write parts of the sample call to a folder, all but the first of 20 s."""
    samples, rate = soundfile.read(resource("samples", SAMPLE_CALL), dtype="int16")
    for i, name in enumerate(CALLS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        length = (20 if i else first_s) * rate
        soundfile.write(folder / name, samples[i * 40 * rate :][:length], rate)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five calls, in the first of which there is a cue, and what is none."""
    folder = record(tmp_path_factory.mktemp("archive"), first_s=125)
    (folder / "empty.wav").touch()
    (folder / "b" / "text.mp3").write_text("hello" * 100)
    whole = (folder / "a.flac").read_bytes()
    # Cut in its first frame: what is whole before a cut is read.
    (folder / "half.flac").write_bytes(whole[: whole.index(b"\xff\xf8") + 100])
    (folder / "gone.wav").symlink_to(folder / "nowhere.wav")
    (folder / "notes.txt").write_text("not a recording, and not named like one")
    (folder / "._a.flac").write_text("what macOS leaves on other file systems")
    return folder


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five calls."""
    return record(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def expected(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what a replay of each call leaves."""
    out = tmp_path_factory.mktemp("expected")
    setup = CallSetup(Config(), built_in_cues(), shipped_models(), [])
    for name in CALLS:
        replay_call(RecordedCall.from_stereo(folder / name), setup, out / name, work.ToneRecorder())
    return out


@pytest.fixture(scope="module")
def done(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Return the folder of a batch with two workers, and how it ended."""
    home = tmp_path_factory.mktemp("home")
    out = home / "out"
    return out, voicecoach(*command(folder, out, "--keep-calls"), home=home)


def command(folder: Path, out: Path, *more: str, workers: int = 2) -> list[str]:
    count = [] if "--scheduler" in more else ["--workers", str(workers)]
    words = [] if "--transcribe" in more else ["--no-transcribe"]
    return ["batch", str(folder), "--out", str(out), *count, *words, *more]


def rows(out: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(out / f"{table}.parquet").to_pylist()
    return found


def called(out: Path) -> list[str]:
    return [row["call"] for row in rows(out, "calls")]


def results(out: Path) -> dict[str, tuple[int, int]]:
    """Return the results of calls that are there, each with what changes when it is made again."""
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in (out / ".calls").glob("*")}


SLOW = """
import os, signal, soundfile, time
Real = soundfile.SoundFile
class Rude(Real):
    def __init__(self, file, *a, **k):
        if b"deadly" in os.fsencode(file):
            os.kill(os.getpid(), signal.SIGKILL)
        if b"odd" in os.fsencode(file):
            raise RuntimeError("never thought of")
        super().__init__(file, *a, **k)
    def read(self, *a, **k):
        time.sleep(float(os.environ.get("SLOWLY", 0)))
        return super().read(*a, **k)
soundfile.SoundFile = Rude
"""
"""Reads as from a slow disk, so that there is time to kill what reads; and hates two names."""


@pytest.fixture
def rude(tmp_path: Path) -> dict[str, str]:
    """Return the environment of processes in which the library that reads does as `SLOW` says."""
    folder = tmp_path / "rude"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SLOW)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return {"PYTHONPATH": path, "SLOWLY": "0.5"}


@contextmanager
def started(
    *arguments: str, home: Path, module: str = "voicecoach", **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process group of its own, until the end of the context at most."""
    home.mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        env={**os.environ, "HOME": str(home), "PYTHONIOENCODING": "utf-8", **environment},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def wait(until: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for something that a process does."""
    while not until():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


def soon(what: Callable[[], object]) -> None:
    """Wait for something that is not long in coming."""
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the processes that a process started, and those that they did."""
    return psutil.Process(process.pid).children(recursive=True)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that do not end by themselves."""
    return psutil.wait_procs(processes, timeout=20)[1]


# --- what it gives --------------------------------------------------------------------------


def test_every_call_is_what_a_replay_of_it_gives(done: tuple[Path, Any], expected: Path) -> None:
    out, _ = done
    assert left(out / "calls") == left(expected)
    for name in CALLS:
        for file in ("events.jsonl", "summary.json", "summary.md"):
            assert (out / "calls" / name / file).read_bytes() == (
                expected / name / file
            ).read_bytes()


def test_the_tables_hold_what_the_summaries_do(done: tuple[Path, Any], expected: Path) -> None:
    out, _ = done
    calls = {row["call"]: row for row in rows(out, "calls")}
    assert list(calls) == list(CALLS)
    shown = 0
    for name in CALLS:
        summary = json.loads((expected / name / "summary.json").read_text("utf-8"))
        row = calls[name]
        for key in ("duration_s", "overlap_s", "agitation_mean", "agitation_peak_s", "notes"):
            assert row[key] == summary[key]
        for who in ("agent", "customer"):
            for key, value in summary[who].items():
                assert row[f"{who}_{key}"] == value
        assert row["agent_calmness_mean"] == summary.get("agent_calmness_mean")
        of = [r for r in rows(out, "cues") if r["call"] == name]
        assert [{k: v for k, v in r.items() if k != "call"} for r in of] == summary["cues"]
        assert row["cues"] == len(summary["cues"])
        held = {
            f"{r['id']}: {r['reason']}": r["times"]
            for r in rows(out, "held_back")
            if r["call"] == name
        }
        assert held == summary["held_back"]
        assert row["held_back"] == sum(held.values())
        shown += len(of)
    assert shown > 0


def test_the_tone_is_the_last_of_each_second(done: tuple[Path, Any], expected: Path) -> None:
    out, _ = done
    for name in CALLS:
        last = {}
        for line in (expected / name / "events.jsonl").read_text("utf-8").splitlines():
            event = json.loads(line)
            if event["type"] == "tone":
                last[int(event["at_s"])] = event["agitation"]
        found = {r["at_s"]: r["agitation"] for r in rows(out, "tone") if r["call"] == name}
        assert found == pytest.approx(last, abs=1e-4)


def test_a_file_that_cannot_be_used_is_listed_and_said_and_stops_nothing(
    done: tuple[Path, Any],
) -> None:
    out, process = done
    assert process.returncode == 2
    failed = {row["call"]: row["error"] for row in rows(out, "failed")}
    assert failed.keys() == BAD.keys()
    said = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == len(BAD)
    for name, complaint in BAD.items():
        assert complaint in failed[name]
        assert any(Path(name).name in line and complaint in line for line in said)
    assert "note: left out 1 file that is no recording: notes.txt" in process.stderr
    assert "Traceback" not in process.stderr


def test_every_file_of_an_archive_is_read_or_named(tmp_path: Path) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    sound, rate = soundfile.read(resource("samples", SAMPLE_CALL), dtype="float32", stop=24_000)
    data = encode(sound.T, ENCODINGS["m4a"]._replace(rate=rate))
    for name in ("a.M4A", "no ending"):
        (folder / name).write_bytes(data)
    (folder / "b.raw").write_bytes((sound * 32767).astype("<i2").tobytes())
    (folder / "torn.m4a").write_bytes(data[: len(data) // 2])
    for i in range(12):
        (folder / f"{i:02}.txt").write_text("not a recording")
    out, raw = tmp_path / "out", ["--raw", f"{rate},2,pcm16"]
    done = voicecoach(*command(folder, out, *raw, workers=1), home=tmp_path / "home")
    assert done.returncode == 2
    assert called(out) == ["a.M4A", "b.raw", "no ending"]
    failed = {row["call"]: row["error"] for row in rows(out, "failed")}
    assert failed.keys() == {"torn.m4a"}
    assert "convert it: ffmpeg -i" in failed["torn.m4a"]
    assert "3 of 4 calls" in done.stderr
    assert "1 failed" in done.stderr
    texts = ", ".join(f"{i:02}.txt" for i in range(10))
    assert f"note: left out 12 files that are no recordings: {texts} and 2 more" in done.stderr


def test_nothing_unfinished_is_left(done: tuple[Path, Any]) -> None:
    out, _ = done
    assert sorted(p.name for p in out.iterdir()) == sorted(
        [".calls", ".lock", ".scratch", "calls", "failed.parquet"]
        + [f"{name}.parquet" for name in tables.ARCHIVE_TABLES]
    )
    assert left(out / ".scratch") == []
    assert len(results(out)) == len(CALLS)
    assert out.stat().st_mode & 0o77 == 0


# --- whatever is killed ---------------------------------------------------------------------


def test_a_worker_that_is_killed_costs_no_call(
    good: Path, tmp_path: Path, rude: dict[str, str]
) -> None:
    out = tmp_path / "out"
    with started(*command(good, out), home=tmp_path / "home", **rude) as process:
        wait(lambda: (out / ".calls").exists() and results(out), process)
        workers = [p for p in family(process) if "spawn_main" in " ".join(p.cmdline())]
        assert len(workers) == 2
        listening = [
            c.laddr.ip
            for p in (psutil.Process(process.pid), *workers)
            for c in p.net_connections()
            if c.status == psutil.CONN_LISTEN
        ]
        assert set(listening) == {"127.0.0.1"}
        workers[0].kill()
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert called(out) == list(CALLS)
    assert len(results(out)) == len(CALLS)
    assert rows(out, "failed") == []
    assert alive(workers) == []


def test_a_worker_that_ends_before_it_is_asked_what_came_of_its_call_costs_none(
    good: Path, tmp_path: Path
) -> None:
    wanted = settings(good, tmp_path / "out")
    recordings = plan.find_recordings(good).recordings
    jobs = [(r, plan.result_name(r, "made", kept=False)) for r in recordings]
    with plan.hold_batch_folder(wanted.out), cluster.local_cluster(1, dashboard=False) as client:
        outcomes = batch.replay_all_pending(client, wanted, iter(jobs), len(jobs))
        found = [next(outcomes)]
        soon(lambda: len(results(wanted.out)) == len(jobs))
        before = results(wanted.out)
        (worker,) = client.run(os.getpid).values()
        os.kill(worker, signal.SIGKILL)
        soon(lambda: "lost" in {future.status for future in client.futures.values()})
        found += outcomes
        assert {r.name: o for r, o in found} == dict.fromkeys(CALLS, work.CallOutcome(20.0))
        assert len(found) == len(CALLS)
        assert results(wanted.out) == before


def test_a_batch_that_is_killed_goes_on_where_it_was(
    good: Path, tmp_path: Path, rude: dict[str, str]
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    with started(*command(good, out), home=home, **rude) as process:
        wait(lambda: (out / ".calls").exists() and len(results(out)) > 1, process)
        second = voicecoach(*command(good, out), home=home)
        assert second.returncode == 2
        assert f"another batch is writing there (process {process.pid} on " in second.stderr
        children = family(process)
        process.kill()
        process.communicate()
    assert alive(children) == []
    before = results(out)
    assert 0 < len(before) < len(CALLS)
    assert not (out / "calls.parquet").exists()
    again = voicecoach(*command(good, out), home=home)
    assert again.returncode == 0, again.stderr
    assert called(out) == list(CALLS)
    after = results(out)
    assert len(after) == len(CALLS)
    assert before.items() <= after.items()
    third = voicecoach(*command(good, out), home=home)
    assert "all 5 calls were already done" in third.stderr
    assert results(out) == after


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM])
def test_a_batch_that_is_ended_leaves_nobody_at_work(
    good: Path, tmp_path: Path, rude: dict[str, str], ask: signal.Signals
) -> None:
    out = tmp_path / "out"
    with started(*command(good, out), home=tmp_path / "home", **rude) as process:
        wait(lambda: (out / ".calls").exists() and results(out), process)
        children = family(process)
        # A terminal's Ctrl-C is for all of them at once.
        (os.killpg if ask is signal.SIGINT else os.kill)(process.pid, ask)
        _, said = process.communicate(timeout=120)
        assert process.returncode not in (0, 2)
    assert alive(children) == []
    assert "run the same command to continue" in said
    assert "Traceback" not in said
    assert left(out / ".scratch") == []


def test_a_call_that_kills_its_worker_is_given_up_and_the_others_are_done(
    good: Path, tmp_path: Path, rude: dict[str, str]
) -> None:
    calls = tmp_path / "calls"
    shutil.copytree(good, calls)
    for name in ("deadly.wav", "odd.wav"):
        shutil.copy(calls / "b" / "c.wav", calls / name)
    out = tmp_path / "out"
    done = voicecoach(*command(calls, out), home=tmp_path / "home", **rude | {"SLOWLY": "0"})
    assert done.returncode == 2
    assert (out / "calls.parquet").exists(), done.stderr
    assert called(out) == list(CALLS)
    failed = {row["call"]: row["error"] for row in rows(out, "failed")}
    assert failed.keys() == {"deadly.wav", "odd.wav"}
    assert "its worker was killed or ran out of memory, 3 times" in failed["deadly.wav"]
    assert "RuntimeError: never thought of" in failed["odd.wav"]


# --- what counts as the same ----------------------------------------------------------------


def test_what_changed_is_done_again_and_nothing_else(good: Path, tmp_path: Path) -> None:
    calls, out, home = tmp_path / "calls", tmp_path / "out", tmp_path / "home"
    shutil.copytree(good, calls)
    run = partial(voicecoach, home=home)
    assert run(*command(calls, out, "--limit", "2", "--keep-calls")).returncode == 0
    assert called(out) == list(CALLS[:2])
    first = results(out)
    shutil.copy(calls / "f.flac", calls / "a.flac")
    assert run(*command(calls, out, "--limit", "3")).returncode == 0
    assert called(out) == list(CALLS[:3])
    second = results(out)
    assert len(second) == 3
    assert len(first.items() & second.items()) == 1  # the one that was kept is good enough
    (home / "other.toml").write_text("[cues]\nmin_gap_s = 40.0\n")
    changed = run(*command(calls, out, "--limit", "3", "--config", str(home / "other.toml")))
    assert changed.returncode == 0, changed.stderr
    third = results(out)
    assert len(third) == 3
    assert not third.keys() & second.keys()


def test_a_recording_that_broke_leaves_the_tables_and_its_result_stays(
    good: Path, tmp_path: Path
) -> None:
    calls, out, home = tmp_path / "calls", tmp_path / "out", tmp_path / "home"
    calls.mkdir()
    shutil.copy2(good / "a.flac", calls)
    assert voicecoach(*command(calls, out), home=home).returncode == 0
    before = results(out)
    (calls / "a.flac").write_bytes((good / "a.flac").read_bytes()[:5000])
    assert voicecoach(*command(calls, out), home=home).returncode == 2
    assert called(out) == []
    assert [row["call"] for row in rows(out, "failed")] == ["a.flac"]
    assert results(out) == before


def settings(folder: Path, out: Path, **change: Any) -> plan.BatchSettings:
    config = configuration.override_config(Config(), "transcription.enabled", False)
    return plan.BatchSettings(folder, out, config, built_in_cues())._replace(**change)


def test_results_have_one_name_for_the_same_and_others_for_what_differs(tmp_path: Path) -> None:
    base = settings(tmp_path, tmp_path)
    rules = built_in_cues()
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.bin").write_text("weights")
    changed = configuration.override_config(base.config, "transcription.model", str(model))
    made = [
        plan.fingerprint(base),
        plan.fingerprint(base._replace(cues=rules[1:])),
        plan.fingerprint(base._replace(channels=(1, 0))),
        plan.fingerprint(base._replace(mapped=True)),
        plan.fingerprint(base._replace(mono=Speaker.AGENT)),
        plan.fingerprint(base._replace(version="0.0")),
        plan.fingerprint(base._replace(config=Config())),
        plan.fingerprint(base._replace(config=changed)),
    ]
    (model / "model.bin").write_text("others")
    made.append(plan.fingerprint(base._replace(config=changed)))
    recordings = [
        plan.ArchiveRecording(*it) for it in (("a", 1, 1), ("b", 1, 1), ("a", 2, 1), ("a", 1, 2))
    ]
    names = {
        plan.result_name(r, m, kept=k) for r in recordings for m in made for k in (False, True)
    }
    assert len(names) == len(recordings) * len(made) * 2
    elsewhere = configuration.override_config(base.config, "live.microphone", "another")
    named = configuration.override_config(base.config, "cues.file", "cues.toml")
    for same in (elsewhere, named):
        moved = base._replace(config=same, folder=Path("moved"), out=Path("too"))
        assert plan.fingerprint(moved) == made[0]


# --- a cluster that exists ------------------------------------------------------------------


@contextmanager
def scheduler(home: Path, workers: int, **environment: str) -> Iterator[tuple[str, Any]]:
    """Run a scheduler and workers by Dask's own commands; give its address and its process."""
    home.mkdir(exist_ok=True)
    file = home / "scheduler.json"
    here = ("--host", "127.0.0.1", "--no-dashboard")
    with ExitStack() as stack:
        process = stack.enter_context(
            started(
                *here, "--port", "0", "--dashboard-address", "127.0.0.1:0",
                "--scheduler-file", str(file), home=home,
                module="distributed.cli.dask_scheduler",
            )
        )  # fmt: skip
        wait(file.exists, process)
        for _ in range(workers):
            stack.enter_context(
                started(
                    *here, "--nthreads", "1", "--no-nanny", "--scheduler-file", str(file),
                    home=home, module="distributed.cli.dask_worker", **environment,
                )
            )  # fmt: skip
        address = json.loads(file.read_text())["address"]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60) if workers else None
        yield address, process


def test_a_cluster_that_exists_is_used_and_left_as_it_was(
    done: tuple[Path, Any], folder: Path, tmp_path: Path
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    with scheduler(home, 2) as (address, process):
        found = voicecoach(*command(folder, out, "--scheduler", address), home=home)
        assert found.returncode == 2, found.stderr
        for table in (*tables.ARCHIVE_TABLES, "failed"):
            assert rows(out, table) == rows(done[0], table)
        assert process.poll() is None


def test_a_cluster_that_cannot_do_it_is_said_before_the_first_call(
    good: Path, tmp_path: Path
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    old = tmp_path / "old" / "voicecoach"
    old.mkdir(parents=True)
    (old / "__init__.py").write_text("")
    for workers, environment, complaint in (
        (0, {}, "the scheduler has no workers"),
        (1, {"PYTHONPATH": str(old.parent)}, "No module named"),
    ):
        with scheduler(tmp_path / str(workers), workers, **environment) as (address, _):
            found = voicecoach(*command(good, out, "--scheduler", address), home=home)
            assert found.returncode == 2
            assert complaint in found.stderr
            assert "Traceback" not in found.stderr
    nobody = voicecoach(*command(good, out, "--scheduler", "tcp://127.0.0.1:9"), home=home)
    assert nobody.returncode == 2
    assert "--scheduler tcp://127.0.0.1:9: the scheduler does not answer" in nobody.stderr
    assert results(out) == {}


def test_a_scheduler_that_is_killed_ends_the_batch_which_goes_on_later(
    good: Path, tmp_path: Path, rude: dict[str, str]
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    with scheduler(home, 2, **rude) as (address, process):
        with started(*command(good, out, "--scheduler", address), home=home) as running:
            wait(lambda: (out / ".calls").exists() and results(out), running)
            process.kill()
            _, said = running.communicate(timeout=120)
            assert running.returncode == 2
        assert (
            "lost the connection to the scheduler; run the same command again to continue" in said
        )
        assert "Traceback" not in said
    before = results(out)
    assert voicecoach(*command(good, out), home=home).returncode == 0
    assert called(out) == list(CALLS)
    assert before.items() <= results(out).items()


def test_a_worker_says_what_is_wrong_with_it(good: Path, tmp_path: Path) -> None:
    wanted = settings(good, tmp_path)
    wanted.scratch.mkdir()
    assert "it cannot see" in work.check_this_worker("token", wanted, "a.flac")
    (wanted.scratch / "token").touch()
    assert work.check_this_worker("token", wanted, "a.flac") == ""
    assert "cannot see" in work.check_this_worker("token", wanted, "none.flac")
    assert "it runs voicecoach" in work.check_this_worker(
        "token", wanted._replace(version="9"), "a.flac"
    )
    with pytest.raises(ClusterError, match="install the same"):
        work.replay_recording(
            plan.ArchiveRecording("a.flac", 1, 1), wanted._replace(version="9"), "name"
        )


# --- the tables -----------------------------------------------------------------------------


def test_the_reference_is_that_of_the_code(done: tuple[Path, Any]) -> None:
    assert tables.tables_reference() in DOCS.read_text("utf-8")
    for name, table in (tables.ARCHIVE_TABLES | {"failed": tables.FAILED_TABLE}).items():
        schema = pq.read_schema(done[0] / f"{name}.parquet")
        assert schema.names == [column.name for column in table.columns]
        for field, column in zip(schema, table.columns, strict=True):
            assert field.metadata[b"description"].decode() == column.doc
            assert field.nullable == column.nullable
        assert schema.metadata[b"schema"] == str(tables.ARCHIVE_SCHEMA).encode()


def test_the_queries_of_the_reference_can_be_asked(
    done: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(done[0])
    queries = re.findall(r"```sql\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert len(queries) >= 5
    answers = [duckdb.sql(query).fetchall() for query in queries]
    assert {row[0] for row in answers[0]} == set(CALLS)
    assert sum(row[1] for row in answers[1]) == len(rows(done[0], "cues"))
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(done[0] / "calls.parquet")
    assert list(frame["call"]) == list(CALLS)
    assert str(frame["modified"].dt.tz) == "UTC"


def some(result: work.CallResult, i: int) -> work.CallResult:
    return msgspec.structs.replace(result, call=f"{i:05d}.flac")


def test_a_table_is_written_group_by_group_as_calls_are_read(
    done: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP_SIZE", 100)
    result = work.read_call_result(next((done[0] / ".calls").glob("*")))
    assert len(result.tone) > 5
    waiting = []
    writers: list[Any] = []
    made = tables._ParquetWriter.__init__

    def watch(self: Any, *arguments: Any) -> None:
        made(self, *arguments)
        writers.append(self)

    monkeypatch.setattr(tables._ParquetWriter, "__init__", watch)

    def calls() -> Iterator[work.CallResult]:
        for i in range(250):
            waiting.append(max(len(writer._rows) for writer in writers))
            yield some(result, i)

    tables.write_tables(tmp_path, calls(), {}, composite=True)
    assert max(waiting) < 100 + len(result.tone)
    assert [row["call"] for row in rows(tmp_path, "calls")] == [f"{i:05d}.flac" for i in range(250)]
    assert pq.ParquetFile(tmp_path / "calls.parquet").num_row_groups == 3


def test_tables_that_cannot_be_written_leave_the_ones_before(
    done: tuple[Path, Any], tmp_path: Path
) -> None:
    result = work.read_call_result(next((done[0] / ".calls").glob("*")))
    tables.write_tables(tmp_path, [result], {}, composite=True)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def broken() -> Iterator[work.CallResult]:
        yield some(result, 1)
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="cannot write the tables: No space left on device"):
        tables.write_tables(tmp_path, broken(), {}, composite=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_without_the_composite_there_is_no_such_column_and_any_text_can_be_written(
    done: tuple[Path, Any], tmp_path: Path
) -> None:
    result = work.read_call_result(next((done[0] / ".calls").glob("*")))
    quote = Quote(Speaker.CUSTOMER, 1.0, 2.0, "=1+1 <b>no\udce9</b>")
    card = ScoreCard(
        call="a",
        techniques=[TechniqueScore("ask", "Ask", None, "none: no occasion", [quote], [], "Ask.")],
        styles=ConflictStyles(None, 0.5, "", "", {}, []),
        journey=AgitationJourney(None, None, None, None, []),
        root_cause=[quote],
    )
    odd = msgspec.structs.replace(result, call="caf\udce9.wav", card=card)
    tables.write_tables(tmp_path, [odd], {"b\udce9": "why\udce9"}, composite=False)
    assert "agent_calmness_mean" not in pq.read_schema(tmp_path / "calls.parquet").names
    (call,) = rows(tmp_path, "calls")
    assert call["call"] == "caf\N{REPLACEMENT CHARACTER}.wav"
    assert call["root_cause"] == ["=1+1 <b>no\N{REPLACEMENT CHARACTER}</b>"]
    assert (call["style"], call["cooperativeness"]) == (None, 0.5)
    (score,) = rows(tmp_path, "scores")
    assert (score["id"], score["score"], score["seen"], score["missed"]) == ("ask", None, 1, 0)
    assert len(rows(tmp_path, "failed")) == 1


# --- limits ---------------------------------------------------------------------------------


def test_no_more_than_a_few_calls_are_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    over: list[int] = []

    def process(recording: plan.ArchiveRecording, *_: object) -> work.CallOutcome:
        return work.CallOutcome(1.0)

    def jobs() -> Iterator[tuple[plan.ArchiveRecording, str]]:
        for i in range(50):
            drawn.append(i)
            assert len(drawn) - len(over) <= 4 + 1
            yield plan.ArchiveRecording(str(i), 1, 1), str(i)

    monkeypatch.setattr(work, "replay_recording", process)
    with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as c:
        for recording, outcome in batch.replay_all_pending(c, settings(Path(), Path()), jobs(), 4):
            assert outcome == work.CallOutcome(1.0)
            over.append(int(recording.name))
            assert len(c.futures) <= 4
    assert sorted(over) == list(range(50))


def test_what_is_not_installed_is_said_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name != "pyarrow" or None)
    with pytest.raises(
        ClusterError, match=r"pyarrow is not installed: pip install 'voicecoach\[archive\]'"
    ):
        cluster.check_installed(dashboard=True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name != "bokeh" or None)
    cluster.check_installed(dashboard=False)
    with pytest.raises(ClusterError, match="bokeh is not installed: pip install bokeh"):
        cluster.check_installed(dashboard=True)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_a_bar_at_a_terminal_and_a_line_now_and_then_elsewhere(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.count(0.0, 3.0)
    monkeypatch.setattr("voicecoach.shell.archive.progress.monotonic", lambda: next(clock))
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100)
    with progress.BatchProgress(console, calls=103, size=1000, done=3) as view:
        for i in range(100):
            view.record_call(10, 60.0, "bad\x1b[2J.wav: it is empty" if i == 50 else "")
        assert (view.done, view.failed, view.audio_s) == (99, 1, 99 * 60.0)
    plain, shown = capsys.readouterr().err, file.getvalue()
    assert "102 of 103 calls, 1.65 h" in plain
    assert "error: bad [2J.wav: it is empty" in (shown if terminal else plain)
    assert "\x1b[2J" not in plain + shown
    lines = [line for line in plain.splitlines() if "min left" in line]
    if terminal:
        assert "102 of 103 calls" in shown
        assert lines == []
    else:
        assert shown == ""
        assert 20 < len(lines) < 100
        left = [float(line.split()[-3]) for line in lines]
        assert left[0] > left[-1]


WRONG = [
    (["none", "--out", "o"], "none: no such folder"),
    (["empty", "--out", "o"], "no recordings found"),
    (["calls", "--out", "file"], "file: cannot write results there"),
    (["calls", "--out", "o", "--mono", "agent", "--swap"], "--mono means one channel"),
    (["calls", "--out", "o", "--channels", "x"], "write it as agent=0,customer=1"),
    (["calls", "--out", "o", "--cues", "none.toml"], "none.toml: cannot read the cue rules"),
    (["calls", "--out", "o", "--workers", "0"], "--workers"),
]


@pytest.mark.parametrize(("arguments", "complaint"), WRONG, ids=lambda x: str(x)[:60])
def test_what_is_wrong_is_said_and_nothing_is_left(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    for name in ("empty", "calls"):
        (tmp_path / name).mkdir()
    (tmp_path / "calls" / "a.wav").touch()
    (tmp_path / "file").touch()
    before = left(tmp_path)
    done = voicecoach("batch", *arguments, "--no-transcribe", home=tmp_path)
    assert done.returncode == 2
    assert complaint in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert left(tmp_path) == before


def test_a_model_that_is_not_here_is_said_before_the_first_call(good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = voicecoach(
        *command(good, out, "--transcribe", "--model", "small.en"), home=tmp_path / "home"
    )
    assert done.returncode == 2
    assert "the transcription model 'small.en' is not on this machine" in done.stderr
    assert "Traceback" not in done.stderr
    assert results(out) == {}


@pytest.mark.words
def test_words_are_those_of_a_replay_and_each_worker_has_its_own_recognisers(
    good: Path, tmp_path: Path
) -> None:
    out, home, calls = tmp_path / "out", tmp_path / "home", tmp_path / "calls"
    calls.mkdir()
    for name in ("a.flac", "f.flac"):
        samples, rate = soundfile.read(good / name, dtype="int16")
        soundfile.write(calls / name, samples[: 12 * rate], rate)
    recognisers = set()
    with started(*command(calls, out, "--transcribe", "--keep-calls"), home=home) as process:
        while process.poll() is None:
            time.sleep(0.2)
            with contextlib.suppress(psutil.Error):
                children = family(process)
                recognisers |= {
                    c for c in children if "voicecoach.shell.asr.worker_process" in c.cmdline()
                }
        assert process.returncode == 0, process.communicate()[1]
    each = 1 if why_first_alone(Config().transcription) else 2
    assert len(recognisers) == 2 * each
    assert alive(list(recognisers)) == []
    done = voicecoach("replay", calls / "a.flac", calls / "f.flac", "--out", home / "x", home=home)
    assert done.returncode == 0, done.stderr
    said = []
    for name in ("a", "f"):
        log = (home / "x" / name / "events.jsonl").read_bytes()
        assert (out / "calls" / f"{name}.flac" / "events.jsonl").read_bytes() == log
        transcript = json.loads((home / "x" / name / "summary.json").read_text("utf-8"))
        said += [line["text"] for line in transcript["transcript"]]
    assert [row["text"] for row in rows(out, "utterances")] == said
    assert len(said) > 2

"""An archive: the tables are what `replay` gives, whatever is killed, and a bad file stops nothing.

The schedulers and the workers are real ones, processes on this machine.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import soundfile

from tests.test_cli import left, voicecoach
from voicecoach import cues
from voicecoach.config import Config
from voicecoach.shell.archive import tables, work
from voicecoach.shell.assembly import shipped
from voicecoach.shell.files import Call
from voicecoach.shell.replay import Setup, replay
from voicecoach.shell.resources import SAMPLE_CALL, resource

pytest.importorskip("distributed")
pq: Any = pytest.importorskip("pyarrow.parquet")

DOCS = Path(__file__).parents[1] / "docs" / "archive.md"
CALLS = ("a.flac", "b/c.wav", "b/d e.flac", "b/é.ogg", "f.flac")
BAD = {
    "empty.wav": "the file is empty",
    "b/text.mp3": "not a recording that can be read",
    "half.flac": "truncated or corrupt",
    "gone.wav": "cannot be looked at",
}


def record(folder: Path, seconds: float = 20.0) -> Path:
    """Write parts of the sample call to a folder."""
    samples, rate = soundfile.read(resource("samples", SAMPLE_CALL), dtype="int16")
    for i, name in enumerate(CALLS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        part = samples[i * 40 * rate :][: round(seconds * rate)]
        soundfile.write(folder / name, part, rate)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five calls, and what is none."""
    folder = record(tmp_path_factory.mktemp("archive"))
    (folder / "empty.wav").touch()
    (folder / "b" / "text.mp3").write_text("hello" * 100)
    whole = (folder / "a.flac").read_bytes()
    (folder / "half.flac").write_bytes(whole[: len(whole) // 2])
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
    """What a replay of each call leaves."""
    out = tmp_path_factory.mktemp("expected")
    setup = Setup(Config(), cues.load(cues.BUILT_IN), shipped(), [])
    for name in CALLS:
        replay(Call.both(folder / name), setup, out / name, work.Seconds())
    return out


@pytest.fixture(scope="module")
def done(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The folder of a batch with two workers, and how it ended."""
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


@contextmanager
def started(*arguments: str, home: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a batch in a process group of its own, until the end of the context at most."""
    home.mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-m", "voicecoach", *arguments],
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
        assert row["agent_calmness_mean"] == summary["agent_calmness_mean"]
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
    assert "Traceback" not in process.stderr


def test_nothing_unfinished_is_left(done: tuple[Path, Any]) -> None:
    out, _ = done
    assert sorted(p.name for p in out.iterdir()) == sorted(
        [".calls", ".lock", ".scratch", "calls", "failed.parquet"]
        + [f"{name}.parquet" for name in tables.TABLES]
    )
    assert left(out / ".scratch") == []
    assert len(results(out)) == len(CALLS)
    assert out.stat().st_mode & 0o77 == 0


# --- whatever is killed ---------------------------------------------------------------------


def test_a_worker_that_is_killed_costs_no_call(good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with started(*command(good, out), home=tmp_path / "home") as process:
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


def test_a_batch_that_is_killed_goes_on_where_it_was(good: Path, tmp_path: Path) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    with started(*command(good, out), home=home) as process:
        wait(lambda: (out / ".calls").exists() and len(results(out)) > 1, process)
        second = voicecoach(*command(good, out), home=home)
        assert second.returncode == 2
        assert f"another batch is at work there (process {process.pid} on " in second.stderr
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
    assert "all 5 calls were done before" in third.stderr
    assert results(out) == after


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM])
def test_a_batch_that_is_ended_leaves_nobody_at_work(
    good: Path, tmp_path: Path, ask: signal.Signals
) -> None:
    out = tmp_path / "out"
    with started(*command(good, out), home=tmp_path / "home") as process:
        wait(lambda: (out / ".calls").exists() and results(out), process)
        children = family(process)
        # A terminal's Ctrl-C is for all of them at once.
        (os.killpg if ask is signal.SIGINT else os.kill)(process.pid, ask)
        _, said = process.communicate(timeout=60)
        assert process.returncode not in (0, 2)
    assert alive(children) == []
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
    assert left(out / ".scratch") == []


RUDE = """
import os, signal, soundfile
Real = soundfile.SoundFile
class Rude(Real):
    def __init__(self, file, *a, **k):
        if b"deadly" in os.fsencode(file):
            os.kill(os.getpid(), signal.SIGKILL)
        if b"odd" in os.fsencode(file):
            raise RuntimeError("never thought of")
        super().__init__(file, *a, **k)
soundfile.SoundFile = Rude
"""


def test_a_call_that_kills_its_worker_is_given_up_and_the_others_are_done(
    good: Path, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    shutil.copytree(good, calls)
    for name in ("deadly.wav", "odd.wav"):
        shutil.copy(calls / "b" / "c.wav", calls / name)
    (tmp_path / "sitecustomize.py").write_text(RUDE)
    out, path = tmp_path / "out", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = voicecoach(*command(calls, out), home=tmp_path / "home", PYTHONPATH=path)
    assert done.returncode == 2, done.stderr
    assert called(out) == list(CALLS)
    failed = {row["call"]: row["error"] for row in rows(out, "failed")}
    assert failed.keys() == {"deadly.wav", "odd.wav"}
    assert "its worker ended (killed, or out of memory) each of 3 times" in failed["deadly.wav"]
    assert "RuntimeError: never thought of" in failed["odd.wav"]

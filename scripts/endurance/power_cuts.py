"""Simulate power cuts, and check that the journal and the event log survive them.

    python -m scripts.endurance.power_cuts [--cuts 500] [--seed 0]        (Debian's package strace)

The script runs a real `voicecoach live --record`, and a program that adds calls to a journal and
deletes some.  Both run under strace, which records each write and sync with its bytes and time.
The script then simulates a power cut at random moments.  Synced data is there.  Each write that was
not synced is there, missing, or partly there (in sectors of 512 bytes), independently of the
others.  Where a write is missing and a later one is there, zeros take its place.  A new file that
was not synced may be missing.  With what is left, the script checks:

* The journal opens and is intact.  It has every call that was reported as added, with all its rows,
  and no call that was reported as deleted.
* The event log can be read, is a prefix of what was written, and lacks at most the last second.
* The record can be decoded, and the files stored with it can be read.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import io
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from scripts.support.sound_server import SoundServer
from voicecoach.errors import AudioFileError, VoiceCoachError
from voicecoach.journal.entry import JOURNAL_TABLES, TABLES_FROM_CALL
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.live.recorder import AUDIO_FILE
from voicecoach.shell.results import input_log, reader
from voicecoach.shell.results.input_log import INPUTS_FILE
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.text_safety import bounded_input
from voicecoach.types.stream import SAMPLE_RATE

SECTOR = 512
HEAD = 20_000
"""Bytes from which a record holds more than its header."""
CALLS = 12
"""Number of calls added to the journal."""
SECONDS = 20
"""Length of the live call, seconds."""
WITHIN_S = 1.0
TRACED = "openat,write,pwrite64,lseek,ftruncate,fsync,fdatasync,unlink"
LINE = re.compile(r" *(\d+\.\d+) (\w+)\((.*)\) += (-?\d+)")
DESCRIPTOR = re.compile(r"^(\d+)<([^>]*)>")


class Step(NamedTuple):
    """One disk operation of a traced program."""

    at_s: float
    kind: str
    """create, write, cut, sync, remove, or said (what the program printed)."""
    path: str
    place: int = 0
    data: bytes = b""


def traced(command: list[str], env: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a program under strace, which writes its operations to `folder`/trace."""
    strace = ["strace", "-f", "-ttt", "-y", "-xx", "-s", "4000000", "--seccomp-bpf"]
    strace += ["-e", f"trace={TRACED}", "-o", str(folder / "trace")]
    return subprocess.Popen([*strace, *command], env=env, stdout=subprocess.DEVNULL)


def steps(trace: Path, folder: Path) -> Iterator[Step]:
    """Yield the operations on files in a folder, and what was printed on standard output."""
    places: dict[tuple[str, str], int] = {}
    pending: dict[str, str] = {}
    for line in trace.read_text("latin-1").splitlines():
        pid, _, rest = line.partition(" ")
        if rest.endswith("<unfinished ...>"):
            pending[pid] = rest.removesuffix("<unfinished ...>").rstrip()
            continue
        if "resumed>" in rest:
            rest = pending.pop(pid, "") + rest.partition("resumed>")[2]
        found = LINE.match(rest)
        if not found or int(found[4]) < 0:
            continue
        yield from _step(float(found[1]), found[2], found[3], int(found[4]), folder, places)


def _step(
    at: float, call: str, told: str, result: int, folder: Path, places: dict[tuple[str, str], int]
) -> Iterator[Step]:
    of = DESCRIPTOR.match(told)
    if of:
        number, path = of[1], _text(of[2])
        data = _bytes(told) if call in ("write", "pwrite64") else b""
        if call == "write" and number == "1":
            yield Step(at, "said", "", 0, data)
        if not path.startswith(str(folder)):
            return
        key = number, path
        if call == "lseek":
            places[key] = result
        elif call == "write":
            yield Step(at, "write", path, places.get(key, 0), data[:result])
            places[key] = places.get(key, 0) + result
        elif call == "pwrite64":
            yield Step(at, "write", path, int(told.rsplit(",", 1)[1]), data[:result])
        elif call == "ftruncate":
            yield Step(at, "cut", path, int(told.rsplit(",", 1)[1]))
        elif call in ("fsync", "fdatasync"):
            yield Step(at, "sync", path)
        return
    paths = [_text(p) for p in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', told)]
    if not paths or not paths[-1].startswith(str(folder)):
        return
    if call == "openat" and "O_CREAT" in told:
        opened = f"{result}", paths[0]
        places[opened] = 0
        yield Step(at, "create", paths[0], 1 if "O_TRUNC" in told else 0)
    elif call == "openat":
        places[f"{result}", paths[0]] = 0
    elif call == "unlink":
        yield Step(at, "remove", paths[0])


def _bytes(told: str) -> bytes:
    found = re.search(r'"((?:\\x[0-9a-f]{2})*)"', told)
    return bytes.fromhex(found[1].replace("\\x", "")) if found else b""


def _text(escaped: str) -> str:
    if not escaped.startswith("\\x"):
        return escaped
    return bytes.fromhex(escaped.replace("\\x", "")).decode()


class Disk:
    """The content of a disk: what is certainly there, and what may be."""

    def __init__(self) -> None:
        self.sure: dict[str, bytearray] = {}
        self.maybe: dict[str, list[Step]] = {}
        self.entered: dict[str, bool] = {}
        """Whether a file's name is certainly on the disk."""

    def take(self, step: Step) -> None:
        """Apply one operation of a program."""
        path = step.path
        if step.kind == "create":
            if path not in self.sure:
                self.sure[path], self.maybe[path], self.entered[path] = bytearray(), [], False
            if step.place:
                self.maybe[path].append(Step(step.at_s, "cut", path, 0))
        elif step.kind in ("write", "cut"):
            self.maybe.setdefault(path, []).append(step)
            self.sure.setdefault(path, bytearray())
            self.entered.setdefault(path, False)
        elif step.kind == "sync" and path in self.sure:
            for one in self.maybe[path]:
                _apply(self.sure[path], one)
            self.maybe[path] = []
            # On ext4, xfs, btrfs and apfs, syncing a new file's bytes also syncs its name.
            self.entered[path] = True
        elif step.kind == "sync":
            for name in self.sure:
                if str(Path(name).parent) == path:
                    self.entered[name] = True
        elif step.kind == "remove":
            self.sure.pop(path, None)

    def sound(self) -> bytes:
        """Return the part of a record that is certainly on the disk."""
        found = (data for path, data in self.sure.items() if path.endswith(AUDIO_FILE))
        return bytes(next(found, b""))

    def after_a_cut(self, rng: random.Random, folder: Path, target: Path) -> None:
        """Write to `target` what a power cut may leave of `folder`."""
        for path, sure in self.sure.items():
            left = bytearray(sure)
            lost = rng.choice((0.0, 0.2, 0.5, 1.0))
            for step in self.maybe.get(path, []):
                if rng.random() < lost:
                    continue
                data = step.data
                if data and rng.random() < 0.2:
                    data = data[: SECTOR * rng.randrange(len(data) // SECTOR + 1)]
                _apply(left, step._replace(data=data))
            if not left and not self.entered.get(path) and rng.random() < 0.5:
                continue
            place = target / Path(path).relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(left)


def _apply(held: bytearray, step: Step) -> None:
    if step.kind == "cut":
        del held[step.place :]
        held.extend(b"\0" * (step.place - len(held)))
    elif step.data:
        held.extend(b"\0" * (step.place - len(held)))
        held[step.place : step.place + len(step.data)] = step.data


# --- traced programs ------------------------------------------------------------------------

FILLING = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from voicecoach.shell.journal import fill
from voicecoach.shell.journal.store import JournalStore
path, calls = Path(sys.argv[1]), sorted(Path(sys.argv[2]).iterdir())
for i, call in enumerate(calls):
    with JournalStore(path, create=True) as journal:
        started = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(i)
        added = fill.add_call_folder(journal, call, started=started)
        print("added", added.call.id, flush=True)
        if i % 4 == 3:
            print("deleting", added.call.id, flush=True)
            journal.delete_call(added.call.id)
            print("deleted", added.call.id, flush=True)
"""


def journal(folder: Path, made: Path) -> None:
    """Run the program that fills a journal with the calls in `made`."""
    command = [sys.executable, "-c", FILLING, str(folder / "disk" / "j.sqlite3"), str(made)]
    (folder / "disk").mkdir()
    traced(command, dict(os.environ), folder).wait()


def calls(folder: Path) -> Path:
    """Make call folders to be added to a journal."""
    command = [sys.executable, "-m", "voicecoach", "demo", "--no-transcribe", "--no-report"]
    subprocess.run([*command, "--out", str(folder / "demo")], check=True, stdout=subprocess.DEVNULL)
    made = next((folder / "demo").iterdir())
    lines = (made / EVENT_LOG).read_bytes().splitlines(keepends=True)
    for i in range(CALLS):
        call = folder / "calls" / f"{i:02}"
        call.mkdir(parents=True)
        head = lines[0].replace(b'"call":"', f'"call":"{i:02}-'.encode())
        (call / EVENT_LOG).write_bytes(b"".join([head, *lines[1:]]))
    return folder / "calls"


def live(folder: Path) -> None:
    """Run a live call for `SECONDS`."""
    with SoundServer(SAMPLE_RATE) as server:
        env = server.env
        command = ["live", "--view", "none", "--no-transcribe", "--no-baseline", "--record"]
        process = traced(
            [
                *(sys.executable, "-m", "voicecoach", *command, "--no-journal"),
                *("--out", str(folder / "disk"), *server.sources),
            ],
            env,
            folder,
        )
        while server.listeners() < 2:
            time.sleep(0.1)
        call = resource("samples", SAMPLE_CALL)
        server.play(agent=call, customer=call)
        time.sleep(SECONDS)
        subprocess.run([sys.executable, "-m", "voicecoach", "tell", "quit"], env=env, check=True)
        process.wait()


# --- checks ---------------------------------------------------------------------------------


def check_journal(done: list[Step], left: Path, rows: int) -> str:
    """Return what is wrong with a journal after these operations, or ""; `rows` is per call."""
    gone = said(done, "deleted")
    due = said(done, "added") - said(done, "deleting")
    path = left / "j.sqlite3"
    if not path.exists():
        return "it is not there" if due else ""
    try:
        with JournalStore(path, create=True) as opened:
            there = counted(opened)
    except VoiceCoachError as e:
        return str(e)
    if lost := due - there.keys():
        return f"{len(lost)} calls are lost"
    if gone & there.keys():
        return "a deleted call is back"
    partial = [id for id, count in there.items() if count != rows]
    return f"{len(partial)} calls are there in part" if partial else ""


def said(done: list[Step], what: str) -> set[str]:
    """Return the calls for which the program printed `what`, in complete lines."""
    text = b"".join(step.data for step in done if step.kind == "said").decode()
    lines = [line.split() for line in text.split("\n")[:-1]]
    return {line[1] for line in lines if line[0] == what}


def counted(opened: JournalStore) -> dict[str, int]:
    """Return the number of rows of each call."""
    return {
        one.call.id: sum(
            len(opened.select_rows(JOURNAL_TABLES[t], "call = ?", (one.call.id,)))
            for t in TABLES_FROM_CALL
        )
        for one in opened.call_overviews()
    }


def decoded(sound: Path) -> int:
    """Return the number of samples in a record."""
    return sum(block.samples.shape[1] for block in RecordedCall.from_stereo(sound).blocks())


def check_log(
    done: list[Step], left: Path, whole: bytes, began: float, sure: bytes
) -> tuple[str, float]:
    """Return what is wrong with a call's folder, and how much of its log is lost, seconds."""
    now = done[-1].at_s
    log = next(left.rglob(EVENT_LOG), None)
    if log is None:
        return ("there is no log" if now - began > WITHIN_S else "", 0.0)
    data = log.read_bytes()
    if not data.count(b"\n"):
        return ("the log is empty" if now - began > WITHIN_S else "", 0.0)
    try:
        damage = reader.read_results(log.parent).damage_note
    except VoiceCoachError as e:
        return (str(e) if now - began > WITHIN_S else "", 0.0)
    if damage and b"\0" not in data:
        return damage, 0.0
    # What a cut left as zeros in the middle is damage; all after it counts as lost.
    lines = takewhile(lambda line: b"\0" not in line, bounded_input.log_lines(io.BytesIO(data)))
    kept = b"".join(lines)
    if not whole.startswith(kept):
        return "the log is not the beginning of what was written", 0.0
    try:
        inputs = log.with_name(INPUTS_FILE)
        notes = input_log.read_inputs(inputs).notes
        if notes and b"\0" not in inputs.read_bytes():
            return notes[0], 0.0
    except AudioFileError as e:
        return (str(e) if now - began > WITHIN_S else "", 0.0)
    sound = left / "sure.flac"
    sound.write_bytes(sure)
    if len(sure) > HEAD:
        try:
            if decoded(log.with_name(AUDIO_FILE)) < decoded(sound):
                return "some of the record is lost", 0.0
        except AudioFileError as e:
            return str(e), 0.0
    # Everything written since the first missing byte is lost.
    written = (s for s in done if s.kind == "write" and s.path.endswith(EVENT_LOG))
    first = next((s.at_s for s in written if s.place + len(s.data) > len(kept)), now)
    return "", now - first


def main() -> None:
    """Trace the programs, simulate the cuts, check what is left, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if not shutil.which("strace"):
        raise SystemExit("strace is not here; on Debian: apt install strace")
    rng = random.Random(args.seed)
    print("| what | steps | syncs | cuts | not as promised | lost, most, s |")
    print("|---|---|---|---|---|---|")
    well = cut_journal(args.cuts, rng) & cut_live(args.cuts, rng)
    sys.exit(not well)


def cut_journal(cuts: int, rng: random.Random) -> bool:
    """Simulate power cuts while a journal is filled."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal(folder, calls(folder))
        done = list(steps(folder / "trace", folder / "disk"))
        with JournalStore(folder / "disk" / "j.sqlite3") as opened:
            rows = set(counted(opened).values())
        assert len(rows) == 1, "the calls differ in their names alone"
        wrong = []
        for cut in sorted(rng.randrange(1, len(done) + 1) for _ in range(cuts)):
            left = folder / "left"
            shutil.rmtree(left, ignore_errors=True)
            left.mkdir()
            _cut(done[:cut], folder / "disk", left, rng)
            if why := check_journal(done[:cut], left, min(rows)):
                wrong.append(f"{cut}: {why}")
    return _row("journal", done, cuts, wrong, 0.0)


def cut_live(cuts: int, rng: random.Random) -> bool:
    """Simulate power cuts while a call is recorded."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "disk").mkdir()
        live(folder)
        done = list(steps(folder / "trace", folder / "disk"))
        log = next((folder / "disk").rglob(EVENT_LOG))
        whole = log.read_bytes()
        began = next(s.at_s for s in done if s.kind == "write" and s.path.endswith(EVENT_LOG))
        wrong, most = [], 0.0
        for cut in sorted(rng.randrange(1, len(done) + 1) for _ in range(cuts)):
            if done[cut - 1].at_s < began:
                continue
            left = folder / "left"
            shutil.rmtree(left, ignore_errors=True)
            left.mkdir()
            disk = _cut(done[:cut], folder / "disk", left, rng)
            why, lost = check_log(done[:cut], left, whole, began, disk.sound())
            most = max(most, lost)
            if why or lost > WITHIN_S:
                wrong.append(f"{cut}: {why or f'{lost:.2f} s are lost'}")
    return _row("event log and record", done, cuts, wrong, most)


def _cut(done: list[Step], folder: Path, left: Path, rng: random.Random) -> Disk:
    disk = Disk()
    for step in done:
        disk.take(step)
    disk.after_a_cut(rng, folder, left)
    return disk


def _row(what: str, done: list[Step], cuts: int, wrong: list[str], most: float) -> bool:
    syncs = sum(step.kind == "sync" for step in done)
    print(f"| {what} | {len(done)} | {syncs} | {cuts} | {len(wrong)} | {most:.2f} |")
    for why in wrong[:5]:
        print(f"- {why}")
    return not wrong


if __name__ == "__main__":
    main()

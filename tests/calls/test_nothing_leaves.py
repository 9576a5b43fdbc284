"""A whole live call where there is no network: nothing is even tried."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.support.sound_server import SoundServer, missing
from tests.shell.live.test_live_call import part, written
from voicecoach.testing import wait_until
from voicecoach.types.stream import SAMPLE_RATE

NEEDED = ("strace", "unshare", "nsenter", "ip")
LACKING = missing() or ", ".join(name for name in NEEDED if not shutil.which(name))

pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"not installed: {LACKING}")

ALONE = ("unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
"""Run in a network of its own, which has no interface but loopback."""


def watched(trace: Path, *command: str) -> list[str]:
    """Return a command that notes in a file what it and all that it starts ask of any network."""
    calls = "trace=connect,bind,sendto,sendmsg,sendmmsg"
    return [*ALONE, "strace", "-f", "--seccomp-bpf", "-e", calls, "-o", str(trace), *command]


def outward(trace: Path) -> list[str]:
    """Return what was tried: to go anywhere, or to be reached from elsewhere."""
    inet = [line for line in trace.read_text("utf-8").splitlines() if "sa_family=AF_INET" in line]
    home = re.compile(r'bind\(.*inet_addr\("127\.0\.0\.1"\)')
    return [line for line in inet if not home.search(line)]


@pytest.fixture
def alone(tmp_path: Path) -> None:
    if subprocess.run([*ALONE, "true"], capture_output=True).returncode:
        pytest.skip("no network of one's own may be made here")
    if subprocess.run(watched(tmp_path / "true", "true"), capture_output=True).returncode:
        pytest.skip("no program may be traced here")


@pytest.mark.parametrize(
    "program",
    [
        "s = socket.socket(type=socket.SOCK_DGRAM); s.connect(('127.0.0.1', 53))",
        "s = socket.socket(type=socket.SOCK_DGRAM); s.sendto(b'', ('127.0.0.1', 53))",
        "socket.socket(socket.AF_INET6).connect_ex(('::1', 443))",
        "socket.socket().bind(('0.0.0.0', 0))",
    ],
)
def test_what_would_be_found(alone: None, program: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    subprocess.run(
        watched(trace, sys.executable, "-c", f"import socket; {program}"), capture_output=True
    )
    assert outward(trace)


@pytest.mark.words
def test_a_live_call_tries_no_connection(alone: None, tmp_path: Path) -> None:
    trace, out = tmp_path / "trace", tmp_path / "out"
    with SoundServer(SAMPLE_RATE) as server:
        command = ["live", "--view", "browser", "--record", "--consent", "--out", str(out)]
        process = subprocess.Popen(
            watched(trace, sys.executable, "-m", "voicecoach", *command, *server.sources),
            # With a home and caches that are empty.
            env={**server.env, "BROWSER": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            wait_until(lambda: process.poll() is not None or server.listeners() >= 2)
            server.play(**written(part(12, 28), tmp_path))
            log = until_made(out)
            wait_until(lambda: process.poll() is not None or '"word"' in log.read_text("utf-8"))
            while server.playing():
                time.sleep(0.2)
            told = tell(process, server.env, "quit")
            said, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert told == 0, said
    assert process.returncode == 0, said
    assert not outward(trace)
    assert (log.parent / "scorecard.md").exists()
    assert list((Path(server.env["HOME"])).rglob("journal.sqlite3")) or "journal" not in said


def until_made(out: Path) -> Path:
    """Return the log of the call, once there is one."""
    wait_until(lambda: any(out.glob("*/events.jsonl")))
    return next(out.glob("*/events.jsonl"))


def tell(process: subprocess.Popen[str], env: Mapping[str, str], word: str) -> int:
    """Tell the call from within its own network."""
    inside = ["nsenter", f"--target={process.pid}", "--user", "--net", "--preserve-credentials"]
    command = [*inside, sys.executable, "-m", "voicecoach", "tell", word]
    return subprocess.run(command, env=env, capture_output=True).returncode

"""What is kept of a live call, whatever becomes of the disk and of the thread that writes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from voicecoach.errors import OutputError
from voicecoach.shell.live import recorder as room
from voicecoach.shell.live.recorder import AUDIO_FILE, CallRecorder, check_writable
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.runtime.resilient_file import ResilientFile
from voicecoach.testing import wait_until

NOTHING = b"x" * 9_999 + b"\n"


@contextmanager
def full(at: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: what a full disk is to one that writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_kept_of_a_call(tmp_path: Path) -> None:
    samples = np.linspace(-1, 1, 512, dtype=np.float32).reshape(2, 256)
    exact = np.round(samples * 32767) / 32768
    with CallRecorder(tmp_path / "call", audio=True) as keeper:
        for i in range(3):
            keeper.write_event_line(f"{i}\n".encode())
            keeper.write_audio(exact.astype(np.float32))
    assert keeper.wait_until_written(10.0)
    assert (tmp_path / "call" / EVENT_LOG).read_bytes() == b"0\n1\n2\n"
    assert (tmp_path / "call").stat().st_mode & 0o777 == 0o700
    kept, rate = soundfile.read(tmp_path / "call" / AUDIO_FILE)
    assert rate == 16_000
    assert np.array_equal(kept.T[:, :256], exact)
    assert len(kept) == 3 * 256
    with CallRecorder(tmp_path / "silent", audio=False) as keeper:
        keeper.write_audio(samples)
    assert keeper.wait_until_written(10.0)
    assert not (tmp_path / "silent" / AUDIO_FILE).exists()
    assert not keeper.write_trouble


def test_a_disk_that_was_full_has_all_when_there_is_room(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal((2, 16_000))).astype(np.float32)
    lines = [f"{i} ".encode() + NOTHING for i in range(40)]
    with CallRecorder(tmp_path / "call", audio=True) as keeper:
        with full(55_000):
            for line in lines:
                keeper.write_event_line(line)
                keeper.write_audio(sound)
            wait_until(lambda: keeper.write_trouble)
            assert "cannot write to disk, retrying" in keeper.write_trouble
        wait_until(lambda: not keeper.write_trouble)
    assert keeper.wait_until_written(10.0)
    assert (tmp_path / "call" / EVENT_LOG).read_bytes() == b"".join(lines)
    kept, _ = soundfile.read(tmp_path / "call" / AUDIO_FILE, dtype="float32")
    assert np.abs(kept.T - np.tile(sound, 40)).max() < 1e-4
    assert keeper.pop_missed_lines() == 0


def test_what_finds_no_room_is_counted_and_sound_keeps_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_QUEUED_WRITES", 8)
    loud = np.full((2, 256), 0.5, np.float32)
    keeper = CallRecorder(tmp_path, audio=True)
    for _ in range(3):
        keeper.write_event_line(b"kept\n")
    for _ in range(20):
        keeper.write_audio(loud)
    keeper.write_event_line(b"lost\n")
    assert keeper.pop_missed_lines() == 1
    with keeper:
        wait_until(lambda: keeper.queued_writes == 0)
        keeper.write_audio(loud)
    assert keeper.wait_until_written(10.0)
    assert (tmp_path / EVENT_LOG).read_bytes() == b"kept\n" * 3
    kept, _ = soundfile.read(tmp_path / AUDIO_FILE)
    heard = np.abs(kept[::256, 0]) > 0.1
    assert heard.tolist() == [True] * 5 + [False] * 15 + [True]


def test_a_call_that_ends_on_a_full_disk_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "CLOSE_TIMEOUT_S", 0.2)
    after: list[bool] = []
    with (
        full(5_000),
        CallRecorder(tmp_path, audio=False, after=lambda: after.append(True)) as keeper,
    ):
        keeper.write_event_line(NOTHING)
        wait_until(lambda: keeper.write_trouble)
        keeper.__exit__()
        assert keeper.wait_until_written(10.0)
    assert after == [True]


def test_a_writer_that_fails_is_begun_again_once_and_then_says_so_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, str, bool]] = []
    write = ResilientFile.write

    def fail(self: ResilientFile, data: bytes) -> int:
        if data == b"bad\n":
            raise KeyError("a word of the call")
        return write(self, data)

    monkeypatch.setattr(ResilientFile, "write", fail)
    with CallRecorder(tmp_path, audio=False, say=lambda *what: said.append(what)) as keeper:
        for line in (b"1\n", b"bad\n", b"2\n"):
            keeper.write_event_line(line)
        wait_until(lambda: said and keeper.queued_writes == 0)
        assert (said[0][0], said[0][2]) == ("log", False)
        assert "KeyError at test_recorder.py" in said[0][1]
        assert "restarted" in said[0][1]
        wait_until(lambda: (tmp_path / EVENT_LOG).read_bytes() == b"1\n2\n")
        keeper.write_event_line(b"bad\n")
        wait_until(lambda: len(said) == 2)
        assert said[1][2]
        wait_until(lambda: keeper.write_trouble)
    assert keeper.wait_until_written(10.0)
    assert "word of the call" not in str(said)


def test_what_is_made_of_a_call_may_fail_and_the_log_stays(tmp_path: Path) -> None:
    said: list[tuple[str, str, bool]] = []

    def fail() -> None:
        raise ZeroDivisionError

    with CallRecorder(
        tmp_path, audio=False, say=lambda *what: said.append(what), after=fail
    ) as keeper:
        keeper.write_event_line(b"kept\n")
    assert keeper.wait_until_written(10.0)
    assert (tmp_path / EVENT_LOG).read_bytes() == b"kept\n"
    assert [lasts for _, _, lasts in said] == [False, True]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write calls there"):
        check_writable(tmp_path / "file" / "call")
    check_writable(tmp_path / "new" / "folder")
    assert not any((tmp_path / "new" / "folder").iterdir())


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    program = """
import sys, time, numpy
from pathlib import Path
from voicecoach.shell.live.recorder import CallRecorder
with CallRecorder(Path(sys.argv[1]), audio=True) as keeper:
    rng = numpy.random.default_rng(0)
    for i in range(1000):
        keeper.write_event_line(b"%d\\n" % i)
        keeper.write_audio((0.1 * rng.standard_normal((2, 256))).astype(numpy.float32))
    while keeper.queued_writes:
        time.sleep(0.01)
    time.sleep(0.3)
    print("written", flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"written\n"
        process.kill()
    assert (tmp_path / EVENT_LOG).read_bytes().count(b"\n") == 1000
    from voicecoach.shell.runtime.recorded_call import RecordedCall

    heard = sum(
        block.samples.shape[1] for block in RecordedCall.from_stereo(tmp_path / AUDIO_FILE).blocks()
    )
    assert heard >= 1000 * 256 - 2 * 4096


@given(
    st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=50),
            st.integers(0, 60),
            st.just("flush"),
            st.integers(-60, -1),
        ),
        max_size=30,
    )
)
def test_a_file_is_what_was_written_whenever_the_disk_took_it(
    tmp_path_factory: pytest.TempPathFactory, steps: list[bytes | int | str]
) -> None:
    path = tmp_path_factory.mktemp("appended") / "file"
    truth, place = bytearray(), 0
    file = ResilientFile(path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    for step in steps:
        if isinstance(step, bytes):
            file.write(step)
            truth.extend(b"\0" * (place - len(truth)))
            truth[place : place + len(step)] = step
            place += len(step)
        elif isinstance(step, str):
            file.flush()
        elif step >= 0:
            place = file.seek(min(step, len(truth)))
        else:
            with full(-step), suppress(OSError):
                file.flush()
    file.flush()
    file.sync()
    assert file.seek(0, os.SEEK_END) == len(truth)
    file.close()
    assert path.read_bytes() == truth
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == limit

"""How long live calls are kept, and what goes with them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.journal import entries
from voicecoach.commands import export
from voicecoach.shell import report
from voicecoach.shell.live import retention
from voicecoach.shell.live.recorder import AUDIO_FILE, FOLDER_NAME
from voicecoach.shell.results import reader
from voicecoach.shell.results.replay_one import EVENT_LOG

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def left_behind(out: Path, name: str, days: float, **facts: object) -> Path:
    """Leave what a live call leaves, so many days ago."""
    began = NOW - timedelta(days=days)
    facts = {"live": True, "started_at": began.isoformat(timespec="seconds"), **facts}
    folder = entries.folder(out / name, **facts)  # type: ignore[arg-type]
    os.utime(folder / EVENT_LOG, (began.timestamp(),) * 2)
    return folder


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if not path.name.startswith("."))


def test_live_calls_go_when_they_are_old_and_nothing_else_does(tmp_path: Path) -> None:
    out = tmp_path / "out"
    old, new = left_behind(out, "old", 91), left_behind(out, "new", 89)
    (old / "report.html").write_text("what was made of it")
    left_behind(out, "replayed", 400, live=False)
    left_behind(out, "undated", 80, started_at="long ago")
    (out / "mine").mkdir()
    (out / "mine" / "notes.txt").write_text("x")
    (out / "nothing").mkdir()
    (out / "file").write_text("x")
    elsewhere = left_behind(tmp_path / "elsewhere", "old", 400)
    (out / "linked").symlink_to(elsewhere, target_is_directory=True)
    (out / "inside").mkdir()
    (out / "inside" / EVENT_LOG).symlink_to(elsewhere / EVENT_LOG)
    (old / "link").symlink_to(elsewhere, target_is_directory=True)
    os.utime(left_behind(out, "went on", 400) / EVENT_LOG, (NOW.timestamp(),) * 2)
    before = names(out)
    assert retention.purge_old_calls(out, 0, NOW) == ""
    assert names(out) == before
    assert retention.purge_old_calls(out, 90, NOW) == f"1 call older than 90 days deleted in {out}"
    assert names(out) == [name for name in before if name != "old"]
    assert new.exists()
    assert (elsewhere / EVENT_LOG).exists()
    assert retention.purge_old_calls(out, 90, NOW) == ""
    assert retention.purge_old_calls(tmp_path / "nowhere", 90, NOW) == ""


def test_what_cannot_go_is_said_and_costs_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, days in (("a", 100), ("b", 100), ("c", 1)):
        left_behind(tmp_path, name, days)
    delete = Path.unlink

    def fail(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == "a":
            raise OSError(13, "Permission denied")
        delete(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", fail)
    said = retention.purge_old_calls(tmp_path, 90, NOW)
    assert said.startswith("1 call older than 90 days deleted")
    assert said.endswith("a: cannot delete it: Permission denied")
    assert names(tmp_path) == ["a", "c"]


def test_a_clock_that_has_jumped_wipes_nothing_before_it_is_said(tmp_path: Path) -> None:
    for name, days in (("a", 1), ("b", 30)):
        left_behind(tmp_path, name, days)
    jumped = NOW + timedelta(days=3650)
    for hours in (0, 1, 23):
        said = retention.purge_old_calls(tmp_path, 90, jumped + timedelta(hours=hours))
        assert "are older than 90 days; check today's date " in said
        assert said.endswith("May 2036): they will be deleted from tomorrow on")
        # A call that is heard under that clock does not make the others believed.
        left_behind(tmp_path, f"new {hours}", -3650)
    assert names(tmp_path) == ["a", "b", "new 0", "new 1", "new 23"]
    # The clock is right again.
    assert retention.purge_old_calls(tmp_path, 90, NOW + timedelta(days=1)) == ""
    assert not (tmp_path / retention.WARNED_FILE).exists()
    assert names(tmp_path)[:2] == ["a", "b"]


def test_after_a_long_leave_calls_go_a_day_after_it_was_said(tmp_path: Path) -> None:
    left_behind(tmp_path, "a", 100)
    assert "deleted from tomorrow on" in retention.purge_old_calls(tmp_path, 90, NOW)
    assert names(tmp_path) == ["a"]
    said = retention.purge_old_calls(tmp_path, 90, NOW + timedelta(days=1, hours=1))
    assert said.startswith("1 call older than 90 days deleted")
    assert names(tmp_path) == []
    assert not (tmp_path / retention.WARNED_FILE).exists()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda log: log.write_bytes(log.read_bytes()[:40]),
    "empty": lambda log: log.write_bytes(b""),
    "zeros": lambda log: log.write_bytes(bytes(5000)),
    "no date": lambda log: log.write_bytes(log.read_bytes().replace(b"started_at", b"xxxxxxx_at")),
    "sound alone": lambda log: log.rename(log.with_name(AUDIO_FILE)),
    "a header too long": lambda log: log.write_bytes(b'{"x":"' + 70_000 * b"x" + b'"}\n'),
}
"""What may become of a live call's log."""
BY_NAME = "by folder name and time of writing, without a log that can be read"


def damaged(out: Path, damage: str, days: float, name: str = FOLDER_NAME) -> Path:
    """Leave a live call whose log is damaged in one way."""
    began = NOW - timedelta(days=days)
    folder = left_behind(out, began.astimezone().strftime(name), days)
    DAMAGE[damage](folder / EVENT_LOG)
    for path in folder.iterdir():
        os.utime(path, (began.timestamp(),) * 2)
    return folder


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_call_whose_log_cannot_be_read_goes_by_name_and_time_of_writing(
    tmp_path: Path, damage: str
) -> None:
    old = damaged(tmp_path, damage, 91, f"{FOLDER_NAME}_2")
    new = damaged(tmp_path, damage, 89)
    written = damaged(tmp_path, damage, 400)
    (written / "inputs.jsonl").write_bytes(b"")
    os.utime(written / "inputs.jsonl", (NOW.timestamp(),) * 2)
    said = retention.purge_old_calls(tmp_path, 90, NOW)
    assert said == f"1 call older than 90 days deleted in {tmp_path} (1 {BY_NAME})"
    assert names(tmp_path) == sorted([new.name, written.name])
    assert not old.exists()
    assert retention.purge_old_calls(tmp_path, 90, NOW) == ""


@pytest.mark.parametrize("schema", [1, 2, 4])
def test_calls_of_other_schemas_go_by_their_date(tmp_path: Path, schema: int) -> None:
    for days in (91, 89):
        left_behind(tmp_path, f"{days} days", days, schema=schema)
    said = retention.purge_old_calls(tmp_path, 90, NOW)
    assert said == f"1 call older than 90 days deleted in {tmp_path}"
    assert names(tmp_path) == ["89 days"]


def test_what_may_be_no_call_is_kept_and_said(tmp_path: Path) -> None:
    for damage in DAMAGE:
        if damage != "no date":  # a log that says that the call was live
            damaged(tmp_path / "out", damage, 400, f"%Y {damage}")
    before = names(tmp_path / "out")
    said = retention.purge_old_calls(tmp_path / "out", 90, NOW)
    assert names(tmp_path / "out") == before
    assert said.count("neither log nor name says what call it is; delete it by hand") == len(before)
    assert "\n" not in said


def test_what_voicecoach_did_not_write_stays_and_is_said(tmp_path: Path) -> None:
    left_behind(tmp_path, "new", 1)
    old = left_behind(tmp_path, "old", 91)
    export.export([old])
    report.write_report(reader.read_results(old), None, "none")
    for name in ("summary.md", "scorecard.json", "inputs.jsonl", ".unfinished-x", AUDIO_FILE):
        (old / name).write_bytes(b"x")
    (old / "notes.txt").write_text("mine")
    (old / "events.vtt").mkdir()
    (old / "report.mp3").mkdir()
    elsewhere = tmp_path / "elsewhere.flac"
    elsewhere.write_bytes(b"mine")
    (old / "linked.flac").symlink_to(elsewhere)
    said = retention.purge_old_calls(tmp_path, 90, NOW)
    left = "events.vtt, notes.txt, report.mp3"
    assert said == (
        f"1 call older than 90 days deleted in {tmp_path}; "
        f"{old}: left what voicecoach did not write: {left}"
    )
    assert names(old) == left.split(", ")
    assert elsewhere.read_bytes() == b"mine"
    assert retention.purge_old_calls(tmp_path, 90, NOW) == ""


def test_a_deletion_that_was_cut_short_is_finished_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_behind(tmp_path, "new", 1)
    old = left_behind(tmp_path, "old", 91)
    files = ["a.json", *retention.RESULT_FILES]
    for name in files:
        (old / name).write_bytes(b"x")
    delete = Path.unlink
    done: list[Path] = []

    def killed(path: Path, missing_ok: bool = False) -> None:
        if len(done) == len(retention.RESULT_FILES):
            raise KeyboardInterrupt
        done.append(path)
        delete(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            retention.purge_old_calls(tmp_path, 90, NOW)
    assert names(old) == ["a.json", EVENT_LOG]
    assert retention.purge_old_calls(tmp_path, 90, NOW).startswith("1 call older than 90 days")
    assert names(old) == ["a.json"]

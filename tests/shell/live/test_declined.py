"""A customer who says no, in a call or after it: what is deleted, and what can be undone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.shell.live.leftovers import all_bytes
from voicecoach.config import Config, JournalConfig
from voicecoach.shell.journal.fill import journal_path
from voicecoach.shell.journal.keep import JournalWriter
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.live import ended_calls
from voicecoach.shell.runtime.feed import (
    Answer,
    CustomerDeclines,
    MarkCue,
    NextCall,
    QuitProgram,
    ToggleListening,
    UndoDecline,
    UserAction,
)
from voicecoach.shell.runtime.sinks import Sink
from voicecoach.testing import wait_until
from voicecoach.testing.session import SessionWithoutDevices

PATIENCE_S = 20.0
NOTICE = "May I?"


class Told(Sink):
    """Notes what a sink is told of ended calls."""

    def __init__(self) -> None:
        self.what: list[str] = []

    def end_call(self, declined: bool) -> None:
        self.what.append("declined" if declined else "ended")

    def on_results(self, folder: Path) -> None:
        self.what.append("results")

    def forget_call(self, folder: Path) -> None:
        self.what.append("forget")


class Desk:
    """A session of one call, and what an agent does once it has ended."""

    def __init__(self, folder: Path, ends_with: UserAction) -> None:
        self.config = Config(journal=JournalConfig(file=str(folder / "journal.sqlite3")))
        self.told, self.journal = Told(), JournalWriter(self.config, print)
        self.desk = SessionWithoutDevices(
            folder / "out", self.config, notice=NOTICE, learn=True, audio=True,
            sinks=[self.told, self.journal],
        )  # fmt: skip
        self.desk.then(self.desk.post_action_at(20, ends_with))
        self.errors: list[BaseException] = []

    def run(self, then: Callable[[], object]) -> None:
        def do() -> None:
            try:
                then()
            except BaseException as e:
                self.errors.append(e)
            finally:
                self.desk.feed.post_action(QuitProgram())

        def wait() -> None:
            wait_until(lambda: self.desk.session.state == "listening")
            wait_until(lambda: self.desk.session.state == "ready")
            do()

        agent = threading.Thread(target=wait)
        agent.start()
        self.desk.run()
        agent.join()
        self.journal.close()
        if self.errors:
            raise self.errors[0]

    def ask(self, wish: UserAction) -> Answer:
        answer: Future[Answer] = self.desk.feed.post_action(wish)
        return answer.result(PATIENCE_S)

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.desk.out)): path.read_bytes()
            for path in sorted(self.desk.out.rglob("*"))
            if path.is_file()
        }

    def journaled(self) -> list[str]:
        try:
            with JournalStore(journal_path(self.config)) as journal:
                return [row.call.name for row in journal.call_overviews()]
        except Exception:
            return []

    def baseline_calls(self) -> int:
        baseline = self.desk.session.setup.baseline
        return baseline.calls if baseline else 0


def test_the_last_call_is_forgotten_and_restored(tmp_path: Path) -> None:
    desk = Desk(tmp_path, NextCall())

    def agent() -> None:
        wait_until(lambda: len(desk.journaled()) == 1)
        before = desk.files()
        assert len(before) >= 5
        done, text = desk.ask(CustomerDeclines())
        assert done
        assert text.startswith("The last call is deleted, with its journal entry and what your")
        assert text.endswith("Undo restores it within 10 s")
        assert (desk.files(), desk.baseline_calls()) == ({}, 0)
        assert not list(desk.desk.out.iterdir())
        wait_until(lambda: desk.journaled() == [])
        display = desk.desk.feed.newest.display
        wait_until(lambda: desk.desk.feed.newest.display.can_undo)
        assert desk.desk.feed.newest.display.answer == text, display

        done, text = desk.ask(UndoDecline())
        assert (done, text) == (True, "The call is restored, with its journal entry")
        assert desk.files() == before
        assert desk.baseline_calls() == 1
        (folder,) = desk.desk.out.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
        wait_until(lambda: desk.journaled() == [folder.name])
        assert desk.desk.session.folders == [folder]
        done, text = desk.ask(UndoDecline())
        assert not done
        assert text.startswith("nothing to undo")

    desk.run(agent)
    assert desk.told.what == ["ended", "results", "forget", "results"]


def test_what_was_declined_is_gone_when_the_session_ends(tmp_path: Path) -> None:
    desk = Desk(tmp_path, NextCall())
    desk.run(lambda: desk.ask(CustomerDeclines()))
    assert (desk.files(), desk.journaled(), desk.desk.session.folders) == ({}, [], [])
    assert desk.desk.session.setup.baseline is None


def test_a_call_that_runs_is_declined_and_restored(tmp_path: Path) -> None:
    desk = Desk(tmp_path, CustomerDeclines())

    def agent() -> None:
        wait_until(lambda: not any(desk.desk.out.iterdir()))
        assert desk.desk.feed.newest.display.answer.startswith("This call is deleted. Undo")
        assert desk.baseline_calls() == 0
        assert desk.ask(UndoDecline()).done
        wait_until(lambda: len(desk.journaled()) == 1)
        (folder,) = desk.desk.out.iterdir()
        assert {"events.jsonl", "summary.json", "scorecard.json"} <= {
            path.name for path in folder.iterdir()
        }
        assert desk.baseline_calls() == 1
        # It is the last call now, so it can be declined again.
        assert desk.ask(CustomerDeclines()).done

    desk.run(agent)
    assert desk.files() == {}
    assert desk.told.what == ["declined", "results", "forget"]


def test_what_cannot_be_restored_is_answered(tmp_path: Path) -> None:
    desk = Desk(tmp_path, NextCall())

    def agent() -> None:
        wait_until(lambda: len(desk.journaled()) == 1)
        (folder,) = desk.desk.out.iterdir()
        assert desk.ask(CustomerDeclines()).done
        folder.touch()  # in its place
        done, text = desk.ask(UndoDecline())
        assert (done, text) == (False, f"{folder}: cannot restore the call: File exists")
        assert desk.desk.session.folders == []

    desk.run(agent)


def test_a_call_that_cannot_be_set_aside_is_deleted_and_that_is_answered(tmp_path: Path) -> None:
    desk = Desk(tmp_path, NextCall())

    def agent() -> None:
        wait_until(lambda: len(desk.journaled()) == 1)
        (folder,) = desk.desk.out.iterdir()
        (folder / "a folder").mkdir()
        done, text = desk.ask(CustomerDeclines())
        assert not done
        assert text == "the declined call is deleted and cannot be restored: Is a directory"
        assert not folder.exists()
        done, text = desk.ask(UndoDecline())
        assert not done
        assert text.endswith("the call is deleted and cannot be restored")

    desk.run(agent)
    assert desk.told.what == ["ended", "results", "forget"]


def test_the_last_call_stays_the_last_when_an_earlier_one_is_restored(tmp_path: Path) -> None:
    desk = Desk(tmp_path, NextCall())

    def agent() -> None:
        wait_until(lambda: len(desk.journaled()) == 1)
        (first,) = desk.desk.session.folders
        assert desk.ask(CustomerDeclines()).done
        assert desk.ask(ToggleListening()).done
        assert desk.ask(NextCall()).done
        assert desk.ask(UndoDecline()).done
        assert desk.ask(CustomerDeclines()).text.startswith("The last call is deleted")
        wait_until(lambda: list(desk.desk.out.iterdir()) == [first])

    desk.run(agent)
    assert desk.desk.session.folders == list(desk.desk.out.iterdir())


def test_after_ten_seconds_nothing_can_be_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended_calls, "UNDO_WITHIN_S", 0.0)
    desk = Desk(tmp_path, NextCall())

    def agent() -> None:
        assert desk.ask(CustomerDeclines()).done
        assert not desk.ask(UndoDecline()).done
        wait_until(lambda: desk.files() == {})

    desk.run(agent)


def test_what_does_not_fit_is_answered_and_nothing_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended_calls, "FORGET_WITHIN_S", 0.0)
    desk = Desk(tmp_path, NextCall())

    def agent() -> None:
        wait_until(lambda: len(desk.journaled()) == 1)
        for wish, text in (
            (CustomerDeclines(), "nothing was deleted: no call has ended in the last"),
            (UndoDecline(), "nothing to undo"),
            (NextCall(), "no call is running; Start begins one"),
            (MarkCue("soften", 7, helpful=True), "no cue was marked: no call is running"),
        ):
            answer = desk.ask(wish)
            assert not answer.done
            assert answer.text.startswith(text)
        assert desk.files()
        desk.desk.feed.unseen = "the overlay was closed"
        assert desk.ask(ToggleListening()) == (False, "the overlay was closed")
        assert desk.desk.feed.view_requested
        assert not desk.desk.ears.open

    desk.run(agent)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.shell.live.test_declined import *
desk = Desk(Path(sys.argv[1]), NextCall())
def agent():
    wait_until(lambda: len(desk.journaled()) == 1)
    assert desk.ask(CustomerDeclines()).done
    wait_until(lambda: desk.journaled() == [])
    os.kill(os.getpid(), signal.SIGKILL)
desk.run(agent)
"""


def test_a_process_that_dies_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not list((tmp_path / "out").iterdir())
    assert b"speech_started" not in all_bytes(tmp_path)

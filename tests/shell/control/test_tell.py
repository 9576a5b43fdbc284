"""`voicecoach tell`: what its words do, how it finds the call, and what it says where it cannot."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from voicecoach.errors import ConfigError
from voicecoach.shell.control import call_file, tell, web_app
from voicecoach.shell.control.actions import apply_command
from voicecoach.shell.control.call_file import (
    CALL_FILE,
    TOKEN_FILE,
    RunningCall,
    find_running_call,
    only_session,
    publish_call,
    withdraw_call,
)
from voicecoach.shell.control.tell import COMMAND_WORDS, send_command
from voicecoach.shell.control.web_app import WebServer
from voicecoach.shell.runtime.feed import (
    Answer,
    CustomerDeclines,
    Feed,
    MarkCue,
    NextCall,
    QuitProgram,
    ToggleListening,
    UndoDecline,
    UserAction,
)
from voicecoach.testing import wait_until
from voicecoach.views.display import CardDisplay, Display

SHOWN = Display(state="listening", card=CardDisplay("soften", 7, "Soften", "", "", None))
TOKEN = "t" * 43


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "voicecoach"


@pytest.mark.parametrize(
    ("word", "wish"),
    [
        ("pause", ToggleListening()),
        ("next", NextCall()),
        ("decline", CustomerDeclines()),
        ("undo", UndoDecline()),
        ("quit", QuitProgram()),
        ("helpful", MarkCue("soften", 7, helpful=True)),
        ("wrong", MarkCue("soften", 7, helpful=False)),
    ],
)
def test_a_word_is_an_action(word: str, wish: UserAction) -> None:
    feed = Feed()
    feed.publish(SHOWN, 0.0)
    with WebServer(feed):
        send_command(word)
    assert feed.drain_actions() == [wish]


def test_words_that_are_none_and_marks_of_nothing_do_nothing() -> None:
    feed = Feed()
    for word in ("helpful", "wrong", "rm -rf", ""):
        apply_command(feed, word)
    assert feed.drain_actions() == []
    apply_command(feed, "click-through")
    assert feed.click_through


def test_the_command_and_what_it_imports(folder: Path) -> None:
    """A key waits for it: it must not import what the engine and the other commands need."""
    code = (
        "import sys; from voicecoach.__main__ import main; main();"
        "heavy = {'numpy', 'scipy', 'msgspec', 'rich', 'typer', 'starlette', 'uvicorn'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    feed = Feed()
    with WebServer(feed):
        command = [sys.executable, "-c", code, "tell", "pause"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert feed.drain_actions() == [ToggleListening()]


def test_help_imports_no_engine() -> None:
    code = (
        "import sys; from voicecoach.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted({'numpy', 'scipy', 'msgspec'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", code, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "tell" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pause"], "error: no live call is running; start one with `voicecoach live`\n"),
        (
            ["dance\x1b[31m"],
            f"error: dance?[31m: unknown command; use one of {', '.join(COMMAND_WORDS)}\n",
        ),
        ([""], f"error: : unknown command; use one of {', '.join(COMMAND_WORDS)}\n"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(words: list[str], said: str) -> None:
    command = [sys.executable, "-m", "voicecoach", "tell", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout) == (2, said, "")


@pytest.mark.parametrize("words", [[], ["--help"], ["pause", "next"]])
def test_help_and_wrong_numbers_of_words_are_the_command_lines(words: list[str]) -> None:
    command = [sys.executable, "-m", "voicecoach", "tell", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == (0 if words == ["--help"] else 2)
    assert "voicecoach tell [OPTIONS]" in done.stdout + done.stderr


def test_only_the_newest_call_is_told_and_neither_removes_the_others_file(folder: Path) -> None:
    one, other = Feed(), Feed()
    with WebServer(one, token_file=True):
        with WebServer(other, token_file=True):
            send_command("next")
            assert (one.drain_actions(), other.drain_actions()) == ([], [NextCall()])
        assert list(folder.iterdir()) == []
    with WebServer(one) as first:
        second = WebServer(other)
        second.__enter__()
        first.__exit__()
        send_command("pause")
        assert other.drain_actions() == [ToggleListening()]
        second.__exit__()
    with pytest.raises(ConfigError, match="no live call is running"):
        send_command("pause")


def test_the_files_are_their_owners_alone_and_go_with_the_call(folder: Path) -> None:
    with WebServer(Feed(), token_file=True) as server:
        assert folder.stat().st_mode & 0o777 == 0o700
        files = sorted(folder.iterdir())
        assert [file.name for file in files] == [CALL_FILE, TOKEN_FILE]
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        call = find_running_call()
        assert call is not None
        assert call.pid == os.getpid()
        assert server.url_with_token == f"http://127.0.0.1:{call.port}/{call.token}/"
        assert (folder / TOKEN_FILE).read_text() == f"{call.token}\n"
    assert list(folder.iterdir()) == []


def test_the_file_of_a_killed_process_counts_for_nothing(folder: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with socket.create_server(("127.0.0.1", 0)) as other:  # who has its port now
        publish_call(RunningCall(gone.pid, other.getsockname()[1], TOKEN), token_file=False)
        with pytest.raises(ConfigError, match="no live call is running"):
            send_command("pause")
        other.settimeout(0.1)
        with pytest.raises(TimeoutError):
            other.accept()
    with WebServer(Feed()):
        send_command("pause")


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "\xff", "[" * 900, '{"pid": 1}',
        json.dumps({"pid": "1", "port": 80, "token": TOKEN}),
        json.dumps({"pid": -1, "port": 80, "token": TOKEN}),
        json.dumps({"pid": 10**30, "port": 80, "token": TOKEN}),
        json.dumps({"pid": os.getpid(), "port": 0, "token": TOKEN}),
        json.dumps({"pid": os.getpid(), "port": True, "token": TOKEN}),
        json.dumps({"pid": os.getpid(), "port": 80, "token": "x\r\nHost: evil"}),
        json.dumps({"pid": os.getpid(), "port": 80, "token": None}),
        json.dumps({"pid": os.getpid(), "port": 80, "token": TOKEN, "more": 1}),
    ],
    ids=range(15),  # a process number in a name is another one in each of pytest's workers
)  # fmt: skip
def test_a_file_that_says_nothing_of_a_call_is_none(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / CALL_FILE).write_text(text, "utf-8")
    assert find_running_call() is None
    withdraw_call(RunningCall(1, 80, TOKEN))
    assert (folder / CALL_FILE).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_somebody_elses_folder_and_file_are_not_trusted(folder: Path) -> None:
    call = RunningCall(os.getpid(), 80, TOKEN)
    publish_call(call, token_file=False)
    assert find_running_call() == call
    os.chown(folder / CALL_FILE, 65534, 65534)
    assert find_running_call() is None
    os.chown(folder, 65534, 65534)
    with WebServer(Feed()) as server:
        assert "other users can access it" in server.why_unreachable
        assert server.folder is None


def test_a_folder_that_others_may_write_to_is_not_used(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with WebServer(Feed()) as server:
        assert "cannot reach this call" in server.why_unreachable
    assert list(folder.iterdir()) == []


@contextmanager
def answering(reply: bytes) -> Iterator[None]:
    """Be a call that answers a request like this, and then hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        call = RunningCall(os.getpid(), listener.getsockname()[1], TOKEN)
        publish_call(call, token_file=False)
        ended = threading.Event()

        def answer() -> None:
            with listener.accept()[0] as client:
                client.recv(4096)
                client.sendall(reply)
                if not reply:
                    ended.wait(10)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"", "does not respond"),
        (b"\xff\xfe\r\n\r\n", "no live call is running"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "no live call is running"),
        (b"HTTP/1.1 429 Too Many\r\n\r\n", "pause: too many commands at once; try again"),
        (b"HTTP/1.1 500 No\r\n\r\n", r"pause: the running call failed to do it \(HTTP 500\)"),
    ],
)
def test_an_answer_that_is_none_is_said(
    reply: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tell, "REPLY_TIMEOUT_S", 0.3)
    with answering(reply), pytest.raises(ConfigError, match=said):
        send_command("pause")


def test_what_fails_in_the_call_is_said_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(feed: Feed, word: str) -> None:
        raise ZeroDivisionError("nineteen crates")

    feed = Feed()
    with WebServer(feed):
        with monkeypatch.context() as patch:
            patch.setattr(web_app, "apply_command", fails)
            with pytest.raises(ConfigError, match="failed to do it"):
                send_command("pause")
        send_command("next")
    assert feed.drain_actions() == [NextCall()]
    ((stage, reason, lasts),) = feed.drain_troubles()
    assert (stage, lasts) == ("tell", False)
    assert "ZeroDivisionError at test_tell.py" in reason
    assert "crates" not in reason


def test_no_place_for_the_file_costs_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise PermissionError("runtime directory is owned by somebody else")

    monkeypatch.setattr(call_file, "control_folder", nowhere)
    with WebServer(Feed()) as server:
        assert "cannot reach this call: runtime directory" in server.why_unreachable
    with pytest.raises(ConfigError, match="no live call is running"):
        send_command("pause")


HOLDING = """
import sys
from voicecoach.shell.control.call_file import only_session
with only_session():
    print(flush=True)
    sys.stdin.read()
"""


def test_a_user_has_one_session_and_a_killed_one_is_no_session(folder: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDING], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(ConfigError, match=r"already running: use that one, or end it"):
            only_session().__enter__()
        with WebServer(Feed()) as first:
            where = rf"already running \(process {os.getpid()}, {first.url}\): use that one"
            with pytest.raises(ConfigError, match=where):
                only_session().__enter__()
        command = [sys.executable, "-m", "voicecoach", "live"]
        second = subprocess.run(command, capture_output=True, text=True)
        assert (second.returncode, second.stdout) == (2, "")
        assert second.stderr.startswith("error: a live session is already running: ")
        holder.kill()
    for _ in range(2):
        with only_session():
            pass


def test_where_no_lock_can_be_had_the_session_begins(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with only_session(), only_session():
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("done", [True, False])
def test_what_was_or_was_not_done_is_printed(done: bool) -> None:
    feed = Feed()
    feed.has_session = True

    def answer() -> None:
        wait_until(lambda: feed.has_actions)
        (request,) = feed.drain_requests()
        assert request.action == CustomerDeclines()
        request.answer.set_result(Answer(done, "The last call is deleted"))

    threading.Thread(target=answer).start()
    with WebServer(feed):
        command = [sys.executable, "-m", "voicecoach", "tell", "decline"]
        told = subprocess.run(command, capture_output=True, text=True)
    said = told.returncode, told.stdout, told.stderr
    assert said == (
        (0, "The last call is deleted\n", "")
        if done
        else (2, "", "error: decline: The last call is deleted\n")
    )


def test_an_answer_that_comes_late_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_app, "ANSWER_TIMEOUT_S", 0.1)
    feed = Feed()
    feed.has_session = True
    with WebServer(feed):
        assert send_command("next") == ""
        (request,) = feed.drain_requests()
        request.answer.set_result(Answer(True, "late"))
        assert send_command("helpful") == "no cue is on the screen, so none was marked"

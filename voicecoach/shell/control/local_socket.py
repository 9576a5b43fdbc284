"""Telling a running live call what to do, from another program: `voicecoach tell pause`.

The overlay takes no focus, so it can have no keys.  A desktop can give any key to a command, and
this is the command.  It is a local socket (a named pipe on Windows) that is its owner's alone and
asks for a key from a file that only they can read; what it carries is one word of a few.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from pathlib import Path

import platformdirs

from voicecoach.errors import ConfigError
from voicecoach.shell.runtime.feed import (
    CustomerDeclines,
    Feed,
    MarkCue,
    NextCall,
    QuitProgram,
    ToggleListening,
)

COMMAND_WORDS = ("pause", "next", "decline", "helpful", "wrong", "click-through", "quit")
MAX_COMMAND_BYTES = 32
HANDSHAKE_TIMEOUT_S = 1.0
"""In which somebody who connects has to say who they are and what they want."""
CONTROL_REPLY_TIMEOUT_S = 5.0
"""In which a live call answers."""
MAX_CONTROL_CLIENTS = 8
"""Who is listened to at once; others wait, no longer than these take."""


def apply_command(feed: Feed, word: str) -> None:
    """Do what one of `WORDS` says; others say nothing."""
    match word:
        case "pause":
            feed.post_action(ToggleListening())
        case "next":
            feed.post_action(NextCall())
        case "decline":
            feed.post_action(CustomerDeclines())
        case "quit":
            feed.post_action(QuitProgram())
        case "click-through":
            feed.click_through = not feed.click_through
        case "helpful" | "wrong":
            card = feed.newest.display.card
            if card:
                feed.post_action(MarkCue(card.id, card.start, word == "helpful"))


def control_folder() -> Path:
    """Return where the socket and its key are.

    Raises
    ------
    OSError
        Where there is no place that is this user's alone.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not the usual one is nothing to a person
        return platformdirs.user_runtime_path("voicecoach", appauthor=False)


def send_command(word: str) -> None:
    """Tell the live call that runs here.

    Raises
    ------
    ConfigError
        Where none does, or it does not answer, or it knows no such word.
    """
    if word not in COMMAND_WORDS:
        raise ConfigError(f"{word}: say one of {', '.join(COMMAND_WORDS)}")
    failed: list[Exception] = []
    # Even to connect takes for ever where it hangs.
    thread = threading.Thread(
        target=_connect_and_send, args=(word, failed), name="tell", daemon=True
    )
    thread.start()
    thread.join(CONTROL_REPLY_TIMEOUT_S)
    if thread.is_alive():
        raise ConfigError("the live call that runs here does not answer")
    if failed:
        raise ConfigError("no live call runs here; start one with `voicecoach live`") from failed[0]


def _connect_and_send(word: str, failed: list[Exception]) -> None:
    try:
        key = (control_folder() / "key").read_bytes()
        with Client(_address(), authkey=key) as connection:
            connection.send_bytes(word.encode())
            connection.recv_bytes(MAX_COMMAND_BYTES)
    except (OSError, EOFError, AuthenticationError) as e:
        failed.append(e)


class ControlServer:
    """Listens for `tell` while the context lasts; where it cannot, the call goes on without."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._listener: Listener | None = None
        self._ended = False
        self._key = b""
        self._client_slots = threading.BoundedSemaphore(MAX_CONTROL_CLIENTS)
        self.why_unreachable = ""
        """Why nothing is heard here, or ""."""

    def __enter__(self) -> ControlServer:
        self._key = secrets.token_bytes(32)
        try:
            place = control_folder()
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sys.platform != "win32":
                with contextlib.suppress(FileNotFoundError):
                    (place / "control").unlink()
            file = place / "key"
            file.unlink(missing_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(self._key)
            self._listener = Listener(_address(), backlog=MAX_CONTROL_CLIENTS)
            threading.Thread(target=self._accept_loop, name="control", daemon=True).start()
        except OSError as e:
            self.why_unreachable = f"`voicecoach tell` does not reach this call: {e.strerror or e}"
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.close()
            (control_folder() / "key").unlink(missing_ok=True)

    def _accept_loop(self) -> None:
        assert self._listener
        while not self._ended:
            self._client_slots.acquire()
            try:
                # Without its own handshake, for which who says nothing would hold up everybody.
                connection = self._listener.accept()
                threading.Thread(
                    target=self._serve_client, args=(connection,), name="told", daemon=True
                ).start()
            except (OSError, EOFError, RuntimeError):
                self._client_slots.release()
                time.sleep(0.1)  # the end, or there is no room for another

    def _serve_client(self, connection: Connection) -> None:
        """Do what somebody says, if they have the key and are quick; else it is their business."""
        try:
            with (
                connection,
                _time_limit(connection, HANDSHAKE_TIMEOUT_S),
                contextlib.suppress(Exception),
            ):
                deliver_challenge(connection, self._key)
                answer_challenge(connection, self._key)
                apply_command(self._feed, connection.recv_bytes(MAX_COMMAND_BYTES).decode())
                connection.send_bytes(b"done")
        finally:
            self._client_slots.release()


@contextmanager
def _time_limit(connection: Connection, seconds: float) -> Iterator[None]:
    """Cut a connection off where it takes longer."""
    with contextlib.ExitStack() as stack:
        if sys.platform == "win32":
            cut = connection.close
        else:
            # To close it would leave who reads it waiting, and its number may be another's by then.
            twin = stack.enter_context(socket.socket(fileno=os.dup(connection.fileno())))

            def cut() -> None:
                with contextlib.suppress(OSError):
                    twin.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        stack.callback(timer.join)
        stack.callback(timer.cancel)
        yield


def _address() -> str:
    if sys.platform == "win32":
        return rf"\\.\pipe\voicecoach-{os.getlogin()}"
    return str(control_folder() / "control")

"""Telling a running live call what to do, from another program: `voicecoach tell pause`.

The overlay takes no focus, so it can have no keys.  A desktop can give any key to a command, and
this is the command.  It is a local socket (a named pipe on Windows) that is its owner's alone and
asks for a key from a file that only they can read; what it carries is one word of a few.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import threading
import warnings
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from pathlib import Path

import platformdirs

from voicecoach.errors import ConfigError
from voicecoach.shell.feed import Decline, Feed, Mark, NextCall, Quit, Toggle

WORDS = ("pause", "next", "decline", "helpful", "wrong", "click-through", "quit")
LONGEST = 32


def act(feed: Feed, word: str) -> None:
    """Do what one of `WORDS` says; others say nothing."""
    match word:
        case "pause":
            feed.wish(Toggle())
        case "next":
            feed.wish(NextCall())
        case "decline":
            feed.wish(Decline())
        case "quit":
            feed.wish(Quit())
        case "click-through":
            feed.click_through = not feed.click_through
        case "helpful" | "wrong":
            card = feed.newest.display.card
            if card:
                feed.wish(Mark(card.id, card.start, word == "helpful"))


def folder() -> Path:
    """Return where the socket and its key are.

    Raises
    ------
    OSError
        Where there is no place that is this user's alone.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not the usual one is nothing to a person
        return platformdirs.user_runtime_path("voicecoach", appauthor=False)


def tell(word: str) -> None:
    """Tell the live call that runs here.

    Raises
    ------
    ConfigError
        Where none does, or it knows no such word.
    """
    if word not in WORDS:
        raise ConfigError(f"{word}: say one of {', '.join(WORDS)}")
    try:
        key = (folder() / "key").read_bytes()
        with Client(_address(), authkey=key) as connection:
            connection.send_bytes(word.encode())
            connection.recv_bytes(LONGEST)
    except (OSError, EOFError, AuthenticationError) as e:
        raise ConfigError("no live call runs here; start one with `voicecoach live`") from e


class Control:
    """Listens for `tell` while the context lasts; where it cannot, the call goes on without."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._listener: Listener | None = None
        self._ended = False
        self.trouble = ""
        """Why nothing is heard here, or ""."""

    def __enter__(self) -> Control:
        key = secrets.token_bytes(32)
        try:
            place = folder()
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sys.platform != "win32":
                with contextlib.suppress(FileNotFoundError):
                    (place / "control").unlink()
            file = place / "key"
            file.unlink(missing_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(key)
            self._listener = Listener(_address(), authkey=key)
            threading.Thread(target=self._serve, name="control", daemon=True).start()
        except OSError as e:
            self.trouble = f"`voicecoach tell` does not reach this call: {e.strerror or e}"
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.close()
            (folder() / "key").unlink(missing_ok=True)

    def _serve(self) -> None:
        assert self._listener
        while not self._ended:
            try:
                with self._listener.accept() as connection:
                    act(self._feed, connection.recv_bytes(LONGEST).decode())
                    connection.send_bytes(b"done")
            except (OSError, EOFError, AuthenticationError, UnicodeDecodeError):
                continue  # somebody else's business, or the end


def _address() -> str:
    if sys.platform == "win32":
        return rf"\\.\pipe\voicecoach-{os.getlogin()}"
    return str(folder() / "control")

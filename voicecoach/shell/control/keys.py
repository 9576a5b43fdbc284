"""Reads single keys in the terminal from which a live call was started."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

from voicecoach.shell.control.actions import apply_command
from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.runtime.stderr import print_to_stderr

KEY_COMMANDS = {
    "p": "pause",
    " ": "pause",
    "n": "next",
    "d": "decline",
    "u": "undo",
    "h": "helpful",
    "w": "wrong",
    "c": "click-through",
    "q": "quit",
}
KEYS_HELP = (
    "p pause/resume, n next call, d customer declines, u undo that, h helpful, w wrong, "
    "c click-through, q quit"
)
KEY_POLL_S = 0.2


@contextlib.contextmanager
def key_listener(feed: Feed) -> Iterator[bool]:
    """Turn keys into actions while the context lasts; yield False if there is no terminal."""
    if not sys.stdin or not sys.stdin.isatty():
        yield False
        return
    ended = threading.Event()
    read = _windows if sys.platform == "win32" else _posix
    thread = threading.Thread(target=read, args=(feed, ended), name="keys", daemon=True)
    with _raw():
        thread.start()
        try:
            yield True
        finally:
            ended.set()
            thread.join()


def press_key(feed: Feed, key: str) -> None:
    """Post the action of a key, if it has one, and print its answer when it comes."""
    answer = apply_command(feed, KEY_COMMANDS.get(key, ""))
    answer.add_done_callback(lambda done: _print_answer(done.result().text))


def _print_answer(text: str) -> None:
    if text:
        print_to_stderr(text)


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Read keys as they are pressed, without echo; Ctrl-C keeps its meaning."""
    if sys.platform == "win32":
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _posix(feed: Feed, ended: threading.Event) -> None:
    import select

    while not ended.is_set():
        if select.select([sys.stdin], [], [], KEY_POLL_S)[0]:
            # Bypasses Python's buffer, in which a second key would wait unseen.
            typed = os.read(sys.stdin.fileno(), 64)
            if not typed:
                return
            for key in typed.decode("ascii", "ignore"):
                press_key(feed, key)


def _windows(feed: Feed, ended: threading.Event) -> None:
    if sys.platform == "win32":
        import msvcrt

        while not ended.wait(KEY_POLL_S):
            while msvcrt.kbhit():
                press_key(feed, msvcrt.getwch())

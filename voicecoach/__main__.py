"""The entry point: what every command needs, and the way to the commands."""

from __future__ import annotations

import os

# Before numpy is imported: the arrays here are small, and the numeric libraries' worker threads
# would spin between them and take the cores that the decoder needs.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import io
import signal
import sys
from pathlib import Path
from types import FrameType

from voicecoach.errors import EXIT_UNUSABLE, VoiceCoachError


def main() -> None:
    """Run the command line; a mendable error is one line and exit code 2."""
    # What it writes quotes calls: nobody else on this machine may read it.
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _end)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _end)
    # Whatever the locale, and the bytes in a file's name: nothing ends over a letter.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        match sys.argv[1:]:
            case ["tell", word] if not word.startswith("-"):
                # A key waits for it, and the other commands take three times as long to import.
                from voicecoach.shell.control.tell import send_command

                if answer := send_command(word):
                    sys.stdout.write(f"{answer}\n")
            case _:
                from voicecoach.commands.app import app
                from voicecoach.shell.runtime.core_dumps import forbid_core_dumps

                forbid_core_dumps()
                app()
    except VoiceCoachError as e:
        from voicecoach.shell.runtime.stderr import print_error

        print_error(str(e))
        sys.exit(EXIT_UNUSABLE)


def _end(number: int, _: FrameType | None) -> None:
    """End on request as after Ctrl-C: the call is written."""
    if number != signal.SIGTERM:  # the terminal is closed, and printing to it would fail
        sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    sys.exit(128 + number)


if __name__ == "__main__":
    main()

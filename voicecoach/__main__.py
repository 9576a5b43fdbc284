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

from voicecoach.errors import EXIT_UNUSABLE, VoiceCoachError


def main() -> None:
    """Run the command line; a mendable error is one line and exit code 2."""
    # Asked to end, it cleans up as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    # Whatever the locale, and the bytes in a file's name: nothing ends over a letter.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        match sys.argv[1:]:
            case ["tell", word] if not word.startswith("-"):
                # A key waits for it, and the other commands take three times as long to import.
                from voicecoach.shell.control.tell import send_command

                send_command(word)
            case _:
                from voicecoach.commands.app import app

                app()
    except VoiceCoachError as e:
        from voicecoach.shell.views.stderr import print_error

        print_error(str(e))
        sys.exit(EXIT_UNUSABLE)


if __name__ == "__main__":
    main()

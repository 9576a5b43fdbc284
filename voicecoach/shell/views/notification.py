"""Shows a notification on the desktop, where the system has a command for it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading


def notify_desktop(text: str) -> None:
    """Show a text in a notification; do not wait, and do nothing where there is no command.

    Other programs may keep it: it must hold nothing of a call.
    """
    command = ["notify-send", "--urgency=critical", "--app-name=voicecoach", "--", text]
    if sys.platform == "darwin":
        # A JSON string is a string of AppleScript, too.
        command = [
            "osascript",
            "-e",
            f'display notification {json.dumps(text)} with title "voicecoach"',
        ]
    if shutil.which(command[0]):
        threading.Thread(target=_run, args=(command,), name="notification", daemon=True).start()


def _run(command: list[str]) -> None:
    nowhere = subprocess.DEVNULL
    with contextlib.suppress(OSError):
        subprocess.run(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, check=False)

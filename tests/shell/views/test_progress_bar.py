"""A bar in a terminal, and nothing anywhere else."""

import os
import subprocess
import sys

import pytest

from scripts.support.environment import ROOT

SHOW = """
from voicecoach.shell.views.progress_bar import shown_progress
with shown_progress("model [1]") as progress:
    progress("fetching", None)
    progress("converting", 0.5)
with shown_progress("other"):
    pass
print("done")
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_the_bar_is_shown_in_a_terminal_only() -> None:
    command = [sys.executable, "-c", SHOW]
    ours, theirs = os.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, env=env, check=True)
    os.close(theirs)
    text = os.read(ours, 100_000).decode()
    os.close(ours)
    assert shown.stdout == b"done\n"
    assert "model [1]: converting" in text
    assert "other" not in text
    piped = subprocess.run(command, capture_output=True, env=env, check=True)
    assert (piped.stdout, piped.stderr) == (b"done\n", b"")

"""Draw what other rules change in the sample call, for the README: docs/laboratory.png.

    python -m scripts.pictures.laboratory [--results FOLDER]

With --results the log of an earlier replay of the sample call is taken; else it is replayed, with
words, first.  The other rules ask for less before they say "slow down".
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.pictures.report import picture
from scripts.support.chromium import chromium
from voicecoach.coaching.cues import BUILT_IN_CUES
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource

TARGET = Path(__file__).resolve().parents[2] / "docs" / "laboratory.png"
WIDTH, HEIGHT = 1000, 1150
OTHER = {'when = [{ signal = "agent_rate_ratio", op = ">=", value = 1.25 }]': "1.1"}
"""Rules of `cues.toml`, each with its new threshold."""


def other_rules() -> str:
    """Return the built-in rules with other thresholds."""
    text = BUILT_IN_CUES.data.decode()
    for rule, value in OTHER.items():
        assert rule in text, f"cues.toml has no longer: {rule}"
        text = text.replace(rule, rule.rsplit("= ", 1)[0] + f"= {value} }}]")
    return text


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        rules, page = scratch / "faster.toml", scratch / "diff.html"
        rules.write_text(other_rules(), "utf-8")
        call = args.results or resource("samples", SAMPLE_CALL)
        command = [sys.executable, "-m", "voicecoach", "diff", call, "--cues", rules, "--out", page]
        subprocess.run(command, check=True)
        with chromium(scratch / "profile") as driver:
            TARGET.write_bytes(picture(driver, page, WIDTH, HEIGHT, dark=False))


if __name__ == "__main__":
    main()

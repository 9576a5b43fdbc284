"""Draw the overlay as it looks in a call, for the README: docs/overlay.png.

python -m scripts.pictures.overlay [--into FOLDER]

With --into, each state (calm, cue, paused and so on) becomes a picture in a folder, for a look at
it; one has text twice as large.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from PySide6.QtWidgets import QApplication, QWidget

from scripts.support.desktop import desktop
from voicecoach.estimates.calmness import CALMNESS_AT_BASELINE
from voicecoach.estimates.tone import ALERT_LEVEL
from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.views import overlay
from voicecoach.types.doubt import DOUBT_EXPLANATION
from voicecoach.types.stream import Speaker
from voicecoach.views.display import CardDisplay, ChannelMeter, Display, NewestLine, ValueBar

TARGET = Path(__file__).resolve().parents[2] / "docs" / "overlay.png"
PAGE = "#d9dde3"
"""Background colour, about the grey of a softphone."""
GAP = 24
SETTLED_S = 1.5
"""Seconds until everything has been drawn."""

SILENT = "Nothing heard from the customer for 120 s: is the call muted?"

CALM = Display(
    state="listening",
    channels=(
        ChannelMeter(Speaker.AGENT, True, 13, "ok", ""),
        ChannelMeter(Speaker.CUSTOMER, False, 2, "ok", ""),
    ),
    agitation=ValueBar("Customer agitation", 0.22, ALERT_LEVEL, "0.22, 80% sure", ""),
    delivery=ValueBar(
        "Your calmness", 0.71, CALMNESS_AT_BASELINE, "0.71", "as usual; 4.5 syl/s (usual 4.6)"
    ),
    line=NewestLine(
        Speaker.AGENT, "I have your account here. The router was replaced on", "Monday"
    ),
)
CUE = msgspec.structs.replace(
    CALM,
    channels=(
        ChannelMeter(Speaker.AGENT, True, 17, "ok", ""),
        ChannelMeter(Speaker.CUSTOMER, True, 15, "ok", ""),
    ),
    overlap=True,
    card=CardDisplay(
        "let-finish",
        0,
        "Let them finish",
        "You started while they were speaking, and you have both talked for 2.1 s. "
        "Stop and listen.",
        "Sorry, please go on.",
        None,
    ),
    agitation=ValueBar(
        "Customer agitation", 0.74, ALERT_LEVEL, "0.74, 80% sure", "louder than they were at first"
    ),
    delivery=ValueBar(
        "Your calmness",
        0.43,
        CALMNESS_AT_BASELINE,
        "0.43",
        "below usual: faster, interrupting more; 6.1 syl/s (usual 4.6)",
    ),
    line=NewestLine(
        Speaker.CUSTOMER, "This is the third time that I am telling you, and nobody", "has"
    ),
)
PICTURES = {
    "calm": CALM,
    "cue": CUE,
    "marked": msgspec.structs.replace(
        CUE,
        card=CardDisplay(
            "slow-down",
            0,
            "Slow down",
            "6.1 syllables a second in the last few seconds, your usual is 4.6. One breath.",
            "",
            True,
        ),
        line=NewestLine(
            Speaker.CUSTOMER, "and my (ship?) is late for the", "(third?)", DOUBT_EXPLANATION
        ),
    ),
    "long": msgspec.structs.replace(
        CUE,
        card=CardDisplay(
            "hand-over",
            0,
            "Hand over",
            "Time to bring in a colleague. Offer it, and say what happens next.",
            "Let me bring in my supervisor, and I'll explain everything so that you don't have to "
            "repeat it.",
            False,
        ),
    ),
    "paused": msgspec.structs.replace(
        CALM,
        state="paused",
        channels=(
            ChannelMeter(Speaker.AGENT, False, 0, "ok", ""),
            ChannelMeter(Speaker.CUSTOMER, False, 0, "nothing heard", SILENT),
        ),
        notice="transcription: behind, no words for now",
    ),
    "ready": Display(),
}


def enlarge(scale: float) -> None:
    """Enlarge all text of this process by a factor, as a desktop setting would."""
    overlay.why_unavailable()
    font = QApplication.font()
    font.setPointSizeF(font.pointSizeF() * scale)
    QApplication.setFont(font)


def shoot(display: Display, path: Path, *, through: bool = False, scale: float = 1.0) -> None:
    """Show a display on this process's desktop, and save a screenshot."""
    enlarge(scale)
    page = QWidget()
    page.setStyleSheet(f"background: {PAGE}")
    page.setGeometry(page.screen().geometry())
    page.show()
    feed = Feed()
    feed.click_through = through
    feed.publish(display, 0.0)
    until = time.monotonic() + SETTLED_S

    def running() -> bool:
        if time.monotonic() < until:
            return True
        subprocess.run(["import", "-window", "root", str(path)], check=True)
        return False

    overlay.run_overlay(feed, running)


def main() -> None:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, help="folder for a picture of each state")
    parser.add_argument("--shoot", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--through", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--text", type=float, default=1.0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.shoot:
        shoot(
            PICTURES[given.shoot[0]], Path(given.shoot[1]), through=given.through, scale=given.text
        )
        return
    # The README's picture has twice the pixels, for high-resolution screens.
    fine = {} if given.into else {"QT_SCALE_FACTOR": "2"}
    with tempfile.TemporaryDirectory() as scratch:
        into = given.into or Path(scratch)
        into.mkdir(parents=True, exist_ok=True)
        with desktop((1280, 1000), manager=False, compositor=True) as screen:

            def take(name: str, file: Path, *options: str, **env: str) -> None:
                command = [sys.executable, "-m", "scripts.pictures.overlay", "--shoot"]
                command += [name, str(file), *options]
                subprocess.run(command, env=screen.env | env, check=True)
                frame = ["-trim", "+repage", "-bordercolor", PAGE, "-border", str(GAP)]
                subprocess.run(["convert", str(file), *frame, str(file)], check=True)

            for name in PICTURES if given.into else ("calm", "cue"):
                take(name, into / f"{name}.png", **fine)
            if given.into:
                take("cue", into / "through.png", "--through")
                take("long", into / "double.png", "--text", "2")
                take("cue", into / "scaled.png", QT_SCALE_FACTOR="1.5")
        if not given.into:
            both = [str(into / f"{name}.png") for name in ("calm", "cue")]
            subprocess.run(["convert", *both, "+append", "-strip", str(TARGET)], check=True)


if __name__ == "__main__":
    main()

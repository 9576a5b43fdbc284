"""Draw the terminal view of the demo at the moment of a cue, for the README: docs/terminal.svg.

python scripts/pictures/terminal.py [--cue 1]
"""

from __future__ import annotations

import argparse
import io
import re
from pathlib import Path

from rich.console import Console

from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.shell.asr.answering import ReplayAsr
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.asr.whisper import Whisper
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.shell.views.console import TerminalView
from voicecoach.types.events import CueOpened
from voicecoach.types.stream import SAMPLE_RATE

TARGET = Path(__file__).resolve().parents[2] / "docs" / "terminal.svg"
WIDTH = 100
AFTER_S = 0.5
"""Seconds after the cue opens."""


def main() -> None:
    """Replay the sample call up to the cue, and save the terminal view as SVG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cue", type=int, default=1, help="which one, from 1")
    left = parser.parse_args().cue
    config = Config()
    call = RecordedCall.from_stereo(resource("samples", SAMPLE_CALL))
    engine = build_engine(config, built_in_cues(), shipped_models())
    asr = ReplayAsr(
        [Whisper(config.transcription.model, "en")], config.transcription, engine.language.numbers
    )
    view = TerminalView(Console(file=io.StringIO(), width=WIDTH), call.name, call.duration_s)
    until = None
    for event in run_engine(call.blocks(), engine, asr):
        view.on_event(event)
        view.on_progress(event.at)
        if isinstance(event, CueOpened):
            left -= 1
            until = event.at + AFTER_S * SAMPLE_RATE if left == 0 else until
        if until and event.at >= until:
            break
    asr.close()
    console = Console(record=True, file=io.StringIO(), width=WIDTH, force_terminal=True)
    console.print(view.render())
    svg = console.export_svg(title="voicecoach demo")
    # Without web fonts: the reader's own monospace font is used.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S)
    TARGET.write_text(svg.replace("Fira Code", "ui-monospace"), "utf-8")


if __name__ == "__main__":
    main()

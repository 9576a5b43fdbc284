"""The programs of `docs/examples` do what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

import voicecoach as vc
from scripts.support.environment import ROOT
from voicecoach.testing import silence, vowel, white_noise

EXAMPLES = ROOT / "docs" / "examples"


def run(*arguments: object) -> str:
    """Return what a program prints."""
    command = [sys.executable, "-W", "error", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def sample_events() -> list[vc.Event]:
    return list(vc.replay(vc.sample_call(), transcribe=False))


def test_all_of_them_are_run_here_and_named_in_the_documentation() -> None:
    here = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert here == {
        "pitch.py",
        "cues.py",
        "own_cue.py",
        "own_cue.toml",
        "desk_light.py",
        "batch.ipynb",
    }
    page = (ROOT / "docs" / "engineers.md").read_text("utf-8")
    assert not [name for name in here if f"(examples/{name})" not in page]


def test_pitch_is_plotted(tmp_path: Path) -> None:
    sound = np.concatenate([vowel(120, 1), silence(0.5), vowel(240, 1), white_noise(0.5, 0.01)])
    soundfile.write(tmp_path / "call.wav", sound, 16_000)
    picture = tmp_path / "pitch.svg"
    said = run(EXAMPLES / "pitch.py", tmp_path / "call.wav", picture)
    assert said.startswith("3.0 s, ")
    path = ET.parse(picture).getroot()[1].attrib["d"]
    points = [tuple(map(float, point[1:].split(","))) for point in path.split()]
    assert path.count("M") == 2, "a gap is left between the two voices"
    for hz, first, last in ((120, 0.1, 0.9), (240, 1.6, 2.4)):
        y = [y for x, y in points if first < x / 400 < last]
        assert len(y) > 40
        assert y == pytest.approx([300 - 300 * np.log(hz / 60) / np.log(500 / 60)] * len(y), abs=2)


def test_cues_are_printed() -> None:
    opened = [e for e in sample_events() if isinstance(e, vc.CueOpened)]
    lines = run(EXAMPLES / "cues.py", "--no-words").splitlines()
    assert len(lines) == len(opened) > 0
    for line, event in zip(lines, opened, strict=True):
        assert line.lstrip().startswith(f"{vc.to_seconds(event.at):.1f} s  {event.title}: ")


def test_a_cue_of_ones_own_is_shown() -> None:
    lines = run(EXAMPLES / "own_cue.py").splitlines()
    shown = [line for line in lines if "You have spoken for" in line]
    assert len(shown) >= 2
    assert sum("closed after" in line for line in lines) == len(shown)


def test_a_desk_light_follows_the_cues() -> None:
    computer, light = os.openpty()
    try:
        run(EXAMPLES / "desk_light.py", os.ttyname(light))
        colours = [line.split()[0] for line in os.read(computer, 10_000).decode().splitlines()]
    finally:
        os.close(computer)
        os.close(light)
    shown = sum(isinstance(event, vc.CueOpened) for event in sample_events())
    assert colours == ["green", *["red", "green"] * shown, "green"]
    assert shown


def test_a_notebook_does_a_batch() -> None:
    notebook = json.loads((EXAMPLES / "batch.ipynb").read_text("utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    assert all(not c.get("outputs") for c in notebook["cells"])
    program = "import json, sys\nfor cell in json.loads(sys.argv[1]): exec(cell, globals())"
    head, row = run("-c", program, json.dumps(cells)).splitlines()
    assert head.split() == ["call", "talk", "share", "median", "agitation", "cues"]
    name, share, agitation, cues = row.split()
    assert name == "auto_repairs_40"
    assert 0.2 < float(share) < 0.8
    assert 0.0 < float(agitation) < 0.5
    assert float(cues) >= 1

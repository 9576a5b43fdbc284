"""What a call may leave behind: the bytes of files, and sound in them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from voicecoach.types.stream import I16, SAMPLE_RATE

SOUND_FILE = re.compile(rb"fLaC|RIFF....WAVE|OggS|ID3|\xff\xfb[\x90-\xe0]", re.DOTALL)
"""What sound files begin with."""


def all_bytes(*folders: Path) -> bytes:
    """Return all that is in any file of these folders, names too.

    Not the cookie of the sound server: 256 random bytes of its own, in which one may find anything.
    """
    found = b""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            found += str(path).encode()
            if path.is_file() and path.parts[-2:] != ("pulse", "cookie"):
                found += path.read_bytes()
    return found


def samples_found(data: bytes, samples: I16) -> bool:
    """Return whether any of these samples are in it, as numbers in a row, however wide."""
    for row in samples:
        loud = np.flatnonzero(np.abs(row.astype(int)) > 1000)[::SAMPLE_RATE]
        for at in loud:
            piece = row[at : at + 16]
            as_float = (piece / 32768).astype("<f4")
            for form in (piece.astype("<i2"), as_float, as_float.astype("<f8")):
                if form.tobytes() in data:
                    return True
    return False

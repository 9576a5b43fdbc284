"""Plot the pitch of a recording.

python pitch.py CALL.wav PITCH.svg
"""

import sys
from pathlib import Path

import numpy as np
import soundfile

import voicecoach as vc

WIDTH, HEIGHT = 1200, 300
LOW_HZ, HIGH_HZ = 60.0, 500.0


def path_of(track: vc.ProsodyTrack, length_s: float) -> str:
    """Return the pitch as the path of an SVG, with a gap where there is no voice."""
    x = track.times / length_s * WIDTH
    y = HEIGHT * (1 - np.log(track.f0_hz / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ))
    voiced = np.isfinite(track.f0_hz)
    begins = voiced & ~np.concatenate([[False], voiced[:-1]])
    return " ".join(
        f"{'M' if begins[i] else 'L'}{x[i]:.1f},{y[i]:.1f}" for i in np.flatnonzero(voiced)
    )


def main(recording: str, picture: str) -> None:
    """Write the picture and print what it shows."""
    samples, rate = soundfile.read(recording, dtype="float32", always_2d=True)
    track = vc.prosody(samples[:, 0], sr=rate)
    path = path_of(track, len(samples) / rate)
    Path(picture).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect width="100%" height="100%" fill="white"/>'
        f'<path d="{path}" fill="none" stroke="#0a6" stroke-width="2"/></svg>',
        "utf-8",
    )
    voiced = np.isfinite(track.f0_hz)
    print(f"{len(samples) / rate:.1f} s, {voiced.mean():.0%} voiced, ", end="")
    print(f"median {np.nanmedian(track.f0_hz):.0f} Hz" if voiced.any() else "no voice")


if __name__ == "__main__":
    main(*sys.argv[1:])

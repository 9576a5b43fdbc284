"""Replay a call with a cue of your own, and see when it would have been shown.

python own_cue.py [CALL] [RULES.toml]
"""

import sys
from pathlib import Path

import voicecoach as vc

RULES = Path(__file__).with_name("own_cue.toml")


def main(call: str | Path = "", rules: str | Path = RULES) -> None:
    """Print when each cue was on screen, and why it left or was held back."""
    opened = 0.0
    for event in vc.replay(call or vc.sample_call(), transcribe=False, cues=rules):
        at = vc.to_seconds(event.at)
        if isinstance(event, vc.CueOpened):
            opened = at
            print(f"{at:6.1f} s  {event.message}")
        elif isinstance(event, vc.CueClosed):
            print(f"{at:6.1f} s  closed after {at - opened:.1f} s: {event.reason}")
        elif isinstance(event, vc.CueHeldBack):
            print(f"{at:6.1f} s  held back: {event.reason}")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Show cues on a light on the desk that is connected to a serial port.

python desk_light.py /dev/ttyUSB0 [CALL]

The light takes a line for each colour: red while a cue is shown, green else.  A class with
`on_event` is what a sink of voicecoach is; docs/extending.md says how a package adds one, so that
live calls use it, too.  On Windows open the port with pyserial: `serial.Serial("COM3", 9600)`.
"""

import sys
import termios
from pathlib import Path
from typing import BinaryIO

import voicecoach as vc


class DeskLight:
    """A light that follows the cues of a call.

    Parameters
    ----------
    port
        The serial port, open for writing.
    """

    def __init__(self, port: BinaryIO) -> None:
        self._port = port
        self._show("green")

    def on_event(self, event: vc.Event) -> None:
        """Change colour where the event says so."""
        if isinstance(event, vc.CueOpened):
            self._show("red", event.title)
        elif isinstance(event, vc.CueClosed | vc.Ended):
            self._show("green")

    def _show(self, colour: str, text: str = "") -> None:
        self._port.write(f"{colour} {text}".strip().encode("ascii", "replace") + b"\n")


def set_up(port: BinaryIO) -> None:
    """Let a serial port work at 9600 baud and pass on what is written as it is."""
    settings = termios.tcgetattr(port)
    settings[1] &= ~termios.OPOST
    settings[4] = settings[5] = termios.B9600
    termios.tcsetattr(port, termios.TCSANOW, settings)


def main(port: str, call: str | Path = "") -> None:
    """Replay a call to the light."""
    with Path(port).open("wb", buffering=0) as opened:
        set_up(opened)
        light = DeskLight(opened)
        for event in vc.replay(call or vc.sample_call(), transcribe=False):
            light.on_event(event)


if __name__ == "__main__":
    main(*sys.argv[1:])

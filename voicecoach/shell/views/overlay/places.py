"""Where the overlay was put, and where it goes.

A place is kept for each arrangement of a screen (its name and geometry), the newest last: an agent
who docks a laptop finds the overlay where it was on that desk.  A place on a screen that is not
here any more is passed over; with none left it is the primary screen's top right corner.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import platformdirs

from voicecoach.errors import OutputError
from voicecoach.shell.runtime.atomic_write import write_atomic

SCREEN_MARGIN = 16
"""Pixels from the screen's corner, at first."""
MOST_PLACES = 16
"""That are kept: more desks than one works at."""
MAX_PLACES_BYTES = 65_536
"""Bytes; what is longer is something else."""


class Box(NamedTuple):
    """A rectangle, in pixels as the desktop counts them."""

    x: int
    y: int
    width: int
    height: int

    def shared_pixels(self, other: Box) -> int:
        """Return how many pixels are in both."""
        wide = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        high = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0, wide) * max(0, high)


class Screen(NamedTuple):
    """A screen, and the part of it that no panel or dock covers."""

    name: str
    whole: Box
    free: Box

    @property
    def key(self) -> str:
        """What a place on it is kept under."""
        x, y, width, height = self.whole
        return f"{self.name} {width}x{height}{x:+}{y:+}"


Places = dict[str, tuple[int, int]]
"""Where it was put on each screen, the newest last."""


def place_on_screen(
    places: Mapping[str, tuple[int, int]], size: tuple[int, int], screens: Sequence[Screen]
) -> tuple[int, int]:
    """Return where its top left corner goes; the first of the screens is the primary one."""
    here = {screen.key: screen for screen in screens}
    for key, (x, y) in reversed(list(places.items())):
        if key in here:
            return clamp_into((x, y), size, here[key].free)
    free = screens[0].free
    return clamp_into(
        (free.x + free.width - size[0] - SCREEN_MARGIN, free.y + SCREEN_MARGIN), size, free
    )


def clamp_into(place: tuple[int, int], size: tuple[int, int], free: Box) -> tuple[int, int]:
    """Return the nearest place that is wholly in a box; where it is too large, the box's corner."""
    x, y = place
    return (
        max(free.x, min(x, free.x + free.width - size[0])),
        max(free.y, min(y, free.y + free.height - size[1])),
    )


def remember_place(
    places: Places, place: tuple[int, int], size: tuple[int, int], screens: Sequence[Screen]
) -> None:
    """Note where it was put, as the newest, on the screen that has most of it."""
    box = Box(*place, *size)
    screen = max(screens, key=lambda s: s.whole.shared_pixels(box))
    places.pop(screen.key, None)
    places[screen.key] = clamp_into(place, size, screen.free)
    while len(places) > MOST_PLACES:
        del places[next(iter(places))]


def places_path() -> Path:
    """Return the file that its places are kept in."""
    return platformdirs.user_state_path("voicecoach", appauthor=False) / "overlay.json"


def read_places(path: Path) -> Places:
    """Return the places in a file, none where it cannot be read."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_PLACES_BYTES), type=Places)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return {}


def write_places(path: Path, places: Places) -> None:
    """Put the places into a file, in place of what is there.

    Where that fails the overlay is at its old place next time: nothing to end a call over.
    """
    with contextlib.suppress(OutputError):
        write_atomic(path, msgspec.json.encode(places), private=True)

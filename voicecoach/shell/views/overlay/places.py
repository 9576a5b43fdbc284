"""Remembers where the agent put the overlay, and decides where to open it.

A position is stored for each screen arrangement (name and geometry), the newest last: an agent who
docks a laptop finds the overlay where it was at that desk.  Positions on screens that are not
connected are skipped; if none is left, the overlay opens in the primary screen's top right corner.
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
from voicecoach.shell.runtime.regular_file import open_regular

SCREEN_MARGIN = 16
"""Distance from the screen's corner at first, in pixels."""
MOST_PLACES = 16
"""Number of positions that are stored."""
MAX_PLACES_BYTES = 65_536
"""Largest file read, in bytes; a longer one is not ours."""


class Box(NamedTuple):
    """A rectangle, in pixels of the desktop."""

    x: int
    y: int
    width: int
    height: int

    def shared_pixels(self, other: Box) -> int:
        """Return how many pixels two boxes share."""
        wide = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        high = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0, wide) * max(0, high)


class Screen(NamedTuple):
    """A screen, and the part of it that no taskbar or dock covers."""

    name: str
    whole: Box
    free: Box

    @property
    def key(self) -> str:
        """The key under which a position on this screen is stored."""
        x, y, width, height = self.whole
        return f"{self.name} {width}x{height}{x:+}{y:+}"


Places = dict[str, tuple[int, int]]
"""The overlay's position on each screen, the newest last."""


def place_on_screen(
    places: Mapping[str, tuple[int, int]], size: tuple[int, int], screens: Sequence[Screen]
) -> tuple[int, int]:
    """Return the overlay's top left corner; the first screen is the primary one."""
    here = {screen.key: screen for screen in screens}
    for key, (x, y) in reversed(list(places.items())):
        if key in here:
            return clamp_into((x, y), size, here[key].free)
    free = screens[0].free
    return clamp_into(
        (free.x + free.width - size[0] - SCREEN_MARGIN, free.y + SCREEN_MARGIN), size, free
    )


def clamp_into(place: tuple[int, int], size: tuple[int, int], free: Box) -> tuple[int, int]:
    """Return the nearest place wholly inside a box; the box's corner if it is too large."""
    x, y = place
    return (
        max(free.x, min(x, free.x + free.width - size[0])),
        max(free.y, min(y, free.y + free.height - size[1])),
    )


def remember_place(
    places: Places, place: tuple[int, int], size: tuple[int, int], screens: Sequence[Screen]
) -> None:
    """Store the overlay's position as the newest, for the screen that shows most of it."""
    box = Box(*place, *size)
    screen = max(screens, key=lambda s: s.whole.shared_pixels(box))
    places.pop(screen.key, None)
    places[screen.key] = clamp_into(place, size, screen.free)
    while len(places) > MOST_PLACES:
        del places[next(iter(places))]


def places_path() -> Path:
    """Return the path of the file with the positions."""
    return platformdirs.user_state_path("voicecoach", appauthor=False) / "overlay.json"


def read_places(path: Path) -> Places:
    """Return the positions in a file; none if it cannot be read."""
    try:
        with open_regular(path) as file:
            return msgspec.json.decode(file.read(MAX_PLACES_BYTES), type=Places)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return {}


def write_places(path: Path, places: Places) -> None:
    """Replace the file of positions.

    A failure is ignored: the overlay then opens at its old position next time.
    """
    with contextlib.suppress(OutputError):
        write_atomic(path, msgspec.json.encode(places))

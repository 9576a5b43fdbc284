"""The overlay, on a desktop of its own: a display, a window manager, a mouse, another window."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from scripts.pictures.overlay import CUE, PICTURES
from scripts.support.desktop import Desktop, desktop, missing
from tests.shell.views.overlay_driver import INTERRUPTED, TEXT, Order, Told
from voicecoach.shell.runtime.feed import (
    CustomerDeclines,
    MarkCue,
    NextCall,
    QuitProgram,
    ToggleListening,
    UndoDecline,
)
from voicecoach.shell.views import overlay
from voicecoach.shell.views.overlay import places
from voicecoach.shell.views.overlay.places import Box, Screen
from voicecoach.shell.views.overlay.window import CLOSED
from voicecoach.views.display import Display

ROOT = Path(__file__).parents[3]
PATIENCE_S = 20.0
GREEN = (0, 255, 0)
real = pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}")
"""On a real display."""


def until(there: Callable[[], bool]) -> None:
    """Wait for something that is to happen."""
    end = time.monotonic() + PATIENCE_S
    while not there():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


class Program:
    """A program of `overlay_driver` and what it has told."""

    def __init__(self, screen: Desktop, state: Path, *args: object, **env: str) -> None:
        self.told: list[Told] = []
        self.screen = screen
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.shell.views.overlay_driver", *map(str, args)],
            env=screen.env | {"XDG_STATE_HOME": str(state)} | env,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        name = "other" if args else "voicecoach"
        self.window = screen.xdotool("search", "--sync", "--onlyvisible", "--name", f"^{name}$")

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.told.append(msgspec.json.decode(line, type=Told))

    def order(self, order: Order) -> None:
        assert self._process.stdin
        self._process.stdin.write(msgspec.json.encode(order).decode() + "\n")
        self._process.stdin.flush()

    def show(self, display: Display) -> Told:
        """Show a display; return what is told when it is painted."""
        seen = len(self.told)
        title = display.card.title if display.card else ""
        self.order(Order(display=display))
        until(lambda: any(t.panel and t.title == title for t in self.told[seen:]))
        return [t for t in self.told[seen:] if t.panel][-1]

    def show_laid_out(self, display: Display) -> Told:
        """Show a display; where the panel was still being laid out, again, after another."""
        told = self.show(display)
        if told.clipped:
            self.show(msgspec.structs.replace(CUE, notice="another"))
            told = self.show(display)
        return told

    def button(self, name: str) -> tuple[int, int]:
        """Return the middle of a button, once it is there."""

        def there() -> bool:
            news = f"{len(self.told)}"
            return name in self.show(msgspec.structs.replace(CUE, notice=news)).buttons

        until(there)
        return [t for t in self.told if t.panel][-1].buttons[name]

    @property
    def place(self) -> tuple[int, int]:
        """Where it is."""
        said = self.screen.xdotool("getwindowgeometry", "--shell", self.window)
        found = dict(line.split("=") for line in said.splitlines())
        return int(found["X"]), int(found["Y"])

    def click(self, inside: tuple[int, int]) -> None:
        x, y = self.place
        self.screen.xdotool("mousemove", x + inside[0], y + inside[1], "click", 1)

    def unseen(self) -> list[str]:
        """Return why it could not be seen, and "" for each time it could again."""
        return [t.unseen for t in self.told if t.unseen is not None]

    def is_on_screen(self) -> bool:
        """Return whether a window of it can be seen."""
        found = self.screen.visible("^voicecoach$")
        self.window = found or self.window
        return bool(found)

    def wishes(self) -> list[object]:
        return [t.wish for t in self.told if t.wish]

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """End it and return its exit code."""
        assert self._process.stdin
        assert self._process.stdout
        if not self._process.stdin.closed:
            self._process.stdin.close()
        code = self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        self._process.stdout.close()
        return code


@pytest.fixture(scope="module")
def screen() -> Iterator[Desktop]:
    with desktop((1280, 800)) as made:
        yield made


@real
def test_it_is_clicked_and_the_focus_stays_where_it_was(screen: Desktop, tmp_path: Path) -> None:
    with Program(screen, tmp_path, 100, 100, 400, 300) as other, Program(screen, tmp_path) as panel:
        screen.xdotool("windowactivate", "--sync", other.window)
        buttons = panel.show(CUE).buttons
        for name in ("Helpful", "Wrong", "Pause", "Next call", "Declined"):
            panel.click(buttons[name])
        # It asks first, and what is kept is not declined.
        panel.click(panel.button("Keep"))
        panel.click(panel.button("Declined"))
        panel.click(panel.button("Delete"))
        assert CUE.card
        marks = [MarkCue(CUE.card.id, CUE.card.start, helpful) for helpful in (True, False)]
        wanted = [*marks, ToggleListening(), NextCall(), CustomerDeclines()]
        until(lambda: panel.wishes() == wanted)
        assert screen.xdotool("getwindowfocus") == other.window
        assert screen.xdotool("getactivewindow") == other.window
        panel.click(buttons["\N{MULTIPLICATION SIGN}"])
        until(lambda: QuitProgram() in panel.wishes())
        assert panel.end() == 0
        assert screen.xdotool("getwindowfocus") == other.window


@real
def test_a_declined_call_can_be_restored_with_a_click(screen: Desktop, tmp_path: Path) -> None:
    with Program(screen, tmp_path) as panel:
        assert "Undo" not in panel.show(CUE).buttons
        gone = Display(answer="This call is deleted. Undo restores it.", can_undo=True)
        told = panel.show_laid_out(gone)
        assert told.clipped == []
        panel.click(told.buttons["Undo"])
        until(lambda: panel.wishes() == [UndoDecline()])


@real
def test_the_mark_of_a_doubtful_word_is_explained_to_eye_and_ear(
    screen: Desktop, tmp_path: Path
) -> None:
    note = "(word?): may be misheard"
    with Program(screen, tmp_path) as panel:
        panel.show(PICTURES["marked"])
        said = "Customer: and my (ship?) is late for the (third?)"
        until(lambda: panel.told[-1].words == [said, note, note])
        panel.show(CUE)
        until(lambda: panel.told[-1].words[1:] == ["", ""])


@real
def test_one_that_is_closed_says_so_and_is_shown_again_when_it_is_wanted(
    screen: Desktop, tmp_path: Path
) -> None:
    with Program(screen, tmp_path) as panel:
        buttons = panel.show(CUE).buttons
        place = panel.place
        screen.close_window(panel.window)
        until(lambda: panel.unseen()[-1:] == [CLOSED])
        assert not panel.is_on_screen()
        panel.order(Order(again=True))
        until(lambda: panel.unseen()[-1:] == [""])
        assert panel.is_on_screen()
        assert panel.place == place
        panel.click(buttons["Pause"])
        until(lambda: panel.wishes() == [ToggleListening()])


@real
@pytest.mark.parametrize("taken", ["another desktop", "unmapped", "destroyed"])
def test_one_that_is_taken_off_the_screen_is_shown_again(
    screen: Desktop, tmp_path: Path, taken: str
) -> None:
    with Program(screen, tmp_path) as panel:
        panel.show(CUE)
        gone = panel.window
        if taken == "another desktop":
            screen.xdotool("set_desktop", 1)
        else:
            screen.xdotool("windowunmap" if taken == "unmapped" else "windowclose", gone)
        until(lambda: screen.visible("^voicecoach$") not in ("", gone))
        until(lambda: panel.unseen()[-1:] == [""])
        screen.xdotool("set_desktop", 0)


@real
def test_it_ends_with_the_display(tmp_path: Path) -> None:
    with desktop() as screen, Program(screen, tmp_path) as panel:
        panel.show(CUE)
        screen.kill()
        assert panel.end() == 0


@real
def test_it_stays_above_a_window_that_is_raised(screen: Desktop, tmp_path: Path) -> None:
    with Program(screen, tmp_path) as panel, Program(screen, tmp_path, 700, 0, 580, 760) as other:
        size = panel.show(CUE).panel
        assert size
        screen.xdotool("windowactivate", "--sync", other.window)
        screen.xdotool("windowraise", other.window)
        x, y = panel.place
        until(lambda: screen.pixel(x - 4, y + size[1] // 2) == GREEN)
        assert screen.pixel(x + 4, y + size[1] // 2) != GREEN
        stack = screen.property("_NET_CLIENT_LIST_STACKING").split("#")[1].split(", ")
        assert int(stack[-1], 16) == int(panel.window)


@real
def test_it_is_dragged_and_is_there_next_time(screen: Desktop, tmp_path: Path) -> None:
    with Program(screen, tmp_path) as panel:
        panel.show(CUE)
        before = panel.place
        grip = before[0] + 90, before[1] + 15
        screen.xdotool("mousemove", *grip, "mousedown", 1)
        for step in (1, 2, 3):
            screen.xdotool("mousemove", grip[0] - 100 * step, grip[1] + 50 * step)
        screen.xdotool("mouseup", 1)
        moved = before[0] - 300, before[1] + 150
        until(lambda: panel.place == moved and any(tmp_path.rglob("overlay.json")))
        assert panel.end() == 0
    with Program(screen, tmp_path) as panel:
        panel.show(CUE)
        until(lambda: panel.place == moved)


@real
def test_clicks_go_through_it_on_demand(screen: Desktop, tmp_path: Path) -> None:
    with Program(screen, tmp_path, 700, 0, 580, 760) as other, Program(screen, tmp_path) as panel:
        buttons = panel.show(CUE).buttons
        pause = buttons["Pause"]
        panel.click(pause)
        until(lambda: panel.wishes() == [ToggleListening()])
        assert not other.told
        panel.order(Order(through=True))
        until(lambda: not panel.told[-1].buttons and bool(panel.told[-1].panel))
        panel.click(pause)
        until(lambda: len(other.told) == 1)
        panel.order(Order(through=False))
        until(lambda: bool(panel.told[-1].buttons))
        panel.click(pause)
        until(lambda: panel.wishes() == [ToggleListening(), ToggleListening()])
        assert len(other.told) == 1
        assert screen.xdotool("getwindowfocus") == other.window


@real
def test_its_corners_are_those_of_what_is_under_it(screen: Desktop, tmp_path: Path) -> None:
    with Program(screen, tmp_path, 700, 0, 580, 760), Program(screen, tmp_path) as panel:
        size = panel.show(CUE).panel
        assert size
        x, y = panel.place
        for corner in ((0, 0), (size[0] - 1, 0), (0, size[1] - 1), (size[0] - 1, size[1] - 1)):
            until(lambda c=corner: screen.pixel(x + c[0], y + c[1]) == GREEN)  # type: ignore[misc]


@real
@pytest.mark.parametrize("scale", ["1", "2"])
def test_no_text_is_cut_off_at_any_size(screen: Desktop, tmp_path: Path, scale: str) -> None:
    with Program(screen, tmp_path, **{TEXT: scale}) as panel:
        for display in PICTURES.values():
            told = panel.show_laid_out(display)
            assert told.clipped == []
        assert told.panel
        assert (told.panel[0] > 700) == (scale == "2")


@real
def test_what_ends_it(screen: Desktop, tmp_path: Path) -> None:
    with Program(screen, tmp_path) as panel:
        panel.show(CUE)
        panel.interrupt()
        assert panel.end() == INTERRUPTED
    with Program(screen, tmp_path) as panel:
        panel.order(Order(display=msgspec.structs.replace(CUE, state="ended")))
        assert panel.end() == 0
    with Program(screen, tmp_path) as panel:
        panel.order(Order(fail=True))
        assert panel.end() == 1, "an error ends it, and is told"


def python(code: str, **env: str) -> str:
    """Return what a program prints, which lives to its end."""
    kept = {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | env, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there can it be missing")
def test_without_a_display_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = "from voicecoach.shell.views import overlay; print(overlay.why_unavailable())"
    assert "cannot open the display :9999" in python(ask, DISPLAY=":9999")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "no display found" in overlay.why_unavailable()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert "XWayland is missing" in overlay.why_unavailable()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setitem(sys.modules, "PySide6", None)
    monkeypatch.setitem(sys.modules, "PySide6.QtCore", None)
    assert "pip install 'voicecoach[overlay]'" in overlay.why_unavailable()


PAINT = """
import sys
from PySide6.QtWidgets import QApplication
from scripts.pictures.overlay import PICTURES
app = QApplication(["paint", "-platform", "offscreen"])
from voicecoach.shell.views.overlay.panel import OverlayPanel
panel = OverlayPanel()
panel.show()
before = sys.getrefcount(None)
for turn in range(1500):
    for name in ("calm", "cue"):
        panel.set_display(PICTURES[name], False)
        app.processEvents()
print(sys.getrefcount(None) - before)
"""


def test_painting_keeps_the_references_to_none() -> None:
    # PySide6 6.12 drops one at every call that returns nothing, on Python older than 3.12.
    assert abs(int(python(PAINT))) < 300


TRAY = """
from PySide6.QtWidgets import QApplication
from scripts.pictures.overlay import PICTURES
app = QApplication(["tray", "-platform", "offscreen"])
from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.views.overlay.window import Tray
feed, wishes = Feed(), []
tray = Tray(feed, wishes.append)
tray.update_menu(PICTURES["paused"], False)
print(*(action.text() for action in tray.menu.actions()), sep=", ")
for action in tray.menu.actions():
    action.trigger()
print(*wishes, feed.click_through)
tray.close()
"""


def test_the_tray_has_the_same_to_do() -> None:
    texts, wishes = python(TRAY).splitlines()
    assert texts == "Resume, Click-through, Next call, Declined, Quit"
    assert wishes == "ToggleListening() NextCall() CustomerDeclines() QuitProgram() True"


LEFT = Screen("left", Box(0, 0, 1920, 1080), Box(0, 30, 1920, 1050))
RIGHT = Screen("right", Box(1920, 0, 2560, 1440), Box(1920, 0, 2560, 1400))
SIZE = (400, 300)


def test_at_first_it_is_in_the_corner_of_the_primary_screen() -> None:
    assert places.place_on_screen({}, SIZE, [RIGHT, LEFT]) == (1920 + 2560 - 400 - 16, 16)
    assert places.place_on_screen({}, SIZE, [LEFT]) == (1920 - 400 - 16, 30 + 16)
    assert places.place_on_screen({}, (3000, 3000), [LEFT]) == (0, 30)


def test_each_screen_has_its_place() -> None:
    kept: places.Places = {}
    places.remember_place(kept, (100, 100), SIZE, [LEFT])
    places.remember_place(kept, (3000, 1390), SIZE, [LEFT, RIGHT])
    assert places.place_on_screen(kept, SIZE, [LEFT, RIGHT]) == (3000, 1100), "wholly to be seen"
    assert places.place_on_screen(kept, SIZE, [LEFT]) == (100, 100)
    elsewhere = LEFT._replace(whole=Box(0, 0, 1280, 720), free=Box(0, 0, 1280, 720))
    assert places.place_on_screen(kept, SIZE, [elsewhere]) == (1280 - 400 - 16, 16)
    for number in range(99):
        places.remember_place(kept, (0, 0), SIZE, [LEFT._replace(name=str(number))])
    assert len(kept) == places.MOST_PLACES


def test_places_are_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "overlay.json"
    assert places.read_places(path) == {}
    places.write_places(path, {"a": (1, -2), "b": (3, 4)})
    assert list(places.read_places(path).items()) == [("a", (1, -2)), ("b", (3, 4))]
    assert [p.name for p in path.parent.iterdir()] == ["overlay.json"]
    for nonsense in (b"", b"[]", b'{"a": 1}', b"\xff"):
        path.write_bytes(nonsense)
        assert places.read_places(path) == {}
    places.write_places(path / "under a file" / "x", {})

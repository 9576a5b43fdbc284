"""Runs a private desktop (Xvfb, with a window manager or compositor) to test and measure windows.

It is isolated: programs are started with its `env`, which has its display, no session bus, and
a temporary home folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

NEEDED = ("Xvfb", "openbox", "xdotool", "xprop", "import")
PATIENCE_S = 10.0
"""Seconds to wait for a program to start or end."""
FOREIGN = ("QT_", "XDG_", "WAYLAND_", "DBUS_", "SESSION_MANAGER")
"""Prefixes of environment variables of the user's own desktop; programs here do not get them."""


def missing() -> str:
    """Return the required programs that are not installed, or ""."""
    return ", ".join(name for name in NEEDED if shutil.which(name) is None)


class Desktop:
    """A running display; created by `desktop`.

    Parameters
    ----------
    env
        Environment for programs that are started on the display.
    pixels
        Folder that contains the screen as a memory-mapped xwd file (`Xvfb_screen0`), or None.
    server
        The X server.
    """

    def __init__(
        self, env: dict[str, str], pixels: Path | None, server: subprocess.Popen[bytes]
    ) -> None:
        self.env, self.pixels, self._server = env, pixels, server

    def kill(self) -> None:
        """Kill the X server, as a crash would."""
        self._server.kill()
        self._server.wait()

    def screenshot(self, path: Path, window: str = "root") -> None:
        """Save a picture of the screen, or of one window."""
        self._ask("import", "-window", window, str(path))

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        """Return the red, green and blue values of a pixel of the screen."""
        crop = f"1x1+{x}+{y}"
        depth = ("-crop", crop, "-depth", "8", "rgb:-")
        raw = subprocess.run(
            ["import", "-window", "root", *depth], env=self.env, check=True, capture_output=True
        ).stdout
        return raw[0], raw[1], raw[2]

    def xdotool(self, *args: object) -> str:
        """Run xdotool and return its output."""
        return self._ask("xdotool", *map(str, args))

    def visible(self, name: str) -> str:
        """Return the first visible window whose name matches, or ""."""
        command = ["xdotool", "search", "--onlyvisible", "--name", name]
        found = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        return found.stdout.partition("\n")[0]

    def close_window(self, window: str) -> None:
        """Ask a window to close, as its frame's button or a task bar does."""
        self.xdotool("windowfocus", window)
        self.xdotool("key", "alt+F4")

    def property(self, name: str) -> str:
        """Return a property of the root window."""
        return self._ask("xprop", "-root", name)

    def _ask(self, *command: str) -> str:
        done = subprocess.run(command, env=self.env, check=True, capture_output=True, text=True)
        return done.stdout.strip()


@contextmanager
def desktop(
    size: tuple[int, int] = (1280, 800),
    *,
    manager: bool = True,
    compositor: bool = False,
    pixels: bool = False,
) -> Iterator[Desktop]:
    """Run a desktop while the context lasts.

    Parameters
    ----------
    size
        Width and height of the screen, pixels.
    manager
        Start a window manager, openbox.
    compositor
        Start a compositor, picom.
    pixels
        Keep the screen in a memory-mapped file, so that reading a pixel needs no X request.
    """
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desktop-")))
        framebuffer = home / "pixels" if pixels else None
        number, server = stack.enter_context(_xvfb(size, framebuffer, home))
        env = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        env |= {"DISPLAY": f":{number}", "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
        made = Desktop(env, framebuffer, server)
        if manager:
            stack.enter_context(_program(["openbox", "--sm-disable"], env))
            _wait(lambda: "window id" in made.property("_NET_SUPPORTING_WM_CHECK"), "openbox")
        if compositor:
            stack.enter_context(
                _program(["picom", "--backend", "xrender", "--config", os.devnull], env)
            )
            _wait(lambda: _succeeds(["xdotool", "search", "--name", "^picom$"], env), "picom")
        yield made


@contextmanager
def _xvfb(
    size: tuple[int, int], framebuffer: Path | None, home: Path
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start an X server on a free display, and yield the display's number and the server."""
    ours, theirs = os.pipe()
    command = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "{}x{}x24".format(*size)]
    command += ["-dpi", "96", "-nolisten", "tcp", "-noreset"]
    if framebuffer:
        framebuffer.mkdir()
        command += ["-fbdir", str(framebuffer)]
    with _program(command, {**os.environ, "HOME": str(home)}, keep=(theirs,)) as server:
        os.close(theirs)
        with os.fdopen(ours) as told:
            line = told.readline()
        if not line.strip():
            raise RuntimeError("Xvfb does not start")
        yield int(line), server


@contextmanager
def _program(
    command: Sequence[str], env: dict[str, str], keep: tuple[int, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in the background without output, and end it when the context ends."""
    process = subprocess.Popen(
        command,
        env=env,
        pass_fds=keep,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _succeeds(command: Sequence[str], env: dict[str, str]) -> bool:
    return subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0


def _wait(there: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not there():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} does not start")
        time.sleep(0.02)

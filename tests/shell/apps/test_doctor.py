"""`voicecoach doctor` names all that is missing at once, on a system where it is missing indeed.

A namespace of mounts hides libraries and programs from one process; nothing else notices.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from scripts.support import desktop, sound_server
from scripts.support.sound_server import SoundServer
from voicecoach.shell.runtime.system_packages import install_advice

LIBRARIES = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu"
QT_LACKS = (
    "libEGL.so.1", "libGL.so.1", "libX11-xcb.so.1", "libdbus-1.so.3", "libfontconfig.so.1",
    "libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-image.so.0", "libxcb-keysyms.so.1",
    "libxcb-randr.so.0", "libxcb-render-util.so.0", "libxcb-shape.so.0", "libxcb-util.so.1",
    "libxcb-xkb.so.1", "libxkbcommon-x11.so.0", "libxkbcommon.so.0",
)  # fmt: skip
"""What a Debian without a desktop lacks."""
X11_LACKS = ("libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxkbcommon-x11.so.0")
"""What only Qt's X11 plugin needs: Qt itself is loaded without it."""
DEBIAN = "ID=ubuntu\nID_LIKE=debian\n"
PACKAGES = {
    "ID=fedora\n": "dnf install libxkbcommon-x11 xcb-util-cursor xcb-util-wm",
    "ID=manjaro\nID_LIKE=arch\n": "pacman -S libxkbcommon-x11 xcb-util-cursor xcb-util-wm",
    "ID=nixos\n": "install the packages that hold "
    "libxcb-cursor.so.0, libxcb-icccm.so.4, libxkbcommon-x11.so.0",
}


def possible() -> bool:
    try:
        asked = ["unshare", "--map-root-user", "--mount", "true"]
        return LIBRARIES.is_dir() and not subprocess.run(asked, capture_output=True).returncode
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not possible(), reason="needs namespaces, on Debian")


class Machine:
    """A system without some of its libraries and programs."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._folder, self._env = folder, env

    def lacks(self, hidden: Collection[str], code: str, release: str = DEBIAN, **env: str) -> str:
        """Return what a program prints where `hidden` is missing; names as in `LIBRARIES`."""
        whole, part = self._folder / "whole", self._folder / "part"
        shutil.rmtree(part, ignore_errors=True)
        for folder in (whole, part, part / "alsa-lib"):
            folder.mkdir(exist_ok=True)
        for there in [*LIBRARIES.iterdir(), *(LIBRARIES / "alsa-lib").iterdir()]:
            name = there.relative_to(LIBRARIES)
            if there.name not in {"alsa-lib", *hidden}:
                (part / name).symlink_to(whole / name)
        (self._folder / "os-release").write_text(release)
        (self._folder / "nothing").touch(mode=0o644)
        mounts = [(LIBRARIES, whole), (part, LIBRARIES)]
        mounts.append((self._folder / "os-release", Path("/etc/os-release")))
        if "pactl" in hidden:
            mounts.append((self._folder / "nothing", Path(shutil.which("pactl") or "")))
        script = "".join(f"mount --bind '{a}' '{b}' && " for a, b in mounts) + 'exec "$@"'
        inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
        command = [*inside, sys.executable, "-c", code]
        done = subprocess.run(command, env=self._env | env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if missing := desktop.missing():
        pytest.skip(f"not installed: {missing}")
    with desktop.desktop(manager=False) as screen:
        yield Machine(tmp_path_factory.mktemp("machine"), screen.env)


OVERLAY = """
from voicecoach.shell.views import overlay
print(overlay.why_unavailable() or "it starts")
"""
LACKS = "from voicecoach.shell.views import overlay; print(overlay.what_qt_lacks())"
DOCTOR = """
from voicecoach.shell.apps import doctor
print(doctor._run_check("overlay", False, doctor._overlay).found)
"""


def owner(library: str) -> str:
    """Return the package of a file that is installed here, as Debian itself says."""
    said = subprocess.run(["dpkg", "-S", f"*/{library}"], capture_output=True, text=True).stdout
    return said.partition(":")[0]


def named(said: str) -> list[str]:
    """Return the packages in the one line that doctor says."""
    assert len(said.splitlines()) == 1, said
    (packages,) = re.findall(r"apt install ([\w. +-]+)$", said)
    return str(packages).split()


@pytest.mark.parametrize("lacks", [QT_LACKS, X11_LACKS], ids=["Qt", "its X11 plugin"])
def test_all_that_the_overlay_lacks_is_named_at_once(
    machine: Machine, lacks: tuple[str, ...]
) -> None:
    packages = named(machine.lacks(lacks, OVERLAY))
    assert set(packages) == {owner(library) for library in lacks}
    left = [library for library in lacks if owner(library) not in packages]
    assert machine.lacks(left, OVERLAY) == "it starts"


def test_each_family_of_distributions_is_told_its_own_packages(machine: Machine) -> None:
    for release, advice in PACKAGES.items():
        said = machine.lacks(X11_LACKS, LACKS, release)
        assert said == f"Qt lacks 3 libraries: {advice}"


def test_what_is_missing_is_named_without_a_display_too(machine: Machine) -> None:
    said = machine.lacks(X11_LACKS, DOCTOR, DISPLAY="")
    assert said.startswith("no display found: use --view browser; Qt lacks 3 libraries")
    assert named(said) == ["libxcb-cursor0", "libxcb-icccm4", "libxkbcommon-x11-0"]


DEVICES = """
from voicecoach.shell.apps import doctor
from voicecoach.config import Config
print(doctor._run_check("live calls", False, lambda: doctor._devices(Config())).found)
"""


@pytest.mark.skipif(bool(sound_server.missing()), reason=sound_server.missing())
def test_all_that_live_calls_lack_is_named_at_once(tmp_path: Path) -> None:
    with SoundServer() as server:
        machine = Machine(tmp_path, server.env)
        lacks = ("libportaudio.so.2", "libasound_module_pcm_pulse.so", "pactl")
        packages = named(machine.lacks(lacks, DEVICES))
        assert set(packages) == {"libasound2-plugins", "libportaudio2", "pulseaudio-utils"}
        assert named(machine.lacks(lacks[1:2], DEVICES)) == ["libasound2-plugins"]
        assert machine.lacks((), DEVICES).startswith("agent: ")


def test_a_library_that_nobody_knows_is_named_as_it_is() -> None:
    advice = install_advice(["libnew.so.1", "libGL.so.1"])
    assert advice == "apt install libgl1, and install the packages that hold libnew.so.1"

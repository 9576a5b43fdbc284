"""Names the operating system's packages with the libraries and programs that are missing."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

_COMMANDS = {"debian": "apt install", "fedora": "dnf install", "arch": "pacman -S"}
_PACKAGES = {
    name: dict(zip(_COMMANDS, packages.split(), strict=True))
    for name, packages in {
        # Qt's X11 plugin and what it loads
        "libEGL.so.1": "libegl1 libglvnd-egl libglvnd",
        "libGL.so.1": "libgl1 libglvnd-glx libglvnd",
        "libX11-xcb.so.1": "libx11-xcb1 libX11-xcb libx11",
        "libX11.so.6": "libx11-6 libX11 libx11",
        "libdbus-1.so.3": "libdbus-1-3 dbus-libs dbus",
        "libfontconfig.so.1": "libfontconfig1 fontconfig fontconfig",
        "libfreetype.so.6": "libfreetype6 freetype freetype2",
        "libglib-2.0.so.0": "libglib2.0-0 glib2 glib2",
        "libgthread-2.0.so.0": "libglib2.0-0 glib2 glib2",
        "libxcb-cursor.so.0": "libxcb-cursor0 xcb-util-cursor xcb-util-cursor",
        "libxcb-icccm.so.4": "libxcb-icccm4 xcb-util-wm xcb-util-wm",
        "libxcb-image.so.0": "libxcb-image0 xcb-util-image xcb-util-image",
        "libxcb-keysyms.so.1": "libxcb-keysyms1 xcb-util-keysyms xcb-util-keysyms",
        "libxcb-randr.so.0": "libxcb-randr0 libxcb libxcb",
        "libxcb-render-util.so.0": "libxcb-render-util0 xcb-util-renderutil xcb-util-renderutil",
        "libxcb-render.so.0": "libxcb-render0 libxcb libxcb",
        "libxcb-shape.so.0": "libxcb-shape0 libxcb libxcb",
        "libxcb-shm.so.0": "libxcb-shm0 libxcb libxcb",
        "libxcb-sync.so.1": "libxcb-sync1 libxcb libxcb",
        "libxcb-util.so.1": "libxcb-util1 xcb-util xcb-util",
        "libxcb-xfixes.so.0": "libxcb-xfixes0 libxcb libxcb",
        "libxcb-xkb.so.1": "libxcb-xkb1 libxcb libxcb",
        "libxcb.so.1": "libxcb1 libxcb libxcb",
        "libxkbcommon-x11.so.0": "libxkbcommon-x11-0 libxkbcommon-x11 libxkbcommon-x11",
        "libxkbcommon.so.0": "libxkbcommon0 libxkbcommon libxkbcommon",
        # live calls
        "libasound_module_pcm_pulse.so": "libasound2-plugins alsa-plugins-pulseaudio alsa-plugins",
        "libportaudio.so.2": "libportaudio2 portaudio portaudio",
        "pactl": "pulseaudio-utils pulseaudio-utils libpulse",
    }.items()
}
"""For each library or program, its package in each family of distributions."""


def install_advice(missing: Sequence[str]) -> str:
    """Return one line that says what to install, for this machine's distribution.

    Parameters
    ----------
    missing
        Libraries and programs, at least one.  What no family is known for is named as it is.
    """
    family = _find_family()
    packages = sorted({_PACKAGES[name][family] for name in missing if family and name in _PACKAGES})
    unknown = sorted(name for name in missing if not family or name not in _PACKAGES)
    advice = [f"{_COMMANDS[family]} {' '.join(packages)}"] if family and packages else []
    if unknown:
        advice.append(f"install the packages that hold {', '.join(unknown)}")
    return ", and ".join(advice)


def missing_libraries(files: Iterable[Path]) -> list[str]:
    """Return all libraries that files need, directly or not, and the system does not have.

    The dynamic loader is asked, through `ldd`; without it, none counts as missing.
    """
    found: set[str] = set()
    for file in files:
        try:
            run = subprocess.run(["ldd", file], capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            continue
        found |= set(re.findall(r"^\s*(\S+) => not found", run.stdout, re.MULTILINE))
    return sorted(found)


def _find_family() -> str:
    """Return the family of this machine's distribution, "" if it is unknown."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    names = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    return next((name for name in names if name in _COMMANDS), "")

"""Machines that are not like ours: other locales, names, homes, and fewer packages."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from scripts.support.sound_server import SoundServer, missing
from tests.commands.test_command_line import voicecoach
from tests.shell.runtime.test_audio_files import write
from voicecoach.errors import ConfigError
from voicecoach.shell.control import call_file
from voicecoach.shell.control.tell import send_command
from voicecoach.shell.control.web_app import WebServer
from voicecoach.shell.runtime.feed import Feed
from voicecoach.testing import silence, stereo, syllables
from voicecoach.text_safety.sanitize import readable_text
from voicecoach.types.stream import SAMPLE_RATE

ODD = "Аудио ünï 録音 'q` %s"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
"""A locale that knows no letter beyond ASCII."""
STRICT = {"PYTHONIOENCODING": "utf-8:strict"}
"""As most locales have it; C.UTF-8 lets any byte through."""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    agent = np.concatenate([syllables(140, 4, 3), silence(3)])
    customer = np.concatenate([silence(3), syllables(220, 4, 3)])
    return write(tmp_path / f"{ODD}.flac", *stereo(agent, customer), rate=16_000)


@pytest.fixture
def commas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a locale with decimal commas, made for the occasion."""
    place = tmp_path_factory.mktemp("locales")
    made = place / "de_DE.UTF-8"
    if not shutil.which("localedef"):
        pytest.skip("localedef is not installed")
    command = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(made)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("Debian's locales are not installed")
    return {"LOCPATH": str(place), "LC_ALL": made.name, "LANG": made.name}


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_no_result_depends_on_the_locale(
    recording: Path, tmp_path: Path, commas: dict[str, str]
) -> None:
    made = []
    for name, locale in (("point", {"LC_ALL": "C.UTF-8"}), ("comma", commas)):
        out = tmp_path / name
        options = ("--no-transcribe", "--report", "--out", out)
        done = voicecoach("replay", recording, *options, home=tmp_path / "home", **locale)
        assert done.returncode == 0, done.stderr
        assert voicecoach("export", out / ODD, home=tmp_path / "home", **locale).returncode == 0
        made.append(files(out))
    assert len(made[0]) > 6
    assert made[0] == made[1]


def test_no_result_depends_on_qt_which_sets_the_locale(
    recording: Path, tmp_path: Path, commas: dict[str, str]
) -> None:
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    home = tmp_path / "home"
    code = """
import locale, sys
from PySide6.QtWidgets import QApplication
app = QApplication(["overlay", "-platform", "offscreen"])
assert locale.localeconv()["decimal_point"] == ","
from voicecoach.__main__ import main
main()
"""
    options = ("replay", recording, "--no-transcribe", "--report", "--out")
    done = voicecoach(*options, tmp_path / "point", home=home, LC_ALL="C.UTF-8")
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-c", code, *map(str, options), str(tmp_path / "comma")]
    beside = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **commas, "HOME": str(home)}
    )
    assert beside.returncode == 0, beside.stderr
    made = [files(tmp_path / name) for name in ("point", "comma")]
    assert len(made[0]) == 6
    assert made[0] == made[1]


def test_a_locale_without_letters_ends_nothing(recording: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = ("--journal", tmp_path / "ö" / "j.sqlite3")
    folder = tmp_path / "ä" / ODD
    for command in (
        ("replay", recording, "--no-transcribe", "--report", "--out", folder.parent),
        ("export", folder, "--out", tmp_path / "é"),
        ("journal", "add", folder, *journal),
        ("journal", "list", *journal),
        ("journal", "note", ODD, "schön", *journal),
        ("journal", "show", ODD[:5], *journal),
        ("journal", "delete", ODD, "--yes", *journal),
        ("cues",),
    ):
        done = voicecoach(*command, home=home, **ASCII)
        assert done.returncode == 0, (command, done.stderr)
    assert sorted(p.suffix for p in (tmp_path / "é").iterdir()) != []


def test_bytes_that_are_no_text_end_nothing(recording: Path, tmp_path: Path) -> None:
    home = tmp_path / os.fsdecode(b"h\xff\xfe")
    journal = ("--journal", home / "j.sqlite3")
    done = voicecoach("replay", recording, "--no-transcribe", "--out", home, home=home, **STRICT)
    assert done.returncode == 0, done.stderr
    for command in (
        ("baseline", "show"),
        ("journal", "add", home / ODD, *journal),
        ("journal", "note", ODD, os.fsdecode(b"\xff"), *journal),
        ("score", home / ODD),
    ):
        done = voicecoach(*command, home=home, **STRICT)
        assert done.returncode == 0, (command, done.stderr)


@pytest.mark.parametrize("section", ["cues", "journal"])
def test_a_name_that_the_locale_cannot_write_is_said(section: str, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f'[{section}]\nfile = "{tmp_path}/ö/x"\n', "utf-8")
    command = ("cues",) if section == "cues" else ("journal", "add", tmp_path)
    done = voicecoach(*command, "--config", config, home=tmp_path / "home", **ASCII)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    why = {"cues": "not a valid file name", "journal": "'ascii' codec"}[section]
    assert why in done.stderr


def test_names_are_read_as_they_were_meant() -> None:
    assert readable_text("ü".encode().decode("ascii", "surrogateescape")) == "ü"
    assert readable_text("ü\udcff") == "ü\N{REPLACEMENT CHARACTER}"
    assert readable_text("\ud800") == "?"


def test_no_runtime_folder_costs_no_call_and_is_nothing_to_warn_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConfigError, match="no live call is running"):
            send_command("pause")

    def nowhere() -> Path:
        raise PermissionError("runtime directory is owned by somebody else")

    monkeypatch.setattr(call_file, "control_folder", nowhere)
    with WebServer(Feed()) as deaf:
        assert "`voicecoach tell` cannot reach this call: runtime directory" in deaf.why_unreachable


@pytest.mark.parametrize(
    ("without", "command", "advice"),
    [
        ("sounddevice", ("live", "--view", "browser"), "voicecoach[live]"),
        ("sounddevice", ("live", "--metrics"), "voicecoach[live]"),
        ("PySide6", ("live", "--view", "overlay"), "voicecoach[overlay]"),
        ("cryptography", ("batch", ".", "--out", "x"), "voicecoach[archive]"),
        ("cryptography", ("batch", ".", "--out", "x", "--dashboard"), "voicecoach[archive]"),
    ],
)
def test_what_is_not_installed_is_said_in_a_line(
    without: str, command: tuple[str, ...], advice: str, tmp_path: Path
) -> None:
    blocker = tmp_path / "sitecustomize.py"
    blocker.write_text(
        "from importlib.machinery import PathFinder\n"
        "find = PathFinder.find_spec\n"
        "def there(cls, name, *more):\n"
        f"    return None if name.partition('.')[0] == {without!r} else find(name, *more)\n"
        "PathFinder.find_spec = classmethod(there)\n"
    )
    options = ("--no-transcribe",) if command[0] == "live" else ()
    environment = {"PYTHONPATH": str(tmp_path), "DISPLAY": ":99"}
    done = voicecoach(*command, *options, home=tmp_path / "home", **environment)
    assert done.returncode == 2, done.stderr
    assert f"pip install '{advice}'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}")
def test_a_home_that_cannot_be_written_costs_no_live_call(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o ro,mode=0700 none "$HOME" && exec "$@"'
    inside = ["unshare", "--mount", "sh", "-c", mount, "sh"]
    with SoundServer(SAMPLE_RATE) as server:
        env = {**server.env, "XDG_RUNTIME_DIR": server.env["HOME"]}
        if subprocess.run([*inside, "true"], env=env, capture_output=True).returncode:
            pytest.skip("no mount namespace may be made here")
        live = ["live", "--no-transcribe", "--view", "none", "--out", str(tmp_path)]
        command = [*inside, sys.executable, "-m", "voicecoach", *live, *server.sources]
        with subprocess.Popen(
            command,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        ) as process:
            until = time.monotonic() + 40.0
            while not list(tmp_path.glob("*/events.jsonl")) or server.listeners() < 2:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
            time.sleep(1.0)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=40.0)
    assert "Traceback" not in said
    for complaint in ("`voicecoach tell` cannot reach", "not in the journal", "baseline.json"):
        assert complaint in said
    assert list(tmp_path.glob("*/summary.md"))

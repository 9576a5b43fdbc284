"""Test the installed product on every Python found here and in unusual environments.

    python -m scripts.endurance.compatibility --python 3.12 --case bare

For each Python the script makes new environments from the locked packages and the wheel.  It
changes nothing on the machine: it makes its own homes, locales and caches.  It needs no `.venv`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from scripts.support.environment import ROOT, SUPPORTED

EXTRAS = ("live", "overlay", "loopback", "model", "report", "archive")
NO_MODEL = "the transcription model is not installed: pip install 'voicecoach[model]'"
ODD = "Аудио ünï 録音 'quote` %s spaces"
SAMPLE = ROOT / "samples" / "auto_repairs_40.flac"
PATIENCE_S = 600
RESULTS = ("events.jsonl", "summary.md", "scorecard.md", "report.html")


Env = dict[str, str]
NOTHING: Env = {}


class Failed(Exception):
    """A case failed."""


class Skipped(Exception):
    """A case cannot be run here."""


class Installed(NamedTuple):
    """An environment with the wheel installed, and a folder that a case may use."""

    python: Path
    place: Path

    def run(
        self, *command: object, code: int = 0, inside: Sequence[str] = (), env: Env = NOTHING
    ) -> tuple[str, str]:
        """Run a command with an empty home and return its output; it must exit with `code`."""
        home = self.place / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [*inside, str(self.python.with_name("voicecoach")), *map(str, command)],
            capture_output=True,
            cwd=self.place,
            timeout=PATIENCE_S,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"} | env,
        )
        said = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        if done.returncode != code or "Traceback" in said[1]:
            last = (said[1].strip() or said[0].strip()).splitlines()[-1:]
            raise Failed(f"{command[0]} ended with {done.returncode}: {' '.join(last)}")
        return said

    def refused(self, *command: object, advice: str) -> None:
        """Check that a command fails with one line that says what to install."""
        _, said = self.run(*command, code=2, env={"DISPLAY": ":99"})
        if len(said.splitlines()) != 1 or advice not in said:
            raise Failed(f"{' '.join(map(str, command))}: {said.strip()}")


# --- cases ----------------------------------------------------------------------------------


def bare(it: Installed) -> None:
    """Run every command that needs no extra; the others must say which extra they need."""
    everything(it)
    for options in (("--view", "browser"), ("--metrics",), ()):
        it.refused("live", *options, advice="pip install 'voicecoach[live]'")
    it.refused("live", "--view", "overlay", advice="pip install 'voicecoach[overlay]'")
    for more in ((), ("--dashboard",)):
        command = ("batch", ".", "--out", "b", *more)
        it.refused(*command, advice="pip install 'voicecoach[archive]'")


def everything(it: Installed) -> None:
    """Run a trainer's commands on the sample call, with transcription."""
    it.run("demo", "--out", "out")
    folder = it.place / "out" / SAMPLE.stem
    for name in RESULTS:
        if not (folder / name).stat().st_size:
            raise Failed(f"{name} is empty")
    if '"type":"word"' not in (folder / "events.jsonl").read_text("utf-8"):
        raise Failed("no words")
    commands(it, folder, SAMPLE)


def commands(it: Installed, folder: Path, recording: Path, env: Env = NOTHING) -> None:
    """Run every command that reads the results of a replay."""
    call = recording.stem
    for command in (
        ("doctor",), ("config",), ("cues",), ("baseline", "show"), ("version",),
        ("report", folder, "--call", recording), ("score", folder),
        ("export", folder, "--out", it.place / "exports"),
        ("journal", "add", folder), ("journal", "list"), ("journal", "show", call),
        ("journal", "note", call, "schön"), ("journal", "trends", it.place / "trends.html"),
        ("journal", "export", it.place / "csv"), ("journal", "delete", call, "--yes"),
    ):  # fmt: skip
        it.run(*command, env=env)


def whole(it: Installed) -> None:
    """Test all extras together: the archive, and Qt beside everything else."""
    everything(it)
    recordings = it.place / "recordings"
    recordings.mkdir()
    shutil.copy(SAMPLE, recordings)
    it.run("batch", recordings, "--out", "tables", "--no-transcribe", "--workers", "1")
    it.run("journal", "add", it.place / "out" / SAMPLE.stem)
    it.run("journal", "export", it.place / "parquet", "--format", "parquet")
    it.run("live", "--view", "overlay", code=2)  # no display, and no sound server


def extra(name: str) -> Callable[[Installed], None]:
    """Return the case that tests one extra alone."""

    def alone(it: Installed) -> None:
        _, said = it.run("demo", "--out", "out")
        if (NO_MODEL in said) != (name != "model"):
            raise Failed(f"demo says of the model: {said.strip()}")
        found, _ = it.run("doctor", env={"COLUMNS": "200"})
        needs = {"archive": "archives", "live": "the browser's page", "model": "words"}.get(name)
        if needs and f"yes  {needs}" not in found:
            raise Failed(f"doctor does not see {name}")

    alone.__doc__ = f"The extra {name} alone."
    return alone


def offline(it: Installed) -> None:
    """Run for the first time, with words and a report, where only the loopback network is up."""
    inside = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    _possible(inside)
    it.run("demo", "--out", "out", inside=inside)
    if '"type":"word"' not in (it.place / "out" / SAMPLE.stem / "events.jsonl").read_text("utf-8"):
        raise Failed("no words")
    it.run("doctor", inside=inside)


def read_only(it: Installed) -> None:
    """Run live with a home and a runtime folder that cannot be written to."""
    home = it.place / "home"
    mount = 'mount -t tmpfs -o ro,mode=0700 none "$HOME" && exec "$@"'
    inside = ["unshare", "--mount", "sh", "-c", mount, "sh"]
    home.mkdir()
    _possible(inside, {"HOME": str(home)})
    runtime = {"XDG_RUNTIME_DIR": str(home)}
    it.run("replay", SAMPLE, "--out", it.place / "out", "--report", inside=inside, env=runtime)
    for told in (("doctor",), ("config",), ("cues",), ("baseline", "show")):
        it.run(*told, inside=inside, env=runtime)
    refused: tuple[tuple[object, ...], ...] = (
        ("journal", "add", it.place / "out" / SAMPLE.stem),
        ("baseline", "reset", "--yes"),
    )
    for command in refused:
        _, said = it.run(*command, code=2, inside=inside, env=runtime)
        if len(said.splitlines()) != 1 or "Read-only file system" not in said:
            raise Failed(f"{command}: {said}")


def odd_names(it: Installed) -> None:
    """Use letters of many scripts, quotes and spaces in every path, in four locales."""
    for number, locale in enumerate((
        {"LC_ALL": "C.UTF-8"},
        {"LC_ALL": "", "LANG": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        german(),
    )):  # fmt: skip
        place = it.place / f"{ODD} {number}"
        _in_folder(it, place, f"Gespräch {ODD}", locale)


def bytes_names(it: Installed) -> None:
    """Use folder names that are not valid UTF-8, in a UTF-8 locale."""
    _in_folder(it, it.place / os.fsdecode(b"b\xff\xfe"), "call", german())


def _in_folder(it: Installed, place: Path, name: str, locale: Env) -> None:
    there = Installed(it.python, place)
    place.mkdir()
    recording = place / f"{name}.flac"
    shutil.copy(SAMPLE, recording)
    options = ("--no-transcribe", "--report", "--baseline", place / "ich ö.json", "--learn")
    there.run("replay", recording, "--out", place / "é", *options, env=locale)
    commands(there, place / "é" / name, recording, locale)


def commas(it: Installed) -> None:
    """Use a locale with decimal commas: every result must be the same, byte for byte."""
    _same(it, {"point": NOTHING, "comma": german()})


def zones(it: Installed) -> None:
    """Use a zone a day ahead, one half an hour off and an invalid one: the results must not change.

    The journal must not change either.
    """
    places = ("UTC", "Pacific/Kiritimati", "America/St_Johns", "No/Where")
    _same(it, {zone: {"TZ": zone} for zone in places})
    folder = it.place / places[0] / "out" / SAMPLE.stem
    # This hour does not exist on Berlin's clocks: summer time begins.
    began = "2026-03-29T02:30:00"
    it.run("journal", "add", folder, "--date", began, env={"TZ": "Europe/Berlin"})
    kept = []
    for zone in (*places, "Europe/Berlin"):
        it.run("journal", "list", env={"TZ": zone})
        it.run("journal", "export", it.place / "kept" / zone, env={"TZ": zone})
        kept.append({p.name: p.read_bytes() for p in (it.place / "kept" / zone).iterdir()})
    if not kept[0] or any(other != kept[0] for other in kept):
        raise Failed("the journal's export is not the same")


def _same(it: Installed, surroundings: Mapping[str, Env]) -> None:
    """Check that the sample call gives the same results in each environment, byte for byte."""
    made = {}
    for name, env in surroundings.items():
        there = Installed(it.python, it.place / name)
        there.place.mkdir(parents=True)
        there.run("demo", "--out", "out", env=env)
        folder = there.place / "out" / SAMPLE.stem
        there.run("export", folder, env=env)
        made[name] = {p.name: p.read_bytes() for p in folder.iterdir()}
    first = next(iter(made.values()))
    for name, files in made.items():
        different = [file for file, data in first.items() if files.get(file) != data]
        if different or first.keys() != files.keys():
            raise Failed(f"{name}: not the same: {', '.join(different)}")


# --- environments ---------------------------------------------------------------------------


@cache
def german() -> Env:
    """Return the environment of a temporary locale with decimal commas."""
    place = Path(tempfile.mkdtemp(prefix="voicecoach-locale-"))
    command = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(place / "de_DE.UTF-8")]
    if not shutil.which("localedef") or subprocess.run(command, capture_output=True).returncode:
        raise Skipped("no localedef, or no locales")
    return {"LOCPATH": str(place), "LC_ALL": "de_DE.UTF-8"}


def _possible(inside: Sequence[str], env: Env = NOTHING) -> None:
    trial = subprocess.run([*inside, "true"], capture_output=True, env=os.environ | env)
    if trial.returncode:
        raise Skipped("no namespaces may be made here")


def pythons() -> dict[str, str]:
    """Return the interpreters on the path and in pyenv, by version."""
    found: dict[str, str] = {}
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(SUPPORTED[0][1], SUPPORTED[1][1] + 1):
        version = f"3.{minor}"
        kept = sorted(versions.glob(f"{version}.*/bin/python3"))
        for candidate in (*map(str, kept), shutil.which(f"python{version}")):
            if candidate and not subprocess.run([candidate, "-c", "pass"]).returncode:
                found[version] = candidate
                break
    return found


def install(python: str, wheel: Path, extras: Sequence[str], place: Path) -> Path:
    """Make an environment from the locks and the wheel, and return its Python."""
    subprocess.run([python, "-m", "venv", str(place)], check=True)
    inside = place / "bin" / "python"
    lock = ROOT / "requirements.lock"
    if extras:
        lock = place / "chosen.lock"
        lock.write_text(chosen(inside, f"{wheel}[{','.join(extras)}]", place), "utf-8")
    _pip(inside, "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", lock)
    _pip(inside, "install", "--quiet", "--no-deps", wheel)
    _pip(inside, "check")
    return inside


def chosen(python: Path, wanted: str, place: Path) -> str:
    """Return the part of the full lock that a wheel with the wanted extras needs."""
    text = (ROOT / "requirements-dev.lock").read_text("utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    pins = place / "pins.txt"
    pins.write_text("\n".join(entry.partition(" \\")[0] for entry in entries), "utf-8")
    report = _pip(
        python, "install", "--quiet", "--dry-run", "--report", "-", "--constraint", pins, wanted
    )
    names = {
        re.sub(r"[-_.]+", "-", each["metadata"]["name"]).lower()
        for each in json.loads(report)["install"]
    }
    return "\n".join(entry for entry in entries if entry.partition("==")[0] in names) + "\n"


def _pip(python: Path, *command: object) -> str:
    line = [str(python), "-m", "pip", "--disable-pip-version-check", *map(str, command)]
    run = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_S)
    if run.returncode:
        raise Failed(f"pip {command[0]}: {(run.stderr or run.stdout).strip().splitlines()[-1]}")
    return run.stdout


# --- the table ------------------------------------------------------------------------------

Case = tuple[str, tuple[str, ...], Callable[[Installed], None]]
CASES: list[Case] = [
    ("bare", (), bare),
    ("all-extras", EXTRAS, whole),
    ("offline", (), offline),
    ("read-only-home", (), read_only),
    ("odd-names", (), odd_names),
    ("bytes-names", (), bytes_names),
    ("decimal-commas", (), commas),
    ("time-zones", (), zones),
]
ALONE: list[Case] = [(f"only-{name}", (name,), extra(name)) for name in EXTRAS]
"""Cases of a single extra; they run only on the first Python."""


def main() -> None:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", action="append", help="3.11, 3.12 or 3.13; may be repeated")
    parser.add_argument("--case", action="append", help="may be repeated")
    asked = parser.parse_args()
    here = {v: path for v, path in pythons().items() if not asked.python or v in asked.python}
    failed = not here
    print(f"{'case':<16} {'Python':<7} {'outcome':<8} {'seconds':>7}")
    with tempfile.TemporaryDirectory(prefix="voicecoach-compatibility-") as scratch:
        place = Path(scratch)
        build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", scratch, "."]
        subprocess.run(build, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
        wheel = next(place.glob("*.whl"))
        made: dict[tuple[str, ...], Path] = {}
        for number, (version, python) in enumerate(here.items()):
            for name, extras, case in (*CASES, *(ALONE if number == 0 else ())):
                if asked.case and name not in asked.case:
                    continue
                key, began, said = (version, *extras), time.monotonic(), "passed"
                try:
                    if key not in made:
                        made[key] = install(python, wheel, extras, place / "-".join(key))
                    work = place / f"{version} {name}"
                    work.mkdir()
                    case(Installed(made[key], work))
                except Skipped as e:
                    said = f"skipped: {e}"
                except (Failed, OSError, subprocess.SubprocessError) as e:
                    failed, said = True, f"FAILED: {e}"
                took = time.monotonic() - began
                outcome, _, why = said.partition(": ")
                print(f"{name:<16} {version:<7} {outcome:<8} {took:>7.1f} {why}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()

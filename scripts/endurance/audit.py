"""Check that the installed packages match the lock files and have no known vulnerabilities.

    python -m scripts.endurance.audit

pip-audit looks up the known vulnerabilities; it runs in a temporary environment of its own.  If
pip-audit or its data source cannot be reached, the script says so and checks only the locks'
hashes: they prove that what is installed is byte for byte what was audited before.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.support import environment
from scripts.support.environment import PYTHON, ROOT

LOCKS = ("requirements-dev.lock", "requirements.lock")
"""Lock files; the second must be a subset of the first."""
NOT_LOCKED = {"pip", "setuptools", "wheel", "voicecoach"}
PATIENCE_S = 120
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\]+?))?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
QUIET = ("--quiet", "--disable-pip-version-check")


class Pin(NamedTuple):
    """One version of a package, as a lock file names it."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def pins(text: str) -> tuple[list[Pin], list[str]]:
    """Return the pins of a lock file, and what is wrong with its lines."""
    found, wrong = [], []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        pin, *hashes = re.split(r"\s+(?=--)", line.strip())
        if not pin or pin.startswith("#"):
            continue
        match = PIN.fullmatch(pin.strip())
        if not match:
            wrong.append(f"not a name with its version alone: {pin}")
            continue
        name = canonical(match["name"])
        if "://" in line or " @ " in line:
            wrong.append(f"{name}: it has an address")
        if not hashes:
            wrong.append(f"{name}: it has no hash")
        wrong += [f"{name}: not a SHA-256: {each}" for each in hashes if not HASH.fullmatch(each)]
        found.append(Pin(name, match["version"], match["marker"] or "", tuple(hashes)))
    return found, wrong


def canonical(name: str) -> str:
    """Return a package name in the form in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def strangers(whole: Iterable[Pin], part: Iterable[Pin]) -> list[str]:
    """Return the pins of `part` that `whole` does not have with the same hashes."""
    known = {(pin.name, pin.version): set(pin.hashes) for pin in whole}
    return [
        f"{pin.name} {pin.version}: not so in {LOCKS[0]}"
        for pin in part
        if known.get((pin.name, pin.version)) != set(pin.hashes)
    ]


def unlocked(installed: Iterable[tuple[str, str]], locked: Iterable[Pin]) -> list[str]:
    """Return the installed packages that are not locked at the installed version."""
    known = {(pin.name, pin.version) for pin in locked}
    return [
        f"{name} {version}: installed, and not locked"
        for name, version in installed
        if canonical(name) not in NOT_LOCKED and (canonical(name), version) not in known
    ]


class Answer(NamedTuple):
    """Result of pip-audit."""

    audited: int
    unknown: int
    unsafe: list[str]


def answer(text: str) -> Answer:
    """Return the result in pip-audit's JSON; a package that it could not look up is not safe."""
    told = json.loads(text)["dependencies"]
    asked = [package for package in told if "skip_reason" not in package]
    unsafe = [
        f"{package['name']} {package['version']}: {vuln['id']}"
        + (f", mended in {', '.join(vuln['fix_versions'])}" if vuln["fix_versions"] else "")
        for package in asked
        for vuln in package["vulns"]
    ]
    return Answer(len(asked), len(told) - len(asked), unsafe)


def audited(lock: str, folder: Path) -> Answer | None:
    """Return pip-audit's result for a lock, or None if it is not available or gives no answer."""
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            _run([sys.executable, "-m", "venv", str(folder)])
            _run([str(python), "-m", "pip", "install", *QUIET, "pip-audit"])
        options = ("--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json")
        command = [str(python), "-m", "pip_audit", *options, "--requirement", str(ROOT / lock)]
        # It also exits with 1 when it finds a vulnerability.
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        return answer(run.stdout)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None


def _run(command: Sequence[str]) -> str:
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    return run.stdout


def main() -> None:
    """Run all checks and print what is wrong."""
    environment.enter(LOCKS[0])
    wrong: list[str] = []
    locked: dict[str, list[Pin]] = {}
    for lock in LOCKS:
        locked[lock], bad = pins((ROOT / lock).read_text("utf-8"))
        wrong += [f"{lock}: {each}" for each in bad]
        hashes = sum(len(pin.hashes) for pin in locked[lock])
        print(f"{lock}: {len(locked[lock])} packages, {hashes} hashes")
    wrong += [f"{LOCKS[1]}: {each}" for each in strangers(*(locked[lock] for lock in LOCKS))]
    listed = json.loads(
        _run([str(PYTHON), "-m", "pip", "list", "--disable-pip-version-check", "--format=json"])
    )
    installed = [(package["name"], package["version"]) for package in listed]
    wrong += unlocked(installed, locked[LOCKS[0]])
    print(f"installed: {len(installed)} packages")
    check = subprocess.run([str(PYTHON), "-m", "pip", "check"], capture_output=True, text=True)
    wrong += check.stdout.splitlines() if check.returncode else []
    with tempfile.TemporaryDirectory(prefix="voicecoach-audit-") as folder:
        for lock in LOCKS:
            found = audited(lock, Path(folder))
            if not found or not found.audited:
                print(f"{lock}: NOT AUDITED: no list of vulnerabilities can be reached from here")
            else:
                unknown = f", {found.unknown} NOT AUDITED" if found.unknown else ""
                print(f"{lock}: {found.audited} audited{unknown}, {len(found.unsafe)} unsafe")
                wrong += [f"{lock}: {each}" for each in found.unsafe]
    for each in wrong:
        print(f"wrong: {each}")
    print(f"{len(wrong)} wrong" if wrong else "what is installed is what is locked, by its hashes")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

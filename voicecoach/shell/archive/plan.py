"""Decides which calls are pending and which are done.

The name of a call's result identifies what it was made from: the recording (path below the folder,
size, time of the last change) and everything else that affects the result (version, configuration,
rules, models, channels).  If a file of that name exists, the call is done.  A changed recording or
setting gives another name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from voicecoach.coaching.cues import Cue
from voicecoach.config import Config, LiveConfig, PrivacyConfig, ReplayConfig
from voicecoach.errors import ConfigError, OutputError
from voicecoach.shell.runtime.audio_files import EXTENSIONS, RAW_EXTENSIONS
from voicecoach.shell.runtime.audio_parts import has_header
from voicecoach.shell.runtime.resources import resource
from voicecoach.shell.runtime.snd_audio import RawFormat
from voicecoach.types.stream import Speaker
from voicecoach.version import __version__

RESULT_FORMAT = 1
"""Format of a call's result; raised when it changes."""
RESULTS_FOLDER, SCRATCH_FOLDER, LOCK_FILE, CALLS_FOLDER = ".calls", ".scratch", ".lock", "calls"
"""Contents of a batch's folder beside the tables."""


class ArchiveRecording(NamedTuple):
    """A recording of a call."""

    name: str
    """Its path below the folder, with slashes: the call's name in the tables."""
    size: int
    """Size, in bytes."""
    written: int
    """Time of the last change, nanoseconds since 1970."""

    @property
    def path_digest(self) -> str:
        """Hash of its path, for the names of results."""
        return _digest(os.fsencode(self.name))


class BatchSettings(NamedTuple):
    """Settings that are the same for every call of a batch."""

    folder: Path
    out: Path
    config: Config
    cues: tuple[Cue, ...]
    channels: tuple[int, int] = (0, 1)
    mapped: bool = False
    """Whether the channels were given by name."""
    mono: Speaker | None = None
    raw: RawFormat | None = None
    """What recordings without a header hold."""
    keep_folders: bool = False
    """Whether to keep the calls' own folders, too."""
    version: str = __version__

    @property
    def results(self) -> Path:
        """Folder of the calls' results."""
        return self.out / RESULTS_FOLDER

    @property
    def scratch(self) -> Path:
        """Folder of unfinished files."""
        return self.out / SCRATCH_FOLDER


def fingerprint(settings: BatchSettings) -> str:
    """Return a hash of everything but the recording that affects a result."""
    config = settings.config
    rules = msgspec.structs.replace(
        config.cues, file=""
    )  # the contents of the rules, not their file's name
    privacy = PrivacyConfig(profile=config.privacy.profile, composite=config.privacy.composite)
    config = msgspec.structs.replace(
        config, live=LiveConfig(), cues=rules, privacy=privacy, sinks={}, sources={}, views={},
        replay=ReplayConfig(),
    )  # fmt: skip
    model = Path(config.transcription.model)
    return _digest(
        msgspec.json.encode(
            [
                RESULT_FORMAT,
                settings.version,
                config,
                settings.cues,
                settings.channels,
                settings.mapped,
                settings.mono,
                settings.raw,
                sorted(p.read_text("ascii") for p in resource("models", "").glob("*SHA256SUMS")),
                [list(_state(p)) for p in sorted(model.iterdir())] if model.is_dir() else [],
            ]
        )
    )


def result_name(recording: ArchiveRecording, settings: str, *, kept: bool) -> str:
    """Return the name of a call's result; `settings` is their fingerprint."""
    state = _digest(f"{recording.size} {recording.written} {settings}".encode())
    return f"{recording.path_digest}-{state}{'-kept' if kept else ''}.json"


class ArchiveFiles(NamedTuple):
    """The files below a folder."""

    recordings: list[ArchiveRecording]
    """By path."""
    bad: dict[str, str]
    """Why others cannot be examined, by path."""
    left_out: list[str]
    """Paths of those that are no recordings: neither their name nor their beginning says so."""


def find_recordings(folder: Path) -> ArchiveFiles:
    """Return the recordings below a folder, and its other files.

    Files and folders whose name begins with a dot do not count.  Links to files are followed,
    links to folders are not.

    Raises
    ------
    ConfigError
        If there is no such folder, or no recording in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder")
    found: list[ArchiveRecording] = []
    bad: dict[str, str] = {}
    left_out: list[str] = []

    def name_of(path: str | Path) -> str:
        return Path(path).relative_to(folder).as_posix()

    def note(e: OSError) -> None:
        bad[name_of(e.filename)] = f"{e.filename}: cannot list the folder: {e.strerror}"

    for here, folders, files in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in files:
            path = Path(here, file)
            if file.startswith("."):
                continue
            try:
                named = path.suffix.lower() in EXTENSIONS | RAW_EXTENSIONS
                if named or (path.is_file() and has_header(path)):
                    found.append(ArchiveRecording(name_of(path), *_state(path)[1:]))
                else:
                    left_out.append(name_of(path))
            except OSError as e:
                bad[name_of(path)] = f"{path}: cannot read: {e.strerror}"
    if not found and not bad:
        raise ConfigError(f"{folder}: no recordings found ({' '.join(sorted(EXTENSIONS))})")
    return ArchiveFiles(sorted(found), bad, sorted(left_out))


@contextmanager
def hold_batch_folder(out: Path) -> Iterator[None]:
    """Lock a batch's folder, which is created; the system unlocks it when the process ends.

    Raises
    ------
    OutputError
        If another batch has locked it, or it cannot be created.
    """
    from filelock import FileLock, Timeout

    holder = out / f"{LOCK_FILE}.json"
    lock = FileLock(out / LOCK_FILE, timeout=0)
    try:
        for folder in (out, out / RESULTS_FOLDER, out / SCRATCH_FOLDER):
            # Transcripts are private to this user.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
        holder.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
    except Timeout as e:
        raise OutputError(
            f"{out}: another batch is writing there{_lock_holder_text(holder)}; wait until it ends"
        ) from e
    except OSError as e:
        raise OutputError(f"{out}: cannot write results there: {e.strerror or e}") from e
    try:
        _clean(out / SCRATCH_FOLDER)
        yield
    finally:
        _clean(out / SCRATCH_FOLDER)
        holder.unlink(missing_ok=True)
        lock.release()


def _lock_holder_text(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text())
    except (OSError, ValueError):
        return ""
    return f" (process {facts['pid']} on {facts['host']})"


def _clean(folder: Path) -> None:
    """Delete what a worker left unfinished when it ended."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _state(path: Path) -> tuple[str, int, int]:
    facts = path.stat()
    return path.name, facts.st_size, facts.st_mtime_ns


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]

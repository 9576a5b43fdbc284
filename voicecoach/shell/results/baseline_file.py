"""Reads and writes the file with the agent's baseline, on their own machine.

It is replaced as a whole and readable by its owner only.  A file that cannot be read is never
replaced, since it is read first.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

from voicecoach.errors import ConfigError, OutputError
from voicecoach.estimates.baseline import AgentBaseline, baseline_to_json, parse_baseline
from voicecoach.shell.runtime import atomic_write
from voicecoach.shell.runtime.regular_file import open_regular

MAX_BASELINE_BYTES = 65_536
"""Largest file read, in bytes; a longer one is not ours."""


def default_baseline_path() -> Path:
    """Return the default path of the agent's baseline."""
    return platformdirs.user_data_path("voicecoach", appauthor=False) / "baseline.json"


def read_baseline(path: Path) -> AgentBaseline | None:
    """Return the baseline in a file, None if there is no file.

    Raises
    ------
    ConfigError
        If it cannot be read or is not a baseline.
    """
    try:
        with open_regular(path) as file:
            data = file.read(MAX_BASELINE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise ConfigError(f"{path}: cannot read the baseline: {e.strerror or e}") from e
    return parse_baseline(data, str(path))


def write_baseline(path: Path, baseline: AgentBaseline) -> None:
    """Replace the baseline in a file; its folder is created.

    Raises
    ------
    OutputError
        If it cannot be written; the old content stays.
    """
    atomic_write.write_atomic(path, baseline_to_json(baseline))


def remove_baseline(path: Path) -> bool:
    """Delete the file and return whether there was one.

    Raises
    ------
    OutputError
        If it cannot be deleted.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as e:
        raise OutputError(f"{path}: cannot delete it: {e.strerror or e}") from e
    return True

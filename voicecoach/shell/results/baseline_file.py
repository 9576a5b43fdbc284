"""The file with the agent's usual, on their own machine.

It is replaced as a whole and readable by its owner alone.  What cannot be read is never replaced:
reading it comes first, and fails.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

from voicecoach.errors import ConfigError, OutputError
from voicecoach.estimates.baseline import AgentBaseline, baseline_to_json, parse_baseline
from voicecoach.shell.runtime import atomic_write

MAX_BASELINE_BYTES = 65_536
"""Bytes; what is longer is something else."""


def default_baseline_path() -> Path:
    """Return where the agent's usual is kept if nothing else is said."""
    return platformdirs.user_data_path("voicecoach", appauthor=False) / "baseline.json"


def read_baseline(path: Path) -> AgentBaseline | None:
    """Return the usual in a file, None where there is no file.

    Raises
    ------
    ConfigError
        Where it cannot be read or is no usual.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BASELINE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise ConfigError(f"{path}: cannot read the baseline: {e.strerror or e}") from e
    return parse_baseline(data, str(path))


def write_baseline(path: Path, baseline: AgentBaseline) -> None:
    """Put a usual into a file, in place of what is there; its folder is made.

    Raises
    ------
    OutputError
        Where it cannot be written; what was there is still there.
    """
    atomic_write.write_atomic(path, baseline_to_json(baseline), private=True)


def remove_baseline(path: Path) -> bool:
    """Remove the file and return whether there was one.

    Raises
    ------
    OutputError
        Where it cannot be removed.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as e:
        raise OutputError(f"{path}: cannot delete it: {e.strerror or e}") from e
    return True

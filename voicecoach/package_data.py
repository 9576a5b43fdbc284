"""Reads data files that ship inside the package.

No other module of the core reads files; the shell reads the user's files
(`shell/runtime/user_files.py`) and passes their contents to the core.
"""

from __future__ import annotations

import pkgutil

from voicecoach.types.stream import FileContents


def package_file(folder: str, name: str) -> FileContents:
    """Return a data file of a folder of this package, for example `("coaching", "cues.toml")`.

    Raises
    ------
    FileNotFoundError
        Where the package has no such file: it was not installed whole.
    """
    data = pkgutil.get_data("voicecoach", f"{folder}/{name}")
    if data is None:
        raise FileNotFoundError(f"voicecoach/{folder}/{name}")
    return FileContents(f"voicecoach/{folder}/{name}", data)

"""Data that ships inside the package: part of the program, as its code is.

The only place of the core that reads; what a user wrote is read by the shell
(`shell/runtime/user_files.py`), and the core gets its contents.
"""

from __future__ import annotations

import pkgutil

from voicecoach.types import FileContents


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

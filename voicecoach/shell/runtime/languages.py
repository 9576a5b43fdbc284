"""Finds languages: those that ship with the package, and those that other packages add.

A package adds a language with an entry point of the group `voicecoach.languages` whose name is the
language's code and whose value is a package with the tables, `phrases.toml` and the others.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from voicecoach.errors import PluginError
from voicecoach.language.pack import Language, load_language, load_numbers
from voicecoach.language.tables import TABLE_NAMES
from voicecoach.text_safety.spoken_numbers import DIGITS_ALONE, NumberWords

LANGUAGES_GROUP = "voicecoach.languages"
"""The entry point group."""
DEFAULT_LANGUAGE = "en"
"""The language of a log that does not name one."""
_CODE = re.compile(r"[a-z]{2,3}")


@cache
def find_language(code: str) -> Language:
    """Return a language; it is empty if there are no tables for it.

    Raises
    ------
    ConfigError
        If its tables cannot be used.
    PluginError
        If another package's tables cannot be loaded.
    """
    folder = _find_tables(code)
    if not folder:
        return Language(code)
    tables = {name: folder / f"{name}.toml" for name in TABLE_NAMES}
    files = {name: table.read_bytes() for name, table in tables.items() if table.is_file()}
    return load_language(code, files, f"language {code}")


@cache
def find_numbers(code: str) -> NumberWords:
    """Return a language's number words, without reading its other tables."""
    folder = _find_tables(code)
    table = folder / "numbers.toml" if folder else None
    if not table or not table.is_file():
        return DIGITS_ALONE
    return load_numbers(table.read_bytes(), f"language {code}")


def shipped_languages() -> list[str]:
    """Return the codes of the languages that ship with the package."""
    folder = resources.files("voicecoach") / "language"
    return sorted(entry.name for entry in folder.iterdir() if _CODE.fullmatch(entry.name))


def _find_tables(code: str) -> Traversable | None:
    """Return the folder with a language's tables, or None if there is none."""
    if not _CODE.fullmatch(code):
        return None
    built_in = resources.files("voicecoach") / "language" / code
    if built_in.is_dir():
        return built_in
    # This takes a tenth of a second, so it is not done for a language that ships.
    from importlib.metadata import entry_points

    for found in entry_points(group=LANGUAGES_GROUP, name=code):
        try:
            return resources.files(found.load())
        except (Exception, SystemExit) as e:  # a package may raise anything
            package = f"{found.dist.name} {found.dist.version}" if found.dist else found.value
            raise PluginError(
                f"language {code} of the package {package} cannot be loaded: {type(e).__name__}: "
                f"{e}; update the package or uninstall it"
            ) from e
    return None

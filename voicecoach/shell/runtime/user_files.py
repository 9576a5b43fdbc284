"""Reads files that a user wrote, within size limits.

Errors are `OSError` for a file that is too large or cannot be read, and `ValueError`, with the
position, for wrong content.
"""

from __future__ import annotations

import errno
from pathlib import Path

from voicecoach.coaching.cues import Cue, built_in_cues, parse_cues, translate_cues
from voicecoach.config import Config, parse_config
from voicecoach.errors import ConfigError
from voicecoach.shell.runtime.languages import find_language
from voicecoach.shell.runtime.regular_file import open_regular
from voicecoach.text_safety.bounded_input import MAX_FILE_BYTES
from voicecoach.types.stream import FileContents


def read_file(path: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """Return the contents of a file.

    Raises
    ------
    OSError
        If it cannot be read or has more than `most` bytes.
    """
    try:
        with open_regular(path) as file:
            data = file.read(most + 1)
    except ValueError as e:  # a NUL in its name
        raise OSError(errno.EINVAL, "not a valid file name") from e
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most} bytes")
    return data


def read_contents(path: Path) -> FileContents:
    """Return a file's contents with its name, in the form that the core takes.

    Raises
    ------
    OSError
        As `read_file` does.
    """
    return FileContents(str(path), read_file(path))


def expand_path(text: str) -> Path:
    """Return the path that a setting names; a leading ~ is a user's home folder.

    Raises
    ------
    ConfigError
        If not a valid file name.
    """
    try:
        path = Path(text).expanduser()
    except RuntimeError as e:
        raise ConfigError(f"{text}: cannot expand '~': no such user") from e
    if "\0" in text:
        raise ConfigError(f"{text}: not a valid file name")
    return path


def load_config(path: Path) -> Config:
    """Return the configuration in a TOML file, as `parse_config` does."""
    try:
        text = read_file(path).decode()
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot read the configuration: {reason}") from e
    return parse_config(text, str(path))


def load_cues(path: Path) -> tuple[Cue, ...]:
    """Return the cues in a TOML file, as `parse_cues` does."""
    try:
        contents = read_contents(path)
    except OSError as e:
        raise ConfigError(f"{path}: cannot read the cue rules: {e.strerror}") from e
    return parse_cues(contents)


def configured_cues(config: Config) -> tuple[Cue, ...]:
    """Return the cue rules that a configuration names; the built-in ones in its language.

    Raises
    ------
    ConfigError
        If the rules, or the texts of the language, cannot be used.
    """
    if config.cues.file:
        return load_cues(expand_path(config.cues.file))
    return translate_cues(built_in_cues(), find_language(config.transcription.language))

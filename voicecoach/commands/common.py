"""What all commands share: options, the configuration, how they end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import platformdirs
import typer

from voicecoach import config as configuration
from voicecoach import cues
from voicecoach.config import Config

UNUSABLE = 2
"""Exit code where a person has to mend something."""

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration in TOML.", metavar="FILE")
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="faster-whisper name, or a folder with a model."),
]


def fail(message: str) -> NoReturn:
    """End the command: somebody has to mend something."""
    from voicecoach.shell.console import say_error

    say_error(message)
    raise SystemExit(UNUSABLE)


def settings_of(path: Path | None, model: str | None, transcribe: bool | None) -> Config:
    """Return the effective configuration."""
    if path is None:
        default = platformdirs.user_config_path("voicecoach", appauthor=False) / "config.toml"
        settings = configuration.load(default) if default.is_file() else Config()
    else:
        settings = configuration.load(path)
    if model is not None:
        settings = configuration.override(settings, "transcription.model", model)
    if transcribe is False:
        settings = configuration.override(settings, "transcription.enabled", False)
    return settings


def rules_of(settings: Config) -> tuple[cues.Cue, ...]:
    """Return the cue rules that the configuration names."""
    file = settings.cues.file
    return cues.load(Path(file).expanduser() if file else cues.BUILT_IN)


def say(message: str) -> None:
    """Say something to the person at the terminal."""
    from voicecoach.shell.console import say

    say(message)

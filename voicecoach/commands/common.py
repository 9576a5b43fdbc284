"""Shared by all commands: options, reading the configuration, ending with an error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from voicecoach.errors import EXIT_UNUSABLE, ConfigError
from voicecoach.shell.runtime.stderr import print_error, print_to_stderr

if TYPE_CHECKING:
    from voicecoach.coaching.cues import Cue
    from voicecoach.config import Config
    from voicecoach.shell.runtime.snd_audio import RawFormat
    from voicecoach.types.stream import Speaker


class MonoSpeaker(StrEnum):
    """The values of `Speaker`, copied because importing its module would slow down `--help`."""

    AGENT = "agent"
    CUSTOMER = "customer"


ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file, TOML.", metavar="FILE")
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="faster-whisper model name, or a folder with a model.")
]
ChannelsOption = Annotated[
    str | None, typer.Option(help="Which channel carries whom. Default: agent=0,customer=1.")
]
SwapOption = Annotated[bool, typer.Option("--swap", help="Swap the two channels.")]
MonoOption = Annotated[
    MonoSpeaker | None, typer.Option(help="The recordings carry this speaker only.")
]
RawOption = Annotated[
    str | None,
    typer.Option(
        help="What recordings without a header hold, such as 8000,2,pcm16.",
        metavar="RATE,CHANNELS,ENCODING",
    ),
]
TranscribeOption = Annotated[bool, typer.Option(help="Transcribe what is said.")]
TranscriberOption = Annotated[
    str | None,
    typer.Option(
        "--transcriber", help="Transcriber, as listed by `voicecoach plugins`.", metavar="NAME"
    ),
]
AboutOption = Annotated[
    str | None,
    typer.Option(
        help="What is known about the call, whose names to expect; - reads it from standard input.",
        metavar="TEXT",
    ),
]
CarefulOption = Annotated[
    bool,
    typer.Option(
        "--careful", help="Hear every turn once more with more effort, for readers; cues stay."
    ),
]
CuesOption = Annotated[
    Path | None, typer.Option("--cues", help="Cue rules file, TOML.", metavar="FILE")
]
SinksOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sink", help="Add a sink from `voicecoach plugins`; repeatable.", metavar="NAME"
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Set a key of the configuration; repeatable.", metavar="KEY=VALUE"),
]


MAX_ABOUT_CHARS = 1000
"""Characters of a text about a call that are read; a line of a customer database is shorter."""


class ReportAudio(StrEnum):
    """Where a report's audio is stored."""

    INLINE = "inline"
    BESIDE = "beside"
    NONE = "none"


AudioOption = Annotated[
    ReportAudio,
    typer.Option(help="Where the report's sound goes: into the page, beside it, or nowhere."),
]


def fail(message: str) -> NoReturn:
    """Print an error and exit: a person must fix something."""
    print_error(message)
    raise SystemExit(EXIT_UNUSABLE)


def print_note(note: str) -> None:
    """Print a note to standard error, if there is one."""
    if note:
        print_to_stderr(f"note: {note}")


def load_settings(
    path: Path | None = None,
    model: str | None = None,
    transcribe: bool | None = None,
    *,
    cues: Path | None = None,
    transcriber: str | None = None,
    sinks: Sequence[str] | None = None,
    changes: Sequence[str] | None = None,
    about: str | None = None,
    careful: bool = False,
) -> Config:
    """Return the effective configuration; command-line options override the file.

    Raises
    ------
    ConfigError
        If a key or value is wrong, including those of plug-ins.
    """
    import platformdirs

    from voicecoach.config import Config, override_config
    from voicecoach.shell.runtime.user_files import load_config

    if path is None:
        default = platformdirs.user_config_path("voicecoach", appauthor=False) / "config.toml"
        settings = load_config(default) if default.is_file() else Config()
    else:
        settings = load_config(path)
    for key, value in (
        ("transcription.model", model),
        ("transcription.enabled", False if transcribe is False else None),
        ("transcription.engine", transcriber),
        ("transcription.careful", careful or None),
        ("cues.file", None if cues is None else str(cues)),
        *((f"sinks.{name}", {}) for name in sinks or () if name not in settings.sinks),
        *map(_parse_change, changes or ()),
    ):
        if value is not None:
            settings = override_config(settings, key, value)
    if careful and not settings.transcription.enabled:
        fail(
            "--careful hears words again: leave out --no-transcribe, or set "
            "transcription.enabled = true"
        )
    check_plugin_options(settings)
    return settings if about is None else _expect_names(settings, about)


def _expect_names(settings: Config, about: str) -> Config:
    """Return settings whose vocabulary begins with the names in a text about the call.

    Raises
    ------
    ConfigError
        If it has none, or words are not transcribed.
    """
    from voicecoach.config import MAX_VOCABULARY, override_config
    from voicecoach.language.vocabulary import names_in
    from voicecoach.shell.runtime.languages import find_numbers
    from voicecoach.text_safety.sanitize import clean_text, readable_text

    if not settings.transcription.enabled:
        raise ConfigError("--about needs transcription: leave it out where there is none")
    if about == "-":
        line = sys.stdin.buffer.readline(4 * MAX_ABOUT_CHARS)
        about = line.decode("utf-8", "replace")
    numbers = find_numbers(settings.transcription.language)
    names = names_in(clean_text(readable_text(about), MAX_ABOUT_CHARS), numbers)
    if not names:
        raise ConfigError(
            "--about has no names: write them with a capital, as in 'Jane Tille, claim denied'"
        )
    words = dict.fromkeys([*names, *settings.transcription.vocabulary])
    return override_config(settings, "transcription.vocabulary", list(words)[:MAX_VOCABULARY])


def _parse_change(text: str) -> tuple[str, Any]:
    """Return key and value of KEY=VALUE; a value that is not TOML is taken as text."""
    from voicecoach.text_safety.bounded_input import decode_toml

    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set {text}: write it as KEY=VALUE")
    try:
        return key.strip(), decode_toml(f"value = {value}".encode(), dict[str, Any])["value"]
    except ValueError:
        return key.strip(), value.strip()


def check_plugin_options(settings: Config) -> None:
    """Check the options of plug-ins, if any."""
    if settings.sinks or settings.sources or settings.transcribers or settings.views:
        from voicecoach.shell.apps.built_in import built_in_plugins
        from voicecoach.shell.runtime.plugins import Registry

        Registry(built_in_plugins(settings)).check_options(settings)


def parse_channel_mapping(
    channels: str | None, *, swap: bool = False, mono: str | None = None
) -> tuple[int, int]:
    """Return the channels of agent and customer."""
    if mono and (channels or swap):
        fail("--mono means one channel: leave out --channels and --swap")
    if channels is None:
        return (1, 0) if swap else (0, 1)
    try:
        pairs = dict(part.split("=") for part in channels.split(","))
        agent, customer = int(pairs.pop("agent")), int(pairs.pop("customer"))
    except (ValueError, KeyError):
        pairs, agent, customer = {"": ""}, 0, 0
    if pairs or agent < 0 or customer < 0 or agent == customer:
        raise ConfigError(
            f"--channels {channels}: write it as agent=0,customer=1, two different channels"
        )
    return (customer, agent) if swap else (agent, customer)


def parse_mono(mono: MonoSpeaker | None) -> Speaker | None:
    """Return the one speaker that is on the recordings."""
    from voicecoach.types.stream import Speaker

    return Speaker(mono) if mono else None


def parse_raw(raw: str | None) -> RawFormat | None:
    """Return what recordings without a header hold."""
    from voicecoach.shell.runtime.audio_files import parse_raw_format

    return None if raw is None else parse_raw_format(raw)


def load_rules(settings: Config) -> tuple[Cue, ...]:
    """Return the cue rules that the configuration names; the built-in ones in its language."""
    from voicecoach.shell.runtime.user_files import configured_cues

    return configured_cues(settings)


def missing_phrases(settings: Config) -> str:
    """Return what the configured language's missing phrases disable; "" if nothing is missing."""
    from voicecoach.coaching.cues import language_notice
    from voicecoach.shell.runtime.languages import find_language

    language = find_language(settings.transcription.language)
    return language_notice(language, load_rules(settings))


def clean_argument(text: str) -> str:
    """Return a command-line argument as valid text, whatever bytes it contains."""
    from voicecoach.text_safety.sanitize import readable_text

    return readable_text(text)

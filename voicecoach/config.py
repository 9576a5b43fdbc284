"""The configuration: one frozen tree, defaults beside their units, TOML overrides only.

Unknown keys and values out of range are refused with their path; `voicecoach config` prints the
effective tree with these descriptions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import tomli_w
from msgspec import Meta

from voicecoach import limits
from voicecoach.errors import ConfigError

Probability = Annotated[float, Meta(ge=0.0, le=1.0)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration."""


class Endpointing(Section, frozen=True, kw_only=True):
    """From speech probability to segments, turns, overlaps."""

    onset: Annotated[
        float, Meta(gt=0.0, lt=1.0, description="speech probability that starts a segment")
    ] = 0.5
    offset: Annotated[
        float, Meta(gt=0.0, lt=1.0, description="below this a segment starts to end")
    ] = 0.35
    onset_s: Annotated[
        float, Meta(ge=0.0, le=1.0, description="s above `onset` that confirm a start")
    ] = 0.064
    offset_s: Annotated[
        float, Meta(ge=0.1, le=3.0, description="s below `offset` that confirm an end")
    ] = 0.4
    backchannel_s: Annotated[
        float,
        Meta(ge=0.0, le=3.0, description="s: speech inside the other's, shorter than this, is one"),
    ] = 1.0
    turn_gap_s: Annotated[
        float, Meta(ge=0.4, le=10.0, description="s of silence after which a turn is over")
    ] = 2.0


class Transcription(Section, frozen=True, kw_only=True):
    """Words."""

    enabled: Annotated[bool, Meta(description="transcribe at all")] = True
    model: Annotated[
        str, Meta(min_length=1, description="faster-whisper name, or a CTranslate2 folder")
    ] = "tiny.en"
    language: Annotated[
        str, Meta(min_length=2, max_length=3, description="language code for multilingual models")
    ] = "en"
    vocabulary: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=60)], ...],
        Meta(max_length=50, description="names to expect: products, places, people"),
    ] = ()
    first_s: Annotated[
        float, Meta(ge=0.2, le=5.0, description="s of speech before the first partial words")
    ] = 0.7
    step_s: Annotated[float, Meta(ge=0.2, le=5.0, description="s between partial hypotheses")] = 0.4
    pause_s: Annotated[
        float, Meta(ge=0.2, le=2.0, description="s of silence that end an utterance")
    ] = 0.6
    max_utterance_s: Annotated[
        float, Meta(ge=5.0, le=25.0, description="s after which an utterance is cut")
    ] = 14.0
    replay_delay_s: Annotated[
        float,
        Meta(ge=0.256, le=5.0, description="s from request to words, as modelled in a replay"),
    ] = 0.3


class Tone(Section, frozen=True, kw_only=True):
    """The estimate of the customer's agitation."""

    window_s: Annotated[
        float, Meta(ge=0.5, le=10.0, description="s of speech under one estimate of the voice")
    ] = 2.0
    pause_s: Annotated[
        float, Meta(ge=0.2, le=10.0, description="s of silence after which speech counts anew")
    ] = 0.7


class Delivery(Section, frozen=True, kw_only=True):
    """Measurement of the agent against their own usual."""

    window_s: Annotated[
        float, Meta(ge=1.0, le=20.0, description="s of speech under one measurement")
    ] = 5.0
    stale_s: Annotated[
        float, Meta(ge=1.0, le=120.0, description="s after which speech no longer counts")
    ] = 12.0
    warmup_s: Annotated[
        float,
        Meta(ge=0.0, le=300.0, description="s of speech before there is a usual, if none is kept"),
    ] = 8.0


class Cues(Section, frozen=True, kw_only=True):
    """Cues."""

    file: Annotated[str, Meta(description="cue rules in TOML; empty: the built-in ones")] = ""
    min_gap_s: Annotated[
        float, Meta(ge=0.0, le=600.0, description="s between one cue's end and the next")
    ] = 15.0
    calm_most: Annotated[
        int,
        Meta(ge=1, le=1000, description="cues in 10 minutes in which the customer is not agitated"),
    ] = 3
    holdout: Annotated[
        float,
        Meta(ge=0.0, le=0.5, description="share of cues not shown by chance, to compare with"),
    ] = 0.0
    holdout_seed: Annotated[
        int,
        Meta(ge=0, le=2**53, description="of that chance: the same seed holds out the same cues"),
    ] = 0


class Privacy(Section, frozen=True, kw_only=True):
    """What may be shown."""

    profile: Annotated[
        Literal["standard", "eu"],
        Meta(description="eu: the agent's signals without the composite calmness"),
    ] = "standard"


class Live(Section, frozen=True, kw_only=True):
    """Live calls."""

    microphone: Annotated[
        str, Meta(description="the agent's source, as in `voicecoach devices`; empty: the system's")
    ] = ""
    softphone: Annotated[str, Meta(description="the customer's, likewise")] = ""
    notice: Annotated[
        str, Meta(min_length=1, description="what you tell the customer; for --consent")
    ] = (
        "This call is analysed on my own computer, voice and words, to help me serve you well. "
        "No sound is kept, and nothing leaves this computer. Is that all right with you?"
    )


class Journal(Section, frozen=True, kw_only=True):
    """The journal of calls."""

    enabled: Annotated[bool, Meta(description="live calls go into the journal, as figures")] = True
    keep_days: Annotated[
        int, Meta(ge=0, le=36_500, description="days after which a call leaves it; 0: never")
    ] = 90
    words: Annotated[bool, Meta(description="keep what quotes somebody, too: cues, scores")] = False
    file: Annotated[str, Meta(description="its file; empty: in your data folder")] = ""


class Config(Section, frozen=True, kw_only=True):
    """The whole tree."""

    endpointing: Endpointing = Endpointing()
    transcription: Transcription = Transcription()
    tone: Tone = Tone()
    delivery: Delivery = Delivery()
    cues: Cues = Cues()
    privacy: Privacy = Privacy()
    live: Live = Live()
    journal: Journal = Journal()

    def __post_init__(self) -> None:
        if self.endpointing.offset > self.endpointing.onset:
            raise ValueError("offset must not exceed onset - at `$.endpointing.offset`")


def parse(text: str, where: str) -> Config:
    """Return the configuration in a TOML text.

    Raises
    ------
    ConfigError
        Where it is no TOML, has an unknown key, or a value of the wrong type or range.
    """
    try:
        return limits.toml(text.encode(), Config)
    except ValueError as e:
        raise ConfigError(f"{where}: {_in_words(str(e))}") from e


def load(path: Path) -> Config:
    """Return the configuration in a TOML file, as `parse` does."""
    try:
        text = limits.read(path).decode()
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot read the configuration: {reason}") from e
    return parse(text, str(path))


def override(config: Config, path: str, value: Any) -> Config:
    """Return `config` with the value at a dotted path replaced and checked."""
    tree = msgspec.to_builtins(config)
    *sections, key = path.split(".")
    table = tree
    for section in sections:
        table = table[section]
    table[key] = value
    try:
        return msgspec.convert(tree, Config)
    except msgspec.ValidationError as e:
        raise ConfigError(_in_words(str(e))) from e


def dumps(config: Config) -> str:
    """Return the tree as TOML that `parse` accepts, each key with its description."""
    lines = []
    for section in msgspec.structs.fields(type(config)):
        table = getattr(config, section.name)
        lines += [f"[{section.name}]"]
        for field in msgspec.structs.fields(type(table)):
            pair = tomli_w.dumps({field.name: getattr(table, field.name)}).rstrip("\n")
            lines.append(f"{pair}  # {_description(field.type)}")
        lines.append("")
    return "\n".join(lines)


def file(text: str) -> Path:
    """Return the file that a setting names; where it begins with a ~, somebody's home.

    Raises
    ------
    ConfigError
        Where no file can have that name.
    """
    try:
        path = Path(text).expanduser()
    except RuntimeError as e:
        raise ConfigError(f"{text}: nobody here has such a home") from e
    if "\0" in text:
        raise ConfigError(f"{text}: no file has such a name")
    return path


def _description(annotated: Any) -> str:
    for meta in getattr(annotated, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.description:
            return meta.description
    raise TypeError(f"{annotated} has no description")


def _in_words(message: str) -> str:
    """Turn msgspec's JSON path into a TOML one: `$.a.b` becomes `a.b`."""
    text, _, path = message.partition(" - at `$.")
    return f"{path.rstrip('`')}: {text}" if path else text

"""Defines the configuration: one frozen tree of defaults with units, overridden in TOML.

Unknown keys and values out of range raise an error that names their path.  `voicecoach config`
prints the effective tree with the descriptions given here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import tomli_w
from msgspec import Meta

from voicecoach.errors import ConfigError
from voicecoach.text_safety import bounded_input
from voicecoach.types.stream import Immutable


class ConfigSection(
    Immutable, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """A section of the configuration: a TOML table."""


class EndpointingConfig(ConfigSection, frozen=True, kw_only=True):
    """How speech probabilities become segments, turns and overlaps."""

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
        Meta(ge=0.0, le=3.0, description="s: shorter speech during the other's is a backchannel"),
    ] = 1.0
    turn_gap_s: Annotated[
        float, Meta(ge=0.4, le=10.0, description="s of silence after which a turn is over")
    ] = 2.0


MAX_VOCABULARY = 50
"""Most names to expect."""


class TranscriptionConfig(ConfigSection, frozen=True, kw_only=True):
    """Transcription of words."""

    enabled: Annotated[bool, Meta(description="transcribe what is said")] = True
    engine: Annotated[
        str, Meta(min_length=1, description="transcriber: whisper, or one from a package")
    ] = "whisper"
    model: Annotated[
        str, Meta(min_length=1, description="faster-whisper name, or a CTranslate2 folder")
    ] = "tiny.en"
    second: Annotated[
        bool, Meta(description="a second recogniser hears too, where its model is installed")
    ] = True
    careful: Annotated[
        bool, Meta(description="hear a recorded call again with more care, after its replay")
    ] = False
    language: Annotated[
        str,
        Meta(
            pattern=r"^[a-z]{2,3}\Z",
            description="code of the language that is spoken; there are phrases for en",
        ),
    ] = "en"
    vocabulary: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=60)], ...],
        Meta(max_length=MAX_VOCABULARY, description="names to expect: products, places, people"),
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


class ToneConfig(ConfigSection, frozen=True, kw_only=True):
    """Estimation of the customer's agitation."""

    window_s: Annotated[
        float, Meta(ge=0.5, le=10.0, description="s of speech under one estimate of the voice")
    ] = 2.0
    pause_s: Annotated[
        float,
        Meta(ge=0.2, le=10.0, description="s of silence after which speech is measured afresh"),
    ] = 0.7


class DeliveryConfig(ConfigSection, frozen=True, kw_only=True):
    """Measurement of the agent's delivery against their own baseline."""

    window_s: Annotated[
        float, Meta(ge=1.0, le=20.0, description="s of speech under one measurement")
    ] = 5.0
    stale_s: Annotated[
        float, Meta(ge=1.0, le=120.0, description="s after which speech no longer counts")
    ] = 12.0
    warmup_s: Annotated[
        float,
        Meta(
            ge=0.0, le=300.0, description="s of speech before a baseline exists, if none is stored"
        ),
    ] = 8.0


class CuesConfig(ConfigSection, frozen=True, kw_only=True):
    """Choice and timing of cues."""

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
        Meta(
            ge=0, le=2**53, description="seed of that chance: the same seed holds out the same cues"
        ),
    ] = 0


def _by_profile() -> Any:
    """Return the default of a field whose value the privacy profile sets unless it is given."""
    return msgspec.UNSET


PRIVACY_PROFILES: Mapping[str, Mapping[str, Any]] = {
    "standard": {"composite": True, "ask_first": False, "keep_words": True, "keep_days": 0},
    "eu": {"composite": False, "ask_first": True, "keep_words": False, "keep_days": 90},
}
"""Values that each privacy profile gives to the other keys of its section."""
EU_MAX_DAYS = 366
"""Longest time that a call may be kept under the profile eu, days."""


class PrivacyConfig(ConfigSection, frozen=True, kw_only=True):
    """What is shown, asked and stored; docs/privacy.md gives the reasons."""

    profile: Annotated[
        Literal["standard", "eu"],
        Meta(description="standard or eu; sets the defaults of the keys below"),
    ] = "standard"
    composite: Annotated[
        bool, Meta(description="the composite calmness beside the agent's signals; never with eu")
    ] = _by_profile()
    ask_first: Annotated[
        bool, Meta(description="live calls: capture nothing before the notice, as --consent --wait")
    ] = _by_profile()
    keep_words: Annotated[
        bool, Meta(description="live calls: keep the words in the call's folder")
    ] = _by_profile()
    keep_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="days after which a live call's folder is deleted; 0: never",
        ),
    ] = _by_profile()

    def __post_init__(self) -> None:
        for name, value in PRIVACY_PROFILES[self.profile].items():
            if getattr(self, name) is msgspec.UNSET:
                msgspec.structs.force_setattr(self, name, value)


class ReplayConfig(ConfigSection, frozen=True, kw_only=True):
    """Replays of recordings."""

    max_hours: Annotated[
        float, Meta(gt=0.0, le=10_000.0, description="hours: a longer recording is refused")
    ] = 12.0


class LiveConfig(ConfigSection, frozen=True, kw_only=True):
    """Live calls."""

    microphone: Annotated[
        str,
        Meta(
            description="the agent's source, as in `voicecoach devices`; empty: the system default"
        ),
    ] = ""
    softphone: Annotated[
        str, Meta(description="the output that the softphone plays on, likewise")
    ] = ""
    source: Annotated[
        str, Meta(description="audio source, as in `voicecoach plugins`; empty: the system default")
    ] = ""
    view: Annotated[
        str, Meta(min_length=1, description="view, as listed by `voicecoach plugins`, or auto")
    ] = "auto"
    port: Annotated[
        int,
        Meta(
            ge=0,
            le=65_535,
            description="port of the page, the metrics and `voicecoach tell`, on this computer "
            "(127.0.0.1); 0: a free one",
        ),
    ] = 0
    notice: Annotated[
        str, Meta(min_length=1, description="notice to read to the customer, for --consent")
    ] = (
        "This call is analysed on my own computer, what is said and how agitated it sounds, to "
        "help me serve you well. No sound is kept, and nothing leaves this computer. You can say "
        "no, now or later. Is that all right with you?"
    )
    notice_recorded: Annotated[
        str, Meta(min_length=1, description="the same when the audio is recorded, for --record")
    ] = (
        "This call is recorded and analysed on my own computer, what is said and how agitated it "
        "sounds, to help me serve you well. Nothing leaves this computer. You can say no, now or "
        "later. Is that all right with you?"
    )


class JournalConfig(ConfigSection, frozen=True, kw_only=True):
    """The journal of calls."""

    enabled: Annotated[bool, Meta(description="add live calls to the journal, as figures")] = True
    keep_days: Annotated[
        int,
        Meta(ge=0, le=36_500, description="days after which a call is deleted from it; 0: never"),
    ] = 90
    words: Annotated[
        bool, Meta(description="also keep quotations: cue messages, score card moments")
    ] = False
    file: Annotated[str, Meta(description="journal file; empty: in your data folder")] = ""


PluginTables: TypeAlias = dict[str, dict[str, Any]]
"""Options by plug-in name; the plug-in declares and checks its own."""
PLUGIN_TABLES = ("sinks", "sources", "transcribers", "views")
"""The keys of `Config` that hold options of plug-ins."""


class Config(ConfigSection, frozen=True, kw_only=True):
    """The whole configuration."""

    endpointing: EndpointingConfig = EndpointingConfig()
    transcription: TranscriptionConfig = TranscriptionConfig()
    tone: ToneConfig = ToneConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    cues: CuesConfig = CuesConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    replay: ReplayConfig = ReplayConfig()
    live: LiveConfig = LiveConfig()
    journal: JournalConfig = JournalConfig()
    sinks: PluginTables = {}
    sources: PluginTables = {}
    transcribers: PluginTables = {}
    views: PluginTables = {}

    def __post_init__(self) -> None:
        if self.endpointing.offset > self.endpointing.onset:
            raise ValueError("offset must not exceed onset - at `$.endpointing.offset`")
        if self.privacy.profile == "eu":
            self._bounded()

    def _bounded(self) -> None:
        """Raise `ValueError` for a value that the profile eu does not allow."""
        if self.privacy.composite:
            raise ValueError("not allowed with the profile eu - at `$.privacy.composite`")
        if not self.privacy.ask_first:
            raise ValueError("must be true with the profile eu - at `$.privacy.ask_first`")
        if self.journal.words:
            raise ValueError("not allowed with the profile eu - at `$.journal.words`")
        for name, days in ("privacy", self.privacy.keep_days), ("journal", self.journal.keep_days):
            if not 1 <= days <= EU_MAX_DAYS:
                raise ValueError(
                    f"must be 1 to {EU_MAX_DAYS} with the profile eu - at `$.{name}.keep_days`"
                )


def parse_config(text: str, where: str) -> Config:
    """Return the configuration in a TOML text.

    Raises
    ------
    ConfigError
        If it is not TOML, or has an unknown key or a value of the wrong type or range.
    """
    try:
        return bounded_input.decode_toml(text.encode(), Config)
    except ValueError as e:
        raise ConfigError(f"{where}: {_in_words(str(e))}") from e


def override_config(config: Config, path: str, value: Any) -> Config:
    """Return `config` with the value at a dotted path replaced and checked.

    Raises
    ------
    ConfigError
        If there is no such table or key, or the value has the wrong type or range.

    Examples
    --------
    >>> import voicecoach as vc
    >>> config = vc.override_config(vc.Config(), "cues.min_gap_s", 5.0)
    >>> config.cues.min_gap_s
    5.0
    """
    tree = msgspec.to_builtins(config)
    *sections, key = path.split(".")
    table = tree
    for depth, section in enumerate(sections):
        if depth == 1 and sections[0] in PLUGIN_TABLES:
            table.setdefault(section, {})
        table = table.get(section)
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: no such table")
    if path == "privacy.profile":
        table.clear()  # so that the new profile sets the other keys
    table[key] = value
    try:
        return msgspec.convert(tree, Config)
    except msgspec.ValidationError as e:
        raise ConfigError(_in_words(str(e))) from e


def config_to_toml(config: Config) -> str:
    """Return the tree as TOML that `parse_config` accepts, each key with its description.

    Options of plug-ins are included only if they are set; `voicecoach plugins` describes them.
    """
    lines = []
    for section in msgspec.structs.fields(type(config)):
        table = getattr(config, section.name)
        if section.name in PLUGIN_TABLES:
            lines += [tomli_w.dumps({section.name: table})] if table else []
            continue
        lines += [f"[{section.name}]"]
        for field in msgspec.structs.fields(type(table)):
            pair = tomli_w.dumps({field.name: getattr(table, field.name)}).rstrip("\n")
            lines.append(f"{pair}  # {_description(field.type)}")
        lines.append("")
    return "\n".join(lines)


def _description(annotated: Any) -> str:
    for meta in getattr(annotated, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.description:
            return meta.description
    raise TypeError(f"{annotated} has no description")


def _in_words(message: str) -> str:
    """Replace the JSON path in msgspec's message by a TOML path in front: `$.a.b` becomes `a.b`."""
    text, _, path = message.partition(" - at `$.")
    return f"{path.rstrip('`')}: {text}" if path else text

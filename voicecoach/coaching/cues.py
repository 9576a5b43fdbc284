"""Defines cues: rules over named signals, and what is shown when one holds.

Conditions are ANDed inside a rule, rules are ORed inside a cue; there is no expression language.
A comparison with an unknown signal (NaN) is false, so unknown signals never open a cue.
`cue_engine` opens and closes them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from voicecoach.coaching.signal_catalogue import CUE_QUOTES, CUE_SIGNALS
from voicecoach.errors import ConfigError
from voicecoach.language.act_matcher import ACT_KINDS
from voicecoach.language.pack import Language
from voicecoach.package_data import package_file
from voicecoach.text_safety import bounded_input
from voicecoach.types.stream import SPEAKERS, FileContents, Immutable, Speaker

BUILT_IN_CUES = package_file("coaching", "cues.toml")
"""The built-in cue rules."""
HELD_PLACEHOLDER = "held_s"
"""In messages: seconds for which the rule has held."""

MAX_CONDITIONS = 2000
"""Most conditions in a file of rules: each is checked at every tick of a call."""
MAX_RULES = 100
"""Most rules of a cue."""

SecondsValue = Annotated[float, Meta(ge=0.0, le=86_400.0)]
NumberValue = Annotated[float, Meta(ge=-1e9, le=1e9)]
TextValue = Annotated[str, Meta(min_length=1, max_length=1000)]
_DECIMALS = re.compile(r"(\.\df)?")
"""Allowed format of a signal in a message: a width of a billion would be as many spaces."""


class _StrictTable(
    Immutable, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    pass


class Condition(_StrictTable, frozen=True, kw_only=True):
    """A comparison of one signal with a value."""

    signal: str
    op: Literal[">=", "<="]
    value: NumberValue

    def holds(self, signals: Mapping[str, float]) -> bool:
        """Return whether the comparison is true; never for an unknown signal."""
        x = signals[self.signal]
        return x >= self.value if self.op == ">=" else x <= self.value


class Rule(_StrictTable, frozen=True, kw_only=True):
    """Conditions that must all hold for `for_s` seconds."""

    when: Annotated[tuple[Condition, ...], Meta(min_length=1)]
    for_s: SecondsValue


class HeededCriterion(_StrictTable, frozen=True, kw_only=True):
    """How to tell that the agent did what the cue says; one of these is enough."""

    moves: tuple[str, ...] = ()
    """Kinds of dialogue acts."""
    signal: Condition | None = None


class WorseningSignal(_StrictTable, frozen=True, kw_only=True):
    """A worsening signal that ends a cool-down early."""

    signal: str
    by: Annotated[float, Meta(gt=0.0, le=1e9)]


class Cue(_StrictTable, frozen=True, kw_only=True):
    """A cue and its rules."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9-]+\Z", max_length=100)]
    title: TextValue
    technique: Annotated[str, Meta(max_length=1000)]
    priority: Annotated[int, Meta(ge=-1000, le=1000)]
    message: TextValue
    keep_for_s: SecondsValue
    max_show_s: Annotated[float, Meta(gt=0.0, le=86_400.0)]
    cooldown_s: SecondsValue
    max_per_call: Annotated[int, Meta(ge=1, le=1_000_000)]
    rule: Annotated[tuple[Rule, ...], Meta(min_length=1, max_length=MAX_RULES)]
    heeded: HeededCriterion
    worse: WorseningSignal | None = None
    say: Annotated[str, Meta(max_length=1000)] = ""
    """Words that the agent could say."""

    def placeholders(self) -> list[str]:
        """Return the signals and quotes in `message` and `say`, each once."""
        texts = (self.message, self.say)
        found = [name for text in texts for name, *_ in _placeholders_in(text) if name]
        return [name for name in dict.fromkeys(found) if name != HELD_PLACEHOLDER]

    def channels_needed(self, rule: Rule) -> tuple[Speaker, ...]:
        """Return the speakers whose channels a rule of this cue depends on."""
        named = [CUE_SIGNALS[condition.signal] for condition in rule.when]
        named += [CUE_SIGNALS[name] for name in self.placeholders() if name in CUE_SIGNALS]
        return tuple(s for s in SPEAKERS if any(s in signal.needs for signal in named))

    def needs_phrases(self) -> bool:
        """Return whether none of its rules can hold if the language has no phrases."""
        return all(any(CUE_SIGNALS[c.signal].phrases for c in rule.when) for rule in self.rule)


class _CueFile(_StrictTable, frozen=True, kw_only=True):
    cue: tuple[Cue, ...]


def parse_cues(file: FileContents) -> tuple[Cue, ...]:
    """Return the cues in the contents of a TOML file.

    Raises
    ------
    ConfigError
        If a rule is invalid, for example because it names an unknown signal.
    """
    try:
        cues = bounded_input.decode_toml(file.data, _CueFile).cue
    except ValueError as e:
        raise ConfigError(f"{file.name}: {e}") from e
    conditions = sum(len(rule.when) for cue in cues for rule in cue.rule)
    if conditions > MAX_CONDITIONS:
        raise ConfigError(
            f"{file.name}: its rules have {conditions} conditions; at most {MAX_CONDITIONS} can be "
            "checked in time, eight times a second"
        )
    seen: set[str] = set()
    for cue in cues:
        if cue.id in seen:
            raise ConfigError(f"{file.name}: cue {cue.id!r} is defined twice")
        seen.add(cue.id)
        _check_cue(cue, file.name)
    return cues


@cache
def built_in_cues() -> tuple[Cue, ...]:
    """Return the built-in cues."""
    return parse_cues(BUILT_IN_CUES)


def translate_cues(cues: tuple[Cue, ...], language: Language) -> tuple[Cue, ...]:
    """Return cues with their texts in a language, if the language has them.

    Raises
    ------
    ConfigError
        If a text belongs to no cue, or has a placeholder that cannot be filled in.
    """
    ids = {cue.id for cue in cues}
    where = f"language {language.code}/texts.toml"
    for id in language.texts:
        if id not in ids:
            raise ConfigError(f"{where}: unknown cue {id!r}")
    translated = []
    for cue in cues:
        if text := language.texts.get(cue.id):
            shown = msgspec.structs.asdict(text)
            cue = msgspec.structs.replace(cue, **shown)
            _check_cue(cue, where)
        translated.append(cue)
    return tuple(translated)


def language_notice(language: Language, cues: tuple[Cue, ...]) -> str:
    """Return what does not work because a language lacks tables, "" if everything works."""
    missing = language.missing
    if not missing:
        return ""
    withheld = {
        "phrases": f"{sum(cue.needs_phrases() for cue in cues)} of {len(cues)} cues withheld",
        "wording": "the customer's words do not count towards their agitation",
        "number words": "card numbers are hidden only where they are written in digits",
    }
    what = "phrases" if "phrases" in missing else " and no ".join(missing)
    return f"no {what} for {language.code!r}: {', '.join(withheld[name] for name in missing)}"


def _check_cue(cue: Cue, where: str) -> None:
    conditions = [condition for rule in cue.rule for condition in rule.when]
    conditions += [cue.heeded.signal] if cue.heeded.signal else []
    named = [condition.signal for condition in conditions]
    named += [cue.worse.signal] if cue.worse else []
    for name in named:
        if name not in CUE_SIGNALS:
            raise ConfigError(f"{where}: cue {cue.id!r}: unknown signal {name!r}")
    for kind in cue.heeded.moves:
        if kind not in ACT_KINDS[Speaker.AGENT]:
            raise ConfigError(
                f"{where}: cue {cue.id!r}: unknown dialogue act of the agent {kind!r}"
            )
    if not cue.heeded.moves and not cue.heeded.signal:
        raise ConfigError(f"{where}: cue {cue.id!r}: `heeded` needs dialogue acts or a signal")
    known = {
        HELD_PLACEHOLDER: 1.0,
        **dict.fromkeys(CUE_SIGNALS, 1.0),
        **dict.fromkeys(CUE_QUOTES, ""),
    }
    for text in (cue.message, cue.say):
        try:
            for name, decimals, conversion in _placeholders_in(text):
                if name not in known or conversion or not _DECIMALS.fullmatch(decimals):
                    raise ValueError(f"{{{name}{conversion}:{decimals}}}")
            text.format_map(known)
        except ValueError as e:
            raise ConfigError(f"{where}: cue {cue.id!r}: {text!r}: {e} cannot be filled in") from e


def _placeholders_in(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the placeholders of a text: name, format and conversion."""
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is not None:
            yield name, spec or "", conversion or ""

"""Loads a language as one object: its phrases, wording, number words, and the texts of cues.

The shell reads its TOML tables (see `tables`) from `voicecoach/language/xx/` or from another
package.  A language without tables is an object too: parts that need a missing table find nothing,
and `missing` names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import msgspec

from voicecoach.errors import ConfigError
from voicecoach.language.act_matcher import ACT_KINDS, ActPhrases
from voicecoach.language.phrases import SharedPhrases
from voicecoach.language.tables import (
    TABLE_NAMES,
    ActTable,
    CueText,
    DialogueActFile,
    NumberTable,
    SharedTable,
    WordingTable,
    convert_table,
    decode_table,
)
from voicecoach.language.wording import WordingPhrases
from voicecoach.text_safety.spoken_numbers import DIGITS_ALONE, NumberWords
from voicecoach.types.stream import Speaker


class Language(NamedTuple):
    """The tables of a language, ready for use."""

    code: str
    """Language code, as in `[transcription] language`."""
    dialogue_acts: ActPhrases | None = None
    """Phrases of dialogue acts; None if the language has none."""
    wording: WordingPhrases | None = None
    """Phrases that show a customer's agitation; None if the language has none."""
    offensive: frozenset[str] = frozenset()
    """Obscenities and insults, normalised."""
    numbers: NumberWords = DIGITS_ALONE
    """Number words, for masking card numbers."""
    texts: Mapping[str, CueText] = {}
    """Texts of the built-in cues by cue id; a cue without an entry is shown in English."""

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        return self  # immutable

    @property
    def missing(self) -> list[str]:
        """The missing parts, each one of "phrases", "wording" and "number words"."""
        found = {
            "phrases": self.dialogue_acts is not None,
            "wording": self.wording is not None,
            "number words": self.numbers is not DIGITS_ALONE,
        }
        return [name for name, there in found.items() if not there]


def load_language(code: str, files: Mapping[str, bytes], source: str) -> Language:
    """Return a language from its files.

    Parameters
    ----------
    code
        Language code, as in `[transcription] language`.
    files
        TOML contents by name.  Names are from `TABLE_NAMES`; any file may be missing, but
        `dialogue_acts` and `wording` need `phrases`.
    source
        Folder of the files, for error messages.

    Raises
    ------
    ConfigError
        If a file is invalid; it names the file, and the key or line.
    """
    for name in files:
        if name not in TABLE_NAMES:
            raise ConfigError(f"{source}/{name}.toml: a language has {', '.join(TABLE_NAMES)}")
    found: dict[str, Any] = {}
    shared: SharedPhrases | None = None
    if "phrases" in files:
        with _naming(f"{source}/phrases.toml"):
            table = decode_table(files["phrases"], SharedTable)
            shared = SharedPhrases(table)
            found["offensive"] = frozenset(table.offensive)
    elif {"dialogue_acts", "wording"} & files.keys():
        raise ConfigError(f"{source}: dialogue_acts.toml and wording.toml need phrases.toml")
    if shared and "dialogue_acts" in files:
        with _naming(f"{source}/dialogue_acts.toml"):
            acts = decode_table(files["dialogue_acts"], DialogueActFile)
            found["dialogue_acts"] = _dialogue_acts(acts, shared)
    if shared and "wording" in files:
        with _naming(f"{source}/wording.toml"):
            wording = decode_table(files["wording"], WordingTable)
            found["wording"] = WordingPhrases(wording, shared)
    if "numbers" in files:
        found["numbers"] = load_numbers(files["numbers"], source)
    if "texts" in files:
        with _naming(f"{source}/texts.toml"):
            found["texts"] = decode_table(files["texts"], dict[str, CueText])
    return Language(code, **found)


def load_numbers(data: bytes, source: str) -> NumberWords:
    """Return only the number words of a language, from its `numbers.toml`.

    Parameters and errors are those of `load_language`.
    """
    with _naming(f"{source}/numbers.toml"):
        return NumberWords(**msgspec.structs.asdict(decode_table(data, NumberTable)))


def _dialogue_acts(file: DialogueActFile, shared: SharedPhrases) -> ActPhrases:
    acts: dict[Speaker, dict[str, ActTable]] = {}
    for speaker, tables in ((Speaker.AGENT, file.agent), (Speaker.CUSTOMER, file.customer)):
        acts[speaker] = {}
        for kind, table in tables.items():
            with _naming(f"{speaker}.{kind}"):
                if kind not in ACT_KINDS[speaker]:
                    raise ValueError(f"the {speaker} has no dialogue act of that name")
                acts[speaker][kind] = convert_table(table, ActTable)
    return ActPhrases(acts, file.supportive, file.spelling, file.sets, shared)


@contextmanager
def _naming(place: str) -> Iterator[None]:
    """Raise errors as `ConfigError`, with the place of the error in front of the message."""
    try:
        yield
    except (ValueError, ConfigError) as e:
        raise ConfigError(f"{place}: {e}") from e

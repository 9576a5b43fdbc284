"""Loads a language as one object: its phrases, wording, number words, and the texts of cues.

It is made of tables (`tables`), which the shell reads: `voicecoach/language/xx/`, or another
package's.  A language of which there are none is an object, too: whatever needs what is missing
finds nothing, and `missing` says so.
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
from voicecoach.text_safety.card_masking import DIGITS_ALONE, NumberWords
from voicecoach.types.stream import Speaker


class Language(NamedTuple):
    """What there is of a language."""

    code: str
    """As `[transcription] language` has it."""
    dialogue_acts: ActPhrases | None = None
    """Phrases of dialogue acts; None where there are none."""
    wording: WordingPhrases | None = None
    """Phrases that tell of a customer's agitation; None where there are none."""
    numbers: NumberWords = DIGITS_ALONE
    """How numbers are said."""
    texts: Mapping[str, CueText] = {}
    """What the built-in cues show in this language, by cue; English where there is none."""

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        return self  # nothing in it changes

    @property
    def missing(self) -> list[str]:
        """What there is none of: `phrases`, `wording`, `number words`."""
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
        As `[transcription] language` has it.
    files
        TOML by name, one of `TABLE_NAMES`, each of which may be left out; `dialogue_acts` and
        `wording` need `phrases`.
    source
        Where they are, for messages.

    Raises
    ------
    ConfigError
        Naming the file, and the key or line that is wrong.
    """
    for name in files:
        if name not in TABLE_NAMES:
            raise ConfigError(f"{source}/{name}.toml: a language has {', '.join(TABLE_NAMES)}")
    found: dict[str, Any] = {}
    shared: SharedPhrases | None = None
    if "phrases" in files:
        with _naming(f"{source}/phrases.toml"):
            shared = SharedPhrases(decode_table(files["phrases"], SharedTable))
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
    """Return the number words in a language's `numbers.toml` alone, as `load_language` does."""
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
    """Put the place that is at fault before what is wrong with it."""
    try:
        yield
    except (ValueError, ConfigError) as e:
        raise ConfigError(f"{place}: {e}") from e

"""The truth of a call: who said what and when, and where each cue is due.

The truth of a staged call is written together with its audio (`scripts.staging.stage_call`), that
of a real call by hand.  All times are seconds from the start of the recording.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec
import tomli_w
from msgspec import Meta

from voicecoach.errors import one_line
from voicecoach.shell.runtime.user_files import read_file
from voicecoach.text_safety import bounded_input

Who = Literal["agent", "customer"]
Pair = tuple[float, float]
"""Start and end, seconds."""
Name: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]*\Z", max_length=100)]
"""Name of a file in the same folder or in the shared data, without its extension.  The pattern
keeps paths from leaving the folder."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a TOML file; unknown fields are errors."""


class Said(NamedTuple):
    """A word that was said or heard."""

    who: Who
    text: str
    start_s: float
    end_s: float


class Part(Table, frozen=True, kw_only=True):
    """A turn, a backchannel, a played sound, or a silence."""

    id: str
    who: Who
    kind: str
    """speech, backchannel, or the name of what was played."""
    start_s: float
    end_s: float
    emotions: tuple[str, ...] = ()
    speech_s: tuple[Pair, ...] = ()
    """Spans of speech in it, without its pauses."""


class Span(Table, frozen=True, kw_only=True):
    """Where a cue is due or allowed; anywhere else it is wrong."""

    cue: str
    verdict: Literal["due", "allowed"] = msgspec.field(name="is")
    begins_s: float
    """When the behaviour begins."""
    evidence_s: float
    """When the evidence for it is complete."""
    until_s: float
    """Until when the cue still helps."""
    why: str = ""


class Distrust(Table, frozen=True, kw_only=True):
    """A channel with a fault."""

    who: Who
    reason: str
    from_s: float


class Truth(Table, frozen=True, kw_only=True):
    """Everything that is known about a call."""

    name: str
    about: str = ""
    audio: str = ""
    """Path of the recording in the shared data; empty if it is in the truth file's folder."""
    seconds: float
    quiet: bool = False
    """Whether no cue should open."""
    cast: dict[Who, str] = {}
    levels_dbfs: dict[Who, float] = {}
    part: tuple[Part, ...] = ()
    span: tuple[Span, ...] = ()
    distrust: tuple[Distrust, ...] = ()
    heard: dict[Who, tuple[Who, ...]] = msgspec.field(
        default_factory=lambda: {"agent": ("agent",), "customer": ("customer",)}
    )
    """The speakers whose words are on each channel from `fault_from_s` on."""
    fault_from_s: float = 0.0
    word: tuple[Said, ...] = ()
    heard_word: tuple[Said, ...] = ()
    """Words that a recogniser hears, right or wrong, at the times of the spoken words."""

    @property
    def calm(self) -> bool:
        """Whether nobody is angry in the call."""
        return not any("angry" in part.emotions for part in self.part)


T = TypeVar("T")


def read(path: Path, kind: type[T]) -> T:
    """Read a TOML file as `kind`.

    Raises
    ------
    SystemExit
        If the file is missing or not valid; says in one line what is wrong and where.
    """
    try:
        return bounded_input.decode_toml(read_file(path), kind)
    except OSError as e:
        raise SystemExit(one_line(f"{path}: {e.strerror}")) from e
    except ValueError as e:
        raise SystemExit(one_line(f"{path}: {e}")) from e


def inside(folder: Path, name: str) -> Path:
    """Return the path of `name` inside `folder`.

    Raises
    ------
    SystemExit
        If the path would be outside the folder.
    """
    path = Path(name)
    if "\0" in name or path.is_absolute() or ".." in path.parts:
        raise SystemExit(one_line(f"{name}: this is outside of {folder}"))
    return folder / path


def write(truth: Truth, path: Path) -> None:
    """Write a truth as TOML that `read` accepts."""
    path.write_text(tomli_w.dumps(msgspec.to_builtins(truth)), "utf-8")

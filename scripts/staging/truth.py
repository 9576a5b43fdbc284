"""What is known of a call: who said what when, and where which cue is due.

A staged call's truth is made with its sound (`scripts.staging.stage_call`); a real call's by
hand.  All times are seconds from the beginning of the recording.
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
"""Of a file beside, or in the shared data, without its ending: no path leads out with it."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a file."""


class Said(NamedTuple):
    """A word."""

    who: Who
    text: str
    start_s: float
    end_s: float


class Part(Table, frozen=True, kw_only=True):
    """A turn, a backchannel, or what else sounded or was silent."""

    id: str
    who: Who
    kind: str
    """speech, backchannel, or what was played."""
    start_s: float
    end_s: float
    emotions: tuple[str, ...] = ()
    speech_s: tuple[Pair, ...] = ()
    """The speech in it, without its pauses."""


class Span(Table, frozen=True, kw_only=True):
    """Where a cue is due, or allowed; everywhere else it is wrong."""

    cue: str
    verdict: Literal["due", "allowed"] = msgspec.field(name="is")
    begins_s: float
    """When the behaviour begins."""
    evidence_s: float
    """When what speaks for it has been heard."""
    until_s: float
    """Until when the cue still helps."""
    why: str = ""


class Distrust(Table, frozen=True, kw_only=True):
    """A channel that is not what it should be."""

    who: Who
    reason: str
    from_s: float


class Truth(Table, frozen=True, kw_only=True):
    """All that is known of a call."""

    name: str
    about: str = ""
    audio: str = ""
    """The recording, from the folder of the shared data; empty where it lies beside."""
    seconds: float
    quiet: bool = False
    """Nothing should fire."""
    cast: dict[Who, str] = {}
    levels_dbfs: dict[Who, float] = {}
    part: tuple[Part, ...] = ()
    span: tuple[Span, ...] = ()
    distrust: tuple[Distrust, ...] = ()
    heard: dict[Who, tuple[Who, ...]] = msgspec.field(
        default_factory=lambda: {"agent": ("agent",), "customer": ("customer",)}
    )
    """Whose words are on a channel from `fault_from_s` on."""
    fault_from_s: float = 0.0
    word: tuple[Said, ...] = ()
    heard_word: tuple[Said, ...] = ()
    """What a recogniser hears, right or wrong, at the times of the words that were said."""

    @property
    def calm(self) -> bool:
        """Whether nobody is angry in it."""
        return not any("angry" in part.emotions for part in self.part)


T = TypeVar("T")


def read(path: Path, kind: type[T]) -> T:
    """Return a TOML file as `kind`.

    Raises
    ------
    SystemExit
        Where it is not there or not valid; says what and where in one line.
    """
    try:
        return bounded_input.decode_toml(read_file(path), kind)
    except OSError as e:
        raise SystemExit(one_line(f"{path}: {e.strerror}")) from e
    except ValueError as e:
        raise SystemExit(one_line(f"{path}: {e}")) from e


def inside(folder: Path, name: str) -> Path:
    """Return a file that is named from a folder, and in it.

    Raises
    ------
    SystemExit
        Where it is not.
    """
    path = Path(name)
    if "\0" in name or path.is_absolute() or ".." in path.parts:
        raise SystemExit(one_line(f"{name}: this is outside of {folder}"))
    return folder / path


def write(truth: Truth, path: Path) -> None:
    """Write a truth as TOML that `read` takes."""
    path.write_text(tomli_w.dumps(msgspec.to_builtins(truth)), "utf-8")

"""From the folder that a call left to the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from voicecoach.config import Config
from voicecoach.entry import CallRow, entry
from voicecoach.errors import JournalError
from voicecoach.scorecard import ScoreCard, Survey
from voicecoach.shell import results
from voicecoach.shell.journal.store import Journal, default_path
from voicecoach.shell.keeper import AUDIO

SCORE_CARD = "scorecard.json"
DAY = timedelta(days=1)


class Added(NamedTuple):
    """A call that is in the journal now."""

    call: CallRow
    again: bool
    """It was there before."""


def path_of(config: Config) -> Path:
    """Return the journal's file by a configuration."""
    file = config.journal.file
    return Path(file).expanduser() if file else default_path()


def utc(moment: datetime) -> str:
    """Return a time as the journal has it; one without a zone is local."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def add(
    journal: Journal,
    folder: Path,
    *,
    words: bool = False,
    audio: bool = False,
    started: datetime | None = None,
) -> Added:
    """Put a call into the journal from what it left.

    Parameters
    ----------
    journal
        Where it goes.
    folder
        The call's, with its event log; its score card is taken, too, where there is one.
    words
        Keep what quotes somebody, too.
    audio
        Keep a copy of the sound that a live call left.
    started
        When the call began; by default as its log says, or else when the log was written.

    Raises
    ------
    JournalError
        Where there is no such call, or the journal cannot take it.
    """
    found = results.read(folder)
    card = _score_card(found.path.with_name(SCORE_CARD))
    try:
        if started is None and "started_at" in found.facts:
            started = datetime.fromisoformat(str(found.facts["started_at"]))
        began = utc(started or datetime.fromtimestamp(found.path.stat().st_mtime))
    except (OSError, ValueError) as e:
        raise JournalError(f"{found.path}: it cannot be told when the call began: {e}") from e
    sound = found.path.with_name(AUDIO) if audio else None
    if sound and not sound.is_file():
        raise JournalError(f"{sound}: there is no sound of the call; `live --record` keeps it")
    made = entry(found.facts, found.events, card, started_at=began, words=words)
    again = journal.add(made, sound)
    if card and card.survey != Survey():
        journal.survey(made.call.id, card.survey)
    return Added(made.call, again)


def purge(journal: Journal, days: float, now: datetime) -> int:
    """Delete the calls older than so many days; return how many."""
    return journal.purge(utc(now - days * DAY))


def _score_card(path: Path) -> ScoreCard | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ScoreCard)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise JournalError(f"{path}: it cannot be read: {e.strerror or e}") from e
    except msgspec.DecodeError as e:
        raise JournalError(f"{path}: this is no score card: {e}") from e

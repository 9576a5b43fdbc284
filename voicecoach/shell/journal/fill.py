"""Adds calls to the journal from their result folders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from voicecoach.config import Config
from voicecoach.errors import ConfigError, JournalError
from voicecoach.journal.entry import CallRow, make_entry
from voicecoach.shell.journal.store import JournalStore, default_journal_path
from voicecoach.shell.live.recorder import AUDIO_FILE
from voicecoach.shell.results import reader, writer
from voicecoach.shell.runtime.user_files import expand_path as file_of
from voicecoach.shell.runtime.user_files import read_file
from voicecoach.text_safety import bounded_input
from voicecoach.views.scorecard import Survey

MOST_DAYS = 36_500
SCALES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}
"""Scales of a survey's answers: satisfaction, recommendation, ease."""


class AddedCall(NamedTuple):
    """A call that was added to the journal."""

    call: CallRow
    again: bool
    """Whether it replaced an earlier entry."""
    notes: list[str]
    """What of its folder could not be read and was left out."""


def journal_path(config: Config) -> Path:
    """Return the path of the journal that a configuration names."""
    file = config.journal.file
    return file_of(file) if file else default_journal_path()


def utc_text(moment: datetime) -> str:
    """Return a time in the journal's form; one without a zone is local."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def add_call_folder(
    journal: JournalStore,
    folder: Path,
    *,
    words: bool = False,
    audio: bool = False,
    started: datetime | None = None,
) -> AddedCall:
    """Add a call to the journal from its results folder.

    Parameters
    ----------
    journal
        The journal to add it to.
    folder
        The call's folder, with its event log; its score card is added, too, if there is one.
    words
        Also store quotations.
    audio
        Store a copy of the audio that a live call saved.
    started
        When the call began; by default the time in its log, else the time the log was written.

    Raises
    ------
    JournalError
        If there is no such call, or the journal cannot store it.
    """
    found = reader.CallLog(folder)
    card, problem = writer.read_usable_card(found.path.parent)
    notes = []
    if problem:
        advice = f"`voicecoach score {found.path.parent}`, then add the call again"
        notes.append(f"{problem}; added without scores: {advice}")
    try:
        if started is None and "started_at" in found.facts:
            started = datetime.fromisoformat(str(found.facts["started_at"]))
        began = utc_text(started or datetime.fromtimestamp(found.path.stat().st_mtime))
    except (OSError, ValueError, OverflowError) as e:
        raise JournalError(
            f"{found.path}: cannot tell when the call began; give --started: {e}"
        ) from e
    sound = found.path.with_name(AUDIO_FILE) if audio else None
    if sound and not sound.is_file():
        raise JournalError(
            f"{sound}: the call's audio was not kept; record calls with `voicecoach live --record`"
        )
    made = make_entry(found.facts, found.read_events(), card, started_at=began, words=words)
    notes += [found.damage_note] if found.damage_note else []
    again = journal.add_call(made, sound)
    if card and card.survey != Survey():
        try:
            _on_scale(msgspec.structs.asdict(card.survey))
        except ConfigError as e:
            card_file = found.path.with_name(writer.CARD_JSON)
            notes.append(f"{card_file}: added without its survey: {e}")
        else:
            journal.save_survey(made.call.id, card.survey)
    return AddedCall(made.call, again, notes)


def purge_older_calls(journal: JournalStore, days: float, now: datetime) -> int:
    """Delete the calls older than `days`; return how many."""
    return journal.purge_before(utc_text(now - timedelta(days=days)))


def parse_days(text: str) -> float:
    """Return a number of days from a text such as 90d, or 90.

    Raises
    ------
    ConfigError
        If it is not one.
    """
    number = text.removesuffix("d")
    if not (number.isascii() and number.isdecimal()) or not 0 < int(number) <= MOST_DAYS:
        raise ConfigError(
            f"--older-than {text}: write it in days, such as 90d; at most {MOST_DAYS}"
        )
    return int(number)


def read_survey(
    csat: int | None, nps: int | None, ces: int | None, notes: str, file: Path | None
) -> Survey:
    """Return a survey's answers: those given, and the rest from a file.

    Raises
    ------
    ConfigError
        If an answer is not on its scale, there is none, or the file cannot be used.
    """
    answers = _read_answers(file) if file else {}
    given = {"csat": csat, "nps": nps, "ces": ces, "notes": notes}
    answers |= {name: value for name, value in given.items() if value not in (None, "")}
    _on_scale(answers)
    found = Survey(**answers)
    if found == Survey():
        raise ConfigError("no survey answer given; use --csat, --nps, --ces, --notes or --file")
    return found


def _on_scale(answers: Mapping[str, Any]) -> None:
    for name, (low, high) in SCALES.items():
        value = answers.get(name)
        if value is not None and (type(value) is not int or not low <= value <= high):
            raise ConfigError(
                f"{name}: {value!r} is not on the scale; give a whole number from {low} to {high}"
            )


def _read_answers(file: Path) -> dict[str, Any]:
    try:
        answers = bounded_input.decode_json(read_file(file), dict[str, Any])
    except OSError as e:
        raise ConfigError(f"{file}: cannot read it: {e.strerror or e}") from e
    except ValueError as e:
        raise ConfigError(f"{file}: not a file of survey answers: {e}") from e
    unknown = answers.keys() - Survey.__struct_fields__
    if unknown or not isinstance(answers.get("notes", ""), str):
        what = ", ".join(sorted(unknown)) or "notes"
        raise ConfigError(
            f"{file}: cannot use {what}; write csat, nps and ces as numbers, and notes as text"
        )
    return answers

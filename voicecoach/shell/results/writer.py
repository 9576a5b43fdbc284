"""Writes a call's results beside its log: the summary and the score card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from voicecoach.coaching.thresholds import CueThresholds, thresholds_from_header
from voicecoach.errors import JournalError
from voicecoach.language.pack import Language
from voicecoach.scoring.scorer import Scorer
from voicecoach.shell.runtime.atomic_write import write_atomic
from voicecoach.shell.runtime.languages import DEFAULT_LANGUAGE, find_language
from voicecoach.shell.runtime.user_files import read_file
from voicecoach.text_safety import bounded_input
from voicecoach.text_safety.redaction import redact_words
from voicecoach.text_safety.sanitize import clean_json
from voicecoach.types.events import Event
from voicecoach.views import scorecard, summary
from voicecoach.views.scorecard import ScoreCard
from voicecoach.views.summary import Summarizer, Summary

SUMMARY_JSON, SUMMARY_MD = "summary.json", "summary.md"
CARD_JSON, CARD_MD = "scorecard.json", "scorecard.md"
REPORT_FILE, REPORT_AUDIO_FILE = "report.html", "report.mp3"
CARD_DAMAGED = "scorecard.damaged.json"
"""What was there when a score card that could not be read was replaced: somebody may have filled in
its survey."""


class ResultsWriter:
    """Collects a call's events for its summary and score card.

    Parameters
    ----------
    call
        Name of the call.
    thresholds
        Thresholds of the rules that were loaded for it.
    language
        Language of the call.
    composite, words
        As for a `Scorer`; without words the summary has none, either.
    """

    def __init__(
        self,
        call: str,
        thresholds: CueThresholds,
        language: Language,
        *,
        composite: bool = True,
        words: bool = True,
    ) -> None:
        self._words, self._summarizer = words, Summarizer(call)
        self._scorer = Scorer(call, thresholds, language, composite=composite, words=words)

    def add_event(self, event: Event) -> Event | None:
        """Collect an event; return it as it may be stored, None if it may not."""
        kept = event if self._words else redact_words(event)
        if kept:
            self._summarizer.add_event(kept)
        self._scorer.add_event(event)
        return kept

    def write_results(self, folder: Path, notes: Sequence[str] = ()) -> Summary:
        """Write the call's summary, with these notes before its own, and its score card.

        Raises
        ------
        OutputError
            If they cannot be written; each file is complete or as it was.
        """
        result = self._summarizer.finish()
        result.notes[:0] = notes
        _write_json(folder / SUMMARY_JSON, result)
        write_atomic(folder / SUMMARY_MD, summary.summary_markdown(result))
        write_score_card(folder, self._scorer.finish())
        return result


def score_log(name: str, facts: Mapping[str, Any], events: Iterable[Event]) -> ScoreCard:
    """Return the score card made from a log: the facts in its header, and its events."""
    composite = facts.get("composite") is not False
    language = find_language(str(facts.get("language", DEFAULT_LANGUAGE)))
    scorer = Scorer(name, thresholds_from_header(facts), language, composite=composite)
    for event in events:
        scorer.add_event(event)
    return scorer.finish()


def read_score_card(folder: Path) -> ScoreCard | None:
    """Return the score card in a call's folder, if there is one.

    Raises
    ------
    JournalError
        If the file is not a score card.
    """
    path = folder / CARD_JSON
    try:
        found = bounded_input.decode_json(read_file(path), dict[str, Any])
        return msgspec.convert(clean_json(found), ScoreCard)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise JournalError(f"{path}: cannot read it: {e.strerror or e}") from e
    except (ValueError, msgspec.ValidationError) as e:
        raise JournalError(f"{path}: not a score card: {e}") from e


def read_usable_card(folder: Path) -> tuple[ScoreCard | None, str]:
    """Return the score card in a call's folder, and why one that is there cannot be used."""
    try:
        return read_score_card(folder), ""
    except JournalError as e:
        return None, str(e)


def replace_score_card(folder: Path, card: ScoreCard) -> str:
    """Write a score card with the survey of the one before; return what was wrong with that one.

    One that cannot be read is set aside as `CARD_DAMAGED`.

    Raises
    ------
    OutputError
        If they cannot be written; each file is complete or as it was.
    """
    before, problem = read_usable_card(folder)
    if before:
        card = msgspec.structs.replace(card, survey=before.survey)
    elif problem:
        with suppress(OSError):
            (folder / CARD_JSON).replace(folder / CARD_DAMAGED)
    write_score_card(folder, card)
    return problem


def write_score_card(folder: Path, card: ScoreCard) -> None:
    """Write a score card for programs, and one for people.

    Raises
    ------
    OutputError
        If they cannot be written; each file is complete or as it was.
    """
    _write_json(folder / CARD_JSON, card)
    write_atomic(folder / CARD_MD, scorecard.scorecard_markdown(card))


def _write_json(path: Path, what: Summary | ScoreCard) -> None:
    write_atomic(path, msgspec.json.format(msgspec.json.encode(what), indent=2) + b"\n")

"""A call in which all happens that a journal keeps."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from voicecoach.journal.entry import JournalEntry, make_entry
from voicecoach.shell.results import writer
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.testing import make_cue, make_tone, make_utterance
from voicecoach.types.events import (
    CueClosed,
    CueFeedback,
    CueHeldBack,
    CueOutcome,
    Ended,
    Event,
    SpeechEnded,
)
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views import event_log
from voicecoach.views.scorecard import (
    AgitationJourney,
    ConflictStyles,
    Quote,
    ScoreCard,
    TechniqueScore,
)

SECRET = "nineteen crates of marmalade"
"""Something that was said, to be looked for."""
STARTED = "2026-03-02T09:30:00Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a path for a journal, in a folder that does not exist yet."""
    return tmp_path / "kept" / "journal.sqlite3"


def s(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def call(length_s: float = 60.0) -> list[Event]:
    """Return a call in which all happens that a journal keeps."""
    said = f'You said "{SECRET}".'
    return [
        SpeechEnded(at=s(5), speaker=Speaker.AGENT, start=s(1), end=s(4)),
        SpeechEnded(at=s(11), speaker=Speaker.CUSTOMER, start=s(5), end=s(10)),
        make_utterance(SECRET, at=s(11), start=s(5), end=s(10)),
        make_tone(s(12), 0.75, 0.9, start=s(11)),
        make_cue(
            s(13),
            "soften",
            title="Soften",
            message=said,
            priority=2,
            evidence={"words_s": 2.5, "phrase": SECRET},
            held_s=0.5,
        ),
        CueFeedback(at=s(15), id="soften", start=s(13), helpful=False),
        CueClosed(at=s(16), id="soften", reason="behaviour stopped"),
        CueHeldBack(at=s(17), id="slow-down", reason="min_gap"),
        CueOutcome(
            at=s(43),
            id="soften",
            start=s(13),
            shown=True,
            reason="",
            heeded=True,
            signal="",
            before=None,
            after=None,
            agitation_before=0.75,
            agitation_after=0.25,
        ),
        Ended(at=s(length_s), end=s(length_s)),
    ]


def card() -> ScoreCard:
    """Return a score card with something quoted."""
    quote = Quote(Speaker.CUSTOMER, 5.0, 10.0, SECRET, "what it is about")
    techniques = [
        TechniqueScore("listening", "Listening", 0.5, "1 of 2 = 0.50", [quote], [quote], "wait"),
        TechniqueScore("patience", "Patience", None, "no occasion", [], [], ""),
    ]
    styles = ConflictStyles(0.25, 0.75, "accommodating", "", {}, [])
    return ScoreCard(
        "one", techniques, styles, AgitationJourney(None, None, None, None, []), [quote]
    )


def made(name: str = "one", *, started_at: str = STARTED, words: bool = False) -> JournalEntry:
    """Return a call as the journal keeps it."""
    facts = {"call": name, "words": True, "voicecoach": "0"}
    return make_entry(facts, call(), card(), started_at=started_at, words=words)


def folder(at: Path, *, events: list[Event] | None = None, **facts: object) -> Path:
    """Write what a call leaves."""
    at.mkdir(parents=True)
    head = event_log.encode_header(**{"call": at.name, "words": True, **facts})
    lines = [event_log.encode_event(event) for event in (call() if events is None else events)]
    (at / EVENT_LOG).write_bytes(b"".join([head, *lines]))
    return at


def scored(at: Path, **changes: object) -> None:
    """Write a score card that is different in something."""
    changed = msgspec.structs.replace(card(), **changes)
    (at / writer.CARD_JSON).write_bytes(msgspec.json.encode(changed))


def bytes_of(path: Path) -> bytes:
    """Return all that is in the journal's folder."""
    return b"".join(file.read_bytes() for file in path.parent.rglob("*") if file.is_file())

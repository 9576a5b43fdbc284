"""Make a journal of 60 calls in 12 weeks that never were, and draw its trends: docs/trends.png.

python -m scripts.pictures.journal [--into FOLDER]

With --into the page, the journal and pictures of it, light, dark and as wide as a phone, go into a
folder, to look at.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from voicecoach.journal.entry import (
    TABLES_FROM_CALL,
    CallRow,
    CueRow,
    FeedbackRow,
    JournalEntry,
    JournalRow,
    OutcomeRow,
    ScoreRow,
)
from voicecoach.shell.journal.fill import utc_text
from voicecoach.shell.journal.page import trends_page
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.journal.weeks import journal_trends
from voicecoach.views.scorecard import Survey

TARGET = Path(__file__).resolve().parents[2] / "docs" / "trends.png"
CALLS, WEEKS = 60, 12
BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
TECHNIQUES = {
    "listening": ("Listening", 0.55, 0.30),
    "empathy": ("Empathy", 0.40, 0.35),
    "acknowledgement": ("Acknowledgement", 0.45, 0.30),
    "apology": ("Apology in measure", 0.70, 0.00),
    "calm": ("Calm and neutral delivery", 0.75, 0.10),
    "patience": ("Patience and not interrupting", 0.50, 0.25),
    "time-to-calm-down": ("Time to calm down", 0.50, -0.10),
    "clarifying": ("Clarifying and confirming", 0.60, 0.15),
    "softeners": ("Softeners and positive language", 0.35, 0.30),
    "options": ("Options and compromise", 0.50, 0.05),
    "expectations": ("Expectations and limits", 0.45, 0.10),
    "follow-up": ("Follow-up and recap", 0.30, 0.45),
}
"""Name, score in the first week, and its increase by the last week."""
CUES = {
    "slow-down": ("Slow down", 0.60, -0.15, 0.9),
    "acknowledge": ("Acknowledge", 0.50, -0.25, 0.6),
    "let-them-finish": ("Let them finish", 0.70, -0.10, 0.5),
    "soften": ("Soften", 0.25, 0.0, 0.4),
    "hand-over": ("Hand over", 0.5, -0.1, 0.06),
}
"""Title, share of cues heeded, effect on agitation, and cues per call."""


def entry(number: int, rng: np.random.Generator) -> tuple[JournalEntry, Survey | None]:
    """Return an invented call, and the customer's survey answer or None."""
    time = number / (CALLS - 1)
    id = f"c{number:012x}"
    began = BEGAN + timedelta(weeks=WEEKS * 0.99 * time, hours=float(rng.uniform(0, 7)))
    peak = float(rng.uniform(0.2, 0.95))
    rows: dict[str, list[JournalRow]] = {table: [] for table in TABLES_FROM_CALL}
    scores = []
    for technique, (name, first, more) in TECHNIQUES.items():
        score = float(np.clip(first + more * time + rng.normal(0, 0.12), 0, 1))
        known = None if rng.random() < 0.25 else round(score, 2)
        scores.append(score)
        rows["scores"].append(
            ScoreRow(
                call=id, technique=technique, name=name, score=known, formula="", seen=1, missed=1
            )
        )
    for cue, (title, heeded, effect, often) in CUES.items():
        for place in range(int(rng.poisson(often))):
            at, shown = 60.0 * place + 30.0, rng.random() < 0.7
            before = float(rng.uniform(0.4, 0.9))
            change = -0.12 + (effect if shown else 0.0) + float(rng.normal(0, 0.12))
            rows["outcomes"].append(
                OutcomeRow(
                    call=id,
                    cue=cue,
                    at_s=at,
                    shown=shown,
                    reason="" if shown else "holdout" if rng.random() < 0.5 else "min_gap",
                    heeded=bool(rng.random() < (heeded if shown else 0.2)),
                    signal="",
                    before=None,
                    after=None,
                    agitation_before=before,
                    agitation_after=before + change,
                )
            )
            if not shown:
                continue
            rows["cues"].append(
                CueRow(
                    call=id,
                    cue=cue,
                    title=title,
                    opened_s=at,
                    closed_s=at + 6,
                    closed_because="behaviour stopped",
                    priority=2,
                    held_s=1.0,
                    evidence="{}",
                    message="",
                )
            )
            if rng.random() < 0.3:
                helpful = bool(rng.random() < 0.8)
                rows["feedback"].append(
                    FeedbackRow(call=id, cue=cue, opened_s=at, at_s=at + 4, helpful=helpful)
                )
    call = CallRow(
        id=id,
        name=f"call {number + 1}",
        started_at=utc_text(began),
        duration_s=float(rng.uniform(120, 900)),
        complete=True,
        live=True,
        words=True,
        voicecoach="",
        notice="",
        agent_speech_s=100.0,
        customer_speech_s=100.0,
        agent_talk_share=float(rng.uniform(0.3, 0.7)),
        agent_turns=20,
        customer_turns=20,
        agent_overlaps=int(rng.poisson(4)),
        customer_overlaps=3,
        overlap_s=4.0,
        longest_agent_turn_s=float(rng.uniform(10, 60)),
        agitation_mean=peak / 3,
        agitation_peak=peak,
        agitation_peak_s=60.0,
        agitation_end=float(np.clip(peak - rng.uniform(0.1, 0.7), 0, 1)),
        style="",
        assertiveness=None,
        cooperativeness=None,
    )
    if rng.random() < 0.4:
        return JournalEntry(call, rows), None
    mood = float(np.clip(1.2 * scores[1] + 0.6 * (1 - peak) + rng.normal(0, 0.2), 0, 1.4)) / 1.4
    answers = Survey(1 + round(4 * mood), round(10 * mood) if rng.random() < 0.5 else None)
    return JournalEntry(call, rows), answers


def fill(journal: JournalStore) -> None:
    """Fill a journal with invented calls."""
    rng = np.random.default_rng(8)
    for number in range(CALLS):
        made, survey = entry(number, rng)
        journal.add_call(made)
        if survey:
            journal.save_survey(made.call.id, survey)


def shoot(file: Path, picture: Path, size: tuple[int, int], *, dark: bool = False) -> None:
    """Save a screenshot of a page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--screenshot={picture}"]
    options += [f"--window-size={size[0]},{size[1]}", "--blink-settings=preferredColorScheme=1"]
    if dark:
        options[-1] = "--blink-settings=preferredColorScheme=0"
    subprocess.run([chromium, *options, file.as_uri()], check=True, capture_output=True)


def main() -> None:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, help="a folder, for the page and each picture")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        into = (given.into or Path(scratch)).resolve()
        into.mkdir(parents=True, exist_ok=True)
        (into / "journal.sqlite3").unlink(missing_ok=True)
        with JournalStore(into / "journal.sqlite3", create=True) as journal:
            fill(journal)
            (into / "trends.html").write_bytes(trends_page(journal_trends(journal)))
        if given.into:
            shoot(into / "trends.html", into / "light.png", (1080, 2700))
            shoot(into / "trends.html", into / "dark.png", (1080, 2700), dark=True)
            shoot(into / "trends.html", into / "phone.png", (500, 4000))
        else:
            shoot(into / "trends.html", into / "trends.png", (1080, 1880))
            # 128 colours are enough, and make the file a third as large.
            command = ["convert", str(into / "trends.png"), "-strip", "+dither", "-colors", "128"]
            subprocess.run([*command, str(TARGET)], check=True)


if __name__ == "__main__":
    main()

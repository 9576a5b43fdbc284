"""Record what the recognisers hear in each line of the labelled real calls.

    python -m scripts.staging.transcribe_references

The lines are those of scripts/bench/references, in order.  The product replays each recording, and
a final word belongs to the line whose time span contains the word's middle.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.bench import cues
from scripts.staging.speak import CALLS, fields, written
from scripts.support import corpora
from voicecoach.config import Config
from voicecoach.types.events import Word
from voicecoach.types.stream import SAMPLE_RATE

REAL = CALLS / "real.toml"
REFERENCES = Path(__file__).parents[1] / "bench" / "references"


def heard(call: str) -> Iterator[dict[str, Any]]:
    """Yield what is heard in each line of a call's reference, and the places of doubtful words."""
    events = cues.recorded(corpora.folder("calls") / f"{call}.flac", Config())
    words = [event for event in events if isinstance(event, Word) and event.final]
    for row in (REFERENCES / f"{call}.tsv").read_text("utf-8").splitlines():
        who, start_s, end_s, _ = row.split("\t")
        first, last = (float(t) * 2 * SAMPLE_RATE for t in (start_s, end_s))
        within = [w for w in words if w.speaker == who and first <= w.start + w.end < last]
        yield fields(within)


def main() -> None:
    """Replay the calls and fill in `heard`."""
    rows: list[str] = []
    lines: Iterator[dict[str, Any]] = iter(())
    for row in REAL.read_text("utf-8").splitlines():
        if row.startswith("name = "):
            lines = heard(tomllib.loads(row)["name"])
        if row.startswith("  {"):
            line = tomllib.loads(f"line = {row.rstrip(',')}")["line"]
            row = written(line | next(lines))
        rows.append(row)
    REAL.write_text("\n".join(rows) + "\n", "utf-8")


if __name__ == "__main__":
    main()

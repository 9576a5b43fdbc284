"""Measure precision and recall of dialogue acts, on the dialogues in tests/language/dialogue_acts.

    python -m scripts.bench.dialogue_acts [--calls DIR] [--part open] [--misses]

The lines of a call are processed in order, each as one utterance, at three words a second.  A
dialogue act counts once per line and kind.  `text` is the line as written, `heard` as the
recognisers transcribed it.  An act that is labelled `either` is not an error, found or not.
`held_out` was not looked at while the phrases were written, and `--misses` prints none of it.
`real` is the two shared calls, transcribed from their recordings; doubtful words are marked there,
and `--trust` takes them as any other.
"""

from __future__ import annotations

import argparse
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from voicecoach.language.dialogue_acts import DialogueActTracker
from voicecoach.shell.runtime.languages import find_language
from voicecoach.types.events import Utterance, Word
from voicecoach.types.stream import SAMPLE_RATE, Speaker

CALLS = Path(__file__).parents[2] / "tests" / "language" / "dialogue_acts"
PARTS = ("open", "held_out", "real")
TEXTS = ("text", "heard")
FIRES = frozenset({"hard", "defence", "promise", "abuse", "demand"})
"""Kinds that open a cue on their own."""
WORD = SAMPLE_RATE // 3
"""Duration of a word, samples."""
BETWEEN = SAMPLE_RATE // 2
"""Gap between two lines, samples."""


class Line(NamedTuple):
    """A line of a call: the dialogue acts found in it, and those labelled."""

    speaker: Speaker
    text: str
    found: dict[str, str]
    """The words of each dialogue act, by kind."""
    moves: frozenset[str]
    either: frozenset[str]


class Score(NamedTuple):
    """Counts of dialogue acts that were found correctly, found wrongly, and missed."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the found acts that is correct, 0..1; 1 if none was found."""
        return self.right / max(self.right + self.wrong, 1) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of the labelled acts that was found, 0..1; 1 if none is labelled."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def calls(directory: Path, part: str) -> Iterator[dict[str, Any]]:
    """Yield the labelled calls of a part."""
    for path in sorted(directory.glob("*.toml")):
        for call in tomllib.loads(path.read_text("utf-8"))["call"]:
            if call["part"] == part:
                yield call


def read(call: dict[str, Any], text: str, *, trust: bool = False) -> Iterator[Line]:
    """Yield the lines of a call, each with the dialogue acts found in it."""
    moves, now, numbers = (
        DialogueActTracker(find_language("en").dialogue_acts),
        0,
        Counter[Speaker](),
    )
    for line in call["lines"]:
        speaker = Speaker(line["who"])
        numbers[speaker] += 1
        start = now
        words = line[text].split()
        doubtful = set() if trust or text == "text" else set(line.get("doubtful", ()))
        for index, word in enumerate(words):
            now += WORD
            moves.add_event(
                Word(
                    at=now,
                    speaker=speaker,
                    utterance=numbers[speaker],
                    index=index,
                    text=word,
                    start=now - WORD,
                    end=now,
                    probability=1.0,
                    committed=True,
                    final=True,
                    doubtful=index in doubtful,
                )
            )
        ended = moves.add_event(
            Utterance(
                at=now,
                speaker=speaker,
                utterance=numbers[speaker],
                start=start,
                end=now,
                text=line[text],
                words=len(words),
            )
        )
        now += BETWEEN
        yield Line(
            speaker,
            line[text],
            {move.kind: move.text for move in ended},
            frozenset(line.get("moves", ())),
            frozenset(line.get("either", ())),
        )


def scores(
    directory: Path, part: str, text: str, *, trust: bool = False
) -> dict[tuple[Speaker, str], Score]:
    """Return the scores on a part, by speaker and kind."""
    right, wrong, missed = (Counter[tuple[Speaker, str]]() for _ in range(3))
    for call in calls(directory, part):
        for line in read(call, text, trust=trust):
            for kind in line.found.keys() | line.moves:
                key = line.speaker, kind
                right[key] += kind in line.found and kind in line.moves
                wrong[key] += kind not in line.moves | line.either
                missed[key] += kind not in line.found
    return {key: Score(right[key], wrong[key], missed[key]) for key in right | wrong | missed}


def total(by_kind: dict[tuple[Speaker, str], Score]) -> Score:
    """Return the sum of the scores."""
    return Score(*(sum(counts) for counts in zip(*by_kind.values(), strict=True)))


def misses(directory: Path, only: str | None) -> None:
    """Print the acts that are found wrongly or missed, in the parts that may be looked at."""
    for call in (*calls(directory, "open"), *calls(directory, "real")):
        for text in TEXTS:
            for line in read(call, text):
                for kind in sorted(line.found.keys() - line.moves - line.either):
                    if only in (None, kind):
                        print(f"+ {line.speaker} {kind} [{line.found[kind]}] {line.text}")
                for kind in sorted(line.moves - line.found.keys()):
                    if only in (None, kind):
                        print(f"- {line.speaker} {kind} {line.text}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--calls", type=Path, default=CALLS)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--kind")
    parser.add_argument("--trust", action="store_true", help="the words that are doubtful")
    options = parser.parse_args()
    if options.misses:
        misses(options.calls, options.kind)
        return
    columns = [(p, t) for p in PARTS if options.part in (None, p) for t in TEXTS]
    found = {column: scores(options.calls, *column, trust=options.trust) for column in columns}
    titles = [f"{part} {text}: precision | recall | n" for part, text in columns]
    print(f"| kind | {' | '.join(titles)} |")
    print(f"|---|{'--:|' * 3 * len(columns)}")
    keys = sorted({key for by_kind in found.values() for key in by_kind})
    rows = [(f"{speaker} {kind}", {(speaker, kind)}) for speaker, kind in keys]
    rows += [(", ".join(sorted(FIRES)), {key for key in keys if key[1] in FIRES})]
    for name, of in [*rows, ("all", set(keys))]:
        cells = []
        for by_kind in found.values():
            score = total({key: by_kind.get(key, Score(0, 0, 0)) for key in of})
            count = score.right + score.missed
            cells.append(f"{score.precision:.2f} | {score.recall:.2f} | {count}")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

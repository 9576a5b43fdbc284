"""Measure how often the words below a probability are wrong, to choose `DOUBTFUL_BELOW`.

    python -m scripts.bench.doubt [--minutes 5] [--model tiny.en]

The final words of the two real calls, and of LibriSpeech over a telephone line, as the engine hears
them in exact virtual time (`scripts.bench.asr`), each with its probability, beside the reference: a
word that is not in a shortest edit between the two is wrong.  The last rows are the words that are
doubtful, be it that the transcriber doubts them or the threshold does, and the others.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from scripts.bench.asr import Said, heard_in_call, spoken, stream, talk
from scripts.support.word_appearance import matched
from voicecoach.config import Config
from voicecoach.shell.asr.whisper import Whisper
from voicecoach.types.events import Event, Word
from voicecoach.types.stream import SPEAKERS, Speaker

STEPS = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
"""Limits of the rows."""


class Judged(NamedTuple):
    """A final word, and whether it is wrong."""

    probability: float
    doubtful: bool
    wrong: bool


def judge(said: Said, events: Iterable[Event], speaker: Speaker) -> list[Judged]:
    """Return a speaker's final words, each with whether it is wrong."""
    final = [e for e in events if isinstance(e, Word) and e.final and e.speaker is speaker]
    final.sort(key=lambda word: (word.utterance, word.index))
    parts = [(part, i) for i, word in enumerate(final) for part in spoken(word.text)]
    pairs, _ = matched(said.words, [part for part, _ in parts])
    right = {j for _, j in pairs}
    wrong = {i for j, (_, i) in enumerate(parts) if j not in right}
    whole = {i for _, i in parts}
    return [
        Judged(word.probability, word.doubtful, i in wrong)
        for i, word in enumerate(final)
        if i in whole
    ]


def cells(words: list[Judged], everything: list[Judged]) -> str:
    """Return the cells of a row: how many words, how many of them wrong, the share of all wrong."""
    wrong, of = sum(w.wrong for w in words), sum(w.wrong for w in everything)
    share = f"{wrong / len(words):.0%}" if words else "-"
    return f"{len(words)} ({len(words) / len(everything):.1%}) | {share} | {wrong / of:.0%}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=5.0, help="of telephone speech")
    parser.add_argument("--model", default="tiny.en")
    options = parser.parse_args()
    config = Config()
    whisper = Whisper(options.model, "en", config.transcription.vocabulary)
    found: dict[str, list[Judged]] = {"calls 40 and 49": []}
    for name in ("auto_repairs_40", "auto_repairs_49"):
        truth = heard_in_call(whisper, name)
        events, _ = stream(whisper, config, {s: truth[s].samples for s in SPEAKERS})
        for speaker in SPEAKERS:
            found["calls 40 and 49"] += judge(truth[speaker], events, speaker)
    said = talk(whisper, 60 * options.minutes, 0, coded=True)
    events, _ = stream(whisper, config, {Speaker.CUSTOMER: said.samples})
    found["telephone"] = judge(said, events, Speaker.CUSTOMER)
    for name, words in found.items():
        print(f"\n{name}: {len(words)} words, {sum(w.wrong for w in words)} wrong\n")
        print("| probability | words | wrong | of all wrong words | below | wrong | of all wrong |")
        print("|---|--:|--:|--:|--:|--:|--:|")
        for low, high in pairwise(STEPS):
            here = [w for w in words if low <= w.probability < high]
            below = [w for w in words if w.probability < high]
            print(f"| {low:.2f} to {high:.2f} | {cells(here, words)} | {cells(below, words)} |")
        doubted = [w for w in words if w.doubtful]
        print(f"| doubtful | {cells(doubted, words)} | | | |")
        print(f"| the others | {cells([w for w in words if not w.doubtful], words)} | | | |")


if __name__ == "__main__":
    main()

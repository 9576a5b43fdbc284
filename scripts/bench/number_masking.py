"""Measure on texts whether digits of cards and codes can be read, and what else is hidden.

    python -m scripts.bench.number_masking [--count 2000] [--seed 1] [--file FILE] [--misses]

Exchanges of `number_exchanges`, or of a file in the same format, are given to the masker turn by
turn, each as growing partial words first.  After each of them all words on the screen are read, of
each speaker and of both.  A card *leaks* if `RUN` or more of its secret digits can be read in a
row: those beyond the sixth, or all of them where its number was asked for or announced in words
that were heard.  A code leaks if it can be read whole.  Ordinary numbers are *changed* if a digit
is hidden in the end.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from scripts.bench.number_exchanges import exchanges, partials
from scripts.bench.number_reading import ALLOWED, HIDDEN_DIGIT, RUN, longest, read
from voicecoach.shell.runtime.languages import find_numbers
from voicecoach.text_safety.card_masking import DigitMasker
from voicecoach.types.stream import SAMPLE_RATE, Speaker

NUMBERS = find_numbers("en")
WORD_S = 0.35
"""Time of a word, s."""


def screens(exchange: dict[str, Any], rng: Random) -> Iterator[list[tuple[Speaker, str, str]]]:
    """Yield the screen after each change: (speaker, masked text, text) by turn; last, the end."""
    masker, now = DigitMasker(NUMBERS), SAMPLE_RATE
    lines: list[tuple[Speaker, str, str]] = []
    for i, turn in enumerate(exchange["turns"]):
        speaker = Speaker(turn["speaker"])
        start = now = now + round(turn["after_s"] * SAMPLE_RATE)
        _show(lines, masker.decide(now))
        for text in [*partials(turn["text"], rng), turn["text"]]:
            words = text.split()
            now = max(now, start + round(len(words) * WORD_S * SAMPLE_RATE))
            masker.add(speaker, i, words, start, now, complete=text == turn["text"])
            lines[i:] = [(speaker, " ".join(masker.masked(speaker, i)), text)]
            yield lines
    _show(lines, masker.decide(None))
    yield lines


def _show(lines: list[tuple[Speaker, str, str]], shown: Any) -> None:
    for event in shown:
        speaker, masked, text = lines[event.utterance]
        lines[event.utterance] = speaker, event.apply(masked), text


def leak(exchange: dict[str, Any], rng: Random) -> tuple[int, str, list[tuple[Speaker, str, str]]]:
    """Return the most secret digits that can be read in a row, where, and the last screen."""
    number, traits = exchange["number"], set(exchange.get("traits", ()))
    asked = {"asked", "announced"} & traits and "misheard" not in traits
    secret = number if asked or exchange["kind"] == "cvv" else number[ALLOWED:]
    most, where, lines = 0, "", []
    for lines in screens(exchange, rng):
        if exchange["kind"] == "keep":
            continue
        texts = [" ".join(m for s, m, _ in lines if s is speaker) for speaker in Speaker]
        for text in [*texts, " ".join(m for _, m, _ in lines)]:
            if not re.search(r"\d", text) and not read(text).strip(HIDDEN_DIGIT):
                continue
            n = longest(secret, text)
            if n > most:
                most, where = n, text
    return most, where, lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", type=Path, help="exchanges in the format of number_exchanges")
    parser.add_argument("--misses", action="store_true", help="print what leaks or is changed")
    options = parser.parse_args()
    made: list[Any] = (
        json.loads(options.file.read_text("utf-8"))
        if options.file
        else list(exchanges(options.count, options.seed))
    )
    rng, found = Random(options.seed), Counter[str]()
    traits = Counter[tuple[str, str]]()
    for exchange in made:
        kind, stays = exchange["kind"], exchange.get("stays", range(len(exchange["turns"])))
        most, where, lines = leak(exchange, rng)
        found[kind] += 1
        bad = most >= (RUN if kind == "card" else len(exchange["number"])) and kind != "keep"
        found[f"{kind} leaked"] += bad
        numbers = changed = 0
        for i in stays:
            if (kind == "keep" and re.search(r"\d", lines[i][2])) or read(lines[i][2]):
                numbers += 1
                changed += HIDDEN_DIGIT in lines[i][1]
        found[f"{kind}: ordinary turns"] += numbers
        found[f"{kind}: ordinary turns changed"] += changed
        found[f"{kind}: exchanges with a change"] += bool(changed)
        for trait in exchange.get("traits", ()):
            traits[kind, trait] += bad or (kind == "keep" and bool(changed))
        if options.misses and (bad or changed):
            print(
                f"\n{'LEAK' if bad else 'CHANGED'} {most} {exchange['name']} {exchange['number']}"
            )
            if bad:
                print("  seen:", where)
            for i, (speaker, masked, text) in enumerate(lines):
                print(
                    f"  {' !'[i in stays and HIDDEN_DIGIT in masked]}{speaker}: {masked}"
                    + (f"   <- {text}" if masked != text else "")
                )
    for name, count in sorted(found.items()):
        print(f"{name:40} {count}")
    if options.misses:
        print([(k, n) for k, n in traits.most_common(30) if n])


if __name__ == "__main__":
    main()

"""Measure how many numbers, amounts, times, dates, spelled names and addresses come out right.

The voices of flite and espeak-ng, or Piper's (see `made_voices`), say each item in a sentence, over
a telephone line with noise, and the product's transcriber gives its final words.  An item is right
if the words have its tokens in a row, however they are written (`language.written_numbers`): "$25",
"twenty five dollars".  No number is long enough for a card's.  Another seed makes other items.

    python -m scripts.bench.spoken_items [--seed 1] [--items 24] [--piper]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from random import Random

import numpy as np

from scripts.bench.asr import understood_words
from scripts.bench.number_speech import MONTHS, cardinal, one_by_one, ordinal
from scripts.support import corpora, made_voices
from voicecoach.config import Config
from voicecoach.language.written_numbers import spoken_tokens
from voicecoach.shell.asr.pair import open_transcriber
from voicecoach.shell.runtime.languages import find_numbers
from voicecoach.types.stream import SAMPLE_RATE

SNR_DB = (15.0, 25.0)
"""Range of the line's signal-to-noise ratio, dB."""
NAMES = [
    "Sotilli",
    "Kowalski",
    "Smythe",
    "Meier",
    "Nguyen",
    "Brandt",
    "Oduya",
    "Farrell",
    "Lindqvist",
]
LAST = ("brown", "martin", "wilson", "taylor", "turner")
"""Last names in addresses: those that are written in one way only."""
FIRST = ("anna", "peter", "maria", "david", "laura", "james", "susan")
SITES = ("gmail dot com", "yahoo dot com", "outlook dot com", "hotmail dot com")

Item = tuple[str, str]
"""The sentence, and what is to be found in the words."""


def _number(rng: Random) -> Item:
    number = rng.choice((rng.randint(11, 99), rng.randint(101, 999), rng.randint(1001, 9999)))
    return f"I counted {cardinal(number)} of them in the house.", str(number)


def _money(rng: Random) -> Item:
    whole, cents = rng.randint(2, 180), rng.choice((0, 0, rng.randint(11, 99)))
    said = f"{cardinal(whole)} dollars" + (f" and {cardinal(cents)} cents" if cents else "")
    return f"You charged me {said} last week.", f"${whole}.{cents}" if cents else f"${whole}"


def _time(rng: Random) -> Item:
    hour, minute = rng.randint(1, 12), rng.choice((0, 15, 20, 30, 40, 45, 50))
    half = rng.choice(("a.m.", "p.m."))
    said = f"{cardinal(hour)} {cardinal(minute)} {half}" if minute else f"{cardinal(hour)} {half}"
    written = f"{hour}:{minute} {half}" if minute else f"{hour} {half}"
    return f"Can you come at {said} tomorrow?", written


def _date(rng: Random) -> Item:
    month, day, year = rng.choice(MONTHS), rng.randint(1, 28), rng.randint(2003, 2026)
    said = f"{month} {_ordinal_word(day)}"
    return f"I bought it on {said}, {cardinal(year)}.", f"{month} {ordinal(day)} {year}"


def _ordinal_word(day: int) -> str:
    numbers = find_numbers("en")
    words = {value: word for word, value in numbers.ordinals.items()}
    return words.get(day) or f"{cardinal(day - day % 10)} {words[day % 10]}"


def _order(rng: Random) -> Item:
    digits = "".join(str(rng.randint(0, 9)) for _ in range(rng.randint(5, 8)))
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    said = ", ".join(one_by_one(rng, group, bunches=False) for group in groups)
    return f"The order number is {said}.", digits


def _spelled(rng: Random) -> Item:
    letters = list(rng.choice(NAMES).upper())
    return f"The last name is spelled {', '.join(letters)}.", " ".join(letters)


def _address(rng: Random) -> Item:
    name, last, site = rng.choice(FIRST), rng.choice(LAST), rng.choice(SITES)
    said = f"{name} dot {last} at {site}"
    return f"My email is {said}.", said


KINDS: dict[str, Callable[[Random], Item]] = {
    "numbers": _number,
    "money": _money,
    "times": _time,
    "dates": _date,
    "order numbers": _order,
    "spelled names": _spelled,
    "e-mail addresses": _address,
}


def is_right(heard: str, item: str) -> bool:
    """Return whether words have the tokens of an item in a row."""
    numbers = find_numbers("en")
    found, wanted = (
        [token.text for token in spoken_tokens(text.split(), numbers)] for text in (heard, item)
    )
    starts = range(len(found) - len(wanted) + 1)
    return any(found[i : i + len(wanted)] == wanted for i in starts)


def main() -> None:
    """Print the table, and some of what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--items", type=int, default=24)
    parser.add_argument("--piper", action="store_true", help="use the voice in PIPER_VOICE")
    options = parser.parse_args()
    voices = made_voices.piper_voices() if options.piper else made_voices.ENGLISH
    rng, noise = Random(options.seed), np.random.default_rng(options.seed)
    transcriber = open_transcriber(Config())
    print("| kind | right | some that are wrong |")
    print("|---|---|---|")
    for kind, make in KINDS.items():
        wrong = []
        for i in range(options.items):
            sentence, item = make(rng)
            said = made_voices.say(voices[i % len(voices)], sentence)
            padded = np.pad(said, SAMPLE_RATE // 4)
            line = corpora.telephone(padded, noise, snr_db=noise.uniform(*SNR_DB))
            words = understood_words(transcriber, line.astype(np.float32), careful=True)
            heard = " ".join(word.text for word in words)
            if not is_right(heard, item):
                wrong.append(f"{item}: {heard}")
        right = options.items - len(wrong)
        print(f"| {kind} | {right} of {options.items} | {'; '.join(wrong[:3])} |", flush=True)
    transcriber.close()


if __name__ == "__main__":
    main()

"""Measure whether spoken card numbers can be read anywhere afterwards, and what else is hidden.

Synthetic card numbers (13 to 19 digits, Luhn-valid, from a fixed seed) are spoken by the voices of
espeak-ng and flite in the ways in which people say them.  They go over a telephone line and are
replayed with the product's own parts: engine, bundled recogniser, masking, log, summary, score
card, report and exports.

A card *leaks* if `RUN` or more of its digits beyond the sixth can be read in a row, as figures or
number words, in one place.  The places are the words on screen after any event of the log (of one
speaker since the call began, or of both), the summary, the score card, the report and the exports.
Other words between the digits do not prevent a leak; a hidden digit ends the run.  The numbers are
drawn so that no three digits beyond the sixth are said elsewhere in the call.

*Heard* is a card that would leak without masking.  *Of few* are leaks where no more than six digits
can be read in all, since the recogniser lost the card's first ones.  *Shown* is how many digits
beyond the sixth, of the cards heard, stand alone or in groups of two or three in the final words.

Each card is said once unprompted, and once after the agent has asked for one.

Nothing else should be hidden in the end.  This is checked on `ORDINARY`, line by line, and on the
labelled calls in tests/language/dialogue_acts, as written and as transcribed (two of them are the
real sample calls).

    apt-get install espeak-ng flite
    python -m scripts.bench.masking [--short] [--seed N] [--misses]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import itertools
import re
import statistics
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import soundfile
import soxr

from scripts.bench.number_reading import ALLOWED, RUN, TEENS, TENS, UNITS, longest, read
from scripts.support import corpora
from scripts.support.corpora import Samples
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.asr.whisper import Whisper
from voicecoach.shell.report import page
from voicecoach.shell.results import reader, writer
from voicecoach.shell.results.replay_one import CallSetup, replay_call
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.languages import find_numbers
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.text_safety.card_masking import DigitMasker
from voicecoach.text_safety.spoken_numbers import HIDDEN_DIGIT
from voicecoach.types.events import Event, Utterance, Word
from voicecoach.types.stream import F32, SAMPLE_RATE, SPEAKERS, Speaker
from voicecoach.views import exports, report

MODEL = "tiny.en"
NUMBERS = find_numbers("en")
MOVES = Path(__file__).parents[2] / "tests" / "language" / "dialogue_acts"
SEED = 4111
FIGURES = {"type", "voicecoach", "formula", "practise", "notes", "facts", "numbers", "value"}
"""JSON keys whose figures were not said in the call."""
SAID = re.compile(r"\*\*(agent|customer|\d+:\d\d)")
CARDS, SHORT = 8, 1
"""Cards for each way of saying one."""
SNR_DB = (15.0, 25.0)
VOICES = (
    *(("flite", "slt"), ("espeak-ng", "en-us"), ("flite", "rms")),
    *(("espeak-ng", "en-gb+f3"), ("flite", "awb")),
)
NETWORKS = (
    ("4", (4, 4, 4, 4)),
    ("51", (4, 4, 4, 4)),
    ("37", (4, 6, 5)),
    ("4", (4, 3, 3, 3)),
    ("36", (4, 6, 4)),
    ("6304", (4, 4, 4, 4, 3)),
)
"""Visa, Mastercard, American Express, an old Visa, Diners Club, Maestro: first digits, groups."""

A, C = Speaker.AGENT, Speaker.CUSTOMER
ORDINARY = (
    # Dates.
    "It was on the 12th of March 2024, and again on the 3rd of April 2025, I think.",
    "My date of birth is 04/11/1978 if you need it.",
    "We moved in on 1 June 2019 and left on 30 September 2023, you see.",
    "Between 2019 and 2021 we had 3 engineers here.",
    "Call me between 01/02/2025 and 03/04/2025 please.",
    # Telephone numbers.
    "My number is 555 123 4567 if we are cut off.",
    "You can reach me on 07700 900123 all day.",
    "It's double oh double four twenty seven ninety four six oh oh one two, as I said.",
    "Call 1-800-555-0199 and ask for Ann.",
    "The old one was 555 123 4567 but the new one is 555 987 6543 since May.",
    # Order numbers and similar.
    "The order is 4471 9920 and it never came.",
    "Case number A 10 77 43, that was Monday.",
    "The tracking number is 9400 1118 and so on.",
    "My policy is BX 204 556 K and my account 8841 2290.",
    "Invoice 20231107 for order 118 842 please.",
    # Amounts.
    "I paid $1,234.50 and then 89.99 on top of that.",
    "That is 20,000,000 of them at 3 pounds each.",
    "You took 12 pounds in May, 14 in June, 15 in July and 19 in August.",
    "It went from 45 to 60 to 75 within 3 months.",
    "They charged me 199 for 2 and 249 for 3, not 149.",
    # Addresses.
    "It's flat 4, 27 Church Road, SW1A 1AA, second floor.",
    "We are at 1600 Pennsylvania Avenue, Washington DC 20500 now.",
    "Send it to 221B Baker Street, third door.",
    # Times.
    "Between 8 am and 10 am or 3 pm and 5 pm would do.",
    "The buses are at 10:05, 10:20, 10:35 and 10:50 from here.",
    "From 9 to 5 on weekdays and 10 to 4 on Saturdays.",
    # Words that only sound like digits.
    "I came to you for help and you ate my time, too.",
    "One of them won two of the four for you.",
    "No, so sorry, okay, that's the one for me.",
)
"""Sentences with figures that are not card numbers, as a recogniser writes them."""
PAUSE_S, WORD_S = 0.6, 0.35
"""Pause before a line, and time of a word, of calls that are not spoken."""


# --- cards, and ways of saying them ---------------------------------------------------------


class Card(NamedTuple):
    """A synthetic card number."""

    groups: list[str]
    code: str
    """The security code."""

    @property
    def number(self) -> str:
        """All digits of the card."""
        return "".join(self.groups)

    @property
    def secret(self) -> str:
        """The digits that must be hidden."""
        return self.number[ALLOWED:]


class Part(NamedTuple):
    """A text that a speaker says without a pause."""

    who: Speaker
    text: str
    pause_s: float = 0.3
    """Pause after it, seconds."""


ASKED = [Part(A, "could I have your card number, please?", 0.8)]


def luhn(number: str) -> int:
    """Return the check digit that makes a number Luhn-valid."""
    total = 0
    for i, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if i % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


def card(rng: np.random.Generator, first: str, sizes: Sequence[int]) -> Card:
    """Draw a card; no three consecutive secret digits occur elsewhere in what is said."""
    while True:
        drawn = "".join(map(str, rng.integers(0, 10, sum(sizes) - len(first) - 1)))
        number = first + drawn
        number += str(luhn(number))
        code = "".join(map(str, rng.integers(0, 10, 3)))
        secret = number[ALLOWED:]
        threes = [secret[i : i + 3] for i in range(len(secret) - 2)]
        other = f"{number[:ALLOWED]} {code} 0428"
        if len(set(threes)) == len(threes) and not any(three in other for three in threes):
            ends = list(itertools.accumulate(sizes))
            return Card([number[e - n : e] for n, e in zip(sizes, ends, strict=True)], code)


def by_digit(group: str) -> str:
    """Spell a group digit by digit."""
    return " ".join(UNITS[int(digit)] for digit in group)


def by_pairs(group: str) -> str:
    """Spell a group in pairs, as in "forty-one eleven"; an odd digit is said alone."""
    said = []
    for at in range(0, len(group), 2):
        pair = group[at : at + 2]
        tens, unit = int(pair[0]), int(pair[-1])
        if len(pair) == 1 or tens == 0:
            said.append(by_digit(pair))
        elif tens == 1:
            said.append(TEENS[unit])
        else:
            said.append(TENS[tens] + (f"-{UNITS[unit]}" if unit else ""))
    return " ".join(said)


def by_doubles(group: str) -> str:
    """Spell a group with "double", "triple" and "oh"."""
    said = []
    for digit, run in itertools.groupby(group):
        count = len(list(run))
        name = "oh" if digit == "0" else UNITS[int(digit)]
        lead = {2: "double ", 3: "triple "}.get(count, "")
        said += [lead + name] if lead else [name] * count
    return " ".join(said)


def one_breath(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card digit by digit, without a pause."""
    return [Part(C, f"my card number is {by_digit(card.number)}")]


def groups(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card in groups with short pauses."""
    return [Part(C, by_digit(g), rng.uniform(0.3, 0.6)) for g in card.groups]


def slow(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card in groups, with pauses long enough to end utterances."""
    return [Part(C, by_digit(g), rng.uniform(0.8, 2.0)) for g in card.groups]


def pairs(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card in pairs of digits."""
    return [Part(C, by_pairs(g), rng.uniform(0.3, 0.8)) for g in card.groups]


def doubles(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card with "double", "triple" and "oh"."""
    return [Part(C, by_doubles(g), rng.uniform(0.3, 0.8)) for g in card.groups]


def hesitating(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card with "uh", "that's" and "and then" between the groups."""
    leads = ["so that's", "uh,", "and then", "okay,", "um, and"]
    return [
        Part(C, f"{lead} {by_digit(g)}", rng.uniform(0.3, 1.2))
        for lead, g in zip(leads, card.groups, strict=False)
    ]


def answered(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card; the agent says "okay" or the like after each group."""
    said = itertools.cycle(["okay", "mm-hm", "go ahead", "yes"])
    parts = []
    for g, reply in zip(card.groups, said, strict=False):
        parts += [Part(C, by_digit(g), 0.4), Part(A, reply, rng.uniform(0.4, 1.0))]
    return parts


def corrected(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card with one wrong digit, which is then corrected."""
    second = card.groups[1]
    wrong = by_digit(second[:-1] + str((int(second[-1]) + 5) % 10))
    parts = [Part(C, by_digit(g), 0.5) for g in card.groups]
    parts[1:2] = [Part(C, f"{wrong}, no, sorry, {UNITS[int(second[-1])]}", 0.6)]
    return parts


def repeated(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card; one group is repeated because the agent asks."""
    parts = [Part(C, by_digit(g), 0.6) for g in card.groups]
    parts[2:2] = [Part(A, "sorry, again?", 0.6), Part(C, by_digit(card.groups[1]), 0.6)]
    return parts


def interrupted(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card with other words in the middle."""
    parts = [Part(C, by_digit(g), 0.5) for g in card.groups]
    parts[2:2] = [Part(C, "hang on, let me turn it to the light", 0.7)]
    return parts


def whole(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card, then its expiry date and security code."""
    parts = [Part(C, by_digit(g), 0.5) for g in card.groups]
    return [
        *parts,
        Part(C, "the expiry date is zero four twenty-eight", 0.8),
        Part(C, f"and the security code is {by_digit(card.code)}", 0.8),
    ]


def read_back(card: Card, rng: np.random.Generator) -> list[Part]:
    """Say the card; the agent reads it back, at the end or group by group."""
    if rng.uniform() < 0.5:
        said = by_digit(card.number)
        return [Part(C, said, 0.8), Part(A, f"so that's {said}", 0.8), Part(C, "yes", 0.5)]
    parts = []
    for g in card.groups:
        parts += [Part(C, by_digit(g), 0.5), Part(A, f"okay, {by_digit(g)}", 0.5)]
    return parts


WAYS: dict[str, Callable[[Card, np.random.Generator], list[Part]]] = {
    "digit by digit": one_breath,
    "groups, short pauses": groups,
    "groups, long pauses": slow,
    "pairs": pairs,
    "double, triple, oh": doubles,
    "uh, that's, and then": hesitating,
    "the agent says okay": answered,
    "a correction": corrected,
    "a group repeated": repeated,
    "other words between": interrupted,
    "expiry and code after it": whole,
    "read back": read_back,
}


def spoken(text: str, engine: str, voice: str, rng: np.random.Generator) -> Samples:
    """Synthesise a text with a voice, at `SAMPLE_RATE`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        if engine == "flite":
            stretch = f"duration_stretch={rng.uniform(0.9, 1.1):.3f}"
            command = ["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", str(path)]
        else:
            pace = str(rng.integers(135, 170))
            command = ["espeak-ng", "-v", voice, "-s", pace, "-w", str(path), text]
        subprocess.run(command, check=True)
        samples, rate = soundfile.read(path)
    return np.asarray(soxr.resample(samples, rate, SAMPLE_RATE))


def recorded(parts: Sequence[Part], rng: np.random.Generator, path: Path) -> None:
    """Write a call in which the parts are said over a telephone line."""
    mine, theirs = rng.permutation(len(VOICES))[:2]
    voices = {A: VOICES[mine], C: VOICES[theirs]}
    tracks: dict[Speaker, list[Samples]] = {s: [np.zeros(SAMPLE_RATE // 2)] for s in SPEAKERS}
    for part in parts:
        said = np.pad(
            spoken(part.text, *voices[part.who], rng), (0, round(part.pause_s * SAMPLE_RATE))
        )
        for s in SPEAKERS:
            tracks[s].append(said if s is part.who else np.zeros(len(said)))
    lines = []
    for s in SPEAKERS:
        sound = np.pad(np.concatenate(tracks[s]), (0, SAMPLE_RATE))
        lines.append(
            corpora.telephone(sound, rng, snr_db=rng.uniform(*SNR_DB)) if sound.any() else sound
        )
    length = min(map(len, lines))
    soundfile.write(path, np.stack([x[:length] for x in lines], axis=1), SAMPLE_RATE)


# --- what can be read -----------------------------------------------------------------------


def alone(number: str, text: str) -> int:
    """Return how many digits beyond the sixth are shown where the number stands; 0 if it does not.

    The shown digits are aligned with the number at the least cost; a hidden digit matches any.
    """
    said = read(text)
    costs = [[(0.0, 0)] * (len(number) + 1)]
    costs[0] = [(float(j), 0) for j in range(len(number) + 1)]
    for i, c in enumerate(said, 1):
        row = [(costs[i - 1][0][0] + 0.5, 0)]
        for j, d in enumerate(number, 1):
            same = c in (d, HIDDEN_DIGIT)
            kept = int(c == d and j > ALLOWED)
            row.append(
                min(
                    (
                        costs[i - 1][j - 1][0] + (0.0 if same else 1.5),
                        costs[i - 1][j - 1][1] + kept,
                    ),
                    (costs[i - 1][j][0] + 0.5, costs[i - 1][j][1]),
                    (row[-1][0] + 1.0, row[-1][1]),
                )
            )
        costs.append(row)
    return costs[-1][-1][1]


def on_screen(events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    """Yield the words on screen after each event: of each speaker, and of both."""
    words: dict[tuple[Speaker, int], dict[int, Word]] = {}
    for event in events:
        if isinstance(event, Word):
            words.setdefault((event.speaker, event.utterance), {})[event.index] = event
        elif isinstance(event, Utterance):
            key = event.speaker, event.utterance
            words[key] = {i: w for i, w in words.get(key, {}).items() if i < event.words}
            yield "an utterance", event.text
        else:
            continue
        for s in SPEAKERS:
            own = [w for k in sorted(words) if k[0] is s for _, w in sorted(words[k].items())]
            yield "words of one", " ".join(w.text for w in own)
        every = [w for k in words for w in words[k].values()]
        yield "words of both", " ".join(w.text for w in sorted(every, key=lambda w: w.start))


def strings(value: Any) -> Iterator[str]:
    """Yield the strings in a JSON value, except under the keys of `FIGURES`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in FIGURES:
                yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def places(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield every place where spoken words can be read, with its text."""
    log = reader.read_results(folder)
    yield from on_screen(log.events)
    for number, line in enumerate(log.path.read_bytes().splitlines()):
        yield f"event {number}", " ".join(strings(msgspec.json.decode(line)))
    for name in (writer.SUMMARY_JSON, writer.CARD_JSON):
        yield name, " ".join(strings(msgspec.json.decode((folder / name).read_bytes())))
    for name in (writer.SUMMARY_MD, writer.CARD_MD):
        lines = (folder / name).read_text("utf-8").splitlines()
        # Keep the lines of speech, without their times, which are in backquotes.
        yield name, "\n".join(re.sub(r"`[^`]*`", "", x) for x in lines if SAID.search(x))
    shown = report.make_report(log.facts, log.events, writer.read_score_card(folder))
    html = page.report_page(shown, None).decode()
    data = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.S)
    assert data
    yield "report", " ".join(strings(msgspec.json.decode(data[1])))
    for name, made in exports.EXPORT_FORMATS.items():
        text = made(log.events, "call")
        if name == "jsonl":
            lines = [" ".join(strings(msgspec.json.decode(line))) for line in text.splitlines()]
        elif name == "textgrid":
            lines = [line for line in text.splitlines() if '"' in line]
        elif name == "rttm":
            continue  # this format has no words
        else:
            lines = [x for x in text.splitlines() if "-->" not in x and not x.isdigit()]
        yield name, "\n".join(lines)


# --- the benchmark --------------------------------------------------------------------------


class Listener:
    """A recogniser that notes its words before anything is hidden."""

    def __init__(self, whisper: Whisper) -> None:
        self._whisper = whisper
        self.heard: list[str] = []

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return the words; note them if the request is careful."""
        words = self._whisper.transcribe(audio, prefix=prefix, context=context, careful=careful)
        if careful:
            self.heard.append(" ".join(word.text for word in words))
        return words

    def restart(self) -> None:
        """Do nothing."""


class Quiet:
    """A view that shows nothing."""

    def on_event(self, event: Event) -> None:
        """Ignore the event."""

    def on_progress(self, position: int) -> None:
        """Ignore the progress."""


class Found(NamedTuple):
    """The result for one card."""

    way: str
    heard: int
    """Most secret digits in a row in the recogniser's words."""
    shown: int
    """Most secret digits in a row that can be read in one place."""
    where: str
    text: str
    """The text of that place."""
    few: bool
    """At most six digits can be read there, because the recogniser lost the first ones."""
    alone: int
    code: bool
    """True if the security code can be read."""
    raw: str
    """The recogniser's words, before masking."""


def tried(
    way: str,
    card: Card,
    whisper: Whisper,
    setup: CallSetup,
    rng: np.random.Generator,
    asked: list[Part],
) -> Found:
    """Stage and replay a call in which a card is said after `asked`, and look for the card."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recorded([*asked, *WAYS[way](card, rng)], rng, folder / "call.wav")
        listener = Listener(whisper)
        replay_call(
            RecordedCall.from_stereo(folder / "call.wav"),
            setup._replace(transcribers=[listener]),
            folder / "out",
            Quiet(),
        )
        raw = " ".join(listener.heard)
        most, where, seen, code = 0, "", "", False
        for place, text in places(folder / "out"):
            if (run := longest(card.secret, text)) > most:
                most, where, seen = run, place, text
            code = code or (way == "expiry and code after it" and card.code in read(text))
        final = " ".join(
            e.text
            for e in reader.read_results(folder / "out").events
            if isinstance(e, Utterance) and e.speaker is C
        )
        known = longest(card.secret, raw)
        few = len(read(seen).replace(HIDDEN_DIGIT, "")) <= ALLOWED
        return Found(
            *(way, known, most, where, seen, few),
            *(alone(card.number, final) if known else 0, code, raw),
        )


def spoken_cards(many: int, seed: int, misses: bool, asked: list[Part]) -> None:
    """Print the results for spoken cards."""
    print("\nThe agent asks for it:" if asked else "Nobody has spoken of a card:")
    whisper = Whisper(MODEL, "en")
    setup = CallSetup(Config(), built_in_cues(), shipped_models(), [])
    rng = np.random.default_rng(seed)
    networks = itertools.cycle(NETWORKS)
    print("| way | cards | heard | leaked | of few | longest run | shown, median | code shown |")
    print("|---|---|---|---|---|---|---|---|")
    every: list[Found] = []
    for way in WAYS:
        found = [
            tried(way, card(rng, *next(networks)), whisper, setup, rng, asked) for _ in range(many)
        ]
        every += found
        _row(way, found)
        for f in found if misses else ():
            mark = "LEAK" if f.shown >= RUN else "code" if f.code else "ok"
            print(f"    {mark}: {f.shown} in {f.where}: {f.text[-300:]}\n      heard: {f.raw}")
    _row("all", every)


def _row(name: str, found: Sequence[Found]) -> None:
    heard = [f for f in found if f.heard >= RUN]
    leaked = sum(f.shown >= RUN for f in found)
    share = f"{leaked} ({leaked / len(found):.0%})"
    shown = f"{statistics.median(f.alone for f in heard):g}" if heard else "-"
    few = sum(f.shown >= RUN and f.few for f in found)
    print(
        f"| {name} | {len(found)} | {len(heard)} | {share} | {few} | "
        f"{max(f.shown for f in found)} | {shown} | {sum(f.code for f in found)} |",
        flush=True,
    )


def masked(lines: Sequence[tuple[Speaker, str]]) -> list[str]:
    """Return the lines of a call as they are shown in the end."""
    masker, now = DigitMasker(NUMBERS), SAMPLE_RATE
    shown: list[list[str]] = []
    for number, (speaker, text) in enumerate(lines):
        words = text.split()
        for event in masker.decide(now):
            shown[event.utterance][event.index] = event.text
        start, now = now, now + round((PAUSE_S + WORD_S * len(words)) * SAMPLE_RATE)
        masker.add(speaker, number, words, start, now, complete=True)
        shown.append(masker.masked(speaker, number))
    for event in masker.decide(None):
        shown[event.utterance][event.index] = event.text
    return [" ".join(words) for words in shown]


def ordinary(misses: bool) -> None:
    """Print in how many ordinary lines a digit stays hidden."""
    calls: dict[str, list[list[tuple[Speaker, str]]]] = {"the list": [[(C, t)] for t in ORDINARY]}
    for path in sorted(MOVES.glob("*.toml")):
        name = "the two real calls" if path.stem == "real" else "the labelled calls"
        for call in tomllib.loads(path.read_text("utf-8"))["call"]:
            for key in ("text", "heard"):
                lines = [(Speaker(x["who"]), x.get(key, x["text"])) for x in call["lines"]]
                calls.setdefault(f"{name}, {key}", []).append(lines)
    print("\n| ordinary speech | calls | lines | with digits | hidden |\n|---|---|---|---|---|")
    for name, spoken in calls.items():
        pairs = [
            (text, seen)
            for lines in spoken
            for (_, text), seen in zip(lines, masked(lines), strict=True)
        ]
        figures = sum(bool(read(text)) for text, _ in pairs)
        hidden = [seen for text, seen in pairs if HIDDEN_DIGIT in seen]
        print(f"| {name} | {len(spoken)} | {len(pairs)} | {figures} | {len(hidden)} |")
        for text in hidden if misses else ():
            print("   ", text)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="one card for each way")
    parser.add_argument("--seed", type=int, default=SEED, help="of the cards and how they are said")
    parser.add_argument("--misses", action="store_true", help="print what is read, line by line")
    options = parser.parse_args()
    for asked in ([], ASKED):
        spoken_cards(SHORT if options.short else CARDS, options.seed, options.misses, asked)
    ordinary(options.misses)


if __name__ == "__main__":
    main()

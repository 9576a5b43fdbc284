"""Measure how many names are found without and with a vocabulary, and what a wrong one spoils.

The two recognisers judge each stretch of the two shared calls, and LibriSpeech over a telephone,
four times: without a vocabulary; with the names that occur in the call, or in the chapter of the
book, from the configuration; with the same names from a line as `--about` takes it; and with 20
names of which none occurs.  "Whisper's prompt" gives the same names to Whisper alone.  Made voices
then spell a name, and say it in another sentence, which is heard without and with what was spelled.
LibriSpeech's fold 1 was not looked at when the likeness and the bonus were chosen; 2 and 3 were.

    python -m scripts.bench.names [PART ...] [--fold 1]

Parts: calls, librispeech, prompt, spelled (default: all).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import soundfile
import soxr

from scripts.bench.asr import Joint, spoken
from scripts.support import corpora, made_voices
from scripts.support.word_appearance import matched
from voicecoach.config import Config
from voicecoach.language.spelled_names import SpelledNames
from voicecoach.language.vocabulary import names_in
from voicecoach.shell.asr.transcriber import SpeechNotUnderstood
from voicecoach.shell.asr.whisper import Whisper
from voicecoach.shell.runtime.languages import find_numbers
from voicecoach.types.events import Utterance
from voicecoach.types.stream import F32, SAMPLE_RATE, Speaker

ABOUT = {
    "auto_repairs_40": "Jack Sitille, bought a Tesla Model S from Platinum Motors; Michelle",
    "auto_repairs_49": "Suzanne, service of her Hyundai Elantra by Terry",
}
"""What a customer database may say of the two calls."""
NAMES = (
    "Bertie Nelly Shelley Ennis Dedalus Stephen Heron Francis Xavier Hickey Ardle Keogh "
    "Stephanos Dedalos Ireland Irish Indies Danes Douglas Griffin Essex Turner Polly Whitney "
    "Phronsie Van Jasper Percy Bergson Alexandra Marie Emil Lou Osage Frank Shabata Carl York"
)
"""Names in LibriSpeech's texts, which are in capitals."""
WRONG = (
    "Sotilli Kowalski Smythe Meier Nguyen Brandt Oduya Farrell Lindqvist Camry Allstate "
    "Dvorak Patel Dunn Hart Kerr Tillie Wray Mayer Wynne"
)
"""Names that do not occur; the last ones sound like words that do."""
LONGEST = 20 * SAMPLE_RATE
"""Longer utterances are left out: no request is as long."""
SPELLED = ["Kowalski", "Smythe", "Sotilli", "Lindqvist", "Oduya", "Farrell", "Brandt", "Meier"]
SENTENCES = ("Can you look it up under {}, please?", "This is mister {} again about the claim.")


class Stretch(NamedTuple):
    """Some speech of one speaker, and what is known of it."""

    audio: F32
    text: str
    names: list[str]
    """Names that occur in its call or chapter."""
    about: str


class Remembering:
    """A recogniser that does not decode the same audio again."""

    def __init__(self, model: Any) -> None:
        self._model, self._audio = model, None
        self._texts: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def hypotheses(self, audio: F32) -> list[str]:
        """Return the likeliest texts."""
        if audio is not self._audio:
            self._audio, self._texts = cast(Any, audio), self._model.hypotheses(audio)
        return self._texts


class Tally:
    """Names and words that were said, and found."""

    def __init__(self) -> None:
        self.said = self.found = self.words = self.wrong = 0

    def add(self, stretch: Stretch, heard: str) -> None:
        """Add what was heard of a stretch."""
        truth = spoken(stretch.text)
        pairs, wrong = matched(truth, spoken(heard))
        there = {i for i, _ in pairs}
        names = {part.lower() for name in stretch.names for part in name.split()}
        named = [i for i, word in enumerate(truth) if word.removesuffix("'s") in names]
        self.said, self.found = self.said + len(named), self.found + len(there.intersection(named))
        self.words, self.wrong = self.words + len(truth), self.wrong + wrong

    def row(self) -> str:
        """Return the cells of a table."""
        share = self.wrong / self.words
        return f"{self.found} of {self.said} | {share:.2%} ({self.wrong} of {self.words}) |"


def calls() -> Iterator[Stretch]:
    """Yield the stretches of the two calls."""
    for name, about in ABOUT.items():
        samples, rate = soundfile.read(corpora.folder("calls") / f"{name}.flac")
        channels = soxr.resample(samples, rate, SAMPLE_RATE).T
        lines = (Path(__file__).parent / "references" / f"{name}.tsv").read_text("utf-8")
        names = names_in(about, find_numbers("en"))
        for line in lines.splitlines():
            speaker, start_s, end_s, text = line.split("\t")
            first = max(0, int((float(start_s) - 0.2) * SAMPLE_RATE))
            audio = channels[Speaker(speaker).row, first : int((float(end_s) + 0.2) * SAMPLE_RATE)]
            yield Stretch(audio.astype(np.float32), text, names, about)


def librispeech(fold: int) -> Iterator[Stretch]:
    """Yield every fifth utterance of LibriSpeech over a telephone."""
    utterances = list(corpora.librispeech())
    chapters: dict[str, list[str]] = {}
    for file, _, text in utterances:
        words = {word.removesuffix("'S") for word in text.split()}
        chapters.setdefault(file.rsplit("-", 1)[0], []).extend(
            name for name in NAMES.split() if name.upper() in words
        )
    for i, (file, samples, text) in enumerate(utterances):
        if i % 5 == fold and len(samples) <= LONGEST:
            names = list(dict.fromkeys(chapters[file.rsplit("-", 1)[0]]))
            padded = np.pad(samples, SAMPLE_RATE // 4)
            audio = corpora.telephone(padded, np.random.default_rng(i)).astype(np.float32)
            yield Stretch(audio, text.lower(), names, ", ".join(names))


def heard(pair: Joint, audio: F32, names: Sequence[str]) -> str:
    """Return the final words of some audio."""
    try:
        words = pair.transcribe_jointly(
            audio, prefix="", context="", careful=True, committed="", vocabulary=names
        )
    except SpeechNotUnderstood:
        return ""
    return " ".join(word.text for word in words)


def measure(pair: Joint, name: str, stretches: Iterator[Stretch]) -> None:
    """Print how many names and words are right with each vocabulary."""
    numbers = find_numbers("en")
    ways = ("none", "configuration", "`--about`", "20 wrong names")
    tallies = {way: Tally() for way in ways}
    for stretch in stretches:
        about = names_in(stretch.about, numbers)
        for way, names in zip(ways, ([], stretch.names, about, WRONG.split()), strict=True):
            tallies[way].add(stretch, heard(pair, stretch.audio, names))
    for way, tally in tallies.items():
        print(f"| {name} | {way} | {tally.row()}", flush=True)


def measure_prompt(name: str, stretches: Iterator[Stretch]) -> None:
    """Print how many are right where Whisper alone is told of the names in its prompt."""
    tallies = {"none": Tally(), "Whisper's prompt": Tally()}
    whispers: dict[tuple[str, ...], Whisper] = {}
    for stretch in stretches:
        for way, names in (("none", ()), ("Whisper's prompt", tuple(stretch.names))):
            if names not in whispers:
                whispers[names] = Whisper("tiny.en", "en", names)
            texts = whispers[names].hypotheses(stretch.audio)
            tallies[way].add(stretch, texts[0] if texts else "")
    for way, tally in tallies.items():
        print(f"| {name}, Whisper alone | {way} | {tally.row()}", flush=True)


def measure_spelled(pair: Joint) -> None:
    """Print how many names are found without and with what was spelled before."""
    rng = np.random.default_rng(1)
    spelled = said = 0
    found = {False: 0, True: 0}

    def line(voice: str, text: str) -> F32:
        padded = np.pad(made_voices.say(voice, text), SAMPLE_RATE // 4)
        return corpora.telephone(padded, rng, snr_db=25.0).astype(np.float32)

    for voice in made_voices.ENGLISH[:4] + made_voices.piper_voices():
        for name in SPELLED:
            letters = ", ".join(name.upper())
            text = heard(pair, line(voice, f"My last name is spelled {letters}."), [])
            names = SpelledNames(find_numbers("en"))
            names.add_utterance(
                Utterance(
                    at=0, speaker=Speaker.CUSTOMER, utterance=1, start=0, end=1, text=text, words=1
                )
            )
            spelled += name in names.names
            for sentence in SENTENCES:
                audio = line(voice, sentence.format(name))
                said += 1
                for told in (False, True):
                    words = spoken(heard(pair, audio, names.names if told else ()))
                    found[told] += name.lower() in words
    print(f"| made voices, {spelled} of {said // 2} names spelled right | none | ", end="")
    print(f"{found[False]} of {said} | |")
    print(f"| the same | spelled in the call | {found[True]} of {said} | |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--fold", type=int, default=1, help="of LibriSpeech, 0 to 4")
    options = parser.parse_args()
    parts = options.parts or ["calls", "librispeech", "prompt", "spelled"]
    pair = Joint(Whisper(Config().transcription.model, "en"))
    pair._first, pair._second = map(cast(Any, Remembering), (pair._first, pair._second))
    print("| speech | vocabulary | names found | wrong words |")
    print("|---|---|--:|--:|")
    if "calls" in parts:
        measure(pair, "calls 40 and 49", calls())
    if "librispeech" in parts:
        measure(
            pair, f"LibriSpeech over a telephone, fold {options.fold}", librispeech(options.fold)
        )
    if "prompt" in parts:
        measure_prompt("calls 40 and 49", calls())
    if "spelled" in parts:
        measure_spelled(pair)


if __name__ == "__main__":
    main()

"""Measure how words that are said again and again are transcribed, and whether noise makes any.

A word is said four to eight times, mostly followed by a sentence, over a telephone line: by the
voices of flite and espeak-ng, and by speakers of LibriSpeech, whose word is cut out, repeated with
small changes and followed by another utterance of theirs.  Then the recogniser hears all shared
noise and music, and hums and vowels that are held.

    python -m scripts.bench.said_again [--seed 1]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scripts.bench.asr import spoken, understood_words
from scripts.staging import voices
from scripts.support import corpora, made_voices
from scripts.support.corpora import Samples
from scripts.support.word_appearance import matched
from voicecoach.shell.asr.loops import find_loop
from voicecoach.shell.asr.whisper import Whisper
from voicecoach.shell.runtime.languages import find_numbers
from voicecoach.types.stream import F32, SAMPLE_RATE

WORDS = (
    "no", "yes", "stop", "wait", "hello", "okay", "listen", "please", "really", "never",
    "seriously", "excuse me", "thank you",
)  # fmt: skip
SENTENCES = (
    "I did not order that.", "My heating is still broken.", "You are not listening to me.",
    "That is what I was told last week.", "I want my money back today.",
)  # fmt: skip
CUT_WORDS = 60
"""Words of LibriSpeech that are said again."""
PIECE = 8 * SAMPLE_RATE
"""Length of a piece of noise."""


class Said(NamedTuple):
    """A word that is said again and again."""

    who: str
    word: str
    times: int
    rest: str
    """What follows it."""
    samples: F32


def _join(word: Samples, times: int, rest: Samples | None, rng: np.random.Generator) -> Samples:
    parts = [_pause(0.25)]
    for _ in range(times):
        again = made_voices.faster(word, rng.uniform(0.92, 1.1))
        parts += [10 ** rng.normal(0, 0.08) * again, _pause(rng.uniform(0.04, 0.25))]
    parts += [] if rest is None else [_pause(0.15), rest]
    return np.concatenate([*parts, _pause(0.3)])


def _pause(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE))


def made(rng: np.random.Generator) -> Iterator[Said]:
    """Yield words said by made voices, in one breath or cut and repeated."""
    for voice in made_voices.ENGLISH:
        for word in WORDS:
            times = int(rng.integers(4, 9))
            rest = SENTENCES[rng.integers(len(SENTENCES))] if rng.random() < 0.85 else ""
            if rng.random() < 0.5:
                text = ", ".join([word] * times).capitalize() + ". " + rest
                x = np.concatenate([_pause(0.25), made_voices.say(voice, text), _pause(0.3)])
            else:
                end = made_voices.say(voice, rest) if rest else None
                x = _join(made_voices.say(voice, f"{word}."), times, end, rng)
            snr_db = (None, None, 20.0)[rng.integers(3)]
            line = corpora.telephone(x, rng, snr_db=snr_db)
            yield Said("made voices", word, times, rest, line.astype(np.float32))


def cut(whisper: Whisper, rng: np.random.Generator) -> Iterator[Said]:
    """Yield words cut out of LibriSpeech, repeated, and followed by an utterance."""
    clips = [clip for clip in corpora.librispeech() if len(clip[1]) < 9 * SAMPLE_RATE]
    found = 0
    while found < CUT_WORDS:
        name, samples, text = clips[rng.integers(len(clips))]
        words = [
            word
            for word in whisper.align(samples.astype(np.float32), text.lower())
            if len(word.text) > 1 and 0.18 < word.end_s - word.start_s < 0.9
            if word.probability > 0.7
        ]
        speaker = name.split("-")[0]
        others = [c for c in clips if c[0].split("-")[0] == speaker and len(c[1]) < 5 * SAMPLE_RATE]
        if not words:
            continue
        found += 1
        word, rest = words[rng.integers(len(words))], others[rng.integers(len(others))]
        start = int(max(0.0, word.start_s - 0.02) * SAMPLE_RATE)
        one = samples[start : int((word.end_s + 0.02) * SAMPLE_RATE)].copy()
        fade = np.linspace(0, 1, 192)
        one[:192] *= fade
        one[-192:] *= fade[::-1]
        times = int(rng.integers(4, 9))
        line = corpora.telephone(_join(one, times, rest[1], rng), rng)
        yield Said("LibriSpeech", word.text, times, rest[2].lower(), line.astype(np.float32))


def noise(rng: np.random.Generator) -> Iterator[tuple[str, F32]]:
    """Yield sounds without words: shared noise and music, held vowels, hums, tones."""
    for path in sorted(corpora.folder("noise").glob("*/*.flac")):
        if path.parent.name == "ivr_prompts":
            continue
        x = corpora.read(path)
        for start in range(0, len(x) - SAMPLE_RATE, PIECE):
            yield path.stem, x[start : start + PIECE].astype(np.float32)
    for f0_hz in (95, 130, 200, 260):
        for name in "aiu":
            for seconds in (2, 4, 8):
                n = seconds * SAMPLE_RATE
                t = np.arange(n) / SAMPLE_RATE
                drift = 1 + 0.03 * np.sin(2 * np.pi * 0.4 * t)
                x = voices.vowel(voices.pulses(f0_hz * drift, seconds, 0.01, 0.03).samples, name)
                yield "vowel", x.astype(np.float32)
                swell = 0.55 + 0.45 * np.sin(2 * np.pi * 1.1 * t)
                yield "hum", corpora.telephone(swell * x[:n], rng).astype(np.float32)


def measure(whisper: Whisper, said: list[Said], *, careful: bool) -> str:
    """Return a row of the table."""
    numbers = find_numbers("en")
    kept = follows = close = loops = 0
    for item in said:
        words = [word.text for word in understood_words(whisper, item.samples, careful=careful)]
        loop = find_loop(words, numbers)
        loops += loop is not None
        close += loop is not None and abs(loop.times - item.times) <= max(1, item.times / 4)
        if item.rest:
            rest, heard = spoken(item.rest), spoken(" ".join(words))
            pairs, _ = matched(rest, heard[-len(rest) - 3 :])
            follows += 1
            kept += len(pairs) >= 0.6 * len(rest)
    return f"{kept} of {follows} | {close} of {loops}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    whisper = Whisper("tiny.en", "en")
    rng = np.random.default_rng(seed)
    print("| said again by | request | what follows is kept | repeats within 1, or a quarter |")
    print("|---|---|---|---|")
    for said in (list(made(rng)), list(cut(whisper, rng))):
        for careful in (True, False):
            row = measure(whisper, said, careful=careful)
            print(f"| {said[0].who} | {'final' if careful else 'partial'} | {row} |", flush=True)
    sounds = list(noise(rng))
    for careful in (True, False):
        texts = [(name, understood_words(whisper, x, careful=careful)) for name, x in sounds]
        made_up = {name for name, words in texts if words}
        print(f"{'final' if careful else 'partial'} text from {len(sounds)} sounds: {made_up or 0}")


if __name__ == "__main__":
    main()

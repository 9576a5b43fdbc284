"""Tells words that were said again and again from those that a decoder made up.

A decoder that loses the audio repeats its last words without end.  A person repeats words too:
"No, no, no, no, no. I did not order that."  The syllables in the sound tell them apart: as many
repeats are kept as there are syllables for.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from voicecoach.dsp.prosody import ProsodyExtractor, load_weights
from voicecoach.dsp.syllables import HOPS_AHEAD
from voicecoach.language.phrases import count_syllables, normalize_text
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.runtime.resources import prosody_model
from voicecoach.text_safety.spoken_numbers import NumberWords, count_digits
from voicecoach.types.stream import F32, HOP, MAX_HOPS

LOOP_WORDS, LOOP_TIMES = 8, 3
"""A group of up to this many words, repeated more than this many times, may be a loop, unless it is
digits."""
MOST_SYLLABLES, MORE_TIMES = 1.5, 1.0
"""Repeats are all kept up to this many times those that there are syllables for, and this many
more: counts of syllables differ by as much for a word said alone and quickly."""
MAX_STRAY_WORDS = 2
"""Most words between those of the loop at the beginning of what follows it."""
MIN_REST_WORDS = 3
"""Fewest words that were said after a loop; fewer are an echo of it."""
MAX_COMPRESSION_RATIO = 2.4
"""Largest compression ratio of a text that does not loop (Whisper's own limit)."""


class Loop(NamedTuple):
    """A group of words that is repeated."""

    start: int
    """Index of its first word."""
    size: int
    """Words in the group."""
    times: int

    @property
    def stop(self) -> int:
        """Index after its last word."""
        return self.start + self.size * self.times


def find_loop(texts: Sequence[str], numbers: NumberWords, start: int = 0) -> Loop | None:
    """Return the first group of words from `start` on that is repeated too often, or None."""
    texts = [normalize_text(text) for text in texts]
    for at in range(start, len(texts)):
        for size in range(1, min(LOOP_WORDS, (len(texts) - at) // (LOOP_TIMES + 1)) + 1):
            group, times = texts[at : at + size], 1
            while texts[at + times * size : at + (times + 1) * size] == group:
                times += 1
            if times > LOOP_TIMES and any(count_digits(text, numbers) < 1 for text in group):
                return Loop(at, size, times)
    return None


def drop_loops(
    words: Sequence[TranscribedWord], numbers: NumberWords, audio: F32, known: str = ""
) -> list[TranscribedWord]:
    """Return the words without repeats for which there are no syllables in the sound.

    What follows a loop is kept: the decoder has found the audio again.  Words that go on repeating
    in another way are all dropped.

    Parameters
    ----------
    words
        All words that were heard in `audio`.
    numbers
        How numbers are spoken: digits are no loop.
    audio
        [n], 16 kHz mono, full scale 1.0.
    known
        Words of the audio that stand before `words`.
    """
    kept = list(words)
    once = list(words)
    """The words with each loop said once."""
    at, gone, syllables = 0, 0, -1.0
    while loop := find_loop([word.text for word in kept], numbers, at):
        if syllables < 0:
            syllables = count_nuclei(audio)
        group = [word.text for word in kept[loop.start : loop.start + loop.size]]
        others = [word.text for word in (*kept[: loop.start], *kept[loop.stop :])]
        said = (syllables - _syllables([known, *others])) / _syllables(group)
        times = loop.times
        if times > MOST_SYLLABLES * said + MORE_TIMES:
            times = max(round(said), 0)
        at = loop.start + loop.size * times
        del once[loop.start - gone + loop.size : loop.stop - gone]
        gone += loop.size * (times - 1)
        kept[at:] = kept[loop.stop :]
    return [] if _is_repetitive(" ".join(word.text for word in once)) else kept


def drop_echo(rest: Sequence[str], texts: Sequence[str], loop: Loop) -> list[str]:
    """Return what was decoded after a loop, without words of the loop at its beginning.

    It is empty if it has too few words to be more than an echo of the loop.
    """
    names = {normalize_text(text) for text in texts[loop.start : loop.start + loop.size]}
    begin = at = 0
    while at < len(rest) and at - begin < MAX_STRAY_WORDS:
        at += 1
        if normalize_text(rest[at - 1]) in names:
            begin = at
    return list(rest[begin:]) if len(rest) - begin >= MIN_REST_WORDS else []


def say_after_loop(
    texts: Sequence[str], loop: Loop, rest: Sequence[str], audio: F32, known: str = ""
) -> list[str]:
    """Return words that end in a loop, with what was said after it.

    The loop is repeated as often as the rest leaves syllables for.

    Parameters
    ----------
    texts
        Words that end in `loop`.
    rest
        What was decoded after a few repeats, from `drop_echo`.
    audio, known
        As for `drop_loops`.
    """
    group, before = texts[loop.start : loop.start + loop.size], texts[: loop.start]
    said = (count_nuclei(audio) - _syllables([known, *before, *rest])) / _syllables(group)
    times = min(max(round(said), LOOP_TIMES), loop.times)
    return [*before, *(word for _ in range(times) for word in group), *rest]


def _syllables(texts: Sequence[str]) -> int:
    return count_syllables(" ".join(texts))


def count_nuclei(audio: F32) -> float:
    """Return the expected number of syllable nuclei in `audio` [n], 16 kHz mono."""
    hops = -(-len(audio) // HOP) + HOPS_AHEAD
    padded = np.zeros((1, hops * HOP), np.float32)
    padded[0, : len(audio)] = audio
    extractor = ProsodyExtractor(_weights(), channels=1, group=1)
    total = 0.0
    for start in range(0, hops * HOP, MAX_HOPS * HOP):
        frames = extractor.process(padded[:, start : start + MAX_HOPS * HOP])
        total += float(frames.syllables.sum()) if frames else 0.0
    return total


@cache
def _weights() -> dict[str, F32]:
    return dict(load_weights(prosody_model()))


def _is_repetitive(text: str) -> bool:
    data = text.encode()
    return len(data) > 40 and len(data) / len(zlib.compress(data)) > MAX_COMPRESSION_RATIO

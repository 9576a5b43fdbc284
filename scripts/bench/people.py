"""Print how a change of persons on a channel is found: how often, how soon, and how often falsely.

*Handed over*: on the customer's channel of an otherwise silent call somebody speaks, then somebody
else, and the first one again.  It says after how much of their speech the second is found, whether
the first is recognised, and how far the second one's mean agitation is from that in a call of their
own.  *One person* speaks all the time: reads, is in other moods, moves to a loudspeaker.  Every
change is false.

    python -m scripts.bench.people

The thresholds were chosen with LibriSpeech, EMO-DB, nEMO and the two shared calls.  The voices of
TEN's clips and of FDA were never looked at.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np

from scripts.bench.others_heard import read_call
from scripts.staging.streams import by_speaker, nemo
from scripts.support import corpora
from scripts.train.voices import speech_only
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.shell.asr.loop import split_blocks
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.types.events import Event, PersonChanged, Tone
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, Block, Speaker

CALLS = ("auto_repairs_40", "auto_repairs_49")
FIRST_S, SECOND_S = 20.0, 10.0
"""Seconds that the first and the second person speak; less where there is less of them."""
PAUSE_S = 2.0
PAIRS = 40
"""Pairs of voices of a group, evenly spaced among all, at most."""
CLIPS_EACH = 5
"""Clips of an actor in one mood, one after another."""
LATER_S = 3.0
"""Seconds after a change from which agitation is compared."""
CONDITIONS = ("as recorded", "over a telephone line")


class Handed(NamedTuple):
    """What a call that is handed over twice gives."""

    found_after_s: float | None
    """Seconds of the second person's speech until they are found; None if they are not."""
    returned: bool
    off: float | None
    """Agitation, mean over their speech, against a call of their own."""


def replay(voice: F32) -> list[Event]:
    """Return the events of a call in which `voice` [n] is the customer's channel."""
    samples = np.zeros((2, len(voice) // HOP * HOP), np.float32)
    samples[Speaker.CUSTOMER.row] = voice[: samples.shape[1]]
    engine = build_engine(Config(), built_in_cues(), shipped_models(), transcribe=False)
    return [e for b in split_blocks([Block(0, samples)], 8) for e in engine.process(b)]


def mean_agitation(events: list[Event], start: int, end: int) -> float | None:
    """Return the mean of the estimates in a span."""
    found = [e.agitation for e in events if isinstance(e, Tone) and start <= e.at < end]
    return float(np.mean(found)) if found else None


def handed_over(pair: tuple[F32, F32]) -> Handed:
    """Hand a call over to a second person and back."""
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)
    first, second = (
        voice[: round(seconds * SAMPLE_RATE)]
        for voice, seconds in zip(pair, (FIRST_S, SECOND_S), strict=True)
    )
    events = replay(np.concatenate([first, pause, second, pause, first]))
    start = len(first) + len(pause)
    end = start + len(second)
    changes = [e for e in events if isinstance(e, PersonChanged)]
    found = next((e for e in changes if start < e.at <= end + len(pause)), None)
    back = next((e for e in changes if e.at > end + len(pause)), None)
    if not found:
        return Handed(None, False, None)
    later = round(LATER_S * SAMPLE_RATE)
    own = mean_agitation(replay(second), found.at - start + later, len(second))
    here = mean_agitation(events, found.at + later, end)
    off = None if own is None or here is None else abs(here - own)
    after = (min(found.at, end) - start) / SAMPLE_RATE
    return Handed(after, back is not None and back.person == 1, off)


def known_voices() -> Mapping[str, F32]:
    """Return the speech of the readers and callers that thresholds were chosen with."""
    parts: dict[str, list[F32]] = {}
    for name, samples, _ in corpora.librispeech():
        parts.setdefault(name.split("-")[0], []).append(samples.astype(np.float32))
    for call in CALLS:
        channels = read_call(f"calls/{call}")
        parts |= {f"{call} {s}": [channels[s.row]] for s in Speaker}
    return {name: speech_only(np.concatenate(clips)) for name, clips in parts.items()}


def new_voices() -> Mapping[str, F32]:
    """Return speech of voices that were never looked at, each with 5 s at least."""
    parts: dict[str, list[F32]] = {}
    for folder in ("vad_ten", "f0_fda"):
        for path in sorted(corpora.folder(folder).glob("*.flac")):
            name = path.stem if folder == "vad_ten" else path.stem[:2]
            parts.setdefault(name, []).append(corpora.read(path).astype(np.float32))
    voices = {name: speech_only(np.concatenate(clips)) for name, clips in parts.items()}
    return {name: x for name, x in voices.items() if len(x) >= 5 * SAMPLE_RATE}


def over_telephone(x: F32) -> F32:
    """Return `x` over a telephone line."""
    line = corpora.telephone(np.asarray(x, np.float64), np.random.default_rng(1))
    return np.asarray(line[: len(x)], np.float32)


def one_person() -> Iterator[tuple[str, F32]]:
    """Yield what one person does, and their speech."""
    for name, x in known_voices().items():
        half = len(x) // 2
        moved = np.concatenate(
            [x[:half], corpora.loudspeaker(x[half:].astype(np.float64)).astype(np.float32)]
        )
        kind = "callers" if " " in name else "readers"
        yield kind, x
        yield f"{kind}, then from a loudspeaker", moved
    for clips in by_speaker(nemo()).values():
        moods = sorted({clip.emotion for clip in clips})
        each = {mood: [c.samples for c in clips if c.emotion == mood] for mood in moods}
        longest = max(map(len, each.values()))
        passages = [
            each[mood][first : first + CLIPS_EACH]
            for first in range(0, longest, CLIPS_EACH)
            for mood in moods
        ]
        joined = np.concatenate([x for passage in passages for x in passage])
        yield "actors, another of six moods each 10 s", speech_only(joined.astype(np.float32))


def count_changes(voice: F32) -> int:
    """Return how often another person is found."""
    return sum(isinstance(e, PersonChanged) for e in replay(voice))


def quoted(values: list[float]) -> str:
    """Return median and 95th percentile."""
    return f"{np.median(values):.2f} / {np.percentile(values, 95):.2f}" if values else "-"


def main() -> int:
    """Print both tables."""
    with ProcessPoolExecutor(2) as pool:
        print("| voices | line | handed over | found | after s of speech, median / p95 |", end="")
        print(
            " the first recognised | agitation off, median / p95 |\n|---|---|---|---|---|---|---|"
        )
        groups = {"chosen with": known_voices(), "never looked at": new_voices()}
        for (group, voices), line in itertools.product(groups.items(), CONDITIONS):
            some = voices.values()
            heard = [x if line == CONDITIONS[0] else over_telephone(x) for x in some]
            pairs = list(itertools.permutations(heard, 2))
            pairs = pairs[:: max(1, len(pairs) // PAIRS)][:PAIRS]
            results = list(pool.map(handed_over, pairs))
            after = [r.found_after_s for r in results if r.found_after_s is not None]
            print(
                f"| {group} ({len(heard)}) | {line} | {len(pairs)} | {len(after)} "
                f"| {quoted(after)} | {sum(r.returned for r in results)} "
                f"| {quoted([r.off for r in results if r.off is not None])} |",
                flush=True,
            )
        print("\n| one person | hours | changes, all false | an hour |\n|---|---|---|---|")
        alone: dict[str, list[F32]] = {}
        for kind, voice in one_person():
            alone.setdefault(kind, []).append(voice)
        for kind, speech in alone.items():
            count = sum(pool.map(count_changes, speech))
            hours = sum(map(len, speech)) / SAMPLE_RATE / 3600
            print(f"| {kind} ({len(speech)}) | {hours:.2f} | {count} | {count / hours:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

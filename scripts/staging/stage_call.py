"""Stage a call: compose a two-channel telephone recording with known truth from labelled clips.

    python -m scripts.staging.stage_call SCENARIO.toml --clips FOLDER --out DIR [--seed N]

The scenario says who speaks when, how, and in which words.  The voices come from a folder of clips
that has a `clips.csv` (path, speaker, emotion) or file names as in EMO-DB.  The seed decides who
plays whom, and which clips, pauses, gaps and levels are used.  The same seed gives the same bytes.

The script writes CALL.wav (8 kHz mu-law, channel 0 the agent, channel 1 the customer) and
CALL.truth.toml (`scripts.staging.truth`): every turn and word, and where each cue is due.  The
clips hold other words than the dialogue.  `scripts.staging.scripted_words` therefore supplies the
words, as a recogniser heard them when the dialogue was spoken.
"""

from __future__ import annotations

import argparse
import csv
import math
import zlib
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, get_args

import librosa
import msgspec
import numpy as np
import soundfile
import soxr
from msgspec import Meta

from scripts.staging.streams import EMOTIONS
from scripts.staging.truth import (
    Distrust,
    Name,
    Pair,
    Part,
    Said,
    Span,
    Table,
    Truth,
    Who,
    inside,
    read,
    write,
)
from scripts.staging.voices import laughter
from scripts.support import corpora
from scripts.support.corpora import TELEPHONE_RATE, Samples
from voicecoach.errors import one_line
from voicecoach.language.phrases import normalize_text
from voicecoach.types.stream import SAMPLE_RATE

LEAD_S, TAIL_S = 0.8, 1.5
"""Seconds of silence before the first turn and after the last."""
WORDS_S = 2.75
"""Words a second, pauses included, for a turn that does not give its length."""
GAP_S, GAP_SPREAD_S, GAP_LIMITS_S = 0.2, 0.22, (-0.15, 0.9)
"""Median, spread and limits of the gap between turns, seconds (Heldner & Edlund 2010: median 0.2 s,
often a slight overlap)."""
AFTER_ANGER_S = (1.0, 1.6)
"""Range of the gap before a reply to an angry turn, seconds: a calm speaker waits a little."""
PAUSE_S, LONG_PAUSE_S, EVERY = (0.05, 0.25), (0.3, 0.5), 4
"""Ranges of the pauses between clips, seconds; one pause in `EVERY` is a long one."""
LEVELS_DBFS = (-34.0, -16.0)
"""Range of a speaker's active speech level."""
PEAK = 0.89
"""Highest peak, relative to full scale.  A louder speaker is turned down, so that only a scenario's
own clipping fault clips."""
LOUDNESS_DB = {"angry": 5.0, "happy": 2.0, "sad": -3.0, "bored": -2.0}
"""Approximate level of each emotion relative to neutral: the clips were normalised, which removed
the original levels."""
USUAL_SYL_S, EVEN = 5.0, 0.6
"""An agent's usual syllables a second (actors read a quarter faster), and the share of a clip's
deviation from it that is removed, so that the scenario's `rate` is the true one."""
PACED = 7
"""Neutral clips that the agent's voice needs, if any speaker has that many."""
MM_S = 0.35
"""Length of a one-word backchannel, seconds."""
NOISE_DB = -8.0
"""Level of a noise relative to its speaker."""
Fault = Literal["", "bleed", "swap", "mono", "dead", "clip", "drift"]
BLEED_DELAY_S = 0.015
DRIFTED_S = 0.1
"""Seconds of drift from which a channel is distrusted."""


# --- the scenario -------------------------------------------------------------------------------


class Turn(Table, frozen=True, kw_only=True):
    """One turn of the scenario."""

    who: Who = "agent"
    id: str = ""
    says: str = ""
    heard: str | None = None
    """What a recogniser heard when the turn was spoken (`scripts.staging.speak`); defaults to
    what was said."""
    seconds: Annotated[float, Meta(gt=0.0, le=120.0)] | None = None
    """Length; by default it follows from the number of words."""
    emotion: str | tuple[str, ...] = "neutral"
    """Emotions of the clips; several follow one another for equal times."""
    gap_s: Annotated[float, Meta(ge=-30.0, le=60.0)] | None = None
    """Gap after everything before it; a negative gap overlaps."""
    rate: Annotated[float, Meta(ge=0.5, le=2.0)] = 1.0
    """Speaking rate relative to the speaker's usual one."""
    level_db: Annotated[float, Meta(ge=-20.0, le=20.0)] = 0.0
    semitones: Annotated[float, Meta(ge=-12.0, le=12.0)] = 0.0
    backchannels: tuple[str, ...] = ()
    """What the other speaker says meanwhile, spread over the turn."""
    play: Name = ""
    """Sound instead of speech: silence, hold_music, ivr_prompts, laughter, or an ESC-10 noise."""
    noise: Name = ""
    """ESC-10 noise played with the speech."""

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions in order."""
        return (self.emotion,) if isinstance(self.emotion, str) else self.emotion


class Expect(Table, frozen=True, kw_only=True):
    """A cue that is due or allowed, placed relative to a turn.

    The behaviour begins at the turn's start, at `words` within it, or at its end.  The evidence is
    complete `evidence_s` of speech of `of`, plus `wait_s`, after the turn's start, the words' end
    or the turn's end.  Where the turn is not speech, `evidence_s` counts time instead of speech.
    """

    cue: str
    verdict: Literal["due", "allowed"] = msgspec.field(name="is", default="due")
    turn: str
    words: str = ""
    at_end: bool = False
    until_turn: str = ""
    """Turn to whose end, at least, the cue still helps."""
    evidence_s: Annotated[float, Meta(ge=0.0)] = 0.0
    of: Who | None = None
    """Whose speech counts as evidence; by default the turn's speaker."""
    wait_s: Annotated[float, Meta(ge=0.0)] = 0.0
    helps_s: Annotated[float, Meta(gt=0.0)] = 8.0
    """Seconds for which a cue still helps once the evidence is complete."""
    why: str = ""


class Line(Table, frozen=True, kw_only=True):
    """What the line and the recording do to the voices."""

    snr_db: Annotated[float, Meta(ge=0.0, le=60.0)] = 35.0
    """Each speaker's level relative to the noise on the channel."""
    delay_s: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """One-way delay: the customer hears the agent, and is heard, this much later."""
    fault: Fault = ""
    who: Who = "agent"
    """Whose channel is dead or clips."""
    from_s: Annotated[float, Meta(ge=0.0)] = 0.0
    """When the fault begins."""
    bleed_db: Annotated[float, Meta(ge=-40.0, le=0.0)] = -3.0
    """Level of each voice on the other channel relative to its own.  With drifting clocks only the
    customer's voice leaks: drift can be measured only from a leak."""
    drift_ppm: Annotated[float, Meta(ge=-20_000.0, le=20_000.0)] = 0.0
    """How much slower the customer's clock runs."""


class Scenario(Table, frozen=True, kw_only=True):
    """A call to be staged."""

    about: str
    quiet: bool = False
    """Whether no cue may open but those that are allowed."""
    line: Line = Line()
    like: Name = ""
    """Name of another scenario whose turns this one uses."""
    turn: tuple[Turn, ...] = ()
    expect: tuple[Expect, ...] = ()


def load(path: Path) -> Scenario:
    """Read a scenario.

    Raises
    ------
    SystemExit
        If the file is not valid; names the file and the turn.
    """
    scenario = read(path, Scenario)
    if scenario.like:
        other = read(path.with_name(f"{scenario.like}.toml"), Scenario)
        if other.like:
            raise wrong(f"{path}: it is like {scenario.like!r}, which is like another")
        scenario = msgspec.structs.replace(scenario, turn=(*scenario.turn, *other.turn))
    if not scenario.turn:
        raise wrong(f"{path}: it has no turns")
    ids = [turn.id for turn in scenario.turn if turn.id]
    for i, turn in enumerate(scenario.turn):
        where = f"{path}: turn {i + 1}" + (f" ({turn.id})" if turn.id else "")
        if turn.id and ids.count(turn.id) > 1:
            raise wrong(f"{where}: its id is there twice")
        if not turn.says and turn.seconds is None:
            raise wrong(f"{where}: it needs `says` or `seconds`")
        if turn.play and turn.says:
            raise wrong(f"{where}: what is played says nothing: `says` or `play`")
        if turn.heard is not None and not turn.says:
            raise wrong(f"{where}: it has `heard`, but not `says`")
        for name in (turn.play, turn.noise):
            if name and name not in ("silence", "laughter") and not _noises(name):
                raise wrong(f"{where}: there is nothing to play by the name of {name!r}")
    for expect in scenario.expect:
        where = f"{path}: expect {expect.cue}"
        for name in (expect.turn, expect.until_turn):
            if name and name not in ids:
                raise wrong(f"{where}: there is no turn {name!r}")
        turn = next(t for t in scenario.turn if t.id == expect.turn)
        if expect.words and _find(turn.says.split(), expect.words) is None:
            raise wrong(f"{where}: turn {turn.id!r} does not say {expect.words!r}")
        if scenario.quiet and expect.verdict == "due":
            raise wrong(f"{where}: nothing is due in a quiet call")
    return scenario


def wrong(text: str) -> SystemExit:
    """Return the exception that ends the script with a message for the user."""
    return SystemExit(one_line(text))


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum() or c in " '")


def _find(words: Sequence[str], sought: str) -> tuple[int, int] | None:
    """Return where `sought` is in `words` as (first, last + 1), or None."""
    said, part = [_bare(w) for w in words], [_bare(w) for w in sought.split()]
    for i in range(len(said) - len(part) + 1):
        if said[i : i + len(part)] == part:
            return i, i + len(part)
    return None


# --- the clips ----------------------------------------------------------------------------------


class Take(NamedTuple):
    """A clip, cut to its speech."""

    speaker: str
    emotion: str
    samples: Samples
    rate_syl_s: float | None
    """Syllables a second, where they are labelled; else None."""


@cache
def takes(folder: Path) -> tuple[Take, ...]:
    """Return the clips of a folder."""
    found: list[Take] = []
    if (folder / "clips.csv").exists():
        with (folder / "clips.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                path = inside(folder, row["path"])
                path = path if path.exists() else inside(folder.parent, row["path"])
                x = trimmed(corpora.read(path))
                found.append(Take(row["speaker"], row["emotion"], x, None))
    else:
        files = [p for p in sorted(folder.rglob("*.flac")) if len(p.stem) >= 6]
        for path in (p for p in files if p.stem[5] in EMOTIONS):
            name, x = path.stem, corpora.read(path)
            rate = _rate(name, len(x) / SAMPLE_RATE, folder)
            found.append(Take(name[:2], EMOTIONS[name[5]], trimmed(x), rate))
    if not found:
        raise SystemExit(f"{folder}: no clips.csv and no clips named as EMO-DB's")
    return tuple(found)


def _rate(name: str, length_s: float, folder: Path) -> float | None:
    """Return the syllables per second of speech in an EMO-DB clip, or None."""
    if not (folder / "silb" / f"{name}.silb").exists():
        return None
    spoken = corpora.syllables(name, length_s, folder)
    seconds = sum(s.end_s - s.start_s for s in spoken)
    return sum(s.share for s in spoken) / seconds if seconds > 0.5 else None


def trimmed(x: Samples, below_db: float = 32.0) -> Samples:
    """Return a clip without the silence around its speech."""
    frame = SAMPLE_RATE // 100
    power = np.square(x[: len(x) // frame * frame]).reshape(-1, frame).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-below_db / 10))
    return x[max(0, loud[0] - 2) * frame : (loud[-1] + 3) * frame]


@cache
def _noises(name: str) -> tuple[Path, ...]:
    root = corpora.DATA / "noise"
    if name in ("hold_music", "ivr_prompts"):
        return tuple(sorted((root / name).glob("*.flac")))
    return tuple(sorted((root / "esc10").glob(f"{name}_*.flac")))


def cast_for(clips: Sequence[Take], scenario: Scenario, rng: np.random.Generator) -> dict[Who, str]:
    """Return a voice for each speaker, chosen from those with clips of every emotion needed."""
    counts: dict[tuple[str, str], int] = {}
    for take in clips:
        counts[take.speaker, take.emotion] = counts.get((take.speaker, take.emotion), 0) + 1
    speakers = sorted({take.speaker for take in clips})
    chosen: dict[Who, str] = {}
    for who in get_args(Who):
        wanted = {
            e for turn in scenario.turn if turn.who == who and not turn.play for e in turn.emotions
        }
        able = [s for s in speakers if all(counts.get((s, e)) for e in {"neutral", *wanted})]
        able = [s for s in able if s not in chosen.values()]
        if who == "agent":
            able = [s for s in able if counts[s, "neutral"] >= PACED] or able
        if not able:
            raise SystemExit(f"no {who} among the clips' speakers has all of {sorted(wanted)}")
        chosen[who] = able[int(rng.integers(len(able)))]
    return chosen


class Voice:
    """A speaker who says any text with the clips available."""

    def __init__(self, clips: Sequence[Take], level_dbfs: float, *, even: bool) -> None:
        self.level_dbfs = level_dbfs
        self._clips: dict[str, list[Take]] = {}
        for take in clips:
            self._clips.setdefault(take.emotion, []).append(take)
        self._bag: dict[str, list[Take]] = {}
        rates = [t.rate_syl_s for t in self._clips["neutral"] if t.rate_syl_s]
        self._usual = float(np.median(rates)) if rates and even else None

    def _next(self, emotion: str, rng: np.random.Generator) -> Take:
        bag = self._bag.setdefault(emotion, [])
        if not bag:
            of = self._clips[emotion]
            bag += [of[i] for i in rng.permutation(len(of))]
        return bag.pop()

    def speak(
        self, turn: Turn, seconds: float, rng: np.random.Generator
    ) -> tuple[Samples, list[Pair]]:
        """Return a turn's sound at `SAMPLE_RATE`, and the spans of speech in it, seconds."""
        parts: list[Samples] = []
        spoken: list[Pair] = []
        at = 0
        for i, emotion in enumerate(turn.emotions):
            end = round(seconds * (i + 1) / len(turn.emotions) * SAMPLE_RATE)
            while end - at > 0.3 * SAMPLE_RATE or not spoken:
                if parts:
                    low, high = LONG_PAUSE_S if rng.random() < 1 / EVERY else PAUSE_S
                    pause = np.zeros(round(rng.uniform(low, high) / turn.rate * SAMPLE_RATE))
                    if at + len(pause) > end - 0.3 * SAMPLE_RATE:
                        break
                    parts.append(pause)
                    at += len(pause)
                x = self._say(self._next(emotion, rng), turn, emotion)[: max(end - at, 1)]
                x = faded(x)
                spoken.append((at / SAMPLE_RATE, (at + len(x)) / SAMPLE_RATE))
                parts.append(x)
                at += len(x)
        return np.concatenate(parts), spoken

    def _say(self, take: Take, turn: Turn, emotion: str) -> Samples:
        rate = turn.rate
        if self._usual:
            own = take.rate_syl_s or self._usual
            rate *= (self._usual / own) ** EVEN * USUAL_SYL_S / self._usual
        x = take.samples
        if turn.semitones:
            # The clip is first stretched, then played faster, so the speaking rate stays the same.
            rate /= 2 ** (turn.semitones / 12)
        if abs(rate - 1) > 0.02:
            x = librosa.effects.time_stretch(x, rate=rate, n_fft=512, hop_length=128)
        if turn.semitones:
            x = soxr.resample(x, SAMPLE_RATE * 2 ** (turn.semitones / 12), SAMPLE_RATE)
        level = self.level_dbfs + turn.level_db + LOUDNESS_DB.get(emotion, 0.0)
        return at_line_level(x, level)

    def murmur(self, words: int, rng: np.random.Generator) -> Samples:
        """Return a backchannel: the loudest part of a clip, played softly."""
        x = self._next("neutral", rng).samples
        n = min(round((MM_S + 0.15 * (words - 1)) * SAMPLE_RATE), len(x))
        power = np.convolve(np.square(x), np.ones(n), "valid")
        at = int(np.argmax(power))
        bit = faded(x[at : at + n], 0.06)
        return at_line_level(bit, self.level_dbfs - 5.0)


def at_line_level(x: Samples, level_dbfs: float) -> Samples:
    """Return a sound scaled so that its telephone band has the given active speech level."""
    line = corpora.band_pass(soxr.resample(x, SAMPLE_RATE, TELEPHONE_RATE))
    return x * 10 ** ((level_dbfs - corpora.active_level_db(line, TELEPHONE_RATE)) / 20)


def faded(x: Samples, seconds: float = 0.01) -> Samples:
    """Return a sound with its start and end faded over `seconds`."""
    n = min(round(seconds * SAMPLE_RATE), len(x) // 2)
    out = x.copy()
    out[:n] *= np.linspace(0, 1, n)
    out[len(x) - n :] *= np.linspace(1, 0, n)
    return out


def _played(name: str, seconds: float, rng: np.random.Generator) -> Samples:
    """Return a played sound at full length and any level."""
    n = round(seconds * SAMPLE_RATE)
    if name == "silence":
        return np.zeros(n)
    if name == "laughter":
        return np.resize(laughter(rng, math.ceil(seconds)), n)
    files = _noises(name)
    parts: list[Samples] = []
    while sum(map(len, parts)) < n:
        parts += [corpora.read(files[int(rng.integers(len(files)))]), np.zeros(SAMPLE_RATE // 2)]
    return faded(np.concatenate(parts)[:n])


# --- the call -----------------------------------------------------------------------------------


class Staged(NamedTuple):
    """A staged call."""

    samples: Samples
    """[n, 2] at `TELEPHONE_RATE`."""
    truth: Truth


def _words(who: Who, says: str, start_s: float, spoken: Sequence[Pair]) -> list[Said]:
    """Return a turn's words, spread over its speech by their syllables."""
    words = says.split()
    total = sum(end - start for start, end in spoken)
    size = np.array([corpora.text_syllables(_bare(w)) + 0.5 for w in words])
    edges = np.concatenate([[0.0], np.cumsum(size)]) / size.sum() * total if words else []
    starts = np.cumsum([0.0, *(end - start for start, end in spoken)])[:-1]
    found = []
    for i, word in enumerate(words):
        # A word that a pause would cut goes to the side that has its middle.
        middle = (edges[i] + edges[i + 1]) / 2
        k = int(np.searchsorted(starts, middle, "right")) - 1
        low, high = spoken[k]
        first = max(low, float(low + edges[i] - starts[k]))
        last = min(high, float(low + edges[i + 1] - starts[k]))
        found.append(Said(who, word, round(start_s + first, 3), round(start_s + last, 3)))
    return found


def as_heard(said: Sequence[Said], heard: str) -> list[Said]:
    """Return a turn's words as heard, each at the time of the spoken word that it stands for."""
    words = heard.split()
    compared = SequenceMatcher(
        None,
        [normalize_text(word.text) for word in said],
        [normalize_text(word) for word in words],
        autojunk=False,
    )
    found = []
    for tag, i, end_i, j, end_j in compared.get_opcodes():
        times = [(word.start_s, word.end_s) for word in said[i:end_i]]
        if tag != "equal":
            if not times:  # what was not said lies where the word before it ends
                moment = said[i - 1].end_s if i else said[0].start_s
                times = [(moment, moment)]
            edges = np.linspace(times[0][0], times[-1][1], end_j - j + 1).round(3).tolist()
            times = list(pairwise(edges))
        found += [
            Said(said[0].who, text, *pair) for text, pair in zip(words[j:end_j], times, strict=True)
        ]
    return found


def _other(who: Who) -> Who:
    return "customer" if who == "agent" else "agent"


def stage(scenario: Scenario, name: str, clips: Sequence[Take], seed: int) -> Staged:
    """Return the call that a scenario and a seed define."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    roles = cast_for(clips, scenario, rng)
    voices: dict[Who, Voice] = {}
    for who, speaker in roles.items():
        level = rng.uniform(*LEVELS_DBFS)
        theirs = [t for t in clips if t.speaker == speaker]
        voices[who] = Voice(theirs, round(level, 1), even=who == "agent")
    parts: list[Part] = []
    words: list[Said] = []
    heard_words: list[Said] = []
    sounds: list[tuple[Who, float, Samples]] = []
    latest = LEAD_S
    before: Turn | None = None
    for i, turn in enumerate(scenario.turn):
        start = max(0.0, latest + _gap(turn, before, scenario.line, rng))
        id_ = turn.id or f"turn-{i + 1}"
        if turn.play:
            assert turn.seconds is not None
            x = _played(turn.play, turn.seconds, rng)
            if x.any():
                x = at_line_level(x, voices[turn.who].level_dbfs + turn.level_db)
            spoken: list[Pair] = [(0.0, turn.seconds)] if turn.play == "laughter" else []
        else:
            seconds = turn.seconds or len(turn.says.split()) / (WORDS_S * turn.rate)
            x, spoken = voices[turn.who].speak(turn, max(seconds, 0.4), rng)
        sounds.append((turn.who, start, x))
        end = start + len(x) / SAMPLE_RATE
        if turn.noise:
            noise = _played(turn.noise, end - start, rng)
            level = voices[turn.who].level_dbfs + NOISE_DB
            sounds.append((turn.who, start, at_line_level(noise, level)))
        parts.append(
            Part(
                id=id_,
                who=turn.who,
                kind=turn.play or "speech",
                start_s=round(start, 3),
                end_s=round(end, 3),
                emotions=() if turn.play else turn.emotions,
                speech_s=tuple((round(start + a, 3), round(start + b, 3)) for a, b in spoken),
            )
        )
        said = _words(turn.who, turn.says, start, spoken)
        words += said
        heard_words += said if turn.heard is None else as_heard(said, turn.heard)
        other = _other(turn.who)
        for k, text in enumerate(turn.backchannels):
            at = start + (end - start) * (k + 1 + rng.uniform(-0.2, 0.2))
            at = start + (at - start) / (len(turn.backchannels) + 1)
            at += 2 * scenario.line.delay_s * (other == "customer")
            y = voices[other].murmur(len(text.split()), rng)
            spoken_s: Pair = (round(at, 3), round(at + len(y) / SAMPLE_RATE, 3))
            sounds.append((other, at, y))
            parts.append(
                Part(
                    id=f"{id_}-mm-{k + 1}",
                    who=other,
                    kind="backchannel",
                    start_s=spoken_s[0],
                    end_s=spoken_s[1],
                    emotions=("neutral",),
                    speech_s=(spoken_s,),
                )
            )
            said = _words(other, text, at, [(0.0, len(y) / SAMPLE_RATE)])
            words += said
            heard_words += said
        latest = max(latest, end)
        before = turn
    n = round((latest + TAIL_S) * SAMPLE_RATE)
    wide = np.zeros((2, n))
    for who, at_s, x in sounds:
        first = round(at_s * SAMPLE_RATE)
        wide[get_args(Who).index(who), first : first + len(x)] += x[: n - first]
    narrow = np.stack(
        [corpora.band_pass(soxr.resample(x, SAMPLE_RATE, TELEPHONE_RATE)) for x in wide]
    )
    levels: dict[Who, float] = {}
    for row, (who, voice) in zip(narrow, voices.items(), strict=True):
        gain = min(1.0, PEAK / np.abs(row).max(initial=1e-9))
        row *= gain
        levels[who] = round(voice.level_dbfs + 20 * math.log10(gain), 1)
    samples = _over_line(narrow, scenario.line, levels, rng)
    truth = Truth(
        name=f"{name}-{seed}",
        about=scenario.about,
        seconds=round(len(samples) / TELEPHONE_RATE, 3),
        quiet=scenario.quiet,
        cast=roles,
        levels_dbfs=levels,
        part=tuple(sorted(parts, key=lambda p: p.start_s)),
        word=tuple(sorted(words, key=lambda w: w.start_s)),
        heard_word=tuple(sorted(heard_words, key=lambda w: w.start_s)),
        distrust=_distrust(scenario.line),
        heard=heard(scenario.line),
        fault_from_s=scenario.line.from_s,
    )
    truth = _drifted(truth, scenario.line)
    spans = tuple(_span(expect, truth, scenario) for expect in scenario.expect)
    return Staged(samples, msgspec.structs.replace(truth, span=spans))


def _gap(turn: Turn, before: Turn | None, line: Line, rng: np.random.Generator) -> float:
    """Return the seconds between everything before and a turn."""
    drawn = float(np.clip(rng.normal(GAP_S, GAP_SPREAD_S), *GAP_LIMITS_S))
    calm = float(rng.uniform(*AFTER_ANGER_S))
    if turn.gap_s is not None:
        gap = turn.gap_s
    elif before is None or turn.play or before.play:
        gap = 0.3
    elif before.emotions[-1] == "angry" and turn.who != before.who:
        gap = calm
    else:
        gap = max(drawn, 0.7) if turn.who == before.who else drawn
    answers = turn.who == "customer" and before is not None and before.who == "agent"
    return gap + 2 * line.delay_s * (answers and not turn.play)


def _span(expect: Expect, truth: Truth, scenario: Scenario) -> Span:
    """Return where a cue is due in the staged call."""
    part = next(p for p in truth.part if p.id == expect.turn)
    turn = next(t for t in scenario.turn if t.id == expect.turn)
    begins = anchor = part.end_s if expect.at_end else part.start_s
    if expect.words:
        found = _find(turn.says.split(), expect.words)
        assert found
        said = [w for w in truth.word if w.who == part.who]
        said = [w for w in said if part.start_s <= w.start_s < part.end_s]
        begins, anchor = said[found[0]].start_s, said[found[1] - 1].end_s
    evidence = anchor + expect.wait_s
    if expect.evidence_s:
        who = expect.of or part.who
        pieces = [s for p in truth.part if p.who == who and p.kind == "speech" for s in p.speech_s]
        if not part.speech_s and not expect.of:
            pieces = [(part.start_s, math.inf)]
        evidence = max(evidence, _after(pieces, anchor, expect.evidence_s))
    until = evidence
    if expect.until_turn:
        until = max(until, next(p.end_s for p in truth.part if p.id == expect.until_turn))
    if not math.isfinite(evidence):
        raise SystemExit(f"{truth.name}: expect {expect.cue}: the call ends before its evidence")
    return Span(
        cue=expect.cue,
        verdict=expect.verdict,
        begins_s=round(begins, 3),
        evidence_s=round(evidence, 3),
        until_s=round(until + expect.helps_s, 3),
        why=expect.why,
    )


def _after(pieces: Sequence[Pair], since: float, seconds: float) -> float:
    """Return the time at which `seconds` of speech have been heard since `since`."""
    for start, end in sorted(pieces):
        length = max(0.0, end - max(start, since))
        if length >= seconds:
            return max(start, since) + seconds
        seconds -= length
    return math.inf


# --- the line -----------------------------------------------------------------------------------


def _over_line(
    narrow: Samples, line: Line, levels: Mapping[Who, float], rng: np.random.Generator
) -> Samples:
    """Return both channels as recorded from a telephone line, [n, 2]."""
    rows = []
    for who, x in zip(get_args(Who), narrow, strict=True):
        noise = corpora.band_pass(corpora.pink(len(x), rng))
        noise *= 10 ** ((levels[who] - line.snr_db) / 20) / np.sqrt(np.mean(noise * noise))
        rows.append(x + noise)
    clean = np.stack(rows)
    first = round(line.from_s * TELEPHONE_RATE)
    out = clean.copy()
    out[:, first:] = _faulty(clean, line, levels)[:, first:]
    return np.asarray(np.clip(out, -1, 1).T)


def _faulty(x: Samples, line: Line, levels: Mapping[Who, float]) -> Samples:
    row = get_args(Who).index(line.who)
    out = x.copy()
    match line.fault:
        case "bleed":
            late = round(BLEED_DELAY_S * TELEPHONE_RATE)
            out[:, late:] += 10 ** (line.bleed_db / 20) * x[::-1, : x.shape[1] - late]
        case "swap":
            out = out[::-1].copy()
        case "mono":
            out[:] = x.sum(axis=0)
        case "dead":
            out[row] = 0.0
        case "clip":
            out[row] *= 10 ** ((-3.0 - levels[line.who]) / 20)
        case "drift":
            late = round(BLEED_DELAY_S * TELEPHONE_RATE)
            out[0, late:] += 10 ** (line.bleed_db / 20) * x[1, : x.shape[1] - late]
            n = x.shape[1]
            at = np.arange(n)
            since = line.from_s * TELEPHONE_RATE
            was = np.where(at > since, since + (at - since) / (1 + line.drift_ppm * 1e-6), at)
            out[1] = np.interp(was, at, x[1], right=0.0)
    return out


def _distrust(line: Line) -> tuple[Distrust, ...]:
    whose: dict[str, tuple[Who, ...]] = {
        "": (),
        "dead": (line.who,),
        "clip": (line.who,),
        "drift": ("customer",),
    }
    both: tuple[Who, ...] = get_args(Who)
    since = line.from_s
    if line.fault == "drift":
        since += DRIFTED_S / max(abs(line.drift_ppm) * 1e-6, 1e-9)
    return tuple(
        Distrust(who=who, reason=line.fault, from_s=round(since, 3))
        for who in whose.get(line.fault, both)
    )


def heard(line: Line) -> dict[Who, tuple[Who, ...]]:
    """Return, for each channel, the speakers whose words are on it."""
    both: tuple[Who, ...] = get_args(Who)
    whose: dict[Who, tuple[Who, ...]] = {who: (who,) for who in both}
    match line.fault:
        case "bleed" | "mono":
            whose = dict.fromkeys(both, both)
        case "swap":
            whose = {who: (_other(who),) for who in both}
        case "dead":
            whose[line.who] = ()
    return whose


def _drifted(truth: Truth, line: Line) -> Truth:
    """Return the truth with the customer's times converted to the customer's slow clock."""
    if line.fault != "drift":
        return truth

    def moved(t: float) -> float:
        return round(t + max(0.0, t - line.from_s) * line.drift_ppm * 1e-6, 3)

    parts = tuple(
        msgspec.structs.replace(
            p,
            start_s=moved(p.start_s),
            end_s=moved(p.end_s),
            speech_s=tuple((moved(a), moved(b)) for a, b in p.speech_s),
        )
        if p.who == "customer"
        else p
        for p in truth.part
    )
    words, heard_words = (
        tuple(
            w._replace(start_s=moved(w.start_s), end_s=moved(w.end_s)) if w.who == "customer" else w
            for w in of
        )
        for of in (truth.word, truth.heard_word)
    )
    return msgspec.structs.replace(truth, part=parts, word=words, heard_word=heard_words)


def save(staged: Staged, folder: Path) -> Path:
    """Write the recording and its truth; return the recording's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{staged.truth.name}.wav"
    soundfile.write(path, staged.samples, TELEPHONE_RATE, subtype="ULAW")
    write(staged.truth, path.with_suffix(".truth.toml"))
    return path


def main() -> None:
    """Stage the requested call."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--clips", type=Path, default=corpora.DATA / "emodb")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    scenario = load(options.scenario)
    staged = stage(scenario, options.scenario.stem, takes(options.clips), options.seed)
    print(save(staged, options.out))


if __name__ == "__main__":
    main()

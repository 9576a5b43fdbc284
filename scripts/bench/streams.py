"""Measure how often words of a recogniser that streams change once they are committed.

    pip install pocketsphinx
    python -m scripts.bench.streams [RECORDING ...] [--seconds 300]

PocketSphinx streams, and its package has a model.  It mishears far more over a telephone than
voicecoach's recognisers, but how long its words take to settle can be measured:
`agreement.SETTLED_AFTER` rests on it.  The recording is the sample call unless another one is
given: the agent on the first channel, the customer on the second.  In each row words are committed
once they are the same in so much more audio; in the first row, once two hypotheses agree.
"""

from __future__ import annotations

import argparse
import importlib
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile
import soxr

from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.language import agreement
from voicecoach.language.phrases import normalize_text
from voicecoach.shell.asr.answering import ReplayAsr
from voicecoach.shell.asr.loop import Processor, run_engine
from voicecoach.shell.asr.streams import OpenStreams
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.languages import find_numbers
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.testing import cut_blocks, failed_stream_checks
from voicecoach.types.events import Event, InputItem
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, Speaker, Transcript

SETTLED_S = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.6)
CHECKED_S = 20
"""Seconds of the recording that the check of plug-ins hears."""


class PocketSphinx:
    """A `StreamingModel`."""

    def __init__(self) -> None:
        self._library = importlib.import_module("pocketsphinx")
        self.free: list[Any] = []

    def create_stream(self) -> SphinxStream:
        """Return a stream that has heard nothing."""
        if not self.free:
            # Its second pass would change all words at the end of an utterance.
            self.free.append(self._library.Decoder(loglevel="FATAL", fwdflat=False, bestpath=False))
        return SphinxStream(self)


class SphinxStream:
    """A `RecogniserStream`, which takes a free decoder."""

    def __init__(self, model: PocketSphinx) -> None:
        self._model, self._decoder = model, model.free.pop()
        self._decoder.reinit_feat()  # forget the mean of what was heard before
        self._decoder.start_utt()

    def accept_audio(self, audio: F32) -> None:
        """Hear the next samples."""
        self._decoder.process_raw(np.int16(audio * 32767).tobytes(), False, False)

    def words(self) -> list[TranscribedWord]:
        """Return the words so far, which have no probability."""
        found = [s for s in self._decoder.seg() or () if s.word[0] not in "<["]
        return [
            TranscribedWord(s.word.split("(")[0], s.start_frame / 100, s.end_frame / 100, 0.9)
            for s in found
        ]

    def finish(self) -> list[TranscribedWord]:
        """Return all words."""
        self._decoder.end_utt()
        words = self.words()
        self._model.free.append(self._decoder)
        return words


class Listener:
    """An engine whose transcripts are kept, of each utterance."""

    def __init__(self, engine: Processor) -> None:
        self._engine = engine
        self.transcripts: dict[tuple[Speaker, int], list[Transcript]] = {}

    def process(self, item: InputItem) -> list[Event]:
        """Process an item."""
        if isinstance(item, Transcript):
            self.transcripts.setdefault((item.speaker, item.utterance), []).append(item)
        return self._engine.process(item)

    def finish(self) -> list[Event]:
        """End the stream."""
        return self._engine.finish()


def row(utterances: Iterable[Sequence[Transcript]], settled_s: float | None) -> str:
    """Return a row: how many words were committed before the final ones, changed, and when.

    Words are committed once they are the same for so long; with None, once two hypotheses agree.
    """
    agreement.SETTLED_AFTER = round((settled_s or 0.0) * SAMPLE_RATE)
    words = early = changed = 0
    late_s: list[float] = []
    for *partial, final in utterances:
        follow = agreement.LocalAgreement(0)
        known: list[int] = []
        for transcript in partial:
            heard = msgspec.structs.replace(transcript, streamed=settled_s is not None)
            following = follow.words_after_committed(heard)
            if following is not None:
                follow.add_hypothesis(
                    following, heard.end, complete=heard.careful, streamed=heard.streamed
                )
            known += [heard.at] * (len(follow.committed) - len(known))
        texts = [normalize_text(word.text) for word in final.words]
        words, early = words + len(texts), early + len(known)
        for i, word in enumerate(follow.committed):
            changed += texts[i : i + 1] != [normalize_text(word.text)]
        for i, word in enumerate(final.words):
            late_s.append(((known[i] if i < len(known) else final.at) - word.end) / SAMPLE_RATE)
    name = "two hypotheses agree" if settled_s is None else f"the same for {settled_s} s"
    half, most = np.percentile(late_s, [50, 95])
    return f"| {name} | {early} of {words} | {changed / early:.1%} | {half:.2f} / {most:.2f} |"


def main() -> None:
    """Print a table for each recording."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("recordings", nargs="*", default=[resource("samples", SAMPLE_CALL)])
    parser.add_argument("--seconds", type=int, default=300)
    options = parser.parse_args()
    config, models, model = Config(), shipped_models(), PocketSphinx()
    for path in options.recordings:
        rate = soundfile.info(path).samplerate
        call, _ = soundfile.read(path, stop=options.seconds * rate, dtype="float32")
        samples = soxr.resample(call, rate, SAMPLE_RATE).T
        samples = np.ascontiguousarray(samples[:, : samples.shape[1] // HOP * HOP])
        broken = failed_stream_checks(model, samples[0, : CHECKED_S * SAMPLE_RATE])
        listener = Listener(build_engine(config, built_in_cues(), models))
        asr = ReplayAsr([OpenStreams(model)], config.transcription, find_numbers("en"))
        deque(run_engine(cut_blocks(samples), listener, asr), 0)
        asr.close()
        print(f"\n{Path(path).stem}, {options.seconds} s; rules broken: {len(broken)}\n")
        print("| committed once | before the final words | changed | after the word, p50 / p95 |")
        print("|---|--:|--:|--:|")
        for settled_s in (None, *SETTLED_S):
            print(row(listener.transcripts.values(), settled_s), flush=True)


if __name__ == "__main__":
    main()

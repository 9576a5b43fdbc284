"""Measure the CPU time to save and restore an engine's state, for each minute of the sample call.

    python -m scripts.bench.state

The words are one fixed sentence, repeated, so that no recogniser is needed.
"""

from __future__ import annotations

import time
import tracemalloc
from collections import deque
from itertools import islice

import numpy as np

from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config
from voicecoach.engine import Engine
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.types.events import TranscribeRequest
from voicecoach.types.stream import SAMPLE_RATE, HeardWord, Transcript

TEXT = "I am so sorry about that, where do you live and what is wrong with the washer?"
WORD, DELAY = 6_000, 4_800
"""Samples from word to word, and from a request to its answer."""
TIMES = 9


def answer(request: TranscribeRequest) -> Transcript:
    """Return the words for a request."""
    texts = TEXT.split()
    words = [
        HeardWord(texts[i % len(texts)], at, at + WORD, 0.9)
        for i, at in enumerate(range(request.start, request.end - WORD, WORD))
    ]
    return request.make_transcript(request.at + DELAY, tuple(words[request.first :]))


def median_ms(seconds: list[float]) -> float:
    """Return the median, in milliseconds, of times in seconds."""
    return 1000 * float(np.median(seconds))


def measure(engine: Engine) -> tuple[float, float, float]:
    """Return the CPU milliseconds of `state` and of `restore`, and the size of a state in MB."""
    took: list[float] = []
    back: list[float] = []
    for _ in range(TIMES):
        began = time.process_time()
        state = engine.state()
        took.append(time.process_time() - began)
        began = time.process_time()
        engine.restore(state)
        back.append(time.process_time() - began)
    tracemalloc.start()
    kept = engine.state()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return median_ms(took), median_ms(back), size / 1e6


def main() -> None:
    """Print a line for each minute."""
    engine = build_engine(Config(), built_in_cues(), shipped_models())
    due: deque[Transcript] = deque()
    blocks = RecordedCall.from_stereo(resource("samples", SAMPLE_CALL)).blocks(16)
    minute = 60 * SAMPLE_RATE // (16 * 256)
    print("minute  state ms  restore ms    MB")
    for i in range(1, 5):
        for block in islice(blocks, minute):
            events = engine.process(block)
            while due and due[0].at <= block.end:
                events += engine.process(due.popleft())
            due += [answer(e) for e in events if isinstance(e, TranscribeRequest)]
        state_ms, restore_ms, size = measure(engine)
        print(f"{i:6}  {state_ms:8.1f}  {restore_ms:10.1f}  {size:4.1f}")


if __name__ == "__main__":
    main()

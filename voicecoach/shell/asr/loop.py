"""The run loop: feeds blocks to the engine and yields its events, live and in replay."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from voicecoach.shell.asr.answering import Asr
from voicecoach.types.events import (
    DigitsShown,
    Ended,
    Event,
    InputItem,
    Listening,
    TranscribeRequest,
)
from voicecoach.types.stream import HOP, MAX_HOPS, SAMPLE_RATE, Block, Transcript

MAX_HOPS_WITH_WORDS = 16
"""Most hops processed at once when words are wanted.  `transcription.replay_delay_s` is at least as
long, so that words are never too late for the hop they belong to.
"""


class Processor(Protocol):
    """The part of an engine that the loop needs."""

    def process(self, item: InputItem) -> list[Event]:
        """Process an item and return the new events."""

    def finish(self) -> list[Event]:
        """End the stream."""


def run_engine(items: Iterable[InputItem], engine: Processor, asr: Asr | None) -> Iterator[Event]:
    """Yield the events of a call as they become known, until its end."""
    for item in split_blocks(fill_gaps(items), MAX_HOPS_WITH_WORDS) if asr else fill_gaps(items):
        if asr and isinstance(item, Block):
            asr.buffer_audio(item)
            yield from _process_answers(asr, item.end, engine)
        if asr and isinstance(item, Listening) and not item.on:
            asr.discard_pending()
        yield from _submit_requests(engine.process(item), asr)
    ended: Event | None = None
    for event in _end_call(engine, asr):
        if isinstance(event, Ended):
            ended = event  # digits may be shown after the last words
        else:
            yield event
    if ended:
        yield ended


def fill_gaps(items: Iterable[InputItem]) -> Iterator[InputItem]:
    """Yield blocks without gaps: silence that is marked as missing replaces missing audio."""
    now = 0
    for item in items:
        if isinstance(item, Block):
            while now < item.start:
                n = min(item.start - now, MAX_HOPS * HOP)
                yield Block(now, np.zeros((2, n), np.float32), missing=True)
                now += n
            now = item.end
        yield item


def split_blocks(items: Iterable[InputItem], hops: int) -> Iterator[InputItem]:
    """Yield blocks of at most `hops` hops."""
    size = hops * HOP
    for item in items:
        if not isinstance(item, Block):
            yield item
            continue
        for at in range(0, item.samples.shape[1], size):
            samples = item.samples[:, at : at + size]
            yield Block(item.start + at, samples, missing=item.missing)


def pace_blocks(blocks: Iterable[Block], speed: float) -> Iterator[Block]:
    """Yield each block no earlier than its end at `speed` times real time."""
    began = time.monotonic()
    for block in blocks:
        ahead = block.end / SAMPLE_RATE / speed - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
        yield block


def _end_call(engine: Processor, asr: Asr | None) -> Iterator[Event]:
    yield from _submit_requests(engine.finish(), asr)
    if asr:
        yield from _process_answers(asr, None, engine)


def _process_answers(asr: Asr, until: int | None, engine: Processor) -> Iterator[Event]:
    for answer in asr.poll(until):
        if isinstance(answer, Transcript | DigitsShown):
            yield from _submit_requests(engine.process(answer), asr)
        else:
            yield answer


def _submit_requests(events: list[Event], asr: Asr | None) -> Iterator[Event]:
    for event in events:
        if isinstance(event, TranscribeRequest):
            assert asr, "the engine asked for words without a transcriber"
            asr.submit(event)
        else:
            yield event

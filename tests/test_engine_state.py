"""A call can be forked: an engine that goes on from a state gives the same events."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cache
from itertools import islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voicecoach.coaching.cues import built_in_cues
from voicecoach.config import Config, override_config
from voicecoach.engine import Engine
from voicecoach.errors import InputError
from voicecoach.estimates.baseline import EMPTY_BASELINE
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.testing import (
    cut_blocks,
    make_engine,
    process_all,
    silence,
    stereo,
    syllables,
    white_noise,
)
from voicecoach.types.events import (
    CueOpened,
    Event,
    InputItem,
    Listening,
    TranscribeRequest,
    Utterance,
)
from voicecoach.types.stream import HOP, SAMPLE_RATE, Block, HeardWord, Speaker, Transcript

EXCERPT_FROM, EXCERPT_TO = 60, 100
"""Seconds of the sample call."""
PAUSE_AT, RESUME_AT = 24 * SAMPLE_RATE, 26 * SAMPLE_RATE
"""Of the excerpt."""
SAID = {
    Speaker.AGENT: "I am so sorry about that. You must wait, we can't do anything today.",
    Speaker.CUSTOMER: "it is broken again and nobody told me, this is ridiculous",
}
DELAY = 4800


@cache
def excerpt() -> tuple[Block, ...]:
    """Return the excerpt as blocks of one hop that begin at 0."""
    call = RecordedCall.from_stereo(resource("samples", SAMPLE_CALL)).blocks(1)
    first, last = (s * SAMPLE_RATE // HOP for s in (EXCERPT_FROM, EXCERPT_TO))
    return tuple(Block(i * HOP, b.samples) for i, b in enumerate(islice(call, first, last)))


def shipped(config: Config | None = None, **options: object) -> Engine:
    return build_engine(config or Config(), built_in_cues(), shipped_models(), **options)  # type: ignore[arg-type]


def answer(request: TranscribeRequest) -> Transcript:
    said = SAID[request.speaker].split()
    words = [
        HeardWord(said[i % len(said)], at, at + 5000, 0.9)
        for i, at in enumerate(range(request.start, request.end - 5000, 5000))
    ]
    return request.make_transcript(request.at + DELAY, tuple(words[request.first :]))


def listen(
    e: Engine, heard: Sequence[Block], due: deque[InputItem], *, end: bool = True
) -> list[Event]:
    """Return the events of blocks, each answered `DELAY` after; `due` is what waits to be told."""
    events: list[Event] = []

    def tell(item: InputItem) -> None:
        for event in e.process(item):
            events.append(event)
            if isinstance(event, TranscribeRequest):
                due.append(answer(event))

    for block in heard:
        # Items are told before the block that they fall into.
        while due and not isinstance(due[0], Block) and due[0].at <= block.end:
            tell(due.popleft())
        if block.start in (PAUSE_AT, RESUME_AT):
            tell(Listening(at=block.start, on=block.start == RESUME_AT))
        tell(block)
    if end:
        events += e.finish()
        while due:
            tell(due.popleft())
    return events


@cache
def unforked() -> tuple[Event, ...]:
    return tuple(listen(shipped(), excerpt(), deque()))


def test_the_excerpt_has_words_a_pause_and_cues_in_it() -> None:
    kinds = {type(event) for event in unforked()}
    assert {CueOpened, Utterance, TranscribeRequest, Listening} <= kinds


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(1, len(range(0, 40 * SAMPLE_RATE, HOP)) - 1), min_size=1, max_size=3))
def test_a_call_forked_at_any_hop_gives_the_same_events(hops: list[int]) -> None:
    hops = sorted({min(hop, len(excerpt()) - 1) for hop in hops})
    e, due, events = shipped(), deque[InputItem](), list[Event]()
    for begin, end in zip([0, *hops], [*hops, len(excerpt())], strict=True):
        if begin:
            state, waiting = e.state(), deque(due)
            assert state.at == begin * HOP
            # What happens after a state was taken never reaches it.
            listen(e, [Block(begin * HOP, b.samples[::-1]) for b in excerpt()[:1]], due)
            e, due = shipped(), waiting
            e.restore(state)
        events += listen(e, excerpt()[begin:end], due, end=end == len(excerpt()))
    assert tuple(events) == unforked()


def test_a_state_is_restored_again_and_again_into_the_engine_it_came_from() -> None:
    e, due, at = shipped(frames=True), deque[InputItem](), 0
    while at < 900 or not due:  # until words are in flight
        listen(e, excerpt()[at : at + 1], due, end=False)
        at += 1
    state = e.state()
    rest = excerpt()[at : at + 400]
    first = listen(e, rest, deque(due))
    assert len(first) > 800
    for _ in range(2):
        e.restore(state)
        assert listen(e, rest, deque(due)) == first


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 1000), st.sampled_from([1, 3, 16]))
@example(1000, 1)
def test_a_fork_may_hear_other_audio_than_the_call(hop: int, size: int) -> None:
    call = stereo(syllables(140, 6, 16), syllables(220, 4, 8))
    other = call.copy()
    other[:, hop * HOP :] = stereo(white_noise(17, 0.1), silence(17))[
        :, : call.shape[1] - hop * HOP
    ]
    e = make_engine()
    before = [
        event for block in cut_blocks(call[:, : hop * HOP], [size]) for event in e.process(block)
    ]
    state = e.state()
    for way in (call, other):
        e.restore(state)
        events = [
            event for block in cut_blocks(way, [1])[hop:] for event in e.process(block)
        ] + e.finish()
        assert [*before, *events] == process_all(way, [1])


def test_a_timed_engine_may_be_forked_too() -> None:
    stages = LatencyStats()
    e = shipped(stages=stages, transcribe=False)
    listen(e, excerpt()[:100], deque(), end=False)
    state = e.state()
    first = listen(e, excerpt()[100:300], deque())
    e.restore(state)
    assert listen(e, excerpt()[100:300], deque()) == first
    assert stages["vad"].count == 500


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"config": override_config(Config(), "cues.min_gap_s", 3.0)}, "config"),
        ({"speakers": (Speaker.AGENT,)}, "speakers"),
        ({"transcribe": False}, "transcribe"),
        ({"frames": True}, "frames and group"),
        ({"baseline": EMPTY_BASELINE}, "baseline"),
    ],
)
def test_a_state_of_another_configuration_is_refused(other: dict[str, object], named: str) -> None:
    state = shipped(**other).state()  # type: ignore[arg-type]
    e = shipped()
    with pytest.raises(InputError, match=f"with another {named}: restore it into one"):
        e.restore(state)
    # It goes on as if nothing had been asked.
    assert listen(e, excerpt()[:50], deque()) == listen(shipped(), excerpt()[:50], deque())


def test_a_state_with_other_cues_or_another_detector_is_refused() -> None:
    config, models = Config(), shipped_models()
    e = build_engine(config, built_in_cues()[1:], models)
    with pytest.raises(InputError, match="another cues"):
        e.restore(shipped().state())
    with pytest.raises(InputError, match="another detector"):
        make_engine(transcribe=True).restore(shipped().state())

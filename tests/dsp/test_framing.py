"""Cutting streams into blocks and frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecoach.dsp.framing import Framer, History, Rechunker
from voicecoach.types.stream import HOP, MAX_HOPS, Block

SAMPLES = np.arange(2 * 9000, dtype=np.float32).reshape(2, 9000)


@given(st.lists(st.integers(0, 3000), max_size=12), st.integers(1, 16))
def test_any_cut_of_the_input_gives_the_same_blocks(sizes: list[int], hops: int) -> None:
    cut, whole = Rechunker(hops), Rechunker(hops)
    got, at = [], 0
    for size in [*sizes, 9000]:
        got += cut.push(SAMPLES[:, at : at + size])
        at += size
    got += cut.flush()
    expected = whole.push(SAMPLES) + whole.flush()
    assert [b.start for b in got] == [b.start for b in expected]
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(got, expected, strict=True))


def test_the_last_hop_is_padded_with_silence_and_nothing_is_lost() -> None:
    rechunker = Rechunker(4)
    blocks = rechunker.push(SAMPLES) + rechunker.flush()
    joined = np.concatenate([b.samples for b in blocks], axis=1)
    assert joined.shape[1] % HOP == 0
    assert np.array_equal(joined[:, :9000], SAMPLES)
    assert not joined[:, 9000:].any()
    assert rechunker.flush() == []


@pytest.mark.parametrize("hops", [0, MAX_HOPS + 1])
def test_a_block_has_a_stated_number_of_hops(hops: int) -> None:
    with pytest.raises(ValueError, match="hops must be"):
        Rechunker(hops)


@given(st.lists(st.integers(1, 16), min_size=1, max_size=20))
def test_a_frame_holds_the_newest_samples_of_its_hop(sizes: list[int]) -> None:
    framer, total = Framer(3 * HOP), sum(sizes) * HOP
    stream = np.arange(2 * total, dtype=np.float32).reshape(2, total)
    padded = np.concatenate([np.zeros((2, 2 * HOP), np.float32), stream], axis=1)
    at = 0
    for hops in sizes:
        frames = framer.push(stream[:, at : at + hops * HOP])
        for i in range(hops):
            start = at + i * HOP
            assert np.array_equal(frames[:, i], padded[:, start : start + 3 * HOP])
        at += hops * HOP


@given(st.lists(st.integers(1, 16), min_size=1, max_size=40))
def test_history_gives_what_was_heard(sizes: list[int]) -> None:
    history, at = History(1.0), 0
    rng = np.random.default_rng(0)
    stream = rng.standard_normal((2, sum(sizes) * HOP)).astype(np.float32)
    for hops in sizes:
        history.push(Block(at, stream[:, at : at + hops * HOP]))
        at += hops * HOP
    start = max(0, at - 16_000)
    assert np.array_equal(history.window(1, start, at), stream[1, start:at])
    with pytest.raises(IndexError):
        history.window(0, at - 16_001, at)
    with pytest.raises(IndexError):
        history.window(0, at, at + 1)

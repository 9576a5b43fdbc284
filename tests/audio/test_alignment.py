"""Two clocks on one time line: truth by construction, as samples that say where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from voicecoach.audio.alignment import (
    DRIFT_SLACK,
    JUMP_CHUNKS,
    SUSPENDED_AFTER,
    Aligner,
    ChannelTrack,
)
from voicecoach.types.stream import HOP, SAMPLE_RATE, SPEAKERS, Block, Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER
CHUNK = 320
MS = SAMPLE_RATE // 1000


def ramp(start: int, n: int) -> NDArray[np.int16]:
    """Return samples that say by their value when they were: 1 to 20,000, again and again."""
    return ((np.arange(start, start + n) % 20_000) + 1).astype(np.int16)


class Device:
    """Delivers a ramp in chunks of 20 ms, on a clock of its own.

    Parameters
    ----------
    begins_s
        When its first sample is.
    ppm
        How much too fast its clock is.
    jitter_s
        Its times are off by up to so much, from a seed.
    late_s
        From a chunk's end until it is delivered.
    """

    def __init__(
        self,
        begins_s: float = 0.0,
        ppm: float = 0.0,
        jitter_s: float = 0.0,
        late_s: float = 0.03,
        seed: int = 0,
    ) -> None:
        self.begins_s, self.rate = begins_s, SAMPLE_RATE * (1 + ppm * 1e-6)
        self.jitter_s, self.late_s = jitter_s, late_s
        self._rng = np.random.default_rng(seed)

    def chunks(self, seconds: float) -> list[tuple[float, NDArray[np.int16], float]]:
        """Return (delivered, samples, at) for each chunk of a stream."""
        out = []
        for first in range(0, int(seconds * SAMPLE_RATE), CHUNK):
            at = self.begins_s + first / self.rate
            # The ramp tells true time: a device that is too fast says each sample's earlier.
            truth = round(at * SAMPLE_RATE)
            off = self._rng.uniform(-self.jitter_s, self.jitter_s)
            out.append((at + CHUNK / SAMPLE_RATE + self.late_s, ramp(truth, CHUNK), at + off))
        return out


def listen(
    devices: dict[Speaker, list[tuple[float, NDArray[np.int16], float]]],
    until: float,
    tick_s: float = 0.01,
    idles: bool = False,
) -> tuple[Aligner, list[Block]]:
    """Deliver chunks when they come, and pull every tick."""
    aligner = Aligner(0.0)
    for speaker in devices:
        aligner.open_channel(speaker, idles=idles)
    waiting = sorted(
        (
            (came, speaker.row, samples, at)
            for speaker, d in devices.items()
            for came, samples, at in d
        ),
        key=lambda chunk: chunk[:2],
    )
    blocks = []
    for i in range(round(until / tick_s)):
        now = i * tick_s
        while waiting and waiting[0][0] <= now:
            _, row, samples, at = waiting.pop(0)
            aligner.push(SPEAKERS[row], samples, at)
        blocks += aligner.pull(now)
    return aligner, blocks


def whole(blocks: list[Block]) -> NDArray[np.float64]:
    """Return all samples [2, n] as int16 values."""
    return np.concatenate([block.samples for block in blocks], axis=1) * 32768.0


def errors_ms(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, of each sample that is there, how far from its true place it is.

    Where the ramp begins again a sample between its ends says nothing; one in a thousand is left.
    """
    at = np.flatnonzero(row)
    off = (row[at] - 1 - at % 20_000 + 10_000) % 20_000 - 10_000
    return off[np.argsort(np.abs(off))][: len(off) - len(off) // 1000] / MS


def test_blocks_follow_each_other_in_whole_hops() -> None:
    _, blocks = listen({A: Device().chunks(3), C: Device(0.7).chunks(3)}, 4.5)
    now = 0
    for block in blocks:
        assert block.start == now
        assert block.samples.shape[1] % HOP == 0
        now = block.end
    assert now > 3 * SAMPLE_RATE


def test_streams_that_start_apart_are_where_their_times_say() -> None:
    _, blocks = listen({A: Device().chunks(6), C: Device(3.0).chunks(3)}, 6)
    samples = whole(blocks)
    assert np.abs(errors_ms(samples[0])).max() == 0
    assert np.abs(errors_ms(samples[1])).max() == 0
    assert np.flatnonzero(samples[1])[0] == 3 * SAMPLE_RATE


@pytest.mark.parametrize("ppm", [-500, -200, 200, 500])
def test_drift_is_corrected_a_sample_at_a_time(ppm: float) -> None:
    device = Device(ppm=ppm, jitter_s=0.004)
    aligner, blocks = listen({A: device.chunks(60), C: Device().chunks(60)}, 60)
    row = whole(blocks)[0].copy()
    row[: 4 * SAMPLE_RATE], samples = 0, row[4 * SAMPLE_RATE :]
    off = np.abs(errors_ms(row))
    assert off.max() < DRIFT_SLACK / MS + 6
    assert off.max() > 2, "there was something to correct"
    assert not (samples == 0).any(), "nothing is missing"
    assert aligner.dropped_s(A) == 0
    # Never more than a sample in a chunk.
    assert np.quantile(np.abs(np.diff(samples)), 0.999) <= 2


@given(st.integers(0, 2**31), st.floats(0.0, 0.06))
@settings(max_examples=25)
def test_jitter_makes_no_gap_and_moves_nothing(seed: int, jitter_s: float) -> None:
    device = Device(0.2, jitter_s=jitter_s, seed=seed)
    aligner, blocks = listen({A: device.chunks(8), C: Device().chunks(8)}, 8)
    row = whole(blocks)[0]
    row[: 4 * SAMPLE_RATE], steady = 0, row[4 * SAMPLE_RATE :]
    assert not (steady == 0).any()
    assert aligner.dropped_s(A) <= 2 * jitter_s, "no more than it takes to find its place"
    assert np.abs(errors_ms(row)).max() < 1000 * jitter_s + 5


@pytest.mark.parametrize("off_s", [0.1, 0.03, -0.4, -0.06])
@pytest.mark.parametrize("chunks", [6, 50])
def test_bad_first_times_are_mended_within_seconds(off_s: float, chunks: int) -> None:
    """PortAudio's were seen 100 ms late in the first chunks, and 400 ms early in a second."""
    delivered = [
        (came, samples, at + (off_s if i < chunks else 0.0))
        for i, (came, samples, at) in enumerate(Device(0.5).chunks(6))
    ]
    _, blocks = listen({A: delivered, C: Device().chunks(6)}, 6)
    row = whole(blocks)[0]
    row[: 4 * SAMPLE_RATE] = 0
    assert np.abs(errors_ms(row)).max() == 0


def test_times_that_wander_move_nothing() -> None:
    """A sound server's times were seen to wander by 10 ms either way, over 8 s."""
    delivered = [
        (came, samples, at + 0.01 * np.sin(2 * np.pi * at / 8))
        for came, samples, at in Device().chunks(60)
    ]
    _, blocks = listen({A: delivered, C: Device().chunks(60)}, 60)
    row = whole(blocks)[0, 4 * SAMPLE_RATE :]
    steps = np.diff(row)
    assert set(np.unique(steps).tolist()) <= {1.0, -19_999.0}, "as it was, sample by sample"


@pytest.mark.parametrize("gap_s", [0.08, 0.4, 5.0])
def test_what_was_lost_is_silence_and_the_rest_is_where_it_was(gap_s: float) -> None:
    before = Device().chunks(5)
    after = Device(5 + gap_s).chunks(5)
    _, blocks = listen({A: before + after, C: Device().chunks(10 + gap_s)}, 10 + gap_s)
    samples = whole(blocks)
    assert np.abs(errors_ms(samples[1])).max() == 0
    late = samples[0].copy()
    late[: round((5 + gap_s + 0.7) * SAMPLE_RATE)] = 0
    assert np.abs(errors_ms(late)).max() == 0
    silent = np.sum(samples[0, SAMPLE_RATE:] == 0) / SAMPLE_RATE
    assert abs(silent - gap_s) < 0.05


def test_an_overflow_that_is_told_is_mended_at_once() -> None:
    aligner = Aligner(0.0)
    for speaker in SPEAKERS:
        aligner.open_channel(speaker, idles=False)
    for i in range(2 * JUMP_CHUNKS):
        at = i * CHUNK + (4000 if i >= JUMP_CHUNKS else 0)
        aligner.push(A, ramp(at, CHUNK), at / SAMPLE_RATE, lost=i == JUMP_CHUNKS)
        aligner.push(C, ramp(at, CHUNK), at / SAMPLE_RATE)
    row = whole(aligner.pull(2 * JUMP_CHUNKS * CHUNK / SAMPLE_RATE + 0.3))[0]
    assert np.abs(errors_ms(row)).max() == 0


def test_one_that_delivers_nothing_while_nothing_plays_is_silence() -> None:
    plays = [c for c in Device().chunks(9) if 3.0 <= c[2] < 6.0]
    aligner, blocks = listen({A: Device().chunks(9), C: plays}, 9, idles=True)
    samples = whole(blocks)
    assert np.abs(errors_ms(samples[1])).max() == 0
    heard = np.flatnonzero(samples[1]) / SAMPLE_RATE
    assert heard[0] == pytest.approx(3.0, abs=0.001)
    assert heard[-1] == pytest.approx(6.0, abs=0.021)
    assert not any(block.missing for block in blocks)
    assert aligner.dropped_s(C) == 0


def test_what_comes_too_late_is_dropped_and_what_follows_is_in_its_place() -> None:
    chunks = [
        (max(came, 6.5) if 4.0 < came < 6.5 else came, samples, at)
        for came, samples, at in Device().chunks(9)
    ]
    aligner, blocks = listen({A: chunks, C: Device().chunks(9)}, 9)
    row = whole(blocks)[0]
    assert np.abs(errors_ms(row)).max() == 0
    assert 1.2 < aligner.dropped_s(A) < 1.7, "all that is older than patience"


def test_a_late_burst_within_patience_loses_nothing() -> None:
    chunks = [
        (max(came, 4.9) if 4.0 < came < 4.9 else came, samples, at)
        for came, samples, at in Device().chunks(9)
    ]
    aligner, blocks = listen({A: chunks, C: Device().chunks(9)}, 9)
    assert not (whole(blocks)[0, : 8 * SAMPLE_RATE] == 0).any()
    assert aligner.dropped_s(A) == 0


def test_blocks_in_which_nobody_is_heard_are_missing() -> None:
    aligner = Aligner(0.0)
    assert all(block.missing for block in aligner.pull(2.0))
    aligner.open_channel(A, idles=False)
    aligner.push(A, ramp(2 * SAMPLE_RATE, CHUNK), 2.0)
    blocks = aligner.pull(4.0)
    assert [block.missing for block in blocks][:2] == [False, True]
    assert blocks[0].end == 2 * SAMPLE_RATE + 2 * HOP


def test_nobody_is_waited_for_who_is_not_listened_to() -> None:
    aligner = Aligner(0.0)
    aligner.open_channel(A, idles=False)
    aligner.push(A, ramp(0, CHUNK), 0.0)
    assert aligner.pull(0.03)[-1].end == HOP
    aligner.push(C, ramp(0, CHUNK), 0.0)
    assert not aligner.pull(0.03)


def test_nothing_waits_after_clear() -> None:
    aligner = Aligner(0.0)
    for speaker in SPEAKERS:
        aligner.open_channel(speaker, idles=False)
    aligner.push(A, ramp(0, CHUNK), 0.0)
    aligner.clear()
    assert not whole(aligner.pull(3.0)).any()


def test_a_computer_that_slept_is_cut_out_of_the_time_line() -> None:
    aligner, _ = listen({A: Device().chunks(3), C: Device().chunks(3)}, 3)
    before = aligner.now
    slept = 3600.0
    for speaker in SPEAKERS:
        aligner.push(speaker, ramp(0, CHUNK), slept)
    blocks = aligner.pull(slept + 0.1)
    assert blocks
    assert all(block.missing for block in blocks)
    assert aligner.now - before <= 2 * SAMPLE_RATE
    assert aligner.suspended_s == pytest.approx(slept - 3, abs=3)
    # What is heard then goes where it belongs: at once, by its time.
    at = slept + 0.2
    for i in range(50):
        for speaker in SPEAKERS:
            aligner.push(speaker, ramp(0, CHUNK), at + i * 0.02)
    after = aligner.pull(at + 1.1)
    assert aligner.time(aligner.now) == pytest.approx(at + 1.0, abs=0.05)
    assert not after[-1].missing
    assert slept * SAMPLE_RATE > SUSPENDED_AFTER


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=20), st.integers(0, 100))
@settings(max_examples=50)
def test_how_often_it_is_asked_changes_no_sample(asked: list[float], seed: int) -> None:
    """Within patience, that is: silence is decided by the time that is given."""
    chunks = Device(jitter_s=0.01, seed=seed).chunks(3)

    def heard(times: list[float]) -> NDArray[np.float64]:
        aligner = Aligner(0.0)
        for speaker in SPEAKERS:
            aligner.open_channel(speaker, idles=False)
        blocks: list[Block] = []
        waiting = list(chunks)
        for now in [*sorted(times), 3.2]:
            while waiting and waiting[0][0] <= now:
                _, samples, at = waiting.pop(0)
                for speaker in SPEAKERS:
                    aligner.push(speaker, samples, at)
            blocks += aligner.pull(now)
        return whole(blocks)

    often = [i * 0.02 for i in range(160)]
    few = [*asked, *[i * 0.5 for i in range(6)]]
    assert np.array_equal(heard(often), heard(few))


def test_a_begun_time_line_does_not_begin_again() -> None:
    aligner = Aligner(0.0)
    aligner.set_origin(5.0)
    assert aligner.time(0) == 5.0
    aligner.pull(5.5)
    with pytest.raises(ValueError, match="has begun"):
        aligner.set_origin(6.0)


def test_samples_come_out_as_they_went_in() -> None:
    aligner = Aligner(0.0)
    for speaker in SPEAKERS:
        aligner.open_channel(speaker, idles=False)
    extremes = np.array([-32768, 32767] * 128, np.int16)
    for speaker in SPEAKERS:
        aligner.push(speaker, extremes, 0.0)
    assert np.array_equal(whole(aligner.pull(0.1))[0], extremes)


# --- the edges ------------------------------------------------------------------------------------


def place(*spells: tuple[int, int]) -> list[int]:
    """Return by how much each chunk lies later than without a correction.

    Each spell is of so many chunks whose times are off by so many samples.
    """
    track, moved, i = ChannelTrack(), [], 0
    for chunks, off in spells:
        for _ in range(chunks):
            start, _ = track.place_chunk(i * CHUNK + off, CHUNK)
            moved.append(start - i * CHUNK)
            i += 1
    return moved


@pytest.mark.parametrize(("off_ms", "jumps"), [(60, False), (80, True)])
def test_a_track_jumps_by_70_ms_and_more(off_ms: int, jumps: bool) -> None:
    moved = place((300, 0), (25, off_ms * MS))
    assert (moved[-1] == off_ms * MS) == jumps


@pytest.mark.parametrize(("chunks", "jumps"), [(12, False), (20, True)])
def test_a_jump_is_one_when_most_of_the_newest_600_ms_say_so(chunks: int, jumps: bool) -> None:
    assert (place((300, 0), (chunks, 500 * MS))[-1] > 0) == jumps


@pytest.mark.parametrize(
    "spells",
    [((80, 30 * MS), (71, 0)), ((111, 0), (40, 30 * MS))],
    ids=["most of the first 3 s are off", "most of the third second is"],
)
def test_a_track_is_placed_by_what_most_of_the_2nd_and_3rd_second_say(
    spells: tuple[tuple[int, int], ...],
) -> None:
    assert place(*spells)[-1] == 0


@pytest.mark.parametrize(("off_ms", "drifts"), [(15, False), (25, True)])
def test_a_drift_is_corrected_from_20_ms(off_ms: int, drifts: bool) -> None:
    assert (place((300, 0), (300, off_ms * MS))[-1] > 0) == drifts


@pytest.mark.parametrize(("chunks", "drifts"), [(100, False), (150, True)])
def test_a_drift_is_one_when_most_of_the_newest_5_s_say_so(chunks: int, drifts: bool) -> None:
    assert (place((600, 0), (chunks, 25 * MS))[-1] > 0) == drifts


@pytest.mark.parametrize(("off", "left"), [(400, 30), (403, 23)])
def test_a_correction_ends_within_2_ms_at_a_look_every_10_chunks(off: int, left: int) -> None:
    assert off - place((300, 0), (800, off))[-1] == left


@pytest.mark.parametrize(("idles", "patience_s"), [(False, 1.0), (True, 0.2)])
def test_a_silent_track_is_waited_for(idles: bool, patience_s: float) -> None:
    aligner = Aligner(0.0)
    aligner.open_channel(A, idles=idles)
    aligner.pull(5.0)
    assert aligner.time(aligner.now) == pytest.approx(5.0 - patience_s, abs=HOP / SAMPLE_RATE)


@pytest.mark.parametrize(("pause_s", "suspended"), [(19.0, False), (21.0, True)])
def test_a_pause_of_more_than_20_s_is_a_suspension(pause_s: float, suspended: bool) -> None:
    aligner = Aligner(0.0)
    aligner.pull(pause_s)
    assert (aligner.suspended_s > 0) == suspended


@pytest.mark.parametrize(("ahead_s", "kept"), [(28.0, True), (32.0, False)])
def test_half_a_minute_may_wait(ahead_s: float, kept: bool) -> None:
    aligner = Aligner(0.0)
    aligner.open_channel(A, idles=False)
    aligner.push(A, ramp(0, CHUNK), ahead_s)
    blocks = [block for now in (16.0, 33.0, 34.0) for block in aligner.pull(now)]
    assert whole(blocks).any() == kept

"""Channels that cannot be trusted are told, those that can are left alone.

Truth by construction: conversations are staged, and what is wrong with them is put in.  Voices are
synthetic where no data is needed, and LibriSpeech's where the shared data is here.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
import soxr

from scripts.staging import conversations
from scripts.staging.conversations import AGENT, CUSTOMER
from scripts.support import corpora
from scripts.support.corpora import DATA, Samples
from voicecoach.audio.channels import ChannelMonitor
from voicecoach.testing import stereo, vowel, white_noise, whole_hops
from voicecoach.types.events import ChannelState
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, SPEAKERS, TICK, Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER
shared = pytest.mark.skipif(not DATA.is_dir(), reason="shared reference data is not here")
FOUND_S = 6.0
"""Seconds of the source's speech in which a copy or a bleed is to be found."""


def watch(
    both: Samples | F32,
    speakers: tuple[Speaker, ...] = SPEAKERS,
    opened: dict[int, Speaker] | None = None,
) -> list[ChannelState]:
    """Return what is said of [2, n]; `opened` by the index of the hop."""
    speech = conversations.speaking(np.asarray(both, np.float64))
    channels, changes, at = ChannelMonitor(speakers), [], 0
    for i, hop in enumerate(conversations.hops(both)):
        channels.push(hop)
        if opened and i in opened:
            channels.on_greeting((i + 1) * HOP, opened[i])
        at = (i + 1) * HOP
        if (i + 1) % TICK == 0:
            changes += channels.update_states(at, speech[:, i].tolist())
    return changes + channels.finish(at)


def said(changes: list[ChannelState]) -> list[tuple[Speaker, str]]:
    return [(c.speaker, c.state) for c in changes]


def speech_until(change: ChannelState, clean: Samples, row: int | None) -> float:
    """Return the seconds of speech (of a row, or of anybody) before a change."""
    speech = conversations.speaking(clean)
    spoken = speech if row is None else speech[row : row + 1]
    return float(spoken.max(axis=0)[: change.at // HOP].sum()) * HOP / SAMPLE_RATE


def synthetic(s: float, seed: int = 0, **options: bool) -> Samples:
    rng = np.random.default_rng(seed)
    return conversations.conversation(
        conversations.babble(2), conversations.babble(7), s, rng, **options
    )


@pytest.fixture(params=["synthetic", pytest.param("read", marks=shared)])
def talk(request: pytest.FixtureRequest) -> Callable[[float, int], Samples]:
    """Stage a conversation of so many seconds, without noise."""
    if request.param == "synthetic":
        return synthetic

    def read(s: float, seed: int) -> Samples:
        rng = np.random.default_rng(seed)
        voices = [conversations.voice(clips) for clips in conversations.readers()]
        a, c = rng.permutation(len(voices))[:2]
        return conversations.conversation(voices[a], voices[c], s, rng)

    return read


# --- the edges ----------------------------------------------------------------------------


def ticks(n: int, level_dbfs: float, seed: int = 0) -> F32:
    """Return so many ticks of noise."""
    noise = np.random.default_rng(seed).standard_normal(n * TICK * HOP)
    return np.asarray(10 ** (level_dbfs / 20) * noise, np.float32)


def monitor(
    agent: F32, customer: F32, speaking: bool = True, greetings: dict[int, Speaker] | None = None
) -> list[ChannelState]:
    """Return what is said where everyone speaks all the time, or nobody; greetings by tick."""
    channels, changes, step = ChannelMonitor(), [], TICK * HOP
    for first in range(0, len(agent), step):
        end = first + step
        channels.push(np.stack([agent[first:end], customer[first:end]]))
        if greetings and end // step in greetings:
            channels.on_greeting(end, greetings[end // step])
        changes += channels.update_states(end, [speaking, speaking])
    return changes


@pytest.mark.parametrize(("level_dbfs", "dead"), [(-70.0, False), (-80.0, True)])
def test_a_channel_that_never_exceeds_minus_75_dbfs_is_dead(level_dbfs: float, dead: bool) -> None:
    changes = monitor(ticks(45, -30.0), ticks(45, level_dbfs, 1), speaking=False)
    assert said(changes) == [(C, "dead")] * dead


@pytest.mark.parametrize(("level_dbfs", "dead"), [(-84.0, False), (-96.0, True)])
def test_less_than_a_step_of_16_bits_is_digital_silence(level_dbfs: float, dead: bool) -> None:
    n = round(122 * SAMPLE_RATE / (TICK * HOP))
    customer = np.concatenate([ticks(1, -30.0), ticks(n, level_dbfs, 1)])
    changes = monitor(ticks(n + 1, -30.0), customer, speaking=False)
    assert said(changes) == [(C, "dead")] * dead


def test_four_windows_of_a_second_half_a_second_apart_make_a_copy() -> None:
    sound = ticks(40, -30.0)
    first = monitor(sound, sound)[0]
    assert first.state == "copied"
    assert first.at / SAMPLE_RATE == pytest.approx(1.024 + 3 * 0.512, abs=0.13)


IN_BAND_DB = -7.1
"""Of white noise, what is between 250 and 1800 Hz of 8000."""


@pytest.mark.parametrize(("level_dbfs", "there"), [(-62.0, True), (-68.0, False)])
def test_a_source_below_minus_65_dbfs_is_not_there(level_dbfs: float, there: bool) -> None:
    sound = ticks(40, level_dbfs - IN_BAND_DB)
    assert said(monitor(sound, sound)) == [(A, "copied"), (C, "copied")] * there


@pytest.mark.parametrize(("below_db", "there"), [(15.0, True), (21.0, False)])
def test_a_source_18_db_below_its_loudest_is_not_there(below_db: float, there: bool) -> None:
    """The loud windows alone are too few for a copy."""
    sound = np.concatenate([ticks(10, -20.0), ticks(40, -20.0 - below_db)])
    assert said(monitor(sound, sound)) == [(A, "copied"), (C, "copied")] * there


def test_the_loudest_window_fades_by_3_db_in_half_a_minute() -> None:
    sound = np.concatenate([ticks(10, -20.0), ticks(400, -41.0)])
    first = monitor(sound, sound)[0]
    assert 24.0 < first.at / SAMPLE_RATE < 42.0


@pytest.mark.parametrize(("below_db", "hearer"), [(4.0, A), (9.0, C)])
def test_who_is_6_db_nearer_to_their_loudest_is_the_source_though_later(
    below_db: float, hearer: Speaker
) -> None:
    sound, late = ticks(40, -30.0), round(0.05 * SAMPLE_RATE)
    agent = np.concatenate([0 * ticks(10, 0.0), np.roll(sound, late)])
    customer = np.concatenate([ticks(10, -30.0 + below_db, 1), sound])
    assert said(monitor(agent, customer)) == [(hearer, "bleeding")]


@pytest.mark.parametrize(("after_s", "swapped"), [(3.5, False), (4.5, True)])
def test_the_agents_channel_has_4_s_to_come_with_the_greeting(
    after_s: float, swapped: bool
) -> None:
    greetings = {10: C, 10 + round(after_s * SAMPLE_RATE / (TICK * HOP)): A}
    changes = monitor(ticks(60, -30.0), ticks(60, -30.0, 1), False, greetings)
    assert ((A, "swapped") in said(changes)) == swapped


# --- dead ---------------------------------------------------------------------------------


def test_a_silent_channel_is_dead_after_5_s_and_comes_alive() -> None:
    both = stereo(
        white_noise(12, 0.05),
        np.concatenate([np.zeros(whole_hops(8), np.float32), white_noise(4, 0.05)]),
    )
    changes = watch(both)
    assert said(changes) == [(C, "dead"), (C, "ok")]
    dead, ok = changes
    assert (dead.reason, ok.reason) == (
        "no audio so far: is it muted, or is recording not permitted?",
        "audio has arrived",
    )
    assert 5 * SAMPLE_RATE <= dead.at < 5.2 * SAMPLE_RATE
    assert 8 * SAMPLE_RATE <= ok.at < 8.2 * SAMPLE_RATE


def test_a_short_stream_with_nothing_on_it_is_dead_at_the_end() -> None:
    both = stereo(white_noise(2, 0.05), np.zeros(0, np.float32))
    assert said(watch(both)) == [(C, "dead")]
    late = stereo(white_noise(TICK * HOP / SAMPLE_RATE + 0.05, 0.05), np.zeros(0, np.float32))
    late[1, -HOP:] = 0.1 * np.sin(np.arange(HOP))
    assert watch(late) == []  # what came after the last update counts


def test_an_offset_is_nothing() -> None:
    assert said(watch(stereo(white_noise(6, 0.05), np.full(whole_hops(6), 0.2, np.float32)))) == [
        (C, "dead")
    ]


def test_an_absent_speaker_is_ignored() -> None:
    assert watch(stereo(white_noise(6, 0.05), np.zeros(0, np.float32)), (A,)) == []


@pytest.mark.parametrize(("silent_s", "dead"), [(100, False), (122, True)])
def test_a_channel_that_was_alive_is_dead_after_long_digital_silence(
    silent_s: float, dead: bool
) -> None:
    quiet = np.zeros(whole_hops(silent_s), np.float32)
    agent = np.concatenate([white_noise(3, 0.05), quiet, white_noise(3, 0.05)])
    changes = watch(stereo(agent, white_noise(len(agent) / SAMPLE_RATE, 0.05, seed=1)))
    assert said(changes) == ([(A, "dead"), (A, "ok")] if dead else [])


def test_faint_noise_is_alive_however_long() -> None:
    quiet = np.concatenate([white_noise(2, 0.01), white_noise(200, 1e-4)])
    assert watch(stereo(quiet, white_noise(202, 0.01, seed=2))) == []


# --- copied -------------------------------------------------------------------------------


@pytest.mark.parametrize(("gain_db", "mu_law"), [(0.0, True), (-12.0, True), (6.0, False)])
def test_a_copy_is_found(
    talk: Callable[[float, int], Samples], gain_db: float, mu_law: bool
) -> None:
    rng = np.random.default_rng(1)
    clean = talk(30.0, 3)
    mono = clean.sum(axis=0)
    both = [
        corpora.add_noise(x, SAMPLE_RATE, corpora.pink(len(x), rng), 30.0)
        for x in (mono, 10 ** (gain_db / 20) * mono)
    ]
    changes = watch(np.stack([corpora.mu_law(x) if mu_law else x for x in both]))
    copied = [c for c in changes if c.state == "copied"]
    assert {c.speaker for c in copied} == {A, C}
    assert len(copied) == 2, "and it stays"
    assert all(speech_until(c, clean, None) < FOUND_S for c in copied)
    assert changes[-1].state == "copied"
    if abs(gain_db) > 1:
        softer = "softer" if gain_db < 0 else "louder"
        assert f"the customer's {abs(gain_db):.0f} dB {softer}" in changes[-1].reason


def test_a_copy_that_is_over_is_taken_back() -> None:
    rng = np.random.default_rng(2)
    first, then = synthetic(15.0, 4), synthetic(30.0, 5)
    both = np.concatenate([np.stack([first.sum(axis=0)] * 2), then], axis=1)
    changes = watch(conversations.noisy(both, rng))
    assert {(A, "copied"), (C, "copied")} <= set(said(changes))
    last = {c.speaker: c for c in changes}
    assert {c.state for c in last.values()} == {"ok"}
    assert last[A].at < 30 * SAMPLE_RATE


# --- bleeding -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gain_db", "delay_s"), [(0.0, 0.08), (-10.0, 0.006), (-20.0, 0.006), (-20.0, 0.2)]
)
def test_a_loudspeaker_is_found(
    talk: Callable[[float, int], Samples], gain_db: float, delay_s: float
) -> None:
    rng = np.random.default_rng(round(1000 * delay_s))
    clean = talk(45.0, 6)
    both = conversations.leak(
        conversations.over_line(clean), CUSTOMER, gain_db, delay_s, conversations.room(rng)
    )
    changes = watch(conversations.noisy(both, rng))
    assert said(changes) == [(A, "bleeding")], "once, and it stays"
    assert speech_until(changes[0], clean, CUSTOMER) < FOUND_S
    heard = f"{changes[0].reason} as loud 0 dB".split("about ")[1].split()
    level = 0.0 if heard[0] == "as" else -float(heard[0])
    late = float(changes[0].reason.split(" ms late")[0].split()[-1])
    assert abs(level - gain_db) < 6
    assert abs(late / 1000 - delay_s) < 0.015


@pytest.mark.parametrize(("gain_db", "delay_s"), [(-12.0, 0.02), (-20.0, 0.3)])
def test_a_line_echo_makes_the_customers_channel_untrusted(
    talk: Callable[[float, int], Samples], gain_db: float, delay_s: float
) -> None:
    rng = np.random.default_rng(round(1000 * delay_s))
    clean = talk(45.0, 7)
    both = conversations.leak(clean, AGENT, gain_db, delay_s, conversations.hybrid(rng))
    changes = watch(conversations.noisy(conversations.over_line(both), rng))
    assert said(changes) == [(C, "bleeding")]
    assert speech_until(changes[0], clean, AGENT) < FOUND_S
    assert "agent's voice" in changes[0].reason


def test_within_the_tolerance_of_capture_the_quieter_channel_is_the_hearer() -> None:
    rng = np.random.default_rng(8)
    both = conversations.leak(synthetic(30.0, 8), CUSTOMER, -6.0, 0.0, conversations.room(rng))
    assert said(watch(conversations.noisy(both, rng))) == [(A, "bleeding")]


def crosstalk(gain_db: float, own_db: float = -30.0, late_hops: int = 3) -> list[ChannelState]:
    """Return what is said where the agent, at -30 dBFS, is heard on the customer's channel.

    First the customer speaks, at `own_db`, then the agent.
    """
    agent = np.concatenate([ticks(40, -72.0, 1), ticks(80, -30.0)])
    own = np.concatenate([ticks(40, own_db, 2), ticks(80, -72.0, 3)])
    customer = (own + 10 ** (gain_db / 20) * np.roll(agent, late_hops * HOP)).astype(np.float32)
    channels, changes, step = ChannelMonitor(), [], TICK * HOP
    for n, first in enumerate(range(0, len(agent), step)):
        channels.push(np.stack([agent[first : first + step], customer[first : first + step]]))
        changes += channels.update_states(first + step, [n >= 40, n < 40])
    return changes


@pytest.mark.parametrize(("gain_db", "own_db", "late_hops", "told"), [
    (-23.0, -30.0, 3, True), (-27.0, -30.0, 3, False), (-27.0, -30.0, 0, False),
    (-45.0, -30.0, 3, False), (-27.0, -36.0, 3, False), (-27.0, -42.0, 3, True)])  # fmt: skip
def test_crosstalk_far_below_its_source_and_the_voice_that_is_there_changes_nothing(
    gain_db: float, own_db: float, late_hops: int, told: bool
) -> None:
    assert said(crosstalk(gain_db, own_db, late_hops)) == [(C, "bleeding")] * told


@pytest.mark.parametrize(("gain_db", "told"), [(-32.0, True), (-38.0, False)])
def test_what_a_lossy_codec_leaves_is_not_told_before_anybody_speaks_there(
    gain_db: float, told: bool
) -> None:
    agent = ticks(60, -12.0)
    customer = ticks(60, -90.0, 1) + 10 ** (gain_db / 20) * agent
    assert said(monitor(agent, customer))[:1] == [(C, "bleeding")] * told


def test_a_bleed_that_ends_is_taken_back_and_found_again() -> None:
    rng = np.random.default_rng(9)
    clean = synthetic(150.0, 9)
    both = conversations.leak(clean, CUSTOMER, -8.0, 0.05, conversations.room(rng))
    headset = slice(50 * SAMPLE_RATE, 100 * SAMPLE_RATE)
    both[:, headset] = clean[:, headset]
    changes = watch(conversations.noisy(both, rng))
    assert said(changes) == [(A, "bleeding"), (A, "ok"), (A, "bleeding")]
    assert 50 * SAMPLE_RATE < changes[1].at < 90 * SAMPLE_RATE
    assert changes[1].reason == "the other voice is no longer heard on it"


def test_with_one_speaker_nothing_is_compared() -> None:
    clean = synthetic(20.0, 10)
    assert watch(np.stack([clean.sum(axis=0)] * 2), (A,)) == []


# --- clipped ------------------------------------------------------------------------------


@pytest.mark.parametrize(("gain_db", "share"), [(0.0, 0.03), (-20.0, 0.03), (-20.0, 0.3)])
def test_flat_tops_are_found_turned_down_or_not(
    talk: Callable[[float, int], Samples], gain_db: float, share: float
) -> None:
    rng = np.random.default_rng(11)
    clean = talk(45.0, 11)
    both = clean.copy()
    both[AGENT] = conversations.clipped(clean[AGENT], share, gain_db)
    changes = watch(conversations.noisy(both, rng))
    assert said(changes) == [(A, "clipped")]
    # About half of speech is loud.
    assert speech_until(changes[0], clean, AGENT) < 7.0
    assert f"at {gain_db:.0f} dBFS" in changes[0].reason


@shared
@pytest.mark.parametrize("rate", [48_000, 8_000])
def test_flat_tops_are_found_after_resampling(rate: int) -> None:
    rng = np.random.default_rng(12)
    voices = [conversations.voice(clips) for clips in conversations.readers()]
    both = conversations.conversation(voices[0], voices[1], 60.0, rng)
    hot = conversations.clipped(soxr.resample(both[CUSTOMER], SAMPLE_RATE, rate), 0.1, -6.0)
    hot = soxr.resample(hot, rate, SAMPLE_RATE)
    both[CUSTOMER, : len(hot)] = hot[: both.shape[1]]
    assert said(watch(conversations.noisy(both, rng))) == [(C, "clipped")]


def test_clipping_that_ends_is_taken_back() -> None:
    rng = np.random.default_rng(13)
    both = synthetic(90.0, 13)
    until = 30 * SAMPLE_RATE
    both[AGENT, :until] = conversations.clipped(both[AGENT, :until], 0.1, -14.0)
    changes = watch(conversations.noisy(both, rng))
    assert said(changes) == [(A, "clipped"), (A, "ok")]
    assert changes[1].reason == "the peaks are no longer clipped"


@pytest.mark.parametrize("f0", [110.0, 210.0])
def test_a_held_vowel_is_not_clipped(f0: float) -> None:
    held = vowel(f0, 20, 0.2)
    assert watch(stereo(held, white_noise(20, 0.001))) == []


# --- swapped ------------------------------------------------------------------------------


def test_an_opening_on_the_customers_channel_alone_is_a_swap() -> None:
    both = conversations.noisy(synthetic(30.0, 14), np.random.default_rng(14))
    changes = watch(both, opened={100: C})
    assert said(changes) == [(A, "swapped"), (C, "swapped")]
    assert changes[0].at < (100 * HOP + 5 * SAMPLE_RATE)


@pytest.mark.parametrize("opened", [{100: A}, {100: A, 300: C}, {100: C, 200: A}])
def test_an_opening_on_the_agents_channel_is_none(opened: dict[int, Speaker]) -> None:
    both = conversations.noisy(synthetic(30.0, 14), np.random.default_rng(14))
    assert watch(both, opened=opened) == []


def test_a_swap_is_taken_back_when_the_agents_channel_has_the_words() -> None:
    both = conversations.noisy(synthetic(30.0, 14), np.random.default_rng(14))
    changes = watch(both, opened={100: C, 1000: A})
    assert said(changes) == [(A, "swapped"), (C, "swapped"), (A, "ok"), (C, "ok")]


# --- drifting -----------------------------------------------------------------------------


@pytest.mark.parametrize("ppm", [170.0, -400.0])
def test_clocks_that_drift_are_found(ppm: float) -> None:
    rng = np.random.default_rng(15)
    clean = synthetic(200.0, 15)
    both = conversations.drift_leak(clean, CUSTOMER, -10.0, 0.1, conversations.room(rng), ppm)
    changes = watch(conversations.noisy(both, rng))
    assert said(changes) == [(A, "bleeding"), (A, "drifting"), (C, "drifting")]
    assert changes[1].at < abs(0.03 / ppm * 1e6 * SAMPLE_RATE)


def test_a_jump_of_the_delay_is_no_drift() -> None:
    rng = np.random.default_rng(16)
    clean, heard = synthetic(180.0, 16), conversations.room(rng)
    early = conversations.leak(clean, CUSTOMER, -10.0, 0.06, heard)
    late = conversations.leak(clean, CUSTOMER, -10.0, 0.1, heard)
    half = clean.shape[1] // 2
    both = np.concatenate([early[:, :half], late[:, half:]], axis=1)
    assert "drifting" not in {c.state for c in watch(conversations.noisy(both, rng))}


# --- innocents ----------------------------------------------------------------------------


def faults(both: Samples) -> list[str]:
    """Return what is said of a call, but for a channel that is silent at its start."""
    known = {"no audio so far: is it muted, or is recording not permitted?", "audio has arrived"}
    changes = [c for c in watch(both) if c.reason not in known]
    return [f"{c.at / SAMPLE_RATE:.0f} s {c.speaker} {c.state}: {c.reason}" for c in changes]


def test_innocent_synthetic_calls_are_left_alone() -> None:
    rng = np.random.default_rng(17)
    calls = conversations.innocent(conversations.babble(3), conversations.babble(4), 40.0, rng)
    found = {name: faults(both) for name, both in calls}
    assert found == {name: [] for name in found}


@shared
def test_innocent_read_calls_are_left_alone() -> None:
    rng = np.random.default_rng(18)
    voices = [conversations.voice(clips) for clips in conversations.readers()]
    found = {n: faults(both) for n, both in conversations.innocent(voices[0], voices[2], 60.0, rng)}
    assert found == {name: [] for name in found}


@shared
@pytest.mark.parametrize("line", [False, True])
def test_shouting_actors_are_left_alone(line: bool) -> None:
    rng = np.random.default_rng(19)
    by: dict[str, list[Samples]] = {}
    for name, x in corpora.emodb():
        if name[5] in "WF":
            by.setdefault(name[:2], []).append(x)
    voices = [conversations.voice(clips) for clips in by.values()]
    for a, c in zip(voices[::2], voices[1::2], strict=False):
        both = conversations.conversation(a, c, 60.0, rng, overlaps=0.3)
        assert (
            faults(conversations.over_line(both) if line else conversations.noisy(both, rng)) == []
        )


@shared
def test_hold_music_is_left_alone() -> None:
    rng = np.random.default_rng(20)
    agent = conversations.voice(conversations.readers()[0])
    for path in sorted((DATA / "noise" / "hold_music").glob("*.flac")):
        track = corpora.read(path)
        track = track[: len(track) // HOP * HOP]
        both = conversations.conversation(agent, agent, len(track) / SAMPLE_RATE, rng)
        both[CUSTOMER] = track[: both.shape[1]]
        assert faults(conversations.noisy(both, rng)) == [], path.stem


@shared
@pytest.mark.parametrize("name", ["auto_repairs_40", "auto_repairs_49"])
def test_real_calls_are_left_alone(name: str) -> None:
    samples, rate = soundfile.read(DATA / "calls" / f"{name}.flac")
    both = soxr.resample(samples, rate, SAMPLE_RATE).T
    assert watch(both[:, : both.shape[1] // HOP * HOP]) == []


# --- the machine --------------------------------------------------------------------------


def test_distrusted_is_what_was_said_last() -> None:
    channels = ChannelMonitor()
    both = stereo(
        white_noise(9, 0.05),
        np.concatenate([np.zeros(whole_hops(7), np.float32), white_noise(2, 0.05)]),
    )
    now: dict[Speaker, str] = {}
    for i, hop in enumerate(conversations.hops(both)):
        channels.push(hop)
        if (i + 1) % TICK == 0:
            for change in channels.update_states((i + 1) * HOP, [False, False]):
                now[change.speaker] = change.state
                if change.state == "ok":
                    del now[change.speaker]
            assert dict(channels.distrusted) == now


def test_an_update_needs_whole_ticks() -> None:
    channels = ChannelMonitor()
    channels.push(np.zeros((2, HOP), np.float32))
    with pytest.raises(ValueError, match="every 8 hops"):
        channels.update_states(HOP, [False, False])


def test_the_same_call_gives_the_same_states() -> None:
    rng = np.random.default_rng(21)
    both = conversations.leak(synthetic(20.0, 21), CUSTOMER, -8.0, 0.05, conversations.room(rng))
    assert watch(both) == watch(both) != []


def test_memory_does_not_grow() -> None:
    both = np.asarray(
        conversations.noisy(synthetic(20.48, 22), np.random.default_rng(22)), np.float32
    )
    channels = ChannelMonitor()

    def run() -> int:
        for i, hop in enumerate(conversations.hops(both)):
            channels.push(hop)
            if (i + 1) % TICK == 0:
                channels.update_states((i + 1) * HOP, [True, True])
        return tracemalloc.get_traced_memory()[0]

    run()
    tracemalloc.start()
    before, after = run(), run()
    tracemalloc.stop()
    assert after - before < 10_000

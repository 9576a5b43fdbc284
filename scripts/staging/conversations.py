"""Make two-channel conversations with known truth, and add channel faults to them.

Tests and benchmarks of channel health use them.  All randomness comes from the generator that the
caller passes, so the same seed gives the same call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import signal

from scripts.support import corpora
from scripts.support.corpora import Samples
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE

AGENT, CUSTOMER = 0, 1
"""Rows of a two-channel array."""
LEVEL_DB = -26.0
"""Active speech level of the voices, dBFS."""
MIC_NOISE_DB = -66.0
"""Noise level of the agent's microphone and of the line, dBFS."""
SPEECH_DB = -52.0
"""Level from which a hop counts as speech, dBFS: above the noise, below crosstalk at -20 dB."""
SPEECH_HOPS = 12
"""Hops for which speech is held after the last loud hop (0.2 s)."""

Voice = Callable[[np.random.Generator], Samples]
"""Returns one utterance, drawn with the given generator."""


def voice(clips: Sequence[Samples]) -> Voice:
    """Return a voice that says one of the clips at a time and repeats none before all are said."""
    left: list[int] = []

    def say(rng: np.random.Generator) -> Samples:
        if not left:
            left.extend(rng.permutation(len(clips)).tolist())
        return clips[left.pop()]

    return say


@cache
def readers() -> list[list[Samples]]:
    """Return the utterances of 2 s or longer of each speaker in the shared LibriSpeech data."""
    found: dict[str, list[Samples]] = {}
    for name, x, _ in corpora.librispeech():
        if len(x) >= 2 * SAMPLE_RATE:
            level = corpora.at_level(x[: 12 * SAMPLE_RATE], SAMPLE_RATE, LEVEL_DB)
            found.setdefault(name.split("-")[0], []).append(level)
    return list(found.values())


def babble(seed: int) -> Voice:
    """Return a synthetic voice that needs no data: vowels of moving pitch and breathy noise."""
    own = np.random.default_rng(seed)
    base = float(own.uniform(95.0, 230.0))
    formants = own.uniform([300, 900, 2200], [800, 2000, 3200])

    def say(rng: np.random.Generator) -> Samples:
        parts = []
        for _ in range(int(rng.integers(8, 22))):
            n = int(rng.uniform(0.09, 0.28) * SAMPLE_RATE)
            f0 = base * 2 ** (rng.normal(0, 2) / 12) * np.linspace(1, 2 ** rng.normal(0, 0.2), n)
            pulses = signal.sawtooth(2 * np.pi * np.cumsum(f0) / SAMPLE_RATE)
            source = pulses + rng.uniform(0.02, 0.2) * rng.standard_normal(n)
            if rng.random() < 0.25:
                source = rng.standard_normal(n)
            x = np.zeros(n)
            for hz in formants * rng.uniform(0.75, 1.3, 3):
                b, a = signal.iirpeak(min(hz, 3600.0), 6.0, SAMPLE_RATE)
                x += signal.lfilter(b, a, source)
            parts += [
                x * np.hanning(n) * rng.uniform(0.3, 1.0),
                np.zeros(int(rng.uniform(0, 1200))),
            ]
        return corpora.at_level(np.concatenate(parts), SAMPLE_RATE, LEVEL_DB)

    return say


def conversation(
    agent: Voice,
    customer: Voice,
    seconds: float,
    rng: np.random.Generator,
    *,
    overlaps: float = 0.15,
    customer_first: bool | None = None,
) -> Samples:
    """Return two voices that take turns, [2, samples], without noise.

    Gaps are 0.2 to 1.2 s.  A share `overlaps` of the turns (0..1) begins before the previous turn
    has ended.
    """
    n = round(seconds * SAMPLE_RATE / HOP) * HOP
    out = np.zeros((2, n))
    at = int(rng.uniform(0.3, 1.5) * SAMPLE_RATE)
    first = rng.random() < 0.5 if customer_first is None else customer_first
    row = CUSTOMER if first else AGENT
    while at < n:
        said = (agent, customer)[row](rng)[: n - at]
        out[row, at : at + len(said)] += said
        early = rng.random() < overlaps
        at += len(said) + int(
            (rng.uniform(-1.5, -0.3) if early else rng.uniform(0.2, 1.2)) * SAMPLE_RATE
        )
        at = max(at, 0)
        row = 1 - row if rng.random() < 0.8 else row
    return out


def noisy(both: Samples, rng: np.random.Generator, level_db: float = MIC_NOISE_DB) -> Samples:
    """Return both channels, each with its own pink noise added."""
    noise = np.stack([corpora.pink(both.shape[1], rng) for _ in both])
    return np.asarray(both + 10 ** (level_db / 20) * noise)


def coded(x: Samples) -> Samples:
    """Return one channel as a telephone line passes it (300-3400 Hz, 8 kHz, mu-law), same level."""
    line = corpora.band_pass(soxr.resample(x, SAMPLE_RATE, corpora.TELEPHONE_RATE))
    back = soxr.resample(corpora.mu_law(line), corpora.TELEPHONE_RATE, SAMPLE_RATE)
    return np.asarray(np.pad(back, (0, max(0, len(x) - len(back))))[: len(x)])


def over_line(both: Samples) -> Samples:
    """Return a call in which the customer's channel comes over a telephone line."""
    return np.stack([both[AGENT], coded(both[CUSTOMER])])


def room(rng: np.random.Generator, decay_s: float = 0.3, direct_db: float = 3.0) -> Samples:
    """Return the impulse response of a loudspeaker, a room and a microphone, with energy 1.

    It is the loudspeaker's band-pass, the direct sound, and noise that decays by 60 dB in `decay_s`
    seconds.  The direct sound is `direct_db` above everything after it.
    """
    n = int(decay_s * SAMPLE_RATE)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail[:32] = 0
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    sos = signal.butter(
        2, [float(rng.uniform(150, 400)), 6500], "band", fs=SAMPLE_RATE, output="sos"
    )
    response = signal.sosfilt(sos, tail)
    return np.asarray(response / np.sqrt(np.sum(response**2)))


def hybrid(rng: np.random.Generator) -> Samples:
    """Return the impulse response of a line's echo: a few milliseconds long, with energy 1."""
    n = int(0.008 * SAMPLE_RATE)
    response = rng.standard_normal(n) * np.exp(-np.arange(n) / (0.0015 * SAMPLE_RATE))
    return np.asarray(response / np.sqrt(np.sum(response**2)))


def leak(both: Samples, source: int, gain_db: float, delay_s: float, response: Samples) -> Samples:
    """Return both channels, with the channel `source` also heard on the other one.

    `gain_db` is the level of the crosstalk relative to the source.
    """
    out = both.copy()
    heard = signal.fftconvolve(both[source], response)[: both.shape[1]]
    power = np.sum(heard**2) / max(np.sum(both[source] ** 2), 1e-12)
    heard *= 10 ** (gain_db / 20) / np.sqrt(max(power, 1e-12))
    delay = round(delay_s * SAMPLE_RATE)
    out[1 - source, delay:] += heard[: len(heard) - delay]
    return out


def drift_leak(
    both: Samples, source: int, gain_db: float, delay_s: float, response: Samples, ppm: float
) -> Samples:
    """Return `leak` through a clock that is slow by `ppm`, so that the delay grows."""
    heard = leak(
        np.where(np.arange(2)[:, None] == source, both, 0.0), source, gain_db, delay_s, response
    )
    t = np.arange(both.shape[1]) * (1 - ppm * 1e-6)
    slow = soxr.resample(heard[1 - source], SAMPLE_RATE, SAMPLE_RATE * (1 + ppm * 1e-6))
    out = both.copy()
    m = min(len(slow), len(t))
    out[1 - source, :m] += slow[:m]
    return out


def clipped(x: Samples, share: float, gain_db: float = 0.0) -> Samples:
    """Return a channel driven so hard that a share (0..1) of its loud samples is cut off.

    Loud samples are those above the RMS level.  `gain_db` changes the level of the result.
    """
    loud = np.abs(x)[np.abs(x) > np.sqrt(np.mean(x**2))]
    limit = float(np.quantile(loud, 1 - share))
    return np.asarray(np.clip(x, -limit, limit) / limit * 10 ** (gain_db / 20))


def speaking(both: Samples) -> NDArray[np.bool_]:
    """Return whether each hop of each channel is speech, judged by its level: [2, hops]."""
    hops = both.reshape(2, -1, HOP)
    loud = 10 * np.log10(np.mean(hops**2, axis=2) + 1e-12) > SPEECH_DB
    out: NDArray[np.bool_] = loud.copy()
    for k in range(1, SPEECH_HOPS):
        out[:, k:] |= loud[:, :-k]
    return out


def hum(n: int, hz: float = 50.0) -> Samples:
    """Return `n` samples of mains hum with its harmonics, with variance 1."""
    t = np.arange(n) / SAMPLE_RATE
    x = sum(10 ** (-k / 10) * np.sin(2 * np.pi * hz * k * t + k * k) for k in range(1, 40))
    return np.asarray(x / np.std(x))


def tones(n: int, *hz: float, on_s: float = 2.0, off_s: float = 4.0) -> Samples:
    """Return telephone tones: sines of amplitude 0.2 each, on for `on_s`, then off for `off_s`."""
    t = np.arange(n) / SAMPLE_RATE
    on = t % (on_s + off_s) < on_s
    return np.asarray(sum(0.2 * np.sin(2 * np.pi * f * t) for f in hz) * on)


def laughter(seconds: float, rng: np.random.Generator) -> Samples:
    """Return laughter as bursts of breath, 4 to 6 a second."""
    n = int(seconds * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    bursts = np.maximum(0.0, np.sin(2 * np.pi * rng.uniform(4, 6) * t)) ** 2
    sos = signal.butter(2, [400, 3000], "band", fs=SAMPLE_RATE, output="sos")
    return np.asarray(0.2 * bursts * signal.sosfilt(sos, rng.standard_normal(n)))


def innocent(
    agent: Voice, customer: Voice, seconds: float, rng: np.random.Generator
) -> Iterator[tuple[str, Samples]]:
    """Yield calls without any fault, each named after the content that could look like one."""

    def call(overlaps: float = 0.15) -> Samples:
        return conversation(agent, customer, seconds, rng, overlaps=overlaps)

    yield "headset and line", noisy(over_line(call()), rng)
    yield "digital silence between the words", call()
    yield "both talk over each other", noisy(over_line(call(0.8)), rng)
    yield "noise at -45 dBFS on both lines", noisy(over_line(call()), rng, -45.0)
    both = noisy(over_line(call()), rng)
    yield "the same hum at -50 dBFS on both", both + 10 ** (-50 / 20) * hum(both.shape[1])
    both = over_line(call())
    yield "the same hum at -40 dBFS, no noise", both + 10 ** (-40 / 20) * hum(both.shape[1])
    yield "an offset on both", noisy(call(), rng) + 0.02
    both = noisy(over_line(call()), rng)
    both[CUSTOMER] += (
        10 ** (-58 / 20)
        * rng.standard_normal(both.shape[1])
        * ~np.repeat(speaking(both)[CUSTOMER], HOP)
    )
    yield "comfort noise", both
    both = noisy(over_line(call()), rng)
    both[CUSTOMER, round(0.15 * SAMPLE_RATE) :] = both[CUSTOMER, : -round(0.15 * SAMPLE_RATE)]
    yield "the line is 150 ms late", both
    both = call()
    words = agent(rng)[: 3 * SAMPLE_RATE]
    for at in range(SAMPLE_RATE, both.shape[1] - 8 * SAMPLE_RATE, 8 * SAMPLE_RATE):
        both[:, at : at + 8 * SAMPLE_RATE] = 0
        both[AGENT, at : at + len(words)] = words
        at += len(words) + int(rng.uniform(0.3, 0.8) * SAMPLE_RATE)
        both[CUSTOMER, at : at + len(words)] = words
    yield "the same words in turn", noisy(over_line(both), rng)
    both = call()
    for at in range(0, both.shape[1] - 4 * SAMPLE_RATE, 6 * SAMPLE_RATE):
        for row in (AGENT, CUSTOMER):
            both[row, at : at + 3 * SAMPLE_RATE] += laughter(3.0, rng)
    yield "both laugh", noisy(both, rng)
    both = call()
    n = both.shape[1]
    both[CUSTOMER] += tones(n, 440.0, 480.0) + tones(n, 770.0, 1336.0, on_s=0.1, off_s=0.9)
    yield "ringing and keys on the line", noisy(over_line(both), rng)
    both = call()
    both[CUSTOMER] += tones(n, 425.0)
    yield "ringing of one tone, not coded", noisy(both, rng)
    both = call()
    yield "loud, coded by mu-law", np.stack([corpora.mu_law(x / np.abs(x).max()) for x in both])


def hops(both: Samples | F32) -> Iterator[F32]:
    """Yield both channels hop by hop."""
    x = np.ascontiguousarray(both, np.float32)
    for i in range(0, x.shape[1] - HOP + 1, HOP):
        yield x[:, i : i + HOP]

"""Train the two small networks of the prosody extractor, and write models/prosody.npz.

Pitch: trained on clips of EMO-DB and LibriSpeech, clean and over many kinds of line (band, noise,
level).  Labels come from three offline trackers (RAPT, Praat's AC and CC) on the clean clip: their
median F0 and the share that call it voiced.  Training maximises the likelihood of the label under
the forward algorithm, so that emission and transition probabilities fit each other.

Syllables: trained on the hand-made syllable labels of EMO-DB, with the clips also at other speeds,
and on the number of syllables in the text of each LibriSpeech utterance.

The laryngograph clips are not read: they are for evaluation only.

    pip install -e '.[bench,train]'
    python -m scripts.train.prosody [--out models/prosody.npz] [--cross-validate]

With --cross-validate nothing is written: the syllable network is trained repeatedly, each time
without some speakers or without half of EMO-DB's sentences.  The syllable rate on the clips left
out is printed beside that of intensity peaks (scripts/bench/peers.py).  One seed, one thread: the
same machine gives the same weights.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import warnings
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor, nn
from torch.nn import functional

from scripts.bench import peers
from scripts.support import corpora
from scripts.support.corpora import TELEPHONE_RATE, Samples, Syllable
from voicecoach.dsp import pitch, spectrum, syllables
from voicecoach.dsp.pitch import CANDIDATES, CONTEXT_FRAMES, FRAME_FEATURES, PitchCandidates
from voicecoach.dsp.prosody import load_weights
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE

SEED = 20261122
HIDDEN, NARROW, SYLLABLE_HIDDEN = 32, 16, 32
CHUNK = 192
"""Hops in a training sequence of the pitch network."""
FRAME_SCALE = np.array(
    [0.05] * spectrum.BANDS + [0.1] * pitch.FRAME_PARTS + [0.05, 0.05, 1.0], np.float32
)
"""Scales the features to about 1; merged into the weights when they are written."""
LOG_LAG = 5.7
"""Octaves subtracted from the log lag to bring it near 0; also merged into the weights."""
TOLD = ("clean", "plain_telephone")
"""Lines for which the cross-validation is printed."""
COUNT_WEIGHT = 0.1
"""Weight of the count's error relative to the density's."""
PAUSE_S, GAP_S = 0.5, 0.25
"""Seconds after each clip: first the line's noise without speech, then zeros."""


class Observed(NamedTuple):
    """The networks' inputs for a clip."""

    found: PitchCandidates
    features: F32


def observe(samples: Samples) -> Observed:
    """Return each hop's pitch candidates and features, computed by the engine's own functions."""
    x = samples.astype(np.float32)
    n = len(x) // HOP
    padded = np.concatenate([np.zeros(spectrum.FRAME - HOP, np.float32), x[: n * HOP]])
    frames = np.ascontiguousarray(sliding_window_view(padded, spectrum.FRAME)[::HOP])[None]
    power = spectrum.power_spectrum(frames)
    bands = spectrum.band_power(power)
    found = pitch.pitch_candidates(power)
    features = pitch.FrameFeatures(1).process(
        frames, bands, spectrum.level_dbfs(bands), found.strongest
    )
    return Observed(_map(found, itemgetter(0)), features[0])


def _map(found: PitchCandidates, change: Callable[[Any], Any]) -> PitchCandidates:
    """Return the candidates with `change` applied to each array."""
    return PitchCandidates(*map(change, found))


def hop_times(n: int) -> Samples:
    """Return the time at the centre of each hop's frame, in seconds."""
    return (np.arange(1, n + 1) * HOP - spectrum.CENTRE) / SAMPLE_RATE


# --- lines ----------------------------------------------------------------------------------


def wide_band(x: Samples, rng: np.random.Generator) -> Samples:
    """Return a clip at a random level, with noise in half of all cases."""
    y = corpora.at_level(x, SAMPLE_RATE, rng.uniform(-40, -16))
    if rng.random() < 0.5:
        noise = corpora.pink(len(y), rng) if rng.random() < 0.5 else rng.standard_normal(len(y))
        y = corpora.add_noise(y, SAMPLE_RATE, noise, rng.uniform(5, 40))
    return np.clip(y, -1, 1)


def plain_telephone(x: Samples, rng: np.random.Generator) -> Samples:
    """Return a clip over a telephone line at a random level."""
    return corpora.telephone(x, rng, level_db=rng.uniform(-36, -18))


def noisy_telephone(x: Samples, rng: np.random.Generator) -> Samples:
    """Return a clip over a telephone line with a random band, noise and level."""
    line = soxr.resample(x, SAMPLE_RATE, TELEPHONE_RATE)
    band = rng.uniform(150, 350), rng.uniform(3000, 3600), int(rng.integers(2, 7))
    line = corpora.band_pass(line, *band)
    n = len(line)
    kind = rng.integers(0, 4)
    if kind == 0:
        noise = corpora.pink(n, rng)
    elif kind == 1:
        noise = rng.standard_normal(n)
    elif kind == 2:
        noise = corpora.band_pass(corpora.pink(n, rng), *band)
    else:
        noise = corpora.band_pass(rng.standard_normal(n), *band)
    line = corpora.add_noise(line, TELEPHONE_RATE, noise, rng.uniform(0, 30))
    line = corpora.mu_law(corpora.at_level(line, TELEPHONE_RATE, rng.uniform(-38, -16)))
    return np.asarray(soxr.resample(line, TELEPHONE_RATE, SAMPLE_RATE))


Line = Callable[[Samples, np.random.Generator], Samples]
LINES: tuple[Line, ...] = (wide_band, plain_telephone, noisy_telephone, noisy_telephone)


# --- pitch ----------------------------------------------------------------------------------


def pitch_labels(clean: Samples) -> tuple[Samples, Samples]:
    """Return F0 (Hz) and the share of trackers that call it voiced, one value per 5 ms."""
    tracks = peers.aligned((peers.rapt, peers.praat_ac, peers.praat_cc), clean, 0.005)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f0 = np.nan_to_num(np.nanmedian(np.where(tracks > 0, tracks, np.nan), axis=0))
    return f0, (tracks > 0).mean(axis=0)


def pitch_examples() -> list[Tensor]:
    """Return chunks: log lag, found, candidate features, frame features, label, weight."""
    chunks: list[list[F32]] = []
    clips = [x for _, x in corpora.emodb()] + [x for _, x, _ in corpora.librispeech()]
    for number, clean in enumerate(clips):
        f0, voiced = pitch_labels(clean)
        for variant, line in enumerate(LINES):
            seen = observe(line(clean, np.random.default_rng([SEED, number, variant])))
            n = len(seen.features)
            at = np.clip(np.rint(hop_times(n) / 0.005).astype(int), 0, len(f0) - 1)
            lag = 0.5 * SAMPLE_RATE / np.maximum(f0[at], 1.0)
            off = np.abs(seen.found.log_lag - np.log2(lag)[:, None])
            off[~seen.found.found] = 9.0
            label = np.zeros((n, CANDIDATES + 1), np.float32)
            near = np.flatnonzero(off.min(axis=1) < 0.12)
            label[near, off.argmin(axis=1)[near]] = voiced[at][near]
            label[:, -1] = 1.0 - voiced[at]
            arrays = [
                seen.found.log_lag,
                seen.found.found.astype(np.float32),
                seen.found.features,
                seen.features * FRAME_SCALE,
                label,
            ]
            for start in range(0, max(n - CHUNK // 4, 1), CHUNK):
                held = min(n, start + CHUNK) - start
                weight = np.zeros(CHUNK, np.float32)
                weight[4:held] = 1.0  # the first hops depend on the filter's initial state
                part = [a[start : start + held] for a in arrays]
                part = [np.concatenate([a, np.repeat(a[-1:], CHUNK - held, 0)]) for a in part]
                chunks.append([*part, weight])
    return [torch.tensor(np.stack([c[i] for c in chunks])) for i in range(6)]


class PitchNetwork(nn.Module):
    """`pitch.PitchTracker` in the log domain, differentiable."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = nn.Linear(CONTEXT_FRAMES * FRAME_FEATURES, HIDDEN)
        self.candidate = nn.Linear(pitch.CANDIDATE_FEATURES, HIDDEN, bias=False)
        self.voiced = nn.Linear(HIDDEN, 1, bias=False)
        self.unvoiced = nn.Linear(HIDDEN, 1)
        self.fall = nn.Parameter(torch.tensor(3.0))
        self.floor = nn.Parameter(torch.tensor(-2.0))
        self.stay = nn.Parameter(torch.tensor([2.0, 2.0]))

    def jump(self) -> tuple[Tensor, Tensor]:
        """Return how a pitch jump's probability falls per octave, and its lower limit."""
        return 4.0 * functional.softplus(self.fall), 0.2 * torch.exp(self.floor)

    def forward(self, log_lag: Tensor, found: Tensor, candidates: Tensor, frames: Tensor) -> Tensor:
        """Return the log posterior of each state at each hop."""
        k = CANDIDATES
        middle = candidates.new_zeros(pitch.CANDIDATE_FEATURES)
        middle[5] = LOG_LAG
        past = [frames]
        for _ in range(CONTEXT_FRAMES - 1):
            past.insert(0, torch.cat([torch.zeros_like(frames[:, :1]), past[0][:, :-1]], 1))
        hidden = self.frame(torch.cat(past, -1))
        each = torch.tanh(hidden[:, :, None] + self.candidate(candidates - middle))
        voiced = self.voiced(each)[..., 0] + torch.log(found + 1e-9)
        emission = torch.cat([voiced, self.unvoiced(torch.tanh(hidden))], -1)
        fall, floor = self.jump()
        jump = torch.exp(-fall * (log_lag[:, 1:, None] - log_lag[:, :-1, :, None]).abs()) + floor
        move = emission.new_zeros(*jump.shape[:2], k + 1, k + 1)
        stay, leave = functional.logsigmoid(self.stay), functional.logsigmoid(-self.stay)
        move[..., :k, :k] = torch.log(jump) + stay[0]
        move[..., :k, k], move[..., k, :k], move[..., k, k] = leave[0], leave[1], stay[1]
        now = torch.log_softmax(emission[:, 0], -1)
        out = [now]
        for t in range(1, emission.shape[1]):
            now = emission[:, t] + torch.logsumexp(now[:, :, None] + move[:, t - 1], 1)
            now = torch.log_softmax(now, -1)
            out.append(now)
        return torch.stack(out, 1)


def fit(
    network: nn.Module, batches: int, epochs: int, rate: float, loss: Callable[[int], Tensor]
) -> None:
    """Minimise `loss` of each batch, in a new random order each epoch."""
    optimiser = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * batches)
    for epoch in range(epochs):
        total = 0.0
        for batch in torch.randperm(batches).tolist():
            value = loss(batch)
            optimiser.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            total += value.item()
        if epoch % 10 == 9 or epoch == epochs - 1:
            print(f"  epoch {epoch + 1}: loss {total / batches:.4f}", flush=True)


def train_pitch(epochs: int) -> dict[str, F32]:
    """Train the pitch network; return its weights in the form `pitch.PitchTracker` expects."""
    torch.manual_seed(SEED)
    examples, size = pitch_examples(), 64
    order = torch.randperm(len(examples[0]))
    print(f"pitch: {len(order)} sequences of {CHUNK} hops", flush=True)
    network = PitchNetwork()

    def loss(batch: int) -> Tensor:
        rows = order[batch * size : (batch + 1) * size]
        *inputs, label, weight = (e[rows] for e in examples)
        likelihood = (label * network(*inputs)).sum(-1)
        return torch.as_tensor(-(likelihood * weight).sum() / weight.sum())

    fit(network, len(order) // size, epochs, 6e-3, loss)
    fall, floor = network.jump()
    candidate = _numpy(network.candidate.weight)
    return {
        "pitch_frame": (
            _numpy(network.frame.weight) * np.tile(FRAME_SCALE, CONTEXT_FRAMES)
        ).T.copy(),
        "pitch_frame_bias": _numpy(network.frame.bias) - candidate[:, 5] * np.float32(LOG_LAG),
        "pitch_candidate": candidate.T.copy(),
        "pitch_voiced": _numpy(network.voiced.weight)[0],
        "pitch_unvoiced": np.append(
            _numpy(network.unvoiced.weight)[0], _numpy(network.unvoiced.bias)
        ),
        "pitch_transition": np.array(
            [fall.item(), floor.item(), *torch.sigmoid(network.stay).tolist()], np.float32
        ),
    }


def _numpy(x: Tensor | None) -> F32:
    assert x is not None
    return np.asarray(x.detach().numpy(), np.float32)


# --- syllables ------------------------------------------------------------------------------


class Spoken(NamedTuple):
    """A clip with the syllable network's inputs and targets."""

    corpus: str
    name: str
    line: str
    samples: F32
    """The clip after the line; empty unless `line` is in `TOLD`."""
    inputs: F32
    """[hops, FRAME_FEATURES + 1]: scaled features, then voicing."""
    density: F32 | None
    """[hops], syllables per hop; None if only the number of syllables is known."""
    syllables: float
    """Number of syllables; fractional if the clip cuts one."""
    seconds: float
    """Seconds of speech, without pauses if those are labelled."""

    @property
    def speaker(self) -> str:
        """The corpus' identifier of the speaker."""
        return self.name[:2] if self.corpus == "EMO-DB" else self.name.split("-")[0]


def spoken(weights: dict[str, F32]) -> list[Spoken]:
    """Return the clips with known syllables: unchanged, over lines, and at other speeds."""
    out = []
    pause, gap = (np.zeros(round(s * SAMPLE_RATE)) for s in (PAUSE_S, GAP_S))
    for number, (name, clip) in enumerate(corpora.emodb()):
        labels = corpora.syllables(name, len(clip) / SAMPLE_RATE)
        if len(labels) < 3:
            print(f"  {name}: no usable labels")
            continue
        clean = np.concatenate([clip, pause])
        rng = np.random.default_rng([SEED, number])
        for line, speed in (
            (None, 1.0),
            *((line, 1.0) for line in LINES[:3]),
            (wide_band, rng.uniform(0.75, 0.95)),
            (plain_telephone, rng.uniform(0.8, 1.25)),
            (noisy_telephone, rng.uniform(1.05, 1.3)),
        ):
            x = clean
            if speed != 1.0:
                x = soxr.resample(x, SAMPLE_RATE, SAMPLE_RATE / speed)
            if line:
                x = line(x + 1e-5 * rng.standard_normal(len(x)), rng)
            name_of_line = "clean" if not line else line.__name__ if speed == 1.0 else "speed"
            at_speed = [Syllable(a / speed, b / speed, share) for a, b, share in labels]
            x = np.concatenate([x, gap])
            inputs = _inputs(x, weights)
            out.append(
                Spoken(
                    "EMO-DB",
                    name,
                    name_of_line,
                    _kept(name_of_line, x),
                    inputs,
                    density(at_speed, len(inputs)),
                    sum(s.share for s in labels),
                    sum(s.end_s - s.start_s for s in at_speed),
                )
            )
    for number, (name, clip, text) in enumerate(corpora.librispeech()):
        rng = np.random.default_rng([SEED, number])
        for line in LINES[:2]:
            x = np.concatenate([line(np.concatenate([clip, pause]), rng), gap])
            count, seconds = corpora.text_syllables(text), len(clip) / SAMPLE_RATE
            inputs = _inputs(x, weights)
            out.append(
                Spoken(
                    "LibriSpeech",
                    name,
                    line.__name__,
                    _kept(line.__name__, x),
                    inputs,
                    None,
                    count,
                    seconds,
                )
            )
    return out


def _kept(line: str, samples: Samples) -> F32:
    return np.asarray(samples if line in TOLD else [], np.float32)


def _inputs(samples: Samples, weights: dict[str, F32]) -> F32:
    seen = observe(samples)
    tracker = pitch.PitchTracker(weights, 1)
    voicing = []
    for i in range(0, len(seen.features), 16):
        part = _map(seen.found, itemgetter((None, slice(i, i + 16))))
        voicing.append(tracker.process(part, seen.features[None, i : i + 16])[1][0])
    return np.concatenate([seen.features * FRAME_SCALE, np.concatenate(voicing)[:, None]], 1)


def density(labels: list[Syllable], n: int) -> F32:
    """Return the target: a Gaussian at each syllable's middle whose sum is the syllable's share."""
    t = hop_times(n)
    y = np.zeros(n)
    for start, end, share in labels:
        bump = np.exp(-0.5 * ((t - (start + end) / 2) / max(0.25 * (end - start), 0.016)) ** 2)
        if bump.sum() > 0:
            y += share * bump / bump.sum()
    return y.astype(np.float32)


class SyllableNetwork(nn.Module):
    """`syllables.SyllableDensity`, differentiable."""

    def __init__(self) -> None:
        super().__init__()
        span = syllables.HOPS_BACK + 1 + syllables.HOPS_AHEAD
        self.narrow = nn.Conv1d(FRAME_FEATURES + 1, NARROW, 1)
        self.span = nn.Conv1d(NARROW, SYLLABLE_HIDDEN, span)
        self.out = nn.Conv1d(SYLLABLE_HIDDEN, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the density at each hop of [clips, hops, features]."""
        x = functional.pad(
            x.transpose(1, 2), (syllables.HOPS_BACK, syllables.HOPS_AHEAD), mode="replicate"
        )
        x = torch.tanh(self.span(torch.tanh(self.narrow(x))))
        return functional.softplus(self.out(x)[:, 0])


def train_syllables(clips: list[Spoken], epochs: int) -> SyllableNetwork:
    """Return a network trained on the clips' densities and counts."""
    torch.manual_seed(SEED)
    network = SyllableNetwork()
    assert network.out.bias is not None
    nn.init.constant_(network.out.bias, -2.0)
    order = sorted(range(len(clips)), key=lambda i: len(clips[i].inputs))
    batches = []
    for start in range(0, len(order), 16):
        part = [clips[i] for i in order[start : start + 16]]
        shape = len(part), max(len(c.inputs) for c in part)
        x = np.zeros((*shape, FRAME_FEATURES + 1), np.float32)
        target, inside, placed = np.zeros((3, *shape), np.float32)
        for i, clip in enumerate(part):
            n = len(clip.inputs)
            x[i, :n], x[i, n:], inside[i, :n] = clip.inputs, clip.inputs[-1], 1.0
            if clip.density is not None:
                target[i, :n], placed[i, :n] = clip.density, 1.0
        count = np.array([c.syllables for c in part], np.float32)
        batches.append([torch.tensor(a) for a in (x, target, inside, placed, count)])

    def loss(batch: int) -> Tensor:
        x, target, inside, placed, count = batches[batch]
        out = network(x)
        fits = ((out - target * torch.log(out + 1e-6)) * placed).sum() / placed.sum().clamp(min=1)
        found = (out * inside).sum(1)
        return torch.as_tensor(fits + COUNT_WEIGHT * ((found - count) ** 2 / count).mean())

    fit(network, len(batches), epochs, 8e-3, loss)
    return network


def syllable_weights(network: SyllableNetwork) -> dict[str, F32]:
    """Return the weights in the form `syllables.SyllableDensity` expects."""
    narrow = _numpy(network.narrow.weight)[..., 0] * np.append(FRAME_SCALE, np.float32(1.0))
    span = _numpy(network.span.weight)  # [hidden, narrow, span]
    return {
        "syllable_in": narrow.T.copy(),
        "syllable_in_bias": _numpy(network.narrow.bias),
        "syllable_span": span.transpose(2, 1, 0).reshape(-1, SYLLABLE_HIDDEN).copy(),
        "syllable_span_bias": _numpy(network.span.bias),
        "syllable_out": np.append(_numpy(network.out.weight)[0, :, 0], _numpy(network.out.bias)),
    }


def counts(network: SyllableNetwork, clips: list[Spoken]) -> list[float]:
    """Return the network's count for each clip."""
    with torch.no_grad():
        return [network(torch.tensor(c.inputs)[None]).sum().item() for c in clips]


Fold = tuple[str, Callable[[Spoken], bool]]


def folds(clips: list[Spoken]) -> list[Fold]:
    """Return each fold's title, and a function that tells which clips the fold leaves out."""
    out: list[Fold] = []
    for corpus in ("EMO-DB", "LibriSpeech"):
        speakers = sorted({c.speaker for c in clips if c.corpus == corpus})
        every = 5 if corpus == "EMO-DB" else 3  # two speakers of EMO-DB at a time
        for i in range(every):
            left = set(speakers[i::every])
            out.append((f"{corpus}, speaker left out", _of(corpus, lambda c: c.speaker, left)))
    sentences = sorted({c.name[2:5] for c in clips if c.corpus == "EMO-DB"})
    halves = set(sentences[::2]), set(sentences[1::2])
    out += [
        ("EMO-DB, sentence left out", _of("EMO-DB", lambda c: c.name[2:5], half)) for half in halves
    ]
    return out


def _of(corpus: str, key: Callable[[Spoken], str], values: set[str]) -> Callable[[Spoken], bool]:
    return lambda clip: clip.corpus == corpus and key(clip) in values


def _fold(number: int, clips: list[Spoken], epochs: int) -> list[float]:
    torch.set_num_threads(1)
    _, out = folds(clips)[number]
    network = train_syllables([c for c in clips if not out(c)], epochs)
    return counts(network, [c for c in clips if out(c) and c.line in TOLD])


def cross_validate(clips: list[Spoken], epochs: int) -> None:
    """Print how well the syllable rate agrees with the labels on the clips left out."""
    rows: dict[str, list[tuple[float, float]]] = {}
    tasks = [(fold, clips, epochs) for fold in range(len(folds(clips)))]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        results = pool.starmap(_fold, tasks, chunksize=1)
    for (title, out), found in zip(folds(clips), results, strict=True):
        left = [c for c in clips if out(c) and c.line in TOLD]
        for clip, count in zip(left, found, strict=True):
            row = rows.setdefault(f"{title}, {clip.line.replace('_', ' ')}", [])
            row.append((clip.syllables / clip.seconds, count / clip.seconds))
    for clip in clips:
        if clip.line in TOLD:
            title = f"{clip.corpus}, intensity peaks (Praat), {clip.line.replace('_', ' ')}"
            count = peers.intensity_peaks(clip.samples.astype(np.float64))
            rows.setdefault(title, []).append((clip.syllables / clip.seconds, count / clip.seconds))
    print(f"{'syllables per second':56} {'r':>5} {'mean error':>11} {'bias':>7}")
    for title, pairs in sorted(rows.items()):
        true, found = np.array(pairs).T
        r = np.corrcoef(true, found)[0, 1]
        error, bias = np.mean(np.abs(found / true - 1)), np.mean(found / true - 1)
        print(f"{title:56} {r:5.2f} {error:11.1%} {bias:+7.1%}", flush=True)


def main() -> None:
    """Train or cross-validate."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("models/prosody.npz"))
    parser.add_argument("--cross-validate", action="store_true")
    parser.add_argument("--pitch-epochs", type=int, default=24)
    parser.add_argument("--syllable-epochs", type=int, default=60)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if args.cross_validate:
        cross_validate(spoken(dict(load_weights(args.out))), args.syllable_epochs)
        return
    weights = train_pitch(args.pitch_epochs)
    clips = spoken(weights)
    print(f"syllables: {len(clips)} clips", flush=True)
    network = train_syllables(clips, args.syllable_epochs)
    weights |= syllable_weights(network)
    if not all(math.isfinite(float(np.sum(w))) for w in weights.values()):
        raise SystemExit("the training diverged")
    # Sorted names and no timestamps: the same weights give the same file.
    arrays: dict[str, Any] = {name: weights[name].astype(np.float32) for name in sorted(weights)}
    np.savez(args.out, **arrays)
    print(f"wrote {args.out}: {sum(w.size for w in weights.values())} weights")


if __name__ == "__main__":
    main()

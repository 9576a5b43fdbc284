"""Measure the error of the voice descriptors, and of other tools on the same signals.

F0: frame error (voicing errors and gross errors) against the laryngograph of FDA's 50 sentences:
clean, over a telephone, and over a telephone with pink noise.  Every tool gets the time shift that
suits it best; voicecoach is read at its frame centres.  Jitter, shimmer and HNR: against Praat on
EMO-DB, and against the known values of synthetic voices.  Active level: against a sample-by-sample
ITU-T P.56.  The error of the syllable rate is printed by `scripts.train.prosody --cross-validate`,
because the speakers that it is tested on must be left out of its training.

    pip install -e '.[bench]'
    python -m scripts.bench.accuracy [--quick]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

import numpy as np
import parselmouth
from parselmouth.praat import call

from scripts.bench import peers
from scripts.staging import voices
from scripts.support import corpora
from scripts.support.corpora import Samples
from voicecoach.dsp import spectrum
from voicecoach.dsp.prosody import ProsodyExtractor, ProsodyFrames, load_weights
from voicecoach.shell.runtime.resources import prosody_model
from voicecoach.types.stream import HOP, MAX_HOPS, SAMPLE_RATE

SEED = 1
REFERENCE_STEP_S = 0.015
SHIFTS_S = np.arange(-0.010, 0.0101, 0.0025)
GROSS = 0.2
REACH = {"clean": 5.3, "telephone": 6.0, "telephone + noise": 11.0}
"""Target F0 frame error, %."""
GROSS_REACH = 2.0
"""Target gross pitch error over the telephone, %."""


def extract(x: Samples) -> ProsodyFrames:
    """Return all descriptors of a clip, [1, hops]."""
    extractor = ProsodyExtractor(load_weights(prosody_model()), channels=1)
    step = MAX_HOPS * HOP
    padded = np.concatenate([x, np.zeros(-len(x) % step)]).astype(np.float32)[None]
    parts = [extractor.process(padded[:, i : i + step]) for i in range(0, padded.shape[1], step)]
    return ProsodyFrames(
        *(np.concatenate(c, axis=1) for c in zip(*filter(None, parts), strict=True))
    )


def voicecoach(x: Samples) -> peers.Track:
    """Return voicecoach's own F0 track."""
    f0 = extract(x).f0_hz[0]
    times = (np.arange(1, len(f0) + 1) * HOP - spectrum.CENTRE) / SAMPLE_RATE
    return times, np.nan_to_num(f0.astype(np.float64))


TRACKERS: dict[str, Callable[[Samples], peers.Track]] = {
    "voicecoach": voicecoach,
    "openSMILE": peers.open_smile,
    "Praat AC": peers.praat_ac,
    "Praat CC": peers.praat_cc,
    "RAPT": peers.rapt,
}


def errors(found: Samples, true: Samples) -> Samples:
    """Count the F0 errors of a clip, [5]: missed, false, gross, frames, frames voiced in both."""
    voiced, said = true > 0, found > 0
    both = voiced & said
    gross = both & (np.abs(found / np.maximum(true, 1.0) - 1.0) > GROSS)
    return np.array(
        [(voiced & ~said).sum(), (said & ~voiced).sum(), gross.sum(), len(true), both.sum()], float
    )


def frame_error(counts: Samples) -> float:
    """Return the F0 frame error, %, from the counts of all clips, [clips, 5]."""
    missed, false, gross, frames, _ = counts.sum(axis=0)
    return float(100 * (missed + false + gross) / frames)


def spread(counts: Samples) -> float:
    """Return half the width of the frame error's 95 % interval, %, by bootstrap over clips."""
    rng = np.random.default_rng(SEED)
    draws = [frame_error(counts[rng.integers(0, len(counts), len(counts))]) for _ in range(500)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(high - low) / 2


def f0_table(every: int) -> None:
    """Print the frame errors and gross errors of all trackers."""
    print("\nF0 against the laryngograph (FDA)")
    print(f"{'':20}{'tool':12}{'frame error':>16}{'missed':>8}{'false':>7}{'gross':>7}{'shift':>8}")
    references = list(corpora.laryngograph())[::every]
    for line in REACH:
        rng = np.random.default_rng(SEED)
        clips = [r.samples for r in references]
        if line != "clean":
            snr = 10.0 if "noise" in line else None
            clips = [corpora.telephone(x, rng, snr) for x in clips]
        for name, tracker in TRACKERS.items():
            tracks = [tracker(x) for x in clips]
            best: tuple[float, float, Samples] | None = None
            for shift in SHIFTS_S if name != "voicecoach" else [0.0]:
                counts = np.stack(
                    [
                        errors(
                            peers.sample(t, np.arange(len(r.f0_hz)) * REFERENCE_STEP_S + shift),
                            r.f0_hz,
                        )
                        for t, r in zip(tracks, references, strict=True)
                    ]
                )
                if best is None or frame_error(counts) < best[0]:
                    best = frame_error(counts), shift, counts
            assert best is not None
            error, shift, counts = best
            missed, false, gross, frames, both = counts.sum(axis=0)
            row = f"{line:20}{name:12}{error:8.2f} ± {spread(counts):.2f} %"
            row += f"{100 * missed / frames:8.2f}{100 * false / frames:7.2f}"
            print(f"{row}{100 * gross / both:7.2f}{1000 * shift:+6.1f} ms", flush=True)
        goal = f"{line:20}{'to reach':12}{REACH[line]:8.2f}"
        print(goal + (f"{GROSS_REACH:32.2f}" if line == "telephone" else ""))
    print(f"look-ahead: {1000 * spectrum.CENTRE / SAMPLE_RATE:.0f} ms after the frame's centre")


def praat_voice(x: Samples) -> tuple[float, float, float]:
    """Return a clip's local jitter, local shimmer and mean HNR (dB) from Praat's voice report."""
    sound = parselmouth.Sound(x, SAMPLE_RATE)
    points = call(sound, "To PointProcess (periodic, cc)", peers.F0_MIN, peers.F0_MAX)
    limits = (0, 0, 0.0001, 0.02, 1.3)
    jitter = call(points, "Get jitter (local)", *limits)
    shimmer = call([sound, points], "Get shimmer (local)", *limits, 1.6)
    harmonicity = sound.to_harmonicity_ac(0.01, peers.F0_MIN, 0.1, 4.5).values[0]
    return jitter, shimmer, float(harmonicity[harmonicity > -199].mean())


def own_voice(x: Samples) -> tuple[float, float, float]:
    """Return voicecoach's jitter, shimmer and HNR (dB) of a clip: the means over voiced frames."""
    frames = extract(x)
    return tuple(float(np.nanmean(v)) for v in (frames.jitter, frames.shimmer, frames.hnr_db))  # type: ignore[return-value]


def voice_table(every: int) -> None:
    """Print jitter, shimmer and HNR next to Praat's and next to the known values."""
    names = ("jitter", "shimmer", "HNR, dB")
    print("\nVoice quality per clip: voicecoach against Praat")
    print(f"{'':30}{'':10}{'r':>6}{'ours':>9}{'Praat':>9}")
    running = [x for _, x in corpora.emodb()][:: 4 * every]
    rng = np.random.default_rng(SEED)
    sustained = []
    for i in range(48 // every):
        source = voices.pulses(
            rng.uniform(85, 260), 1.0, rng.uniform(0.002, 0.03), rng.uniform(0.01, 0.15), i
        )
        x = voices.vowel(source.samples, "aiu"[i % 3])
        sustained.append(voices.with_noise(x, rng.uniform(5, 30), i))
    for title, clips in (("running speech (EMO-DB)", running), ("sustained, made", sustained)):
        pairs = np.array([(own_voice(x), praat_voice(x)) for x in clips])
        for i, name in enumerate(names):
            ours, theirs = pairs[:, 0, i], pairs[:, 1, i]
            known = np.isfinite(ours) & np.isfinite(theirs)
            r = np.corrcoef(ours[known], theirs[known])[0, 1]
            print(
                f"{title:30}{name:10}{r:6.2f}{ours[known].mean():9.3f}{theirs[known].mean():9.3f}"
            )
    print("\nMade voices: what they were made with, found, and Praat's")
    print(f"{'':30}{'truth':>9}{'ours':>9}{'Praat':>9}")
    for jitter in (0.0, 0.005, 0.01, 0.02, 0.04):
        made = [voices.pulses(f0, 2.0, jitter, 0.0, i) for i, f0 in enumerate((90, 120, 160, 220))]
        _show("jitter", [m.jitter for m in made], [voices.vowel(m.samples) for m in made], 0)
    for shimmer in (0.0, 0.03, 0.08, 0.15):
        made = [voices.pulses(f0, 2.0, 0.0, shimmer, i) for i, f0 in enumerate((90, 120, 160, 220))]
        _show("shimmer", [m.shimmer for m in made], [voices.vowel(m.samples) for m in made], 1)
    for hnr in (0.0, 5.0, 10.0, 20.0, 30.0):
        made = [voices.pulses(f0, 2.0) for f0 in (90, 120, 160, 220)]
        clips = [voices.with_noise(voices.vowel(m.samples), hnr, i) for i, m in enumerate(made)]
        _show("HNR, dB", [hnr] * len(made), clips, 2)


def _show(name: str, truth: list[float], clips: list[Samples], which: int) -> None:
    ours = [own_voice(x)[which] for x in clips]
    theirs = [praat_voice(x)[which] for x in clips]
    print(f"{name:30}{np.mean(truth):9.4f}{np.nanmean(ours):9.4f}{np.nanmean(theirs):9.4f}")


def level_table(every: int) -> None:
    """Print how far the streaming active level is from a sample-by-sample P.56."""
    off = []
    for _, x, _ in list(corpora.librispeech())[:: 4 * every]:
        ours = extract(x).active_level_dbfs[0, len(x) // HOP - 1]
        off.append(ours - corpora.active_level_db(x, SAMPLE_RATE))
    print(
        f"\nActive speech level less P.56 on {len(off)} utterances: median "
        f"{np.median(off):+.2f} dB, 95 % within {np.percentile(np.abs(off), 95):.2f} dB"
    )


TABLES: tuple[Callable[[int], None], ...] = (f0_table, voice_table, level_table)


def main(tables: Iterable[Callable[[int], None]] = TABLES) -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the clips")
    every = 10 if parser.parse_args().quick else 1
    for table in tables:
        table(every)


if __name__ == "__main__":
    main()

"""How a population speaks: what a speaker's baseline starts from.

Of calm speech over a telephone (LibriSpeech, and EMO-DB's neutral clips, at -26 dBFS): for each
functional the mean over speakers, the standard deviation between their means, and that of windows
within a speaker, medians over speakers.  `tone.PRIORS` has these figures, rounded.  Below them, of
each descriptor every statistic, the mean over windows.

    python -m scripts.population
"""

from __future__ import annotations

import numpy as np

from scripts import corpora
from voicecoach.dsp.functionals import DESCRIPTORS, STATISTICS, Functionals, SpeechWindow
from voicecoach.dsp.prosody import GROUP, ProsodyExtractor, load_weights
from voicecoach.shell.resources import prosody_model, vad_model
from voicecoach.types import HOP, MAX_HOPS, SAMPLE_RATE
from voicecoach.vad import SileroVad

WINDOW_S = 3.0
NAMES = (
    *DESCRIPTORS,
    *("rate_syl_s", "loudness_peaks_per_s", "voiced_segments_per_s", "voiced_length_s"),
    *("unvoiced_length_s", "pauses_per_s", "pause_length_s"),
)


def windows(clips: list[corpora.Samples]) -> list[Functionals]:
    """Return a speaker's successive windows of speech."""
    prosody, vad = ProsodyExtractor(load_weights(prosody_model())), SileroVad(vad_model())
    window, heard = SpeechWindow(WINDOW_S, 60.0), 0
    found: list[Functionals] = []
    x = np.concatenate(clips).astype(np.float32)
    both = np.stack([x, x])[:, : len(x) // (MAX_HOPS * HOP) * MAX_HOPS * HOP]
    for start in range(0, both.shape[1], MAX_HOPS * HOP):
        block = np.ascontiguousarray(both[:, start : start + MAX_HOPS * HOP])
        frames, speech = prosody.process(block), vad.process(block)[0] > 0.5
        assert frames is not None
        for i in range(0, MAX_HOPS, GROUP):
            at = start + (i + GROUP) * HOP
            window.push(at, frames, 0, slice(i, i + GROUP), speech[i : i + GROUP])
            heard += int(speech[i : i + GROUP].sum())
            if heard * HOP >= WINDOW_S * SAMPLE_RATE:
                found.append(window.compute(at))
                heard = 0
    return found


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(1)
    speakers: dict[str, list[corpora.Samples]] = {}
    for name, x in corpora.emodb():
        if name[5] == "N":
            speakers.setdefault(name[:2], []).append(corpora.telephone(x, rng))
    for name, x, _ in corpora.librispeech():
        speakers.setdefault(name.split("-")[0], []).append(corpora.telephone(x, rng))
    found = [windows(clips[:20]) for clips in speakers.values()]
    of = [np.array([[w.value(name) for name in NAMES] for w in part]) for part in found]
    means = np.stack([np.nanmean(w, axis=0) for w in of])
    within = np.median([np.nanstd(w, axis=0) for w in of], axis=0)
    print(f"{len(of)} speakers, {sum(map(len, of))} windows of {WINDOW_S:.0f} s of speech")
    print(f"{'median of':24}{'mean':>10}{'between':>10}{'within':>10}")
    columns = zip(NAMES, means.mean(axis=0), means.std(axis=0, ddof=1), within, strict=True)
    for name, mean, between, inside in columns:
        print(f"{name:24}{mean:10.3f}{between:10.3f}{inside:10.3f}")
    statistics = np.nanmean([w.statistics for part in found for w in part], axis=0)
    print(f"\n{'':24}" + "".join(f"{name:>12}" for name in STATISTICS))
    for name, row in zip(DESCRIPTORS, statistics, strict=True):
        print(f"{name:24}" + "".join(f"{value:12.3f}" for value in row))


if __name__ == "__main__":
    main()

"""Make the short silence that stands in for the rest of Whisper's 30 s: models/silence.npz.

Whisper's decoder expects 1500 positions of the encoder and most of an utterance's are silence's.
They cannot be left out, nor thinned out, since what a head does not attend to in the speech it
attends to there.  What is learnt here is a few positions that do the same to the decoder: its
probabilities of the next token, given them after the speech's positions, are to be those it has
with all of the silence (its own answers are the only truth there is, so nothing is told it about
words).  The decoder stays as it is.

    pip install -e '.[bench,train]'
    python -m scripts.train.silence [--out models/silence.npz]

Trained on pieces of LibriSpeech (those utterances that scripts/bench/asr.py does not measure with),
EMO-DB, clean, noisy and over a telephone line, most of them cut in mid-speech
as a partial request is, some with text before them, and on noise, silence and tones.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scripts.support import corpora
from scripts.support.corpora import Samples
from voicecoach.shell.asr.model_places import BUNDLED, locate_model
from voicecoach.shell.asr.whisper import ENCODER_POSITIONS, SILENCE_FROM, Whisper
from voicecoach.types.stream import F32, SAMPLE_RATE

SEED = 20261123
PIECES, BATCH, EPOCHS = 512, 16, 6
LEARNT = 96
"""Number of learnt encoder positions."""
HEADS = 6
FIRST, LAST = 0.01, 0.0003
"""Learning rates at the start and at the end."""
MEASURED = (0, 2)
"""Indices, in each group of five LibriSpeech utterances, that scripts/bench/asr.py evaluates on."""
OTHERS = 4000
"""Random tokens added to those in the pieces when the decoder's probabilities are compared."""


# --- a differentiable decoder ---------------------------------------------------------------


def weights(file: IO[bytes]) -> dict[str, Tensor]:
    """Return the weights of a CTranslate2 model file (version 6), by name, as float32."""

    def number(kind: str) -> int:
        return int(struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))[0])

    def text() -> str:
        return file.read(number("H"))[:-1].decode()

    kinds = (np.float32, np.int8, np.int16, np.int32, np.float16)
    number("I"), text(), number("I")
    found = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind = kinds[number("B")]
        array = np.frombuffer(file.read(number("I")), kind).reshape(shape)
        found[name] = torch.from_numpy(array.astype(np.float32))
    return found


class Decoder:
    """Whisper's decoder in PyTorch."""

    def __init__(self, model: dict[str, Tensor]) -> None:
        self._w = {k.removeprefix("decoder/"): v for k, v in model.items() if "decoder/" in k}
        self._layers = len(
            {k.split("/")[0] for k in self._w if k.startswith("layer_")} - {"layer_norm"}
        )

    def __call__(self, tokens: Tensor, states: Tensor, there: Tensor) -> Tensor:
        """Return the last layer's output [batch, tokens, width], the input of `logits`.

        `states` [batch, positions, width] come from the encoder; the mask `there`
        [batch, positions] is False at padding.
        """
        n = tokens.shape[1]
        embedded = self._w["embeddings/weight"][tokens]
        x = embedded + self._w["position_encodings/encodings"][:n]
        causal = torch.ones(n, n, dtype=torch.bool).tril()
        for layer in range(self._layers):
            at = f"layer_{layer}/"
            q, k, v = self._linear(
                self._norm(x, f"{at}self_attention/layer_norm"), f"{at}self_attention/linear_0"
            ).chunk(3, -1)
            x = x + self._linear(attend(q, k, v, causal), f"{at}self_attention/linear_1")
            q = self._linear(self._norm(x, f"{at}attention/layer_norm"), f"{at}attention/linear_0")
            k, v = self._linear(states, f"{at}attention/linear_1").chunk(2, -1)
            heard = attend(q, k, v, there[:, None, None])
            x = x + self._linear(heard, f"{at}attention/linear_2")
            y = self._linear(self._norm(x, f"{at}ffn/layer_norm"), f"{at}ffn/linear_0")
            x = x + self._linear(functional.gelu(y), f"{at}ffn/linear_1")
        return self._norm(x, "layer_norm")

    def logits(self, x: Tensor, tokens: Tensor) -> Tensor:
        """Return the logits of `tokens` only."""
        return x @ self._w["embeddings/weight"][tokens].T

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self._w[f"{name}/weight"], self._w[f"{name}/bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        gamma, beta = self._w[f"{name}/gamma"], self._w[f"{name}/beta"]
        return functional.layer_norm(x, gamma.shape, gamma, beta)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Return the output of multi-head attention."""
    q, k, v = (x.view(*x.shape[:2], HEADS, -1).transpose(1, 2) for x in (q, k, v))
    y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return y.transpose(1, 2).flatten(2)


# --- training audio -------------------------------------------------------------------------


class Piece(NamedTuple):
    """A piece of audio as input for the decoder."""

    states: Tensor
    """[positions, width], the encoder's output for the audio without the silence."""
    tokens: Tensor
    """The prompt, then the tokens that the decoder generated."""
    first: int
    """Index of the first token whose prediction counts in the loss."""


def sounds(rng: np.random.Generator) -> Iterator[tuple[F32, str]]:
    """Yield random audio [n] at 16 kHz without end, each with its preceding text or ""."""
    read = list(corpora.librispeech())
    texts = [
        text.lower().capitalize() for i, (_, _, text) in enumerate(read) if i % 5 not in MEASURED
    ]
    english = [x for i, (_, x, _) in enumerate(read) if i % 5 not in MEASURED]
    german = [x for _, x in corpora.emodb()]
    while True:
        kind = rng.choice(["english", "german", "none"], p=[0.82, 0.1, 0.08])
        before = ""
        if kind == "none":
            x = nothing(rng)
        else:
            group = english if kind == "english" else german
            x = group[rng.integers(len(group))]
            if rng.random() < 0.7:
                seconds = rng.uniform(0.7, 12.0 if rng.random() < 0.3 else 5.0)
                size = int(seconds * SAMPLE_RATE)
                start = int(rng.integers(max(1, len(x) - size // 2)))
                x = x[start : start + size]
            x = x[: 15 * SAMPLE_RATE]
            if len(x) < SAMPLE_RATE // 3:
                continue
            if rng.random() < 0.6:
                snr = float(rng.uniform(10, 40)) if rng.random() < 0.5 else None
                x = corpora.telephone(x, rng, snr, float(rng.uniform(-36, -18)))
            elif rng.random() < 0.3:
                noise = corpora.pink(len(x), rng)
                x = corpora.add_noise(x, SAMPLE_RATE, noise, float(rng.uniform(5, 30)))
            if rng.random() < 0.3:
                before = texts[rng.integers(len(texts))][: int(rng.integers(10, 200))]
        yield np.ascontiguousarray(x, np.float32), before


def nothing(rng: np.random.Generator) -> Samples:
    """Return random audio without speech: zeros, noise or a tone."""
    n = int(rng.uniform(0.5, 8.0) * SAMPLE_RATE)
    level = 10 ** (rng.uniform(-70, -25) / 20)
    kind = rng.integers(4)
    if kind == 0:
        return np.zeros(n)
    if kind == 1:
        return np.asarray(level * corpora.pink(n, rng))
    if kind == 2:
        return np.asarray(level * rng.standard_normal(n))
    return np.asarray(
        level * np.sin(2 * np.pi * rng.uniform(50, 2000) * np.arange(n) / SAMPLE_RATE)
    )


class Listener(Whisper):
    """Whisper that also returns the decoder's inputs and its output."""

    def piece(self, audio: F32, before: str) -> Piece:
        """Return the piece for `audio` [n], with `before` as the preceding text."""
        states, frames = self._encoded(self._encode_voice(audio))
        prompt = [*self._context_tokens(before), *self._prompt]
        tokens = self._model.model.generate(
            states, [prompt], beam_size=1, max_length=2 * min(100, len(prompt) + 60)
        )[0].sequences_ids[0]
        tokens = [t for t in tokens if t < self._tokenizer.eot]
        own = torch.from_numpy(np.array(states)[0, : frames // 2].copy())
        return Piece(own, torch.tensor([*prompt, *tokens]), len(prompt) - len(self._prompt))

    @property
    def silence(self) -> F32:
        """Encoder states of the whole silence [positions, width]."""
        return np.asarray(self._silence_states[0])

    @property
    def special(self) -> list[int]:
        """The special tokens whose probabilities matter."""
        return [self._tokenizer.eot, self._tokenizer.no_speech]


# --- training -------------------------------------------------------------------------------


def together(
    pieces: tuple[Piece, ...], silences: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return a padded batch: tokens, states with silence, and the masks of both."""
    n = max(len(p.tokens) for p in pieces)
    tokens = torch.zeros(len(pieces), n, dtype=torch.long)
    counts = torch.zeros(len(pieces), n, dtype=torch.bool)
    for i, p in enumerate(pieces):
        tokens[i, : len(p.tokens)] = p.tokens
        counts[i, p.first : len(p.tokens)] = True
    rows = [torch.cat([p.states, s]) for p, s in zip(pieces, silences, strict=True)]
    states = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    there = torch.arange(states.shape[1]) < lengths[:, None]
    return tokens, states, there, counts


def batches(indices: list[int]) -> Iterator[list[int]]:
    """Yield the indices in batches of `BATCH`."""
    for at in range(0, len(indices), BATCH):
        yield indices[at : at + BATCH]


def main() -> None:
    """Learn the silence, print how much it differs from the whole silence, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("models/silence.npz"))
    parser.add_argument("--pieces", type=int, default=PIECES)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--learnt", type=int, default=LEARNT)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    listener = Listener(BUNDLED, "en")
    whole = torch.from_numpy(listener.silence)
    with Path(locate_model(BUNDLED).folder, "model.bin").open("rb") as file:
        decoder = Decoder(weights(file))
    heard = sounds(rng)
    pieces = [listener.piece(*next(heard)) for _ in range(options.pieces)]
    known = {int(t) for p in pieces for t in p.tokens} | set(listener.special)
    others = rng.choice(50257, OTHERS, replace=False)
    vocabulary = torch.tensor(sorted(known | {int(t) for t in others}))
    print(f"{len(pieces)} pieces, {len(vocabulary)} tokens", flush=True)

    aims = []
    with torch.no_grad():
        for p in pieces:
            rest = whole[max(len(p.states), SILENCE_FROM) :]
            tokens, states, there, _ = together((p,), [rest])
            aims.append(decoder(tokens, states, there)[0])

    def distance(chosen: list[int], silence: Tensor) -> Tensor:
        """Return the mean Kullback-Leibler divergence from the output with the whole silence."""
        some = tuple(pieces[i] for i in chosen)
        tokens, states, there, counts = together(some, [silence] * len(some))
        mine = decoder.logits(decoder(tokens, states, there)[counts], vocabulary)
        aim = torch.cat([aims[i][pieces[i].first :] for i in chosen])
        with torch.no_grad():
            told = functional.log_softmax(decoder.logits(aim, vocabulary), -1)
        return functional.kl_div(
            functional.log_softmax(mine, -1), told, reduction="batchmean", log_target=True
        )

    kept = list(range(0, len(pieces), 16))
    """Held out of training."""
    learnt_from = sorted(set(range(len(pieces))) - set(kept))

    def measure(name: str, silence: Tensor) -> None:
        with torch.no_grad():
            values = [float(distance(chosen, silence)) for chosen in batches(kept)]
        print(f"{name}: {np.mean(values):.4f} nats a token", flush=True)

    begin = torch.linspace(SILENCE_FROM, ENCODER_POSITIONS - 1, options.learnt).round().long()
    silence = whole[begin].clone()
    measure("none", silence[:1])
    measure(f"every {ENCODER_POSITIONS // options.learnt}th of the whole", silence)
    silence.requires_grad_()
    optimizer = torch.optim.Adam([silence], lr=FIRST)
    steps = options.epochs * -(-len(learnt_from) // BATCH)
    course = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 3 * FIRST, total_steps=steps, final_div_factor=FIRST / LAST
    )
    for epoch in range(options.epochs):
        order = [learnt_from[i] for i in rng.permutation(len(learnt_from))]
        for chosen in batches(order):
            loss = distance(chosen, silence)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([silence], 1.0)
            optimizer.step()
            course.step()
        measure(f"learnt, {epoch + 1} times over", silence)
        np.savez(options.out, silence=silence.detach().numpy().astype(np.float16))


if __name__ == "__main__":
    main()

"""Runs Moonshine, the second recogniser, as `moonshine_conversion` made it.

Moonshine (Jeffries et al. 2024, "Moonshine: Speech Recognition for Live Transcription and Voice
Commands") encodes audio of any length, without Whisper's 30 s.  It errs differently from Whisper,
so each can judge what the other heard: `score` gives the log-probability of any text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from voicecoach.shell.asr.transcriber import TranscribedWord, estimate_word_times
from voicecoach.types.stream import F32, SAMPLE_RATE

BEGIN, END = 1, 2
"""Tokens before and after a text."""
BYTES = 259
"""The first pieces are the two tokens, the unknown one, and the 256 bytes."""
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
SHORTEST = SAMPLE_RATE // 10
"""Least audio that the encoder takes, samples."""
BEAM, WIDE_BEAM = 3, 6
"""Beam width of a careful request (on two calls a tenth fewer words are wrong than with 1), and of
one that is searched more widely."""
TOKENS_PER_S = 8
"""Most tokens per second: nobody speaks faster, so a longer result is a loop."""
WARM_UP_S = 15
"""Seconds of audio of the longest request."""
ROWS = 3
"""Texts that are judged at once: more need more memory, and are no faster."""
CACHE = (8, 52)
"""Heads, and values of each, of a cached position."""


class Hypothesis(NamedTuple):
    """A text that the recogniser may have heard."""

    tokens: list[int]
    scores: list[float]
    """Log-probability of the first token, of the first two, and so on."""
    log_probability: float
    """Of all tokens, and of the end, if it was reached."""


class Heard(NamedTuple):
    """What the decoder needs of some audio."""

    inputs: dict[str, F32]
    longest: int
    """Most tokens that can have been spoken in it."""


class Moonshine:
    """Moonshine base, in English.

    Parameters
    ----------
    folder
        Folder with the converted files: `encoder.onnx`, `decoder.onnx`, `tokenizer.bin`.

    Raises
    ------
    OSError
        If a file is missing.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Kept for the next run, buffers of the longest request take 70 MB and save no time.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(
                str(folder / name), options, providers=["CPUExecutionProvider"]
            )
            for name in ("encoder.onnx", "decoder.onnx")
        )
        self._tokenizer = load_tokenizer((folder / "tokenizer.bin").read_bytes())
        self._audio_names = [x.name for x in self._encoder.get_outputs()]
        self._cache_names = [name.replace("audio", "past") for name in self._audio_names]

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return the words as `SpeechModel.transcribe` does; `context` is not used."""
        given = self.tokens(prefix)
        self._last = self.encode(audio)
        best = self.decode(
            self._last, BEAM if careful else 1, given, empty=bool(given) and not careful
        )[0]
        seconds = len(audio) / SAMPLE_RATE
        return estimate_word_times(self._words(best, goes_on=bool(given)), prefix, seconds)

    def hypotheses(self, audio: F32, *, wide: bool = False) -> list[str]:
        """Return the likeliest texts of `audio`, as `JudgingModel.hypotheses` does."""
        self._last = self.encode(audio)
        beam = WIDE_BEAM if wide else BEAM
        texts = (self.text(x.tokens) for x in self.decode(self._last, beam))
        return [text for text in texts if text]

    def judge(self, texts: Sequence[str], *, prefix: str = "", ended: bool = True) -> list[float]:
        """Return the log-probability of texts, as `JudgingModel.judge` does."""
        texts = [f"{prefix} {text}".strip() for text in texts]
        scores = self.score(self._last, [self.tokens(text) for text in texts])
        return [float(each[: None if ended else -1].sum()) for each in scores]

    def restart(self) -> None:
        """Do nothing: each request brings its own audio."""

    def warm_up(self) -> None:
        """Decode the longest possible request, so that memory reaches its maximum now."""
        noise = np.random.default_rng(0).normal(0, 0.05, WARM_UP_S * SAMPLE_RATE)
        self.hypotheses(noise.astype(np.float32))

    def encode(self, audio: F32) -> Heard:
        """Return the keys and values of `audio` [n], 16 kHz."""
        padded = audio if len(audio) >= SHORTEST else np.pad(audio, (0, SHORTEST - len(audio)))
        arrays = self._encoder.run(None, {"samples": padded[None]})
        longest = 6 + int(TOKENS_PER_S * len(audio) / SAMPLE_RATE)
        return Heard(dict(zip(self._audio_names, arrays, strict=True)), longest)

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return list(self._tokenizer.encode(text).ids) if text else []

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of some tokens."""
        text: str = self._tokenizer.decode(list(tokens))
        return text.strip()

    def decode(
        self, heard: Heard, width: int, prefix: Sequence[int] = (), *, empty: bool = False
    ) -> list[Hypothesis]:
        """Return the likeliest texts after `prefix`, at most `width`, by beam search.

        Unless `empty`, a text has at least one token: where speech is short, the likeliest is often
        none at all.
        """
        logits, cache = self._step([[BEGIN, *prefix]], heard.inputs, self._no_cache(1))
        live, done = [Hypothesis([], [], 0.0)], list[Hypothesis]()
        first = not empty
        for _ in range(max(heard.longest - len(prefix), 1)):
            scores = _log_softmax(logits[:, -1])
            if first:
                scores[:, END], first = -np.inf, False
            scores += np.array([[x.log_probability] for x in live], np.float32)
            best = np.argpartition(scores, -2 * width, axis=None)[-2 * width :]
            best = best[np.argsort(-scores.ravel()[best])]
            longer, rows = list[Hypothesis](), list[int]()
            for place in best:
                row, token = divmod(int(place), scores.shape[1])
                score = float(scores[row, token])
                if token == END:
                    done.append(live[row]._replace(log_probability=score))
                elif len(longer) < width:
                    tokens, scored = [*live[row].tokens, token], [*live[row].scores, score]
                    longer.append(Hypothesis(tokens, scored, score))
                    rows.append(row)
            done = sorted(done, key=lambda x: -x.log_probability)[:width]
            if done and done[0].log_probability >= longer[0].log_probability:
                break
            live = longer
            cache = {k: v[rows] for k, v in cache.items()}
            logits, cache = self._step([[x.tokens[-1]] for x in live], heard.inputs, cache)
        return done or live[:1]

    def score(self, heard: Heard, texts: Sequence[Sequence[int]]) -> list[F32]:
        """Return the log-probability of each token of each text, and of its end."""
        found: list[F32] = []
        for at in range(0, len(texts), ROWS):
            some = texts[at : at + ROWS]
            tokens = np.full((len(some), max(map(len, some)) + 1), END, np.int64)
            for row, text in enumerate(some):
                tokens[row, : len(text) + 1] = [BEGIN, *text]
            logits, _ = self._step(tokens, heard.inputs, self._no_cache(len(some)))
            for row, text in enumerate(some):
                mine = logits[row, : len(text) + 1]
                said = mine[np.arange(len(text) + 1), [*text, END]]
                highest = mine.max(axis=-1)
                found.append(said - highest - np.log(np.exp(mine - highest[:, None]).sum(axis=-1)))
        return found

    def _words(self, hypothesis: Hypothesis, *, goes_on: bool) -> list[TranscribedWord]:
        """Return the words of a hypothesis, without times.

        If it `goes_on` from a prefix, what comes before its first space belongs to the prefix.
        """
        words: list[TranscribedWord] = []
        before, pending = 0.0, list[int]()
        sure = 1.0
        for token, score in zip(hypothesis.tokens, hypothesis.scores, strict=True):
            piece = self._tokenizer.id_to_token(token)
            if piece.startswith(SPACE) and pending:
                words.append(TranscribedWord(self.text(pending), 0.0, 0.0, sure))
                pending, sure = [], 1.0
            if piece.startswith(SPACE) or pending or not (goes_on and not words):
                pending.append(token)
                sure = min(sure, float(np.exp(score - before)))
            before = score
        if pending:
            words.append(TranscribedWord(self.text(pending), 0.0, 0.0, sure))
        return [word for word in words if word.text]

    def _no_cache(self, rows: int) -> dict[str, F32]:
        heads, values = CACHE
        return {name: np.zeros((rows, heads, 0, values), np.float32) for name in self._cache_names}

    def _step(
        self, tokens: Any, audio: dict[str, F32], cache: dict[str, F32]
    ) -> tuple[F32, dict[str, F32]]:
        """Return the logits after each of `tokens` [rows, n], and the longer cache.

        All rows hear the same audio, which has one row.
        """
        logits, *arrays = self._decoder.run(
            None, {"input_ids": np.asarray(tokens, np.int64), **audio, **cache}
        )
        return logits, dict(zip(self._cache_names, arrays, strict=True))


def load_tokenizer(data: bytes) -> Any:
    """Return the tokenizer of Moonshine's `tokenizer.bin`: its pieces, each after its length.

    The pieces are numbered by their rank in byte pair encoding, so the ranks of merges follow.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    pieces = list(_read_pieces(data))
    names = {f"<0x{i - 3:02X}>": i for i in range(3, BYTES)}
    names |= {piece.decode(): i for i, piece in enumerate(pieces) if not 3 <= i < BYTES}
    merges = []
    for piece in pieces[BYTES:]:
        text = piece.decode()
        halves = [(text[:cut], text[cut:]) for cut in range(1, len(text))]
        known = [half for half in halves if half[0] in names and half[1] in names]
        merges += sorted(known, key=lambda half: (names[half[0]], names[half[1]]))
    tokenizer = Tokenizer(
        models.BPE(names, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer


def _read_pieces(data: bytes) -> list[bytes]:
    pieces, at = [], 0
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128:
            length += 128 * data[at] - 128
            at += 1
        pieces.append(data[at : at + length])
        at += length
    return pieces


def _log_softmax(logits: F32) -> F32:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    found: F32 = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return found

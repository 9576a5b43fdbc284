"""Transcribes with faster-whisper's models, decoded for streaming.

Only the utterance's audio is encoded: precomputed encoder states of silence fill the rest of the
30 s that Whisper expects, at a third of the cost and equal accuracy.  They are computed once,
from 30 s that begin with a voice, because the decoder was trained on silence after speech.

A partial request is decoded greedily, and the probability of each word comes from the decoder's
logits.  A careful one is decoded by beam search, and its words are aligned with the audio.  In a
partial request, a few learnt positions replace those of the silence; they affect the bundled
model's decoder as all of them do (scripts/train/silence.py), and attention costs a quarter less
CPU.  Careful requests use all positions, because they would have 0.4 points more word errors.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import soundfile
import soxr

from voicecoach.errors import ConfigError, ModelError, ModelUnavailable
from voicecoach.language.understanding import MIN_JUDGED_WORDS, is_understood_alone
from voicecoach.shell.asr.loops import LOOP_TIMES, drop_echo, drop_loops, find_loop, say_after_loop
from voicecoach.shell.asr.model_places import BUNDLED, check_model_language, locate_model
from voicecoach.shell.asr.transcriber import (
    SpeechNotUnderstood,
    TranscribedWord,
    estimate_word_times,
)
from voicecoach.shell.runtime.languages import find_numbers
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource, silence_states
from voicecoach.types.stream import F32, SAMPLE_RATE

if TYPE_CHECKING:
    import ctranslate2

ENCODER_POSITIONS = 1500
"""Encoder positions, of 20 ms each, that the decoder expects."""
SILENCE_FROM = 160
"""First position of the precomputed silence that is used; the voice comes before it."""
VOICE_SPAN_S = (203.4, 205.4)
"""Part of the sample call: the voice before the silence.  A synthetic voice, or silence from the
start, costs a point of word errors on a telephone line (greedy: 7.7 against 6.7 %).
"""
WARM_UP_SPAN_S = (95.0, 116.0)
"""Part of the sample call: 90 words, as long as the longest request of a call."""
PADDING = int(0.3 * SAMPLE_RATE)
"""Silence after the audio, so that its last word is complete."""
BEAM, WIDE_BEAM = 5, 8
"""Beam width of a careful request, and of one that is searched more widely."""
NO_SPEECH = 0.6
"""A result with a higher no-speech probability is dropped."""
MIN_SCORE = -1.4
"""A result is dropped if its mean log-probability minus its no-speech probability is lower: of 105
clips of noise and music one passes, and of 108 clips of speech one is dropped.
"""
TOKENS_PER_S = 8
"""Most tokens per second: nobody speaks faster, so a longer result is a loop."""
LEAST_SURE_REST = 0.5
"""Least mean probability of the words that were said after a loop."""
LOOP_NGRAM = 3
"""Tokens in a row that are not repeated when the decoder is to leave a loop."""
CONTEXT_TOKENS = 120
"""Most tokens of vocabulary and context: the decoder has 448 positions in all."""


class Request(NamedTuple):
    """A careful request: its audio, how that was encoded, and the tokens before its text."""

    audio: F32
    states: ctranslate2.StorageView
    frames: int
    before: list[int]
    given: list[int]


class Assessment(NamedTuple):
    """How much of a result may be believed."""

    words: int
    """Number of words; 0 if there is no speech."""
    unlikely: bool
    """Whether it is noise; if it has many words, it may be speech that was not understood."""
    understood: bool
    """Whether it makes sense as words, as far as one recogniser can tell."""


class Whisper:
    """A Whisper model in CTranslate2 form, run by faster-whisper.

    Parameters
    ----------
    model
        A faster-whisper name, or a folder.
    language
        Language code, for multilingual models.
    vocabulary
        Names to expect.

    Raises
    ------
    ModelUnavailable
        If the name is known but the model is not installed and cannot be downloaded.
    ModelError
        If there is no such model, or its files are wrong.
    ConfigError
        If the model does not support the language.
    """

    def __init__(self, model: str, language: str, vocabulary: Sequence[str] = ()) -> None:
        found = locate_model(model)
        folder, self.skipped = found.folder, found.skipped
        """Places with another model than the one that was released, and what is wrong there."""
        self._numbers = find_numbers(language)
        import ctranslate2
        import faster_whisper
        from faster_whisper.tokenizer import Tokenizer

        self._storage = ctranslate2.StorageView
        try:
            self._model = faster_whisper.WhisperModel(
                folder, device="cpu", compute_type="int8", cpu_threads=1
            )
        except Exception as e:  # the hub's and CTranslate2's errors share no base class
            if Path(folder).is_dir():
                raise ModelError(
                    f"{folder}: not a Whisper model in CTranslate2 form: {_first_line(e)}"
                ) from e
            raise ModelUnavailable(
                f"the transcription model {model!r} is not on this machine and could not be "
                f"fetched: {_first_line(e)}"
            ) from e
        multilingual = self._model.model.is_multilingual
        check_model_language(model, language, multilingual)
        try:
            self._tokenizer = Tokenizer(
                self._model.hf_tokenizer,
                multilingual,
                task="transcribe" if multilingual else None,
                language=language if multilingual else None,
            )
        except ValueError as e:
            raise ConfigError(f"transcription.language: {_first_line(e)}") from e
        self._prompt = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        names = ", ".join(vocabulary)
        self._vocabulary = self._tokenizer.encode(f" {names}.") if names else []
        self._silence_states = self._encode_silence()
        self._learnt_silence = _load_learnt_silence() if model == BUNDLED else None
        self._wide = False
        """Whether the last request was searched more widely."""
        self._understood = True
        """Whether the likeliest of the last `hypotheses` makes sense as words."""

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return the words as `Transcriber.transcribe` does; none if there is no speech.

        Raises
        ------
        SpeechNotUnderstood
            If a careful request makes no sense as words.
        """
        if careful:
            texts = self.hypotheses(audio, prefix=prefix, context=context)
            if texts and not self._understood:
                raise SpeechNotUnderstood
            return self.place(texts[0]) if texts else []
        given = self._tokenizer.encode(f" {prefix}") if prefix else []
        self._voice, self._wide = self._encode_voice(audio), False
        states, _ = self._encoded(self._voice, hasty=True)
        seconds = len(audio) / SAMPLE_RATE
        before = [*self._context_tokens(context), *self._prompt]
        result = self._generate(states, before, given, seconds, careful=False)
        heard = self._assess(result, given)
        if not heard.words or heard.unlikely:
            return []
        tokens = self._text_tokens(result.sequences_ids[0][len(given) :])
        sure = _probabilities(result.logits[0][len(given) :], tokens)
        pieces = _join_pieces(self._pieces(tokens, sure), goes_on=bool(prefix))
        words = estimate_word_times(pieces, prefix, seconds)
        return drop_loops(words, self._numbers, audio, prefix)

    def hypotheses(
        self, audio: F32, *, prefix: str = "", context: str = "", wide: bool = False
    ) -> list[str]:
        """Return the likeliest texts of `audio`, as `JudgingModel.hypotheses` does."""
        given = self._tokenizer.encode(f" {prefix}") if prefix else []
        before = [*self._context_tokens(context), *self._prompt]
        self._voice, self._wide = self._encode_voice(audio), wide
        states, frames = self._encoded(self._voice)
        self._last = Request(audio, states, frames, before, given)
        result = self._generate(states, before, given, len(audio) / SAMPLE_RATE, careful=True)
        heard = self._assess(result, given)
        self._understood = heard.understood
        if not heard.words or (heard.unlikely and heard.words < MIN_JUDGED_WORDS):
            return []
        # A result begins with the prefix.
        tokens = [self._text_tokens(ids[len(given) :]) for ids in result.sequences_ids]
        texts = [self._tokenizer.decode(each).strip() for each in tokens]
        return [text for text in texts if text]

    def judge(self, texts: Sequence[str], *, prefix: str = "", ended: bool = True) -> list[float]:
        """Return the log-probability of texts, as `JudgingModel.judge` does.

        The few learnt positions do for this: on two calls the choice was as good with them, in
        0.6 of the time.  The end is not judged: CTranslate2 does not give its probability.
        """
        states, frames = self._encoded(self._voice, hasty=not self._wide)
        found = []
        for text in texts:
            tokens = self._tokenizer.encode(f" {prefix} {text}" if prefix else f" {text}")
            aligned = self._model.model.align(
                states, self._tokenizer.sot_sequence, [tokens], [frames]
            )[0]
            found.append(float(np.log(np.maximum(aligned.text_token_probs, 1e-9)).sum()))
        return found

    def place(self, text: str) -> list[TranscribedWord]:
        """Return the words of a text in the audio of the last `hypotheses`, with their times."""
        asked = self._last
        words = self._align_past_loop(self._tokenizer.encode(f" {text}"), asked)
        # The padding after the audio is not part of its last word.
        seconds = len(asked.audio) / SAMPLE_RATE
        words = [
            w._replace(start_s=min(w.start_s, seconds), end_s=min(w.end_s, seconds)) for w in words
        ]
        return drop_loops(words, self._numbers, asked.audio, self._tokenizer.decode(asked.given))

    def _assess(
        self, result: ctranslate2.models.WhisperGenerationResult, given: list[int]
    ) -> Assessment:
        """Return how much of a result after what is given may be believed."""
        text = self._tokenizer.decode(self._text_tokens(result.sequences_ids[0][len(given) :]))
        score, silence = result.scores[0], result.no_speech_prob
        count = 0 if silence > NO_SPEECH else len(text.split())
        unlikely = score - silence < MIN_SCORE
        return Assessment(count, unlikely, not unlikely and is_understood_alone(count, score))

    def _text_tokens(self, tokens: list[int]) -> list[int]:
        return [token for token in tokens if token < self._tokenizer.eot]

    def _align_past_loop(self, tokens: list[int], asked: Request) -> list[TranscribedWord]:
        """Return the words of `tokens`; if they end in a loop, with what was said after it.

        The decoder goes on after a few repeats, and may not repeat them again.
        """
        audio, states, frames, before, given = asked
        words = self._align(tokens, states, frames)
        texts = [word.text for word in words]
        loop = find_loop(texts, self._numbers)
        if not loop or len(texts) - loop.stop >= loop.size:
            return words
        few = " ".join(texts[: loop.start + loop.size * LOOP_TIMES])
        said = [*given, *self._tokenizer.encode(f" {few}")]
        seconds = len(audio) / SAMPLE_RATE
        result = self._generate(states, before, said, seconds, careful=True, leave_loop=True)
        more = self._text_tokens(result.sequences_ids[0][len(said) :])
        rest = drop_echo(self._tokenizer.decode(more).split(), texts, loop)
        if not rest:
            return words
        known = self._tokenizer.decode(given)
        whole = " ".join(say_after_loop(texts, loop, rest, audio, known))
        restored = self._align(self._tokenizer.encode(f" {whole}"), states, frames)
        sure = np.mean([word.probability for word in restored[-len(rest) :]])
        return restored if sure >= LEAST_SURE_REST else words

    def _generate(
        self,
        states: ctranslate2.StorageView,
        before: list[int],
        given: list[int],
        seconds: float,
        *,
        careful: bool,
        leave_loop: bool = False,
    ) -> ctranslate2.models.WhisperGenerationResult:
        """Return what the decoder makes of encoder states after `given`, itself included."""
        prompt, beam = [*before, *given], WIDE_BEAM if self._wide else BEAM
        longest = _most_tokens(seconds)
        return self._model.model.generate(
            states,
            [prompt],
            beam_size=beam if careful else 1,
            num_hypotheses=beam if careful and not leave_loop else 1,
            # CTranslate2 subtracts the prompt from this, and generates at most half of it.
            max_length=min(448, max(2 * longest, len(prompt) + longest)),
            no_repeat_ngram_size=LOOP_NGRAM if leave_loop else 0,
            # After a prefix there may be nothing: if forced to continue, the decoder invents words.
            suppress_blank=not given,
            suppress_tokens=[-1],
            return_scores=True,
            return_no_speech_prob=True,
            return_logits_vocab=not careful,
        )[0]

    def warm_up(self) -> None:
        """Transcribe the longest possible request, so that memory reaches its maximum now."""
        talk, said = _sample_call_audio(*WARM_UP_SPAN_S), ""
        for careful in (True, False) * 2:
            said = " ".join(w.text for w in self.transcribe(talk, context=said, careful=careful))

    def restart(self) -> None:
        """Do nothing: each request brings its own audio."""

    def align(self, audio: F32, text: str) -> list[TranscribedWord]:
        """Return the words of a text spoken in `audio`, with their times."""
        states, frames = self._encoded(self._encode_voice(audio))
        return self._align(self._tokenizer.encode(f" {text}"), states, frames)

    def _context_tokens(self, context: str) -> list[int]:
        """Return the tokens of the context, after those of the vocabulary."""
        vocabulary = self._vocabulary[:CONTEXT_TOKENS]
        said = self._tokenizer.encode(f" {context}") if context else []
        room = CONTEXT_TOKENS - len(vocabulary)
        tokens = [*vocabulary, *(said[-room:] if room else [])]
        return [self._tokenizer.sot_prev, *tokens] if tokens else []

    def _pieces(self, tokens: list[int], probabilities: list[float]) -> list[TranscribedWord]:
        """Return the pieces of `tokens` without times, each with its lowest token probability."""
        texts, groups = self._tokenizer.split_to_word_tokens(tokens)
        pieces, at = [], 0
        for text, group in zip(texts, groups, strict=True):
            sure = min(probabilities[at : at + len(group)], default=0.0)
            pieces.append(TranscribedWord(text, 0.0, 0.0, sure))
            at += len(group)
        return pieces

    def _encode_voice(self, audio: F32) -> F32:
        """Return the encoder states of `audio` and a little silence."""
        padded = np.zeros(-(-(len(audio) + PADDING) // 320) * 320, np.float32)
        padded[: len(audio)] = audio
        return self._encode_states(padded)

    def _encoded(self, voice: F32, *, hasty: bool = False) -> tuple[ctranslate2.StorageView, int]:
        """Return encoder states followed by those of silence, and the voice's mel frames."""
        n = voice.shape[1]
        rest = self._silence_states[:, max(n, SILENCE_FROM) :]
        if hasty and self._learnt_silence is not None:
            rest = self._learnt_silence
        whole = np.concatenate([voice, rest], axis=1)
        return self._storage.from_array(np.ascontiguousarray(whole)), 2 * n

    def _encode_states(self, audio: F32) -> F32:
        mel = self._model.feature_extractor(audio, padding=0)
        mel = np.ascontiguousarray(mel[None, :, : 2 * (mel.shape[1] // 2)], np.float32)
        return np.array(self._model.model.encode(self._storage.from_array(mel), to_cpu=True))

    def _encode_silence(self) -> F32:
        """Return the encoder states of 30 s: a voice on a telephone, then silence."""
        audio = np.zeros(ENCODER_POSITIONS * 320, np.float32)
        heard = _sample_call_audio(*VOICE_SPAN_S)
        audio[: len(heard)] = heard
        return self._encode_states(audio)

    def _align(
        self, tokens: list[int], states: ctranslate2.StorageView, frames: int
    ) -> list[TranscribedWord]:
        """Return the words of `tokens` with their times, from the decoder's attention."""
        pieces: list[dict[str, Any]] = self._model.find_alignment(
            self._tokenizer, [tokens], states, frames
        )[0]
        words = _join_pieces(
            [
                TranscribedWord(
                    p["word"], float(p["start"]), float(p["end"]), float(p["probability"])
                )
                for p in pieces
            ]
        )
        while words and words[-1].end_s <= words[-1].start_s:
            words.pop()  # words for which the alignment finds no sound come from a loop
        return words


def _most_tokens(seconds: float) -> int:
    """Return the most tokens of which a text of that length is no loop."""
    return 6 + int(TOKENS_PER_S * seconds)


def _sample_call_audio(start_s: float, stop_s: float) -> F32:
    """Return a part of the agent's speech in the sample call."""
    with soundfile.SoundFile(resource("samples", SAMPLE_CALL)) as file:
        rate = file.samplerate
        file.seek(int(start_s * rate))
        heard = file.read(int((stop_s - start_s) * rate), dtype="float32", always_2d=True)[:, 0]
    return np.asarray(soxr.resample(heard, rate, SAMPLE_RATE), np.float32)


def _load_learnt_silence() -> F32:
    """Return the learnt states that replace those of the silence, [1, positions, width]."""
    with np.load(io.BytesIO(silence_states().data), allow_pickle=False) as file:
        return np.asarray(file["silence"], np.float32)[None]


def _join_pieces(pieces: list[TranscribedWord], *, goes_on: bool = False) -> list[TranscribedWord]:
    """Join pieces into words; a piece without a leading space continues the previous word.

    "8 a" + ".m" is one word; if the text `goes_on`, a first ".m" belongs to the word before the
    text, and is left out.
    """
    words: list[TranscribedWord] = []
    for piece in pieces:
        text = piece.text.strip()
        if piece.text.startswith(" ") or not (words or goes_on):
            words += [piece._replace(text=text)] if text else []
        elif words:
            last = words.pop()
            sure = min(last.probability, piece.probability)
            doubtful = last.doubtful or piece.doubtful
            words.append(
                TranscribedWord(last.text + text, last.start_s, piece.end_s, sure, doubtful)
            )
    return words


def _probabilities(logits: list[Any], tokens: list[int]) -> list[float]:
    """Return the probability of each token, given those before it."""
    found = []
    for row, token in zip(logits, tokens, strict=False):
        odds = np.array(row).reshape(-1)
        odds = np.exp(odds - odds.max())
        found.append(float(odds[token] / odds.sum()))
    return found


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

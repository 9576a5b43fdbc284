"""A transcriber of two recognisers that judge each other, each in a process of its own.

Whisper (the first) and Moonshine (the second) hear every request at the same time.  Where
they differ each judges the other's text, and `joint_choice` chooses.  A word that both find
likeliest then is `agreed`; a word that won by little is doubtful.

The second opinion is given up before anything else.  While the machine is behind, or the second
recogniser loads, has failed or does not answer in time, the first one works alone, as it would
without the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from voicecoach.config import Config, override_config
from voicecoach.errors import ModelUnavailable, VoiceCoachError
from voicecoach.language.pack import Language
from voicecoach.language.phrases import normalize_text
from voicecoach.language.understanding import is_understood
from voicecoach.language.vocabulary import texts_with_names
from voicecoach.shell.asr.joint_choice import (
    candidate_texts,
    choose,
    heard_by,
    same_words,
    whole_texts,
)
from voicecoach.shell.asr.model_inventory import why_first_alone
from voicecoach.shell.asr.moonshine_files import Progress, ignore_progress, moonshine_folder
from voicecoach.shell.asr.transcriber import (
    RecogniserFailed,
    SpeechNotUnderstood,
    TranscribedWord,
    estimate_word_times,
)
from voicecoach.shell.asr.worker_process import (
    CAREFUL_TIMEOUT_S,
    MOONSHINE,
    TranscriberProcess,
    answer_limit,
)
from voicecoach.shell.runtime.languages import find_language
from voicecoach.types.stream import F32, SAMPLE_RATE

SECOND_LATE_S = 2.0
"""Seconds that a request waits for the second recogniser after the first has answered."""
RESTARTS = 2
"""How often in a row the second recogniser is restarted before it is given up for good."""
LEAST_SURE = 0.75
"""A word of a lower probability is doubtful: on two calls, nearly half of them are wrong."""
MOST_SURE = 0.98
"""Probability of a word on which all judged texts agree: 2 in 100 of them are wrong."""
NEGLIGIBLE = 1e-3
"""Texts of a lower probability are left out."""
T = TypeVar("T")


class Chosen(NamedTuple):
    """A text that was chosen, and what each recogniser by itself found likeliest."""

    text: str
    first: str
    second: str
    texts: list[tuple[str, float]]
    """The texts that were judged, each with its probability."""


def open_transcriber(
    config: Config, *, live: bool = False, progress: Progress = ignore_progress
) -> TranscriberProcess | RecogniserPair:
    """Return the transcriber that a configuration names: a pair, where the second model is here.

    Its `note` says why there is no second recogniser if its model is here but cannot be used.
    In a `live` session the models are warmed up, and a second one that is late is left out; a
    replay waits for it, so that a recording has the same words however busy the machine is.
    `progress` is called if the model is converted.
    """
    settings = config.transcription
    if not settings.second or why_first_alone(settings):
        return TranscriberProcess.from_config(config, rehearse=live)
    try:
        folder = str(moonshine_folder(progress))
    except ModelUnavailable as e:
        first = TranscriberProcess.from_config(config, rehearse=live)
        first.note = f"words are heard by one recogniser: {e}"
        return first
    # Told of names, Whisper finds more of them and mishears more other words; two recognisers judge
    # names where they may have been said (scripts/bench/names.py).
    unprompted = override_config(config, "transcription.vocabulary", ())
    first = TranscriberProcess.from_config(unprompted, rehearse=live)
    second = TranscriberProcess(
        folder,
        settings.language,
        engine=MOONSHINE,
        rehearse=live,
        answer_s=answer_limit(settings, live=live),
    )
    return RecogniserPair(first, second, find_language(settings.language), live=live)


class RecogniserPair:
    """A `Transcriber` that asks two recognisers.

    Parameters
    ----------
    first
        Whisper's process; without it there are no words.
    second
        Moonshine's process.
    language
        How numbers are spoken, to compare what the two wrote, and which words are offensive.
    live
        Whether a second recogniser that is late, or loads, is left out; a replay waits for it.
    """

    def __init__(
        self,
        first: TranscriberProcess,
        second: TranscriberProcess,
        language: Language,
        *,
        live: bool = False,
    ) -> None:
        self._first, self._second, self._live = first, second, live
        self._numbers, self._offensive = language.numbers, language.offensive
        self._late_s = SECOND_LATE_S if live else 2 * CAREFUL_TIMEOUT_S
        self._pool = ThreadPoolExecutor(1, "second recogniser")
        self._loading: Future[None] | None = self._pool.submit(second.wait_until_ready)
        self._sparing = self._thorough = False
        self._failures = 0
        """How often in a row the second recogniser failed."""
        self._notice = ""

    @property
    def note(self) -> str:
        """What the user should know once the models are loaded."""
        return "; ".join(note for note in (self._first.note, self._second.note) if note)

    def wait_until_ready(self) -> None:
        """Wait until both models are loaded; without the second one the first works alone."""
        self._first.wait_until_ready()
        self._has_loaded(wait=True)

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return the words, as `transcriber.Transcriber` does."""
        return self.transcribe_jointly(
            audio, prefix=prefix, context=context, careful=careful, committed="", vocabulary=()
        )

    def transcribe_jointly(
        self,
        audio: F32,
        *,
        prefix: str,
        context: str,
        careful: bool,
        committed: str,
        vocabulary: Sequence[str],
    ) -> list[TranscribedWord]:
        """Return the words, as `transcriber.JointTranscriber` does."""
        if self._sparing or not self._has_loaded(wait=not self._live):
            return self._first.transcribe(audio, prefix=prefix, context=context, careful=careful)
        if careful:
            return self._transcribe_carefully(audio, committed, vocabulary)
        return self._transcribe_early(audio, prefix, context, vocabulary)

    def set_sparing(self, sparing: bool) -> None:
        """Leave the second recogniser out from the next request on, or ask it again."""
        self._sparing = sparing

    def set_thorough(self, thorough: bool) -> None:
        """Search more widely from the next careful request on, or as before."""
        self._thorough = thorough

    def drain_notice(self) -> str:
        """Return what became of the second recogniser, once."""
        notice, self._notice = self._notice, ""
        return notice

    def restart(self) -> None:
        """Restart the first recogniser; the second is restarted when it fails."""
        self._first.restart()

    def close(self) -> None:
        """End both processes."""
        self._first.close()
        self._second.close()
        self._pool.shutdown(cancel_futures=True)

    def _transcribe_early(
        self, audio: F32, prefix: str, context: str, names: Sequence[str]
    ) -> list[TranscribedWord]:
        """Return the words of audio that ends in mid-speech."""
        asked = self._pool.submit(self._second.transcribe, audio, prefix=prefix)
        words = self._first.transcribe(audio, prefix=prefix, context=context)
        heard = self._second_answer(asked)
        if heard is None or not words:  # the first one tells speech from noise
            return words
        mine, yours = (" ".join(word.text for word in some) for some in (words, heard))
        chosen = None
        if yours:
            chosen = self._choose([mine], [yours], prefix=prefix, ended=False, names=names)
        if chosen is None:
            return words
        if chosen.text != mine:
            words = [TranscribedWord(word, 0.0, 0.0, 0.0) for word in chosen.text.split()]
            words = estimate_word_times(words, prefix, len(audio) / SAMPLE_RATE)
        return self._mark(words, chosen)

    def _transcribe_carefully(
        self, audio: F32, committed: str, names: Sequence[str]
    ) -> list[TranscribedWord]:
        """Return the words of audio that ends in silence.

        Raises
        ------
        SpeechNotUnderstood
            If the two make different words of it, none of them likely.
        """
        asked = self._pool.submit(self._second.hypotheses, audio, wide=self._thorough)
        mine = self._first.hypotheses(audio, wide=self._thorough)
        yours = self._second_answer(asked)
        if not mine:
            return []
        if self._thorough and yours:
            mine, yours = whole_texts(mine), whole_texts(yours)
        chosen = self._choose(mine, yours, committed=committed, names=names) if yours else None
        if chosen is None:
            return self._first.transcribe(audio, careful=True)
        return self._mark(self._first.place(chosen.text), chosen)

    def _choose(
        self,
        mine: list[str],
        yours: list[str],
        *,
        prefix: str = "",
        ended: bool = True,
        committed: str = "",
        names: Sequence[str] = (),
    ) -> Chosen | None:
        """Return the text that both together find likeliest; None if the second one fails."""
        if same_words(mine[0], yours[0], self._numbers, committed):
            only = mine[0]
            if not texts_with_names(only, names):
                return Chosen(only, only, only, [(only, 1.0)])
            mine = yours = [only]
        texts = candidate_texts(mine, yours, self._numbers, committed, names)
        shown, raw = zip(*texts, strict=True)
        asked = self._pool.submit(self._second.judge, raw, prefix=prefix, ended=ended)
        scores = self._first.judge(shown, prefix=prefix, ended=ended)
        second_scores = self._second_answer(asked)
        if second_scores is None:
            return None
        if ended:
            best = 1 if raw[1:2] == (yours[0],) else 0  # else it has the words of the first's best
            of_first, of_second = ((scores[i], second_scores[i]) for i in (0, best))
            if not is_understood(mine[0], yours[0], of_first, of_second, self._numbers):
                raise SpeechNotUnderstood
        choice = choose(
            shown, scores, second_scores, self._numbers, committed, self._offensive, names
        )
        return Chosen(
            shown[choice.joint],
            shown[choice.first],
            shown[choice.second],
            [x for x in zip(shown, choice.shares, strict=True) if x[1] > NEGLIGIBLE],
        )

    def _mark(self, words: list[TranscribedWord], chosen: Chosen) -> list[TranscribedWord]:
        """Return words with their probability: that of all judged texts which have them.

        Those that each recogniser by itself found likeliest are agreed.
        """
        spoken = [word.text for word in words]
        by_first, by_second = (
            heard_by(spoken, text, self._numbers) for text in (chosen.first, chosen.second)
        )
        sure = np.zeros(len(words))
        for text, share in chosen.texts:
            sure += share * np.array(heard_by(spoken, text, self._numbers), float)
        marked = []
        for word, p, first, second in zip(words, sure, by_first, by_second, strict=True):
            agreed = first and second
            rude = normalize_text(word.text) in self._offensive
            marked.append(
                word._replace(
                    probability=min(float(p), MOST_SURE),
                    doubtful=bool(p < LEAST_SURE) or (rude and not agreed),
                    agreed=agreed,
                )
            )
        return marked

    def _second_answer(self, answer: Future[T]) -> T | None:
        """Return what the second recogniser answers; None if it fails, and is restarted."""
        try:
            found = answer.result(self._late_s)
        except TimeoutError:
            self._on_second_failed(RecogniserFailed(f"no answer within {self._late_s:.0f} s"))
        except Exception as e:  # whatever it raises, the first one's words are there
            self._on_second_failed(e)
        else:
            self._failures = 0
            return found
        return None

    def _has_loaded(self, *, wait: bool) -> bool:
        """Return whether the second recogniser is loaded; `wait` until it is, or has failed."""
        while self._loading and (wait or self._loading.done()):
            try:
                self._loading.result()
            except Exception as e:  # whatever it raises, the first one works
                self._on_second_failed(e)
            else:
                self._loading = None
        return self._loading is None and self._failures <= RESTARTS

    def _on_second_failed(self, error: Exception) -> None:
        self._failures += 1
        reason = str(error) if isinstance(error, RecogniserFailed | VoiceCoachError) else "failed"
        if self._failures > RESTARTS or isinstance(error, VoiceCoachError):
            self._failures = RESTARTS + 1
            self._notice = f"words are heard by one recogniser: the second one failed ({reason})"
            self._loading = None
            self._second.close()
        else:
            self._notice = f"the second recogniser failed ({reason}) and was restarted"
            self._second.restart()
            self._loading = self._pool.submit(self._second.wait_until_ready)
